//! The side that is asked: NdkAccept, NdkReject (which the side that asks may too).
#![forbid(unsafe_code)]

use super::*;

impl<S: System> Connector<S> {
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
}
