//! The layer between NDK consumers and a provider, as Windows has one: it opens and closes adapters, and puts dispatch
//! tables of its own before the provider's, which check every call and every callback.
//!
//! - `shadow`: what the layer knows of an object and of a request
//! - `adapter`, `control`, `queue`, `connect`: the tables, by subject
//!
//! `unsafe`: everything here is pointers between two parties; each function is called with what NDKPI promises.

mod adapter;
mod connect;
mod control;
mod queue;
mod shadow;

use std::sync::Arc;

use ndis_sys::ndk::{
    NDIS_OPEN_NDK_ADAPTER_PARAMETERS, NDK_ADAPTER, NDK_VERSION, NdkObjectTypeAdapter,
};

use crate::breach::{Rule, breach};
use crate::enter;
use crate::ndis::adapter::Adapter;
use crate::thunk::checking;

/// NDIS_STATUS_ADAPTER_NOT_READY.
const NOT_READY: i32 = 0xC001_0011_u32.cast_signed();
/// NDIS_STATUS_NOT_SUPPORTED.
const NOT_SUPPORTED: i32 = 0xC000_00BB_u32.cast_signed();

/// NDK was disabled: consumers are told to close. Here they watch the adapter's state instead.
pub(crate) fn disabled(_adapter: &Arc<Adapter>) {}

/// Opens an NDK adapter for a consumer (NdisOpenNDKAdapter), at PASSIVE_LEVEL.
///
/// # Errors
/// The provider's status, or that of NDIS when there is no provider or NDK is disabled.
pub fn open(
    adapter: &Adapter,
    version: NDK_VERSION,
    switch: u32,
    port: u32,
) -> Result<*mut NDK_ADAPTER, i32> {
    let handlers = *adapter.driver.ndk.lock();
    let enabled = adapter.said.lock().ndk.as_ref().map(|ndk| ndk.enabled);
    let (Some(handlers), Some(enabled)) = (handlers, enabled) else {
        return Err(NOT_SUPPORTED);
    };
    let shut = adapter.ndk_shut.read();
    if !enabled || *shut {
        return Err(NOT_READY);
    }
    let mut parameters = NDIS_OPEN_NDK_ADAPTER_PARAMETERS {
        Version: version,
        SwitchId: switch,
        VPortId: port,
    };
    let mut opened = 0_usize;
    *adapter.ndk_open.lock() += 1;
    // SAFETY: the driver's handler, at PASSIVE_LEVEL.
    let status = enter::driver("OpenNDKAdapter", || unsafe {
        (handlers.open)(
            adapter.context(),
            (&raw mut parameters).cast(),
            &raw mut opened,
        )
    });
    if status != 0 {
        closed(adapter);
        return Err(status);
    }
    let object = opened as *mut NDK_ADAPTER;
    if checking() {
        // SAFETY: a new adapter of the provider.
        unsafe {
            shadow::attach(
                object.cast(),
                NdkObjectTypeAdapter,
                shadow::new("NDK_ADAPTER", &[]),
            )
        };
    }
    Ok(object)
}

fn closed(adapter: &Adapter) {
    *adapter.ndk_open.lock() -= 1;
    adapter.ndk_closed.notify_all();
}

/// Closes an NDK adapter (NdisCloseNDKAdapter), at PASSIVE_LEVEL; returns when every callback has.
pub fn close(adapter: &Adapter, object: *mut NDK_ADAPTER) {
    let Some(handlers) = *adapter.driver.ndk.lock() else {
        return;
    };
    let shadow = checking().then(|| {
        // SAFETY: an open adapter, which `open` attached.
        unsafe { shadow::of(object.cast()) }
    });
    // SAFETY: the driver's handler, at PASSIVE_LEVEL, with an adapter of its own.
    enter::driver("CloseNDKAdapter", || unsafe {
        (handlers.close)(adapter.context(), object as usize);
    });
    if let Some(shadow) = shadow {
        shadow.end("CloseNDKAdapter");
    }
    closed(adapter);
    if *adapter.ndk_open.lock() == 0 && shadow::outstanding() > 0 && no_adapter_is_open() {
        breach(
            Rule::Completion,
            format_args!(
                "{} request(s) were answered PENDING and never completed; all adapters are closed",
                shadow::outstanding()
            ),
        );
    }
}

fn no_adapter_is_open() -> bool {
    let adapters = crate::ndis::adapter::all();
    adapters.iter().all(|a| *a.ndk_open.lock() == 0)
}
