//! One transmit queue: chains of the guest become frames of the port.

use rnic_abi::{CounterId, feature, limit};
use rnic_mutant::mutant;

use super::checksum;
use super::header::{self, Malformed, Offload};
use super::lso::{self, Plan};
use super::packet::ETHERNET_BYTES;
use super::virtqueue::{Chain, Shape, Stop, Virtqueue};
use crate::dma::{Access, DmaRange, DmaSpace};
use crate::env::{Budget, Env, Sent};
use crate::fault::{Fault, Site};
use crate::resources::Resources;

const FRAME_BYTES: usize = rnic_abi::size(limit::ETH_FRAME_BYTES);
/// Descriptors that are walked for one operation of the budget.
const DESCRIPTORS_AN_OP: usize = 16;

/// What a turn of a transmit queue ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing is left.
    Done,
    /// The budget, or the turn, is spent.
    Spent,
    /// The port has no room. The frame is kept.
    Blocked,
}

/// A transmit queue.
#[derive(Debug)]
pub(super) struct Transmit {
    ring: Virtqueue,
    ranges: Vec<DmaRange>,
    /// Header and frame of the chain that is being sent.
    buffer: Vec<u8>,
    segment: Vec<u8>,
    staged: Option<Staged>,
}

/// A chain of which not everything is sent.
#[derive(Clone, Copy, Debug)]
struct Staged {
    head: u16,
    plan: Option<Plan>,
    /// Next segment to send.
    next: usize,
}

impl Transmit {
    pub(super) const fn new(ring: Virtqueue) -> Self {
        Self {
            ring,
            ranges: Vec::new(),
            buffer: Vec::new(),
            segment: Vec::new(),
            staged: None,
        }
    }

    pub(super) const fn ring(&mut self) -> &mut Virtqueue {
        &mut self.ring
    }

    /// Whether there is something to send.
    pub(super) fn is_ready(&self) -> bool {
        self.staged.is_some() && !self.ring.is_stopped() || self.ring.has_chains()
    }

    /// Sends up to `frames` frames; the number of chains given back is added to `returned`.
    pub(super) fn turn(
        &mut self,
        env: &mut dyn Env,
        resources: &mut Resources,
        budget: &mut Budget,
        frames: u32,
        returned: &mut u32,
    ) -> Result<Turn, Stop> {
        for _ in 0..frames {
            let staged = match self.staged {
                Some(staged) => staged,
                None => {
                    if !self.ring.has_chains() {
                        return Ok(Turn::Done);
                    }
                    if budget.is_spent() {
                        return Ok(Turn::Spent);
                    }
                    match self.stage(env, resources, budget, returned)? {
                        Some(staged) => staged,
                        None => continue,
                    }
                }
            };
            if !budget.take_op() {
                return Ok(Turn::Spent);
            }
            if self.send(env, resources, staged, budget) == Sent::Full {
                return Ok(Turn::Blocked);
            }
            let next = staged.next + 1;
            if next < staged.plan.map_or(1, |plan| plan.segments()) {
                self.staged = Some(Staged { next, ..staged });
                continue;
            }
            self.staged = None;
            self.ring.give_back(&resources.dma, staged.head, 0)?;
            *returned += 1;
        }
        Ok(if self.is_ready() {
            Turn::Spent
        } else {
            Turn::Done
        })
    }

