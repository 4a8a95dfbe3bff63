//! Work items and system threads: driver code at PASSIVE_LEVEL that nobody called.
//!
//! `unsafe`: functions of the driver; a system thread that ends itself leaves its driver frames behind, so its stack
//! pointer is restored by hand.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

use super::{pool, wait};
use crate::breach::{Rule, breach};
use crate::enter;
use crate::inject::{self, Kind};

/// Calls that run or wait to run.
static BUSY: Mutex<usize> = Mutex::new(0);
static IDLE: Condvar = Condvar::new();

/// Runs `work` on a thread of its own, at PASSIVE_LEVEL. A thread each, so that one that waits holds up no other.
pub fn run(name: &str, work: impl FnOnce() + Send + 'static) {
    *BUSY.lock() += 1;
    crate::thread::spawn(name, move || {
        work();
        *BUSY.lock() -= 1;
        IDLE.notify_all();
    });
}

/// Work that runs or waits to run.
pub fn busy() -> usize {
    *BUSY.lock()
}

/// Lets work return that has done what it had to: it may have told its owner so in its last instructions but one, and
/// Windows itself keeps the driver for those.
pub fn settle() {
    let mut busy = BUSY.lock();
    if *busy > 0 {
        IDLE.wait_for(&mut busy, std::time::Duration::from_millis(20));
    }
}

/// Waits until no work runs.
pub fn flush() {
    let mut busy = BUSY.lock();
    while *busy > 0 {
        IDLE.wait(&mut busy);
    }
}

// ---- IO_WORKITEM -----------------------------------------------------------

/// What a work item's memory holds: 0 idle, 1 queued.
fn queued(item: usize) -> &'static AtomicUsize {
    // SAFETY: memory of `io_allocate_work_item`, which lives while it is used.
    unsafe { AtomicUsize::from_ptr(item as *mut usize) }
}

const WORK_ITEM: &str = "work item";
const TAG: u32 = u32::from_le_bytes(*b"IoWi");

pub(super) extern "win64" fn io_allocate_work_item(device: usize) -> usize {
    if inject::fails(Kind::Memory) {
        return 0;
    }
    let item = pool::allocate(16, TAG, 0, WORK_ITEM);
    if item != 0 {
        // SAFETY: 16 bytes of our own: state, device object.
        unsafe { ((item + 8) as *mut usize).write(device) };
    }
    item
}

pub(super) extern "win64" fn io_free_work_item(item: usize) {
    if queued(item).load(Ordering::SeqCst) != 0 {
        breach(
            Rule::DpcLive,
            format_args!("work item {item:#x} is freed while it is queued"),
        );
    }
    pool::release(item, TAG);
}

fn queue(item: usize, call: impl FnOnce() + Send + 'static) {
    if queued(item).swap(1, Ordering::SeqCst) != 0 {
        breach(
            Rule::Handle,
            format_args!("work item {item:#x} is queued twice"),
        );
    }
    run("work", move || {
        queued(item).store(0, Ordering::SeqCst);
        enter::driver("a work item", call);
    });
}

pub(super) extern "win64" fn io_queue_work_item(
    item: usize,
    routine: unsafe extern "win64" fn(usize, usize),
    _queue: i32,
    context: usize,
) {
    // SAFETY: the item's device object.
    let device = unsafe { ((item + 8) as *const usize).read() };
    // SAFETY: the driver's routine, with what it asked for.
    queue(item, move || unsafe { routine(device, context) });
}

pub(super) extern "win64" fn io_queue_work_item_ex(
    item: usize,
    routine: unsafe extern "win64" fn(usize, usize, usize),
    _queue: i32,
    context: usize,
) {
    // SAFETY: the item's device object.
    let device = unsafe { ((item + 8) as *const usize).read() };
    // SAFETY: the driver's routine, with what it asked for.
    queue(item, move || unsafe { routine(device, context, item) });
}

// ---- system threads --------------------------------------------------------

struct Thread {
    /// Pool block with the dispatcher header.
    object: usize,
    references: usize,
}

static THREADS: Mutex<Option<HashMap<usize, Thread>>> = Mutex::new(None);
static RUNNING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static RESUME: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Calls `run(context)` on this stack; `resume` receives the stack pointer for [`leave`].
#[unsafe(naked)]
unsafe extern "win64" fn call_thread(run: usize, context: usize, resume: *mut usize) {
    core::arch::naked_asm!(
        "push rbx", "push rbp", "push rdi", "push rsi",
        "push r12", "push r13", "push r14", "push r15",
        "sub rsp, 168",
        "movups [rsp], xmm6", "movups [rsp + 16], xmm7",
        "movups [rsp + 32], xmm8", "movups [rsp + 48], xmm9",
        "movups [rsp + 64], xmm10", "movups [rsp + 80], xmm11",
        "movups [rsp + 96], xmm12", "movups [rsp + 112], xmm13",
        "movups [rsp + 128], xmm14", "movups [rsp + 144], xmm15",
        "mov [r8], rsp",
        "mov rax, rcx",
        "mov rcx, rdx",
        "sub rsp, 32",
        "call rax",
        "add rsp, 32",
        "jmp {leave}",
        leave = sym leave,
    )
}

