//! Fast registration and invalidation.

use rnic_abi::{AccessFlags, CompletionStatus as Status, ProviderError as Error, WorkOpcode};
use rnic_platform::{DmaBuffer, TestPlatform};

use super::{fails, reaches, refused};
use crate::failure::{Outcome, check, equal, same_bytes};
use crate::rig::commands::ALL_RIGHTS;
use crate::rig::entry::{FastRegister, flag};
use crate::rig::memory::{Segment, pattern};
use crate::rig::{Device, Pages, Pair, Wqe};
use crate::{Capability, Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "fast.register_and_use",
        &["MEM-11", "MEM-12", "MEM-18", "QP-35"],
        N,
        register_and_use
    );
    ends!(
        list,
        "fast.at_once_in_the_queue",
        &["MEM-12", "QP-35"],
        N,
        at_once
    );
    ends!(
        list,
        "fast.refused",
        &["MEM-13", "ERR-4", "ERR-6"],
        N,
        register_refused
    );
    ends!(list, "fast.wrong_key", &["MEM-13", "MEM-5"], N, wrong_key);
    ends!(
        list,
        "fast.list_unreachable",
        &["MEM-13"],
        N.capability(Capability::Remap),
        list_unreachable
    );
    ends!(
        list,
        "fast.local_invalidate",
        &["MEM-17", "MEM-18", "QP-35"],
        N,
        local_invalidate
    );
    ends!(
        list,
        "fast.local_invalidate_refused",
        &["MEM-17", "ERR-4", "ERR-6"],
        N,
        local_invalidate_refused
    );
    ends!(
        list,
        "fast.send_invalidate",
        &["QP-23", "MEM-17"],
        N,
        send_invalidate
    );
    ends!(
        list,
        "fast.send_invalidate_refused",
        &["QP-23", "MEM-17", "ERR-4"],
        N,
        send_invalidate_refused
    );
    ends!(
        list,
        "fast.read_invalidate",
        &["QP-25", "MEM-17"],
        N,
        read_invalidate
    );
    ends!(
        list,
        "fast.read_invalidate_only_on_success",
        &["QP-25"],
        N,
        read_invalidate_failure
    );
    ends!(list, "fast.largest", &["MEM-11", "CONV-8"], N, largest);
}

/// Memory, and the fields that register it from its byte 100 on.
struct Fast<P: TestPlatform> {
    pages: Pages<P>,
    fields: FastRegister,
}

const BYTES: u32 = 3 * 4096;

#[track_caller]
fn fast<P: TestPlatform>(dev: &Device<'_, P>, pd: u32) -> Outcome<Fast<P>> {
    let pages = Pages::new(dev.machine(), 4 * 4096)?;
    pages.fill(0, 4 * 4096, 0);
    let key = dev.fast_region(pd, 8)?;
    let fields = FastRegister {
        base: dev.take_va(4 * 4096) + 100,
        page_list: pages.list.iova(),
        length: BYTES,
        page_count: 4,
        key,
        access: ALL_RIGHTS,
    };
    Ok(Fast { pages, fields })
}

/// The same index with the next variant.
const fn next(key: u32) -> u32 {
    key & !0xFF | key.wrapping_add(1) & 0xFF
}

fn register_and_use<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut f = fast(&pair.b.dev, pair.b.pd)?;
    for round in 0..5 {
        f.fields.key = next(f.fields.key);
        f.fields.base += 4096;
        let c = pair.b.run(&Wqe::fast_register(&f.fields).context(round))?;
        equal("opcode", c.opcode(), WorkOpcode::FAST_REGISTER)?;
        let data = pattern(BYTES as usize, round as u8);
        pair.a.mr.write(0, &data);
        let write = Wqe::new(WorkOpcode::WRITE)
            .remote(f.fields.base, f.fields.key)
            .segment(pair.a.mr.segment(0, BYTES));
        pair.a.run(&write)?;
        same_bytes(
            "data in a fast-register region",
            &f.pages.read(100, BYTES as usize),
            &data,
        )?;
        pair.b.run(&Wqe::local_invalidate(f.fields.key))?;
    }
    fails(&mut pair, f.fields.base, f.fields.key)
}

