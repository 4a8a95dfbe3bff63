//! Runs a driver: once, with failures at every call site, or as one of the bad drivers of the host's own tests.

mod bad;
mod conform;
mod devices;
mod faulty;
mod measure;
mod smb;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use nt_host::exercise::{self, Plan};
use nt_host::hostile;
use nt_host::inject::{Injected, Part};
use nt_host::machine::hostile::Lie;
use nt_host::nt::print;
use nt_host::removal;
use nt_host::sweep;

use devices::{Devices, machine};

/// Run a Windows network driver (a .sys file) on this machine and check what it does.
///
/// Ends with 70 when the driver breaks a rule, and says which.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start, ask every OID, send, pause, reset, halt, unload.
    Run(Run),
    /// A life again and again, failing another call site each time, until none is left.
    Sweep(Sweep),
    /// Run the tests of the network interface card over the driver, on two devices.
    Card(Card),
    /// Lead lives on a device that lies, which the driver must survive.
    Hostile(Hostile),
    /// Lead lives on two devices with a fault plan: lost interrupts, failed commands, DMA and frames.
    Faults(faulty::Args),
    /// Pull one of two devices out from under busy consumers, at moments that seeds say.
    Removal(Removal),
    /// Run the NDK conformance tests over the driver, on two devices.
    Ndk(conform::Args),
    /// Write the table of NDKPI's elements out of what those tests printed.
    NdkTable(table::Args),
    /// Read and write data to and fro through the driver's NDK provider, and compare: what rping does.
    Ndkping(measure::Args),
    /// Run both ends of SMB Direct between two devices: messages in fragments, lent memory read, written, taken back; then
    /// with a server that breaks the rules.
    Smbd(measure::Args),
    /// Measure latencies, rate and bandwidth through the driver's NDK provider.
    Ndkperf(measure::PerfArgs),
    /// Copy files to and from an SMB server by RDMA, over the driver's NDK provider.
    Smb(smb::Args),
    /// Run the host's own test driver and let it break a rule.
    Bad {
        /// The test driver.
        driver: PathBuf,
        /// The rule, or `none`.
        rule: String,
    },
}

#[derive(clap::Args)]
struct Run {
    /// The driver.
    driver: PathBuf,
    #[command(flatten)]
    devices: Devices,
    /// Give the device physical addresses instead of a mapping each.
    #[arg(long)]
    identity: bool,
    /// Packets to send from the first device to the second.
    #[arg(long, default_value_t = 64)]
    packets: usize,
    /// Pull the first device out in the end.
    #[arg(long)]
    surprise: bool,
    /// Do not show what the driver prints.
    #[arg(long)]
    quiet: bool,
}

#[derive(clap::Args)]
struct Sweep {
    #[command(flatten)]
    run: Run,
    /// The lives of a consumer of the NDK provider, on the first device, instead of those of the card.
    #[arg(long)]
    ndk: bool,
    /// Only this share of the call sites: 0/2 is the first of two.
    #[arg(long, default_value = "0/1")]
    part: Part,
}

#[derive(clap::Args)]
struct Card {
    /// The driver.
    driver: PathBuf,
    /// vfio-user sockets of two devices on one wire.
    #[arg(long = "device", value_name = "SOCKET", required = true)]
    devices: Vec<PathBuf>,
    /// Where the daemon of the devices, which are its first two, takes orders: tests pull its cables.
    #[arg(long, value_name = "SOCKET")]
    control: PathBuf,
    /// Only tests whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Show what the driver prints.
    #[arg(long)]
    verbose: bool,
}

#[derive(clap::Args)]
struct Hostile {
    /// The driver.
    driver: PathBuf,
    /// vfio-user socket of the device that does the work behind the one that lies.
    #[arg(long, value_name = "SOCKET")]
    device: PathBuf,
    /// The first seed: it says which lie, how often, where.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Its registers read as all ones, instead of what the seeds say.
    #[arg(long)]
    all_ones: bool,
    /// Show what the driver prints.
    #[arg(long)]
    verbose: bool,
}

#[derive(clap::Args)]
struct Removal {
    /// The driver.
    driver: PathBuf,
    #[command(flatten)]
    devices: Devices,
    /// The first seed: it says what consumers do, which device goes, and when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Show what the driver prints.
    #[arg(long)]
    verbose: bool,
}

