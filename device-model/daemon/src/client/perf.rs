//! `rnic perf`: latencies, message rate and bandwidth, and a plain copy in the same run to hold
//! them against.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rnic_abi::WorkFlags;
use rnic_driver_host::driver::{Data, Operation};
use serde::Serialize;

use super::pair::{DEPTH, INLINE, MEMORY, Side, connect};
use super::{Devices, PerfOptions};

/// Not measured: caches, page tables and clocks settle.
const WARM_UP: u32 = 200;
/// Bytes of a large transfer.
const LARGE: u32 = 1 << 20;
/// Large transfers under way.
const LARGE_DEPTH: u32 = 8;
/// Requests for one completion when rates are measured.
const BATCH: u32 = 32;
/// How long a rate is measured.
const DURATION: Duration = Duration::from_secs(1);

/// Nanoseconds from posting to completion.
#[derive(Debug, Serialize)]
struct Latency {
    min_ns: u64,
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
}

impl Latency {
    fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let at = |per_cent: usize| {
            let place = (samples.len() * per_cent / 100).min(samples.len().saturating_sub(1));
            samples.get(place).copied().unwrap_or(0)
        };
        Self {
            min_ns: at(0),
            p50_ns: at(50),
            p99_ns: at(99),
            max_ns: at(100),
        }
    }
}

/// All of it.
#[derive(Debug, Serialize)]
struct Report {
    iterations: u32,
    write_64_bytes: Latency,
    read_64_bytes: Latency,
    send_64_bytes: Latency,
    write_messages_per_second: f64,
    write_1_mib_gigabytes_per_second: f64,
    read_1_mib_gigabytes_per_second: f64,
    copy_1_mib_gigabytes_per_second: f64,
}

