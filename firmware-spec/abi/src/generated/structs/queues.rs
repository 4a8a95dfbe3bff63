// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Layouts in memory, little endian. From `firmware-spec/spec/queues.toml`.

#[allow(unused_imports)]
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[allow(unused_imports)]
use crate::generated::{enums::*, flags::*, structs::*};

/// Scatter/gather entry.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Segment {
    /// Virtual address within the key's region, or DMA address with the privileged key.
    pub address: U64,
    /// Bytes.
    pub length: U32,
    /// Local key; any value when length is 0.
    pub key: U32,
}

const _: () = {
    assert!(core::mem::size_of::<Segment>() == 16);
    assert!(core::mem::offset_of!(Segment, address) == 0);
    assert!(core::mem::offset_of!(Segment, length) == 8);
    assert!(core::mem::offset_of!(Segment, key) == 12);
};

impl Segment {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            address: U64::ZERO,
            length: U32::ZERO,
            key: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        true
    }
}

impl Default for Segment {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// First 16 bytes of a send queue entry.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct WorkHeader {
    /// Returned in the completion.
    pub context: U64,
    /// Operation.
    ///
    /// As stored; see [`Self::opcode`].
    pub opcode_raw: u8,
    /// Modifiers.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: u8,
    /// Number of Segments at SEGMENTS_AT, or of inline bytes when flags.inline.
    pub data_count: U16,
    /// Immediate data (bytes in wire order), or the key that the peer invalidates.
    pub immediate: U32,
}

const _: () = {
    assert!(core::mem::size_of::<WorkHeader>() == 16);
    assert!(core::mem::offset_of!(WorkHeader, context) == 0);
    assert!(core::mem::offset_of!(WorkHeader, opcode_raw) == 8);
    assert!(core::mem::offset_of!(WorkHeader, flags_raw) == 9);
    assert!(core::mem::offset_of!(WorkHeader, data_count) == 10);
    assert!(core::mem::offset_of!(WorkHeader, immediate) == 12);
};

impl WorkHeader {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            context: U64::ZERO,
            opcode_raw: 0,
            flags_raw: 0,
            data_count: U16::ZERO,
            immediate: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        !self.flags().reserved_bits_set()
    }

    /// Operation.
    #[must_use]
    pub const fn opcode(&self) -> WorkOpcode {
        WorkOpcode(self.opcode_raw)
    }

    /// Stores `opcode`.
    pub const fn set_opcode(&mut self, value: WorkOpcode) {
        self.opcode_raw = value.0;
    }

    /// The same with `opcode` replaced.
    #[must_use]
    pub const fn with_opcode(mut self, value: WorkOpcode) -> Self {
        self.opcode_raw = value.0;
        self
    }

    /// Modifiers.
    #[must_use]
    pub const fn flags(&self) -> WorkFlags {
        WorkFlags(self.flags_raw)
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: WorkFlags) {
        self.flags_raw = value.0;
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: WorkFlags) -> Self {
        self.flags_raw = value.0;
        self
    }
}

impl Default for WorkHeader {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Bytes 16 to 47 of WRITE, WRITE_IMMEDIATE, READ, READ_INVALIDATE.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct RemoteSegment {
    /// Remote virtual address.
    pub address: U64,
    /// Remote key.
    pub key: U32,
    /// Zero.
    pub reserved_12: [u8; 20],
}

const _: () = {
    assert!(core::mem::size_of::<RemoteSegment>() == 32);
    assert!(core::mem::offset_of!(RemoteSegment, address) == 0);
    assert!(core::mem::offset_of!(RemoteSegment, key) == 8);
    assert!(core::mem::offset_of!(RemoteSegment, reserved_12) == 12);
};

impl RemoteSegment {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            address: U64::ZERO,
            key: U32::ZERO,
            reserved_12: [0; 20],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_12.iter().all(|v| *v == 0)
    }
}

