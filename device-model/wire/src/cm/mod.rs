//! Messages of the connection manager (IBTA vol. 1, 12.6 to 12.11), every bit of them: a message parsed and
//! written again has the same bytes. Reserved bits are fields.

#[macro_use]
mod layout;
mod connect;
mod path;
mod release;
mod service;
mod value;

pub use connect::{Mra, Rej, Rep, Req, Rtu};
pub use path::{Apr, Lap};
pub use release::{Drep, Dreq};
pub use service::{SidrRep, SidrReq};
pub use value::{CommId, MraOf, RejOf, RejectReason, ServiceId, SidrStatus, TransportService};

use core::fmt;

/// Bytes of a message behind the management header.
pub const MESSAGE_LEN: usize = 232;

macro_rules! messages {
    ($($name:ident = $attribute:literal $text:literal,)*) => {
        /// Any message of the connection manager.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[allow(missing_docs, reason = "each holds the struct of its name, which is documented")]
        pub enum CmMessage {
            $($name($name),)*
        }

        impl CmMessage {
            /// Attribute identifier: which message it is.
            #[must_use]
            pub const fn attribute(&self) -> u16 {
                match self { $(Self::$name(_) => $attribute,)* }
            }

            /// The standard's name, as in `REQ`.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $text,)* }
            }

            /// `None` when no message has this attribute; any bytes are a message.
            #[must_use]
            pub fn from_bytes(attribute: u16, bytes: &[u8; MESSAGE_LEN]) -> Option<Self> {
                Some(match attribute {
                    $($attribute => Self::$name($name::from_bytes(bytes)),)*
                    _ => return None,
                })
            }

            /// The bytes behind the management header.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; MESSAGE_LEN] {
                match self { $(Self::$name(m) => m.to_bytes(),)* }
            }

            /// Shows every field to `see`, in wire order.
            pub fn for_each_field(&self, see: &mut dyn FnMut(&'static str, &dyn fmt::Debug)) {
                match self { $(Self::$name(m) => m.for_each_field(see),)* }
            }
        }

        $(impl From<$name> for CmMessage {
            fn from(m: $name) -> Self {
                Self::$name(m)
            }
        })*

        #[cfg(test)]
        const LAYOUTS: &[(&str, &[(&str, usize, usize)])] = &[$(($text, $name::LAYOUT),)*];
        #[cfg(test)]
        const ATTRIBUTES: &[u16] = &[$($attribute,)*];
    };
}

messages! {
    Req = 0x10 "REQ",
    Mra = 0x11 "MRA",
    Rej = 0x12 "REJ",
    Rep = 0x13 "REP",
    Rtu = 0x14 "RTU",
    Dreq = 0x15 "DREQ",
    Drep = 0x16 "DREP",
    SidrReq = 0x17 "SIDR_REQ",
    SidrRep = 0x18 "SIDR_REP",
    Lap = 0x19 "LAP",
    Apr = 0x1a "APR",
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_cover_every_bit_once() {
        for (name, layout) in LAYOUTS {
            let mut next = 0;
            for (field, start, width) in *layout {
                assert_eq!(*start, next, "{name}.{field} leaves a gap or overlaps");
                next = start + width;
            }
            assert_eq!(next, MESSAGE_LEN * 8, "{name} ends early or late");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_that_encodes_to_them(
            attribute in prop::sample::select(ATTRIBUTES),
            bytes in prop::collection::vec(any::<u8>(), MESSAGE_LEN),
        ) {
            let bytes: [u8; MESSAGE_LEN] = bytes.try_into().unwrap();
            let m = CmMessage::from_bytes(attribute, &bytes).unwrap();
            prop_assert_eq!(m.to_bytes(), bytes);
            prop_assert_eq!(m.attribute(), attribute);
            let mut fields = 0;
            m.for_each_field(&mut |_, _| fields += 1);
            prop_assert!(fields >= 3);
        }
    }
}
