use proptest::prelude::*;
use rnic_abi::CounterId;

use super::super::testing::{
    BUFFER, Bed, Driver, INDIRECT, Ip, NEXT, WRITE, net_header, oracle, plain, transport_oracle,
};
use super::*;
use rnic_wire::MacAddr;

const PEER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
const NONE: [u8; 12] = [0; 12];

#[test]
fn a_frame_goes_as_it_is() {
    // [ETH-3] [ETH-9] [ETH-11]
    let mut bed = Bed::new();
    let mut d = bed.transmit_queue(8);
    let tagged = Ip {
        vlan: true,
        ..Ip::tcp(false, 100)
    };
    let frames = [plain(PEER, 14), plain(PEER, 9234), tagged.frame()];
    for (n, frame) in (0..).zip(&frames) {
        bed.send(&mut d, n, NONE, frame);
    }
    bed.run_all();
    assert_eq!(bed.env.sent, frames);
    assert_eq!(bed.used(&mut d), [(0, 0), (1, 0), (2, 0)]);
    assert_eq!(bed.count(CounterId::ETH_FRAMES_OUT), 3);
    let octets: usize = frames.iter().map(Vec::len).sum();
    assert_eq!(bed.count(CounterId::ETH_OCTETS_OUT), octets as u64);
    assert_eq!(bed.count(CounterId::ETH_DROPPED_MALFORMED), 0);
}

#[test]
fn a_chain_in_pieces_is_joined() {
    // [ETH-3] Even in the middle of the header.
    let mut bed = Bed::new();
    let mut d = bed.transmit_queue(8);
    let frame = plain(PEER, 100);
    let bytes = [&NONE[..], &frame].concat();
    let at = d.buffers[0];
    bed.guest.write(at, &bytes[..5]);
    bed.guest.write(at + 1000, &bytes[5..40]);
    bed.guest.write(at + 2000, &bytes[40..]);
    bed.descriptor(&d, 3, at, 5, NEXT, 0);
    bed.descriptor(&d, 0, at + 1000, 35, NEXT, 1);
    bed.descriptor(&d, 1, at + 1500, 0, NEXT, 6);
    bed.descriptor(&d, 6, at + 2000, bytes.len() as u32 - 40, 0, 5);
    bed.post(&mut d, 3);
    bed.ring(&d);
    bed.run_all();
    assert_eq!(bed.env.sent, [frame]);
    assert_eq!(bed.used(&mut d), [(3, 0)]);
}

#[test]
fn a_checksum_is_filled_in() {
    // [ETH-3]
    for v6 in [false, true] {
        for tcp in [false, true] {
            for payload in [0, 1, 2, 1400, 1401] {
                let mut bed = Bed::new();
                let mut d = bed.transmit_queue(8);
                let ip = Ip {
                    vlan: payload == 2,
                    tcp,
                    ..Ip::tcp(v6, payload)
                };
                let (frame, start, offset) = ip.partial();
                bed.send(&mut d, 0, net_header(1, 0, 0, start, offset), &frame);
                bed.run_all();
                assert_eq!(bed.env.sent, [ip.frame()], "{v6} {tcp} {payload}");
            }
        }
    }
}

#[test]
fn a_large_frame_is_cut() {
    // [ETH-3] [ETH-11] The fields are checked in the tests of `lso`; here that they get there.
    for (v6, gso_type) in [(false, 1), (true, 4), (false, 0x81)] {
        let mut bed = Bed::new();
        let mut d = bed.transmit_queue(8);
        let ip = Ip::tcp(v6, 60_000);
        let (frame, start, offset) = ip.partial();
        let header = net_header(1, gso_type, 1440, start, offset);
        bed.send(&mut d, 0, header, &frame);
        bed.run_all();
        let segments = 60_000usize.div_ceil(1440);
        assert_eq!(bed.env.sent.len(), segments);
        let (at, tcp) = ip.places();
        let mut payload = Vec::new();
        for segment in &bed.env.sent {
            let sum = transport_oracle(segment, at, tcp).to_be_bytes();
            assert_eq!(segment[tcp + 16..tcp + 18], sum);
            assert!(v6 || oracle(&segment[at..tcp]) == 0);
            payload.extend_from_slice(&segment[tcp + 20..]);
        }
        assert_eq!(payload, ip.payload);
        assert_eq!(bed.used(&mut d), [(0, 0)]);
        assert_eq!(bed.count(CounterId::ETH_FRAMES_OUT), segments as u64);
        let octets = 60_000 + segments * (tcp + 20);
        assert_eq!(bed.count(CounterId::ETH_OCTETS_OUT), octets as u64);
    }
}