fn at_once<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut f = fast(&pair.b.dev, pair.b.pd)?;
    for round in 0..6_u8 {
        f.fields.key = next(f.fields.key);
        let data = pattern(BYTES as usize, round);
        f.pages.write(100, &data);
        pair.a.recv(1, 0, BYTES)?;
        let segment = Segment {
            address: f.fields.base,
            length: BYTES,
            key: f.fields.key,
        };
        // Registered, used and invalidated by three entries of one doorbell.
        for wqe in [
            Wqe::fast_register(&f.fields).flags(flag::SILENT),
            Wqe::new(WorkOpcode::SEND)
                .flags(flag::SILENT)
                .segment(segment),
            Wqe::local_invalidate(f.fields.key),
        ] {
            pair.b.qp.send.post(&wqe.bytes);
        }
        pair.b.qp.send.bell(&pair.b.dev)?;
        pair.b.sent_ok()?;
        pair.a.received_ok()?;
        same_bytes("message", &pair.a.mr.read(0, BYTES as usize), &data)?;
    }
    Ok(())
}

type Change = fn(FastRegister) -> FastRegister;

fn register_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let rows: [(&str, Error, Change); 8] = [
        ("no pages", Error::PAGE_COUNT, |f| FastRegister {
            page_count: 0,
            ..f
        }),
        ("more pages than it was made for", Error::PAGE_COUNT, |f| {
            FastRegister { page_count: 9, ..f }
        }),
        ("2^32-1 pages", Error::PAGE_COUNT, |f| FastRegister {
            page_count: u32::MAX,
            ..f
        }),
        ("too long for the pages", Error::RANGE, |f| FastRegister {
            length: 4 * 4096 - 99,
            ..f
        }),
        ("wrapping", Error::WRAP, |f| FastRegister {
            base: u64::MAX - 4095 + 100 - 4096,
            length: BYTES,
            ..f
        }),
        ("length zero", Error::ZERO_LENGTH, |f| FastRegister {
            length: 0,
            ..f
        }),
        ("remote write without local", Error::RIGHT_MISSING, |f| {
            FastRegister {
                access: AccessFlags(4),
                ..f
            }
        }),
        ("remote atomic without local", Error::RIGHT_MISSING, |f| {
            FastRegister {
                access: AccessFlags(8),
                ..f
            }
        }),
    ];
    for (what, error, change) in rows {
        let mut pair = cx.pair()?;
        let f = fast(&pair.b.dev, pair.b.pd)?;
        refused(
            &mut pair,
            &Wqe::fast_register(&change(f.fields)),
            Status::WINDOW_BIND_ERROR,
            error,
        )
        .map_err(|e| e.while_doing(what))?;
    }
    let mut pair = cx.pair()?;
    let f = fast(&pair.b.dev, pair.b.pd)?;
    f.pages.list.store_u64(16, f.pages.address(8192) + 8);
    refused(
        &mut pair,
        &Wqe::fast_register(&f.fields),
        Status::WINDOW_BIND_ERROR,
        Error::NOT_ALIGNED,
    )
}

fn wrong_key<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    // Registered already.
    let mut pair = cx.pair()?;
    let f = fast(&pair.b.dev, pair.b.pd)?;
    pair.b.run(&Wqe::fast_register(&f.fields))?;
    let again = FastRegister {
        key: next(f.fields.key),
        ..f.fields
    };
    refused(
        &mut pair,
        &Wqe::fast_register(&again),
        Status::WINDOW_BIND_ERROR,
        Error::KEY_IN_USE,
    )?;
    // The first registration stands.
    check(
        again.key != f.fields.key,
        "the suite chose the same variant",
    )?;
    // Another domain.
    let mut pair = cx.pair()?;
    let other = pair.b.dev.pd()?;
    let f = fast(&pair.b.dev, other)?;
    refused(
        &mut pair,
        &Wqe::fast_register(&f.fields),
        Status::WINDOW_BIND_ERROR,
        Error::KEY_WRONG_DOMAIN,
    )?;
    // Another kind, and nothing at all.
    for use_region in [true, false] {
        let mut pair = cx.pair()?;
        let f = fast(&pair.b.dev, pair.b.pd)?;
        let key = if use_region {
            pair.b.mr.key
        } else {
            0x00FF_F100
        };
        let wqe = Wqe::fast_register(&FastRegister { key, ..f.fields });
        refused(
            &mut pair,
            &wqe,
            Status::WINDOW_BIND_ERROR,
            Error::KEY_NOT_FOUND,
        )?;
    }
    Ok(())
}

