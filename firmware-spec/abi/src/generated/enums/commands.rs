// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Open enums: an unknown code is a value. From `firmware-spec/spec/commands.toml`.

/// Command opcodes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Opcode(pub u16);

impl Opcode {
    /// Settles version and features. The first command after a reset.
    pub const NEGOTIATE: Self = Self(0x1);
    /// Does nothing and echoes its payload.
    pub const NOP: Self = Self(0x2);
    /// Reports the limits.
    pub const QUERY_DEVICE: Self = Self(0x3);
    /// Reports the port.
    pub const QUERY_PORT: Self = Self(0x4);
    /// Reads counters.
    pub const QUERY_COUNTERS: Self = Self(0x5);
    /// Creates a protection domain.
    pub const CREATE_PD: Self = Self(0x10);
    /// Destroys a protection domain that nothing uses.
    pub const DESTROY_PD: Self = Self(0x11);
    /// Starts a memory region and charges its pages.
    pub const BEGIN_MR: Self = Self(0x18);
    /// Copies page addresses into the device.
    pub const ADD_MR_PAGES: Self = Self(0x19);
    /// Makes a memory region usable.
    pub const COMMIT_MR: Self = Self(0x1a);
    /// Creates a fast-register region.
    pub const CREATE_FAST_MR: Self = Self(0x1b);
    /// Destroys a region of any kind. Answered when no DMA through it is in flight.
    pub const DESTROY_MR: Self = Self(0x1c);
    /// Creates a memory window.
    pub const CREATE_MW: Self = Self(0x20);
    /// Destroys a memory window, bound or not.
    pub const DESTROY_MW: Self = Self(0x21);
    /// Creates an event queue. One general event queue at most.
    pub const CREATE_EQ: Self = Self(0x28);
    /// Destroys an event queue that no completion queue uses.
    pub const DESTROY_EQ: Self = Self(0x29);
    /// Creates a completion queue.
    pub const CREATE_CQ: Self = Self(0x30);
    /// Moves the unconsumed completions, in order, to a new ring.
    pub const RESIZE_CQ: Self = Self(0x31);
    /// Sets interrupt moderation.
    pub const MODERATE_CQ: Self = Self(0x32);
    /// Destroys a completion queue that no queue pair uses. Answered after its last event.
    pub const DESTROY_CQ: Self = Self(0x33);
    /// Creates a shared receive queue.
    pub const CREATE_SRQ: Self = Self(0x38);
    /// Sets the limit.
    pub const MODIFY_SRQ: Self = Self(0x39);
    /// Fetches from a new ring from now on.
    pub const RESIZE_SRQ: Self = Self(0x3a);
    /// Destroys a shared receive queue that no queue pair uses.
    pub const DESTROY_SRQ: Self = Self(0x3b);
    /// Creates a queue pair in state INIT.
    pub const CREATE_QP: Self = Self(0x40);
    /// Changes state and attributes of a queue pair that no connection owns.
    pub const MODIFY_QP: Self = Self(0x41);
    /// Reports a queue pair.
    pub const QUERY_QP: Self = Self(0x42);
    /// Flushes entries up to the producer indices that it reads. Legal in every state.
    pub const FLUSH_QP: Self = Self(0x43);
    /// Destroys a queue pair. Answered when no DMA for it is in flight; what was posted completes no more.
    pub const DESTROY_QP: Self = Self(0x44);
    /// Gives the device an address, or replaces one.
    pub const SET_ADDRESS: Self = Self(0x50);
    /// Takes an address away that no endpoint uses.
    pub const CLEAR_ADDRESS: Self = Self(0x51);
    /// Reserves an address and port.
    pub const RESERVE_ENDPOINT: Self = Self(0x52);
    /// Drops the reference of RESERVE_ENDPOINT. The port is free when listeners and connections have dropped theirs.
    pub const RELEASE_ENDPOINT: Self = Self(0x53);
    /// Listens. Each request is a CONNECT_REQUEST event with a new connection handle.
    pub const LISTEN: Self = Self(0x58);
    /// Pauses or resumes a listener.
    pub const PAUSE_LISTENER: Self = Self(0x59);
    /// Stops listening. Requests already reported stay valid; others are refused.
    pub const DESTROY_LISTENER: Self = Self(0x5a);
    /// Starts a connection. Finished by CONNECT_REPLY or CONNECT_FAILED.
    pub const CONNECT: Self = Self(0x60);
    /// Confirms the peer's acceptance; the queue pair may send.
    pub const COMPLETE_CONNECT: Self = Self(0x61);
    /// Accepts a request. Finished by ESTABLISHED or CONNECT_FAILED.
    pub const ACCEPT: Self = Self(0x62);
    /// Rejects a request, or a reply.
    pub const REJECT_CONNECTION: Self = Self(0x63);
    /// Ends a connection. Finished by DISCONNECTED, after which its queues are flushed.
    pub const DISCONNECT: Self = Self(0x64);
    /// Gives the handle back in any state; ends and forgets the connection. Its endpoint reference is dropped.
    pub const RELEASE_CONNECTION: Self = Self(0x65);
    /// Starts an Ethernet queue: a split virtqueue whose buffers begin with virtio_net_hdr (12 bytes).
    pub const CREATE_ETH_QUEUE: Self = Self(0x70);
    /// Stops an Ethernet queue. Answered when no buffer of it is in use by the device.
    pub const DESTROY_ETH_QUEUE: Self = Self(0x71);
    /// Sets the receive filter of the Ethernet lane.
    pub const SET_RX_MODE: Self = Self(0x72);
    /// Sets offloads of the receive direction, and the frame size.
    pub const SET_ETH_OFFLOADS: Self = Self(0x73);
    /// Sets receive side scaling.
    pub const SET_RSS: Self = Self(0x74);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::NEGOTIATE,
        Self::NOP,
        Self::QUERY_DEVICE,
        Self::QUERY_PORT,
        Self::QUERY_COUNTERS,
        Self::CREATE_PD,
        Self::DESTROY_PD,
        Self::BEGIN_MR,
        Self::ADD_MR_PAGES,
        Self::COMMIT_MR,
        Self::CREATE_FAST_MR,
        Self::DESTROY_MR,
        Self::CREATE_MW,
        Self::DESTROY_MW,
        Self::CREATE_EQ,
        Self::DESTROY_EQ,
        Self::CREATE_CQ,
        Self::RESIZE_CQ,
        Self::MODERATE_CQ,
        Self::DESTROY_CQ,
        Self::CREATE_SRQ,
        Self::MODIFY_SRQ,
        Self::RESIZE_SRQ,
        Self::DESTROY_SRQ,
        Self::CREATE_QP,
        Self::MODIFY_QP,
        Self::QUERY_QP,
        Self::FLUSH_QP,
        Self::DESTROY_QP,
        Self::SET_ADDRESS,
        Self::CLEAR_ADDRESS,
        Self::RESERVE_ENDPOINT,
        Self::RELEASE_ENDPOINT,
        Self::LISTEN,
        Self::PAUSE_LISTENER,
        Self::DESTROY_LISTENER,
        Self::CONNECT,
        Self::COMPLETE_CONNECT,
        Self::ACCEPT,
        Self::REJECT_CONNECTION,
        Self::DISCONNECT,
        Self::RELEASE_CONNECTION,
        Self::CREATE_ETH_QUEUE,
        Self::DESTROY_ETH_QUEUE,
        Self::SET_RX_MODE,
        Self::SET_ETH_OFFLOADS,
        Self::SET_RSS,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NEGOTIATE => Some("NEGOTIATE"),
            Self::NOP => Some("NOP"),
            Self::QUERY_DEVICE => Some("QUERY_DEVICE"),
            Self::QUERY_PORT => Some("QUERY_PORT"),
            Self::QUERY_COUNTERS => Some("QUERY_COUNTERS"),
            Self::CREATE_PD => Some("CREATE_PD"),
            Self::DESTROY_PD => Some("DESTROY_PD"),
            Self::BEGIN_MR => Some("BEGIN_MR"),
            Self::ADD_MR_PAGES => Some("ADD_MR_PAGES"),
            Self::COMMIT_MR => Some("COMMIT_MR"),
            Self::CREATE_FAST_MR => Some("CREATE_FAST_MR"),
            Self::DESTROY_MR => Some("DESTROY_MR"),
            Self::CREATE_MW => Some("CREATE_MW"),
            Self::DESTROY_MW => Some("DESTROY_MW"),
            Self::CREATE_EQ => Some("CREATE_EQ"),
            Self::DESTROY_EQ => Some("DESTROY_EQ"),
            Self::CREATE_CQ => Some("CREATE_CQ"),
            Self::RESIZE_CQ => Some("RESIZE_CQ"),
            Self::MODERATE_CQ => Some("MODERATE_CQ"),
            Self::DESTROY_CQ => Some("DESTROY_CQ"),
            Self::CREATE_SRQ => Some("CREATE_SRQ"),
            Self::MODIFY_SRQ => Some("MODIFY_SRQ"),
            Self::RESIZE_SRQ => Some("RESIZE_SRQ"),
            Self::DESTROY_SRQ => Some("DESTROY_SRQ"),
            Self::CREATE_QP => Some("CREATE_QP"),
            Self::MODIFY_QP => Some("MODIFY_QP"),
            Self::QUERY_QP => Some("QUERY_QP"),
            Self::FLUSH_QP => Some("FLUSH_QP"),
            Self::DESTROY_QP => Some("DESTROY_QP"),
            Self::SET_ADDRESS => Some("SET_ADDRESS"),
            Self::CLEAR_ADDRESS => Some("CLEAR_ADDRESS"),
            Self::RESERVE_ENDPOINT => Some("RESERVE_ENDPOINT"),
            Self::RELEASE_ENDPOINT => Some("RELEASE_ENDPOINT"),
            Self::LISTEN => Some("LISTEN"),
            Self::PAUSE_LISTENER => Some("PAUSE_LISTENER"),
            Self::DESTROY_LISTENER => Some("DESTROY_LISTENER"),
            Self::CONNECT => Some("CONNECT"),
            Self::COMPLETE_CONNECT => Some("COMPLETE_CONNECT"),
            Self::ACCEPT => Some("ACCEPT"),
            Self::REJECT_CONNECTION => Some("REJECT_CONNECTION"),
            Self::DISCONNECT => Some("DISCONNECT"),
            Self::RELEASE_CONNECTION => Some("RELEASE_CONNECTION"),
            Self::CREATE_ETH_QUEUE => Some("CREATE_ETH_QUEUE"),
            Self::DESTROY_ETH_QUEUE => Some("DESTROY_ETH_QUEUE"),
            Self::SET_RX_MODE => Some("SET_RX_MODE"),
            Self::SET_ETH_OFFLOADS => Some("SET_ETH_OFFLOADS"),
            Self::SET_RSS => Some("SET_RSS"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for Opcode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Opcode", self.name(), self.0.into())
    }
}

