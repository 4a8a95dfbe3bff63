//! ndkping and ndkperf over rnic.sys: what consumers see through its dispatch tables.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ndk_consumer::bench::Bench;
use ndk_consumer::platform::Family;
use ndk_consumer::{perf, ping};
use nt_host::consumers::Consumers;
use nt_host::host::Host;
use nt_host::nt::print;
use nt_host::thunk;

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

#[derive(clap::Args)]
pub struct PerfArgs {
    #[command(flatten)]
    run: Args,
    /// Leave the verifier on: what it costs is measured too.
    #[arg(long)]
    check: bool,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
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

/// Measures, without the verifier: its checks of each import, its special pool, its layer before the provider.
pub fn perf(args: &PerfArgs) -> Result<()> {
    thunk::set_checking(args.check);
    with(&args.run, |bench| {
        let report = perf::report(bench, args.run.rounds, |line| {
            if !args.json {
                println!("{line}");
            }
        });
        if args.json {
            println!("{}", json(&report));
        }
    })
}

/// One line for programs; times in nanoseconds, rates a second.
fn json(report: &perf::Report) -> String {
    let mut latencies = Vec::new();
    for ((operation, learned, bytes), figures) in &report.latencies {
        latencies.push(format!(
            r#"{{"operation":"{operation:?}","learned":"{learned:?}","bytes":{bytes},"min_ns":{},"p50_ns":{},"p99_ns":{},"allocations":{}}}"#,
            figures.least.as_nanos(),
            figures.median.as_nanos(),
            figures.p99.as_nanos(),
            figures
                .allocations
                .map_or("null".to_owned(), |count| count.to_string()),
        ));
    }
    let rate = |rate: perf::Rate| format!(r#"{{"mean":{},"best":{}}}"#, rate.mean, rate.best);
    format!(
        r#"{{"latencies":[{}],"writes":{},"bandwidth":{},"copy":{}}}"#,
        latencies.join(","),
        rate(report.writes),
        rate(report.bandwidth),
        rate(report.copy)
    )
}
