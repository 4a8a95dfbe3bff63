//! From a table of bit positions to a struct that reads and writes them.

use crate::number::{Gid, PKey, QKey, Qpn};
use crate::psn::Psn;
use crate::syndrome::TimeoutCode;

use super::MESSAGE_LEN;
use super::value::{CommId, MraOf, RejOf, RejectReason, ServiceId, SidrStatus, TransportService};

/// Declares a message. A field is `name: type = byte:bit/width`, where bit 0 is the byte's most significant one and the
/// width is in bits; fields stand in wire order and leave no gap, which a test checks.
macro_rules! message {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $ty:ty = $byte:literal:$bit:literal/$width:literal,)*
        }
    ) => {
        $(#[$doc])*
        ///
        /// A value that is wider than its field is cut to the field's low bits when written.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        impl $name {
            /// Name, first bit and bits of each field.
            #[cfg(test)]
            pub(super) const LAYOUT: &'static [(&'static str, usize, usize)] =
                &[$((stringify!($field), $byte * 8 + $bit, $width),)*];

            /// From the bytes behind the management header; any bytes are a message.
            #[must_use]
            pub fn from_bytes(bytes: &[u8; $crate::cm::MESSAGE_LEN]) -> Self {
                Self { $($field: $crate::cm::layout::Field::get(bytes, $byte * 8 + $bit, $width),)* }
            }

            /// The bytes behind the management header.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $crate::cm::MESSAGE_LEN] {
                let mut bytes = [0; $crate::cm::MESSAGE_LEN];
                $($crate::cm::layout::Field::put(&self.$field, &mut bytes, $byte * 8 + $bit, $width);)*
                bytes
            }

            /// Shows every field to `see`, in wire order.
            pub fn for_each_field(&self, see: &mut dyn FnMut(&'static str, &dyn core::fmt::Debug)) {
                $(see(stringify!($field), &self.$field);)*
            }
        }

        impl Default for $name {
            /// All bits zero.
            fn default() -> Self {
                Self::from_bytes(&[0; $crate::cm::MESSAGE_LEN])
            }
        }
    };
}

/// A value that stands somewhere in a message: `at` and `width` in bits.
pub(super) trait Field {
    fn get(bytes: &[u8; MESSAGE_LEN], at: usize, width: usize) -> Self;
    fn put(&self, bytes: &mut [u8; MESSAGE_LEN], at: usize, width: usize);
}

/// Up to 64 bits, most significant first.
fn bits(bytes: &[u8; MESSAGE_LEN], at: usize, width: usize) -> u64 {
    (at..at + width).fold(0, |value, i| {
        let byte = bytes.get(i / 8).copied().unwrap_or_default();
        value << 1 | u64::from(byte >> (7 - i % 8) & 1)
    })
}

fn put_bits(bytes: &mut [u8; MESSAGE_LEN], at: usize, width: usize, value: u64) {
    for i in 0..width {
        let position = at + i;
        if let Some(byte) = bytes.get_mut(position / 8) {
            let bit = value >> (width - 1 - i) & 1 != 0;
            *byte |= u8::from(bit) << (7 - position % 8);
        }
    }
}

impl<const N: usize> Field for [u8; N] {
    fn get(bytes: &[u8; MESSAGE_LEN], at: usize, _: usize) -> Self {
        let part = bytes.get(at / 8..).and_then(|b| b.first_chunk());
        part.copied().unwrap_or([0; N])
    }

    fn put(&self, bytes: &mut [u8; MESSAGE_LEN], at: usize, _: usize) {
        if let Some(part) = bytes.get_mut(at / 8..).and_then(|b| b.first_chunk_mut()) {
            *part = *self;
        }
    }
}

impl Field for Gid {
    fn get(bytes: &[u8; MESSAGE_LEN], at: usize, width: usize) -> Self {
        Self(Field::get(bytes, at, width))
    }

    fn put(&self, bytes: &mut [u8; MESSAGE_LEN], at: usize, width: usize) {
        self.0.put(bytes, at, width);
    }
}

/// Fields made of a number: from its bits and back.
macro_rules! numeric {
    ($($ty:ty: $from:expr, $to:expr;)*) => {
        $(impl Field for $ty {
            #[allow(clippy::cast_possible_truncation, reason = "the field is no wider than the type")]
            fn get(bytes: &[u8; MESSAGE_LEN], at: usize, width: usize) -> Self {
                let from: fn(u64) -> Self = $from;
                from(bits(bytes, at, width))
            }

            fn put(&self, bytes: &mut [u8; MESSAGE_LEN], at: usize, width: usize) {
                let to: fn(&Self) -> u64 = $to;
                put_bits(bytes, at, width, to(self));
            }
        })*
    };
}

numeric! {
    bool: |v| v != 0, |v| u64::from(*v);
    u8: |v| v as u8, |v| u64::from(*v);
    u16: |v| v as u16, |v| u64::from(*v);
    u32: |v| v as u32, |v| u64::from(*v);
    u64: |v| v, |v| *v;
    PKey: |v| Self(v as u16), |v| u64::from(v.0);
    QKey: |v| Self(v as u32), |v| u64::from(v.0);
    Qpn: |v| Self::truncate(v as u32), |v| u64::from(v.get());
    Psn: |v| Self::new(v as u32), |v| u64::from(v.get());
    TimeoutCode: |v| Self::new(v as u8).unwrap_or_default(), |v| u64::from(v.code());
    CommId: |v| Self(v as u32), |v| u64::from(v.0);
    ServiceId: |v| Self(v), |v| v.0;
    RejectReason: |v| Self(v as u16), |v| u64::from(v.0);
    SidrStatus: |v| Self(v as u8), |v| u64::from(v.0);
    TransportService: |v| Self::from_bits(v as u8), |v| u64::from(v.bits());
    MraOf: |v| Self::from_bits(v as u8), |v| u64::from(v.bits());
    RejOf: |v| Self::from_bits(v as u8), |v| u64::from(v.bits());
}
