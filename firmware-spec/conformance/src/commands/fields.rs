//! Fields with values that they may not have.

use rnic_abi::{EqKind, MwType, Opcode, Status, SyndromeReason as Reason, feature};
use rnic_platform::{DmaBuffer, TestPlatform};

use crate::failure::Outcome;
use crate::request::{Request, enum_fields, structure};
use crate::rig::commands::{ALL_RIGHTS, LOCAL_WRITE, ipv4, set_address};
use crate::rig::{Cq, Device, Eq, Pages, Qp, QpShape, Ring, Srq};
use crate::{Context, List, N};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add(
        "commands.unknown_enum_values",
        &["CONV-4", "ERR-3"],
        N,
        unknown_enum_values,
    );
    list.add(
        "commands.begin_mr_fields",
        &["MEM-8", "CMD-20", "CMD-14", "ERR-3"],
        N,
        begin_mr,
    );
    list.add(
        "commands.add_mr_pages_fields",
        &["MEM-9", "CMD-14", "ERR-3"],
        N,
        add_mr_pages,
    );
    list.add("commands.fast_mr_fields", &["MEM-11", "CMD-20"], N, fast_mr);
    list.add(
        "commands.create_qp_fields",
        &["QP-2", "QP-3", "CMD-20"],
        N,
        create_qp,
    );
    list.add(
        "commands.create_qp_types",
        &["QP-2", "QP-3", "BRING-9"],
        N,
        create_qp_types,
    );
    list.add(
        "commands.modify_qp_fields",
        &["QP-8", "CMD-20"],
        N,
        modify_qp,
    );
    list.add(
        "commands.srq_fields",
        &["SRQ-1", "CMD-20"],
        N.features(feature::SRQ),
        srq,
    );
    list.add("commands.retired_address", &["CMD-13"], N, retired_address);
}

/// A request with one field wrong: field, value, status, reason.
type Row = (&'static str, u64, Status, Reason);

/// Sends `good` with each row's field replaced, and then `good` as it is, which must succeed: nothing was left behind.
#[track_caller]
fn table<P: TestPlatform>(device: &Device<'_, P>, good: &Request, rows: &[Row]) -> Outcome {
    for (field, value, status, reason) in rows {
        let at = field.split('.').next().unwrap_or(field);
        // A syndrome names the word that holds a flag, and the inner field of a structure.
        let named = if good.place(field).bits.is_some() {
            at
        } else {
            field
        };
        let request = good.clone().set(field, *value);
        device
            .refused(&request, *status, named, *reason)
            .map_err(|f| f.while_doing(format_args!("{field} = {value:#x}")))?;
    }
    device.ok(good).map(drop)
}

/// Otherwise correct requests of every command that has an enumeration in it.
fn unknown_enum_values<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let pd = device.pd()?;
    let shape = QpShape::default();
    let qp = Qp::new(&device, pd, (cq.cqn, cq.cqn), shape)?;
    let rings = crate::rig::qp::QpRings::new(&device, shape)?;
    let ring = Ring::new(&device, 4, 4)?;
    let mut requests = vec![
        Request::new(Opcode::CREATE_EQ)
            .set("vector", 0xFFFF)
            .ring("ring", &ring),
        rings.request(pd, (cq.cqn, cq.cqn), shape),
        qp.modify(rnic_abi::QpState::ERROR).set("mask.path", 1),
        set_address(1, ipv4(9)),
    ];
    if device.has(feature::MEMORY_WINDOWS) {
        requests.push(Request::new(Opcode::CREATE_MW).set("pd", pd));
    }
    if device.has(feature::CONNECTIONS) {
        device.ok(&set_address(1, ipv4(1)))?;
        let connect = Request::new(Opcode::CONNECT)
            .set("qpn", qp.qpn)
            .set("address", 1)
            .set("port", 1)
            .set("flags.next_hop", 1)
            .set_bytes("next_hop", &[2, 0, 0, 0, 0, 2])
            .set_bytes("destination", &ipv4(2));
        requests.push(connect);
    }
    if device.has(feature::ETHERNET) {
        requests.push(Request::new(Opcode::CREATE_ETH_QUEUE));
        requests.push(Request::new(Opcode::DESTROY_ETH_QUEUE));
    }
    for request in requests {
        for (field, value) in enum_fields(structure(request.info.request)) {
            for value in [value, 0xFF] {
                device.refused(
                    &request.clone().set(field.name, value),
                    Status::INVALID_FIELD,
                    field.name,
                    Reason::BAD_VALUE,
                )?;
            }
        }
    }
    // Zero is no value of these.
    let request = Request::new(Opcode::CREATE_EQ)
        .set("vector", 0xFFFF)
        .ring("ring", &ring);
    device.refused(&request, Status::INVALID_FIELD, "kind", Reason::BAD_VALUE)
}

