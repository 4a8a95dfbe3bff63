//! The driver's side of a split virtqueue (VIRTIO 1.2, 2.7).
//!
//! ```text
//! descriptors  size * 16                    address, length, flags, next
//! available    flags idx ring[size]         driver: publish() moves idx
//! used         flags idx {id, length}[size] device; driver: take() follows idx
//! ```

use std::rc::Rc;

use rnic_platform::{DmaBuffer, TestPlatform};

use super::machine::Machine;
use crate::failure::{Outcome, fail};

/// The chain goes on at `next`.
pub const NEXT: u16 = 1;
/// The device writes this descriptor.
pub const WRITE: u16 = 2;
/// The descriptor points at a table of descriptors.
pub const INDIRECT: u16 = 4;
/// Available flags: no interrupt, please.
pub const NO_INTERRUPT: u16 = 1;

/// A virtqueue in one buffer.
pub struct Virtqueue<P: TestPlatform> {
    memory: Rc<P::Dma>,
    /// Descriptors.
    pub size: u16,
    available: u16,
    used: u16,
}

impl<P: TestPlatform> Virtqueue<P> {
    /// An empty queue.
    #[track_caller]
    pub fn new(machine: &Machine<'_, P>, size: u16) -> Outcome<Self> {
        Ok(Self {
            memory: machine.alloc(usize::from(size) * 32 + 64)?,
            size,
            available: 0,
            used: 0,
        })
    }

    fn available_at(&self) -> usize {
        usize::from(self.size) * 16
    }

    fn used_at(&self) -> usize {
        (self.available_at() + 6 + usize::from(self.size) * 2).next_multiple_of(4)
    }

    /// DMA addresses of descriptors, available ring and used ring.
    #[must_use]
    pub fn addresses(&self) -> [u64; 3] {
        let base = self.memory.iova();
        [
            base,
            base + self.available_at() as u64,
            base + self.used_at() as u64,
        ]
    }

    /// The buffer that holds everything.
    #[must_use]
    pub fn memory(&self) -> &P::Dma {
        &self.memory
    }

    /// Writes a descriptor.
    pub fn describe(&self, index: u16, address: u64, length: u32, flags: u16, next: u16) {
        let mut entry = [0; 16];
        entry[..8].copy_from_slice(&address.to_le_bytes());
        entry[8..12].copy_from_slice(&length.to_le_bytes());
        entry[12..14].copy_from_slice(&flags.to_le_bytes());
        entry[14..].copy_from_slice(&next.to_le_bytes());
        self.memory.write(usize::from(index) * 16, &entry);
    }

    /// Writes a chain into consecutive descriptors from `first` on: address, length, device writes.
    pub fn chain(&self, first: u16, parts: &[(u64, u32, bool)]) {
        for (i, (address, length, write)) in parts.iter().enumerate() {
            let index = first + i as u16;
            let next = if i + 1 < parts.len() { NEXT } else { 0 };
            let flags = next | if *write { WRITE } else { 0 };
            self.describe(index, *address, *length, flags, index + 1);
        }
    }

    /// Makes a chain available.
    pub fn publish(&mut self, head: u16) {
        let slot = usize::from(self.available % self.size);
        self.memory
            .store_u16(self.available_at() + 4 + slot * 2, head);
        self.available = self.available.wrapping_add(1);
        self.memory
            .store_u16(self.available_at() + 2, self.available);
    }

    /// The available index.
    #[must_use]
    pub const fn available(&self) -> u16 {
        self.available
    }

    /// Sets the flags of the available ring.
    pub fn set_flags(&self, flags: u16) {
        self.memory.store_u16(self.available_at(), flags);
    }

    /// The device's index in the used ring.
    #[must_use]
    pub fn used_index(&self) -> u16 {
        self.memory.load_u16(self.used_at() + 2)
    }

    /// The next used chain: its head and the bytes written.
    #[track_caller]
    pub fn take(&mut self) -> Outcome<Option<(u16, u32)>> {
        let index = self.used_index();
        if index == self.used {
            return Ok(None);
        }
        if index.wrapping_sub(self.used) > self.size {
            return fail(format_args!(
                "the used index went from {} to {index} in a ring of {}",
                self.used, self.size
            ));
        }
        let at = self.used_at() + 4 + usize::from(self.used % self.size) * 8;
        let (id, length) = (self.memory.load_u32(at), self.memory.load_u32(at + 4));
        self.used = self.used.wrapping_add(1);
        match u16::try_from(id) {
            Ok(head) if head < self.size => Ok(Some((head, length))),
            _ => fail(format_args!(
                "the used ring names descriptor {id} of {}",
                self.size
            )),
        }
    }
}
