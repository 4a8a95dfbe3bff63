//! The owner's side: takes maps from the peer, validates them, publishes snapshots.
//!
//! Each distinct memory file is mapped once, whole, however many maps point into it: a guest's
//! IOMMU makes tens of thousands of maps, and a process may have 65530 mappings. A file that grew
//! is mapped again, for later snapshots; earlier ones keep the mapping they know.

use super::interval::{IntervalMap, Map, Overlap};
use super::mapping::{Mapping, seals};
use super::{Access, DmaSpace};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Weak};

/// Maps a table takes (joined neighbours count once), as the vfio-user client is told.
pub const MAX_MAPS: usize = 65535;
/// Distinct memory files a table takes: RAM, its NUMA nodes, ROMs.
pub const MAX_FILES: usize = 256;
/// Bytes of address space that one table's files may take; a file of any length costs nothing
/// until touched, but the address space is the whole process's.
const MAX_MAPPED: u64 = 1 << 44;
/// Granule of maps.
pub(super) const PAGE: u64 = 4096;

/// Which memory files a table accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePolicy {
    /// Any file that can be mapped: one guest, which can only harm itself.
    Any,
    /// Only files that can no longer shrink (`F_SEAL_SHRINK`), for a process that serves several
    /// guests. Only memory files can be sealed, so this also keeps out files whose page faults
    /// somebody else answers (FUSE) and who could stop the process by not answering.
    SealedShrink,
}

/// Why a map or unmap was refused.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// Zero length, or address, length or offset that is not a multiple of 4096.
    #[error(
        "DMA map of {size:#x} bytes at {iova:#x}, file offset {offset:#x}: not whole 4 KiB pages"
    )]
    NotPages {
        /// Address asked for.
        iova: u64,
        /// Size asked for.
        size: u64,
        /// Offset asked for.
        offset: u64,
    },
    /// Address or offset plus size passes 2^64.
    #[error("DMA map of {size:#x} bytes at {iova:#x}: wraps past the end of the address space")]
    Wrapped {
        /// Address asked for.
        iova: u64,
        /// Size asked for.
        size: u64,
    },
    /// Another map is in the way.
    #[error("DMA map at {iova:#x} overlaps the map at {other:#x}; unmap that first")]
    Overlap {
        /// Address asked for.
        iova: u64,
        /// Start of the map in the way.
        other: u64,
    },
    /// More than [`MAX_MAPS`].
    #[error(
        "DMA map at {iova:#x}: the table is full ({MAX_MAPS} maps); use huge pages in the guest"
    )]
    TooManyMaps {
        /// Address asked for.
        iova: u64,
    },
    /// More than [`MAX_FILES`].
    #[error("DMA map: more than {MAX_FILES} distinct memory files")]
    TooManyFiles,
    /// The files together are too long.
    #[error("DMA map: a memory file of {len:#x} bytes is more than this device may map")]
    FileTooLong {
        /// Length of the file in bytes.
        len: u64,
    },
    /// The map passes the end of its file.
    #[error("DMA map up to byte {end:#x} of a memory file of {len:#x} bytes")]
    BeyondFile {
        /// First byte behind the map.
        end: u64,
        /// Length of the file in bytes.
        len: u64,
    },
    /// The policy asks for a sealed file.
    #[error(
        "DMA map of a memory file that may shrink: this process serves several guests and needs \
         F_SEAL_SHRINK; use memory-backend-memfd (which seals) with share=on"
    )]
    NotSealed,
    /// The host refused.
    #[error("DMA map: mapping the memory file failed: {0}")]
    Host(#[from] io::Error),
}

impl MapError {
    /// The errno to answer a vfio-user peer with; never zero.
    pub fn errno(&self) -> i32 {
        match self {
            MapError::NotPages { .. } | MapError::Wrapped { .. } | MapError::BeyondFile { .. } => {
                libc::EINVAL
            }
            MapError::Overlap { .. } => libc::EEXIST,
            MapError::TooManyMaps { .. } | MapError::TooManyFiles => libc::ENOSPC,
            MapError::FileTooLong { .. } => libc::EFBIG,
            MapError::NotSealed => libc::EPERM,
            MapError::Host(e) => e.raw_os_error().filter(|&e| e != 0).unwrap_or(libc::EIO),
        }
    }
}

/// A memory file as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Device number of its file system.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub len: u64,
}

