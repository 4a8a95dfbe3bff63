//! ndkperf: how fast work goes through the provider, from the call of a dispatch function to its completion.

use std::time::{Duration, Instant};

use ndis_sys::ndk::*;

use crate::bench::{Bench, QpSizes, poll};
use crate::call;
use crate::link::{Link, Wanted};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// NdkSend, with a receive posted over there.
    Send,
    /// NdkWrite.
    Write,
    /// NdkRead.
    Read,
}

/// How its completion is learned of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// NdkGetCqResults, again and again.
    Polling,
    /// NdkArmCq, and the notification callback.
    Notified,
}

/// Times of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Half took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

/// Takes one completion without letting go of the processor, unless the platform needs to be stepped.
fn spin(bench: &Bench<'_>, cq: *mut NDK_CQ) -> NDK_RESULT_EX {
    let mut looks = 0u64;
    loop {
        if let Some(result) = poll(cq) {
            assert_eq!(result.Status, STATUS_SUCCESS, "{result:x?}");
            return result;
        }
        looks += 1;
        if looks > 1_000_000 || !bench.platform.runs_alone() {
            assert!(
                bench.platform.patient(looks / 1000),
                "a completion did not come"
            );
            bench.platform.step();
        }
    }
}

fn post(link: &Link<'_>, operation: Operation, length: usize) {
    let list = [link.a.sge(0, length)];
    let status = match operation {
        Operation::Send => link.a.send(1, &list, 0),
        Operation::Write => link.a.write(1, &list, link.b.remote(0), 0),
        Operation::Read => link.a.read(1, &list, link.b.remote(0), 0),
    };
    assert_eq!(status, STATUS_SUCCESS);
}

/// Latency of `length` bytes, from the call to when its completion is known.
///
/// # Panics
/// When anything fails.
pub fn latency<'b>(
    bench: &'b Bench<'b>,
    operation: Operation,
    learned: Learned,
    length: usize,
    rounds: usize,
) -> Latency {
    let link = Link::new(bench, Wanted::default());
    let mut times = Vec::with_capacity(rounds);
    let warm = rounds / 10;
    for round in 0..rounds + warm {
        if operation == Operation::Send {
            assert_eq!(link.b.receive(2, &[link.b.sge(0, length)]), STATUS_SUCCESS);
        }
        let before = link.a.notified.count();
        if learned == Learned::Notified {
            call!(link.a.cq, NdkArmCq, NDK_CQ_NOTIFY_ANY);
        }
        let start = Instant::now();
        post(&link, operation, length);
        if learned == Learned::Notified {
            let mut looks = 0u64;
            while link.a.notified.count() == before {
                looks += 1;
                if !bench.platform.runs_alone() {
                    bench.platform.step();
                }
                assert!(bench.platform.patient(looks / 100_000), "no notification");
                std::hint::spin_loop();
            }
        } else {
            spin(bench, link.a.cq);
        }
        let took = start.elapsed();
        if learned == Learned::Notified {
            spin(bench, link.a.cq);
        }
        if operation == Operation::Send {
            spin(bench, link.b.cq);
        }
        if round >= warm {
            times.push(took);
        }
    }
    link.close();
    times.sort_unstable();
    Latency {
        median: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    }
}

/// Writes of `length` bytes in a second, with `depth` outstanding.
///
/// # Panics
/// When anything fails.
pub fn writes_per_second<'b>(
    bench: &'b Bench<'b>,
    length: usize,
    depth: u32,
    rounds: usize,
) -> f64 {
    let wanted = Wanted {
        sizes: QpSizes {
            initiators: depth,
            ..QpSizes::default()
        },
        ..Wanted::default()
    };
    let link = Link::new(bench, wanted);
    let (mut posted, mut done) = (0, 0);
    let start = Instant::now();
    while done < rounds {
        while posted < rounds && posted - done < depth as usize {
            post(&link, Operation::Write, length);
            posted += 1;
        }
        spin(bench, link.a.cq);
        done += 1;
    }
    let took = start.elapsed();
    link.close();
    rounds as f64 / took.as_secs_f64()
}

/// Bytes of a write of `bandwidth`.
pub const BLOCK: usize = 1 << 20;

/// Bytes a second of writes of 1 MiB, and of copying as much in this process: for their ratio.
///
/// # Panics
/// When anything fails.
pub fn bandwidth<'b>(bench: &'b Bench<'b>, rounds: usize) -> (f64, f64) {
    let link = Link::new(bench, Wanted::default());
    let (from, to) = (
        bench.platform.allocate(0, BLOCK),
        bench.platform.allocate(1, BLOCK),
    );
    let source = bench.region(link.a.pd, &*from, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    let sink = bench.region(link.b.pd, &*to, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    let list = [NDK_SGE {
        Address: from.address(),
        Length: u32::try_from(BLOCK).expect("short"),
        MemoryRegionToken: call!(source, NdkGetLocalTokenFromMr),
    }];
    let remote = (to.address(), call!(sink, NdkGetRemoteTokenFromMr));
    let (mut posted, mut done) = (0, 0);
    let start = Instant::now();
    while done < rounds {
        while posted < rounds && posted - done < 4 {
            assert_eq!(link.a.write(1, &list, remote, 0), STATUS_SUCCESS);
            posted += 1;
        }
        spin(bench, link.a.cq);
        done += 1;
    }
    let rdma = (rounds * BLOCK) as f64 / start.elapsed().as_secs_f64();
    let (a, mut b) = (vec![1u8; BLOCK], vec![2u8; BLOCK]);
    let start = Instant::now();
    for _ in 0..rounds {
        b.copy_from_slice(std::hint::black_box(&a));
        std::hint::black_box(&mut b);
    }
    let copy = (rounds * BLOCK) as f64 / start.elapsed().as_secs_f64();
    crate::close!(bench, source, NdkCloseMr);
    crate::close!(bench, sink, NdkCloseMr);
    link.close();
    (rdma, copy)
}

/// Runs everything that `bench ndk` shows, and says it line by line.
pub fn report<'b>(bench: &'b Bench<'b>, rounds: usize, mut say: impl FnMut(String)) {
    for length in [64, 4096] {
        for operation in [Operation::Send, Operation::Write, Operation::Read] {
            for learned in [Learned::Polling, Learned::Notified] {
                let Latency { median, p99 } = latency(bench, operation, learned, length, rounds);
                say(format!(
                    "{operation:?} {length} B, {learned:?}: p50 {median:?}, p99 {p99:?}"
                ));
            }
        }
    }
    let rate = writes_per_second(bench, 64, 64, rounds * 20);
    say(format!(
        "writes of 64 B, 64 outstanding: {rate:.0} a second"
    ));
    let (rdma, copy) = bandwidth(bench, rounds.div_ceil(10));
    say(format!(
        "writes of 1 MiB: {:.2} GB/s, {:.2} of memcpy in the same run",
        rdma / 1e9,
        rdma / copy
    ));
}
