//! Memory descriptor lists, physical addresses, register mappings.
//!
//! `unsafe`: descriptors lie in driver or host memory.

use std::ffi::c_void;

use ndis_sys::nt::MDL;

use super::pool;
use crate::breach::{Rule, breach};
use crate::inject::{self, Kind};
use crate::mmio;
use crate::ram::{self, PAGE};

/// MDL.MdlFlags.
pub const MAPPED_TO_SYSTEM_VA: i16 = 0x1;
/// As above.
pub const PAGES_LOCKED: i16 = 0x2;
/// As above.
pub const SOURCE_IS_NONPAGED_POOL: i16 = 0x4;
/// As above.
pub const PARTIAL: i16 = 0x10;

/// Bytes of the fixed part; page frame numbers follow.
pub const HEADER: usize = 0x30;
const MDL_BLOCK: &str = "MDL";
const TAG: u32 = u32::from_le_bytes(*b"Mdl ");

/// Pages that a range touches.
pub fn pages(address: usize, length: usize) -> usize {
    ((address % PAGE) + length).div_ceil(PAGE)
}

/// Allocates and describes, without page frame numbers.
pub fn allocate(address: usize, length: u32) -> *mut MDL {
    let size = HEADER + 8 * pages(address, length as usize);
    let mdl = pool::allocate(size, TAG, 0, MDL_BLOCK) as *mut MDL;
    if !mdl.is_null() {
        // SAFETY: zeroed memory of our own, of this size.
        unsafe {
            (*mdl).Size = size as i16;
            (*mdl).StartVa = (address & !(PAGE - 1)) as *mut c_void;
            (*mdl).ByteOffset = (address % PAGE) as u32;
            (*mdl).ByteCount = length;
        }
    }
    mdl
}

/// Fills in page frame numbers of memory that is always there.
///
/// # Safety
/// `mdl` was allocated for its range.
pub unsafe fn build(mdl: *mut MDL) {
    // SAFETY: an MDL of the caller.
    let (start, offset, count) = unsafe {
        (
            (*mdl).StartVa as usize,
            (*mdl).ByteOffset as usize,
            (*mdl).ByteCount as usize,
        )
    };
    let frames = mdl as usize + HEADER;
    for index in 0..pages(offset, count) {
        let Some(physical) = ram::physical(start + index * PAGE) else {
            breach(
                Rule::AccessFault,
                format_args!(
                    "an MDL for {:#x}, which is no memory that can be locked",
                    start + index * PAGE
                ),
            );
        };
        // SAFETY: `allocate` made room for a frame number a page.
        unsafe { ((frames + 8 * index) as *mut u64).write(physical / PAGE as u64) };
    }
    // SAFETY: as above.
    unsafe {
        (*mdl).MdlFlags |= SOURCE_IS_NONPAGED_POOL;
        (*mdl).MappedSystemVa = (start + offset) as *mut c_void;
    }
}

/// Frees one descriptor.
pub fn release(mdl: *mut MDL) {
    pool::release(mdl as usize, TAG);
}

pub(super) extern "win64" fn io_allocate_mdl(
    address: usize,
    length: u32,
    _secondary: u8,
    _quota: u8,
    _irp: usize,
) -> *mut MDL {
    if inject::fails(Kind::Memory) {
        return std::ptr::null_mut();
    }
    allocate(address, length)
}

pub(super) extern "win64" fn io_free_mdl(mdl: *mut MDL) {
    release(mdl);
}

pub(super) extern "win64" fn mm_build_mdl_for_non_paged_pool(mdl: *mut MDL) {
    // SAFETY: the caller's MDL, from IoAllocateMdl.
    unsafe { build(mdl) };
}

pub(super) extern "win64" fn mm_probe_and_lock_pages(mdl: *mut MDL, _mode: i8, _operation: i32) {
    // SAFETY: as above.
    unsafe {
        build(mdl);
        (*mdl).MdlFlags = (*mdl).MdlFlags & !SOURCE_IS_NONPAGED_POOL | PAGES_LOCKED;
    }
}

