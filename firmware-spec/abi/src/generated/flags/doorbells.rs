// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Words made of bit fields. From `firmware-spec/spec/doorbells.toml`.

use crate::BitField;
#[allow(unused_imports)]
use crate::generated::enums::*;

/// Slot of a send queue, receive queue, shared receive queue or Ethernet queue.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ProducerDoorbell(pub u64);

impl ProducerDoorbell {
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u64 = 0xffffffff00000000;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[("producer", BitField::new(31, 0))];

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

    /// Free-running count of entries posted, modulo 2^32 (Ethernet queues: the available index, modulo 2^16).
    #[must_use]
    pub const fn producer(self) -> u32 {
        (self.0 & 0xffffffff) as u32
    }

    /// The same word with `producer` (32 bits; higher bits of the value are dropped) replaced.
    #[must_use]
    pub const fn with_producer(self, value: u32) -> Self {
        Self((self.0 & !0xffffffff) | ((value as u64) & 0xffffffff))
    }
}

impl core::ops::BitOr for ProducerDoorbell {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for ProducerDoorbell {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "ProducerDoorbell",
            Self::FIELDS,
            self.0,
            Self::RESERVED_MASK,
        )
    }
}

/// Slot of a completion queue or event queue.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ConsumerDoorbell(pub u64);

impl ConsumerDoorbell {
    /// Bits that have no meaning and are zero.
    pub const RESERVED_MASK: u64 = 0xffffff0000000000;
    /// The named fields and their bits.
    pub const FIELDS: &'static [(&'static str, BitField)] = &[
        ("consumer", BitField::new(31, 0)),
        ("arm", BitField::new(33, 32)),
        ("sequence", BitField::new(39, 34)),
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

    /// Free-running count of entries consumed, modulo 2^32.
    #[must_use]
    pub const fn consumer(self) -> u32 {
        (self.0 & 0xffffffff) as u32
    }

    /// The same word with `consumer` (32 bits; higher bits of the value are dropped) replaced.
    #[must_use]
    pub const fn with_consumer(self, value: u32) -> Self {
        Self((self.0 & !0xffffffff) | ((value as u64) & 0xffffffff))
    }

    /// What to arm for; an event queue knows NONE and ANY.
    #[must_use]
    pub const fn arm(self) -> ArmType {
        ArmType(((self.0 & 0x300000000) >> 32) as u8)
    }

    /// The same word with `arm` (2 bits; higher bits of the value are dropped) replaced.
    #[must_use]
    pub const fn with_arm(self, value: ArmType) -> Self {
        Self((self.0 & !0x300000000) | (((value.0 as u64) << 32) & 0x300000000))
    }

    /// Arm sequence, modulo 64: an arm is new when it differs from the last one seen.
    #[must_use]
    pub const fn sequence(self) -> u8 {
        ((self.0 & 0xfc00000000) >> 34) as u8
    }

    /// The same word with `sequence` (6 bits; higher bits of the value are dropped) replaced.
    #[must_use]
    pub const fn with_sequence(self, value: u8) -> Self {
        Self((self.0 & !0xfc00000000) | (((value as u64) << 34) & 0xfc00000000))
    }
}

impl core::ops::BitOr for ConsumerDoorbell {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::fmt::Debug for ConsumerDoorbell {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::flags(
            f,
            "ConsumerDoorbell",
            Self::FIELDS,
            self.0,
            Self::RESERVED_MASK,
        )
    }
}
