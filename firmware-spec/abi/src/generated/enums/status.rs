// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Open enums: an unknown code is a value. From `firmware-spec/spec/status.toml`.

/// Result of a command.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Status(pub u16);

impl Status {
    /// Done.
    pub const OK: Self = Self(0x0);
    /// No such opcode, or its feature is not active.
    pub const UNKNOWN_COMMAND: Self = Self(0x1);
    /// The request is not as long as the command's request, or the answer does not fit.
    pub const INVALID_LENGTH: Self = Self(0x2);
    /// A field has a value that it may not have; the syndrome names the field.
    pub const INVALID_FIELD: Self = Self(0x3);
    /// A reserved field or bit is not zero.
    pub const RESERVED_NOT_ZERO: Self = Self(0x4);
    /// NEGOTIATE has not succeeded yet.
    pub const NOT_NEGOTIATED: Self = Self(0x5);
    /// NEGOTIATE has succeeded already; reset first.
    pub const ALREADY_NEGOTIATED: Self = Self(0x6);
    /// The device does not speak this interface version.
    pub const VERSION_MISMATCH: Self = Self(0x7);
    /// Known, but needs a feature that is not active.
    pub const UNSUPPORTED: Self = Self(0x8);
    /// The handle names nothing, or something of another kind.
    pub const NO_SUCH_OBJECT: Self = Self(0x9);
    /// Other objects still use it.
    pub const BUSY: Self = Self(0xa);
    /// More than a limit of the device allows.
    pub const LIMIT_EXCEEDED: Self = Self(0xb);
    /// All of that resource are in use, or the quota is spent.
    pub const NO_RESOURCES: Self = Self(0xc);
    /// Not legal in the object's state.
    pub const INVALID_STATE: Self = Self(0xd);
    /// An address of the request cannot be reached.
    pub const DMA_ERROR: Self = Self(0xe);
    /// The slot belongs to another queue.
    pub const DOORBELL_IN_USE: Self = Self(0xf);
    /// The protection domain, or the rights asked for, do not allow it.
    pub const ACCESS_DENIED: Self = Self(0x10);
    /// Address and length wrap, or lie outside the object.
    pub const OUT_OF_RANGE: Self = Self(0x11);
    /// The address and port are reserved already.
    pub const ADDRESS_IN_USE: Self = Self(0x12);
    /// Not an address of this device.
    pub const ADDRESS_NOT_AVAILABLE: Self = Self(0x13);
    /// Every ephemeral port is in use.
    pub const NO_PORTS: Self = Self(0x14);
    /// No next hop answers.
    pub const UNREACHABLE: Self = Self(0x15);
    /// Nobody listens there, or the listener is paused.
    pub const REFUSED: Self = Self(0x16);
    /// The peer's consumer rejected; its private data is in the event.
    pub const REJECTED: Self = Self(0x17);
    /// The peer did not answer.
    pub const TIMED_OUT: Self = Self(0x18);
    /// The connection ended before the operation did.
    pub const ABORTED: Self = Self(0x19);
    /// Taken back by the driver, or swept away by a reset.
    pub const CANCELLED: Self = Self(0x1a);
    /// More list entries than the command takes.
    pub const TOO_MANY: Self = Self(0x1b);
    /// A fault of the device; it has counted and logged it.
    pub const INTERNAL_ERROR: Self = Self(0x1c);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::OK,
        Self::UNKNOWN_COMMAND,
        Self::INVALID_LENGTH,
        Self::INVALID_FIELD,
        Self::RESERVED_NOT_ZERO,
        Self::NOT_NEGOTIATED,
        Self::ALREADY_NEGOTIATED,
        Self::VERSION_MISMATCH,
        Self::UNSUPPORTED,
        Self::NO_SUCH_OBJECT,
        Self::BUSY,
        Self::LIMIT_EXCEEDED,
        Self::NO_RESOURCES,
        Self::INVALID_STATE,
        Self::DMA_ERROR,
        Self::DOORBELL_IN_USE,
        Self::ACCESS_DENIED,
        Self::OUT_OF_RANGE,
        Self::ADDRESS_IN_USE,
        Self::ADDRESS_NOT_AVAILABLE,
        Self::NO_PORTS,
        Self::UNREACHABLE,
        Self::REFUSED,
        Self::REJECTED,
        Self::TIMED_OUT,
        Self::ABORTED,
        Self::CANCELLED,
        Self::TOO_MANY,
        Self::INTERNAL_ERROR,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::OK => Some("OK"),
            Self::UNKNOWN_COMMAND => Some("UNKNOWN_COMMAND"),
            Self::INVALID_LENGTH => Some("INVALID_LENGTH"),
            Self::INVALID_FIELD => Some("INVALID_FIELD"),
            Self::RESERVED_NOT_ZERO => Some("RESERVED_NOT_ZERO"),
            Self::NOT_NEGOTIATED => Some("NOT_NEGOTIATED"),
            Self::ALREADY_NEGOTIATED => Some("ALREADY_NEGOTIATED"),
            Self::VERSION_MISMATCH => Some("VERSION_MISMATCH"),
            Self::UNSUPPORTED => Some("UNSUPPORTED"),
            Self::NO_SUCH_OBJECT => Some("NO_SUCH_OBJECT"),
            Self::BUSY => Some("BUSY"),
            Self::LIMIT_EXCEEDED => Some("LIMIT_EXCEEDED"),
            Self::NO_RESOURCES => Some("NO_RESOURCES"),
            Self::INVALID_STATE => Some("INVALID_STATE"),
            Self::DMA_ERROR => Some("DMA_ERROR"),
            Self::DOORBELL_IN_USE => Some("DOORBELL_IN_USE"),
            Self::ACCESS_DENIED => Some("ACCESS_DENIED"),
            Self::OUT_OF_RANGE => Some("OUT_OF_RANGE"),
            Self::ADDRESS_IN_USE => Some("ADDRESS_IN_USE"),
            Self::ADDRESS_NOT_AVAILABLE => Some("ADDRESS_NOT_AVAILABLE"),
            Self::NO_PORTS => Some("NO_PORTS"),
            Self::UNREACHABLE => Some("UNREACHABLE"),
            Self::REFUSED => Some("REFUSED"),
            Self::REJECTED => Some("REJECTED"),
            Self::TIMED_OUT => Some("TIMED_OUT"),
            Self::ABORTED => Some("ABORTED"),
            Self::CANCELLED => Some("CANCELLED"),
            Self::TOO_MANY => Some("TOO_MANY"),
            Self::INTERNAL_ERROR => Some("INTERNAL_ERROR"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Status", self.name(), self.0.into())
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Status", self.name(), self.0.into())
    }
}

