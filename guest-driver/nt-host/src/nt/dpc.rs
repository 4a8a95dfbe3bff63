//! DPCs and timers of the driver's own (KDPC, KTIMER), and the clock that fires them.
//!
//! `unsafe`: they lie in driver memory, and hold a function of the driver.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ops::Range;
use std::time::{Duration, Instant};

use ndis_sys::nt::{KDPC, KTIMER};
use parking_lot::{Condvar, Mutex};

use super::system::ours;
use super::wait;
use crate::breach::{Rule, breach};
use crate::cpu::{self, Dpc};
use crate::enter;

type Routine = unsafe extern "win64" fn(*mut KDPC, *mut c_void, *mut c_void, *mut c_void);

pub(super) extern "win64" fn ke_initialize_dpc(
    dpc: *mut KDPC,
    routine: Routine,
    context: *mut c_void,
) {
    // SAFETY: a KDPC of the driver.
    unsafe {
        dpc.write(std::mem::zeroed());
        (*dpc).DeferredRoutine = Some(routine);
        (*dpc).DeferredContext = context;
    }
}

pub(super) extern "win64" fn ke_set_target_processor_dpc(dpc: *mut KDPC, number: i8) {
    // SAFETY: a KDPC of the driver.
    unsafe { (*dpc).TargetInfoAsUlong = 1 + number as u32 };
}

/// `number`: PROCESSOR_NUMBER, its number at 2.
pub(super) extern "win64" fn ke_set_target_processor_dpc_ex(
    dpc: *mut KDPC,
    number: *const u8,
) -> i32 {
    // SAFETY: a KDPC of the driver and its PROCESSOR_NUMBER.
    unsafe { (*dpc).TargetInfoAsUlong = 1 + u32::from(*number.add(2)) };
    0
}

static QUEUED: Mutex<()> = Mutex::new(());

/// Queues a KDPC; false if it is queued already.
fn insert(dpc: *mut KDPC, arg1: usize, arg2: usize) -> bool {
    let key = dpc as usize;
    let _lock = QUEUED.lock();
    // SAFETY: an initialized KDPC of the driver; DpcData says whether it is queued.
    let (target, routine) = unsafe {
        if !(*dpc).DpcData.is_null() {
            return false;
        }
        (*dpc).DpcData = dpc.cast();
        (*dpc).SystemArgument1 = arg1 as *mut c_void;
        (*dpc).SystemArgument2 = arg2 as *mut c_void;
        ((*dpc).TargetInfoAsUlong, (*dpc).DeferredRoutine)
    };
    if routine.is_none() {
        breach(Rule::Handle, format_args!("{key:#x} is no initialized DPC"));
    }
    let cpu = if target == 0 {
        cpu::number()
    } else {
        target as usize - 1
    };
    let run = Box::new(move || {
        let dpc = key as *mut KDPC;
        let lock = QUEUED.lock();
        // SAFETY: a KDPC lives while it is queued.
        let (routine, context, arg1, arg2) = unsafe {
            (*dpc).DpcData = std::ptr::null_mut();
            let dpc = &*dpc;
            (
                dpc.DeferredRoutine,
                dpc.DeferredContext,
                dpc.SystemArgument1,
                dpc.SystemArgument2,
            )
        };
        drop(lock);
        if let Some(routine) = routine {
            // SAFETY: the driver's routine, at DISPATCH_LEVEL, with what it asked for.
            enter::driver("a DPC", || unsafe { routine(dpc, context, arg1, arg2) });
        }
    });
    cpu::queue_dpc(cpu, Dpc { key, run });
    true
}

pub(super) extern "win64" fn ke_insert_queue_dpc(dpc: *mut KDPC, arg1: usize, arg2: usize) -> u8 {
    u8::from(insert(dpc, arg1, arg2))
}

pub(super) extern "win64" fn ke_remove_queue_dpc(dpc: *mut KDPC) -> u8 {
    let _lock = QUEUED.lock();
    let removed = cpu::remove_dpc(dpc as usize);
    if removed {
        // SAFETY: a KDPC of the driver.
        unsafe { (*dpc).DpcData = std::ptr::null_mut() };
    }
    u8::from(removed)
}

pub(super) extern "win64" fn ke_flush_queued_dpcs() {
    cpu::flush_dpcs();
}

