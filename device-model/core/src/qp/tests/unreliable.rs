//! Queue pairs of type UC `[UC-1]` to `[UC-7]`.

use rnic_abi::{CompletionStatus, ProviderError};
use rnic_wire::{Class, Frame};

use super::life::change;
use super::*;
use crate::qp::Notice;

/// Two ends of type UC, in RTS.
fn pair(wire: Wire, srq: bool) -> Pair {
    let mut p = Pair::new(wire);
    p.qa = p.a.create_of(QpType::UC, srq);
    p.qb = p.b.create_of(QpType::UC, srq);
    let (qa, qb) = (p.qa, p.qb);
    p.connect(qa, qb, &Options::default());
    p
}

fn write(p: &Pair, context: u64, length: u32) -> Wr {
    Wr::new(WorkOpcode::WRITE, context)
        .segment(BASE, length, p.a.key)
        .remote(BASE + 65_536, p.b.key)
}

fn send(p: &Pair, context: u64, length: u32) -> Wr {
    Wr::new(WorkOpcode::SEND, context).segment(BASE, length, p.a.key)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 256) as u8).collect()
}

fn successes(node: &mut Node) -> usize {
    let all = node.outcomes();
    assert!(
        all.iter().all(|(_, s, _)| *s == CompletionStatus::SUCCESS),
        "{all:?}"
    );
    all.len()
}

#[test]
fn messages_of_every_kind_and_length_arrive() {
    // [UC-3], [UC-4]
    for wire in BOTH {
        let mut p = pair(wire, false);
        for (n, length) in [0, 1, 1023, 1024, 1025, 5000, 100_000]
            .into_iter()
            .enumerate()
        {
            let data = pattern(length as usize + n);
            p.a.put(0, &data);
            p.b.receive(p.qb, 1, &[(BASE + 65_536, 200_000, p.b.key)]);
            let (sends, writes) = (send(&p, 1, length), write(&p, 2, length));
            p.a.post(p.qa, sends);
            p.settle();
            let got = p.b.poll();
            assert_eq!(got[0].byte_count.get(), length, "{wire:?}");
            assert_eq!(p.b.get(65_536, length as usize), data[..length as usize]);
            p.b.put(65_536, &vec![0; length as usize]);
            p.a.post(p.qa, writes);
            p.b.receive(p.qb, 2, &[]);
            let mut last = write(&p, 3, length).immediate(9);
            last.opcode = WorkOpcode::WRITE_IMMEDIATE;
            p.a.post(p.qa, last);
            p.settle();
            assert_eq!(p.b.get(65_536, length as usize), data[..length as usize]);
            let got = p.b.poll();
            assert_eq!((got.len(), got[0].immediate.get()), (1, 9));
            assert_eq!(successes(&mut p.a), 3);
        }
        for id in [CounterId::MESSAGES_ABANDONED, CounterId::RETRANSMITTED] {
            assert_eq!(p.b.counter(id) + p.a.counter(id), 0);
        }
        // Nothing was answered, and the counts are those of frames.
        assert_eq!(p.b.counter(CounterId::FRAMES_OUT), 0);
        let out = p.a.counter(CounterId::OCTETS_OUT);
        assert_eq!(p.b.counter(CounterId::OCTETS_IN), out);
    }
}

#[test]
fn a_buffer_is_the_drivers_again_when_the_message_has_left() {
    // [UC-3]
    let mut p = pair(Wire::Segments, false);
    p.a.put(0, &[1; 3000]);
    let wr = write(&p, 1, 3000);
    p.a.post(p.qa, wr);
    p.a.run();
    assert_eq!(successes(&mut p.a), 1);
    p.a.put(0, &[2; 3000]);
    p.settle();
    assert_eq!(p.b.get(65_536, 3000), [1; 3000]);
}

#[test]
fn frames_are_of_the_service_and_ask_for_nothing() {
    // [UC-3]
    let mut p = pair(Wire::Frames, false);
    let wr = write(&p, 1, 5000);
    p.a.post(p.qa, wr);
    p.a.run();
    let frames: Vec<_> = p.a.env.out.drain(..).collect();
    assert_eq!(frames.len(), 5);
    for (n, item) in frames.into_iter().enumerate() {
        let Item::Frame(bytes) = item else {
            panic!("a segment on a wire");
        };
        let bth = Frame::parse(&bytes).unwrap().packet.bth;
        assert_eq!(bth.opcode.class(), Class::Uc);
        assert!(!bth.ack_request);
        assert_eq!(bth.psn, Psn::new(0xff_fff0).add(n as u32));
    }
    assert_eq!(p.a.qps.next_timer(), None, "nothing is waited for");
}