/// Upper half of the syndrome: what is wrong with the field that the lower half names.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SyndromeReason(pub u16);

impl SyndromeReason {
    /// Nothing to add.
    pub const NONE: Self = Self(0x0);
    /// Not one of the values allowed.
    pub const BAD_VALUE: Self = Self(0x1);
    /// Above the limit.
    pub const TOO_LARGE: Self = Self(0x2);
    /// Below the minimum.
    pub const TOO_SMALL: Self = Self(0x3);
    /// Not aligned as required.
    pub const NOT_ALIGNED: Self = Self(0x4);
    /// Must be a power of two.
    pub const NOT_A_POWER_OF_TWO: Self = Self(0x5);
    /// The handle names nothing.
    pub const NOT_FOUND: Self = Self(0x6);
    /// The handle names an object of another kind or type.
    pub const WRONG_KIND: Self = Self(0x7);
    /// The object belongs to another protection domain.
    pub const WRONG_DOMAIN: Self = Self(0x8);
    /// The object is in a state that does not allow it.
    pub const WRONG_STATE: Self = Self(0x9);
    /// Taken.
    pub const IN_USE: Self = Self(0xa);
    /// The feature that gives this field meaning is not active.
    pub const NOT_ACTIVE: Self = Self(0xb);
    /// DMA to this address failed.
    pub const NOT_REACHABLE: Self = Self(0xc);
    /// Base and length exceed the address space.
    pub const WRAPS: Self = Self(0xd);
    /// Must be given here.
    pub const MISSING: Self = Self(0xe);
    /// The device's quota of this resource is spent.
    pub const QUOTA: Self = Self(0xf);
    /// Contradicts another field.
    pub const CONFLICT: Self = Self(0x10);
    /// Must be zero.
    pub const RESERVED: Self = Self(0x11);
    /// Steps before this one are missing.
    pub const NOT_COMPLETE: Self = Self(0x12);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::NONE,
        Self::BAD_VALUE,
        Self::TOO_LARGE,
        Self::TOO_SMALL,
        Self::NOT_ALIGNED,
        Self::NOT_A_POWER_OF_TWO,
        Self::NOT_FOUND,
        Self::WRONG_KIND,
        Self::WRONG_DOMAIN,
        Self::WRONG_STATE,
        Self::IN_USE,
        Self::NOT_ACTIVE,
        Self::NOT_REACHABLE,
        Self::WRAPS,
        Self::MISSING,
        Self::QUOTA,
        Self::CONFLICT,
        Self::RESERVED,
        Self::NOT_COMPLETE,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NONE => Some("NONE"),
            Self::BAD_VALUE => Some("BAD_VALUE"),
            Self::TOO_LARGE => Some("TOO_LARGE"),
            Self::TOO_SMALL => Some("TOO_SMALL"),
            Self::NOT_ALIGNED => Some("NOT_ALIGNED"),
            Self::NOT_A_POWER_OF_TWO => Some("NOT_A_POWER_OF_TWO"),
            Self::NOT_FOUND => Some("NOT_FOUND"),
            Self::WRONG_KIND => Some("WRONG_KIND"),
            Self::WRONG_DOMAIN => Some("WRONG_DOMAIN"),
            Self::WRONG_STATE => Some("WRONG_STATE"),
            Self::IN_USE => Some("IN_USE"),
            Self::NOT_ACTIVE => Some("NOT_ACTIVE"),
            Self::NOT_REACHABLE => Some("NOT_REACHABLE"),
            Self::WRAPS => Some("WRAPS"),
            Self::MISSING => Some("MISSING"),
            Self::QUOTA => Some("QUOTA"),
            Self::CONFLICT => Some("CONFLICT"),
            Self::RESERVED => Some("RESERVED"),
            Self::NOT_COMPLETE => Some("NOT_COMPLETE"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for SyndromeReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "SyndromeReason", self.name(), self.0.into())
    }
}

