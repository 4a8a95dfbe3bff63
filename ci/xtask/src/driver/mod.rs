//! `cargo xtask driver`: builds rnic.sys, on any machine, with rustc alone.
//!
//! `toolchain` finds or fetches the target's `core` and `alloc`, `image` judges what came out. The driver itself and
//! its tests are in `guest-driver/ndis`.

mod image;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::ui::Progress;
use crate::{exec, workspace};

pub use toolchain::TARGET;

/// Build the Windows driver: rnic.sys and rnic.pdb.
///
/// Needs neither Windows, nor the WDK, nor MSVC. Where `core` and `alloc` for x86_64-pc-windows-msvc are missing they
/// are fetched by rustup, or built from rustc's sources as Debian packages them.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask driver              target/driver/rnic.sys, checked
  cargo xtask driver --out dir    into another folder")]
pub struct Args {
    /// Folder for the results (default: target/driver).
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What was built.
pub struct Built {
    /// rnic.sys.
    pub image: PathBuf,
    /// What the checks found.
    pub report: String,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let out = args.out.clone().unwrap_or_else(output);
    let built = build(&out)?;
    println!("{}: {}", workspace::shown(&built.image), built.report);
    Ok(())
}

/// Where results go.
pub fn output() -> PathBuf {
    workspace::target().join("driver")
}

/// Cargo in the driver's workspace, for this machine: the driver's logic is checked and tested natively.
pub fn natively(subcommand: &str) -> Command {
    let mut command = crate::check::cargo();
    command
        .current_dir(folder())
        .arg(subcommand)
        .arg("--locked")
        .env("CARGO_TARGET_DIR", workspace::target());
    command
}

/// Folder of the driver's workspace.
pub fn folder() -> PathBuf {
    workspace::root().join("guest-driver/ndis")
}

/// Cargo in the driver's workspace, with what its target needs.
pub fn cargo(subcommand: &str) -> Result<Command> {
    let toolchain = toolchain::ensure()?;
    let mut command = crate::check::cargo();
    command
        .current_dir(folder())
        .arg(subcommand)
        .args(["--target", TARGET])
        .env("CARGO_TARGET_DIR", workspace::target());
    toolchain.apply(&mut command);
    Ok(command)
}

/// Builds into `out`, and judges.
pub fn build(out: &Path) -> Result<Built> {
    let mut command = cargo("build")?;
    command.args(["--release", "--locked", "-p", "rnic-ndis", "--bin", "rnic"]);
    let progress = Progress::start("building rnic.sys");
    exec::output(&mut command).context("rnic.sys could not be built")?;
    let release = workspace::target().join(TARGET).join("release");
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let image = out.join("rnic.sys");
    copy(&release.join("rnic.exe"), &image)?;
    copy(&release.join("rnic.pdb"), &out.join("rnic.pdb"))?;
    let exports = folder().join("ndis-sys/tests/exports.tsv");
    let exports = fs::read_to_string(&exports)
        .with_context(|| format!("cannot read {}", exports.display()))?;
    let bytes = fs::read(&image)?;
    let report = image::judge(&bytes, &exports)?;
    progress.finish("done");
    Ok(Built { image, report })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
