//! Keys and regions made by commands.

use std::collections::VecDeque;

use rnic_abi::{CompletionStatus as Status, MwType, ProviderError as Error, WorkOpcode, feature};
use rnic_platform::TestPlatform;

use super::{fails, reaches, refused};
use crate::failure::{Outcome, check, equal, same_bytes};
use crate::request::Request;
use crate::rig::commands::{ALL_RIGHTS, LOCAL_WRITE};
use crate::rig::entry::{Bind, FastRegister};
use crate::rig::memory::{Segment, pattern};
use crate::rig::{Pages, Wqe};
use crate::{Capability, Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("keys.variants", &["MEM-2", "MEM-4"], N, variants);
    list.add("keys.reuse_distance", &["MEM-4"], N, reuse_distance);
    ends!(
        list,
        "keys.not_before_commit",
        &["MEM-7", "MEM-5"],
        N,
        not_before_commit
    );
    ends!(list, "keys.chunks", &["MEM-7", "MEM-10"], N, chunks);
    ends!(
        list,
        "keys.destroyed_region",
        &["MEM-16", "MEM-3"],
        N,
        destroyed
    );
    ends!(
        list,
        "keys.recreated_region",
        &["MEM-3", "MEM-4"],
        N,
        recreated
    );
    ends!(
        list,
        "keys.privileged",
        &["MEM-6"],
        N.features(feature::PRIVILEGED_KEYS),
        privileged
    );
    ends!(
        list,
        "keys.privileged_refused",
        &["MEM-6", "MEM-17", "MEM-13", "ERR-6"],
        N.features(feature::PRIVILEGED_KEYS),
        privileged_refused
    );
    ends!(
        list,
        "keys.unmapped_then_mapped",
        &["MEM-26"],
        N.capability(Capability::Remap),
        remapped
    );
    ends!(
        list,
        "keys.top_of_the_address_space",
        &["MEM-14", "MEM-8"],
        N,
        top
    );
}

fn variants<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let mut last = std::collections::HashMap::new();
    for round in 0..600 {
        let key = if round % 2 == 0 || !device.has(feature::MEMORY_WINDOWS) {
            device.fast_region(pd, 1)?
        } else {
            device.window(pd, MwType::TYPE_1)?
        };
        let (index, variant) = (key >> 8, key & 0xFF);
        check(index != 0, "a key has index 0")?;
        if let Some(before) = last.insert(index, variant) {
            check(
                before != variant,
                format_args!("index {index:#x} came back with the same variant {variant:#x}"),
            )?;
        }
        let code = if round % 2 == 0 || !device.has(feature::MEMORY_WINDOWS) {
            rnic_abi::Opcode::DESTROY_MR
        } else {
            rnic_abi::Opcode::DESTROY_MW
        };
        device.ok(&Request::new(code).set("key", key))?;
    }
    Ok(())
}

fn reuse_distance<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let distance = device.limit("key_reuse_distance")? as usize;
    let tables = device.limit("mrs")? as usize;
    // At least this many indices are free, so the distance holds.
    let distance = distance.min(tables / 2);
    let mut freed = VecDeque::new();
    for _ in 0..distance + 64 {
        let key = device.fast_region(pd, 1)?;
        if let Some(ago) = freed.iter().rev().position(|k: &u32| k >> 8 == key >> 8) {
            return crate::failure::fail(format_args!(
                "index {:#x} was given out again after {ago} others were freed, {distance} are promised",
                key >> 8
            ));
        }
        device.destroy_mr(key)?;
        freed.push_back(key);
        if freed.len() > distance {
            freed.pop_front();
        }
    }
    Ok(())
}

fn not_before_commit<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.b.dev);
    let pages = Pages::new(dev.machine(), 4096)?;
    let begin = dev.begin_mr(pair.b.pd, 4096, ALL_RIGHTS);
    let key = dev.ok(&begin)?.get32("key");
    dev.ok(&dev.add_pages(key, &pages))?;
    let segment = Segment {
        address: begin.get("base"),
        length: 8,
        key,
    };
    refused(
        &mut pair,
        &Wqe::new(WorkOpcode::SEND).segment(segment),
        Status::LOCAL_PROTECTION_ERROR,
        Error::KEY_FREE,
    )?;
    dev.ok(&Request::new(rnic_abi::Opcode::COMMIT_MR).set("key", key))?;
    let mut pair2 = cx.pair()?;
    pair2.alive()
}

