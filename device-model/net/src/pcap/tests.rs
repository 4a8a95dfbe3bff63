use proptest::prelude::*;

use super::*;

type Owned = (u64, u32, Direction, u32, Vec<u8>);

fn read_all(bytes: &[u8]) -> Result<Vec<Owned>, CaptureError> {
    let mut reader = CaptureReader::new(bytes)?;
    let mut frames = Vec::new();
    while let Some(f) = reader.next_frame()? {
        frames.push((
            f.time_ns,
            f.interface,
            f.direction,
            f.original_len,
            f.data.to_vec(),
        ));
    }
    Ok(frames)
}

/// A classic file with one frame of `data`, in either byte order.
fn classic(big: bool, magic: u32, link_type: u32, data: &[u8]) -> Vec<u8> {
    let word = |v: u32| {
        if big {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let half = |v: u16| {
        if big {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let mut f = word(magic).to_vec();
    f.extend([half(2), half(4)].concat());
    f.extend([word(0), word(0), word(65535), word(link_type)].concat());
    let len = data.len() as u32;
    f.extend([word(7), word(5), word(len), word(len + 1)].concat());
    f.extend(data);
    f
}

#[test]
fn classic_in_every_variant() {
    for big in [false, true] {
        for (magic, time) in [(0xa1b2_c3d4, 7_000_005_000), (0xa1b2_3c4d, 7_000_000_005)] {
            let file = classic(big, magic, 1, b"frame");
            let expected = vec![(time, 0, Direction::Unknown, 6, b"frame".to_vec())];
            assert_eq!(read_all(&file).unwrap(), expected);
            let mut reader = CaptureReader::new(file.as_slice()).unwrap();
            assert!(!reader.next_frame().unwrap().unwrap().is_whole());
        }
    }
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    let good = classic(false, 0xa1b2_c3d4, 1, b"frame");
    assert!(matches!(
        read_all(b"\x7fELF________________"),
        Err(CaptureError::Format(0x7f45_4c46))
    ));
    assert!(matches!(
        read_all(b""),
        Err(CaptureError::Truncated("file header"))
    ));
    assert!(matches!(
        read_all(&good[..20]),
        Err(CaptureError::Truncated("file header"))
    ));
    assert!(matches!(
        read_all(&good[..30]),
        Err(CaptureError::Truncated("record header"))
    ));
    assert!(matches!(
        read_all(&good[..43]),
        Err(CaptureError::Truncated("frame"))
    ));
    assert!(matches!(
        read_all(&classic(false, 0xa1b2_c3d4, 113, b"")),
        Err(CaptureError::LinkType(113))
    ));
    let mut huge = good.clone();
    huge[32..36].fill(0xff);
    assert!(matches!(
        read_all(&huge),
        Err(CaptureError::Length {
            what: "frame",
            len: u32::MAX
        })
    ));
    let mut version = good;
    version[4] = 3;
    assert!(matches!(read_all(&version), Err(CaptureError::Damaged(_))));
}

fn sample() -> Vec<u8> {
    let mut w = PcapngWriter::new(Vec::new()).unwrap();
    let a = w.interface("a").unwrap();
    let b = w.interface("port b").unwrap();
    w.frame(a, 1, Direction::Outbound, b"one", "made up")
        .unwrap();
    w.frame(b, u64::MAX, Direction::Inbound, b"four", "")
        .unwrap();
    w.frame(b, 1_700_000_000_123_456_789, Direction::Unknown, b"", "")
        .unwrap();
    assert!(w.frame(2, 0, Direction::Unknown, b"", "").is_err());
    w.into_inner()
}

#[test]
fn what_the_writer_writes_the_reader_reads() {
    let expected = vec![
        (1, 0, Direction::Outbound, 3, b"one".to_vec()),
        (u64::MAX, 1, Direction::Inbound, 4, b"four".to_vec()),
        (1_700_000_000_123_456_789, 1, Direction::Unknown, 0, vec![]),
    ];
    let file = sample();
    assert_eq!(read_all(&file).unwrap(), expected);
    // Two sections, one behind the other, are a file too.
    let twice = [file.clone(), file].concat();
    assert_eq!(read_all(&twice).unwrap().len(), 6);
}

#[test]
fn damaged_pcapng_is_refused() {
    let good = sample();
    for cut in 0..good.len() {
        // A cut between blocks is a shorter file; any other is noticed.
        let Ok(frames) = read_all(&good[..cut]) else {
            continue;
        };
        assert!(frames.len() < 3, "{cut}");
    }
    let with = |at: usize, v: u8| {
        let mut f = good.clone();
        f[at] = v;
        read_all(&f)
    };
    assert!(matches!(with(8, 0), Err(CaptureError::Damaged(_))));
    assert!(matches!(with(4, 27), Err(CaptureError::Length { .. })));
    assert!(matches!(with(4, 24), Err(CaptureError::Length { .. })));
    assert!(matches!(with(12, 2), Err(CaptureError::Damaged(_))));
    assert!(matches!(with(24, 32), Err(CaptureError::Damaged(_))));
}

/// A big-endian section with a binary time resolution, a simple packet and a block nobody knows.
#[test]
fn other_writers_choices() {
    let mut f = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let total = body.len() as u32 + 12;
        f.extend(kind.to_be_bytes());
        f.extend(total.to_be_bytes());
        f.extend(body);
        f.extend(total.to_be_bytes());
    };
    block(
        ng::SECTION_HEADER,
        &[
            0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
        ],
    );
    block(0x0bad, &[1; 400]);
    // Link type 1, snapshot length 5, resolution 2^-10 s, offset 3 s.
    block(
        1,
        &[
            0, 1, 0, 0, 0, 0, 0, 5, 0, 9, 0, 1, 0x8a, 0, 0, 0, 0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3,
            0, 0, 0, 0,
        ],
    );
    block(
        6,
        &[
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0xaa, 0, 0, 0,
        ],
    );
    block(3, &[0, 0, 0, 9, 1, 2, 3, 4, 5, 0, 0, 0]);
    let expected = vec![
        (3_500_000_000, 0, Direction::Unknown, 1, vec![0xaa]),
        (0, 0, Direction::Unknown, 9, vec![1, 2, 3, 4, 5]),
    ];
    assert_eq!(read_all(&f).unwrap(), expected);
}

proptest! {
    #[test]
    fn frames_round_trip(frames in prop::collection::vec(
        (any::<u64>(), prop::collection::vec(any::<u8>(), 0..70), "[a-z ]{0,9}"), 0..9,
    )) {
        let mut w = PcapngWriter::new(Vec::new()).unwrap();
        let port = w.interface("port").unwrap();
        for (time, data, comment) in &frames {
            w.frame(port, *time, Direction::Inbound, data, comment).unwrap();
        }
        let back = read_all(&w.into_inner()).unwrap();
        prop_assert_eq!(back.len(), frames.len());
        for ((time, data, _), (t, _, _, len, d)) in frames.iter().zip(&back) {
            prop_assert_eq!((time, data, data.len() as u32), (t, d, *len));
        }
    }

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_all(&bytes);
    }

    #[test]
    fn a_changed_capture_is_no_panic(
        which in any::<bool>(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = if which { sample() } else { classic(false, 0xa1b2_c3d4, 1, b"some frame") };
        for (at, v) in edits {
            *at.get_mut(&mut bytes) = v;
        }
        let _ = read_all(&bytes);
    }
}
