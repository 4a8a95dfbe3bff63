//! Peers that are not ready, and peers that do not answer.

use rnic_abi::{CompletionStatus as Status, ProviderError as Error, QpState, WorkOpcode};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, check, equal};
use crate::rig::Wqe;
use crate::rig::pair::Attributes;
use crate::{Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(list, "retry.receiver_not_ready", &["QP-30"], N, not_ready);
    ends!(
        list,
        "retry.rnr_exceeded",
        &["QP-30", "QP-40", "ERR-4", "CNT-1"],
        N,
        rnr_exceeded
    );
    ends!(
        list,
        "retry.peer_gone",
        &["QP-31", "QP-40", "ERR-4", "CNT-1"],
        N,
        peer_gone
    );
    ends!(
        list,
        "retry.peer_in_error",
        &["QP-31", "QP-37"],
        N,
        peer_in_error
    );
    ends!(
        list,
        "retry.write_needs_no_receive",
        &["QP-24", "QP-30"],
        N,
        write_needs_none
    );
}

fn not_ready<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    // 7: for ever.
    let mut pair = cx.pair()?;
    for opcode in [WorkOpcode::SEND, WorkOpcode::WRITE_IMMEDIATE] {
        let wqe = Wqe::new(opcode);
        let wqe = if opcode == WorkOpcode::SEND {
            wqe
        } else {
            wqe.remote(pair.b.mr.va(0), pair.b.mr.key)
        };
        pair.a.post(&wqe.inline(b"wait for it"))?;
        pair.a.scq.quiet(&pair.a.dev)?;
        pair.a.qp.expect_state(&pair.a.dev, QpState::RTS)?;
        pair.b.recv(8, 4096, 64)?;
        pair.a.sent_ok()?;
        equal("bytes", pair.b.received_ok()?.byte_count.get(), 11)?;
    }
    check(
        pair.b.dev.counter("RNR_NAK_OUT")? >= 1,
        "RNR_NAK_OUT does not count",
    )?;
    pair.alive()
}

fn rnr_exceeded<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for rnr_retry in [0, 2] {
        let mut pair = cx.pair_with(Attributes {
            rnr_retry,
            ..Attributes::default()
        })?;
        pair.a
            .post(&Wqe::new(WorkOpcode::SEND).context(7).inline(b"nobody"))?;
        pair.a
            .post(&Wqe::new(WorkOpcode::SEND).context(8).inline(b"behind"))?;
        let c = pair.a.sent(Status::RNR_RETRY_EXCEEDED, Error::RNR)?;
        equal("context", c.context.get(), 7)?;
        // No connection owns it: ERROR.
        pair.a.in_error()?;
        pair.a.sent(Status::FLUSHED, Error::QUEUE_FLUSHED)?;
        check(
            pair.a.dev.counter("RNR_NAK_IN")? > u64::from(rnr_retry),
            "RNR_NAK_IN does not count",
        )?;
    }
    Ok(())
}

fn peer_gone<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for opcode in [WorkOpcode::SEND, WorkOpcode::READ] {
        let mut pair = cx.pair_with(Attributes {
            retry: 1,
            ack_timeout: 10,
            ..Attributes::default()
        })?;
        pair.alive()?;
        pair.b.dev.ok(&pair.b.qp.destroy())?;
        let wqe = Wqe::new(opcode)
            .context(3)
            .remote(pair.b.mr.va(0), pair.b.mr.key);
        let wqe = if opcode == WorkOpcode::SEND {
            Wqe::new(opcode).context(3).inline(b"hello?")
        } else {
            wqe.segment(pair.a.mr.segment(0, 64))
        };
        pair.a.post(&wqe)?;
        let c = pair.a.sent(Status::RETRY_EXCEEDED, Error::PEER_GONE)?;
        equal("context", c.context.get(), 3)?;
        pair.a.in_error()?;
        check(
            pair.a.dev.counter("RETRIES_EXCEEDED")? >= 1,
            "RETRIES_EXCEEDED does not count",
        )?;
    }
    Ok(())
}

fn peer_in_error<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair_with(Attributes {
        retry: 1,
        ack_timeout: 10,
        ..Attributes::default()
    })?;
    pair.b.recv(1, 0, 64)?;
    pair.b.qp.go(&pair.b.dev, QpState::ERROR)?;
    pair.b.received(Status::FLUSHED, Error::QUEUE_FLUSHED)?;
    let wqe = Wqe::new(WorkOpcode::WRITE)
        .remote(pair.b.mr.va(0), pair.b.mr.key)
        .inline(b"into the void");
    pair.a.post(&wqe)?;
    pair.a.sent(Status::RETRY_EXCEEDED, Error::PEER_GONE)?;
    crate::failure::same_bytes(
        "memory of a queue pair in ERROR",
        &pair.b.mr.read(0, 13),
        &[0; 13],
    )
}

fn write_needs_none<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair_with(Attributes {
        rnr_retry: 0,
        ..Attributes::default()
    })?;
    let wqe = Wqe::new(WorkOpcode::WRITE)
        .remote(pair.b.mr.va(0), pair.b.mr.key)
        .inline(b"fine");
    pair.a.run(&wqe).map(drop)
}
