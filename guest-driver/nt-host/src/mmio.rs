//! Registers: mapped ranges of BARs, and the fault handler that makes accesses to them reach the device.
//!
//! A range that is plain memory of the device is lent as it is. Any other gets pages without access: the driver's plain
//! moves fault, are decoded, and become reads and writes of the device. So does the locked OR by which summary bits of
//! doorbells are set [DB-9], which a bus without atomic operations makes a read and a write. Every other fault is a breach,
//! with the driver's stack.
//!
//! `unsafe`: the signal handler and the thread's registers.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use rnic_abi::place;

use crate::breach::{Rule, breach_at};
use crate::callsite::Stack;
use crate::image::unwind::Start;
use crate::nt::pool;
use crate::{cpu, loaded, machine};

/// Ranges that fault.
const RANGES: usize = 64;

struct Range {
    start: AtomicUsize,
    len: AtomicUsize,
    /// Function in the topmost byte, BAR in the next, offset below.
    place: AtomicU64,
}

static MAPPED: [Range; RANGES] = [const {
    Range {
        start: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
        place: AtomicU64::new(0),
    }
}; RANGES];

/// Ranges that are mapped, of either kind: address and bytes.
static LIVE: parking_lot::Mutex<Vec<(usize, usize, bool)>> = parking_lot::Mutex::new(Vec::new());

/// Maps `length` bytes at a physical address; 0 if no BAR lies there whole.
pub fn map(physical: u64, length: usize) -> usize {
    let places = (0..machine::FUNCTIONS).flat_map(|f| machine::BARS.map(|bar| (f, bar)));
    let found = places.into_iter().find_map(|(function, bar)| {
        let offset = physical.checked_sub(machine::bar_physical(function, bar))?;
        (offset + length as u64 <= machine::bar_size(bar)).then_some((function, bar, offset))
    });
    let Some((function, bar, offset)) = found else {
        return 0;
    };
    let Some(machine) = machine::function(function) else {
        return 0;
    };
    for memory in machine.bar_memory(bar) {
        if let Some(inside) = offset.checked_sub(memory.offset)
            && inside + length as u64 <= memory.bytes as u64
        {
            let address = memory.address + inside as usize;
            LIVE.lock().push((address, length, false));
            return address;
        }
    }
    let size = length.next_multiple_of(crate::ram::PAGE);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping touches no memory of ours.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), size, libc::PROT_NONE, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return 0;
    }
    let address = address as usize;
    let mut live = LIVE.lock();
    let Some(range) = MAPPED.iter().find(|r| r.start.load(Ordering::Relaxed) == 0) else {
        return 0;
    };
    range.len.store(length, Ordering::Relaxed);
    range.place.store(
        (function as u64) << 56 | u64::from(bar) << 48 | offset,
        Ordering::Relaxed,
    );
    range.start.store(address, Ordering::Release);
    live.push((address, length, true));
    address
}

/// Takes a mapping away. False if it is none.
pub fn unmap(address: usize, length: usize) -> bool {
    let mut live = LIVE.lock();
    let Some(at) = live
        .iter()
        .position(|(start, len, _)| (*start, *len) == (address, length))
    else {
        return false;
    };
    let (_, _, faults) = live.remove(at);
    if faults {
        for range in &MAPPED {
            if range.start.load(Ordering::Relaxed) == address {
                range.start.store(0, Ordering::Release);
            }
        }
        // SAFETY: mapped by `map`, and no access to it is a register access any more.
        unsafe {
            libc::munmap(
                address as *mut c_void,
                length.next_multiple_of(crate::ram::PAGE),
            )
        };
    }
    true
}

/// Mappings that are live.
pub fn live() -> usize {
    LIVE.lock().len()
}

fn range_of(address: usize) -> Option<(usize, u8, u64)> {
    MAPPED.iter().find_map(|range| {
        let start = range.start.load(Ordering::Acquire);
        let at = address.checked_sub(start)?;
        if start == 0 || at >= range.len.load(Ordering::Relaxed) {
            return None;
        }
        let place = range.place.load(Ordering::Relaxed);
        let offset = (place & 0x0000_FFFF_FFFF_FFFF) + at as u64;
        Some(((place >> 56) as usize, (place >> 48) as u8, offset))
    })
}

