//! Queue pairs of type UD: creation, entries, what arrives and what does not.

use rnic_abi::consts::GRH_BYTES;
use rnic_abi::{
    CompletionStatus as Done, Mtu, Opcode, ProviderError as Error, QpState, QpType, Status,
    SyndromeReason as Reason, WorkOpcode, feature,
};
use rnic_platform::TestPlatform;

use super::station::{STATION, answer_question, frame};
use crate::failure::{Outcome, check, equal, same_bytes};
use crate::request::Request;
use crate::rig::commands::{ipv4, ipv6, set_address};
use crate::rig::entry::flag;
use crate::rig::memory::pattern;
use crate::rig::pair::End;
use crate::rig::{Pair, QpShape, Wqe};
use crate::{Capability, Context, List, N, Needs, ends};

const UD: Needs = N.features(feature::UD);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("ud.states", &["UD-1", "QP-6", "QP-9"], UD, states);
    list.add("ud.not_active", &["QP-2", "BRING-9"], UD, not_active);
    list.add("ud.path", &["UD-2"], UD, path);
    list.add("ud.not_connected", &["CM-1", "CM-3"], UD, not_connected);
    ends!(list, "ud.send", &["UD-5", "UD-9", "UD-1"], UD, send);
    ends!(list, "ud.ipv6", &["UD-9", "UD-8"], UD, send_ipv6);
    ends!(list, "ud.entries", &["UD-3", "QP-16"], UD, entries);
    ends!(list, "ud.too_long", &["UD-4"], UD, too_long);
    ends!(list, "ud.keys", &["UD-6", "UD-8"], UD, keys);
    ends!(list, "ud.judged", &["UD-8"], UD, judged);
    ends!(list, "ud.no_room", &["UD-10"], UD, no_room);
    list.add(
        "ud.itself",
        &["UD-7"],
        UD.features(feature::LOOPBACK),
        itself,
    );
    list.add(
        "ud.next_hop",
        &["UD-7", "UD-5", "ADDR-7", "ADDR-8"],
        UD.capability(Capability::Port),
        next_hop,
    );
}

const KEY: u32 = 0x0BAD_CAFE;
const PSN: u32 = 0xFF_FFFE;
const GRH: usize = GRH_BYTES as usize;

/// The MODIFY_QP from INIT to RTR.
fn to_rtr(qpn: u32, index: u8) -> Request {
    Request::new(Opcode::MODIFY_QP)
        .set("qpn", qpn)
        .set("mask.state", 1)
        .set("mask.path", 1)
        .set("mask.qkey", 1)
        .set("state", QpState::RTR)
        .set("path_mtu", Mtu::MTU_1024)
        .set("local_address", index)
        .set("udp_source_port", 50_000)
        .set("qkey", KEY)
}

fn to_rts(qpn: u32) -> Request {
    Request::new(Opcode::MODIFY_QP)
        .set("qpn", qpn)
        .set("mask.state", 1)
        .set("mask.send_psn", 1)
        .set("state", QpState::RTS)
        .set("send_psn", PSN)
}

/// Takes the queue pair of an end to RTS, with what `change` makes of the request.
#[track_caller]
fn ready<P: TestPlatform>(end: &End<'_, P>, change: impl Fn(Request) -> Request) -> Outcome {
    end.dev.ok(&change(to_rtr(end.qp.qpn, end.host)))?;
    end.dev.ok(&to_rts(end.qp.qpn)).map(drop)
}

/// Two ends of type UD in RTS.
#[track_caller]
fn pair<'p, P: TestPlatform>(cx: &Context<'p, P>) -> Outcome<Pair<'p, P>> {
    let pair = cx.ends_of(QpShape::of(QpType::UD))?;
    ready(&pair.a, |r| r)?;
    ready(&pair.b, |r| r)?;
    Ok(pair)
}

/// A SEND to this address and queue pair.
fn datagram(address: [u8; 16], qpn: u32, qkey: u32) -> Wqe {
    const LAYOUT: &str = "DatagramSegment";
    Wqe::new(WorkOpcode::SEND)
        .operand(LAYOUT, "address", &address)
        .operand(LAYOUT, "qpn", &qpn.to_le_bytes())
        .operand(LAYOUT, "qkey", &qkey.to_le_bytes())
}

