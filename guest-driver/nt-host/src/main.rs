//! Loads a driver, starts an adapter on each device, stops, unloads.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Parser;
use nt_host::host::Host;
use nt_host::machine::{Dma, Machine, SocketMachine};

/// Run a Windows network driver (a .sys file) on this machine and check what it does.
///
/// Ends with 70 when the driver breaks a rule, and says which.
#[derive(Parser)]
struct Args {
    /// The driver.
    driver: PathBuf,
    /// vfio-user sockets of the devices, one or two.
    #[arg(long = "device", value_name = "SOCKET")]
    devices: Vec<PathBuf>,
    /// Give the device physical addresses instead of a mapping each.
    #[arg(long)]
    identity: bool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let dma = if args.identity {
        Dma::Identity
    } else {
        Dma::Remapped
    };
    let mut functions: Vec<Arc<dyn Machine>> = Vec::new();
    if let Some(path) = args.devices.first() {
        let first = SocketMachine::open(path, dma, 1 << 30)?;
        let second = match args.devices.get(1) {
            Some(path) => Some(first.open_beside(path)?),
            None => None,
        };
        functions.push(Arc::new(first));
        if let Some(second) = second {
            functions.push(Arc::new(second));
        }
    }
    let count = functions.len();
    let host = Host::load(&args.driver, functions).context("loading the driver")?;
    let (relocations, imports) = host.image().counts;
    println!("loaded: {relocations} relocations, {imports} imports");
    for function in 0..count {
        let adapter = host.add_adapter(function, &[]);
        if let Err(status) = host.start(&adapter) {
            bail!("adapter {function} did not start: {status:#010x}");
        }
        let said = adapter.said.lock();
        println!(
            "adapter {function}: MAC {:02x?}, {} Mbit/s",
            said.mac,
            said.speed / 1_000_000
        );
    }
    host.unload();
    println!("unloaded; nothing is left");
    Ok(ExitCode::SUCCESS)
}
