//! Connectors.
//!
//! ```text
//! active   Created -> Reserving -> Resolving -> Connecting -> Replied -> Completing -> Connected
//!             ^___________________________________|
//! passive  Requested -> Accepting -> Connected            Requested, Replied -> Rejected
//! both     Connected -> (peer) -> Left -> Disconnecting -> Ended
//! ```
//! What ends early goes through `unwind`, which gives the device's connection and endpoint back, one command after the
//! other, before anybody is told. (ndkpi.md 6.6)
#![forbid(unsafe_code)]

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_abi::Status;
use rnic_driver_core::{AddressIndex, CmInfo, ConnectionId, EndpointId, Error, Event, Outcome};

use crate::System;
use crate::adapter::Adapter;
use crate::address::{Answer, SocketAddress};
use crate::endpoint::SharedEndpoint;
use crate::listener::Listener;
use crate::provider::{Provider, Reserved};
use crate::qp::{Link, Qp};
use crate::raw::{
    Body, DisconnectEvent, Hold, Lock, NoMemory, Object, Ref, RequestCompletion, dispatch,
};
use crate::status::of_status;
use crate::system::{NoRoute, Passive};
use crate::then::{Then, failure};
use crate::verb::{AcceptVerb, ConnectVerb, Private, Verb};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Created,
    /// RESERVE_ENDPOINT is under way.
    Reserving,
    /// The next hop is looked for.
    Resolving,
    /// CONNECT is under way.
    Connecting,
    /// The peer accepted.
    Replied,
    /// COMPLETE_CONNECT is under way.
    Completing,
    /// A peer asks.
    Requested,
    /// The peer that asked gave up.
    Aborted,
    /// ACCEPT is under way.
    Accepting,
    Connected,
    /// The peer disconnected.
    Left,
    /// DISCONNECT is under way.
    Disconnecting,
    Ended,
    Rejected,
    /// The device gives things back.
    Unwinding,
}

/// What is done when a connection has been given back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The request that is under way fails. `true`: the queue pair was in a connection and cannot join another.
    Failed(NTSTATUS, bool),
    /// The object ends.
    Torn,
}

/// Where a connection starts.
pub enum Source<'a, S: System> {
    /// From an address, with a port or 0.
    Address(SocketAddress),
    /// From a shared endpoint.
    Shared(&'a Object<SharedEndpoint<S>>),
}

/// Read limits that a consumer asks for.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// As responder.
    pub inbound: u32,
    /// As initiator.
    pub outbound: u32,
}

/// What NdkGetConnectionData gives.
#[derive(Clone, Copy)]
pub struct ConnectionData {
    /// Read limits in force.
    pub limits: ReadLimits,
    bytes: [u8; 224],
    length: usize,
}

impl ConnectionData {
    fn of(info: &CmInfo) -> Self {
        let data = info.private_data.as_slice();
        let mut bytes = [0; 224];
        for (to, from) in bytes.iter_mut().zip(data) {
            *to = *from;
        }
        Self {
            limits: ReadLimits {
                inbound: info.read_depth_in.into(),
                outbound: info.read_depth_out.into(),
            },
            bytes,
            length: data.len().min(224),
        }
    }

    /// Private data of the peer, padded as the wire has it.
    #[must_use]
    pub fn private_data(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

struct Inner<S: System> {
    phase: Phase,
    /// A command of the present phase was not answered yet.
    commanded: bool,
    /// What waits, and what keeps us from closing meanwhile.
    request: Option<(RequestCompletion, Hold<Connector<S>>)>,
    event: Option<DisconnectEvent>,
    /// The peer left before we knew that it was there.
    left: Option<u32>,
    qp: Option<Hold<Qp<S>>>,
    connection: Option<ConnectionId>,
    /// Reserved for this connection alone.
    endpoint: Option<EndpointId>,
    shared: Option<Hold<SharedEndpoint<S>>>,
    /// What CONNECT is to say.
    wanted: Option<ConnectVerb>,
    local: Option<SocketAddress>,
    peer: Option<SocketAddress>,
    data: Option<ConnectionData>,
}

/// A connector.
pub struct Connector<S: System> {
    key: u64,
    inner: Lock<S::Lock, Inner<S>>,
    reserved: Reserved<S>,
    /// For those that a listener made.
    listener: Option<Hold<Listener<S>>>,
    pub(crate) adapter: Hold<Adapter<S>>,
}

impl<S: System> Body for Connector<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeConnector;

    fn dispatch() -> *const c_void {
        dispatch::connector::<S>()
    }

    /// Ends what waits for the peer; what waits for the device ends when it answers.
    fn closing(this: &Ref<Self>) {
        let was_in_one = {
            let inner = this.body().inner.lock();
            if inner.commanded {
                return;
            }
            match inner.phase {
                Phase::Connecting => false,
                Phase::Accepting | Phase::Disconnecting => true,
                _ => return,
            }
        };
        Self::unwind(this.clone(), End::Failed(STATUS_CANCELLED, was_in_one));
    }

    fn teardown(this: Ref<Self>) {
        Self::unwind(this, End::Torn);
    }
}

fn depth(wanted: u32, most: u32) -> u8 {
    u8::try_from(wanted.min(most)).unwrap_or(u8::MAX)
}

impl<S: System> Connector<S> {
    fn provider(&self) -> &Provider<S> {
        &self.adapter.provider
    }

