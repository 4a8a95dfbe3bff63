use rnic_abi::{
    BindSegment, CompletionStatus, CounterId, FastRegisterSegment, InvalidateSegment, MwType,
    ProviderError, WorkFlags, WorkOpcode,
};
use rnic_wire::Mtu;
use zerocopy::IntoBytes;

use super::*;
use crate::keys::WindowKind;

fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length)
        .map(|i| (i as u8).wrapping_mul(31) ^ seed)
        .collect()
}

fn ok(p: &mut Node, context: u64) -> Completion {
    let all = p.poll();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].status(), CompletionStatus::SUCCESS, "{:?}", all[0]);
    assert_eq!(all[0].syndrome(), ProviderError::NONE);
    assert_eq!(all[0].context.get(), context);
    all[0]
}

#[test]
fn sends_of_every_length_arrive_whole() {
    // [QP-21] [QP-18] [QP-36]
    for wire in BOTH {
        for (n, length) in [0u32, 1, 64, 1023, 1024, 1025, 3000, 70_000, 600_000]
            .into_iter()
            .enumerate()
        {
            let mut p = Pair::new(wire);
            let data = pattern(length as usize, n as u8);
            p.a.put(0, &data);
            let half = length / 2;
            let sink = [
                (BASE + 8, half, p.b.key),
                (BASE + 8 + 4096 + u64::from(half), length - half, p.b.key),
            ];
            p.b.receive(p.qb, 77, &sink);
            let wr = Wr::new(WorkOpcode::SEND, 5)
                .segment(BASE, length / 3, p.a.key)
                .segment(BASE + u64::from(length / 3), length - length / 3, p.a.key);
            p.a.post(p.qa, wr);
            p.settle();
            let sent = ok(&mut p.a, 5);
            assert_eq!(
                (sent.qpn.get(), sent.opcode(), sent.byte_count.get()),
                (p.qa, WorkOpcode::SEND, 0)
            );
            assert_eq!((sent.retired.get(), sent.index.get()), (1, 0));
            let got = ok(&mut p.b, 77);
            assert!(got.flags().receive() && !got.flags().solicited() && !got.flags().immediate());
            assert_eq!(
                (got.byte_count.get(), got.opcode()),
                (length, WorkOpcode::SEND)
            );
            let mut whole = p.b.get(8, half as usize);
            whole.extend(p.b.get(8 + 4096 + u64::from(half), (length - half) as usize));
            assert!(whole == data, "{wire:?} {length}");
            assert_eq!(p.a.retired(p.qa), (1, 0));
            assert_eq!(p.b.retired(p.qb), (0, 1));
            assert_eq!(p.a.counter(CounterId::SENDS_OUT), 1);
            assert_eq!(p.b.counter(CounterId::SENDS_IN), 1);
        }
    }
}

#[test]
fn immediate_invalidate_and_solicited_come_along() {
    // [QP-21] [QP-23] [QP-33]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        for i in 0..3 {
            p.b.receive(p.qb, i, &[(BASE, 64, p.b.key)]);
        }
        let window =
            p.b.res
                .keys
                .create_window(p.b.pd, WindowKind::Type2)
                .unwrap();
        let mut bind = BindSegment::zeroed().with_access(AccessFlags::REMOTE_WRITE);
        bind.address.set(BASE);
        bind.length.set(4096);
        bind.window_key.set(window.0);
        bind.region_key.set(p.b.key);
        p.b.post(p.qb, Wr::new(WorkOpcode::BIND, 9).operands(bind.as_bytes()));
        p.settle();
        ok(&mut p.b, 9);
        let send = |opcode, context| Wr::new(opcode, context).segment(BASE, 10, p.a.key);
        let with_imm = send(WorkOpcode::SEND_IMMEDIATE, 1)
            .immediate(0x0403_0201)
            .flags(WorkFlags::SOLICITED);
        let with_inv = send(WorkOpcode::SEND_INVALIDATE, 2).immediate(window.0);
        p.a.post(p.qa, with_imm);
        p.a.post(p.qa, with_inv);
        p.settle();
        assert_eq!(p.a.poll().len(), 2);
        let got = p.b.poll();
        assert_eq!(got.len(), 2);
        assert!(got[0].flags().immediate() && got[0].flags().solicited());
        assert_eq!(
            (got[0].immediate.get(), got[0].opcode()),
            (0x0403_0201, WorkOpcode::SEND_IMMEDIATE)
        );
        assert!(got[1].flags().invalidated() && !got[1].flags().immediate());
        assert_eq!(
            (got[1].immediate.get(), got[1].opcode()),
            (window.0, WorkOpcode::SEND_INVALIDATE)
        );
        let again = p.b.res.keys.invalidate(p.b.pd, p.qb, window.0);
        assert_eq!(again, Err(ProviderError::KEY_FREE));
    }
}

