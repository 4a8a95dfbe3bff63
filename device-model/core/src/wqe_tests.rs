use rnic_abi::CompletionStatus;
use zerocopy::IntoBytes;

use super::*;

const RULES: SendRules = SendRules {
    max_segments: 6,
    max_inline: 128,
    atomics: true,
    windows: true,
    service: QpType::RC,
};

/// An entry with a header, 32 bytes of operands and data.
fn entry(
    opcode: WorkOpcode,
    flags: WorkFlags,
    count: u16,
    operands: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let mut header = WorkHeader::zeroed().with_opcode(opcode).with_flags(flags);
    header.context.set(0x1234);
    header.data_count.set(count);
    header.immediate.set(u32::from_le_bytes(*b"imm!"));
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(operands);
    bytes.resize(48, 0);
    bytes.extend_from_slice(data);
    bytes.resize(256, 0);
    bytes
}

fn segments(list: &[(u64, u32, u32)]) -> Vec<u8> {
    let one = |&(address, length, key): &(u64, u32, u32)| {
        let mut s = AbiSegment::zeroed();
        s.address.set(address);
        s.length.set(length);
        s.key.set(key);
        s.as_bytes().to_vec()
    };
    list.iter().flat_map(one).collect()
}

fn remote_operands() -> Vec<u8> {
    let mut r = RemoteSegment::zeroed();
    r.address.set(0x5000);
    r.key.set(0x77);
    r.as_bytes().to_vec()
}

fn parse(bytes: &[u8]) -> Result<Request, ProviderError> {
    parse_send(bytes, RULES).request.map_err(|r| r.error)
}

const NONE: WorkFlags = WorkFlags(0);

#[test]
fn every_message_gets_its_operands() {
    let data = segments(&[(1, 10, 2), (3, 0, 0), (5, 20, 6)]);
    let two = Data::Segments(Segments::Few {
        count: 2,
        list: [
            Segment {
                address: 1,
                length: 10,
                key: 2,
            },
            Segment {
                address: 5,
                length: 20,
                key: 6,
            },
            Segment::default(),
            Segment::default(),
        ],
    });
    let rows = [
        (
            WorkOpcode::SEND,
            Message::Send {
                ending: Ending::Plain,
                solicited: false,
            },
        ),
        (
            WorkOpcode::SEND_IMMEDIATE,
            Message::Send {
                ending: Ending::Immediate(*b"imm!"),
                solicited: false,
            },
        ),
        (
            WorkOpcode::SEND_INVALIDATE,
            Message::Send {
                ending: Ending::Invalidate(RKey(u32::from_le_bytes(*b"imm!"))),
                solicited: false,
            },
        ),
        (
            WorkOpcode::WRITE,
            Message::Write {
                address: 0x5000,
                key: RKey(0x77),
                immediate: None,
                solicited: false,
            },
        ),
        (
            WorkOpcode::WRITE_IMMEDIATE,
            Message::Write {
                address: 0x5000,
                key: RKey(0x77),
                immediate: Some(*b"imm!"),
                solicited: false,
            },
        ),
        (
            WorkOpcode::READ,
            Message::Read {
                address: 0x5000,
                key: RKey(0x77),
            },
        ),
    ];
    for (opcode, expected) in rows {
        let parsed = parse_send(&entry(opcode, NONE, 3, &remote_operands(), &data), RULES);
        assert_eq!((parsed.context, parsed.opcode), (0x1234, opcode));
        let Ok(Request::Message {
            message,
            data,
            length,
            invalidate,
        }) = parsed.request
        else {
            panic!("{opcode:?}: {parsed:?}");
        };
        assert_eq!((message, length, invalidate), (expected, 30, None));
        // [QP-18]
        assert_eq!(data, two);
    }
}

