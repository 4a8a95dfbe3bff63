//! Rings that the driver gives as page lists.
//!
//! ```text
//!    consumer                producer           producer - consumer <= entries
//!       v                       v               slot  = index mod entries
//!  ...  [ valid  valid  valid ] [ free ...      owner = not bit `log_entries` of index
//! ```
//! Which side moves which index depends on the queue. Indices run freely modulo 2^32 `[CONV-5]`.

use core::mem::offset_of;

use rnic_abi::{RingDescription, SyndromeReason, consts::PAGE_SIZE};
use rnic_mutant::mutant;
use zerocopy::IntoBytes;

use crate::dma::{DmaError, DmaSpace};
use crate::doorbell::is_queue_slot;
use crate::error::CommandError;

const PAGE: u64 = PAGE_SIZE as u64;

/// What a kind of queue allows in its [`RingDescription`].
#[derive(Clone, Copy, Debug)]
pub struct RingRules {
    /// Smallest log2 of bytes in an entry.
    pub min_log_stride: u8,
    /// Largest log2 of bytes in an entry; at most 12.
    pub max_log_stride: u8,
    /// Largest log2 of entries.
    pub max_log_entries: u64,
}

/// A description of a ring that was checked: what [`RingShape::load`] takes.
#[derive(Clone, Copy, Debug)]
pub struct RingShape {
    page_list: u64,
    pages: u64,
    log_entries: u8,
    log_stride: u8,
    slot: u32,
    at: usize,
}

impl RingShape {
    /// Checks the fields of a description that lies `at` bytes into a request `[CMD-23]`,
    /// `[DB-1]`. No memory is read, no slot is taken.
    pub fn check(
        description: &RingDescription,
        rules: RingRules,
        at: usize,
    ) -> Result<Self, CommandError> {
        let page_list_at = at + offset_of!(RingDescription, page_list);
        let page_count_at = at + offset_of!(RingDescription, page_count);
        let entries_at = at + offset_of!(RingDescription, log_entries);
        let stride_at = at + offset_of!(RingDescription, log_stride);
        let slot = description.doorbell.get();
        let (log_entries, log_stride) = (description.log_entries, description.log_stride);

        // In the order of the fields [CMD-13]; the number of pages needs those behind it, so
        // its own check comes after theirs.
        if !description.page_list.get().is_multiple_of(8) && !mutant("CMD-23/list") {
            return Err(CommandError::invalid(
                SyndromeReason::NOT_ALIGNED,
                page_list_at,
            ));
        }
        if log_entries < 1 && !mutant("CMD-23/entries") {
            return Err(CommandError::too_small(entries_at));
        }
        if u64::from(log_entries) > rules.max_log_entries || log_entries > 31 {
            return Err(CommandError::too_large(entries_at));
        }
        if !(rules.min_log_stride..=rules.max_log_stride.min(12)).contains(&log_stride) {
            return Err(CommandError::bad_value(stride_at));
        }
        let bytes = 1u64 << (u32::from(log_entries) + u32::from(log_stride));
        let pages = bytes.div_ceil(PAGE);
        if u64::from(description.page_count.get()) != pages && !mutant("CMD-23/count") {
            return Err(CommandError::bad_value(page_count_at));
        }
        if !is_queue_slot(slot) && !mutant("DB-1/slot") {
            return Err(CommandError::bad_value(
                at + offset_of!(RingDescription, doorbell),
            ));
        }
        Ok(Self {
            page_list: description.page_list.get(),
            pages,
            log_entries,
            log_stride,
            slot,
            at,
        })
    }

    /// Reads the page list, once `[CMD-24]`. The pages themselves are not looked at.
    pub fn load(&self, dma: &DmaSpace) -> Result<Ring, CommandError> {
        let at = self.at + offset_of!(RingDescription, page_list);
        let pages = read_page_list(dma, self.page_list, self.pages)
            .map_err(|_| CommandError::unreachable(at))?;
        if pages.iter().any(|page| !page.is_multiple_of(PAGE)) && !mutant("CMD-23/page") {
            return Err(CommandError::invalid(SyndromeReason::NOT_ALIGNED, at));
        }
        Ok(Ring {
            pages,
            log_entries: self.log_entries,
            log_stride: self.log_stride,
        })
    }

