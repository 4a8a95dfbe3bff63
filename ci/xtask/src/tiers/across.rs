//! ndkping and ndkperf between two machines: rnic.sys in a Linux guest, on a function of its QEMU, and rnic.sys here, on the
//! socket platform. Each device has a daemon of its own; the wire between them is a pair of unix datagram sockets.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::counts::Counts;
use super::device::{pci_ids, start_with, survived};
use crate::daemon::Daemon;
use crate::guest::{Guest, Running, program};
use crate::interop::ours::Ours;
use crate::workspace;

/// Longest life of the guest.
const LIFE: Duration = Duration::from_secs(900);
/// Longest that a program in the guest may take, seconds; instructions are emulated there.
const LIMIT: &str = "timeout 200";

/// Rounds of a ping, its bytes.
const ROUNDS: usize = 20;
const BYTES: usize = 5000;
/// Rounds of each of the three lengths that ndkperf measures.
const MEASURED: usize = 25;

/// Addresses of both ends: the guest's, and ours.
#[derive(Clone, Copy)]
struct Ends {
    guest: &'static str,
    here: &'static str,
    prefix: u8,
}

const FAMILIES: [(&str, Ends); 2] = [
    (
        "IPv4",
        Ends {
            guest: "10.7.0.1",
            here: "10.7.0.2",
            prefix: 24,
        },
    ),
    (
        "IPv6",
        Ends {
            guest: "fd07::1",
            here: "fd07::2",
            prefix: 64,
        },
    ),
];

