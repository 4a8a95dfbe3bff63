//! The command ring: a split virtqueue (VIRTIO 1.2, 2.7) of requests and answers.
//!
//! `virtio-queue` moves the indices of the available and the used ring. Chains are walked here,
//! because this interface knows no indirect descriptors and stops the ring at one `[CMD-4]`.
//! A request is copied once, at most [`MAX_REQUEST`] bytes of it; its answer goes to addresses
//! that were taken with it, whenever it is ready `[CMD-7]`.
//!
//! Tests: `command_ring_tests.rs`.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use rnic_abi::{AnswerHeader, COMMANDS, FailureCode, limit, reg};
use rnic_mutant::mutant;
use virtio_bindings::virtio_ring::{
    VRING_AVAIL_F_NO_INTERRUPT, VRING_DESC_F_INDIRECT, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE,
};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::GuestAddress;

use crate::dma::{Access, DmaError, DmaRange, DmaSpace};
use crate::object::narrow;

/// Longest request of any command, in bytes: what is copied of a readable part.
pub const MAX_REQUEST: usize = {
    let mut longest = 0;
    let mut n = 0;
    while n < COMMANDS.len() {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        let size = COMMANDS[n].request_size;
        if size > longest {
            longest = size;
        }
        n += 1;
    }
    longest
};

const DESCRIPTOR_BYTES: u64 = 16;

/// Why the ring stopped, as FAILURE and FAILURE_INFO tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command ring stopped: {code} ({info:#x})")]
pub struct RingFailure {
    /// FAILURE.code.
    pub code: FailureCode,
    /// FAILURE_INFO.info.
    pub info: u64,
}

impl RingFailure {
    const fn chain(head: u16) -> Self {
        Self {
            code: FailureCode::COMMAND_RING_CHAIN,
            info: head as u64,
        }
    }

    const fn dma(address: u64) -> Self {
        Self {
            code: FailureCode::COMMAND_RING_DMA,
            info: address,
        }
    }

    const fn setup(register: u64) -> Self {
        Self {
            code: FailureCode::COMMAND_RING_SETUP,
            info: register,
        }
    }
}

/// Set-up of the ring, as the registers hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSetup {
    /// Descriptors.
    pub size: u16,
    /// Descriptor table.
    pub descriptors: u64,
    /// Available ring.
    pub available: u64,
    /// Used ring.
    pub used: u64,
}

/// Where the answer of one command goes. Made by [`CommandRing::pop`], spent by
/// [`CommandRing::complete`].
#[derive(Debug)]
pub struct Token {
    enabled: u64,
    head: u16,
    answer: Vec<DmaRange>,
}

/// A command taken from the ring.
#[derive(Debug)]
pub struct Command {
    /// Where its answer goes.
    pub token: Token,
    /// Its request, cut to [`MAX_REQUEST`].
    pub request: Vec<u8>,
    /// Bytes that the answer may have.
    pub room: u64,
}

/// The command ring, enabled.
#[derive(Debug)]
pub struct CommandRing {
    queue: Queue,
    setup: RingSetup,
    /// Which enabling this is: tokens of an earlier one are dropped `[CMD-8]`.
    enabled: u64,
    outstanding: u16,
}

impl CommandRing {
    /// Checks the set-up and starts at index zero `[CMD-2]`. `enabled` numbers the enablings.
    pub fn enable(setup: RingSetup, enabled: u64) -> Result<Self, RingFailure> {
        let max = 1u16 << const { narrow(limit::COMMAND_RING_LOG) };
        let least = 2 - u16::from(mutant("CMD-2/one"));
        let sized = setup.size >= least && setup.size <= max && setup.size.is_power_of_two();
        let mut queue = Queue::new(max).map_err(|_| RingFailure::setup(reg::CMD_SIZE))?;
        if !sized || queue.try_set_size(setup.size).is_err() {
            return Err(RingFailure::setup(reg::CMD_SIZE));
        }
        queue
            .try_set_desc_table_address(GuestAddress(setup.descriptors))
            .map_err(|_| RingFailure::setup(reg::CMD_DESC))?;
        queue
            .try_set_avail_ring_address(GuestAddress(setup.available))
            .map_err(|_| RingFailure::setup(reg::CMD_AVAIL))?;
        queue
            .try_set_used_ring_address(GuestAddress(setup.used))
            .map_err(|_| RingFailure::setup(reg::CMD_USED))?;
        queue.set_ready(true);
        Ok(Self {
            queue,
            setup,
            enabled,
            outstanding: 0,
        })
    }

    /// Takes the next command, if there is one.
    pub fn pop(&mut self, dma: &Arc<DmaSpace>) -> Result<Option<Command>, RingFailure> {
        self.reachable(dma)?;
        let Some(head) = self.next_head(dma)? else {
            return Ok(None);
        };
        if self.outstanding >= self.setup.size {
            // The driver gave a descriptor out that it gave out before.
            return Err(RingFailure::chain(head));
        }
        let (readable, writable) = self.walk(dma, head)?;
        let room = writable.iter().fold(0u64, |sum, range| sum + range.len);
        if room < AnswerHeader::SIZE as u64 && !mutant("CMD-4/room") {
            return Err(RingFailure::chain(head));
        }
        let mut request = Vec::with_capacity(MAX_REQUEST);
        for range in readable {
            let left = MAX_REQUEST - request.len();
            let len = usize::try_from(range.len).unwrap_or(usize::MAX).min(left);
            let at = request.len();
            request.resize(at + len, 0);
            if let Some(to) = request.get_mut(at..) {
                dma.read(range.iova, to)
                    .map_err(|_| RingFailure::dma(range.iova))?;
            }
        }
        self.outstanding += 1;
        Ok(Some(Command {
            token: Token {
                enabled: self.enabled,
                head,
                answer: writable,
            },
            request,
            room,
        }))
    }

