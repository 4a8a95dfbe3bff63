//! The address table and endpoints.

use rnic_abi::consts::{EPHEMERAL_PORT_FIRST, EPHEMERAL_PORT_LAST};
use rnic_abi::{Family, Opcode, Status, SyndromeReason as Reason, feature};
use rnic_platform::TestPlatform;

use super::reserve;
use crate::failure::{Outcome, check, equal, fail};
use crate::request::Request;
use crate::rig::commands::{ipv4, ipv6, set_address};
use crate::{Capability, Context, List, N};

const CM: crate::Needs = N.features(feature::CONNECTIONS);

pub fn tests<P: TestPlatform>(list: &mut List<P>) {
    list.add("address.set", &["ADDR-1"], N, set);
    list.add("address.refused", &["ADDR-1", "ERR-3"], N, refused);
    list.add("address.clear", &["ADDR-2"], CM, clear);
    list.add(
        "address.answers_arp",
        &["ADDR-3"],
        N.capability(Capability::Port),
        answers_arp,
    );
    list.add(
        "address.conflict",
        &["ADDR-4", "EV-1"],
        N.capability(Capability::Port),
        conflict,
    );
    list.add("endpoint.reserve", &["ADDR-5", "ERR-3"], CM, reserve_rules);
    list.add("endpoint.references", &["ADDR-6"], CM, references);
    list.add("endpoint.ephemeral", &["ADDR-5", "ERR-3"], CM, ephemeral);
}

fn clear_request(index: u16) -> Request {
    Request::new(Opcode::CLEAR_ADDRESS).set("index", index)
}

fn set<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let most = device.limit("addresses")? as u16;
    for index in 0..most.min(64) {
        let host = index as u8 + 1;
        let address = if index % 2 == 0 {
            ipv4(host)
        } else {
            ipv6(host)
        };
        device.ok(&set_address(index, address))?;
        // Replaced, and put back as it was.
        device.ok(&set_address(index, ipv4(200)))?;
        device.ok(&set_address(index, address))?;
    }
    for index in 0..most.min(64) {
        device.ok(&clear_request(index))?;
    }
    Ok(())
}

fn refused<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let most = device.limit("addresses")?;
    let v4 = |a: [u8; 4]| {
        let mut full = ipv4(0);
        full[12..].copy_from_slice(&a);
        full
    };
    let good = set_address(0, ipv4(1));
    for (index, reason) in [(most, Reason::TOO_LARGE), (0xFFFF, Reason::TOO_LARGE)] {
        device.refused(
            &good.clone().set("index", index),
            Status::LIMIT_EXCEEDED,
            "index",
            reason,
        )?;
    }
    let mut multicast = ipv6(1);
    (multicast[0], multicast[1]) = (0xFF, 0x02);
    for (what, family, address) in [
        ("multicast", Family::IPV4, v4([224, 0, 0, 1])),
        ("unspecified", Family::IPV4, v4([0, 0, 0, 0])),
        ("multicast", Family::IPV6, multicast),
        ("unspecified", Family::IPV6, [0; 16]),
        ("IPv6 as IPv4", Family::IPV4, ipv6(1)),
        ("IPv4 as IPv6", Family::IPV6, ipv4(1)),
    ] {
        let request = good
            .clone()
            .set("family", family)
            .set_bytes("address", &address);
        device
            .refused(&request, Status::INVALID_FIELD, "*", None)
            .map_err(|f| f.while_doing(what))?;
    }
    device.refused(
        &good.clone().set("prefix", 33),
        Status::INVALID_FIELD,
        "prefix",
        None,
    )?;
    device.refused(
        &set_address(0, ipv6(1)).set("prefix", 129),
        Status::INVALID_FIELD,
        "prefix",
        None,
    )?;
    for (vlan, flag) in [(5, 0), (0, 1), (4095, 1), (0xFFFF, 1)] {
        let request = good.clone().set("vlan", vlan).set("flags.vlan", flag);
        device.refused(&request, Status::INVALID_FIELD, "vlan", None)?;
    }
    let gateway = good.clone().set_bytes("gateway", &ipv4(254));
    device.refused(&gateway, Status::INVALID_FIELD, "gateway", None)?;
    device.ok(&gateway.set("flags.gateway", 1))?;
    device.refused(&set_address(1, ipv4(1)), Status::ADDRESS_IN_USE, "*", None)?;
    // With another VLAN it is another.
    device.ok(&set_address(1, ipv4(1)).set("vlan", 7).set("flags.vlan", 1))?;
    let again = set_address(2, ipv4(1)).set("vlan", 7).set("flags.vlan", 1);
    device.refused(&again, Status::ADDRESS_IN_USE, "*", None)
}

