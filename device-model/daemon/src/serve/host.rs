//! What a device needs from its host, as the daemon has it: [`Host`] is one device's [`Env`].

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use rnic_core::dma::SharedMemory;
use rnic_core::env::{Delivered, Env, Nanos, NeighbourId, PortInfo, Sent};
use rnic_core::fault::{Fault, FaultPlan, Site};
use rnic_core::segment::Segment;
use rnic_net::fabric::{self, FabricPort};
use rnic_wire::{Gid, MacAddr};

use super::neighbours::Neighbours;

/// Where a client wants to hear of interrupts.
#[derive(Debug, Default)]
pub struct Vectors {
    events: Vec<Option<File>>,
}

impl Vectors {
    /// `count` vectors that nobody listens to.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let mut events = Vec::new();
        events.resize_with(count, || None);
        Self { events }
    }

    /// Connects a vector, or disconnects it.
    ///
    /// # Errors
    /// If the descriptor is no eventfd: writing to anything else could hold the worker.
    pub fn connect(&mut self, vector: usize, event: Option<OwnedFd>) -> io::Result<()> {
        if let Some(event) = &event {
            check_eventfd(event)?;
        }
        if let Some(entry) = self.events.get_mut(vector) {
            *entry = event.map(File::from);
        }
        Ok(())
    }

    /// Signals a vector. Numbers past the last wrap around, as those of MSI do when software
    /// gave the function fewer messages (PCI Express 6.1.4.2).
    pub fn signal(&self, vector: usize) {
        let index = vector.checked_rem(self.events.len()).unwrap_or(0);
        if let Some(Some(event)) = self.events.get(index)
            && let Err(error) = (&*event).write(&1u64.to_ne_bytes())
            // The count is at its maximum: the client has yet to take the last one.
            && error.kind() != io::ErrorKind::WouldBlock
        {
            log::warn!("interrupt {vector} cannot be signalled: {error}");
        }
    }
}

fn check_eventfd(event: &OwnedFd) -> io::Result<()> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", event.as_raw_fd()))?;
    if link.as_os_str() == "anon_inode:[eventfd]" {
        return Ok(());
    }
    let what = format!("interrupts go to eventfds, and {} is none", link.display());
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// The host's side of one device.
pub struct Host {
    /// The device's number.
    pub id: NeighbourId,
    /// Doorbell memory.
    pub doorbells: SharedMemory,
    /// A client can store to it.
    pub mapped: bool,
    /// Interrupts.
    pub vectors: Vectors,
    /// The port's description. Whether it is up is the fabric's to say.
    pub port: PortInfo,
    /// The port.
    pub fabric: FabricPort,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// A frame that the next one overtakes.
    pub late: Option<Vec<u8>>,
    /// The other devices.
    pub neighbours: Arc<Neighbours>,
    /// The start of the clock.
    pub start: Instant,
}

impl Host {
    /// The byte offset of a doorbell word. Past the end there is no memory, and the accesses
    /// below do nothing.
    const fn word(word: u32) -> u64 {
        word as u64 * 8
    }

    /// What the fault plan makes of a frame: the frames that go on, in their order.
    pub fn damage(&mut self, site: Site, frame: &[u8]) -> Vec<Vec<u8>> {
        let mut frame = frame.to_vec();
        let mut out = Vec::new();
        match self.faults.consult(site) {
            None | Some(Fault::Fail) => out.push(frame),
            Some(Fault::Drop) => {}
            Some(Fault::Duplicate) => out.extend([frame.clone(), frame]),
            Some(Fault::Corrupt) => {
                let middle = frame.len() / 2;
                if let Some(byte) = frame.get_mut(middle) {
                    *byte ^= 1;
                }
                out.push(frame);
            }
            Some(Fault::Reorder) => {
                out.extend(self.late.replace(frame));
                return out;
            }
            Some(Fault::Mark) => {
                mark_congestion(&mut frame);
                out.push(frame);
            }
        }
        out.extend(self.late.take());
        out
    }
}

/// Sets Congestion Experienced (RFC 3168 section 5) in an IPv4 or IPv6 header, and mends the
/// IPv4 header's checksum.
fn mark_congestion(frame: &mut [u8]) {
    let (ethernet, packet) = frame.split_at_mut(14.min(frame.len()));
    match ethernet.get(12..14) {
        Some([0x08, 0x00]) => {
            let Some([_, traffic]) = packet.first_chunk_mut::<2>() else {
                return;
            };
            let before = *traffic;
            *traffic |= 3;
            let added = *traffic - before;
            if let Some([high, low]) = packet.get_mut(10..12) {
                // RFC 1624: the sum changes by what the word changes by.
                let sum = !u16::from_be_bytes([*high, *low]);
                let (sum, carry) = sum.overflowing_add(u16::from(added));
                [*high, *low] = (!(sum + u16::from(carry))).to_be_bytes();
            }
        }
        Some([0x86, 0xdd]) => {
            if let Some(byte) = packet.get_mut(1) {
                *byte |= 0x30;
            }
        }
        _ => {}
    }
}

