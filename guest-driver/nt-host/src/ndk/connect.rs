//! NDK_CONNECTOR, NDK_LISTENER, NDK_SHARED_ENDPOINT.

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use ndis_sys::ndk::*;

use super::adapter::query_extension;
use super::control::{close, direct, request};
use super::shadow::{self, Shadow, Ticket, attach, consumer, new, of, original, request_done};
use crate::breach::{Rule, breach};
use crate::enter;

close!(close_connector, NDK_CONNECTOR_DISPATCH, NdkCloseConnector);
query_extension!(connector_extension, NDK_CONNECTOR_DISPATCH);
request!(connect, NDK_CONNECTOR_DISPATCH, NdkConnect,
    (connector: NDK_CONNECTOR, qp: *mut NDK_QP, source: *mut SOCKADDR, source_length: u32, target: *mut SOCKADDR,
     target_length: u32, inbound: u32, outbound: u32, data: *const c_void, data_length: u32));
request!(connect_shared, NDK_CONNECTOR_DISPATCH, NdkConnectWithSharedEndpoint,
    (connector: NDK_CONNECTOR, qp: *mut NDK_QP, endpoint: *mut NDK_SHARED_ENDPOINT, target: *mut SOCKADDR,
     target_length: u32, inbound: u32, outbound: u32, data: *const c_void, data_length: u32));
request!(disconnect, NDK_CONNECTOR_DISPATCH, NdkDisconnect, (connector: NDK_CONNECTOR));
direct!(reject, NDK_CONNECTOR_DISPATCH, NdkReject,
    (connector: NDK_CONNECTOR, data: *const c_void, length: u32) -> NTSTATUS);
direct!(connection_data, NDK_CONNECTOR_DISPATCH, NdkGetConnectionData,
    (connector: NDK_CONNECTOR, inbound: *mut u32, outbound: *mut u32, data: *mut c_void, length: *mut u32) -> NTSTATUS);
direct!(local_address, NDK_CONNECTOR_DISPATCH, NdkGetLocalAddress,
    (connector: NDK_CONNECTOR, address: *mut SOCKADDR, length: *mut u32) -> NTSTATUS);
direct!(peer_address, NDK_CONNECTOR_DISPATCH, NdkGetPeerAddress,
    (connector: NDK_CONNECTOR, address: *mut SOCKADDR, length: *mut u32) -> NTSTATUS);

/// What a disconnect event gets as context: the connector's shadow, the consumer's callback and context. It comes once.
struct Disconnect {
    connector: &'static Shadow,
    callback: usize,
    context: usize,
    came: std::sync::atomic::AtomicBool,
}

fn watch(connector: &'static Shadow, callback: usize, context: *mut c_void) -> *mut c_void {
    let watch = Box::leak(Box::new(Disconnect {
        connector,
        callback,
        context: context as usize,
        came: false.into(),
    }));
    let pointer: *mut Disconnect = watch;
    pointer.cast()
}

/// # Safety
/// `context` is from [`watch`].
unsafe fn disconnected(context: *mut c_void) -> &'static Disconnect {
    // SAFETY: as promised; never freed.
    let watch = unsafe { &*context.cast::<Disconnect>() };
    watch.connector.require_live("a disconnect event");
    if watch.came.swap(true, Ordering::SeqCst) {
        breach(Rule::Completion, "a disconnect event comes twice");
    }
    watch
}

unsafe extern "win64" fn disconnect_event(context: *mut c_void) {
    // SAFETY: from `watch`; the consumer's callback has this signature.
    unsafe {
        let watch = disconnected(context);
        let callback =
            std::mem::transmute::<usize, NDK_FN_DISCONNECT_EVENT_CALLBACK>(watch.callback);
        consumer("a disconnect event", || callback(watch.context as _));
    }
}

unsafe extern "win64" fn disconnect_event_ex(context: *mut c_void, reason: u32) {
    // SAFETY: from `watch`; the consumer's callback has this signature.
    unsafe {
        let watch = disconnected(context);
        let callback =
            std::mem::transmute::<usize, NDK_FN_DISCONNECT_EVENT_CALLBACK_EX>(watch.callback);
        consumer("a disconnect event", || {
            callback(watch.context as _, reason)
        });
    }
}

/// Defines a request with a disconnect event before its completion.
macro_rules! connecting {
    ($name:ident, $field:ident, $event_type:ty, $event:ident, (connector $(, $arg:ident: $ty:ty)*)) => {
        unsafe extern "win64" fn $name(
            connector: *mut NDK_CONNECTOR $(, $arg: $ty)*,
            event: Option<$event_type>,
            event_context: *mut c_void,
            callback: Option<NDK_FN_REQUEST_COMPLETION>,
            context: *mut c_void,
        ) -> NTSTATUS {
            // SAFETY: as NDKPI promises.
            unsafe {
                let table = original::<NDK_CONNECTOR_DISPATCH>(connector.cast());
                let shadow = of(connector.cast());
                let watched = event.map_or(std::ptr::null_mut(), |e| watch(shadow, e as usize, event_context));
                let event = event.map(|_| $event as $event_type);
                let done = callback.map(|_| request_done as NDK_FN_REQUEST_COMPLETION);
                let callback = callback.map_or(0, |callback| callback as usize);
                Ticket::new(stringify!($field), shadow, callback, context).run(|ticket| {
                    (table.$field)(connector $(, $arg)*, event, watched, done, ticket)
                })
            }
        }
    };
}