fn list_unreachable<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let f = fast(&pair.b.dev, pair.b.pd)?;
    let dev = std::rc::Rc::clone(&pair.b.dev);
    dev.platform.unmap(&f.pages.list)?;
    let outcome = refused(
        &mut pair,
        &Wqe::fast_register(&f.fields),
        Status::LOCAL_ACCESS_ERROR,
        Error::DMA_UNMAPPED,
    );
    dev.platform.map(
        &f.pages.list,
        rnic_platform::DmaAccess::DeviceReadsAndWrites,
    )?;
    outcome
}

fn local_invalidate<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let f = fast(&pair.b.dev, pair.b.pd)?;
    pair.b.run(&Wqe::fast_register(&f.fields))?;
    reaches(&mut pair, f.fields.base, f.fields.key)?;
    // An earlier read into the region is complete before the key goes.
    let segment = Segment {
        address: f.fields.base,
        length: BYTES,
        key: f.fields.key,
    };
    let data = pattern(BYTES as usize, 4);
    pair.a.mr.write(0, &data);
    let read = Wqe::new(WorkOpcode::READ)
        .remote(pair.a.mr.va(0), pair.a.mr.key)
        .segment(segment);
    pair.b.qp.send.post(&read.bytes);
    pair.b
        .qp
        .send
        .post(&Wqe::local_invalidate(f.fields.key).bytes);
    pair.b.qp.send.bell(&pair.b.dev)?;
    pair.b.sent_ok()?;
    let c = pair.b.sent_ok()?;
    equal("opcode", c.opcode(), WorkOpcode::LOCAL_INVALIDATE)?;
    same_bytes(
        "data of the read",
        &f.pages.read(100, BYTES as usize),
        &data,
    )?;
    fails(&mut pair, f.fields.base, f.fields.key)?;
    same_bytes("memory of a FREE region", &f.pages.read(100, 8), &data[..8])
}

fn local_invalidate_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    /// The key to invalidate, of a region's and a fast-register region's.
    type Choose = fn(u32, u32) -> u32;
    let rows: [(&str, Error, Choose); 4] = [
        (
            "a region made by COMMIT_MR",
            Error::INVALIDATE_REFUSED,
            |region, _| region,
        ),
        ("no such key", Error::KEY_NOT_FOUND, |_, _| 0x00FF_F100),
        ("another variant", Error::KEY_STALE, |_, fast| next(fast)),
        ("a FREE key", Error::KEY_FREE, |_, fast| fast),
    ];
    for (what, error, key) in rows {
        let mut pair = cx.pair()?;
        let f = fast(&pair.b.dev, pair.b.pd)?;
        if error == Error::KEY_STALE {
            pair.b.run(&Wqe::fast_register(&f.fields))?;
        }
        let key = key(pair.b.mr.key, f.fields.key);
        refused(
            &mut pair,
            &Wqe::local_invalidate(key),
            Status::LOCAL_OPERATION_ERROR,
            error,
        )
        .map_err(|e| e.while_doing(what))?;
    }
    // Through a queue pair of another domain.
    let mut pair = cx.pair()?;
    let other = pair.b.dev.pd()?;
    let f = fast(&pair.b.dev, other)?;
    let segment = f.fields.key;
    refused(
        &mut pair,
        &Wqe::local_invalidate(segment),
        Status::LOCAL_OPERATION_ERROR,
        Error::KEY_WRONG_DOMAIN,
    )
}

fn send_invalidate<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut f = fast(&pair.b.dev, pair.b.pd)?;
    for _ in 0..4 {
        f.fields.key = next(f.fields.key);
        pair.b.run(&Wqe::fast_register(&f.fields))?;
        reaches(&mut pair, f.fields.base, f.fields.key)?;
        pair.b.recv(3, 0, 64)?;
        pair.a.run(
            &Wqe::new(WorkOpcode::SEND_INVALIDATE)
                .invalidate(f.fields.key)
                .inline(b"done"),
        )?;
        let c = pair.b.received_ok()?;
        equal("opcode", c.opcode(), WorkOpcode::SEND_INVALIDATE)?;
        check(
            c.flags().invalidated() && !c.flags().immediate(),
            "flag invalidated",
        )?;
        equal("key of the completion", c.immediate.get(), f.fields.key)?;
        equal("byte_count", c.byte_count.get(), 4)?;
    }
    fails(&mut pair, f.fields.base, f.fields.key)
}

