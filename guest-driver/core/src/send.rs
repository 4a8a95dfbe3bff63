//! Send queue: the driver produces, the device consumes.
//!
//! ```text
//!        retired            rung              posted
//! -------|------------------|-----------------|------------> free-running, modulo 2^32
//!  free  | the device's     | written, DEFERed| free
//! ```
//! `posted - retired` never exceeds the entries of the ring. [DB-6]

use rnic_abi::{ProducerDoorbell, consts};
use rnic_platform::Platform;
use zerocopy::IntoBytes;

use crate::ring::RingMemory;
use crate::work::Tail;
use crate::{Bell, Nic, PostError, Violation, WorkRequest};

/// A send queue. Owned; no lock.
pub struct SendQueue<P: Platform> {
    pub(crate) ring: RingMemory<P::Dma>,
    pub(crate) bell: Bell<P::Doorbell>,
    pub(crate) max_segments: u16,
    pub(crate) max_inline: u16,
    pub(crate) posted: u32,
    pub(crate) rung: u32,
    pub(crate) retired: u32,
}

impl<P: Platform> SendQueue<P> {
    /// Entries of the ring.
    pub fn entries(&self) -> u32 {
        self.ring.entries()
    }

    /// Entries posted and not known to have retired.
    pub fn outstanding(&self) -> u32 {
        self.posted.wrapping_sub(self.retired)
    }

    /// Free-running index that the next entry gets.
    pub fn next_index(&self) -> u32 {
        self.posted
    }

    /// Free-running count of entries known to have retired, silent ones included. [QP-14] [QP-15]
    pub fn retired(&self) -> u32 {
        self.retired
    }

    /// Writes an entry and returns its index. The device does not see it before [`SendQueue::ring`]: posting several
    /// and ringing once is NDK's DEFER.
    pub fn post(&mut self, request: &WorkRequest<'_>) -> Result<u32, PostError> {
        let entry = request.encode();
        match entry.tail {
            Tail::Segments(segments) if segments.len() > usize::from(self.max_segments) => {
                return Err(PostError::TooManySegments);
            }
            Tail::One(_) if self.max_segments == 0 => return Err(PostError::TooManySegments),
            Tail::Inline(bytes) if bytes.len() > usize::from(self.max_inline) => {
                return Err(PostError::InlineTooLong);
            }
            _ => {}
        }
        if self.outstanding() >= self.entries() {
            self.refresh().map_err(PostError::Device)?;
            if self.outstanding() >= self.entries() {
                return Err(PostError::Full);
            }
        }
        let index = self.posted;
        let at = consts::SEGMENTS_AT as usize;
        self.ring.write(index, 0, entry.header.as_bytes());
        self.ring.write(index, 16, &entry.middle);
        match entry.tail {
            Tail::Segments(segments) => self.ring.write(index, at, segments.as_bytes()),
            Tail::One(segment) => self.ring.write(index, at, segment.as_bytes()),
            Tail::Inline(bytes) => self.ring.write(index, at, bytes),
            Tail::Nothing => {}
        }
        self.posted = self.posted.wrapping_add(1);
        Ok(index)
    }

    /// Shows the device everything posted so far. Ringing twice is harmless. [DB-5]
    pub fn ring(&mut self, nic: &Nic<P>) {
        self.rung = self.posted;
        let value = ProducerDoorbell(0).with_producer(self.posted);
        nic.ring(&self.bell, value.0);
    }

    /// Whether entries were posted that the device was not shown.
    pub fn has_deferred(&self) -> bool {
        self.rung != self.posted
    }

    /// Takes over the retired-count word; returns how many entries retired since the last look. The device writes it
    /// when the queue empties, every RETIRE_INTERVAL entries and before it parks. [QP-14]
    pub fn refresh(&mut self) -> Result<u32, Violation> {
        let word = self.ring.word();
        // A completion may have told more than the word: then the word is only old.
        if word.wrapping_sub(self.retired) > u32::MAX / 2 {
            return Ok(0);
        }
        self.retire_to(word)
    }

    /// Takes over `retired` of a completion of this queue; returns how many entries retired, silent ones included.
    /// [QP-15]
    pub fn retire_to(&mut self, count: u32) -> Result<u32, Violation> {
        let newly = count.wrapping_sub(self.retired);
        if newly > self.outstanding() {
            // A completion that is older than the word that was read meanwhile tells nothing new.
            let behind = self.retired.wrapping_sub(count);
            return if behind <= self.entries() {
                Ok(0)
            } else {
                Err(Violation::RetiredCount)
            };
        }
        self.retired = count;
        Ok(newly)
    }

    /// After MODIFY_QP to RESET: indices begin at zero again and what was posted is forgotten. [QP-5]
    pub fn reset(&mut self) {
        self.posted = 0;
        self.rung = 0;
        self.retired = 0;
    }
}
