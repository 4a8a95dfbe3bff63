//! Queue pairs: making and ending, connections, flushes. [`requests`]: posting, and what a completion means.
#![forbid(unsafe_code)]

mod requests;

use core::ffi::c_void;
use core::sync::atomic::{AtomicU8, Ordering};

use ndis_sys::ndk::*;
use rnic_abi::{FlushFlags, QpType};
use rnic_driver_core::{Failure, Nic, Outcome, QpGeometry, QpReceive, Qpn};

use crate::cq::Cq;
use crate::pd::Pd;
use crate::post::{Initiator, Receives};
use crate::provider::{Provider, Reserved, handle};
use crate::raw::{Body, Context, CreateCompletion, Hold, Lock, NoMemory, Object, Ref, dispatch};
use crate::srq::Srq;
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

/// Most inline bytes that we copy for a request, whatever the device would take.
pub const MAX_INLINE: u32 = 512;

/// A completion, as consumers are given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Result.
    pub status: NTSTATUS,
    /// Bytes received; 0 for anything but a receive.
    pub bytes: u32,
    /// Of the queue pair.
    pub qp_context: Context,
    /// Of the request.
    pub request_context: Context,
    /// What it is of.
    pub kind: NDK_OPERATION_TYPE,
    /// The check that failed.
    pub provider_code: u32,
    /// Token that the peer invalidated.
    pub invalidated: Option<u32>,
}

/// Where a queue pair stands with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Link {
    /// May join one.
    Idle,
    /// Joined one that is being made.
    Joined,
    /// Connected.
    Connected,
    /// Was connected.
    Ended,
}

/// What NdkCreateQp and NdkCreateQpWithSrq say of sizes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Receives.
    pub receives: u32,
    /// Initiator requests.
    pub initiators: u32,
    /// Entries of a receive.
    pub receive_sge: u32,
    /// Entries of an initiator request.
    pub initiator_sge: u32,
    /// Inline bytes.
    pub inline: u32,
}

/// The flush that NdkFlush started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flushing {
    No,
    Under,
    /// Another was asked for meanwhile.
    Again,
}

/// A queue pair.
pub struct Qp<S: System> {
    serial: u32,
    context: Context,
    sizes: Sizes,
    link: AtomicU8,
    qpn: Lock<S::Lock, Option<Qpn>>,
    initiator: Lock<S::Lock, Option<Initiator<PlatformOf<S>>>>,
    receives: Lock<S::Lock, Option<Receives<PlatformOf<S>>>>,
    flushing: Lock<S::Lock, Flushing>,
    for_flush: Reserved<S>,
    for_end: Reserved<S>,
    srq: Option<Hold<Srq<S>>>,
    receive_cq: Hold<Cq<S>>,
    initiator_cq: Hold<Cq<S>>,
    pub(crate) pd: Hold<Pd<S>>,
}

impl<S: System> Body for Qp<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeQp;

    fn dispatch() -> *const c_void {
        dispatch::qp::<S>()
    }

    fn teardown(this: Ref<Self>) {
        let qp = this.body();
        let initiator = qp.initiator.lock().take();
        let receives = qp.receives.lock().take();
        let qpn = qp.qpn.lock().take();
        match (initiator, qpn) {
            (Some(initiator), Some(qpn)) => {
                let queues = rnic_driver_core::Qp {
                    qpn,
                    send: initiator.queue,
                    recv: receives.map(|receives| receives.queue),
                };
                let then = Then::QpDestroyed(this.clone());
                qp.provider()
                    .submit_reserved(Verb::DestroyQp(queues), then, &qp.for_end);
            }
            _ => Self::destroyed(this),
        }
    }
}

impl<S: System> Qp<S> {
    fn provider(&self) -> &Provider<S> {
        &self.pd.adapter.provider
    }

    fn nic(&self) -> &Nic<PlatformOf<S>> {
        self.provider().system().nic()
    }

