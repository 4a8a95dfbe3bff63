//! Errors of keys, ranges and memory, at both ends.

use rnic_abi::{
    AccessFlags, CompletionStatus as Status, ProviderError as Error, QpState, WorkOpcode, feature,
};
use rnic_platform::{DmaAccess, TestPlatform};

use crate::failure::{Outcome, check, equal, same_bytes};
use crate::rig::commands::{ALL_RIGHTS, LOCAL_WRITE, REMOTE_READ, REMOTE_WRITE};
use crate::rig::memory::{Segment, pattern};
use crate::rig::pair::Attributes;
use crate::rig::{Pair, QpShape, Wqe};
use crate::{Capability, Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "error.receive_too_short",
        &["QP-22", "ERR-4", "ERR-5"],
        N,
        too_short
    );
    ends!(
        list,
        "error.remote_keys",
        &[
            "QP-27", "MEM-3", "MEM-15", "ERR-4", "ERR-5", "ERR-6", "CONV-12"
        ],
        N,
        remote_keys
    );
    ends!(
        list,
        "error.remote_rights_of_the_queue_pair",
        &["QP-34", "QP-27"],
        N,
        qp_rights
    );
    ends!(
        list,
        "error.local_keys",
        &[
            "QP-28", "QP-9", "MEM-3", "MEM-5", "MEM-14", "MEM-15", "ERR-4", "ERR-6"
        ],
        N,
        local_keys
    );
    ends!(
        list,
        "error.local_keys_of_receives",
        &["QP-28", "ERR-4"],
        N,
        receive_keys
    );
    ends!(list, "error.wrong_domain", &["MEM-1"], N, wrong_domain);
    ends!(
        list,
        "error.local_dma",
        &["QP-29", "MEM-26", "MEM-27", "ERR-4", "ERR-2"],
        N.capability(Capability::Remap),
        local_dma
    );
    ends!(
        list,
        "error.remote_dma",
        &["QP-29", "ERR-4", "ERR-5"],
        N.capability(Capability::Remap),
        remote_dma
    );
    ends!(
        list,
        "error.read_only_mapping",
        &["QP-29"],
        N.capability(Capability::ReadOnlyMaps),
        read_only
    );
    ends!(
        list,
        "error.bus_master_off",
        &["BRING-3", "QP-29"],
        N,
        bus_master_off
    );
    ends!(
        list,
        "error.no_read_depth",
        &["QP-32", "ERR-4"],
        N,
        no_read_depth
    );
    ends!(
        list,
        "error.silent_entries_complete",
        &["QP-13", "QP-37"],
        N,
        silent
    );
    ends!(list, "error.counted", &["ERR-2", "CNT-1"], N, counted);
    ends!(
        list,
        "error.remote_read_leaves_memory",
        &["QP-27", "QP-25"],
        N,
        read_leaves_memory
    );
}

fn too_short<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for (posted, sent) in [(64, 65), (0, 1), (1024, 1025), (1000, 9000), (4096, 40_000)] {
        let mut pair = cx.pair()?;
        pair.b.recv(3, 0, posted)?;
        pair.b.recv(4, 0, 65536)?;
        pair.a
            .post(&Wqe::new(WorkOpcode::SEND).segment(pair.a.mr.segment(0, sent)))?;
        let c = pair
            .b
            .received(Status::LOCAL_LENGTH_ERROR, Error::RECEIVE_TOO_SHORT)?;
        equal("context", c.context.get(), 3)?;
        equal("byte_count of an error", c.byte_count.get(), 0)?;
        pair.a.sent(
            Status::REMOTE_INVALID_REQUEST_ERROR,
            Error::PEER_INVALID_REQUEST,
        )?;
        pair.a.in_error()?;
        pair.b.in_error()?;
        pair.b.received(Status::FLUSHED, Error::QUEUE_FLUSHED)?;
    }
    Ok(())
}