    /// NdkCreateConnector; the device learns of it when it connects.
    pub fn create(adapter: &Object<Adapter<S>>) -> Result<Ref<Self>, NTSTATUS> {
        let adapter = adapter.hold().ok_or(STATUS_INVALID_DEVICE_STATE)?;
        Self::make(adapter, None, Phase::Created, |_| {})
            .map_err(|NoMemory| STATUS_INSUFFICIENT_RESOURCES)
    }

    /// A connector for a request of a peer.
    pub(crate) fn requested(
        listener: Hold<Listener<S>>,
        info: &CmInfo,
    ) -> Result<Ref<Self>, NoMemory> {
        let adapter = listener.adapter.reference();
        let adapter = adapter.hold().ok_or(NoMemory)?;
        Self::make(adapter, Some(listener), Phase::Requested, |inner| {
            inner.connection = Some(info.connection);
            inner.note_addresses(info);
            inner.data = Some(ConnectionData::of(info));
        })
    }

    fn make(
        adapter: Hold<Adapter<S>>,
        listener: Option<Hold<Listener<S>>>,
        phase: Phase,
        fill: impl FnOnce(&mut Inner<S>),
    ) -> Result<Ref<Self>, NoMemory> {
        let provider = adapter.provider.clone();
        let reserved = Reserved::new(&provider)?;
        let key = provider.tables.lock().connectors.reserve()?;
        let version = adapter.version;
        let mut inner = Inner {
            phase,
            commanded: false,
            request: None,
            event: None,
            left: None,
            qp: None,
            connection: None,
            endpoint: None,
            shared: None,
            wanted: None,
            local: None,
            peer: None,
            data: None,
        };
        fill(&mut inner);
        let made = Object::create(
            version,
            Self {
                key,
                inner: Lock::new(inner),
                reserved,
                listener,
                adapter,
            },
        );
        match &made {
            Ok(connector) => provider
                .tables
                .lock()
                .connectors
                .set(key, connector.clone()),
            Err(NoMemory) => drop(provider.tables.lock().connectors.remove(key)),
        }
        made
    }

    /// Whether it is the request that a listener's event is about.
    pub(crate) fn is_request(&self, listener: u64, connection: ConnectionId) -> bool {
        let ours = self.listener.as_ref().is_some_and(|l| l.key == listener);
        ours && self.inner.lock().connection == Some(connection)
    }

