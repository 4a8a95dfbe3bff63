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

/// The results of a run, in order.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Name of the platform.
    pub platform: String,
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

    /// For each clause, the tests that cite it.
    #[must_use]
    pub fn by_clause(&self) -> BTreeMap<&'static str, Vec<&TestResult>> {
        let mut map: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for result in &self.results {
            for clause in result.clauses {
                map.entry(*clause).or_default().push(result);
            }
        }
        map
    }

    /// Lines for a reader: every test, then the sum.
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
        let _ = writeln!(
            text,
            "{}: {} passed, {} failed, {} skipped",
            self.platform,
            self.count(Verdict::Pass),
            self.count(Verdict::Fail),
            self.count(Verdict::Skip)
        );
        text
    }

    /// One JSON object: platform, results, and the tests of each clause.
    #[must_use]
    pub fn json(&self) -> String {
        let clauses: BTreeMap<_, Vec<_>> = self
            .by_clause()
            .into_iter()
            .map(|(clause, results)| {
                let tests = results.iter().map(|r| (r.id, r.verdict)).collect();
                (clause, tests)
            })
            .collect();
        let value = serde_json::json!({
            "platform": self.platform,
            "passed": self.count(Verdict::Pass),
            "failed": self.count(Verdict::Fail),
            "skipped": self.count(Verdict::Skip),
            "results": self.results,
            "clauses": clauses,
        });
        format!("{value:#}\n")
    }

    /// JUnit XML, for CI machines.
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
            let _ = match r.verdict {
                Verdict::Pass => writeln!(xml, "/>"),
                Verdict::Skip => writeln!(xml, "><skipped message=\"{reason}\"/></testcase>"),
                Verdict::Fail => writeln!(
                    xml,
                    "><failure message=\"{reason}\">clauses: {clauses}</failure></testcase>"
                ),
            };
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
        assert!(xml.contains("<testcase classname=\"cq\" name=\"cq.arm\" time=\"1.234\"/>"));
    }

    #[test]
    fn json_maps_clauses_to_tests() {
        let value: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(value["failed"], 1);
        assert_eq!(value["results"][0]["verdict"], "fail");
        assert_eq!(value["clauses"]["CQ-3"][2][1], "skip");
    }

    #[test]
    fn text_ends_with_the_sum() {
        let text = report().text();
        assert!(text.contains("FAIL cq.overrun"));
        assert!(text.ends_with("in-process: 1 passed, 1 failed, 1 skipped\n"));
        assert!(!report().passed());
    }
}
