//! Structs and flags words.

use super::{refuse, refuse_among};

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
