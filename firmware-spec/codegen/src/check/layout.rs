//! Enums, flags words and structs.

use std::collections::BTreeSet;

use super::{Found, Piece, names};
use crate::model::{natural_align, resolve, struct_align};
use crate::schema::{At, Bits, Enum, Flags, Spec, Struct};

pub(super) fn check(spec: &Spec, found: &mut Found<'_>) {
    for item in &spec.enums {
        check_enum(item, found);
    }
    for item in &spec.flags {
        check_flags(spec, item, found);
    }
    for item in &spec.structs {
        check_struct(spec, item, found);
    }
}

fn check_enum(item: &At<Enum>, found: &mut Found<'_>) {
    found.unique(
        &format!("name in enum {}", item.name),
        names(&item.values, |v| &v.name),
    );
    found.unique(
        &format!("value in enum {}", item.name),
        item.values.iter().map(|v| (v.value, v.at())),
    );
    for value in &item.values {
        if !item.repr.fits(value.value) {
            found.add(
                value.at(),
                format!(
                    "{}.{} = {:#x} does not fit {}",
                    item.name,
                    value.name,
                    value.value,
                    item.repr.name()
                ),
            );
        }
    }
    if item.values.is_empty() {
        found.add(item.at(), format!("enum {} has no values", item.name));
    }
}

/// An enum that a bit field refers to must exist and fit into the bits.
pub(super) fn check_bit_enum(
    spec: &Spec,
    owner: &str,
    enum_name: Option<&String>,
    bits: Bits,
    at: usize,
    found: &mut Found<'_>,
) {
    let Some(name) = enum_name else { return };
    let Some(item) = spec.enums.iter().find(|e| e.name == *name) else {
        found.add(at, format!("{owner} names the unknown enum {name}"));
        return;
    };
    if bits.width() > item.repr.bits() {
        found.add(
            at,
            format!(
                "{owner} has {} bits, more than enum {name} ({})",
                bits.width(),
                item.repr.name()
            ),
        );
    }
    if let Some(value) = item
        .values
        .iter()
        .find(|v| !crate::schema::fits(v.value, bits.width()))
    {
        found.add(
            at,
            format!(
                "{owner} has {} bits, too few for {name}.{} = {:#x}",
                bits.width(),
                value.name,
                value.value
            ),
        );
    }
}

fn check_flags(spec: &Spec, item: &At<Flags>, found: &mut Found<'_>) {
    found.unique(
        &format!("name in flags {}", item.name),
        names(&item.fields, |f| &f.name),
    );
    let pieces: Vec<Piece<'_>> = item
        .fields
        .iter()
        .map(|f| Piece {
            name: &f.name,
            start: u64::from(f.bits.lo),
            end: u64::from(f.bits.hi) + 1,
            at: f.at(),
        })
        .collect();
    found.covered(
        &item.name,
        "bit",
        u64::from(item.repr.bits()),
        item.at(),
        &pieces,
    );
    for field in &item.fields {
        let owner = format!("{}.{}", item.name, field.name);
        check_bit_enum(
            spec,
            &owner,
            field.enum_name.as_ref(),
            field.bits,
            field.at(),
            found,
        );
    }
}

fn check_struct(spec: &Spec, item: &At<Struct>, found: &mut Found<'_>) {
    found.unique(
        &format!("name in struct {}", item.name),
        names(&item.fields, |f| &f.name),
    );
    if contains(spec, item, &item.name, &mut BTreeSet::new()) {
        found.add(item.at(), format!("struct {} contains itself", item.name));
        return;
    }
    let mut pieces = Vec::new();
    for field in &item.fields {
        let owner = format!("{}.{}", item.name, field.name);
        let Some(ty) = resolve(spec, &field.ty) else {
            found.add(
                field.at(),
                format!(
                    "{owner} has the unknown type `{}`; known are u8, u16, u32, u64, [T; N], and the names of enums, flags and structs",
                    field.ty
                ),
            );
            return;
        };
        let end = ty.size().and_then(|size| field.at.checked_add(size));
        let Some(end) = end.filter(|_| ty.size() != Some(0)) else {
            found.add(field.at(), format!("{owner} has an impossible size"));
            return;
        };
        let natural = natural_align(spec, &ty);
        if !field.at.is_multiple_of(natural) {
            found.add(
                field.at(),
                format!(
                    "{owner} at byte {} is misaligned: {} wants a multiple of {natural}",
                    field.at, field.ty
                ),
            );
        }
        pieces.push(Piece {
            name: &field.name,
            start: field.at,
            end,
            at: field.at(),
        });
    }
    found.covered(&item.name, "byte", item.size, item.at(), &pieces);
    let natural = struct_align(spec, item);
    let align = item.align.unwrap_or(natural);
    if !align.is_power_of_two() || align < natural {
        found.add(
            item.at(),
            format!(
                "struct {} cannot have alignment {align}: its fields want a power of two of at least {natural}",
                item.name
            ),
        );
    }
    if !item.size.is_multiple_of(natural) {
        found.add(
            item.at(),
            format!(
                "struct {} has size {}, not a multiple of its natural alignment {natural}",
                item.name, item.size
            ),
        );
    }
}

fn contains(spec: &Spec, item: &Struct, target: &str, seen: &mut BTreeSet<String>) -> bool {
    item.fields.iter().any(|field| {
        let ty = resolve(spec, &field.ty);
        let Some(name) = ty.as_ref().and_then(crate::model::struct_named) else {
            return false;
        };
        if name == target {
            return true;
        }
        seen.insert(name.to_owned())
            && spec
                .structs
                .iter()
                .find(|s| s.name == name)
                .is_some_and(|inner| contains(spec, inner, target, seen))
    })
}
