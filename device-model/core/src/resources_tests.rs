use rnic_abi::{ArmType, ConsumerDoorbell, CqEvent, CqEventKind, GeneralEvent};

use super::*;
use crate::cq::Moderation;
use crate::fault::{FaultPlan, Rule};
use crate::interrupt::VectorState;
use crate::ring::{Ring, RingRules, RingShape};
use crate::testing::{Guest, TestEnv};

const CQ_SLOT: u32 = 512 + 8;
const EQ_SLOT: u32 = 512 + 100;
const SRQ_SLOT: u32 = 512 + 200;

struct Bed {
    env: TestEnv,
    guest: Guest,
    resources: Resources,
    eq_at: u64,
}

fn ring(guest: &mut Guest, log: u8, stride: u8, slot: u32) -> Ring {
    let d = guest.ring(log, stride, slot);
    let rules = RingRules {
        min_log_stride: stride,
        max_log_stride: stride,
        max_log_entries: 20,
    };
    let shape = RingShape::check(&d, rules, 0).unwrap();
    shape.load(&guest.space()).unwrap()
}

/// One event queue of `1 << log` entries, `kind`, on vector 1, armed.
fn bed(log: u8, kind: EqKind) -> (Bed, u32) {
    let mut guest = Guest::new();
    let mut env = TestEnv::new();
    let mut resources = Resources::new(Interrupts::new(Delivery::External));
    resources.dma = guest.space();
    for vector in 0..4 {
        let counters = &mut resources.counters;
        resources
            .interrupts
            .set_state(&mut env, counters, vector, VectorState::Connected);
    }
    let stride = if kind == EqKind::GENERAL { 9 } else { 4 };
    let ring = ring(&mut guest, log, stride, EQ_SLOT);
    let eq_at = ring.address(0);
    let eqn = resources
        .eqs
        .insert(Eq::new(ring, EQ_SLOT, kind, 1))
        .unwrap();
    let mut bed = Bed {
        env,
        guest,
        resources,
        eq_at,
    };
    bed.arm_eq(eqn, 0, 1);
    (bed, eqn)
}

impl Bed {
    fn cq(&mut self, log: u8, eqn: u32) -> u32 {
        let slot = CQ_SLOT + self.resources.cqs.len();
        let ring = ring(&mut self.guest, log, 6, slot);
        self.resources.eqs.get_mut(eqn).unwrap().attach();
        self.resources
            .cqs
            .insert_with(|_, generation| Cq::new(ring, slot, eqn, generation, 99))
            .unwrap()
    }

    fn arm_eq(&mut self, eqn: u32, consumer: u32, sequence: u8) {
        let value = store(consumer, ArmType::ANY, sequence);
        assert!(self.resources.eq_doorbell(&mut self.env, eqn, value));
    }

    fn arm_cq(&mut self, cqn: u32, consumer: u32, sequence: u8) {
        let value = store(consumer, ArmType::ANY, sequence);
        self.resources.cq_doorbell(&mut self.env, cqn, value);
    }

    fn complete(&mut self, cqn: u32) -> Result<(), CqFailed> {
        self.resources
            .complete(&mut self.env, cqn, Completion::zeroed())
    }

    fn cq_event(&self, slot: u64) -> CqEvent {
        let mut bytes = [0; 16];
        self.guest.read(self.eq_at + slot * 16, &mut bytes);
        rnic_abi::read(&bytes).unwrap()
    }

    fn event(&self, slot: u64) -> GeneralEvent {
        let mut bytes = [0; 512];
        self.guest.read(self.eq_at + slot * 512, &mut bytes);
        rnic_abi::read(&bytes).unwrap()
    }
}

fn store(consumer: u32, arm: ArmType, sequence: u8) -> u64 {
    ConsumerDoorbell(0)
        .with_consumer(consumer)
        .with_arm(arm)
        .with_sequence(sequence)
        .0
}

