use core::num::NonZeroU16;

use proptest::prelude::*;

use super::super::header::Partial;
use super::super::testing::{Ip, oracle, transport_oracle};
use super::*;

const NO_CHECKSUM: Offload = Offload {
    checksum: None,
    gso: None,
};

fn gso(v6: bool, size: u16) -> Gso {
    Gso {
        family: if v6 { Family::V6 } else { Family::V4 },
        size: NonZeroU16::new(size).unwrap(),
    }
}

fn cut(ip: &Ip, frame: &[u8], size: u16) -> Vec<Vec<u8>> {
    let plan = Plan::new(frame, gso(ip.v6, size), &NO_CHECKSUM).unwrap();
    let mut out = Vec::new();
    (0..plan.segments())
        .map(|n| {
            plan.segment(frame, n, &mut out);
            out.clone()
        })
        .collect()
}

/// Checks every field of every segment, and puts the payload together again.
fn check(ip: &Ip, size: usize, segments: &[Vec<u8>]) {
    let whole = ip.frame();
    let (at, tcp) = ip.places();
    let headers = tcp + 20 + ip.options.1;
    let mut payload = Vec::new();
    let last = segments.len() - 1;
    for (n, segment) in segments.iter().enumerate() {
        let part = &segment[headers..];
        assert!(part.len() == size || n == last, "segment {n}");
        assert!(part.len() <= size);
        if ip.v6 {
            let len = usize::from(be16(segment, at + 4).unwrap());
            assert_eq!(len, segment.len() - at - 40);
        } else {
            let len = usize::from(be16(segment, at + 2).unwrap());
            assert_eq!(len, segment.len() - at);
            assert_eq!(be16(segment, at + 4), Some(ip.id.wrapping_add(n as u16)));
            assert_eq!(oracle(&segment[at..tcp]), 0, "IPv4 checksum of {n}");
        }
        let sequence = ip.sequence.wrapping_add(payload.len() as u32);
        assert_eq!(be32(segment, tcp + 4), Some(sequence));
        let mut flags = ip.flags;
        if n != 0 {
            flags &= !0x80;
        }
        if n != last {
            flags &= !0x09;
        }
        assert_eq!(segment[tcp + 13], flags, "flags of {n}");
        let sum = transport_oracle(segment, at, tcp);
        assert_eq!(be16(segment, tcp + 16), Some(sum), "TCP checksum of {n}");
        // Everything else is the frame's.
        let mut same = segment[..headers].to_vec();
        for range in [
            at + 2..at + 6,
            at + 10..at + 12,
            tcp + 4..tcp + 8,
            tcp + 13..tcp + 14,
            tcp + 16..tcp + 18,
        ] {
            if range.start >= tcp || !ip.v6 || range.start == at + 2 {
                same[range.clone()].copy_from_slice(&whole[range]);
            }
        }
        assert_eq!(same, whole[..headers]);
        payload.extend_from_slice(part);
    }
    assert_eq!(payload, ip.payload);
}

#[test]
fn segments_carry_the_payload_and_right_headers() {
    // [ETH-3] [ETH-9]
    for v6 in [false, true] {
        for vlan in [false, true] {
            for (payload, size, count) in
                [(4000, 1460, 3), (2920, 1460, 2), (1, 1460, 1), (0, 9, 1)]
            {
                let ip = Ip {
                    vlan,
                    // CWR, ECE, PSH, ACK, FIN.
                    flags: 0xd9,
                    sequence: u32::MAX - 1000,
                    id: u16::MAX,
                    options: (if v6 { 0 } else { 8 }, 12),
                    ..Ip::tcp(v6, payload)
                };
                let segments = cut(&ip, &ip.frame(), size);
                assert_eq!(segments.len(), count);
                check(&ip, size.into(), &segments);
            }
        }
    }
}

#[test]
fn the_length_of_the_large_frame_is_not_believed() {
    // [ETH-3] Drivers leave it zero when it does not fit, or as it was.
    for v6 in [false, true] {
        let ip = Ip::tcp(v6, 5000);
        let mut frame = ip.frame();
        let at = 14 + if v6 { 4 } else { 2 };
        frame[at..at + 2].fill(0);
        check(&ip, 1000, &cut(&ip, &frame, 1000));
    }
}