/// Measures two devices.
///
/// # Errors
/// If the devices do not come up or do not connect, or a request fails.
pub fn run(options: &PerfOptions) -> anyhow::Result<()> {
    let devices = Devices::find(&options.pair)?;
    let (mut near, mut far) = connect(&devices.from, &devices.to)?;
    let there = far.far();
    let n = options.iterations.max(1);
    if options.write_only {
        let rate = bandwidth(&mut near, |side, offset| {
            let from = [side.segment(offset, LARGE)];
            side.start(Operation::Write(Data::Segments(&from), there.at(offset)))
        })?;
        if options.json {
            println!(
                "{}",
                serde_json::json!({"write_1_mib_gigabytes_per_second": rate})
            );
        } else {
            println!("1 MiB: write {rate:.2} GB/s");
        }
        return Ok(());
    }

    let write = latency(n, || {
        near.start(Operation::Write(INLINE, there.at(0)))?;
        near.done().map(drop)
    })?;
    let read = latency(n, || {
        let into = [near.segment(0, 64)];
        near.start(Operation::Read(&into, there.at(0)))?;
        near.done().map(drop)
    })?;
    let send = latency_of(n, || {
        far.receive()?;
        let start = Instant::now();
        near.start(Operation::Send(INLINE))?;
        far.done()?;
        let time = start.elapsed();
        near.done()?;
        Ok(time)
    })?;
    let report = Report {
        iterations: n,
        write_64_bytes: write,
        read_64_bytes: read,
        send_64_bytes: send,
        write_messages_per_second: message_rate(&mut near, there)?,
        write_1_mib_gigabytes_per_second: bandwidth(&mut near, |side, offset| {
            let from = [side.segment(offset, LARGE)];
            let operation = Operation::Write(Data::Segments(&from), there.at(offset));
            side.start(operation)
        })?,
        read_1_mib_gigabytes_per_second: bandwidth(&mut near, |side, offset| {
            let into = [side.segment(offset, LARGE)];
            side.start(Operation::Read(&into, there.at(offset)))
        })?,
        copy_1_mib_gigabytes_per_second: copy_rate(),
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn latency(n: u32, mut one: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Latency> {
    latency_of(n, || {
        let start = Instant::now();
        one()?;
        Ok(start.elapsed())
    })
}

fn latency_of(
    n: u32,
    mut one: impl FnMut() -> anyhow::Result<Duration>,
) -> anyhow::Result<Latency> {
    for _ in 0..WARM_UP {
        one()?;
    }
    let mut samples = Vec::new();
    for _ in 0..n {
        samples.push(u64::try_from(one()?.as_nanos())?);
    }
    Ok(Latency::of(samples))
}

/// 64-byte writes, one completion for each batch, two batches under way.
fn message_rate(side: &mut Side, there: super::pair::Far) -> anyhow::Result<f64> {
    let batch = |side: &mut Side| {
        for _ in 1..BATCH {
            side.post(Operation::Write(INLINE, there.at(0)), WorkFlags::SILENT)?;
        }
        side.start(Operation::Write(INLINE, there.at(0)))
    };
    let under_way = DEPTH / BATCH / 2;
    let start = Instant::now();
    for _ in 0..under_way {
        batch(side)?;
    }
    let mut done = 0u64;
    while start.elapsed() < DURATION {
        side.done()?;
        done += u64::from(BATCH);
        batch(side)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    for _ in 0..under_way {
        side.done()?;
    }
    Ok(done as f64 / seconds)
}

/// GB/s of large transfers.
fn bandwidth(
    side: &mut Side,
    mut one: impl FnMut(&mut Side, u64) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    const { assert!(LARGE_DEPTH * LARGE <= MEMORY) };
    let mut place = 0;
    let mut next = |side: &mut Side| {
        let offset = u64::from(place % LARGE_DEPTH) * u64::from(LARGE);
        place = place.wrapping_add(1);
        one(side, offset)
    };
    for _ in 0..LARGE_DEPTH {
        next(side)?;
    }
    // The first round touches every page.
    for _ in 0..LARGE_DEPTH {
        side.done()?;
        next(side)?;
    }
    let start = Instant::now();
    let mut bytes = 0u64;
    while start.elapsed() < DURATION {
        side.done()?;
        bytes += u64::from(LARGE);
        next(side)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    for _ in 0..LARGE_DEPTH {
        side.done()?;
    }
    Ok(bytes as f64 / seconds / 1e9)
}

/// GB/s of the same copies by the processor alone: as many buffers, as far apart.
fn copy_rate() -> f64 {
    let size = usize::try_from(LARGE).unwrap_or(1);
    let from = vec![1u8; size * 8];
    let mut to = vec![0u8; size * 8];
    to.copy_from_slice(&from);
    let start = Instant::now();
    let mut bytes = 0usize;
    while start.elapsed() < DURATION {
        for (to, from) in to.chunks_mut(size).zip(from.chunks(size)) {
            to.copy_from_slice(black_box(from));
            black_box(&to);
            bytes += size;
        }
    }
    bytes as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn print(report: &Report) {
    let micro = |ns: u64| ns as f64 / 1000.0;
    println!("64 bytes, from posting to completion (us)     min      p50      p99");
    for (name, latency) in [
        ("write", &report.write_64_bytes),
        ("read", &report.read_64_bytes),
        ("send, to the receiver's completion", &report.send_64_bytes),
    ] {
        println!(
            "  {name:38} {:8.2} {:8.2} {:8.2}",
            micro(latency.min_ns),
            micro(latency.p50_ns),
            micro(latency.p99_ns)
        );
    }
    println!(
        "64-byte writes: {:.2} million a second",
        report.write_messages_per_second / 1e6
    );
    println!(
        "1 MiB: write {:.2} GB/s, read {:.2} GB/s, the processor's own copy {:.2} GB/s",
        report.write_1_mib_gigabytes_per_second,
        report.read_1_mib_gigabytes_per_second,
        report.copy_1_mib_gigabytes_per_second
    );
}
