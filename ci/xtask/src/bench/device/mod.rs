//! `cargo xtask bench device`: devices of one daemon, driven by a client of this host over mapped
//! doorbells. The client is `rnic perf`; what is told by the system (memory, processor time) is
//! read here.

pub(super) mod run;

use std::path::Path;

use anyhow::Result;

use super::report::{Figure, Goal, Report};
use super::{Output, baseline};
use crate::{daemon, ui};
use run::{Holding, Latency, Perf, Rate, Rest, serve};

/// The device: latency, rate, bandwidth, memory, and how they grow.
#[derive(clap::Args)]
pub struct Args {
    /// Runs of which each figure is the median
    #[arg(long, default_value_t = RUNS)]
    runs: usize,
    /// Operations of each latency figure in a run
    #[arg(long, default_value_t = ITERATIONS)]
    iterations: u32,
    /// Most idle queue pairs
    #[arg(long, default_value_t = QPS)]
    qps: u32,
    #[command(flatten)]
    output: Output,
}

const RUNS: usize = 5;
const ITERATIONS: u32 = 20_000;
/// All that a device has, but for the one that is measured.
const QPS: u32 = 65_535;

impl Default for Args {
    fn default() -> Self {
        Self {
            runs: RUNS,
            iterations: ITERATIONS,
            qps: QPS,
            output: Output { svg: None },
        }
    }
}

/// Runs the bench.
pub fn run(args: &Args) -> Result<()> {
    let bar = ui::Progress::start("building a release");
    let rnic = daemon::build()?;
    bar.finish("done");
    let mut report = Report::new("cargo xtask bench device", args.runs);
    pair(args, &rnic, &mut report)?;
    growth(args, &rnic, &mut report)?;
    idle(&rnic, &mut report)?;
    args.output.give("device", &report)
}

