//! A small Linux under QEMU: one kernel, one initramfs, one script, one exit code.
//!
//! The guest runs under TCG unless the processor has real virtualisation: a /dev/kvm without it
//! (nested or software-emulated) cannot boot a stock kernel. What runs inside is in ci/guests.

pub mod cli;
mod console;
mod cpio;
pub mod program;

use std::fs::{self, File};
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::setup::guest_files::{self, GuestFiles};
use crate::setup::qemu::{self, Qemu};
use crate::{exec, workspace};
use console::Event;
use cpio::Cpio;

const INIT: &str = include_str!("../../../guests/init.sh");
const LIB: &str = include_str!("../../../guests/lib.sh");

/// Boot parameters that only save time: emulated clocks need no calibration and the guest needs no protection.
const FAST_BOOT: &str =
    "nokaslr mitigations=off tsc=reliable no_timer_check lpj=5000000 random.trust_cpu=on audit=0";

/// A guest to boot.
pub struct Guest {
    name: String,
    memory_mib: u32,
    cpus: u32,
    hugepages: u32,
    devices: Vec<PathBuf>,
    files: Vec<(PathBuf, String)>,
    script: String,
    timeout: Duration,
    echo: bool,
}

/// How a guest's life went.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code of the script.
    pub exit: i32,
    /// What the script printed.
    pub lines: Vec<String>,
    /// The guest kernel's version.
    pub kernel: String,
    /// Guest seconds until init.
    pub uptime_at_init: f64,
    /// Wall time from start to power off.
    pub took: Duration,
    /// The whole console.
    pub log: PathBuf,
}

impl Guest {
    /// A guest with 512 MiB and one CPU that runs `script` (for busybox sh) and powers off.
    /// `name` names its folder below target/guests, where the console log stays.
    pub fn new(name: &str, script: &str) -> Self {
        Self {
            name: name.to_owned(),
            memory_mib: 512,
            cpus: 1,
            hugepages: 0,
            devices: Vec::new(),
            files: Vec::new(),
            script: script.to_owned(),
            timeout: Duration::from_secs(120),
            echo: false,
        }
    }

    /// Memory in MiB.
    pub fn memory_mib(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// Virtual CPUs.
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.cpus = cpus;
        self
    }

    /// Huge pages of 2 MiB to set aside. Memory for DMA belongs there: behind a virtual IOMMU every
    /// page is a message to the device, 200 us each, so 16 MiB take 0.8 s in small pages.
    pub fn hugepages(mut self, pages: u32) -> Self {
        self.hugepages = pages;
        self
    }

    /// Plugs in the device that listens on this vfio-user socket.
    pub fn device(mut self, socket: impl Into<PathBuf>) -> Self {
        self.devices.push(socket.into());
        self
    }

    /// Puts a file of the host at an absolute path of the guest. Programs go to /rnic/bin.
    pub fn file(mut self, host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        self.files.push((host.into(), guest.into()));
        self
    }

    /// How long it may live, boot included.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Prints the script's lines as they come.
    pub fn echo(mut self, echo: bool) -> Self {
        self.echo = echo;
        self
    }

