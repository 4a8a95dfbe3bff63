//! One life of the device: from bring-up to the reset that ends it.
//!
//! ```text
//! Adapter (Initialize to Halt)
//!   `- Shared<Engine> (bring-up to reset; replaced by MiniportResetEx and by waking up)
//!        |- nic       Nic, shared by every CPU
//!        |- control   verbs and general events: owned by the adapter's worker, at PASSIVE_LEVEL
//!        `- vectors   completion event queues, each serviced by its message's DPC
//! ```
//!
//! **Who may call what.** [`Engine::nic`] is for everybody. Verbs are submitted from anywhere at IRQL <= DISPATCH_LEVEL
//! ([`control`] says how) and end on the worker. Queue handles (`Cq`, `SendQueue`, ...) belong to whoever created them.
//!
//! **How it ends.** [`Engine::fail`] marks it; from then on every verb ends with the error, and the worker resets the
//! device. Its objects keep their `Shared<Engine>`; their handles may be dropped once [`Engine::is_quiet`], because then
//! the device uses no memory.

pub mod control;
pub mod vector;

use core::sync::atomic::{AtomicBool, Ordering};

use alloc::vec::Vec;
use ndis_sys::nt::KeQueryActiveProcessorCountEx;
use rnic_abi::consts;
use rnic_driver_core::{
    BringUp, Config, Control, Device, Error, Event, GeneralEq, Nic, Outcome, Step,
};

use crate::hw::NtPlatform;
use crate::nt::wait::{now_ns, sleep_us};
use crate::nt::{NoMemory, Passive, Shared, SpinLock};
use control::Service;
use vector::Vector;

/// The core's types over this machine.
pub type NtNic = Nic<NtPlatform>;
/// As above.
pub type NtControl = Control<NtPlatform>;
/// As above.
pub type NtOutcome = Outcome<NtPlatform>;
/// As above.
pub type NtFailure = rnic_driver_core::Failure<NtPlatform>;

/// As above.
pub type NtDone = rnic_driver_core::Done<NtPlatform>;

/// Cookies below are the service's.
pub const FOREIGN: u64 = 1 << 32;

/// Vector of answers, general events and causes. Those after it have a completion event queue and Ethernet queues each; where it is
/// the only one, it has them.
pub const CONTROL_VECTOR: u16 = 0;

/// Messages after the first that are used at most, one for each processor.
pub const MAX_VECTORS: u32 = 16;

/// How long a verb, a reset, or bring-up as far as verbs may take.
pub const PATIENCE_NS: u64 = 5_000_000_000;

/// How long it may take to begin a life: bring-up, and every verb of [`Engine::bring_up`] and [`Engine::verb_now`].
pub const BEGIN_NS: u64 = 2 * PATIENCE_NS;

/// How long a request of NDIS may be pending, at most. The waits that are in it:
///
/// | request | waits |
/// |---|---|
/// | served by a verb | the verb, from its submission on; the timer that notices; the reset that follows |
/// | OID_NDK_STATISTICS | that of two verbs, one after the other |
/// | OID_PNP_SET_POWER, MiniportResetEx | the reset that ends a life; the life that begins; if it does not, its reset |
///
/// What else the worker does in between waits for nothing. The host that runs the driver on Linux gives a request 30 s.
pub const REQUEST_NS: u64 = 25_000_000_000;

const TICK_NS: u64 = WATCHDOG_MS as u64 * 1_000_000;
const _: () = assert!(2 * PATIENCE_NS + TICK_NS + PATIENCE_NS < REQUEST_NS);
const _: () = assert!(TICK_NS + PATIENCE_NS + BEGIN_NS + PATIENCE_NS < REQUEST_NS);

/// How often the watchdog looks for what is late. An interrupt that is lost costs one to two such times.
pub const WATCHDOG_MS: u32 = 500;

/// Completion events that fit each event queue.
pub const EQ_ENTRIES: u32 = 16 * 1024;

/// What only the worker touches.
pub struct Owned {
    /// The command ring.
    pub control: NtControl,
    /// General events.
    pub events: GeneralEq<NtPlatform>,
}

