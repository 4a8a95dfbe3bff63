//! Completion queues: overrun, arming, moderation, resizing.

use rnic_abi::{
    ArmType, CqErrorCause, CqErrorEvent, CqEvent, CqEventKind, EqKind, EventCode, Opcode,
    ProviderError, QpState, Status, SyndromeReason as Reason, WorkOpcode, feature, reg,
};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, check, equal, fail};
use crate::request::Request;
use crate::rig::entry::flag;
use crate::rig::pair::Attributes;
use crate::rig::{Cq, Device, End, Eq, Pair, QpShape, Ring, Wqe};
use crate::{Capability, Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("cq.generation", &["CQ-1", "CONV-10"], N, generation);
    ends!(
        list,
        "cq.passes",
        &["CQ-2", "CONV-6", "CONV-3", "CONV-5"],
        N,
        passes
    );
    ends!(
        list,
        "cq.overrun",
        &["CQ-3", "QP-43", "CQ-2", "ERR-1", "ERR-2"],
        N,
        overrun
    );
    ends!(
        list,
        "cq.overrun_signals",
        &["CQ-3", "CQ-6"],
        N,
        overrun_signals
    );
    ends!(
        list,
        "cq.unreachable",
        &["CQ-4", "CMD-24", "ERR-1"],
        N.capability(Capability::Remap),
        unreachable
    );
    list.add(
        "cq.consumer_out_of_range",
        &["DB-7", "ERR-1", "CONV-12"],
        N,
        consumer_out_of_range,
    );
    ends!(list, "cq.arm_any", &["CQ-6", "CQ-7", "CQ-8"], N, arm_any);
    ends!(
        list,
        "cq.arm_finds_entries",
        &["CQ-7", "CQ-8"],
        N,
        arm_finds
    );
    ends!(list, "cq.arm_solicited", &["CQ-6"], N, arm_solicited);
    ends!(list, "cq.arm_errors", &["CQ-6"], N, arm_errors);
    ends!(list, "cq.arm_sequence", &["CQ-5", "DB-5"], N, arm_sequence);
    ends!(list, "cq.arm_merge", &["CQ-5"], N, arm_merge);
    ends!(
        list,
        "cq.one_event_at_a_time",
        &["CQ-9", "CQ-8", "EQ-3"],
        N,
        one_event
    );
    ends!(
        list,
        "cq.interrupt",
        &["EQ-2", "CQ-8"],
        N.capability(Capability::Interrupts),
        interrupt
    );
    ends!(
        list,
        "cq.moderation",
        &["CQ-10"],
        N.features(feature::CQ_MODERATION),
        moderation
    );
    list.add(
        "cq.moderation_fields",
        &["CQ-10"],
        N.features(feature::CQ_MODERATION),
        moderation_fields,
    );
    ends!(
        list,
        "cq.resize",
        &["CQ-11", "CONV-6"],
        N.features(feature::CQ_RESIZE),
        resize
    );
    ends!(
        list,
        "cq.resize_refused",
        &["CQ-11", "ERR-3"],
        N.features(feature::CQ_RESIZE),
        resize_refused
    );
    ends!(list, "cq.destroy", &["CQ-12", "EV-4"], N, destroy);
    ends!(
        list,
        "cq.timestamps",
        &["CQ-13"],
        N.features(feature::TIMESTAMPS),
        timestamps
    );
}

/// Completes `count` entries of the first end; every completion has its index as context.
#[track_caller]
fn complete<P: TestPlatform>(end: &mut End<'_, P>, count: u32) -> Outcome {
    for _ in 0..count {
        let context = u64::from(end.qp.send.producer);
        let wqe = Wqe::new(WorkOpcode::WRITE).context(context);
        end.qp.send.post(&wqe.bytes);
    }
    end.qp.send.bell(&end.dev)
}

/// Waits until the queue pair retired all that was posted.
#[track_caller]
fn retired<P: TestPlatform>(end: &End<'_, P>) -> Outcome {
    end.dev.wait_for("all entries to retire", || {
        let retired = end.qp.query(&end.dev)?.get32("send_retired");
        Ok((retired == end.qp.send.producer).then_some(()))
    })
}

/// The next completion event.
#[track_caller]
fn cq_event<P: TestPlatform>(dev: &Device<'_, P>, eq: &mut Eq<P>) -> Outcome<CqEvent> {
    let event = dev.wait_for("a completion event", || eq.poll_cq_event())?;
    eq.update(dev, false)?;
    Ok(event)
}

