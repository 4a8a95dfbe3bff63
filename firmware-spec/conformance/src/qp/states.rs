//! States of a queue pair and the commands that change them.

use std::collections::VecDeque;

use rnic_abi::{EventCode, Opcode, ProviderError, QpState, Status, SyndromeReason, WorkOpcode};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, check, equal};
use crate::request::Request;
use crate::rig::commands::{ipv4, set_address};
use crate::rig::pair::{Attributes, PSN_A, PSN_B, Peer, to_rtr, to_rts};
use crate::rig::{QpShape, Wqe};
use crate::{Context, List, N, ends};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    ends!(list, "qp.created_in_init", &["QP-1", "QP-9"], N, created);
    ends!(list, "qp.transitions", &["QP-4"], N, transitions);
    ends!(list, "qp.incomplete_attributes", &["QP-6"], N, incomplete);
    ends!(list, "qp.query", &["QP-9"], N, query);
    ends!(list, "qp.reset_state", &["QP-5"], N, reset_state);
    ends!(list, "qp.init_and_rtr", &["QP-5", "EV-3"], N, init_and_rtr);
    ends!(list, "qp.destroy", &["QP-10", "EV-4"], N, destroy);
    ends!(list, "qp.numbers", &["QP-10"], N, numbers);
    ends!(
        list,
        "qp.local_address",
        &["QP-4", "CMD-14"],
        N,
        local_address
    );
}

fn created<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let answer = pair.a.qp.query(&pair.a.dev)?;
    equal("state", answer.get("state"), QpState::INIT.0.into())?;
    equal("type", answer.get("qp_type"), rnic_abi::QpType::RC.0.into())?;
    for field in [
        "send_retired",
        "recv_retired",
        "send_fetched",
        "recv_fetched",
        "connection",
        "error",
    ] {
        equal(
            format_args!("{field} of a new queue pair"),
            answer.get(field),
            0,
        )?;
    }
    Ok(())
}

fn transitions<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let (dev, a) = (&pair.a.dev, Attributes::default());
    let peer = Peer {
        qpn: 77,
        host: pair.b.host,
        mac: crate::rig::pair::mac(&pair.b.dev),
        psn: 3,
    };
    let states = [
        QpState::RESET,
        QpState::INIT,
        QpState::RTR,
        QpState::RTS,
        QpState::ERROR,
    ];
    for from in states {
        for to in [0, 1, 2, 3, 4, 5].map(QpState) {
            let qp = pair.a.another_qp(QpShape {
                log_send: 2,
                log_recv: 2,
                ..QpShape::default()
            })?;
            let rtr = to_rtr(qp.qpn, pair.a.host, &peer, a);
            let rts = to_rts(qp.qpn, 9, a);
            match from {
                QpState::RESET => qp.go(dev, QpState::RESET)?,
                QpState::ERROR => qp.go(dev, QpState::ERROR)?,
                QpState::RTR => drop(dev.ok(&rtr)?),
                QpState::RTS => {
                    dev.ok(&rtr)?;
                    dev.ok(&rts)?;
                }
                _ => {}
            }
            qp.expect_state(dev, from)?;
            let request = match to {
                QpState::RTR => rtr,
                QpState::RTS => rts,
                to => qp.modify(to),
            };
            let legal = matches!(
                (from, to),
                (QpState::INIT, QpState::RTR)
                    | (QpState::RTR, QpState::RTS)
                    | (QpState::RESET, QpState::INIT)
                    | (_, QpState::ERROR | QpState::RESET)
            );
            let result = if legal {
                dev.ok(&request)?;
                qp.expect_state(dev, to)
            } else {
                dev.refused(
                    &request,
                    Status::INVALID_STATE,
                    "*",
                    SyndromeReason::WRONG_STATE,
                )?;
                qp.expect_state(dev, from)
            };
            result.map_err(|f| f.while_doing(format_args!("{from} to {to}")))?;
            dev.ok(&qp.destroy())?;
        }
    }
    Ok(())
}

