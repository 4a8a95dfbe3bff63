//! What a run found, as text, JSON and JUnit XML.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use serde::Serialize;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All that it checks holds.
    Pass,
    /// Something does not.
    Fail,
    /// The device or the platform lacks what the test needs.
    Skip,
}

impl Verdict {
    /// Four letters for a line of text.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Skip => "skip",
        }
    }
}

/// The result of one test.
#[derive(Clone, Debug, Serialize)]
pub struct TestResult {
    /// Stable name.
    pub id: &'static str,
    /// Clauses that it proves.
    pub clauses: &'static [&'static str],
    /// How it ended.
    pub verdict: Verdict,
    /// What failed, or what is missing; empty when it passed.
    pub reason: String,
    /// Milliseconds that it took.
    pub ms: u64,
}

/// What was judged.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Subject {
    /// Vendor and device id of configuration space, hexadecimal.
    pub pci_id: String,
    /// Interface version that the device reports.
    pub interface: String,
    /// Version of its firmware.
    pub firmware: String,
    /// Features that it offers.
    pub features: Vec<&'static str>,
    /// Features of the specification that it does not offer.
    pub features_missing: Vec<&'static str>,
    /// What the platform cannot do.
    pub capabilities_missing: Vec<&'static str>,
}

/// What the tests of one clause say together.
#[derive(Clone, Debug, Serialize)]
pub struct Clause<'a> {
    /// `fail` if a test failed, `skip` if none ran, else `pass`.
    pub verdict: Verdict,
    /// The tests.
    pub tests: Vec<&'a TestResult>,
}

/// The results of a run, in order.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Name of the platform.
    pub platform: String,
    /// What was judged.
    pub subject: Subject,
    /// One for each test that was chosen.
    pub results: Vec<TestResult>,
}

