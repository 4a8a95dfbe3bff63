//! Connecting: replies, read depths, rejections, ports.

use rnic_abi::{
    EventCode, Mtu, Opcode, QpState, RejectReason, Status, SyndromeReason as Reason, WorkOpcode,
    feature,
};
use rnic_platform::TestPlatform;

use super::{
    ACCEPT_COOKIE, CONNECT_COOKIE, LISTEN_COOKIE, accept, by_connection, connect, connect_qp,
    connected, expect_event, listening, no_cm_event, reserve,
};
use crate::failure::{Outcome, check, equal, same_bytes};
use crate::request::Request;
use crate::rig::commands::ipv4;
use crate::rig::{QpShape, Wqe};
use crate::{Context, List, N, ends};

const CM: crate::Needs = N.features(feature::CONNECTIONS);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "connect.established",
        &["CM-1", "CM-2", "CM-3", "CM-18", "CM-10", "QP-4", "QP-34"],
        CM,
        established
    );
    ends!(
        list,
        "connect.reply",
        &["CM-2", "CM-6", "CM-7", "CM-16"],
        CM,
        reply
    );
    ends!(
        list,
        "connect.fields",
        &["CM-6", "CM-7", "CM-1", "QP-8"],
        CM,
        fields
    );
    ends!(
        list,
        "connect.states",
        &["CM-1", "CM-2", "QP-7"],
        CM,
        states
    );
    ends!(
        list,
        "connect.rejected_request",
        &["CM-4", "CM-5", "CM-6", "ERR-3"],
        CM,
        rejected_request
    );
    ends!(
        list,
        "connect.rejected_reply",
        &["CM-4", "CM-5", "ERR-3"],
        CM,
        rejected_reply
    );
    ends!(
        list,
        "connect.data_before_established",
        &["CM-3"],
        CM,
        early_data
    );
    ends!(list, "connect.endpoint", &["CM-8", "ADDR-6"], CM, endpoint);
    ends!(list, "connect.path_mtu", &["CM-9"], CM, path_mtu);
    ends!(list, "connect.thinking", &["CM-11", "CM-17"], CM, thinking);
    ends!(
        list,
        "connect.unreachable",
        &["CM-5", "ERR-3", "CM-18"],
        CM,
        unreachable
    );
    ends!(
        list,
        "connect.released_request",
        &["CM-14", "CM-5"],
        CM,
        released_request
    );
    list.add(
        "connect.timed_out@peer",
        &["CM-5", "CM-18", "ERR-3"],
        CM.lane(crate::Lane::Peer),
        timed_out,
    );
    ends!(
        list,
        "connect.aborted",
        &["CM-2", "CM-14", "ERR-3"],
        CM,
        aborted
    );
    list.add(
        "connect.without_loopback",
        &["CM-10"],
        CM.features(feature::LOOPBACK),
        without_loopback,
    );
}

fn established<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    c.pair.alive()?;
    let write = Wqe::new(WorkOpcode::WRITE)
        .remote(c.pair.b.mr.va(0), c.pair.b.mr.key)
        .inline(b"rights");
    c.pair.a.run(&write)?;
    let read = Wqe::new(WorkOpcode::READ)
        .remote(c.pair.b.mr.va(0), c.pair.b.mr.key)
        .segment(c.pair.a.mr.segment(0, 6));
    c.pair.a.run(&read)?;
    same_bytes("data read back", &c.pair.a.mr.read(0, 6), b"rights")?;
    check(c.endpoint != 0 && c.listener != 0, "a handle is zero")?;
    let query = c.pair.a.qp.query(&c.dev_a())?;
    equal(
        "connection of QUERY_QP",
        query.get("connection"),
        c.active.into(),
    )?;
    equal(
        "peer_qpn of QUERY_QP",
        query.get("peer_qpn"),
        c.pair.b.qp.qpn.into(),
    )?;
    let both = if c.pair.same { 2 } else { 1 };
    equal(
        "CONNECTIONS_ACTIVE",
        c.dev_a().counter("CONNECTIONS_ACTIVE")?,
        both,
    )?;
    equal(
        "CONNECTIONS_INITIATED",
        c.dev_a().counter("CONNECTIONS_INITIATED")?,
        1,
    )?;
    equal(
        "CONNECTIONS_ACCEPTED",
        c.dev_b().counter("CONNECTIONS_ACCEPTED")?,
        1,
    )?;
    no_cm_event(&c.dev_a())?;
    no_cm_event(&c.dev_b())
}

