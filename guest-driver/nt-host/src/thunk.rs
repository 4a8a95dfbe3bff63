//! Stubs between the driver's import table and the host's functions.
//!
//! A stub notes the call (`callsite`) and checks what holds for every import: IRQL within the documented range, no paged
//! code at DISPATCH_LEVEL, stack within its budget. Arguments are left as they are; imports with floating point
//! arguments do not exist.
//!
//! `unsafe`: machine code, and what it passes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::breach::{Rule, breach};
use crate::callsite::{self, CallSite};
use crate::image::unwind::Start;
use crate::{cpu, loaded, thread};

/// An import as the export tables describe it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Host function. The stub reads it at offset 0.
    target: *const (),
    /// Name.
    pub name: &'static str,
    /// Lowest IRQL at which it may be called.
    pub min: u8,
    /// Highest IRQL at which it may be called.
    pub max: u8,
    /// Called straight, without a stub: leaves that the compiler calls, at any IRQL.
    direct: bool,
}

// SAFETY: the pointer is a function's, for calling alone.
unsafe impl Sync for Export {}

impl Export {
    /// An export that is checked.
    pub const fn new(name: &'static str, min: u8, max: u8, target: *const ()) -> Self {
        Self {
            target,
            name,
            min,
            max,
            direct: false,
        }
    }

    /// An export that is called straight.
    pub const fn direct(name: &'static str, target: *const ()) -> Self {
        Self {
            target,
            name,
            min: 0,
            max: 31,
            direct: true,
        }
    }
}

/// Stack that a driver may count on: the kernel stack of an x64 system.
pub const STACK_BUDGET: usize = 24 << 10;
/// Checks are on; a benchmark switches them off.
static CHECKING: AtomicBool = AtomicBool::new(true);

/// Switches the checks of every import on or off, for images that are loaded from then on.
pub fn set_checking(on: bool) {
    CHECKING.store(on, Ordering::Relaxed);
}

/// Whether imports are checked.
pub fn checking() -> bool {
    CHECKING.load(Ordering::Relaxed)
}

/// Runs for each call, before it.
///
/// # Safety
/// Called by the stub alone: `export` is leaked, `slot` points to the return address.
unsafe extern "win64" fn on_call(export: *const Export, slot: *const u64, bp: u64) {
    // SAFETY: as the stub passes them.
    let (export, ip) = unsafe { (&*export, *slot) };
    let start = Start {
        ip,
        sp: slot as u64 + 8,
        bp,
    };
    callsite::replace(Some(CallSite {
        import: export.name,
        start,
    }));
    let irql = cpu::irql();
    if irql > export.max || irql < export.min {
        let (min, max) = (export.min, export.max);
        breach(
            Rule::IrqlLimit,
            format_args!(
                "{} called at IRQL {irql}, allowed {min} to {max}",
                export.name
            ),
        );
    }
    if irql >= cpu::DISPATCH_LEVEL
        && let Some(driver) = loaded::current()
        && let Some(section) = driver.image.section_of(ip as usize)
        && section.is_paged()
    {
        breach(
            Rule::PagedCode,
            format_args!("code in {} runs at IRQL {irql}", section.name),
        );
    }
    let used = thread::driver_stack(slot as usize);
    if used > STACK_BUDGET {
        breach(
            Rule::Stack,
            format_args!("{used} bytes of stack are in use, {STACK_BUDGET} are there"),
        );
    }
}

/// Saves the arguments, runs `on_call`, and goes on to the function.
#[unsafe(naked)]
unsafe extern "C" fn checked() {
    core::arch::naked_asm!(
        "push r10",
        "push rcx",
        "push rdx",
        "push r8",
        "push r9",
        "sub rsp, 32",
        "mov rcx, r10",
        "lea rdx, [rsp + 72]",
        "mov r8, rbp",
        "call {on_call}",
        "add rsp, 32",
        "pop r9",
        "pop r8",
        "pop rdx",
        "pop rcx",
        "pop r10",
        "jmp [r10]",
        on_call = sym on_call,
    )
}

/// Bytes of a stub.
const STUB: usize = 32;
const CODE: usize = 64 << 10;

struct Stubs {
    code: usize,
    used: usize,
    made: HashMap<usize, usize>,
}

static STUBS: Mutex<Option<Stubs>> = Mutex::new(None);

/// The address to put into an import table for this export.
pub fn address(export: &'static Export) -> usize {
    if export.direct || !checking() {
        return export.target as usize;
    }
    let mut stubs = STUBS.lock();
    let stubs = stubs.get_or_insert_with(|| Stubs {
        code: map(),
        used: 0,
        made: HashMap::new(),
    });
    let key: *const Export = export;
    if let Some(address) = stubs.made.get(&(key as usize)) {
        return *address;
    }
    assert!(stubs.used + STUB <= CODE, "room for every export's stub");
    let at = stubs.code + stubs.used;
    let mut code = vec![0x49, 0xBA]; // mov r10, export
    code.extend((key as u64).to_le_bytes());
    code.extend([0x49, 0xBB]); // mov r11, checked
    let checked: unsafe extern "C" fn() = checked;
    code.extend((checked as usize as u64).to_le_bytes());
    code.extend([0x41, 0xFF, 0xE3]); // jmp r11
    // SAFETY: the bytes lie inside the code mapping, beyond all stubs in use; other threads run stubs before them, and
    // the page stays executable meanwhile.
    unsafe {
        std::ptr::copy_nonoverlapping(code.as_ptr(), at as *mut u8, code.len());
    }
    stubs.used += STUB;
    stubs.made.insert(key as usize, at);
    at
}

fn map() -> usize {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping touches no memory of ours.
    let code = unsafe { libc::mmap(std::ptr::null_mut(), CODE, protection, flags, -1, 0) };
    assert!(code != libc::MAP_FAILED, "memory for import stubs");
    code as usize
}
