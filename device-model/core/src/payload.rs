//! Data on the way from one queue pair to another.
//!
//! In guest memory, as validated DMA ranges with the space they lie in; or as bytes, when they
//! came in an entry or in a frame. [`Source`] is the same, borrowed, for whoever puts them in place.

use std::sync::Arc;

use crate::dma::{Access, CopyError, DmaError, DmaRange, DmaSpace};
use crate::wqe::Inline;

/// Ranges that are kept without an allocation.
const FEW: usize = 2;

/// DMA ranges, in order.
#[derive(Clone, Debug)]
pub enum RangeList {
    /// Up to two.
    Few {
        /// How many.
        count: u8,
        /// The first `count` of these.
        list: [DmaRange; FEW],
    },
    /// More.
    Many(Vec<DmaRange>),
}

const NOWHERE: DmaRange = DmaRange { iova: 0, len: 0 };

impl Default for RangeList {
    fn default() -> Self {
        Self::Few {
            count: 0,
            list: [NOWHERE; FEW],
        }
    }
}

impl RangeList {
    /// Appends a range.
    pub fn push(&mut self, range: DmaRange) {
        match self {
            Self::Few { count, list } => match list.get_mut(usize::from(*count)) {
                Some(place) => {
                    *place = range;
                    *count += 1;
                }
                None => {
                    let mut many = Vec::with_capacity(2 * FEW + 4);
                    many.extend_from_slice(&list[..]);
                    many.push(range);
                    *self = Self::Many(many);
                }
            },
            Self::Many(many) => many.push(range),
        }
    }

    /// The ranges.
    #[must_use]
    pub fn as_slice(&self) -> &[DmaRange] {
        match self {
            Self::Few { count, list } => list.get(..usize::from(*count)).unwrap_or_default(),
            Self::Many(many) => many,
        }
    }

    /// Whether all of it may be read.
    pub fn validate(&self, space: &DmaSpace) -> Result<(), DmaError> {
        self.as_slice()
            .iter()
            .try_for_each(|r| space.validate(r.iova, r.len, Access::Read))
    }
}

/// Data of a segment.
#[derive(Debug, Default)]
pub enum Payload {
    /// None.
    #[default]
    None,
    /// Bytes of an entry.
    Bytes(Inline),
    /// In the sender's memory.
    Memory {
        /// The memory, as it was when the segment was sent.
        space: Arc<DmaSpace>,
        /// Where in it.
        ranges: RangeList,
    },
}

impl Payload {
    /// The data, to be put in place.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        match self {
            Self::None => Source::Bytes(&[]),
            Self::Bytes(inline) => Source::Bytes(inline.as_slice()),
            Self::Memory { space, ranges } => Source::Memory {
                space,
                ranges: ranges.as_slice(),
                skip: 0,
            },
        }
    }
}

/// Data that is taken piece by piece, from the front.
#[derive(Debug)]
pub enum Source<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// Guest memory.
    Memory {
        /// The memory.
        space: &'a DmaSpace,
        /// Where in it.
        ranges: &'a [DmaRange],
        /// Bytes of the first range that were taken.
        skip: u64,
    },
}

impl Source<'_> {
    /// Puts the next `range.len` bytes at `range` of `to`. A source that ends before leaves the
    /// rest alone: the transport has compared lengths with what headers say.
    pub fn place(&mut self, to: &DmaSpace, range: DmaRange) -> Result<(), CopyError> {
        match self {
            Self::Bytes(bytes) => {
                let len = usize::try_from(range.len).unwrap_or(usize::MAX);
                let (now, later) = bytes.split_at(len.min(bytes.len()));
                *bytes = later;
                to.write(range.iova, now).map_err(CopyError::Destination)
            }
            Self::Memory {
                space,
                ranges,
                skip,
            } => {
                let mut iova = range.iova;
                let mut left = range.len;
                while left > 0 {
                    let Some((first, later)) = ranges.split_first() else {
                        break;
                    };
                    let len = first.len.saturating_sub(*skip).min(left);
                    DmaSpace::copy(space, first.iova.wrapping_add(*skip), to, iova, len)?;
                    left -= len;
                    iova = iova.wrapping_add(len);
                    *skip += len;
                    if *skip >= first.len {
                        *ranges = later;
                        *skip = 0;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Guest;

    fn range(iova: u64, len: u64) -> DmaRange {
        DmaRange { iova, len }
    }

    #[test]
    fn pieces_of_any_cut_come_out_in_order() {
        let mut guest = Guest::new();
        let at = guest.alloc(8192);
        let data: Vec<u8> = (0..200).collect();
        guest.write(at, &data[..50]);
        guest.write(at + 1000, &data[50..60]);
        guest.write(at + 3000, &data[60..]);
        let mut ranges = RangeList::default();
        for r in [range(at, 50), range(at + 1000, 10), range(at + 3000, 140)] {
            ranges.push(r);
        }
        assert_eq!(ranges.as_slice().len(), 3);
        let space = guest.space();
        ranges.validate(&space).unwrap();
        let memory = Payload::Memory {
            space: guest.space(),
            ranges,
        };
        let bytes = Payload::Bytes(Inline::new(&data));
        for payload in [memory, bytes] {
            let mut source = payload.source();
            for (to, len) in [(4096, 55), (5000, 0), (6000, 100), (7000, 45)] {
                source.place(&space, range(at + to, len)).unwrap();
            }
            let mut out = vec![0; 200];
            guest.read(at + 4096, &mut out[..55]);
            guest.read(at + 6000, &mut out[55..155]);
            guest.read(at + 7000, &mut out[155..]);
            assert_eq!(out, data);
        }
    }

    #[test]
    fn the_side_that_failed_is_told() {
        let mut guest = Guest::new();
        let at = guest.alloc(4096);
        let space = guest.space();
        let mut ranges = RangeList::default();
        ranges.push(range(0, 8));
        assert!(ranges.validate(&space).is_err());
        let bad = Payload::Memory {
            space: guest.space(),
            ranges,
        };
        let e = bad.source().place(&space, range(at, 8));
        assert!(matches!(e, Err(CopyError::Source(_))));
        let e = Source::Bytes(&[1; 8]).place(&space, range(0, 8));
        assert!(matches!(e, Err(CopyError::Destination(_))));
    }
}
