//! What happens when a command was answered.
#![forbid(unsafe_code)]

use ndis_sys::ndk::*;
use rnic_driver_core::{AddressIndex, Key, Outcome};

use crate::System;
use crate::address::Answer;
use crate::connector::{Connector, End};
use crate::cq::Cq;
use crate::endpoint::SharedEndpoint;
use crate::listener::Listener;
use crate::mr::Mr;
use crate::mw::Mw;
use crate::pd::Pd;
use crate::provider::Provider;
use crate::qp::Qp;
use crate::raw::{CreateCompletion, Hold, Object, Ref, RequestCompletion};
use crate::srq::Srq;
use crate::status::of_error;

/// What is to be done with an answer. A `Hold` keeps an object from closing meanwhile, a `Ref` is of one that is being
/// made or ends.
pub(crate) enum Then<S: System> {
    Nothing,
    AddressSet(AddressIndex),
    AddressCleared(AddressIndex),
    PdCreated(Ref<Pd<S>>, CreateCompletion),
    PdDestroyed(Ref<Pd<S>>),
    CqCreated(Ref<Cq<S>>, CreateCompletion),
    CqResized(Hold<Cq<S>>, u32, RequestCompletion),
    CqModerated(Hold<Cq<S>>),
    CqDestroyed(Ref<Cq<S>>),
    SrqCreated(Ref<Srq<S>>, CreateCompletion),
    SrqResized(Hold<Srq<S>>, (u32, u32), RequestCompletion),
    SrqModified(Hold<Srq<S>>, RequestCompletion),
    SrqDestroyed(Ref<Srq<S>>),
    QpCreated(Ref<Qp<S>>, CreateCompletion),
    /// It could not be finished here, and was destroyed again.
    QpUnmade(Ref<Qp<S>>, CreateCompletion),
    QpFlushed(Hold<Qp<S>>),
    QpDestroyed(Ref<Qp<S>>),
    MrRegistered(Hold<Mr<S>>, bool, RequestCompletion),
    MrDeregistered(Hold<Mr<S>>, (Key, bool), RequestCompletion),
    MrInitialised(Hold<Mr<S>>, (u32, bool), RequestCompletion),
    /// As `QpUnmade`.
    MrUninitialised(Hold<Mr<S>>, RequestCompletion),
    MrDestroyed(Ref<Mr<S>>),
    MwCreated(Ref<Mw<S>>, CreateCompletion),
    MwDestroyed(Ref<Mw<S>>),
    EndpointReserved(Ref<SharedEndpoint<S>>, CreateCompletion),
    EndpointReleased(Ref<SharedEndpoint<S>>),
    ListenerReserved(Hold<Listener<S>>, RequestCompletion),
    ListenerListening(Hold<Listener<S>>, RequestCompletion),
    ListenerTold(Hold<Listener<S>>),
    ListenerStopped(Hold<Listener<S>>),
    ListenerEnding(Ref<Listener<S>>),
    ConnectorReserved(Ref<Connector<S>>),
    ConnectorConnecting(Ref<Connector<S>>),
    ConnectorCompleting(Ref<Connector<S>>),
    ConnectorAccepting(Ref<Connector<S>>),
    ConnectorDisconnecting(Ref<Connector<S>>),
    ConnectorRejected(Hold<Connector<S>>),
    ConnectorUnwound(Ref<Connector<S>>, End),
}

/// The status of an answer that is not the one that was hoped for. What it gives back stays until a reset.
pub(crate) fn failure<S: System>(provider: &Provider<S>, answer: Answer<S>) -> NTSTATUS {
    match answer {
        Err(failure) => {
            provider.bury(failure.kept);
            of_error(failure.error)
        }
        Ok(_) => STATUS_INTERNAL_ERROR,
    }
}

