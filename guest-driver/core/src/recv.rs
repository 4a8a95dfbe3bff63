//! Receive queue: as the send queue, with smaller entries.

use rnic_abi::{ProducerDoorbell, ReceiveHeader, Segment, consts};
use rnic_platform::{DmaBuffer, Platform};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U64};

use crate::ring::RingMemory;
use crate::{Bell, Nic, PostError, Violation};

/// A receive queue. Owned; no lock.
pub struct RecvQueue<P: Platform> {
    pub(crate) ring: RingMemory<P::Dma>,
    pub(crate) bell: Bell<P::Doorbell>,
    pub(crate) max_segments: u16,
    pub(crate) posted: u32,
    pub(crate) rung: u32,
    pub(crate) retired: u32,
}

/// Writes a receive entry.
pub(crate) fn write_entry<D: DmaBuffer>(
    ring: &RingMemory<D>,
    index: u32,
    context: u64,
    segments: &[Segment],
) {
    let header = ReceiveHeader {
        context: U64::new(context),
        segment_count: U16::new(u16::try_from(segments.len()).unwrap_or(u16::MAX)),
        ..ReceiveHeader::default()
    };
    ring.write(index, 0, header.as_bytes());
    ring.write(
        index,
        consts::RECV_SEGMENTS_AT as usize,
        segments.as_bytes(),
    );
}

impl<P: Platform> RecvQueue<P> {
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

    /// Writes an entry and returns its index; shown to the device by [`RecvQueue::ring`].
    pub fn post(&mut self, context: u64, segments: &[Segment]) -> Result<u32, PostError> {
        if segments.len() > usize::from(self.max_segments) {
            return Err(PostError::TooManySegments);
        }
        if self.outstanding() >= self.entries() {
            self.refresh().map_err(PostError::Device)?;
            if self.outstanding() >= self.entries() {
                return Err(PostError::Full);
            }
        }
        let index = self.posted;
        write_entry(&self.ring, index, context, segments);
        self.posted = self.posted.wrapping_add(1);
        Ok(index)
    }

    /// Shows the device everything posted so far.
    pub fn ring(&mut self, nic: &Nic<P>) {
        self.rung = self.posted;
        let value = ProducerDoorbell(0).with_producer(self.posted);
        nic.ring(&self.bell, value.0);
    }

    /// Whether entries were posted that the device was not shown.
    pub fn has_deferred(&self) -> bool {
        self.rung != self.posted
    }

    /// As [`crate::SendQueue::refresh`].
    pub fn refresh(&mut self) -> Result<u32, Violation> {
        let word = self.ring.word();
        if word.wrapping_sub(self.retired) > u32::MAX / 2 {
            return Ok(0);
        }
        self.retire_to(word)
    }

    /// As [`crate::SendQueue::retire_to`].
    pub fn retire_to(&mut self, count: u32) -> Result<u32, Violation> {
        let newly = count.wrapping_sub(self.retired);
        if newly > self.outstanding() {
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

    /// After MODIFY_QP to RESET. [QP-5]
    pub fn reset(&mut self) {
        self.posted = 0;
        self.rung = 0;
        self.retired = 0;
    }
}
