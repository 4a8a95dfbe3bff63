//! Reading what a NET_BUFFER describes.

use core::ptr;

use ndis_sys::ndis::NET_BUFFER;
use ndis_sys::nt::*;

/// System address of the first byte that an MDL describes; null when it cannot be mapped.
///
/// # Safety
/// `mdl` is valid, and locked.
unsafe fn address(mdl: *mut MDL) -> *mut u8 {
    // SAFETY: as promised.
    let (flags, mapped) = unsafe { ((*mdl).MdlFlags, (*mdl).MappedSystemVa) };
    if flags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL) != 0 {
        return mapped.cast();
    }
    // SAFETY: as promised; whoever made the MDL unmaps it with its end.
    unsafe {
        MmMapLockedPagesSpecifyCache(
            mdl,
            KERNEL_MODE,
            MM_CACHED,
            ptr::null_mut(),
            0,
            NORMAL_PAGE_PRIORITY | MDL_MAPPING_NO_EXECUTE,
        )
    }
    .cast()
}

/// Copies the first bytes of the data; how many there were. Fewer than the data has means that memory could not be
/// mapped.
///
/// # Safety
/// `buffer` is valid, with its MDLs, and ours.
pub unsafe fn head(buffer: *const NET_BUFFER, to: &mut [u8]) -> usize {
    // SAFETY: as promised.
    let (mut mdl, mut offset, length) = unsafe {
        let buffer = &*buffer;
        (
            buffer.CurrentMdl,
            buffer.CurrentMdlOffset as usize,
            buffer.DataLength as usize,
        )
    };
    let wanted = length.min(to.len());
    let mut copied = 0;
    while copied < wanted && !mdl.is_null() {
        // SAFETY: as promised.
        let count = unsafe { (*mdl).ByteCount } as usize;
        let here = count.saturating_sub(offset).min(wanted - copied);
        if here != 0 {
            // SAFETY: as promised.
            let from = unsafe { address(mdl) };
            let Some(to) = to.get_mut(copied..copied + here) else {
                break;
            };
            if from.is_null() {
                break;
            }
            // SAFETY: the MDL describes `count` bytes.
            unsafe { ptr::copy_nonoverlapping(from.add(offset), to.as_mut_ptr(), here) };
            copied += here;
        }
        offset = offset.saturating_sub(count);
        // SAFETY: as promised.
        mdl = unsafe { (*mdl).Next };
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mdl(bytes: &mut [u8], next: *mut MDL) -> MDL {
        MDL {
            Next: next,
            Size: 0x30,
            MdlFlags: MDL_SOURCE_IS_NONPAGED_POOL,
            Process: ptr::null_mut(),
            MappedSystemVa: bytes.as_mut_ptr().cast(),
            StartVa: ptr::null_mut(),
            ByteCount: u32::try_from(bytes.len()).unwrap(),
            ByteOffset: 0,
        }
    }

    #[test]
    fn data_is_read_across_mdls_and_no_further_than_it_goes() {
        let (mut a, mut b, mut c) = ([1, 2, 3], [0u8; 0], [4, 5, 6, 7]);
        let mut third = mdl(&mut c, ptr::null_mut());
        let mut second = mdl(&mut b, &raw mut third);
        let mut first = mdl(&mut a, &raw mut second);
        // SAFETY: null pointers and zeros are values of every field.
        let mut buffer: NET_BUFFER = unsafe { core::mem::zeroed() };
        buffer.CurrentMdl = &raw mut first;
        buffer.CurrentMdlOffset = 1;
        buffer.DataLength = 5;
        let mut to = [0; 16];
        // SAFETY: valid.
        let n = unsafe { head(&raw const buffer, &mut to) };
        assert_eq!(&to[..n], &[2, 3, 4, 5, 6]);
        buffer.CurrentMdlOffset = 4;
        buffer.DataLength = 2;
        // SAFETY: valid.
        let n = unsafe { head(&raw const buffer, &mut to) };
        assert_eq!(&to[..n], &[5, 6]);
    }
}
