//! NDK_MR_DISPATCH and NDK_MW_DISPATCH.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;

use super::super::RequestCompletion;
use super::super::memory::memory;
use super::{close, completion, object, query_extension};
use crate::System;
use crate::mr::Mr;
use crate::mw::Mw;

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const REGION: &'static NDK_MR_DISPATCH = &NDK_MR_DISPATCH {
        NdkCloseMr: close::<Mr<S>>,
        NdkQueryExtension: query_extension::<Mr<S>>,
        NdkRegisterMr: register::<S>,
        NdkDeregisterMr: deregister::<S>,
        NdkInitializeFastRegisterMr: initialise::<S>,
        NdkGetRemoteTokenFromMr: region_token::<S>,
        NdkGetLocalTokenFromMr: region_token::<S>,
    };
    const WINDOW: &'static NDK_MW_DISPATCH = &NDK_MW_DISPATCH {
        NdkCloseMw: close::<Mw<S>>,
        NdkQueryExtension: query_extension::<Mw<S>>,
        NdkGetRemoteTokenFromMw: window_token::<S>,
    };
}

pub(crate) fn mr<S: System>() -> *const c_void {
    (&raw const *Table::<S>::REGION).cast()
}

pub(crate) fn mw<S: System>() -> *const c_void {
    (&raw const *Table::<S>::WINDOW).cast()
}

unsafe extern "win64" fn register<S: System>(
    handle: *mut NDK_MR,
    mdl: *mut MDL,
    length: usize,
    flags: u32,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let mr = object!(Mr<S>, handle).reference();
    let completion = completion!(RequestCompletion, completion, context);
    // SAFETY: the consumer's chain, which it leaves alone while the request is under way.
    let pages = |system: &S| unsafe { memory(system, mdl, length as u64) };
    Mr::register(&mr, length as u64, flags, pages, completion)
}

unsafe extern "win64" fn deregister<S: System>(
    handle: *mut NDK_MR,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let mr = object!(Mr<S>, handle).reference();
    Mr::deregister(&mr, completion!(RequestCompletion, completion, context))
}

unsafe extern "win64" fn initialise<S: System>(
    handle: *mut NDK_MR,
    pages: u32,
    remote: u8,
    completion: Option<NDK_FN_REQUEST_COMPLETION>,
    context: *mut c_void,
) -> NTSTATUS {
    let mr = object!(Mr<S>, handle).reference();
    Mr::initialise(
        &mr,
        pages,
        remote != 0,
        completion!(RequestCompletion, completion, context),
    )
}

unsafe extern "win64" fn region_token<S: System>(handle: *mut NDK_MR) -> u32 {
    object!(Mr<S>, handle, else 0).body().token()
}

unsafe extern "win64" fn window_token<S: System>(handle: *mut NDK_MW) -> u32 {
    object!(Mw<S>, handle, else 0).body().token()
}
