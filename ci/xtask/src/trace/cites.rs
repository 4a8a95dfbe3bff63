//! Citations of clauses in Rust sources: `[QP-12]` in a comment, or `"QP-12"` in a test's list.

use std::path::Path;

use anyhow::Result;

use super::chapters::parse_id;
use crate::workspace;

/// One mention of a clause.
pub struct Cite {
    pub clause: (String, u32),
    pub file: String,
    pub line: usize,
    pub test: bool,
    /// Name of the test function that cites, where it is one.
    pub function: Option<String>,
}

/// Code whose whole purpose is to test.
fn is_test_file(file: &str) -> bool {
    file.contains("/tests/")
        || file.ends_with("/tests.rs")
        || file.ends_with("_tests.rs")
        || file.starts_with("firmware-spec/conformance/")
        || file.starts_with("device-model/sim/src/check")
}

/// All citations below the workspace.
pub fn read(root: &Path) -> Result<Vec<Cite>> {
    let mut cites = Vec::new();
    for file in workspace::tracked(root, "rs")? {
        if file.starts_with("ci/xtask/src/trace/") || file.starts_with("device-model/mutant/") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(&file))?;
        let mut test = is_test_file(&file);
        let mut function = None;
        let mut attributed = false;
        let mut under_test = false;
        // Citations in the comments above a test belong to the function that follows.
        let mut above = cites.len();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            // A module of tests in this very file, not one that lies in another or a single item.
            test |= under_test && line.starts_with("mod ") && line.ends_with('{');
            under_test = line.starts_with("#[cfg(test)]") || under_test && line.starts_with("#[");
            attributed |= line.starts_with("#[test]");
            if let Some(name) = function_name(line) {
                function = attributed.then(|| name.to_owned());
                if attributed {
                    for cite in cites.iter_mut().skip(above) {
                        let cite: &mut Cite = cite;
                        cite.function.clone_from(&function);
                    }
                }
                attributed = false;
            }
            for clause in in_line(line) {
                cites.push(Cite {
                    clause,
                    file: file.clone(),
                    line: index + 1,
                    test,
                    function: function.clone(),
                });
            }
            if !line.starts_with("//") && !line.starts_with("#[") {
                above = cites.len();
            }
        }
    }
    Ok(cites)
}

/// The name in `fn name(`.
fn function_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ").unwrap_or(line);
    let rest = rest.strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// Clause ids in brackets or quotes; several may share a pair of brackets: `[QP-1, QP-2]`.
fn in_line(line: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for (open, close) in [('[', ']'), ('"', '"')] {
        let mut rest = line;
        while let Some(at) = rest.find(open) {
            rest = rest.get(at + 1..).unwrap_or_default();
            let Some(end) = rest.find(close) else { break };
            let inside = rest.get(..end).unwrap_or_default();
            let ids: Vec<_> = inside.split(',').map(|id| parse_id(id.trim())).collect();
            if ids.iter().all(Option::is_some) {
                found.extend(ids.into_iter().flatten());
                rest = rest.get(end + 1..).unwrap_or_default();
            }
        }
    }
    found.retain(|(chapter, _)| CHAPTERS.contains(&chapter.as_str()));
    found
}

/// Prefixes of clause ids; anything else in brackets is not ours (`[SHA-256]`).
const CHAPTERS: &[&str] = &[
    "ADDR", "BRING", "CM", "CMD", "CNT", "CONV", "CQ", "DB", "EQ", "ERR", "ETH", "EV", "INT",
    "LISTEN", "MEM", "PARK", "QP", "REG", "RESET", "ROCE", "SRQ", "UC", "UD",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_quotes_are_found() {
        assert_eq!(in_line("// [QP-12] and [CQ-3, EQ-4]").len(), 3);
        assert_eq!(in_line("clauses: &[\"QP-1\", \"MEM-2\"],").len(), 2);
        assert!(in_line("// [SHA-256] a[i-1] \"x-1\"").is_empty());
    }
}
