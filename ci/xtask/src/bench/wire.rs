//! `cargo xtask bench wire`: the codec, the host's sockets, two daemons over a wire, and what losses
//! leave of that. The codec and the bare loops are measured by `device-model/net/benches/wire.rs`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Output;
use super::report::{Figure, Goal, Report};
use crate::daemon::{self, Daemon};
use crate::{exec, ui, workspace};

/// The wire: encode and decode, two daemons over sockets, losses.
#[derive(clap::Args)]
pub struct Args {
    /// Runs of which each figure is the median
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Operations of each latency figure in a run
    #[arg(long, default_value_t = 2000)]
    iterations: u32,
    #[command(flatten)]
    output: Output,
}

/// Frames of a size, and operations a second on one processor.
#[derive(Deserialize)]
struct Codec {
    payload_bytes: u32,
    memcpy_per_second: f64,
    crc32_per_second: f64,
    encode_per_second: f64,
    copy_and_encode_per_second: f64,
    decode_per_second: f64,
    decode_and_store_per_second: f64,
}

/// Frames between two threads, by sockets alone: GB/s by the clock, and for each second of the sender's and of the
/// receiver's processor time.
#[derive(Deserialize)]
struct Loop {
    payload_bytes: u32,
    dgram_gigabytes_per_second: [f64; 3],
    stream_gigabytes_per_second: [f64; 3],
}

#[derive(Deserialize)]
struct Sockets {
    codec: Vec<Codec>,
    loops: Vec<Loop>,
}

/// What `rnic perf --json` prints, as far as it matters here.
#[derive(Deserialize)]
struct Perf {
    #[serde(default)]
    write_64_bytes: Option<Latency>,
    /// Bytes of frames for each second of processor time of the sending daemon and of the receiving one,
    /// put in here.
    #[serde(skip)]
    work: (f64, f64),
    /// GB/s of writes alone, for a second: what is compared with the same under loss.
    #[serde(skip)]
    alone: f64,
    write_1_mib_gigabytes_per_second: Rate,
}

#[derive(Deserialize)]
struct Rate {
    mean: f64,
}

#[derive(Deserialize)]
struct Latency {
    p50_ns: f64,
}

/// Two daemons and the wire between them.
struct Way {
    name: &'static str,
    kind: &'static str,
    /// Path MTU of RDMA, and MTU of the port.
    mtu: (u32, u32),
    /// Of a million frames, how many are lost in each direction.
    loss: u32,
}

const WAYS: [Way; 7] = [
    Way::new("stream, MTU 1024", "stream", (1024, 1500), 0),
    Way::new("stream, MTU 4096", "stream", (4096, 4500), 0),
    Way::new("dgram, MTU 1024", "dgram", (1024, 1500), 0),
    // Last of those without losses, as the ones below are compared with it.
    Way::new("dgram, MTU 4096", "dgram", (4096, 4500), 0),
    Way::new("0.1% lost", "dgram", (4096, 4500), 1_000),
    Way::new("1% lost", "dgram", (4096, 4500), 10_000),
    Way::new("5% lost", "dgram", (4096, 4500), 50_000),
];

/// Packets that a device keeps outstanding on a wire.
const WINDOW: f64 = 128.0;

impl Way {
    const fn new(name: &'static str, kind: &'static str, mtu: (u32, u32), loss: u32) -> Self {
        Self {
            name,
            kind,
            mtu,
            loss,
        }
    }

