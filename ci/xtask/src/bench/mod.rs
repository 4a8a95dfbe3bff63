//! `cargo xtask bench`: figures, each next to a baseline of the same run. A module a bench; what
//! they have in common is `report.rs` and `plot.rs`. Nothing here fails because something is slow.

mod baseline;
mod device;
mod ndk;
mod plot;
mod report;
mod wire;

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::workspace;
use report::Report;

/// Measure, print a table and draw it.
///
/// Builds a release, starts what it needs, and measures each figure together with a baseline (a copy
/// by the processor, a word that two processors share). Without a name it measures the device.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    which: Option<Which>,
}

#[derive(Subcommand)]
enum Which {
    Device(device::Args),
    Wire(wire::Args),
    Ndk(ndk::Args),
}

/// Where results go.
#[derive(clap::Args)]
struct Output {
    /// Where the picture goes; the figures as JSON go beside it. Below the build output by default.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Output {
    /// Prints the table, and writes the picture and the figures.
    fn give(&self, name: &str, report: &Report) -> Result<()> {
        print!("{report}");
        let svg = self
            .svg
            .clone()
            .unwrap_or_else(|| workspace::target().join(format!("bench/{name}.svg")));
        if let Some(folder) = svg.parent() {
            std::fs::create_dir_all(folder)?;
        }
        plot::draw(report, &svg).with_context(|| format!("could not draw {}", svg.display()))?;
        let json = svg.with_extension("json");
        std::fs::write(&json, serde_json::to_string_pretty(report)? + "\n")
            .with_context(|| format!("could not write {}", json.display()))?;
        println!("drawn: {}", workspace::shown(&svg));
        println!("figures: {}", workspace::shown(&json));
        Ok(())
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    match &args.which {
        None => device::run(&device::Args::default()),
        Some(Which::Device(args)) => device::run(args),
        Some(Which::Wire(args)) => wire::run(args),
        Some(Which::Ndk(args)) => ndk::run(args),
    }
}

/// What a figure is worth depends on it: processors, and how many threads wanted them in the last
/// minute.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{count} x {model}; load {}", load())
}

/// Threads that wanted a processor in the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |d| d.as_secs())
}
