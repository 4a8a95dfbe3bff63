//! The conformance suite where a device runs in real time: a daemon is started with devices that nobody uses yet.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::cargo_tests::{Counting, run};
use super::counts::Counts;
use crate::daemon::{self, Daemon};
use crate::guest::{Guest, program};
use crate::setup::qemu;
use crate::{exec, workspace};

/// Starts a daemon of the build that tests use. `each` are options of every device.
pub fn start_with(name: &str, devices: u8, each: &str, arguments: &[String]) -> Result<Daemon> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let options = daemon::Options {
        name: &format!("daemons/{name}"),
        devices,
        each,
        arguments: &arguments,
    };
    Daemon::start(&exec::build_here("rnic", "rnic", false)?, &options)
}

/// One more test: that nothing made the daemon end.
pub(super) fn survived(daemon: &mut Daemon, counts: &mut Counts) {
    match daemon.alive() {
        Ok(()) => counts.passed += 1,
        Err(error) => {
            println!("{error:#}");
            counts.fail("the daemon survives its clients");
        }
    }
}

/// The suite's program, on a platform.
pub fn conform(platform: &str) -> Result<Command> {
    let mut command = Command::new(exec::build_here("rnic-driver-host", "rnic-conform", false)?);
    command.args(["--platform", platform]);
    Ok(command)
}

/// A wire between the daemon and the suite, for tests that send and take frames themselves.
struct Wire {
    folder: tempfile::TempDir,
}

impl Wire {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rnic-wire-").tempdir()?;
        Ok(Self { folder })
    }

    fn end(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn daemon(&self) -> [String; 2] {
        let (local, remote) = (self.end("daemon"), self.end("suite"));
        [
            "--port".into(),
            format!("dgram,local={local},remote={remote}"),
        ]
    }

    fn suite(&self) -> [String; 2] {
        let ends = format!("{},{}", self.end("suite"), self.end("daemon"));
        ["--wire".into(), ends]
    }
}

/// Tier 4: over the vfio-user socket.
pub fn over_socket() -> Result<Counts> {
    let wire = Wire::new()?;
    let mut daemon = start_with("socket", 2, "", &wire.daemon())?;
    let mut command = conform(&format!("socket={}", daemon.places()))?;
    command.arg("--quiet").args(wire.suite());
    let mut counts = run(&mut command, Counting::Reports)?;
    survived(&mut daemon, &mut counts);
    Ok(counts)
}

/// Tier 5: the same through QEMU's BARs, MSI-X, IOMMU and memory, without a guest. Two devices, back to back.
pub fn over_qtest() -> Result<Counts> {
    let qemu = qemu::ensure()?;
    let wire = Wire::new()?;
    let mut daemon = start_with("qtest", 2, "", &wire.daemon())?;
    let mut command = conform(&format!("qtest={}", daemon.places()))?;
    command.arg("--quiet").args(wire.suite());
    command.arg("--qemu").arg(qemu.program);
    let mut counts = run(&mut command, Counting::Reports)?;
    survived(&mut daemon, &mut counts);
    Ok(counts)
}

/// What `lspci -vv` must show, with numbers that are QEMU's to choose replaced.
const LSPCI: &str = "ci/guests/lspci.txt";

