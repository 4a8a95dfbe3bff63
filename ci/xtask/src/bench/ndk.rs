//! `cargo xtask bench ndk`: what a kernel consumer sees of the device, through the dispatch tables of rnic.sys.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::daemon::{self, Daemon};
use crate::{driver, exec, ui, workspace};

/// Measure through the NDK provider of rnic.sys, executed by nt-host over the socket.
///
/// Latency of send, write and read of 64 and 4096 bytes from the call of the dispatch function to its completion, polled and
/// notified; writes a second; bandwidth of 1 MiB writes next to a copy of as much in the same process. What the driver's core
/// alone takes is measured by `cargo xtask bench device`, run beside it.
#[derive(clap::Args)]
pub struct Args {
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 5000)]
    rounds: usize,
}

/// Builds what it needs, and measures.
pub fn run(args: &Args) -> Result<()> {
    let image = driver::build(&driver::output())?.image;
    let rnic = daemon::build()?;
    let progress = ui::Progress::start("building nt-host");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(workspace::root().join("guest-driver/nt-host"))
        .env("CARGO_TARGET_DIR", workspace::target())
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--bin",
            "nt-host",
        ]);
    exec::output(&mut command).context("nt-host could not be built")?;
    progress.finish("done");
    let options = daemon::Options {
        name: "bench-ndk",
        devices: 2,
        each: "doorbell=mmap",
        arguments: &[],
    };
    let daemon = Daemon::start(&rnic, &options)?;
    println!("machine: {}", super::machine());
    let status = Command::new(workspace::target().join("release/nt-host"))
        .arg("ndkperf")
        .arg(&image)
        .arg("--device")
        .arg(daemon.socket("a"))
        .arg("--device")
        .arg(daemon.socket("b"))
        .args(["--rounds", &args.rounds.to_string()])
        .status()
        .context("could not start nt-host")?;
    daemon.stop()?;
    ensure!(status.success(), "nt-host ended with {status}");
    Ok(())
}
