//! Whether the tests that the threat model names exist.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;

const DOCUMENT: &str = "docs/threat-model.md";
const HEADING: &str = "## Bug classes";

/// Every row of the table names tests, and each of them is somewhere in the sources.
pub fn run() -> Result<String> {
    let root = workspace::root();
    let text = std::fs::read_to_string(root.join(DOCUMENT))?;
    let rows = rows(&text);
    if rows.is_empty() {
        bail!("{DOCUMENT}: no table below {HEADING:?}");
    }
    let known = tests(root)?;
    let mut problems = Vec::new();
    let mut names = 0;
    for (class, tests) in &rows {
        if tests.is_empty() {
            problems.push(format!("{DOCUMENT}: no test for {class:?}"));
        }
        for name in tests {
            names += 1;
            if !known.contains(*name) {
                problems.push(format!("{DOCUMENT}: {class}: there is no test {name}"));
            }
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(format!("{} bug classes, {names} tests named", rows.len()))
}

/// First cell and the names in backticks of the second, of each row of the table.
fn rows(text: &str) -> Vec<(&str, Vec<&str>)> {
    let table = text.split(HEADING).nth(1).unwrap_or_default();
    let table = table.split("\n## ").next().unwrap_or_default();
    table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter_map(|line| line.split_once(" | "))
        .skip(1)
        .map(|(class, tests)| (class, tests.split('`').skip(1).step_by(2).collect()))
        .collect()
}

/// Names of test functions, and identifiers of the conformance suite.
fn tests(root: &Path) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    for file in workspace::tracked(root, "rs")? {
        let text = std::fs::read_to_string(root.join(&file))?;
        if file.starts_with("firmware-spec/conformance/") {
            let quoted = text.split('"').skip(1).step_by(2);
            known.extend(quoted.filter(|s| s.contains('.')).map(str::to_owned));
        }
        let mut attributed = false;
        for line in text.lines().map(str::trim_start) {
            attributed |= line == "#[test]";
            if let Some(rest) = line.strip_prefix("fn ")
                && std::mem::take(&mut attributed)
            {
                let name = rest.split('(').next().unwrap_or_default();
                known.insert(name.to_owned());
            }
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_classes_and_names() {
        let text = "x `no`\n## Bug classes\n\n| class | tests |\n|---|---|\n| a b | `c`, `d.e` |\n| f | none |\n## Next\n| g | `h` |\n";
        assert_eq!(rows(text), [("a b", vec!["c", "d.e"]), ("f", Vec::new())]);
    }
}
