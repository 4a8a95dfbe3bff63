//! The two ends.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::daemon::{Daemon, Options};
use crate::exec::output;
use crate::guest::{Guest, Running};
use crate::peer;
use crate::setup::guest_files::{PEER, VERBS_PEER};
use crate::setup::{tshark, uml};
use crate::workspace;

use super::ours::Ours;

/// Longest life of a peer.
const LIFE: Duration = Duration::from_secs(1800);
pub const VERBS: &str = include_str!("../../../guests/verbs.py");
pub const CM: &str = include_str!("../../../guests/cm.py");
const UNCONNECTED: &str = include_str!("../../../guests/unconnected.py");

/// What the network does to the peer's frames.
#[derive(Clone, Copy)]
pub struct Weather {
    pub name: &'static str,
    /// Arguments of netem.
    pub netem: &'static str,
}

impl Weather {
    /// Whether it loses frames.
    pub fn is_lossy(&self) -> bool {
        !self.netem.is_empty()
    }
}

/// Which addresses.
#[derive(Clone, Copy)]
pub struct Case {
    pub v6: bool,
}

impl Case {
    pub fn family(self) -> &'static str {
        if self.v6 { "IPv6" } else { "IPv4" }
    }

    /// The device's address.
    pub fn ours(self) -> &'static str {
        if self.v6 { "fd07::1" } else { "10.7.0.1" }
    }

    /// The peer's.
    pub fn theirs(self) -> &'static str {
        if self.v6 { "fd07::2" } else { "10.7.0.2" }
    }

    pub fn ours_with_prefix(self) -> &'static str {
        if self.v6 { "fd07::1/64" } else { "10.7.0.1/24" }
    }
}

