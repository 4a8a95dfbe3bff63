//! One case a refusal: the small interface, one edit, and the line and words of the error.

use rnic_codegen::{Source, check};

const DEVICE: &str = include_str!("small/device.toml");
const QUEUES: &str = include_str!("small/queues.toml");

fn source(device: &str, queues: &str) -> Source {
    let mut source = Source::default();
    source.add("device.toml", device);
    source.add("queues.toml", queues);
    source
}

/// Replaces `from` by `to` in the small interface and expects exactly one error, with
/// `message` in it, at the line of the edited text that starts with `at` (spaces aside).
#[track_caller]
fn refuse(from: &str, to: &str, at: &str, message: &str) {
    let found = refusals(from, to);
    let [(file, line, text)] = &found[..] else {
        panic!("not exactly one error: {found:#?}");
    };
    assert!(text.contains(message), "{text}");
    let edited = edited(from, to);
    let edited = if file == "device.toml" {
        edited.0
    } else {
        edited.1
    };
    let shown = edited.lines().nth(line - 1).unwrap_or("").trim();
    assert!(shown.starts_with(at), "{file}:{line} is `{shown}`: {text}");
}

/// The same where one mistake breaks several rules: one of the errors must match.
#[track_caller]
fn refuse_among(from: &str, to: &str, message: &str) {
    let found = refusals(from, to);
    assert!(
        found.iter().any(|(_, _, text)| text.contains(message)),
        "{found:#?}"
    );
}

#[track_caller]
fn edited(from: &str, to: &str) -> (String, String) {
    let count = DEVICE.matches(from).count() + QUEUES.matches(from).count();
    assert_eq!(count, 1, "`{from}` must be found once, to edit it");
    (DEVICE.replace(from, to), QUEUES.replace(from, to))
}

#[track_caller]
fn refusals(from: &str, to: &str) -> Vec<(String, usize, String)> {
    let (device, queues) = edited(from, to);
    let problems = check(source(&device, &queues)).expect_err("the edit must be refused");
    problems
        .0
        .into_iter()
        .map(|p| (p.file, p.line, p.message))
        .collect()
}

/// Appends a table to the small interface and expects exactly one error.
#[track_caller]
fn refuse_added(table: &str, message: &str) {
    let queues = format!("{QUEUES}\n{table}");
    let problems = check(source(DEVICE, &queues)).expect_err("the table must be refused");
    let [problem] = &problems.0[..] else {
        panic!("not exactly one error: {problems}");
    };
    assert!(problem.message.contains(message), "{problem}");
    let first = QUEUES.lines().count() + 2;
    assert!(problem.line >= first, "{problem} is before line {first}");
}

#[test]
fn the_small_interface_itself_is_accepted() {
    let model = check(source(DEVICE, QUEUES)).map_err(|p| p.to_string());
    let model = model.expect("it is consistent");
    assert_eq!(model.spec().register.len(), 4);
    assert_eq!(model.interface().minor, 2);
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    refuse("revision = 3", "revision = ", "revision =", "");
}

#[test]
fn unknown_keys_are_refused() {
    refuse(
        "mappable = false",
        "maps = false",
        "maps",
        "unknown field `maps`",
    );
    refuse(
        "[[syndrome]]",
        "[[symptom]]",
        "[[symptom]]",
        "unknown field `symptom`",
    );
    refuse(
        r#"{ name = "mask", "#,
        r#"{ name = "mask", colour = 1, "#,
        "fields",
        "unknown field `colour`",
    );
}

#[test]
fn missing_keys_are_refused() {
    refuse(
        "revision = 3\n",
        "",
        "[interface]",
        "missing field `revision`",
    );
    refuse(
        r#"{ name = "id", at = 0, type = "u64", doc = "Identity." }"#,
        r#"{ name = "id", at = 0, type = "u64" }"#,
        r#"{ name = "id""#,
        "missing field `doc`",
    );
}