fn begin_mr<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let good = device.begin_mr(pd, 8192, ALL_RIGHTS);
    let base = good.get("base");
    let most = device.limit("mr_bytes")?;
    let pages = most / 4096 + 1;
    let sizes = device.limit("page_sizes")?;
    let rows: [Row; 11] = [
        ("length", 0, Status::INVALID_FIELD, Reason::TOO_SMALL),
        (
            "log_page_bytes",
            11,
            Status::INVALID_FIELD,
            Reason::BAD_VALUE,
        ),
        (
            "log_page_bytes",
            0,
            Status::INVALID_FIELD,
            Reason::BAD_VALUE,
        ),
        (
            "log_page_bytes",
            64,
            Status::INVALID_FIELD,
            Reason::BAD_VALUE,
        ),
        (
            "log_page_bytes",
            255,
            Status::INVALID_FIELD,
            Reason::BAD_VALUE,
        ),
        ("first_offset", 1, Status::INVALID_FIELD, Reason::CONFLICT),
        (
            "first_offset",
            4096,
            Status::INVALID_FIELD,
            Reason::CONFLICT,
        ),
        ("page_count", 1, Status::INVALID_FIELD, Reason::CONFLICT),
        ("page_count", 3, Status::INVALID_FIELD, Reason::CONFLICT),
        ("page_count", 0, Status::INVALID_FIELD, Reason::CONFLICT),
        (
            "page_count",
            0xFFFF_FFFF,
            Status::INVALID_FIELD,
            Reason::CONFLICT,
        ),
    ];
    table(&device, &good, &rows)?;
    for log in 13..32 {
        if sizes & 1 << log == 0 {
            let request = good.clone().set("log_page_bytes", log);
            device.refused(
                &request,
                Status::INVALID_FIELD,
                "log_page_bytes",
                Reason::BAD_VALUE,
            )?;
        }
    }
    let long = good.clone().set("length", most + 1);
    let long = long.set("page_count", u32::try_from(pages).unwrap_or(u32::MAX));
    device.refused(&long, Status::LIMIT_EXCEEDED, "length", Reason::TOO_LARGE)?;
    let wraps = good.clone().set("base", 0xFFFF_FFFF_FFFF_F000_u64);
    device.refused(&wraps, Status::OUT_OF_RANGE, "*", Reason::WRAPS)?;
    // The last byte of the address space may be in a region.
    device.ok(&good.clone().set("base", 0xFFFF_FFFF_FFFF_E000_u64))?;
    for access in [4, 8, 12, 0x1E] {
        let request = good.clone().set("access", access);
        device.refused(&request, Status::ACCESS_DENIED, "access", Reason::CONFLICT)?;
    }
    for access in [0, 1, 2, 3, 5, 9, 16] {
        device.ok(&good.clone().set("access", access).set("base", base))?;
    }
    Ok(())
}

