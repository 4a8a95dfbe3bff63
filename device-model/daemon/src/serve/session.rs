//! A device as its client sees it: regions, interrupts, memory and resets of a vfio-user session.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rnic_abi::{CounterId, place, reg};
use rnic_core::dma::{Access, SharedMemory};
use rnic_core::interrupt::VECTORS;
use rnic_core::pci::CONFIG_SIZE;
use rnic_firmware::ResetKind;
use vfio_user_server::{
    Backend, DeviceInfo, DmaMemory, DmaRange, Errno, IrqInfo, IrqOperation, MmapArea, Negotiated,
    RegionInfo, RegionMmap, RegionPermissions, Unmap, UnmapOutcome, UnmapToken,
};

use super::MSI_VECTORS;
use super::function::Function;
use crate::cli::{Doorbell, Irq};

/// Region and interrupt numbers of a PCI device (`<linux/vfio.h>`).
const REGION_CONFIG: u32 = 7;
const REGIONS: usize = 9;
const IRQS: usize = 5;

/// Below this a PC has memory and nothing else: a map without a file there is guest memory.
const CONVENTIONAL_MEMORY: u64 = 0xA_0000;
/// No ROM or BAR of a usual machine is that large: a map without a file is guest memory.
const LARGE: u64 = 64 << 20;

const HOW_TO_SHARE: &str = "start QEMU with -object memory-backend-memfd,id=m0,size=SIZE,share=on \
     -machine memory-backend=m0";

/// Interrupt type of the function.
const fn irq_index(irq: Irq) -> u32 {
    match irq {
        Irq::Msi => 1,
        Irq::Msix => 2,
    }
}

/// Messages of the function.
pub fn messages(irq: Irq) -> u32 {
    match irq {
        Irq::Msi => MSI_VECTORS,
        Irq::Msix => u32::from(VECTORS),
    }
}

/// The function's regions and interrupts, with its doorbells in `memory`.
///
/// # Errors
/// If the host has no descriptor for them.
pub fn describe(memory: &SharedMemory, doorbell: Doorbell, irq: Irq) -> anyhow::Result<DeviceInfo> {
    let mmap = match doorbell {
        Doorbell::Trap => None,
        Doorbell::Mmap => Some(RegionMmap {
            file: Arc::new(OwnedFd::from(File::try_clone(memory.file())?)),
            file_offset: 0,
            areas: vec![MmapArea {
                offset: 0,
                size: place::BAR_DOORBELLS_SIZE,
            }],
        }),
    };
    let msix_size = match irq {
        Irq::Msi => 0,
        Irq::Msix => place::BAR_MSIX_SIZE,
    };
    let mut present = vec![
        (
            u32::from(place::BAR_REGISTERS),
            place::BAR_REGISTERS_SIZE,
            None,
        ),
        (
            u32::from(place::BAR_DOORBELLS),
            place::BAR_DOORBELLS_SIZE,
            mmap,
        ),
        (u32::from(place::BAR_MSIX), msix_size, None),
        (REGION_CONFIG, u64::try_from(CONFIG_SIZE)?, None),
    ];
    let mut regions = vec![RegionInfo::default(); REGIONS];
    for (region, index) in regions.iter_mut().zip(0..) {
        let Some(at) = present
            .iter()
            .position(|(i, size, _)| *i == index && *size > 0)
        else {
            continue;
        };
        let (_, size, mmap) = present.swap_remove(at);
        *region = RegionInfo {
            size,
            permissions: RegionPermissions::ReadWrite,
            mmap,
        };
    }
    let mut irqs = vec![IrqInfo::default(); IRQS];
    for (entry, index) in irqs.iter_mut().zip(0..) {
        if index == irq_index(irq) {
            entry.count = messages(irq);
            entry.eventfd = true;
            entry.noresize = true;
        }
    }
    Ok(DeviceInfo::new(true, regions, irqs)?)
}

impl Function {
    /// After the device ran for a driver's ring: a driver rings when it has written a command, so if none is there, its
    /// memory is not the device's. Nothing of the file itself shows that it is mapped privately: pages that the guest
    /// only reads are allocated in it all the same.
    pub(super) fn warn_if_private(&mut self) {
        let hardware = self.device.hardware();
        let commands = hardware.resources.counters.get(CounterId::COMMANDS);
        // A ring that cannot be reached has another cause, and FAILURE names it.
        let unreachable = hardware.registers.get(reg::FAILURE) != 0;
        if commands > 0 || unreachable || self.warned_private || !hardware.is_enabled() {
            return;
        }
        self.warned_private = true;
        log::warn!(
            "the driver rang for its first command, and there is none in memory: the memory that the guest uses is \
             probably a private copy (share=off), and no transfer will reach it; {HOW_TO_SHARE}"
        );
    }

