//! The control service: how the rest of the driver has verbs done.
//!
//! [`Service::submit`] takes a [`Verb`] from anywhere at IRQL <= DISPATCH_LEVEL, without waiting:
//!
//! ```text
//! submitter (<= DISPATCH)          worker (PASSIVE)                      device
//!   submit(verb) ---------------->  verb.begin(control, nic, cookie) -->  command
//!   STATUS_PENDING                                                        ...
//!                                   verb.end(passive, engine, result) <-- answer
//! ```
//!
//! - `begin` runs on the adapter's worker at PASSIVE_LEVEL, because queues need shared memory, which NDIS gives only
//!   there. It is called once for each verb, in the order of submission, when the command ring has room.
//! - `end` runs on the worker too, exactly once for each verb that `submit` took: with the outcome, with why `begin`
//!   failed, or, when the device broke, with that error after the device was silenced. It may submit again, complete
//!   NDK requests, and drop handles. It must not wait for another verb.
//! - Answers are taken before events: when [`super::Listener::event`] tells of a connection, the CONNECT that made it
//!   has ended.
//! - A verb that takes a handle (`destroy_cq`, ...) keeps it in itself, hands it over in `begin`, and puts back what
//!   `Failure::kept` returns, as [`Service::submit_with`]'s closures cannot.
//!
//! The verbs and what they come to are `rnic_driver_core`'s. Nothing here allocates but `submit`, which may refuse.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use rnic_driver_core::{Error, Token};

use super::{Engine, FOREIGN, Listener, NtControl, NtFailure, NtNic, NtOutcome, PATIENCE_NS};
use crate::nt::wait::now_ns;
use crate::nt::{NoMemory, Passive, Shared, SpinLock, try_box};

/// Something to have done by the device.
pub trait Verb: Send {
    /// Begins it; `cookie` is the service's.
    fn begin(&mut self, control: &mut NtControl, nic: &NtNic, cookie: u64) -> Result<Token, Error>;

    /// It ended.
    fn end(
        self: Box<Self>,
        passive: &Passive,
        engine: &Shared<Engine>,
        result: Result<NtOutcome, NtFailure>,
    );
}

/// A verb of two closures.
struct Closures<B, E> {
    begin: B,
    end: E,
}

impl<B, E> Verb for Closures<B, E>
where
    B: FnMut(&mut NtControl, &NtNic, u64) -> Result<Token, Error> + Send,
    E: FnOnce(&Passive, &Shared<Engine>, Result<NtOutcome, NtFailure>) + Send,
{
    fn begin(&mut self, control: &mut NtControl, nic: &NtNic, cookie: u64) -> Result<Token, Error> {
        (self.begin)(control, nic, cookie)
    }

    fn end(
        self: Box<Self>,
        passive: &Passive,
        engine: &Shared<Engine>,
        result: Result<NtOutcome, NtFailure>,
    ) {
        (self.end)(passive, engine, result);
    }
}

/// A verb, and when it was submitted.
struct Aged {
    verb: Box<dyn Verb>,
    since: u64,
}

/// Commands in flight at most; the ring has no more slots.
const RUNNING: usize = 64;

/// Verbs of one engine.
pub struct Service {
    /// Not begun.
    waiting: SpinLock<Option<VecDeque<Aged>>>,
    /// Begun; a verb's cookie is its place. Touched by the worker alone; the lock only says so to the compiler.
    running: SpinLock<Vec<Option<Aged>>>,
}

impl Service {
    pub(super) fn try_new() -> Result<Self, NoMemory> {
        let mut running = Vec::new();
        running.try_reserve_exact(RUNNING).map_err(|_| NoMemory)?;
        running.resize_with(RUNNING, || None);
        Ok(Self {
            waiting: SpinLock::new(Some(VecDeque::new())),
            running: SpinLock::new(running),
        })
    }

