//! Commands, events, limits, and numbers everywhere.

use rnic_codegen::check;

use super::{DEVICE, QUEUES, refuse, refuse_added, refuse_among, source};

#[test]
fn duplicate_numbers_are_refused() {
    refuse(
        "value = 7",
        "value = 1",
        r#"{ name = "FAST""#,
        "duplicate value in enum Mode 1",
    );
    refuse(
        "opcode = 0x11",
        "opcode = 0x10",
        "[[command]]",
        "duplicate opcode 16",
    );
    refuse(
        "bit = 40",
        "bit = 3",
        "[[feature]]",
        "duplicate feature bit 3",
    );
    refuse(
        "code = 2",
        "code = 1",
        "[[event]]",
        "duplicate event code 1",
    );
    refuse_added(
        "[[counter]]\nname = \"MORE\"\nindex = 0\nunit = \"x\"\ndoc = \"x\"",
        "duplicate counter index 0",
    );
    refuse_added(
        "[[syndrome]]\nname = \"MORE\"\nvalue = 1\ndoc = \"x\"",
        "duplicate syndrome value 1",
    );
    refuse_added(
        "[[const]]\nname = \"ENTRY_STRIDE\"\ntype = \"u16\"\nvalue = 1\ndoc = \"x\"",
        "duplicate constant ENTRY_STRIDE",
    );
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    refuse_among(
        "value = 7",
        "value = 256",
        "Mode.FAST = 0x100 does not fit u8",
    );
    refuse(
        "value = 64\ndoc = \"Bytes",
        "value = 65536\ndoc = \"Bytes",
        "[[const]]",
        "ENTRY_STRIDE = 0x10000 does not fit u16",
    );
    refuse(
        "bit = 40",
        "bit = 64",
        "[[feature]]",
        "feature SHORTCUT has bit 64: 0 to 63",
    );
    refuse(
        "opcode = 0x11",
        "opcode = 0x10000",
        "[[command]]",
        "command WATCH_ENTRY = 0x10000 does not fit Opcode, a u16",
    );
    refuse("reset = 0x2\n", "reset = -1\n", "reset", "invalid value");
}

#[test]
fn commands_and_events_name_what_exists() {
    refuse(
        r#"statuses = ["BUSY"]"#,
        r#"statuses = ["BUZZY"]"#,
        "statuses",
        "command READ_ENTRY names the unknown status BUZZY",
    );
    refuse(
        r#"statuses = ["BUSY"]"#,
        r#"statuses = ["BUSY", "BUSY"]"#,
        "statuses",
        "duplicate status of command READ_ENTRY BUSY",
    );
    refuse(
        r#"feature = "ENTRIES""#,
        r#"feature = "EXITS""#,
        "[[command]]",
        "needs the unknown feature EXITS",
    );
    refuse(
        "request = \"Entry\"\nresponse = \"Outer\"",
        "request = \"Nothing\"\nresponse = \"Outer\"",
        "[[command]]",
        "unknown request struct Nothing",
    );
    refuse(
        r#"response = "Outer""#,
        r#"response = "Mode""#,
        "[[command]]",
        "unknown response struct Mode",
    );
    refuse(
        "code = 1\npayload = \"Entry\"",
        "code = 1\npayload = \"Nothing\"",
        "[[event]]",
        "unknown payload struct Nothing",
    );
    refuse_among(
        "name = \"Status\"",
        "name = \"Result\"",
        "no enum named Status",
    );
}

#[test]
fn a_written_enum_agrees_with_its_tables() {
    let written = |values: &str| {
        format!("[[enum]]\nname = \"EventCode\"\nrepr = \"u16\"\ndoc = \"x\"\nvalues = [{values}]")
    };
    let one = r#"{ name = "ENTRY_CHANGED", value = 1, doc = "x" },"#;
    let two = r#"{ name = "ENTRY_LOST", value = 2, doc = "x" },"#;
    let more = r#"{ name = "OTHER", value = 3, doc = "x" },"#;
    check(source(
        DEVICE,
        &format!("{QUEUES}\n{}", written(&format!("{one}{two}"))),
    ))
    .expect("agrees");
    refuse_added(
        &written(&format!("{one}{two}{more}")),
        "EventCode.OTHER has no [[event]] table",
    );
    let missing = format!("{QUEUES}\n{}", written(one));
    let missing = check(source(DEVICE, &missing)).expect_err("one is missing");
    assert!(
        missing
            .to_string()
            .contains("event ENTRY_LOST = 0x2 is not in enum EventCode"),
        "{missing}"
    );
}

#[test]
fn limits_are_checked() {
    refuse(
        "minimum = 16",
        "minimum = 65",
        "[[limit]]",
        "the value 64 is below the minimum 65",
    );
    refuse(
        r#"reported_by = "CONTROL.limit""#,
        r#"reported_by = "CONTROL.bound""#,
        "[[limit]]",
        "unknown field CONTROL.bound",
    );
    refuse(
        r#"reported_by = "CONTROL.limit""#,
        r#"reported_by = "limit""#,
        "[[limit]]",
        "unknown field limit",
    );
    refuse(
        "value = 64\nunit",
        "value = 65536\nunit",
        "[[limit]]",
        "does not fit CONTROL.limit, which has 16 bits",
    );
    refuse(
        r#"reported_by = "CONTROL.limit""#,
        r#"reported_by = "Entry.gone""#,
        "[[limit]]",
        "unknown field Entry.gone",
    );
    refuse_among(
        "reported_by = \"CONTROL.limit\"\nminimum = 16\nvalue = 64",
        "reported_by = \"Entry.mode\"\nminimum = 16\nvalue = 256",
        "does not fit Entry.mode, which has 8 bits",
    );
}
