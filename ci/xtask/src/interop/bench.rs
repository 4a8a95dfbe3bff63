//! The two ends.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::daemon::{Daemon, Options};
use crate::exec::{output, tied_to_us};
use crate::guest::{Guest, Running};
use crate::peer;
use crate::setup::guest_files::{PEER, VERBS_PEER};
use crate::setup::{tshark, uml};
use crate::workspace;

/// Longest life of a peer.
const LIFE: Duration = Duration::from_secs(1800);
const VERBS: &str = include_str!("../../../guests/verbs.py");

/// What the network does to the peer's frames.
#[derive(Clone, Copy)]
pub struct Weather {
    pub name: &'static str,
    /// Arguments of netem.
    pub netem: &'static str,
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

    fn ours_with_prefix(self) -> &'static str {
        if self.v6 { "fd07::1/64" } else { "10.7.0.1/24" }
    }
}

/// A daemon with a device, and a peer.
pub struct Bench {
    rnic: PathBuf,
    daemon: Daemon,
    peer: Running,
    capture: PathBuf,
    /// The second judge of the capture.
    tshark: Option<PathBuf>,
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
        let place = workspace::target().join("interop");
        std::fs::create_dir_all(&place)?;
        let capture = place.join(format!("mtu{path_mtu}.pcapng"));
        let port = format!(
            "dgram,local={},remote={},mtu={mtu}",
            ours.display(),
            theirs.display()
        );
        let daemon = Daemon::start(
            rnic,
            &Options {
                name: "interop",
                devices: 1,
                each: "",
                arguments: &["--port", &port, "--capture", &capture.display().to_string()],
            },
        )?;
        let flavour = if full.is_some() { VERBS_PEER } else { PEER };
        let kernel = full.map(Path::to_owned).or_else(uml::given);
        // The short part fetches nothing for a second opinion of its frames.
        let tshark = if full.is_some() {
            Some(tshark::ensure()?)
        } else {
            tshark::present()
        };
        let script = folder.path().join("verbs.py");
        std::fs::write(&script, VERBS)?;
        let mut peer =
            Guest::commanded_peer("interop", flavour, kernel.as_deref(), (&theirs, &ours))?
                .file(script, "/rnic/verbs.py")
                .mtu(mtu)
                .timeout(LIFE)
                .start()?;
        peer.ready()?;
        let mut bench = Self {
            rnic: rnic.to_owned(),
            daemon,
            peer,
            capture,
            tshark,
            lossy: false,
            _folder: folder,
        };
        bench.peer(&peer::up(mtu))?;
        Ok(bench)
    }

    /// The peer kernel's version.
    pub fn kernel(&mut self) -> Result<String> {
        Ok(self.peer("uname -r")?.join(" "))
    }

    /// Makes the peer's network bad.
    pub fn weather(&mut self, weather: Weather) -> Result<()> {
        self.lossy = !weather.netem.is_empty();
        self.peer(&format!("weather {}", weather.netem)).map(drop)
    }

    /// Runs a command in the peer; an error unless it succeeds.
    pub fn peer(&mut self, command: &str) -> Result<Vec<String>> {
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
        Ok(self.peer.command(command)?.1)
    }

    /// Ends what a row that failed may have left in the peer.
    pub fn settle(&mut self) -> Result<()> {
        self.peer_tries("killall -9 rping ucmatose rdma_client rdma_server python3.13; wait")
            .map(drop)
    }

    /// What `rnic peer` says when the peer has gone: it may not have heard the goodbye on a network that loses frames.
    pub fn gone(&self) -> &'static str {
        if self.lossy {
            "peer gone: "
        } else {
            "peer gone: OK"
        }
    }

    /// Starts `rnic peer`.
    pub fn rnic(&self, case: Case, arguments: &[&str]) -> Result<Ours> {
        let device = format!("socket={}", self.daemon.socket("a").display());
        let mut command = Command::new(&self.rnic);
        command
            .args(["peer", "--device", &device, "--address"])
            .arg(case.ours_with_prefix())
            .args(["--patience", "120"])
            .args(arguments);
        if self.lossy && !arguments.contains(&"--to") {
            // A program of Linux that ends sends one DREQ, and its kernel none after it. Writes to a target are silent.
            let silence = if arguments.contains(&"target") {
                "100"
            } else {
                "10"
            };
            command.args(["--silence-ends", silence]);
        }
        Ours::start(command)
    }

    /// Ends both and looks at every frame of theirs.
    pub fn finish(self) -> Result<()> {
        drop(self.peer);
        // Everything is in the file when the daemon has ended.
        self.daemon.stop()?;
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

/// A running `rnic peer`. Dropped, it is killed.
pub struct Ours {
    child: Child,
    words: BufReader<Box<dyn Read>>,
    said: String,
}

impl Ours {
    fn start(command: Command) -> Result<Self> {
        let mut child = tied_to_us(command)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start rnic peer")?;
        let words: Box<dyn Read> = Box::new(child.stdout.take().context("no pipe")?);
        Ok(Self {
            child,
            words: BufReader::new(words),
            said: String::new(),
        })
    }

    /// Waits until it says this.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        loop {
            let mut line = String::new();
            if self.words.read_line(&mut line)? == 0 {
                let (_, words) = self.end()?;
                bail!("rnic peer ended without saying `{text}`:\n{words}");
            }
            self.said += &line;
            if line.contains(text) {
                return Ok(());
            }
        }
    }

    /// Waits for the end: whether it ended well, and what it said.
    fn end(&mut self) -> Result<(bool, String)> {
        self.words.read_to_string(&mut self.said)?;
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors)?;
        }
        let status = self.child.wait()?;
        Ok((status.success(), format!("{}{errors}", self.said)))
    }

    /// Waits for a good end, at which it has said this.
    pub fn ends_well(mut self, text: &str) -> Result<()> {
        let (well, words) = self.end()?;
        ensure!(
            well && words.contains(text),
            "rnic peer did not end well saying `{text}`:\n{words}"
        );
        Ok(())
    }

    /// Waits for the end, good or bad, at which it has said this.
    pub fn ends(mut self, text: &str) -> Result<()> {
        let (_, words) = self.end()?;
        ensure!(
            words.contains(text),
            "rnic peer did not say `{text}`:\n{words}"
        );
        Ok(())
    }

    /// Kills it as kill -9 does.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