/// A key, address and length that the responder must refuse.
#[track_caller]
fn refused<P: TestPlatform>(
    pair: &mut Pair<'_, P>,
    opcode: WorkOpcode,
    target: (u64, u32),
    length: u32,
) -> Outcome {
    pair.b.recv(1, 0, 64)?;
    let wqe = if opcode == WorkOpcode::FETCH_ADD {
        Wqe::new(opcode).atomic(target.0, target.1, 1, 0)
    } else {
        Wqe::new(opcode).remote(target.0, target.1)
    };
    pair.a.post(&wqe.segment(pair.a.mr.segment(0, length)))?;
    pair.a
        .sent(Status::REMOTE_ACCESS_ERROR, Error::PEER_ACCESS)?;
    pair.a.in_error()?;
    pair.b.in_error()
}

fn remote_keys<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    // What is wrong with the region, the key, the address or the length; the operation.
    type Row = (
        &'static str,
        WorkOpcode,
        u32,
        fn(u64, u32) -> (u64, u32),
        u32,
    );
    let rows: [Row; 12] = [
        (
            "no such key",
            WorkOpcode::WRITE,
            0x1F,
            |a, _| (a, 0x00FF_F100),
            8,
        ),
        ("key zero", WorkOpcode::WRITE, 0x1F, |a, _| (a, 0), 8),
        (
            "another variant",
            WorkOpcode::WRITE,
            0x1F,
            |a, k| (a, k ^ 1),
            8,
        ),
        (
            "another variant",
            WorkOpcode::READ,
            0x1F,
            |a, k| (a, k ^ 0x80),
            8,
        ),
        (
            "no right to write",
            WorkOpcode::WRITE,
            LOCAL_WRITE.0 | REMOTE_READ.0,
            |a, k| (a, k),
            8,
        ),
        (
            "no right to read",
            WorkOpcode::READ,
            LOCAL_WRITE.0 | REMOTE_WRITE.0,
            |a, k| (a, k),
            8,
        ),
        (
            "one byte before",
            WorkOpcode::WRITE,
            0x1F,
            |a, k| (a - 1, k),
            8,
        ),
        (
            "one byte behind",
            WorkOpcode::WRITE,
            0x1F,
            |a, k| (a + 8192 - 7, k),
            8,
        ),
        (
            "one byte behind",
            WorkOpcode::READ,
            0x1F,
            |a, k| (a + 8192 - 7, k),
            8,
        ),
        (
            "far behind",
            WorkOpcode::READ,
            0x1F,
            |a, k| (a + (1 << 40), k),
            8,
        ),
        (
            "an address that wraps",
            WorkOpcode::WRITE,
            0x1F,
            |_, k| (u64::MAX - 3, k),
            8,
        ),
        (
            "a length that runs over",
            WorkOpcode::WRITE,
            0x1F,
            |a, k| (a, k),
            8193,
        ),
    ];
    for (what, opcode, access, target, length) in rows {
        let mut pair = cx.pair()?;
        let region = pair.b.dev.region(pair.b.pd, 8192, AccessFlags(access))?;
        let data = pattern(8192, 3);
        region.write(0, &data);
        refused(&mut pair, opcode, target(region.base, region.key), length)
            .map_err(|f| f.while_doing(format_args!("{opcode}: {what}")))?;
        same_bytes("memory of the responder", &region.read(0, 8192), &data)?;
    }
    if cx.offered() & feature::ATOMICS != 0 {
        let mut pair = cx.pair()?;
        let region = pair.b.dev.region(pair.b.pd, 8192, AccessFlags(0x17))?;
        refused(
            &mut pair,
            WorkOpcode::FETCH_ADD,
            (region.base, region.key),
            8,
        )?;
        same_bytes("memory of the responder", &region.read(0, 8), &[0; 8])?;
    }
    // A region of another domain.
    let mut pair = cx.pair()?;
    let other = pair.b.dev.pd()?;
    let region = pair.b.dev.region(other, 8192, ALL_RIGHTS)?;
    refused(&mut pair, WorkOpcode::WRITE, (region.base, region.key), 8)?;
    // A region that is not committed.
    let mut pair = cx.pair()?;
    let begin = pair.b.dev.begin_mr(pair.b.pd, 8192, ALL_RIGHTS);
    let key = pair.b.dev.ok(&begin)?.get32("key");
    refused(&mut pair, WorkOpcode::READ, (begin.get("base"), key), 8)
}