connecting!(
    complete_connect,
    NdkCompleteConnect,
    NDK_FN_DISCONNECT_EVENT_CALLBACK,
    disconnect_event,
    (connector)
);
connecting!(
    complete_connect_ex,
    NdkCompleteConnectEx,
    NDK_FN_DISCONNECT_EVENT_CALLBACK_EX,
    disconnect_event_ex,
    (connector)
);
connecting!(accept, NdkAccept, NDK_FN_DISCONNECT_EVENT_CALLBACK, disconnect_event,
    (connector, qp: *mut NDK_QP, inbound: u32, outbound: u32, data: *const c_void, length: u32));
connecting!(accept_ex, NdkAcceptEx, NDK_FN_DISCONNECT_EVENT_CALLBACK_EX, disconnect_event_ex,
    (connector, qp: *mut NDK_QP, inbound: u32, outbound: u32, data: *const c_void, length: u32));

pub(super) static CONNECTOR: NDK_CONNECTOR_DISPATCH = NDK_CONNECTOR_DISPATCH {
    NdkCloseConnector: close_connector,
    NdkQueryExtension: connector_extension,
    NdkConnect: connect,
    NdkConnectWithSharedEndpoint: connect_shared,
    NdkCompleteConnect: complete_connect,
    NdkAccept: accept,
    NdkReject: reject,
    NdkGetConnectionData: connection_data,
    NdkGetLocalAddress: local_address,
    NdkGetPeerAddress: peer_address,
    NdkDisconnect: disconnect,
    NdkCompleteConnectEx: complete_connect_ex,
    NdkAcceptEx: accept_ex,
};

close!(close_listener, NDK_LISTENER_DISPATCH, NdkCloseListener);
query_extension!(listener_extension, NDK_LISTENER_DISPATCH);
request!(listen, NDK_LISTENER_DISPATCH, NdkListen, (listener: NDK_LISTENER, address: *mut SOCKADDR, length: u32));
direct!(listener_address, NDK_LISTENER_DISPATCH, NdkGetLocalAddress,
    (listener: NDK_LISTENER, address: *mut SOCKADDR, length: *mut u32) -> NTSTATUS);
direct!(control_events, NDK_LISTENER_DISPATCH, NdkControlConnectEvents, (listener: NDK_LISTENER, pause: u8));

/// NDK_FN_CONNECT_EVENT_CALLBACK: the connector is the consumer's from now on.
pub(super) unsafe extern "win64" fn arrived(context: *mut c_void, connector: *mut NDK_CONNECTOR) {
    // SAFETY: the shadow that `create_listener` gave to the provider; the consumer's callback has this signature.
    unsafe {
        let shadow = &*context.cast::<Shadow>();
        shadow.require_live("a connect event");
        attach(
            connector.cast(),
            NdkObjectTypeConnector,
            new("NDK_CONNECTOR", &[shadow]),
        );
        let callback = std::mem::transmute::<usize, NDK_FN_CONNECT_EVENT_CALLBACK>(
            shadow.event.load(Ordering::SeqCst),
        );
        let context = shadow.context.load(Ordering::SeqCst);
        consumer("a connect event", || callback(context as _, connector));
    }
}

pub(super) static LISTENER: NDK_LISTENER_DISPATCH = NDK_LISTENER_DISPATCH {
    NdkCloseListener: close_listener,
    NdkQueryExtension: listener_extension,
    NdkListen: listen,
    NdkGetLocalAddress: listener_address,
    NdkControlConnectEvents: control_events,
};

close!(
    close_endpoint,
    NDK_SHARED_ENDPOINT_DISPATCH,
    NdkCloseSharedEndpoint
);
query_extension!(endpoint_extension, NDK_SHARED_ENDPOINT_DISPATCH);
direct!(endpoint_address, NDK_SHARED_ENDPOINT_DISPATCH, NdkGetLocalAddress,
    (endpoint: NDK_SHARED_ENDPOINT, address: *mut SOCKADDR, length: *mut u32) -> NTSTATUS);

pub(super) static SHARED_ENDPOINT: NDK_SHARED_ENDPOINT_DISPATCH = NDK_SHARED_ENDPOINT_DISPATCH {
    NdkCloseSharedEndpoint: close_endpoint,
    NdkQueryExtension: endpoint_extension,
    NdkGetLocalAddress: endpoint_address,
};
