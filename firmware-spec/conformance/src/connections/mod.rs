//! Addresses, endpoints, listeners and connections by the device's own connection manager.

mod addresses;
mod connect;
mod credits;
mod ending;
mod listen;

use std::rc::Rc;

use rnic_abi::{CmEvent, EventCode, GeneralEvent, Opcode, QpState, Status};
use rnic_platform::TestPlatform;

use crate::failure::{Outcome, equal, fail};
use crate::request::Request;
use crate::rig::commands::ipv4;
use crate::rig::{Device, End, Pair, Qp};
use crate::{Context, List};

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    addresses::tests(list);
    listen::tests(list);
    connect::tests(list);
    ending::tests(list);
    credits::tests(list);
}

/// Cookie of the listener.
const LISTEN_COOKIE: u64 = 0x1157_EE00_0000_0001;
/// Cookie of CONNECT.
const CONNECT_COOKIE: u64 = 0xC0EC_7000_0000_0002;
/// Cookie of ACCEPT.
const ACCEPT_COOKIE: u64 = 0xACCE_9700_0000_0003;
/// Port of the listener.
const PORT: u16 = 18515;

/// A connection event with its code.
struct Cm {
    code: EventCode,
    cookie: u64,
    body: CmEvent,
}

fn is_cm(code: EventCode) -> bool {
    (EventCode::CONNECT_REQUEST.0..=EventCode::DISCONNECTED.0).contains(&code.0)
}

fn parse(event: &GeneralEvent) -> Outcome<Cm> {
    match rnic_abi::read::<CmEvent>(&event.payload) {
        Some(body) => Ok(Cm {
            code: event.code(),
            cookie: event.cookie.get(),
            body,
        }),
        None => fail("the payload of a connection event is too short"),
    }
}

/// The next event of a connection, or of any when `connection` is zero, that has this cookie.
#[track_caller]
fn next_event<P: TestPlatform>(dev: &Device<'_, P>, cookie: u64, what: &str) -> Outcome<Cm> {
    let event = dev.wait_for(format_args!("{what} (cookie {cookie:#x})"), || {
        dev.take_event(|e| is_cm(e.code()) && e.cookie.get() == cookie)
    })?;
    parse(&event)
}

/// The next event with this cookie, which must have this code and status.
#[track_caller]
fn expect_event<P: TestPlatform>(
    dev: &Device<'_, P>,
    cookie: u64,
    code: EventCode,
    status: Status,
) -> Outcome<CmEvent> {
    let cm = next_event(dev, cookie, &code.to_string())?;
    equal("cookie", cm.cookie, cookie)?;
    equal(
        format_args!("event with cookie {cookie:#x}: code and status"),
        (cm.code, cm.body.status()),
        (code, status),
    )?;
    Ok(cm.body)
}

/// Checks that no connection event comes.
#[track_caller]
fn no_cm_event<P: TestPlatform>(dev: &Device<'_, P>) -> Outcome {
    dev.settle();
    match dev.take_event(|e| is_cm(e.code()))? {
        None => Ok(()),
        Some(e) => fail(format_args!("{} came, which must not", e.code())),
    }
}

/// Two ends in INIT, the second of which listens.
struct Listening<'p, P: TestPlatform> {
    pair: Pair<'p, P>,
    endpoint: u32,
    listener: u32,
}

/// The RESERVE_ENDPOINT of a port of the address at `index`.
fn reserve(index: u8, port: u16) -> Request {
    Request::new(Opcode::RESERVE_ENDPOINT)
        .set("address", index)
        .set("port", port)
}

#[track_caller]
fn listening<'p, P: TestPlatform>(cx: &Context<'p, P>, backlog: u32) -> Outcome<Listening<'p, P>> {
    let pair = cx.ends()?;
    let endpoint = pair
        .b
        .dev
        .ok(&reserve(pair.b.host, PORT))?
        .get32("endpoint");
    let listen = Request::new(Opcode::LISTEN)
        .set("endpoint", endpoint)
        .set("backlog", backlog)
        .set("cookie", LISTEN_COOKIE);
    let listener = pair.b.dev.ok(&listen)?.get32("listener");
    Ok(Listening {
        pair,
        endpoint,
        listener,
    })
}