impl core::fmt::Display for Opcode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Opcode", self.name(), self.0.into())
    }
}

/// What an event queue holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct EqKind(pub u8);

impl EqKind {
    /// CqEvent entries.
    pub const COMPLETION: Self = Self(0x1);
    /// GeneralEvent entries.
    pub const GENERAL: Self = Self(0x2);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::COMPLETION, Self::GENERAL];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::COMPLETION => Some("COMPLETION"),
            Self::GENERAL => Some("GENERAL"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for EqKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "EqKind", self.name(), self.0.into())
    }
}

impl core::fmt::Display for EqKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "EqKind", self.name(), self.0.into())
    }
}

/// Memory window type.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct MwType(pub u8);

impl MwType {
    /// Usable through every queue pair of its domain; bound and unbound by BIND alone.
    pub const TYPE_1: Self = Self(0x1);
    /// Usable through the queue pair that bound it; invalidated by keys.
    pub const TYPE_2: Self = Self(0x2);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::TYPE_1, Self::TYPE_2];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::TYPE_1 => Some("TYPE_1"),
            Self::TYPE_2 => Some("TYPE_2"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for MwType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "MwType", self.name(), self.0.into())
    }
}

impl core::fmt::Display for MwType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "MwType", self.name(), self.0.into())
    }
}