#[track_caller]
fn expect_event<P: TestPlatform>(end: &mut End<'_, P>, sequence: u8, kind: CqEventKind) -> Outcome {
    let event = cq_event(&end.dev, &mut end.eq)?;
    equal("cqn of an event", event.cqn.get(), end.scq.cqn)?;
    equal(
        "generation of an event",
        event.generation.get(),
        end.scq.generation,
    )?;
    equal("arm_sequence of an event", event.arm_sequence, sequence)?;
    equal("kind of an event", event.kind(), kind)
}

#[track_caller]
fn no_cq_event<P: TestPlatform>(end: &mut End<'_, P>) -> Outcome {
    end.dev.settle();
    match end.eq.poll_cq_event()? {
        None => Ok(()),
        Some(e) => fail(format_args!(
            "an event of sequence {} came that must not",
            e.arm_sequence
        )),
    }
}

fn generation<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let mut seen = std::collections::HashMap::new();
    for _ in 0..200 {
        let cq = Cq::new(&device, eq.eqn, 4)?;
        if seen.insert(cq.cqn, cq.generation) == Some(cq.generation) {
            return fail(format_args!(
                "completion queue {} has generation {} twice in a row",
                cq.cqn, cq.generation
            ));
        }
        device.ok(&Request::new(Opcode::DESTROY_CQ).set("cqn", cq.cqn))?;
    }
    Ok(())
}

/// Replaces the first end's queue pair by one whose send completions go to a small queue.
#[track_caller]
fn small_cq<'p, P: TestPlatform>(cx: &Context<'p, P>, log: u8) -> Outcome<Pair<'p, P>> {
    let mut pair = cx.ends()?;
    let ring = Ring::new(&pair.a.dev, log, 6)?;
    pair.a.scq = Cq::on(&pair.a.dev, pair.a.eq.eqn, ring, 0xC0FFEE)?;
    let shape = QpShape {
        log_send: 6,
        ..QpShape::default()
    };
    pair.a.qp = pair.a.another_qp(shape)?;
    pair.connect(Attributes::default())?;
    Ok(pair)
}

fn passes<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for log in [1, 2, 5] {
        let mut pair = small_cq(cx, log)?;
        for i in 0..5 * (1_u32 << log) {
            complete(&mut pair.a, 1)?;
            let c = pair.a.sent_ok()?;
            equal("context", c.context.get(), u64::from(i))?;
            // [CONV-6]
            equal("owner", c.owner & 1, u8::from(i >> log & 1 == 0))?;
        }
        pair.a.scq.quiet(&pair.a.dev)?;
    }
    Ok(())
}

#[track_caller]
fn cq_error<P: TestPlatform>(
    dev: &Device<'_, P>,
    cq: &Cq<P>,
    cause: CqErrorCause,
) -> Outcome<CqErrorEvent> {
    let event = dev.event(EventCode::CQ_ERROR)?;
    let Some(event) = rnic_abi::read::<CqErrorEvent>(&event.payload) else {
        return fail("the payload of CQ_ERROR is too short");
    };
    equal("cqn of CQ_ERROR", event.cqn.get(), cq.cqn)?;
    equal(
        "generation of CQ_ERROR",
        event.generation.get(),
        cq.generation,
    )?;
    equal("cause of CQ_ERROR", event.cause(), cause)?;
    Ok(event)
}

fn overrun<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = small_cq(cx, 2)?;
    let errors = pair.a.dev.counter("CQ_ERRORS")?;
    complete(&mut pair.a, 4)?;
    retired(&pair.a)?;
    pair.a.dev.no_event(EventCode::CQ_ERROR)?;
    pair.a.qp.expect_state(&pair.a.dev, QpState::RTS)?;
    complete(&mut pair.a, 1)?;
    let event = cq_error(&pair.a.dev, &pair.a.scq, CqErrorCause::OVERRUN)?;
    equal("context of CQ_ERROR", event.context.get(), 0xC0FFEE)?;
    pair.a.in_error()?;
    pair.a.dev.no_event(EventCode::CQ_ERROR)?;
    equal("CQ_ERRORS", pair.a.dev.counter("CQ_ERRORS")?, errors + 1)?;
    // The four that fitted are whole; nothing more is written, though there is room now.
    for i in 0..4 {
        let Some(c) = pair.a.scq.poll()? else {
            return fail("a completion that fitted is missing");
        };
        equal("context", c.context.get(), i)?;
    }
    pair.a.scq.update(&pair.a.dev)?;
    complete(&mut pair.a, 1)?;
    pair.a.scq.quiet(&pair.a.dev)?;
    // The other completion queue is not hurt: the receive queue's entries are flushed to it.
    pair.a.recv(5, 0, 64)?;
    pair.a
        .received(
            rnic_abi::CompletionStatus::FLUSHED,
            ProviderError::QUEUE_FLUSHED,
        )
        .map(drop)
}

