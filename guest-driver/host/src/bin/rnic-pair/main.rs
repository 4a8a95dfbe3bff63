//! One side of a pair of devices: moves data to the other side by every kind of RDMA, checks it, and measures.
//!
//! The passive side lends its memory and answers; the active side does the work and prints, one fact a line:
//! `pair verified OPERATION COUNT` and `pair measured NAME VALUE UNIT`. Runs in a guest on VFIO, or beside a device
//! process on its vfio-user socket.

mod active;
mod passive;
mod side;

use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use rnic_driver_host::{Socket, SocketOptions, Vfio, VfioOptions};
use rnic_platform::TestPlatform;

/// Moves data between two devices by RDMA, checks it, and measures.
///
/// Start one side with --listen, then the other with --connect.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the device is: vfio=ADDRESS (such as 0000:00:04.0) or socket=PATH
    #[arg(long)]
    platform: String,
    /// Address of this device
    #[arg(long)]
    address: IpAddr,
    /// Port to wait at for the other side
    #[arg(long, conflicts_with = "connect", required_unless_present = "connect")]
    listen: Option<u16>,
    /// Address and port of the other side, such as 192.0.2.1:7471
    #[arg(long)]
    connect: Option<std::net::SocketAddr>,
    /// Operations for each latency figure
    #[arg(long, default_value_t = 2000)]
    operations: u32,
    /// Transfers of 1 MiB for each bandwidth figure
    #[arg(long, default_value_t = 64)]
    transfers: u32,
    /// Seconds to wait for anything
    #[arg(long, default_value_t = 60)]
    patience: u64,
}

fn main() -> ExitCode {
    env_logger::init();
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rnic-pair: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (kind, place) = arguments
        .platform
        .split_once('=')
        .context("--platform takes vfio=ADDRESS or socket=PATH")?;
    match kind {
        "vfio" => {
            let options = VfioOptions {
                memory_bytes: 8 << 20,
                ..VfioOptions::default()
            };
            play(Vfio::open(place, options)?, arguments)
        }
        "socket" => play(
            Socket::open(Path::new(place), SocketOptions::default())?,
            arguments,
        ),
        _ => bail!("no platform `{kind}`: there are vfio and socket"),
    }
}

fn play<P: TestPlatform>(platform: P, arguments: &Arguments) -> anyhow::Result<()> {
    let patience = Duration::from_secs(arguments.patience);
    let side = side::Side::open(platform, arguments.address, patience)?;
    match (arguments.listen, arguments.connect) {
        (Some(port), _) => passive::serve(side, port),
        (None, Some(to)) => active::work(side, to, arguments.operations, arguments.transfers),
        (None, None) => bail!("give --listen or --connect"),
    }
}
