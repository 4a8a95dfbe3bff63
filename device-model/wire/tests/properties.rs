//! Properties of every parser and encoder: any bytes are refused with a reason or parsed, never a panic; what is built
//! parses to what it was built from; what was parsed encodes to bytes that parse to the same.

mod common;

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rnic_wire::cma::IpPair;
use rnic_wire::nd::{HOP_LIMIT, NaFlags};
use rnic_wire::nd_option::{LinkLayerOf, link_layer};
use rnic_wire::*;

fn mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn eth() -> impl Strategy<Value = EthHeader> {
    (
        mac(),
        mac(),
        prop::option::of(any::<u16>().prop_map(VlanTag)),
    )
        .prop_map(|(dst, src, vlan)| EthHeader { dst, src, vlan })
}

fn ipv4() -> impl Strategy<Value = Ipv4Header> {
    (
        any::<u8>(),
        any::<u16>(),
        any::<bool>(),
        any::<u8>(),
        any::<[u8; 4]>(),
        any::<[u8; 4]>(),
    )
        .prop_map(
            |(tos, identification, dont_fragment, ttl, src, dst)| Ipv4Header {
                tos,
                identification,
                dont_fragment,
                ttl,
                src: src.into(),
                dst: dst.into(),
            },
        )
}

fn ipv6() -> impl Strategy<Value = Ipv6Header> {
    (
        any::<u8>(),
        0u32..1 << 20,
        any::<u8>(),
        any::<[u8; 16]>(),
        any::<[u8; 16]>(),
    )
        .prop_map(
            |(traffic_class, flow_label, hop_limit, src, dst)| Ipv6Header {
                traffic_class,
                flow_label,
                hop_limit,
                src: src.into(),
                dst: dst.into(),
            },
        )
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let ip = prop_oneof![ipv4().prop_map(IpHeader::V4), ipv6().prop_map(IpHeader::V6)];
    (eth(), ip, any::<u16>(), any::<bool>()).prop_map(|(eth, ip, src_port, sum)| {
        let checksum = if sum {
            UdpChecksum::Present
        } else {
            UdpChecksum::Absent
        };
        Envelope {
            eth,
            ip,
            udp: UdpHeader { src_port, checksum },
        }
    })
}

fn bth() -> impl Strategy<Value = Bth> {
    let flags = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let numbers = (
        any::<u16>(),
        1u32..1 << 24,
        any::<u32>(),
        0u8..0x40,
        0u8..0x80,
    );
    (prop::sample::select(Opcode::ALL), flags, numbers).prop_map(|(opcode, flags, numbers)| {
        let (solicited, migrated, fecn, becn, ack_request) = flags;
        let (pkey, qpn, psn, reserved_byte4, reserved_byte8) = numbers;
        Bth {
            opcode,
            solicited,
            migrated,
            pkey: PKey(pkey),
            fecn,
            becn,
            reserved_byte4,
            dest_qpn: Qpn::truncate(qpn),
            ack_request,
            reserved_byte8,
            psn: Psn::new(psn),
        }
    })
}

/// The headers of `kind` with values taken from `v`.
fn ext(kind: ExtKind, v: [u64; 4]) -> Ext {
    let low = |n: u64| (n & 0xffff_ffff) as u32;
    let reth = Reth {
        va: v[0],
        rkey: RKey(low(v[1])),
        len: low(v[2]),
    };
    let imm = Immediate(low(v[3]).to_be_bytes());
    let aeth = Aeth {
        syndrome: Syndrome::from_byte(low(v[0]) as u8),
        msn: Msn::new(low(v[1])),
    };
    let deth = Deth {
        qkey: QKey(low(v[0])),
        reserved: low(v[1]) as u8,
        src_qpn: Qpn::truncate(low(v[2])),
    };
    match kind {
        ExtKind::None => Ext::None,
        ExtKind::Reth => Ext::Reth(reth),
        ExtKind::RethImm => Ext::RethImm(reth, imm),
        ExtKind::Imm => Ext::Imm(imm),
        ExtKind::Ieth => Ext::Ieth(RKey(low(v[0]))),
        ExtKind::Aeth => Ext::Aeth(aeth),
        ExtKind::AtomicAck => Ext::AtomicAck(aeth, v[2]),
        ExtKind::Atomic => Ext::Atomic(AtomicEth {
            va: v[0],
            rkey: RKey(low(v[1])),
            swap_add: v[2],
            compare: v[3],
        }),
        ExtKind::Flush => Ext::Flush(Feth(low(v[3])), reth),
        ExtKind::Deth => Ext::Deth(deth),
        ExtKind::DethImm => Ext::DethImm(deth, imm),
    }
}

/// Random bytes rarely get past an EtherType: these begin as real headers do.
const STARTS: &[&[u8]] = &[
    &[0x08, 0x00, 0x45, 0x00],
    &[0x08, 0x06, 0, 1, 8, 0, 6, 4],
    &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, 58, 255],
    &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, 17, 64],
    &[0x81, 0x00, 0, 5, 0x08, 0x00, 0x45],
    &[0x81, 0x00, 0, 5, 0x81, 0x00, 0, 6, 0x86, 0xdd],
];