    /// Boots, runs the script, waits for power off.
    pub fn run(&self) -> Result<Outcome> {
        let (mut command, dir) = self.prepare(false)?;
        let log = dir.join("console.log");
        let start = Instant::now();
        let child = command
            .args(["-serial", "stdio"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "could not start {}",
                    command.get_program().to_string_lossy()
                )
            })?;
        let mut child = KillOnDrop(child);
        let console = child.0.stdout.take().context("no pipe")?;
        let mut errors = child.0.stderr.take().context("no pipe")?;
        let (to, from) = channel();
        let log_file = log.clone();
        let follower = std::thread::spawn(move || console::follow(console, &log_file, &to));
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).ok();
            text
        });

        let mut up = None;
        let mut exit = None;
        let mut lines = Vec::new();
        let mut trouble = None;
        loop {
            let left = self.timeout.saturating_sub(start.elapsed());
            match from.recv_timeout(left) {
                Ok(Event::Up(uptime, kernel)) => up = Some((uptime, kernel)),
                Ok(Event::Exit(code)) => exit = Some(code),
                Ok(Event::Fail(why) | Event::Panic(why)) => trouble = Some(why),
                Ok(Event::Line(line)) => {
                    // Before init runs the lines are the kernel's; they are in the log.
                    if up.is_some() {
                        if self.echo {
                            println!("  {}| {line}", self.name);
                        }
                        lines.push(line);
                    }
                }
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    trouble = Some(format!("not finished after {} s", self.timeout.as_secs()));
                    break;
                }
            }
        }
        if trouble.is_some() {
            child.0.kill().ok();
        }
        child.0.wait().context("waiting for QEMU")?;
        let errors = errors.join().unwrap_or_default();
        follower
            .join()
            .map_err(|_| anyhow::anyhow!("the console reader panicked"))??;
        let told = || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            format!(
                "\nQEMU: {}last lines of {}:\n{}",
                errors,
                workspace::shown(&log),
                exec::tail(&text, 25)
            )
        };
        match (trouble, up, exit) {
            (None, Some((uptime_at_init, kernel)), Some(exit)) => Ok(Outcome {
                exit,
                lines,
                kernel,
                uptime_at_init,
                took: start.elapsed(),
                log,
            }),
            (Some(why), ..) => bail!("guest `{}`: {why}{}", self.name, told()),
            (None, None, _) => bail!("guest `{}` ended before its init ran{}", self.name, told()),
            (None, ..) => bail!("guest `{}` ended without an exit code{}", self.name, told()),
        }
    }

    /// Boots to a shell on this terminal.
    pub fn shell(&self) -> Result<()> {
        let (mut command, _) = self.prepare(true)?;
        println!("Ctrl-A x leaves QEMU at once");
        exec::run(command.args(["-serial", "mon:stdio"]))
    }

    /// Everything but the console: the initramfs is written, the command line is whole.
    fn prepare(&self, shell: bool) -> Result<(Command, PathBuf)> {
        let qemu = qemu::ensure()?;
        let files = guest_files::ensure()?;
        let dir = workspace::target().join("guests").join(&self.name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let initrd = dir.join("initramfs.cpio");
        self.write_initramfs(&files, &initrd, shell)
            .context("could not write the guest's initramfs")?;
        Ok((self.command(&qemu, &files, &initrd, shell), dir))
    }

    fn write_initramfs(&self, files: &GuestFiles, to: &Path, shell: bool) -> Result<()> {
        let mut cpio = Cpio::new(BufWriter::new(File::create(to)?));
        cpio.device("/dev/console", 5, 1)?;
        cpio.file("/init", 0o755, INIT.as_bytes())?;
        cpio.file("/bin/busybox", 0o755, &fs::read(files.busybox())?)?;
        cpio.symlink("/bin/sh", "busybox")?;
        cpio.file("/rnic/lib.sh", 0o644, LIB.as_bytes())?;
        cpio.file("/rnic/run", 0o755, self.script.as_bytes())?;
        if shell {
            cpio.file("/rnic/shell", 0o644, b"")?;
        }
        let modules = files.modules();
        let order = fs::read_to_string(modules.join("order"))?;
        cpio.file("/rnic/modules/order", 0o644, order.as_bytes())?;
        for module in order.lines() {
            cpio.file(
                &format!("/rnic/modules/{module}"),
                0o644,
                &fs::read(modules.join(module))?,
            )?;
        }
        for (host, guest) in &self.files {
            let data = fs::read(host).with_context(|| format!("cannot read {}", host.display()))?;
            cpio.file(guest, 0o755, &data)?;
        }
        cpio.finish()?;
        Ok(())
    }

    fn command(&self, qemu: &Qemu, files: &GuestFiles, initrd: &Path, shell: bool) -> Command {
        let accel = if has_kvm() { "kvm" } else { "tcg" };
        let cpu = if has_kvm() { "host" } else { "max" };
        let quiet = if shell { "quiet" } else { "loglevel=4" };
        let mut command = Command::new(&qemu.program);
        command
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            // Remapped interrupts need the interrupt controller split off under KVM.
            .args(["-machine", &format!("q35,accel={accel},kernel-irqchip=split,memory-backend=m0")])
            .args(["-cpu", cpu, "-smp", &self.cpus.to_string(), "-m", &format!("{}M", self.memory_mib)])
            // Shared and backed by a file descriptor: what the device maps is the guest's memory itself.
            .args(["-object", &format!("memory-backend-memfd,id=m0,size={}M,share=on", self.memory_mib)])
            .args(["-device", "intel-iommu,intremap=on,caching-mode=on"])
            .arg("-kernel")
            .arg(files.vmlinux())
            .arg("-initrd")
            .arg(initrd)
            .arg("-append")
            .arg(format!(
                "console=ttyS0 rdinit=/init panic=-1 intel_iommu=on hugepages={} {quiet} {FAST_BOOT}",
                self.hugepages
            ));
        for (index, socket) in self.devices.iter().enumerate() {
            // The socket can only be given as JSON. A late answer makes QEMU give the device up for
            // good, and a loaded machine is late at times: 60 s instead of 5 s.
            let device = serde_json::json!({
                "driver": "vfio-user-pci",
                "id": format!("rnic{index}"),
                "socket": { "type": "unix", "path": socket },
                "x-msg-timeout": 60_000,
            });
            command.arg("-device").arg(device.to_string());
        }
        command
    }
}