fn add_mr_pages<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let pages = Pages::new(device.machine(), 4 * 4096)?;
    let key = device
        .ok(&device.begin_mr(pd, 4 * 4096, LOCAL_WRITE))?
        .get32("key");
    let commit = Request::new(Opcode::COMMIT_MR).set("key", key);
    device.refused(&commit, Status::INVALID_STATE, "key", Reason::NOT_COMPLETE)?;
    let add = device.add_pages(key, &pages);
    let chunk = device.limit("mr_chunk_pages")?;
    for (field, value, status, reason) in [
        ("count", 0, Status::TOO_MANY, None),
        ("count", chunk + 1, Status::TOO_MANY, None),
        ("count", 0xFFFF_FFFF, Status::TOO_MANY, None),
        ("count", 5, Status::INVALID_FIELD, Some(Reason::CONFLICT)),
        ("first", 1, Status::INVALID_FIELD, Some(Reason::CONFLICT)),
        (
            "first",
            0xFFFF_FFFF,
            Status::INVALID_FIELD,
            Some(Reason::CONFLICT),
        ),
        (
            "list",
            pages.list.iova() + 4,
            Status::INVALID_FIELD,
            Some(Reason::NOT_ALIGNED),
        ),
    ] {
        let request = add.clone().set(field, value);
        device
            .refused(&request, status, field, reason)
            .map_err(|f| f.while_doing(format_args!("{field} = {value:#x}")))?;
    }
    let saved = pages.list.load_u64(16);
    pages.list.store_u64(16, saved + 8);
    device.refused(&add, Status::INVALID_FIELD, "list", Reason::NOT_ALIGNED)?;
    pages.list.store_u64(16, saved);
    device.ok(&add.clone().set("count", 3))?;
    device.refused(&commit, Status::INVALID_STATE, "key", Reason::NOT_COMPLETE)?;
    let again = add.clone().set("count", 1);
    device.refused(&again, Status::INVALID_FIELD, "first", Reason::CONFLICT)?;
    device.ok(&again.set("first", 3).set("list", pages.list.iova() + 24))?;
    device.ok(&commit)?;
    device.refused(&commit, Status::INVALID_STATE, "key", Reason::WRONG_STATE)?;
    device.refused(&add, Status::INVALID_STATE, "key", Reason::WRONG_STATE)?;
    device.destroy_mr(key)
}