impl Default for RemoteSegment {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Bytes 16 to 47 of COMPARE_SWAP and FETCH_ADD. One local Segment of 8 bytes receives the old value.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct AtomicSegment {
    /// Remote virtual address, a multiple of 8.
    pub address: U64,
    /// Remote key.
    pub key: U32,
    /// Zero.
    pub reserved_12: [u8; 4],
    /// Swap value, or addend.
    pub operand: U64,
    /// Compare value; zero for FETCH_ADD.
    pub compare: U64,
}

const _: () = {
    assert!(core::mem::size_of::<AtomicSegment>() == 32);
    assert!(core::mem::offset_of!(AtomicSegment, address) == 0);
    assert!(core::mem::offset_of!(AtomicSegment, key) == 8);
    assert!(core::mem::offset_of!(AtomicSegment, reserved_12) == 12);
    assert!(core::mem::offset_of!(AtomicSegment, operand) == 16);
    assert!(core::mem::offset_of!(AtomicSegment, compare) == 24);
};

impl AtomicSegment {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            address: U64::ZERO,
            key: U32::ZERO,
            reserved_12: [0; 4],
            operand: U64::ZERO,
            compare: U64::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_12.iter().all(|v| *v == 0)
    }
}

impl Default for AtomicSegment {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Bytes 16 to 47 of FAST_REGISTER.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct FastRegisterSegment {
    /// Virtual address of the first byte; its low 12 bits are the offset in the first page.
    pub base: U64,
    /// DMA address of the page addresses, 8 bytes each, 8-byte aligned; left alone until the entry retires.
    pub page_list: U64,
    /// Bytes of the region.
    pub length: U32,
    /// Page addresses in the list.
    pub page_count: U32,
    /// Index of the region, and the variant it gets.
    pub key: U32,
    /// Rights.
    ///
    /// As stored; see [`Self::access`].
    pub access_raw: U32,
}

const _: () = {
    assert!(core::mem::size_of::<FastRegisterSegment>() == 32);
    assert!(core::mem::offset_of!(FastRegisterSegment, base) == 0);
    assert!(core::mem::offset_of!(FastRegisterSegment, page_list) == 8);
    assert!(core::mem::offset_of!(FastRegisterSegment, length) == 16);
    assert!(core::mem::offset_of!(FastRegisterSegment, page_count) == 20);
    assert!(core::mem::offset_of!(FastRegisterSegment, key) == 24);
    assert!(core::mem::offset_of!(FastRegisterSegment, access_raw) == 28);
};

impl FastRegisterSegment {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            base: U64::ZERO,
            page_list: U64::ZERO,
            length: U32::ZERO,
            page_count: U32::ZERO,
            key: U32::ZERO,
            access_raw: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        !self.access().reserved_bits_set()
    }

    /// Rights.
    #[must_use]
    pub const fn access(&self) -> AccessFlags {
        AccessFlags(self.access_raw.get())
    }

    /// Stores `access`.
    pub const fn set_access(&mut self, value: AccessFlags) {
        self.access_raw = U32::new(value.0);
    }

    /// The same with `access` replaced.
    #[must_use]
    pub const fn with_access(mut self, value: AccessFlags) -> Self {
        self.access_raw = U32::new(value.0);
        self
    }
}

impl Default for FastRegisterSegment {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Bytes 16 to 47 of BIND.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct BindSegment {
    /// Virtual address of the first byte, within the region.
    pub address: U64,
    /// Bytes; 0 unbinds a type 1 window.
    pub length: U64,
    /// Index of the window, and the variant it gets.
    pub window_key: U32,
    /// Key of the region.
    pub region_key: U32,
    /// Remote rights.
    ///
    /// As stored; see [`Self::access`].
    pub access_raw: U32,
    /// Zero.
    pub reserved_28: [u8; 4],
}

const _: () = {
    assert!(core::mem::size_of::<BindSegment>() == 32);
    assert!(core::mem::offset_of!(BindSegment, address) == 0);
    assert!(core::mem::offset_of!(BindSegment, length) == 8);
    assert!(core::mem::offset_of!(BindSegment, window_key) == 16);
    assert!(core::mem::offset_of!(BindSegment, region_key) == 20);
    assert!(core::mem::offset_of!(BindSegment, access_raw) == 24);
    assert!(core::mem::offset_of!(BindSegment, reserved_28) == 28);
};

impl BindSegment {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            address: U64::ZERO,
            length: U64::ZERO,
            window_key: U32::ZERO,
            region_key: U32::ZERO,
            access_raw: U32::ZERO,
            reserved_28: [0; 4],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        !self.access().reserved_bits_set() && self.reserved_28.iter().all(|v| *v == 0)
    }