#[test]
fn a_completion_becomes_an_event_and_a_message() {
    // [CQ-8] [EQ-2]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    let cqn = bed.cq(3, eqn);
    bed.arm_cq(cqn, 0, 5);
    bed.complete(cqn).unwrap();
    assert_eq!(bed.env.take_raised(1), 1);
    let event = bed.cq_event(0);
    assert_eq!((event.cqn.get(), event.arm_sequence), (cqn, 5));
    assert_eq!((event.kind(), event.owner), (CqEventKind::COMPLETION, 1));
    assert_eq!(event.consumer.get(), 1);
    bed.complete(cqn).unwrap();
    assert_eq!(bed.env.take_raised(1), 0, "not armed any more");
    assert_eq!(bed.resources.counters.get(CounterId::COMPLETIONS), 2);
    assert_eq!(bed.resources.counters.get(CounterId::EVENTS), 1);
}

#[test]
fn one_event_of_a_queue_lies_unconsumed_and_the_next_waits_for_it() {
    // [CQ-9]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    let cqn = bed.cq(3, eqn);
    bed.arm_cq(cqn, 0, 1);
    bed.complete(cqn).unwrap();
    bed.arm_cq(cqn, 0, 2);
    bed.arm_cq(cqn, 0, 3);
    bed.complete(cqn).unwrap();
    let produced = |bed: &Bed| bed.resources.eqs.get(eqn).unwrap().producer();
    assert_eq!(produced(&bed), 1);
    bed.arm_eq(eqn, 1, 2);
    assert_eq!(produced(&bed), 2, "written when the first is consumed");
    assert_eq!(bed.cq_event(1).arm_sequence, 3, "the newest arm");
    assert_eq!(bed.env.take_raised(1), 2);
    bed.arm_eq(eqn, 2, 3);
    assert_eq!(produced(&bed), 2, "exactly one for an arm");
}

#[test]
fn a_full_event_queue_loses_nothing() {
    // [EQ-3]
    let (mut bed, eqn) = bed(1, EqKind::COMPLETION);
    let cqs: Vec<u32> = (0..2).map(|_| bed.cq(3, eqn)).collect();
    for cqn in &cqs {
        bed.arm_cq(*cqn, 0, 1);
        bed.complete(*cqn).unwrap();
    }
    // A queue that is gone leaves its event behind; its successor finds no room.
    bed.resources.remove_cq(cqs[0]).unwrap();
    let late = bed.cq(3, eqn);
    bed.arm_cq(late, 0, 1);
    bed.complete(late).unwrap();
    let produced = |bed: &Bed| bed.resources.eqs.get(eqn).unwrap().producer();
    assert_eq!(produced(&bed), 2);
    bed.arm_eq(eqn, 1, 2);
    assert_eq!(produced(&bed), 3);
    let event = bed.cq_event(0);
    assert_eq!((event.cqn.get(), event.owner), (late, 0));
}

#[test]
fn an_event_of_a_dead_queue_does_not_wake_its_successor() {
    // [CQ-1]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    bed.resources.cqs = Table::new(1, 1, 0);
    let old = bed.cq(3, eqn);
    bed.arm_cq(old, 0, 1);
    bed.complete(old).unwrap();
    bed.resources.remove_cq(old).unwrap();
    let new = bed.cq(3, eqn);
    assert_eq!(new, old);
    bed.arm_cq(new, 0, 1);
    bed.complete(new).unwrap();
    let (first, second) = (bed.cq_event(0), bed.cq_event(1));
    assert_ne!(first.generation.get(), second.generation.get());
    bed.arm_cq(new, 0, 2);
    bed.arm_eq(eqn, 1, 2);
    let produced = |bed: &Bed| bed.resources.eqs.get(eqn).unwrap().producer();
    assert_eq!(produced(&bed), 2, "the successor's own event is unconsumed");
    bed.arm_eq(eqn, 2, 3);
    assert_eq!(produced(&bed), 3);
}

