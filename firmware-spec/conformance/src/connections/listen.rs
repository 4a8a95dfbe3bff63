//! Listeners, pausing, backlog.

use rnic_abi::{EventCode, Opcode, QpState, Status, SyndromeReason as Reason, feature};
use rnic_platform::TestPlatform;

use super::{
    CONNECT_COOKIE, LISTEN_COOKIE, PORT, connect, connect_qp, expect_event, listening, no_cm_event,
    reserve,
};
use crate::failure::{Outcome, check, equal};
use crate::request::Request;
use crate::rig::QpShape;
use crate::rig::commands::ipv4;
use crate::{Context, List, N, ends};

const CM: crate::Needs = N.features(feature::CONNECTIONS);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("listen.fields", &["LISTEN-1", "ERR-3"], CM, fields);
    ends!(
        list,
        "listen.request_event",
        &["LISTEN-1", "CM-6", "CM-16"],
        CM,
        request_event
    );
    ends!(
        list,
        "listen.nobody_listens",
        &["LISTEN-2", "CM-1", "CM-5", "ERR-3"],
        CM,
        nobody
    );
    ends!(list, "listen.paused", &["LISTEN-2", "CM-5"], CM, paused);
    ends!(list, "listen.backlog", &["LISTEN-3", "CM-17"], CM, backlog);
    ends!(list, "listen.destroyed", &["LISTEN-4"], CM, destroyed);
}

fn fields<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&crate::rig::commands::set_address(1, ipv4(1)))?;
    let endpoint = device.ok(&reserve(1, PORT))?.get32("endpoint");
    let most = device.limit("backlog")?;
    let good = Request::new(Opcode::LISTEN)
        .set("endpoint", endpoint)
        .set("backlog", most);
    device.refused(
        &good.clone().set("backlog", 0),
        Status::LIMIT_EXCEEDED,
        "backlog",
        Reason::TOO_SMALL,
    )?;
    for backlog in [most + 1, 0xFFFF_FFFF] {
        let request = good.clone().set("backlog", backlog);
        device.refused(
            &request,
            Status::LIMIT_EXCEEDED,
            "backlog",
            Reason::TOO_LARGE,
        )?;
    }
    let listener = device.ok(&good)?.get32("listener");
    check(listener != 0, "the listener is zero")?;
    device.refused(&good, Status::ADDRESS_IN_USE, "endpoint", None)?;
    for paused in [2, 0xFFFF_FFFF_u32] {
        let request = Request::new(Opcode::PAUSE_LISTENER)
            .set("listener", listener)
            .set("paused", paused);
        device.refused(&request, Status::INVALID_FIELD, "paused", Reason::BAD_VALUE)?;
    }
    device.ok(&Request::new(Opcode::DESTROY_LISTENER).set("listener", listener))?;
    device.ok(&good).map(drop)
}

fn request_event<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let answer = a.dev.ok(&connect(a, b, CONNECT_COOKIE))?;
    let event = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    check(event.connection.get() != 0, "the connection is zero")?;
    equal("listener", event.listener.get(), l.listener)?;
    equal("local address", event.local_address, ipv4(b.host))?;
    equal("peer address", event.peer_address, ipv4(a.host))?;
    equal("local port", event.local_port.get(), PORT)?;
    equal(
        "peer port",
        u64::from(event.peer_port.get()),
        answer.get("port"),
    )?;
    // The peer's wish inbound is what it wants outstanding; its limit outbound what it takes.
    equal("read_depth_in", event.read_depth_in, 4)?;
    equal("read_depth_out", event.read_depth_out, 8)?;
    // [CM-6]: padded to the maximum of the message.
    equal("private_length", event.private_length.get(), 56)?;
    let mut expected = [0; 56];
    expected[..5].copy_from_slice(b"hello");
    crate::failure::same_bytes("private data", &event.private_data[..56], &expected)?;
    // The connection owns the queue pair from CONNECT on.
    let query = a.qp.query(&a.dev)?;
    equal(
        "connection of QUERY_QP",
        query.get("connection"),
        answer.get("connection"),
    )?;
    a.dev.refused(
        &a.qp.modify(QpState::RESET),
        Status::INVALID_STATE,
        "*",
        None,
    )?;
    a.dev.refused(&a.qp.destroy(), Status::BUSY, "qpn", None)
}

