//! One daemon and one client: how they are started, and what the client prints.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::daemon::{self, Daemon};
use crate::exec;

/// Microseconds.
#[derive(Clone, Debug, Deserialize)]
pub struct Latency {
    min_ns: f64,
    p50_ns: f64,
    p99_ns: f64,
}

impl Latency {
    pub fn min(&self) -> f64 {
        self.min_ns / 1000.0
    }
    pub fn p50(&self) -> f64 {
        self.p50_ns / 1000.0
    }
    pub fn p99(&self) -> f64 {
        self.p99_ns / 1000.0
    }
}

/// How much a second: in all, and in the best few milliseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rate {
    pub mean: f64,
    pub best: f64,
}

/// What `rnic perf --json` prints.
#[derive(Clone, Debug, Deserialize)]
pub struct Perf {
    pub write_64_bytes: Latency,
    pub write_messages_per_second: Rate,
    #[serde(flatten)]
    pub rest: Option<Rest>,
    pub create_qp: Option<Latency>,
}

/// What it leaves out with `--small`.
#[derive(Clone, Debug, Deserialize)]
pub struct Rest {
    pub read_64_bytes: Latency,
    pub send_64_bytes: Latency,
    pub register: Latency,
    pub write_1_mib_gigabytes_per_second: Rate,
    pub read_1_mib_gigabytes_per_second: Rate,
    pub copy_1_mib_gigabytes_per_second: Rate,
}

/// The daemon's processor, and the client's: where there are two, each has its own, so that
/// neither spins in the other's way.
pub fn processors() -> (Option<usize>, Option<String>) {
    match std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        1 => (None, None),
        2 => (Some(1), Some("0".into())),
        count => (Some(count - 1), Some(format!("0-{}", count - 2))),
    }
}

/// A daemon with so many devices.
pub fn serve(rnic: &Path, devices: u8) -> Result<Daemon> {
    let options = daemon::Options {
        name: "bench",
        devices,
        each: "doorbell=mmap",
        // On one processor alone it would not spin by itself.
        arguments: &["--spin-us", "30"],
    };
    Daemon::start_on(processors().0, rnic, &options)
}

/// A client that has measured and still holds the devices. Dropped, it lets go.
pub struct Holding {
    client: Child,
    /// What it measured.
    pub perf: Perf,
}

impl Holding {
    /// Measures the first two devices of a daemon.
    pub fn measure(rnic: &Path, daemon: &Daemon, arguments: &[&str]) -> Result<Self> {
        let mut command = daemon::on_processor(rnic, processors().1);
        command
            .args(["perf", "--json", "--hold"])
            .args(arguments)
            .args([daemon.socket("a"), daemon.socket("b")]);
        let shown = exec::shown(&command);
        let mut client = exec::tied_to_us(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{shown}`"))?;
        let mut line = String::new();
        if let Some(out) = client.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        match serde_json::from_str(&line) {
            Ok(perf) => Ok(Self { client, perf }),
            Err(_) if line.is_empty() => bail!("`{shown}` failed; what it says is above"),
            Err(error) => Err(error).with_context(|| format!("`{shown}` prints {line}")),
        }
    }

    /// Processor time of the daemon in a second in which the client does nothing, in milliseconds.
    pub fn idle(&self, daemon: &Daemon) -> Result<f64> {
        // The end of the last spin.
        std::thread::sleep(Duration::from_millis(100));
        let before = daemon.processor_time()?;
        std::thread::sleep(Duration::from_secs(2));
        Ok((daemon.processor_time()? - before).as_secs_f64() * 1000.0 / 2.0)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        drop(self.client.stdin.take());
        // It may have ended already.
        self.client.wait().ok();
    }
}
