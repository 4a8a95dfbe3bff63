//! Memory that the driver and the device share.
//!
//! NDIS gives and takes it at PASSIVE_LEVEL only. It is asked for by the adapter's worker alone, which runs there; a
//! buffer whose owner ends at DISPATCH_LEVEL is put on a list, which the worker frees.

use alloc::boxed::Box;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU16, AtomicU32, AtomicU64, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::*;
use rnic_platform::{DmaBuffer, PlatformError};

use super::Hardware;
use crate::nt::{Passive, Shared, try_box};

const PAGE: usize = 4096;

/// A buffer.
pub struct SharedMemory {
    base: NonNull<u8>,
    physical: PHYSICAL_ADDRESS,
    /// As it was asked for.
    length: usize,
    /// Until it is dropped.
    block: Option<Box<Block>>,
    hardware: Shared<Hardware>,
}

// SAFETY: reached by copies and atomic words only.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Zeroed memory, aligned to a page.
    pub fn allocate(hardware: &Shared<Hardware>, bytes: usize) -> Result<Self, PlatformError> {
        let length = bytes.max(1);
        let allocated = length
            .checked_next_multiple_of(PAGE)
            .and_then(|length| u32::try_from(length).ok())
            .ok_or(PlatformError::Invalid)?;
        // SAFETY: callable at any IRQL.
        if unsafe { KeGetCurrentIrql() } != PASSIVE_LEVEL {
            return Err(PlatformError::Unsupported);
        }
        let mut block = try_box(Block {
            base: NonNull::dangling(),
            physical: 0,
            length: allocated,
            next: ptr::null_mut(),
        })
        .map_err(|_| PlatformError::NoMemory)?;
        let (mut base, mut physical): (PVOID, PHYSICAL_ADDRESS) = (ptr::null_mut(), 0);
        // SAFETY: at PASSIVE_LEVEL, after DMA was registered.
        unsafe {
            NdisMAllocateSharedMemory(
                hardware.adapter,
                allocated,
                TRUE,
                &raw mut base,
                &raw mut physical,
            );
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or(PlatformError::NoMemory)?;
        // SAFETY: callable at any IRQL; the block is nonpaged memory.
        hardware.note(physical, unsafe {
            MmGetPhysicalAddress(base.as_ptr().cast())
        });
        (block.base, block.physical) = (base, physical);
        let memory = Self {
            base,
            physical,
            length: bytes,
            block: Some(block),
            hardware: hardware.clone(),
        };
        if physical.cast_unsigned() & (PAGE as u64 - 1) != 0 {
            return Err(PlatformError::Invalid);
        }
        // SAFETY: the block has this length and nobody else has it.
        unsafe { base.as_ptr().write_bytes(0, allocated as usize) };
        Ok(memory)
    }

    /// Address of byte 0, for an MDL over it.
    #[must_use]
    pub fn virtual_address(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    fn at(&self, offset: usize, size: usize) -> *mut u8 {
        let inside = offset
            .checked_add(size)
            .is_some_and(|end| end <= self.length);
        assert!(inside, "outside the buffer: a bug of the caller");
        // SAFETY: inside the block.
        unsafe { self.base.as_ptr().add(offset) }
    }

    fn word<T>(&self, offset: usize) -> *mut T {
        let size = size_of::<T>();
        assert!(
            offset.is_multiple_of(size),
            "not aligned: a bug of the caller"
        );
        self.at(offset, size).cast()
    }
}

impl DmaBuffer for SharedMemory {
    fn iova(&self) -> u64 {
        self.physical.cast_unsigned()
    }

    fn len(&self) -> usize {
        self.length
    }

    fn read(&self, offset: usize, data: &mut [u8]) {
        let from = self.at(offset, data.len());
        // SAFETY: inside the block; what the device writes meanwhile gives some value, which the caller checks.
        unsafe { ptr::copy_nonoverlapping(from, data.as_mut_ptr(), data.len()) }
    }

    fn write(&self, offset: usize, data: &[u8]) {
        let to = self.at(offset, data.len());
        // SAFETY: inside the block, which is memory of ours.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), to, data.len()) }
    }

    fn load_u16(&self, offset: usize) -> u16 {
        // SAFETY: inside the block, aligned.
        unsafe { AtomicU16::from_ptr(self.word(offset)) }.load(Ordering::Acquire)
    }

    fn load_u32(&self, offset: usize) -> u32 {
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(self.word(offset)) }.load(Ordering::Acquire)
    }

    fn load_u64(&self, offset: usize) -> u64 {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.word(offset)) }.load(Ordering::Acquire)
    }

    fn store_u16(&self, offset: usize, value: u16) {
        // SAFETY: as above.
        unsafe { AtomicU16::from_ptr(self.word(offset)) }.store(value, Ordering::Release);
    }

    fn store_u32(&self, offset: usize, value: u32) {
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(self.word(offset)) }.store(value, Ordering::Release);
    }

    fn store_u64(&self, offset: usize, value: u64) {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.word(offset)) }.store(value, Ordering::Release);
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let Some(block) = self.block.take() else {
            return;
        };
        // SAFETY: callable at any IRQL.
        if unsafe { KeGetCurrentIrql() } == PASSIVE_LEVEL {
            block.free(self.hardware.adapter);
        } else {
            self.hardware.retired.push(block);
        }
    }
}

