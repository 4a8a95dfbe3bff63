//! Proves a specification consistent; refuses it with a file and a line otherwise.

mod layout;
mod naming;
mod registers;
mod tables;

use std::collections::BTreeMap;
use std::fmt;

use crate::model::Model;
use crate::schema::{At, Spec};
use crate::source::Source;

/// One reason to refuse a specification.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as messages name it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, with what, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Every reason found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        write!(f, "{} problem(s) in the specification", self.0.len())
    }
}

impl std::error::Error for Problems {}

/// Parses and checks a specification.
///
/// # Errors
/// Every problem found, in the order of the source. A file that is not TOML, or that holds
/// an unknown key, stops the rest: then there is one.
pub fn check(source: Source) -> Result<Model, Problems> {
    let spec: Spec = match toml::from_str(source.text()) {
        Ok(spec) => spec,
        Err(error) => {
            let (file, line) = source.locate(error.span().map_or(0, |span| span.start));
            return Err(Problems(vec![Problem {
                file: file.to_owned(),
                line,
                message: error.message().to_owned(),
            }]));
        }
    };
    let mut found = Found {
        source: &source,
        problems: Vec::new(),
    };
    naming::check(&spec, &mut found);
    layout::check(&spec, &mut found);
    registers::check(&spec, &mut found);
    tables::check(&spec, &mut found);
    if spec.interface.is_none() {
        found.add(0, "there is no [interface] table".to_owned());
    }
    let mut problems = found.problems;
    match spec.interface.as_ref().map(|i| (**i).clone()) {
        Some(interface) if problems.is_empty() => Ok(Model::new(source, spec, interface)),
        _ => {
            problems.sort();
            problems.dedup();
            Err(Problems(problems))
        }
    }
}

/// Collects problems.
struct Found<'a> {
    source: &'a Source,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn add(&mut self, at: usize, message: String) {
        let (file, line) = self.source.locate(at);
        self.problems.push(Problem {
            file: file.to_owned(),
            line,
            message,
        });
    }

    fn place(&self, at: usize) -> String {
        let (file, line) = self.source.locate(at);
        format!("{file}:{line}")
    }

    /// Refuses the second of two items with one key; `what` names the key in the message.
    fn unique<K: Ord + fmt::Display>(
        &mut self,
        what: &str,
        keys: impl Iterator<Item = (K, usize)>,
    ) {
        let mut seen: BTreeMap<K, usize> = BTreeMap::new();
        for (key, at) in keys {
            if let Some(first) = seen.get(&key) {
                let message = format!("duplicate {what} {key}, first at {}", self.place(*first));
                self.add(at, message);
            } else {
                seen.insert(key, at);
            }
        }
    }

    /// Refuses overlaps and gaps in `[0, end)`; pieces are (name, start, end, position).
    fn covered(&mut self, whole: &str, unit: &str, end: u64, at: usize, pieces: &[Piece<'_>]) {
        let mut sorted: Vec<&Piece<'_>> = pieces.iter().collect();
        sorted.sort_by_key(|p| (p.start, p.end));
        let mut next = 0;
        let mut before = "";
        let mut last_at = at;
        for piece in sorted {
            if piece.end > end {
                let message = format!(
                    "{whole}.{} ends at {unit} {}, past the end of {whole} ({end})",
                    piece.name, piece.end
                );
                self.add(piece.at, message);
            }
            if piece.start < next {
                self.add(
                    piece.at,
                    format!(
                        "{whole}.{} at {unit} {} overlaps {whole}.{before}",
                        piece.name, piece.start
                    ),
                );
            } else if piece.start > next {
                self.gap(piece.at, whole, unit, next, piece.start);
            }
            if piece.end > next {
                next = piece.end;
                before = piece.name;
                last_at = piece.at;
            }
        }
        if next < end {
            self.gap(last_at, whole, unit, next, end);
        }
    }

    fn gap(&mut self, at: usize, whole: &str, unit: &str, from: u64, to: u64) {
        let last = to - 1;
        let message = if last == from {
            format!("gap in {whole}: {unit} {from} is not named; write it out as reserved_N")
        } else {
            format!(
                "gap in {whole}: {unit}s {from} to {last} are not named; write them out as reserved_N"
            )
        };
        self.add(at, message);
    }
}

/// One part of something that must be covered without gap or overlap.
struct Piece<'a> {
    name: &'a str,
    start: u64,
    end: u64,
    at: usize,
}

fn names<'a, T>(
    items: &'a [At<T>],
    name: impl Fn(&'a T) -> &'a str + 'a,
) -> impl Iterator<Item = (String, usize)> + 'a {
    items
        .iter()
        .map(move |item| (crate::names::screaming(name(item)), item.at()))
}
