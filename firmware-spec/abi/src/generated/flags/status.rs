// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Words made of bit fields. From `firmware-spec/spec/status.toml`.

use crate::BitField;
#[allow(unused_imports)]
use crate::generated::enums::*;

/// Detail of a failed command.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Syndrome(pub u32);

impl Syndrome {
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u32 = 0x0;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("offset", BitField::new(15, 0)),
        ("reason", BitField::new(31, 16)),
    ];

    /// Whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a bit is set that has no meaning.
    #[must_use]
    pub const fn reserved_bits_set(self) -> bool {
        false
    }

    /// Byte offset of the offending field in the request, counted from the command header; 0xFFFF when no field is to blame.
    #[must_use]
    pub const fn offset(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// The same word with `offset` (16 bits; higher bits of the value are dropped) replaced.
    #[must_use]
    pub const fn with_offset(self, value: u16) -> Self {
        Self((self.0 & !0xffff) | ((value as u32) & 0xffff))
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn reason(self) -> SyndromeReason {
        SyndromeReason(((self.0 & 0xffff0000) >> 16) as u16)
    }

    /// The same word with `reason` (16 bits; higher bits of the value are dropped) replaced.
    #[must_use]
    pub const fn with_reason(self, value: SyndromeReason) -> Self {
        Self((self.0 & !0xffff0000) | (((value.0 as u32) << 16) & 0xffff0000))
    }
}

impl core::ops::BitOr for Syndrome {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for Syndrome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "Syndrome",
            Self::FIELDS,
            self.0.into(),
            Self::RESERVED_MASK.into(),
        )
    }
}
