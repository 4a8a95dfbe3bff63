use proptest::prelude::*;
use rnic_abi::CompletionFlags;

use super::*;
use crate::ring::{RingRules, RingShape};
use crate::testing::Guest;

const SLOT: u32 = 512 + 8;
const NOW: Nanos = Nanos(1_000);

struct Bed {
    guest: Guest,
    cq: Cq,
    at: u64,
}

fn ring(guest: &mut Guest, log: u8) -> (Ring, u64) {
    let d = guest.ring(log, 6, SLOT);
    let rules = RingRules {
        min_log_stride: 6,
        max_log_stride: 6,
        max_log_entries: 20,
    };
    let ring = RingShape::check(&d, rules, 0).unwrap();
    let ring = ring.load(&guest.space()).unwrap();
    let at = ring.address(0);
    (ring, at)
}

fn bed(log: u8) -> Bed {
    let mut guest = Guest::new();
    let (ring, at) = ring(&mut guest, log);
    Bed {
        guest,
        cq: Cq::new(ring, SLOT, 1, 7, 0),
        at,
    }
}

fn plain(context: u64) -> Completion {
    let mut completion = Completion::zeroed();
    completion.context.set(context);
    completion
}

fn solicited(context: u64) -> Completion {
    plain(context).with_flags(CompletionFlags::RECEIVE | CompletionFlags::SOLICITED)
}

fn failed(context: u64) -> Completion {
    plain(context).with_status(CompletionStatus::FLUSHED)
}

fn store(consumer: u32, arm: ArmType, sequence: u8) -> u64 {
    ConsumerDoorbell(0)
        .with_consumer(consumer)
        .with_arm(arm)
        .with_sequence(sequence)
        .0
}

impl Bed {
    fn push(&mut self, completion: Completion) {
        self.cq.push(&self.guest.space(), NOW, completion).unwrap();
    }

    fn arm(&mut self, consumer: u32, arm: ArmType, sequence: u8) {
        self.cq
            .doorbell(NOW, store(consumer, arm, sequence))
            .unwrap();
    }

    fn entry(&self, slot: u64) -> Completion {
        let mut bytes = [0; 64];
        self.guest.read(self.at + slot * 64, &mut bytes);
        rnic_abi::read(&bytes).unwrap()
    }
}

#[test]
fn entries_are_written_in_order_with_the_owner_bit_of_their_pass() {
    // [CQ-2] [CONV-6] [CONV-7]
    let mut bed = bed(1);
    bed.push(plain(10));
    bed.push(plain(11));
    assert_eq!((bed.entry(0).owner, bed.entry(1).owner), (1, 1));
    bed.arm(1, ArmType::NONE, 0);
    bed.push(plain(12));
    assert_eq!((bed.entry(0).context.get(), bed.entry(0).owner), (12, 0));
    assert_eq!(bed.entry(1).context.get(), 11);
}

#[test]
fn a_full_queue_goes_in_error_and_overwrites_nothing() {
    // [CQ-3]
    let mut bed = bed(1);
    bed.arm(0, ArmType::ERRORS, 1);
    bed.push(plain(10));
    bed.push(plain(11));
    assert!(!bed.cq.ready(NOW));
    let dma = bed.guest.space();
    let overrun = Err(CqFailed(CqErrorCause::OVERRUN));
    assert_eq!(bed.cq.push(&dma, NOW, plain(12)), overrun);
    assert_eq!(bed.entry(0).context.get(), 10);
    assert!(bed.cq.ready(NOW), "the error satisfies every arm");
    assert_eq!(bed.cq.take_event(1).unwrap().kind(), CqEventKind::ERROR);
    bed.arm(2, ArmType::NONE, 0);
    assert_eq!(bed.cq.push(&dma, NOW, plain(13)), overrun, "for good");
    bed.arm(2, ArmType::SOLICITED, 2);
    assert!(
        bed.cq.ready(NOW),
        "an arm of a queue in error signals at once"
    );
}

#[test]
fn a_ring_that_is_gone_is_an_error_of_its_own_for_good() {
    // [CQ-4] [CQ-3]
    let mut bed = bed(1);
    assert_eq!(
        bed.cq.push(&DmaSpace::empty(), NOW, plain(1)),
        Err(CqFailed(CqErrorCause::DMA))
    );
    let dma = bed.guest.space();
    assert_eq!(
        bed.cq.push(&dma, NOW, plain(2)),
        Err(CqFailed(CqErrorCause::DMA)),
        "the memory is back, the queue is not"
    );
    assert_eq!(bed.entry(0).context.get(), 0);
}

