//! A device process behind its vfio-user socket.

use std::path::Path;

use rnic_abi::place;
use rnic_driver_host::platform::Platform;
use rnic_driver_host::{OpenError, SOCKET_IOVA, Socket, SocketOptions};

use super::dma::DmaAddresses;
use super::{BarMemory, BarNumber, Dma, Machine, registers};
use crate::ram;

/// Where remapped ranges begin: beyond all physical addresses.
const REMAPPED: u64 = 0x100_0000_0000;

/// The machine.
pub struct SocketMachine {
    socket: Socket,
    addresses: DmaAddresses,
}

impl SocketMachine {
    /// Connects; `memory_bytes` of memory.
    pub fn open(path: &Path, dma: Dma, memory_bytes: u64) -> Result<Self, OpenError> {
        const { assert!(SOCKET_IOVA == ram::PHYSICAL) }
        let options = SocketOptions {
            memory_bytes,
            mapped: dma.mapped(),
        };
        Ok(Self {
            socket: Socket::open(path, options)?,
            addresses: DmaAddresses::new(dma, REMAPPED, 1),
        })
    }

    /// Connects to another device: a second function of the same machine.
    pub fn open_beside(&self, path: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            socket: self.socket.open_beside(path)?,
            addresses: self.addresses.beside(),
        })
    }
}

impl Machine for SocketMachine {
    fn name(&self) -> &'static str {
        "socket"
    }
    fn memory(&self) -> (usize, usize) {
        let (address, bytes) = self.socket.memory();
        (address as usize, bytes)
    }
    fn bar_memory(&self, number: BarNumber) -> Vec<BarMemory> {
        if number != place::BAR_DOORBELLS {
            return Vec::new();
        }
        BarMemory::all(self.socket.doorbell_memory())
    }
    fn read(&self, number: BarNumber, offset: u64, width: usize) -> u64 {
        registers::read(&self.socket, number, offset, width)
    }
    fn write(&self, number: BarNumber, offset: u64, width: usize, value: u64) {
        registers::write(&self.socket, number, offset, width, value);
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        self.socket.config_read(offset, width)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        self.socket.config_write(offset, width, value);
    }
    fn vectors(&self) -> Vec<i32> {
        self.socket.vector_fds()
    }
    fn dma_map(&self, offset: usize, bytes: usize) -> Option<u64> {
        self.addresses.map(offset, bytes, |iova, bytes| {
            self.socket.map_range(offset, iova, bytes)
        })
    }
    fn dma_unmap(&self, iova: u64, bytes: usize) {
        self.addresses.unmap(iova, bytes, |iova, bytes| {
            self.socket.unmap_range(iova, bytes)
        });
    }
}
