// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Layouts in memory, little endian. From `firmware-spec/spec/events.toml`.

#[allow(unused_imports)]
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[allow(unused_imports)]
use crate::generated::{enums::*, flags::*, structs::*};

/// About a queue pair.
///
/// 464 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct QpEvent {
    /// Queue pair.
    pub qpn: U32,
    /// State now.
    ///
    /// As stored; see [`Self::state`].
    pub state_raw: u8,
    /// Zero.
    pub reserved_5: [u8; 3],
    /// Cause.
    ///
    /// As stored; see [`Self::error`].
    pub error_raw: U32,
    /// Zero.
    pub reserved_12: U32,
    /// From CREATE_QP.
    pub context: U64,
    /// Zero.
    pub reserved_24: [u8; 440],
}

const _: () = {
    assert!(core::mem::size_of::<QpEvent>() == 464);
    assert!(core::mem::offset_of!(QpEvent, qpn) == 0);
    assert!(core::mem::offset_of!(QpEvent, state_raw) == 4);
    assert!(core::mem::offset_of!(QpEvent, reserved_5) == 5);
    assert!(core::mem::offset_of!(QpEvent, error_raw) == 8);
    assert!(core::mem::offset_of!(QpEvent, reserved_12) == 12);
    assert!(core::mem::offset_of!(QpEvent, context) == 16);
    assert!(core::mem::offset_of!(QpEvent, reserved_24) == 24);
};

impl QpEvent {
    /// Size in bytes.
    pub const SIZE: usize = 464;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            qpn: U32::ZERO,
            state_raw: 0,
            reserved_5: [0; 3],
            error_raw: U32::ZERO,
            reserved_12: U32::ZERO,
            context: U64::ZERO,
            reserved_24: [0; 440],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_5.iter().all(|v| *v == 0)
            && self.reserved_12 == U32::ZERO
            && self.reserved_24.iter().all(|v| *v == 0)
    }

    /// State now.
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

    /// Cause.
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

impl Default for QpEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// About a completion queue.
///
/// 464 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CqErrorEvent {
    /// Completion queue.
    pub cqn: U32,
    /// Its generation.
    pub generation: U32,
    /// Cause.
    ///
    /// As stored; see [`Self::cause`].
    pub cause_raw: u8,
    /// Zero.
    pub reserved_9: [u8; 7],
    /// From CREATE_CQ.
    pub context: U64,
    /// Zero.
    pub reserved_24: [u8; 440],
}

const _: () = {
    assert!(core::mem::size_of::<CqErrorEvent>() == 464);
    assert!(core::mem::offset_of!(CqErrorEvent, cqn) == 0);
    assert!(core::mem::offset_of!(CqErrorEvent, generation) == 4);
    assert!(core::mem::offset_of!(CqErrorEvent, cause_raw) == 8);
    assert!(core::mem::offset_of!(CqErrorEvent, reserved_9) == 9);
    assert!(core::mem::offset_of!(CqErrorEvent, context) == 16);
    assert!(core::mem::offset_of!(CqErrorEvent, reserved_24) == 24);
};

impl CqErrorEvent {
    /// Size in bytes.
    pub const SIZE: usize = 464;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            cqn: U32::ZERO,
            generation: U32::ZERO,
            cause_raw: 0,
            reserved_9: [0; 7],
            context: U64::ZERO,
            reserved_24: [0; 440],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_9.iter().all(|v| *v == 0) && self.reserved_24.iter().all(|v| *v == 0)
    }

    /// Cause.
    #[must_use]
    pub const fn cause(&self) -> CqErrorCause {
        CqErrorCause(self.cause_raw)
    }

    /// Stores `cause`.
    pub const fn set_cause(&mut self, value: CqErrorCause) {
        self.cause_raw = value.0;
    }

    /// The same with `cause` replaced.
    #[must_use]
    pub const fn with_cause(mut self, value: CqErrorCause) -> Self {
        self.cause_raw = value.0;
        self
    }
}

impl Default for CqErrorEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// About a shared receive queue.
///
/// 464 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SrqEvent {
    /// Shared receive queue.
    pub srqn: U32,
    /// Entries left.
    pub remaining: U32,
    /// From CREATE_SRQ.
    pub context: U64,
    /// Cause of SRQ_ERROR; NONE otherwise.
    ///
    /// As stored; see [`Self::error`].
    pub error_raw: U32,
    /// Zero.
    pub reserved_20: [u8; 444],
}

