//! Handles that name nothing, were destroyed, are of another kind, or are still in use; tables that are full.

use rnic_abi::{EqKind, MwType, Opcode, Status, SyndromeReason as Reason, feature};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, check};
use crate::request::Request;
use crate::rig::commands::ALL_RIGHTS;
use crate::rig::{Cq, Eq, Qp, QpShape, Ring, Srq};
use crate::{Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add(
        "commands.unknown_handles",
        &["CMD-21", "CONV-9", "ERR-3", "CONV-12"],
        N,
        unknown,
    );
    list.add(
        "commands.destroyed_handles",
        &["CMD-21", "ERR-3", "CONV-12"],
        N,
        destroyed,
    );
    list.add("commands.wrong_kind", &["CMD-21", "CQ-1"], N, wrong_kind);
    list.add(
        "commands.busy",
        &["MEM-1", "QP-1", "CQ-1", "EQ-1", "ERR-3"],
        N,
        busy,
    );
    list.add(
        "commands.busy_srq",
        &["SRQ-1", "QP-1"],
        N.features(feature::SRQ),
        busy_srq,
    );
    list.add(
        "commands.table_full",
        &["CMD-19", "CONV-8", "ERR-3"],
        N,
        table_full,
    );
    list.add(
        "commands.page_quota",
        &["CMD-19", "MEM-8", "MEM-11"],
        N,
        page_quota,
    );
    list.add(
        "commands.handles_are_not_zero",
        &["CONV-9", "MEM-2"],
        N,
        not_zero,
    );
}

const BAD: [u32; 4] = [0, 0x00AB_CDEF, 0x8000_0000, 0xFFFF_FFFF];

fn unknown<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let rows: [(Opcode, &str); 28] = [
        (Opcode::DESTROY_PD, "pd"),
        (Opcode::COMMIT_MR, "key"),
        (Opcode::DESTROY_MR, "key"),
        (Opcode::DESTROY_MW, "key"),
        (Opcode::DESTROY_EQ, "eqn"),
        (Opcode::DESTROY_CQ, "cqn"),
        (Opcode::MODERATE_CQ, "cqn"),
        (Opcode::MODIFY_SRQ, "srqn"),
        (Opcode::DESTROY_SRQ, "srqn"),
        (Opcode::QUERY_QP, "qpn"),
        (Opcode::FLUSH_QP, "qpn"),
        (Opcode::MODIFY_QP, "qpn"),
        (Opcode::DESTROY_QP, "qpn"),
        (Opcode::RELEASE_ENDPOINT, "endpoint"),
        (Opcode::LISTEN, "endpoint"),
        (Opcode::PAUSE_LISTENER, "listener"),
        (Opcode::DESTROY_LISTENER, "listener"),
        (Opcode::COMPLETE_CONNECT, "connection"),
        (Opcode::REJECT_CONNECTION, "connection"),
        (Opcode::DISCONNECT, "connection"),
        (Opcode::RELEASE_CONNECTION, "connection"),
        (Opcode::ACCEPT, "connection"),
        (Opcode::CREATE_MW, "pd"),
        (Opcode::CREATE_FAST_MR, "pd"),
        (Opcode::BEGIN_MR, "pd"),
        (Opcode::CREATE_CQ, "eqn"),
        (Opcode::CREATE_QP, "pd"),
        (Opcode::CREATE_SRQ, "pd"),
    ];
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    for (code, field) in rows {
        let info = crate::request::command(code);
        if info.feature.is_some_and(|f| !device.has(f)) {
            continue;
        }
        let shape = QpShape::default();
        let request = match code {
            Opcode::FLUSH_QP => Request::new(code).set("flags.send", 1),
            Opcode::LISTEN => Request::new(code).set("backlog", 1),
            Opcode::CREATE_MW => Request::new(code).set("mw_type", MwType::TYPE_1),
            Opcode::CREATE_FAST_MR => Request::new(code).set("max_pages", 1),
            Opcode::BEGIN_MR => device.begin_mr(pd, 4096, ALL_RIGHTS),
            Opcode::CREATE_CQ => Cq::request(0, &Ring::new(&device, 4, 6)?, 0),
            Opcode::CREATE_QP => {
                crate::rig::qp::QpRings::new(&device, shape)?.request(pd, (cq.cqn, cq.cqn), shape)
            }
            Opcode::CREATE_SRQ => {
                use rnic_platform::DmaBuffer;
                Srq::request(pd, 1, &Ring::new(&device, 4, 6)?, device.alloc(8)?.iova())
            }
            Opcode::MODERATE_CQ => Request::new(code).set("count", 1),
            Opcode::MODIFY_QP => Request::new(code)
                .set("mask.state", 1)
                .set("state", rnic_abi::QpState::ERROR),
            _ => Request::new(code),
        };
        for handle in BAD {
            let request = request.clone().set(field, handle);
            device.refused(&request, Status::NO_SUCH_OBJECT, field, Reason::NOT_FOUND)?;
        }
    }
    // The other handles of CREATE_QP.
    let shape = QpShape::default();
    let good = crate::rig::qp::QpRings::new(&device, shape)?.request(pd, (cq.cqn, cq.cqn), shape);
    for field in ["send_cqn", "recv_cqn"] {
        for handle in BAD {
            let request = good.clone().set(field, handle);
            device.refused(&request, Status::NO_SUCH_OBJECT, field, Reason::NOT_FOUND)?;
        }
    }
    device.ok(&good).map(drop)
}

