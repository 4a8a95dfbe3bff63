//! Posting, fetching, order, retiring, malformed entries.

use rnic_abi::{CompletionStatus, EventCode, ProviderError, QpEvent, QpState, WorkOpcode};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, check, equal, fail};
use crate::rig::entry::flag;
use crate::rig::pair::Attributes;
use crate::rig::{QpShape, Wqe};
use crate::{Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "qp.order",
        &["QP-11", "QP-12", "QP-13", "QP-15", "CONV-5"],
        N,
        order
    );
    ends!(list, "qp.silent", &["QP-13", "QP-14", "QP-15"], N, silent);
    ends!(list, "qp.retired_word", &["QP-14"], N, retired_word);
    ends!(
        list,
        "qp.full_ring",
        &["QP-11", "CONV-5", "DB-5", "DB-8"],
        N,
        full_ring
    );
    ends!(
        list,
        "qp.producer_out_of_range",
        &["DB-6", "QP-38", "ERR-1", "CONV-12"],
        N,
        producer_out_of_range
    );
    ends!(
        list,
        "qp.malformed_entries",
        &["QP-16", "QP-38", "ERR-4", "ERR-6", "ERR-1"],
        N,
        malformed
    );
    ends!(
        list,
        "qp.malformed_receives",
        &["QP-16", "ERR-4"],
        N,
        malformed_receives
    );
    ends!(
        list,
        "qp.message_too_long",
        &["QP-17", "ERR-4"],
        N,
        too_long
    );
    ends!(list, "qp.zero_length", &["QP-18"], N, zero_length);
    ends!(list, "qp.fence", &["QP-20"], N, fence);
}

fn order<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut received = 0_u32;
    for round in 0..6_u32 {
        for i in 0..16_u32 {
            pair.b.qp.recv.post(&crate::rig::entry::receive(
                u64::from(round * 16 + i),
                &[pair.b.mr.segment(i as usize * 64, 64)],
            ));
        }
        pair.b.qp.recv.bell(&pair.b.dev)?;
        for i in 0..16_u32 {
            let wqe = Wqe::new(WorkOpcode::SEND)
                .context(u64::from(0x1000 + round * 16 + i))
                .inline(&(round * 16 + i).to_le_bytes());
            pair.a.qp.send.post(&wqe.bytes);
        }
        pair.a.qp.send.bell(&pair.a.dev)?;
        for i in 0..16_u32 {
            let n = round * 16 + i;
            let c = pair.a.sent_ok()?;
            equal("context of a send", c.context.get(), u64::from(0x1000 + n))?;
            equal("index of a send", c.index.get(), n)?;
            equal("retired of a send", c.retired.get(), n + 1)?;
            equal("queue pair of a send", c.qpn.get(), pair.a.qp.qpn)?;
            equal("opcode of a send", c.opcode(), WorkOpcode::SEND)?;
            equal("byte_count of a send", c.byte_count.get(), 0)?;
            let c = pair.b.received_ok()?;
            equal("context of a receive", c.context.get(), u64::from(n))?;
            equal("index of a receive", c.index.get(), n)?;
            equal("retired of a receive", c.retired.get(), n + 1)?;
            equal("bytes of a receive", c.byte_count.get(), 4)?;
            check(
                c.flags().receive(),
                "the completion of a receive lacks the flag",
            )?;
            let data = pair.b.mr.read(i as usize * 64, 4);
            crate::failure::same_bytes("message", &data, &n.to_le_bytes())?;
            received += 1;
        }
    }
    equal("messages", received, 96)?;
    pair.a.scq.quiet(&pair.a.dev)
}

