//! ndkping and ndkperf over rnic.sys: what consumers see through its dispatch tables.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use ndk_consumer::bench::Bench;
use ndk_consumer::platform::{Address, Family};
use ndk_consumer::smbdirect::{hostile, pair};
use ndk_consumer::{perf, ping};
use nt_host::consumers::Consumers;
use nt_host::host::Host;
use nt_host::netio::neighbours::Neighbours;
use nt_host::nt::print;
use nt_host::thunk;

use crate::devices::{Configuration, Devices};

#[derive(clap::Args)]
pub struct Args {
    /// rnic.sys.
    driver: PathBuf,
    #[command(flatten)]
    devices: Devices,
    #[command(flatten)]
    configuration: Configuration,
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 2000)]
    rounds: usize,
    /// Bytes of a ping.
    #[arg(long, default_value_t = 16384)]
    length: usize,
    /// Connect by IPv6.
    #[arg(long)]
    ipv6: bool,
    /// Speak to rping elsewhere, as its server unless --to says where one is. The device gets this address.
    #[arg(long, value_name = "IP/PREFIX", value_parser = parse_local)]
    address: Option<(IpAddr, u8)>,
    /// Where an `rping -s` is, with -S not less than the longest ping.
    #[arg(long, value_name = "IP", requires = "address")]
    to: Option<IpAddr>,
    /// rping's port.
    #[arg(long, default_value_t = 7174)]
    port: u16,
}

fn parse_local(text: &str) -> Result<(IpAddr, u8), String> {
    let parsed = text
        .split_once('/')
        .and_then(|(ip, prefix)| Some((ip.parse().ok()?, prefix.parse().ok()?)));
    parsed.ok_or_else(|| "an address with its prefix, such as 10.7.0.2/24".to_owned())
}

/// Starts the driver on one device at its address and runs `body` there.
fn alone(args: &Args, local: (IpAddr, u8), body: impl for<'b> FnOnce(&'b Bench<'b>)) -> Result<()> {
    print::quiet(true);
    let functions = args.devices.open(true)?;
    ensure!(
        functions.len() == 1,
        "--address speaks to somebody elsewhere: give one device"
    );
    let host = Host::load(&args.driver, functions).context("loading the driver")?;
    let adapter = host.add_adapter(0, &args.configuration.keywords());
    if let Err(status) = host.start(&adapter) {
        bail!("the adapter did not start: {status:#010x}");
    }
    let neighbours = Neighbours::serve(&adapter);
    let consumers = Consumers::alone(adapter, &[local]);
    let family = if local.0.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    let bench = Bench::new(&consumers, family);
    body(&bench);
    bench.check_callbacks();
    drop(bench);
    drop(neighbours);
    drop(consumers);
    host.unload();
    Ok(())
}

/// Pings an rping, and prints how long rounds took.
fn to_rping(args: &Args, local: (IpAddr, u8), to: IpAddr, lengths: &[usize]) -> Result<()> {
    ensure!(
        to.is_ipv4() == local.0.is_ipv4(),
        "--to and --address are of two families"
    );
    let ip = match to {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    let port = args.port;
    alone(args, local, |bench| {
        let all = ping::client(bench, Address { ip, port }, args.rounds, lengths);
        for (length, mut times) in lengths.iter().zip(all) {
            times.sort_unstable();
            let at = |part: usize| times.get(times.len() * part / 100).copied();
            println!(
                "{} rounds of {length} bytes with rping, read there and written back, compared: p50 {:?}, p99 {:?}",
                times.len(),
                at(50).unwrap_or_default(),
                at(99).unwrap_or_default()
            );
        }
    })
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
    let keywords = args.configuration.keywords();
    let adapters = [0, 1].map(|function| host.add_adapter(function, &keywords));
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
    match (args.address, args.to) {
        (Some(local), Some(to)) => return to_rping(args, local, to, &[args.length]),
        (Some(local), None) => {
            return alone(args, local, |bench| {
                let listening = || println!("listening at {} port {}", local.0, args.port);
                let rounds = ping::server(bench, args.port, listening);
                println!("answered {rounds} pings of rping");
            });
        }
        (None, _) => {}
    }
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

/// Both ends of SMB Direct.
pub fn smb_direct(args: &Args) -> Result<()> {
    with(args, |bench| {
        let used = pair::converse(bench);
        println!("SMB Direct between two adapters, compared: {used}");
        let suffered = hostile::suffer_all(bench);
        println!("a server that breaks the rules: {suffered} ways, noticed each time");
    })
}

/// Lengths of pings to be measured.
const LENGTHS: [usize; 3] = [64, 4096, 16384];

/// Measures, without the verifier: its checks of each import, its special pool, its layer before the provider.
pub fn perf(args: &PerfArgs) -> Result<()> {
    thunk::set_checking(args.check);
    let run = &args.run;
    match (run.address, run.to) {
        (Some(local), Some(to)) => return to_rping(run, local, to, &LENGTHS),
        (Some(_), None) => bail!("ndkperf measures pings to an `rping -s`: give --to"),
        (None, _) => {}
    }
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
