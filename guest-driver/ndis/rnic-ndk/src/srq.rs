//! Shared receive queues.
#![forbid(unsafe_code)]

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_abi::Segment;
use rnic_driver_core::{
    Control, Error, Failure, NewRing, Nic, Outcome, SrqGeometry, SrqRing, Srqn, Token, Wc,
};

use crate::pd::Pd;
use crate::post::{Received, SharedReceives, room, serial_of, stamp};
use crate::provider::{Provider, Reserved, handle};
use crate::raw::{
    Body, Context, CreateCompletion, Hold, Lock, NoMemory, Object, Ref, RequestCompletion,
    SrqNotification, dispatch,
};
use crate::status::{of_error, of_post};
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

type CoreSrq<S> = rnic_driver_core::Srq<PlatformOf<S>>;

struct Inner<S: System> {
    queue: Option<CoreSrq<S>>,
    receives: SharedReceives,
    /// The threshold was set and not reported since.
    armed: bool,
    broken: bool,
}

/// A shared receive queue.
pub struct Srq<S: System> {
    key: u64,
    serial: u32,
    sge: u32,
    notification: Option<SrqNotification>,
    inner: Lock<S::Lock, Inner<S>>,
    reserved: Reserved<S>,
    pub(crate) pd: Hold<Pd<S>>,
}

impl<S: System> Body for Srq<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeSrq;

    fn dispatch() -> *const c_void {
        dispatch::srq::<S>()
    }

    fn teardown(this: Ref<Self>) {
        let queue = this.body().inner.lock().queue.take();
        match queue {
            Some(queue) => {
                let then = Then::SrqDestroyed(this.clone());
                let body = this.body();
                body.provider()
                    .submit_reserved(Verb::DestroySrq(queue), then, &body.reserved);
            }
            None => Self::destroyed(this),
        }
    }
}

/// What NdkCreateSrq says of sizes.
#[derive(Clone, Copy, Debug)]
pub struct SrqSizes {
    /// Receives.
    pub depth: u32,
    /// Entries of a receive.
    pub sge: u32,
    /// Report when fewer receives are left; 0: never.
    pub threshold: u32,
}

impl<S: System> Srq<S> {
    fn provider(&self) -> &Provider<S> {
        &self.pd.adapter.provider
    }