impl Report {
    /// Number of tests that ended so.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.results.iter().filter(|r| r.verdict == verdict).count()
    }

    /// True when no test failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.count(Verdict::Fail) == 0
    }

    /// For each clause, the tests that cite it and what they say together.
    #[must_use]
    pub fn by_clause(&self) -> BTreeMap<&'static str, Clause<'_>> {
        let mut map: BTreeMap<_, Clause<'_>> = BTreeMap::new();
        for result in &self.results {
            for id in result.clauses {
                let clause = map.entry(*id).or_insert(Clause {
                    verdict: Verdict::Skip,
                    tests: Vec::new(),
                });
                clause.verdict = match (clause.verdict, result.verdict) {
                    (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
                    (Verdict::Pass, _) | (_, Verdict::Pass) => Verdict::Pass,
                    (Verdict::Skip, Verdict::Skip) => Verdict::Skip,
                };
                clause.tests.push(result);
            }
        }
        map
    }

    /// What to act on: the device, clauses that do not hold and by which test, clauses that nothing judged and why, and
    /// the sum as the last line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let s = &self.subject;
        let _ = writeln!(
            text,
            "device {}, interface {}, firmware {}\nfeatures: {}",
            s.pci_id,
            s.interface,
            s.firmware,
            s.features.join(" ")
        );
        let clauses = self.by_clause();
        let count = |verdict| clauses.values().filter(|c| c.verdict == verdict).count();
        let _ = writeln!(
            text,
            "clauses: {} hold, {} do not, {} not judged",
            count(Verdict::Pass),
            count(Verdict::Fail),
            count(Verdict::Skip)
        );
        for (id, clause) in clauses.iter().filter(|(_, c)| c.verdict == Verdict::Fail) {
            let tests = clause.tests.iter();
            for test in tests.filter(|test| test.verdict == Verdict::Fail) {
                let _ = writeln!(text, "  {id} does not hold: {}: {}", test.id, test.reason);
            }
        }
        let mut reasons: BTreeMap<&str, Vec<&TestResult>> = BTreeMap::new();
        for r in self.results.iter().filter(|r| r.verdict == Verdict::Skip) {
            reasons.entry(&r.reason).or_default().push(r);
        }
        for (reason, tests) in reasons {
            let _ = writeln!(text, "  skipped, {reason}:");
            for test in tests {
                let _ = writeln!(text, "    {} [{}]", test.id, test.clauses.join(", "));
            }
        }
        let _ = writeln!(text, "{}", self.sum());
        text
    }

    fn sum(&self) -> String {
        format!(
            "{}: {} passed, {} failed, {} skipped",
            self.platform,
            self.count(Verdict::Pass),
            self.count(Verdict::Fail),
            self.count(Verdict::Skip)
        )
    }

    /// Lines for a reader: every test, then the summary.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for r in &self.results {
            let _ = write!(text, "{} {:<40} {:>6} ms", r.verdict.label(), r.id, r.ms);
            if !r.reason.is_empty() {
                let _ = write!(text, "  {}", r.reason);
            }
            let _ = writeln!(text, "  [{}]", r.clauses.join(", "));
        }
        text + &self.summary()
    }

    /// One JSON object: platform, device, results, and for each clause its verdict and tests.
    #[must_use]
    pub fn json(&self) -> String {
        let clauses: BTreeMap<_, _> = self
            .by_clause()
            .into_iter()
            .map(|(id, clause)| {
                let tests: BTreeMap<_, _> =
                    clause.tests.iter().map(|r| (r.id, r.verdict)).collect();
                let value = serde_json::json!({ "verdict": clause.verdict, "tests": tests });
                (id, value)
            })
            .collect();
        let value = serde_json::json!({
            "platform": self.platform,
            "subject": self.subject,
            "passed": self.count(Verdict::Pass),
            "failed": self.count(Verdict::Fail),
            "skipped": self.count(Verdict::Skip),
            "results": self.results,
            "clauses": clauses,
        });
        format!("{value:#}\n")
    }

    /// JUnit XML, for CI machines. A test's clauses are its property `clauses`.
    #[must_use]
    pub fn junit(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let ms: u64 = self.results.iter().map(|r| r.ms).sum();
        let _ = writeln!(
            xml,
            "<testsuite name=\"rnic-conformance.{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{}\">",
            escape(&self.platform),
            self.results.len(),
            self.count(Verdict::Fail),
            self.count(Verdict::Skip),
            seconds(ms)
        );
        let s = &self.subject;
        xml.push_str("  <properties>\n");
        for (name, value) in [
            ("pci_id", &s.pci_id),
            ("interface", &s.interface),
            ("firmware", &s.firmware),
            ("features", &s.features.join(" ")),
            ("features_missing", &s.features_missing.join(" ")),
            ("capabilities_missing", &s.capabilities_missing.join(" ")),
        ] {
            let _ = writeln!(
                xml,
                "    <property name=\"{name}\" value=\"{}\"/>",
                escape(value)
            );
        }
        xml.push_str("  </properties>\n");
        for r in &self.results {
            let class = r.id.split('.').next().unwrap_or(r.id);
            let _ = write!(
                xml,
                "  <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
                escape(class),
                escape(r.id),
                seconds(r.ms)
            );
            let reason = escape(&r.reason);
            let clauses = escape(&r.clauses.join(" "));
            let _ = write!(
                xml,
                "><properties><property name=\"clauses\" value=\"{clauses}\"/></properties>"
            );
            let _ = match r.verdict {
                Verdict::Pass => Ok(()),
                Verdict::Skip => write!(xml, "<skipped message=\"{reason}\"/>"),
                Verdict::Fail => write!(
                    xml,
                    "<failure message=\"{reason}\">{reason}&#10;clauses: {clauses}</failure>"
                ),
            };
            xml.push_str("</testcase>\n");
        }
        xml.push_str("</testsuite>\n");
        xml
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let result = |id, verdict, reason: &str| TestResult {
            id,
            clauses: &["CQ-3"],
            verdict,
            reason: reason.into(),
            ms: 1234,
        };
        Report {
            platform: "in-process".into(),
            subject: Subject {
                pci_id: "1d1d:524e".into(),
                features: vec!["SRQ", "UD"],
                ..Subject::default()
            },
            results: vec![
                result("cq.overrun", Verdict::Fail, "got <1> & \"2\""),
                result("cq.arm", Verdict::Pass, ""),
                result(
                    "cq.resize",
                    Verdict::Skip,
                    "feature CQ_RESIZE is not offered",
                ),
            ],
        }
    }

    #[test]
    fn xml_is_escaped_and_counts() {
        let xml = report().junit();
        assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\" time=\"3.702\""));
        assert!(xml.contains("message=\"got &lt;1&gt; &amp; &quot;2&quot;\""));
        assert!(xml.contains("<skipped message=\"feature CQ_RESIZE is not offered\"/>"));
        assert!(xml.contains("<property name=\"features\" value=\"SRQ UD\"/>"));
        let clauses = "<properties><property name=\"clauses\" value=\"CQ-3\"/></properties>";
        assert!(xml.contains(&format!(
            "<testcase classname=\"cq\" name=\"cq.arm\" time=\"1.234\">{clauses}</testcase>"
        )));
    }

    #[test]
    fn json_maps_clauses_to_tests() {
        let value: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(value["failed"], 1);
        assert_eq!(value["results"][0]["verdict"], "fail");
        assert_eq!(value["clauses"]["CQ-3"]["verdict"], "fail");
        assert_eq!(value["clauses"]["CQ-3"]["tests"]["cq.resize"], "skip");
        assert_eq!(value["subject"]["pci_id"], "1d1d:524e");
    }

    #[test]
    fn the_summary_says_what_to_act_on() {
        let summary = report().summary();
        for line in [
            "clauses: 0 hold, 1 do not, 0 not judged",
            "  CQ-3 does not hold: cq.overrun: got <1> & \"2\"",
            "  skipped, feature CQ_RESIZE is not offered:\n    cq.resize [CQ-3]",
        ] {
            assert!(summary.contains(line), "{summary}");
        }
    }

    #[test]
    fn text_ends_with_the_sum() {
        let text = report().text();
        assert!(text.contains("FAIL cq.overrun"));
        assert!(text.ends_with("in-process: 1 passed, 1 failed, 1 skipped\n"));
        assert!(!report().passed());
    }
}
