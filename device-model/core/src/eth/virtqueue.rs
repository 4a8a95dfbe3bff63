//! One split virtqueue of the lane (VIRTIO 1.2, 2.7).
//!
//! `virtio-queue` moves the indices of the available and the used ring. Chains are walked here,
//! because this interface knows no indirect descriptors `[ETH-1]`. Chains are taken up to the
//! available index that came by doorbell, and only while it agrees with the ring's:
//!
//! ```text
//! returned <= fetched <= rung <= available.idx <= fetched + size     (modulo 2^16)
//! ```

use std::sync::atomic::{Ordering, fence};

use rnic_abi::limit;
use rnic_mutant::mutant;
use virtio_bindings::virtio_ring::{
    VRING_AVAIL_F_NO_INTERRUPT, VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE,
};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::GuestAddress;

use crate::dma::{Access, DmaError, DmaRange, DmaSpace};

/// Most descriptors of a queue.
pub const MAX_SIZE: u16 = 1 << limit::ETH_RING_LOG;

const DESCRIPTOR_BYTES: u64 = 16;

/// Where a queue lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Descriptors.
    pub size: u16,
    /// Descriptor table.
    pub descriptors: u64,
    /// Available ring.
    pub available: u64,
    /// Used ring.
    pub used: u64,
}

impl Setup {
    /// The areas: address, bytes, access, in the order of the fields.
    #[must_use]
    pub fn areas(&self) -> [(u64, u64, Access); 3] {
        let size = u64::from(self.size);
        [
            (self.descriptors, size * DESCRIPTOR_BYTES, Access::Read),
            (self.available, 4 + size * 2, Access::Read),
            (self.used, 4 + size * 8, Access::Write),
        ]
    }
}

/// Why a set-up is refused `[ETH-1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// No power of two.
    #[error("the size of a virtqueue must be a power of two")]
    Size,
    /// More than [`MAX_SIZE`].
    #[error("a virtqueue has at most {MAX_SIZE} descriptors")]
    TooLarge,
    /// The descriptor table is not aligned to 16.
    #[error("the descriptor table must be aligned to 16 bytes")]
    Descriptors,
    /// The available ring is not aligned to 2.
    #[error("the available ring must be aligned to 2 bytes")]
    Available,
    /// The used ring is not aligned to 4.
    #[error("the used ring must be aligned to 4 bytes")]
    Used,
}

/// Why a queue stopped: it fetches nothing more until it is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    /// An index by doorbell that is behind, too far ahead, or not the ring's `[DB-6]`.
    #[error("the doorbell and the available ring do not agree")]
    Index,
    /// A head outside the descriptor table.
    #[error("descriptor {0} does not exist")]
    Head(u16),
    /// The rings cannot be reached.
    #[error("the rings cannot be reached: {0}")]
    Dma(#[from] DmaError),
}

/// A chain taken from the available ring; its ranges are where [`Virtqueue::pop`] put them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub head: u16,
    pub shape: Shape,
}

/// What a chain looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Every descriptor is of the queue's direction; bytes of all.
    Good(u64),
    /// A descriptor is of the other direction.
    Mixed,
    /// It loops, leaves the table, or has an indirect descriptor.
    Broken,
}

/// A virtqueue.
#[derive(Debug)]
pub struct Virtqueue {
    queue: Queue,
    setup: Setup,
    /// Available index that came by doorbell.
    rung: u16,
    /// Chains given back.
    returned: u16,
    stopped: bool,
}

impl Virtqueue {
    /// A queue that starts at index zero.
    pub fn new(setup: Setup) -> Result<Self, SetupError> {
        if !setup.size.is_power_of_two() {
            return Err(SetupError::Size);
        }
        if setup.size > MAX_SIZE {
            return Err(SetupError::TooLarge);
        }
        let mut queue = Queue::new(MAX_SIZE).map_err(|_| SetupError::Size)?;
        queue
            .try_set_size(setup.size)
            .map_err(|_| SetupError::Size)?;
        queue
            .try_set_desc_table_address(GuestAddress(setup.descriptors))
            .map_err(|_| SetupError::Descriptors)?;
        queue
            .try_set_avail_ring_address(GuestAddress(setup.available))
            .map_err(|_| SetupError::Available)?;
        queue
            .try_set_used_ring_address(GuestAddress(setup.used))
            .map_err(|_| SetupError::Used)?;
        queue.set_ready(true);
        Ok(Self {
            queue,
            setup,
            rung: 0,
            returned: 0,
            stopped: false,
        })
    }

    /// Whether nothing more is fetched.
    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Stops the queue.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether there is a chain to take, as far as doorbells tell.
    pub(super) fn has_chains(&self) -> bool {
        !self.stopped && self.rung != self.queue.next_avail()
    }

