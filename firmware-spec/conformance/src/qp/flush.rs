//! ERROR, FLUSH_QP, and what follows a completion in error.

use rnic_abi::{
    CompletionStatus as Status, EventCode, ProviderError as Error, QpState, SyndromeReason,
    WorkOpcode,
};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, equal};
use crate::rig::Wqe;
use crate::rig::pair::Attributes;
use crate::{Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "flush.error_by_command",
        &["QP-37", "QP-38", "QP-4"],
        N,
        by_command
    );
    ends!(list, "flush.in_init", &["QP-41"], N, in_init);
    ends!(list, "flush.one_queue", &["QP-41"], N, one_queue);
    ends!(list, "flush.in_rts", &["QP-42", "QP-41"], N, in_rts);
    ends!(list, "flush.every_state", &["QP-41"], N, every_state);
    ends!(list, "flush.no_flags", &["QP-41"], N, no_flags);
    ends!(
        list,
        "flush.both_ends_after_error",
        &["QP-37", "QP-22", "QP-38"],
        N,
        both_ends
    );
    ends!(
        list,
        "flush.later_entries",
        &["QP-41", "QP-37"],
        N,
        later_entries
    );
}

const FLUSHED: (Status, Error) = (Status::FLUSHED, Error::QUEUE_FLUSHED);

fn by_command<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for i in 0..5 {
        pair.a.recv(i, 0, 64)?;
    }
    pair.a.qp.go(&pair.a.dev, QpState::ERROR)?;
    for i in 0..5 {
        let c = pair.a.received(FLUSHED.0, FLUSHED.1)?;
        equal("context", c.context.get(), i)?;
        equal("index", c.index.get(), i as u32)?;
        equal("retired", c.retired.get(), i as u32 + 1)?;
        equal("byte_count", c.byte_count.get(), 0)?;
    }
    pair.a
        .post(&Wqe::new(WorkOpcode::SEND).context(70).inline(b"x"))?;
    equal(
        "context",
        pair.a.sent(FLUSHED.0, FLUSHED.1)?.context.get(),
        70,
    )?;
    // The driver asked for it: no QP_ERROR.
    pair.a.dev.no_event(EventCode::QP_ERROR)?;
    let qp = &pair.a.qp;
    pair.a
        .dev
        .wait_until("the retired count 5", || qp.recv.retired() == 5)
}

fn in_init<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends()?;
    for i in 0..4 {
        pair.a.recv(i, 0, 64)?;
        pair.a.post(
            &Wqe::new(WorkOpcode::SEND)
                .context(0x10 + i)
                .inline(b"never"),
        )?;
    }
    let answer = pair.a.dev.ok(&pair.a.qp.flush(true, true))?;
    equal("send_flushed", answer.get("send_flushed"), 4)?;
    equal("recv_flushed", answer.get("recv_flushed"), 4)?;
    // The answer comes when the last of these completions is written.
    for i in 0..4 {
        let Some(c) = pair.a.rcq.poll()? else {
            return crate::failure::fail(
                "FLUSH_QP was answered before its completions were written",
            );
        };
        crate::rig::pair::expect(&c, FLUSHED.0, FLUSHED.1)?;
        equal("context", c.context.get(), i)?;
        let Some(c) = pair.a.scq.poll()? else {
            return crate::failure::fail(
                "FLUSH_QP was answered before its completions were written",
            );
        };
        crate::rig::pair::expect(&c, FLUSHED.0, FLUSHED.1)?;
        equal("context", c.context.get(), 0x10 + i)?;
    }
    pair.a.qp.expect_state(&pair.a.dev, QpState::INIT)?;
    // It stays usable.
    pair.connect(Attributes::default())?;
    pair.alive()
}

fn one_queue<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends()?;
    pair.a.recv(1, 0, 64)?;
    pair.a
        .post(&Wqe::new(WorkOpcode::SEND).context(2).inline(b"x"))?;
    pair.a.dev.ok(&pair.a.qp.flush(false, true))?;
    equal(
        "context",
        pair.a.received(FLUSHED.0, FLUSHED.1)?.context.get(),
        1,
    )?;
    pair.a.scq.quiet(&pair.a.dev)?;
    pair.a.recv(3, 0, 64)?;
    pair.a.dev.ok(&pair.a.qp.flush(true, false))?;
    equal(
        "context",
        pair.a.sent(FLUSHED.0, FLUSHED.1)?.context.get(),
        2,
    )?;
    pair.a.rcq.quiet(&pair.a.dev)
}