/// Installs the fault handler. Again does nothing.
pub fn install() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
            // SAFETY: a handler for faults of this process, on the thread's signal stack.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = on_fault;
                action.sa_sigaction = handler as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
                libc::sigaction(signal, &raw const action, std::ptr::null_mut());
            }
        }
    });
}

fn index(register: Register) -> Option<usize> {
    use Register as R;
    let index = match register.full_register() {
        R::RAX => libc::REG_RAX,
        R::RBX => libc::REG_RBX,
        R::RCX => libc::REG_RCX,
        R::RDX => libc::REG_RDX,
        R::RSI => libc::REG_RSI,
        R::RDI => libc::REG_RDI,
        R::RBP => libc::REG_RBP,
        R::RSP => libc::REG_RSP,
        R::R8 => libc::REG_R8,
        R::R9 => libc::REG_R9,
        R::R10 => libc::REG_R10,
        R::R11 => libc::REG_R11,
        R::R12 => libc::REG_R12,
        R::R13 => libc::REG_R13,
        R::R14 => libc::REG_R14,
        R::R15 => libc::REG_R15,
        _ => return None,
    };
    usize::try_from(index).ok()
}

/// Flags that an OR sets: carry, parity, zero, sign, overflow. Adjust is undefined. Intel's manual, volume 2, OR.
const FLAGS_OF_OR: i64 = 1 | 1 << 2 | 1 << 6 | 1 << 7 | 1 << 11;

/// What an OR with this result makes of them.
fn flags_of(result: u64) -> i64 {
    let even = (result as u8).count_ones().is_multiple_of(2);
    i64::from(even) << 2 | i64::from(result == 0) << 6 | ((result >> 63) as i64) << 7
}

