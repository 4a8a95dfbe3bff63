//! Tests that cargo runs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use cargo_metadata::{MetadataCommand, TargetKind};

use super::counts::Counts;
use crate::check::cargo;
use crate::workspace;

/// Integration tests that belong to a tier above 1, as (tier, package, test target).
/// What is not listed runs in tier 1.
const ABOVE_1: &[(u8, &str, &str)] = &[
    (2, "rnic-sim", "conformance"),
    (3, "rnic-sim", "seeds"),
    (4, "vfio-user-server", "malformed"),
    (4, "vfio-user-server", "independent_client"),
];

/// Tier 1: everything in the workspace but the tests of the tiers above, and the Windows driver's logic.
pub fn unit() -> Result<Counts> {
    let metadata = MetadataCommand::new()
        .current_dir(workspace::root())
        .no_deps()
        .exec()?;
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins"]);
    for package in &metadata.packages {
        for target in package
            .targets
            .iter()
            .filter(|target| target.kind.contains(&TargetKind::Test))
        {
            let above = ABOVE_1
                .iter()
                .any(|(_, p, t)| *p == package.name.as_str() && *t == target.name);
            if !above {
                command.args(["--test", &target.name]);
            }
        }
    }
    let mut counts = run(&mut command, Counting::Libtest)?;
    counts.add(run(
        cargo().args(["test", "--workspace", "--no-fail-fast", "--doc"]),
        Counting::Libtest,
    )?);
    counts.add(fuzz_corpora()?);
    counts.add(run(
        crate::driver::natively("test").args(["--workspace", "--no-fail-fast"]),
        Counting::Libtest,
    )?);
    Ok(counts)
}

/// The fuzz targets on their seeds and corpora, in their own workspace but with the artifacts of this one.
fn fuzz_corpora() -> Result<Counts> {
    let mut command = cargo();
    command
        .args(["test", "--no-fail-fast", "--manifest-path"])
        .arg(workspace::root().join("device-model/fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(workspace::target());
    run(&mut command, Counting::Libtest)
}

/// Violations of clauses, each noticed by a test that cites its clause.
pub fn violations() -> Result<Counts> {
    let outcome = crate::trace::measure_violations()?;
    let mut counts = Counts::default();
    counts.passed += outcome.noticed as u64;
    for id in outcome.survivors {
        counts.fail(format!("violation {id}: no test notices it"));
    }
    Ok(counts)
}

/// The tests that the table gives to a tier.
pub fn above(tier: u8) -> Result<Counts> {
    let mut counts = Counts::default();
    for (_, package, test) in ABOVE_1.iter().filter(|(number, ..)| *number == tier) {
        let mut command = cargo();
        command.args(["test", "--no-fail-fast", "-p", package, "--test", test]);
        let suite = *test == "conformance";
        if suite {
            // The suite's own lines are the tests; libtest has one test a machine and would hide them.
            command.args(["--", "--nocapture"]);
        }
        counts.add(run(
            &mut command,
            if suite {
                Counting::Reports
            } else {
                Counting::Libtest
            },
        )?);
    }
    Ok(counts)
}

/// Whose lines in a runner's output are counted.
#[derive(Clone, Copy)]
pub enum Counting {
    /// libtest's.
    Libtest,
    /// The conformance suite's: its tests are many in one test of libtest.
    Reports,
}

/// Runs a test command; its output goes through and is counted.
pub fn run(command: &mut Command, counting: Counting) -> Result<Counts> {
    run_keeping(command, counting, &mut Vec::new())
}

/// The same; its lines are added to `lines`.
pub fn run_keeping(
    command: &mut Command,
    counting: Counting,
    lines: &mut Vec<String>,
) -> Result<Counts> {
    let shown = crate::exec::shown(command);
    println!("$ {shown}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{shown}`"))?;
    let mut counts = Counts::default();
    for line in BufReader::new(child.stdout.take().context("no pipe")?).split(b'\n') {
        let line = line.context("reading the tests' output")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        match counting {
            Counting::Libtest => counts.line(&line),
            Counting::Reports => counts.report_line(&line),
        }
        lines.push(line.into_owned());
    }
    let status = child.wait()?;
    if !status.success() && counts.failed == 0 {
        // It did not build, or a test program died before it could count.
        counts.fail(format!("`{shown}` ({status})"));
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_dies_counts_as_a_failure() {
        let counts = run(
            Command::new("sh").args(["-c", "echo 'test result: ok. 2 passed; 0 failed'; exit 9"]),
            Counting::Libtest,
        )
        .unwrap();
        assert_eq!((counts.passed, counts.failed), (2, 1));
        assert_eq!(counts.failures.len(), 1);
    }
}
