//! The C11 header: defines, and structs whose size and offsets the compiler proves.

use std::fmt::Write as _;

use super::BANNER;
use crate::model::{Model, Type, implied_enums};
use crate::names::{screaming, snake};
use crate::schema::{Enum, Repr, Spec, is_reserved};

/// One `#define`.
struct Define {
    name: String,
    value: String,
    doc: String,
    at: usize,
    /// The item of the specification it stands for, as messages name it.
    what: String,
}

/// A titled run of defines.
struct Section {
    title: String,
    doc: String,
    defines: Vec<Define>,
}

/// Every identifier the header defines: name, position, and the item it stands for.
pub(crate) fn identifiers(spec: &Spec) -> Vec<(String, usize, String)> {
    let mut all = vec![("RNIC_HW_H".to_owned(), 0, "the include guard".to_owned())];
    for section in sections(spec) {
        for define in section.defines {
            all.push((define.name, define.at, define.what));
        }
    }
    for item in &spec.structs {
        all.push((
            struct_name(&item.name),
            item.at(),
            format!("struct {}", item.name),
        ));
    }
    all
}

/// `BAR_X` for a BAR named `X` or `BAR_X`.
pub(crate) fn place_name(kind: &str, name: &str) -> String {
    let name = screaming(name);
    if name.starts_with(&format!("{kind}_")) {
        name
    } else {
        format!("{kind}_{name}")
    }
}

fn struct_name(name: &str) -> String {
    format!("rnic_{}", snake(name))
}

/// Prefix of the defines of an enum; the implied ones have short names.
pub(crate) fn enum_prefix(name: &str) -> String {
    match name {
        "Opcode" => "RNIC_CMD".to_owned(),
        "EventCode" => "RNIC_EVENT".to_owned(),
        "CounterId" => "RNIC_COUNTER".to_owned(),
        name => format!("RNIC_{}", screaming(name)),
    }
}

fn number(value: u64, bits: u32) -> String {
    if bits > 32 || value > u64::from(u32::MAX) {
        format!("UINT64_C({value:#x})")
    } else {
        format!("{value:#x}u")
    }
}

fn enum_section(item: &Enum) -> Section {
    let prefix = enum_prefix(&item.name);
    Section {
        title: format!("{} ({})", item.name, item.repr.name()),
        doc: item.doc.clone(),
        defines: item
            .values
            .iter()
            .map(|v| Define {
                name: format!("{prefix}_{}", screaming(&v.name)),
                value: number(v.value, item.repr.bits()),
                doc: v.doc.clone(),
                at: v.at(),
                what: format!("{}.{}", item.name, v.name),
            })
            .collect(),
    }
}

/// Collects the defines of one section.
struct Defines(Vec<Define>);

impl Defines {
    fn push(&mut self, name: String, value: String, doc: &str, at: usize, what: &str) {
        self.0.push(Define {
            name,
            value,
            doc: doc.to_owned(),
            at,
            what: what.to_owned(),
        });
    }

    fn section(self, title: &str, doc: &str) -> Section {
        Section {
            title: title.to_owned(),
            doc: doc.to_owned(),
            defines: self.0,
        }
    }
}

fn sections(spec: &Spec) -> Vec<Section> {
    let mut all = vec![interface(spec), places(spec)];
    all.extend(registers(spec));
    all.extend(spec.enums.iter().map(|e| enum_section(e)));
    all.extend(implied_enums(spec).iter().map(enum_section));
    all.extend(flags(spec));
    all.push(numbers(spec));
    all
}

fn interface(spec: &Spec) -> Section {
    let mut d = Defines(Vec::new());
    let mut doc = String::new();
    if let Some(i) = &spec.interface {
        doc.clone_from(&i.doc);
        for (name, value) in [
            ("MAJOR", u64::from(i.major)),
            ("MINOR", u64::from(i.minor)),
            ("VENDOR_ID", u64::from(i.vendor_id)),
            ("DEVICE_ID", u64::from(i.device_id)),
            ("SUBSYSTEM_VENDOR_ID", u64::from(i.subsystem_vendor_id)),
            ("SUBSYSTEM_ID", u64::from(i.subsystem_id)),
            ("CLASS_CODE", u64::from(i.class_code)),
            ("REVISION", u64::from(i.revision)),
        ] {
            d.push(
                format!("RNIC_INTERFACE_{name}"),
                number(value, 32),
                "",
                i.at(),
                "the interface",
            );
        }
    }
    d.section("Interface", &doc)
}