#[test]
fn writes_land_and_immediates_take_a_receive() {
    // [QP-24] [CONV-10]
    for wire in BOTH {
        for length in [0u32, 7, 1024, 5000, 700_000] {
            let mut p = Pair::new(wire);
            let data = pattern(length as usize, 3);
            p.a.put(100, &data);
            p.b.receive(p.qb, 40, &[]);
            let (ka, kb) = (p.a.key, p.b.key);
            let write = |opcode, context| {
                Wr::new(opcode, context)
                    .segment(BASE + 100, length, ka)
                    .remote(BASE + 5001, kb)
            };
            p.a.post(p.qa, write(WorkOpcode::WRITE, 1));
            p.settle();
            ok(&mut p.a, 1);
            assert!(p.b.poll().is_empty());
            assert!(p.b.get(5001, length as usize) == data);
            p.a.post(
                p.qa,
                write(WorkOpcode::WRITE_IMMEDIATE, 2).immediate(0xdead),
            );
            p.settle();
            ok(&mut p.a, 2);
            let got = ok(&mut p.b, 40);
            assert_eq!(
                (got.byte_count.get(), got.immediate.get()),
                (length, 0xdead)
            );
            assert_eq!(got.opcode(), WorkOpcode::WRITE_IMMEDIATE);
            assert_eq!(p.a.counter(CounterId::WRITES_OUT), 2);
            assert_eq!(p.b.counter(CounterId::WRITES_IN), 2);
        }
    }
}

#[test]
fn reads_bring_the_data_and_may_invalidate_their_sink() {
    // [QP-25]
    for wire in BOTH {
        for length in [0u32, 1, 1024, 9000, 700_000] {
            let mut p = Pair::new(wire);
            let data = pattern(length as usize, 9);
            p.b.put(3, &data);
            let sink = p.a.res.keys.create_fast_region(p.a.pd, 200).unwrap();
            let mut reg = FastRegisterSegment::zeroed().with_access(ALL);
            reg.base.set(BASE);
            reg.length.set(200 * 4096);
            reg.page_count.set(200);
            reg.page_list.set(p.a.page_list(200));
            reg.key.set(sink.0);
            p.a.post(
                p.qa,
                Wr::new(WorkOpcode::FAST_REGISTER, 1)
                    .operands(reg.as_bytes())
                    .flags(WorkFlags::SILENT),
            );
            let read = Wr::new(WorkOpcode::READ_INVALIDATE, 2)
                .segment(BASE + 11, length / 2, sink.0)
                .segment(
                    BASE + 11 + u64::from(length / 2),
                    length - length / 2,
                    sink.0,
                )
                .remote(BASE + 3, p.b.key);
            p.a.post(p.qa, read);
            p.settle();
            let c = ok(&mut p.a, 2);
            assert_eq!(
                (c.byte_count.get(), c.opcode()),
                (length, WorkOpcode::READ_INVALIDATE)
            );
            assert_eq!((c.retired.get(), c.index.get()), (2, 1));
            assert!(p.a.get(11, length as usize) == data, "{wire:?} {length}");
            let again = p.a.res.keys.invalidate(p.a.pd, p.qa, sink.0);
            assert_eq!(again, Err(ProviderError::KEY_FREE));
            assert_eq!(p.b.counter(CounterId::READS_IN), 1);
        }
    }
}

#[test]
fn atomics_act_once_and_return_what_was_there() {
    // [QP-26]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.b.put(64, &40u64.to_le_bytes());
        let at = BASE + 64;
        let ka = p.a.key;
        let sink = |n: u64| (BASE + 8 * n, 8, ka);
        for (n, wr) in [
            Wr::new(WorkOpcode::FETCH_ADD, 0).atomic(at, p.b.key, 2, 0),
            Wr::new(WorkOpcode::COMPARE_SWAP, 1).atomic(at, p.b.key, 100, 41),
            Wr::new(WorkOpcode::COMPARE_SWAP, 2).atomic(at, p.b.key, 7, 42),
        ]
        .into_iter()
        .enumerate()
        {
            let (a, l, k) = sink(n as u64);
            p.a.post(p.qa, wr.segment(a, l, k));
        }
        p.settle();
        assert!(
            p.a.poll()
                .iter()
                .all(|c| c.byte_count.get() == 8 && c.status() == CompletionStatus::SUCCESS)
        );
        let old: Vec<u64> = (0..3)
            .map(|n| u64::from_le_bytes(p.a.get(8 * n, 8).try_into().unwrap()))
            .collect();
        assert_eq!(old, [40, 42, 42]);
        assert_eq!(p.b.get(64, 8), 7u64.to_le_bytes());
        assert_eq!(p.b.counter(CounterId::ATOMICS_IN), 3);
    }
}

