//! An NDK provider of adapters and completion queues, and what it does wrong.

use core::ffi::c_void;
use core::mem::zeroed;
use core::ptr::null_mut;

use ndis_sys::ndis::*;
use ndis_sys::ndk::*;
use ndis_sys::nt::{
    ExAllocatePool2, ExFreePoolWithTag, KeAcquireSpinLockRaiseToDpc, KeReleaseSpinLock,
    POOL_FLAG_NON_PAGED,
};

use crate::{TAG, adapter, breaks, header};

/// The consumer's notification and its context.
static mut EVENT: (Option<NDK_FN_CQ_NOTIFICATION_CALLBACK>, *mut c_void) = (None, null_mut());

unsafe extern "win64" fn unused() -> NTSTATUS {
    STATUS_NOT_SUPPORTED
}

/// A table of `slots` functions, all the same but those that are given.
unsafe fn table(slots: usize, given: &[(usize, usize)]) -> *mut usize {
    // SAFETY: nonpaged pool of this size.
    unsafe {
        let table: *mut usize = ExAllocatePool2(POOL_FLAG_NON_PAGED, slots * 8, TAG).cast();
        for slot in 0..slots {
            table.add(slot).write(unused as *const () as usize);
        }
        for (slot, function) in given {
            table.add(*slot).write(*function);
        }
        table
    }
}

unsafe fn object(kind: NDK_OBJECT_TYPE, table: *mut usize) -> *mut NDK_CQ {
    // SAFETY: every object begins with a header and a table.
    unsafe {
        let object: *mut NDK_CQ =
            ExAllocatePool2(POOL_FLAG_NON_PAGED, size_of::<NDK_CQ>() + 8, TAG).cast();
        (*object).Header.Version = NDK_VERSION { Major: 2, Minor: 1 };
        (*object).Header.ObjectType = kind;
        (*object).Dispatch = table.cast();
        // The table is freed with the object.
        object.add(1).cast::<*mut usize>().write(table);
        object
    }
}

unsafe fn free(object: *mut NDK_CQ) {
    // SAFETY: from `object`.
    unsafe {
        let table = object.add(1).cast::<*mut usize>().read();
        ExFreePoolWithTag(table.cast(), TAG);
        ExFreePoolWithTag(object.cast(), TAG);
    }
}

unsafe extern "win64" fn open(
    _: NDIS_HANDLE,
    _: *const NDIS_OPEN_NDK_ADAPTER_PARAMETERS,
    out: *mut *mut NDK_ADAPTER,
) -> NDIS_STATUS {
    // SAFETY: NDIS's out parameter.
    unsafe {
        let table = table(9, &[(2, create_cq as *const () as usize)]);
        if breaks("dispatch-table") {
            table.add(8).write(0);
        }
        *out = object(NdkObjectTypeAdapter, table).cast();
    }
    NDIS_STATUS_SUCCESS
}

unsafe extern "win64" fn close(_: NDIS_HANDLE, adapter: *mut NDK_ADAPTER) {
    // SAFETY: from `open`.
    unsafe {
        if breaks("callback-after-close") {
            notify();
        }
        free(adapter.cast());
    }
}

unsafe fn notify() {
    // SAFETY: what the consumer gave.
    unsafe {
        let (event, context) = EVENT;
        if let Some(event) = event {
            event(context, STATUS_SUCCESS);
        }
    }
}

unsafe extern "win64" fn create_cq(
    _: *mut NDK_ADAPTER,
    _: u32,
    event: Option<NDK_FN_CQ_NOTIFICATION_CALLBACK>,
    event_context: *mut c_void,
    _: *mut GROUP_AFFINITY,
    completion: Option<NDK_FN_CREATE_COMPLETION>,
    context: *mut c_void,
    out: *mut *mut NDK_CQ,
) -> NTSTATUS {
    // SAFETY: the consumer's parameters.
    unsafe {
        EVENT = (event, event_context);
        let table = table(
            7,
            &[
                (0, close_cq as *const () as usize),
                (3, arm_cq as *const () as usize),
            ],
        );
        let object = object(NdkObjectTypeCq, table);
        if breaks("completion/ndk")
            && let Some(completion) = completion
        {
            completion(context, STATUS_SUCCESS, object.cast());
        }
        *out = object;
    }
    STATUS_SUCCESS
}

unsafe extern "win64" fn arm_cq(_: *mut NDK_CQ, _: u32) {
    // SAFETY: as documented; what is wrong is meant to be.
    unsafe {
        if breaks("lock-held/ndk") {
            let lock = &raw mut adapter().locks[0];
            let irql = KeAcquireSpinLockRaiseToDpc(lock);
            notify();
            KeReleaseSpinLock(lock, irql);
        }
        notify();
        if breaks("cq-callback") {
            notify();
        }
    }
}

unsafe extern "win64" fn close_cq(
    object: *mut NDK_OBJECT_HEADER,
    _: Option<NDK_FN_CLOSE_COMPLETION>,
    _: *mut c_void,
) -> NTSTATUS {
    // SAFETY: from `create_cq`.
    unsafe { free(object.cast()) };
    STATUS_SUCCESS
}

pub unsafe extern "win64" fn set_options(driver: NDIS_HANDLE, _: NDIS_HANDLE) -> NDIS_STATUS {
    let characteristics = NDIS_NDK_PROVIDER_CHARACTERISTICS {
        Header: header(NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS, 1, 0x18),
        Flags: 0,
        OpenNDKAdapterHandler: Some(open),
        CloseNDKAdapterHandler: Some(close),
    };
    // SAFETY: as NDIS documents it.
    unsafe { NdisSetOptionalHandlers(driver, (&raw const characteristics).cast()) }
}

/// Says that NDK is there and enabled.
pub unsafe fn attributes(handle: NDIS_HANDLE) {
    // SAFETY: as NDIS documents it.
    unsafe {
        let mut info: NDK_ADAPTER_INFO = zeroed();
        let mut capabilities: NDIS_NDK_CAPABILITIES = zeroed();
        capabilities.Header = header(NDIS_OBJECT_TYPE_DEFAULT, 1, 0x38);
        capabilities.NdkInfo = &mut info;
        let mut attributes: NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES = zeroed();
        attributes.Header = header(NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES, 1, 0x10);
        attributes.Enabled = 1;
        attributes.NdkCapabilities = &mut capabilities;
        NdisMSetMiniportAttributes(handle, (&raw const attributes).cast());
    }
}
