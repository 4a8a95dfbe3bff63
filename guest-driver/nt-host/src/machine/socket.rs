//! A device process behind its vfio-user socket.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rnic_abi::place;
use rnic_driver_host::platform::Platform;
use rnic_driver_host::{Mapped, OpenError, SOCKET_IOVA, Socket, SocketOptions};

use super::{BarMemory, BarNumber, Dma, Machine, registers};
use crate::ram;

/// Where remapped ranges begin: beyond all physical addresses.
const REMAPPED: u64 = 0x100_0000_0000;

/// The machine.
pub struct SocketMachine {
    socket: Socket,
    dma: Dma,
    next: AtomicU64,
}

impl SocketMachine {
    /// Connects; `memory_bytes` of memory.
    pub fn open(path: &Path, dma: Dma, memory_bytes: u64) -> Result<Self, OpenError> {
        const { assert!(SOCKET_IOVA == ram::PHYSICAL) }
        let mapped = match dma {
            Dma::Identity => Mapped::Whole,
            Dma::Remapped => Mapped::EachBuffer,
        };
        let options = SocketOptions {
            memory_bytes,
            mapped,
        };
        Ok(Self {
            socket: Socket::open(path, options)?,
            dma,
            next: AtomicU64::new(REMAPPED),
        })
    }

    /// Connects to another device: a second function of the same machine.
    pub fn open_beside(&self, path: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            socket: self.socket.open_beside(path)?,
            dma: self.dma,
            next: AtomicU64::new(REMAPPED),
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
        match self.dma {
            Dma::Identity => Some(ram::PHYSICAL + offset as u64),
            Dma::Remapped => {
                // A hole between mappings, so that running over the end is seen.
                let step = bytes.next_multiple_of(ram::PAGE) as u64 + ram::PAGE as u64;
                let iova = self.next.fetch_add(step, Ordering::Relaxed);
                self.socket.map_range(offset, iova, bytes).ok()?;
                Some(iova)
            }
        }
    }
    fn dma_unmap(&self, iova: u64, bytes: usize) {
        if self.dma == Dma::Remapped {
            // A device that is gone uses nothing.
            let _ = self.socket.unmap_range(iova, bytes);
        }
    }
}
