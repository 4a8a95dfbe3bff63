//! Checksums, large sends, tags, long frames.

use std::mem::offset_of;

use ndis_sys::ndis::*;

use super::frames::{Flow, Transport, payload};
use super::{MOMENT, Pair, info, tests};
use crate::ndis::adapter::Adapter;
use crate::ndis::datapath::Packet;

tests! {
    checksums_are_filled_in["*TCPChecksumOffloadIPv4" = 1, "*TCPChecksumOffloadIPv6" = 1,
        "*UDPChecksumOffloadIPv4" = 1, "*UDPChecksumOffloadIPv6" = 1, "*IPChecksumOffloadIPv4" = 0];
    checksums_are_verified;
    bytes_before_the_data_of_a_packet_are_not_sent;
    received_checksums_are_told_while_the_stack_uses_them;
    large_sends_that_were_switched_off_are_dropped;
    large_sends_are_cut["*TCPChecksumOffloadIPv4" = 1, "*TCPChecksumOffloadIPv6" = 1,
        "*UDPChecksumOffloadIPv4" = 1, "*UDPChecksumOffloadIPv6" = 1, "*IPChecksumOffloadIPv4" = 0];
    tags_are_inserted_and_taken_out;
    tags_are_taken_out_where_nobody_is_told_of_them["*PriorityVLANTag" = 0];
    vlans_alone_are_told["*PriorityVLANTag" = 2];
    frames_of_a_vlan_are_tagged_and_others_dropped["VlanID" = 77];
    a_runt_within_its_tag_is_no_shorter_than_a_header;
    buffers_of_one_list_are_sent_each_and_end_together;
    jumbo_frames_pass["*JumboPacket" = 9014];
    longer_frames_than_the_card_takes_are_refused;
}

/// NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO.Transmit: IsIPv4, IsIPv6, TcpChecksum, UdpChecksum, TcpHeaderOffset, which is not
/// set for UDP.
fn wanted(flow: &Flow) -> usize {
    let family = if flow.ips.0.is_ipv4() { 1 } else { 2 };
    match flow.transport {
        Transport::Tcp => family | 4 | flow.transport_at() << 16,
        Transport::Udp => family | 8,
    }
}

/// The list that NDIS makes of a packet's memory begins with the MDL, not with the data: the card sent what a transport had left
/// free for headers, and not the end of the packet.
fn bytes_before_the_data_of_a_packet_are_not_sent(pair: &Pair) {
    // The host leaves other room free in each packet of three.
    for number in 0..6 {
        for split in [vec![], vec![14, 20, 7]] {
            let packet = Packet {
                split,
                ..pair.plain(number, 300)
            };
            assert_eq!(pair.pass(packet.clone()).frame, packet.frame);
        }
    }
}

/// What NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG said last of IPv4: flags of what is received, and the largest large send.
fn configuration(adapter: &Adapter) -> (u32, u32) {
    let indications = adapter.indications.lock();
    let mut told = indications.iter().rev();
    let (_, bytes) = told
        .find(|(code, _)| *code == NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG)
        .expect("a configuration of offloads was told");
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
    let received = offset_of!(NDIS_OFFLOAD, Checksum.IPv4Receive.Flags);
    let large = offset_of!(NDIS_OFFLOAD, LsoV2.IPv4.MaxOffLoadSize);
    (word(received), word(large))
}

/// Before TCP/IP has said that it uses the offloads of received frames, and after it has said that it does not, nothing is told
/// (OID_OFFLOAD_ENCAPSULATION); each change of what is on is.
fn received_checksums_are_told_while_the_stack_uses_them(pair: &Pair) {
    const SUCCEEDED: usize = 0b11_1000;
    let told = || {
        let mut told = Vec::new();
        for flow in flows(pair) {
            let arrived = pair.pass(Packet::plain(flow.frame(&payload(100), true)));
            told.push(info(&arrived, TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO) & SUCCEEDED);
        }
        told
    };
    let all = [0b10_1000, 0b11_0000, 0b1000, 0b1_0000];
    assert_eq!(told(), [0; 4], "the stack has said nothing");
    pair.use_offloads(Some(true), None);
    assert_eq!(told(), [all[0], all[1], 0, 0], "IPv4 alone");
    assert_ne!(configuration(&pair.b), (0, 0));
    pair.use_offloads(None, Some(true));
    assert_eq!(told(), all);
    pair.use_offloads(Some(false), Some(false));
    assert_eq!(told(), [0; 4], "switched off");
    assert_eq!(configuration(&pair.b), (0, 0));
    pair.use_offloads(Some(true), Some(true));
    assert_eq!(told(), all);
}

