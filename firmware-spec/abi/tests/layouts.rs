//! What software relies on: bytes in the order the interface says, open enums, flags words that
//! keep what they do not know, and tables that agree with the types.

use rnic_abi::meta::Access;
use rnic_abi::{
    COMMANDS, Command, ENUMS, FLAGS, LIMITS, Layout, Opcode, REGISTERS, STRUCTS, Segment, Status,
    WorkFlags, WorkHeader, WorkOpcode, cmd, read, reg,
};
use zerocopy::IntoBytes;

#[test]
fn structs_are_little_endian_bytes() {
    let mut header = WorkHeader {
        context: 0x0102_0304_0506_0708.into(),
        data_count: 0x1122.into(),
        ..WorkHeader::zeroed()
    };
    header.set_opcode(WorkOpcode::READ);
    let header = header.with_flags(WorkFlags::SILENT | WorkFlags::FENCE);
    let expected = [8, 7, 6, 5, 4, 3, 2, 1, 6, 5, 0x22, 0x11, 0, 0, 0, 0];
    assert_eq!(header.as_bytes(), expected);
    assert_eq!(read::<WorkHeader>(&expected), Some(header));
    assert_eq!(header.opcode(), WorkOpcode::READ);
    assert!(header.flags().fence() && !header.flags().solicited());
}

#[test]
fn too_few_bytes_are_no_value_and_more_are_left_alone() {
    assert_eq!(read::<Segment>(&[0xff; Segment::SIZE - 1]), None);
    let segment = read::<Segment>(&[0xff; Segment::SIZE + 1]).expect("enough");
    assert_eq!(segment.length.get(), u32::MAX);
}

#[test]
fn unknown_codes_are_values() {
    let unknown = Status(0xfffe);
    assert!(!unknown.is_known() && unknown.name().is_none());
    assert_eq!(
        format!("{unknown:?} {unknown}"),
        "Status(0xfffe) Status(0xfffe)"
    );
    assert_eq!(format!("{:?}", Status::OK), "OK");
    let matched = match Status(0) {
        Status::OK => "ok",
        _ => "other",
    };
    assert_eq!(matched, "ok");
    assert!(Status::KNOWN.iter().all(|status| status.is_known()));
}

#[test]
fn flags_words_keep_and_show_reserved_bits() {
    let flags = WorkFlags(0x83);
    assert!(flags.reserved_bits_set());
    assert_eq!(
        format!("{flags:?}"),
        "WorkFlags(silent | solicited | ?0x80)"
    );
    assert_eq!(flags.with_silent(false), WorkFlags(0x82));
    assert!(flags.contains(WorkFlags::SILENT | WorkFlags::SOLICITED));
    assert!(!flags.contains(WorkFlags::FENCE));
    assert_eq!(format!("{:?}", WorkFlags::default()), "WorkFlags(0)");
}

#[test]
fn reserved_bits_of_contained_words_are_found() {
    let mut header = WorkHeader::zeroed();
    assert!(header.reserved_is_zero());
    header.flags_raw = 0x10;
    assert!(!header.reserved_is_zero());
}

/// Fields of every struct follow one another and fill it, by the table.
#[test]
fn the_struct_table_covers_every_byte() {
    for item in STRUCTS {
        let mut next = 0;
        for field in item.fields {
            assert_eq!(field.offset, next, "{}.{}", item.name, field.name);
            next += field.size;
        }
        assert_eq!(next, item.size, "{}", item.name);
        assert!(item.size.is_multiple_of(item.align), "{}", item.name);
    }
}

#[test]
fn the_command_table_agrees_with_the_command_types() {
    fn agrees<C: Command>() {
        let info = COMMANDS
            .iter()
            .find(|info| info.code == C::CODE)
            .expect("listed");
        assert_eq!(info.request_size, size_of::<C::Request>(), "{}", info.name);
        assert_eq!(
            info.response_size,
            size_of::<C::Response>(),
            "{}",
            info.name
        );
        assert_eq!(C::CODE.name(), Some(info.name));
    }
    agrees::<cmd::Negotiate>();
    agrees::<cmd::CreateQp>();
    agrees::<cmd::Connect>();
    assert_eq!(COMMANDS.len(), Opcode::KNOWN.len());
}

#[test]
fn register_tables_give_masks_and_places() {
    for register in REGISTERS {
        let whole = u64::MAX >> (64 - register.width);
        let access = [
            Access::Ro,
            Access::Rw,
            Access::Rc,
            Access::Wo,
            Access::W1c,
            Access::W1s,
        ];
        let masks = access.map(|access| register.mask(access));
        assert_eq!(
            masks.iter().sum::<u64>(),
            whole,
            "{} is covered once",
            register.name
        );
        assert_eq!(
            register.reserved_mask() & register.reset,
            0,
            "{}",
            register.name
        );
        assert_eq!(register.offset_of(0), Some(register.offset));
        assert_eq!(register.offset_of(register.count()), None);
    }
    let header = REGISTERS
        .iter()
        .find(|r| r.offset == reg::IDENTITY_HEADER && r.bar == 0);
    let header = header.expect("the first register");
    assert_eq!(reg::identity_header::TYPE.get(header.reset), 1);
    let field = header.field("length").expect("named");
    assert_eq!(field.bits(), reg::identity_header::LENGTH);
}

#[test]
fn limits_are_reported_by_fields_that_exist() {
    for limit in LIMITS {
        assert!(limit.value >= limit.minimum, "{}", limit.name);
        let Some((owner, field)) = limit.reported_by else {
            continue;
        };
        let register = REGISTERS.iter().find(|r| r.name == owner);
        let item = STRUCTS.iter().find(|s| s.name == owner);
        let found = register.is_some_and(|r| r.field(field).is_some())
            || item.is_some_and(|s| s.field(field).is_some());
        assert!(found, "{owner}.{field}");
    }
}

#[test]
fn enum_and_flags_tables_fit_their_width() {
    for item in ENUMS {
        for value in item.values {
            assert!(
                item.width == 64 || value.value >> item.width == 0,
                "{}",
                value.name
            );
        }
    }
    for word in FLAGS {
        let bits: u32 = word.fields.iter().map(|f| f.hi - f.lo + 1).sum();
        assert_eq!(bits, word.width, "{}", word.name);
    }
}

#[test]
fn a_layout_is_whatever_can_be_read() {
    fn zero<T: Layout>() -> T {
        T::default()
    }
    assert_eq!(zero::<Segment>(), Segment::zeroed());
}
