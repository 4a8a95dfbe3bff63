//! Memory from nonpaged pool, for which asking may fail: the standard containers' constructors would stop Windows.
//! Vectors have `try_reserve`; this adds what boxes lack, `rnic_ndk` what reference counts do.

use alloc::alloc::alloc;
use alloc::boxed::Box;
use core::alloc::Layout;
use core::mem::MaybeUninit;

pub use rnic_ndk::raw::{NoMemory, Shared};

/// Boxes a value, or drops it.
pub fn try_box<T>(value: T) -> Result<Box<T>, NoMemory> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        return Ok(Box::new(value));
    }
    // SAFETY: the size is not zero; a block of this layout holds a T, and goes to the box that frees it by this layout.
    unsafe {
        let block = alloc(layout).cast::<T>();
        if block.is_null() {
            return Err(NoMemory);
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
