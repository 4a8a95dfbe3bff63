//! How devices of one process reach each other: an inbox for each, addresses, and waking.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rnic_core::env::{Delivered, NeighbourId};
use rnic_core::segment::Segment;
use rnic_net::fabric::Wake;
use rnic_wire::{Gid, MacAddr};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Segments that an inbox holds; a sender keeps what finds no room.
const INBOX: usize = 1024;

/// Wakes a worker that sleeps, and costs one load while it does not.
///
/// A sender puts something where the worker looks and then calls [`Waker::wake`]. The worker
/// says that it sleeps ([`Waker::sleep`]) and then looks once more. Both are sequentially
/// consistent, so one of the two sees the other.
pub struct Waker {
    event: EventFd,
    asleep: AtomicBool,
}

impl Waker {
    /// A waker of a worker that is awake.
    ///
    /// # Errors
    /// If the host has no descriptor for it.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            event: EventFd::new(EFD_NONBLOCK)?,
            asleep: AtomicBool::new(false),
        })
    }

    /// The worker is about to sleep; it looks for work after this and before it does.
    pub fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }

    /// The worker is awake.
    pub fn awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Takes the event that woke the worker.
    pub fn take(&self) {
        // Empty when another wait took it already.
        let _ = self.event.read();
    }

    /// Readable when the worker is to wake.
    pub fn fd(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    /// Wakes the worker if it sleeps.
    pub fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            // It fails only when the count is at its maximum: then it is readable anyway.
            let _ = self.event.write(1);
        }
    }
}

/// For a fabric, which wakes by trait.
pub struct PortWaker(pub Arc<Waker>);

impl Wake for PortWaker {
    fn wake(&self) {
        self.0.wake();
    }
}

struct Neighbour {
    inbox: Mutex<VecDeque<Box<Segment>>>,
    /// Segments in it, to look at without the lock.
    length: AtomicUsize,
    up: AtomicBool,
    waker: Arc<Waker>,
    mac: MacAddr,
}

/// The devices of a daemon, as they see each other.
pub struct Neighbours {
    all: Vec<Neighbour>,
    addresses: RwLock<HashMap<Gid, NeighbourId>>,
    segments: bool,
}

impl Neighbours {
    /// Devices, each with the waker of its worker and its address. Without `segments` nobody has a
    /// neighbour.
    #[must_use]
    pub fn new(devices: Vec<(Arc<Waker>, MacAddr)>, segments: bool) -> Self {
        let neighbour = |(waker, mac)| Neighbour {
            inbox: Mutex::default(),
            length: AtomicUsize::new(0),
            up: AtomicBool::new(true),
            waker,
            mac,
        };
        Self {
            all: devices.into_iter().map(neighbour).collect(),
            addresses: RwLock::default(),
            segments,
        }
    }

    fn neighbour(&self, id: NeighbourId) -> Option<&Neighbour> {
        self.all.get(usize::try_from(id.0).ok()?)
    }

    /// The Ethernet address of a device.
    #[must_use]
    pub fn mac(&self, id: NeighbourId) -> Option<MacAddr> {
        self.neighbour(id).map(|neighbour| neighbour.mac)
    }

    /// The device that answers at `ip`, if its link is up.
    #[must_use]
    pub fn at(&self, ip: Gid) -> Option<NeighbourId> {
        if !self.segments {
            return None;
        }
        let addresses = self
            .addresses
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let id = addresses.get(&ip).copied()?;
        self.is_up(id).then_some(id)
    }

    /// Device `id` answers at these addresses and at no others. One that another device has
    /// stays with that.
    pub fn set_addresses(&self, id: NeighbourId, own: &[Gid]) {
        let mut addresses = self
            .addresses
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.retain(|ip, at| *at != id || own.contains(ip));
        for ip in own {
            if *addresses.entry(*ip).or_insert(id) != id {
                log::warn!("{ip:?} is the address of another device of this daemon too");
            }
        }
    }

    /// Takes a device's link up or down.
    pub fn set_up(&self, id: NeighbourId, up: bool) {
        if let Some(neighbour) = self.neighbour(id) {
            neighbour.up.store(up, Ordering::SeqCst);
        }
    }

    fn is_up(&self, id: NeighbourId) -> bool {
        let neighbour = self.neighbour(id);
        neighbour.is_some_and(|n| n.up.load(Ordering::SeqCst))
    }