fn fast_mr<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let most = device.limit("fast_register_pages")?;
    let good = Request::new(Opcode::CREATE_FAST_MR)
        .set("pd", pd)
        .set("max_pages", most);
    table(
        &device,
        &good,
        &[
            ("max_pages", 0, Status::LIMIT_EXCEEDED, Reason::TOO_SMALL),
            (
                "max_pages",
                most + 1,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
            (
                "max_pages",
                0xFFFF_FFFF,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
        ],
    )
}

fn create_qp<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let cqns = (cq.cqn, cq.cqn);
    let (sends, recvs) = (
        device.limit("send_segments")?,
        device.limit("recv_segments")?,
    );
    let inline = device.limit("inline_bytes")?;
    let shape = QpShape {
        log_send: 4,
        log_recv: 4,
        ..QpShape::default()
    };
    let rings = crate::rig::qp::QpRings::new(&device, shape)?;
    let good = rings.request(pd, cqns, shape);
    let recv = |name| good.get(name);
    table(
        &device,
        &good,
        &[
            (
                "max_send_segments",
                sends + 1,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
            (
                "max_send_segments",
                0xFFFF,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
            (
                "max_recv_segments",
                recvs + 1,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
            (
                "max_inline",
                inline + 1,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
            ("max_inline", 81, Status::INVALID_FIELD, Reason::TOO_SMALL),
            ("qpn", 5, Status::INVALID_FIELD, Reason::BAD_VALUE),
            ("srqn", 1, Status::INVALID_FIELD, Reason::CONFLICT),
        ]
        .map(|(field, value, status, reason)| (field, value, status, reason))
        .into_iter()
        .filter(|(field, value, ..)| (*field, *value) != ("max_inline", 81))
        .collect::<Vec<_>>(),
    )?;
    // A stride that is too small: named at the stride.
    for (field, value, at) in [
        ("max_inline", 81, "send_ring.log_stride"),
        ("max_send_segments", 6, "send_ring.log_stride"),
        ("max_recv_segments", 8, "recv_ring.log_stride"),
    ] {
        let request = crate::rig::qp::QpRings::new(&device, shape)?
            .request(pd, cqns, shape)
            .set(field, value);
        device
            .refused(&request, Status::INVALID_FIELD, at, Reason::TOO_SMALL)
            .map_err(|f| f.while_doing(format_args!("{field} = {value} at a stride of 128")))?;
    }
    // What just fits is taken.
    let fits = crate::rig::qp::QpRings::new(&device, shape)?
        .request(pd, cqns, shape)
        .set("max_inline", 80)
        .set("max_send_segments", 5)
        .set("max_recv_segments", 7);
    device.ok(&fits)?;
    if !device.has(feature::SRQ) {
        let request = good.clone().set("flags.srq", 1);
        return device.refused(&request, Status::UNSUPPORTED, "flags", Reason::NOT_ACTIVE);
    }
    let srq = Srq::new(&device, pd, 4, 0)?;
    let shared = QpShape {
        srqn: srq.srqn,
        ..shape
    };
    let good_shared = crate::rig::qp::QpRings::new(&device, shared)?.request(pd, cqns, shared);
    for (field, value) in [
        ("max_recv_segments", 1),
        ("recv_retired_address", recv("recv_retired_address")),
        ("recv_ring.page_list", recv("recv_ring.page_list")),
        ("recv_ring.log_entries", 4),
        ("recv_ring.doorbell", recv("recv_ring.doorbell")),
    ] {
        let request = good_shared.clone().set(field, value);
        device
            .refused(&request, Status::INVALID_FIELD, "*", Reason::CONFLICT)
            .map_err(|f| f.while_doing(format_args!("{field} = {value:#x} with flags.srq")))?;
    }
    let other = device.pd()?;
    let request = good_shared.clone().set("pd", other);
    device.refused(
        &request,
        Status::ACCESS_DENIED,
        "srqn",
        Reason::WRONG_DOMAIN,
    )?;
    let request = good_shared.clone().set("srqn", srq.srqn + 77);
    device.refused(&request, Status::NO_SUCH_OBJECT, "srqn", None)?;
    device.ok(&good_shared).map(drop)
}

fn create_qp_types<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(0)?;
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    for qp_type in [rnic_abi::QpType::UC, rnic_abi::QpType::UD] {
        let shape = QpShape {
            qp_type,
            ..QpShape::default()
        };
        let request =
            crate::rig::qp::QpRings::new(&device, shape)?.request(pd, (cq.cqn, cq.cqn), shape);
        device.refused(&request, Status::UNSUPPORTED, "qp_type", Reason::NOT_ACTIVE)?;
    }
    let shape = QpShape::default();
    for qpn in [1, 2, 0xFF_FFFF, 0x100_0000] {
        let request = crate::rig::qp::QpRings::new(&device, shape)?
            .request(pd, (cq.cqn, cq.cqn), shape)
            .set("qpn", qpn);
        device.refused(&request, Status::INVALID_FIELD, "qpn", None)?;
    }
    Ok(())
}

fn modify_qp<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let qp = Qp::new(&device, pd, (cq.cqn, cq.cqn), QpShape::default())?;
    let peer = crate::rig::pair::Peer {
        qpn: 77,
        host: 2,
        mac: [2, 0, 0, 0, 0, 2],
        psn: 5,
    };
    let attributes = crate::rig::pair::Attributes::default();
    let rtr = crate::rig::pair::to_rtr(qp.qpn, 1, &peer, attributes);
    let (depth_in, depth_out) = (
        device.limit("read_depth_in")?,
        device.limit("read_depth_out")?,
    );
    let port = device
        .ok(&Request::new(Opcode::QUERY_PORT))?
        .get("active_mtu");
    let mut rows: Vec<Row> = vec![
        (
            "min_rnr_timer",
            32,
            Status::LIMIT_EXCEEDED,
            Reason::TOO_LARGE,
        ),
        (
            "peer_qpn",
            0x100_0000,
            Status::LIMIT_EXCEEDED,
            Reason::TOO_LARGE,
        ),
        (
            "recv_psn",
            0x100_0000,
            Status::LIMIT_EXCEEDED,
            Reason::TOO_LARGE,
        ),
        (
            "flow_label",
            0x10_0000,
            Status::LIMIT_EXCEEDED,
            Reason::TOO_LARGE,
        ),
    ];
    if depth_in < 255 {
        rows.push((
            "read_depth_in",
            depth_in + 1,
            Status::LIMIT_EXCEEDED,
            Reason::TOO_LARGE,
        ));
    }
    if depth_out < 255 {
        rows.push((
            "read_depth_out",
            depth_out + 1,
            Status::LIMIT_EXCEEDED,
            Reason::TOO_LARGE,
        ));
    }
    for mtu in port + 1..=5 {
        rows.push(("path_mtu", mtu, Status::LIMIT_EXCEEDED, Reason::TOO_LARGE));
    }
    table(&device, &rtr, &rows)?;
    let rts = crate::rig::pair::to_rts(qp.qpn, 9, attributes);
    table(
        &device,
        &rts,
        &[
            ("retry_count", 8, Status::LIMIT_EXCEEDED, Reason::TOO_LARGE),
            ("rnr_retry", 8, Status::LIMIT_EXCEEDED, Reason::TOO_LARGE),
            ("ack_timeout", 32, Status::LIMIT_EXCEEDED, Reason::TOO_LARGE),
            (
                "send_psn",
                0x100_0000,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
        ],
    )
}

fn srq<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let most = device.limit("recv_segments")?;
    let ring = Ring::new(&device, 4, 7)?;
    let word = device.alloc(8)?;
    let good = Srq::request(pd, 4, &ring, word.iova());
    table(
        &device,
        &good,
        &[
            (
                "max_segments",
                most + 1,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
            ("limit", 17, Status::LIMIT_EXCEEDED, Reason::TOO_LARGE),
            (
                "limit",
                0xFFFF_FFFF,
                Status::LIMIT_EXCEEDED,
                Reason::TOO_LARGE,
            ),
            ("pd", 0xDEAD, Status::NO_SUCH_OBJECT, Reason::NOT_FOUND),
        ],
    )?;
    let small = Srq::request(pd, 8, &Ring::new(&device, 4, 7)?, word.iova());
    device.refused(
        &small,
        Status::INVALID_FIELD,
        "ring.log_stride",
        Reason::TOO_SMALL,
    )?;
    let srq = Srq::new(&device, pd, 4, 0)?;
    let modify = Request::new(Opcode::MODIFY_SRQ)
        .set("srqn", srq.srqn)
        .set("limit", 16);
    table(
        &device,
        &modify,
        &[
            ("limit", 17, Status::LIMIT_EXCEEDED, Reason::TOO_LARGE),
            ("srqn", 0xDEAD, Status::NO_SUCH_OBJECT, Reason::NOT_FOUND),
        ],
    )
}

fn retired_address<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let pd = device.pd()?;
    let eq = Eq::new(&device, EqKind::COMPLETION, 4, 0xFFFF)?;
    let cq = Cq::new(&device, eq.eqn, 4)?;
    let shape = QpShape::default();
    let good = crate::rig::qp::QpRings::new(&device, shape)?.request(pd, (cq.cqn, cq.cqn), shape);
    let word = good.get("send_retired_address");
    let recv = good.get("recv_retired_address");
    table(
        &device,
        &good,
        &[
            (
                "send_retired_address",
                word + 4,
                Status::INVALID_FIELD,
                Reason::NOT_ALIGNED,
            ),
            (
                "recv_retired_address",
                recv + 1,
                Status::INVALID_FIELD,
                Reason::NOT_ALIGNED,
            ),
        ],
    )?;
    if device.has(feature::MEMORY_WINDOWS) {
        device.window(pd, MwType::TYPE_2)?;
    }
    Ok(())
}
