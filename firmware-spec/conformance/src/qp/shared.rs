//! Shared receive queues.

use rnic_abi::{
    CompletionStatus as Status, EventCode, ProviderError as Error, QpState, SrqEvent, WorkOpcode,
    feature,
};
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::failure::{Outcome, equal, fail};
use crate::request::Request;
use crate::rig::pair::Attributes;
use crate::rig::{Pair, QpShape, Ring, Srq, Wqe};
use crate::{Context, List, N, ends};

const NEED: crate::Needs = N.features(feature::SRQ);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "srq.receive",
        &["SRQ-1", "SRQ-3", "QP-15"],
        NEED,
        receive
    );
    ends!(
        list,
        "srq.two_queue_pairs",
        &["SRQ-1", "SRQ-3"],
        NEED,
        two_queue_pairs
    );
    ends!(
        list,
        "srq.limit_event",
        &["SRQ-2", "EV-1"],
        NEED,
        limit_event
    );
    ends!(
        list,
        "srq.flush_leaves_it",
        &["SRQ-4"],
        NEED,
        flush_leaves_it
    );
    ends!(list, "srq.resize", &["SRQ-5"], NEED, resize);
    ends!(
        list,
        "srq.producer_out_of_range",
        &["SRQ-6", "DB-6", "ERR-1"],
        NEED,
        producer_out_of_range
    );
}

/// Two ends, the second of which receives from a shared queue.
#[track_caller]
fn pair<'p, P: TestPlatform>(cx: &Context<'p, P>, log: u8) -> Outcome<(Pair<'p, P>, Srq<P>)> {
    let mut pair = cx.ends()?;
    let srq = Srq::new(&pair.b.dev, pair.b.pd, log, 0)?;
    let shape = QpShape {
        srqn: srq.srqn,
        ..QpShape::default()
    };
    pair.b.qp = pair.b.another_qp(shape)?;
    pair.connect(Attributes::default())?;
    Ok((pair, srq))
}

fn receive<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (mut pair, mut srq) = pair(cx, 3)?;
    for i in 0..20_u32 {
        srq.post(
            &pair.b.dev,
            0x500 + u64::from(i),
            &[pair.b.mr.segment(i as usize * 64, 64)],
        )?;
        pair.a
            .run(&Wqe::new(WorkOpcode::SEND).inline(&i.to_le_bytes()))?;
        let c = pair.b.received_ok()?;
        equal("context", c.context.get(), 0x500 + u64::from(i))?;
        equal("srq_slot", c.srq_slot.get(), i % 8)?;
        equal("index", c.index.get(), i)?;
        equal("retired", c.retired.get(), i + 1)?;
        equal("queue pair", c.qpn.get(), pair.b.qp.qpn)?;
        crate::failure::same_bytes(
            "message",
            &pair.b.mr.read(i as usize * 64, 4),
            &i.to_le_bytes(),
        )?;
    }
    pair.b
        .dev
        .wait_until("the retired count 20", || srq.queue.retired() == 20)
}

fn two_queue_pairs<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (mut pair, mut srq) = pair(cx, 5)?;
    let shape = QpShape {
        srqn: srq.srqn,
        ..QpShape::default()
    };
    let (mut a2, b2) = (
        pair.a.another_qp(QpShape::default())?,
        pair.b.another_qp(shape)?,
    );
    pair.connect_more(&a2, &b2, Attributes::default())?;
    for i in 0..32 {
        srq.post(&pair.b.dev, i, &[pair.b.mr.segment(i as usize * 64, 64)])?;
    }
    for i in 0..16_u8 {
        let wqe = Wqe::new(WorkOpcode::SEND).inline(&[i]);
        pair.a.qp.send.post(&wqe.bytes);
        a2.send.post(&wqe.bytes);
    }
    pair.a.qp.send.bell(&pair.a.dev)?;
    a2.send.bell(&pair.a.dev)?;
    let mut seen = [false; 32];
    let mut next = [0_u8; 2];
    for n in 0..32 {
        let c = pair.b.received_ok()?;
        let which = usize::from(c.qpn.get() == b2.qpn);
        let slot = c.context.get() as usize;
        equal("slot of the completion", c.srq_slot.get() as usize, slot)?;
        equal("retired of the completion", c.retired.get(), n + 1)?;
        if std::mem::replace(&mut seen[slot], true) {
            return fail(format_args!(
                "entry {slot} of a shared receive queue completed twice"
            ));
        }
        // Messages of one queue pair arrive in order, wherever they were put.
        crate::failure::same_bytes("message", &pair.b.mr.read(slot * 64, 1), &[next[which]])?;
        next[which] += 1;
    }
    Ok(())
}

