//! Disconnecting, losing and releasing connections.

use std::cell::Cell;

use rnic_abi::{
    CompletionStatus, EventCode, Opcode, ProviderError, QpState, Status, WorkOpcode, feature,
};
use rnic_platform::TestPlatform;

use super::{
    ACCEPT_COOKIE, CONNECT_COOKIE, by_connection, connected, expect_event, no_cm_event, reserve,
};
use crate::failure::{Outcome, check, equal, fail};
use crate::request::Request;
use crate::rig::commands::{ipv4, set_address};
use crate::rig::{End, QpShape, Wqe};
use crate::{Capability, Context, List, N, ends};

const CM: crate::Needs = N.features(feature::CONNECTIONS);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(
        list,
        "end.disconnect",
        &["CM-12", "CM-13", "QP-39", "CM-16", "CM-18"],
        CM,
        disconnect
    );
    ends!(
        list,
        "end.disconnect_flushes",
        &["CM-12", "QP-39", "QP-41"],
        CM,
        flushes
    );
    ends!(
        list,
        "end.passive_disconnects",
        &["CM-12", "CM-13", "CM-16"],
        CM,
        passive
    );
    ends!(list, "end.abortive", &["CM-12"], CM, abortive);
    ends!(list, "end.not_established", &["CM-12"], CM, not_established);
    ends!(list, "end.both_at_once", &["CM-12", "CM-13"], CM, both);
    ends!(
        list,
        "end.release",
        &["CM-14", "QP-10", "ADDR-6"],
        CM,
        release
    );
    ends!(
        list,
        "end.during_traffic",
        &["CM-12", "QP-39", "MEM-16"],
        CM,
        during_traffic
    );
    ends!(
        list,
        "end.error_while_connected",
        &["QP-7", "CM-13", "QP-37"],
        CM,
        error
    );
    ends!(
        list,
        "end.again_and_again",
        &["CM-15", "CM-17", "RESET-3"],
        CM,
        again
    );
    list.add(
        "end.peer_reset@peer",
        &["CM-13", "QP-40", "RESET-3", "ERR-4"],
        CM.capability(Capability::TwoFunctions)
            .lane(crate::Lane::Peer),
        peer_reset,
    );
    list.add(
        "end.peer_forgot@peer",
        &["CM-21", "CM-13", "CM-15", "RESET-3"],
        CM.capability(Capability::TwoFunctions)
            .lane(crate::Lane::Peer),
        peer_forgot,
    );
}

fn disconnect<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    c.pair.alive()?;
    let (dev_a, dev_b) = (c.dev_a(), c.dev_b());
    dev_a.ok(&by_connection(Opcode::DISCONNECT, c.active))?;
    expect_event(
        &dev_b,
        ACCEPT_COOKIE,
        EventCode::PEER_DISCONNECTED,
        Status::OK,
    )?;
    c.pair.b.qp.expect_state(&dev_b, QpState::QUIESCED)?;
    expect_event(&dev_a, CONNECT_COOKIE, EventCode::DISCONNECTED, Status::OK)?;
    c.pair.a.qp.expect_state(&dev_a, QpState::QUIESCED)?;
    // After PEER_DISCONNECTED it is legal, and ends at once.
    dev_b.ok(&by_connection(Opcode::DISCONNECT, c.passive))?;
    expect_event(&dev_b, ACCEPT_COOKIE, EventCode::DISCONNECTED, Status::OK)?;
    no_cm_event(&dev_a)?;
    no_cm_event(&dev_b)?;
    equal(
        "CONNECTIONS_ACTIVE",
        dev_a.counter("CONNECTIONS_ACTIVE")?,
        0,
    )?;
    for (dev, connection) in [(&dev_a, c.active), (&dev_b, c.passive)] {
        let again = by_connection(Opcode::DISCONNECT, connection);
        dev.refused(&again, Status::INVALID_STATE, "*", None)?;
        dev.ok(&by_connection(Opcode::RELEASE_CONNECTION, connection))?;
    }
    dev_a.ok(&c.pair.a.qp.destroy())?;
    dev_b.ok(&c.pair.b.qp.destroy()).map(drop)
}

