//! Tier 7: rnic.sys, executed by nt-host over two devices: nt-host's own tests on this machine, the NDK conformance tests here
//! and in a guest (`ndkpi`), pings between a guest and this machine (`across`), and files to and from a Linux SMB server.

use anyhow::{Context, Result};

use super::across;
use super::cargo_tests::{Counting, run};
use super::counts::Counts;
use super::device::{start_with, survived};
use super::ndkpi;
use crate::setup::qemu;
use crate::{check, driver, exec, interop, workspace};

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
    let mut command = check::cargo();
    command
        .current_dir(workspace::root().join("guest-driver/nt-host"))
        .env("CARGO_TARGET_DIR", workspace::target())
        .env("RNIC_DRIVER", &rnic)
        .env("RNIC_QEMU", &qemu)
        .env("RNIC_BAD_DRIVER", bad)
        .env("RNIC_DEVICES", daemon.places())
        .env("RNIC_CONTROL", &control)
        .env("RNIC_PROGRAM", exec::build_here("rnic", "rnic", false)?)
        .args(["test", "--locked", "--no-fail-fast"])
        .args(["--lib", "--bins", "--tests"])
        .args(["--", "--include-ignored", "--test-threads=1"]);
    let mut counts = run(&mut command, Counting::Libtest)?;
    survived(&mut daemon, &mut counts);
    drop(daemon);
    counts.add(ndkpi::all(&rnic)?);
    counts.add(across::all(&ndkpi::build_nt_host()?, &rnic)?);
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
