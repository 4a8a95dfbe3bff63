//! Doorbell slots: who owns which, and what a ring consists of.
//!
//! ```text
//! BAR2   page 0            page 1                          page 2 ...
//!        [map of pages]    [map: slots 0-7][slots 8-511]   [map][slots]
//! ```

use rnic_abi::{consts, feature};
use rnic_platform::{DoorbellSlot, Platform};

use crate::{Bounded, Error};

/// A slot, and the bits of the summary maps that announce it.
pub struct Bell<S> {
    index: u32,
    slot: S,
    summary: Option<Summary<S>>,
}

struct Summary<S> {
    page_word: S,
    page_bit: u64,
    device_word: S,
    device_bit: u64,
}

impl<S: DoorbellSlot> Bell<S> {
    /// The bell of a slot. The summary maps are used when SUMMARY is in force. [DB-9]
    pub(crate) fn new<P>(platform: &P, features: u64, index: u32) -> Result<Self, Error>
    where
        P: Platform<Doorbell = S>,
    {
        let slots = consts::DOORBELL_PAGE_SLOTS;
        let (page, slot) = (index / slots, index % slots);
        let summary = if features & feature::SUMMARY == 0 {
            None
        } else {
            Some(Summary {
                page_word: platform.doorbell(page * slots + slot / 64)?,
                page_bit: 1 << (slot % 64),
                device_word: platform.doorbell(page / 64)?,
                device_bit: 1 << (page % 64),
            })
        };
        Ok(Self {
            index,
            slot: platform.doorbell(index)?,
            summary,
        })
    }

    /// Slot index, as commands name it.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Stores the slot and sets its summary bits: the slot first, so that whoever takes a bit finds the value. [DB-9]
    pub(crate) fn store(&self, value: u64) {
        self.slot.store(value);
        if let Some(summary) = &self.summary {
            summary.page_word.fetch_or(summary.page_bit);
            summary.device_word.fetch_or(summary.device_bit);
        }
    }
}

/// Which slots are free. Room to take a slot back is reserved when it is given out, so giving back never fails.
#[derive(Debug)]
pub(crate) struct Slots {
    next: u32,
    end: u32,
    given: usize,
    free: Bounded<u32>,
}

impl Slots {
    /// All slots of a device with so many pages. [DB-1]
    pub(crate) fn new(pages: u32) -> Self {
        Self {
            next: consts::DOORBELL_FIRST_PAGE * consts::DOORBELL_PAGE_SLOTS
                + consts::DOORBELL_FIRST_SLOT,
            end: pages.saturating_mul(consts::DOORBELL_PAGE_SLOTS),
            given: 0,
            free: Bounded::new(),
        }
    }

    pub(crate) fn take(&mut self) -> Result<u32, Error> {
        let index = if let Some(index) = self.free.pop() {
            index
        } else {
            if self.next >= self.end {
                return Err(Error::NoDoorbells);
            }
            self.free.reserve(self.given + 1)?;
            let index = self.next;
            self.next += 1;
            if self.next.is_multiple_of(consts::DOORBELL_PAGE_SLOTS) {
                self.next += consts::DOORBELL_FIRST_SLOT;
            }
            index
        };
        self.given += 1;
        Ok(index)
    }

    pub(crate) fn give_back(&mut self, index: u32) {
        self.given = self.given.saturating_sub(1);
        self.free.push_reserved(index);
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;
    use crate::Error;

    #[test]
    #[allow(clippy::disallowed_types)] // A test may abort.
    fn slots_skip_the_maps_and_come_back() {
        let mut slots = Slots::new(3);
        let mut all = alloc::collections::BTreeSet::new();
        loop {
            match slots.take() {
                Ok(index) => {
                    // [DB-1]
                    assert!(index >= 512 && index % 512 >= 8 && index < 3 * 512);
                    assert!(all.insert(index));
                }
                Err(error) => {
                    assert_eq!(error, Error::NoDoorbells);
                    break;
                }
            }
        }
        assert_eq!(all.len(), 2 * 504);
        slots.give_back(700);
        assert_eq!(slots.take(), Ok(700));
        assert_eq!(slots.take(), Err(Error::NoDoorbells));
    }
}
