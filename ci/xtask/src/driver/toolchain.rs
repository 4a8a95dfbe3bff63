//! `core` and `alloc` for the driver's target.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::exec;
use crate::setup::{apt, cache};

/// What drivers are built for.
pub const TARGET: &str = "x86_64-pc-windows-msvc";

/// Where they come from.
pub enum Toolchain {
    /// rustc has them.
    Prebuilt,
    /// They are built from the compiler's own sources: the folder `library`.
    Sources(PathBuf),
}

impl Toolchain {
    /// Makes a cargo command use them.
    pub fn apply(&self, command: &mut Command) {
        if let Self::Sources(library) = self {
            // The sources are those of this very compiler, so what is unstable in them is what it expects.
            command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("__CARGO_TESTS_ONLY_SRC_ROOT", library)
                .arg("-Zbuild-std=core,alloc,compiler_builtins");
        }
    }
}

/// Finds them, or fetches them: rustup's, else the sources as Debian packages them.
pub fn ensure() -> Result<Toolchain> {
    if prebuilt() {
        return Ok(Toolchain::Prebuilt);
    }
    if exec::find("rustup").is_some() {
        // A network that has no such server, or hides it, is answered by the way after this one.
        let mut add = Command::new("timeout");
        add.args(["180", "rustup", "target", "add", TARGET]);
        if exec::output(&mut add).is_ok() && prebuilt() {
            return Ok(Toolchain::Prebuilt);
        }
    }
    let sysroot = rustc(&["--print", "sysroot"])?;
    let own = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    if own.join("core").exists() {
        return Ok(Toolchain::Sources(own));
    }
    sources().map(Toolchain::Sources)
}

fn rustc(arguments: &[&str]) -> Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    exec::output(Command::new(program).args(arguments))
}

fn prebuilt() -> bool {
    rustc(&["--print", "target-libdir", "--target", TARGET]).is_ok_and(|dir| has_core(dir.trim()))
}

fn has_core(dir: &str) -> bool {
    fs::read_dir(dir).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

/// rustc's library sources from Debian's package of the same version.
fn sources() -> Result<PathBuf> {
    let version = rustc(&["-vV"])?
        .lines()
        .find_map(|line| line.strip_prefix("release: ").map(str::to_owned))
        .context("rustc does not say its version")?;
    let library = format!("usr/src/rustc-{version}/library");
    let core = format!("{library}/core/Cargo.toml");
    let bundle = cache::Recipe {
        name: "rust-src",
        inputs: &[&version, apt::BACKPORTS],
        must_have: &[&core],
    }
    .get(|folder| {
        let scratch = tempfile::tempdir()?;
        let apt = apt::Apt::new(scratch.path())?;
        let Some(package) = apt
            .versions("rust-src")?
            .into_iter()
            .find(|known| known.starts_with(&version))
        else {
            bail!(
                "Debian has no sources of rustc {version}. Run `rustup target add {TARGET}` where rustup reaches its \
                 server"
            );
        };
        let packages = apt.only(&[format!("rust-src={package}")])?;
        apt::unpack(&packages, folder)
    })?;
    Ok(bundle.join(library))
}
