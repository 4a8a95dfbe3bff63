//! Shared endpoints: an address and port from which many connections start.
#![forbid(unsafe_code)]

use core::ffi::c_void;

use ndis_sys::ndk::*;
use rnic_driver_core::{EndpointId, Outcome};

use crate::System;
use crate::adapter::Adapter;
use crate::address::{Answer, SocketAddress};
use crate::provider::{Provider, Reserved, handle};
use crate::raw::{Body, CreateCompletion, Hold, Lock, NoMemory, Object, Ref, dispatch};
use crate::then::Then;
use crate::verb::Verb;

/// A shared endpoint.
pub struct SharedEndpoint<S: System> {
    key: u64,
    state: Lock<S::Lock, (Option<EndpointId>, SocketAddress)>,
    reserved: Reserved<S>,
    pub(crate) adapter: Hold<Adapter<S>>,
}

impl<S: System> Body for SharedEndpoint<S> {
    type System = S;
    const KIND: NDK_OBJECT_TYPE = NdkObjectTypeSharedEndpoint;

    fn dispatch() -> *const c_void {
        dispatch::shared_endpoint::<S>()
    }

    fn teardown(this: Ref<Self>) {
        let endpoint = this.body().state.lock().0.take();
        match endpoint {
            Some(endpoint) => {
                let then = Then::EndpointReleased(this.clone());
                let body = this.body();
                body.adapter.provider.submit_reserved(
                    Verb::ReleaseEndpoint(endpoint),
                    then,
                    &body.reserved,
                );
            }
            None => Self::released(this),
        }
    }
}

impl<S: System> SharedEndpoint<S> {
    /// NdkCreateSharedEndpoint.
    pub fn create(
        adapter: &Object<Adapter<S>>,
        address: SocketAddress,
        completion: CreateCompletion,
    ) -> NTSTATUS {
        let provider = adapter.body().provider.clone();
        let Some(index) = provider.addresses.index(address.ip) else {
            return STATUS_INVALID_ADDRESS;
        };
        let Some(adapter) = adapter.hold() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        let Ok(endpoint) = Self::make(adapter, address) else {
            return STATUS_INSUFFICIENT_RESOURCES;
        };
        let verb = Verb::ReserveEndpoint(index, address.port);
        match provider.submit(verb, Then::EndpointReserved(endpoint.clone(), completion)) {
            Ok(()) => STATUS_PENDING,
            Err(NoMemory) => {
                endpoint.body().forget();
                STATUS_INSUFFICIENT_RESOURCES
            }
        }
    }

    fn make(adapter: Hold<Adapter<S>>, address: SocketAddress) -> Result<Ref<Self>, NoMemory> {
        let provider = adapter.provider.clone();
        let reserved = Reserved::new(&provider)?;
        let key = provider.tables.lock().endpoints.reserve()?;
        let version = adapter.version;
        let made = Object::create(
            version,
            Self {
                key,
                state: Lock::new((None, address)),
                reserved,
                adapter,
            },
        );
        if made.is_err() {
            provider.tables.lock().endpoints.remove(key);
        }
        made
    }

    fn forget(&self) {
        let gone = self
            .adapter
            .provider
            .tables
            .lock()
            .endpoints
            .remove(self.key);
        drop(gone);
    }

    pub(crate) fn reserved(
        this: Ref<Self>,
        provider: &Provider<S>,
        completion: CreateCompletion,
        answer: Answer<S>,
    ) {
        match answer {
            Ok(Outcome::Endpoint(endpoint, port)) => {
                {
                    let mut state = this.body().state.lock();
                    state.0 = Some(endpoint);
                    state.1.port = port;
                }
                provider
                    .tables
                    .lock()
                    .endpoints
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

    pub(crate) fn released(this: Ref<Self>) {
        this.body().forget();
        Object::finish(this);
    }

    /// What the device calls it, and its address.
    pub(crate) fn endpoint(&self) -> Option<(EndpointId, SocketAddress)> {
        let state = self.state.lock();
        Some((state.0?, state.1))
    }

    /// NdkGetLocalAddress.
    pub fn local_address(&self) -> SocketAddress {
        self.state.lock().1
    }
}