fn silent<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for round in 0..5_u32 {
        for i in 0..10 {
            let flags = if i == 9 { 0 } else { flag::SILENT };
            let wqe = Wqe::new(WorkOpcode::WRITE)
                .context(i)
                .flags(flags)
                .remote(pair.b.mr.va(i as usize * 8), pair.b.mr.key)
                .inline(&(u64::from(round) << 8 | i).to_le_bytes());
            pair.a.qp.send.post(&wqe.bytes);
        }
        pair.a.qp.send.bell(&pair.a.dev)?;
        let c = pair.a.sent_ok()?;
        equal("context of the one that is not silent", c.context.get(), 9)?;
        equal(
            "retired counts the silent ones",
            c.retired.get(),
            round * 10 + 10,
        )?;
        for i in 0..10_u64 {
            let data = pair.b.mr.read(i as usize * 8, 8);
            crate::failure::same_bytes("data", &data, &(u64::from(round) << 8 | i).to_le_bytes())?;
        }
    }
    pair.a.scq.quiet(&pair.a.dev)
}

fn retired_word<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut last = 0;
    for i in 1..=100_u64 {
        let wqe = Wqe::new(WorkOpcode::WRITE)
            .flags(flag::SILENT)
            .remote(pair.b.mr.va(0), pair.b.mr.key)
            .inline(&i.to_le_bytes());
        pair.a.post(&wqe)?;
        let now = pair.a.qp.send.retired();
        check(
            now >= last && now <= i,
            format_args!("the retired count went from {last} to {now} of {i}"),
        )?;
        last = now;
        if i % 20 == 0 {
            // The queue is empty when all is done: then the word says so.
            let qp = &pair.a.qp;
            pair.a
                .dev
                .wait_until(format_args!("the retired count {i}"), || {
                    qp.send.retired() == i
                })?;
            last = i;
        }
    }
    Ok(())
}

fn full_ring<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let entries = pair.a.qp.send.ring.entries();
    for round in 0..4_u32 {
        for i in 0..entries {
            let wqe = Wqe::new(WorkOpcode::WRITE)
                .context(u64::from(i))
                .remote(pair.b.mr.va(0), pair.b.mr.key)
                .inline(&[i as u8]);
            pair.a.qp.send.post(&wqe.bytes);
        }
        // Reserved bits of the doorbell are ignored; ringing twice is ringing once.
        let slot = pair.a.qp.send.ring.slot;
        let value = u64::from(pair.a.qp.send.producer);
        pair.a.dev.ring(slot, value | 0xFFFF_FFFF_0000_0000)?;
        pair.a.dev.ring(slot, value)?;
        for i in 0..entries {
            let c = pair.a.sent_ok()?;
            equal("index", c.index.get(), round * entries + i)?;
        }
    }
    pair.a.scq.quiet(&pair.a.dev)?;
    pair.alive()
}

/// Waits for the QP_ERROR of a queue pair.
#[track_caller]
pub fn qp_error<P: TestPlatform>(end: &crate::rig::End<'_, P>) -> Outcome<QpEvent> {
    let qpn = end.qp.qpn;
    let mut found = None;
    end.dev
        .wait_for(format_args!("QP_ERROR of queue pair {qpn}"), || {
            let event = end.dev.take_event(|e| {
                let about = rnic_abi::read::<QpEvent>(&e.payload);
                e.code() == EventCode::QP_ERROR && about.is_some_and(|q| q.qpn.get() == qpn)
            })?;
            found = event.and_then(|e| rnic_abi::read::<QpEvent>(&e.payload));
            Ok(found.map(drop))
        })?;
    match found {
        Some(event) => {
            equal("context of QP_ERROR", event.context.get(), end.qp.context)?;
            Ok(event)
        }
        None => fail("no QP_ERROR"),
    }
}

fn producer_out_of_range<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for (receive, ahead) in [
        (false, 33_u32),
        (false, 0x8000_0000),
        (true, 33),
        (false, u32::MAX),
        (true, u32::MAX),
    ] {
        let mut pair = cx.pair()?;
        pair.alive()?;
        let queue = if receive {
            &pair.a.qp.recv
        } else {
            &pair.a.qp.send
        };
        let value = queue.producer.wrapping_add(ahead);
        pair.a.dev.ring(queue.ring.slot, value.into())?;
        pair.a.in_error().map_err(|f| {
            f.while_doing(format_args!(
                "a producer index {ahead:#x} ahead of a ring of 32"
            ))
        })?;
        qp_error(&pair.a)?;
        pair.b.rcq.quiet(&pair.b.dev)?;
        // Another queue pair is not hurt.
        let (a, b) = (
            pair.a.another_qp(QpShape::default())?,
            pair.b.another_qp(QpShape::default())?,
        );
        pair.connect_more(&a, &b, Attributes::default())?;
        (pair.a.qp, pair.b.qp) = (a, b);
        while pair.a.scq.poll()?.is_some() {}
        while pair.a.rcq.poll()?.is_some() {}
        pair.a.scq.update(&pair.a.dev)?;
        pair.a.rcq.update(&pair.a.dev)?;
        pair.alive()?;
    }
    Ok(())
}