/// A SEND from a to b.
fn to_b<P: TestPlatform>(pair: &Pair<'_, P>, qkey: u32) -> Wqe {
    datagram(ipv4(pair.b.host), pair.b.qp.qpn, qkey)
}

fn states<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let end = End::new(&device, 1, QpShape::of(QpType::UD))?;
    let qpn = end.qp.qpn;
    equal(
        "qp_type",
        end.qp.query(&device)?.get("qp_type"),
        QpType::UD.0.into(),
    )?;
    for mask in ["mask.path", "mask.qkey"] {
        device.refused(
            &to_rtr(qpn, 1).set(mask, 0),
            Status::INVALID_STATE,
            "state",
            Reason::NOT_COMPLETE,
        )?;
    }
    device.ok(&to_rtr(qpn, 1))?;
    end.qp.expect_state(&device, QpState::RTR)?;
    device.refused(
        &to_rts(qpn).set("mask.send_psn", 0),
        Status::INVALID_STATE,
        "state",
        Reason::NOT_COMPLETE,
    )?;
    device.ok(&to_rts(qpn))?;
    let answer = end.qp.query(&device)?;
    equal("state", answer.get("state"), QpState::RTS.0.into())?;
    equal("send_psn", answer.get32("send_psn"), PSN)?;
    end.qp.go(&device, QpState::RESET)?;
    end.qp.go(&device, QpState::INIT)?;
    device.refused(
        &end.qp.modify(QpState::RTR),
        Status::INVALID_STATE,
        "state",
        Reason::NOT_COMPLETE,
    )?;
    device.ok(&end.qp.destroy()).map(drop)
}

fn not_active<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.with_features(cx.usual() & !feature::UD)?;
    let eq = crate::rig::queues::Eq::new(
        &device,
        rnic_abi::EqKind::COMPLETION,
        6,
        rnic_abi::consts::VECTOR_NONE,
    )?;
    let cq = crate::rig::queues::Cq::new(&device, eq.eqn, 7)?;
    let rings = crate::rig::qp::QpRings::new(&device, QpShape::of(QpType::UD))?;
    let request = rings.request(device.pd()?, (cq.cqn, cq.cqn), QpShape::of(QpType::UD));
    device.refused(&request, Status::UNSUPPORTED, "qp_type", Reason::NOT_ACTIVE)
}

fn path<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let end = End::new(&device, 1, QpShape::of(QpType::UD))?;
    let good = to_rtr(end.qp.qpn, 1);
    for field in ["peer_qpn", "traffic_class", "hop_limit", "flow_label"] {
        device.refused(
            &good.clone().set(field, 1),
            Status::INVALID_FIELD,
            field,
            Reason::CONFLICT,
        )?;
    }
    device.refused(
        &good.clone().set_bytes("peer_address", &ipv4(2)),
        Status::INVALID_FIELD,
        "peer_address",
        Reason::CONFLICT,
    )?;
    device.ok(&good).map(drop)
}

fn not_connected<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.device()?;
    if !device.has(feature::CONNECTIONS) {
        return crate::failure::skip("feature CONNECTIONS is not offered");
    }
    device.ok(&set_address(1, ipv4(1)))?;
    let end = End::new(&device, 1, QpShape::of(QpType::UD))?;
    let connect = Request::new(Opcode::CONNECT)
        .set("qpn", end.qp.qpn)
        .set("address", 1)
        .set("port", 7)
        .set_bytes("destination", &ipv4(9));
    device.refused(&connect, Status::INVALID_STATE, "qpn", Reason::WRONG_KIND)
}

/// The header area of an IPv4 datagram of so many bytes.
fn ipv4_area(area: &[u8], bytes: usize, immediate: bool, hosts: (u8, u8)) -> Outcome {
    same_bytes("first half of the header area", &area[..20], &[0; 20])?;
    // IPv4 20, UDP 8, BTH 12, DETH 8, pad, invariant CRC 4.
    let length = 52 + usize::from(immediate) * 4 + bytes.next_multiple_of(4);
    equal("version and header length", area[20], 0x45)?;
    equal(
        "total length",
        usize::from(u16::from_be_bytes([area[22], area[23]])),
        length,
    )?;
    equal("protocol", area[29], 17)?;
    same_bytes("source", &area[32..36], &[10, 77, 0, hosts.0])?;
    same_bytes("destination", &area[36..40], &[10, 77, 0, hosts.1])?;
    let sum: u32 = area[20..40]
        .chunks(2)
        .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])))
        .sum();
    equal("sum of the header", (sum & 0xFFFF) + (sum >> 16), 0xFFFF)
}

