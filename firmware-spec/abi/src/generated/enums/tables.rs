// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Codes of commands, events, counters and syndromes.

/// Index of a counter.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct CounterId(pub u16);

impl CounterId {
    /// RDMA octets received, headers included, as frames would have carried them.
    pub const OCTETS_IN: Self = Self(0x0);
    /// RDMA octets sent, headers included, as frames would have carried them.
    pub const OCTETS_OUT: Self = Self(0x1);
    /// RDMA frames received, in-process transfers counted as the frames they would have been.
    pub const FRAMES_IN: Self = Self(0x2);
    /// RDMA frames sent, in-process transfers counted as the frames they would have been.
    pub const FRAMES_OUT: Self = Self(0x3);
    /// Octets given to the guest's stack.
    pub const ETH_OCTETS_IN: Self = Self(0x4);
    /// Octets taken from the guest's stack.
    pub const ETH_OCTETS_OUT: Self = Self(0x5);
    /// Frames given to the guest's stack.
    pub const ETH_FRAMES_IN: Self = Self(0x6);
    /// Frames taken from the guest's stack.
    pub const ETH_FRAMES_OUT: Self = Self(0x7);
    /// Frames for the guest's stack dropped because no buffer was posted.
    pub const ETH_DROPPED_NO_BUFFER: Self = Self(0x8);
    /// Transmit chains of the guest dropped because they are malformed.
    pub const ETH_DROPPED_MALFORMED: Self = Self(0x9);
    /// Multicast frames given to the guest's stack.
    pub const ETH_MULTICAST_IN: Self = Self(0xa);
    /// Broadcast frames given to the guest's stack.
    pub const ETH_BROADCAST_IN: Self = Self(0xb);
    /// Sends completed as requester.
    pub const SENDS_OUT: Self = Self(0xc);
    /// Writes completed as requester.
    pub const WRITES_OUT: Self = Self(0xd);
    /// Reads completed as requester.
    pub const READS_OUT: Self = Self(0xe);
    /// Atomics completed as requester.
    pub const ATOMICS_OUT: Self = Self(0xf);
    /// Sends executed as responder.
    pub const SENDS_IN: Self = Self(0x10);
    /// Writes executed as responder.
    pub const WRITES_IN: Self = Self(0x11);
    /// Reads executed as responder.
    pub const READS_IN: Self = Self(0x12);
    /// Atomics executed as responder.
    pub const ATOMICS_IN: Self = Self(0x13);
    /// Completions written.
    pub const COMPLETIONS: Self = Self(0x14);
    /// Completions with a status other than SUCCESS or FLUSHED.
    pub const COMPLETION_ERRORS: Self = Self(0x15);
    /// Completions with status FLUSHED.
    pub const FLUSHED: Self = Self(0x16);
    /// Completion queues that went into error.
    pub const CQ_ERRORS: Self = Self(0x17);
    /// Events written.
    pub const EVENTS: Self = Self(0x18);
    /// Interrupt messages raised.
    pub const INTERRUPTS: Self = Self(0x19);
    /// Commands answered.
    pub const COMMANDS: Self = Self(0x1a);
    /// Commands answered with a status other than OK.
    pub const COMMAND_ERRORS: Self = Self(0x1b);
    /// Ignored accesses to registers and doorbells.
    pub const GUEST_ERRORS: Self = Self(0x1c);
    /// DMA accesses that failed.
    pub const DMA_ERRORS: Self = Self(0x1d);
    /// Times the device parked.
    pub const PARKS: Self = Self(0x1e);
    /// Writes of KICK.
    pub const KICKS: Self = Self(0x1f);
    /// NAKs for sequence errors received.
    pub const NAK_SEQUENCE_IN: Self = Self(0x20);
    /// NAKs for sequence errors sent.
    pub const NAK_SEQUENCE_OUT: Self = Self(0x21);
    /// NAKs for remote access errors received.
    pub const NAK_ACCESS_IN: Self = Self(0x22);
    /// NAKs for remote access errors sent.
    pub const NAK_ACCESS_OUT: Self = Self(0x23);
    /// NAKs for invalid requests received.
    pub const NAK_REQUEST_IN: Self = Self(0x24);
    /// NAKs for invalid requests sent.
    pub const NAK_REQUEST_OUT: Self = Self(0x25);
    /// NAKs for remote operational errors received.
    pub const NAK_OPERATION_IN: Self = Self(0x26);
    /// NAKs for remote operational errors sent.
    pub const NAK_OPERATION_OUT: Self = Self(0x27);
    /// RNR NAKs received.
    pub const RNR_NAK_IN: Self = Self(0x28);
    /// RNR NAKs sent.
    pub const RNR_NAK_OUT: Self = Self(0x29);
    /// Frames sent again.
    pub const RETRANSMITTED: Self = Self(0x2a);
    /// Acknowledgement timers that expired.
    pub const ACK_TIMEOUTS: Self = Self(0x2b);
    /// Duplicate requests received.
    pub const DUPLICATES_IN: Self = Self(0x2c);
    /// Requests ahead of the expected sequence number.
    pub const OUT_OF_SEQUENCE_IN: Self = Self(0x2d);
    /// Queue pairs that gave up retrying.
    pub const RETRIES_EXCEEDED: Self = Self(0x2e);
    /// Frames received with a congestion mark.
    pub const ECN_MARKED_IN: Self = Self(0x2f);
    /// Congestion notifications received.
    pub const CNP_IN: Self = Self(0x30);
    /// Congestion notifications sent.
    pub const CNP_OUT: Self = Self(0x31);
    /// RoCE frames dropped: headers, lengths, versions.
    pub const DROPPED_MALFORMED: Self = Self(0x32);
    /// RoCE frames dropped: invariant CRC.
    pub const DROPPED_ICRC: Self = Self(0x33);
    /// RoCE frames dropped: no such queue pair, or its type or state does not receive.
    pub const DROPPED_NO_QP: Self = Self(0x34);
    /// RoCE frames dropped: not the connection's addresses.
    pub const DROPPED_ADDRESS: Self = Self(0x35);
    /// RoCE frames dropped: partition or queue key.
    pub const DROPPED_KEY: Self = Self(0x36);
    /// Connections established now.
    pub const CONNECTIONS_ACTIVE: Self = Self(0x37);
    /// Connections established by CONNECT.
    pub const CONNECTIONS_INITIATED: Self = Self(0x38);
    /// Connections established by ACCEPT.
    pub const CONNECTIONS_ACCEPTED: Self = Self(0x39);
    /// CONNECT that did not lead to a connection.
    pub const CONNECT_FAILURES: Self = Self(0x3a);
    /// Connections that ended by an error.
    pub const CONNECTION_ERRORS: Self = Self(0x3b);
    /// Requests refused: no listener, paused, backlog.
    pub const CONNECT_REJECTED: Self = Self(0x3c);
    /// Connection manager messages received.
    pub const CM_IN: Self = Self(0x3d);
    /// Connection manager messages sent.
    pub const CM_OUT: Self = Self(0x3e);
    /// Connection manager messages sent again.
    pub const CM_RETRIES: Self = Self(0x3f);
    /// Connection manager messages received again.
    pub const CM_DUPLICATES: Self = Self(0x40);
    /// Connection manager messages dropped: malformed, unknown, table full.
    pub const CM_DROPPED: Self = Self(0x41);
    /// ARP requests and neighbour solicitations sent.
    pub const NEIGHBOUR_REQUESTS_OUT: Self = Self(0x42);
    /// ARP replies and neighbour advertisements sent.
    pub const NEIGHBOUR_REPLIES_OUT: Self = Self(0x43);
    /// Claims of our addresses by others.
    pub const NEIGHBOUR_CONFLICTS: Self = Self(0x44);
    /// Faults that a fault plan caused.
    pub const FAULTS_INJECTED: Self = Self(0x45);
    /// Messages of unreliable services lost for want of a receive.
    pub const DROPPED_NO_RECEIVE: Self = Self(0x46);
    /// Messages of unreliable services lost because they were longer than the receive.
    pub const DROPPED_TOO_LONG: Self = Self(0x47);
    /// Datagrams lost because nobody answered for their next hop.
    pub const DROPPED_UNREACHABLE: Self = Self(0x48);
    /// Writes of unreliable connections dropped: remote key, range or right.
    pub const DROPPED_ACCESS: Self = Self(0x49);
    /// Messages of unreliable connections given up because a packet was missing or not allowed.
    pub const MESSAGES_ABANDONED: Self = Self(0x4a);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[
        Self::OCTETS_IN,
        Self::OCTETS_OUT,
        Self::FRAMES_IN,
        Self::FRAMES_OUT,
        Self::ETH_OCTETS_IN,
        Self::ETH_OCTETS_OUT,
        Self::ETH_FRAMES_IN,
        Self::ETH_FRAMES_OUT,
        Self::ETH_DROPPED_NO_BUFFER,
        Self::ETH_DROPPED_MALFORMED,
        Self::ETH_MULTICAST_IN,
        Self::ETH_BROADCAST_IN,
        Self::SENDS_OUT,
        Self::WRITES_OUT,
        Self::READS_OUT,
        Self::ATOMICS_OUT,
        Self::SENDS_IN,
        Self::WRITES_IN,
        Self::READS_IN,
        Self::ATOMICS_IN,
        Self::COMPLETIONS,
        Self::COMPLETION_ERRORS,
        Self::FLUSHED,
        Self::CQ_ERRORS,
        Self::EVENTS,
        Self::INTERRUPTS,
        Self::COMMANDS,
        Self::COMMAND_ERRORS,
        Self::GUEST_ERRORS,
        Self::DMA_ERRORS,
        Self::PARKS,
        Self::KICKS,
        Self::NAK_SEQUENCE_IN,
        Self::NAK_SEQUENCE_OUT,
        Self::NAK_ACCESS_IN,
        Self::NAK_ACCESS_OUT,
        Self::NAK_REQUEST_IN,
        Self::NAK_REQUEST_OUT,
        Self::NAK_OPERATION_IN,
        Self::NAK_OPERATION_OUT,
        Self::RNR_NAK_IN,
        Self::RNR_NAK_OUT,
        Self::RETRANSMITTED,
        Self::ACK_TIMEOUTS,
        Self::DUPLICATES_IN,
        Self::OUT_OF_SEQUENCE_IN,
        Self::RETRIES_EXCEEDED,
        Self::ECN_MARKED_IN,
        Self::CNP_IN,
        Self::CNP_OUT,
        Self::DROPPED_MALFORMED,
        Self::DROPPED_ICRC,
        Self::DROPPED_NO_QP,
        Self::DROPPED_ADDRESS,
        Self::DROPPED_KEY,
        Self::CONNECTIONS_ACTIVE,
        Self::CONNECTIONS_INITIATED,
        Self::CONNECTIONS_ACCEPTED,
        Self::CONNECT_FAILURES,
        Self::CONNECTION_ERRORS,
        Self::CONNECT_REJECTED,
        Self::CM_IN,
        Self::CM_OUT,
        Self::CM_RETRIES,
        Self::CM_DUPLICATES,
        Self::CM_DROPPED,
        Self::NEIGHBOUR_REQUESTS_OUT,
        Self::NEIGHBOUR_REPLIES_OUT,
        Self::NEIGHBOUR_CONFLICTS,
        Self::FAULTS_INJECTED,
        Self::DROPPED_NO_RECEIVE,
        Self::DROPPED_TOO_LONG,
        Self::DROPPED_UNREACHABLE,
        Self::DROPPED_ACCESS,
        Self::MESSAGES_ABANDONED,
    ];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::OCTETS_IN => Some("OCTETS_IN"),
            Self::OCTETS_OUT => Some("OCTETS_OUT"),
            Self::FRAMES_IN => Some("FRAMES_IN"),
            Self::FRAMES_OUT => Some("FRAMES_OUT"),
            Self::ETH_OCTETS_IN => Some("ETH_OCTETS_IN"),
            Self::ETH_OCTETS_OUT => Some("ETH_OCTETS_OUT"),
            Self::ETH_FRAMES_IN => Some("ETH_FRAMES_IN"),
            Self::ETH_FRAMES_OUT => Some("ETH_FRAMES_OUT"),
            Self::ETH_DROPPED_NO_BUFFER => Some("ETH_DROPPED_NO_BUFFER"),
            Self::ETH_DROPPED_MALFORMED => Some("ETH_DROPPED_MALFORMED"),
            Self::ETH_MULTICAST_IN => Some("ETH_MULTICAST_IN"),
            Self::ETH_BROADCAST_IN => Some("ETH_BROADCAST_IN"),
            Self::SENDS_OUT => Some("SENDS_OUT"),
            Self::WRITES_OUT => Some("WRITES_OUT"),
            Self::READS_OUT => Some("READS_OUT"),
            Self::ATOMICS_OUT => Some("ATOMICS_OUT"),
            Self::SENDS_IN => Some("SENDS_IN"),
            Self::WRITES_IN => Some("WRITES_IN"),
            Self::READS_IN => Some("READS_IN"),
            Self::ATOMICS_IN => Some("ATOMICS_IN"),
            Self::COMPLETIONS => Some("COMPLETIONS"),
            Self::COMPLETION_ERRORS => Some("COMPLETION_ERRORS"),
            Self::FLUSHED => Some("FLUSHED"),
            Self::CQ_ERRORS => Some("CQ_ERRORS"),
            Self::EVENTS => Some("EVENTS"),
            Self::INTERRUPTS => Some("INTERRUPTS"),
            Self::COMMANDS => Some("COMMANDS"),
            Self::COMMAND_ERRORS => Some("COMMAND_ERRORS"),
            Self::GUEST_ERRORS => Some("GUEST_ERRORS"),
            Self::DMA_ERRORS => Some("DMA_ERRORS"),
            Self::PARKS => Some("PARKS"),
            Self::KICKS => Some("KICKS"),
            Self::NAK_SEQUENCE_IN => Some("NAK_SEQUENCE_IN"),
            Self::NAK_SEQUENCE_OUT => Some("NAK_SEQUENCE_OUT"),
            Self::NAK_ACCESS_IN => Some("NAK_ACCESS_IN"),
            Self::NAK_ACCESS_OUT => Some("NAK_ACCESS_OUT"),
            Self::NAK_REQUEST_IN => Some("NAK_REQUEST_IN"),
            Self::NAK_REQUEST_OUT => Some("NAK_REQUEST_OUT"),
            Self::NAK_OPERATION_IN => Some("NAK_OPERATION_IN"),
            Self::NAK_OPERATION_OUT => Some("NAK_OPERATION_OUT"),
            Self::RNR_NAK_IN => Some("RNR_NAK_IN"),
            Self::RNR_NAK_OUT => Some("RNR_NAK_OUT"),
            Self::RETRANSMITTED => Some("RETRANSMITTED"),
            Self::ACK_TIMEOUTS => Some("ACK_TIMEOUTS"),
            Self::DUPLICATES_IN => Some("DUPLICATES_IN"),
            Self::OUT_OF_SEQUENCE_IN => Some("OUT_OF_SEQUENCE_IN"),
            Self::RETRIES_EXCEEDED => Some("RETRIES_EXCEEDED"),
            Self::ECN_MARKED_IN => Some("ECN_MARKED_IN"),
            Self::CNP_IN => Some("CNP_IN"),
            Self::CNP_OUT => Some("CNP_OUT"),
            Self::DROPPED_MALFORMED => Some("DROPPED_MALFORMED"),
            Self::DROPPED_ICRC => Some("DROPPED_ICRC"),
            Self::DROPPED_NO_QP => Some("DROPPED_NO_QP"),
            Self::DROPPED_ADDRESS => Some("DROPPED_ADDRESS"),
            Self::DROPPED_KEY => Some("DROPPED_KEY"),
            Self::CONNECTIONS_ACTIVE => Some("CONNECTIONS_ACTIVE"),
            Self::CONNECTIONS_INITIATED => Some("CONNECTIONS_INITIATED"),
            Self::CONNECTIONS_ACCEPTED => Some("CONNECTIONS_ACCEPTED"),
            Self::CONNECT_FAILURES => Some("CONNECT_FAILURES"),
            Self::CONNECTION_ERRORS => Some("CONNECTION_ERRORS"),
            Self::CONNECT_REJECTED => Some("CONNECT_REJECTED"),
            Self::CM_IN => Some("CM_IN"),
            Self::CM_OUT => Some("CM_OUT"),
            Self::CM_RETRIES => Some("CM_RETRIES"),
            Self::CM_DUPLICATES => Some("CM_DUPLICATES"),
            Self::CM_DROPPED => Some("CM_DROPPED"),
            Self::NEIGHBOUR_REQUESTS_OUT => Some("NEIGHBOUR_REQUESTS_OUT"),
            Self::NEIGHBOUR_REPLIES_OUT => Some("NEIGHBOUR_REPLIES_OUT"),
            Self::NEIGHBOUR_CONFLICTS => Some("NEIGHBOUR_CONFLICTS"),
            Self::FAULTS_INJECTED => Some("FAULTS_INJECTED"),
            Self::DROPPED_NO_RECEIVE => Some("DROPPED_NO_RECEIVE"),
            Self::DROPPED_TOO_LONG => Some("DROPPED_TOO_LONG"),
            Self::DROPPED_UNREACHABLE => Some("DROPPED_UNREACHABLE"),
            Self::DROPPED_ACCESS => Some("DROPPED_ACCESS"),
            Self::MESSAGES_ABANDONED => Some("MESSAGES_ABANDONED"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for CounterId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CounterId", self.name(), self.0.into())
    }
}

impl core::fmt::Display for CounterId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "CounterId", self.name(), self.0.into())
    }
}
