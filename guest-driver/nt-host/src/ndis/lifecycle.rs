//! What NDIS does with an adapter: initialize, restart, pause, reset, halt, and everything that must be gone afterwards.
//!
//! `unsafe`: structures for the driver, and calls of its handlers.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ndis_sys::ndis::*;
use ndis_sys::nt::{CM_PARTIAL_RESOURCE_DESCRIPTOR, CM_PARTIAL_RESOURCE_LIST};

use super::adapter::{self, Adapter, Pended, State};
use super::{dma, handle, interrupt};
use crate::breach::{Rule, breach, patience};
use crate::enter;
use crate::nt::{pool, work};
use crate::{machine, mmio};

const RESOURCES: &str = "resource list";
const TAG: u32 = u32::from_le_bytes(*b"NdRs");
/// Kinds of handles that an adapter holds while it is initialized, and must have given back when it is not.
const OF_ADAPTER: &[&str] = &[
    interrupt::HANDLE,
    "DMA handle",
    "configuration handle",
    "timer object",
    "work item",
    "net buffer list pool",
    "read-write lock",
    "address change notification",
];

thread_local! {
    static IN_OID: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in an OID handler.
pub(super) fn in_oid() -> bool {
    IN_OID.get()
}

/// Marks this thread as being in an OID handler while `call` runs.
pub(super) fn as_oid<T>(call: impl FnOnce() -> T) -> T {
    let before = IN_OID.replace(true);
    let result = call();
    IN_OID.set(before);
    result
}

type Slot = fn(&mut Pended) -> &mut Option<Option<i32>>;

fn pause_slot(pended: &mut Pended) -> &mut Option<Option<i32>> {
    &mut pended.pause
}
fn restart_slot(pended: &mut Pended) -> &mut Option<Option<i32>> {
    &mut pended.restart
}
fn reset_slot(pended: &mut Pended) -> &mut Option<Option<i32>> {
    &mut pended.reset
}

fn answered(handle: usize, slot: Slot, status: i32, what: &str) {
    let adapter = adapter::of(handle);
    let mut pended = adapter.pended.lock();
    match slot(&mut pended) {
        Some(answer @ None) => *answer = Some(status),
        Some(Some(_)) => breach(Rule::Completion, format_args!("{what} is completed twice")),
        None => breach(
            Rule::Completion,
            format_args!("{what} is completed; none is under way"),
        ),
    }
    adapter.answered.notify_all();
}

pub(super) extern "win64" fn pause_complete(handle: usize) {
    answered(handle, pause_slot, NDIS_STATUS_SUCCESS, "pause");
}

pub(super) extern "win64" fn restart_complete(handle: usize, status: i32) {
    answered(handle, restart_slot, status, "restart");
}

pub(super) extern "win64" fn reset_complete(handle: usize, status: i32, _addressing: u8) {
    answered(handle, reset_slot, status, "reset");
}

fn header(kind: u8, revision: u8, size: u16) -> NDIS_OBJECT_HEADER {
    NDIS_OBJECT_HEADER {
        Type: kind,
        Revision: revision,
        Size: size,
    }
}

/// Translated resources: the BARs, and a descriptor a message.
fn resources(function: usize, messages: usize) -> usize {
    const MEMORY: u8 = 3;
    const INTERRUPT: u8 = 2;
    const MESSAGE: u16 = 2 | 1; // CM_RESOURCE_INTERRUPT_MESSAGE, latched
    let one = size_of::<CM_PARTIAL_RESOURCE_DESCRIPTOR>();
    let count = machine::BARS.len() + messages;
    let block = pool::allocate(8 + one * count, TAG, 0, RESOURCES);
    // SAFETY: a new zeroed block with room for all descriptors; offsets are those of wdm.h.
    unsafe {
        let list = block as *mut CM_PARTIAL_RESOURCE_LIST;
        (*list).Version = 1;
        (*list).Revision = 1;
        (*list).Count = count as u32;
        // A driver goes by the function's own description, not by the order of this list: each function has another one.
        let mut bars = machine::BARS;
        bars.rotate_left(function % machine::BARS.len());
        for (index, bar) in bars.into_iter().enumerate() {
            let at = (block + 8 + index * one) as *mut u8;
            at.write(MEMORY);
            at.add(4)
                .cast::<u64>()
                .write_unaligned(machine::bar_physical(function, bar));
            at.add(12)
                .cast::<u32>()
                .write_unaligned(machine::bar_size(bar) as u32);
        }
        for message in 0..messages {
            let at = (block + 8 + (machine::BARS.len() + message) * one) as *mut u8;
            at.write(INTERRUPT);
            at.add(2).cast::<u16>().write_unaligned(MESSAGE);
            // Level, vector, affinity.
            at.add(4)
                .cast::<u32>()
                .write_unaligned(u32::from(crate::cpu::DEVICE_LEVEL));
            at.add(8)
                .cast::<u32>()
                .write_unaligned(0x40 + message as u32);
            at.add(12).cast::<u64>().write_unaligned(1);
        }
    }
    block
}

impl Adapter {
    fn await_answer(&self, returned: i32, slot: Slot, what: &'static str) -> i32 {
        let start = Instant::now();
        let mut pended = self.pended.lock();
        loop {
            let answer = slot(&mut pended).flatten();
            match (returned, answer) {
                (NDIS_STATUS_PENDING, Some(status)) => {
                    *slot(&mut pended) = None;
                    return status;
                }
                (NDIS_STATUS_PENDING, None) => {}
                (_, Some(_)) => breach(
                    Rule::Completion,
                    format_args!("{what} returned {returned:#x} and was completed as well"),
                ),
                (_, None) => {
                    *slot(&mut pended) = None;
                    return returned;
                }
            }
            let Some(left) = patience().checked_sub(start.elapsed()) else {
                breach(Rule::Hang, format_args!("{what} did not complete in time"));
            };
            self.answered.wait_for(&mut pended, left);
        }
    }

    /// MiniportInitializeEx. Afterwards the adapter is paused, or, on failure, holds nothing.
    pub fn initialize(self: &Arc<Self>) -> i32 {
        self.require(&[State::Halted], "initialize");
        let new = handle::new(adapter::HANDLE, self.clone());
        self.handle.store(new, Ordering::SeqCst);
        self.set_state(State::Initializing);
        *self.said.lock() = adapter::Said::default();
        let messages = self.messages().len();
        let list = resources(self.function, messages);
        // SAFETY: plain data, all zero allowed.
        let mut parameters: NDIS_MINIPORT_INIT_PARAMETERS = unsafe { std::mem::zeroed() };
        parameters.Header = header(NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS, 1, 0x40);
        parameters.AllocatedResources = list as *mut CM_PARTIAL_RESOURCE_LIST;
        parameters.IfIndex = self.if_index;
        parameters.NetLuid = self.luid;
        let Some(handler) = self.handlers().InitializeHandlerEx else {
            return NDIS_STATUS_FAILURE;
        };
        // SAFETY: the driver's handler, at PASSIVE_LEVEL.
        let status = enter::driver("MiniportInitializeEx", || unsafe {
            handler(new as _, self.driver.context as _, &raw mut parameters)
        });
        pool::release(list, TAG);
        if status == NDIS_STATUS_SUCCESS {
            let said = self.said.lock();
            if !said.registered || !said.general {
                breach(
                    Rule::State,
                    "MiniportInitializeEx succeeded without registration and general attributes",
                );
            }
            drop(said);
            self.set_state(State::Paused);
            *self.ndk_shut.write() = false;
        } else {
            if status == NDIS_STATUS_PENDING {
                breach(
                    Rule::Completion,
                    "MiniportInitializeEx may not return PENDING",
                );
            }
            self.gone("after MiniportInitializeEx failed");
        }
        status
    }

    /// MiniportRestart. On success traffic may flow.
    pub fn restart(&self) -> i32 {
        self.require(&[State::Paused], "restart");
        self.set_state(State::Restarting);
        self.pended.lock().restart = Some(None);
        // SAFETY: plain data, all zero allowed.
        let mut parameters: NDIS_MINIPORT_RESTART_PARAMETERS = unsafe { std::mem::zeroed() };
        parameters.Header = header(0x80, 1, 0x14);
        let Some(handler) = self.handlers().RestartHandler else {
            return NDIS_STATUS_FAILURE;
        };
        // SAFETY: the driver's handler, at PASSIVE_LEVEL. Indications may begin before it returns: NDIS counts the
        // adapter as running once the handler has said so, and packets that come early are queued.
        let returned = enter::driver("MiniportRestart", || unsafe {
            self.set_state(State::Running);
            handler(self.context() as _, &raw mut parameters)
        });
        let status = self.await_answer(returned, restart_slot, "MiniportRestart");
        if status != NDIS_STATUS_SUCCESS {
            self.set_state(State::Paused);
        }
        status
    }

    /// MiniportPause. Afterwards nobody has packets of the other.
    pub fn pause(&self) {
        self.require(&[State::Running], "pause");
        self.set_state(State::Pausing);
        self.pended.lock().pause = Some(None);
        // SAFETY: plain data, all zero allowed.
        let mut parameters: NDIS_MINIPORT_PAUSE_PARAMETERS = unsafe { std::mem::zeroed() };
        parameters.Header = header(0x80, 1, 0xC);
        if let Some(handler) = self.handlers().PauseHandler {
            // SAFETY: the driver's handler, at PASSIVE_LEVEL.
            let returned = enter::driver("MiniportPause", || unsafe {
                handler(self.context() as _, &raw mut parameters)
            });
            let status = self.await_answer(returned, pause_slot, "MiniportPause");
            if status != NDIS_STATUS_SUCCESS {
                breach(
                    Rule::State,
                    format_args!("MiniportPause failed with {status:#x}"),
                );
            }
        }
        let indicating = self.traffic.indicating();
        if indicating > 0 {
            breach(
                Rule::NblPaused,
                format_args!("paused while {indicating} receive indication(s) have not returned"),
            );
        }
        let (sending, indicated) = self.traffic.outstanding();
        if sending + indicated > 0 {
            breach(
                Rule::NblPaused,
                format_args!("paused with {sending} sends and {indicated} receives outstanding"),
            );
        }
        self.set_state(State::Paused);
    }

    /// MiniportReset, if the driver has one; its status.
    pub fn reset(&self) -> Option<i32> {
        let returned = self.begin_reset()?;
        Some(self.end_reset(returned))
    }

    /// The first half of that: calls the handler, from wherever a reset may come; what it returned is for
    /// [`Adapter::end_reset`].
    pub fn begin_reset(&self) -> Option<i32> {
        let handler = self.handlers().ResetHandlerEx?;
        self.pended.lock().reset = Some(None);
        let mut addressing = 0;
        // SAFETY: the driver's handler, at PASSIVE_LEVEL.
        let returned = enter::driver("MiniportReset", || unsafe {
            handler(self.context() as _, &raw mut addressing)
        });
        Some(returned)
    }

    /// The second half: waits for the end.
    pub fn end_reset(&self, returned: i32) -> i32 {
        self.await_answer(returned, reset_slot, "MiniportReset")
    }

    /// MiniportCheckForHang, if the driver has one.
    pub fn check_for_hang(&self) -> Option<bool> {
        let handler = self.handlers().CheckForHangHandlerEx?;
        // SAFETY: the driver's handler, at PASSIVE_LEVEL.
        let hangs = enter::driver("MiniportCheckForHang", || unsafe {
            handler(self.context() as _)
        });
        Some(hangs != 0)
    }

    /// MiniportDevicePnPEventNotify.
    pub fn pnp_event(&self, event: i32) {
        // SAFETY: plain data, all zero allowed.
        let mut notification: NET_DEVICE_PNP_EVENT = unsafe { std::mem::zeroed() };
        notification.Header = header(0x80, 1, 0x2C);
        notification.DevicePnPEvent = event;
        if let Some(handler) = self.handlers().DevicePnPEventNotifyHandler {
            // SAFETY: the driver's handler, at PASSIVE_LEVEL.
            enter::driver("MiniportDevicePnPEventNotify", || unsafe {
                handler(self.context() as _, &raw mut notification);
            });
        }
    }

    /// MiniportShutdownEx: 0 at PASSIVE_LEVEL, 1 (bug check) at HIGH_LEVEL.
    pub fn shutdown(&self, action: i32) {
        if let Some(handler) = self.handlers().ShutdownHandlerEx {
            let call = || {
                // SAFETY: the driver's handler.
                enter::driver("MiniportShutdownEx", || unsafe {
                    handler(self.context() as _, action);
                });
            };
            if action == 1 {
                crate::cpu::as_bug_check(call);
            } else {
                call();
            }
        }
    }

    /// The device is pulled out: registers read as all ones, the driver hears of it, the adapter is paused and halted.
    pub fn surprise_remove(&self) {
        self.pull_out();
        self.halt_pulled_out();
    }

    /// The first half of that.
    pub fn pull_out(&self) {
        const REMOVED: i32 = 2;
        machine::set_removed(self.function, true);
        self.removed.store(true, Ordering::SeqCst);
        self.pnp_event(REMOVED);
    }

    /// The second. Consumers may have NDK adapters open that they close meanwhile.
    pub fn halt_pulled_out(&self) {
        const SURPRISE_REMOVED: i32 = 3;
        if self.state() == State::Running {
            self.pause();
        }
        self.halt_with_consumers(SURPRISE_REMOVED);
        machine::set_removed(self.function, false);
    }

    /// MiniportHaltEx. Afterwards the adapter holds nothing.
    pub fn halt(&self, action: i32) {
        self.require(&[State::Paused], "halt");
        let open = *self.ndk_open.lock();
        if open > 0 {
            breach(
                Rule::State,
                format_args!("halt with {open} NDK adapter(s) open: a bug of the host's user"),
            );
        }
        self.halt_with_consumers(action);
    }

    /// As [`Adapter::halt`], with NDK adapters open that are closed meanwhile: whether NDIS does so is not documented.
    pub fn halt_with_consumers(&self, action: i32) {
        self.require(&[State::Paused], "halt");
        *self.ndk_shut.write() = true;
        if let Some(handler) = self.handlers().HaltHandlerEx {
            // SAFETY: the driver's handler, at PASSIVE_LEVEL.
            enter::driver("MiniportHaltEx", || unsafe {
                handler(self.context() as _, action)
            });
        }
        self.gone("after MiniportHaltEx");
    }

    fn gone(&self, when: &str) {
        self.set_state(State::Halted);
        if adapter::all()
            .iter()
            .filter(|a| a.state() != State::Halted)
            .count()
            == 0
        {
            handle::require_none(OF_ADAPTER, when);
            if mmio::live() > 0 {
                breach(
                    Rule::Leak,
                    format_args!("{} register mapping(s) left {when}", mmio::live()),
                );
            }
            if dma::live() > 0 {
                breach(
                    Rule::Leak,
                    format_args!("{} DMA mapping(s) left {when}", dma::live()),
                );
            }
            work::settle();
            if work::busy() > 0 || work::threads() > 0 {
                breach(
                    Rule::DpcLive,
                    format_args!(
                        "{} work item(s) and {} thread(s) run {when}",
                        work::busy(),
                        work::threads()
                    ),
                );
            }
        }
        let handle = self.handle.swap(0, Ordering::SeqCst);
        handle::close::<Adapter>(handle, adapter::HANDLE);
    }
}