fn encode_nd(f: &NdFrame<'_>) -> Vec<u8> {
    let mut out = vec![0; f.wire_len()];
    assert_eq!(f.encode(&mut out), Ok(out.len()));
    out
}

/// What was parsed must encode, and parse to the same again.
fn assert_stable(bytes: &[u8]) {
    let Ok(first) = Received::parse(bytes) else {
        return;
    };
    let mut out = vec![0; bytes.len()];
    let len = match first {
        Received::Roce(f) => f.encode(&mut out),
        Received::Arp(f) => f.encode(&mut out),
        Received::NeighborDiscovery(f) => f.encode(&mut out),
        Received::Other(_) => return,
    };
    assert_eq!(len, Ok(bytes.len()));
    assert_eq!(Received::parse(&out), Ok(first));
}

/// Bytes from the IP header on that routers may change, and which of their bits (IBTA annex A17.3).
fn masked_fields(datagram: &[u8]) -> &'static [(usize, u8)] {
    match datagram[0] >> 4 {
        4 => &[
            (1, 0xff),
            (8, 0xff),
            (10, 0xff),
            (11, 0xff),
            (26, 0xff),
            (27, 0xff),
            (32, 0xff),
        ],
        _ => &[
            (0, 0x0f),
            (1, 0xff),
            (2, 0xff),
            (3, 0xff),
            (7, 0xff),
            (46, 0xff),
            (47, 0xff),
            (52, 0xff),
        ],
    }
}

/// The ICRC as the standard words it.
fn icrc_of_a_masked_copy(datagram: &[u8]) -> u32 {
    let mut copy = [&[0xff; 8], datagram].concat();
    for &(field, bits) in masked_fields(datagram) {
        copy[8 + field] |= bits;
    }
    crc32fast::hash(&copy)
}

