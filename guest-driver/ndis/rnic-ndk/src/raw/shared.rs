//! A counted pointer whose allocation can fail: `alloc::sync::Arc` aborts when there is no memory. Also the driver's, outside
//! this crate.

use alloc::alloc::{Layout, alloc, dealloc};
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering, fence};

/// No memory is left; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl From<NoMemory> for rnic_driver_core::Error {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

#[repr(C)]
struct Inner<T> {
    /// First, so that a pointer to the value is a pointer to this.
    value: T,
    count: AtomicUsize,
}

/// A counted pointer to a value that is freed with the last one.
pub struct Shared<T> {
    inner: NonNull<Inner<T>>,
}

// SAFETY: the value is reached by shared reference and dropped by whoever drops the last pointer.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Allocates; without memory the value is dropped.
    pub fn new(value: T) -> Result<Self, NoMemory> {
        Self::new_with(|_| value)
    }

    /// Allocates; without memory the value comes back.
    pub fn new_or_return(value: T) -> Result<Self, T> {
        match Self::room() {
            // SAFETY: that much room was made for it.
            Ok(inner) => Ok(unsafe { Self::fill(inner, value) }),
            Err(NoMemory) => Err(value),
        }
    }

    /// Allocates for a value that knows where it lies, for [`Shared::of`].
    pub fn new_with(make: impl FnOnce(NonNull<T>) -> T) -> Result<Self, NoMemory> {
        let inner = Self::room()?;
        let value = make(inner.cast());
        // SAFETY: that much room was made for it.
        Ok(unsafe { Self::fill(inner, value) })
    }

    fn room() -> Result<NonNull<Inner<T>>, NoMemory> {
        // SAFETY: the layout is not of size zero, it holds the count.
        let memory = unsafe { alloc(Layout::new::<Inner<T>>()) };
        NonNull::new(memory.cast()).ok_or(NoMemory)
    }

    /// # Safety
    /// `inner` is from [`Shared::room`], once.
    unsafe fn fill(inner: NonNull<Inner<T>>, value: T) -> Self {
        let count = AtomicUsize::new(1);
        // SAFETY: the memory is ours, large and aligned enough.
        unsafe { inner.write(Inner { value, count }) };
        Self { inner }
    }

    /// Address of the value, the same for all that share it.
    #[must_use]
    pub fn as_ptr(this: &Self) -> *mut T {
        this.inner.as_ptr().cast()
    }

    /// Whether both are the same object.
    #[must_use]
    pub fn ptr_eq(a: &Self, b: &Self) -> bool {
        a.inner == b.inner
    }

    /// The value as a raw pointer that keeps one count.
    #[must_use]
    pub fn into_raw(this: Self) -> *mut T {
        let raw = Self::as_ptr(&this);
        core::mem::forget(this);
        raw
    }

    /// Takes a count back.
    ///
    /// # Safety
    /// `raw` came from [`Shared::into_raw`] and its count was not taken back yet.
    #[must_use]
    pub unsafe fn from_raw(raw: *mut T) -> Self {
        Self {
            // SAFETY: not null, as it came from `into_raw`.
            inner: unsafe { NonNull::new_unchecked(raw.cast()) },
        }
    }

    /// Another count, from where the value lies. (A reference would not do: it reaches the value alone.)
    ///
    /// # Safety
    /// `place` is what [`Shared::new_with`] or [`Shared::as_ptr`] gave, and a count of it is alive.
    #[must_use]
    pub unsafe fn of(place: *mut T) -> Self {
        // SAFETY: as promised. The count is borrowed: it is not dropped here.
        let shared = core::mem::ManuallyDrop::new(unsafe { Self::from_raw(place) });
        Self::clone(&shared)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        // SAFETY: we own a count, so the memory is alive.
        unsafe { self.inner.as_ref() }
            .count
            .fetch_add(1, Ordering::Relaxed);
        Self { inner: self.inner }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: we own a count, so the memory is alive.
        unsafe { &self.inner.as_ref().value }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: we own a count, so the memory is alive.
        let count = unsafe { &self.inner.as_ref().count };
        if count.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: that was the last count: nobody else refers to the value, and it was allocated with this layout.
        unsafe {
            self.inner.drop_in_place();
            dealloc(self.inner.as_ptr().cast(), Layout::new::<Inner<T>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shared;
    use core::sync::atomic::{AtomicUsize, Ordering};

    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Counted(u32);
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn value_is_dropped_with_the_last_count() {
        let mut place = None;
        let first = Shared::new_with(|at| {
            place = Some(at);
            Counted(7)
        })
        .unwrap();
        // SAFETY: `first` lives on.
        let second = unsafe { Shared::of(place.unwrap().as_ptr()) };
        assert!(Shared::ptr_eq(&first, &second));
        let raw = Shared::into_raw(first);
        assert_eq!(raw, Shared::as_ptr(&second));
        assert_eq!(second.0, 7);
        drop(second);
        assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
        // SAFETY: from `into_raw`, once.
        drop(unsafe { Shared::from_raw(raw) });
        assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    }
}
