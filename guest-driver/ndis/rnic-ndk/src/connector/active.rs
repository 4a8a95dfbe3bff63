//! The side that asks: NdkConnect to NdkCompleteConnect.
#![forbid(unsafe_code)]

use super::*;

impl<S: System> Connector<S> {
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
                path_mtu: provider.system().path_mtu(),
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
    pub(super) fn take_back(&self) -> NTSTATUS {
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
    pub(super) fn find_way(this: &Object<Self>) -> Result<(), NoMemory> {
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
    pub(crate) fn resolve(hold: Hold<Self>, passive: &Passive) {
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

    pub(super) fn start(this: &Ref<Self>, next_hop: Option<[u8; 6]>) -> Result<(), NoMemory> {
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
    pub(super) fn submit_or_go_back(&self, verb: Verb<S>, then: Then<S>, back: Phase) -> NTSTATUS {
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
}