#[test]
fn a_full_port_loses_nothing() {
    // [ETH-3] The frame, or the next segment, is kept.
    let mut bed = Bed::new();
    let mut d = bed.transmit_queue(8);
    let ip = Ip::tcp(false, 10_000);
    let frames: Vec<_> = (0..4).map(|n| plain(PEER, 60 + n)).collect();
    bed.send(&mut d, 0, NONE, &frames[0]);
    bed.send(&mut d, 1, net_header(0, 1, 1000, 0, 0), &ip.frame());
    for n in 1..4 {
        bed.send(&mut d, n + 1, NONE, &frames[usize::from(n)]);
    }
    bed.env.room = 0;
    let mut runs = 0;
    while bed.env.sent.len() < 14 {
        // A blocked lane is idle, asks to be called again, and does not keep the device awake.
        let (progress, _) = bed.run(Budget::DEFAULT);
        assert_eq!(progress, crate::env::Progress::Idle);
        assert_eq!(bed.lane.next_timer().is_some(), bed.env.sent.len() < 14);
        assert!(!bed.lane.is_busy());
        bed.env.room = 1;
        runs += 1;
        assert!(runs < 20);
    }
    bed.env.room = 1;
    bed.run_all();
    assert!(bed.lane.next_timer().is_none());
    assert_eq!(bed.used(&mut d).len(), 5);
    assert_eq!(bed.env.sent[0], frames[0]);
    let payload: Vec<u8> = bed.env.sent[1..11]
        .iter()
        .flat_map(|segment| segment[54..].to_vec())
        .collect();
    assert_eq!(payload, ip.payload);
    assert_eq!(bed.env.sent[11..], frames[1..]);
}

#[test]
fn malformed_chains_are_counted_and_given_back() {
    // [ETH-3]
    type Make = fn(&mut Bed, &mut Driver);
    fn one(bed: &mut Bed, d: &mut Driver, header: [u8; 12], frame: &[u8]) {
        bed.send(d, 0, header, frame);
    }
    // Name, chain, whether the queue goes on.
    let table: &[(&str, Make, bool)] = &[
        (
            "no room for an Ethernet header",
            |bed, d| one(bed, d, NONE, &[0; 13]),
            true,
        ),
        (
            "nothing at all",
            |bed, d| {
                bed.descriptor(d, 0, d.buffers[0], 0, 0, 0);
                bed.post(d, 0);
            },
            true,
        ),
        (
            "too long without segmentation",
            |bed, d| one(bed, d, NONE, &[0; 9235]),
            true,
        ),
        (
            "too long with segmentation",
            |bed, d| {
                one(
                    bed,
                    d,
                    net_header(0, 1, 100, 0, 0),
                    &[0; lso::MAX_BYTES + 1],
                )
            },
            true,
        ),
        (
            "gigabytes",
            |bed, d| {
                for n in 0..4 {
                    let flags = if n < 3 { NEXT } else { 0 };
                    bed.descriptor(d, n, d.buffers[0], u32::MAX, flags, n + 1);
                }
                bed.post(d, 0);
            },
            true,
        ),
        (
            "checksum past the end",
            |bed, d| one(bed, d, net_header(1, 0, 0, 50, 9), &[0; 60]),
            true,
        ),
        (
            "checksum start past the end",
            |bed, d| one(bed, d, net_header(1, 0, 0, u16::MAX, u16::MAX), &[0; 60]),
            true,
        ),
        (
            "checksum over the Ethernet header",
            |bed, d| one(bed, d, net_header(1, 0, 0, 0, 20), &[0; 60]),
            true,
        ),
        (
            "segments of UDP",
            |bed, d| {
                one(
                    bed,
                    d,
                    net_header(0, 3, 100, 0, 0),
                    &Ip::tcp(false, 300).frame(),
                )
            },
            true,
        ),
        (
            "unknown segmentation",
            |bed, d| {
                one(
                    bed,
                    d,
                    net_header(0, 0x7f, 100, 0, 0),
                    &Ip::tcp(false, 300).frame(),
                )
            },
            true,
        ),
        (
            "ECN without segmentation",
            |bed, d| {
                one(
                    bed,
                    d,
                    net_header(0, 0x80, 100, 0, 0),
                    &Ip::tcp(false, 300).frame(),
                )
            },
            true,
        ),
        (
            "segments of nothing",
            |bed, d| {
                one(
                    bed,
                    d,
                    net_header(0, 1, 0, 0, 0),
                    &Ip::tcp(false, 300).frame(),
                )
            },
            true,
        ),
        (
            "IPv6 segmentation of IPv4",
            |bed, d| {
                one(
                    bed,
                    d,
                    net_header(0, 4, 100, 0, 0),
                    &Ip::tcp(false, 300).frame(),
                )
            },
            true,
        ),
        (
            "another checksum than TCP's",
            |bed, d| {
                one(
                    bed,
                    d,
                    net_header(1, 1, 100, 34, 6),
                    &Ip::tcp(false, 300).frame(),
                )
            },
            true,
        ),
        (
            "memory that is not there",
            |bed, d| {
                bed.descriptor(d, 0, 0x7000_0000_0000, 100, 0, 0);
                bed.post(d, 0);
            },
            true,
        ),
        (
            "an address that wraps",
            |bed, d| {
                bed.descriptor(d, 0, u64::MAX - 10, 100, 0, 0);
                bed.post(d, 0);
            },
            true,
        ),
        (
            "writable",
            |bed, d| {
                bed.descriptor(d, 0, d.buffers[0], 50, NEXT, 1);
                bed.descriptor(d, 1, d.buffers[0], 50, WRITE, 0);
                bed.post(d, 0);
            },
            true,
        ),
        (
            "a loop",
            |bed, d| {
                bed.descriptor(d, 0, d.buffers[0], 50, NEXT, 1);
                bed.descriptor(d, 1, d.buffers[0], 50, NEXT, 0);
                bed.post(d, 0);
            },
            false,
        ),
        (
            "a link past the table",
            |bed, d| {
                bed.descriptor(d, 0, d.buffers[0], 50, NEXT, 8);
                bed.post(d, 0);
            },
            false,
        ),
        (
            "indirect",
            |bed, d| {
                bed.descriptor(d, 0, d.buffers[0], 64, INDIRECT, 0);
                bed.post(d, 0);
            },
            false,
        ),
    ];
    for (name, make, goes_on) in table {
        let mut bed = Bed::new();
        let mut d = bed.transmit_queue(8);
        make(&mut bed, &mut d);
        bed.ring(&d);
        bed.run_all();
        assert_eq!(bed.count(CounterId::ETH_DROPPED_MALFORMED), 1, "{name}");
        assert_eq!(bed.used(&mut d), [(0, 0)], "{name}");
        assert!(bed.env.sent.is_empty(), "{name}");
        assert_eq!(bed.env.host.take_raised(d.vector), 1, "{name}");
        bed.send(&mut d, 5, NONE, &plain(PEER, 60));
        bed.run_all();
        assert_eq!(bed.env.sent.len(), usize::from(*goes_on), "{name}");
    }
}

