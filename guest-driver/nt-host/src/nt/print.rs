//! DbgPrint and its relatives: formatted like the kernel's, to this process's standard error, or kept for a test.
//!
//! `unsafe`: format strings and arguments of the driver.

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

static QUIET: AtomicBool = AtomicBool::new(false);
/// Level and text.
static KEPT: Mutex<Vec<(u32, String)>> = Mutex::new(Vec::new());
/// DPFLTR_INFO_LEVEL: what DbgPrint uses.
const INFO: u32 = 3;
/// Lines that are kept.
const KEEP: usize = 2000;

/// Whether lines go to standard error as well.
pub fn quiet(on: bool) {
    QUIET.store(on, Ordering::Relaxed);
}

/// Forgets what the driver printed.
pub fn forget() {
    KEPT.lock().clear();
}

/// The last lines that the driver printed, of every level.
pub fn lines() -> Vec<String> {
    lines_shown(u32::MAX)
}

/// Those of them that Windows shows with this mask of the component (Kd_..._Mask, or the registry's Debug Print Filter):
/// bit n lets level n through.
pub fn lines_shown(mask: u32) -> Vec<String> {
    let kept = KEPT.lock();
    let shown = kept.iter().filter(|(level, _)| match level {
        0..32 => mask >> level & 1 != 0,
        bits => mask & bits != 0,
    });
    shown.map(|(_, line)| line.clone()).collect()
}

fn print(level: u32, text: &str) {
    let line = text.trim_end();
    if !QUIET.load(Ordering::Relaxed) {
        eprintln!("[driver] {line}");
    }
    let mut kept = KEPT.lock();
    if kept.len() >= KEEP {
        kept.drain(..KEEP / 2);
    }
    kept.push((level, line.to_owned()));
}

/// # Safety
/// `format` is a C string, `next` gives its arguments.
unsafe fn formatted(format: *const c_char, mut next: impl FnMut() -> u64) -> String {
    // SAFETY: given by the caller.
    let format = unsafe { CStr::from_ptr(format) }.to_bytes();
    let mut out = String::new();
    let mut at = 0;
    while let Some(&byte) = format.get(at) {
        at += 1;
        if byte != b'%' {
            out.push(byte as char);
            continue;
        }
        let first = at;
        let is_modifier = |b: &u8| {
            !b.is_ascii_alphabetic() && *b != b'%' || matches!(b, b'l' | b'h' | b'I' | b'w' | b'z')
        };
        while format.get(at).is_some_and(is_modifier) {
            at += 1;
        }
        let modifiers = String::from_utf8_lossy(&format[first..at]).into_owned();
        let long = modifiers.contains("ll") || modifiers.contains("I64") || modifiers.contains('z');
        let flags = modifiers.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let flags = flags.split('I').next().unwrap_or_default();
        let (flags, precision) = flags.split_once('.').unwrap_or((flags, ""));
        // "*" takes the width or precision from the arguments.
        let width = if flags.contains('*') {
            next() as usize
        } else {
            flags
                .trim_start_matches(['0', '-', '+', '#', ' '])
                .parse()
                .unwrap_or(0)
        };
        let precision = if precision == "*" {
            Some(next() as u32 as usize)
        } else {
            precision.parse().ok()
        };
        let zero = flags.starts_with('0');
        let kind = format.get(at).copied().unwrap_or(b'%');
        at += 1;
        let text = match kind {
            b'%' => "%".into(),
            b's' => {
                let pointer = next() as *const c_char;
                if pointer.is_null() {
                    "(null)".into()
                } else {
                    // SAFETY: a string of the driver, of `precision` bytes at most if there is one.
                    let bytes = unsafe {
                        match precision {
                            Some(max) => {
                                let len = (0..max).find(|i| *pointer.add(*i) == 0).unwrap_or(max);
                                std::slice::from_raw_parts(pointer.cast::<u8>(), len)
                            }
                            None => CStr::from_ptr(pointer).to_bytes(),
                        }
                    };
                    String::from_utf8_lossy(bytes).into_owned()
                }
            }
            b'c' => char::from(next() as u8).to_string(),
            b'p' => format!("{:016x}", next()),
            b'x' | b'X' => format!(
                "{:x}",
                if long {
                    next()
                } else {
                    u64::from(next() as u32)
                }
            ),
            b'u' => format!(
                "{}",
                if long {
                    next()
                } else {
                    u64::from(next() as u32)
                }
            ),
            b'd' | b'i' => format!(
                "{}",
                if long {
                    next() as i64
                } else {
                    i64::from(next() as i32)
                }
            ),
            other => format!("%{modifiers}{}", other as char),
        };
        let padding = width.saturating_sub(text.len());
        out.extend(std::iter::repeat_n(if zero { '0' } else { ' ' }, padding));
        out += &text;
    }
    out
}

fn list(args: [u64; 10]) -> impl FnMut() -> u64 {
    let mut args = args.into_iter();
    move || args.next().unwrap_or(0)
}

/// Variadic on Windows, where further arguments are passed as fixed ones would be.
pub(super) extern "win64" fn dbg_print(
    format: *const c_char,
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    e: u64,
    f: u64,
    g: u64,
    h: u64,
    i: u64,
    j: u64,
) -> u32 {
    // SAFETY: the driver's format; it takes as many arguments as it names.
    let text = unsafe { formatted(format, list([a, b, c, d, e, f, g, h, i, j])) };
    print(INFO, &text);
    0
}

pub(super) extern "win64" fn dbg_print_ex(
    _component: u32,
    level: u32,
    format: *const c_char,
    a: u64,
    b: u64,
    c: u64,
    d: u64,
    e: u64,
    f: u64,
    g: u64,
    h: u64,
    i: u64,
    j: u64,
) -> u32 {
    // SAFETY: as above.
    let text = unsafe { formatted(format, list([a, b, c, d, e, f, g, h, i, j])) };
    print(level, &text);
    0
}

pub(super) extern "win64" fn v_dbg_print_ex_with_prefix(
    prefix: *const c_char,
    _component: u32,
    level: u32,
    format: *const c_char,
    arguments: *const c_void,
) -> u32 {
    let mut at = arguments.cast::<u64>();
    // SAFETY: a va_list on x64 is a pointer to 8-byte slots, as many as the format names.
    let next = || unsafe {
        let value = at.read();
        at = at.add(1);
        value
    };
    // SAFETY: C strings of the driver.
    let text =
        unsafe { CStr::from_ptr(prefix).to_string_lossy().into_owned() + &formatted(format, next) };
    print(level, &text);
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_the_kernel_does() {
        let text = c"port";
        let args = [
            0x1F,
            5,
            u64::MAX,
            text.as_ptr() as u64,
            7,
            3,
            text.as_ptr() as u64,
            0,
            0,
            0,
        ];
        let format = c"%08x %u %lld [%s] %d%% %.*s";
        // SAFETY: the arguments fit the format.
        let out = unsafe { formatted(format.as_ptr(), list(args)) };
        assert_eq!(out, "0000001f 5 -1 [port] 7% por");
    }
}