fn malformed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let probe = cx.pair()?;
    let atomics = probe.a.dev.has(rnic_abi::feature::ATOMICS);
    drop(probe);
    type Make = fn(crate::rig::memory::Segment, (u64, u32)) -> Wqe;
    let rows: &[(&str, ProviderError, bool, Make)] = &[
        ("opcode 0", ProviderError::BAD_OPCODE, false, |_, _| {
            Wqe::new(WorkOpcode(0))
        }),
        ("opcode 13", ProviderError::BAD_OPCODE, false, |_, _| {
            Wqe::new(WorkOpcode(13))
        }),
        ("opcode 255", ProviderError::BAD_OPCODE, false, |_, _| {
            Wqe::new(WorkOpcode(255))
        }),
        (
            "a reserved flag",
            ProviderError::BAD_FLAGS,
            false,
            |_, _| Wqe::new(WorkOpcode::SEND).flags(0x10),
        ),
        (
            "the last reserved flag",
            ProviderError::BAD_FLAGS,
            false,
            |_, _| Wqe::new(WorkOpcode::SEND).flags(0x80),
        ),
        (
            "solicited on a write",
            ProviderError::BAD_FLAGS,
            false,
            |_, r| {
                Wqe::new(WorkOpcode::WRITE)
                    .flags(flag::SOLICITED)
                    .remote(r.0, r.1)
            },
        ),
        (
            "solicited on a read",
            ProviderError::BAD_FLAGS,
            false,
            |s, r| {
                Wqe::new(WorkOpcode::READ)
                    .flags(flag::SOLICITED)
                    .remote(r.0, r.1)
                    .segment(s)
            },
        ),
        (
            "inline on a read",
            ProviderError::BAD_FLAGS,
            false,
            |_, r| Wqe::new(WorkOpcode::READ).remote(r.0, r.1).inline(b"x"),
        ),
        (
            "inline on LOCAL_INVALIDATE",
            ProviderError::BAD_FLAGS,
            false,
            |_, _| Wqe::local_invalidate(0x100).flags(flag::INLINE),
        ),
        (
            "five segments",
            ProviderError::TOO_MANY_SEGMENTS,
            false,
            |s, _| Wqe::new(WorkOpcode::SEND).segment(s).data_count(5),
        ),
        (
            "65535 segments",
            ProviderError::TOO_MANY_SEGMENTS,
            false,
            |s, _| Wqe::new(WorkOpcode::SEND).segment(s).data_count(0xFFFF),
        ),
        (
            "65 inline bytes",
            ProviderError::INLINE_TOO_LONG,
            false,
            |_, _| Wqe::new(WorkOpcode::SEND).inline(&[1; 64]).data_count(65),
        ),
        (
            "65535 inline bytes",
            ProviderError::INLINE_TOO_LONG,
            false,
            |_, _| {
                Wqe::new(WorkOpcode::SEND)
                    .inline(&[1; 64])
                    .data_count(0xFFFF)
            },
        ),
        (
            "a reserved byte of a write",
            ProviderError::BAD_OPCODE,
            false,
            |s, r| {
                Wqe::new(WorkOpcode::WRITE)
                    .remote(r.0, r.1)
                    .segment(s)
                    .raw(28, &[1])
            },
        ),
        (
            "the last reserved byte of a read",
            ProviderError::BAD_OPCODE,
            false,
            |s, r| {
                Wqe::new(WorkOpcode::READ)
                    .remote(r.0, r.1)
                    .segment(s)
                    .raw(47, &[0x80])
            },
        ),
        (
            "a reserved byte of LOCAL_INVALIDATE",
            ProviderError::BAD_OPCODE,
            false,
            |_, _| Wqe::local_invalidate(0x100).raw(20, &[1]),
        ),
        (
            "an atomic of two segments",
            ProviderError::BAD_OPCODE,
            true,
            |s, r| {
                let half = crate::rig::memory::Segment { length: 4, ..s };
                Wqe::new(WorkOpcode::FETCH_ADD)
                    .atomic(r.0, r.1, 1, 0)
                    .segment(half)
                    .segment(half)
            },
        ),
        (
            "an atomic of 4 bytes",
            ProviderError::BAD_OPCODE,
            true,
            |s, r| {
                let half = crate::rig::memory::Segment { length: 4, ..s };
                Wqe::new(WorkOpcode::COMPARE_SWAP)
                    .atomic(r.0, r.1, 1, 0)
                    .segment(half)
            },
        ),
        (
            "an atomic of 16 bytes",
            ProviderError::BAD_OPCODE,
            true,
            |s, r| {
                let long = crate::rig::memory::Segment { length: 16, ..s };
                Wqe::new(WorkOpcode::COMPARE_SWAP)
                    .atomic(r.0, r.1, 1, 0)
                    .segment(long)
            },
        ),
        (
            "an atomic without a segment",
            ProviderError::BAD_OPCODE,
            true,
            |_, r| Wqe::new(WorkOpcode::COMPARE_SWAP).atomic(r.0, r.1, 1, 0),
        ),
    ];
    for (what, error, atomic, make) in rows {
        if *atomic && !atomics {
            continue;
        }
        let mut pair = cx.pair()?;
        pair.b.recv(1, 0, 64)?;
        let wqe = make(pair.a.mr.segment(0, 8), (pair.b.mr.va(0), pair.b.mr.key))
            .context(0xBAD)
            .flags(flag::SILENT);
        pair.a.post(&wqe)?;
        let c = pair
            .a
            .sent(CompletionStatus::LOCAL_OPERATION_ERROR, *error)
            .map_err(|f| f.while_doing(what))?;
        equal("context", c.context.get(), 0xBAD)?;
        pair.a.in_error()?;
        equal("error of QUERY_QP", pair.a.qp.error(&pair.a.dev)?, *error)?;
        let event = qp_error(&pair.a)?;
        equal("error of QP_ERROR", event.error(), *error)?;
        equal("state of QP_ERROR", event.state(), QpState::ERROR)?;
        pair.b
            .rcq
            .quiet(&pair.b.dev)
            .map_err(|f| f.while_doing(what))?;
    }
    Ok(())
}

