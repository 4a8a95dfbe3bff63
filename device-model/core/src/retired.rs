//! The count of retired entries that a queue keeps in driver memory.

use rnic_abi::consts::RETIRE_INTERVAL;

use rnic_mutant::mutant;

use crate::dma::{DmaError, DmaSpace};

/// A retired-count word: an 8-byte word of driver memory, and the count behind it `[QP-14]`.
#[derive(Clone, Copy, Debug)]
pub struct RetiredWord {
    address: u64,
    count: u64,
    written: u64,
}

impl RetiredWord {
    /// Nothing is retired. `address` is 8-byte aligned.
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self {
            address,
            count: 0,
            written: 0,
        }
    }

    /// Free-running count of retired entries, modulo 2^32, as completions carry it.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
    pub const fn count(&self) -> u32 {
        self.count as u32
    }

    /// Counts one entry; the new count. The word is stored when it is due: the queue is `empty`,
    /// or RETIRE_INTERVAL entries were not told.
    pub fn retire(&mut self, dma: &DmaSpace, empty: bool) -> (u32, Result<(), DmaError>) {
        self.count = self.count.wrapping_add(1);
        let untold = self.count.wrapping_sub(self.written);
        let due = empty || untold >= u64::from(RETIRE_INTERVAL) && !mutant("QP-14/interval");
        let stored = if due { self.flush(dma) } else { Ok(()) };
        (self.count(), stored)
    }

    /// Stores the word if it does not hold the count, as before parking. An error is told once
    /// for a count, so that a queue with a bad address does not fail for ever.
    pub fn flush(&mut self, dma: &DmaSpace) -> Result<(), DmaError> {
        if self.written == self.count {
            return Ok(());
        }
        self.written = self.count;
        dma.store_release_u64(self.address, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Guest;

    #[test]
    fn the_word_is_stored_when_empty_or_after_the_interval() {
        // [QP-14]
        let mut guest = Guest::new();
        let at = guest.alloc(8);
        let dma = guest.space();
        let mut word = RetiredWord::new(at);
        for n in 1..RETIRE_INTERVAL {
            assert_eq!(word.retire(&dma, false), (n, Ok(())));
            assert_eq!(guest.read_u64(at), 0);
        }
        word.retire(&dma, false).1.unwrap();
        assert_eq!(guest.read_u64(at), u64::from(RETIRE_INTERVAL));
        word.retire(&dma, true).1.unwrap();
        assert_eq!(guest.read_u64(at), u64::from(RETIRE_INTERVAL) + 1);
        word.retire(&dma, false).1.unwrap();
        word.flush(&dma).unwrap();
        assert_eq!(guest.read_u64(at), u64::from(RETIRE_INTERVAL) + 2);
        assert!(
            RetiredWord::new(at + 4).flush(&dma).is_ok(),
            "nothing to tell"
        );
    }

    #[test]
    fn an_unreachable_word_is_told_once() {
        let mut word = RetiredWord::new(0);
        let dma = DmaSpace::empty();
        assert!(word.retire(&dma, true).1.is_err());
        assert!(word.flush(&dma).is_ok());
    }
}
