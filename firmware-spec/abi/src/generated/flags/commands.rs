// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Words made of bit fields. From `firmware-spec/spec/commands.toml`.

use crate::BitField;
#[allow(unused_imports)]
use crate::generated::enums::*;

/// Kind of protection domain.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct PdFlags(pub u32);

impl PdFlags {
    /// Has a privileged key.
    pub const PRIVILEGED: Self = Self(0x1);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffffffe;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[("privileged", BitField::new(0, 0))];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// Has a privileged key.
    #[must_use]
    pub const fn privileged(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `privileged` (1 bit) replaced.
    #[must_use]
    pub const fn with_privileged(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }
}

impl core::ops::BitOr for PdFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for PdFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "PdFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Options of a queue pair.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct QpFlags(pub u32);

impl QpFlags {
    /// Receives come from a shared receive queue.
    pub const SRQ: Self = Self(0x1);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffffffe;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[("srq", BitField::new(0, 0))];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// Receives come from a shared receive queue.
    #[must_use]
    pub const fn srq(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `srq` (1 bit) replaced.
    #[must_use]
    pub const fn with_srq(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }
}

impl core::ops::BitOr for QpFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for QpFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "QpFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Queues to flush.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct FlushFlags(pub u32);

impl FlushFlags {
    /// Send queue.
    pub const SEND: Self = Self(0x1);
    /// Receive queue.
    pub const RECEIVE: Self = Self(0x2);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffffffc;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("send", BitField::new(0, 0)),
        ("receive", BitField::new(1, 1)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// Send queue.
    #[must_use]
    pub const fn send(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `send` (1 bit) replaced.
    #[must_use]
    pub const fn with_send(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }

    /// Receive queue.
    #[must_use]
    pub const fn receive(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `receive` (1 bit) replaced.
    #[must_use]
    pub const fn with_receive(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u32) << 1) & 0x2))
    }
}

impl core::ops::BitOr for FlushFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for FlushFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "FlushFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// How to disconnect.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct DisconnectFlags(pub u32);

impl DisconnectFlags {
    /// Do not wait for the peer's answer.
    pub const ABORTIVE: Self = Self(0x1);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffffffe;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[("abortive", BitField::new(0, 0))];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// Do not wait for the peer's answer.
    #[must_use]
    pub const fn abortive(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `abortive` (1 bit) replaced.
    #[must_use]
    pub const fn with_abortive(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }
}

impl core::ops::BitOr for DisconnectFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for DisconnectFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "DisconnectFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Fields of MODIFY_QP that mean something.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ModifyMask(pub u32);

impl ModifyMask {
    /// state
    pub const STATE: Self = Self(0x1);
    /// peer_address, peer_qpn, local_address, udp_source_port, path_mtu, traffic_class, hop_limit, flow_label
    pub const PATH: Self = Self(0x2);
    /// next_hop
    pub const NEXT_HOP: Self = Self(0x4);
    /// send_psn
    pub const SEND_PSN: Self = Self(0x8);
    /// recv_psn
    pub const RECV_PSN: Self = Self(0x10);
    /// read_depth_in, read_depth_out
    pub const READ_DEPTH: Self = Self(0x20);
    /// retry_count, rnr_retry, ack_timeout
    pub const RETRY: Self = Self(0x40);
    /// min_rnr_timer
    pub const RNR_TIMER: Self = Self(0x80);
    /// access
    pub const ACCESS: Self = Self(0x100);
    /// qkey
    pub const QKEY: Self = Self(0x200);
    /// flags.flow_control
    pub const FLOW_CONTROL: Self = Self(0x400);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffff800;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("state", BitField::new(0, 0)),
        ("path", BitField::new(1, 1)),
        ("next_hop", BitField::new(2, 2)),
        ("send_psn", BitField::new(3, 3)),
        ("recv_psn", BitField::new(4, 4)),
        ("read_depth", BitField::new(5, 5)),
        ("retry", BitField::new(6, 6)),
        ("rnr_timer", BitField::new(7, 7)),
        ("access", BitField::new(8, 8)),
        ("qkey", BitField::new(9, 9)),
        ("flow_control", BitField::new(10, 10)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// state
    #[must_use]
    pub const fn state(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `state` (1 bit) replaced.
    #[must_use]
    pub const fn with_state(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }

    /// peer_address, peer_qpn, local_address, udp_source_port, path_mtu, traffic_class, hop_limit, flow_label
    #[must_use]
    pub const fn path(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `path` (1 bit) replaced.
    #[must_use]
    pub const fn with_path(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u32) << 1) & 0x2))
    }

