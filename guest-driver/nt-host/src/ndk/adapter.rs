//! NDK_ADAPTER: information, creation, logical addresses.

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use ndis_sys::ndk::*;

use super::shadow::{Ticket, attach, new, of, original, request_done};
use super::{connect, queue};
use crate::breach::{Rule, breach};
use crate::{cpu, enter};

/// Creates an object: the call gets the completion's context.
///
/// # Safety
/// `object` is attached, `out` is the consumer's out parameter, the call is the provider's function.
pub(super) unsafe fn create<T>(
    what: &'static str,
    object: *mut NDK_OBJECT_HEADER,
    kind: NDK_OBJECT_TYPE,
    shadow: &'static super::shadow::Shadow,
    (callback, context): (Option<NDK_FN_CREATE_COMPLETION>, *mut c_void),
    out: *mut *mut T,
    call: impl FnOnce(*mut c_void) -> NTSTATUS,
) -> NTSTATUS {
    // SAFETY: as promised.
    let ticket = Ticket::new(
        what,
        unsafe { of(object) },
        callback.map_or(0, |c| c as usize),
        context,
    );
    let status = ticket.creating(kind, shadow).run(call);
    if status == STATUS_SUCCESS {
        // SAFETY: the provider stored the object.
        unsafe { attach((*out).cast(), kind, shadow) };
    }
    status
}

pub(super) use super::shadow::create_done as created;

macro_rules! query_extension {
    ($name:ident, $table:ty) => {
        unsafe extern "win64" fn $name(
            object: *mut NDK_OBJECT_HEADER,
            id: *mut GUID,
            version: NDK_VERSION,
            extension: *mut NDK_EXTENSION_INTERFACE,
        ) -> NTSTATUS {
            // SAFETY: as NDKPI promises.
            unsafe {
                let table = original::<$table>(object);
                enter::driver("NdkQueryExtension", || {
                    (table.NdkQueryExtension)(object, id, version, extension)
                })
            }
        }
    };
}
pub(super) use query_extension;

query_extension!(extension, NDK_ADAPTER_DISPATCH);

unsafe extern "win64" fn query_info(
    adapter: *mut NDK_ADAPTER,
    info: *mut NDK_ADAPTER_INFO,
    size: *mut u32,
) -> NTSTATUS {
    if cpu::irql() != cpu::PASSIVE_LEVEL {
        breach(
            Rule::IrqlLimit,
            "NdkQueryAdapterInfo above PASSIVE_LEVEL: a bug of the consumer",
        );
    }
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        enter::driver("NdkQueryAdapterInfo", || {
            (table.NdkQueryAdapterInfo)(adapter, info, size)
        })
    }
}

unsafe extern "win64" fn create_cq(
    adapter: *mut NDK_ADAPTER,
    depth: u32,
    notification: Option<NDK_FN_CQ_NOTIFICATION_CALLBACK>,
    notification_context: *mut c_void,
    affinity: *mut GROUP_AFFINITY,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_CQ,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let shadow = new("NDK_CQ", &[of(adapter.cast())]);
        shadow
            .event
            .store(notification.map_or(0, |n| n as usize), Ordering::SeqCst);
        shadow
            .context
            .store(notification_context as usize, Ordering::SeqCst);
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        let event: Option<NDK_FN_CQ_NOTIFICATION_CALLBACK> =
            notification.map(|_| queue::notified as NDK_FN_CQ_NOTIFICATION_CALLBACK);
        let pointer: *const super::shadow::Shadow = shadow;
        create(
            "NdkCreateCq",
            adapter.cast(),
            NdkObjectTypeCq,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateCq)(
                    adapter,
                    depth,
                    event,
                    pointer.cast_mut().cast(),
                    affinity,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn create_pd(
    adapter: *mut NDK_ADAPTER,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_PD,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        let shadow = new("NDK_PD", &[of(adapter.cast())]);
        create(
            "NdkCreatePd",
            adapter.cast(),
            NdkObjectTypePd,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreatePd)(
                    adapter,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn create_shared_endpoint(
    adapter: *mut NDK_ADAPTER,
    address: *mut SOCKADDR,
    length: u32,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_SHARED_ENDPOINT,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        let shadow = new("NDK_SHARED_ENDPOINT", &[of(adapter.cast())]);
        let kind = NdkObjectTypeSharedEndpoint;
        create(
            "NdkCreateSharedEndpoint",
            adapter.cast(),
            kind,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateSharedEndpoint)(
                    adapter,
                    address,
                    length,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn create_connector(
    adapter: *mut NDK_ADAPTER,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_CONNECTOR,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        let shadow = new("NDK_CONNECTOR", &[of(adapter.cast())]);
        create(
            "NdkCreateConnector",
            adapter.cast(),
            NdkObjectTypeConnector,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateConnector)(
                    adapter,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn create_listener(
    adapter: *mut NDK_ADAPTER,
    event: Option<NDK_FN_CONNECT_EVENT_CALLBACK>,
    event_context: *mut c_void,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_LISTENER,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        let shadow = new("NDK_LISTENER", &[of(adapter.cast())]);
        shadow
            .event
            .store(event.map_or(0, |e| e as usize), Ordering::SeqCst);
        shadow
            .context
            .store(event_context as usize, Ordering::SeqCst);
        let event = event.map(|_| connect::arrived as NDK_FN_CONNECT_EVENT_CALLBACK);
        let pointer: *const super::shadow::Shadow = shadow;
        create(
            "NdkCreateListener",
            adapter.cast(),
            NdkObjectTypeListener,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateListener)(
                    adapter,
                    event,
                    pointer.cast_mut().cast(),
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn build_lam(
    adapter: *mut NDK_ADAPTER,
    mdl: *mut MDL,
    length: usize,
    callback: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
    lam: *mut NDK_LOGICAL_ADDRESS_MAPPING,
    size: *mut u32,
    offset: *mut u32,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises. The completion is optional: without one the provider answers inline.
    unsafe {
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        let done = callback.map(|_| request_done as NDK_FN_REQUEST_COMPLETION);
        Ticket::new(
            "NdkBuildLAM",
            of(adapter.cast()),
            callback.map_or(0, |c| c as usize),
            context,
        )
        .run(|ticket| (table.NdkBuildLAM)(adapter, mdl, length, done, ticket, lam, size, offset))
    }
}

unsafe extern "win64" fn release_lam(
    adapter: *mut NDK_ADAPTER,
    lam: *mut NDK_LOGICAL_ADDRESS_MAPPING,
) {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_ADAPTER_DISPATCH>(adapter.cast());
        enter::driver("NdkReleaseLAM", || (table.NdkReleaseLAM)(adapter, lam));
    }
}

pub(super) static TABLE: NDK_ADAPTER_DISPATCH = NDK_ADAPTER_DISPATCH {
    NdkQueryExtension: extension,
    NdkQueryAdapterInfo: query_info,
    NdkCreateCq: create_cq,
    NdkCreatePd: create_pd,
    NdkCreateSharedEndpoint: create_shared_endpoint,
    NdkCreateConnector: create_connector,
    NdkCreateListener: create_listener,
    NdkBuildLAM: build_lam,
    NdkReleaseLAM: release_lam,
};
