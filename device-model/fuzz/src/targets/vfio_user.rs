//! The stream of a vfio-user client, in reads of any size, against a device that agrees to everything.

use std::os::fd::OwnedFd;

use vfio_user_server::limits::MAX_MESSAGE_SIZE;
use vfio_user_server::session::{Session, Step};
use vfio_user_server::{
    Backend, DeviceInfo, DmaMemory, DmaRange, Errno, IrqInfo, IrqOperation, Negotiated, RegionInfo,
    RegionPermissions, Unmap, UnmapOutcome, UnmapToken,
};

use crate::input::Input;

/// Chunks of the stream, as a socket might give them.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut device = Agreeable::new();
    let mut session = Session::new();
    while !input.is_empty() {
        let descriptors: Vec<OwnedFd> = match input.byte() {
            0xFF => std::fs::File::open("/dev/null")
                .map(OwnedFd::from)
                .into_iter()
                .collect(),
            _ => Vec::new(),
        };
        session.feed(input.record(), descriptors);
        // No message stands for more steps than it has bytes.
        let mut left = 100_000;
        loop {
            match session.step(&mut device) {
                Step::Served { bytes, .. } => assert!(bytes <= MAX_MESSAGE_SIZE as usize),
                Step::NeedInput => break,
                Step::OutputFull => drain(&mut session),
                Step::WaitingForUnmap => match device.tokens.pop() {
                    Some(token) => assert!(session.complete_unmap(token)),
                    None => break,
                },
                Step::Closed(_) => return,
            }
            left -= 1;
            assert!(left > 0, "the session is busy for ever");
        }
        drain(&mut session);
        if let Some(token) = device.tokens.pop() {
            session.complete_unmap(token);
        }
        assert!(session.memory() < 64 << 20, "a session keeps too much");
    }
    session.close(&mut device);
}

fn drain(session: &mut Session) {
    while let Some(length) = session.output().map(|chunk| chunk.bytes.len()) {
        session.sent(length);
    }
}

struct Agreeable {
    info: DeviceInfo,
    tokens: Vec<UnmapToken>,
    unmaps: u32,
}

impl Agreeable {
    fn new() -> Self {
        let region = |size| RegionInfo {
            size,
            permissions: RegionPermissions::ReadWrite,
            mmap: None,
        };
        let regions = vec![
            region(0x1000),
            region(0),
            region(0x4000),
            region(0),
            region(0x1000),
            region(0),
            region(0),
            region(0x1000),
            region(0),
        ];
        let irq = |count| IrqInfo {
            count,
            eventfd: true,
            maskable: true,
            ..IrqInfo::default()
        };
        let irqs = vec![irq(0), irq(1), irq(64), irq(1), irq(1)];
        Self {
            info: DeviceInfo::new(true, regions, irqs).expect("a device"),
            tokens: Vec::new(),
            unmaps: 0,
        }
    }
}

impl Backend for Agreeable {
    fn device(&self) -> &DeviceInfo {
        &self.info
    }
    fn connected(&mut self, _negotiated: &Negotiated) {}
    fn disconnected(&mut self) {}
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        self.inside(region, offset, data.len());
        Ok(())
    }
    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        self.inside(region, offset, data.len());
        Ok(())
    }
    fn dma_map(&mut self, _range: DmaRange, _memory: Option<DmaMemory>) -> Result<(), Errno> {
        Ok(())
    }
    fn dma_unmap(&mut self, _unmap: Unmap, token: UnmapToken) -> UnmapOutcome {
        self.unmaps += 1;
        if self.unmaps.is_multiple_of(2) {
            return UnmapOutcome::Done;
        }
        self.tokens.push(token);
        UnmapOutcome::Pending
    }
    fn set_irqs(&mut self, index: u32, _operation: IrqOperation) -> Result<(), Errno> {
        assert!(self.info.irq(index).is_some());
        Ok(())
    }
    fn reset(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

impl Agreeable {
    /// What reaches a device lies in a region that it has.
    fn inside(&self, region: u32, offset: u64, length: usize) {
        let size = self.info.region(region).map_or(0, |region| region.size);
        let end = offset.checked_add(length as u64);
        assert!(end.is_some_and(|end| end <= size), "{region} {offset:#x}");
    }
}
