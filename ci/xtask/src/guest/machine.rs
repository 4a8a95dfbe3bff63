//! What a guest runs on: QEMU, or the kernel itself as a process (User Mode Linux).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup::guest_files::GuestFiles;
use crate::setup::qemu::Qemu;

/// Boot parameters that only save time: emulated clocks need no calibration and the guest needs no protection.
const FAST_BOOT: &str =
    "nokaslr mitigations=off tsc=reliable no_timer_check lpj=5000000 random.trust_cpu=on audit=0";

/// The size of a guest.
#[derive(Debug, Clone)]
pub struct Shape {
    pub memory_mib: u32,
    pub cpus: u32,
    pub hugepages: u32,
    /// vfio-user sockets.
    pub devices: Vec<PathBuf>,
    /// Its network card.
    pub net: Net,
    /// Longest packet of its network card.
    pub mtu: u32,
    /// Whether the console takes commands.
    pub commands: bool,
    /// Fewer kernel messages, for a person at the console.
    pub quiet: bool,
}

/// What a network card is joined to.
#[derive(Debug, Clone)]
pub enum Net {
    /// There is none.
    None,
    /// Standard input is a socket that carries Ethernet frames, one a datagram.
    Stdin,
    /// Unix datagram sockets, ours and the other side's.
    Paths(PathBuf, PathBuf),
}

/// Frames of our own need no more; Soft-RoCE takes its path MTU of 4096 from it.
pub const MTU: u32 = 9000;

/// QEMU's command line but for the console.
pub fn qemu(qemu: &Qemu, files: &GuestFiles, initrd: &Path, shape: &Shape) -> Command {
    let kvm = has_kvm();
    let (accel, cpu) = if kvm { ("kvm", "host") } else { ("tcg", "max") };
    let quiet = if shape.quiet { "quiet" } else { "loglevel=4" };
    let memory = shape.memory_mib;
    let mut command = Command::new(&qemu.program);
    command
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ])
        // Remapped interrupts need the interrupt controller split off under KVM.
        .args([
            "-machine",
            &format!("q35,accel={accel},kernel-irqchip=split,memory-backend=m0"),
        ])
        .args([
            "-cpu",
            cpu,
            "-smp",
            &shape.cpus.to_string(),
            "-m",
            &format!("{memory}M"),
        ])
        // Shared and backed by a file descriptor: what the device maps is the guest's memory itself.
        .args([
            "-object",
            &format!("memory-backend-memfd,id=m0,size={memory}M,share=on"),
        ])
        .args(["-device", "intel-iommu,intremap=on,caching-mode=on"])
        .arg("-kernel")
        .arg(files.vmlinux())
        .arg("-initrd")
        .arg(initrd)
        .arg("-append")
        .arg(format!(
            "console=ttyS0 rdinit=/init panic=-1 intel_iommu=on hugepages={} {quiet} {FAST_BOOT}",
            shape.hugepages
        ));
    for (index, socket) in shape.devices.iter().enumerate() {
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
    let netdev = match &shape.net {
        Net::None => return command,
        Net::Stdin => "dgram,id=n0,local.type=fd,local.str=0".to_owned(),
        Net::Paths(local, remote) => format!(
            "dgram,id=n0,local.type=unix,local.path={},remote.type=unix,remote.path={}",
            local.display(),
            remote.display()
        ),
    };
    command.args(["-netdev", &netdev]).args([
        "-device",
        &format!("virtio-net-pci,netdev=n0,host_mtu={}", shape.mtu),
    ]);
    command
}

/// A User Mode Linux kernel's command line. It is a process of its own speed and boots in less than a second.
pub fn uml(kernel: &Path, initrd: &Path, shape: &Shape) -> Command {
    let mut command = Command::new(kernel);
    command
        .arg(format!("mem={}M", shape.memory_mib))
        .arg(format!("initrd={}", initrd.display()))
        .args([
            "rdinit=/init",
            if shape.commands {
                "con0=fd:1,fd:1"
            } else {
                "con0=null,fd:1"
            },
            "con=null",
            "ssl=null",
            "panic=-1",
            "seccomp=auto",
        ])
        .arg(if shape.quiet { "quiet" } else { "loglevel=4" });
    if shape.cpus > 1 {
        command.arg(format!("ncpus={}", shape.cpus));
    }
    if matches!(shape.net, Net::Stdin) {
        command.arg(format!(
            "vec0:transport=fd,fd=0,mtu={},depth=128,gro=0",
            shape.mtu
        ));
    }
    command
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
