//! DMA memory out of one large mapping, known to the device whole or buffer by buffer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use rnic_platform::{DmaAccess, DmaBuffer, PlatformError};

use crate::mmap::Mapping;

const PAGE: usize = 4096;

/// How the device learns of memory.
pub(crate) trait Iommu: Send + Sync {
    /// Lets the device reach `bytes` bytes, `offset` into the arena, at `iova`.
    fn map(
        &self,
        offset: usize,
        iova: u64,
        bytes: usize,
        access: DmaAccess,
    ) -> Result<(), PlatformError>;
    /// Takes that away; returns when the device uses it no more.
    fn unmap(&self, iova: u64, bytes: usize) -> Result<(), PlatformError>;
}

/// Whether the device knows the arena whole, or each buffer by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// One mapping for everything: allocation costs no message.
    Whole,
    /// A mapping a buffer, so that one can be taken away: for tests.
    EachBuffer,
}

/// Where buffers come from.
pub(crate) struct Arena {
    mapping: Arc<Mapping>,
    iova: u64,
    /// First byte that buffers may use.
    free: Mutex<Free>,
    each: Option<Arc<dyn Iommu>>,
}

/// Free ranges: offset and length, never adjacent.
#[derive(Debug)]
struct Free(BTreeMap<usize, usize>);

impl Free {
    /// First fit.
    fn take(&mut self, bytes: usize) -> Option<usize> {
        let (&offset, &length) = self.0.iter().find(|(_, length)| **length >= bytes)?;
        self.0.remove(&offset);
        if length > bytes {
            self.0.insert(offset + bytes, length - bytes);
        }
        Some(offset)
    }

    fn give(&mut self, mut offset: usize, mut bytes: usize) {
        if let Some((&before, &length)) = self.0.range(..offset).next_back()
            && before + length == offset
        {
            self.0.remove(&before);
            offset = before;
            bytes += length;
        }
        if let Some(length) = self.0.remove(&(offset + bytes)) {
            bytes += length;
        }
        self.0.insert(offset, bytes);
    }
}

impl Arena {
    /// Buffers from `first` on; byte 0 of the mapping lies at `iova`. With [`Mapped::Whole`] the caller has told the
    /// device already.
    pub(crate) fn new(
        mapping: impl Into<Arc<Mapping>>,
        first: usize,
        iova: u64,
        each: Option<Arc<dyn Iommu>>,
    ) -> Arc<Self> {
        let mapping = mapping.into();
        let free = BTreeMap::from([(first, mapping.len() - first)]);
        Arc::new(Self {
            mapping,
            iova,
            free: Mutex::new(Free(free)),
            each,
        })
    }

    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// Zeroed memory.
    pub(crate) fn alloc(
        self: &Arc<Self>,
        bytes: usize,
        access: DmaAccess,
    ) -> Result<HostBuffer, PlatformError> {
        let length = bytes.max(1).next_multiple_of(PAGE);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = free.take(length).ok_or(PlatformError::NoMemory)?;
        drop(free);
        let buffer = HostBuffer {
            arena: self.clone(),
            offset,
            length,
            mapped: Mutex::new(false),
        };
        self.mapping.clear(offset, length);
        buffer.map(access)?;
        Ok(buffer)
    }
}

/// Memory that the device can reach.
pub struct HostBuffer {
    arena: Arc<Arena>,
    offset: usize,
    length: usize,
    /// With a mapping of its own: whether the device has it.
    mapped: Mutex<bool>,
}

impl HostBuffer {
    /// Gives the device the buffer, if it has a mapping of its own and the device does not know it.
    pub(crate) fn map(&self, access: DmaAccess) -> Result<(), PlatformError> {
        let mut mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(iommu) = &self.arena.each
            && !*mapped
        {
            iommu.map(self.offset, self.iova(), self.length, access)?;
            *mapped = true;
        }
        Ok(())
    }

    /// Takes it away; `Unsupported` if the device knows the arena whole.
    pub(crate) fn unmap(&self) -> Result<(), PlatformError> {
        let iommu = self.arena.each.as_ref().ok_or(PlatformError::Unsupported)?;
        let mut mapped = self.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *mapped) {
            iommu.unmap(self.iova(), self.length)?;
        }
        Ok(())
    }
}

impl HostBuffer {
    /// Copies `bytes` bytes at `from_offset` of another buffer to `offset` of this one by the processor: what a
    /// transfer of the device between the two is compared with.
    ///
    /// # Panics
    /// If they do not lie inside the buffers.
    pub fn copy_from(&self, offset: usize, from: &Self, from_offset: usize, bytes: usize) {
        assert!(offset + bytes <= self.length, "outside the buffer");
        assert!(from_offset + bytes <= from.length, "outside the buffer");
        let (to_at, from_at) = (self.offset + offset, from.offset + from_offset);
        let mapping = &self.arena.mapping;
        mapping.copy_from(to_at, &from.arena.mapping, from_at, bytes);
    }
}

impl Drop for HostBuffer {
    fn drop(&mut self) {
        // A device that is gone uses nothing.
        let _ = self.unmap();
        let mut free = self
            .arena
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        free.give(self.offset, self.length);
    }
}