    /// next_hop
    #[must_use]
    pub const fn next_hop(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `next_hop` (1 bit) replaced.
    #[must_use]
    pub const fn with_next_hop(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u32) << 2) & 0x4))
    }

    /// send_psn
    #[must_use]
    pub const fn send_psn(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// The same word with `send_psn` (1 bit) replaced.
    #[must_use]
    pub const fn with_send_psn(self, value: bool) -> Self {
        Self((self.0 & !0x8) | (((value as u32) << 3) & 0x8))
    }

    /// recv_psn
    #[must_use]
    pub const fn recv_psn(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The same word with `recv_psn` (1 bit) replaced.
    #[must_use]
    pub const fn with_recv_psn(self, value: bool) -> Self {
        Self((self.0 & !0x10) | (((value as u32) << 4) & 0x10))
    }

    /// read_depth_in, read_depth_out
    #[must_use]
    pub const fn read_depth(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// The same word with `read_depth` (1 bit) replaced.
    #[must_use]
    pub const fn with_read_depth(self, value: bool) -> Self {
        Self((self.0 & !0x20) | (((value as u32) << 5) & 0x20))
    }

    /// retry_count, rnr_retry, ack_timeout
    #[must_use]
    pub const fn retry(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// The same word with `retry` (1 bit) replaced.
    #[must_use]
    pub const fn with_retry(self, value: bool) -> Self {
        Self((self.0 & !0x40) | (((value as u32) << 6) & 0x40))
    }

    /// min_rnr_timer
    #[must_use]
    pub const fn rnr_timer(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// The same word with `rnr_timer` (1 bit) replaced.
    #[must_use]
    pub const fn with_rnr_timer(self, value: bool) -> Self {
        Self((self.0 & !0x80) | (((value as u32) << 7) & 0x80))
    }

    /// access
    #[must_use]
    pub const fn access(self) -> bool {
        self.0 & 0x100 != 0
    }

    /// The same word with `access` (1 bit) replaced.
    #[must_use]
    pub const fn with_access(self, value: bool) -> Self {
        Self((self.0 & !0x100) | (((value as u32) << 8) & 0x100))
    }

    /// qkey
    #[must_use]
    pub const fn qkey(self) -> bool {
        self.0 & 0x200 != 0
    }

    /// The same word with `qkey` (1 bit) replaced.
    #[must_use]
    pub const fn with_qkey(self, value: bool) -> Self {
        Self((self.0 & !0x200) | (((value as u32) << 9) & 0x200))
    }

    /// flags.flow_control
    #[must_use]
    pub const fn flow_control(self) -> bool {
        self.0 & 0x400 != 0
    }

    /// The same word with `flow_control` (1 bit) replaced.
    #[must_use]
    pub const fn with_flow_control(self, value: bool) -> Self {
        Self((self.0 & !0x400) | (((value as u32) << 10) & 0x400))
    }
}

impl core::ops::BitOr for ModifyMask {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for ModifyMask {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "ModifyMask",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Switches of a queue pair.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct QpAttributeFlags(pub u32);

impl QpAttributeFlags {
    /// End-to-end flow control, from RTR and RTS on. Needs FLOW_CONTROL.
    pub const FLOW_CONTROL: Self = Self(0x1);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffffffe;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] =
        &[("flow_control", BitField::new(0, 0))];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// End-to-end flow control, from RTR and RTS on. Needs FLOW_CONTROL.
    #[must_use]
    pub const fn flow_control(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `flow_control` (1 bit) replaced.
    #[must_use]
    pub const fn with_flow_control(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }
}

impl core::ops::BitOr for QpAttributeFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for QpAttributeFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "QpAttributeFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Options of an address.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct AddressFlags(pub u8);

impl AddressFlags {
    /// `gateway` is given.
    pub const GATEWAY: Self = Self(0x1);
    /// `vlan` is given.
    pub const VLAN: Self = Self(0x2);
    /// The device answers ARP or neighbour solicitations for it; else the guest's stack does.
    pub const ANSWER: Self = Self(0x4);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u8 = 0xf8;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("gateway", BitField::new(0, 0)),
        ("vlan", BitField::new(1, 1)),
        ("answer", BitField::new(2, 2)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// `gateway` is given.
    #[must_use]
    pub const fn gateway(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `gateway` (1 bit) replaced.
    #[must_use]
    pub const fn with_gateway(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u8) & 0x1))
    }

    /// `vlan` is given.
    #[must_use]
    pub const fn vlan(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `vlan` (1 bit) replaced.
    #[must_use]
    pub const fn with_vlan(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u8) << 1) & 0x2))
    }

    /// The device answers ARP or neighbour solicitations for it; else the guest's stack does.
    #[must_use]
    pub const fn answer(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `answer` (1 bit) replaced.
    #[must_use]
    pub const fn with_answer(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u8) << 2) & 0x4))
    }
}

