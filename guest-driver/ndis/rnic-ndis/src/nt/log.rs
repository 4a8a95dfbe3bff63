//! What the driver says, for whoever reads it with a kernel debugger, DebugView or a crash dump.
//!
//! Component DPFLTR_IHVNETWORK_ID. Windows shows errors without being asked. The rest it shows when keyword `LogLevel` of an
//! adapter asks for it ([`Shown`]), after `ed nt!Kd_IHVNETWORK_Mask 0xf`, or with the registry value
//! `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Debug Print Filter\IHVNETWORK`.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};

use ndis_sys::nt::{
    DPFLTR_ERROR_LEVEL, DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, DPFLTR_TRACE_LEVEL,
    DPFLTR_WARNING_LEVEL,
};

/// How important a message is. The numbers are those of keyword `LogLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error = 0,
    /// Something is not as it should be.
    Warning = 1,
    /// A step of the adapter's life.
    Info = 2,
    /// A request.
    Trace = 3,
}

/// Adapters that ask for each level and those below it; errors need no asking.
static ASKED: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

impl Level {
    const fn code(self) -> u32 {
        match self {
            Self::Error => DPFLTR_ERROR_LEVEL,
            Self::Warning => DPFLTR_WARNING_LEVEL,
            Self::Info => DPFLTR_TRACE_LEVEL,
            Self::Trace => DPFLTR_INFO_LEVEL,
        }
    }

    /// The level that Windows is told: an error's, which its filter lets through, if an adapter asks for this one.
    fn told(self) -> u32 {
        let from = (self as usize).saturating_sub(1);
        let asked = ASKED[from..].iter();
        if asked
            .map(|count| count.load(Ordering::Relaxed))
            .any(|n| n > 0)
        {
            return DPFLTR_ERROR_LEVEL;
        }
        self.code()
    }
}

/// An adapter that runs, and asks that messages up to a level be shown whatever Windows' filter says. With several adapters
/// the one that asks for most decides: most messages are not of one adapter.
#[derive(Debug)]
pub struct Shown(u32);

impl Shown {
    /// `level`: the value of keyword `LogLevel`; 0, errors alone, asks for nothing.
    #[must_use]
    pub fn up_to(level: u32) -> Self {
        let shown = Self(level);
        if let Some(count) = shown.count() {
            count.fetch_add(1, Ordering::Relaxed);
        }
        shown
    }

    fn count(&self) -> Option<&'static AtomicU32> {
        ASKED.get((self.0 as usize).checked_sub(1)?)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(count) = self.count() {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A line of at most 255 bytes, NUL at its end; what is longer is cut.
struct Line {
    bytes: [u8; 256],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (to, from) in self
            .bytes
            .iter_mut()
            .take(255)
            .skip(self.used)
            .zip(text.bytes())
        {
            *to = from;
            self.used += 1;
        }
        Ok(())
    }
}

/// Prints one line. Use [`crate::error!`] and its siblings.
pub fn print(level: Level, text: fmt::Arguments<'_>) {
    let mut line = Line {
        bytes: [0; 256],
        used: 0,
    };
    // Never fails: what does not fit is cut.
    let _ = writeln!(line, "rnic: {text}");
    emit(level, &line.bytes);
}

#[cfg(target_os = "windows")]
fn emit(level: Level, line: &[u8; 256]) {
    // SAFETY: both are strings that end with NUL; the format has one argument.
    unsafe {
        ndis_sys::nt::DbgPrintEx(
            DPFLTR_IHVNETWORK_ID,
            level.told(),
            c"%s".as_ptr().cast(),
            line.as_ptr(),
        );
    }
}

#[cfg(not(target_os = "windows"))]
fn emit(level: Level, _: &[u8; 256]) {
    let _ = (level.told(), DPFLTR_IHVNETWORK_ID);
}

/// Something failed.
#[macro_export]
macro_rules! error {
    ($($arg:tt)*) => { $crate::nt::log::print($crate::nt::log::Level::Error, format_args!($($arg)*)) };
}

/// Something is not as it should be.
#[macro_export]
macro_rules! warning {
    ($($arg:tt)*) => { $crate::nt::log::print($crate::nt::log::Level::Warning, format_args!($($arg)*)) };
}

/// A step of the adapter's life.
#[macro_export]
macro_rules! info {
    ($($arg:tt)*) => { $crate::nt::log::print($crate::nt::log::Level::Info, format_args!($($arg)*)) };
}

/// A request.
#[macro_export]
macro_rules! trace {
    ($($arg:tt)*) => { $crate::nt::log::print($crate::nt::log::Level::Trace, format_args!($($arg)*)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one test that asks: the counts are the driver's, not an adapter's.
    #[test]
    fn the_adapter_that_asks_for_most_decides() {
        let told = |level: Level| level.told() == DPFLTR_ERROR_LEVEL;
        let all = [Level::Error, Level::Warning, Level::Info, Level::Trace];
        assert_eq!(all.map(told), [true, false, false, false]);
        let quiet = Shown::up_to(0);
        let steps = Shown::up_to(2);
        assert_eq!(all.map(told), [true, true, true, false]);
        let requests = Shown::up_to(3);
        assert_eq!(all.map(told), [true; 4]);
        drop(requests);
        drop(quiet);
        assert_eq!(all.map(told), [true, true, true, false]);
        drop(steps);
        assert_eq!(Level::Trace.told(), DPFLTR_INFO_LEVEL);
        assert_eq!(Level::Info.told(), DPFLTR_TRACE_LEVEL);
        assert_eq!(Level::Warning.told(), DPFLTR_WARNING_LEVEL);
    }

    #[test]
    fn long_lines_are_cut_and_end_with_nul() {
        let mut line = Line {
            bytes: [0; 256],
            used: 0,
        };
        for _ in 0..100 {
            let _ = write!(line, "abcdef");
        }
        assert_eq!(line.used, 255);
        assert_eq!(line.bytes[254], b'c');
        assert_eq!(line.bytes[255], 0);
    }
}
