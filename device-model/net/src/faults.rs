//! What can go wrong with a frame on its way, done to its bytes. Which frames it happens to is a fault
//! plan's to say (`rnic-core`); when they come is their carrier's.
//!
//! Tests: below.

use rnic_wire::Frame;

/// Octets of an Ethernet header without tag.
const ETHERNET: usize = 14;

/// A number that the RoCEv2 frames of one flow share: addresses and destination queue pair. Other
/// frames are one flow.
#[must_use]
pub fn flow_of(frame: &[u8]) -> u64 {
    let Ok(parsed) = Frame::parse(frame) else {
        return 0;
    };
    let (ip, bth) = (&parsed.envelope.ip, &parsed.packet.bth);
    let (source, destination) = (ip.src_gid().0, ip.dst_gid().0);
    let numbers = bth.dest_qpn.get().to_be_bytes();
    // FNV-1a; 0 is for the others.
    let all = source.iter().chain(&destination).chain(&numbers);
    let hash = all.fold(0xcbf2_9ce4_8422_2325u64, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3)
    });
    hash.max(1)
}

/// Turns one bit behind the Ethernet header, which nothing but the frame check sequence covers.
/// `random` decides which.
pub fn corrupt(frame: &mut [u8], random: u64) {
    let Some(room) = frame.get_mut(ETHERNET..).filter(|room| !room.is_empty()) else {
        return;
    };
    let bits = (room.len() as u64).saturating_mul(8);
    let bit = random % bits;
    let place = usize::try_from(bit / 8).unwrap_or(0);
    if let Some(octet) = room.get_mut(place) {
        *octet ^= 1 << (bit % 8);
    }
}

/// Sets Congestion Experienced (RFC 3168 section 5) in an IPv4 or IPv6 header, and mends the
/// IPv4 header's checksum (RFC 1624).
pub fn mark_congestion(frame: &mut [u8]) {
    let (ethernet, packet) = frame.split_at_mut(ETHERNET.min(frame.len()));
    match ethernet.get(12..14) {
        Some([0x08, 0x00]) => {
            let Some([_, traffic]) = packet.first_chunk_mut::<2>() else {
                return;
            };
            let before = *traffic;
            *traffic |= 3;
            let added = *traffic - before;
            if let Some([high, low]) = packet.get_mut(10..12) {
                let sum = !u16::from_be_bytes([*high, *low]);
                let (sum, carry) = sum.overflowing_add(u16::from(added));
                [*high, *low] = (!(sum + u16::from(carry))).to_be_bytes();
            }
        }
        Some([0x86, 0xdd]) => {
            if let Some(byte) = packet.get_mut(1) {
                *byte |= 0x30;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcap::CaptureReader;
    use std::collections::BTreeMap;

    #[test]
    fn a_congestion_mark_keeps_the_ipv4_header_right() {
        let sum = |header: &[u8]| {
            let words = header
                .chunks(2)
                .map(|w| u32::from(w[0]) << 8 | u32::from(w[1]));
            let sum: u32 = words.sum();
            (sum & 0xffff) + (sum >> 16)
        };
        let mut header = vec![0x45, 0x02, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x11];
        header.extend([0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let checksum = !u16::try_from(sum(&header)).unwrap();
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(sum(&header), 0xffff);
        let mut frame = vec![0u8; 14];
        frame[12] = 0x08;
        frame.extend(&header);
        mark_congestion(&mut frame);
        assert_eq!(frame[15] & 3, 3);
        assert_eq!(sum(&frame[14..]), 0xffff);
        let mut six = vec![0u8; 54];
        (six[12], six[13], six[14]) = (0x86, 0xdd, 0x60);
        mark_congestion(&mut six);
        assert_eq!(six[15] & 0x30, 0x30);
        for length in 0..20 {
            mark_congestion(&mut vec![8; length]);
        }
    }

    #[test]
    fn one_bit_turns_and_never_in_the_ethernet_header() {
        for length in [0, 1, 14, 15, 64] {
            for random in [0, 1, 399, u64::MAX] {
                let mut frame = vec![0u8; length];
                corrupt(&mut frame, random);
                let turned: u32 = frame.iter().map(|octet| octet.count_ones()).sum();
                assert_eq!(turned, u32::from(length > 14), "{length}");
                assert!(frame.iter().take(14).all(|octet| *octet == 0));
            }
        }
    }

    #[test]
    fn each_direction_of_each_connection_is_a_flow() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../wire/tests/captures/rping-v4.pcap"
        );
        let mut reader = CaptureReader::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut flows = BTreeMap::<u64, Vec<String>>::new();
        while let Some(captured) = reader.next_frame().unwrap() {
            let name = match Frame::parse(captured.data) {
                Ok(f) => format!("{} {}", f.envelope.ip.dst(), f.packet.bth.dest_qpn),
                Err(_) => "other".into(),
            };
            let names = flows.entry(flow_of(captured.data)).or_default();
            names.push(name);
            names.dedup();
        }
        // QP1 and one queue pair at each side, and what is not RoCE.
        assert_eq!(flows.len(), 5, "{flows:?}");
        assert!(flows.values().all(|names| names.len() == 1), "{flows:?}");
    }
}
