//! `cargo xtask trace`: which clause is implemented where, and which test proves it.

mod chapters;
mod cites;
mod mutants;
mod names;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// Join clauses, code and tests; fail on what is not covered.
///
/// Reads the clauses of firmware-spec/chapters, the citations `[QP-12]` in code and tests, and the
/// names of firmware-spec/spec. A MUST without a citation in code or without one in a test is a
/// failure, unless firmware-spec/chapters/exceptions.toml says why.
#[derive(clap::Args)]
pub struct Args {
    /// Print every clause with its citations, not only what is missing.
    #[arg(long)]
    all: bool,
    /// Write the table as Markdown to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<std::path::PathBuf>,
    /// Run the tests against each one-line violation of a clause; each must be noticed.
    #[arg(long)]
    mutants: bool,
    /// With --mutants: only violations whose identifier contains this.
    #[arg(long, value_name = "TEXT", requires = "mutants")]
    filter: Option<String>,
    /// With --mutants: only so many violations, drawn with the seed.
    #[arg(long, value_name = "COUNT", requires = "mutants")]
    sample: Option<usize>,
    /// With --sample: what the draw depends on.
    #[arg(long, value_name = "NUMBER", requires = "sample", default_value_t = 1)]
    seed: u64,
}

/// One-line violations of clauses that the source must have at least.
const MIN_VIOLATIONS: usize = 110;

/// A clause that has no test, or no code, for a reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    clause: String,
    /// `test`, `code` or `both`.
    lacks: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    #[serde(default)]
    exception: Vec<Exception>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    if args.mutants {
        return mutants::run(
            root,
            mutants::Choice {
                filter: args.filter.as_deref(),
                sample: args.sample,
                seed: args.seed,
            },
        );
    }
    let outcome = examine(root)?;
    if let Some(file) = &args.markdown {
        std::fs::write(file, outcome.markdown())
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.all {
        print!("{}", outcome.markdown());
    }
    for problem in &outcome.problems {
        println!("{problem}");
    }
    println!("{}", outcome.summary());
    if outcome.problems.is_empty() {
        Ok(())
    } else {
        bail!(
            "{} clauses or names are not covered",
            outcome.problems.len()
        )
    }
}

/// Every violation, as a part of tier 2.
pub fn measure_violations() -> Result<mutants::Outcome> {
    let all = mutants::Choice {
        filter: None,
        sample: None,
        seed: 1,
    };
    mutants::measure(workspace::root(), all)
}

/// The same as a step of tier 0.
pub fn check() -> Result<String> {
    let outcome = examine(workspace::root())?;
    if outcome.problems.is_empty() {
        Ok(outcome.summary())
    } else {
        bail!("{}", outcome.problems.join("\n"))
    }
}

/// One clause with all that is known of it.
pub struct Row {
    must: bool,
    place: String,
    code: Vec<String>,
    tests: Vec<String>,
    exception: Option<(String, String)>,
}

/// The joined table.
pub struct Outcome {
    rows: BTreeMap<(String, u32), Row>,
    names: usize,
    violations: usize,
    problems: Vec<String>,
}

impl Outcome {
    fn summary(&self) -> String {
        let count = |is: fn(&Row) -> bool| self.rows.values().filter(|row| is(row)).count();
        format!(
            "{} clauses, {} of them MUST; {} cited by code, {} by tests; {} exceptions; \
             {} names checked; {} violations written",
            self.rows.len(),
            count(|row| row.must),
            count(|row| !row.code.is_empty()),
            count(|row| !row.tests.is_empty()),
            count(|row| row.exception.is_some()),
            self.names,
            self.violations,
        )
    }

    fn markdown(&self) -> String {
        let mut out = String::from("| clause | code | tests |\n|---|---|---|\n");
        for ((chapter, number), row) in &self.rows {
            let cell = |places: &[String]| match places {
                [] => match &row.exception {
                    Some((_, reason)) => format!("exception: {reason}"),
                    None if row.must => "**none**".to_owned(),
                    None => "-".to_owned(),
                },
                many => many.join("<br>"),
            };
            out += &format!(
                "| {chapter}-{number} | {} | {} |\n",
                cell(&row.code),
                cell(&row.tests)
            );
        }
        out
    }
}

/// Reads everything and joins it.
pub fn examine(root: &Path) -> Result<Outcome> {
    let chapters = root.join("firmware-spec/chapters");
    let clauses = chapters::read(&chapters)?;
    let mut problems = Vec::new();
    let exceptions_file = chapters.join("exceptions.toml");
    let exceptions: Exceptions = if exceptions_file.exists() {
        toml::from_str(&std::fs::read_to_string(&exceptions_file)?)
            .with_context(|| format!("{}", exceptions_file.display()))?
    } else {
        Exceptions {
            exception: Vec::new(),
        }
    };
    let mut rows: BTreeMap<(String, u32), Row> = BTreeMap::new();
    for clause in &clauses {
        rows.insert(
            clause.key(),
            Row {
                must: clause.must(),
                place: clause.place.clone(),
                code: Vec::new(),
                tests: Vec::new(),
                exception: None,
            },
        );
    }
    for exception in exceptions.exception {
        let key = chapters::parse_id(&exception.clause)
            .with_context(|| format!("exceptions.toml: {:?} is no clause id", exception.clause))?;
        if !matches!(exception.lacks.as_str(), "test" | "code" | "both") {
            bail!(
                "exceptions.toml: {}: lacks is \"test\", \"code\" or \"both\"",
                exception.clause
            );
        }
        match rows.get_mut(&key) {
            Some(row) => row.exception = Some((exception.lacks, exception.reason)),
            None => problems.push(format!(
                "exceptions.toml: {} does not exist",
                exception.clause
            )),
        }
    }
    for cite in cites::read(root)? {
        let place = format!("{}:{}", cite.file, cite.line);
        match rows.get_mut(&cite.clause) {
            Some(row) if cite.test => row.tests.push(place),
            Some(row) => row.code.push(place),
            None => problems.push(format!(
                "{place}: cites {}-{}, which does not exist",
                cite.clause.0, cite.clause.1
            )),
        }
    }
    for ((chapter, number), row) in &rows {
        if !row.must {
            continue;
        }
        let excused = |what: &str| {
            row.exception
                .as_ref()
                .is_some_and(|(lacks, _)| lacks == what || lacks == "both")
        };
        let mut lacks = Vec::new();
        if row.code.is_empty() && !excused("code") {
            lacks.push("code");
        }
        if row.tests.is_empty() && !excused("test") {
            lacks.push("test");
        }
        if !lacks.is_empty() {
            problems.push(format!(
                "{}: {chapter}-{number} has no {}",
                row.place,
                lacks.join(" and no ")
            ));
        }
    }
    let names = names::check(root, &clauses, &mut problems)?;
    let violations = mutants::collect(root)?;
    for id in &violations {
        let clause = id.split('/').next().and_then(chapters::parse_id);
        match clause.and_then(|key| rows.get(&key)) {
            None => problems.push(format!("violation {id}: there is no such clause")),
            Some(row) if row.tests.is_empty() => {
                problems.push(format!("violation {id}: no test cites its clause"));
            }
            Some(_) => (),
        }
    }
    if violations.len() < MIN_VIOLATIONS {
        problems.push(format!(
            "{} violations are written, at least {MIN_VIOLATIONS} are required",
            violations.len()
        ));
    }
    Ok(Outcome {
        rows,
        names,
        violations: violations.len(),
        problems,
    })
}
