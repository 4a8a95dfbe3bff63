// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Offsets of registers in their BAR, and the bit fields of each.

/// Block header.
///
/// 32 bits in BAR0.
pub const IDENTITY_HEADER: u64 = 0x0;
/// MAGIC_VALUE.
///
/// 32 bits in BAR0.
pub const MAGIC: u64 = 0x4;
/// Version of this interface: a driver that knows the major version can drive any minor.
///
/// 32 bits in BAR0.
pub const INTERFACE_VERSION: u64 = 0x8;
/// Version of the implementation, for people. No behaviour may depend on it.
///
/// 32 bits in BAR0.
pub const FIRMWARE_VERSION: u64 = 0xc;
/// Stable, non-zero EUI-64 of this device; the CA GUID of connection messages.
///
/// 64 bits in BAR0.
pub const NODE_GUID: u64 = 0x10;
/// Permanent Ethernet address.
///
/// 64 bits in BAR0.
pub const MAC_ADDRESS: u64 = 0x18;
/// Feature bits the device offers.
///
/// 64 bits in BAR0.
pub const FEATURES: u64 = 0x20;
/// Feature bits negotiated; zero until NEGOTIATE succeeded.
///
/// 64 bits in BAR0.
pub const ACTIVE_FEATURES: u64 = 0x28;
/// What a driver must know before it can send a command.
///
/// 32 bits in BAR0.
pub const CAPABILITY: u64 = 0x30;
/// Doorbell pages in BAR2, page 0 included.
///
/// 32 bits in BAR0.
pub const DOORBELL_PAGES: u64 = 0x34;
/// Free-running clock of the device, the base of completion timestamps.
///
/// 64 bits in BAR0.
pub const CLOCK: u64 = 0x38;
/// Block header.
///
/// 32 bits in BAR0.
pub const CONTROL_HEADER: u64 = 0x80;
/// Starts and resets the device.
///
/// 32 bits in BAR0.
pub const DEVICE_CONTROL: u64 = 0x84;
/// State of the device.
///
/// 32 bits in BAR0.
pub const DEVICE_STATUS: u64 = 0x88;
/// Wakes a parked device: it looks at the doorbells. Any value.
///
/// 32 bits in BAR0.
pub const KICK: u64 = 0x8c;
/// Why the device stopped.
///
/// 32 bits in BAR0.
pub const FAILURE: u64 = 0x90;
/// The address or the index that FAILURE is about.
///
/// 64 bits in BAR0.
pub const FAILURE_INFO: u64 = 0x98;
/// Register and doorbell accesses that were ignored because they were wrong, since the last read. Stops at its maximum.
///
/// 32 bits in BAR0.
pub const GUEST_ERRORS: u64 = 0xa0;
/// Storage without effect, for tests of the path to the device.
///
/// 32 bits in BAR0.
pub const SCRATCH: u64 = 0xa4;
/// Block header.
///
/// 32 bits in BAR0.
pub const INTERRUPT_HEADER: u64 = 0x100;
/// Causes that happened. Write 1 to clear.
///
/// 32 bits in BAR0.
pub const INTR_CAUSE: u64 = 0x104;
/// 1 keeps the cause of the same bit from raising a message. The cause is recorded all the same.
///
/// 32 bits in BAR0.
pub const INTR_MASK: u64 = 0x108;
/// Sets causes, as if they had happened.
///
/// 32 bits in BAR0.
pub const INTR_TEST: u64 = 0x10c;
/// Vector of the device-level causes.
///
/// 32 bits in BAR0.
pub const INTR_VECTOR: u64 = 0x110;
/// Block header.
///
/// 32 bits in BAR0.
pub const COMMAND_RING_HEADER: u64 = 0x180;
/// Descriptors in the ring. Written while CMD_CONTROL.enable is 0.
///
/// 32 bits in BAR0.
pub const CMD_SIZE: u64 = 0x184;
/// DMA address of the descriptor table, 16-byte aligned.
///
/// 64 bits in BAR0.
pub const CMD_DESC: u64 = 0x188;
/// DMA address of the available ring, 2-byte aligned.
///
/// 64 bits in BAR0.
pub const CMD_AVAIL: u64 = 0x190;
/// DMA address of the used ring, 4-byte aligned.
///
/// 64 bits in BAR0.
pub const CMD_USED: u64 = 0x198;
/// Starts the ring.
///
/// 32 bits in BAR0.
pub const CMD_CONTROL: u64 = 0x1a0;
/// Tells the device that the available ring moved. Any value.
///
/// 32 bits in BAR0.
pub const CMD_NOTIFY: u64 = 0x1a4;

