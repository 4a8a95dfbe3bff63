//! Protection domains.
#![forbid(unsafe_code)]

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_driver_core::{Failure, Key, Outcome, PdHandle};

use crate::adapter::Adapter;
use crate::provider::{Provider, Reserved, handle};
use crate::raw::{Body, CreateCompletion, Hold, Lock, NoMemory, Object, Ref, dispatch};
use crate::then::Then;
use crate::verb::Verb;
use crate::{PlatformOf, System};

/// A protection domain.
pub struct Pd<S: System> {
    domain: Lock<S::Lock, Option<(PdHandle, Option<Key>)>>,
    reserved: Reserved<S>,
    pub(crate) adapter: Hold<Adapter<S>>,
}

impl<S: System> Body for Pd<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypePd;

    fn dispatch() -> *const c_void {
        dispatch::pd::<S>()
    }

    fn teardown(this: Ref<Self>) {
        let domain = this.body().domain.lock().take();
        match domain {
            Some((pd, _)) => {
                let then = Then::PdDestroyed(this.clone());
                let body = this.body();
                body.adapter
                    .provider
                    .submit_reserved(Verb::DestroyPd(pd), then, &body.reserved);
            }
            None => Object::finish(this),
        }
    }
}

impl<S: System> Pd<S> {
    /// NdkCreatePd.
    pub fn create(adapter: &Object<Adapter<S>>, completion: CreateCompletion) -> NTSTATUS {
        let Some(adapter) = adapter.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let Ok(pd) = Self::make(adapter) else {
            return STATUS_INSUFFICIENT_RESOURCES;
        };
        let provider = pd.body().adapter.provider.clone();
        let privileged = provider
            .system()
            .nic()
            .has(rnic_abi::feature::PRIVILEGED_KEYS);
        match provider.submit(
            Verb::CreatePd { privileged },
            Then::PdCreated(pd, completion),
        ) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => STATUS_INSUFFICIENT_RESOURCES,
        }
    }

    fn make(adapter: Hold<Adapter<S>>) -> Result<Ref<Self>, NoMemory> {
        let reserved = Reserved::new(&adapter.provider)?;
        let version = adapter.version;
        Object::create(
            version,
            Self {
                domain: Lock::new(None),
                reserved,
                adapter,
            },
        )
    }

    pub(crate) fn created(
        this: Ref<Self>,
        provider: &Provider<S>,
        completion: CreateCompletion,
        result: Result<Outcome<PlatformOf<S>>, Failure<PlatformOf<S>>>,
    ) {
        match result {
            Ok(Outcome::Pd(pd, key)) => {
                *this.body().domain.lock() = Some((pd, key));
                completion.complete(STATUS_SUCCESS, handle(this));
            }
            other => completion.complete(
                crate::then::failure(provider, other),
                crate::raw::Handle::NULL,
            ),
        }
    }

    pub(crate) fn handle(&self) -> Option<PdHandle> {
        self.domain.lock().map(|(pd, _)| pd)
    }

    /// NdkGetPrivilegedMemoryRegionToken. 0, which is no token, if the device has none.
    pub fn privileged_token(&self) -> u32 {
        let key = self.domain.lock().and_then(|(_, key)| key);
        key.map_or(0, |key| key.0)
    }
}
