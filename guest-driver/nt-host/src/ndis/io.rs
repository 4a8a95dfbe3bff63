//! Registers and configuration space.
//!
//! `unsafe`: results of the driver.

use ndis_sys::ndis::*;

use super::adapter::{self, Adapter, State};
use crate::breach::{Rule, breach};
use crate::inject::{self, Kind};
use crate::{machine, mmio};

pub(super) extern "win64" fn map_io_space(
    out: *mut usize,
    handle: usize,
    physical: u64,
    length: u32,
) -> i32 {
    let adapter = adapter::of(handle);
    adapter.require(&[State::Initializing], "NdisMMapIoSpace");
    if inject::fails(Kind::Map) {
        return NDIS_STATUS_RESOURCES;
    }
    match mmio::map(physical, length as usize) {
        0 => NDIS_STATUS_RESOURCE_CONFLICT,
        address => {
            // SAFETY: the driver's out parameter.
            unsafe { out.write(address) };
            NDIS_STATUS_SUCCESS
        }
    }
}

pub(super) extern "win64" fn unmap_io_space(handle: usize, address: usize, length: u32) {
    adapter::of(handle);
    if !mmio::unmap(address, length as usize) {
        breach(
            Rule::Handle,
            format_args!("{length:#x} bytes at {address:#x} are not mapped registers"),
        );
    }
}

/// PCI_WHICHSPACE_CONFIG.
const CONFIG: u32 = 0;
/// Bytes of configuration space.
const SPACE: u32 = 4096;

/// A byte of configuration space. The BARs are where this machine has them, which the device does not know.
fn config_byte(adapter: &Adapter, offset: u16) -> u32 {
    const BARS: std::ops::Range<u16> = 0x10..0x28;
    /// What the low bits of a BAR say of it, and whether the next register is its upper half.
    const KIND: u32 = 0xF;
    const IS_64_BITS: u32 = 0b100;
    if !BARS.contains(&offset) {
        return adapter.machine.config_read(offset, 1);
    }
    let number = ((offset - BARS.start) / 4) as u8;
    let kind = |number: u8| {
        let at = BARS.start + 4 * u16::from(number);
        adapter.machine.config_read(at, 4) & KIND
    };
    let word = if machine::BARS.contains(&number) {
        machine::bar_physical(adapter.function, number) as u32 | kind(number)
    } else if number > 0
        && machine::BARS.contains(&(number - 1))
        && kind(number - 1) & IS_64_BITS != 0
    {
        (machine::bar_physical(adapter.function, number - 1) >> 32) as u32
    } else {
        0
    };
    word >> (8 * (offset % 4)) & 0xFF
}

pub(super) extern "win64" fn get_bus_data(
    handle: usize,
    space: u32,
    offset: u32,
    buffer: *mut u8,
    length: u32,
) -> u32 {
    let adapter = adapter::of(handle);
    if space != CONFIG || offset >= SPACE {
        return 0;
    }
    let length = length.min(SPACE - offset);
    for at in 0..length {
        let byte = if machine::is_removed(adapter.function) {
            0xFF
        } else {
            config_byte(&adapter, (offset + at) as u16)
        };
        // SAFETY: the driver's buffer of `length` bytes.
        unsafe { buffer.add(at as usize).write(byte as u8) };
    }
    length
}

pub(super) extern "win64" fn set_bus_data(
    handle: usize,
    space: u32,
    offset: u32,
    buffer: *const u8,
    length: u32,
) -> u32 {
    let adapter = adapter::of(handle);
    if space != CONFIG || offset >= SPACE {
        return 0;
    }
    let length = length.min(SPACE - offset);
    let mut at = 0;
    while at < length {
        let place = offset + at;
        // The widest aligned piece that fits.
        let width = [4, 2, 1]
            .into_iter()
            .find(|w| place.is_multiple_of(*w) && at + w <= length)
            .unwrap_or(1);
        let mut value = 0;
        for byte in 0..width {
            // SAFETY: the driver's buffer of `length` bytes.
            let part = unsafe { buffer.add((at + byte) as usize).read() };
            value |= u32::from(part) << (8 * byte);
        }
        adapter
            .machine
            .config_write(place as u16, width as u8, value);
        at += width;
    }
    length
}
