//! A machine without a device: registers that keep what is written, vectors that a test fires. For drivers that test the
//! host itself.
//!
//! `unsafe`: eventfds, and a mapping.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::{BarMemory, BarNumber, Machine};
use crate::ram;

const MEMORY: usize = 256 << 20;
const VECTORS: usize = 4;

/// The machine.
pub struct BareMachine {
    memory: usize,
    registers: Mutex<HashMap<(BarNumber, u64), u8>>,
    vectors: Vec<i32>,
}

impl BareMachine {
    /// Makes one; its memory stays until the process ends.
    pub fn new() -> Self {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping touches no memory of ours.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), MEMORY, protection, flags, -1, 0) };
        assert!(memory != libc::MAP_FAILED, "memory for a machine");
        // SAFETY: new descriptors.
        let fd = |_| unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        Self {
            memory: memory as usize,
            registers: Mutex::new(HashMap::new()),
            vectors: (0..VECTORS).map(fd).collect(),
        }
    }

    /// Fires a vector.
    pub fn interrupt(&self, vector: usize) {
        let one = 1_u64;
        // SAFETY: writes 8 bytes to an eventfd of ours.
        unsafe { libc::write(self.vectors[vector], (&raw const one).cast(), 8) };
    }
}

impl Default for BareMachine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine for BareMachine {
    fn name(&self) -> &'static str {
        "bare"
    }
    fn memory(&self) -> (usize, usize) {
        (self.memory, MEMORY)
    }
    fn bar_memory(&self, _: BarNumber) -> Vec<BarMemory> {
        Vec::new()
    }
    fn read(&self, bar: BarNumber, offset: u64, width: usize) -> u64 {
        let registers = self.registers.lock();
        (0..width as u64).fold(0, |value, at| {
            let byte = registers.get(&(bar, offset + at)).copied().unwrap_or(0);
            value | u64::from(byte) << (8 * at)
        })
    }
    fn write(&self, bar: BarNumber, offset: u64, width: usize, value: u64) {
        let mut registers = self.registers.lock();
        for at in 0..width as u64 {
            registers.insert((bar, offset + at), (value >> (8 * at)) as u8);
        }
    }
    fn config_read(&self, _: u16, _: u8) -> u32 {
        0
    }
    fn config_write(&self, _: u16, _: u8, _: u32) {}
    fn vectors(&self) -> Vec<i32> {
        self.vectors.clone()
    }
    fn dma_map(&self, offset: usize, _: usize) -> Option<u64> {
        Some(ram::PHYSICAL + offset as u64)
    }
    fn dma_unmap(&self, _: u64, _: usize) {}
}
