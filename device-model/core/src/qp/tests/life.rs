use rnic_abi::{CompletionStatus as S, FlushFlags, ProviderError as E, Status};

use super::super::{ChangeError, FlushResult, Notice};
use super::commands::{modify, to_state};
use super::*;

const BOTH_QUEUES: FlushFlags = FlushFlags(3);

fn flush(n: &mut Node, qpn: u32, flags: FlushFlags) -> super::super::Ticket {
    n.qps.flush(&mut n.env, &mut n.res, qpn, flags).unwrap()
}

pub(super) fn change(n: &mut Node, qpn: u32, to: QpState) -> Result<(), ChangeError> {
    n.qps.change(&mut n.env, &mut n.res, qpn, to)
}

#[test]
fn a_queue_pair_in_init_is_flushed_and_stays_usable() {
    // [QP-41] [QP-5]
    let mut p = Pair::new(Wire::Segments);
    let (x, y) = (p.a.create(false), p.b.create(false));
    p.b.receive(y, 1, &[]);
    p.b.receive(y, 2, &[]);
    p.b.post(y, Wr::new(WorkOpcode::SEND, 3).inline(b"early"));
    let ticket = flush(&mut p.b, y, BOTH_QUEUES);
    // Posted after the flush was asked for: not touched.
    p.b.receive(y, 4, &[(BASE, 64, p.b.key)]);
    p.settle();
    let done = FlushResult {
        send: 1,
        receive: 2,
    };
    assert_eq!(p.b.qps.flush_result(y, ticket), Some(done));
    let mut flushed: Vec<_> = p.b.outcomes();
    flushed.sort_by_key(|o| o.0);
    let gone = |n| (n, S::FLUSHED, E::QUEUE_FLUSHED);
    assert_eq!(flushed, [gone(1), gone(2), gone(3)]);
    assert_eq!(p.b.state(y), QpState::INIT);
    assert_eq!(p.b.retired(y), (1, 2), "[QP-14]");
    p.connect(x, y, &Options::default());
    p.a.post(x, Wr::new(WorkOpcode::SEND, 5).inline(b"hello"));
    p.settle();
    assert_eq!(p.b.outcomes(), [(4, S::SUCCESS, E::NONE)]);
    assert_eq!(p.a.outcomes(), [(5, S::SUCCESS, E::NONE)]);
}

#[test]
fn a_flush_of_a_connected_queue_pair_ends_it() {
    // [QP-42] [QP-37]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.a.receive(p.qa, 1, &[]);
        for n in 0..3 {
            p.a.write_send(
                p.qa,
                &Wr::new(WorkOpcode::SEND, 10 + n)
                    .inline(b"x")
                    .flags(WorkFlags::SILENT),
            );
        }
        p.a.ring_send(p.qa);
        p.a.run();
        let ticket = flush(&mut p.a, p.qa, FlushFlags(1));
        assert_eq!(p.a.state(p.qa), QpState::ERROR);
        if wire == Wire::Segments {
            // A segment with our memory may be on its way: nothing is given back before it is gone.
            p.a.run();
            assert_eq!(p.a.qps.flush_result(p.qa, ticket), None);
            assert!(!p.a.qps.is_dma_idle(p.qa));
        }
        p.a.env.out.clear();
        p.settle();
        assert!(p.a.qps.is_dma_idle(p.qa));
        let result = p.a.qps.flush_result(p.qa, ticket);
        assert_eq!(
            result,
            Some(FlushResult {
                send: 3,
                receive: 0
            })
        );
        let mut all = p.a.outcomes();
        all.sort_by_key(|o| o.0);
        assert_eq!(all.iter().map(|o| o.0).collect::<Vec<_>>(), [1, 10, 11, 12]);
        assert!(all.iter().all(|o| o.1 == S::FLUSHED));
        // In ERROR what is posted later is flushed too.
        p.a.receive(p.qa, 20, &[]);
        p.a.post(p.qa, Wr::new(WorkOpcode::SEND, 21).inline(b"x"));
        p.settle();
        assert_eq!(p.a.outcomes().len(), 2);
        assert!(p.a.events().is_empty());
    }
}

