//! The page of BARs, blocks and registers.

use std::fmt::Write as _;

use super::diagram::{Part, word};
use super::{code, link_enum, prose, table};
use crate::model::Model;
use crate::schema::{Access, Register};

pub(super) fn page(model: &Model) -> String {
    let spec = model.spec();
    let mut out = String::from(
        "Offsets are from the start of the BAR. Everything is little endian.\n\n## BARs\n\n",
    );
    let bars: Vec<_> = spec
        .bar
        .iter()
        .map(|b| {
            vec![
                format!("BAR{}", b.index),
                code(&b.name),
                code(&format!("{:#x}", b.size)),
                if b.mappable { "yes" } else { "no" }.to_owned(),
                prose(&b.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &["BAR", "name", "size", "mappable", "description"],
        &bars,
    );
    out.push_str("\n## Access\n\n");
    let access: Vec<_> = Access::ALL
        .iter()
        .map(|(_, name, meaning)| vec![code(name), (*meaning).to_owned()])
        .collect();
    table(&mut out, &["access", "meaning"], &access);
    out.push_str("\nA *volatile* field has no fixed value after reset. Bits drawn as `-` are reserved: they read as zero and ignore writes.\n\n## Blocks\n\n");
    let blocks: Vec<_> = spec
        .block
        .iter()
        .map(|b| {
            vec![
                code(&b.name),
                format!("BAR{}", model.bar_index(&b.bar)),
                code(&format!("{:#06x}", b.offset)),
                code(&format!("{:#x}", b.size)),
                b.id.to_string(),
                b.version.to_string(),
                prose(&b.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &[
            "block",
            "BAR",
            "offset",
            "size",
            "type",
            "version",
            "description",
        ],
        &blocks,
    );
    out.push_str("\n## Summary\n\n");
    let rows: Vec<_> = spec
        .register
        .iter()
        .map(|r| {
            vec![
                format!("BAR{}", model.bar_of(r)),
                code(&format!("{:#06x}", r.offset)),
                r.width.to_string(),
                format!("[{0}](#{1})", r.name, r.name.to_lowercase()),
                prose(&r.doc),
            ]
        })
        .collect();
    table(
        &mut out,
        &["BAR", "offset", "bits", "register", "description"],
        &rows,
    );
    for block in &spec.block {
        let registers: Vec<_> = spec
            .register
            .iter()
            .filter(|r| r.block == block.name)
            .collect();
        if registers.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n## Block {}\n\n{}", block.name, prose(&block.doc));
        for r in registers {
            out.push_str(&one(model, r));
        }
    }
    out
}

fn one(model: &Model, r: &Register) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\n### {}\n\n{}\n", r.name, prose(&r.doc));
    let _ = write!(
        out,
        "BAR{} offset `{:#x}`, {} bits, reset `{:#x}`",
        model.bar_of(r),
        r.offset,
        r.width,
        r.reset
    );
    if let Some(a) = r.array {
        let _ = write!(out, ", {} elements `{:#x}` bytes apart", a.count, a.stride);
    }
    out.push_str(".\n\n");
    let parts: Vec<Part<'_>> = r
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
    let mut fields: Vec<_> = r.fields.iter().collect();
    fields.sort_by_key(|f| std::cmp::Reverse(f.bits.hi));
    let rows: Vec<_> = fields
        .into_iter()
        .map(|f| {
            let reset = if f.volatile {
                "volatile".to_owned()
            } else {
                code(&format!("{:#x}", (r.reset & f.bits.mask()) >> f.bits.lo))
            };
            let values = f.enum_name.as_ref().map_or(String::new(), |name| {
                format!(" Values: {}.", link_enum(name))
            });
            vec![
                f.bits.shown(),
                code(&f.name),
                f.access.name().to_owned(),
                reset,
                format!("{}{values}", prose(&f.doc)),
            ]
        })
        .collect();
    table(
        &mut out,
        &["bits", "field", "access", "reset", "description"],
        &rows,
    );
    out
}
