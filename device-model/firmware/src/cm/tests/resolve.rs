//! CONNECT finds its own next hop.

use rnic_abi::{AddressFlags, CounterId, EventCode, Status, SyndromeReason, cmd};
use rnic_wire::nd_option::{LinkLayerOf, link_layer};
use rnic_wire::{
    Arp, ArpFrame, ArpOperation, EthHeader, MacAddr, NaFlags, NdFrame, NdMessage, NdOptions,
    VlanTag,
};

use super::{Bed, COOKIE, OURS, PEER, PEER_MAC, address, gid, ip};
use crate::testing::MAC;

fn v4(text: &str) -> core::net::Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> core::net::Ipv6Addr {
    text.parse().unwrap()
}

/// An ARP reply, or with `target` nobody's, a question of the peer.
fn arp(operation: ArpOperation, mac: MacAddr, sender: &str, target: &str) -> Vec<u8> {
    let frame = ArpFrame {
        eth: EthHeader {
            dst: MAC,
            src: mac,
            vlan: None,
        },
        arp: Arp {
            operation,
            sender_mac: mac,
            sender_ip: v4(sender),
            target_mac: MAC,
            target_ip: v4(target),
        },
        trailer: &[0; 18],
    };
    let mut bytes = vec![0; frame.wire_len()];
    frame.encode(&mut bytes).unwrap();
    bytes
}

pub fn reply(mac: MacAddr, sender: &str) -> Vec<u8> {
    arp(ArpOperation::Reply, mac, sender, OURS)
}

/// The questions among frames: who asks for whom.
fn arp_questions(frames: &[Vec<u8>]) -> Vec<(String, String)> {
    let questions = frames.iter().filter_map(|bytes| {
        let frame = ArpFrame::parse(bytes).ok()?;
        assert_eq!(frame.eth.dst, MacAddr::BROADCAST);
        assert_eq!((frame.eth.src, frame.arp.sender_mac), (MAC, MAC));
        assert!(bytes.len() >= 60);
        let arp = frame.arp;
        (arp.operation == ArpOperation::Request)
            .then(|| (arp.sender_ip.to_string(), arp.target_ip.to_string()))
    });
    questions.collect()
}

fn pair(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn connect_asks_by_arp_and_goes_on_with_the_answer() {
    // [ADDR-7] [ADDR-8]
    let mut bed = Bed::new();
    let request = bed.connect_request(PEER);
    bed.rig.ok::<cmd::Connect>(request);
    let frames = bed.sent();
    assert_eq!(frames.len(), 1, "the question and no REQ");
    assert_eq!(arp_questions(&frames), [pair(OURS, PEER)]);
    bed.arrives(&reply(PEER_MAC, PEER));
    let mads = bed.mads();
    assert_eq!(mads.len(), 1);
    assert_eq!(mads[0].0, PEER_MAC);
    assert_eq!(bed.counter(CounterId::NEIGHBOUR_REQUESTS_OUT), 1);
    // And again, as the protocol has it, to the same place.
    bed.pass_ms(1100);
    assert_eq!(bed.mads(), mads);
}

#[test]
fn connect_to_somebody_who_does_not_answer_is_unreachable() {
    // [ADDR-8] [CM-5]
    let mut bed = Bed::new();
    let request = bed.connect_request("10.7.0.200");
    bed.rig.ok::<cmd::Connect>(request);
    bed.pass_ms(2_999);
    let frames = bed.sent();
    assert_eq!(arp_questions(&frames).len(), 3);
    assert_eq!(frames.len(), 3);
    assert!(bed.events().is_empty());
    bed.pass_ms(2);
    let events = bed.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].0, EventCode::CONNECT_FAILED);
    assert_eq!(events[0].1.status(), Status::UNREACHABLE);
    bed.pass_ms(60_000);
    assert!(bed.sent().is_empty() && bed.events().is_empty());
    assert_eq!(bed.counter(CounterId::CONNECT_FAILURES), 1);
}

#[test]
fn beyond_the_prefix_the_gateway_is_asked_for_or_nobody() {
    // [ADDR-7]
    let mut bed = Bed::new();
    let far = bed.connect_request("192.0.2.9");
    assert_eq!(
        bed.rig.fails::<cmd::Connect>(far),
        (Status::UNREACHABLE, SyndromeReason::NOT_FOUND, 40)
    );
    let mut with_gateway =
        address(OURS, 24).with_flags(AddressFlags::ANSWER | AddressFlags::GATEWAY);
    with_gateway.gateway = gid("10.7.0.254").0;
    bed.set_address(&with_gateway);
    bed.rig.ok::<cmd::Connect>(far);
    assert_eq!(arp_questions(&bed.sent()), [pair(OURS, "10.7.0.254")]);
    bed.arrives(&reply(PEER_MAC, "192.0.2.9"));
    assert!(bed.mads().is_empty(), "somebody who was not asked");
    bed.arrives(&reply(PEER_MAC, "10.7.0.254"));
    assert_eq!(bed.mads()[0].0, PEER_MAC);
}

