//! All queue pairs of a device: what arrives for them, whose turn it is, timers.
//!
//! A queue pair that has something to do stands in one list once; a run gives each its turn, so
//! that none starves and idle ones cost nothing. Timers are kept lazily: a deadline that moves
//! later leaves its place, and is looked at when that place is due.

use std::collections::{BTreeSet, VecDeque};

use rnic_abi::{CounterId, FlushFlags, ProviderError, QpState, QpType, feature, limit};
use rnic_mutant::mutant;
use rnic_transport::dcqcn::RateLimiter;
use rnic_transport::packet::{Segment as Packet, segment_of};
use rnic_transport::ud::DatagramHeader;
use rnic_transport::{Ending, RequestHeader, RequestOperation};
use rnic_wire::{Class, Ecn, Frame, Gid, MAX_FRAME_LEN, MacAddr, Opcode, PKey, Position};

use super::complete::{Flush, FlushResult, Ticket};
use super::counting::count_in;
use super::datagram::grh;
use super::hops::Hops;
use super::state::LocalAddress;
use super::{Cx, LOOK_AGAIN, Qp, Receives, Work, transport_time};
use crate::env::{Budget, Env, Nanos, Progress};
use crate::object::Table;
use crate::payload::Source;
use crate::resources::Resources;
use crate::segment::{Body, Segment};
use crate::wqe::MAX_ENTRY;

/// What a queue pair may do in one turn.
const TURN: Budget = Budget {
    bytes: 256 * 1024,
    ops: 64,
};
/// QP1 is the first number that is not given out.
const FIRST_QPN: u32 = 2;
/// Others created before a number is given out again `[QP-10]`.
const DISTANCE: u64 = 64;
/// Addresses remembered whose next hop is wanted.
const MAX_WANTED: usize = 64;

/// Narrows a limit of the specification, which fits.
#[allow(clippy::cast_possible_truncation, reason = "asserted")]
const fn narrow(limit: u64) -> u32 {
    assert!(limit <= u32::MAX as u64);
    limit as u32
}

/// What the control plane should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The first request of the peer arrived.
    FirstPacket {
        /// Queue pair.
        qpn: u32,
        /// Connection that owns it, or 0.
        connection: u32,
    },
    /// A queue pair went to ERROR or QUIESCED by itself.
    Failed {
        /// Queue pair.
        qpn: u32,
        /// Connection that owns it, or 0.
        connection: u32,
        /// State now.
        state: QpState,
        /// Cause.
        error: ProviderError,
    },
    /// Frames to this address are lost until [`Qps::next_hop_found`].
    NextHopWanted {
        /// Ours.
        local: LocalAddress,
        /// Peer.
        peer: Gid,
    },
}

/// What is around the queue pairs.
#[derive(Debug)]
pub(crate) struct Side {
    pub ready: VecDeque<u32>,
    pub loopback: VecDeque<Box<Segment>>,
    pub notices: VecDeque<Notice>,
    /// Where frames are made.
    pub frame: Box<[u8; MAX_FRAME_LEN]>,
    /// Where entries are copied to.
    pub entry: Box<[u8; MAX_ENTRY]>,
    /// Where datagrams go first.
    pub hops: Hops,
    /// Addresses of this device.
    own: Vec<Gid>,
    timers: BTreeSet<(Nanos, u32)>,
    tickets: u64,
}

impl Side {
    /// Whether this device answers at an address.
    pub fn is_own(&self, gid: Gid) -> bool {
        self.own.contains(&gid)
    }

    /// A frame was not sent for want of an Ethernet address.
    pub fn wants_next_hop(&mut self, local: LocalAddress, peer: Gid) {
        let notice = Notice::NextHopWanted { local, peer };
        if self.notices.len() < MAX_WANTED && !self.notices.contains(&notice) {
            self.notices.push_back(notice);
        }
    }
}

/// The queue pairs of a device.
#[derive(Debug)]
pub struct Qps {
    pub(super) table: Table<Qp>,
    pub(super) side: Side,
}

impl Default for Qps {
    fn default() -> Self {
        Self::new()
    }
}