#[test]
fn inline_data_need_no_key_and_silence_no_completion() {
    // [QP-19] [QP-13] [QP-14]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        for n in 0..20u64 {
            let wr = Wr::new(WorkOpcode::WRITE, n)
                .inline(&pattern(100, n as u8))
                .remote(BASE + 100 * n, p.b.key);
            let silent = if n < 19 {
                WorkFlags::SILENT
            } else {
                WorkFlags(0)
            };
            p.a.post(p.qa, wr.flags(silent));
        }
        p.settle();
        let c = ok(&mut p.a, 19);
        assert_eq!((c.retired.get(), c.index.get()), (20, 19));
        assert_eq!(p.a.retired(p.qa).0, 20);
        for n in 0..20u64 {
            assert_eq!(p.b.get(100 * n, 100), pattern(100, n as u8));
        }
    }
}

#[test]
fn keys_are_registered_bound_and_taken_back_in_order() {
    // [QP-35] [MEM-12] [MEM-20] [MEM-17]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        let fast = p.b.res.keys.create_fast_region(p.b.pd, 4).unwrap();
        let window =
            p.b.res
                .keys
                .create_window(p.b.pd, WindowKind::of(MwType::TYPE_1).unwrap())
                .unwrap();
        let mut reg = FastRegisterSegment::zeroed().with_access(ALL);
        reg.base.set(0x1000);
        reg.length.set(4 * 4096);
        reg.page_count.set(4);
        reg.page_list.set(p.b.page_list(4));
        reg.key.set(fast.0 + 5);
        let mut bind =
            BindSegment::zeroed().with_access(AccessFlags::REMOTE_READ | AccessFlags::REMOTE_WRITE);
        bind.address.set(0x1800);
        bind.length.set(256);
        bind.window_key.set(window.0 + 1);
        bind.region_key.set(fast.0 + 5);
        p.b.write_send(
            p.qb,
            &Wr::new(WorkOpcode::FAST_REGISTER, 1).operands(reg.as_bytes()),
        );
        p.b.write_send(
            p.qb,
            &Wr::new(WorkOpcode::BIND, 2).operands(bind.as_bytes()),
        );
        p.b.ring_send(p.qb);
        p.settle();
        assert_eq!(p.b.poll().len(), 2);
        let write = Wr::new(WorkOpcode::WRITE, 3)
            .inline(b"through")
            .remote(0x1810, window.0 + 1);
        p.a.post(p.qa, write);
        p.settle();
        ok(&mut p.a, 3);
        assert_eq!(p.b.get(0x810, 7), b"through");
        // Unbind, then invalidate; then neither key works.
        bind.length.set(0);
        let mut inv = InvalidateSegment::zeroed();
        inv.key.set(fast.0 + 5);
        p.b.write_send(
            p.qb,
            &Wr::new(WorkOpcode::BIND, 4).operands(bind.as_bytes()),
        );
        p.b.write_send(
            p.qb,
            &Wr::new(WorkOpcode::LOCAL_INVALIDATE, 5).operands(inv.as_bytes()),
        );
        p.b.ring_send(p.qb);
        p.settle();
        assert!(
            p.b.outcomes()
                .iter()
                .all(|o| o.1 == CompletionStatus::SUCCESS)
        );
        p.a.post(
            p.qa,
            Wr::new(WorkOpcode::WRITE, 6)
                .inline(b"late")
                .remote(0x1810, window.0 + 1),
        );
        p.settle();
        assert_eq!(
            p.a.outcomes(),
            [(
                6,
                CompletionStatus::REMOTE_ACCESS_ERROR,
                ProviderError::PEER_ACCESS
            )]
        );
    }
}

