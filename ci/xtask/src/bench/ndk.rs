//! `cargo xtask bench ndk`: what a kernel consumer sees of the device, through the dispatch tables of rnic.sys, beside what the
//! driver's core alone takes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Output;
use super::device::run::{Holding, Perf, Rate, processors, serve};
use super::report::{Figure, Goal, Report};
use crate::daemon::{self, Daemon};
use crate::{driver, exec, ui, workspace};

/// Measure through the NDK provider of rnic.sys, executed by nt-host over the socket, without its verifier.
///
/// Latency of write, read and send of 64 and 4096 bytes from the call of the dispatch function to its completion, polled and
/// notified; writes a second; bandwidth of 1 MiB writes beside copies between the same buffers. Each run measures the driver's
/// core (`rnic perf`) on the same two devices right before.
#[derive(clap::Args)]
pub struct Args {
    /// Rounds of each latency figure in a run
    #[arg(long, default_value_t = 5000)]
    rounds: usize,
    /// Runs of which each figure is the median
    #[arg(long, default_value_t = 5)]
    runs: usize,
    #[command(flatten)]
    output: Output,
}

/// What `nt-host ndkperf --json` prints.
#[derive(Deserialize)]
struct Ndk {
    latencies: Vec<Latency>,
    writes: Rate,
    bandwidth: Rate,
    copy: Rate,
}

#[derive(Deserialize)]
struct Latency {
    operation: String,
    learned: String,
    bytes: usize,
    min_ns: f64,
    p50_ns: f64,
    p99_ns: f64,
    allocations: Option<f64>,
}

/// A run: the driver's core, and the provider.
struct Run {
    core: Perf,
    ndk: Ndk,
}

impl Run {
    fn latency(&self, what: (&str, &str, usize)) -> Option<&Latency> {
        let mut all = self.ndk.latencies.iter();
        all.find(|l| (l.operation.as_str(), l.learned.as_str(), l.bytes) == what)
    }
}

/// How much more a polled operation of 64 bytes may take through the provider than through the core, us.
const ADDED: f64 = 1.5;
/// What 1 MiB writes must reach of a copy.
const OF_COPY: f64 = 0.8;

/// Builds what it needs, and measures.
pub fn run(args: &Args) -> Result<()> {
    let image = driver::build(&driver::output())?.image;
    let bar = ui::Progress::start("building a release");
    let rnic = daemon::build()?;
    let nt_host = build()?;
    bar.finish("done");
    let bar = ui::Progress::start("two devices, the driver's core and the provider in turn");
    let mut runs = Vec::new();
    for n in 0..args.runs {
        bar.percent(100.0 * n as f64 / args.runs as f64);
        let daemon = serve(&rnic, 2)?;
        let core = Holding::measure(&rnic, &daemon, &[])?.perf.clone();
        let ndk = measure(&nt_host, &image, &daemon, args.rounds)?;
        runs.push(Run { core, ndk });
        daemon.stop()?;
    }
    bar.finish(format!("{} runs", runs.len()));
    let mut report = Report::new("cargo xtask bench ndk", args.runs);
    show(&runs, &mut report);
    args.output.give("ndk", &report)
}

fn build() -> Result<PathBuf> {
    let mut command = crate::check::cargo();
    command
        .current_dir(workspace::root().join("guest-driver/nt-host"))
        .env("CARGO_TARGET_DIR", workspace::target())
        .args(["build", "--quiet", "--release", "--locked"])
        .args(["--bin", "nt-host"]);
    exec::output(&mut command).context("nt-host could not be built")?;
    Ok(workspace::target().join("release/nt-host"))
}

