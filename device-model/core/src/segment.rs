//! Messages between devices of one process: owned, validated, never a borrow.

use std::sync::Arc;

use rnic_wire::{Gid, Qpn};

use crate::env::NeighbourId;

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
    /// Keeps the sender from calling its memory free.
    pub lease: Lease,
    /// What it says.
    pub body: Body,
}

/// What a segment says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Body {
    /// A management datagram (256 bytes) of the connection manager.
    Cm(Box<[u8]>),
}
