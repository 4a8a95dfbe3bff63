//! Open enums: a newtype over the integer with a constant for each named value.

use std::fmt::Write as _;

use super::{by_group, doc};
use crate::model::Model;
use crate::names::screaming;
use crate::schema::{Enum, Repr};

pub(super) fn groups(model: &Model) -> Vec<(String, String)> {
    by_group(model.all_enums().into_iter())
        .into_iter()
        .map(|(group, items)| (group, items.iter().map(one).collect()))
        .collect()
}

fn one(item: &Enum) -> String {
    let mut out = String::new();
    let (name, repr) = (&item.name, item.repr.name());
    doc(&mut out, &item.doc);
    let _ = writeln!(
        out,
        "#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]\n#[repr(transparent)]\npub struct {name}(pub {repr});\n"
    );
    let _ = writeln!(out, "impl {name} {{");
    for v in &item.values {
        doc(&mut out, &v.doc);
        let _ = writeln!(
            out,
            "pub const {}: Self = Self({:#x});",
            screaming(&v.name),
            v.value
        );
    }
    let _ = writeln!(
        out,
        "\n/// Every named value, in the order of the specification."
    );
    let _ = writeln!(out, "pub const KNOWN: &'static [Self] = &[");
    for v in &item.values {
        let _ = writeln!(out, "Self::{},", screaming(&v.name));
    }
    let _ = writeln!(
        out,
        "];\n\n/// The name in the specification; none for an unknown value.\n#[must_use]\npub const fn name(self) -> Option<&'static str> {{\nmatch self {{"
    );
    for v in &item.values {
        let _ = writeln!(out, "Self::{} => Some({:?}),", screaming(&v.name), v.name);
    }
    let _ = writeln!(
        out,
        "_ => None,\n}}\n}}\n\n/// Whether the specification names this value.\n#[must_use]\npub const fn is_known(self) -> bool {{\nself.name().is_some()\n}}\n}}\n"
    );
    let into = if item.repr == Repr::U64 {
        ""
    } else {
        ".into()"
    };
    for path in ["Debug", "Display"] {
        let _ = writeln!(
            out,
            "impl core::fmt::{path} for {name} {{\nfn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{\ncrate::print::open_enum(f, {name:?}, self.name(), self.0{into})\n}}\n}}\n"
        );
    }
    out
}