fn run(args: &Run) -> Result<()> {
    let plan = Plan {
        keywords: &[],
        packets: args.packets,
        patience: Duration::from_secs(10),
        surprise: args.surprise,
    };
    let functions = args.devices.open(args.identity)?;
    let count = functions.len();
    let report = exercise::once(&args.driver, functions, plan).context("loading the driver")?;
    println!("{report:?}");
    ensure!(report.started == count, "an adapter did not start");
    ensure!(
        count < 2 || report.received == args.packets,
        "{} of {} packets arrived",
        report.received,
        args.packets
    );
    println!("unloaded; nothing is left");
    Ok(())
}

fn sweep(args: &Sweep) -> Result<()> {
    let run = &args.run;
    let site = |injected: &Injected| {
        let place = injected.stack.first().map_or("", String::as_str);
        format!("{} ({:?})\n    {place}", injected.import, injected.kind)
    };
    let lives = if args.ndk {
        // A provider gives the device physical addresses of consumers' pages: docs/decisions/0008.
        let device = run.devices.first().open(true)?.remove(0);
        sweep::consumers(&run.driver, args.part, device, |injected, report| {
            println!("failed {}\n    {report:?}", site(injected));
        })?
    } else {
        let plan = Plan {
            keywords: sweep::SMALL,
            packets: run.packets.min(8),
            // A packet that was lost to an injected failure does not come.
            patience: Duration::from_millis(20),
            surprise: run.surprise,
        };
        sweep::card(
            &run.driver,
            args.part,
            plan,
            || run.devices.open(run.identity),
            |injected, report| {
                println!(
                    "failed {}\n    entry {:?}, {} started, {} of the packets sent",
                    site(injected),
                    report.entry,
                    report.started,
                    report.sent,
                );
            },
        )?
    };
    println!("survived {lives} failures, one at each call site");
    Ok(())
}

fn card(args: &Card) -> Result<()> {
    print::quiet(!args.verbose);
    let (mut passed, mut failed) = (0, 0);
    for test in nt_host::card::all() {
        if args
            .only
            .as_ref()
            .is_some_and(|text| !test.name.contains(text))
        {
            continue;
        }
        // A provider gives the device physical addresses of consumers' pages: docs/decisions/0008.
        let functions = machine(&args.devices, true)?;
        match nt_host::card::run(test, &args.driver, functions, &args.control) {
            Ok(()) => {
                passed += 1;
                println!("test {} ... ok", test.name);
            }
            Err(why) => {
                failed += 1;
                println!("test {} ... FAILED\n    {why:#}", test.name);
                // What the test left behind cannot be given back; the process ends with it.
                break;
            }
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed");
    ensure!(failed == 0 && passed > 0, "{failed} tests failed");
    Ok(())
}

fn lie(args: &Hostile) -> Result<()> {
    print::quiet(!args.verbose);
    for seed in args.seed..args.seed + args.count {
        let lie = if args.all_ones {
            Lie::AllOnes
        } else {
            Lie::ALL[(seed % Lie::ALL.len() as u64) as usize]
        };
        println!("seed {seed}: {lie:?}");
        let devices = std::slice::from_ref(&args.device);
        let device = machine(devices, true)?.remove(0);
        let report = hostile::once(&args.driver, device, lie, seed)?;
        println!("    {report:?}");
    }
    println!("survived {} seeds", args.count);
    Ok(())
}

fn pull_out(args: &Removal) -> Result<()> {
    print::quiet(!args.verbose);
    for seed in args.seed..args.seed + args.count {
        println!("seed {seed}");
        let report = removal::once(&args.driver, args.devices.open_two()?, seed)?;
        println!("    {report:?}");
    }
    println!("survived {} removals", args.count);
    Ok(())
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    match &args.command {
        Command::Run(args) => {
            print::quiet(args.quiet);
            run(args)?;
        }
        Command::Sweep(args) => {
            print::quiet(args.run.quiet);
            sweep(args)?;
        }
        Command::Card(args) => card(args)?,
        Command::Hostile(args) => lie(args)?,
        Command::Faults(args) => faulty::run(args)?,
        Command::Removal(args) => pull_out(args)?,
        Command::Ndk(args) => conform::run(args)?,
        Command::NdkTable(args) => table::write(args)?,
        Command::Ndkping(args) => measure::ping(args)?,
        Command::Smbd(args) => measure::smb_direct(args)?,
        Command::Ndkperf(args) => measure::perf(args)?,
        Command::Smb(args) => return Ok(smb::run(args)),
        Command::Bad { driver, rule } => bad::run(driver, rule)?,
    }
    Ok(ExitCode::SUCCESS)
}
