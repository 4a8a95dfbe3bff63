//! The connection manager against a peer that is nothing but frames: forged, stale, malformed, silent.

use std::net::Ipv4Addr;

use rnic_abi::{
    AddressFlags, CmEvent, ConnectFlags, CounterId, EqKind, EventCode, Family, GeneralEvent,
    Mtu as MtuCode, Status, cmd,
};
use rnic_core::qp::Notice;
use rnic_wire::cm::{
    CommId, Drep, Dreq, MraOf, Rej, RejOf, RejectReason, Rep, Req, Rtu, TransportService,
};
use rnic_wire::cma::{IpPair, PortSpace, service_id};
use rnic_wire::udp::flow_label_of_ports;
use rnic_wire::{
    CmMad, CmMessage, CmaHeader, Envelope, EthHeader, Ext, Frame, FrameEncoder, Gid, IpHeader,
    Ipv4Header, MAX_FRAME_LEN, MacAddr, PKey, Psn, Qpn, TimeoutCode, UdpHeader, mad,
};

use super::connection::State;
use crate::testing::{MAC, Rig, zeroed};

const PEER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
const PORT: u16 = 4000;
const PEER: u8 = 9;
const PEER_QPN: u32 = 0x77;
const PEER_GUID: u64 = 0x99;
const EVENTS_SLOT: u32 = 2 * 512 + 8;

fn ip(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, host)
}

/// A device at 10.0.0.1 that listens, and its general events.
struct Bed {
    rig: Rig,
    events_at: u64,
    seen: u64,
}

impl Bed {
    fn new() -> Self {
        let mut rig = Rig::up();
        let mut address: rnic_abi::SetAddressRequest = zeroed();
        address.set_family(Family::IPV4);
        address.set_flags(AddressFlags(0));
        address.prefix = 24;
        address.address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
        rig.ok::<cmd::SetAddress>(address);
        let (ring, events_at) = rig.ring_description(5, 9, EVENTS_SLOT);
        let mut eq = rnic_abi::CreateEqRequest::zeroed().with_kind(EqKind::GENERAL);
        eq.ring = ring;
        rig.ok::<cmd::CreateEq>(eq);
        let mut endpoint: rnic_abi::ReserveEndpointRequest = zeroed();
        endpoint.port.set(PORT);
        let endpoint = rig.ok::<cmd::ReserveEndpoint>(endpoint).endpoint.get();
        let mut listen: rnic_abi::ListenRequest = zeroed();
        listen.endpoint.set(endpoint);
        listen.backlog.set(2);
        rig.ok::<cmd::Listen>(listen);
        Self {
            rig,
            events_at,
            seen: 0,
        }
    }

    /// A management datagram from 10.0.0.`host` arrives.
    fn send(&mut self, host: u8, message: impl Into<CmMessage>) {
        let bytes = CmMad::new(5, message.into()).to_bytes();
        self.send_bytes(host, &bytes);
    }

    fn send_bytes(&mut self, host: u8, bytes: &[u8; rnic_wire::MAD_LEN]) {
        let envelope = Envelope {
            eth: EthHeader {
                dst: MAC,
                src: PEER_MAC,
                vlan: None,
            },
            ip: IpHeader::V4(Ipv4Header::new(ip(host), ip(1))),
            udp: UdpHeader::new(0xC000),
        };
        let packet = mad::packet(bytes, Psn::ZERO);
        let mut frame = [0; MAX_FRAME_LEN];
        let (bth, ext) = (&packet.bth, &packet.ext);
        let mut encoder =
            FrameEncoder::begin(&mut frame, &envelope, bth, ext, packet.payload.len()).unwrap();
        encoder.payload_mut().copy_from_slice(packet.payload);
        let length = encoder.finish_icrc();
        self.rig
            .device
            .frame_received(&mut self.rig.env, &frame[..length]);
        self.rig.settle();
    }

    /// Messages that the device sent since the last call.
    fn sent(&mut self) -> Vec<CmMessage> {
        let frames = std::mem::take(&mut self.rig.env.sent);
        let parsed = frames.iter().map(|frame| {
            let frame = Frame::parse(frame).unwrap();
            assert!(matches!(frame.packet.ext, Ext::Deth(_)));
            CmMad::parse(frame.packet.payload).unwrap().message
        });
        parsed.collect()
    }

