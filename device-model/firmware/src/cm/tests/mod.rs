//! The connection manager against a peer whose messages the test makes: frames in, frames out.

mod peer;
mod resolve;

use core::net::IpAddr;

use rnic_abi::{
    AddressFlags, CmEvent, ConnectRequest, CounterId, CreateCqRequest, CreateEqRequest,
    CreateQpRequest, EqKind, EventCode, Family, GeneralEvent, QpType, SetAddressRequest, cmd,
};
use rnic_wire::cm::{CommId, Req};
use rnic_wire::cma::{IpPair, PortSpace, service_id};
use rnic_wire::{
    CmMad, CmMessage, CmaHeader, Envelope, EthHeader, Frame, FrameEncoder, Gid, IpHeader,
    Ipv4Header, MacAddr, Mtu, Psn, Qpn, UdpHeader, mad,
};

use crate::testing::{BASE, MAC, Rig, zeroed};

/// The peer's Ethernet address.
pub const PEER_MAC: MacAddr = MacAddr([2, 0, 0xA, 7, 0, 2]);
pub const OURS: &str = "10.7.0.1";
pub const PEER: &str = "10.7.0.2";
pub const COOKIE: u64 = 0xC00C1E;
/// First doorbell slot of the bed.
const SLOT: u32 = 512 + 8;
const EVENTS: u32 = 64;

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn gid(text: &str) -> Gid {
    Gid::from(ip(text))
}

/// A device with an address, a queue pair in INIT and the ring of its events.
pub struct Bed {
    pub rig: Rig,
    pub qpn: u32,
    events: u64,
    seen: u32,
    frames: usize,
}

impl Bed {
    pub fn new() -> Self {
        let mut bed = Self::bare();
        bed.set_address(&address(OURS, 24));
        bed
    }

    /// Without an address.
    pub fn bare() -> Self {
        let mut rig = Rig::up();
        let (general, events) = rig.ring_description(EVENTS.ilog2() as u8, 9, SLOT);
        let mut request = CreateEqRequest::zeroed().with_kind(EqKind::GENERAL);
        request.vector.set(1);
        request.ring = general;
        rig.ok::<cmd::CreateEq>(request);
        let mut request = CreateEqRequest::zeroed().with_kind(EqKind::COMPLETION);
        request.vector.set(1);
        request.ring = rig.ring_description(2, 4, SLOT + 1).0;
        let eqn = rig.ok::<cmd::CreateEq>(request).eqn.get();
        let mut request: CreateCqRequest = zeroed();
        request.eqn.set(eqn);
        request.ring = rig.ring_description(4, 6, SLOT + 2).0;
        let cqn = rig.ok::<cmd::CreateCq>(request).cqn.get();
        let pd = rig.ok::<cmd::CreatePd>(zeroed()).pd.get();
        let mut request = CreateQpRequest::zeroed().with_qp_type(QpType::RC);
        request.pd.set(pd);
        request.max_send_segments.set(1);
        request.max_recv_segments.set(1);
        request.send_cqn.set(cqn);
        request.recv_cqn.set(cqn);
        request.send_retired_address.set(rig.alloc(8));
        request.recv_retired_address.set(rig.alloc(8));
        request.send_ring = rig.ring_description(4, 6, SLOT + 3).0;
        request.recv_ring = rig.ring_description(4, 6, SLOT + 4).0;
        let qpn = rig.ok::<cmd::CreateQp>(request).qpn.get();
        Self {
            rig,
            qpn,
            events,
            seen: 0,
            frames: 0,
        }
    }

    pub fn set_address(&mut self, request: &SetAddressRequest) {
        self.rig.ok::<cmd::SetAddress>(*request);
    }

    /// CONNECT to an address of the peer, without a next hop.
    pub fn connect_request(&self, to: &str) -> ConnectRequest {
        let mut request: ConnectRequest = zeroed();
        request.cookie.set(COOKIE);
        request.qpn.set(self.qpn);
        request.port.set(7471);
        request.destination = gid(to).0;
        request.read_depth_in = 4;
        request.read_depth_out = 4;
        request.retry_count = 7;
        request.rnr_retry = 7;
        request
    }

    /// Connection managers' messages, connections and resolutions go on for this long.
    pub fn pass_ms(&mut self, milliseconds: u64) {
        let end = self.rig.env.now.after(milliseconds * 1_000_000);
        loop {
            self.rig.settle();
            match self.rig.device.next_timer() {
                Some(at) if at <= end => self.rig.env.now = at.max(self.rig.env.now),
                _ => break,
            }
        }
        self.rig.env.now = end;
        self.rig.settle();
    }

