//! End-to-end flow control of queue pairs connected by hand.

use rnic_abi::{Opcode, Status, SyndromeReason as Reason, WorkOpcode, feature};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, check, equal, same_bytes};
use crate::request::Request;
use crate::rig::commands::{ipv4, set_address};
use crate::rig::pair::{Attributes, End, Peer, mac, to_rtr};
use crate::rig::{Pair, QpShape, Wqe};
use crate::{Context, Lane, List, N, Needs, ends};

const FLOW: Needs = N.features(feature::FLOW_CONTROL);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("flow.not_active", &["ROCE-50"], FLOW, not_active);
    list.add(
        "flow.limited@peer",
        &["ROCE-52", "ROCE-51"],
        FLOW.lane(Lane::Peer),
        limited,
    );
    list.add("flow.off@peer", &["ROCE-50"], FLOW.lane(Lane::Peer), off);
    ends!(list, "flow.mixed", &["ROCE-52", "ROCE-51"], FLOW, mixed);
}

/// The MODIFY_QP that switches it on.
fn switch(qpn: u32) -> Request {
    Request::new(Opcode::MODIFY_QP)
        .set("qpn", qpn)
        .set("mask.flow_control", 1)
        .set("flags.flow_control", 1)
}

/// Two ends that have it.
#[track_caller]
fn pair<'p, P: TestPlatform>(cx: &Context<'p, P>, both: bool) -> Outcome<Pair<'p, P>> {
    let pair = cx.ends()?;
    pair.a.dev.ok(&switch(pair.a.qp.qpn))?;
    if both {
        pair.b.dev.ok(&switch(pair.b.qp.qpn))?;
    }
    pair.connect(Attributes::default())?;
    Ok(pair)
}

fn not_active<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(cx.usual() & !feature::FLOW_CONTROL)?;
    device.ok(&set_address(1, ipv4(1)))?;
    let end = End::new(&device, 1, QpShape::default())?;
    device.refused(
        &switch(end.qp.qpn),
        Status::UNSUPPORTED,
        "flags",
        Reason::NOT_ACTIVE,
    )?;
    // To say that it is off needs no feature.
    device.ok(&switch(end.qp.qpn).set("flags.flow_control", 0))?;
    let peer = Peer {
        qpn: 5,
        host: 2,
        mac: mac(&device),
        psn: 0,
    };
    let rtr = to_rtr(end.qp.qpn, 1, &peer, Attributes::default());
    device.refused(
        &rtr.set("mask.flow_control", 1).set("flags.flow_control", 1),
        Status::UNSUPPORTED,
        "flags",
        Reason::NOT_ACTIVE,
    )
}

/// Posts eight sends that find no receive; frames that left while so many RNR NAKs came.
#[track_caller]
pub(crate) fn unready<P: TestPlatform>(pair: &mut Pair<'_, P>) -> Outcome<(u64, u64)> {
    let dev = std::rc::Rc::clone(&pair.a.dev);
    let (frames, naks) = (dev.counter("FRAMES_OUT")?, dev.counter("RNR_NAK_IN")?);
    for n in 0..8_u8 {
        let wqe = Wqe::new(WorkOpcode::SEND).inline(&[n; 20]);
        pair.a.qp.send.post(&wqe.bytes);
    }
    pair.a.qp.send.bell(&dev)?;
    dev.wait_for("three RNR NAKs", || {
        Ok((dev.counter("RNR_NAK_IN")? >= naks + 3).then_some(()))
    })?;
    let frames = dev.counter("FRAMES_OUT")? - frames;
    Ok((frames, dev.counter("RNR_NAK_IN")? - naks))
}

/// Gives the eight sends their receives, and checks that they arrive in order.
#[track_caller]
pub(crate) fn finish<P: TestPlatform>(pair: &mut Pair<'_, P>) -> Outcome {
    for n in 0..8_u8 {
        pair.b.recv(n.into(), 4096, 64)?;
        equal("context", pair.b.received_ok()?.context.get(), n.into())?;
        same_bytes("message", &pair.b.mr.read(4096, 20), &[n; 20])?;
    }
    for _ in 0..8 {
        pair.a.sent_ok()?;
    }
    pair.alive()
}

fn limited<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx, true)?;
    let (frames, naks) = unready(&mut pair)?;
    check(
        frames < 3 * naks,
        format_args!("{frames} frames left for {naks} RNR NAKs: more than one message at a time"),
    )?;
    finish(&mut pair)?;
    // With receives enough nothing is told off.
    let naks = pair.a.dev.counter("RNR_NAK_IN")?;
    for round in 0..4 {
        for n in 0..16 {
            pair.b.recv(n, 4096, 64)?;
        }
        for _ in 0..16 {
            let wqe = Wqe::new(WorkOpcode::SEND).inline(&[round; 9]);
            pair.a.qp.send.post(&wqe.bytes);
        }
        pair.a.qp.send.bell(&pair.a.dev)?;
        for _ in 0..16 {
            pair.a.sent_ok()?;
            pair.b.received_ok()?;
        }
    }
    pair.a.dev.counted("RNR_NAK_IN", naks, 0)
}

fn off<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.pair()?;
    let (frames, naks) = unready(&mut pair)?;
    check(
        frames > 3 * naks,
        format_args!("{frames} frames left for {naks} RNR NAKs without flow control"),
    )?;
    finish(&mut pair)?;
    // A peer that has no flow control sets no limit.
    let mut pair = self::pair(cx, false)?;
    for n in 0..4 {
        pair.b.recv(n, 4096, 64)?;
    }
    for n in 0..4_u8 {
        let wqe = Wqe::new(WorkOpcode::SEND).inline(&[n; 20]);
        pair.a.run(&wqe)?;
        pair.b.received_ok()?;
    }
    let (frames, naks) = unready(&mut pair)?;
    check(
        frames > 3 * naks,
        format_args!("{frames} frames left for {naks} RNR NAKs from a peer without flow control"),
    )?;
    finish(&mut pair)
}

fn mixed<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx, true)?;
    let (va, key) = (pair.b.mr.va(8192), pair.b.mr.key);
    let source = pair.a.mr.segment(0, 5000);
    let list = [
        Wqe::new(WorkOpcode::WRITE).remote(va, key).segment(source),
        Wqe::new(WorkOpcode::SEND).segment(source),
        Wqe::new(WorkOpcode::READ)
            .remote(va, key)
            .segment(pair.a.mr.segment(16_384, 5000)),
        Wqe::new(WorkOpcode::WRITE_IMMEDIATE)
            .immediate([1, 2, 3, 4])
            .remote(va, key)
            .segment(source),
        Wqe::new(WorkOpcode::SEND).segment(source),
    ];
    for round in 0..6_u64 {
        for wqe in &list {
            pair.a.qp.send.post(&wqe.bytes);
        }
        pair.a.qp.send.bell(&pair.a.dev)?;
        for n in 0..3 {
            if round % 2 == 0 {
                pair.a.dev.settle();
            }
            pair.b.recv(n, 32_768, 8192)?;
            let c = pair.b.received_ok()?;
            equal("context", c.context.get(), n)?;
            equal("byte_count", c.byte_count.get(), 5000)?;
        }
        for _ in &list {
            pair.a.sent_ok()?;
        }
    }
    pair.alive()
}