fn places(spec: &Spec) -> Section {
    let mut d = Defines(Vec::new());
    for bar in &spec.bar {
        let name = format!("RNIC_{}", place_name("BAR", &bar.name));
        let what = format!("BAR {}", bar.name);
        d.push(
            name.clone(),
            number(bar.index.into(), 32),
            &bar.doc,
            bar.at(),
            &what,
        );
        d.push(
            format!("{name}_SIZE"),
            number(bar.size, 64),
            "",
            bar.at(),
            &what,
        );
    }
    for block in &spec.block {
        let name = format!("RNIC_{}", place_name("BLOCK", &block.name));
        let what = format!("block {}", block.name);
        d.push(
            name.clone(),
            number(block.offset, 32),
            &block.doc,
            block.at(),
            &what,
        );
        for (suffix, value) in [
            ("SIZE", block.size),
            ("ID", block.id.into()),
            ("VERSION", block.version.into()),
        ] {
            d.push(
                format!("{name}_{suffix}"),
                number(value, 32),
                "",
                block.at(),
                &what,
            );
        }
    }
    d.section(
        "BARs and blocks",
        "Index and size of each BAR; offset in its BAR, size, type and version of each block.",
    )
}

fn registers(spec: &Spec) -> Vec<Section> {
    let mut all = Vec::new();
    for r in &spec.register {
        let mut d = Defines(Vec::new());
        let upper = screaming(&r.name);
        let what = format!("register {}", r.name);
        let name = format!("RNIC_REG_{upper}");
        d.push(
            name.clone(),
            number(r.offset, 32),
            "offset in its BAR",
            r.at(),
            &what,
        );
        d.push(
            format!("{name}_RESET"),
            number(r.reset, r.width),
            "",
            r.at(),
            &what,
        );
        if let Some(array) = r.array {
            d.push(
                format!("{name}_COUNT"),
                number(array.count, 32),
                "elements",
                r.at(),
                &what,
            );
            d.push(
                format!("{name}_STRIDE"),
                number(array.stride, 32),
                "bytes from one element to the next",
                r.at(),
                &what,
            );
        }
        for f in r.fields.iter().filter(|f| !is_reserved(&f.name)) {
            let what = format!("{}.{}", r.name, f.name);
            let name = format!("RNIC_{upper}_{}", screaming(&f.name));
            let doc = format!("{}: {}", f.access.name(), f.doc);
            d.push(
                format!("{name}_SHIFT"),
                f.bits.lo.to_string(),
                "",
                f.at(),
                &what,
            );
            d.push(
                format!("{name}_MASK"),
                number(f.bits.mask(), r.width),
                &doc,
                f.at(),
                &what,
            );
        }
        all.push(d.section(&format!("Register {} ({} bits)", r.name, r.width), &r.doc));
    }
    all
}

fn flags(spec: &Spec) -> Vec<Section> {
    let mut all = Vec::new();
    for item in &spec.flags {
        let mut d = Defines(Vec::new());
        for f in item.fields.iter().filter(|f| !is_reserved(&f.name)) {
            let name = format!("RNIC_{}_{}", screaming(&item.name), screaming(&f.name));
            let what = format!("{}.{}", item.name, f.name);
            d.push(
                format!("{name}_SHIFT"),
                f.bits.lo.to_string(),
                "",
                f.at(),
                &what,
            );
            d.push(
                format!("{name}_MASK"),
                number(f.bits.mask(), item.repr.bits()),
                &f.doc,
                f.at(),
                &what,
            );
        }
        all.push(d.section(&format!("{} ({})", item.name, item.repr.name()), &item.doc));
    }
    all
}

