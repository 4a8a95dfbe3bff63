//! The pages of commands, features and limits, counters and events.

use std::fmt::Write as _;

use super::{code, link_struct, prose, table};
use crate::model::Model;
use crate::schema::Completes;

fn feature_link(name: &str) -> String {
    format!("[{name}](features-and-limits.md#features)")
}

pub(super) fn commands(model: &Model) -> String {
    let spec = model.spec();
    let mut out = String::from(
        "A command is a request in the device-readable part of a chain and an answer in its device-writable part. \
         Statuses listed with a command are those it can answer beside the ones that every command can; \
         see [Status](enumerations.md#status).\n\n",
    );
    let rows: Vec<_> = spec
        .command
        .iter()
        .map(|c| {
            vec![
                code(&format!("{:#06x}", c.opcode)),
                format!("[{}](#{})", c.name, c.name.to_lowercase()),
                c.feature
                    .as_ref()
                    .map_or(String::new(), |f| feature_link(f)),
                prose(&c.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &["opcode", "command", "needs", "what it does"],
        &rows,
    );
    for c in &spec.command {
        let _ = writeln!(out, "\n## {}\n\n{}\n", c.name, prose(&c.doc));
        let statuses: Vec<String> = c.statuses.iter().map(|s| code(s)).collect();
        let mut rows = vec![
            vec!["opcode".to_owned(), code(&format!("{:#06x}", c.opcode))],
            vec!["request".to_owned(), link_struct(&c.request)],
            vec!["answer".to_owned(), link_struct(&c.response)],
            vec![
                "finished by".to_owned(),
                match c.completes {
                    Completes::Inline => "its answer".to_owned(),
                    Completes::Event => "an event that carries the request's cookie".to_owned(),
                },
            ],
        ];
        if let Some(feature) = &c.feature {
            rows.push(vec!["needs".to_owned(), feature_link(feature)]);
        }
        if !statuses.is_empty() {
            rows.push(vec!["statuses".to_owned(), statuses.join(", ")]);
        }
        table(&mut out, &["", ""], &rows);
    }
    out
}

pub(super) fn features_and_limits(model: &Model) -> String {
    let spec = model.spec();
    let mut out = String::from(
        "## Features\n\nA feature is a bit of a 64-bit word that device and driver settle at bring-up.\n\n",
    );
    let rows: Vec<_> = spec
        .feature
        .iter()
        .map(|f| {
            vec![
                f.bit.to_string(),
                code(&f.name),
                if f.software_only {
                    "software only"
                } else {
                    "any"
                }
                .to_owned(),
                prose(&f.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &["bit", "feature", "devices", "what it adds"],
        &rows,
    );
    out.push_str("\n## Limits\n\nEvery implementation offers at least the minimum; the model offers the value beside it.\n\n");
    let rows: Vec<_> = spec
        .limit
        .iter()
        .map(|l| {
            vec![
                code(&l.name),
                l.minimum.to_string(),
                l.value.to_string(),
                l.unit.clone(),
                l.reported_by.as_ref().map_or(String::new(), |r| code(r)),
                prose(&l.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &[
            "limit",
            "minimum",
            "model",
            "unit",
            "reported by",
            "what it bounds",
        ],
        &rows,
    );
    out
}

pub(super) fn counters_and_events(model: &Model) -> String {
    let spec = model.spec();
    let mut out = String::from("## Counters\n\n");
    let rows: Vec<_> = spec
        .counter
        .iter()
        .map(|c| {
            vec![
                c.index.to_string(),
                code(&c.name),
                c.unit.clone(),
                prose(&c.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &["index", "counter", "unit", "what it counts"],
        &rows,
    );
    out.push_str("\n## Events\n\n");
    let rows: Vec<_> = spec
        .event
        .iter()
        .map(|e| {
            vec![
                e.code.to_string(),
                code(&e.name),
                link_struct(&e.payload),
                prose(&e.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &["code", "event", "payload", "what happened"],
        &rows,
    );
    if !spec.syndrome.is_empty() {
        out.push_str("\n## Syndromes\n\n");
        let rows: Vec<_> = spec
            .syndrome
            .iter()
            .map(|s| vec![s.value.to_string(), code(&s.name), prose(&s.doc)])
            .collect();
        table(&mut out, &["value", "syndrome", "meaning"], &rows);
    }
    out
}
