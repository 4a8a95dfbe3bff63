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
    table: *const IO_INTERRUPT_MESSAGE_INFO,
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
            Header: NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS::HEADER,
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
            table: ptr::null(),
        };
        let table = characteristics.MessageInfoTable;
        if characteristics.InterruptType != NDIS_CONNECT_MESSAGE_BASED || table.is_null() {
            return Err(SetupError::Resources);
        }
        // SAFETY: NDIS's table, valid while registered.
        this.messages = unsafe { (*table).MessageCount };
        this.table = table;
        Ok(this)
    }

    /// Messages that were granted.
    #[must_use]
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Processors that a message's interrupt may come on, bit by bit; 0 for one that was not granted.
    #[must_use]
    pub fn processors(&self, message: usize) -> usize {
        if message >= self.messages as usize {
            return 0;
        }
        // SAFETY: NDIS's table, valid while registered, with so many entries.
        unsafe {
            let first = &raw const (*self.table).MessageInfo;
            let entry = first.cast::<IO_INTERRUPT_MESSAGE_INFO_ENTRY>().add(message);
            (*entry).TargetProcessorSet
        }
    }

    /// NDIS's handle.
    #[must_use]
    pub fn handle(&self) -> NDIS_HANDLE {
        self.handle
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

/// Queues a message's deferred call on a processor. Callable at any IRQL.
fn queue(interrupt: NDIS_HANDLE, message: u32, processor: PROCESSOR_NUMBER) {
    let mut targets = GROUP_AFFINITY {
        Mask: 1usize.checked_shl(processor.Number.into()).unwrap_or(0),
        Group: processor.Group,
        Reserved: [0; 3],
    };
    // SAFETY: the registration lives: who has its handle runs as an interrupt or a deferred call of it, on the worker or as the
    // watchdog, which end before the registration does.
    unsafe { NdisMQueueDpcEx(interrupt, message, &raw mut targets, ptr::null_mut()) };
}

/// The processor that this runs on.
fn here() -> PROCESSOR_NUMBER {
    let mut here = PROCESSOR_NUMBER {
        Group: 0,
        Number: 0,
        Reserved: 0,
    };
    // SAFETY: good for the call.
    unsafe { KeGetCurrentProcessorNumberEx(&raw mut here) };
    here
}

/// Has a message's deferred call run as its interrupt would, while the interrupts are registered.
pub fn stand_in(adapter: &Adapter, message: u32) {
    let interrupt = adapter.interrupt();
    if !interrupt.is_null() {
        adapter.announced(message);
        queue(
            interrupt,
            message,
            adapter.target(message).unwrap_or_else(here),
        );
    }
}

/// At device IRQL.
unsafe extern "win64" fn message_interrupt(
    context: NDIS_HANDLE,
    message: u32,
    queue_dpc: *mut BOOLEAN,
    targets: *mut u32,
) -> BOOLEAN {
    // SAFETY: the adapter that registered; it outlives the registration.
    let adapter = unsafe { &*context.cast::<Adapter>() };
    adapter.announced(message);
    let interrupt = adapter.interrupt();
    let here = match adapter.target(message) {
        Some(processor) if !interrupt.is_null() => {
            queue(interrupt, message, processor);
            FALSE
        }
        _ => TRUE,
    };
    // SAFETY: out parameters of NDIS. Processors are not told here: that is for drivers before NDIS 6.20, and reaches the
    // first 32 of group 0 only (MiniportMessageInterrupt).
    unsafe {
        *queue_dpc = here;
        *targets = 0;
    }
    TRUE
}

/// NDIS_INDICATE_ALL_NBLS.
const NO_LIMIT: u32 = u32::MAX;

/// Who has the deferred call run again when there is more to do: NDIS, if it set a limit and is told; if it set none it is not
/// told, and the driver queues the call (NDIS_RECEIVE_THROTTLE_PARAMETERS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    No,
    Ndis,
    Driver,
}

fn again(more: bool, most: u32) -> Again {
    match (more, most) {
        (false, _) => Again::No,
        (true, NO_LIMIT) => Again::Driver,
        (true, _) => Again::Ndis,
    }
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
    let most = unsafe { throttle.as_ref() }.map_or(NO_LIMIT, |t| t.MaxNblsToIndicate);
    let again = again(adapter.message(message, most), most);
    // SAFETY: as above.
    if let Some(throttle) = unsafe { throttle.as_mut() } {
        throttle.MoreNblsPending = (again == Again::Ndis).into();
    }
    // None before the registration is complete, when everything is looked at, and after its end, when nothing is left to do.
    let interrupt = adapter.interrupt();
    if again == Again::Driver && !interrupt.is_null() {
        queue(interrupt, message, here());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NDIS was told so, which it does not heed then: what was left waited for an interrupt that did not come.
    #[test]
    fn more_is_not_told_to_ndis_that_set_no_limit() {
        assert_eq!(again(true, NO_LIMIT), Again::Driver);
        assert_eq!(again(true, 128), Again::Ndis);
        assert_eq!(again(false, NO_LIMIT), Again::No);
        assert_eq!(again(false, 128), Again::No);
    }
}
