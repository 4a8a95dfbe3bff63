// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Layouts in memory, little endian. From `firmware-spec/spec/commands.toml`.

#[allow(unused_imports)]
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[allow(unused_imports)]
use crate::generated::{enums::*, flags::*, structs::*};

/// Start of every request.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CommandHeader {
    /// Command.
    ///
    /// As stored; see [`Self::opcode`].
    pub opcode_raw: U16,
    /// Zero.
    pub reserved_2: U16,
    /// Bytes of the request, this header included.
    pub length: U32,
    /// Returned in the answer.
    pub tag: U64,
}

const _: () = {
    assert!(core::mem::size_of::<CommandHeader>() == 16);
    assert!(core::mem::offset_of!(CommandHeader, opcode_raw) == 0);
    assert!(core::mem::offset_of!(CommandHeader, reserved_2) == 2);
    assert!(core::mem::offset_of!(CommandHeader, length) == 4);
    assert!(core::mem::offset_of!(CommandHeader, tag) == 8);
};

impl CommandHeader {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            opcode_raw: U16::ZERO,
            reserved_2: U16::ZERO,
            length: U32::ZERO,
            tag: U64::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_2 == U16::ZERO
    }

    /// Command.
    #[must_use]
    pub const fn opcode(&self) -> Opcode {
        Opcode(self.opcode_raw.get())
    }

    /// Stores `opcode`.
    pub const fn set_opcode(&mut self, value: Opcode) {
        self.opcode_raw = U16::new(value.0);
    }

    /// The same with `opcode` replaced.
    #[must_use]
    pub const fn with_opcode(mut self, value: Opcode) -> Self {
        self.opcode_raw = U16::new(value.0);
        self
    }
}

impl Default for CommandHeader {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Start of every answer.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct AnswerHeader {
    /// Result.
    ///
    /// As stored; see [`Self::status`].
    pub status_raw: U16,
    /// Of the request.
    ///
    /// As stored; see [`Self::opcode`].
    pub opcode_raw: U16,
    /// Detail, zero when OK.
    ///
    /// As stored; see [`Self::syndrome`].
    pub syndrome_raw: U32,
    /// Of the request.
    pub tag: U64,
}

const _: () = {
    assert!(core::mem::size_of::<AnswerHeader>() == 16);
    assert!(core::mem::offset_of!(AnswerHeader, status_raw) == 0);
    assert!(core::mem::offset_of!(AnswerHeader, opcode_raw) == 2);
    assert!(core::mem::offset_of!(AnswerHeader, syndrome_raw) == 4);
    assert!(core::mem::offset_of!(AnswerHeader, tag) == 8);
};

impl AnswerHeader {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            status_raw: U16::ZERO,
            opcode_raw: U16::ZERO,
            syndrome_raw: U32::ZERO,
            tag: U64::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        !self.syndrome().reserved_bits_set()
    }

    /// Result.
    #[must_use]
    pub const fn status(&self) -> Status {
        Status(self.status_raw.get())
    }

    /// Stores `status`.
    pub const fn set_status(&mut self, value: Status) {
        self.status_raw = U16::new(value.0);
    }

    /// The same with `status` replaced.
    #[must_use]
    pub const fn with_status(mut self, value: Status) -> Self {
        self.status_raw = U16::new(value.0);
        self
    }

    /// Of the request.
    #[must_use]
    pub const fn opcode(&self) -> Opcode {
        Opcode(self.opcode_raw.get())
    }

    /// Stores `opcode`.
    pub const fn set_opcode(&mut self, value: Opcode) {
        self.opcode_raw = U16::new(value.0);
    }

    /// The same with `opcode` replaced.
    #[must_use]
    pub const fn with_opcode(mut self, value: Opcode) -> Self {
        self.opcode_raw = U16::new(value.0);
        self
    }

    /// Detail, zero when OK.
    #[must_use]
    pub const fn syndrome(&self) -> Syndrome {
        Syndrome(self.syndrome_raw.get())
    }

    /// Stores `syndrome`.
    pub const fn set_syndrome(&mut self, value: Syndrome) {
        self.syndrome_raw = U32::new(value.0);
    }

    /// The same with `syndrome` replaced.
    #[must_use]
    pub const fn with_syndrome(mut self, value: Syndrome) -> Self {
        self.syndrome_raw = U32::new(value.0);
        self
    }
}

impl Default for AnswerHeader {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Where a ring lies: pages of PAGE_SIZE bytes, listed.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct RingDescription {
    /// DMA address of the page addresses, 8 bytes each, contiguous, 8-byte aligned. Read once, by this command.
    pub page_list: U64,
    /// Pages: exactly as many as the ring needs.
    pub page_count: U32,
    /// Log2 of the number of entries.
    pub log_entries: u8,
    /// Log2 of the bytes of an entry: 6 to 10 for work queues, 6 for completions, 4 or 9 for events.
    pub log_stride: u8,
    /// Zero.
    pub reserved_14: U16,
    /// Slot index in BAR2: page * DOORBELL_PAGE_SLOTS + slot.
    pub doorbell: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<RingDescription>() == 24);
    assert!(core::mem::offset_of!(RingDescription, page_list) == 0);
    assert!(core::mem::offset_of!(RingDescription, page_count) == 8);
    assert!(core::mem::offset_of!(RingDescription, log_entries) == 12);
    assert!(core::mem::offset_of!(RingDescription, log_stride) == 13);
    assert!(core::mem::offset_of!(RingDescription, reserved_14) == 14);
    assert!(core::mem::offset_of!(RingDescription, doorbell) == 16);
    assert!(core::mem::offset_of!(RingDescription, reserved_20) == 20);
};

impl RingDescription {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            page_list: U64::ZERO,
            page_count: U32::ZERO,
            log_entries: 0,
            log_stride: 0,
            reserved_14: U16::ZERO,
            doorbell: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_14 == U16::ZERO && self.reserved_20 == U32::ZERO
    }
}

impl Default for RingDescription {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer without a body.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct EmptyAnswer {
    /// Header.
    pub header: AnswerHeader,
}

const _: () = {
    assert!(core::mem::size_of::<EmptyAnswer>() == 16);
    assert!(core::mem::offset_of!(EmptyAnswer, header) == 0);
};

impl EmptyAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for EmptyAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of NEGOTIATE.
///
/// 40 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct NegotiateRequest {
    /// Header.
    pub header: CommandHeader,
    /// Interface major version that the driver speaks.
    pub major: U16,
    /// Highest minor version that it knows.
    pub minor: U16,
    /// Zero.
    pub reserved_20: U32,
    /// Feature bits that it wants; a subset of FEATURES.
    pub features: U64,
    /// DMA address of the parked word, 8-byte aligned; 0 without PARKING.
    pub parked_address: U64,
}

const _: () = {
    assert!(core::mem::size_of::<NegotiateRequest>() == 40);
    assert!(core::mem::offset_of!(NegotiateRequest, header) == 0);
    assert!(core::mem::offset_of!(NegotiateRequest, major) == 16);
    assert!(core::mem::offset_of!(NegotiateRequest, minor) == 18);
    assert!(core::mem::offset_of!(NegotiateRequest, reserved_20) == 20);
    assert!(core::mem::offset_of!(NegotiateRequest, features) == 24);
    assert!(core::mem::offset_of!(NegotiateRequest, parked_address) == 32);
};

impl NegotiateRequest {
    /// Size in bytes.
    pub const SIZE: usize = 40;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            major: U16::ZERO,
            minor: U16::ZERO,
            reserved_20: U32::ZERO,
            features: U64::ZERO,
            parked_address: U64::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for NegotiateRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of NEGOTIATE.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct NegotiateAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Version in force.
    pub major: U16,
    /// Version in force.
    pub minor: U16,
    /// Zero.
    pub reserved_20: U32,
    /// Features in force.
    pub features: U64,
}

const _: () = {
    assert!(core::mem::size_of::<NegotiateAnswer>() == 32);
    assert!(core::mem::offset_of!(NegotiateAnswer, header) == 0);
    assert!(core::mem::offset_of!(NegotiateAnswer, major) == 16);
    assert!(core::mem::offset_of!(NegotiateAnswer, minor) == 18);
    assert!(core::mem::offset_of!(NegotiateAnswer, reserved_20) == 20);
    assert!(core::mem::offset_of!(NegotiateAnswer, features) == 24);
};

impl NegotiateAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            major: U16::ZERO,
            minor: U16::ZERO,
            reserved_20: U32::ZERO,
            features: U64::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for NegotiateAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of NOP.
///
/// 64 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct NopRequest {
    /// Header.
    pub header: CommandHeader,
    /// Any bytes.
    pub payload: [u8; 48],
}

const _: () = {
    assert!(core::mem::size_of::<NopRequest>() == 64);
    assert!(core::mem::offset_of!(NopRequest, header) == 0);
    assert!(core::mem::offset_of!(NopRequest, payload) == 16);
};

impl NopRequest {
    /// Size in bytes.
    pub const SIZE: usize = 64;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            payload: [0; 48],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for NopRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of NOP.
///
/// 64 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct NopAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// The request's bytes.
    pub payload: [u8; 48],
}

const _: () = {
    assert!(core::mem::size_of::<NopAnswer>() == 64);
    assert!(core::mem::offset_of!(NopAnswer, header) == 0);
    assert!(core::mem::offset_of!(NopAnswer, payload) == 16);
};

impl NopAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 64;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            payload: [0; 48],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for NopAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of QUERY_DEVICE.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryDeviceRequest {
    /// Header.
    pub header: CommandHeader,
}

const _: () = {
    assert!(core::mem::size_of::<QueryDeviceRequest>() == 16);
    assert!(core::mem::offset_of!(QueryDeviceRequest, header) == 0);
};

impl QueryDeviceRequest {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for QueryDeviceRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of QUERY_DEVICE.
///
/// 272 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryDeviceAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Limits.
    pub limits: DeviceLimits,
}

const _: () = {
    assert!(core::mem::size_of::<QueryDeviceAnswer>() == 272);
    assert!(core::mem::offset_of!(QueryDeviceAnswer, header) == 0);
    assert!(core::mem::offset_of!(QueryDeviceAnswer, limits) == 16);
};

impl QueryDeviceAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 272;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            limits: DeviceLimits::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.limits.reserved_is_zero()
    }
}

impl Default for QueryDeviceAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of QUERY_PORT.
///
/// 16 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryPortRequest {
    /// Header.
    pub header: CommandHeader,
}

const _: () = {
    assert!(core::mem::size_of::<QueryPortRequest>() == 16);
    assert!(core::mem::offset_of!(QueryPortRequest, header) == 0);
};