/// What freeing a buffer takes. It lies beside the buffer, never in it: what is in it the device may change until it is
/// unmapped.
struct Block {
    base: NonNull<u8>,
    physical: PHYSICAL_ADDRESS,
    /// As it was allocated, whole pages.
    length: u32,
    /// The next on the list of those that are to be freed.
    next: *mut Block,
}

impl Block {
    fn free(&self, adapter: NDIS_HANDLE) {
        // SAFETY: allocated with these values, at PASSIVE_LEVEL now, and used by nobody.
        unsafe {
            NdisMFreeSharedMemory(
                adapter,
                self.length,
                TRUE,
                self.base.as_ptr().cast(),
                self.physical,
            );
        }
    }
}

/// Blocks to free at PASSIVE_LEVEL.
pub(super) struct Retired {
    first: AtomicPtr<Block>,
}

impl Retired {
    pub(super) const fn new() -> Self {
        Self {
            first: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn push(&self, block: Box<Block>) {
        let block = Box::into_raw(block);
        let mut next = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY: ours until it is on the list.
            unsafe { (*block).next = next };
            match self.first.compare_exchange_weak(
                next,
                block,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => next = now,
            }
        }
    }

    /// Takes all of them off the list.
    fn take(&self, mut each: impl FnMut(Box<Block>)) {
        let mut at = self.first.swap(ptr::null_mut(), Ordering::Acquire);
        while !at.is_null() {
            // SAFETY: put there by `push`; the list was taken whole, so it is ours.
            let block = unsafe { Box::from_raw(at) };
            at = block.next;
            each(block);
        }
    }

    pub(super) fn free(&self, _: &Passive, adapter: NDIS_HANDLE) {
        self.take(|block| block.free(adapter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// The list once ran through the blocks themselves, where a device wrote over its links.
    #[test]
    fn retired_memory_is_left_alone_because_the_device_may_change_it() {
        let retired = Retired::new();
        for address in [1usize << 12, 2 << 12, 3 << 12] {
            retired.push(Box::new(Block {
                // No memory is there: touching it ends the test.
                base: NonNull::new(ptr::without_provenance_mut(address)).unwrap(),
                physical: 0,
                length: 4096,
                next: ptr::null_mut(),
            }));
        }
        let mut taken = Vec::new();
        retired.take(|block| taken.push(block.base.addr().get() >> 12));
        assert_eq!(taken, [3, 2, 1]);
        retired.take(|_| panic!("taken twice"));
    }
}
