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

mod active;
mod ending;
mod passive;

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
    Body, DisconnectEvent, Hold, Lock, NoMemory, Object, Passive, Ref, RequestCompletion, dispatch,
};
use crate::status::of_status;
use crate::system::NoRoute;
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
    /// Since when the device owes the event that ends the present phase, as far as it was looked for.
    owed_since: Option<(Phase, u64)>,
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
            owed_since: None,
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

    /// Since when the device owes the event that ends what is under way; looked at now and then, and counted from the
    /// first look.
    pub(crate) fn waits_since(&self, now: u64) -> Option<u64> {
        let mut inner = self.inner.lock();
        let phase = inner.phase;
        if inner.commanded || !matches!(phase, Phase::Accepting | Phase::Disconnecting) {
            inner.owed_since = None;
            return None;
        }
        match inner.owed_since {
            Some((then, since)) if then == phase => Some(since),
            _ => {
                inner.owed_since = Some((phase, now));
                Some(now)
            }
        }
    }

    /// Whether it is the request that a listener's event is about.
    pub(crate) fn is_request(&self, listener: u64, connection: ConnectionId) -> bool {
        let ours = self.listener.as_ref().is_some_and(|l| l.key == listener);
        ours && self.inner.lock().connection == Some(connection)
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