/// NDIS_OFFLOAD_PARAMETERS with the large sends of IPv4 switched: 1 off, 2 on.
fn switch_large_sends(adapter: &Adapter, to: u8) {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&[0x80, 1, 20, 0]);
    bytes[offset_of!(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv4)] = to;
    let status = adapter.set(OID_TCP_OFFLOAD_PARAMETERS, &bytes).status;
    assert_eq!(status, NDIS_STATUS_SUCCESS);
}

/// They were sent on, after the stack had been told that there are none.
fn large_sends_that_were_switched_off_are_dropped(pair: &Pair) {
    let flow = flows(pair)[0];
    let large = || Packet {
        frame: flow.frame(&payload(5000), false),
        info: vec![(
            TCP_LARGE_SEND_NET_BUFFER_LIST_INFO,
            1400 | flow.transport_at() << 20 | 1 << 30,
        )],
        ..Packet::default()
    };
    switch_large_sends(&pair.a, 1);
    assert_eq!(configuration(&pair.a).1, 0);
    let number = pair.a.send(&[large()])[0];
    assert_ne!(pair.a.wait_sent(number), NDIS_STATUS_SUCCESS);
    assert!(pair.b.traffic.receive(MOMENT, |_| true).is_none());
    switch_large_sends(&pair.a, 2);
    assert_ne!(configuration(&pair.a).1, 0);
    pair.send(&[large()]);
    pair.arrived("a segment", |_| true);
}

fn flows(pair: &Pair) -> Vec<Flow> {
    let mut flows = Vec::new();
    for [from, to] in [["10.1.2.3", "10.1.2.4"], ["fd00::a:3", "fd00::a:4"]] {
        for transport in [Transport::Tcp, Transport::Udp] {
            flows.push(Flow {
                macs: pair.macs(),
                ips: (from.parse().expect("ip"), to.parse().expect("ip")),
                ports: (40_000, 445),
                transport,
            });
        }
    }
    flows
}

fn checksums_are_filled_in(pair: &Pair) {
    for flow in flows(pair) {
        for length in [0, 1, 2, 100, 1001, 1400] {
            for split in [vec![], vec![14, 20, 7], vec![flow.headers() + length / 2]] {
                let packet = Packet {
                    frame: flow.frame(&payload(length), false),
                    info: vec![(TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, wanted(&flow))],
                    split,
                    ..Packet::default()
                };
                let arrived = pair.pass(packet).frame;
                assert_eq!(flow.judge(&arrived), Ok(()), "{flow:?} {length}");
                assert_eq!(arrived[flow.headers()..][..length], payload(length));
            }
        }
    }
}

fn checksums_are_verified(pair: &Pair) {
    pair.use_offloads(Some(true), Some(true));
    const IP_SUCCEEDED: usize = 1 << 5;
    const FAILED: usize = 0b111;
    for flow in flows(pair) {
        let succeeded = if flow.transport == Transport::Tcp {
            1 << 3
        } else {
            1 << 4
        };
        // Right as it comes, or filled in on the way, or wrong.
        let whole = Packet::plain(flow.frame(&payload(100), true));
        let to_fill = Packet {
            frame: flow.frame(&payload(100), false),
            info: vec![(TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, wanted(&flow))],
            ..Packet::default()
        };
        for packet in [whole, to_fill] {
            let arrived = pair.pass(packet);
            let told = info(&arrived, TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO);
            // A card that has not looked says nothing, and Windows looks; one that says so must be right.
            assert_eq!(told & FAILED, 0, "{flow:?} {told:#x}");
            if told & succeeded == 0 {
                assert_eq!(
                    flow.judge(&arrived.frame),
                    Ok(()),
                    "{flow:?}: Windows has to look"
                );
            }
        }
        let mut wrong = flow.frame(&payload(100), true);
        *wrong.last_mut().expect("a payload") ^= 0x55;
        let arrived = pair.pass(Packet::plain(wrong));
        let told = info(&arrived, TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO);
        assert_eq!(told & succeeded, 0, "{flow:?}: wrong, and told to be right");
        assert_eq!(told & IP_SUCCEEDED & !told & FAILED, 0);
    }
}