    /// NdkCreateSrq.
    pub fn create(
        pd: &Object<Pd<S>>,
        sizes: SrqSizes,
        notification: Option<SrqNotification>,
        completion: CreateCompletion,
    ) -> NTSTATUS {
        let adapter = &pd.body().adapter;
        let info = crate::adapter::info(adapter.provider.system().nic(), adapter.version);
        if info.MaxSrqDepth == 0 {
            return STATUS_NOT_SUPPORTED;
        }
        if sizes.depth == 0
            || sizes.depth > info.MaxSrqDepth
            || sizes.sge > info.MaxReceiveRequestSge
            || sizes.threshold > sizes.depth
        {
            return STATUS_INVALID_PARAMETER;
        }
        let (Some(domain), Some(pd)) = (pd.body().handle(), pd.hold()) else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let Ok(srq) = Self::make(pd, sizes, notification) else {
            return STATUS_INSUFFICIENT_RESOURCES;
        };
        let geometry = SrqGeometry {
            pd: domain,
            entries: sizes.depth,
            max_segments: u16::try_from(sizes.sge).unwrap_or(u16::MAX),
            limit: sizes.threshold,
            context: srq.body().key,
        };
        let then = Then::SrqCreated(srq.clone(), completion);
        match srq
            .body()
            .provider()
            .submit(Verb::CreateSrq(geometry), then)
        {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                srq.body().forget();
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    fn make(
        pd: Hold<Pd<S>>,
        sizes: SrqSizes,
        notification: Option<SrqNotification>,
    ) -> Result<Ref<Self>, NoMemory> {
        let provider = pd.adapter.provider.clone();
        let reserved = Reserved::new(&provider)?;
        let receives = SharedReceives::new(sizes.depth)?;
        let key = provider.tables.lock().srqs.reserve()?;
        let version = pd.adapter.version;
        let made = Object::create(
            version,
            Self {
                key,
                serial: provider.next_serial(),
                sge: sizes.sge,
                notification,
                inner: Lock::new(Inner {
                    queue: None,
                    receives,
                    armed: sizes.threshold > 0,
                    broken: false,
                }),
                reserved,
                pd,
            },
        );
        if made.is_err() {
            provider.tables.lock().srqs.remove(key);
        }
        made
    }

    fn forget(&self) {
        let gone = self.provider().tables.lock().srqs.remove(self.key);
        drop(gone);
    }

    pub(crate) fn created(
        this: Ref<Self>,
        provider: &Provider<S>,
        completion: CreateCompletion,
        result: Result<Outcome<PlatformOf<S>>, Failure<PlatformOf<S>>>,
    ) {
        match result {
            Ok(Outcome::Srq(queue)) => {
                this.body().inner.lock().queue = Some(queue);
                provider
                    .tables
                    .lock()
                    .srqs
                    .set(this.body().key, this.clone());
                completion.complete(STATUS_SUCCESS, handle(this));
            }
            other => {
                this.body().forget();
                completion.complete(
                    crate::then::failure(provider, other),
                    crate::raw::Handle::NULL,
                );
            }
        }
    }

    pub(crate) fn destroyed(this: Ref<Self>) {
        this.body().forget();
        Object::finish(this);
    }

    pub(crate) fn srqn(&self) -> Option<Srqn> {
        self.inner
            .lock()
            .queue
            .as_ref()
            .map(rnic_driver_core::Srq::srqn)
    }

    /// Entries of a receive that the queue was made for.
    pub(crate) fn most_segments(&self) -> u32 {
        self.sge
    }

    /// NdkSrqReceive. While a resize is under way there is no room.
    pub fn receive(&self, context: Context, list: &[Segment]) -> NTSTATUS {
        let nic = self.provider().system().nic();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(queue) = inner.queue.as_mut() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let place = match inner.receives.place() {
            Ok(place) => place,
            Err(status) => return status,
        };
        match queue.post(stamp(self.serial, place), list) {
            Ok(_) => {
                let room = room(list);
                inner.receives.keep(place, Received { context, room });
                queue.ring(nic);
                STATUS_SUCCESS
            }
            Err(error) => {
                inner.receives.give_back(place);
                of_post(error)
            }
        }
    }

    /// The receive that completed at a queue pair.
    pub(crate) fn completed(&self, wc: &Wc) -> Option<Received> {
        if serial_of(wc.context) != self.serial {
            return None;
        }
        let mut inner = self.inner.lock();
        if let Some(queue) = inner.queue.as_mut() {
            // A count that makes no sense frees nothing; the entries are counted here too.
            let _ = queue.retire_to(wc.retired);
        }
        inner.receives.take(wc.context as u32)
    }

    /// NdkModifySrq. A depth or threshold of 0 leaves it as it is.
    pub fn modify(
        this: &Object<Self>,
        depth: u32,
        threshold: u32,
        completion: RequestCompletion,
    ) -> NTSTATUS {
        let srq = this.body();
        let provider = srq.provider();
        let most = 1u32 << provider.system().nic().limits().srq_log.get().min(30);
        if depth > most {
            return STATUS_INVALID_PARAMETER;
        }
        let Some(hold) = this.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let verb = {
            let mut inner = srq.inner.lock();
            let inner = &mut *inner;
            let Some(queue) = inner.queue.as_ref() else {
                return STATUS_INVALID_DEVICE_STATE;
            };
            let wanted = if depth == 0 {
                inner.receives.depth()
            } else {
                depth
            };
            if threshold > wanted {
                return STATUS_INVALID_PARAMETER;
            }
            if wanted < inner.receives.outstanding() {
                return STATUS_BUFFER_OVERFLOW;
            }
            if wanted > queue.entries() {
                Some(Verb::ResizeSrq(this.reference(), wanted))
            } else {
                // It fits the ring: only we count differently.
                if inner.receives.resize(wanted).is_err() {
                    return STATUS_INSUFFICIENT_RESOURCES;
                }
                None
            }
        };
        let submitted = match verb {
            Some(verb) => {
                provider.submit(verb, Then::SrqResized(hold, (depth, threshold), completion))
            }
            None if threshold > 0 => Self::set_threshold(hold, threshold, completion),
            None => return STATUS_SUCCESS,
        };
        match submitted {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => STATUS_INSUFFICIENT_RESOURCES,
        }
    }

    fn set_threshold(
        hold: Hold<Self>,
        threshold: u32,
        completion: RequestCompletion,
    ) -> Result<(), NoMemory> {
        let provider = hold.pd.adapter.provider.clone();
        let srqn = {
            let mut inner = hold.inner.lock();
            inner.armed = true;
            inner.queue.as_ref().map(rnic_driver_core::Srq::srqn)
        };
        let Some(srqn) = srqn else {
            return Err(NoMemory);
        };
        let verb = Verb::ModifySrq {
            srqn,
            limit: threshold,
        };
        provider.submit(verb, Then::SrqModified(hold, completion))
    }

    pub(crate) fn resize(
        &self,
        control: &mut Control<PlatformOf<S>>,
        nic: &Nic<PlatformOf<S>>,
        cookie: u64,
        entries: u32,
    ) -> Result<Token, Error> {
        let missing = Error::Argument("srq");
        let stride = self
            .inner
            .lock()
            .queue
            .as_ref()
            .map(rnic_driver_core::Srq::log_stride);
        let ring = NewRing::for_srq(nic, entries, stride.ok_or(missing)?)?;
        let mut inner = self.inner.lock();
        let queue = inner.queue.as_mut().ok_or(missing)?;
        queue.refresh()?;
        control.resize_srq_with(nic, cookie, queue, ring)
    }

    pub(crate) fn resized(
        hold: Hold<Self>,
        (depth, threshold): (u32, u32),
        completion: RequestCompletion,
        result: Result<SrqRing<PlatformOf<S>>, NTSTATUS>,
    ) {
        let status = {
            let mut inner = hold.inner.lock();
            let inner = &mut *inner;
            match (inner.queue.as_mut(), result) {
                (Some(queue), Ok(ring)) => match queue.switch(ring) {
                    Ok(()) if inner.receives.resize(depth).is_ok() => STATUS_SUCCESS,
                    Ok(()) => STATUS_INSUFFICIENT_RESOURCES,
                    Err(violation) => of_error(violation.into()),
                },
                (Some(queue), Err(status)) => {
                    queue.resize_failed();
                    status
                }
                (None, _) => STATUS_INVALID_DEVICE_STATE,
            }
        };
        if status == STATUS_SUCCESS && threshold > 0 {
            if Self::set_threshold(hold, threshold, completion).is_err() {
                completion.complete(STATUS_INSUFFICIENT_RESOURCES);
            }
        } else {
            completion.complete(status);
        }
    }

    /// The device says that the queue runs low, or that it broke.
    pub(crate) fn event(this: &Ref<Self>, broken: bool) {
        let Some(hold) = this.hold() else { return };
        let status = {
            let mut inner = hold.inner.lock();
            if inner.broken {
                return;
            }
            inner.broken = broken;
            let armed = core::mem::take(&mut inner.armed);
            match (broken, armed) {
                (true, _) => STATUS_INTERNAL_ERROR,
                (false, true) => STATUS_SUCCESS,
                (false, false) => return,
            }
        };
        if let Some(notification) = hold.notification.filter(|_| !this.is_closing()) {
            notification.notify(status);
        }
    }
}