fn measure(nt_host: &Path, image: &Path, daemon: &Daemon, rounds: usize) -> Result<Ndk> {
    let mut command: Command = daemon::on_processor(nt_host, processors().1);
    command.args(["ndkperf", "--json"]).arg(image);
    // What the driver core's connections have on the same devices.
    command.args(["--path-mtu", "4096"]);
    for socket in daemon.sockets() {
        command.arg("--device").arg(socket);
    }
    command.args(["--rounds", &rounds.to_string()]);
    let shown = exec::shown(&command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start `{shown}`"))?;
    ensure!(output.status.success(), "`{shown}`: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim()).with_context(|| format!("`{shown}` prints {text}"))
}

/// A figure of a run, and one of a latency.
type OfRun = fn(&Run) -> Option<f64>;
type OfLatency = fn(&Latency) -> f64;

fn show(runs: &[Run], report: &mut Report) {
    let each = |what, of: fn(&Latency) -> f64| -> Vec<f64> {
        runs.iter()
            .filter_map(|run| run.latency(what).map(of))
            .collect()
    };
    let core: [(&str, OfRun); 2] = [
        ("Write", |run| Some(run.core.write_64_bytes.p50())),
        ("Read", |run| {
            Some(run.core.rest.as_ref()?.read_64_bytes.p50())
        }),
    ];
    let p50: fn(&Latency) -> f64 = |l| l.p50_ns / 1000.0;
    let added = core.map(|(operation, of)| {
        let of_run = |run: &Run| {
            let provider = run.latency((operation, "Polling", 64)).map(p50)?;
            Some(provider - of(run)?)
        };
        let added: Vec<f64> = runs.iter().filter_map(of_run).collect();
        let name = format!("{operation} 64 B, p50 beyond the core's");
        let alone: Vec<f64> = runs.iter().filter_map(of).collect();
        Figure::of(name, "us", &added)
            .beside("the core alone", &alone)
            .goal(Goal::AtMost(ADDED))
    });
    report.group(
        "what the provider adds to the driver's core, polled, us (less is better)",
        added.into(),
    );
    let kinds: [(&str, OfLatency); 3] = [
        ("least", |l| l.min_ns / 1000.0),
        ("p50", p50),
        ("p99", |l| l.p99_ns / 1000.0),
    ];
    for (learned, title) in [
        (
            "Polling",
            "from the call to NdkGetCqResults, us (less is better)",
        ),
        (
            "Notified",
            "from the call to the notification callback, us (less is better)",
        ),
    ] {
        let mut figures = Vec::new();
        for bytes in [64, 4096] {
            for operation in ["Write", "Read", "Send"] {
                for (kind, of) in kinds {
                    let name = format!("{operation} {bytes} B, {kind}");
                    figures.push(Figure::of(
                        name,
                        "us",
                        &each((operation, learned, bytes), of),
                    ));
                }
            }
        }
        report.group(title, figures);
    }
    let list = |of: fn(&Run) -> f64| runs.iter().map(of).collect::<Vec<f64>>();
    let rates = |mean, best, core_mean, core_best| {
        vec![
            Figure::of("64-byte writes", "M/s", &list(mean)).beside("the core", &list(core_mean)),
            Figure::of("the same, best part", "M/s", &list(best))
                .beside("the core", &list(core_best)),
        ]
    };
    report.group(
        "message rate, millions a second (more is better)",
        rates(
            |r| r.ndk.writes.mean / 1e6,
            |r| r.ndk.writes.best / 1e6,
            |r| r.core.write_messages_per_second.mean / 1e6,
            |r| r.core.write_messages_per_second.best / 1e6,
        ),
    );
    report.group(
        "1 MiB writes as a part of memcpy between the same buffers (more is better)",
        vec![
            Figure::of(
                "in all",
                "",
                &list(|r| r.ndk.bandwidth.mean / r.ndk.copy.mean),
            )
            .goal(Goal::AtLeast(OF_COPY)),
            Figure::of(
                "best part",
                "",
                &list(|r| r.ndk.bandwidth.best / r.ndk.copy.best),
            ),
        ],
    );
    report.group(
        "1 MiB writes, GB/s (more is better)",
        vec![
            Figure::of("in all", "GB/s", &list(|r| r.ndk.bandwidth.mean / 1e9))
                .beside("memcpy", &list(|r| r.ndk.copy.mean / 1e9)),
        ],
    );
    let allocations = |run: &Run| {
        let all = run.ndk.latencies.iter();
        all.map(|l| l.allocations.unwrap_or(f64::NAN)).sum::<f64>()
    };
    report.group(
        "blocks that the driver allocated while posting, arming and polling",
        vec![
            Figure::of(
                "in all rounds",
                "",
                &runs.iter().map(allocations).collect::<Vec<f64>>(),
            )
            .goal(Goal::AtMost(0.0)),
        ],
    );
}
