use rnic_abi::{
    CompletionStatus as S, FlushFlags, ModifyMask, ModifyQpRequest, Mtu as MtuCode,
    ProviderError as E, Status, SyndromeReason as R,
};

use super::super::{ChangeError, FlushResult, Notice};
use super::*;
use crate::error::CommandError;

const BOTH_QUEUES: FlushFlags = FlushFlags(3);

fn flush(n: &mut Node, qpn: u32, flags: FlushFlags) -> super::super::Ticket {
    n.qps.flush(&mut n.env, &mut n.res, qpn, flags).unwrap()
}

fn change(n: &mut Node, qpn: u32, to: QpState) -> Result<(), ChangeError> {
    n.qps.change(&mut n.env, &mut n.res, qpn, to)
}

fn modify(n: &mut Node, r: &ModifyQpRequest) -> Result<(), CommandError> {
    let local = path(n, n, 0, Mtu::B1024).local;
    let find = |index| (index == 3).then_some(local);
    n.qps.modify(&mut n.env, &mut n.res, r, find, |_| false)
}

fn request(qpn: u32, mask: ModifyMask) -> ModifyQpRequest {
    let mut r = ModifyQpRequest::zeroed()
        .with_mask(mask)
        .with_path_mtu(MtuCode::MTU_1024);
    r.qpn.set(qpn);
    r.local_address.set(3);
    r.udp_source_port.set(50_000);
    r.peer_address = Gid::from(std::net::Ipv4Addr::new(10, 0, 0, 9)).0;
    r.peer_qpn.set(7);
    r
}

fn to_state(qpn: u32, state: QpState) -> ModifyQpRequest {
    request(qpn, ModifyMask::STATE).with_state(state)
}

#[test]
fn commands_take_a_queue_pair_through_its_states() {
    // [QP-1] [QP-4] [QP-6] [QP-9]
    let mut n = Node::new(1);
    let q = n.create(false);
    assert_eq!(n.state(q), QpState::INIT);
    let incomplete = modify(&mut n, &to_state(q, QpState::RTR)).unwrap_err();
    assert_eq!(
        (incomplete.status, incomplete.reason),
        (Status::INVALID_STATE, R::NOT_COMPLETE)
    );
    let wrong = modify(&mut n, &to_state(q, QpState::RTS)).unwrap_err();
    assert_eq!(
        (wrong.status, wrong.reason),
        (Status::INVALID_STATE, R::WRONG_STATE)
    );
    let all = ModifyMask::PATH | ModifyMask::RECV_PSN | ModifyMask::READ_DEPTH;
    let mut r = request(q, all | ModifyMask::STATE).with_state(QpState::RTR);
    r.recv_psn.set(0x12_3456);
    r.read_depth_in = 3;
    r.read_depth_out = 2;
    modify(&mut n, &r).unwrap();
    let rts = to_state(q, QpState::RTS);
    assert_eq!(modify(&mut n, &rts).unwrap_err().reason, R::NOT_COMPLETE);
    let mut r = request(
        q,
        ModifyMask::SEND_PSN | ModifyMask::RETRY | ModifyMask::STATE,
    )
    .with_state(QpState::RTS);
    r.send_psn.set(0x77);
    r.retry_count = 7;
    modify(&mut n, &r).unwrap();
    let answer = n.qps.query(q).unwrap();
    assert_eq!(
        (answer.state(), answer.qp_type(), answer.path_mtu()),
        (QpState::RTS, QpType::RC, MtuCode::MTU_1024)
    );
    assert_eq!(
        (
            answer.send_psn.get(),
            answer.recv_psn.get(),
            answer.peer_qpn.get()
        ),
        (0x77, 0x12_3456, 7)
    );
    assert_eq!((answer.read_depth_in, answer.read_depth_out), (3, 2));
    modify(&mut n, &to_state(q, QpState::ERROR)).unwrap();
    n.run();
    assert!(n.events().is_empty(), "it did not fail by itself");
    modify(&mut n, &to_state(q, QpState::RESET)).unwrap();
    modify(&mut n, &to_state(q, QpState::INIT)).unwrap();
    assert_eq!(n.qps.query(q).unwrap().peer_qpn.get(), 0);
    assert!(n.qps.set_connection(q, 9));
    let owned = modify(&mut n, &to_state(q, QpState::RESET)).unwrap_err();
    assert_eq!(owned.status, Status::INVALID_STATE, "[QP-7]");
    modify(&mut n, &to_state(q, QpState::ERROR)).unwrap();
    assert!(n.qps.query(999).is_none());
}

