//! NDK_PD_DISPATCH.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;

use super::super::{Context, CreateCompletion, SrqNotification};
use super::{close, completion, give, object, query_extension};
use crate::System;
use crate::cq::Cq;
use crate::mr::Mr;
use crate::mw::Mw;
use crate::pd::Pd;
use crate::qp::{Qp, Sizes};
use crate::srq::{Srq, SrqSizes};

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const TABLE: &'static NDK_PD_DISPATCH = &NDK_PD_DISPATCH {
        NdkClosePd: close::<Pd<S>>,
        NdkQueryExtension: query_extension::<Pd<S>>,
        NdkCreateMr: create_mr::<S>,
        NdkCreateMw: create_mw::<S>,
        NdkCreateSrq: create_srq::<S>,
        NdkCreateQp: create_qp::<S>,
        NdkCreateQpWithSrq: create_qp_with_srq::<S>,
        NdkGetPrivilegedMemoryRegionToken: privileged_token::<S>,
    };
}

pub(crate) fn pd<S: System>() -> *const c_void {
    (&raw const *Table::<S>::TABLE).cast()
}

unsafe extern "win64" fn create_mr<S: System>(
    handle: *mut NDK_PD,
    fast: u8,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    place: *mut *mut NDK_MR,
) -> NTSTATUS {
    let pd = object!(Pd<S>, handle);
    completion!(CreateCompletion, completion, context);
    // SAFETY: null or the consumer's.
    unsafe { give(|| Mr::create(pd, fast != 0), place) }
}

unsafe extern "win64" fn create_mw<S: System>(
    handle: *mut NDK_PD,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    _place: *mut *mut NDK_MW,
) -> NTSTATUS {
    let pd = object!(Pd<S>, handle).reference();
    Mw::create(&pd, completion!(CreateCompletion, completion, context))
}

unsafe extern "win64" fn create_srq<S: System>(
    handle: *mut NDK_PD,
    depth: u32,
    sge: u32,
    threshold: u32,
    notification: Option<NDK_FN_SRQ_NOTIFICATION_CALLBACK>,
    notification_context: *mut c_void,
    _affinity: *mut GROUP_AFFINITY,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    _place: *mut *mut NDK_SRQ,
) -> NTSTATUS {
    let pd = object!(Pd<S>, handle).reference();
    // SAFETY: the consumer gave both for this, or no function.
    let notification = unsafe { SrqNotification::new(notification, notification_context) };
    let sizes = SrqSizes {
        depth,
        sge,
        threshold,
    };
    Srq::create(
        &pd,
        sizes,
        notification,
        completion!(CreateCompletion, completion, context),
    )
}

unsafe extern "win64" fn create_qp<S: System>(
    handle: *mut NDK_PD,
    receive_cq: *mut NDK_CQ,
    initiator_cq: *mut NDK_CQ,
    qp_context: *mut c_void,
    receives: u32,
    initiators: u32,
    receive_sge: u32,
    initiator_sge: u32,
    inline: u32,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    _place: *mut *mut NDK_QP,
) -> NTSTATUS {
    let pd = object!(Pd<S>, handle).reference();
    let cqs = (object!(Cq<S>, receive_cq), object!(Cq<S>, initiator_cq));
    let completion = completion!(CreateCompletion, completion, context);
    let sizes = Sizes {
        receives,
        initiators,
        receive_sge,
        initiator_sge,
        inline,
    };
    Qp::create(&pd, cqs, None, Context(qp_context), sizes, completion)
}

unsafe extern "win64" fn create_qp_with_srq<S: System>(
    handle: *mut NDK_PD,
    receive_cq: *mut NDK_CQ,
    initiator_cq: *mut NDK_CQ,
    srq: *mut NDK_SRQ,
    qp_context: *mut c_void,
    initiators: u32,
    initiator_sge: u32,
    inline: u32,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    _place: *mut *mut NDK_QP,
) -> NTSTATUS {
    let pd = object!(Pd<S>, handle).reference();
    let cqs = (object!(Cq<S>, receive_cq), object!(Cq<S>, initiator_cq));
    let srq = object!(Srq<S>, srq);
    let completion = completion!(CreateCompletion, completion, context);
    let sizes = Sizes {
        receives: 0,
        initiators,
        receive_sge: 0,
        initiator_sge,
        inline,
    };
    Qp::create(&pd, cqs, Some(srq), Context(qp_context), sizes, completion)
}

unsafe extern "win64" fn privileged_token<S: System>(handle: *mut NDK_PD, token: *mut u32) {
    let pd = object!(Pd<S>, handle, else return);
    if !token.is_null() {
        // SAFETY: the consumer's.
        unsafe { token.write(pd.body().privileged_token()) };
    }
}