    /// Remote rights.
    #[must_use]
    pub const fn access(&self) -> AccessFlags {
        AccessFlags(self.access_raw.get())
    }

    /// Stores `access`.
    pub const fn set_access(&mut self, value: AccessFlags) {
        self.access_raw = U32::new(value.0);
    }

    /// The same with `access` replaced.
    #[must_use]
    pub const fn with_access(mut self, value: AccessFlags) -> Self {
        self.access_raw = U32::new(value.0);
        self
    }
}

impl Default for BindSegment {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Bytes 16 to 47 of LOCAL_INVALIDATE.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct InvalidateSegment {
    /// Key to make FREE.
    pub key: U32,
    /// Zero.
    pub reserved_4: [u8; 28],
}

const _: () = {
    assert!(core::mem::size_of::<InvalidateSegment>() == 32);
    assert!(core::mem::offset_of!(InvalidateSegment, key) == 0);
    assert!(core::mem::offset_of!(InvalidateSegment, reserved_4) == 4);
};

impl InvalidateSegment {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            key: U32::ZERO,
            reserved_4: [0; 28],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_4.iter().all(|v| *v == 0)
    }
}

impl Default for InvalidateSegment {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Bytes 16 to 47 of sends on a UD queue pair: where the datagram goes.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DatagramSegment {
    /// Destination address, IPv4 as ::ffff:a.b.c.d.
    pub address: [u8; 16],
    /// Destination queue pair, 24 bits.
    pub qpn: U32,
    /// Queue key; with bit 31 set, that of the queue pair is sent.
    pub qkey: U32,
    /// 20 bits.
    pub flow_label: U32,
    /// Traffic class.
    pub traffic_class: u8,
    /// Hop limit; 0 stands for 64.
    pub hop_limit: u8,
    /// UDP source port; 0 stands for that of MODIFY_QP.
    pub source_port: U16,
}

const _: () = {
    assert!(core::mem::size_of::<DatagramSegment>() == 32);
    assert!(core::mem::offset_of!(DatagramSegment, address) == 0);
    assert!(core::mem::offset_of!(DatagramSegment, qpn) == 16);
    assert!(core::mem::offset_of!(DatagramSegment, qkey) == 20);
    assert!(core::mem::offset_of!(DatagramSegment, flow_label) == 24);
    assert!(core::mem::offset_of!(DatagramSegment, traffic_class) == 28);
    assert!(core::mem::offset_of!(DatagramSegment, hop_limit) == 29);
    assert!(core::mem::offset_of!(DatagramSegment, source_port) == 30);
};

impl DatagramSegment {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            address: [0; 16],
            qpn: U32::ZERO,
            qkey: U32::ZERO,
            flow_label: U32::ZERO,
            traffic_class: 0,
            hop_limit: 0,
            source_port: U16::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        true
    }
}

impl Default for DatagramSegment {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// First 16 bytes of a receive queue entry; Segments follow at RECV_SEGMENTS_AT.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ReceiveHeader {
    /// Returned in the completion.
    pub context: U64,
    /// Number of Segments.
    pub segment_count: U16,
    /// Zero.
    pub reserved_10: [u8; 6],
}

const _: () = {
    assert!(core::mem::size_of::<ReceiveHeader>() == 16);
    assert!(core::mem::offset_of!(ReceiveHeader, context) == 0);
    assert!(core::mem::offset_of!(ReceiveHeader, segment_count) == 8);
    assert!(core::mem::offset_of!(ReceiveHeader, reserved_10) == 10);
};

impl ReceiveHeader {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            context: U64::ZERO,
            segment_count: U16::ZERO,
            reserved_10: [0; 6],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_10.iter().all(|v| *v == 0)
    }
}

