//! Every frame of every capture of a Linux peer is recognised, parses, has the right ICRC and
//! encodes to the same bytes.

mod common;

use std::collections::BTreeMap;

use rnic_wire::cm::{RejOf, RejectReason, Req, TransportService};
use rnic_wire::cma::{PortSpace, port_of};
use rnic_wire::udp::flow_label_of_ports;
use rnic_wire::{
    CmMad, CmMessage, CmaHeader, DropReason, Ext, Frame, FrameEncoder, IpHeader, Opcode, PKey,
    Protocol, Qpn, Received, UdpChecksum,
};

// [ROCE-20]
#[test]
fn every_frame_parses_and_encodes_to_the_same_bytes() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut opcodes: BTreeMap<&str, usize> = BTreeMap::new();
    for path in common::captures() {
        for (n, bytes) in common::frames(&path).iter().enumerate() {
            let at = format!("{} frame {n}", path.display());
            let mut out = vec![0xee; bytes.len()];
            let received = Received::parse(bytes).unwrap_or_else(|e| panic!("{at}: {e}"));
            let (kind, len) = match received {
                Received::Roce(f) => {
                    *opcodes.entry(f.packet.bth.opcode.name()).or_default() += 1;
                    ("RoCE".into(), f.encode(&mut out))
                }
                Received::Arp(f) => ("ARP".into(), f.encode(&mut out)),
                Received::NeighborDiscovery(f) => ("ND".into(), f.encode(&mut out)),
                Received::Other(p) => {
                    *seen.entry(format!("{p:?}")).or_default() += 1;
                    continue;
                }
            };
            assert_eq!(len, Ok(bytes.len()), "{at}");
            assert_eq!(&out, bytes, "{at}");
            *seen.entry(kind).or_default() += 1;
        }
    }
    // Counted by another tool, so that nothing slips through as Other.
    let expected = [
        ("ARP", 10),
        ("Ip { version: 4, protocol: 6 }", 211),
        ("Ip { version: 6, protocol: 0 }", 26),
        ("ND", 28),
        ("RoCE", 1600),
    ];
    let expected: BTreeMap<String, usize> = expected.map(|(k, n)| (k.into(), n)).into();
    assert_eq!(seen, expected);
    for op in [
        Opcode::RcSendFirst,
        Opcode::RcSendLastImm,
        Opcode::RcSendOnlyInv,
        Opcode::RcWriteOnlyImm,
        Opcode::RcWriteLastImm,
        Opcode::RcReadRequest,
        Opcode::RcReadResponseFirst,
        Opcode::RcReadResponseMiddle,
        Opcode::RcReadResponseLast,
        Opcode::RcReadResponseOnly,
        Opcode::RcAcknowledge,
        Opcode::RcAtomicAcknowledge,
        Opcode::RcCompareSwap,
        Opcode::RcFetchAdd,
        Opcode::UdSendOnly,
    ] {
        assert!(
            opcodes.contains_key(op.name()),
            "{op:?} is in no capture: {opcodes:?}"
        );
    }
}

/// The payload may be written by the caller between headers and ICRC.
/// A peer that fills the field in is taken at its word: the sum must be right.
// [ROCE-22]
#[test]
fn a_udp_checksum_is_absent_or_right_in_both_families() {
    let mut families = [0; 2];
    for bytes in common::captures()
        .iter()
        .flat_map(|path| common::frames(path))
    {
        let Ok(Received::Roce(mut frame)) = Received::parse(&bytes) else {
            continue;
        };
        let v6 = matches!(frame.envelope.ip, IpHeader::V6(_));
        families[usize::from(v6)] += 1;
        // As the Linux peer sends it over either family.
        assert_eq!(frame.envelope.udp.checksum, UdpChecksum::Absent);
        frame.envelope.udp.checksum = UdpChecksum::Present;
        let mut summed = vec![0; bytes.len()];
        frame.encode(&mut summed).unwrap();
        assert_eq!(Frame::parse(&summed), Ok(frame));
        let ip_len = if v6 { 40 } else { 20 };
        let field = bytes.len() - frame.trailer.len() - frame.packet.wire_len() - 2;
        assert_eq!(summed[14 + ip_len + 6..][..2], summed[field..][..2]);
        assert_ne!(summed[field..][..2], [0; 2]);
        summed[field] ^= 1;
        let wrong = Frame::parse(&summed);
        // Off by one bit it may be zero, which says that there is none.
        if summed[field..][..2] != [0; 2] {
            assert_eq!(wrong, Err(DropReason::UdpChecksum));
        }
    }
    assert!(families[0] > 1000 && families[1] > 100, "{families:?}");
}

#[test]
fn scattered_encoding_gives_the_same_bytes() {
    for path in common::captures() {
        for bytes in common::frames(&path) {
            let Ok(Received::Roce(f)) = Received::parse(&bytes) else {
                continue;
            };
            let mut out = vec![0xee; bytes.len() + 7];
            let (bth, ext, payload) = (&f.packet.bth, &f.packet.ext, f.packet.payload);
            let mut e =
                FrameEncoder::begin(&mut out, &f.envelope, bth, ext, payload.len()).unwrap();
            for (to, from) in e.payload_mut().iter_mut().zip(payload) {
                *to = *from;
            }
            assert_eq!(e.finish_icrc(), bytes.len());
            assert_eq!(out[..bytes.len()], bytes);
            assert_eq!(out[bytes.len()..], [0xee; 7]);
        }
    }
}