fn overrun_signals<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = small_cq(cx, 1)?;
    pair.a.scq.arm(&pair.a.dev, ArmType::ERRORS)?;
    complete(&mut pair.a, 2)?;
    retired(&pair.a)?;
    no_cq_event(&mut pair.a)?;
    complete(&mut pair.a, 1)?;
    let sequence = pair.a.scq.sequence;
    expect_event(&mut pair.a, sequence, CqEventKind::ERROR)?;
    no_cq_event(&mut pair.a)
}

fn unreachable<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = small_cq(cx, 4)?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    dev.platform.unmap(&pair.a.scq.ring.pages.buffer)?;
    let outcome = (|| {
        complete(&mut pair.a, 1)?;
        cq_error(&dev, &pair.a.scq, CqErrorCause::DMA)?;
        pair.a.in_error()
    })();
    dev.platform.map(
        &pair.a.scq.ring.pages.buffer,
        rnic_platform::DmaAccess::DeviceReadsAndWrites,
    )?;
    outcome
}

fn consumer_out_of_range<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for consumer in [1_u32, 17, 0x8000_0000, u32::MAX] {
        let device = cx.device()?;
        let mut eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
        let mut cq = Cq::new(&device, eq.eqn, 4)?;
        let other = Cq::new(&device, eq.eqn, 4)?;
        cq.consumer = consumer;
        cq.update(&device)?;
        cq_error(&device, &cq, CqErrorCause::CONSUMER)
            .map_err(|f| f.while_doing(format_args!("consumer index {consumer:#x}")))?;
        // Another queue on the same event queue is not hurt, nor an event queue with such an index.
        other.update(&device)?;
        device.no_event(EventCode::CQ_ERROR)?;
        let before = device.get(reg::GUEST_ERRORS);
        eq.consumer = consumer;
        eq.update(&device, false)?;
        device.settle();
        check(before < u64::from(u32::MAX), "GUEST_ERRORS is at its end")?;
        device.no_event(EventCode::CQ_ERROR)?;
    }
    Ok(())
}

fn arm_any<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for _ in 0..5 {
        no_cq_event(&mut pair.a)?;
        pair.a.scq.arm(&pair.a.dev, ArmType::ANY)?;
        no_cq_event(&mut pair.a)?;
        complete(&mut pair.a, 3)?;
        let sequence = pair.a.scq.sequence;
        expect_event(&mut pair.a, sequence, CqEventKind::COMPLETION)?;
        // Satisfied once: the queue is not armed any more.
        for _ in 0..3 {
            pair.a.sent_ok()?;
        }
        complete(&mut pair.a, 1)?;
        pair.a.sent_ok()?;
        no_cq_event(&mut pair.a)?;
    }
    Ok(())
}

fn arm_finds<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    complete(&mut pair.a, 2)?;
    retired(&pair.a)?;
    // Entries at or past the consumer index of the store: at once.
    pair.a.scq.arm(&pair.a.dev, ArmType::ANY)?;
    let sequence = pair.a.scq.sequence;
    expect_event(&mut pair.a, sequence, CqEventKind::COMPLETION)?;
    for _ in 0..2 {
        pair.a.scq.poll()?;
    }
    // All consumed by the same store: not before the next one.
    pair.a.scq.arm(&pair.a.dev, ArmType::ANY)?;
    no_cq_event(&mut pair.a)?;
    complete(&mut pair.a, 1)?;
    let sequence = pair.a.scq.sequence;
    expect_event(&mut pair.a, sequence, CqEventKind::COMPLETION)
}