/// Transport service.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct QpType(pub u8);

impl QpType {
    /// Reliable connection.
    pub const RC: Self = Self(0x1);
    /// Unreliable connection.
    pub const UC: Self = Self(0x2);
    /// Unreliable datagram.
    pub const UD: Self = Self(0x3);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::RC, Self::UC, Self::UD];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::RC => Some("RC"),
            Self::UC => Some("UC"),
            Self::UD => Some("UD"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for QpType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "QpType", self.name(), self.0.into())
    }
}

impl core::fmt::Display for QpType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "QpType", self.name(), self.0.into())
    }
}

/// State of a queue pair.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct QpState(pub u8);

impl QpState {
    /// Nothing is posted.
    pub const RESET: Self = Self(0x0);
    /// Receives may be posted.
    pub const INIT: Self = Self(0x1);
    /// Receives from the peer.
    pub const RTR: Self = Self(0x2);
    /// Sends too.
    pub const RTS: Self = Self(0x3);
    /// The connection ended; nothing is fetched, sent or placed.
    pub const QUIESCED: Self = Self(0x4);
    /// Nothing is fetched or placed; entries are flushed.
    pub const ERROR: Self = Self(0x5);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::RESET,
        Self::INIT,
        Self::RTR,
        Self::RTS,
        Self::QUIESCED,
        Self::ERROR,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::RESET => Some("RESET"),
            Self::INIT => Some("INIT"),
            Self::RTR => Some("RTR"),
            Self::RTS => Some("RTS"),
            Self::QUIESCED => Some("QUIESCED"),
            Self::ERROR => Some("ERROR"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for QpState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "QpState", self.name(), self.0.into())
    }
}

