//! What queue pairs share: memory, doorbells, vectors, keys, completion and event queues.
//!
//! The parts are simple tables; the ways between them are here: completion -> arm -> completion
//! event -> vector, and event -> general event queue -> vector. Nothing is lost on the way: what
//! finds no room waits in its own object, and each step is bounded by the room there is.
//!
//! Tests: `resources_tests.rs`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use pci_function::Delivery;
use rnic_abi::{
    Completion, CompletionStatus, CounterId, CqErrorCause, CqErrorEvent, EqKind, EventCode,
    SrqEvent, feature, limit,
};
use rnic_mutant::mutant;
use zerocopy::IntoBytes;

use crate::counters::Counters;
use crate::cq::{Cq, CqFailed};
use crate::dma::DmaSpace;
use crate::doorbell::Doorbells;
use crate::env::{Env, Nanos};
use crate::eq::{Eq, Written};
use crate::events::{Event, Events};
use crate::fault::{Fault, Site};
use crate::interrupt::Interrupts;
use crate::keys::Keys;
use crate::object::{Table, narrow};
use crate::segment::{Lease, WeakLease};
use crate::srq::{MAX_ENTRY_BYTES, Srq, SrqFailed, Taken};

/// General events that are written without looking at anything else.
const EVENTS_A_RUN: u32 = 64;

/// Completion queues that signal by time without looking at anything else.
const SIGNALS_A_RUN: u32 = 256;

/// What queue pairs share.
#[derive(Debug)]
pub struct Resources {
    /// Guest memory, as it is now.
    pub dma: Arc<DmaSpace>,
    /// Doorbell slots.
    pub doorbells: Doorbells,
    /// Vectors.
    pub interrupts: Interrupts,
    /// Counters.
    pub counters: Counters,
    /// Domains, regions, windows.
    pub keys: Keys,
    /// Completion queues.
    pub cqs: Table<Cq>,
    /// Event queues.
    pub eqs: Table<Eq>,
    /// Shared receive queues.
    pub srqs: Table<Srq>,
    /// Features in force.
    pub features: u64,
    /// Handle of the general event queue.
    general_eq: Option<u32>,
    events: Events,
    /// Completion queues that went into error, whose queue pairs do not know yet.
    failed_cqs: VecDeque<u32>,
    /// Moments at which moderation signals.
    timers: BTreeSet<(Nanos, u32)>,
    /// Held by every segment of a request that was sent since [`Resources::begin_grace`].
    epoch: Lease,
    /// Held by every answer with data of a region that was sent since the last grace period.
    answers: Lease,
    /// Earlier ones that may still be held.
    epochs: Vec<WeakLease>,
    /// Those of answers.
    answer_epochs: Vec<WeakLease>,
}

impl Resources {
    /// No object, no memory; vectors as after power-up.
    #[must_use]
    pub fn new(interrupts: Interrupts) -> Self {
        Self {
            interrupts,
            dma: DmaSpace::empty(),
            doorbells: Doorbells::new(),
            counters: Counters::default(),
            keys: Keys::default(),
            cqs: Table::new(const { narrow(limit::CQS) }, 1, 0),
            eqs: Table::new(const { narrow(limit::EQS) }, 1, 0),
            srqs: Table::new(const { narrow(limit::SRQS) }, 1, 0),
            features: 0,
            general_eq: None,
            events: Events::default(),
            failed_cqs: VecDeque::new(),
            timers: BTreeSet::new(),
            epoch: Lease::new(),
            answers: Lease::new(),
            epochs: Vec::new(),
            answer_epochs: Vec::new(),
        }
    }

    /// Whether a feature (one bit of [`rnic_abi::feature`]) is in force.
    #[must_use]
    pub const fn has(&self, feature: u64) -> bool {
        self.features & feature == feature
    }

