//! Memory files made here: the memory of a guest that lives in this process.

use super::mapping::{Fault, Mapping, Update, sealed_memfd};
use super::{Access, DmaError, DmaSpace, DmaTable, FilePolicy, MapError};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

/// A sealed memory file and its owner's view of it. The device maps the same file through a
/// [`DmaTable`]; the owner (a simulated driver, a test) uses the accessors below, which take byte
/// offsets into the file and report a range outside it as [`DmaError::Unmapped`].
pub struct SharedMemory {
    mapping: Mapping,
}

impl SharedMemory {
    /// Makes `len` bytes of zeros; `len` is rounded up to 4 KiB.
    pub fn new(len: u64) -> io::Result<Self> {
        let len = len
            .max(1)
            .checked_next_multiple_of(super::table::PAGE)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mapping = Mapping::new(sealed_memfd(len)?, true)?;
        Ok(SharedMemory { mapping })
    }

    /// Size in bytes.
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> u64 {
        self.mapping.len()
    }

    /// The file, to hand to [`DmaTable::map`] or to another process.
    pub fn file(&self) -> &File {
        self.mapping.file()
    }

    /// A space with bus mastering on, in which the whole file is at `iova`.
    pub fn space_at(&self, iova: u64) -> Result<Arc<DmaSpace>, MapError> {
        let mut table = DmaTable::new(FilePolicy::SealedShrink);
        table.set_bus_master(true);
        table.map(iova, self.len(), Access::ReadWrite, self, 0)?;
        Ok(table.snapshot())
    }

    /// Reads bytes.
    pub fn read(&self, offset: u64, to: &mut [u8]) -> Result<(), DmaError> {
        self.mapping.read(offset, to).map_err(outside(offset))
    }

    /// Writes bytes.
    pub fn write(&self, offset: u64, from: &[u8]) -> Result<(), DmaError> {
        self.mapping.write(offset, from).map_err(outside(offset))
    }

    /// Sets `len` bytes to `byte`.
    pub fn fill(&self, offset: u64, len: u64, byte: u8) -> Result<(), DmaError> {
        let size = usize::try_from(len).map_err(|_| DmaError::Wrapped { iova: offset, len })?;
        self.mapping
            .fill(offset, size, byte)
            .map_err(outside(offset))
    }

    /// Loads an aligned word, acquire.
    pub fn load_acquire_u32(&self, offset: u64) -> Result<u32, DmaError> {
        self.mapping.load_u32(offset).map_err(outside(offset))
    }

    /// Loads an aligned word, acquire.
    pub fn load_acquire_u64(&self, offset: u64) -> Result<u64, DmaError> {
        self.mapping.load_u64(offset).map_err(outside(offset))
    }

    /// The first of `count` aligned words from `offset` on that is not zero, by its number; `count`
    /// when all are. Acquire for the word found.
    pub fn find_set_u64(&self, offset: u64, count: usize) -> Result<usize, DmaError> {
        self.mapping
            .find_set_u64(offset, count)
            .map_err(outside(offset))
    }

    /// Stores an aligned word, release.
    pub fn store_release_u32(&self, offset: u64, value: u32) -> Result<(), DmaError> {
        self.mapping
            .store_u32(offset, value)
            .map_err(outside(offset))
    }

    /// Stores an aligned word, release.
    pub fn store_release_u64(&self, offset: u64, value: u64) -> Result<(), DmaError> {
        self.mapping
            .store_u64(offset, value)
            .map_err(outside(offset))
    }

    /// ORs into an aligned word, atomically; the old value. (A doorbell page's summary bits.)
    pub fn fetch_or_u64(&self, offset: u64, bits: u64) -> Result<u64, DmaError> {
        self.mapping
            .update_u64(offset, Update::Or(bits))
            .map_err(outside(offset))
    }

    /// Exchanges an aligned word, atomically; the old value.
    pub fn swap_u64(&self, offset: u64, value: u64) -> Result<u64, DmaError> {
        self.mapping
            .update_u64(offset, Update::Swap(value))
            .map_err(outside(offset))
    }

    /// Compares and exchanges an aligned word, atomically; the old value.
    pub fn compare_exchange_u64(
        &self,
        offset: u64,
        expected: u64,
        new: u64,
    ) -> Result<u64, DmaError> {
        let update = Update::CompareExchange { expected, new };
        self.mapping
            .update_u64(offset, update)
            .map_err(outside(offset))
    }
}

fn outside(offset: u64) -> impl Fn(Fault) -> DmaError {
    move |Fault| DmaError::Unmapped { iova: offset }
}

impl AsFd for SharedMemory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.mapping.file().as_fd()
    }
}

impl std::fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedMemory")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_that_is_set_is_found() {
        let memory = SharedMemory::new(4096).unwrap();
        assert_eq!(memory.find_set_u64(0, 512), Ok(512));
        memory.store_release_u64(8 * 17, 1).unwrap();
        memory.store_release_u64(8 * 511, 1 << 63).unwrap();
        assert_eq!(memory.find_set_u64(0, 512), Ok(17));
        assert_eq!(memory.find_set_u64(8 * 17, 0), Ok(0));
        assert_eq!(memory.find_set_u64(8 * 18, 494), Ok(493));
        for (offset, count) in [(8, 512), (4, 1), (4096, 1), (0, usize::MAX)] {
            assert!(memory.find_set_u64(offset, count).is_err());
        }
    }

    #[test]
    fn rounds_up_to_a_page_and_bounds_every_access() {
        let memory = SharedMemory::new(1).unwrap();
        assert_eq!(memory.len(), 4096);
        memory.write(4090, &[1; 6]).unwrap();
        assert_eq!(
            memory.write(4091, &[1; 6]),
            Err(DmaError::Unmapped { iova: 4091 })
        );
        assert_eq!(
            memory.read(u64::MAX, &mut [0]),
            Err(DmaError::Unmapped { iova: u64::MAX })
        );
        assert_eq!(
            memory.fill(0, u64::MAX, 0),
            Err(DmaError::Unmapped { iova: 0 })
        );
        assert_eq!(
            memory.load_acquire_u64(4092),
            Err(DmaError::Unmapped { iova: 4092 })
        );
        assert_eq!(
            memory.load_acquire_u32(2),
            Err(DmaError::Unmapped { iova: 2 })
        );
    }

    #[test]
    fn owner_and_device_see_the_same_bytes() {
        let memory = SharedMemory::new(8192).unwrap();
        let space = memory.space_at(0x10_0000).unwrap();
        memory.store_release_u64(64, 0x0102_0304_0506_0708).unwrap();
        assert_eq!(
            space.read_array::<8>(0x10_0040),
            Ok([8, 7, 6, 5, 4, 3, 2, 1])
        );
        space.store_release_u32(0x10_0044, 7).unwrap();
        assert_eq!(memory.load_acquire_u32(68), Ok(7));
        assert_eq!(memory.fetch_or_u64(0, 0b101), Ok(0));
        assert_eq!(memory.swap_u64(0, 0), Ok(0b101));
        assert_eq!(memory.compare_exchange_u64(0, 0, 9), Ok(0));
        assert_eq!(memory.compare_exchange_u64(0, 0, 10), Ok(9));
    }

    #[test]
    fn the_file_can_neither_shrink_nor_grow() {
        let memory = SharedMemory::new(4096).unwrap();
        assert!(memory.file().set_len(0).is_err());
        assert!(memory.file().set_len(8192).is_err());
    }
}