    /// Measures it.
    fn run(&self, rnic: &Path, iterations: u32) -> Result<Perf> {
        let folder = tempfile::tempdir().context("cannot make a folder for sockets")?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (wire_a, wire_b, plan) = (path("wire-a"), path("wire-b"), path("plan.json"));
        let control = path("control");
        let rule = format!(
            r#"{{"seed": 7, "rules": [{{"site": "frame-in", "fault": "drop", "per_million": {}}}]}}"#,
            self.loss
        );
        std::fs::write(&plan, rule)?;
        let (a, b) = match self.kind {
            "stream" => (
                format!("kind=stream,listen={wire_a}"),
                format!("kind=stream,connect={wire_a}"),
            ),
            _ => (
                format!("kind=dgram,local={wire_a},remote={wire_b}"),
                format!("kind=dgram,local={wire_b},remote={wire_a}"),
            ),
        };
        let mut daemons = Vec::new();
        for (name, port) in [("0", a), ("1", b)] {
            let device = format!("socket={},mac=02:00:00:00:01:0{name}", path(name));
            let port = format!("{port},mtu={}", self.mtu.1);
            let mut arguments = vec!["--device", &device, "--port", &port];
            if name == "0" {
                arguments.extend(["--control", &control]);
            }
            if self.loss > 0 {
                arguments.extend(["--fault-plan", &plan]);
            }
            let options = daemon::Options {
                name: "bench-wire",
                devices: 0,
                each: "doorbell=mmap",
                arguments: &arguments,
            };
            daemons.push(Daemon::start(rnic, &options)?);
            wait_for(&folder.path().join(name))?;
        }
        // A stream's partners find each other within a fifth of a second.
        std::thread::sleep(Duration::from_millis(400));
        let mut command = Command::new(rnic);
        command
            .args(["perf", "--json", "--iterations"])
            .arg(iterations.to_string())
            .args([path("0"), path("1")]);
        if self.loss > 0 {
            command.arg("--write-only");
        }
        let text = exec::output(&mut command)?;
        let parse = |text: &str| -> Result<Perf> {
            serde_json::from_str(text).context("rnic perf prints something else")
        };
        let mut perf = parse(&text)?;
        perf.alone = perf.write_1_mib_gigabytes_per_second.mean;
        if self.loss == 0 {
            // Once more, writes alone, for the processor time that they take.
            let before = [daemons[0].processor_time()?, daemons[1].processor_time()?];
            let count = || -> Result<f64> {
                let mut ask = Command::new(rnic);
                ask.args(["control", &control, "query-ports"]);
                let ports: serde_json::Value = serde_json::from_str(&exec::output(&mut ask)?)?;
                ports[0]["sent"]
                    .as_f64()
                    .context("the daemon counts no frames")
            };
            let sent = count()?;
            let mut command = Command::new(rnic);
            command.args(["perf", "--json", "--write-only"]);
            let alone = parse(&exec::output(command.args([path("0"), path("1")]))?)?;
            perf.alone = alone.write_1_mib_gigabytes_per_second.mean;
            let bytes = (count()? - sent) * f64::from(self.mtu.0);
            let spent = |n: usize| -> Result<f64> {
                let spent = daemons[n].processor_time()? - before[n];
                Ok(bytes / spent.as_secs_f64().max(0.01) / 1e9)
            };
            perf.work = (spent(0)?, spent(1)?);
        }
        for daemon in daemons {
            daemon.stop()?;
        }
        Ok(perf)
    }
}

