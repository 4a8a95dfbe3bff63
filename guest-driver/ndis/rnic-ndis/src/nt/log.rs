//! What the driver says, for whoever reads it with a kernel debugger, DebugView or a crash dump.
//!
//! Component DPFLTR_IHVNETWORK_ID; errors are shown by default, the rest after
//! `ed nt!Kd_IHVNETWORK_Mask 0xf`, or with the registry value
//! `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Debug Print Filter\IHVNETWORK`.

use core::fmt::{self, Write};

use ndis_sys::nt::{
    DPFLTR_ERROR_LEVEL, DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, DPFLTR_TRACE_LEVEL,
    DPFLTR_WARNING_LEVEL,
};

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warning,
    /// A step of the adapter's life.
    Info,
    /// A request.
    Trace,
}

impl Level {
    const fn code(self) -> u32 {
        match self {
            Self::Error => DPFLTR_ERROR_LEVEL,
            Self::Warning => DPFLTR_WARNING_LEVEL,
            Self::Info => DPFLTR_TRACE_LEVEL,
            Self::Trace => DPFLTR_INFO_LEVEL,
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
            level.code(),
            c"%s".as_ptr().cast(),
            line.as_ptr(),
        );
    }
}

#[cfg(not(target_os = "windows"))]
fn emit(level: Level, _: &[u8; 256]) {
    let _ = (level.code(), DPFLTR_IHVNETWORK_ID);
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
