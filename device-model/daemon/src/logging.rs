//! Logs, with a limit for each device: a guest can make its device complain as often as it likes.
//!
//! While a thread works for a device ([`of_device`]), what it logs carries the device's number
//! and is counted against the device's allowance: [`BURST`] records, and one more every
//! [`REFILL`]. What is left out is counted and the count is logged with the next record.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, Log, Metadata, Record};

/// Records that a device may log at once.
pub const BURST: u32 = 50;
/// Time in which a device earns one more.
pub const REFILL: Duration = Duration::from_millis(200);

thread_local! {
    static DEVICE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// While it lives, this thread works for a device.
#[must_use]
pub struct OfDevice(Option<u32>);

/// Marks this thread as working for a device.
pub fn of_device(index: u32) -> OfDevice {
    OfDevice(DEVICE.replace(Some(index)))
}

impl Drop for OfDevice {
    fn drop(&mut self) {
        DEVICE.set(self.0);
    }
}

/// An allowance that refills with time.
#[derive(Debug)]
struct Allowance {
    left: u32,
    refilled: Instant,
    suppressed: u64,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            refilled: now,
            suppressed: 0,
        }
    }

    /// Whether one more may be logged, and how many were left out before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
        while self.left < BURST && now.saturating_duration_since(self.refilled) >= REFILL {
            self.left += 1;
            self.refilled += REFILL;
        }
        if self.left == BURST {
            self.refilled = now;
        }
        if self.left == 0 {
            self.suppressed += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

struct Limited {
    inner: env_logger::Logger,
    devices: Mutex<HashMap<u32, Allowance>>,
}

impl Limited {
    fn say(&self, level: Level, of: &Record<'_>, text: std::fmt::Arguments<'_>) {
        let mut builder = Record::builder();
        builder.level(level).target(of.target());
        self.inner.log(&builder.args(text).build());
    }
}

impl Log for Limited {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.inner.matches(record) {
            return;
        }
        let Some(device) = DEVICE.get() else {
            self.inner.log(record);
            return;
        };
        let now = Instant::now();
        let taken = {
            let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
            let allowance = devices.entry(device).or_insert_with(|| Allowance::new(now));
            allowance.take(now)
        };
        let Some(suppressed) = taken else {
            return;
        };
        if suppressed > 0 {
            self.say(
                Level::Warn,
                record,
                format_args!("device {device}: {suppressed} messages were left out"),
            );
        }
        let text = record.args();
        self.say(
            record.level(),
            record,
            format_args!("device {device}: {text}"),
        );
    }

    fn flush(&self) {
        self.inner.flush();
    }
}

/// Starts logging to the standard error.
///
/// # Errors
/// If logging was started before.
pub fn start(verbose: u8) -> anyhow::Result<()> {
    let default = match verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    let environment = env_logger::Env::default().default_filter_or(default);
    let inner = env_logger::Builder::from_env(environment).build();
    log::set_max_level(inner.filter());
    log::set_boxed_logger(Box::new(Limited {
        inner,
        devices: Mutex::default(),
    }))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted_and_time_gives_back() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let passed = (0..1000)
            .filter(|_| allowance.take(start).is_some())
            .count();
        assert_eq!(passed, BURST as usize);
        assert_eq!(
            allowance.take(start + REFILL),
            Some(1000 - u64::from(BURST))
        );
        assert_eq!(allowance.take(start + REFILL), None);
        let much_later = start + REFILL * 10_000;
        let passed = (0..1000)
            .filter(|_| allowance.take(much_later).is_some())
            .count();
        assert_eq!(passed, BURST as usize);
    }

    #[test]
    fn the_mark_of_a_device_nests() {
        assert_eq!(DEVICE.get(), None);
        let outer = of_device(1);
        {
            let _inner = of_device(2);
            assert_eq!(DEVICE.get(), Some(2));
        }
        assert_eq!(DEVICE.get(), Some(1));
        drop(outer);
        assert_eq!(DEVICE.get(), None);
    }
}
