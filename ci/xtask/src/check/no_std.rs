//! That crates for drivers, firmware and kernels do without std, and so do all their dependencies.
//!
//! A small library that defines its own panic handler and allocator is built over them. If any
//! crate below it links std, the compiler finds two panic handlers and stops (E0152). So this
//! proves it on every machine, without a bare-metal target; where `x86_64-unknown-none` is
//! installed it is built for that too, which also proves that no operating system is needed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::style::cargo;
use crate::{exec, workspace};

/// Package and folder.
const CRATES: &[(&str, &str)] = &[
    ("rnic-abi", "firmware-spec/abi"),
    ("rnic-platform", "firmware-spec/platform"),
    ("rnic-wire", "device-model/wire"),
    ("rnic-transport", "device-model/transport"),
    ("rnic-driver-core", "guest-driver/core"),
];

const BARE: &str = "x86_64-unknown-none";

const PROOF: &str = r#"//! Generated: proves that the crates below link no std.
#![no_std]
extern crate alloc;
use core::alloc::{GlobalAlloc, Layout};
struct Never;
// SAFETY: hands out no memory at all.
unsafe impl GlobalAlloc for Never {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 { core::ptr::null_mut() }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
#[global_allocator]
static NEVER: Never = Never;
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
"#;

/// The step.
pub fn run() -> Result<String> {
    let root = workspace::root();
    let crates: Vec<_> = CRATES
        .iter()
        .map(|(name, dir)| (*name, root.join(dir)))
        .collect();
    let refs: Vec<_> = crates
        .iter()
        .map(|(name, dir)| (*name, dir.as_path()))
        .collect();
    let proof = workspace::target().join("no-std-proof");
    prove(&proof, &refs, None)?;
    let mut proved = "no std in the graph of".to_owned();
    if has_target(BARE) {
        prove(&proof, &refs, Some(BARE))?;
        proved = format!("built for {BARE}, and {proved}");
    }
    let names: Vec<_> = CRATES
        .iter()
        .map(|(name, _)| name.trim_start_matches("rnic-"))
        .collect();
    Ok(format!("{proved} {}", names.join(", ")))
}

/// Builds the proof over some crates, for the host or another target.
fn prove(dir: &Path, crates: &[(&str, &Path)], target: Option<&str>) -> Result<()> {
    fs::create_dir_all(dir.join("src"))?;
    let mut manifest = String::from(
        "[package]\nname = \"no-std-proof\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [lib]\ncrate-type = [\"staticlib\"]\n\n[profile.dev]\npanic = \"abort\"\n\n[dependencies]\n",
    );
    let mut source = PROOF.to_owned();
    for (name, path) in crates {
        manifest += &format!("{name} = {{ path = {:?} }}\n", path.display().to_string());
        source += &format!("extern crate {} as _;\n", name.replace('-', "_"));
    }
    fs::write(dir.join("Cargo.toml"), manifest)?;
    fs::write(dir.join("src/lib.rs"), source)?;
    // The versions that the project uses.
    let lock = workspace::root().join("Cargo.lock");
    if lock.exists() {
        fs::copy(lock, dir.join("Cargo.lock"))?;
    }
    let mut command = cargo();
    command
        .args(["build", "--quiet", "--manifest-path"])
        .arg(dir.join("Cargo.toml"));
    command.arg("--target-dir").arg(dir.join("target"));
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    exec::output(&mut command).map(drop).context(
        "a crate that must do without std does not. E0152 with `panic_impl` means that std is linked: \
         put `#![no_std]` at the top of the crate, or switch off a dependency's default features",
    )
}

fn has_target(triple: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    exec::output(Command::new(rustc).args(["--print", "target-libdir", "--target", triple]))
        .is_ok_and(|dir| Path::new(dir.trim()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_with(dir: &Path, name: &str, source: &str) {
        fs::create_dir_all(dir.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n"
        );
        fs::write(dir.join("Cargo.toml"), manifest).unwrap();
        fs::write(dir.join("src/lib.rs"), source).unwrap();
    }

    /// The proof must tell the two apart, or it proves nothing.
    #[test]
    fn a_crate_with_std_is_found_and_one_without_passes() {
        let dir = tempfile::tempdir().unwrap();
        let (without, with) = (dir.path().join("without"), dir.path().join("with"));
        crate_with(
            &without,
            "without",
            "#![no_std]\nextern crate alloc;\npub fn f() -> alloc::vec::Vec<u8> { alloc::vec![1] }\n",
        );
        crate_with(&with, "with", "pub fn f() -> u8 { 1 }\n");
        prove(&dir.path().join("proof-1"), &[("without", &without)], None).unwrap();
        let error = prove(
            &dir.path().join("proof-2"),
            &[("without", &without), ("with", &with)],
            None,
        );
        let text = format!("{:#}", error.unwrap_err());
        assert!(text.contains("panic_impl"), "{text}");
    }
}