    /// Writes a completion and signals what it satisfies `[CQ-2]`, `[CQ-6]`. The owner bit and
    /// the timestamp are filled in. When the queue is or goes in error, the completion is
    /// dropped; queue pairs learn of it by [`Resources::next_failed_cq`].
    pub fn complete(
        &mut self,
        env: &mut dyn Env,
        cqn: u32,
        mut completion: Completion,
    ) -> Result<(), CqFailed> {
        let now = env.now();
        let Some(cq) = self.cqs.get_mut(cqn) else {
            return Err(CqFailed(CqErrorCause::DMA));
        };
        if env.fault(Site::Completion) == Some(Fault::Fail) {
            self.counters.count(CounterId::FAULTS_INJECTED);
            self.fail_cq(env, cqn, CqErrorCause::DMA);
            return Err(CqFailed(CqErrorCause::DMA));
        }
        // [CQ-13]
        let timestamp = if self.features & feature::TIMESTAMPS != 0 || mutant("CQ-13/always") {
            now.get()
        } else {
            0
        };
        completion.timestamp.set(timestamp);
        if cq.is_full() && cq.error().is_none() && !mutant("CQ-2/blind") {
            // The driver may have consumed without our having looked [CQ-2].
            let value = self.doorbells.load(env, cq.slot());
            if let Err(failed) = cq.doorbell(now, value) {
                self.report_failed_cq(env, cqn);
                return Err(failed);
            }
        }
        match cq.push(&self.dma, now, completion) {
            Ok(()) => {
                self.counters.count(CounterId::COMPLETIONS);
                match completion.status() {
                    // [ERR-2]
                    CompletionStatus::SUCCESS => (),
                    CompletionStatus::FLUSHED => self.counters.count(CounterId::FLUSHED),
                    _ if mutant("ERR-2/completion") => (),
                    _ => self.counters.count(CounterId::COMPLETION_ERRORS),
                }
                self.signal(env, cqn);
                Ok(())
            }
            Err(failed) => {
                self.report_failed_cq(env, cqn);
                Err(failed)
            }
        }
    }

    /// Puts a completion queue in error `[CQ-3]`.
    pub fn fail_cq(&mut self, env: &mut dyn Env, cqn: u32, cause: CqErrorCause) {
        if let Some(cq) = self.cqs.get_mut(cqn) {
            cq.fail(cause);
            self.report_failed_cq(env, cqn);
        }
    }

    /// Tells of a queue that is in error, once.
    fn report_failed_cq(&mut self, env: &mut dyn Env, cqn: u32) {
        let Some(cq) = self.cqs.get_mut(cqn) else {
            return;
        };
        let Some(cause) = cq.error() else {
            return;
        };
        if std::mem::replace(&mut cq.reported, true) && !mutant("CQ-3/again") {
            return;
        }
        let mut payload = CqErrorEvent::zeroed().with_cause(cause);
        payload.cqn.set(cqn);
        payload.generation.set(cq.generation());
        payload.context.set(cq.context());
        self.counters.count(CounterId::CQ_ERRORS);
        if cause == CqErrorCause::DMA {
            self.counters.count(CounterId::DMA_ERRORS);
        }
        self.failed_cqs.push_back(cqn);
        self.post_event(env, EventCode::CQ_ERROR, cqn, 0, &payload);
        self.signal(env, cqn);
    }

    /// A completion queue that went into error since the last call: its queue pairs go to ERROR
    /// `[QP-43]`. It may be destroyed already.
    pub fn next_failed_cq(&mut self) -> Option<u32> {
        self.failed_cqs.pop_front()
    }

    /// Takes a store to a completion queue's doorbell.
    pub fn cq_doorbell(&mut self, env: &mut dyn Env, cqn: u32, value: u64) {
        let Some(cq) = self.cqs.get_mut(cqn) else {
            return;
        };
        match cq.doorbell(env.now(), value) {
            Ok(()) => self.signal(env, cqn),
            Err(_) => self.report_failed_cq(env, cqn),
        }
    }

    /// Takes a store to an event queue's doorbell.
    pub fn eq_doorbell(&mut self, env: &mut dyn Env, eqn: u32, value: u64) -> bool {
        let Some(eq) = self.eqs.get_mut(eqn) else {
            return true;
        };
        let Ok(store) = eq.doorbell(value) else {
            return false;
        };
        let (kind, vector) = (eq.kind(), eq.vector());
        if store.raise {
            self.interrupts.raise(env, &mut self.counters, vector);
        }
        if kind == EqKind::GENERAL {
            self.write_events(env);
            return true;
        }
        for _ in 0..store.consumed {
            let consumed = self
                .eqs
                .get_mut(eqn)
                .and_then(|eq| eq.unconsumed.pop_front());
            let Some((cqn, generation)) = consumed else {
                break;
            };
            if let Some(cq) = self.live_cq(cqn, generation) {
                cq.event_unconsumed = false;
                self.signal(env, cqn);
            }
        }
        // Those that found no room: each at most once in this store.
        let waiting = self.eqs.get(eqn).map_or(0, |eq| eq.waiting.len());
        for _ in 0..waiting {
            let next = self.eqs.get_mut(eqn).and_then(|eq| eq.waiting.pop_front());
            let Some((cqn, generation)) = next else {
                break;
            };
            if let Some(cq) = self.live_cq(cqn, generation) {
                cq.waits_for_room = false;
                self.signal(env, cqn);
            }
        }
        true
    }

