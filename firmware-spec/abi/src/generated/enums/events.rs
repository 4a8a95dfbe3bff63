// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Open enums: an unknown code is a value. From `firmware-spec/spec/events.toml`.

/// What a general event reports.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct EventCode(pub u16);

impl EventCode {
    /// A queue pair went to ERROR or QUIESCED by itself.
    pub const QP_ERROR: Self = Self(0x1);
    /// A completion queue went into error.
    pub const CQ_ERROR: Self = Self(0x2);
    /// Fewer entries than the limit are left.
    pub const SRQ_LIMIT: Self = Self(0x3);
    /// The shared receive queue cannot be fetched from any more.
    pub const SRQ_ERROR: Self = Self(0x4);
    /// The link came up or went down.
    pub const PORT_CHANGE: Self = Self(0x5);
    /// A queue pair in RTR received its first packet.
    pub const COMMUNICATION_ESTABLISHED: Self = Self(0x6);
    /// A peer asks for a connection at a listener.
    pub const CONNECT_REQUEST: Self = Self(0x10);
    /// The peer accepted; COMPLETE_CONNECT or REJECT_CONNECTION is next.
    pub const CONNECT_REPLY: Self = Self(0x11);
    /// CONNECT or ACCEPT came to nothing; `status` says why.
    pub const CONNECT_FAILED: Self = Self(0x12);
    /// The peer completed the connection that we accepted.
    pub const ESTABLISHED: Self = Self(0x13);
    /// The peer disconnected, or the connection was lost; `status` says which.
    pub const PEER_DISCONNECTED: Self = Self(0x14);
    /// DISCONNECT is finished and no DMA for the queue pair is in flight.
    pub const DISCONNECTED: Self = Self(0x15);
    /// Somebody else claims an address of ours.
    pub const ADDRESS_CONFLICT: Self = Self(0x16);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::QP_ERROR,
        Self::CQ_ERROR,
        Self::SRQ_LIMIT,
        Self::SRQ_ERROR,
        Self::PORT_CHANGE,
        Self::COMMUNICATION_ESTABLISHED,
        Self::CONNECT_REQUEST,
        Self::CONNECT_REPLY,
        Self::CONNECT_FAILED,
        Self::ESTABLISHED,
        Self::PEER_DISCONNECTED,
        Self::DISCONNECTED,
        Self::ADDRESS_CONFLICT,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::QP_ERROR => Some("QP_ERROR"),
            Self::CQ_ERROR => Some("CQ_ERROR"),
            Self::SRQ_LIMIT => Some("SRQ_LIMIT"),
            Self::SRQ_ERROR => Some("SRQ_ERROR"),
            Self::PORT_CHANGE => Some("PORT_CHANGE"),
            Self::COMMUNICATION_ESTABLISHED => Some("COMMUNICATION_ESTABLISHED"),
            Self::CONNECT_REQUEST => Some("CONNECT_REQUEST"),
            Self::CONNECT_REPLY => Some("CONNECT_REPLY"),
            Self::CONNECT_FAILED => Some("CONNECT_FAILED"),
            Self::ESTABLISHED => Some("ESTABLISHED"),
            Self::PEER_DISCONNECTED => Some("PEER_DISCONNECTED"),
            Self::DISCONNECTED => Some("DISCONNECTED"),
            Self::ADDRESS_CONFLICT => Some("ADDRESS_CONFLICT"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for EventCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "EventCode", self.name(), self.0.into())
    }
}

impl core::fmt::Display for EventCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "EventCode", self.name(), self.0.into())
    }
}

/// Why a completion queue is in error.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct CqErrorCause(pub u8);

impl CqErrorCause {
    /// A completion found it full.
    pub const OVERRUN: Self = Self(0x1);
    /// Its ring cannot be written.
    pub const DMA: Self = Self(0x2);
    /// The consumer index is ahead of the producer.
    pub const CONSUMER: Self = Self(0x3);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::OVERRUN, Self::DMA, Self::CONSUMER];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::OVERRUN => Some("OVERRUN"),
            Self::DMA => Some("DMA"),
            Self::CONSUMER => Some("CONSUMER"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for CqErrorCause {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CqErrorCause", self.name(), self.0.into())
    }
}

