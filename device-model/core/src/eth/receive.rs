//! One receive queue: frames of the port become buffers of the guest.

use rnic_abi::CounterId;
use rnic_mutant::mutant;

use super::header;
use super::virtqueue::{Shape, Stop, Virtqueue};
use crate::dma::{Access, DmaRange, DmaSpace};
use crate::resources::Resources;

/// A receive queue.
#[derive(Debug)]
pub(super) struct Receive {
    ring: Virtqueue,
    ranges: Vec<DmaRange>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is in a buffer, which was given back.
    Yes,
    /// No buffer was there.
    NoBuffer,
    /// The buffer that was there cannot take it; it was given back empty `[ETH-4]`.
    Refused,
}

impl Receive {
    pub(super) const fn new(ring: Virtqueue) -> Self {
        Self {
            ring,
            ranges: Vec::new(),
        }
    }

    pub(super) const fn ring(&mut self) -> &mut Virtqueue {
        &mut self.ring
    }

    /// Puts a frame in the next buffer as it came, with its tag if it has one `[ETH-9]`.
    pub(super) fn place(
        &mut self,
        resources: &mut Resources,
        frame: &[u8],
        verified: bool,
    ) -> Result<Placed, Stop> {
        let dma = &resources.dma;
        let Some(chain) = self.ring.pop(dma, Access::Write, &mut self.ranges)? else {
            return Ok(Placed::NoBuffer);
        };
        let header = header::received(verified);
        let bytes = header.len() + frame.len();
        let fits = matches!(chain.shape, Shape::Good(room) if room >= bytes as u64);
        if !fits {
            log::debug!(
                "receive chain {} takes no frame of {bytes} bytes",
                chain.head
            );
            self.ring
                .give_back(dma, chain.head, u32::from(mutant("ETH-4/length")))?;
            if chain.shape == Shape::Broken {
                return Err(Stop::Head(chain.head));
            }
            return Ok(Placed::Refused);
        }
        if self.scatter(dma, &[&header, frame]).is_err() {
            resources.counters.count(CounterId::DMA_ERRORS);
            self.ring.give_back(&resources.dma, chain.head, 0)?;
            return Ok(Placed::Refused);
        }
        let written = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.ring.give_back(dma, chain.head, written)?;
        Ok(Placed::Yes)
    }

    /// Writes `parts` one after the other into the chain, which has room for them.
    fn scatter(&self, dma: &DmaSpace, parts: &[&[u8]]) -> Result<(), crate::dma::DmaError> {
        let mut ranges = self.ranges.iter().copied();
        let mut range = DmaRange { iova: 0, len: 0 };
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                while range.len == 0 {
                    // Room was counted before: this ends before the ranges do.
                    let Some(next) = ranges.next() else {
                        return Ok(());
                    };
                    range = next;
                }
                let len = usize::try_from(range.len).unwrap_or(usize::MAX);
                let (now, later) = rest.split_at(len.min(rest.len()));
                dma.write(range.iova, now)?;
                range.iova = range.iova.wrapping_add(now.len() as u64);
                range.len -= now.len() as u64;
                rest = later;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
