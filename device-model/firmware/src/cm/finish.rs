//! Set-up of the queue pair of a connection, and how connections end.

use rnic_abi::{CounterId, EventCode, FlushFlags, QpState, Status};
use rnic_core::qp::{Attributes, PathAttributes, Retry};
use rnic_mutant::mutant;
use rnic_wire::cm::{RejOf, RejectReason};
use rnic_wire::udp::source_port_of_flow_label;
use rnic_wire::{Gid, Qpn};

use crate::command::Control;

use super::connection::State;
use super::event::{Details, FAILED};
use super::message::{ACK_TIMEOUT, timeout};

impl Control<'_> {
    /// Gives the queue pair what the connection agreed on and moves it on; false when it cannot go there.
    pub(crate) fn set_up_queue_pair(&mut self, handle: u32, to: QpState) -> bool {
        let Some(c) = self.plane.connections.table.get_mut(handle) else {
            return false;
        };
        let path = PathAttributes {
            peer: c.peer,
            peer_qpn: c.remote_qpn,
            local: c.local,
            loopback: false,
            source_port: source_port_of_flow_label(c.flow_label),
            mtu: c.mtu,
            traffic_class: c.given.traffic_class,
            hop_limit: 0,
            flow_label: c.flow_label,
        };
        let path = PathAttributes {
            loopback: self.plane.addresses.find(c.peer).is_some(),
            ..path
        };
        let (given, next_hop) = (c.given, c.next_hop);
        let (send_psn, recv_psn, qpn) = (c.send_psn, c.recv_psn, c.qpn);
        c.connected = true;
        let hardware = &mut *self.hardware;
        hardware.qps.set_attributes(qpn, |attributes| {
            attributes.path = Some(path);
            attributes.next_hop = next_hop;
            attributes.send_psn = Some(send_psn);
            attributes.recv_psn = Some(recv_psn);
            attributes.read_depth_in = given.depth_in;
            attributes.read_depth_out = given.depth_out;
            attributes.retry = Some(Retry {
                count: given.retry_count,
                rnr: given.rnr_retry,
                timeout: timeout(ACK_TIMEOUT),
            });
            attributes.flow_control = given.flow_control;
            // [QP-34]
            attributes.access = Attributes::ALL_ACCESS;
        }) && hardware
            .qps
            .change(self.env, &mut hardware.resources, qpn, to)
            .is_ok()
    }

    /// `[CM-18]`
    pub(crate) fn count_established(&mut self, handle: u32, by: CounterId) {
        if let Some(c) = self.plane.connections.table.get_mut(handle)
            && !std::mem::replace(&mut c.active, true)
        {
            let counters = &mut self.hardware.resources.counters;
            counters.count(by);
            counters.count(CounterId::CONNECTIONS_ACTIVE);
        }
    }

    fn count_ended(&mut self, handle: u32) {
        if let Some(c) = self.plane.connections.table.get_mut(handle)
            && std::mem::take(&mut c.active)
        {
            let counters = &mut self.hardware.resources.counters;
            counters.subtract(
                CounterId::CONNECTIONS_ACTIVE,
                u64::from(!mutant("CM-18/active")),
            );
        }
    }

    /// Sends REJ once and remembers it for a peer that repeats itself.
    pub(crate) fn reject_peer(
        &mut self,
        handle: u32,
        message: RejOf,
        reason: RejectReason,
        private_data: [u8; 148],
    ) {
        let Some(c) = self.plane.connections.table.get_mut(handle) else {
            return;
        };
        let mad = c.rej(message, reason, private_data);
        c.last = Some(mad);
        self.send_once(handle, &mad);
    }

    /// CONNECT or ACCEPT came to nothing `[CM-5]`.
    pub(super) fn fail(
        &mut self,
        handle: u32,
        status: Status,
        reason: rnic_abi::RejectReason,
        private_data: &[u8],
    ) {
        let counters = &mut self.hardware.resources.counters;
        counters.count(CounterId::CONNECT_FAILURES);
        self.tell(
            handle,
            FAILED,
            &Details {
                status,
                reason,
                private_data,
            },
        );
        self.bury(handle, status);
    }

    /// Nothing more happens with it; its queue pair is free `[CM-5]`, or quiesced.
    pub(crate) fn bury(&mut self, handle: u32, status: Status) {
        self.count_ended(handle);
        let Some(c) = self.plane.connections.table.get_mut(handle) else {
            return;
        };
        c.state = State::Dead(status);
        c.outstanding = None;
        c.mra_due = None;
        let (qpn, connected) = (std::mem::take(&mut c.qpn), c.connected);
        if qpn == 0 {
            return;
        }
        if connected {
            self.quiesce(qpn);
        }
        if !mutant("CM-5/kept") {
            self.hardware.qps.set_connection(qpn, 0);
        }
    }

    fn quiesce(&mut self, qpn: u32) {
        let hardware = &mut *self.hardware;
        // In ERROR or QUIESCED it is quiet already.
        let _already_quiet = hardware
            .qps
            .quiesce(self.env, &mut hardware.resources, qpn)
            .is_err();
    }

    /// The active side gave up while our consumer thought.
    pub(super) fn peer_gave_up(&mut self, handle: u32) {
        if let Some(c) = self.plane.connections.table.get(handle) {
            let listener = c.listener;
            self.plane.connections.answered(listener);
        }
        self.bury(handle, Status::ABORTED);
    }

    /// The peer disconnected, or the connection is lost `[CM-13]`.
    pub(super) fn lost(&mut self, handle: u32, status: Status) {
        if status != Status::OK {
            let counters = &mut self.hardware.resources.counters;
            counters.count(CounterId::CONNECTION_ERRORS);
        }
        self.count_ended(handle);
        let Some(c) = self.plane.connections.table.get_mut(handle) else {
            return;
        };
        c.state = State::PeerGone;
        c.outstanding = None;
        c.mra_due = None;
        let qpn = c.qpn;
        if !mutant("CM-13/runs") {
            self.quiesce(qpn);
        }
        self.tell(
            handle,
            EventCode::PEER_DISCONNECTED,
            &Details::failed(status),
        );
    }

    /// DISCONNECT: the exchange of messages is over, or there is none `[CM-12]`.
    pub(crate) fn drain(&mut self, handle: u32) {
        self.settle_goodbye(handle);
        self.count_ended(handle);
        if let Some(c) = self.plane.connections.table.get_mut(handle) {
            c.outstanding = None;
            c.state = State::Draining(None);
            self.plane.connections.draining.insert(handle);
        }
    }

    /// Goes on with connections that wait for DMA to end or for a flush.
    pub(crate) fn poll_draining(&mut self) {
        let waiting: Vec<u32> = self.plane.connections.draining.iter().copied().collect();
        for handle in waiting {
            self.drain_on(handle);
        }
    }

    fn drain_on(&mut self, handle: u32) {
        let Some(c) = self.plane.connections.table.get_mut(handle) else {
            self.plane.connections.draining.remove(&handle);
            return;
        };
        let State::Draining(ticket) = c.state else {
            self.plane.connections.draining.remove(&handle);
            return;
        };
        let qpn = c.qpn;
        let hardware = &mut *self.hardware;
        match ticket {
            None if hardware.qps.is_dma_idle(qpn) => {
                let both = FlushFlags::SEND | FlushFlags::RECEIVE;
                let ticket = hardware
                    .qps
                    .flush(self.env, &mut hardware.resources, qpn, both);
                match ticket {
                    Some(_) => c.state = State::Draining(ticket),
                    None => self.disconnected(handle),
                }
            }
            Some(ticket) if hardware.qps.flush_result(qpn, ticket).is_some() => {
                self.disconnected(handle);
            }
            _ => (),
        }
    }

    fn disconnected(&mut self, handle: u32) {
        self.plane.connections.draining.remove(&handle);
        self.tell(handle, EventCode::DISCONNECTED, &Details::default());
        self.bury(handle, Status::OK);
    }

    /// Quiesces the queue pair and tells the peer `[CM-12]`.
    pub(crate) fn disconnect(&mut self, handle: u32, abortive: bool) {
        let tid = self.plane.connections.random();
        let Some(c) = self.plane.connections.table.get_mut(handle) else {
            return;
        };
        let (qpn, dreq) = (c.qpn, c.dreq(tid));
        c.mra_due = None;
        c.state = State::DreqSent;
        if !mutant("CM-12/runs") {
            self.quiesce(qpn);
        }
        if abortive {
            self.send_once(handle, &dreq);
            self.drain(handle);
        } else {
            self.send_until_answered(handle, dreq);
        }
    }

    /// Tells the peer of the end without waiting for an answer.
    pub(super) fn say_goodbye(&mut self, handle: u32) {
        if let Some(c) = self.plane.connections.table.get_mut(handle) {
            c.owes_goodbye = false;
        }
        let tid = self.plane.connections.random();
        if let Some(dreq) = self
            .plane
            .connections
            .table
            .get(handle)
            .map(|c| c.dreq(tid))
        {
            self.send_once(handle, &dreq);
        }
    }

    /// Ends the connection that a peer has forgotten, and says so until it answers `[CM-21]` (IBTA vol. 1, 12.9.8.3).
    pub(super) fn end_forgotten(&mut self, peer: Gid, guid: u64, qpn: Qpn) {
        let Some(handle) = self.plane.connections.forgotten(peer, guid, qpn) else {
            return;
        };
        if mutant("CM-21/stands") {
            return;
        }
        self.lost(handle, Status::ABORTED);
        let tid = self.plane.connections.random();
        let connection = self.plane.connections.table.get(handle);
        if let Some(dreq) = connection.map(|c| c.dreq(tid)) {
            self.send_until_answered(handle, dreq);
        }
    }

    /// Tells a peer that does not know of the end.
    fn settle_goodbye(&mut self, handle: u32) {
        if self
            .plane
            .connections
            .table
            .get(handle)
            .is_some_and(|c| c.owes_goodbye)
        {
            self.say_goodbye(handle);
        }
    }

    /// Forgets a connection in whatever state it is `[CM-14]`; false when there is none.
    pub(crate) fn release_connection(&mut self, handle: u32) -> bool {
        let Some(c) = self.plane.connections.table.get(handle) else {
            return false;
        };
        let (state, listener) = (c.state, c.listener);
        let nothing = [0; 148];
        match state {
            State::ReqReceived => {
                self.plane.connections.answered(listener);
                self.reject_peer(handle, RejOf::Req, RejectReason::CONSUMER_DEFINED, nothing);
            }
            State::ReqSent => {
                self.reject_peer(handle, RejOf::NoMessage, RejectReason::TIMEOUT, nothing);
            }
            State::RepSent => {
                self.reject_peer(
                    handle,
                    RejOf::NoMessage,
                    RejectReason::CONSUMER_DEFINED,
                    nothing,
                );
            }
            State::RepReceived => {
                self.reject_peer(handle, RejOf::Rep, RejectReason::CONSUMER_DEFINED, nothing);
            }
            State::Established => self.say_goodbye(handle),
            State::PeerGone => self.settle_goodbye(handle),
            State::DreqSent | State::Draining(_) | State::Dead(_) => (),
        }
        self.bury(handle, Status::CANCELLED);
        self.forget_events(handle);
        let now = self.env.now();
        if let Some(c) = self.plane.connections.remove(now, handle)
            && !mutant("CM-14/endpoint")
        {
            self.plane.endpoints.drop_reference(c.endpoint);
        }
        true
    }
}