impl core::fmt::Display for SyndromeReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "SyndromeReason", self.name(), self.0.into())
    }
}

/// Result of a work request (IBTA 1.4, 11.6.2).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct CompletionStatus(pub u16);

impl CompletionStatus {
    /// Done.
    pub const SUCCESS: Self = Self(0x0);
    /// The local scatter/gather list is too short, or the message is longer than the device sends.
    pub const LOCAL_LENGTH_ERROR: Self = Self(0x1);
    /// The entry is malformed, or not legal on this queue pair.
    pub const LOCAL_OPERATION_ERROR: Self = Self(0x2);
    /// A local key, range or right does not match.
    pub const LOCAL_PROTECTION_ERROR: Self = Self(0x4);
    /// The queue was flushed before the request was done.
    pub const FLUSHED: Self = Self(0x5);
    /// Bind or fast registration is not allowed for this key, region or state.
    pub const WINDOW_BIND_ERROR: Self = Self(0x6);
    /// The responder answered something impossible.
    pub const BAD_RESPONSE_ERROR: Self = Self(0x7);
    /// The local address cannot be reached by DMA.
    pub const LOCAL_ACCESS_ERROR: Self = Self(0x8);
    /// The responder found the request invalid.
    pub const REMOTE_INVALID_REQUEST_ERROR: Self = Self(0x9);
    /// The responder refused the remote key, range or right.
    pub const REMOTE_ACCESS_ERROR: Self = Self(0xa);
    /// The responder could not complete the request.
    pub const REMOTE_OPERATION_ERROR: Self = Self(0xb);
    /// No acknowledgement after the configured retries.
    pub const RETRY_EXCEEDED: Self = Self(0xc);
    /// The responder had no receive posted after the configured retries.
    pub const RNR_RETRY_EXCEEDED: Self = Self(0xd);
    /// The device failed.
    pub const FATAL_ERROR: Self = Self(0xe);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::SUCCESS,
        Self::LOCAL_LENGTH_ERROR,
        Self::LOCAL_OPERATION_ERROR,
        Self::LOCAL_PROTECTION_ERROR,
        Self::FLUSHED,
        Self::WINDOW_BIND_ERROR,
        Self::BAD_RESPONSE_ERROR,
        Self::LOCAL_ACCESS_ERROR,
        Self::REMOTE_INVALID_REQUEST_ERROR,
        Self::REMOTE_ACCESS_ERROR,
        Self::REMOTE_OPERATION_ERROR,
        Self::RETRY_EXCEEDED,
        Self::RNR_RETRY_EXCEEDED,
        Self::FATAL_ERROR,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::SUCCESS => Some("SUCCESS"),
            Self::LOCAL_LENGTH_ERROR => Some("LOCAL_LENGTH_ERROR"),
            Self::LOCAL_OPERATION_ERROR => Some("LOCAL_OPERATION_ERROR"),
            Self::LOCAL_PROTECTION_ERROR => Some("LOCAL_PROTECTION_ERROR"),
            Self::FLUSHED => Some("FLUSHED"),
            Self::WINDOW_BIND_ERROR => Some("WINDOW_BIND_ERROR"),
            Self::BAD_RESPONSE_ERROR => Some("BAD_RESPONSE_ERROR"),
            Self::LOCAL_ACCESS_ERROR => Some("LOCAL_ACCESS_ERROR"),
            Self::REMOTE_INVALID_REQUEST_ERROR => Some("REMOTE_INVALID_REQUEST_ERROR"),
            Self::REMOTE_ACCESS_ERROR => Some("REMOTE_ACCESS_ERROR"),
            Self::REMOTE_OPERATION_ERROR => Some("REMOTE_OPERATION_ERROR"),
            Self::RETRY_EXCEEDED => Some("RETRY_EXCEEDED"),
            Self::RNR_RETRY_EXCEEDED => Some("RNR_RETRY_EXCEEDED"),
            Self::FATAL_ERROR => Some("FATAL_ERROR"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for CompletionStatus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CompletionStatus", self.name(), self.0.into())
    }
}

