//! Runs seeds, each by segments and by frames, and compares the outcomes.

use std::process::ExitCode;

use rnic_sim::batch::{Batch, run_seed};

const USAGE: &str = "rnic-sim [--seeds N] [--first S] [--seed X] [--steps N] [--verbose]
  Runs N seeds from S on (or seed X alone, as RNIC_SEED does), by segments and by frames.
  --steps N   steps of each end's program, about
  --verbose   print every event";

fn main() -> ExitCode {
    let mut batch = Batch::default();
    if let Ok(seed) = std::env::var("RNIC_SEED") {
        match seed.parse() {
            Ok(seed) => (batch.first, batch.seeds) = (seed, 1),
            Err(_) => {
                eprintln!("RNIC_SEED must be a number, not {seed:?}");
                return ExitCode::FAILURE;
            }
        }
    }
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--verbose" {
            batch.verbose = true;
            continue;
        }
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (name.as_str(), value) {
            ("--seeds", Some(value)) => batch.seeds = value,
            ("--first", Some(value)) => batch.first = value,
            ("--seed", Some(value)) => (batch.first, batch.seeds) = (value, 1),
            ("--steps", Some(value)) => batch.steps = value as usize,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    let mut failed = 0u64;
    let mut coverage = rnic_sim::coverage::Coverage::default();
    for seed in batch.first..batch.first + batch.seeds {
        let result = run_seed(seed, batch.steps, batch.verbose);
        coverage.merge(&result.coverage);
        if let Some(failure) = result.failure {
            failed += 1;
            println!(
                "seed {seed} FAILED: {failure}\n  replay: RNIC_SEED={seed} rnic-sim --steps {} --verbose",
                batch.steps
            );
            for line in &result.trace {
                println!("    {line}");
            }
        } else if (seed - batch.first + 1).is_multiple_of(25) {
            println!(
                "{} of {} seeds, {failed} failed",
                seed - batch.first + 1,
                batch.seeds
            );
        }
    }
    for (name, count) in coverage.iter() {
        println!("{count:>10}  {name}");
    }
    let missing = coverage.missing();
    if batch.seeds >= 100 && !missing.is_empty() {
        println!("never hit: {missing:?}");
        return ExitCode::FAILURE;
    }
    println!("{} seeds, {failed} failed", batch.seeds);
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
