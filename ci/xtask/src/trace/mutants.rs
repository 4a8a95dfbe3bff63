//! `cargo xtask trace --mutants`: one build with every violation in it; one alive at a time.
//!
//! For each violation only the tests that cite its clause run: unit tests by name, conformance tests in process by
//! clause. All of them must pass while no violation is alive, so that a failure means what it says.

mod build;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, bail};

use super::chapters::parse_id;
use super::cites::Cite;
use crate::{ui, workspace};
use run::{Plan, Verdict};

/// What `--mutants` runs.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    /// Only violations whose identifier contains this.
    pub filter: Option<&'a str>,
    /// Only so many, drawn with `seed`.
    pub sample: Option<usize>,
    /// Seed of the draw.
    pub seed: u64,
}

/// Violations that run at a time.
const WORKERS: usize = 2;

/// Builds once, then runs for each violation the tests that cite its clause.
pub fn run(root: &Path, choice: Choice<'_>) -> Result<()> {
    let outcome = measure(root, choice)?;
    println!(
        "{} passed, {} failed",
        outcome.noticed,
        outcome.survivors.len()
    );
    if outcome.survivors.is_empty() {
        Ok(())
    } else {
        bail!("no test notices: {}", outcome.survivors.join(", "))
    }
}

/// What became of the violations.
pub struct Outcome {
    /// How many a test noticed.
    pub noticed: usize,
    /// Those that none did.
    pub survivors: Vec<String>,
}

/// As [`run`], without the last word.
pub fn measure(root: &Path, choice: Choice<'_>) -> Result<Outcome> {
    let ids = chosen(collect(root)?, choice);
    if ids.is_empty() {
        bail!(
            "no violation matches; they are calls of `mutant(\"CLAUSE/word\")` below device-model"
        );
    }
    let start = Instant::now();
    let binaries = build::build(root)?;
    let built = start.elapsed();
    let cites = super::cites::read(root)?;
    let plans: BTreeMap<&str, Plan<'_>> = ids
        .iter()
        .map(|id| clause_of(id))
        .map(|clause| (clause, Plan::new(clause, &binaries, &cites)))
        .collect();
    run::baseline(&binaries, plans.values())?;
    let bar = ui::Progress::start(format!("{} violations", ids.len()));
    let next = AtomicUsize::new(0);
    let verdicts: Mutex<BTreeMap<&str, Verdict>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
                let verdict = match plans.get(clause_of(id)) {
                    Some(plan) => plan.run(id)?,
                    None => Verdict::Survived,
                };
                let mut verdicts = verdicts.lock().unwrap_or_else(|e| e.into_inner());
                verdicts.insert(id, verdict);
                bar.percent(verdicts.len() as f64 * 100.0 / ids.len() as f64);
            }
            Ok(())
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|e| std::panic::resume_unwind(e))
        })
    })?;
    let verdicts = verdicts.into_inner().unwrap_or_else(|e| e.into_inner());
    bar.finish(format!(
        "{:.0} s to build, {:.0} s to run",
        built.as_secs_f64(),
        (start.elapsed() - built).as_secs_f64()
    ));
    let mut survivors = Vec::new();
    for (id, verdict) in &verdicts {
        match verdict {
            Verdict::Noticed(test) => println!("noticed   {id:<24} {test}"),
            Verdict::Survived => {
                println!("SURVIVED  {id}");
                survivors.push((*id).to_owned());
            }
        }
    }
    Ok(Outcome {
        noticed: verdicts.len() - survivors.len(),
        survivors,
    })
}

/// `QP-12` of `QP-12/word`.
fn clause_of(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}

fn chosen(all: BTreeSet<String>, choice: Choice<'_>) -> Vec<String> {
    let mut ids: Vec<String> = all
        .into_iter()
        .filter(|id| choice.filter.is_none_or(|text| id.contains(text)))
        .collect();
    if let Some(sample) = choice.sample {
        ids.sort_by_key(|id| draw(choice.seed, id));
        ids.truncate(sample);
        ids.sort();
        println!("{} violations drawn with --seed {}", ids.len(), choice.seed);
    }
    ids
}

/// A number that depends on every bit of both (FNV-1a, then a SplitMix64 step).
fn draw(seed: u64, id: &str) -> u64 {
    let hash = id.bytes().fold(0xCBF2_9CE4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 31)
}

/// Identifiers in the source: `mutant("QP-12/word")`.
pub fn collect(root: &Path) -> Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for file in workspace::tracked(root, "rs")? {
        if !file.starts_with("device-model/") || file.starts_with("device-model/mutant/") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(&file))?;
        for part in text.split("mutant(\"").skip(1) {
            let id = part.split('"').next().unwrap_or_default().to_owned();
            if parse_id(clause_of(&id)).is_none() || !id.contains('/') {
                bail!("{file}: {id:?} is not of the form CLAUSE/word");
            }
            if !ids.insert(id.clone()) {
                bail!("{file}: {id} is used twice");
            }
        }
    }
    Ok(ids)
}

/// Whether a citation is of `clause`, by a test.
fn proves(cite: &Cite, clause: &str) -> bool {
    cite.test && parse_id(clause).as_ref() == Some(&cite.clause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_its_seed_alone() {
        let all: BTreeSet<String> = (0..100).map(|n| format!("QP-{n}/word")).collect();
        let pick = |seed| {
            let choice = Choice {
                filter: None,
                sample: Some(10),
                seed,
            };
            chosen(all.clone(), choice)
        };
        assert_eq!(pick(1), pick(1));
        assert_ne!(pick(1), pick(2));
        assert_eq!(pick(1).len(), 10);
    }
}
