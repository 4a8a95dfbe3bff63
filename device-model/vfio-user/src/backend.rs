//! What a device does.

use crate::device::DeviceInfo;
use crate::dma::DmaRange;
use crate::{Errno, Negotiated};
use std::os::fd::OwnedFd;

/// The device behind a session.
///
/// Every call returns at once: while one runs, the client waits. The session has checked what it can: regions and interrupt types exist,
/// accesses are inside their region and permitted, DMA ranges do not overlap. An errno goes to the client as it is.
pub trait Backend {
    /// What the device is. The same from [`connected`](Backend::connected) to [`disconnected`](Backend::disconnected).
    fn device(&self) -> &DeviceInfo;

    /// A client has agreed on a version. No DMA range is mapped and no interrupt is connected.
    fn connected(&mut self, negotiated: &Negotiated);

    /// The client is gone. Every DMA range is to be unmapped and every descriptor of the client closed; the device keeps its state otherwise
    /// (section "Client Disconnection"). Unmaps that were pending need no completion.
    fn disconnected(&mut self);

    /// Reads `data.len()` bytes, at least one, from a region. Bytes that are not written read as zero.
    ///
    /// # Errors
    /// For the client, which gets no data then.
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno>;

    /// Writes `data`, at least one byte, to a region.
    ///
    /// # Errors
    /// For the client, if it wants a reply at all.
    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno>;

    /// A range of DMA addresses is now memory. Without `memory` it cannot be reached from this process: QEMU maps ROMs and the mappable
    /// BARs of other devices so. That is no reason to refuse the range.
    ///
    /// # Errors
    /// For the client; the range is then not mapped.
    fn dma_map(&mut self, range: DmaRange, memory: Option<DmaMemory>) -> Result<(), Errno>;

    /// DMA addresses are no longer memory. The device must start no access to them from here on. The client reuses the memory when it gets the
    /// reply, so accesses under way must have ended by then: either now ([`UnmapOutcome::Done`]), or the backend keeps `token` and hands it to
    /// `complete_unmap` when they have ended.
    ///
    /// The addresses are free at once: the client may map them again, to other memory, before the unmap is complete.
    fn dma_unmap(&mut self, unmap: Unmap, token: UnmapToken) -> UnmapOutcome;

    /// Interrupts are connected, disconnected, triggered or masked.
    ///
    /// # Errors
    /// For the client.
    fn set_irqs(&mut self, index: u32, operation: IrqOperation) -> Result<(), Errno>;

    /// The device is reset (section "VFIO_USER_DEVICE_RESET"). Mappings and connected interrupts stay. A guest's function-level reset does
    /// not come this way but as a write to configuration space.
    ///
    /// # Errors
    /// For the client.
    fn reset(&mut self) -> Result<(), Errno>;
}

/// The memory behind a DMA range.
#[derive(Debug)]
pub struct DmaMemory {
    /// The file to map.
    pub file: OwnedFd,
    /// Where in the file the range begins: whole pages. That the file is that long is not checked.
    pub offset: u64,
}

/// What to unmap. In a range there may be one mapping or several whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmap {
    /// Every mapping inside these addresses, whose end is inclusive.
    Range {
        /// First address.
        address: u64,
        /// Last address.
        last: u64,
    },
    /// Every mapping.
    All,
}

/// Names a DMA_UNMAP whose reply waits for the backend. Never the same twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnmapToken(pub(crate) u64);

/// When a DMA_UNMAP may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum UnmapOutcome {
    /// Now: no access to the range is under way.
    Done,
    /// When the token comes back.
    Pending,
}

/// An operation on interrupts of one type. Numbers are those of the type's interrupts and exist.
///
/// Descriptors have been made non-blocking. A client can undo that, so a device that must not be held up by its client writes to eventfds
/// with that in mind.
#[derive(Debug)]
pub enum IrqOperation {
    /// Disconnect every interrupt of the type.
    DisableAll,
    /// From interrupt `start` on: signal this descriptor when the interrupt fires, or nothing any more.
    Connect {
        /// First interrupt.
        start: u32,
        /// One for each interrupt.
        eventfds: Vec<Option<OwnedFd>>,
    },
    /// From interrupt `start` on: the client signals this descriptor to mask.
    ConnectMask {
        /// First interrupt.
        start: u32,
        /// One for each interrupt.
        eventfds: Vec<Option<OwnedFd>>,
    },
    /// From interrupt `start` on: the client signals this descriptor to unmask.
    ConnectUnmask {
        /// First interrupt.
        start: u32,
        /// One for each interrupt.
        eventfds: Vec<Option<OwnedFd>>,
    },
    /// Fire these now, as a test.
    Trigger(Vec<u32>),
    /// Mask these.
    Mask(Vec<u32>),
    /// Unmask these.
    Unmask(Vec<u32>),
}
