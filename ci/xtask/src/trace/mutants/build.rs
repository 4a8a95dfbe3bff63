//! The build with every violation in it, and which source each of its test binaries is made of.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Crates whose tests may notice a violation; each has the feature `mutants`.
const PACKAGES: &[&str] = &["rnic-transport", "rnic-core", "rnic-firmware", "rnic-sim"];

/// A test binary.
pub struct Binary {
    /// Name of its target.
    pub name: String,
    pub path: PathBuf,
    /// Where its package lies: tests run there.
    pub package: PathBuf,
    /// Sources of its tests, relative to the workspace: a file, or a folder that ends with a slash.
    sources: [String; 2],
}

impl Binary {
    /// Whether the tests of a source file, relative to the workspace, are in it.
    pub fn holds(&self, file: &str) -> bool {
        let [one, folder] = &self.sources;
        file == one || file.starts_with(folder)
    }
}

/// Test binaries of [`PACKAGES`] with violations in them.
pub fn build(root: &Path) -> Result<Vec<Binary>> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args([
        "test",
        "--no-run",
        "--lib",
        "--tests",
        "--message-format=json",
    ]);
    for package in PACKAGES {
        command.args(["-p", package, "--features", &format!("{package}/mutants")]);
    }
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the build with violations failed");
    }
    let binaries: Vec<Binary> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| binary(root, &message))
        .collect();
    if binaries.is_empty() {
        bail!("cargo built no test binary");
    }
    Ok(binaries)
}

fn binary(root: &Path, message: &Value) -> Option<Binary> {
    if message["profile"]["test"] != true {
        return None;
    }
    let package = Path::new(message["manifest_path"].as_str()?).parent()?;
    let source = Path::new(message["target"]["src_path"].as_str()?);
    let relative = |path: &Path| Some(path.strip_prefix(root).ok()?.to_str()?.to_owned());
    let file = relative(source)?;
    // lib.rs and tests/NAME/main.rs stand for their folder; tests/NAME.rs for itself.
    let folder = match source.file_name()?.to_str()? {
        "lib.rs" | "main.rs" => format!("{}/", relative(source.parent()?)?),
        _ => format!("{}/", file.strip_suffix(".rs")?),
    };
    Some(Binary {
        name: message["target"]["name"].as_str()?.to_owned(),
        path: message["executable"].as_str()?.into(),
        package: package.to_owned(),
        sources: [file, folder],
    })
}
