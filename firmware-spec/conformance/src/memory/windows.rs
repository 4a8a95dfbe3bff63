//! Memory windows of both types.

use rnic_abi::{
    AccessFlags, CompletionStatus as Status, MwType, Opcode, ProviderError as Error, QpState,
    SyndromeReason, WorkOpcode, feature,
};
use rnic_platform::TestPlatform;

use super::{fails, reaches, refused};
use crate::failure::{Outcome, equal, same_bytes};
use crate::request::Request;
use crate::rig::commands::{ALL_RIGHTS, REMOTE_ATOMIC, REMOTE_READ, REMOTE_WRITE, WINDOW_BIND};
use crate::rig::entry::Bind;
use crate::rig::memory::Segment;
use crate::rig::pair::Attributes;
use crate::rig::{Pair, QpShape, Wqe};
use crate::{Context, List, N, ends};

const NEED: crate::Needs = N.features(feature::MEMORY_WINDOWS);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "window.type_2",
        &["MEM-19", "MEM-20", "MEM-22", "QP-35"],
        NEED,
        type_2
    );
    ends!(list, "window.type_1", &["MEM-20", "MEM-22"], NEED, type_1);
    ends!(
        list,
        "window.refused",
        &["MEM-21", "ERR-4", "ERR-6"],
        NEED,
        bind_refused
    );
    ends!(list, "window.bind_in_use", &["MEM-21"], NEED, in_use);
    ends!(
        list,
        "window.rights",
        &["MEM-20", "MEM-23", "MEM-15"],
        NEED,
        rights
    );
    ends!(
        list,
        "window.through_another_queue_pair",
        &["MEM-22"],
        NEED,
        other_qp
    );
    ends!(
        list,
        "window.gone_with_its_queue_pair",
        &["MEM-22"],
        NEED,
        gone_with_qp
    );
    ends!(
        list,
        "window.invalidated_by_peer",
        &["MEM-17", "QP-23"],
        NEED,
        invalidated
    );
    ends!(
        list,
        "window.invalidate_refused",
        &["MEM-17"],
        NEED,
        invalidate_refused
    );
    ends!(
        list,
        "window.keeps_its_region",
        &["MEM-16", "MEM-19"],
        NEED,
        keeps_region
    );
    ends!(list, "window.not_local", &["MEM-24"], NEED, not_local);
    ends!(
        list,
        "window.destroyed_while_bound",
        &["MEM-19"],
        NEED,
        destroyed
    );
}

fn bind<P: TestPlatform>(pair: &Pair<'_, P>, window_key: u32) -> Bind {
    Bind {
        address: pair.b.mr.va(4000),
        length: 1000,
        window_key,
        region_key: pair.b.mr.key,
        access: AccessFlags(REMOTE_READ.0 | REMOTE_WRITE.0),
    }
}

const fn next(key: u32) -> u32 {
    key & !0xFF | key.wrapping_add(1) & 0xFF
}

#[track_caller]
fn window<P: TestPlatform>(pair: &Pair<'_, P>, mw_type: MwType) -> Outcome<u32> {
    pair.b.dev.window(pair.b.pd, mw_type)
}

fn type_2<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut key = window(&pair, MwType::TYPE_2)?;
    for _ in 0..4 {
        key = next(key);
        let b = bind(&pair, key);
        let c = pair.b.run(&Wqe::bind(&b))?;
        equal("opcode", c.opcode(), WorkOpcode::BIND)?;
        // Addresses in a window are those of the region; both of its ends are reached.
        pair.b.mr.write(3990, &[0; 1100]);
        reaches(&mut pair, b.address, key)?;
        reaches(&mut pair, b.address + 992, key)?;
        same_bytes(
            "first bytes of the window",
            &pair.b.mr.read(4000, 8),
            b"reaches!",
        )?;
        same_bytes(
            "last bytes of the window",
            &pair.b.mr.read(4992, 8),
            b"reaches!",
        )?;
        pair.b.run(&Wqe::local_invalidate(key))?;
    }
    key = next(key);
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    fails(&mut pair, b.address + 993, key)?;
    same_bytes("byte behind the window", &pair.b.mr.read(5000, 1), &[0])
}

fn type_1<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let mut key = window(&pair, MwType::TYPE_1)?;
    // Bound again and again, in any state.
    for offset in [0, 100, 9000] {
        key = next(key);
        let b = Bind {
            address: pair.b.mr.va(offset),
            ..bind(&pair, key)
        };
        pair.b.run(&Wqe::bind(&b))?;
        reaches(&mut pair, b.address, key)?;
        same_bytes("window", &pair.b.mr.read(offset, 8), b"reaches!")?;
    }
    // Another queue pair of the domain may use it.
    let shape = QpShape::default();
    let (a2, b2) = (pair.a.another_qp(shape)?, pair.b.another_qp(shape)?);
    pair.connect_more(&a2, &b2, Attributes::default())?;
    let b1 = std::mem::replace(&mut pair.b.qp, b2);
    let a1 = std::mem::replace(&mut pair.a.qp, a2);
    let at = pair.b.mr.va(9000);
    reaches(&mut pair, at, key)?;
    (pair.a.qp, pair.b.qp) = (a1, b1);
    // Length zero unbinds it.
    let unbind = Bind {
        length: 0,
        ..bind(&pair, next(key))
    };
    pair.b.run(&Wqe::bind(&unbind))?;
    fails(&mut pair, at, key)
}