const _: () = {
    assert!(core::mem::size_of::<SrqEvent>() == 464);
    assert!(core::mem::offset_of!(SrqEvent, srqn) == 0);
    assert!(core::mem::offset_of!(SrqEvent, remaining) == 4);
    assert!(core::mem::offset_of!(SrqEvent, context) == 8);
    assert!(core::mem::offset_of!(SrqEvent, error_raw) == 16);
    assert!(core::mem::offset_of!(SrqEvent, reserved_20) == 20);
};

impl SrqEvent {
    /// Size in bytes.
    pub const SIZE: usize = 464;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            srqn: U32::ZERO,
            remaining: U32::ZERO,
            context: U64::ZERO,
            error_raw: U32::ZERO,
            reserved_20: [0; 444],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_20.iter().all(|v| *v == 0)
    }

    /// Cause of SRQ_ERROR; NONE otherwise.
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

impl Default for SrqEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// About the port.
///
/// 464 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct PortEvent {
    /// Link now.
    ///
    /// As stored; see [`Self::state`].
    pub state_raw: u8,
    /// Zero.
    pub reserved_1: [u8; 463],
}

const _: () = {
    assert!(core::mem::size_of::<PortEvent>() == 464);
    assert!(core::mem::offset_of!(PortEvent, state_raw) == 0);
    assert!(core::mem::offset_of!(PortEvent, reserved_1) == 1);
};

impl PortEvent {
    /// Size in bytes.
    pub const SIZE: usize = 464;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            state_raw: 0,
            reserved_1: [0; 463],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_1.iter().all(|v| *v == 0)
    }

    /// Link now.
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
}

impl Default for PortEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// About an address.
///
/// 464 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct AddressEvent {
    /// Entry of the address table.
    pub index: U16,
    /// Who claims it.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved_8: [u8; 456],
}

const _: () = {
    assert!(core::mem::size_of::<AddressEvent>() == 464);
    assert!(core::mem::offset_of!(AddressEvent, index) == 0);
    assert!(core::mem::offset_of!(AddressEvent, mac) == 2);
    assert!(core::mem::offset_of!(AddressEvent, reserved_8) == 8);
};

impl AddressEvent {
    /// Size in bytes.
    pub const SIZE: usize = 464;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            index: U16::ZERO,
            mac: [0; 6],
            reserved_8: [0; 456],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_8.iter().all(|v| *v == 0)
    }
}

impl Default for AddressEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// About a connection.
///
/// 464 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct CmEvent {
    /// Connection; for CONNECT_REQUEST a new one.
    pub connection: U32,
    /// Listener, for CONNECT_REQUEST; else 0.
    pub listener: U32,
    /// Queue pair, or 0.
    pub qpn: U32,
    /// Result.
    ///
    /// As stored; see [`Self::status`].
    pub status_raw: U16,
    /// Reason that the peer gave, or NONE.
    ///
    /// As stored; see [`Self::reason`].
    pub reason_raw: U16,
    /// Local address.
    pub local_address: [u8; 16],
    /// Peer's address.
    pub peer_address: [u8; 16],
    /// Local port.
    pub local_port: U16,
    /// Peer's port.
    pub peer_port: U16,
    /// Reads and atomics that we may be sent: for CONNECT_REQUEST the peer's wish, else in force.
    pub read_depth_in: u8,
    /// Reads and atomics that we may send: for CONNECT_REQUEST the peer's limit, else in force.
    pub read_depth_out: u8,
    /// Bytes of private data (the wire pads: the maximum of the message).
    pub private_length: U16,
    /// Path MTU.
    ///
    /// As stored; see [`Self::path_mtu`].
    pub path_mtu_raw: u8,
    /// Zero.
    pub reserved_57: [u8; 7],
    /// Private data.
    pub private_data: [u8; 224],
    /// Zero.
    pub reserved_288: [u8; 176],
}

const _: () = {
    assert!(core::mem::size_of::<CmEvent>() == 464);
    assert!(core::mem::offset_of!(CmEvent, connection) == 0);
    assert!(core::mem::offset_of!(CmEvent, listener) == 4);
    assert!(core::mem::offset_of!(CmEvent, qpn) == 8);
    assert!(core::mem::offset_of!(CmEvent, status_raw) == 12);
    assert!(core::mem::offset_of!(CmEvent, reason_raw) == 14);
    assert!(core::mem::offset_of!(CmEvent, local_address) == 16);
    assert!(core::mem::offset_of!(CmEvent, peer_address) == 32);
    assert!(core::mem::offset_of!(CmEvent, local_port) == 48);
    assert!(core::mem::offset_of!(CmEvent, peer_port) == 50);
    assert!(core::mem::offset_of!(CmEvent, read_depth_in) == 52);
    assert!(core::mem::offset_of!(CmEvent, read_depth_out) == 53);
    assert!(core::mem::offset_of!(CmEvent, private_length) == 54);
    assert!(core::mem::offset_of!(CmEvent, path_mtu_raw) == 56);
    assert!(core::mem::offset_of!(CmEvent, reserved_57) == 57);
    assert!(core::mem::offset_of!(CmEvent, private_data) == 64);
    assert!(core::mem::offset_of!(CmEvent, reserved_288) == 288);
};

