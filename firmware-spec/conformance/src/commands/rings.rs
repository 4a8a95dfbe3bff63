//! RingDescription, in every command that has one.

use rnic_abi::consts::{DOORBELL_FIRST_SLOT, DOORBELL_PAGE_SLOTS};
use rnic_abi::{EqKind, Opcode, Status, SyndromeReason as Reason, feature, reg};
use rnic_platform::{DmaAccess, DmaBuffer, TestPlatform};

use crate::failure::Outcome;
use crate::request::Request;
use crate::rig::qp::QpRings;
use crate::rig::{Cq, Device, Eq, QpShape, Ring, Srq};
use crate::{Capability, Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("rings.fields", &["CMD-23", "CMD-20", "ERR-3"], N, fields);
    list.add("rings.doorbells", &["DB-1", "DB-2", "ERR-3"], N, doorbells);
    list.add(
        "rings.unreachable_list",
        &["CMD-18", "ERR-3"],
        N.capability(Capability::Remap),
        unreachable,
    );
    list.add("rings.largest", &["CONV-8", "CMD-23"], N, largest);
    list.add(
        "rings.list_is_read_once",
        &["CMD-24", "CONV-11"],
        N,
        read_once,
    );
}

/// A request with a ring in it, that would succeed.
struct Case<P: TestPlatform> {
    request: Request,
    field: &'static str,
    limit: u64,
    ring: Ring<P>,
}

#[track_caller]
fn cases<P: TestPlatform>(device: &Device<'_, P>) -> Outcome<Vec<Case<P>>> {
    let pd = device.pd()?;
    let eq = Eq::new(device, EqKind::COMPLETION, 6, 0xFFFF)?;
    let cq = Cq::new(device, eq.eqn, 4)?;
    let shape = QpShape::default();
    let mut all = Vec::new();
    let mut add = |request: Request, field, limit, log_entries, log_stride| -> Outcome {
        let ring = Ring::new(device, log_entries, log_stride)?;
        let request = request.ring(field, &ring);
        all.push(Case {
            request,
            field,
            limit,
            ring,
        });
        Ok(())
    };
    for (kind, stride) in [(EqKind::COMPLETION, 4), (EqKind::GENERAL, 9)] {
        let request = Request::new(Opcode::CREATE_EQ)
            .set("kind", kind)
            .set("vector", 0xFFFF);
        add(request, "ring", device.limit("eq_log")?, 4, stride)?;
    }
    let request = Request::new(Opcode::CREATE_CQ).set("eqn", eq.eqn);
    add(request, "ring", device.limit("cq_log")?, 7, 6)?;
    let request = QpRings::new(device, shape)?.request(pd, (cq.cqn, cq.cqn), shape);
    add(
        request,
        "send_ring",
        device.limit("sq_log")?,
        6,
        shape.send_stride(),
    )?;
    let request = QpRings::new(device, shape)?.request(pd, (cq.cqn, cq.cqn), shape);
    add(
        request,
        "recv_ring",
        device.limit("rq_log")?,
        6,
        shape.recv_stride(),
    )?;
    if device.has(feature::SRQ) {
        let ring = Ring::new(device, 4, 7)?;
        let request = Srq::request(pd, 4, &ring, device.alloc(8)?.iova());
        add(request, "ring", device.limit("srq_log")?, 6, 7)?;
    }
    Ok(all)
}

