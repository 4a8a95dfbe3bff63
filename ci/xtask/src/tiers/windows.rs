//! Tier 7: rnic.sys, executed on this machine by nt-host over two devices: nt-host's own tests, and what goes through the
//! driver's dispatch tables: the NDK conformance tests, and files to and from a Linux SMB server.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::cargo_tests::{Counting, run};
use super::counts::Counts;
use super::device::{start_with, survived};
use crate::setup::qemu;
use crate::{check, driver, interop, workspace};

/// Runs it.
pub fn on_linux() -> Result<Counts> {
    let out = workspace::target().join("driver");
    let rnic = driver::build(&out)?.image;
    let bad = driver::build_bad(&out)?;
    let qemu = qemu::ensure()?.program;
    let folder = tempfile::tempdir().context("cannot make a folder for a socket")?;
    let control = folder.path().join("control");
    let arguments = ["--control".to_owned(), control.display().to_string()];
    let mut daemon = start_with("nt-host", 2, "", &arguments)?;
    let mut command = nt_host();
    command
        .env("RNIC_DRIVER", &rnic)
        .env("RNIC_QEMU", &qemu)
        .env("RNIC_BAD_DRIVER", bad)
        .env("RNIC_DEVICES", daemon.places())
        .env("RNIC_CONTROL", &control)
        .args(["test", "--locked", "--no-fail-fast"])
        .args(["--lib", "--bins", "--tests"])
        .args(["--", "--include-ignored", "--test-threads=1"]);
    let mut counts = run(&mut command, Counting::Libtest)?;
    survived(&mut daemon, &mut counts);
    drop(daemon);
    counts.add(ndk_conformance(&rnic, "socket", None)?);
    counts.add(ndk_conformance(&rnic, "qtest", Some(&qemu))?);
    counts.add(consumers()?);
    counts.add(interop::smb::short()?);
    Ok(counts)
}

/// What consumers do by themselves: the SMB Direct protocol, and SMB.
fn consumers() -> Result<Counts> {
    let mut command = check::cargo();
    command
        .current_dir(workspace::root().join("guest-driver/ndk-consumer"))
        .env("CARGO_TARGET_DIR", workspace::target())
        .args(["test", "--locked", "--no-fail-fast", "--lib"]);
    run(&mut command, Counting::Libtest)
}

/// Cargo in nt-host's folder, which is a workspace of its own.
fn nt_host() -> Command {
    let mut command = check::cargo();
    command
        .current_dir(workspace::root().join("guest-driver/nt-host"))
        .env("CARGO_TARGET_DIR", workspace::target());
    command
}

/// A test for each element of NDKPI, over IPv4 and IPv6, on devices of their own, through this QEMU if there is one;
/// `docs/ndkpi.md` is their table.
fn ndk_conformance(rnic: &Path, platform: &str, qemu: Option<&Path>) -> Result<Counts> {
    println!("NDK conformance, {platform}");
    let start = Instant::now();
    let mut daemon = start_with(&format!("ndk-{platform}"), 2, "", &[])?;
    let mut command = nt_host();
    command
        .args(["run", "--quiet", "--locked", "--bin", "nt-host"])
        .args(["--", "ndk"])
        .arg(rnic);
    for socket in daemon.sockets() {
        command.arg("--device").arg(socket);
    }
    if let Some(qemu) = qemu {
        command.arg("--qemu").arg(qemu);
    }
    let mut counts = run(&mut command, Counting::Libtest)?;
    survived(&mut daemon, &mut counts);
    println!("  {:.1} s in all", start.elapsed().as_secs_f64());
    Ok(counts)
}
