//! Messages of the connection manager from a peer that knows everything, and the consumer's commands between them.

use rnic_abi::{AddressFlags, EqKind, Family, cmd};
use rnic_wire::{
    CmMad, CmMessage, Envelope, EthHeader, FrameEncoder, IpHeader, Ipv4Header, MAX_FRAME_LEN,
    MacAddr, Psn, UdpHeader, cm::MESSAGE_LEN, mad,
};

use crate::input::Input;
use crate::rig::{MAC, Rig, zeroed};

const SLOT: u32 = 512 + 8;

/// Messages: attribute, sender, and what differs from the last message of the device.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut rig = listening().rig;
    let mut last = [0; MESSAGE_LEN];
    let mut left = 100;
    while !input.is_empty() && left > 0 {
        left -= 1;
        match input.byte() % 8 {
            0..=4 => {
                let attribute = 0x10 + u16::from(input.byte() % 11);
                let host = 8 + input.byte() % 3;
                let mut bytes = if input.byte() & 1 == 0 {
                    last
                } else {
                    [0; MESSAGE_LEN]
                };
                for _ in 0..input.byte() % 8 {
                    let at = usize::from(input.byte());
                    for (to, from) in bytes.iter_mut().skip(at).zip(input.record()) {
                        *to = *from;
                    }
                }
                if let Some(message) = CmMessage::from_bytes(attribute, &bytes) {
                    send(&mut rig, host, &CmMad::new(input.byte().into(), message));
                }
            }
            5 => {
                let mut bytes = [0; rnic_wire::MAD_LEN];
                for (to, from) in bytes.iter_mut().zip(input.record()) {
                    *to = *from;
                }
                deliver(&mut rig, 9, &bytes);
            }
            6 => {
                let code = match input.byte() % 4 {
                    0 => rnic_abi::Opcode::ACCEPT,
                    1 => rnic_abi::Opcode::REJECT_CONNECTION,
                    2 => rnic_abi::Opcode::DISCONNECT,
                    _ => rnic_abi::Opcode::RELEASE_CONNECTION,
                };
                command(&mut rig, code, &mut input);
            }
            _ => rig.wait(),
        }
        // The device's own words, so that its identifiers are known without guessing.
        for frame in std::mem::take(&mut rig.host.sent) {
            if let Ok(parsed) = rnic_wire::Frame::parse(&frame)
                && let Ok(mad) = CmMad::parse(parsed.packet.payload)
            {
                last = mad.message.to_bytes();
            }
        }
    }
    rig.wait();
}

/// A device that listens at [`PORT`].
pub(super) struct Listening {
    pub rig: Rig,
    /// Queue pairs of the consumer.
    pub qpns: Vec<u32>,
    /// Where events arrive.
    pub events: u64,
}

/// Where it listens.
pub(super) const PORT: u16 = 4000;

pub(super) fn listening() -> Listening {
    let mut rig = Rig::up();
    let mut address: rnic_abi::SetAddressRequest = zeroed();
    address.set_family(Family::IPV4);
    address.set_flags(AddressFlags(0));
    address.prefix = 24;
    address.address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    rig.ok::<cmd::SetAddress>(address);
    let mut eq = rnic_abi::CreateEqRequest::zeroed().with_kind(EqKind::GENERAL);
    let (ring, events) = rig.ring_of(4, 9, SLOT);
    eq.ring = ring;
    rig.ok::<cmd::CreateEq>(eq);
    let mut endpoint: rnic_abi::ReserveEndpointRequest = zeroed();
    endpoint.port.set(PORT);
    let endpoint = rig.ok::<cmd::ReserveEndpoint>(endpoint).endpoint.get();
    let mut listen: rnic_abi::ListenRequest = zeroed();
    listen.endpoint.set(endpoint);
    listen.backlog.set(4);
    rig.ok::<cmd::Listen>(listen);
    let pd = rig.ok::<cmd::CreatePd>(zeroed()).pd.get();
    let mut eq = rnic_abi::CreateEqRequest::zeroed().with_kind(EqKind::COMPLETION);
    eq.ring = rig.ring_of(2, 4, SLOT + 1).0;
    let eqn = rig.ok::<cmd::CreateEq>(eq).eqn.get();
    let mut cq: rnic_abi::CreateCqRequest = zeroed();
    cq.eqn.set(eqn);
    cq.ring = rig.ring_of(4, 6, SLOT + 2).0;
    let cqn = rig.ok::<cmd::CreateCq>(cq).cqn.get();
    let mut qpns = Vec::new();
    for n in 0..4 {
        let mut qp = rnic_abi::CreateQpRequest::zeroed().with_qp_type(rnic_abi::QpType::RC);
        qp.pd.set(pd);
        qp.send_cqn.set(cqn);
        qp.recv_cqn.set(cqn);
        let words = rig.alloc(16);
        qp.send_retired_address.set(words);
        qp.recv_retired_address.set(words + 8);
        qp.send_ring = rig.ring_of(2, 6, SLOT + 3 + 2 * n).0;
        qp.recv_ring = rig.ring_of(2, 6, SLOT + 4 + 2 * n).0;
        qpns.push(rig.ok::<cmd::CreateQp>(qp).qpn.get());
    }
    rig.host.sent.clear();
    Listening { rig, qpns, events }
}

/// A command whose first fields, cookie or handle, are small numbers of the input.
fn command(rig: &mut Rig, code: rnic_abi::Opcode, input: &mut Input<'_>) {
    let Some(info) = rnic_abi::COMMANDS.iter().find(|info| info.code == code) else {
        return;
    };
    let mut request = vec![0; info.request_size];
    let mut header = rnic_abi::CommandHeader::zeroed().with_opcode(code);
    header
        .length
        .set(u32::try_from(info.request_size).unwrap_or(0));
    request[..rnic_abi::CommandHeader::SIZE]
        .copy_from_slice(zerocopy::IntoBytes::as_bytes(&header));
    for _ in 0..input.byte() % 4 {
        let at = rnic_abi::CommandHeader::SIZE + usize::from(input.byte() % 32);
        if let Some(byte) = request.get_mut(at) {
            *byte = input.byte();
        }
    }
    rig.submit(&request);
}

pub(super) fn send(rig: &mut Rig, host: u8, mad: &CmMad) {
    deliver(rig, host, &mad.to_bytes());
}

pub(super) fn deliver(rig: &mut Rig, host: u8, bytes: &[u8; rnic_wire::MAD_LEN]) {
    let envelope = Envelope {
        eth: EthHeader {
            dst: MAC,
            src: MacAddr([2, 0, 0, 0, 0, host]),
            vlan: None,
        },
        ip: IpHeader::V4(Ipv4Header::new(
            [10, 0, 0, host].into(),
            [10, 0, 0, 1].into(),
        )),
        udp: UdpHeader::new(0xC000),
    };
    let packet = mad::packet(bytes, Psn::ZERO);
    let mut frame = [0; MAX_FRAME_LEN];
    let (bth, ext) = (&packet.bth, &packet.ext);
    let Ok(mut encoder) =
        FrameEncoder::begin(&mut frame, &envelope, bth, ext, packet.payload.len())
    else {
        return;
    };
    encoder.payload_mut().copy_from_slice(packet.payload);
    let length = encoder.finish_icrc();
    let frame = frame.get(..length).unwrap_or_default();
    rig.device.frame_received(&mut rig.host, frame);
    let _ = rig
        .device
        .run(&mut rig.host, rnic_core::env::Budget::DEFAULT);
}