#[test]
fn an_interface_is_wanted_once() {
    let (_, interface_and_rest) = DEVICE.split_once("[interface]").expect("present");
    let (interface, rest) = interface_and_rest.split_once("[[bar]]").expect("present");
    let none = check(source(&format!("[[bar]]{rest}"), QUEUES)).expect_err("none");
    assert!(none.to_string().contains("no [interface]"), "{none}");
    let twice = format!("{QUEUES}\n[interface]{interface}");
    let twice = check(source(DEVICE, &twice)).expect_err("twice");
    assert!(twice.to_string().contains("duplicate key"), "{twice}");
}

#[test]
fn struct_fields_that_overlap_are_refused() {
    refuse_among(
        r#"name = "status", at = 10"#,
        r#"name = "status", at = 8"#,
        "Entry.status at byte 8 overlaps Entry.flags",
    );
}

#[test]
fn struct_gaps_are_refused() {
    refuse(
        "  { name = \"status\", at = 10, type = \"Status\", doc = \"Status.\" },\n",
        "",
        r#"{ name = "mode", at = 12"#,
        "gap in Entry: bytes 10 to 11",
    );
    refuse(
        r#"type = "[u8; 3]""#,
        r#"type = "[u8; 2]""#,
        r#"{ name = "reserved_13", at"#,
        "gap in Entry: byte 15",
    );
}

#[test]
fn struct_fields_past_the_end_are_refused() {
    refuse(
        r#"type = "[u8; 8]""#,
        r#"type = "[u8; 9]""#,
        r#"{ name = "reserved_24""#,
        "past the end of Outer (32)",
    );
}

#[test]
fn misaligned_struct_fields_are_refused() {
    refuse_among(
        r#"name = "pair", at = 16"#,
        r#"name = "pair", at = 18"#,
        "misaligned: [u32; 2] wants a multiple of 4",
    );
    refuse_among(
        r#"name = "entry", at = 0"#,
        r#"name = "entry", at = 4"#,
        "misaligned: Entry wants a multiple of 8",
    );
}

#[test]
fn struct_sizes_and_alignments_that_cannot_be_are_refused() {
    refuse(
        "align = 32",
        "align = 24",
        "[[struct]]",
        "cannot have alignment 24",
    );
    refuse("align = 32", "align = 4", "[[struct]]", "at least 8");
    refuse_among(
        "size = 16\ndoc = \"An entry.\"\nfields = [",
        "size = 20\ndoc = \"An entry.\"\nfields = [\n  { name = \"reserved_16\", at = 16, type = \"u32\", doc = \"Zero.\" },",
        "not a multiple of its natural alignment 8",
    );
    refuse(
        r#"type = "[u32; 2]""#,
        r#"type = "[u32; 0]""#,
        r#"{ name = "pair""#,
        "impossible size",
    );
    refuse(
        r#"type = "[u32; 2]""#,
        r#"type = "[u32; 9223372036854775807]""#,
        r#"{ name = "pair""#,
        "impossible size",
    );
}

#[test]
fn structs_that_contain_themselves_are_refused() {
    refuse_among(
        r#"type = "Entry""#,
        r#"type = "Outer""#,
        "struct Outer contains itself",
    );
    refuse_among(
        r#"at = 0, type = "u64""#,
        r#"at = 0, type = "Outer""#,
        "struct Entry contains itself",
    );
}

#[test]
fn unknown_types_are_refused() {
    for ty in [
        "u128",
        "Nothing",
        "[u8]",
        "[Nothing; 2]",
        "[[u8; 2]; 2]",
        "[u8; x]",
    ] {
        refuse(
            r#"type = "[u32; 2]""#,
            &format!("type = \"{ty}\""),
            r#"{ name = "pair""#,
            &format!("Outer.pair has the unknown type `{ty}`"),
        );
    }
}

#[test]
fn register_bits_that_overlap_are_refused() {
    refuse(
        r#"name = "cause", bits = "4""#,
        r#"name = "cause", bits = "4:3""#,
        r#"{ name = "cause""#,
        "CONTROL.cause at bit 3 overlaps CONTROL.mode",
    );
}