impl QueryPortRequest {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for QueryPortRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of QUERY_PORT.
///
/// 48 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryPortAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Current Ethernet address.
    pub mac: [u8; 6],
    /// Link.
    ///
    /// As stored; see [`Self::state`].
    pub state_raw: u8,
    /// Largest path MTU that the port's frame size allows.
    ///
    /// As stored; see [`Self::active_mtu`].
    pub active_mtu_raw: u8,
    /// Honest speed of the port, Mbit/s.
    pub link_speed_mbps: U32,
    /// Longest Ethernet frame without frame check sequence.
    pub frame_bytes: U32,
    /// As NODE_GUID.
    pub guid: U64,
    /// Zero.
    pub reserved_40: U32,
    /// Zero.
    pub reserved_44: U32,
}

const _: () = {
    assert!(core::mem::size_of::<QueryPortAnswer>() == 48);
    assert!(core::mem::offset_of!(QueryPortAnswer, header) == 0);
    assert!(core::mem::offset_of!(QueryPortAnswer, mac) == 16);
    assert!(core::mem::offset_of!(QueryPortAnswer, state_raw) == 22);
    assert!(core::mem::offset_of!(QueryPortAnswer, active_mtu_raw) == 23);
    assert!(core::mem::offset_of!(QueryPortAnswer, link_speed_mbps) == 24);
    assert!(core::mem::offset_of!(QueryPortAnswer, frame_bytes) == 28);
    assert!(core::mem::offset_of!(QueryPortAnswer, guid) == 32);
    assert!(core::mem::offset_of!(QueryPortAnswer, reserved_40) == 40);
    assert!(core::mem::offset_of!(QueryPortAnswer, reserved_44) == 44);
};

impl QueryPortAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 48;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            mac: [0; 6],
            state_raw: 0,
            active_mtu_raw: 0,
            link_speed_mbps: U32::ZERO,
            frame_bytes: U32::ZERO,
            guid: U64::ZERO,
            reserved_40: U32::ZERO,
            reserved_44: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_40 == U32::ZERO
            && self.reserved_44 == U32::ZERO
    }

    /// Link.
    #[must_use]
    pub const fn state(&self) -> PortState {
        PortState(self.state_raw)
    }

    /// Stores `state`.
    pub const fn set_state(&mut self, value: PortState) {
        self.state_raw = value.0;
    }

    /// The same with `state` replaced.
    #[must_use]
    pub const fn with_state(mut self, value: PortState) -> Self {
        self.state_raw = value.0;
        self
    }

    /// Largest path MTU that the port's frame size allows.
    #[must_use]
    pub const fn active_mtu(&self) -> Mtu {
        Mtu(self.active_mtu_raw)
    }

    /// Stores `active_mtu`.
    pub const fn set_active_mtu(&mut self, value: Mtu) {
        self.active_mtu_raw = value.0;
    }

    /// The same with `active_mtu` replaced.
    #[must_use]
    pub const fn with_active_mtu(mut self, value: Mtu) -> Self {
        self.active_mtu_raw = value.0;
        self
    }
}

impl Default for QueryPortAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of QUERY_COUNTERS.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryCountersRequest {
    /// Header.
    pub header: CommandHeader,
    /// Index of the first counter.
    pub first: U32,
    /// Number of counters, 1 to 128.
    pub count: U32,
}

const _: () = {
    assert!(core::mem::size_of::<QueryCountersRequest>() == 24);
    assert!(core::mem::offset_of!(QueryCountersRequest, header) == 0);
    assert!(core::mem::offset_of!(QueryCountersRequest, first) == 16);
    assert!(core::mem::offset_of!(QueryCountersRequest, count) == 20);
};

impl QueryCountersRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            first: U32::ZERO,
            count: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for QueryCountersRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of QUERY_COUNTERS.
///
/// 1048 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryCountersAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Counters that follow and mean something.
    pub count: U32,
    /// Zero.
    pub reserved_20: U32,
    /// Values, from `first` on; zero past the last.
    pub values: [U64; 128],
}

const _: () = {
    assert!(core::mem::size_of::<QueryCountersAnswer>() == 1048);
    assert!(core::mem::offset_of!(QueryCountersAnswer, header) == 0);
    assert!(core::mem::offset_of!(QueryCountersAnswer, count) == 16);
    assert!(core::mem::offset_of!(QueryCountersAnswer, reserved_20) == 20);
    assert!(core::mem::offset_of!(QueryCountersAnswer, values) == 24);
};

impl QueryCountersAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 1048;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            count: U32::ZERO,
            reserved_20: U32::ZERO,
            values: [U64::ZERO; 128],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for QueryCountersAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_PD.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreatePdRequest {
    /// Header.
    pub header: CommandHeader,
    /// Kind.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreatePdRequest>() == 24);
    assert!(core::mem::offset_of!(CreatePdRequest, header) == 0);
    assert!(core::mem::offset_of!(CreatePdRequest, flags_raw) == 16);
    assert!(core::mem::offset_of!(CreatePdRequest, reserved_20) == 20);
};

impl CreatePdRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            flags_raw: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && !self.flags().reserved_bits_set()
            && self.reserved_20 == U32::ZERO
    }

    /// Kind.
    #[must_use]
    pub const fn flags(&self) -> PdFlags {
        PdFlags(self.flags_raw.get())
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: PdFlags) {
        self.flags_raw = U32::new(value.0);
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: PdFlags) -> Self {
        self.flags_raw = U32::new(value.0);
        self
    }
}

impl Default for CreatePdRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CREATE_PD.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreatePdAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle.
    pub pd: U32,
    /// The privileged key; 0 unless flags.privileged.
    pub privileged_key: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreatePdAnswer>() == 24);
    assert!(core::mem::offset_of!(CreatePdAnswer, header) == 0);
    assert!(core::mem::offset_of!(CreatePdAnswer, pd) == 16);
    assert!(core::mem::offset_of!(CreatePdAnswer, privileged_key) == 20);
};

impl CreatePdAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            pd: U32::ZERO,
            privileged_key: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for CreatePdAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_PD.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyPdRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub pd: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyPdRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyPdRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyPdRequest, pd) == 16);
    assert!(core::mem::offset_of!(DestroyPdRequest, reserved_20) == 20);
};

impl DestroyPdRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            pd: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyPdRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of BEGIN_MR.
///
/// 56 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct BeginMrRequest {
    /// Header.
    pub header: CommandHeader,
    /// Protection domain.
    pub pd: U32,
    /// Rights.
    ///
    /// As stored; see [`Self::access`].
    pub access_raw: U32,
    /// Virtual address of the first byte.
    pub base: U64,
    /// Bytes.
    pub length: U64,
    /// Offset of the first byte in the first page; equals base modulo the page size.
    pub first_offset: U32,
    /// Pages that will be added.
    pub page_count: U32,
    /// Log2 of the page size, one of DeviceLimits.page_sizes.
    pub log_page_bytes: u8,
    /// Zero.
    pub reserved_49: [u8; 7],
}

const _: () = {
    assert!(core::mem::size_of::<BeginMrRequest>() == 56);
    assert!(core::mem::offset_of!(BeginMrRequest, header) == 0);
    assert!(core::mem::offset_of!(BeginMrRequest, pd) == 16);
    assert!(core::mem::offset_of!(BeginMrRequest, access_raw) == 20);
    assert!(core::mem::offset_of!(BeginMrRequest, base) == 24);
    assert!(core::mem::offset_of!(BeginMrRequest, length) == 32);
    assert!(core::mem::offset_of!(BeginMrRequest, first_offset) == 40);
    assert!(core::mem::offset_of!(BeginMrRequest, page_count) == 44);
    assert!(core::mem::offset_of!(BeginMrRequest, log_page_bytes) == 48);
    assert!(core::mem::offset_of!(BeginMrRequest, reserved_49) == 49);
};

impl BeginMrRequest {
    /// Size in bytes.
    pub const SIZE: usize = 56;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            pd: U32::ZERO,
            access_raw: U32::ZERO,
            base: U64::ZERO,
            length: U64::ZERO,
            first_offset: U32::ZERO,
            page_count: U32::ZERO,
            log_page_bytes: 0,
            reserved_49: [0; 7],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && !self.access().reserved_bits_set()
            && self.reserved_49.iter().all(|v| *v == 0)
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

impl Default for BeginMrRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of BEGIN_MR.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct BeginMrAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Key, not usable before COMMIT_MR.
    pub key: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<BeginMrAnswer>() == 24);
    assert!(core::mem::offset_of!(BeginMrAnswer, header) == 0);
    assert!(core::mem::offset_of!(BeginMrAnswer, key) == 16);
    assert!(core::mem::offset_of!(BeginMrAnswer, reserved_20) == 20);
};

impl BeginMrAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            key: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for BeginMrAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of ADD_MR_PAGES.
///
/// 40 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct AddMrPagesRequest {
    /// Header.
    pub header: CommandHeader,
    /// Key from BEGIN_MR.
    pub key: U32,
    /// Index of the first page given: the number given before.
    pub first: U32,
    /// Pages given, up to LIMIT_MR_CHUNK_PAGES.
    pub count: U32,
    /// Zero.
    pub reserved_28: U32,
    /// DMA address of the page addresses, 8 bytes each, 8-byte aligned. Read once, by this command.
    pub list: U64,
}

const _: () = {
    assert!(core::mem::size_of::<AddMrPagesRequest>() == 40);
    assert!(core::mem::offset_of!(AddMrPagesRequest, header) == 0);
    assert!(core::mem::offset_of!(AddMrPagesRequest, key) == 16);
    assert!(core::mem::offset_of!(AddMrPagesRequest, first) == 20);
    assert!(core::mem::offset_of!(AddMrPagesRequest, count) == 24);
    assert!(core::mem::offset_of!(AddMrPagesRequest, reserved_28) == 28);
    assert!(core::mem::offset_of!(AddMrPagesRequest, list) == 32);
};

impl AddMrPagesRequest {
    /// Size in bytes.
    pub const SIZE: usize = 40;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            key: U32::ZERO,
            first: U32::ZERO,
            count: U32::ZERO,
            reserved_28: U32::ZERO,
            list: U64::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_28 == U32::ZERO
    }
}

impl Default for AddMrPagesRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of COMMIT_MR.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CommitMrRequest {
    /// Header.
    pub header: CommandHeader,
    /// Key from BEGIN_MR.
    pub key: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CommitMrRequest>() == 24);
    assert!(core::mem::offset_of!(CommitMrRequest, header) == 0);
    assert!(core::mem::offset_of!(CommitMrRequest, key) == 16);
    assert!(core::mem::offset_of!(CommitMrRequest, reserved_20) == 20);
};