#[test]
fn frames_that_are_not_what_the_header_says() {
    // [ETH-3]
    let ip = Ip::tcp(false, 3000);
    let good = ip.frame();
    let refuse = |frame: &[u8], gso: Gso, offload: &Offload| Plan::new(frame, gso, offload).err();
    let v4 = Some(Malformed::NotTcp(Family::V4));
    let v6 = Some(Malformed::NotTcp(Family::V6));
    assert_eq!(refuse(&good, gso(false, 1460), &NO_CHECKSUM), None);
    assert_eq!(refuse(&good, gso(true, 1460), &NO_CHECKSUM), v6);
    let other = Ip::tcp(true, 100).frame();
    assert_eq!(refuse(&other, gso(false, 1460), &NO_CHECKSUM), v4);
    let udp = Ip {
        tcp: false,
        ..ip.clone()
    };
    assert_eq!(refuse(&udp.frame(), gso(false, 1460), &NO_CHECKSUM), v4);
    for len in [0, 13, 14, 33, 34, 53] {
        assert_eq!(
            refuse(&good[..len], gso(false, 9), &NO_CHECKSUM),
            v4,
            "{len}"
        );
    }
    for (at, value) in [
        (12, 0x07), // no IP
        (14, 0x65), // no IPv4
        (14, 0x44), // header too short
        (20, 0x20), // a fragment
        (46, 0x40), // TCP header too short
    ] {
        let mut bad = good.clone();
        bad[at] = value;
        assert_eq!(refuse(&bad, gso(false, 1460), &NO_CHECKSUM), v4, "{at}");
    }
    let mut longer = Ip::tcp(false, 0).frame();
    longer[46] = 0xf0;
    assert_eq!(refuse(&longer, gso(false, 1460), &NO_CHECKSUM), v4);
    let jumbo = Ip::tcp(false, 20_000).frame();
    assert_eq!(refuse(&jumbo, gso(false, 9180), &NO_CHECKSUM), None);
    let size = Some(Malformed::GsoSize(9181));
    assert_eq!(refuse(&jumbo, gso(false, 9181), &NO_CHECKSUM), size);
    for (start, offset, good_place) in [(34, 16, true), (34, 6, false), (14, 36, false)] {
        let offload = Offload {
            checksum: Some(Partial { start, offset }),
            gso: None,
        };
        let refused = refuse(&good, gso(false, 1460), &offload);
        assert_eq!(refused.is_none(), good_place, "{start} {offset}");
    }
}

proptest! {
    #[test]
    fn any_payload_is_cut_and_comes_back(
        v6: bool, vlan: bool, flags: u8, sequence: u32, id: u16,
        payload in 0usize..30_000, size in 1u16..9000, options in (0usize..=10, 0usize..=10),
    ) {
        let size = size.max(payload as u16 / 64);
        let ip = Ip {
            vlan, flags, sequence, id,
            options: (if v6 { 0 } else { options.0 * 4 }, options.1 * 4),
            ..Ip::tcp(v6, payload)
        };
        check(&ip, size.into(), &cut(&ip, &ip.frame(), size));
    }

    #[test]
    fn arbitrary_frames_never_panic(
        mut frame in proptest::collection::vec(any::<u8>(), 0..200),
        v6: bool, vlan: bool, size in 1u16..,
    ) {
        // Enough of a header that parsing goes on.
        let header = Ip { vlan, ..Ip::tcp(v6, 0) }.frame();
        for at in [12, 13, 14, 16, 17, 18, 20, 23] {
            if at < frame.len() && frame[at] & 1 == 0 {
                frame[at] = header[at];
            }
        }
        if let Ok(plan) = Plan::new(&frame, gso(v6, size), &NO_CHECKSUM) {
            let mut out = Vec::new();
            for n in 0..plan.segments() {
                plan.segment(&frame, n, &mut out);
                prop_assert!(out.len() <= FRAME_BYTES);
            }
        }
        super::super::checksum::is_verified(&frame);
    }
}
