//! What a QEMU of flesh and blood does to a device: plugs and unplugs it, is killed, outlives it. No guest is needed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::counts::Counts;
use super::device::{conform, start_with};
use crate::exec;
use crate::setup::qemu::{self, Qemu};

/// Longest that anything here may take; nothing is judged by time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A test's name, and the test.
type Check = (&'static str, fn(&Qemu) -> Result<()>);

const CHECKS: &[Check] = &[
    (
        "a function with MSI is plugged and unplugged ten times",
        plugged_and_unplugged,
    ),
    (
        "QEMU is killed while the suite runs; the next one finds a clean device",
        killed_while_working,
    ),
    (
        "the daemon is killed; QEMU lives, and another QEMU works with the next daemon",
        outlives_the_daemon,
    ),
];

/// Runs all; one test each.
pub fn run() -> Result<Counts> {
    let qemu = qemu::ensure()?;
    let mut counts = Counts::default();
    for (name, check) in CHECKS {
        match check(&qemu) {
            Ok(()) => {
                println!("QEMU: {name} ... ok");
                counts.passed += 1;
            }
            Err(error) => {
                println!("QEMU: {name} ... FAILED\n{error:#}");
                counts.fail(format!("QEMU: {name}"));
            }
        }
    }
    Ok(counts)
}

/// Ten times on one bus. With MSI-X, QEMU 11.1.3 aborts at the first (qemu-patches/README.md).
fn plugged_and_unplugged(qemu: &Qemu) -> Result<()> {
    let mut daemon = start_with("plug", 1, "irq=msi", &[])?;
    let socket = daemon.sockets().remove(0);
    let mut machine = Machine::start(qemu, &[])?;
    for round in 0..10 {
        let device = json!({
            "driver": "vfio-user-pci",
            "id": "rnic",
            "bus": "slot1",
            "socket": { "type": "unix", "path": socket },
            "x-msg-timeout": 60_000,
        });
        machine
            .ask("device_add", device)
            .with_context(|| format!("plugging, round {round}"))?;
        machine.ask("device_del", json!({ "id": "rnic" }))?;
        machine
            .wait_for("DEVICE_DELETED")
            .with_context(|| format!("unplugging, round {round}"))?;
    }
    daemon.alive()
}

/// The suite is the driver; QEMU is its child, and dies with it.
fn killed_while_working(qemu: &Qemu) -> Result<()> {
    let mut daemon = start_with("killed", 2, "", &[])?;
    let places = format!("qtest={}", daemon.places());
    let suite = || -> Result<Command> {
        let mut command = conform(&places)?;
        command.args(["--filter", "op."]).arg("--qemu");
        command.arg(&qemu.program);
        Ok(command)
    };
    let mut running = suite()?.stdout(Stdio::piped()).spawn()?;
    let output = BufReader::new(running.stdout.take().context("no pipe")?);
    // Some transfers are done, and more are on their way.
    let seen = output.lines().map_while(Result::ok);
    let passed = seen.filter(|line| line.starts_with("pass")).take(3).count();
    let victim = child_of(running.id())?;
    exec::output(Command::new("kill").args(["-KILL", &victim.to_string()]))?;
    running.kill()?;
    running.wait()?;
    ensure!(passed == 3, "the suite ended before it could be disturbed");
    daemon.alive()?;
    let out = exec::output(&mut suite()?).context("after QEMU was killed")?;
    ensure!(out.contains(" 0 failed"), "after QEMU was killed:\n{out}");
    daemon.alive()
}

fn child_of(process: u32) -> Result<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let first = text.split_whitespace().next();
    first
        .and_then(|word| word.parse().ok())
        .context("the suite has started no QEMU")
}