impl CommitMrRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            key: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for CommitMrRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_FAST_MR.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateFastMrRequest {
    /// Header.
    pub header: CommandHeader,
    /// Protection domain.
    pub pd: U32,
    /// Pages of the largest registration; charged now.
    pub max_pages: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateFastMrRequest>() == 24);
    assert!(core::mem::offset_of!(CreateFastMrRequest, header) == 0);
    assert!(core::mem::offset_of!(CreateFastMrRequest, pd) == 16);
    assert!(core::mem::offset_of!(CreateFastMrRequest, max_pages) == 20);
};

impl CreateFastMrRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            pd: U32::ZERO,
            max_pages: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for CreateFastMrRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CREATE_FAST_MR.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateFastMrAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Index and first variant; FREE until FAST_REGISTER.
    pub key: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateFastMrAnswer>() == 24);
    assert!(core::mem::offset_of!(CreateFastMrAnswer, header) == 0);
    assert!(core::mem::offset_of!(CreateFastMrAnswer, key) == 16);
    assert!(core::mem::offset_of!(CreateFastMrAnswer, reserved_20) == 20);
};

impl CreateFastMrAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            key: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for CreateFastMrAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_MR.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyMrRequest {
    /// Header.
    pub header: CommandHeader,
    /// Index of the region, any variant.
    pub key: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyMrRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyMrRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyMrRequest, key) == 16);
    assert!(core::mem::offset_of!(DestroyMrRequest, reserved_20) == 20);
};

impl DestroyMrRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            key: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyMrRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_MW.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateMwRequest {
    /// Header.
    pub header: CommandHeader,
    /// Protection domain.
    pub pd: U32,
    /// Type.
    ///
    /// As stored; see [`Self::mw_type`].
    pub mw_type_raw: u8,
    /// Zero.
    pub reserved_21: [u8; 3],
}

const _: () = {
    assert!(core::mem::size_of::<CreateMwRequest>() == 24);
    assert!(core::mem::offset_of!(CreateMwRequest, header) == 0);
    assert!(core::mem::offset_of!(CreateMwRequest, pd) == 16);
    assert!(core::mem::offset_of!(CreateMwRequest, mw_type_raw) == 20);
    assert!(core::mem::offset_of!(CreateMwRequest, reserved_21) == 21);
};

impl CreateMwRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            pd: U32::ZERO,
            mw_type_raw: 0,
            reserved_21: [0; 3],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_21.iter().all(|v| *v == 0)
    }

    /// Type.
    #[must_use]
    pub const fn mw_type(&self) -> MwType {
        MwType(self.mw_type_raw)
    }

    /// Stores `mw_type`.
    pub const fn set_mw_type(&mut self, value: MwType) {
        self.mw_type_raw = value.0;
    }

    /// The same with `mw_type` replaced.
    #[must_use]
    pub const fn with_mw_type(mut self, value: MwType) -> Self {
        self.mw_type_raw = value.0;
        self
    }
}

impl Default for CreateMwRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CREATE_MW.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateMwAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Index and first variant; FREE until bound.
    pub key: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateMwAnswer>() == 24);
    assert!(core::mem::offset_of!(CreateMwAnswer, header) == 0);
    assert!(core::mem::offset_of!(CreateMwAnswer, key) == 16);
    assert!(core::mem::offset_of!(CreateMwAnswer, reserved_20) == 20);
};

impl CreateMwAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            key: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for CreateMwAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_MW.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyMwRequest {
    /// Header.
    pub header: CommandHeader,
    /// Index of the window, any variant.
    pub key: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyMwRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyMwRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyMwRequest, key) == 16);
    assert!(core::mem::offset_of!(DestroyMwRequest, reserved_20) == 20);
};

impl DestroyMwRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            key: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyMwRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_EQ.
///
/// 48 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateEqRequest {
    /// Header.
    pub header: CommandHeader,
    /// What it holds.
    ///
    /// As stored; see [`Self::kind`].
    pub kind_raw: u8,
    /// Zero.
    pub reserved_17: u8,
    /// Interrupt vector, or VECTOR_NONE.
    pub vector: U16,
    /// Zero.
    pub reserved_20: U32,
    /// Ring; log_stride 4 for completion events, 9 for general events.
    pub ring: RingDescription,
}

const _: () = {
    assert!(core::mem::size_of::<CreateEqRequest>() == 48);
    assert!(core::mem::offset_of!(CreateEqRequest, header) == 0);
    assert!(core::mem::offset_of!(CreateEqRequest, kind_raw) == 16);
    assert!(core::mem::offset_of!(CreateEqRequest, reserved_17) == 17);
    assert!(core::mem::offset_of!(CreateEqRequest, vector) == 18);
    assert!(core::mem::offset_of!(CreateEqRequest, reserved_20) == 20);
    assert!(core::mem::offset_of!(CreateEqRequest, ring) == 24);
};

impl CreateEqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 48;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            kind_raw: 0,
            reserved_17: 0,
            vector: U16::ZERO,
            reserved_20: U32::ZERO,
            ring: RingDescription::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_17 == 0
            && self.reserved_20 == U32::ZERO
            && self.ring.reserved_is_zero()
    }

    /// What it holds.
    #[must_use]
    pub const fn kind(&self) -> EqKind {
        EqKind(self.kind_raw)
    }

    /// Stores `kind`.
    pub const fn set_kind(&mut self, value: EqKind) {
        self.kind_raw = value.0;
    }

    /// The same with `kind` replaced.
    #[must_use]
    pub const fn with_kind(mut self, value: EqKind) -> Self {
        self.kind_raw = value.0;
        self
    }
}

impl Default for CreateEqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CREATE_EQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateEqAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle.
    pub eqn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateEqAnswer>() == 24);
    assert!(core::mem::offset_of!(CreateEqAnswer, header) == 0);
    assert!(core::mem::offset_of!(CreateEqAnswer, eqn) == 16);
    assert!(core::mem::offset_of!(CreateEqAnswer, reserved_20) == 20);
};

impl CreateEqAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            eqn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for CreateEqAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_EQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyEqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub eqn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyEqRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyEqRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyEqRequest, eqn) == 16);
    assert!(core::mem::offset_of!(DestroyEqRequest, reserved_20) == 20);
};

impl DestroyEqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            eqn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyEqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_CQ.
///
/// 56 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateCqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Completion event queue.
    pub eqn: U32,
    /// Zero.
    pub reserved_20: U32,
    /// Returned by general events about it.
    pub context: U64,
    /// Ring, log_stride 6.
    pub ring: RingDescription,
}

const _: () = {
    assert!(core::mem::size_of::<CreateCqRequest>() == 56);
    assert!(core::mem::offset_of!(CreateCqRequest, header) == 0);
    assert!(core::mem::offset_of!(CreateCqRequest, eqn) == 16);
    assert!(core::mem::offset_of!(CreateCqRequest, reserved_20) == 20);
    assert!(core::mem::offset_of!(CreateCqRequest, context) == 24);
    assert!(core::mem::offset_of!(CreateCqRequest, ring) == 32);
};

impl CreateCqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 56;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            eqn: U32::ZERO,
            reserved_20: U32::ZERO,
            context: U64::ZERO,
            ring: RingDescription::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_20 == U32::ZERO
            && self.ring.reserved_is_zero()
    }
}

impl Default for CreateCqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CREATE_CQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateCqAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle.
    pub cqn: U32,
    /// Generation of the handle.
    pub generation: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateCqAnswer>() == 24);
    assert!(core::mem::offset_of!(CreateCqAnswer, header) == 0);
    assert!(core::mem::offset_of!(CreateCqAnswer, cqn) == 16);
    assert!(core::mem::offset_of!(CreateCqAnswer, generation) == 20);
};

impl CreateCqAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            cqn: U32::ZERO,
            generation: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for CreateCqAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of RESIZE_CQ.
///
/// 48 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ResizeCqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub cqn: U32,
    /// Zero.
    pub reserved_20: U32,
    /// New ring; doorbell as before.
    pub ring: RingDescription,
}

const _: () = {
    assert!(core::mem::size_of::<ResizeCqRequest>() == 48);
    assert!(core::mem::offset_of!(ResizeCqRequest, header) == 0);
    assert!(core::mem::offset_of!(ResizeCqRequest, cqn) == 16);
    assert!(core::mem::offset_of!(ResizeCqRequest, reserved_20) == 20);
    assert!(core::mem::offset_of!(ResizeCqRequest, ring) == 24);
};

impl ResizeCqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 48;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            cqn: U32::ZERO,
            reserved_20: U32::ZERO,
            ring: RingDescription::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_20 == U32::ZERO
            && self.ring.reserved_is_zero()
    }
}

impl Default for ResizeCqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of RESIZE_CQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ResizeCqAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Free-running index of the first entry of the new ring; entries before it lie in the old one no more: all unconsumed ones were moved.
    pub switch_index: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ResizeCqAnswer>() == 24);
    assert!(core::mem::offset_of!(ResizeCqAnswer, header) == 0);
    assert!(core::mem::offset_of!(ResizeCqAnswer, switch_index) == 16);
    assert!(core::mem::offset_of!(ResizeCqAnswer, reserved_20) == 20);
};

impl ResizeCqAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            switch_index: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for ResizeCqAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of MODERATE_CQ.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ModerateCqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub cqn: U32,
    /// Signal after so many completions; 0 or 1: at once; 0xFFFFFFFF: never by count.
    pub count: U32,
    /// Or after so many microseconds since the first; 0: at once; 0xFFFFFFFF: never by time.
    pub interval_us: U32,
    /// Zero.
    pub reserved_28: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ModerateCqRequest>() == 32);
    assert!(core::mem::offset_of!(ModerateCqRequest, header) == 0);
    assert!(core::mem::offset_of!(ModerateCqRequest, cqn) == 16);
    assert!(core::mem::offset_of!(ModerateCqRequest, count) == 20);
    assert!(core::mem::offset_of!(ModerateCqRequest, interval_us) == 24);
    assert!(core::mem::offset_of!(ModerateCqRequest, reserved_28) == 28);
};

impl ModerateCqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            cqn: U32::ZERO,
            count: U32::ZERO,
            interval_us: U32::ZERO,
            reserved_28: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_28 == U32::ZERO
    }
}

impl Default for ModerateCqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_CQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyCqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub cqn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyCqRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyCqRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyCqRequest, cqn) == 16);
    assert!(core::mem::offset_of!(DestroyCqRequest, reserved_20) == 20);
};

impl DestroyCqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            cqn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyCqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of DESTROY_CQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyCqAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Producer index of the event queue after the last event about it.
    pub eq_index: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyCqAnswer>() == 24);
    assert!(core::mem::offset_of!(DestroyCqAnswer, header) == 0);
    assert!(core::mem::offset_of!(DestroyCqAnswer, eq_index) == 16);
    assert!(core::mem::offset_of!(DestroyCqAnswer, reserved_20) == 20);
};