/// The CONNECT from an end to the listener's address and port. Between two functions the next hop is given, so that only
/// the tests of address resolution depend on it.
fn connect<P: TestPlatform>(from: &End<'_, P>, to: &End<'_, P>, cookie: u64) -> Request {
    connect_qp(&from.qp, from, to, cookie)
}

fn connect_qp<P: TestPlatform>(
    qp: &Qp<P>,
    from: &End<'_, P>,
    to: &End<'_, P>,
    cookie: u64,
) -> Request {
    let request = Request::new(Opcode::CONNECT)
        .set("cookie", cookie)
        .set("qpn", qp.qpn)
        .set("address", from.host)
        .set("port", PORT)
        .set_bytes("destination", &ipv4(to.host))
        .set("read_depth_in", 8)
        .set("read_depth_out", 4)
        .set("retry_count", 7)
        .set("rnr_retry", 7)
        .set("private_length", 5)
        .set_bytes("private_data", b"hello");
    if Rc::ptr_eq(&from.dev, &to.dev) {
        return request;
    }
    request
        .set("flags.next_hop", 1)
        .set_bytes("next_hop", &crate::rig::pair::mac(&to.dev))
}

/// The ACCEPT of a connection.
fn accept(connection: u32, qpn: u32, cookie: u64) -> Request {
    Request::new(Opcode::ACCEPT)
        .set("connection", connection)
        .set("qpn", qpn)
        .set("cookie", cookie)
        .set("read_depth_in", 3)
        .set("read_depth_out", 16)
        .set("rnr_retry", 7)
        .set("private_length", 7)
        .set_bytes("private_data", b"welcome")
}

fn by_connection(code: Opcode, connection: u32) -> Request {
    Request::new(code).set("connection", connection)
}

/// Two ends that the connection manager connected.
struct Connected<'p, P: TestPlatform> {
    pair: Pair<'p, P>,
    /// Connection of the first end.
    active: u32,
    /// Connection of the second.
    passive: u32,
    endpoint: u32,
    listener: u32,
}

impl<'p, P: TestPlatform> Connected<'p, P> {
    fn dev_a(&self) -> Rc<Device<'p, P>> {
        Rc::clone(&self.pair.a.dev)
    }
    fn dev_b(&self) -> Rc<Device<'p, P>> {
        Rc::clone(&self.pair.b.dev)
    }
}

/// Connects two ends by the connection manager.
#[track_caller]
fn connected<'p, P: TestPlatform>(cx: &Context<'p, P>) -> Outcome<Connected<'p, P>> {
    let l = listening(cx, 4)?;
    let pair = l.pair;
    let active = pair
        .a
        .dev
        .ok(&connect(&pair.a, &pair.b, CONNECT_COOKIE))?
        .get32("connection");
    let request = expect_event(
        &pair.b.dev,
        LISTEN_COOKIE,
        EventCode::CONNECT_REQUEST,
        Status::OK,
    )?;
    let passive = request.connection.get();
    pair.b
        .dev
        .ok(&accept(passive, pair.b.qp.qpn, ACCEPT_COOKIE))?;
    expect_event(
        &pair.a.dev,
        CONNECT_COOKIE,
        EventCode::CONNECT_REPLY,
        Status::OK,
    )?;
    pair.a
        .dev
        .ok(&by_connection(Opcode::COMPLETE_CONNECT, active))?;
    expect_event(
        &pair.b.dev,
        ACCEPT_COOKIE,
        EventCode::ESTABLISHED,
        Status::OK,
    )?;
    pair.a.qp.expect_state(&pair.a.dev, QpState::RTS)?;
    pair.b.qp.expect_state(&pair.b.dev, QpState::RTS)?;
    Ok(Connected {
        pair,
        active,
        passive,
        endpoint: l.endpoint,
        listener: l.listener,
    })
}