    /// Frames sent since the last look.
    pub fn sent(&mut self) -> Vec<Vec<u8>> {
        self.rig.settle();
        let new = self.rig.env.sent[self.frames..].to_vec();
        self.frames = self.rig.env.sent.len();
        new
    }

    /// Connection manager's messages sent since the last look, with where their frames went.
    pub fn mads(&mut self) -> Vec<(MacAddr, CmMad)> {
        let of_frame = |bytes: &Vec<u8>| {
            let frame = Frame::parse(bytes).ok()?;
            assert_eq!(frame.packet.bth.dest_qpn, Qpn::GSI);
            let message = CmMad::parse(frame.packet.payload).unwrap();
            Some((frame.envelope.eth.dst, message))
        };
        self.sent().iter().filter_map(of_frame).collect()
    }

    /// The only message sent since the last look.
    pub fn mad(&mut self) -> CmMad {
        let mads = self.mads();
        assert_eq!(mads.len(), 1, "{mads:?}");
        mads[0].1
    }

    /// A frame arrives.
    pub fn arrives(&mut self, frame: &[u8]) {
        self.rig.device.frame_received(&mut self.rig.env, frame);
        self.rig.settle();
    }

    /// A message of the peer arrives.
    pub fn hears(&mut self, message: &CmMad) {
        let frame = frame_of(PEER_MAC, PEER, OURS, message);
        self.arrives(&frame);
    }

    /// Events of connections since the last look.
    pub fn events(&mut self) -> Vec<(EventCode, CmEvent)> {
        self.rig.settle();
        let mut list = Vec::new();
        loop {
            let at = self.events - BASE + u64::from(self.seen % EVENTS) * 512;
            let mut bytes = [0; 512];
            self.rig.memory.read(at, &mut bytes).unwrap();
            let event: GeneralEvent = rnic_abi::read(&bytes).unwrap();
            if event.code() == EventCode(0) || event.sequence.get() != self.seen {
                return list;
            }
            self.seen += 1;
            list.push((event.code(), rnic_abi::read(&event.payload).unwrap()));
        }
    }

    pub fn counter(&self, id: CounterId) -> u64 {
        self.rig.device.hardware().resources.counters.get(id)
    }
}

/// SET_ADDRESS of entry 0, which answers.
pub fn address(text: &str, prefix: u8) -> SetAddressRequest {
    let family = if ip(text).is_ipv4() {
        Family::IPV4
    } else {
        Family::IPV6
    };
    let mut request = SetAddressRequest::zeroed()
        .with_family(family)
        .with_flags(AddressFlags::ANSWER);
    request.prefix = prefix;
    request.address = gid(text).0;
    request
}

/// A message in a frame of QP1 to our Ethernet address.
pub fn frame_of(mac: MacAddr, from: &str, to: &str, message: &CmMad) -> Vec<u8> {
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (ip(from), ip(to)) else {
        panic!("IPv4 only");
    };
    let envelope = Envelope {
        eth: EthHeader {
            dst: MAC,
            src: mac,
            vlan: None,
        },
        ip: IpHeader::V4(Ipv4Header::new(src, dst)),
        udp: UdpHeader::new(0xD872),
    };
    let bytes = message.to_bytes();
    let packet = mad::packet(&bytes, Psn::ZERO);
    let mut frame = vec![0; 1024];
    let mut encoder = FrameEncoder::begin(
        &mut frame,
        &envelope,
        &packet.bth,
        &packet.ext,
        packet.payload.len(),
    )
    .unwrap();
    encoder.payload_mut().copy_from_slice(packet.payload);
    let length = encoder.finish_icrc();
    frame.truncate(length);
    frame
}

/// A REQ as Linux sends it for a connection to `port`.
pub fn req(id: u32, qpn: u32, port: u16) -> CmMad {
    let cma = CmaHeader {
        src_port: 40_000,
        addresses: IpPair::new(ip(PEER), ip(OURS)).unwrap(),
    };
    let request = Req {
        local_comm_id: CommId(id),
        service_id: service_id(PortSpace::Tcp, port),
        local_ca_guid: 0x0000_0AFF_FE07_0002,
        local_qpn: Qpn::truncate(qpn),
        responder_resources: 128,
        initiator_depth: 128,
        remote_cm_response_timeout: crate::cm::message::timeout(20),
        local_cm_response_timeout: crate::cm::message::timeout(20),
        starting_psn: Psn::new(77),
        retry_count: 7,
        path_mtu: Mtu::B1024.code(),
        rnr_retry_count: 7,
        max_cm_retries: 15,
        primary_local_gid: gid(PEER),
        primary_remote_gid: gid(OURS),
        private_data: cma.private_data(b"hello").unwrap(),
        ..Req::default()
    };
    CmMad::new(u64::from(id), CmMessage::Req(request))
}
