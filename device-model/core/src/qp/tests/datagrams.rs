//! Queue pairs of type UD `[UD-1]` to `[UD-10]`.

use rnic_abi::{CompletionStatus, DatagramSegment, ProviderError};
use rnic_wire::{Frame, QKey};

use super::super::Notice;
use super::*;

const KEY: u32 = 0x1234_5678;
const OWN_KEY: u32 = 0x8000_0001;

/// Two ends of type UD, in RTS, whose own keys have the controlled bit when `controlled`.
fn pair(wire: Wire, controlled: bool, srq: bool) -> Pair {
    let mut p = Pair::new(wire);
    let key = if controlled { OWN_KEY } else { KEY };
    p.qa = ready(&mut p.a, key, srq);
    p.qb = ready(&mut p.b, key, srq);
    p
}

fn ready(node: &mut Node, key: u32, srq: bool) -> u32 {
    let qpn = node.create_of(QpType::UD, srq);
    let mut nowhere = path(node, node, 0, Mtu::B1024);
    nowhere.peer = Gid::UNSPECIFIED;
    node.qps.set_attributes(qpn, |a| {
        a.path = Some(nowhere);
        a.qkey = Some(QKey(key));
        a.send_psn = Some(Psn::new(0xff_ffff));
    });
    for state in [QpState::RTR, QpState::RTS] {
        let changed = node.qps.change(&mut node.env, &mut node.res, qpn, state);
        changed.unwrap();
    }
    qpn
}

fn destination(to: Gid, qpn: u32, key: u32) -> DatagramSegment {
    let mut d = DatagramSegment::zeroed();
    d.address = to.0;
    d.qpn.set(qpn);
    d.qkey.set(key);
    d
}

fn datagram(context: u64, to: &DatagramSegment, from: (u64, u32, u32)) -> Wr {
    Wr::new(WorkOpcode::SEND, context)
        .operands(to.as_bytes())
        .segment(from.0, from.1, from.2)
}

/// Tells a node where the other is, as its control plane would.
fn tell(node: &mut Node, other: u8) {
    let mac = MacAddr([2, 0, 0, 0, 0, other]);
    node.qps.datagram_hop_told(Some(mac), |_, _| true);
}

/// Sends 100 bytes from a to b and lets them arrive.
fn send(p: &mut Pair, key: u32) {
    let to = destination(p.b.gid, p.qb, key);
    p.a.post(p.qa, datagram(1, &to, (BASE, 100, p.a.key)));
    p.settle();
    tell(&mut p.a, 2);
    p.settle();
}

#[test]
fn a_datagram_arrives_behind_its_header() {
    // [UD-5], [UD-9]
    for wire in BOTH {
        let mut p = pair(wire, false, false);
        p.a.put(0, &[0xab; 100]);
        p.b.put(0, &[0xee; 200]);
        p.b.receive(p.qb, 7, &[(BASE, 50, p.b.key), (BASE + 50, 100, p.b.key)]);
        let mut to = destination(p.b.gid, p.qb, KEY);
        (to.hop_limit, to.traffic_class) = (9, 0x20);
        let wr = datagram(1, &to, (BASE, 100, p.a.key));
        let wr = Wr {
            opcode: WorkOpcode::SEND_IMMEDIATE,
            ..wr.flags(WorkFlags::SOLICITED).immediate(0x0403_0201)
        };
        p.a.post(p.qa, wr);
        p.settle();
        tell(&mut p.a, 2);
        p.settle();
        assert_eq!(p.a.outcomes().len(), 1);
        let got = p.b.poll();
        assert_eq!(got.len(), 1, "{wire:?}");
        let c = &got[0];
        assert_eq!(c.status(), CompletionStatus::SUCCESS);
        assert_eq!(
            (c.byte_count.get(), c.source_qpn.get(), c.immediate.get()),
            (140, p.qa, 0x0403_0201)
        );
        assert!(c.flags().grh() && c.flags().immediate() && c.flags().solicited());
        let area = p.b.get(0, 40);
        assert_eq!(area[..20], [0; 20]);
        // IPv4 of 20 + 8 + 12 + 12 + 100 + 4 bytes.
        assert_eq!(area[20..24], [0x45, 0x20, 0, 156]);
        assert_eq!((area[28], area[29]), (9, 17));
        assert_eq!(area[32..40], [10, 0, 0, 1, 10, 0, 0, 2]);
        assert_eq!(p.b.get(40, 100), [0xab; 100]);
        assert_eq!(p.b.get(140, 10), [0xee; 10]);
        assert_eq!(p.b.counter(CounterId::SENDS_IN), 1);
        // [CNT-2] The same by segments and by frames.
        let out = (
            p.a.counter(CounterId::FRAMES_OUT),
            p.a.counter(CounterId::OCTETS_OUT),
        );
        assert_eq!(out, (1, 14 + 156));
        let came = (
            p.b.counter(CounterId::FRAMES_IN),
            p.b.counter(CounterId::OCTETS_IN),
        );
        assert_eq!(came, out);
    }
}

