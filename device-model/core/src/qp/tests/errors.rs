use rnic_abi::{
    BindSegment, CompletionStatus as S, FastRegisterSegment, InvalidateSegment, ProviderError as E,
};

use super::*;
use crate::dma::DmaSpace;
use crate::fault::Rule;
use crate::keys::WindowKind;

/// Posts one request that fails, and one after it that is flushed; outcome of the first.
pub(super) fn fails(p: &mut Pair, wr: Wr) -> (S, E) {
    p.a.post(p.qa, Wr { context: 1, ..wr });
    p.a.post(p.qa, Wr::new(WorkOpcode::SEND, 2).inline(b"x"));
    p.settle_in_time(50);
    let all = p.a.outcomes();
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1], (2, S::FLUSHED, E::QUEUE_FLUSHED), "[QP-37]");
    assert_eq!(all[0].0, 1);
    assert_eq!(p.a.state(p.qa), QpState::ERROR);
    let events = p.a.events();
    assert_eq!(events.len(), 1, "[QP-38]");
    assert_eq!(events[0].0, EventCode::QP_ERROR);
    assert_eq!(p.a.retired(p.qa).0, 2);
    (all[0].1, all[0].2)
}

pub(super) fn write(p: &Pair, length: u32) -> Wr {
    Wr::new(WorkOpcode::WRITE, 0)
        .segment(BASE, length, p.a.key)
        .remote(BASE, p.b.key)
}

#[test]
fn mistakes_in_an_entry_fail_it_here() {
    // [QP-16] [QP-17] [QP-28] [QP-29] [QP-32]
    type Make = fn(&mut Pair) -> Wr;
    let protection = S::LOCAL_PROTECTION_ERROR;
    let rows: &[(Make, S, E)] = &[
        (
            |_| Wr::new(WorkOpcode(99), 0),
            S::LOCAL_OPERATION_ERROR,
            E::BAD_OPCODE,
        ),
        (
            |_| Wr::new(WorkOpcode::SEND, 0).flags(WorkFlags(0x40)),
            S::LOCAL_OPERATION_ERROR,
            E::BAD_FLAGS,
        ),
        (
            |p| {
                write(p, 1)
                    .segment(0, 1, 0)
                    .segment(0, 1, 0)
                    .segment(0, 1, 0)
                    .segment(0, 1, 0)
            },
            S::LOCAL_OPERATION_ERROR,
            E::TOO_MANY_SEGMENTS,
        ),
        (
            |_| Wr::new(WorkOpcode::SEND, 0).inline(&[0; 129]),
            S::LOCAL_OPERATION_ERROR,
            E::INLINE_TOO_LONG,
        ),
        (
            |p| write(p, u32::MAX),
            S::LOCAL_LENGTH_ERROR,
            E::MESSAGE_TOO_LONG,
        ),
        (
            |p| write(p, 8).segment(BASE, 4, 0xdead_0000),
            protection,
            E::KEY_NOT_FOUND,
        ),
        (
            |p| {
                let k = p.a.key;
                write(p, 8).segment(BASE, 4, k ^ 1)
            },
            protection,
            E::KEY_STALE,
        ),
        (
            |p| {
                let k = p.a.res.keys.create_fast_region(p.a.pd, 1).unwrap().0;
                write(p, 8).segment(BASE, 4, k)
            },
            protection,
            E::KEY_FREE,
        ),
        (
            |p| {
                let k = p.a.key;
                write(p, 8).segment(BASE + MEMORY - 3, 4, k)
            },
            protection,
            E::RANGE,
        ),
        (
            |p| {
                let k = p.a.key;
                write(p, 8).segment(u64::MAX, 4, k)
            },
            protection,
            E::WRAP,
        ),
        (
            |p| {
                let k = p.a.region(BASE, 4096, AccessFlags::REMOTE_READ);
                Wr::new(WorkOpcode::READ, 0)
                    .segment(BASE, 4, k)
                    .remote(BASE, p.b.key)
            },
            protection,
            E::RIGHT_MISSING,
        ),
        (
            |p| {
                let (pd, key) = p.a.res.keys.create_domain(true).unwrap();
                let _ = pd;
                write(p, 8).segment(p.a.memory, 4, key.unwrap().0)
            },
            protection,
            E::KEY_WRONG_DOMAIN,
        ),
        (
            |p| {
                p.a.res.dma = p.a.res.dma.with_bus_master(false);
                write(p, 8)
            },
            S::LOCAL_ACCESS_ERROR,
            E::DMA_DISABLED,
        ),
    ];
    for wire in BOTH {
        for (n, (make, status, error)) in rows.iter().enumerate() {
            let mut p = Pair::new(wire);
            let wr = make(&mut p);
            if *error == E::DMA_DISABLED {
                // The entry itself cannot be fetched, nor completed.
                p.a.post(p.qa, wr);
                p.settle();
                assert_eq!(p.a.state(p.qa), QpState::ERROR);
                continue;
            }
            assert_eq!(fails(&mut p, wr), (*status, *error), "row {n}");
            assert!(p.b.poll().is_empty() && p.b.state(p.qb) == QpState::RTS);
        }
        let mut p = Pair::with(
            wire,
            &Options {
                depth: 0,
                ..Options::default()
            },
        );
        let read = Wr::new(WorkOpcode::READ, 0)
            .segment(BASE, 4, p.a.key)
            .remote(BASE, p.b.key);
        assert_eq!(
            fails(&mut p, read),
            (S::LOCAL_OPERATION_ERROR, E::NO_READ_DEPTH)
        );
    }
}

