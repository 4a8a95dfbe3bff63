//! What Windows assigned to the function.

use ndis_sys::nt::{
    CM_PARTIAL_RESOURCE_DESCRIPTOR, CM_PARTIAL_RESOURCE_LIST, CM_RESOURCE_INTERRUPT_MESSAGE,
    CM_RESOURCE_TYPE_INTERRUPT, CM_RESOURCE_TYPE_MEMORY,
};

/// A range of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: i64,
    /// Bytes.
    pub length: u32,
}

/// Everything that was assigned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Memory ranges in the order in which they were listed.
    pub memory: [Option<Range>; 3],
    /// Interrupt messages.
    pub messages: u32,
}

/// Where the function's BARs lie by its configuration space: registers 10h to 27h (PCI, 7.5.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bars([u32; 6]);

impl Bars {
    /// Reads them; `read` gives 4 bytes of configuration space.
    pub fn read(mut read: impl FnMut(u16) -> u32) -> Self {
        Self([0x10, 0x14, 0x18, 0x1C, 0x20, 0x24].map(&mut read))
    }

    /// Address of a memory BAR.
    fn address(&self, number: u8) -> Option<u64> {
        const IS_IO: u32 = 1;
        const IS_64_BITS: u32 = 0b100;
        let number = usize::from(number);
        let low = *self.0.get(number)?;
        let high = match low & IS_64_BITS {
            0 => 0,
            _ => *self.0.get(number + 1)?,
        };
        (low & IS_IO == 0).then_some(u64::from(high) << 32 | u64::from(low & !0xF))
    }
}

impl Resources {
    /// The range of a BAR, by the address that the function itself has for it. Where a bridge translates addresses none
    /// is found so: then it is the range of this place in the list, which follows the BARs.
    #[must_use]
    pub fn bar(&self, bars: &Bars, number: u8) -> Option<Range> {
        let address = bars.address(number).filter(|address| *address != 0);
        let mut ranges = self.memory.iter().flatten();
        let named = ranges.find(|range| Some(range.start.cast_unsigned()) == address);
        let place = self.memory.get(usize::from(number / 2)).copied().flatten();
        named.copied().or(place)
    }

    /// Reads descriptors.
    #[must_use]
    pub fn from_descriptors(descriptors: &[CM_PARTIAL_RESOURCE_DESCRIPTOR]) -> Self {
        let mut resources = Self::default();
        let mut bars = resources.memory.iter_mut();
        for descriptor in descriptors {
            match descriptor.Type {
                CM_RESOURCE_TYPE_MEMORY => {
                    if let Some(bar) = bars.next() {
                        // SAFETY: the type says which field it is; every bit pattern of it is a value.
                        let memory = unsafe { descriptor.u.Memory };
                        *bar = Some(Range {
                            start: memory.Start,
                            length: memory.Length,
                        });
                    }
                }
                CM_RESOURCE_TYPE_INTERRUPT
                    if descriptor.Flags & CM_RESOURCE_INTERRUPT_MESSAGE != 0 =>
                {
                    resources.messages += 1;
                }
                _ => {}
            }
        }
        resources
    }

    /// Reads the list that MiniportInitializeEx is given.
    ///
    /// # Safety
    /// `list` is null or such a list.
    #[must_use]
    pub unsafe fn read(list: *const CM_PARTIAL_RESOURCE_LIST) -> Self {
        if list.is_null() {
            return Self::default();
        }
        // SAFETY: as promised; `Count` descriptors follow.
        let descriptors = unsafe {
            let first = &raw const (*list).PartialDescriptors;
            core::slice::from_raw_parts(
                first.cast::<CM_PARTIAL_RESOURCE_DESCRIPTOR>(),
                (*list).Count as usize,
            )
        };
        Self::from_descriptors(descriptors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndis_sys::nt::{CM_INTERRUPT, CM_MEMORY, CM_PARTIAL_RESOURCE_DESCRIPTOR_u};

    fn memory(start: i64, length: u32) -> CM_PARTIAL_RESOURCE_DESCRIPTOR {
        CM_PARTIAL_RESOURCE_DESCRIPTOR {
            Type: CM_RESOURCE_TYPE_MEMORY,
            ShareDisposition: 1,
            Flags: 0,
            u: CM_PARTIAL_RESOURCE_DESCRIPTOR_u {
                Memory: CM_MEMORY {
                    Start: start,
                    Length: length,
                },
            },
        }
    }

    fn interrupt(flags: u16) -> CM_PARTIAL_RESOURCE_DESCRIPTOR {
        CM_PARTIAL_RESOURCE_DESCRIPTOR {
            Type: CM_RESOURCE_TYPE_INTERRUPT,
            ShareDisposition: 1,
            Flags: flags,
            u: CM_PARTIAL_RESOURCE_DESCRIPTOR_u {
                Interrupt: CM_INTERRUPT {
                    Level: 9,
                    Vector: 0x91,
                    Affinity: 1,
                },
            },
        }
    }

    /// Ranges were taken in the order of the list, whatever the function said.
    #[test]
    fn bars_are_found_by_the_functions_own_addresses() {
        let list = [
            memory(0xFE10_0000, 0x1000),
            memory(0x12_8000_0000, 0x10_0000),
            memory(0xFE00_0000, 0x4000),
        ];
        let resources = Resources::from_descriptors(&list);
        // 32 bits, then 64 bits, prefetchable, then 32 bits.
        let bars = Bars([0xFE00_0000, 0, 0x8000_000C, 0x12, 0xFE10_0000, 0]);
        let start = |bars: &Bars, number| resources.bar(bars, number).map_or(0, |r| r.start);
        assert_eq!(
            [0, 2, 4].map(|number| start(&bars, number)),
            [0xFE00_0000, 0x12_8000_0000, 0xFE10_0000]
        );
        let translated = Bars([0x1000_0000, 0, 0x2000_0000, 0, 0x3000_0000, 0]);
        assert_eq!(
            [0, 2, 4].map(|number| start(&translated, number)),
            [0xFE10_0000, 0x12_8000_0000, 0xFE00_0000]
        );
    }

    #[test]
    fn bars_come_in_order_and_only_messages_count() {
        let list = [
            memory(0xFE00_0000, 0x4000),
            interrupt(CM_RESOURCE_INTERRUPT_MESSAGE),
            memory(0x8000_0000, 0x10_0000),
            interrupt(0),
            memory(0xFE10_0000, 0x1000),
            interrupt(CM_RESOURCE_INTERRUPT_MESSAGE),
            memory(0, 1),
        ];
        let resources = Resources::from_descriptors(&list);
        assert_eq!(resources.messages, 2);
        assert_eq!(
            resources.memory.map(|r| r.map_or(0, |r| r.start)),
            [0xFE00_0000, 0x8000_0000, 0xFE10_0000]
        );
    }
}