#[test]
fn modify_refuses_what_does_not_fit() {
    // [QP-8]
    let mut n = Node::new(1);
    let q = n.create(false);
    type Edit = fn(&mut ModifyQpRequest);
    let rows: &[(ModifyMask, Edit, Status, usize)] = &[
        (
            ModifyMask::PATH,
            |r| r.path_mtu_raw = 0,
            Status::INVALID_FIELD,
            25,
        ),
        (
            ModifyMask::PATH,
            |r| r.path_mtu_raw = 6,
            Status::INVALID_FIELD,
            25,
        ),
        (
            ModifyMask::READ_DEPTH,
            |r| r.read_depth_in = 129,
            Status::LIMIT_EXCEEDED,
            26,
        ),
        (
            ModifyMask::READ_DEPTH,
            |r| r.read_depth_out = 129,
            Status::LIMIT_EXCEEDED,
            27,
        ),
        (
            ModifyMask::RETRY,
            |r| r.retry_count = 8,
            Status::LIMIT_EXCEEDED,
            28,
        ),
        (
            ModifyMask::RETRY,
            |r| r.rnr_retry = 8,
            Status::LIMIT_EXCEEDED,
            29,
        ),
        (
            ModifyMask::RNR_TIMER,
            |r| r.min_rnr_timer = 32,
            Status::LIMIT_EXCEEDED,
            30,
        ),
        (
            ModifyMask::RETRY,
            |r| r.ack_timeout = 32,
            Status::LIMIT_EXCEEDED,
            31,
        ),
        (
            ModifyMask::PATH,
            |r| r.peer_qpn.set(1 << 24),
            Status::LIMIT_EXCEEDED,
            32,
        ),
        (
            ModifyMask::SEND_PSN,
            |r| r.send_psn.set(1 << 24),
            Status::LIMIT_EXCEEDED,
            36,
        ),
        (
            ModifyMask::RECV_PSN,
            |r| r.recv_psn.set(1 << 24),
            Status::LIMIT_EXCEEDED,
            40,
        ),
        (
            ModifyMask::PATH,
            |r| r.local_address.set(4),
            Status::NO_SUCH_OBJECT,
            48,
        ),
        (
            ModifyMask::PATH,
            |r| r.udp_source_port.set(4791),
            Status::INVALID_FIELD,
            50,
        ),
        (
            ModifyMask::ACCESS,
            |r| r.access_raw.set(1),
            Status::INVALID_FIELD,
            52,
        ),
        (
            ModifyMask::PATH,
            |r| r.peer_address = [0; 16],
            Status::INVALID_FIELD,
            56,
        ),
        (
            ModifyMask::PATH,
            |r| r.peer_address = [0xff; 16],
            Status::INVALID_FIELD,
            56,
        ),
        (
            ModifyMask::NEXT_HOP,
            |r| r.next_hop = [1; 6],
            Status::INVALID_FIELD,
            72,
        ),
        (
            ModifyMask::PATH,
            |r| r.flow_label.set(1 << 20),
            Status::LIMIT_EXCEEDED,
            80,
        ),
        (
            ModifyMask::STATE,
            |r| r.state_raw = 9,
            Status::INVALID_FIELD,
            24,
        ),
        (
            ModifyMask::PATH,
            |r| r.qpn.set(77),
            Status::NO_SUCH_OBJECT,
            16,
        ),
    ];
    for (n_row, (mask, edit, status, at)) in rows.iter().enumerate() {
        let mut r = request(q, *mask);
        edit(&mut r);
        let e = modify(&mut n, &r).unwrap_err();
        assert_eq!(
            (e.status, usize::from(e.offset)),
            (*status, *at),
            "row {n_row}"
        );
    }
    // What the mask leaves out is not looked at.
    let mut r = request(q, ModifyMask::QKEY);
    r.read_depth_in = 255;
    modify(&mut n, &r).unwrap();
}

