//! Entry point, allocator, panic handler, and what the WDK's libraries would bring otherwise.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::global_asm;
use core::panic::PanicInfo;

use ndis_sys::nt::{
    DRIVER_OBJECT, ExAllocatePoolWithTag, ExFreePoolWithTag, KeBugCheckEx, NON_PAGED_POOL_NX,
    NTSTATUS, UNICODE_STRING,
};
use rnic_ndis::{BUGCHECK, POOL_TAG};

/// Windows starts here.
///
/// # Safety
/// Called by Windows, once, at PASSIVE_LEVEL.
#[unsafe(no_mangle)]
#[unsafe(link_section = "INIT")]
pub unsafe extern "win64" fn DriverEntry(
    driver: *mut DRIVER_OBJECT,
    registry_path: *const UNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: passed on as it came.
    unsafe { rnic_ndis::driver_entry(driver, registry_path) }
}

/// Nonpaged pool. Blocks are aligned to 16 bytes, those of a page or more to a page.
struct Pool;

// SAFETY: blocks come from and go to the pool under one tag; larger alignments are refused.
unsafe impl GlobalAlloc for Pool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > 16 {
            return core::ptr::null_mut();
        }
        // ExAllocatePool2 would need Windows 10 version 2004.
        // SAFETY: callable at IRQL <= DISPATCH_LEVEL, where this driver allocates.
        unsafe { ExAllocatePoolWithTag(NON_PAGED_POOL_NX, layout.size(), POOL_TAG).cast() }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the block came from `alloc`.
        unsafe { ExFreePoolWithTag(block.cast(), POOL_TAG) }
    }
}

#[global_allocator]
static POOL: Pool = Pool;

/// A bug of the driver. The parameters are 1, the line, and the file name's address and length.
#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let (line, file) = info
        .location()
        .map_or((0, ""), |place| (place.line(), place.file()));
    // SAFETY: ends everything.
    unsafe {
        KeBugCheckEx(
            BUGCHECK,
            1,
            line as usize,
            file.as_ptr() as usize,
            file.len(),
        )
    }
}

/// Referenced by code that uses floating point.
#[unsafe(no_mangle)]
pub static _fltused: i32 = 0x9875;

/// Named by the unwind data of a `core` and `alloc` that unwind, as rustup's do; never called under panic=abort.
#[unsafe(no_mangle)]
extern "C" fn __CxxFrameHandler3() -> i32 {
    // SAFETY: ends everything.
    unsafe { KeBugCheckEx(BUGCHECK, 2, 0, 0, 0) }
}

// What the compiler calls by name; ntoskrnl.exe exports them.
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
#[used]
static COMPILER_IMPORTS: [unsafe extern "C" fn(); 6] =
    [memcpy, memmove, memset, memcmp, strlen, __chkstk];

// Control flow guard. Windows replaces the two pointers; without its support both lead straight to the target.
global_asm!(
    ".globl __guard_nop_check",
    "__guard_nop_check:",
    "ret",
    ".globl __guard_nop_dispatch",
    "__guard_nop_dispatch:",
    "jmp rax",
);

unsafe extern "C" {
    fn __guard_nop_check();
    fn __guard_nop_dispatch();
}

/// Check function of control flow guard.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".00cfg")]
pub static __guard_check_icall_fptr: unsafe extern "C" fn() = __guard_nop_check;

/// Dispatch function of control flow guard.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".00cfg")]
pub static __guard_dispatch_icall_fptr: unsafe extern "C" fn() = __guard_nop_dispatch;

// IMAGE_LOAD_CONFIG_DIRECTORY64 up to its GuardLongJumpTargetCount; counts and flags are absolute symbols of the
// linker, so the assembler lays it out.
global_asm!(
    ".section .rdata,\"dr\"",
    ".p2align 4",
    ".globl _load_config_used",
    "_load_config_used:",
    ".long 0x140",
    ".zero 0x70 - 4",
    ".quad __guard_check_icall_fptr",
    ".quad __guard_dispatch_icall_fptr",
    ".quad __guard_fids_table",
    ".quad __guard_fids_count",
    ".long __guard_flags",
    ".zero 12",
    ".quad __guard_iat_table",
    ".quad __guard_iat_count",
    ".quad __guard_longjmp_table",
    ".quad __guard_longjmp_count",
    ".zero 0x140 - 0xC0",
);