impl DestroyCqAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            eq_index: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyCqAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_SRQ.
///
/// 72 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateSrqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Protection domain.
    pub pd: U32,
    /// Raise SRQ_LIMIT once when fewer entries are left; 0: never.
    pub limit: U32,
    /// Returned in events.
    pub context: U64,
    /// DMA address of the retired-count word, 8-byte aligned.
    pub retired_address: U64,
    /// Scatter entries of an entry.
    pub max_segments: U16,
    /// Zero.
    pub reserved_42: [u8; 6],
    /// Ring.
    pub ring: RingDescription,
}

const _: () = {
    assert!(core::mem::size_of::<CreateSrqRequest>() == 72);
    assert!(core::mem::offset_of!(CreateSrqRequest, header) == 0);
    assert!(core::mem::offset_of!(CreateSrqRequest, pd) == 16);
    assert!(core::mem::offset_of!(CreateSrqRequest, limit) == 20);
    assert!(core::mem::offset_of!(CreateSrqRequest, context) == 24);
    assert!(core::mem::offset_of!(CreateSrqRequest, retired_address) == 32);
    assert!(core::mem::offset_of!(CreateSrqRequest, max_segments) == 40);
    assert!(core::mem::offset_of!(CreateSrqRequest, reserved_42) == 42);
    assert!(core::mem::offset_of!(CreateSrqRequest, ring) == 48);
};

impl CreateSrqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 72;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            pd: U32::ZERO,
            limit: U32::ZERO,
            context: U64::ZERO,
            retired_address: U64::ZERO,
            max_segments: U16::ZERO,
            reserved_42: [0; 6],
            ring: RingDescription::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_42.iter().all(|v| *v == 0)
            && self.ring.reserved_is_zero()
    }
}

impl Default for CreateSrqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CREATE_SRQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateSrqAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle.
    pub srqn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateSrqAnswer>() == 24);
    assert!(core::mem::offset_of!(CreateSrqAnswer, header) == 0);
    assert!(core::mem::offset_of!(CreateSrqAnswer, srqn) == 16);
    assert!(core::mem::offset_of!(CreateSrqAnswer, reserved_20) == 20);
};

impl CreateSrqAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            srqn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for CreateSrqAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of MODIFY_SRQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ModifySrqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub srqn: U32,
    /// New limit; arms SRQ_LIMIT again; 0 disarms.
    pub limit: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ModifySrqRequest>() == 24);
    assert!(core::mem::offset_of!(ModifySrqRequest, header) == 0);
    assert!(core::mem::offset_of!(ModifySrqRequest, srqn) == 16);
    assert!(core::mem::offset_of!(ModifySrqRequest, limit) == 20);
};

impl ModifySrqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            srqn: U32::ZERO,
            limit: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for ModifySrqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of RESIZE_SRQ.
///
/// 48 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ResizeSrqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub srqn: U32,
    /// Zero.
    pub reserved_20: U32,
    /// New ring, to which the driver has copied every outstanding entry; doorbell and stride as before.
    pub ring: RingDescription,
}

const _: () = {
    assert!(core::mem::size_of::<ResizeSrqRequest>() == 48);
    assert!(core::mem::offset_of!(ResizeSrqRequest, header) == 0);
    assert!(core::mem::offset_of!(ResizeSrqRequest, srqn) == 16);
    assert!(core::mem::offset_of!(ResizeSrqRequest, reserved_20) == 20);
    assert!(core::mem::offset_of!(ResizeSrqRequest, ring) == 24);
};

impl ResizeSrqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 48;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            srqn: U32::ZERO,
            reserved_20: U32::ZERO,
            ring: RingDescription::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_20 == U32::ZERO
            && self.ring.reserved_is_zero()
    }
}

impl Default for ResizeSrqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_SRQ.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroySrqRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub srqn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroySrqRequest>() == 24);
    assert!(core::mem::offset_of!(DestroySrqRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroySrqRequest, srqn) == 16);
    assert!(core::mem::offset_of!(DestroySrqRequest, reserved_20) == 20);
};

impl DestroySrqRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            srqn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroySrqRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_QP.
///
/// 120 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateQpRequest {
    /// Header.
    pub header: CommandHeader,
    /// Protection domain.
    pub pd: U32,
    /// Options.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: U32,
    /// Transport service.
    ///
    /// As stored; see [`Self::qp_type`].
    pub qp_type_raw: u8,
    /// Zero.
    pub reserved_25: u8,
    /// Segments of a send queue entry.
    pub max_send_segments: U16,
    /// Segments of a receive queue entry; 0 with flags.srq.
    pub max_recv_segments: U16,
    /// Inline bytes of a send queue entry.
    pub max_inline: U16,
    /// Completion queue of the send queue.
    pub send_cqn: U32,
    /// Completion queue of the receive queue.
    pub recv_cqn: U32,
    /// Shared receive queue, with flags.srq.
    pub srqn: U32,
    /// Wanted number: 1 with GUEST_QP1 and type UD, else 0: the device chooses.
    pub qpn: U32,
    /// Returned in events.
    pub context: U64,
    /// DMA address of the send queue's retired-count word, 8-byte aligned.
    pub send_retired_address: U64,
    /// The receive queue's; 0 with flags.srq.
    pub recv_retired_address: U64,
    /// Send queue.
    pub send_ring: RingDescription,
    /// Receive queue; all zero with flags.srq.
    pub recv_ring: RingDescription,
}

const _: () = {
    assert!(core::mem::size_of::<CreateQpRequest>() == 120);
    assert!(core::mem::offset_of!(CreateQpRequest, header) == 0);
    assert!(core::mem::offset_of!(CreateQpRequest, pd) == 16);
    assert!(core::mem::offset_of!(CreateQpRequest, flags_raw) == 20);
    assert!(core::mem::offset_of!(CreateQpRequest, qp_type_raw) == 24);
    assert!(core::mem::offset_of!(CreateQpRequest, reserved_25) == 25);
    assert!(core::mem::offset_of!(CreateQpRequest, max_send_segments) == 26);
    assert!(core::mem::offset_of!(CreateQpRequest, max_recv_segments) == 28);
    assert!(core::mem::offset_of!(CreateQpRequest, max_inline) == 30);
    assert!(core::mem::offset_of!(CreateQpRequest, send_cqn) == 32);
    assert!(core::mem::offset_of!(CreateQpRequest, recv_cqn) == 36);
    assert!(core::mem::offset_of!(CreateQpRequest, srqn) == 40);
    assert!(core::mem::offset_of!(CreateQpRequest, qpn) == 44);
    assert!(core::mem::offset_of!(CreateQpRequest, context) == 48);
    assert!(core::mem::offset_of!(CreateQpRequest, send_retired_address) == 56);
    assert!(core::mem::offset_of!(CreateQpRequest, recv_retired_address) == 64);
    assert!(core::mem::offset_of!(CreateQpRequest, send_ring) == 72);
    assert!(core::mem::offset_of!(CreateQpRequest, recv_ring) == 96);
};

impl CreateQpRequest {
    /// Size in bytes.
    pub const SIZE: usize = 120;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            pd: U32::ZERO,
            flags_raw: U32::ZERO,
            qp_type_raw: 0,
            reserved_25: 0,
            max_send_segments: U16::ZERO,
            max_recv_segments: U16::ZERO,
            max_inline: U16::ZERO,
            send_cqn: U32::ZERO,
            recv_cqn: U32::ZERO,
            srqn: U32::ZERO,
            qpn: U32::ZERO,
            context: U64::ZERO,
            send_retired_address: U64::ZERO,
            recv_retired_address: U64::ZERO,
            send_ring: RingDescription::zeroed(),
            recv_ring: RingDescription::zeroed(),
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && !self.flags().reserved_bits_set()
            && self.reserved_25 == 0
            && self.send_ring.reserved_is_zero()
            && self.recv_ring.reserved_is_zero()
    }

    /// Options.
    #[must_use]
    pub const fn flags(&self) -> QpFlags {
        QpFlags(self.flags_raw.get())
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: QpFlags) {
        self.flags_raw = U32::new(value.0);
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: QpFlags) -> Self {
        self.flags_raw = U32::new(value.0);
        self
    }

    /// Transport service.
    #[must_use]
    pub const fn qp_type(&self) -> QpType {
        QpType(self.qp_type_raw)
    }

    /// Stores `qp_type`.
    pub const fn set_qp_type(&mut self, value: QpType) {
        self.qp_type_raw = value.0;
    }

    /// The same with `qp_type` replaced.
    #[must_use]
    pub const fn with_qp_type(mut self, value: QpType) -> Self {
        self.qp_type_raw = value.0;
        self
    }
}

impl Default for CreateQpRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CREATE_QP.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateQpAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle, 24 bits.
    pub qpn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateQpAnswer>() == 24);
    assert!(core::mem::offset_of!(CreateQpAnswer, header) == 0);
    assert!(core::mem::offset_of!(CreateQpAnswer, qpn) == 16);
    assert!(core::mem::offset_of!(CreateQpAnswer, reserved_20) == 20);
};

