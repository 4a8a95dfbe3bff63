//! A User Mode Linux kernel for RDMA peers, built from Debian's kernel sources.
//!
//! Nobody packages one, so it is compiled: by the machine's own compiler, because the program that comes out is linked with
//! the machine's libc. What else a kernel's build runs and a plain machine lacks (flex, bison, m4, bc) comes from Debian's
//! packages and runs by their own loader. The kernel is kept by its version and its configuration, ci/guests/uml.config.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::apt::{self, Apt};
use super::cache::{self, Recipe};
use crate::exec;
use crate::ui::Progress;
use crate::workspace;

const CONFIG: &str = include_str!("../../../guests/uml.config");
/// Raised when the way of building changes.
const REVISION: &str = "build 1";
const PROGRAM: &str = "linux";
const VARIABLE: &str = "RNIC_PEER_KERNEL";
/// Programs that build a kernel, beside the compiler, make and perl.
const TOOLS: [&str; 4] = ["flex", "bison", "m4", "bc"];
/// Lines that make prints for this configuration, about.
const STEPS: f64 = 1480.0;

/// Starts a tool of the packages by their own loader. `$0` is its name, `@HERE@` the folder above the root.
const WRAPPER: &str = r#"#!/bin/sh
here=@HERE@
lib=$here/root/usr/lib/x86_64-linux-gnu
export M4="$here/bin/m4" BISON_PKGDATADIR="$here/root/usr/share/bison"
name=$(basename "$0")
exec "$here/root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib" --argv0 "$name" "$here/root/usr/bin/$name" "$@"
"#;

/// The kernel that `$RNIC_PEER_KERNEL` names, or one that was built before.
pub fn present() -> Option<PathBuf> {
    given().or_else(built)
}

/// The kernel that `$RNIC_PEER_KERNEL` names.
pub fn given() -> Option<PathBuf> {
    std::env::var_os(VARIABLE)
        .filter(|v| !v.is_empty())
        .map(PathBuf::from)
}

/// Finds or builds one.
pub fn ensure() -> Result<PathBuf> {
    if let Some(kernel) = given() {
        ensure!(
            kernel.is_file(),
            "{VARIABLE} is {} but there is no such file",
            kernel.display()
        );
        return Ok(kernel);
    }
    if let Some(kernel) = built() {
        return Ok(kernel);
    }
    for program in ["gcc", "make", "perl", "xz", "strip"] {
        exec::require(
            program,
            "It is needed to build the peer's kernel; install gcc, make, perl and xz-utils, or set RNIC_PEER_KERNEL \
             to a User Mode Linux kernel with the options of ci/guests/uml.config",
        )?;
    }
    let scratch = workspace::cache();
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let work = tempfile::Builder::new()
        .prefix("uml-making-")
        .tempdir_in(&scratch)?;
    let apt = Apt::new(&work.path().join("apt"))?;
    // `linux-source` depends on the newest `linux-source-7.3` or the like, which holds the sources.
    let names = apt.family("linux-source", "linux-source-")?;
    let newest = names
        .last()
        .context("Debian has no package of the kernel's sources")?
        .clone();
    let version = apt
        .versions(&newest)?
        .into_iter()
        .next()
        .with_context(|| format!("Debian's lists have no version of {newest}"))?;
    let name = format!("{PREFIX}{version}");
    let recipe = Recipe {
        name: &name,
        inputs: INPUTS,
        must_have: &[PROGRAM, "config", "packages.txt"],
    };
    let folder = recipe.get(|dir| make(&apt, &newest, work.path(), dir))?;
    Ok(folder.join(PROGRAM))
}

const PREFIX: &str = "uml-";
const INPUTS: &[&str] = &[REVISION, CONFIG];

/// The newest one of this configuration in the cache.
fn built() -> Option<PathBuf> {
    let end = format!("-{:016x}", cache::fingerprint(INPUTS));
    let mut kernels: Vec<PathBuf> = fs::read_dir(workspace::cache())
        .ok()?
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(PREFIX) && name.ends_with(&end)
        })
        .map(|entry| entry.path().join(PROGRAM))
        .filter(|kernel| kernel.is_file())
        .collect();
    kernels.sort_by_key(|kernel| fs::metadata(kernel).and_then(|m| m.modified()).ok());
    kernels.pop()
}