fn qp_rights<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for (access, opcode) in [
        (0x6_u32, None),
        (0x2, Some(WorkOpcode::WRITE)),
        (0x4, Some(WorkOpcode::READ)),
        (0, Some(WorkOpcode::WRITE)),
    ] {
        let mut pair = cx.pair_with(Attributes {
            access: AccessFlags(access),
            ..Attributes::default()
        })?;
        let target = (pair.b.mr.va(0), pair.b.mr.key);
        match opcode {
            Some(opcode) => refused(&mut pair, opcode, target, 8)?,
            None => {
                for opcode in [WorkOpcode::WRITE, WorkOpcode::READ] {
                    let wqe = Wqe::new(opcode).remote(target.0, target.1);
                    pair.a.run(&wqe.segment(pair.a.mr.segment(0, 8)))?;
                }
            }
        }
    }
    Ok(())
}

/// Segments that the requester itself must refuse: what, the check, from a good segment and another key.
type Bad = (&'static str, Error, fn(Segment) -> Segment);
const BAD: [Bad; 7] = [
    ("no such key", Error::KEY_NOT_FOUND, |s| Segment {
        key: 0x00FF_F100,
        ..s
    }),
    ("key zero", Error::KEY_NOT_FOUND, |s| Segment {
        key: 0,
        ..s
    }),
    ("another variant", Error::KEY_STALE, |s| Segment {
        key: s.key ^ 1,
        ..s
    }),
    ("one byte before", Error::RANGE, |s| Segment {
        address: s.address - 1,
        ..s
    }),
    ("one byte behind", Error::RANGE, |s| Segment {
        address: s.address + 65536 - 7,
        ..s
    }),
    ("a length beyond", Error::RANGE, |s| Segment {
        length: 65537,
        ..s
    }),
    ("wrapping", Error::WRAP, |s| Segment {
        address: u64::MAX - 3,
        ..s
    }),
];

fn local_keys<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for opcode in [WorkOpcode::SEND, WorkOpcode::WRITE, WorkOpcode::READ] {
        for (what, error, make) in BAD {
            let mut pair = cx.pair()?;
            pair.b.recv(1, 0, 64)?;
            let bad = make(pair.a.mr.segment(0, 8));
            // The bad segment comes second: nothing of the message may be sent.
            let wqe = Wqe::new(opcode)
                .context(6)
                .flags(crate::rig::entry::flag::SILENT);
            let wqe = if opcode == WorkOpcode::SEND {
                wqe
            } else {
                wqe.remote(pair.b.mr.va(0), pair.b.mr.key)
            };
            pair.b.mr.write(0, &[0xEE; 16]);
            pair.a
                .post(&wqe.segment(pair.a.mr.segment(64, 8)).segment(bad))?;
            pair.a
                .sent(Status::LOCAL_PROTECTION_ERROR, error)
                .map_err(|f| f.while_doing(format_args!("{opcode}: {what}")))?;
            pair.a.in_error()?;
            equal("error of QUERY_QP", pair.a.qp.error(&pair.a.dev)?, error)?;
            pair.b.rcq.quiet(&pair.b.dev)?;
            same_bytes("memory of the peer", &pair.b.mr.read(0, 16), &[0xEE; 16])?;
            pair.b.qp.expect_state(&pair.b.dev, QpState::RTS)?;
        }
    }
    // A read needs the right to write locally.
    let mut pair = cx.pair()?;
    let plain = pair.a.dev.region(pair.a.pd, 4096, REMOTE_READ)?;
    let wqe = Wqe::new(WorkOpcode::READ).remote(pair.b.mr.va(0), pair.b.mr.key);
    pair.a.post(&wqe.segment(plain.segment(0, 8)))?;
    pair.a
        .sent(Status::LOCAL_PROTECTION_ERROR, Error::RIGHT_MISSING)?;
    // A key that is not registered yet.
    let mut pair = cx.pair()?;
    let fast = pair.a.dev.fast_region(pair.a.pd, 4)?;
    let segment = Segment {
        address: 0,
        length: 8,
        key: fast,
    };
    pair.a.post(&Wqe::new(WorkOpcode::SEND).segment(segment))?;
    pair.a
        .sent(Status::LOCAL_PROTECTION_ERROR, Error::KEY_FREE)
        .map(drop)
}

