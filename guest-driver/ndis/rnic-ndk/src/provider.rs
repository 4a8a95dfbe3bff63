//! The provider of one device: what its consumers share, and the ways in which device and operating system call it.
#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ndis_sys::ndk::NDK_VERSION;
use rnic_driver_core::{Control, CqSignal, Done, Error, Event, Failure, Object as Kept, Outcome};
use rnic_platform::Platform as _;

use crate::adapter::Adapter;
use crate::address::Addresses;
use crate::connector::Connector;
use crate::cq::Cq;
use crate::endpoint::SharedEndpoint;
use crate::listener::Listener;
use crate::pending::{COOKIE, Pending};
use crate::raw::{Handle, Hold, Lock, NoMemory, Object, Passive, Ref, Shared};
use crate::registry::Registry;
use crate::srq::Srq;
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

/// Why an adapter was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// A version that we do not speak: NDIS_STATUS_BAD_VERSION.
    Version,
    /// NDK is disabled, or the device failed: NDIS_STATUS_ADAPTER_NOT_READY.
    NotReady,
    /// A switch or port that does not exist: NDIS_STATUS_INVALID_PARAMETER.
    Port,
    /// NDIS_STATUS_RESOURCES.
    NoMemory,
}

/// How long the device may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the answer of a command, in nanoseconds.
    pub answer_ns: u64,
    /// For the event that a command leads to, when a peer has its part in it, in nanoseconds.
    pub event_ns: u64,
}

/// Objects by number.
pub(crate) struct Tables<S: System> {
    pub(crate) cqs: Registry<Cq<S>>,
    /// Completion queue number and key, sorted.
    pub(crate) cq_numbers: Vec<(u32, u64)>,
    pub(crate) cqs_made: usize,
    pub(crate) srqs: Registry<Srq<S>>,
    pub(crate) connectors: Registry<Connector<S>>,
    pub(crate) listeners: Registry<Listener<S>>,
    pub(crate) endpoints: Registry<SharedEndpoint<S>>,
}

/// The provider of one device. It must outlive a reset of the device that follows its last use: what is dropped with it
/// may still be in the device's hands before.
pub struct Provider<S: System> {
    system: S,
    pending: Lock<S::Lock, Pending<S>>,
    pub(crate) tables: Lock<S::Lock, Tables<S>>,
    pub(crate) addresses: Addresses<S>,
    pub(crate) resolving: Lock<S::Lock, Vec<Hold<Connector<S>>>>,
    graveyard: Lock<S::Lock, Vec<Kept<PlatformOf<S>>>>,
    enabled: AtomicBool,
    failed: AtomicBool,
    serial: AtomicU32,
    pub(crate) adapters: AtomicU32,
}

impl<S: System> Provider<S> {
    /// A provider of a device that is up.
    pub fn new(system: S, enabled: bool) -> Result<Shared<Self>, NoMemory> {
        let addresses = Addresses::new(system.nic().limits().addresses.get())?;
        Shared::new(Self {
            system,
            pending: Lock::new(Pending::new()),
            tables: Lock::new(Tables {
                cqs: Registry::new(),
                cq_numbers: Vec::new(),
                cqs_made: 0,
                srqs: Registry::new(),
                connectors: Registry::new(),
                listeners: Registry::new(),
                endpoints: Registry::new(),
            }),
            addresses,
            resolving: Lock::new(Vec::new()),
            graveyard: Lock::new(Vec::new()),
            enabled: AtomicBool::new(enabled),
            failed: AtomicBool::new(false),
            serial: AtomicU32::new(0),
            adapters: AtomicU32::new(0),
        })
    }

    /// The operating system.
    pub fn system(&self) -> &S {
        &self.system
    }

    /// Enables or disables NDK; true if that is a change. Adapters that are open stay until their consumers close them.
    pub fn set_enabled(&self, enabled: bool) -> bool {
        self.enabled.swap(enabled, Ordering::AcqRel) != enabled
    }