/// Fields of [`IDENTITY_HEADER`].
pub mod identity_header {
    use crate::BitField;

    /// Block type, 1.
    pub const TYPE: BitField = BitField::new(7, 0);
    /// Block version.
    pub const VERSION: BitField = BitField::new(15, 8);
    /// Bytes to the next block.
    pub const LENGTH: BitField = BitField::new(31, 16);
}

/// Fields of [`MAGIC`].
pub mod magic {
    use crate::BitField;

    /// `RNIC`.
    pub const MAGIC: BitField = BitField::new(31, 0);
}

/// Fields of [`INTERFACE_VERSION`].
pub mod interface_version {
    use crate::BitField;

    /// Minor version.
    pub const MINOR: BitField = BitField::new(15, 0);
    /// Major version.
    pub const MAJOR: BitField = BitField::new(31, 16);
}

/// Fields of [`FIRMWARE_VERSION`].
pub mod firmware_version {
    use crate::BitField;

    /// Patch.
    pub const PATCH: BitField = BitField::new(7, 0);
    /// Minor.
    pub const MINOR: BitField = BitField::new(15, 8);
    /// Major.
    pub const MAJOR: BitField = BitField::new(23, 16);
}

/// Fields of [`NODE_GUID`].
pub mod node_guid {
    use crate::BitField;

    /// EUI-64, most significant byte in bits 63:56.
    pub const GUID: BitField = BitField::new(63, 0);
}

/// Fields of [`MAC_ADDRESS`].
pub mod mac_address {
    use crate::BitField;

    /// First octet on the wire in bits 7:0.
    pub const MAC: BitField = BitField::new(47, 0);
}

/// Fields of [`FEATURES`].
pub mod features {
    use crate::BitField;

    /// One bit a feature.
    pub const FEATURES: BitField = BitField::new(63, 0);
}

/// Fields of [`ACTIVE_FEATURES`].
pub mod active_features {
    use crate::BitField;

    /// One bit a feature.
    pub const FEATURES: BitField = BitField::new(63, 0);
}

/// Fields of [`CAPABILITY`].
pub mod capability {
    use crate::BitField;

    /// Log2 of the largest command ring, at least LIMIT_COMMAND_RING_LOG's minimum.
    pub const COMMAND_RING_LOG: BitField = BitField::new(3, 0);
    /// Interrupt vectors.
    pub const VECTORS: BitField = BitField::new(19, 8);
}

/// Fields of [`DOORBELL_PAGES`].
pub mod doorbell_pages {
    use crate::BitField;

    /// Number of pages.
    pub const PAGES: BitField = BitField::new(31, 0);
}

/// Fields of [`CLOCK`].
pub mod clock {
    use crate::BitField;

    /// Nanoseconds since an arbitrary moment; never runs backwards.
    pub const NANOSECONDS: BitField = BitField::new(63, 0);
}

/// Fields of [`CONTROL_HEADER`].
pub mod control_header {
    use crate::BitField;

    /// Block type, 2.
    pub const TYPE: BitField = BitField::new(7, 0);
    /// Block version.
    pub const VERSION: BitField = BitField::new(15, 8);
    /// Bytes to the next block.
    pub const LENGTH: BitField = BitField::new(31, 16);
}

/// Fields of [`DEVICE_CONTROL`].
pub mod device_control {
    use crate::BitField;

    /// 1: the device may fetch commands and queue entries. 0: it stops fetching; nothing is lost.
    pub const ENABLE: BitField = BitField::new(0, 0);
    /// Write 1: device reset. Reads 1 until the reset is complete.
    pub const RESET: BitField = BitField::new(31, 31);
}

/// Fields of [`DEVICE_STATUS`].
pub mod device_status {
    use crate::BitField;

    /// Registers other than this block's may be used: no reset is under way.
    pub const READY: BitField = BitField::new(0, 0);
    /// DEVICE_CONTROL.enable is in force.
    pub const ENABLED: BitField = BitField::new(1, 1);
    /// NEGOTIATE has succeeded since the last reset.
    pub const NEGOTIATED: BitField = BitField::new(2, 2);
    /// The device stopped; only a reset helps. FAILURE says why.
    pub const FAILED: BitField = BitField::new(3, 3);
    /// The port can carry frames.
    pub const LINK_UP: BitField = BitField::new(4, 4);
    /// The function may use DMA (PCI command register).
    pub const BUS_MASTER: BitField = BitField::new(5, 5);
}

/// Fields of [`KICK`].
pub mod kick {
    use crate::BitField;

    /// Ignored.
    pub const VALUE: BitField = BitField::new(31, 0);
}

/// Fields of [`FAILURE`].
pub mod failure {
    use crate::BitField;