/// What is done: its name, and how.
type Act = (&'static str, fn(&mut Across, Ends) -> Result<()>);

const ACTS: [Act; 3] = [
    ("ndkping from a guest to the host", from_the_guest),
    ("ndkping from the host to a guest", to_the_guest),
    ("ndkperf from a guest to the host", measured),
];

struct Across {
    guest: Running,
    /// PCI address of the guest's function.
    address: String,
    nt_host: PathBuf,
    rnic: PathBuf,
    socket: PathBuf,
}

/// Runs all of it.
pub fn all(nt_host: &Path, rnic: &Path) -> Result<Counts> {
    let folder = tempfile::Builder::new().prefix("rnic-wire-").tempdir()?;
    let end = |name: &str| folder.path().join(name).display().to_string();
    // Daemons number their devices alike, and these two are on one wire.
    let daemon = |name: &str, mac: &str, local: &str, remote: &str| -> Result<Daemon> {
        let port = format!("dgram,local={},remote={}", end(local), end(remote));
        start_with(name, 1, &format!("mac={mac}"), &["--port".to_owned(), port])
    };
    let mut theirs = daemon("across-guest", "02:00:00:00:07:01", "guest", "here")?;
    let mut ours = daemon("across-here", "02:00:00:00:07:02", "here", "guest")?;
    let mut across = Across::start(nt_host, rnic, &theirs, &ours)?;
    let mut counts = Counts::default();
    for (act, run) in ACTS {
        for (family, ends) in FAMILIES {
            let name = format!("{act} ({family})");
            match run(&mut across, ends) {
                Ok(()) => {
                    println!("across: {name} ... ok");
                    counts.passed += 1;
                }
                Err(error) => {
                    println!("across: {name} ... FAILED\n{error:#}");
                    counts.fail(format!("across: {name}"));
                }
            }
        }
    }
    drop(across);
    survived(&mut theirs, &mut counts);
    survived(&mut ours, &mut counts);
    Ok(counts)
}

impl Across {
    fn start(nt_host: &Path, rnic: &Path, theirs: &Daemon, ours: &Daemon) -> Result<Self> {
        let (vendor, device) =
            pci_ids(&workspace::root().join("firmware-spec/spec/interface.toml"))?;
        let socket = |daemon: &Daemon| daemon.sockets().into_iter().next().context("a socket");
        let mut guest = Guest::commanded("ndk-across")
            .memory_mib(1024)
            .cpus(2)
            .device(socket(theirs)?)
            .file(nt_host, "/rnic/bin/nt-host")
            .file(rnic, "/rnic/rnic.sys")
            .timeout(LIFE);
        for (library, place) in program::libraries(nt_host)? {
            guest = guest.file(library, place);
        }
        let mut guest = guest.start()?;
        guest.ready()?;
        let mut across = Self {
            guest,
            address: String::new(),
            nt_host: nt_host.to_owned(),
            rnic: rnic.to_owned(),
            socket: socket(ours)?,
        };
        across.run("use_libraries")?;
        let found = across.run(&format!("pci_find {vendor:04x} {device:04x}"))?;
        let address = found.lines().last().context("the guest sees no rnic")?;
        across.address = address.trim().to_owned();
        across.run(&format!("vfio_bind {}", across.address))?;
        Ok(across)
    }

    fn run(&mut self, command: &str) -> Result<String> {
        let (code, words) = self.guest.command(command)?;
        let words = words.join("\n");
        ensure!(
            code == 0,
            "the guest's `{command}` ended with {code}:\n{words}"
        );
        Ok(words)
    }

    /// A command of the guest's consumer.
    fn there(&self, tool: &str, ends: Ends, rest: &str) -> String {
        let Ends { guest, prefix, .. } = ends;
        let address = &self.address;
        format!(
            "{LIMIT} nt-host {tool} /rnic/rnic.sys --vfio {address} --address {guest}/{prefix} {rest}"
        )
    }

    /// Our consumer.
    fn here(&self, ends: Ends, rest: &[&str]) -> Result<Ours> {
        let mut command = Command::new(&self.nt_host);
        command.arg("ndkping").arg(&self.rnic);
        command.arg("--device").arg(&self.socket);
        command.args(["--address", &format!("{}/{}", ends.here, ends.prefix)]);
        command.args(rest);
        Ours::start("nt-host", command)
    }

    /// Serves here, runs a command in the guest, and expects both to say something.
    fn served_here(&mut self, ends: Ends, command: &str, there: &str, here: &str) -> Result<()> {
        let mut server = self.here(ends, &[])?;
        server.wait_for("listening")?;
        let words = self.run(command)?;
        ensure!(words.contains(there), "the guest says:\n{words}");
        for line in words.lines().filter(|line| line.contains("p50")) {
            println!("  {line}");
        }
        server.ends_well(here)
    }
}

fn from_the_guest(across: &mut Across, ends: Ends) -> Result<()> {
    let rest = format!("--rounds {ROUNDS} --length {BYTES} --to {}", ends.here);
    let command = across.there("ndkping", ends, &rest);
    across.served_here(
        ends,
        &command,
        &format!("{ROUNDS} rounds of {BYTES} bytes"),
        &format!("answered {ROUNDS} pings"),
    )
}

fn to_the_guest(across: &mut Across, ends: Ends) -> Result<()> {
    let command = across.there("ndkping", ends, "");
    across.run(&format!(
        "background {command}; \
         until grep -q listening /tmp/out; do kill -0 $! || {{ cat /tmp/out; false; break; }}; sleep 0.2; done"
    ))?;
    let (rounds, bytes) = (ROUNDS.to_string(), BYTES.to_string());
    let rest = ["--rounds", &rounds, "--length", &bytes, "--to", ends.guest];
    let ours = across.here(ends, &rest)?;
    ours.ends_well(&format!("{ROUNDS} rounds of {BYTES} bytes"))?;
    let words = across.run("ended")?;
    let wanted = format!("answered {ROUNDS} pings");
    ensure!(words.contains(&wanted), "the guest says:\n{words}");
    Ok(())
}

/// Three lengths over one connection.
fn measured(across: &mut Across, ends: Ends) -> Result<()> {
    let rest = format!("--rounds {MEASURED} --to {}", ends.here);
    let command = across.there("ndkperf", ends, &rest);
    across.served_here(
        ends,
        &command,
        &format!("{MEASURED} rounds of 16384 bytes"),
        &format!("answered {} pings", 3 * MEASURED),
    )
}