impl Qps {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            table: Table::new(const { narrow(limit::QPS) }, FIRST_QPN, DISTANCE),
            side: Side {
                ready: VecDeque::new(),
                loopback: VecDeque::new(),
                notices: VecDeque::new(),
                frame: Box::new([0; MAX_FRAME_LEN]),
                entry: Box::new([0; MAX_ENTRY]),
                hops: Hops::default(),
                own: Vec::new(),
                timers: BTreeSet::new(),
                tickets: 0,
            },
        }
    }

    /// Forgets every queue pair. Segments that were sent are the grace period's concern.
    pub fn reset(&mut self) {
        self.table.clear();
        self.side.ready.clear();
        self.side.loopback.clear();
        self.side.notices.clear();
        self.side.hops.clear();
        self.side.own.clear();
        self.side.timers.clear();
    }

    /// Whether there is a notice.
    #[must_use]
    pub fn has_notices(&self) -> bool {
        !self.side.notices.is_empty()
    }

    /// Queue pairs there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The next thing that the control plane should know.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.side.notices.pop_front()
    }

    /// Runs `act` on a queue pair, if there is one.
    pub(super) fn with<R>(
        &mut self,
        env: &mut dyn Env,
        res: &mut Resources,
        qpn: u32,
        act: impl FnOnce(&mut Qp, &mut Cx<'_>) -> R,
    ) -> Option<R> {
        let qp = self.table.get_mut(qpn).filter(|qp| !qp.dying)?;
        let mut cx = Cx {
            env,
            res,
            side: &mut self.side,
        };
        Some(act(qp, &mut cx))
    }

    /// The send queue's doorbell was rung `[DB-6]`.
    pub fn send_doorbell(&mut self, env: &mut dyn Env, res: &mut Resources, qpn: u32, value: u64) {
        self.with(env, res, qpn, |qp, cx| qp.send_doorbell(cx, value));
    }

    /// The receive queue's doorbell was rung `[DB-6]`.
    pub fn receive_doorbell(
        &mut self,
        env: &mut dyn Env,
        res: &mut Resources,
        qpn: u32,
        value: u64,
    ) {
        self.with(env, res, qpn, |qp, cx| qp.receive_doorbell(cx, value));
    }

    /// A segment of a neighbour arrived. Management datagrams are the control plane's.
    pub fn segment_received(&mut self, env: &mut dyn Env, res: &mut Resources, segment: &Segment) {
        let found = self.with(env, res, segment.destination_qpn.get(), |qp, cx| {
            if let Body::Datagram {
                header,
                below,
                grh,
                payload,
            } = &segment.body
            {
                count_in(cx, header.traffic(*below));
                qp.on_datagram(cx, header, grh, payload.source());
                return;
            }
            // [ROCE-26] Frames of another service would not be heard either.
            let other =
                matches!(&segment.body, Body::Request { service, .. } if *service != qp.service);
            let Some(link) = qp.link.as_mut().filter(|_| !other) else {
                cx.res.counters.count(CounterId::DROPPED_NO_QP);
                return;
            };
            if !link.path.is_of(segment.source_gid, segment.destination_gid) {
                cx.res.counters.count(CounterId::DROPPED_ADDRESS);
                return;
            }
            match &segment.body {
                Body::Request {
                    header, payload, ..
                } => qp.on_request(cx, header, payload.source()),
                Body::Response { header, payload } => qp.on_response(cx, header, payload.source()),
                Body::SourceLost { psn, error } => qp.on_source_lost(cx, *psn, *error),
                Body::Cm(_) | Body::Datagram { .. } => {}
            }
        });
        if found.is_none() {
            res.counters.count(CounterId::DROPPED_NO_QP);
        }
    }

    /// A RoCE frame for this port arrived, headers and checksums judged. Those to QP1 are the
    /// control plane's.
    pub fn frame_received(&mut self, env: &mut dyn Env, res: &mut Resources, frame: &Frame<'_>) {
        let (ip, bth) = (&frame.envelope.ip, &frame.packet.bth);
        if ip.ecn() == Ecn::Ce {
            res.counters.count(CounterId::ECN_MARKED_IN);
        }
        if bth.opcode == Opcode::Cnp {
            self.slow_down(env, res, frame);
            return;
        }
        // [ROCE-25]
        if !PKey::DEFAULT.matches(bth.pkey) && !mutant("ROCE-25/any") {
            res.counters.count(CounterId::DROPPED_KEY);
            return;
        }
        let packet = match bth.opcode.class() {
            Class::Rc | Class::Uc => segment_of(&frame.packet),
            Class::Ud => return self.datagram_received(env, res, frame),
            Class::Cnp => None,
        };
        let service = match bth.opcode.class() {
            Class::Uc => QpType::UC,
            Class::Rc | Class::Ud | Class::Cnp => QpType::RC,
        };
        let Some(packet) = packet else {
            res.counters.count(CounterId::DROPPED_NO_QP);
            return;
        };
        let found = self.with(env, res, bth.dest_qpn.get(), |qp, cx| {
            let same = qp.service == service;
            let Some(link) = qp.link.as_mut().filter(|_| same) else {
                cx.res.counters.count(CounterId::DROPPED_NO_QP);
                return;
            };
            if !link.path.is_of(ip.src_gid(), ip.dst_gid()) && !mutant("ROCE-26/address") {
                cx.res.counters.count(CounterId::DROPPED_ADDRESS);
                return;
            }
            link.path.learn_next_hop(frame.envelope.eth.src);
            let now = transport_time(cx.env.now());
            // [ROCE-71]
            if ip.ecn() == Ecn::Ce
                && cx.res.has(feature::CONGESTION_CONTROL)
                && link.notifier.is_due(now)
            {
                link.path.notify_congestion(cx);
            }
            let data = Source::Bytes(frame.packet.payload);
            match packet {
                Packet::Request(header) => qp.on_request(cx, &header, data),
                Packet::Response(header) => qp.on_response(cx, &header, data),
                Packet::Unsupported => {
                    // A header that no rule allows: refused in its place in the sequence [ROCE-28].
                    let header = RequestHeader {
                        psn: bth.psn,
                        packets: 0,
                        position: Position::Only,
                        length: 0,
                        ack_request: true,
                        solicited: false,
                        operation: RequestOperation::Send {
                            ending: Ending::Plain,
                        },
                    };
                    qp.on_request(cx, &header, data);
                }
            }
        });
        if found.is_none() {
            res.counters.count(CounterId::DROPPED_NO_QP);
        }
    }

    /// A datagram arrived as a frame.
    fn datagram_received(&mut self, env: &mut dyn Env, res: &mut Resources, frame: &Frame<'_>) {
        let bth = &frame.packet.bth;
        let found = DatagramHeader::of(&frame.packet).and_then(|header| {
            self.with(env, res, bth.dest_qpn.get(), |qp, cx| {
                let below = u32::try_from(frame.envelope.wire_len()).unwrap_or(0);
                count_in(cx, header.traffic(below));
                let grh = grh(&frame.envelope.ip, header.wire_len());
                qp.on_datagram(cx, &header, &grh, Source::Bytes(frame.packet.payload));
            })
        });
        if found.is_none() {
            res.counters.count(CounterId::DROPPED_NO_QP);
        }
    }

    /// A congestion notification arrived `[ROCE-72]`.
    fn slow_down(&mut self, env: &mut dyn Env, res: &mut Resources, frame: &Frame<'_>) {
        let (ip, bth) = (&frame.envelope.ip, &frame.packet.bth);
        let qpn = bth.dest_qpn.get();
        let found = self.with(env, res, qpn, |qp, cx| {
            let Some(link) = qp.link.as_mut() else {
                return CounterId::DROPPED_NO_QP;
            };
            if !link.path.is_of(ip.src_gid(), ip.dst_gid()) {
                return CounterId::DROPPED_ADDRESS;
            }
            if cx.res.has(feature::CONGESTION_CONTROL) {
                let now = transport_time(cx.env.now());
                let line = u64::from(cx.env.port().speed_mbps).saturating_mul(1_000_000);
                match &mut link.limiter {
                    Some(limiter) => limiter.congested(now),
                    none @ None => *none = Some(RateLimiter::new(now, line)),
                }
            }
            CounterId::CNP_IN
        });
        res.counters
            .count(found.unwrap_or(CounterId::DROPPED_NO_QP));
    }

    /// Does bounded work.
    pub fn run(&mut self, env: &mut dyn Env, res: &mut Resources, budget: &mut Budget) -> Progress {
        while let Some(cqn) = res.next_failed_cq() {
            self.completion_queue_failed(env, res, cqn);
        }
        self.run_timers(env, res);
        // Those that come while these are handled wait for the next run.
        for _ in 0..self.side.loopback.len() {
            if !budget.take_op() {
                break;
            }
            if let Some(segment) = self.side.loopback.pop_front() {
                budget.take_bytes(segment.body.length());
                self.segment_received(env, res, &segment);
            }
        }
        // One turn for each; another, behind the others, for those that had more to send than fits
        // one, as long as the budget lasts.
        let mut turns = self.side.ready.len();
        while turns > 0 && !budget.is_spent() {
            turns -= 1;
            let Some(qpn) = self.side.ready.pop_front() else {
                break;
            };
            let turn = Budget {
                bytes: budget.bytes.min(TURN.bytes),
                ops: budget.ops.min(TURN.ops),
            };
            let mut left = turn;
            // A queue pair that is gone left its number behind.
            self.with(env, res, qpn, |qp, cx| {
                qp.queued = false;
                if qp.run(cx, &mut left) {
                    qp.wake(cx.side);
                }
                qp.schedule(cx.side);
            });
            turns += usize::from(left.bytes == 0);
            budget.take_bytes(turn.bytes - left.bytes);
            budget.ops = budget.ops.saturating_sub((turn.ops - left.ops).max(1));
        }
        if self.side.ready.is_empty() && self.side.loopback.is_empty() {
            Progress::Idle
        } else {
            Progress::Busy
        }
    }

    fn run_timers(&mut self, env: &mut dyn Env, res: &mut Resources) {
        let now = env.now();
        while let Some(&(due, qpn)) = self.side.timers.first() {
            if due > now {
                break;
            }
            self.side.timers.pop_first();
            self.with(env, res, qpn, |qp, cx| {
                qp.timer = None;
                qp.on_timer(cx);
                qp.schedule(cx.side);
            });
        }
    }

    /// When there is something to do by time alone.
    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        self.side.timers.first().map(|(due, _)| *due)
    }

    /// Whether there is work that needs no doorbell, segment, frame or timer.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.side.ready.is_empty() || !self.side.loopback.is_empty()
    }

    /// `[QP-43]`
    fn completion_queue_failed(&mut self, env: &mut dyn Env, res: &mut Resources, cqn: u32) {
        let attached: Vec<u32> = self
            .table
            .iter()
            .filter(|(_, qp)| (qp.send_cqn == cqn || qp.recv_cqn == cqn) && !mutant("QP-43/alive"))
            .map(|(qpn, _)| qpn)
            .collect();
        for qpn in attached {
            self.with(env, res, qpn, |qp, cx| {
                qp.enter_error(cx, ProviderError::QUEUE_FLUSHED);
            });
        }
    }

    /// Begins to flush queues of a queue pair up to the producer indices of this moment
    /// `[QP-41]`, `[QP-42]`; none when there is no such queue pair.
    pub fn flush(
        &mut self,
        env: &mut dyn Env,
        res: &mut Resources,
        qpn: u32,
        flags: FlushFlags,
    ) -> Option<Ticket> {
        self.with(env, res, qpn, |qp, cx| qp.begin_flush(cx, flags))
    }

    /// How far a flush went, once it is done. A queue pair that is gone has flushed nothing.
    pub fn flush_result(&mut self, qpn: u32, ticket: Ticket) -> Option<FlushResult> {
        let Some(qp) = self.table.get_mut(qpn) else {
            return Some(FlushResult::default());
        };
        let Some(at) = qp.flushes.iter().position(|f| f.ticket == ticket) else {
            return Some(FlushResult::default());
        };
        if !qp.flushes.get(at)?.done {
            return None;
        }
        let flush = qp.flushes.remove(at)?;
        Some(FlushResult {
            send: flush.send.unwrap_or(0),
            receive: flush.receive.unwrap_or(0),
        })
    }

    /// Whether no DMA for the queue pair is in flight; true when there is none.
    #[must_use]
    pub fn is_dma_idle(&self, qpn: u32) -> bool {
        self.table.get(qpn).is_none_or(Qp::is_dma_idle)
    }

    /// Gives every queue pair whose way (our address, the peer's) `is_of_it` says so the Ethernet address of its next
    /// hop; a next hop that the driver or a connection gave stays.
    pub fn next_hop_found(&mut self, mac: MacAddr, is_of_it: impl Fn(&LocalAddress, Gid) -> bool) {
        for (_, qp) in self.table.iter_mut() {
            if let Some(link) = qp.link.as_mut()
                && is_of_it(&link.path.attributes.local, link.path.attributes.peer)
            {
                link.path.find_next_hop(mac);
            }
        }
    }

    /// The same for the datagrams of every queue pair; none when nobody answers `[UD-7]`.
    pub fn datagram_hop_told(
        &mut self,
        mac: Option<MacAddr>,
        is_of_it: impl Fn(&LocalAddress, Gid) -> bool,
    ) {
        self.side.hops.told(mac, is_of_it);
        for qpn in self.side.hops.take_waiting() {
            if let Some(qp) = self.table.get_mut(qpn).filter(|qp| !qp.dying) {
                qp.wake(&mut self.side);
            }
        }
    }

    /// Addresses at which this device answers, from now on.
    pub fn set_own_addresses(&mut self, own: Vec<Gid>) {
        self.side.own = own;
    }

    /// Replaces the Ethernet address of a queue pair's next hop.
    pub fn set_next_hop(&mut self, qpn: u32, mac: MacAddr) {
        if let Some(link) = self.table.get_mut(qpn).and_then(|qp| qp.link.as_mut()) {
            link.path.set_next_hop(mac);
        }
    }
}