    /// Takes the next chain and makes it ready to send. One that is malformed is counted and
    /// given back `[ETH-3]`.
    fn stage(
        &mut self,
        env: &mut dyn Env,
        resources: &mut Resources,
        budget: &mut Budget,
        returned: &mut u32,
    ) -> Result<Option<Staged>, Stop> {
        let chain = self
            .ring
            .pop(&resources.dma, Access::Read, &mut self.ranges)?;
        let Some(chain) = chain else {
            return Ok(None);
        };
        for _ in 0..self.ranges.len() / DESCRIPTORS_AN_OP {
            if !budget.take_op() {
                break;
            }
        }
        let made = if env.fault(Site::Dma) == Some(Fault::Fail) {
            resources.counters.count(CounterId::FAULTS_INJECTED);
            Err(Malformed::Unreachable)
        } else {
            self.copy(&resources.dma, chain)
                .and_then(|()| self.offload(resources.has(feature::ETH_LSO)))
        };
        match made {
            Ok(plan) => {
                let staged = Staged {
                    head: chain.head,
                    plan,
                    next: 0,
                };
                self.staged = Some(staged);
                Ok(Some(staged))
            }
            Err(malformed) => {
                log::debug!("transmit chain {} dropped: {malformed}", chain.head);
                resources.counters.count(CounterId::ETH_DROPPED_MALFORMED);
                if malformed == Malformed::Unreachable {
                    resources.counters.count(CounterId::DMA_ERRORS);
                }
                // Work that led to nothing is work.
                let _ = budget.take_op();
                self.ring.give_back(&resources.dma, chain.head, 0)?;
                *returned += 1;
                if malformed == Malformed::Chain && !mutant("ETH-3/goes-on") {
                    // A driver that links its table wrongly will not get better.
                    return Err(Stop::Head(chain.head));
                }
                Ok(None)
            }
        }
    }

    /// Copies header and frame of a chain, once.
    fn copy(&mut self, dma: &DmaSpace, chain: Chain) -> Result<(), Malformed> {
        let bytes = match chain.shape {
            Shape::Good(bytes) => bytes,
            Shape::Mixed => return Err(Malformed::Direction),
            Shape::Broken => return Err(Malformed::Chain),
        };
        let len = usize::try_from(bytes).map_err(|_| Malformed::Long(bytes))?;
        if len < header::BYTES + ETHERNET_BYTES {
            return Err(Malformed::Short(bytes));
        }
        if len > header::BYTES + lso::MAX_BYTES {
            return Err(Malformed::Long(bytes));
        }
        self.buffer.clear();
        self.buffer.resize(len, 0);
        let mut rest = self.buffer.as_mut_slice();
        for range in &self.ranges {
            let len = usize::try_from(range.len).unwrap_or(usize::MAX);
            let (to, later) = rest.split_at_mut(len.min(rest.len()));
            dma.read(range.iova, to)
                .map_err(|_| Malformed::Unreachable)?;
            rest = later;
        }
        Ok(())
    }

    /// Does what the header asks for, segmentation apart, for which it makes the plan.
    fn offload(&mut self, lso: bool) -> Result<Option<Plan>, Malformed> {
        let bytes = self.buffer.len() as u64;
        let (raw, frame) = self
            .buffer
            .split_first_chunk_mut::<{ header::BYTES }>()
            .ok_or(Malformed::Short(bytes))?;
        let offload = Offload::parse(*raw, lso)?;
        if let Some(gso) = offload.gso {
            return Plan::new(frame, gso, &offload).map(Some);
        }
        if frame.len() > FRAME_BYTES && !mutant("ETH-3/long") {
            return Err(Malformed::Long(bytes));
        }
        if let Some(partial) = offload.checksum.filter(|_| !mutant("ETH-3/checksum")) {
            checksum::fill(frame, partial)?;
        }
        Ok(None)
    }

    /// Gives the next frame of the staged chain to the port, tag and all `[ETH-9]`, and counts it
    /// `[ETH-11]`.
    fn send(
        &mut self,
        env: &mut dyn Env,
        resources: &mut Resources,
        staged: Staged,
        budget: &mut Budget,
    ) -> Sent {
        let frame = self.buffer.get(header::BYTES..).unwrap_or_default();
        let frame = match staged.plan {
            None => frame,
            Some(plan) => {
                plan.segment(frame, staged.next, &mut self.segment);
                &self.segment
            }
        };
        let sent = env.transmit(frame);
        if sent == Sent::Ok {
            let octets = frame.len() as u64;
            budget.take_bytes(octets);
            resources.counters.count(CounterId::ETH_FRAMES_OUT);
            resources.counters.add(CounterId::ETH_OCTETS_OUT, octets);
        }
        sent
    }
}

#[cfg(test)]
#[path = "transmit_tests.rs"]
mod tests;