#[test]
fn a_lost_packet_loses_its_message_and_no_other() {
    // [UC-4], [UC-5]
    for lost in 0..4 {
        let mut p = pair(Wire::Frames, false);
        p.a.put(0, &pattern(4000));
        for context in 1..=2 {
            p.b.receive(p.qb, context, &[(BASE + 65_536, 4000, p.b.key)]);
        }
        let (first, second) = (send(&p, 1, 4000), send(&p, 2, 3500));
        p.a.post(p.qa, first);
        p.a.post(p.qa, second);
        p.a.run();
        p.a.run();
        p.a.env.out.remove(lost);
        p.settle();
        let got = p.b.poll();
        assert_eq!(got.len(), 1, "lost {lost}");
        // The receive of the first is the second's.
        assert_eq!((got[0].context.get(), got[0].byte_count.get()), (1, 3500));
        assert_eq!(p.b.get(65_536, 3500), pattern(4000)[..3500]);
        assert_eq!(p.b.counter(CounterId::MESSAGES_ABANDONED), 1);
        assert_eq!(successes(&mut p.a), 2);
        assert_eq!(p.b.state(p.qb), QpState::RTS);
    }
}

#[test]
fn what_cannot_be_taken_is_dropped_and_hurts_nobody() {
    // [UC-6]
    for (wire, srq) in [
        (Wire::Segments, false),
        (Wire::Frames, false),
        (Wire::Frames, true),
    ] {
        let mut p = pair(wire, srq);
        let wr = send(&p, 1, 3000);
        p.a.post(p.qa, wr);
        p.settle();
        assert_eq!(p.b.counter(CounterId::DROPPED_NO_RECEIVE), 1);
        let short = [(BASE + 65_536, 1500, p.b.key)];
        match srq {
            true => p.b.receive_shared(7, &short),
            false => p.b.receive(p.qb, 7, &short),
        }
        let wr = send(&p, 2, 3000);
        p.a.post(p.qa, wr);
        p.settle();
        assert_eq!(p.b.counter(CounterId::DROPPED_TOO_LONG), 1);
        let before = p.b.get(65_536, 3000);
        let wr = write(&p, 3, 3000).remote(BASE + 65_536, p.b.key ^ 1);
        p.a.post(p.qa, wr);
        p.settle();
        assert_eq!(p.b.counter(CounterId::DROPPED_ACCESS), 1);
        assert_eq!(p.b.get(65_536, 3000), before);
        assert!(p.b.poll().is_empty());
        let wr = send(&p, 4, 1500);
        p.a.post(p.qa, wr);
        p.settle();
        let got = p.b.poll();
        assert_eq!((got.len(), got[0].context.get()), (1, 7));
        assert_eq!(successes(&mut p.a), 4);
        assert_eq!(p.b.counter(CounterId::MESSAGES_ABANDONED), 0);
        assert_eq!(p.b.state(p.qb), QpState::RTS);
    }
}

#[test]
fn a_receive_whose_memory_is_not_there_ends_the_receiver_alone() {
    // [QP-28]
    let mut p = pair(Wire::Frames, false);
    p.b.receive(p.qb, 7, &[(BASE, 200, p.b.key ^ 1)]);
    let wr = send(&p, 1, 100);
    p.a.post(p.qa, wr);
    p.settle();
    let want = (
        7,
        CompletionStatus::LOCAL_PROTECTION_ERROR,
        ProviderError::KEY_STALE,
    );
    assert_eq!(p.b.outcomes(), [want]);
    assert_eq!(p.b.state(p.qb), QpState::ERROR);
    assert_eq!(p.a.state(p.qa), QpState::RTS);
}

#[test]
fn reads_atomics_and_invalidates_are_not_of_this_service() {
    // [UC-2]
    for opcode in [
        WorkOpcode::READ,
        WorkOpcode::READ_INVALIDATE,
        WorkOpcode::COMPARE_SWAP,
        WorkOpcode::FETCH_ADD,
        WorkOpcode::SEND_INVALIDATE,
    ] {
        let mut p = pair(Wire::Frames, false);
        p.a.post(p.qa, Wr::new(opcode, 1));
        p.settle();
        let want = (
            1,
            CompletionStatus::LOCAL_OPERATION_ERROR,
            ProviderError::BAD_OPCODE,
        );
        assert_eq!(p.a.outcomes(), [want], "{opcode}");
    }
}