#[test]
fn a_neighbour_is_asked_for_on_the_vlan_of_the_address() {
    // [ADDR-7] [ADDR-10]
    let mut bed = Bed::bare();
    let mut tagged = address(OURS, 24).with_flags(AddressFlags::ANSWER | AddressFlags::VLAN);
    tagged.vlan.set(7);
    bed.set_address(&tagged);
    let request = bed.connect_request(PEER);
    bed.rig.ok::<cmd::Connect>(request);
    let frames = bed.sent();
    let question = ArpFrame::parse(&frames[0]).unwrap();
    assert_eq!(question.eth.vlan, VlanTag::new(7));
    bed.arrives(&reply(PEER_MAC, PEER));
    assert!(bed.sent().is_empty(), "an answer without the tag");
    let mut answer = ArpFrame::parse(&reply(PEER_MAC, PEER)).unwrap().arp;
    answer.target_ip = v4(OURS);
    let frame = ArpFrame {
        eth: EthHeader {
            dst: MAC,
            src: PEER_MAC,
            vlan: VlanTag::new(7),
        },
        arp: answer,
        trailer: &[],
    };
    let mut bytes = vec![0; frame.wire_len()];
    frame.encode(&mut bytes).unwrap();
    bed.arrives(&bytes);
    assert_eq!(bed.mads().len(), 1);
    // A question without the tag is for another link.
    bed.arrives(&arp(ArpOperation::Request, PEER_MAC, PEER, OURS));
    assert!(bed.sent().is_empty());
}

#[test]
fn connect_asks_by_neighbour_discovery() {
    // [ADDR-7]
    let mut bed = Bed::bare();
    bed.set_address(&address("fd07::1", 64));
    let request = bed.connect_request("fd07::2");
    bed.rig.ok::<cmd::Connect>(request);
    let frames = bed.sent();
    assert_eq!(frames.len(), 1);
    let question = NdFrame::parse(&frames[0]).unwrap();
    assert_eq!(question.ip.src, v6("fd07::1"));
    assert_eq!(question.options.source_link_layer(), Some(MAC));
    assert!(matches!(
        question.message,
        NdMessage::NeighborSolicitation { target, .. } if target == v6("fd07::2")
    ));
    let option = link_layer(LinkLayerOf::Target, PEER_MAC);
    let answer = NdFrame::advertise(
        PEER_MAC,
        v6("fd07::2"),
        MAC,
        v6("fd07::1"),
        NaFlags::SOLICITED,
        NdOptions::parse(&option).unwrap(),
    );
    let mut bytes = vec![0; answer.wire_len()];
    answer.encode(&mut bytes).unwrap();
    bed.arrives(&bytes);
    assert_eq!(bed.mads()[0].0, PEER_MAC);
}

#[test]
fn who_asked_us_need_not_be_asked() {
    // [ADDR-9]
    let mut bed = Bed::new();
    bed.arrives(&arp(ArpOperation::Request, PEER_MAC, PEER, OURS));
    assert_eq!(bed.sent().len(), 1, "the answer");
    let request = bed.connect_request(PEER);
    bed.rig.ok::<cmd::Connect>(request);
    assert_eq!(bed.mads()[0].0, PEER_MAC);
    assert_eq!(bed.counter(CounterId::NEIGHBOUR_REQUESTS_OUT), 0);
}

#[test]
fn claims_of_our_address_are_not_believed() {
    // [ADDR-4] [ADDR-10]
    let mut bed = Bed::new();
    let request = bed.connect_request(PEER);
    bed.rig.ok::<cmd::Connect>(request);
    bed.sent();
    for mac in [MAC, MacAddr::ZERO, MacAddr::BROADCAST] {
        bed.arrives(&reply(mac, PEER));
        assert!(bed.sent().is_empty(), "{mac:?}");
    }
    bed.arrives(&reply(PEER_MAC, OURS));
    assert!(bed.mads().is_empty());
    assert_eq!(bed.counter(CounterId::NEIGHBOUR_CONFLICTS), 1);
    // A probe for our address (RFC 5227) is answered, and is no claim.
    bed.arrives(&arp(ArpOperation::Request, PEER_MAC, "0.0.0.0", OURS));
    let frames = bed.sent();
    let answer = ArpFrame::parse(&frames[0]).unwrap().arp;
    assert_eq!(
        (answer.operation, answer.sender_mac),
        (ArpOperation::Reply, MAC)
    );
    assert_eq!(bed.counter(CounterId::NEIGHBOUR_CONFLICTS), 1);
}

#[test]
fn a_connection_follows_a_neighbour_that_moves() {
    // [ADDR-10]
    let mut bed = Bed::new();
    let request = bed.connect_request(PEER);
    bed.rig.ok::<cmd::Connect>(request);
    bed.arrives(&reply(PEER_MAC, PEER));
    bed.sent();
    let other = MacAddr([2, 0, 0xA, 7, 0, 3]);
    bed.arrives(&reply(other, PEER));
    bed.pass_ms(1_100);
    assert_eq!(bed.mads()[0].0, PEER_MAC, "too soon to move");
    bed.arrives(&reply(other, PEER));
    bed.pass_ms(1_100);
    assert_eq!(bed.mads()[0].0, other);
    // A next hop that the driver gave stays.
    let mut bed = Bed::new();
    let mut given = bed.connect_request(PEER);
    given.set_flags(rnic_abi::ConnectFlags::NEXT_HOP);
    given.next_hop = PEER_MAC.0;
    bed.rig.ok::<cmd::Connect>(given);
    assert_eq!(bed.mads()[0].0, PEER_MAC);
    bed.arrives(&arp(ArpOperation::Request, other, PEER, OURS));
    bed.pass_ms(1_100);
    assert_eq!(bed.mads()[0].0, PEER_MAC);
    assert_eq!(COOKIE, given.cookie.get());
    assert!(ip(PEER).is_ipv4());
}
