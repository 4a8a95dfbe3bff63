//! Doorbell slots: a store into mapped memory, or a write through whatever reaches the device.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rnic_abi::place;
use rnic_platform::{DoorbellSlot, PlatformError};

use crate::mmap::Mapping;

/// Reaches BAR2 where it is not mapped. One setter at a time, so that a read and a write make an OR: the device only
/// clears bits of a summary word, so a bit that it clears in between is set again, which is harmless, and none is lost.
pub(crate) trait Trapped: Send + Sync {
    /// Stores a slot.
    fn store(&self, offset: u64, value: u64);
    /// Sets bits of a word.
    fn set_bits(&self, offset: u64, bits: u64);
}

/// One slot.
pub struct HostDoorbell(Way);

enum Way {
    Mapped(Arc<Mapping>, usize),
    Trapped(Arc<dyn Trapped>, u64),
}

/// The window of slots.
pub(crate) struct Doorbells {
    /// Mapped areas: their first byte in BAR2.
    pub(crate) areas: Vec<(u64, Arc<Mapping>)>,
    pub(crate) trapped: Arc<dyn Trapped>,
}

impl Doorbells {
    /// Mapped areas: offset in the window, address, bytes.
    pub(crate) fn memory(&self) -> Vec<(u64, *mut u8, usize)> {
        let areas = self.areas.iter();
        areas
            .map(|(first, mapping)| (*first, mapping.address(), mapping.len()))
            .collect()
    }

    /// The slot with this index.
    pub(crate) fn slot(&self, index: u32) -> Result<HostDoorbell, PlatformError> {
        let offset = u64::from(index) * 8;
        if offset >= place::BAR_DOORBELLS_SIZE {
            return Err(PlatformError::Invalid);
        }
        for (first, mapping) in &self.areas {
            if let Some(inside) = offset.checked_sub(*first)
                && inside < mapping.len() as u64
            {
                let inside = usize::try_from(inside).map_err(|_| PlatformError::Invalid)?;
                return Ok(HostDoorbell(Way::Mapped(mapping.clone(), inside)));
            }
        }
        Ok(HostDoorbell(Way::Trapped(self.trapped.clone(), offset)))
    }
}

impl DoorbellSlot for HostDoorbell {
    fn store(&self, value: u64) {
        match &self.0 {
            // Release: entries written before are seen by a device that sees the slot.
            Way::Mapped(mapping, at) => mapping.word64(*at).store(value.to_le(), Ordering::Release),
            Way::Trapped(trapped, at) => trapped.store(*at, value),
        }
    }

    fn fetch_or(&self, bits: u64) {
        match &self.0 {
            Way::Mapped(mapping, at) => {
                mapping.word64(*at).fetch_or(bits.to_le(), Ordering::AcqRel);
            }
            Way::Trapped(trapped, at) => trapped.set_bits(*at, bits),
        }
    }
}
