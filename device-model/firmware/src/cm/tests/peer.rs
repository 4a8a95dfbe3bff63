//! What a peer may do, and what it finds out.

use rnic_abi::{
    AcceptRequest, CompleteConnectRequest, CounterId, DisconnectRequest, EventCode, ListenRequest,
    QueryQpRequest, ReserveEndpointRequest, Status, cmd,
};
use rnic_wire::cm::{CommId, Dreq, Mra, MraOf, RejectReason, Rep, Req, Rtu, TransportService};
use rnic_wire::{Bth, CmMad, CmMessage, Deth, Ext, Frame, FrameEncoder, Psn, QKey, Qpn};

use super::{Bed, COOKIE, OURS, PEER, PEER_MAC, frame_of, req};
use crate::ResetKind;
use crate::testing::{Rig, zeroed};

/// The peer's comm id.
const THEIRS: u32 = 0x6e77_0da5;

impl Bed {
    /// Listens at port 7471.
    fn listen(&mut self) {
        let mut request: ReserveEndpointRequest = zeroed();
        request.port.set(7471);
        let endpoint = self.rig.ok::<cmd::ReserveEndpoint>(request).endpoint.get();
        let mut request: ListenRequest = zeroed();
        request.endpoint.set(endpoint);
        request.backlog.set(4);
        request.cookie.set(COOKIE);
        self.rig.ok::<cmd::Listen>(request);
    }

    /// The only connection event since the last look: its code and its connection.
    fn event(&mut self) -> (EventCode, u32) {
        let events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        (events[0].0, events[0].1.connection.get())
    }

    fn accept(&mut self, connection: u32) {
        let mut request: AcceptRequest = zeroed();
        request.connection.set(connection);
        request.qpn.set(self.qpn);
        request.cookie.set(COOKIE);
        request.read_depth_in = 4;
        request.read_depth_out = 4;
        self.rig.ok::<cmd::Accept>(request);
    }

    fn psns(&mut self) -> (u32, u32) {
        let mut request: QueryQpRequest = zeroed();
        request.qpn.set(self.qpn);
        let answer = self.rig.ok::<cmd::QueryQp>(request);
        (answer.send_psn.get(), answer.recv_psn.get())
    }

    /// An established connection that the peer began: our comm id, and the connection.
    fn served(&mut self) -> (CommId, u32) {
        self.listen();
        self.hears(&req(THEIRS, 0x11, 7471));
        let (code, connection) = self.event();
        assert_eq!(code, EventCode::CONNECT_REQUEST);
        self.accept(connection);
        let CmMessage::Rep(rep) = self.mad().message else {
            panic!("no REP");
        };
        self.hears(&rtu(rep.local_comm_id));
        assert_eq!(self.event(), (EventCode::ESTABLISHED, connection));
        (rep.local_comm_id, connection)
    }
}

fn rtu(ours: CommId) -> CmMad {
    CmMad::new(
        THEIRS.into(),
        CmMessage::Rtu(Rtu {
            local_comm_id: CommId(THEIRS),
            remote_comm_id: ours,
            ..Rtu::default()
        }),
    )
}

fn dreq(ours: CommId, qpn: u32) -> CmMad {
    CmMad::new(
        0x77,
        CmMessage::Dreq(Dreq {
            local_comm_id: CommId(THEIRS),
            remote_comm_id: ours,
            remote_qpn: Qpn::truncate(qpn),
            ..Dreq::default()
        }),
    )
}

#[test]
fn the_starting_psn_of_a_message_is_what_its_receiver_sends_with() {
    // [ROCE-1] Found by rping: every first packet was a duplicate to the other side.
    let mut bed = Bed::new();
    bed.listen();
    bed.hears(&req(THEIRS, 0x11, 7471));
    let (_, connection) = bed.event();
    bed.accept(connection);
    let CmMessage::Rep(rep) = bed.mad().message else {
        panic!("no REP");
    };
    let (send, recv) = bed.psns();
    assert_eq!(send, 77, "the REQ's");
    assert_eq!(recv, rep.starting_psn.get());

    let mut bed = Bed::new();
    bed.arrives(&super::resolve::reply(PEER_MAC, PEER));
    let request = bed.connect_request(PEER);
    bed.rig.ok::<cmd::Connect>(request);
    bed.arrives(&super::resolve::reply(PEER_MAC, PEER));
    let CmMad { header, message } = bed.mad();
    let CmMessage::Req(sent) = message else {
        panic!("no REQ");
    };
    let rep = Rep {
        local_comm_id: CommId(THEIRS),
        remote_comm_id: sent.local_comm_id,
        local_qpn: Qpn::truncate(0x12),
        starting_psn: Psn::new(99),
        responder_resources: 1,
        initiator_depth: 1,
        ..Rep::default()
    };
    bed.hears(&CmMad::new(header.tid, CmMessage::Rep(rep)));
    let (code, connection) = bed.event();
    assert_eq!(code, EventCode::CONNECT_REPLY);
    let mut complete: CompleteConnectRequest = zeroed();
    complete.connection.set(connection);
    bed.rig.ok::<cmd::CompleteConnect>(complete);
    assert_eq!(bed.psns(), (99, sent.starting_psn.get()));
}

