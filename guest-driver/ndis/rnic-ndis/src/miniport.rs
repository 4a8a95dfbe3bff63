//! Registration with NDIS.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::*;

use crate::adapter::Adapter;
use crate::nt::Passive;
use crate::nt::events::Entry;
use crate::{info, ndk, oid};
use alloc::boxed::Box;

/// NDIS version that the driver is written for: Windows 10 and Server 2016 have it.
pub const NDIS_VERSION: (u8, u8) = (6, 50);

/// What NdisMRegisterMiniportDriver gave.
static DRIVER: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

/// # Safety
/// Called by Windows, once, at PASSIVE_LEVEL.
pub unsafe fn driver_entry(
    driver: *mut DRIVER_OBJECT,
    registry_path: *const UNICODE_STRING,
) -> NTSTATUS {
    let characteristics = NDIS_MINIPORT_DRIVER_CHARACTERISTICS {
        Header: NDIS_MINIPORT_DRIVER_CHARACTERISTICS::HEADER,
        MajorNdisVersion: NDIS_VERSION.0,
        MinorNdisVersion: NDIS_VERSION.1,
        MajorDriverVersion: 0,
        MinorDriverVersion: 1,
        Flags: 0,
        SetOptionsHandler: Some(set_options),
        InitializeHandlerEx: Some(initialize),
        HaltHandlerEx: Some(halt),
        UnloadHandler: Some(unload),
        PauseHandler: Some(pause),
        RestartHandler: Some(restart),
        OidRequestHandler: Some(oid_request),
        SendNetBufferListsHandler: Some(send),
        ReturnNetBufferListsHandler: Some(return_lists),
        CancelSendHandler: Some(cancel_send),
        CheckForHangHandlerEx: Some(check_for_hang),
        ResetHandlerEx: Some(reset),
        DevicePnPEventNotifyHandler: Some(pnp_event),
        ShutdownHandlerEx: Some(shutdown),
        CancelOidRequestHandler: Some(cancel),
        DirectOidRequestHandler: Some(direct_oid_request),
        CancelDirectOidRequestHandler: Some(cancel),
        SynchronousOidRequestHandler: None,
    };
    let mut handle = ptr::null_mut();
    // SAFETY: all pointers are good for the call; the handlers stay as long as the driver.
    let status = unsafe {
        NdisMRegisterMiniportDriver(
            driver,
            registry_path,
            ptr::null_mut(),
            &raw const characteristics,
            &raw mut handle,
        )
    };
    DRIVER.store(handle, Ordering::Release);
    info!("registered with NDIS: {status:#010x}");
    status
}

unsafe extern "win64" fn set_options(driver: NDIS_HANDLE, _: NDIS_HANDLE) -> NDIS_STATUS {
    ndk::set_options(driver)
}

/// The adapter behind a context.
///
/// # Safety
/// `context` is what MiniportInitializeEx gave NDIS, and MiniportHaltEx was not called yet.
unsafe fn adapter<'a>(context: NDIS_HANDLE) -> &'a Adapter {
    // SAFETY: as promised.
    unsafe { &*context.cast::<Adapter>() }
}

unsafe extern "win64" fn initialize(
    handle: NDIS_HANDLE,
    _: NDIS_HANDLE,
    parameters: *mut NDIS_MINIPORT_INIT_PARAMETERS,
) -> NDIS_STATUS {
    // SAFETY: NDIS calls this at PASSIVE_LEVEL, with parameters that live during the call.
    let result = unsafe { Adapter::initialize(&Passive::assume(), handle, &*parameters) };
    match result {
        Ok(adapter) => {
            // NDIS has the address since the registration attributes; `halt` takes it back.
            let _ = Box::into_raw(adapter);
            NDIS_STATUS_SUCCESS
        }
        Err(stop) => {
            Entry::of(stop.0).write(handle);
            stop.0
        }
    }
}

unsafe extern "win64" fn halt(context: NDIS_HANDLE, _: i32) {
    // SAFETY: NDIS calls this at PASSIVE_LEVEL, once, after which it does not use the context.
    let (adapter, passive) =
        unsafe { (Box::from_raw(context.cast::<Adapter>()), Passive::assume()) };
    adapter.halt(&passive);
}

unsafe extern "win64" fn unload(_: *mut DRIVER_OBJECT) {
    let driver = DRIVER.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: Windows unloads after every adapter was halted.
    unsafe { NdisMDeregisterMiniportDriver(driver) }
}

