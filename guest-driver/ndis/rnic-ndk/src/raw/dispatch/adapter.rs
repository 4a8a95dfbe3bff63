//! NDK_ADAPTER_DISPATCH.

use core::ffi::c_void;
use core::marker::PhantomData;

use ndis_sys::ndk::*;

use super::super::memory::walk;
use super::super::{ConnectEvent, CqNotification, CreateCompletion, Object, Passive, socket};
use super::{completion, give, object, query_extension};
use crate::System;
use crate::adapter::Adapter;
use crate::connector::Connector;
use crate::cq::Cq;
use crate::endpoint::SharedEndpoint;
use crate::listener::Listener;
use crate::pd::Pd;

struct Table<S>(PhantomData<S>);

impl<S: System> Table<S> {
    const TABLE: &'static NDK_ADAPTER_DISPATCH = &NDK_ADAPTER_DISPATCH {
        NdkQueryExtension: query_extension::<Adapter<S>>,
        NdkQueryAdapterInfo: query_adapter_info::<S>,
        NdkCreateCq: create_cq::<S>,
        NdkCreatePd: create_pd::<S>,
        NdkCreateSharedEndpoint: create_shared_endpoint::<S>,
        NdkCreateConnector: create_connector::<S>,
        NdkCreateListener: create_listener::<S>,
        NdkBuildLAM: build_lam::<S>,
        NdkReleaseLAM: release_lam::<S>,
    };
}

pub(crate) fn adapter<S: System>() -> *const c_void {
    (&raw const *Table::<S>::TABLE).cast()
}

/// CLOSE_NDK_ADAPTER_HANDLER: waits until everything that was opened with the adapter has been closed. False if it is no
/// adapter of ours, or closed already.
///
/// # Safety
/// `handle` is null, or an adapter that was opened and not closed.
pub unsafe fn close_adapter<S: System>(handle: *mut NDK_ADAPTER, passive: &Passive) -> bool {
    let adapter: &Object<Adapter<S>> = object!(Adapter<S>, handle, else false);
    if adapter.is_closing() {
        return false;
    }
    let reference = adapter.reference();
    // SAFETY: its handle came from `into_handle`, and this is its first close.
    unsafe { adapter.close(None) };
    reference.body().wait_closed(passive);
    true
}

/// Bytes of the information of NDKPI 1: without RdmaTechnology.
const INFO_1: usize = core::mem::offset_of!(NDK_ADAPTER_INFO, RdmaTechnology);

unsafe extern "win64" fn query_adapter_info<S: System>(
    handle: *mut NDK_ADAPTER,
    info: *mut NDK_ADAPTER_INFO,
    size: *mut u32,
) -> NTSTATUS {
    let adapter = object!(Adapter<S>, handle);
    if size.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    // SAFETY: consumers call this at PASSIVE_LEVEL.
    let passive = unsafe { Passive::assume() };
    let answer = adapter.body().info(&passive);
    let whole = size_of::<NDK_ADAPTER_INFO>();
    let needed = if answer.Version.Major == 1 {
        INFO_1
    } else {
        whole
    };
    // SAFETY: the consumer's, readable and writable.
    let room = unsafe { size.read() } as usize;
    let (status, bytes) = if info.is_null() || room < needed {
        (STATUS_BUFFER_TOO_SMALL, needed)
    } else {
        (STATUS_SUCCESS, room.min(whole) & !7)
    };
    if status == STATUS_SUCCESS {
        // SAFETY: there is room for that much, which is no more than the answer has.
        unsafe {
            info.cast::<u8>()
                .copy_from_nonoverlapping((&raw const answer).cast(), bytes)
        };
    }
    // SAFETY: as above.
    unsafe { size.write(bytes as u32) };
    status
}

unsafe extern "win64" fn create_cq<S: System>(
    handle: *mut NDK_ADAPTER,
    depth: u32,
    notification: Option<NDK_FN_CQ_NOTIFICATION_CALLBACK>,
    notification_context: *mut c_void,
    affinity: *mut GROUP_AFFINITY,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    _place: *mut *mut NDK_CQ,
) -> NTSTATUS {
    let adapter = object!(Adapter<S>, handle).reference();
    let notification = completion!(CqNotification, notification, notification_context);
    let completion = completion!(CreateCompletion, completion, context);
    // SAFETY: null or the consumer's.
    let affinity = unsafe { affinity.as_ref() }.copied();
    Cq::create(&adapter, depth, notification, affinity, completion)
}

unsafe extern "win64" fn create_pd<S: System>(
    handle: *mut NDK_ADAPTER,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    _place: *mut *mut NDK_PD,
) -> NTSTATUS {
    let adapter = object!(Adapter<S>, handle).reference();
    Pd::create(&adapter, completion!(CreateCompletion, completion, context))
}