fn send<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx)?;
    let before = pair.b.dev.counter("SENDS_IN")?;
    for (i, length) in [1, 63, 1021, 1024, 0].into_iter().enumerate() {
        let data = pattern(length as usize, i as u8);
        pair.a.mr.write(100, &data);
        pair.b.mr.write(0, &[0xEE; 4096]);
        pair.b.recv(i as u64, 64, 2048)?;
        let immediate = i % 2 == 1;
        let mut wqe = to_b(&pair, KEY).segment(pair.a.mr.segment(100, length));
        if immediate {
            wqe = wqe
                .raw(8, &[WorkOpcode::SEND_IMMEDIATE.0])
                .immediate([1, 2, 3, 4])
                .flags(flag::SOLICITED);
        }
        let wqe = wqe
            .operand("DatagramSegment", "traffic_class", &[0x28])
            .operand("DatagramSegment", "hop_limit", &[i as u8 * 11]);
        let c = pair.a.run(&wqe)?;
        equal("byte_count of a send", c.byte_count.get(), 0)?;
        // It has left: the buffer is the driver's again.
        pair.a.mr.write(100, &[0x55; 1024]);
        let c = pair.b.received_ok()?;
        equal("byte_count", c.byte_count.get(), length + GRH_BYTES)?;
        equal("source_qpn", c.source_qpn.get(), pair.a.qp.qpn)?;
        equal("context", c.context.get(), i as u64)?;
        check(c.flags().grh(), "flags.grh is not set")?;
        equal("flags.immediate", c.flags().immediate(), immediate)?;
        equal("flags.solicited", c.flags().solicited(), immediate)?;
        if immediate {
            let wire = c.immediate.get().to_le_bytes();
            same_bytes("immediate data", &wire, &[1, 2, 3, 4])?;
        }
        let area = pair.b.mr.read(64, GRH);
        ipv4_area(
            &area,
            length as usize,
            immediate,
            (pair.a.host, pair.b.host),
        )?;
        equal("type of service", area[21], 0x28)?;
        let hops = if i == 0 { 64 } else { i as u8 * 11 };
        equal("time to live", area[28], hops)?;
        same_bytes("message", &pair.b.mr.read(64 + GRH, length as usize), &data)?;
        let behind = 64 + GRH + length as usize;
        same_bytes("byte behind", &pair.b.mr.read(behind, 1), &[0xEE])?;
    }
    pair.b.dev.counted("SENDS_IN", before, 5)?;
    // Silent, inline, several at once, in order.
    for n in 0..3 {
        pair.b.recv(n, 64 + n as usize * 256, 256)?;
    }
    for n in 0..3_u8 {
        let mut wqe = to_b(&pair, KEY).inline(&[n; 9]);
        if n < 2 {
            wqe = wqe.flags(flag::SILENT);
        }
        pair.a.qp.send.post(&wqe.context(n.into()).bytes);
    }
    pair.a.qp.send.bell(&pair.a.dev)?;
    equal("context", pair.a.sent_ok()?.context.get(), 2)?;
    for n in 0..3_u8 {
        equal("context", pair.b.received_ok()?.context.get(), n.into())?;
        let at = 64 + usize::from(n) * 256 + GRH;
        same_bytes("message", &pair.b.mr.read(at, 9), &[n; 9])?;
    }
    let psn = pair.a.qp.query(&pair.a.dev)?.get32("send_psn");
    equal("send_psn after eight", psn, (PSN + 8) & 0xFF_FFFF)
}

