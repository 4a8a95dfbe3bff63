//! DMA buffers and doorbell slots of a [`super::SimPlatform`].

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use rnic_core::dma::SharedMemory;
use rnic_platform::{DmaBuffer, DoorbellSlot};

use super::SimMachine;

/// A piece of guest memory; unmapped and given back when it is dropped.
pub struct SimDma {
    pub(super) machine: Arc<SimMachine>,
    pub(super) node: usize,
    pub(super) file: Arc<SharedMemory>,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) iova: u64,
}

impl SimDma {
    /// Offset in the file of `bytes` bytes at `offset` of the buffer.
    ///
    /// # Panics
    /// If they do not lie inside the buffer: a bug of the caller.
    fn at(&self, offset: usize, bytes: usize) -> u64 {
        let end = offset.checked_add(bytes).map(|end| end as u64);
        assert!(
            end.is_some_and(|end| end <= self.length),
            "access of {bytes} bytes at {offset:#x} of a DMA buffer of {:#x} bytes",
            self.length
        );
        self.offset + offset as u64
    }

    fn aligned(&self, offset: usize, bytes: usize) -> u64 {
        assert!(
            offset.is_multiple_of(bytes),
            "word of {bytes} bytes at {offset:#x} of a DMA buffer is not aligned"
        );
        self.at(offset, bytes)
    }
}

const INSIDE: &str = "the buffer lies inside the file";

impl DmaBuffer for SimDma {
    fn iova(&self) -> u64 {
        self.iova
    }
    fn len(&self) -> usize {
        usize::try_from(self.length).expect("it was allocated by a usize")
    }
    fn read(&self, offset: usize, data: &mut [u8]) {
        let at = self.at(offset, data.len());
        self.file.read(at, data).expect(INSIDE);
    }
    fn write(&self, offset: usize, data: &[u8]) {
        let at = self.at(offset, data.len());
        self.file.write(at, data).expect(INSIDE);
    }
    fn load_u16(&self, offset: usize) -> u16 {
        let at = self.aligned(offset, 2);
        let word = self.file.load_acquire_u32(at & !3).expect(INSIDE);
        let halves = [word as u16, (word >> 16) as u16];
        halves[usize::from(at & 2 != 0)]
    }
    fn load_u32(&self, offset: usize) -> u32 {
        let at = self.aligned(offset, 4);
        self.file.load_acquire_u32(at).expect(INSIDE)
    }
    fn load_u64(&self, offset: usize) -> u64 {
        let at = self.aligned(offset, 8);
        self.file.load_acquire_u64(at).expect(INSIDE)
    }
    fn store_u16(&self, offset: usize, value: u16) {
        let at = self.aligned(offset, 2);
        fence(Ordering::Release);
        self.file.write(at, &value.to_le_bytes()).expect(INSIDE);
    }
    fn store_u32(&self, offset: usize, value: u32) {
        let at = self.aligned(offset, 4);
        self.file.store_release_u32(at, value).expect(INSIDE);
    }
    fn store_u64(&self, offset: usize, value: u64) {
        let at = self.aligned(offset, 8);
        self.file.store_release_u64(at, value).expect(INSIDE);
    }
}

impl Drop for SimDma {
    fn drop(&mut self) {
        self.machine
            .lock()
            .free(self.node, self.offset, self.length);
    }
}

/// A doorbell slot: a word of memory that the device polls, or a trapped write.
pub struct SimDoorbell {
    pub(super) machine: Arc<SimMachine>,
    pub(super) node: usize,
    /// The memory, when it is mapped.
    pub(super) mapped: Option<Arc<SharedMemory>>,
    pub(super) offset: u64,
}

impl DoorbellSlot for SimDoorbell {
    fn store(&self, value: u64) {
        match &self.mapped {
            Some(memory) => {
                let stored = memory.store_release_u64(self.offset, value);
                stored.expect("the slot lies inside BAR2");
            }
            None => {
                let mut world = self.machine.lock();
                world.bar_write(
                    self.node,
                    super::DOORBELL_BAR,
                    self.offset,
                    &value.to_le_bytes(),
                );
            }
        }
    }
    fn fetch_or(&self, bits: u64) {
        match &self.mapped {
            Some(memory) => {
                let old = memory.fetch_or_u64(self.offset, bits);
                old.expect("the slot lies inside BAR2");
            }
            None => {
                let mut world = self.machine.lock();
                let mut word = [0; 8];
                world.bar_read(self.node, super::DOORBELL_BAR, self.offset, &mut word);
                let word = u64::from_le_bytes(word) | bits;
                world.bar_write(
                    self.node,
                    super::DOORBELL_BAR,
                    self.offset,
                    &word.to_le_bytes(),
                );
            }
        }
    }
}
