//! The machine that the driver runs on: memory, one rnic function, its interrupts.
//!
//! `unsafe` lends the leaked handle of the machine in use; it is never freed, because a fault handler looks it up.

mod bare;
mod dma;
pub mod hostile;
mod qtest;
mod registers;
mod socket;
mod vfio;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

pub use bare::BareMachine;
pub use dma::Dma;
pub use qtest::QtestMachine;
pub use socket::SocketMachine;
pub use vfio::VfioMachine;

/// A base address register of the function, by its number: 0, 2 or 4.
pub type BarNumber = u8;

/// Memory that is part of a BAR.
#[derive(Clone, Copy, Debug)]
pub struct BarMemory {
    /// First byte in the BAR.
    pub offset: u64,
    /// Address in this process.
    pub address: usize,
    /// Bytes.
    pub bytes: usize,
}

impl BarMemory {
    /// Of offsets, addresses and lengths.
    fn all(parts: Vec<(u64, *mut u8, usize)>) -> Vec<Self> {
        let one = |(offset, address, bytes): (u64, *mut u8, usize)| Self {
            offset,
            address: address as usize,
            bytes,
        };
        parts.into_iter().map(one).collect()
    }
}

/// A machine.
pub trait Machine: Send + Sync {
    /// Name for reports.
    fn name(&self) -> &'static str;
    /// Address and bytes of the memory that the device can reach.
    fn memory(&self) -> (usize, usize);
    /// Parts of a BAR that are plain memory.
    fn bar_memory(&self, bar: BarNumber) -> Vec<BarMemory>;
    /// Reads 4 or 8 bytes of a BAR.
    fn read(&self, bar: BarNumber, offset: u64, width: usize) -> u64;
    /// Writes 4 or 8 bytes of a BAR.
    fn write(&self, bar: BarNumber, offset: u64, width: usize, value: u64);
    /// Reads a byte of configuration space.
    fn config_read(&self, offset: u16, width: u8) -> u32;
    /// Writes configuration space.
    fn config_write(&self, offset: u16, width: u8, value: u32);
    /// Eventfds of the MSI-X vectors.
    fn vectors(&self) -> Vec<i32>;
    /// Gives the device a range of the memory; its DMA address. `None` if that fails.
    fn dma_map(&self, offset: usize, bytes: usize) -> Option<u64>;
    /// The same, for memory that driver and device share as long as it is mapped.
    fn dma_map_shared(&self, offset: usize, bytes: usize) -> Option<u64> {
        self.dma_map(offset, bytes)
    }
    /// Takes it away.
    fn dma_unmap(&self, iova: u64, bytes: usize);
}

/// Functions at most.
pub const FUNCTIONS: usize = 2;

static CURRENT: [AtomicPtr<Arc<dyn Machine>>; FUNCTIONS] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; FUNCTIONS];

/// Puts a function into the machine.
pub fn set(function: usize, machine: Arc<dyn Machine>) {
    let machine = Box::leak(Box::new(machine));
    CURRENT[function].store(machine, Ordering::Release);
}

/// Takes all functions out. A call that comes later finds none.
pub fn clear() {
    for place in &CURRENT {
        let machine = place.swap(std::ptr::null_mut(), Ordering::AcqRel);
        if !machine.is_null() {
            // SAFETY: leaked by `set`, and taken by us alone. The driver is unloaded and its threads have ended.
            drop(unsafe { Box::from_raw(machine) });
        }
    }
}

/// A function.
pub fn function(index: usize) -> Option<Arc<dyn Machine>> {
    let machine = CURRENT.get(index)?.load(Ordering::Acquire);
    // SAFETY: null, or leaked by `set`.
    unsafe { machine.as_ref() }.cloned()
}

static REMOVED: [AtomicBool; FUNCTIONS] = [const { AtomicBool::new(false) }; FUNCTIONS];

/// Pulls a function out of its slot, or puts it back: while it is out, registers read as all ones.
pub fn set_removed(function: usize, removed: bool) {
    REMOVED[function].store(removed, Ordering::SeqCst);
}

/// Whether a function is out of its slot.
pub fn is_removed(function: usize) -> bool {
    REMOVED[function].load(Ordering::Relaxed)
}

/// Physical address of a function's BAR, as resources and configuration space give it.
pub fn bar_physical(function: usize, bar: BarNumber) -> u64 {
    0x80_0000_0000 + function as u64 * 0x1_0000_0000 + u64::from(bar) * 0x1000_0000
}

/// Bytes of a BAR.
pub fn bar_size(bar: BarNumber) -> u64 {
    use rnic_abi::place;
    match bar {
        place::BAR_REGISTERS => place::BAR_REGISTERS_SIZE,
        place::BAR_DOORBELLS => place::BAR_DOORBELLS_SIZE,
        place::BAR_MSIX => place::BAR_MSIX_SIZE,
        _ => 0,
    }
}

/// The BARs that a function has.
pub const BARS: [BarNumber; 3] = [
    rnic_abi::place::BAR_REGISTERS,
    rnic_abi::place::BAR_DOORBELLS,
    rnic_abi::place::BAR_MSIX,
];