fn in_rts<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    pair.a.recv(1, 0, 64)?;
    let answer = pair.a.dev.ok(&pair.a.qp.flush(false, true))?;
    equal("recv_flushed", answer.get("recv_flushed"), 1)?;
    pair.a.received(FLUSHED.0, FLUSHED.1)?;
    pair.a.qp.expect_state(&pair.a.dev, QpState::ERROR)
}

fn every_state<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let qp = &pair.a.qp;
    for state in [QpState::RESET, QpState::INIT, QpState::ERROR] {
        qp.go(&pair.a.dev, state)?;
        let answer = pair.a.dev.ok(&qp.flush(true, true))?;
        equal(
            "send_flushed of an empty queue",
            answer.get("send_flushed"),
            0,
        )?;
        equal(
            "recv_flushed of an empty queue",
            answer.get("recv_flushed"),
            0,
        )?;
        qp.expect_state(&pair.a.dev, state)?;
    }
    Ok(())
}

fn no_flags<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let request = pair.a.qp.flush(false, false);
    pair.a
        .dev
        .refused(&request, rnic_abi::Status::INVALID_FIELD, "flags", None)?;
    let gone = pair.a.qp.flush(true, true).set("qpn", 0xABCDEF);
    pair.a.dev.refused(
        &gone,
        rnic_abi::Status::NO_SUCH_OBJECT,
        "qpn",
        SyndromeReason::NOT_FOUND,
    )
}

fn both_ends<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for i in 0..3 {
        pair.a.recv(i, 0, 64)?;
        pair.b.recv(i, 0, 4)?;
    }
    pair.a.qp.send.post(
        &Wqe::new(WorkOpcode::SEND)
            .inline(b"too long for four")
            .bytes,
    );
    pair.a
        .qp
        .send
        .post(&Wqe::new(WorkOpcode::SEND).inline(b"ok").bytes);
    pair.a.qp.send.bell(&pair.a.dev)?;
    pair.a.sent(
        Status::REMOTE_INVALID_REQUEST_ERROR,
        Error::PEER_INVALID_REQUEST,
    )?;
    pair.a.sent(FLUSHED.0, FLUSHED.1)?;
    pair.b
        .received(Status::LOCAL_LENGTH_ERROR, Error::RECEIVE_TOO_SHORT)?;
    for _ in 0..2 {
        pair.b.received(FLUSHED.0, FLUSHED.1)?;
    }
    for _ in 0..3 {
        pair.a.received(FLUSHED.0, FLUSHED.1)?;
    }
    let event = super::posting::qp_error(&pair.b)?;
    equal("error of QP_ERROR", event.error(), Error::RECEIVE_TOO_SHORT)?;
    let event = super::posting::qp_error(&pair.a)?;
    equal(
        "error of QP_ERROR",
        event.error(),
        Error::PEER_INVALID_REQUEST,
    )?;
    pair.a.dev.no_event(EventCode::QP_ERROR)?;
    pair.b.dev.no_event(EventCode::QP_ERROR)
}

/// A receive posted after FLUSH_QP in INIT is not touched by it.
fn later_entries<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends()?;
    for round in 0..10_u64 {
        pair.b.recv(round, 0, 64)?;
        let ticket = pair.b.dev.submit(&pair.b.qp.flush(false, true))?;
        pair.b.recv(100 + round, 0, 64)?;
        let flushed = pair.b.dev.answer(ticket)?.get32("recv_flushed");
        equal(
            "context",
            pair.b.received(FLUSHED.0, FLUSHED.1)?.context.get(),
            round,
        )?;
        // The flush raced with the second post: the answer says which it was.
        if flushed == pair.b.qp.recv.producer {
            pair.b.received(FLUSHED.0, FLUSHED.1)?;
        } else {
            equal("recv_flushed", flushed, pair.b.qp.recv.producer - 1)?;
            pair.b.rcq.quiet(&pair.b.dev)?;
            pair.b.dev.ok(&pair.b.qp.flush(false, true))?;
            pair.b.received(FLUSHED.0, FLUSHED.1)?;
        }
    }
    Ok(())
}