fn malformed_receives<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for (what, error, at, bytes) in [
        (
            "five segments",
            ProviderError::TOO_MANY_SEGMENTS,
            8,
            [5_u8, 0],
        ),
        (
            "65535 segments",
            ProviderError::TOO_MANY_SEGMENTS,
            8,
            [0xFF, 0xFF],
        ),
        ("a reserved byte", ProviderError::BAD_OPCODE, 10, [1, 0]),
        (
            "the last reserved byte",
            ProviderError::BAD_OPCODE,
            14,
            [0, 0x80],
        ),
    ] {
        let mut pair = cx.pair()?;
        let mut entry = crate::rig::entry::receive(7, &[pair.b.mr.segment(0, 64)]);
        entry[at..at + 2].copy_from_slice(&bytes);
        pair.b.qp.recv.post(&entry);
        pair.b.qp.recv.bell(&pair.b.dev)?;
        pair.a.post(&Wqe::new(WorkOpcode::SEND).inline(b"hello"))?;
        pair.b
            .received(CompletionStatus::LOCAL_OPERATION_ERROR, error)
            .map_err(|f| f.while_doing(format_args!("a receive with {what}")))?;
        pair.b.in_error()?;
    }
    Ok(())
}

fn too_long<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let most = pair.a.dev.limit("message_bytes")?;
    // Four segments at most: each may be 4 GiB - 1, whether there is memory or not: the length is looked at first.
    let length = u32::try_from(most / 4 + 1).unwrap_or(u32::MAX);
    if u64::from(length) * 4 <= most {
        return crate::failure::skip("four segments cannot be longer than a message may be");
    }
    let segment = crate::rig::memory::Segment {
        length,
        ..pair.a.mr.segment(0, 0)
    };
    let wqe = (0..4).fold(Wqe::new(WorkOpcode::SEND), |w, _| w.segment(segment));
    pair.a.post(&wqe)?;
    pair.a.sent(
        CompletionStatus::LOCAL_LENGTH_ERROR,
        ProviderError::MESSAGE_TOO_LONG,
    )?;
    pair.a.in_error()
}

