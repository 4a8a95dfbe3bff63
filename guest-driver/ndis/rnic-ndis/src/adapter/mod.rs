//! The adapter: from MiniportInitializeEx to MiniportHaltEx.
//!
//! [`lifecycle`] makes and unmakes it, `recovery` begins and ends lives of the device while it stays (reset, power,
//! removal), [`watchdog`] looks for what the device owes; [`settings`] is what the registry says, [`attributes`] what NDIS is
//! told. This file is what the rest of the driver sees: the current [`Engine`], the worker, and where interrupts and events go.
//!
//! For the NDK provider: [`Adapter::engine`] gives the current life of the device, [`Adapter::submit`] has a verb done
//! by it ([`crate::engine::control`]), and [`crate::ndk`] says what the adapter calls.

mod addresses;
pub mod attributes;
pub mod lifecycle;
mod recovery;
pub mod settings;
mod watch;
pub mod watchdog;

use alloc::boxed::Box;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use ndis_sys::ndis::NDIS_HANDLE;
use ndis_sys::nt::PROCESSOR_NUMBER;
use rnic_abi::reg::intr_cause;
use rnic_driver_core::{Error, Event};

use crate::engine::control::Verb;
use crate::engine::{self, CONTROL_VECTOR, Engine, NtControl, NtDone};
use crate::ethernet::rss::{self, QUEUES, Rss};
use crate::ethernet::{self, Ethernet};
use crate::hw::Hardware;
use crate::hw::interrupt::{Interrupts, stand_in};
use crate::ndk::Provider;
use crate::nt::events::Entry;
use crate::nt::log::Shown;
use crate::nt::work::Worker;
use crate::nt::{Passive, Shared, SpinLock};
use crate::{info, warning};
use addresses::Addresses;
use recovery::Recovery;
use settings::Settings;
use watch::Watch;
use watchdog::Watchdog;

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
    watchdog: Watchdog,
    interrupts: SpinLock<Option<Interrupts>>,
    /// NDIS's handle of them, for interrupts and deferred calls; null while they are not registered.
    interrupt: AtomicPtr<core::ffi::c_void>,
    /// By message: the processors that its interrupt may come on, bit by bit; 0: not known.
    homes: [AtomicUsize; TARGETS],
    /// By message: the processor that its DPC runs on, plus one; 0: where the interrupt came.
    targets: [AtomicU32; TARGETS],
    /// By message: whether it comes.
    watches: [Watch; TARGETS],
    permanent_address: [u8; 6],
    multicast_limit: u32,
    link_speed: u64,
    recovery: SpinLock<Recovery>,
    addresses: Addresses,
    /// As long as it runs, its messages are shown.
    _shown: Shown,
}

/// Messages whose DPC can be steered.
const TARGETS: usize = QUEUES + 1;

/// An adapter that outlives whoever holds this: a verb, which ends before MiniportHaltEx does.
#[derive(Clone, Copy)]
pub struct Pinned(*const Adapter);

// SAFETY: adapters are shared by all CPUs.
unsafe impl Send for Pinned {}
// SAFETY: as above.
unsafe impl Sync for Pinned {}

impl Pinned {
    /// The adapter.
    pub fn get(&self) -> &Adapter {
        // SAFETY: MiniportHaltEx ends every verb before it frees the adapter.
        unsafe { &*self.0 }
    }
}

impl Adapter {
    /// The device's current life; none while it is down. Its failure may have been noticed already.
    pub fn engine(&self) -> Option<Shared<Engine>> {
        self.engine.lock().clone()
    }

    /// Itself, for a verb.
    pub fn pinned(&self) -> Pinned {
        Pinned(self)
    }

    /// Whether the device is there and did not fail.
    pub fn is_up(&self) -> bool {
        self.engine()
            .is_some_and(|engine| engine.failure().is_none())
    }

    /// The device's own Ethernet address.
    pub fn permanent_address(&self) -> [u8; 6] {
        self.permanent_address
    }

    /// Multicast addresses that can be filtered by.
    pub fn multicast_limit(&self) -> u32 {
        self.multicast_limit
    }

    /// Bits per second.
    pub fn link_speed(&self) -> u64 {
        self.link_speed
    }

    /// Queues for receive side scaling, if there is any.
    pub fn rss_queues(&self) -> Option<usize> {
        let engine = self.engine()?;
        rss::capabilities(&self.settings, &engine)?;
        Some(ethernet::queues(&self.settings, &engine))
    }

    /// Lets each queue's DPC run on the CPU that Windows wants.
    pub fn steer(&self, rss: Option<&Rss>) {
        for (queue, target) in self.targets.iter().skip(1).enumerate() {
            let cpu = rss.and_then(|rss| rss.cpus.get(queue).copied().flatten());
            let place = cpu.map_or(0, |cpu| cpu + 1);
            target.store(place, Ordering::Relaxed);
        }
    }