fn flushes<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    let (dev_a, dev_b) = (c.dev_a(), c.dev_b());
    for i in 0..4 {
        c.pair.a.recv(i, 0, 64)?;
        c.pair.b.recv(0x20 + i, 0, 64)?;
    }
    dev_a.ok(&by_connection(Opcode::DISCONNECT, c.active))?;
    expect_event(&dev_a, CONNECT_COOKIE, EventCode::DISCONNECTED, Status::OK)?;
    for i in 0..4 {
        let done = c
            .pair
            .a
            .received(CompletionStatus::FLUSHED, ProviderError::QUEUE_FLUSHED)?;
        equal("context", done.context.get(), i)?;
    }
    // At the peer nothing is flushed by that, and nothing more is fetched.
    expect_event(
        &dev_b,
        ACCEPT_COOKIE,
        EventCode::PEER_DISCONNECTED,
        Status::OK,
    )?;
    c.pair.b.rcq.quiet(&dev_b)?;
    c.pair
        .b
        .post(&Wqe::new(WorkOpcode::SEND).context(0x30).inline(b"too late"))?;
    c.pair.b.scq.quiet(&dev_b)?;
    dev_b.ok(&by_connection(Opcode::DISCONNECT, c.passive))?;
    expect_event(&dev_b, ACCEPT_COOKIE, EventCode::DISCONNECTED, Status::OK)?;
    for i in 0..4 {
        let done = c
            .pair
            .b
            .received(CompletionStatus::FLUSHED, ProviderError::QUEUE_FLUSHED)?;
        equal("context", done.context.get(), 0x20 + i)?;
    }
    let done = c
        .pair
        .b
        .sent(CompletionStatus::FLUSHED, ProviderError::QUEUE_FLUSHED)?;
    equal("context", done.context.get(), 0x30)
}

fn passive<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    c.pair.alive()?;
    c.dev_b()
        .ok(&by_connection(Opcode::DISCONNECT, c.passive))?;
    expect_event(
        &c.dev_a(),
        CONNECT_COOKIE,
        EventCode::PEER_DISCONNECTED,
        Status::OK,
    )?;
    expect_event(
        &c.dev_b(),
        ACCEPT_COOKIE,
        EventCode::DISCONNECTED,
        Status::OK,
    )
    .map(drop)
}

fn abortive<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let c = connected(cx)?;
    let request = by_connection(Opcode::DISCONNECT, c.active).set("flags.abortive", 1);
    c.dev_a().ok(&request)?;
    expect_event(
        &c.dev_a(),
        CONNECT_COOKIE,
        EventCode::DISCONNECTED,
        Status::OK,
    )?;
    expect_event(
        &c.dev_b(),
        ACCEPT_COOKIE,
        EventCode::PEER_DISCONNECTED,
        Status::OK,
    )
    .map(drop)
}

fn not_established<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let l = super::listening(cx, 4)?;
    let (a, b) = (&l.pair.a, &l.pair.b);
    let active = a.dev.ok(&super::connect(a, b, CONNECT_COOKIE))?;
    let active = active.get32("connection");
    let refused = |dev: &crate::rig::Device<'_, P>, connection| {
        let request = by_connection(Opcode::DISCONNECT, connection);
        dev.refused(&request, Status::INVALID_STATE, "*", None)
    };
    let event = expect_event(
        &b.dev,
        super::LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    refused(&b.dev, event.connection.get())?;
    let accept = super::accept(event.connection.get(), b.qp.qpn, ACCEPT_COOKIE);
    b.dev.ok(&accept)?;
    expect_event(&a.dev, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    refused(&a.dev, active)?;
    // And the connection goes on as if nothing had been asked.
    a.dev.ok(&by_connection(Opcode::COMPLETE_CONNECT, active))?;
    expect_event(&b.dev, ACCEPT_COOKIE, EventCode::ESTABLISHED, Status::OK).map(drop)
}

fn both<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let c = connected(cx)?;
    let a = c
        .dev_a()
        .submit(&by_connection(Opcode::DISCONNECT, c.active))?;
    let b = c
        .dev_b()
        .submit(&by_connection(Opcode::DISCONNECT, c.passive))?;
    for (dev, ticket, cookie) in [
        (c.dev_a(), a, CONNECT_COOKIE),
        (c.dev_b(), b, ACCEPT_COOKIE),
    ] {
        equal(
            "status of DISCONNECT",
            dev.answer(ticket)?.status(),
            Status::OK,
        )?;
        // The peer's may have been first: then both events come, this one last.
        let mut last = super::next_event(&dev, cookie, "DISCONNECTED")?;
        if last.code == EventCode::PEER_DISCONNECTED {
            last = super::next_event(&dev, cookie, "DISCONNECTED")?;
        }
        equal("last event", last.code, EventCode::DISCONNECTED)?;
    }
    Ok(())
}