#[test]
fn an_invalidation_overtook_the_copy_of_an_answer() {
    // [MEM-17] The reader has the answer and has not looked at it when the key is taken away.
    let mut p = Pair::new(Wire::Segments);
    let fast = p.b.res.keys.create_fast_region(p.b.pd, 4).unwrap();
    let mut reg = FastRegisterSegment::zeroed().with_access(ALL);
    reg.base.set(0x1000);
    reg.length.set(4 * 4096);
    reg.page_count.set(4);
    reg.page_list.set(p.b.page_list(4));
    reg.key.set(fast.0);
    p.b.post(
        p.qb,
        Wr::new(WorkOpcode::FAST_REGISTER, 1).operands(reg.as_bytes()),
    );
    p.settle();
    ok(&mut p.b, 1);
    p.b.put(0, b"before");
    let sink = Wr::new(WorkOpcode::READ, 2).remote(0x1000, fast.0);
    p.a.post(p.qa, sink.segment(BASE + 0x9000, 6, p.a.key));
    p.a.run();
    while let Some(item) = p.a.env.out.pop_front() {
        p.b.take(item);
    }
    p.b.run();
    assert_eq!(p.b.env.out.len(), 1, "the answer is on its way");
    let mut inv = InvalidateSegment::zeroed();
    inv.key.set(fast.0);
    let inv = Wr::new(WorkOpcode::LOCAL_INVALIDATE, 3).operands(inv.as_bytes());
    p.b.post(p.qb, inv);
    for _ in 0..3 {
        p.b.run();
        assert!(p.b.poll().is_empty(), "the reader may still copy");
        p.b.env.now = p.b.qps.next_timer().expect("looks again");
    }
    p.settle();
    ok(&mut p.a, 2);
    assert_eq!(p.a.get(0x9000, 6), b"before");
    p.settle_in_time(3);
    ok(&mut p.b, 3);
    // With nothing under way there is nothing to wait for.
    reg.key.set(fast.0 + 1);
    p.b.post(
        p.qb,
        Wr::new(WorkOpcode::FAST_REGISTER, 4).operands(reg.as_bytes()),
    );
    let mut inv = InvalidateSegment::zeroed();
    inv.key.set(fast.0 + 1);
    let inv = Wr::new(WorkOpcode::LOCAL_INVALIDATE, 5).operands(inv.as_bytes());
    p.b.post(p.qb, inv);
    p.settle();
    assert_eq!(p.b.poll().len(), 2);
}

#[test]
fn a_fence_waits_for_reads_and_an_invalidation_for_everything() {
    // [QP-20] [QP-35]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.b.put(0, b"first");
        let read = Wr::new(WorkOpcode::READ, 1)
            .segment(BASE + 64, 5, p.a.key)
            .remote(BASE, p.b.key);
        // Sends on what the read brings: only right if it waits.
        let write = Wr::new(WorkOpcode::WRITE, 2)
            .segment(BASE + 64, 5, p.a.key)
            .remote(BASE + 128, p.b.key)
            .flags(WorkFlags::FENCE);
        p.a.write_send(p.qa, &read);
        p.a.write_send(p.qa, &write);
        p.a.ring_send(p.qa);
        p.a.run();
        assert_eq!(p.a.env.out.len(), 1, "the fenced write waits");
        p.settle();
        assert_eq!(p.a.poll().len(), 2);
        assert_eq!(p.b.get(128, 5), b"first");
    }
}

#[test]
fn reads_beyond_the_depth_wait_their_turn() {
    // [QP-32]
    for wire in BOTH {
        let mut p = Pair::with(
            wire,
            &Options {
                depth: 2,
                ..Options::default()
            },
        );
        for n in 0..9u64 {
            let wr = Wr::new(WorkOpcode::READ, n)
                .segment(BASE + 4096 * n, 3000, p.a.key)
                .remote(BASE + n, p.b.key);
            p.a.write_send(p.qa, &wr);
        }
        p.a.ring_send(p.qa);
        p.a.run();
        assert_eq!(p.a.env.out.len(), 2);
        p.settle();
        let contexts: Vec<u64> = p.a.outcomes().iter().map(|o| o.0).collect();
        assert_eq!(contexts, (0..9).collect::<Vec<_>>());
    }
}

