//! Bytes to a [`Request`]. What the message says about itself is checked here, once; what needs the device or the negotiated limits to be
//! judged (does the region exist, is the range free) is checked by the session.

use super::header::Command;
use super::payload::{self, split};
use super::version::{self, Capabilities};
use crate::Errno;
use crate::dma::{DmaPermissions, DmaRange};
use crate::limits::{
    MAX_DATA_XFER_SIZE, MAX_IRQS_PER_INDEX, MAX_MSG_FDS, MAX_MULTI_WRITES, MAX_VERSION_DATA,
};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;

/// A well-formed command of the client.
#[derive(Debug)]
pub enum Request<'a> {
    /// VFIO_USER_VERSION. The major version is the one this server speaks.
    Version {
        /// What the client can take.
        capabilities: Capabilities,
    },
    /// VFIO_USER_DMA_MAP.
    DmaMap {
        /// The DMA addresses.
        range: DmaRange,
        /// The file behind them, if the memory can be mapped, and where in it the range begins.
        memory: Option<(OwnedFd, u64)>,
    },
    /// VFIO_USER_DMA_UNMAP of a range.
    DmaUnmap(payload::DmaUnmap),
    /// VFIO_USER_DMA_UNMAP of everything.
    DmaUnmapAll(payload::DmaUnmap),
    /// VFIO_USER_DEVICE_GET_INFO.
    DeviceInfo,
    /// VFIO_USER_DEVICE_GET_REGION_INFO.
    RegionInfo {
        /// Which region.
        index: u32,
        /// Largest reply payload the client takes.
        argsz: u32,
    },
    /// VFIO_USER_DEVICE_GET_IRQ_INFO.
    IrqInfo {
        /// Which interrupt type.
        index: u32,
    },
    /// VFIO_USER_DEVICE_SET_IRQS.
    SetIrqs(SetIrqs<'a>),
    /// VFIO_USER_REGION_READ.
    RegionRead(payload::RegionAccess),
    /// VFIO_USER_REGION_WRITE; there are as many bytes as the access says.
    RegionWrite(payload::RegionAccess, &'a [u8]),
    /// VFIO_USER_REGION_WRITE_MULTI.
    WriteMulti(MultiWrites<'a>),
    /// VFIO_USER_DEVICE_RESET.
    Reset,
}

/// VFIO_USER_DEVICE_SET_IRQS: an action on a range of interrupts of one type. The range does not wrap.
#[derive(Debug)]
pub struct SetIrqs<'a> {
    /// Which interrupt type.
    pub index: u32,
    /// First interrupt.
    pub start: u32,
    /// Interrupts; 0 only in "disable all".
    pub count: u32,
    /// What to do.
    pub action: IrqAction,
    /// To which interrupts, or with which descriptors.
    pub data: IrqData<'a>,
}

/// The `VFIO_IRQ_SET_ACTION` flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IrqAction {
    Mask,
    Unmask,
    Trigger,
}

/// The `VFIO_IRQ_SET_DATA` flags and their data.
#[derive(Debug)]
pub enum IrqData<'a> {
    /// The whole range.
    None,
    /// One byte an interrupt, not zero where the action applies.
    Bool(&'a [u8]),
    /// One descriptor an interrupt, or none at all to disconnect the range.
    Eventfd(Vec<OwnedFd>),
}

/// The writes of a VFIO_USER_REGION_WRITE_MULTI, each of at most 8 bytes.
#[derive(Clone, Copy, Debug)]
pub struct MultiWrites<'a> {
    entries: &'a [u8],
}

