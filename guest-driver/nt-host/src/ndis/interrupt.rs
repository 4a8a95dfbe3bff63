//! MSI-X: a thread waits for the eventfds of an adapter's vectors, runs the service routine at device level, and queues
//! the deferred call.
//!
//! `unsafe`: structures and handlers of the driver; poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use ndis_sys::ndis::*;
use ndis_sys::nt::{GROUP_AFFINITY, IO_INTERRUPT_MESSAGE_INFO, IO_INTERRUPT_MESSAGE_INFO_ENTRY};
use parking_lot::Mutex;

use super::adapter;
use super::{check_header, datapath, handle};
use crate::breach::{Rule, breach};
use crate::cpu::{self, CPUS, DEVICE_LEVEL, Dpc};
use crate::enter;
use crate::inject::{self, Kind};
use crate::nt::pool;

/// Kind of the handle.
pub const HANDLE: &str = "interrupt handle";
const TABLE: &str = "interrupt message table";
const TAG: u32 = u32::from_le_bytes(*b"NdIn");
/// Packets that a deferred call may indicate; it says whether there are more, and is called again then.
const MOST: u32 = 128;
/// NDIS_INDICATE_ALL_NBLS: as many as it likes, and whoever has more then sees to it himself.
const NO_LIMIT: u32 = u32::MAX;
/// NDIS_CONNECT_MESSAGE_BASED.
const MESSAGE_BASED: i32 = 2;

struct Interrupt {
    context: usize,
    handlers: NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS,
    table: usize,
    messages: usize,
    /// Held while a service routine, or a function synchronised with it, runs.
    busy: Mutex<()>,
    stop: AtomicBool,
    /// Eventfd that ends the thread's wait.
    wake: i32,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Deferred calls that are queued or run.
    dpcs: AtomicUsize,
    /// Deferred calls so far: every other one has a limit.
    calls: AtomicU64,
}

// SAFETY: the characteristics hold functions of the driver and a table of ours; none is written after registration.
unsafe impl Send for Interrupt {}
// SAFETY: as above.
unsafe impl Sync for Interrupt {}

pub(super) extern "win64" fn register(
    handle: usize,
    context: usize,
    characteristics: *mut NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS,
    out: *mut usize,
) -> i32 {
    let adapter = adapter::of(handle);
    // SAFETY: the driver's structure.
    let handlers = unsafe {
        check_header(
            characteristics.cast(),
            "NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS",
            NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT,
            &[(1, 0x60)],
        );
        *characteristics
    };
    let line = handlers.InterruptHandler.is_some()
        && handlers.InterruptDpcHandler.is_some()
        && handlers.DisableInterruptHandler.is_some()
        && handlers.EnableInterruptHandler.is_some();
    let message = handlers.MsiSupported != 0
        && handlers.MessageInterruptHandler.is_some()
        && handlers.MessageInterruptDpcHandler.is_some();
    if !line || !message {
        breach(
            Rule::Header,
            "interrupt characteristics lack line handlers or message handlers; both are required",
        );
    }
    if inject::fails(Kind::Interrupt) {
        return NDIS_STATUS_RESOURCES;
    }
    let fds = adapter.messages();
    let entry = size_of::<IO_INTERRUPT_MESSAGE_INFO_ENTRY>();
    let table = pool::allocate(8 + entry * fds.len(), TAG, 0, TABLE);
    let info = table as *mut IO_INTERRUPT_MESSAGE_INFO;
    // SAFETY: a new zeroed block with room for an entry a message.
    unsafe {
        (*info).UnifiedIrql = DEVICE_LEVEL;
        (*info).MessageCount = fds.len() as u32;
        let entries = (table + 8) as *mut IO_INTERRUPT_MESSAGE_INFO_ENTRY;
        for index in 0..fds.len() {
            let entry = &mut *entries.add(index);
            entry.MessageAddress = 0xFEE0_0000;
            entry.TargetProcessorSet = 1 << (index % CPUS);
            entry.MessageData = 0x40 + index as u32;
            entry.Vector = 0x40 + index as u32;
            entry.Irql = DEVICE_LEVEL;
            entry.Mode = 1;
        }
        (*characteristics).InterruptType = MESSAGE_BASED;
        (*characteristics).MessageInfoTable = info;
    }
    // SAFETY: a new descriptor.
    let wake = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    let interrupt = Arc::new(Interrupt {
        context,
        handlers,
        table,
        messages: fds.len(),
        busy: Mutex::new(()),
        stop: AtomicBool::new(false),
        wake,
        thread: Mutex::new(None),
        dpcs: AtomicUsize::new(0),
        calls: AtomicU64::new(0),
    });
    let new = handle::new(HANDLE, interrupt.clone());
    // SAFETY: the driver's out parameter. It is written before any interrupt can come.
    unsafe { out.write(new) };
    let running = interrupt.clone();
    *interrupt.thread.lock() = Some(crate::thread::spawn("interrupts", move || {
        serve(&running, &fds)
    }));
    NDIS_STATUS_SUCCESS
}

fn serve(interrupt: &Arc<Interrupt>, fds: &[i32]) {
    let poll = |fd: &i32| libc::pollfd {
        fd: *fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut polls: Vec<libc::pollfd> = fds.iter().chain([&interrupt.wake]).map(poll).collect();
    while !interrupt.stop.load(Ordering::SeqCst) {
        // SAFETY: an array of descriptors that are open as long as the machine.
        let ready = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, -1) };
        if ready <= 0 {
            continue;
        }
        for (message, poll) in polls.iter().enumerate().take(interrupt.messages) {
            if poll.revents & libc::POLLIN == 0 || interrupt.stop.load(Ordering::SeqCst) {
                continue;
            }
            let mut count = 0_u64;
            // SAFETY: reads 8 bytes of an eventfd that does not block.
            unsafe { libc::read(poll.fd, (&raw mut count).cast(), 8) };
            if count > 0 {
                service(interrupt, message as u32);
            }
        }
    }
}

