//! The NDK conformance tests through the dispatch tables of rnic.sys, on each platform that reaches a device, and
//! `docs/ndkpi.md`, which shows them element by element.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::cargo_tests::{Counting, run_keeping};
use super::counts::Counts;
use super::device::{pci_ids, start_with, survived};
use crate::guest::{Guest, program};
use crate::setup::qemu;
use crate::{check, driver, exec, workspace};

/// The table, in the project.
const TABLE: &str = "docs/ndkpi.md";
/// Columns of the table that are results, after number, version and text.
const RESULTS: std::ops::Range<usize> = 4..7;

/// nt-host, as the tests build it.
pub(super) fn build_nt_host() -> Result<PathBuf> {
    let mut command = check::cargo();
    command
        .current_dir(workspace::root().join("guest-driver/nt-host"))
        .env("CARGO_TARGET_DIR", workspace::target())
        .args(["build", "--quiet", "--locked", "--bin", "nt-host"]);
    exec::output(&mut command).context("nt-host could not be built")?;
    Ok(workspace::target().join("debug/nt-host"))
}

/// What was printed, kept for the table.
fn keep(folder: &Path, name: &str, lines: &[String]) -> Result<PathBuf> {
    let path = folder.join(name).with_extension("log");
    fs::write(&path, lines.join("\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Runs all of it with this rnic.sys.
pub fn all(rnic: &Path) -> Result<Counts> {
    let folder = workspace::target().join("ndkpi");
    fs::create_dir_all(&folder)?;
    let nt_host = build_nt_host()?;
    let qemu = qemu::ensure()?.program;
    let mut counts = Counts::default();
    let mut table = Command::new(&nt_host);
    table.arg("ndk-table");
    for platform in ["socket", "qtest", "guest"] {
        println!("NDK conformance, {platform}");
        let start = Instant::now();
        let (ran, lines) = match platform {
            "guest" => in_guest(&nt_host, rnic)?,
            "qtest" => here(&nt_host, rnic, platform, Some(&qemu))?,
            _ => here(&nt_host, rnic, platform, None)?,
        };
        println!("  {:.1} s in all", start.elapsed().as_secs_f64());
        counts.add(ran);
        let path = keep(&folder, platform, &lines)?;
        table
            .arg("--platform")
            .arg(format!("{platform}={}", path.display()));
    }
    let mut lines = Vec::new();
    let mut inf = driver::natively("test");
    inf.args(["-p", "rnic-ndis", "--test", "inf"]);
    let ran = run_keeping(&mut inf, Counting::Libtest, &mut lines)?;
    // They are counted where they run with the driver's other tests; here they are a row of the table.
    if ran.failed > 0 {
        counts.add(ran);
    }
    table.arg("--inf").arg(keep(&folder, "inf", &lines)?);
    let shown = folder.join("ndkpi.md");
    exec::output(table.arg("--to").arg(&shown))?;
    counts.add(compare(&shown)?);
    Ok(counts)
}

/// On this machine: over the devices' sockets, or through this QEMU.
fn here(
    nt_host: &Path,
    rnic: &Path,
    platform: &str,
    qemu: Option<&Path>,
) -> Result<(Counts, Vec<String>)> {
    let mut daemon = start_with(&format!("ndk-{platform}"), 2, "", &[])?;
    let mut command = Command::new(nt_host);
    command.arg("ndk").arg(rnic);
    for socket in daemon.sockets() {
        command.arg("--device").arg(socket);
    }
    if let Some(qemu) = qemu {
        command.arg("--qemu").arg(qemu);
    }
    let mut lines = Vec::new();
    let mut counts = run_keeping(&mut command, Counting::Libtest, &mut lines)?;
    survived(&mut daemon, &mut counts);
    Ok((counts, lines))
}

/// In a Linux guest, on two functions of its QEMU that it gives to user space. A life comes first, in which each DMA mapping
/// is one of the guest's IOMMU.
fn in_guest(nt_host: &Path, rnic: &Path) -> Result<(Counts, Vec<String>)> {
    let (vendor, device) = pci_ids(&workspace::root().join("firmware-spec/spec/interface.toml"))?;
    let mut daemon = start_with("ndk-guest", 2, "", &[])?;
    let script = format!(
        ". /rnic/lib.sh
        use_libraries || exit 9
        set -- $(pci_find {vendor:04x} {device:04x})
        [ $# = 2 ] || {{ pci_list; echo two functions are wanted; exit 9; }}
        for address; do vfio_bind $address || exit 9; done
        nt-host run /rnic/rnic.sys --vfio $1 --vfio $2 --quiet --surprise && echo fact a life
        nt-host ndk /rnic/rnic.sys --vfio $1 --vfio $2"
    );
    let mut guest = Guest::new("ndk", &script)
        .memory_mib(1024)
        .cpus(2)
        .file(nt_host, "/rnic/bin/nt-host")
        .file(rnic, "/rnic/rnic.sys")
        .file(rnic.with_extension("pdb"), "/rnic/rnic.pdb")
        .timeout(Duration::from_secs(1500))
        .echo(true);
    for (library, place) in program::libraries(nt_host)? {
        guest = guest.file(library, place);
    }
    for socket in daemon.sockets() {
        guest = guest.device(socket);
    }
    let outcome = guest.run()?;
    let mut counts = Counts::default();
    for line in &outcome.lines {
        counts.line(line);
    }
    if outcome.lines.iter().any(|line| line == "fact a life") {
        counts.passed += 1;
    } else {
        counts.fail("guest: rnic.sys starts, sends, is pulled out, and leaves nothing");
    }
    if outcome.exit != 0 && counts.failed == 0 {
        counts.fail(format!("nt-host in the guest: exit code {}", outcome.exit));
    }
    survived(&mut daemon, &mut counts);
    Ok((counts, outcome.lines))
}

/// Results of each element.
fn rows(table: &str) -> BTreeMap<u32, Vec<String>> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = cells.get(1)?.parse().ok()?;
        let results = cells.get(RESULTS)?.iter();
        Some((number, results.map(|&cell| cell.to_owned()).collect()))
    };
    table.lines().filter_map(row).collect()
}

/// One more test: that the table in the project says of each element what was just shown. Names of tests may lag behind.
fn compare(shown: &Path) -> Result<Counts> {
    let mut counts = Counts::default();
    let written = fs::read_to_string(workspace::root().join(TABLE))
        .with_context(|| format!("cannot read {TABLE}"))?;
    let now = fs::read_to_string(shown)?;
    let (says, shows) = (rows(&written), rows(&now));
    ensure!(!shows.is_empty(), "{} has no rows", shown.display());
    if says == shows {
        counts.passed += 1;
    } else {
        for (number, results) in &shows {
            if says.get(number) != Some(results) {
                println!(
                    "element {number}: {TABLE} says {:?}, the tests show {results:?}",
                    says.get(number)
                );
            }
        }
        counts.fail(format!("{TABLE} says what the tests show"));
    }
    if written != now {
        println!("to renew {TABLE}: cp {} {TABLE}", workspace::shown(shown));
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_a_row_are_read() {
        let table = "| # | NDKPI | element | socket | qtest | guest | tests |\n|---|---|---|---|---|---|---|\n\
                     | 7 | 1.1 | NdkCreateCq | passed | FAILED | not run | `a`, `b` |\n";
        let expected = ["passed", "FAILED", "not run"].map(str::to_owned).to_vec();
        assert_eq!(rows(table), BTreeMap::from([(7, expected)]));
    }

    #[test]
    fn the_table_has_every_element_and_claims_no_failure() {
        let text = fs::read_to_string(workspace::root().join(TABLE)).unwrap();
        let rows = rows(&text);
        assert_eq!(rows.len(), 110);
        for (number, results) in rows {
            let right = if number >= 109 { "declined" } else { "passed" };
            assert!(results.iter().all(|r| r == right), "{number}: {results:?}");
        }
    }
}
