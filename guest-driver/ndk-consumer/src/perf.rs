//! ndkperf: how fast work goes through the provider, from the call of a dispatch function to its completion.

use std::time::{Duration, Instant};

use ndis_sys::ndk::*;

use crate::bench::{Bench, QpSizes, poll};
use crate::call;
use crate::link::{Link, Wanted};
use crate::platform::Memory;

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
    /// None took less.
    pub least: Duration,
    /// Half took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// Blocks of memory that the provider allocated meanwhile, where that is counted.
    pub allocations: Option<u64>,
}

/// How much a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// In all.
    pub mean: f64,
    /// In the best part of some milliseconds: what there is while nobody else wants the processors.
    pub best: f64,
}

impl Rate {
    /// Does `one`, each of which is worth `amount`, `count` times, in parts of `part`.
    fn of((count, part, amount): (usize, usize, f64), mut one: impl FnMut()) -> Self {
        let start = Instant::now();
        let (mut before, mut best) = (start, 0.0f64);
        for done in 1..=count {
            one();
            if done % part == 0 {
                let now = Instant::now();
                best = best.max(part as f64 * amount / (now - before).as_secs_f64());
                before = now;
            }
        }
        let mean = count as f64 * amount / start.elapsed().as_secs_f64();
        Self {
            mean,
            best: best.max(mean),
        }
    }

    /// The middle of several, and the best of all.
    fn median(mut rates: Vec<Self>) -> Self {
        rates.sort_by(|a, b| a.mean.total_cmp(&b.mean));
        Self {
            mean: rates[rates.len() / 2].mean,
            best: rates.iter().map(|rate| rate.best).fold(0.0, f64::max),
        }
    }
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
    let mut allocated = None;
    for round in 0..rounds + warm {
        if round == warm {
            allocated = bench.platform.allocations();
        }
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
                assert!(bench.platform.patient(looks / 100), "no notification");
                // The callback runs on another processor, and this may be the only one there is.
                std::thread::yield_now();
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
    let now = bench.platform.allocations();
    let allocations = now.zip(allocated).map(|(now, before)| now - before);
    link.close();
    times.sort_unstable();
    Latency {
        least: times[0],
        median: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        allocations,
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
) -> Rate {
    let wanted = Wanted {
        sizes: QpSizes {
            initiators: depth,
            ..QpSizes::default()
        },
        ..Wanted::default()
    };
    let link = Link::new(bench, wanted);
    let mut posted = 0;
    let depth = rounds.min(depth as usize);
    let mut one = || {
        while posted < depth {
            post(&link, Operation::Write, length);
            posted += 1;
        }
        spin(bench, link.a.cq);
        posted -= 1;
    };
    let rate = Rate::of((rounds, PART, 1.0), &mut one);
    while posted > 0 {
        spin(bench, link.a.cq);
        posted -= 1;
    }
    link.close();
    rate
}

/// Completions of a part of a measurement of small writes, and of large ones: some milliseconds.
const PART: usize = 4096;
const LARGE_PART: usize = 128;
/// Bytes of a write of `bandwidth`.
pub const BLOCK: usize = 1 << 20;
/// Writes under way.
const LARGE_DEPTH: usize = 8;
/// How often writes and copies are measured in turn.
const TURNS: usize = 5;

/// Bytes a second of writes of 1 MiB, and of copies between the same buffers by the processor, in turn with them.
///
/// # Panics
/// When anything fails.
pub fn bandwidth<'b>(bench: &'b Bench<'b>, rounds: usize) -> (Rate, Rate) {
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
    let mut posted = 0;
    let (mut writes, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        writes.push(Rate::of((rounds, LARGE_PART, BLOCK as f64), || {
            while posted < LARGE_DEPTH {
                assert_eq!(link.a.write(1, &list, remote, 0), STATUS_SUCCESS);
                posted += 1;
            }
            spin(bench, link.a.cq);
            posted -= 1;
        }));
        while posted > 0 {
            spin(bench, link.a.cq);
            posted -= 1;
        }
        copies.push(Rate::of((rounds, LARGE_PART, BLOCK as f64), || {
            copy(&*from, &*to);
        }));
    }
    crate::close!(bench, source, NdkCloseMr);
    crate::close!(bench, sink, NdkCloseMr);
    link.close();
    (Rate::median(writes), Rate::median(copies))
}

/// As the processor copies.
fn copy(from: &dyn Memory, to: &dyn Memory) {
    assert!(from.len() >= BLOCK && to.len() >= BLOCK);
    match (from.pointer(), to.pointer()) {
        // SAFETY: two buffers of the platform's, each of so many bytes, and no request under way.
        (Some(from), Some(to)) => unsafe { std::ptr::copy_nonoverlapping(from, to, BLOCK) },
        _ => {
            let mut between = vec![0; BLOCK];
            from.read(0, &mut between);
            to.write(0, &between);
        }
    }
}

/// All figures.
#[derive(Clone, Debug)]
pub struct Report {
    /// Latencies: what, how learned of, bytes.
    pub latencies: Vec<((Operation, Learned, usize), Latency)>,
    /// Writes of 64 bytes in a second, 64 of them under way.
    pub writes: Rate,
    /// Bytes a second in writes of 1 MiB.
    pub bandwidth: Rate,
    /// Bytes a second of copies between the same buffers.
    pub copy: Rate,
}

/// Measures everything; `say` is told of each figure.
pub fn report<'b>(bench: &'b Bench<'b>, rounds: usize, mut say: impl FnMut(String)) -> Report {
    let mut latencies = Vec::new();
    for length in [64, 4096] {
        for operation in [Operation::Send, Operation::Write, Operation::Read] {
            for learned in [Learned::Polling, Learned::Notified] {
                // Waking takes ten to a thousand times as long as looking.
                let rounds = match learned {
                    Learned::Polling => rounds,
                    Learned::Notified => rounds.div_ceil(10),
                };
                let latency = latency(bench, operation, learned, length, rounds);
                say(format!(
                    "{operation:?} {length} B, {learned:?}: {latency:?}"
                ));
                latencies.push(((operation, learned, length), latency));
            }
        }
    }
    let writes = writes_per_second(bench, 64, 64, rounds * 20);
    say(format!(
        "writes of 64 B, 64 outstanding: {writes:?} a second"
    ));
    let (bandwidth, copy) = bandwidth(bench, rounds.div_ceil(10));
    say(format!(
        "writes of 1 MiB: {:.2} GB/s, {:.2} of memcpy between the same buffers",
        bandwidth.mean / 1e9,
        bandwidth.mean / copy.mean
    ));
    Report {
        latencies,
        writes,
        bandwidth,
        copy,
    }
}