struct FileSlot {
    mapping: Arc<Mapping>,
    /// Bytes of maps that point into it; at zero the slot is freed.
    mapped: u64,
}

/// The maps of one device, and the snapshots it published.
pub struct DmaTable {
    policy: FilePolicy,
    maps: IntervalMap,
    files: Vec<Option<FileSlot>>,
    bus_master: bool,
    current: Option<Arc<DmaSpace>>,
    earlier: Vec<Weak<DmaSpace>>,
}

impl DmaTable {
    /// An empty table; bus mastering is off.
    pub fn new(policy: FilePolicy) -> Self {
        DmaTable {
            policy,
            maps: IntervalMap::default(),
            files: Vec::new(),
            bus_master: false,
            current: None,
            earlier: Vec::new(),
        }
    }

    /// Adds a map: `size` bytes at `iova` are those of `file` from `offset`. A map of memory for
    /// which the peer sent no file is simply not added: the device cannot reach it.
    pub fn map(
        &mut self,
        iova: u64,
        size: u64,
        access: Access,
        file: &impl AsFd,
        offset: u64,
    ) -> Result<(), MapError> {
        if size == 0 || !(iova | size | offset).is_multiple_of(PAGE) {
            return Err(MapError::NotPages { iova, size, offset });
        }
        let last = iova
            .checked_add(size - 1)
            .ok_or(MapError::Wrapped { iova, size })?;
        let end = offset
            .checked_add(size)
            .ok_or(MapError::Wrapped { iova, size })?;
        if self.maps.len() >= MAX_MAPS {
            return Err(MapError::TooManyMaps { iova });
        }
        let index = self.file(file.as_fd(), end, access.writes())?;
        let map = Map {
            iova,
            last,
            offset,
            file: u32::try_from(index).map_err(|_| MapError::TooManyFiles)?,
            access,
        };
        let result = self
            .maps
            .insert(map)
            .map_err(|Overlap { iova: other }| MapError::Overlap { iova, other });
        if result.is_ok()
            && let Some(Some(slot)) = self.files.get_mut(index)
        {
            slot.mapped = slot.mapped.saturating_add(size);
        }
        self.free_unused_files();
        self.changed();
        result
    }

    /// Removes every map, or part of one, in `size` bytes at `iova`; the number of bytes that
    /// were mapped there. The device may be inside an access: answer the peer only when
    /// [`DmaTable::retired`] is quiescent.
    pub fn unmap(&mut self, iova: u64, size: u64) -> Result<u64, MapError> {
        if size == 0 || !(iova | size).is_multiple_of(PAGE) {
            return Err(MapError::NotPages {
                iova,
                size,
                offset: 0,
            });
        }
        let last = iova
            .checked_add(size - 1)
            .ok_or(MapError::Wrapped { iova, size })?;
        if self.maps.len() >= MAX_MAPS && self.maps.would_split(iova, last) {
            return Err(MapError::TooManyMaps { iova });
        }
        Ok(self.remove(iova, last))
    }

    /// Removes every map; the number of bytes that were mapped.
    pub fn unmap_all(&mut self) -> u64 {
        self.remove(0, u64::MAX)
    }

    /// Follows Bus Master Enable of the function's command register.
    pub fn set_bus_master(&mut self, enabled: bool) {
        if self.bus_master != enabled {
            self.bus_master = enabled;
            self.changed();
        }
    }

    /// The snapshot of the table as it is now; the same one until something changes.
    pub fn snapshot(&mut self) -> Arc<DmaSpace> {
        let make = || {
            Arc::new(DmaSpace {
                maps: self.maps.clone(),
                files: self
                    .files
                    .iter()
                    .map(|slot| slot.as_ref().map(|s| Arc::clone(&s.mapping)))
                    .collect(),
                bus_master: self.bus_master,
            })
        };
        Arc::clone(self.current.get_or_insert_with(make))
    }

    /// All snapshots older than the last change that somebody still holds.
    pub fn retired(&mut self) -> Retired {
        self.earlier.retain(|space| space.strong_count() > 0);
        Retired {
            earlier: self.earlier.clone(),
        }
    }

    /// Number of maps, neighbours joined.
    pub fn map_count(&self) -> usize {
        self.maps.len()
    }

    /// The files in use, as they are now.
    pub fn files(&self) -> Vec<FileInfo> {
        let info = |slot: &FileSlot| {
            let metadata = slot.mapping.file().metadata().ok()?;
            Some(FileInfo {
                dev: metadata.dev(),
                ino: metadata.ino(),
                len: metadata.len(),
            })
        };
        self.files.iter().flatten().filter_map(info).collect()
    }

