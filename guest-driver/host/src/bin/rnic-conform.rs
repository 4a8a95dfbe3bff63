//! Runs the conformance suite on a device: a process behind a vfio-user socket, a PCI function of QEMU, or a function
//! behind VFIO.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use rnic_conformance::{Options, TestResult, Verdict};
use rnic_driver_host::{
    Mapped, Qtest, QtestOptions, Socket, SocketOptions, Vfio, VfioOptions, Wire,
};
use rnic_platform::TestPlatform;

/// Holds a device against the specification.
///
/// Exit status: 0 when every test passed or was skipped, 1 when one failed, 2 when the device could not be reached.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the device is: socket=PATH[,PATH2], qtest=PATH[,PATH2] (sockets of devices; QEMU is started), or
    /// vfio=ADDRESS[,ADDRESS2]
    #[arg(long, required_unless_present = "list")]
    platform: Option<String>,
    /// QEMU for `qtest`, 10.1 or newer
    #[arg(long, default_value = "qemu-system-x86_64")]
    qemu: PathBuf,
    /// Be a station on the daemon's wire, so that tests of the port run (socket and qtest): the daemon's is then
    /// --port dgram,local=REMOTE,remote=LOCAL
    #[arg(long, value_name = "LOCAL,REMOTE")]
    wire: Option<String>,
    /// Only tests whose id contains this
    #[arg(long)]
    filter: Option<String>,
    /// Only tests that cite one of these clauses, separated by commas; RNIC_CLAUSE by default
    #[arg(long)]
    clause: Option<String>,
    /// Print the ids of all tests and stop
    #[arg(long)]
    list: bool,
    /// Print only failures and the summary: clauses that do not hold, what was skipped and why
    #[arg(long, short)]
    quiet: bool,
    /// Write the results as JSON
    #[arg(long)]
    report_json: Option<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long)]
    report_junit: Option<PathBuf>,
}

fn main() -> ExitCode {
    env_logger::init();
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("rnic-conform: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if arguments.list {
        for test in rnic_conformance::tests::<Socket>() {
            println!("{} {}", test.id, test.clauses.join(","));
        }
        return Ok(true);
    }
    let platform = arguments.platform.as_deref().unwrap_or_default();
    let (kind, places) = platform
        .split_once('=')
        .context("--platform takes socket=, qtest= or vfio= and one or two places")?;
    let places: Vec<&str> = places.split(',').collect();
    if places.len() > 2 || places.iter().any(|place| place.is_empty()) {
        bail!("--platform takes one place or two, separated by a comma");
    }
    match (kind, places.as_slice()) {
        ("socket", [first, rest @ ..]) => {
            let open = |path: &str| {
                let options = SocketOptions {
                    mapped: Mapped::EachBuffer,
                    ..SocketOptions::default()
                };
                Socket::open(Path::new(path), options)
            };
            let mut socket = open(first)?;
            if let [second] = rest {
                socket = socket.with_peer(open(second)?);
            }
            if let Some(wire) = wire(arguments)? {
                socket = socket.with_wire(wire);
            }
            judge(&socket, arguments)
        }
        ("qtest", sockets) => {
            let mut qtest = Qtest::launch(&QtestOptions {
                qemu: arguments.qemu.clone(),
                sockets: sockets.iter().map(PathBuf::from).collect(),
                memory_bytes: 512 << 20,
            })?;
            if let Some(wire) = wire(arguments)? {
                qtest = qtest.with_wire(wire);
            }
            judge(&qtest, arguments)
        }
        ("vfio", _) if arguments.wire.is_some() => {
            bail!("--wire is for socket and qtest: a guest does not reach the daemon's wire")
        }
        ("vfio", [first, rest @ ..]) => {
            let open = |address: &str| {
                let options = VfioOptions {
                    mapped: Mapped::EachBuffer,
                    ..VfioOptions::default()
                };
                Vfio::open(address, options)
            };
            let mut vfio = open(first)?;
            if let [second] = rest {
                vfio = vfio.with_peer(open(second)?);
            }
            judge(&vfio, arguments)
        }
        _ => bail!("no platform `{kind}`: there are socket, qtest and vfio"),
    }
}

fn wire(arguments: &Arguments) -> anyhow::Result<Option<Wire>> {
    let Some(text) = &arguments.wire else {
        return Ok(None);
    };
    let (local, remote) = text
        .split_once(',')
        .context("--wire takes LOCAL,REMOTE, two paths")?;
    let wire = Wire::open(Path::new(local), Path::new(remote))
        .with_context(|| format!("--wire: socket {local}"))?;
    Ok(Some(wire))
}

fn judge<P: TestPlatform>(platform: &P, arguments: &Arguments) -> anyhow::Result<bool> {
    let quiet = arguments.quiet;
    let report = rnic_conformance::run(
        platform,
        Options {
            filter: arguments.filter.clone(),
            clause: arguments
                .clause
                .clone()
                .or_else(|| std::env::var("RNIC_CLAUSE").ok()),
            on_result: Some(Box::new(move |result: &TestResult| tell(result, quiet))),
            ..Options::default()
        },
    );
    if report.results.is_empty() {
        bail!("no test was chosen; --list prints the ids and clauses of all");
    }
    write(arguments.report_json.as_deref(), || report.json())?;
    write(arguments.report_junit.as_deref(), || report.junit())?;
    print!("{}", report.summary());
    Ok(report.passed())
}

fn tell(result: &TestResult, quiet: bool) {
    if quiet && result.verdict != Verdict::Fail {
        return;
    }
    let word = result.verdict.label();
    let reason = &result.reason;
    let separator = if reason.is_empty() { "" } else { ": " };
    println!("{word} {} ({} ms){separator}{reason}", result.id, result.ms);
}

fn write(path: Option<&Path>, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    let Some(path) = path else {
        return Ok(());
    };
    std::fs::write(path, text()).with_context(|| format!("cannot write {}", path.display()))
}