fn receive_keys<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for (what, error, make) in BAD {
        let mut pair = cx.pair()?;
        let segments = [pair.b.mr.segment(0, 4), make(pair.b.mr.segment(0, 8))];
        pair.b.qp.post_recv(&pair.b.dev, 9, &segments)?;
        // It is noticed when the receive is consumed, not before.
        pair.b.rcq.quiet(&pair.b.dev)?;
        pair.a
            .post(&Wqe::new(WorkOpcode::SEND).inline(b"eight by"))?;
        let c = pair
            .b
            .received(Status::LOCAL_PROTECTION_ERROR, error)
            .map_err(|f| f.while_doing(what))?;
        equal("context", c.context.get(), 9)?;
        pair.a
            .sent(Status::REMOTE_OPERATION_ERROR, Error::PEER_OPERATION)?;
        pair.b.in_error()?;
    }
    let mut pair = cx.pair()?;
    let plain = pair.b.dev.region(pair.b.pd, 4096, REMOTE_READ)?;
    pair.b
        .qp
        .post_recv(&pair.b.dev, 9, &[plain.segment(0, 64)])?;
    pair.a.post(&Wqe::new(WorkOpcode::SEND).inline(b"x"))?;
    pair.b
        .received(Status::LOCAL_PROTECTION_ERROR, Error::RIGHT_MISSING)
        .map(drop)
}

fn wrong_domain<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let other = pair.a.dev.pd()?;
    let region = pair.a.dev.region(other, 4096, ALL_RIGHTS)?;
    pair.b.recv(1, 0, 64)?;
    pair.a
        .post(&Wqe::new(WorkOpcode::SEND).segment(region.segment(0, 8)))?;
    pair.a
        .sent(Status::LOCAL_PROTECTION_ERROR, Error::KEY_WRONG_DOMAIN)?;
    pair.a.in_error()
}

/// Runs `test` while the device cannot reach the buffer.
fn without<P: TestPlatform>(
    dev: &crate::rig::Device<'_, P>,
    buffer: &P::Dma,
    test: impl FnOnce() -> Outcome,
) -> Outcome {
    dev.platform.unmap(buffer)?;
    let outcome = test();
    dev.platform.map(buffer, DmaAccess::DeviceReadsAndWrites)?;
    outcome
}

fn local_dma<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for opcode in [WorkOpcode::SEND, WorkOpcode::WRITE, WorkOpcode::READ] {
        let Pair { mut a, mut b, .. } = cx.pair()?;
        let region = a.dev.region(a.pd, 8192, ALL_RIGHTS)?;
        let dev = std::rc::Rc::clone(&a.dev);
        let errors = dev.counter("DMA_ERRORS")?;
        without(&dev, &region.pages.buffer, || {
            b.recv(1, 0, 8192)?;
            let wqe = Wqe::new(opcode);
            let wqe = if opcode == WorkOpcode::SEND {
                wqe
            } else {
                wqe.remote(b.mr.va(0), b.mr.key)
            };
            a.post(&wqe.segment(region.segment(0, 8192)))?;
            a.sent(Status::LOCAL_ACCESS_ERROR, Error::DMA_UNMAPPED)?;
            a.in_error()
        })?;
        dev.counted("DMA_ERRORS", errors, 1)?;
    }
    Ok(())
}