impl core::ops::BitOr for AddressFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for AddressFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "AddressFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Options of CONNECT.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ConnectFlags(pub u32);

impl ConnectFlags {
    /// `next_hop` is given: no address resolution.
    pub const NEXT_HOP: Self = Self(0x1);
    /// End-to-end flow control, if the peer has it too. Needs FLOW_CONTROL.
    pub const FLOW_CONTROL: Self = Self(0x2);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffffffc;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("next_hop", BitField::new(0, 0)),
        ("flow_control", BitField::new(1, 1)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// `next_hop` is given: no address resolution.
    #[must_use]
    pub const fn next_hop(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `next_hop` (1 bit) replaced.
    #[must_use]
    pub const fn with_next_hop(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }

    /// End-to-end flow control, if the peer has it too. Needs FLOW_CONTROL.
    #[must_use]
    pub const fn flow_control(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `flow_control` (1 bit) replaced.
    #[must_use]
    pub const fn with_flow_control(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u32) << 1) & 0x2))
    }
}

impl core::ops::BitOr for ConnectFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for ConnectFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "ConnectFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// What the Ethernet lane receives.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct RxMode(pub u32);

impl RxMode {
    /// Frames to the address.
    pub const UNICAST: Self = Self(0x1);
    /// Frames to listed multicast addresses.
    pub const MULTICAST: Self = Self(0x2);
    /// Broadcast frames.
    pub const BROADCAST: Self = Self(0x4);
    /// All multicast frames.
    pub const ALL_MULTICAST: Self = Self(0x8);
    /// All frames.
    pub const PROMISCUOUS: Self = Self(0x10);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xffffffe0;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("unicast", BitField::new(0, 0)),
        ("multicast", BitField::new(1, 1)),
        ("broadcast", BitField::new(2, 2)),
        ("all_multicast", BitField::new(3, 3)),
        ("promiscuous", BitField::new(4, 4)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// Frames to the address.
    #[must_use]
    pub const fn unicast(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `unicast` (1 bit) replaced.
    #[must_use]
    pub const fn with_unicast(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }

    /// Frames to listed multicast addresses.
    #[must_use]
    pub const fn multicast(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `multicast` (1 bit) replaced.
    #[must_use]
    pub const fn with_multicast(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u32) << 1) & 0x2))
    }

    /// Broadcast frames.
    #[must_use]
    pub const fn broadcast(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `broadcast` (1 bit) replaced.
    #[must_use]
    pub const fn with_broadcast(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u32) << 2) & 0x4))
    }

    /// All multicast frames.
    #[must_use]
    pub const fn all_multicast(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// The same word with `all_multicast` (1 bit) replaced.
    #[must_use]
    pub const fn with_all_multicast(self, value: bool) -> Self {
        Self((self.0 & !0x8) | (((value as u32) << 3) & 0x8))
    }

    /// All frames.
    #[must_use]
    pub const fn promiscuous(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The same word with `promiscuous` (1 bit) replaced.
    #[must_use]
    pub const fn with_promiscuous(self, value: bool) -> Self {
        Self((self.0 & !0x10) | (((value as u32) << 4) & 0x10))
    }
}

impl core::ops::BitOr for RxMode {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for RxMode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "RxMode",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Receive offloads that the guest takes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct EthOffloads(pub u32);

impl EthOffloads {
    /// Frames may come with VIRTIO_NET_HDR_F_DATA_VALID or with a partial checksum.
    pub const CHECKSUM: Self = Self(0x1);
    /// TCP over IPv4 segments may come merged.
    pub const TSO4: Self = Self(0x2);
    /// TCP over IPv6 segments may come merged.
    pub const TSO6: Self = Self(0x4);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xfffffff8;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("checksum", BitField::new(0, 0)),
        ("tso4", BitField::new(1, 1)),
        ("tso6", BitField::new(2, 2)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// Frames may come with VIRTIO_NET_HDR_F_DATA_VALID or with a partial checksum.
    #[must_use]
    pub const fn checksum(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `checksum` (1 bit) replaced.
    #[must_use]
    pub const fn with_checksum(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }

    /// TCP over IPv4 segments may come merged.
    #[must_use]
    pub const fn tso4(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `tso4` (1 bit) replaced.
    #[must_use]
    pub const fn with_tso4(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u32) << 1) & 0x2))
    }

    /// TCP over IPv6 segments may come merged.
    #[must_use]
    pub const fn tso6(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `tso6` (1 bit) replaced.
    #[must_use]
    pub const fn with_tso6(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u32) << 2) & 0x4))
    }
}

