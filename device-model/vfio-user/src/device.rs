//! What a device is: its regions and interrupt types, as DEVICE_GET_INFO, GET_REGION_INFO and GET_IRQ_INFO report them.

use crate::codec::payload;
use crate::limits::{MAX_IRQ_INDEXES, MAX_IRQS_PER_INDEX, MAX_REGIONS};
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use thiserror::Error;

/// The page size areas for `mmap` are made of.
const PAGE: u64 = 4096;

/// A region of the device. For a PCI device the index is fixed by `<linux/vfio.h>`: 0-5 the BARs, 6 the ROM, 7 configuration space, 8 VGA.
/// A region that the device does not have is present with size 0.
#[derive(Clone, Debug, Default)]
pub struct RegionInfo {
    /// Bytes.
    pub size: u64,
    /// What the client may do.
    pub permissions: RegionPermissions,
    /// The parts that the client may map, if any.
    pub mmap: Option<RegionMmap>,
}

/// What the client may do with a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RegionPermissions {
    #[default]
    None,
    ReadOnly,
    WriteOnly,
    ReadWrite,
}

impl RegionPermissions {
    /// Whether the client may read.
    pub fn read(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadWrite)
    }

    /// Whether the client may write.
    pub fn write(self) -> bool {
        matches!(self, Self::WriteOnly | Self::ReadWrite)
    }
}

/// The parts of a region that the client may map instead of sending messages. Messages reach them as well.
///
/// One mappable area anywhere makes QEMU wait for the reply to every other write of the device.
#[derive(Clone)]
pub struct RegionMmap {
    /// The file to map. A duplicate goes to the client.
    pub file: Arc<OwnedFd>,
    /// Where in the file the region begins. The offset of an area is added to it.
    pub file_offset: u64,
    /// The areas: whole pages of the region, in ascending order. Always reported as a sparse mmap capability, also for a single area that
    /// is the whole region: QEMU does not map a region that has the flag alone.
    pub areas: Vec<MmapArea>,
}

impl fmt::Debug for RegionMmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegionMmap")
            .field("file", &self.file)
            .field("file_offset", &self.file_offset)
            .field("areas", &self.areas)
            .finish()
    }
}

/// One mappable area of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmapArea {
    /// Where it begins in the region.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

/// An interrupt type. For a PCI device the index is fixed by `<linux/vfio.h>`: 0 INTx, 1 MSI, 2 MSI-X, 3 error, 4 device request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IrqInfo {
    /// Interrupts of the type; 0 if the device does not have it.
    pub count: u32,
    /// Signalled through eventfds.
    pub eventfd: bool,
    /// Takes mask and unmask.
    pub maskable: bool,
    /// Masks itself when it fires.
    pub automasked: bool,
    /// Set up as a whole.
    pub noresize: bool,
}

impl IrqInfo {
    pub(crate) fn wire_flags(&self) -> u32 {
        let flag = |set, flag| if set { flag } else { 0 };
        flag(self.eventfd, payload::IRQ_EVENTFD)
            | flag(self.maskable, payload::IRQ_MASKABLE)
            | flag(self.automasked, payload::IRQ_AUTOMASKED)
            | flag(self.noresize, payload::IRQ_NORESIZE)
    }
}

/// Why a description is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeviceInfoError {
    /// More regions than QEMU takes.
    #[error("{0} regions, more than the {MAX_REGIONS} a client takes")]
    TooManyRegions(usize),
    /// More interrupt types than QEMU takes.
    #[error("{0} interrupt types, more than the {MAX_IRQ_INDEXES} a client takes")]
    TooManyIrqTypes(usize),
    /// More interrupts of one type than this crate serves.
    #[error("interrupt type {index} has {count} interrupts, more than {MAX_IRQS_PER_INDEX}")]
    TooManyIrqs {
        /// Interrupt type.
        index: usize,
        /// Its count.
        count: u32,
    },
    /// A mappable area that cannot be mapped.
    #[error(
        "region {region}: area {area:?} is empty, unaligned, out of order, or outside the region"
    )]
    BadArea {
        /// Region index.
        region: usize,
        /// The area.
        area: MmapArea,
    },
    /// A mappable region without areas, or whose file offset is not one for `mmap`.
    #[error(
        "region {region}: no areas, or file offset {file_offset:#x} is not page aligned or too large"
    )]
    BadMmap {
        /// Region index.
        region: usize,
        /// The offset.
        file_offset: u64,
    },
}

/// A checked description of a device. It does not change while a client is connected.
#[derive(Clone, Debug)]
pub struct DeviceInfo {
    resettable: bool,
    regions: Vec<RegionInfo>,
    irqs: Vec<IrqInfo>,
}

