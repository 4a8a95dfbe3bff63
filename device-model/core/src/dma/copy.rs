//! Guest memory to guest memory, in one copy.
//!
//! Source and destination are two walks over pieces. When both touch the same file the ranges may
//! overlap, which pointers do not show: two devices of one guest have a mapping each, and maps
//! may show one page at several addresses. So such a copy is looked at in terms of the file first.

use super::mapping::{FileId, Mapping, Side};
use super::space::{DmaSpace, Piece};
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

impl DmaSpace {
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
        // Nearly every transfer is one piece on each side.
        if let Ok(len) = usize::try_from(len)
            && let Some(s) = source.whole(source_iova, len, Access::Read)
            && let Some(d) = destination.whole(destination_iova, len, Access::Write)
            && (Arc::ptr_eq(s.mapping, d.mapping) || s.mapping.id() != d.mapping.id())
        {
            return move_piece(&s, &d, len);
        }
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

fn move_piece(s: &Piece<'_>, d: &Piece<'_>, len: usize) -> Result<(), CopyError> {
    let moved = d.mapping.copy_from(d.offset, s.mapping, s.offset, len);
    moved.map_err(|side| match side {
        Side::Source => CopyError::Source(DmaError::HostFault { iova: s.iova }),
        Side::Destination => CopyError::Destination(DmaError::HostFault { iova: d.iova }),
    })
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
        move_piece(s, d, n)?;
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