fn large_sends_are_cut(pair: &Pair) {
    const MSS: usize = 1400;
    for flow in flows(pair) {
        if flow.transport != Transport::Tcp {
            continue;
        }
        for (length, tagged) in [(1500, 0), (2800, tag(2, 5)), (20_001, 0), (60_000, 0)] {
            let data = payload(length);
            let mut frame = flow.frame(&data, false);
            // As Windows leaves it: the length open, and the pseudo header's sum without a length (NDIS, LSOv2).
            let at = if flow.ips.0.is_ipv4() { 16 } else { 18 };
            frame[at..at + 2].fill(0);
            let sum = u16::from_be_bytes([
                frame[flow.transport_at() + 16],
                frame[flow.transport_at() + 17],
            ]);
            let inner = (20 + length) as u32;
            let mut without = u32::from(sum) + 0xFFFF - (inner & 0xFFFF) - (inner >> 16);
            while without > 0xFFFF {
                without = (without & 0xFFFF) + (without >> 16);
            }
            frame[flow.transport_at() + 16..][..2].copy_from_slice(&(without as u16).to_be_bytes());
            // NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO: MSS, TcpHeaderOffset, type 2, IP version.
            let large = MSS
                | flow.transport_at() << 20
                | 1 << 30
                | usize::from(!flow.ips.0.is_ipv4()) << 31;
            pair.send(&[Packet {
                frame,
                info: vec![
                    (TCP_LARGE_SEND_NET_BUFFER_LIST_INFO, large),
                    (IEEE_8021Q_NET_BUFFER_LIST_INFO, tagged),
                ],
                split: vec![14, flow.headers() - 14, 5000],
                ..Packet::default()
            }]);
            let mut whole = Vec::new();
            let mut sequence = 1000_u32;
            while whole.len() < length {
                let arrived = pair.arrived("a segment", |_| true);
                assert_eq!(info(&arrived, IEEE_8021Q_NET_BUFFER_LIST_INFO), tagged);
                let arrived = arrived.frame;
                assert_eq!(
                    flow.judge(&arrived),
                    Ok(()),
                    "{flow:?} {length} at {}",
                    whole.len()
                );
                let tcp = &arrived[flow.transport_at()..];
                assert_eq!(tcp[4..8], sequence.to_be_bytes(), "sequence");
                let left = length - whole.len();
                let here = left.min(MSS);
                // PSH belongs to the last segment alone (RFC 9293, 3.9.1.2).
                let is_last = here == left;
                assert_eq!(
                    tcp[13] & 8 != 0,
                    is_last,
                    "PSH at {} of {length}",
                    whole.len()
                );
                whole.extend_from_slice(&arrived[flow.headers()..][..here]);
                sequence += here as u32;
            }
            assert!(whole == data, "{flow:?} {length}: other bytes");
        }
    }
}

/// NDIS_NET_BUFFER_LIST_8021Q_INFO: priority in bits 0-2, VLAN in 4-15.
fn tag(priority: usize, vlan: usize) -> usize {
    priority | vlan << 4
}

fn tags_are_inserted_and_taken_out(pair: &Pair) {
    for (flow, value) in
        flows(pair)
            .into_iter()
            .zip([tag(5, 100), tag(0, 4094), tag(7, 0), tag(3, 1)])
    {
        let frame = flow.frame(&payload(300), true);
        let mut packet = Packet::plain(frame.clone());
        packet.info.push((IEEE_8021Q_NET_BUFFER_LIST_INFO, value));
        let arrived = pair.pass(packet);
        assert_eq!(info(&arrived, IEEE_8021Q_NET_BUFFER_LIST_INFO), value);
        assert_eq!(arrived.frame, frame, "without the tag");
        // With a checksum to fill in, behind the tag.
        let mut packet = Packet::plain(flow.frame(&payload(300), false));
        packet.info.push((IEEE_8021Q_NET_BUFFER_LIST_INFO, value));
        packet
            .info
            .push((TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, wanted(&flow)));
        let arrived = pair.pass(packet);
        assert_eq!(info(&arrived, IEEE_8021Q_NET_BUFFER_LIST_INFO), value);
        let succeeded = if flow.transport == Transport::Tcp {
            1 << 3
        } else {
            1 << 4
        };
        if info(&arrived, TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO) & succeeded == 0 {
            assert_eq!(flow.judge(&arrived.frame), Ok(()));
        }
    }
}

/// A frame with a tag in it, of priority 5 and VLAN 100, as it arrives: without, and what is told beside it.
fn told_of_a_tag(pair: &Pair) -> usize {
    let packet = pair.plain(1, 100);
    let mut tagged = packet.frame.clone();
    tagged.splice(12..12, [0x81, 0, 0xA0, 100]);
    let arrived = pair.pass(Packet::plain(tagged));
    assert_eq!(arrived.frame, packet.frame);
    info(&arrived, IEEE_8021Q_NET_BUFFER_LIST_INFO)
}

/// They were left in the frame, where drivers above do not look for them. (*PriorityVLANTag)
fn tags_are_taken_out_where_nobody_is_told_of_them(pair: &Pair) {
    assert_eq!(told_of_a_tag(pair), 0);
}

