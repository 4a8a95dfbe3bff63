//! Many seeds: each by segments and by frames, with outcomes compared, and its connections and letters both ways too.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::coverage::Coverage;
use crate::plan::FIRST_SEED;
use crate::sim::{Mode, Report, run};
use crate::{letters, talks};

/// Seeds to run.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// First one.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// Steps of each program, about.
    pub steps: usize,
    /// Print events.
    pub verbose: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            first: FIRST_SEED,
            seeds: 200,
            steps: 60,
            verbose: false,
        }
    }
}

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct SeedResult {
    /// What went wrong, if anything.
    pub failure: Option<String>,
    /// Last events of the run that failed.
    pub trace: Vec<String>,
    /// How often things happened, both runs together.
    pub coverage: Coverage,
}

/// Runs a seed by segments and by frames.
#[must_use]
pub fn run_seed(seed: u64, steps: usize, verbose: bool) -> SeedResult {
    let mode = |segments| Mode {
        segments,
        steps,
        verbose,
    };
    let by_segments = guarded(run, seed, mode(true));
    let by_frames = guarded(run, seed, mode(false));
    let talks_by_segments = guarded(talks::run, seed, mode(true));
    let talks_by_frames = guarded(talks::run, seed, mode(false));
    let letters_by_segments = guarded(letters::run, seed, mode(true));
    let letters_by_frames = guarded(letters::run, seed, mode(false));
    let mut coverage = Coverage::default();
    let reports = [
        ("by segments", &by_segments),
        ("by frames", &by_frames),
        ("by segments", &talks_by_segments),
        ("by frames", &talks_by_frames),
        ("by segments", &letters_by_segments),
        ("by frames", &letters_by_frames),
    ];
    for (_, report) in reports {
        coverage.merge(&report.coverage);
    }
    let failed = reports
        .iter()
        .find_map(|(how, report)| Some((how, report.failure.as_ref()?, report)));
    let (failure, trace) = match failed {
        Some((how, why, report)) => (Some(format!("{how}: {why}")), report.trace.clone()),
        None => (
            difference(&by_segments, &by_frames),
            by_frames.trace.clone(),
        ),
    };
    SeedResult {
        failure,
        trace,
        coverage,
    }
}

/// Without chaos a plan has one outcome, whichever way the data took.
fn difference(one: &Report, other: &Report) -> Option<String> {
    if one.chaos {
        return None;
    }
    for (end, (a, b)) in one.outcomes.iter().zip(&other.outcomes).enumerate() {
        if let Some(at) = (0..a.len().max(b.len())).find(|at| a.get(*at) != b.get(*at)) {
            return Some(format!(
                "outcome {at} of end {end} differs: {:?} by segments, {:?} by frames",
                a.get(at),
                b.get(at)
            ));
        }
    }
    None
}

fn guarded(run: fn(u64, Mode) -> Report, seed: u64, mode: Mode) -> Report {
    catch_unwind(AssertUnwindSafe(|| run(seed, mode))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Report {
            failure: Some(format!("panic: {}", text.unwrap_or("?"))),
            trace: Vec::new(),
            digest: 0,
            coverage: Coverage::default(),
            outcomes: Vec::new(),
            chaos: true,
        }
    })
}
