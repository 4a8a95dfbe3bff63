//! How many tests passed, and the two formats in which counts are written.

use std::fmt;

/// A runner's counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Tests that held.
    pub passed: u64,
    /// Tests that did not.
    pub failed: u64,
    /// Tests that were not run, each with a reason given by the runner.
    pub skipped: u64,
    /// Names of what failed.
    pub failures: Vec<String>,
}

impl Counts {
    /// Counts one failure.
    pub fn fail(&mut self, name: impl Into<String>) {
        self.failed += 1;
        self.failures.push(name.into());
    }

    /// Adds another runner's counts.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }

    /// Takes in one line of a test runner's output: libtest's result lines and failed tests.
    pub fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            for part in rest.split([';', '.']) {
                match number_and_word(part) {
                    Some((n, "passed")) => self.passed += n,
                    Some((n, "failed")) => self.failed += n,
                    Some((n, "ignored")) => self.skipped += n,
                    _ => {}
                }
            }
        }
    }

    /// Takes in one line of the conformance suite's output: `FAIL id (...)` and the closing line,
    /// `platform: N passed, N failed, N skipped`.
    pub fn report_line(&mut self, line: &str) {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("FAIL ") {
            self.failures
                .push(rest.split_whitespace().next().unwrap_or("?").to_owned());
        } else if let Some((passed, failed, skipped)) =
            line.rsplit_once(": ").and_then(|(_, end)| closing(end))
        {
            self.passed += passed;
            self.failed += failed;
            self.skipped += skipped;
        }
    }
}

/// The closing line.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

fn closing(line: &str) -> Option<(u64, u64, u64)> {
    let mut parts = line.split(", ").map(number_and_word);
    match (parts.next()??, parts.next()??, parts.next()??, parts.next()) {
        ((passed, "passed"), (failed, "failed"), (skipped, "skipped"), None) => {
            Some((passed, failed, skipped))
        }
        _ => None,
    }
}

fn number_and_word(text: &str) -> Option<(u64, &str)> {
    let (number, word) = text.trim().split_once(' ')?;
    Some((number.parse().ok()?, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtest_lines_are_summed() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 5 passed; 1 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.02s",
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s",
        ] {
            counts.line(line);
        }
        assert_eq!(
            counts,
            Counts {
                passed: 6,
                failed: 1,
                skipped: 2,
                failures: vec!["a::c".into()]
            }
        );
    }

    #[test]
    fn reports_of_the_conformance_suite_are_read() {
        let mut counts = Counts {
            passed: 3,
            failed: 1,
            skipped: 4,
            failures: Vec::new(),
        };
        assert_eq!(counts.to_string(), "3 passed, 1 failed, 4 skipped");
        counts.report_line("FAIL qp.rc.send (12 ms): expected x");
        counts.report_line("socket: 3 passed, 1 failed, 4 skipped\r");
        assert_eq!((counts.passed, counts.failed, counts.skipped), (6, 2, 8));
        assert_eq!(counts.failures, ["qp.rc.send"]);
        counts.report_line("socket: 3 passed, 1 failed");
        counts.report_line("test result: ok. 5 passed; 1 failed");
        assert_eq!(counts.passed, 6);
    }
}
