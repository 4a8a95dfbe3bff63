//! Queue pairs of type UC: creation, operations, what is lost and what that leaves.

use rnic_abi::{
    CompletionStatus as Done, Mtu, Opcode, ProviderError as Error, QpState, QpType, Status,
    SyndromeReason as Reason, WorkOpcode, feature,
};
use rnic_platform::TestPlatform;

use super::station::{answer_question, frame};
use crate::failure::{Outcome, check, equal, same_bytes};
use crate::request::Request;
use crate::rig::commands::{ipv4, set_address};
use crate::rig::entry::flag;
use crate::rig::memory::pattern;
use crate::rig::pair::{Attributes, End, PSN_A, Peer, mac, to_rtr, to_rts};
use crate::rig::{Pair, QpShape, Wqe};
use crate::{Capability, Context, List, N, Needs, ends};

const UC: Needs = N.features(feature::UC);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("uc.states", &["UC-1", "QP-6", "QP-9"], UC, states);
    list.add("uc.not_active", &["QP-2", "BRING-9"], UC, not_active);
    list.add("uc.not_connected", &["CM-1", "UC-1"], UC, not_connected);
    list.add("uc.opcodes", &["UC-2", "QP-16"], UC, opcodes);
    ends!(list, "uc.send", &["UC-3", "UC-4", "QP-21"], UC, send);
    ends!(list, "uc.write", &["UC-3", "UC-4", "QP-24"], UC, write);
    ends!(list, "uc.reuse", &["UC-3"], UC, reuse);
    ends!(list, "uc.numbers", &["UC-4", "UC-5"], UC, numbers);
    ends!(list, "uc.dropped", &["UC-6", "UC-5"], UC, dropped);
    list.add(
        "uc.next_hop",
        &["UC-7", "ADDR-7", "ADDR-8"],
        UC.capability(Capability::Port),
        next_hop,
    );
    ends!(list, "uc.services", &["ROCE-26"], UC, services);
}

/// Two ends of type UC in RTS.
#[track_caller]
fn pair<'p, P: TestPlatform>(cx: &Context<'p, P>, mtu: Mtu) -> Outcome<Pair<'p, P>> {
    let pair = cx.ends_of(QpShape::of(QpType::UC))?;
    pair.connect(Attributes {
        mtu,
        ..Attributes::default()
    })?;
    Ok(pair)
}

fn states<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let end = End::new(&device, 1, QpShape::of(QpType::UC))?;
    let qpn = end.qp.qpn;
    equal(
        "qp_type",
        end.qp.query(&device)?.get("qp_type"),
        QpType::UC.0.into(),
    )?;
    let peer = Peer {
        qpn: 0x77,
        host: 2,
        mac: mac(&device),
        psn: 5,
    };
    // What means nothing to it need not be given.
    let rtr = to_rtr(qpn, 1, &peer, Attributes::default())
        .set("mask.read_depth", 0)
        .set("mask.rnr_timer", 0);
    for mask in ["mask.path", "mask.recv_psn"] {
        device.refused(
            &rtr.clone().set(mask, 0),
            Status::INVALID_STATE,
            "state",
            Reason::NOT_COMPLETE,
        )?;
    }
    device.ok(&rtr)?;
    let rts = to_rts(qpn, PSN_A, Attributes::default()).set("mask.retry", 0);
    device.refused(
        &rts.clone().set("mask.send_psn", 0),
        Status::INVALID_STATE,
        "state",
        Reason::NOT_COMPLETE,
    )?;
    device.ok(&rts)?;
    let answer = end.qp.query(&device)?;
    equal("state", answer.get("state"), QpState::RTS.0.into())?;
    equal("send_psn", answer.get32("send_psn"), PSN_A)?;
    equal("recv_psn", answer.get32("recv_psn"), 5)?;
    device.ok(&end.qp.destroy()).map(drop)
}

fn not_active<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(cx.usual() & !feature::UC)?;
    let reliable = End::new(&device, 1, QpShape::default())?;
    let rings = crate::rig::qp::QpRings::new(&device, QpShape::of(QpType::UC))?;
    let cqns = (reliable.scq.cqn, reliable.rcq.cqn);
    device.refused(
        &rings.request(reliable.pd, cqns, QpShape::of(QpType::UC)),
        Status::UNSUPPORTED,
        "qp_type",
        Reason::NOT_ACTIVE,
    )
}

