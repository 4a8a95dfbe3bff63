//! Links to the world outside a process: each carries whole Ethernet frames, none blocks.
//!
//! | module | what | speaks like |
//! |---|---|---|
//! | [`dgram`] | unix datagrams | QEMU's `-netdev dgram` with `type=unix` |
//! | [`stream`] | a unix stream, frames behind their length | QEMU's `-netdev stream` |
//! | [`udp`] | a UDP tunnel | QEMU's `-netdev dgram` with `type=inet` |
//! | [`tap`] | a TAP interface of the kernel | the kernel's stack |
//!
//! A link takes frames in batches and gives them in batches. When the host has no room it takes
//! fewer than it was offered, and the rest stays with the caller: that is back-pressure, and
//! nothing is lost. What the other side sends is bytes and nothing more.
//!
//! Each link has one descriptor ([`Link::fd`]) that stays the same for its life and is readable
//! when a call would get further: sockets come and go behind it (an epoll set is a descriptor too).
//!
//! Tests: in each module, with real sockets.

mod batch;
pub mod dgram;
mod socket_file;
pub mod stream;
pub mod tap;
pub mod udp;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use vmm_sys_util::epoll::{ControlOperation, Epoll, EpollEvent, EventSet};

use crate::buffer::FrameBuffer;

/// Longest frame that is carried: what a datagram can hold.
pub const MAX_FRAME: usize = 65_536;
/// Frames in one call at most.
pub const BATCH: usize = 64;

/// Frames on their way out, the oldest first.
pub type Frames = VecDeque<FrameBuffer>;

/// What a link did over its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Frames that the host took.
    pub sent: u64,
    /// Frames that came.
    pub received: u64,
    /// Frames that nobody was there for, or that are too long: lost, as on a wire without a partner.
    pub lost: u64,
    /// Times that the host had no room, so that frames waited.
    pub full: u64,
    /// Calls of the host that carried frames out, to see how well batches are filled.
    pub calls: u64,
}

/// A link to another process or to the kernel.
pub trait Link: Send {
    /// Readable when there may be something to do: a frame has come, there is room again after
    /// a [`Self::send`] that left frames, a partner has come or gone. Stays the same.
    fn fd(&self) -> RawFd;

    /// Takes frames from the front of `frames`, [`BATCH`] at most, until the host has no room.
    /// What could not be carried at all is taken and counted as lost.
    ///
    /// # Errors
    /// If the host refuses for another reason than want of room or of a partner; the frame at
    /// fault is gone.
    fn send(&mut self, frames: &mut Frames) -> io::Result<()>;

    /// Gives frames that have come to `take`, in order, [`BATCH`] at most, until it answers false:
    /// then the link keeps that frame and gives it again first. True when any was taken.
    ///
    /// # Errors
    /// If the host refuses.
    fn receive(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool>;

    /// Whether frames have come that [`Self::fd`] does not tell of, because the link has them.
    fn holds_frames(&self) -> bool;

    /// When to call [`Self::send`] or [`Self::receive`] although nothing tells: a partner is looked for.
    fn retry_at(&self) -> Option<Instant> {
        None
    }

    /// What it did.
    fn counters(&self) -> LinkCounters;
}

/// The descriptor of a link: a set of the descriptors that it waits for.
struct Watch(Epoll);

impl Watch {
    fn new() -> io::Result<Self> {
        Epoll::new().map(Self)
    }

    fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    fn add(&self, fd: RawFd, events: EventSet) -> io::Result<()> {
        let event = EpollEvent::new(events, u64::default());
        self.0.ctl(ControlOperation::Add, fd, event)
    }

    fn change(&self, fd: RawFd, events: EventSet) -> io::Result<()> {
        let event = EpollEvent::new(events, u64::default());
        self.0.ctl(ControlOperation::Modify, fd, event)
    }

    fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.0
            .ctl(ControlOperation::Delete, fd, EpollEvent::default())
    }
}

