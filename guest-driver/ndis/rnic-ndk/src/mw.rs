//! Memory windows, of type 2: usable through the queue pair that bound them, invalidated by their token.
#![forbid(unsafe_code)]

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_abi::AccessFlags;
use rnic_driver_core::{Bind, Failure, Key, Outcome};

use crate::mr::Mr;
use crate::pd::Pd;
use crate::provider::{Provider, Reserved, handle};
use crate::raw::{Body, CreateCompletion, Hold, Lock, NoMemory, Object, Ref, dispatch};
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

struct Inner<S: System> {
    key: Option<Key>,
    /// Region that it was last bound to: an antecedent.
    region: Option<Hold<Mr<S>>>,
}

/// A memory window.
pub struct Mw<S: System> {
    inner: Lock<S::Lock, Inner<S>>,
    reserved: Reserved<S>,
    pub(crate) pd: Hold<Pd<S>>,
}

impl<S: System> Body for Mw<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeMw;

    fn dispatch() -> *const c_void {
        dispatch::mw::<S>()
    }

    fn teardown(this: Ref<Self>) {
        let key = this.body().inner.lock().key.take();
        match key {
            Some(key) => {
                let then = Then::MwDestroyed(this.clone());
                let body = this.body();
                let provider = &body.pd.adapter.provider;
                provider.submit_reserved(Verb::DestroyWindow(key), then, &body.reserved);
            }
            None => Object::finish(this),
        }
    }
}

impl<S: System> Mw<S> {
    /// NdkCreateMw.
    pub fn create(pd: &Object<Pd<S>>, completion: CreateCompletion) -> NTSTATUS {
        let (Some(domain), Some(pd)) = (pd.body().handle(), pd.hold()) else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let provider = pd.adapter.provider.clone();
        if !provider
            .system()
            .nic()
            .has(rnic_abi::feature::MEMORY_WINDOWS)
        {
            return STATUS_NOT_SUPPORTED;
        }
        let version = pd.adapter.version;
        let made = Reserved::new(&provider).and_then(|reserved| {
            let inner = Lock::new(Inner {
                key: None,
                region: None,
            });
            Object::create(
                version,
                Self {
                    inner,
                    reserved,
                    pd,
                },
            )
        });
        let Ok(mw) = made else {
            return STATUS_INSUFFICIENT_RESOURCES;
        };
        match provider.submit(Verb::CreateWindow(domain), Then::MwCreated(mw, completion)) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => STATUS_INSUFFICIENT_RESOURCES,
        }
    }

    pub(crate) fn created(
        this: Ref<Self>,
        provider: &Provider<S>,
        completion: CreateCompletion,
        result: Result<Outcome<PlatformOf<S>>, Failure<PlatformOf<S>>>,
    ) {
        match result {
            Ok(Outcome::Window(key)) => {
                this.body().inner.lock().key = Some(key);
                completion.complete(STATUS_SUCCESS, handle(this));
            }
            other => completion.complete(
                crate::then::failure(provider, other),
                crate::raw::Handle::NULL,
            ),
        }
    }

    pub(crate) fn key(&self) -> Option<Key> {
        self.inner.lock().key
    }

    /// NdkGetRemoteTokenFromMw.
    pub fn token(&self) -> u32 {
        self.key().map_or(0, |key| key.0)
    }

    /// What to bind, with the token that the window is to get. (ndkpi.md 1.2)
    pub(crate) fn bind(
        &self,
        mr: &Object<Mr<S>>,
        (address, length): (u64, u64),
        flags: u32,
    ) -> Result<Bind, NTSTATUS> {
        const REMOTE_WRITE: u32 = NDK_OP_FLAG_ALLOW_REMOTE_WRITE & !NDK_OP_FLAG_ALLOW_LOCAL_WRITE;
        let remote_write = flags & REMOTE_WRITE != 0;
        let (region, writable) = mr.body().bind_key().ok_or(STATUS_INVALID_PARAMETER)?;
        if remote_write && !writable {
            return Err(STATUS_ACCESS_VIOLATION);
        }
        let window = self
            .key()
            .ok_or(STATUS_INVALID_DEVICE_STATE)?
            .next_variant();
        Ok(Bind {
            window,
            region,
            address,
            length,
            access: AccessFlags::default()
                .with_remote_read(flags & NDK_OP_FLAG_ALLOW_REMOTE_READ != 0)
                .with_remote_write(remote_write),
        })
    }

    /// The bind was posted.
    pub(crate) fn bound(&self, mr: &Object<Mr<S>>, key: Key) {
        let region = mr.hold();
        let old = {
            let mut inner = self.inner.lock();
            inner.key = Some(key);
            core::mem::replace(&mut inner.region, region)
        };
        drop(old);
    }

    /// Its invalidation was posted.
    pub(crate) fn unbound(&self) {
        let old = self.inner.lock().region.take();
        drop(old);
    }
}