/// A region whose pages no mapping covers.
fn unmapped(n: &mut Node) -> u32 {
    let keep = std::mem::replace(&mut n.memory, 1 << 40);
    let key = n.region(BASE, 8192, ALL);
    n.memory = keep;
    key
}

#[test]
fn memory_that_dma_cannot_reach_fails_whose_it_is() {
    // [QP-29]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        let bad = unmapped(&mut p.a);
        let wr = Wr::new(WorkOpcode::WRITE, 0)
            .segment(BASE, 100, bad)
            .remote(BASE, p.b.key);
        assert_eq!(fails(&mut p, wr), (S::LOCAL_ACCESS_ERROR, E::DMA_UNMAPPED));
        let mut p = Pair::new(wire);
        let bad = unmapped(&mut p.a);
        let wr = Wr::new(WorkOpcode::READ, 0)
            .segment(BASE, 100, bad)
            .remote(BASE, p.b.key);
        assert_eq!(fails(&mut p, wr), (S::LOCAL_ACCESS_ERROR, E::DMA_UNMAPPED));
        for opcode in [WorkOpcode::WRITE, WorkOpcode::READ] {
            let mut p = Pair::new(wire);
            let bad = unmapped(&mut p.b);
            let wr = Wr::new(opcode, 0)
                .segment(BASE, 100, p.a.key)
                .remote(BASE, bad);
            assert_eq!(
                fails(&mut p, wr),
                (S::REMOTE_OPERATION_ERROR, E::PEER_OPERATION)
            );
            assert_eq!(p.b.state(p.qb), QpState::ERROR);
            assert_eq!(p.b.counter(CounterId::NAK_OPERATION_OUT), 1);
            assert_eq!(p.a.counter(CounterId::NAK_OPERATION_IN), 1);
        }
    }
}

#[test]
fn memory_that_goes_away_on_the_way_fails_its_owner() {
    // [QP-29] The peer notices, and the requester's entry fails.
    let mut p = Pair::new(Wire::Segments);
    p.a.post(p.qa, write(&p, 64));
    p.a.run();
    let Some(Item::Segment(mut s)) = p.a.env.out.pop_front() else {
        panic!("no segment");
    };
    if let crate::segment::Body::Request { payload, .. } = &mut s.body {
        let crate::payload::Payload::Memory { space, .. } = payload else {
            panic!("no memory");
        };
        *space = DmaSpace::empty();
    }
    p.b.take(Item::Segment(s));
    p.settle();
    assert_eq!(
        p.a.outcomes(),
        [(0, S::LOCAL_ACCESS_ERROR, E::DMA_DISABLED)]
    );
    assert_eq!(p.b.state(p.qb), QpState::RTS);
}

