//! A function of this machine, given to user space by VFIO: nt-host inside a guest, rnic a PCI function of its QEMU.

use std::sync::atomic::{AtomicU64, Ordering};

use rnic_abi::place;
use rnic_driver_host::platform::Platform;
use rnic_driver_host::{Mapped, OpenError, Vfio, VfioOptions};

use super::{BarMemory, BarNumber, Dma, Machine, registers};
use crate::ram;

/// Where remapped ranges begin: beyond all physical addresses, and within the 39 bits of a small IOMMU.
const REMAPPED: u64 = 8 << 30;

/// The function.
pub struct VfioMachine {
    vfio: Vfio,
    dma: Dma,
    next: AtomicU64,
}

impl VfioMachine {
    /// Opens the function with this address, such as `0000:00:04.0`, with `memory_bytes` of memory.
    pub fn open(address: &str, dma: Dma, memory_bytes: usize) -> Result<Self, OpenError> {
        let mapped = match dma {
            Dma::Identity => Mapped::Whole,
            Dma::Remapped => Mapped::EachBuffer,
        };
        let options = VfioOptions {
            memory_bytes,
            mapped,
        };
        Ok(Self::new(Vfio::open_for_host(address, options)?, dma))
    }

    /// Opens another function of the same machine.
    pub fn open_beside(&self, address: &str) -> Result<Self, OpenError> {
        Ok(Self::new(self.vfio.open_beside(address)?, self.dma))
    }

    fn new(vfio: Vfio, dma: Dma) -> Self {
        Self {
            vfio,
            dma,
            next: AtomicU64::new(REMAPPED),
        }
    }
}

impl Machine for VfioMachine {
    fn name(&self) -> &'static str {
        "vfio"
    }
    fn memory(&self) -> (usize, usize) {
        let (address, bytes) = self.vfio.memory();
        (address as usize, bytes)
    }
    fn bar_memory(&self, number: BarNumber) -> Vec<BarMemory> {
        if number != place::BAR_DOORBELLS {
            return Vec::new();
        }
        BarMemory::all(self.vfio.doorbell_memory())
    }
    fn read(&self, number: BarNumber, offset: u64, width: usize) -> u64 {
        registers::read(&self.vfio, number, offset, width)
    }
    fn write(&self, number: BarNumber, offset: u64, width: usize, value: u64) {
        registers::write(&self.vfio, number, offset, width, value);
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        self.vfio.config_read(offset, width)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        self.vfio.config_write(offset, width, value);
    }
    fn vectors(&self) -> Vec<i32> {
        self.vfio.vector_fds()
    }
    fn dma_map(&self, offset: usize, bytes: usize) -> Option<u64> {
        match self.dma {
            Dma::Identity => Some(ram::PHYSICAL + offset as u64),
            Dma::Remapped => {
                // Whole pages, and a hole between mappings, so that running over the end is seen.
                let bytes = bytes.next_multiple_of(ram::PAGE);
                let step = bytes as u64 + ram::PAGE as u64;
                let iova = self.next.fetch_add(step, Ordering::Relaxed);
                self.vfio.map_range(offset, iova, bytes).ok()?;
                Some(iova)
            }
        }
    }
    fn dma_unmap(&self, iova: u64, bytes: usize) {
        if self.dma == Dma::Remapped {
            let bytes = bytes.next_multiple_of(ram::PAGE);
            // A device that is gone uses nothing.
            let _ = self.vfio.unmap_range(iova, bytes);
        }
    }
}
