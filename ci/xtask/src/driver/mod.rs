//! `cargo xtask driver`: builds rnic.sys, on any machine, with rustc alone.
//!
//! `toolchain` finds or fetches the target's `core` and `alloc`, `image` judges what came out, `package` makes what is
//! installed of it (`resource`, `catalog`). The driver itself and its tests are in `guest-driver/ndis`.

mod catalog;
mod image;
mod package;
mod resource;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::ui::Progress;
use crate::{exec, workspace};

pub use toolchain::TARGET;

/// Build the Windows driver and its package: rnic.sys, rnic.pdb, rnic.inf, rnic.cat.
///
/// Needs neither Windows, nor the WDK, nor MSVC. Where `core` and `alloc` for x86_64-pc-windows-msvc are missing they
/// are fetched by rustup, or built from rustc's sources as Debian packages them. The package is signed with a new test
/// certificate where openssl and osslsigncode are installed.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask driver              target/driver/rnic.sys, checked, and target/driver/package
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
    let folder = out.join("package");
    let inf = fs::read_to_string(self::folder().join("rnic-ndis/package/rnic.inf"))?;
    let done = package::make(&built.image, &out.join("rnic.pdb"), &inf, &folder)?;
    println!("{}: {done}", workspace::shown(&folder));
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
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let resource = out.join("rnic.res");
    fs::write(&resource, resource::version(version()?))?;
    let resource = fs::canonicalize(resource)?;
    let mut command = cargo("build")?;
    command.env("RNIC_VERSION_RESOURCE", resource);
    command.args(["--release", "--locked", "-p", "rnic-ndis", "--bin", "rnic"]);
    command.args(["--features", "rnic-ndis/kernel"]);
    let progress = Progress::start("building rnic.sys");
    exec::output(&mut command).context("rnic.sys could not be built")?;
    let release = workspace::target().join(TARGET).join("release");
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

/// Version of the driver's workspace, with a fourth number.
fn version() -> Result<[u16; 4]> {
    let manifest: toml::Table = fs::read_to_string(folder().join("Cargo.toml"))?.parse()?;
    let text = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.get("version")?.as_str())
        .context("guest-driver/ndis/Cargo.toml has no version")?;
    let mut version = [0; 4];
    for (to, part) in version.iter_mut().zip(text.split('.')) {
        *to = part.parse().context("a version of numbers")?;
    }
    Ok(version)
}

/// Builds the bad driver of nt-host's own tests into `out`; its path.
pub fn build_bad(out: &Path) -> Result<PathBuf> {
    let mut command = cargo("build")?;
    let manifest = workspace::root().join("guest-driver/nt-host/bad-driver/Cargo.toml");
    command
        .args(["--release", "--locked", "--manifest-path"])
        .arg(manifest);
    exec::output(&mut command).context("the bad driver could not be built")?;
    let release = workspace::target().join(TARGET).join("release");
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let image = out.join("bad.sys");
    copy(&release.join("bad.exe"), &image)?;
    copy(&release.join("bad.pdb"), &out.join("bad.pdb"))?;
    Ok(image)
}

/// Builds the UEFI program that stands in for Windows' boot loader (ci/windows/stand-in) into `out`; its path.
pub fn build_stand_in(out: &Path) -> Result<PathBuf> {
    let mut command = cargo("build")?;
    let manifest = workspace::root().join("ci/windows/stand-in/Cargo.toml");
    // In place of a driver's flags: firmware has no control flow guard.
    command.env("RUSTFLAGS", "-Clinker-flavor=lld-link");
    command
        .args(["--release", "--locked", "--manifest-path"])
        .arg(manifest);
    exec::output(&mut command).context("the stand-in could not be built")?;
    let release = workspace::target().join(TARGET).join("release");
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let image = out.join("stand-in.efi");
    copy(&release.join("stand-in.exe"), &image)?;
    Ok(image)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