    fn live_cq(&mut self, cqn: u32, generation: u32) -> Option<&mut Cq> {
        self.cqs
            .get_mut(cqn)
            .filter(|cq| cq.generation() == generation)
    }

    /// Writes a completion queue's event if it is due and there is room, else sees to it that
    /// somebody comes back: a timer, the consumption of its last event `[CQ-9]`, or room.
    pub fn signal(&mut self, env: &mut dyn Env, cqn: u32) {
        let now = env.now();
        let Some(cq) = self.cqs.get_mut(cqn) else {
            return;
        };
        if !cq.ready(now) {
            let due = cq.due();
            if cq.timer != due {
                if let Some(old) = cq.timer {
                    self.timers.remove(&(old, cqn));
                }
                cq.timer = due;
                self.timers.extend(due.map(|due| (due, cqn)));
            }
            return;
        }
        if let Some(old) = cq.timer.take() {
            self.timers.remove(&(old, cqn));
        }
        if (cq.event_unconsumed && !mutant("CQ-9/one")) || cq.waits_for_room {
            return;
        }
        let Some(eq) = self.eqs.get_mut(cq.eqn()) else {
            return;
        };
        if eq.is_full() {
            cq.waits_for_room = true;
            eq.waiting.push_back((cqn, cq.generation()));
            return;
        }
        let Some(event) = cq.take_event(cqn) else {
            return;
        };
        let mut entry = [0; 16];
        entry.copy_from_slice(event.as_bytes());
        match eq.push(&self.dma, entry) {
            Written::Yes { raise } => {
                cq.event_unconsumed = true;
                eq.unconsumed.push_back((cqn, cq.generation()));
                let vector = eq.vector();
                self.counters.count(CounterId::EVENTS);
                if raise {
                    self.interrupts.raise(env, &mut self.counters, vector);
                }
            }
            Written::Full => (),
            Written::Lost(_) => self.counters.count(CounterId::DMA_ERRORS),
        }
    }

    /// Signals completion queues whose time has come, a bounded number at a time; those that are
    /// left are still due.
    pub fn run_timers(&mut self, env: &mut dyn Env) {
        let now = env.now();
        for _ in 0..SIGNALS_A_RUN {
            let Some(&(due, cqn)) = self.timers.first() else {
                break;
            };
            if due > now {
                break;
            }
            self.timers.pop_first();
            if let Some(cq) = self.cqs.get_mut(cqn) {
                cq.timer = None;
            }
            self.signal(env, cqn);
        }
    }

    /// When [`Resources::run_timers`] has something to do.
    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Takes a completion queue out, which no queue pair uses; the producer index of its event
    /// queue, after the last event about it `[CQ-12]`. What it had not signalled is forgotten.
    pub fn remove_cq(&mut self, cqn: u32) -> Option<u32> {
        let cq = self.cqs.remove(cqn)?;
        if let Some(due) = cq.timer {
            self.timers.remove(&(due, cqn));
        }
        if !mutant("EV-4/cq") {
            self.events.forget(EventCode::CQ_ERROR, cqn);
        }
        self.doorbells.release(cq.slot());
        let eq = self.eqs.get_mut(cq.eqn())?;
        eq.attached = eq.attached.saturating_sub(1);
        Some(eq.producer().wrapping_sub(u32::from(mutant("CQ-12/index"))))
    }

    /// Lets a general event happen: it is written now, or when there is room `[EQ-3]`. `object`
    /// tells events of this kind apart.
    pub fn post_event<P: IntoBytes + zerocopy::Immutable>(
        &mut self,
        env: &mut dyn Env,
        code: EventCode,
        object: u32,
        cookie: u64,
        payload: &P,
    ) {
        if mutant("EQ-5/lost") && self.general_eq.is_none() {
            return;
        }
        self.events.hold(Event::new(code, object, cookie, payload));
        self.write_events(env);
    }

    /// Forgets an event about an object that is destroyed `[EV-4]`.
    pub fn forget_event(&mut self, code: EventCode, object: u32) {
        self.events.forget(code, object);
    }

    /// The general event queue.
    #[must_use]
    pub const fn general_eq(&self) -> Option<u32> {
        self.general_eq
    }

