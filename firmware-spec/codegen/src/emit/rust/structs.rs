//! Layouts: `#[repr(C)]` structs of little-endian integers, proved by const assertions.

use std::fmt::Write as _;

use super::{by_group, doc};
use crate::model::{Model, Type};
use crate::names::snake;
use crate::schema::{Repr, Struct, StructField, is_reserved};

pub(super) fn groups(model: &Model) -> Vec<(String, String)> {
    let items = model
        .spec()
        .structs
        .iter()
        .map(|s| (model.group(s).to_owned(), (**s).clone()));
    by_group(items)
        .into_iter()
        .map(|(group, items)| {
            let uses = "#[allow(unused_imports)]\nuse zerocopy::little_endian::{U16, U32, U64};\nuse zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};\n\n#[allow(unused_imports)]\nuse crate::generated::{enums::*, flags::*, structs::*};\n\n";
            let body: String = items.iter().map(|s| one(model, s)).collect();
            (group, format!("{uses}{body}"))
        })
        .collect()
}

/// Integer as stored.
fn stored(repr: Repr) -> &'static str {
    match repr {
        Repr::U8 => "u8",
        Repr::U16 => "U16",
        Repr::U32 => "U32",
        Repr::U64 => "U64",
    }
}

fn stored_type(ty: &Type) -> String {
    match ty {
        Type::Int(repr) | Type::Enum(_, repr) | Type::Flags(_, repr) => stored(*repr).to_owned(),
        Type::Struct(name, _) => name.clone(),
        Type::Array(element, count) => format!("[{}; {count}]", stored_type(element)),
    }
}

fn zero(ty: &Type) -> String {
    match ty {
        Type::Int(Repr::U8) | Type::Enum(_, Repr::U8) | Type::Flags(_, Repr::U8) => "0".to_owned(),
        Type::Int(repr) | Type::Enum(_, repr) | Type::Flags(_, repr) => {
            format!("{}::ZERO", stored(*repr))
        }
        Type::Struct(name, _) => format!("{name}::zeroed()"),
        Type::Array(element, count) => format!("[{}; {count}]", zero(element)),
    }
}

/// Name of the Rust field: what has a getter is stored under another name.
fn rust_field(field: &StructField, ty: &Type) -> String {
    let name = snake(&field.name);
    match ty {
        Type::Enum(..) | Type::Flags(..) => format!("{name}_raw"),
        _ => name,
    }
}

fn one(model: &Model, item: &Struct) -> String {
    let mut out = String::new();
    let name = &item.name;
    let fields: Vec<(&StructField, Type)> = item
        .fields
        .iter()
        .map(|f| (&**f, model.ty(&f.ty)))
        .collect();
    doc(&mut out, &item.doc);
    let _ = writeln!(out, "///\n/// {} bytes.", item.size);
    let _ = writeln!(
        out,
        "#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]\n#[repr(C)]\npub struct {name} {{"
    );
    for (f, ty) in &fields {
        doc(&mut out, &f.doc);
        if matches!(ty, Type::Enum(..) | Type::Flags(..)) {
            let _ = writeln!(out, "///\n/// As stored; see [`Self::{}`].", snake(&f.name));
        }
        let _ = writeln!(out, "pub {}: {},", rust_field(f, ty), stored_type(ty));
    }
    let _ = writeln!(out, "}}\n\nconst _: () = {{");
    let _ = writeln!(
        out,
        "assert!(core::mem::size_of::<{name}>() == {});",
        item.size
    );
    for (f, ty) in &fields {
        let _ = writeln!(
            out,
            "assert!(core::mem::offset_of!({name}, {}) == {});",
            rust_field(f, ty),
            f.at
        );
    }
    let _ = writeln!(out, "}};\n\nimpl {name} {{");
    let _ = writeln!(
        out,
        "/// Size in bytes.\npub const SIZE: usize = {};\n",
        item.size
    );
    let _ = writeln!(
        out,
        "/// All bytes zero.\n#[must_use]\npub const fn zeroed() -> Self {{\nSelf {{"
    );
    for (f, ty) in &fields {
        let _ = writeln!(out, "{}: {},", rust_field(f, ty), zero(ty));
    }
    let _ = writeln!(out, "}}\n}}\n");
    out.push_str(&reserved_check(&fields));
    for (f, ty) in &fields {
        if let Type::Enum(ty_name, repr) | Type::Flags(ty_name, repr) = ty {
            out.push_str(&accessors(f, ty_name, *repr));
        }
    }
    let _ = writeln!(out, "}}\n");
    let _ = writeln!(
        out,
        "impl Default for {name} {{\nfn default() -> Self {{\nSelf::zeroed()\n}}\n}}\n"
    );
    out
}

fn reserved_check(fields: &[(&StructField, Type)]) -> String {
    let mut terms = Vec::new();
    for (f, ty) in fields {
        let name = rust_field(f, ty);
        let reserved = is_reserved(&f.name);
        match ty {
            Type::Int(_) if reserved => terms.push(format!("self.{name} == {}", zero(ty))),
            Type::Array(element, _) if reserved => terms.push(format!(
                "self.{name}.iter().all(|v| *v == {})",
                zero(element)
            )),
            Type::Flags(..) => {
                terms.push(format!("!self.{}().reserved_bits_set()", snake(&f.name)))
            }
            Type::Struct(..) => terms.push(format!("self.{name}.reserved_is_zero()")),
            Type::Array(element, _) => match &**element {
                Type::Struct(inner, _) => {
                    terms.push(format!("self.{name}.iter().all({inner}::reserved_is_zero)"));
                }
                Type::Flags(inner, Repr::U8) => terms.push(format!(
                    "self.{name}.iter().all(|v| !{inner}(*v).reserved_bits_set())"
                )),
                Type::Flags(inner, _) => terms.push(format!(
                    "self.{name}.iter().all(|v| !{inner}(v.get()).reserved_bits_set())"
                )),
                _ => {}
            },
            _ => {}
        }
    }
    let body = if terms.is_empty() {
        "true".to_owned()
    } else {
        terms.join(" && ")
    };
    format!(
        "/// Whether every reserved byte and bit, those of contained types included, is zero.\n#[must_use]\npub fn reserved_is_zero(&self) -> bool {{\n{body}\n}}\n\n"
    )
}

fn accessors(field: &StructField, ty: &str, repr: Repr) -> String {
    let mut out = String::new();
    let name = snake(&field.name);
    let (get, set) = if repr == Repr::U8 {
        (format!("self.{name}_raw"), "value.0".to_owned())
    } else {
        (
            format!("self.{name}_raw.get()"),
            format!("{}::new(value.0)", stored(repr)),
        )
    };
    doc(&mut out, &field.doc);
    let _ = writeln!(
        out,
        "#[must_use]\npub const fn {name}(&self) -> {ty} {{\n{ty}({get})\n}}\n"
    );
    let _ = writeln!(
        out,
        "/// Stores `{name}`.\npub const fn set_{name}(&mut self, value: {ty}) {{\nself.{name}_raw = {set};\n}}\n"
    );
    let _ = writeln!(
        out,
        "/// The same with `{name}` replaced.\n#[must_use]\npub const fn with_{name}(mut self, value: {ty}) -> Self {{\nself.{name}_raw = {set};\nself\n}}\n"
    );
    out
}
