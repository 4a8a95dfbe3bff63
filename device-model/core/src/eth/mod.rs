//! The Ethernet lane: the guest's ordinary traffic over virtqueues.
//!
//! [`Lane`] has up to 16 queues of each direction. Transmit queues with work take turns; a frame
//! that the port has no room for is kept, and its queue tries again on a later run. A received
//! frame passes the filter, chooses its queue, and is placed at once or dropped.
//!
//! Which frames are the lane's is decided before: RoCEv2 for this device's queue pairs and what
//! the firmware answers never come here `[ETH-8]`. Nothing here looks at what the guest sends:
//! its frames go to the port and nowhere else, whatever they claim to be.
//!
//! Tests: `lane_tests.rs`, and beside each part.

mod checksum;
mod filter;
mod header;
mod lso;
mod packet;
mod receive;
mod rss;
#[cfg(test)]
mod testing;
mod transmit;
mod virtqueue;

use rnic_abi::{CounterId, EthDirection, limit};
use rnic_mutant::mutant;
use rnic_wire::MacAddr;

pub use filter::RxFilter;
pub use rss::{KEY_BYTES, Rss, TABLE_ENTRIES};
pub use virtqueue::{MAX_SIZE, Setup, SetupError, Virtqueue};

use crate::env::{Budget, Env, Nanos, Progress};
use crate::resources::Resources;
use filter::Kind;
use packet::ETHERNET_BYTES;
use receive::{Placed, Receive};
use transmit::{Transmit, Turn};
use virtqueue::Stop;

/// Queues of each direction.
#[allow(clippy::cast_possible_truncation, reason = "asserted")]
pub const QUEUES: u16 = {
    assert!(
        limit::ETH_QUEUES <= 16,
        "Lane::ready has a bit for each queue"
    );
    limit::ETH_QUEUES as u16
};
/// Longest frame that SET_ETH_OFFLOADS can ask for.
#[allow(clippy::cast_possible_truncation, reason = "asserted")]
pub const MAX_FRAME: u32 = {
    assert!(limit::ETH_FRAME_BYTES <= u32::MAX as u64);
    limit::ETH_FRAME_BYTES as u32
};
/// Longest frame after a reset `[ETH-5]`.
const INITIAL_MAX_FRAME: u32 = 1518;
/// Frames that a transmit queue sends before the next one has its turn.
const FRAMES_A_TURN: u32 = 32;
/// When to try again after the port had no room, if nothing else happens before.
const RETRY_NS: u64 = 100_000;

/// A queue of either direction.
#[derive(Debug)]
struct Queue<T> {
    work: T,
    vector: u16,
    slot: u32,
}

/// The lane.
#[derive(Debug)]
pub struct Lane {
    receive: Vec<Option<Queue<Receive>>>,
    transmit: Vec<Option<Queue<Transmit>>>,
    filter: RxFilter,
    rss: Rss,
    max_frame: u32,
    /// Received frames are verified.
    verify: bool,
    /// Transmit queues that may have work, a bit each.
    ready: u16,
    /// The queue whose turn is next.
    turn: u16,
    /// The port had no room; when to look again.
    retry: Option<Nanos>,
    /// Doorbell stores that were no good and were not reported.
    mistakes: u32,
}

impl Default for Lane {
    fn default() -> Self {
        Self::new()
    }
}