#[test]
fn a_consumer_index_ahead_or_behind_is_an_error() {
    // [DB-7]
    for wrong in [3, u32::MAX, 0] {
        let mut bed = bed(3);
        bed.push(plain(1));
        bed.push(plain(2));
        bed.arm(1, ArmType::NONE, 0);
        assert_eq!(
            bed.cq.doorbell(NOW, store(wrong, ArmType::ANY, 1)),
            Err(CqFailed(CqErrorCause::CONSUMER)),
            "{wrong}"
        );
    }
}

#[test]
fn what_satisfies_which_arm() {
    // [CQ-6]
    let (any, some, errors) = (ArmType::ANY, ArmType::SOLICITED, ArmType::ERRORS);
    for (kind, completion, satisfied) in [
        (any, plain(1), true),
        (some, plain(1), false),
        (some, solicited(1), true),
        (some, failed(1), true),
        (errors, failed(1), false),
        (some, plain(1).with_flags(CompletionFlags::SOLICITED), false),
    ] {
        let mut before = bed(3);
        before.arm(0, kind, 1);
        before.push(completion);
        assert_eq!(before.cq.ready(NOW), satisfied, "{kind} {completion:?}");
        let mut after = bed(3);
        after.push(completion);
        after.arm(0, kind, 1);
        assert_eq!(after.cq.ready(NOW), satisfied, "at once: {kind}");
        let mut consumed = bed(3);
        consumed.push(completion);
        consumed.arm(1, kind, 1);
        assert!(!consumed.cq.ready(NOW), "consumed in the same store [CQ-7]");
    }
}

#[test]
fn an_arm_is_new_by_its_sequence_and_the_larger_type_counts() {
    // [CQ-5] [CQ-8]
    let mut bed = bed(3);
    bed.arm(0, ArmType::ANY, 1);
    bed.arm(0, ArmType::SOLICITED, 2);
    bed.push(plain(1));
    assert!(bed.cq.ready(NOW), "ANY is the larger");
    let event = bed.cq.take_event(5).unwrap();
    assert_eq!((event.arm_sequence, event.cqn.get()), (2, 5));
    assert_eq!((event.generation.get(), event.consumer.get()), (7, 1));
    assert_eq!(event.kind(), CqEventKind::COMPLETION);
    bed.arm(0, ArmType::ANY, 2);
    assert!(!bed.cq.ready(NOW), "the same arm again");
    bed.arm(0, ArmType::NONE, 3);
    assert!(!bed.cq.ready(NOW), "no arm");
    bed.arm(0, ArmType::ANY, 3);
    assert!(bed.cq.ready(NOW));
}

#[test]
fn moderation_delays_by_count_or_time() {
    // [CQ-10]
    let mut bed = bed(4);
    bed.cq.moderate(Moderation {
        count: Some(3),
        interval: Some(500),
    });
    bed.arm(0, ArmType::ANY, 1);
    bed.push(plain(1));
    bed.push(plain(2));
    assert!(!bed.cq.ready(NOW));
    assert_eq!(bed.cq.due(), Some(NOW.after(500)));
    assert!(bed.cq.ready(NOW.after(500)), "by time");
    bed.push(plain(3));
    assert!(bed.cq.ready(NOW), "by count");
    bed.cq.take_event(1);
    bed.cq.moderate(Moderation {
        count: None,
        interval: Some(500),
    });
    bed.arm(3, ArmType::ANY, 2);
    bed.push(plain(4));
    assert!(!bed.cq.ready(NOW));
    bed.cq.moderate(Moderation::OFF);
    assert!(bed.cq.ready(NOW), "the last setting counts");
}

#[test]
fn moderation_never_delays_a_full_queue_or_an_error() {
    // [CQ-10]
    let never = Moderation {
        count: None,
        interval: Some(u64::MAX),
    };
    let mut bed = bed(1);
    bed.cq.moderate(never);
    bed.arm(0, ArmType::ANY, 1);
    bed.push(plain(1));
    assert!(!bed.cq.ready(NOW));
    bed.push(plain(2));
    assert!(bed.cq.ready(NOW), "full");
    bed.cq.take_event(1);
    bed.arm(2, ArmType::ANY, 2);
    assert!(!bed.cq.ready(NOW));
    bed.cq.fail(CqErrorCause::DMA);
    assert!(bed.cq.ready(NOW), "error");
}

#[test]
fn resizing_moves_what_is_not_consumed() {
    // [CQ-11]
    let mut bed = bed(2);
    for n in 0..4 {
        bed.push(plain(n));
    }
    bed.arm(3, ArmType::SOLICITED, 1);
    bed.push(plain(4));
    bed.push(plain(5));
    let dma = bed.guest.space();
    let (small, _) = ring(&mut bed.guest, 1);
    assert_eq!(bed.cq.resize(&dma, small), Err(ResizeError::TooSmall));
    let (larger, at) = ring(&mut bed.guest, 3);
    assert_eq!(bed.cq.resize(&dma, larger), Ok(6));
    bed.at = at;
    for n in 3..6 {
        let entry = bed.entry(n);
        assert_eq!((entry.context.get(), entry.owner), (n, 1));
    }
    for n in 6..9 {
        bed.push(solicited(n));
    }
    assert_eq!((bed.entry(0).context.get(), bed.entry(0).owner), (8, 0));
    assert!(bed.cq.ready(NOW), "the arm is kept");
}