#[test]
fn register_bits_without_a_name_are_refused() {
    refuse(
        r#"bits = "63:32""#,
        r#"bits = "62:32""#,
        r#"{ name = "reserved_32""#,
        "gap in CONTROL: bit 63",
    );
    refuse(
        r#"{ name = "device", bits = "31:16""#,
        r#"{ name = "device", bits = "31:20""#,
        r#"{ name = "device""#,
        "gap in DEVICE_ID: bits 16 to 19",
    );
}

#[test]
fn register_bits_past_the_width_are_refused() {
    refuse(
        r#"{ name = "device", bits = "31:16""#,
        r#"{ name = "device", bits = "32:16""#,
        r#"{ name = "device""#,
        "past the end of DEVICE_ID (32)",
    );
}

#[test]
fn bits_that_are_no_range_are_refused() {
    for bits in ["0:15", "64", "x", "", "1:2:3", "-1"] {
        refuse(
            r#"bits = "15:0""#,
            &format!("bits = \"{bits}\""),
            r#"{ name = "vendor""#,
            "are not `hi:lo` or `n`",
        );
    }
}

#[test]
fn flags_words_are_covered_like_registers() {
    refuse(
        r#"name = "reserved_13", bits = "15:13", doc"#,
        r#"name = "reserved_13", bits = "14:13", doc"#,
        r#"{ name = "reserved_13""#,
        "gap in EntryFlags: bit 15",
    );
    refuse(
        r#"bits = "12:4""#,
        r#"bits = "12:3""#,
        r#"{ name = "count""#,
        "overlaps EntryFlags.mode",
    );
    refuse_among(
        r#"name = "reserved_13", bits = "15:13", doc"#,
        r#"name = "reserved_13", bits = "16:13", doc"#,
        "past the end of EntryFlags (16)",
    );
}

#[test]
fn unknown_access_and_repr_are_refused() {
    refuse(
        r#"access = "w1s""#,
        r#"access = "w1""#,
        r#"{ name = "start""#,
        "unknown variant `w1`",
    );
    refuse(
        "repr = \"u8\"",
        "repr = \"i8\"",
        "repr",
        "unknown variant `i8`",
    );
}

#[test]
fn reserved_bits_are_read_only() {
    refuse(
        r#"bits = "63:32", access = "ro""#,
        r#"bits = "63:32", access = "rw""#,
        r#"{ name = "reserved_32""#,
        "CONTROL.reserved_32 is reserved, so its access is ro",
    );
}

#[test]
fn enums_of_bit_fields_exist_and_fit() {
    refuse(
        r#"access = "rw", enum = "Mode""#,
        r#"access = "rw", enum = "Mood""#,
        r#"{ name = "mode""#,
        "CONTROL.mode names the unknown enum Mood",
    );
    refuse_among(
        r#"bits = "3:1", enum"#,
        r#"bits = "2:1", enum"#,
        "EntryFlags.mode has 2 bits, too few for Mode.FAST = 0x7",
    );
    refuse(
        r#"{ name = "count", bits = "12:4", doc"#,
        r#"{ name = "count", bits = "12:4", enum = "Mode", doc"#,
        r#"{ name = "count""#,
        "EntryFlags.count has 9 bits, more than enum Mode (u8)",
    );
}

#[test]
fn register_places_are_checked() {
    refuse(
        r#"block = "VECTORS"
name = "VECTOR_CONTROL""#,
        r#"block = "ELSEWHERE"
name = "VECTOR_CONTROL""#,
        "[[register]]",
        "unknown block ELSEWHERE",
    );
    refuse_among(
        "offset = 0x8\n",
        "offset = 0x108\n",
        "CONTROL at 0x108 is outside its block IDENTITY",
    );
    refuse(
        "offset = 0x8\n",
        "offset = 0xc\n",
        "[[register]]",
        "misaligned: a multiple of 8",
    );
    refuse(
        "width = 64",
        "width = 16",
        "[[register]]",
        "width 16: 32 or 64",
    );
    refuse_among(
        "name = \"VECTOR_TIME\"\noffset = 0x104\nwidth = 32\nreset = 0\narray = { count = 4, stride = 8 }",
        "name = \"VECTOR_TIME\"\noffset = 0x104\nwidth = 32\nreset = 0\narray = { count = 33, stride = 8 }",
        "VECTOR_TIME at 0x104 is outside its block",
    );
    refuse_among(
        "name = \"VECTOR_TIME\"\noffset = 0x104\nwidth = 32\nreset = 0\narray = { count = 4, stride = 8 }",
        "name = \"VECTOR_TIME\"\noffset = 0x104\nwidth = 32\nreset = 0\narray = { count = 4, stride = 2 }",
        "impossible array",
    );
}