fn reply<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let active = a
        .dev
        .ok(&connect(a, b, CONNECT_COOKIE))?
        .get32("connection");
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    b.dev
        .ok(&accept(request.connection.get(), b.qp.qpn, ACCEPT_COOKIE))?;
    let event = expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    equal("connection", event.connection.get(), active)?;
    equal("queue pair", event.qpn.get(), a.qp.qpn)?;
    equal("private_length", event.private_length.get(), 196)?;
    let mut expected = [0; 196];
    expected[..7].copy_from_slice(b"welcome");
    same_bytes("private data", &event.private_data[..196], &expected)?;
    // We take 8, the peer wants 16; we want 4, the peer takes 3.
    equal("read_depth_in in force", event.read_depth_in, 8)?;
    equal("read_depth_out in force", event.read_depth_out, 3)?;
    a.qp.expect_state(&a.dev, QpState::RTR)?;
    a.dev.ok(&by_connection(Opcode::COMPLETE_CONNECT, active))?;
    a.qp.expect_state(&a.dev, QpState::RTS)?;
    let event = expect_event(&b.dev, ACCEPT_COOKIE, EventCode::ESTABLISHED, Status::OK)?;
    equal("read_depth_in of the passive end", event.read_depth_in, 3)?;
    equal("read_depth_out of the passive end", event.read_depth_out, 8)?;
    let query = b.qp.query(&b.dev)?;
    equal("read_depth_in of QUERY_QP", query.get("read_depth_in"), 3)?;
    equal("read_depth_out of QUERY_QP", query.get("read_depth_out"), 8)
}

fn fields<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let good = connect(a, b, CONNECT_COOKIE);
    let (depth_in, depth_out) = (
        a.dev.limit("read_depth_in")?,
        a.dev.limit("read_depth_out")?,
    );
    let mut rows = vec![
        ("private_length", 57, Status::LIMIT_EXCEEDED),
        ("private_length", 0xFFFF, Status::LIMIT_EXCEEDED),
        ("retry_count", 8, Status::LIMIT_EXCEEDED),
        ("rnr_retry", 8, Status::LIMIT_EXCEEDED),
    ];
    if depth_in < 255 {
        rows.push(("read_depth_in", depth_in + 1, Status::LIMIT_EXCEEDED));
    }
    if depth_out < 255 {
        rows.push(("read_depth_out", depth_out + 1, Status::LIMIT_EXCEEDED));
    }
    for (field, value, status) in rows {
        a.dev.refused(
            &good.clone().set(field, value),
            status,
            field,
            Reason::TOO_LARGE,
        )?;
    }
    let request = good.clone().set("private_length", 4);
    a.dev.refused(
        &request,
        Status::INVALID_FIELD,
        "private_data",
        Reason::RESERVED,
    )?;
    let request = good.clone().set("qpn", 0xABCDEF);
    a.dev
        .refused(&request, Status::NO_SUCH_OBJECT, "qpn", Reason::NOT_FOUND)?;
    let request = good.clone().set("endpoint", 0xABCDEF);
    a.dev.refused(
        &request,
        Status::NO_SUCH_OBJECT,
        "endpoint",
        Reason::NOT_FOUND,
    )?;
    let empty = a.dev.limit("addresses")? - 1;
    let request = good.clone().set("address", empty);
    a.dev
        .refused(&request, Status::ADDRESS_NOT_AVAILABLE, "address", None)?;
    a.qp.expect_state(&a.dev, QpState::INIT)?;
    a.dev.ok(&good)?;
    let event = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    let good = accept(event.connection.get(), b.qp.qpn, ACCEPT_COOKIE);
    b.dev.refused(
        &good.clone().set("private_length", 197),
        Status::LIMIT_EXCEEDED,
        "private_length",
        Reason::TOO_LARGE,
    )?;
    b.dev.refused(
        &good.clone().set("private_length", 6),
        Status::INVALID_FIELD,
        "private_data",
        Reason::RESERVED,
    )?;
    b.dev.refused(
        &good.clone().set("qpn", 0xABCDEF),
        Status::NO_SUCH_OBJECT,
        "qpn",
        Reason::NOT_FOUND,
    )?;
    b.dev.ok(&good)?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK).map(drop)
}