fn wait_for(path: &Path) -> Result<()> {
    let start = Instant::now();
    while !path.exists() {
        ensure!(
            start.elapsed() < Duration::from_secs(20),
            "rnic made no socket {} within 20 s",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn sockets() -> Result<Sockets> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(workspace::root()).args([
        "bench",
        "--quiet",
        "--package",
        "rnic-net",
        "--bench",
        "wire",
    ]);
    let text = exec::output(&mut command)?;
    let line = text.lines().find(|line| line.starts_with('{'));
    let line = line.context("the bench of rnic-net prints no figures")?;
    serde_json::from_str(line).context("the bench of rnic-net prints something else")
}

/// What an ideal go-back-N sender reaches of its rate without losses: each transmission of a frame that is lost costs
/// itself and the window that was under way behind it, every other one is worth a frame, and nothing is ever waited
/// for. That is (1 - p) / (1 - p + p W) (Schwartz, Telecommunication Networks, section 4.2; Bertsekas and Gallager,
/// Data Networks, section 2.4.2, have the same with the round trip in frames for W). The window is the device's, which
/// a sender at full rate has filled: less may be under way when a loss is told early, so that more is possible.
fn go_back_n(loss: f64) -> f64 {
    (1.0 - loss) / (1.0 - loss + loss * WINDOW)
}

/// Runs the bench.
pub fn run(args: &Args) -> Result<()> {
    let bar = ui::Progress::start("building a release");
    let rnic = daemon::build()?;
    bar.finish("done");
    let bar = ui::Progress::start("codec, sockets, two daemons");
    let mut hosts = Vec::new();
    let mut perfs: Vec<Vec<Perf>> = WAYS.iter().map(|_| Vec::new()).collect();
    let steps = args.runs * (WAYS.len() + 1);
    let mut step = 0;
    for _ in 0..args.runs {
        hosts.push(sockets()?);
        for (way, found) in WAYS.iter().zip(&mut perfs) {
            step += 1;
            bar.percent(100.0 * step as f64 / steps as f64);
            found.push(way.run(&rnic, args.iterations).context(way.name)?);
        }
        step += 1;
    }
    bar.finish(format!("{} runs", args.runs));

    let mut report = Report::new("cargo xtask bench wire", args.runs);
    codec(&mut report, &hosts);
    wires(&mut report, &hosts, &perfs);
    losses(&mut report, &perfs);
    args.output.give("wire", &report)
}

fn codec(report: &mut Report, hosts: &[Sockets]) {
    for (place, shape) in hosts
        .first()
        .into_iter()
        .flat_map(|h| h.codec.iter().enumerate())
    {
        let each = |of: fn(&Codec) -> f64| -> Vec<f64> {
            hosts
                .iter()
                .filter_map(|h| h.codec.get(place))
                .map(of)
                .collect()
        };
        let size = shape.payload_bytes;
        let rates = [
            ("encode", each(|c| c.encode_per_second / 1e6)),
            (
                "copy and encode",
                each(|c| c.copy_and_encode_per_second / 1e6),
            ),
            ("decode", each(|c| c.decode_per_second / 1e6)),
            (
                "decode, every field stored",
                each(|c| c.decode_and_store_per_second / 1e6),
            ),
            (
                "crc32 of the payload alone",
                each(|c| c.crc32_per_second / 1e6),
            ),
            (
                "memcpy of the payload alone",
                each(|c| c.memcpy_per_second / 1e6),
            ),
        ];
        let figures = rates.map(|(name, runs)| Figure::of(name, "M/s", &runs));
        report.group(
            format!("frames of {size} B on one processor, ICRC included (more is better)"),
            figures.into(),
        );
        let goal = |figure: Figure| {
            if size == 4096 {
                figure.goal(Goal::AtMost(1.3))
            } else {
                figure
            }
        };
        report.group(
            format!("the same, in times of crc32 alone, {size} B (less is better)"),
            vec![
                goal(Figure::of(
                    "encode",
                    "",
                    &each(|c| c.crc32_per_second / c.encode_per_second),
                )),
                Figure::of(
                    "copy and encode",
                    "",
                    &each(|c| c.crc32_per_second / c.copy_and_encode_per_second),
                ),
                goal(Figure::of(
                    "decode",
                    "",
                    &each(|c| c.crc32_per_second / c.decode_per_second),
                )),
                Figure::of(
                    "decode, every field stored",
                    "",
                    &each(|c| c.crc32_per_second / c.decode_and_store_per_second),
                ),
            ],
        );
    }
}

fn bandwidths(perfs: &[Perf]) -> Vec<f64> {
    perfs
        .iter()
        .map(|p| p.write_1_mib_gigabytes_per_second.mean)
        .collect()
}

fn alone(perfs: &[Perf]) -> Vec<f64> {
    perfs.iter().map(|p| p.alone).collect()
}

fn wires(report: &mut Report, hosts: &[Sockets], perfs: &[Vec<Perf>]) {
    let clean = || WAYS.iter().zip(perfs).filter(|(way, _)| way.loss == 0);
    let bare = |way: &Way, which: usize| -> Vec<f64> {
        let loops = hosts.iter().flat_map(|h| &h.loops);
        let own = loops.filter(|l| l.payload_bytes == way.mtu.0);
        own.map(|l| match way.kind {
            "stream" => l.stream_gigabytes_per_second[which],
            _ => l.dgram_gigabytes_per_second[which],
        })
        .collect()
    };
    let absolute = clean().map(|(way, perfs)| {
        let figure =
            Figure::of(way.name, "GB/s", &bandwidths(perfs)).beside("bare loop", &bare(way, 0));
        match (way.kind, way.mtu.0) {
            ("stream", 4096) => figure.goal(Goal::AtLeast(1.5)),
            _ => figure,
        }
    });
    report.group(
        "RC writes of 1 MiB between two daemons (more is better)",
        absolute.collect(),
    );
    let part = clean().map(|(way, perfs)| {
        let runs: Vec<f64> = bandwidths(perfs)
            .iter()
            .zip(bare(way, 0))
            .map(|(own, bare)| own / bare)
            .collect();
        let figure = Figure::of(way.name, "", &runs);
        match (way.kind, way.mtu.0) {
            ("dgram", 4096) => figure.goal(Goal::AtLeast(0.5)),
            _ => figure,
        }
    });
    report.group(
        "the same, as a part of a bare loop of the same frames (more is better)",
        part.collect(),
    );
    let work = clean().flat_map(|(way, perfs)| {
        let each = |of: fn(&Perf) -> f64| perfs.iter().map(of).collect::<Vec<_>>();
        [
            Figure::of(
                format!("{}, sending", way.name),
                "GB/s",
                &each(|p| p.work.0),
            )
            .beside("bare loop", &bare(way, 1)),
            Figure::of(
                format!("{}, receiving", way.name),
                "GB/s",
                &each(|p| p.work.1),
            )
            .beside("bare loop", &bare(way, 2)),
        ]
    });
    report.group(
        "the same for each second of a daemon's processor time (more is better)",
        work.collect(),
    );
    let latency = clean().map(|(way, perfs)| {
        let runs: Vec<f64> = perfs
            .iter()
            .filter_map(|p| Some(p.write_64_bytes.as_ref()?.p50_ns / 1000.0))
            .collect();
        Figure::of(way.name, "us", &runs)
    });
    report.group(
        "64-byte RC write between two daemons, p50 (less is better)",
        latency.collect(),
    );
}

fn losses(report: &mut Report, perfs: &[Vec<Perf>]) {
    let clean = WAYS
        .iter()
        .zip(perfs)
        .find(|(w, _)| w.kind == "dgram" && w.mtu.0 == 4096);
    let clean = clean.map(|(_, perfs)| alone(perfs)).unwrap_or_default();
    let lossy = WAYS.iter().zip(perfs).filter(|(way, _)| way.loss > 0);
    let figures = lossy.map(|(way, perfs)| {
        let ideal = go_back_n(f64::from(way.loss) / 1e6);
        let runs: Vec<f64> = alone(perfs)
            .iter()
            .zip(&clean)
            .map(|(own, clean)| own / clean / ideal)
            .collect();
        let figure = Figure::of(way.name, "", &runs);
        match way.loss {
            10_000 => figure.goal(Goal::AtLeast(0.6)),
            _ => figure,
        }
    });
    report.group(
        "goodput under loss both ways, as a part of ideal go-back-N (more is better)",
        figures.collect(),
    );
    let lossy = WAYS.iter().zip(perfs).filter(|(way, _)| way.loss > 0);
    let figures = lossy.map(|(way, perfs)| {
        let ideal = go_back_n(f64::from(way.loss) / 1e6);
        let ideals: Vec<f64> = clean.iter().map(|clean| clean * ideal).collect();
        Figure::of(way.name, "GB/s", &alone(perfs)).beside("ideal go-back-N", &ideals)
    });
    let without = Figure::of("nothing lost", "GB/s", &clean);
    report.group(
        "RC writes of 1 MiB under loss both ways, datagrams, MTU 4096 (more is better)",
        std::iter::once(without).chain(figures).collect(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_back_n_loses_a_window_for_each_loss() {
        assert!((go_back_n(0.0) - 1.0).abs() < 1e-9);
        assert!((go_back_n(0.01) - 0.99 / 2.27).abs() < 1e-9);
        assert!(go_back_n(0.05) < 0.14);
    }
}
