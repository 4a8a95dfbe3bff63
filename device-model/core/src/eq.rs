//! Event queues: completion events of 16 bytes, or general events of 512.
//!
//! ```text
//!   consumer (driver's doorbell)   producer (device)
//!      v                              v
//!    [ event  event  event  event ] free ...      never overwritten [EQ-3]
//! ```

use std::collections::VecDeque;

use rnic_abi::{ArmType, ConsumerDoorbell, EqKind};
use rnic_mutant::mutant;

use crate::dma::{DmaError, DmaSpace};
use crate::ring::Ring;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Written; raise the vector when true.
    Yes {
        /// The queue was armed, and is not any more.
        raise: bool,
    },
    /// No room: the event must wait.
    Full,
    /// The ring cannot be written; the event is lost `[EQ-6]`.
    Lost(DmaError),
}

/// What a store to the doorbell did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EqStore {
    /// Events that the driver consumed.
    pub consumed: u32,
    /// The arm found events: raise the vector `[EQ-2]`.
    pub raise: bool,
}

/// The consumer index is ahead of the producer, or went backwards; the store is ignored
/// `[DB-7]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadConsumer;

/// An event queue.
#[derive(Debug)]
pub struct Eq {
    ring: Ring,
    slot: u32,
    kind: EqKind,
    vector: u16,
    producer: u32,
    consumer: u32,
    armed: bool,
    /// Completion queues attached.
    pub(crate) attached: u32,
    /// Completion queues (handle, generation) of the unconsumed events, oldest first.
    pub(crate) unconsumed: VecDeque<(u32, u32)>,
    /// Completion queues that wait for room.
    pub(crate) waiting: VecDeque<(u32, u32)>,
}

impl Eq {
    /// An empty queue.
    #[must_use]
    pub fn new(ring: Ring, slot: u32, kind: EqKind, vector: u16) -> Self {
        Self {
            ring,
            slot,
            kind,
            vector,
            producer: 0,
            consumer: 0,
            armed: false,
            attached: 0,
            unconsumed: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Doorbell slot.
    #[must_use]
    pub const fn slot(&self) -> u32 {
        self.slot
    }

    /// What it holds.
    #[must_use]
    pub const fn kind(&self) -> EqKind {
        self.kind
    }

    /// Interrupt vector, or VECTOR_NONE.
    #[must_use]
    pub const fn vector(&self) -> u16 {
        self.vector
    }

    /// Free-running index of the next event.
    #[must_use]
    pub const fn producer(&self) -> u32 {
        self.producer
    }

    /// Number of entries.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        self.ring.entries()
    }

    /// Whether another completion queue may be attached: as many as there are entries `[EQ-4]`.
    #[must_use]
    pub const fn has_place(&self) -> bool {
        self.attached < self.ring.entries()
    }

    /// A completion queue is attached from now on.
    pub fn attach(&mut self) {
        self.attached = self.attached.saturating_add(1);
    }

    /// Whether a completion queue is attached.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        self.attached > 0
    }