#[test]
fn remote_keys_ranges_and_rights_are_refused() {
    // [QP-27] [QP-34]
    type Make = fn(&mut Node) -> (u64, u32);
    let rows: &[Make] = &[
        |_| (BASE, 0x1234_5600),
        |n| (BASE, n.key ^ 0x80),
        |n| (BASE + MEMORY - 10, n.key),
        |n| (u64::MAX - 3, n.key),
        |n| (BASE, n.region(BASE, 4096, AccessFlags::LOCAL_WRITE)),
        |n| (BASE, n.res.keys.create_fast_region(n.pd, 4).unwrap().0),
        |n| {
            (
                BASE,
                n.res.keys.create_window(n.pd, WindowKind::Type2).unwrap().0,
            )
        },
        |n| {
            (
                n.memory,
                n.res.keys.create_domain(true).unwrap().1.unwrap().0,
            )
        },
    ];
    for wire in BOTH {
        for (row, make) in rows.iter().enumerate() {
            for opcode in [WorkOpcode::WRITE, WorkOpcode::READ, WorkOpcode::FETCH_ADD] {
                let mut p = Pair::new(wire);
                let (address, key) = make(&mut p.b);
                let before = p.b.get(0, 4096);
                let wr = if opcode == WorkOpcode::FETCH_ADD {
                    let aligned = address & !7;
                    // The last 8 bytes are within the region: ask past it.
                    let aligned = if row == 2 { aligned + 16 } else { aligned };
                    Wr::new(opcode, 0)
                        .atomic(aligned, key, 1, 0)
                        .segment(BASE, 8, p.a.key)
                } else {
                    Wr::new(opcode, 0)
                        .segment(BASE, 64, p.a.key)
                        .remote(address, key)
                };
                let got = fails(&mut p, wr);
                assert_eq!(
                    got,
                    (S::REMOTE_ACCESS_ERROR, E::PEER_ACCESS),
                    "{row} {opcode:?}"
                );
                assert_eq!(p.b.state(p.qb), QpState::ERROR);
                assert_eq!(p.b.events().len(), 1);
                assert_eq!(p.b.get(0, 4096), before);
                assert_eq!(p.b.counter(CounterId::NAK_ACCESS_OUT), 1);
            }
        }
        // The queue pair's own rights.
        let none = Options {
            access: AccessFlags(0),
            ..Options::default()
        };
        let mut p = Pair::with(wire, &none);
        let wr = write(&p, 4);
        assert_eq!(fails(&mut p, wr), (S::REMOTE_ACCESS_ERROR, E::PEER_ACCESS));
        let mut p = Pair::with(wire, &none);
        let wr = write(&p, 0);
        p.a.post(p.qa, wr);
        p.settle();
        assert_eq!(p.a.outcomes(), [(0, S::SUCCESS, E::NONE)], "[QP-18]");
    }
}

#[test]
fn a_misaligned_atomic_is_invalid() {
    // [QP-26]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        let wr = Wr::new(WorkOpcode::FETCH_ADD, 0)
            .atomic(BASE + 4, p.b.key, 1, 0)
            .segment(BASE, 8, p.a.key);
        assert_eq!(
            fails(&mut p, wr),
            (S::REMOTE_INVALID_REQUEST_ERROR, E::PEER_INVALID_REQUEST)
        );
        assert_eq!(p.b.state(p.qb), QpState::ERROR);
        assert_eq!(p.b.counter(CounterId::NAK_REQUEST_OUT), 1);
    }
}