type Change = fn(Bind) -> Bind;

fn bind_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let rows: [(&str, Error, Change); 9] = [
        ("no such region", Error::KEY_NOT_FOUND, |b| Bind {
            region_key: 0x00FF_F100,
            ..b
        }),
        ("another variant of the region", Error::KEY_STALE, |b| {
            Bind {
                region_key: b.region_key ^ 1,
                ..b
            }
        }),
        ("before the region", Error::RANGE, |b| Bind {
            address: b.address - 4001,
            ..b
        }),
        ("behind the region", Error::RANGE, |b| Bind {
            length: 65536,
            ..b
        }),
        ("wrapping", Error::WRAP, |b| Bind {
            address: u64::MAX - 10,
            ..b
        }),
        ("a length that wraps", Error::WRAP, |b| Bind {
            length: u64::MAX,
            ..b
        }),
        ("length zero", Error::ZERO_LENGTH, |b| Bind {
            length: 0,
            ..b
        }),
        ("no such window", Error::KEY_NOT_FOUND, |b| Bind {
            window_key: 0x00FF_F200,
            ..b
        }),
        ("a region for a window", Error::KEY_NOT_FOUND, |b| Bind {
            window_key: b.region_key,
            ..b
        }),
    ];
    for (what, error, change) in rows {
        let mut pair = cx.pair()?;
        let key = window(&pair, MwType::TYPE_2)?;
        let b = change(bind(&pair, key));
        refused(&mut pair, &Wqe::bind(&b), Status::WINDOW_BIND_ERROR, error)
            .map_err(|e| e.while_doing(what))?;
    }
    // A region that is FREE, of another domain, or without the right.
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let region_key = pair.b.dev.fast_region(pair.b.pd, 4)?;
    let b = Bind {
        region_key,
        ..bind(&pair, key)
    };
    refused(
        &mut pair,
        &Wqe::bind(&b),
        Status::WINDOW_BIND_ERROR,
        Error::KEY_FREE,
    )?;
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let other = pair.b.dev.pd()?;
    let region = pair.b.dev.region(other, 8192, ALL_RIGHTS)?;
    let b = Bind {
        address: region.va(0),
        region_key: region.key,
        ..bind(&pair, key)
    };
    refused(
        &mut pair,
        &Wqe::bind(&b),
        Status::WINDOW_BIND_ERROR,
        Error::KEY_WRONG_DOMAIN,
    )?;
    for (region, window_access) in [
        (ALL_RIGHTS.0 & !WINDOW_BIND.0, REMOTE_READ),
        (WINDOW_BIND.0 | REMOTE_READ.0, REMOTE_WRITE),
        (WINDOW_BIND.0 | REMOTE_READ.0, REMOTE_ATOMIC),
    ] {
        let mut pair = cx.pair()?;
        let key = window(&pair, MwType::TYPE_2)?;
        let region = pair.b.dev.region(pair.b.pd, 8192, AccessFlags(region))?;
        let b = Bind {
            address: region.va(0),
            region_key: region.key,
            access: window_access,
            ..bind(&pair, key)
        };
        refused(
            &mut pair,
            &Wqe::bind(&b),
            Status::WINDOW_BIND_ERROR,
            Error::RIGHT_MISSING,
        )?;
    }
    Ok(())
}

fn in_use<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    let again = Bind {
        window_key: next(key),
        ..b
    };
    refused(
        &mut pair,
        &Wqe::bind(&again),
        Status::WINDOW_BIND_ERROR,
        Error::KEY_IN_USE,
    )
}

fn rights<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    // A window without the right to write.
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = Bind {
        access: REMOTE_READ,
        ..bind(&pair, key)
    };
    pair.b.run(&Wqe::bind(&b))?;
    let read = Wqe::new(WorkOpcode::READ)
        .remote(b.address, key)
        .segment(pair.a.mr.segment(0, 8));
    pair.a.run(&read)?;
    fails(&mut pair, b.address, key)?;
    // A window over a region without remote rights of its own is what windows are for.
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let region = pair
        .b
        .dev
        .region(pair.b.pd, 8192, AccessFlags(1 | WINDOW_BIND.0))?;
    let b = Bind {
        address: region.va(0),
        region_key: region.key,
        ..bind(&pair, key)
    };
    pair.b.run(&Wqe::bind(&b))?;
    reaches(&mut pair, b.address, key)
}