impl Qp {
    /// Its turn; true when there is more to do at once.
    fn run(&mut self, cx: &mut Cx<'_>, budget: &mut Budget) -> bool {
        let mut more = self.run_answers(cx, budget);
        more |= match self.service {
            QpType::UD => self.run_datagrams(cx, budget),
            _ => self.run_send(cx, budget),
        };
        more |= self.run_flush(cx, budget);
        if !more {
            // Whatever retires leads to a turn, so nothing is left to tell when the device parks
            // [QP-14].
            self.send.flush_retired(cx.res);
            if let Receives::Own { queue, .. } = &mut self.receives {
                queue.flush_retired(cx.res);
            }
        }
        more
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>) {
        // [ROCE-72]
        if self.paced.is_some_and(|until| until <= cx.env.now()) {
            self.paced = None;
            self.wake(cx.side);
        }
        let now = transport_time(cx.env.now());
        if self.state != QpState::RTS {
            return;
        }
        if let Some(Work::Invalidated { look_again, .. }) =
            self.in_flight.front_mut().map(|entry| &mut entry.work)
        {
            *look_again = cx.env.now().after(LOOK_AGAIN);
            self.retire(cx);
            self.wake(cx.side);
        }
        if let Some(link) = self.link.as_mut()
            && let Some(requester) = link.requester.as_mut()
            && requester.on_timer(now)
        {
            let expired = requester.timeouts().saturating_sub(link.timeouts);
            link.timeouts = requester.timeouts();
            cx.res.counters.add(CounterId::ACK_TIMEOUTS, expired);
            self.retire(cx);
            self.wake(cx.side);
        }
    }