#[test]
fn nothing_in_a_resized_ring_looks_valid_but_what_was_moved() {
    // [CQ-11] [CONV-6]
    for consumed in 0..40u32 {
        for (log, left) in [(3, 2), (7, 3), (1, 0)] {
            let mut bed = bed(3);
            bed.cq.producer = consumed;
            bed.cq.consumer = consumed;
            for n in 0..left {
                bed.push(plain(n));
            }
            let dma = bed.guest.space();
            let (new, at) = ring(&mut bed.guest, log);
            bed.cq.resize(&dma, new.clone()).unwrap();
            bed.at = at;
            for n in 0..new.entries() {
                let index = consumed + n;
                let entry = bed.entry(u64::from(new.slot(index)));
                let valid = entry.owner == new.owner(index);
                assert_eq!(valid, u64::from(n) < left, "{index} of {consumed}, 2^{log}");
            }
        }
    }
}

#[test]
fn users_are_counted_by_queue() {
    // [CQ-1]
    let mut bed = bed(1);
    bed.cq.attach(4);
    bed.cq.attach(4);
    bed.cq.attach(5);
    bed.cq.detach(4);
    assert_eq!(bed.cq.users().collect::<Vec<_>>(), [4, 5]);
    bed.cq.detach(4);
    bed.cq.detach(5);
    assert!(!bed.cq.is_used());
}

/// What a driver and the device do to each other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Complete(u8),
    Consume(u32),
    Arm(ArmType),
    Signal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u8..3).prop_map(Step::Complete),
        2 => (0u32..4).prop_map(Step::Consume),
        2 => (1u8..4).prop_map(|arm| Step::Arm(ArmType(arm))),
        2 => Just(Step::Signal),
    ]
}

proptest! {
    /// The queue against a model that keeps every entry and looks at all of them.
    // [CQ-5] [CQ-6] [CQ-7] [CQ-8]
    #[test]
    fn arming_agrees_with_a_plain_model(
        start in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let mut bed = bed(3);
        if start {
            // Indices that wrap within the test.
            bed.cq.producer = u32::MAX - 9;
            bed.cq.consumer = u32::MAX - 9;
        }
        let mut consumer = bed.cq.consumer;
        let mut entries: Vec<bool> = Vec::new();
        let mut sequence = 0u8;
        let mut arm: Option<(ArmType, u8, bool)> = None;
        for step in steps {
            match step {
                Step::Complete(_) if entries.len() == 8 => (),
                Step::Complete(kind) => {
                    let special = kind > 0;
                    entries.push(special);
                    bed.push([plain, solicited, failed][usize::from(kind)](0));
                    if let Some((armed, _, satisfied)) = &mut arm {
                        *satisfied |= *armed == ArmType::ANY
                            || *armed == ArmType::SOLICITED && special;
                    }
                }
                Step::Consume(n) => {
                    let n = n.min(entries.len() as u32);
                    entries.drain(..n as usize);
                    consumer = consumer.wrapping_add(n);
                    // The driver's store carries its last arm again.
                    let last = arm.map_or(ArmType::NONE, |(armed, ..)| armed);
                    bed.arm(consumer, last, sequence);
                }
                Step::Arm(kind) => {
                    sequence = (sequence + 1) % 64;
                    let merged = arm.map_or(kind, |(armed, ..)| armed.max(kind));
                    let present = match merged {
                        ArmType::ANY => !entries.is_empty(),
                        ArmType::SOLICITED => entries.contains(&true),
                        _ => false,
                    };
                    let before = arm.is_some_and(|(.., satisfied)| satisfied);
                    arm = Some((merged, sequence, before || present));
                    bed.arm(consumer, kind, sequence);
                }
                Step::Signal => {
                    if bed.cq.ready(NOW) {
                        let event = bed.cq.take_event(1).unwrap();
                        let (_, expected, satisfied) = arm.take().unwrap();
                        prop_assert!(satisfied);
                        prop_assert_eq!(event.arm_sequence, expected);
                    }
                }
            }
            let satisfied = arm.is_some_and(|(.., satisfied)| satisfied);
            prop_assert_eq!(bed.cq.ready(NOW), satisfied, "{:?}", step);
            prop_assert_eq!(bed.cq.producer().wrapping_sub(consumer), entries.len() as u32);
        }
    }
}