fn fields<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for case in cases(&device)? {
        let field = case.field;
        let path = |name: &str| format!("{field}.{name}");
        let list = case.ring.pages.list.iova();
        let count = case.ring.page_count();
        let name = case.request.info.name;
        let rows = [
            (
                "log_stride",
                0,
                Status::INVALID_FIELD,
                Some(Reason::BAD_VALUE),
            ),
            (
                "log_stride",
                5,
                Status::INVALID_FIELD,
                Some(Reason::BAD_VALUE),
            ),
            (
                "log_stride",
                11,
                Status::INVALID_FIELD,
                Some(Reason::BAD_VALUE),
            ),
            (
                "log_stride",
                255,
                Status::INVALID_FIELD,
                Some(Reason::BAD_VALUE),
            ),
            (
                "page_list",
                list + 1,
                Status::INVALID_FIELD,
                Some(Reason::NOT_ALIGNED),
            ),
            (
                "page_list",
                list + 4,
                Status::INVALID_FIELD,
                Some(Reason::NOT_ALIGNED),
            ),
            (
                "page_count",
                0,
                Status::INVALID_FIELD,
                Some(Reason::BAD_VALUE),
            ),
            (
                "page_count",
                count + 1,
                Status::INVALID_FIELD,
                Some(Reason::BAD_VALUE),
            ),
            (
                "page_count",
                0xFFFF_FFFF,
                Status::INVALID_FIELD,
                Some(Reason::BAD_VALUE),
            ),
            (
                "log_entries",
                case.limit + 1,
                Status::LIMIT_EXCEEDED,
                Some(Reason::TOO_LARGE),
            ),
            (
                "log_entries",
                255,
                Status::LIMIT_EXCEEDED,
                Some(Reason::TOO_LARGE),
            ),
            (
                "log_entries",
                0,
                Status::LIMIT_EXCEEDED,
                Some(Reason::TOO_SMALL),
            ),
        ];
        for (part, value, status, reason) in rows {
            let request = case.request.clone().set(&path(part), value);
            // Fields are checked as they lie: a ring of another size also has another number of pages, and that lies first.
            let at = if part == "log_entries" {
                "*".to_owned()
            } else {
                path(part)
            };
            let (status, reason) = if part == "log_entries" {
                let answer = device.call(&request)?;
                if answer.status() == Status::INVALID_FIELD && answer.reason() == Reason::BAD_VALUE
                {
                    continue;
                }
                (status, reason)
            } else {
                (status, reason)
            };
            device
                .refused(&request, status, &at, reason)
                .map_err(|f| f.while_doing(format_args!("{name}: {field}.{part} = {value:#x}")))?;
        }
        // A page address that is not aligned.
        let first = case.ring.pages.list.load_u64(0);
        case.ring.pages.list.store_u64(0, first + 8);
        device.refused(
            &case.request,
            Status::INVALID_FIELD,
            &path("page_list"),
            Reason::NOT_ALIGNED,
        )?;
        case.ring.pages.list.store_u64(0, first);
        device.ok(&case.request)?;
    }
    Ok(())
}

fn doorbells<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pages = device.get(reg::DOORBELL_PAGES) as u32;
    let taken = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    for case in cases(&device)? {
        let path = format!("{}.doorbell", case.field);
        for slot in [
            0,
            DOORBELL_FIRST_SLOT,
            DOORBELL_PAGE_SLOTS - 1,
            DOORBELL_PAGE_SLOTS,
            DOORBELL_PAGE_SLOTS + DOORBELL_FIRST_SLOT - 1,
            pages * DOORBELL_PAGE_SLOTS,
            pages * DOORBELL_PAGE_SLOTS + DOORBELL_FIRST_SLOT,
            u32::MAX,
        ] {
            let request = case.request.clone().set(&path, slot);
            device.refused(&request, Status::INVALID_FIELD, &path, Reason::BAD_VALUE)?;
        }
        let request = case.request.clone().set(&path, taken.ring.slot);
        device.refused(&request, Status::DOORBELL_IN_USE, &path, Reason::IN_USE)?;
        // The last slot of the last page is a slot; a refused request did not take it.
        let last = pages * DOORBELL_PAGE_SLOTS - 1;
        let request = case.request.clone().set(&path, last);
        let answer = device.ok(&request)?;
        device
            .refused(
                &case.request.clone().set(&path, last),
                Status::DOORBELL_IN_USE,
                &path,
                Reason::IN_USE,
            )
            .or_else(|f| {
                // A second general event queue is refused for another reason, and of CREATE_QP the slot of the other
                // queue is taken too, which is found first.
                let other = answer.info.code == Opcode::CREATE_QP && case.field == "recv_ring";
                if answer.info.code == Opcode::CREATE_EQ || other {
                    Ok(())
                } else {
                    Err(f)
                }
            })?;
        // Free it for the next case.
        let (code, handle) = match answer.info.code {
            Opcode::CREATE_EQ => (Opcode::DESTROY_EQ, "eqn"),
            Opcode::CREATE_CQ => (Opcode::DESTROY_CQ, "cqn"),
            Opcode::CREATE_QP => (Opcode::DESTROY_QP, "qpn"),
            _ => (Opcode::DESTROY_SRQ, "srqn"),
        };
        device.ok(&Request::new(code).set(handle, answer.get(handle)))?;
    }
    // Two queues of one request cannot share a slot.
    let pd = device.pd()?;
    let cq = Cq::new(&device, taken.eqn, 4)?;
    let shape = QpShape::default();
    let request = QpRings::new(&device, shape)?.request(pd, (cq.cqn, cq.cqn), shape);
    let request = request
        .clone()
        .set("recv_ring.doorbell", request.get("send_ring.doorbell"));
    device.refused(
        &request,
        Status::DOORBELL_IN_USE,
        "recv_ring.doorbell",
        Reason::IN_USE,
    )
}

