//! 24-bit sequence numbers. No other module does arithmetic modulo 2^24.

use core::fmt;

const MASK: u32 = 0x00ff_ffff;

macro_rules! sequence_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// There is no `Ord`: order exists only between two numbers that are less than 2^23 apart,
        /// see [`Self::diff`] `[ROCE-29]`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(u32);

        impl $name {
            /// Number zero.
            pub const ZERO: Self = Self(0);
            /// How many different numbers there are, 2^24.
            pub const MODULUS: u32 = MASK + 1;

            /// The number that is `value` modulo 2^24.
            #[must_use]
            pub const fn new(value: u32) -> Self {
                Self(value & MASK)
            }

            /// The value, below 2^24.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The number `n` steps later.
            #[must_use]
            pub const fn add(self, n: u32) -> Self {
                Self(self.0.wrapping_add(n) & MASK)
            }

            /// The number `n` steps earlier.
            #[must_use]
            pub const fn sub(self, n: u32) -> Self {
                Self(self.0.wrapping_sub(n) & MASK)
            }

            /// The number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                self.add(1)
            }

            /// The number before this one.
            #[must_use]
            pub const fn prev(self) -> Self {
                self.sub(1)
            }

            /// Steps forward from `earlier` to this number, 0 to 2^24 - 1.
            #[must_use]
            pub const fn since(self, earlier: Self) -> u32 {
                self.0.wrapping_sub(earlier.0) & MASK
            }

            /// Signed distance `self - other`, -2^23 to 2^23 - 1: negative when `self` is the
            /// older of the two (IBTA vol. 1, 9.7.2).
            #[must_use]
            pub const fn diff(self, other: Self) -> i32 {
                // The shift puts bit 23 of the difference where i32 keeps its sign.
                (self.0.wrapping_sub(other.0) << 8).cast_signed() >> 8
            }

            /// Whether this number is older than `other`.
            #[must_use]
            pub const fn is_before(self, other: Self) -> bool {
                self.diff(other) < 0
            }

            /// Whether this number is newer than `other`.
            #[must_use]
            pub const fn is_after(self, other: Self) -> bool {
                self.diff(other) > 0
            }

            /// Whether this number is `other` or older.
            #[must_use]
            pub const fn is_at_or_before(self, other: Self) -> bool {
                self.diff(other) <= 0
            }

            /// Whether this number lies in the `count` numbers that start at `first`.
            #[must_use]
            pub const fn is_within(self, first: Self, count: u32) -> bool {
                self.since(first) < count
            }

            /// From three bytes, most significant first.
            #[must_use]
            pub const fn from_be_bytes(b: [u8; 3]) -> Self {
                Self(u32::from_be_bytes([0, b[0], b[1], b[2]]))
            }

            /// Three bytes, most significant first.
            #[must_use]
            pub const fn to_be_bytes(self) -> [u8; 3] {
                let b = self.0.to_be_bytes();
                [b[1], b[2], b[3]]
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#08x})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:06x}", self.0)
            }
        }
    };
}

sequence_number! {
    /// Packet sequence number: BTH bytes 9 to 11 (IBTA vol. 1, 9.2.9).
    Psn
}
sequence_number! {
    /// Message sequence number: AETH bytes 1 to 3, messages that the responder has completed
    /// (IBTA vol. 1, 9.3.5.2).
    Msn
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_at_24_bits() {
        assert_eq!(Psn::new(0xff_ffff).next(), Psn::ZERO);
        assert_eq!(Psn::ZERO.prev(), Psn::new(0xff_ffff));
        assert_eq!(Psn::new(0x0100_0005), Psn::new(5));
        assert!(Psn::new(0xff_fff0).is_before(Psn::new(3)));
        assert!(Psn::new(3).is_after(Psn::new(0xff_fff0)));
        assert!(Psn::new(2).is_within(Psn::new(0xff_ffff), 4));
        assert!(!Psn::new(3).is_within(Psn::new(0xff_ffff), 4));
    }

    // [ROCE-29]
    #[test]
    fn half_the_range_away_is_older() {
        assert_eq!(Psn::new(0x80_0000).diff(Psn::ZERO), -(1 << 23));
        assert_eq!(Psn::new(0x7f_ffff).diff(Psn::ZERO), (1 << 23) - 1);
    }

    proptest! {
        #[test]
        fn diff_undoes_add(start in 0u32..Psn::MODULUS, step in -(1i32 << 23)..(1 << 23)) {
            let a = Psn::new(start);
            let b = if step < 0 { a.sub(step.unsigned_abs()) } else { a.add(step.unsigned_abs()) };
            prop_assert_eq!(b.diff(a), step);
            prop_assert_eq!(a.add(b.since(a)), b);
            prop_assert_eq!(Psn::from_be_bytes(b.to_be_bytes()), b);
        }
    }
}
