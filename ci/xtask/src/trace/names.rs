//! Every register field, command, status and limit of the specification is named by a clause.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Value;

use super::chapters::Clause;

/// Adds a problem for each name that no clause mentions; returns how many names there are.
pub fn check(root: &Path, clauses: &[Clause], problems: &mut Vec<String>) -> Result<usize> {
    let mut words: HashSet<&str> = HashSet::new();
    for clause in clauses {
        words.extend(
            clause
                .text
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                .map(|word| word.trim_matches('.')),
        );
    }
    let mut names = 0;
    let folder = root.join("firmware-spec/spec");
    let mut files: Vec<_> = std::fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files {
        if file.path().extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(file.path())?;
        let spec: toml::Table =
            toml::from_str(&text).with_context(|| file.path().display().to_string())?;
        for (what, name) in of_file(&spec) {
            names += 1;
            if !words.contains(name.as_str()) {
                problems.push(format!(
                    "{}: {what} {name} is named by no clause",
                    file.path().display()
                ));
            }
        }
    }
    Ok(names)
}

fn of_file(spec: &toml::Table) -> Vec<(&'static str, String)> {
    let mut names = Vec::new();
    for register in tables(spec, "register") {
        for field in tables(register, "fields") {
            if !name(field).starts_with("reserved") {
                names.push((
                    "register field",
                    format!("{}.{}", name(register), name(field)),
                ));
            }
        }
    }
    names.extend(tables(spec, "command").map(|c| ("command", name(c).to_owned())));
    names.extend(tables(spec, "limit").map(|l| ("limit", format!("LIMIT_{}", name(l)))));
    names.extend(tables(spec, "event").map(|e| ("event", name(e).to_owned())));
    for table in tables(spec, "enum") {
        if matches!(name(table), "Status" | "CompletionStatus") {
            names.extend(tables(table, "values").map(|v| ("status", name(v).to_owned())));
        }
    }
    names
}

fn tables<'a>(table: &'a toml::Table, key: &str) -> impl Iterator<Item = &'a toml::Table> {
    table
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_table)
}

fn name(table: &toml::Table) -> &str {
    table
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
