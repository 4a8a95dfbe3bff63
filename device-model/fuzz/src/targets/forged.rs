//! Messages of the connection manager that are forged, stale or repeated, while a connection stands: it stays as it is.
//!
//! Strangers know both sides' identifiers, GUIDs and queue pairs, and may say anything. The peer itself says anything but what
//! names the connection by both identifiers, which would be its own word.

use std::net::{IpAddr, Ipv4Addr};

use rnic_abi::{CmEvent, GeneralEvent, QpState, cmd};
use rnic_wire::cm::{
    CommId, Dreq, MESSAGE_LEN, Mra, MraOf, Rej, RejOf, RejectReason, Rep, Req, Rtu,
    TransportService,
};
use rnic_wire::cma::{IpPair, PortSpace, service_id};
use rnic_wire::udp::flow_label_of_ports;
use rnic_wire::{CmMad, CmMessage, CmaHeader, Frame, Gid, PKey, Qpn, TimeoutCode};

use super::cm::{Listening, PORT, deliver, listening, send};
use crate::input::Input;
use crate::rig::{BASE, Rig, zeroed};

/// Last byte of the peer's address.
const PEER: u8 = 8;
/// Its name for the connection, its GUID and its queue pair.
const THEIRS: CommId = CommId(0x11);
const GUID: u64 = 0x99;
const QPN: u32 = 0x77;
/// Messages of one input at most.
const MOST: u32 = 200;

fn ip(host: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, host).into()
}

fn request(host: u8, id: CommId, guid: u64, qpn: u32) -> Req {
    let data = IpPair::new(ip(host), ip(1)).and_then(|addresses| {
        let cma = CmaHeader {
            src_port: 50_000,
            addresses,
        };
        cma.private_data(b"hello")
    });
    Req {
        local_comm_id: id,
        service_id: service_id(PortSpace::Tcp, PORT),
        local_ca_guid: guid,
        local_qpn: Qpn::truncate(qpn),
        responder_resources: 4,
        initiator_depth: 4,
        remote_cm_response_timeout: TimeoutCode::new(18).unwrap_or_default(),
        local_cm_response_timeout: TimeoutCode::new(18).unwrap_or_default(),
        transport_service: TransportService::Rc,
        retry_count: 7,
        rnr_retry_count: 7,
        pkey: PKey::DEFAULT,
        path_mtu: 3,
        max_cm_retries: 7,
        primary_local_gid: Gid::from(ip(host)),
        primary_remote_gid: Gid::from(ip(1)),
        primary_flow_label: flow_label_of_ports(50_000, PORT),
        private_data: data.expect("two IPv4 addresses and five bytes"),
        ..Req::default()
    }
}

fn say(rig: &mut Rig, host: u8, message: impl Into<CmMessage>) {
    send(rig, host, &CmMad::new(5, message.into()));
}

/// Messages that the device has sent.
fn heard(rig: &mut Rig) -> Vec<CmMessage> {
    let frames = std::mem::take(&mut rig.host.sent);
    let parsed = frames.iter().filter_map(|frame| {
        let frame = Frame::parse(frame).ok()?;
        Some(CmMad::parse(frame.packet.payload).ok()?.message)
    });
    parsed.collect()
}

/// Connects the peer; the device's identifier.
fn establish(bed: &mut Listening) -> CommId {
    let rig = &mut bed.rig;
    let req = request(PEER, THEIRS, GUID, QPN);
    say(rig, PEER, req);
    let mut bytes = [0; 512];
    rig.memory
        .read(bed.events - BASE, &mut bytes)
        .expect("within the memory");
    let event: GeneralEvent = rnic_abi::read(&bytes).expect("an event");
    let event: CmEvent = rnic_abi::read(&event.payload).expect("a connection's event");
    let mut accept: rnic_abi::AcceptRequest = zeroed();
    accept.connection.set(event.connection.get());
    accept.qpn.set(bed.qpns[0]);
    rig.ok::<cmd::Accept>(accept);
    // What was sent meanwhile is gone; a repeated request is answered again.
    rig.host.sent.clear();
    say(rig, PEER, req);
    let ours = heard(rig).into_iter().find_map(|message| match message {
        CmMessage::Rep(rep) => Some(rep.local_comm_id),
        _ => None,
    });
    let ours = ours.expect("an answer to the request");
    say(
        rig,
        PEER,
        Rtu {
            local_comm_id: THEIRS,
            remote_comm_id: ours,
            ..Rtu::default()
        },
    );
    ours
}

