//! NDK_SRQ_DISPATCH.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;

use super::super::{Context, RequestCompletion};
use super::{close, completion, object, query_extension, segments};
use crate::System;
use crate::srq::Srq;

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const TABLE: &'static NDK_SRQ_DISPATCH = &NDK_SRQ_DISPATCH {
        NdkCloseSrq: close::<Srq<S>>,
        NdkQueryExtension: query_extension::<Srq<S>>,
        NdkModifySrq: modify::<S>,
        NdkSrqReceive: receive::<S>,
    };
}

pub(crate) fn srq<S: System>() -> *const c_void {
    (&raw const *Table::<S>::TABLE).cast()
}

unsafe extern "win64" fn modify<S: System>(
    handle: *mut NDK_SRQ,
    depth: u32,
    threshold: u32,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let srq = object!(Srq<S>, handle).reference();
    Srq::modify(
        &srq,
        depth,
        threshold,
        completion!(RequestCompletion, completion, context),
    )
}

unsafe extern "win64" fn receive<S: System>(
    handle: *mut NDK_SRQ,
    context: *mut c_void,
    list: *const NDK_SGE,
    count: u32,
) -> NTSTATUS {
    let srq = object!(Srq<S>, handle);
    let most = srq.body().most_segments();
    // SAFETY: the consumer's list.
    match unsafe { segments(list, count, most) } {
        Ok(list) => srq.body().receive(Context(context), list),
        Err(status) => status,
    }
}
