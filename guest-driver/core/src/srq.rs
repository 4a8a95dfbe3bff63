//! Shared receive queue: entries are fetched in order and may retire out of order, so only their number is known.
//! [SRQ-3]

use rnic_abi::{ProducerDoorbell, Segment};
use rnic_platform::{DmaBuffer, Platform};

use crate::nic::low_half;
use crate::recv::write_entry;
use crate::ring::RingMemory;
use crate::{Bell, Error, Nic, PostError, Srqn, Violation};

/// A shared receive queue. Owned; no lock.
pub struct Srq<P: Platform> {
    pub(crate) srqn: Srqn,
    pub(crate) ring: RingMemory<P::Dma>,
    /// The retired-count word: a buffer of its own, because it stays where it is when the ring is replaced.
    pub(crate) word: P::Dma,
    pub(crate) bell: Bell<P::Doorbell>,
    pub(crate) max_segments: u16,
    pub(crate) posted: u32,
    pub(crate) retired: u32,
    /// RESIZE_SRQ is on its way: entries were copied, so nothing may be posted until it is answered.
    pub(crate) resizing: bool,
}

/// The new ring of a resize, on its way to [`Srq::switch`].
pub struct SrqRing<P: Platform> {
    pub(crate) srqn: Srqn,
    pub(crate) ring: RingMemory<P::Dma>,
}

impl<P: Platform> Srq<P> {
    /// Handle.
    pub fn srqn(&self) -> Srqn {
        self.srqn
    }

    /// Entries of the ring.
    pub fn entries(&self) -> u32 {
        self.ring.entries()
    }

    /// Log2 of the bytes of an entry.
    pub fn log_stride(&self) -> u8 {
        self.ring.log_stride()
    }

    /// Entries posted and not known to have retired.
    pub fn outstanding(&self) -> u32 {
        self.posted.wrapping_sub(self.retired)
    }

    /// Writes an entry and returns its index; shown to the device by [`Srq::ring`]. `Full` too while a resize is on
    /// its way.
    pub fn post(&mut self, context: u64, segments: &[Segment]) -> Result<u32, PostError> {
        if segments.len() > usize::from(self.max_segments) {
            return Err(PostError::TooManySegments);
        }
        if self.resizing {
            return Err(PostError::Full);
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
        let value = ProducerDoorbell(0).with_producer(self.posted);
        nic.ring(&self.bell, value.0);
    }

    /// Takes over the retired-count word.
    pub fn refresh(&mut self) -> Result<u32, Violation> {
        let word = low_half(self.word.load_u64(0));
        if word.wrapping_sub(self.retired) > u32::MAX / 2 {
            return Ok(0);
        }
        self.retire_to(word)
    }

    /// Takes over `retired` of a completion of this queue. Completions of different queue pairs may be polled in
    /// another order than they were written, so an older count tells nothing.
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

    /// Copies every outstanding entry into a larger ring, as RESIZE_SRQ demands. An entry keeps its free-running
    /// index; those that the device took already are copied too, which is harmless. [SRQ-5]
    pub(crate) fn copy_into(&self, ring: &RingMemory<P::Dma>) -> Result<(), Error> {
        if self.outstanding() > ring.entries() || ring.log_stride() != self.ring.log_stride() {
            return Err(Error::Argument("entries"));
        }
        let mut bytes = [0; 1024];
        let Some(entry) = bytes.get_mut(..1 << self.ring.log_stride()) else {
            return Err(Error::Argument("log_stride"));
        };
        for offset in 0..self.outstanding() {
            let index = self.retired.wrapping_add(offset);
            self.ring.read(index, entry);
            ring.write(index, 0, entry);
        }
        Ok(())
    }

    /// Goes over to the new ring after RESIZE_SRQ was answered.
    pub fn switch(&mut self, new: SrqRing<P>) -> Result<(), Violation> {
        if new.srqn != self.srqn {
            return Err(Violation::Handle);
        }
        self.ring = new.ring;
        self.resizing = false;
        Ok(())
    }

    /// RESIZE_SRQ failed: posts go on in the old ring.
    pub fn resize_failed(&mut self) {
        self.resizing = false;
    }
}
