//! The adapter: from MiniportInitializeEx to MiniportHaltEx.
//!
//! [`lifecycle`] makes and unmakes it; [`settings`] is what the registry says. This file is what the rest of the driver
//! sees: the current [`Engine`], the worker, and where interrupts and events go.
//!
//! For the NDK provider: [`Adapter::engine`] gives the current life of the device, [`Adapter::submit`] has a verb done
//! by it ([`crate::engine::control`]), and [`crate::ndk`] says what the adapter calls.

mod attributes;
pub mod lifecycle;
pub mod settings;

use alloc::boxed::Box;

use ndis_sys::ndis::NDIS_HANDLE;
use rnic_abi::reg::intr_cause;
use rnic_driver_core::{Error, Event};

use crate::engine::control::Verb;
use crate::engine::{self, CONTROL_VECTOR, Engine};
use crate::ethernet::Ethernet;
use crate::hw::Hardware;
use crate::hw::interrupt::Interrupts;
use crate::ndk::Provider;
use crate::nt::timer::Timer;
use crate::nt::work::Worker;
use crate::nt::{Passive, Shared, SpinLock};
use crate::warning;
use settings::Settings;

/// An adapter. Its address is what NDIS gives every handler, so it is boxed and never moves.
pub struct Adapter {
    /// NDIS's handle of it.
    pub handle: NDIS_HANDLE,
    /// What the registry says.
    pub settings: Settings,
    /// IfIndex of NDIS.
    pub if_index: u32,
    /// NetLuid of NDIS.
    pub net_luid: u64,
    /// The network interface card.
    pub ethernet: Ethernet,
    /// The NDK provider.
    pub ndk: Provider,
    hardware: Shared<Hardware>,
    /// Messages that Windows assigned.
    messages: u32,
    engine: SpinLock<Option<Shared<Engine>>>,
    worker: Worker,
    watchdog: SpinLock<Option<Timer>>,
    interrupts: SpinLock<Option<Interrupts>>,
}

impl Adapter {
    /// The device's current life; none while it is down. Its failure may have been noticed already.
    pub fn engine(&self) -> Option<Shared<Engine>> {
        self.engine.lock().clone()
    }

    /// The function.
    pub fn hardware(&self) -> &Shared<Hardware> {
        &self.hardware
    }

    /// Makes the worker take a turn soon. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn kick(&self) {
        self.worker.kick();
    }

    /// Has a verb done by this life of the device: [`crate::engine::control`] says how it goes on.
    pub fn submit(
        &self,
        engine: &Engine,
        verb: Box<dyn Verb>,
    ) -> Result<(), (Error, Box<dyn Verb>)> {
        engine.service.submit(verb)?;
        self.kick();
        Ok(())
    }

    /// Marks this life of the device as failed; the worker does the rest.
    pub fn fail(&self, engine: &Engine, error: Error) {
        warning!("the device is given up: {error}");
        engine.fail(error);
        self.kick();
    }

    /// An interrupt message, at DISPATCH_LEVEL.
    pub fn message(&self, message: u32) {
        if message == u32::from(CONTROL_VECTOR) {
            self.kick();
            return;
        }
        let Some(engine) = self.engine() else {
            return;
        };
        if engine.failure().is_some() {
            return;
        }
        let index = message as usize - 1;
        if let Some(vector) = engine.vectors.get(index) {
            vector.service(&engine, |signal| self.ndk.cq_signal(index, signal));
            self.ndk.eq_handled(index, vector.handled());
        }
        self.ethernet.service(self, &engine, index);
        if engine.failure().is_some() {
            self.kick();
        }
    }

    /// The worker's turn.
    fn turn(&self, passive: &Passive) {
        if let Some(engine) = self.engine() {
            let alive = engine.failure().is_none();
            engine::turn(passive, &engine, self);
            if alive && let Some(error) = engine.failure() {
                warning!("the device failed: {error}");
                self.ndk.engine_down(passive, &engine);
                self.ethernet.engine_down(self, passive, &engine);
            }
        }
        self.hardware.free_retired(passive);
    }
}

impl engine::Listener for Adapter {
    fn event(&self, passive: &Passive, engine: &Shared<Engine>, event: &Event) {
        match event {
            Event::PortChange(_) => self.ethernet.link_changed(self, engine),
            Event::Unknown(code) => warning!("event {code} is not known, and ignored"),
            event => self.ndk.event(passive, engine, event),
        }
    }

    fn causes(&self, _: &Passive, engine: &Shared<Engine>, causes: u32) {
        let causes = u64::from(causes);
        if intr_cause::LINK_CHANGE.is_set(causes) {
            self.ethernet.link_changed(self, engine);
        }
        if intr_cause::FAILURE.is_set(causes) || intr_cause::COMMAND_RING.is_set(causes) {
            let code = engine.nic.failure();
            engine.fail(code.map_or_else(|error| error, Error::Failed));
        }
    }
}
