//! 200 seeds, each by segments and by frames; everything that a run can do must have happened.
//!
//! `RNIC_SEED=n` runs that seed alone and prints every event.

use rnic_sim::batch::run_seed;
use rnic_sim::coverage::Coverage;
use rnic_sim::plan::FIRST_SEED;

const SEEDS: usize = 200;
const STEPS: usize = 60;

#[test]
fn two_hundred_seeds() {
    if let Ok(seed) = std::env::var("RNIC_SEED") {
        let seed = seed.parse().expect("RNIC_SEED is a number");
        let result = run_seed(seed, STEPS, true);
        assert_eq!(result.failure, None, "seed {seed}");
        return;
    }
    let mut coverage = Coverage::default();
    let mut failed = Vec::new();
    for seed in (FIRST_SEED..).take(SEEDS) {
        let result = run_seed(seed, STEPS, false);
        coverage.merge(&result.coverage);
        if let Some(why) = result.failure {
            for line in &result.trace {
                println!("{line}");
            }
            println!(
                "seed {seed}: {why}\n  replay: RNIC_SEED={seed} cargo test -p rnic-sim --test seeds"
            );
            failed.push(seed);
        }
    }
    for (name, count) in coverage.iter() {
        println!("{count:>10}  {name}");
    }
    assert!(
        failed.is_empty(),
        "{} of {SEEDS} seeds failed: {failed:?}",
        failed.len()
    );
    assert_eq!(coverage.missing(), Vec::<&str>::new(), "never happened");
}

#[test]
fn a_seed_is_one_run() {
    use rnic_sim::sim::{Mode, run};
    for segments in [true, false] {
        let mode = Mode {
            segments,
            steps: 40,
            verbose: false,
        };
        assert_eq!(run(FIRST_SEED, mode).digest, run(FIRST_SEED, mode).digest);
    }
}
