//! What a device needs from its host.
//!
//! The core calls [`Env`]; a simulator, a daemon and the tests implement it. No call blocks, and
//! none calls back into the device.

use core::fmt;

use rnic_wire::{Gid, MacAddr};

use crate::fault::{Fault, Site};
use crate::segment::Segment;

/// A moment of the host's monotonic clock, in nanoseconds since an arbitrary start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// The number of nanoseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The moment `nanoseconds` later; the end of time when that does not fit.
    #[must_use]
    pub const fn after(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Nanoseconds from `earlier` to this moment; 0 when `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ns", self.0)
    }
}

/// What became of a frame given to the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Taken (the wire may still lose it).
    Ok,
    /// The port has no room now; try again on a later run.
    Full,
}

/// Another device of the same process, as this device's host numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NeighbourId(pub u32);

/// What became of a segment given to a neighbour.
#[derive(Debug)]
pub enum Delivered {
    /// In its inbox.
    Ok,
    /// The neighbour is no more.
    Gone,
    /// Its inbox is full; the segment comes back, try again on a later run.
    Full(Box<Segment>),
}

/// The port as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// Frames pass.
    pub up: bool,
    /// Longest IP packet in bytes (what is called the MTU of the interface).
    pub mtu: u32,
    /// Honest speed, Mbit/s.
    pub speed_mbps: u32,
}

/// The host of one device.
pub trait Env {
    /// The clock; never runs backwards.
    fn now(&self) -> Nanos;

    /// Loads doorbell word `word` (8 bytes at `word * 8` of BAR2), acquire. 0 past the end.
    fn doorbell(&self, word: u32) -> u64;

    /// The first of doorbell words `first` to `end` (not included) that is not zero; `end` when all
    /// are. This is how idle maps are looked at, so a host makes it fast.
    fn next_rung(&self, first: u32, end: u32) -> u32 {
        (first..end)
            .find(|word| self.doorbell(*word) != 0)
            .unwrap_or(end)
    }

    /// Stores doorbell word `word`. Nothing past the end.
    fn set_doorbell(&mut self, word: u32, value: u64);

    /// Atomically swaps doorbell word `word` to zero, acquire and release; the value found.
    fn take_summary(&mut self, word: u32) -> u64;

    /// Whether stores to the doorbell memory can happen without a trapped write, so that the
    /// device has to look for them.
    fn doorbells_mapped(&self) -> bool;

    /// Gives a frame (without frame check sequence) to the port.
    fn transmit(&mut self, frame: &[u8]) -> Sent;

    /// The device of this process that answers at `ip`, when segments to it are possible.
    fn neighbour(&self, ip: Gid) -> Option<NeighbourId>;

    /// Gives a segment to a neighbour.
    fn deliver(&mut self, to: NeighbourId, segment: Box<Segment>) -> Delivered;

    /// Whether somebody records this port's frames, so that segments are to be shown as the frames
    /// that they would have been.
    fn records(&self) -> bool {
        false
    }

    /// Records what would have been a frame.
    fn record(&mut self, frame: &[u8]) {
        let _ = frame;
    }

    /// The Ethernet address of a neighbour, for the frames that are recorded.
    fn neighbour_mac(&self, id: NeighbourId) -> Option<MacAddr> {
        let _ = id;
        None
    }

    /// Sends the interrupt message of `vector`, which is connected and not masked.
    fn raise(&mut self, vector: u16);

    /// Asks the fault plan whether something goes wrong here and now.
    fn fault(&mut self, site: Site) -> Option<Fault>;

    /// The port.
    fn port(&self) -> PortInfo;
}

/// How much a run may do. Work that has begun is finished, so a run may exceed it by one
/// operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of data to move.
    pub bytes: u64,
    /// Entries, commands, events, frames or segments to handle.
    pub ops: u32,
}

impl Budget {
    /// 256 KiB and 256 operations: about 50 us.
    pub const DEFAULT: Self = Self {
        bytes: 256 * 1024,
        ops: 256,
    };

    /// Whether there is nothing left.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.bytes == 0 || self.ops == 0
    }

    /// Takes one operation; false when there was none left or no bytes are left.
    #[must_use]
    pub fn take_op(&mut self) -> bool {
        if self.is_spent() {
            return false;
        }
        self.ops -= 1;
        true
    }

    /// Takes `bytes`, or all that is left.
    pub fn take_bytes(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Whether a run left work that could go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call again.
    Busy,
    /// Nothing to do until a doorbell, a segment, a frame, a register access or a timer.
    Idle,
}

impl Progress {
    /// Busy when either is.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Idle, Self::Idle) => Self::Idle,
            _ => Self::Busy,
        }
    }
}
