//! Completion queues.
//!
//! An arm is owed one callback. It is due when the device signals that arm, or when the queue fails; callbacks of a queue
//! run one after the other, never from within one another. (ndkpi.md 6.3)
#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_abi::{ArmType, CqErrorCause, CqEventKind};
use rnic_driver_core::{
    Control, CqGeometry, CqRing, CqSignal, Cqn, Error, Failure, NewRing, Nic, Outcome, Token,
};

use crate::adapter::Adapter;
use crate::provider::{Provider, Reserved, handle};
use crate::qp::{Completion, Qp};
use crate::raw::{
    Body, CqNotification, CreateCompletion, Hold, Lock, NoMemory, Object, Ref, RequestCompletion,
    dispatch,
};
use crate::status::of_error;
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

type CoreCq<S> = rnic_driver_core::Cq<PlatformOf<S>>;

struct Member<S: System> {
    qpn: u32,
    qp: Ref<Qp<S>>,
}

pub(crate) struct Inner<S: System> {
    queue: Option<CoreCq<S>>,
    depth: u32,
    /// Queue pairs that complete here, by number.
    members: Vec<Member<S>>,
    /// Members that are being made.
    promised: usize,
    /// An arm was not answered by a callback yet.
    owed: bool,
    /// A callback that is to be made.
    due: Option<NTSTATUS>,
    /// A callback runs.
    running: bool,
    /// Signals come late on purpose, or by count alone.
    moderated: bool,
    /// A signal that the device owes, and since when.
    owes: Option<((u32, u8), u64)>,
    failed: Option<NTSTATUS>,
}

/// A completion queue.
pub struct Cq<S: System> {
    key: u64,
    eq: usize,
    notification: CqNotification,
    inner: Lock<S::Lock, Inner<S>>,
    reserved: Reserved<S>,
    pub(crate) adapter: Hold<Adapter<S>>,
}

impl<S: System> Body for Cq<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeCq;

    fn dispatch() -> *const c_void {
        dispatch::cq::<S>()
    }

    fn teardown(this: Ref<Self>) {
        let queue = this.body().inner.lock().queue.take();
        match queue {
            Some(queue) => {
                let provider = this.body().adapter.provider.clone();
                let then = Then::CqDestroyed(this.clone());
                provider.submit_reserved(Verb::DestroyCq(queue), then, &this.body().reserved);
            }
            None => Self::destroyed(this),
        }
    }
}

