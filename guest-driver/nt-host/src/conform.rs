//! The NDK conformance tests over rnic.sys. A worker process runs one after the other and says how each ended; when one
//! fails, breaks a rule or hangs, the worker ends and another goes on with the next.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ndk_consumer::conformance::{self, Test};
use ndk_consumer::platform::Family;
use nt_host::consumers::Consumers;
use nt_host::faults;
use nt_host::host::Host;
use nt_host::nt::print;

use crate::devices::Devices;

/// How long one test may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// What begins a worker's lines.
const MARK: &str = "ndk-result";
#[derive(clap::Args)]
pub struct Args {
    /// rnic.sys.
    driver: PathBuf,
    #[command(flatten)]
    devices: Devices,
    /// Only tests whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Begin with the test of this number, and end at the first that fails: what workers do.
    #[arg(long, hide = true)]
    worker: Option<usize>,
}

fn tests(args: &Args) -> Vec<(&'static Test, Family)> {
    let wanted = |test: &&Test| {
        args.only
            .as_ref()
            .is_none_or(|text| test.name.contains(text))
    };
    conformance::all()
        .filter(wanted)
        .flat_map(|test| [(test, Family::V4), (test, Family::V6)])
        .collect()
}

fn name(test: &Test, family: Family) -> String {
    format!("{} ({family:?})", test.name)
}

fn work(args: &Args, first: usize) -> Result<()> {
    print::quiet(true);
    let functions = args.devices.open_two()?;
    let host = Host::load(&args.driver, functions).context("loading the driver")?;
    let adapters = [0, 1].map(|function| host.add_adapter(function, &[]));
    for adapter in &adapters {
        if let Err(status) = host.start(adapter) {
            bail!("an adapter did not start: {status:#010x}");
        }
    }
    let consumers = Consumers::new(adapters.clone());
    for (index, (test, family)) in tests(args).into_iter().enumerate().skip(first) {
        if let Err(why) = conformance::run(test, &consumers, family) {
            println!("{MARK} {index} failed {}", why.replace('\n', " | "));
            for line in print::lines().iter().rev().take(20).rev() {
                eprintln!("[driver] {line}");
            }
            // What the test left behind cannot be given back; the process ends with it.
            std::process::exit(1);
        }
        println!("{MARK} {index} passed");
    }
    let lost: u64 = adapters.iter().map(|adapter| faults::lost(adapter)).sum();
    if lost > 0 {
        let last = tests(args).len();
        println!(
            "{MARK} {last} failed {lost} interrupts were taken for lost, of devices that lose none"
        );
        std::process::exit(1);
    }
    host.unload();
    println!("{MARK} {} passed", tests(args).len());
    Ok(())
}

/// A line a test, as libtest writes it.
fn say(tests: &[(&'static Test, Family)], index: usize, result: &Result<(), String>) {
    let shown = tests
        .get(index)
        .map_or("nothing is left".to_owned(), |(t, f)| name(t, *f));
    match result {
        Ok(()) => println!("test {shown} ... ok"),
        Err(why) => println!("test {shown} ... FAILED\n    {why}"),
    }
}

fn spawn(args: &Args, first: usize) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("ndk").arg(&args.driver);
    command.args(args.devices.arguments());
    if let Some(only) = &args.only {
        command.arg("--only").arg(only);
    }
    command.arg("--worker").arg(first.to_string());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start a worker")
}

/// Runs a worker from test `first` on; results of tests by number, and the number of the test that ended it.
fn supervise(
    args: &Args,
    tests: &[(&'static Test, Family)],
    first: usize,
    results: &mut BTreeMap<usize, Result<(), String>>,
) -> Result<usize> {
    let mut child = spawn(args, first)?;
    let (lines, incoming) = channel();
    let output = child.stdout.take().context("no pipe")?;
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    let errors = child.stderr.take().context("no pipe")?;
    let errors = std::thread::spawn(move || {
        let lines = BufReader::new(errors).lines().map_while(Result::ok);
        lines.collect::<Vec<String>>()
    });
    let mut next = first;
    let mut hung = false;
    // Whether the worker itself said what failed; otherwise it was the test that it was at.
    let mut said_failed = false;
    loop {
        match incoming.recv_timeout(PATIENCE) {
            Ok(line) => {
                let Some(rest) = line.strip_prefix(MARK) else {
                    continue;
                };
                let mut words = rest.trim().splitn(3, ' ');
                let index: usize = words.next().unwrap_or_default().parse()?;
                let passed = words.next() == Some("passed");
                said_failed = !passed;
                let why = words.next().unwrap_or_default().to_owned();
                let result = if passed { Ok(()) } else { Err(why) };
                say(tests, index, &result);
                results.insert(index, result);
                next = index + 1;
            }
            Err(RecvTimeoutError::Timeout) => {
                hung = true;
                child.kill().ok();
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    let errors = errors.join().unwrap_or_default();
    if !status.success() && !said_failed {
        let breach = errors.iter().position(|line| line.starts_with("BREACH"));
        let tail = breach.unwrap_or(errors.len().saturating_sub(5));
        let why = if hung {
            format!("no end within {PATIENCE:?}")
        } else {
            errors[tail..].join("\n    ")
        };
        let result = Err(why);
        say(tests, next, &result);
        results.insert(next, result);
        next += 1;
    } else if !status.success() {
        let driver = errors.iter().filter(|line| line.starts_with("[driver]"));
        let shown: Vec<&String> = driver.collect();
        for line in &shown[shown.len().saturating_sub(6)..] {
            println!("    {line}");
        }
    }
    Ok(next)
}

pub fn run(args: &Args) -> Result<()> {
    if let Some(first) = args.worker {
        return work(args, first);
    }
    let tests = tests(args);
    ensure!(!tests.is_empty(), "no test has such a name");
    let mut results = BTreeMap::new();
    let mut next = 0;
    // The last result, after all tests, says that nothing was left when the driver was unloaded.
    while next <= tests.len() {
        next = supervise(args, &tests, next, &mut results)?;
    }
    let failed = results.values().filter(|result| result.is_err()).count();
    let passed = results.len() - failed;
    println!(
        "test result: {}. {passed} passed; {failed} failed",
        if failed == 0 { "ok" } else { "FAILED" }
    );
    ensure!(failed == 0, "{failed} of {} tests failed", results.len());
    Ok(())
}
