//! Debian packages without touching the machine's own: apt-get as a client, over folders of ours.
//!
//! Nothing here needs root, and nothing changes the system's apt lists, dpkg state or libraries.
//! Lists and packages are verified by apt against Debian's archive key.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::sources;
use crate::exec;
use crate::ui::Progress;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The release that the packages are taken from, and the suite of newer packages for it.
pub const RELEASE: &str = "trixie";
/// Takes QEMU and the kernel.
pub const BACKPORTS: &str = "trixie-backports";

/// A private apt: its own sources, lists, status and cache.
pub struct Apt {
    dir: PathBuf,
}

impl Apt {
    /// Prepares the folders and fetches the package lists.
    pub fn new(dir: &Path) -> Result<Self> {
        const ADVICE: &str = "The private copy is unpacked from Debian packages and needs a Debian-based \
            system. Elsewhere install QEMU 10.1 or newer with its vfio-user-pci device (it is then taken from PATH), \
            and set RNIC_GUEST to a folder with `vmlinux`, `busybox` (static) and `modules/*.ko`";
        for program in ["apt-get", "apt-cache", "dpkg-deb", "tar"] {
            exec::require(program, ADVICE)?;
        }
        anyhow::ensure!(
            Path::new(KEYRING).exists(),
            "{KEYRING} is missing, so Debian's packages cannot be verified. Install debian-archive-keyring"
        );
        let mirror = sources::mirror()?;
        for sub in [
            "sources.d",
            "preferences.d",
            "state/lists/partial",
            "cache/archives/partial",
        ] {
            fs::create_dir_all(dir.join(sub))?;
        }
        fs::write(dir.join("status"), "")?;
        let line = |suite| format!("deb [signed-by={KEYRING} arch=amd64] {mirror} {suite} main\n");
        fs::write(dir.join("sources.list"), line(RELEASE) + &line(BACKPORTS))?;
        fs::write(
            dir.join("preferences"),
            format!(
                "Package: qemu* seabios ipxe-qemu linux-*\nPin: release n={BACKPORTS}\nPin-Priority: 900\n"
            ),
        )?;
        let apt = Self {
            dir: dir.to_path_buf(),
        };
        let progress = Progress::start("fetching package lists");
        exec::output(apt.command("apt-get").args(["-qq", "-o", "APT::Update::Error-Mode=any", "update"])).context(
            "could not fetch Debian's package lists. Check the network and proxy settings that apt-get uses here",
        )?;
        progress.finish("done");
        Ok(apt)
    }