impl DeviceInfo {
    /// A PCI device.
    ///
    /// # Errors
    /// If a client would refuse it or could not map what it offers.
    pub fn new(
        resettable: bool,
        regions: Vec<RegionInfo>,
        irqs: Vec<IrqInfo>,
    ) -> Result<DeviceInfo, DeviceInfoError> {
        if regions.len() > MAX_REGIONS {
            return Err(DeviceInfoError::TooManyRegions(regions.len()));
        }
        if irqs.len() > MAX_IRQ_INDEXES {
            return Err(DeviceInfoError::TooManyIrqTypes(irqs.len()));
        }
        for (index, irq) in irqs.iter().enumerate() {
            if irq.count > MAX_IRQS_PER_INDEX {
                let count = irq.count;
                return Err(DeviceInfoError::TooManyIrqs { index, count });
            }
        }
        for (index, region) in regions.iter().enumerate() {
            if let Some(mmap) = &region.mmap {
                check_mmap(index, region.size, mmap)?;
            }
        }
        Ok(DeviceInfo {
            resettable,
            regions,
            irqs,
        })
    }

    /// Whether the device takes DEVICE_RESET.
    pub fn resettable(&self) -> bool {
        self.resettable
    }

    /// All regions, by index.
    pub fn regions(&self) -> &[RegionInfo] {
        &self.regions
    }

    /// All interrupt types, by index.
    pub fn irqs(&self) -> &[IrqInfo] {
        &self.irqs
    }

    /// The region with an index of the client's.
    pub fn region(&self, index: u32) -> Option<&RegionInfo> {
        self.regions.get(usize::try_from(index).ok()?)
    }

    /// The interrupt type with an index of the client's.
    pub fn irq(&self, index: u32) -> Option<&IrqInfo> {
        self.irqs.get(usize::try_from(index).ok()?)
    }
}

fn check_mmap(region: usize, size: u64, mmap: &RegionMmap) -> Result<(), DeviceInfoError> {
    let file_offset = mmap.file_offset;
    let end = file_offset.checked_add(size).map(i64::try_from);
    // As many areas as there are pages would still make a reply of a size that the client allocates; bound it by what fits one message.
    let areas_ok = !mmap.areas.is_empty() && mmap.areas.len() <= 4096;
    if !areas_ok || !file_offset.is_multiple_of(PAGE) || !matches!(end, Some(Ok(_))) {
        return Err(DeviceInfoError::BadMmap {
            region,
            file_offset,
        });
    }
    let mut floor = 0;
    for &area in &mmap.areas {
        let aligned = area.offset.is_multiple_of(PAGE) && area.size.is_multiple_of(PAGE);
        match area.offset.checked_add(area.size) {
            Some(end) if aligned && area.size > 0 && area.offset >= floor && end <= size => {
                floor = end;
            }
            _ => return Err(DeviceInfoError::BadArea { region, area }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_areas(file_offset: u64, areas: &[(u64, u64)]) -> Result<DeviceInfo, DeviceInfoError> {
        let mmap = RegionMmap {
            file: Arc::new(std::fs::File::open("/dev/null").unwrap().into()),
            file_offset,
            areas: areas
                .iter()
                .map(|&(offset, size)| MmapArea { offset, size })
                .collect(),
        };
        let region = RegionInfo {
            size: 0x4000,
            permissions: RegionPermissions::ReadWrite,
            mmap: Some(mmap),
        };
        DeviceInfo::new(true, vec![region], vec![])
    }

    #[test]
    fn mappable_areas_are_checked() {
        assert!(with_areas(0x1000, &[(0, 0x4000)]).is_ok());
        assert!(with_areas(0, &[(0, 0x1000), (0x1000, 0x1000), (0x3000, 0x1000)]).is_ok());
        for areas in [
            &[(0, 0)][..],
            &[(0, 0x5000)],
            &[(0x800, 0x1000)],
            &[(0, 0x800)],
            &[(0x1000, 0x1000), (0, 0x1000)],
            &[(0, 0x2000), (0x1000, 0x1000)],
            &[(u64::MAX - 0xfff, 0x1000)],
        ] {
            assert!(
                matches!(
                    with_areas(0, areas),
                    Err(DeviceInfoError::BadArea { region: 0, .. })
                ),
                "{areas:?}"
            );
        }
        for (offset, areas) in [(0, &[][..]), (1, &[(0, 0x1000)]), (!0xfff, &[(0, 0x1000)])] {
            assert!(
                matches!(
                    with_areas(offset, areas),
                    Err(DeviceInfoError::BadMmap { .. })
                ),
                "{offset:#x}"
            );
        }
    }

    #[test]
    fn counts_are_bounded() {
        let regions = vec![RegionInfo::default(); MAX_REGIONS + 1];
        let irqs = vec![IrqInfo::default(); MAX_IRQ_INDEXES + 1];
        let irq = IrqInfo {
            count: MAX_IRQS_PER_INDEX + 1,
            ..IrqInfo::default()
        };
        assert_eq!(
            DeviceInfo::new(true, regions, vec![]).unwrap_err(),
            DeviceInfoError::TooManyRegions(101)
        );
        assert_eq!(
            DeviceInfo::new(true, vec![], irqs).unwrap_err(),
            DeviceInfoError::TooManyIrqTypes(51)
        );
        assert_eq!(
            DeviceInfo::new(true, vec![], vec![irq]).unwrap_err(),
            DeviceInfoError::TooManyIrqs {
                index: 0,
                count: 2049
            }
        );
    }
}
