//! What every driver needs of the linker, and imports that rnic.sys does not use.

use ndis_sys::nt::*;

#[cfg(target_os = "windows")]
#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "win64" {
    pub fn KeAcquireSpinLockAtDpcLevel(lock: *mut KSPIN_LOCK);
    pub fn KeReleaseSpinLockFromDpcLevel(lock: *mut KSPIN_LOCK);
}

// What the compiler calls by name; ntoskrnl.exe exports them.
#[cfg(target_os = "windows")]
#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn memcpy();
    fn memmove();
    fn memset();
    fn memcmp();
    fn strlen();
    fn __chkstk();
}

/// Keeps the imports above, which only generated code refers to.
#[cfg(target_os = "windows")]
#[used]
static COMPILER_IMPORTS: [unsafe extern "C" fn(); 6] =
    [memcpy, memmove, memset, memcmp, strlen, __chkstk];

/// Named by the unwind data of a `core` that unwinds, as rustup's does; never called under panic=abort.
#[unsafe(no_mangle)]
extern "C" fn __CxxFrameHandler3() -> i32 {
    // SAFETY: stops the system.
    unsafe { KeBugCheckEx(0xBAD, 2, 0, 0, 0) }
}

// The code is built for control flow guard; the driver does without: both pointers lead straight to the target.
#[cfg(target_os = "windows")]
core::arch::global_asm!(
    ".globl __guard_nop_check",
    "__guard_nop_check:",
    "ret",
    ".globl __guard_nop_dispatch",
    "__guard_nop_dispatch:",
    "jmp rax",
);

#[cfg(target_os = "windows")]
unsafe extern "C" {
    fn __guard_nop_check();
    fn __guard_nop_dispatch();
}

/// Check function of control flow guard.
#[cfg(target_os = "windows")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".00cfg")]
pub static __guard_check_icall_fptr: unsafe extern "C" fn() = __guard_nop_check;

/// Dispatch function of control flow guard.
#[cfg(target_os = "windows")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".00cfg")]
pub static __guard_dispatch_icall_fptr: unsafe extern "C" fn() = __guard_nop_dispatch;
