//! tshark, which reads captures as Wireshark does: the machine's own, else a private copy with its libraries.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::apt::{self, Apt};
use super::cache::Recipe;
use super::guest_files;
use crate::exec;

const PROGRAM: &str = "tshark";
const INSIDE: &str = "usr/bin/tshark";
const DATA: &str = "usr/share/wireshark";

/// Starts the private copy through its own loader, as QEMU's is. A home of its own: no settings of a person decide what it
/// calls malformed.
const WRAPPER: &str = r#"#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export WIRESHARK_DATA_DIR="$here/root/usr/share/wireshark" WIRESHARK_PLUGIN_DIR="$here/root/none" HOME="$here/root/none"
export WIRESHARK_CONFIG_DIR="$here/root/none"
exec "$here/root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$here/root/usr/lib/x86_64-linux-gnu" --argv0 tshark \
    "$here/root/usr/bin/tshark" "$@"
"#;

fn recipe() -> Recipe<'static> {
    Recipe {
        name: PROGRAM,
        inputs: &["layout 1", apt::RELEASE, WRAPPER],
        must_have: &[PROGRAM, "root/usr/bin/tshark", "packages.txt"],
    }
}

/// What is there now, without downloading.
pub fn present() -> Option<PathBuf> {
    exec::find(PROGRAM).or_else(|| {
        let recipe = recipe();
        recipe.is_made().then(|| recipe.path().join(PROGRAM))
    })
}

/// Finds or fetches it.
pub fn ensure() -> Result<PathBuf> {
    if let Some(program) = present() {
        return Ok(program);
    }
    Ok(recipe().get(make)?.join(PROGRAM))
}

fn make(dir: &Path) -> Result<()> {
    let work = tempfile::tempdir_in(dir.parent().unwrap_or(dir))?;
    let apt = Apt::new(work.path())?;
    let packages = apt.with_dependencies(&[PROGRAM])?;
    let root = work.path().join("root");
    apt::unpack(&packages, &root)?;
    apt::write_manifest(&packages, &dir.join("packages.txt"))?;
    let mut data = Vec::new();
    guest_files::walk(&root, Path::new(DATA), &mut data)?;
    guest_files::extract_programs(&root, &[INSIDE], data, &dir.join("root"))?;
    let script = dir.join(PROGRAM);
    fs::write(&script, WRAPPER)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let known = exec::output(Command::new(&script).args(["-G", "protocols"]))
        .context("the private copy of tshark")?;
    ensure!(
        known.contains("\tinfiniband\t"),
        "tshark knows no InfiniBand, so it cannot judge a capture"
    );
    Ok(())
}
