//! Timers, work items, indications, sleep, processors, error log.
//!
//! `unsafe`: structures and functions of the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ndis_sys::ndis::*;

use super::adapter;
use super::{check_header, handle};
use crate::breach::{Rule, breach};
use crate::cpu::{self, CPUS, Dpc};
use crate::enter;
use crate::inject::{self, Kind};
use crate::nt::system::ours;
use crate::nt::{dpc, wait, work};

// ---- timers ------------------------------------------------------------------

const TIMER: &str = "timer object";

struct Timer {
    function: unsafe extern "win64" fn(
        *mut core::ffi::c_void,
        *mut core::ffi::c_void,
        *mut core::ffi::c_void,
        *mut core::ffi::c_void,
    ),
    context: usize,
    /// Expiries that are queued or run.
    running: Arc<AtomicUsize>,
}

pub(super) extern "win64" fn allocate_timer(
    _handle: usize,
    characteristics: *const NDIS_TIMER_CHARACTERISTICS,
    out: *mut usize,
) -> i32 {
    // SAFETY: the driver's structure.
    let (function, context) = unsafe {
        check_header(
            characteristics.cast(),
            "NDIS_TIMER_CHARACTERISTICS",
            NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
            &[(1, 0x18)],
        );
        (
            (*characteristics).TimerFunction,
            (*characteristics).FunctionContext as usize,
        )
    };
    let Some(function) = function else {
        return NDIS_STATUS_INVALID_PARAMETER;
    };
    if inject::fails(Kind::Memory) {
        return NDIS_STATUS_RESOURCES;
    }
    let timer = Timer {
        function,
        context,
        running: Arc::default(),
    };
    // SAFETY: the driver's out parameter.
    unsafe { out.write(handle::new(TIMER, Arc::new(timer))) };
    NDIS_STATUS_SUCCESS
}

pub(super) extern "win64" fn set_timer(handle: usize, due: i64, period: i32, context: usize) -> u8 {
    let timer: Arc<Timer> = handle::get(handle, TIMER);
    let after = wait::limit(Some(due)).unwrap_or_default();
    let period = (period > 0).then(|| Duration::from_millis(period as u64));
    let context = if context == 0 { timer.context } else { context };
    let before = dpc::set_timer(handle, after, period, move || {
        let (function, running) = (timer.function, timer.running.clone());
        running.fetch_add(1, Ordering::SeqCst);
        let run = Box::new(move || {
            let null = std::ptr::null_mut();
            // SAFETY: the driver's function, at DISPATCH_LEVEL.
            enter::driver("a timer", || unsafe {
                function(null, context as _, null, null)
            });
            running.fetch_sub(1, Ordering::SeqCst);
        });
        cpu::queue_dpc(0, Dpc { key: handle, run });
    });
    u8::from(before)
}

pub(super) extern "win64" fn cancel_timer(handle: usize) -> u8 {
    let timer: Arc<Timer> = handle::get(handle, TIMER);
    if dpc::cancel_timer(handle) {
        return 1;
    }
    // Expired and queued, not yet run: it can be taken back as well.
    let removed = cpu::remove_dpc(handle);
    if removed {
        timer.running.fetch_sub(1, Ordering::SeqCst);
    }
    u8::from(removed)
}

pub(super) extern "win64" fn free_timer(handle: usize) {
    let timer: Arc<Timer> = handle::close(handle, TIMER);
    if dpc::cancel_timer(handle) {
        breach(Rule::DpcLive, "a timer object is freed while it is set");
    }
    if timer.running.load(Ordering::SeqCst) > 0 && cpu::irql() < cpu::DISPATCH_LEVEL {
        breach(
            Rule::DpcLive,
            "a timer object is freed while its function runs or is queued",
        );
    }
}

// ---- work items ----------------------------------------------------------------

const WORK_ITEM: &str = "work item";

struct WorkItem {
    queued: AtomicBool,
}

pub(super) extern "win64" fn allocate_work_item(_handle: usize) -> usize {
    if inject::fails(Kind::Memory) {
        return 0;
    }
    let item = WorkItem {
        queued: AtomicBool::new(false),
    };
    handle::new(WORK_ITEM, Arc::new(item))
}

pub(super) extern "win64" fn queue_work_item(
    handle: usize,
    routine: NDIS_IO_WORKITEM_FUNCTION,
    context: usize,
) {
    let item: Arc<WorkItem> = handle::get(handle, WORK_ITEM);
    if item.queued.swap(true, Ordering::SeqCst) {
        breach(Rule::Handle, "a work item is queued twice");
    }
    work::run("work", move || {
        item.queued.store(false, Ordering::SeqCst);
        // SAFETY: the driver's routine, at PASSIVE_LEVEL.
        enter::driver("a work item", || unsafe {
            routine(context as _, handle as _)
        });
    });
}

pub(super) extern "win64" fn free_work_item(handle: usize) {
    let item: Arc<WorkItem> = handle::close(handle, WORK_ITEM);
    if item.queued.load(Ordering::SeqCst) {
        breach(Rule::DpcLive, "a work item is freed while it is queued");
    }
}

// ---- indications -----------------------------------------------------------------

