//! Translation, and every access to guest memory.
//!
//! An access is a walk over pieces: one map each, contiguous in the address space. A piece is
//! moved by one call into [`Mapping`], which reports a host fault. A transfer that fails half
//! way has moved a prefix, as a PCIe write would; [`DmaSpace::validate`] looks first.

use super::interval::{Cursor, IntervalMap, Map};
use super::mapping::{Fault, Mapping, Update};
use super::{Access, DmaError};
use std::sync::Arc;

/// An immutable snapshot of what the device may reach, made by [`super::DmaTable::snapshot`].
///
/// Words are little-endian, as the interface is. Lengths of zero touch nothing and succeed when
/// bus mastering is on.
pub struct DmaSpace {
    pub(super) maps: IntervalMap,
    pub(super) files: Vec<Option<Arc<Mapping>>>,
    pub(super) bus_master: bool,
}

/// One contiguous part of an access.
pub(super) struct Piece<'a> {
    pub(super) mapping: &'a Arc<Mapping>,
    pub(super) offset: u64,
    pub(super) len: usize,
    pub(super) iova: u64,
}

impl Piece<'_> {
    fn fault(&self) -> impl FnOnce(Fault) -> DmaError {
        let iova = self.iova;
        move |Fault| DmaError::HostFault { iova }
    }
}

/// The walk over an access: the only way to memory, and it stays within maps `[CONV-12]`. It gathers
/// across maps as if memory were one piece `[MEM-25]`. Ends after the first error.
pub(super) struct Pieces<'a> {
    space: &'a DmaSpace,
    at: Option<Cursor>,
    iova: u64,
    left: u64,
    need: Access,
}

impl<'a> Pieces<'a> {
    fn step(&mut self) -> Result<Piece<'a>, DmaError> {
        let iova = self.iova;
        let unmapped = DmaError::Unmapped { iova };
        let found = match self.at {
            None => self.space.maps.locate(iova),
            Some(cursor) => self
                .space
                .maps
                .next(cursor)
                .filter(|(_, map)| map.iova == iova),
        };
        let (cursor, map) = found.ok_or(unmapped)?;
        permitted(map, iova, self.need)?;
        let mapping = self.space.mapping(map).ok_or(unmapped)?;
        let len = map.left(iova).min(self.left);
        let piece = Piece {
            mapping,
            offset: map.offset + (iova - map.iova),
            len: usize::try_from(len).map_err(|_| unmapped)?,
            iova,
        };
        self.at = Some(cursor);
        self.left -= len;
        // Wraps only behind the last byte of the address space, and then nothing is left.
        self.iova = iova.wrapping_add(len);
        Ok(piece)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, DmaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.left = 0;
        }
        Some(step)
    }
}

#[inline]
fn permitted(map: &Map, iova: u64, need: Access) -> Result<(), DmaError> {
    if need.writes() && !map.access.writes() {
        return Err(DmaError::ReadOnly { iova });
    }
    if need.reads() && !map.access.reads() {
        return Err(DmaError::WriteOnly { iova });
    }
    Ok(())
}

impl DmaSpace {
    /// A space without a map and with bus mastering off: what a function has after reset.
    pub fn empty() -> Arc<Self> {
        Arc::new(DmaSpace {
            maps: IntervalMap::default(),
            files: Vec::new(),
            bus_master: false,
        })
    }

    /// Whether the function may issue requests at all.
    pub fn bus_master(&self) -> bool {
        self.bus_master
    }

    /// The same maps with bus mastering on or off.
    pub fn with_bus_master(&self, enabled: bool) -> Arc<Self> {
        Arc::new(DmaSpace {
            maps: self.maps.clone(),
            files: self.files.clone(),
            bus_master: enabled,
        })
    }

    /// Number of maps, neighbours joined.
    pub fn map_count(&self) -> usize {
        self.maps.len()
    }