fn other_qp<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    let shape = QpShape::default();
    let (a2, b2) = (pair.a.another_qp(shape)?, pair.b.another_qp(shape)?);
    pair.connect_more(&a2, &b2, Attributes::default())?;
    pair.a.qp = a2;
    pair.b.qp = b2;
    // Invalidated through another queue pair: refused.
    fails(&mut pair, b.address, key)?;
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    let (a2, b2) = (pair.a.another_qp(shape)?, pair.b.another_qp(shape)?);
    pair.connect_more(&a2, &b2, Attributes::default())?;
    pair.b.qp = b2;
    refused(
        &mut pair,
        &Wqe::local_invalidate(key),
        Status::LOCAL_OPERATION_ERROR,
        Error::KEY_WRONG_QP,
    )
}

fn gone_with_qp<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for destroy in [true, false] {
        let mut pair = cx.pair()?;
        let key = window(&pair, MwType::TYPE_2)?;
        let b = bind(&pair, key);
        pair.b.run(&Wqe::bind(&b))?;
        if destroy {
            pair.b.dev.ok(&pair.b.qp.destroy())?;
        } else {
            pair.b.qp.go(&pair.b.dev, QpState::RESET)?;
        }
        // FREE: another queue pair binds it, and the region can be destroyed afterwards.
        let shape = QpShape::default();
        let (a2, b2) = (pair.a.another_qp(shape)?, pair.b.another_qp(shape)?);
        pair.connect_more(&a2, &b2, Attributes::default())?;
        (pair.a.qp, pair.b.qp) = (a2, b2);
        let again = Bind {
            window_key: next(key),
            ..b
        };
        pair.b.run(&Wqe::bind(&again))?;
        reaches(&mut pair, b.address, again.window_key)?;
    }
    Ok(())
}

fn invalidated<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    pair.b.recv(1, 0, 64)?;
    pair.a.run(
        &Wqe::new(WorkOpcode::SEND_INVALIDATE)
            .invalidate(key)
            .inline(b"x"),
    )?;
    equal("key", pair.b.received_ok()?.immediate.get(), key)?;
    fails(&mut pair, b.address, key)
}

fn invalidate_refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    // A type 1 window is not invalidated.
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_1)?;
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    refused(
        &mut pair,
        &Wqe::local_invalidate(key),
        Status::LOCAL_OPERATION_ERROR,
        Error::INVALIDATE_REFUSED,
    )?;
    // A type 2 window that is FREE.
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    refused(
        &mut pair,
        &Wqe::local_invalidate(key),
        Status::LOCAL_OPERATION_ERROR,
        Error::KEY_FREE,
    )?;
    // A fast-register region with a bound window.
    let mut pair = cx.pair()?;
    let pages = crate::rig::Pages::new(pair.b.dev.machine(), 8192)?;
    let fast_key = pair.b.dev.fast_region(pair.b.pd, 2)?;
    use rnic_platform::DmaBuffer;
    let fields = crate::rig::entry::FastRegister {
        base: pair.b.dev.take_va(8192),
        page_list: pages.list.iova(),
        length: 8192,
        page_count: 2,
        key: fast_key,
        access: ALL_RIGHTS,
    };
    pair.b.run(&Wqe::fast_register(&fields))?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = Bind {
        address: fields.base,
        region_key: fast_key,
        ..bind(&pair, key)
    };
    pair.b.run(&Wqe::bind(&b))?;
    refused(
        &mut pair,
        &Wqe::local_invalidate(fast_key),
        Status::LOCAL_OPERATION_ERROR,
        Error::KEY_BOUND,
    )
}

fn keeps_region<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_1)?;
    let region = pair.b.dev.region(pair.b.pd, 8192, ALL_RIGHTS)?;
    let b = Bind {
        address: region.va(0),
        region_key: region.key,
        ..bind(&pair, key)
    };
    pair.b.run(&Wqe::bind(&b))?;
    let destroy = Request::new(Opcode::DESTROY_MR).set("key", region.key);
    pair.b.dev.refused(
        &destroy,
        rnic_abi::Status::BUSY,
        "key",
        SyndromeReason::IN_USE,
    )?;
    reaches(&mut pair, b.address, key)?;
    pair.b
        .dev
        .ok(&Request::new(Opcode::DESTROY_MW).set("key", key))?;
    pair.b.dev.ok(&destroy).map(drop)
}

fn not_local<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    let segment = Segment {
        address: b.address,
        length: 8,
        key,
    };
    refused(
        &mut pair,
        &Wqe::new(WorkOpcode::SEND).segment(segment),
        Status::LOCAL_PROTECTION_ERROR,
        Error::RIGHT_MISSING,
    )
}

fn destroyed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let key = window(&pair, MwType::TYPE_2)?;
    let b = bind(&pair, key);
    pair.b.run(&Wqe::bind(&b))?;
    pair.b
        .dev
        .ok(&Request::new(Opcode::DESTROY_MW).set("key", key))?;
    fails(&mut pair, b.address, key)
}