fn vlans_alone_are_told(pair: &Pair) {
    assert_eq!(told_of_a_tag(pair), tag(0, 100));
    let vlan = pair.b.set(OID_GEN_VLAN_ID, &0_u32.to_le_bytes()).status;
    assert_eq!(vlan, NDIS_STATUS_SUCCESS);
}

/// VlanID of the registry, and OID_GEN_VLAN_ID.
fn frames_of_a_vlan_are_tagged_and_others_dropped(pair: &Pair) {
    let frame = pair.plain(1, 100);
    let arrived = pair.pass(frame.clone());
    assert_eq!(arrived.frame, frame.frame);
    assert_eq!(
        info(&arrived, IEEE_8021Q_NET_BUFFER_LIST_INFO) >> 4,
        77,
        "an untagged frame is sent on the card's VLAN"
    );
    // Only one side changes: what it sends is of another VLAN than the other side's.
    let set = |vlan: u32| {
        let status = pair.a.set(OID_GEN_VLAN_ID, &vlan.to_le_bytes()).status;
        assert_eq!(status, NDIS_STATUS_SUCCESS);
    };
    set(78);
    pair.send(&[pair.plain(2, 100)]);
    set(0);
    pair.send(&[pair.plain(3, 100)]);
    set(77);
    let last = pair.plain(4, 100);
    pair.send(std::slice::from_ref(&last));
    let arrived = pair.arrived("the last frame", |_| true);
    assert_eq!(
        arrived.frame, last.frame,
        "frames of other VLANs, or of none, were dropped"
    );
}

/// Its addresses and its tag, and nothing more: a header without a type was indicated.
fn a_runt_within_its_tag_is_no_shorter_than_a_header(pair: &Pair) {
    let (to, from) = pair.macs();
    for length in [14, 15, 16, 17, 18] {
        let mut runt = [&to[..], &from[..], &[0x81, 0, 0, 9, 8, 0]].concat();
        runt.truncate(length);
        pair.a.send(&[Packet::plain(runt)]);
    }
    let last = pair.plain(9, 60);
    pair.send(std::slice::from_ref(&last));
    let short = pair.arrived("the last frame", |packet| {
        packet.frame.len() < 14 || packet.frame == last.frame
    });
    assert_eq!(short.frame, last.frame, "a frame shorter than a header");
}

/// TCP/IP sends several net buffers in a list; only one was ever tried here.
fn buffers_of_one_list_are_sent_each_and_end_together(pair: &Pair) {
    let frames: Vec<Vec<u8>> = (0..5)
        .map(|n| pair.plain(n, 200 + n as usize).frame)
        .collect();
    let list = |frames: &[Vec<u8>]| Packet {
        frame: frames[0].clone(),
        more: frames[1..].to_vec(),
        split: vec![14],
        ..Packet::default()
    };
    pair.send(&[list(&frames), list(&frames[..2])]);
    for frame in frames.iter().chain(&frames[..2]) {
        assert_eq!(&pair.arrived("a buffer", |_| true).frame, frame);
    }
    // One that cannot be sent fails the list, once, and not its neighbours.
    let mut mixed = frames.clone();
    mixed[2] = pair.plain(9, 5000).frame;
    let number = pair.a.send(&[list(&mixed)])[0];
    assert_ne!(pair.a.wait_sent(number), NDIS_STATUS_SUCCESS);
    for at in [0, 1, 3, 4] {
        assert_eq!(pair.arrived("a buffer", |_| true).frame, mixed[at]);
    }
}

fn jumbo_frames_pass(pair: &Pair) {
    assert_eq!(pair.a.said.lock().mtu, 9000);
    for length in [1515, 4096, 9014] {
        let packet = Packet {
            split: vec![14, 1, 4000],
            ..pair.plain(length as u32, length)
        };
        assert_eq!(pair.pass(packet.clone()).frame, packet.frame, "{length}");
    }
}

fn longer_frames_than_the_card_takes_are_refused(pair: &Pair) {
    assert_eq!(pair.a.said.lock().mtu, 1500);
    let fits = pair.plain(1, 1514);
    assert_eq!(pair.pass(fits.clone()).frame, fits.frame);
    for number in pair.a.send(&[pair.plain(2, 9014), pair.plain(3, 64_000)]) {
        assert_ne!(pair.a.wait_sent(number), NDIS_STATUS_SUCCESS);
    }
    let none = pair.b.traffic.receive(MOMENT, |_| true);
    assert!(
        none.is_none(),
        "{:?} bytes arrived",
        none.map(|p| p.frame.len())
    );
}