/// Completions of receives at the second end go to its receive queue's completion queue.
fn arm_solicited<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    std::mem::swap(&mut pair.b.scq, &mut pair.b.rcq);
    for i in 0..8 {
        pair.b.recv(i, 0, 64)?;
    }
    let dev = std::rc::Rc::clone(&pair.b.dev);
    pair.b.scq.arm(&dev, ArmType::SOLICITED)?;
    pair.a.run(&Wqe::new(WorkOpcode::SEND).inline(b"quiet"))?;
    no_cq_event(&mut pair.b)?;
    pair.a.run(
        &Wqe::new(WorkOpcode::SEND)
            .flags(flag::SOLICITED)
            .inline(b"loud"),
    )?;
    let sequence = pair.b.scq.sequence;
    expect_event(&mut pair.b, sequence, CqEventKind::COMPLETION)?;
    for _ in 0..2 {
        pair.b.scq.poll()?;
    }
    // A completion in error satisfies it as well.
    pair.b.scq.arm(&dev, ArmType::SOLICITED)?;
    pair.b.qp.go(&dev, QpState::ERROR)?;
    let sequence = pair.b.scq.sequence;
    expect_event(&mut pair.b, sequence, CqEventKind::COMPLETION)
}

fn arm_errors<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    pair.a.scq.arm(&dev, ArmType::ERRORS)?;
    complete(&mut pair.a, 1)?;
    pair.a.sent_ok()?;
    pair.a.qp.go(&dev, QpState::ERROR)?;
    complete(&mut pair.a, 1)?;
    pair.a.scq.next(&dev)?;
    // Completions, in error or not, are not errors of the queue.
    no_cq_event(&mut pair.a)?;
    dev.ring(pair.a.scq.ring.slot, u64::from(pair.a.scq.consumer + 1000))?;
    let sequence = pair.a.scq.sequence;
    expect_event(&mut pair.a, sequence, CqEventKind::ERROR)
}

fn arm_sequence<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    for round in 0..70_u8 {
        pair.a.scq.arm(&dev, ArmType::ANY)?;
        equal(
            "the suite's sequence",
            pair.a.scq.sequence,
            (round + 1) % 64,
        )?;
        complete(&mut pair.a, 1)?;
        let sequence = pair.a.scq.sequence;
        expect_event(&mut pair.a, sequence, CqEventKind::COMPLETION)?;
        // The same sequence again is no new arm.
        pair.a.sent_ok()?;
        pair.a.scq.store(&dev, ArmType::ANY)?;
        complete(&mut pair.a, 1)?;
        pair.a.sent_ok()?;
        if round % 16 == 0 {
            no_cq_event(&mut pair.a)?;
        }
    }
    no_cq_event(&mut pair.a)
}

fn arm_merge<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let rows = [
        (ArmType::ANY, ArmType::ERRORS, true),
        (ArmType::ANY, ArmType::SOLICITED, true),
        (ArmType::ERRORS, ArmType::ANY, true),
        (ArmType::SOLICITED, ArmType::ERRORS, false),
        (ArmType::ERRORS, ArmType::SOLICITED, false),
    ];
    for (first, second, fires) in rows {
        let mut pair = cx.pair()?;
        let dev = std::rc::Rc::clone(&pair.a.dev);
        pair.a.scq.arm(&dev, first)?;
        dev.settle();
        pair.a.scq.arm(&dev, second)?;
        dev.settle();
        complete(&mut pair.a, 1)?;
        let sequence = pair.a.scq.sequence;
        let outcome = if fires {
            expect_event(&mut pair.a, sequence, CqEventKind::COMPLETION)
                .and_then(|()| no_cq_event(&mut pair.a))
        } else {
            no_cq_event(&mut pair.a)
        };
        outcome.map_err(|f| f.while_doing(format_args!("{first} merged with {second}")))?;
    }
    Ok(())
}

fn one_event<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    pair.a.scq.arm(&dev, ArmType::ANY)?;
    complete(&mut pair.a, 1)?;
    let event = dev.wait_for("a completion event", || pair.a.eq.poll_cq_event())?;
    equal("sequence", event.arm_sequence, 1)?;
    pair.a.sent_ok()?;
    // Not consumed as far as the device knows: the second is due, and waits.
    pair.a.scq.arm(&dev, ArmType::ANY)?;
    complete(&mut pair.a, 1)?;
    pair.a.sent_ok()?;
    no_cq_event(&mut pair.a)?;
    pair.a.eq.update(&dev, false)?;
    expect_event(&mut pair.a, 2, CqEventKind::COMPLETION)
}