fn send_ipv6<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends_of(QpShape::of(QpType::UD))?;
    for end in [&pair.a, &pair.b] {
        let index = u16::from(end.host) + 10;
        end.dev.ok(&set_address(index, ipv6(end.host)))?;
    }
    ready(&pair.a, |r| r.set("local_address", pair.a.host + 10))?;
    // The receiver's own address is another: it hears all the same.
    ready(&pair.b, |r| r)?;
    pair.b.recv(5, 0, 256)?;
    let wqe = datagram(ipv6(pair.b.host), pair.b.qp.qpn, KEY)
        .operand("DatagramSegment", "flow_label", &0xA_BCDE_u32.to_le_bytes())
        .operand("DatagramSegment", "traffic_class", &[0x30])
        .operand("DatagramSegment", "hop_limit", &[7]);
    pair.a.run(&wqe.inline(b"by IPv6"))?;
    let c = pair.b.received_ok()?;
    equal("byte_count", c.byte_count.get(), 47)?;
    let area = pair.b.mr.read(0, GRH);
    // UDP 8, BTH 12, DETH 8, message 7 and pad, invariant CRC 4.
    let head = [0x63, 0x0A, 0xBC, 0xDE, 0, 40, 17, 7];
    same_bytes("IPv6 header", &area[..8], &head)?;
    same_bytes("source", &area[8..24], &ipv6(pair.a.host))?;
    same_bytes("destination", &area[24..], &ipv6(pair.b.host))?;
    same_bytes("message", &pair.b.mr.read(GRH, 7), b"by IPv6")?;
    // An address of the other family is none for this queue pair.
    pair.a.post(&to_b(&pair, KEY).inline(b"x"))?;
    pair.a
        .sent(Done::LOCAL_OPERATION_ERROR, Error::BAD_ADDRESS)
        .map(drop)
}

/// A queue pair like that of `end`, in RTS, in place of it.
#[track_caller]
fn renew<P: TestPlatform>(end: &mut End<'_, P>) -> Outcome {
    end.qp.reaches(&end.dev, QpState::ERROR)?;
    end.dev.ok(&end.qp.destroy())?;
    end.qp = end.another_qp(QpShape::of(QpType::UD))?;
    ready(end, |r| r)
}

fn entries<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx)?;
    let nowhere = [0; 16];
    let mut multicast = ipv6(1);
    (multicast[0], multicast[1]) = (0xFF, 0x02);
    let v4 = |a: [u8; 4]| {
        let mut full = ipv4(0);
        full[12..].copy_from_slice(&a);
        full
    };
    let qpn = pair.b.qp.qpn;
    const LAYOUT: &str = "DatagramSegment";
    let good = || to_b(&pair, KEY);
    let bad = [
        datagram(nowhere, qpn, KEY),
        datagram(multicast, qpn, KEY),
        datagram(v4([224, 0, 0, 1]), qpn, KEY),
        datagram(v4([255; 4]), qpn, KEY),
        datagram(ipv6(pair.b.host), qpn, KEY),
        datagram(ipv4(pair.b.host), 0, KEY),
        datagram(ipv4(pair.b.host), 0xFF_FFFF, KEY),
        datagram(ipv4(pair.b.host), qpn | 1 << 24, KEY),
        good().operand(LAYOUT, "flow_label", &0x10_0000_u32.to_le_bytes()),
        good().operand(LAYOUT, "source_port", &49_151_u16.to_le_bytes()),
    ];
    let mut rows: Vec<_> = bad.map(|wqe| (wqe, Error::BAD_ADDRESS)).into();
    for opcode in [
        WorkOpcode::SEND_INVALIDATE,
        WorkOpcode::WRITE,
        WorkOpcode::WRITE_IMMEDIATE,
        WorkOpcode::READ,
        WorkOpcode::LOCAL_INVALIDATE,
        WorkOpcode::FAST_REGISTER,
    ] {
        rows.push((good().raw(8, &[opcode.0]), Error::BAD_OPCODE));
    }
    for (wqe, error) in rows {
        pair.b.recv(1, 0, 256)?;
        pair.a.post(&wqe.inline(b"lost"))?;
        pair.a.sent(Done::LOCAL_OPERATION_ERROR, error)?;
        pair.b.rcq.quiet(&pair.b.dev)?;
        renew(&mut pair.a)?;
    }
    Ok(())
}

fn too_long<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx)?;
    pair.b.recv(1, 0, 4096)?;
    pair.a
        .post(&to_b(&pair, KEY).segment(pair.a.mr.segment(0, 1025)))?;
    pair.a
        .sent(Done::LOCAL_LENGTH_ERROR, Error::MESSAGE_TOO_LONG)?;
    pair.a.in_error()?;
    pair.b.rcq.quiet(&pair.b.dev)
}

