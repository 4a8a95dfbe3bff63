//! Shared receive queues.
//!
//! ```text
//!   retired (some of these)   fetched (device)     producer (driver's doorbell)
//!      v                         v                    v
//!    [ taken  taken  taken  taken ][ posted  posted  posted ] free ...
//! ```
//! Entries are taken in order and may retire out of order `[SRQ-3]`. Never
//! producer - retired > entries.

use rnic_abi::{ProducerDoorbell, ProviderError};
use rnic_mutant::mutant;

use crate::dma::DmaSpace;
use crate::error::provider_error;
use crate::retired::RetiredWord;
use crate::ring::Ring;

/// Largest entry of a work queue in bytes (`log_stride` 10).
pub const MAX_ENTRY_BYTES: usize = 1024;

/// An entry that was taken: where it lay. Its bytes are in the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Free-running index in the queue.
    pub index: u32,
    /// Slot of the ring that it lay in.
    pub slot: u32,
    /// Bytes of an entry: how much of the buffer means something.
    pub stride: u32,
    /// Scatter entries that an entry may have.
    pub max_segments: u16,
    /// Fewer entries than the armed limit are left now: raise SRQ_LIMIT, once.
    pub limit_reached: Option<u32>,
}

/// The queue cannot be fetched from any more `[SRQ-6]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shared receive queue in error ({0})")]
pub struct SrqFailed(pub ProviderError);

/// A shared receive queue.
#[derive(Debug)]
pub struct Srq {
    pd: u32,
    ring: Ring,
    slot: u32,
    context: u64,
    max_segments: u16,
    producer: u32,
    fetched: u32,
    retired: RetiredWord,
    /// 0: not armed.
    limit: u32,
    error: Option<ProviderError>,
    /// Queue pairs that use it.
    pub(crate) users: u32,
}

impl Srq {
    /// An empty queue.
    #[must_use]
    pub fn new(
        pd: u32,
        ring: Ring,
        slot: u32,
        context: u64,
        max_segments: u16,
        retired_address: u64,
        limit: u32,
    ) -> Self {
        Self {
            pd,
            ring,
            slot,
            context,
            max_segments,
            producer: 0,
            fetched: 0,
            retired: RetiredWord::new(retired_address),
            limit,
            error: None,
            users: 0,
        }
    }

    /// Protection domain.
    #[must_use]
    pub const fn pd(&self) -> u32 {
        self.pd
    }

    /// Doorbell slot.
    #[must_use]
    pub const fn slot(&self) -> u32 {
        self.slot
    }

    /// What the driver calls it.
    #[must_use]
    pub const fn context(&self) -> u64 {
        self.context
    }

