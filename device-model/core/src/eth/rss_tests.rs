use super::super::testing::Ip;
use super::*;
use core::net::{IpAddr, Ipv6Addr};

/// The key of Microsoft's "Verifying the RSS Hash Calculation".
const KEY: [u8; 40] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
    0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
    0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
];

/// Destination, source, hash of addresses, hash of addresses and TCP ports.
const VECTORS: [(&str, u16, &str, u16, u32, u32); 8] = [
    (
        "161.142.100.80",
        1766,
        "66.9.149.187",
        2794,
        0x323e_8fc2,
        0x51cc_c178,
    ),
    (
        "65.69.140.83",
        4739,
        "199.92.111.2",
        14230,
        0xd718_262a,
        0xc626_b0ea,
    ),
    (
        "12.22.207.184",
        38024,
        "24.19.198.95",
        12898,
        0xd2d0_a5de,
        0x5c2b_394a,
    ),
    (
        "209.142.163.6",
        2217,
        "38.27.205.30",
        48228,
        0x8298_9176,
        0xafc7_327f,
    ),
    (
        "202.188.127.2",
        1303,
        "153.39.163.191",
        44251,
        0x5d18_09c5,
        0x10e8_28a2,
    ),
    (
        "3ffe:2501:200:3::1",
        1766,
        "3ffe:2501:200:1fff::7",
        2794,
        0x2cc1_8cd5,
        0x4020_7d3d,
    ),
    (
        "ff02::1",
        4739,
        "3ffe:501:8::260:97ff:fe40:efab",
        14230,
        0x0f0c_461c,
        0xdde5_1bbf,
    ),
    (
        "fe80::200:f8ff:fe21:67cf",
        38024,
        "3ffe:1900:4545:3:200:f8ff:fe21:67cf",
        44251,
        0x4b61_e985,
        0x02d1_feef,
    ),
];

fn number(text: &str) -> (bool, u128) {
    match text.parse().unwrap() {
        IpAddr::V4(v4) => (false, u32::from(v4).into()),
        IpAddr::V6(v6) => (true, Ipv6Addr::into(v6)),
    }
}

fn packet(vector: &(&str, u16, &str, u16, u32, u32), tcp: bool) -> Ip {
    let (v6, destination) = number(vector.0);
    Ip {
        tcp,
        source: (number(vector.2).1, vector.3),
        destination: (destination, vector.1),
        ..Ip::tcp(v6, 10)
    }
}

fn hash(types: RssTypes, frame: &[u8]) -> Option<u32> {
    let rss = Rss::new(types, KEY, &[0]).unwrap();
    let packet = Packet::find(frame)?;
    rss.hash(frame, &packet)
}

fn types(bits: &[RssTypes]) -> RssTypes {
    RssTypes(bits.iter().fold(0, |all, bits| all | bits.0))
}

#[test]
fn hashes_are_those_of_the_verification_suite() {
    // [ETH-7]
    let all = types(&[
        RssTypes::IPV4,
        RssTypes::TCP_IPV4,
        RssTypes::IPV6,
        RssTypes::TCP_IPV6,
    ]);
    let addresses = types(&[RssTypes::IPV4, RssTypes::IPV6]);
    let udp = types(&[addresses, RssTypes::UDP_IPV4, RssTypes::UDP_IPV6]);
    for vector in &VECTORS {
        for vlan in [false, true] {
            let tcp = Ip {
                vlan,
                ..packet(vector, true)
            };
            let (tcp, datagram) = (tcp.frame(), packet(vector, false).frame());
            assert_eq!(hash(addresses, &tcp), Some(vector.4), "{}", vector.0);
            assert_eq!(hash(all, &tcp), Some(vector.5), "{}", vector.0);
            assert_eq!(hash(all, &datagram), Some(vector.4), "{}", vector.0);
            // Ports of UDP are hashed as those of TCP are.
            assert_eq!(hash(udp, &datagram), Some(vector.5), "{}", vector.0);
            assert_eq!(hash(udp, &tcp), Some(vector.4), "{}", vector.0);
        }
    }
}

#[test]
fn inputs_that_are_not_there_make_no_hash() {
    // [ETH-7]
    let tcp4 = packet(&VECTORS[0], true);
    let tcp6 = packet(&VECTORS[5], true);
    assert_eq!(hash(RssTypes::IPV6, &tcp4.frame()), None);
    assert_eq!(hash(RssTypes::UDP_IPV4, &tcp4.frame()), None);
    assert_eq!(hash(RssTypes::IPV4, &tcp6.frame()), None);
    let mut fragment = tcp4.frame();
    fragment[20] |= 0x20;
    assert_eq!(hash(RssTypes::TCP_IPV4, &fragment), None);
    let both = types(&[RssTypes::TCP_IPV4, RssTypes::IPV4]);
    assert_eq!(hash(both, &fragment), Some(VECTORS[0].4));
    // Cut inside the ports.
    assert_eq!(hash(RssTypes::TCP_IPV4, &tcp4.frame()[..37]), None);
    assert_eq!(hash(RssTypes::IPV4, &tcp4.frame()[..33]), None);
}

#[test]
fn the_low_bits_choose_the_entry() {
    // [ETH-7]
    let table: Vec<u8> = (0..8).map(|n| 15 - n).collect();
    let rss = Rss::new(RssTypes::IPV4, KEY, &table).unwrap();
    for vector in &VECTORS[..5] {
        let expected = 15 - (vector.4 & 7);
        assert_eq!(
            u32::from(rss.queue(&packet(vector, true).frame())),
            expected
        );
    }
    // Without inputs, and without types: the first entry.
    assert_eq!(rss.queue(&packet(&VECTORS[5], true).frame()), 15);
    let off = Rss::new(RssTypes(0), KEY, &table).unwrap();
    assert_eq!(off.queue(&packet(&VECTORS[0], true).frame()), 15);
    assert_eq!(Rss::default().queue(&packet(&VECTORS[0], true).frame()), 0);
    for len in [0, 3, 127] {
        assert!(Rss::new(RssTypes::IPV4, KEY, &vec![0; len]).is_none());
    }
}
