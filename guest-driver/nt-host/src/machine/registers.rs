//! Registers of a function by the ways of `rnic-driver-host`.

use rnic_abi::place;
use rnic_driver_host::platform::{Bar, Platform};

use super::BarNumber;

fn bar(number: BarNumber) -> Bar {
    match number {
        place::BAR_REGISTERS => Bar::Registers,
        place::BAR_DOORBELLS => Bar::Doorbells,
        _ => Bar::Msix,
    }
}

/// Reads; less than 4 bytes out of the word that they lie in.
pub(super) fn read(platform: &impl Platform, number: BarNumber, offset: u64, width: usize) -> u64 {
    let offset = offset as u32;
    if width == 8 {
        platform.read64(bar(number), offset)
    } else {
        let word = platform.read32(bar(number), offset & !3);
        u64::from(word >> (8 * (offset & 3)))
    }
}

/// Writes 4 or 8 bytes.
pub(super) fn write(
    platform: &impl Platform,
    number: BarNumber,
    offset: u64,
    width: usize,
    value: u64,
) {
    let offset = offset as u32;
    if width == 8 {
        platform.write64(bar(number), offset, value);
    } else {
        platform.write32(bar(number), offset, value as u32);
    }
}