impl CreateQpAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            qpn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for CreateQpAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of MODIFY_QP.
///
/// 88 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ModifyQpRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub qpn: U32,
    /// Fields that mean something.
    ///
    /// As stored; see [`Self::mask`].
    pub mask_raw: U32,
    /// New state.
    ///
    /// As stored; see [`Self::state`].
    pub state_raw: u8,
    /// Path MTU.
    ///
    /// As stored; see [`Self::path_mtu`].
    pub path_mtu_raw: u8,
    /// Inbound reads and atomics.
    pub read_depth_in: u8,
    /// Outbound reads and atomics.
    pub read_depth_out: u8,
    /// Transport retries, 0 to 7.
    pub retry_count: u8,
    /// RNR retries, 0 to 7; 7: for ever.
    pub rnr_retry: u8,
    /// RNR timer code that we send, 0 to 31.
    pub min_rnr_timer: u8,
    /// Local ACK timeout code, 0 to 31; 0: none.
    pub ack_timeout: u8,
    /// Peer's queue pair, 24 bits.
    pub peer_qpn: U32,
    /// First PSN sent, 24 bits.
    pub send_psn: U32,
    /// First PSN expected, 24 bits.
    pub recv_psn: U32,
    /// Queue key (UD).
    pub qkey: U32,
    /// Index in the address table.
    pub local_address: U16,
    /// 49152 to 65535.
    pub udp_source_port: U16,
    /// What peers may do through this queue pair: remote_read, remote_write, remote_atomic.
    ///
    /// As stored; see [`Self::access`].
    pub access_raw: U32,
    /// Peer's address, IPv4 as ::ffff:a.b.c.d.
    pub peer_address: [u8; 16],
    /// Ethernet address of the next hop, with mask.next_hop.
    pub next_hop: [u8; 6],
    /// Traffic class.
    pub traffic_class: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// 20 bits.
    pub flow_label: U32,
    /// Switches, with mask.flow_control.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ModifyQpRequest>() == 88);
    assert!(core::mem::offset_of!(ModifyQpRequest, header) == 0);
    assert!(core::mem::offset_of!(ModifyQpRequest, qpn) == 16);
    assert!(core::mem::offset_of!(ModifyQpRequest, mask_raw) == 20);
    assert!(core::mem::offset_of!(ModifyQpRequest, state_raw) == 24);
    assert!(core::mem::offset_of!(ModifyQpRequest, path_mtu_raw) == 25);
    assert!(core::mem::offset_of!(ModifyQpRequest, read_depth_in) == 26);
    assert!(core::mem::offset_of!(ModifyQpRequest, read_depth_out) == 27);
    assert!(core::mem::offset_of!(ModifyQpRequest, retry_count) == 28);
    assert!(core::mem::offset_of!(ModifyQpRequest, rnr_retry) == 29);
    assert!(core::mem::offset_of!(ModifyQpRequest, min_rnr_timer) == 30);
    assert!(core::mem::offset_of!(ModifyQpRequest, ack_timeout) == 31);
    assert!(core::mem::offset_of!(ModifyQpRequest, peer_qpn) == 32);
    assert!(core::mem::offset_of!(ModifyQpRequest, send_psn) == 36);
    assert!(core::mem::offset_of!(ModifyQpRequest, recv_psn) == 40);
    assert!(core::mem::offset_of!(ModifyQpRequest, qkey) == 44);
    assert!(core::mem::offset_of!(ModifyQpRequest, local_address) == 48);
    assert!(core::mem::offset_of!(ModifyQpRequest, udp_source_port) == 50);
    assert!(core::mem::offset_of!(ModifyQpRequest, access_raw) == 52);
    assert!(core::mem::offset_of!(ModifyQpRequest, peer_address) == 56);
    assert!(core::mem::offset_of!(ModifyQpRequest, next_hop) == 72);
    assert!(core::mem::offset_of!(ModifyQpRequest, traffic_class) == 78);
    assert!(core::mem::offset_of!(ModifyQpRequest, hop_limit) == 79);
    assert!(core::mem::offset_of!(ModifyQpRequest, flow_label) == 80);
    assert!(core::mem::offset_of!(ModifyQpRequest, flags_raw) == 84);
};

impl ModifyQpRequest {
    /// Size in bytes.
    pub const SIZE: usize = 88;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            qpn: U32::ZERO,
            mask_raw: U32::ZERO,
            state_raw: 0,
            path_mtu_raw: 0,
            read_depth_in: 0,
            read_depth_out: 0,
            retry_count: 0,
            rnr_retry: 0,
            min_rnr_timer: 0,
            ack_timeout: 0,
            peer_qpn: U32::ZERO,
            send_psn: U32::ZERO,
            recv_psn: U32::ZERO,
            qkey: U32::ZERO,
            local_address: U16::ZERO,
            udp_source_port: U16::ZERO,
            access_raw: U32::ZERO,
            peer_address: [0; 16],
            next_hop: [0; 6],
            traffic_class: 0,
            hop_limit: 0,
            flow_label: U32::ZERO,
            flags_raw: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && !self.mask().reserved_bits_set()
            && !self.access().reserved_bits_set()
            && !self.flags().reserved_bits_set()
    }

    /// Fields that mean something.
    #[must_use]
    pub const fn mask(&self) -> ModifyMask {
        ModifyMask(self.mask_raw.get())
    }

    /// Stores `mask`.
    pub const fn set_mask(&mut self, value: ModifyMask) {
        self.mask_raw = U32::new(value.0);
    }

    /// The same with `mask` replaced.
    #[must_use]
    pub const fn with_mask(mut self, value: ModifyMask) -> Self {
        self.mask_raw = U32::new(value.0);
        self
    }

    /// New state.
    #[must_use]
    pub const fn state(&self) -> QpState {
        QpState(self.state_raw)
    }

    /// Stores `state`.
    pub const fn set_state(&mut self, value: QpState) {
        self.state_raw = value.0;
    }

    /// The same with `state` replaced.
    #[must_use]
    pub const fn with_state(mut self, value: QpState) -> Self {
        self.state_raw = value.0;
        self
    }

    /// Path MTU.
    #[must_use]
    pub const fn path_mtu(&self) -> Mtu {
        Mtu(self.path_mtu_raw)
    }

    /// Stores `path_mtu`.
    pub const fn set_path_mtu(&mut self, value: Mtu) {
        self.path_mtu_raw = value.0;
    }

    /// The same with `path_mtu` replaced.
    #[must_use]
    pub const fn with_path_mtu(mut self, value: Mtu) -> Self {
        self.path_mtu_raw = value.0;
        self
    }

    /// What peers may do through this queue pair: remote_read, remote_write, remote_atomic.
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

    /// Switches, with mask.flow_control.
    #[must_use]
    pub const fn flags(&self) -> QpAttributeFlags {
        QpAttributeFlags(self.flags_raw.get())
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: QpAttributeFlags) {
        self.flags_raw = U32::new(value.0);
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: QpAttributeFlags) -> Self {
        self.flags_raw = U32::new(value.0);
        self
    }
}

impl Default for ModifyQpRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of QUERY_QP.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryQpRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub qpn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<QueryQpRequest>() == 24);
    assert!(core::mem::offset_of!(QueryQpRequest, header) == 0);
    assert!(core::mem::offset_of!(QueryQpRequest, qpn) == 16);
    assert!(core::mem::offset_of!(QueryQpRequest, reserved_20) == 20);
};

impl QueryQpRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            qpn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for QueryQpRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of QUERY_QP.
///
/// 80 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QueryQpAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// State.
    ///
    /// As stored; see [`Self::state`].
    pub state_raw: u8,
    /// Transport service.
    ///
    /// As stored; see [`Self::qp_type`].
    pub qp_type_raw: u8,
    /// Path MTU.
    ///
    /// As stored; see [`Self::path_mtu`].
    pub path_mtu_raw: u8,
    /// Zero.
    pub reserved_19: u8,
    /// Peer's queue pair.
    pub peer_qpn: U32,
    /// Next PSN to send.
    pub send_psn: U32,
    /// Next PSN expected.
    pub recv_psn: U32,
    /// Retired entries of the send queue.
    pub send_retired: U32,
    /// Retired entries of the receive queue.
    pub recv_retired: U32,
    /// Entries fetched of the send queue.
    pub send_fetched: U32,
    /// Entries fetched of the receive queue.
    pub recv_fetched: U32,
    /// Connection that owns it, or 0.
    pub connection: U32,
    /// Why it is in ERROR, or NONE.
    ///
    /// As stored; see [`Self::error`].
    pub error_raw: U32,
    /// Peer's address.
    pub peer_address: [u8; 16],
    /// In force.
    pub read_depth_in: u8,
    /// In force.
    pub read_depth_out: u8,
    /// Zero.
    pub reserved_74: [u8; 6],
}

const _: () = {
    assert!(core::mem::size_of::<QueryQpAnswer>() == 80);
    assert!(core::mem::offset_of!(QueryQpAnswer, header) == 0);
    assert!(core::mem::offset_of!(QueryQpAnswer, state_raw) == 16);
    assert!(core::mem::offset_of!(QueryQpAnswer, qp_type_raw) == 17);
    assert!(core::mem::offset_of!(QueryQpAnswer, path_mtu_raw) == 18);
    assert!(core::mem::offset_of!(QueryQpAnswer, reserved_19) == 19);
    assert!(core::mem::offset_of!(QueryQpAnswer, peer_qpn) == 20);
    assert!(core::mem::offset_of!(QueryQpAnswer, send_psn) == 24);
    assert!(core::mem::offset_of!(QueryQpAnswer, recv_psn) == 28);
    assert!(core::mem::offset_of!(QueryQpAnswer, send_retired) == 32);
    assert!(core::mem::offset_of!(QueryQpAnswer, recv_retired) == 36);
    assert!(core::mem::offset_of!(QueryQpAnswer, send_fetched) == 40);
    assert!(core::mem::offset_of!(QueryQpAnswer, recv_fetched) == 44);
    assert!(core::mem::offset_of!(QueryQpAnswer, connection) == 48);
    assert!(core::mem::offset_of!(QueryQpAnswer, error_raw) == 52);
    assert!(core::mem::offset_of!(QueryQpAnswer, peer_address) == 56);
    assert!(core::mem::offset_of!(QueryQpAnswer, read_depth_in) == 72);
    assert!(core::mem::offset_of!(QueryQpAnswer, read_depth_out) == 73);
    assert!(core::mem::offset_of!(QueryQpAnswer, reserved_74) == 74);
};

impl QueryQpAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 80;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            state_raw: 0,
            qp_type_raw: 0,
            path_mtu_raw: 0,
            reserved_19: 0,
            peer_qpn: U32::ZERO,
            send_psn: U32::ZERO,
            recv_psn: U32::ZERO,
            send_retired: U32::ZERO,
            recv_retired: U32::ZERO,
            send_fetched: U32::ZERO,
            recv_fetched: U32::ZERO,
            connection: U32::ZERO,
            error_raw: U32::ZERO,
            peer_address: [0; 16],
            read_depth_in: 0,
            read_depth_out: 0,
            reserved_74: [0; 6],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_19 == 0
            && self.reserved_74.iter().all(|v| *v == 0)
    }

    /// State.
    #[must_use]
    pub const fn state(&self) -> QpState {
        QpState(self.state_raw)
    }

    /// Stores `state`.
    pub const fn set_state(&mut self, value: QpState) {
        self.state_raw = value.0;
    }

    /// The same with `state` replaced.
    #[must_use]
    pub const fn with_state(mut self, value: QpState) -> Self {
        self.state_raw = value.0;
        self
    }

    /// Transport service.
    #[must_use]
    pub const fn qp_type(&self) -> QpType {
        QpType(self.qp_type_raw)
    }

    /// Stores `qp_type`.
    pub const fn set_qp_type(&mut self, value: QpType) {
        self.qp_type_raw = value.0;
    }

    /// The same with `qp_type` replaced.
    #[must_use]
    pub const fn with_qp_type(mut self, value: QpType) -> Self {
        self.qp_type_raw = value.0;
        self
    }

    /// Path MTU.
    #[must_use]
    pub const fn path_mtu(&self) -> Mtu {
        Mtu(self.path_mtu_raw)
    }

    /// Stores `path_mtu`.
    pub const fn set_path_mtu(&mut self, value: Mtu) {
        self.path_mtu_raw = value.0;
    }

    /// The same with `path_mtu` replaced.
    #[must_use]
    pub const fn with_path_mtu(mut self, value: Mtu) -> Self {
        self.path_mtu_raw = value.0;
        self
    }

    /// Why it is in ERROR, or NONE.
    #[must_use]
    pub const fn error(&self) -> ProviderError {
        ProviderError(self.error_raw.get())
    }

    /// Stores `error`.
    pub const fn set_error(&mut self, value: ProviderError) {
        self.error_raw = U32::new(value.0);
    }

    /// The same with `error` replaced.
    #[must_use]
    pub const fn with_error(mut self, value: ProviderError) -> Self {
        self.error_raw = U32::new(value.0);
        self
    }
}