impl core::fmt::Display for CompletionStatus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CompletionStatus", self.name(), self.0.into())
    }
}

/// Syndrome of a completion in error: the check that failed. Zero on success.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct ProviderError(pub u32);

impl ProviderError {
    /// No error.
    pub const NONE: Self = Self(0x0);
    /// Unknown opcode, or not of this queue pair's type.
    pub const BAD_OPCODE: Self = Self(0x1);
    /// A reserved flag, or a flag that the opcode does not take.
    pub const BAD_FLAGS: Self = Self(0x2);
    /// More scatter/gather entries than the queue was created for.
    pub const TOO_MANY_SEGMENTS: Self = Self(0x3);
    /// More inline data than the queue was created for.
    pub const INLINE_TOO_LONG: Self = Self(0x4);
    /// Longer than LIMIT_MESSAGE_BYTES, or than a datagram can be.
    pub const MESSAGE_TOO_LONG: Self = Self(0x5);
    /// The key names nothing.
    pub const KEY_NOT_FOUND: Self = Self(0x6);
    /// The index is in use, the variant differs.
    pub const KEY_STALE: Self = Self(0x7);
    /// The key is invalidated or not yet registered.
    pub const KEY_FREE: Self = Self(0x8);
    /// The key belongs to another protection domain.
    pub const KEY_WRONG_DOMAIN: Self = Self(0x9);
    /// The window is bound through another queue pair.
    pub const KEY_WRONG_QP: Self = Self(0xa);
    /// The privileged key may not be used here.
    pub const KEY_PRIVILEGED: Self = Self(0xb);
    /// The key does not grant this access.
    pub const RIGHT_MISSING: Self = Self(0xc);
    /// Outside the region or window.
    pub const RANGE: Self = Self(0xd);
    /// Address and length exceed the address space.
    pub const WRAP: Self = Self(0xe);
    /// No DMA mapping at the address.
    pub const DMA_UNMAPPED: Self = Self(0xf);
    /// The DMA mapping cannot be written.
    pub const DMA_READ_ONLY: Self = Self(0x10);
    /// Bus mastering is off.
    pub const DMA_DISABLED: Self = Self(0x11);
    /// The memory behind the mapping went away.
    pub const DMA_HOST_FAULT: Self = Self(0x12);
    /// The operand or page address is not aligned.
    pub const NOT_ALIGNED: Self = Self(0x13);
    /// The key is registered or bound already.
    pub const KEY_IN_USE: Self = Self(0x14);
    /// Windows are bound to the region.
    pub const KEY_BOUND: Self = Self(0x15);
    /// More pages than the region was initialised for, or none.
    pub const PAGE_COUNT: Self = Self(0x16);
    /// A length of zero is not allowed here.
    pub const ZERO_LENGTH: Self = Self(0x17);
    /// The receive buffers are shorter than the message.
    pub const RECEIVE_TOO_SHORT: Self = Self(0x18);
    /// Reads or atomics on a connection that negotiated none.
    pub const NO_READ_DEPTH: Self = Self(0x19);
    /// The queue pair's state does not send.
    pub const NOT_CONNECTED: Self = Self(0x1a);
    /// NAK: invalid request.
    pub const PEER_INVALID_REQUEST: Self = Self(0x1b);
    /// NAK: remote access error.
    pub const PEER_ACCESS: Self = Self(0x1c);
    /// NAK: remote operational error.
    pub const PEER_OPERATION: Self = Self(0x1d);
    /// The peer's queue pair or device does not answer.
    pub const PEER_GONE: Self = Self(0x1e);
    /// Receiver not ready, retries spent.
    pub const RNR: Self = Self(0x1f);
    /// Sequence errors, retries spent.
    pub const SEQUENCE: Self = Self(0x20);
    /// FLUSH_QP, an error before it, or the end of the connection.
    pub const QUEUE_FLUSHED: Self = Self(0x21);
    /// The key of an invalidate cannot be invalidated.
    pub const INVALIDATE_REFUSED: Self = Self(0x22);
    /// The responder sent more or less than asked for.
    pub const RESPONSE_LENGTH: Self = Self(0x23);
    /// The destination of a datagram is none: address, queue pair, flow label or port.
    pub const BAD_ADDRESS: Self = Self(0x24);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::NONE,
        Self::BAD_OPCODE,
        Self::BAD_FLAGS,
        Self::TOO_MANY_SEGMENTS,
        Self::INLINE_TOO_LONG,
        Self::MESSAGE_TOO_LONG,
        Self::KEY_NOT_FOUND,
        Self::KEY_STALE,
        Self::KEY_FREE,
        Self::KEY_WRONG_DOMAIN,
        Self::KEY_WRONG_QP,
        Self::KEY_PRIVILEGED,
        Self::RIGHT_MISSING,
        Self::RANGE,
        Self::WRAP,
        Self::DMA_UNMAPPED,
        Self::DMA_READ_ONLY,
        Self::DMA_DISABLED,
        Self::DMA_HOST_FAULT,
        Self::NOT_ALIGNED,
        Self::KEY_IN_USE,
        Self::KEY_BOUND,
        Self::PAGE_COUNT,
        Self::ZERO_LENGTH,
        Self::RECEIVE_TOO_SHORT,
        Self::NO_READ_DEPTH,
        Self::NOT_CONNECTED,
        Self::PEER_INVALID_REQUEST,
        Self::PEER_ACCESS,
        Self::PEER_OPERATION,
        Self::PEER_GONE,
        Self::RNR,
        Self::SEQUENCE,
        Self::QUEUE_FLUSHED,
        Self::INVALIDATE_REFUSED,
        Self::RESPONSE_LENGTH,
        Self::BAD_ADDRESS,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NONE => Some("NONE"),
            Self::BAD_OPCODE => Some("BAD_OPCODE"),
            Self::BAD_FLAGS => Some("BAD_FLAGS"),
            Self::TOO_MANY_SEGMENTS => Some("TOO_MANY_SEGMENTS"),
            Self::INLINE_TOO_LONG => Some("INLINE_TOO_LONG"),
            Self::MESSAGE_TOO_LONG => Some("MESSAGE_TOO_LONG"),
            Self::KEY_NOT_FOUND => Some("KEY_NOT_FOUND"),
            Self::KEY_STALE => Some("KEY_STALE"),
            Self::KEY_FREE => Some("KEY_FREE"),
            Self::KEY_WRONG_DOMAIN => Some("KEY_WRONG_DOMAIN"),
            Self::KEY_WRONG_QP => Some("KEY_WRONG_QP"),
            Self::KEY_PRIVILEGED => Some("KEY_PRIVILEGED"),
            Self::RIGHT_MISSING => Some("RIGHT_MISSING"),
            Self::RANGE => Some("RANGE"),
            Self::WRAP => Some("WRAP"),
            Self::DMA_UNMAPPED => Some("DMA_UNMAPPED"),
            Self::DMA_READ_ONLY => Some("DMA_READ_ONLY"),
            Self::DMA_DISABLED => Some("DMA_DISABLED"),
            Self::DMA_HOST_FAULT => Some("DMA_HOST_FAULT"),
            Self::NOT_ALIGNED => Some("NOT_ALIGNED"),
            Self::KEY_IN_USE => Some("KEY_IN_USE"),
            Self::KEY_BOUND => Some("KEY_BOUND"),
            Self::PAGE_COUNT => Some("PAGE_COUNT"),
            Self::ZERO_LENGTH => Some("ZERO_LENGTH"),
            Self::RECEIVE_TOO_SHORT => Some("RECEIVE_TOO_SHORT"),
            Self::NO_READ_DEPTH => Some("NO_READ_DEPTH"),
            Self::NOT_CONNECTED => Some("NOT_CONNECTED"),
            Self::PEER_INVALID_REQUEST => Some("PEER_INVALID_REQUEST"),
            Self::PEER_ACCESS => Some("PEER_ACCESS"),
            Self::PEER_OPERATION => Some("PEER_OPERATION"),
            Self::PEER_GONE => Some("PEER_GONE"),
            Self::RNR => Some("RNR"),
            Self::SEQUENCE => Some("SEQUENCE"),
            Self::QUEUE_FLUSHED => Some("QUEUE_FLUSHED"),
            Self::INVALIDATE_REFUSED => Some("INVALIDATE_REFUSED"),
            Self::RESPONSE_LENGTH => Some("RESPONSE_LENGTH"),
            Self::BAD_ADDRESS => Some("BAD_ADDRESS"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for ProviderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "ProviderError", self.name(), self.0.into())
    }
}