#[test]
fn a_quiesced_queue_pair_does_nothing_until_it_is_flushed() {
    // [QP-39]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.b.receive(p.qb, 1, &[(BASE, 64, p.b.key)]);
        p.b.qps.quiesce(&mut p.b.env, &mut p.b.res, p.qb).unwrap();
        p.b.post(p.qb, Wr::new(WorkOpcode::SEND, 2).inline(b"x"));
        p.a.post(
            p.qa,
            Wr::new(WorkOpcode::WRITE, 3)
                .inline(b"data")
                .remote(BASE, p.b.key),
        );
        p.settle();
        assert!(p.b.poll().is_empty() && p.b.env.out.is_empty());
        assert_eq!(p.b.get(0, 4), [0; 4]);
        assert!(p.b.counter(CounterId::DROPPED_NO_QP) > 0);
        let ticket = flush(&mut p.b, p.qb, BOTH_QUEUES);
        p.settle();
        let result = p.b.qps.flush_result(p.qb, ticket);
        assert_eq!(
            result,
            Some(FlushResult {
                send: 1,
                receive: 1
            })
        );
        assert_eq!(p.b.poll().len(), 2);
        assert_eq!(p.b.state(p.qb), QpState::QUIESCED);
        assert_eq!(
            change(&mut p.b, p.qb, QpState::RTS),
            Err(ChangeError::WrongState)
        );
    }
}

#[test]
fn a_reset_queue_pair_starts_from_zero() {
    // [QP-5]
    let mut p = Pair::new(Wire::Segments);
    p.b.receive(p.qb, 1, &[]);
    p.a.post(
        p.qa,
        Wr::new(WorkOpcode::WRITE, 2)
            .inline(b"a")
            .remote(BASE, p.b.key),
    );
    p.settle();
    p.a.poll();
    for (n, q) in [(&mut p.a, p.qa), (&mut p.b, p.qb)] {
        modify(n, &to_state(q, QpState::RESET)).unwrap();
        assert_eq!(n.retired(q), (0, 0));
        let slot = n.rings[&q].slot;
        assert_eq!((n.env.words[&slot], n.env.words[&(slot + 1)]), (0, 0));
        modify(n, &to_state(q, QpState::INIT)).unwrap();
        let rings = n.rings.get_mut(&q).unwrap();
        (rings.sent, rings.received) = (0, 0);
    }
    p.connect(p.qa, p.qb, &Options::default());
    p.b.receive(p.qb, 5, &[(BASE, 8, p.b.key)]);
    p.a.post(p.qa, Wr::new(WorkOpcode::SEND, 6).inline(b"again"));
    p.settle();
    assert_eq!(
        p.b.outcomes(),
        [(5, S::SUCCESS, E::NONE)],
        "the old receive is forgotten"
    );
    assert_eq!(p.a.outcomes(), [(6, S::SUCCESS, E::NONE)]);
}

#[test]
fn destroying_waits_for_dma_and_gives_everything_back() {
    // [QP-10] [QP-1] [EV-4]
    let mut p = Pair::new(Wire::Segments);
    p.a.post(
        p.qa,
        Wr::new(WorkOpcode::WRITE, 2)
            .segment(BASE, 99, p.a.key)
            .remote(BASE, p.b.key),
    );
    p.a.run();
    assert!(p.a.qps.set_connection(p.qa, 1));
    assert_eq!(
        p.a.qps.begin_destroy(p.qa, 16).unwrap_err().status,
        Status::BUSY
    );
    assert!(p.a.qps.set_connection(p.qa, 0));
    p.a.qps.begin_destroy(p.qa, 16).unwrap();
    assert_eq!(
        p.a.qps.begin_destroy(p.qa, 16).unwrap_err().status,
        Status::NO_SUCH_OBJECT
    );
    let finish = |n: &mut Node, q| n.qps.finish_destroy(&mut n.env, &mut n.res, q);
    assert!(!finish(&mut p.a, p.qa), "a segment is on its way");
    assert!(p.a.res.cqs.get(p.a.cqn).unwrap().is_used());
    p.a.env.out.clear();
    assert!(finish(&mut p.a, p.qa));
    assert!(!p.a.res.cqs.get(p.a.cqn).unwrap().is_used());
    assert!(!p.a.res.doorbells.is_owned(p.a.rings[&p.qa].slot));
    assert_eq!(p.a.qps.state(p.qa), None);
    p.settle();
    assert!(p.a.poll().is_empty() && p.a.events().is_empty());
    let others: Vec<u32> = (0..10).map(|_| p.a.create(false)).collect();
    assert!(!others.contains(&p.qa));
}