fn nobody<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let (a, b) = (&pair.a, &pair.b);
    let rejected = b.dev.counter("CONNECT_REJECTED")?;
    let failures = a.dev.counter("CONNECT_FAILURES")?;
    a.dev.ok(&connect(a, b, CONNECT_COOKIE))?;
    expect_event(
        &a.dev,
        CONNECT_COOKIE,
        EventCode::CONNECT_FAILED,
        Status::REFUSED,
    )?;
    no_cm_event(&a.dev)?;
    b.dev.counted("CONNECT_REJECTED", rejected, 1)?;
    a.dev.counted("CONNECT_FAILURES", failures, 1)?;
    // [CM-5]: INIT again, owned by nobody.
    a.qp.expect_state(&a.dev, QpState::INIT)?;
    equal(
        "connection of QUERY_QP",
        a.qp.query(&a.dev)?.get("connection"),
        0,
    )
}

fn paused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut l = listening(cx, 4)?;
    let pause = |paused: u32| {
        Request::new(Opcode::PAUSE_LISTENER)
            .set("listener", l.listener)
            .set("paused", paused)
    };
    let (a, b) = (&mut l.pair.a, &mut l.pair.b);
    b.dev.ok(&pause(1))?;
    // Receives posted before CONNECT are untouched by its failure.
    a.recv(0x77, 0, 64)?;
    a.dev.ok(&connect(a, b, CONNECT_COOKIE))?;
    expect_event(
        &a.dev,
        CONNECT_COOKIE,
        EventCode::CONNECT_FAILED,
        Status::REFUSED,
    )?;
    a.rcq.quiet(&a.dev)?;
    b.dev.ok(&pause(0))?;
    a.dev.ok(&connect(a, b, CONNECT_COOKIE + 1))?;
    expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )
    .map(drop)
}

fn backlog<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 2)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let rejected = b.dev.counter("CONNECT_REJECTED")?;
    let mut reported = Vec::new();
    for n in 0..2 {
        let qp = a.another_qp(QpShape::default())?;
        a.dev.ok(&connect_qp(&qp, a, b, CONNECT_COOKIE + n))?;
        let event = expect_event(
            &b.dev,
            LISTEN_COOKIE,
            EventCode::CONNECT_REQUEST,
            Status::OK,
        )?;
        reported.push(event.connection.get());
    }
    let qp = a.another_qp(QpShape::default())?;
    a.dev.ok(&connect_qp(&qp, a, b, CONNECT_COOKIE + 2))?;
    expect_event(
        &a.dev,
        CONNECT_COOKIE + 2,
        EventCode::CONNECT_FAILED,
        Status::REFUSED,
    )?;
    b.dev.counted("CONNECT_REJECTED", rejected, 1)?;
    check(reported[0] != reported[1], "two requests have one handle")?;
    // Those already reported are not harmed; an answer makes room.
    b.dev
        .ok(&super::accept(reported[0], b.qp.qpn, super::ACCEPT_COOKIE))?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    a.dev.ok(&connect_qp(&qp, a, b, CONNECT_COOKIE + 3))?;
    expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )
    .map(drop)
}

fn destroyed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    a.dev.ok(&connect(a, b, CONNECT_COOKIE))?;
    let event = expect_event(
        &b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    b.dev
        .ok(&Request::new(Opcode::DESTROY_LISTENER).set("listener", l.listener))?;
    let qp = a.another_qp(QpShape::default())?;
    a.dev.ok(&connect_qp(&qp, a, b, CONNECT_COOKIE + 1))?;
    expect_event(
        &a.dev,
        CONNECT_COOKIE + 1,
        EventCode::CONNECT_FAILED,
        Status::REFUSED,
    )?;
    // The one that was reported is still valid.
    b.dev.ok(&super::accept(
        event.connection.get(),
        b.qp.qpn,
        super::ACCEPT_COOKIE,
    ))?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK).map(drop)
}
