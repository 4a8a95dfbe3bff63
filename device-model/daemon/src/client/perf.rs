//! `rnic perf`: latencies, message rate and bandwidth, and in the same run what the machine itself
//! can do: a copy between the same buffers by the processor.

use std::io::{self, Read, Write};
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
const DURATION: Duration = Duration::from_millis(500);
/// How often bandwidths are measured, the device's and the processor's in turn; the medians count.
const ROUNDS: u32 = 5;
/// How long, each time.
const ROUND: Duration = Duration::from_millis(100);
/// Completions of a part of a measurement: two milliseconds or so, so that some fall between two
/// turns of other programs, and many more than are under way.
const PART: u32 = 128;

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

/// How much a second.
#[derive(Clone, Copy, Debug, Serialize)]
struct Rate {
    /// In all.
    mean: f64,
    /// In the best part: what there is when nobody else wants the processors.
    best: f64,
}

impl Rate {
    /// Does `one`, each of which is worth `amount`, for `duration`, in parts of `part`.
    fn of(
        (duration, part, amount): (Duration, u32, f64),
        mut one: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let start = Instant::now();
        let (mut done, mut best) = (0u32, 0.0f64);
        let (mut now, mut before) = (start, start);
        while now - start < duration {
            one()?;
            done += 1;
            now = Instant::now();
            if done.is_multiple_of(part) {
                best = best.max(f64::from(part) * amount / (now - before).as_secs_f64());
                before = now;
            }
        }
        let mean = f64::from(done) * amount / (now - start).as_secs_f64();
        Ok(Self {
            mean,
            best: best.max(mean),
        })
    }

    /// The middle of several, and the best of all.
    fn median(mut rates: Vec<Self>) -> Self {
        rates.sort_by(|a, b| a.mean.total_cmp(&b.mean));
        let mean = rates.get(rates.len() / 2).map_or(0.0, |rate| rate.mean);
        let best = rates.iter().map(|rate| rate.best).fold(0.0, f64::max);
        Self { mean, best }
    }
}

/// All of it.
#[derive(Debug, Serialize)]
struct Report {
    iterations: u32,
    idle_qps: u32,
    write_64_bytes: Latency,
    write_messages_per_second: Rate,
    #[serde(flatten)]
    rest: Option<Rest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_qp: Option<Latency>,
}

/// What `--small` leaves out.
#[derive(Debug, Serialize)]
struct Rest {
    read_64_bytes: Latency,
    send_64_bytes: Latency,
    register: Latency,
    write_1_mib_gigabytes_per_second: Rate,
    read_1_mib_gigabytes_per_second: Rate,
    copy_1_mib_gigabytes_per_second: Rate,
}

