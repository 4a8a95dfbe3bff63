//! What the device does by itself: doorbells, queues, timers, what neighbours and ports bring, and when it may sleep.

use std::sync::atomic::{Ordering, fence};

use rnic_abi::{CounterId, EthDirection, EventCode, PortEvent, PortState, reg};
use rnic_mutant::mutant;
use rnic_wire::{DropReason, Frame};

use super::Hardware;
use crate::doorbell::Owner;
use crate::env::{Budget, Env, Nanos, Progress};
use crate::qp::drop_counter;
use crate::segment::Segment;

impl Hardware {
    /// Does bounded work: doorbells, queues, timers. The control plane runs its commands beside
    /// it, from the same budget.
    pub fn run(&mut self, env: &mut dyn Env, budget: &mut Budget) -> Progress {
        self.finish_reset();
        self.follow_port(env);
        if !self.is_enabled() {
            return Progress::Idle;
        }
        self.unpark();
        let mut progress = Progress::Idle;
        if std::mem::take(&mut self.kicked) {
            self.resources.doorbells.poll_all(env);
        }
        if self.resources.doorbells.poll(env) {
            progress = Progress::Busy;
        }
        while budget.take_op() {
            let Some((owner, value)) = self.resources.doorbells.next(env) else {
                break;
            };
            self.rung(env, owner, value);
        }
        if self.resources.doorbells.has_changed() {
            progress = Progress::Busy;
        }
        self.resources.run_timers(env);
        if self.resources.write_events(env) {
            progress = Progress::Busy;
        }
        let lane = self.lane.run(env, &mut self.resources, budget);
        self.count_lane_mistakes();
        progress
            .and(lane)
            .and(self.qps.run(env, &mut self.resources, budget))
    }

    fn rung(&mut self, env: &mut dyn Env, owner: Owner, value: u64) {
        match owner {
            Owner::Cq(cqn) => self.resources.cq_doorbell(env, cqn, value),
            Owner::Eq(eqn) => {
                if !self.resources.eq_doorbell(env, eqn, value) && !mutant("DB-7/uncounted") {
                    self.count_guest_error();
                }
            }
            Owner::Srq(srqn) => self.resources.srq_doorbell(env, srqn, value),
            Owner::Send(qpn) => self.qps.send_doorbell(env, &mut self.resources, qpn, value),
            Owner::Receive(qpn) => {
                self.qps
                    .receive_doorbell(env, &mut self.resources, qpn, value);
            }
            Owner::EthReceive(index) => {
                let direction = EthDirection::RECEIVE;
                self.lane.rung(&mut self.resources, direction, index, value);
            }
            Owner::EthTransmit(index) => {
                let direction = EthDirection::TRANSMIT;
                self.lane.rung(&mut self.resources, direction, index, value);
            }
        }
    }

    /// Tells the driver when the link changed `[EV-2]`.
    fn follow_port(&mut self, env: &mut dyn Env) {
        let up = env.port().up;
        let link = reg::device_status::LINK_UP;
        let before = self.link.replace(up);
        if before == Some(up) {
            return;
        }
        self.registers
            .set_field(reg::DEVICE_STATUS, link, u64::from(up));
        if before.is_none() || self.resetting {
            return;
        }
        self.raise_cause(env, reg::intr_cause::LINK_CHANGE.mask());
        if self.is_negotiated() {
            let state = if up { PortState::UP } else { PortState::DOWN };
            let payload = PortEvent::zeroed().with_state(state);
            self.resources
                .post_event(env, EventCode::PORT_CHANGE, 0, 0, &payload);
        }
    }

    /// Takes a RoCEv2 frame from the port: those of queue pairs are executed, others are dropped
    /// and counted. While the device is not enabled everything is lost `[BRING-2]`.
    pub fn frame_received(&mut self, env: &mut dyn Env, frame: &[u8]) {
        self.roce_received(env, Frame::parse(frame));
    }

    /// As [`Hardware::frame_received`], of a frame that is parsed already.
    pub fn roce_received(&mut self, env: &mut dyn Env, frame: Result<Frame<'_>, DropReason>) {
        if !self.is_enabled() {
            return;
        }
        match frame {
            Ok(frame) => self.qps.frame_received(env, &mut self.resources, &frame),
            Err(reason) => self.resources.counters.count(drop_counter(reason)),
        }
    }

    /// Takes a frame from the port that is the guest's `[ETH-8]`. Lost while the device is not
    /// enabled.
    pub fn lane_received(&mut self, env: &mut dyn Env, frame: &[u8]) {
        if self.is_enabled() || mutant("BRING-2/lane") {
            self.lane.receive(env, &mut self.resources, frame);
            self.count_lane_mistakes();
        }
    }

    fn count_lane_mistakes(&mut self) {
        for _ in 0..self.lane.take_mistakes() {
            self.count_guest_error();
        }
    }

    /// Takes a segment from a neighbour, as [`Hardware::frame_received`] takes frames.
    pub fn segment_received(&mut self, env: &mut dyn Env, segment: Segment) {
        if self.is_enabled() {
            self.qps
                .segment_received(env, &mut self.resources, &segment);
        }
    }

    /// When there is something to do by time alone.
    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        let timers = [
            self.resources.next_timer(),
            self.qps.next_timer(),
            self.lane.next_timer(),
        ];
        timers.into_iter().flatten().min()
    }

    /// Whether the host must keep calling [`Hardware::run`], because doorbells may change without
    /// its knowing `[PARK-3]`.
    #[must_use]
    pub fn must_poll(&self, env: &dyn Env) -> bool {
        self.is_enabled()
            && env.doorbells_mapped()
            && !mutant("PARK-3/asleep")
            && self.parked_address.is_none()
            && self.is_negotiated()
    }

    /// Prepares to sleep until an access, a frame, a segment or a timer `[PARK-1]`: true when
    /// nothing is left to do and the driver knows that it must kick.
    pub fn prepare_park(&mut self, env: &mut dyn Env) -> bool {
        if !self.is_enabled() {
            return true;
        }
        self.resources.flush_retired(env);
        let lane = self.lane.is_busy() && self.resources.dma.bus_master();
        if lane || self.qps.is_busy() {
            return false;
        }
        if !env.doorbells_mapped() {
            return !self.resources.doorbells.has_changed();
        }
        let Some(address) = self.parked_address else {
            return !self.must_poll(env);
        };
        if self
            .resources
            .dma
            .store_release_u64(address, u64::from(!mutant("PARK-1/word")))
            .is_err()
        {
            self.resources.counters.count(CounterId::DMA_ERRORS);
            return false;
        }
        self.parked = true;
        // The word must be visible before the doorbells are read: the driver stores its doorbell,
        // fences, and reads the word, so one of the two sees the other's store.
        fence(Ordering::SeqCst);
        if !mutant("PARK-1/once") && self.resources.doorbells.poll_out(env) {
            self.unpark();
            return false;
        }
        self.resources.counters.count(CounterId::PARKS);
        true
    }

    /// Tells the driver that the device looks at doorbells again, before it does `[PARK-1]`.
    pub fn unpark(&mut self) {
        if !std::mem::take(&mut self.parked) {
            return;
        }
        let Some(address) = self.parked_address else {
            return;
        };
        if self
            .resources
            .dma
            .store_release_u64(address, u64::from(mutant("PARK-1/awake")))
            .is_err()
        {
            self.resources.counters.count(CounterId::DMA_ERRORS);
        }
        // The word must be visible before doorbells are read: a driver that still sees 1 kicks.
        fence(Ordering::SeqCst);
    }
}