#[test]
fn the_first_request_in_rtr_is_told_of() {
    // [EV-3]
    let mut p = Pair::new(Wire::Segments);
    let (x, y) = (p.a.create(false), p.b.create(false));
    let back = path(&p.b, &p.a, x, Mtu::B1024);
    p.b.qps
        .set_attributes(y, |a| attributes(a, back, &Options::default(), 1));
    change(&mut p.b, y, QpState::RTR).unwrap();
    let there = path(&p.a, &p.b, y, Mtu::B1024);
    p.a.qps
        .set_attributes(x, |a| attributes(a, there, &Options::default(), 2));
    change(&mut p.a, x, QpState::RTS).unwrap();
    p.b.post(
        y,
        Wr::new(WorkOpcode::WRITE, 9)
            .inline(b"back")
            .remote(BASE + 64, p.a.key),
    );
    for n in 0..3 {
        p.a.post(
            x,
            Wr::new(WorkOpcode::WRITE, n)
                .inline(b"x")
                .remote(BASE, p.b.key),
        );
        p.settle();
    }
    assert_eq!(p.a.poll().len(), 3);
    let events: Vec<_> = p.b.events().iter().map(|e| e.0).collect();
    assert_eq!(events, [EventCode::COMMUNICATION_ESTABLISHED]);
    assert_eq!(
        p.b.qps.next_notice(),
        Some(Notice::FirstPacket {
            qpn: y,
            connection: 0
        })
    );
    assert_eq!(p.a.get(64, 4), [0; 4], "sends wait for RTS");
    change(&mut p.b, y, QpState::RTS).unwrap();
    p.settle();
    assert_eq!(p.a.get(64, 4), *b"back");
}

#[test]
fn a_next_hop_is_asked_for_or_learnt() {
    let mut p = Pair::new(Wire::Frames);
    let (x, y) = (p.a.create(false), p.b.create(false));
    for (n, q, qpn) in [(0, x, y), (1, y, x)] {
        let (node, other) = if n == 0 { (&p.a, &p.b) } else { (&p.b, &p.a) };
        let way = path(node, other, qpn, Mtu::B1024);
        let node = if n == 0 { &mut p.a } else { &mut p.b };
        node.qps.set_attributes(q, |a| {
            attributes(a, way, &Options::default(), 9);
            a.next_hop = None;
        });
        change(node, q, QpState::RTS).unwrap();
    }
    p.a.post(
        x,
        Wr::new(WorkOpcode::WRITE, 1)
            .inline(b"x")
            .remote(BASE, p.b.key),
    );
    p.settle();
    let peer = p.b.gid;
    let local = path(&p.a, &p.b, y, Mtu::B1024).local;
    let notices: Vec<_> = std::iter::from_fn(|| p.a.qps.next_notice()).collect();
    assert_eq!(notices, [Notice::NextHopWanted { local, peer }]);
    // [CNT-1] Given up, not sent.
    assert_eq!(p.a.counter(CounterId::FRAMES_OUT), 0);
    assert_eq!(p.a.counter(CounterId::OCTETS_OUT), 0);
    let found = MacAddr([2, 0, 0, 0, 0, 2]);
    p.a.qps
        .next_hop_found(MacAddr([2, 0, 0, 0, 0, 9]), |_, to| to != peer);
    p.a.qps
        .next_hop_found(found, |from, to| *from == local && to == peer);
    p.settle_in_time(3);
    assert_eq!(p.a.outcomes(), [(1, S::SUCCESS, E::NONE)]);
    assert!(
        p.b.qps
            .next_notice()
            .is_some_and(|n| matches!(n, Notice::FirstPacket { .. }))
    );
    assert_eq!(p.b.qps.next_notice(), None, "learnt from the frame");
}
