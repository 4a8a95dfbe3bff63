//! Dispatcher objects: events, timers and threads that can be waited for.
//!
//! An object is what lies in driver memory: type at 0, signal state at 4 (DISPATCHER_HEADER). One lock and one condition
//! serve all of them; waiting is rare in a driver.
//!
//! `unsafe`: the object lies in driver memory.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::breach::{Rule, breach, patience};
use crate::cpu;

/// KOBJECTS: what a dispatcher header says it is.
pub const NOTIFICATION_EVENT: u8 = 0;
/// As above.
pub const SYNCHRONIZATION_EVENT: u8 = 1;
/// As above.
pub const SEMAPHORE: u8 = 5;
/// As above.
pub const THREAD: u8 = 6;
/// As above.
pub const NOTIFICATION_TIMER: u8 = 8;
/// As above.
pub const SYNCHRONIZATION_TIMER: u8 = 9;

/// STATUS_SUCCESS and STATUS_TIMEOUT of waits.
const SUCCESS: i32 = 0;
const TIMEOUT: i32 = 0x102;

static LOCK: Mutex<()> = Mutex::new(());
static CHANGED: Condvar = Condvar::new();

fn state(object: usize) -> *mut i32 {
    (object + 4) as *mut i32
}

/// Makes an object.
pub fn initialize(object: usize, kind: u8, state_now: i32) {
    let _lock = LOCK.lock();
    // SAFETY: a DISPATCHER_HEADER in driver memory: 24 bytes.
    unsafe {
        (object as *mut [u64; 3]).write([0; 3]);
        (object as *mut u8).write(kind);
        state(object).write(state_now);
    }
}

/// Sets the signal state; gives the one before.
pub fn set(object: usize, value: i32) -> i32 {
    let _lock = LOCK.lock();
    // SAFETY: an initialized dispatcher object.
    let before = unsafe { state(object).replace(value) };
    CHANGED.notify_all();
    before
}

/// Adds to the signal state of a semaphore; gives the one before.
pub fn add(object: usize, value: i32) -> i32 {
    let _lock = LOCK.lock();
    // SAFETY: an initialized dispatcher object.
    let before = unsafe {
        let before = state(object).read();
        state(object).write(before + value);
        before
    };
    CHANGED.notify_all();
    before
}

/// The signal state.
pub fn read(object: usize) -> i32 {
    let _lock = LOCK.lock();
    // SAFETY: an initialized dispatcher object.
    unsafe { state(object).read() }
}

/// Waits; false after `limit`.
pub fn wait(object: usize, limit: Option<Duration>) -> bool {
    let start = Instant::now();
    let mut lock = LOCK.lock();
    loop {
        // SAFETY: an initialized dispatcher object; it must live until the wait ends.
        let (kind, signal) = unsafe { ((object as *const u8).read(), state(object).read()) };
        if signal > 0 {
            let after = match kind {
                SYNCHRONIZATION_EVENT | SYNCHRONIZATION_TIMER => 0,
                SEMAPHORE => signal - 1,
                NOTIFICATION_EVENT | NOTIFICATION_TIMER | THREAD => signal,
                other => breach(
                    Rule::Handle,
                    format_args!("{object:#x} is no object to wait for (type {other})"),
                ),
            };
            // SAFETY: as above.
            unsafe { state(object).write(after) };
            return true;
        }
        let left = limit.unwrap_or(patience()).checked_sub(start.elapsed());
        let timed_out = left.is_none_or(|left| CHANGED.wait_for(&mut lock, left).timed_out());
        if timed_out && start.elapsed() >= limit.unwrap_or(patience()) {
            if limit.is_none() {
                breach(
                    Rule::Hang,
                    format_args!("a wait for {object:#x} has not ended in time"),
                );
            }
            // The last look is at the top of the loop, unless no time was given at all.
            // SAFETY: as above.
            if unsafe { state(object).read() } <= 0 {
                return false;
            }
        }
    }
}

/// 100 ns units: negative is from now, positive since 1601. `None` without a limit.
pub fn limit(timeout: Option<i64>) -> Option<Duration> {
    let value = timeout?;
    let units = if value <= 0 {
        value.unsigned_abs()
    } else {
        u64::try_from(value - super::system::system_time()).unwrap_or(0)
    };
    Some(Duration::from_nanos(units.saturating_mul(100)))
}

/// Ends in a breach if this thread may not wait that long.
pub fn require_waitable(limit: Option<Duration>) {
    if cpu::irql() >= cpu::DISPATCH_LEVEL && limit != Some(Duration::ZERO) {
        breach(
            Rule::WaitIrql,
            format_args!("a wait of {limit:?} at IRQL {}", cpu::irql()),
        );
    }
}

pub(super) extern "win64" fn ke_wait_for_single_object(
    object: usize,
    _reason: i32,
    _mode: i8,
    _alertable: u8,
    timeout: *const i64,
) -> i32 {
    // SAFETY: null, or a LARGE_INTEGER of the caller.
    let limit = limit(unsafe { timeout.as_ref() }.copied());
    require_waitable(limit);
    if wait(object, limit) {
        SUCCESS
    } else {
        TIMEOUT
    }
}