    /// Number of entries.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        1 << self.log_entries
    }

    /// Bytes of an entry.
    #[must_use]
    pub const fn stride(&self) -> u32 {
        1 << self.log_stride
    }

    /// Log2 of the bytes of an entry.
    #[must_use]
    pub const fn log_stride(&self) -> u8 {
        self.log_stride
    }

    /// Doorbell slot; a slot that a queue can own.
    #[must_use]
    pub const fn slot(&self) -> u32 {
        self.slot
    }

    /// Offset of the field `doorbell` in the request.
    #[must_use]
    pub const fn doorbell_at(&self) -> usize {
        self.at + offset_of!(RingDescription, doorbell)
    }

    /// Offset of the field `log_entries` in the request.
    #[must_use]
    pub const fn log_entries_at(&self) -> usize {
        self.at + offset_of!(RingDescription, log_entries)
    }

    /// Offset of the field `log_stride` in the request.
    #[must_use]
    pub const fn log_stride_at(&self) -> usize {
        self.at + offset_of!(RingDescription, log_stride)
    }
}

/// A ring of entries in guest memory.
#[derive(Clone, Debug)]
pub struct Ring {
    pages: Box<[u64]>,
    log_entries: u8,
    log_stride: u8,
}

impl Ring {
    /// Number of entries, a power of two.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        1 << self.log_entries
    }

    /// Bytes of an entry, a power of two.
    #[must_use]
    pub const fn stride(&self) -> u32 {
        1 << self.log_stride
    }

    /// Log2 of the bytes of an entry.
    #[must_use]
    pub const fn log_stride(&self) -> u8 {
        self.log_stride
    }

    /// Slot of the entry with free-running index `index`.
    #[must_use]
    pub const fn slot(&self, index: u32) -> u32 {
        index & (self.entries() - 1)
    }

    /// Owner bit of the entry with free-running index `index` `[CONV-6]`.
    #[must_use]
    pub const fn owner(&self, index: u32) -> u8 {
        if index & self.entries() == 0 { 1 } else { 0 }
    }

    /// DMA address of the entry with free-running index `index`.
    #[must_use]
    pub fn address(&self, index: u32) -> u64 {
        let offset = u64::from(self.slot(index)) << self.log_stride;
        // There are as many pages as the ring needs, so the page is always found.
        let page = usize::try_from(offset / PAGE).ok();
        let base = page.and_then(|page| self.pages.get(page)).copied();
        base.unwrap_or(0) + offset % PAGE
    }

    /// Copies the entry with free-running index `index` out, once; `to` may be shorter than an
    /// entry.
    pub fn fetch(&self, dma: &DmaSpace, index: u32, to: &mut [u8]) -> Result<(), DmaError> {
        let stride = usize::try_from(self.stride()).unwrap_or(usize::MAX);
        let len = to.len().min(stride);
        match to.get_mut(..len) {
            Some(to) => dma.read(self.address(index), to),
            None => Ok(()),
        }
    }

    /// Writes the entry with free-running index `index`: first all but the last 8 bytes, then
    /// these as one store that publishes the entry, after all data that was placed before `[CONV-7]`,
    /// `[QP-36]`. The owner bit is in `entry` already. An entry of another length than the stride is not written.
    pub fn publish(&self, dma: &DmaSpace, index: u32, entry: &[u8]) -> Result<(), DmaError> {
        let Some((body, last)) = entry.split_last_chunk::<8>() else {
            return Ok(());
        };
        debug_assert_eq!(entry.len() as u64, u64::from(self.stride()));
        let address = self.address(index);
        dma.write(address, body)?;
        dma.store_release_u64(address + body.len() as u64, u64::from_le_bytes(*last))
    }
}

impl Ring {
    /// Makes a zeroed ring one in which no entry from index `first` on looks valid
    /// `[CONV-6]`: where the pass asks for owner bit 0, the entries get owner bit 1.
    pub fn clear_owners(&self, dma: &DmaSpace, first: u32) -> Result<(), DmaError> {
        let split = self.slot(first);
        let slots = if self.owner(first) == 0 {
            split..self.entries()
        } else {
            0..split
        };
        // A page at a time: a large ring has many entries.
        let stride = self.stride();
        let mut pattern = [0u8; PAGE_SIZE as usize];
        let last_bytes = pattern
            .iter_mut()
            .skip(stride.saturating_sub(1) as usize)
            .step_by(stride as usize);
        last_bytes.for_each(|byte| *byte = 1);
        let a_page = PAGE_SIZE / stride;
        let mut slot = slots.start;
        while slot < slots.end {
            let until = (slot / a_page + 1).saturating_mul(a_page).min(slots.end);
            let bytes = ((until - slot) * stride) as usize;
            if let Some(part) = pattern.get(..bytes) {
                dma.write(self.address(slot), part)?;
            }
            slot = until;
        }
        Ok(())
    }
}