    fn changed(&mut self) {
        if let Some(old) = self.current.take() {
            self.earlier.retain(|space| space.strong_count() > 0);
            self.earlier.push(Arc::downgrade(&old));
        }
    }

    fn remove(&mut self, first: u64, last: u64) -> u64 {
        let mut total: u64 = 0;
        let files = &mut self.files;
        self.maps.remove(first, last, |file, bytes| {
            total = total.saturating_add(bytes);
            if let Some(Some(slot)) = usize::try_from(file).ok().and_then(|i| files.get_mut(i)) {
                slot.mapped = slot.mapped.saturating_sub(bytes);
            }
        });
        self.free_unused_files();
        self.changed();
        total
    }

    fn free_unused_files(&mut self) {
        for slot in &mut self.files {
            if slot.as_ref().is_some_and(|s| s.mapped == 0) {
                *slot = None;
            }
        }
    }

    /// The index of `file`, mapped at least up to `end` and writable if asked for.
    fn file(&mut self, fd: BorrowedFd<'_>, end: u64, writes: bool) -> Result<usize, MapError> {
        let file = File::from(fd.try_clone_to_owned()?);
        let metadata = file.metadata()?;
        let len = metadata.len();
        if end > len {
            return Err(MapError::BeyondFile { end, len });
        }
        let (dev, ino) = (metadata.dev(), metadata.ino());
        let same =
            |slot: &Option<FileSlot>| slot.as_ref().is_some_and(|s| s.mapping.id().is(dev, ino));
        let known = self.files.iter().position(same);
        if let Some(index) = known {
            let fits = |s: &FileSlot| s.mapping.len() >= end && (s.mapping.writable() || !writes);
            if self
                .files
                .get(index)
                .and_then(Option::as_ref)
                .is_some_and(fits)
            {
                return Ok(index);
            }
        }
        self.accept(fd)?;
        let others = self
            .files
            .iter()
            .filter(|s| !same(s))
            .flatten()
            .map(|s| s.mapping.len());
        let total = others.fold(len, u64::saturating_add);
        if total > MAX_MAPPED {
            return Err(MapError::FileTooLong { len });
        }
        let index = match known.or_else(|| self.files.iter().position(Option::is_none)) {
            Some(index) => index,
            None if self.files.len() < MAX_FILES => {
                self.files.push(None);
                self.files.len() - 1
            }
            None => return Err(MapError::TooManyFiles),
        };
        // A mapping that was writable stays so for the maps that need it.
        let was_writable = |s: &FileSlot| s.mapping.writable();
        let slot = self.files.get_mut(index).ok_or(MapError::TooManyFiles)?;
        let mapping = Arc::new(Mapping::new(
            file,
            writes || slot.as_ref().is_some_and(was_writable),
        )?);
        let mapped = slot.as_ref().map_or(0, |s| s.mapped);
        *slot = Some(FileSlot { mapping, mapped });
        Ok(index)
    }

    fn accept(&self, fd: BorrowedFd<'_>) -> Result<(), MapError> {
        match self.policy {
            FilePolicy::Any => Ok(()),
            FilePolicy::SealedShrink => match seals(fd) {
                Ok(seals) if seals & libc::F_SEAL_SHRINK != 0 => Ok(()),
                _ => Err(MapError::NotSealed),
            },
        }
    }
}

impl std::fmt::Debug for DmaTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DmaTable")
            .field("policy", &self.policy)
            .field("maps", &self.maps.len())
            .field("files", &self.files.iter().flatten().count())
            .field("bus_master", &self.bus_master)
            .finish_non_exhaustive()
    }
}

/// Snapshots that a change has made obsolete. An UNMAP is answered when they have no holder:
/// then no access through them is in progress and none can begin.
#[derive(Clone, Debug)]
pub struct Retired {
    earlier: Vec<Weak<DmaSpace>>,
}

impl Retired {
    /// Whether nobody holds any of them.
    pub fn is_quiescent(&self) -> bool {
        let quiescent = self.earlier.iter().all(|space| space.strong_count() == 0);
        // Pairs with the release in the last holder's drop: its accesses are done, and the
        // peer may reuse the memory as soon as it is told.
        fence(Ordering::Acquire);
        quiescent
    }
}
