//! Names: identifiers in every output language, and no two alike in the C namespace.

use std::collections::BTreeMap;

use super::{Found, names};
use crate::names::{camel, is_c_keyword, is_identifier, is_rust_keyword};
use crate::schema::Spec;

/// Methods that generated types have anyway.
const TAKEN: &[&str] = &[
    "zeroed",
    "reserved_is_zero",
    "contains",
    "reserved_bits_set",
    "name",
    "doc",
    "is_known",
    "default",
    "clone",
];

/// Types that stand beside the generated ones at the root of rnic-abi.
const HAND_WRITTEN: &[&str] = &["BitField", "Command", "Layout"];

pub(super) fn check(spec: &Spec, found: &mut Found<'_>) {
    for r in &spec.register {
        if is_rust_keyword(&r.name) {
            found.add(r.at(), format!("register {} is a keyword of Rust", r.name));
        }
        for f in &r.fields {
            identifier(&format!("{}.{}", r.name, f.name), &f.name, f.at(), found);
        }
    }
    for e in &spec.enums {
        for v in &e.values {
            identifier(&format!("{}.{}", e.name, v.name), &v.name, v.at(), found);
        }
    }
    for f in &spec.flags {
        for field in &f.fields {
            member(&f.name, &field.name, field.at(), found);
        }
    }
    for s in &spec.structs {
        for field in &s.fields {
            member(&s.name, &field.name, field.at(), found);
            if is_c_keyword(&field.name) {
                found.add(
                    field.at(),
                    format!("{}.{} is a keyword of C or C++", s.name, field.name),
                );
            }
        }
    }
    macro_rules! each {
        ($($list:ident),*) => {$(
            for item in &spec.$list {
                identifier(&item.name, &item.name, item.at(), found);
            }
        )*};
    }
    each!(
        bar, block, register, enums, flags, structs, command, feature, limit, counter, event,
        consts, syndrome
    );
    types(spec, found);
    c_namespace(spec, found);
}

/// A name that becomes a Rust method or field.
fn member(owner: &str, name: &str, at: usize, found: &mut Found<'_>) {
    identifier(&format!("{owner}.{name}"), name, at, found);
    if is_rust_keyword(name) {
        found.add(at, format!("{owner}.{name} is a keyword of Rust"));
    }
    if TAKEN.contains(&crate::names::snake(name).as_str()) {
        found.add(
            at,
            format!("{owner}.{name}: every generated type has a method of that name"),
        );
    }
}

fn identifier(shown: &str, name: &str, at: usize, found: &mut Found<'_>) {
    if !is_identifier(name) {
        found.add(
            at,
            format!(
                "`{shown}` is not a name: letters, digits and single underscores, a letter first"
            ),
        );
    }
}

/// Enums, flags words and structs share one namespace of types.
fn types(spec: &Spec, found: &mut Found<'_>) {
    let all = names(&spec.enums, |e| &e.name)
        .chain(names(&spec.flags, |f| &f.name))
        .chain(names(&spec.structs, |s| &s.name));
    found.unique("type name", all.collect::<Vec<_>>().into_iter());
    let written = spec
        .enums
        .iter()
        .map(|e| (&e.name, e.at()))
        .chain(spec.flags.iter().map(|f| (&f.name, f.at())))
        .chain(spec.structs.iter().map(|s| (&s.name, s.at())));
    for (name, at) in written {
        if camel(name) != *name {
            found.add(
                at,
                format!(
                    "type `{name}` is written `{}` in Rust; write it so",
                    camel(name)
                ),
            );
        }
        if HAND_WRITTEN.contains(&name.as_str()) {
            found.add(
                at,
                format!("type name {name} is taken: rnic-abi writes one by hand"),
            );
        }
    }
}

/// No two identifiers of the C header may be equal after upper-casing.
fn c_namespace(spec: &Spec, found: &mut Found<'_>) {
    let mut seen: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (name, at, what) in crate::emit::c::identifiers(spec) {
        let key = name.to_ascii_uppercase();
        if let Some((first, other)) = seen.get(&key) {
            // Two of one kind and name are refused as duplicates already.
            if *other != what {
                let message = format!(
                    "{what} clashes in C: {name} is also {other}, at {}",
                    found.place(*first)
                );
                found.add(at, message);
            }
        } else {
            seen.insert(key, (at, what));
        }
    }
}
