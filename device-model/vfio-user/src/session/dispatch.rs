//! From a message to the backend and back to a reply.

use super::{CloseReason, Core, Negotiated, Phase};
use crate::backend::{Backend, DmaMemory, IrqOperation, Unmap, UnmapOutcome, UnmapToken};
use crate::codec::header::Header;
use crate::codec::payload::{self, REGION_CAPS, REGION_MMAP, REGION_READ, REGION_WRITE};
use crate::codec::reply::{self, Reply};
use crate::codec::request::{self, IrqAction, IrqData, MultiWrites, SetIrqs};
use crate::codec::{Capabilities, Command, Message, Request, version};
use crate::device::RegionInfo;
use crate::dma::DmaRange;
use crate::limits::MAX_DATA_XFER_SIZE;
use crate::{Errno, socket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tokens are never given twice in a process, so that one of a client long gone completes nothing of the next.
static NEXT_TOKEN: AtomicU64 = AtomicU64::new(1);

/// Data bytes moved and operations done, for the caller's budget.
type Cost = (usize, usize);

impl Core {
    /// Serves one message.
    pub(super) fn serve<B: Backend + ?Sized>(
        &mut self,
        message: Message<'_>,
        backend: &mut B,
    ) -> Result<Cost, CloseReason> {
        self.stats.messages += 1;
        let Message { header, body, fds } = message;
        if header.is_reply() {
            // No reply to a reply, or two servers would talk for ever.
            self.stats.unexpected_replies += 1;
            log::debug!("dropped a reply to {} that was never sent", header.command);
            return Ok((0, 1));
        }
        let request = body.and_then(|body| request::parse(header.command, body, fds));
        let result = match (&self.phase, request) {
            (Phase::Greeting, request) => return self.greet(&header, request, backend),
            (_, Ok(request)) => self.dispatch(&header, request, backend),
            (_, Err(errno)) => Err(errno),
        };
        Ok(result.unwrap_or_else(|errno| {
            if self.refused(&header, errno) {
                let bytes = reply::error(&header, errno);
                // Refused maps and unmaps keep their place among the others.
                match header.command {
                    Command::DMA_MAP | Command::DMA_UNMAP => {
                        self.dma_reply(bytes);
                    }
                    _ => self.reply(bytes),
                }
            }
            (0, 1)
        }))
    }

    /// Section "VFIO_USER_VERSION": the first message, and the only one that may come first.
    fn greet<B: Backend + ?Sized>(
        &mut self,
        header: &Header,
        request: Result<Request<'_>, Errno>,
        backend: &mut B,
    ) -> Result<Cost, CloseReason> {
        let agreed = match request {
            // A client that does not listen to the answer cannot have agreed to it.
            Ok(Request::Version { capabilities }) if !header.no_reply() => Ok(capabilities),
            Ok(_) => Err(Errno::EINVAL),
            Err(errno) => Err(errno),
        };
        match agreed {
            Ok(client) => {
                let server = Capabilities::offered_to(&client);
                let data = version::write(&server);
                let mut reply = Reply::with_capacity(4 + data.len());
                reply
                    .push(&payload::VersionHeader {
                        major: version::MAJOR,
                        minor: version::MINOR,
                    })
                    .push_bytes(&data);
                self.reply(reply.finish(header));
                let negotiated = Negotiated {
                    minor: version::MINOR,
                    client,
                    server,
                };
                backend.connected(&negotiated);
                self.phase = Phase::Ready(negotiated);
                Ok((0, 1))
            }
            Err(errno) => {
                if self.refused(header, errno) {
                    self.reply(reply::error(header, errno));
                }
                Err(CloseReason::Version {
                    command: header.command,
                    errno,
                })
            }
        }
    }

    fn dispatch<B: Backend + ?Sized>(
        &mut self,
        header: &Header,
        request: Request<'_>,
        backend: &mut B,
    ) -> Result<Cost, Errno> {
        match request {
            // Only once.
            Request::Version { .. } => return Err(Errno::EINVAL),
            Request::DmaMap { range, memory } => self.dma_map(header, range, memory, backend)?,
            Request::DmaUnmap(entry) => {
                self.maps.unmap(entry.address, entry.size)?;
                let unmap = Unmap::Range {
                    address: entry.address,
                    last: entry.address.saturating_add(entry.size - 1),
                };
                self.dma_unmap(header, &entry, unmap, backend);
            }
            Request::DmaUnmapAll(entry) => {
                self.maps.unmap_all();
                self.dma_unmap(header, &entry, Unmap::All, backend);
            }
            Request::DeviceInfo => self.answer(header, 16, |reply| {
                let device = backend.device();
                let reset = if device.resettable() {
                    payload::DEVICE_RESET
                } else {
                    0
                };
                reply.push(&payload::DeviceInfo {
                    argsz: payload::DeviceInfo::SIZE,
                    flags: payload::DEVICE_PCI | reset,
                    num_regions: count(device.regions().len()),
                    num_irqs: count(device.irqs().len()),
                });
            }),
            Request::RegionInfo { index, argsz } => {
                let region = backend.device().region(index).ok_or(Errno::EINVAL)?;
                self.region_info(header, index, argsz, region);
            }
            Request::IrqInfo { index } => {
                let irq = backend.device().irq(index).ok_or(Errno::EINVAL)?;
                self.answer(header, 16, |reply| {
                    reply.push(&payload::IrqInfo {
                        argsz: payload::IrqInfo::SIZE,
                        flags: irq.wire_flags(),
                        index,
                        count: irq.count,
                    });
                });
            }
            Request::SetIrqs(set) => {
                set_irqs(set, backend)?;
                self.answer(header, 0, |_| {});
            }
            Request::RegionRead(access) => return self.region_read(header, access, backend),
            Request::RegionWrite(access, data) => {
                region_write(access.region, access.offset, data, backend)?;
                self.answer(header, 16, |reply| {
                    reply.push(&access);
                });
                return Ok((data.len(), 1));
            }
            Request::WriteMulti(writes) => return self.write_multi(header, writes, backend),
            Request::Reset => {
                if !backend.device().resettable() {
                    return Err(Errno::ENOTSUP);
                }
                backend.reset()?;
                self.answer(header, 0, |_| {});
            }
        }
        Ok((0, 1))
    }

    /// Replies with a payload of about `size` bytes, if the client wants a reply.
    fn answer(&mut self, header: &Header, size: usize, payload: impl FnOnce(&mut Reply)) {
        if !header.no_reply() {
            let mut reply = Reply::with_capacity(size);
            payload(&mut reply);
            self.reply(reply.finish(header));
        }
    }

    fn dma_map<B: Backend + ?Sized>(
        &mut self,
        header: &Header,
        range: DmaRange,
        memory: Option<(OwnedFd, u64)>,
        backend: &mut B,
    ) -> Result<(), Errno> {
        self.maps.map(range)?;
        let memory = memory.map(|(file, offset)| DmaMemory { file, offset });
        if let Err(errno) = backend.dma_map(range, memory) {
            // The range was just added, so it is there to be removed.
            let _ = self.maps.unmap(range.address(), range.size());
            return Err(errno);
        }
        if !header.no_reply() {
            self.dma_reply(Reply::with_capacity(0).finish(header));
        }
        Ok(())
    }

    /// Section "VFIO_USER_DMA_UNMAP": "The server responds with the original DMA entry in the request", when no access is under way.
    fn dma_unmap<B: Backend + ?Sized>(
        &mut self,
        header: &Header,
        entry: &payload::DmaUnmap,
        unmap: Unmap,
        backend: &mut B,
    ) {
        let reply = (!header.no_reply()).then(|| {
            let mut reply = Reply::with_capacity(size_of::<payload::DmaUnmap>());
            reply.push(entry);
            reply.finish(header)
        });
        let token = UnmapToken(NEXT_TOKEN.fetch_add(1, Ordering::Relaxed));
        match (backend.dma_unmap(unmap, token), reply) {
            (UnmapOutcome::Pending, reply) => self.dma_replies.push_waiting(token, reply),
            (UnmapOutcome::Done, Some(reply)) => self.dma_reply(reply),
            (UnmapOutcome::Done, None) => {}
        }
    }

    /// Section "VFIO_USER_DEVICE_GET_REGION_INFO".
    fn region_info(&mut self, header: &Header, index: u32, argsz: u32, region: &RegionInfo) {
        const FIXED: usize = size_of::<payload::RegionInfo>();
        let mut info = payload::RegionInfo {
            argsz: payload::RegionInfo::SIZE,
            flags: 0,
            index,
            cap_offset: 0,
            size: region.size,
            offset: 0,
        };
        if region.permissions.read() {
            info.flags |= REGION_READ;
        }
        if region.permissions.write() {
            info.flags |= REGION_WRITE;
        }
        // A client that takes no descriptors cannot map anything.
        let takes_fds = matches!(&self.phase, Phase::Ready(n) if n.client.max_msg_fds > 0);
        let mmap = region.mmap.as_ref().filter(|_| takes_fds);
        let Some(mmap) = mmap else {
            return self.answer(header, FIXED, |reply| {
                reply.push(&info);
            });
        };
        let caps = size_of::<payload::CapabilityHeader>()
            + size_of::<payload::SparseMmapHeader>()
            + mmap.areas.len() * size_of::<payload::SparseMmapArea>();
        info.argsz = count(FIXED + caps);
        if argsz < info.argsz {
            // Too little room: say how much is needed and nothing of mapping, so that a client that does not ask again maps nothing. (QEMU
            // does ask again; the capability flag without a capability offset would be an error to it.)
            return self.answer(header, FIXED, |reply| {
                reply.push(&info);
            });
        }
        info.flags |= REGION_MMAP | REGION_CAPS;
        info.cap_offset = payload::RegionInfo::SIZE;
        info.offset = mmap.file_offset;
        let mut reply = Reply::with_capacity(FIXED + caps);
        reply
            .push(&info)
            .push(&payload::CapabilityHeader {
                id: payload::CAP_SPARSE_MMAP,
                version: 1,
                next: 0,
            })
            .push(&payload::SparseMmapHeader {
                nr_areas: count(mmap.areas.len()),
                reserved: 0,
            });
        for area in &mmap.areas {
            reply.push(&payload::SparseMmapArea {
                offset: area.offset,
                size: area.size,
            });
        }
        if !header.no_reply() {
            self.output
                .push(reply.finish(header), Some(Arc::clone(&mmap.file)));
        }
    }

    fn region_read<B: Backend + ?Sized>(
        &mut self,
        header: &Header,
        access: payload::RegionAccess,
        backend: &mut B,
    ) -> Result<Cost, Errno> {
        // What the client can take bounds a read, what the server can take a write; the latter was seen to by the parser.
        let most = match &self.phase {
            Phase::Ready(negotiated) => negotiated.client.max_data_xfer_size,
            Phase::Greeting | Phase::Closed => u64::from(MAX_DATA_XFER_SIZE),
        };
        if u64::from(access.count) > most {
            return Err(Errno::E2BIG);
        }
        let region = backend.device().region(access.region);
        let region = region.ok_or(Errno::EINVAL)?;
        check_bounds(region, access.offset, u64::from(access.count))?;
        if !region.permissions.read() {
            return Err(Errno::EPERM);
        }
        let count = access.count as usize;
        let mut reply = Reply::with_capacity(size_of::<payload::RegionAccess>() + count);
        let data = reply.push(&access).push_zeros(count);
        if !data.is_empty() {
            backend.region_read(access.region, access.offset, data)?;
        }
        if !header.no_reply() {
            self.reply(reply.finish(header));
        }
        Ok((count, 1))
    }

    /// Section "VFIO_USER_REGION_WRITE_MULTI". The writes are what they would be one by one: a refused one does not stop the rest, and the
    /// reply counts those that were done. Only if none was done is the message refused.
    fn write_multi<B: Backend + ?Sized>(
        &mut self,
        header: &Header,
        writes: MultiWrites<'_>,
        backend: &mut B,
    ) -> Result<Cost, Errno> {
        let mut done = 0u64;
        let mut bytes = 0;
        let mut first_error = None;
        for (region, offset, data, count) in writes.iter() {
            let data = data.get(..count).unwrap_or_default();
            match region_write(region, offset, data, backend) {
                Ok(()) => done += 1,
                Err(errno) => {
                    first_error.get_or_insert(errno);
                }
            }
            bytes += count;
        }
        if let (0, Some(errno)) = (done, first_error) {
            return Err(errno);
        }
        self.answer(header, 8, |reply| {
            reply.push(&payload::WriteMulti { wr_cnt: done });
        });
        Ok((bytes, writes.len().max(1)))
    }
}

/// The device description is bounded far below this.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn check_bounds(region: &RegionInfo, offset: u64, count: u64) -> Result<(), Errno> {
    match offset.checked_add(count) {
        Some(end) if end <= region.size => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

fn region_write<B: Backend + ?Sized>(
    index: u32,
    offset: u64,
    data: &[u8],
    backend: &mut B,
) -> Result<(), Errno> {
    let region = backend.device().region(index).ok_or(Errno::EINVAL)?;
    check_bounds(region, offset, data.len() as u64)?;
    if !region.permissions.write() {
        return Err(Errno::EPERM);
    }
    if data.is_empty() {
        return Ok(());
    }
    backend.region_write(index, offset, data)
}

/// Section "VFIO_USER_DEVICE_SET_IRQS".
fn set_irqs<B: Backend + ?Sized>(set: SetIrqs<'_>, backend: &mut B) -> Result<(), Errno> {
    let irq = backend.device().irq(set.index).ok_or(Errno::EINVAL)?;
    // The parser saw that this does not wrap. The count is bounded by the device's own from here on.
    let end = set.start.saturating_add(set.count);
    if end > irq.count {
        return Err(Errno::EINVAL);
    }
    let start = set.start;
    let masks = matches!(set.action, IrqAction::Mask | IrqAction::Unmask);
    let eventfd = matches!(set.data, IrqData::Eventfd(_));
    if (masks && !irq.maskable) || (eventfd && !irq.eventfd) {
        return Err(Errno::EINVAL);
    }
    let which = |numbers: Vec<u32>| match set.action {
        IrqAction::Mask => IrqOperation::Mask(numbers),
        IrqAction::Unmask => IrqOperation::Unmask(numbers),
        IrqAction::Trigger => IrqOperation::Trigger(numbers),
    };
    let operation = match set.data {
        IrqData::None if set.count == 0 => IrqOperation::DisableAll,
        IrqData::None => which((start..end).collect()),
        IrqData::Bool(flags) => {
            let chosen = (start..end).zip(flags).filter(|(_, flag)| **flag != 0);
            which(chosen.map(|(number, _)| number).collect())
        }
        IrqData::Eventfd(fds) => {
            let eventfds: Vec<Option<OwnedFd>> = if fds.is_empty() {
                (start..end).map(|_| None).collect()
            } else {
                for fd in &fds {
                    socket::set_nonblocking(fd)?;
                }
                fds.into_iter().map(Some).collect()
            };
            match set.action {
                IrqAction::Trigger => IrqOperation::Connect { start, eventfds },
                IrqAction::Mask => IrqOperation::ConnectMask { start, eventfds },
                IrqAction::Unmask => IrqOperation::ConnectUnmask { start, eventfds },
            }
        }
    };
    backend.set_irqs(set.index, operation)
}
