//! Spin locks: what they hold is reached at DISPATCH_LEVEL, by one CPU at a time.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// A value behind a spin lock. Callable at IRQL <= DISPATCH_LEVEL; not recursive; hold it shortly, call nobody.
pub struct SpinLock<T> {
    lock: UnsafeCell<usize>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one CPU at a time.
unsafe impl<T: Send> Send for SpinLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SpinLock<T> {}

/// The value, while the lock is held.
pub struct Guard<'a, T> {
    owner: &'a SpinLock<T>,
    irql: u8,
    /// Released on the CPU that acquired it.
    _here: PhantomData<*const ()>,
}

impl<T> SpinLock<T> {
    /// A lock that nobody holds.
    pub const fn new(value: T) -> Self {
        Self {
            lock: UnsafeCell::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock, at DISPATCH_LEVEL.
    pub fn lock(&self) -> Guard<'_, T> {
        Guard {
            owner: self,
            irql: acquire(self.lock.get()),
            _here: PhantomData,
        }
    }

    /// The value, without the lock: nobody else can have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.owner.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and this guard is borrowed mutably.
        unsafe { &mut *self.owner.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        release(self.owner.lock.get(), self.irql);
    }
}

#[cfg(target_os = "windows")]
pub(crate) fn acquire(lock: *mut usize) -> u8 {
    // SAFETY: the word belongs to the lock and began as zero.
    unsafe { ndis_sys::nt::KeAcquireSpinLockRaiseToDpc(lock) }
}

#[cfg(target_os = "windows")]
pub(crate) fn release(lock: *mut usize, irql: u8) {
    // SAFETY: acquired by `acquire`, which gave the level.
    unsafe { ndis_sys::nt::KeReleaseSpinLock(lock, irql) }
}

#[cfg(not(target_os = "windows"))]
pub(crate) fn acquire(lock: *mut usize) -> u8 {
    use core::sync::atomic::{AtomicUsize, Ordering};
    // SAFETY: the word belongs to the lock.
    let lock = unsafe { AtomicUsize::from_ptr(lock) };
    while lock.swap(1, Ordering::Acquire) != 0 {
        core::hint::spin_loop();
    }
    0
}

#[cfg(not(target_os = "windows"))]
pub(crate) fn release(lock: *mut usize, _: u8) {
    use core::sync::atomic::{AtomicUsize, Ordering};
    // SAFETY: the word belongs to the lock.
    unsafe { AtomicUsize::from_ptr(lock) }.store(0, Ordering::Release);
}
