//! A send queue or a receive queue of a queue pair.
//!
//! ```text
//!   retired                fetched              producer (driver's doorbell)
//!      v                      v                    v
//!    [ in flight  in flight ][ posted  posted  posted ] free ...
//! ```
//! Free-running indices; never producer - retired > entries `[DB-6]`. Entries retire in order.

use rnic_abi::{CounterId, ProducerDoorbell};
use rnic_mutant::mutant;

use crate::dma::DmaError;
use crate::resources::Resources;
use crate::retired::RetiredWord;
use crate::ring::Ring;
use crate::wqe::MAX_ENTRY;

/// The producer index is impossible `[DB-6]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadProducer;

#[derive(Debug)]
pub(super) struct WorkQueue {
    ring: Ring,
    slot: u32,
    word: u64,
    retired: RetiredWord,
    producer: u32,
    fetched: u32,
}

/// Whether `index` has come to `goal`, both free-running and less than 2^31 apart.
pub(super) const fn reached(index: u32, goal: u32) -> bool {
    index.wrapping_sub(goal).cast_signed() >= 0
}

impl WorkQueue {
    pub fn new(ring: Ring, slot: u32, word: u64) -> Self {
        Self {
            ring,
            slot,
            word,
            retired: RetiredWord::new(word),
            producer: 0,
            fetched: 0,
        }
    }

    pub const fn slot(&self) -> u32 {
        self.slot
    }

    pub const fn producer(&self) -> u32 {
        self.producer
    }

    pub const fn fetched(&self) -> u32 {
        self.fetched
    }

    pub const fn retired(&self) -> u32 {
        self.retired.count()
    }

    /// Entries posted and not fetched.
    pub const fn posted(&self) -> u32 {
        self.producer.wrapping_sub(self.fetched)
    }

    /// Takes a store to the doorbell.
    pub fn doorbell(&mut self, value: u64) -> Result<(), BadProducer> {
        let producer = ProducerDoorbell(value).producer();
        let posted = producer.wrapping_sub(self.retired.count());
        let fetched = self.fetched.wrapping_sub(self.retired.count());
        if (posted > self.ring.entries() || posted < fetched) && !mutant("DB-6/work") {
            return Err(BadProducer);
        }
        self.producer = producer;
        Ok(())
    }

    /// Copies the next posted entry out, once, in order `[QP-11]`: its index and its bytes.
    /// An entry that cannot be read counts as fetched.
    pub fn fetch<'a>(
        &mut self,
        res: &mut Resources,
        buffer: &'a mut [u8; MAX_ENTRY],
    ) -> Option<(u32, Result<&'a [u8], DmaError>)> {
        if self.posted() == 0 {
            return None;
        }
        let index = self.fetched;
        self.fetched = index.wrapping_add(1);
        let stride = usize::try_from(self.ring.stride()).unwrap_or(MAX_ENTRY);
        let entry = buffer.get_mut(..stride.min(MAX_ENTRY)).unwrap_or_default();
        let read = self.ring.fetch(&res.dma, index, entry);
        if read.is_err() {
            res.counters.count(CounterId::DMA_ERRORS);
        }
        Some((index, read.map(|()| &*entry)))
    }

    /// Counts an entry as retired, after its completion `[QP-14]`.
    pub fn retire(&mut self, res: &mut Resources) {
        let empty = self.retired.count().wrapping_add(1) == self.producer;
        if self.retired.retire(&res.dma, empty).1.is_err() {
            res.counters.count(CounterId::DMA_ERRORS);
        }
    }

    /// Stores the retired count if memory does not hold it.
    pub fn flush_retired(&mut self, res: &mut Resources) {
        if self.retired.flush(&res.dma).is_err() {
            res.counters.count(CounterId::DMA_ERRORS);
        }
    }

    /// Starts over at index zero `[QP-5]`.
    pub fn restart(&mut self, res: &mut Resources) {
        if mutant("QP-5/index") {
            return;
        }
        self.producer = 0;
        self.fetched = 0;
        self.retired = RetiredWord::new(self.word);
        if res.dma.store_release_u64(self.word, 0).is_err() {
            res.counters.count(CounterId::DMA_ERRORS);
        }
    }
}
