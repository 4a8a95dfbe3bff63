//! The files of the project, and rules about folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{exec, workspace};

/// Longer files are listed.
const LONG: usize = 700;

/// All files, relative to the root: those git knows or would add; without git, all but build output.
pub fn files() -> Result<Vec<PathBuf>> {
    let root = workspace::root();
    if root.join(".git").exists() {
        let text = exec::output(Command::new("git").current_dir(root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let files = text
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from);
        return Ok(files.filter(|file| root.join(file).is_file()).collect());
    }
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                if !name.to_string_lossy().starts_with("target") {
                    folders.push(entry.path());
                }
            } else if let Ok(path) = entry.path().strip_prefix(root) {
                files.push(path.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_code(path: &Path) -> bool {
    const CODE: [&str; 9] = ["rs", "c", "h", "sh", "py", "ps1", "inf", "cmd", "toml"];
    path.extension()
        .is_some_and(|extension| CODE.iter().any(|code| extension == *code))
}

/// Folders that need a README: every crate, every folder above it, every folder with code outside a crate.
fn folders_with_code(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let crates: BTreeSet<&Path> = files
        .iter()
        .filter(|file| file.ends_with("Cargo.toml"))
        .filter_map(|file| file.parent())
        .collect();
    let mut folders = BTreeSet::new();
    for file in files.iter().filter(|file| is_code(file)) {
        let Some(folder) = file.parent() else {
            continue;
        };
        let hidden = folder
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
        let in_crate = folder
            .ancestors()
            .filter(|dir| dir.components().next().is_some())
            .find(|dir| crates.contains(dir));
        if !hidden {
            folders.extend(
                in_crate
                    .unwrap_or(folder)
                    .ancestors()
                    .map(Path::to_path_buf),
            );
        }
    }
    folders
}

/// The step.
pub fn readme() -> Result<String> {
    let files = files()?;
    let folders = folders_with_code(&files);
    let missing: Vec<String> = folders
        .iter()
        .filter(|folder| !workspace::root().join(folder).join("README.md").exists())
        .map(|folder| {
            if folder.as_os_str().is_empty() {
                ".".into()
            } else {
                folder.display().to_string()
            }
        })
        .collect();
    if !missing.is_empty() {
        bail!(
            "no README.md in: {}. A short one: what lives there, what does not, where its tests are",
            missing.join(", ")
        );
    }
    Ok(format!("{} folders", folders.len()))
}

/// The step. Long files are a hint, not an error.
pub fn size() -> Result<String> {
    let mut long = Vec::new();
    for file in files()?
        .iter()
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
    {
        let text = fs::read_to_string(workspace::root().join(file))?;
        let head: String = text.lines().take(5).collect();
        let lines = text.lines().count();
        if lines > LONG && !head.to_lowercase().contains("generated") {
            long.push(format!("{} ({lines} lines)", file.display()));
        }
    }
    if long.is_empty() {
        return Ok(format!("no file over {LONG} lines"));
    }
    Ok(format!(
        "over {LONG} lines, split them by reason to change: {}",
        long.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_folders_above_and_loose_scripts_need_a_readme() {
        let files: Vec<PathBuf> = [
            "Cargo.toml",
            "a/b/Cargo.toml",
            "a/b/src/deep/x.rs",
            "ci/guests/init.sh",
            "docs/x.md",
            ".ci/x.sh",
        ]
        .map(PathBuf::from)
        .into();
        let folders: Vec<String> = folders_with_code(&files)
            .iter()
            .map(|f| f.display().to_string())
            .collect();
        assert_eq!(folders, ["", "a", "a/b", "ci", "ci/guests"]);
    }
}
