//! Messages between devices of one process: owned, validated, never a borrow.

use std::sync::{Arc, Weak};

use rnic_abi::{ProviderError, QpType};
use rnic_transport::ud::DatagramHeader;
use rnic_transport::{RequestHeader, ResponseBody, ResponseHeader};
use rnic_wire::{Gid, Psn, Qpn};

use crate::env::NeighbourId;
use crate::payload::Payload;

/// Held by every segment that gives access to a requester's memory. Its owner knows that no such
/// segment is left when it is the only holder.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<()>);

impl Lease {
    /// A lease that nobody else holds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether this is the only holder.
    #[must_use]
    pub fn is_last(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// A witness that does not hold it.
    #[must_use]
    pub fn downgrade(&self) -> WeakLease {
        WeakLease(Arc::downgrade(&self.0))
    }
}

/// Tells whether leases are held, without holding one.
#[derive(Clone, Debug)]
pub struct WeakLease(Weak<()>);

impl WeakLease {
    /// Whether anybody holds the lease.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// A message from one device to another.
#[derive(Debug)]
pub struct Segment {
    /// Who sends it, as the receiver's host numbers neighbours; the host fills it in.
    pub source: NeighbourId,
    /// Queue pair that it is for.
    pub destination_qpn: Qpn,
    /// Sender's address.
    pub source_gid: Gid,
    /// Receiver's address.
    pub destination_gid: Gid,
    /// The sender's queue pair's: no DMA for it is in flight when it is the last holder.
    pub lease: Lease,
    /// The sender's device's ([`crate::resources::Resources::lease`]).
    pub epoch: Lease,
    /// What it says.
    pub body: Body,
}

/// What a segment says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Body {
    /// A management datagram (256 bytes) of the connection manager.
    Cm(Box<[u8]>),
    /// Part of a request of the sender's queue pair.
    Request {
        /// Service of that queue pair: RC or UC.
        service: QpType,
        /// What it asks for.
        header: RequestHeader,
        /// Data of a send or write.
        payload: Payload,
    },
    /// Part of a response of the sender's queue pair.
    Response {
        /// What it answers.
        header: ResponseHeader,
        /// Data of a read.
        payload: Payload,
    },
    /// A datagram.
    Datagram {
        /// What it says.
        header: DatagramHeader,
        /// Bytes of headers that it would have had below the BTH.
        below: u32,
        /// What its receive gets before the message.
        grh: [u8; 40],
        /// The message, in bytes: its sender forgets it at once.
        payload: Payload,
    },
    /// The data of a request could not be read from its sender's memory, which only the receiver
    /// noticed: a failure of the request, not of the connection.
    SourceLost {
        /// First sequence number of the request.
        psn: Psn,
        /// Why.
        error: ProviderError,
    },
}

impl Body {
    /// Bytes of data that whoever takes the segment copies.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Cm(bytes) => bytes.len() as u64,
            Self::Request { header, .. } => u64::from(header.length),
            Self::Response { header, .. } => match header.body {
                ResponseBody::ReadData { length, .. } => u64::from(length),
                ResponseBody::Acknowledge(_) | ResponseBody::Atomic { .. } => 0,
            },
            Self::Datagram { header, .. } => u64::from(header.length),
            Self::SourceLost { .. } => 0,
        }
    }
}