/// The end of [`call_thread`], entered with its stack pointer.
#[unsafe(naked)]
unsafe extern "win64" fn leave() {
    core::arch::naked_asm!(
        "movups xmm6, [rsp]",
        "movups xmm7, [rsp + 16]",
        "movups xmm8, [rsp + 32]",
        "movups xmm9, [rsp + 48]",
        "movups xmm10, [rsp + 64]",
        "movups xmm11, [rsp + 80]",
        "movups xmm12, [rsp + 96]",
        "movups xmm13, [rsp + 112]",
        "movups xmm14, [rsp + 128]",
        "movups xmm15, [rsp + 144]",
        "add rsp, 168",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rsi",
        "pop rdi",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// Back to the end of [`call_thread`], from wherever the thread is.
#[unsafe(naked)]
unsafe extern "win64" fn resume(sp: usize) -> ! {
    core::arch::naked_asm!("mov rsp, rcx", "jmp {leave}", leave = sym leave)
}

const THREAD: &str = "system thread's object";
const THREAD_TAG: u32 = u32::from_le_bytes(*b"Thre");

pub(super) extern "win64" fn ps_create_system_thread(
    handle: *mut usize,
    _access: u32,
    _attributes: usize,
    _process: usize,
    _client: usize,
    routine: usize,
    context: usize,
) -> i32 {
    if inject::fails(Kind::Memory) {
        return 0xC000_009A_u32.cast_signed();
    }
    let object = pool::allocate(24, THREAD_TAG, 0, THREAD);
    if object == 0 {
        return 0xC000_009A_u32.cast_signed();
    }
    wait::initialize(object, wait::THREAD, 0);
    // The handle, and the running thread.
    let thread = Thread {
        object,
        references: 2,
    };
    THREADS
        .lock()
        .get_or_insert_default()
        .insert(object, thread);
    RUNNING.fetch_add(1, Ordering::SeqCst);
    crate::thread::spawn("system", move || {
        enter::driver("a system thread", || {
            let mut place = 0;
            let pointer = &raw mut place;
            RESUME.set(pointer as usize);
            // SAFETY: the driver's routine; it returns or ends the thread through `ps_terminate_system_thread`, and
            // either way the stack is as it was.
            unsafe { call_thread(routine, context, pointer) };
        });
        wait::set(object, 1);
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        dereference(object);
    });
    // SAFETY: the caller's HANDLE. A handle is the object with bit 1 set, so that it is not taken for the object.
    unsafe { handle.write(object | 2) };
    0
}

/// System threads that have not ended.
pub fn threads() -> usize {
    RUNNING.load(Ordering::SeqCst)
}

fn dereference(object: usize) {
    let mut threads = THREADS.lock();
    let threads = threads.get_or_insert_default();
    let Some(thread) = threads.get_mut(&object) else {
        breach(
            Rule::Handle,
            format_args!("{object:#x} is no live object that is counted"),
        );
    };
    thread.references -= 1;
    if thread.references == 0 {
        let object = thread.object;
        threads.remove(&object);
        pool::release(object, THREAD_TAG);
    }
}

pub(super) extern "win64" fn ps_terminate_system_thread(_status: i32) -> i32 {
    let place = RESUME.get();
    if place == 0 {
        breach(
            Rule::State,
            "PsTerminateSystemThread on a thread that PsCreateSystemThread did not make",
        );
    }
    // SAFETY: the stack pointer that `call_thread` stored; its frame is alive below `enter::driver`.
    unsafe { resume((place as *const usize).read()) }
}

pub(super) extern "win64" fn ob_reference_object_by_handle(
    handle: usize,
    _access: u32,
    _kind: usize,
    _mode: i8,
    object: *mut *mut c_void,
    _information: usize,
) -> i32 {
    let key = handle & !2;
    let mut threads = THREADS.lock();
    let Some(thread) = threads.get_or_insert_default().get_mut(&key) else {
        return 0xC000_0008_u32.cast_signed(); // STATUS_INVALID_HANDLE
    };
    thread.references += 1;
    // SAFETY: the caller's pointer.
    unsafe { object.write(key as *mut c_void) };
    0
}

pub(super) extern "win64" fn obf_dereference_object(object: usize) -> isize {
    dereference(object);
    0
}

pub(super) extern "win64" fn zw_close(handle: usize) -> i32 {
    dereference(handle & !2);
    0
}
