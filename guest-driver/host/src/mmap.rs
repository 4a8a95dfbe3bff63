//! Memory that another process, or a device, changes while we look: copies and atomic words, never a slice.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64};

/// What to map.
pub(crate) enum Source<'a> {
    /// A part of a file, from this offset on.
    File(&'a File, u64),
    /// Memory of this process alone, huge pages if there are any.
    Anonymous,
    /// The same, of small pages that the kernel keeps together where it can (transparent huge pages): each can be protected
    /// by itself.
    SmallPages,
}

/// A shared mapping, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping lives as long as the value, and every access goes through raw copies or atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above; no reference to its bytes is ever made, except to atomics.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes for reading and writing.
    pub(crate) fn new(source: &Source<'_>, length: usize) -> io::Result<Self> {
        match source {
            Source::File(file, offset) => {
                let offset = libc::off_t::try_from(*offset)
                    .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
                Self::map(length, libc::MAP_SHARED, file.as_raw_fd(), offset)
            }
            Source::Anonymous => {
                let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
                Self::map(length, flags | libc::MAP_HUGETLB, -1, 0)
                    .or_else(|_| Self::map(length, flags, -1, 0))
            }
            Source::SmallPages => {
                let mapping = Self::map(length, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)?;
                // SAFETY: advice on a new mapping of ours. A kernel that does not take it gives small pages, which is slower.
                unsafe { libc::madvise(mapping.base.as_ptr().cast(), length, libc::MADV_HUGEPAGE) };
                Ok(mapping)
            }
        }
    }

    fn map(length: usize, flags: i32, fd: i32, offset: libc::off_t) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let base =
            unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, fd, offset) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, length })
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Address in this process, for the kernel alone.
    pub(crate) fn address(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    fn at(&self, offset: usize, bytes: usize) -> *mut u8 {
        let end = offset.checked_add(bytes);
        assert!(
            end.is_some_and(|end| end <= self.length),
            "{bytes} bytes at {offset:#x} lie outside a mapping of {:#x}",
            self.length
        );
        // SAFETY: checked to lie inside the mapping.
        unsafe { self.base.as_ptr().add(offset) }
    }

    fn aligned(&self, offset: usize, bytes: usize) -> *mut u8 {
        assert!(
            offset.is_multiple_of(bytes),
            "word at {offset:#x} is not aligned"
        );
        self.at(offset, bytes)
    }

    /// Copies out.
    pub(crate) fn read(&self, offset: usize, data: &mut [u8]) {
        let from = self.at(offset, data.len());
        // SAFETY: the source lies inside the mapping, the target is ours, and they cannot overlap. Bytes may change
        // meanwhile; any of them is a value.
        unsafe { std::ptr::copy_nonoverlapping(from, data.as_mut_ptr(), data.len()) }
    }

    /// Copies in.
    pub(crate) fn write(&self, offset: usize, data: &[u8]) {
        let to = self.at(offset, data.len());
        // SAFETY: as in `read`, the other way.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), to, data.len()) }
    }

    /// Copies from another mapping, as one copy by the processor.
    pub(crate) fn copy_from(&self, offset: usize, from: &Self, from_offset: usize, bytes: usize) {
        let (to, from) = (self.at(offset, bytes), from.at(from_offset, bytes));
        // SAFETY: both lie inside their mappings; `copy` permits that they overlap.
        unsafe { std::ptr::copy(from, to, bytes) }
    }

    /// Zeroes.
    pub(crate) fn clear(&self, offset: usize, bytes: usize) {
        let to = self.at(offset, bytes);
        // SAFETY: the target lies inside the mapping.
        unsafe { std::ptr::write_bytes(to, 0, bytes) }
    }

    /// An aligned word.
    pub(crate) fn word16(&self, offset: usize) -> &AtomicU16 {
        // SAFETY: inside the mapping, aligned, and accessed as atomics or raw copies only.
        unsafe { AtomicU16::from_ptr(self.aligned(offset, 2).cast()) }
    }

    /// An aligned word.
    pub(crate) fn word32(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(self.aligned(offset, 4).cast()) }
    }

    /// An aligned word.
    pub(crate) fn word64(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(self.aligned(offset, 8).cast()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what `map` mapped, and no reference to it outlives us.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::{Mapping, Source};
    use std::sync::atomic::Ordering;

    #[test]
    fn words_and_copies_see_each_other() {
        let mapping = Mapping::new(&Source::Anonymous, 4096).unwrap();
        mapping.write(8, &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(
            mapping.word64(8).load(Ordering::Relaxed),
            0x0807_0605_0403_0201
        );
        mapping.word16(10).store(0xAABB, Ordering::Relaxed);
        let mut bytes = [0; 4];
        mapping.read(9, &mut bytes);
        assert_eq!(bytes, [2, 0xBB, 0xAA, 5]);
    }

    #[test]
    #[should_panic(expected = "outside a mapping")]
    fn outside_is_a_bug() {
        Mapping::new(&Source::Anonymous, 4096)
            .unwrap()
            .write(4090, &[0; 7]);
    }
}