#[test]
fn keys_decide_who_is_heard() {
    // [UD-6], [UD-8]
    for wire in BOTH {
        for (controlled, key, heard) in [
            (false, KEY, true),
            (false, KEY ^ 1, false),
            (true, OWN_KEY, true),
            // The controlled bit stands for the queue pair's own key, whatever the rest says.
            (true, 0x8fff_0000, true),
            (true, 1, false),
            (false, KEY | 1 << 31, true),
        ] {
            let mut p = pair(wire, controlled, false);
            p.b.receive(p.qb, 7, &[(BASE, 200, p.b.key)]);
            send(&mut p, key);
            assert_eq!(p.b.poll().len(), usize::from(heard), "{key:x} {wire:?}");
            let dropped = p.b.counter(CounterId::DROPPED_KEY);
            assert_eq!(dropped, u64::from(!heard));
            assert_eq!(p.a.poll().len(), 1, "the sender is not told");
        }
    }
}

#[test]
fn what_finds_no_room_is_dropped_and_hurts_nobody() {
    // [UD-10]
    for (wire, srq) in [
        (Wire::Segments, false),
        (Wire::Frames, false),
        (Wire::Frames, true),
    ] {
        let mut p = pair(wire, false, srq);
        send(&mut p, KEY);
        assert_eq!(p.b.counter(CounterId::DROPPED_NO_RECEIVE), 1);
        let too_short = [(BASE, 139, p.b.key)];
        match srq {
            true => p.b.receive_shared(7, &too_short),
            false => p.b.receive(p.qb, 7, &too_short),
        }
        send(&mut p, KEY);
        assert_eq!(p.b.counter(CounterId::DROPPED_TOO_LONG), 1);
        assert!(p.b.poll().is_empty());
        // The receive takes the next one that fits.
        let to = destination(p.b.gid, p.qb, KEY);
        p.a.post(p.qa, datagram(2, &to, (BASE, 99, p.a.key)));
        p.settle();
        let got = p.b.poll();
        assert_eq!((got.len(), got[0].context.get()), (1, 7));
        assert_eq!(p.b.state(p.qb), QpState::RTS);
        assert_eq!(p.a.poll().len(), 3);
    }
}

#[test]
fn a_receive_whose_memory_is_not_there_ends_the_queue_pair() {
    // [QP-28]
    let mut p = pair(Wire::Frames, false, false);
    p.b.receive(p.qb, 7, &[(BASE, 200, p.b.key ^ 1)]);
    send(&mut p, KEY);
    let got = p.b.outcomes();
    assert_eq!(
        got,
        [(
            7,
            CompletionStatus::LOCAL_PROTECTION_ERROR,
            ProviderError::KEY_STALE
        )]
    );
    assert_eq!(p.b.state(p.qb), QpState::ERROR);
}

#[test]
fn malformed_entries_end_in_error() {
    // [UD-3], [UD-4]
    let bad = |change: fn(&mut DatagramSegment)| {
        let mut p = pair(Wire::Frames, false, false);
        let mut to = destination(p.b.gid, p.qb, KEY);
        change(&mut to);
        p.a.post(p.qa, datagram(1, &to, (BASE, 100, p.a.key)));
        p.settle();
        assert_eq!(p.a.state(p.qa), QpState::ERROR);
        p.a.outcomes()[0]
    };
    let changes: [fn(&mut DatagramSegment); 9] = [
        |d| d.address = [0; 16],
        |d| d.address[12] = 224,
        |d| d.address[12..].fill(255),
        |d| d.address = *b"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
        |d| d.qpn.set(0),
        |d| d.qpn.set(0xff_ffff),
        |d| d.qpn.set(0x100_0000),
        |d| d.flow_label.set(0x10_0000),
        |d| d.source_port.set(49151),
    ];
    for change in changes {
        let want = (
            1,
            CompletionStatus::LOCAL_OPERATION_ERROR,
            ProviderError::BAD_ADDRESS,
        );
        assert_eq!(bad(change), want);
    }
    let mut p = pair(Wire::Frames, false, false);
    let to = destination(p.b.gid, p.qb, KEY);
    p.a.post(p.qa, datagram(1, &to, (BASE, 1025, p.a.key)));
    p.settle();
    let want = (
        1,
        CompletionStatus::LOCAL_LENGTH_ERROR,
        ProviderError::MESSAGE_TOO_LONG,
    );
    assert_eq!(p.a.outcomes(), [want]);
    for opcode in [
        WorkOpcode::SEND_INVALIDATE,
        WorkOpcode::WRITE,
        WorkOpcode::READ,
        WorkOpcode::FETCH_ADD,
        WorkOpcode::LOCAL_INVALIDATE,
    ] {
        let mut p = pair(Wire::Frames, false, false);
        p.a.post(p.qa, Wr::new(opcode, 1));
        p.settle();
        let want = (
            1,
            CompletionStatus::LOCAL_OPERATION_ERROR,
            ProviderError::BAD_OPCODE,
        );
        assert_eq!(p.a.outcomes(), [want]);
    }
}