fn clear<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    let most = device.limit("addresses")? as u16;
    device.refused(
        &clear_request(3),
        Status::NO_SUCH_OBJECT,
        "index",
        Reason::NOT_FOUND,
    )?;
    let answer = device.call(&clear_request(most))?;
    check(
        answer.status() != Status::OK,
        "CLEAR_ADDRESS took an index past the table",
    )?;
    device.ok(&set_address(3, ipv4(3)))?;
    let endpoint = device.ok(&reserve(3, 700))?.get32("endpoint");
    device.refused(&clear_request(3), Status::BUSY, "index", Reason::IN_USE)?;
    device.refused(
        &set_address(3, ipv4(4)),
        Status::INVALID_FIELD,
        "*",
        Reason::IN_USE,
    )?;
    // Address and VLAN stay the same: the rest may change.
    device.ok(&set_address(3, ipv4(3)).set("prefix", 16))?;
    device.ok(&Request::new(Opcode::RELEASE_ENDPOINT).set("endpoint", endpoint))?;
    device.ok(&set_address(3, ipv4(4)))?;
    device.ok(&clear_request(3))?;
    device.refused(
        &clear_request(3),
        Status::NO_SUCH_OBJECT,
        "index",
        Reason::NOT_FOUND,
    )
}

fn reserve_rules<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.refused(
        &reserve(1, 700),
        Status::ADDRESS_NOT_AVAILABLE,
        "address",
        None,
    )?;
    device.ok(&set_address(1, ipv4(1)))?;
    device.ok(&set_address(2, ipv4(2)))?;
    for port in [1, 700, 0xFFFF] {
        let answer = device.ok(&reserve(1, port))?;
        equal("port", answer.get("port"), port.into())?;
        device.refused(&reserve(1, port), Status::ADDRESS_IN_USE, "port", None)?;
        // The same port of another address is another endpoint.
        device.ok(&reserve(2, port))?;
        device
            .ok(&Request::new(Opcode::RELEASE_ENDPOINT).set("endpoint", answer.get("endpoint")))?;
        device.ok(&reserve(1, port))?;
    }
    Ok(())
}

fn references<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let endpoint = device.ok(&reserve(1, 700))?.get32("endpoint");
    let listen = Request::new(Opcode::LISTEN)
        .set("endpoint", endpoint)
        .set("backlog", 4);
    let listener = device.ok(&listen)?.get32("listener");
    device.ok(&Request::new(Opcode::RELEASE_ENDPOINT).set("endpoint", endpoint))?;
    // The listener still holds it.
    device.refused(&reserve(1, 700), Status::ADDRESS_IN_USE, "port", None)?;
    device.refused(&clear_request(1), Status::BUSY, "index", None)?;
    device.ok(&Request::new(Opcode::DESTROY_LISTENER).set("listener", listener))?;
    device.ok(&reserve(1, 700)).map(drop)
}

fn ephemeral<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    device.ok(&set_address(2, ipv4(2)))?;
    let ports = u64::from(EPHEMERAL_PORT_LAST - EPHEMERAL_PORT_FIRST) + 1;
    let mut seen = vec![false; ports as usize];
    let room = device.limit("endpoints")?;
    for n in 0..room.min(ports) {
        let answer = device.ok(&reserve(1, 0))?;
        let port = answer.get("port") as u16;
        if port < EPHEMERAL_PORT_FIRST {
            return fail(format_args!("port 0 gave port {port}"));
        }
        if std::mem::replace(&mut seen[usize::from(port - EPHEMERAL_PORT_FIRST)], true) {
            return fail(format_args!("port {port} was given out twice, after {n}"));
        }
    }
    if room > ports {
        device.refused(&reserve(1, 0), Status::NO_PORTS, "*", None)?;
        device.ok(&reserve(2, 0)).map(drop)
    } else {
        device.refused(&reserve(1, 0), Status::NO_RESOURCES, "*", Reason::QUOTA)
    }
}