impl<S: System> Then<S> {
    /// Does it, with nothing locked.
    pub(crate) fn run(self, provider: &Provider<S>, answer: Answer<S>) {
        match self {
            Self::Nothing => done(provider, answer),
            Self::AddressSet(index) => provider.addresses.told(index, answer.is_ok()),
            Self::AddressCleared(index) => provider.addresses.cleared(index, answer.is_ok()),
            Self::PdCreated(pd, completion) => Pd::created(pd, provider, completion, answer),
            Self::PdDestroyed(pd) => {
                done(provider, answer);
                Object::finish(pd);
            }
            Self::CqCreated(cq, completion) => Cq::created(cq, provider, completion, answer),
            Self::CqResized(cq, depth, completion) => {
                let status = match answer {
                    Ok(Outcome::CqResized(ring)) => cq.resized(depth, ring),
                    other => failure(provider, other),
                };
                completion.complete(status);
            }
            Self::CqModerated(_hold) => done(provider, answer),
            Self::CqDestroyed(cq) => {
                done(provider, answer);
                Cq::destroyed(cq);
            }
            Self::SrqCreated(srq, completion) => Srq::created(srq, provider, completion, answer),
            Self::SrqResized(srq, wanted, completion) => {
                let ring = match answer {
                    Ok(Outcome::SrqResized(ring)) => Ok(ring),
                    other => Err(failure(provider, other)),
                };
                Srq::resized(srq, wanted, completion, ring);
            }
            Self::SrqModified(_hold, completion) => completion.complete(simple(provider, answer)),
            Self::SrqDestroyed(srq) => {
                done(provider, answer);
                Srq::destroyed(srq);
            }
            Self::QpCreated(qp, completion) => Qp::created(qp, provider, completion, answer),
            Self::QpUnmade(_qp, completion) => {
                done(provider, answer);
                completion.complete(STATUS_INSUFFICIENT_RESOURCES, crate::raw::Handle::NULL);
            }
            Self::QpFlushed(qp) => {
                done(provider, answer);
                Qp::flushed(&qp);
            }
            Self::QpDestroyed(qp) => {
                done(provider, answer);
                Qp::destroyed(qp);
            }
            Self::MrRegistered(mr, writable, completion) => {
                Mr::registered(mr, writable, completion, answer)
            }
            Self::MrDeregistered(mr, was, completion) => {
                Mr::deregistered(mr, was, completion, answer)
            }
            Self::MrInitialised(mr, wanted, completion) => {
                Mr::initialised(mr, wanted, completion, answer)
            }
            Self::MrUninitialised(mr, completion) => {
                done(provider, answer);
                Mr::uninitialised(&mr);
                completion.complete(STATUS_INSUFFICIENT_RESOURCES);
            }
            Self::MrDestroyed(mr) => {
                done(provider, answer);
                Object::finish(mr);
            }
            Self::MwCreated(mw, completion) => Mw::created(mw, provider, completion, answer),
            Self::MwDestroyed(mw) => {
                done(provider, answer);
                Object::finish(mw);
            }
            Self::EndpointReserved(endpoint, completion) => {
                SharedEndpoint::reserved(endpoint, provider, completion, answer);
            }
            Self::EndpointReleased(endpoint) => {
                done(provider, answer);
                SharedEndpoint::released(endpoint);
            }
            Self::ListenerReserved(listener, completion) => {
                Listener::endpoint_reserved(listener, completion, answer)
            }
            Self::ListenerListening(listener, completion) => {
                Listener::listening(listener, completion, answer)
            }
            Self::ListenerTold(listener) => {
                done(provider, answer);
                Listener::was_told(&listener);
            }
            Self::ListenerStopped(_hold) => done(provider, answer),
            Self::ListenerEnding(listener) => {
                done(provider, answer);
                crate::raw::Body::teardown(listener);
            }
            Self::ConnectorReserved(connector) => {
                Connector::endpoint_reserved(connector, provider, answer)
            }
            Self::ConnectorConnecting(connector) => {
                Connector::connecting(connector, provider, answer)
            }
            Self::ConnectorCompleting(connector) => {
                Connector::completed(connector, provider, answer)
            }
            Self::ConnectorAccepting(connector) => {
                Connector::accepting(connector, provider, answer)
            }
            Self::ConnectorDisconnecting(connector) => {
                Connector::disconnecting(connector, provider, answer)
            }
            Self::ConnectorRejected(_hold) => done(provider, answer),
            Self::ConnectorUnwound(connector, end) => {
                done(provider, answer);
                Connector::unwind(connector, end);
            }
        }
    }
}

/// The end of a command whose failure changes nothing: what it gives back is kept until a reset.
fn done<S: System>(provider: &Provider<S>, answer: Answer<S>) {
    if let Err(failure) = answer {
        provider.bury(failure.kept);
    }
}

fn simple<S: System>(provider: &Provider<S>, answer: Answer<S>) -> NTSTATUS {
    match answer {
        Ok(_) => STATUS_SUCCESS,
        other => failure(provider, other),
    }
}