fn remote_dma<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for opcode in [WorkOpcode::WRITE, WorkOpcode::READ, WorkOpcode::SEND] {
        let Pair { mut a, mut b, .. } = cx.pair()?;
        let region = b.dev.region(b.pd, 8192, ALL_RIGHTS)?;
        let dev = std::rc::Rc::clone(&b.dev);
        without(&dev, &region.pages.buffer, || {
            let wqe = Wqe::new(opcode).segment(a.mr.segment(0, 8192));
            if opcode == WorkOpcode::SEND {
                b.qp.post_recv(&b.dev, 5, &[region.segment(0, 8192)])?;
                a.post(&wqe)?;
                b.received(Status::LOCAL_ACCESS_ERROR, Error::DMA_UNMAPPED)?;
            } else {
                a.post(&wqe.remote(region.va(0), region.key))?;
            }
            a.sent(Status::REMOTE_OPERATION_ERROR, Error::PEER_OPERATION)?;
            a.in_error()
        })?;
    }
    Ok(())
}

fn read_only<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    let buffer = dev.alloc_for(4096, DmaAccess::DeviceReads)?;
    let list = dev.alloc(8)?;
    use rnic_platform::DmaBuffer;
    list.store_u64(0, buffer.iova());
    let begin = dev.begin_mr(pair.a.pd, 4096, ALL_RIGHTS);
    let key = dev.ok(&begin)?.get32("key");
    let add = crate::request::Request::new(rnic_abi::Opcode::ADD_MR_PAGES)
        .set("key", key)
        .set("count", 1)
        .set("list", list.iova());
    dev.ok(&add)?;
    dev.ok(&crate::request::Request::new(rnic_abi::Opcode::COMMIT_MR).set("key", key))?;
    let segment = Segment {
        address: begin.get("base"),
        length: 64,
        key,
    };
    buffer.write(0, &pattern(64, 1));
    // Reading from it is fine.
    pair.b.recv(1, 0, 64)?;
    pair.a.run(&Wqe::new(WorkOpcode::SEND).segment(segment))?;
    pair.b.received_ok()?;
    same_bytes("message", &pair.b.mr.read(0, 64), &pattern(64, 1))?;
    let wqe = Wqe::new(WorkOpcode::READ)
        .remote(pair.b.mr.va(0), pair.b.mr.key)
        .segment(segment);
    pair.a.post(&wqe)?;
    pair.a
        .sent(Status::LOCAL_ACCESS_ERROR, Error::DMA_READ_ONLY)?;
    pair.a.in_error()
}

/// With bus mastering off nothing is written, not even the completion; the device survives.
fn bus_master_off<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    pair.alive()?;
    pair.b.recv(1, 0, 64)?;
    let before = pair.b.mr.read(0, 4096);
    pair.b.dev.set_bus_master(false);
    if pair.same {
        // The doorbell cannot even be followed by a fetch.
        pair.a.post(&Wqe::new(WorkOpcode::SEND).inline(b"dark"))?;
    } else {
        let wqe = Wqe::new(WorkOpcode::WRITE)
            .remote(pair.b.mr.va(0), pair.b.mr.key)
            .inline(b"dark");
        pair.a.post(&wqe)?;
        pair.a
            .sent(Status::REMOTE_OPERATION_ERROR, Error::PEER_OPERATION)?;
    }
    pair.b.dev.settle();
    same_bytes(
        "memory while bus mastering is off",
        &pair.b.mr.read(0, 4096),
        &before,
    )?;
    check(
        pair.b.rcq.poll()?.is_none(),
        "a completion was written while bus mastering was off",
    )?;
    pair.b.dev.set_bus_master(true);
    cx.pair()?.alive()
}

fn no_read_depth<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let attributes = Attributes {
        read_depth: 0,
        ..Attributes::default()
    };
    let mut opcodes = vec![WorkOpcode::READ];
    if cx.offered() & feature::ATOMICS != 0 {
        opcodes.push(WorkOpcode::FETCH_ADD);
    }
    for opcode in opcodes {
        let mut pair = cx.pair_with(attributes)?;
        pair.alive()?;
        let wqe = Wqe::new(opcode)
            .remote(pair.b.mr.va(0), pair.b.mr.key)
            .segment(pair.a.mr.segment(0, 8));
        pair.a.post(&wqe)?;
        pair.a
            .sent(Status::LOCAL_OPERATION_ERROR, Error::NO_READ_DEPTH)?;
        pair.a.in_error()?;
    }
    Ok(())
}