fn states<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    // A queue pair that is not in INIT.
    let other = a.another_qp(QpShape::default())?;
    other.go(&a.dev, QpState::ERROR)?;
    let request = connect_qp(&other, a, b, 9);
    a.dev
        .refused(&request, Status::INVALID_STATE, "qpn", None)?;
    let active = a
        .dev
        .ok(&connect(a, b, CONNECT_COOKIE))?
        .get32("connection");
    // One that a connection owns already.
    a.dev
        .refused(&connect(a, b, 9), Status::INVALID_STATE, "qpn", None)?;
    a.dev.refused(
        &by_connection(Opcode::COMPLETE_CONNECT, active),
        Status::INVALID_STATE,
        "*",
        None,
    )?;
    a.dev.refused(
        &by_connection(Opcode::DISCONNECT, active),
        Status::INVALID_STATE,
        "*",
        None,
    )?;
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    let passive = request.connection.get();
    b.dev.refused(
        &by_connection(Opcode::COMPLETE_CONNECT, passive),
        Status::INVALID_STATE,
        "*",
        None,
    )?;
    b.dev.ok(&accept(passive, b.qp.qpn, ACCEPT_COOKIE))?;
    b.dev.refused(
        &accept(passive, b.qp.qpn, 9),
        Status::INVALID_STATE,
        "*",
        None,
    )?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    a.dev.ok(&by_connection(Opcode::COMPLETE_CONNECT, active))?;
    a.dev.refused(
        &by_connection(Opcode::COMPLETE_CONNECT, active),
        Status::INVALID_STATE,
        "*",
        None,
    )?;
    expect_event(&b.dev, ACCEPT_COOKIE, EventCode::ESTABLISHED, Status::OK)?;
    // [QP-7]: the connection owns it, except for a change to ERROR.
    for state in [QpState::RESET, QpState::INIT, QpState::RTS] {
        a.dev
            .refused(&a.qp.modify(state), Status::INVALID_STATE, "*", None)?;
    }
    a.qp.go(&a.dev, QpState::ERROR)
}

fn reject(connection: u32) -> Request {
    by_connection(Opcode::REJECT_CONNECTION, connection)
        .set("private_length", 4)
        .set_bytes("private_data", b"nope")
}

fn rejected_request<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    a.dev.ok(&connect(a, b, CONNECT_COOKIE))?;
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    let passive = request.connection.get();
    let long = reject(passive).set("private_length", 149);
    b.dev.refused(
        &long,
        Status::LIMIT_EXCEEDED,
        "private_length",
        Reason::TOO_LARGE,
    )?;
    b.dev.ok(&reject(passive))?;
    let event = expect_event(
        &a.dev,
        CONNECT_COOKIE,
        EventCode::CONNECT_FAILED,
        Status::REJECTED,
    )?;
    equal("reason", event.reason(), RejectReason::CONSUMER)?;
    equal("private_length", event.private_length.get(), 148)?;
    let mut expected = [0; 148];
    expected[..4].copy_from_slice(b"nope");
    same_bytes("private data", &event.private_data[..148], &expected)?;
    a.qp.expect_state(&a.dev, QpState::INIT)?;
    // Only RELEASE_CONNECTION is legal then.
    b.dev
        .refused(&reject(passive), Status::INVALID_STATE, "*", None)?;
    b.dev.refused(
        &accept(passive, b.qp.qpn, 1),
        Status::INVALID_STATE,
        "*",
        None,
    )?;
    b.dev
        .ok(&by_connection(Opcode::RELEASE_CONNECTION, passive))?;
    let gone = by_connection(Opcode::RELEASE_CONNECTION, passive);
    b.dev.refused(
        &gone,
        Status::NO_SUCH_OBJECT,
        "connection",
        Reason::NOT_FOUND,
    )
}

fn rejected_reply<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let active = a
        .dev
        .ok(&connect(a, b, CONNECT_COOKIE))?
        .get32("connection");
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    b.dev
        .ok(&accept(request.connection.get(), b.qp.qpn, ACCEPT_COOKIE))?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    a.dev.ok(&reject(active))?;
    let event = expect_event(
        &b.dev,
        ACCEPT_COOKIE,
        EventCode::CONNECT_FAILED,
        Status::REJECTED,
    )?;
    same_bytes("private data", &event.private_data[..4], b"nope")?;
    a.qp.expect_state(&a.dev, QpState::QUIESCED)?;
    no_cm_event(&a.dev)
}

