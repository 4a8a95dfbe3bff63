//! The hardware as a whole: registers, what queue pairs share, and the schedule of work.
//!
//! Everything happens in [`Hardware::run`], which is bounded, or in the answer to one access.
//! The control plane (`rnic-firmware`) sits above: it takes commands by
//! [`Hardware::next_command`], answers them by [`Hardware::answer`], and acts on
//! [`Effect::Reset`].
//!
//! Tests: `hardware_tests.rs`.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use pci_function::Delivery;
use rnic_abi::{
    CounterId, EthDirection, EventCode, FailureCode, PortEvent, PortState, feature, limit, place,
    reg,
};
use rnic_mutant::mutant;
use rnic_wire::{DropReason, Frame, MacAddr};

use crate::command_ring::{Command, CommandRing, RingFailure, RingSetup, Token};
use crate::dma::DmaSpace;
use crate::doorbell::Owner;
use crate::env::{Budget, Env, Nanos, Progress};
use crate::eth::Lane;
use crate::interrupt::Interrupts;
use crate::qp::{Qps, drop_counter};
use crate::registers::{RegisterFile, Store, count_guest_error};
use crate::resources::Resources;
use crate::segment::Segment;

/// Who a device is `[REG-8]`..`[REG-11]`: stays the same over resets.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// EUI-64, not zero.
    pub guid: u64,
    /// Permanent Ethernet address, unicast.
    pub mac: MacAddr,
    /// Major, minor, patch of the implementation.
    pub firmware_version: (u8, u8, u8),
    /// Feature bits that it offers.
    pub features: u64,
}

/// What an access asks of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// Nothing.
    None,
    /// Reset the device: [`Hardware::reset`], after everything above it.
    Reset,
    /// Run soon: something was rung or enabled.
    Run,
}

/// The hardware of one device.
#[derive(Debug)]
pub struct Hardware {
    /// Registers of BAR0.
    pub registers: RegisterFile,
    /// What queue pairs share.
    pub resources: Resources,
    /// Queue pairs.
    pub qps: Qps,
    /// The Ethernet lane.
    pub lane: Lane,
    /// Memory as the host gives it, bus mastering not considered.
    host_dma: Arc<DmaSpace>,
    bus_master: bool,
    command_ring: Option<CommandRing>,
    /// Times that the command ring was enabled.
    enablings: u64,
    /// The available ring may have moved.
    notified: bool,
    /// All doorbells are to be looked at.
    kicked: bool,
    /// A reset waits for DMA in flight.
    resetting: bool,
    /// Address of the parked word, with PARKING.
    parked_address: Option<u64>,
    parked: bool,
    /// Link when the device last looked.
    link: Option<bool>,
}

impl Hardware {
    /// A device after power-up: no memory, bus mastering off. `delivery` says who decides whether
    /// a vector may fire.
    #[must_use]
    pub fn new(identity: Identity, delivery: Delivery) -> Self {
        let mut registers = RegisterFile::new();
        let (major, minor, patch) = identity.firmware_version;
        let version = u64::from(major) << 16 | u64::from(minor) << 8 | u64::from(patch);
        let mut mac = [0; 8];
        for (to, from) in mac.iter_mut().zip(identity.mac.0) {
            *to = from;
        }
        registers.set(reg::FIRMWARE_VERSION, version);
        let guid = if mutant("REG-9/zero") {
            0
        } else {
            identity.guid
        };
        registers.set(reg::NODE_GUID, guid);
        let mac = u64::from_le_bytes(mac) | u64::from(mutant("REG-10/group"));
        registers.set(reg::MAC_ADDRESS, mac);
        if mutant("REG-7/magic") {
            registers.set(reg::MAGIC, 0);
        }
        registers.set(reg::FEATURES, identity.features);
        // [REG-12]
        registers.set_field(
            reg::CAPABILITY,
            reg::capability::COMMAND_RING_LOG,
            limit::COMMAND_RING_LOG,
        );
        let vectors = limit::VECTORS + u64::from(mutant("REG-12/vectors"));
        registers.set_field(reg::CAPABILITY, reg::capability::VECTORS, vectors);
        registers.set(reg::DOORBELL_PAGES, limit::DOORBELL_PAGES);
        Self {
            registers,
            resources: Resources::new(Interrupts::new(delivery)),
            qps: Qps::new(),
            lane: Lane::new(),
            host_dma: DmaSpace::empty(),
            bus_master: false,
            command_ring: None,
            enablings: 0,
            notified: false,
            kicked: false,
            resetting: false,
            parked_address: None,
            parked: false,
            link: None,
        }
    }

