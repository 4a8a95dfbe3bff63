//! What every platform does in configuration space: find a capability, reset the function, switch memory and bus
//! mastering on. Offsets are those of PCI Express 5.0, 7.5.

use std::thread::sleep;
use std::time::Duration;

use rnic_platform::{Platform, PlatformError};
use vfio_bindings::bindings::vfio::{VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX};

const COMMAND: u16 = 0x04;
const CAPABILITIES: u16 = 0x34;
const MSI: u32 = 0x05;
const EXPRESS: u32 = 0x10;
pub(crate) const MSIX: u32 = 0x11;
/// Device Control in the Express capability, and Initiate Function Level Reset in it.
const DEVICE_CONTROL: u16 = 8;
const FUNCTION_RESET: u32 = 1 << 15;

/// Offset of a capability. The list is walked at most as far as it can be long.
pub(crate) fn capability(platform: &impl Platform, id: u32) -> Result<u16, PlatformError> {
    find(&|offset, width| platform.config_read(offset, width), id)
}

fn find(read: &impl Fn(u16, u8) -> u32, id: u32) -> Result<u16, PlatformError> {
    let mut at = read(CAPABILITIES, 1);
    for _ in 0..48 {
        let offset = u16::try_from(at & 0xFC).unwrap_or(0);
        if offset < 0x40 {
            break;
        }
        let header = read(offset, 2);
        if header & 0xFF == id {
            return Ok(offset);
        }
        at = header >> 8;
    }
    Err(PlatformError::Unsupported)
}

/// How a function signals interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signalling {
    /// VFIO's number for the kind.
    pub(crate) index: u32,
    /// Messages that the function has.
    pub(crate) messages: u16,
    /// Offset of the capability.
    capability: u16,
}

impl Signalling {
    /// From configuration space: MSI-X, or MSI in its place `[INT-6]`.
    pub(crate) fn of(read: &impl Fn(u16, u8) -> u32) -> Result<Self, PlatformError> {
        let (id, index) = (MSIX, VFIO_PCI_MSIX_IRQ_INDEX);
        let (capability, index) = match find(read, id) {
            Ok(capability) => (capability, index),
            Err(_) => (find(read, MSI)?, VFIO_PCI_MSI_IRQ_INDEX),
        };
        let control = read(capability + 2, 2);
        let messages = if index == VFIO_PCI_MSI_IRQ_INDEX {
            // Multiple Message Capable (7.7.1.2); 6 and 7 are reserved.
            1 << (control >> 1 & 7).min(5)
        } else {
            (control & 0x7FF) + 1
        };
        Ok(Self {
            index,
            messages: u16::try_from(messages).map_err(|_| PlatformError::Invalid)?,
            capability,
        })
    }

    /// Whether there is an MSI-X table, and pending bits beside it.
    pub(crate) const fn has_table(self) -> bool {
        self.index == VFIO_PCI_MSIX_IRQ_INDEX
    }

    /// With MSI: all messages allocated and enabled, as a kernel does. With MSI-X the table is QEMU's or the kernel's.
    pub(crate) fn allocate(self, platform: &impl Platform) {
        if self.index == VFIO_PCI_MSI_IRQ_INDEX {
            let log = u32::from(self.messages).ilog2();
            platform.config_write(self.capability + 2, 2, log << 4 | 1);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Configuration space with one capability at 0x40, and the list's end.
    fn space(id: u32, control: u32) -> impl Fn(u16, u8) -> u32 {
        move |offset, _| match offset {
            CAPABILITIES => 0x40,
            0x40 => id,
            0x42 => control,
            _ => 0,
        }
    }

    #[test]
    fn messages_are_counted_by_the_capability_that_is_there() {
        let of = |id, control| Signalling::of(&space(id, control)).map(|s| (s.index, s.messages));
        assert_eq!(of(MSIX, 63), Ok((VFIO_PCI_MSIX_IRQ_INDEX, 64)));
        assert_eq!(of(MSI, 0x018a), Ok((VFIO_PCI_MSI_IRQ_INDEX, 32)));
        assert_eq!(of(MSI, 0), Ok((VFIO_PCI_MSI_IRQ_INDEX, 1)));
        assert_eq!(of(MSI, 7 << 1), Ok((VFIO_PCI_MSI_IRQ_INDEX, 32)));
        assert_eq!(of(EXPRESS, 0), Err(PlatformError::Unsupported));
    }
}