#[test]
fn segmentation_that_is_not_in_force_is_malformed() {
    // [ETH-3]
    let mut bed = Bed::new();
    bed.resources.features = feature::ETHERNET;
    let mut d = bed.transmit_queue(8);
    let header = net_header(0, 1, 1000, 0, 0);
    bed.send(&mut d, 0, header, &Ip::tcp(false, 100).frame());
    bed.run_all();
    assert_eq!(bed.count(CounterId::ETH_DROPPED_MALFORMED), 1);
    assert!(bed.env.sent.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn arbitrary_headers_and_chains_never_panic(
        header: [u8; 12],
        frame in proptest::collection::vec(any::<u8>(), 0..300),
        table in proptest::collection::vec((0u8..6, 0u32..400, 0u16..8, 0u16..10), 8),
        heads in proptest::collection::vec(0u16..10, 1..8),
        tcp: bool,
    ) {
        let mut bed = Bed::new();
        let mut d = bed.transmit_queue(8);
        let ip = Ip::tcp(header[1] & 4 != 0, frame.len());
        let frame = if tcp { ip.frame() } else { frame };
        let at = d.buffers[0];
        bed.guest.write(at, &header);
        bed.guest.write(at + 12, &frame);
        for (n, (place, len, flags, next)) in (0..).zip(table) {
            let iova = match place {
                0 => 0x7000_0000_0000,
                place => at + u64::from(place - 1) * 6,
            };
            // Indirect descriptors stop the queue: not in every chain.
            let flags = if flags == 7 { flags } else { flags & 3 };
            let len = if n == 0 { 12 + frame.len() as u32 } else { len };
            bed.descriptor(&d, n, iova, len, flags, next);
        }
        for head in heads {
            bed.post(&mut d, head);
        }
        bed.ring(&d);
        bed.run_all();
        let given_back = bed.used(&mut d).len() as u64;
        let counted = bed.count(CounterId::ETH_DROPPED_MALFORMED);
        prop_assert!(given_back >= counted);
        prop_assert!(bed.env.sent.iter().all(|frame| frame.len() <= FRAME_BYTES));
        prop_assert!(BUFFER > 0 && bed.env.sent.len() as u64 >= given_back - counted);
    }
}