    /// Writes an answer and its used entry `[CMD-6]`; whether the driver wants an interrupt. The
    /// answer is not longer than the command's room. A token of an earlier enabling does nothing.
    pub fn complete(
        &mut self,
        dma: &DmaSpace,
        token: Token,
        answer: &[u8],
    ) -> Result<bool, RingFailure> {
        if token.enabled != self.enabled && !mutant("CMD-8/late") {
            return Ok(false);
        }
        self.outstanding = self.outstanding.saturating_sub(1);
        let mut rest = answer;
        for range in &token.answer {
            let len = usize::try_from(range.len).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(len.min(rest.len()));
            dma.write(range.iova, now)
                .map_err(|_| RingFailure::dma(range.iova))?;
            rest = later;
        }
        debug_assert!(rest.is_empty(), "an answer longer than its room");
        let length = u32::try_from(answer.len() - rest.len()).unwrap_or(u32::MAX);
        self.queue
            .add_used(dma, token.head, length + u32::from(mutant("CMD-6/length")))
            .map_err(|_| RingFailure::dma(self.setup.used))?;
        healthy(dma)?;
        // The used index must be visible before the flag is read: a driver that clears the flag
        // and then looks at the index must not miss both (VIRTIO 1.2, 2.7.7.1).
        fence(Ordering::SeqCst);
        let flags = dma
            .read_array::<2>(self.setup.available)
            .map_err(|_| RingFailure::dma(self.setup.available))?;
        let suppressed = u32::from(u16::from_le_bytes(flags)) & VRING_AVAIL_F_NO_INTERRUPT != 0;
        Ok(!suppressed || mutant("CMD-6/flag"))
    }

    /// Commands taken and not answered.
    #[must_use]
    pub const fn outstanding(&self) -> u16 {
        self.outstanding
    }

    fn reachable(&self, dma: &DmaSpace) -> Result<(), RingFailure> {
        let size = u64::from(self.setup.size);
        let parts = [
            (
                self.setup.descriptors,
                size * DESCRIPTOR_BYTES,
                Access::Read,
            ),
            (self.setup.available, 4 + size * 2, Access::Read),
            (self.setup.used, 4 + size * 8, Access::Write),
        ];
        for (address, len, access) in parts {
            dma.validate(address, len, access)
                .map_err(|error| RingFailure::dma(failed_address(error).unwrap_or(address)))?;
        }
        Ok(())
    }

    fn next_head(&mut self, dma: &Arc<DmaSpace>) -> Result<Option<u16>, RingFailure> {
        let available = self.setup.available;
        let next = self.queue.next_avail();
        let popped = match self.queue.iter(Arc::clone(dma)) {
            Ok(mut chains) => chains.next().map(|chain| chain.head_index()),
            // More chains than the ring has descriptors, or an address that it cannot use.
            Err(virtio_queue::Error::InvalidAvailRingIndex) => {
                return Err(RingFailure::chain(next));
            }
            Err(_) => return Err(RingFailure::dma(available)),
        };
        healthy(dma)?;
        Ok(popped)
    }

    /// The readable and the writable ranges of a chain `[CMD-4]`.
    fn walk(
        &self,
        dma: &DmaSpace,
        head: u16,
    ) -> Result<(Vec<DmaRange>, Vec<DmaRange>), RingFailure> {
        let malformed = RingFailure::chain(head);
        let (mut readable, mut writable) = (Vec::new(), Vec::new());
        let mut next = head;
        for _ in 0..self.setup.size {
            if next >= self.setup.size {
                return Err(malformed);
            }
            let address = self.setup.descriptors + u64::from(next) * DESCRIPTOR_BYTES;
            let raw = dma
                .read_array::<16>(address)
                .map_err(|_| RingFailure::dma(address))?;
            let word = u128::from_le_bytes(raw);
            #[allow(clippy::cast_possible_truncation, reason = "fields of the word")]
            let (iova, len, flags, link) = (
                word as u64,
                (word >> 64) as u32,
                u32::from((word >> 96) as u16),
                (word >> 112) as u16,
            );
            let range = DmaRange {
                iova,
                len: u64::from(len),
            };
            if flags & VRING_DESC_F_INDIRECT != 0 && !mutant("CMD-4/indirect") {
                return Err(malformed);
            }
            if flags & VRING_DESC_F_WRITE != 0 {
                writable.push(range);
            } else if writable.is_empty() || mutant("CMD-4/order") {
                readable.push(range);
            } else {
                return Err(malformed);
            }
            if flags & VRING_DESC_F_NEXT == 0 {
                return Ok((readable, writable));
            }
            next = link;
        }
        Err(malformed)
    }
}

/// What `virtio-queue` read or wrote is only good when the host had the memory.
fn healthy(dma: &DmaSpace) -> Result<(), RingFailure> {
    dma.health()
        .map_err(|error| RingFailure::dma(failed_address(error).unwrap_or(0)))
}

const fn failed_address(error: DmaError) -> Option<u64> {
    match error {
        DmaError::Unmapped { iova }
        | DmaError::ReadOnly { iova }
        | DmaError::WriteOnly { iova }
        | DmaError::HostFault { iova }
        | DmaError::Misaligned { iova, .. }
        | DmaError::Wrapped { iova, .. } => Some(iova),
        DmaError::BusMasterDisabled => None,
    }
}

#[cfg(test)]
#[path = "command_ring_tests.rs"]
mod tests;