/// One life of the device.
pub struct Engine {
    /// Shared by all CPUs.
    pub nic: NtNic,
    /// Verbs.
    pub service: Service,
    /// One for each message after [`CONTROL_VECTOR`].
    pub vectors: Vec<Vector>,
    owned: SpinLock<Option<Owned>>,
    failed: SpinLock<Option<Error>>,
    /// The device was reset, or is gone: it uses no memory of this life.
    quiet: AtomicBool,
    /// When this life has to have begun.
    begun_by: u64,
}

impl Engine {
    /// Brings the device up and starts its event queues, waiting a bounded time for each step.
    pub fn bring_up(
        passive: &Passive,
        platform: NtPlatform,
        messages: u32,
    ) -> Result<Shared<Self>, Error> {
        let begun_by = now_ns().saturating_add(BEGIN_NS);
        let config = Config {
            command_vector: CONTROL_VECTOR,
            event_vector: CONTROL_VECTOR,
            cause_vector: CONTROL_VECTOR,
            events: 256,
            ..Config::default()
        };
        let device = ready(passive, BringUp::new(platform, config))?;
        let Device {
            nic,
            control,
            events,
        } = device;
        let mut owned = Owned { control, events };
        match Self::start(passive, &nic, &mut owned, messages, begun_by) {
            Ok((service, vectors)) => {
                let engine = Self {
                    nic,
                    service,
                    vectors,
                    owned: SpinLock::new(Some(owned)),
                    failed: SpinLock::new(None),
                    quiet: AtomicBool::new(false),
                    begun_by,
                };
                let hardware = engine.nic.platform().hardware().clone();
                Shared::new(engine).map_err(|NoMemory| {
                    // The engine was dropped with a live device: `Drop` below has reset it.
                    drop(hardware);
                    Error::NoMemory
                })
            }
            Err(error) => {
                silence(passive, &nic);
                Err(error)
            }
        }
    }

    fn start(
        passive: &Passive,
        nic: &NtNic,
        owned: &mut Owned,
        messages: u32,
        begun_by: u64,
    ) -> Result<(Service, Vec<Vector>), Error> {
        let service = Service::try_new()?;
        let mut vectors = Vec::new();
        // ALL_PROCESSOR_GROUPS.
        // SAFETY: good for any group.
        let processors = unsafe { KeQueryActiveProcessorCountEx(0xFFFF) };
        let messages = messages.min(nic.identity().vectors.into());
        if messages == 0 {
            return Err(Error::Missing("an interrupt message"));
        }
        // Windows gives all that are asked for, or one: then that one serves everything.
        let (first, count) = match messages - 1 {
            0 => (CONTROL_VECTOR, 1),
            more => (CONTROL_VECTOR + 1, more.min(processors).min(MAX_VECTORS)),
        };
        vectors
            .try_reserve_exact(count as usize)
            .map_err(|_| Error::NoMemory)?;
        for index in 0..count {
            let message = u16::try_from(u32::from(first) + index).unwrap_or(consts::VECTOR_NONE);
            let token = owned.control.create_eq(nic, 0, EQ_ENTRIES, message)?;
            match answer(passive, nic, owned, token, begun_by)? {
                Outcome::CompletionEq(eq) => vectors.push(Vector::new(message, eq)),
                other => return Err(unexpected(&other)),
            }
        }
        Ok((service, vectors))
    }

    /// The place in [`Engine::vectors`] of a message, if it has one.
    pub fn vector_of(&self, message: u32) -> Option<usize> {
        let first = self.vectors.first()?.message();
        message.checked_sub(first.into()).map(|at| at as usize)
    }

    /// Runs a verb and waits for its end. Only before the worker has the engine, or by the worker, while a life begins:
    /// all of them together have as long as [`BEGIN_NS`] leaves them.
    pub fn verb_now(
        &self,
        passive: &Passive,
        begin: impl FnOnce(&mut NtControl, &NtNic) -> Result<rnic_driver_core::Token, Error>,
    ) -> Result<NtOutcome, Error> {
        let Some(mut owned) = self.take_owned() else {
            return Err(Error::Argument("the worker has the control"));
        };
        let result = begin(&mut owned.control, &self.nic)
            .and_then(|token| answer(passive, &self.nic, &mut owned, token, self.begun_by));
        self.give_owned(owned);
        result
    }

    /// Takes what only one may have; none while somebody has it.
    pub fn take_owned(&self) -> Option<Owned> {
        self.owned.lock().take()
    }

