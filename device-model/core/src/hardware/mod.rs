//! The hardware as a whole: registers, what queue pairs share, and the schedule of work.
//!
//! Everything happens in [`Hardware::run`], which is bounded, or in the answer to one access.
//! The control plane (`rnic-firmware`) sits above: it takes commands by
//! [`Hardware::next_command`], answers them by [`Hardware::answer`], and acts on
//! [`Effect::Reset`].
//!
//! Tests: the conformance suite, in process (`firmware-spec/conformance`).

mod bars;
mod command;
mod work;

use std::sync::Arc;

use pci_function::Delivery;
use rnic_abi::{CounterId, FailureCode, feature, limit, reg};
use rnic_mutant::mutant;
use rnic_wire::MacAddr;

use crate::command_ring::{CommandRing, RingFailure};
use crate::dma::DmaSpace;
use crate::env::Env;
use crate::eth::Lane;
use crate::interrupt::Interrupts;
use crate::qp::Qps;
use crate::registers::{RegisterFile, count_guest_error};
use crate::resources::Resources;

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

    /// Counts an access that was ignored `[ERR-2]`.
    pub fn count_guest_error(&mut self) {
        count_guest_error(&mut self.registers);
        self.resources.counters.count(CounterId::GUEST_ERRORS);
    }
}
