//! Programs of ours for the guest. The guest has no libraries, so they are linked statically, or bring them along.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Builds a binary of the workspace statically and returns its path.
///
/// Uses the musl target where it is installed, else glibc's static archive, which comes with the
/// C compiler's packages.
pub fn build_static(package: &str, bin: &str) -> Result<PathBuf> {
    build(package, bin, &[])
}

/// As [`build_static`], optimised: for programs that measure.
pub fn build_static_release(package: &str, bin: &str) -> Result<PathBuf> {
    build(package, bin, &["--release"])
}

fn build(package: &str, bin: &str, more: &[&str]) -> Result<PathBuf> {
    let (triple, flags) = target()?;
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace::root())
        .args([
            "build",
            "--quiet",
            "--package",
            package,
            "--bin",
            bin,
            "--target",
            &triple,
        ])
        .args(more)
        .args(["--message-format", "json-render-diagnostics"])
        .env("RUSTFLAGS", flags)
        .stderr(Stdio::inherit())
        .output()
        .context("could not start cargo")?;
    ensure!(
        output.status.success(),
        "could not build `{bin}` of {package} for the guest"
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    let path = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == bin)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo built no executable `{bin}` in {package}"))?;
    require_static(&path)?;
    Ok(path)
}

/// Shared libraries of a program of this machine and its loader, with the places that they get in the guest. There
/// `use_libraries` (ci/guests/lib.sh) makes them known. For programs that tests have built anyway: nothing is built twice.
pub fn libraries(program: &Path) -> Result<Vec<(PathBuf, String)>> {
    let text = crate::exec::output(Command::new("ldd").arg(program))?;
    let found = in_the_guest(&text);
    ensure!(
        found.iter().any(|(_, place)| place.contains("/ld-linux")),
        "`ldd {}` names no loader",
        program.display()
    );
    Ok(found)
}

/// What ldd prints: `name => path (address)`, or `path (address)` for the loader.
fn in_the_guest(ldd: &str) -> Vec<(PathBuf, String)> {
    let path = |line: &str| {
        let path = PathBuf::from(line.split_whitespace().find(|word| word.starts_with('/'))?);
        let name = path.file_name()?.to_str()?.to_owned();
        Some((path, format!("/rnic/lib/{name}")))
    };
    ldd.lines().filter_map(path).collect()
}

/// The target triple and the compiler flags for static programs on this machine.
fn target() -> Result<(String, String)> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let dir = |triple: &str| -> Option<PathBuf> {
        let out = crate::exec::output(Command::new(&rustc).args([
            "--print",
            "target-libdir",
            "--target",
            triple,
        ]));
        out.ok()
            .map(|text| PathBuf::from(text.trim()))
            .filter(|dir| dir.exists())
    };
    let musl = "x86_64-unknown-linux-musl";
    let gnu = "x86_64-unknown-linux-gnu";
    let inherited = std::env::var("RUSTFLAGS").unwrap_or_default();
    if dir(musl).is_some() {
        Ok((musl.into(), inherited))
    } else {
        ensure!(
            dir(gnu).is_some(),
            "no Rust standard library for {musl} or {gnu}: `rustup target add {musl}`"
        );
        Ok((
            gnu.into(),
            format!("{inherited} -C target-feature=+crt-static")
                .trim()
                .to_owned(),
        ))
    }
}

/// Fails unless the file is an ELF executable that asks for no loader.
pub fn require_static(path: &Path) -> Result<()> {
    let data = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let interpreter = has_interpreter(&data).with_context(|| {
        format!(
            "{} is not a 64-bit little-endian ELF program",
            path.display()
        )
    })?;
    ensure!(
        !interpreter,
        "{} is linked dynamically and cannot run in the guest, which has no libraries. \
         Build it with `-C target-feature=+crt-static`",
        path.display()
    );
    Ok(())
}

/// Whether an ELF64 file has a PT_INTERP segment. Offsets: System V gABI, chapters 4 and 5.
fn has_interpreter(elf: &[u8]) -> Option<bool> {
    const PT_INTERP: u32 = 3;
    let u16_at = |at: usize| Some(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| {
        Some(u32::from_le_bytes(
            elf.get(at..at.checked_add(4)?)?.try_into().ok()?,
        ))
    };
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(u64::from_le_bytes(elf.get(32..40)?.try_into().ok()?)).ok()?;
    let (size, count) = (usize::from(u16_at(54)?), usize::from(u16_at(56)?));
    for index in 0..count {
        if u32_at(table.checked_add(index * size)?)? == PT_INTERP {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_dynamic_and_text_is_no_program() {
        let me = std::env::current_exe().unwrap();
        if cfg!(target_env = "gnu") && !cfg!(target_feature = "crt-static") {
            assert!(format!("{:#}", require_static(&me).unwrap_err()).contains("dynamically"));
        }
        assert_eq!(has_interpreter(b"#!/bin/sh"), None);
        assert_eq!(has_interpreter(b"\x7fELF\x02\x01"), None);
    }

    #[test]
    fn libraries_are_those_that_ldd_names() {
        let text = "\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x7f)\n\t/lib64/ld-linux-x86-64.so.2 (0x7f)\n";
        let places: Vec<String> = in_the_guest(text).into_iter().map(|(_, to)| to).collect();
        assert_eq!(
            places,
            ["/rnic/lib/libc.so.6", "/rnic/lib/ld-linux-x86-64.so.2"]
        );
    }

    #[test]
    fn header_without_segments_is_static() {
        let mut elf = vec![0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(has_interpreter(&elf), Some(false));
    }
}