/// At PASSIVE_LEVEL.
unsafe extern "win64" fn pause(
    context: NDIS_HANDLE,
    _: *mut NDIS_MINIPORT_PAUSE_PARAMETERS,
) -> NDIS_STATUS {
    // SAFETY: the adapter that NDIS pauses.
    unsafe { adapter(context) }.ethernet.pause()
}

/// At PASSIVE_LEVEL.
unsafe extern "win64" fn restart(
    context: NDIS_HANDLE,
    _: *mut NDIS_MINIPORT_RESTART_PARAMETERS,
) -> NDIS_STATUS {
    // SAFETY: the adapter that NDIS restarts.
    unsafe { adapter(context) }.ethernet.restart()
}

/// At PASSIVE_LEVEL.
unsafe extern "win64" fn oid_request(
    context: NDIS_HANDLE,
    request: *mut NDIS_OID_REQUEST,
) -> NDIS_STATUS {
    // SAFETY: the adapter that NDIS asks, and NDIS's request.
    unsafe { oid::request(adapter(context), request) }
}

/// At IRQL <= DISPATCH_LEVEL.
unsafe extern "win64" fn direct_oid_request(
    context: NDIS_HANDLE,
    request: *mut NDIS_OID_REQUEST,
) -> NDIS_STATUS {
    // SAFETY: the adapter that NDIS asks.
    let adapter = unsafe { adapter(context) };
    // SAFETY: NDIS's request, ours until it is completed.
    let request = unsafe { &mut *request };
    adapter
        .ndk
        .oid(adapter, request, true)
        .unwrap_or(NDIS_STATUS_NOT_SUPPORTED)
}

/// At IRQL <= DISPATCH_LEVEL.
unsafe extern "win64" fn send(context: NDIS_HANDLE, lists: *mut NET_BUFFER_LIST, _: u32, _: u32) {
    // SAFETY: the adapter that NDIS uses, and lists that are ours until completed.
    unsafe {
        let adapter = adapter(context);
        adapter.ethernet.send(adapter, lists);
    }
}

/// At IRQL <= DISPATCH_LEVEL.
unsafe extern "win64" fn return_lists(context: NDIS_HANDLE, lists: *mut NET_BUFFER_LIST, _: u32) {
    // SAFETY: the adapter that NDIS uses, and lists that it indicated.
    unsafe {
        let adapter = adapter(context);
        adapter.ethernet.returned(adapter, lists);
    }
}

/// At IRQL <= DISPATCH_LEVEL.
unsafe extern "win64" fn cancel_send(context: NDIS_HANDLE, id: PVOID) {
    // SAFETY: the adapter that NDIS uses.
    unsafe { adapter(context) }.ethernet.cancel(id);
}

/// Requests end soon or with the device: there is nothing to hurry.
unsafe extern "win64" fn cancel(_: NDIS_HANDLE, _: PVOID) {}

/// At IRQL <= DISPATCH_LEVEL, every two seconds or so.
unsafe extern "win64" fn check_for_hang(context: NDIS_HANDLE) -> BOOLEAN {
    // SAFETY: the adapter that NDIS asks.
    unsafe { adapter(context) }.hangs().into()
}

/// At IRQL <= DISPATCH_LEVEL.
unsafe extern "win64" fn reset(
    context: NDIS_HANDLE,
    addressing_reset: *mut BOOLEAN,
) -> NDIS_STATUS {
    // SAFETY: the adapter that NDIS resets, and its out parameter.
    unsafe {
        *addressing_reset = FALSE;
        adapter(context).reset()
    }
}

/// At PASSIVE_LEVEL.
unsafe extern "win64" fn pnp_event(context: NDIS_HANDLE, event: *mut NET_DEVICE_PNP_EVENT) {
    // SAFETY: the adapter that NDIS tells, and its event.
    unsafe {
        if (*event).DevicePnPEvent == NdisDevicePnPEventSurpriseRemoved {
            adapter(context).removed(&Passive::assume());
        }
    }
}

/// At PASSIVE_LEVEL, or at HIGH_LEVEL while Windows stops with a bugcheck: then the machine's reset ends the device's
/// work, and no lock may be taken.
unsafe extern "win64" fn shutdown(context: NDIS_HANDLE, action: i32) {
    if action == NdisShutdownPowerOff {
        // SAFETY: the adapter that NDIS shuts down.
        unsafe { adapter(context) }.shutdown();
    }
}