impl core::fmt::Display for ProviderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "ProviderError", self.name(), self.0.into())
    }
}

/// Why the device stopped, or why the command ring was refused.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct FailureCode(pub u16);

impl FailureCode {
    /// No failure.
    pub const NONE: Self = Self(0x0);
    /// CMD_SIZE, CMD_DESC, CMD_AVAIL or CMD_USED is wrong; FAILURE_INFO is the register's offset.
    pub const COMMAND_RING_SETUP: Self = Self(0x1);
    /// A descriptor chain loops, is indirect, or is not one readable then one writable part; FAILURE_INFO is the head index.
    pub const COMMAND_RING_CHAIN: Self = Self(0x2);
    /// The ring cannot be reached; FAILURE_INFO is the address.
    pub const COMMAND_RING_DMA: Self = Self(0x3);
    /// A fault of the device.
    pub const INTERNAL: Self = Self(0x4);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::NONE,
        Self::COMMAND_RING_SETUP,
        Self::COMMAND_RING_CHAIN,
        Self::COMMAND_RING_DMA,
        Self::INTERNAL,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NONE => Some("NONE"),
            Self::COMMAND_RING_SETUP => Some("COMMAND_RING_SETUP"),
            Self::COMMAND_RING_CHAIN => Some("COMMAND_RING_CHAIN"),
            Self::COMMAND_RING_DMA => Some("COMMAND_RING_DMA"),
            Self::INTERNAL => Some("INTERNAL"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for FailureCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "FailureCode", self.name(), self.0.into())
    }
}

impl core::fmt::Display for FailureCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "FailureCode", self.name(), self.0.into())
    }
}
