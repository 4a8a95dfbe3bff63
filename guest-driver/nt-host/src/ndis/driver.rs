//! Registering a miniport driver and its optional handlers.
//!
//! `unsafe`: structures of the driver are read.

use std::ffi::c_void;
use std::sync::Arc;

use ndis_sys::ndis::*;
use ndis_sys::nt::{DRIVER_OBJECT, UNICODE_STRING};
use parking_lot::Mutex;

use super::{check_header, handle};
use crate::breach::{Rule, breach};
use crate::enter;
use crate::inject::{self, Kind};

/// Kind of the handle.
pub const HANDLE: &str = "miniport driver handle";

/// Handlers that open and close NDK adapters.
#[derive(Clone, Copy, Debug)]
pub struct NdkHandlers {
    /// OPEN_NDK_ADAPTER_HANDLER.
    pub open: unsafe extern "win64" fn(usize, *mut c_void, *mut usize) -> i32,
    /// CLOSE_NDK_ADAPTER_HANDLER.
    pub close: unsafe extern "win64" fn(usize, usize),
}

/// A registered driver.
pub struct Driver {
    /// Its characteristics.
    pub characteristics: NDIS_MINIPORT_DRIVER_CHARACTERISTICS,
    /// Its handle.
    pub handle: usize,
    /// Its context.
    pub context: usize,
    /// NDK provider handlers, if it is one.
    pub ndk: Mutex<Option<NdkHandlers>>,
}

// SAFETY: the characteristics hold functions of the driver; they are called, never written.
unsafe impl Send for Driver {}
// SAFETY: as above.
unsafe impl Sync for Driver {}

static DRIVER: Mutex<Option<Arc<Driver>>> = Mutex::new(None);
/// Handle of a driver that is being registered, for SetOptions.
static OPTIONS: Mutex<Option<NdkHandlers>> = Mutex::new(None);

/// The registered driver.
pub fn current() -> Option<Arc<Driver>> {
    DRIVER.lock().clone()
}

pub(super) extern "win64" fn register(
    object: *mut DRIVER_OBJECT,
    path: *const UNICODE_STRING,
    context: usize,
    characteristics: *const NDIS_MINIPORT_DRIVER_CHARACTERISTICS,
    out: *mut usize,
) -> i32 {
    if object.is_null() || path.is_null() {
        return NDIS_STATUS_INVALID_PARAMETER;
    }
    // SAFETY: the driver's structure: header first.
    let revision = unsafe {
        check_header(
            characteristics.cast(),
            "NDIS_MINIPORT_DRIVER_CHARACTERISTICS",
            NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
            &[(2, 0x98), (3, 0xA0)],
        )
    };
    if inject::fails(Kind::Memory) {
        return NDIS_STATUS_RESOURCES;
    }
    // SAFETY: at least 0x98 bytes; revision 2 lacks the last handler, which reads what follows it in the driver's memory
    // and is then cleared.
    let mut copy: NDIS_MINIPORT_DRIVER_CHARACTERISTICS = unsafe {
        let mut copy = std::mem::MaybeUninit::<NDIS_MINIPORT_DRIVER_CHARACTERISTICS>::zeroed();
        let size = if revision >= 3 { 0xA0 } else { 0x98 };
        std::ptr::copy_nonoverlapping(
            characteristics.cast::<u8>(),
            copy.as_mut_ptr().cast::<u8>(),
            size,
        );
        copy.assume_init()
    };
    if (copy.MajorNdisVersion, copy.MinorNdisVersion) < (6, 30)
        || (copy.MajorNdisVersion, copy.MinorNdisVersion) > (6, 87)
    {
        return NDIS_STATUS_BAD_VERSION;
    }
    let required = copy.InitializeHandlerEx.is_some()
        && copy.HaltHandlerEx.is_some()
        && copy.UnloadHandler.is_some()
        && copy.PauseHandler.is_some()
        && copy.RestartHandler.is_some()
        && copy.OidRequestHandler.is_some()
        && copy.SendNetBufferListsHandler.is_some()
        && copy.ReturnNetBufferListsHandler.is_some()
        && copy.CancelSendHandler.is_some()
        && copy.DevicePnPEventNotifyHandler.is_some()
        && copy.ShutdownHandlerEx.is_some()
        && copy.CancelOidRequestHandler.is_some()
        && copy.DirectOidRequestHandler.is_some() == copy.CancelDirectOidRequestHandler.is_some();
    if !required {
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    }
    copy.Flags &= 0xFFFF;
    let handle = handle::new(HANDLE, Arc::new(()));
    *OPTIONS.lock() = None;
    if let Some(set_options) = copy.SetOptionsHandler {
        // SAFETY: the driver's handler, at PASSIVE_LEVEL, with its new handle.
        let status = enter::driver("MiniportSetOptions", || unsafe {
            set_options(handle as _, context as _)
        });
        if status != NDIS_STATUS_SUCCESS {
            handle::close::<()>(handle, HANDLE);
            return status;
        }
    }
    let driver = Arc::new(Driver {
        characteristics: copy,
        handle,
        context,
        ndk: Mutex::new(OPTIONS.lock().take()),
    });
    if DRIVER.lock().replace(driver).is_some() {
        breach(Rule::State, "a second driver registers");
    }
    // SAFETY: the driver's out parameter.
    unsafe { out.write(handle) };
    NDIS_STATUS_SUCCESS
}

pub(super) extern "win64" fn deregister(handle: usize) {
    handle::close::<()>(handle, HANDLE);
    *DRIVER.lock() = None;
}

/// NDIS_NDK_PROVIDER_CHARACTERISTICS: type, and where its handlers lie.
const NDK_PROVIDER: u8 = 0xB2;

pub(super) extern "win64" fn set_optional_handlers(
    handle: usize,
    handlers: *const NDIS_OBJECT_HEADER,
) -> i32 {
    let _: Arc<()> = handle::get(handle, HANDLE);
    // SAFETY: a structure of the driver that begins with a header.
    let kind = unsafe { (*handlers).Type };
    if kind != NDK_PROVIDER {
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    // SAFETY: as above.
    let (flags, open, close) = unsafe {
        check_header(
            handlers,
            "NDIS_NDK_PROVIDER_CHARACTERISTICS",
            NDK_PROVIDER,
            &[(1, 0x18)],
        );
        let bytes = handlers.cast::<u8>();
        (
            bytes.add(4).cast::<u32>().read(),
            bytes.add(8).cast::<usize>().read(),
            bytes.add(0x10).cast::<usize>().read(),
        )
    };
    if flags != 0 || open == 0 || close == 0 {
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    }
    if inject::fails(Kind::Memory) {
        return NDIS_STATUS_RESOURCES;
    }
    // SAFETY: functions of the driver with the signatures of ndisndk.h.
    *OPTIONS.lock() = Some(unsafe {
        NdkHandlers {
            open: std::mem::transmute::<
                usize,
                unsafe extern "win64" fn(usize, *mut c_void, *mut usize) -> i32,
            >(open),
            close: std::mem::transmute::<usize, unsafe extern "win64" fn(usize, usize)>(close),
        }
    });
    NDIS_STATUS_SUCCESS
}