fn limit_event<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (mut pair, mut srq) = pair(cx, 4)?;
    for i in 0..8 {
        srq.post(&pair.b.dev, i, &[pair.b.mr.segment(0, 64)])?;
    }
    let arm = Request::new(rnic_abi::Opcode::MODIFY_SRQ)
        .set("srqn", srq.srqn)
        .set("limit", 5);
    pair.b.dev.ok(&arm)?;
    for sent in 1..=8_u64 {
        pair.a.run(&Wqe::new(WorkOpcode::SEND).inline(b"x"))?;
        pair.b.received_ok()?;
        // 8 - sent are left: fewer than five for the first time when four are.
        if sent == 4 {
            let event = pair.b.dev.event(EventCode::SRQ_LIMIT)?;
            let Some(event) = rnic_abi::read::<SrqEvent>(&event.payload) else {
                return fail("the payload of SRQ_LIMIT is too short");
            };
            equal("srqn", event.srqn.get(), srq.srqn)?;
            equal("remaining", event.remaining.get(), 4)?;
            equal("error", event.error(), Error::NONE)?;
            equal(
                "context",
                event.context.get(),
                0x5129_0000_0000_0000 | u64::from(srq.queue.ring.slot),
            )?;
        } else {
            pair.b.dev.no_event(EventCode::SRQ_LIMIT)?;
        }
    }
    // Armed again with nothing left, it is raised again.
    pair.b.dev.ok(&arm.set("limit", 1))?;
    pair.b.dev.event(EventCode::SRQ_LIMIT).map(drop)
}

fn flush_leaves_it<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (mut pair, mut srq) = pair(cx, 4)?;
    for i in 0..4 {
        srq.post(&pair.b.dev, i, &[pair.b.mr.segment(0, 64)])?;
    }
    pair.a.run(&Wqe::new(WorkOpcode::SEND).inline(b"x"))?;
    pair.b.received_ok()?;
    pair.b.qp.go(&pair.b.dev, QpState::ERROR)?;
    pair.b.dev.ok(&pair.b.qp.flush(true, true))?;
    pair.b.rcq.quiet(&pair.b.dev)?;
    // Another queue pair takes what is left.
    let shape = QpShape {
        srqn: srq.srqn,
        ..QpShape::default()
    };
    let (a2, b2) = (
        pair.a.another_qp(QpShape::default())?,
        pair.b.another_qp(shape)?,
    );
    pair.connect_more(&a2, &b2, Attributes::default())?;
    (pair.a.qp, pair.b.qp) = (a2, b2);
    for i in 1..4 {
        pair.a.run(&Wqe::new(WorkOpcode::SEND).inline(b"x"))?;
        equal("context", pair.b.received_ok()?.context.get(), i)?;
    }
    Ok(())
}

fn resize<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (mut pair, mut srq) = pair(cx, 3)?;
    let stride = srq.queue.ring.log_stride;
    let slot = srq.queue.ring.slot;
    let mut next = 0;
    for (log, outstanding) in [(5_u8, 8_u32), (2, 3), (4, 0)] {
        for i in 0..outstanding {
            srq.post(
                &pair.b.dev,
                u64::from(next + i),
                &[pair.b.mr.segment(0, 64)],
            )?;
        }
        let ring = Ring::at_slot(&pair.b.dev, log, stride, slot)?;
        // The driver copies every outstanding entry to its place in the new ring.
        for i in 0..outstanding {
            let index = next + i;
            let entry = srq
                .queue
                .ring
                .pages
                .read(srq.queue.ring.offset(index), 1 << stride);
            ring.pages.write(ring.offset(index), &entry);
        }
        let request = Request::new(rnic_abi::Opcode::RESIZE_SRQ)
            .set("srqn", srq.srqn)
            .ring("ring", &ring);
        if outstanding > 2 {
            let small = Ring::at_slot(&pair.b.dev, 1, stride, slot)?;
            let request = request.clone().ring("ring", &small);
            pair.b
                .dev
                .refused(&request, rnic_abi::Status::OUT_OF_RANGE, "*", None)?;
        }
        let other = request.clone().set("ring.doorbell", pair.b.dev.next_slot());
        pair.b.dev.refused(
            &other,
            rnic_abi::Status::INVALID_FIELD,
            "ring.doorbell",
            None,
        )?;
        pair.b.dev.ok(&request)?;
        srq.queue.ring = ring;
        for i in 0..outstanding {
            pair.a.run(&Wqe::new(WorkOpcode::SEND).inline(b"x"))?;
            let c = pair.b.received_ok()?;
            equal(
                "context after the resize",
                c.context.get(),
                u64::from(next + i),
            )?;
            equal(
                "slot after the resize",
                c.srq_slot.get(),
                (next + i) % (1 << log),
            )?;
        }
        next += outstanding;
    }
    Ok(())
}

fn producer_out_of_range<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (mut pair, srq) = pair(cx, 3)?;
    pair.b.dev.ring(srq.queue.ring.slot, 9)?;
    let event = pair.b.dev.event(EventCode::SRQ_ERROR)?;
    let Some(event) = rnic_abi::read::<SrqEvent>(&event.payload) else {
        return fail("the payload of SRQ_ERROR is too short");
    };
    equal("srqn", event.srqn.get(), srq.srqn)?;
    if srq.queue.ring.pages.buffer.is_empty() {
        return fail("a ring without memory");
    }
    // A queue pair that needs a receive from it goes to ERROR; its peer learns.
    pair.a.post(&Wqe::new(WorkOpcode::SEND).inline(b"x"))?;
    pair.b.in_error()?;
    let c = pair.a.scq.next(&pair.a.dev)?;
    if c.status() == Status::SUCCESS {
        return fail("a send to a broken shared receive queue succeeded");
    }
    Ok(())
}