fn silent<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let bad = Wqe::new(WorkOpcode::WRITE)
        .context(100)
        .flags(crate::rig::entry::flag::SILENT)
        .remote(pair.b.mr.va(0), 0xFFFF_FF00)
        .inline(b"bad");
    let good = Wqe::new(WorkOpcode::SEND)
        .flags(crate::rig::entry::flag::SILENT)
        .inline(b"good");
    pair.a.qp.send.post(&bad.bytes);
    for i in 0..5 {
        pair.a.qp.send.post(&good.clone().context(i).bytes);
    }
    pair.a.qp.send.bell(&pair.a.dev)?;
    equal(
        "context",
        pair.a
            .sent(Status::REMOTE_ACCESS_ERROR, Error::PEER_ACCESS)?
            .context
            .get(),
        100,
    )?;
    for i in 0..5 {
        let c = pair.a.sent(Status::FLUSHED, Error::QUEUE_FLUSHED)?;
        equal("context of a flushed entry", c.context.get(), i)?;
        equal("retired of a flushed entry", c.retired.get(), i as u32 + 2)?;
        equal("opcode of a flushed entry", c.opcode(), WorkOpcode::SEND)?;
    }
    // Entries posted later are flushed too.
    pair.a.post(&good.context(50))?;
    equal(
        "context",
        pair.a
            .sent(Status::FLUSHED, Error::QUEUE_FLUSHED)?
            .context
            .get(),
        50,
    )?;
    pair.a.recv(51, 0, 64)?;
    let c = pair.a.received(Status::FLUSHED, Error::QUEUE_FLUSHED)?;
    equal("context of a flushed receive", c.context.get(), 51)
}

fn counted<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let names = ["COMPLETION_ERRORS", "FLUSHED"];
    let before = names.map(|n| pair.a.dev.counter(n));
    pair.b.recv(1, 0, 64)?;
    let bad = Wqe::new(WorkOpcode::WRITE)
        .remote(pair.b.mr.va(0), 0xFFFF_FF00)
        .inline(b"bad");
    pair.a.qp.send.post(&bad.bytes);
    pair.a.qp.send.post(&bad.bytes);
    pair.a.qp.send.bell(&pair.a.dev)?;
    pair.a
        .sent(Status::REMOTE_ACCESS_ERROR, Error::PEER_ACCESS)?;
    pair.a.sent(Status::FLUSHED, Error::QUEUE_FLUSHED)?;
    let [errors, flushed] = before;
    pair.a.dev.counted("COMPLETION_ERRORS", errors?, 1)?;
    pair.a.dev.counted("FLUSHED", flushed?, 1)?;
    check(
        pair.a.dev.counter("NAK_ACCESS_IN")? >= 1,
        "NAK_ACCESS_IN does not count",
    )?;
    check(
        pair.b.dev.counter("NAK_ACCESS_OUT")? >= 1,
        "NAK_ACCESS_OUT does not count",
    )?;
    // Queue pairs made on the same completion queues are not hurt.
    while pair.b.rcq.poll()?.is_some() {}
    pair.b.rcq.update(&pair.b.dev)?;
    let shape = QpShape::default();
    let (a, b) = (pair.a.another_qp(shape)?, pair.b.another_qp(shape)?);
    pair.connect_more(&a, &b, Attributes::default())?;
    (pair.a.qp, pair.b.qp) = (a, b);
    pair.alive()
}

fn read_leaves_memory<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    pair.a.mr.write(0, &[0xEE; 4096]);
    refused(&mut pair, WorkOpcode::READ, (0x1000, 0xFFFF_FF00), 4096)?;
    same_bytes(
        "sink of a refused read",
        &pair.a.mr.read(0, 4096),
        &[0xEE; 4096],
    )
}
