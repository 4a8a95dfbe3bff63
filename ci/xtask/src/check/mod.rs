//! `cargo xtask check`, tier 0: what can be judged without running the product.

mod c_header;
mod graph;
mod no_std;
mod style;
mod text;
mod threats;
mod tree;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::tiers::counts::Counts;

pub use style::cargo;

/// Judge the tree without running it (tier 0): dependency arrows, formatting, lints, no_std, C header.
///
/// Every step runs even when an earlier one fails.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask check                  every step
  cargo xtask check arrows clippy    only these
  cargo xtask check --list           what there is")]
pub struct Args {
    /// Only the steps of these names.
    step: Vec<String>,
    /// List the steps.
    #[arg(long)]
    list: bool,
}

/// One step. It returns what it found out in a few words, or an error that says what to do.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<String>,
}

/// Cheap ones first.
const STEPS: &[Step] = &[
    Step {
        name: "arrows",
        what: "packages depend only on what ci/xtask/src/arrows.rs allows",
        run: graph::arrows,
    },
    Step {
        name: "lock",
        what: "one version of the crates whose types meet",
        run: graph::one_version,
    },
    Step {
        name: "text",
        what: "no address of a registry and no path of one machine in any file",
        run: text::run,
    },
    Step {
        name: "readme",
        what: "every folder with code says what lives there",
        run: tree::readme,
    },
    Step {
        name: "size",
        what: "files a person can read (long ones are only listed)",
        run: tree::size,
    },
    Step {
        name: "fmt",
        what: "rustfmt",
        run: style::fmt,
    },
    Step {
        name: "spec",
        what: "the specification is consistent and what is generated from it is up to date",
        run: spec,
    },
    Step {
        name: "trace",
        what: "every MUST has code and a test, every name of the specification a clause",
        run: crate::trace::check,
    },
    Step {
        name: "threats",
        what: "the tests that the threat model names exist",
        run: threats::run,
    },
    Step {
        name: "header",
        what: "the generated C header compiles",
        run: c_header::run,
    },
    Step {
        name: "no-std",
        what: "the crates for drivers and firmware build without std",
        run: no_std::run,
    },
    Step {
        name: "driver",
        what: "rnic.sys links, and Windows exports what it imports",
        run: driver,
    },
    Step {
        name: "clippy",
        what: "clippy, warnings are errors",
        run: style::clippy,
    },
];

fn spec() -> Result<String> {
    let report = rnic_codegen::run(crate::workspace::root(), true)?;
    Ok(report.to_string())
}

fn driver() -> Result<String> {
    crate::driver::build(&crate::driver::output()).map(|built| built.report)
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    if args.list {
        for step in STEPS {
            println!("{:8} {}", step.name, step.what);
        }
        return Ok(());
    }
    for name in &args.step {
        if !STEPS.iter().any(|step| step.name == name) {
            bail!("no step `{name}`; `cargo xtask check --list` shows them");
        }
    }
    let counts = steps(|step| args.step.is_empty() || args.step.iter().any(|name| name == step));
    println!("{counts}");
    if counts.failed > 0 {
        bail!("{} of the checks failed", counts.failed);
    }
    Ok(())
}

/// All steps, as tier 0 of the tests.
pub fn all() -> Result<Counts> {
    Ok(steps(|_| true))
}

fn steps(wanted: impl Fn(&str) -> bool) -> Counts {
    let mut counts = Counts::default();
    for step in STEPS.iter().filter(|step| wanted(step.name)) {
        let start = Instant::now();
        let (word, text) = match (step.run)() {
            Ok(note) => {
                counts.passed += 1;
                ("ok", note)
            }
            Err(error) => {
                counts.fail(format!("check {}", step.name));
                ("FAILED", format!("{error:#}"))
            }
        };
        println!(
            "check {:8} {word} ({:.1} s): {text}",
            step.name,
            start.elapsed().as_secs_f64()
        );
    }
    counts
}
