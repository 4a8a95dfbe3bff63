//! Listeners.
#![forbid(unsafe_code)]

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_driver_core::{CmInfo, EndpointId, ListenerId, Outcome};

use crate::System;
use crate::adapter::Adapter;
use crate::address::{Answer, SocketAddress};
use crate::connector::Connector;
use crate::provider::{Provider, Reserved};
use crate::raw::{
    Body, ConnectEvent, Hold, Lock, NoMemory, Object, Ref, RequestCompletion, dispatch,
};
use crate::then::Then;
use crate::verb::Verb;

/// Requests that are reported and not answered yet; NDKPI has no parameter for it.
const BACKLOG: u32 = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Created,
    /// NdkListen is under way.
    Starting,
    Listening,
    /// Closed; the device is told.
    Ending,
}

struct Inner {
    phase: Phase,
    endpoint: Option<EndpointId>,
    listener: Option<ListenerId>,
    address: Option<SocketAddress>,
    paused: bool,
    /// What the device was last told, or is being told.
    told: bool,
    telling: bool,
}

/// A listener.
pub struct Listener<S: System> {
    pub(crate) key: u64,
    event: ConnectEvent,
    inner: Lock<S::Lock, Inner>,
    for_pause: Reserved<S>,
    for_end: Reserved<S>,
    pub(crate) adapter: Hold<Adapter<S>>,
}

impl<S: System> Body for Listener<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeListener;

    fn dispatch() -> *const c_void {
        dispatch::listener::<S>()
    }

    /// From the call on requests are refused, whenever the close completes.
    fn closing(this: &Ref<Self>) {
        let listener = {
            let mut inner = this.body().inner.lock();
            inner.phase = Phase::Ending;
            inner.listener.take()
        };
        if let (Some(listener), Some(hold)) = (listener, this.hold()) {
            let then = Then::ListenerStopped(hold);
            let body = this.body();
            body.provider()
                .submit_reserved(Verb::DestroyListener(listener), then, &body.for_end);
        }
    }

    fn teardown(this: Ref<Self>) {
        let (listener, endpoint) = {
            let mut inner = this.body().inner.lock();
            (inner.listener.take(), inner.endpoint.take())
        };
        let body = this.body();
        let verb = match (listener, endpoint) {
            // It began to listen while it was being closed.
            (Some(listener), endpoint) => {
                body.inner.lock().endpoint = endpoint;
                Verb::DestroyListener(listener)
            }
            (None, Some(endpoint)) => Verb::ReleaseEndpoint(endpoint),
            (None, None) => return Self::ended(this),
        };
        let then = Then::ListenerEnding(this.clone());
        body.provider().submit_reserved(verb, then, &body.for_end);
    }
}

impl<S: System> Listener<S> {
    fn provider(&self) -> &Provider<S> {
        &self.adapter.provider
    }

    /// NdkCreateListener; the device learns of it when it listens.
    pub fn create(
        adapter: &Object<Adapter<S>>,
        event: ConnectEvent,
    ) -> Result<Ref<Self>, NTSTATUS> {
        let adapter = adapter.hold().ok_or(STATUS_INVALID_DEVICE_STATE)?;
        Self::make(adapter, event).map_err(|NoMemory| STATUS_INSUFFICIENT_RESOURCES)
    }

    fn make(adapter: Hold<Adapter<S>>, event: ConnectEvent) -> Result<Ref<Self>, NoMemory> {
        let provider = adapter.provider.clone();
        let (for_pause, for_end) = (Reserved::new(&provider)?, Reserved::new(&provider)?);
        let key = provider.tables.lock().listeners.reserve()?;
        let version = adapter.version;
        let made = Object::create(
            version,
            Self {
                key,
                event,
                inner: Lock::new(Inner {
                    phase: Phase::Created,
                    endpoint: None,
                    listener: None,
                    address: None,
                    paused: false,
                    told: false,
                    telling: false,
                }),
                for_pause,
                for_end,
                adapter,
            },
        );
        match &made {
            Ok(listener) => provider.tables.lock().listeners.set(key, listener.clone()),
            Err(NoMemory) => drop(provider.tables.lock().listeners.remove(key)),
        }
        made
    }

    pub(crate) fn ended(this: Ref<Self>) {
        let gone = this
            .body()
            .provider()
            .tables
            .lock()
            .listeners
            .remove(this.body().key);
        drop(gone);
        Object::finish(this);
    }

