//! Event queues: completion events of 16 bytes, general events of 512.
//!
//! Both are rings that the device produces, as a completion queue is. The slot's arm says whether the next event may
//! raise the queue's vector.

use rnic_abi::{ArmType, ConsumerDoorbell, CqEvent, CqEventKind, GeneralEvent};
use rnic_platform::Platform;
use zerocopy::IntoBytes;

use crate::ring::RingMemory;
use crate::{Bell, Eqn, Error, Event, Nic, Violation};

/// What both kinds have.
pub(crate) struct EventRing<P: Platform> {
    pub(crate) eqn: Eqn,
    pub(crate) ring: RingMemory<P::Dma>,
    pub(crate) bell: Bell<P::Doorbell>,
    pub(crate) consumer: u32,
    pub(crate) published: u32,
    pub(crate) armed: bool,
    pub(crate) sequence: u8,
}

impl<P: Platform> EventRing<P> {
    pub(crate) fn new(eqn: Eqn, ring: RingMemory<P::Dma>, bell: Bell<P::Doorbell>) -> Self {
        Self {
            eqn,
            ring,
            bell,
            consumer: 0,
            published: 0,
            armed: false,
            sequence: 0,
        }
    }

    /// Copies the next entry out, if it was published.
    fn next<T: IntoBytes + zerocopy::FromBytes>(
        &mut self,
        nic: &Nic<P>,
        entry: &mut T,
    ) -> Result<bool, Error> {
        let owner = self.ring.owner(self.consumer);
        if owner > 1 {
            return Err(Violation::Owner.into());
        }
        if owner != self.ring.owner_of_pass(self.consumer) {
            return Ok(false);
        }
        self.ring.read(self.consumer, entry.as_mut_bytes());
        self.consumer = self.consumer.wrapping_add(1);
        // An event disarms the queue [EQ-2]; whoever polls arms again when it found the queue empty.
        self.armed = false;
        if self.consumer.wrapping_sub(self.published) >= self.ring.entries() / 2 {
            self.publish(nic);
        }
        Ok(true)
    }

    /// Whether [`EventRing::next`] would not end with false.
    fn has_more(&self) -> bool {
        let owner = self.ring.owner(self.consumer);
        owner > 1 || owner == self.ring.owner_of_pass(self.consumer)
    }

    fn publish(&mut self, nic: &Nic<P>) {
        self.published = self.consumer;
        let arm = if self.armed {
            ArmType::ANY
        } else {
            ArmType::NONE
        };
        let value = ConsumerDoorbell(0)
            .with_consumer(self.consumer)
            .with_arm(arm)
            .with_sequence(self.sequence);
        nic.ring(&self.bell, value.0);
    }

    fn arm(&mut self, nic: &Nic<P>) {
        self.armed = true;
        self.sequence = (self.sequence + 1) % 64;
        self.publish(nic);
    }
}

/// A completion queue signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CqSignal {
    /// Completion queue, as the device says: look it up, do not index with it.
    pub cqn: u32,
    /// Generation of that queue.
    pub generation: u32,
    /// Producer index of the completion queue at that moment.
    pub producer: u32,
    /// Arm that is satisfied.
    pub arm_sequence: u8,
    /// Why.
    pub kind: CqEventKind,
}

/// An event queue of completion queues.
pub struct CompletionEq<P: Platform> {
    pub(crate) events: EventRing<P>,
}

impl<P: Platform> CompletionEq<P> {
    /// Handle.
    pub fn eqn(&self) -> Eqn {
        self.events.eqn
    }

    /// Free-running count of events consumed; DESTROY_CQ's answer is compared with it.
    pub fn consumer(&self) -> u32 {
        self.events.consumer
    }

    /// Takes the next signal.
    pub fn poll(&mut self, nic: &Nic<P>) -> Result<Option<CqSignal>, Error> {
        let mut entry = CqEvent::zeroed();
        if !self.events.next(nic, &mut entry)? {
            return Ok(None);
        }
        Ok(Some(CqSignal {
            cqn: entry.cqn.get(),
            generation: entry.generation.get(),
            producer: entry.consumer.get(),
            arm_sequence: entry.arm_sequence,
            kind: entry.kind(),
        }))
    }

    /// Whether there is something to poll: a signal, or a violation. Consumes nothing.
    pub fn has_more(&self) -> bool {
        self.events.has_more()
    }

    /// Lets the next event raise the vector; at once if one was not consumed. To be called after polling until empty.
    pub fn arm(&mut self, nic: &Nic<P>) {
        self.events.arm(nic);
    }
}

/// The general event queue.
pub struct GeneralEq<P: Platform> {
    pub(crate) events: EventRing<P>,
}

impl<P: Platform> GeneralEq<P> {
    /// Handle.
    pub fn eqn(&self) -> Eqn {
        self.events.eqn
    }

    /// Takes the next event.
    pub fn poll(&mut self, nic: &Nic<P>) -> Result<Option<Event>, Error> {
        let sequence = self.events.consumer;
        let mut entry = GeneralEvent::zeroed();
        if !self.events.next(nic, &mut entry)? {
            return Ok(None);
        }
        // [EV-1]
        if entry.sequence.get() != sequence {
            return Err(Violation::Event.into());
        }
        Ok(Some(Event::from_entry(&entry)?))
    }

    /// As [`CompletionEq::arm`].
    pub fn arm(&mut self, nic: &Nic<P>) {
        self.events.arm(nic);
    }
}