    /// Events since the last call.
    fn events(&mut self) -> Vec<(EventCode, CmEvent)> {
        let mut events = Vec::new();
        loop {
            let mut bytes = [0; 512];
            let at = self.events_at + self.seen % 32 * 512 - crate::testing::BASE;
            self.rig.memory.read(at, &mut bytes).unwrap();
            let event: GeneralEvent = rnic_abi::read(&bytes).unwrap();
            let pass = u8::from((self.seen / 32).is_multiple_of(2));
            if event.owner != pass {
                return events;
            }
            self.seen += 1;
            events.push((event.code(), rnic_abi::read(&event.payload).unwrap()));
        }
    }

    fn count(&self, id: CounterId) -> u64 {
        self.rig.device.hardware().resources.counters.get(id)
    }

    fn connections(&self) -> u32 {
        self.rig.device.plane.connections.table.len()
    }

    fn state(&self, handle: u32) -> State {
        self.rig
            .device
            .plane
            .connections
            .table
            .get(handle)
            .unwrap()
            .state
    }
}

fn request(id: u32, qpn: u32) -> Req {
    let cma = CmaHeader {
        src_port: 50_000,
        addresses: IpPair::new(ip(PEER).into(), ip(1).into()).unwrap(),
    };
    Req {
        local_comm_id: CommId(id),
        service_id: service_id(PortSpace::Tcp, PORT),
        local_ca_guid: PEER_GUID,
        local_qpn: Qpn::truncate(qpn),
        responder_resources: 4,
        initiator_depth: 4,
        remote_cm_response_timeout: TimeoutCode::new(18).unwrap(),
        local_cm_response_timeout: TimeoutCode::new(18).unwrap(),
        transport_service: TransportService::Rc,
        retry_count: 7,
        rnr_retry_count: 7,
        pkey: PKey::DEFAULT,
        path_mtu: 3,
        max_cm_retries: 7,
        primary_local_gid: Gid::from(std::net::IpAddr::from(ip(PEER))),
        primary_remote_gid: Gid::from(std::net::IpAddr::from(ip(1))),
        primary_flow_label: flow_label_of_ports(50_000, PORT),
        private_data: cma.private_data(b"hello").unwrap(),
        ..Req::default()
    }
}

/// Reports a request; the handle of its connection.
fn reported(bed: &mut Bed, req: Req) -> u32 {
    bed.send(PEER, req);
    let events = bed.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].0, EventCode::CONNECT_REQUEST);
    events[0].1.connection.get()
}

/// A connection that stands, and the identifiers of both sides.
fn established(bed: &mut Bed) -> (u32, CommId) {
    established_as(bed, 0x11)
}

/// The same; `id` is the peer's name for it.
fn established_as(bed: &mut Bed, id: u32) -> (u32, CommId) {
    let qpn = bed.rig.queue_pair();
    let connection = reported(bed, request(id, PEER_QPN));
    let mut accept: rnic_abi::AcceptRequest = zeroed();
    accept.connection.set(connection);
    accept.qpn.set(qpn);
    bed.rig.ok::<cmd::Accept>(accept);
    let sent = bed.sent();
    let [CmMessage::Rep(rep)] = sent[..] else {
        panic!("{sent:?}")
    };
    bed.send(
        PEER,
        Rtu {
            local_comm_id: CommId(id),
            remote_comm_id: rep.local_comm_id,
            ..Rtu::default()
        },
    );
    assert_eq!(bed.events()[0].0, EventCode::ESTABLISHED);
    (connection, rep.local_comm_id)
}

fn release(bed: &mut Bed, connection: u32) {
    let mut release: rnic_abi::ReleaseConnectionRequest = zeroed();
    release.connection.set(connection);
    bed.rig.ok::<cmd::ReleaseConnection>(release);
}