impl core::fmt::Display for CqErrorCause {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CqErrorCause", self.name(), self.0.into())
    }
}

/// Reason of a REJ message (IBTA 1.4, table 108).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct RejectReason(pub u16);

impl RejectReason {
    /// None.
    pub const NONE: Self = Self(0x0);
    /// No queue pair.
    pub const NO_QP: Self = Self(0x1);
    /// No resources.
    pub const NO_RESOURCES: Self = Self(0x3);
    /// Timeout.
    pub const TIMEOUT: Self = Self(0x4);
    /// Unsupported request.
    pub const UNSUPPORTED: Self = Self(0x5);
    /// Invalid communication id.
    pub const INVALID_COMM_ID: Self = Self(0x6);
    /// Invalid communication instance.
    pub const INVALID_COMM_INSTANCE: Self = Self(0x7);
    /// Nobody listens.
    pub const INVALID_SERVICE_ID: Self = Self(0x8);
    /// Invalid transport service type.
    pub const INVALID_TRANSPORT: Self = Self(0x9);
    /// Stale connection.
    pub const STALE: Self = Self(0xa);
    /// Invalid GID.
    pub const INVALID_GID: Self = Self(0xc);
    /// Invalid path MTU.
    pub const INVALID_MTU: Self = Self(0x1a);
    /// Insufficient responder resources.
    pub const INSUFFICIENT_RESPONDER_RESOURCES: Self = Self(0x1b);
    /// The consumer rejected.
    pub const CONSUMER: Self = Self(0x1c);
    /// Invalid RNR retry count.
    pub const INVALID_RNR_RETRY: Self = Self(0x1d);
    /// Duplicate local communication id.
    pub const DUPLICATE_COMM_ID: Self = Self(0x1e);
    /// Invalid class version.
    pub const INVALID_CLASS_VERSION: Self = Self(0x1f);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::NONE,
        Self::NO_QP,
        Self::NO_RESOURCES,
        Self::TIMEOUT,
        Self::UNSUPPORTED,
        Self::INVALID_COMM_ID,
        Self::INVALID_COMM_INSTANCE,
        Self::INVALID_SERVICE_ID,
        Self::INVALID_TRANSPORT,
        Self::STALE,
        Self::INVALID_GID,
        Self::INVALID_MTU,
        Self::INSUFFICIENT_RESPONDER_RESOURCES,
        Self::CONSUMER,
        Self::INVALID_RNR_RETRY,
        Self::DUPLICATE_COMM_ID,
        Self::INVALID_CLASS_VERSION,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NONE => Some("NONE"),
            Self::NO_QP => Some("NO_QP"),
            Self::NO_RESOURCES => Some("NO_RESOURCES"),
            Self::TIMEOUT => Some("TIMEOUT"),
            Self::UNSUPPORTED => Some("UNSUPPORTED"),
            Self::INVALID_COMM_ID => Some("INVALID_COMM_ID"),
            Self::INVALID_COMM_INSTANCE => Some("INVALID_COMM_INSTANCE"),
            Self::INVALID_SERVICE_ID => Some("INVALID_SERVICE_ID"),
            Self::INVALID_TRANSPORT => Some("INVALID_TRANSPORT"),
            Self::STALE => Some("STALE"),
            Self::INVALID_GID => Some("INVALID_GID"),
            Self::INVALID_MTU => Some("INVALID_MTU"),
            Self::INSUFFICIENT_RESPONDER_RESOURCES => Some("INSUFFICIENT_RESPONDER_RESOURCES"),
            Self::CONSUMER => Some("CONSUMER"),
            Self::INVALID_RNR_RETRY => Some("INVALID_RNR_RETRY"),
            Self::DUPLICATE_COMM_ID => Some("DUPLICATE_COMM_ID"),
            Self::INVALID_CLASS_VERSION => Some("INVALID_CLASS_VERSION"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for RejectReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "RejectReason", self.name(), self.0.into())
    }
}

impl core::fmt::Display for RejectReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "RejectReason", self.name(), self.0.into())
    }
}