fn interrupt<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    pair.a.eq = Eq::new(&dev, EqKind::COMPLETION, 4, 9)?;
    pair.a.scq = Cq::new(&dev, pair.a.eq.eqn, 5)?;
    pair.a.qp = pair.a.another_qp(QpShape::default())?;
    pair.connect(Attributes::default())?;
    let p = dev.platform;
    let mut count = p.interrupts(9);
    for _ in 0..4 {
        pair.a.eq.update(&dev, true)?;
        pair.a.scq.arm(&dev, ArmType::ANY)?;
        complete(&mut pair.a, 2)?;
        count += 1;
        dev.wait_until("an interrupt", || p.interrupts(9) >= count)?;
        dev.settle();
        equal("interrupts", p.interrupts(9), count)?;
        pair.a.sent_ok()?;
        pair.a.sent_ok()?;
        // Not armed: events come without an interrupt.
        pair.a.eq.poll_cq_event()?;
        pair.a.eq.update(&dev, false)?;
        pair.a.scq.arm(&dev, ArmType::ANY)?;
        complete(&mut pair.a, 1)?;
        pair.a.sent_ok()?;
        dev.settle();
        equal(
            "interrupts of an event queue that is not armed",
            p.interrupts(9),
            count,
        )?;
        // An arm that finds an entry raises at once.
        pair.a.eq.update(&dev, true)?;
        count += 1;
        dev.wait_until("an interrupt for an entry that lies there", || {
            p.interrupts(9) >= count
        })?;
        let seen = dev.wait_for("the event", || pair.a.eq.poll_cq_event())?;
        equal("cqn", seen.cqn.get(), pair.a.scq.cqn)?;
        dev.settle();
        equal("interrupts", p.interrupts(9), count)?;
        pair.a.eq.update(&dev, false)?;
    }
    Ok(())
}

const NEVER: u32 = u32::MAX;

fn moderation<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    let cqn = pair.a.scq.cqn;
    let set = |count: u32, interval: u32| -> Outcome {
        let request = Request::new(Opcode::MODERATE_CQ)
            .set("cqn", cqn)
            .set("count", count)
            .set("interval_us", interval);
        dev.ok(&request).map(drop)
    };
    // By count alone.
    set(4, NEVER)?;
    pair.a.scq.arm(&dev, ArmType::ANY)?;
    complete(&mut pair.a, 3)?;
    retired(&pair.a)?;
    no_cq_event(&mut pair.a)?;
    complete(&mut pair.a, 1)?;
    expect_event(&mut pair.a, 1, CqEventKind::COMPLETION)?;
    for _ in 0..4 {
        pair.a.sent_ok()?;
    }
    // By time alone: it comes, late or soon.
    set(NEVER, 200)?;
    pair.a.scq.arm(&dev, ArmType::ANY)?;
    complete(&mut pair.a, 1)?;
    expect_event(&mut pair.a, 2, CqEventKind::COMPLETION)?;
    pair.a.sent_ok()?;
    // The last setting counts for an arm that waits.
    set(100, NEVER)?;
    pair.a.scq.arm(&dev, ArmType::ANY)?;
    complete(&mut pair.a, 2)?;
    retired(&pair.a)?;
    no_cq_event(&mut pair.a)?;
    set(0, 0)?;
    expect_event(&mut pair.a, 3, CqEventKind::COMPLETION)?;
    for _ in 0..2 {
        pair.a.sent_ok()?;
    }
    // A queue that becomes full signals at once.
    set(NEVER, u32::MAX - 1)?;
    pair.a.scq.arm(&dev, ArmType::ANY)?;
    let entries = pair.a.scq.ring.entries();
    let mut left = entries;
    while left > 0 {
        let now = left.min(16);
        complete(&mut pair.a, now)?;
        retired(&pair.a)?;
        left -= now;
    }
    expect_event(&mut pair.a, 4, CqEventKind::COMPLETION)
}

fn moderation_fields<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let good = Request::new(Opcode::MODERATE_CQ).set("cqn", cq.cqn);
    let both = good.clone().set("count", NEVER).set("interval_us", NEVER);
    device.refused(&both, Status::INVALID_FIELD, "*", Reason::CONFLICT)?;
    for (count, interval) in [(0, 0), (1, NEVER), (NEVER, 0), (NEVER - 1, NEVER - 1)] {
        device.ok(&good
            .clone()
            .set("count", count)
            .set("interval_us", interval))?;
    }
    Ok(())
}

