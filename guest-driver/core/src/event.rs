//! General events, as types.

use rnic_abi::{
    AddressEvent, CmEvent, CqErrorCause, CqErrorEvent, EventCode, GeneralEvent, Mtu, PortEvent,
    PortState, ProviderError, QpEvent, QpState, RejectReason, SrqEvent, Status,
};

use crate::{ConnectionId, Violation};

/// Private data of a connection message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PrivateData {
    bytes: [u8; 224],
    length: u8,
}

impl PrivateData {
    fn new(bytes: [u8; 224], length: u16) -> Result<Self, Violation> {
        match u8::try_from(length) {
            Ok(length) if usize::from(length) <= bytes.len() => Ok(Self { bytes, length }),
            _ => Err(Violation::Event),
        }
    }

    /// The bytes; the wire pads to the maximum of the message.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }
}

impl core::fmt::Debug for PrivateData {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:02x?}", self.as_slice())
    }
}

/// About a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CmInfo {
    /// Of the request: CONNECT, ACCEPT or, for a new request, LISTEN.
    pub cookie: u64,
    /// Connection.
    pub connection: ConnectionId,
    /// Listener number, for a new request.
    pub listener: u32,
    /// Queue pair number, or 0.
    pub qpn: u32,
    /// Result.
    pub status: Status,
    /// Reason that the peer gave.
    pub reason: RejectReason,
    /// IPv4 as ::ffff:a.b.c.d.
    pub local_address: [u8; 16],
    /// As `local_address`.
    pub peer_address: [u8; 16],
    /// Local port.
    pub local_port: u16,
    /// Peer's port.
    pub peer_port: u16,
    /// Reads and atomics that we may be sent.
    pub read_depth_in: u8,
    /// Reads and atomics that we may send.
    pub read_depth_out: u8,
    /// Path MTU.
    pub path_mtu: Mtu,
    /// Private data.
    pub private_data: PrivateData,
}

/// A general event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A queue pair went to ERROR or QUIESCED by itself.
    QpError {
        /// Number.
        qpn: u32,
        /// State now.
        state: QpState,
        /// Cause.
        error: ProviderError,
        /// From CREATE_QP.
        context: u64,
    },
    /// A queue pair in RTR received its first packet.
    CommunicationEstablished {
        /// Number.
        qpn: u32,
        /// From CREATE_QP.
        context: u64,
    },
    /// A completion queue went into error.
    CqError {
        /// Number.
        cqn: u32,
        /// Generation.
        generation: u32,
        /// Cause.
        cause: CqErrorCause,
        /// From CREATE_CQ.
        context: u64,
    },
    /// Fewer entries than the limit are left in a shared receive queue.
    SrqLimit {
        /// Number.
        srqn: u32,
        /// Entries left.
        remaining: u32,
        /// From CREATE_SRQ.
        context: u64,
    },
    /// A shared receive queue cannot be fetched from any more.
    SrqError {
        /// Number.
        srqn: u32,
        /// Cause.
        error: ProviderError,
        /// From CREATE_SRQ.
        context: u64,
    },
    /// The link came up or went down.
    PortChange(PortState),
    /// Somebody else claims an address of ours.
    AddressConflict {
        /// Entry of the address table.
        index: u16,
        /// Who.
        mac: [u8; 6],
    },
    /// A peer asks for a connection: ACCEPT or REJECT_CONNECTION is next.
    ConnectRequest(CmInfo),
    /// The peer accepted: COMPLETE_CONNECT or REJECT_CONNECTION is next.
    ConnectReply(CmInfo),
    /// CONNECT or ACCEPT came to nothing.
    ConnectFailed(CmInfo),
    /// The peer completed the connection that we accepted.
    Established(CmInfo),
    /// The peer disconnected, or the connection was lost.
    PeerDisconnected(CmInfo),
    /// DISCONNECT is finished.
    Disconnected(CmInfo),
    /// An event that this driver does not know; to be ignored. [CONV-4]
    Unknown(EventCode),
}

fn payload<T: rnic_abi::Layout>(entry: &GeneralEvent) -> Result<T, Violation> {
    rnic_abi::read(&entry.payload).ok_or(Violation::Event)
}

fn cm(entry: &GeneralEvent) -> Result<CmInfo, Violation> {
    let e: CmEvent = payload(entry)?;
    Ok(CmInfo {
        cookie: entry.cookie.get(),
        connection: ConnectionId::from_device(e.connection.get())?,
        listener: e.listener.get(),
        qpn: e.qpn.get(),
        status: e.status(),
        reason: e.reason(),
        local_address: e.local_address,
        peer_address: e.peer_address,
        local_port: e.local_port.get(),
        peer_port: e.peer_port.get(),
        read_depth_in: e.read_depth_in,
        read_depth_out: e.read_depth_out,
        path_mtu: e.path_mtu(),
        private_data: PrivateData::new(e.private_data, e.private_length.get())?,
    })
}

impl Event {
    pub(crate) fn from_entry(entry: &GeneralEvent) -> Result<Self, Violation> {
        Ok(match entry.code() {
            EventCode::QP_ERROR => {
                let e: QpEvent = payload(entry)?;
                Self::QpError {
                    qpn: e.qpn.get(),
                    state: e.state(),
                    error: e.error(),
                    context: e.context.get(),
                }
            }
            EventCode::COMMUNICATION_ESTABLISHED => {
                let e: QpEvent = payload(entry)?;
                Self::CommunicationEstablished {
                    qpn: e.qpn.get(),
                    context: e.context.get(),
                }
            }
            EventCode::CQ_ERROR => {
                let e: CqErrorEvent = payload(entry)?;
                Self::CqError {
                    cqn: e.cqn.get(),
                    generation: e.generation.get(),
                    cause: e.cause(),
                    context: e.context.get(),
                }
            }
            EventCode::SRQ_LIMIT => {
                let e: SrqEvent = payload(entry)?;
                Self::SrqLimit {
                    srqn: e.srqn.get(),
                    remaining: e.remaining.get(),
                    context: e.context.get(),
                }
            }
            EventCode::SRQ_ERROR => {
                let e: SrqEvent = payload(entry)?;
                Self::SrqError {
                    srqn: e.srqn.get(),
                    error: e.error(),
                    context: e.context.get(),
                }
            }
            EventCode::PORT_CHANGE => Self::PortChange(payload::<PortEvent>(entry)?.state()),
            EventCode::ADDRESS_CONFLICT => {
                let e: AddressEvent = payload(entry)?;
                Self::AddressConflict {
                    index: e.index.get(),
                    mac: e.mac,
                }
            }
            EventCode::CONNECT_REQUEST => Self::ConnectRequest(cm(entry)?),
            EventCode::CONNECT_REPLY => Self::ConnectReply(cm(entry)?),
            EventCode::CONNECT_FAILED => Self::ConnectFailed(cm(entry)?),
            EventCode::ESTABLISHED => Self::Established(cm(entry)?),
            EventCode::PEER_DISCONNECTED => Self::PeerDisconnected(cm(entry)?),
            EventCode::DISCONNECTED => Self::Disconnected(cm(entry)?),
            unknown => Self::Unknown(unknown),
        })
    }
}