fn incomplete<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let (dev, a) = (&pair.a.dev, Attributes::default());
    let peer = Peer {
        qpn: 77,
        host: pair.b.host,
        mac: crate::rig::pair::mac(&pair.b.dev),
        psn: 3,
    };
    let rtr = to_rtr(pair.a.qp.qpn, pair.a.host, &peer, a);
    for bit in ["mask.path", "mask.recv_psn"] {
        let request = rtr.clone().set(bit, 0);
        dev.refused(
            &request,
            Status::INVALID_STATE,
            "*",
            SyndromeReason::NOT_COMPLETE,
        )?;
        pair.a.qp.expect_state(dev, QpState::INIT)?;
    }
    // Given before, in a step of its own, is as good.
    dev.ok(&rtr.clone().set("mask.state", 0))?;
    pair.a.qp.expect_state(dev, QpState::INIT)?;
    pair.a.qp.go(dev, QpState::RTR)?;
    let rts = to_rts(pair.a.qp.qpn, 9, a);
    for bit in ["mask.send_psn", "mask.retry"] {
        let request = rts.clone().set(bit, 0);
        dev.refused(
            &request,
            Status::INVALID_STATE,
            "*",
            SyndromeReason::NOT_COMPLETE,
        )?;
        pair.a.qp.expect_state(dev, QpState::RTR)?;
    }
    dev.ok(&rts.set("mask.state", 0))?;
    pair.a.qp.go(dev, QpState::RTS)
}

fn query<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let attributes = Attributes {
        read_depth: 3,
        ..Attributes::default()
    };
    let mut pair = cx.pair_with(attributes)?;
    let answer = pair.a.qp.query(&pair.a.dev)?;
    let rows = [
        ("state", u64::from(QpState::RTS.0)),
        ("path_mtu", attributes.mtu.0.into()),
        ("peer_qpn", pair.b.qp.qpn.into()),
        ("send_psn", PSN_A.into()),
        ("recv_psn", PSN_B.into()),
        ("read_depth_in", 3),
        ("read_depth_out", 3),
        ("connection", 0),
        ("error", 0),
    ];
    for (field, value) in rows {
        equal(
            format_args!("{field} of QUERY_QP"),
            answer.get(field),
            value,
        )?;
    }
    equal(
        "peer_address of QUERY_QP",
        answer.field("peer_address"),
        &ipv4(pair.b.host)[..],
    )?;
    pair.alive()?;
    pair.alive()?;
    pair.alive()?;
    let answer = pair.a.qp.query(&pair.a.dev)?;
    for (field, value) in [
        ("send_retired", 3),
        ("recv_retired", 3),
        ("send_fetched", 3),
        ("recv_fetched", 3),
    ] {
        equal(
            format_args!("{field} after three messages each way"),
            answer.get(field),
            value,
        )?;
    }
    // Packet numbers wrap at 2^24.
    equal(
        "send_psn",
        answer.get("send_psn"),
        u64::from(PSN_A.wrapping_add(3) & 0xFF_FFFF),
    )?;
    equal("recv_psn", answer.get("recv_psn"), u64::from(PSN_B + 3))
}

fn reset_state<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    pair.alive()?;
    pair.b.recv(1, 0, 64)?;
    pair.b.recv(2, 0, 64)?;
    for end in [&mut pair.a, &mut pair.b] {
        end.qp.go(&end.dev, QpState::RESET)?;
        end.rcq.quiet(&end.dev)?;
        let answer = end.qp.query(&end.dev)?;
        for field in [
            "send_retired",
            "recv_retired",
            "send_fetched",
            "recv_fetched",
        ] {
            equal(format_args!("{field} in RESET"), answer.get(field), 0)?;
        }
        end.qp.go(&end.dev, QpState::INIT)?;
        // Indices begin at zero again.
        (end.qp.send.producer, end.qp.recv.producer) = (0, 0);
    }
    pair.connect(Attributes::default())?;
    pair.alive()?;
    pair.alive()
}