fn destroyed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let qp = Qp::new(&device, pd, (cq.cqn, cq.cqn), QpShape::default())?;
    let mr = device.region(pd, 4096, ALL_RIGHTS)?;
    let fast = device.fast_region(pd, 4)?;
    let mut rows = vec![
        (qp.destroy(), "qpn"),
        (Request::new(Opcode::DESTROY_CQ).set("cqn", cq.cqn), "cqn"),
        (Request::new(Opcode::DESTROY_EQ).set("eqn", eq.eqn), "eqn"),
        (Request::new(Opcode::DESTROY_MR).set("key", mr.key), "key"),
        (Request::new(Opcode::DESTROY_MR).set("key", fast), "key"),
    ];
    if device.has(feature::MEMORY_WINDOWS) {
        let mw = device.window(pd, MwType::TYPE_1)?;
        rows.push((Request::new(Opcode::DESTROY_MW).set("key", mw), "key"));
    }
    if device.has(feature::SRQ) {
        let srq = Srq::new(&device, pd, 4, 0)?;
        rows.push((
            Request::new(Opcode::DESTROY_SRQ).set("srqn", srq.srqn),
            "srqn",
        ));
    }
    rows.push((Request::new(Opcode::DESTROY_PD).set("pd", pd), "pd"));
    for (request, _) in &rows {
        device.ok(request)?;
    }
    for (request, field) in &rows {
        device.refused(request, Status::NO_SUCH_OBJECT, field, Reason::NOT_FOUND)?;
    }
    Ok(())
}

fn wrong_kind<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let general = Eq::new(&device, EqKind::GENERAL, 4, 0xFFFF)?;
    let ring = Ring::new(&device, 4, 6)?;
    let request = Cq::request(general.eqn, &ring, 0);
    device.refused(&request, Status::NO_SUCH_OBJECT, "eqn", Reason::WRONG_KIND)?;
    let fast = device.fast_region(pd, 4)?;
    for code in [Opcode::COMMIT_MR, Opcode::ADD_MR_PAGES] {
        let mut request = Request::new(code).set("key", fast);
        if code == Opcode::ADD_MR_PAGES {
            let pages = crate::rig::Pages::new(device.machine(), 4096)?;
            request = device.add_pages(fast, &pages);
        }
        device.refused(&request, Status::NO_SUCH_OBJECT, "key", Reason::WRONG_KIND)?;
    }
    if device.has(feature::MEMORY_WINDOWS) {
        let mw = device.window(pd, MwType::TYPE_1)?;
        let mr = device.region(pd, 4096, ALL_RIGHTS)?;
        let request = Request::new(Opcode::DESTROY_MR).set("key", mw);
        device.refused(&request, Status::NO_SUCH_OBJECT, "key", Reason::WRONG_KIND)?;
        for key in [mr.key, fast] {
            let request = Request::new(Opcode::DESTROY_MW).set("key", key);
            device.refused(&request, Status::NO_SUCH_OBJECT, "key", Reason::WRONG_KIND)?;
        }
    }
    if device.has(feature::PRIVILEGED_KEYS) {
        let (_, key) = device.privileged_pd()?;
        let request = Request::new(Opcode::DESTROY_MR).set("key", key);
        device.refused(&request, Status::NO_SUCH_OBJECT, "key", None)?;
    }
    Ok(())
}

fn busy<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cqs = [Cq::new(&device, eq.eqn, 4)?, Cq::new(&device, eq.eqn, 4)?];
    let destroy_pd = Request::new(Opcode::DESTROY_PD).set("pd", pd);
    let destroy_eq = Request::new(Opcode::DESTROY_EQ).set("eqn", eq.eqn);
    device.refused(&destroy_eq, Status::BUSY, "eqn", Reason::IN_USE)?;
    let qp = Qp::new(&device, pd, (cqs[0].cqn, cqs[1].cqn), QpShape::default())?;
    for cq in &cqs {
        let request = Request::new(Opcode::DESTROY_CQ).set("cqn", cq.cqn);
        device.refused(&request, Status::BUSY, "cqn", Reason::IN_USE)?;
    }
    device.refused(&destroy_pd, Status::BUSY, "pd", Reason::IN_USE)?;
    device.ok(&qp.destroy())?;
    // Each kind of object by itself keeps the domain.
    let key = device
        .ok(&device.begin_mr(pd, 4096, ALL_RIGHTS))?
        .get32("key");
    device.refused(&destroy_pd, Status::BUSY, "pd", Reason::IN_USE)?;
    device.destroy_mr(key)?;
    let key = device.fast_region(pd, 1)?;
    device.refused(&destroy_pd, Status::BUSY, "pd", Reason::IN_USE)?;
    device.destroy_mr(key)?;
    if device.has(feature::MEMORY_WINDOWS) {
        let key = device.window(pd, MwType::TYPE_2)?;
        device.refused(&destroy_pd, Status::BUSY, "pd", Reason::IN_USE)?;
        device.ok(&Request::new(Opcode::DESTROY_MW).set("key", key))?;
    }
    for cq in &cqs {
        device.ok(&Request::new(Opcode::DESTROY_CQ).set("cqn", cq.cqn))?;
    }
    device.ok(&destroy_eq)?;
    device.ok(&destroy_pd).map(drop)
}

