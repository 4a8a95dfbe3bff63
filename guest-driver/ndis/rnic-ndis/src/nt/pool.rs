//! Memory from nonpaged pool, for which asking may fail: the standard containers' constructors would stop Windows.
//! Vectors have `try_reserve`; this adds what boxes and reference counts lack.

use alloc::alloc::{alloc, dealloc};
use alloc::boxed::Box;
use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering, fence};

/// No memory is left; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl From<NoMemory> for rnic_driver_core::Error {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

/// Boxes a value, or drops it.
pub fn try_box<T>(value: T) -> Result<Box<T>, NoMemory> {
    box_or_return(value).map_err(|_| NoMemory)
}

/// Boxes a value, or gives it back.
fn box_or_return<T>(value: T) -> Result<Box<T>, T> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        return Ok(Box::new(value));
    }
    // SAFETY: the size is not zero; a block of this layout holds a T, and goes to the box that frees it by this layout.
    unsafe {
        let block = alloc(layout).cast::<T>();
        if block.is_null() {
            return Err(value);
        }
        block.write(value);
        Ok(Box::from_raw(block))
    }
}

/// Room for a value whose address is needed before the value is made.
pub struct Place<T>(Box<MaybeUninit<T>>);

impl<T> Place<T> {
    /// Room, if there is memory.
    pub fn try_new() -> Result<Self, NoMemory> {
        try_box(MaybeUninit::uninit()).map(Self)
    }

    /// Where the value will be.
    #[must_use]
    pub fn address(&self) -> *const T {
        self.0.as_ptr()
    }

    /// Puts it there.
    #[must_use]
    pub fn fill(self, value: T) -> Box<T> {
        Box::write(self.0, value)
    }
}

struct Counted<T> {
    count: AtomicUsize,
    value: T,
}

/// A value with a reference count, as `Arc`, made fallibly.
pub struct Shared<T> {
    counted: NonNull<Counted<T>>,
}

// SAFETY: as for Arc: the value is shared between threads and dropped by one of them.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Shares a value, or drops it.
    pub fn try_new(value: T) -> Result<Self, NoMemory> {
        Self::new_or_return(value).map_err(|_| NoMemory)
    }

    /// Shares a value, or gives it back.
    pub fn new_or_return(value: T) -> Result<Self, T> {
        let counted = Counted {
            count: AtomicUsize::new(1),
            value,
        };
        match box_or_return(counted) {
            Ok(counted) => Ok(Self {
                counted: NonNull::from(Box::leak(counted)),
            }),
            Err(counted) => Err(counted.value),
        }
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: the block lives as long as one reference does, and we are one.
        unsafe { self.counted.as_ref() }
    }

    /// Address of the value, the same for all references to it.
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const T {
        &raw const this.counted().value
    }

    /// Whether both are the same object.
    #[must_use]
    pub fn ptr_eq(a: &Self, b: &Self) -> bool {
        a.counted == b.counted
    }

    /// References there are now.
    #[must_use]
    pub fn references(this: &Self) -> usize {
        this.counted().count.load(Ordering::Acquire)
    }

    /// Gives the reference away as a pointer to the value; [`Shared::from_raw`] takes it back.
    #[must_use]
    pub fn into_raw(this: Self) -> *const T {
        let value = Self::as_ptr(&this);
        core::mem::forget(this);
        value
    }

    /// Takes back what [`Shared::into_raw`] gave.
    ///
    /// # Safety
    /// `value` came from `into_raw`, and each such reference is taken back once.
    #[must_use]
    pub unsafe fn from_raw(value: *const T) -> Self {
        let offset = core::mem::offset_of!(Counted<T>, value);
        // SAFETY: the value lies in a block, so the block's start is there.
        let counted = unsafe { value.byte_sub(offset) }.cast::<Counted<T>>();
        Self {
            // SAFETY: not null, as `value` was not.
            counted: unsafe { NonNull::new_unchecked(counted.cast_mut()) },
        }
    }

    /// One more reference, from a pointer to the value.
    ///
    /// # Safety
    /// `value` points into a `Shared` that somebody holds during the call.
    #[must_use]
    pub unsafe fn share_raw(value: *const T) -> Self {
        // SAFETY: as promised; the extra reference is forgotten below, so the count stays right.
        let borrowed = core::mem::ManuallyDrop::new(unsafe { Self::from_raw(value) });
        Self::clone(&borrowed)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        self.counted().count.fetch_add(1, Ordering::Relaxed);
        Self {
            counted: self.counted,
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        if self.counted().count.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // What others did with the value is seen before it is dropped.
        fence(Ordering::Acquire);
        // SAFETY: this was the last reference; the block came from `try_box`.
        unsafe {
            ptr::drop_in_place(&raw mut (*self.counted.as_ptr()).value);
            dealloc(self.counted.as_ptr().cast(), Layout::new::<Counted<T>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_last_reference_drops_the_value() {
        let witness = Arc::new(());
        let a = Shared::try_new(witness.clone()).unwrap();
        let b = a.clone();
        assert!(Shared::ptr_eq(&a, &b));
        let raw = Shared::into_raw(b);
        assert_eq!(raw, Shared::as_ptr(&a));
        drop(a);
        assert_eq!(Arc::strong_count(&witness), 2);
        // SAFETY: taken back once.
        let again = unsafe { Shared::from_raw(raw) };
        // SAFETY: `again` holds it.
        let more = unsafe { Shared::share_raw(raw) };
        assert_eq!(Shared::references(&more), 2);
        drop((again, more));
        assert_eq!(Arc::strong_count(&witness), 1);
    }
}