/// Measures two devices.
///
/// # Errors
/// If the devices do not come up or do not connect, or a request fails.
pub fn run(options: &PerfOptions) -> anyhow::Result<()> {
    let devices = Devices::find(&options.pair)?;
    let (mut near, mut far) = connect(&devices.from, &devices.to, options.idle_qps)?;
    let created = near.add_idle(options.idle_qps)?;
    let there = far.far();
    let n = options.iterations.max(1);
    if options.write_only {
        let rate = bandwidth(&mut near, Duration::from_secs(1), |side, offset| {
            let from = [side.segment(offset, LARGE)];
            side.start(Operation::Write(Data::Segments(&from), there.at(offset)))
        })?;
        if options.json {
            println!(
                "{}",
                serde_json::json!({"write_1_mib_gigabytes_per_second": rate})
            );
        } else {
            println!("1 MiB: write {:.2} GB/s", rate.mean);
        }
        return Ok(());
    }

    let write = latency(n, || {
        near.start(Operation::Write(INLINE, there.at(0)))?;
        near.done().map(drop)
    })?;
    let rate = message_rate(&mut near, there)?;
    let rest = if options.small {
        None
    } else {
        Some(rest(&mut near, &mut far, n)?)
    };
    let report = Report {
        iterations: n,
        idle_qps: options.idle_qps,
        write_64_bytes: write,
        write_messages_per_second: rate,
        rest,
        create_qp: (!created.is_empty()).then(|| Latency::of(created)),
    };
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    if options.hold {
        io::stdout().flush()?;
        // Nobody writes there; it ends with whoever started this.
        io::stdin().read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

fn rest(near: &mut Side, far: &mut Side, n: u32) -> anyhow::Result<Rest> {
    let there = far.far();
    let read_64 = latency(n, || {
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
    let register = latency(n.div_ceil(8), || {
        near.read_register();
        Ok(())
    })?;
    // Turn and turn about, so that all three meet the same machine.
    let mut runs = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let write = bandwidth(near, ROUND, |side, offset| {
            let from = [side.segment(offset, LARGE)];
            let operation = Operation::Write(Data::Segments(&from), there.at(offset));
            side.start(operation)
        })?;
        let read = bandwidth(near, ROUND, |side, offset| {
            let into = [side.segment(offset, LARGE)];
            side.start(Operation::Read(&into, there.at(offset)))
        })?;
        for (all, one) in runs.iter_mut().zip([write, read, copy_rate(near, far)?]) {
            all.push(one);
        }
    }
    let [write, read, copy] = runs.map(Rate::median);
    Ok(Rest {
        read_64_bytes: read_64,
        send_64_bytes: send,
        register,
        write_1_mib_gigabytes_per_second: write,
        read_1_mib_gigabytes_per_second: read,
        copy_1_mib_gigabytes_per_second: copy,
    })
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

/// 64-byte writes, one completion for each batch, four batches under way.
fn message_rate(side: &mut Side, there: super::pair::Far) -> anyhow::Result<Rate> {
    let batch = |side: &mut Side| {
        for _ in 1..BATCH {
            side.post(Operation::Write(INLINE, there.at(0)), WorkFlags::SILENT)?;
        }
        side.start(Operation::Write(INLINE, there.at(0)))
    };
    let under_way = DEPTH / BATCH / 2;
    for _ in 0..under_way {
        batch(side)?;
    }
    let rate = Rate::of((DURATION, PART, f64::from(BATCH)), || {
        side.done()?;
        batch(side)
    })?;
    for _ in 0..under_way {
        side.done()?;
    }
    Ok(rate)
}

/// GB/s of large transfers.
fn bandwidth(
    side: &mut Side,
    duration: Duration,
    mut one: impl FnMut(&mut Side, u64) -> anyhow::Result<()>,
) -> anyhow::Result<Rate> {
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
    let rate = Rate::of((duration, PART, f64::from(LARGE) / 1e9), || {
        side.done()?;
        next(side)
    })?;
    for _ in 0..LARGE_DEPTH {
        side.done()?;
    }
    Ok(rate)
}

/// GB/s of the same copies, between the same buffers, by the processor alone.
fn copy_rate(near: &Side, far: &Side) -> anyhow::Result<Rate> {
    let mut place = 0;
    let mut next = || {
        let offset = u64::from(place % LARGE_DEPTH) * u64::from(LARGE);
        place = place.wrapping_add(1);
        near.copy_to(far, offset, LARGE)
    };
    for _ in 0..LARGE_DEPTH {
        next()?;
    }
    Rate::of((ROUND, PART, f64::from(LARGE) / 1e9), next)
}

fn print(report: &Report) {
    println!("64 bytes, from posting to completion (us)     min      p50      p99");
    line("write", &report.write_64_bytes);
    if let Some(rest) = &report.rest {
        line("read", &rest.read_64_bytes);
        line("send, to the receiver's completion", &rest.send_64_bytes);
        line("a register read", &rest.register);
    }
    if let Some(create) = &report.create_qp {
        line("create a queue pair", create);
    }
    let Rate { mean, best } = report.write_messages_per_second;
    println!(
        "64-byte writes: {:.2} million a second, {:.2} at best",
        mean / 1e6,
        best / 1e6
    );
    if let Some(rest) = &report.rest {
        println!("1 MiB, GB/s                                   mean     best");
        for (name, rate) in [
            ("write", rest.write_1_mib_gigabytes_per_second),
            ("read", rest.read_1_mib_gigabytes_per_second),
            (
                "the processor's own copy",
                rest.copy_1_mib_gigabytes_per_second,
            ),
        ] {
            println!("  {name:38} {:8.2} {:8.2}", rate.mean, rate.best);
        }
    }
}

fn line(name: &str, latency: &Latency) {
    let micro = |ns: u64| ns as f64 / 1000.0;
    println!(
        "  {name:38} {:8.2} {:8.2} {:8.2}",
        micro(latency.min_ns),
        micro(latency.p50_ns),
        micro(latency.p99_ns)
    );
}