    /// Whether adapters can be opened.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Acquire)
    }

    /// Opens an adapter for a consumer. (ndkpi.md 0.1)
    pub fn open(
        this: &Shared<Self>,
        _: &Passive,
        wanted: NDK_VERSION,
        port: (u32, u32),
    ) -> Result<Ref<Adapter<S>>, OpenError> {
        let highest = match wanted.Major {
            1 => 2,
            2 => 1,
            _ => return Err(OpenError::Version),
        };
        if wanted.Minor > highest {
            return Err(OpenError::Version);
        }
        if port != (0, 0) {
            return Err(OpenError::Port);
        }
        if !this.is_enabled() || this.is_failed() {
            return Err(OpenError::NotReady);
        }
        let version = NDK_VERSION {
            Major: wanted.Major,
            Minor: highest,
        };
        let opened = Adapter::create(this.clone(), version).map_err(|_| OpenError::NoMemory)?;
        // Counted, it is looked at again: whoever lets go of a provider that failed does so when nothing is counted.
        if this.is_failed() {
            return Err(OpenError::NotReady);
        }
        Ok(opened)
    }

    /// A number that no queue had lately.
    pub(crate) fn next_serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    // Commands.

    /// Puts a command behind those that wait. Without memory nothing happened, and `then` is dropped without a call.
    pub(crate) fn submit(&self, verb: Verb<S>, then: Then<S>) -> Result<(), NoMemory> {
        let pushed = self.pending.lock().push(verb, then);
        if pushed.is_err() {
            return Err(NoMemory);
        }
        self.system.commands_wait();
        Ok(())
    }

    /// As `submit`, in the slot that `reserved` keeps.
    pub(crate) fn submit_reserved(&self, verb: Verb<S>, then: Then<S>, _reserved: &Reserved<S>) {
        self.pending.lock().push_reserved(verb, then);
        self.system.commands_wait();
    }

    /// Submits commands that wait, as far as the ring has room. With a ring that is dead all of them end.
    pub fn submit_waiting(&self, control: &mut Control<PlatformOf<S>>) {
        let nic = self.system.nic();
        while control.has_room() || control.dead().is_some() {
            let next = self.pending.lock().take(self.now());
            let Some((verb, cookie)) = next else { return };
            if let Err((error, kept)) = verb.submit(control, nic, cookie) {
                self.finish(cookie, Err(Failure { error, kept }));
            }
        }
    }

    /// Ends commands that wait, when there is no ring for them any more: the device was reset, or is gone.
    pub fn refuse_waiting(&self) {
        loop {
            let next = self.pending.lock().take(0);
            let Some((verb, cookie)) = next else { return };
            // With it goes the queue that it was given, which no device uses any more.
            drop(verb);
            self.finish(cookie, Err(Error::Gone.into()));
        }
    }

    /// Commands that were submitted and not answered yet.
    pub fn commands_flying(&self) -> u32 {
        self.pending.lock().flying()
    }

    fn now(&self) -> u64 {
        self.system.nic().platform().now().0
    }

    /// What the device owes for too long, if it does: the answer of a command, the signal of an armed completion queue that has a
    /// completion, or the event that ends an ACCEPT or a DISCONNECT. A CONNECT may take as long as the peer thinks; its consumer gives up by closing. [CM-3] [CM-12]
    pub fn overdue(&self, patience: Patience) -> Option<&'static str> {
        let now = self.now();
        let late = |since: u64, patience: u64| now.saturating_sub(since) > patience;
        let oldest = self.pending.lock().oldest();
        if oldest.is_some_and(|since| late(since, patience.answer_ns)) {
            return Some("the answer of a command");
        }
        let mut from = 0;
        while let Some((cq, next)) = { self.tables.lock().cqs.after(from) } {
            from = next;
            if let Some(since) = cq.body().owes_since(now)
                && late(since, patience.answer_ns)
            {
                return Some("the signal of an armed completion queue");
            }
        }
        let mut from = 0;
        while let Some((connector, next)) = { self.tables.lock().connectors.after(from) } {
            from = next;
            if let Some(since) = connector.body().waits_since(now)
                && late(since, patience.event_ns)
            {
                return Some("the event that ends an ACCEPT or a DISCONNECT");
            }
        }
        None
    }

    /// Adapters that are open, or whose memory is.
    pub fn adapters(&self) -> u32 {
        self.adapters.load(Ordering::SeqCst)
    }

    /// Whether a command that was answered is one of ours.
    #[must_use]
    pub fn owns(done: &Done<PlatformOf<S>>) -> bool {
        done.cookie & (0xFFFF_FFFF << 32) == COOKIE
    }

    /// A command of ours was answered; called with nothing locked.
    pub fn answered(&self, done: Done<PlatformOf<S>>) {
        self.finish(done.cookie, done.result);
        if self.pending.lock().waits() {
            self.system.commands_wait();
        }
    }

    fn finish(&self, cookie: u64, result: Result<Outcome<PlatformOf<S>>, Failure<PlatformOf<S>>>) {
        let then = self.pending.lock().finish(cookie);
        if let Some(then) = then {
            then.run(self, result);
        }
    }

    /// Keeps a queue that the device may still use until the device is reset. Without memory for that it is leaked:
    /// never freed under the device.
    pub(crate) fn bury(&self, kept: Option<Kept<PlatformOf<S>>>) {
        let Some(kept) = kept else { return };
        let mut graveyard = self.graveyard.lock();
        if graveyard.try_reserve(1).is_ok() {
            graveyard.push(kept);
        } else {
            core::mem::forget(kept);
        }
    }

    /// The device was reset: what it held is free.
    pub fn device_was_reset(&self) {
        let buried = core::mem::take(&mut *self.graveyard.lock());
        drop(buried);
    }

    // What the device says.

    /// A completion queue signals. At DISPATCH_LEVEL, with nothing locked.
    pub fn signal(&self, signal: &CqSignal) {
        let cq = {
            let mut tables = self.tables.lock();
            let at = tables
                .cq_numbers
                .binary_search_by_key(&signal.cqn, |entry| entry.0);
            let key = at
                .ok()
                .and_then(|at| tables.cq_numbers.get(at))
                .map(|entry| entry.1);
            key.and_then(|key| tables.cqs.get(key))
        };
        if let Some(cq) = cq {
            Cq::signalled(&cq, signal);
        }
    }

    /// A general event. At DISPATCH_LEVEL, with nothing locked. Events that are not about NDK are left alone.
    pub fn event(this: &Shared<Self>, event: &Event) {
        match event {
            Event::CqError { cause, context, .. } => {
                let cq = this.tables.lock().cqs.get(*context);
                if let Some(cq) = cq {
                    Cq::failed(&cq, *cause);
                }
            }
            Event::SrqLimit { context, .. } | Event::SrqError { context, .. } => {
                let broken = matches!(event, Event::SrqError { .. });
                let srq = this.tables.lock().srqs.get(*context);
                if let Some(srq) = srq {
                    Srq::event(&srq, broken);
                }
            }
            Event::ConnectRequest(info) => {
                let listener = this.tables.lock().listeners.get(info.cookie);
                match listener.as_ref().and_then(|listener| listener.hold()) {
                    Some(listener) => Listener::requested(&listener, info),
                    // Nobody wants it any more: without memory even for that, the backlog bounds what is left behind.
                    None => drop(this.submit(Verb::Release(info.connection), Then::Nothing)),
                }
            }
            Event::ConnectReply(info)
            | Event::ConnectFailed(info)
            | Event::Established(info)
            | Event::PeerDisconnected(info)
            | Event::Disconnected(info) => {
                if let Some(connector) = this.connector_of(info) {
                    Connector::event(&connector, event, info);
                }
            }
            _ => {}
        }
    }

    /// Until ACCEPT an event carries the listener's cookie. [CM-16]
    fn connector_of(&self, info: &rnic_driver_core::CmInfo) -> Option<Ref<Connector<S>>> {
        let mut tables = self.tables.lock();
        if let Some(connector) = tables.connectors.get(info.cookie) {
            return Some(connector);
        }
        let mut all = tables.connectors.iter();
        all.find(|c| c.body().is_request(info.cookie, info.connection))
            .cloned()
    }

    /// The device broke a rule, stopped or is gone: the command ring was abandoned. Everything that waits for the device
    /// ends; queues report an internal error.
    pub fn device_failed(&self) {
        if self.failed.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut from = 0;
        while let Some((cq, next)) = { self.tables.lock().cqs.after(from) } {
            from = next;
            Cq::device_failed(&cq);
        }
        from = 0;
        while let Some((srq, next)) = { self.tables.lock().srqs.after(from) } {
            from = next;
            Srq::event(&srq, true);
        }
        from = 0;
        while let Some((connector, next)) = { self.tables.lock().connectors.after(from) } {
            from = next;
            Connector::device_failed(&connector);
        }
        self.system.commands_wait();
    }

    /// Whether the device failed.
    pub fn is_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// What was wanted by [`System::want_deferred_work`].
    pub fn deferred_work(&self) {
        let mut from = 0;
        while let Some((cq, next)) = { self.tables.lock().cqs.after(from) } {
            from = next;
            Cq::notify_due(&cq);
        }
    }

    /// What was wanted by [`System::want_passive_work`].
    pub fn passive_work(&self, passive: &Passive) {
        loop {
            let Some(connector) = self.resolving.lock().pop() else {
                break;
            };
            Connector::resolve(connector, passive);
        }
    }
}

/// Keeps a slot for a command that must not fail.
pub(crate) struct Reserved<S: System> {
    provider: Shared<Provider<S>>,
}

impl<S: System> Reserved<S> {
    pub(crate) fn new(provider: &Shared<Provider<S>>) -> Result<Self, NoMemory> {
        provider.pending.lock().reserve()?;
        Ok(Self {
            provider: provider.clone(),
        })
    }
}

impl<S: System> Drop for Reserved<S> {
    fn drop(&mut self) {
        self.provider.pending.lock().unreserve();
    }
}

/// The handle of a new object, for its consumer.
pub(crate) fn handle<T: crate::raw::Body>(object: Ref<T>) -> Handle {
    Object::into_handle(object)
}