#[test]
fn receives_at_fault_complete_and_the_sender_learns() {
    // [QP-22] [QP-28] [QP-23]
    type Post = fn(&mut Pair) -> Wr;
    let send = |p: &Pair| Wr::new(WorkOpcode::SEND, 0).segment(BASE, 100, p.a.key);
    let _ = send;
    let rows: &[(Post, S, E, S, E)] = &[
        (
            |p| {
                let k = p.b.key;
                p.b.receive(p.qb, 9, &[(BASE, 99, k)]);
                Wr::new(WorkOpcode::SEND, 0).segment(BASE, 100, p.a.key)
            },
            S::LOCAL_LENGTH_ERROR,
            E::RECEIVE_TOO_SHORT,
            S::REMOTE_INVALID_REQUEST_ERROR,
            E::PEER_INVALID_REQUEST,
        ),
        (
            |p| {
                let k = p.b.key;
                p.b.receive(p.qb, 9, &[(BASE, 100, k ^ 3)]);
                Wr::new(WorkOpcode::SEND, 0).segment(BASE, 100, p.a.key)
            },
            S::LOCAL_PROTECTION_ERROR,
            E::KEY_STALE,
            S::REMOTE_OPERATION_ERROR,
            E::PEER_OPERATION,
        ),
        // A segment that the message does not even reach is looked at too.
        (
            |p| {
                let k = p.b.key;
                p.b.receive(p.qb, 9, &[(BASE, 100, k), (BASE, 100, k ^ 3)]);
                Wr::new(WorkOpcode::SEND, 0).segment(BASE, 100, p.a.key)
            },
            S::LOCAL_PROTECTION_ERROR,
            E::KEY_STALE,
            S::REMOTE_OPERATION_ERROR,
            E::PEER_OPERATION,
        ),
        (
            |p| {
                let k = unmapped(&mut p.b);
                p.b.receive(p.qb, 9, &[(BASE, 100, k)]);
                Wr::new(WorkOpcode::SEND, 0).segment(BASE, 100, p.a.key)
            },
            S::LOCAL_ACCESS_ERROR,
            E::DMA_UNMAPPED,
            S::REMOTE_OPERATION_ERROR,
            E::PEER_OPERATION,
        ),
        (
            |p| {
                let k = p.b.key;
                p.b.receive(p.qb, 9, &[(BASE, 1, k); 5]);
                Wr::new(WorkOpcode::SEND, 0).inline(b"a")
            },
            S::LOCAL_OPERATION_ERROR,
            E::TOO_MANY_SEGMENTS,
            S::REMOTE_OPERATION_ERROR,
            E::PEER_OPERATION,
        ),
        (
            |p| {
                let k = p.b.key;
                p.b.receive(p.qb, 9, &[(BASE, 9, k)]);
                Wr::new(WorkOpcode::SEND_INVALIDATE, 0)
                    .inline(b"a")
                    .immediate(k)
            },
            S::LOCAL_OPERATION_ERROR,
            E::INVALIDATE_REFUSED,
            S::REMOTE_OPERATION_ERROR,
            E::PEER_OPERATION,
        ),
        (
            |p| {
                let k = p.b.key;
                p.b.receive(p.qb, 9, &[(BASE, 9, k)]);
                Wr::new(WorkOpcode::SEND_INVALIDATE, 0)
                    .inline(b"a")
                    .immediate(0x77_0000)
            },
            S::LOCAL_OPERATION_ERROR,
            E::INVALIDATE_REFUSED,
            S::REMOTE_OPERATION_ERROR,
            E::PEER_OPERATION,
        ),
    ];
    for wire in BOTH {
        for (n, (post, mine, why, theirs, because)) in rows.iter().enumerate() {
            let mut p = Pair::new(wire);
            let wr = post(&mut p);
            p.b.receive(p.qb, 10, &[]);
            assert_eq!(fails(&mut p, wr), (*theirs, *because), "row {n}");
            let got = p.b.outcomes();
            assert_eq!(
                got,
                [(9, *mine, *why), (10, S::FLUSHED, E::QUEUE_FLUSHED)],
                "row {n}"
            );
            assert_eq!(p.b.state(p.qb), QpState::ERROR);
        }
    }
}

