//! `cargo xtask sim`: many seeds of the simulator, in a release build.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Run seeds of the simulator: machines, faults of the wire, workloads, an oracle.
///
/// A seed chooses which faults there are, and runs by segments and by frames. CI runs 200 as tier 3; this
/// runs more. A seed that failed is replayed by --seed with --verbose, and stays in device-model/sim/tests/regressions.rs
/// once it is mended.
#[derive(clap::Args)]
pub struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// The first one. Seeds of a higher million have more kinds of faults and operations.
    #[arg(long, default_value_t = 2_000_001)]
    first: u64,
    /// This one alone.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Steps of each end's program, about.
    #[arg(long, default_value_t = 60)]
    steps: u64,
    /// Print every event.
    #[arg(long)]
    verbose: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let (first, seeds) = args.seed.map_or((args.first, args.seeds), |seed| (seed, 1));
    let [first, seeds, steps] = [first, seeds, args.steps].map(|n| n.to_string());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo.current_dir(workspace::root());
    cargo.args([
        "run",
        "--quiet",
        "--release",
        "-p",
        "rnic-sim",
        "--bin",
        "rnic-sim",
        "--",
    ]);
    cargo.args(["--first", &first, "--seeds", &seeds, "--steps", &steps]);
    if args.verbose {
        cargo.arg("--verbose");
    }
    let status = cargo.status().context("cargo could not be started")?;
    ensure!(status.success(), "seeds failed; see above");
    Ok(())
}
