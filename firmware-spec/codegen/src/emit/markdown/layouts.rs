//! The pages of structs, and of enums, flags words and constants.

use std::fmt::Write as _;

use super::diagram::{Member, Part, layout, word};
use super::{code, link_enum, link_struct, link_type, prose, table};
use crate::model::{Model, struct_named};
use crate::schema::{Flags, Struct};

pub(super) fn structures(model: &Model) -> String {
    let mut out = String::from(
        "Little endian, every field naturally aligned, every byte named. Reserved bytes are zero: the device refuses others in what it reads and writes zeros.\n\n",
    );
    let rows: Vec<_> = model
        .spec()
        .structs
        .iter()
        .map(|s| {
            vec![
                link_struct(&s.name).replace("structures.md", ""),
                s.size.to_string(),
                prose(&s.doc),
            ]
        })
        .collect();
    table(&mut out, &["struct", "bytes", "description"], &rows);
    for s in &model.spec().structs {
        out.push_str(&structure(model, s));
    }
    out
}

fn users(model: &Model, s: &Struct) -> String {
    let spec = model.spec();
    let mut users = Vec::new();
    for c in &spec.command {
        let link = format!("[{}](commands.md#{})", c.name, c.name.to_lowercase());
        if c.request == s.name {
            users.push(format!("request of {link}"));
        }
        if c.response == s.name {
            users.push(format!("answer of {link}"));
        }
    }
    for e in spec.event.iter().filter(|e| e.payload == s.name) {
        users.push(format!(
            "payload of [{}](counters-and-events.md#events)",
            e.name
        ));
    }
    for outer in &spec.structs {
        if outer
            .fields
            .iter()
            .any(|f| struct_named(&model.ty(&f.ty)) == Some(&s.name))
        {
            users.push(format!(
                "part of {}",
                link_struct(&outer.name).replace("structures.md", "")
            ));
        }
    }
    if users.is_empty() {
        String::new()
    } else {
        format!(" Used as {}.", users.join(", "))
    }
}

fn structure(model: &Model, s: &Struct) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\n## {}\n\n{} {} bytes, aligned to {}.{}\n",
        s.name,
        prose(&s.doc),
        s.size,
        model.align_of(s),
        users(model, s)
    );
    let members: Vec<Member<'_>> = s
        .fields
        .iter()
        .map(|f| Member {
            name: &f.name,
            at: f.at,
            size: model.ty(&f.ty).size().unwrap_or(0),
        })
        .collect();
    out.push_str(&layout(&members));
    out.push('\n');
    let rows: Vec<_> = s
        .fields
        .iter()
        .map(|f| {
            let ty = model.ty(&f.ty);
            vec![
                f.at.to_string(),
                ty.size().unwrap_or(0).to_string(),
                code(&f.name),
                link_type(&ty),
                prose(&f.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &["byte", "size", "field", "type", "description"],
        &rows,
    );
    out
}

pub(super) fn enumerations(model: &Model) -> String {
    let mut out = String::from(
        "Enums are open: software and device meet values that they do not know, and say so instead of guessing.\n",
    );
    for (_, e) in model.all_enums() {
        let _ = writeln!(
            out,
            "\n## {}\n\n{} Stored as {}.\n",
            e.name,
            prose(&e.doc),
            e.repr.name()
        );
        let rows: Vec<_> = e
            .values
            .iter()
            .map(|v| {
                vec![
                    code(&format!("{:#04x}", v.value)),
                    code(&v.name),
                    prose(&v.doc),
                ]
            })
            .collect();
        table(&mut out, &["value", "name", "meaning"], &rows);
    }
    for f in &model.spec().flags {
        out.push_str(&flags_word(f));
    }
    let rows: Vec<_> = model
        .spec()
        .consts
        .iter()
        .map(|c| {
            vec![
                code(&c.name),
                c.ty.name().to_owned(),
                format!("{} (`{:#x}`)", c.value, c.value),
                prose(&c.doc),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push_str("\n## Constants\n\n");
        table(&mut out, &["constant", "type", "value", "meaning"], &rows);
    }
    out
}

fn flags_word(f: &Flags) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\n## {}\n\n{} Stored as {}.\n",
        f.name,
        prose(&f.doc),
        f.repr.name()
    );
    let parts: Vec<Part<'_>> = f
        .fields
        .iter()
        .map(|f| Part {
            name: &f.name,
            hi: f.bits.hi,
            lo: f.bits.lo,
        })
        .collect();
    out.push_str(&word(&parts));
    out.push('\n');
    let rows: Vec<_> = f
        .fields
        .iter()
        .map(|f| {
            let values = f.enum_name.as_ref().map_or(String::new(), |name| {
                format!(
                    " Values: {}.",
                    link_enum(name).replace("enumerations.md", "")
                )
            });
            vec![
                f.bits.shown(),
                code(&f.name),
                format!("{}{values}", prose(&f.doc)),
            ]
        })
        .collect();
    table(&mut out, &["bits", "field", "meaning"], &rows);
    out
}