impl Env for Host {
    fn now(&self) -> Nanos {
        Nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn doorbell(&self, word: u32) -> u64 {
        let loaded = self.doorbells.load_acquire_u64(Self::word(word));
        loaded.unwrap_or(0)
    }

    fn set_doorbell(&mut self, word: u32, value: u64) {
        let _ = self.doorbells.store_release_u64(Self::word(word), value);
    }

    fn take_summary(&mut self, word: u32) -> u64 {
        // Mostly zero: a load leaves the cache line shared, a swap would take it from the driver.
        if self.doorbell(word) == 0 {
            return 0;
        }
        self.doorbells.swap_u64(Self::word(word), 0).unwrap_or(0)
    }

    fn doorbells_mapped(&self) -> bool {
        self.mapped
    }

    fn transmit(&mut self, frame: &[u8]) -> Sent {
        let translate = |sent| match sent {
            fabric::Sent::Ok => Sent::Ok,
            fabric::Sent::Full => Sent::Full,
        };
        if self.faults.is_empty() {
            return translate(self.fabric.send(frame));
        }
        for frame in self.damage(Site::FrameOut, frame) {
            // A full port loses it: the fault was consulted once and must not be again.
            let _ = self.fabric.send(&frame);
        }
        Sent::Ok
    }

    fn neighbour(&self, ip: Gid) -> Option<NeighbourId> {
        self.neighbours.at(ip)
    }

    fn deliver(&mut self, to: NeighbourId, segment: Box<Segment>) -> Delivered {
        self.neighbours.deliver(self.id, to, segment)
    }

    fn records(&self) -> bool {
        self.fabric.is_recorded()
    }

    fn record(&mut self, frame: &[u8]) {
        self.fabric.record(frame);
    }

    fn neighbour_mac(&self, id: NeighbourId) -> Option<MacAddr> {
        self.neighbours.mac(id)
    }

    fn raise(&mut self, vector: u16) {
        self.vectors.signal(usize::from(vector));
    }

    fn fault(&mut self, site: Site) -> Option<Fault> {
        match site {
            // Done at the port, for all frames alike.
            Site::FrameIn | Site::FrameOut => None,
            Site::Dma | Site::Command | Site::Completion | Site::Interrupt => {
                self.faults.consult(site)
            }
        }
    }

    fn port(&self) -> PortInfo {
        PortInfo {
            up: self.fabric.is_up(),
            ..self.port
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rnic_core::fault::Rule;
    use rnic_net::fabric::Fabric;

    use crate::serve::neighbours::{PortWaker, Waker};

    #[test]
    fn only_eventfds_hear_of_interrupts() {
        let mut vectors = Vectors::new(32);
        let file = File::open("/dev/null").unwrap();
        let error = vectors.connect(0, Some(file.into())).unwrap_err();
        assert!(error.to_string().contains("/dev/null"), "{error}");
        vectors.signal(3);
        vectors.signal(1000);
        Vectors::new(0).signal(0);
    }

    fn host(rules: Vec<Rule>) -> Host {
        let waker = Arc::new(Waker::new().unwrap());
        let wakers = vec![Box::new(PortWaker(Arc::clone(&waker))) as _];
        Host {
            id: NeighbourId(0),
            doorbells: SharedMemory::new(4096).unwrap(),
            mapped: true,
            vectors: Vectors::new(1),
            port: PortInfo {
                up: true,
                mtu: 1500,
                speed_mbps: 1,
            },
            fabric: Fabric::build(wakers, Arc::default()).unwrap().remove(0),
            faults: FaultPlan::new(1, rules),
            late: None,
            neighbours: Arc::new(Neighbours::new(vec![(waker, MacAddr::ZERO)], true)),
            start: Instant::now(),
        }
    }

    #[test]
    fn faults_of_frames() {
        let once = |fault| Rule {
            site: Site::FrameIn,
            fault,
            after: 0,
            every: 0,
            times: Some(1),
            per_million: None,
        };
        for (fault, first, second) in [
            (Fault::Drop, vec![], vec![vec![2; 4]]),
            (Fault::Duplicate, vec![vec![1; 4]; 2], vec![vec![2; 4]]),
            (Fault::Corrupt, vec![vec![1, 1, 0, 1]], vec![vec![2; 4]]),
            (Fault::Reorder, vec![], vec![vec![2; 4], vec![1; 4]]),
        ] {
            let mut host = host(vec![once(fault)]);
            assert_eq!(host.damage(Site::FrameIn, &[1; 4]), first, "{fault:?}");
            assert_eq!(host.damage(Site::FrameIn, &[2; 4]), second, "{fault:?}");
        }
    }

    #[test]
    fn doorbell_words_past_the_end_are_nothing() {
        let mut host = host(vec![]);
        host.set_doorbell(511, 7);
        assert_eq!(host.doorbell(511), 7);
        assert_eq!(host.take_summary(511), 7);
        assert_eq!(host.take_summary(511), 0);
        for word in [512, u32::MAX] {
            host.set_doorbell(word, 7);
            assert_eq!((host.doorbell(word), host.take_summary(word)), (0, 0));
        }
    }

    #[test]
    fn a_congestion_mark_keeps_the_ipv4_header_right() {
        let sum = |header: &[u8]| {
            let words = header
                .chunks(2)
                .map(|w| u32::from(w[0]) << 8 | u32::from(w[1]));
            let sum: u32 = words.sum();
            (sum & 0xffff) + (sum >> 16)
        };
        let mut header = vec![0x45, 0x02, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x11];
        header.extend([0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let checksum = !u16::try_from(sum(&header)).unwrap();
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(sum(&header), 0xffff);
        let mut frame = vec![0u8; 14];
        frame[12] = 0x08;
        frame.extend(&header);
        mark_congestion(&mut frame);
        assert_eq!(frame[15] & 3, 3);
        assert_eq!(sum(&frame[14..]), 0xffff);
        let mut six = vec![0u8; 54];
        (six[12], six[13], six[14]) = (0x86, 0xdd, 0x60);
        mark_congestion(&mut six);
        assert_eq!(six[15] & 0x30, 0x30);
        for length in 0..20 {
            mark_congestion(&mut vec![8; length]);
        }
    }
}