/// A daemon with a device, and a peer.
pub struct Bench {
    rnic: PathBuf,
    daemon: Option<Daemon>,
    port: String,
    peer: Running,
    capture: PathBuf,
    /// What a person would type, of the row that runs.
    pub commands: Vec<String>,
    /// The second judge of the capture.
    tshark: Option<PathBuf>,
    path_mtu: u32,
    /// The network loses frames.
    lossy: bool,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// With Python's verbs on a User Mode Linux kernel, or without on whatever kernel there is.
    pub fn start(rnic: &Path, (mtu, path_mtu): (u32, u32), full: Option<&Path>) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for sockets")?;
        let ours = folder.path().join("rnic");
        let theirs = folder.path().join("peer");
        let port = format!(
            "dgram,local={},remote={},mtu={mtu}",
            ours.display(),
            theirs.display()
        );
        let flavour = if full.is_some() { VERBS_PEER } else { PEER };
        let kernel = full.map(Path::to_owned).or_else(uml::given);
        // The short part fetches nothing for a second opinion of its frames.
        let tshark = if full.is_some() {
            Some(tshark::ensure()?)
        } else {
            tshark::present()
        };
        let (daemon, capture) = serve(rnic, &port)?;
        std::fs::write(folder.path().join("verbs.py"), VERBS)?;
        std::fs::write(folder.path().join("cm.py"), CM)?;
        std::fs::write(folder.path().join("unconnected.py"), UNCONNECTED)?;
        let mut peer =
            Guest::commanded_peer("interop", flavour, kernel.as_deref(), (&theirs, &ours))?
                .file(folder.path().join("verbs.py"), "/rnic/verbs.py")
                .file(folder.path().join("cm.py"), "/rnic/cm.py")
                .file(folder.path().join("unconnected.py"), "/rnic/unconnected.py")
                .mtu(mtu)
                .timeout(LIFE)
                .start()?;
        peer.ready()?;
        let mut bench = Self {
            rnic: rnic.to_owned(),
            daemon: Some(daemon),
            port,
            peer,
            capture,
            commands: Vec::new(),
            tshark,
            path_mtu,
            lossy: false,
            _folder: folder,
        };
        bench.peer(&peer::up(mtu))?;
        Ok(bench)
    }

    /// Payload of a packet at most.
    pub fn path_mtu(&self) -> u32 {
        self.path_mtu
    }

    /// Whether the network loses frames.
    pub fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// The socket of the device.
    pub fn device(&self) -> Result<PathBuf> {
        let daemon = self.daemon.as_ref().context("the daemon was killed")?;
        Ok(daemon.socket("a"))
    }

    /// Kills the daemon as kill -9 does, and starts another in its place. The capture begins anew, so rows that were before are
    /// not looked at any more.
    pub fn restart_daemon(&mut self) -> Result<()> {
        self.commands
            .push("kill -9 of `rnic serve`, and another in its place".to_owned());
        if let Some(daemon) = self.daemon.take() {
            daemon.kill()?;
        }
        let (daemon, capture) = serve(&self.rnic, &self.port)?;
        (self.daemon, self.capture) = (Some(daemon), capture);
        Ok(())
    }

    /// The commands of both sides since the last call.
    pub fn take_commands(&mut self) -> Vec<String> {
        std::mem::take(&mut self.commands)
    }

    /// A counter of the peer's connection manager, as `cm_rx_msgs/mra`.
    pub fn cm_count(&mut self, name: &str) -> Result<u64> {
        let path = format!("/sys/class/infiniband/rxe0/ports/1/{name}");
        let (code, words) = self.peer.command(&format!("cat {path}"))?;
        ensure!(code == 0, "the peer has no {path}");
        words
            .join("")
            .trim()
            .parse()
            .with_context(|| format!("{path} holds no number"))
    }

    /// The peer kernel's version.
    pub fn kernel(&mut self) -> Result<String> {
        Ok(self.peer("uname -r")?.join(" "))
    }

    /// Makes the peer's network bad.
    pub fn weather(&mut self, weather: Weather) -> Result<()> {
        self.lossy = weather.is_lossy();
        self.peer(&format!("weather {}", weather.netem)).map(drop)
    }

    /// Runs a command in the peer; an error unless it succeeds.
    pub fn peer(&mut self, command: &str) -> Result<Vec<String>> {
        self.commands.push(format!("Linux: `{command}`"));
        let (code, words) = self.peer.command(command)?;
        ensure!(
            code == 0,
            "the peer's `{command}` ended with {code}:\n{}",
            words.join("\n")
        );
        Ok(words)
    }

    /// Runs a command in the peer that may fail; what it printed.
    pub fn peer_tries(&mut self, command: &str) -> Result<Vec<String>> {
        self.commands.push(format!("Linux: `{command}`"));
        Ok(self.peer.command(command)?.1)
    }

    /// Ends what a row that failed may have left in the peer.
    pub fn settle(&mut self) -> Result<()> {
        let command = "killall -9 rping ucmatose rdma_client rdma_server python3.13; wait";
        self.peer.command(command).map(drop)
    }

    /// What `rnic peer` says when the peer has gone: it may not have heard the goodbye on a network that loses frames.
    pub fn gone(&self) -> &'static str {
        if self.lossy {
            "peer gone: "
        } else {
            "peer gone: OK"
        }
    }

    /// Starts `rnic peer` at the case's address.
    pub fn rnic(&mut self, case: Case, arguments: &[&str]) -> Result<Ours> {
        self.rnic_at(case.ours_with_prefix(), arguments)
    }

    /// Starts `rnic peer` at an address with its prefix.
    pub fn rnic_at(&mut self, address: &str, arguments: &[&str]) -> Result<Ours> {
        let device = format!("socket={}", self.device()?.display());
        let mut command = Command::new(&self.rnic);
        command
            .args(["peer", "--device", &device, "--address", address])
            .args(["--patience", "120"])
            .args(arguments);
        let quoted = arguments.iter().map(|word| {
            if word.contains(' ') {
                format!("'{word}'")
            } else {
                (*word).to_owned()
            }
        });
        self.commands.push(format!(
            "`rnic peer --device socket=A --address {address} {}`",
            quoted.collect::<Vec<_>>().join(" ")
        ));
        if self.lossy && !arguments.contains(&"--to") {
            // A program of Linux that ends sends one DREQ, and its kernel none after it. Writes to a target are silent.
            let silent = silence(arguments.contains(&"target"));
            command.args(["--silence-ends", silent]);
        }
        Ours::start("rnic peer", command)
    }

    /// Ends both and looks at every frame of theirs.
    pub fn finish(self) -> Result<()> {
        drop(self.peer);
        // Everything is in the file when the daemon has ended.
        if let Some(daemon) = self.daemon {
            daemon.stop()?;
        }
        output(
            Command::new(&self.rnic)
                .args(["decode", "--check"])
                .arg(&self.capture),
        )?;
        let Some(tshark) = &self.tshark else {
            return Ok(());
        };
        let malformed = output(
            Command::new(tshark)
                .arg("-r")
                .arg(&self.capture)
                .args(["-Y", "_ws.malformed"]),
        )?;
        ensure!(
            malformed.trim().is_empty(),
            "tshark calls frames malformed:\n{malformed}"
        );
        Ok(())
    }
}

/// After how many seconds of silence a peer counts as gone that may have said goodbye unheard; of one that only writes to a
/// target nothing is heard for longer.
pub fn silence(target: bool) -> &'static str {
    if target { "100" } else { "10" }
}

/// Starts a daemon with one device and a capture, which is replaced.
fn serve(rnic: &Path, port: &str) -> Result<(Daemon, PathBuf)> {
    let place = workspace::target().join("interop");
    std::fs::create_dir_all(&place)?;
    let capture = place.join("frames.pcapng");
    let daemon = Daemon::start(
        rnic,
        &Options {
            name: "interop",
            devices: 1,
            each: "",
            arguments: &["--port", port, "--capture", &capture.display().to_string()],
        },
    )?;
    Ok((daemon, capture))
}
