//! An `rnic` process of our own: started with devices that nobody uses yet, ended when dropped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::exec::{self, tied_to_us};
use crate::workspace;

/// A running daemon. Dropped, it is ended.
pub struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
    log: PathBuf,
    devices: u8,
}

/// How to start one.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Names its log, below the build output.
    pub name: &'a str,
    /// Devices; the sockets are named `a`, `b`, ...
    pub devices: u8,
    /// Options of every device besides its socket, as `doorbell=trap`; may be empty. Addresses count from 1 unless they name
    /// one, as where the devices of two daemons are on one wire.
    pub each: &'a str,
    /// More of the command line.
    pub arguments: &'a [&'a str],
}

/// Builds `rnic`, optimised, and returns its path.
pub fn build() -> Result<PathBuf> {
    exec::build_here("rnic", "rnic", true)
}

/// Builds `rnic` as the tests do, for runs that measure nothing, and returns its path.
pub fn build_for_tests() -> Result<PathBuf> {
    exec::build_here("rnic", "rnic", false)
}

impl Daemon {
    /// Starts it and waits until its sockets are there.
    pub fn start(rnic: &Path, options: &Options<'_>) -> Result<Self> {
        Self::start_on(None, rnic, options)
    }

    /// The same, on a processor of its own.
    pub fn start_on(processor: Option<usize>, rnic: &Path, options: &Options<'_>) -> Result<Self> {
        // A socket's path has room for 107 characters only, so not below the checkout.
        let folder = tempfile::tempdir().context("cannot make a folder for sockets")?;
        let log = workspace::target().join(format!("{}/rnic.log", options.name));
        if let Some(parent) = log.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = std::fs::File::create(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = on_processor(rnic, processor.map(|n| n.to_string()));
        command.arg("serve").args(options.arguments);
        for number in 1..=options.devices {
            let socket = folder.path().join(socket_name(number));
            let mut device = format!("socket={}", socket.display());
            if !options.each.contains("mac=") {
                device += &format!(",mac=02:00:00:00:00:{number:02x}");
            }
            if !options.each.is_empty() {
                device += &format!(",{}", options.each);
            }
            command.arg("--device").arg(device);
        }
        let child = tied_to_us(command)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(file))
            .spawn()
            .with_context(|| format!("could not start {}", rnic.display()))?;
        let mut daemon = Self {
            child,
            folder,
            log,
            devices: options.devices,
        };
        let start = Instant::now();
        while !(1..=options.devices).all(|n| daemon.socket(&socket_name(n)).exists()) {
            daemon.alive()?;
            ensure!(
                start.elapsed() < Duration::from_secs(60),
                "rnic made no sockets within 60 s: {}",
                daemon.words()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    /// Bytes of memory, by a line of proc_pid_status(5): `VmRSS` is all that it occupies, `RssAnon`
    /// its own, without the guests' memory that it has touched.
    pub fn memory(&self, line: &str) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = text
            .lines()
            .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(1024 * kib.with_context(|| format!("no {line} of the daemon"))?)
    }

    /// Processor time that it has used.
    pub fn processor_time(&self) -> Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Fields 14 and 15 of proc_pid_stat(5); the second, a name in parentheses, may hold spaces.
        let (_, rest) = text.rsplit_once(')').context("no stat of the daemon")?;
        let fields = rest.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.filter_map(|f| f.parse::<u64>().ok()).sum();
        // USER_HZ, which Linux fixes at 100 on every architecture that rnic runs on.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The devices' sockets, in order.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let names = (1..=self.devices).map(socket_name);
        names.map(|name| self.socket(&name)).collect()
    }

    /// The sockets as `rnic-conform` takes them.
    pub fn places(&self) -> String {
        let sockets = self.sockets();
        let shown: Vec<_> = sockets.iter().map(|s| s.display().to_string()).collect();
        shown.join(",")
    }

    /// Path of a socket.
    pub fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        exec::tail(&text, 5)
    }

    /// An error with its last words if it has ended by itself.
    pub fn alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "rnic ended by itself ({status}); end of {}:\n{}",
                workspace::shown(&self.log),
                self.words()
            );
        }
        Ok(())
    }

    /// Ends it; an error when it had ended by itself.
    pub fn stop(mut self) -> Result<()> {
        self.alive()
    }

    /// Kills it as nothing else does.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().context("rnic could not be killed")?;
        self.child.wait()?;
        Ok(())
    }
}

/// A program that runs on these processors alone, as `taskset --cpu-list` writes them (util-linux);
/// where that is missing it runs anywhere.
pub fn on_processor(program: &Path, processors: Option<String>) -> Command {
    match processors.zip(crate::exec::find("taskset")) {
        Some((processors, taskset)) => {
            let mut command = Command::new(taskset);
            command.args(["--cpu-list", &processors]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// `a` for the first device.
fn socket_name(number: u8) -> String {
    char::from(b'a' + number.saturating_sub(1)).to_string()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