fn release<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let c = connected(cx)?;
    let (dev_a, dev_b) = (c.dev_a(), c.dev_b());
    dev_a.refused(&c.pair.a.qp.destroy(), Status::BUSY, "qpn", None)?;
    // In every state, this one included: it ends the connection, without an event.
    dev_a.ok(&by_connection(Opcode::RELEASE_CONNECTION, c.active))?;
    dev_a.settle();
    check(
        dev_a
            .take_event(|e| e.cookie.get() == CONNECT_COOKIE)?
            .is_none(),
        "an event came after RELEASE_CONNECTION",
    )?;
    let state = c.pair.a.qp.state(&dev_a)?;
    check(
        [QpState::QUIESCED, QpState::ERROR].contains(&state),
        format_args!("a queue pair is in {state} after RELEASE_CONNECTION"),
    )?;
    equal(
        "connection of QUERY_QP",
        c.pair.a.qp.query(&dev_a)?.get("connection"),
        0,
    )?;
    dev_a.ok(&c.pair.a.qp.destroy())?;
    // The endpoint: its own reference, the listener's and the connection's.
    dev_b.ok(&Request::new(Opcode::DESTROY_LISTENER).set("listener", c.listener))?;
    dev_b.ok(&Request::new(Opcode::RELEASE_ENDPOINT).set("endpoint", c.endpoint))?;
    dev_b.ok(&by_connection(Opcode::RELEASE_CONNECTION, c.passive))?;
    dev_b.ok(&reserve(c.pair.b.host, super::PORT)).map(drop)
}

fn during_traffic<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for idles in [0, 1, 3] {
        let mut c = connected(cx)?;
        let (dev_a, dev_b) = (c.dev_a(), c.dev_b());
        let sink = dev_b.region(c.pair.b.pd, 65536, crate::rig::commands::ALL_RIGHTS)?;
        for _ in 0..12 {
            let write = Wqe::new(WorkOpcode::WRITE)
                .remote(sink.va(0), sink.key)
                .segment(c.pair.a.mr.segment(0, 65536));
            c.pair.a.qp.send.post(&write.bytes);
        }
        c.pair.a.mr.write(0, &[0x77; 65536]);
        c.pair.a.qp.send.bell(&dev_a)?;
        for _ in 0..idles {
            dev_a.idle();
        }
        dev_a.ok(&by_connection(Opcode::DISCONNECT, c.active))?;
        expect_event(&dev_a, CONNECT_COOKIE, EventCode::DISCONNECTED, Status::OK)?;
        // Every entry completed once, done or flushed; and nothing is placed any more.
        for i in 0..12 {
            let done = c.pair.a.scq.next(&dev_a)?;
            equal("index", done.index.get(), i)?;
            check(
                [CompletionStatus::SUCCESS, CompletionStatus::FLUSHED].contains(&done.status()),
                format_args!(
                    "a write in flight at DISCONNECT completed with {}",
                    done.status()
                ),
            )?;
        }
        sink.write(0, &[0; 65536]);
        c.pair.a.scq.quiet(&dev_a)?;
        check(
            sink.read(0, 65536).iter().all(|b| *b == 0),
            "data were placed after DISCONNECTED",
        )?;
        dev_b.destroy_mr(sink.key)?;
    }
    Ok(())
}

fn error<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    let (dev_a, dev_b) = (c.dev_a(), c.dev_b());
    c.pair.b.recv(1, 0, 64)?;
    let bad = Wqe::new(WorkOpcode::WRITE)
        .remote(0x10, 0x00FF_F100)
        .inline(b"bad");
    c.pair.a.post(&bad)?;
    c.pair.a.sent(
        CompletionStatus::REMOTE_ACCESS_ERROR,
        ProviderError::PEER_ACCESS,
    )?;
    c.pair.a.in_error()?;
    c.pair.b.in_error()?;
    c.pair
        .b
        .received(CompletionStatus::FLUSHED, ProviderError::QUEUE_FLUSHED)?;
    for (dev, connection) in [(&dev_a, c.active), (&dev_b, c.passive)] {
        dev.ok(&by_connection(Opcode::RELEASE_CONNECTION, connection))?;
    }
    dev_a.ok(&c.pair.a.qp.destroy())?;
    dev_b.ok(&c.pair.b.qp.destroy()).map(drop)
}

