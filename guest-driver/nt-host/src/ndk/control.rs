//! NDK_PD, NDK_MR, NDK_MW.

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use ndis_sys::ndk::*;

use super::adapter::{create, created, query_extension};
use super::queue;
use super::shadow::{self, Shadow, Ticket, new, of, original, request_done};
use crate::enter;

/// Defines the close function of a table.
macro_rules! close {
    ($name:ident, $table:ty, $field:ident) => {
        unsafe extern "win64" fn $name(
            object: *mut NDK_OBJECT_HEADER,
            callback: Option<NDK_FN_CLOSE_COMPLETION>,
            context: *mut c_void,
        ) -> NTSTATUS {
            // SAFETY: as NDKPI promises.
            unsafe {
                let function = original::<$table>(object).$field;
                shadow::close(stringify!($field), object, function, callback, context)
            }
        }
    };
}
pub(super) use close;

/// Defines a function that is answered at once.
macro_rules! direct {
    ($name:ident, $table:ty, $field:ident, ($object:ident: $type:ty $(, $arg:ident: $ty:ty)*) $(-> $ret:ty)?) => {
        unsafe extern "win64" fn $name($object: *mut $type $(, $arg: $ty)*) $(-> $ret)? {
            // SAFETY: as NDKPI promises.
            unsafe {
                let table = original::<$table>($object.cast());
                enter::driver(stringify!($field), || (table.$field)($object $(, $arg)*))
            }
        }
    };
}
pub(super) use direct;

/// Defines a request: its last two parameters are completion and context.
macro_rules! request {
    ($name:ident, $table:ty, $field:ident, ($object:ident: $type:ty $(, $arg:ident: $ty:ty)*)) => {
        unsafe extern "win64" fn $name(
            $object: *mut $type $(, $arg: $ty)*,
            callback: Option<NDK_FN_REQUEST_COMPLETION>,
            context: *mut c_void,
        ) -> NTSTATUS {
            // SAFETY: as NDKPI promises.
            unsafe {
                let table = original::<$table>($object.cast());
                // One that is not there is the provider's to refuse.
                let done = callback.map(|_| request_done as NDK_FN_REQUEST_COMPLETION);
                let callback = callback.map_or(0, |callback| callback as usize);
                Ticket::new(stringify!($field), of($object.cast()), callback, context)
                    .run(|ticket| (table.$field)($object $(, $arg)*, done, ticket))
            }
        }
    };
}
pub(super) use request;

// ---- protection domains ----------------------------------------------------------

close!(close_pd, NDK_PD_DISPATCH, NdkClosePd);
query_extension!(pd_extension, NDK_PD_DISPATCH);
direct!(privileged_token, NDK_PD_DISPATCH, NdkGetPrivilegedMemoryRegionToken, (pd: NDK_PD, token: *mut u32));