    /// Number of entries of the ring.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        self.ring.entries()
    }

    /// Log2 of the bytes of an entry.
    #[must_use]
    pub const fn log_stride(&self) -> u8 {
        self.ring.log_stride()
    }

    /// Entries posted and not taken.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.producer.wrapping_sub(self.fetched)
    }

    /// Why it is in error, if it is.
    #[must_use]
    pub const fn error(&self) -> Option<ProviderError> {
        self.error
    }

    /// A queue pair uses it from now on.
    pub fn attach(&mut self) {
        self.users = self.users.saturating_add(1);
    }

    /// Ends one [`Srq::attach`].
    pub fn detach(&mut self) {
        self.users = self.users.saturating_sub(1);
    }

    /// Whether a queue pair uses it.
    #[must_use]
    pub const fn is_used(&self) -> bool {
        self.users > 0
    }

    /// Takes a store to the doorbell `[DB-6]`.
    pub fn doorbell(&mut self, value: u64) -> Result<(), SrqFailed> {
        if let Some(error) = self.error {
            return Err(SrqFailed(error));
        }
        let producer = ProducerDoorbell(value).producer();
        let retired = self.retired.count();
        let posted = producer.wrapping_sub(retired);
        let fetched = self.fetched.wrapping_sub(retired);
        if (posted > self.ring.entries() || posted < fetched) && !mutant("DB-6/ahead") {
            return Err(self.fail(ProviderError::RANGE));
        }
        self.producer = producer;
        Ok(())
    }

    /// Takes the next entry, in order, each once `[SRQ-1]`; none when nothing is posted. The entry
    /// is copied to `entry`.
    pub fn take(
        &mut self,
        dma: &DmaSpace,
        entry: &mut [u8; MAX_ENTRY_BYTES],
    ) -> Result<Option<Taken>, SrqFailed> {
        if let Some(error) = self.error {
            return Err(SrqFailed(error));
        }
        if self.remaining() == 0 {
            return Ok(None);
        }
        let index = self.fetched;
        if let Err(error) = self.ring.fetch(dma, index, entry) {
            return Err(self.fail(provider_error(error)));
        }
        self.fetched = index.wrapping_add(1);
        Ok(Some(Taken {
            index,
            slot: self.ring.slot(index),
            stride: self.ring.stride(),
            max_segments: self.max_segments,
            limit_reached: self.below_limit(),
        }))
    }

    /// Retires one entry that was taken; the count with it, as the completion carries it
    /// `[SRQ-3]`.
    pub fn retire(&mut self, dma: &DmaSpace) -> (u32, Result<(), SrqFailed>) {
        let empty = self.retired.count().wrapping_add(1) == self.producer;
        let (count, stored) = self.retired.retire(dma, empty);
        (
            count,
            stored.map_err(|error| self.fail(provider_error(error))),
        )
    }

    /// Stores the retired count if it is not in memory yet `[QP-14]`.
    pub fn flush_retired(&mut self, dma: &DmaSpace) -> Result<(), SrqFailed> {
        self.retired
            .flush(dma)
            .map_err(|error| self.fail(provider_error(error)))
    }

    /// MODIFY_SRQ: arms the limit anew; the entries left when it is reached already `[SRQ-2]`.
    pub fn set_limit(&mut self, limit: u32) -> Option<u32> {
        self.limit = limit;
        self.below_limit()
    }

    /// RESIZE_SRQ: fetches from `ring` from now on; false when the outstanding entries do not fit
    /// `[SRQ-5]`.
    #[must_use]
    pub fn resize(&mut self, ring: Ring) -> bool {
        let outstanding = self.producer.wrapping_sub(self.retired.count());
        if outstanding > ring.entries() && !mutant("SRQ-5/fit") {
            return false;
        }
        self.ring = ring;
        true
    }

    fn below_limit(&mut self) -> Option<u32> {
        if self.remaining() >= self.limit {
            return None;
        }
        if !mutant("SRQ-2/again") {
            self.limit = 0;
        }
        Some(self.remaining())
    }

    fn fail(&mut self, error: ProviderError) -> SrqFailed {
        self.error.get_or_insert(error);
        SrqFailed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{RingRules, RingShape};
    use crate::testing::Guest;

    const SLOT: u32 = 512 + 8;

    struct Bed {
        guest: Guest,
        srq: Srq,
        word: u64,
        ring: u64,
    }

    fn load(guest: &mut Guest, log: u8) -> (Ring, u64) {
        let d = guest.ring(log, 6, SLOT);
        let rules = RingRules {
            min_log_stride: 6,
            max_log_stride: 10,
            max_log_entries: 8,
        };
        let shape = RingShape::check(&d, rules, 0).unwrap();
        let ring = shape.load(&guest.space()).unwrap();
        let at = ring.address(0);
        (ring, at)
    }

    fn bed(log: u8, limit: u32) -> Bed {
        let mut guest = Guest::new();
        let word = guest.alloc(8);
        let (ring, at) = load(&mut guest, log);
        Bed {
            srq: Srq::new(1, ring, SLOT, 5, 2, word, limit),
            guest,
            word,
            ring: at,
        }
    }

    fn take(bed: &mut Bed) -> Option<(Taken, u8)> {
        let mut entry = [0; MAX_ENTRY_BYTES];
        let taken = bed.srq.take(&bed.guest.space(), &mut entry).unwrap()?;
        Some((taken, entry[0]))
    }

    #[test]
    fn entries_are_taken_in_order_and_counted_as_they_retire() {
        // [SRQ-1] [SRQ-3]
        let mut bed = bed(2, 0);
        for n in 0..4u8 {
            bed.guest.write(bed.ring + u64::from(n) * 64, &[n + 1]);
        }
        assert_eq!(take(&mut bed), None);
        bed.srq.doorbell(4).unwrap();
        for n in 0..4 {
            let (taken, first) = take(&mut bed).unwrap();
            assert_eq!((taken.index, taken.slot, first), (n, n, n as u8 + 1));
            assert_eq!((taken.stride, taken.limit_reached), (64, None));
        }
        assert_eq!(take(&mut bed), None);
        let dma = bed.guest.space();
        for n in 1..4 {
            assert_eq!(bed.srq.retire(&dma), (n, Ok(())));
            assert_eq!(bed.guest.read_u64(bed.word), 0, "not due yet");
        }
        bed.srq.flush_retired(&dma).unwrap();
        assert_eq!(bed.guest.read_u64(bed.word), 3);
        bed.srq.doorbell(7).unwrap();
        assert_eq!(take(&mut bed).unwrap().0.slot, 0);
        assert_eq!(
            bed.srq.doorbell(9).unwrap_err(),
            SrqFailed(ProviderError::RANGE)
        );
    }

    #[test]
    fn a_producer_behind_what_was_taken_is_an_error_that_stays() {
        // [DB-6] [SRQ-6]
        let mut bed = bed(2, 0);
        bed.srq.doorbell(2).unwrap();
        take(&mut bed);
        take(&mut bed);
        assert!(bed.srq.doorbell(1).is_err());
        assert!(bed.srq.doorbell(2).is_err());
        let mut entry = [0; MAX_ENTRY_BYTES];
        assert!(bed.srq.take(&bed.guest.space(), &mut entry).is_err());
    }

    #[test]
    fn the_limit_is_told_once_until_it_is_armed_again() {
        // [SRQ-2]
        let mut bed = bed(3, 3);
        bed.srq.doorbell(5).unwrap();
        let told: Vec<_> = (0..5)
            .map(|_| take(&mut bed).unwrap().0.limit_reached)
            .collect();
        assert_eq!(told, [None, None, Some(2), None, None]);
        assert_eq!(bed.srq.set_limit(1), Some(0), "reached already");
        assert_eq!(bed.srq.set_limit(0), None, "0 disarms");
        bed.srq.doorbell(7).unwrap();
        assert_eq!(bed.srq.set_limit(2), None);
        assert_eq!(take(&mut bed).unwrap().0.limit_reached, Some(1));
    }

    #[test]
    fn a_resized_queue_goes_on_in_the_new_ring() {
        // [SRQ-5]
        let mut bed = bed(3, 0);
        bed.srq.doorbell(5).unwrap();
        take(&mut bed);
        let (small, _) = load(&mut bed.guest, 2);
        assert!(!bed.srq.resize(small), "5 outstanding entries in 4");
        let (ring, at) = load(&mut bed.guest, 4);
        bed.guest.write(at + 64, &[77]);
        assert!(bed.srq.resize(ring));
        let (taken, first) = take(&mut bed).unwrap();
        assert_eq!((taken.index, first), (1, 77));
        assert_eq!(bed.srq.entries(), 16);
    }

    #[test]
    fn memory_that_is_gone_is_an_error() {
        // [SRQ-6]
        let mut bed = bed(2, 0);
        bed.srq.doorbell(1).unwrap();
        let mut entry = [0; MAX_ENTRY_BYTES];
        assert_eq!(
            bed.srq.take(&DmaSpace::empty(), &mut entry),
            Err(SrqFailed(ProviderError::DMA_DISABLED))
        );
        assert_eq!(bed.srq.error(), Some(ProviderError::DMA_DISABLED));
    }
}
