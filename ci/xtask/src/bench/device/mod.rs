//! `cargo xtask bench device`: two devices of one daemon, driven by a client of this host over
//! mapped doorbells. The client is `rnic perf`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Output;
use super::report::{Figure, Goal, Report};
use crate::daemon::{self, Daemon};
use crate::{exec, ui};

/// The device: latency, message rate, bandwidth.
#[derive(clap::Args)]
pub struct Args {
    /// Runs of which each figure is the median
    #[arg(long, default_value_t = RUNS)]
    runs: usize,
    /// Operations of each latency figure in a run
    #[arg(long, default_value_t = ITERATIONS)]
    iterations: u32,
    #[command(flatten)]
    output: Output,
}

const RUNS: usize = 5;
const ITERATIONS: u32 = 20_000;

impl Default for Args {
    fn default() -> Self {
        Self {
            runs: RUNS,
            iterations: ITERATIONS,
            output: Output { svg: None },
        }
    }
}

/// Nanoseconds.
#[derive(Deserialize)]
struct Latency {
    min_ns: f64,
    p50_ns: f64,
    p99_ns: f64,
}

/// What `rnic perf --json` prints.
#[derive(Deserialize)]
struct Perf {
    write_64_bytes: Latency,
    read_64_bytes: Latency,
    send_64_bytes: Latency,
    write_messages_per_second: f64,
    write_1_mib_gigabytes_per_second: f64,
    read_1_mib_gigabytes_per_second: f64,
    copy_1_mib_gigabytes_per_second: f64,
}

/// Runs the bench.
pub fn run(args: &Args) -> Result<()> {
    let bar = ui::Progress::start("building a release");
    let rnic = daemon::build()?;
    bar.finish("done");
    let options = daemon::Options {
        name: "bench",
        devices: 2,
        each: "doorbell=mmap",
        arguments: &[],
    };
    let daemon = Daemon::start(&rnic, &options)?;
    let bar = ui::Progress::start("two devices: latency, rate, bandwidth");
    let mut runs: Vec<Perf> = Vec::new();
    for n in 0..args.runs {
        bar.percent(100.0 * n as f64 / args.runs as f64);
        let mut command = Command::new(&rnic);
        command
            .args(["perf", "--json", "--iterations"])
            .arg(args.iterations.to_string())
            .args([daemon.socket("a"), daemon.socket("b")]);
        let text = exec::output(&mut command)?;
        runs.push(serde_json::from_str(&text).context("rnic perf prints something else")?);
    }
    bar.finish(format!("{} runs", runs.len()));
    daemon.stop()?;

    let each = |of: fn(&Perf) -> f64| runs.iter().map(of).collect::<Vec<f64>>();
    let micro = |name: &str, of| {
        let runs = each(of).iter().map(|ns| ns / 1000.0).collect::<Vec<_>>();
        Figure::of(name, "us", &runs)
    };
    let mut report = Report::new("cargo xtask bench device", runs.len());
    report.group(
        "64 bytes, from posting to completion (less is better)",
        vec![
            micro("write, least", |p| p.write_64_bytes.min_ns),
            micro("write, p50", |p| p.write_64_bytes.p50_ns).goal(Goal::AtMost(2.0)),
            micro("write, p99", |p| p.write_64_bytes.p99_ns),
            micro("read, p50", |p| p.read_64_bytes.p50_ns),
            micro("read, p99", |p| p.read_64_bytes.p99_ns),
            micro("send to the receiver, p50", |p| p.send_64_bytes.p50_ns),
            micro("send to the receiver, p99", |p| p.send_64_bytes.p99_ns),
        ],
    );
    let millions = each(|p| p.write_messages_per_second / 1e6);
    report.group(
        "message rate (more is better)",
        vec![Figure::of("64-byte writes", "M/s", &millions).goal(Goal::AtLeast(1.0))],
    );
    let copy = each(|p| p.copy_1_mib_gigabytes_per_second);
    report.group(
        "1 MiB transfers (more is better)",
        vec![
            Figure::of(
                "write",
                "GB/s",
                &each(|p| p.write_1_mib_gigabytes_per_second),
            )
            .beside("memcpy", &copy),
            Figure::of("read", "GB/s", &each(|p| p.read_1_mib_gigabytes_per_second))
                .beside("memcpy", &copy),
        ],
    );
    report.group(
        "1 MiB transfers, as a part of memcpy (more is better)",
        vec![
            Figure::of(
                "write",
                "",
                &each(|p| p.write_1_mib_gigabytes_per_second / p.copy_1_mib_gigabytes_per_second),
            )
            .goal(Goal::AtLeast(0.85)),
            Figure::of(
                "read",
                "",
                &each(|p| p.read_1_mib_gigabytes_per_second / p.copy_1_mib_gigabytes_per_second),
            ),
        ],
    );
    report.group(
        "memory of the daemon (less is better)",
        vec![
            Figure::of("one idle device", "MiB", &[idle(&rnic, 1)?]).goal(Goal::AtMost(24.0)),
            Figure::of("eight idle devices", "MiB", &[idle(&rnic, 8)?]),
        ],
    );
    args.output.give("device", &report)
}

/// MiB of a daemon with so many devices that nobody uses.
fn idle(rnic: &Path, devices: u8) -> Result<f64> {
    let options = daemon::Options {
        name: "bench",
        devices,
        each: "doorbell=mmap",
        arguments: &[],
    };
    let daemon = Daemon::start(rnic, &options)?;
    let bytes = daemon.resident()?;
    daemon.stop()?;
    Ok(bytes as f64 / f64::from(1 << 20))
}