impl Default for ReceiveHeader {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Completion queue entry. The last 8 bytes are one aligned store, which publishes the entry.
///
/// 64 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Completion {
    /// Of the work request.
    pub context: U64,
    /// Local queue pair.
    pub qpn: U32,
    /// Bytes received or read; 8 for atomics, 0 otherwise and on error.
    pub byte_count: U32,
    /// Immediate data or invalidated key.
    pub immediate: U32,
    /// Check that failed; NONE on success.
    ///
    /// As stored; see [`Self::syndrome`].
    pub syndrome_raw: U32,
    /// Free-running count of retired entries of that queue, this one included. For a shared receive queue, of that queue.
    pub retired: U32,
    /// Free-running index of the entry in its queue.
    pub index: U32,
    /// Slot of the shared receive queue that the entry lay in; 0 otherwise.
    pub srq_slot: U32,
    /// Sender's queue pair (UD); 0 otherwise.
    pub source_qpn: U32,
    /// CLOCK when the completion was written; 0 without TIMESTAMPS.
    pub timestamp: U64,
    /// Zero.
    pub reserved_48: [u8; 8],
    /// Kind.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: U16,
    /// Operation of a send queue entry; for a receive, the sender's: SEND, SEND_IMMEDIATE, SEND_INVALIDATE or WRITE_IMMEDIATE.
    ///
    /// As stored; see [`Self::opcode`].
    pub opcode_raw: u8,
    /// Zero.
    pub reserved_59: u8,
    /// Result.
    ///
    /// As stored; see [`Self::status`].
    pub status_raw: U16,
    /// Zero.
    pub reserved_62: u8,
    /// Bit 0: 1 in even passes over the ring (the first is pass 0), 0 in odd ones. Other bits zero.
    pub owner: u8,
}

const _: () = {
    assert!(core::mem::size_of::<Completion>() == 64);
    assert!(core::mem::offset_of!(Completion, context) == 0);
    assert!(core::mem::offset_of!(Completion, qpn) == 8);
    assert!(core::mem::offset_of!(Completion, byte_count) == 12);
    assert!(core::mem::offset_of!(Completion, immediate) == 16);
    assert!(core::mem::offset_of!(Completion, syndrome_raw) == 20);
    assert!(core::mem::offset_of!(Completion, retired) == 24);
    assert!(core::mem::offset_of!(Completion, index) == 28);
    assert!(core::mem::offset_of!(Completion, srq_slot) == 32);
    assert!(core::mem::offset_of!(Completion, source_qpn) == 36);
    assert!(core::mem::offset_of!(Completion, timestamp) == 40);
    assert!(core::mem::offset_of!(Completion, reserved_48) == 48);
    assert!(core::mem::offset_of!(Completion, flags_raw) == 56);
    assert!(core::mem::offset_of!(Completion, opcode_raw) == 58);
    assert!(core::mem::offset_of!(Completion, reserved_59) == 59);
    assert!(core::mem::offset_of!(Completion, status_raw) == 60);
    assert!(core::mem::offset_of!(Completion, reserved_62) == 62);
    assert!(core::mem::offset_of!(Completion, owner) == 63);
};

