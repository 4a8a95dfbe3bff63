//! Memory that consumers describe by chains of MDLs: which pages it is, and whether it is one piece.

use ndis_sys::ndk::{MDL, NTSTATUS, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER};
use rnic_driver_core::Bounded;

use crate::System;
use crate::mr::{Memory, PAGE};

/// MDLs of no bytes that a chain may have; one that goes in circles has more.
const MOST_EMPTY: u32 = 4096;

/// Where a piece of memory starts.
pub(crate) struct Start {
    pub(crate) base: u64,
    /// Offset of the first byte in the first page.
    pub(crate) first_offset: u32,
}

/// Gives the physical page frames of the first `length` bytes of a chain to `each`, in order. They must be virtually
/// contiguous. (ndkpi.md 6.5)
///
/// # Safety
/// `mdl` is null or a chain of MDLs, each followed by its page frame numbers, that stays during the call.
pub(crate) unsafe fn walk(
    mut mdl: *const MDL,
    length: u64,
    mut each: impl FnMut(u64) -> Result<(), NTSTATUS>,
) -> Result<Start, NTSTATUS> {
    let mut start = None;
    let mut expected = 0u64;
    let mut left = length;
    let mut empty = 0;
    if length == 0 {
        return Err(STATUS_INVALID_PARAMETER);
    }
    while left > 0 {
        // SAFETY: the caller says so; null ends the chain.
        let Some(this) = (unsafe { mdl.as_ref() }) else {
            return Err(STATUS_INVALID_PARAMETER);
        };
        let frames = mdl.wrapping_add(1).cast::<usize>();
        mdl = this.Next;
        let offset = u64::from(this.ByteOffset);
        let bytes = u64::from(this.ByteCount).min(left);
        if bytes == 0 {
            empty += 1;
            if empty > MOST_EMPTY {
                return Err(STATUS_INVALID_PARAMETER);
            }
            continue;
        }
        let address = (this.StartVa as u64)
            .checked_add(offset)
            .ok_or(STATUS_INVALID_PARAMETER)?;
        let end = address.checked_add(bytes).ok_or(STATUS_INVALID_PARAMETER)?;
        let follows = start.is_some();
        if offset >= PAGE || (follows && (address != expected || !address.is_multiple_of(PAGE))) {
            return Err(STATUS_INVALID_PARAMETER);
        }
        if !follows {
            start = Some(Start {
                base: address,
                first_offset: this.ByteOffset,
            });
        }
        let pages = (offset + bytes).div_ceil(PAGE);
        for page in 0..pages {
            let at = usize::try_from(page).map_err(|_| STATUS_INVALID_PARAMETER)?;
            // SAFETY: an MDL has a frame number for every page that its bytes touch, right behind it.
            let frame = unsafe { frames.add(at).read() };
            each(frame as u64)?;
        }
        expected = end;
        left -= bytes;
    }
    start.ok_or(STATUS_INVALID_PARAMETER)
}

/// The memory that a chain describes, with the addresses that the device uses for it.
///
/// # Safety
/// As [`walk`].
pub(crate) unsafe fn memory<S: System>(
    system: &S,
    mdl: *const MDL,
    length: u64,
) -> Result<Memory, NTSTATUS> {
    let mut pages = Bounded::new();
    let room = usize::try_from(length.div_ceil(PAGE)).map_err(|_| STATUS_INVALID_PARAMETER)?;
    // One more when the first byte is not the first of its page.
    pages
        .reserve(room + 1)
        .map_err(|_| STATUS_INSUFFICIENT_RESOURCES)?;
    let push = |frame| {
        let address = system
            .page_address(frame)
            .ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
        pages
            .push(address)
            .map_err(|_| STATUS_INSUFFICIENT_RESOURCES)
    };
    // SAFETY: the caller's promise.
    let start = unsafe { walk(mdl, length, push) }?;
    Ok(Memory {
        base: start.base,
        length,
        pages,
    })
}

#[cfg(test)]
mod tests {
    use super::walk;
    use ndis_sys::ndk::{MDL, NTSTATUS, STATUS_INVALID_PARAMETER};
    use std::vec::Vec;

    #[repr(C)]
    struct Piece {
        mdl: MDL,
        frames: [usize; 3],
    }

    fn piece(va: usize, offset: u32, bytes: u32, frames: [usize; 3]) -> Piece {
        let mdl = MDL {
            Next: core::ptr::null_mut(),
            Size: 0x48,
            MdlFlags: 0,
            Process: core::ptr::null_mut(),
            MappedSystemVa: core::ptr::null_mut(),
            StartVa: core::ptr::without_provenance_mut(va),
            ByteCount: bytes,
            ByteOffset: offset,
        };
        Piece { mdl, frames }
    }

    fn frames(pieces: &mut [Piece], length: u64) -> Result<Vec<u64>, NTSTATUS> {
        let first: *mut Piece = pieces.as_mut_ptr();
        for at in 1..pieces.len() {
            pieces[at - 1].mdl.Next = first.wrapping_add(at).cast();
        }
        let mut found = Vec::new();
        // SAFETY: the pieces are MDLs with their frames.
        unsafe {
            walk(first.cast(), length, |frame| {
                found.push(frame);
                Ok(())
            })
        }
        .map(|_| found)
    }

    #[test]
    fn chains_must_be_contiguous_as_far_as_they_are_used() {
        let one = || piece(0x10000, 0x800, 0x1000, [7, 9, 0]);
        assert_eq!(frames(&mut [one()], 0x1000), Ok(Vec::from([7, 9])));
        assert_eq!(frames(&mut [one()], 0x800), Ok(Vec::from([7])));
        assert_eq!(
            frames(&mut [one()], 0x1001),
            Err(STATUS_INVALID_PARAMETER),
            "too short"
        );
        assert_eq!(frames(&mut [one()], 0), Err(STATUS_INVALID_PARAMETER));
        let whole = || piece(0x10000, 0x800, 0x800, [7, 0, 0]);
        let next = || piece(0x11000, 0, 0x2000, [1, 2, 0]);
        assert_eq!(
            frames(&mut [whole(), next()], 0x2000),
            Ok(Vec::from([7, 1, 2]))
        );
        // The first ends inside a page.
        let ends_inside = piece(0x10000, 0, 0x800, [7, 0, 0]);
        let goes_on_inside = piece(0x10000, 0x800, 0x800, [7, 0, 0]);
        assert_eq!(
            frames(&mut [ends_inside, goes_on_inside], 0x1000),
            Err(STATUS_INVALID_PARAMETER)
        );
        // A gap, of which nothing is used in the second case.
        let far = || piece(0x20000, 0, 0x1000, [3, 0, 0]);
        assert_eq!(
            frames(&mut [whole(), far()], 0x1000),
            Err(STATUS_INVALID_PARAMETER)
        );
        assert_eq!(frames(&mut [whole(), far()], 0x800), Ok(Vec::from([7])));
    }

    #[test]
    fn chain_in_a_circle_of_nothing_ends() {
        let mut pieces = [piece(0x10000, 0, 0, [0; 3])];
        let itself: *mut MDL = pieces.as_mut_ptr().cast();
        // SAFETY: an MDL.
        unsafe { (*itself).Next = itself };
        // SAFETY: as above.
        let result = unsafe { walk(itself, 1, |_| Ok(())) };
        assert_eq!(result.err(), Some(STATUS_INVALID_PARAMETER));
    }
}
