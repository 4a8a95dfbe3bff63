//! Completion queue: the device produces, the driver consumes.
//!
//! ```text
//!        consumer                         producer (the device's)
//! -------|--------------------------------|------------> free-running, modulo 2^32
//!  free  | owner bit of this pass         | owner bit of the pass before, or zero
//! ```
//! The slot holds the consumer index, what the queue is armed for, and the arm's sequence number.

use rnic_abi::{
    ArmType, Completion, CompletionFlags, CompletionStatus, ConsumerDoorbell, ProviderError,
    WorkOpcode,
};
use rnic_platform::Platform;
use zerocopy::IntoBytes;

use crate::ring::RingMemory;
use crate::{Bell, Cqn, Error, Key, Nic, Violation};

/// A work completion, taken out of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wc {
    /// Of the work request.
    pub context: u64,
    /// Local queue pair, as the device says.
    pub qpn: u32,
    /// Result.
    pub status: CompletionStatus,
    /// The check that failed.
    pub error: ProviderError,
    /// Operation, of the sender for a receive.
    pub opcode: WorkOpcode,
    /// Kind.
    pub flags: CompletionFlags,
    /// Bytes received or read.
    pub byte_count: u32,
    /// Free-running count of retired entries of that queue, this one included.
    pub retired: u32,
    /// Free-running index of the entry in its queue.
    pub index: u32,
    /// Slot of the shared receive queue.
    pub srq_slot: u32,
    /// Sender (UD).
    pub source_qpn: u32,
    /// Device clock, with TIMESTAMPS.
    pub timestamp: u64,
    immediate: [u8; 4],
}

impl Wc {
    /// Whether the request succeeded.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == CompletionStatus::SUCCESS
    }

    /// Whether it is of a receive.
    #[must_use]
    pub fn is_receive(&self) -> bool {
        self.flags.receive()
    }

    /// Immediate data in wire order, if there is any.
    #[must_use]
    pub fn immediate(&self) -> Option<[u8; 4]> {
        self.flags.immediate().then_some(self.immediate)
    }

    /// The key that the peer invalidated, if it did.
    #[must_use]
    pub fn invalidated(&self) -> Option<Key> {
        self.flags
            .invalidated()
            .then(|| Key(u32::from_le_bytes(self.immediate)))
    }

    fn from_entry(entry: &Completion) -> Self {
        Self {
            context: entry.context.get(),
            qpn: entry.qpn.get(),
            status: entry.status(),
            error: entry.syndrome(),
            opcode: entry.opcode(),
            flags: entry.flags(),
            byte_count: entry.byte_count.get(),
            retired: entry.retired.get(),
            index: entry.index.get(),
            srq_slot: entry.srq_slot.get(),
            source_qpn: entry.source_qpn.get(),
            timestamp: entry.timestamp.get(),
            immediate: entry.immediate.to_bytes(),
        }
    }
}

/// A completion queue. Owned; no lock.
pub struct Cq<P: Platform> {
    pub(crate) cqn: Cqn,
    pub(crate) generation: u32,
    pub(crate) ring: RingMemory<P::Dma>,
    pub(crate) bell: Bell<P::Doorbell>,
    pub(crate) consumer: u32,
    pub(crate) published: u32,
    pub(crate) armed: ArmType,
    pub(crate) sequence: u8,
}

/// The new ring of a resize, on its way to [`Cq::switch`].
pub struct CqRing<P: Platform> {
    pub(crate) cqn: Cqn,
    pub(crate) ring: RingMemory<P::Dma>,
    pub(crate) switch_index: u32,
}

impl<P: Platform> Cq<P> {
    /// Handle.
    pub fn cqn(&self) -> Cqn {
        self.cqn
    }

    /// Generation of the handle; events of an older one are about another queue.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Entries of the ring.
    pub fn entries(&self) -> u32 {
        self.ring.entries()
    }

    /// Free-running count of entries consumed.
    pub fn consumer(&self) -> u32 {
        self.consumer
    }

    /// Entries consumed since the device was last told: to it they are not free yet.
    pub fn unpublished(&self) -> u32 {
        self.consumer.wrapping_sub(self.published)
    }

    /// Takes the next completion. The consumer index is published when half of the ring was consumed since it was last,
    /// and with every arm. Who lets more requests be under way than half of the ring calls [`Cq::publish`] before more are
    /// posted, or the device finds the queue full [CQ-3]. [CONV-6] [CONV-7]
    pub fn poll(&mut self, nic: &Nic<P>) -> Result<Option<Wc>, Error> {
        let owner = self.ring.owner(self.consumer);
        if owner > 1 {
            return Err(Violation::Owner.into());
        }
        if owner != self.ring.owner_of_pass(self.consumer) {
            return Ok(None);
        }
        let mut entry = Completion::zeroed();
        self.ring.read(self.consumer, entry.as_mut_bytes());
        self.consumer = self.consumer.wrapping_add(1);
        if self.unpublished() >= self.entries() / 2 {
            self.publish(nic);
        }
        Ok(Some(Wc::from_entry(&entry)))
    }

    /// A signal that the device owes, if it does: the queue is armed for any completion and has one. Gives the consumer index
    /// and the arm's sequence number, which tell one such state from another. Consumes nothing. [CQ-7] [CQ-8]
    pub fn owes_signal(&self) -> Option<(u32, u8)> {
        let has_one = self.ring.owner(self.consumer) == self.ring.owner_of_pass(self.consumer);
        (has_one && self.armed == ArmType::ANY).then_some((self.consumer, self.sequence))
    }

    /// Tells the device how far completions were consumed.
    pub fn publish(&mut self, nic: &Nic<P>) {
        self.published = self.consumer;
        let value = ConsumerDoorbell(0)
            .with_consumer(self.consumer)
            .with_arm(self.armed)
            .with_sequence(self.sequence);
        nic.ring(&self.bell, value.0);
    }

    /// Arms the queue; an arm that is not satisfied yet is merged with the new one, the larger wins: any, then
    /// solicited, then errors. The device signals at once if an entry not yet consumed matches.
    pub fn arm(&mut self, nic: &Nic<P>, kind: ArmType) {
        if kind == ArmType::NONE {
            return;
        }
        self.armed = self.armed.max(kind);
        self.sequence = (self.sequence + 1) % 64;
        self.publish(nic);
    }

    /// Takes note of a signal; true if it satisfies the arm that is in force, false if it belongs to an older arm or an
    /// older queue of the same number.
    pub fn take_signal(&mut self, signal: &crate::CqSignal) -> bool {
        if signal.cqn != self.cqn.get() || signal.generation != self.generation {
            return false;
        }
        if signal.arm_sequence != self.sequence {
            return false;
        }
        self.armed = ArmType::NONE;
        true
    }

    /// Goes over to the new ring after RESIZE_CQ was answered. Every entry that the device held unconsumed lies in the
    /// new ring at its free-running index, so polling goes on where it was. [CQ-11]
    pub fn switch(&mut self, new: CqRing<P>) -> Result<(), Violation> {
        if new.cqn != self.cqn {
            return Err(Violation::Handle);
        }
        // From the switch index on completions were written to the new ring alone, so we cannot have consumed past it.
        if new.switch_index.wrapping_sub(self.consumer) > new.ring.entries() {
            return Err(Violation::SwitchIndex);
        }
        self.ring = new.ring;
        Ok(())
    }
}
