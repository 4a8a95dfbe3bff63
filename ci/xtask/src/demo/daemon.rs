//! One `rnic` process with two devices.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::workspace;

/// A running daemon. Dropped, it is ended.
pub struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
    log: PathBuf,
}

/// Builds `rnic` and returns its path.
pub fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(workspace::root())
        .args(["build", "--quiet", "--release", "--package", "rnic"])
        .status()
        .context("could not start cargo")?;
    ensure!(status.success(), "could not build the daemon");
    Ok(workspace::target().join("release/rnic"))
}

impl Daemon {
    /// Starts it and waits until its sockets are there. Their names are `a` and `b`.
    pub fn start(rnic: &Path, doorbell: &str) -> Result<Self> {
        // A socket's path has room for 107 characters only, so not below the checkout.
        let folder = tempfile::tempdir().context("cannot make a folder for sockets")?;
        let log = workspace::target().join("demo/rnic.log");
        if let Some(parent) = log.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = std::fs::File::create(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let device = |name: &str, last: u8| {
            format!(
                "socket={},mac=02:00:00:00:00:{last:02x},doorbell={doorbell}",
                folder.path().join(name).display()
            )
        };
        let child = Command::new(rnic)
            .arg("serve")
            .args(["--device", &device("a", 1), "--device", &device("b", 2)])
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(file))
            .spawn()
            .with_context(|| format!("could not start {}", rnic.display()))?;
        let mut daemon = Self { child, folder, log };
        let start = Instant::now();
        while !(daemon.socket("a").exists() && daemon.socket("b").exists()) {
            if let Some(status) = daemon.child.try_wait()? {
                bail!("rnic ended at once ({status}): {}", daemon.words());
            }
            ensure!(
                start.elapsed() < Duration::from_secs(20),
                "rnic made no sockets within 20 s: {}",
                daemon.words()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    /// Path of a socket.
    pub fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        crate::exec::tail(&text, 5)
    }

    /// Ends it; an error when it had ended by itself.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "rnic ended before the guests did ({status}): {}",
                self.words()
            );
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