fn keys<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    const CONTROLLED: u32 = 0x8000_0007;
    let mut pair = pair(cx)?;
    let dropped = pair.b.dev.counter("DROPPED_KEY")?;
    let mut lost = 0;
    let set = |end: &End<'_, P>, qkey: u32| {
        let request = Request::new(Opcode::MODIFY_QP)
            .set("qpn", end.qp.qpn)
            .set("mask.qkey", 1)
            .set("qkey", qkey);
        end.dev.ok(&request).map(drop)
    };
    for (own, expected, asked, heard) in [
        (KEY, KEY, KEY, true),
        (KEY, KEY, KEY ^ 1, false),
        (KEY, KEY, CONTROLLED, true),
        (KEY, CONTROLLED, CONTROLLED, false),
        (CONTROLLED, CONTROLLED, CONTROLLED, true),
        (CONTROLLED, CONTROLLED, u32::MAX, true),
        (CONTROLLED, CONTROLLED, 7, false),
        (CONTROLLED, KEY, KEY, true),
    ] {
        set(&pair.a, own)?;
        set(&pair.b, expected)?;
        if heard {
            pair.b.recv(1, 0, 256)?;
        }
        pair.a.run(&to_b(&pair, asked).inline(b"key"))?;
        if heard {
            pair.b.received_ok()?;
        } else {
            lost += 1;
            pair.b.dev.counted("DROPPED_KEY", dropped, lost)?;
            pair.b.rcq.quiet(&pair.b.dev)?;
        }
    }
    Ok(())
}

fn judged<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = cx.ends_of(QpShape::of(QpType::UD))?;
    let no_qp = pair.b.dev.counter("DROPPED_NO_QP")?;
    let malformed = pair.b.dev.counter("DROPPED_MALFORMED")?;
    pair.b.recv(1, 0, 4096)?;
    ready(&pair.a, |r| r)?;
    // In INIT nothing is taken.
    pair.a.run(&to_b(&pair, KEY).inline(b"early"))?;
    pair.b.dev.counted("DROPPED_NO_QP", no_qp, 1)?;
    // In RTR, with a smaller path MTU than the sender's.
    let request = to_rtr(pair.b.qp.qpn, pair.b.host).set("path_mtu", Mtu::MTU_256);
    pair.b.dev.ok(&request)?;
    let long = |pair: &Pair<'_, P>, bytes| to_b(pair, KEY).segment(pair.a.mr.segment(0, bytes));
    pair.a.run(&long(&pair, 257))?;
    pair.b.dev.counted("DROPPED_MALFORMED", malformed, 1)?;
    pair.a.run(&long(&pair, 256))?;
    equal("byte_count", pair.b.received_ok()?.byte_count.get(), 296)?;
    // To a queue pair that there is not, and to one of another type.
    let reliable = pair.b.another_qp(QpShape::default())?;
    for qpn in [0xAB_CDEF, reliable.qpn] {
        let wqe = datagram(ipv4(pair.b.host), qpn, KEY);
        pair.a.run(&wqe.inline(b"nobody"))?;
    }
    pair.b.dev.counted("DROPPED_NO_QP", no_qp, 3)?;
    pair.b.rcq.quiet(&pair.b.dev)
}

fn no_room<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let mut pair = pair(cx)?;
    let none = pair.b.dev.counter("DROPPED_NO_RECEIVE")?;
    let short = pair.b.dev.counter("DROPPED_TOO_LONG")?;
    pair.a.run(&to_b(&pair, KEY).inline(b"nobody listens"))?;
    pair.b.dev.counted("DROPPED_NO_RECEIVE", none, 1)?;
    pair.b.recv(4, 0, GRH_BYTES + 10)?;
    pair.a.run(&to_b(&pair, KEY).inline(b"11 bytes is"))?;
    pair.b.dev.counted("DROPPED_TOO_LONG", short, 1)?;
    pair.b.rcq.quiet(&pair.b.dev)?;
    pair.a.run(&to_b(&pair, KEY).inline(b"ten it is."))?;
    let c = pair.b.received_ok()?;
    equal("context", c.context.get(), 4)?;
    same_bytes("message", &pair.b.mr.read(GRH, 10), b"ten it is.")?;
    pair.b.qp.expect_state(&pair.b.dev, QpState::RTS)?;
    pair.a.qp.expect_state(&pair.a.dev, QpState::RTS)
}

