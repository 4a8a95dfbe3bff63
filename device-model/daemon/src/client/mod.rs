//! `rnic ping` and `rnic perf`: two devices driven from here, over their sockets, by the driver. `rnic peer`: one device,
//! as the peer of programs elsewhere.
//!
//! Without sockets ping and perf start a daemon of their own and end it afterwards.

mod pair;
mod peer;
mod perf;
mod ping;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::{Doorbell, Switch};

pub use peer::{PeerOptions, run as peer};
pub use perf::run as perf;
pub use ping::run as ping;

/// Which devices to drive.
#[derive(Debug, Args)]
pub struct PairOptions {
    /// Two device sockets of running daemons that nobody else is connected to; a daemon is started if there are none
    #[arg(num_args = 2, value_names = ["FROM", "TO"])]
    pub sockets: Vec<PathBuf>,
    /// For a daemon started here: how doorbells reach the device
    #[arg(long, default_value = "mmap")]
    pub doorbell: Doorbell,
    /// For a daemon started here: copy from guest to guest, or go through frames
    #[arg(long, default_value = "on", value_name = "on|off")]
    pub segments: Switch,
    /// For a daemon started here: its worker threads
    #[arg(long, default_value_t = 1)]
    pub workers: usize,
    /// For a daemon started here: its --spin-us
    #[arg(long)]
    pub spin_us: Option<u64>,
}

/// `rnic ping`.
#[derive(Debug, Args)]
pub struct PingOptions {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub pair: PairOptions,
    /// How often
    #[arg(short, long, default_value_t = 5)]
    pub count: u32,
}

/// `rnic perf`.
#[derive(Debug, Args)]
pub struct PerfOptions {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub pair: PairOptions,
    /// Operations for each latency; rates and bandwidths take as many as fit in a second
    #[arg(short, long, default_value_t = 10_000)]
    pub iterations: u32,
    /// Measure the bandwidth of writes alone
    #[arg(long)]
    pub write_only: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Only 64-byte writes: their latency and their rate
    #[arg(long)]
    pub small: bool,
    /// Queue pairs on the first device beside the one that is measured; they do nothing
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub idle_qps: u32,
    /// Keep the devices in use after the figures are printed, doing nothing, until the standard input ends
    #[arg(long)]
    pub hold: bool,
}

/// Two devices, and the daemon behind them if it was started here.
struct Devices {
    from: PathBuf,
    to: PathBuf,
    _daemon: Option<Daemon>,
}

impl Devices {
    fn find(options: &PairOptions) -> anyhow::Result<Self> {
        if let [from, to] = options.sockets.as_slice() {
            return Ok(Self {
                from: from.clone(),
                to: to.clone(),
                _daemon: None,
            });
        }
        let daemon = Daemon::start(options)?;
        Ok(Self {
            from: daemon.directory.join("0"),
            to: daemon.directory.join("1"),
            _daemon: Some(daemon),
        })
    }
}

/// A daemon of our own, in a directory of its own; both go with it.
struct Daemon {
    process: Child,
    directory: PathBuf,
}

impl Daemon {
    fn start(options: &PairOptions) -> anyhow::Result<Self> {
        let name = format!("rnic-perf-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("serve")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null());
        let doorbell = match options.doorbell {
            Doorbell::Mmap => "mmap",
            Doorbell::Trap => "trap",
        };
        for device in ["0", "1"] {
            let socket = directory.join(device);
            let device = format!("socket={},doorbell={doorbell}", socket.display());
            command.args(["--device", &device]);
        }
        let segments = match options.segments {
            Switch::On => "on",
            Switch::Off => "off",
        };
        command.args(["--segments", segments]);
        command.args(["--workers", &options.workers.to_string()]);
        if let Some(spin) = options.spin_us {
            command.args(["--spin-us", &spin.to_string()]);
        }
        let process = command.spawn().context("the daemon cannot be started")?;
        let mut daemon = Self { process, directory };
        let start = Instant::now();
        while !daemon.directory.join("1").exists() {
            if let Some(status) = daemon.process.try_wait()? {
                bail!("the daemon ended at once: {status}");
            }
            if start.elapsed() > Duration::from_secs(10) {
                bail!("the daemon made no sockets in ten seconds");
            }
            sleep(Duration::from_millis(5));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only for what is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
