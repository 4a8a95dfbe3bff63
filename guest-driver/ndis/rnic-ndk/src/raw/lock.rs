//! A spin lock around a value, over whatever the operating system has.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

/// A lock that may be taken at DISPATCH_LEVEL and below, and raises to it while it is held. It is not recursive.
///
/// # Safety
/// Between `acquire` and the `release` that belongs to it no other `acquire` may return.
pub unsafe trait RawLock: Send + Sync + 'static {
    /// What `release` needs to go back to where `acquire` was called.
    type Saved;
    /// A free lock.
    fn new() -> Self;
    /// Waits until the lock is free, and takes it.
    fn acquire(&self) -> Self::Saved;
    /// Gives it back.
    fn release(&self, saved: Self::Saved);
}

/// A value behind a [`RawLock`]. No callback of a consumer may run while one is held, and nothing that was counted may
/// be dropped for the last time: take it out, unlock, then drop.
pub struct Lock<L: RawLock, T> {
    raw: L,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time to the value.
unsafe impl<L: RawLock, T: Send> Send for Lock<L, T> {}
// SAFETY: as above; a shared reference gives access through the lock alone.
unsafe impl<L: RawLock, T: Send> Sync for Lock<L, T> {}

impl<L: RawLock, T> Lock<L, T> {
    /// A value behind a free lock.
    pub fn new(value: T) -> Self {
        Self {
            raw: L::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock.
    pub fn lock(&self) -> Guard<'_, L, T> {
        let saved = self.raw.acquire();
        Guard {
            lock: self,
            saved: Some(saved),
        }
    }
}

/// The value, while the lock is held.
pub struct Guard<'a, L: RawLock, T> {
    lock: &'a Lock<L, T>,
    saved: Option<L::Saved>,
}

impl<L: RawLock, T> Deref for Guard<'_, L, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: we hold the lock, so nobody else refers to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<L: RawLock, T> DerefMut for Guard<'_, L, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we hold the lock, so nobody else refers to the value.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<L: RawLock, T> Drop for Guard<'_, L, T> {
    fn drop(&mut self) {
        if let Some(saved) = self.saved.take() {
            self.lock.raw.release(saved);
        }
    }
}