/// Reads `count` page addresses at `list`.
fn read_page_list(dma: &DmaSpace, list: u64, count: u64) -> Result<Box<[u64]>, DmaError> {
    // `count` is bounded by the limits on entries and stride.
    let count = usize::try_from(count).unwrap_or(0);
    let mut pages = vec![0u64; count].into_boxed_slice();
    dma.read(list, pages.as_mut_bytes())?;
    for page in &mut pages {
        *page = u64::from_le(*page);
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rnic_abi::Status;

    use super::*;
    use crate::testing::Guest;

    const RULES: RingRules = RingRules {
        min_log_stride: 6,
        max_log_stride: 10,
        max_log_entries: 8,
    };

    const SLOT: u32 = 512 + 8;

    fn load(d: &RingDescription, dma: &DmaSpace, at: usize) -> Result<Ring, CommandError> {
        RingShape::check(d, RULES, at)?.load(dma)
    }

    #[test]
    fn what_a_description_may_say() {
        // [CMD-23] [CMD-24]
        let mut guest = Guest::new();
        let good = guest.ring(7, 6, SLOT);
        let dma = guest.space();
        assert!(load(&good, &dma, 0).is_ok());

        let refused = |change: &dyn Fn(&mut RingDescription)| {
            let mut bad = good;
            change(&mut bad);
            let e = load(&bad, &dma, 100).unwrap_err();
            (e.status, e.reason, e.offset)
        };
        let invalid = Status::INVALID_FIELD;
        let exceeded = Status::LIMIT_EXCEEDED;
        assert_eq!(
            refused(&|d| d.page_list.set(d.page_list.get() + 4)),
            (invalid, SyndromeReason::NOT_ALIGNED, 100)
        );
        assert_eq!(
            refused(&|d| d.page_count.set(1)),
            (invalid, SyndromeReason::BAD_VALUE, 108)
        );
        assert_eq!(
            refused(&|d| d.log_entries = 0),
            (exceeded, SyndromeReason::TOO_SMALL, 112)
        );
        for log in [9, 31, 32, 255] {
            assert_eq!(
                refused(&|d| d.log_entries = log),
                (exceeded, SyndromeReason::TOO_LARGE, 112)
            );
        }
        for log in [0, 5, 11, 255] {
            assert_eq!(
                refused(&|d| d.log_stride = log),
                (invalid, SyndromeReason::BAD_VALUE, 113)
            );
        }
        assert_eq!(
            refused(&|d| d.page_list.set(0x7FFF_0000_0000)),
            (Status::DMA_ERROR, SyndromeReason::NOT_REACHABLE, 100)
        );
        for slot in [0, 7, 511, 512, 519, 1024 + 7, 1024 * 512, u32::MAX] {
            assert_eq!(
                refused(&|d| d.doorbell.set(slot)),
                (invalid, SyndromeReason::BAD_VALUE, 116),
                "slot {slot}"
            );
        }
        guest.write_u64(good.page_list.get() + 8, 0x1008);
        assert_eq!(
            refused(&|_| ()),
            (invalid, SyndromeReason::NOT_ALIGNED, 100)
        );
    }

    #[test]
    fn an_entry_is_found_in_its_page_whatever_the_order_of_pages() {
        let mut guest = Guest::new();
        let d = guest.ring(7, 6, SLOT);
        let dma = guest.space();
        let list = d.page_list.get();
        let (a, b) = (guest.read_u64(list), guest.read_u64(list + 8));
        guest.write_u64(list, b);
        guest.write_u64(list + 8, a);
        let ring = load(&d, &dma, 0).unwrap();
        assert_eq!(ring.address(3), b + 3 * 64);
        assert_eq!(ring.address(64), a);
        assert_eq!(ring.address(128 + 65), a + 64);
        let mut entry = [7u8; 64];
        entry[63] = ring.owner(65);
        ring.publish(&dma, 65, &entry).unwrap();
        let mut back = [0u8; 64];
        ring.fetch(&dma, 65, &mut back).unwrap();
        assert_eq!(back, entry);
    }

    proptest! {
        #[test]
        fn indices_wrap_without_a_seam(log in 1u8..8, start: u32, steps in 0u32..600) {
            // [CONV-5] [CONV-6]
            let ring = Ring { pages: vec![0; 16].into_boxed_slice(), log_entries: log, log_stride: 6 };
            let n = ring.entries();
            let index = start.wrapping_add(steps);
            prop_assert_eq!(ring.slot(index.wrapping_add(n)), ring.slot(index));
            prop_assert_ne!(ring.owner(index.wrapping_add(n)), ring.owner(index));
            let next = index.wrapping_add(1);
            prop_assert_eq!(ring.slot(next), (ring.slot(index) + 1) % n);
            prop_assert_eq!(ring.owner(next) != ring.owner(index), ring.slot(next) == 0);
        }
    }
}