fn unreachable<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let gone = device.alloc(4096)?;
    let mut rows: Vec<(Request, String)> = cases(&device)?
        .into_iter()
        .map(|c| {
            let path = format!("{}.page_list", c.field);
            (c.request.set(&path, gone.iova()), path)
        })
        .collect();
    let key = device
        .ok(&device.begin_mr(pd, 4096, crate::rig::commands::ALL_RIGHTS))?
        .get32("key");
    let add = Request::new(Opcode::ADD_MR_PAGES)
        .set("key", key)
        .set("count", 1)
        .set("list", gone.iova());
    rows.push((add, "list".into()));
    if device.has(feature::ETHERNET) {
        let list = Request::new(Opcode::SET_RX_MODE)
            .set("multicast_count", 1)
            .set("multicast_list", gone.iova());
        rows.push((list, "multicast_list".into()));
    }
    device.platform.unmap(&gone)?;
    let outcome = rows.iter().try_for_each(|(request, path)| {
        device.refused(request, Status::DMA_ERROR, path, Reason::NOT_REACHABLE)
    });
    device
        .platform
        .map(&gone, DmaAccess::DeviceReadsAndWrites)?;
    outcome
}

fn largest<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    for case in cases(&device)? {
        // The minimum that every device has, and what this one reports, if that is not huge.
        for log in [1, 8, case.limit.min(12)] {
            if case.request.info.code == Opcode::CREATE_EQ
                && case.request.get("kind") == 2
                && log > 8
            {
                continue;
            }
            let ring = Ring::new(&device, log as u8, case.ring.log_stride)?;
            let answer = device
                .ok(&case.request.clone().ring(case.field, &ring))
                .map_err(|f| f.while_doing(format_args!("a ring of 2^{log} entries")))?;
            if case.request.info.code == Opcode::CREATE_EQ {
                device.ok(&Request::new(Opcode::DESTROY_EQ).set("eqn", answer.get("eqn")))?;
            }
            if case.request.info.code == Opcode::CREATE_QP {
                device.ok(&Request::new(Opcode::DESTROY_QP).set("qpn", answer.get("qpn")))?;
            }
        }
    }
    Ok(())
}

fn read_once<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let mut general = Eq::new(&device, EqKind::GENERAL, 4, 0xFFFF)?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    // The lists are overwritten after the commands; an event still finds its ring.
    for ring in [&general.ring, &eq.ring, &cq.ring] {
        for page in 0..ring.pages.count {
            ring.pages.list.store_u64(page * 8, 0xDEAD_0000_0000_0000);
        }
    }
    // A consumer index ahead of the producer is an error of the queue, and makes an event.
    device.ring(cq.ring.slot, 5)?;
    let event = device.wait_for("CQ_ERROR", || general.poll_general())?;
    crate::failure::equal("event", event.code(), rnic_abi::EventCode::CQ_ERROR)
}