/// Two devices and nothing else.
fn pair(args: &Args, rnic: &Path, report: &mut Report) -> Result<()> {
    let bar = ui::Progress::start("two devices: latency, rate, bandwidth");
    let iterations = args.iterations.to_string();
    let (mut words, mut runs, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..args.runs {
        bar.percent(100.0 * n as f64 / args.runs as f64);
        words.push(baseline::shared_word(args.iterations)?);
        let daemon = serve(rnic, 2)?;
        let holding = Holding::measure(rnic, &daemon, &["--iterations", &iterations])?;
        idle.push(holding.idle(&daemon)?);
        runs.push(holding.perf.clone());
        drop(holding);
        daemon.stop()?;
    }
    bar.finish(format!("{} runs", runs.len()));

    // The middle is of no use on a shared machine: the two threads seldom run at once.
    let least: Vec<f64> = words;
    let rest: Vec<Rest> = runs.iter().filter_map(|p| p.rest.clone()).collect();
    let write = |name, of: fn(&Latency) -> f64| {
        let runs: Vec<f64> = runs.iter().map(|p| of(&p.write_64_bytes)).collect();
        Figure::of(name, "us", &runs)
    };
    let other = |name, which: fn(&Rest) -> &Latency, of: fn(&Latency) -> f64| {
        let runs: Vec<f64> = rest.iter().map(|r| of(which(r))).collect();
        Figure::of(name, "us", &runs)
    };
    report.group(
        "64 bytes, from posting to completion, us (less is better)",
        vec![
            write("write, least", Latency::min).beside("shared word, least", &least),
            write("write, p50", Latency::p50)
                .beside("shared word, least", &least)
                .goal(Goal::AtMost(2.0)),
            other("read, p50", |r| &r.read_64_bytes, Latency::p50),
            other(
                "send to the receiver, p50",
                |r| &r.send_64_bytes,
                Latency::p50,
            ),
            other("register read, p50", |r| &r.register, Latency::p50),
        ],
    );
    report.group(
        "the same, p99",
        vec![
            write("write, p99", Latency::p99),
            other("read, p99", |r| &r.read_64_bytes, Latency::p99),
            other(
                "send to the receiver, p99",
                |r| &r.send_64_bytes,
                Latency::p99,
            ),
            other("register read, p99", |r| &r.register, Latency::p99),
        ],
    );
    let rate = |name, of: fn(&Rate) -> f64| {
        let each = runs.iter().map(|p| of(&p.write_messages_per_second) / 1e6);
        Figure::of(name, "M/s", &each.collect::<Vec<f64>>())
    };
    report.group(
        "message rate, millions a second (more is better)",
        vec![
            rate("64-byte writes", |r| r.mean).goal(Goal::AtLeast(1.0)),
            rate("the same, best 3 ms", |r| r.best),
        ],
    );
    bandwidth(&rest, report);
    report.group(
        "processor time while nothing happens, ms a second (less is better)",
        vec![Figure::of("two devices in use", "ms/s", &idle).goal(Goal::AtMost(0.0))],
    );
    Ok(())
}

fn bandwidth(rest: &[Rest], report: &mut Report) {
    let write: fn(&Rest) -> Rate = |r| r.write_1_mib_gigabytes_per_second;
    let read: fn(&Rest) -> Rate = |r| r.read_1_mib_gigabytes_per_second;
    let mean: fn(Rate) -> f64 = |r| r.mean;
    let best: fn(Rate) -> f64 = |r| r.best;
    let copy = |r: &Rest| r.copy_1_mib_gigabytes_per_second;
    let absolute = |name, of: fn(&Rest) -> Rate, how: fn(Rate) -> f64| {
        let runs: Vec<f64> = rest.iter().map(|r| how(of(r))).collect();
        let copies: Vec<f64> = rest.iter().map(|r| how(copy(r))).collect();
        Figure::of(name, "GB/s", &runs).beside("memcpy", &copies)
    };
    report.group(
        "1 MiB transfers, GB/s (more is better)",
        vec![
            absolute("write", write, mean),
            absolute("write, best 2 ms", write, best),
            absolute("read", read, mean),
            absolute("read, best 2 ms", read, best),
        ],
    );
    let part = |name, of: fn(&Rest) -> Rate, how: fn(Rate) -> f64| {
        let ratio = |r: &Rest| how(of(r)) / how(copy(r));
        Figure::of(name, "", &rest.iter().map(ratio).collect::<Vec<f64>>())
    };
    report.group(
        "the same, as a part of memcpy between the same buffers",
        vec![
            part("write", write, mean).goal(Goal::AtLeast(0.85)),
            part("write, best 2 ms", write, best),
            part("read", read, mean),
            part("read, best 2 ms", read, best),
        ],
    );
}

fn millions(perf: &Perf) -> f64 {
    perf.write_messages_per_second.best / 1e6
}

/// How cost grows with queue pairs and devices that do nothing.
fn growth(args: &Args, rnic: &Path, report: &mut Report) -> Result<()> {
    let counts = [1, 64, 1 << 10, 1 << 14, QPS];
    let counts: Vec<u32> = counts.into_iter().filter(|n| *n <= args.qps).collect();
    let (mut latency, mut rate, mut memory, mut create) = (vec![], vec![], vec![], vec![]);
    let bar = ui::Progress::start("idle queue pairs");
    for (count, at) in counts.iter().zip(0u32..) {
        bar.percent(100.0 * f64::from(at) / counts.len() as f64);
        let (mut p50, mut least, mut rates) = (vec![], vec![], vec![]);
        let (mut bytes, mut created) = (vec![], vec![]);
        for _ in 0..args.runs.min(3) {
            let daemon = serve(rnic, 2)?;
            let before = daemon.memory("RssAnon")?;
            let idle = count.to_string();
            let holding = Holding::measure(rnic, &daemon, &["--small", "--idle-qps", &idle])?;
            let grown = daemon.memory("RssAnon")?.saturating_sub(before);
            bytes.push(grown as f64 / f64::from(*count));
            p50.push(holding.perf.write_64_bytes.p50());
            least.push(holding.perf.write_64_bytes.min());
            rates.push(millions(&holding.perf));
            created.extend(holding.perf.create_qp.as_ref().map(Latency::p50));
            drop(holding);
            daemon.stop()?;
        }
        let name = format!("{count} idle queue pairs");
        latency.push(Figure::of(name.clone(), "us", &p50).beside("least", &least));
        rate.push(Figure::of(name.clone(), "M/s", &rates));
        create.push(Figure::of(name.clone(), "us", &created));
        if *count >= 1 << 10 {
            memory.push(Figure::of(name, "bytes", &bytes));
        }
    }
    bar.finish("done");
    report.group("64-byte write, p50, beside idle queue pairs, us", latency);
    report.group(
        "64-byte writes a second, beside idle queue pairs, M/s",
        rate,
    );
    report.group("to create a queue pair, p50, us", create);
    report.group("memory of the daemon for each idle queue pair", memory);

    let (mut latency, mut rate) = (vec![], vec![]);
    let bar = ui::Progress::start("idle devices");
    for devices in [2, 4, 8] {
        bar.percent(100.0 * f64::from(devices) / 10.0);
        let (mut p50, mut least, mut rates) = (vec![], vec![], vec![]);
        for _ in 0..args.runs.min(3) {
            let daemon = serve(rnic, devices)?;
            let holding = Holding::measure(rnic, &daemon, &["--small"])?;
            p50.push(holding.perf.write_64_bytes.p50());
            least.push(holding.perf.write_64_bytes.min());
            rates.push(millions(&holding.perf));
            drop(holding);
            daemon.stop()?;
        }
        let name = format!("{devices} devices, two of them in use");
        latency.push(Figure::of(name.clone(), "us", &p50).beside("least", &least));
        rate.push(Figure::of(name, "M/s", &rates));
    }
    bar.finish("done");
    report.group("64-byte write, p50, beside idle devices, us", latency);
    report.group(
        "64-byte writes a second, best 3 ms, beside idle devices, M/s",
        rate,
    );
    Ok(())
}

/// A daemon that nobody uses.
fn idle(rnic: &Path, report: &mut Report) -> Result<()> {
    let mut all = Vec::new();
    for devices in [1u8, 2, 4, 8] {
        let daemon = serve(rnic, devices)?;
        let mib = daemon.memory("VmRSS")? as f64 / f64::from(1 << 20);
        let figure = Figure::of(format!("{devices} idle devices"), "MiB", &[mib]);
        all.push(if devices == 1 {
            figure.goal(Goal::AtMost(24.0))
        } else {
            figure
        });
        daemon.stop()?;
    }
    report.group("memory of the daemon (less is better)", all);
    Ok(())
}
