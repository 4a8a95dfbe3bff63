//! A REQ arrives (IBTA vol. 1, 12.9.7.2, passive side).

use rnic_abi::{CounterId, EventCode, feature, limit};
use rnic_mutant::mutant;
use rnic_wire::cm::{RejectReason, Req, TransportService};
use rnic_wire::cma::{PortSpace, port_of};
use rnic_wire::{CmaHeader, Gid, MacAddr, Mtu, Psn, Qpn};

use crate::command::Control;

use super::connection::{Connection, Given, State};
use super::event::Details;
use super::message::{nanos, refusal};
use super::send::Way;

/// Who sent a message, and what a frame tells of the way back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Sender's address.
    pub source: Gid,
    /// Our address that it was sent to.
    pub destination: Gid,
    /// Ethernet address that its frame came from.
    pub mac: Option<MacAddr>,
}

impl Control<'_> {
    pub(super) fn req_received(&mut self, origin: &Origin, tid: u64, req: &Req) {
        let connections = &self.plane.connections;
        if let Some(handle) =
            connections.of_request(origin.source, req.local_comm_id, req.local_ca_guid)
        {
            self.req_repeated(handle);
            return;
        }
        match self.judge(origin, req) {
            Ok(found) => self.report_request(origin, tid, req, &found),
            Err(reason) => {
                self.hardware
                    .resources
                    .counters
                    .count(CounterId::CONNECT_REJECTED);
                self.refuse(origin, tid, req, reason);
                if reason == RejectReason::STALE_CONNECTION {
                    self.end_forgotten(origin.source, req.local_ca_guid, req.local_qpn);
                }
            }
        }
    }

    /// The peer did not hear our answer, or got none yet.
    fn req_repeated(&mut self, handle: u32) {
        let counters = &mut self.hardware.resources.counters;
        counters.count(CounterId::CM_DUPLICATES);
        let Some(c) = self.plane.connections.table.get(handle) else {
            return;
        };
        let again = match c.state {
            State::ReqReceived | State::RepSent | State::Dead(_) => c.last,
            _ => None,
        };
        if let Some(mad) = again {
            self.send_once(handle, &mad);
        }
    }

    /// `[ROCE-3]`
    fn judge(&self, origin: &Origin, req: &Req) -> Result<Found, RejectReason> {
        if req.transport_service != TransportService::Rc {
            return Err(RejectReason::INVALID_TRANSPORT_TYPE);
        }
        let (cma, private_data) =
            CmaHeader::parse(&req.private_data).map_err(|_| RejectReason::UNSUPPORTED)?;
        let (source, destination) = (cma.addresses.src(), cma.addresses.dst());
        if Gid::from(source) != origin.source || Gid::from(destination) != origin.destination {
            return Err(RejectReason::INVALID_GID);
        }
        // [CM-15]
        let now = self.env.now();
        if self
            .plane
            .connections
            .is_stale(now, req.local_ca_guid, req.local_qpn)
            && !mutant("CM-15/again")
        {
            return Err(RejectReason::STALE_CONNECTION);
        }
        let Some((PortSpace::Tcp, port)) = port_of(req.service_id) else {
            return Err(RejectReason::INVALID_SERVICE_ID);
        };
        let plane = &*self.plane;
        let no_listener = RejectReason::INVALID_SERVICE_ID;
        let address = plane
            .addresses
            .find(origin.destination)
            .ok_or(RejectReason::INVALID_GID)?;
        let endpoint = plane.endpoints.find(address, port).ok_or(no_listener)?;
        let handle = *plane
            .connections
            .by_endpoint
            .get(&endpoint)
            .ok_or(no_listener)?;
        let listener = plane.connections.listeners.get(handle).ok_or(no_listener)?;
        // [LISTEN-2]
        if listener.paused && !mutant("LISTEN-2/paused") {
            return Err(no_listener);
        }
        // [LISTEN-3]
        if listener.waiting >= listener.backlog && !mutant("LISTEN-3/backlog")
            || !plane.connections.table.has_room()
        {
            return Err(RejectReason::NO_RESOURCES);
        }
        // [CM-9]
        let port_mtu = Mtu::of_interface(self.env.port().mtu).ok_or(RejectReason::INVALID_MTU)?;
        let mtu = req
            .mtu()
            .filter(|mtu| *mtu <= port_mtu)
            .ok_or(RejectReason::INVALID_MTU)?;
        Ok(Found {
            listener: handle,
            cookie: listener.cookie,
            endpoint,
            address,
            port,
            peer_port: cma.src_port,
            mtu,
            private_data: private_data.try_into().unwrap_or([0; 56]),
        })
    }

    /// `[LISTEN-1]`
    fn report_request(&mut self, origin: &Origin, tid: u64, req: &Req, found: &Found) {
        let Some(local) = self.plane.addresses.local(found.address) else {
            return;
        };
        let peer_wait_ns = nanos(req.remote_cm_response_timeout.code());
        let now = self.env.now();
        let connections = &mut self.plane.connections;
        let connection = Connection {
            state: State::ReqReceived,
            qpn: 0,
            endpoint: found.endpoint,
            listener: found.listener,
            cookie: found.cookie,
            local,
            local_port: found.port,
            peer: origin.source,
            peer_port: found.peer_port,
            next_hop: origin.mac,
            hop_given: false,
            local_id: connections.new_id(),
            remote_id: req.local_comm_id,
            remote_guid: req.local_ca_guid,
            remote_qpn: req.local_qpn,
            given: Given {
                depth_in: within(req.initiator_depth, limit::READ_DEPTH_IN),
                depth_out: within(req.responder_resources, limit::READ_DEPTH_OUT),
                retry_count: req.retry_count,
                rnr_retry: req.rnr_retry_count,
                traffic_class: req.primary_traffic_class,
                // [ROCE-53]
                flow_control: req.end_to_end_flow_control
                    && self.hardware.resources.has(feature::FLOW_CONTROL),
            },
            mtu: found.mtu,
            flow_label: req.primary_flow_label,
            send_psn: req.starting_psn,
            recv_psn: Psn::ZERO,
            tid,
            outstanding: None,
            last: None,
            // Half the time that the peer waits, so that it hears in time.
            mra_due: Some(now.after(peer_wait_ns / 2)),
            peer_wait_ns,
            active: false,
            owes_goodbye: false,
            connected: false,
        };
        let Some(handle) = connections.insert(connection) else {
            self.refuse(origin, tid, req, RejectReason::NO_RESOURCES);
            return;
        };
        connections.remember_request(handle);
        if let Some(listener) = connections.listeners.get_mut(found.listener) {
            listener.waiting += 1;
        }
        self.plane.endpoints.hold(found.endpoint);
        self.tell(
            handle,
            EventCode::CONNECT_REQUEST,
            &Details::with(&found.private_data),
        );
    }

    fn refuse(&mut self, origin: &Origin, tid: u64, req: &Req, reason: RejectReason) {
        let Some(local) = self
            .plane
            .addresses
            .find(origin.destination)
            .and_then(|index| self.plane.addresses.local(index))
        else {
            return;
        };
        let way = Way {
            local,
            peer: origin.source,
            next_hop: origin.mac,
        };
        self.send_mad(&way, &refusal(tid, req.local_comm_id, reason));
    }
}

/// What a request asks for, found and judged.
struct Found {
    listener: u32,
    cookie: u64,
    endpoint: u32,
    address: u16,
    port: u16,
    peer_port: u16,
    mtu: Mtu,
    private_data: [u8; 56],
}

/// A depth of the peer within our limit `[CM-7]`.
pub(super) fn within(depth: u8, limit: u64) -> u8 {
    depth.min(u8::try_from(limit).unwrap_or(u8::MAX))
}

/// A queue pair number as the connection's.
pub(super) fn is_qpn(ours: u32, theirs: Qpn) -> bool {
    Qpn::new(ours) == Some(theirs)
}