impl CmEvent {
    /// Size in bytes.
    pub const SIZE: usize = 464;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            connection: U32::ZERO,
            listener: U32::ZERO,
            qpn: U32::ZERO,
            status_raw: U16::ZERO,
            reason_raw: U16::ZERO,
            local_address: [0; 16],
            peer_address: [0; 16],
            local_port: U16::ZERO,
            peer_port: U16::ZERO,
            read_depth_in: 0,
            read_depth_out: 0,
            private_length: U16::ZERO,
            path_mtu_raw: 0,
            reserved_57: [0; 7],
            private_data: [0; 224],
            reserved_288: [0; 176],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_57.iter().all(|v| *v == 0) && self.reserved_288.iter().all(|v| *v == 0)
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

    /// Reason that the peer gave, or NONE.
    #[must_use]
    pub const fn reason(&self) -> RejectReason {
        RejectReason(self.reason_raw.get())
    }

    /// Stores `reason`.
    pub const fn set_reason(&mut self, value: RejectReason) {
        self.reason_raw = U16::new(value.0);
    }

    /// The same with `reason` replaced.
    #[must_use]
    pub const fn with_reason(mut self, value: RejectReason) -> Self {
        self.reason_raw = U16::new(value.0);
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
}

impl Default for CmEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}

/// Entry of the general event queue. The last 8 bytes are one aligned store.
///
/// 512 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct GeneralEvent {
    /// What happened.
    ///
    /// As stored; see [`Self::code`].
    pub code_raw: U16,
    /// Zero.
    pub reserved_2: U16,
    /// Zero.
    pub reserved_4: U32,
    /// The request's, for connection events; else 0.
    pub cookie: U64,
    /// CLOCK when the event was written.
    pub timestamp: U64,
    /// Zero.
    pub reserved_24: [u8; 16],
    /// The event's payload.
    pub payload: [u8; 464],
    /// Free-running number of the event.
    pub sequence: U32,
    /// Zero.
    pub reserved_508: [u8; 3],
    /// As in Completion.
    pub owner: u8,
}

const _: () = {
    assert!(core::mem::size_of::<GeneralEvent>() == 512);
    assert!(core::mem::offset_of!(GeneralEvent, code_raw) == 0);
    assert!(core::mem::offset_of!(GeneralEvent, reserved_2) == 2);
    assert!(core::mem::offset_of!(GeneralEvent, reserved_4) == 4);
    assert!(core::mem::offset_of!(GeneralEvent, cookie) == 8);
    assert!(core::mem::offset_of!(GeneralEvent, timestamp) == 16);
    assert!(core::mem::offset_of!(GeneralEvent, reserved_24) == 24);
    assert!(core::mem::offset_of!(GeneralEvent, payload) == 40);
    assert!(core::mem::offset_of!(GeneralEvent, sequence) == 504);
    assert!(core::mem::offset_of!(GeneralEvent, reserved_508) == 508);
    assert!(core::mem::offset_of!(GeneralEvent, owner) == 511);
};

impl GeneralEvent {
    /// Size in bytes.
    pub const SIZE: usize = 512;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            code_raw: U16::ZERO,
            reserved_2: U16::ZERO,
            reserved_4: U32::ZERO,
            cookie: U64::ZERO,
            timestamp: U64::ZERO,
            reserved_24: [0; 16],
            payload: [0; 464],
            sequence: U32::ZERO,
            reserved_508: [0; 3],
            owner: 0,
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_2 == U16::ZERO
            && self.reserved_4 == U32::ZERO
            && self.reserved_24.iter().all(|v| *v == 0)
            && self.reserved_508.iter().all(|v| *v == 0)
    }

    /// What happened.
    #[must_use]
    pub const fn code(&self) -> EventCode {
        EventCode(self.code_raw.get())
    }

    /// Stores `code`.
    pub const fn set_code(&mut self, value: EventCode) {
        self.code_raw = U16::new(value.0);
    }

    /// The same with `code` replaced.
    #[must_use]
    pub const fn with_code(mut self, value: EventCode) -> Self {
        self.code_raw = U16::new(value.0);
        self
    }
}

impl Default for GeneralEvent {
    fn default() -> Self {
        Self::zeroed()
    }
}
