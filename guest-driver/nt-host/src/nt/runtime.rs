//! C run time and Rtl functions: leaves that the compiler calls, at any IRQL.
//!
//! `unsafe`: memory of the driver.

use std::ffi::{c_char, c_void};

pub(super) unsafe extern "win64" fn memcpy(
    to: *mut c_void,
    from: *const c_void,
    n: usize,
) -> *mut c_void {
    // SAFETY: as the driver promises.
    unsafe { libc::memcpy(to, from, n) }
}

pub(super) unsafe extern "win64" fn memmove(
    to: *mut c_void,
    from: *const c_void,
    n: usize,
) -> *mut c_void {
    // SAFETY: as the driver promises.
    unsafe { libc::memmove(to, from, n) }
}

pub(super) unsafe extern "win64" fn memset(to: *mut c_void, byte: i32, n: usize) -> *mut c_void {
    // SAFETY: as the driver promises.
    unsafe { libc::memset(to, byte, n) }
}

pub(super) unsafe extern "win64" fn memcmp(a: *const c_void, b: *const c_void, n: usize) -> i32 {
    // SAFETY: as the driver promises.
    unsafe { libc::memcmp(a, b, n) }
}

pub(super) unsafe extern "win64" fn strlen(text: *const c_char) -> usize {
    // SAFETY: as the driver promises.
    unsafe { libc::strlen(text) }
}

/// Touches each page of a frame of RAX bytes; every register but R10 and R11 survives.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn chkstk() {
    core::arch::naked_asm!(
        "push rcx",
        "push rax",
        "lea rcx, [rsp + 24]",
        "2:",
        "cmp rax, 4096",
        "jb 3f",
        "sub rcx, 4096",
        "test [rcx], cl",
        "sub rax, 4096",
        "jmp 2b",
        "3:",
        "sub rcx, rax",
        "test [rcx], cl",
        "pop rax",
        "pop rcx",
        "ret",
    )
}

/// UNICODE_STRING: length and capacity in bytes, buffer at 8.
pub(super) extern "win64" fn rtl_init_unicode_string(to: *mut u8, from: *const u16) {
    // SAFETY: a UNICODE_STRING and a zero-terminated string of the driver.
    unsafe {
        let mut len = 0;
        while !from.is_null() && *from.add(len) != 0 {
            len += 1;
        }
        to.cast::<u16>().write((len * 2) as u16);
        let capacity = if from.is_null() { 0 } else { len * 2 + 2 };
        to.add(2).cast::<u16>().write(capacity as u16);
        to.add(8).cast::<*const u16>().write(from);
    }
}

pub(super) extern "win64" fn rtl_compare_memory(a: *const u8, b: *const u8, n: usize) -> usize {
    // SAFETY: as the driver promises.
    (0..n)
        .find(|i| unsafe { *a.add(*i) != *b.add(*i) })
        .unwrap_or(n)
}