fn service(interrupt: &Arc<Interrupt>, message: u32) {
    let (mut queue, mut targets) = (0_u8, 0_u32);
    let recognized = {
        let _busy = interrupt.busy.lock();
        if interrupt.stop.load(Ordering::SeqCst) {
            return;
        }
        cpu::as_interrupt(|| {
            let handler = interrupt.handlers.MessageInterruptHandler;
            handler.is_some_and(|handler| {
                // SAFETY: the driver's service routine, at device level.
                let result = enter::driver("MiniportMessageInterrupt", || unsafe {
                    handler(
                        interrupt.context as _,
                        message,
                        &raw mut queue,
                        &raw mut targets,
                    )
                });
                result != 0
            })
        })
    };
    if !recognized {
        return;
    }
    let home = message as usize % CPUS;
    if queue != 0 {
        queue_dpc(interrupt, message, home, 0);
        cpu::run_dpcs_if_idle(home);
    } else if targets != 0 {
        breach(
            Rule::State,
            "target processors of a service routine are for drivers before NDIS 6.20; NdisMQueueDpcEx is for those after",
        );
    }
}

fn queue_dpc(interrupt: &Arc<Interrupt>, message: u32, target: usize, context: usize) {
    let this = interrupt.clone();
    interrupt.dpcs.fetch_add(1, Ordering::SeqCst);
    let run = Box::new(move || {
        if let Some(handler) = this.handlers.MessageInterruptDpcHandler {
            let call = this.calls.fetch_add(1, Ordering::Relaxed);
            let most = if call.is_multiple_of(2) {
                NO_LIMIT
            } else {
                MOST
            };
            let mut throttle = NDIS_RECEIVE_THROTTLE_PARAMETERS {
                MaxNblsToIndicate: most,
                MoreNblsPending: 0,
            };
            let parameters = (&raw mut throttle).cast();
            // SAFETY: the driver's handler, at DISPATCH_LEVEL.
            let run = || unsafe {
                handler(
                    this.context as _,
                    message,
                    context as _,
                    parameters,
                    std::ptr::null_mut(),
                );
            };
            let call = || enter::driver("MiniportMessageInterruptDPC", run);
            let ((), indicated) = datapath::indicated_by(call);
            if indicated > most as usize {
                breach(
                    Rule::State,
                    format_args!(
                        "a deferred call indicated {indicated} lists, of {most} that NDIS allowed"
                    ),
                );
            }
            if most == NO_LIMIT && throttle.MoreNblsPending != 0 {
                breach(
                    Rule::State,
                    "MoreNblsPending is told to NDIS that set no limit: it does not call again",
                );
            }
            if throttle.MoreNblsPending != 0 && !this.stop.load(Ordering::SeqCst) {
                queue_dpc(&this, message, target, context);
            }
        }
        this.dpcs.fetch_sub(1, Ordering::SeqCst);
    });
    cpu::queue_dpc(target, Dpc { key: 0, run });
}

pub(super) extern "win64" fn deregister(handle: usize) {
    let interrupt: Arc<Interrupt> = handle::close(handle, HANDLE);
    interrupt.stop.store(true, Ordering::SeqCst);
    let one = 1_u64;
    // SAFETY: writes 8 bytes to an eventfd of ours.
    unsafe { libc::write(interrupt.wake, (&raw const one).cast(), 8) };
    let thread = interrupt.thread.lock().take();
    if let Some(thread) = thread {
        let _ = thread.join();
    }
    // NDIS waits for the deferred calls of the interrupt.
    while interrupt.dpcs.load(Ordering::SeqCst) > 0 {
        std::thread::yield_now();
    }
    // SAFETY: a descriptor of ours that nobody polls any more.
    unsafe { libc::close(interrupt.wake) };
    pool::release(interrupt.table, TAG);
}

pub(super) extern "win64" fn synchronize(
    handle: usize,
    _message: u32,
    function: unsafe extern "win64" fn(usize) -> u8,
    context: usize,
) -> u8 {
    let interrupt: Arc<Interrupt> = handle::get(handle, HANDLE);
    let _busy = interrupt.busy.lock();
    cpu::as_interrupt(|| {
        // SAFETY: the driver's function, at device level.
        enter::driver("MiniportSynchronizeInterrupt", || unsafe {
            function(context)
        })
    })
}

pub(super) extern "win64" fn queue(
    handle: usize,
    message: u32,
    targets: u32,
    context: usize,
) -> u32 {
    let interrupt: Arc<Interrupt> = handle::get(handle, HANDLE);
    let all = (1 << CPUS) - 1;
    let targets = if targets == 0 {
        1 << cpu::number()
    } else {
        targets & all
    };
    for target in (0..CPUS).filter(|cpu| targets & 1 << cpu != 0) {
        queue_dpc(&interrupt, message, target, context);
    }
    targets
}

pub(super) extern "win64" fn queue_ex(
    handle: usize,
    message: u32,
    targets: *const GROUP_AFFINITY,
    context: usize,
) -> u64 {
    // SAFETY: the driver's structure.
    let targets = unsafe { &*targets };
    let possible = (1_usize << CPUS) - 1;
    if targets.Group != 0 || targets.Mask == 0 || targets.Mask & !possible != 0 {
        breach(
            Rule::State,
            format_args!(
                "a deferred call is queued on processors that are not there: {targets:x?}"
            ),
        );
    }
    queue(handle, message, targets.Mask as u32, context).into()
}
