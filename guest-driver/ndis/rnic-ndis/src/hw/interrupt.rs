//! MSI-X: each message queues its DPC, which calls the adapter.
//!
//! The interrupt itself touches nothing: a message is exclusive and edge-triggered, so there is nothing to acknowledge.

use core::ptr;

use ndis_sys::ndis::*;
use ndis_sys::nt::*;

use super::platform::SetupError;
use crate::adapter::Adapter;
use crate::nt::Passive;

/// Registered interrupts; deregistered when dropped, after which no handler runs.
pub struct Interrupts {
    handle: NDIS_HANDLE,
    messages: u32,
}

// SAFETY: the handle is NDIS's and usable on any thread.
unsafe impl Send for Interrupts {}
// SAFETY: as above.
unsafe impl Sync for Interrupts {}

impl Interrupts {
    /// Connects every message to `Adapter::message`. The adapter outlives the registration.
    pub fn register(
        _: &Passive,
        handle: NDIS_HANDLE,
        adapter: *const Adapter,
    ) -> Result<Self, SetupError> {
        let mut characteristics = NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS {
            Header: NDIS_OBJECT_HEADER {
                Type: NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT,
                Revision: 1,
                Size: 0x60,
            },
            InterruptHandler: Some(line_interrupt),
            InterruptDpcHandler: Some(line_dpc),
            DisableInterruptHandler: Some(nothing),
            EnableInterruptHandler: Some(nothing),
            MsiSupported: TRUE,
            MsiSyncWithAllMessages: FALSE,
            MessageInterruptHandler: Some(message_interrupt),
            MessageInterruptDpcHandler: Some(message_dpc),
            DisableMessageInterruptHandler: Some(nothing_for_message),
            EnableMessageInterruptHandler: Some(nothing_for_message),
            InterruptType: 0,
            MessageInfoTable: ptr::null_mut(),
        };
        let mut interrupt = ptr::null_mut();
        // SAFETY: good for the call; the handlers stay, the context as long as the registration.
        let status = unsafe {
            NdisMRegisterInterruptEx(
                handle,
                adapter.cast_mut().cast(),
                &raw mut characteristics,
                &raw mut interrupt,
            )
        };
        if status != NDIS_STATUS_SUCCESS {
            return Err(SetupError::Ndis("NdisMRegisterInterruptEx", status));
        }
        // From here `drop` undoes.
        let mut this = Self {
            handle: interrupt,
            messages: 0,
        };
        let table = characteristics.MessageInfoTable;
        if characteristics.InterruptType != NDIS_CONNECT_MESSAGE_BASED || table.is_null() {
            return Err(SetupError::Resources);
        }
        // SAFETY: NDIS's table, valid while registered.
        this.messages = unsafe { (*table).MessageCount };
        Ok(this)
    }

    /// Messages that were granted.
    #[must_use]
    pub fn messages(&self) -> u32 {
        self.messages
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        // SAFETY: registered; dropped at PASSIVE_LEVEL, in MiniportHaltEx or a failed MiniportInitializeEx.
        unsafe { NdisMDeregisterInterruptEx(self.handle) }
    }
}

/// The device has no line interrupt.
unsafe extern "win64" fn line_interrupt(
    _: NDIS_HANDLE,
    queue_dpc: *mut BOOLEAN,
    targets: *mut u32,
) -> BOOLEAN {
    // SAFETY: out parameters of NDIS.
    unsafe {
        *queue_dpc = FALSE;
        *targets = 0;
    }
    FALSE
}

unsafe extern "win64" fn line_dpc(_: NDIS_HANDLE, _: PVOID, _: PVOID, _: PVOID) {}

unsafe extern "win64" fn nothing(_: NDIS_HANDLE) {}

unsafe extern "win64" fn nothing_for_message(_: NDIS_HANDLE, _: u32) {}

/// At device IRQL.
unsafe extern "win64" fn message_interrupt(
    context: NDIS_HANDLE,
    message: u32,
    queue_dpc: *mut BOOLEAN,
    targets: *mut u32,
) -> BOOLEAN {
    // SAFETY: the adapter that registered; it outlives the registration.
    let target = unsafe { &*context.cast::<Adapter>() }.target(message);
    // SAFETY: out parameters of NDIS.
    unsafe {
        *queue_dpc = if target == 0 { TRUE } else { FALSE };
        *targets = target;
    }
    TRUE
}

/// At DISPATCH_LEVEL.
unsafe extern "win64" fn message_dpc(
    context: NDIS_HANDLE,
    message: u32,
    _: PVOID,
    throttle: PVOID,
    _: PVOID,
) {
    // SAFETY: the adapter that registered; it outlives the registration.
    let adapter = unsafe { &*context.cast::<Adapter>() };
    let throttle = throttle.cast::<NDIS_RECEIVE_THROTTLE_PARAMETERS>();
    // SAFETY: NDIS's parameters, which live during the call, or none.
    let most = unsafe { throttle.as_ref() }.map_or(u32::MAX, |t| t.MaxNblsToIndicate);
    let more = adapter.message(message, most);
    // SAFETY: as above.
    if let Some(throttle) = unsafe { throttle.as_mut() } {
        // NDIS calls again when others had their turn.
        throttle.MoreNblsPending = more.into();
    }
}