    /// [`DmaError::HostFault`] if the host lost memory behind any map, ever. Accesses here
    /// report their own faults; this is for those made through `virtio-queue`, which cannot.
    pub fn health(&self) -> Result<(), DmaError> {
        let lost = |map: &&Map| self.mapping(map).is_some_and(|m| m.faulted());
        if !self.files.iter().flatten().any(|m| m.faulted()) {
            return Ok(());
        }
        self.maps
            .iter()
            .find(lost)
            .map_or(Ok(()), |map| Err(DmaError::HostFault { iova: map.iova }))
    }

    /// Whether all of `len` bytes at `iova` may be accessed so, without touching them.
    pub fn validate(&self, iova: u64, len: u64, access: Access) -> Result<(), DmaError> {
        for piece in self.pieces(iova, len, access)? {
            let piece = piece?;
            if piece.mapping.faulted() {
                return Err(DmaError::HostFault { iova: piece.iova });
            }
        }
        Ok(())
    }

    /// Copies from guest memory.
    #[inline]
    pub fn read(&self, iova: u64, to: &mut [u8]) -> Result<(), DmaError> {
        if let Some(piece) = self.whole(iova, to.len(), Access::Read) {
            return piece.mapping.read(piece.offset, to).map_err(piece.fault());
        }
        let mut rest = to;
        for piece in self.pieces(iova, rest.len() as u64, Access::Read)? {
            let piece = piece?;
            let Some((part, tail)) = rest.split_at_mut_checked(piece.len) else {
                break;
            };
            piece
                .mapping
                .read(piece.offset, part)
                .map_err(piece.fault())?;
            rest = tail;
        }
        Ok(())
    }