impl DmaBuffer for HostBuffer {
    fn iova(&self) -> u64 {
        self.arena.iova + self.offset as u64
    }
    fn len(&self) -> usize {
        self.length
    }
    fn read(&self, offset: usize, data: &mut [u8]) {
        assert!(offset + data.len() <= self.length, "outside the buffer");
        self.arena.mapping.read(self.offset + offset, data);
    }
    fn write(&self, offset: usize, data: &[u8]) {
        assert!(offset + data.len() <= self.length, "outside the buffer");
        self.arena.mapping.write(self.offset + offset, data);
    }
    fn load_u16(&self, offset: usize) -> u16 {
        assert!(offset + 2 <= self.length, "outside the buffer");
        let word = self.arena.mapping.word16(self.offset + offset);
        u16::from_le(word.load(Ordering::Acquire))
    }
    fn load_u32(&self, offset: usize) -> u32 {
        assert!(offset + 4 <= self.length, "outside the buffer");
        let word = self.arena.mapping.word32(self.offset + offset);
        u32::from_le(word.load(Ordering::Acquire))
    }
    fn load_u64(&self, offset: usize) -> u64 {
        assert!(offset + 8 <= self.length, "outside the buffer");
        let word = self.arena.mapping.word64(self.offset + offset);
        u64::from_le(word.load(Ordering::Acquire))
    }
    fn store_u16(&self, offset: usize, value: u16) {
        assert!(offset + 2 <= self.length, "outside the buffer");
        let word = self.arena.mapping.word16(self.offset + offset);
        word.store(value.to_le(), Ordering::Release);
    }
    fn store_u32(&self, offset: usize, value: u32) {
        assert!(offset + 4 <= self.length, "outside the buffer");
        let word = self.arena.mapping.word32(self.offset + offset);
        word.store(value.to_le(), Ordering::Release);
    }
    fn store_u64(&self, offset: usize, value: u64) {
        assert!(offset + 8 <= self.length, "outside the buffer");
        let word = self.arena.mapping.word64(self.offset + offset);
        word.store(value.to_le(), Ordering::Release);
    }
}

/// A memory file of fixed size: sealed, because a device that serves several guests takes no file that can shrink.
pub(crate) fn sealed_memfd(bytes: u64) -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a constant C string.
    let fd = unsafe { libc::memfd_create(c"rnic-dma".as_ptr(), flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else has.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(bytes)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: a plain fcntl on a descriptor that we own.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mmap::Source;

    #[derive(Default)]
    struct Log(Mutex<Vec<(bool, u64, usize)>>);

    impl Iommu for Log {
        fn map(
            &self,
            _: usize,
            iova: u64,
            bytes: usize,
            _: DmaAccess,
        ) -> Result<(), PlatformError> {
            self.0.lock().unwrap().push((true, iova, bytes));
            Ok(())
        }
        fn unmap(&self, iova: u64, bytes: usize) -> Result<(), PlatformError> {
            self.0.lock().unwrap().push((false, iova, bytes));
            Ok(())
        }
    }

    #[test]
    fn ranges_are_zeroed_and_used_again_whole() {
        let mapping = Mapping::new(&Source::Anonymous, 64 * PAGE).unwrap();
        let arena = Arena::new(mapping, PAGE, 0x10_0000, None);
        let access = DmaAccess::DeviceReads;
        let a = arena.alloc(1, access).unwrap();
        let b = arena.alloc(PAGE * 3, access).unwrap();
        let c = arena.alloc(PAGE + 1, access).unwrap();
        assert_eq!((a.iova(), a.len()), (0x10_1000, PAGE));
        assert_eq!((c.iova(), c.len()), (0x10_5000, 2 * PAGE));
        b.write(PAGE, &[0xFF; 100]);
        assert_eq!(b.unmap(), Err(PlatformError::Unsupported));
        drop(b);
        assert!(arena.alloc(PAGE * 60, access).is_err());
        let b = arena.alloc(PAGE * 3, access).unwrap();
        assert_eq!((b.iova(), b.load_u64(PAGE)), (0x10_2000, 0));
        drop((a, b, c));
        // Everything came together again.
        assert_eq!(arena.alloc(PAGE * 63, access).unwrap().iova(), 0x10_1000);
    }

    #[test]
    fn a_buffer_with_its_own_mapping_is_mapped_and_unmapped_once() {
        let log = Arc::new(Log::default());
        let mapping = Mapping::new(&Source::Anonymous, 16 * PAGE).unwrap();
        let arena = Arena::new(mapping, 0, 0x1000, Some(log.clone()));
        let buffer = arena.alloc(100, DmaAccess::DeviceReads).unwrap();
        buffer.unmap().unwrap();
        buffer.unmap().unwrap();
        buffer.map(DmaAccess::DeviceReads).unwrap();
        drop(buffer);
        let expected = [true, false, true, false].map(|map| (map, 0x1000, PAGE));
        assert_eq!(*log.0.lock().unwrap(), expected);
    }

    #[test]
    fn the_memory_file_cannot_shrink() {
        let file = sealed_memfd(8192).unwrap();
        assert!(file.set_len(4096).is_err());
        assert!(file.set_len(16384).is_err());
    }
}
