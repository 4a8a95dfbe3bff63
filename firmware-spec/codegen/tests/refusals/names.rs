//! Names: unique, usable in every language, no two alike in C.

use super::{refuse, refuse_added, refuse_among};

#[test]
fn duplicate_names_are_refused() {
    refuse_among(
        "name = \"VECTOR_TIME\"",
        "name = \"VECTOR_CONTROL\"",
        "duplicate register name VECTOR_CONTROL",
    );
    refuse(
        r#"{ name = "device","#,
        r#"{ name = "vendor","#,
        r#"{ name = "vendor", bits = "31"#,
        "duplicate field in register DEVICE_ID VENDOR",
    );
    refuse(
        r#"name = "SLOW""#,
        r#"name = "IDLE""#,
        r#"{ name = "IDLE", value = 1"#,
        "duplicate name in enum Mode IDLE",
    );
    refuse(
        r#"{ name = "count", bits = "12:4""#,
        r#"{ name = "owner", bits = "12:4""#,
        r#"{ name = "owner", bits = "12"#,
        "duplicate name in flags EntryFlags OWNER",
    );
    refuse(
        r#"{ name = "pair","#,
        r#"{ name = "entry","#,
        r#"{ name = "entry", at = 16"#,
        "duplicate name in struct Outer ENTRY",
    );
    refuse_among(
        "name = \"WATCH_ENTRY\"",
        "name = \"READ_ENTRY\"",
        "duplicate command name READ_ENTRY",
    );
    refuse(
        "name = \"SHORTCUT\"",
        "name = \"ENTRIES\"",
        "[[feature]]",
        "duplicate feature name ENTRIES",
    );
    refuse_among(
        "name = \"ENTRY_LOST\"",
        "name = \"ENTRY_CHANGED\"",
        "duplicate event name ENTRY_CHANGED",
    );
    refuse_added(
        "[[struct]]\nname = \"Mode\"\nsize = 1\ndoc = \"x\"\nfields = [{ name = \"x\", at = 0, type = \"u8\", doc = \"x\" }]",
        "duplicate type name MODE, first at queues.toml:3",
    );
}

#[test]
fn names_are_names() {
    refuse(
        r#"name = "VECTOR_TIME""#,
        r#"name = "VECTOR-TIME""#,
        "[[register]]",
        "`VECTOR-TIME` is not a name",
    );
    refuse(
        r#"{ name = "pair","#,
        r#"{ name = "2nd","#,
        r#"{ name = "2nd""#,
        "`Outer.2nd` is not a name",
    );
    refuse(
        r#"{ name = "pair","#,
        r#"{ name = "type","#,
        r#"{ name = "type""#,
        "Outer.type is a keyword of Rust",
    );
    refuse(
        r#"{ name = "pair","#,
        r#"{ name = "long","#,
        r#"{ name = "long""#,
        "Outer.long is a keyword of C",
    );
    refuse(
        r#"{ name = "pair","#,
        r#"{ name = "zeroed","#,
        r#"{ name = "zeroed""#,
        "every generated type has a method of that name",
    );
    refuse(
        r#"name = "VECTOR_TIME""#,
        r#"name = "LOOP""#,
        "[[register]]",
        "register LOOP is a keyword of Rust",
    );
    refuse_added(
        "[[enum]]\nname = \"QPKind\"\nrepr = \"u8\"\ndoc = \"x\"\nvalues = [{ name = \"A\", value = 0, doc = \"x\" }]",
        "type `QPKind` is written `QpKind`",
    );
    refuse_added(
        "[[enum]]\nname = \"Layout\"\nrepr = \"u8\"\ndoc = \"x\"\nvalues = [{ name = \"A\", value = 0, doc = \"x\" }]",
        "type name Layout is taken",
    );
    refuse_added(
        "[[enum]]\nname = \"Empty\"\nrepr = \"u8\"\ndoc = \"x\"\nvalues = []",
        "enum Empty has no values",
    );
}

#[test]
fn names_that_clash_in_c_are_refused() {
    // RNIC_MODE_FAST is the enum value already.
    refuse_added(
        "[[const]]\nname = \"MODE_FAST\"\ntype = \"u8\"\nvalue = 1\ndoc = \"x\"",
        "constant MODE_FAST clashes in C: RNIC_MODE_FAST is also Mode.FAST, at queues.toml:10",
    );
    // `struct rnic_entry` and `RNIC_ENTRY` differ in case only.
    refuse_among(
        "name = \"ENTRY_STRIDE\"",
        "name = \"ENTRY\"",
        "struct Entry clashes in C",
    );
    // The stride of an array of registers.
    refuse_among(
        "name = \"ENTRY_STRIDE\"",
        "name = \"REG_VECTOR_TIME_STRIDE\"",
        "clashes in C: RNIC_REG_VECTOR_TIME_STRIDE",
    );
    // A field's mask.
    refuse_among(
        "name = \"ENTRY_STRIDE\"",
        "name = \"CONTROL_START_MASK\"",
        "is also CONTROL.start",
    );
}