pub(super) extern "win64" fn indicate_status(
    handle: usize,
    indication: *const NDIS_STATUS_INDICATION,
) {
    let adapter = adapter::of(handle);
    // SAFETY: the driver's structure and its buffer.
    let (code, data, source) = unsafe {
        check_header(
            indication.cast(),
            "NDIS_STATUS_INDICATION",
            NDIS_OBJECT_TYPE_STATUS_INDICATION,
            &[(1, 0x70)],
        );
        let indication = &*indication;
        let size = indication.StatusBufferSize as usize;
        let data = if size == 0 || indication.StatusBuffer.is_null() {
            Vec::new()
        } else {
            std::slice::from_raw_parts(indication.StatusBuffer.cast::<u8>(), size).to_vec()
        };
        (
            indication.StatusCode,
            data,
            indication.SourceHandle as usize,
        )
    };
    if source != handle {
        breach(
            Rule::Handle,
            format_args!("SourceHandle of status {code:#x} is not the adapter's handle"),
        );
    }
    // Allowed in MiniportInitializeEx, once the registration attributes are set.
    if !adapter.said.lock().registered {
        breach(
            Rule::State,
            format_args!(
                "status {code:#x} is indicated before the registration attributes are set"
            ),
        );
    }
    if code == NDIS_STATUS_LINK_STATE {
        // SAFETY: the buffer holds the structure, header first.
        unsafe { check_header(data.as_ptr().cast(), "NDIS_LINK_STATE", 0x80, &[(1, 0x28)]) };
        let mut said = adapter.said.lock();
        said.connected = i32::from_le_bytes([data[4], data[5], data[6], data[7]]);
    }
    if code == NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG {
        // SAFETY: a buffer of the driver, header first.
        unsafe {
            check_header(
                data.as_ptr().cast(),
                "NDIS_OFFLOAD",
                NDIS_OBJECT_TYPE_OFFLOAD,
                super::attributes::OFFLOAD_REVISIONS,
            )
        };
        let size = usize::from(u16::from_le_bytes([data[2], data[3]]));
        if size != data.len() {
            breach(
                Rule::Header,
                format_args!(
                    "NDIS_OFFLOAD of {size} bytes is indicated as {}",
                    data.len()
                ),
            );
        }
    }
    adapter.indications.lock().push((code, data));
}

/// NetEventNDKEnable and NetEventNDKDisable.
const NDK_ENABLE: i32 = 13;
const NDK_DISABLE: i32 = 14;

pub(super) extern "win64" fn net_pnp_event(
    handle: usize,
    notification: *const NET_PNP_EVENT_NOTIFICATION,
) -> i32 {
    let adapter = adapter::of(handle);
    // SAFETY: the driver's structure; the event's code lies at 8.
    let event = unsafe {
        check_header(
            notification.cast(),
            "NET_PNP_EVENT_NOTIFICATION",
            0x80,
            &[(1, 0xA4), (2, 0xAC)],
        );
        notification.cast::<u8>().add(8).cast::<i32>().read()
    };
    if adapter.oids.outstanding() > 0 && super::lifecycle::in_oid() {
        breach(
            Rule::State,
            "NdisMNetPnPEvent on the thread of an OID request: NDIS would wait for itself",
        );
    }
    match event {
        NDK_ENABLE => {
            if let Some(ndk) = adapter.said.lock().ndk.as_mut() {
                ndk.enabled = true;
            }
            NDIS_STATUS_SUCCESS
        }
        NDK_DISABLE => {
            if let Some(ndk) = adapter.said.lock().ndk.as_mut() {
                ndk.enabled = false;
            }
            crate::ndk::disabled(&adapter);
            let mut open = adapter.ndk_open.lock();
            while *open > 0 {
                adapter.ndk_closed.wait(&mut open);
            }
            NDIS_STATUS_SUCCESS
        }
        other => breach(
            Rule::State,
            format_args!("NdisMNetPnPEvent with event {other}"),
        ),
    }
}

pub(super) extern "win64" fn remove_miniport(handle: usize) -> i32 {
    let adapter = adapter::of(handle);
    adapter.asked_removal.store(true, Ordering::SeqCst);
    NDIS_STATUS_SUCCESS
}

// ---- the rest ------------------------------------------------------------------

pub(super) extern "win64" fn sleep(microseconds: u32) {
    std::thread::sleep(ours(Duration::from_micros(microseconds.into())));
}

pub(super) extern "win64" fn get_version() -> u32 {
    // 6.87, the minor version in decimal.
    6 << 16 | 87
}

pub(super) extern "win64" fn write_error_log(handle: usize, code: u32, _count: u32) {
    adapter::of(handle).logged.lock().push(code);
    eprintln!("[ndis] error log entry {code:#x}");
}

pub(super) extern "win64" fn rss_processors(
    handle: usize,
    info: *mut NDIS_RSS_PROCESSOR_INFO,
    size: *mut usize,
) -> i32 {
    adapter::of(handle);
    let base = size_of::<NDIS_RSS_PROCESSOR_INFO>().next_multiple_of(8);
    let entry = size_of::<NDIS_RSS_PROCESSOR>();
    let needed = base + CPUS * entry;
    // SAFETY: the driver's size, and a buffer of that size.
    unsafe {
        let room = size.replace(needed);
        if info.is_null() || room < needed {
            return NDIS_STATUS_BUFFER_TOO_SHORT;
        }
        std::ptr::write_bytes(info.cast::<u8>(), 0, needed);
        (*info).Header = NDIS_OBJECT_HEADER {
            Type: NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO,
            Revision: 1,
            Size: size_of::<NDIS_RSS_PROCESSOR_INFO>() as u16,
        };
        (*info).MaxNumRssProcessors = CPUS as u32;
        (*info).RssProcessorArrayOffset = base as u32;
        (*info).RssProcessorCount = CPUS as u32;
        (*info).RssProcessorEntrySize = entry as u32;
        let array = info.cast::<u8>().add(base).cast::<NDIS_RSS_PROCESSOR>();
        for index in 0..CPUS {
            (*array.add(index)).ProcNum.Number = index as u8;
            (*array.add(index)).PreferenceIndex = index as u16;
        }
    }
    NDIS_STATUS_SUCCESS
}