fn resize<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = small_cq(cx, 3)?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    let mut context = 0;
    for (log, unconsumed) in [(5_u8, 5_u32), (3, 6), (2, 0), (4, 4), (4, 9)] {
        complete(&mut pair.a, unconsumed)?;
        retired(&pair.a)?;
        pair.a.scq.arm(&dev, ArmType::ERRORS)?;
        let ring = Ring::at_slot(&dev, log, 6, pair.a.scq.ring.slot)?;
        ring.take_over_at(pair.a.scq.consumer);
        let request = Request::new(Opcode::RESIZE_CQ)
            .set("cqn", pair.a.scq.cqn)
            .ring("ring", &ring);
        let switch = dev.ok(&request)?.get32("switch_index");
        equal(
            "switch_index",
            switch,
            pair.a.scq.consumer.wrapping_add(unconsumed),
        )?;
        pair.a.scq.ring = ring;
        complete(&mut pair.a, 2)?;
        for _ in 0..unconsumed + 2 {
            equal(
                "context after a resize",
                pair.a.sent_ok()?.context.get(),
                context,
            )?;
            context += 1;
        }
        no_cq_event(&mut pair.a)?;
    }
    Ok(())
}

fn resize_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = small_cq(cx, 3)?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    complete(&mut pair.a, 5)?;
    retired(&pair.a)?;
    let small = Ring::at_slot(&dev, 2, 6, pair.a.scq.ring.slot)?;
    let request = Request::new(Opcode::RESIZE_CQ)
        .set("cqn", pair.a.scq.cqn)
        .ring("ring", &small);
    dev.refused(&request, Status::OUT_OF_RANGE, "*", Reason::TOO_SMALL)?;
    let other = Ring::new(&dev, 5, 6)?;
    let request = Request::new(Opcode::RESIZE_CQ)
        .set("cqn", pair.a.scq.cqn)
        .ring("ring", &other);
    dev.refused(&request, Status::INVALID_FIELD, "ring.doorbell", None)?;
    for i in 0..5 {
        equal(
            "context after refused resizes",
            pair.a.sent_ok()?.context.get(),
            i,
        )?;
    }
    dev.ring(pair.a.scq.ring.slot, u64::from(pair.a.scq.consumer + 77))?;
    cq_error(&dev, &pair.a.scq, CqErrorCause::CONSUMER)?;
    let ring = Ring::at_slot(&dev, 5, 6, pair.a.scq.ring.slot)?;
    let request = Request::new(Opcode::RESIZE_CQ)
        .set("cqn", pair.a.scq.cqn)
        .ring("ring", &ring);
    dev.refused(&request, Status::INVALID_STATE, "*", None)
}

fn destroy<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    pair.a.scq.arm(&dev, ArmType::ANY)?;
    complete(&mut pair.a, 1)?;
    retired(&pair.a)?;
    dev.ok(&pair.a.qp.destroy())?;
    let answer = dev.ok(&Request::new(Opcode::DESTROY_CQ).set("cqn", pair.a.scq.cqn))?;
    let until = answer.get32("eq_index");
    let mut about = 0;
    while pair.a.eq.consumer != until {
        let Some(event) = pair.a.eq.poll_cq_event()? else {
            return fail(format_args!("no event before eq_index {until}"));
        };
        about += u32::from(event.cqn.get() == pair.a.scq.cqn);
    }
    equal("events about the queue", about, 1)?;
    pair.a.eq.update(&dev, false)?;
    no_cq_event(&mut pair.a)
}

fn timestamps<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut last = pair.a.dev.get(reg::CLOCK);
    for _ in 0..5 {
        complete(&mut pair.a, 1)?;
        let c = pair.a.sent_ok()?;
        let now = pair.a.dev.get(reg::CLOCK);
        let stamp = c.timestamp.get();
        check(
            stamp >= last && stamp <= now,
            format_args!("timestamp {stamp} is not between {last} and {now}"),
        )?;
        last = stamp;
    }
    let (a, b) = cx.devices_with(!feature::TIMESTAMPS)?;
    let shape = QpShape::default();
    let mut pair = Pair::unconnected(&a, &b, (shape, shape))?;
    pair.connect(Attributes::default())?;
    complete(&mut pair.a, 1)?;
    equal(
        "timestamp without TIMESTAMPS",
        pair.a.sent_ok()?.timestamp.get(),
        0,
    )
}