    /// Takes a verb; the caller kicks the adapter's worker ([`crate::adapter::Adapter::kick`]). The verb comes back when
    /// there is no memory, or when the engine has ended: then `end` is not called.
    pub fn submit(&self, verb: Box<dyn Verb>) -> Result<(), (Error, Box<dyn Verb>)> {
        let mut waiting = self.waiting.lock();
        let Some(queue) = waiting.as_mut() else {
            return Err((Error::Gone, verb));
        };
        if queue.try_reserve(1).is_err() {
            return Err((Error::NoMemory, verb));
        }
        let since = now_ns();
        queue.push_back(Aged { verb, since });
        Ok(())
    }

    /// As [`Service::submit`], for a verb that is two closures. On failure they are dropped, not called.
    pub fn submit_with(
        &self,
        begin: impl FnMut(&mut NtControl, &NtNic, u64) -> Result<Token, Error> + Send + 'static,
        end: impl FnOnce(&Passive, &Shared<Engine>, Result<NtOutcome, NtFailure>) + Send + 'static,
    ) -> Result<(), Error> {
        let verb = try_box(Closures { begin, end })?;
        self.submit(verb).map_err(|(error, _)| error)
    }

    /// Begins what waits, as far as the ring has room. Whether anything ended early.
    pub(super) fn begin(
        &self,
        passive: &Passive,
        engine: &Shared<Engine>,
        control: &mut NtControl,
    ) -> bool {
        let mut progress = false;
        while control.has_room() {
            let Some(place) = self.running.lock().iter().position(Option::is_none) else {
                break;
            };
            let next = self.waiting.lock().as_mut().and_then(VecDeque::pop_front);
            let Some(mut next) = next else {
                break;
            };
            match next.verb.begin(control, &engine.nic, place as u64) {
                Ok(_) => {
                    if let Some(entry) = self.running.lock().get_mut(place) {
                        *entry = Some(next);
                    }
                }
                Err(error) => {
                    progress = true;
                    next.verb.end(passive, engine, Err(error.into()));
                }
            }
        }
        progress
    }

    /// Ends what was answered. Whether there was anything.
    pub(super) fn answers(
        &self,
        passive: &Passive,
        engine: &Shared<Engine>,
        control: &mut NtControl,
        listener: &dyn Listener,
    ) -> bool {
        let mut progress = false;
        while let Some(done) = control.poll(&engine.nic) {
            progress = true;
            if done.cookie >= FOREIGN {
                listener.answered(passive, engine, done);
                continue;
            }
            let place = usize::try_from(done.cookie).unwrap_or(usize::MAX);
            let running = self.running.lock().get_mut(place).and_then(Option::take);
            if let Some(running) = running {
                running.verb.end(passive, engine, done.result);
            }
        }
        progress
    }

    /// Ends everything: no verb is taken from now on.
    pub(super) fn finish(
        &self,
        passive: &Passive,
        engine: &Shared<Engine>,
        control: &mut NtControl,
        listener: &dyn Listener,
        error: Error,
    ) {
        self.answers(passive, engine, control, listener);
        let waiting = self.waiting.lock().take();
        for Aged { verb, .. } in waiting.into_iter().flatten() {
            verb.end(passive, engine, Err(error.into()));
        }
        // What waits elsewhere is refused by the dead control.
        listener.begin(passive, engine, control);
    }

    /// Whether a verb was submitted so long ago that no answer is to be expected: the device does not answer it, or takes so
    /// long for others that its turn does not come.
    pub(super) fn is_late(&self) -> bool {
        let now = now_ns();
        let late = |verb: &Aged| now.saturating_sub(verb.since) > PATIENCE_NS;
        // In the order of submission: the first is the oldest.
        let waits = |queue: &VecDeque<Aged>| queue.front().is_some_and(late);
        self.waiting.lock().as_ref().is_some_and(waits)
            || self.running.lock().iter().flatten().any(late)
    }
}
