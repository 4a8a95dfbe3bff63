//! An Ethernet queue: the driver's side of a split virtqueue (VIRTIO 1.2, 2.7) whose buffers begin with a 12-byte
//! `virtio_net_hdr`. [ETH-1]
//!
//! ```text
//! memory  [descriptor table: 16 * N][available: 6 + 2 * N][used: 6 + 8 * N]
//! ```
//! Chains are kept here in private: nothing that the device can write decides which descriptor is next.

use rnic_abi::{EthDirection, ProducerDoorbell};
use rnic_platform::{DmaBuffer, Platform};

use crate::nic::low_half;
use crate::{Bell, Bounded, Nic, PostError, Violation};

const DESCRIPTOR: usize = 16;
/// VIRTQ_DESC_F_NEXT and VIRTQ_DESC_F_WRITE (VIRTIO 1.2, 2.7.5).
const NEXT: u16 = 1;
const WRITE: u16 = 2;
/// VIRTQ_AVAIL_F_NO_INTERRUPT (VIRTIO 1.2, 2.7.6).
const NO_INTERRUPT: u16 = 1;

/// A piece of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// DMA address.
    pub address: u64,
    /// Bytes.
    pub length: u32,
}

/// A buffer that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedBuffer {
    /// As it was posted.
    pub context: u64,
    /// Bytes that the device wrote; 0 for a transmit queue.
    pub length: u32,
}

#[derive(Clone, Copy, Debug)]
struct Chain {
    context: u64,
    descriptors: u16,
    capacity: u32,
}

/// Where the parts of the virtqueue lie in its memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) size: u16,
}

impl Layout {
    pub(crate) fn available(self) -> usize {
        DESCRIPTOR * usize::from(self.size)
    }

    pub(crate) fn used(self) -> usize {
        (self.available() + 6 + 2 * usize::from(self.size)).next_multiple_of(8)
    }

    pub(crate) fn bytes(self) -> usize {
        self.used() + 6 + 8 * usize::from(self.size)
    }
}

/// An Ethernet queue. Owned; no lock.
pub struct EthQueue<P: Platform> {
    pub(crate) direction: EthDirection,
    pub(crate) index: u16,
    pub(crate) bell: Bell<P::Doorbell>,
    memory: P::Dma,
    layout: Layout,
    free: Bounded<u16>,
    /// The descriptor after each one of a chain.
    next: Bounded<u16>,
    chains: Bounded<Option<Chain>>,
    available: u16,
    used: u16,
}

/// What an Ethernet queue consists of before it exists.
pub(crate) struct EthParts<P: Platform> {
    pub(crate) memory: P::Dma,
    pub(crate) layout: Layout,
    free: Bounded<u16>,
    next: Bounded<u16>,
    chains: Bounded<Option<Chain>>,
}

impl<P: Platform> EthParts<P> {
    pub(crate) fn new(memory: P::Dma, layout: Layout) -> Result<Self, crate::Error> {
        let n = usize::from(layout.size);
        let mut parts = Self {
            memory,
            layout,
            free: Bounded::new(),
            next: Bounded::new(),
            chains: Bounded::new(),
        };
        parts.free.reserve(n)?;
        parts.next.reserve(n)?;
        parts.chains.reserve(n)?;
        for descriptor in 0..layout.size {
            parts.free.push_reserved(layout.size - 1 - descriptor);
            parts.next.push_reserved(0);
            parts.chains.push_reserved(None);
        }
        Ok(parts)
    }
}

impl<P: Platform> EthQueue<P> {
    pub(crate) fn new(
        direction: EthDirection,
        index: u16,
        bell: Bell<P::Doorbell>,
        parts: EthParts<P>,
    ) -> Self {
        Self {
            direction,
            index,
            bell,
            memory: parts.memory,
            layout: parts.layout,
            free: parts.free,
            next: parts.next,
            chains: parts.chains,
            available: 0,
            used: 0,
        }
    }

    /// Queue number.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Descriptors not in use.
    pub fn free_descriptors(&self) -> usize {
        self.free.len()
    }

