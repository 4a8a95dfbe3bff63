//! Receive side scaling.

use ndis_sys::ndis::*;

use super::frames::{Flow, Transport, payload};
use super::{Pair, info, tests};
use crate::cpu::CPUS;
use crate::ndis::adapter::Adapter;
use crate::ndis::datapath::Packet;

tests! {
    hashes_are_those_of_the_verification_suite["*NumRssQueues" = 4];
    flows_go_where_the_table_says["*NumRssQueues" = 4];
}

/// "Verifying the RSS Hash Calculation" in Microsoft's NDIS documentation: its key.
const KEY: [u8; 40] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
    0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
    0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
];

/// Its flows: source, port, destination, port, hash of the addresses, hash with the ports.
const FLOWS: [(&str, u16, &str, u16, u32, u32); 8] = [
    (
        "66.9.149.187",
        2794,
        "161.142.100.80",
        1766,
        0x323e_8fc2,
        0x51cc_c178,
    ),
    (
        "199.92.111.2",
        14230,
        "65.69.140.83",
        4739,
        0xd718_262a,
        0xc626_b0ea,
    ),
    (
        "24.19.198.95",
        12898,
        "12.22.207.184",
        38024,
        0xd2d0_a5de,
        0x5c2b_394a,
    ),
    (
        "38.27.205.30",
        48228,
        "209.142.163.6",
        2217,
        0x8298_9176,
        0xafc7_327f,
    ),
    (
        "153.39.163.191",
        44251,
        "202.188.127.2",
        1303,
        0x5d18_09c5,
        0x10e8_28a2,
    ),
    (
        "3ffe:2501:200:1fff::7",
        2794,
        "3ffe:2501:200:3::1",
        1766,
        0x2cc1_8cd5,
        0x4020_7d3d,
    ),
    (
        "3ffe:501:8::260:97ff:fe40:efab",
        14230,
        "ff02::1",
        4739,
        0x0f0c_461c,
        0xdde5_1bbf,
    ),
    (
        "3ffe:1900:4545:3:200:f8ff:fe21:67cf",
        44251,
        "fe80::200:f8ff:fe21:67cf",
        38024,
        0x4b61_e985,
        0x02d1_feef,
    ),
];

/// NDIS_HASH_*: Toeplitz, and what is hashed.
const IPV4: u32 = 0x100;
const TCP_IPV4: u32 = 0x200;
const IPV6: u32 = 0x400;
const TCP_IPV6: u32 = 0x1000;

/// OID_GEN_RECEIVE_SCALE_PARAMETERS of revision 2: the table's entries are processors.
fn set(adapter: &Adapter, types: u32, table: &[u8]) {
    const HEAD: usize = 0x28;
    let mut bytes = vec![0; HEAD];
    bytes[..4].copy_from_slice(&[NDIS_OBJECT_TYPE_RSS_PARAMETERS, 2, HEAD as u8, 0]);
    bytes[8..12].copy_from_slice(&(types | 1).to_le_bytes());
    bytes[12..14].copy_from_slice(&(4 * table.len() as u16).to_le_bytes());
    bytes[16..20].copy_from_slice(&(HEAD as u32).to_le_bytes());
    bytes[20..22].copy_from_slice(&40_u16.to_le_bytes());
    let key_at = HEAD + 4 * table.len();
    bytes[24..28].copy_from_slice(&(key_at as u32).to_le_bytes());
    for processor in table {
        bytes.extend_from_slice(&[0, 0, *processor, 0]);
    }
    bytes.extend_from_slice(&KEY);
    let status = adapter.set(OID_GEN_RECEIVE_SCALE_PARAMETERS, &bytes).status;
    assert_eq!(status, NDIS_STATUS_SUCCESS, "{status:#x}");
}

fn packet(pair: &Pair, at: usize, transport: Transport) -> (Packet, Flow) {
    let (from, from_port, to, to_port, ..) = FLOWS[at];
    let flow = Flow {
        macs: pair.macs(),
        ips: (from.parse().expect("ip"), to.parse().expect("ip")),
        ports: (from_port, to_port),
        transport,
    };
    (Packet::plain(flow.frame(&payload(64), true)), flow)
}

fn hashes_are_those_of_the_verification_suite(pair: &Pair) {
    let said = pair.b.said.lock().rss;
    assert!(
        said.is_some_and(|rss| rss.NumberOfReceiveQueues > 1),
        "no scaling"
    );
    let hash = |packet: &Packet| {
        let value = info(packet, NET_BUFFER_LIST_HASH_VALUE) as u32;
        (value, info(packet, NET_BUFFER_LIST_HASH_INFO) as u32)
    };
    set(&pair.b, IPV4 | TCP_IPV4 | IPV6 | TCP_IPV6, &[0, 1, 2, 3]);
    for (at, (.., addresses, ports)) in FLOWS.into_iter().enumerate() {
        let (tcp, flow) = packet(pair, at, Transport::Tcp);
        let (with_ports, without) = if flow.ips.0.is_ipv4() {
            (TCP_IPV4, IPV4)
        } else {
            (TCP_IPV6, IPV6)
        };
        assert_eq!(hash(&pair.pass(tcp)), (ports, with_ports | 1), "{flow:?}");
        let (udp, flow) = packet(pair, at, Transport::Udp);
        assert_eq!(hash(&pair.pass(udp)), (addresses, without | 1), "{flow:?}");
    }
    // What is not IP has no hash.
    assert_eq!(hash(&pair.pass(pair.plain(1, 100))), (0, 0));
    // Of addresses alone, also where there are ports.
    set(&pair.b, IPV4 | IPV6, &[0, 1, 2, 3]);
    for (at, (.., addresses, _)) in FLOWS.into_iter().enumerate() {
        let (tcp, flow) = packet(pair, at, Transport::Tcp);
        assert_eq!(hash(&pair.pass(tcp)).0, addresses, "{flow:?}");
    }
    // Switched off.
    set(&pair.b, 0, &[0]);
}

fn flows_go_where_the_table_says(pair: &Pair) {
    // The second and third are what Windows does when it moves load from one processor to another.
    for table in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 2, 1, 1]] {
        set(&pair.b, TCP_IPV4 | TCP_IPV6, &table);
        for (at, (.., hash)) in FLOWS.into_iter().enumerate() {
            for _ in 0..3 {
                let (tcp, flow) = packet(pair, at, Transport::Tcp);
                let arrived = pair.pass(tcp);
                let wanted = usize::from(table[hash as usize % table.len()]);
                assert!(wanted < CPUS);
                assert_eq!(arrived.cpu, wanted, "{flow:?} with {table:?}");
            }
        }
    }
}