impl Lane {
    /// No queue; no frame is received `[ETH-6]`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            receive: (0..QUEUES).map(|_| None).collect(),
            transmit: (0..QUEUES).map(|_| None).collect(),
            filter: RxFilter::none(),
            rss: Rss::default(),
            max_frame: INITIAL_MAX_FRAME,
            verify: false,
            ready: 0,
            turn: 0,
            retry: None,
            mistakes: 0,
        }
    }

    /// Forgets everything `[RESET-1]`. Frames not sent are not sent.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Whether a queue exists.
    #[must_use]
    pub fn has_queue(&self, direction: EthDirection, index: u16) -> bool {
        let index = usize::from(index);
        match direction {
            EthDirection::RECEIVE => self.receive.get(index).is_some_and(Option::is_some),
            EthDirection::TRANSMIT => self.transmit.get(index).is_some_and(Option::is_some),
            _ => false,
        }
    }

    /// Starts a queue `[ETH-1]`; false when there is none of this direction and index, or it
    /// exists. The caller has claimed `slot` for it.
    pub fn create(
        &mut self,
        direction: EthDirection,
        index: u16,
        ring: Virtqueue,
        vector: u16,
        slot: u32,
    ) -> bool {
        if self.has_queue(direction, index) {
            return false;
        }
        match direction {
            EthDirection::RECEIVE => {
                let work = Receive::new(ring);
                let queue = Queue { work, vector, slot };
                put(&mut self.receive, index, queue)
            }
            EthDirection::TRANSMIT => {
                let work = Transmit::new(ring);
                let queue = Queue { work, vector, slot };
                put(&mut self.transmit, index, queue)
            }
            _ => false,
        }
    }

    /// Stops a queue; its slot, or none when it does not exist. No buffer of it is in use when
    /// this returns, and none is given back `[ETH-2]`.
    pub fn destroy(&mut self, direction: EthDirection, index: u16) -> Option<u32> {
        let place = usize::from(index);
        match direction {
            EthDirection::RECEIVE => {
                let queue = self.receive.get_mut(place)?.take()?;
                Some(queue.slot)
            }
            EthDirection::TRANSMIT => {
                let queue = self.transmit.get_mut(place)?.take()?;
                self.ready &= !bit(index);
                Some(queue.slot)
            }
            _ => None,
        }
    }

    /// Takes a receive filter `[ETH-6]`.
    pub fn set_filter(&mut self, filter: RxFilter) {
        self.filter = filter;
    }

    /// Takes receive side scaling `[ETH-7]`.
    pub fn set_rss(&mut self, rss: Rss) {
        self.rss = rss;
    }

    /// Whether received frames are verified, and how long they may be `[ETH-5]`.
    pub fn set_offloads(&mut self, verify: bool, max_frame: u32) {
        self.verify = verify;
        self.max_frame = max_frame;
    }

    /// Takes a store to the doorbell of a queue.
    pub fn rung(
        &mut self,
        resources: &mut Resources,
        direction: EthDirection,
        index: u16,
        value: u64,
    ) {
        let place = usize::from(index);
        let ring = match direction {
            EthDirection::TRANSMIT => {
                self.ready |= bit(index);
                let queue = self.transmit.get_mut(place).and_then(Option::as_mut);
                queue.map(|queue| queue.work.ring())
            }
            _ => {
                let queue = self.receive.get_mut(place).and_then(Option::as_mut);
                queue.map(|queue| queue.work.ring())
            }
        };
        let Some(ring) = ring.filter(|ring| !ring.is_stopped()) else {
            return;
        };
        if let Err(stop) = ring.doorbell(value) {
            stopped(ring, resources, &mut self.mistakes, stop);
        }
    }

    /// Takes a frame from the port, without frame check sequence.
    pub fn receive(&mut self, env: &mut dyn Env, resources: &mut Resources, frame: &[u8]) {
        let Some(destination) = frame.first_chunk() else {
            return;
        };
        let destination = MacAddr(*destination);
        let long = usize::try_from(self.max_frame).is_ok_and(|max| frame.len() > max);
        if frame.len() < ETHERNET_BYTES
            || long && !mutant("ETH-5/long")
            || !self.filter.takes(destination) && !mutant("ETH-6/filter")
        {
            return;
        }
        let verified = self.verify && (checksum::is_verified(frame) || mutant("ETH-5/unverified"));
        let chosen = usize::from(self.rss.queue(frame));
        let exists = self.receive.get(chosen).is_some_and(Option::is_some);
        let queue = self.receive.get_mut(if exists || mutant("ETH-7/lost") {
            chosen
        } else {
            0
        });
        // [BRING-3] Without bus mastering there is no buffer.
        let queue = queue
            .and_then(Option::as_mut)
            .filter(|_| resources.dma.bus_master());
        let Some(queue) = queue else {
            resources.counters.count(CounterId::ETH_DROPPED_NO_BUFFER);
            return;
        };
        let ring = queue.work.ring();
        let mut known = Ok(());
        if !ring.has_chains() && !ring.is_stopped() {
            // The driver may have posted without our having looked.
            known = ring.doorbell(resources.doorbells.load(env, queue.slot));
        }
        let placed = known.and_then(|()| queue.work.place(resources, frame, verified));
        let counters = &mut resources.counters;
        match placed {
            Ok(Placed::Yes) => {
                // [ETH-11]
                counters.count(CounterId::ETH_FRAMES_IN);
                counters.add(CounterId::ETH_OCTETS_IN, frame.len() as u64);
                match Kind::of(destination) {
                    Kind::Unicast => (),
                    Kind::Multicast if mutant("ETH-11/multicast") => (),
                    Kind::Multicast => counters.count(CounterId::ETH_MULTICAST_IN),
                    Kind::Broadcast => counters.count(CounterId::ETH_BROADCAST_IN),
                }
            }
            Ok(Placed::Refused) if mutant("ETH-4/uncounted") => (),
            Ok(Placed::Refused) => counters.count(CounterId::ETH_DROPPED_NO_BUFFER),
            Ok(Placed::NoBuffer) => {
                counters.count(CounterId::ETH_DROPPED_NO_BUFFER);
                return;
            }
            Err(stop) => {
                counters.count(CounterId::ETH_DROPPED_NO_BUFFER);
                stopped(queue.work.ring(), resources, &mut self.mistakes, stop);
                // A chain that is broken was given back before the queue stopped.
                if !matches!(stop, Stop::Head(_)) {
                    return;
                }
            }
        }
        self.mistakes += interrupt(env, resources, queue.work.ring(), queue.vector);
    }

    /// Sends what there is to send, a bounded part of it; busy when there is more that could be
    /// sent at once.
    pub fn run(
        &mut self,
        env: &mut dyn Env,
        resources: &mut Resources,
        budget: &mut Budget,
    ) -> Progress {
        // [BRING-3] What was posted stays, and is found when DMA is possible again.
        if self.ready == 0 || !resources.dma.bus_master() {
            return Progress::Idle;
        }
        self.retry = None;
        let mut blocked = 0;
        while self.ready & !blocked != 0 {
            let index = self.turn;
            self.turn = (index + 1) % QUEUES;
            if self.ready & !blocked & bit(index) == 0 {
                continue;
            }
            if budget.is_spent() {
                self.turn = index;
                return Progress::Busy;
            }
            match self.serve(env, resources, budget, index) {
                Turn::Done => self.ready &= !bit(index),
                Turn::Blocked => blocked |= bit(index),
                Turn::Spent => (),
            }
        }
        if blocked != 0 {
            self.retry = Some(env.now().after(RETRY_NS));
        }
        Progress::Idle
    }

    /// One turn of a transmit queue.
    fn serve(
        &mut self,
        env: &mut dyn Env,
        resources: &mut Resources,
        budget: &mut Budget,
        index: u16,
    ) -> Turn {
        let queue = self.transmit.get_mut(usize::from(index));
        let Some(queue) = queue.and_then(Option::as_mut) else {
            return Turn::Done;
        };
        let mut returned = 0;
        let ended = queue
            .work
            .turn(env, resources, budget, FRAMES_A_TURN, &mut returned);
        let turn = ended.unwrap_or_else(|stop| {
            stopped(queue.work.ring(), resources, &mut self.mistakes, stop);
            Turn::Done
        });
        if returned > 0 {
            self.mistakes += interrupt(env, resources, queue.work.ring(), queue.vector);
        }
        turn
    }

    /// When to run although nothing happened: the port had no room.
    #[must_use]
    pub const fn next_timer(&self) -> Option<Nanos> {
        self.retry
    }

    /// Whether a run would find work that does not wait for the port.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.ready != 0 && self.retry.is_none()
    }

    /// Doorbell stores since the last call that did not agree with their ring, to be counted.
    pub fn take_mistakes(&mut self) -> u32 {
        std::mem::take(&mut self.mistakes)
    }
}

