//! `cargo xtask setup`: everything that tests and demos need and a plain machine lacks.

pub mod apt;
pub mod cache;
pub mod guest_files;
mod kernel;
pub mod media_tools;
pub mod qemu;
mod sources;
pub mod tshark;
pub mod uml;

use anyhow::{Result, bail};

use crate::workspace;
use guest_files::{PEER, SMB_PEER, VERBS_PEER, VFIO};

/// Get what guests need: QEMU with vfio-user-pci, a small Linux kernel, busybox.
///
/// Nothing is installed and nothing needs root. What the machine lacks is downloaded as Debian packages, verified
/// against Debian's key and unpacked into a cache folder. A second run finds everything there. Other
/// commands call this by themselves; run it to fetch ahead, or to see what would be used.
#[derive(clap::Args)]
#[command(after_help = "Environment:
  RNIC_CACHE           where downloads are kept (default: target/rnic-cache)
  RNIC_QEMU            a QEMU to use instead of the one on PATH or a private copy
  RNIC_GUEST           a folder with vmlinux, busybox and modules/ to use for guests
  RNIC_PEER            the same for Linux RDMA peers
  RNIC_PEER_KERNEL     a User Mode Linux kernel with rdma_rxe for peers, which then boot in a second
  RNIC_DEBIAN_MIRROR   the Debian mirror, where apt's own settings name none

Examples:
  cargo xtask setup            everything (60 MB to download, once)
  cargo xtask setup --check    say what is there; download nothing; exit 1 if something is missing")]
pub struct Args {
    /// Only QEMU.
    #[arg(long)]
    qemu: bool,
    /// Only the files for Linux guests.
    #[arg(long)]
    guest: bool,
    /// Only the files for Linux RDMA peers (not part of the default; 170 MB more).
    #[arg(long)]
    peer: bool,
    /// Only the User Mode Linux kernel of peers (not part of the default; 170 MB to download, 2 GB while it is built, and
    /// minutes of a compiler).
    #[arg(long)]
    peer_kernel: bool,
    /// Say what is there and what is missing; change nothing.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let all = !args.qemu && !args.guest && !args.peer && !args.peer_kernel;
    let mut missing = Vec::new();
    if args.qemu || all {
        let found = if args.check {
            qemu::present()
        } else {
            Some(qemu::ensure()?)
        };
        match found {
            Some(q) => println!(
                "qemu   {} ({}: {})",
                q.version,
                q.origin,
                workspace::shown(&q.program)
            ),
            None => missing.push("qemu"),
        }
    }
    for (wanted, flavour, name) in [
        (args.guest || all, VFIO, "guest"),
        (args.peer, PEER, "peer"),
        (args.peer, VERBS_PEER, "verbs"),
        (args.peer, SMB_PEER, "smb"),
    ] {
        if !wanted {
            continue;
        }
        let found = if args.check {
            flavour.present()
        } else {
            Some(flavour.ensure()?)
        };
        match found {
            Some(g) => println!(
                "{name:6} Linux {} ({})",
                g.kernel_version(),
                workspace::shown(&g.vmlinux())
            ),
            None => missing.push(name),
        }
    }
    if args.peer_kernel {
        let found = if args.check {
            uml::present()
        } else {
            Some(uml::ensure()?)
        };
        match found {
            Some(kernel) => println!("kernel {}", workspace::shown(&kernel)),
            None => missing.push("peer's kernel"),
        }
    }
    if !missing.is_empty() {
        bail!("missing: {}. Run `cargo xtask setup`", missing.join(", "));
    }
    Ok(())
}
