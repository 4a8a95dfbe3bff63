//! The Rust modules under `firmware-spec/abi/src/generated`.

mod flags;
mod numbers;
mod open_enum;
mod registers;
mod structs;
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::BANNER;
use crate::model::Model;

/// Files, relative to the folder of generated modules, not yet formatted.
pub(super) fn files(model: &Model) -> Vec<(String, String)> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut modules = Vec::new();
    for (folder, doc, groups) in [
        (
            "enums",
            "Open enums: an unknown code is a value.",
            open_enum::groups(model),
        ),
        ("flags", "Words made of bit fields.", flags::groups(model)),
        (
            "structs",
            "Layouts in memory, little endian.",
            structs::groups(model),
        ),
    ] {
        let mut index = head(doc);
        for (group, body) in groups {
            let file = crate::names::snake(&group);
            let _ = writeln!(index, "mod {file};");
            let _ = writeln!(index, "pub use {file}::*;");
            let doc = format!("{doc} From `firmware-spec/spec/{group}.toml`.");
            let doc = if group == "tables" {
                "Codes of commands, events, counters and syndromes.".to_owned()
            } else {
                doc
            };
            files.insert(
                format!("{folder}/{file}.rs"),
                format!("{}{body}", head(&doc)),
            );
        }
        files.insert(format!("{folder}/mod.rs"), index);
        modules.push(format!("mod {folder};\npub use {folder}::*;\n"));
    }
    for (name, doc, body) in [
        (
            "reg",
            "Offsets of registers in their BAR, and the bit fields of each.",
            registers::offsets(model),
        ),
        ("place", "BARs and register blocks.", numbers::places(model)),
        (
            "interface",
            "Identity and version.",
            numbers::interface(model),
        ),
        (
            "feature",
            "Feature bits, as masks of the feature word.",
            numbers::features(model),
        ),
        (
            "limit",
            "Limits: what the model offers, and the minimum every implementation offers.",
            numbers::limits(model),
        ),
        ("consts", "Named numbers.", numbers::consts(model)),
        (
            "cmd",
            "Commands as types: code, request and response of each.",
            tables::markers(model),
        ),
    ] {
        files.insert(format!("{name}.rs"), format!("{}{body}", head(doc)));
        modules.push(format!("pub mod {name};\n"));
    }
    for (name, doc, body) in [
        (
            "register_table",
            "Metadata of BARs, blocks and registers.",
            registers::table(model),
        ),
        (
            "layout_table",
            "Metadata of structs, enums and flags words.",
            tables::layouts(model),
        ),
        (
            "command_table",
            "Metadata of commands and events.",
            tables::commands(model),
        ),
        (
            "number_table",
            "Metadata of features, limits and counters.",
            tables::numbers(model),
        ),
    ] {
        files.insert(format!("{name}.rs"), format!("{}{body}", head(doc)));
        modules.push(format!("mod {name};\npub use {name}::*;\n"));
    }
    modules.sort();
    let body: String = modules.concat();
    files.insert(
        "mod.rs".to_owned(),
        format!("{}{body}", head("What firmware-spec/spec says, as Rust.")),
    );
    files.into_iter().collect()
}

fn head(doc: &str) -> String {
    format!("// {BANNER}\n//! {doc}\n\n")
}

/// A doc text as doc comment lines. Brackets and angles outside code are escaped, because a
/// clause id is no link.
fn doc(out: &mut String, text: &str) {
    for line in text.trim().lines() {
        let line = line.trim();
        if line.is_empty() {
            out.push_str("///\n");
            continue;
        }
        let mut escaped = String::new();
        let mut code = false;
        for c in line.chars() {
            if c == '`' {
                code = !code;
            }
            if !code && matches!(c, '[' | ']' | '<' | '>') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        let _ = writeln!(out, "/// {escaped}");
    }
}

/// A doc text as a string literal on one line.
fn literal(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("{:?}", words.join(" "))
}

/// Items by the specification file they stand in, in the order of the files' names.
fn by_group<T>(items: impl Iterator<Item = (String, T)>) -> BTreeMap<String, Vec<T>> {
    let mut groups: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for (group, item) in items {
        groups.entry(group).or_default().push(item);
    }
    groups
}