impl core::ops::BitOr for EthOffloads {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for EthOffloads {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "EthOffloads",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Hash inputs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct RssTypes(pub u32);

impl RssTypes {
    /// IPv4 addresses.
    pub const IPV4: Self = Self(0x1);
    /// IPv4 addresses and TCP ports.
    pub const TCP_IPV4: Self = Self(0x2);
    /// IPv4 addresses and UDP ports.
    pub const UDP_IPV4: Self = Self(0x4);
    /// IPv6 addresses.
    pub const IPV6: Self = Self(0x8);
    /// IPv6 addresses and TCP ports.
    pub const TCP_IPV6: Self = Self(0x10);
    /// IPv6 addresses and UDP ports.
    pub const UDP_IPV6: Self = Self(0x20);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xffffffc0;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("ipv4", BitField::new(0, 0)),
        ("tcp_ipv4", BitField::new(1, 1)),
        ("udp_ipv4", BitField::new(2, 2)),
        ("ipv6", BitField::new(3, 3)),
        ("tcp_ipv6", BitField::new(4, 4)),
        ("udp_ipv6", BitField::new(5, 5)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        self.0 & Self::RESERVED_MASK != 0
    }

    /// IPv4 addresses.
    #[must_use]
    pub const fn ipv4(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `ipv4` (1 bit) replaced.
    #[must_use]
    pub const fn with_ipv4(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }

    /// IPv4 addresses and TCP ports.
    #[must_use]
    pub const fn tcp_ipv4(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `tcp_ipv4` (1 bit) replaced.
    #[must_use]
    pub const fn with_tcp_ipv4(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u32) << 1) & 0x2))
    }

    /// IPv4 addresses and UDP ports.
    #[must_use]
    pub const fn udp_ipv4(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `udp_ipv4` (1 bit) replaced.
    #[must_use]
    pub const fn with_udp_ipv4(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u32) << 2) & 0x4))
    }

    /// IPv6 addresses.
    #[must_use]
    pub const fn ipv6(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// The same word with `ipv6` (1 bit) replaced.
    #[must_use]
    pub const fn with_ipv6(self, value: bool) -> Self {
        Self((self.0 & !0x8) | (((value as u32) << 3) & 0x8))
    }

    /// IPv6 addresses and TCP ports.
    #[must_use]
    pub const fn tcp_ipv6(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The same word with `tcp_ipv6` (1 bit) replaced.
    #[must_use]
    pub const fn with_tcp_ipv6(self, value: bool) -> Self {
        Self((self.0 & !0x10) | (((value as u32) << 4) & 0x10))
    }

    /// IPv6 addresses and UDP ports.
    #[must_use]
    pub const fn udp_ipv6(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// The same word with `udp_ipv6` (1 bit) replaced.
    #[must_use]
    pub const fn with_udp_ipv6(self, value: bool) -> Self {
        Self((self.0 & !0x20) | (((value as u32) << 5) & 0x20))
    }
}

impl core::ops::BitOr for RssTypes {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for RssTypes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "RssTypes",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}