impl<'a> MultiWrites<'a> {
    /// Each write: region, offset, data.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64, [u8; 8], usize)> + use<'a> {
        let (entries, _) = self.entries.as_chunks::<24>();
        entries.iter().map(|bytes| {
            let entry: payload::WriteMultiEntry = zerocopy::transmute!(*bytes);
            // parse() saw that the count is at most 8.
            (
                entry.region,
                entry.offset,
                entry.data,
                entry.count.min(8) as usize,
            )
        })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.entries.len() / size_of::<payload::WriteMultiEntry>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The body sizes a command can have. The decoder stores no other body.
///
/// # Errors
/// ENOTSUP for commands that are known and not offered, ENOSYS for unknown ones.
pub fn body_sizes(command: Command) -> Result<RangeInclusive<usize>, Errno> {
    const fn exactly<T>() -> RangeInclusive<usize> {
        size_of::<T>()..=size_of::<T>()
    }
    const fn and_more<T>(more: usize) -> RangeInclusive<usize> {
        size_of::<T>()..=size_of::<T>() + more
    }
    Ok(match command {
        Command::VERSION => and_more::<payload::VersionHeader>(MAX_VERSION_DATA),
        Command::DMA_MAP => exactly::<payload::DmaMap>(),
        Command::DMA_UNMAP => exactly::<payload::DmaUnmap>(),
        Command::DEVICE_GET_INFO => exactly::<payload::DeviceInfo>(),
        Command::DEVICE_GET_REGION_INFO => exactly::<payload::RegionInfo>(),
        Command::DEVICE_GET_IRQ_INFO => exactly::<payload::IrqInfo>(),
        Command::DEVICE_SET_IRQS => and_more::<payload::IrqSet>(MAX_IRQS_PER_INDEX as usize),
        Command::REGION_READ => exactly::<payload::RegionAccess>(),
        Command::REGION_WRITE => and_more::<payload::RegionAccess>(MAX_DATA_XFER_SIZE as usize),
        Command::DEVICE_RESET => exactly::<()>(),
        Command::REGION_WRITE_MULTI => and_more::<payload::WriteMulti>(
            MAX_MULTI_WRITES * size_of::<payload::WriteMultiEntry>(),
        ),
        Command::DEVICE_GET_REGION_IO_FDS
        | Command::DIRTY_PAGES
        | Command::DEVICE_FEATURE
        | Command::MIG_DATA_READ
        | Command::MIG_DATA_WRITE => return Err(Errno::ENOTSUP),
        // Only a server sends these.
        Command::DMA_READ | Command::DMA_WRITE => return Err(Errno::EINVAL),
        _ => return Err(Errno::ENOSYS),
    })
}

/// Parses a command.
///
/// # Errors
/// The errno to answer with. The descriptors are closed.
pub fn parse<'a>(
    command: Command,
    body: &'a [u8],
    mut fds: Vec<OwnedFd>,
) -> Result<Request<'a>, Errno> {
    let max_fds = match command {
        Command::DMA_MAP => 1,
        Command::DEVICE_SET_IRQS => MAX_MSG_FDS,
        _ => 0,
    };
    if fds.len() > max_fds || !body_sizes(command)?.contains(&body.len()) {
        return Err(Errno::EINVAL);
    }
    match command {
        Command::VERSION => parse_version(body),
        Command::DMA_MAP => parse_dma_map(body, fds.pop()),
        Command::DMA_UNMAP => parse_dma_unmap(body),
        Command::DEVICE_GET_INFO => {
            let (info, _) = fixed::<payload::DeviceInfo>(body)?;
            at_least(info.argsz, size_of::<payload::DeviceInfo>())?;
            Ok(Request::DeviceInfo)
        }
        Command::DEVICE_GET_REGION_INFO => {
            let (info, _) = fixed::<payload::RegionInfo>(body)?;
            at_least(info.argsz, size_of::<payload::RegionInfo>())?;
            Ok(Request::RegionInfo {
                index: info.index,
                argsz: info.argsz,
            })
        }
        Command::DEVICE_GET_IRQ_INFO => {
            let (info, _) = fixed::<payload::IrqInfo>(body)?;
            at_least(info.argsz, size_of::<payload::IrqInfo>())?;
            Ok(Request::IrqInfo { index: info.index })
        }
        Command::DEVICE_SET_IRQS => parse_set_irqs(body, fds),
        Command::REGION_READ => {
            let (access, _) = fixed::<payload::RegionAccess>(body)?;
            if access.count > MAX_DATA_XFER_SIZE {
                return Err(Errno::E2BIG);
            }
            Ok(Request::RegionRead(access))
        }
        Command::REGION_WRITE => {
            let (access, data) = fixed::<payload::RegionAccess>(body)?;
            if u32::try_from(data.len()) != Ok(access.count) {
                return Err(Errno::EINVAL);
            }
            Ok(Request::RegionWrite(access, data))
        }
        Command::DEVICE_RESET => Ok(Request::Reset),
        Command::REGION_WRITE_MULTI => parse_write_multi(body),
        _ => Err(Errno::ENOSYS),
    }
}

fn fixed<T: zerocopy::FromBytes>(body: &[u8]) -> Result<(T, &[u8]), Errno> {
    split(body).ok_or(Errno::EINVAL)
}

