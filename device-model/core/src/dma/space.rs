//! Translation, and every access to guest memory.
//!
//! An access is a walk over pieces: one map each, contiguous in the address space. A piece is
//! moved by one call into [`Mapping`], which reports a host fault. A transfer that fails half
//! way has moved a prefix, as a PCIe write would; [`DmaSpace::validate`] looks first.

use super::interval::{Cursor, IntervalMap, Map};
use super::mapping::{Fault, FileId, Mapping, Side, Update};
use super::{Access, CopyError, DmaError};
use std::sync::Arc;

/// A copy within one file whose two ranges may overlap goes through a buffer of this size.
const BOUNCE: usize = 256 * 1024;

/// Address and length of one element of a scatter-gather list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaRange {
    /// First address.
    pub iova: u64,
    /// Length in bytes.
    pub len: u64,
}

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
struct Piece<'a> {
    mapping: &'a Arc<Mapping>,
    offset: u64,
    len: usize,
    iova: u64,
}

impl Piece<'_> {
    fn fault(&self) -> impl FnOnce(Fault) -> DmaError {
        let iova = self.iova;
        move |Fault| DmaError::HostFault { iova }
    }
}

/// The walk over an access. Ends after the first error.
struct Pieces<'a> {
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
    pub fn read(&self, iova: u64, to: &mut [u8]) -> Result<(), DmaError> {
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
    pub fn write(&self, iova: u64, from: &[u8]) -> Result<(), DmaError> {
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

    /// Copies guest memory to guest memory, in one copy, of one device or of two. Overlap is as
    /// with memmove, also when two devices have the same memory; only where more than 256 KiB
    /// overlap through maps that shuffle one file's pages is the result some mixture.
    pub fn copy(
        source: &DmaSpace,
        source_iova: u64,
        destination: &DmaSpace,
        destination_iova: u64,
        len: u64,
    ) -> Result<(), CopyError> {
        match may_overlap(source, source_iova, destination, destination_iova, len)? {
            None => copy_forward(source, source_iova, destination, destination_iova, len),
            Some(order) => copy_bounced(
                source,
                source_iova,
                destination,
                destination_iova,
                len,
                order,
            ),
        }
    }

    /// Copies from one scatter-gather list to another, element by element in order, until the
    /// shorter ends; the number of bytes copied.
    pub fn copy_list(
        source: &DmaSpace,
        from: &[DmaRange],
        destination: &DmaSpace,
        to: &[DmaRange],
    ) -> Result<u64, CopyError> {
        let mut from = from.iter().copied().filter(|r| r.len > 0);
        let mut to = to.iter().copied().filter(|r| r.len > 0);
        let (mut a, mut b) = (from.next(), to.next());
        let mut copied: u64 = 0;
        while let (Some(mut s), Some(mut d)) = (a, b) {
            let len = s.len.min(d.len);
            DmaSpace::copy(source, s.iova, destination, d.iova, len)?;
            copied = copied.saturating_add(len);
            // `copy` has refused ranges that wrap; only a range ending at 2^64 gets to 0, done.
            (s.iova, s.len) = (s.iova.wrapping_add(len), s.len - len);
            (d.iova, d.len) = (d.iova.wrapping_add(len), d.len - len);
            a = if s.len == 0 { from.next() } else { Some(s) };
            b = if d.len == 0 { to.next() } else { Some(d) };
        }
        Ok(copied)
    }

    /// Loads an aligned word; what the guest wrote before it wrote this word is visible after.
    pub fn load_acquire_u32(&self, iova: u64) -> Result<u32, DmaError> {
        let (mapping, offset) = self.word(iova, 4, Access::Read)?;
        mapping
            .load_u32(offset)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Loads an aligned word; what the guest wrote before it wrote this word is visible after.
    pub fn load_acquire_u64(&self, iova: u64) -> Result<u64, DmaError> {
        let (mapping, offset) = self.word(iova, 8, Access::Read)?;
        mapping
            .load_u64(offset)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Stores an aligned word after everything that was written before: an entry's owner bit, a
    /// retired count. A store before a load (*parked*, then the doorbell) needs a full fence too.
    pub fn store_release_u32(&self, iova: u64, value: u32) -> Result<(), DmaError> {
        let (mapping, offset) = self.word(iova, 4, Access::Write)?;
        mapping
            .store_u32(offset, value)
            .map_err(|Fault| DmaError::HostFault { iova })
    }

    /// Stores an aligned word after everything that was written before.
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

    fn mapping(&self, map: &Map) -> Option<&Arc<Mapping>> {
        self.files.get(usize::try_from(map.file).ok()?)?.as_ref()
    }

    fn gate(&self) -> Result<(), DmaError> {
        if self.bus_master {
            Ok(())
        } else {
            Err(DmaError::BusMasterDisabled)
        }
    }

    fn pieces(&self, iova: u64, len: u64, need: Access) -> Result<Pieces<'_>, DmaError> {
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

/// Which end of a possibly overlapping copy to start from.
#[derive(Clone, Copy)]
enum Order {
    FromStart,
    FromEnd,
}

/// Part of one file that an access covers, as one range from its lowest to its highest byte.
struct Footprint {
    id: FileId,
    first: u64,
    end: u64,
}

/// `None` if a piecewise forward copy is right: no memory in common, or one piece each in the
/// same mapping, where memmove sees the overlap itself.
fn may_overlap(
    source: &DmaSpace,
    source_iova: u64,
    destination: &DmaSpace,
    destination_iova: u64,
    len: u64,
) -> Result<Option<Order>, CopyError> {
    let shared = |m: &Arc<Mapping>| source.files.iter().flatten().any(|s| s.id() == m.id());
    if !destination.files.iter().flatten().any(shared) {
        return Ok(None);
    }
    let from = footprints(source, source_iova, len, Access::Read).map_err(CopyError::Source)?;
    let to = footprints(destination, destination_iova, len, Access::Write)
        .map_err(CopyError::Destination)?;
    let common = |a: &Footprint, b: &Footprint| a.id == b.id && a.first < b.end && b.first < a.end;
    let Some((a, b)) = from
        .list
        .iter()
        .find_map(|a| to.list.iter().find(|b| common(a, b)).map(|b| (a, b)))
    else {
        return Ok(None);
    };
    let same_mapping = match (from.only, to.only) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    if same_mapping {
        return Ok(None);
    }
    Ok(Some(if a.first < b.first {
        Order::FromEnd
    } else {
        Order::FromStart
    }))
}

struct Footprints<'a> {
    list: Vec<Footprint>,
    /// The mapping, if the access is one piece.
    only: Option<&'a Arc<Mapping>>,
}

fn footprints(
    space: &DmaSpace,
    iova: u64,
    len: u64,
    need: Access,
) -> Result<Footprints<'_>, DmaError> {
    let mut list: Vec<Footprint> = Vec::new();
    let mut only = None;
    for (n, piece) in space.pieces(iova, len, need)?.enumerate() {
        let piece = piece?;
        only = (n == 0).then_some(piece.mapping);
        let (id, first) = (piece.mapping.id(), piece.offset);
        let end = first + piece.len as u64;
        match list.iter_mut().find(|f| f.id == id) {
            Some(f) => (f.first, f.end) = (f.first.min(first), f.end.max(end)),
            None => list.push(Footprint { id, first, end }),
        }
    }
    Ok(Footprints { list, only })
}

fn copy_forward(
    source: &DmaSpace,
    source_iova: u64,
    destination: &DmaSpace,
    destination_iova: u64,
    len: u64,
) -> Result<(), CopyError> {
    let mut from = source
        .pieces(source_iova, len, Access::Read)
        .map_err(CopyError::Source)?;
    let mut to = destination
        .pieces(destination_iova, len, Access::Write)
        .map_err(CopyError::Destination)?;
    let mut next_from = || from.next().transpose().map_err(CopyError::Source);
    let mut next_to = || to.next().transpose().map_err(CopyError::Destination);
    let (mut a, mut b) = (next_from()?, next_to()?);
    while let (Some(s), Some(d)) = (&mut a, &mut b) {
        let n = s.len.min(d.len);
        d.mapping
            .copy_from(d.offset, s.mapping, s.offset, n)
            .map_err(|side| match side {
                Side::Source => CopyError::Source(DmaError::HostFault { iova: s.iova }),
                Side::Destination => CopyError::Destination(DmaError::HostFault { iova: d.iova }),
            })?;
        let done = n as u64;
        (s.offset, s.iova, s.len) = (s.offset + done, s.iova.wrapping_add(done), s.len - n);
        (d.offset, d.iova, d.len) = (d.offset + done, d.iova.wrapping_add(done), d.len - n);
        let (s_done, d_done) = (s.len == 0, d.len == 0);
        if s_done {
            a = next_from()?;
        }
        if d_done {
            b = next_to()?;
        }
    }
    Ok(())
}

fn copy_bounced(
    source: &DmaSpace,
    source_iova: u64,
    destination: &DmaSpace,
    destination_iova: u64,
    len: u64,
    order: Order,
) -> Result<(), CopyError> {
    let window = len.min(BOUNCE as u64);
    let mut buffer = vec![0; usize::try_from(window).unwrap_or(BOUNCE)];
    let mut done = 0;
    while done < len {
        let n = window.min(len - done);
        let at = match order {
            Order::FromStart => done,
            Order::FromEnd => len - done - n,
        };
        let part = usize::try_from(n)
            .ok()
            .and_then(|n| buffer.get_mut(..n))
            .unwrap_or_default();
        source
            .read(source_iova.wrapping_add(at), part)
            .map_err(CopyError::Source)?;
        destination
            .write(destination_iova.wrapping_add(at), part)
            .map_err(CopyError::Destination)?;
        done += n;
    }
    Ok(())
}