unsafe extern "win64" fn create_shared_endpoint<S: System>(
    handle: *mut NDK_ADAPTER,
    address: *mut SOCKADDR,
    length: u32,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    _place: *mut *mut NDK_SHARED_ENDPOINT,
) -> NTSTATUS {
    let adapter = object!(Adapter<S>, handle).reference();
    let completion = completion!(CreateCompletion, completion, context);
    // SAFETY: the consumer's, as long as it says.
    match unsafe { socket::read(address, length) } {
        Ok(address) => SharedEndpoint::create(&adapter, address, completion),
        Err(status) => status,
    }
}

unsafe extern "win64" fn create_connector<S: System>(
    handle: *mut NDK_ADAPTER,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    place: *mut *mut NDK_CONNECTOR,
) -> NTSTATUS {
    let adapter = object!(Adapter<S>, handle);
    completion!(CreateCompletion, completion, context);
    // SAFETY: null or the consumer's.
    unsafe { give(|| Connector::create(adapter), place) }
}

unsafe extern "win64" fn create_listener<S: System>(
    handle: *mut NDK_ADAPTER,
    event: Option<NDK_FN_CONNECT_EVENT_CALLBACK>,
    event_context: *mut c_void,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    place: *mut *mut NDK_LISTENER,
) -> NTSTATUS {
    let adapter = object!(Adapter<S>, handle);
    let event = completion!(ConnectEvent, event, event_context);
    completion!(CreateCompletion, completion, context);
    // SAFETY: null or the consumer's.
    unsafe { give(|| Listener::create(adapter, event), place) }
}

/// Always inline: the pages of an MDL are locked, so their addresses are there.
unsafe extern "win64" fn build_lam<S: System>(
    handle: *mut NDK_ADAPTER,
    mdl: *mut MDL,
    length: usize,
    _completion: Option<NDK_FN_REQUEST_COMPLETION>,
    _context: *mut c_void,
    lam: *mut NDK_LOGICAL_ADDRESS_MAPPING,
    size: *mut u32,
    first_offset: *mut u32,
) -> NTSTATUS {
    let adapter: &Object<Adapter<S>> = object!(Adapter<S>, handle);
    if size.is_null() || first_offset.is_null() {
        return STATUS_INVALID_PARAMETER;
    }
    let mut pages = 0u32;
    let count = |_| {
        pages = pages.checked_add(1).ok_or(STATUS_INVALID_PARAMETER)?;
        Ok(())
    };
    // SAFETY: the consumer's chain.
    let start = match unsafe { walk(mdl, length as u64, count) } {
        Ok(start) => start,
        Err(status) => return status,
    };
    let list_at = core::mem::offset_of!(NDK_LOGICAL_ADDRESS_MAPPING, AdapterPageArray);
    let Some(needed) = pages
        .checked_mul(8)
        .and_then(|bytes| bytes.checked_add(list_at as u32))
    else {
        return STATUS_INVALID_PARAMETER;
    };
    // SAFETY: the consumer's.
    let room = unsafe { size.read() };
    // SAFETY: as above.
    unsafe { size.write(needed) };
    if lam.is_null() || room < needed {
        return STATUS_BUFFER_TOO_SMALL;
    }
    let system = adapter.body().provider.system();
    let list = lam
        .cast::<u8>()
        .wrapping_add(list_at)
        .cast::<NDK_LOGICAL_ADDRESS>();
    let mut at = 0;
    let put = |frame| {
        let address = system
            .page_address(frame)
            .ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
        if at < pages as usize {
            // SAFETY: there is room for `pages` entries, as was checked.
            unsafe { list.add(at).write(address.cast_signed()) };
        }
        at += 1;
        Ok(())
    };
    // SAFETY: the consumer's chain.
    if let Err(status) = unsafe { walk(mdl, length as u64, put) } {
        return status;
    }
    // SAFETY: there is room for the mapping's head.
    unsafe {
        (&raw mut (*lam).AdapterContext).write(core::ptr::null_mut());
        (&raw mut (*lam).AdapterPageCount).write(pages);
        first_offset.write(start.first_offset);
    }
    STATUS_SUCCESS
}

/// There is nothing to undo: the buffer is the consumer's, and the pages were not mapped for it.
unsafe extern "win64" fn release_lam<S: System>(
    handle: *mut NDK_ADAPTER,
    lam: *mut NDK_LOGICAL_ADDRESS_MAPPING,
) {
    object!(Adapter<S>, handle, else return);
    if !lam.is_null() {
        // SAFETY: a mapping that we built, whose buffer the consumer still has. Using it again is visible now.
        unsafe { (&raw mut (*lam).AdapterPageCount).write(0) };
    }
}