impl Default for QueryQpAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of FLUSH_QP.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct FlushQpRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub qpn: U32,
    /// Which queues.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: U32,
}

const _: () = {
    assert!(core::mem::size_of::<FlushQpRequest>() == 24);
    assert!(core::mem::offset_of!(FlushQpRequest, header) == 0);
    assert!(core::mem::offset_of!(FlushQpRequest, qpn) == 16);
    assert!(core::mem::offset_of!(FlushQpRequest, flags_raw) == 20);
};

impl FlushQpRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            qpn: U32::ZERO,
            flags_raw: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && !self.flags().reserved_bits_set()
    }

    /// Which queues.
    #[must_use]
    pub const fn flags(&self) -> FlushFlags {
        FlushFlags(self.flags_raw.get())
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: FlushFlags) {
        self.flags_raw = U32::new(value.0);
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: FlushFlags) -> Self {
        self.flags_raw = U32::new(value.0);
        self
    }
}

impl Default for FlushQpRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of FLUSH_QP.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct FlushQpAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Producer index up to which the send queue was flushed.
    pub send_flushed: U32,
    /// Same for the receive queue.
    pub recv_flushed: U32,
}

const _: () = {
    assert!(core::mem::size_of::<FlushQpAnswer>() == 24);
    assert!(core::mem::offset_of!(FlushQpAnswer, header) == 0);
    assert!(core::mem::offset_of!(FlushQpAnswer, send_flushed) == 16);
    assert!(core::mem::offset_of!(FlushQpAnswer, recv_flushed) == 20);
};

impl FlushQpAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            send_flushed: U32::ZERO,
            recv_flushed: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for FlushQpAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_QP.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyQpRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub qpn: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyQpRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyQpRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyQpRequest, qpn) == 16);
    assert!(core::mem::offset_of!(DestroyQpRequest, reserved_20) == 20);
};

impl DestroyQpRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            qpn: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyQpRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of SET_ADDRESS.
///
/// 56 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SetAddressRequest {
    /// Header.
    pub header: CommandHeader,
    /// Entry of the address table.
    pub index: U16,
    /// IPv4 or IPv6.
    ///
    /// As stored; see [`Self::family`].
    pub family_raw: u8,
    /// Prefix length.
    pub prefix: u8,
    /// VLAN id 1 to 4094, with flags.vlan; else 0.
    pub vlan: U16,
    /// Options.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: u8,
    /// Zero.
    pub reserved_23: u8,
    /// Address, IPv4 as ::ffff:a.b.c.d.
    pub address: [u8; 16],
    /// Default gateway with flags.gateway; else zero.
    pub gateway: [u8; 16],
}

const _: () = {
    assert!(core::mem::size_of::<SetAddressRequest>() == 56);
    assert!(core::mem::offset_of!(SetAddressRequest, header) == 0);
    assert!(core::mem::offset_of!(SetAddressRequest, index) == 16);
    assert!(core::mem::offset_of!(SetAddressRequest, family_raw) == 18);
    assert!(core::mem::offset_of!(SetAddressRequest, prefix) == 19);
    assert!(core::mem::offset_of!(SetAddressRequest, vlan) == 20);
    assert!(core::mem::offset_of!(SetAddressRequest, flags_raw) == 22);
    assert!(core::mem::offset_of!(SetAddressRequest, reserved_23) == 23);
    assert!(core::mem::offset_of!(SetAddressRequest, address) == 24);
    assert!(core::mem::offset_of!(SetAddressRequest, gateway) == 40);
};

impl SetAddressRequest {
    /// Size in bytes.
    pub const SIZE: usize = 56;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            index: U16::ZERO,
            family_raw: 0,
            prefix: 0,
            vlan: U16::ZERO,
            flags_raw: 0,
            reserved_23: 0,
            address: [0; 16],
            gateway: [0; 16],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && !self.flags().reserved_bits_set() && self.reserved_23 == 0
    }

    /// IPv4 or IPv6.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family(self.family_raw)
    }

    /// Stores `family`.
    pub const fn set_family(&mut self, value: Family) {
        self.family_raw = value.0;
    }

    /// The same with `family` replaced.
    #[must_use]
    pub const fn with_family(mut self, value: Family) -> Self {
        self.family_raw = value.0;
        self
    }

    /// Options.
    #[must_use]
    pub const fn flags(&self) -> AddressFlags {
        AddressFlags(self.flags_raw)
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: AddressFlags) {
        self.flags_raw = value.0;
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: AddressFlags) -> Self {
        self.flags_raw = value.0;
        self
    }
}

impl Default for SetAddressRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CLEAR_ADDRESS.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ClearAddressRequest {
    /// Header.
    pub header: CommandHeader,
    /// Entry of the address table.
    pub index: U16,
    /// Zero.
    pub reserved_18: [u8; 6],
}

const _: () = {
    assert!(core::mem::size_of::<ClearAddressRequest>() == 24);
    assert!(core::mem::offset_of!(ClearAddressRequest, header) == 0);
    assert!(core::mem::offset_of!(ClearAddressRequest, index) == 16);
    assert!(core::mem::offset_of!(ClearAddressRequest, reserved_18) == 18);
};

impl ClearAddressRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            index: U16::ZERO,
            reserved_18: [0; 6],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_18.iter().all(|v| *v == 0)
    }
}

impl Default for ClearAddressRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of RESERVE_ENDPOINT.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ReserveEndpointRequest {
    /// Header.
    pub header: CommandHeader,
    /// Index in the address table.
    pub address: U16,
    /// Port; 0 takes one from EPHEMERAL_PORT_FIRST to EPHEMERAL_PORT_LAST.
    pub port: U16,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ReserveEndpointRequest>() == 24);
    assert!(core::mem::offset_of!(ReserveEndpointRequest, header) == 0);
    assert!(core::mem::offset_of!(ReserveEndpointRequest, address) == 16);
    assert!(core::mem::offset_of!(ReserveEndpointRequest, port) == 18);
    assert!(core::mem::offset_of!(ReserveEndpointRequest, reserved_20) == 20);
};

impl ReserveEndpointRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            address: U16::ZERO,
            port: U16::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for ReserveEndpointRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of RESERVE_ENDPOINT.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ReserveEndpointAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle; holds one reference.
    pub endpoint: U32,
    /// Port.
    pub port: U16,
    /// Zero.
    pub reserved_22: U16,
}

const _: () = {
    assert!(core::mem::size_of::<ReserveEndpointAnswer>() == 24);
    assert!(core::mem::offset_of!(ReserveEndpointAnswer, header) == 0);
    assert!(core::mem::offset_of!(ReserveEndpointAnswer, endpoint) == 16);
    assert!(core::mem::offset_of!(ReserveEndpointAnswer, port) == 20);
    assert!(core::mem::offset_of!(ReserveEndpointAnswer, reserved_22) == 22);
};

impl ReserveEndpointAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            endpoint: U32::ZERO,
            port: U16::ZERO,
            reserved_22: U16::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_22 == U16::ZERO
    }
}

impl Default for ReserveEndpointAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of RELEASE_ENDPOINT.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ReleaseEndpointRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub endpoint: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ReleaseEndpointRequest>() == 24);
    assert!(core::mem::offset_of!(ReleaseEndpointRequest, header) == 0);
    assert!(core::mem::offset_of!(ReleaseEndpointRequest, endpoint) == 16);
    assert!(core::mem::offset_of!(ReleaseEndpointRequest, reserved_20) == 20);
};

impl ReleaseEndpointRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            endpoint: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for ReleaseEndpointRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of LISTEN.
///
/// 32 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ListenRequest {
    /// Header.
    pub header: CommandHeader,
    /// Endpoint.
    pub endpoint: U32,
    /// Unanswered requests held, 1 to LIMIT_BACKLOG.
    pub backlog: U32,
    /// Returned in its events.
    pub cookie: U64,
}

const _: () = {
    assert!(core::mem::size_of::<ListenRequest>() == 32);
    assert!(core::mem::offset_of!(ListenRequest, header) == 0);
    assert!(core::mem::offset_of!(ListenRequest, endpoint) == 16);
    assert!(core::mem::offset_of!(ListenRequest, backlog) == 20);
    assert!(core::mem::offset_of!(ListenRequest, cookie) == 24);
};

impl ListenRequest {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            endpoint: U32::ZERO,
            backlog: U32::ZERO,
            cookie: U64::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for ListenRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of LISTEN.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ListenAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle.
    pub listener: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ListenAnswer>() == 24);
    assert!(core::mem::offset_of!(ListenAnswer, header) == 0);
    assert!(core::mem::offset_of!(ListenAnswer, listener) == 16);
    assert!(core::mem::offset_of!(ListenAnswer, reserved_20) == 20);
};

impl ListenAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            listener: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for ListenAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of PAUSE_LISTENER.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct PauseListenerRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub listener: U32,
    /// 1: refuse as if nobody listened. 0: go on.
    pub paused: U32,
}

const _: () = {
    assert!(core::mem::size_of::<PauseListenerRequest>() == 24);
    assert!(core::mem::offset_of!(PauseListenerRequest, header) == 0);
    assert!(core::mem::offset_of!(PauseListenerRequest, listener) == 16);
    assert!(core::mem::offset_of!(PauseListenerRequest, paused) == 20);
};

impl PauseListenerRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            listener: U32::ZERO,
            paused: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
    }
}

impl Default for PauseListenerRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_LISTENER.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyListenerRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub listener: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyListenerRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyListenerRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyListenerRequest, listener) == 16);
    assert!(core::mem::offset_of!(DestroyListenerRequest, reserved_20) == 20);
};

