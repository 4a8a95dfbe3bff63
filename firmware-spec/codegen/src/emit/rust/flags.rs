//! Flags words: a newtype over the integer with a getter and a setter for each field.

use std::fmt::Write as _;

use super::{by_group, doc};
use crate::model::Model;
use crate::names::{screaming, snake};
use crate::schema::{Bits, FlagField, Flags, Repr, is_reserved};

pub(super) fn groups(model: &Model) -> Vec<(String, String)> {
    let items = model
        .spec()
        .flags
        .iter()
        .map(|f| (model.group(f).to_owned(), (**f).clone()));
    by_group(items)
        .into_iter()
        .map(|(group, items)| {
            let uses = "use crate::BitField;\n#[allow(unused_imports)]\nuse crate::generated::enums::*;\n\n";
            let body: String = items.iter().map(|f| one(model, f)).collect();
            (group, format!("{uses}{body}"))
        })
        .collect()
}

fn reserved_mask(item: &Flags) -> u64 {
    item.fields
        .iter()
        .filter(|f| is_reserved(&f.name))
        .fold(0, |mask, f| mask | f.bits.mask())
}

fn one(model: &Model, item: &Flags) -> String {
    let mut out = String::new();
    let (name, repr) = (&item.name, item.repr.name());
    doc(&mut out, &item.doc);
    let _ = writeln!(
        out,
        "#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]\n#[repr(transparent)]\npub struct {name}(pub {repr});\n"
    );
    let _ = writeln!(out, "impl {name} {{");
    let named: Vec<_> = item
        .fields
        .iter()
        .filter(|f| !is_reserved(&f.name))
        .collect();
    for f in named.iter().filter(|f| f.bits.width() == 1) {
        doc(&mut out, &f.doc);
        let _ = writeln!(
            out,
            "pub const {}: Self = Self({:#x});",
            screaming(&f.name),
            f.bits.mask()
        );
    }
    let _ = writeln!(out, "/// Bits that have no meaning and are zero.");
    let _ = writeln!(
        out,
        "pub const RESERVED_MASK: {repr} = {:#x};",
        reserved_mask(item)
    );
    let _ = writeln!(out, "/// The named fields and their bits.");
    let _ = writeln!(
        out,
        "pub const FIELDS: &'static [(&'static str, BitField)] = &["
    );
    for f in &named {
        let _ = writeln!(
            out,
            "({:?}, BitField::new({}, {})),",
            f.name, f.bits.hi, f.bits.lo
        );
    }
    let _ = writeln!(out, "];\n");
    let _ = writeln!(
        out,
        "/// Whether every bit of `other` is set.\n#[must_use]\npub const fn contains(self, other: Self) -> bool {{\nself.0 & other.0 == other.0\n}}\n"
    );
    let _ = writeln!(
        out,
        "/// Whether a bit is set that has no meaning.\n#[must_use]\npub const fn reserved_bits_set(self) -> bool {{\n{}\n}}\n",
        if reserved_mask(item) == 0 {
            "false"
        } else {
            "self.0 & Self::RESERVED_MASK != 0"
        }
    );
    for f in &named {
        out.push_str(&accessors(model, item.repr, f));
    }
    let _ = writeln!(out, "}}\n");
    let _ = writeln!(
        out,
        "impl core::ops::BitOr for {name} {{\ntype Output = Self;\nfn bitor(self, other: Self) -> Self {{\nSelf(self.0 | other.0)\n}}\n}}\n"
    );
    let into = if item.repr == Repr::U64 {
        ""
    } else {
        ".into()"
    };
    let _ = writeln!(
        out,
        "impl core::fmt::Debug for {name} {{\nfn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{\ncrate::print::flags(f, {name:?}, Self::FIELDS, self.0{into}, Self::RESERVED_MASK{into})\n}}\n}}\n"
    );
    out
}

/// What a getter returns.
enum Value<'a> {
    Bool,
    Int(Repr),
    Enum(&'a str, Repr),
}

fn accessors(model: &Model, word: Repr, field: &FlagField) -> String {
    let mut out = String::new();
    let Bits { hi: _, lo } = field.bits;
    let mask = field.bits.mask();
    let name = snake(&field.name);
    let repr = word.name();
    let value = match &field.enum_name {
        Some(name) => {
            let found = model.spec().enums.iter().find(|e| e.name == *name);
            Value::Enum(name, found.map_or(word, |e| e.repr))
        }
        None if field.bits.width() == 1 => Value::Bool,
        None => Value::Int(Repr::holding(field.bits.width())),
    };
    let cast = |to: Repr, expr: String| {
        if to == word {
            expr
        } else {
            format!("({expr}) as {}", to.name())
        }
    };
    let taken = shift_right(&format!("self.0 & {mask:#x}"), lo);
    let (ty, get, number) = match value {
        Value::Bool => (
            "bool".to_owned(),
            format!("self.0 & {mask:#x} != 0"),
            format!("value as {repr}"),
        ),
        Value::Int(to) => (
            to.name().to_owned(),
            cast(to, taken),
            if to == word {
                "value".to_owned()
            } else {
                format!("value as {repr}")
            },
        ),
        Value::Enum(name, to) => (
            name.to_owned(),
            format!("{name}({})", cast(to, taken)),
            if to == word {
                "value.0".to_owned()
            } else {
                format!("value.0 as {repr}")
            },
        ),
    };
    doc(&mut out, &field.doc);
    let _ = writeln!(
        out,
        "#[must_use]\npub const fn {name}(self) -> {ty} {{\n{get}\n}}\n"
    );
    let shifted = if lo == 0 {
        format!("({number})")
    } else {
        format!("(({number}) << {lo})")
    };
    let width = field.bits.width();
    let _ = writeln!(
        out,
        "/// The same word with `{name}` ({width} bit{}) replaced.\n#[must_use]\npub const fn with_{name}(self, value: {ty}) -> Self {{\nSelf((self.0 & !{mask:#x}) | ({shifted} & {mask:#x}))\n}}\n",
        if width == 1 {
            ""
        } else {
            "s; higher bits of the value are dropped"
        }
    );
    out
}

fn shift_right(expr: &str, by: u32) -> String {
    if by == 0 {
        expr.to_owned()
    } else {
        format!("({expr}) >> {by}")
    }
}