    /// Reads BAR0 or BAR2 as the driver does. `data` is zero where the access is ignored.
    pub fn bar_read(&mut self, env: &mut dyn Env, bar: u8, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let value = match bar {
            place::BAR_REGISTERS => {
                // [REG-13] The host's clock is monotonic, and no reset touches it.
                let now = if mutant("REG-13/stopped") {
                    0
                } else {
                    env.now().get()
                };
                self.registers.set(reg::CLOCK, now);
                self.registers.read(offset, data.len())
            }
            place::BAR_DOORBELLS => slot_of(offset, data.len())
                .and_then(|slot| self.resources.doorbells.read(env, slot)),
            _ => None,
        };
        match value {
            Some(value) => {
                for (to, from) in data.iter_mut().zip(value.to_le_bytes()) {
                    *to = from;
                }
            }
            None if mutant("REG-2/uncounted") => (),
            None => self.count_guest_error(),
        }
    }

    /// Writes BAR0 or BAR2 as the driver does.
    pub fn bar_write(&mut self, env: &mut dyn Env, bar: u8, offset: u64, data: &[u8]) -> Effect {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(data) {
            *to = *from;
        }
        let value = u64::from_le_bytes(bytes);
        match bar {
            place::BAR_REGISTERS => self.register_write(env, offset, data.len(), value),
            place::BAR_DOORBELLS => {
                let slot = slot_of(offset, data.len());
                if slot.is_some_and(|slot| self.resources.doorbells.written(env, slot, value)) {
                    return Effect::Run;
                }
                self.count_guest_error();
                Effect::None
            }
            _ => {
                self.count_guest_error();
                Effect::None
            }
        }
    }

    fn register_write(
        &mut self,
        env: &mut dyn Env,
        offset: u64,
        bytes: usize,
        value: u64,
    ) -> Effect {
        let Some(register) = self.registers.register_at(offset, bytes) else {
            self.count_guest_error();
            return Effect::None;
        };
        let set_up = matches!(
            register,
            reg::CMD_SIZE | reg::CMD_DESC | reg::CMD_AVAIL | reg::CMD_USED
        );
        if set_up && self.command_ring.is_some() && !mutant("CMD-1/locked") {
            self.count_guest_error();
            return Effect::None;
        }
        // [BRING-1] While a reset is under way only the control block has meaning.
        let control = place::BLOCK_CONTROL..place::BLOCK_CONTROL + place::BLOCK_CONTROL_SIZE;
        if self.resetting && !control.contains(&register) {
            return Effect::None;
        }
        match self.registers.write(offset, bytes, value) {
            Some(store) => self.stored(env, store),
            None => Effect::None,
        }
    }

    fn stored(&mut self, env: &mut dyn Env, store: Store) -> Effect {
        match store.offset {
            reg::DEVICE_CONTROL => {
                if store.sets(reg::device_control::RESET) {
                    return Effect::Reset;
                }
                let enabled = reg::device_control::ENABLE.get(store.after);
                let enabled = enabled | u64::from(mutant("BRING-2/always"));
                self.notified &= !mutant("BRING-2/lost");
                self.registers
                    .set_field(reg::DEVICE_STATUS, reg::device_status::ENABLED, enabled);
                Effect::Run
            }
            reg::KICK => {
                self.resources.counters.count(CounterId::KICKS);
                self.kicked = !mutant("PARK-2/deaf");
                Effect::Run
            }
            reg::INTR_MASK => {
                let cause = self.registers.get(reg::INTR_CAUSE);
                if store.before & !store.after & cause != 0 && !mutant("INT-2/unmask") {
                    self.raise_device_vector(env);
                }
                Effect::None
            }
            // [INT-3]
            reg::INTR_TEST => {
                let causes = if mutant("INT-3/all") {
                    CAUSES
                } else {
                    store.written & CAUSES
                };
                self.raise_cause(env, causes);
                Effect::None
            }
            reg::CMD_CONTROL => {
                self.command_control(store);
                Effect::Run
            }
            reg::SCRATCH if mutant("REG-14/effect") => {
                self.count_guest_error();
                Effect::None
            }
            reg::CMD_NOTIFY => {
                self.notified |= !mutant("CMD-3/deaf");
                Effect::Run
            }
            // SCRATCH, and set-up that is read when it is needed, have no effect here [REG-14].
            _ => Effect::None,
        }
    }

    /// Lets device-level causes happen `[INT-1]`, `[INT-2]`.
    pub fn raise_cause(&mut self, env: &mut dyn Env, causes: u64) {
        let before = self.registers.get(reg::INTR_CAUSE);
        let mask = self.registers.get(reg::INTR_MASK);
        let seen = if mutant("INT-1/masked") {
            causes & !mask
        } else {
            causes
        };
        self.registers.set(reg::INTR_CAUSE, before | seen);
        if causes & !before & !mask != 0 || causes != 0 && mutant("INT-2/masked") {
            self.raise_device_vector(env);
        }
    }