proptest! {
    #[test]
    fn a_roce_frame_parses_to_what_it_was_built_from(
        envelope in envelope(),
        bth in bth(),
        values in any::<[u64; 4]>(),
        payload in prop::collection::vec(any::<u8>(), 0..300),
        trailer in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let payload = if bth.opcode == Opcode::Cnp { vec![7; 16] } else { payload };
        let ext = ext(bth.opcode.ext_kind(), values);
        let frame = Frame { envelope, packet: Packet { bth, ext, payload: &payload }, trailer: &trailer };
        let mut out = vec![0xee; frame.wire_len()];
        prop_assert_eq!(frame.encode(&mut out), Ok(out.len()));
        prop_assert_eq!(Received::parse(&out), Ok(Received::Roce(frame)));
        prop_assert_eq!(classify(&out), Ok(Protocol::Roce));
        let short = out.len() - 1;
        let refused = EncodeError::BufferTooSmall { needed: short + 1, have: short };
        prop_assert_eq!(frame.encode(&mut out[..short]), Err(refused));
    }

    // [ROCE-21]
    #[test]
    fn the_icrc_is_the_crc_of_a_masked_copy(
        envelope in envelope(), bth in bth(), values in any::<[u64; 4]>(),
        payload in prop::collection::vec(any::<u8>(), 0..5000), values_of_masked in any::<[u8; 8]>(),
    ) {
        for &opcode in Opcode::ALL {
            let payload: &[u8] = if opcode == Opcode::Cnp { &[7; 16] } else { &payload };
            let packet = Packet { bth: Bth { opcode, ..bth }, ext: ext(opcode.ext_kind(), values), payload };
            let frame = Frame { envelope, packet, trailer: &[] };
            let mut out = vec![0; frame.wire_len()];
            frame.encode(&mut out).unwrap();
            let (covered, on_wire) = out[envelope.eth.wire_len()..].split_last_chunk_mut().unwrap();
            let expected = icrc_of_a_masked_copy(covered);
            prop_assert_eq!(u32::from_le_bytes(*on_wire), expected, "{:?}", opcode);
            // Whatever routers write there.
            for (&(field, bits), value) in masked_fields(covered).iter().zip(values_of_masked) {
                covered[field] = covered[field] & !bits | value & bits;
            }
            prop_assert_eq!(rnic_wire::icrc::icrc(covered), Some(expected), "{:?}", opcode);
        }
    }

    #[test]
    fn wrong_extension_headers_are_not_written(
        envelope in envelope(), bth in bth(), other in prop::sample::select(Opcode::ALL), values in any::<[u64; 4]>(),
    ) {
        let ext = ext(other.ext_kind(), values);
        let mut out = [0; MAX_FRAME_LEN];
        let started = FrameEncoder::begin(&mut out, &envelope, &bth, &ext, 0).is_ok();
        prop_assert_eq!(started, other.ext_kind() == bth.opcode.ext_kind());
    }

    #[test]
    fn an_arp_frame_parses_to_what_it_was_built_from(
        eth in eth(), code in any::<u16>(), macs in (mac(), mac()), ips in any::<([u8; 4], [u8; 4])>(),
        trailer in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let arp = Arp {
            operation: ArpOperation::from_code(code),
            sender_mac: macs.0,
            sender_ip: ips.0.into(),
            target_mac: macs.1,
            target_ip: ips.1.into(),
        };
        let frame = ArpFrame { eth, arp, trailer: &trailer };
        let mut out = vec![0; frame.wire_len()];
        prop_assert_eq!(frame.encode(&mut out), Ok(out.len()));
        prop_assert_eq!(Received::parse(&out), Ok(Received::Arp(frame)));
    }

    #[test]
    fn a_neighbour_advertisement_parses_to_what_it_was_built_from(
        eth in eth(), ip in ipv6(), flags in any::<u32>(), target in any::<[u8; 16]>(), ours in mac(),
        trailer in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let target = Ipv6Addr::from(target);
        prop_assume!(!target.is_multicast());
        let flags = if ip.dst.is_multicast() { flags & !NaFlags::SOLICITED.0 } else { flags };
        let option = link_layer(LinkLayerOf::Target, ours);
        let frame = NdFrame {
            eth,
            ip: Ipv6Header { hop_limit: HOP_LIMIT, ..ip },
            message: NdMessage::NeighborAdvertisement { flags: NaFlags(flags), target },
            options: NdOptions::parse(&option).unwrap(),
            trailer: &trailer,
        };
        let bytes = encode_nd(&frame);
        prop_assert_eq!(Received::parse(&bytes), Ok(Received::NeighborDiscovery(frame)));
    }

    #[test]
    fn a_cma_header_parses_to_what_it_was_built_from(
        src_port in any::<u16>(), v6 in any::<bool>(), ips in any::<([u8; 16], [u8; 16])>(),
        consumer in prop::collection::vec(any::<u8>(), 0..=56),
    ) {
        let v4 = |a: [u8; 16]| Ipv4Addr::new(a[0], a[1], a[2], a[3]);
        let addresses = if v6 {
            IpPair::V6 { src: ips.0.into(), dst: ips.1.into() }
        } else {
            IpPair::V4 { src: v4(ips.0), dst: v4(ips.1) }
        };
        let header = CmaHeader { src_port, addresses };
        let data: [u8; 92] = header.private_data(&consumer).unwrap();
        let (back, rest) = CmaHeader::parse(&data).unwrap();
        prop_assert_eq!(back, header);
        prop_assert_eq!(&rest[..consumer.len()], consumer);
    }

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        assert_stable(&bytes);
        let _ = classify(&bytes);
        let _ = Frame::parse_with_icrc(&bytes);
        let _ = ArpFrame::parse(&bytes);
        let _ = NdFrame::parse(&bytes);
        let _ = EthHeader::parse(&bytes);
        let _ = Packet::parse(&bytes);
        let _ = CmMad::parse(&bytes);
        let _ = CmaHeader::parse(&bytes);
        let _ = rnic_wire::icrc::icrc(&bytes);
        if let Ok(options) = NdOptions::parse(&bytes) {
            let _ = options.iter().count();
        }
    }

    #[test]
    fn bytes_behind_plausible_headers_are_no_panic(
        start in prop::sample::select(STARTS),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [&[0; 12], start, &rest].concat();
        assert_stable(&bytes);
        let _ = Frame::parse_with_icrc(&bytes);
    }
}

/// Frames of a real peer with a few bytes changed reach deeper than random ones; checksums are mended for half of them.
#[test]
fn changed_captures_are_no_panic() {
    let frames: Vec<_> = common::captures()
        .iter()
        .flat_map(|p| common::frames(p).into_iter().take(20))
        .collect();
    let config = ProptestConfig {
        cases: 4096,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5);
    proptest!(config, |(
        which in any::<prop::sample::Index>(), edits in edits, cut in any::<prop::sample::Index>(), mend in any::<bool>()
    )| {
        let mut bytes = which.get(&frames).clone();
        for (at, value) in edits {
            *at.get_mut(&mut bytes) = value;
        }
        if mend {
            mend_checksums(&mut bytes);
        }
        assert_stable(&bytes);
        if let Ok((frame, _)) = Frame::parse_with_icrc(&bytes) {
            let _ = CmMad::parse(frame.packet.payload);
        }
        bytes.truncate(cut.index(bytes.len()));
        assert_stable(&bytes);
    });
}

/// Makes the IPv4 header checksum and the ICRC right, where there is room for them.
fn mend_checksums(bytes: &mut [u8]) {
    if bytes.len() < 60 || bytes[12..14] != [8, 0] {
        return;
    }
    bytes[24..26].fill(0);
    let sum: u32 = bytes[14..34]
        .chunks(2)
        .map(|w| u32::from(w[0]) << 8 | u32::from(w[1]))
        .sum();
    let folded = (sum >> 16) + (sum & 0xffff);
    let checksum = !((folded >> 16) + folded) as u16;
    bytes[24..26].copy_from_slice(&checksum.to_be_bytes());
    let end = bytes.len() - 4;
    let crc = rnic_wire::icrc::icrc(&bytes[14..end]).unwrap_or_default();
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
}