    fn unreachable(&mut self, range: DmaRange) {
        let (first, last) = (range.address(), range.last());
        let memory = first < CONVENTIONAL_MEMORY || range.size() >= LARGE;
        if !memory || !range.permissions().write || self.warned_unreachable {
            log::debug!("no file for DMA addresses {first:#x} to {last:#x}: out of reach");
            return;
        }
        self.warned_unreachable = true;
        log::warn!(
            "guest memory at {first:#x} to {last:#x} came without a file, so the device cannot reach it: every transfer \
             there fails (memory is not read and written by messages); {HOW_TO_SHARE}"
        );
    }
}

impl Backend for Function {
    fn device(&self) -> &DeviceInfo {
        &self.info
    }

    fn connected(&mut self, _negotiated: &Negotiated) {
        log::info!("a client has connected");
        self.connected = true;
        self.warned_unreachable = false;
        self.warned_private = false;
        self.host.mapped = self.doorbell == Doorbell::Mmap;
        self.awake = true;
    }

    fn disconnected(&mut self) {
        log::info!("the client is gone; the device is reset and waits for the next");
        self.connected = false;
        self.forget_client();
    }

    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        if region == REGION_CONFIG {
            let offset = usize::try_from(offset).map_err(|_| Errno::EINVAL)?;
            self.device.config_read(offset, data);
            return Ok(());
        }
        let bar = u8::try_from(region).map_err(|_| Errno::EINVAL)?;
        self.device.bar_read(&mut self.host, bar, offset, data);
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        self.awake = true;
        if region == REGION_CONFIG {
            let offset = usize::try_from(offset).map_err(|_| Errno::EINVAL)?;
            let messages = self.device.function().messages();
            self.device.config_write(&mut self.host, offset, data);
            if self.device.function().messages() != messages {
                self.follow_vectors();
            }
            return Ok(());
        }
        let bar = u8::try_from(region).map_err(|_| Errno::EINVAL)?;
        self.rang |= bar == place::BAR_REGISTERS && offset == reg::CMD_NOTIFY;
        self.device.bar_write(&mut self.host, bar, offset, data);
        Ok(())
    }

    fn dma_map(&mut self, range: DmaRange, memory: Option<DmaMemory>) -> Result<(), Errno> {
        let Some(memory) = memory else {
            self.unreachable(range);
            return Ok(());
        };
        let permissions = range.permissions();
        let access = match (permissions.read, permissions.write) {
            (true, true) => Access::ReadWrite,
            (true, false) => Access::Read,
            (false, _) => Access::Write,
        };
        let (address, size) = (range.address(), range.size());
        let mapped = self
            .dma
            .map(address, size, access, &memory.file, memory.offset);
        if let Err(error) = mapped {
            log::warn!("{error}");
            return Err(Errno::from_raw(error.errno()).unwrap_or(Errno::EIO));
        }
        self.publish();
        Ok(())
    }

    fn dma_unmap(&mut self, unmap: Unmap, token: UnmapToken) -> UnmapOutcome {
        // Ranges that came without a file are not in the table; removing them removes nothing.
        let whole = match unmap {
            Unmap::All => None,
            Unmap::Range { address, last } => {
                let size = (last - address).checked_add(1);
                size.map(|size| (address, size))
            }
        };
        let removed = match whole {
            Some((address, size)) => self.dma.unmap(address, size),
            None => Ok(self.dma.unmap_all()),
        };
        if let Err(error) = removed {
            // The session lets only whole maps through, so nothing of it can stay mapped.
            log::error!("{error}; all DMA is stopped");
            self.dma.unmap_all();
        }
        self.publish();
        let retired = self.dma.retired();
        if retired.is_quiescent() {
            return UnmapOutcome::Done;
        }
        self.unmaps.push((token, retired));
        UnmapOutcome::Pending
    }

    fn set_irqs(&mut self, index: u32, operation: IrqOperation) -> Result<(), Errno> {
        if index != irq_index(self.irq) {
            return Err(Errno::EINVAL);
        }
        self.awake = true;
        match operation {
            IrqOperation::DisableAll => self.disconnect_vectors(),
            IrqOperation::Connect { start, eventfds } => {
                let mut result = Ok(());
                for (message, event) in (start..).zip(eventfds) {
                    let place = usize::try_from(message).map_err(|_| Errno::EINVAL)?;
                    result = self.host.vectors.connect(place, event);
                    if let Err(error) = &result {
                        log::warn!("interrupt {message}: {error}");
                        break;
                    }
                }
                self.follow_vectors();
                return result.map_err(Errno::from);
            }
            IrqOperation::Trigger(list) => {
                for message in list.iter().filter_map(|m| usize::try_from(*m).ok()) {
                    self.host.vectors.signal(message);
                }
            }
            IrqOperation::ConnectMask { .. }
            | IrqOperation::ConnectUnmask { .. }
            | IrqOperation::Mask(_)
            | IrqOperation::Unmask(_) => return Err(Errno::ENOTSUP),
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Errno> {
        self.device.reset(&mut self.host, ResetKind::Conventional);
        self.follow_vectors();
        self.awake = true;
        Ok(())
    }
}