#[test]
fn a_machine_that_goes_down_says_goodbye_to_peers() {
    // [CM-19] A peer that retries for ever would never learn that its connection is gone.
    let mut bed = Bed::new();
    let (ours, _) = bed.served();
    let Rig { device, env, .. } = &mut bed.rig;
    device.reset(env, ResetKind::Conventional);
    bed.pass_ms(10);
    let CmMessage::Dreq(dreq) = bed.mad().message else {
        panic!("no DREQ");
    };
    assert_eq!(dreq.local_comm_id, ours);
    assert_eq!(dreq.remote_comm_id, CommId(THEIRS));
    assert_eq!(dreq.remote_qpn, Qpn::truncate(0x11));
    // Frames are lost; it is said again, and then no more.
    bed.pass_ms(10_000);
    let again = bed.mads().len();
    assert!((1..=4).contains(&again), "{again}");
    bed.pass_ms(60_000);
    assert!(bed.mads().is_empty());
}

#[test]
fn a_dreq_for_a_connection_that_is_not_known_is_answered() {
    // [CM-19] Found by a device that was reset: its old peer sent DREQ until it gave up.
    let mut bed = Bed::new();
    bed.hears(&dreq(CommId(0x1234), 2));
    let CmMessage::Drep(drep) = bed.mad().message else {
        panic!("no DREP");
    };
    assert_eq!(drep.local_comm_id, CommId(0x1234));
    assert_eq!(drep.remote_comm_id, CommId(THEIRS));
    assert!(bed.events().is_empty());
    // For a connection that is known the queue pair must be right.
    let (ours, _) = bed.served();
    let wrong = bed.qpn + 1;
    bed.hears(&dreq(ours, wrong));
    assert!(bed.mads().is_empty() && bed.events().is_empty());
    let right = bed.qpn;
    bed.hears(&dreq(ours, right));
    assert!(matches!(bed.mad().message, CmMessage::Drep(_)));
    let events = bed.events();
    assert_eq!(events[0].0, EventCode::PEER_DISCONNECTED);
    assert_eq!(events[0].1.status(), Status::OK);
    assert_eq!(bed.counter(CounterId::CONNECTIONS_ACTIVE), 0);
}

#[test]
fn a_repeated_req_is_answered_by_the_same_rep_and_a_second_connection_by_none() {
    // [CM-15] [CM-17]
    let mut bed = Bed::new();
    bed.listen();
    bed.hears(&req(THEIRS, 0x11, 7471));
    let (_, connection) = bed.event();
    bed.hears(&req(THEIRS, 0x11, 7471));
    assert!(bed.mads().is_empty(), "the consumer thinks");
    bed.accept(connection);
    let rep = bed.mad();
    bed.hears(&req(THEIRS, 0x11, 7471));
    assert_eq!(bed.mad(), rep);
    // Another request from the same queue pair is stale.
    bed.hears(&req(THEIRS + 1, 0x11, 7471));
    let CmMessage::Rej(rej) = bed.mad().message else {
        panic!("no REJ");
    };
    assert_eq!(rej.reason, RejectReason::STALE_CONNECTION);
    assert_eq!(bed.counter(CounterId::CM_DUPLICATES), 2);
}

#[test]
fn a_request_that_cannot_be_served_is_refused_with_its_reason() {
    // [ROCE-3]
    let change = |change: fn(&mut Req)| {
        let mut message = req(THEIRS, 0x11, 7471);
        if let CmMessage::Req(request) = &mut message.message {
            change(request);
        }
        message
    };
    let rows = [
        (req(THEIRS, 0x11, 7472), RejectReason::INVALID_SERVICE_ID),
        (
            change(|r| r.transport_service = TransportService::Uc),
            RejectReason::INVALID_TRANSPORT_TYPE,
        ),
        (
            change(|r| r.private_data[0] = 0x11),
            RejectReason::UNSUPPORTED,
        ),
        (
            // Another source address than the frame's.
            change(|r| r.private_data[19] = 9),
            RejectReason::INVALID_GID,
        ),
        (change(|r| r.path_mtu = 6), RejectReason::INVALID_MTU),
        (
            change(|r| r.service_id = rnic_wire::cm::ServiceId(0x1234_5678_9abc_def0)),
            RejectReason::INVALID_SERVICE_ID,
        ),
    ];
    for (message, reason) in rows {
        let mut bed = Bed::new();
        bed.listen();
        bed.hears(&message);
        let answer = bed.mad();
        let CmMessage::Rej(rej) = answer.message else {
            panic!("no REJ for {reason:?}: {answer:?}");
        };
        assert_eq!((rej.reason, rej.remote_comm_id), (reason, CommId(THEIRS)));
        assert_eq!(answer.header.tid, message.header.tid);
        assert!(bed.events().is_empty());
        assert_eq!(bed.counter(CounterId::CONNECT_REJECTED), 1);
    }
}