#[test]
fn malformed_requests_leave_nothing_behind() {
    // [CM-17] [LISTEN-2] [CM-9]
    type Edit = fn(&mut Req);
    let rows: &[(Edit, RejectReason)] = &[
        (
            |r| r.transport_service = TransportService::Uc,
            RejectReason::INVALID_TRANSPORT_TYPE,
        ),
        (|r| r.private_data[0] ^= 0xF0, RejectReason::UNSUPPORTED),
        (|r| r.private_data[1] ^= 0xF0, RejectReason::UNSUPPORTED),
        (|r| r.private_data[35] ^= 1, RejectReason::INVALID_GID),
        (|r| r.private_data[19] ^= 1, RejectReason::INVALID_GID),
        (
            |r| r.service_id = service_id(PortSpace::Udp, PORT),
            RejectReason::INVALID_SERVICE_ID,
        ),
        (
            |r| r.service_id = service_id(PortSpace::Tcp, PORT + 1),
            RejectReason::INVALID_SERVICE_ID,
        ),
        (|r| r.path_mtu = 0, RejectReason::INVALID_MTU),
        (|r| r.path_mtu = 15, RejectReason::INVALID_MTU),
    ];
    let mut bed = Bed::new();
    for (n, (edit, reason)) in rows.iter().enumerate() {
        let mut req = request(n as u32 + 1, PEER_QPN);
        edit(&mut req);
        bed.send(PEER, req);
        let sent = bed.sent();
        assert!(
            matches!(sent[..], [CmMessage::Rej(Rej { reason: r, .. })] if r == *reason),
            "row {n}: {sent:?}"
        );
        assert!(bed.events().is_empty() && bed.connections() == 0, "row {n}");
    }
    assert_eq!(bed.count(CounterId::CONNECT_REJECTED), rows.len() as u64);
    // Headers that are no connection manager's.
    for (at, value) in [(0, 9), (1, 9), (2, 9), (3, 0x81), (16, 0xFF), (17, 0x0F)] {
        let mut bytes = CmMad::new(5, CmMessage::Req(request(1, PEER_QPN))).to_bytes();
        bytes[at] = value;
        let dropped = bed.count(CounterId::CM_DROPPED);
        bed.send_bytes(PEER, &bytes);
        assert_eq!(bed.count(CounterId::CM_DROPPED), dropped + 1, "byte {at}");
        assert!(bed.sent().is_empty() && bed.connections() == 0, "byte {at}");
    }
    // A device that has seen all this takes the next good one.
    let connection = reported(&mut bed, request(1, PEER_QPN));
    release(&mut bed, connection);
    assert_eq!(bed.connections(), 0);
}

#[test]
fn a_message_of_somebody_else_changes_nothing() {
    // [CM-17] [CM-19]
    let mut bed = Bed::new();
    let (connection, ours) = established(&mut bed);
    let theirs = CommId(0x11);
    bed.sent();
    for (host, local, remote) in [
        (PEER + 1, theirs, ours),
        (PEER, CommId(0x12), ours),
        (PEER, theirs, CommId(ours.0 ^ 1)),
        (PEER, theirs, CommId(0)),
    ] {
        let messages: [CmMessage; 4] = [
            CmMessage::Dreq(Dreq {
                local_comm_id: local,
                remote_comm_id: remote,
                ..Dreq::default()
            }),
            CmMessage::Rej(Rej {
                local_comm_id: local,
                remote_comm_id: remote,
                message: RejOf::Rep,
                reason: RejectReason::TIMEOUT,
                ..Rej::default()
            }),
            CmMessage::Rtu(Rtu {
                local_comm_id: local,
                remote_comm_id: remote,
                ..Rtu::default()
            }),
            CmMessage::Rep(Rep {
                local_comm_id: local,
                remote_comm_id: remote,
                ..Rep::default()
            }),
        ];
        for message in messages {
            bed.send(host, message);
            assert_eq!(bed.state(connection), State::Established, "{message:?}");
            assert!(bed.events().is_empty(), "{message:?}");
            // One that ends what the device does not know is answered, so that its sender is done [CM-19].
            let answered = matches!(message, CmMessage::Dreq(_)) && remote != ours;
            assert_eq!(bed.sent().len(), usize::from(answered), "{message:?}");
        }
    }
    // A DREQ that names another queue pair is not this connection's either.
    bed.send(
        PEER,
        Dreq {
            local_comm_id: theirs,
            remote_comm_id: ours,
            remote_qpn: Qpn::truncate(0x1234),
            ..Dreq::default()
        },
    );
    assert_eq!(bed.state(connection), State::Established);
    assert!(bed.sent().is_empty());
    assert_eq!(bed.count(CounterId::CM_DROPPED), 15);
}

