//! Completion queues: entries, arming, moderation, overrun, resize.
//!
//! ```text
//!   consumer (driver's doorbell)      producer (device)
//!      v                                 v
//!    [ completion  completion  completion ] free ...      never producer - consumer > entries
//! ```
//! A [`Cq`] knows its ring and its arm, nothing of event queues: it says that it has something
//! to signal ([`Cq::ready`]), and [`crate::resources::Resources`] writes the event.

use std::collections::{BTreeMap, VecDeque};

use rnic_abi::{
    ArmType, Completion, CompletionStatus, ConsumerDoorbell, CqErrorCause, CqEvent, CqEventKind,
};
use rnic_mutant::mutant;
use zerocopy::IntoBytes;

use crate::dma::DmaSpace;
use crate::env::Nanos;
use crate::ring::Ring;

/// When a satisfied arm signals `[CQ-10]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moderation {
    /// After so many completions; none: never by count.
    pub count: Option<u32>,
    /// After so many nanoseconds; none: never by time.
    pub interval: Option<u64>,
}

impl Moderation {
    /// At once.
    pub const OFF: Self = Self {
        count: Some(0),
        interval: Some(0),
    };
}

/// An arm that has not signalled yet.
#[derive(Clone, Copy, Debug)]
struct Arm {
    kind: ArmType,
    sequence: u8,
    /// Completions that satisfy it.
    satisfied: u32,
    /// When the first of them was there.
    since: Nanos,
}

/// A completion could not be written, and the queue is in error now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CqFailed(pub CqErrorCause);

/// A completion queue.
#[derive(Debug)]
pub struct Cq {
    ring: Ring,
    slot: u32,
    eqn: u32,
    generation: u32,
    context: u64,
    producer: u32,
    consumer: u32,
    /// Indices of unconsumed completions that are solicited or in error.
    solicited: VecDeque<u32>,
    arm: Option<Arm>,
    last_sequence: u8,
    moderation: Moderation,
    error: Option<CqErrorCause>,
    /// CQ_ERROR was raised.
    pub(crate) reported: bool,
    /// An event of this queue lies unconsumed in its event queue `[CQ-9]`.
    pub(crate) event_unconsumed: bool,
    /// Registered as waiting for room in its event queue.
    pub(crate) waits_for_room: bool,
    /// Moment for which a timer is set.
    pub(crate) timer: Option<Nanos>,
    /// Queue pairs that use it, and how often.
    users: BTreeMap<u32, u8>,
}

impl Cq {
    /// An empty queue.
    #[must_use]
    pub fn new(ring: Ring, slot: u32, eqn: u32, generation: u32, context: u64) -> Self {
        Self {
            ring,
            slot,
            eqn,
            generation,
            context,
            producer: 0,
            consumer: 0,
            solicited: VecDeque::new(),
            arm: None,
            last_sequence: 0,
            moderation: Moderation::OFF,
            error: None,
            reported: false,
            event_unconsumed: false,
            waits_for_room: false,
            timer: None,
            users: BTreeMap::new(),
        }
    }

    /// Doorbell slot.
    #[must_use]
    pub const fn slot(&self) -> u32 {
        self.slot
    }

    /// Event queue.
    #[must_use]
    pub const fn eqn(&self) -> u32 {
        self.eqn
    }

    /// Generation of the handle.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// What the driver calls it.
    #[must_use]
    pub const fn context(&self) -> u64 {
        self.context
    }

    /// Free-running index of the next completion.
    #[must_use]
    pub const fn producer(&self) -> u32 {
        self.producer
    }

    /// Why it is in error, if it is.
    #[must_use]
    pub const fn error(&self) -> Option<CqErrorCause> {
        self.error
    }

    /// Registers a queue pair that uses it; once for each of its queues.
    pub fn attach(&mut self, qpn: u32) {
        let uses = self.users.entry(qpn).or_default();
        *uses = uses.saturating_add(1);
    }

