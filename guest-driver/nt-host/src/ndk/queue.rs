//! NDK_CQ, NDK_SRQ, NDK_QP.

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use ndis_sys::ndk::*;

use super::adapter::query_extension;
use super::control::{close, direct, request};
use super::shadow::{self, Shadow, Ticket, consumer, of, original, request_done};
use crate::breach::{Rule, breach};
use crate::enter;

close!(close_cq, NDK_CQ_DISPATCH, NdkCloseCq);
query_extension!(cq_extension, NDK_CQ_DISPATCH);
request!(resize_cq, NDK_CQ_DISPATCH, NdkResizeCq, (cq: NDK_CQ, depth: u32));
direct!(get_results, NDK_CQ_DISPATCH, NdkGetCqResults, (cq: NDK_CQ, results: *mut NDK_RESULT, count: u32) -> u32);
direct!(get_results_ex, NDK_CQ_DISPATCH, NdkGetCqResultsEx, (cq: NDK_CQ, results: *mut NDK_RESULT_EX, count: u32) -> u32);

unsafe extern "win64" fn arm_cq(cq: *mut NDK_CQ, kind: u32) {
    // SAFETY: as NDKPI promises.
    unsafe {
        let more = |arms: u8| Some(2.min(arms + 1));
        let _ = of(cq.cast())
            .armed
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        let table = original::<NDK_CQ_DISPATCH>(cq.cast());
        enter::driver("NdkArmCq", || (table.NdkArmCq)(cq, kind));
    }
}

unsafe extern "win64" fn moderate_cq(cq: *mut NDK_CQ, interval: u32, count: u32) -> NTSTATUS {
    // SAFETY: as NDKPI promises.
    let status = unsafe {
        let table = original::<NDK_CQ_DISPATCH>(cq.cast());
        enter::driver("NdkControlCqInterruptModeration", || {
            (table.NdkControlCqInterruptModeration)(cq, interval, count)
        })
    };
    if status == STATUS_PENDING {
        breach(
            Rule::Completion,
            "NdkControlCqInterruptModeration returned PENDING",
        );
    }
    status
}

/// NDK_FN_CQ_NOTIFICATION_CALLBACK: at most one for each arm, never two at a time.
pub(super) unsafe extern "win64" fn notified(context: *mut c_void, status: NTSTATUS) {
    // SAFETY: the shadow that `create_cq` gave to the provider; shadows are never freed.
    let shadow = unsafe { &*context.cast::<Shadow>() };
    shadow.require_live("a notification");
    let less = |arms: u8| arms.checked_sub(1);
    let was_armed = shadow
        .armed
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    if was_armed.is_err() {
        breach(
            Rule::CqCallback,
            format_args!(
                "a notification with status {status:#x} comes for a completion queue that is not armed"
            ),
        );
    }
    if shadow.running.swap(true, Ordering::SeqCst) {
        breach(
            Rule::CqCallback,
            "a notification comes while the last one runs",
        );
    }
    // SAFETY: the consumer's callback has this signature.
    unsafe {
        let callback = std::mem::transmute::<usize, NDK_FN_CQ_NOTIFICATION_CALLBACK>(
            shadow.event.load(Ordering::SeqCst),
        );
        let context = shadow.context.load(Ordering::SeqCst);
        consumer("a notification", || callback(context as _, status));
    }
    shadow.running.store(false, Ordering::SeqCst);
}

pub(super) static CQ: NDK_CQ_DISPATCH = NDK_CQ_DISPATCH {
    NdkCloseCq: close_cq,
    NdkQueryExtension: cq_extension,
    NdkResizeCq: resize_cq,
    NdkArmCq: arm_cq,
    NdkGetCqResults: get_results,
    NdkControlCqInterruptModeration: moderate_cq,
    NdkGetCqResultsEx: get_results_ex,
};

