//! One shared mapping of one memory file, and every raw access to it.
//!
//! The bytes are guest memory: the guest and other processes change them at any moment. So no
//! reference to them is ever made; bulk moves go through the C library's `memcpy`/`memmove`
//! on raw pointers, words through atomics. Offsets are checked here, at the unsafe boundary,
//! although callers have checked them before.

use super::sigbus::Region;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd};
use std::os::unix::fs::MetadataExt;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use vm_memory::VolatileSlice;

/// Identity of a file on this host. Holding the file open keeps it unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    dev: u64,
    ino: u64,
}

impl FileId {
    pub(super) fn is(self, dev: u64, ino: u64) -> bool {
        self == FileId { dev, ino }
    }
}

/// The access hit memory that the host no longer has, or lies outside the mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault;

/// A whole file, mapped shared.
pub(super) struct Mapping {
    base: NonNull<u8>,
    len: usize,
    id: FileId,
    writable: bool,
    file: File,
    region: &'static Region,
}

// SAFETY: the mapping is plain shared memory at a fixed address for the life of the value; all
// accesses are raw copies or atomics and tolerate concurrent writers.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the whole of `file`. Without `want_write` a file that cannot be mapped writable is
    /// mapped read-only.
    pub(super) fn new(file: File, want_write: bool) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let len = usize::try_from(metadata.len())
            .map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
        let both = libc::PROT_READ | libc::PROT_WRITE;
        let (base, writable) = match map_shared(&file, len, both) {
            Ok(base) => (base, true),
            Err(e)
                if !want_write && matches!(e.raw_os_error(), Some(libc::EACCES | libc::EPERM)) =>
            {
                (map_shared(&file, len, libc::PROT_READ)?, false)
            }
            Err(e) => return Err(e),
        };
        let region = match Region::register(base.as_ptr() as usize, len) {
            Ok(region) => region,
            Err(e) => {
                // SAFETY: mapped just now, and nobody else knows it.
                unsafe { libc::munmap(base.as_ptr().cast(), len) };
                return Err(e);
            }
        };
        let id = FileId {
            dev: metadata.dev(),
            ino: metadata.ino(),
        };
        Ok(Mapping {
            base,
            len,
            id,
            writable,
            file,
            region,
        })
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    pub(super) fn len(&self) -> u64 {
        self.len as u64
    }

    pub(super) fn writable(&self) -> bool {
        self.writable
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether any access has faulted; it stays so.
    #[inline]
    pub(super) fn faulted(&self) -> bool {
        self.region.faulted()
    }

    #[inline]
    fn at(&self, offset: u64, len: usize) -> Result<*mut u8, Fault> {
        let offset = usize::try_from(offset).map_err(|_| Fault)?;
        let end = offset.checked_add(len).ok_or(Fault)?;
        if end > self.len || self.faulted() {
            return Err(Fault);
        }
        // SAFETY: offset <= len of the mapping, which is one allocation.
        Ok(unsafe { self.base.as_ptr().add(offset) })
    }

    #[inline]
    fn at_mut(&self, offset: u64, len: usize) -> Result<*mut u8, Fault> {
        if self.writable {
            self.at(offset, len)
        } else {
            Err(Fault)
        }
    }

    #[inline]
    fn finish(&self) -> Result<(), Fault> {
        if self.faulted() { Err(Fault) } else { Ok(()) }
    }

    /// Copies out of the mapping.
    #[inline]
    pub(super) fn read(&self, offset: u64, to: &mut [u8]) -> Result<(), Fault> {
        let from = self.at(offset, to.len())?;
        // SAFETY: both ranges are valid for `to.len()` bytes; `to` is exclusively ours and not
        // part of a mapping, so they do not overlap.
        unsafe { libc::memcpy(to.as_mut_ptr().cast(), from.cast(), to.len()) };
        self.finish()
    }

    /// Copies into the mapping.
    #[inline]
    pub(super) fn write(&self, offset: u64, from: &[u8]) -> Result<(), Fault> {
        let to = self.at_mut(offset, from.len())?;
        // SAFETY: as in `read`, the other way round; the mapping is writable.
        unsafe { libc::memcpy(to.cast(), from.as_ptr().cast(), from.len()) };
        self.finish()
    }

    /// Sets `len` bytes.
    pub(super) fn fill(&self, offset: u64, len: usize, byte: u8) -> Result<(), Fault> {
        let to = self.at_mut(offset, len)?;
        // SAFETY: valid and writable for `len` bytes.
        unsafe { libc::memset(to.cast(), i32::from(byte), len) };
        self.finish()
    }

    /// Copies from `source` to here: the fault, if any, says on which side. Overlap is as
    /// memmove when both are the same mapping; two mappings of one file must not overlap.
    #[inline]
    pub(super) fn copy_from(
        &self,
        offset: u64,
        source: &Mapping,
        source_offset: u64,
        len: usize,
    ) -> Result<(), Side> {
        let from = source
            .at(source_offset, len)
            .map_err(|Fault| Side::Source)?;
        let to = self
            .at_mut(offset, len)
            .map_err(|Fault| Side::Destination)?;
        // SAFETY: both are valid for `len` bytes, `to` is writable, and memmove permits overlap.
        unsafe { libc::memmove(to.cast(), from.cast(), len) };
        source.finish().map_err(|Fault| Side::Source)?;
        self.finish().map_err(|Fault| Side::Destination)
    }

    #[inline]
    fn word<T>(&self, offset: u64, writes: bool) -> Result<*mut T, Fault> {
        let at = if writes {
            self.at_mut(offset, size_of::<T>())?
        } else {
            self.at(offset, size_of::<T>())?
        };
        let at = at.cast::<T>();
        if at.is_aligned() { Ok(at) } else { Err(Fault) }
    }

    /// Loads a word with acquire ordering; `offset` is naturally aligned.
    #[inline]
    pub(super) fn load_u32(&self, offset: u64) -> Result<u32, Fault> {
        let at = self.word::<u32>(offset, false)?;
        // SAFETY: valid and aligned for the life of `self`; shared memory is only accessed
        // atomically or by raw copies. An aligned load needs no write permission.
        let value = unsafe { AtomicU32::from_ptr(at) }.load(Ordering::Acquire);
        self.finish().map(|()| u32::from_le(value))
    }

    /// Loads a word with acquire ordering.
    #[inline]
    pub(super) fn load_u64(&self, offset: u64) -> Result<u64, Fault> {
        let at = self.word::<u64>(offset, false)?;
        // SAFETY: as in `load_u32`.
        let value = unsafe { AtomicU64::from_ptr(at) }.load(Ordering::Acquire);
        self.finish().map(|()| u64::from_le(value))
    }

    /// The first of `count` words from `offset` on that is not zero; `count` when all are. What was
    /// written before that word was is visible after.
    pub(super) fn find_set_u64(&self, offset: u64, count: usize) -> Result<usize, Fault> {
        let first = self
            .at(offset, count.checked_mul(8).ok_or(Fault)?)?
            .cast::<u64>();
        if !first.is_aligned() {
            return Err(Fault);
        }
        let is_set = |at: &usize| {
            // SAFETY: at < count, so the word lies in the range that was checked just now; aligned
            // as the first one is; shared memory is only accessed atomically or by raw copies.
            unsafe { AtomicU64::from_ptr(first.add(*at)) }.load(Ordering::Acquire) != 0
        };
        let found = (0..count).find(is_set).unwrap_or(count);
        self.finish().map(|()| found)
    }

    /// Stores a word with release ordering.
    #[inline]
    pub(super) fn store_u32(&self, offset: u64, value: u32) -> Result<(), Fault> {
        let at = self.word::<u32>(offset, true)?;
        // SAFETY: as in `load_u32`, and writable.
        unsafe { AtomicU32::from_ptr(at) }.store(value.to_le(), Ordering::Release);
        self.finish()
    }

    /// Stores a word with release ordering.
    #[inline]
    pub(super) fn store_u64(&self, offset: u64, value: u64) -> Result<(), Fault> {
        let at = self.word::<u64>(offset, true)?;
        // SAFETY: as in `store_u32`.
        unsafe { AtomicU64::from_ptr(at) }.store(value.to_le(), Ordering::Release);
        self.finish()
    }

    /// Changes a word atomically with respect to every CPU that maps the file; the old value.
    #[inline]
    pub(super) fn update_u64(&self, offset: u64, update: Update) -> Result<u64, Fault> {
        let at = self.word::<u64>(offset, true)?;
        // SAFETY: as in `store_u32`.
        let word = unsafe { AtomicU64::from_ptr(at) };
        let old = match update {
            Update::CompareExchange { expected, new } => {
                match word.compare_exchange(
                    expected.to_le(),
                    new.to_le(),
                    Ordering::AcqRel,
                    Ordering::Acquire,
                ) {
                    Ok(old) | Err(old) => old,
                }
            }
            // Little-endian hosts only (checked in `mod`): guest words are native words.
            Update::Add(value) => word.fetch_add(value, Ordering::AcqRel),
            Update::Or(value) => word.fetch_or(value.to_le(), Ordering::AcqRel),
            Update::Swap(value) => word.swap(value.to_le(), Ordering::AcqRel),
        };
        self.finish().map(|()| u64::from_le(old))
    }

    /// A volatile slice, for `virtio-queue` only: it lives no longer than `self`, and its user
    /// cannot see a fault (see [`super::DmaSpace::health`]).
    pub(super) fn slice(
        &self,
        offset: u64,
        len: usize,
        writes: bool,
    ) -> Result<VolatileSlice<'_>, Fault> {
        let at = if writes {
            self.at_mut(offset, len)?
        } else {
            self.at(offset, len)?
        };
        // SAFETY: `at` is valid for `len` bytes while `self` lives, and VolatileSlice accesses
        // it only by volatile, atomic or raw copies. A read-only mapping is handed out only
        // for accesses declared as reads; `virtio-queue` declares what it does.
        Ok(unsafe { VolatileSlice::new(at, len) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.region.release();
        // SAFETY: base and len are those of the mapping made in `new`; nothing derived from it
        // outlives `self`.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// The side of a copy that faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Destination,
}

/// A read-modify-write of a 64-bit word.
#[derive(Clone, Copy, Debug)]
pub(super) enum Update {
    CompareExchange { expected: u64, new: u64 },
    Add(u64),
    Or(u64),
    Swap(u64),
}

const _: () = assert!(
    cfg!(target_endian = "little"),
    "guest words are used as native words"
);
const _: () = assert!(
    usize::BITS == 64,
    "a mapping is as large as the guest's memory"
);

fn map_shared(file: &File, len: usize, protection: libc::c_int) -> io::Result<NonNull<u8>> {
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
    let base = unsafe { libc::mmap(ptr::null_mut(), len, protection, flags, file.as_raw_fd(), 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A core dump must not carry the guest's memory. Advice only: a refusal changes nothing.
    // SAFETY: the range was mapped just now.
    unsafe { libc::madvise(base, len, libc::MADV_DONTDUMP) };
    NonNull::new(base.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
}

/// The seals of a file (`F_SEAL_*`); an error for files that cannot have any.
pub(super) fn seals(file: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: F_GET_SEALS takes no argument and changes nothing.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    if seals < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(seals)
    }
}

/// A memory file of `len` bytes that can no longer shrink or grow.
pub(super) fn sealed_memfd(len: u64) -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a valid C string; the call makes a new descriptor.
    let fd = unsafe { libc::memfd_create(c"rnic-memory".as_ptr(), flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor made just now that nobody else owns.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(len)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: F_ADD_SEALS takes an integer.
    if unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}
