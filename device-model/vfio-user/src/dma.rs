//! Which DMA ranges the client has given: the part of DMA_MAP and DMA_UNMAP that is the same for every device.

use crate::Errno;
use crate::limits::DMA_PAGE_SIZE;
use std::collections::BTreeMap;

/// What the device may do with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaPermissions {
    /// The device may read.
    pub read: bool,
    /// The device may write.
    pub write: bool,
}

/// A range of DMA addresses: whole pages, not empty, not wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaRange {
    first: u64,
    last: u64,
    permissions: DmaPermissions,
}

impl DmaRange {
    /// A range of `size` bytes from `address`.
    ///
    /// # Errors
    /// EINVAL if it is empty, not made of whole pages, or wraps (it may end with the last byte of the address space), or permits nothing.
    pub fn new(address: u64, size: u64, permissions: DmaPermissions) -> Result<DmaRange, Errno> {
        let last = last_address(address, size)?;
        if !permissions.read && !permissions.write {
            return Err(Errno::EINVAL);
        }
        Ok(DmaRange {
            first: address,
            last,
            permissions,
        })
    }

    /// The first address.
    pub fn address(&self) -> u64 {
        self.first
    }

    /// The last address, inclusive.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Bytes. A range never covers all 2^64 addresses, see [`DmaRange::new`]: its size would not fit the message.
    pub fn size(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// What the device may do.
    pub fn permissions(&self) -> DmaPermissions {
        self.permissions
    }

    /// Checks that the range can begin at `offset` of a file.
    ///
    /// # Errors
    /// EINVAL if the offset is not one for `mmap`, or the range would end past the largest file.
    pub fn check_file_offset(&self, offset: u64) -> Result<(), Errno> {
        let end = offset.checked_add(self.size()).ok_or(Errno::EINVAL)?;
        if !offset.is_multiple_of(DMA_PAGE_SIZE) || i64::try_from(end).is_err() {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

fn last_address(address: u64, size: u64) -> Result<u64, Errno> {
    if size == 0 || !address.is_multiple_of(DMA_PAGE_SIZE) || !size.is_multiple_of(DMA_PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    address.checked_add(size - 1).ok_or(Errno::EINVAL)
}

/// The ranges that are mapped now. They do not overlap.
#[derive(Debug)]
pub struct DmaMaps {
    /// Keyed by first address.
    ranges: BTreeMap<u64, DmaRange>,
    limit: usize,
}

impl DmaMaps {
    /// No ranges, and room for `limit`.
    pub fn new(limit: usize) -> DmaMaps {
        DmaMaps {
            ranges: BTreeMap::new(),
            limit,
        }
    }

    /// Ranges mapped.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The range that holds an address.
    pub fn find(&self, address: u64) -> Option<&DmaRange> {
        let (_, range) = self.ranges.range(..=address).next_back()?;
        (range.last >= address).then_some(range)
    }

    /// Adds a range.
    ///
    /// # Errors
    /// EEXIST if it overlaps one that is mapped (section "VFIO_USER_DMA_MAP"), ENOSPC if there are as many as allowed.
    pub fn map(&mut self, range: DmaRange) -> Result<(), Errno> {
        let below = self.ranges.range(..=range.last).next_back();
        if below.is_some_and(|(_, other)| other.last >= range.first) {
            return Err(Errno::EEXIST);
        }
        if self.ranges.len() >= self.limit {
            return Err(Errno::ENOSPC);
        }
        self.ranges.insert(range.first, range);
        Ok(())
    }

    /// Removes every range inside the given addresses and says how many there were.
    ///
    /// The specification wants an exact match with one mapping. A span that covers several whole ones is taken as well, as the kernel's VFIO
    /// does and a virtual IOMMU relies on; afterwards nothing in the span is mapped either way.
    ///
    /// # Errors
    /// EINVAL if the span is no range or cuts a mapped one, ENOENT if nothing in it is mapped. Nothing is removed then.
    pub fn unmap(&mut self, address: u64, size: u64) -> Result<usize, Errno> {
        let last = last_address(address, size)?;
        let cut_at_front = self.find(address).is_some_and(|r| r.first < address);
        let cut_at_end = self.find(last).is_some_and(|r| r.last > last);
        if cut_at_front || cut_at_end {
            return Err(Errno::EINVAL);
        }
        let keys: Vec<u64> = self.ranges.range(address..=last).map(|(&k, _)| k).collect();
        if keys.is_empty() {
            return Err(Errno::ENOENT);
        }
        for key in &keys {
            self.ranges.remove(key);
        }
        Ok(keys.len())
    }

    /// Removes everything and says how many ranges there were.
    pub fn unmap_all(&mut self) -> usize {
        let n = self.ranges.len();
        self.ranges.clear();
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RW: DmaPermissions = DmaPermissions {
        read: true,
        write: true,
    };

    fn pages(first: u64, count: u64) -> DmaRange {
        DmaRange::new(first * 4096, count * 4096, RW).unwrap()
    }

    #[test]
    fn ranges_that_are_none_are_refused() {
        for (address, size) in [
            (0, 0),
            (1, 4096),
            (0, 4095),
            (0, 1),
            (4096, u64::MAX),
            (u64::MAX - 4095, 8192),
        ] {
            assert_eq!(
                DmaRange::new(address, size, RW),
                Err(Errno::EINVAL),
                "{address:#x} {size:#x}"
            );
        }
        let nothing = DmaPermissions {
            read: false,
            write: false,
        };
        assert_eq!(DmaRange::new(0, 4096, nothing), Err(Errno::EINVAL));
        assert_eq!(
            DmaRange::new(u64::MAX - 4095, 4096, RW).unwrap().last(),
            u64::MAX
        );
    }

    #[test]
    fn file_offsets_are_for_mmap() {
        assert_eq!(pages(0, 1).check_file_offset(4096), Ok(()));
        for offset in [1, 4095, i64::MAX as u64 & !4095, !4095] {
            assert_eq!(
                pages(0, 1).check_file_offset(offset),
                Err(Errno::EINVAL),
                "{offset:#x}"
            );
        }
    }

    #[test]
    fn overlap_in_every_position_is_eexist() {
        let mut maps = DmaMaps::new(8);
        maps.map(pages(10, 4)).unwrap();
        for (first, count) in [
            (10, 4),
            (9, 2),
            (13, 1),
            (13, 5),
            (11, 1),
            (0, 100),
            (10, 1),
        ] {
            assert_eq!(
                maps.map(pages(first, count)),
                Err(Errno::EEXIST),
                "{first} {count}"
            );
        }
        maps.map(pages(9, 1)).unwrap();
        maps.map(pages(14, 1)).unwrap();
        assert_eq!(maps.len(), 3);
    }

    #[test]
    fn the_limit_is_enospc_and_is_given_back() {
        let mut maps = DmaMaps::new(2);
        maps.map(pages(0, 1)).unwrap();
        maps.map(pages(1, 1)).unwrap();
        assert_eq!(maps.map(pages(2, 1)), Err(Errno::ENOSPC));
        assert_eq!(maps.unmap(0, 4096), Ok(1));
        maps.map(pages(2, 1)).unwrap();
        assert_eq!(maps.unmap_all(), 2);
        assert!(maps.is_empty());
    }

    #[test]
    fn unmap_takes_whole_ranges_only() {
        let mut maps = DmaMaps::new(8);
        maps.map(pages(10, 4)).unwrap();
        maps.map(pages(20, 4)).unwrap();
        for (first, count, want) in [
            (10, 3, Errno::EINVAL),
            (11, 3, Errno::EINVAL),
            (11, 1, Errno::EINVAL),
            (0, 11, Errno::EINVAL),
            (12, 20, Errno::EINVAL),
            (14, 6, Errno::ENOENT),
            (0, 10, Errno::ENOENT),
        ] {
            assert_eq!(
                maps.unmap(first * 4096, count * 4096),
                Err(want),
                "{first} {count}"
            );
        }
        assert_eq!(maps.unmap(4096, u64::MAX), Err(Errno::EINVAL));
        assert_eq!(maps.len(), 2);
        assert_eq!(maps.unmap(0, 100 * 4096), Ok(2));
    }

    proptest! {
        /// Against one bit a page.
        #[test]
        fn behaves_as_a_set_of_pages(ops in prop::collection::vec((any::<bool>(), 0u64..24, 1u64..8), 1..80)) {
            let mut maps = DmaMaps::new(1000);
            // For every page, the first page of the mapping that holds it.
            let mut model = [None::<u64>; 40];
            for (map, first, count) in ops {
                let span = first as usize..(first + count) as usize;
                if map {
                    let free = model[span.clone()].iter().all(Option::is_none);
                    prop_assert_eq!(maps.map(pages(first, count)).is_ok(), free);
                    if free {
                        model[span].fill(Some(first));
                    }
                } else {
                    let cuts = (span.start > 0 && model[span.start].is_some() && model[span.start] == model[span.start - 1])
                        || (model[span.end - 1].is_some() && model[span.end - 1] == model[span.end]);
                    let any = model[span.clone()].iter().any(Option::is_some);
                    let want = if cuts { Err(Errno::EINVAL) } else if any { Ok(()) } else { Err(Errno::ENOENT) };
                    prop_assert_eq!(maps.unmap(first * 4096, count * 4096).map(drop), want);
                    if want.is_ok() {
                        model[span].fill(None);
                    }
                }
                for (page, owner) in model.iter().enumerate() {
                    prop_assert_eq!(maps.find(page as u64 * 4096 + 5).map(|r| r.address() / 4096), *owner);
                }
            }
        }
    }
}