impl<S: System> Cq<S> {
    /// NdkCreateCq.
    pub fn create(
        adapter: &Object<Adapter<S>>,
        depth: u32,
        notification: CqNotification,
        affinity: Option<GROUP_AFFINITY>,
        completion: CreateCompletion,
    ) -> NTSTATUS {
        let provider = &adapter.body().provider;
        let limit = 1u32 << provider.system().nic().limits().cq_log.get().min(30);
        if depth == 0 || depth > limit {
            return STATUS_INVALID_PARAMETER;
        }
        let Some(adapter_hold) = adapter.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let processors = affinity.map(|a| a.Mask).filter(|mask| *mask != 0);
        let Some((eq, eqn)) = provider.system().choose_event_queue(processors) else {
            return STATUS_INSUFFICIENT_RESOURCES;
        };
        let made = Self::make(adapter_hold, (eq, depth), notification);
        let Ok(cq) = made else {
            provider.system().leave_event_queue(eq);
            return STATUS_INSUFFICIENT_RESOURCES;
        };
        let geometry = CqGeometry {
            eqn,
            entries: depth,
            context: cq.body().key,
        };
        match provider.submit(
            Verb::CreateCq(geometry),
            Then::CqCreated(cq.clone(), completion),
        ) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                cq.body().forget(provider);
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    fn make(
        adapter: Hold<Adapter<S>>,
        (eq, depth): (usize, u32),
        notification: CqNotification,
    ) -> Result<Ref<Self>, NoMemory> {
        let provider = adapter.provider.clone();
        let reserved = Reserved::new(&provider)?;
        let key = {
            let mut tables = provider.tables.lock();
            let room = (tables.cqs_made + 1).saturating_sub(tables.cq_numbers.len());
            tables.cq_numbers.try_reserve(room).map_err(|_| NoMemory)?;
            let key = tables.cqs.reserve()?;
            tables.cqs_made += 1;
            key
        };
        let version = adapter.version;
        let made = Object::create(
            version,
            Self {
                key,
                eq,
                notification,
                inner: Lock::new(Inner {
                    queue: None,
                    depth,
                    members: Vec::new(),
                    promised: 0,
                    owed: false,
                    due: None,
                    running: false,
                    moderated: false,
                    owes: None,
                    failed: None,
                }),
                reserved,
                adapter,
            },
        );
        if made.is_err() {
            let mut tables = provider.tables.lock();
            tables.cqs_made -= 1;
            tables.cqs.remove(key);
        }
        made
    }

    /// Takes the queue out of the tables.
    fn forget(&self, provider: &Provider<S>) {
        provider.system().leave_event_queue(self.eq);
        let gone = {
            let mut tables = provider.tables.lock();
            let key = self.key;
            tables.cq_numbers.retain(|entry| entry.1 != key);
            tables.cqs_made -= 1;
            tables.cqs.remove(key)
        };
        drop(gone);
    }

    pub(crate) fn created(
        this: Ref<Self>,
        provider: &Provider<S>,
        completion: CreateCompletion,
        result: Result<Outcome<PlatformOf<S>>, Failure<PlatformOf<S>>>,
    ) {
        match result {
            Ok(Outcome::Cq(queue)) => {
                let number = queue.cqn().get();
                this.body().inner.lock().queue = Some(queue);
                {
                    let mut tables = provider.tables.lock();
                    let key = this.body().key;
                    tables.cqs.set(key, this.clone());
                    let at = tables.cq_numbers.partition_point(|entry| entry.0 < number);
                    // Room was made when the key was taken.
                    tables.cq_numbers.insert(at, (number, key));
                }
                completion.complete(STATUS_SUCCESS, handle(this));
            }
            other => {
                this.body().forget(provider);
                completion.complete(
                    crate::then::failure(provider, other),
                    crate::raw::Handle::NULL,
                );
            }
        }
    }

    pub(crate) fn destroyed(this: Ref<Self>) {
        let provider = this.body().adapter.provider.clone();
        this.body().forget(&provider);
        Object::finish(this);
    }

    /// Its number, while it lives in the device.
    pub(crate) fn cqn(&self) -> Option<Cqn> {
        self.inner
            .lock()
            .queue
            .as_ref()
            .map(rnic_driver_core::Cq::cqn)
    }

    /// Room for a queue pair that is being made.
    pub(crate) fn promise_member(&self) -> Result<(), NoMemory> {
        let mut inner = self.inner.lock();
        let room = inner.promised + 1;
        inner.members.try_reserve(room).map_err(|_| NoMemory)?;
        inner.promised += 1;
        Ok(())
    }

    pub(crate) fn break_promise(&self) {
        self.inner.lock().promised -= 1;
    }

    /// A queue pair completes here from now on. Room was promised.
    pub(crate) fn join(&self, qpn: u32, qp: Ref<Qp<S>>) {
        let mut inner = self.inner.lock();
        inner.promised -= 1;
        let at = inner.members.partition_point(|member| member.qpn < qpn);
        inner.members.insert(at, Member { qpn, qp });
    }

    /// No more.
    pub(crate) fn leave(&self, qp: &Ref<Qp<S>>) {
        let gone = {
            let mut inner = self.inner.lock();
            let same = |member: &Member<S>| core::ptr::eq(&*member.qp, &**qp);
            let at = inner.members.iter().position(same);
            at.map(|at| inner.members.remove(at))
        };
        drop(gone);
    }

    /// NdkGetCqResults, NdkGetCqResultsEx: gives up to `most` completions to `take`.
    pub fn poll(&self, most: u32, mut take: impl FnMut(u32, &Completion)) -> u32 {
        let nic = self.adapter.provider.system().nic();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(queue) = inner.queue.as_mut() else {
            return 0;
        };
        let mut given = 0;
        // What belongs to queue pairs that are closed is skipped; there is no more of it than the queue holds.
        let mut skips = queue.entries();
        while given < most {
            let wc = match queue.poll(nic) {
                Ok(Some(wc)) => wc,
                Ok(None) => break,
                Err(error) => {
                    self.adapter.provider.system().device_broke_a_rule(error);
                    inner.failed.get_or_insert(STATUS_INTERNAL_ERROR);
                    self.adapter.provider.system().want_deferred_work();
                    break;
                }
            };
            let at = inner
                .members
                .binary_search_by_key(&wc.qpn, |member| member.qpn);
            let member = at.ok().and_then(|at| inner.members.get(at));
            match member.and_then(|member| member.qp.body().completed(&wc)) {
                Some(completion) => {
                    take(given, &completion);
                    given += 1;
                }
                None if skips == 0 => break,
                None => skips -= 1,
            }
        }
        if given < most && self.adapter.provider.is_failed() {
            // Nothing more comes from the device, which has stopped. What it left behind ends here.
            for member in &inner.members {
                while given < most
                    && let Some(completion) = member.qp.body().left_behind(self)
                {
                    take(given, &completion);
                    given += 1;
                }
            }
        }
        // The consumer may post as many requests as it took completions, up to the depth that it asked for. Room beyond
        // that depth is ours to keep quiet about.
        if queue.unpublished() > queue.entries().saturating_sub(inner.depth) {
            queue.publish(nic);
        }
        given
    }

    /// NdkArmCq. Types that NDKPI does not know arm nothing.
    pub fn arm(&self, kind: u32) {
        let kind = match kind {
            NDK_CQ_NOTIFY_ERRORS => ArmType::ERRORS,
            NDK_CQ_NOTIFY_ANY => ArmType::ANY,
            NDK_CQ_NOTIFY_SOLICITED => ArmType::SOLICITED,
            _ => return,
        };
        let system = self.adapter.provider.system();
        let failed = {
            let mut inner = self.inner.lock();
            inner.owed = true;
            if let Some(queue) = inner.queue.as_mut() {
                queue.arm(system.nic(), kind);
            }
            inner.failed.is_some()
        };
        if failed {
            // Not from here: the consumer may call from within a callback, or hold a lock of its own.
            system.want_deferred_work();
        }
    }

    /// The device signals the queue.
    pub(crate) fn signalled(this: &Ref<Self>, signal: &CqSignal) {
        {
            let mut inner = this.body().inner.lock();
            let current = inner
                .queue
                .as_mut()
                .is_some_and(|queue| queue.take_signal(signal));
            if !current || !inner.owed {
                return;
            }
            // Of an error the general event says which: until it comes the callback stays owed.
            if signal.kind != CqEventKind::ERROR {
                inner.owed = false;
                inner.due = Some(STATUS_SUCCESS);
            }
        }
        Self::notify_due(this);
    }

    /// The device says why the queue is in error.
    pub(crate) fn failed(this: &Ref<Self>, cause: CqErrorCause) {
        let status = if cause == CqErrorCause::OVERRUN {
            STATUS_BUFFER_OVERFLOW
        } else {
            STATUS_INTERNAL_ERROR
        };
        this.body().inner.lock().failed.get_or_insert(status);
        Self::notify_due(this);
    }

    pub(crate) fn device_failed(this: &Ref<Self>) {
        this.body()
            .inner
            .lock()
            .failed
            .get_or_insert(STATUS_INTERNAL_ERROR);
        Self::notify_due(this);
    }

    /// Since when the device owes a signal that an arm asked for, as far as looks at the queue, of which this is one, tell.
    /// Where signals are moderated nothing says when one is due.
    pub(crate) fn owes_since(&self, now: u64) -> Option<u64> {
        let mut inner = self.inner.lock();
        let owes = match &inner.queue {
            Some(queue) if !inner.moderated && inner.failed.is_none() => queue.owes_signal(),
            _ => None,
        };
        inner.owes = owes.map(|which| match inner.owes {
            Some((then, since)) if then == which => (then, since),
            _ => (which, now),
        });
        inner.owes.map(|(_, since)| since)
    }

    /// Makes the callbacks that are due, unless somebody is at it.
    pub(crate) fn notify_due(this: &Ref<Self>) {
        // A close waits for callbacks in progress, and none starts when it has ended.
        let Some(hold) = this.hold() else { return };
        {
            let mut inner = hold.inner.lock();
            if inner.running {
                return;
            }
            inner.running = true;
        }
        loop {
            let status = {
                let mut inner = hold.inner.lock();
                if inner.due.is_none() && inner.owed && inner.failed.is_some() {
                    inner.owed = false;
                    inner.due = inner.failed;
                }
                match inner.due.take() {
                    Some(status) if !this.is_closing() => {
                        // What was armed meanwhile is answered with it: its consumer looks again after this.
                        inner.owed = false;
                        status
                    }
                    _ => {
                        inner.running = false;
                        break;
                    }
                }
            };
            hold.notification.notify(status);
        }
    }

    /// NdkControlCqInterruptModeration. (ndkpi.md 6.3)
    pub fn moderate(this: &Object<Self>, interval_us: u32, count: u32) -> NTSTATUS {
        const OFF: u32 = u32::MAX;
        let provider = &this.body().adapter.provider;
        if !provider
            .system()
            .nic()
            .has(rnic_abi::feature::CQ_MODERATION)
        {
            return STATUS_NOT_SUPPORTED;
        }
        let (cqn, depth) = {
            let inner = this.body().inner.lock();
            (
                inner.queue.as_ref().map(rnic_driver_core::Cq::cqn),
                inner.depth,
            )
        };
        let Some(cqn) = cqn else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let by_interval = count == OFF || count > depth;
        let (count, interval_us) = match (interval_us, count) {
            (OFF, _) if by_interval => return STATUS_INVALID_PARAMETER_MIX,
            (0, _) | (_, 0 | 1) => (1, OFF),
            (OFF, count) => (count, OFF),
            (interval, _) if by_interval => (OFF, interval),
            (interval, count) => (count, interval),
        };
        let Some(hold) = this.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let verb = Verb::ModerateCq {
            cqn,
            count,
            interval_us,
        };
        match provider.submit(verb, Then::CqModerated(hold)) {
            Ok(()) => {
                this.body().inner.lock().moderated = (count, interval_us) != (1, OFF);
                STATUS_SUCCESS
            }
            Err(NoMemory) => STATUS_INSUFFICIENT_RESOURCES,
        }
    }

    /// NdkResizeCq.
    pub fn request_resize(
        this: &Object<Self>,
        depth: u32,
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let provider = &this.body().adapter.provider;
        let nic = provider.system().nic();
        if !nic.has(rnic_abi::feature::CQ_RESIZE) {
            return STATUS_NOT_SUPPORTED;
        }
        if depth == 0 || depth > 1u32 << nic.limits().cq_log.get().min(30) {
            return STATUS_INVALID_PARAMETER;
        }
        let Some(hold) = this.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let verb = Verb::ResizeCq(this.reference(), depth);
        match provider.submit(verb, Then::CqResized(hold, depth, completion)) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => STATUS_INSUFFICIENT_RESOURCES,
        }
    }

    pub(crate) fn resize(
        &self,
        control: &mut Control<PlatformOf<S>>,
        nic: &Nic<PlatformOf<S>>,
        cookie: u64,
        entries: u32,
    ) -> Result<Token, Error> {
        let ring = NewRing::for_cq(nic, entries)?;
        let mut inner = self.inner.lock();
        let queue = inner.queue.as_mut().ok_or(Error::Argument("cq"))?;
        control.resize_cq_with(nic, cookie, queue, ring)
    }

    pub(crate) fn resized(&self, depth: u32, ring: CqRing<PlatformOf<S>>) -> NTSTATUS {
        let mut inner = self.inner.lock();
        let switched = inner.queue.as_mut().map(|queue| queue.switch(ring));
        match switched {
            Some(Ok(())) => {
                inner.depth = depth;
                STATUS_SUCCESS
            }
            Some(Err(violation)) => of_error(violation.into()),
            None => STATUS_INVALID_DEVICE_STATE,
        }
    }
}
