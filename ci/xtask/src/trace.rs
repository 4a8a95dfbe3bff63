//! `cargo xtask trace`: which clause of the specification is cited by which code and which test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::check::files;
use crate::workspace;

const CHAPTERS: &str = "firmware-spec/chapters";
const EXCEPTIONS: &str = "ci/trace-exceptions.toml";

/// Show which code and which tests cite each clause of the specification.
///
/// A clause is cited by its id in brackets, as in `[QP-12]`. Fails when a clause that says MUST has
/// neither a test nor an exception with a reason in ci/trace-exceptions.toml, and when code cites a
/// clause that does not exist.
#[derive(clap::Args)]
pub struct Args {
    /// Only clauses whose ids begin so, as in `QP` or `QP-1`.
    prefix: Option<String>,
    /// Only clauses that say MUST and lack a test.
    #[arg(long)]
    missing: bool,
}

#[derive(Debug, Default)]
struct Clause {
    /// `file:line` where it stands.
    at: String,
    /// Whether it says MUST.
    must: bool,
    code: Vec<String>,
    tests: Vec<String>,
}

/// By id, in the order of the chapters' ids.
type Clauses = BTreeMap<Id, Clause>;

/// An id, ordered as people count: QP-2 before QP-10.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id(String, u32);

impl Id {
    fn parse(text: &str) -> Option<Self> {
        let (name, number) = text.trim().rsplit_once('-')?;
        let name_ok = !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '-');
        let number_ok = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
        (name_ok && number_ok).then(|| Some(Self(name.to_owned(), number.parse().ok()?)))?
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    let mut clauses = Clauses::new();
    let mut unknown = Vec::new();
    let files = files()?;
    for file in files
        .iter()
        .filter(|f| f.starts_with(CHAPTERS) && f.extension().is_some_and(|e| e == "md"))
    {
        chapter(
            &file.display().to_string(),
            &fs::read_to_string(root.join(file))?,
            &mut clauses,
        )?;
    }
    ensure!(!clauses.is_empty(), "no clause in {CHAPTERS}");
    for file in files.iter().filter(|file| is_source(file)) {
        let text = fs::read_to_string(root.join(file))
            .with_context(|| format!("reading {}", file.display()))?;
        unknown.extend(citations(file, &text, &mut clauses));
    }
    let exceptions = exceptions(&root.join(EXCEPTIONS))?;
    unknown.extend(
        exceptions
            .keys()
            .filter(|id| !clauses.contains_key(id))
            .map(|id| format!("{EXCEPTIONS}: no clause {id}")),
    );

    let lacks = |id: &Id, clause: &Clause| {
        clause.must && clause.tests.is_empty() && !exceptions.contains_key(id)
    };
    let shown = |id: &Id| {
        args.prefix
            .as_ref()
            .is_none_or(|prefix| id.to_string().starts_with(prefix.as_str()))
    };
    for (id, clause) in clauses.iter().filter(|(id, _)| shown(id)) {
        if args.missing && !lacks(id, clause) {
            continue;
        }
        let list = |places: &[String]| {
            if places.is_empty() {
                "-".into()
            } else {
                places.join(" ")
            }
        };
        let must = if clause.must { "MUST" } else { "" };
        println!("{:10} {must:4} {}", id.to_string(), clause.at);
        println!("           code: {}", list(&clause.code));
        match exceptions.get(id) {
            Some(reason) => println!("           test: exception: {reason}"),
            None => println!("           test: {}", list(&clause.tests)),
        }
    }
    let count = |f: &dyn Fn(&Id, &Clause) -> bool| {
        clauses.iter().filter(|(id, clause)| f(id, clause)).count()
    };
    println!(
        "{} clauses, {} say MUST: {} with a test, {} with an exception, {} with neither; {} cited by code",
        clauses.len(),
        count(&|_, c| c.must),
        count(&|_, c| c.must && !c.tests.is_empty()),
        count(&|id, c| c.must && c.tests.is_empty() && exceptions.contains_key(id)),
        count(&lacks),
        count(&|_, c| !c.code.is_empty()),
    );
    if !unknown.is_empty() {
        bail!(
            "clauses that do not exist are cited:\n  {}",
            unknown.join("\n  ")
        );
    }
    let lacking: Vec<String> = clauses
        .iter()
        .filter(|(id, c)| shown(id) && lacks(id, c))
        .map(|(id, _)| id.to_string())
        .collect();
    if !lacking.is_empty() {
        bail!(
            "{} clauses say MUST and have no test: {}",
            lacking.len(),
            lacking.join(" ")
        );
    }
    Ok(())
}

/// Takes in a chapter's clauses: paragraphs that begin with `**[ID]**`.
fn chapter(name: &str, text: &str, clauses: &mut Clauses) -> Result<()> {
    let mut current: Option<Id> = None;
    for (number, line) in text.lines().enumerate() {
        let at = format!("{name}:{}", number + 1);
        if let Some((id, _)) = line
            .strip_prefix("**[")
            .and_then(|rest| rest.split_once("]**"))
        {
            let id = Id::parse(id)
                .with_context(|| format!("{at}: `{id}` is no clause id; write it as QP-12"))?;
            if let Some(first) = clauses.get(&id) {
                bail!("{at}: clause {id} is already at {}", first.at);
            }
            clauses.insert(
                id.clone(),
                Clause {
                    at,
                    ..Clause::default()
                },
            );
            current = Some(id);
        } else if line.trim().is_empty() || line.starts_with('#') {
            current = None;
        }
        if let Some(clause) = current.as_ref().and_then(|id| clauses.get_mut(id)) {
            clause.must |= line
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| word == "MUST");
        }
    }
    Ok(())
}