    fn raise_device_vector(&mut self, env: &mut dyn Env) {
        let vector = self
            .registers
            .field(reg::INTR_VECTOR, reg::intr_vector::VECTOR);
        let vector = u16::try_from(vector).unwrap_or(rnic_abi::consts::VECTOR_NONE);
        let counters = &mut self.resources.counters;
        self.resources.interrupts.raise(env, counters, vector);
    }

    fn command_control(&mut self, store: Store) {
        let enable = reg::cmd_control::ENABLE;
        match (enable.is_set(store.before), enable.is_set(store.after)) {
            (false, true) => {
                self.enablings += 1;
                let size = self.registers.field(reg::CMD_SIZE, reg::cmd_size::SIZE);
                let setup = RingSetup {
                    size: u16::try_from(size).unwrap_or(0),
                    descriptors: self.registers.get(reg::CMD_DESC),
                    available: self.registers.get(reg::CMD_AVAIL),
                    used: self.registers.get(reg::CMD_USED),
                };
                match CommandRing::enable(setup, self.enablings) {
                    Ok(ring) => {
                        self.command_ring = Some(ring);
                        self.notified = true;
                    }
                    Err(failure) => {
                        let kept = u64::from(mutant("CMD-2/kept"));
                        self.registers.set_field(reg::CMD_CONTROL, enable, kept);
                        self.report_failure(failure);
                    }
                }
            }
            (true, false) if !mutant("CMD-8/goes-on") => self.command_ring = None,
            _ => (),
        }
    }

    fn report_failure(&mut self, failure: RingFailure) {
        self.registers
            .set_field(reg::FAILURE, reg::failure::CODE, failure.code.0.into());
        let info = if mutant("CMD-5/address") {
            0
        } else {
            failure.info
        };
        self.registers.set(reg::FAILURE_INFO, info);
    }

    /// Stops the command ring, not the device `[ERR-1]`, `[CMD-4]`, `[CMD-5]`.
    fn stop_command_ring(&mut self, env: &mut dyn Env, failure: RingFailure) {
        log::debug!("{failure}");
        self.command_ring = None;
        self.registers
            .set_field(reg::CMD_CONTROL, reg::cmd_control::ENABLE, 0);
        self.report_failure(failure);
        if failure.code == FailureCode::COMMAND_RING_DMA {
            self.resources.counters.count(CounterId::DMA_ERRORS);
        }
        if !mutant("CMD-4/silent") {
            self.raise_cause(env, reg::intr_cause::COMMAND_RING.mask());
        }
    }

    /// Stops the device for a fault of its own `[RESET-5]`.
    pub fn fail(&mut self, env: &mut dyn Env, info: u64) {
        log::error!("the device stopped: a fault of its own ({info:#x}); it needs a reset");
        self.report_failure(RingFailure {
            code: FailureCode::INTERNAL,
            info,
        });
        self.registers
            .set_field(reg::DEVICE_STATUS, reg::device_status::FAILED, 1);
        self.raise_cause(env, reg::intr_cause::FAILURE.mask());
        self.update_dma();
    }

    /// Whether a reset waits for DMA in flight.
    #[must_use]
    pub const fn is_resetting(&self) -> bool {
        self.resetting
    }

