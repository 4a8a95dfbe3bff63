//! `cargo xtask demo`: the main job, from nothing to RDMA between two guests.

mod figures;
mod plot;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::daemon::Daemon;
use crate::guest::{Guest, program};
use crate::setup::guest_files::VFIO;
use crate::setup::qemu;
use crate::{daemon, ui, workspace};
use figures::Figures;

/// Boot two guests, each with an rnic, and move verified data between them by RDMA.
///
/// Fetches QEMU and a guest kernel where this machine has none, builds the daemon and the guest's
/// program, starts one daemon with two devices and two guests without a network of their own,
/// verifies every kind of transfer, prints latency and bandwidth next to a copy by the guest's
/// processor, and draws them.
#[derive(clap::Args)]
pub struct Args {
    /// Doorbells: mmap (mapped into the guest) or trap (a message each).
    #[arg(long, default_value = "mmap", value_parser = ["mmap", "trap"])]
    doorbell: String,
    /// Operations for each latency figure.
    #[arg(long, default_value_t = 2000)]
    operations: u32,
    /// Transfers of 1 MiB for each bandwidth figure.
    #[arg(long, default_value_t = 64)]
    transfers: u32,
    /// Where the picture goes.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print what the guests print.
    #[arg(long)]
    verbose: bool,
}

/// Addresses of the two sides (RFC 5737) and the port.
const SERVER: &str = "192.0.2.1";
const CLIENT: &str = "192.0.2.2";
const PORT: u16 = 7471;

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let figures = play(args)?;
    print!("{figures}");
    let svg = args
        .svg
        .clone()
        .unwrap_or_else(|| workspace::target().join("demo/demo.svg"));
    plot::draw(&figures, &svg).with_context(|| format!("could not draw {}", svg.display()))?;
    println!("drawn: {}", workspace::shown(&svg));
    Ok(())
}

/// The demonstration as a test: short, and only what is verified counts. One item a fact.
pub fn smoke() -> Result<Vec<(String, bool)>> {
    let args = Args {
        doorbell: "mmap".into(),
        operations: 100,
        transfers: 4,
        svg: None,
        verbose: false,
    };
    let figures = play(&args)?;
    print!("{figures}");
    Ok(OPERATIONS
        .iter()
        .map(|name| (format!("two guests: {name}"), figures.verified(name) > 0))
        .collect())
}

/// Every operation that the demonstration must have verified.
const OPERATIONS: [&str; 5] = ["write+read", "send", "inline", "write-immediate", "atomics"];

fn play(args: &Args) -> Result<Figures> {
    qemu::ensure()?;
    VFIO.ensure()?;
    let bar = ui::Progress::start("building the daemon and the guest's program");
    let rnic = daemon::build()?;
    let pair = program::build_static_release("rnic-driver-host", "rnic-pair")?;
    bar.finish("done");

    let options = daemon::Options {
        name: "demo",
        devices: 2,
        each: &format!("doorbell={}", args.doorbell),
        arguments: &[],
    };
    let daemon = Daemon::start(&rnic, &options)?;
    let bar = ui::Progress::start("two guests: boot, connect, transfer");
    let guest = |name: &str, socket: &str, command: String| {
        let script = format!(
            ". /rnic/lib.sh\n\
             nic=$(pci_find 1d1d 524e)\n\
             [ -n \"$nic\" ] || {{ echo no rnic on the PCI bus; exit 1; }}\n\
             vfio_bind $nic || exit 1\n\
             exec rnic-pair --platform vfio=$nic {command}"
        );
        Guest::new(name, &script)
            .device(daemon.socket(socket))
            .file(&pair, "/rnic/bin/rnic-pair")
            .hugepages(16)
            .timeout(Duration::from_secs(300))
            .echo(args.verbose)
            .start()
    };
    let mut server = guest(
        "demo-server",
        "a",
        format!("--address {SERVER} --listen {PORT}"),
    )?;
    bar.percent(10.0);
    server.wait_for("pair listening")?;
    bar.percent(40.0);
    let (operations, transfers) = (args.operations, args.transfers);
    let client = guest(
        "demo-client",
        "b",
        format!(
            "--address {CLIENT} --connect {SERVER}:{PORT} --operations {operations} --transfers {transfers}"
        ),
    )?;
    let client = client.finish()?;
    bar.percent(95.0);
    let server = server.finish()?;
    for (side, outcome) in [("client", &client), ("server", &server)] {
        ensure!(
            outcome.exit == 0,
            "the {side} guest ended with {}: {}; its console is in {}",
            outcome.exit,
            outcome.lines.last().map_or("", String::as_str),
            workspace::shown(&outcome.log)
        );
    }
    bar.finish(format!(
        "Linux {}, up after {:.1} s",
        client.kernel, client.uptime_at_init
    ));
    daemon.stop()?;
    let figures = Figures::parse(&client.lines)?;
    for name in OPERATIONS {
        ensure!(
            figures.verified(name) > 0,
            "the client verified no {name}; its console is in {}",
            workspace::shown(&client.log)
        );
    }
    Ok(figures)
}
