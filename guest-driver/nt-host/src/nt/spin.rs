//! Spin locks: owner, recursion, order, and what is held.
//!
//! A KSPIN_LOCK holds the number of its owner's thread plus one. Order is learned: after B was taken under A, taking A
//! under B is a breach, also through others in between. Locks are told apart by address; when their memory is freed,
//! what was learned about them is forgotten.
//!
//! `unsafe`: the lock word lies in driver memory.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::breach::{Rule, breach, patience};
use crate::callsite::{self, Stack};
use crate::cpu;
use crate::thunk::checking;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    lock: usize,
    /// IRQL before, if acquiring raised it.
    raised_from: Option<u8>,
}

thread_local! {
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
    static KNOWN: RefCell<(u64, HashSet<(usize, usize)>)> = RefCell::new((0, HashSet::new()));
    static SELF: Cell<usize> = const { Cell::new(0) };
}

static THREADS: AtomicUsize = AtomicUsize::new(1);
/// Goes up when something is forgotten, so that threads drop what they know.
static EPOCH: AtomicU64 = AtomicU64::new(1);
static ORDER: Mutex<Option<HashMap<usize, HashMap<usize, Stack>>>> = Mutex::new(None);

fn myself() -> usize {
    if SELF.get() == 0 {
        SELF.set(THREADS.fetch_add(1, Ordering::Relaxed));
    }
    SELF.get()
}

fn word(lock: usize) -> &'static AtomicUsize {
    if lock == 0 || !lock.is_multiple_of(8) {
        breach(
            Rule::LockOwner,
            format_args!("{lock:#x} is no place for a spin lock"),
        );
    }
    // SAFETY: a driver's lock word lives at least as long as the call; if it does not, the access faults and is reported.
    unsafe { AtomicUsize::from_ptr(lock as *mut usize) }
}

/// Spin locks that this thread holds.
pub fn held() -> usize {
    HELD.with_borrow(Vec::len)
}

/// Takes a lock at DISPATCH_LEVEL or above.
pub fn acquire(lock: usize, raised_from: Option<u8>) {
    let me = myself();
    let word = word(lock);
    if word.load(Ordering::Relaxed) == me {
        breach(
            Rule::LockRecursion,
            format_args!("lock {lock:#x} is held by this very thread"),
        );
    }
    if checking() {
        learn(lock);
    }
    let mut start = None;
    let mut spins = 0_u32;
    while word
        .compare_exchange_weak(0, me, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        spins += 1;
        if spins.is_multiple_of(64) {
            std::thread::yield_now();
        }
        if spins.is_multiple_of(65536)
            && start.get_or_insert_with(Instant::now).elapsed() > patience()
        {
            breach(
                Rule::Hang,
                format_args!("lock {lock:#x} is not released in time"),
            );
        }
    }
    HELD.with_borrow_mut(|held| held.push(Held { lock, raised_from }));
}

/// Takes a lock if it is free.
pub fn try_acquire(lock: usize) -> bool {
    let me = myself();
    let free = word(lock)
        .compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed)
        .is_ok();
    if free {
        HELD.with_borrow_mut(|held| {
            held.push(Held {
                lock,
                raised_from: None,
            });
        });
    }
    free
}

/// Gives a lock back. `to` is the IRQL that the caller goes back to, if its form of release lowers.
pub fn release(lock: usize, to: Option<u8>) {
    let entry = HELD.with_borrow_mut(|held| {
        let at = held.iter().rposition(|entry| entry.lock == lock)?;
        Some(held.remove(at))
    });
    let Some(entry) = entry else {
        breach(
            Rule::LockOwner,
            format_args!("lock {lock:#x} is not held by this thread"),
        );
    };
    if entry.raised_from != to {
        breach(
            Rule::LockOwner,
            format_args!(
                "lock {lock:#x} was acquired from IRQL {:?}, released to {to:?}",
                entry.raised_from
            ),
        );
    }
    word(lock).store(0, Ordering::Release);
}

