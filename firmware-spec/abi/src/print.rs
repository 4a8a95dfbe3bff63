//! How enums and flags words print.

use core::fmt;

use crate::BitField;

/// The name, or the type and the number: `Status(0x77)`.
pub(crate) fn open_enum(
    f: &mut fmt::Formatter<'_>,
    ty: &str,
    name: Option<&str>,
    value: u64,
) -> fmt::Result {
    match name {
        Some(name) => f.pad(name),
        None => write!(f, "{ty}({value:#x})"),
    }
}

/// The fields that are not zero: `Access(local_write | page_shift=12 | ?0x80)`.
pub(crate) fn flags(
    f: &mut fmt::Formatter<'_>,
    ty: &str,
    fields: &[(&str, BitField)],
    value: u64,
    reserved: u64,
) -> fmt::Result {
    write!(f, "{ty}(")?;
    let mut separator = "";
    for (name, field) in fields {
        let part = field.get(value);
        if part == 0 {
            continue;
        }
        f.write_str(separator)?;
        separator = " | ";
        if field.width() == 1 {
            f.write_str(name)?;
        } else {
            write!(f, "{name}={part:#x}")?;
        }
    }
    if value & reserved != 0 {
        write!(f, "{separator}?{:#x}", value & reserved)?;
    } else if separator.is_empty() {
        f.write_str("0")?;
    }
    f.write_str(")")
}