    /// Whether the device may fetch and send `[BRING-2]`.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        let status = self.registers.get(reg::DEVICE_STATUS);
        reg::device_status::ENABLED.is_set(status)
            && !reg::device_status::FAILED.is_set(status)
            && !self.resetting
    }

    /// The next command, when the ring was notified and the device is enabled.
    pub fn next_command(&mut self, env: &mut dyn Env) -> Option<Command> {
        if !self.notified || !self.is_enabled() {
            return None;
        }
        let ring = self.command_ring.as_mut()?;
        match ring.pop(&self.resources.dma) {
            Ok(Some(command)) => Some(command),
            Ok(None) => {
                self.notified = false;
                None
            }
            Err(failure) => {
                self.stop_command_ring(env, failure);
                None
            }
        }
    }

    /// Answers a command `[CMD-6]`. Without the ring that it came from, nothing happens.
    pub fn answer(&mut self, env: &mut dyn Env, token: Token, answer: &[u8]) {
        let Some(ring) = self.command_ring.as_mut() else {
            return;
        };
        match ring.complete(&self.resources.dma, token, answer) {
            Ok(true) => {
                let field = reg::cmd_control::VECTOR;
                let vector = self.registers.field(reg::CMD_CONTROL, field);
                let vector = u16::try_from(vector).unwrap_or(rnic_abi::consts::VECTOR_NONE);
                let counters = &mut self.resources.counters;
                self.resources.interrupts.raise(env, counters, vector);
            }
            Ok(false) => (),
            Err(failure) => self.stop_command_ring(env, failure),
        }
    }

    /// What NEGOTIATE put in force, to the next reset `[BRING-8]`. `parked_address` belongs to PARKING.
    pub fn negotiated(&mut self, features: u64, parked_address: Option<u64>) {
        self.resources.features = features;
        if !mutant("REG-11/active") {
            self.registers.set(reg::ACTIVE_FEATURES, features);
        }
        self.registers
            .set_field(reg::DEVICE_STATUS, reg::device_status::NEGOTIATED, 1);
        let summary = self.resources.has(feature::SUMMARY);
        self.resources.doorbells.set_summary(summary);
        self.parked_address = parked_address;
    }

    /// Features that the device offers `[REG-11]`.
    #[must_use]
    pub fn offered_features(&self) -> u64 {
        self.registers.get(reg::FEATURES)
    }

    /// Whether NEGOTIATE has succeeded.
    #[must_use]
    pub fn is_negotiated(&self) -> bool {
        self.registers
            .field(reg::DEVICE_STATUS, reg::device_status::NEGOTIATED)
            != 0
    }

    /// Takes the host's memory as it is from now on.
    pub fn dma_changed(&mut self, space: Arc<DmaSpace>) {
        self.host_dma = space;
        self.update_dma();
    }

    /// Follows Bus Master Enable `[BRING-3]`.
    pub fn set_bus_master(&mut self, on: bool) {
        self.bus_master = on;
        self.update_dma();
    }

    fn update_dma(&mut self) {
        let status = reg::device_status::BUS_MASTER;
        self.registers.set_field(
            reg::DEVICE_STATUS,
            status,
            u64::from(self.bus_master || mutant("BRING-3/status")),
        );
        let failed = self
            .registers
            .field(reg::DEVICE_STATUS, reg::device_status::FAILED)
            != 0;
        let on =
            (self.bus_master || mutant("BRING-3/master")) && (!failed || mutant("RESET-5/dma"));
        self.resources.dma = if self.host_dma.bus_master() == on {
            Arc::clone(&self.host_dma)
        } else {
            self.host_dma.with_bus_master(on)
        };
    }

    /// Forgets every object and register value `[RESET-1]`. Until DMA in flight has ended,
    /// `DEVICE_CONTROL.reset` reads 1; [`Hardware::run`] finishes the reset then.
    pub fn reset(&mut self, env: &mut dyn Env) {
        self.command_ring.take_if(|_| !mutant("RESET-1/ring"));
        self.notified = false;
        self.kicked = false;
        self.parked_address = None;
        self.parked = false;
        self.qps.reset();
        self.lane.reset();
        self.resources.reset(env);
        self.registers.reset();
        if mutant("BRING-8/kept") {
            self.negotiated(0, None);
        }
        self.update_dma();
        self.resetting = true;
        self.registers
            .set_field(reg::DEVICE_CONTROL, reg::device_control::RESET, 1);
        self.registers
            .set_field(reg::DEVICE_STATUS, reg::device_status::READY, 0);
        self.finish_reset();
    }

    fn finish_reset(&mut self) {
        if self.resetting && self.resources.is_quiescent() {
            self.resetting = false;
            self.registers
                .set_field(reg::DEVICE_CONTROL, reg::device_control::RESET, 0);
            self.registers.set_field(
                reg::DEVICE_STATUS,
                reg::device_status::READY,
                u64::from(!mutant("BRING-1/ready")),
            );
        }
    }

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

    /// Counts an access that was ignored `[ERR-2]`.
    pub fn count_guest_error(&mut self) {
        count_guest_error(&mut self.registers);
        self.resources.counters.count(CounterId::GUEST_ERRORS);
    }
}

/// Causes that INTR_TEST can set.
const CAUSES: u64 = reg::intr_cause::LINK_CHANGE.mask()
    | reg::intr_cause::FAILURE.mask()
    | reg::intr_cause::COMMAND_RING.mask()
    | reg::intr_cause::TEST.mask();

/// The slot of an access to BAR2; none when it is not one aligned access of 8 bytes `[DB-3]`.
fn slot_of(offset: u64, bytes: usize) -> Option<u32> {
    if bytes != 8 && !mutant("DB-3/width")
        || !offset.is_multiple_of(8)
        || offset >= place::BAR_DOORBELLS_SIZE
    {
        return None;
    }
    u32::try_from(offset / 8).ok()
}

#[cfg(test)]
#[path = "hardware_tests.rs"]
mod tests;