    /// NdkListen.
    pub fn listen(
        this: &Object<Self>,
        address: SocketAddress,
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let body = this.body();
        let provider = body.provider();
        let Some(index) = provider.addresses.index(address.ip) else {
            return STATUS_INVALID_ADDRESS;
        };
        let Some(hold) = this.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        {
            let mut inner = body.inner.lock();
            if inner.phase != Phase::Created {
                return STATUS_INVALID_DEVICE_STATE;
            }
            inner.phase = Phase::Starting;
            inner.address = Some(address);
        }
        let verb = Verb::ReserveEndpoint(index, address.port);
        match provider.submit(verb, Then::ListenerReserved(hold, completion)) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                body.back_to(Phase::Created);
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    fn back_to(&self, phase: Phase) {
        let mut inner = self.inner.lock();
        if inner.phase != Phase::Ending {
            inner.phase = phase;
        }
    }

    pub(crate) fn endpoint_reserved(
        hold: Hold<Self>,
        completion: RequestCompletion,
        answer: Answer<S>,
    ) {
        let provider = hold.adapter.provider.clone();
        let (endpoint, port) = match answer {
            Ok(Outcome::Endpoint(endpoint, port)) => (endpoint, port),
            other => {
                hold.back_to(Phase::Created);
                completion.complete(crate::then::failure(&provider, other));
                return;
            }
        };
        {
            let mut inner = hold.inner.lock();
            inner.endpoint = Some(endpoint);
            if let Some(address) = inner.address.as_mut() {
                address.port = port;
            }
        }
        let backlog = BACKLOG.min(provider.system().nic().limits().backlog.get());
        let verb = Verb::Listen {
            endpoint,
            backlog,
            cookie: hold.key,
        };
        let reference = hold.reference();
        if provider
            .submit(verb, Then::ListenerListening(hold, completion))
            .is_err()
        {
            // The endpoint is released with the listener.
            reference.body().back_to(Phase::Created);
            completion.complete(STATUS_INSUFFICIENT_RESOURCES);
        }
    }

    pub(crate) fn listening(hold: Hold<Self>, completion: RequestCompletion, answer: Answer<S>) {
        let provider = hold.adapter.provider.clone();
        let status = match answer {
            Ok(Outcome::Listener(listener)) => {
                let mut inner = hold.inner.lock();
                inner.listener = Some(listener);
                if inner.phase == Phase::Starting {
                    inner.phase = Phase::Listening;
                    STATUS_SUCCESS
                } else {
                    STATUS_CANCELLED
                }
            }
            other => {
                hold.back_to(Phase::Created);
                crate::then::failure(&provider, other)
            }
        };
        Self::tell(&hold.reference());
        completion.complete(status);
    }

    /// NdkControlConnectEvents.
    pub fn pause(this: &Object<Self>, paused: bool) {
        this.body().inner.lock().paused = paused;
        Self::tell(this);
    }

    /// Tells the device whether it is paused, one command at a time.
    fn tell(this: &Object<Self>) {
        let body = this.body();
        let Some(hold) = this.hold() else { return };
        let verb = {
            let mut inner = body.inner.lock();
            match inner.listener {
                Some(listener) if inner.paused != inner.told && !inner.telling => {
                    inner.telling = true;
                    inner.told = inner.paused;
                    Verb::PauseListener(listener, inner.paused)
                }
                _ => return,
            }
        };
        body.provider()
            .submit_reserved(verb, Then::ListenerTold(hold), &body.for_pause);
    }

    pub(crate) fn was_told(hold: &Hold<Self>) {
        hold.inner.lock().telling = false;
        Self::tell(&hold.reference());
    }

    /// A peer asks for a connection. Runs with a hold: a close waits until the consumer has returned.
    pub(crate) fn requested(hold: &Hold<Self>, info: &CmInfo) {
        let provider = hold.adapter.provider.clone();
        let ending = hold.inner.lock().phase == Phase::Ending;
        let listener = hold.reference();
        let made = match listener.hold().filter(|_| !ending) {
            Some(antecedent) => Connector::requested(antecedent, info),
            None => Err(NoMemory),
        };
        match made {
            Ok(connector) => hold.event.notify(Object::into_handle(connector)),
            // Refused, as nobody will answer it.
            Err(NoMemory) => drop(provider.submit(Verb::Release(info.connection), Then::Nothing)),
        }
    }

    /// Where it listens, once it was told.
    pub fn local_address(&self) -> Result<SocketAddress, NTSTATUS> {
        let inner = self.inner.lock();
        match (inner.phase, inner.address) {
            (Phase::Listening, Some(address)) => Ok(address),
            _ => Err(STATUS_INVALID_DEVICE_STATE),
        }
    }
}
