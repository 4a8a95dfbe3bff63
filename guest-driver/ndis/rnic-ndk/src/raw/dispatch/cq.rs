//! NDK_CQ_DISPATCH.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;

use super::super::RequestCompletion;
use super::{close, completion, object, query_extension};
use crate::System;
use crate::cq::Cq;

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const TABLE: &'static NDK_CQ_DISPATCH = &NDK_CQ_DISPATCH {
        NdkCloseCq: close::<Cq<S>>,
        NdkQueryExtension: query_extension::<Cq<S>>,
        NdkResizeCq: resize::<S>,
        NdkArmCq: arm::<S>,
        NdkGetCqResults: results::<S>,
        NdkControlCqInterruptModeration: moderate::<S>,
        NdkGetCqResultsEx: results_ex::<S>,
    };
}

pub(crate) fn cq<S: System>() -> *const c_void {
    (&raw const *Table::<S>::TABLE).cast()
}

unsafe extern "win64" fn resize<S: System>(
    handle: *mut NDK_CQ,
    depth: u32,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let cq = object!(Cq<S>, handle).reference();
    Cq::request_resize(
        &cq,
        depth,
        completion!(RequestCompletion, completion, context),
    )
}

unsafe extern "win64" fn arm<S: System>(handle: *mut NDK_CQ, kind: u32) {
    object!(Cq<S>, handle, else return).body().arm(kind);
}

unsafe extern "win64" fn results<S: System>(
    handle: *mut NDK_CQ,
    results: *mut NDK_RESULT,
    most: u32,
) -> u32 {
    let cq = object!(Cq<S>, handle, else 0);
    if results.is_null() {
        return 0;
    }
    cq.body().poll(most, |at, completion| {
        let result = NDK_RESULT {
            Status: completion.status,
            BytesTransferred: completion.bytes,
            QPContext: completion.qp_context.0,
            RequestContext: completion.request_context.0,
        };
        // SAFETY: the consumer has room for `most` results, and `at` is less.
        unsafe { results.add(at as usize).write(result) };
    })
}

unsafe extern "win64" fn results_ex<S: System>(
    handle: *mut NDK_CQ,
    results: *mut NDK_RESULT_EX,
    most: u32,
) -> u32 {
    let cq = object!(Cq<S>, handle, else 0);
    if results.is_null() {
        return 0;
    }
    cq.body().poll(most, |at, completion| {
        let result = NDK_RESULT_EX {
            Status: completion.status,
            BytesTransferred: completion.bytes,
            QPContext: completion.qp_context.0,
            RequestContext: completion.request_context.0,
            Type: completion.kind,
            ProviderErrorCode: completion.provider_code,
            TypeSpecificCompletionOutput: completion.invalidated.unwrap_or(0) as usize,
        };
        // SAFETY: the consumer has room for `most` results, and `at` is less.
        unsafe { results.add(at as usize).write(result) };
    })
}

unsafe extern "win64" fn moderate<S: System>(
    handle: *mut NDK_CQ,
    interval: u32,
    count: u32,
) -> NTSTATUS {
    let cq = object!(Cq<S>, handle).reference();
    Cq::moderate(&cq, interval, count)
}