/// Learns that `lock` is taken under what is held.
fn learn(lock: usize) {
    let epoch = EPOCH.load(Ordering::Relaxed);
    HELD.with_borrow(|held| {
        KNOWN.with_borrow_mut(|(seen, known)| {
            if *seen != epoch {
                known.clear();
                *seen = epoch;
            }
            for entry in held {
                if known.insert((entry.lock, lock)) {
                    add_edge(entry.lock, lock);
                }
            }
        });
    });
}

fn add_edge(first: usize, second: usize) {
    let mut order = ORDER.lock();
    let order = order.get_or_insert_default();
    if let Some(stack) = path(order, second, first) {
        let lines = stack.lines().join("\n    ");
        breach(
            Rule::LockOrder,
            format_args!(
                "lock {second:#x} is taken under {first:#x}, elsewhere the other way round:\n    {lines}\n  here:"
            ),
        );
    }
    let stack = callsite::stack();
    order
        .entry(first)
        .or_default()
        .entry(second)
        .or_insert(stack);
}

/// Where the first step of a way from one lock to another was learned.
fn path(order: &HashMap<usize, HashMap<usize, Stack>>, from: usize, to: usize) -> Option<Stack> {
    let mut stack: Vec<(usize, Option<Stack>)> = vec![(from, None)];
    let mut seen = HashSet::new();
    while let Some((at, first)) = stack.pop() {
        if !seen.insert(at) {
            continue;
        }
        for (next, learned) in order.get(&at).into_iter().flatten() {
            let first = first.unwrap_or(*learned);
            if *next == to {
                return Some(first);
            }
            stack.push((*next, Some(first)));
        }
    }
    None
}

/// Memory is freed: what was learned about locks in it no longer holds; a held lock in it is a breach.
pub fn forget(range: Range<usize>) {
    if let Some(held) =
        HELD.with_borrow(|held| held.iter().find(|h| range.contains(&h.lock)).copied())
    {
        breach(
            Rule::LockHeld,
            format_args!(
                "the memory of lock {:#x} is freed while it is held",
                held.lock
            ),
        );
    }
    let mut order = ORDER.lock();
    let Some(order) = order.as_mut() else { return };
    if order.is_empty() {
        return;
    }
    let before: usize = order.values().map(HashMap::len).sum();
    order.retain(|lock, _| !range.contains(lock));
    for edges in order.values_mut() {
        edges.retain(|lock, _| !range.contains(lock));
    }
    if before != order.values().map(HashMap::len).sum::<usize>() {
        EPOCH.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) extern "win64" fn ke_acquire_spin_lock_raise_to_dpc(lock: usize) -> u8 {
    let before = cpu::raise(cpu::DISPATCH_LEVEL);
    acquire(lock, Some(before));
    before
}

pub(super) extern "win64" fn ke_release_spin_lock(lock: usize, irql: u8) {
    release(lock, Some(irql));
    cpu::lower(irql);
}

pub(super) extern "win64" fn ke_acquire_spin_lock_at_dpc_level(lock: usize) {
    acquire(lock, None);
}

pub(super) extern "win64" fn ke_release_spin_lock_from_dpc_level(lock: usize) {
    release(lock, None);
}

pub(super) extern "win64" fn ke_try_to_acquire_spin_lock_at_dpc_level(lock: usize) -> u8 {
    u8::from(try_acquire(lock))
}

pub(super) extern "win64" fn ke_initialize_spin_lock(lock: usize) {
    word(lock).store(0, Ordering::Relaxed);
}

/// KLOCK_QUEUE_HANDLE: the lock's address at 8, the old IRQL at 0x10.
pub(super) extern "win64" fn ke_acquire_in_stack_queued_spin_lock(lock: usize, handle: *mut u8) {
    let before = cpu::raise(cpu::DISPATCH_LEVEL);
    acquire(lock, Some(before));
    // SAFETY: a KLOCK_QUEUE_HANDLE of the caller.
    unsafe {
        handle.add(8).cast::<usize>().write(lock);
        handle.add(0x10).write(before);
    }
}

pub(super) extern "win64" fn ke_release_in_stack_queued_spin_lock(handle: *mut u8) {
    // SAFETY: as above, filled by the acquisition.
    let (lock, irql) = unsafe { (handle.add(8).cast::<usize>().read(), *handle.add(0x10)) };
    release(lock, Some(irql));
    cpu::lower(irql);
}