fn state(bed: &mut Listening) -> QpState {
    let mut request: rnic_abi::QueryQpRequest = zeroed();
    request.qpn.set(bed.qpns[0]);
    bed.rig.ok::<cmd::QueryQp>(request).state()
}

/// A message of the usual shape, with the connection's identifiers.
fn usual(kind: u8, host: u8, ours: CommId) -> CmMessage {
    let (local_comm_id, remote_comm_id) = (THEIRS, ours);
    match kind % 7 {
        0 => request(host, THEIRS, GUID, QPN).into(),
        1 => Rep {
            local_comm_id,
            remote_comm_id,
            ..Rep::default()
        }
        .into(),
        2 => Rtu {
            local_comm_id,
            remote_comm_id,
            ..Rtu::default()
        }
        .into(),
        3 => Mra {
            local_comm_id,
            remote_comm_id,
            message: MraOf::Rep,
            ..Mra::default()
        }
        .into(),
        4 => Rej {
            local_comm_id,
            remote_comm_id,
            message: RejOf::Rep,
            reason: RejectReason::CONSUMER_DEFINED,
            ..Rej::default()
        }
        .into(),
        5 => Dreq {
            local_comm_id,
            remote_comm_id,
            remote_qpn: Qpn::truncate(kind.into()),
            ..Dreq::default()
        }
        .into(),
        _ => rnic_wire::cm::Drep {
            local_comm_id,
            remote_comm_id,
            ..rnic_wire::cm::Drep::default()
        }
        .into(),
    }
}

/// Whether the peer itself says this of the connection: both identifiers, which every message has first.
fn is_genuine(host: u8, attribute: u16, bytes: &[u8; MESSAGE_LEN], ours: CommId) -> bool {
    let both = [THEIRS.0.to_be_bytes(), ours.0.to_be_bytes()].concat();
    host == PEER && attribute != REQ && bytes.starts_with(&both)
}

/// Whether the peer has forgotten the connection: it asks for another one with the same queue pair, which ends this one. [CM-21]
fn has_forgotten(host: u8, message: &CmMessage) -> bool {
    matches!(message, CmMessage::Req(req) if host == PEER
        && req.local_comm_id != THEIRS
        && (req.local_ca_guid, req.local_qpn.get()) == (GUID, QPN))
}

/// Attribute of a request.
const REQ: u16 = 0x10;

/// Messages: what shape, from whom, and what differs.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut bed = listening();
    let ours = establish(&mut bed);
    assert_eq!(state(&mut bed), QpState::RTS, "the connection stands");
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        let host = PEER + input.byte() % 4;
        let kind = input.byte();
        let mut message = usual(kind, host, ours);
        let mut bytes = message.to_bytes();
        for _ in 0..input.byte() % 4 {
            let at = usize::from(input.byte());
            for (to, from) in bytes.iter_mut().skip(at).zip(input.record()) {
                *to = *from;
            }
        }
        let attribute = match input.byte() {
            odd @ 0..=10 => 0x10 + u16::from(odd),
            _ => message.attribute(),
        };
        if is_genuine(host, attribute, &bytes, ours) {
            continue;
        }
        match CmMessage::from_bytes(attribute, &bytes) {
            Some(changed) => message = changed,
            None => continue,
        }
        if has_forgotten(host, &message) {
            continue;
        }
        let mad = CmMad::new(input.byte().into(), message);
        deliver(&mut bed.rig, host, &mad.to_bytes());
        if input.byte().is_multiple_of(4) {
            bed.rig.wait();
        }
    }
    bed.rig.settle();
    assert_eq!(state(&mut bed), QpState::RTS, "the connection was harmed");
    // It is still the peer's to end.
    say(
        &mut bed.rig,
        PEER,
        Dreq {
            local_comm_id: THEIRS,
            remote_comm_id: ours,
            remote_qpn: Qpn::truncate(bed.qpns[0]),
            ..Dreq::default()
        },
    );
    bed.rig.settle();
    assert_eq!(
        state(&mut bed),
        QpState::QUIESCED,
        "the peer's own word counts"
    );
}