#[test]
fn block_headers_agree_with_their_block() {
    refuse_among(
        "name = \"DEVICE_ID\"",
        "name = \"IDENTITY_HEADER\"",
        "reset 0x11af4 is not the header of block IDENTITY, 0x1000101",
    );
}

#[test]
fn registers_that_overlap_are_refused() {
    refuse(
        "offset = 0x104",
        "offset = 0x100",
        "[[register]]",
        "duplicate offset 0x100: register VECTOR_TIME overlaps VECTOR_CONTROL",
    );
    refuse(
        "offset = 0x104",
        "offset = 0x108",
        "[[register]]",
        "register VECTOR_TIME overlaps VECTOR_CONTROL",
    );
    refuse(
        "offset = 0x104\nwidth = 32\nreset = 0\narray = { count = 4, stride = 8 }",
        "offset = 0x104\nwidth = 32\nreset = 0\narray = { count = 4, stride = 4 }",
        "[[register]]",
        "register VECTOR_TIME overlaps VECTOR_CONTROL",
    );
}

#[test]
fn resets_that_do_not_fit_are_refused() {
    refuse(
        "reset = 0x0001_1af4",
        "reset = 0x1_0001_1af4",
        "[[register]]",
        "reset 0x100011af4 does not fit 32 bits",
    );
    refuse(
        "reset = 0x2",
        "reset = 0x1002",
        r#"{ name = "kick""#,
        "CONTROL.kick is wo, which reads as zero",
    );
}

#[test]
fn blocks_and_bars_are_checked() {
    refuse_among(
        "size = 0x100\nid = 2",
        "size = 0x1000\nid = 2",
        "block VECTORS (0x100, 0x1000 bytes) is outside BAR REGISTERS",
    );
    refuse_among(
        "size = 0x100\nid = 1",
        "size = 0x101\nid = 1",
        "block VECTORS overlaps block IDENTITY",
    );
    refuse("id = 2\n", "id = 1\n", "[[block]]", "duplicate block id 1");
    refuse_among(
        "name = \"VECTORS\"",
        "name = \"IDENTITY\"",
        "duplicate block name IDENTITY",
    );
    refuse_among(
        "bar = \"REGISTERS\"\noffset = 0x100",
        "bar = \"NOTHING\"\noffset = 0x100",
        "unknown BAR NOTHING",
    );
    refuse("index = 2", "index = 0", "[[bar]]", "duplicate BAR index 0");
    refuse("index = 2", "index = 6", "[[bar]]", "a function has 0 to 5");
    refuse("size = 0x2000", "size = 0x3000", "[[bar]]", "power of two");
    refuse_among(
        "name = \"DOORBELLS\"",
        "name = \"REGISTERS\"",
        "duplicate BAR name REGISTERS",
    );
}

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

#[test]
fn every_problem_is_reported_in_order() {
    let device = DEVICE
        .replace("size = 0x2000", "size = 0x3000")
        .replace("width = 64", "width = 16");
    let queues = QUEUES.replace("minimum = 16", "minimum = 65");
    let problems = check(source(&device, &queues)).expect_err("three mistakes");
    assert_eq!(problems.0.len(), 3, "{problems}");
    assert!(problems.0.is_sorted());
    assert!(
        problems
            .to_string()
            .ends_with("3 problem(s) in the specification")
    );
}
