//! A small Linux: one kernel, one initramfs, one script, one exit code.
//!
//! The guest runs in QEMU, under TCG unless the processor has real virtualisation: a /dev/kvm
//! without it (nested or software-emulated) cannot boot a stock kernel. A peer may also run as a
//! User Mode Linux process. What runs inside is in ci/guests.

pub mod cli;
mod console;
mod cpio;
mod machine;
pub mod program;
mod relay;
mod running;
pub mod smoke;

use std::fs::{self, File};
use std::io::BufWriter;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::setup::guest_files::{Flavour, GuestFiles, PEER, VFIO};
use crate::setup::{qemu, uml};
use crate::workspace;
use cpio::Cpio;
use machine::Shape;
use running::Console;
pub use running::{Outcome, Running};

const INIT: &str = include_str!("../../../guests/init.sh");
const LIB: &str = include_str!("../../../guests/lib.sh");
const SHELL: &str = include_str!("../../../guests/shell.sh");

/// A guest to boot.
pub struct Guest {
    name: String,
    flavour: Flavour,
    shape: Shape,
    net: Option<UnixDatagram>,
    takes_commands: bool,
    uml: Option<PathBuf>,
    files: Vec<(PathBuf, String)>,
    script: String,
    timeout: Duration,
    echo: bool,
}

impl Guest {
    /// A guest with 512 MiB and one CPU that runs `script` (for busybox sh) and powers off.
    /// `name` names its folder below target/guests, where the console log stays.
    pub fn new(name: &str, script: &str) -> Self {
        Self {
            name: name.to_owned(),
            flavour: VFIO,
            shape: Shape {
                memory_mib: 512,
                cpus: 1,
                hugepages: 0,
                devices: Vec::new(),
                net: machine::Net::None,
                mtu: machine::MTU,
                commands: false,
                quiet: false,
            },
            net: None,
            takes_commands: false,
            uml: None,
            files: Vec::new(),
            script: script.to_owned(),
            timeout: Duration::from_secs(180),
            echo: false,
        }
    }

    /// A guest that takes commands.
    pub fn commanded(name: &str) -> Self {
        let mut guest = Self::new(name, SHELL);
        guest.shape.commands = true;
        guest.takes_commands = true;
        guest
    }

    /// A Linux RDMA peer with Soft-RoCE, on a network card that is this socket: one Ethernet frame
    /// a datagram, as QEMU's `-netdev dgram`. Runs as User Mode Linux where `$RNIC_PEER_KERNEL`
    /// names such a kernel, else in QEMU.
    pub fn peer(name: &str, script: &str, net: UnixDatagram) -> Self {
        let mut guest = Self::new(name, script);
        guest.flavour = PEER;
        guest.shape.memory_mib = 768;
        guest.shape.net = machine::Net::Stdin;
        guest.net = Some(net);
        guest.uml = uml::given();
        guest
    }

    /// A Linux RDMA peer that takes commands, on a wire of two unix datagram sockets: `wire` names ours and the other
    /// side's. Runs on this User Mode Linux kernel, else in QEMU.
    pub fn commanded_peer(
        name: &str,
        flavour: Flavour,
        kernel: Option<&Path>,
        wire: (&Path, &Path),
    ) -> Result<Self> {
        let mut guest = Self::commanded(name);
        guest.flavour = flavour;
        guest.shape.memory_mib = 768;
        guest.uml = kernel.map(Path::to_owned);
        guest.shape.net = if guest.uml.is_some() {
            // It needs a connected socket, and a wire's other side need not be.
            guest.net = Some(relay::start(wire.0, wire.1)?);
            machine::Net::Stdin
        } else {
            machine::Net::Paths(wire.0.to_owned(), wire.1.to_owned())
        };
        Ok(guest)
    }

    /// Memory in MiB.
    pub fn memory_mib(mut self, mib: u32) -> Self {
        self.shape.memory_mib = mib;
        self
    }