fn not_connected<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.device()?;
    if !device.has(feature::CONNECTIONS) {
        return crate::failure::skip("feature CONNECTIONS is not offered");
    }
    device.ok(&set_address(1, ipv4(1)))?;
    let end = End::new(&device, 1, QpShape::of(QpType::UC))?;
    let connect = Request::new(Opcode::CONNECT)
        .set("qpn", end.qp.qpn)
        .set("address", 1)
        .set("port", 7)
        .set_bytes("destination", &ipv4(9));
    device.refused(&connect, Status::INVALID_STATE, "qpn", Reason::WRONG_KIND)
}

fn opcodes<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let mut end = End::new(&device, 1, QpShape::of(QpType::UC))?;
    let peer = Peer {
        qpn: 0x77,
        host: 2,
        mac: mac(&device),
        psn: 5,
    };
    for opcode in [
        WorkOpcode::READ,
        WorkOpcode::READ_INVALIDATE,
        WorkOpcode::COMPARE_SWAP,
        WorkOpcode::FETCH_ADD,
        WorkOpcode::SEND_INVALIDATE,
    ] {
        device.ok(&to_rtr(end.qp.qpn, 1, &peer, Attributes::default()))?;
        device.ok(&to_rts(end.qp.qpn, PSN_A, Attributes::default()))?;
        let wqe = Wqe::new(opcode)
            .remote(end.mr.va(0), end.mr.key)
            .segment(end.mr.segment(0, 8));
        end.post(&wqe)?;
        end.sent(Done::LOCAL_OPERATION_ERROR, Error::BAD_OPCODE)?;
        end.qp.reaches(&device, QpState::ERROR)?;
        device.ok(&end.qp.destroy())?;
        end.qp = end.another_qp(QpShape::of(QpType::UC))?;
    }
    Ok(())
}

/// Lengths around packets of 256 and 4096 bytes.
const LENGTHS: [u32; 8] = [0, 1, 255, 256, 257, 4096, 4097, 30_000];

fn send<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for mtu in [Mtu::MTU_256, Mtu::MTU_1024] {
        let mut pair = pair(cx, mtu)?;
        for (i, length) in LENGTHS.into_iter().enumerate() {
            let data = pattern(length as usize, i as u8);
            pair.a.mr.write(7, &data);
            pair.b.recv(i as u64, 100, 32_000)?;
            let immediate = i % 2 == 0;
            let mut wqe = Wqe::new(WorkOpcode::SEND);
            if immediate {
                wqe = Wqe::new(WorkOpcode::SEND_IMMEDIATE).immediate([9, 8, 7, i as u8]);
            }
            pair.a.run(
                &wqe.flags(flag::SOLICITED)
                    .segment(pair.a.mr.segment(7, length)),
            )?;
            let c = pair.b.received_ok()?;
            equal("byte_count", c.byte_count.get(), length)?;
            equal("context", c.context.get(), i as u64)?;
            equal("flags.immediate", c.flags().immediate(), immediate)?;
            equal("flags.solicited", c.flags().solicited(), true)?;
            if immediate {
                let wire = c.immediate.get().to_le_bytes();
                same_bytes("immediate data", &wire, &[9, 8, 7, i as u8])?;
            }
            same_bytes("message", &pair.b.mr.read(100, length as usize), &data)?;
        }
        if !pair.same {
            equal("RNR_NAK_OUT", pair.b.dev.counter("RNR_NAK_OUT")?, 0)?;
            equal(
                "FRAMES_OUT of the receiver",
                pair.b.dev.counter("FRAMES_OUT")?,
                0,
            )?;
        }
        pair.a.dev.ok(&pair.a.qp.destroy())?;
        pair.b.dev.ok(&pair.b.qp.destroy())?;
    }
    Ok(())
}

fn write<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx, Mtu::MTU_1024)?;
    for (i, length) in LENGTHS.into_iter().enumerate() {
        let data = pattern(length as usize, i as u8);
        pair.a.mr.write(7, &data);
        pair.b.mr.write(0, &[0xEE; 32_768]);
        let from = pair.a.mr.segment(7, length);
        pair.b.recv(i as u64, 40_000, 64)?;
        pair.a.run(
            &Wqe::new(WorkOpcode::WRITE)
                .remote(pair.b.mr.va(100), pair.b.mr.key)
                .segment(from),
        )?;
        // The receive is not the write's; what comes after it says that it has arrived.
        pair.a.run(
            &Wqe::new(WorkOpcode::WRITE_IMMEDIATE)
                .immediate([1, 2, 3, 4])
                .remote(pair.b.mr.va(31_000), pair.b.mr.key)
                .inline(b"behind"),
        )?;
        let c = pair.b.received_ok()?;
        equal("byte_count", c.byte_count.get(), 6)?;
        equal("opcode", c.opcode(), WorkOpcode::WRITE_IMMEDIATE)?;
        same_bytes("data", &pair.b.mr.read(100, length as usize), &data)?;
        same_bytes("data behind", &pair.b.mr.read(31_000, 6), b"behind")?;
        same_bytes("byte before", &pair.b.mr.read(99, 1), &[0xEE])?;
    }
    Ok(())
}

