//! BARs, blocks and registers.

use super::layout::check_bit_enum;
use super::{Found, Piece, names};
use crate::schema::{Access, Array, At, Bar, Block, Register, Spec, fits, is_reserved};

pub(super) fn check(spec: &Spec, found: &mut Found<'_>) {
    found.unique("BAR name", names(&spec.bar, |b| &b.name));
    found.unique("BAR index", spec.bar.iter().map(|b| (b.index, b.at())));
    for bar in &spec.bar {
        if bar.index > 5 {
            found.add(
                bar.at(),
                format!(
                    "BAR {} has index {}: a function has 0 to 5",
                    bar.name, bar.index
                ),
            );
        }
        if !bar.size.is_power_of_two() || bar.size < 16 {
            found.add(
                bar.at(),
                format!(
                    "BAR {} has size {:#x}: a memory BAR is a power of two of at least 16",
                    bar.name, bar.size
                ),
            );
        }
    }
    found.unique("block name", names(&spec.block, |b| &b.name));
    found.unique("block id", spec.block.iter().map(|b| (b.id, b.at())));
    for (i, block) in spec.block.iter().enumerate() {
        check_block(spec, block, found);
        let overlapped = spec.block.iter().take(i).find(|other| {
            other.bar == block.bar
                && block.offset < other.offset.saturating_add(other.size)
                && other.offset < block.offset.saturating_add(block.size)
        });
        if let Some(other) = overlapped {
            found.add(
                block.at(),
                format!("block {} overlaps block {}", block.name, other.name),
            );
        }
    }
    found.unique("register name", names(&spec.register, |r| &r.name));
    for (i, register) in spec.register.iter().enumerate() {
        check_register(spec, register, found);
        let bar = bar_name(spec, register);
        let overlapped = spec.register.iter().take(i).find(|other| {
            bar.is_some() && bar_name(spec, other) == bar && overlap(other, register)
        });
        if let Some(other) = overlapped {
            let message = if other.offset == register.offset {
                format!(
                    "duplicate offset {:#x}: register {} overlaps {}",
                    register.offset, register.name, other.name
                )
            } else {
                format!("register {} overlaps {}", register.name, other.name)
            };
            found.add(register.at(), message);
        }
    }
}

fn bar_name<'a>(spec: &'a Spec, register: &Register) -> Option<&'a str> {
    let block = spec.block.iter().find(|b| b.name == register.block)?;
    Some(&block.bar)
}

fn check_block(spec: &Spec, block: &At<Block>, found: &mut Found<'_>) {
    let bar: Option<&At<Bar>> = spec.bar.iter().find(|b| b.name == block.bar);
    let Some(bar) = bar else {
        found.add(
            block.at(),
            format!("block {} is in the unknown BAR {}", block.name, block.bar),
        );
        return;
    };
    let end = block.offset.checked_add(block.size);
    if block.size == 0 || end.is_none_or(|end| end > bar.size) {
        found.add(
            block.at(),
            format!(
                "block {} ({:#x}, {:#x} bytes) is outside BAR {} of {:#x} bytes",
                block.name, block.offset, block.size, bar.name, bar.size
            ),
        );
    }
}

/// The first register of a block may be its header, named after it: type, version and size
/// once more, where software finds them.
fn check_header(register: &Register, block: &Block, at: usize, found: &mut Found<'_>) {
    if register.offset != block.offset || register.name != format!("{}_HEADER", block.name) {
        return;
    }
    let expected = u64::from(block.id) | u64::from(block.version) << 8 | block.size << 16;
    if register.reset != expected {
        found.add(
            at,
            format!(
                "register {}: reset {:#x} is not the header of block {}, {expected:#x} (size, version, id)",
                register.name, register.reset, block.name
            ),
        );
    }
}

fn array_of(register: &Register) -> Array {
    register.array.unwrap_or(Array {
        count: 1,
        stride: u64::from(register.width / 8),
    })
}

