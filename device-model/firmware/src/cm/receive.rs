//! What arrives besides REQ. A message counts only when it comes from the connection's peer with the connection's
//! identifiers; everything else changes nothing `[CM-17]`.

use rnic_abi::{CounterId, EventCode, QpState, Status, limit};
use rnic_core::qp::{LocalAddress, Notice};
use rnic_mutant::mutant;
use rnic_wire::cm::{Drep, Dreq, Mra, MraOf, Rej, RejOf, RejectReason, Rep, Rtu};
use rnic_wire::{CmMad, CmMessage};

use crate::address::NextHop;
use crate::command::Control;

use super::connection::{State, status_of};
use super::event::Details;
use super::message::{drep, nanos};
use super::request::{Origin, is_qpn, within};
use super::send::Way;

impl Control<'_> {
    /// A management datagram for QP1 arrived.
    pub(crate) fn mad_received(&mut self, origin: &Origin, bytes: &[u8]) {
        let Ok(mad) = CmMad::parse(bytes) else {
            self.cm_dropped();
            return;
        };
        self.hardware.resources.counters.count(CounterId::CM_IN);
        if self.plane.addresses.find(origin.destination).is_none() {
            self.cm_dropped();
            return;
        }
        let tid = mad.header.tid;
        match &mad.message {
            CmMessage::Req(req) => self.req_received(origin, tid, req),
            CmMessage::Mra(mra) => self.mra_received(origin, mra),
            CmMessage::Rej(rej) => self.rej_received(origin, rej),
            CmMessage::Rep(rep) => self.rep_received(origin, rep),
            CmMessage::Rtu(rtu) => self.rtu_received(origin, rtu),
            CmMessage::Dreq(dreq) => self.dreq_received(origin, tid, dreq),
            CmMessage::Drep(drep) => self.drep_received(origin, drep),
            // Service resolution and alternate paths are not offered.
            _ => self.cm_dropped(),
        }
    }

    fn cm_dropped(&mut self) {
        self.hardware
            .resources
            .counters
            .count(CounterId::CM_DROPPED);
    }

    fn cm_duplicate(&mut self) {
        self.hardware
            .resources
            .counters
            .count(CounterId::CM_DUPLICATES);
    }

    fn state_of(&self, handle: u32) -> Option<State> {
        self.plane.connections.table.get(handle).map(|c| c.state)
    }

    /// The peer has our message and needs time: it is not sent again before that has passed.
    fn mra_received(&mut self, origin: &Origin, mra: &Mra) {
        let now = self.env.now();
        let connections = &mut self.plane.connections;
        let found = connections.of_message(origin.source, mra.remote_comm_id, mra.local_comm_id);
        let Some(c) = found.and_then(|handle| connections.table.get_mut(handle)) else {
            self.cm_dropped();
            return;
        };
        let ours = match c.state {
            State::ReqSent => MraOf::Req,
            State::RepSent => MraOf::Rep,
            _ => return,
        };
        if mra.message == ours
            && let Some(outstanding) = &mut c.outstanding
        {
            let wait = nanos(mra.service_timeout.code()).saturating_add(outstanding.wait_ns);
            outstanding.due = now.after(wait);
        }
    }

    fn rep_received(&mut self, origin: &Origin, rep: &Rep) {
        let connections = &self.plane.connections;
        let found = connections.of_message(origin.source, rep.remote_comm_id, rep.local_comm_id);
        let Some(handle) = found else {
            self.cm_dropped();
            return;
        };
        match self.state_of(handle) {
            Some(State::ReqSent) => self.accepted_by_peer(handle, origin, rep),
            // The peer did not hear our RTU, or our MRA.
            Some(State::Established | State::RepReceived) => {
                self.cm_duplicate();
                let last = self
                    .plane
                    .connections
                    .table
                    .get(handle)
                    .and_then(|c| c.last);
                if let Some(mad) = last {
                    self.send_once(handle, &mad);
                }
            }
            _ => self.cm_dropped(),
        }
    }

    /// `[CM-2]`
    fn accepted_by_peer(&mut self, handle: u32, origin: &Origin, rep: &Rep) {
        let now = self.env.now();
        let (guid, qpn) = (rep.local_ca_guid, rep.local_qpn);
        let connections = &mut self.plane.connections;
        let forgotten = connections.forgotten(origin.source, guid, qpn).is_some();
        let Some(c) = connections.table.get_mut(handle) else {
            return;
        };
        c.outstanding = None;
        c.remote_id = rep.local_comm_id;
        // [CM-21]
        if forgotten {
            self.reject_peer(handle, RejOf::Rep, RejectReason::STALE_CONNECTION, [0; 148]);
            self.fail(handle, Status::ABORTED, rnic_abi::RejectReason::NONE, &[]);
            self.end_forgotten(origin.source, guid, qpn);
            return;
        }
        c.remote_guid = rep.local_ca_guid;
        c.remote_qpn = rep.local_qpn;
        c.send_psn = rep.starting_psn;
        // [CM-7]
        c.given.depth_in = c
            .given
            .depth_in
            .min(within(rep.initiator_depth, limit::READ_DEPTH_IN));
        c.given.depth_out = c
            .given
            .depth_out
            .min(within(rep.responder_resources, limit::READ_DEPTH_OUT));
        c.given.rnr_retry = rep.rnr_retry_count;
        // [ROCE-53]
        c.given.flow_control &= rep.end_to_end_flow_control || mutant("ROCE-53/one");
        c.next_hop = c.next_hop.or(origin.mac);
        c.peer_wait_ns = nanos(super::message::RESPONSE_TIMEOUT);
        c.mra_due = Some(now.after(c.peer_wait_ns / 2));
        if !self.set_up_queue_pair(handle, QpState::RTR) {
            // The driver moved the queue pair to ERROR meanwhile.
            self.reject_peer(handle, RejOf::Rep, RejectReason::NO_QP, [0; 148]);
            self.fail(handle, Status::ABORTED, rnic_abi::RejectReason::NONE, &[]);
            return;
        }
        if let Some(c) = self.plane.connections.table.get_mut(handle) {
            c.state = State::RepReceived;
        }
        self.tell(
            handle,
            EventCode::CONNECT_REPLY,
            &Details::with(&rep.private_data),
        );
    }

    fn rtu_received(&mut self, origin: &Origin, rtu: &Rtu) {
        let connections = &self.plane.connections;
        let found = connections.of_message(origin.source, rtu.remote_comm_id, rtu.local_comm_id);
        match found.and_then(|handle| Some((handle, self.state_of(handle)?))) {
            Some((handle, State::RepSent)) => self.confirmed_by_peer(handle),
            Some((_, State::Established)) => self.cm_duplicate(),
            _ => self.cm_dropped(),
        }
    }

    /// The peer completed the connection, by RTU or by sending on it `[CM-3]`.
    fn confirmed_by_peer(&mut self, handle: u32) {
        if let Some(c) = self.plane.connections.table.get_mut(handle) {
            c.outstanding = None;
            c.state = State::Established;
        }
        self.count_established(handle, CounterId::CONNECTIONS_ACCEPTED);
        self.tell(handle, EventCode::ESTABLISHED, &Details::default());
    }

    fn rej_received(&mut self, origin: &Origin, rej: &Rej) {
        let connections = &self.plane.connections;
        let found = connections.of_message(origin.source, rej.remote_comm_id, rej.local_comm_id);
        let Some((handle, state)) = found.and_then(|handle| Some((handle, self.state_of(handle)?)))
        else {
            self.cm_dropped();
            return;
        };
        let status = status_of(rej.reason);
        let reason = rnic_abi::RejectReason(rej.reason.0);
        match state {
            State::ReqSent | State::RepSent => {
                self.fail(handle, status, reason, &rej.private_data);
            }
            // The peer gave up while the consumer thought.
            State::ReqReceived => self.peer_gave_up(handle),
            State::RepReceived | State::Established => self.lost(handle, Status::ABORTED),
            State::DreqSent | State::PeerGone | State::Draining(_) | State::Dead(_) => (),
        }
    }

    fn dreq_received(&mut self, origin: &Origin, tid: u64, dreq: &Dreq) {
        let connections = &self.plane.connections;
        let found = connections.of_message(origin.source, dreq.remote_comm_id, dreq.local_comm_id);
        let Some(handle) = found else {
            // It ended here before the peer heard so, perhaps by a reset: answer, or the peer waits in vain [CM-19].
            if !connections.knows(dreq.remote_comm_id)
                && let Some(local) = self
                    .plane
                    .addresses
                    .find(origin.destination)
                    .and_then(|index| self.plane.addresses.local(index))
            {
                let way = Way {
                    local,
                    peer: origin.source,
                    next_hop: origin.mac,
                };
                self.cm_duplicate();
                self.send_mad(&way, &drep(tid, dreq));
            } else {
                self.cm_dropped();
            }
            return;
        };
        let Some(c) = self.plane.connections.table.get(handle) else {
            return;
        };
        if !is_qpn(c.qpn, dreq.remote_qpn) {
            self.cm_dropped();
            return;
        }
        let state = c.state;
        self.send_once(handle, &drep(tid, dreq));
        match state {
            State::Established | State::RepReceived => self.lost(handle, Status::OK),
            // The RTU was lost and the connection ended already.
            State::RepSent => {
                self.confirmed_by_peer(handle);
                self.lost(handle, Status::OK);
            }
            // Both sides disconnect at once.
            State::DreqSent => self.drain(handle),
            State::PeerGone | State::Draining(_) | State::Dead(_) => self.cm_duplicate(),
            State::ReqSent | State::ReqReceived => (),
        }
    }

    fn drep_received(&mut self, origin: &Origin, drep: &Drep) {
        let connections = &self.plane.connections;
        let found = connections.of_message(origin.source, drep.remote_comm_id, drep.local_comm_id);
        match found.and_then(|handle| Some((handle, self.state_of(handle)?))) {
            Some((handle, State::DreqSent)) => self.drain(handle),
            Some((handle, State::PeerGone)) => self.goodbye_heard(handle),
            Some(_) => self.cm_duplicate(),
            None => self.cm_dropped(),
        }
    }

    /// The peer that had forgotten the connection `[CM-21]` need not be told again.
    fn goodbye_heard(&mut self, handle: u32) {
        let connection = self.plane.connections.table.get_mut(handle);
        if connection.and_then(|c| c.outstanding.take()).is_none() {
            self.cm_duplicate();
        }
    }

    /// A queue pair has something to say.
    pub(crate) fn queue_pair_says(&mut self, notice: Notice) {
        match notice {
            Notice::FirstPacket { connection, .. } => {
                if self.state_of(connection) == Some(State::RepSent) {
                    self.confirmed_by_peer(connection);
                }
            }
            Notice::Failed { connection, .. } => {
                let stands = matches!(
                    self.state_of(connection),
                    Some(State::RepSent | State::RepReceived | State::Established)
                );
                if stands {
                    // The peer is told when the consumer disconnects, not now: an answer that tells it more, a NAK, may
                    // be on the way and must not find the queue pair quiesced.
                    if let Some(c) = self.plane.connections.table.get_mut(connection) {
                        c.owes_goodbye = true;
                    }
                    self.lost(connection, Status::ABORTED);
                }
            }
            Notice::NextHopWanted { local, peer } => {
                let found = self.next_hop(&local, peer);
                let qps = &mut self.hardware.qps;
                let is_of_it = |from: &LocalAddress, to| *from == local && to == peer;
                match found {
                    NextHop::Known(mac) => {
                        qps.next_hop_found(mac, is_of_it);
                        qps.datagram_hop_told(Some(mac), is_of_it);
                    }
                    NextHop::NoRoute => qps.datagram_hop_told(None, is_of_it),
                    NextHop::Asked => {}
                }
            }
        }
    }
}
