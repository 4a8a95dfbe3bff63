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
    /// Memory ranges in the order of their BARs: registers, doorbells, MSI-X.
    pub memory: [Option<Range>; 3],
    /// Interrupt messages.
    pub messages: u32,
}

impl Resources {
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