#[test]
fn a_req_is_repeated_as_it_was_until_an_mra_or_the_end() {
    // [ROCE-4]
    let mut bed = Bed::new();
    bed.arrives(&super::resolve::reply(PEER_MAC, PEER));
    let mut request = bed.connect_request(PEER);
    request.set_flags(rnic_abi::ConnectFlags::NEXT_HOP);
    request.next_hop = PEER_MAC.0;
    bed.rig.ok::<cmd::Connect>(request);
    let first = bed.mad();
    bed.pass_ms(1_100);
    assert_eq!(bed.mad(), first, "the same transaction, the same PSN");
    let CmMessage::Req(sent) = first.message else {
        panic!("no REQ");
    };
    // 4.096 us * 2^20 is 4.3 s.
    let mra = Mra {
        local_comm_id: CommId(THEIRS),
        remote_comm_id: sent.local_comm_id,
        message: MraOf::Req,
        service_timeout: crate::cm::message::timeout(20),
        ..Mra::default()
    };
    bed.hears(&CmMad::new(first.header.tid, CmMessage::Mra(mra)));
    bed.pass_ms(5_000);
    assert!(bed.mads().is_empty(), "the peer asked for time");
    bed.pass_ms(60_000);
    let rest: Vec<_> = bed.mads().into_iter().map(|(_, mad)| mad).collect();
    assert_eq!(rest.len(), 7, "six repetitions and the REJ: {rest:?}");
    assert!(rest[..6].iter().all(|mad| *mad == first));
    let CmMessage::Rej(rej) = rest[6].message else {
        panic!("no REJ");
    };
    assert_eq!(rej.reason, RejectReason::TIMEOUT);
    let events = bed.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].0, EventCode::CONNECT_FAILED);
    assert_eq!(events[0].1.status(), Status::TIMED_OUT);
    assert_eq!(bed.counter(CounterId::CM_RETRIES), 7);
}

#[test]
fn a_dreq_is_repeated_and_its_loss_does_not_hold_the_driver_for_ever() {
    // [ROCE-4] [CM-12]
    let mut bed = Bed::new();
    let (_, connection) = bed.served();
    let mut request: DisconnectRequest = zeroed();
    request.connection.set(connection);
    bed.rig.ok::<cmd::Disconnect>(request);
    let first = bed.mad();
    assert!(matches!(first.message, CmMessage::Dreq(_)));
    bed.pass_ms(20_000);
    let again: Vec<_> = bed.mads().into_iter().map(|(_, mad)| mad).collect();
    assert_eq!(again, [first; 7]);
    assert_eq!(bed.event(), (EventCode::DISCONNECTED, connection));
}

#[test]
fn a_message_with_another_queue_key_or_its_acknowledge_bit() {
    // [ROCE-2]
    let mut bed = Bed::new();
    bed.listen();
    let frame = frame_of(PEER_MAC, PEER, OURS, &req(THEIRS, 0x11, 7471));
    let parsed = Frame::parse(&frame).unwrap();
    assert_eq!(parsed.packet.payload.len(), 256);
    let ours = {
        bed.hears(&req(THEIRS, 0x11, 7472));
        bed.sent()
    };
    let answer = Frame::parse(&ours[0]).unwrap();
    assert!(answer.envelope.udp.src_port >= 49152);
    let Ext::Deth(deth) = answer.packet.ext else {
        panic!("no datagram");
    };
    assert_eq!((deth.qkey, deth.src_qpn), (QKey::GSI, Qpn::GSI));
    for (qkey, ack, counter) in [
        (QKey(0x0123_4567), false, CounterId::DROPPED_KEY),
        (QKey::GSI, true, CounterId::CM_IN),
    ] {
        let before = bed.counter(counter);
        bed.arrives(&reencoded(&frame, qkey, ack));
        assert_eq!(bed.counter(counter), before + 1, "{qkey:?}");
    }
    assert_eq!(bed.event().0, EventCode::CONNECT_REQUEST);
    assert!(bed.sent().is_empty(), "nothing acknowledges a datagram");
}

/// The same frame with another queue key and acknowledge bit.
fn reencoded(frame: &[u8], qkey: QKey, ack: bool) -> Vec<u8> {
    let parsed = Frame::parse(frame).unwrap();
    let Ext::Deth(deth) = parsed.packet.ext else {
        panic!("no datagram");
    };
    let bth = Bth {
        ack_request: ack,
        ..parsed.packet.bth
    };
    let ext = Ext::Deth(Deth { qkey, ..deth });
    let mut out = vec![0; frame.len()];
    let payload = parsed.packet.payload;
    let mut encoder =
        FrameEncoder::begin(&mut out, &parsed.envelope, &bth, &ext, payload.len()).unwrap();
    encoder.payload_mut().copy_from_slice(payload);
    encoder.finish_icrc();
    out
}