fn early_data<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut l = listening(cx, 4)?;
    let (a, b) = (&mut l.pair.a, &mut l.pair.b);
    b.recv(1, 0, 64)?;
    a.recv(2, 0, 64)?;
    let active = a
        .dev
        .ok(&connect(a, b, CONNECT_COOKIE))?
        .get32("connection");
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    b.dev
        .ok(&accept(request.connection.get(), b.qp.qpn, ACCEPT_COOKIE))?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    a.dev.ok(&by_connection(Opcode::COMPLETE_CONNECT, active))?;
    a.post(&Wqe::new(WorkOpcode::SEND).inline(b"at once"))?;
    a.sent_ok()?;
    equal("bytes received", b.received_ok()?.byte_count.get(), 7)?;
    expect_event(&b.dev, ACCEPT_COOKIE, EventCode::ESTABLISHED, Status::OK)?;
    b.run(&Wqe::new(WorkOpcode::SEND).inline(b"answer"))?;
    a.received_ok().map(drop)
}

fn endpoint<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let reserved = a.dev.ok(&reserve(a.host, 4000))?.get32("endpoint");
    let request = connect(a, b, CONNECT_COOKIE).set("endpoint", reserved);
    let answer = a.dev.ok(&request)?;
    equal("local port", answer.get("port"), 4000)?;
    let event = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    equal("peer port", event.peer_port.get(), 4000)?;
    // The same pair of endpoints once only.
    let qp = a.another_qp(QpShape::default())?;
    let again = connect_qp(&qp, a, b, 9).set("endpoint", reserved);
    a.dev.refused(&again, Status::ADDRESS_IN_USE, "*", None)?;
    // The connection holds a reference of its own.
    a.dev
        .ok(&Request::new(Opcode::RELEASE_ENDPOINT).set("endpoint", reserved))?;
    a.dev
        .refused(&reserve(a.host, 4000), Status::ADDRESS_IN_USE, "port", None)?;
    a.dev.ok(&by_connection(
        Opcode::RELEASE_CONNECTION,
        answer.get32("connection"),
    ))?;
    a.dev.ok(&reserve(a.host, 4000))?;
    // Without an endpoint: an ephemeral port.
    let qp = a.another_qp(QpShape::default())?;
    let port = a.dev.ok(&connect_qp(&qp, a, b, 10))?.get("port");
    check(
        port >= 49152,
        format_args!("CONNECT without an endpoint took port {port}"),
    )
}

fn path_mtu<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let active = a
        .dev
        .ok(&connect(a, b, CONNECT_COOKIE).set("path_mtu", Mtu::MTU_512))?
        .get32("connection");
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    b.dev
        .ok(&accept(request.connection.get(), b.qp.qpn, ACCEPT_COOKIE))?;
    let event = expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    equal("path_mtu of the reply", event.path_mtu(), Mtu::MTU_512)?;
    a.dev.ok(&by_connection(Opcode::COMPLETE_CONNECT, active))?;
    for end in [a, b] {
        let mtu = end.qp.query(&end.dev)?.get("path_mtu");
        equal("path_mtu of QUERY_QP", mtu, Mtu::MTU_512.0.into())?;
    }
    Ok(())
}

fn thinking<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    a.dev.ok(&connect(a, b, CONNECT_COOKIE))?;
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    // Ten seconds of the machine's clock, several times the usual timeout of a request: a peer that is told to wait
    // does not ask again.
    let retries = a.dev.counter("CM_RETRIES")?;
    a.dev.pass(10_000_000_000);
    equal("CM_RETRIES", a.dev.counter("CM_RETRIES")?, retries)?;
    no_cm_event(&a.dev)?;
    no_cm_event(&b.dev)?;
    b.dev
        .ok(&accept(request.connection.get(), b.qp.qpn, ACCEPT_COOKIE))?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK).map(drop)
}

fn unreachable<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let a = &pair.a;
    let failures = a.dev.counter("CONNECT_FAILURES")?;
    let request = connect(a, &pair.b, CONNECT_COOKIE)
        .set("flags.next_hop", 0)
        .set_bytes("next_hop", &[0; 6])
        .set_bytes("destination", &ipv4(250));
    // Known at once, or after somebody was asked.
    let answer = a.dev.call(&request)?;
    if answer.status() == Status::OK {
        expect_event(
            &a.dev,
            CONNECT_COOKIE,
            EventCode::CONNECT_FAILED,
            Status::UNREACHABLE,
        )?;
        a.dev.counted("CONNECT_FAILURES", failures, 1)?;
    } else {
        equal(
            "status of CONNECT to nobody",
            answer.status(),
            Status::UNREACHABLE,
        )?;
    }
    a.qp.expect_state(&a.dev, QpState::INIT)?;
    equal(
        "connection of QUERY_QP",
        a.qp.query(&a.dev)?.get("connection"),
        0,
    )
}

