//! `cargo xtask trace --mutants`: one build with every violation in it; one alive at a time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::chapters::parse_id;
use crate::{ui, workspace};

/// Crates whose tests may notice a violation, with the feature that brings the violations in.
const PACKAGES: &[&str] = &["rnic-transport", "rnic-core", "rnic-firmware", "rnic-sim"];

/// Builds once, then runs for each violation the tests that cite its clause.
pub fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    let mutants: Vec<String> = collect(root)?
        .into_iter()
        .filter(|id| filter.is_none_or(|text| id.contains(text)))
        .collect();
    if mutants.is_empty() {
        bail!(
            "no violation matches; they are calls of `mutant(\"CLAUSE/word\")` below device-model"
        );
    }
    let mut binaries = build(root)?;
    // The conformance suite first: its tests say which clauses they prove.
    binaries.sort_by_key(|b| {
        !b.file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with("conformance-"))
    });
    let cites = super::cites::read(root)?;
    let mut survivors = Vec::new();
    let bar = ui::Progress::start(format!("{} violations", mutants.len()));
    for (index, id) in mutants.iter().enumerate() {
        let clause = id.split('/').next().unwrap_or_default();
        let key = parse_id(clause);
        let mut tests: Vec<String> = cites
            .iter()
            .filter(|c| c.test && Some(&c.clause) == key.as_ref())
            .filter_map(|c| c.function.clone())
            .collect();
        tests.sort();
        tests.dedup();
        match killer(&binaries, id, clause, &tests)? {
            Some(test) => println!("noticed   {id:<44} {test}"),
            None => {
                println!("SURVIVED  {id}");
                survivors.push(id.clone());
            }
        }
        bar.percent((index + 1) as f64 * 100.0 / mutants.len() as f64);
    }
    bar.finish(format!("{} noticed", mutants.len() - survivors.len()));
    println!(
        "{} passed, {} failed",
        mutants.len() - survivors.len(),
        survivors.len()
    );
    if survivors.is_empty() {
        Ok(())
    } else {
        bail!("no test notices: {}", survivors.join(", "))
    }
}

/// Identifiers in the source: `mutant("QP-12/word")`.
fn collect(root: &Path) -> Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for file in workspace::tracked(root, "rs")? {
        if !file.starts_with("device-model/") || file.starts_with("device-model/mutant/") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(&file))?;
        for part in text.split("mutant(\"").skip(1) {
            let id = part.split('"').next().unwrap_or_default().to_owned();
            let clause = id.split('/').next().unwrap_or_default();
            if parse_id(clause).is_none() || !id.contains('/') {
                bail!("{file}: {id:?} is not of the form CLAUSE/word");
            }
            if !ids.insert(id.clone()) {
                bail!("{file}: {id} is used twice");
            }
        }
    }
    Ok(ids)
}

/// Test binaries of [`PACKAGES`] with violations in them.
fn build(root: &Path) -> Result<Vec<PathBuf>> {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root)
        .args(["test", "--no-run", "--message-format=json"]);
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
    let binaries: Vec<PathBuf> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["profile"]["test"] == true)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect();
    if binaries.is_empty() {
        bail!("cargo built no test binary");
    }
    Ok(binaries)
}

/// The name of a test that fails while the violation is alive: first the conformance tests in process that cite the
/// clause, then unit tests that cite it. A test that does not end counts as failed.
fn killer(
    binaries: &[PathBuf],
    id: &str,
    clause: &str,
    tests: &[String],
) -> Result<Option<String>> {
    for binary in binaries {
        let name = binary
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = name
            .rsplit_once('-')
            .map_or(name.as_str(), |(n, _)| n)
            .to_owned();
        let mut command = Command::new(binary);
        command
            .env("RNIC_MUTANT", id)
            .args(["--test-threads=2", "-q"]);
        if name == "conformance" {
            command.env("RNIC_CLAUSE", clause);
        } else if tests.is_empty() {
            continue;
        } else {
            command.args(tests);
        }
        if !passes(command.stdout(Stdio::null()).stderr(Stdio::null()))? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn passes(command: &mut Command) -> Result<bool> {
    let mut child = command.spawn().context("cannot run a test binary")?;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(status.success()),
            None if std::time::Instant::now() > deadline => {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
}