/// Section "Message sizes": argsz is at least the size of the fixed payload.
fn at_least(argsz: u32, size: usize) -> Result<(), Errno> {
    if (argsz as usize) < size {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

fn parse_version(body: &[u8]) -> Result<Request<'_>, Errno> {
    let (proposed, data) = fixed::<payload::VersionHeader>(body)?;
    if proposed.major != version::MAJOR {
        return Err(Errno::ENOTSUP);
    }
    Ok(Request::Version {
        capabilities: version::parse(data)?,
    })
}

fn parse_dma_map(body: &[u8], fd: Option<OwnedFd>) -> Result<Request<'_>, Errno> {
    let (map, _) = fixed::<payload::DmaMap>(body)?;
    at_least(map.argsz, size_of::<payload::DmaMap>())?;
    if map.flags & !(payload::DMA_MAP_READ | payload::DMA_MAP_WRITE) != 0 {
        return Err(Errno::EINVAL);
    }
    let permissions = DmaPermissions {
        read: map.flags & payload::DMA_MAP_READ != 0,
        write: map.flags & payload::DMA_MAP_WRITE != 0,
    };
    let range = DmaRange::new(map.address, map.size, permissions)?;
    let memory = match fd {
        Some(fd) => {
            range.check_file_offset(map.offset)?;
            Some((fd, map.offset))
        }
        // "or zero if the region is not mappable"; the offset means nothing and is not looked at.
        None => None,
    };
    Ok(Request::DmaMap { range, memory })
}

fn parse_dma_unmap(body: &[u8]) -> Result<Request<'_>, Errno> {
    let (unmap, _) = fixed::<payload::DmaUnmap>(body)?;
    at_least(unmap.argsz, size_of::<payload::DmaUnmap>())?;
    match unmap.flags {
        0 => Ok(Request::DmaUnmap(unmap)),
        payload::DMA_UNMAP_ALL if unmap.address == 0 && unmap.size == 0 => {
            Ok(Request::DmaUnmapAll(unmap))
        }
        payload::DMA_UNMAP_GET_DIRTY_BITMAP => Err(Errno::ENOTSUP),
        _ => Err(Errno::EINVAL),
    }
}

fn parse_set_irqs(body: &[u8], fds: Vec<OwnedFd>) -> Result<Request<'_>, Errno> {
    const DATA: u32 =
        payload::IRQ_SET_DATA_NONE | payload::IRQ_SET_DATA_BOOL | payload::IRQ_SET_DATA_EVENTFD;
    let (set, data) = fixed::<payload::IrqSet>(body)?;
    at_least(set.argsz, body.len())?;
    // Exactly one action and, below, exactly one kind of data; with no other bit the equalities say so.
    let action = match set.flags & !DATA {
        payload::IRQ_SET_ACTION_MASK => IrqAction::Mask,
        payload::IRQ_SET_ACTION_UNMASK => IrqAction::Unmask,
        payload::IRQ_SET_ACTION_TRIGGER => IrqAction::Trigger,
        _ => return Err(Errno::EINVAL),
    };
    set.start.checked_add(set.count).ok_or(Errno::EINVAL)?;
    let kind = set.flags & DATA;
    if kind != payload::IRQ_SET_DATA_EVENTFD && !fds.is_empty() {
        return Err(Errno::EINVAL);
    }
    let bytes = if kind == payload::IRQ_SET_DATA_BOOL {
        set.count as usize
    } else {
        0
    };
    if data.len() != bytes {
        return Err(Errno::EINVAL);
    }
    // Count 0 is the special case that disables the whole type.
    let disable_all =
        kind == payload::IRQ_SET_DATA_NONE && action == IrqAction::Trigger && set.start == 0;
    if set.count == 0 && !disable_all {
        return Err(Errno::EINVAL);
    }
    let data = match kind {
        payload::IRQ_SET_DATA_NONE => IrqData::None,
        payload::IRQ_SET_DATA_BOOL => IrqData::Bool(data),
        payload::IRQ_SET_DATA_EVENTFD if fds.is_empty() || fds.len() == set.count as usize => {
            IrqData::Eventfd(fds)
        }
        _ => return Err(Errno::EINVAL),
    };
    Ok(Request::SetIrqs(SetIrqs {
        index: set.index,
        start: set.start,
        count: set.count,
        action,
        data,
    }))
}

fn parse_write_multi(body: &[u8]) -> Result<Request<'_>, Errno> {
    let (head, entries) = fixed::<payload::WriteMulti>(body)?;
    let (chunks, rest) = entries.as_chunks::<24>();
    if !rest.is_empty() || u64::try_from(chunks.len()) != Ok(head.wr_cnt) {
        return Err(Errno::EINVAL);
    }
    for chunk in chunks {
        let entry: payload::WriteMultiEntry = zerocopy::transmute!(*chunk);
        if entry.count > 8 {
            return Err(Errno::EINVAL);
        }
    }
    Ok(Request::WriteMulti(MultiWrites { entries }))
}
