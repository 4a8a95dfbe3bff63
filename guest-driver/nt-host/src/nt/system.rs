//! Processors, IRQL, clocks, version, bug checks.
//!
//! `unsafe`: results are written where the driver says.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::wait;
use crate::breach::{Rule, breach};
use crate::cpu::{self, CPUS};

/// Units of 100 ns between 1601 and 1970.
const EPOCH: i64 = 116_444_736_000_000_000;

/// System time: 100 ns since 1601.
pub fn system_time() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    EPOCH + i64::try_from(since.as_nanos() / 100).unwrap_or(0)
}

/// How much faster the driver's clocks run than ours.
static SPEED: AtomicU32 = AtomicU32::new(1);

/// Lets the driver's time run so many times as fast: it gives up sooner, and sleeps shorter. For runs in which it has
/// to give up.
pub fn set_speed(times: u32) {
    SPEED.store(times.max(1), Ordering::Relaxed);
}

/// Our time for a span of the driver's.
pub fn ours(span: Duration) -> Duration {
    span / SPEED.load(Ordering::Relaxed)
}

fn start() -> Instant {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *START.get_or_init(Instant::now)
}

pub(super) extern "win64" fn ke_get_current_irql() -> u8 {
    cpu::irql()
}

pub(super) extern "win64" fn kf_raise_irql(irql: u8) -> u8 {
    cpu::raise(irql)
}

pub(super) extern "win64" fn ke_lower_irql(irql: u8) {
    cpu::lower(irql);
}

pub(super) extern "win64" fn ke_bug_check_ex(code: u32, a: usize, b: usize, c: usize, d: usize) {
    breach(
        Rule::BugCheck,
        format_args!("KeBugCheckEx({code:#x}, {a:#x}, {b:#x}, {c:#x}, {d:#x})"),
    );
}

fn write_number(to: *mut u8, number: usize) {
    if !to.is_null() {
        // SAFETY: a PROCESSOR_NUMBER of the driver: group u16, number u8, reserved u8.
        unsafe {
            to.cast::<u16>().write(0);
            to.add(2).write(number as u8);
            to.add(3).write(0);
        }
    }
}

pub(super) extern "win64" fn ke_get_current_processor_number_ex(number: *mut u8) -> u32 {
    write_number(number, cpu::number());
    cpu::number() as u32
}

pub(super) extern "win64" fn ke_query_active_processor_count_ex(_group: u16) -> u32 {
    CPUS as u32
}

pub(super) extern "win64" fn ke_query_active_processor_count(mask: *mut usize) -> u32 {
    if !mask.is_null() {
        // SAFETY: the driver's KAFFINITY.
        unsafe { mask.write((1 << CPUS) - 1) };
    }
    CPUS as u32
}

pub(super) extern "win64" fn ke_get_processor_index_from_number(number: *const u8) -> u32 {
    // SAFETY: a PROCESSOR_NUMBER of the driver.
    let (group, number) = unsafe { (number.cast::<u16>().read(), *number.add(2)) };
    if group == 0 && usize::from(number) < CPUS {
        number.into()
    } else {
        u32::MAX
    }
}

pub(super) extern "win64" fn ke_get_processor_number_from_index(
    index: u32,
    number: *mut u8,
) -> i32 {
    if index as usize >= CPUS {
        return 0xC000_000D_u32.cast_signed();
    }
    write_number(number, index as usize);
    0
}

pub(super) extern "win64" fn ke_query_performance_counter(frequency: *mut i64) -> i64 {
    if !frequency.is_null() {
        // SAFETY: the driver's LARGE_INTEGER.
        unsafe { frequency.write(10_000_000) };
    }
    let elapsed = start().elapsed() * SPEED.load(Ordering::Relaxed);
    i64::try_from(elapsed.as_nanos() / 100).unwrap_or(0)
}

pub(super) extern "win64" fn ke_query_system_time_precise(time: *mut i64) {
    // SAFETY: the driver's LARGE_INTEGER.
    unsafe { time.write(system_time()) };
}

pub(super) extern "win64" fn ke_query_interrupt_time() -> u64 {
    u64::try_from(start().elapsed().as_nanos() / 100).unwrap_or(0)
}

pub(super) extern "win64" fn ke_stall_execution_processor(microseconds: u32) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(microseconds.into()) {
        std::hint::spin_loop();
    }
}

pub(super) extern "win64" fn ke_delay_execution_thread(
    _mode: i8,
    _alertable: u8,
    interval: *const i64,
) -> i32 {
    // SAFETY: the driver's LARGE_INTEGER.
    let limit = wait::limit(unsafe { interval.as_ref() }.copied());
    wait::require_waitable(limit);
    std::thread::sleep(limit.unwrap_or_default());
    0
}

/// RTL_OSVERSIONINFOW: size, major, minor, build, platform.
pub(super) extern "win64" fn rtl_get_version(to: *mut u32) -> i32 {
    // SAFETY: the driver's structure.
    unsafe {
        to.add(1).write(10);
        to.add(2).write(0);
        to.add(3).write(20348);
        to.add(4).write(2);
    }
    0
}

pub(super) extern "win64" fn io_get_current_process() -> usize {
    8
}
