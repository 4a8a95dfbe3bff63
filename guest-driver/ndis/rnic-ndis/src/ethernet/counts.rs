//! Frames and octets that were sent and received.

use core::sync::atomic::{AtomicU64, Ordering};

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Octets of frames.
    pub bytes: u64,
    /// Frames to one station.
    pub unicast: u64,
    /// Frames to a group.
    pub multicast: u64,
    /// Frames to all.
    pub broadcast: u64,
    /// Frames that could not be taken or sent.
    pub errors: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    bytes: AtomicU64,
    unicast: AtomicU64,
    multicast: AtomicU64,
    broadcast: AtomicU64,
    errors: AtomicU64,
}

impl Counters {
    pub(super) fn add(&self, counts: &Counts) {
        self.bytes.fetch_add(counts.bytes, Ordering::Relaxed);
        self.unicast.fetch_add(counts.unicast, Ordering::Relaxed);
        self.multicast
            .fetch_add(counts.multicast, Ordering::Relaxed);
        self.broadcast
            .fetch_add(counts.broadcast, Ordering::Relaxed);
        self.errors.fetch_add(counts.errors, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counts {
        Counts {
            bytes: self.bytes.load(Ordering::Relaxed),
            unicast: self.unicast.load(Ordering::Relaxed),
            multicast: self.multicast.load(Ordering::Relaxed),
            broadcast: self.broadcast.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
        }
    }
}
