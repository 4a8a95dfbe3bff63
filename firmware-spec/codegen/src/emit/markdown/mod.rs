//! Markdown pages, one a kind of table, for a person who writes firmware or a driver.

mod diagram;
mod layouts;
mod registers;
mod tables;

use std::fmt::Write as _;

use super::BANNER;
use crate::model::{Model, Type};

/// Pages by file name.
pub(super) fn pages(model: &Model) -> Vec<(String, String)> {
    [
        ("README.md", "The interface, generated", index(model)),
        ("registers.md", "Registers", registers::page(model)),
        ("commands.md", "Commands", tables::commands(model)),
        ("structures.md", "Structures", layouts::structures(model)),
        (
            "enumerations.md",
            "Enumerations, flags and constants",
            layouts::enumerations(model),
        ),
        (
            "features-and-limits.md",
            "Features and limits",
            tables::features_and_limits(model),
        ),
        (
            "counters-and-events.md",
            "Counters and events",
            tables::counters_and_events(model),
        ),
    ]
    .into_iter()
    .map(|(name, title, body)| {
        (
            name.to_owned(),
            format!("<!-- {BANNER} -->\n\n# {title}\n\n{}\n", body.trim_end()),
        )
    })
    .collect()
}

fn index(model: &Model) -> String {
    let i = model.interface();
    let spec = model.spec();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Interface `{}` {}.{}. {}\n",
        i.name,
        i.major,
        i.minor,
        prose(&i.doc)
    );
    let _ = writeln!(
        out,
        "`cargo run -p rnic-codegen` writes this folder from `../spec`; `-- --check` fails when it is stale. \
         Nothing here is edited by hand; behaviour is in `../chapters`. The generator's tests are in `../codegen/tests`.\n"
    );
    table(
        &mut out,
        &["file", "what"],
        &[
            vec![
                "[registers.md](registers.md)".into(),
                format!(
                    "{} BARs, {} blocks, {} registers",
                    spec.bar.len(),
                    spec.block.len(),
                    spec.register.len()
                ),
            ],
            vec![
                "[commands.md](commands.md)".into(),
                format!("{} commands", spec.command.len()),
            ],
            vec![
                "[structures.md](structures.md)".into(),
                format!("{} layouts in memory", spec.structs.len()),
            ],
            vec![
                "[enumerations.md](enumerations.md)".into(),
                format!(
                    "{} enums, {} flags words, {} constants",
                    spec.enums.len(),
                    spec.flags.len(),
                    spec.consts.len()
                ),
            ],
            vec![
                "[features-and-limits.md](features-and-limits.md)".into(),
                format!(
                    "{} features, {} limits",
                    spec.feature.len(),
                    spec.limit.len()
                ),
            ],
            vec![
                "[counters-and-events.md](counters-and-events.md)".into(),
                format!(
                    "{} counters, {} events",
                    spec.counter.len(),
                    spec.event.len()
                ),
            ],
            vec![
                "[rnic_hw.h](rnic_hw.h)".into(),
                "everything as a C11 header, sizes and offsets asserted".into(),
            ],
            vec![
                "[rnic.svd](rnic.svd)".into(),
                "the registers as CMSIS-SVD 1.3".into(),
            ],
            vec![
                "[rnic.json](rnic.json)".into(),
                "everything as JSON, in the form of the source".into(),
            ],
        ],
    );
    let _ = writeln!(out, "\nPCI identity:\n");
    table(
        &mut out,
        &["field", "value"],
        &[
            vec![
                "vendor, device".into(),
                format!("`{:#06x}`, `{:#06x}`", i.vendor_id, i.device_id),
            ],
            vec![
                "subsystem vendor, subsystem".into(),
                format!(
                    "`{:#06x}`, `{:#06x}`",
                    i.subsystem_vendor_id, i.subsystem_id
                ),
            ],
            vec![
                "class code, revision".into(),
                format!("`{:#08x}`, `{:#04x}`", i.class_code, i.revision),
            ],
        ],
    );
    out
}

/// A doc text as one paragraph. What Markdown or HTML would take for itself is escaped,
/// outside code.
fn prose(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out = String::new();
    let mut code = false;
    for c in words.join(" ").chars() {
        match c {
            '`' => code = !code,
            '<' | '>' | '*' if !code => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

/// A table; cells are Markdown, and a bar in one is escaped.
fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let _ = writeln!(out, "| {} |", head.join(" | "));
    let _ = writeln!(out, "|{}", " --- |".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A link to a struct.
fn link_struct(name: &str) -> String {
    format!("[{name}](structures.md#{})", name.to_lowercase())
}

/// A link to an enum or a flags word.
fn link_enum(name: &str) -> String {
    format!("[{name}](enumerations.md#{})", name.to_lowercase())
}

/// A type, linked to where it is described.
fn link_type(ty: &Type) -> String {
    match ty {
        Type::Int(repr) => repr.name().to_owned(),
        Type::Enum(name, repr) | Type::Flags(name, repr) => {
            format!("{} ({})", link_enum(name), repr.name())
        }
        Type::Struct(name, _) => link_struct(name),
        Type::Array(element, count) => format!("{count} × {}", link_type(element)),
    }
}
