//! End-to-end flow control that the connection manager negotiates.

use rnic_abi::{EventCode, Opcode, Status, SyndromeReason as Reason, feature};
use rnic_platform::TestPlatform;

use super::{ACCEPT_COOKIE, CONNECT_COOKIE, LISTEN_COOKIE, PORT};
use super::{accept, by_connection, connect, expect_event, reserve};
use crate::failure::{Outcome, check};
use crate::qp::credits::{finish, unready};
use crate::request::Request;
use crate::rig::commands::{ipv4, set_address};
use crate::rig::{Device, End, Pair, QpShape};
use crate::{Context, Lane, List, N, Needs};

const CM: Needs = N.features(feature::CONNECTIONS | feature::FLOW_CONTROL);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("flow.connect_not_active", &["ROCE-50"], CM, not_active);
    list.add(
        "flow.negotiated@peer",
        &["ROCE-53", "ROCE-52"],
        CM.lane(Lane::Peer),
        negotiated,
    );
}

fn not_active<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(cx.usual() & !feature::FLOW_CONTROL)?;
    device.ok(&set_address(1, ipv4(1)))?;
    let end = End::new(&device, 1, QpShape::default())?;
    let request = Request::new(Opcode::CONNECT)
        .set("qpn", end.qp.qpn)
        .set("address", 1)
        .set("port", PORT)
        .set("flags.flow_control", 1)
        .set_bytes("destination", &ipv4(9));
    device.refused(&request, Status::UNSUPPORTED, "flags", Reason::NOT_ACTIVE)
}

/// Connects two functions, of which the passive one has these features.
#[track_caller]
fn connected<'p, P: TestPlatform>(
    cx: &Context<'p, P>,
    wanted: bool,
    features: u64,
) -> Outcome<Pair<'p, P>> {
    let a = cx.device()?;
    let machine = cx.other_machine()?;
    let usual = machine.offered() & !feature::GUEST_QP1;
    let b = std::rc::Rc::new(Device::negotiated(&machine, usual & features)?);
    b.make_general()?;
    let pair = Pair::unconnected(&a, &b, (QpShape::default(), QpShape::default()))?;
    let endpoint = b.ok(&reserve(pair.b.host, PORT))?.get32("endpoint");
    let listen = Request::new(Opcode::LISTEN)
        .set("endpoint", endpoint)
        .set("backlog", 4)
        .set("cookie", LISTEN_COOKIE);
    b.ok(&listen)?;
    let request = connect(&pair.a, &pair.b, CONNECT_COOKIE).set("flags.flow_control", wanted);
    let active = a.ok(&request)?.get32("connection");
    let code = EventCode::CONNECT_REQUEST;
    let asked = expect_event(&b, LISTEN_COOKIE, code, Status::OK)?;
    b.ok(&accept(
        asked.connection.get(),
        pair.b.qp.qpn,
        ACCEPT_COOKIE,
    ))?;
    expect_event(&a, CONNECT_COOKIE, EventCode::CONNECT_REPLY, Status::OK)?;
    a.ok(&by_connection(Opcode::COMPLETE_CONNECT, active))?;
    expect_event(&b, ACCEPT_COOKIE, EventCode::ESTABLISHED, Status::OK)?;
    Ok(pair)
}

fn negotiated<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for (wanted, features, on) in [
        (true, u64::MAX, true),
        (false, u64::MAX, false),
        (true, !feature::FLOW_CONTROL, false),
    ] {
        let mut pair = connected(cx, wanted, features)?;
        let (frames, naks) = unready(&mut pair)?;
        check(
            (frames < 3 * naks) == on,
            format_args!(
                "{frames} frames left for {naks} RNR NAKs; wanted {wanted}, in force {on}"
            ),
        )?;
        finish(&mut pair)?;
        pair.a.dev.reset()?;
        pair.b.dev.reset()?;
    }
    Ok(())
}