fn reuse<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx, Mtu::MTU_1024)?;
    for round in 0..8_u8 {
        pair.b.recv(round.into(), 0, 20_000)?;
        pair.a.mr.write(0, &vec![round; 20_000]);
        pair.a
            .run(&Wqe::new(WorkOpcode::SEND).segment(pair.a.mr.segment(0, 20_000)))?;
        // It has left: the buffer is the driver's again.
        pair.a.mr.write(0, &vec![0xFF; 20_000]);
        pair.b.received_ok()?;
        same_bytes("message", &pair.b.mr.read(0, 20_000), &vec![round; 20_000])?;
    }
    Ok(())
}

/// The sender begins anew at another number, as after the loss of everything between.
#[track_caller]
fn skip_to<P: TestPlatform>(pair: &mut Pair<'_, P>, psn: u32) -> Outcome {
    let peer = Peer {
        qpn: pair.b.qp.qpn,
        host: pair.b.host,
        mac: mac(&pair.b.dev),
        psn: 0,
    };
    pair.a.qp.go(&pair.a.dev, QpState::RESET)?;
    pair.a.qp.go(&pair.a.dev, QpState::INIT)?;
    pair.a.qp.send.producer = 0;
    pair.a.qp.recv.producer = 0;
    let a = Attributes::default();
    pair.a
        .dev
        .ok(&to_rtr(pair.a.qp.qpn, pair.a.host, &peer, a))?;
    pair.a.dev.ok(&to_rts(pair.a.qp.qpn, psn, a)).map(drop)
}

fn numbers<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx, Mtu::MTU_1024)?;
    let before = pair.b.dev.counter("MESSAGES_ABANDONED")?;
    let send =
        |pair: &Pair<'_, P>, bytes| Wqe::new(WorkOpcode::SEND).segment(pair.a.mr.segment(0, bytes));
    // FIRST and ONLY begin a message, whatever their number.
    for psn in [PSN_A, 0x12_3456, 0, 0x80_0000] {
        skip_to(&mut pair, psn)?;
        for bytes in [3000, 10] {
            pair.b.recv(1, 0, 4096)?;
            pair.a.run(&send(&pair, bytes))?;
            equal("byte_count", pair.b.received_ok()?.byte_count.get(), bytes)?;
        }
        let next = (psn + 4) & 0xFF_FFFF;
        let recv_psn = pair.b.qp.query(&pair.b.dev)?.get32("recv_psn");
        equal("recv_psn", recv_psn, next)?;
    }
    pair.b.dev.counted("MESSAGES_ABANDONED", before, 0)?;
    // A longer packet than the path MTU of the receiver, and what follows it, is given up; the next message is not.
    let peer = Peer {
        qpn: pair.a.qp.qpn,
        host: pair.a.host,
        mac: mac(&pair.a.dev),
        psn: 0,
    };
    pair.b.qp.go(&pair.b.dev, QpState::RESET)?;
    pair.b.qp.go(&pair.b.dev, QpState::INIT)?;
    pair.b.qp.recv.producer = 0;
    let small = Attributes {
        mtu: Mtu::MTU_256,
        ..Attributes::default()
    };
    pair.b
        .dev
        .ok(&to_rtr(pair.b.qp.qpn, pair.b.host, &peer, small))?;
    pair.b.recv(5, 0, 8192)?;
    pair.a.run(&send(&pair, 3000))?;
    pair.b.dev.counted("MESSAGES_ABANDONED", before, 1)?;
    pair.b.rcq.quiet(&pair.b.dev)?;
    pair.a.run(&send(&pair, 256))?;
    equal("context", pair.b.received_ok()?.context.get(), 5)?;
    pair.b.dev.counted("MESSAGES_ABANDONED", before, 1)?;
    pair.b.qp.expect_state(&pair.b.dev, QpState::RTR)
}