    /// A command of the apt family, pointed at our folders.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        let dir = |sub: &str| self.dir.join(sub).display().to_string();
        // Dir::Etc itself stays: the machine's proxy and login settings still apply.
        for (key, value) in [
            ("Dir::Etc::sourcelist", dir("sources.list")),
            ("Dir::Etc::sourceparts", dir("sources.d")),
            ("Dir::Etc::preferences", dir("preferences")),
            ("Dir::Etc::preferencesparts", dir("preferences.d")),
            ("Dir::State", dir("state")),
            // Also what a machine's settings may have placed elsewhere by an absolute path.
            ("Dir::State::lists", dir("state/lists")),
            ("Dir::State::status", dir("status")),
            ("Dir::Cache", dir("cache")),
            ("Dir::Cache::archives", dir("cache/archives")),
            ("Dir::Log", dir("state")),
            ("APT::Architecture", "amd64".into()),
            ("APT::Architectures", "amd64".into()),
            ("APT::Install-Recommends", "false".into()),
            ("APT::Install-Suggests", "false".into()),
            ("Acquire::Languages", "none".into()),
            ("Acquire::Retries", "3".into()),
            // Our folders belong to whoever runs this; apt's own user could not write there.
            ("APT::Sandbox::User", "root".into()),
        ] {
            command.arg("-o").arg(format!("{key}={value}"));
        }
        command
    }

    /// Downloads packages and all that they depend on.
    pub fn with_dependencies(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let mut command = self.command("apt-get");
        command
            .args(["-q", "-y", "--download-only", "install"])
            .args(packages);
        self.download(command, &packages.join(", "))
    }

    /// Downloads exactly these packages.
    pub fn only(&self, packages: &[String]) -> Result<Vec<PathBuf>> {
        let mut command = self.command("apt-get");
        command
            .args(["-q", "download"])
            .args(packages)
            .current_dir(self.dir.join("cache/archives"));
        self.download(command, packages.first().map_or("", String::as_str))
    }

    /// The packages that `package` leads to whose names begin with `prefix`, itself included.
    pub fn family(&self, package: &str, prefix: &str) -> Result<Vec<String>> {
        let text = exec::output(self.command("apt-cache").args([
            "depends",
            "--recurse",
            "--no-recommends",
            "--no-suggests",
            "--no-conflicts",
            "--no-breaks",
            "--no-replaces",
            "--no-enhances",
            package,
        ]))?;
        let mut family: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with(prefix) && !line.contains(':'))
            .map(str::to_owned)
            .collect();
        family.sort();
        family.dedup();
        anyhow::ensure!(
            !family.is_empty(),
            "Debian {RELEASE} has no package {package}"
        );
        Ok(family)
    }

    /// Versions of a package that the lists hold, newest first.
    pub fn versions(&self, package: &str) -> Result<Vec<String>> {
        let text = exec::output(self.command("apt-cache").args(["madison", package]))?;
        Ok(text
            .lines()
            .filter_map(|line| line.split('|').nth(1))
            .map(|version| version.trim().to_owned())
            .collect())
    }

    fn download(&self, mut command: Command, what: &str) -> Result<Vec<PathBuf>> {
        let progress = Progress::start(format!("downloading {what}"));
        let mut child = command
            .args(["-o", "APT::Status-Fd=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start apt-get")?;
        let mut log = String::new();
        for line in BufReader::new(child.stdout.take().context("no pipe")?).lines() {
            let line = line.context("reading from apt-get")?;
            match status_percent(&line) {
                Some(percent) => progress.percent(percent),
                None => log = log + &line + "\n",
            }
        }
        let mut errors = String::new();
        child
            .stderr
            .take()
            .context("no pipe")?
            .read_to_string(&mut errors)
            .ok();
        if !child.wait()?.success() {
            bail!(
                "apt-get could not download {what}:\n{}{}",
                exec::tail(&log, 10),
                exec::tail(&errors, 20)
            );
        }
        let mut packages = Vec::new();
        let mut bytes = 0;
        for entry in fs::read_dir(self.dir.join("cache/archives"))? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|e| e == "deb") {
                bytes += entry.metadata()?.len();
                packages.push(entry.path());
            }
        }
        packages.sort();
        progress.finish(format!(
            "{} packages, {}",
            packages.len(),
            crate::ui::megabytes(bytes)
        ));
        Ok(packages)
    }
}

/// The overall progress in a line of apt's status protocol, `dlstatus:ITEM:PERCENT:TEXT`.
fn status_percent(line: &str) -> Option<f64> {
    let mut fields = line.strip_prefix("dlstatus:")?.split(':');
    fields.nth(1)?.parse().ok()
}

/// Unpacks packages over each other into `root`, which gets the merged-/usr links first.
pub fn unpack(packages: &[PathBuf], root: &Path) -> Result<()> {
    for name in ["bin", "sbin", "lib", "lib64"] {
        fs::create_dir_all(root.join("usr").join(name))?;
        let link = root.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(Path::new("usr").join(name), link)?;
        }
    }
    let progress = Progress::start(format!("unpacking {} packages", packages.len()));
    for (done, package) in packages.iter().enumerate() {
        progress.percent(done as f64 * 100.0 / packages.len() as f64);
        let mut reader = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(package)
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start dpkg-deb")?;
        let pipe = reader.stdout.take().context("no pipe")?;
        let unpacked = Command::new("tar")
            .arg("-C")
            .arg(root)
            .args([
                "-x",
                "--keep-directory-symlink",
                "--no-same-owner",
                "--no-same-permissions",
            ])
            .args([
                "--exclude=./usr/share/man",
                "--exclude=./usr/share/locale",
                "--exclude=./usr/share/info",
            ])
            .stdin(pipe)
            .status()
            .context("could not start tar")?;
        if !reader.wait()?.success() || !unpacked.success() {
            bail!("could not unpack {}; is the disk full?", package.display());
        }
    }
    progress.finish("done");
    Ok(())
}

/// Writes the names (with versions) of the packages a bundle was made from.
pub fn write_manifest(packages: &[PathBuf], file: &Path) -> Result<()> {
    let mut text = String::new();
    for package in packages {
        text += &package
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .replace("%3a", ":");
        text.push('\n');
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_give_percent() {
        assert_eq!(
            status_percent("dlstatus:7:41.5:Retrieving file 7 of 90"),
            Some(41.5)
        );
        assert_eq!(status_percent("Get:1 somewhere trixie/main"), None);
        assert_eq!(status_percent("dlstatus:x"), None);
    }
}
