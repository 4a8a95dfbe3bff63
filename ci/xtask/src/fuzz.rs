//! `cargo xtask fuzz`: the targets of device-model/fuzz under libFuzzer, with the stable toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Names of the targets, as `device-model/fuzz/src/targets/mod.rs` has them.
const TARGETS: &[&str] = &[
    "registers",
    "commands",
    "work",
    "wire",
    "cm",
    "forged",
    "vfio-user",
];

/// What makes LLVM count edges and comparisons, as libFuzzer wants them.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Look for inputs that break a parser or the device.
///
/// Each target runs for so many seconds from the seeds and its corpus. An input that fails is kept in
/// device-model/fuzz/corpus, where `cargo xtask test 1` finds it from then on.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask fuzz                       every target, a minute each
  cargo xtask fuzz cm --seconds 600      one, for longer")]
pub struct Args {
    /// Targets; without any, all.
    #[arg(value_parser = TARGETS.to_vec())]
    target: Vec<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let folder = workspace::root().join("device-model/fuzz");
    let built = build(&folder)?;
    let mut failed = Vec::new();
    for target in TARGETS {
        if !args.target.is_empty() && !args.target.iter().any(|wanted| wanted == target) {
            continue;
        }
        println!("== fuzz {target}: {} s", args.seconds);
        if !fuzz(&folder, &built, target, args.seconds)? {
            failed.push(*target);
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        bail!(
            "found something: {}; the inputs are in device-model/fuzz/corpus",
            failed.join(", ")
        )
    }
}

/// Builds all targets; the folder of their programs.
fn build(folder: &Path) -> Result<PathBuf> {
    let host = host()?;
    let target_dir = workspace::target().join("fuzz");
    let mut command = Command::new(env!("CARGO"));
    // With --target the flags are for the targets alone, not for build scripts and macros.
    command
        .current_dir(folder)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .args(["build", "--profile", "fuzz", "--features", "libfuzzer"])
        .args(["--target", &host, "--target-dir"])
        .arg(&target_dir);
    for target in TARGETS {
        command.args(["--bin", &format!("fuzz-{target}")]);
    }
    let status = command.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("the fuzz targets do not build");
    }
    Ok(target_dir.join(host).join("fuzz"))
}

/// Runs one; false when it found something.
fn fuzz(folder: &Path, built: &Path, target: &str, seconds: u32) -> Result<bool> {
    let work = workspace::target().join("fuzz/corpora").join(target);
    let found = folder.join("corpus").join(target);
    let seeds = work.join("seeds");
    for dir in [&work, &seeds, &found] {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    // A program of its own, without the counting that only libFuzzer can take.
    let status = Command::new(env!("CARGO"))
        .current_dir(folder)
        .args(["run", "--quiet", "--bin", "fuzz-seeds", "--target-dir"])
        .arg(workspace::target())
        .args(["--", target])
        .arg(&seeds)
        .status()
        .context("cannot write seeds")?;
    if !status.success() {
        bail!("the seeds of {target} could not be written");
    }
    // The first folder is where libFuzzer puts what widens coverage.
    let status = Command::new(built.join(format!("fuzz-{target}")))
        .arg(&work)
        .args([&seeds, &found])
        .arg(format!("-artifact_prefix={}/", found.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"])
        .args(["-print_final_stats=1", "-verbosity=1"])
        .status()
        .with_context(|| format!("cannot run the target {target}"))?;
    Ok(status.success())
}

/// The target triple of this machine.
fn host() -> Result<String> {
    let version = crate::exec::output(Command::new("rustc").arg("-vV"))?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc does not say what machine this is")
}
