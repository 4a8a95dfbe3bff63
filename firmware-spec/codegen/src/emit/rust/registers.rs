//! Register offsets, bit fields, and the register table.

use std::fmt::Write as _;

use super::{doc, literal};
use crate::model::Model;
use crate::names::{camel, screaming, snake};
use crate::schema::is_reserved;

pub(super) fn offsets(model: &Model) -> String {
    let mut out = String::new();
    let registers = &model.spec().register;
    for r in registers {
        doc(&mut out, &r.doc);
        let _ = writeln!(out, "///\n/// {} bits in BAR{}.", r.width, model.bar_of(r));
        let name = screaming(&r.name);
        let _ = writeln!(out, "pub const {name}: u64 = {:#x};", r.offset);
        if let Some(array) = r.array {
            let _ = writeln!(
                out,
                "/// Elements of [`{name}`].\npub const {name}_COUNT: u64 = {};\n/// Bytes from one element of [`{name}`] to the next.\npub const {name}_STRIDE: u64 = {:#x};",
                array.count, array.stride
            );
        }
    }
    for r in registers {
        if r.fields.iter().all(|f| is_reserved(&f.name)) {
            continue;
        }
        let _ = writeln!(
            out,
            "\n/// Fields of [`{}`].\npub mod {} {{\nuse crate::BitField;\n",
            screaming(&r.name),
            snake(&r.name)
        );
        for f in r.fields.iter().filter(|f| !is_reserved(&f.name)) {
            doc(&mut out, &f.doc);
            let _ = writeln!(
                out,
                "pub const {}: BitField = BitField::new({}, {});",
                screaming(&f.name),
                f.bits.hi,
                f.bits.lo
            );
        }
        out.push_str("}\n");
    }
    out
}

pub(super) fn table(model: &Model) -> String {
    let spec = model.spec();
    let array = if spec.register.iter().any(|r| r.array.is_some()) {
        "Array, "
    } else {
        ""
    };
    let mut out = format!("use crate::meta::{{Access, {array}Bar, Block, Field, Register}};\n\n");
    out.push_str("/// Every BAR, by index.\npub const BARS: &[Bar] = &[\n");
    for b in &spec.bar {
        let _ = writeln!(
            out,
            "Bar {{ name: {:?}, index: {}, size: {:#x}, mappable: {}, doc: {} }},",
            b.name,
            b.index,
            b.size,
            b.mappable,
            literal(&b.doc)
        );
    }
    out.push_str(
        "];\n\n/// Every register block, by BAR and offset.\npub const BLOCKS: &[Block] = &[\n",
    );
    for b in &spec.block {
        let _ = writeln!(
            out,
            "Block {{ name: {:?}, bar: {}, offset: {:#x}, size: {:#x}, id: {:#x}, version: {}, doc: {} }},",
            b.name,
            model.bar_index(&b.bar),
            b.offset,
            b.size,
            b.id,
            b.version,
            literal(&b.doc)
        );
    }
    out.push_str(
        "];\n\n/// Every register, by BAR and offset.\npub const REGISTERS: &[Register] = &[\n",
    );
    for r in &spec.register {
        let array = r.array.map_or("None".to_owned(), |a| {
            format!(
                "Some(Array {{ count: {}, stride: {:#x} }})",
                a.count, a.stride
            )
        });
        let _ = writeln!(
            out,
            "Register {{ name: {:?}, block: {:?}, bar: {}, offset: {:#x}, width: {}, reset: {:#x}, array: {array}, doc: {}, fields: &[",
            r.name,
            r.block,
            model.bar_of(r),
            r.offset,
            r.width,
            r.reset,
            literal(&r.doc)
        );
        for f in &r.fields {
            let enum_name = f
                .enum_name
                .as_ref()
                .map_or("None".to_owned(), |n| format!("Some({n:?})"));
            let _ = writeln!(
                out,
                "Field {{ name: {:?}, hi: {}, lo: {}, access: Access::{}, volatile: {}, reserved: {}, enumeration: {enum_name}, doc: {} }},",
                f.name,
                f.bits.hi,
                f.bits.lo,
                camel(f.access.name()),
                f.volatile,
                is_reserved(&f.name),
                literal(&f.doc)
            );
        }
        out.push_str("] },\n");
    }
    out.push_str("];\n");
    out
}