fn send_invalidate_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for which in 0..3 {
        let mut pair = cx.pair()?;
        let f = fast(&pair.b.dev, pair.b.pd)?;
        let key = match which {
            0 => pair.b.mr.key,
            1 => f.fields.key,
            _ => 0x00FF_F100,
        };
        pair.b.recv(3, 0, 64)?;
        pair.a.post(
            &Wqe::new(WorkOpcode::SEND_INVALIDATE)
                .invalidate(key)
                .inline(b"done"),
        )?;
        let c = pair
            .b
            .received(Status::LOCAL_OPERATION_ERROR, Error::INVALIDATE_REFUSED)?;
        equal("context", c.context.get(), 3)?;
        pair.b.in_error()?;
        let c = pair.a.scq.next(&pair.a.dev)?;
        check(
            [Status::REMOTE_OPERATION_ERROR, Status::RETRY_EXCEEDED].contains(&c.status()),
            format_args!(
                "the sender of a refused invalidate completed with {}",
                c.status()
            ),
        )?;
    }
    Ok(())
}

fn read_invalidate<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let f = fast(&pair.b.dev, pair.b.pd)?;
    pair.b.run(&Wqe::fast_register(&f.fields))?;
    let data = pattern(BYTES as usize, 6);
    pair.a.mr.write(0, &data);
    let segment = Segment {
        address: f.fields.base,
        length: BYTES,
        key: f.fields.key,
    };
    let read = Wqe::new(WorkOpcode::READ_INVALIDATE)
        .remote(pair.a.mr.va(0), pair.a.mr.key)
        .segment(segment);
    let c = pair.b.run(&read)?;
    equal("opcode", c.opcode(), WorkOpcode::READ_INVALIDATE)?;
    same_bytes("data", &f.pages.read(100, BYTES as usize), &data)?;
    // FREE again: registered anew without an invalidate.
    let again = FastRegister {
        key: next(f.fields.key),
        ..f.fields
    };
    pair.b.run(&Wqe::fast_register(&again))?;
    fails(&mut pair, f.fields.base, f.fields.key)
}

fn read_invalidate_failure<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let f = fast(&pair.b.dev, pair.b.pd)?;
    pair.b.run(&Wqe::fast_register(&f.fields))?;
    let segment = Segment {
        address: f.fields.base,
        length: 64,
        key: f.fields.key,
    };
    let read = Wqe::new(WorkOpcode::READ_INVALIDATE)
        .remote(0x10, 0x00FF_F100)
        .segment(segment);
    pair.b.post(&read)?;
    pair.b
        .sent(Status::REMOTE_ACCESS_ERROR, Error::PEER_ACCESS)?;
    // The key is still VALID: another queue pair of the domain can use it.
    let shape = crate::rig::QpShape::default();
    let (a, b) = (pair.a.another_qp(shape)?, pair.b.another_qp(shape)?);
    pair.connect_more(&a, &b, crate::rig::pair::Attributes::default())?;
    (pair.a.qp, pair.b.qp) = (a, b);
    while pair.a.scq.poll()?.is_some() {}
    reaches(&mut pair, f.fields.base, f.fields.key)
}

fn largest<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair: Pair<'_, P> = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.b.dev);
    let pages = dev.limit("fast_register_pages")?.min(2048) as usize;
    let memory = Pages::new(dev.machine(), pages * 4096)?;
    let key = dev.fast_region(pair.b.pd, pages as u32)?;
    let fields = FastRegister {
        base: dev.take_va(pages * 4096),
        page_list: memory.list.iova(),
        length: (pages * 4096) as u32,
        page_count: pages as u32,
        key,
        access: ALL_RIGHTS,
    };
    pair.b.run(&Wqe::fast_register(&fields))?;
    for page in [0, pages / 2, pages - 1] {
        reaches(&mut pair, fields.base + page as u64 * 4096, key)?;
        same_bytes(
            "page of a large registration",
            &memory.read(page * 4096, 8),
            b"reaches!",
        )?;
    }
    fails(&mut pair, fields.base + pages as u64 * 4096 - 4, key)
}