    /// Makes a buffer of one or more fragments available; shown to the device by [`EthQueue::ring`].
    pub fn post(&mut self, context: u64, fragments: &[Fragment]) -> Result<(), PostError> {
        let count = u16::try_from(fragments.len()).map_err(|_| PostError::TooManySegments)?;
        if count == 0 || count > self.layout.size {
            return Err(PostError::TooManySegments);
        }
        if usize::from(count) > self.free.len() {
            return Err(PostError::Full);
        }
        let receive = self.direction == EthDirection::RECEIVE;
        let mut capacity = 0u32;
        // Written from the last fragment to the first, so that each descriptor knows the next.
        let mut following: Option<u16> = None;
        for fragment in fragments.iter().rev() {
            let Some(descriptor) = self.free.pop() else {
                return Err(PostError::Full);
            };
            let mut flags = if receive { WRITE } else { 0 };
            if following.is_some() {
                flags |= NEXT;
            }
            let mut bytes = [0u8; DESCRIPTOR];
            let word = u64::from(fragment.length)
                | u64::from(flags) << 32
                | u64::from(following.unwrap_or(0)) << 48;
            let (address, rest) = bytes.split_at_mut(8);
            address.copy_from_slice(&fragment.address.to_le_bytes());
            rest.copy_from_slice(&word.to_le_bytes());
            self.memory
                .write(usize::from(descriptor) * DESCRIPTOR, &bytes);
            if let (Some(next), Some(following)) = (self.next.get_mut(descriptor.into()), following)
            {
                *next = following;
            }
            capacity = capacity.saturating_add(fragment.length);
            following = Some(descriptor);
        }
        let Some(head) = following else {
            return Err(PostError::TooManySegments);
        };
        if let Some(chain) = self.chains.get_mut(head.into()) {
            *chain = Some(Chain {
                context,
                descriptors: count,
                capacity: if receive { capacity } else { 0 },
            });
        }
        let position = usize::from(self.available & (self.layout.size - 1));
        let at = self.layout.available();
        self.memory
            .write(at + 4 + 2 * position, &head.to_le_bytes());
        self.available = self.available.wrapping_add(1);
        // Release: whoever sees the index sees the entry and its descriptors.
        self.memory.store_u16(at + 2, self.available);
        Ok(())
    }

    /// Shows the device everything posted so far.
    pub fn ring(&mut self, nic: &Nic<P>) {
        let value = ProducerDoorbell(0).with_producer(self.available.into());
        nic.ring(&self.bell, value.0);
    }

    /// Asks the device not to interrupt, or to interrupt again. Poll once more after asking for interrupts. [ETH-10]
    pub fn suppress_interrupts(&mut self, suppress: bool) {
        let flags = if suppress { NO_INTERRUPT } else { 0 };
        self.memory.store_u16(self.layout.available(), flags);
    }

    /// Whether there is something to poll: a buffer that came back, or a violation. Consumes nothing.
    pub fn has_more(&self) -> bool {
        self.memory.load_u16(self.layout.used() + 2) != self.used
    }

    /// Whether the device has buffers that it did not give back.
    pub fn has_posted(&self) -> bool {
        self.free.len() < usize::from(self.layout.size)
    }

    /// Takes the next buffer that came back.
    pub fn poll(&mut self) -> Result<Option<UsedBuffer>, Violation> {
        let at = self.layout.used();
        // Acquire: entries up to this index, and the buffers they name, are whole.
        let index = self.memory.load_u16(at + 2);
        let waiting = index.wrapping_sub(self.used);
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > self.layout.size {
            return Err(Violation::UsedIndex);
        }
        let position = usize::from(self.used & (self.layout.size - 1));
        let mut entry = [0u8; 8];
        self.memory.read(at + 4 + 8 * position, &mut entry);
        let entry = u64::from_le_bytes(entry);
        let length = low_half(entry >> 32);
        let head = u16::try_from(entry & 0xFFFF_FFFF).map_err(|_| Violation::UsedId)?;
        let chain = self
            .chains
            .get_mut(head.into())
            .and_then(Option::take)
            .ok_or(Violation::UsedId)?;
        self.used = self.used.wrapping_add(1);
        let mut descriptor = head;
        for _ in 0..chain.descriptors {
            self.free.push_reserved(descriptor);
            descriptor = self.next.get(descriptor.into()).copied().unwrap_or(0);
        }
        if length > chain.capacity {
            return Err(Violation::AnswerLength);
        }
        Ok(Some(UsedBuffer {
            context: chain.context,
            length,
        }))
    }
}
