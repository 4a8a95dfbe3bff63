//! A QEMU that has vfio-user-pci: the machine's own if it is new enough, else a private copy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt::{self, Apt};
use super::cache::Recipe;
use crate::exec;

/// The first release with `-device vfio-user-pci`.
const OLDEST: (u32, u32) = (10, 1);
const PROGRAM: &str = "qemu-system-x86_64";

/// A usable QEMU.
#[derive(Debug, Clone)]
pub struct Qemu {
    /// The program, or the script that starts the private copy.
    pub program: PathBuf,
    /// First line of `--version`.
    pub version: String,
    /// Where it came from, for people.
    pub origin: &'static str,
}

/// Starts the private copy through its own loader, so the machine's libc does not matter.
/// Everything is relative to the script: the folder may be moved.
const WRAPPER: &str = r#"#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
lib=$here/root/usr/lib/x86_64-linux-gnu
QEMU_MODULE_DIR=$lib/qemu
export QEMU_MODULE_DIR
exec "$here/root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib" --argv0 qemu-system-x86_64 \
    "$here/root/usr/bin/qemu-system-x86_64" \
    -L "$here/root/usr/share/qemu" -L "$here/root/usr/share/seabios" -L "$here/root/usr/lib/ipxe/qemu" "$@"
"#;

fn recipe() -> Recipe<'static> {
    Recipe {
        name: "qemu",
        inputs: &[
            "layout 1",
            apt::RELEASE,
            apt::BACKPORTS,
            "qemu-system-x86",
            WRAPPER,
        ],
        must_have: &[PROGRAM, "root/usr/bin/qemu-system-x86_64", "packages.txt"],
    }
}

/// What is there now, without downloading.
pub fn present() -> Option<Qemu> {
    if let Some(path) = std::env::var_os("RNIC_QEMU").filter(|v| !v.is_empty()) {
        return probe(Path::new(&path), "RNIC_QEMU").ok();
    }
    if let Some(path) = exec::find(PROGRAM)
        && let Ok(qemu) = probe(&path, "PATH")
    {
        return Some(qemu);
    }
    let recipe = recipe();
    recipe
        .is_made()
        .then(|| probe(&recipe.path().join(PROGRAM), "private copy").ok())
        .flatten()
}

/// Finds or makes one. `$RNIC_QEMU` names a particular program and is then not replaced by another.
pub fn ensure() -> Result<Qemu> {
    if let Some(path) = std::env::var_os("RNIC_QEMU").filter(|v| !v.is_empty()) {
        return probe(Path::new(&path), "RNIC_QEMU")
            .context("RNIC_QEMU does not name a QEMU that can be used");
    }
    if let Some(qemu) = present() {
        return Ok(qemu);
    }
    if let Some(path) = exec::find(PROGRAM)
        && let Err(why) = probe(&path, "PATH")
    {
        eprintln!("  {} is not used: {why:#}", path.display());
    }
    let dir = recipe().get(|dir| {
        let work = tempfile::tempdir_in(dir.parent().unwrap_or(dir))?;
        let apt = Apt::new(work.path())?;
        let packages = apt.with_dependencies(&["qemu-system-x86"])?;
        apt::unpack(&packages, &dir.join("root"))?;
        apt::write_manifest(&packages, &dir.join("packages.txt"))?;
        let script = dir.join(PROGRAM);
        fs::write(&script, WRAPPER)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        probe(&script, "private copy").map(drop)
    })?;
    probe(&dir.join(PROGRAM), "private copy")
}

/// Asks a QEMU for its version and devices.
fn probe(program: &Path, origin: &'static str) -> Result<Qemu> {
    let text = exec::output(Command::new(program).arg("--version"))?;
    let version = text.lines().next().unwrap_or_default().to_owned();
    let number =
        parse_version(&version).with_context(|| format!("unknown version \"{version}\""))?;
    if number < OLDEST {
        bail!(
            "version {}.{} is older than {}.{}",
            number.0,
            number.1,
            OLDEST.0,
            OLDEST.1
        );
    }
    let devices =
        exec::output(Command::new(program).args(["-machine", "none", "-device", "help"]))?;
    if !devices.contains("\"vfio-user-pci\"") {
        bail!(
            "version {}.{} was built without vfio-user-pci",
            number.0,
            number.1
        );
    }
    Ok(Qemu {
        program: program.to_path_buf(),
        version,
        origin,
    })
}

fn parse_version(line: &str) -> Option<(u32, u32)> {
    let rest = line.split("version ").nth(1)?;
    let mut parts = rest.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(
            parse_version("QEMU emulator version 11.1.3 (Debian 1:11.1.3+ds-1)"),
            Some((11, 1))
        );
        assert_eq!(parse_version("QEMU emulator version 9.2.0"), Some((9, 2)));
        assert!(parse_version("QEMU emulator version 10.0.2").unwrap() < OLDEST);
        assert_eq!(parse_version("something else"), None);
    }
}
