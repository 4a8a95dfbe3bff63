//! Waits for a key, looks for rnic, says what it found, leaves results, and switches off.
//!
//! `unsafe`: UEFI's tables by their offsets (UEFI 2.10, 4.3, 4.4, 4.5, 12.3, 13.4, 13.5), I/O ports, one register of the device.
#![no_std]
#![no_main]

use core::arch::asm;
use core::ffi::c_void;
use core::ptr;

/// Vendor and device id of rnic, as configuration space has them at 0.
const RNIC: u32 = 0x524E_1D1D;
/// Milliseconds between two looks for a key, and how many looks: five seconds.
const LOOK_MS: usize = 50;
const LOOKS: usize = 100;
/// The first serial port.
const SERIAL: u16 = 0x3F8;

type Status = usize;
type Table = *const *const c_void;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    say("stand-in: panic\n");
    loop {
        core::hint::spin_loop();
    }
}

/// Named by unwind tables of `core`; nothing unwinds.
#[unsafe(no_mangle)]
extern "win64" fn __CxxFrameHandler3() {}

fn out8(port: u16, value: u8) {
    // SAFETY: the serial port of a PC.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value) }
}

fn say(text: &str) {
    for byte in text.bytes() {
        out8(SERIAL, byte);
    }
}

fn say_number(number: u64) {
    for digit in (0..16).rev() {
        let digit = (number >> (4 * digit)) & 0xF;
        out8(SERIAL, b"0123456789abcdef"[digit as usize]);
    }
}

/// A word of configuration space, by mechanism 1 (PCI 3.0, 3.2.2.3.2).
fn config(device: u32, at: u32) -> u32 {
    let address = 1 << 31 | device << 11 | at;
    let value: u32;
    // SAFETY: reading configuration space changes nothing.
    unsafe {
        asm!("out dx, eax", in("dx") 0xCF8_u16, in("eax") address);
        asm!("in eax, dx", in("dx") 0xCFC_u16, out("eax") value);
    }
    value
}

/// What a table of UEFI has at this offset.
///
/// # Safety
/// `table` is one that long.
unsafe fn at(table: Table, offset: usize) -> *const c_void {
    // SAFETY: as promised.
    unsafe { *table.add(offset / size_of::<usize>()) }
}

/// # Safety
/// `system` is EFI_SYSTEM_TABLE.
unsafe fn key(system: Table) -> bool {
    type ReadKeyStroke = unsafe extern "win64" fn(*const c_void, *mut u32) -> Status;
    type Stall = unsafe extern "win64" fn(usize) -> Status;
    let mut stroke = 0;
    // SAFETY: ConIn and BootServices of the system table, and their ReadKeyStroke and Stall.
    unsafe {
        let input = at(system, 48);
        let read = core::mem::transmute::<*const c_void, ReadKeyStroke>(at(input.cast(), 8));
        let services: Table = at(system, 96).cast();
        let stall = core::mem::transmute::<*const c_void, Stall>(at(services, 248));
        for _ in 0..LOOKS {
            if read(input, &raw mut stroke) == 0 {
                return true;
            }
            stall(1000 * LOOK_MS);
        }
    }
    false
}

fn look() {
    let Some(device) = (0..32).find(|device| config(*device, 0) == RNIC) else {
        say("stand-in: no rnic on bus 0\n");
        return;
    };
    let (low, high) = (config(device, 0x10), config(device, 0x14));
    let address = u64::from(low & !0xF) | u64::from(high) << 32;
    say("stand-in: rnic, registers at ");
    say_number(address);
    if config(device, 4) & 2 == 0 || address == 0 {
        say(", which are switched off\n");
        return;
    }
    // SAFETY: BAR0 of the device, mapped one to one by the firmware; MAGIC is at 4, and may be read at any time.
    let magic = unsafe { ptr::read_volatile((address + 4) as *const u32) };
    say(", magic ");
    say_number(magic.into());
    say("\n");
}