fn outlives_the_daemon(qemu: &Qemu) -> Result<()> {
    let daemon = start_with("outlived", 1, "", &[])?;
    let device = json!({
        "driver": "vfio-user-pci",
        "socket": { "type": "unix", "path": daemon.sockets().remove(0) },
    });
    let mut machine = Machine::start(qemu, &["-device", &device.to_string()])?;
    daemon.kill()?;
    // The first question may still see it alive; after an answer QEMU has been round its loop.
    for _ in 0..3 {
        machine.ask("query-status", json!({}))?;
        machine.ask("query-pci", json!({}))?;
    }
    let mut daemon = start_with("outlived", 1, "", &[])?;
    let device = json!({
        "driver": "vfio-user-pci",
        "socket": { "type": "unix", "path": daemon.sockets().remove(0) },
    });
    let mut next = Machine::start(qemu, &["-device", &device.to_string()])?;
    let buses = next.ask("query-pci", json!({}))?;
    let vendors = buses.pointer("/0/devices").and_then(Value::as_array);
    let found = vendors.is_some_and(|list| {
        let mut ids = list.iter().map(|device| device.pointer("/id/vendor"));
        ids.any(|id| id.and_then(Value::as_u64) == Some(0x1d1d))
    });
    ensure!(found, "the next QEMU has no rnic: {buses}");
    daemon.alive()
}

/// QEMU with an empty slot and a monitor, and no guest.
struct Machine {
    child: Child,
    monitor: BufReader<UnixStream>,
    /// Names of events that nobody has waited for.
    events: Vec<String>,
    folder: tempfile::TempDir,
}

impl Machine {
    fn start(qemu: &Qemu, arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rnic-qmp-").tempdir()?;
        let path = folder.path().join("qmp");
        let mut command = Command::new(&qemu.program);
        command
            .args(["-display", "none", "-nodefaults", "-no-user-config"])
            .args([
                "-machine",
                "q35,accel=qtest,memory-backend=m0",
                "-m",
                "256M",
            ])
            .args(["-object", "memory-backend-memfd,id=m0,size=256M,share=on"])
            // Native hot plug: an empty slot is off, and what is plugged there can go without a guest's consent.
            .args([
                "-global",
                "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
            ])
            .args(["-device", "pcie-root-port,id=slot1,slot=1"])
            .args(arguments)
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", path.display()));
        let mut child = exec::tied_to_us(command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("errors"))?)
            .spawn()
            .with_context(|| format!("could not start {}", qemu.program.display()))?;
        let monitor = match connect(&mut child, &path) {
            Ok(monitor) => BufReader::new(monitor),
            Err(error) => {
                child.kill().ok();
                child.wait().ok();
                let words = fs::read_to_string(folder.path().join("errors"));
                return Err(error.context(words.unwrap_or_default()));
            }
        };
        let mut machine = Self {
            child,
            monitor,
            events: Vec::new(),
            folder,
        };
        machine.line()?;
        machine.ask("qmp_capabilities", json!({}))?;
        Ok(machine)
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.monitor.read_line(&mut line).unwrap_or(0) == 0 {
            let status = self.child.wait()?;
            let words = fs::read_to_string(self.folder.path().join("errors"));
            bail!(
                "QEMU has ended ({status}): {}",
                exec::tail(&words.unwrap_or_default(), 5)
            );
        }
        serde_json::from_str(&line).with_context(|| format!("QEMU's monitor said `{line}`"))
    }

    /// A command and its answer; events on the way are kept.
    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        // A QEMU that has ended shows when its answer is read.
        writeln!(self.monitor.get_mut(), "{request}").ok();
        loop {
            let answer = self.line()?;
            if let Some(event) = answer.get("event").and_then(Value::as_str) {
                self.events.push(event.to_owned());
            } else if let Some(error) = answer.get("error") {
                bail!("QEMU refused {command}: {error}");
            } else {
                return Ok(answer.get("return").cloned().unwrap_or_default());
            }
        }
    }

    fn wait_for(&mut self, event: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(at) = self.events.iter().position(|name| name == event) {
                self.events.remove(at);
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "no {event} came");
            self.ask("query-status", json!({}))?;
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn connect(child: &mut Child, path: &Path) -> Result<UnixStream> {
    let start = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(path) {
            stream.set_read_timeout(Some(PATIENCE))?;
            return Ok(stream);
        }
        if let Some(status) = child.try_wait()? {
            bail!("QEMU ended at once ({status})");
        }
        ensure!(start.elapsed() < PATIENCE, "QEMU opens no monitor");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