    /// Makes an event queue, which the caller has put in the table, the general one, or none.
    pub fn set_general_eq(&mut self, env: &mut dyn Env, eqn: Option<u32>) {
        self.general_eq = eqn;
        self.write_events(env);
    }

    /// Writes general events that wait, a bounded number at a time; true when more could be
    /// written.
    pub fn write_events(&mut self, env: &mut dyn Env) -> bool {
        let Some(eq) = self.general_eq.and_then(|eqn| self.eqs.get_mut(eqn)) else {
            return false;
        };
        let mut raised = false;
        for _ in 0..EVENTS_A_RUN {
            let Some(event) = self.events.first() else {
                break;
            };
            if eq.is_full() {
                break;
            }
            let mut entry = event.entry();
            entry.timestamp.set(env.now().get());
            entry
                .sequence
                .set(self.events.sequence() << u32::from(mutant("EV-1/gap")));
            let mut bytes = [0; 512];
            bytes.copy_from_slice(entry.as_bytes());
            match eq.push(&self.dma, bytes) {
                Written::Yes { raise } => {
                    raised |= raise;
                    self.events.written();
                    self.counters.count(CounterId::EVENTS);
                }
                Written::Full => break,
                Written::Lost(_) if mutant("EQ-6/uncounted") => (),
                Written::Lost(_) => self.counters.count(CounterId::DMA_ERRORS),
            }
            self.events.pop();
        }
        let more = !self.events.is_empty() && !eq.is_full();
        if raised {
            let vector = eq.vector();
            self.interrupts.raise(env, &mut self.counters, vector);
        }
        more
    }

    /// Takes the next entry of a shared receive queue for a queue pair; raises SRQ_LIMIT and
    /// SRQ_ERROR `[SRQ-1]`, `[SRQ-2]`, `[SRQ-6]`.
    pub fn take_shared(
        &mut self,
        env: &mut dyn Env,
        srqn: u32,
        entry: &mut [u8; MAX_ENTRY_BYTES],
    ) -> Result<Option<Taken>, SrqFailed> {
        let Some(srq) = self.srqs.get_mut(srqn) else {
            return Err(SrqFailed(rnic_abi::ProviderError::NOT_CONNECTED));
        };
        if srq.remaining() == 0 && srq.error().is_none() {
            // The driver may have posted without our having looked.
            let value = self.doorbells.load(env, srq.slot());
            self.srq_doorbell(env, srqn, value);
        }
        let Some(srq) = self.srqs.get_mut(srqn) else {
            return Ok(None);
        };
        let known = srq.error().is_some();
        match srq.take(&self.dma, entry) {
            Ok(taken) => {
                if let Some(left) = taken.and_then(|taken| taken.limit_reached) {
                    self.post_srq_limit(env, srqn, left);
                }
                Ok(taken)
            }
            Err(failed) => {
                if !known {
                    self.counters.count(CounterId::DMA_ERRORS);
                    self.report_failed_srq(env, srqn, failed);
                }
                Err(failed)
            }
        }
    }

    /// Retires one entry taken from a shared receive queue; the count for its completion
    /// `[SRQ-3]`.
    pub fn retire_shared(&mut self, env: &mut dyn Env, srqn: u32) -> u32 {
        let Some(srq) = self.srqs.get_mut(srqn) else {
            return 0;
        };
        let known = srq.error().is_some();
        let (count, stored) = srq.retire(&self.dma);
        if let Err(failed) = stored {
            self.counters.count(CounterId::DMA_ERRORS);
            if !known {
                self.report_failed_srq(env, srqn, failed);
            }
        }
        count
    }

    /// Takes a store to a shared receive queue's doorbell `[DB-6]`.
    pub fn srq_doorbell(&mut self, env: &mut dyn Env, srqn: u32, value: u64) {
        let Some(srq) = self.srqs.get_mut(srqn) else {
            return;
        };
        let known = srq.error().is_some();
        if let Err(failed) = srq.doorbell(value)
            && !known
        {
            self.report_failed_srq(env, srqn, failed);
        }
    }

    /// Raises SRQ_LIMIT with `left` entries left `[SRQ-2]`.
    pub fn post_srq_limit(&mut self, env: &mut dyn Env, srqn: u32, left: u32) {
        let Some(srq) = self.srqs.get(srqn) else {
            return;
        };
        let mut payload = SrqEvent::zeroed();
        payload.srqn.set(srqn);
        payload.remaining.set(left);
        payload.context.set(srq.context());
        self.post_event(env, EventCode::SRQ_LIMIT, srqn, 0, &payload);
    }