/// Tier 6: a Linux guest finds two functions with MSI-X and one with MSI, and gives them to VFIO. It looks with
/// lspci, kills a driver in the middle of its work, runs the suite on the two, and what has to do with interrupts on the
/// third.
pub fn in_guest() -> Result<Counts> {
    let (vendor, device) = pci_ids(&workspace::root().join("firmware-spec/spec/interface.toml"))?;
    let program = program::build_static_release("rnic-driver-host", "rnic-conform")?;
    let mut daemon = start_with("guest", 2, "", &[])?;
    let mut msi = start_with("guest-msi", 1, "irq=msi", &[])?;
    let script = format!(
        ". /rnic/lib.sh
        set -- $(pci_find {vendor:04x} {device:04x})
        [ $# = 3 ] || {{ pci_list; echo three functions are wanted; exit 9; }}
        for address in $1 $3; do lspci -vvnn -s $address | sed 's/^/lspci|/'; done
        for address; do vfio_bind $address || exit 9; done
        rnic-conform --filter op. --platform vfio=$1,$2 >/tmp/victim 2>&1 & victim=$!
        until grep -q ^pass /tmp/victim; do
            kill -0 $victim || {{ cat /tmp/victim; echo the victim ended by itself; exit 9; }}
            sleep 0.1
        done
        kill -9 $victim
        wait $victim
        echo fact killed
        rnic-conform --quiet --platform vfio=$1,$2; code=$?
        rnic-conform --quiet --filter interrupt --platform vfio=$3 || code=$?
        exit $code"
    );
    let mut guest = Guest::new("conform", &script)
        .memory_mib(768)
        .hugepages(32)
        .file(program, "/rnic/bin/rnic-conform")
        .timeout(Duration::from_secs(1500))
        .echo(true);
    for socket in daemon.sockets().into_iter().chain(msi.sockets()) {
        guest = guest.device(socket);
    }
    let outcome = guest.run()?;
    let mut counts = Counts::default();
    for line in &outcome.lines {
        counts.report_line(line);
    }
    println!("  {:.1} s in all", outcome.took.as_secs_f64());
    let killed = outcome.lines.iter().any(|line| line == "fact killed");
    for (name, holds) in [
        ("a driver is killed; the next one works", killed),
        ("lspci shows the function", lspci_agrees(&outcome.lines)?),
    ] {
        println!("guest: {name} ... {}", if holds { "ok" } else { "FAILED" });
        if holds {
            counts.passed += 1;
        } else {
            counts.fail(format!("guest: {name}"));
        }
    }
    if outcome.exit != 0 && counts.failed == 0 {
        counts.fail(format!(
            "rnic-conform in the guest: exit code {}",
            outcome.exit
        ));
    }
    survived(&mut daemon, &mut counts);
    survived(&mut msi, &mut counts);
    Ok(counts)
}

/// Compares with the file; prints both when they differ.
fn lspci_agrees(lines: &[String]) -> Result<bool> {
    let file = workspace::root().join(LSPCI);
    let wanted = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let seen: Vec<String> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("lspci|"))
        .map(without_choices)
        .filter(|line| !line.is_empty())
        .collect();
    let agrees = wanted.lines().eq(seen.iter().map(String::as_str));
    if !agrees {
        println!("lspci shows, with the machine's choices as `*`, what {LSPCI} does not say:");
        for line in &seen {
            println!("{line}");
        }
    }
    Ok(agrees)
}

/// A line of lspci without what the machine chooses: addresses, interrupt lines, groups.
fn without_choices(line: &str) -> String {
    let mut line = line.trim_end().replace('\t', "  ");
    for (before, stop) in [
        ("Memory at ", ' '),
        ("routed to IRQ ", '\n'),
        ("IOMMU group: ", '\n'),
    ] {
        if let Some((head, tail)) = line.split_once(before) {
            let rest = tail.find(stop).and_then(|at| tail.get(at..)).unwrap_or("");
            line = format!("{head}{before}*{rest}");
        }
    }
    line
}

/// The function's vendor and device id, from the specification.
pub fn pci_ids(file: &Path) -> Result<(i64, i64)> {
    let table: toml::Table = std::fs::read_to_string(file)?.parse()?;
    let id = |name: &str| {
        find(&table, name).with_context(|| format!("{} has no {name}", workspace::shown(file)))
    };
    Ok((id("vendor_id")?, id("device_id")?))
}

fn find(table: &toml::Table, name: &str) -> Option<i64> {
    table.iter().find_map(|(key, value)| match value {
        toml::Value::Integer(number) if key == name => Some(*number),
        toml::Value::Table(inner) => find(inner, name),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lspci_is_held_against_the_file_line_by_line() {
        let file = std::fs::read_to_string(workspace::root().join(LSPCI)).unwrap();
        let shown = |text: &str| -> Vec<String> {
            let lines = text.lines().map(|line| format!("lspci|{line}"));
            lines.chain(["something else".into()]).collect()
        };
        assert!(lspci_agrees(&shown(&file)).unwrap());
        let other = file.replacen("MSI-X: Enable- Count=64", "MSI-X: Enable- Count=32", 1);
        assert!(!lspci_agrees(&shown(&other)).unwrap());
        assert!(!lspci_agrees(&[]).unwrap());
    }

    #[test]
    fn what_the_machine_chooses_is_left_out() {
        for (line, expected) in [
            (
                "\tRegion 0: Memory at fe800000 (64-bit) [size=16K]",
                "  Region 0: Memory at * (64-bit) [size=16K]",
            ),
            (
                "\tInterrupt: pin A routed to IRQ 16",
                "  Interrupt: pin A routed to IRQ *",
            ),
            ("\tIOMMU group: 1", "  IOMMU group: *"),
        ] {
            assert_eq!(without_choices(line), expected);
        }
    }

    #[test]
    fn ids_come_from_the_specification() {
        let (vendor, device) =
            pci_ids(&workspace::root().join("firmware-spec/spec/interface.toml")).unwrap();
        assert!((1..0xffff).contains(&vendor) && (0..0xffff).contains(&device));
    }
}