pub(super) extern "win64" fn mm_unlock_pages(mdl: *mut MDL) {
    // SAFETY: the caller's MDL.
    let flags = unsafe { (*mdl).MdlFlags };
    if flags & PAGES_LOCKED == 0 {
        breach(
            Rule::Handle,
            format_args!("the pages of MDL {mdl:p} are not locked"),
        );
    }
    // SAFETY: as above.
    unsafe { (*mdl).MdlFlags &= !PAGES_LOCKED };
}

pub(super) extern "win64" fn mm_map_locked_pages_specify_cache(
    mdl: *mut MDL,
    _mode: i8,
    _cache: i32,
    _address: usize,
    _bug_check: u32,
    _priority: u32,
) -> *mut c_void {
    // SAFETY: the caller's MDL.
    let (flags, start, offset) = unsafe {
        (
            (*mdl).MdlFlags,
            (*mdl).StartVa as usize,
            (*mdl).ByteOffset as usize,
        )
    };
    if flags & (PAGES_LOCKED | PARTIAL) == 0 {
        breach(
            Rule::Handle,
            format_args!("the pages of MDL {mdl:p} are not locked"),
        );
    }
    if inject::fails(Kind::Map) {
        return std::ptr::null_mut();
    }
    // The buffer is mapped already, where it was made: its address serves.
    // SAFETY: as above.
    unsafe {
        (*mdl).MappedSystemVa = (start + offset) as *mut c_void;
        (*mdl).MdlFlags |= MAPPED_TO_SYSTEM_VA;
        (*mdl).MappedSystemVa
    }
}

pub(super) extern "win64" fn mm_unmap_locked_pages(_address: usize, mdl: *mut MDL) {
    // SAFETY: the caller's MDL.
    unsafe { (*mdl).MdlFlags &= !MAPPED_TO_SYSTEM_VA };
}

pub(super) extern "win64" fn io_build_partial_mdl(
    source: *const MDL,
    target: *mut MDL,
    address: usize,
    length: u32,
) {
    // SAFETY: MDLs of the caller; the target was allocated for the range, which lies in the source's.
    unsafe {
        let first = (address & !(PAGE - 1)).wrapping_sub((*source).StartVa as usize) / PAGE;
        (*target).StartVa = (address & !(PAGE - 1)) as *mut c_void;
        (*target).ByteOffset = (address % PAGE) as u32;
        (*target).ByteCount = length;
        (*target).MdlFlags |= PARTIAL | ((*source).MdlFlags & SOURCE_IS_NONPAGED_POOL);
        (*target).MappedSystemVa = address as *mut c_void;
        let count = pages(address, length as usize);
        let from = (source as usize + HEADER + 8 * first) as *const u64;
        std::ptr::copy(from, (target as usize + HEADER) as *mut u64, count);
    }
}

pub(super) extern "win64" fn mm_get_physical_address(address: usize) -> u64 {
    ram::physical(address).unwrap_or_else(|| {
        breach(
            Rule::AccessFault,
            format_args!("{address:#x} has no physical address: it is not pool"),
        )
    })
}

const CONTIGUOUS: &str = "contiguous memory";
const CONTIGUOUS_TAG: u32 = u32::from_le_bytes(*b"Cont");

pub(super) extern "win64" fn mm_allocate_contiguous(size: usize) -> usize {
    if inject::fails(Kind::Memory) {
        return 0;
    }
    pool::allocate(size.next_multiple_of(PAGE), CONTIGUOUS_TAG, 0, CONTIGUOUS)
}

pub(super) extern "win64" fn mm_free_contiguous_memory(address: usize) {
    pool::release(address, CONTIGUOUS_TAG);
}

pub(super) extern "win64" fn mm_map_io_space(physical: u64, length: usize, _kind: u32) -> usize {
    if inject::fails(Kind::Map) {
        return 0;
    }
    mmio::map(physical, length)
}

pub(super) extern "win64" fn mm_unmap_io_space(address: usize, length: usize) {
    mmio::unmap(address, length);
}