fn dropped<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx, Mtu::MTU_1024)?;
    let none = pair.b.dev.counter("DROPPED_NO_RECEIVE")?;
    let short = pair.b.dev.counter("DROPPED_TOO_LONG")?;
    let access = pair.b.dev.counter("DROPPED_ACCESS")?;
    let abandoned = pair.b.dev.counter("MESSAGES_ABANDONED")?;
    let from = pair.a.mr.segment(0, 3000);
    let remote = |pair: &Pair<'_, P>, opcode, key| {
        Wqe::new(opcode)
            .remote(pair.b.mr.va(8192), key)
            .segment(pair.a.mr.segment(0, 3000))
    };
    pair.a.run(&Wqe::new(WorkOpcode::SEND).segment(from))?;
    pair.b.dev.counted("DROPPED_NO_RECEIVE", none, 1)?;
    let wqe = remote(&pair, WorkOpcode::WRITE_IMMEDIATE, pair.b.mr.key);
    pair.a.run(&wqe)?;
    pair.b.dev.counted("DROPPED_NO_RECEIVE", none, 2)?;
    pair.b.recv(4, 0, 1500)?;
    pair.a.run(&Wqe::new(WorkOpcode::SEND).segment(from))?;
    pair.b.dev.counted("DROPPED_TOO_LONG", short, 1)?;
    pair.b.mr.write(8192, &[0xEE; 3000]);
    let wqe = remote(&pair, WorkOpcode::WRITE, pair.b.mr.key ^ 0xFF);
    pair.a.run(&wqe)?;
    pair.b.dev.counted("DROPPED_ACCESS", access, 1)?;
    same_bytes("memory", &pair.b.mr.read(8192, 3000), &[0xEE; 3000])?;
    pair.b.rcq.quiet(&pair.b.dev)?;
    // The receive that was taken is still there, and so are both queue pairs.
    let data = pattern(1500, 3);
    pair.a.mr.write(0, &data);
    pair.a
        .run(&Wqe::new(WorkOpcode::SEND).segment(pair.a.mr.segment(0, 1500)))?;
    equal("context", pair.b.received_ok()?.context.get(), 4)?;
    same_bytes("message", &pair.b.mr.read(0, 1500), &data)?;
    pair.b.dev.counted("MESSAGES_ABANDONED", abandoned, 0)?;
    pair.a.qp.expect_state(&pair.a.dev, QpState::RTS)?;
    pair.b.qp.expect_state(&pair.b.dev, QpState::RTS)
}

fn services<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let (a, b) = cx.devices()?;
    let mut pair = Pair::unconnected(&a, &b, (QpShape::of(QpType::UC), QpShape::default()))?;
    pair.connect(Attributes::default())?;
    let before = pair.b.dev.counter("DROPPED_NO_QP")?;
    pair.b.mr.write(0, &[0xEE; 64]);
    let wqe = Wqe::new(WorkOpcode::WRITE)
        .remote(pair.b.mr.va(0), pair.b.mr.key)
        .inline(b"of another service");
    pair.a.run(&wqe)?;
    pair.b.dev.counted("DROPPED_NO_QP", before, 1)?;
    same_bytes("memory", &pair.b.mr.read(0, 64), &[0xEE; 64])?;
    check(
        pair.b.qp.state(&pair.b.dev)? == QpState::RTS,
        "a frame of another service ended a connection",
    )
}

fn next_hop<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let mut end = End::new(&device, 1, QpShape::of(QpType::UC))?;
    let peer = Peer {
        qpn: 0x77,
        host: 9,
        mac: mac(&device),
        psn: 5,
    };
    let rtr = to_rtr(end.qp.qpn, 1, &peer, Attributes::default()).set("mask.next_hop", 0);
    device.ok(&rtr)?;
    device.ok(&to_rts(end.qp.qpn, PSN_A, Attributes::default()))?;
    for message in [b"first ", b"second"] {
        end.post(&Wqe::new(WorkOpcode::SEND).inline(message))?;
    }
    device.settle();
    check(end.scq.poll()?.is_none(), "a message left for nowhere")?;
    answer_question(cx, 9)?;
    for message in [b"first ", b"second"] {
        let f = frame(cx, "a message", |f| {
            f.len() >= 64 && f[12..14] == [8, 0] && f[36..38] == 4791_u16.to_be_bytes()
        })?;
        equal("opcode", f[42], 0x24)?;
        same_bytes("message", &f[54..60], message)?;
        end.sent_ok()?;
    }
    // Nobody answers: lost, after a while.
    let mut end = End::new(&device, 1, QpShape::of(QpType::UC))?;
    let nobody = Peer { host: 10, ..peer };
    let rtr = to_rtr(end.qp.qpn, 1, &nobody, Attributes::default()).set("mask.next_hop", 0);
    device.ok(&rtr)?;
    device.ok(&to_rts(end.qp.qpn, PSN_A, Attributes::default()))?;
    end.post(&Wqe::new(WorkOpcode::SEND).inline(b"lost"))?;
    device.settle();
    check(end.scq.poll()?.is_none(), "a message left for nobody")?;
    device.pass(4_200_000_000);
    end.sent_ok().map(drop)
}
