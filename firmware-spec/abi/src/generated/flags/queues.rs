// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Words made of bit fields. From `firmware-spec/spec/queues.toml`.

use crate::BitField;
#[allow(unused_imports)]
use crate::generated::enums::*;

/// Modifiers of a send queue entry.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct WorkFlags(pub u8);

impl WorkFlags {
    /// No completion on success.
    pub const SILENT: Self = Self(0x1);
    /// The completion at the receiver is solicited. Sends and write-with-immediate only.
    pub const SOLICITED: Self = Self(0x2);
    /// Starts only after all earlier reads and atomics of this queue are complete.
    pub const FENCE: Self = Self(0x4);
    /// `data_count` is a number of bytes that follow in the entry. Sends and writes only.
    pub const INLINE: Self = Self(0x8);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u8 = 0xf0;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("silent", BitField::new(0, 0)),
        ("solicited", BitField::new(1, 1)),
        ("fence", BitField::new(2, 2)),
        ("inline", BitField::new(3, 3)),
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

    /// No completion on success.
    #[must_use]
    pub const fn silent(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `silent` (1 bit) replaced.
    #[must_use]
    pub const fn with_silent(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u8) & 0x1))
    }

    /// The completion at the receiver is solicited. Sends and write-with-immediate only.
    #[must_use]
    pub const fn solicited(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `solicited` (1 bit) replaced.
    #[must_use]
    pub const fn with_solicited(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u8) << 1) & 0x2))
    }

    /// Starts only after all earlier reads and atomics of this queue are complete.
    #[must_use]
    pub const fn fence(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `fence` (1 bit) replaced.
    #[must_use]
    pub const fn with_fence(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u8) << 2) & 0x4))
    }

    /// `data_count` is a number of bytes that follow in the entry. Sends and writes only.
    #[must_use]
    pub const fn inline(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// The same word with `inline` (1 bit) replaced.
    #[must_use]
    pub const fn with_inline(self, value: bool) -> Self {
        Self((self.0 & !0x8) | (((value as u8) << 3) & 0x8))
    }
}

impl core::ops::BitOr for WorkFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for WorkFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "WorkFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// Rights of a region or window.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct AccessFlags(pub u32);

impl AccessFlags {
    /// The device may write for local requests: receives, read sinks, atomic results.
    pub const LOCAL_WRITE: Self = Self(0x1);
    /// Peers may read.
    pub const REMOTE_READ: Self = Self(0x2);
    /// Peers may write. A region needs local_write too.
    pub const REMOTE_WRITE: Self = Self(0x4);
    /// Peers may do atomics. A region needs local_write too.
    pub const REMOTE_ATOMIC: Self = Self(0x8);
    /// Windows may be bound to the region.
    pub const WINDOW_BIND: Self = Self(0x10);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0xffffffe0;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("local_write", BitField::new(0, 0)),
        ("remote_read", BitField::new(1, 1)),
        ("remote_write", BitField::new(2, 2)),
        ("remote_atomic", BitField::new(3, 3)),
        ("window_bind", BitField::new(4, 4)),
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

    /// The device may write for local requests: receives, read sinks, atomic results.
    #[must_use]
    pub const fn local_write(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `local_write` (1 bit) replaced.
    #[must_use]
    pub const fn with_local_write(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u32) & 0x1))
    }

    /// Peers may read.
    #[must_use]
    pub const fn remote_read(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `remote_read` (1 bit) replaced.
    #[must_use]
    pub const fn with_remote_read(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u32) << 1) & 0x2))
    }

    /// Peers may write. A region needs local_write too.
    #[must_use]
    pub const fn remote_write(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `remote_write` (1 bit) replaced.
    #[must_use]
    pub const fn with_remote_write(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u32) << 2) & 0x4))
    }

    /// Peers may do atomics. A region needs local_write too.
    #[must_use]
    pub const fn remote_atomic(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// The same word with `remote_atomic` (1 bit) replaced.
    #[must_use]
    pub const fn with_remote_atomic(self, value: bool) -> Self {
        Self((self.0 & !0x8) | (((value as u32) << 3) & 0x8))
    }

    /// Windows may be bound to the region.
    #[must_use]
    pub const fn window_bind(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The same word with `window_bind` (1 bit) replaced.
    #[must_use]
    pub const fn with_window_bind(self, value: bool) -> Self {
        Self((self.0 & !0x10) | (((value as u32) << 4) & 0x10))
    }
}

impl core::ops::BitOr for AccessFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for AccessFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "AccessFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}

/// What a completion is about.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct CompletionFlags(pub u16);

impl CompletionFlags {
    /// Of a receive; else of a send queue entry.
    pub const RECEIVE: Self = Self(0x1);
    /// `immediate` is immediate data.
    pub const IMMEDIATE: Self = Self(0x2);
    /// `immediate` is the key that was invalidated by the peer.
    pub const INVALIDATED: Self = Self(0x4);
    /// Solicited.
    pub const SOLICITED: Self = Self(0x8);
    /// The buffer starts with GRH_BYTES of header (UD).
    pub const GRH: Self = Self(0x10);
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u16 = 0xffe0;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("receive", BitField::new(0, 0)),
        ("immediate", BitField::new(1, 1)),
        ("invalidated", BitField::new(2, 2)),
        ("solicited", BitField::new(3, 3)),
        ("grh", BitField::new(4, 4)),
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

    /// Of a receive; else of a send queue entry.
    #[must_use]
    pub const fn receive(self) -> bool {
        self.0 & 0x1 != 0
    }

    /// The same word with `receive` (1 bit) replaced.
    #[must_use]
    pub const fn with_receive(self, value: bool) -> Self {
        Self((self.0 & !0x1) | ((value as u16) & 0x1))
    }

    /// `immediate` is immediate data.
    #[must_use]
    pub const fn immediate(self) -> bool {
        self.0 & 0x2 != 0
    }

    /// The same word with `immediate` (1 bit) replaced.
    #[must_use]
    pub const fn with_immediate(self, value: bool) -> Self {
        Self((self.0 & !0x2) | (((value as u16) << 1) & 0x2))
    }

    /// `immediate` is the key that was invalidated by the peer.
    #[must_use]
    pub const fn invalidated(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// The same word with `invalidated` (1 bit) replaced.
    #[must_use]
    pub const fn with_invalidated(self, value: bool) -> Self {
        Self((self.0 & !0x4) | (((value as u16) << 2) & 0x4))
    }

    /// Solicited.
    #[must_use]
    pub const fn solicited(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// The same word with `solicited` (1 bit) replaced.
    #[must_use]
    pub const fn with_solicited(self, value: bool) -> Self {
        Self((self.0 & !0x8) | (((value as u16) << 3) & 0x8))
    }

    /// The buffer starts with GRH_BYTES of header (UD).
    #[must_use]
    pub const fn grh(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The same word with `grh` (1 bit) replaced.
    #[must_use]
    pub const fn with_grh(self, value: bool) -> Self {
        Self((self.0 & !0x10) | (((value as u16) << 4) & 0x10))
    }
}

impl core::ops::BitOr for CompletionFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for CompletionFlags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "CompletionFlags",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}
