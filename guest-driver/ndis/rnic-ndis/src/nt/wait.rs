//! Waiting, at PASSIVE_LEVEL only.

use core::cell::UnsafeCell;
use core::ptr;

use ndis_sys::ndis::NdisMSleep;
use ndis_sys::nt::*;

use super::{Passive, try_box};
use crate::nt::NoMemory;
use alloc::boxed::Box;

/// Sleeps.
pub fn sleep_us(_: &Passive, microseconds: u32) {
    // SAFETY: at PASSIVE_LEVEL.
    unsafe { NdisMSleep(microseconds) }
}

/// Nanoseconds since the machine started; never runs backwards.
#[must_use]
pub fn now_ns() -> u64 {
    let mut frequency = 0i64;
    // SAFETY: callable at any IRQL.
    let ticks = unsafe { KeQueryPerformanceCounter(&raw mut frequency) };
    scale(ticks, frequency)
}

fn scale(ticks: i64, frequency: i64) -> u64 {
    let (ticks, frequency) = (
        u128::from(ticks.unsigned_abs()),
        u128::from(frequency.unsigned_abs().max(1)),
    );
    u64::try_from(ticks * 1_000_000_000 / frequency).unwrap_or(u64::MAX)
}

/// Something that happens once and can be waited for (a notification event).
pub struct Event {
    event: Box<UnsafeCell<KEVENT>>,
}

// SAFETY: the kernel's functions on events are made for several threads.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// One that has not happened.
    pub fn try_new() -> Result<Self, NoMemory> {
        let event = try_box(UnsafeCell::new(KEVENT { Header: [0; 3] }))?;
        // SAFETY: the box is nonpaged memory that stays where it is.
        unsafe { KeInitializeEvent(event.get(), NOTIFICATION_EVENT, FALSE) };
        Ok(Self { event })
    }

    /// It has happened. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn set(&self) {
        // SAFETY: initialised.
        unsafe { KeSetEvent(self.event.get(), 0, FALSE) };
    }

    /// It has not happened yet, after all.
    pub fn clear(&self) {
        // SAFETY: initialised.
        unsafe { KeClearEvent(self.event.get()) };
    }

    /// Waits until it has happened.
    pub fn wait(&self, _: &Passive) {
        self.wait_for(ptr::null());
    }

    /// Waits at most so long; whether it happened.
    #[must_use]
    pub fn wait_ms(&self, _: &Passive, milliseconds: u32) -> bool {
        // Negative: from now, in units of 100 ns.
        let timeout = -i64::from(milliseconds) * 10_000;
        self.wait_for(&raw const timeout) == STATUS_SUCCESS
    }

    fn wait_for(&self, timeout: *const i64) -> NTSTATUS {
        // SAFETY: initialised; the callers proved PASSIVE_LEVEL.
        unsafe {
            KeWaitForSingleObject(
                self.event.get().cast(),
                EXECUTIVE,
                KERNEL_MODE,
                FALSE,
                timeout,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::scale;

    #[test]
    fn ticks_become_nanoseconds_without_overflow() {
        assert_eq!(scale(10_000_000, 10_000_000), 1_000_000_000);
        assert_eq!(scale(i64::MAX, 10_000_000), u64::MAX);
        assert_eq!(scale(1, 0), 1_000_000_000);
    }
}