    /// Cause.
    pub const CODE: BitField = BitField::new(15, 0);
}

/// Fields of [`FAILURE_INFO`].
pub mod failure_info {
    use crate::BitField;

    /// Meaning by code.
    pub const INFO: BitField = BitField::new(63, 0);
}

/// Fields of [`GUEST_ERRORS`].
pub mod guest_errors {
    use crate::BitField;

    /// Count.
    pub const COUNT: BitField = BitField::new(31, 0);
}

/// Fields of [`SCRATCH`].
pub mod scratch {
    use crate::BitField;

    /// Any value.
    pub const VALUE: BitField = BitField::new(31, 0);
}

/// Fields of [`INTERRUPT_HEADER`].
pub mod interrupt_header {
    use crate::BitField;

    /// Block type, 3.
    pub const TYPE: BitField = BitField::new(7, 0);
    /// Block version.
    pub const VERSION: BitField = BitField::new(15, 8);
    /// Bytes to the next block.
    pub const LENGTH: BitField = BitField::new(31, 16);
}

/// Fields of [`INTR_CAUSE`].
pub mod intr_cause {
    use crate::BitField;

    /// DEVICE_STATUS.link_up changed.
    pub const LINK_CHANGE: BitField = BitField::new(0, 0);
    /// DEVICE_STATUS.failed was set.
    pub const FAILURE: BitField = BitField::new(1, 1);
    /// The command ring stopped because it is malformed; FAILURE says how.
    pub const COMMAND_RING: BitField = BitField::new(2, 2);
    /// Set by INTR_TEST only.
    pub const TEST: BitField = BitField::new(31, 31);
}

/// Fields of [`INTR_MASK`].
pub mod intr_mask {
    use crate::BitField;

    /// Mask.
    pub const LINK_CHANGE: BitField = BitField::new(0, 0);
    /// Mask.
    pub const FAILURE: BitField = BitField::new(1, 1);
    /// Mask.
    pub const COMMAND_RING: BitField = BitField::new(2, 2);
    /// Mask.
    pub const TEST: BitField = BitField::new(31, 31);
}

/// Fields of [`INTR_TEST`].
pub mod intr_test {
    use crate::BitField;

    /// Set.
    pub const LINK_CHANGE: BitField = BitField::new(0, 0);
    /// Set the cause only; the device goes on.
    pub const FAILURE: BitField = BitField::new(1, 1);
    /// Set the cause only.
    pub const COMMAND_RING: BitField = BitField::new(2, 2);
    /// Set.
    pub const TEST: BitField = BitField::new(31, 31);
}

/// Fields of [`INTR_VECTOR`].
pub mod intr_vector {
    use crate::BitField;

    /// Interrupt vector, or VECTOR_NONE.
    pub const VECTOR: BitField = BitField::new(15, 0);
}

/// Fields of [`COMMAND_RING_HEADER`].
pub mod command_ring_header {
    use crate::BitField;

    /// Block type, 4.
    pub const TYPE: BitField = BitField::new(7, 0);
    /// Block version.
    pub const VERSION: BitField = BitField::new(15, 8);
    /// Bytes to the next block.
    pub const LENGTH: BitField = BitField::new(31, 16);
}

/// Fields of [`CMD_SIZE`].
pub mod cmd_size {
    use crate::BitField;

    /// A power of two from 2 to 1 \<\< CAPABILITY.command_ring_log.
    pub const SIZE: BitField = BitField::new(15, 0);
}

/// Fields of [`CMD_DESC`].
pub mod cmd_desc {
    use crate::BitField;

    /// Address.
    pub const ADDRESS: BitField = BitField::new(63, 0);
}

/// Fields of [`CMD_AVAIL`].
pub mod cmd_avail {
    use crate::BitField;

    /// Address.
    pub const ADDRESS: BitField = BitField::new(63, 0);
}

/// Fields of [`CMD_USED`].
pub mod cmd_used {
    use crate::BitField;

    /// Address.
    pub const ADDRESS: BitField = BitField::new(63, 0);
}

/// Fields of [`CMD_CONTROL`].
pub mod cmd_control {
    use crate::BitField;

    /// 1: the ring is live. Refused (reads 0) when the set-up is wrong.
    pub const ENABLE: BitField = BitField::new(0, 0);
    /// Vector raised when answers were put in the used ring; VECTOR_NONE for none.
    pub const VECTOR: BitField = BitField::new(31, 16);
}

/// Fields of [`CMD_NOTIFY`].
pub mod cmd_notify {
    use crate::BitField;

    /// Ignored.
    pub const VALUE: BitField = BitField::new(31, 0);
}