impl DestroyListenerRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            listener: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for DestroyListenerRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CONNECT.
///
/// 136 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ConnectRequest {
    /// Header.
    pub header: CommandHeader,
    /// Returned in every event of this connection.
    pub cookie: U64,
    /// Queue pair, in INIT, of type RC.
    pub qpn: U32,
    /// Local endpoint, or 0: an ephemeral port of `address`.
    pub endpoint: U32,
    /// Options.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: U32,
    /// Index in the address table, when endpoint is 0.
    pub address: U16,
    /// Destination port.
    pub port: U16,
    /// Destination address, IPv4 as ::ffff:a.b.c.d.
    pub destination: [u8; 16],
    /// Reads and atomics that we take.
    pub read_depth_in: u8,
    /// Reads and atomics that we want outstanding.
    pub read_depth_out: u8,
    /// Transport retries, 0 to 7.
    pub retry_count: u8,
    /// RNR retries, 0 to 7.
    pub rnr_retry: u8,
    /// Largest path MTU; 0: the port's.
    ///
    /// As stored; see [`Self::path_mtu`].
    pub path_mtu_raw: u8,
    /// Traffic class.
    pub traffic_class: u8,
    /// Next hop, with flags.next_hop.
    pub next_hop: [u8; 6],
    /// Bytes of private data, up to LIMIT_CONNECT_PRIVATE_BYTES.
    pub private_length: U16,
    /// Zero.
    pub reserved_70: U16,
    /// Private data.
    pub private_data: [u8; 56],
    /// Zero.
    pub reserved_128: [u8; 8],
}

const _: () = {
    assert!(core::mem::size_of::<ConnectRequest>() == 136);
    assert!(core::mem::offset_of!(ConnectRequest, header) == 0);
    assert!(core::mem::offset_of!(ConnectRequest, cookie) == 16);
    assert!(core::mem::offset_of!(ConnectRequest, qpn) == 24);
    assert!(core::mem::offset_of!(ConnectRequest, endpoint) == 28);
    assert!(core::mem::offset_of!(ConnectRequest, flags_raw) == 32);
    assert!(core::mem::offset_of!(ConnectRequest, address) == 36);
    assert!(core::mem::offset_of!(ConnectRequest, port) == 38);
    assert!(core::mem::offset_of!(ConnectRequest, destination) == 40);
    assert!(core::mem::offset_of!(ConnectRequest, read_depth_in) == 56);
    assert!(core::mem::offset_of!(ConnectRequest, read_depth_out) == 57);
    assert!(core::mem::offset_of!(ConnectRequest, retry_count) == 58);
    assert!(core::mem::offset_of!(ConnectRequest, rnr_retry) == 59);
    assert!(core::mem::offset_of!(ConnectRequest, path_mtu_raw) == 60);
    assert!(core::mem::offset_of!(ConnectRequest, traffic_class) == 61);
    assert!(core::mem::offset_of!(ConnectRequest, next_hop) == 62);
    assert!(core::mem::offset_of!(ConnectRequest, private_length) == 68);
    assert!(core::mem::offset_of!(ConnectRequest, reserved_70) == 70);
    assert!(core::mem::offset_of!(ConnectRequest, private_data) == 72);
    assert!(core::mem::offset_of!(ConnectRequest, reserved_128) == 128);
};

impl ConnectRequest {
    /// Size in bytes.
    pub const SIZE: usize = 136;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            cookie: U64::ZERO,
            qpn: U32::ZERO,
            endpoint: U32::ZERO,
            flags_raw: U32::ZERO,
            address: U16::ZERO,
            port: U16::ZERO,
            destination: [0; 16],
            read_depth_in: 0,
            read_depth_out: 0,
            retry_count: 0,
            rnr_retry: 0,
            path_mtu_raw: 0,
            traffic_class: 0,
            next_hop: [0; 6],
            private_length: U16::ZERO,
            reserved_70: U16::ZERO,
            private_data: [0; 56],
            reserved_128: [0; 8],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && !self.flags().reserved_bits_set()
            && self.reserved_70 == U16::ZERO
            && self.reserved_128.iter().all(|v| *v == 0)
    }

    /// Options.
    #[must_use]
    pub const fn flags(&self) -> ConnectFlags {
        ConnectFlags(self.flags_raw.get())
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: ConnectFlags) {
        self.flags_raw = U32::new(value.0);
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: ConnectFlags) -> Self {
        self.flags_raw = U32::new(value.0);
        self
    }

    /// Largest path MTU; 0: the port's.
    #[must_use]
    pub const fn path_mtu(&self) -> Mtu {
        Mtu(self.path_mtu_raw)
    }

    /// Stores `path_mtu`.
    pub const fn set_path_mtu(&mut self, value: Mtu) {
        self.path_mtu_raw = value.0;
    }

    /// The same with `path_mtu` replaced.
    #[must_use]
    pub const fn with_path_mtu(mut self, value: Mtu) -> Self {
        self.path_mtu_raw = value.0;
        self
    }
}

impl Default for ConnectRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Answer of CONNECT.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ConnectAnswer {
    /// Header.
    pub header: AnswerHeader,
    /// Handle.
    pub connection: U32,
    /// Local port.
    pub port: U16,
    /// Zero.
    pub reserved_22: U16,
}

const _: () = {
    assert!(core::mem::size_of::<ConnectAnswer>() == 24);
    assert!(core::mem::offset_of!(ConnectAnswer, header) == 0);
    assert!(core::mem::offset_of!(ConnectAnswer, connection) == 16);
    assert!(core::mem::offset_of!(ConnectAnswer, port) == 20);
    assert!(core::mem::offset_of!(ConnectAnswer, reserved_22) == 22);
};

impl ConnectAnswer {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: AnswerHeader::zeroed(),
            connection: U32::ZERO,
            port: U16::ZERO,
            reserved_22: U16::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_22 == U16::ZERO
    }
}

impl Default for ConnectAnswer {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of COMPLETE_CONNECT.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CompleteConnectRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle, after CONNECT_REPLY.
    pub connection: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CompleteConnectRequest>() == 24);
    assert!(core::mem::offset_of!(CompleteConnectRequest, header) == 0);
    assert!(core::mem::offset_of!(CompleteConnectRequest, connection) == 16);
    assert!(core::mem::offset_of!(CompleteConnectRequest, reserved_20) == 20);
};

impl CompleteConnectRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            connection: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for CompleteConnectRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of ACCEPT.
///
/// 240 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct AcceptRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle, from CONNECT_REQUEST.
    pub connection: U32,
    /// Queue pair, in INIT, of type RC.
    pub qpn: U32,
    /// Returned in every later event of this connection.
    pub cookie: U64,
    /// Reads and atomics that we take.
    pub read_depth_in: u8,
    /// Reads and atomics that we want outstanding.
    pub read_depth_out: u8,
    /// RNR retries, 0 to 7.
    pub rnr_retry: u8,
    /// Zero.
    pub reserved_35: u8,
    /// Bytes of private data, up to LIMIT_ACCEPT_PRIVATE_BYTES.
    pub private_length: U16,
    /// Zero.
    pub reserved_38: U16,
    /// Private data.
    pub private_data: [u8; 196],
    /// Zero.
    pub reserved_236: [u8; 4],
}

const _: () = {
    assert!(core::mem::size_of::<AcceptRequest>() == 240);
    assert!(core::mem::offset_of!(AcceptRequest, header) == 0);
    assert!(core::mem::offset_of!(AcceptRequest, connection) == 16);
    assert!(core::mem::offset_of!(AcceptRequest, qpn) == 20);
    assert!(core::mem::offset_of!(AcceptRequest, cookie) == 24);
    assert!(core::mem::offset_of!(AcceptRequest, read_depth_in) == 32);
    assert!(core::mem::offset_of!(AcceptRequest, read_depth_out) == 33);
    assert!(core::mem::offset_of!(AcceptRequest, rnr_retry) == 34);
    assert!(core::mem::offset_of!(AcceptRequest, reserved_35) == 35);
    assert!(core::mem::offset_of!(AcceptRequest, private_length) == 36);
    assert!(core::mem::offset_of!(AcceptRequest, reserved_38) == 38);
    assert!(core::mem::offset_of!(AcceptRequest, private_data) == 40);
    assert!(core::mem::offset_of!(AcceptRequest, reserved_236) == 236);
};

impl AcceptRequest {
    /// Size in bytes.
    pub const SIZE: usize = 240;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            connection: U32::ZERO,
            qpn: U32::ZERO,
            cookie: U64::ZERO,
            read_depth_in: 0,
            read_depth_out: 0,
            rnr_retry: 0,
            reserved_35: 0,
            private_length: U16::ZERO,
            reserved_38: U16::ZERO,
            private_data: [0; 196],
            reserved_236: [0; 4],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_35 == 0
            && self.reserved_38 == U16::ZERO
            && self.reserved_236.iter().all(|v| *v == 0)
    }
}

impl Default for AcceptRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of REJECT_CONNECTION.
///
/// 176 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct RejectConnectionRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle, after CONNECT_REQUEST or CONNECT_REPLY.
    pub connection: U32,
    /// Bytes of private data, up to LIMIT_REJECT_PRIVATE_BYTES.
    pub private_length: U16,
    /// Zero.
    pub reserved_22: U16,
    /// Private data.
    pub private_data: [u8; 148],
    /// Zero.
    pub reserved_172: U32,
}

const _: () = {
    assert!(core::mem::size_of::<RejectConnectionRequest>() == 176);
    assert!(core::mem::offset_of!(RejectConnectionRequest, header) == 0);
    assert!(core::mem::offset_of!(RejectConnectionRequest, connection) == 16);
    assert!(core::mem::offset_of!(RejectConnectionRequest, private_length) == 20);
    assert!(core::mem::offset_of!(RejectConnectionRequest, reserved_22) == 22);
    assert!(core::mem::offset_of!(RejectConnectionRequest, private_data) == 24);
    assert!(core::mem::offset_of!(RejectConnectionRequest, reserved_172) == 172);
};

impl RejectConnectionRequest {
    /// Size in bytes.
    pub const SIZE: usize = 176;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            connection: U32::ZERO,
            private_length: U16::ZERO,
            reserved_22: U16::ZERO,
            private_data: [0; 148],
            reserved_172: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && self.reserved_22 == U16::ZERO
            && self.reserved_172 == U32::ZERO
    }
}

impl Default for RejectConnectionRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DISCONNECT.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DisconnectRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub connection: U32,
    /// Options.
    ///
    /// As stored; see [`Self::flags`].
    pub flags_raw: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DisconnectRequest>() == 24);
    assert!(core::mem::offset_of!(DisconnectRequest, header) == 0);
    assert!(core::mem::offset_of!(DisconnectRequest, connection) == 16);
    assert!(core::mem::offset_of!(DisconnectRequest, flags_raw) == 20);
};

impl DisconnectRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            connection: U32::ZERO,
            flags_raw: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && !self.flags().reserved_bits_set()
    }

    /// Options.
    #[must_use]
    pub const fn flags(&self) -> DisconnectFlags {
        DisconnectFlags(self.flags_raw.get())
    }

    /// Stores `flags`.
    pub const fn set_flags(&mut self, value: DisconnectFlags) {
        self.flags_raw = U32::new(value.0);
    }

    /// The same with `flags` replaced.
    #[must_use]
    pub const fn with_flags(mut self, value: DisconnectFlags) -> Self {
        self.flags_raw = U32::new(value.0);
        self
    }
}

