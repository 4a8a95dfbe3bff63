//! What every platform does in configuration space: find a capability, reset the function, switch memory and bus
//! mastering on. Offsets are those of PCI Express 5.0, 7.5.

use std::thread::sleep;
use std::time::Duration;

use rnic_platform::{Platform, PlatformError};

const COMMAND: u16 = 0x04;
const CAPABILITIES: u16 = 0x34;
const EXPRESS: u32 = 0x10;
pub(crate) const MSIX: u32 = 0x11;
/// Device Control in the Express capability, and Initiate Function Level Reset in it.
const DEVICE_CONTROL: u16 = 8;
const FUNCTION_RESET: u32 = 1 << 15;

/// Offset of a capability. The list is walked at most as far as it can be long.
pub(crate) fn capability(platform: &impl Platform, id: u32) -> Result<u16, PlatformError> {
    let mut at = platform.config_read(CAPABILITIES, 1);
    for _ in 0..48 {
        let offset = u16::try_from(at & 0xFC).unwrap_or(0);
        if offset < 0x40 {
            break;
        }
        let header = platform.config_read(offset, 2);
        if header & 0xFF == id {
            return Ok(offset);
        }
        at = header >> 8;
    }
    Err(PlatformError::Unsupported)
}

/// Memory space and bus mastering on.
pub(crate) fn enable(platform: &impl Platform) {
    let command = platform.config_read(COMMAND, 2);
    platform.config_write(COMMAND, 2, (command | 0b110) & 0xFFFF);
}

/// Memory space on, bus mastering as it is.
pub(crate) fn enable_memory(platform: &impl Platform) {
    let command = platform.config_read(COMMAND, 2);
    platform.config_write(COMMAND, 2, (command | 0b010) & 0xFFFF);
}

/// Function level reset, and the 100 ms that PCI Express gives it (6.6.2).
pub(crate) fn function_reset(platform: &impl Platform) -> Result<(), PlatformError> {
    let at = capability(platform, EXPRESS)? + DEVICE_CONTROL;
    let control = platform.config_read(at, 2);
    platform.config_write(at, 2, (control | FUNCTION_RESET) & 0xFFFF);
    sleep(Duration::from_millis(100));
    Ok(())
}

/// Bus mastering off.
pub(crate) fn disable_master(platform: &impl Platform) {
    let command = platform.config_read(COMMAND, 2);
    platform.config_write(COMMAND, 2, command & 0xFFFB);
}