// ---- timers ----------------------------------------------------------------

/// What fires.
struct Due {
    key: usize,
    period: Option<Duration>,
    run: std::sync::Arc<dyn Fn() + Send + Sync>,
}

static TIMERS: Mutex<BTreeMap<(Instant, u64), Due>> = Mutex::new(BTreeMap::new());
static SOONER: Condvar = Condvar::new();

/// Sets a timer; `key` identifies it. One that is set is replaced. True if it was set before.
pub fn set_timer(
    key: usize,
    after: Duration,
    period: Option<Duration>,
    run: impl Fn() + Send + Sync + 'static,
) -> bool {
    start();
    let before = cancel_timer(key);
    let due = Due {
        key,
        period: period.map(ours),
        run: std::sync::Arc::new(run),
    };
    insert_timer(&mut TIMERS.lock(), Instant::now() + ours(after), due);
    SOONER.notify_all();
    before
}

fn insert_timer(timers: &mut BTreeMap<(Instant, u64), Due>, at: Instant, due: Due) {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    timers.insert((at, number), due);
}

/// Takes a timer back. True if it was set.
pub fn cancel_timer(key: usize) -> bool {
    let mut timers = TIMERS.lock();
    let before = timers.len();
    timers.retain(|_, due| due.key != key);
    before != timers.len()
}

/// Timers that are set.
pub fn timers_set() -> usize {
    TIMERS.lock().len()
}

fn start() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        crate::thread::spawn("clock", || {
            let mut timers = TIMERS.lock();
            loop {
                let Some((&(at, number), _)) = timers.first_key_value() else {
                    SOONER.wait(&mut timers);
                    continue;
                };
                let now = Instant::now();
                if at > now {
                    SOONER.wait_for(&mut timers, at - now);
                    continue;
                }
                let Some(due) = timers.remove(&(at, number)) else {
                    continue;
                };
                let run = due.run.clone();
                if let Some(period) = due.period {
                    insert_timer(&mut timers, at + period, due);
                }
                // With the lock held: a timer that was taken back has queued what it queues, or never will.
                run();
            }
        });
    });
}

pub(super) extern "win64" fn ke_initialize_timer_ex(timer: *mut KTIMER, kind: i32) {
    // SAFETY: a KTIMER of the driver.
    unsafe { timer.write(std::mem::zeroed()) };
    wait::initialize(
        timer as usize,
        wait::NOTIFICATION_TIMER + (kind as u8 & 1),
        0,
    );
}

pub(super) extern "win64" fn ke_initialize_timer(timer: *mut KTIMER) {
    ke_initialize_timer_ex(timer, 0);
}

pub(super) extern "win64" fn ke_set_timer_ex(
    timer: *mut KTIMER,
    due: i64,
    period: i32,
    dpc: *mut KDPC,
) -> u8 {
    let key = timer as usize;
    let after = wait::limit(Some(due)).unwrap_or_default();
    let period = (period > 0).then(|| Duration::from_millis(period as u64));
    wait::set(key, 0);
    let dpc = dpc as usize;
    let before = set_timer(key, after, period, move || {
        wait::set(key, 1);
        if dpc != 0 {
            insert(dpc as *mut KDPC, 0, 0);
        }
    });
    u8::from(before)
}

pub(super) extern "win64" fn ke_set_timer(timer: *mut KTIMER, due: i64, dpc: *mut KDPC) -> u8 {
    ke_set_timer_ex(timer, due, 0, dpc)
}

pub(super) extern "win64" fn ke_cancel_timer(timer: *mut KTIMER) -> u8 {
    u8::from(cancel_timer(timer as usize))
}

/// Memory is freed: a timer or DPC in it that is still set or queued is a breach.
pub fn forget(range: Range<usize>) {
    let timers = TIMERS.lock();
    if let Some(due) = timers.values().find(|due| range.contains(&due.key)) {
        breach(
            Rule::DpcLive,
            format_args!(
                "the memory of timer {:#x} is freed while it is set",
                due.key
            ),
        );
    }
    drop(timers);
    if let Some(key) = cpu::dpc_in(&range) {
        breach(
            Rule::DpcLive,
            format_args!("the memory of DPC {key:#x} is freed while it is queued"),
        );
    }
}
