//! Frames and octets that were sent and received.

use core::sync::atomic::{AtomicU64, Ordering};

use super::frame::Cast;

/// Frames of one kind, and their octets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Frames.
    pub frames: u64,
    /// Octets.
    pub octets: u64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Frames to one station.
    pub unicast: Count,
    /// Frames to a group.
    pub multicast: Count,
    /// Frames to all.
    pub broadcast: Count,
    /// Frames that could not be taken or sent.
    pub errors: u64,
}

impl Counts {
    /// Counts a frame.
    pub(super) fn frame(&mut self, cast: Cast, octets: u64) {
        let count = match cast {
            Cast::Unicast => &mut self.unicast,
            Cast::Multicast => &mut self.multicast,
            Cast::Broadcast => &mut self.broadcast,
        };
        count.frames += 1;
        count.octets += octets;
    }

    fn all(&self) -> [Count; 3] {
        [self.unicast, self.multicast, self.broadcast]
    }

    /// Frames of every kind.
    pub fn frames(&self) -> u64 {
        self.all().iter().map(|count| count.frames).sum()
    }

    /// Octets of every kind of frame.
    pub fn octets(&self) -> u64 {
        self.all().iter().map(|count| count.octets).sum()
    }
}

#[derive(Default)]
struct Counter {
    frames: AtomicU64,
    octets: AtomicU64,
}

impl Counter {
    fn add(&self, count: Count) {
        self.frames.fetch_add(count.frames, Ordering::Relaxed);
        self.octets.fetch_add(count.octets, Ordering::Relaxed);
    }

    fn read(&self) -> Count {
        Count {
            frames: self.frames.load(Ordering::Relaxed),
            octets: self.octets.load(Ordering::Relaxed),
        }
    }
}

#[derive(Default)]
pub(super) struct Counters {
    unicast: Counter,
    multicast: Counter,
    broadcast: Counter,
    errors: AtomicU64,
}

impl Counters {
    pub(super) fn add(&self, counts: &Counts) {
        self.unicast.add(counts.unicast);
        self.multicast.add(counts.multicast);
        self.broadcast.add(counts.broadcast);
        self.errors.fetch_add(counts.errors, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counts {
        Counts {
            unicast: self.unicast.read(),
            multicast: self.multicast.read(),
            broadcast: self.broadcast.read(),
            errors: self.errors.load(Ordering::Relaxed),
        }
    }
}