    /// Puts a segment of device `from` in an inbox.
    pub fn deliver(
        &self,
        from: NeighbourId,
        to: NeighbourId,
        mut segment: Box<Segment>,
    ) -> Delivered {
        let Some(neighbour) = self.neighbour(to) else {
            return Delivered::Gone;
        };
        if !self.is_up(from) || !self.is_up(to) {
            return Delivered::Gone;
        }
        segment.source = from;
        let mut inbox = neighbour
            .inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if inbox.len() >= INBOX {
            return Delivered::Full(segment);
        }
        inbox.push_back(segment);
        neighbour.length.store(inbox.len(), Ordering::SeqCst);
        drop(inbox);
        neighbour.waker.wake();
        Delivered::Ok
    }

    /// Whether device `id` has segments.
    #[must_use]
    pub fn has_segments(&self, id: NeighbourId) -> bool {
        let neighbour = self.neighbour(id);
        neighbour.is_some_and(|n| n.length.load(Ordering::SeqCst) > 0)
    }

    /// The next segment for device `id`.
    #[must_use]
    pub fn take(&self, id: NeighbourId) -> Option<Box<Segment>> {
        let neighbour = self.neighbour(id)?;
        if neighbour.length.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut inbox = neighbour
            .inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let segment = inbox.pop_front();
        neighbour.length.store(inbox.len(), Ordering::SeqCst);
        segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rnic_core::segment::{Body, Lease};
    use rnic_wire::Qpn;

    fn pair(segments: bool) -> Neighbours {
        let waker = || (Arc::new(Waker::new().unwrap()), MacAddr::ZERO);
        Neighbours::new(vec![waker(), waker()], segments)
    }

    fn segment() -> Box<Segment> {
        Box::new(Segment {
            source: NeighbourId(77),
            destination_qpn: Qpn::GSI,
            source_gid: Gid([1; 16]),
            destination_gid: Gid([2; 16]),
            lease: Lease::new(),
            epoch: Lease::new(),
            body: Body::Cm(Box::new([0; 256])),
        })
    }

    const A: NeighbourId = NeighbourId(0);
    const B: NeighbourId = NeighbourId(1);

    #[test]
    fn addresses_lead_to_devices_until_they_are_taken_back() {
        let neighbours = pair(true);
        let (one, two) = (Gid([1; 16]), Gid([2; 16]));
        neighbours.set_addresses(A, &[one]);
        neighbours.set_addresses(B, &[two, one]);
        assert_eq!((neighbours.at(one), neighbours.at(two)), (Some(A), Some(B)));
        neighbours.set_addresses(A, &[]);
        assert_eq!((neighbours.at(one), neighbours.at(two)), (None, Some(B)));
        neighbours.set_up(B, false);
        assert_eq!(neighbours.at(two), None);
        let alone = pair(false);
        alone.set_addresses(A, &[one]);
        assert_eq!(alone.at(one), None);
    }

    #[test]
    fn segments_arrive_in_order_with_their_source_until_the_inbox_is_full() {
        let neighbours = pair(true);
        for _ in 0..INBOX {
            assert!(matches!(neighbours.deliver(A, B, segment()), Delivered::Ok));
        }
        assert!(matches!(
            neighbours.deliver(A, B, segment()),
            Delivered::Full(_)
        ));
        assert!(neighbours.has_segments(B) && !neighbours.has_segments(A));
        assert_eq!(neighbours.take(B).unwrap().source, A);
        assert!(matches!(neighbours.deliver(A, B, segment()), Delivered::Ok));
        neighbours.set_up(A, false);
        assert!(matches!(
            neighbours.deliver(A, B, segment()),
            Delivered::Gone
        ));
        assert!(matches!(
            neighbours.deliver(A, NeighbourId(2), segment()),
            Delivered::Gone
        ));
    }

    #[test]
    fn a_worker_is_woken_when_it_sleeps_and_only_then() {
        let waker = Waker::new().unwrap();
        waker.wake();
        assert!(waker.event.read().is_err(), "awake: nothing to read");
        waker.sleep();
        waker.wake();
        waker.wake();
        assert_eq!(waker.event.read().unwrap(), 1, "woken once");
        waker.sleep();
        waker.awake();
        waker.wake();
        assert!(waker.event.read().is_err());
    }
}
