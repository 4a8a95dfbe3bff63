//! A function of this machine, given to user space by VFIO: nt-host inside a guest, rnic a PCI function of its QEMU.

use rnic_abi::place;
use rnic_driver_host::platform::Platform;
use rnic_driver_host::{OpenError, Vfio, VfioOptions};

use super::dma::DmaAddresses;
use super::{BarMemory, BarNumber, Dma, Machine, registers};
use crate::ram;

/// Where remapped ranges begin: beyond all physical addresses, and within the 39 bits of a small IOMMU.
const REMAPPED: u64 = 8 << 30;

/// The function.
pub struct VfioMachine {
    vfio: Vfio,
    addresses: DmaAddresses,
}

impl VfioMachine {
    /// Opens the function with this address, such as `0000:00:04.0`, with `memory_bytes` of memory.
    pub fn open(address: &str, dma: Dma, memory_bytes: usize) -> Result<Self, OpenError> {
        let options = VfioOptions {
            memory_bytes,
            mapped: dma.mapped(),
        };
        Ok(Self {
            vfio: Vfio::open_for_host(address, options)?,
            addresses: DmaAddresses::new(dma, REMAPPED, ram::PAGE),
        })
    }

    /// Opens another function of the same machine.
    pub fn open_beside(&self, address: &str) -> Result<Self, OpenError> {
        Ok(Self {
            vfio: self.vfio.open_beside(address)?,
            addresses: self.addresses.beside(),
        })
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
        self.addresses.map(offset, bytes, |iova, bytes| {
            self.vfio.map_range(offset, iova, bytes)
        })
    }
    fn dma_unmap(&self, iova: u64, bytes: usize) {
        self.addresses.unmap(iova, bytes, |iova, bytes| {
            self.vfio.unmap_range(iova, bytes)
        });
    }
}