impl core::fmt::Display for QpState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "QpState", self.name(), self.0.into())
    }
}

/// Path MTU code (IBTA 1.4, 9.6.2).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Mtu(pub u8);

impl Mtu {
    /// Not given.
    pub const NONE: Self = Self(0x0);
    /// 256 bytes.
    pub const MTU_256: Self = Self(0x1);
    /// 512 bytes.
    pub const MTU_512: Self = Self(0x2);
    /// 1024 bytes.
    pub const MTU_1024: Self = Self(0x3);
    /// 2048 bytes.
    pub const MTU_2048: Self = Self(0x4);
    /// 4096 bytes.
    pub const MTU_4096: Self = Self(0x5);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::NONE,
        Self::MTU_256,
        Self::MTU_512,
        Self::MTU_1024,
        Self::MTU_2048,
        Self::MTU_4096,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NONE => Some("NONE"),
            Self::MTU_256 => Some("MTU_256"),
            Self::MTU_512 => Some("MTU_512"),
            Self::MTU_1024 => Some("MTU_1024"),
            Self::MTU_2048 => Some("MTU_2048"),
            Self::MTU_4096 => Some("MTU_4096"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for Mtu {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Mtu", self.name(), self.0.into())
    }
}

impl core::fmt::Display for Mtu {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Mtu", self.name(), self.0.into())
    }
}

/// Link.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct PortState(pub u8);

impl PortState {
    /// No frames.
    pub const DOWN: Self = Self(0x0);
    /// Frames pass.
    pub const UP: Self = Self(0x1);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::DOWN, Self::UP];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::DOWN => Some("DOWN"),
            Self::UP => Some("UP"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for PortState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "PortState", self.name(), self.0.into())
    }
}

impl core::fmt::Display for PortState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "PortState", self.name(), self.0.into())
    }
}

/// Address family.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Family(pub u8);

impl Family {
    /// IPv4.
    pub const IPV4: Self = Self(0x4);
    /// IPv6.
    pub const IPV6: Self = Self(0x6);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::IPV4, Self::IPV6];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::IPV4 => Some("IPV4"),
            Self::IPV6 => Some("IPV6"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for Family {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Family", self.name(), self.0.into())
    }
}

impl core::fmt::Display for Family {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "Family", self.name(), self.0.into())
    }
}

/// Direction of an Ethernet queue.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct EthDirection(pub u8);

impl EthDirection {
    /// To the guest.
    pub const RECEIVE: Self = Self(0x0);
    /// From the guest.
    pub const TRANSMIT: Self = Self(0x1);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::RECEIVE, Self::TRANSMIT];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::RECEIVE => Some("RECEIVE"),
            Self::TRANSMIT => Some("TRANSMIT"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for EthDirection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "EthDirection", self.name(), self.0.into())
    }
}

impl core::fmt::Display for EthDirection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "EthDirection", self.name(), self.0.into())
    }
}