#[test]
fn a_datagram_waits_for_its_next_hop_and_is_lost_without_one() {
    // [UD-7]
    let mut p = pair(Wire::Frames, false, false);
    for context in 1..=2 {
        let to = destination(p.b.gid, p.qb, KEY);
        p.a.post(p.qa, datagram(context, &to, (BASE, 10, p.a.key)));
    }
    p.settle();
    assert!(p.a.poll().is_empty());
    let notice = p.a.qps.next_notice();
    assert!(matches!(notice, Some(Notice::NextHopWanted { peer, .. }) if peer == p.b.gid));
    assert_eq!(p.a.qps.next_notice(), None, "asked once");
    p.a.qps.datagram_hop_told(None, |_, _| true);
    p.settle();
    assert_eq!(p.a.poll().len(), 2, "lost, both");
    assert_eq!(p.a.counter(CounterId::DROPPED_UNREACHABLE), 2);
    assert_eq!(p.a.counter(CounterId::FRAMES_OUT), 0);
    // Nobody says anything at all: it is lost in the end.
    let nobody = Gid::from(std::net::Ipv4Addr::new(10, 0, 0, 99));
    let to = destination(nobody, 5, KEY);
    p.a.post(p.qa, datagram(3, &to, (BASE, 10, p.a.key)));
    p.settle_in_time(3);
    assert_eq!(p.a.poll().len(), 1);
    assert_eq!(p.a.counter(CounterId::DROPPED_UNREACHABLE), 3);
    assert_eq!(p.a.state(p.qa), QpState::RTS);
}

#[test]
fn a_datagram_to_itself_needs_no_wire() {
    // [UD-7]
    for loopback in [true, false] {
        let mut p = pair(Wire::Frames, false, false);
        let own = p.a.gid;
        if !loopback {
            p.a.res.features &= !feature::LOOPBACK;
        }
        p.a.qps.set_own_addresses(vec![own]);
        let other = ready(&mut p.a, KEY, false);
        p.a.receive(other, 7, &[(BASE + 4096, 200, p.a.key)]);
        let to = destination(own, other, KEY);
        p.a.post(p.qa, datagram(1, &to, (BASE, 100, p.a.key)));
        p.settle();
        assert_eq!(p.a.poll().len(), 1 + usize::from(loopback));
        let lost = p.a.counter(CounterId::DROPPED_UNREACHABLE);
        assert_eq!(lost, u64::from(!loopback));
    }
}

#[test]
fn frames_carry_what_the_entry_says() {
    // [UD-5]
    let mut p = pair(Wire::Frames, false, false);
    tell(&mut p.a, 2);
    for (context, port) in [(1, 0), (2, 60_000)] {
        let mut to = destination(p.b.gid, p.qb, KEY);
        to.source_port.set(port);
        let wr = Wr::new(WorkOpcode::SEND, context).operands(to.as_bytes());
        p.a.post(p.qa, wr.inline(b"short"));
        p.a.run();
        tell(&mut p.a, 2);
        p.a.run();
    }
    let frames: Vec<_> = p.a.env.out.drain(..).collect();
    let ports = [50_000, 60_000];
    assert_eq!(frames.len(), 2);
    for (item, (n, port)) in frames.into_iter().zip(ports.into_iter().enumerate()) {
        let Item::Frame(bytes) = item else {
            panic!("a segment on a wire");
        };
        let frame = Frame::parse(&bytes).unwrap();
        let bth = &frame.packet.bth;
        assert_eq!(bth.psn, Psn::new(0xff_ffff).add(n as u32));
        assert_eq!(bth.dest_qpn.get(), p.qb);
        assert!(!bth.ack_request);
        assert_eq!(frame.packet.payload, b"short");
        assert_eq!(frame.envelope.udp.src_port, port);
        assert_eq!(frame.envelope.ip.hop_limit(), 64);
        assert_eq!(frame.envelope.eth.dst, MacAddr([2, 0, 0, 0, 0, 2]));
    }
}

#[test]
fn another_service_is_no_queue_pair() {
    // [ROCE-26]
    let mut p = pair(Wire::Frames, false, false);
    let reliable = p.b.create(false);
    let to = destination(p.b.gid, reliable, KEY);
    tell(&mut p.a, 2);
    p.a.post(p.qa, datagram(1, &to, (BASE, 100, p.a.key)));
    p.settle();
    tell(&mut p.a, 2);
    p.settle();
    assert_eq!(p.b.counter(CounterId::DROPPED_NO_QP), 1);
}