fn busy_srq<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let srq = Srq::new(&device, pd, 4, 0)?;
    let request = Request::new(Opcode::DESTROY_PD).set("pd", pd);
    device.refused(&request, Status::BUSY, "pd", Reason::IN_USE)?;
    let shape = QpShape {
        srqn: srq.srqn,
        ..QpShape::default()
    };
    let qp = Qp::new(&device, pd, (cq.cqn, cq.cqn), shape)?;
    let destroy = Request::new(Opcode::DESTROY_SRQ).set("srqn", srq.srqn);
    device.refused(&destroy, Status::BUSY, "srqn", Reason::IN_USE)?;
    device.ok(&qp.destroy())?;
    device.ok(&destroy)?;
    device.ok(&request).map(drop)
}

/// The table of event queues is the smallest that every device has; domains where it is small too.
fn table_full<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let eqs = device.limit("eqs")?;
    if eqs <= 1024 {
        let mut made = Vec::new();
        for _ in 0..eqs {
            made.push(Eq::new(&device, EqKind::COMPLETION, 1, 0xFFFF)?);
        }
        let ring = Ring::new(&device, 1, 4)?;
        let request = Request::new(Opcode::CREATE_EQ)
            .set("kind", EqKind::COMPLETION)
            .set("vector", 0xFFFF)
            .ring("ring", &ring);
        device.refused(&request, Status::NO_RESOURCES, "*", Reason::QUOTA)?;
        device.ok(&Request::new(Opcode::NOP))?;
        let eqn = made[made.len() / 2].eqn;
        device.ok(&Request::new(Opcode::DESTROY_EQ).set("eqn", eqn))?;
        device.ok(&request)?;
    }
    let pds = device.limit("pds")?;
    if pds <= 8192 {
        let mut last = 0;
        for _ in 0..pds {
            last = device.pd()?;
        }
        let request = Request::new(Opcode::CREATE_PD);
        device.refused(&request, Status::NO_RESOURCES, "*", Reason::QUOTA)?;
        device.ok(&Request::new(Opcode::DESTROY_PD).set("pd", last))?;
        device.ok(&request)?;
    }
    check(
        eqs <= 1024 || pds <= 8192,
        "the device is too large for this test",
    )
}

fn page_quota<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let quota = device.limit("mr_pages")?;
    let most = device.limit("fast_register_pages")?;
    if quota / most > 20_000 {
        return crate::failure::skip("the quota of pages is too large to spend");
    }
    let mut keys = Vec::new();
    let mut left = quota;
    while left > 0 {
        let now = left.min(most) as u32;
        keys.push(device.fast_region(pd, now)?);
        left -= u64::from(now);
    }
    let fast = Request::new(Opcode::CREATE_FAST_MR)
        .set("pd", pd)
        .set("max_pages", 1);
    device.refused(&fast, Status::NO_RESOURCES, "*", Reason::QUOTA)?;
    let begin = device.begin_mr(pd, 4096, ALL_RIGHTS);
    device.refused(&begin, Status::NO_RESOURCES, "*", Reason::QUOTA)?;
    device.destroy_mr(keys[0])?;
    device.ok(&begin)?;
    device.ok(&fast).map(drop)
}

fn not_zero<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for _ in 0..4 {
        let pd = device.pd()?;
        let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
        let cq = Cq::new(&device, eq.eqn, 4)?;
        let qp = Qp::new(&device, pd, (cq.cqn, cq.cqn), QpShape::default())?;
        let key = device.fast_region(pd, 1)?;
        check(
            pd != 0 && eq.eqn != 0 && cq.cqn != 0 && qp.qpn != 0,
            "a handle is zero",
        )?;
        check(
            qp.qpn < 1 << 24,
            "a queue pair number has more than 24 bits",
        )?;
        check(qp.qpn > 1, "a queue pair number is reserved for management")?;
        check(key >> 8 != 0, "a key has index 0")?;
    }
    Ok(())
}
