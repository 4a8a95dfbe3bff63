//! What a frame costs beyond its CRC: encode and parse with ICRC against the CRC-32 of the same frame and a copy of its
//! payload, in one run. Run with `cargo bench -p rnic-wire --features std --bench codec`; the ratios to `crc32` are printed at the
//! end, measured apart from criterion's figures.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use rnic_wire::*;

const PAYLOADS: [usize; 4] = [64, 256, 1024, 4096];

fn envelope(v6: bool) -> Envelope {
    let ip = if v6 {
        IpHeader::V6(Ipv6Header::new(
            "fd07::1".parse().unwrap(),
            "fd07::2".parse().unwrap(),
        ))
    } else {
        IpHeader::V4(Ipv4Header::new(
            "10.7.0.1".parse().unwrap(),
            "10.7.0.2".parse().unwrap(),
        ))
    };
    let eth = EthHeader {
        dst: MacAddr([2; 6]),
        src: MacAddr([4; 6]),
        vlan: None,
    };
    Envelope {
        eth,
        ip,
        udp: UdpHeader::new(50000),
    }
}

fn packet(payload: &[u8]) -> Packet<'_> {
    let bth = Bth::new(Opcode::RcWriteOnly, Qpn::truncate(17), Psn::new(99));
    Packet {
        bth,
        ext: Ext::Reth(Reth {
            va: 0x1000,
            rkey: RKey(7),
            len: 4096,
        }),
        payload,
    }
}

/// Headers, then the CRC over what the caller placed already: no copy.
fn encode_in_place(out: &mut [u8], envelope: &Envelope, packet: &Packet<'_>) -> usize {
    let e = FrameEncoder::begin(
        out,
        envelope,
        &packet.bth,
        &packet.ext,
        packet.payload.len(),
    )
    .unwrap();
    black_box(e).finish_icrc()
}

fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Nanoseconds of one call: the best of many short runs, which other load disturbs least.
fn nanos(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 500;
    let mut best = Duration::MAX;
    for _ in 0..2000 {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / f64::from(CALLS)
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    for v6 in [false, true] {
        let family = if v6 { "ipv6" } else { "ipv4" };
        let mut group = c.benchmark_group(family);
        for len in PAYLOADS {
            let payload = vec![0x5a; len];
            let frame = Frame {
                envelope: envelope(v6),
                packet: packet(&payload),
                trailer: &[],
            };
            let mut out = vec![0; frame.wire_len()];
            frame.encode(&mut out).unwrap();
            let bytes = out.clone();
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(BenchmarkId::new("parse", len), |b| {
                b.iter(|| Frame::parse(black_box(&bytes)).is_ok())
            });
            group.bench_function(BenchmarkId::new("encode", len), |b| {
                b.iter(|| encode_in_place(black_box(&mut out), &frame.envelope, &frame.packet));
            });
            group.bench_function(BenchmarkId::new("encode_copy", len), |b| {
                b.iter(|| black_box(&frame).encode(black_box(&mut out)).unwrap());
            });
            group.bench_function(BenchmarkId::new("crc32", len), |b| {
                b.iter(|| crc32(black_box(&bytes)))
            });
            group.bench_function(BenchmarkId::new("memcpy", len), |b| {
                b.iter(|| black_box(&mut out)[..len].copy_from_slice(black_box(&payload)));
            });
        }
        group.finish();
    }
    c.final_summary();

    println!(
        "payload family  crc32 ns  memcpy ns  parse/crc32  encode/crc32  encode+copy/(crc32+memcpy)"
    );
    for v6 in [false, true] {
        for len in PAYLOADS {
            let payload = vec![0x5a; len];
            let frame = Frame {
                envelope: envelope(v6),
                packet: packet(&payload),
                trailer: &[],
            };
            let mut out = vec![0; frame.wire_len()];
            frame.encode(&mut out).unwrap();
            let bytes = out.clone();
            let mut place = vec![0; len];
            let crc = nanos(|| _ = black_box(crc32(black_box(&bytes))));
            let copy = nanos(|| black_box(&mut place).copy_from_slice(black_box(&payload)));
            let parse = nanos(|| _ = black_box(Frame::parse(black_box(&bytes)).is_ok()));
            let encode =
                nanos(|| _ = encode_in_place(black_box(&mut out), &frame.envelope, &frame.packet));
            let both = nanos(|| _ = black_box(&frame).encode(black_box(&mut out)));
            println!(
                "{len:7} {:6} {crc:9.1} {copy:10.1} {:12.2} {:13.2} {:27.2}",
                if v6 { "ipv6" } else { "ipv4" },
                parse / crc,
                encode / crc,
                both / (crc + copy)
            );
        }
    }
}
