//! Names of objects, so that a completion queue is not taken for a queue pair.

use crate::Violation;

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident($max:expr);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// As the device gave it. [CONV-9]
            pub(crate) fn from_device(value: u32) -> Result<Self, Violation> {
                if value == 0 || value > $max { Err(Violation::Handle) } else { Ok(Self(value)) }
            }

            /// Its number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }
        }
    )*};
}

handles! {
    /// A protection domain.
    PdHandle(u32::MAX);
    /// An event queue.
    Eqn(u32::MAX);
    /// A completion queue.
    Cqn(u32::MAX);
    /// A shared receive queue.
    Srqn(u32::MAX);
    /// A queue pair: 24 bits.
    Qpn(0x00FF_FFFF);
    /// A reserved endpoint.
    EndpointId(u32::MAX);
    /// A listener.
    ListenerId(u32::MAX);
    /// A connection.
    ConnectionId(u32::MAX);
}

/// An entry of the device's address table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressIndex(pub u16);

/// A key: 24 bits of index, which name an object for its life, and 8 bits of variant in the low byte, which change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub u32);

impl Key {
    /// The key of the same object with the next variant, for the next FAST_REGISTER or BIND.
    #[must_use]
    pub const fn next_variant(self) -> Self {
        Self((self.0 & !0xFF) | (self.0.wrapping_add(1) & 0xFF))
    }

    /// The key of the same object with this variant.
    #[must_use]
    pub fn with_variant(self, variant: u8) -> Self {
        Self((self.0 & !0xFF) | u32::from(variant))
    }

    /// Whether both name the same object.
    #[must_use]
    pub const fn same_object(self, other: Self) -> bool {
        self.0 >> 8 == other.0 >> 8
    }
}