/// Whether this is a refusal as stale.
fn is_stale(message: &CmMessage) -> bool {
    let stale = RejectReason::STALE_CONNECTION;
    matches!(message, CmMessage::Rej(Rej { reason, .. }) if *reason == stale)
}

#[test]
fn a_queue_pair_of_a_connection_that_just_ended_is_stale() {
    // [CM-15]
    let mut bed = Bed::new();
    let (connection, _) = established(&mut bed);
    release(&mut bed, connection);
    bed.sent();
    bed.send(PEER, request(0x22, PEER_QPN));
    let sent = bed.sent();
    assert!(matches!(&sent[..], [rej] if is_stale(rej)), "{sent:?}");
    assert!(bed.events().is_empty());
    // Another queue pair of the same peer is welcome, and the old one after a while.
    let other = reported(&mut bed, request(0x23, PEER_QPN + 1));
    release(&mut bed, other);
    bed.rig.env.now = bed.rig.env.now.after(super::connection::TIME_WAIT_NS + 1);
    reported(&mut bed, request(0x24, PEER_QPN));
}

/// DREQ of the connection with the peer's queue pair.
fn is_goodbye(message: &CmMessage, ours: CommId) -> bool {
    matches!(message, CmMessage::Dreq(dreq)
        if (dreq.local_comm_id, dreq.remote_comm_id) == (ours, CommId(0x11))
            && dreq.remote_qpn == Qpn::truncate(PEER_QPN))
}

fn lost(bed: &mut Bed, connection: u32) {
    let events = bed.events();
    let told = events.last().map(|(code, event)| (*code, event.status()));
    let expected = (EventCode::PEER_DISCONNECTED, Status::ABORTED);
    assert_eq!(told, Some(expected), "{events:?}");
    assert_eq!(bed.state(connection), State::PeerGone);
    assert_eq!(bed.count(CounterId::CONNECTIONS_ACTIVE), 0);
}

#[test]
fn a_peer_that_crashed_and_came_back_was_refused_for_as_long_as_its_old_connection_was_kept() {
    // [CM-21]
    let mut bed = Bed::new();
    let (connection, ours) = established(&mut bed);
    bed.send(PEER, request(0x21, PEER_QPN));
    let sent = bed.sent();
    assert!(
        matches!(&sent[..], [rej, dreq] if is_stale(rej) && is_goodbye(dreq, ours)),
        "{sent:?}"
    );
    lost(&mut bed, connection);
    // It is said again until the peer, which knows nothing of it, answers.
    let wait = super::message::nanos(super::message::RESPONSE_TIMEOUT);
    bed.rig.env.now = bed.rig.env.now.after(wait);
    bed.rig.settle();
    let sent = bed.sent();
    assert!(
        matches!(&sent[..], [dreq] if is_goodbye(dreq, ours)),
        "{sent:?}"
    );
    bed.send(
        PEER,
        Drep {
            local_comm_id: CommId(0x11),
            remote_comm_id: ours,
            ..Drep::default()
        },
    );
    bed.rig.env.now = bed.rig.env.now.after(4 * wait);
    bed.rig.settle();
    assert!(bed.sent().is_empty(), "answered");
    // It stays refused while the consumer keeps the connection, and nothing more is said of that.
    bed.send(PEER, request(0x22, PEER_QPN));
    let sent = bed.sent();
    assert!(matches!(&sent[..], [rej] if is_stale(rej)), "{sent:?}");
    assert!(bed.events().is_empty());
    release(&mut bed, connection);
    assert!(bed.sent().is_empty(), "no more to say");
    bed.rig.env.now = bed.rig.env.now.after(super::connection::TIME_WAIT_NS + 1);
    reported(&mut bed, request(0x23, PEER_QPN));
}