    /// Copies `N` bytes from guest memory into an array: how a ring entry is fetched.
    pub fn read_array<const N: usize>(&self, iova: u64) -> Result<[u8; N], DmaError> {
        let mut bytes = [0; N];
        self.read(iova, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies to guest memory. The order in which bytes become visible is not defined; publish
    /// with [`DmaSpace::store_release_u32`] or [`DmaSpace::store_release_u64`].
    #[inline]
    pub fn write(&self, iova: u64, from: &[u8]) -> Result<(), DmaError> {
        if let Some(piece) = self.whole(iova, from.len(), Access::Write) {
            return piece
                .mapping
                .write(piece.offset, from)
                .map_err(piece.fault());
        }
        let mut rest = from;
        for piece in self.pieces(iova, rest.len() as u64, Access::Write)? {
            let piece = piece?;
            let Some((part, tail)) = rest.split_at_checked(piece.len) else {
                break;
            };
            piece
                .mapping
                .write(piece.offset, part)
                .map_err(piece.fault())?;
            rest = tail;
        }
        Ok(())
    }

    /// Sets `len` bytes of guest memory to `byte`.
    pub fn fill(&self, iova: u64, len: u64, byte: u8) -> Result<(), DmaError> {
        for piece in self.pieces(iova, len, Access::Write)? {
            let piece = piece?;
            piece
                .mapping
                .fill(piece.offset, piece.len, byte)
                .map_err(piece.fault())?;
        }
        Ok(())
    }

    /// Loads an aligned word; what the guest wrote before it wrote this word is visible after.
    #[inline]
    pub fn load_acquire_u32(&self, iova: u64) -> Result<u32, DmaError> {
        let (mapping, offset) = self.word(iova, 4, Access::Read)?;
        mapping
            .load_u32(offset)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Loads an aligned word; what the guest wrote before it wrote this word is visible after.
    #[inline]
    pub fn load_acquire_u64(&self, iova: u64) -> Result<u64, DmaError> {
        let (mapping, offset) = self.word(iova, 8, Access::Read)?;
        mapping
            .load_u64(offset)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Stores an aligned word after everything that was written before: an entry's owner bit, a
    /// retired count. A store before a load (*parked*, then the doorbell) needs a full fence too.
    #[inline]
    pub fn store_release_u32(&self, iova: u64, value: u32) -> Result<(), DmaError> {
        let (mapping, offset) = self.word(iova, 4, Access::Write)?;
        mapping
            .store_u32(offset, value)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Stores an aligned word after everything that was written before.
    #[inline]
    pub fn store_release_u64(&self, iova: u64, value: u64) -> Result<(), DmaError> {
        let (mapping, offset) = self.word(iova, 8, Access::Write)?;
        mapping
            .store_u64(offset, value)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Replaces an aligned word by `new` if it is `expected`; the value found. Atomic towards
    /// the guest's CPUs and every other device.
    pub fn compare_exchange_u64(
        &self,
        iova: u64,
        expected: u64,
        new: u64,
    ) -> Result<u64, DmaError> {
        self.update(iova, Update::CompareExchange { expected, new })
    }

    /// Adds to an aligned word, modulo 2^64; the value found. Atomic as `compare_exchange_u64`.
    pub fn fetch_add_u64(&self, iova: u64, value: u64) -> Result<u64, DmaError> {
        self.update(iova, Update::Add(value))
    }

    fn update(&self, iova: u64, update: Update) -> Result<u64, DmaError> {
        let (mapping, offset) = self.word(iova, 8, Access::ReadWrite)?;
        mapping
            .update_u64(offset, update)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Where an aligned word is. It lies in one map, because maps are page-aligned.
    #[inline]
    fn word(&self, iova: u64, size: u8, need: Access) -> Result<(&Mapping, u64), DmaError> {
        self.gate()?;
        if !iova.is_multiple_of(u64::from(size)) {
            return Err(DmaError::Misaligned { iova, size });
        }
        let (_, map) = self.maps.locate(iova).ok_or(DmaError::Unmapped { iova })?;
        permitted(map, iova, need)?;
        let mapping = self.mapping(map).ok_or(DmaError::Unmapped { iova })?;
        Ok((mapping, map.offset + (iova - map.iova)))
    }

    #[inline]
    fn mapping(&self, map: &Map) -> Option<&Arc<Mapping>> {
        self.files.get(usize::try_from(map.file).ok()?)?.as_ref()
    }

    #[inline]
    fn gate(&self) -> Result<(), DmaError> {
        if self.bus_master {
            Ok(())
        } else {
            Err(DmaError::BusMasterDisabled)
        }
    }

    pub(super) fn pieces(&self, iova: u64, len: u64, need: Access) -> Result<Pieces<'_>, DmaError> {
        self.gate()?;
        if len > 0 && iova.checked_add(len - 1).is_none() {
            return Err(DmaError::Wrapped { iova, len });
        }
        Ok(Pieces {
            space: self,
            at: None,
            iova,
            left: len,
            need,
        })
    }

    /// The access as one piece, if it is permitted and lies in one map: nearly always. If not,
    /// the walk over pieces finds out why.
    #[inline]
    pub(super) fn whole(&self, iova: u64, len: usize, need: Access) -> Option<Piece<'_>> {
        let span = u64::try_from(len).ok()?.checked_sub(1)?;
        let (_, map) = self.maps.locate(iova)?;
        let fits = self.bus_master
            && iova.checked_add(span).is_some_and(|last| last <= map.last)
            && permitted(map, iova, need).is_ok();
        if !fits {
            return None;
        }
        let (mapping, offset) = (self.mapping(map)?, map.offset + (iova - map.iova));
        Some(Piece {
            mapping,
            offset,
            len,
            iova,
        })
    }

    /// Volatile slices for [`super::virtio`]; `None` at the first thing that forbids the access.
    pub(super) fn slices(
        &self,
        iova: u64,
        len: u64,
        need: Access,
    ) -> Result<impl Iterator<Item = Result<vm_memory::VolatileSlice<'_>, DmaError>>, DmaError>
    {
        let pieces = self.pieces(iova, len, need)?;
        Ok(pieces.map(move |piece| {
            let piece = piece?;
            piece
                .mapping
                .slice(piece.offset, piece.len, need.writes())
                .map_err(piece.fault())
        }))
    }
}

impl std::fmt::Debug for DmaSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DmaSpace")
            .field("maps", &self.maps.len())
            .field("bus_master", &self.bus_master)
            .finish_non_exhaustive()
    }
}
