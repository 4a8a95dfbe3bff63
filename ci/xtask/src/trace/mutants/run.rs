//! Runs of the tests that cite one clause.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::build::Binary;
use super::{Cite, proves};

/// A test that has not ended by then never does: its violation was noticed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a violation.
pub enum Verdict {
    /// A test failed: its name.
    Noticed(String),
    Survived,
}

/// The test that runs the conformance suite on the quickest machine; the other machines come after.
const FIRST_MACHINE: &str = "mapped_doorbells_and_segments";

/// What runs for a clause.
pub struct Plan<'a> {
    clause: &'a str,
    /// Unit tests that cite it, by binary.
    units: Vec<(&'a Binary, Vec<&'a str>)>,
    /// The binary of the conformance suite, if a test of the suite cites it.
    suite: Option<&'a Binary>,
}

impl<'a> Plan<'a> {
    pub fn new(clause: &'a str, binaries: &'a [Binary], cites: &'a [Cite]) -> Self {
        let units = binaries.iter().filter_map(|binary| {
            let names: BTreeSet<&str> = cites
                .iter()
                .filter(|cite| proves(cite, clause) && binary.holds(&cite.file))
                .filter_map(|cite| cite.function.as_deref())
                .collect();
            (!names.is_empty()).then(|| (binary, names.into_iter().collect()))
        });
        let suite = cites.iter().any(|cite| {
            proves(cite, clause) && cite.file.starts_with("firmware-spec/conformance/")
        });
        Self {
            clause,
            units: units.collect(),
            suite: binaries
                .iter()
                .find(|binary| suite && binary.name == "conformance"),
        }
    }

    /// Runs the tests, those first that cost least, until one fails.
    pub fn run(&self, id: &str) -> Result<Verdict> {
        for (binary, names) in &self.units {
            if let Some(test) = failure(binary, names, None, Some(id))? {
                return Ok(Verdict::Noticed(test));
            }
        }
        let Some(suite) = self.suite else {
            return Ok(Verdict::Survived);
        };
        for machines in [&[FIRST_MACHINE][..], &["--skip", FIRST_MACHINE]] {
            if let Some(test) = failure(suite, machines, Some(self.clause), Some(id))? {
                return Ok(Verdict::Noticed(test));
            }
        }
        Ok(Verdict::Survived)
    }
}

/// Every test that `plans` would run passes while no violation is alive.
pub fn baseline<'a>(
    binaries: &[Binary],
    plans: impl Iterator<Item = &'a Plan<'a>> + Clone,
) -> Result<()> {
    for binary in binaries {
        let names: BTreeSet<&str> = plans
            .clone()
            .flat_map(|plan| &plan.units)
            .filter(|(of, _)| of.path == binary.path)
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        let names: Vec<&str> = names.into_iter().collect();
        let clauses: Vec<&str> = plans
            .clone()
            .filter(|plan| plan.suite.is_some_and(|of| of.path == binary.path))
            .map(|plan| plan.clause)
            .collect();
        let mut failed = None;
        if !names.is_empty() {
            failed = failure(binary, &names, None, None)?;
        }
        if !clauses.is_empty() {
            failed = failed.or(failure(binary, &[], Some(&clauses.join(",")), None)?);
        }
        if let Some(test) = failed {
            bail!("{test} fails without any violation: mend it first");
        }
    }
    Ok(())
}

/// The first test that fails, if any does.
fn failure(
    binary: &Binary,
    arguments: &[&str],
    clause: Option<&str>,
    id: Option<&str>,
) -> Result<Option<String>> {
    let log = log_file(binary, id)?;
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(&binary.path);
    command
        .current_dir(&binary.package)
        .args(arguments)
        .arg("--nocapture")
        .env("RUST_BACKTRACE", "0")
        .env_remove("RNIC_MUTANT")
        .env_remove("RNIC_CLAUSE")
        .envs(id.map(|id| ("RNIC_MUTANT", id)))
        .envs(clause.map(|clause| ("RNIC_CLAUSE", clause)))
        .stderr(output.try_clone()?)
        .stdout(output)
        .stdin(Stdio::null());
    if passes(&mut command)? {
        return Ok(None);
    }
    let text = std::fs::read(&log)?;
    let text = String::from_utf8_lossy(&text);
    Ok(Some(failed_test(&text).unwrap_or_else(|| {
        format!("{} did not end well", binary.name)
    })))
}

/// Where the last words of a run are kept.
fn log_file(binary: &Binary, id: Option<&str>) -> Result<PathBuf> {
    let folder = crate::workspace::target().join("mutants");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let id = id.unwrap_or("none").replace('/', "-");
    Ok(folder.join(format!("{id}.{}.log", binary.name)))
}

/// A test that an output says has failed: of the conformance suite, or of a unit test's runner.
fn failed_test(text: &str) -> Option<String> {
    let of_suite = text.lines().find_map(|line| {
        let rest = line.strip_prefix("FAIL ")?.trim_start();
        rest.split(' ').next().map(|id| format!("conformance {id}"))
    });
    of_suite.or_else(|| {
        text.lines().find_map(|line| {
            let rest = line.strip_prefix("thread '")?;
            let (name, rest) = rest.split_once('\'')?;
            rest.contains("panicked at").then(|| name.to_owned())
        })
    })
}

fn passes(command: &mut Command) -> Result<bool> {
    let mut child = command.spawn().context("cannot run a test binary")?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_that_failed_is_named() {
        let suite = "pass  a.b (1 ms)\nFAIL  cq.full@peer (3 ms)\n";
        assert_eq!(failed_test(suite).unwrap(), "conformance cq.full@peer");
        let unit = "thread 'cq::tests::full' (12) panicked at src/cq.rs:1:2:\n";
        assert_eq!(failed_test(unit).unwrap(), "cq::tests::full");
        assert!(failed_test("test result: ok.").is_none());
    }
}
