//! The table of NDKPI's elements, `docs/ndkpi.md`, out of what the conformance tests printed on each platform.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ndk_consumer::conformance;

/// The list of NDKPI's elements: number, version, text.
const ELEMENTS: &str = include_str!("../../ndk-consumer/elements.txt");
/// Elements that are declined, and shown to be.
const DECLINED: [u32; 2] = [109, 110];
/// The element that is a file: its tests read the package, and need no device.
const INF: u32 = 107;
/// Where those tests are.
const INF_TESTS: &str = "rnic-ndis/tests/inf.rs";

#[derive(clap::Args)]
pub struct Args {
    /// What `nt-host ndk` printed on a platform: name and file.
    #[arg(long = "platform", value_name = "NAME=FILE", value_parser = named, required = true)]
    platforms: Vec<(String, PathBuf)>,
    /// What the tests of the INF printed.
    #[arg(long, value_name = "FILE")]
    inf: PathBuf,
    /// Where the table goes.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

fn named(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("NAME=FILE")?;
    Ok((name.to_owned(), file.into()))
}

/// Whether each test held, by its name without the family of addresses: only if it held on both.
fn results(output: &str) -> BTreeMap<String, bool> {
    let mut results = BTreeMap::new();
    for line in output.lines() {
        let Some((name, end)) = line
            .trim()
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
        else {
            continue;
        };
        let name = name.split(" (").next().unwrap_or(name);
        *results.entry(name.to_owned()).or_insert(true) &= end.starts_with("ok");
    }
    results
}

/// Tests that show an element.
fn tests_of(row: u32, inf: &BTreeMap<String, bool>) -> Vec<String> {
    if row == INF {
        return inf.keys().cloned().collect();
    }
    conformance::all()
        .filter(|test| test.rows.contains(&row))
        .map(|test| test.name.to_owned())
        .collect()
}

/// What a cell says: a test that did not run is not passed.
fn verdict(row: u32, tests: &[String], results: &BTreeMap<String, bool>) -> &'static str {
    let ran: Vec<bool> = tests
        .iter()
        .filter_map(|t| results.get(t).copied())
        .collect();
    if ran.contains(&false) {
        "FAILED"
    } else if tests.is_empty() {
        "no test"
    } else if ran.len() < tests.len() {
        "not run"
    } else if DECLINED.contains(&row) {
        "declined"
    } else {
        "passed"
    }
}

fn table(platforms: &[(String, BTreeMap<String, bool>)], inf: &BTreeMap<String, bool>) -> String {
    let mut text = format!(
        "<!-- Written by `nt-host ndk-table` from what `cargo xtask test 7` ran: do not edit. -->\n\n\
         # NDKPI, element by element\n\n\
         Each element of NDKPI 1.1 to 2.1, and the tests of `guest-driver/ndk-consumer` that show it, run over `rnic.sys` \
         itself\n(`guest-driver/nt-host`) on two devices on one wire, on IPv4 and IPv6. `socket`: over the devices' vfio-user \
         sockets. `qtest`:\nas PCI functions of a QEMU without a guest. `guest`: inside a Linux guest, functions of its QEMU \
         given to user space by\nVFIO. {INF} is a file: `{INF_TESTS}` judges it, without a device.\n\n\
         | # | NDKPI | element |"
    );
    for (name, _) in platforms {
        let _ = write!(text, " {name} |");
    }
    text += " tests |\n|---|---|---|";
    text += &"---|".repeat(platforms.len() + 1);
    text.push('\n');
    for line in ELEMENTS.lines() {
        let mut fields = line.splitn(3, '\t');
        let (Some(number), Some(version), Some(what)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let row: u32 = number.parse().unwrap_or(0);
        let tests = tests_of(row, inf);
        let _ = write!(text, "| {row} | {version} | {what} |");
        for (_, results) in platforms {
            let results = if row == INF { inf } else { results };
            let _ = write!(text, " {} |", verdict(row, &tests, results));
        }
        let shown: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(text, " {} |", shown.join(", "));
    }
    text
}

fn read(path: &Path) -> Result<BTreeMap<String, bool>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let results = results(&text);
    ensure!(
        !results.is_empty(),
        "no test's result in {}",
        path.display()
    );
    Ok(results)
}

/// Writes it.
pub fn write(args: &Args) -> Result<()> {
    let platforms = args
        .platforms
        .iter()
        .map(|(name, path)| Ok((name.clone(), read(path)?)))
        .collect::<Result<Vec<_>>>()?;
    let text = table(&platforms, &read(&args.inf)?);
    std::fs::write(&args.to, text).with_context(|| format!("{}", args.to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_holds_if_it_holds_on_both_families() {
        let output = "noise\ntest a (V4) ... ok\ntest a (V6) ... FAILED\n  test b (V4) ... ok\ntest b (V6) ... ok\ntest c ... ok";
        let results = results(output);
        assert!(!results["a"]);
        assert_eq!((results["b"], results["c"]), (true, true));
    }

    #[test]
    fn what_did_not_run_is_not_passed() {
        let tests = ["a".to_owned(), "b".to_owned()];
        let of = |pairs: &[(&str, bool)]| {
            let results = pairs
                .iter()
                .map(|(n, held)| ((*n).to_owned(), *held))
                .collect();
            verdict(5, &tests, &results)
        };
        assert_eq!(of(&[("a", true), ("b", true)]), "passed");
        assert_eq!(of(&[("a", true)]), "not run");
        assert_eq!(of(&[("a", true), ("b", false)]), "FAILED");
        let none = BTreeMap::new();
        assert_eq!(verdict(5, &[], &none), "no test");
        let ran = BTreeMap::from([("a".to_owned(), true)]);
        assert_eq!(verdict(109, &tests[..1], &ran), "declined");
    }

    #[test]
    fn every_element_has_a_row_and_a_test() {
        let all = conformance::all()
            .map(|test| (test.name.to_owned(), true))
            .collect();
        let inf = BTreeMap::from([("messages_are_asked_for".to_owned(), true)]);
        let text = table(&[("socket".to_owned(), all)], &inf);
        let rows: Vec<&str> = text
            .lines()
            .filter(|l| l.starts_with("| ") && !l.starts_with("| #"))
            .collect();
        assert_eq!(rows.len(), 110);
        for row in rows {
            assert!(
                row.contains("| passed |") || row.contains("| declined |"),
                "{row}"
            );
        }
    }
}
