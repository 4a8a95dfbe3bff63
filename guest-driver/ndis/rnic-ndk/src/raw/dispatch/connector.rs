//! NDK_CONNECTOR_DISPATCH.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;

use super::super::{
    DisconnectEvent, DisconnectNotification, DisconnectNotificationEx, RequestCompletion, socket,
};
use super::{close, completion, object, private, query_extension};
use crate::System;
use crate::connector::{Connector, ReadLimits, Source};
use crate::endpoint::SharedEndpoint;
use crate::qp::Qp;

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const TABLE: &'static NDK_CONNECTOR_DISPATCH = &NDK_CONNECTOR_DISPATCH {
        NdkCloseConnector: close::<Connector<S>>,
        NdkQueryExtension: query_extension::<Connector<S>>,
        NdkConnect: connect::<S>,
        NdkConnectWithSharedEndpoint: connect_with_shared_endpoint::<S>,
        NdkCompleteConnect: complete_connect::<S>,
        NdkAccept: accept::<S>,
        NdkReject: reject::<S>,
        NdkGetConnectionData: connection_data::<S>,
        NdkGetLocalAddress: local_address::<S>,
        NdkGetPeerAddress: peer_address::<S>,
        NdkDisconnect: disconnect::<S>,
        NdkCompleteConnectEx: complete_connect_ex::<S>,
        NdkAcceptEx: accept_ex::<S>,
    };
}

pub(crate) fn connector<S: System>() -> *const c_void {
    (&raw const *Table::<S>::TABLE).cast()
}

/// A value, or the return of the function with its status.
macro_rules! good {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(status) => return status,
        }
    };
}

unsafe extern "win64" fn connect<S: System>(
    handle: *mut NDK_CONNECTOR,
    qp: *mut NDK_QP,
    source: *mut SOCKADDR,
    source_length: u32,
    destination: *mut SOCKADDR,
    destination_length: u32,
    inbound: u32,
    outbound: u32,
    data: *const c_void,
    data_length: u32,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    let qp = object!(Qp<S>, qp);
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer's, as long as it says.
    let local = good!(unsafe { socket::read(source, source_length) });
    // SAFETY: as above.
    let peer = good!(unsafe { socket::read(destination, destination_length) });
    // SAFETY: as above.
    let data = good!(unsafe { private(data, data_length) });
    let limits = ReadLimits { inbound, outbound };
    Connector::connect(
        &connector,
        qp,
        (Source::Address(local), peer),
        limits,
        data,
        completion,
    )
}

unsafe extern "win64" fn connect_with_shared_endpoint<S: System>(
    handle: *mut NDK_CONNECTOR,
    qp: *mut NDK_QP,
    endpoint: *mut NDK_SHARED_ENDPOINT,
    destination: *mut SOCKADDR,
    destination_length: u32,
    inbound: u32,
    outbound: u32,
    data: *const c_void,
    data_length: u32,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    let qp = object!(Qp<S>, qp);
    let endpoint = object!(SharedEndpoint<S>, endpoint);
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer's, as long as it says.
    let peer = good!(unsafe { socket::read(destination, destination_length) });
    // SAFETY: as above.
    let data = good!(unsafe { private(data, data_length) });
    let limits = ReadLimits { inbound, outbound };
    Connector::connect(
        &connector,
        qp,
        (Source::Shared(endpoint), peer),
        limits,
        data,
        completion,
    )
}

unsafe extern "win64" fn complete_connect<S: System>(
    handle: *mut NDK_CONNECTOR,
    event: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK>,
    event_context: *mut c_void,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer gave both for this, or no function.
    let event = unsafe { DisconnectNotification::new(event, event_context) };
    Connector::complete_connect(&connector, event.map(DisconnectEvent::Plain), completion)
}

unsafe extern "win64" fn complete_connect_ex<S: System>(
    handle: *mut NDK_CONNECTOR,
    event: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK_EX>,
    event_context: *mut c_void,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer gave both for this, or no function.
    let event = unsafe { DisconnectNotificationEx::new(event, event_context) };
    Connector::complete_connect(&connector, event.map(DisconnectEvent::Ex), completion)
}