    /// NdkCreateQp, NdkCreateQpWithSrq.
    pub fn create(
        pd: &Object<Pd<S>>,
        (receive_cq, initiator_cq): (&Object<Cq<S>>, &Object<Cq<S>>),
        srq: Option<&Object<Srq<S>>>,
        context: Context,
        sizes: Sizes,
        completion: CreateCompletion,
    ) -> NTSTATUS {
        let adapter = &pd.body().adapter;
        let provider = &adapter.provider;
        let info = crate::adapter::info(provider.system().nic(), adapter.version);
        if sizes.initiators > info.MaxInitiatorQueueDepth
            || sizes.receives > info.MaxReceiveQueueDepth
            || sizes.receive_sge > info.MaxReceiveRequestSge
            || sizes.initiator_sge > info.MaxInitiatorRequestSge
            || sizes.inline > info.MaxInlineDataSize
        {
            return STATUS_INVALID_PARAMETER;
        }
        // One consumer's objects do not go together with another's.
        let ours = |cq: &Object<Cq<S>>| core::ptr::eq(&**adapter, &*cq.body().adapter);
        if !ours(receive_cq) || !ours(initiator_cq) {
            return STATUS_INVALID_PARAMETER;
        }
        if srq.is_some_and(|srq| !core::ptr::eq(pd.body(), &*srq.body().pd)) {
            return STATUS_INVALID_PARAMETER;
        }
        let numbers = (
            pd.body().handle(),
            initiator_cq.body().cqn(),
            receive_cq.body().cqn(),
        );
        let (Some(device_pd), Some(send_cq), Some(recv_cq)) = numbers else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let receive = match srq {
            Some(srq) => match srq.body().srqn() {
                Some(srqn) => QpReceive::Shared(srqn),
                None => return STATUS_INVALID_DEVICE_STATE,
            },
            None => QpReceive::Own {
                entries: sizes.receives.max(1),
                max_segments: narrow(sizes.receive_sge),
            },
        };
        let geometry = QpGeometry {
            pd: device_pd,
            qp_type: QpType::RC,
            send_cq,
            recv_cq,
            send_entries: sizes.initiators.max(1),
            max_send_segments: narrow(sizes.initiator_sge),
            max_inline: narrow(sizes.inline),
            receive,
            qp1: false,
            context: 0,
        };
        let holds = (
            pd.hold(),
            receive_cq.hold(),
            initiator_cq.hold(),
            srq.map(Object::hold),
        );
        let (Some(pd), Some(receive_cq), Some(initiator_cq), srq) = holds else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let made = Self::make(
            (receive_cq, initiator_cq),
            srq.flatten(),
            pd,
            context,
            sizes,
        );
        let Ok(qp) = made else {
            return STATUS_INSUFFICIENT_RESOURCES;
        };
        match qp.body().provider().submit(
            Verb::CreateQp(geometry),
            Then::QpCreated(qp.clone(), completion),
        ) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                qp.body().break_promises();
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    fn make(
        (receive_cq, initiator_cq): (Hold<Cq<S>>, Hold<Cq<S>>),
        srq: Option<Hold<Srq<S>>>,
        pd: Hold<Pd<S>>,
        context: Context,
        sizes: Sizes,
    ) -> Result<Ref<Self>, NoMemory> {
        let provider = pd.adapter.provider.clone();
        let (for_flush, for_end) = (Reserved::new(&provider)?, Reserved::new(&provider)?);
        let version = pd.adapter.version;
        let qp = Object::create(
            version,
            Self {
                serial: provider.next_serial(),
                context,
                sizes,
                link: AtomicU8::new(Link::Idle as u8),
                qpn: Lock::new(None),
                initiator: Lock::new(None),
                receives: Lock::new(None),
                flushing: Lock::new(Flushing::No),
                for_flush,
                for_end,
                srq,
                receive_cq,
                initiator_cq,
                pd,
            },
        )?;
        let body = qp.body();
        body.receive_cq.promise_member()?;
        if !body.same_cq()
            && let Err(error) = body.initiator_cq.promise_member()
        {
            body.receive_cq.break_promise();
            return Err(error);
        }
        Ok(qp)
    }

    fn same_cq(&self) -> bool {
        core::ptr::eq(&*self.receive_cq, &*self.initiator_cq)
    }

    fn break_promises(&self) {
        self.receive_cq.break_promise();
        if !self.same_cq() {
            self.initiator_cq.break_promise();
        }
    }

    pub(crate) fn created(
        this: Ref<Self>,
        provider: &Provider<S>,
        completion: CreateCompletion,
        result: Result<Outcome<PlatformOf<S>>, Failure<PlatformOf<S>>>,
    ) {
        let qp = this.body();
        let queues = match result {
            Ok(Outcome::Qp(queues)) => queues,
            other => {
                qp.break_promises();
                completion.complete(
                    crate::then::failure(provider, other),
                    crate::raw::Handle::NULL,
                );
                return;
            }
        };
        let qpn = queues.qpn;
        let initiator = Initiator::new(queues.send, qp.sizes.initiators.max(1));
        let receives = queues
            .recv
            .map(|queue| Receives::new(queue, qp.sizes.receives.max(1)));
        let (initiator, receives) = match (initiator, receives) {
            (Ok(initiator), None) => (initiator, None),
            (Ok(initiator), Some(Ok(receives))) => (initiator, Some(receives)),
            (initiator, receives) => {
                // The device has it, we have no memory to use it: end it again.
                qp.break_promises();
                let queues = rnic_driver_core::Qp {
                    qpn,
                    send: initiator.map_or_else(|(queue, _)| queue, |i| i.queue),
                    recv: receives.map(|r| r.map_or_else(|(queue, _)| queue, |r| r.queue)),
                };
                let then = Then::QpUnmade(this.clone(), completion);
                provider.submit_reserved(Verb::DestroyQp(queues), then, &qp.for_end);
                return;
            }
        };
        *qp.initiator.lock() = Some(initiator);
        *qp.receives.lock() = receives;
        *qp.qpn.lock() = Some(qpn);
        qp.receive_cq.join(qpn.get(), this.clone());
        if !qp.same_cq() {
            qp.initiator_cq.join(qpn.get(), this.clone());
        }
        completion.complete(STATUS_SUCCESS, handle(this));
    }

    pub(crate) fn destroyed(this: Ref<Self>) {
        this.body().receive_cq.leave(&this);
        this.body().initiator_cq.leave(&this);
        Object::finish(this);
    }

    // Connections.

    pub(crate) fn qpn(&self) -> Option<Qpn> {
        *self.qpn.lock()
    }

    /// Joins a connection; false if it is or was in one.
    pub(crate) fn join(&self) -> bool {
        let change = self.link.compare_exchange(
            Link::Idle as u8,
            Link::Joined as u8,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        change.is_ok()
    }

    pub(crate) fn set_link(&self, link: Link) {
        self.link.store(link as u8, Ordering::Release);
    }

    fn is_connected(&self) -> bool {
        self.link.load(Ordering::Acquire) == Link::Connected as u8
    }

    /// NdkFlush.
    pub fn flush(this: &Object<Self>) {
        let qp = this.body();
        if let Some(initiator) = qp.initiator.lock().as_mut() {
            initiator.show_deferred(qp.nic());
        }
        {
            let mut flushing = qp.flushing.lock();
            if *flushing != Flushing::No {
                *flushing = Flushing::Again;
                return;
            }
            *flushing = Flushing::Under;
        }
        Self::start_flush(this);
    }

    fn start_flush(this: &Object<Self>) {
        let qp = this.body();
        match (qp.qpn(), this.hold()) {
            (Some(qpn), Some(hold)) => {
                let which = FlushFlags::default()
                    .with_send(true)
                    .with_receive(qp.srq.is_none());
                let verb = Verb::FlushQp { qpn, which };
                qp.provider()
                    .submit_reserved(verb, Then::QpFlushed(hold), &qp.for_flush);
            }
            _ => *qp.flushing.lock() = Flushing::No,
        }
    }

    pub(crate) fn flushed(hold: &Hold<Self>) {
        {
            let mut flushing = hold.flushing.lock();
            if *flushing == Flushing::Under {
                *flushing = Flushing::No;
                return;
            }
            *flushing = Flushing::Under;
        }
        Self::start_flush(&hold.reference());
    }
}

fn narrow(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