#[test]
fn a_receive_that_comes_late_is_waited_for() {
    // [QP-30]
    for wire in BOTH {
        let mut p = Pair::new(wire);
        p.a.post(p.qa, Wr::new(WorkOpcode::SEND, 1).inline(b"hello"));
        p.settle();
        assert!(p.a.poll().is_empty());
        assert_eq!(p.b.counter(CounterId::RNR_NAK_OUT), 1);
        assert_eq!(p.a.counter(CounterId::RNR_NAK_IN), 1);
        p.b.receive(p.qb, 2, &[(BASE, 64, p.b.key)]);
        p.settle_in_time(3);
        ok(&mut p.a, 1);
        ok(&mut p.b, 2);
        assert_eq!(p.b.get(0, 5), b"hello");
        assert!(p.a.counter(CounterId::RETRANSMITTED) >= 1);
    }
}

#[test]
fn receives_come_from_a_shared_queue() {
    // [SRQ-3]
    for wire in BOTH {
        let mut p = Pair::with(
            wire,
            &Options {
                srq: true,
                ..Options::default()
            },
        );
        for n in 0..3u64 {
            p.b.receive_shared(10 + n, &[(BASE + 100 * n, 100, p.b.key)]);
        }
        for n in 0..3u64 {
            p.a.post(p.qa, Wr::new(WorkOpcode::SEND, n).inline(&[n as u8; 9]));
        }
        p.settle();
        let got = p.b.poll();
        let seen: Vec<_> = got
            .iter()
            .map(|c| {
                (
                    c.context.get(),
                    c.srq_slot.get(),
                    c.index.get(),
                    c.retired.get(),
                )
            })
            .collect();
        assert_eq!(seen, [(10, 0, 0, 1), (11, 1, 1, 2), (12, 2, 2, 3)]);
        assert_eq!(p.b.get(200, 9), [2; 9]);
    }
}

#[test]
fn loopback_connects_two_of_one_device() {
    let mut n = Node::new(1);
    let (x, y) = (n.create(false), n.create(false));
    for (q, peer) in [(x, y), (y, x)] {
        let way = PathAttributes {
            loopback: true,
            ..path(&n, &n, peer, Mtu::B4096)
        };
        n.qps
            .set_attributes(q, |a| attributes(a, way, &Options::default(), 1));
        n.qps
            .change(&mut n.env, &mut n.res, q, QpState::RTS)
            .unwrap();
    }
    n.put(0, &pattern(9000, 1));
    n.receive(y, 2, &[(BASE + 20_000, 9000, n.key)]);
    n.post(x, Wr::new(WorkOpcode::SEND, 1).segment(BASE, 9000, n.key));
    n.post(
        x,
        Wr::new(WorkOpcode::READ, 3)
            .segment(BASE + 40_000, 9000, n.key)
            .remote(BASE, n.key),
    );
    while n.run() == Progress::Busy {}
    let mut contexts: Vec<u64> = n.outcomes().iter().map(|o| o.0).collect();
    contexts.sort_unstable();
    assert_eq!(contexts, [1, 2, 3]);
    assert!(n.get(20_000, 9000) == pattern(9000, 1) && n.get(40_000, 9000) == pattern(9000, 1));
    assert!(n.env.out.is_empty());
}

#[test]
fn traffic_within_the_process_counts_as_frames_would() {
    // [CNT-2]
    let counts = BOTH.map(|wire| {
        let mut p = Pair::with(
            wire,
            &Options {
                mtu: Mtu::B256,
                ..Options::default()
            },
        );
        p.b.receive(p.qb, 1, &[(BASE, 4096, p.b.key)]);
        let key = (p.a.key, p.b.key);
        p.a.post(
            p.qa,
            Wr::new(WorkOpcode::SEND, 1).segment(BASE, 1001, key.0),
        );
        p.settle();
        p.a.post(
            p.qa,
            Wr::new(WorkOpcode::WRITE, 2)
                .segment(BASE, 513, key.0)
                .remote(BASE, key.1),
        );
        p.settle();
        p.a.post(
            p.qa,
            Wr::new(WorkOpcode::READ, 3)
                .segment(BASE, 2000, key.0)
                .remote(BASE, key.1),
        );
        p.settle();
        assert_eq!(p.a.poll().len(), 3);
        let of = |n: &Node| {
            [
                CounterId::FRAMES_IN,
                CounterId::FRAMES_OUT,
                CounterId::OCTETS_IN,
                CounterId::OCTETS_OUT,
            ]
            .map(|id| n.counter(id))
        };
        (of(&p.a), of(&p.b))
    });
    assert_eq!(counts[0], counts[1]);
    let (a, b) = counts[0];
    assert_eq!((a[0], a[1], a[2], a[3]), (b[1], b[0], b[3], b[2]));
    assert_eq!(a[1], 4 + 3 + 1);
}