/// Waits for room in a socket, or stops waiting, without a system call when nothing changes.
struct RoomWatch {
    waiting: bool,
}

impl RoomWatch {
    const fn new() -> Self {
        Self { waiting: false }
    }

    /// `both`: the descriptor is also the one that frames come by.
    fn set(&mut self, watch: &Watch, fd: RawFd, both: bool, waiting: bool) -> io::Result<()> {
        if self.waiting == waiting {
            return Ok(());
        }
        let mut events = EventSet::empty();
        events.set(EventSet::IN, both);
        events.set(EventSet::OUT, waiting);
        watch.change(fd, events)?;
        self.waiting = waiting;
        Ok(())
    }
}

/// Whether nobody is there for a frame, or it is too long for the host.
fn means_lost(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ENOENT
                | libc::ECONNREFUSED
                | libc::ECONNRESET
                | libc::ENOTCONN
                | libc::EPIPE
                | libc::EMSGSIZE
                | libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::ENETDOWN
        )
    )
}

/// Whether there is no room now.
fn means_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

#[cfg(test)]
mod testing {
    use super::*;
    use std::time::Duration;

    /// `frames` in a queue.
    pub fn queue(frames: impl IntoIterator<Item = Vec<u8>>) -> Frames {
        frames.into_iter().map(FrameBuffer::from).collect()
    }

    /// Everything that the link has now.
    pub fn drain(link: &mut dyn Link) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let mut take = |frame: &[u8]| {
            all.push(frame.to_vec());
            true
        };
        while link.receive(&mut take).unwrap() {}
        all
    }

    /// Waits until the link's descriptor is readable.
    pub fn wait(link: &dyn Link) {
        let epoll = Epoll::new().unwrap();
        let event = EpollEvent::new(EventSet::IN, 0);
        epoll.ctl(ControlOperation::Add, link.fd(), event).unwrap();
        let mut events = [EpollEvent::default(); 1];
        let patience = i32::try_from(Duration::from_secs(60).as_millis()).unwrap();
        let ready = epoll.wait(patience, &mut events).unwrap();
        assert_eq!(ready, 1, "the descriptor tells of nothing");
    }

    /// Whether the link's descriptor is readable now.
    pub fn is_ready(link: &dyn Link) -> bool {
        let epoll = Epoll::new().unwrap();
        let event = EpollEvent::new(EventSet::IN, 0);
        epoll.ctl(ControlOperation::Add, link.fd(), event).unwrap();
        epoll.wait(0, &mut [EpollEvent::default(); 1]).unwrap() == 1
    }

    /// A frame that says which it is.
    pub fn numbered(n: usize, length: usize) -> Vec<u8> {
        let mut frame = vec![0x5A; length];
        frame[..8].copy_from_slice(&(n as u64).to_be_bytes());
        frame
    }

    /// More frames than any buffer holds go from one link to the other while the receiver only
    /// empties its side when the sender is stopped: all arrive, once, in order.
    pub fn nothing_is_lost_when_the_host_is_full(left: &mut dyn Link, right: &mut dyn Link) {
        const COUNT: usize = 20_000;
        let mut out = queue((0..COUNT).map(|n| numbered(n, 900 + n % 600)));
        let mut came = Vec::new();
        let mut turns = 0;
        while came.len() < COUNT {
            left.send(&mut out).unwrap();
            let full = left.counters().full;
            if full > 0 || out.is_empty() || turns > COUNT {
                came.extend(drain(right));
            }
            turns += 1;
            assert!(turns < 10 * COUNT, "{} of {COUNT} came", came.len());
        }
        for (n, frame) in came.iter().enumerate() {
            assert_eq!(*frame, numbered(n, 900 + n % 600), "frame {n}");
        }
        assert!(left.counters().full > 0, "the host was never full");
        assert_eq!(left.counters().lost, 0);
        assert_eq!(left.counters().sent, COUNT as u64);
        assert_eq!(right.counters().received, COUNT as u64);
    }
}
