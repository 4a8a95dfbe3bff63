//! Values that only connection manager messages have.

use core::fmt;

/// A side's name for a connection, chosen by that side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CommId(pub u32);

impl fmt::Debug for CommId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommId({:#010x})", self.0)
    }
}

/// What a listener offers (IBTA vol. 1, 12.7.3); [`crate::cma`] makes one of a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ServiceId(pub u64);

impl fmt::Debug for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceId({:#018x})", self.0)
    }
}

macro_rules! two_bits {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $bits:literal,)* } rest $(#[$rest_doc:meta])* $rest:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name {
            $($(#[$value_doc])* $value,)*
            $(#[$rest_doc])*
            $rest,
        }

        impl $name {
            /// From the low two bits.
            #[must_use]
            pub const fn from_bits(bits: u8) -> Self {
                match bits & 3 {
                    $($bits => Self::$value,)*
                    _ => Self::$rest,
                }
            }

            /// The two bits.
            #[must_use]
            pub const fn bits(self) -> u8 {
                match self {
                    $(Self::$value => $bits,)*
                    Self::$rest => 3,
                }
            }
        }
    };
}

two_bits! {
    /// Transport service that a REQ asks for.
    TransportService {
        /// Reliable connection.
        Rc = 0,
        /// Unreliable connection.
        Uc = 1,
        /// Reliable datagram.
        Rd = 2,
    } rest
    /// Named by the extended transport type, XRC for one.
    Extended
}

two_bits! {
    /// Which message an MRA has received.
    MraOf {
        /// REQ.
        Req = 0,
        /// REP.
        Rep = 1,
        /// LAP.
        Lap = 2,
    } rest
    /// Reserved.
    Reserved
}

two_bits! {
    /// Which message a REJ refuses.
    RejOf {
        /// REQ.
        Req = 0,
        /// REP.
        Rep = 1,
        /// None: a timeout, for one.
        NoMessage = 2,
    } rest
    /// Reserved.
    Reserved
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident($inner:ty) { $($(#[$value_doc:meta])* $value:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            $($(#[$value_doc])* pub const $value: Self = Self($code);)*

            /// The name of a known code.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                Some(match self.0 {
                    $($code => stringify!($value),)*
                    _ => return None,
                })
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", self.name().unwrap_or("UNKNOWN"), self.0)
            }
        }
    };
}

codes! {
    /// Why a connection is refused (IBTA vol. 1, 12.6.7.2, table 108). Unknown codes are values.
    RejectReason(u16) {
        /// No queue pair available.
        NO_QP = 1,
        /// No end-to-end context available.
        NO_EEC = 2,
        /// No resources.
        NO_RESOURCES = 3,
        /// No answer in time.
        TIMEOUT = 4,
        /// The request cannot be met.
        UNSUPPORTED = 5,
        /// No such communication identifier.
        INVALID_COMM_ID = 6,
        /// The identifier belongs to another exchange.
        INVALID_COMM_INSTANCE = 7,
        /// Nobody listens.
        INVALID_SERVICE_ID = 8,
        /// Transport service is not offered.
        INVALID_TRANSPORT_TYPE = 9,
        /// The queue pair is still in a connection, or in time wait.
        STALE_CONNECTION = 10,
        /// No reliable datagram channel.
        RDC_NOT_EXIST = 11,
        /// Primary GID.
        INVALID_GID = 12,
        /// Primary LID.
        INVALID_LID = 13,
        /// Primary service level.
        INVALID_SL = 14,
        /// Primary traffic class.
        INVALID_TRAFFIC_CLASS = 15,
        /// Primary hop limit.
        INVALID_HOP_LIMIT = 16,
        /// Primary packet rate.
        INVALID_PACKET_RATE = 17,
        /// Alternate GID.
        INVALID_ALT_GID = 18,
        /// Alternate LID.
        INVALID_ALT_LID = 19,
        /// Alternate service level.
        INVALID_ALT_SL = 20,
        /// Alternate traffic class.
        INVALID_ALT_TRAFFIC_CLASS = 21,
        /// Alternate hop limit.
        INVALID_ALT_HOP_LIMIT = 22,
        /// Alternate packet rate.
        INVALID_ALT_PACKET_RATE = 23,
        /// Ask another manager.
        CM_REDIRECT = 24,
        /// Ask at another port.
        PORT_REDIRECT = 25,
        /// Path MTU.
        INVALID_MTU = 26,
        /// Too many READs and atomics asked for.
        INSUFFICIENT_RESPONDER_RESOURCES = 27,
        /// The consumer refused.
        CONSUMER_DEFINED = 28,
        /// RNR retry count.
        INVALID_RNR_RETRY = 29,
        /// The communication identifier is in use.
        DUPLICATE_LOCAL_COMM_ID = 30,
        /// Class version.
        INVALID_CLASS_VERSION = 31,
        /// Primary flow label.
        INVALID_FLOW_LABEL = 32,
        /// Alternate flow label.
        INVALID_ALT_FLOW_LABEL = 33,
        /// Vendor option.
        VENDOR_OPTION_NOT_SUPPORTED = 35,
    }
}

codes! {
    /// Outcome of a service identifier resolution (IBTA vol. 1, 12.11.2). Unknown codes are values.
    SidrStatus(u8) {
        /// The queue pair is valid.
        VALID = 0,
        /// Nobody listens.
        UNSUPPORTED = 1,
        /// The consumer refused.
        REJECT = 2,
        /// No queue pair available.
        NO_QP = 3,
        /// Ask elsewhere.
        REDIRECT = 4,
        /// Version.
        UNSUPPORTED_VERSION = 5,
    }
}