    /// Gives it back.
    pub fn give_owned(&self, owned: Owned) {
        *self.owned.lock() = Some(owned);
    }

    /// The device broke, vanished or is to end: no more verbs, and the first reason stays. The caller kicks the
    /// adapter's worker.
    pub fn fail(&self, error: Error) {
        let error = if error == Error::Gone && is_on_the_bus(self.nic.platform()) {
            // All ones, and yet it is there: it may use memory, so it is not left alone but reset.
            Error::Late("a register with a value")
        } else {
            error
        };
        let mut failed = self.failed.lock();
        if failed.is_none() {
            *failed = Some(error);
        }
        if error == Error::Gone {
            self.nic.platform().hardware().set_gone();
        }
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<Error> {
        *self.failed.lock()
    }

    /// Whether the device can use no memory of this life any more.
    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire)
    }

    /// Ends the device's use of memory: resets it and waits a bounded time.
    pub fn silence(&self, passive: &Passive) {
        if self.is_quiet() {
            return;
        }
        silence(passive, &self.nic);
        self.quiet.store(true, Ordering::Release);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if !self.is_quiet() {
            // SAFETY: an engine that is not quiet is dropped where it was made, in bring-up.
            let passive = unsafe { Passive::assume() };
            silence(&passive, &self.nic);
        }
    }
}

/// Advances bring-up until it ends.
fn ready(passive: &Passive, bring_up: BringUp<NtPlatform>) -> Result<Device<NtPlatform>, Error> {
    let mut start = now_ns();
    let mut step = bring_up.advance();
    let mut late = false;
    loop {
        match step {
            Step::Ready(device) => return Ok(device),
            Step::Failed(failed) => {
                if failed.error == Error::Gone && is_on_the_bus(&failed.platform) {
                    // What its registers said is not to be believed, also not that it was reset.
                    stop_bus_master(&failed.platform);
                }
                return Err(failed.error);
            }
            Step::Pending(next) => {
                let mut next = next;
                if now_ns().saturating_sub(start) > PATIENCE_NS {
                    if late {
                        // It does not even reset. Bus mastering is switched off, so that nothing is written.
                        crate::error!("the device does not reset; bus mastering is switched off");
                        stop_bus_master(next.platform());
                        return Err(Error::Gone);
                    }
                    late = true;
                    start = now_ns();
                    next = next.give_up(Error::Late("a step of bring-up"));
                }
                sleep_us(passive, 200);
                step = next.advance();
            }
        }
    }
}

/// Waits for the answer of a verb, until `deadline`.
fn answer(
    passive: &Passive,
    nic: &NtNic,
    owned: &mut Owned,
    token: rnic_driver_core::Token,
    deadline: u64,
) -> Result<NtOutcome, Error> {
    loop {
        while let Some(done) = owned.control.poll(nic) {
            if done.token == token {
                return done.result.map_err(|failure| failure.error);
            }
        }
        owned.control.check_ring(nic)?;
        if now_ns() > deadline {
            owned
                .control
                .abandon(Error::Late("a command of a beginning life"));
            continue;
        }
        sleep_us(passive, 200);
    }
}

/// Resets the device and waits a bounded time; a device that does not reset loses bus mastering.
fn silence(passive: &Passive, nic: &NtNic) {
    let start = now_ns();
    nic.begin_reset();
    loop {
        match nic.reset_is_complete() {
            Ok(true) => return,
            Ok(false) => {}
            Err(_) if !is_on_the_bus(nic.platform()) => return,
            // It is there, and its registers say nothing that can be believed.
            Err(_) => {}
        }
        if now_ns().saturating_sub(start) > PATIENCE_NS {
            crate::error!("the device does not reset; bus mastering is switched off");
            stop_bus_master(nic.platform());
            return;
        }
        sleep_us(passive, 200);
    }
}

/// Whether configuration space answers, which that of a function that was pulled out does not: it reads as all ones, and
/// no vendor has that number. At IRQL <= DISPATCH_LEVEL.
fn is_on_the_bus(platform: &NtPlatform) -> bool {
    use rnic_platform::Platform;
    const VENDOR: u16 = 0;
    platform.config_read(VENDOR, 2) & 0xFFFF != 0xFFFF
}

