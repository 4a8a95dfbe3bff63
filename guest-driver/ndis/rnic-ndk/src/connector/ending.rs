//! What the device says of a connection, and its end.
#![forbid(unsafe_code)]

use super::*;

impl<S: System> Connector<S> {
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

    pub(super) fn replied(this: &Ref<Self>, info: &CmInfo) {
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

    pub(super) fn failed(this: &Ref<Self>, info: &CmInfo) {
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
            // The peer takes the request for one of a connection that it still has, or had a moment ago. NdkConnect has
            // no word for that but this one, on which consumers try again. [CM-5] [CM-20]
            (false, Status::ABORTED) => STATUS_CONNECTION_REFUSED,
            (_, status) => of_status(status),
        };
        Self::unwind(this.clone(), End::Failed(status, was_in_one));
    }

    /// The peer left a connection; its consumer is told once, and nothing is flushed.
    pub(super) fn left(this: &Ref<Self>, reason: u32) {
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
}