#[test]
fn operations_on_keys_fail_with_their_reason() {
    // [MEM-13] [MEM-21] [MEM-17]
    let mut p = Pair::new(Wire::Segments);
    let region = p.a.key;
    let mut inv = InvalidateSegment::zeroed();
    inv.key.set(region);
    let wr = Wr::new(WorkOpcode::LOCAL_INVALIDATE, 0).operands(inv.as_bytes());
    assert_eq!(fails(&mut p, wr).0, S::LOCAL_OPERATION_ERROR);

    let mut p = Pair::new(Wire::Segments);
    let mut reg = FastRegisterSegment::zeroed();
    reg.key.set(p.a.key);
    reg.length.set(1);
    reg.page_count.set(1);
    let wr = Wr::new(WorkOpcode::FAST_REGISTER, 0).operands(reg.as_bytes());
    assert_eq!(fails(&mut p, wr), (S::WINDOW_BIND_ERROR, E::KEY_NOT_FOUND));

    let mut p = Pair::new(Wire::Segments);
    let mut bind = BindSegment::zeroed();
    bind.window_key.set(
        p.a.res
            .keys
            .create_window(p.a.pd, WindowKind::Type2)
            .unwrap()
            .0,
    );
    bind.region_key.set(p.a.key ^ 9);
    bind.address.set(BASE);
    bind.length.set(1);
    let wr = Wr::new(WorkOpcode::BIND, 0).operands(bind.as_bytes());
    assert_eq!(fails(&mut p, wr), (S::WINDOW_BIND_ERROR, E::KEY_STALE));
}

#[test]
fn injected_dma_faults_end_one_request() {
    // [ERR-2]
    let rule = Rule {
        site: Site::Dma,
        fault: Fault::Fail,
        after: 0,
        every: 0,
        times: Some(1),
        per_million: None,
        per_flow: false,
        delay_ns: 0,
    };
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.a.env.plan = FaultPlan::new(0, vec![rule]);
        let wr = write(&p, 8);
        assert_eq!(
            fails(&mut p, wr),
            (S::LOCAL_ACCESS_ERROR, E::DMA_HOST_FAULT)
        );
        assert_eq!(p.a.counter(CounterId::FAULTS_INJECTED), 1);
        let mut p = Pair::new(wire);
        p.b.env.plan = FaultPlan::new(0, vec![rule]);
        let wr = write(&p, 8);
        assert_eq!(
            fails(&mut p, wr),
            (S::REMOTE_OPERATION_ERROR, E::PEER_OPERATION)
        );
    }
}

#[test]
fn a_completion_queue_in_error_takes_its_queue_pairs_along() {
    // [QP-43] [CQ-3]
    let mut p = Pair::new(Wire::Segments);
    let other = p.a.create(false);
    for round in 0..40 {
        for n in 0..8u64 {
            p.a.write_send(
                p.qa,
                &Wr::new(WorkOpcode::WRITE, n)
                    .inline(b"")
                    .remote(BASE, p.b.key),
            );
        }
        p.a.ring_send(p.qa);
        p.settle();
        if p.a.state(p.qa) == QpState::ERROR {
            assert_eq!(round, 32, "256 entries, none consumed");
            break;
        }
    }
    assert_eq!(p.a.state(p.qa), QpState::ERROR);
    assert_eq!(p.a.state(other), QpState::ERROR);
    assert_eq!(p.a.counter(CounterId::CQ_ERRORS), 1);
    assert_eq!(p.a.counter(CounterId::COMPLETIONS), 256);
    let codes: Vec<_> = p.a.events().iter().map(|e| e.0).collect();
    assert_eq!(
        codes,
        [
            EventCode::CQ_ERROR,
            EventCode::QP_ERROR,
            EventCode::QP_ERROR
        ]
    );
}