    /// Longest packet of a peer's network card. User Mode Linux cannot raise it later.
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.shape.mtu = mtu;
        self
    }

    /// Virtual CPUs.
    pub fn cpus(mut self, cpus: u32) -> Self {
        self.shape.cpus = cpus;
        self
    }

    /// Huge pages of 2 MiB to set aside. Memory for DMA belongs there: behind a virtual IOMMU every
    /// page is a message to the device, 200 us each, so 16 MiB take 0.8 s in small pages.
    pub fn hugepages(mut self, pages: u32) -> Self {
        self.shape.hugepages = pages;
        self
    }

    /// Plugs in the device that listens on this vfio-user socket.
    pub fn device(mut self, socket: impl Into<PathBuf>) -> Self {
        self.shape.devices.push(socket.into());
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
    pub fn run(self) -> Result<Outcome> {
        self.start()?.finish()
    }

    /// Boots and returns at once.
    pub fn start(mut self) -> Result<Running> {
        let (command, dir) = self.prepare(false)?;
        let net = self
            .net
            .take()
            .map(|socket| Stdio::from(OwnedFd::from(socket)));
        let console = if self.takes_commands {
            let (ours, theirs) = UnixStream::pair()?;
            let input = Stdio::from(OwnedFd::from(theirs.try_clone()?));
            Console {
                stdin: net.unwrap_or(input),
                stdout: Stdio::from(OwnedFd::from(theirs)),
                commands: Some(ours),
            }
        } else {
            Console {
                stdin: net.unwrap_or_else(Stdio::null),
                stdout: Stdio::piped(),
                commands: None,
            }
        };
        Running::start(
            &self.name,
            command,
            console,
            dir.join("console.log"),
            self.timeout,
            self.echo,
        )
    }

    /// Boots to a shell on this terminal.
    pub fn shell(mut self) -> Result<()> {
        if self.net.is_some() {
            bail!("a shell needs the terminal, and the network card has its place; give a command");
        }
        self.shape.quiet = true;
        let (command, _) = self.prepare(true)?;
        println!("Ctrl-A x leaves QEMU at once");
        running::on_terminal(command)
    }

    /// Writes the initramfs and returns the whole command line and the guest's folder.
    fn prepare(&self, shell: bool) -> Result<(Command, PathBuf)> {
        let files = self.flavour.ensure()?;
        let dir = workspace::target().join("guests").join(&self.name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let initrd = dir.join("initramfs.cpio");
        self.write_initramfs(&files, &initrd, shell)
            .context("could not write the guest's initramfs")?;
        let command = match &self.uml {
            Some(kernel) => machine::uml(kernel, &initrd, &self.shape),
            None => {
                let mut command = machine::qemu(&qemu::ensure()?, &files, &initrd, &self.shape);
                command.args(["-serial", if shell { "mon:stdio" } else { "stdio" }]);
                command
            }
        };
        Ok((command, dir))
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
        // A User Mode Linux kernel has everything built in.
        let modules = files.modules();
        let order = if self.uml.is_some() {
            String::new()
        } else {
            fs::read_to_string(modules.join("order"))?
        };
        cpio.file("/rnic/modules/order", 0o644, order.as_bytes())?;
        for module in order.lines() {
            cpio.file(
                &format!("/rnic/modules/{module}"),
                0o644,
                &fs::read(modules.join(module))?,
            )?;
        }
        add_tree(&mut cpio, &files.root(), "")?;
        for (host, guest) in &self.files {
            let data = fs::read(host).with_context(|| format!("cannot read {}", host.display()))?;
            cpio.file(guest, 0o755, &data)?;
        }
        cpio.finish()?;
        Ok(())
    }
}

/// Adds the files below a folder; nothing when it does not exist. Debian's `usr/lib64` and
/// `usr/lib` are reached through links at the root, as programs' loaders expect.
fn add_tree<W: std::io::Write>(cpio: &mut Cpio<W>, folder: &Path, at: &str) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    if at.is_empty() {
        cpio.symlink("/lib64", "usr/lib64")?;
        cpio.symlink("/lib", "usr/lib")?;
    }
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{at}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            add_tree(cpio, &entry.path(), &path)?;
        } else {
            cpio.file(
                &path,
                entry.metadata()?.permissions().mode() & 0o777,
                &fs::read(entry.path())?,
            )?;
        }
    }
    Ok(())
}
