//! A counted pointer whose allocation can fail: `alloc::sync::Arc` aborts when there is no memory.

use alloc::alloc::{Layout, alloc, dealloc};
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering, fence};

/// No memory was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

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
    /// Allocates.
    pub fn new(value: T) -> Result<Self, NoMemory> {
        Self::new_with(|_| value)
    }

    /// Allocates for a value that knows where it lies, for [`Shared::of`].
    pub fn new_with(make: impl FnOnce(NonNull<T>) -> T) -> Result<Self, NoMemory> {
        let layout = Layout::new::<Inner<T>>();
        // SAFETY: the layout is not of size zero, it holds the count.
        let memory = unsafe { alloc(layout) }.cast::<Inner<T>>();
        let inner = NonNull::new(memory).ok_or(NoMemory)?;
        let value = make(inner.cast());
        // SAFETY: the memory is ours, large and aligned enough.
        unsafe {
            inner.write(Inner {
                value,
                count: AtomicUsize::new(1),
            });
        }
        Ok(Self { inner })
    }

    /// The value as a raw pointer that keeps one count.
    pub fn into_raw(this: Self) -> *mut T {
        let raw = this.inner.as_ptr().cast();
        core::mem::forget(this);
        raw
    }

    /// Takes a count back.
    ///
    /// # Safety
    /// `raw` came from [`Shared::into_raw`] and its count was not taken back yet.
    pub unsafe fn from_raw(raw: NonNull<T>) -> Self {
        Self { inner: raw.cast() }
    }

    /// Another count, from where the value lies. (A reference would not do: it reaches the value alone.)
    ///
    /// # Safety
    /// `place` is what [`Shared::new_with`] gave, and a count of it is alive.
    pub unsafe fn of(place: NonNull<T>) -> Self {
        let shared = core::mem::ManuallyDrop::new(Self {
            inner: place.cast(),
        });
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
        let second = unsafe { Shared::of(place.unwrap()) };
        let raw = Shared::into_raw(first);
        assert_eq!(second.0, 7);
        drop(second);
        assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
        // SAFETY: from `into_raw`, once.
        drop(unsafe { Shared::from_raw(core::ptr::NonNull::new(raw).unwrap()) });
        assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    }
}