fn chunks<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.b.dev);
    let pages = Pages::new(dev.machine(), 5 * 4096)?;
    let begin = dev.begin_mr(pair.b.pd, 5 * 4096, ALL_RIGHTS);
    let key = dev.ok(&begin)?.get32("key");
    use rnic_platform::DmaBuffer;
    // One list, used for each page in turn: it is copied by the command.
    let list = dev.alloc(8)?;
    for page in 0..5_u32 {
        list.store_u64(0, pages.address(page as usize * 4096));
        let add = Request::new(rnic_abi::Opcode::ADD_MR_PAGES)
            .set("key", key)
            .set("first", page)
            .set("count", 1)
            .set("list", list.iova());
        dev.ok(&add)?;
    }
    dev.ok(&Request::new(rnic_abi::Opcode::COMMIT_MR).set("key", key))?;
    let data = pattern(5 * 4096, 5);
    pair.a.mr.write(0, &data);
    let wqe = Wqe::new(WorkOpcode::WRITE)
        .remote(begin.get("base"), key)
        .segment(pair.a.mr.segment(0, 5 * 4096));
    pair.a.run(&wqe)?;
    same_bytes(
        "a region given page by page",
        &pages.read(0, 5 * 4096),
        &data,
    )
}

fn destroyed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let region = pair.b.dev.region(pair.b.pd, 8192, ALL_RIGHTS)?;
    reaches(&mut pair, region.va(0), region.key)?;
    pair.b.dev.destroy_mr(region.key)?;
    region.write(0, &[0; 16]);
    fails(&mut pair, region.va(0), region.key)?;
    same_bytes(
        "memory of a destroyed region",
        &region.read(0, 16),
        &[0; 16],
    )?;
    let mut pair = cx.pair()?;
    let region = pair.b.dev.region(pair.b.pd, 8192, ALL_RIGHTS)?;
    // DESTROY_MR takes any variant of the index.
    pair.b.dev.destroy_mr(region.key ^ 0x55)?;
    refused(
        &mut pair,
        &Wqe::new(WorkOpcode::SEND).segment(region.segment(0, 8)),
        Status::LOCAL_PROTECTION_ERROR,
        Error::KEY_NOT_FOUND,
    )
}

fn recreated<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.b.dev);
    let first = dev.region(pair.b.pd, 4096, ALL_RIGHTS)?;
    dev.destroy_mr(first.key)?;
    let second = dev.region(pair.b.pd, 4096, ALL_RIGHTS)?;
    check(
        first.key != second.key,
        "a new region has the key of the old one",
    )?;
    reaches(&mut pair, second.va(0), second.key)?;
    fails(&mut pair, second.va(0), first.key)
}

fn privileged<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends()?;
    let dev = std::rc::Rc::clone(&pair.a.dev);
    let (pd, key) = dev.privileged_pd()?;
    check(
        key != 0 && key >> 8 != 0,
        format_args!("the privileged key is {key:#x}"),
    )?;
    let region = dev.region(pd, 4096, LOCAL_WRITE)?;
    check(region.key != key, "a region has the privileged key")?;
    pair.a.qp = crate::rig::Qp::new(
        &dev,
        pd,
        (pair.a.scq.cqn, pair.a.rcq.cqn),
        crate::rig::QpShape::default(),
    )?;
    pair.connect(crate::rig::pair::Attributes::default())?;
    use rnic_platform::DmaBuffer;
    let memory = dev.alloc(8192)?;
    let data = pattern(5000, 8);
    memory.write(100, &data);
    let segment = |at: u64, length| Segment {
        address: memory.iova() + at,
        length,
        key,
    };
    pair.b.recv(1, 0, 8192)?;
    pair.a
        .run(&Wqe::new(WorkOpcode::SEND).segment(segment(100, 5000)))?;
    pair.b.received_ok()?;
    same_bytes(
        "message from DMA addresses",
        &pair.b.mr.read(0, 5000),
        &data,
    )?;
    pair.b.mr.write(0, &pattern(64, 9));
    pair.a.qp.post_recv(&dev, 2, &[segment(64, 64)])?;
    pair.b
        .run(&Wqe::new(WorkOpcode::SEND).segment(pair.b.mr.segment(0, 64)))?;
    pair.a.received_ok()?;
    let mut got = [0; 64];
    memory.read(64, &mut got);
    same_bytes("message to DMA addresses", &got, &pattern(64, 9))?;
    // With its domain it goes.
    let read = Wqe::new(WorkOpcode::READ)
        .remote(pair.b.mr.va(0), pair.b.mr.key)
        .segment(segment(0, 8));
    pair.a.run(&read)?;
    equal("completions left", pair.a.scq.poll()?.is_none(), true)
}