unsafe extern "win64" fn create_mr(
    pd: *mut NDK_PD,
    fast: u8,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_MR,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_PD_DISPATCH>(pd.cast());
        let shadow = new("NDK_MR", &[of(pd.cast())]);
        create(
            "NdkCreateMr",
            pd.cast(),
            NdkObjectTypeMr,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateMr)(
                    pd,
                    fast,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn create_mw(
    pd: *mut NDK_PD,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_MW,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_PD_DISPATCH>(pd.cast());
        let shadow = new("NDK_MW", &[of(pd.cast())]);
        create(
            "NdkCreateMw",
            pd.cast(),
            NdkObjectTypeMw,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateMw)(
                    pd,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn create_srq(
    pd: *mut NDK_PD,
    depth: u32,
    sge: u32,
    threshold: u32,
    event: Option<NDK_FN_SRQ_NOTIFICATION_CALLBACK>,
    event_context: *mut c_void,
    affinity: *mut GROUP_AFFINITY,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_SRQ,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_PD_DISPATCH>(pd.cast());
        let shadow = new("NDK_SRQ", &[of(pd.cast())]);
        shadow
            .event
            .store(event.map_or(0, |e| e as usize), Ordering::SeqCst);
        shadow
            .context
            .store(event_context as usize, Ordering::SeqCst);
        let event = event.map(|_| queue::ran_low as NDK_FN_SRQ_NOTIFICATION_CALLBACK);
        let pointer: *const Shadow = shadow;
        create(
            "NdkCreateSrq",
            pd.cast(),
            NdkObjectTypeSrq,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateSrq)(
                    pd,
                    depth,
                    sge,
                    threshold,
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

/// Shadows of what a queue pair is made with; null ones are left to the provider to refuse.
unsafe fn made_with(objects: &[*mut NDK_OBJECT_HEADER]) -> Vec<&'static Shadow> {
    let live = objects.iter().filter(|object| !object.is_null());
    // SAFETY: as NDKPI promises, objects of the consumer.
    live.map(|object| unsafe { of(*object) }).collect()
}

unsafe extern "win64" fn create_qp(
    pd: *mut NDK_PD,
    receive: *mut NDK_CQ,
    initiator: *mut NDK_CQ,
    qp_context: *mut c_void,
    receives: u32,
    initiators: u32,
    receive_sge: u32,
    initiator_sge: u32,
    inline_size: u32,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_QP,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_PD_DISPATCH>(pd.cast());
        let shadow = new(
            "NDK_QP",
            &made_with(&[pd.cast(), receive.cast(), initiator.cast()]),
        );
        create(
            "NdkCreateQp",
            pd.cast(),
            NdkObjectTypeQp,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateQp)(
                    pd,
                    receive,
                    initiator,
                    qp_context,
                    receives,
                    initiators,
                    receive_sge,
                    initiator_sge,
                    inline_size,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

unsafe extern "win64" fn create_qp_with_srq(
    pd: *mut NDK_PD,
    receive: *mut NDK_CQ,
    initiator: *mut NDK_CQ,
    srq: *mut NDK_SRQ,
    qp_context: *mut c_void,
    initiators: u32,
    initiator_sge: u32,
    inline_size: u32,
    callback: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_QP,
) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    unsafe {
        let table = original::<NDK_PD_DISPATCH>(pd.cast());
        let shadow = new(
            "NDK_QP",
            &made_with(&[pd.cast(), receive.cast(), initiator.cast(), srq.cast()]),
        );
        create(
            "NdkCreateQpWithSrq",
            pd.cast(),
            NdkObjectTypeQp,
            shadow,
            (callback, context),
            out,
            |ticket| {
                (table.NdkCreateQpWithSrq)(
                    pd,
                    receive,
                    initiator,
                    srq,
                    qp_context,
                    initiators,
                    initiator_sge,
                    inline_size,
                    callback.map(|_| created as NDK_FN_CREATE_COMPLETION),
                    ticket,
                    out,
                )
            },
        )
    }
}

pub(super) static PD: NDK_PD_DISPATCH = NDK_PD_DISPATCH {
    NdkClosePd: close_pd,
    NdkQueryExtension: pd_extension,
    NdkCreateMr: create_mr,
    NdkCreateMw: create_mw,
    NdkCreateSrq: create_srq,
    NdkCreateQp: create_qp,
    NdkCreateQpWithSrq: create_qp_with_srq,
    NdkGetPrivilegedMemoryRegionToken: privileged_token,
};

// ---- memory regions and windows ----------------------------------------------------

close!(close_mr, NDK_MR_DISPATCH, NdkCloseMr);
query_extension!(mr_extension, NDK_MR_DISPATCH);
request!(register_mr, NDK_MR_DISPATCH, NdkRegisterMr, (mr: NDK_MR, mdl: *mut MDL, length: usize, flags: u32));
request!(deregister_mr, NDK_MR_DISPATCH, NdkDeregisterMr, (mr: NDK_MR));
request!(initialize_fast, NDK_MR_DISPATCH, NdkInitializeFastRegisterMr, (mr: NDK_MR, pages: u32, remote: u8));
direct!(mr_remote_token, NDK_MR_DISPATCH, NdkGetRemoteTokenFromMr, (mr: NDK_MR) -> u32);
direct!(mr_local_token, NDK_MR_DISPATCH, NdkGetLocalTokenFromMr, (mr: NDK_MR) -> u32);

pub(super) static MR: NDK_MR_DISPATCH = NDK_MR_DISPATCH {
    NdkCloseMr: close_mr,
    NdkQueryExtension: mr_extension,
    NdkRegisterMr: register_mr,
    NdkDeregisterMr: deregister_mr,
    NdkInitializeFastRegisterMr: initialize_fast,
    NdkGetRemoteTokenFromMr: mr_remote_token,
    NdkGetLocalTokenFromMr: mr_local_token,
};

close!(close_mw, NDK_MW_DISPATCH, NdkCloseMw);
query_extension!(mw_extension, NDK_MW_DISPATCH);
direct!(mw_remote_token, NDK_MW_DISPATCH, NdkGetRemoteTokenFromMw, (mw: NDK_MW) -> u32);

pub(super) static MW: NDK_MW_DISPATCH = NDK_MW_DISPATCH {
    NdkCloseMw: close_mw,
    NdkQueryExtension: mw_extension,
    NdkGetRemoteTokenFromMw: mw_remote_token,
};