/// Fetches, configures and builds.
fn make(apt: &Apt, sources: &str, work: &Path, dir: &Path) -> Result<()> {
    let packages = apt.only(&[sources.to_owned()])?;
    apt::write_manifest(&packages, &dir.join("packages.txt"))?;
    let tree = unpack(&packages, sources, work)?;
    let tools = tools(apt, &packages, work)?;
    let out = work.join("out");
    fs::create_dir_all(&out)?;
    let config = work.join("uml.config");
    fs::write(&config, CONFIG)?;
    let make = |arguments: &[&str]| {
        let mut command = Command::new("make");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(tools.clone()).chain(std::env::split_paths(&path));
        command
            .current_dir(&tree)
            .env("PATH", std::env::join_paths(path).unwrap_or_default())
            .env("KCONFIG_ALLCONFIG", &config)
            // The same sources make the same program.
            .env("KBUILD_BUILD_TIMESTAMP", "1970-01-01")
            .env("KBUILD_BUILD_USER", "rnic")
            .env("KBUILD_BUILD_HOST", "rnic")
            .env("LC_ALL", "C")
            // What cargo tells programs about its job server is not for make.
            .env_remove("MAKEFLAGS")
            .env_remove("CARGO_MAKEFLAGS")
            .arg("ARCH=um")
            .arg(format!("O={}", out.display()))
            .args(arguments);
        command
    };
    exec::output(&mut make(&["allnoconfig"])).context("configuring the peer's kernel")?;
    let kept = fs::read_to_string(out.join(".config"))?;
    let dropped = dropped(CONFIG, &kept);
    ensure!(
        dropped.is_empty(),
        "the sources of {sources} do not keep {} of ci/guests/uml.config",
        dropped.join(", ")
    );
    let jobs = std::thread::available_parallelism().map_or(2, usize::from);
    compile(make(&[&format!("-j{jobs}"), PROGRAM]))?;
    exec::output(
        Command::new("strip")
            .arg("-o")
            .arg(dir.join(PROGRAM))
            .arg(out.join(PROGRAM)),
    )?;
    fs::write(dir.join("config"), kept)?;
    Ok(())
}

/// A folder with the tools; empty where the machine has them all.
fn tools(apt: &Apt, sources: &[PathBuf], work: &Path) -> Result<PathBuf> {
    let bin = work.join("bin");
    fs::create_dir_all(&bin)?;
    if TOOLS.iter().all(|tool| exec::find(tool).is_some()) {
        return Ok(bin);
    }
    // All of them: bison and flex run m4.
    let mut packages = apt.with_dependencies(&TOOLS)?;
    packages.retain(|package| !sources.contains(package));
    apt::unpack(&packages, &work.join("root"))?;
    for tool in TOOLS {
        let script = bin.join(tool);
        fs::write(
            &script,
            WRAPPER.replace("@HERE@", &work.display().to_string()),
        )?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    }
    Ok(bin)
}

/// The tree inside the archive inside the package.
fn unpack(packages: &[PathBuf], sources: &str, work: &Path) -> Result<PathBuf> {
    apt::unpack(packages, &work.join("source"))?;
    let folder = work.join("source/usr/src");
    let archive = fs::read_dir(&folder)
        .context("the package of sources has no usr/src")?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(sources) && name.contains(".tar.")
        })
        .context("the package of sources has no archive")?;
    let progress = Progress::start("unpacking the kernel's sources");
    exec::output(
        Command::new("tar")
            .arg("-xf")
            .arg(&archive)
            .arg("-C")
            .arg(work),
    )?;
    progress.finish("done");
    let tree = work.join(sources);
    ensure!(
        tree.join("Kconfig").is_file(),
        "{} holds no {sources}",
        archive.display()
    );
    Ok(tree)
}

/// Runs make and shows how far it is.
fn compile(command: Command) -> Result<()> {
    let progress = Progress::start("building the peer's kernel (minutes)");
    let mut child = exec::tied_to_us(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("could not start make")?;
    let mut errors = child.stderr.take().context("no pipe")?;
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut errors, &mut text).ok();
        text
    });
    let mut log = String::new();
    for (step, line) in BufReader::new(child.stdout.take().context("no pipe")?)
        .lines()
        .enumerate()
    {
        log = log + &line.context("reading from make")? + "\n";
        progress.percent((step as f64 * 100.0 / STEPS).min(99.0));
    }
    let errors = errors.join().unwrap_or_default();
    if !child.wait()?.success() {
        bail!(
            "the peer's kernel could not be built:\n{}{}",
            exec::tail(&log, 10),
            exec::tail(&errors, 30)
        );
    }
    progress.finish(format!("{} steps", log.lines().count()));
    Ok(())
}

/// Options that are asked for and not in the configuration that came out.
fn dropped<'a>(asked: &'a str, kept: &str) -> Vec<&'a str> {
    asked
        .lines()
        .filter(|line| line.starts_with("CONFIG_"))
        .filter(|line| !kept.lines().any(|other| other == *line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_is_not_kept_is_named() {
        let asked = "# why\nCONFIG_A=y\n\nCONFIG_B=y\nCONFIG_N=4\n";
        assert_eq!(
            dropped(asked, "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_N=8\n"),
            ["CONFIG_B=y", "CONFIG_N=4"]
        );
        assert!(dropped(asked, "CONFIG_B=y\nCONFIG_N=4\nCONFIG_A=y\n").is_empty());
    }
}