close!(close_srq, NDK_SRQ_DISPATCH, NdkCloseSrq);
query_extension!(srq_extension, NDK_SRQ_DISPATCH);
request!(modify_srq, NDK_SRQ_DISPATCH, NdkModifySrq, (srq: NDK_SRQ, depth: u32, threshold: u32));
direct!(srq_receive, NDK_SRQ_DISPATCH, NdkSrqReceive,
    (srq: NDK_SRQ, context: *mut c_void, list: *const NDK_SGE, count: u32) -> NTSTATUS);

/// NDK_FN_SRQ_NOTIFICATION_CALLBACK.
pub(super) unsafe extern "win64" fn ran_low(context: *mut c_void, status: NTSTATUS) {
    // SAFETY: the shadow that `create_srq` gave to the provider; the consumer's callback has this signature.
    unsafe {
        let shadow = &*context.cast::<Shadow>();
        shadow.require_live("an SRQ notification");
        let callback = std::mem::transmute::<usize, NDK_FN_SRQ_NOTIFICATION_CALLBACK>(
            shadow.event.load(Ordering::SeqCst),
        );
        let context = shadow.context.load(Ordering::SeqCst);
        consumer("an SRQ notification", || callback(context as _, status));
    }
}

pub(super) static SRQ: NDK_SRQ_DISPATCH = NDK_SRQ_DISPATCH {
    NdkCloseSrq: close_srq,
    NdkQueryExtension: srq_extension,
    NdkModifySrq: modify_srq,
    NdkSrqReceive: srq_receive,
};

close!(close_qp, NDK_QP_DISPATCH, NdkCloseQp);
query_extension!(qp_extension, NDK_QP_DISPATCH);
direct!(flush, NDK_QP_DISPATCH, NdkFlush, (qp: NDK_QP));
direct!(send, NDK_QP_DISPATCH, NdkSend,
    (qp: NDK_QP, context: *mut c_void, list: *const NDK_SGE, count: u32, flags: u32) -> NTSTATUS);
direct!(receive, NDK_QP_DISPATCH, NdkReceive,
    (qp: NDK_QP, context: *mut c_void, list: *const NDK_SGE, count: u32) -> NTSTATUS);
direct!(bind, NDK_QP_DISPATCH, NdkBind,
    (qp: NDK_QP, context: *mut c_void, mr: *mut NDK_MR, mw: *mut NDK_MW, address: *mut c_void, length: usize, flags: u32) -> NTSTATUS);
direct!(fast_register, NDK_QP_DISPATCH, NdkFastRegister,
    (qp: NDK_QP, context: *mut c_void, mr: *mut NDK_MR, pages: u32, array: *const NDK_LOGICAL_ADDRESS, offset: u32,
     length: usize, base: *mut c_void, flags: u32) -> NTSTATUS);
direct!(invalidate, NDK_QP_DISPATCH, NdkInvalidate,
    (qp: NDK_QP, context: *mut c_void, object: *mut NDK_OBJECT_HEADER, flags: u32) -> NTSTATUS);
direct!(read, NDK_QP_DISPATCH, NdkRead,
    (qp: NDK_QP, context: *mut c_void, list: *const NDK_SGE, count: u32, address: u64, token: u32, flags: u32) -> NTSTATUS);
direct!(write, NDK_QP_DISPATCH, NdkWrite,
    (qp: NDK_QP, context: *mut c_void, list: *const NDK_SGE, count: u32, address: u64, token: u32, flags: u32) -> NTSTATUS);
direct!(send_and_invalidate, NDK_QP_DISPATCH, NdkSendAndInvalidate,
    (qp: NDK_QP, context: *mut c_void, list: *const NDK_SGE, count: u32, flags: u32, token: u32) -> NTSTATUS);

pub(super) static QP: NDK_QP_DISPATCH = NDK_QP_DISPATCH {
    NdkCloseQp: close_qp,
    NdkQueryExtension: qp_extension,
    NdkFlush: flush,
    NdkSend: send,
    NdkReceive: receive,
    NdkBind: bind,
    NdkFastRegister: fast_register,
    NdkInvalidate: invalidate,
    NdkRead: read,
    NdkWrite: write,
    NdkSendAndInvalidate: send_and_invalidate,
};