    /// Processor that a message's DPC runs on; none: where the interrupt came. Callable at any IRQL.
    pub fn target(&self, message: u32) -> Option<PROCESSOR_NUMBER> {
        let target = self.targets.get(message as usize)?.load(Ordering::Relaxed);
        target.checked_sub(1).map(rss::processor)
    }

    /// Processors that a message's interrupt may come on, bit by bit, where that is known.
    pub fn home(&self, message: u32) -> Option<usize> {
        let home = self.homes.get(message as usize)?.load(Ordering::Relaxed);
        (home != 0).then_some(home)
    }

    /// NDIS's handle of the interrupts; null while they are not registered. Callable at any IRQL.
    pub fn interrupt(&self) -> NDIS_HANDLE {
        self.interrupt.load(Ordering::Acquire)
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

    /// What is known of a message's coming.
    fn watch(&self, message: u32) -> Option<&Watch> {
        self.watches.get(message as usize)
    }

    /// An interrupt came, and its DPC is about to be queued. Callable at any IRQL.
    pub fn announced(&self, message: u32) {
        if let Some(watch) = self.watch(message) {
            watch.announced();
        }
    }

    /// An interrupt message, at DISPATCH_LEVEL. It does a bounded amount of work, `frames` received frames at most;
    /// whether more is left, for which no interrupt may come: then it is to be called again.
    pub fn message(&self, message: u32, frames: u32) -> bool {
        let watch = self.watch(message);
        if let Some(watch) = watch {
            watch.begin();
        }
        let more = self.serve(message, frames);
        if let Some(watch) = watch {
            watch.end(more);
        }
        more
    }

    fn serve(&self, message: u32, frames: u32) -> bool {
        if message == u32::from(CONTROL_VECTOR) {
            self.kick();
        }
        let Some(engine) = self.engine() else {
            return false;
        };
        if engine.failure().is_some() {
            return false;
        }
        let Some(index) = engine.vector_of(message) else {
            return false;
        };
        let mut more = false;
        if let Some(vector) = engine.vectors.get(index) {
            more |= vector.service(&engine, |signal| self.ndk.cq_signal(signal));
        }
        more |= self.ethernet.service(&engine, index, frames);
        if engine.failure().is_some() {
            self.kick();
            return false;
        }
        more
    }

    /// Looks at every message as if it had come: what came when nobody listened.
    fn look_at_all(&self) {
        crate::nt::irql::at_dispatch(|| {
            for message in 0..self.messages {
                if self.message(message, u32::MAX) {
                    // A device that has this much to say when it has just begun.
                    stand_in(self, message);
                }
            }
        });
    }

    /// The worker's turn.
    fn turn(&self, passive: &Passive) {
        if let Some(engine) = self.engine() {
            let alive = !engine.is_quiet();
            if self.ethernet.is_stuck() {
                // A pause must end, whatever the device does.
                engine.fail(Error::Late("a packet that the device was given"));
            }
            let control = self.watch(CONTROL_VECTOR.into());
            let turn = control.map(Watch::begin_turn);
            let turned = engine::turn(passive, &engine, self);
            if let Some((control, turn)) = control.zip(turn) {
                control.end_turn(turn, turned.found);
            }
            if turned.more {
                // Others get their turn, and what ends this life is seen, however much the device has to say.
                self.kick();
            }
            if alive && let Some(error) = engine.failure() {
                match error {
                    Error::Ended => info!("this life of the device ends"),
                    _ => warning!("this life of the device ends: {error}"),
                }
                if !matches!(error, Error::Ended | Error::Gone) {
                    Entry::HardwareFailure.write(self.handle);
                }
                self.ndk.engine_down(passive, &engine);
                self.ethernet.engine_down(self);
            }
        }
        self.ndk.turn(passive);
        self.recover(passive);
        self.learn_addresses(passive);
        self.hardware.free_retired(passive);
    }
}

impl engine::Listener for Adapter {
    fn answered(&self, passive: &Passive, engine: &Shared<Engine>, done: NtDone) {
        self.ndk.answered(passive, engine, done);
    }

    fn begin(&self, passive: &Passive, engine: &Shared<Engine>, control: &mut NtControl) {
        self.ndk.begin(passive, engine, control);
    }

    fn event(&self, passive: &Passive, engine: &Shared<Engine>, event: &Event) {
        match event {
            Event::AddressConflict { index, mac } => {
                warning!("address {index} of the interface is also claimed by {mac:02x?}");
            }
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
