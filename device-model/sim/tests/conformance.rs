//! The conformance suite in process, on every kind of machine that this crate can be.
//!
//! `RNIC_CLAUSE=QP-12,QP-13` runs only the tests that cite these clauses, `RNIC_FILTER=text` only
//! those whose name contains the text.

use rnic_conformance::{Options, Verdict, run};
use rnic_sim::platform::{FabricOptions, Options as Machine, SimPlatform};

fn conforms(machine: Machine) {
    let platform = SimPlatform::new(&machine).expect("a machine");
    let report = run(
        &platform,
        Options {
            clause: std::env::var("RNIC_CLAUSE").ok(),
            filter: std::env::var("RNIC_FILTER").ok(),
            on_result: Some(Box::new(|result| {
                println!(
                    "{:5} {} ({} ms)",
                    result.verdict.label(),
                    result.id,
                    result.ms
                );
                if result.verdict == Verdict::Fail {
                    println!("      {}", result.reason);
                }
            })),
            ..Options::default()
        },
    );
    println!("{}", report.text());
    let failed: Vec<_> = report
        .results
        .iter()
        .filter(|result| result.verdict == Verdict::Fail)
        .map(|result| result.id)
        .collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

fn machine(mapped: bool, segments: bool) -> Machine {
    Machine {
        mapped,
        fabric: FabricOptions {
            segments,
            ..FabricOptions::default()
        },
        ..Machine::default()
    }
}

#[test]
fn mapped_doorbells_and_segments() {
    conforms(machine(true, true));
}

#[test]
fn mapped_doorbells_and_frames() {
    conforms(machine(true, false));
}

#[test]
fn trapped_doorbells_and_segments() {
    conforms(machine(false, true));
}

#[test]
fn trapped_doorbells_and_frames() {
    conforms(machine(false, false));
}