fn itself<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    for loopback in [true, false] {
        let mask = if loopback { 0 } else { feature::LOOPBACK };
        let device = cx.with_features(cx.usual() & !mask)?;
        device.ok(&set_address(1, ipv4(1)))?;
        let mut end = End::new(&device, 1, QpShape::of(QpType::UD))?;
        ready(&end, |r| r)?;
        end.recv(1, 0, 256)?;
        let lost = device.counter("DROPPED_UNREACHABLE")?;
        end.run(&datagram(ipv4(1), end.qp.qpn, KEY).inline(b"to myself"))?;
        if loopback {
            end.received_ok()?;
        } else {
            device.counted("DROPPED_UNREACHABLE", lost, 1)?;
            end.rcq.quiet(&device)?;
        }
        device.reset()?;
    }
    Ok(())
}

/// A datagram to the station, or to `dst`; the bytes from its IPv4 header on.
#[track_caller]
fn datagram_frame<P: TestPlatform>(cx: &Context<'_, P>, dst: [u8; 6]) -> Outcome<Vec<u8>> {
    let f = frame(cx, "a datagram", |f| {
        f.len() >= 70 && f[12..14] == [8, 0] && f[36..38] == 4791_u16.to_be_bytes()
    })?;
    same_bytes("destination of the frame", &f[..6], &dst)?;
    Ok(f[14..].to_vec())
}

fn next_hop<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let mut end = End::new(&device, 1, QpShape::of(QpType::UD))?;
    ready(&end, |r| r)?;
    let lost = device.counter("DROPPED_UNREACHABLE")?;
    let to = |host| datagram(ipv4(host), 0x1234, KEY).inline(b"a datagram");
    // Both wait until somebody answers.
    end.post(&to(9))?;
    let port = 60_123_u16.to_le_bytes();
    end.post(&to(9).operand("DatagramSegment", "source_port", &port))?;
    device.settle();
    check(end.scq.poll()?.is_none(), "a datagram left for nowhere")?;
    answer_question(cx, 9)?;
    for (n, port) in [(0, 50_000_u16), (1, 60_123)] {
        let ip = datagram_frame(cx, STATION)?;
        same_bytes("addresses", &ip[12..20], &[10, 77, 0, 1, 10, 77, 0, 9])?;
        same_bytes("UDP source port", &ip[20..22], &port.to_be_bytes())?;
        let bth = &ip[28..];
        equal("opcode", bth[0], 0x64)?;
        same_bytes("destination queue pair", &bth[5..8], &[0, 0x12, 0x34])?;
        // The acknowledge bit is clear.
        let psn = (PSN + n) & 0xFF_FFFF;
        same_bytes("sequence number", &bth[8..12], &psn.to_be_bytes())?;
        same_bytes("queue key", &bth[12..16], &KEY.to_be_bytes())?;
        same_bytes("source", &bth[16..20], &end.qp.qpn.to_be_bytes())?;
        same_bytes("message", &bth[20..30], b"a datagram")?;
        end.sent_ok()?;
    }
    // Nobody answers: lost, after a while; then at once; until somebody does.
    end.post(&to(10))?;
    device.pass(4_200_000_000);
    end.sent_ok()?;
    device.counted("DROPPED_UNREACHABLE", lost, 1)?;
    let mut buffer = vec![0; 16 * 1024];
    while cx.platform().port_receive(&mut buffer).is_some() {}
    end.post(&to(10))?;
    device.settle();
    check(
        end.scq.poll()?.is_some(),
        "a datagram waits for a station that did not answer",
    )?;
    device.counted("DROPPED_UNREACHABLE", lost, 2)?;
    // It asked anew.
    answer_question(cx, 10)?;
    device.settle();
    end.run(&to(10))?;
    datagram_frame(cx, STATION)?;
    // Beyond the prefix, without a gateway.
    let mut far = ipv4(9);
    far[12] = 11;
    device.counted("DROPPED_UNREACHABLE", lost, 2)?;
    end.run(&datagram(far, 5, KEY).inline(b"far"))?;
    device.counted("DROPPED_UNREACHABLE", lost, 3)?;
    // A next hop that the driver gives is the next hop to everywhere.
    let router = [2, 0xBB, 0, 0, 0, 1];
    let given = Request::new(Opcode::MODIFY_QP)
        .set("qpn", end.qp.qpn)
        .set("mask.next_hop", 1)
        .set_bytes("next_hop", &router);
    device.ok(&given)?;
    for address in [far, ipv4(9)] {
        end.run(&datagram(address, 5, KEY).inline(b"by router"))?;
        datagram_frame(cx, router)?;
    }
    Ok(())
}