#[test]
fn one_row_for_each_way_to_be_malformed() {
    // [QP-16] [QP-17] [QP-33]
    let r = remote_operands();
    let mut dirty = r.clone();
    dirty[12] = 1;
    let one = segments(&[(0, 8, 1)]);
    let long = segments(&[(0, 0xffff_ffff, 1), (0, 0xffff_ffff, 1)]);
    let all = WorkFlags::SOLICITED;
    let inline = WorkFlags::INLINE;
    let mut add = AtomicSegment::zeroed();
    add.compare.set(1);
    type Row<'a> = (
        WorkOpcode,
        WorkFlags,
        u16,
        &'a [u8],
        &'a [u8],
        ProviderError,
    );
    let rows: &[Row<'_>] = &[
        (WorkOpcode(0), NONE, 0, &[], &[], ProviderError::BAD_OPCODE),
        (WorkOpcode(13), NONE, 0, &[], &[], ProviderError::BAD_OPCODE),
        (
            WorkOpcode::SEND,
            WorkFlags(0x10),
            0,
            &[],
            &[],
            ProviderError::BAD_FLAGS,
        ),
        (
            WorkOpcode::SEND,
            WorkFlags(0x80),
            0,
            &[],
            &[],
            ProviderError::BAD_FLAGS,
        ),
        (WorkOpcode::WRITE, all, 0, &r, &[], ProviderError::BAD_FLAGS),
        (WorkOpcode::READ, all, 0, &r, &[], ProviderError::BAD_FLAGS),
        (
            WorkOpcode::READ,
            inline,
            0,
            &r,
            &[],
            ProviderError::BAD_FLAGS,
        ),
        (
            WorkOpcode::FETCH_ADD,
            inline,
            8,
            &[],
            &[],
            ProviderError::BAD_FLAGS,
        ),
        (WorkOpcode::BIND, all, 0, &[], &[], ProviderError::BAD_FLAGS),
        (
            WorkOpcode::FAST_REGISTER,
            inline,
            0,
            &[],
            &[],
            ProviderError::BAD_FLAGS,
        ),
        (
            WorkOpcode::LOCAL_INVALIDATE,
            all,
            0,
            &[],
            &[],
            ProviderError::BAD_FLAGS,
        ),
        (
            WorkOpcode::SEND,
            NONE,
            7,
            &[],
            &[],
            ProviderError::TOO_MANY_SEGMENTS,
        ),
        (
            WorkOpcode::READ,
            NONE,
            u16::MAX,
            &r,
            &[],
            ProviderError::TOO_MANY_SEGMENTS,
        ),
        (
            WorkOpcode::SEND,
            inline,
            129,
            &[],
            &[],
            ProviderError::INLINE_TOO_LONG,
        ),
        (
            WorkOpcode::WRITE,
            inline,
            u16::MAX,
            &r,
            &[],
            ProviderError::INLINE_TOO_LONG,
        ),
        (
            WorkOpcode::WRITE,
            NONE,
            0,
            &dirty,
            &[],
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::READ,
            NONE,
            0,
            &dirty,
            &[],
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::COMPARE_SWAP,
            NONE,
            1,
            &dirty,
            &one,
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::COMPARE_SWAP,
            NONE,
            0,
            &[],
            &[],
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::COMPARE_SWAP,
            NONE,
            2,
            &[],
            &one,
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::FETCH_ADD,
            NONE,
            1,
            &[],
            &long,
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::FETCH_ADD,
            NONE,
            1,
            add.as_bytes(),
            &one,
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::BIND,
            NONE,
            0,
            &[0xff; 32],
            &[],
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::FAST_REGISTER,
            NONE,
            0,
            &[0xff; 32],
            &[],
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::LOCAL_INVALIDATE,
            NONE,
            0,
            &[0xff; 32],
            &[],
            ProviderError::BAD_OPCODE,
        ),
        (
            WorkOpcode::SEND,
            NONE,
            2,
            &[],
            &long,
            ProviderError::MESSAGE_TOO_LONG,
        ),
    ];
    for (opcode, flags, count, operands, data, error) in rows {
        let bytes = entry(*opcode, *flags, *count, operands, data);
        assert_eq!(parse(&bytes), Err(*error), "{opcode:?} {flags:?} {count}");
    }
    let long = parse_send(&entry(WorkOpcode::SEND, NONE, 2, &[], &long), RULES);
    let status = long.request.map_err(|r| r.status);
    assert_eq!(status, Err(CompletionStatus::LOCAL_LENGTH_ERROR));
}

#[test]
fn operations_without_their_feature_do_not_exist() {
    let rules = SendRules {
        atomics: false,
        windows: false,
        ..RULES
    };
    for opcode in [
        WorkOpcode::COMPARE_SWAP,
        WorkOpcode::FETCH_ADD,
        WorkOpcode::BIND,
    ] {
        let bytes = entry(opcode, NONE, 1, &[], &segments(&[(0, 8, 1)]));
        let refused = parse_send(&bytes, rules).request.map_err(|r| r.error);
        assert_eq!(refused, Err(ProviderError::BAD_OPCODE));
    }
}

#[test]
fn a_reading_invalidate_names_the_key_of_its_first_segment() {
    let data = segments(&[(0, 0, 0x55), (0, 9, 0x66)]);
    let invalidated = |count, data: &[u8]| match parse(&entry(
        WorkOpcode::READ_INVALIDATE,
        NONE,
        count,
        &remote_operands(),
        data,
    )) {
        Ok(Request::Message { invalidate, .. }) => invalidate,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalidated(2, &data), Some(0x55));
    assert_eq!(invalidated(0, &[]), None);
}

#[test]
fn inline_data_are_copied() {
    // [QP-19]
    for length in [0usize, 1, 64, 65, 128] {
        let data: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let bytes = entry(
            WorkOpcode::SEND,
            WorkFlags::INLINE,
            length as u16,
            &[],
            &data,
        );
        let Ok(Request::Message {
            data: Data::Inline(inline),
            length: all,
            ..
        }) = parse(&bytes)
        else {
            panic!("not inline");
        };
        assert_eq!((inline.as_slice(), all as usize), (&data[..], length));
    }
}

#[test]
fn many_segments_are_kept_in_order() {
    let list: Vec<_> = (0..6).map(|i| (i, u32::from(i != 2), 9)).collect();
    let bytes = entry(WorkOpcode::SEND, NONE, 6, &[], &segments(&list));
    let Ok(Request::Message {
        data: Data::Segments(s),
        ..
    }) = parse(&bytes)
    else {
        panic!("no segments");
    };
    let addresses: Vec<u64> = s.as_slice().iter().map(|s| s.address).collect();
    assert_eq!(addresses, [0, 1, 3, 4, 5]);
}

#[test]
fn receives_are_checked_alike() {
    let mut bytes = vec![0; 16];
    bytes[8] = 2;
    bytes.extend(segments(&[(1, 2, 3), (4, 5, 6)]));
    let ok = parse_receive(&bytes, 2);
    assert_eq!(ok.segments.as_ref().map(Segments::total), Ok(7));
    assert_eq!(
        parse_receive(&bytes, 1).segments.map_err(|r| r.error),
        Err(ProviderError::TOO_MANY_SEGMENTS)
    );
    bytes[10] = 1;
    assert_eq!(
        parse_receive(&bytes, 2).segments.map_err(|r| r.error),
        Err(ProviderError::BAD_OPCODE)
    );
    assert!(
        parse_receive(&[], 2).segments.is_ok(),
        "an entry that was not read is empty"
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_parsed(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = parse_send(&bytes, RULES);
        let _ = parse_receive(&bytes, 4);
    }
}
