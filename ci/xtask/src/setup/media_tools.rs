//! What ci/windows/run.sh needs beside QEMU: xorriso, mtools and UEFI firmware. The machine's own, else private copies.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::apt::{self, Apt};
use super::cache::Recipe;
use super::guest_files;
use crate::exec;

/// Programs by the names that are called; the second and later ones are mtools, which asks by which.
const PROGRAMS: [&str; 4] = ["xorriso", "mcopy", "mformat", "mmd"];
const INSIDE: [&str; 2] = ["usr/bin/xorriso", "usr/bin/mtools"];
const FIRMWARE: &str = "usr/share/OVMF";
const CODE: &str = "OVMF_CODE_4M.fd";
const VARIABLES: &str = "OVMF_VARS_4M.fd";

/// Where they are.
pub struct MediaTools {
    /// A folder to be put before the others of PATH; none if all programs are installed.
    pub folder: Option<PathBuf>,
    /// OVMF: code and variables.
    pub firmware: (PathBuf, PathBuf),
}

fn wrapper(name: &str, inside: &str) -> String {
    format!(
        r#"#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$here/root/usr/lib/x86_64-linux-gnu" --argv0 {name} \
    "$here/root/{inside}" "$@"
"#
    )
}

fn recipe() -> Recipe<'static> {
    Recipe {
        name: "media-tools",
        inputs: &["layout 1", apt::RELEASE],
        must_have: &[
            "xorriso",
            "mcopy",
            "mformat",
            "mmd",
            CODE,
            VARIABLES,
            "packages.txt",
        ],
    }
}

/// Finds or fetches them.
pub fn ensure() -> Result<MediaTools> {
    let installed = Path::new("/").join(FIRMWARE);
    let installed = (installed.join(CODE), installed.join(VARIABLES));
    let has_programs = PROGRAMS.iter().all(|name| exec::find(name).is_some());
    if has_programs && installed.0.exists() && installed.1.exists() {
        return Ok(MediaTools {
            folder: None,
            firmware: installed,
        });
    }
    let folder = recipe().get(make)?;
    Ok(MediaTools {
        firmware: (folder.join(CODE), folder.join(VARIABLES)),
        folder: Some(folder),
    })
}

fn make(dir: &Path) -> Result<()> {
    let work = tempfile::tempdir_in(dir.parent().unwrap_or(dir))?;
    let apt = Apt::new(work.path())?;
    apt.with_dependencies(&["xorriso", "mtools"])?;
    // All that were downloaded; firmware depends on nothing.
    let packages = apt.only(&["ovmf".to_owned()])?;
    let root = work.path().join("root");
    apt::unpack(&packages, &root)?;
    apt::write_manifest(&packages, &dir.join("packages.txt"))?;
    guest_files::extract_programs(&root, &INSIDE, Vec::new(), &dir.join("root"))?;
    for name in PROGRAMS {
        let inside = INSIDE[usize::from(name != "xorriso")];
        let script = dir.join(name);
        fs::write(&script, wrapper(name, inside))?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    }
    for file in [CODE, VARIABLES] {
        fs::copy(root.join(FIRMWARE).join(file), dir.join(file))?;
    }
    Ok(())
}
