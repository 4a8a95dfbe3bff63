//! What the driver is told of a connection.

use rnic_abi::{CmEvent, EventCode, Mtu, RejectReason, Status};

use crate::command::Control;

use super::Connection;

/// Every event that is about a connection.
pub(super) const CODES: [EventCode; 6] = [
    EventCode::CONNECT_REQUEST,
    EventCode::CONNECT_REPLY,
    FAILED,
    EventCode::ESTABLISHED,
    EventCode::PEER_DISCONNECTED,
    EventCode::DISCONNECTED,
];

/// CONNECT or ACCEPT came to nothing.
pub(super) const FAILED: EventCode = EventCode::CONNECT_FAILED;

/// What an event says besides the connection itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Details<'a> {
    pub status: Status,
    pub reason: RejectReason,
    pub private_data: &'a [u8],
}

impl<'a> Details<'a> {
    /// All is well; the peer's private data.
    pub fn with(private_data: &'a [u8]) -> Self {
        Self {
            private_data,
            ..Self::default()
        }
    }

    /// What went wrong.
    pub fn failed(status: Status) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

impl Connection {
    /// The event's payload.
    fn event(&self, handle: u32, details: &Details<'_>) -> CmEvent {
        let mut event = CmEvent::zeroed()
            .with_status(details.status)
            .with_reason(details.reason)
            .with_path_mtu(Mtu(self.mtu.code()));
        event.connection.set(handle);
        event.listener.set(self.listener);
        event.qpn.set(self.qpn);
        event.local_address = self.local.gid.0;
        event.peer_address = self.peer.0;
        event.local_port.set(self.local_port);
        event.peer_port.set(self.peer_port);
        event.read_depth_in = self.given.depth_in;
        event.read_depth_out = self.given.depth_out;
        let length = details.private_data.len().min(event.private_data.len());
        event
            .private_length
            .set(u16::try_from(length).unwrap_or(u16::MAX));
        for (to, from) in event.private_data.iter_mut().zip(details.private_data) {
            *to = *from;
        }
        event
    }
}

impl Control<'_> {
    /// Writes an event about a connection, with its cookie `[CM-16]`.
    pub(super) fn tell(&mut self, handle: u32, code: EventCode, details: &Details<'_>) {
        let Some(connection) = self.plane.connections.table.get(handle) else {
            return;
        };
        let mut event = connection.event(handle, details);
        if code != EventCode::CONNECT_REQUEST {
            event.listener.set(0);
        }
        let cookie = connection.cookie;
        self.hardware
            .resources
            .post_event(self.env, code, handle, cookie, &event);
    }

    /// Takes back events about a connection that are not written yet `[EV-4]`, `[CM-14]`.
    pub(super) fn forget_events(&mut self, handle: u32) {
        for code in CODES {
            self.hardware.resources.forget_event(code, handle);
        }
    }
}
