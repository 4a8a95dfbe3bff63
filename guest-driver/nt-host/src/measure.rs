//! ndkping and ndkperf over rnic.sys: what consumers see through its dispatch tables.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ndk_consumer::bench::Bench;
use ndk_consumer::platform::Family;
use ndk_consumer::{perf, ping};
use nt_host::consumers::Consumers;
use nt_host::host::Host;
use nt_host::nt::print;

use crate::devices::Devices;

#[derive(clap::Args)]
pub struct Args {
    /// rnic.sys.
    driver: PathBuf,
    #[command(flatten)]
    devices: Devices,
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 2000)]
    rounds: usize,
    /// Bytes of a ping.
    #[arg(long, default_value_t = 16384)]
    length: usize,
    /// Connect by IPv6.
    #[arg(long)]
    ipv6: bool,
}

/// Starts the driver on both devices and runs `body` there.
fn with(args: &Args, body: impl for<'b> FnOnce(&'b Bench<'b>)) -> Result<()> {
    print::quiet(true);
    let functions = args.devices.open_two()?;
    let host = Host::load(&args.driver, functions).context("loading the driver")?;
    let adapters = [0, 1].map(|function| host.add_adapter(function, &[]));
    for adapter in &adapters {
        if let Err(status) = host.start(adapter) {
            bail!("an adapter did not start: {status:#010x}");
        }
    }
    let consumers = Consumers::new(adapters);
    let family = if args.ipv6 { Family::V6 } else { Family::V4 };
    let bench = Bench::new(&consumers, family);
    body(&bench);
    bench.check_callbacks();
    drop(bench);
    host.unload();
    Ok(())
}

/// Sends data there and back, and compares.
pub fn ping(args: &Args) -> Result<()> {
    with(args, |bench| {
        let start = std::time::Instant::now();
        ping::ping(bench, args.rounds, args.length);
        let took = start.elapsed();
        println!(
            "{} rounds of {} bytes, read there and written back, compared: {took:?}",
            args.rounds, args.length
        );
    })
}

/// Measures.
pub fn perf(args: &Args) -> Result<()> {
    with(args, |bench| {
        perf::report(bench, args.rounds, |line| println!("{line}"));
    })
}
