//! NDIS's own locks and events, over those of the kernel.
//!
//! `unsafe`: they lie in driver memory.

use std::sync::Arc;
use std::time::Duration;

use ndis_sys::ndis::NDIS_SPIN_LOCK;
use parking_lot::RwLock;
use parking_lot::lock_api::{RawRwLock as _, RawRwLockRecursive as _};

use super::handle;
use crate::cpu;
use crate::inject::{self, Kind};
use crate::nt::{spin, wait};

pub(super) extern "win64" fn allocate_spin_lock(lock: *mut NDIS_SPIN_LOCK) {
    // SAFETY: the driver's lock.
    unsafe { lock.write(std::mem::zeroed()) };
}

pub(super) extern "win64" fn free_spin_lock(lock: *mut NDIS_SPIN_LOCK) {
    let start = lock as usize;
    spin::forget(start..start + size_of::<NDIS_SPIN_LOCK>());
}

pub(super) extern "win64" fn acquire_spin_lock(lock: *mut NDIS_SPIN_LOCK) {
    let before = cpu::raise(cpu::DISPATCH_LEVEL);
    spin::acquire(lock as usize, Some(before));
    // SAFETY: the driver's lock, which this thread holds.
    unsafe { (*lock).OldIrql = before };
}

pub(super) extern "win64" fn release_spin_lock(lock: *mut NDIS_SPIN_LOCK) {
    // SAFETY: as above.
    let irql = unsafe { (*lock).OldIrql };
    spin::release(lock as usize, Some(irql));
    cpu::lower(irql);
}

pub(super) extern "win64" fn initialize_event(event: usize) {
    wait::initialize(event, wait::NOTIFICATION_EVENT, 0);
}

pub(super) extern "win64" fn set_event(event: usize) {
    wait::set(event, 1);
}

pub(super) extern "win64" fn reset_event(event: usize) {
    wait::set(event, 0);
}

pub(super) extern "win64" fn wait_event(event: usize, milliseconds: u32) -> u8 {
    let limit = (milliseconds > 0).then(|| Duration::from_millis(milliseconds.into()));
    u8::from(wait::wait(event, limit))
}

const LOCK: &str = "read-write lock";

struct Lock(RwLock<()>);

/// LOCK_STATE_EX: old IRQL, what is held.
const WRITE: u8 = 2;
const READ: u8 = 1;

pub(super) extern "win64" fn allocate_rw_lock(_handle: usize) -> usize {
    if inject::fails(Kind::Memory) {
        return 0;
    }
    handle::new(LOCK, Arc::new(Lock(RwLock::new(()))))
}

pub(super) extern "win64" fn free_rw_lock(lock: usize) {
    let _: Arc<Lock> = handle::close(lock, LOCK);
}

fn acquire(lock: usize, state: *mut u8, what: u8) {
    let lock: Arc<Lock> = handle::get(lock, LOCK);
    let before = cpu::raise(cpu::DISPATCH_LEVEL);
    // SAFETY: the raw lock is released by `release_rw_lock` on the same thread; the state is the caller's.
    unsafe {
        if what == WRITE {
            lock.0.raw().lock_exclusive();
        } else {
            lock.0.raw().lock_shared_recursive();
        }
        state.write(before);
        state.add(1).write(what);
    }
}

pub(super) extern "win64" fn acquire_rw_lock_read(lock: usize, state: *mut u8, _flags: u8) {
    acquire(lock, state, READ);
}

pub(super) extern "win64" fn acquire_rw_lock_write(lock: usize, state: *mut u8, _flags: u8) {
    acquire(lock, state, WRITE);
}

pub(super) extern "win64" fn release_rw_lock(lock: usize, state: *mut u8) {
    let lock: Arc<Lock> = handle::get(lock, LOCK);
    // SAFETY: taken by `acquire`, as the state says.
    unsafe {
        if *state.add(1) == WRITE {
            lock.0.raw().unlock_exclusive();
        } else {
            lock.0.raw().unlock_shared();
        }
        cpu::lower(*state);
    }
}
