use rnic_abi::CounterId;
use rnic_wire::MacAddr;

use super::super::testing::{Bed, INDIRECT, Ip, NEXT, WRITE, plain};

const ME: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

#[test]
fn a_frame_is_put_in_one_chain_with_a_header() {
    // [ETH-4] [ETH-9] [ETH-10] [ETH-11]
    let mut bed = Bed::new();
    let mut d = bed.receive_queue(8);
    bed.offer(&mut d, 0, 2048);
    bed.offer(&mut d, 1, 2048);
    bed.ring(&d);
    let tagged = Ip {
        vlan: true,
        ..Ip::tcp(true, 77)
    }
    .frame();
    let group = plain(MacAddr([1, 0, 0x5e, 0, 0, 1]), 60);
    let mut header = [0; 12];
    header[10] = 1; // num_buffers
    for (n, frame) in [&tagged, &group].into_iter().enumerate() {
        bed.receive(frame);
        let len = 12 + frame.len();
        assert_eq!(bed.used(&mut d), [(n as u32, len as u32)]);
        let got = bed.bytes(d.buffers[n], len + 1);
        assert_eq!(got[..12], header);
        assert_eq!(got[12..len], frame[..]);
        assert_eq!(got[len], 0, "nothing behind the frame");
        assert_eq!(bed.env.host.take_raised(d.vector), 1);
    }
    bed.offer(&mut d, 2, 2048);
    bed.ring(&d);
    bed.receive(&plain(MacAddr::BROADCAST, 14));
    assert_eq!(bed.count(CounterId::ETH_FRAMES_IN), 3);
    let octets = tagged.len() + 60 + 14;
    assert_eq!(bed.count(CounterId::ETH_OCTETS_IN), octets as u64);
    assert_eq!(bed.count(CounterId::ETH_MULTICAST_IN), 1);
    assert_eq!(bed.count(CounterId::ETH_BROADCAST_IN), 1);
    assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 0);
}

#[test]
fn a_frame_is_scattered_over_its_chain() {
    // [ETH-4]
    let mut bed = Bed::new();
    let mut d = bed.receive_queue(8);
    let at = d.buffers[0];
    bed.descriptor(&d, 4, at, 7, NEXT | WRITE, 2);
    bed.descriptor(&d, 2, at + 100, 0, NEXT | WRITE, 1);
    bed.descriptor(&d, 1, at + 200, 15, NEXT | WRITE, 0);
    bed.descriptor(&d, 0, at + 300, 50, WRITE, 0);
    bed.post(&mut d, 4);
    bed.ring(&d);
    let frame = plain(ME, 60);
    bed.receive(&frame);
    assert_eq!(bed.used(&mut d), [(4, 72)]);
    let mut got = bed.bytes(at, 7);
    got.extend(bed.bytes(at + 200, 15));
    got.extend(bed.bytes(at + 300, 50));
    assert_eq!(got[12..], frame[..]);
}

#[test]
fn without_a_buffer_the_frame_is_dropped() {
    // [ETH-4]
    let mut bed = Bed::new();
    let frame = plain(ME, 60);
    bed.receive(&frame);
    assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 1);
    let mut d = bed.receive_queue(8);
    bed.receive(&frame);
    assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 2);
    // Posted and rung, but the lane was not told yet: it looks.
    bed.offer(&mut d, 0, 100);
    bed.receive(&frame);
    assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 3);
    crate::env::Env::set_doorbell(&mut bed.env, d.slot, 1);
    bed.receive(&frame);
    assert_eq!(bed.used(&mut d), [(0, 72)]);
    bed.receive(&frame);
    assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 4);
    assert_eq!(bed.count(CounterId::ETH_FRAMES_IN), 1);
}

#[test]
fn a_chain_that_cannot_take_the_frame_takes_nothing() {
    // [ETH-4]
    let mut bed = Bed::new();
    let mut d = bed.receive_queue(8);
    let at = d.buffers[0];
    let nowhere = 0x7000_0000_0000;
    bed.descriptor(&d, 0, at, 71, WRITE, 0);
    bed.descriptor(&d, 1, at, 12, NEXT | WRITE, 2);
    bed.descriptor(&d, 2, at + 12, 100, 0, 0);
    bed.descriptor(&d, 3, nowhere, 100, WRITE, 0);
    bed.descriptor(&d, 4, at, 72, WRITE, 0);
    let frame = plain(ME, 60);
    for (n, head) in [0u16, 1, 3].into_iter().enumerate() {
        bed.post(&mut d, head);
        bed.ring(&d);
        bed.receive(&frame);
        assert_eq!(bed.used(&mut d), [(u32::from(head), 0)]);
        assert_eq!(bed.bytes(at, 80), [0; 80]);
        assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), n as u64 + 1);
    }
    assert_eq!(bed.count(CounterId::DMA_ERRORS), 1);
    bed.post(&mut d, 4);
    bed.ring(&d);
    bed.receive(&frame);
    assert_eq!(bed.used(&mut d), [(4, 72)]);
}