    /// Sees to it that the table looks here in time.
    pub(super) fn schedule(&mut self, side: &mut Side) {
        let Some(due) = self.next_timer() else {
            return;
        };
        if self.timer.is_some_and(|set| set <= due) {
            return;
        }
        if let Some(old) = self.timer.replace(due) {
            side.timers.remove(&(old, self.qpn));
        }
        side.timers.insert((due, self.qpn));
    }

    /// What the peer was still owed is not sent any more.
    pub(super) fn owe_nothing(&mut self) {
        if let Some(link) = self.link.as_mut() {
            link.responder.cancel();
        }
    }

    /// Forgets its timer.
    pub(super) fn unschedule(&mut self, side: &mut Side) {
        if let Some(old) = self.timer.take() {
            side.timers.remove(&(old, self.qpn));
        }
    }

    fn send_doorbell(&mut self, cx: &mut Cx<'_>, value: u64) {
        if self.state == QpState::RESET {
            return;
        }
        match self.send.doorbell(value) {
            Ok(()) => self.wake(cx.side),
            Err(_) => self.enter_error(cx, ProviderError::RANGE),
        }
    }

    fn receive_doorbell(&mut self, cx: &mut Cx<'_>, value: u64) {
        if self.state == QpState::RESET {
            return;
        }
        let Receives::Own { queue, .. } = &mut self.receives else {
            return;
        };
        match queue.doorbell(value) {
            Ok(()) if self.state == QpState::ERROR => self.wake(cx.side),
            Ok(()) => {}
            Err(_) => self.enter_error(cx, ProviderError::RANGE),
        }
    }

    fn begin_flush(&mut self, cx: &mut Cx<'_>, flags: FlushFlags) -> Ticket {
        if self.state != QpState::RESET {
            let value = cx.res.doorbells.load(cx.env, self.send.slot());
            self.send_doorbell(cx, value);
            if let Receives::Own { queue, .. } = &self.receives {
                let value = cx.res.doorbells.load(cx.env, queue.slot());
                self.receive_doorbell(cx, value);
            }
        }
        if matches!(self.state, QpState::RTR | QpState::RTS) && !mutant("QP-42/state") {
            self.state = QpState::ERROR;
            self.error = ProviderError::QUEUE_FLUSHED;
            self.owe_nothing();
        }
        cx.side.tickets += 1;
        let ticket = Ticket(cx.side.tickets);
        let receive = match &self.receives {
            Receives::Own { queue, .. } => queue.producer(),
            Receives::Shared { .. } => 0,
        };
        self.flushes.push_back(Flush {
            ticket,
            send: (flags.send() || mutant("QP-41/both")).then_some(self.send.producer()),
            receive: flags.receive().then_some(receive),
            done: false,
        });
        self.wake(cx.side);
        ticket
    }
}