#[test]
fn an_overrun_is_told_once_everywhere() {
    // [CQ-3] [QP-43]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    let cqn = bed.cq(1, eqn);
    bed.complete(cqn).unwrap();
    bed.complete(cqn).unwrap();
    // The device looks at the doorbell before it gives up.
    bed.env.words.insert(CQ_SLOT, store(1, ArmType::ERRORS, 1));
    bed.complete(cqn).unwrap();
    assert_eq!(bed.resources.next_failed_cq(), None);
    assert!(bed.complete(cqn).is_err());
    assert!(bed.complete(cqn).is_err());
    bed.resources
        .fail_cq(&mut bed.env, cqn, CqErrorCause::CONSUMER);
    assert_eq!(bed.resources.next_failed_cq(), Some(cqn));
    assert_eq!(bed.resources.next_failed_cq(), None);
    assert_eq!(bed.resources.counters.get(CounterId::CQ_ERRORS), 1);
    assert_eq!(bed.cq_event(0).kind(), CqEventKind::ERROR);
    assert_eq!(bed.resources.events.len(), 1);
    let event = bed.resources.events.pop().unwrap();
    let payload: CqErrorEvent = rnic_abi::read(&event.entry().payload).unwrap();
    assert_eq!(payload.cause(), CqErrorCause::OVERRUN, "the first cause");
    assert_eq!(payload.context.get(), 99);
}

#[test]
fn a_wrong_consumer_index_fails_the_queue() {
    // [DB-7]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    let cqn = bed.cq(1, eqn);
    bed.arm_cq(cqn, 1, 1);
    assert_eq!(bed.resources.next_failed_cq(), Some(cqn));
    let cq = bed.resources.cqs.get(cqn).unwrap();
    assert_eq!(cq.error(), Some(CqErrorCause::CONSUMER));
}

#[test]
fn moderation_signals_by_its_timer() {
    // [CQ-10]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    let cqn = bed.cq(3, eqn);
    let cq = bed.resources.cqs.get_mut(cqn).unwrap();
    cq.moderate(Moderation {
        count: None,
        interval: Some(700),
    });
    bed.arm_cq(cqn, 0, 1);
    assert_eq!(bed.resources.next_timer(), None);
    let start = bed.env.now;
    bed.complete(cqn).unwrap();
    bed.env.now = start.after(100);
    bed.complete(cqn).unwrap();
    assert_eq!(bed.resources.next_timer(), Some(start.after(700)));
    bed.env.now = start.after(699);
    bed.resources.run_timers(&mut bed.env);
    assert_eq!(bed.env.take_raised(1), 0);
    bed.env.now = start.after(700);
    bed.resources.run_timers(&mut bed.env);
    assert_eq!(bed.env.take_raised(1), 1);
    assert_eq!(bed.resources.next_timer(), None);
    bed.arm_cq(cqn, 0, 2);
    assert!(bed.resources.next_timer().is_some());
    bed.resources.remove_cq(cqn);
    assert_eq!(bed.resources.next_timer(), None, "gone with its queue");
}

#[test]
fn general_events_wait_for_a_queue_and_for_room_and_are_numbered_as_written() {
    // [EQ-3] [EQ-5] [EV-1] [EV-4]
    let (mut bed, eqn) = bed(1, EqKind::GENERAL);
    let payload = SrqEvent::zeroed();
    for object in 0..5 {
        let code = EventCode::SRQ_LIMIT;
        bed.resources
            .post_event(&mut bed.env, code, object, 0, &payload);
    }
    bed.resources.forget_event(EventCode::SRQ_LIMIT, 3);
    bed.resources.set_general_eq(&mut bed.env, Some(eqn));
    assert_eq!(bed.env.take_raised(1), 1);
    let numbers = |bed: &Bed| [0, 1].map(|slot| bed.event(slot).sequence.get());
    assert_eq!(numbers(&bed), [0, 1]);
    assert_eq!(bed.event(0).timestamp.get(), bed.env.now.get());
    bed.arm_eq(eqn, 2, 2);
    assert_eq!(bed.env.take_raised(1), 1);
    assert_eq!(numbers(&bed), [2, 3]);
    assert_eq!(bed.event(0).owner, 0, "second pass");
    assert!(bed.resources.events.is_empty());
}

#[test]
fn many_events_are_written_in_bounded_steps() {
    // [CONV-12] [EQ-3]
    let (mut bed, eqn) = bed(8, EqKind::GENERAL);
    for object in 0..200 {
        let code = EventCode::SRQ_LIMIT;
        let payload = SrqEvent::zeroed();
        bed.resources
            .post_event(&mut bed.env, code, object, 0, &payload);
    }
    bed.resources.set_general_eq(&mut bed.env, Some(eqn));
    let produced = |bed: &Bed| bed.resources.eqs.get(eqn).unwrap().producer();
    assert_eq!(produced(&bed), EVENTS_A_RUN);
    while bed.resources.write_events(&mut bed.env) {}
    assert_eq!(produced(&bed), 200);
}