fn again<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    for round in 0..6 {
        let (dev_a, dev_b) = (c.dev_a(), c.dev_b());
        c.pair
            .alive()
            .map_err(|f| f.while_doing(format_args!("round {round}")))?;
        dev_a.ok(&by_connection(Opcode::RELEASE_CONNECTION, c.active))?;
        expect_event(
            &dev_b,
            ACCEPT_COOKIE,
            EventCode::PEER_DISCONNECTED,
            Status::OK,
        )?;
        dev_b.ok(&by_connection(Opcode::RELEASE_CONNECTION, c.passive))?;
        dev_a.ok(&c.pair.a.qp.destroy())?;
        dev_b.ok(&c.pair.b.qp.destroy())?;
        let shape = crate::rig::QpShape::default();
        let old = c.pair.a.qp.qpn;
        c.pair.a.qp = c.pair.a.another_qp(shape)?;
        c.pair.b.qp = c.pair.b.another_qp(shape)?;
        if c.pair.a.qp.qpn == old {
            return fail("a queue pair number came back at once");
        }
        // What a device made anew would do: through the same listener.
        let request = super::connect(&c.pair.a, &c.pair.b, CONNECT_COOKIE);
        c.active = dev_a.ok(&request)?.get32("connection");
        let event = expect_event(
            &dev_b,
            super::LISTEN_COOKIE,
            EventCode::CONNECT_REQUEST,
            Status::OK,
        )?;
        c.passive = event.connection.get();
        dev_b.ok(&super::accept(c.passive, c.pair.b.qp.qpn, ACCEPT_COOKIE))?;
        expect_event(&dev_a, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
        dev_a.ok(&by_connection(Opcode::COMPLETE_CONNECT, c.active))?;
        expect_event(&dev_b, ACCEPT_COOKIE, EventCode::ESTABLISHED, Status::OK)?;
        for end in [&mut c.pair.a, &mut c.pair.b] {
            while end.scq.poll()?.is_some() {}
            while end.rcq.poll()?.is_some() {}
            end.scq.update(&end.dev)?;
            end.rcq.update(&end.dev)?;
        }
    }
    Ok(())
}

fn peer_reset<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    c.pair.alive()?;
    let dev_a = c.dev_a();
    c.pair.b.dev.reset()?;
    c.pair
        .a
        .post(&Wqe::new(WorkOpcode::SEND).context(1).inline(b"anybody?"))?;
    c.pair
        .a
        .post(&Wqe::new(WorkOpcode::SEND).context(2).inline(b"?"))?;
    c.pair
        .a
        .sent(CompletionStatus::RETRY_EXCEEDED, ProviderError::PEER_GONE)?;
    c.pair
        .a
        .sent(CompletionStatus::FLUSHED, ProviderError::QUEUE_FLUSHED)?;
    // A connection owns it: QUIESCED, and the connection is lost.
    c.pair.a.qp.reaches(&dev_a, QpState::QUIESCED)?;
    expect_event(
        &dev_a,
        CONNECT_COOKIE,
        EventCode::PEER_DISCONNECTED,
        Status::ABORTED,
    )?;
    check(
        dev_a.counter("CONNECTION_ERRORS")? >= 1,
        "CONNECTION_ERRORS does not count",
    )
}

/// Queue pairs that are made until one has the number of before the reset.
const QUEUE_PAIRS: u32 = 64;

/// The active side forgets the connection without a word, comes back, and connects from the same queue pair.
fn peer_forgot<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut c = connected(cx)?;
    c.pair.alive()?;
    let (old, host, dev_b) = (c.pair.a.qp.qpn, c.pair.a.host, c.dev_b());
    let dev_a = cx.device()?;
    dev_a.ok(&set_address(host.into(), ipv4(host)))?;
    let mut a = End::new(&dev_a, host, QpShape::default())?;
    for _ in 0..QUEUE_PAIRS {
        if a.qp.qpn == old {
            break;
        }
        a.qp = a.another_qp(QpShape::default())?;
    }
    if a.qp.qpn != old {
        // Numbers do not come back so soon: nobody can ask from this one.
        return Ok(());
    }
    let request = super::connect(&a, &c.pair.b, CONNECT_COOKIE);
    let refused = dev_a.ok(&request)?.get32("connection");
    let (failed, aborted) = (EventCode::CONNECT_FAILED, Status::ABORTED);
    expect_event(&dev_a, CONNECT_COOKIE, failed, aborted)?;
    dev_a.ok(&by_connection(Opcode::RELEASE_CONNECTION, refused))?;
    let (gone, lost) = (EventCode::PEER_DISCONNECTED, Status::ABORTED);
    expect_event(&dev_b, ACCEPT_COOKIE, gone, lost)?;
    c.pair.b.qp.reaches(&dev_b, QpState::QUIESCED)?;
    dev_b.ok(&by_connection(Opcode::RELEASE_CONNECTION, c.passive))?;
    let connection = Cell::new(dev_a.ok(&request)?.get32("connection"));
    dev_b.wait_for("the peer to be let in again", || {
        let asked = dev_b.take_event(|e| e.code() == EventCode::CONNECT_REQUEST)?;
        if asked.is_none() && dev_a.take_event(|e| e.code() == failed)?.is_some() {
            dev_a.ok(&by_connection(Opcode::RELEASE_CONNECTION, connection.get()))?;
            connection.set(dev_a.ok(&request)?.get32("connection"));
        }
        Ok(asked)
    })?;
    Ok(())
}