fn numbers(spec: &Spec) -> Section {
    let mut d = Defines(Vec::new());
    for f in &spec.feature {
        d.push(
            format!("RNIC_FEATURE_{}", screaming(&f.name)),
            number(1u64.checked_shl(f.bit).unwrap_or(0), 64),
            &f.doc,
            f.at(),
            &format!("feature {}", f.name),
        );
    }
    for l in &spec.limit {
        let name = format!("RNIC_LIMIT_{}", screaming(&l.name));
        let what = format!("limit {}", l.name);
        d.push(
            format!("{name}_MIN"),
            number(l.minimum, 32),
            &l.doc,
            l.at(),
            &what,
        );
        d.push(
            name,
            number(l.value, 32),
            "what the model offers",
            l.at(),
            &what,
        );
    }
    for c in &spec.consts {
        d.push(
            format!("RNIC_{}", screaming(&c.name)),
            number(c.value, c.ty.bits()),
            &c.doc,
            c.at(),
            &format!("constant {}", c.name),
        );
    }
    d.section("Features, limits and constants", "")
}

/// A doc text inside a C comment, on one line.
fn comment(doc: &str) -> String {
    let words: Vec<&str> = doc.split_whitespace().collect();
    words.join(" ").replace("*/", "* /").replace("/*", "/ *")
}

/// The whole header.
pub(crate) fn header(model: &Model) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "/* {BANNER} */");
    let _ = writeln!(
        out,
        "/*\n * Everything in memory and in registers is little endian. Structs need no packing:\n * every byte is named and every field is naturally aligned.\n */"
    );
    out.push_str(
        "#ifndef RNIC_HW_H\n#define RNIC_HW_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n",
    );
    out.push_str("#ifdef __cplusplus\n#define RNIC_HW_ASSERT_ static_assert\n#else\n#define RNIC_HW_ASSERT_ _Static_assert\n#endif\n");
    for section in sections(model.spec()) {
        if section.defines.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n/* ---- {} ---- */", section.title);
        if !section.doc.is_empty() {
            let _ = writeln!(out, "/* {} */", comment(&section.doc));
        }
        for define in &section.defines {
            if !define.doc.is_empty() {
                let _ = writeln!(out, "/* {} */", comment(&define.doc));
            }
            let _ = writeln!(out, "#define {} {}", define.name, define.value);
        }
    }
    for item in model.structs_in_order() {
        let name = struct_name(&item.name);
        let _ = writeln!(out, "\n/* {} */\nstruct {name} {{", comment(&item.doc));
        for field in &item.fields {
            let (ty, suffix) = c_type(&model.ty(&field.ty));
            let note = match model.ty(&field.ty) {
                Type::Enum(name, _) | Type::Flags(name, _) => format!("{name}: "),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "    {ty} {}{suffix}; /* {}: {note}{} */",
                snake(&field.name),
                field.at,
                comment(&field.doc)
            );
        }
        let _ = writeln!(out, "}};");
        let _ = writeln!(
            out,
            "RNIC_HW_ASSERT_(sizeof(struct {name}) == {}, \"size of {name}\");",
            item.size
        );
        for field in &item.fields {
            let field_name = snake(&field.name);
            let _ = writeln!(
                out,
                "RNIC_HW_ASSERT_(offsetof(struct {name}, {field_name}) == {}, \"{name}.{field_name}\");",
                field.at
            );
        }
    }
    out.push_str("\n#undef RNIC_HW_ASSERT_\n#endif /* RNIC_HW_H */\n");
    out
}

fn c_type(ty: &Type) -> (String, String) {
    let int = |repr: &Repr| format!("uint{}_t", repr.bits());
    match ty {
        Type::Int(repr) | Type::Enum(_, repr) | Type::Flags(_, repr) => (int(repr), String::new()),
        Type::Struct(name, _) => (format!("struct {}", struct_name(name)), String::new()),
        Type::Array(element, count) => (c_type(element).0, format!("[{count}]")),
    }
}