const fn bit(index: u16) -> u16 {
    1u16.unbounded_shl(index as u32)
}

fn put<T>(queues: &mut [Option<T>], index: u16, queue: T) -> bool {
    match queues.get_mut(usize::from(index)) {
        Some(place) => {
            *place = Some(queue);
            true
        }
        None => false,
    }
}

/// Stops a queue `[DB-6]`, and counts why.
fn stopped(ring: &mut Virtqueue, resources: &mut Resources, mistakes: &mut u32, stop: Stop) {
    log::debug!("an Ethernet queue stopped: {stop}; it must be destroyed and created again");
    ring.stop();
    match stop {
        Stop::Dma(_) => resources.counters.count(CounterId::DMA_ERRORS),
        Stop::Index => *mistakes += 1,
        Stop::Head(_) => (),
    }
}

/// Raises the vector of a queue that gave buffers back `[ETH-10]`; mistakes to add.
fn interrupt(
    env: &mut dyn Env,
    resources: &mut Resources,
    ring: &mut Virtqueue,
    vector: u16,
) -> u32 {
    let mut mistakes = 0;
    match ring.wants_interrupt(&resources.dma) {
        Ok(true) => {
            let counters = &mut resources.counters;
            resources.interrupts.raise(env, counters, vector);
        }
        Ok(false) => (),
        Err(stop) => stopped(ring, resources, &mut mistakes, stop),
    }
    mistakes
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