/// Whether guests can use KVM: the processor's own extension and permission to use it.
fn has_kvm() -> bool {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let extension = cpu
        .lines()
        .find(|line| line.starts_with("flags"))
        .is_some_and(|line| {
            line.split_whitespace()
                .any(|flag| flag == "vmx" || flag == "svm")
        });
    extension
        && File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok()
}

/// A child that does not outlive an error.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().ok();
            self.0.wait().ok();
        }
    }
}

/// The smallest guest test: it boots, sees its PCI bus behind an IOMMU, and VFIO is ready. One item a fact.
pub fn smoke() -> Result<Vec<(&'static str, bool)>> {
    let script = "
        . /rnic/lib.sh
        pci_list
        [ -c /dev/vfio/vfio ] && echo fact vfio
        [ -d /sys/bus/pci/drivers/vfio-pci ] && echo fact vfio-pci
        [ -n \"$(ls /sys/kernel/iommu_groups)\" ] && echo fact iommu
        grep -q '^HugePages_Free: *16$' /proc/meminfo && echo fact hugepages
        exit 42";
    let outcome = Guest::new("smoke", script).hugepages(16).echo(true).run()?;
    ensure!(
        !outcome.lines.is_empty(),
        "the guest printed nothing; see {}",
        workspace::shown(&outcome.log)
    );
    println!(
        "  Linux {} up after {:.1} s, {:.1} s in all",
        outcome.kernel,
        outcome.uptime_at_init,
        outcome.took.as_secs_f64()
    );
    let fact = |name: &str| {
        outcome
            .lines
            .iter()
            .any(|line| line.trim() == format!("fact {name}"))
    };
    let host_bridge = outcome
        .lines
        .iter()
        .any(|line| line.starts_with("0000:00:00.0 8086:29c0 class 060000"));
    Ok(vec![
        ("guest boots and gives its exit code", outcome.exit == 42),
        ("q35's host bridge is listed", host_bridge),
        ("PCI functions are in IOMMU groups", fact("iommu")),
        ("VFIO is ready", fact("vfio") && fact("vfio-pci")),
        ("huge pages are set aside", fact("hugepages")),
    ])
}
