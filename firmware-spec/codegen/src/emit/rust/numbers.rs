//! Named numbers: interface, BARs and blocks, features, limits, constants.

use std::fmt::Write as _;

use super::doc;
use crate::emit::c::place_name;
use crate::model::Model;
use crate::names::screaming;

pub(super) fn interface(model: &Model) -> String {
    let i = model.interface();
    let mut out = String::new();
    for (text, name, ty, value) in [
        (
            "Major version; a change is incompatible.",
            "MAJOR",
            "u16",
            u64::from(i.major),
        ),
        (
            "Minor version; a change adds.",
            "MINOR",
            "u16",
            i.minor.into(),
        ),
        ("PCI vendor id.", "VENDOR_ID", "u16", i.vendor_id.into()),
        ("PCI device id.", "DEVICE_ID", "u16", i.device_id.into()),
        (
            "PCI subsystem vendor id.",
            "SUBSYSTEM_VENDOR_ID",
            "u16",
            i.subsystem_vendor_id.into(),
        ),
        (
            "PCI subsystem id.",
            "SUBSYSTEM_ID",
            "u16",
            i.subsystem_id.into(),
        ),
        (
            "PCI class code: class, subclass, programming interface.",
            "CLASS_CODE",
            "u32",
            i.class_code.into(),
        ),
        ("PCI revision id.", "REVISION", "u8", i.revision.into()),
    ] {
        let _ = writeln!(out, "/// {text}\npub const {name}: {ty} = {value:#x};");
    }
    let _ = writeln!(
        out,
        "/// Name of the interface.\npub const NAME: &str = {:?};",
        i.name
    );
    out
}

pub(super) fn places(model: &Model) -> String {
    let mut out = String::new();
    for b in &model.spec().bar {
        let name = place_name("BAR", &b.name);
        doc(&mut out, &b.doc);
        let _ = writeln!(
            out,
            "///\n/// Index of the BAR.\npub const {name}: u8 = {};",
            b.index
        );
        let _ = writeln!(
            out,
            "/// Size of BAR{} in bytes.\npub const {name}_SIZE: u64 = {:#x};",
            b.index, b.size
        );
    }
    for b in &model.spec().block {
        let name = place_name("BLOCK", &b.name);
        doc(&mut out, &b.doc);
        let _ = writeln!(
            out,
            "///\n/// Offset in BAR{}.\npub const {name}: u64 = {:#x};",
            model.bar_index(&b.bar),
            b.offset
        );
        let _ = writeln!(
            out,
            "/// Size of [`{name}`] in bytes.\npub const {name}_SIZE: u64 = {:#x};",
            b.size
        );
        let _ = writeln!(
            out,
            "/// Type of [`{name}`].\npub const {name}_ID: u8 = {:#x};\n/// Version of [`{name}`].\npub const {name}_VERSION: u8 = {};",
            b.id, b.version
        );
    }
    out
}

pub(super) fn features(model: &Model) -> String {
    let mut out = String::new();
    let mut every = 0;
    let mut software = 0;
    for f in &model.spec().feature {
        let mask = 1u64.checked_shl(f.bit).unwrap_or(0);
        every |= mask;
        if f.software_only {
            software |= mask;
        }
        doc(&mut out, &f.doc);
        let _ = writeln!(
            out,
            "///\n/// Bit {}.\npub const {}: u64 = {mask:#x};",
            f.bit,
            screaming(&f.name)
        );
    }
    let _ = writeln!(
        out,
        "\n/// Every feature bit the specification names.\npub const ALL_NAMED: u64 = {every:#x};\n/// Those that only a software device may offer.\npub const ALL_SOFTWARE_ONLY: u64 = {software:#x};"
    );
    out
}

pub(super) fn limits(model: &Model) -> String {
    let mut out = String::new();
    for l in &model.spec().limit {
        let name = screaming(&l.name);
        doc(&mut out, &l.doc);
        let _ = writeln!(
            out,
            "///\n/// In {}; what the model offers.\npub const {name}: u64 = {};",
            l.unit, l.value
        );
        let _ = writeln!(
            out,
            "/// The least that any implementation offers as [`{name}`].\npub const {name}_MINIMUM: u64 = {};",
            l.minimum
        );
    }
    out
}

pub(super) fn consts(model: &Model) -> String {
    let mut out = String::new();
    for c in &model.spec().consts {
        doc(&mut out, &c.doc);
        let value = if c.value < 1024 {
            c.value.to_string()
        } else {
            format!("{:#x}", c.value)
        };
        let _ = writeln!(
            out,
            "pub const {}: {} = {value};",
            screaming(&c.name),
            c.ty.name()
        );
    }
    out
}