#[test]
fn a_broken_chain_stops_the_queue() {
    // [ETH-1]
    for (flags, next) in [(NEXT | WRITE, 0), (NEXT | WRITE, 8), (INDIRECT | WRITE, 0)] {
        let mut bed = Bed::new();
        let mut d = bed.receive_queue(8);
        bed.descriptor(&d, 0, d.buffers[0], 16, flags, next);
        bed.post(&mut d, 0);
        bed.offer(&mut d, 1, 2048);
        bed.ring(&d);
        bed.receive(&plain(ME, 60));
        bed.receive(&plain(ME, 60));
        assert_eq!(bed.used(&mut d), [(0, 0)]);
        assert_eq!(bed.count(CounterId::ETH_DROPPED_NO_BUFFER), 2);
        assert_eq!(bed.count(CounterId::ETH_FRAMES_IN), 0);
    }
}

#[test]
fn frames_longer_than_the_driver_takes_are_dropped() {
    // [ETH-5]
    let mut bed = Bed::new();
    let mut d = bed.receive_queue(8);
    for n in 0..4 {
        bed.offer(&mut d, n, 10_000);
    }
    bed.ring(&d);
    let lens = |bed: &Bed, d: &mut _| -> Vec<u32> {
        bed.used(d).into_iter().map(|(_, len)| len - 12).collect()
    };
    for len in [1518, 1519, 9234] {
        bed.receive(&plain(ME, len));
    }
    assert_eq!(lens(&bed, &mut d), [1518]);
    bed.lane.set_offloads(false, 9234);
    for len in [9234, 9235] {
        bed.receive(&plain(ME, len));
    }
    assert_eq!(lens(&bed, &mut d), [9234]);
    // What is no frame is not received either.
    for len in [0, 5, 6, 13] {
        bed.receive(&plain(ME, 14)[..len]);
    }
    assert_eq!(lens(&bed, &mut d), [0; 0]);
}

#[test]
fn frames_are_valid_only_when_verified() {
    // [ETH-5]
    let right = Ip::tcp(false, 100);
    let datagram = Ip {
        tcp: false,
        ..Ip::tcp(true, 100)
    };
    let wrong = |at: usize, ip: &Ip| {
        let mut frame = ip.frame();
        frame[at] ^= 0x55;
        frame
    };
    let mut padded = Ip::tcp(false, 0).frame();
    padded.resize(60, 0xaa);
    let mut fragment = right.frame();
    fragment[20] |= 0x20;
    let mut no_checksum = Ip {
        tcp: false,
        ..right.clone()
    }
    .frame();
    no_checksum[40..42].fill(0);
    let mut short_udp = datagram.frame();
    short_udp[58..60].copy_from_slice(&7u16.to_be_bytes());
    let mut long_udp = datagram.frame();
    long_udp[58..60].copy_from_slice(&109u16.to_be_bytes());
    let table = [
        ("TCP over IPv4", right.frame(), true),
        ("UDP over IPv6", datagram.frame(), true),
        ("TCP over IPv6", Ip::tcp(true, 33).frame(), true),
        ("padded to 60 bytes", padded, true),
        ("payload", wrong(80, &right), false),
        ("TCP checksum", wrong(50, &right), false),
        ("IPv4 checksum", wrong(24, &right), false),
        ("IPv6 address", wrong(30, &datagram), false),
        ("fragment", fragment, false),
        ("UDP without checksum", no_checksum, false),
        ("UDP length below its header", short_udp, false),
        ("UDP length past the packet", long_udp, false),
        ("cut short", right.frame()[..100].to_vec(), false),
        ("not IP", plain(ME, 60), false),
    ];
    for (name, frame, valid) in table {
        for verify in [false, true] {
            let mut bed = Bed::new();
            let mut d = bed.receive_queue(8);
            bed.lane.set_offloads(verify, 1518);
            bed.offer(&mut d, 0, 2048);
            bed.ring(&d);
            bed.receive(&frame);
            assert_eq!(bed.used(&mut d).len(), 1, "{name}");
            let flags = bed.bytes(d.buffers[0], 1)[0];
            assert_eq!(flags, if verify && valid { 2 } else { 0 }, "{name}");
        }
    }
}