#[test]
fn goodbyes_to_a_peer_that_forgot_a_connection_end_when_it_does_not_answer() {
    // [CM-21]
    let mut bed = Bed::new();
    let (connection, ours) = established(&mut bed);
    bed.send(PEER, request(0x21, PEER_QPN));
    lost(&mut bed, connection);
    let mut said = 0;
    while let Some(due) = bed.rig.device.next_timer() {
        bed.rig.env.now = due.max(bed.rig.env.now);
        bed.rig.settle();
        said += bed.sent().iter().filter(|m| is_goodbye(m, ours)).count();
        assert!(said < 100, "no end of it");
    }
    assert_eq!(said, 1 + usize::from(super::message::MAX_RETRIES));
    assert_eq!(bed.state(connection), State::PeerGone);
}

#[test]
fn only_the_peer_of_a_connection_can_have_forgotten_it() {
    // [CM-17] [CM-21]
    let mut bed = Bed::new();
    let (connection, _) = established(&mut bed);
    let cma = CmaHeader {
        src_port: 50_000,
        addresses: IpPair::new(ip(PEER + 1).into(), ip(1).into()).unwrap(),
    };
    let other = Req {
        private_data: cma.private_data(b"hello").unwrap(),
        ..request(0x21, PEER_QPN)
    };
    bed.send(PEER + 1, other);
    let sent = bed.sent();
    assert!(matches!(&sent[..], [rej] if is_stale(rej)), "{sent:?}");
    assert!(bed.events().is_empty());
    assert_eq!(bed.state(connection), State::Established);
}

#[test]
fn a_reply_from_a_queue_pair_whose_connection_the_peer_forgot_is_stale() {
    // [CM-21]
    let mut bed = Bed::new();
    let (connection, ours) = established(&mut bed);
    let qpn = bed.rig.queue_pair();
    let mut connect = rnic_abi::ConnectRequest::zeroed();
    connect.set_flags(ConnectFlags::NEXT_HOP);
    connect.next_hop = PEER_MAC.0;
    connect.qpn.set(qpn);
    connect.port.set(PORT);
    connect.destination[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, PEER]);
    bed.rig.ok::<cmd::Connect>(connect);
    let sent = bed.sent();
    let [CmMessage::Req(req)] = &sent[..] else {
        panic!("{sent:?}")
    };
    bed.send(
        PEER,
        Rep {
            local_comm_id: CommId(0x31),
            remote_comm_id: req.local_comm_id,
            local_qpn: Qpn::truncate(PEER_QPN),
            local_ca_guid: PEER_GUID,
            ..Rep::default()
        },
    );
    let sent = bed.sent();
    assert!(
        matches!(&sent[..], [rej, dreq] if is_stale(rej) && is_goodbye(dreq, ours)),
        "{sent:?}"
    );
    let events = bed.events();
    assert_eq!(events[0].0, EventCode::CONNECT_FAILED);
    assert_eq!(events[0].1.status(), Status::ABORTED);
    assert_eq!(events[1].0, EventCode::PEER_DISCONNECTED);
    assert_eq!(bed.state(connection), State::PeerGone);
}

#[test]
fn requests_beyond_the_backlog_take_no_memory() {
    // [LISTEN-3] [CM-17] [CONV-12]
    let mut bed = Bed::new();
    for id in 1..500 {
        bed.send(PEER, request(id, id));
    }
    assert_eq!(bed.connections(), 2);
    assert_eq!(bed.count(CounterId::CONNECT_REJECTED), 497);
    let events = bed.events();
    assert_eq!(events.len(), 2, "those reported are not harmed");
    for (_, event) in events {
        release(&mut bed, event.connection.get());
    }
    assert_eq!(bed.connections(), 0);
    reported(&mut bed, request(1000, 1000));
}

#[test]
fn a_repeated_request_is_the_same_connection() {
    // [CM-17]
    let mut bed = Bed::new();
    reported(&mut bed, request(7, PEER_QPN));
    for _ in 0..10 {
        bed.send(PEER, request(7, PEER_QPN));
    }
    assert!(bed.events().is_empty());
    assert_eq!(bed.connections(), 1);
    assert_eq!(bed.count(CounterId::CM_DUPLICATES), 10);
}

