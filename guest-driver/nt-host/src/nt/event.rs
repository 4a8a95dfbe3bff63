//! Events, fast mutexes, rundown references.
//!
//! `unsafe`: they lie in driver memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::wait;
use crate::breach::{Rule, breach};
use crate::cpu;

pub(super) extern "win64" fn ke_initialize_event(event: usize, kind: i32, state: u8) {
    wait::initialize(event, kind as u8 & 1, i32::from(state != 0));
}

pub(super) extern "win64" fn ke_set_event(event: usize, _increment: i32, _wait: u8) -> i32 {
    wait::set(event, 1)
}

pub(super) extern "win64" fn ke_reset_event(event: usize) -> i32 {
    wait::set(event, 0)
}

pub(super) extern "win64" fn ke_clear_event(event: usize) {
    wait::set(event, 0);
}

pub(super) extern "win64" fn ke_read_state_event(event: usize) -> i32 {
    wait::read(event)
}

pub(super) extern "win64" fn ke_initialize_semaphore(semaphore: usize, count: i32, _limit: i32) {
    wait::initialize(semaphore, wait::SEMAPHORE, count);
}

pub(super) extern "win64" fn ke_release_semaphore(
    semaphore: usize,
    _increment: i32,
    count: i32,
    _wait: u8,
) -> i32 {
    wait::add(semaphore, count)
}

/// FAST_MUTEX (0x38 bytes): owner at 8, event at 0x18, old IRQL at 0x30. The macro that initializes one is inline.
fn owner(mutex: usize) -> &'static AtomicUsize {
    // SAFETY: a FAST_MUTEX of the driver.
    unsafe { AtomicUsize::from_ptr((mutex + 8) as *mut usize) }
}

fn me() -> usize {
    // SAFETY: a plain query.
    unsafe { libc::pthread_self() as usize }
}

pub(super) extern "win64" fn ex_acquire_fast_mutex(mutex: usize) {
    if owner(mutex).load(Ordering::Relaxed) == me() {
        breach(
            Rule::LockRecursion,
            format_args!("fast mutex {mutex:#x} is held by this very thread"),
        );
    }
    let before = cpu::raise(cpu::APC_LEVEL);
    while owner(mutex)
        .compare_exchange(0, me(), Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        std::thread::yield_now();
    }
    // SAFETY: the mutex is ours now.
    unsafe { ((mutex + 0x30) as *mut u32).write(u32::from(before)) };
}

pub(super) extern "win64" fn ex_release_fast_mutex(mutex: usize) {
    if owner(mutex).load(Ordering::Relaxed) != me() {
        breach(
            Rule::LockOwner,
            format_args!("fast mutex {mutex:#x} is not held by this thread"),
        );
    }
    // SAFETY: the mutex is ours.
    let before = unsafe { ((mutex + 0x30) as *const u32).read() };
    owner(mutex).store(0, Ordering::Release);
    cpu::lower(before as u8);
}

/// EX_RUNDOWN_REF: bit 0 says that rundown has begun, the rest counts references.
fn count(rundown: usize) -> &'static AtomicUsize {
    // SAFETY: an EX_RUNDOWN_REF of the driver.
    unsafe { AtomicUsize::from_ptr(rundown as *mut usize) }
}

pub(super) extern "win64" fn ex_initialize_rundown_protection(rundown: usize) {
    count(rundown).store(0, Ordering::SeqCst);
}

pub(super) extern "win64" fn ex_acquire_rundown_protection(rundown: usize) -> u8 {
    let take = |value: usize| (value & 1 == 0).then_some(value + 2);
    let taken = count(rundown).fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
    u8::from(taken.is_ok())
}

pub(super) extern "win64" fn ex_release_rundown_protection(rundown: usize) {
    if count(rundown).fetch_sub(2, Ordering::SeqCst) < 2 {
        breach(
            Rule::Handle,
            format_args!("rundown protection {rundown:#x} is released more often than acquired"),
        );
    }
}

pub(super) extern "win64" fn ex_wait_for_rundown_protection_release(rundown: usize) {
    wait::require_waitable(None);
    count(rundown).fetch_or(1, Ordering::SeqCst);
    while count(rundown).load(Ordering::SeqCst) > 1 {
        std::thread::yield_now();
    }
}