fn privileged_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    // For peers.
    let mut pair = cx.pair()?;
    let (_, key) = pair.b.dev.privileged_pd()?;
    let address = {
        use rnic_platform::DmaBuffer;
        pair.b.mr.pages.buffer.iova()
    };
    fails(&mut pair, address, key)?;
    // Through a queue pair of another domain.
    let mut pair = cx.pair()?;
    let (_, key) = pair.b.dev.privileged_pd()?;
    let segment = Segment {
        address,
        length: 8,
        key,
    };
    pair.b.post(&Wqe::new(WorkOpcode::SEND).segment(segment))?;
    let c = pair.b.scq.next(&pair.b.dev)?;
    equal(
        "status of the privileged key of another domain",
        c.status(),
        Status::LOCAL_PROTECTION_ERROR,
    )?;
    // Invalidated, registered, bound.
    let mut pair = cx.pair()?;
    let (_, key) = pair.b.dev.privileged_pd()?;
    refused(
        &mut pair,
        &Wqe::local_invalidate(key),
        Status::LOCAL_OPERATION_ERROR,
        Error::KEY_PRIVILEGED,
    )?;
    let mut pair = cx.pair()?;
    let (_, key) = pair.b.dev.privileged_pd()?;
    let list = {
        use rnic_platform::DmaBuffer;
        pair.b.mr.pages.list.iova()
    };
    let wqe = Wqe::fast_register(&FastRegister {
        base: 0x1000,
        page_list: list,
        length: 4096,
        page_count: 1,
        key,
        access: LOCAL_WRITE,
    });
    refused(
        &mut pair,
        &wqe,
        Status::WINDOW_BIND_ERROR,
        Error::KEY_PRIVILEGED,
    )?;
    if cx.offered() & feature::MEMORY_WINDOWS != 0 {
        let mut pair = cx.pair()?;
        let (_, key) = pair.b.dev.privileged_pd()?;
        let window_key = pair.b.dev.window(pair.b.pd, MwType::TYPE_2)?;
        let bind = Bind {
            address,
            length: 64,
            window_key,
            region_key: key,
            access: crate::rig::commands::REMOTE_READ,
        };
        refused(
            &mut pair,
            &Wqe::bind(&bind),
            Status::WINDOW_BIND_ERROR,
            Error::KEY_PRIVILEGED,
        )?;
    }
    Ok(())
}

fn remapped<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let region = pair.b.dev.region(pair.b.pd, 8192, ALL_RIGHTS)?;
    for _ in 0..4 {
        reaches(&mut pair, region.va(0), region.key)?;
        let dev = &pair.b.dev;
        dev.platform.unmap(&region.pages.buffer)?;
        dev.platform.map(
            &region.pages.buffer,
            rnic_platform::DmaAccess::DeviceReadsAndWrites,
        )?;
    }
    same_bytes("data after mapping again", &region.read(0, 8), b"reaches!")
}

/// A region whose last byte is the last of the address space.
fn top<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let dev = std::rc::Rc::clone(&pair.b.dev);
    let pages = Pages::new(dev.machine(), 8192)?;
    let base = u64::MAX - 8191;
    let begin = dev.begin_mr(pair.b.pd, 8192, ALL_RIGHTS).set("base", base);
    let key = dev.ok(&begin)?.get32("key");
    dev.ok(&dev.add_pages(key, &pages))?;
    dev.ok(&Request::new(rnic_abi::Opcode::COMMIT_MR).set("key", key))?;
    reaches(&mut pair, u64::MAX - 7, key)?;
    same_bytes("the last 8 bytes", &pages.read(8184, 8), b"reaches!")?;
    fails(&mut pair, u64::MAX - 6, key)
}
