//! The generated files of a source tree: written, or compared.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Folder of the specification, from the root of the tree.
const SPEC: &str = "firmware-spec/spec";
/// Folders that hold generated files and nothing else.
const OWNED: [&str; 2] = ["firmware-spec/generated", "firmware-spec/abi/src/generated"];

/// What [`run`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files the specification describes, relative to the root.
    pub files: Vec<PathBuf>,
    /// Those among them that were written because they were missing or stale.
    pub written: Vec<PathBuf>,
    /// Files that were removed because nothing describes them any more.
    pub removed: Vec<PathBuf>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.written {
            writeln!(f, "wrote {}", path.display())?;
        }
        for path in &self.removed {
            writeln!(f, "removed {}", path.display())?;
        }
        write!(
            f,
            "{} generated files, {} written, {} removed",
            self.files.len(),
            self.written.len(),
            self.removed.len()
        )
    }
}

/// Generates every output of the tree at `root`; with `check`, compares instead of writing.
///
/// # Errors
/// The specification is refused (every problem is listed), `rustfmt` cannot be run, a file
/// cannot be read or written, or, with `check`, a generated file is missing, stale or left over.
pub fn run(root: &Path, check: bool) -> anyhow::Result<Report> {
    let model = crate::load(&root.join(SPEC), SPEC)?;
    let outputs = crate::emit::all(&model)?;
    let mut report = Report::default();
    let mut stale = Vec::new();
    for (path, text) in &outputs {
        report.files.push(path.clone());
        let full = root.join(path);
        if std::fs::read(&full).ok().as_deref() == Some(text.as_bytes()) {
            continue;
        }
        if check {
            stale.push(path.clone());
            continue;
        }
        if let Some(folder) = full.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        std::fs::write(&full, text).with_context(|| format!("cannot write {}", full.display()))?;
        report.written.push(path.clone());
    }
    let described: BTreeSet<&PathBuf> = report.files.iter().collect();
    for folder in OWNED {
        for path in files_below(root, Path::new(folder))? {
            if described.contains(&path) {
                continue;
            }
            if check {
                stale.push(path);
            } else {
                std::fs::remove_file(root.join(&path))
                    .with_context(|| format!("cannot remove {}", path.display()))?;
                report.removed.push(path);
            }
        }
    }
    if !stale.is_empty() {
        let list: Vec<String> = stale.iter().map(|p| format!("  {}", p.display())).collect();
        bail!(
            "generated files differ from {SPEC}:\n{}\nrun `cargo run -p rnic-codegen` and commit the result",
            list.join("\n")
        );
    }
    Ok(report)
}

fn files_below(root: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let full = root.join(folder);
    if !full.is_dir() {
        return Ok(found);
    }
    let entries =
        std::fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            found.extend(files_below(root, &path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
