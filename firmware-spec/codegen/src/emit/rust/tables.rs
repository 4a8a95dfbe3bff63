//! Metadata tables, and commands as types.

use std::fmt::Write as _;

use super::{doc, literal};
use crate::model::Model;
use crate::names::{camel, screaming};
use crate::schema::{Completes, is_reserved};

pub(super) fn markers(model: &Model) -> String {
    let spec = model.spec();
    if spec.command.is_empty() {
        return String::new();
    }
    let mut out =
        "use crate::generated::{enums::Opcode, structs::*};\nuse crate::Command;\n\n".to_owned();
    for c in &spec.command {
        let name = camel(&c.name);
        doc(&mut out, &c.doc);
        let _ = writeln!(out, "#[derive(Clone, Copy, Debug)]\npub enum {name} {{}}\n");
        let _ = writeln!(
            out,
            "impl Command for {name} {{\nconst CODE: Opcode = Opcode::{};\ntype Request = {};\ntype Response = {};\n}}\n",
            screaming(&c.name),
            c.request,
            c.response
        );
    }
    out
}

pub(super) fn layouts(model: &Model) -> String {
    let spec = model.spec();
    let mut out =
        "use crate::meta::{Bits, Enumeration, EnumValue, FlagsWord, Member, Structure};\n\n"
            .to_owned();
    out.push_str("/// Every struct, in the order of the specification.\npub const STRUCTS: &[Structure] = &[\n");
    for s in &spec.structs {
        let _ = writeln!(
            out,
            "Structure {{ name: {:?}, size: {}, align: {}, doc: {}, fields: &[",
            s.name,
            s.size,
            model.align_of(s),
            literal(&s.doc)
        );
        for f in &s.fields {
            let ty = model.ty(&f.ty);
            let _ = writeln!(
                out,
                "Member {{ name: {:?}, offset: {}, size: {}, ty: {:?}, reserved: {}, doc: {} }},",
                f.name,
                f.at,
                ty.size().unwrap_or(0),
                f.ty,
                is_reserved(&f.name),
                literal(&f.doc)
            );
        }
        out.push_str("] },\n");
    }
    out.push_str("];\n\n/// Every enum, those of commands, events, counters and syndromes included.\npub const ENUMS: &[Enumeration] = &[\n");
    for (_, e) in model.all_enums() {
        let _ = writeln!(
            out,
            "Enumeration {{ name: {:?}, width: {}, doc: {}, values: &[",
            e.name,
            e.repr.bits(),
            literal(&e.doc)
        );
        for v in &e.values {
            let _ = writeln!(
                out,
                "EnumValue {{ name: {:?}, value: {:#x}, doc: {} }},",
                v.name,
                v.value,
                literal(&v.doc)
            );
        }
        out.push_str("] },\n");
    }
    out.push_str("];\n\n/// Every flags word.\npub const FLAGS: &[FlagsWord] = &[\n");
    for w in &spec.flags {
        let _ = writeln!(
            out,
            "FlagsWord {{ name: {:?}, width: {}, doc: {}, fields: &[",
            w.name,
            w.repr.bits(),
            literal(&w.doc)
        );
        for f in &w.fields {
            let _ = writeln!(
                out,
                "Bits {{ name: {:?}, hi: {}, lo: {}, reserved: {}, doc: {} }},",
                f.name,
                f.bits.hi,
                f.bits.lo,
                is_reserved(&f.name),
                literal(&f.doc)
            );
        }
        out.push_str("] },\n");
    }
    out.push_str("];\n");
    out
}

pub(super) fn commands(model: &Model) -> String {
    let spec = model.spec();
    let size = |name: &str| {
        spec.structs
            .iter()
            .find(|s| s.name == name)
            .map_or(0, |s| s.size)
    };
    let mut out = String::new();
    if spec.command.is_empty() && spec.event.is_empty() {
        return out;
    }
    out.push_str("#[allow(unused_imports)]\nuse crate::generated::enums::*;\n#[allow(unused_imports)]\nuse crate::generated::feature;\n#[allow(unused_imports)]\nuse crate::meta::{CommandInfo, Completes, EventInfo};\n\n");
    if !spec.command.is_empty() {
        out.push_str("/// Every command, by code.\npub const COMMANDS: &[CommandInfo] = &[\n");
        for c in &spec.command {
            let statuses: Vec<String> = c
                .statuses
                .iter()
                .map(|s| format!("Status::{}", screaming(s)))
                .collect();
            let feature = c.feature.as_ref().map_or("None".to_owned(), |f| {
                format!("Some(feature::{})", screaming(f))
            });
            let completes = match c.completes {
                Completes::Inline => "Inline",
                Completes::Event => "Event",
            };
            let _ = writeln!(
                out,
                "CommandInfo {{ name: {:?}, code: Opcode::{}, request: {:?}, request_size: {}, response: {:?}, response_size: {}, statuses: &[{}], feature: {feature}, completes: Completes::{completes}, doc: {} }},",
                c.name,
                screaming(&c.name),
                c.request,
                size(&c.request),
                c.response,
                size(&c.response),
                statuses.join(", "),
                literal(&c.doc)
            );
        }
        out.push_str("];\n\n");
    }
    if !spec.event.is_empty() {
        out.push_str("/// Every event, by code.\npub const EVENTS: &[EventInfo] = &[\n");
        for e in &spec.event {
            let _ = writeln!(
                out,
                "EventInfo {{ name: {:?}, code: EventCode::{}, payload: {:?}, payload_size: {}, doc: {} }},",
                e.name,
                screaming(&e.name),
                e.payload,
                size(&e.payload),
                literal(&e.doc)
            );
        }
        out.push_str("];\n\n");
    }
    out
}

pub(super) fn numbers(model: &Model) -> String {
    let spec = model.spec();
    let mut out = "use crate::meta::{Counter, Feature, Limit};\n\n".to_owned();
    out.push_str("/// Every feature, by bit.\npub const FEATURES: &[Feature] = &[\n");
    for f in &spec.feature {
        let _ = writeln!(
            out,
            "Feature {{ name: {:?}, bit: {}, software_only: {}, doc: {} }},",
            f.name,
            f.bit,
            f.software_only,
            literal(&f.doc)
        );
    }
    out.push_str("];\n\n/// Every limit, in the order of the specification.\npub const LIMITS: &[Limit] = &[\n");
    for l in &spec.limit {
        let register = l
            .reported_by
            .as_ref()
            .and_then(|r| r.split_once('.'))
            .map_or("None".to_owned(), |(r, f)| format!("Some(({r:?}, {f:?}))"));
        let _ = writeln!(
            out,
            "Limit {{ name: {:?}, reported_by: {register}, minimum: {}, value: {}, unit: {:?}, doc: {} }},",
            l.name,
            l.minimum,
            l.value,
            l.unit,
            literal(&l.doc)
        );
    }
    out.push_str("];\n\n/// Every counter, by index.\npub const COUNTERS: &[Counter] = &[\n");
    for c in &spec.counter {
        let _ = writeln!(
            out,
            "Counter {{ name: {:?}, index: {}, unit: {:?}, doc: {} }},",
            c.name,
            c.index,
            c.unit,
            literal(&c.doc)
        );
    }
    out.push_str("];\n");
    out
}
