// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Open enums: an unknown code is a value. From `firmware-spec/spec/queues.toml`.

/// Operation of a send queue entry.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct WorkOpcode(pub u8);

impl WorkOpcode {
    /// Send.
    pub const SEND: Self = Self(0x1);
    /// Send with immediate data.
    pub const SEND_IMMEDIATE: Self = Self(0x2);
    /// Send; the receiver invalidates the key in `immediate` before its completion is visible.
    pub const SEND_INVALIDATE: Self = Self(0x3);
    /// RDMA write.
    pub const WRITE: Self = Self(0x4);
    /// RDMA write with immediate data; consumes a receive at the peer.
    pub const WRITE_IMMEDIATE: Self = Self(0x5);
    /// RDMA read.
    pub const READ: Self = Self(0x6);
    /// RDMA read that invalidates the key of its first local segment on success.
    pub const READ_INVALIDATE: Self = Self(0x7);
    /// Atomic compare and swap of 8 bytes.
    pub const COMPARE_SWAP: Self = Self(0x8);
    /// Atomic fetch and add of 8 bytes.
    pub const FETCH_ADD: Self = Self(0x9);
    /// Gives a fast-register region its pages, range, rights and key.
    pub const FAST_REGISTER: Self = Self(0xa);
    /// Binds a memory window.
    pub const BIND: Self = Self(0xb);
    /// Makes a key FREE.
    pub const LOCAL_INVALIDATE: Self = Self(0xc);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::SEND,
        Self::SEND_IMMEDIATE,
        Self::SEND_INVALIDATE,
        Self::WRITE,
        Self::WRITE_IMMEDIATE,
        Self::READ,
        Self::READ_INVALIDATE,
        Self::COMPARE_SWAP,
        Self::FETCH_ADD,
        Self::FAST_REGISTER,
        Self::BIND,
        Self::LOCAL_INVALIDATE,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::SEND => Some("SEND"),
            Self::SEND_IMMEDIATE => Some("SEND_IMMEDIATE"),
            Self::SEND_INVALIDATE => Some("SEND_INVALIDATE"),
            Self::WRITE => Some("WRITE"),
            Self::WRITE_IMMEDIATE => Some("WRITE_IMMEDIATE"),
            Self::READ => Some("READ"),
            Self::READ_INVALIDATE => Some("READ_INVALIDATE"),
            Self::COMPARE_SWAP => Some("COMPARE_SWAP"),
            Self::FETCH_ADD => Some("FETCH_ADD"),
            Self::FAST_REGISTER => Some("FAST_REGISTER"),
            Self::BIND => Some("BIND"),
            Self::LOCAL_INVALIDATE => Some("LOCAL_INVALIDATE"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for WorkOpcode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "WorkOpcode", self.name(), self.0.into())
    }
}

impl core::fmt::Display for WorkOpcode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "WorkOpcode", self.name(), self.0.into())
    }
}

/// Why a completion queue signals.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct CqEventKind(pub u8);

impl CqEventKind {
    /// The arm is satisfied.
    pub const COMPLETION: Self = Self(0x1);
    /// The queue is in error.
    pub const ERROR: Self = Self(0x2);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::COMPLETION, Self::ERROR];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::COMPLETION => Some("COMPLETION"),
            Self::ERROR => Some("ERROR"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for CqEventKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CqEventKind", self.name(), self.0.into())
    }
}

impl core::fmt::Display for CqEventKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CqEventKind", self.name(), self.0.into())
    }
}