#[test]
fn an_event_about_a_destroyed_queue_is_not_written_any_more() {
    // [EV-4]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    let cqn = bed.cq(1, eqn);
    bed.resources.fail_cq(&mut bed.env, cqn, CqErrorCause::DMA);
    assert_eq!(bed.resources.events.len(), 1);
    bed.resources.remove_cq(cqn).unwrap();
    assert!(bed.resources.events.is_empty());
}

#[test]
fn events_about_a_destroyed_shared_queue_are_not_written_any_more() {
    // [EV-4]
    let (mut bed, eqn) = bed(2, EqKind::GENERAL);
    let ring = ring(&mut bed.guest, 2, 6, SRQ_SLOT);
    let srq = Srq::new(1, ring, SRQ_SLOT, 5, 2, 0, 3);
    let srqn = bed.resources.srqs.insert(srq).unwrap();
    bed.resources.post_srq_limit(&mut bed.env, srqn, 1);
    let failed = SrqFailed(rnic_abi::ProviderError::RANGE);
    bed.resources.report_failed_srq(&mut bed.env, srqn, failed);
    assert_eq!(bed.resources.events.len(), 2);
    bed.resources.remove_srq(srqn).unwrap();
    bed.resources.set_general_eq(&mut bed.env, Some(eqn));
    assert_eq!(bed.resources.eqs.get(eqn).unwrap().producer(), 0);
}

#[test]
fn a_consumer_index_that_was_not_looked_at_yet_makes_room() {
    // [CQ-2]
    let (mut bed, eqn) = bed(2, EqKind::COMPLETION);
    let cqn = bed.cq(1, eqn);
    bed.complete(cqn).unwrap();
    bed.complete(cqn).unwrap();
    // The driver has consumed one and nobody told the device.
    let slot = bed.resources.cqs.get(cqn).unwrap().slot();
    bed.env.words.insert(slot, store(1, ArmType::NONE, 0));
    bed.complete(cqn).unwrap();
    assert_eq!(
        bed.complete(cqn),
        Err(CqFailed(CqErrorCause::OVERRUN)),
        "room for one"
    );
}

#[test]
fn events_that_cannot_be_written_are_counted_and_dropped() {
    // [EQ-6]
    let (mut bed, eqn) = bed(1, EqKind::GENERAL);
    bed.resources.set_general_eq(&mut bed.env, Some(eqn));
    bed.resources.dma = DmaSpace::empty();
    bed.resources.post_event(
        &mut bed.env,
        EventCode::SRQ_LIMIT,
        1,
        0,
        &SrqEvent::zeroed(),
    );
    assert!(bed.resources.events.is_empty());
    assert_eq!(bed.resources.counters.get(CounterId::DMA_ERRORS), 1);
}

#[test]
fn timestamps_are_the_clock_or_zero() {
    // [CQ-13]
    let (mut bed, eqn) = bed(1, EqKind::COMPLETION);
    let cqn = bed.cq(3, eqn);
    let ring = ring(&mut bed.guest, 3, 6, CQ_SLOT);
    let at = ring.address(0);
    let dma = bed.guest.space();
    bed.resources
        .cqs
        .get_mut(cqn)
        .unwrap()
        .resize(&dma, ring)
        .unwrap();
    bed.complete(cqn).unwrap();
    bed.resources.features = feature::TIMESTAMPS;
    bed.complete(cqn).unwrap();
    let stamp = |bed: &Bed, slot: u64| bed.guest.read_u64(at + slot * 64 + 40);
    assert_eq!(stamp(&bed, 0), 0);
    assert_eq!(stamp(&bed, 1), bed.env.now.get());
}

