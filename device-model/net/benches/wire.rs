//! What the codec and the host's sockets cost, each beside a baseline of the same run: one JSON object,
//! which `cargo xtask bench wire` reads. Not a test: nothing here judges a figure.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use rnic_net::port::dgram::DgramLink;
use rnic_net::port::stream::StreamLink;
use rnic_net::port::{BATCH, Frames, Link};
use rnic_wire::{
    Bth, Envelope, EthHeader, Ext, Frame, FrameEncoder, IpHeader, Ipv4Header, MAX_FRAME_LEN,
    MacAddr, Opcode, Psn, Qpn, UdpHeader,
};
use serde_json::json;

/// How long each figure is measured, each time.
const DURATION: Duration = Duration::from_millis(100);
/// Operations between two looks at the clock.
const ROUND: usize = 256;

/// Processor time of this thread: what else the machine does takes none of it.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock writes one timespec, which lives past the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Operations in a second of processor time.
fn rate(mut one: impl FnMut()) -> f64 {
    for _ in 0..ROUND {
        one();
    }
    let start = processor_time();
    let mut done = 0usize;
    while processor_time() - start < DURATION {
        for _ in 0..ROUND {
            one();
        }
        done += ROUND;
    }
    done as f64 / (processor_time() - start).as_secs_f64()
}

/// Sleeps until the link can go on, as a daemon does.
fn wait(link: &impl Link) {
    let mut poll = libc::pollfd {
        fd: link.fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one pollfd, which lives past the call.
    unsafe { libc::poll(&raw mut poll, 1, 100) };
}

/// Makes a frame around its payload, which is in place already or is `payload`.
fn encode(to: &mut [u8], length: usize, payload: Option<&[u8]>) -> usize {
    let envelope = Envelope {
        eth: EthHeader {
            dst: MacAddr([2, 0, 0, 0, 0, 2]),
            src: MacAddr([2, 0, 0, 0, 0, 1]),
            vlan: None,
        },
        ip: IpHeader::V4(Ipv4Header::new(
            Ipv4Addr::new(10, 0, 0, 1),
            Ipv4Addr::new(10, 0, 0, 2),
        )),
        udp: UdpHeader::new(0xC123),
    };
    let bth = Bth::new(Opcode::RcWriteMiddle, Qpn::GSI, Psn::ZERO);
    let encoder = FrameEncoder::begin(to, &envelope, &bth, &Ext::None, length);
    let mut encoder = encoder.expect("the buffer holds the longest frame");
    if let Some(payload) = payload {
        encoder.payload_mut().copy_from_slice(payload);
    }
    encoder.finish_icrc()
}

/// Frames of one payload size.
fn codec(size: usize) -> serde_json::Value {
    let payload = vec![0x5A; size];
    let mut copy = vec![0; size];
    let mut buffer = vec![0; MAX_FRAME_LEN];
    let length = encode(&mut buffer, size, Some(&payload));
    let frame = buffer[..length].to_vec();
    // Interleaved and the best of several, so that what else the machine does hits all alike.
    let mut best = [0f64; 7];
    for _ in 0..5 {
        let found = [
            rate(|| {
                copy.copy_from_slice(black_box(&payload));
                black_box(&copy);
            }),
            rate(|| {
                black_box(crc32fast::hash(black_box(&payload)));
            }),
            rate(|| {
                copy.copy_from_slice(black_box(&payload));
                black_box(crc32fast::hash(black_box(&copy)));
            }),
            rate(|| {
                black_box(encode(black_box(&mut buffer), size, None));
            }),
            rate(|| {
                black_box(encode(&mut buffer, size, Some(black_box(&payload))));
            }),
            rate(|| {
                let (frame, icrc) = Frame::parse_with_icrc(black_box(&frame)).expect("a frame");
                assert!(icrc.is_right());
                black_box(frame.packet.payload);
            }),
            rate(|| {
                black_box(&Frame::parse(black_box(&frame)).expect("a frame"));
            }),
        ];
        for (best, found) in best.iter_mut().zip(found) {
            *best = best.max(found);
        }
    }
    let [
        memcpy,
        crc32,
        copy_and_crc32,
        encode,
        copy_and_encode,
        decode,
        decode_and_store,
    ] = best;
    json!({
        "payload_bytes": size,
        "memcpy_per_second": memcpy,
        "crc32_per_second": crc32,
        "copy_and_crc32_per_second": copy_and_crc32,
        "encode_per_second": encode,
        "copy_and_encode_per_second": copy_and_encode,
        "decode_per_second": decode,
        "decode_and_store_per_second": decode_and_store,
    })
}

/// Frames of `size` bytes from one thread to another: GB/s by the clock, and for each second of the
/// sender's and of the receiver's processor time.
fn bare(mut left: impl Link + 'static, mut right: impl Link, size: usize) -> [f64; 3] {
    let frame = vec![0x5A; size];
    let start = Instant::now();
    let long = DURATION * 9;
    let sender = thread::spawn(move || {
        let mut spare: Frames = Frames::new();
        while start.elapsed() < long {
            while spare.len() < BATCH {
                spare.push_back(frame.as_slice().into());
            }
            left.send(&mut spare).expect("sends");
            if spare.len() == BATCH {
                wait(&left);
            }
        }
        (left, processor_time())
    });
    let mut bytes = 0usize;
    let (begin, spent) = (Instant::now(), processor_time());
    while start.elapsed() < long {
        let mut take = |frame: &[u8]| {
            bytes += black_box(frame).len();
            true
        };
        if !right.receive(&mut take).expect("receives") {
            wait(&right);
        }
    }
    let times = [begin.elapsed(), processor_time() - spent];
    let (left, sending) = sender.join().expect("the sender ends");
    drop(left);
    let [clock, receiving] = times;
    [clock, sending, receiving].map(|time| bytes as f64 / time.as_secs_f64() / 1e9)
}

fn main() {
    // `cargo test --benches` and `cargo bench` both pass arguments that mean nothing here.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b, s) = (
        dir.path().join("a"),
        dir.path().join("b"),
        dir.path().join("s"),
    );
    let mut loops = Vec::new();
    for payload in [1024, 4096] {
        let mut buffer = vec![0; MAX_FRAME_LEN];
        let size = encode(&mut buffer, payload, None);
        let left = DgramLink::new(&a, &b).expect("a socket");
        let right = DgramLink::new(&b, &a).expect("a socket");
        let dgram = bare(left, right, size);
        let right = StreamLink::listen(&s).expect("a socket");
        let left = StreamLink::connect(&s).expect("a socket");
        let stream = bare(left, right, size);
        loops.push(json!({
            "payload_bytes": payload,
            "dgram_gigabytes_per_second": dgram,
            "stream_gigabytes_per_second": stream,
        }));
    }
    let report = json!({
        "codec": [codec(64), codec(1024), codec(4096)],
        "loops": loops,
    });
    println!("{report}");
}