#[test]
fn a_peer_is_told_to_wait_while_the_consumer_thinks() {
    // [CM-11]
    let mut bed = Bed::new();
    reported(&mut bed, request(7, PEER_QPN));
    let waits = 4096u64 << 18;
    let asked = bed.rig.env.now;
    assert!(bed.sent().is_empty());
    for _ in 0..3 {
        bed.rig.env.now = bed.rig.device.next_timer().unwrap();
        bed.rig.settle();
        let sent = bed.sent();
        assert!(
            matches!(&sent[..], [CmMessage::Mra(mra)] if mra.message == MraOf::Req
                && mra.remote_comm_id == CommId(7)),
            "{sent:?}"
        );
    }
    // The first came before the peer could have given up, the others before its new patience ended.
    assert!(bed.rig.env.now.since(asked) > waits, "more than once");
}

#[test]
fn the_path_mtu_is_the_ports_at_most() {
    // [CM-9]
    let mut bed = Bed::new();
    bed.rig.env.port.mtu = 1500;
    let qpn = bed.rig.queue_pair();
    let mut connect = rnic_abi::ConnectRequest::zeroed().with_path_mtu(MtuCode::MTU_4096);
    connect.set_flags(ConnectFlags::NEXT_HOP);
    connect.next_hop = PEER_MAC.0;
    connect.qpn.set(qpn);
    connect.port.set(PORT);
    connect.destination[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, PEER]);
    bed.rig.ok::<cmd::Connect>(connect);
    let sent = bed.sent();
    assert!(
        matches!(&sent[..], [CmMessage::Req(req)] if req.path_mtu == MtuCode::MTU_1024.0),
        "{sent:?}"
    );
    // A peer that asks for more than the port carries is refused.
    let req = Req {
        path_mtu: MtuCode::MTU_2048.0,
        ..request(7, PEER_QPN)
    };
    bed.send(PEER, req);
    let sent = bed.sent();
    assert!(
        matches!(
            sent[..],
            [CmMessage::Rej(Rej {
                reason: RejectReason::INVALID_MTU,
                ..
            })]
        ),
        "{sent:?}"
    );
}

#[test]
fn a_connection_is_released_in_every_state_and_its_endpoint_with_it() {
    // [CM-14]
    let mut bed = Bed::new();
    let connection = reported(&mut bed, request(7, PEER_QPN));
    release(&mut bed, connection);
    assert_eq!(bed.sent().len(), 1, "the peer hears of it");
    let (connection, ours) = established_as(&mut bed, 8);
    bed.send(
        PEER,
        Rej {
            local_comm_id: CommId(8),
            remote_comm_id: ours,
            message: RejOf::Rep,
            reason: RejectReason::CONSUMER_DEFINED,
            ..Rej::default()
        },
    );
    assert_eq!(bed.state(connection), State::PeerGone);
    release(&mut bed, connection);
    assert_eq!(bed.connections(), 0);
    let gone = {
        let mut release: rnic_abi::ReleaseConnectionRequest = zeroed();
        release.connection.set(connection);
        bed.rig.fails::<cmd::ReleaseConnection>(release).0
    };
    assert_eq!(gone, Status::NO_SUCH_OBJECT, "once");
    let late = Notice::FirstPacket { qpn: 2, connection };
    bed.rig
        .device
        .control(&mut bed.rig.env)
        .queue_pair_says(late);
    bed.rig.settle();
    assert_eq!(
        bed.connections(),
        0,
        "what a queue pair says of it is ignored"
    );
}

#[test]
fn an_unknown_path_mtu_is_refused() {
    // [CONV-4] [CM-9]
    let mut bed = Bed::new();
    let qpn = bed.rig.queue_pair();
    for code in [6, 0xFF] {
        let mut connect = rnic_abi::ConnectRequest::zeroed();
        connect.path_mtu_raw = code;
        connect.set_flags(ConnectFlags::NEXT_HOP);
        connect.next_hop = PEER_MAC.0;
        connect.qpn.set(qpn);
        connect.port.set(PORT);
        connect.destination[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, PEER]);
        let (status, _, at) = bed.rig.fails::<cmd::Connect>(connect);
        assert_eq!((status, at), (Status::INVALID_FIELD, 60), "{code}");
    }
}