    /// Takes the value of the doorbell slot; its upper bits mean nothing `[DB-8]`.
    pub(super) fn doorbell(&mut self, value: u64) -> Result<(), Stop> {
        let [low, high, ..] = value.to_le_bytes();
        let rung = u16::from_le_bytes([low, high]);
        let outstanding = self.queue.next_avail().wrapping_sub(self.returned);
        let ahead = rung.wrapping_sub(self.returned);
        if ahead > self.setup.size || ahead < outstanding {
            return Err(Stop::Index);
        }
        self.rung = rung;
        Ok(())
    }

    /// Takes the next chain, whose descriptors have `access`, and puts its ranges in `ranges`.
    pub(super) fn pop(
        &mut self,
        dma: &DmaSpace,
        access: Access,
        ranges: &mut Vec<DmaRange>,
    ) -> Result<Option<Chain>, Stop> {
        if !self.has_chains() {
            return Ok(None);
        }
        // Validated first: what cannot be reached then reads as zero, and health tells.
        for (address, len, access) in self.setup.areas() {
            dma.validate(address, len, access)?;
        }
        let fetched = self.queue.next_avail();
        let index = self
            .queue
            .avail_idx(dma, Ordering::Acquire)
            .map_err(|_| Stop::Index)?;
        if index.0.wrapping_sub(fetched) < self.rung.wrapping_sub(fetched) {
            return Err(Stop::Index);
        }
        let head = self
            .queue
            .iter(dma)
            .ok()
            .and_then(|mut chains| chains.next())
            .map(|chain| chain.head_index());
        dma.health()?;
        // None: more chains than the ring has descriptors, or an index that moved back.
        let head = head.ok_or(Stop::Index)?;
        if head >= self.setup.size {
            return Err(Stop::Head(head));
        }
        let shape = self.walk(dma, head, access, ranges)?;
        Ok(Some(Chain { head, shape }))
    }

    /// Gives a chain back, `written` bytes of which were written.
    pub(super) fn give_back(
        &mut self,
        dma: &DmaSpace,
        head: u16,
        written: u32,
    ) -> Result<(), Stop> {
        let (used, len, access) = self.setup.areas()[2];
        dma.validate(used, len, access)?;
        let returned = self.queue.add_used(dma, head, written);
        dma.health()?;
        returned.map_err(|_| Stop::Head(head))?;
        self.returned = self.returned.wrapping_add(1);
        Ok(())
    }

    /// Whether the driver wants an interrupt for what was given back `[ETH-10]`.
    pub(super) fn wants_interrupt(&self, dma: &DmaSpace) -> Result<bool, Stop> {
        // The used index must be visible before the flag is read: a driver that clears the flag
        // and then looks at the index must not miss both (VIRTIO 1.2, 2.7.7.1).
        fence(Ordering::SeqCst);
        let flags = dma.read_array::<2>(self.setup.available)?;
        Ok(
            u32::from(u16::from_le_bytes(flags)) & VRING_AVAIL_F_NO_INTERRUPT == 0
                || mutant("ETH-10/flag"),
        )
    }

    /// Walks a chain; every descriptor is read once `[CONV-11]`.
    fn walk(
        &self,
        dma: &DmaSpace,
        head: u16,
        access: Access,
        ranges: &mut Vec<DmaRange>,
    ) -> Result<Shape, Stop> {
        ranges.clear();
        let (mut bytes, mut mixed) = (0, false);
        let mut next = head;
        // A chain that is longer than the table visits a descriptor twice: it loops.
        for _ in 0..self.setup.size {
            if next >= self.setup.size {
                return Ok(Shape::Broken);
            }
            let address = self.setup.descriptors + u64::from(next) * DESCRIPTOR_BYTES;
            let [
                a0,
                a1,
                a2,
                a3,
                a4,
                a5,
                a6,
                a7,
                l0,
                l1,
                l2,
                l3,
                f0,
                f1,
                n0,
                n1,
            ] = dma.read_array::<16>(address)?;
            let flags = u32::from(u16::from_le_bytes([f0, f1]));
            if flags & VRING_DESC_F_INDIRECT != 0 {
                return Ok(Shape::Broken);
            }
            mixed |= (flags & VRING_DESC_F_WRITE != 0) != access.writes();
            let range = DmaRange {
                iova: u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]),
                len: u32::from_le_bytes([l0, l1, l2, l3]).into(),
            };
            bytes += range.len;
            ranges.push(range);
            if flags & VRING_DESC_F_NEXT == 0 {
                let shape = if mixed {
                    Shape::Mixed
                } else {
                    Shape::Good(bytes)
                };
                return Ok(shape);
            }
            next = u16::from_le_bytes([n0, n1]);
        }
        Ok(Shape::Broken)
    }
}
