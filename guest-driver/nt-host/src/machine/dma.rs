//! DMA addresses of mappings, the same way on each machine.

use std::sync::atomic::{AtomicU64, Ordering};

use rnic_driver_host::Mapped;
use rnic_driver_host::platform::PlatformError;

use crate::ram;

/// How DMA addresses come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dma {
    /// DMA addresses are physical addresses; the device reaches everything. Fast.
    Identity,
    /// Each mapping gets an address range of its own, never used again, and the device reaches nothing else: an access
    /// outside live mappings is the device's error.
    Remapped,
}

impl Dma {
    /// What a platform of `rnic-driver-host` lets the device reach.
    pub(super) fn mapped(self) -> Mapped {
        match self {
            Self::Identity => Mapped::Whole,
            Self::Remapped => Mapped::EachBuffer,
        }
    }
}

/// The addresses that a function's device sees.
pub(super) struct DmaAddresses {
    dma: Dma,
    first: u64,
    /// Bytes that a mapping is a multiple of.
    unit: usize,
    next: AtomicU64,
}

impl DmaAddresses {
    /// Remapped ranges begin at `first`, which is beyond all physical addresses, and are multiples of `unit` bytes.
    pub(super) fn new(dma: Dma, first: u64, unit: usize) -> Self {
        Self {
            dma,
            first,
            unit,
            next: AtomicU64::new(first),
        }
    }

    /// Another function's, of the same kind.
    pub(super) fn beside(&self) -> Self {
        Self::new(self.dma, self.first, self.unit)
    }

    /// A DMA address for `bytes` at `offset` of the memory; `map` is given address and bytes to let the device reach them.
    /// `None` if that fails.
    pub(super) fn map(
        &self,
        offset: usize,
        bytes: usize,
        map: impl FnOnce(u64, usize) -> Result<(), PlatformError>,
    ) -> Option<u64> {
        match self.dma {
            Dma::Identity => Some(ram::PHYSICAL + offset as u64),
            Dma::Remapped => {
                // A hole between mappings, so that running over the end is seen.
                let step = bytes.next_multiple_of(ram::PAGE) as u64 + ram::PAGE as u64;
                let iova = self.next.fetch_add(step, Ordering::Relaxed);
                map(iova, bytes.next_multiple_of(self.unit)).ok()?;
                Some(iova)
            }
        }
    }

    /// Takes it away; `unmap` is given what `map` was.
    pub(super) fn unmap(
        &self,
        iova: u64,
        bytes: usize,
        unmap: impl FnOnce(u64, usize) -> Result<(), PlatformError>,
    ) {
        if self.dma == Dma::Remapped {
            // A device that is gone uses nothing.
            let _ = unmap(iova, bytes.next_multiple_of(self.unit));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FIRST: u64 = 8 << 30;

    #[test]
    fn remapped_ranges_are_whole_units_with_a_hole_behind_them() {
        for (unit, whole) in [(1, 5000), (ram::PAGE, 2 * ram::PAGE)] {
            let addresses = DmaAddresses::new(Dma::Remapped, FIRST, unit);
            let asked = Cell::new((0, 0));
            let keep = |iova, bytes| {
                asked.set((iova, bytes));
                Ok(())
            };
            assert_eq!(addresses.map(0, 5000, keep), Some(FIRST));
            assert_eq!(asked.get(), (FIRST, whole));
            let second = FIRST + 3 * ram::PAGE as u64;
            assert_eq!(addresses.map(0, 8, keep), Some(second));
            addresses.unmap(FIRST, 5000, keep);
            assert_eq!(asked.get(), (FIRST, whole));
            assert_eq!(
                addresses.map(0, 8, |_, _| Err(PlatformError::Unsupported)),
                None
            );
        }
    }

    #[test]
    fn identical_addresses_ask_the_machine_for_nothing() {
        let addresses = DmaAddresses::new(Dma::Identity, FIRST, ram::PAGE);
        let never = |_, _| unreachable!("nothing is mapped one by one");
        let iova = addresses.map(0x3000, 8, never);
        assert_eq!(iova, Some(ram::PHYSICAL + 0x3000));
        addresses.unmap(ram::PHYSICAL + 0x3000, 8, never);
    }
}
