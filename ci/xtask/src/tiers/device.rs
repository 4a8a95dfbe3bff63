//! Tests that need the daemon: it is built, started with devices that nobody uses yet, and ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::cargo_tests::{Counting, run};
use super::counts::Counts;
use crate::check::cargo;
use crate::guest::{Guest, program};
use crate::setup::qemu;
use crate::{exec, workspace};

/// A daemon, killed when dropped.
struct Daemon {
    child: Child,
    sockets: Vec<PathBuf>,
    log: PathBuf,
    /// The sockets' folder; a socket's path may have 107 bytes, so it is not below the checkout.
    _dir: tempfile::TempDir,
}

impl Daemon {
    /// Starts `rnic serve` with two devices on one fabric and waits until it listens.
    fn start(name: &str, arguments: &[&str]) -> Result<Self> {
        let program = build("rnic", "rnic")?;
        let dir = tempfile::Builder::new().prefix("rnic-").tempdir()?;
        let sockets: Vec<PathBuf> = (0..2)
            .map(|index| dir.path().join(format!("rnic{index}")))
            .collect();
        let folder = workspace::target().join("daemons");
        std::fs::create_dir_all(&folder)?;
        let log = folder.join(format!("{name}.log"));
        let mut command = Command::new(program);
        command.arg("serve").args(arguments);
        for socket in &sockets {
            command
                .arg("--device")
                .arg(format!("socket={}", socket.display()));
        }
        let child = exec::tied_to_us(command)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()
            .context("could not start rnic")?;
        let mut daemon = Self {
            child,
            sockets,
            log,
            _dir: dir,
        };
        let start = Instant::now();
        while !daemon.sockets.iter().all(|socket| socket.exists()) {
            daemon.alive()?;
            ensure!(
                start.elapsed() < Duration::from_secs(60),
                "rnic does not listen; see {}",
                daemon.log.display()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    fn alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            bail!(
                "rnic ended by itself ({status}); {}:\n{}",
                workspace::shown(&self.log),
                exec::tail(&text, 20)
            );
        }
        Ok(())
    }

    /// One more test: that nothing made it end.
    fn survived(&mut self, counts: &mut Counts) {
        match self.alive() {
            Ok(()) => counts.passed += 1,
            Err(error) => {
                println!("{error:#}");
                counts.fail("the daemon survives its clients");
            }
        }
    }

    fn sockets(&self) -> String {
        self.sockets
            .iter()
            .map(|socket| socket.display().to_string())
            .collect::<Vec<_>>()
            .join(",")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Builds a binary of the workspace for this machine.
fn build(package: &str, bin: &str) -> Result<PathBuf> {
    exec::output(cargo().args(["build", "--quiet", "-p", package, "--bin", bin]))
        .with_context(|| format!("building {bin}"))?;
    Ok(workspace::target().join("debug").join(bin))
}

fn conform(platform: &str) -> Result<Command> {
    let mut command = Command::new(build("rnic-driver-host", "rnic-conform")?);
    command.args(["--quiet", "--platform", platform]);
    Ok(command)
}

/// Tier 4: the conformance suite over the vfio-user socket.
pub fn over_socket() -> Result<Counts> {
    let mut daemon = Daemon::start("socket", &[])?;
    let mut counts = run(
        &mut conform(&format!("socket={}", daemon.sockets()))?,
        Counting::Reports,
    )?;
    daemon.survived(&mut counts);
    Ok(counts)
}

/// Tier 5: the same through QEMU's BARs, MSI-X and memory, without a guest.
pub fn over_qtest() -> Result<Counts> {
    let qemu = qemu::ensure()?;
    // The test's memory is a plain file that QEMU and the test both map; it cannot be sealed.
    let mut daemon = Daemon::start("qtest", &["--allow-unsealed"])?;
    let mut command = conform(&format!("qtest={}", daemon.sockets()))?;
    command.arg("--qemu").arg(qemu.program);
    let mut counts = run(&mut command, Counting::Reports)?;
    daemon.survived(&mut counts);
    Ok(counts)
}

/// Tier 6: a Linux guest finds two functions, gives them to VFIO, and runs the suite on them.
pub fn in_guest() -> Result<Counts> {
    let (vendor, device) = pci_ids(&workspace::root().join("firmware-spec/spec/interface.toml"))?;
    let program = program::build_static("rnic-driver-host", "rnic-conform")?;
    let mut daemon = Daemon::start("guest", &[])?;
    let script = format!(
        ". /rnic/lib.sh
        found=$(pci_find {vendor:04x} {device:04x})
        [ $(echo $found | wc -w) = 2 ] || {{ pci_list; echo two functions are wanted; exit 9; }}
        for address in $found; do vfio_bind $address || exit 9; done
        rnic-conform --quiet --platform vfio=$(echo $found | tr ' ' ,)"
    );
    let mut guest = Guest::new("conform", &script)
        .memory_mib(768)
        .hugepages(64)
        .file(program, "/rnic/bin/rnic-conform")
        .timeout(Duration::from_secs(900))
        .echo(true);
    for socket in &daemon.sockets {
        guest = guest.device(socket);
    }
    let outcome = guest.run()?;
    let mut counts = Counts::default();
    for line in &outcome.lines {
        counts.report_line(line);
    }
    println!("  {:.1} s in all", outcome.took.as_secs_f64());
    if outcome.exit != 0 && counts.failed == 0 {
        counts.fail(format!(
            "rnic-conform in the guest: exit code {}",
            outcome.exit
        ));
    }
    daemon.survived(&mut counts);
    Ok(counts)
}

/// The function's vendor and device id, from the specification.
fn pci_ids(file: &Path) -> Result<(i64, i64)> {
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
    fn ids_come_from_the_specification() {
        let (vendor, device) =
            pci_ids(&workspace::root().join("firmware-spec/spec/interface.toml")).unwrap();
        assert!((1..0xffff).contains(&vendor) && (0..0xffff).contains(&device));
    }
}