/// Writes `verdict.txt`, as setup.ps1's results, to each file system that takes it: that of the disk for results.
///
/// # Safety
/// `system` is EFI_SYSTEM_TABLE.
unsafe fn leave_results(system: Table) {
    type LocateHandle = unsafe extern "win64" fn(
        u32,
        *const u128,
        *const c_void,
        *mut usize,
        *mut *const c_void,
    ) -> Status;
    type HandleProtocol =
        unsafe extern "win64" fn(*const c_void, *const u128, *mut *const c_void) -> Status;
    type OpenVolume = unsafe extern "win64" fn(*const c_void, *mut *const c_void) -> Status;
    type Open =
        unsafe extern "win64" fn(*const c_void, *mut *const c_void, *const u16, u64, u64) -> Status;
    type Write = unsafe extern "win64" fn(*const c_void, *mut usize, *const u8) -> Status;
    type Close = unsafe extern "win64" fn(*const c_void) -> Status;
    /// EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID (UEFI 2.10, 13.4.1).
    static FILE_SYSTEM: u128 = u128::from_le_bytes([
        0x22, 0x5B, 0x4E, 0x96, 0x59, 0x64, 0xD2, 0x11, 0x8E, 0x39, 0x00, 0xA0, 0xC9, 0x69, 0x72,
        0x3B,
    ]);
    type Connect =
        unsafe extern "win64" fn(*const c_void, *const c_void, *const c_void, u8) -> Status;
    const BY_PROTOCOL: u32 = 2;
    /// EFI_FILE_MODE_CREATE, _READ and _WRITE.
    const CREATE: u64 = 1 << 63 | 3;
    const TEXT: &[u8] = b"PASSED by the stand-in\r\n";
    let mut name = [0_u16; 12];
    for (to, from) in name.iter_mut().zip("verdict.txt".bytes()) {
        *to = from.into();
    }
    const ALL: u32 = 0;
    /// Too many for a frame of the stack, which would have to be probed.
    static mut HANDLES: [*const c_void; 512] = [ptr::null(); 512];
    const ROOM: usize = 512 * size_of::<usize>();
    let handles = (&raw mut HANDLES).cast::<*const c_void>();
    let mut bytes = ROOM;
    let function = |table: *const c_void, offset| {
        // SAFETY: tables of the firmware, and functions that they have.
        unsafe { at(table.cast(), offset) }
    };
    // SAFETY: BootServices and protocols of the firmware, by their types; all places are ours.
    unsafe {
        let services = at(system, 96);
        let locate = core::mem::transmute::<*const c_void, LocateHandle>(function(services, 176));
        let protocol =
            core::mem::transmute::<*const c_void, HandleProtocol>(function(services, 152));
        // The firmware has drivers for what it boots from alone: now for all disks.
        let connect = core::mem::transmute::<*const c_void, Connect>(function(services, 264));
        if locate(ALL, ptr::null(), ptr::null(), &raw mut bytes, handles) != 0 {
            return;
        }
        for index in 0..bytes / size_of::<usize>() {
            // Most have nothing to be connected.
            let _ = connect(*handles.add(index), ptr::null(), ptr::null(), 1);
        }
        bytes = ROOM;
        let found = locate(
            BY_PROTOCOL,
            &raw const FILE_SYSTEM,
            ptr::null(),
            &raw mut bytes,
            handles,
        );
        if found != 0 {
            return;
        }
        for index in 0..bytes / size_of::<usize>() {
            let (mut volume, mut root, mut file) = (ptr::null(), ptr::null(), ptr::null());
            if protocol(*handles.add(index), &raw const FILE_SYSTEM, &raw mut volume) != 0 {
                continue;
            }
            let open = core::mem::transmute::<*const c_void, OpenVolume>(function(volume, 8));
            if open(volume, &raw mut root) != 0 {
                continue;
            }
            let open = core::mem::transmute::<*const c_void, Open>(function(root, 8));
            if open(root, &raw mut file, name.as_ptr(), CREATE, 0) != 0 {
                continue;
            }
            let write = core::mem::transmute::<*const c_void, Write>(function(file, 40));
            let close = core::mem::transmute::<*const c_void, Close>(function(file, 16));
            let mut length = TEXT.len();
            if write(file, &raw mut length, TEXT.as_ptr()) == 0 && close(file) == 0 {
                say("stand-in: results are written\n");
            }
        }
    }
}

/// # Safety
/// Called by the firmware.
#[unsafe(no_mangle)]
pub unsafe extern "win64" fn efi_main(_: *const c_void, system: Table) -> Status {
    type Reset = unsafe extern "win64" fn(u32, Status, usize, *const c_void) -> !;
    const SHUTDOWN: u32 = 2;
    say("\nstand-in: press a key\n");
    // SAFETY: the firmware's system table.
    if unsafe { key(system) } {
        say("stand-in: a key was pressed\n");
        look();
        // SAFETY: the firmware's system table.
        unsafe { leave_results(system) };
    } else {
        say("stand-in: nobody pressed a key\n");
    }
    // SAFETY: RuntimeServices of the system table, and its ResetSystem.
    unsafe {
        let services: Table = at(system, 88).cast();
        let reset = core::mem::transmute::<*const c_void, Reset>(at(services, 104));
        reset(SHUTDOWN, 0, 0, ptr::null())
    }
}
