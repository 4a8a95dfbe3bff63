//! Fixed layouts that follow the header, each named after its section. Where the layout is one of `<linux/vfio.h>`, its struct is named too.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

macro_rules! layouts {
    ($($(#[$doc:meta])* $name:ident, $size:literal { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
            #[repr(C)]
            pub struct $name { $($(#[$field_doc])* pub $field: $ty,)* }
            impl $name {
                /// Bytes of the layout, as the wire counts them.
                pub const SIZE: u32 = $size;
            }
            const _: () = assert!(size_of::<$name>() == $size);
        )*
    };
}

layouts! {
    /// "VFIO_USER_VERSION": before the version data.
    VersionHeader, 4 {
        /// Incompatible changes.
        major: u16,
        /// Compatible additions.
        minor: u16,
    }

    /// "VFIO_USER_DMA_MAP", request.
    DmaMap, 32 {
        /// Bytes of this structure.
        argsz: u32,
        /// [`DMA_MAP_READ`], [`DMA_MAP_WRITE`].
        flags: u32,
        /// Where the range begins in the file that came with the message.
        offset: u64,
        /// First DMA address.
        address: u64,
        /// Bytes.
        size: u64,
    }

    /// "VFIO_USER_DMA_UNMAP", request and reply.
    DmaUnmap, 24 {
        /// Largest reply payload the client takes.
        argsz: u32,
        /// 0 or [`DMA_UNMAP_ALL`].
        flags: u32,
        /// First DMA address.
        address: u64,
        /// Bytes.
        size: u64,
    }

    /// "VFIO_USER_DEVICE_GET_INFO", request and reply (`struct vfio_device_info`).
    DeviceInfo, 16 {
        /// Largest reply payload the client takes; in the reply, what a full reply needs.
        argsz: u32,
        /// [`DEVICE_RESET`], [`DEVICE_PCI`].
        flags: u32,
        /// Regions of the device.
        num_regions: u32,
        /// Interrupt types of the device.
        num_irqs: u32,
    }

    /// "VFIO_USER_DEVICE_GET_REGION_INFO", request and reply (`struct vfio_region_info`).
    RegionInfo, 32 {
        /// Largest reply payload the client takes; in the reply, what a full reply needs.
        argsz: u32,
        /// [`REGION_READ`], [`REGION_WRITE`], [`REGION_MMAP`], [`REGION_CAPS`].
        flags: u32,
        /// Which region.
        index: u32,
        /// Where the first capability begins, from the start of this structure.
        cap_offset: u32,
        /// Bytes of the region.
        size: u64,
        /// Added to the offset of an area to give the offset for `mmap`.
        offset: u64,
    }

    /// "VFIO cap header format" (`struct vfio_info_cap_header`).
    CapabilityHeader, 8 {
        /// [`CAP_SPARSE_MMAP`].
        id: u16,
        /// Version of the capability.
        version: u16,
        /// Where the next capability begins, from the start of the region info; 0 for none.
        next: u32,
    }

    /// "VFIO region info cap sparse mmap": before the areas.
    SparseMmapHeader, 8 {
        /// Areas that follow.
        nr_areas: u32,
        /// Zero.
        reserved: u32,
    }

    /// One area of the above (`struct vfio_region_sparse_mmap_area`).
    SparseMmapArea, 16 {
        /// Where the area begins in the region.
        offset: u64,
        /// Bytes.
        size: u64,
    }

    /// "VFIO_USER_DEVICE_GET_IRQ_INFO", request and reply (`struct vfio_irq_info`).
    IrqInfo, 16 {
        /// Largest reply payload the client takes; in the reply, what a full reply needs.
        argsz: u32,
        /// [`IRQ_EVENTFD`], [`IRQ_MASKABLE`], [`IRQ_AUTOMASKED`], [`IRQ_NORESIZE`].
        flags: u32,
        /// Which type.
        index: u32,
        /// Interrupts of this type.
        count: u32,
    }

    /// "VFIO_USER_DEVICE_SET_IRQS", request (`struct vfio_irq_set`).
    IrqSet, 20 {
        /// Bytes of this structure and the booleans that follow.
        argsz: u32,
        /// One of `IRQ_SET_DATA_*` and one of `IRQ_SET_ACTION_*`.
        flags: u32,
        /// Which type.
        index: u32,
        /// First interrupt.
        start: u32,
        /// Interrupts.
        count: u32,
    }

    /// "VFIO_USER_REGION_READ" and "VFIO_USER_REGION_WRITE", request and reply; before the data.
    RegionAccess, 16 {
        /// Where in the region.
        offset: u64,
        /// Which region.
        region: u32,
        /// Bytes of data.
        count: u32,
    }

    /// "VFIO_USER_REGION_WRITE_MULTI": before the writes; also the reply.
    WriteMulti, 8 {
        /// Writes that follow; in the reply, writes that were done.
        wr_cnt: u64,
    }

    /// "Single Device Write Format".
    WriteMultiEntry, 24 {
        /// Where in the region.
        offset: u64,
        /// Which region.
        region: u32,
        /// Bytes of data, at most 8.
        count: u32,
        /// The data, from its first byte.
        data: [u8; 8],
    }
}

/// DMA_MAP: the device may read.
pub const DMA_MAP_READ: u32 = 1 << 0;
/// DMA_MAP: the device may write.
pub const DMA_MAP_WRITE: u32 = 1 << 1;

/// DMA_UNMAP with a dirty page bitmap (`VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP`); not offered.
pub const DMA_UNMAP_GET_DIRTY_BITMAP: u32 = 1 << 0;
/// DMA_UNMAP of everything, address and size zero (`VFIO_DMA_UNMAP_FLAG_ALL`). The specification calls the flags unused; QEMU sends this one.
pub const DMA_UNMAP_ALL: u32 = 1 << 1;

/// The device takes DEVICE_RESET.
pub const DEVICE_RESET: u32 = 1 << 0;
/// The device is a PCI device.
pub const DEVICE_PCI: u32 = 1 << 1;

/// The region may be read.
pub const REGION_READ: u32 = 1 << 0;
/// The region may be written.
pub const REGION_WRITE: u32 = 1 << 1;
/// Areas of the region may be mapped; a descriptor comes with the reply.
pub const REGION_MMAP: u32 = 1 << 2;
/// Capabilities follow the region info.
pub const REGION_CAPS: u32 = 1 << 3;

/// `VFIO_REGION_INFO_CAP_SPARSE_MMAP`.
pub const CAP_SPARSE_MMAP: u16 = 1;

/// The type is signalled through eventfds.
pub const IRQ_EVENTFD: u32 = 1 << 0;
/// The type takes mask and unmask.
pub const IRQ_MASKABLE: u32 = 1 << 1;
/// An interrupt of the type masks itself when it fires.
pub const IRQ_AUTOMASKED: u32 = 1 << 2;
/// The type is set up as a whole.
pub const IRQ_NORESIZE: u32 = 1 << 3;

/// SET_IRQS: no data; the action applies to the whole range.
pub const IRQ_SET_DATA_NONE: u32 = 1 << 0;
/// SET_IRQS: one byte an interrupt; the action applies where it is not zero.
pub const IRQ_SET_DATA_BOOL: u32 = 1 << 1;
/// SET_IRQS: one descriptor an interrupt, or none to disconnect the range.
pub const IRQ_SET_DATA_EVENTFD: u32 = 1 << 2;
/// SET_IRQS: mask.
pub const IRQ_SET_ACTION_MASK: u32 = 1 << 3;
/// SET_IRQS: unmask.
pub const IRQ_SET_ACTION_UNMASK: u32 = 1 << 4;
/// SET_IRQS: trigger.
pub const IRQ_SET_ACTION_TRIGGER: u32 = 1 << 5;

/// Splits a fixed layout off the front of a message body. The body need not be aligned.
pub fn split<T: FromBytes>(body: &[u8]) -> Option<(T, &[u8])> {
    T::read_from_prefix(body).ok()
}
