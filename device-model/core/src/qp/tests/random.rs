//! Random work on two devices against byte arrays: however it is cut into posts, segments and
//! frames, and whatever a wire loses, memory and completions end as the oracle says.

use proptest::prelude::*;
use rnic_abi::CompletionStatus as S;

use super::*;

/// Static data of both sides; then what writes, reads and sends change.
const SOURCE: u64 = 0;
const CHANGED: u64 = 256 * 1024;
const HALF: usize = 256 * 1024;

#[derive(Clone, Debug)]
struct Op {
    kind: u8,
    from: u32,
    to: u32,
    length: u32,
    silent: bool,
    fence: bool,
    settle: bool,
}

fn op() -> impl Strategy<Value = Op> {
    let length = prop_oneof![0u32..4, 0u32..300, 1000u32..1100, 0u32..20_000];
    (
        0u8..8,
        0u32..200_000,
        0u32..200_000,
        length,
        any::<[bool; 3]>(),
    )
        .prop_map(|(kind, from, to, length, [silent, fence, settle])| Op {
            kind,
            from,
            to,
            length,
            silent,
            fence,
            settle,
        })
}

fn noise(seed: u8) -> Vec<u8> {
    let mut x = u64::from(seed) + 1;
    (0..HALF)
        .map(|_| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (x >> 56) as u8
        })
        .collect()
}

fn copy(to: &mut [u8], at: u32, from: &[u8], offset: u32, length: u32) {
    let (at, offset, length) = (at as usize, offset as usize, length as usize);
    to[at..at + length].copy_from_slice(&from[offset..offset + length]);
}

fn run(wire: Wire, mtu: Mtu, loss: u64, seed: u64, ops: &[Op]) {
    let mut p = Pair::with(
        wire,
        &Options {
            mtu,
            ..Options::default()
        },
    );
    (p.loss, p.dice) = (loss, seed);
    let (of_a, of_b) = (noise(1), noise(2));
    p.a.put(SOURCE, &of_a);
    p.b.put(SOURCE, &of_b);
    let (mut at_a, mut at_b) = (vec![0u8; HALF], vec![0u8; HALF]);
    let (mut expected_a, mut expected_b) = (Vec::new(), Vec::new());
    let (mut seen_a, mut seen_b) = (Vec::new(), Vec::new());
    let (ka, kb) = (p.a.key, p.b.key);
    let mut sum = 0u64;
    let mut posted = 0;
    for (n, op) in ops.iter().enumerate() {
        let context = n as u64;
        let (source, sink) = (
            BASE + SOURCE + u64::from(op.from),
            BASE + CHANGED + u64::from(op.to),
        );
        let wr = |opcode| Wr::new(opcode, context);
        let wr = match op.kind {
            0 | 1 => {
                p.b.receive(p.qb, context, &[(sink, op.length, kb)]);
                copy(&mut at_b, op.to, &of_a, op.from, op.length);
                expected_b.push((context, op.length, 0));
                wr(WorkOpcode::SEND).segment(source, op.length, ka)
            }
            2 | 3 => {
                copy(&mut at_b, op.to, &of_a, op.from, op.length);
                wr(WorkOpcode::WRITE)
                    .segment(source, op.length, ka)
                    .remote(sink, kb)
            }
            4 => {
                p.b.receive(p.qb, context, &[]);
                copy(&mut at_b, op.to, &of_a, op.from, op.length);
                expected_b.push((context, op.length, 0xfeed));
                wr(WorkOpcode::WRITE_IMMEDIATE)
                    .segment(source, op.length, ka)
                    .remote(sink, kb)
                    .immediate(0xfeed)
            }
            5 => {
                let length = op.length.min(128);
                copy(&mut at_b, op.to, &of_a, op.from, length);
                let bytes = &of_a[op.from as usize..(op.from + length) as usize];
                wr(WorkOpcode::WRITE).inline(bytes).remote(sink, kb)
            }
            6 => {
                copy(&mut at_a, op.to, &of_b, op.from, op.length);
                wr(WorkOpcode::READ)
                    .segment(sink, op.length, ka)
                    .remote(source, kb)
            }
            _ => {
                // Of a word that nothing else touches; the old value goes to A.
                let to = op.to & !7;
                at_a[to as usize..to as usize + 8].copy_from_slice(&sum.to_le_bytes());
                sum = sum.wrapping_add(u64::from(op.from));
                wr(WorkOpcode::FETCH_ADD)
                    .atomic(BASE + CHANGED + 240_000, kb, u64::from(op.from), 0)
                    .segment(BASE + CHANGED + u64::from(to), 8, ka)
            }
        };
        let silent = op.silent && op.kind != 7;
        let mut flags = WorkFlags(0).with_silent(silent);
        flags = flags.with_fence(op.fence);
        p.a.write_send(p.qa, &wr.flags(flags));
        posted += 1;
        if !silent {
            expected_a.push(context);
        }
        // Sometimes one by one, sometimes many at once, never more than the ring holds.
        if op.settle || posted == 30 {
            posted = 0;
            p.a.ring_send(p.qa);
            p.settle_in_time(200);
            seen_a.extend(p.a.outcomes());
            seen_b.extend(p.b.poll());
        }
    }
    p.a.ring_send(p.qa);
    p.settle_in_time(200);
    seen_a.extend(p.a.outcomes());
    seen_b.extend(p.b.poll());
    at_b[240_000..240_008].copy_from_slice(&sum.to_le_bytes());
    assert!(seen_a.iter().all(|o| o.1 == S::SUCCESS), "{seen_a:?}");
    assert_eq!(seen_a.iter().map(|o| o.0).collect::<Vec<_>>(), expected_a);
    let got: Vec<_> = seen_b
        .iter()
        .map(|c| (c.context.get(), c.byte_count.get(), c.immediate.get()))
        .collect();
    assert_eq!(got, expected_b);
    assert!(p.a.get(CHANGED, HALF) == at_a, "A's memory");
    assert!(p.b.get(CHANGED, HALF) == at_b, "B's memory");
    let sent = ops.len() as u64;
    assert_eq!(p.a.retired(p.qa), (sent, 0));
    assert_eq!(p.b.retired(p.qb), (0, expected_b.len() as u64));
    assert!(p.a.qps.is_dma_idle(p.qa) && p.b.qps.is_dma_idle(p.qb));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn work_ends_as_the_oracle_says(ops in prop::collection::vec(op(), 1..80), code in 1u8..6) {
        let mtu = Mtu::from_code(code).unwrap();
        for wire in BOTH {
            run(wire, mtu, 0, 1, &ops);
        }
    }

    #[test]
    fn a_wire_that_loses_frames_changes_nothing(ops in prop::collection::vec(op(), 1..60), seed in any::<u64>()) {
        run(Wire::Frames, Mtu::B1024, 10_000, seed, &ops);
    }

    #[test]
    fn any_entry_ends_in_a_completion(bytes in prop::collection::vec(any::<u8>(), 256), opcode in 0u8..14) {
        let mut p = Pair::new(Wire::Segments);
        let mut bytes = bytes;
        bytes[8] = opcode;
        bytes[9] &= 0x0e;
        p.a.write_send(p.qa, &Wr::new(WorkOpcode::SEND, 0));
        let at = p.a.rings[&p.qa].send;
        p.a.guest.write(at, &bytes);
        p.a.ring_send(p.qa);
        p.settle_in_time(10);
        // Only a peer that is not ready may still be waited for.
        let done = p.a.poll().len();
        prop_assert!(done == 1 || p.a.counter(CounterId::RNR_NAK_IN) > 0);
    }
}