    /// NdkConnect, NdkConnectWithSharedEndpoint.
    pub fn connect(
        this: &Object<Self>,
        qp: &Object<Qp<S>>,
        (source, peer): (Source<'_, S>, SocketAddress),
        limits: ReadLimits,
        private_data: &[u8],
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let body = this.body();
        let provider = body.provider();
        let nic = provider.system().nic();
        let Some(private_data) = Private::new(private_data) else {
            return STATUS_INVALID_BUFFER_SIZE;
        };
        if !core::ptr::eq(&*qp.body().pd.adapter, &*body.adapter) {
            return STATUS_INVALID_PARAMETER;
        }
        let (local, from, shared) = match source {
            Source::Address(local) => match provider.addresses.index(local.ip) {
                Some(index) => (local, Err(index), None),
                None => return STATUS_INVALID_ADDRESS,
            },
            Source::Shared(endpoint) => match (endpoint.body().endpoint(), endpoint.hold()) {
                (Some((id, local)), Some(hold))
                    if core::ptr::eq(&*hold.adapter, &*body.adapter) =>
                {
                    (local, Ok(id), Some(hold))
                }
                _ => return STATUS_INVALID_PARAMETER,
            },
        };
        if local.is_ipv4() != peer.is_ipv4() || peer.port == 0 {
            return STATUS_INVALID_PARAMETER;
        }
        let (Some(qpn), Some(qp), Some(hold)) = (qp.body().qpn(), qp.hold(), this.hold()) else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let reserve = from.err().filter(|_| local.port != 0);
        {
            let mut inner = body.inner.lock();
            if inner.phase != Phase::Created {
                return STATUS_INVALID_DEVICE_STATE;
            }
            if !qp.join() {
                return STATUS_CONNECTION_ACTIVE;
            }
            inner.phase = if reserve.is_some() {
                Phase::Reserving
            } else {
                Phase::Resolving
            };
            inner.commanded = reserve.is_some();
            inner.request = Some((completion, hold));
            inner.qp = Some(qp);
            inner.shared = shared;
            inner.local = Some(local);
            inner.peer = Some(peer);
            inner.wanted = Some(ConnectVerb {
                qpn,
                from,
                destination: peer.ip,
                port: peer.port,
                next_hop: None,
                read_depth_in: depth(limits.inbound, nic.limits().read_depth_in.get()),
                read_depth_out: depth(limits.outbound, nic.limits().read_depth_out.get()),
                private_data,
                cookie: body.key,
            });
        }
        let submitted = match reserve {
            Some(AddressIndex(index)) => {
                let verb = Verb::ReserveEndpoint(AddressIndex(index), local.port);
                provider.submit(verb, Then::ConnectorReserved(this.reference()))
            }
            None => Self::find_way(this),
        };
        match submitted {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => body.take_back(),
        }
    }

    /// Undoes the first step of a connect that nobody will hear of.
    fn take_back(&self) -> NTSTATUS {
        let dropped = {
            let mut inner = self.inner.lock();
            inner.phase = Phase::Created;
            inner.commanded = false;
            (inner.request.take(), inner.qp.take(), inner.shared.take())
        };
        if let Some(qp) = &dropped.1 {
            qp.set_link(Link::Idle);
        }
        drop(dropped);
        STATUS_INSUFFICIENT_RESOURCES
    }

    pub(crate) fn endpoint_reserved(this: Ref<Self>, provider: &Provider<S>, answer: Answer<S>) {
        let status = {
            let mut inner = this.body().inner.lock();
            inner.commanded = false;
            match answer {
                Ok(Outcome::Endpoint(endpoint, _)) => {
                    inner.endpoint = Some(endpoint);
                    inner.phase = Phase::Resolving;
                    if let Some(wanted) = inner.wanted.as_mut() {
                        wanted.from = Ok(endpoint);
                    }
                    STATUS_SUCCESS
                }
                other => failure(provider, other),
            }
        };
        if status != STATUS_SUCCESS {
            Self::unwind(this, End::Failed(status, false));
        } else if Self::find_way(&this).is_err() {
            Self::unwind(this, End::Failed(STATUS_INSUFFICIENT_RESOURCES, false));
        }
    }

    /// To ourselves there is nothing to find out.
    fn find_way(this: &Object<Self>) -> Result<(), NoMemory> {
        let body = this.body();
        let provider = body.provider();
        let peer = body.inner.lock().peer;
        if peer.is_some_and(|peer| provider.has_address(peer.ip)) {
            return Self::start(&this.reference(), None);
        }
        let hold = this.hold().ok_or(NoMemory)?;
        {
            let mut queue = provider.resolving.lock();
            if queue.try_reserve(1).is_err() {
                drop(queue);
                return Err(NoMemory);
            }
            queue.push(hold);
        }
        provider.system().want_passive_work();
        Ok(())
    }

    /// Looks for the next hop; may wait.
    pub(crate) fn resolve(hold: Hold<Self>, passive: Passive) {
        let this = hold.reference();
        let (local, peer) = {
            let inner = hold.inner.lock();
            (inner.local, inner.peer)
        };
        let (Some(local), Some(peer)) = (local, peer) else {
            return;
        };
        let status = if this.is_closing() {
            STATUS_CANCELLED
        } else {
            match hold
                .provider()
                .system()
                .next_hop(passive, local.ip, peer.ip)
            {
                Ok(hop) => match Self::start(&this, hop) {
                    Ok(()) => return,
                    Err(NoMemory) => STATUS_INSUFFICIENT_RESOURCES,
                },
                Err(NoRoute::Network) => STATUS_NETWORK_UNREACHABLE,
                Err(NoRoute::Host) => STATUS_HOST_UNREACHABLE,
            }
        };
        Self::unwind(this, End::Failed(status, false));
    }

    fn start(this: &Ref<Self>, next_hop: Option<[u8; 6]>) -> Result<(), NoMemory> {
        let wanted = {
            let mut inner = this.body().inner.lock();
            inner.phase = Phase::Connecting;
            inner.commanded = true;
            inner.wanted.take()
        };
        let Some(wanted) = wanted else {
            return Err(NoMemory);
        };
        let verb = Verb::Connect(ConnectVerb { next_hop, ..wanted });
        let submitted = this
            .body()
            .provider()
            .submit(verb, Then::ConnectorConnecting(this.clone()));
        if submitted.is_err() {
            this.body().inner.lock().commanded = false;
        }
        submitted
    }

    /// CONNECT was answered; its event may have come before.
    pub(crate) fn connecting(this: Ref<Self>, provider: &Provider<S>, answer: Answer<S>) {
        let status = {
            let mut inner = this.body().inner.lock();
            inner.commanded = false;
            match answer {
                Ok(Outcome::Connection(connection, port)) => {
                    if inner.phase == Phase::Connecting && inner.connection.is_none() {
                        inner.connection = Some(connection);
                    }
                    if let Some(local) = inner.local.as_mut().filter(|local| local.port == 0) {
                        local.port = port;
                    }
                    if !(this.is_closing() && inner.phase == Phase::Connecting) {
                        return;
                    }
                    STATUS_CANCELLED
                }
                // The endpoint is ours; what is in use is the pair of endpoints.
                Err(failed) if is(&failed.error, Status::ADDRESS_IN_USE) => {
                    STATUS_ADDRESS_ALREADY_EXISTS
                }
                other => failure(provider, other),
            }
        };
        Self::unwind(this, End::Failed(status, false));
    }

    /// NdkCompleteConnect, NdkCompleteConnectEx.
    pub fn complete_connect(
        this: &Object<Self>,
        event: Option<DisconnectEvent>,
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let Some(hold) = this.hold() else {
            return STATUS_CONNECTION_INVALID;
        };
        let connection = {
            let mut inner = this.body().inner.lock();
            match (inner.phase, inner.connection) {
                (Phase::Replied, Some(connection)) => {
                    inner.phase = Phase::Completing;
                    inner.commanded = true;
                    inner.event = event;
                    inner.request = Some((completion, hold));
                    connection
                }
                (Phase::Aborted, _) => return STATUS_CONNECTION_ABORTED,
                _ => return STATUS_CONNECTION_INVALID,
            }
        };
        let then = Then::ConnectorCompleting(this.reference());
        this.body()
            .submit_or_go_back(Verb::CompleteConnect(connection), then, Phase::Replied)
    }

    /// Submits the command of a phase that was entered, or leaves it again.
    fn submit_or_go_back(&self, verb: Verb<S>, then: Then<S>, back: Phase) -> NTSTATUS {
        match self.provider().submit(verb, then) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                let request = {
                    let mut inner = self.inner.lock();
                    inner.phase = back;
                    inner.commanded = false;
                    inner.event = None;
                    inner.request.take()
                };
                drop(request);
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    pub(crate) fn completed(this: Ref<Self>, provider: &Provider<S>, answer: Answer<S>) {
        let status = match answer {
            Ok(_) => STATUS_SUCCESS,
            Err(failed) if is(&failed.error, Status::INVALID_STATE) => STATUS_CONNECTION_INVALID,
            other => failure(provider, other),
        };
        this.body().inner.lock().commanded = false;
        if status == STATUS_SUCCESS {
            Self::connected(&this);
        } else {
            Self::unwind(this, End::Failed(status, true));
        }
    }

    /// Both sides know.
    fn connected(this: &Ref<Self>) {
        let (request, left) = {
            let mut inner = this.body().inner.lock();
            inner.phase = Phase::Connected;
            if let Some(qp) = &inner.qp {
                qp.set_link(Link::Connected);
            }
            (inner.request.take(), inner.left.take())
        };
        if let Some((completion, hold)) = request {
            completion.complete(STATUS_SUCCESS);
            drop(hold);
        }
        if let Some(reason) = left {
            Self::left(this, reason);
        }
    }

    /// NdkAccept, NdkAcceptEx.
    pub fn accept(
        this: &Object<Self>,
        qp: &Object<Qp<S>>,
        limits: ReadLimits,
        private_data: &[u8],
        event: Option<DisconnectEvent>,
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let body = this.body();
        let nic = body.provider().system().nic();
        let Some(private_data) = Private::new(private_data) else {
            return STATUS_INVALID_BUFFER_SIZE;
        };
        if !core::ptr::eq(&*qp.body().pd.adapter, &*body.adapter) {
            return STATUS_INVALID_PARAMETER;
        }
        let (Some(qpn), Some(qp), Some(hold)) = (qp.body().qpn(), qp.hold(), this.hold()) else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let connection = {
            let mut inner = body.inner.lock();
            let connection = match (inner.phase, inner.connection) {
                (Phase::Requested, Some(connection)) => connection,
                (Phase::Aborted, _) => return STATUS_CONNECTION_ABORTED,
                _ => return STATUS_CONNECTION_INVALID,
            };
            if !qp.join() {
                return STATUS_CONNECTION_ACTIVE;
            }
            inner.phase = Phase::Accepting;
            inner.commanded = true;
            inner.event = event;
            inner.request = Some((completion, hold));
            inner.qp = Some(qp);
            connection
        };
        let verb = Verb::Accept(AcceptVerb {
            connection,
            qpn,
            read_depth_in: depth(limits.inbound, nic.limits().read_depth_in.get()),
            read_depth_out: depth(limits.outbound, nic.limits().read_depth_out.get()),
            private_data,
            cookie: body.key,
        });
        let status = body.submit_or_go_back(
            verb,
            Then::ConnectorAccepting(this.reference()),
            Phase::Requested,
        );
        if status != STATUS_PENDING {
            let qp = body.inner.lock().qp.take();
            if let Some(qp) = &qp {
                qp.set_link(Link::Idle);
            }
        }
        status
    }

    /// ACCEPT was answered; its event may have come before.
    pub(crate) fn accepting(this: Ref<Self>, provider: &Provider<S>, answer: Answer<S>) {
        let status = {
            let mut inner = this.body().inner.lock();
            inner.commanded = false;
            match answer {
                Ok(_) if this.is_closing() && inner.phase == Phase::Accepting => STATUS_CANCELLED,
                Ok(_) => return,
                Err(failed) if is(&failed.error, Status::INVALID_STATE) => {
                    STATUS_CONNECTION_ABORTED
                }
                other => failure(provider, other),
            }
        };
        Self::unwind(this, End::Failed(status, true));
    }

    /// NdkReject.
    pub fn reject(this: &Object<Self>, private_data: &[u8]) -> NTSTATUS {
        let body = this.body();
        let Some(private_data) = Private::new(private_data) else {
            return STATUS_INVALID_BUFFER_SIZE;
        };
        let Some(hold) = this.hold() else {
            return STATUS_CONNECTION_INVALID;
        };
        let (connection, was) = {
            let mut inner = body.inner.lock();
            let was = inner.phase;
            let connection = match (was, inner.connection) {
                (Phase::Requested | Phase::Replied, Some(connection)) => connection,
                (Phase::Aborted, _) => return STATUS_CONNECTION_ABORTED,
                _ => return STATUS_CONNECTION_INVALID,
            };
            inner.phase = Phase::Rejected;
            if let Some(qp) = &inner.qp {
                qp.set_link(Link::Ended);
            }
            (connection, was)
        };
        let verb = Verb::Reject(connection, private_data);
        match body.provider().submit(verb, Then::ConnectorRejected(hold)) {
            Ok(()) => STATUS_SUCCESS,
            Err(NoMemory) => {
                body.inner.lock().phase = was;
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    /// NdkDisconnect.
    pub fn disconnect(this: &Object<Self>, completion: RequestCompletion) -> NTSTATUS {
        let body = this.body();
        let Some(hold) = this.hold() else {
            return STATUS_CONNECTION_INVALID;
        };
        let (connection, was) = {
            let mut inner = body.inner.lock();
            let was = inner.phase;
            match (was, inner.connection) {
                (Phase::Connected | Phase::Left, Some(connection)) => {
                    inner.phase = Phase::Disconnecting;
                    inner.commanded = true;
                    inner.request = Some((completion, hold));
                    (connection, was)
                }
                _ => return STATUS_CONNECTION_INVALID,
            }
        };
        let verb = Verb::Disconnect {
            connection,
            abortive: false,
        };
        let then = Then::ConnectorDisconnecting(this.reference());
        let status = body.submit_or_go_back(verb, then, was);
        if status == STATUS_PENDING {
            let inner = body.inner.lock();
            if let Some(qp) = &inner.qp {
                qp.set_link(Link::Ended);
            }
        }
        status
    }

    /// DISCONNECT was answered; its event may have come before.
    pub(crate) fn disconnecting(this: Ref<Self>, provider: &Provider<S>, answer: Answer<S>) {
        let status = {
            let mut inner = this.body().inner.lock();
            inner.commanded = false;
            match answer {
                Ok(_) if this.is_closing() && inner.phase == Phase::Disconnecting => {
                    STATUS_CANCELLED
                }
                Ok(_) => return,
                other => failure(provider, other),
            }
        };
        Self::unwind(this, End::Failed(status, true));
    }

    /// An event about the connection.
    pub(crate) fn event(this: &Ref<Self>, event: &Event, info: &CmInfo) {
        match event {
            Event::ConnectReply(_) => Self::replied(this, info),
            Event::ConnectFailed(_) => Self::failed(this, info),
            Event::Established(_) => {
                let accepting = this.body().inner.lock().phase == Phase::Accepting;
                if accepting {
                    Self::connected(this);
                }
            }
            Event::PeerDisconnected(_) => {
                // A reason of ours: why the connection was lost; 0 if the peer simply left.
                let reason = u32::from(info.status.0);
                let connected = {
                    let mut inner = this.body().inner.lock();
                    match inner.phase {
                        Phase::Connected => true,
                        Phase::Completing | Phase::Accepting => {
                            inner.left = Some(reason);
                            false
                        }
                        Phase::Replied | Phase::Requested => {
                            inner.phase = Phase::Aborted;
                            false
                        }
                        _ => false,
                    }
                };
                if connected {
                    Self::left(this, reason);
                }
            }
            Event::Disconnected(_) => {
                let request = {
                    let mut inner = this.body().inner.lock();
                    if inner.phase != Phase::Disconnecting {
                        return;
                    }
                    inner.phase = Phase::Ended;
                    inner.request.take()
                };
                // A peer that did not answer, or answered by breaking off, is gone all the same.
                let status = match info.status {
                    Status::TIMED_OUT => STATUS_IO_TIMEOUT,
                    _ => STATUS_SUCCESS,
                };
                if let Some((completion, hold)) = request {
                    completion.complete(status);
                    drop(hold);
                }
            }
            _ => {}
        }
    }

    fn replied(this: &Ref<Self>, info: &CmInfo) {
        let request = {
            let mut inner = this.body().inner.lock();
            if inner.phase != Phase::Connecting {
                return;
            }
            inner.connection = Some(info.connection);
            inner.note_addresses(info);
            inner.data = Some(ConnectionData::of(info));
            if this.is_closing() {
                None
            } else {
                inner.phase = Phase::Replied;
                inner.request.take()
            }
        };
        match request {
            Some((completion, hold)) => {
                completion.complete(STATUS_SUCCESS);
                drop(hold);
            }
            // With CONNECT not answered yet its answer ends it.
            None => Self::closing(this),
        }
    }

    fn failed(this: &Ref<Self>, info: &CmInfo) {
        let was_in_one = {
            let mut inner = this.body().inner.lock();
            match inner.phase {
                Phase::Connecting => {
                    inner.connection = Some(info.connection);
                    inner.data = Some(ConnectionData::of(info));
                    false
                }
                Phase::Accepting => true,
                Phase::Requested | Phase::Replied => {
                    inner.phase = Phase::Aborted;
                    return;
                }
                _ => return,
            }
        };
        let status = match (was_in_one, info.status) {
            // The peer that we accepted rejected our reply, or gave up.
            (true, Status::REJECTED | Status::REFUSED | Status::CANCELLED) => {
                STATUS_CONNECTION_ABORTED
            }
            (_, status) => of_status(status),
        };
        Self::unwind(this.clone(), End::Failed(status, was_in_one));
    }

    /// The peer left a connection; its consumer is told once, and nothing is flushed.
    fn left(this: &Ref<Self>, reason: u32) {
        let Some(hold) = this.hold() else { return };
        let event = {
            let mut inner = hold.inner.lock();
            if inner.phase != Phase::Connected {
                return;
            }
            inner.phase = Phase::Left;
            if let Some(qp) = &inner.qp {
                qp.set_link(Link::Ended);
            }
            inner.event.take()
        };
        if let Some(event) = event.filter(|_| !this.is_closing()) {
            event.notify(reason);
        }
    }

    /// The device will say nothing more.
    pub(crate) fn device_failed(this: &Ref<Self>) {
        let (connected, waits) = {
            let inner = this.body().inner.lock();
            let waits = !inner.commanded
                && matches!(
                    inner.phase,
                    Phase::Connecting | Phase::Accepting | Phase::Disconnecting
                );
            (inner.phase == Phase::Connected, waits)
        };
        if connected {
            Self::left(this, u32::from(Status::ABORTED.0));
        } else if waits {
            Self::unwind(this.clone(), End::Failed(STATUS_CONNECTION_ABORTED, true));
        }
    }

    /// Gives connection and endpoint back, then does what `end` says.
    pub(crate) fn unwind(this: Ref<Self>, end: End) {
        let body = this.body();
        let verb = {
            let mut inner = body.inner.lock();
            inner.phase = Phase::Unwinding;
            match (inner.connection.take(), inner.endpoint) {
                (Some(connection), _) => Some(Verb::Release(connection)),
                (None, Some(endpoint)) => {
                    inner.endpoint = None;
                    Some(Verb::ReleaseEndpoint(endpoint))
                }
                (None, None) => None,
            }
        };
        if let Some(verb) = verb {
            let then = Then::ConnectorUnwound(this.clone(), end);
            body.provider().submit_reserved(verb, then, &body.reserved);
            return;
        }
        match end {
            End::Failed(status, was_in_one) => {
                let (request, qp, shared) = {
                    let mut inner = body.inner.lock();
                    inner.phase = if was_in_one {
                        Phase::Ended
                    } else {
                        Phase::Created
                    };
                    inner.event = None;
                    (inner.request.take(), inner.qp.take(), inner.shared.take())
                };
                if let Some(qp) = &qp {
                    qp.set_link(if was_in_one { Link::Ended } else { Link::Idle });
                }
                drop((qp, shared));
                if let Some((completion, hold)) = request {
                    completion.complete(status);
                    drop(hold);
                }
            }
            End::Torn => {
                let gone = body.provider().tables.lock().connectors.remove(body.key);
                drop(gone);
                Object::finish(this);
            }
        }
    }

    // What consumers ask.

    /// NdkGetConnectionData: read limits and private data, from when there are any.
    pub fn data(&self) -> Result<ConnectionData, NTSTATUS> {
        self.inner.lock().data.ok_or(STATUS_CONNECTION_INVALID)
    }

    /// NdkGetLocalAddress.
    pub fn local_address(&self) -> Result<SocketAddress, NTSTATUS> {
        self.inner.lock().local.ok_or(STATUS_CONNECTION_INVALID)
    }

    /// NdkGetPeerAddress.
    pub fn peer_address(&self) -> Result<SocketAddress, NTSTATUS> {
        self.inner.lock().peer.ok_or(STATUS_CONNECTION_INVALID)
    }

    /// Both addresses, if it is connected.
    pub(crate) fn connection(&self) -> Option<(SocketAddress, SocketAddress)> {
        let inner = self.inner.lock();
        let connected = matches!(inner.phase, Phase::Connected | Phase::Left);
        Some((inner.local?, inner.peer?)).filter(|_| connected)
    }
}

impl<S: System> Inner<S> {
    fn note_addresses(&mut self, info: &CmInfo) {
        self.local = Some(SocketAddress {
            ip: info.local_address,
            port: info.local_port,
        });
        self.peer = Some(SocketAddress {
            ip: info.peer_address,
            port: info.peer_port,
        });
    }
}

fn is(error: &Error, status: Status) -> bool {
    matches!(error, Error::Command(command) if command.status == status)
}