#[test]
fn create_refuses_what_does_not_fit() {
    // [QP-2] [QP-3] [DB-2]
    type Edit = fn(&mut CreateQpRequest);
    let rows: &[(bool, Edit, Status, R, usize)] = &[
        (
            false,
            |r| r.set_qp_type(QpType(9)),
            Status::INVALID_FIELD,
            R::BAD_VALUE,
            24,
        ),
        (
            false,
            |r| r.set_qp_type(QpType::UD),
            Status::UNSUPPORTED,
            R::NOT_ACTIVE,
            24,
        ),
        (
            false,
            |r| r.max_send_segments.set(33),
            Status::LIMIT_EXCEEDED,
            R::TOO_LARGE,
            26,
        ),
        (
            false,
            |r| r.max_recv_segments.set(33),
            Status::LIMIT_EXCEEDED,
            R::TOO_LARGE,
            28,
        ),
        (
            true,
            |r| r.max_recv_segments.set(1),
            Status::INVALID_FIELD,
            R::CONFLICT,
            28,
        ),
        (
            false,
            |r| r.max_inline.set(513),
            Status::LIMIT_EXCEEDED,
            R::TOO_LARGE,
            30,
        ),
        (
            false,
            |r| r.max_inline.set(512),
            Status::INVALID_FIELD,
            R::TOO_SMALL,
            85,
        ),
        (
            false,
            |r| r.max_send_segments.set(14),
            Status::INVALID_FIELD,
            R::TOO_SMALL,
            85,
        ),
        (
            false,
            |r| r.max_recv_segments.set(16),
            Status::INVALID_FIELD,
            R::TOO_SMALL,
            109,
        ),
        (
            false,
            |r| r.srqn.set(1),
            Status::INVALID_FIELD,
            R::CONFLICT,
            40,
        ),
        (
            true,
            |r| r.srqn.set(77),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            40,
        ),
        (
            false,
            |r| r.qpn.set(1),
            Status::INVALID_FIELD,
            R::BAD_VALUE,
            44,
        ),
        (
            false,
            |r| r.send_retired_address.set(4),
            Status::INVALID_FIELD,
            R::NOT_ALIGNED,
            56,
        ),
        (
            false,
            |r| r.recv_retired_address.set(4),
            Status::INVALID_FIELD,
            R::NOT_ALIGNED,
            64,
        ),
        (
            true,
            |r| r.recv_retired_address.set(8),
            Status::INVALID_FIELD,
            R::CONFLICT,
            64,
        ),
        (
            true,
            |r| r.recv_ring.doorbell.set(600),
            Status::INVALID_FIELD,
            R::CONFLICT,
            96,
        ),
        (
            false,
            |r| r.pd.set(99),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            16,
        ),
        (
            false,
            |r| r.send_cqn.set(99),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            32,
        ),
        (
            false,
            |r| r.recv_cqn.set(99),
            Status::NO_SUCH_OBJECT,
            R::NOT_FOUND,
            36,
        ),
        (
            false,
            |r| r.send_ring.doorbell.set(CQ_SLOT),
            Status::DOORBELL_IN_USE,
            R::IN_USE,
            0,
        ),
        (
            false,
            |r| r.recv_ring.doorbell = r.send_ring.doorbell,
            Status::DOORBELL_IN_USE,
            R::IN_USE,
            0,
        ),
        (
            false,
            |r| r.send_ring.page_list.set(1 << 50),
            Status::DMA_ERROR,
            R::NOT_REACHABLE,
            72,
        ),
    ];
    let mut n = Node::new(1);
    for (row, (srq, edit, status, reason, at)) in rows.iter().enumerate() {
        let (mut r, _, _) = n.request(*srq);
        edit(&mut r);
        let e = n.qps.create(&mut n.env, &mut n.res, &r).unwrap_err();
        assert_eq!((e.status, e.reason), (*status, *reason), "row {row}");
        assert!(*at == 0 || usize::from(e.offset) == *at, "row {row}: {e:?}");
        assert!(
            n.qps.is_empty() && !n.res.cqs.get(n.cqn).unwrap().is_used(),
            "row {row}"
        );
    }
    n.res.features = 0;
    let (r, _, _) = n.request(true);
    let e = n.qps.create(&mut n.env, &mut n.res, &r).unwrap_err();
    assert_eq!(e.status, Status::UNSUPPORTED);
    n.res.features = feature::SRQ;
    let (pd, _) = n.res.keys.create_domain(false).unwrap();
    let (mut r, _, _) = n.request(true);
    r.pd.set(pd);
    let e = n.qps.create(&mut n.env, &mut n.res, &r).unwrap_err();
    assert_eq!(
        (e.status, e.reason),
        (Status::ACCESS_DENIED, R::WRONG_DOMAIN)
    );
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
    p.b.qps.flush_retired(&mut p.b.res);
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
    let notices: Vec<_> = std::iter::from_fn(|| p.a.qps.next_notice()).collect();
    assert_eq!(notices, [Notice::NextHopWanted { peer }]);
    p.a.qps.set_next_hop(peer, MacAddr([2, 0, 0, 0, 0, 2]));
    p.settle_in_time(3);
    assert_eq!(p.a.outcomes(), [(1, S::SUCCESS, E::NONE)]);
    assert!(
        p.b.qps
            .next_notice()
            .is_some_and(|n| matches!(n, Notice::FirstPacket { .. }))
    );
    assert_eq!(p.b.qps.next_notice(), None, "learnt from the frame");
}