/// Product and test code. The generator and its output speak about clauses but implement none.
fn is_source(file: &Path) -> bool {
    let folder = ["device-model", "guest-driver", "firmware-spec", "ci/guests"]
        .iter()
        .any(|dir| file.starts_with(dir));
    let code = file
        .extension()
        .is_some_and(|e| ["rs", "c", "h", "sh"].iter().any(|code| e == *code));
    let out = ["firmware-spec/generated", "firmware-spec/codegen"]
        .iter()
        .any(|dir| file.starts_with(dir));
    folder && code && !out
}

/// Takes in a file's citations; returns those of clauses that do not exist.
fn citations(file: &Path, text: &str, clauses: &mut Clauses) -> Vec<String> {
    let all_tests = file.starts_with("firmware-spec/conformance")
        || file
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches")
        || file.file_stem().is_some_and(|stem| stem == "tests");
    // Brackets hold other things too; a clause is meant when its chapter exists.
    let names: BTreeSet<String> = clauses.keys().map(|id| id.0.clone()).collect();
    let mut in_tests = all_tests;
    let mut unknown = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // By convention the tests close a file.
        in_tests |= line.trim_start().starts_with("#[cfg(test)]");
        for id in cited(line) {
            let at = format!("{}:{}", file.display(), number + 1);
            match clauses.get_mut(&id) {
                Some(clause) if in_tests => clause.tests.push(at),
                Some(clause) => clause.code.push(at),
                None if names.contains(&id.0) => unknown.push(format!("{at}: {id}")),
                None => {}
            }
        }
    }
    unknown
}

/// Ids in brackets on a line: `[QP-1]`, `[QP-1, QP-2]`.
fn cited(line: &str) -> Vec<Id> {
    let mut ids = Vec::new();
    let mut rest = line;
    while let Some((_, after)) = rest.split_once('[') {
        let Some((inside, _)) = after.split_once(']') else {
            break;
        };
        let parts: Vec<Option<Id>> = inside
            .split(',')
            .map(|part| Id::parse(part.trim_matches([' ', '"'])))
            .collect();
        if parts.iter().all(Option::is_some) {
            ids.extend(parts.into_iter().flatten());
        }
        rest = after;
    }
    ids
}

/// `"QP-12" = "why no test can show it"`.
fn exceptions(file: &Path) -> Result<BTreeMap<Id, String>> {
    if !file.exists() {
        return Ok(BTreeMap::new());
    }
    let table: toml::Table = fs::read_to_string(file)?
        .parse()
        .with_context(|| format!("{EXCEPTIONS} is no TOML"))?;
    let mut exceptions = BTreeMap::new();
    for (key, value) in table {
        let id =
            Id::parse(&key).with_context(|| format!("{EXCEPTIONS}: `{key}` is no clause id"))?;
        let reason = value.as_str().map(str::trim).unwrap_or_default();
        ensure!(reason.len() > 10, "{EXCEPTIONS}: {key} needs a reason");
        exceptions.insert(id, reason.to_owned());
    }
    Ok(exceptions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    #[test]
    fn clauses_are_paragraphs() {
        let mut clauses = Clauses::new();
        let text = "**[QP-1]** The device\nMUST do.\n\nIt MUST not count here.\n\n**[QP-2]** MAY. MUSTARD.\n";
        chapter("c.md", text, &mut clauses).unwrap();
        assert!(clauses[&id("QP-1")].must);
        assert!(!clauses[&id("QP-2")].must);
        assert_eq!(clauses[&id("QP-2")].at, "c.md:6");
        assert!(chapter("d.md", "**[QP-2]** again", &mut clauses).is_err());
        assert!(chapter("d.md", "**[qp2]** x", &mut clauses).is_err());
    }

    #[test]
    fn citations_are_code_or_test() {
        let mut clauses = Clauses::new();
        chapter("c.md", "**[QP-1]** MUST\n\n**[QP-2]** MUST\n", &mut clauses).unwrap();
        let text = "// [QP-1, QP-2]\n#[cfg(test)]\nmod tests { // [QP-2]\n// [QP-3] [RFC-9]\n";
        let unknown = citations(Path::new("device-model/x/src/a.rs"), text, &mut clauses);
        assert_eq!(unknown, ["device-model/x/src/a.rs:4: QP-3"]);
        assert_eq!(clauses[&id("QP-1")].code.len(), 1);
        assert!(clauses[&id("QP-1")].tests.is_empty());
        assert_eq!(clauses[&id("QP-2")].tests, ["device-model/x/src/a.rs:3"]);
        citations(
            Path::new("firmware-spec/conformance/src/a.rs"),
            "clauses: &[\"QP-1\", \"QP-2\"],",
            &mut clauses,
        );
        assert_eq!(clauses[&id("QP-1")].tests.len(), 1);
    }

    #[test]
    fn ids_sort_by_number() {
        assert!(id("QP-2") < id("QP-10"));
        assert_eq!(Id::parse("QP-"), None);
        assert_eq!(Id::parse("x[0]"), None);
    }
}