fn zero_length<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let nothing = crate::rig::memory::Segment {
        address: 0xDEAD_BEEF,
        length: 0,
        key: 0xFFFF_FFFF,
    };
    pair.b.recv(1, 0, 64)?;
    pair.a.run(&Wqe::new(WorkOpcode::SEND))?;
    equal(
        "bytes of an empty message",
        pair.b.received_ok()?.byte_count.get(),
        0,
    )?;
    pair.b.recv(1, 0, 64)?;
    pair.a.run(&Wqe::new(WorkOpcode::SEND).segment(nothing))?;
    equal(
        "bytes of a message of an empty segment",
        pair.b.received_ok()?.byte_count.get(),
        0,
    )?;
    // A receive without segments takes an empty message; empty segments among others are skipped.
    pair.b.qp.post_recv(&pair.b.dev, 2, &[])?;
    pair.a.run(&Wqe::new(WorkOpcode::SEND))?;
    pair.b.received_ok()?;
    let segments = [
        nothing,
        pair.b.mr.segment(0, 4),
        nothing,
        pair.b.mr.segment(100, 60),
    ];
    pair.b.qp.post_recv(&pair.b.dev, 3, &segments)?;
    pair.a.mr.write(0, b"abcdefgh");
    let wqe = Wqe::new(WorkOpcode::SEND)
        .segment(nothing)
        .segment(pair.a.mr.segment(0, 2))
        .segment(nothing)
        .segment(pair.a.mr.segment(2, 6));
    pair.a.run(&wqe)?;
    equal("bytes received", pair.b.received_ok()?.byte_count.get(), 8)?;
    crate::failure::same_bytes("first part", &pair.b.mr.read(0, 4), b"abcd")?;
    crate::failure::same_bytes("second part", &pair.b.mr.read(100, 4), b"efgh")?;
    for opcode in [WorkOpcode::WRITE, WorkOpcode::READ] {
        let wqe = Wqe::new(opcode).remote(0xBAD_ADD2E55, 0xFFFF_FFFF);
        pair.a.run(&wqe)?;
        pair.a.run(&wqe.segment(nothing))?;
    }
    pair.alive()
}

/// A fenced send whose data a read before it fetches, and a fenced write that overwrites what the read took.
fn fence<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for round in 0..8_u8 {
        let data = crate::rig::memory::pattern(8192, round);
        pair.b.mr.write(0, &data);
        pair.a.mr.write(0, &[0; 8192]);
        pair.b.recv(1, 16384, 8192)?;
        let read = Wqe::new(WorkOpcode::READ)
            .flags(flag::SILENT)
            .remote(pair.b.mr.va(0), pair.b.mr.key)
            .segment(pair.a.mr.segment(0, 8192));
        let send = Wqe::new(WorkOpcode::SEND)
            .flags(flag::FENCE)
            .segment(pair.a.mr.segment(0, 8192));
        pair.a.qp.send.post(&read.bytes);
        pair.a.qp.send.post(&send.bytes);
        pair.a.qp.send.bell(&pair.a.dev)?;
        pair.a.sent_ok()?;
        pair.b.received_ok()?;
        crate::failure::same_bytes(
            "what a fenced send sent",
            &pair.b.mr.read(16384, 8192),
            &data,
        )?;
    }
    Ok(())
}
