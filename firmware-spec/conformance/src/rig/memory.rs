//! Memory in pages that lie in the reverse order, so that nothing works by taking a page list for one block.

use std::rc::Rc;

use rnic_platform::{DmaBuffer, TestPlatform};

use super::machine::Machine;
use crate::failure::Outcome;

/// Bytes in a page.
pub const PAGE: usize = 4096;

/// Pages, and the list of their addresses in memory of the device.
pub struct Pages<P: TestPlatform> {
    /// The pages, last one first.
    pub buffer: Rc<P::Dma>,
    /// Their addresses, 8 bytes each.
    pub list: Rc<P::Dma>,
    /// Number of pages.
    pub count: usize,
}

impl<P: TestPlatform> Pages<P> {
    /// As many pages as `bytes` need.
    #[track_caller]
    pub fn new(machine: &Machine<'_, P>, bytes: usize) -> Outcome<Self> {
        let count = bytes.div_ceil(PAGE).max(1);
        let pages = Self {
            buffer: machine.alloc(count * PAGE)?,
            list: machine.alloc(count * 8)?,
            count,
        };
        for page in 0..count {
            pages.list.store_u64(page * 8, pages.address(page * PAGE));
        }
        Ok(pages)
    }

    /// Where byte `offset` lies in the buffer.
    #[must_use]
    pub fn at(&self, offset: usize) -> usize {
        (self.count - 1 - offset / PAGE) * PAGE + offset % PAGE
    }

    /// DMA address of byte `offset`.
    #[must_use]
    pub fn address(&self, offset: usize) -> u64 {
        self.buffer.iova() + self.at(offset) as u64
    }

    /// Copies in.
    pub fn write(&self, mut offset: usize, mut data: &[u8]) {
        while !data.is_empty() {
            let here = data.len().min(PAGE - offset % PAGE);
            self.buffer.write(self.at(offset), &data[..here]);
            offset += here;
            data = &data[here..];
        }
    }

    /// Copies out.
    #[must_use]
    pub fn read(&self, mut offset: usize, bytes: usize) -> Vec<u8> {
        let mut data = vec![0; bytes];
        let mut rest = data.as_mut_slice();
        while !rest.is_empty() {
            let here = rest.len().min(PAGE - offset % PAGE);
            let (now, later) = rest.split_at_mut(here);
            self.buffer.read(self.at(offset), now);
            offset += here;
            rest = later;
        }
        data
    }

    /// Fills a range.
    pub fn fill(&self, offset: usize, bytes: usize, value: u8) {
        self.write(offset, &vec![value; bytes]);
    }
}

/// Bytes that differ from place to place and from seed to seed.
#[must_use]
pub fn pattern(bytes: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed).wrapping_mul(0x9E37_79B9) | 1;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 11) as u8
        })
        .collect()
}

/// Memory that a key names.
pub struct Region<P: TestPlatform> {
    /// The memory.
    pub pages: Pages<P>,
    /// Key.
    pub key: u32,
    /// Virtual address of the first byte.
    pub base: u64,
    /// Bytes.
    pub length: usize,
    /// Offset of the first byte in the first page.
    pub first: usize,
}

impl<P: TestPlatform> Region<P> {
    /// Virtual address of a byte.
    #[must_use]
    pub const fn va(&self, offset: usize) -> u64 {
        self.base.wrapping_add(offset as u64)
    }

    /// A segment of work requests.
    #[must_use]
    pub const fn segment(&self, offset: usize, bytes: u32) -> Segment {
        Segment {
            address: self.va(offset),
            length: bytes,
            key: self.key,
        }
    }

    /// Copies in.
    pub fn write(&self, offset: usize, data: &[u8]) {
        self.pages.write(self.first + offset, data);
    }

    /// Copies out.
    #[must_use]
    pub fn read(&self, offset: usize, bytes: usize) -> Vec<u8> {
        self.pages.read(self.first + offset, bytes)
    }
}

/// Scatter/gather entry.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Virtual address.
    pub address: u64,
    /// Bytes.
    pub length: u32,
    /// Key.
    pub key: u32,
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn patterns_differ_by_seed_and_place() {
        let (a, b) = (pattern(64, 1), pattern(64, 2));
        assert_ne!(a, b);
        assert_ne!(a[..32], a[32..]);
        assert_eq!(a, pattern(64, 1));
    }
}