/// The next hop is somebody who is not there.
fn timed_out<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let a = &pair.a;
    let failures = a.dev.counter("CONNECT_FAILURES")?;
    let request = connect(a, &pair.b, CONNECT_COOKIE)
        .set("flags.next_hop", 1)
        .set_bytes("next_hop", &[2, 0xDE, 0xAD, 0, 0, 1])
        .set_bytes("destination", &ipv4(251));
    a.dev.ok(&request)?;
    // As long as the protocol takes: minutes of the machine's clock are not asked for, but some timeouts are.
    for _ in 0..12 {
        a.dev.pass(5_000_000_000);
        let event = a.dev.take_event(|e| e.cookie.get() == CONNECT_COOKIE)?;
        let Some(event) = event else { continue };
        let cm = super::parse(&event)?;
        equal("event", cm.code, EventCode::CONNECT_FAILED)?;
        equal("status", cm.body.status(), Status::TIMED_OUT)?;
        check(
            a.dev.counter("CM_RETRIES")? >= 1,
            "CM_RETRIES does not count",
        )?;
        a.dev.counted("CONNECT_FAILURES", failures, 1)?;
        return a.qp.expect_state(&a.dev, QpState::INIT);
    }
    crate::failure::fail("CONNECT to a peer that does not answer did not end within a minute")
}

/// The connection is lost between CONNECT_REPLY and COMPLETE_CONNECT.
fn aborted<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let active = a
        .dev
        .ok(&connect(a, b, CONNECT_COOKIE))?
        .get32("connection");
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    let passive = request.connection.get();
    b.dev.ok(&accept(passive, b.qp.qpn, ACCEPT_COOKIE))?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    b.dev
        .ok(&by_connection(Opcode::RELEASE_CONNECTION, passive))?;
    expect_event(
        &a.dev,
        CONNECT_COOKIE,
        EventCode::PEER_DISCONNECTED,
        Status::OK,
    )
    .or_else(|_| {
        // Lost, not disconnected, is as true.
        a.dev.settle();
        Ok::<_, crate::Failure>(request)
    })?;
    let complete = by_connection(Opcode::COMPLETE_CONNECT, active);
    a.dev.refused(&complete, Status::ABORTED, "*", None)?;
    let state = a.qp.state(&a.dev)?;
    check(
        [QpState::QUIESCED, QpState::ERROR].contains(&state),
        format_args!("the queue pair is in {state}"),
    )
}

/// The device finds the peer by itself.
fn released_request<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    // The passive end lets go: the active one learns.
    a.dev.ok(&connect(a, b, CONNECT_COOKIE))?;
    let request = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    b.dev.ok(&by_connection(
        Opcode::RELEASE_CONNECTION,
        request.connection.get(),
    ))?;
    let cm = super::next_event(&a.dev, CONNECT_COOKIE, "the end of CONNECT")?;
    equal("event", cm.code, EventCode::CONNECT_FAILED)?;
    check(cm.body.status() != Status::OK, "CONNECT_FAILED says OK")?;
    a.qp.expect_state(&a.dev, QpState::INIT)?;
    // The active end lets go: no event any more.
    let qp = a.another_qp(QpShape::default())?;
    let active = a.dev.ok(&connect_qp(&qp, a, b, 77))?.get32("connection");
    expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    a.dev
        .ok(&by_connection(Opcode::RELEASE_CONNECTION, active))?;
    a.dev.settle();
    check(
        a.dev.take_event(|e| e.cookie.get() == 77)?.is_none(),
        "an event came after RELEASE_CONNECTION",
    )?;
    equal(
        "connection of QUERY_QP",
        qp.query(&a.dev)?.get("connection"),
        0,
    )
}

fn without_loopback<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(cx.usual() & !feature::LOOPBACK)?;
    device.make_general()?;
    let shape = (QpShape::default(), QpShape::default());
    let pair = crate::rig::Pair::unconnected(&device, &device, shape)?;
    let request = connect(&pair.a, &pair.b, CONNECT_COOKIE);
    device.refused(
        &request,
        Status::UNSUPPORTED,
        "destination",
        Reason::NOT_ACTIVE,
    )
}
