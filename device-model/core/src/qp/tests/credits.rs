//! End-to-end flow control `[ROCE-50]` to `[ROCE-52]`.

use rnic_abi::CompletionStatus;
use rnic_wire::{Credits, Ext, Frame, Syndrome};

use super::*;

/// Two ends with flow control, or without.
fn pair(wire: Wire, on: bool, srq: bool) -> Pair {
    let mut p = Pair::new(wire);
    let options = Options::default();
    (p.qa, p.qb) = (p.a.create(srq), p.b.create(srq));
    let (qa, qb) = (p.qa, p.qb);
    for (node, qpn) in [(&mut p.a, qa), (&mut p.b, qb)] {
        node.qps.set_attributes(qpn, |a| a.flow_control = on);
    }
    p.connect(qa, qb, &options);
    p
}

fn send(p: &mut Pair, context: u64) {
    let wr = Wr::new(WorkOpcode::SEND, context).segment(BASE, 10, p.a.key);
    p.a.post(p.qa, wr);
}

/// The credits of the last acknowledge that b sent, which a takes too.
fn told(p: &mut Pair) -> Option<Credits> {
    let mut last = None;
    p.b.run();
    while let Some(item) = p.b.env.out.pop_front() {
        if let Item::Frame(bytes) = &item {
            let aeth = match Frame::parse(bytes).unwrap().packet.ext {
                Ext::Aeth(aeth) | Ext::AtomicAck(aeth, _) => aeth,
                other => panic!("{other:?}"),
            };
            if let Syndrome::Ack(credits) = aeth.syndrome {
                last = Some(credits);
            }
        }
        p.a.take(item);
    }
    last
}

/// Lets everything that a sends arrive.
fn carry(p: &mut Pair) -> usize {
    p.a.run();
    let frames = p.a.env.out.len();
    while let Some(item) = p.a.env.out.pop_front() {
        p.b.take(item);
    }
    frames
}

#[test]
fn acknowledges_tell_of_the_receives_that_are_left() {
    // [ROCE-50], [ROCE-51]
    for (on, srq) in [(true, false), (false, false), (true, true)] {
        let mut p = pair(Wire::Frames, on, srq);
        for context in 0..6 {
            match srq {
                true => p.b.receive_shared(context, &[(BASE, 64, p.b.key)]),
                false => p.b.receive(p.qb, context, &[(BASE, 64, p.b.key)]),
            }
        }
        send(&mut p, 1);
        carry(&mut p);
        // Five are left, and no code stands for five.
        let want = if on && !srq { 4 } else { 0x1f };
        assert_eq!(told(&mut p), Credits::new(want));
        let read = Wr::new(WorkOpcode::READ, 2)
            .segment(BASE, 8, p.a.key)
            .remote(BASE, p.b.key);
        p.a.post(p.qa, read);
        carry(&mut p);
        assert_eq!(
            told(&mut p),
            Credits::new(want),
            "with the answer to a read"
        );
    }
}

#[test]
fn what_has_no_credit_is_not_sent() {
    // [ROCE-52]
    for (wire, on) in [
        (Wire::Frames, true),
        (Wire::Segments, true),
        (Wire::Frames, false),
    ] {
        let mut p = pair(wire, on, false);
        for context in 0..8 {
            send(&mut p, context);
        }
        // Nothing is known of the peer: one asks.
        assert_eq!(carry(&mut p), if on { 1 } else { 8 }, "{wire:?}");
        p.settle();
        assert_eq!(p.b.counter(CounterId::RNR_NAK_OUT), 1);
        for context in 0..4 {
            p.b.receive(p.qb, context, &[(BASE, 64, p.b.key)]);
        }
        p.settle_in_time(4);
        assert_eq!(p.b.poll().len(), 4);
        for context in 4..8 {
            p.b.receive(p.qb, context, &[(BASE, 64, p.b.key)]);
        }
        p.settle_in_time(100);
        let order: Vec<_> = p.b.poll().iter().map(|c| c.context.get()).collect();
        assert_eq!(order, [4, 5, 6, 7]);
        let done = p.a.outcomes();
        assert_eq!(done.len(), 8);
        assert!(done.iter().all(|(_, s, _)| *s == CompletionStatus::SUCCESS));
    }
}

#[test]
fn a_peer_without_flow_control_sets_no_limit() {
    // [ROCE-52] As Linux answers: code 0x1F, and nothing else.
    let mut p = pair(Wire::Frames, true, false);
    let qb = p.qb;
    p.b.qps.set_attributes(qb, |a| a.flow_control = false);
    for context in 0..8 {
        p.b.receive(p.qb, context, &[(BASE, 64, p.b.key)]);
        send(&mut p, context);
    }
    assert_eq!(carry(&mut p), 1);
    assert_eq!(told(&mut p), Some(Credits::UNLIMITED));
    assert_eq!(carry(&mut p), 7);
}