/// A single wrong bit anywhere is noticed, except where routers may change bits.
// [ROCE-23]
#[test]
fn one_wrong_bit_is_refused() {
    let path = &common::captures()[0];
    let bytes = common::frames(path)
        .into_iter()
        .find(|b| matches!(Received::parse(b), Ok(Received::Roce(f)) if matches!(f.packet.ext, Ext::Reth(_) | Ext::Ieth(_))))
        .expect("a request");
    // Ethernet addresses are outside every checksum; the IPv4 header has its own.
    for bit in 14 * 8..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        let outcome = Frame::parse(&changed);
        let ecn_or_reserved = bit / 8 == 14 + 32;
        assert_eq!(outcome.is_ok(), ecn_or_reserved, "bit {bit}: {outcome:?}");
    }
}

#[test]
fn truncation_is_refused_at_every_length() {
    for path in common::captures() {
        for bytes in common::frames(&path).iter().take(12) {
            for len in 0..bytes.len() {
                let cut = &bytes[..len];
                match Received::parse(cut) {
                    Err(_) | Ok(Received::Other(_)) => {}
                    // Ethernet padding may be missing.
                    Ok(Received::Arp(_)) if len >= 42 => {}
                    Ok(other) => panic!("{len} of {}: {other:?}", bytes.len()),
                }
            }
        }
    }
    assert_eq!(Received::parse(&[]), Err(DropReason::EthernetTruncated));
}

/// Every datagram to QP1 is a connection manager message that encodes to the same bytes, and what it says is
/// what the peers were told to do.
#[test]
fn every_connection_message_parses_whole() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for path in common::captures() {
        for bytes in common::frames(&path) {
            let Ok(Received::Roce(f)) = Received::parse(&bytes) else {
                continue;
            };
            if f.packet.bth.dest_qpn != Qpn::GSI {
                continue;
            }
            let mad = CmMad::parse(f.packet.payload).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            assert_eq!(mad.to_bytes(), f.packet.payload, "{path:?}");
            *seen.entry(mad.message.name()).or_default() += 1;

            let again =
                rnic_wire::mad::packet(f.packet.payload.try_into().unwrap(), f.packet.bth.psn);
            assert_eq!(again, f.packet, "{path:?}");
            assert_eq!(
                f.envelope.udp.src_port,
                rnic_wire::udp::LINUX_GSI_SOURCE_PORT
            );
            match mad.message {
                CmMessage::Req(m) => check_req(&m, &f),
                CmMessage::Rep(m) => {
                    assert_eq!((m.target_ack_delay.code(), m.reserved_27), (15, 0));
                    assert_ne!(m.local_ca_guid, 0);
                }
                CmMessage::Rej(m) if path.to_string_lossy().contains("no-listener") => {
                    assert_eq!(
                        (m.message, m.reason),
                        (RejOf::Req, RejectReason::INVALID_SERVICE_ID)
                    );
                }
                CmMessage::Rej(m) => {
                    assert_eq!(
                        (m.message, m.reason),
                        (RejOf::Req, RejectReason::CONSUMER_DEFINED)
                    );
                    assert!(m.private_data.starts_with(b"no thanks\0"));
                }
                _ => {}
            }
        }
    }
    assert_eq!(
        seen.keys().copied().collect::<Vec<_>>(),
        ["DREP", "DREQ", "REJ", "REP", "REQ", "RTU"]
    );
}

fn check_req(m: &Req, f: &Frame<'_>) {
    assert_eq!(m.transport_service, TransportService::Rc);
    assert_eq!(m.pkey, PKey::DEFAULT);
    assert_eq!(m.primary_local_gid, f.envelope.ip.src_gid());
    assert_eq!(m.primary_remote_gid, f.envelope.ip.dst_gid());
    assert_eq!(m.local_cm_response_timeout.code(), 20);
    assert_eq!(m.max_cm_retries, 15);
    assert!(m.mtu().is_some());
    let (space, port) = port_of(m.service_id).expect("a service of rdma_cm");
    assert_eq!(space, PortSpace::Tcp);
    let (header, consumer) = CmaHeader::parse(&m.private_data).expect("rdma_cm private data");
    assert_eq!(
        (header.addresses.src(), header.addresses.dst()),
        (f.envelope.ip.src(), f.envelope.ip.dst())
    );
    assert_eq!(
        m.primary_flow_label,
        flow_label_of_ports(header.src_port, port)
    );
    assert_eq!(header.private_data(consumer), Some(m.private_data));
}

/// What the counts mean for classification: nothing of port 4791 is left to the guest's stack.
#[test]
fn iwarp_captures_hold_no_roce() {
    for path in common::captures() {
        let iwarp = path.to_string_lossy().contains("siw");
        let roce = common::frames(&path)
            .iter()
            .any(|b| rnic_wire::classify(b) == Ok(Protocol::Roce));
        assert_eq!(roce, !iwarp, "{path:?}");
    }
}