/// PCI command register: bus master off.
fn stop_bus_master(platform: &NtPlatform) {
    use rnic_platform::Platform;
    const COMMAND: u16 = 4;
    const BUS_MASTER: u32 = 0b100;
    let command = platform.config_read(COMMAND, 2);
    if command != u32::MAX {
        platform.config_write(COMMAND, 2, command & !BUS_MASTER);
    }
}

/// A verb ended well with something it cannot end with.
pub fn unexpected(outcome: &NtOutcome) -> Error {
    crate::error!("a verb ended with {}", outcome.name());
    Error::Argument("outcome")
}

/// What the worker hands to the rest of the adapter.
pub trait Listener {
    /// A verb ended that the service did not begin: its cookie is [`FOREIGN`] or more. On the worker.
    fn answered(&self, passive: &Passive, engine: &Shared<Engine>, done: NtDone);
    /// Begins verbs of one's own, with cookies from [`FOREIGN`] on, as far as [`NtControl::has_room`]; on the worker,
    /// in every turn. A control that is dead refuses, which ends them.
    fn begin(&self, passive: &Passive, engine: &Shared<Engine>, control: &mut NtControl);
    /// A general event; on the worker.
    fn event(&self, passive: &Passive, engine: &Shared<Engine>, event: &Event);
    /// Device-level causes (INTR_CAUSE); on the worker.
    fn causes(&self, passive: &Passive, engine: &Shared<Engine>, causes: u32);
}

/// Events that one turn of the worker takes, and how often it begins anew.
const TURN_EVENTS: u32 = 1024;
const TURN_ROUNDS: u32 = 64;

/// What a turn came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turned {
    /// Another turn is due.
    pub more: bool,
    /// There was something that the device interrupts for.
    pub found: bool,
}

/// One turn of the worker: answers, then events, then new verbs; arms, and returns when nothing is left, or when it was
/// long enough.
pub fn turn(passive: &Passive, engine: &Shared<Engine>, listener: &dyn Listener) -> Turned {
    let mut turned = Turned::default();
    let Some(mut owned) = engine.take_owned() else {
        return turned;
    };
    if engine.failure().is_none() {
        turned.more = work(passive, engine, &mut owned, listener, &mut turned.found);
    }
    if let Some(error) = engine.failure() {
        owned.control.abandon(error);
        // Before anybody hears of the end, the device has stopped.
        engine.silence(passive);
        engine
            .service
            .finish(passive, engine, &mut owned.control, listener, error);
        turned.more = false;
    }
    engine.give_owned(owned);
    turned
}

/// Whether it ended before everything was done. `found`: there was something that the device interrupts for.
fn work(
    passive: &Passive,
    engine: &Shared<Engine>,
    owned: &mut Owned,
    listener: &dyn Listener,
    found: &mut bool,
) -> bool {
    let fail = |error| {
        engine.fail(error);
        false
    };
    match engine.nic.take_causes() {
        Ok(0) => {}
        Ok(causes) => {
            *found = true;
            listener.causes(passive, engine, causes);
        }
        Err(error) => return fail(error),
    }
    let mut more = true;
    for _ in 0..TURN_ROUNDS {
        let mut progress = engine
            .service
            .answers(passive, engine, &mut owned.control, listener);
        *found |= progress;
        for _ in 0..TURN_EVENTS {
            match owned.events.poll(&engine.nic) {
                Ok(Some(event)) => {
                    progress = true;
                    *found = true;
                    // Answers that the device gave before the event are taken before it.
                    engine
                        .service
                        .answers(passive, engine, &mut owned.control, listener);
                    listener.event(passive, engine, &event);
                }
                Ok(None) => break,
                Err(error) => return fail(error),
            }
        }
        progress |= engine.service.begin(passive, engine, &mut owned.control);
        listener.begin(passive, engine, &mut owned.control);
        if let Some(error) = owned.control.dead() {
            return fail(error);
        }
        if engine.failure().is_some() {
            // Somebody else ended this life meanwhile.
            return false;
        }
        if !progress {
            more = false;
            break;
        }
    }
    owned.events.arm(&engine.nic);
    if engine.service.is_late() {
        // A stopped ring says why; one that runs and does not answer is as good as gone.
        let error = owned.control.check_ring(&engine.nic).err();
        return fail(error.unwrap_or(Error::Late("the answer of a command")));
    }
    more
}
