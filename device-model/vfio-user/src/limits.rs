//! Every bound of the server in one place, so that what a client can make it hold is a sum of these numbers.

/// Descriptors accepted in one message (capability `max_msg_fds`).
pub const MAX_MSG_FDS: usize = 16;

/// Bytes of data in one REGION_READ or REGION_WRITE (capability `max_data_xfer_size`, the default of the specification).
pub const MAX_DATA_XFER_SIZE: u32 = 1 << 20;

/// DMA ranges mapped at one time (capability `max_dma_maps`, the default of the specification).
pub const MAX_DMA_MAPS: usize = 65_535;

/// The page size of DMA ranges (capability `pgsizes`: 4 KiB only).
pub const DMA_PAGE_SIZE: u64 = 4096;

/// Bytes of version data, with its NUL. QEMU sends about 200.
pub const MAX_VERSION_DATA: usize = 4096;

/// Interrupts of one type. MSI-X, the largest, has at most 2048 (PCI Express Base, "MSI-X Capability").
pub const MAX_IRQS_PER_INDEX: u32 = 2048;

/// Regions of a device. QEMU refuses a device with more.
pub const MAX_REGIONS: usize = 100;

/// Interrupt types of a device. QEMU refuses a device with more.
pub const MAX_IRQ_INDEXES: usize = 50;

/// Writes in one REGION_WRITE_MULTI. QEMU sends at most 200.
pub const MAX_MULTI_WRITES: usize = 1024;

/// The largest message: the header, the fixed part of REGION_WRITE, and its data. A header that claims more is not believed.
pub const MAX_MESSAGE_SIZE: u32 = 16 + 16 + MAX_DATA_XFER_SIZE;

/// Descriptors held for messages that are not complete. The kernel passes at most 253 with one `sendmsg` (SCM_MAX_FD), so one whole message of
/// any sender fits beside a good one; whoever needs more is not sending messages.
pub const MAX_HELD_FDS: usize = 253 + MAX_MSG_FDS;

/// Bytes of replies waiting for the client to read them, above which no further message is served. One reply may cross the mark, so the
/// queue never holds more than this, [`MAX_MESSAGE_SIZE`] and the held DMA replies.
pub const OUTPUT_HIGH_WATER: usize = 256 * 1024;

/// Replies to DMA_MAP and DMA_UNMAP held behind an unfinished DMA_UNMAP, above which no further message is served.
pub const MAX_HELD_DMA_REPLIES: usize = 1024;
