//! `cargo xtask guest`.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Guest, program};

/// Boot a small Linux guest in QEMU, to look around or to run one program.
///
/// The guest has busybox, vfio-pci, an Intel IOMMU and huge pages. It boots in about four seconds
/// without KVM. Programs must be static; `--bin PACKAGE:NAME` builds one of this workspace so.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask guest                                   a shell in the guest
  cargo xtask guest --device rnic.sock                the same, with an rnic plugged in
  cargo xtask guest -- 'cat /proc/cpuinfo'            one command; its exit code is the command's
  cargo xtask guest --pair -- 'ibv_devinfo'           two Linux peers with Soft-RoCE
  cargo xtask guest --bin rnic-driver-host:rnic-conform --device rnic.sock -- rnic-conform --help")]
pub struct Args {
    /// Socket of a running rnic to plug in; may be given several times.
    #[arg(long, value_name = "SOCKET")]
    device: Vec<PathBuf>,
    /// Build this binary statically and put it in the guest.
    #[arg(long, value_name = "PACKAGE:NAME")]
    bin: Vec<String>,
    /// Put this file into the guest's /rnic/bin.
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Boot two Linux RDMA peers on one cable instead; the command runs in both, which `$PEER` (a or b)
    /// tells apart. Their addresses are 10.7.0.1 and 10.7.0.2.
    #[arg(long, requires = "command", conflicts_with_all = ["device", "bin", "file"])]
    pair: bool,
    /// Memory in MiB.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(128..))]
    memory: u32,
    /// Virtual CPUs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    cpus: u32,
    /// Huge pages of 2 MiB to set aside for DMA.
    #[arg(long, default_value_t = 32)]
    hugepages: u32,
    /// Seconds after which a guest that runs a command is stopped.
    #[arg(long, default_value_t = 600)]
    timeout: u64,
    /// Shell command to run in the guest; without one, a shell.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    if args.pair {
        return pair(args);
    }
    let mut guest = Guest::new("manual", &args.command.join(" "))
        .memory_mib(args.memory)
        .cpus(args.cpus)
        .hugepages(args.hugepages)
        .timeout(Duration::from_secs(args.timeout))
        .echo(true);
    for socket in &args.device {
        if !socket.exists() {
            bail!(
                "no socket {}: start rnic first, QEMU connects when it starts",
                socket.display()
            );
        }
        guest = guest.device(std::path::absolute(socket)?);
    }
    for bin in &args.bin {
        let Some((package, name)) = bin.split_once(':') else {
            bail!("--bin wants PACKAGE:NAME, as in rnic-driver-host:rnic-conform; got `{bin}`")
        };
        guest = guest.file(
            program::build_static(package, name)?,
            format!("/rnic/bin/{name}"),
        );
    }
    for file in &args.file {
        let Some(name) = file.file_name() else {
            bail!("{} is no file", file.display())
        };
        guest = guest.file(file, format!("/rnic/bin/{}", name.to_string_lossy()));
    }
    if args.command.is_empty() {
        return guest.shell();
    }
    let outcome = guest.run()?;
    println!(
        "  guest: exit code {}, {:.1} s",
        outcome.exit,
        outcome.took.as_secs_f64()
    );
    if outcome.exit != 0 {
        bail!(
            "the command failed in the guest with exit code {}",
            outcome.exit
        );
    }
    Ok(())
}

fn pair(args: &Args) -> Result<()> {
    let (left, right) = UnixDatagram::pair()?;
    let mut running = Vec::new();
    for (name, number, socket) in [("a", 1, left), ("b", 2, right)] {
        let script = format!(
            "export PEER={name}\n. /rnic/lib.sh\nrxe_up 10.7.0.{number}/24 02:00:00:00:07:0{number} || exit 1\necho rxe0 is up\n{}\n",
            args.command.join(" ")
        );
        let guest = Guest::peer(&format!("peer-{name}"), &script, socket)
            .timeout(Duration::from_secs(args.timeout))
            .echo(true);
        running.push((name, guest.start()?));
    }
    for (_, guest) in &mut running {
        guest.wait_for("rxe0 is up")?;
    }
    let mut failed = Vec::new();
    for (name, guest) in running {
        let outcome = guest.finish()?;
        println!(
            "  peer {name}: Linux {}, up after {:.1} s, exit code {}, {:.1} s in all",
            outcome.kernel,
            outcome.uptime_at_init,
            outcome.exit,
            outcome.took.as_secs_f64()
        );
        if outcome.exit != 0 {
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("the command failed in peer {}", failed.join(" and "));
    }
    Ok(())
}