    /// Whether an event would find no room.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.producer.wrapping_sub(self.consumer) >= self.ring.entries()
    }

    /// Writes an event of the queue's entry size, with the owner bit put into its last byte.
    pub fn push<const N: usize>(&mut self, dma: &DmaSpace, mut entry: [u8; N]) -> Written {
        if self.is_full() && !mutant("EQ-3/overwrite") {
            return Written::Full;
        }
        if let Some(last) = entry.last_mut() {
            *last = self.ring.owner(self.producer) ^ u8::from(mutant("CONV-6/event"));
        }
        if let Err(error) = self.ring.publish(dma, self.producer, &entry) {
            return Written::Lost(error);
        }
        self.producer = self.producer.wrapping_add(1);
        let stays = self.armed && mutant("EQ-2/stays");
        Written::Yes {
            raise: std::mem::replace(&mut self.armed, stays),
        }
    }

    /// Takes a store to the doorbell.
    pub fn doorbell(&mut self, value: u64) -> Result<EqStore, BadConsumer> {
        let store = ConsumerDoorbell(value);
        let consumed = store.consumer().wrapping_sub(self.consumer);
        if consumed > self.producer.wrapping_sub(self.consumer) && !mutant("DB-7/event") {
            return Err(BadConsumer);
        }
        self.consumer = store.consumer();
        let mut raise = false;
        // Every store with ANY arms, whatever its sequence: an arm too many is one message too
        // many, an arm too few is a driver that sleeps for ever.
        if store.arm() == ArmType::ANY {
            raise = self.producer != self.consumer && !mutant("EQ-2/present");
            self.armed = !raise;
        }
        Ok(EqStore { consumed, raise })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{RingRules, RingShape};
    use crate::testing::Guest;

    const SLOT: u32 = 512 + 8;

    fn queue(guest: &mut Guest, log: u8) -> (Eq, u64) {
        let d = guest.ring(log, 4, SLOT);
        let rules = RingRules {
            min_log_stride: 4,
            max_log_stride: 4,
            max_log_entries: 8,
        };
        let shape = RingShape::check(&d, rules, 0).unwrap();
        let ring = shape.load(&guest.space()).unwrap();
        let at = ring.address(0);
        (Eq::new(ring, SLOT, EqKind::COMPLETION, 1), at)
    }

    fn arm(consumer: u32, sequence: u8) -> u64 {
        ConsumerDoorbell(0)
            .with_consumer(consumer)
            .with_arm(ArmType::ANY)
            .with_sequence(sequence)
            .0
    }

    #[test]
    fn an_arm_raises_once_for_the_next_event_or_at_once_for_a_present_one() {
        // [EQ-2]
        let mut guest = Guest::new();
        let dma = guest.space();
        let (mut eq, _) = queue(&mut guest, 2);
        assert_eq!(eq.push(&dma, [0; 16]), Written::Yes { raise: false });
        let present = EqStore {
            consumed: 0,
            raise: true,
        };
        assert_eq!(eq.doorbell(arm(0, 1)), Ok(present));
        assert_eq!(eq.push(&dma, [0; 16]), Written::Yes { raise: false });
        let consumed = EqStore {
            consumed: 2,
            raise: false,
        };
        assert_eq!(eq.doorbell(2), Ok(consumed), "no arm");
        assert_eq!(eq.push(&dma, [0; 16]), Written::Yes { raise: false });
        assert!(eq.doorbell(arm(3, 0)).is_ok(), "whatever the sequence");
        assert_eq!(eq.push(&dma, [0; 16]), Written::Yes { raise: true });
        assert_eq!(eq.push(&dma, [0; 16]), Written::Yes { raise: false });
    }

    #[test]
    fn a_full_queue_overwrites_nothing_and_the_owner_bit_turns() {
        // [EQ-3] [CONV-6]
        let mut guest = Guest::new();
        let dma = guest.space();
        let (mut eq, at) = queue(&mut guest, 1);
        for n in 0..2u8 {
            assert!(matches!(eq.push(&dma, [n; 16]), Written::Yes { .. }));
        }
        assert_eq!(eq.push(&dma, [9; 16]), Written::Full);
        eq.doorbell(1).unwrap();
        assert!(matches!(eq.push(&dma, [2; 16]), Written::Yes { .. }));
        let mut bytes = [0; 32];
        guest.read(at, &mut bytes);
        assert_eq!((bytes[0], bytes[15]), (2, 0), "second pass");
        assert_eq!((bytes[16], bytes[31]), (1, 1), "first pass");
    }

    #[test]
    fn a_wrong_consumer_index_is_ignored() {
        // [DB-7]
        let mut guest = Guest::new();
        let dma = guest.space();
        let (mut eq, _) = queue(&mut guest, 2);
        eq.push(&dma, [0; 16]);
        assert_eq!(eq.doorbell(arm(2, 1)), Err(BadConsumer));
        eq.doorbell(1).unwrap();
        assert_eq!(eq.doorbell(arm(0, 1)), Err(BadConsumer));
        assert_eq!(eq.push(&dma, [0; 16]), Written::Yes { raise: false });
    }

    #[test]
    fn a_ring_without_memory_loses_the_event() {
        // [EQ-6]
        let mut guest = Guest::new();
        let (mut eq, _) = queue(&mut guest, 2);
        assert_eq!(
            eq.push(&DmaSpace::empty(), [0; 16]),
            Written::Lost(DmaError::BusMasterDisabled)
        );
        assert_eq!(eq.producer(), 0);
    }
}