#[test]
fn a_peer_of_another_service_is_not_heard() {
    // [ROCE-26]
    for wire in BOTH {
        for (one, other) in [(QpType::RC, QpType::UC), (QpType::UC, QpType::RC)] {
            let mut p = Pair::new(wire);
            p.qa = p.a.create_of(one, false);
            p.qb = p.b.create_of(other, false);
            let (qa, qb) = (p.qa, p.qb);
            p.connect(qa, qb, &Options::default());
            let wr = write(&p, 1, 3000);
            p.a.post(p.qa, wr);
            p.settle();
            assert!(p.b.counter(CounterId::DROPPED_NO_QP) > 0);
            assert_eq!(p.b.counter(CounterId::WRITES_IN), 0);
        }
    }
}

#[test]
fn a_peer_that_is_gone_is_a_wire_that_loses() {
    // [UC-3]
    let mut p = pair(Wire::Segments, false);
    p.a.env.gone = true;
    let wr = write(&p, 1, 3000);
    p.a.post(p.qa, wr);
    p.settle();
    assert_eq!(successes(&mut p.a), 1);
    // A port without room is not.
    let mut p = pair(Wire::Frames, false);
    p.a.env.full = true;
    let wr = write(&p, 1, 3000);
    p.a.post(p.qa, wr);
    p.a.run();
    assert_eq!(successes(&mut p.a), 0);
    p.a.env.full = false;
    p.settle();
    assert_eq!(successes(&mut p.a), 1);
    assert_eq!(p.b.counter(CounterId::WRITES_IN), 1);
}

/// Its next hop is neither given nor known.
fn without_next_hop() -> Pair {
    let mut p = Pair::new(Wire::Frames);
    p.qa = p.a.create_of(QpType::UC, false);
    p.qb = p.b.create_of(QpType::UC, false);
    let (qa, qb) = (p.qa, p.qb);
    p.connect(qa, qb, &Options::default());
    let way = path(&p.a, &p.b, qb, Mtu::B1024);
    p.qa = p.a.create_of(QpType::UC, false);
    p.a.qps.set_attributes(p.qa, |a| {
        attributes(a, way, &Options::default(), 9);
        a.next_hop = None;
    });
    change(&mut p.a, p.qa, QpState::RTS).unwrap();
    p
}

#[test]
fn the_first_messages_were_lost_while_the_next_hop_was_asked_for() {
    // [UC-7]
    let mut p = without_next_hop();
    p.a.put(0, &pattern(3000));
    for context in 1..=2 {
        p.b.receive(p.qb, context, &[(BASE + 65_536, 3000, p.b.key)]);
        let wr = send(&p, context, 3000);
        p.a.post(p.qa, wr);
    }
    p.settle();
    assert!(p.a.poll().is_empty(), "nothing has left");
    let notice = p.a.qps.next_notice();
    assert!(matches!(notice, Some(Notice::NextHopWanted { peer, .. }) if peer == p.b.gid));
    assert_eq!(p.a.qps.next_notice(), None, "asked once");
    let found = MacAddr([2, 0, 0, 0, 0, 2]);
    p.a.qps.next_hop_found(found, |_, _| true);
    p.a.qps.datagram_hop_told(Some(found), |_, _| true);
    p.settle();
    assert_eq!(successes(&mut p.a), 2);
    assert_eq!(successes(&mut p.b), 2);
    assert_eq!(p.b.get(65_536, 3000), pattern(3000));
}

#[test]
fn a_message_is_lost_when_nobody_answers_for_its_next_hop() {
    // [UC-7]
    let mut p = without_next_hop();
    for context in 1..=2 {
        let wr = send(&p, context, 3000);
        p.a.post(p.qa, wr);
    }
    p.settle();
    assert!(p.a.poll().is_empty());
    p.a.qps.datagram_hop_told(None, |_, _| true);
    p.settle();
    assert_eq!(successes(&mut p.a), 2, "lost, and complete");
    // [CNT-1] What was given up for want of a next hop was counted as sent.
    assert_eq!(p.a.counter(CounterId::FRAMES_OUT), 0);
    assert_eq!(p.a.counter(CounterId::OCTETS_OUT), 0);
    assert_eq!(p.b.counter(CounterId::FRAMES_IN), 0);
    assert_eq!(p.a.state(p.qa), QpState::RTS);
}