unsafe extern "win64" fn accept<S: System>(
    handle: *mut NDK_CONNECTOR,
    qp: *mut NDK_QP,
    inbound: u32,
    outbound: u32,
    data: *const c_void,
    data_length: u32,
    event: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK>,
    event_context: *mut c_void,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    let qp = object!(Qp<S>, qp);
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer's, as long as it says.
    let data = good!(unsafe { private(data, data_length) });
    // SAFETY: the consumer gave both for this, or no function.
    let event = unsafe { DisconnectNotification::new(event, event_context) };
    let limits = ReadLimits { inbound, outbound };
    Connector::accept(
        &connector,
        qp,
        limits,
        data,
        event.map(DisconnectEvent::Plain),
        completion,
    )
}

unsafe extern "win64" fn accept_ex<S: System>(
    handle: *mut NDK_CONNECTOR,
    qp: *mut NDK_QP,
    inbound: u32,
    outbound: u32,
    data: *const c_void,
    data_length: u32,
    event: Option<NDK_FN_DISCONNECT_EVENT_CALLBACK_EX>,
    event_context: *mut c_void,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    let qp = object!(Qp<S>, qp);
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer's, as long as it says.
    let data = good!(unsafe { private(data, data_length) });
    // SAFETY: the consumer gave both for this, or no function.
    let event = unsafe { DisconnectNotificationEx::new(event, event_context) };
    let limits = ReadLimits { inbound, outbound };
    Connector::accept(
        &connector,
        qp,
        limits,
        data,
        event.map(DisconnectEvent::Ex),
        completion,
    )
}

unsafe extern "win64" fn reject<S: System>(
    handle: *mut NDK_CONNECTOR,
    data: *const c_void,
    data_length: u32,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    // SAFETY: the consumer's, as long as it says.
    let data = good!(unsafe { private(data, data_length) });
    Connector::reject(&connector, data)
}

unsafe extern "win64" fn connection_data<S: System>(
    handle: *mut NDK_CONNECTOR,
    inbound: *mut u32,
    outbound: *mut u32,
    data: *mut c_void,
    data_length: *mut u32,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle);
    if data_length.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    let answer = good!(connector.body().data());
    // SAFETY: the consumer's.
    let room = unsafe { data_length.read() } as usize;
    if data.is_null() && room > 0 {
        return STATUS_INVALID_PARAMETER;
    }
    for (to, value) in [
        (inbound, answer.limits.inbound),
        (outbound, answer.limits.outbound),
    ] {
        if !to.is_null() {
            // SAFETY: the consumer's.
            unsafe { to.write(value) };
        }
    }
    let bytes = answer.private_data();
    // SAFETY: as above.
    unsafe { data_length.write(bytes.len() as u32) };
    if data.is_null() {
        return STATUS_SUCCESS;
    }
    let copied = bytes.len().min(room);
    // SAFETY: there is room for that much.
    unsafe {
        data.cast::<u8>()
            .copy_from_nonoverlapping(bytes.as_ptr(), copied)
    };
    if room < bytes.len() {
        STATUS_BUFFER_TOO_SMALL
    } else {
        STATUS_SUCCESS
    }
}

unsafe extern "win64" fn local_address<S: System>(
    handle: *mut NDK_CONNECTOR,
    address: *mut SOCKADDR,
    length: *mut u32,
) -> NTSTATUS {
    let local = good!(object!(Connector<S>, handle).body().local_address());
    // SAFETY: the consumer's, as long as it says.
    unsafe { socket::write(&local, address, length) }
}

unsafe extern "win64" fn peer_address<S: System>(
    handle: *mut NDK_CONNECTOR,
    address: *mut SOCKADDR,
    length: *mut u32,
) -> NTSTATUS {
    let peer = good!(object!(Connector<S>, handle).body().peer_address());
    // SAFETY: the consumer's, as long as it says.
    unsafe { socket::write(&peer, address, length) }
}

unsafe extern "win64" fn disconnect<S: System>(
    handle: *mut NDK_CONNECTOR,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let connector = object!(Connector<S>, handle).reference();
    Connector::disconnect(
        &connector,
        completion!(RequestCompletion, completion, context),
    )
}