/// Frames that the device sent, until one that `choose` takes.
#[track_caller]
fn frame<P: TestPlatform>(
    cx: &Context<'_, P>,
    what: &str,
    choose: impl Fn(&[u8]) -> bool,
) -> Outcome<Vec<u8>> {
    let mut buffer = vec![0; 16 * 1024];
    cx.machine().wait_for(what, || {
        while let Some(length) = cx.platform().port_receive(&mut buffer) {
            if choose(&buffer[..length]) {
                return Ok(Some(buffer[..length].to_vec()));
            }
        }
        Ok(None)
    })
}

const ASKER: [u8; 6] = [2, 0xAA, 0, 0, 0, 9];

/// An ARP message about the test network.
fn arp(operation: u8, sender: u8, target: u8) -> Vec<u8> {
    let mut frame = vec![0xFF; 6];
    frame.extend(ASKER);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
    frame.extend(ASKER);
    frame.extend([10, 77, 0, sender]);
    frame.extend([0; 6]);
    frame.extend([10, 77, 0, target]);
    frame.resize(60, 0);
    frame
}

fn answers_arp<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.bare()?;
    device.ok(&set_address(1, ipv4(1)))?;
    device.ok(&set_address(2, ipv4(2)).set("flags.answer", 0))?;
    device.settle();
    let mut buffer = vec![0; 16 * 1024];
    while cx.platform().port_receive(&mut buffer).is_some() {}
    device.platform.port_send(&arp(1, 9, 1))?;
    let reply = frame(cx, "an ARP reply", |f| {
        f.len() >= 42 && f[12..14] == [8, 6] && f[20..22] == [0, 2]
    })?;
    let mac = crate::rig::pair::mac(&device);
    equal("destination of the reply", &reply[..6], &ASKER[..])?;
    equal("sender of the reply", &reply[22..28], &mac[..])?;
    equal("address of the reply", &reply[28..32], &[10, 77, 0, 1])?;
    equal("target of the reply", &reply[32..38], &ASKER[..])?;
    // Without flags.answer, and for addresses that are not ours, silence.
    for target in [2, 77] {
        device.platform.port_send(&arp(1, 9, target))?;
        device.settle();
        while let Some(length) = cx.platform().port_receive(&mut buffer) {
            let f = &buffer[..length];
            let reply = f.len() >= 42 && f[12..14] == [8, 6] && f[20..22] == [0, 2];
            check(
                !reply,
                format_args!("the device answered ARP for 10.77.0.{target}"),
            )?;
        }
    }
    check(
        device.counter("NEIGHBOUR_REPLIES_OUT")? >= 1,
        "NEIGHBOUR_REPLIES_OUT does not count",
    )
}

fn conflict<P: TestPlatform>(cx: &Context<'_, P>) -> Outcome {
    let device = cx.device()?;
    device.ok(&set_address(1, ipv4(1)))?;
    let before = device.counter("NEIGHBOUR_CONFLICTS")?;
    for _ in 0..3 {
        device.platform.port_send(&arp(2, 1, 1))?;
    }
    let event = device.event(rnic_abi::EventCode::ADDRESS_CONFLICT)?;
    let Some(event) = rnic_abi::read::<rnic_abi::AddressEvent>(&event.payload) else {
        return fail("the payload of ADDRESS_CONFLICT is too short");
    };
    equal("index", event.index.get(), 1)?;
    equal("mac", event.mac, ASKER)?;
    device.counted("NEIGHBOUR_CONFLICTS", before, 3)?;
    // Once a second, and again when it goes on.
    device.no_event(rnic_abi::EventCode::ADDRESS_CONFLICT)?;
    device.pass(1_100_000_000);
    device.platform.port_send(&arp(2, 1, 1))?;
    device
        .event(rnic_abi::EventCode::ADDRESS_CONFLICT)
        .map(drop)
}