/// Does what the instruction asks of the device. False if it is none of those.
fn emulate(
    instruction: &Instruction,
    registers: &mut [i64],
    (function, bar, offset): (usize, u8, u64),
) -> bool {
    let width = instruction.memory_size().size();
    let Some(machine) = machine::function(function) else {
        return false;
    };
    if !matches!(width, 1 | 2 | 4 | 8) || offset % width as u64 != 0 {
        return false;
    }
    let gone = machine::is_removed(function);
    let read = || {
        if gone {
            u64::MAX
        } else {
            machine.read(bar, offset, width)
        }
    };
    let write = |value| {
        if !gone {
            machine.write(bar, offset, width, value);
        }
    };
    let mask = if width == 8 {
        u64::MAX
    } else {
        (1 << (8 * width)) - 1
    };
    let kinds = (
        instruction.mnemonic(),
        instruction.op0_kind(),
        instruction.op1_kind(),
    );
    match kinds {
        (Mnemonic::Mov | Mnemonic::Movzx, OpKind::Register, OpKind::Memory) => {
            let Some(target) = index(instruction.op0_register()) else {
                return false;
            };
            let value = read() & mask;
            let old = registers[target] as u64;
            // A 4-byte result clears the upper half, narrower ones keep the rest.
            registers[target] = match instruction.op0_register().size() {
                4 | 8 => value,
                2 => old & !0xFFFF | value & 0xFFFF,
                _ => old & !0xFF | value & 0xFF,
            } as i64;
            true
        }
        (Mnemonic::Mov, OpKind::Memory, OpKind::Register) => {
            let Some(source) = index(instruction.op1_register()) else {
                return false;
            };
            write(registers[source] as u64 & mask);
            true
        }
        (Mnemonic::Xchg, OpKind::Memory, OpKind::Register) => {
            // What a compiler makes of a sequentially consistent store.
            let Some(source) = index(instruction.op1_register()) else {
                return false;
            };
            let before = read() & mask;
            write(registers[source] as u64 & mask);
            registers[source] = before as i64;
            true
        }
        (Mnemonic::Mov, OpKind::Memory, _) => {
            write(instruction.immediate(1) & mask);
            true
        }
        (Mnemonic::Or, OpKind::Memory, OpKind::Register)
            if bar == place::BAR_DOORBELLS && width == 8 && instruction.has_lock_prefix() =>
        {
            /// One OR at a time, so that none is lost. Of a bit that the device clears in between nothing is lost either: it
            /// is set again.
            static ONE: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
            let Some(source) = index(instruction.op1_register()) else {
                return false;
            };
            let _one = ONE.lock();
            let word = read() | registers[source] as u64;
            write(word);
            let flags = &mut registers[libc::REG_EFL as usize];
            *flags = *flags & !FLAGS_OF_OR | flags_of(word);
            true
        }
        _ => false,
    }
}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    thread_local! { static INSIDE: Cell<bool> = const { Cell::new(false) }; }
    if INSIDE.replace(true) {
        // SAFETY: ends the process: a fault inside the handler itself.
        unsafe { libc::_exit(139) }
    }
    // SAFETY: as the kernel passes them.
    let (address, context) = unsafe {
        (
            (*info).si_addr() as usize,
            &mut *context.cast::<libc::ucontext_t>(),
        )
    };
    let registers = &mut context.uc_mcontext.gregs;
    let register = |index: i32| registers[index as usize];
    let ip = register(libc::REG_RIP) as usize;
    let start = Start {
        ip: ip as u64,
        sp: register(libc::REG_RSP) as u64,
        bp: register(libc::REG_RBP) as u64,
    };
    if signal == libc::SIGSEGV
        && let Some(place) = range_of(address)
    {
        // SAFETY: the instruction that just ran; 15 bytes may run past a page's end only if the section does.
        let code = unsafe { std::slice::from_raw_parts(ip as *const u8, 15) };
        let instruction = Decoder::with_ip(64, code, ip as u64, DecoderOptions::NONE).decode();
        if emulate(&instruction, registers, place) {
            registers[libc::REG_RIP as usize] += instruction.len() as i64;
            INSIDE.set(false);
            return;
        }
        breach_at(
            Rule::Mmio,
            format_args!(
                "{instruction} at BAR{}+{:#x} is no plain, aligned move, nor a locked OR of a doorbell",
                place.1, place.2
            ),
            &Stack::from(start),
        );
    }
    let rule = match loaded::current() {
        _ if loaded::was_unloaded(ip) => Rule::CallAfterUnload,
        Some(driver)
            if driver
                .image
                .section_of(address)
                .is_some_and(|s| s.is_discardable()) =>
        {
            Rule::InitCode
        }
        _ => Rule::AccessFault,
    };
    let owner = pool::owner(address).map_or(String::new(), |text| format!(", near {text}"));
    let stack = if rule == Rule::InitCode && ip == address {
        // A call into code that is gone: its caller is on the stack.
        // SAFETY: the faulting thread's stack pointer.
        let ip = unsafe { (start.sp as *const u64).read() };
        Stack::from(Start {
            ip,
            sp: start.sp + 8,
            bp: start.bp,
        })
    } else {
        Stack::from(start)
    };
    breach_at(
        rule,
        format_args!(
            "signal {signal} at {ip:#x}, address {address:#x}{owner}, IRQL {}",
            cpu::irql()
        ),
        &stack,
    );
}

#[cfg(test)]
mod tests {
    use super::flags_of;

    #[test]
    fn flags_are_those_of_the_processor() {
        for (word, bits) in [(0_u64, 0_u64), (1 << 63, 0), (3, 0), (1, 2), (0xFF00, 1)] {
            let flags: u64;
            // SAFETY: computes with registers and pops what it pushed.
            unsafe {
                std::arch::asm!("or {w}, {b}", "pushfq", "pop {f}", w = inout(reg) word => _, b = in(reg) bits, f = out(reg) flags);
            }
            let of_or = flags as i64 & super::FLAGS_OF_OR;
            assert_eq!(of_or, flags_of(word | bits), "{word:#x} | {bits:#x}");
        }
    }
}