fn init_and_rtr<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends()?;
    let a = Attributes::default();
    // Receives posted in INIT are kept.
    pair.b.recv(0x11, 0, 64)?;
    // Sends posted in INIT and RTR are not fetched before RTS.
    pair.a.post(&Wqe::new(WorkOpcode::SEND).inline(b"early"))?;
    let peer_b = Peer {
        qpn: pair.b.qp.qpn,
        host: pair.b.host,
        mac: crate::rig::pair::mac(&pair.b.dev),
        psn: PSN_B,
    };
    let peer_a = Peer {
        qpn: pair.a.qp.qpn,
        host: pair.a.host,
        mac: crate::rig::pair::mac(&pair.a.dev),
        psn: PSN_A,
    };
    pair.a
        .dev
        .ok(&to_rtr(pair.a.qp.qpn, pair.a.host, &peer_b, a))?;
    pair.b
        .dev
        .ok(&to_rtr(pair.b.qp.qpn, pair.b.host, &peer_a, a))?;
    pair.a.scq.quiet(&pair.a.dev)?;
    equal(
        "entries fetched before RTS",
        pair.a.qp.query(&pair.a.dev)?.get("send_fetched"),
        0,
    )?;
    pair.a.dev.ok(&to_rts(pair.a.qp.qpn, PSN_A, a))?;
    pair.a.sent_ok()?;
    // The responder in RTR executes it, and says that communication is established, once.
    let c = pair.b.received_ok()?;
    equal(
        "context of the receive posted in INIT",
        c.context.get(),
        0x11,
    )?;
    let qpn = pair.b.qp.qpn;
    let about = move |e: &rnic_abi::GeneralEvent| {
        e.code() == EventCode::COMMUNICATION_ESTABLISHED
            && rnic_abi::read::<rnic_abi::QpEvent>(&e.payload).is_some_and(|q| q.qpn.get() == qpn)
    };
    pair.b
        .dev
        .wait_for("COMMUNICATION_ESTABLISHED", || pair.b.dev.take_event(about))?;
    pair.b.recv(0x12, 0, 64)?;
    pair.a.run(&Wqe::new(WorkOpcode::SEND).inline(b"second"))?;
    pair.b.received_ok()?;
    pair.b.dev.settle();
    check(
        pair.b.dev.take_event(about)?.is_none(),
        "COMMUNICATION_ESTABLISHED came twice",
    )?;
    pair.b.qp.expect_state(&pair.b.dev, QpState::RTR)?;
    pair.b.dev.ok(&to_rts(pair.b.qp.qpn, PSN_B, a))?;
    pair.alive()
}

fn destroy<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    for i in 0..4 {
        pair.b.recv(i, 0, 64)?;
        pair.a.recv(i, 0, 64)?;
    }
    let big = Wqe::new(WorkOpcode::WRITE)
        .remote(pair.b.mr.va(0), pair.b.mr.key)
        .segment(pair.a.mr.segment(0, 65536));
    for _ in 0..4 {
        pair.a.post(&big)?;
    }
    pair.a.dev.ok(&pair.a.qp.destroy())?;
    // Completions of before the answer may lie there; after it nothing comes.
    while pair.a.scq.poll()?.is_some() {}
    pair.a.scq.quiet(&pair.a.dev)?;
    pair.a.rcq.quiet(&pair.a.dev)?;
    let qpn = pair.a.qp.qpn;
    pair.a.dev.refused(
        &Request::new(Opcode::QUERY_QP).set("qpn", qpn),
        Status::NO_SUCH_OBJECT,
        "qpn",
        SyndromeReason::NOT_FOUND,
    )?;
    pair.a
        .dev
        .ok(&Request::new(Opcode::DESTROY_CQ).set("cqn", pair.a.scq.cqn))
        .map(drop)
}

fn numbers<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let shape = QpShape {
        log_send: 1,
        log_recv: 1,
        ..QpShape::default()
    };
    let mut recent = VecDeque::new();
    for _ in 0..160 {
        let qp = pair.a.another_qp(shape)?;
        check(
            !recent.contains(&qp.qpn),
            format_args!("queue pair number {} came back within 64", qp.qpn),
        )?;
        pair.a.dev.ok(&qp.destroy())?;
        recent.push_back(qp.qpn);
        if recent.len() > 64 {
            recent.pop_front();
        }
    }
    Ok(())
}

fn local_address<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let pair = cx.ends()?;
    let dev = &pair.a.dev;
    let peer = Peer {
        qpn: 5,
        host: pair.b.host,
        mac: crate::rig::pair::mac(&pair.b.dev),
        psn: 1,
    };
    let rtr = to_rtr(pair.a.qp.qpn, pair.a.host, &peer, Attributes::default());
    let empty = dev.limit("addresses")? - 1;
    let answer = dev.call(&rtr.clone().set("local_address", empty))?;
    check(
        answer.status() != Status::OK,
        "MODIFY_QP took an empty entry of the address table",
    )?;
    equal(
        "offset of the syndrome",
        answer.offset(),
        rtr.place("local_address").offset as u16,
    )?;
    pair.a.qp.expect_state(dev, QpState::INIT)?;
    dev.ok(&set_address(empty as u16, ipv4(99)))?;
    dev.ok(&rtr.set("local_address", empty))?;
    equal(
        "error of a healthy queue pair",
        pair.a.qp.error(dev)?,
        ProviderError::NONE,
    )
}