/// First byte past the last element; none if that does not fit 64 bits.
fn end_of(register: &Register) -> Option<u64> {
    let array = array_of(register);
    let last = array.count.checked_sub(1)?.checked_mul(array.stride)?;
    register
        .offset
        .checked_add(last)?
        .checked_add(u64::from(register.width / 8))
}

fn overlap(a: &Register, b: &Register) -> bool {
    let (Some(a_end), Some(b_end)) = (end_of(a), end_of(b)) else {
        return false; // refused on its own
    };
    if a_end <= b.offset || b_end <= a.offset {
        return false;
    }
    // The ranges meet, but arrays of one stride may interleave.
    let (a_array, b_array) = (array_of(a), array_of(b));
    let stride = if a_array.count > 1 {
        a_array.stride
    } else {
        b_array.stride
    };
    let same = (a_array.count <= 1 || a_array.stride == stride)
        && (b_array.count <= 1 || b_array.stride == stride);
    if !same || stride == 0 {
        return true;
    }
    let (a_bytes, b_bytes) = (u64::from(a.width / 8), u64::from(b.width / 8));
    let (a_at, b_at) = (a.offset % stride, b.offset % stride);
    let distance = (b_at + stride - a_at) % stride;
    distance < a_bytes || distance + b_bytes > stride
}

fn check_register(spec: &Spec, register: &At<Register>, found: &mut Found<'_>) {
    let at = register.at();
    let name = &register.name;
    if register.width != 32 && register.width != 64 {
        found.add(
            at,
            format!("register {name} has width {}: 32 or 64", register.width),
        );
        return;
    }
    let bytes = u64::from(register.width / 8);
    if !register.offset.is_multiple_of(bytes) {
        found.add(
            at,
            format!(
                "register {name} at {:#x} is misaligned: a multiple of {bytes} is wanted",
                register.offset
            ),
        );
    }
    if let Some(array) = register.array
        && (array.count == 0 || array.stride < bytes || !array.stride.is_multiple_of(bytes))
    {
        found.add(
            at,
            format!("register {name} has an impossible array: count at least 1, stride a multiple of {bytes}"),
        );
    }
    match spec.block.iter().find(|b| b.name == register.block) {
        None => found.add(
            at,
            format!("register {name} is in the unknown block {}", register.block),
        ),
        Some(block) => {
            check_header(register, block, at, found);
            let inside = register.offset >= block.offset
                && end_of(register)
                    .is_some_and(|end| end <= block.offset.saturating_add(block.size));
            if !inside {
                found.add(
                    at,
                    format!(
                        "register {name} at {:#x} is outside its block {} ({:#x}, {:#x} bytes)",
                        register.offset, block.name, block.offset, block.size
                    ),
                );
            }
        }
    }
    if !fits(register.reset, register.width) {
        found.add(
            at,
            format!(
                "register {name}: reset {:#x} does not fit {} bits",
                register.reset, register.width
            ),
        );
    }
    check_fields(spec, register, found);
}

fn check_fields(spec: &Spec, register: &At<Register>, found: &mut Found<'_>) {
    found.unique(
        &format!("field in register {}", register.name),
        names(&register.fields, |f| &f.name),
    );
    let pieces: Vec<Piece<'_>> = register
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
        &register.name,
        "bit",
        u64::from(register.width),
        register.at(),
        &pieces,
    );
    for field in &register.fields {
        let owner = format!("{}.{}", register.name, field.name);
        check_bit_enum(
            spec,
            &owner,
            field.enum_name.as_ref(),
            field.bits,
            field.at(),
            found,
        );
        if is_reserved(&field.name) && field.access != Access::Ro {
            found.add(
                field.at(),
                format!("{owner} is reserved, so its access is ro"),
            );
        }
        if field.access == Access::Wo && register.reset & field.bits.mask() != 0 {
            found.add(
                field.at(),
                format!("{owner} is wo, which reads as zero, but its reset value is not zero"),
            );
        }
    }
}