#[test]
fn a_shared_queue_tells_of_its_limit_and_its_errors() {
    // [SRQ-2] [SRQ-6]
    let (mut bed, eqn) = bed(3, EqKind::GENERAL);
    bed.resources.set_general_eq(&mut bed.env, Some(eqn));
    let word = bed.guest.alloc(8);
    let ring = ring(&mut bed.guest, 2, 6, SRQ_SLOT);
    let (pd, _) = bed.resources.keys.create_domain(false).unwrap();
    bed.resources.keys.hold_domain(pd);
    let srq = Srq::new(pd, ring, SRQ_SLOT, 42, 1, word, 2);
    let srqn = bed.resources.srqs.insert(srq).unwrap();
    let mut entry = [0; MAX_ENTRY_BYTES];
    let taken = bed.resources.take_shared(&mut bed.env, srqn, &mut entry);
    assert_eq!(taken, Ok(None));
    // Found in the doorbell without a poll.
    bed.env.words.insert(SRQ_SLOT, 2);
    let taken = bed.resources.take_shared(&mut bed.env, srqn, &mut entry);
    assert_eq!(taken.unwrap().unwrap().index, 0);
    let event = bed.event(0);
    let payload: SrqEvent = rnic_abi::read(&event.payload).unwrap();
    assert_eq!(event.code(), EventCode::SRQ_LIMIT);
    assert_eq!((payload.remaining.get(), payload.context.get()), (1, 42));
    assert_eq!(bed.resources.retire_shared(&mut bed.env, srqn), 1);
    bed.resources.flush_retired(&mut bed.env);
    assert_eq!(bed.guest.read_u64(word), 1);
    bed.resources.srq_doorbell(&mut bed.env, srqn, 9);
    bed.resources.srq_doorbell(&mut bed.env, srqn, 9);
    assert_eq!(bed.event(1).code(), EventCode::SRQ_ERROR);
    assert_eq!(bed.resources.eqs.get(eqn).unwrap().producer(), 2, "once");
    let taken = bed.resources.take_shared(&mut bed.env, srqn, &mut entry);
    assert!(taken.is_err());
    bed.resources.remove_srq(srqn).unwrap();
    assert!(bed.resources.keys.destroy_domain(pd, 0).is_ok());
}

#[test]
fn a_fault_plan_fails_a_completion() {
    // [ERR-2]
    let (mut bed, eqn) = bed(1, EqKind::COMPLETION);
    let cqn = bed.cq(3, eqn);
    bed.env.plan = FaultPlan::new(
        0,
        vec![Rule {
            site: Site::Completion,
            fault: Fault::Fail,
            after: 1,
            every: 0,
            times: None,
            per_million: None,
            per_flow: false,
            delay_ns: 0,
        }],
    );
    bed.complete(cqn).unwrap();
    assert!(bed.complete(cqn).is_err());
    assert_eq!(bed.resources.counters.get(CounterId::FAULTS_INJECTED), 1);
    let cq = bed.resources.cqs.get(cqn).unwrap();
    assert_eq!(cq.error(), Some(CqErrorCause::DMA));
}

#[test]
fn a_grace_period_ends_when_earlier_leases_do() {
    // [MEM-16]
    let (mut bed, _) = bed(1, EqKind::COMPLETION);
    let early = bed.resources.lease();
    let grace = bed.resources.begin_grace();
    let late = bed.resources.lease();
    assert!(!grace.is_over() && !bed.resources.is_quiescent());
    drop(early);
    assert!(grace.is_over(), "a later lease does not count");
    assert!(!bed.resources.is_quiescent());
    bed.resources.reset(&mut bed.env);
    assert!(!bed.resources.is_quiescent(), "not even over a reset");
    drop(late);
    assert!(bed.resources.is_quiescent());
    assert!(bed.resources.begin_grace().is_over());
}

#[test]
fn a_reset_leaves_no_object_and_keeps_memory() {
    // [RESET-1] [RESET-4]
    let (mut bed, eqn) = bed(1, EqKind::COMPLETION);
    let cqn = bed.cq(3, eqn);
    bed.complete(cqn).unwrap();
    bed.resources.reset(&mut bed.env);
    assert!(bed.resources.cqs.is_empty() && bed.resources.eqs.is_empty());
    assert_eq!(bed.resources.counters.all().iter().sum::<u64>(), 0);
    assert!(bed.resources.dma.bus_master());
    bed.resources
        .interrupts
        .raise(&mut bed.env, &mut bed.resources.counters, 1);
    assert_eq!(bed.env.take_raised(1), 1, "the host's vectors stay");
}
