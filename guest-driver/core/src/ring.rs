//! Memory of a ring, in chunks, and its description for the device.
//!
//! ```text
//! chunks      [ 64 KiB ][ 64 KiB ] ...   each contiguous for the device; one chunk if the ring is smaller
//!             entry i lies at (i mod entries) << log_stride
//! last chunk  followed by the retired-count word, which the device writes
//! page list   8 bytes a page, read once by the command that creates the ring
//! ```

use rnic_abi::{RingDescription, consts};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};
use zerocopy::little_endian::{U32, U64};

use crate::nic::low_half;
use crate::{Bounded, Error};

const LOG_CHUNK: u32 = 16;
const CHUNK: usize = 1 << LOG_CHUNK;
const PAGE: usize = consts::PAGE_SIZE as usize;
/// Room behind the last chunk for the retired-count word.
const WORD_ROOM: usize = 64;

/// Memory of a ring.
pub(crate) struct RingMemory<D> {
    chunks: Bounded<D>,
    log_entries: u8,
    log_stride: u8,
    word_at: Option<usize>,
}

/// The list of a ring's pages; needed until the command that names it is answered.
pub(crate) struct PageList<D> {
    list: D,
    pages: u32,
}

impl<D: DmaBuffer> RingMemory<D> {
    /// Zeroed memory for a ring and, if `word`, for its retired count.
    pub(crate) fn new<P: Platform<Dma = D>>(
        platform: &P,
        log_entries: u8,
        log_stride: u8,
        word: bool,
        access: DmaAccess,
    ) -> Result<Self, Error> {
        if log_entries > 24 || log_stride > 12 {
            return Err(Error::Argument("log_entries"));
        }
        let bytes = 1usize << (log_entries + log_stride);
        let mut chunks = Bounded::new();
        chunks.reserve(bytes.div_ceil(CHUNK))?;
        let mut left = bytes;
        let mut word_at = None;
        while left > 0 {
            let size = left.min(CHUNK);
            left -= size;
            let last = left == 0;
            let room = if word && last { WORD_ROOM } else { 0 };
            // The device writes the word, so the chunk that holds it must be writable.
            let access = if room > 0 {
                DmaAccess::DeviceReadsAndWrites
            } else {
                access
            };
            chunks.push_reserved(platform.alloc_dma(size + room, access)?);
            if room > 0 {
                word_at = Some(size);
            }
        }
        Ok(Self {
            chunks,
            log_entries,
            log_stride,
            word_at,
        })
    }

    pub(crate) fn entries(&self) -> u32 {
        1 << self.log_entries
    }

    pub(crate) fn log_stride(&self) -> u8 {
        self.log_stride
    }

    /// Pages that the ring needs, exactly. [CMD-23]
    fn pages(&self) -> usize {
        (1usize << (self.log_entries + self.log_stride)).div_ceil(PAGE)
    }

    /// Writes the list of pages.
    pub(crate) fn list<P: Platform<Dma = D>>(&self, platform: &P) -> Result<PageList<D>, Error> {
        let list = platform.alloc_dma(self.pages() * 8, DmaAccess::DeviceReads)?;
        for page in 0..self.pages() {
            let offset = page * PAGE;
            let chunk = self.chunks.get(offset >> LOG_CHUNK);
            let address = chunk.map_or(0, |c| c.iova() + (offset % CHUNK) as u64);
            list.write(page * 8, &address.to_le_bytes());
        }
        let pages = u32::try_from(self.pages()).map_err(|_| Error::Argument("log_entries"))?;
        Ok(PageList { list, pages })
    }

    /// What a command says about the ring. [CMD-23]
    pub(crate) fn description(&self, list: &PageList<D>, doorbell: u32) -> RingDescription {
        RingDescription {
            page_list: U64::new(list.list.iova()),
            page_count: U32::new(list.pages),
            log_entries: self.log_entries,
            log_stride: self.log_stride,
            doorbell: U32::new(doorbell),
            ..RingDescription::default()
        }
    }

    /// DMA address of the retired-count word; 0 without one.
    pub(crate) fn word_address(&self) -> u64 {
        match (self.last(), self.word_at) {
            (Some(chunk), Some(at)) => chunk.iova() + at as u64,
            _ => 0,
        }
    }

    /// The retired count as the device last stored it: a free-running 32-bit count in an 8-byte word. [QP-14]
    pub(crate) fn word(&self) -> u32 {
        match (self.last(), self.word_at) {
            (Some(chunk), Some(at)) => low_half(chunk.load_u64(at)),
            _ => 0,
        }
    }

    fn last(&self) -> Option<&D> {
        self.chunks.as_slice().last()
    }

    /// Chunk and offset of an entry; the index is free-running. [CONV-5]
    fn place(&self, index: u32) -> Option<(&D, usize)> {
        let slot = (index & (self.entries() - 1)) as usize;
        let offset = slot << self.log_stride;
        self.chunks
            .get(offset >> LOG_CHUNK)
            .map(|chunk| (chunk, offset & (CHUNK - 1)))
    }

    /// Writes bytes of an entry; what does not fit is a bug and writes nothing.
    pub(crate) fn write(&self, index: u32, at: usize, bytes: &[u8]) {
        debug_assert!(at + bytes.len() <= 1 << self.log_stride);
        if at + bytes.len() <= 1 << self.log_stride
            && let Some((chunk, offset)) = self.place(index)
        {
            chunk.write(offset + at, bytes);
        }
    }

    /// Reads the start of an entry.
    pub(crate) fn read(&self, index: u32, bytes: &mut [u8]) {
        debug_assert!(bytes.len() <= 1 << self.log_stride);
        if bytes.len() <= 1 << self.log_stride
            && let Some((chunk, offset)) = self.place(index)
        {
            chunk.read(offset, bytes);
        }
    }

    /// The owner byte of an entry: the last byte of its last 8, which one load takes before anything else of the
    /// entry is read. [CONV-7]
    pub(crate) fn owner(&self, index: u32) -> u8 {
        let at = (1usize << self.log_stride) - 8;
        self.place(index).map_or(0, |(chunk, offset)| {
            chunk.load_u64(offset + at).to_be_bytes()[0]
        })
    }

    /// The owner byte of an entry that was published in this pass. [CONV-6]
    pub(crate) fn owner_of_pass(&self, index: u32) -> u8 {
        if index >> self.log_entries & 1 == 0 {
            1
        } else {
            0
        }
    }
}

/// Smallest log2 stride, 6 to 10, that holds this many bytes.
pub(crate) fn log_stride(bytes: usize) -> Result<u8, Error> {
    (6..=10u8)
        .find(|log| 1usize << log >= bytes)
        .ok_or(Error::Argument("segments"))
}

/// Log2 of the smallest power of two of entries, at least 2, that holds `entries`.
pub(crate) fn log_entries(entries: u32, max_log: u32) -> Result<u8, Error> {
    let log = entries.max(2).next_power_of_two().trailing_zeros();
    if entries == 0 || entries > 1 << 30 || log > max_log {
        return Err(Error::Argument("entries"));
    }
    u8::try_from(log).map_err(|_| Error::Argument("entries"))
}