impl Completion {
    /// Size in bytes.
    pub const SIZE: usize = 64;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            context: U64::ZERO,
            qpn: U32::ZERO,
            byte_count: U32::ZERO,
            immediate: U32::ZERO,
            syndrome_raw: U32::ZERO,
            retired: U32::ZERO,
            index: U32::ZERO,
            srq_slot: U32::ZERO,
            source_qpn: U32::ZERO,
            timestamp: U64::ZERO,
            reserved_48: [0; 8],
            flags_raw: U16::ZERO,
            opcode_raw: 0,
            reserved_59: 0,
            status_raw: U16::ZERO,
            reserved_62: 0,
            owner: 0,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_48.iter().all(|v| *v == 0)
            && !self.flags().reserved_bits_set()
            && self.reserved_59 == 0
            && self.reserved_62 == 0
    }

    /// Check that failed; NONE on success.
    #[must_use]
    pub const fn syndrome(&self) -> ProviderError {
        ProviderError(self.syndrome_raw.get())
    }

    /// Stores `syndrome`.
    pub const fn set_syndrome(&mut self, value: ProviderError) {
        self.syndrome_raw = U32::new(value.0);
    }

    /// The same with `syndrome` replaced.
    #[must_use]
    pub const fn with_syndrome(mut self, value: ProviderError) -> Self {
        self.syndrome_raw = U32::new(value.0);
        self
    }

    /// Kind.
    #[must_use]
    pub const fn flags(&self) -> CompletionFlags {
        CompletionFlags(self.flags_raw.get())
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: CompletionFlags) {
        self.flags_raw = U16::new(value.0);
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: CompletionFlags) -> Self {
        self.flags_raw = U16::new(value.0);
        self
    }

    /// Operation of a send queue entry; for a receive, the sender's: SEND, SEND_IMMEDIATE, SEND_INVALIDATE or WRITE_IMMEDIATE.
    #[must_use]
    pub const fn opcode(&self) -> WorkOpcode {
        WorkOpcode(self.opcode_raw)
    }

    /// Stores `opcode`.
    pub const fn set_opcode(&mut self, value: WorkOpcode) {
        self.opcode_raw = value.0;
    }

    /// The same with `opcode` replaced.
    #[must_use]
    pub const fn with_opcode(mut self, value: WorkOpcode) -> Self {
        self.opcode_raw = value.0;
        self
    }

    /// Result.
    #[must_use]
    pub const fn status(&self) -> CompletionStatus {
        CompletionStatus(self.status_raw.get())
    }

    /// Stores `status`.
    pub const fn set_status(&mut self, value: CompletionStatus) {
        self.status_raw = U16::new(value.0);
    }

    /// The same with `status` replaced.
    #[must_use]
    pub const fn with_status(mut self, value: CompletionStatus) -> Self {
        self.status_raw = U16::new(value.0);
        self
    }
}

impl Default for Completion {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Entry of a completion event queue. The last 8 bytes are one aligned store.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CqEvent {
    /// Completion queue.
    pub cqn: U32,
    /// The queue's generation, as CREATE_CQ answered it.
    pub generation: U32,
    /// Producer index of the completion queue at that moment.
    pub consumer: U32,
    /// Sequence of the arm that is satisfied.
    pub arm_sequence: u8,
    /// Why.
    ///
    /// As stored; see [`Self::kind`].
    pub kind_raw: u8,
    /// Zero.
    pub reserved_14: u8,
    /// As in Completion.
    pub owner: u8,
}

const _: () = {
    assert!(core::mem::size_of::<CqEvent>() == 16);
    assert!(core::mem::offset_of!(CqEvent, cqn) == 0);
    assert!(core::mem::offset_of!(CqEvent, generation) == 4);
    assert!(core::mem::offset_of!(CqEvent, consumer) == 8);
    assert!(core::mem::offset_of!(CqEvent, arm_sequence) == 12);
    assert!(core::mem::offset_of!(CqEvent, kind_raw) == 13);
    assert!(core::mem::offset_of!(CqEvent, reserved_14) == 14);
    assert!(core::mem::offset_of!(CqEvent, owner) == 15);
};

impl CqEvent {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            cqn: U32::ZERO,
            generation: U32::ZERO,
            consumer: U32::ZERO,
            arm_sequence: 0,
            kind_raw: 0,
            reserved_14: 0,
            owner: 0,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_14 == 0
    }

    /// Why.
    #[must_use]
    pub const fn kind(&self) -> CqEventKind {
        CqEventKind(self.kind_raw)
    }

    /// Stores `kind`.
    pub const fn set_kind(&mut self, value: CqEventKind) {
        self.kind_raw = value.0;
    }

    /// The same with `kind` replaced.
    #[must_use]
    pub const fn with_kind(mut self, value: CqEventKind) -> Self {
        self.kind_raw = value.0;
        self
    }
}

impl Default for CqEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}
