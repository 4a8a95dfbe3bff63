//! NDK_LISTENER_DISPATCH and NDK_SHARED_ENDPOINT_DISPATCH.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;

use super::super::{RequestCompletion, socket};
use super::{close, completion, object, query_extension};
use crate::System;
use crate::endpoint::SharedEndpoint;
use crate::listener::Listener;

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const LISTENER: &'static NDK_LISTENER_DISPATCH = &NDK_LISTENER_DISPATCH {
        NdkCloseListener: close::<Listener<S>>,
        NdkQueryExtension: query_extension::<Listener<S>>,
        NdkListen: listen::<S>,
        NdkGetLocalAddress: listener_address::<S>,
        NdkControlConnectEvents: control_connect_events::<S>,
    };
    const ENDPOINT: &'static NDK_SHARED_ENDPOINT_DISPATCH = &NDK_SHARED_ENDPOINT_DISPATCH {
        NdkCloseSharedEndpoint: close::<SharedEndpoint<S>>,
        NdkQueryExtension: query_extension::<SharedEndpoint<S>>,
        NdkGetLocalAddress: endpoint_address::<S>,
    };
}

pub(crate) fn listener<S: System>() -> *const c_void {
    (&raw const *Table::<S>::LISTENER).cast()
}

pub(crate) fn shared_endpoint<S: System>() -> *const c_void {
    (&raw const *Table::<S>::ENDPOINT).cast()
}

unsafe extern "win64" fn listen<S: System>(
    handle: *mut NDK_LISTENER,
    address: *mut SOCKADDR,
    length: u32,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let listener = object!(Listener<S>, handle).reference();
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer's, as long as it says.
    match unsafe { socket::read(address, length) } {
        Ok(address) => Listener::listen(&listener, address, completion),
        Err(status) => status,
    }
}

unsafe extern "win64" fn listener_address<S: System>(
    handle: *mut NDK_LISTENER,
    address: *mut SOCKADDR,
    length: *mut u32,
) -> NTSTATUS {
    match object!(Listener<S>, handle).body().local_address() {
        // SAFETY: the consumer's, as long as it says.
        Ok(local) => unsafe { socket::write(&local, address, length) },
        Err(status) => status,
    }
}

unsafe extern "win64" fn control_connect_events<S: System>(handle: *mut NDK_LISTENER, pause: u8) {
    let listener = object!(Listener<S>, handle, else return).reference();
    Listener::pause(&listener, pause != 0);
}

unsafe extern "win64" fn endpoint_address<S: System>(
    handle: *mut NDK_SHARED_ENDPOINT,
    address: *mut SOCKADDR,
    length: *mut u32,
) -> NTSTATUS {
    let local = object!(SharedEndpoint<S>, handle).body().local_address();
    // SAFETY: the consumer's, as long as it says.
    unsafe { socket::write(&local, address, length) }
}
