//! rustfmt and clippy.

use std::process::Command;

use anyhow::{Context, Result};

use super::graph::workspaces;
use crate::{exec, workspace};

/// cargo itself, the one that runs us.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    command
}

/// The step.
pub fn fmt() -> Result<String> {
    let workspaces = workspaces();
    for manifest in &workspaces {
        exec::output(
            cargo()
                .args(["fmt", "--all", "--manifest-path"])
                .arg(manifest)
                .args(["--", "--check", "-l", "--color", "never"]),
        )
        .context("not formatted; run `cargo fmt --all`")?;
    }
    Ok(format!("{} workspaces", workspaces.len()))
}

/// The step.
pub fn clippy() -> Result<String> {
    exec::output(cargo().args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
    .context("`cargo clippy --workspace --all-targets --all-features -- -D warnings`")?;
    exec::output(crate::driver::natively("clippy").args([
        "--quiet",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
    .context("`cargo clippy --all-targets -- -D warnings` in guest-driver/ndis")?;
    Ok("all targets, all features; guest-driver/ndis".into())
}
