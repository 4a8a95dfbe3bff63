//! A device that records what it is asked.

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, LazyLock};
use vfio_user_server::{
    Backend, DeviceInfo, DmaMemory, DmaRange, Errno, IrqInfo, IrqOperation, MmapArea, Negotiated,
    RegionInfo, RegionMmap, RegionPermissions, Unmap, UnmapOutcome, UnmapToken,
};

pub const RW: u32 = 0;
pub const READ_ONLY: u32 = 1;
pub const MAPPABLE: u32 = 2;
pub const ABSENT: u32 = 3;
pub const LARGE: u32 = 4;
pub const WRITE_ONLY: u32 = 5;
pub const CONFIG: u32 = 7;
pub const REGIONS: u32 = 9;

pub const INTX: u32 = 0;
pub const MSIX: u32 = 2;
pub const NO_EVENTFD: u32 = 3;
pub const NO_IRQS: u32 = 4;
pub const IRQ_TYPES: u32 = 5;
pub const MSIX_COUNT: u32 = 64;

pub const LARGE_SIZE: u64 = 2 << 20;

#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Connected(Negotiated),
    Disconnected,
    Read(u32, u64, usize),
    Write(u32, u64, Vec<u8>),
    Map {
        address: u64,
        size: u64,
        write: bool,
        /// The offset, if there was a file.
        file: Option<u64>,
    },
    Unmap(Unmap),
    DisableAll(u32),
    /// Type, first interrupt, for each whether there was a descriptor.
    Connect(u32, u32, Vec<bool>),
    ConnectMask(u32, u32, Vec<bool>),
    ConnectUnmask(u32, u32, Vec<bool>),
    Trigger(u32, Vec<u32>),
    Mask(u32, Vec<u32>),
    Unmask(u32, Vec<u32>),
    Reset,
}

pub struct FakeDevice {
    pub info: DeviceInfo,
    pub events: Vec<Event>,
    pub memory: Vec<Vec<u8>>,
    pub mappable: Arc<OwnedFd>,
    /// The next fallible call fails with this.
    pub fail: Option<Errno>,
    /// Unmaps answer Pending, and their tokens are kept.
    pub hold_unmaps: bool,
    pub tokens: Vec<UnmapToken>,
    /// Files of DMA ranges and eventfds, as a device would keep them.
    pub files: Vec<OwnedFd>,
}

impl FakeDevice {
    pub fn new() -> FakeDevice {
        FakeDevice::with_reset(true)
    }

    pub fn with_reset(resettable: bool) -> FakeDevice {
        let file = tempfile::tempfile().unwrap();
        file.set_len(0x5000).unwrap();
        file.write_all_at(b"doorbell", 0x1000).unwrap();
        let mappable: Arc<OwnedFd> = Arc::new(file.into());
        let region = |size, permissions| RegionInfo {
            size,
            permissions,
            mmap: None,
        };
        let none = || region(0, RegionPermissions::None);
        let regions = vec![
            region(0x1000, RegionPermissions::ReadWrite),
            region(0x1000, RegionPermissions::ReadOnly),
            RegionInfo {
                size: 0x4000,
                permissions: RegionPermissions::ReadWrite,
                mmap: Some(RegionMmap {
                    file: Arc::clone(&mappable),
                    file_offset: 0x1000,
                    areas: vec![
                        MmapArea {
                            offset: 0,
                            size: 0x1000,
                        },
                        MmapArea {
                            offset: 0x2000,
                            size: 0x2000,
                        },
                    ],
                }),
            },
            none(),
            region(LARGE_SIZE, RegionPermissions::ReadWrite),
            region(0x1000, RegionPermissions::WriteOnly),
            none(),
            region(0x100, RegionPermissions::ReadWrite),
            none(),
        ];
        static PATTERN: LazyLock<Vec<u8>> =
            LazyLock::new(|| (0..LARGE_SIZE).map(|i| (i % 251) as u8).collect());
        let memory = regions
            .iter()
            .map(|r| PATTERN[..r.size as usize].to_vec())
            .collect();
        let irq = IrqInfo {
            eventfd: true,
            ..IrqInfo::default()
        };
        let irqs = vec![
            IrqInfo {
                count: 1,
                maskable: true,
                automasked: true,
                ..irq
            },
            IrqInfo { count: 32, ..irq },
            IrqInfo {
                count: MSIX_COUNT,
                noresize: true,
                ..irq
            },
            IrqInfo {
                count: 1,
                ..IrqInfo::default()
            },
            IrqInfo::default(),
        ];
        FakeDevice {
            info: DeviceInfo::new(resettable, regions, irqs).unwrap(),
            events: Vec::new(),
            memory,
            mappable,
            fail: None,
            hold_unmaps: false,
            tokens: Vec::new(),
            files: Vec::new(),
        }
    }

    /// What was asked since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn result(&mut self) -> Result<(), Errno> {
        self.fail.take().map_or(Ok(()), Err)
    }

    fn keep(&mut self, fds: Vec<Option<OwnedFd>>) -> Vec<bool> {
        let present = fds.iter().map(Option::is_some).collect();
        self.files.extend(fds.into_iter().flatten());
        present
    }
}

impl Backend for FakeDevice {
    fn device(&self) -> &DeviceInfo {
        &self.info
    }

    fn connected(&mut self, negotiated: &Negotiated) {
        self.events.push(Event::Connected(negotiated.clone()));
    }

    fn disconnected(&mut self) {
        self.files.clear();
        self.events.push(Event::Disconnected);
    }

    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        self.events.push(Event::Read(region, offset, data.len()));
        self.result()?;
        let from = offset as usize;
        data.copy_from_slice(&self.memory[region as usize][from..from + data.len()]);
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        self.events
            .push(Event::Write(region, offset, data.to_vec()));
        self.result()?;
        let from = offset as usize;
        self.memory[region as usize][from..from + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn dma_map(&mut self, range: DmaRange, memory: Option<DmaMemory>) -> Result<(), Errno> {
        self.events.push(Event::Map {
            address: range.address(),
            size: range.size(),
            write: range.permissions().write,
            file: memory.as_ref().map(|m| m.offset),
        });
        self.result()?;
        self.files.extend(memory.map(|m| m.file));
        Ok(())
    }

    fn dma_unmap(&mut self, unmap: Unmap, token: UnmapToken) -> UnmapOutcome {
        self.events.push(Event::Unmap(unmap));
        if self.hold_unmaps {
            self.tokens.push(token);
            return UnmapOutcome::Pending;
        }
        UnmapOutcome::Done
    }

    fn set_irqs(&mut self, index: u32, operation: IrqOperation) -> Result<(), Errno> {
        let event = match operation {
            IrqOperation::DisableAll => Event::DisableAll(index),
            IrqOperation::Connect { start, eventfds } => {
                Event::Connect(index, start, self.keep(eventfds))
            }
            IrqOperation::ConnectMask { start, eventfds } => {
                Event::ConnectMask(index, start, self.keep(eventfds))
            }
            IrqOperation::ConnectUnmask { start, eventfds } => {
                Event::ConnectUnmask(index, start, self.keep(eventfds))
            }
            IrqOperation::Trigger(numbers) => Event::Trigger(index, numbers),
            IrqOperation::Mask(numbers) => Event::Mask(index, numbers),
            IrqOperation::Unmask(numbers) => Event::Unmask(index, numbers),
        };
        self.events.push(event);
        self.result()
    }

    fn reset(&mut self) -> Result<(), Errno> {
        self.events.push(Event::Reset);
        self.result()
    }
}
