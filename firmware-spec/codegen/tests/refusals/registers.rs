//! BARs, blocks, registers and their fields.

use super::{refuse, refuse_among};

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