    fn report_failed_srq(&mut self, env: &mut dyn Env, srqn: u32, failed: SrqFailed) {
        let Some(srq) = self.srqs.get(srqn).filter(|_| !mutant("SRQ-6/silent")) else {
            return;
        };
        let mut payload = SrqEvent::zeroed().with_error(failed.0);
        payload.srqn.set(srqn);
        payload.remaining.set(srq.remaining());
        payload.context.set(srq.context());
        self.post_event(env, EventCode::SRQ_ERROR, srqn, 0, &payload);
    }

    /// Takes a shared receive queue out, which no queue pair uses.
    pub fn remove_srq(&mut self, srqn: u32) -> Option<Srq> {
        let srq = self.srqs.remove(srqn)?;
        if !mutant("EV-4/srq") {
            self.events.forget(EventCode::SRQ_LIMIT, srqn);
        }
        self.events.forget(EventCode::SRQ_ERROR, srqn);
        self.doorbells.release(srq.slot());
        self.keys.release_domain(srq.pd());
        Some(srq)
    }

    /// Stores every retired count that is not in memory yet, as before parking `[QP-14]`.
    pub fn flush_retired(&mut self, env: &mut dyn Env) {
        let mut failed = Vec::new();
        for (srqn, srq) in self.srqs.iter_mut() {
            let known = srq.error().is_some();
            if let Err(error) = srq.flush_retired(&self.dma) {
                self.counters.count(CounterId::DMA_ERRORS);
                if !known {
                    failed.push((srqn, error));
                }
            }
        }
        for (srqn, error) in failed {
            self.report_failed_srq(env, srqn, error);
        }
    }

    /// A lease that every segment takes which carries DMA addresses: while it is held, regions
    /// that were destroyed are not reported as free `[MEM-16]`.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.epoch.clone()
    }

    /// The same for the answer to a read: while it is held, a key that was invalidated is not
    /// reported as FREE either `[MEM-17]`.
    #[must_use]
    pub fn answer_lease(&self) -> Lease {
        self.answers.clone()
    }

    /// Begins a grace period: it is over when every segment sent before is gone.
    pub fn begin_grace(&mut self) -> Grace {
        self.end_epoch();
        self.end_answers();
        let all = self.epochs.iter().chain(&self.answer_epochs);
        Grace(all.cloned().collect())
    }

    /// Begins a grace period for answers to reads alone; none when there is nothing to wait for.
    pub fn begin_answer_grace(&mut self) -> Option<Grace> {
        self.answer_epochs.retain(WeakLease::is_held);
        if self.answers.is_last() && self.answer_epochs.is_empty() {
            return None;
        }
        self.end_answers();
        Some(Grace(self.answer_epochs.clone()))
    }

    fn end_epoch(&mut self) {
        self.epochs.retain(WeakLease::is_held);
        self.epochs
            .push(std::mem::take(&mut self.epoch).downgrade());
    }

    fn end_answers(&mut self) {
        self.answer_epochs.retain(WeakLease::is_held);
        self.answer_epochs
            .push(std::mem::take(&mut self.answers).downgrade());
    }

    /// Whether no segment that was ever sent is left.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        let old = self.epochs.iter().chain(&self.answer_epochs);
        self.epoch.is_last() && self.answers.is_last() && !old.into_iter().any(WeakLease::is_held)
    }

    /// Forgets every object. Memory and the host's side of vectors stay.
    pub fn reset(&mut self, env: &mut dyn Env) {
        self.doorbells.reset(env);
        self.interrupts.reset();
        self.begin_grace();
        let interrupts =
            std::mem::replace(&mut self.interrupts, Interrupts::new(Delivery::External));
        *self = Self {
            dma: Arc::clone(&self.dma),
            counters: if mutant("RESET-1/counters") {
                self.counters.clone()
            } else {
                Counters::default()
            },
            epochs: std::mem::take(&mut self.epochs),
            answer_epochs: std::mem::take(&mut self.answer_epochs),
            ..Self::new(interrupts)
        };
    }
}

/// A wait for segments to be gone.
#[derive(Debug)]
pub struct Grace(Vec<WeakLease>);

impl Grace {
    /// Whether they are.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.0.iter().any(WeakLease::is_held) || mutant("MEM-16/early")
    }
}

#[cfg(test)]
#[path = "resources_tests.rs"]
mod tests;
