//! What the provider asks of Windows.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use rnic_abi::Mtu;
use rnic_driver_core::{Eqn, Error, Nic};
use rnic_ndk::raw::{NoMemory, RawLock};
use rnic_ndk::{NoRoute, System};

use super::route;
use crate::adapter::{Adapter, Pinned};
use crate::engine::Engine;
use crate::engine::vector::Vector;
use crate::hw::NtPlatform;
use crate::nt::{Passive, Shared, lock, wait};

/// KSPIN_LOCK.
pub struct NtLock(UnsafeCell<usize>);

// SAFETY: a word that the kernel's functions reach atomically.
unsafe impl Send for NtLock {}
// SAFETY: as above.
unsafe impl Sync for NtLock {}

// SAFETY: the kernel's spin lock lets one CPU at a time through.
unsafe impl RawLock for NtLock {
    type Saved = u8;
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }
    fn acquire(&self) -> u8 {
        lock::acquire(self.0.get())
    }
    fn release(&self, saved: u8) {
        lock::release(self.0.get(), saved);
    }
}

/// A notification event.
pub struct NtEvent(wait::Event);

impl rnic_ndk::Event for NtEvent {
    fn try_new() -> Result<Self, NoMemory> {
        wait::Event::try_new().map(Self)
    }
    fn set(&self) {
        self.0.set();
    }
    fn wait(&self, passive: &Passive) {
        self.0.wait(passive);
    }
}

/// Vectors that are counted.
const VECTORS: usize = 64;

/// Windows and one life of the device.
pub struct NtSystem {
    engine: Shared<Engine>,
    adapter: Pinned,
    users: [AtomicU32; VECTORS],
    /// When it was last looked whether the device is late.
    looked: AtomicU64,
    /// Callbacks are due that nobody makes yet.
    deferred: AtomicBool,
}

impl NtSystem {
    pub(super) fn new(engine: Shared<Engine>, adapter: &Adapter) -> Self {
        Self {
            engine,
            adapter: adapter.pinned(),
            users: [const { AtomicU32::new(0) }; VECTORS],
            looked: AtomicU64::new(0),
            deferred: AtomicBool::new(false),
        }
    }

    pub(super) fn engine(&self) -> &Shared<Engine> {
        &self.engine
    }

    /// Whether deferred work is wanted; asked for the last time.
    pub(super) fn take_deferred(&self) -> bool {
        self.deferred.swap(false, Ordering::AcqRel)
    }

    /// Whether it was not looked within `interval_ns`; asked for the worker alone.
    pub(super) fn may_look(&self, interval_ns: u64) -> bool {
        let now = wait::now_ns();
        let due = now.saturating_sub(self.looked.load(Ordering::Relaxed)) > interval_ns;
        if due {
            self.looked.store(now, Ordering::Relaxed);
        }
        due
    }
}

impl System for NtSystem {
    type Platform = NtPlatform;
    type Lock = NtLock;
    type Event = NtEvent;

    fn nic(&self) -> &Nic<NtPlatform> {
        &self.engine.nic
    }

    fn choose_event_queue(&self, processors: Option<usize>) -> Option<(usize, Eqn)> {
        let vectors = &self.engine.vectors;
        let count = vectors.len().min(VECTORS);
        let users = |at: usize| {
            let users = self.users.get(at);
            users.map_or(u32::MAX, |users| users.load(Ordering::Relaxed))
        };
        let adapter = self.adapter.get();
        let home = |at: usize| {
            let message = vectors.get(at).map(Vector::message)?;
            adapter.home(message.into())
        };
        let at = least_used(count, users, home, processors)?;
        let eqn = vectors.get(at)?.eqn();
        self.users.get(at)?.fetch_add(1, Ordering::Relaxed);
        Some((at, eqn))
    }

    fn leave_event_queue(&self, number: usize) {
        if let Some(users) = self.users.get(number) {
            users.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn commands_wait(&self) {
        self.adapter.get().kick();
    }

    fn device_broke_a_rule(&self, error: Error) {
        self.adapter.get().fail(&self.engine, error);
    }

    fn want_passive_work(&self) {
        self.adapter.get().ndk.find_routes();
    }

    fn want_deferred_work(&self) {
        // The worker's turn does it.
        self.deferred.store(true, Ordering::Release);
        self.adapter.get().kick();
    }

    fn path_mtu(&self) -> Mtu {
        self.adapter.get().settings.path_mtu()
    }

    /// NDK is offered only where DMA is not remapped: a physical address is a DMA address.
    fn page_address(&self, frame: u64) -> Option<u64> {
        frame.checked_mul(4096)
    }

    fn next_hop(
        &self,
        passive: &Passive,
        from: [u8; 16],
        to: [u8; 16],
    ) -> Result<Option<[u8; 6]>, NoRoute> {
        let adapter = self.adapter.get();
        let interface = (adapter.net_luid, adapter.if_index);
        route::next_hop(passive, interface, from, to)
    }
}

/// Of `count` event queues the one with the fewest users, of those whose interrupts come on one of the wanted processors if there is
/// one. `home`: the processors that an event queue's interrupts come on, bit by bit, where that is known.
fn least_used(
    count: usize,
    users: impl Fn(usize) -> u32,
    home: impl Fn(usize) -> Option<usize>,
    wanted: Option<usize>,
) -> Option<usize> {
    let fits = |at: &usize| {
        let both = home(*at).zip(wanted);
        both.is_some_and(|(home, wanted)| home & wanted != 0)
    };
    let there = (0..count).filter(fits).min_by_key(|at| users(*at));
    there.or_else(|| (0..count).min_by_key(|at| users(*at)))
}

#[cfg(test)]
mod tests {
    use super::least_used;

    /// A queue for processor n got the n-th event queue, wherever its interrupts came, and one for any processor the first.
    #[test]
    fn event_queues_are_chosen_by_where_their_interrupts_come() {
        let users = [3, 1, 2, 0];
        // Two come on processor 2, one on processor 0, and of one it is not known.
        let homes = [Some(0b100), Some(0b100), Some(0b1), None];
        let choose = |wanted| least_used(4, |at| users[at], |at| homes[at], wanted);
        assert_eq!(choose(Some(0b100)), Some(1));
        assert_eq!(choose(Some(0b1)), Some(2));
        assert_eq!(choose(Some(0b101)), Some(1));
        assert_eq!(choose(Some(0b1000)), Some(3), "none of there");
        assert_eq!(choose(None), Some(3));
        assert_eq!(least_used(0, |_| 0, |_| None, None), None);
    }
}