    /// Ends one [`Cq::attach`].
    pub fn detach(&mut self, qpn: u32) {
        if let Some(uses) = self.users.get_mut(&qpn) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                self.users.remove(&qpn);
            }
        }
    }

    /// Queue pairs that use it.
    pub fn users(&self) -> impl Iterator<Item = u32> + '_ {
        self.users.keys().copied()
    }

    /// Whether a queue pair uses it.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.users.is_empty()
    }

    /// Whether a completion would find no room, by what the device knows of the consumer index.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.producer.wrapping_sub(self.consumer) >= self.ring.entries()
    }

    /// Writes a completion, with the owner bit filled in `[CQ-2]`. The caller has looked at the
    /// doorbell if the queue [`Cq::is_full`]. A queue in error takes nothing `[CQ-3]`.
    pub fn push(
        &mut self,
        dma: &DmaSpace,
        now: Nanos,
        mut completion: Completion,
    ) -> Result<(), CqFailed> {
        if let Some(cause) = self.error.filter(|_| !mutant("CQ-3/goes-on")) {
            return Err(CqFailed(cause));
        }
        if self.is_full() && !mutant("CQ-3/overwrite") {
            return Err(self.fail(CqErrorCause::OVERRUN));
        }
        completion.owner = self.ring.owner(self.producer) ^ u8::from(mutant("CONV-6/completion"));
        if self
            .ring
            .publish(dma, self.producer, completion.as_bytes())
            .is_err()
            && !mutant("CQ-4/goes-on")
        {
            // [CQ-4]
            return Err(self.fail(CqErrorCause::DMA));
        }
        let solicited = completion.status() != CompletionStatus::SUCCESS && !mutant("CQ-6/error")
            || completion.flags().receive() && completion.flags().solicited();
        if solicited {
            self.solicited.push_back(self.producer);
        }
        self.producer = self.producer.wrapping_add(1);
        if let Some(arm) = &mut self.arm {
            // [CQ-6]
            if arm.kind >= ArmType::ANY
                || arm.kind == ArmType::SOLICITED && (solicited || mutant("CQ-6/any"))
            {
                if arm.satisfied == 0 {
                    arm.since = now;
                }
                arm.satisfied = arm.satisfied.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Takes a store to the doorbell: consumer index, then arm `[DB-7]`, `[CQ-5]`, `[CQ-7]`.
    pub fn doorbell(&mut self, now: Nanos, value: u64) -> Result<(), CqFailed> {
        if self.error.is_none() {
            let consumer = ConsumerDoorbell(value).consumer();
            let advance = consumer.wrapping_sub(self.consumer);
            if advance > self.producer.wrapping_sub(self.consumer) && !mutant("DB-7/ahead") {
                return Err(self.fail(CqErrorCause::CONSUMER));
            }
            self.consumer = consumer;
            while let Some(&index) = self.solicited.front() {
                // Consumed when it lies in the part just left behind.
                if index.wrapping_sub(consumer) < self.producer.wrapping_sub(consumer) {
                    break;
                }
                self.solicited.pop_front();
            }
        }
        self.take_arm(now, ConsumerDoorbell(value));
        Ok(())
    }

    fn take_arm(&mut self, now: Nanos, store: ConsumerDoorbell) {
        let (kind, sequence) = (store.arm(), store.sequence());
        let seen = sequence == self.last_sequence && !mutant("CQ-5/seen");
        if kind == ArmType::NONE || seen {
            return;
        }
        self.last_sequence = sequence;
        let waiting = self.arm.map_or(ArmType::NONE, |arm| arm.kind);
        let kind = if mutant("CQ-5/merge") {
            kind
        } else {
            kind.max(waiting)
        };
        let present = match kind {
            _ if mutant("CQ-7/present") => 0,
            ArmType::ANY => self.producer.wrapping_sub(self.consumer),
            ArmType::SOLICITED => u32::try_from(self.solicited.len()).unwrap_or(u32::MAX),
            _ => 0,
        };
        // What satisfied the arm that is merged into this one still does.
        let before = self.arm.filter(|arm| arm.satisfied > 0);
        self.arm = Some(Arm {
            kind,
            sequence,
            satisfied: before.map_or(0, |arm| arm.satisfied).max(present),
            since: before.map_or(now, |arm| arm.since),
        });
    }

    /// Whether the queue has something to signal now, moderation considered `[CQ-10]`.
    #[must_use]
    pub fn ready(&self, now: Nanos) -> bool {
        let Some(arm) = self.arm else {
            return false;
        };
        if self.error.is_some() && !mutant("CQ-3/silent") {
            return true;
        }
        arm.satisfied > 0
            && (self.is_full() && !mutant("CQ-10/full")
                || mutant("CQ-10/at-once")
                || self.moderation.count.is_some_and(|n| arm.satisfied >= n)
                || self.due().is_some_and(|due| now >= due))
    }

    /// When the queue becomes ready by time alone.
    #[must_use]
    pub fn due(&self) -> Option<Nanos> {
        let arm = self.arm.filter(|arm| arm.satisfied > 0)?;
        Some(arm.since.after(self.moderation.interval?))
    }

    /// The event of the arm, which is satisfied; the queue is not armed any more `[CQ-8]`.
    pub fn take_event(&mut self, cqn: u32) -> Option<CqEvent> {
        let arm = if mutant("CQ-8/again") {
            self.arm
        } else {
            self.arm.take()
        }?;
        let mut event = CqEvent::zeroed();
        event.cqn.set(cqn);
        event.generation.set(self.generation);
        event.consumer.set(self.producer);
        event.arm_sequence = arm.sequence ^ u8::from(mutant("CQ-8/sequence"));
        event.set_kind(match self.error {
            Some(_) => CqEventKind::ERROR,
            None => CqEventKind::COMPLETION,
        });
        Some(event)
    }

    /// Sets moderation, for an arm that waits too `[CQ-10]`.
    pub fn moderate(&mut self, moderation: Moderation) {
        self.moderation = moderation;
    }

    /// Moves every unconsumed completion into `ring` `[CQ-11]`; the index of the next one. False
    /// as error: they do not fit; a DMA error leaves the queue as it was.
    pub fn resize(&mut self, dma: &DmaSpace, ring: Ring) -> Result<u32, ResizeError> {
        let count = self.producer.wrapping_sub(self.consumer);
        if count > ring.entries() && !mutant("CQ-11/fit") {
            return Err(ResizeError::TooSmall);
        }
        // The driver gives the ring zeroed, and in an odd pass zero means valid.
        if !mutant("CQ-11/zeroed") {
            ring.clear_owners(dma, self.consumer)
                .map_err(|_| ResizeError::Dma)?;
        }
        for n in 0..count {
            let index = self.consumer.wrapping_add(n);
            let mut entry = Completion::zeroed();
            self.ring
                .fetch(dma, index, entry.as_mut_bytes())
                .map_err(|_| ResizeError::Dma)?;
            if !mutant("CQ-11/owner") {
                entry.owner = ring.owner(index);
            }
            ring.publish(dma, index, entry.as_bytes())
                .map_err(|_| ResizeError::Dma)?;
        }
        self.ring = ring;
        Ok(self.producer)
    }

    /// Puts the queue in error.
    pub fn fail(&mut self, cause: CqErrorCause) -> CqFailed {
        self.error.get_or_insert(cause);
        CqFailed(cause)
    }
}

/// Why a queue was not resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeError {
    /// The unconsumed completions do not fit the new ring.
    TooSmall,
    /// One of the rings cannot be reached.
    Dma,
}

#[cfg(test)]
#[path = "cq_tests.rs"]
mod tests;