impl Default for DisconnectRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of RELEASE_CONNECTION.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ReleaseConnectionRequest {
    /// Header.
    pub header: CommandHeader,
    /// Handle.
    pub connection: U32,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<ReleaseConnectionRequest>() == 24);
    assert!(core::mem::offset_of!(ReleaseConnectionRequest, header) == 0);
    assert!(core::mem::offset_of!(ReleaseConnectionRequest, connection) == 16);
    assert!(core::mem::offset_of!(ReleaseConnectionRequest, reserved_20) == 20);
};

impl ReleaseConnectionRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            connection: U32::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_20 == U32::ZERO
    }
}

impl Default for ReleaseConnectionRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of CREATE_ETH_QUEUE.
///
/// 56 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CreateEthQueueRequest {
    /// Header.
    pub header: CommandHeader,
    /// Receive or transmit.
    ///
    /// As stored; see [`Self::direction`].
    pub direction_raw: u8,
    /// Zero.
    pub reserved_17: u8,
    /// Queue number, below LIMIT_ETH_QUEUES.
    pub index: U16,
    /// Interrupt vector, or VECTOR_NONE.
    pub vector: U16,
    /// Descriptors, a power of two.
    pub size: U16,
    /// DMA address of the descriptor table, 16-byte aligned.
    pub descriptors: U64,
    /// DMA address of the available ring, 2-byte aligned.
    pub available: U64,
    /// DMA address of the used ring, 4-byte aligned.
    pub used: U64,
    /// Doorbell slot index.
    pub doorbell: U32,
    /// Zero.
    pub reserved_52: U32,
}

const _: () = {
    assert!(core::mem::size_of::<CreateEthQueueRequest>() == 56);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, header) == 0);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, direction_raw) == 16);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, reserved_17) == 17);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, index) == 18);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, vector) == 20);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, size) == 22);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, descriptors) == 24);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, available) == 32);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, used) == 40);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, doorbell) == 48);
    assert!(core::mem::offset_of!(CreateEthQueueRequest, reserved_52) == 52);
};

impl CreateEthQueueRequest {
    /// Size in bytes.
    pub const SIZE: usize = 56;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            direction_raw: 0,
            reserved_17: 0,
            index: U16::ZERO,
            vector: U16::ZERO,
            size: U16::ZERO,
            descriptors: U64::ZERO,
            available: U64::ZERO,
            used: U64::ZERO,
            doorbell: U32::ZERO,
            reserved_52: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_17 == 0 && self.reserved_52 == U32::ZERO
    }

    /// Receive or transmit.
    #[must_use]
    pub const fn direction(&self) -> EthDirection {
        EthDirection(self.direction_raw)
    }

    /// Stores `direction`.
    pub const fn set_direction(&mut self, value: EthDirection) {
        self.direction_raw = value.0;
    }

    /// The same with `direction` replaced.
    #[must_use]
    pub const fn with_direction(mut self, value: EthDirection) -> Self {
        self.direction_raw = value.0;
        self
    }
}

impl Default for CreateEthQueueRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of DESTROY_ETH_QUEUE.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DestroyEthQueueRequest {
    /// Header.
    pub header: CommandHeader,
    /// Receive or transmit.
    ///
    /// As stored; see [`Self::direction`].
    pub direction_raw: u8,
    /// Zero.
    pub reserved_17: u8,
    /// Queue number.
    pub index: U16,
    /// Zero.
    pub reserved_20: U32,
}

const _: () = {
    assert!(core::mem::size_of::<DestroyEthQueueRequest>() == 24);
    assert!(core::mem::offset_of!(DestroyEthQueueRequest, header) == 0);
    assert!(core::mem::offset_of!(DestroyEthQueueRequest, direction_raw) == 16);
    assert!(core::mem::offset_of!(DestroyEthQueueRequest, reserved_17) == 17);
    assert!(core::mem::offset_of!(DestroyEthQueueRequest, index) == 18);
    assert!(core::mem::offset_of!(DestroyEthQueueRequest, reserved_20) == 20);
};

impl DestroyEthQueueRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            direction_raw: 0,
            reserved_17: 0,
            index: U16::ZERO,
            reserved_20: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && self.reserved_17 == 0 && self.reserved_20 == U32::ZERO
    }

    /// Receive or transmit.
    #[must_use]
    pub const fn direction(&self) -> EthDirection {
        EthDirection(self.direction_raw)
    }

    /// Stores `direction`.
    pub const fn set_direction(&mut self, value: EthDirection) {
        self.direction_raw = value.0;
    }

    /// The same with `direction` replaced.
    #[must_use]
    pub const fn with_direction(mut self, value: EthDirection) -> Self {
        self.direction_raw = value.0;
        self
    }
}

impl Default for DestroyEthQueueRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of SET_RX_MODE.
///
/// 40 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SetRxModeRequest {
    /// Header.
    pub header: CommandHeader,
    /// What to receive.
    ///
    /// As stored; see [`Self::mode`].
    pub mode_raw: U32,
    /// Addresses in the list, up to LIMIT_MULTICAST.
    pub multicast_count: U32,
    /// DMA address of the addresses, 6 bytes each. Read once.
    pub multicast_list: U64,
    /// Ethernet address to receive; all zero: MAC_ADDRESS.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved_38: U16,
}

const _: () = {
    assert!(core::mem::size_of::<SetRxModeRequest>() == 40);
    assert!(core::mem::offset_of!(SetRxModeRequest, header) == 0);
    assert!(core::mem::offset_of!(SetRxModeRequest, mode_raw) == 16);
    assert!(core::mem::offset_of!(SetRxModeRequest, multicast_count) == 20);
    assert!(core::mem::offset_of!(SetRxModeRequest, multicast_list) == 24);
    assert!(core::mem::offset_of!(SetRxModeRequest, mac) == 32);
    assert!(core::mem::offset_of!(SetRxModeRequest, reserved_38) == 38);
};

impl SetRxModeRequest {
    /// Size in bytes.
    pub const SIZE: usize = 40;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            mode_raw: U32::ZERO,
            multicast_count: U32::ZERO,
            multicast_list: U64::ZERO,
            mac: [0; 6],
            reserved_38: U16::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && !self.mode().reserved_bits_set()
            && self.reserved_38 == U16::ZERO
    }

    /// What to receive.
    #[must_use]
    pub const fn mode(&self) -> RxMode {
        RxMode(self.mode_raw.get())
    }

    /// Stores `mode`.
    pub const fn set_mode(&mut self, value: RxMode) {
        self.mode_raw = U32::new(value.0);
    }

    /// The same with `mode` replaced.
    #[must_use]
    pub const fn with_mode(mut self, value: RxMode) -> Self {
        self.mode_raw = U32::new(value.0);
        self
    }
}

impl Default for SetRxModeRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of SET_ETH_OFFLOADS.
///
/// 24 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SetEthOffloadsRequest {
    /// Header.
    pub header: CommandHeader,
    /// Receive offloads that the guest takes.
    ///
    /// As stored; see [`Self::offloads`].
    pub offloads_raw: U32,
    /// Longest frame given to the guest.
    pub max_frame: U32,
}

const _: () = {
    assert!(core::mem::size_of::<SetEthOffloadsRequest>() == 24);
    assert!(core::mem::offset_of!(SetEthOffloadsRequest, header) == 0);
    assert!(core::mem::offset_of!(SetEthOffloadsRequest, offloads_raw) == 16);
    assert!(core::mem::offset_of!(SetEthOffloadsRequest, max_frame) == 20);
};

impl SetEthOffloadsRequest {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            offloads_raw: U32::ZERO,
            max_frame: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero() && !self.offloads().reserved_bits_set()
    }

    /// Receive offloads that the guest takes.
    #[must_use]
    pub const fn offloads(&self) -> EthOffloads {
        EthOffloads(self.offloads_raw.get())
    }

    /// Stores `offloads`.
    pub const fn set_offloads(&mut self, value: EthOffloads) {
        self.offloads_raw = U32::new(value.0);
    }

    /// The same with `offloads` replaced.
    #[must_use]
    pub const fn with_offloads(mut self, value: EthOffloads) -> Self {
        self.offloads_raw = U32::new(value.0);
        self
    }
}

impl Default for SetEthOffloadsRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Request of SET_RSS.
///
/// 200 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SetRssRequest {
    /// Header.
    pub header: CommandHeader,
    /// Hash inputs; zero: all to queue `table[0]`.
    ///
    /// As stored; see [`Self::types`].
    pub types_raw: U32,
    /// Entries used, a power of two up to LIMIT_RSS_TABLE.
    pub table_size: U32,
    /// Toeplitz key.
    pub key: [u8; 40],
    /// Receive queue of each entry.
    pub table: [u8; 128],
    /// Zero.
    pub reserved_192: U32,
    /// Zero.
    pub reserved_196: U32,
}

const _: () = {
    assert!(core::mem::size_of::<SetRssRequest>() == 200);
    assert!(core::mem::offset_of!(SetRssRequest, header) == 0);
    assert!(core::mem::offset_of!(SetRssRequest, types_raw) == 16);
    assert!(core::mem::offset_of!(SetRssRequest, table_size) == 20);
    assert!(core::mem::offset_of!(SetRssRequest, key) == 24);
    assert!(core::mem::offset_of!(SetRssRequest, table) == 64);
    assert!(core::mem::offset_of!(SetRssRequest, reserved_192) == 192);
    assert!(core::mem::offset_of!(SetRssRequest, reserved_196) == 196);
};

impl SetRssRequest {
    /// Size in bytes.
    pub const SIZE: usize = 200;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            header: CommandHeader::zeroed(),
            types_raw: U32::ZERO,
            table_size: U32::ZERO,
            key: [0; 40],
            table: [0; 128],
            reserved_192: U32::ZERO,
            reserved_196: U32::ZERO,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.header.reserved_is_zero()
            && !self.types().reserved_bits_set()
            && self.reserved_192 == U32::ZERO
            && self.reserved_196 == U32::ZERO
    }

    /// Hash inputs; zero: all to queue `table[0]`.
    #[must_use]
    pub const fn types(&self) -> RssTypes {
        RssTypes(self.types_raw.get())
    }

    /// Stores `types`.
    pub const fn set_types(&mut self, value: RssTypes) {
        self.types_raw = U32::new(value.0);
    }

    /// The same with `types` replaced.
    #[must_use]
    pub const fn with_types(mut self, value: RssTypes) -> Self {
        self.types_raw = U32::new(value.0);
        self
    }
}

impl Default for SetRssRequest {
    fn default() -> Self {
        Self::zeroed()
    }
}
