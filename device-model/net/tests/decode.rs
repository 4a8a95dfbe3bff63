//! The decoder over captures of a Linux peer, and over the same captures damaged.

use std::fs;
use std::path::PathBuf;

use rnic_net::decode::{DecodeError, Options, Summary, decode};
use rnic_net::pcap::{CaptureError, CaptureReader, Direction, PcapngWriter};

const CHECK: Options = Options {
    check: true,
    verbose: false,
};
const LINES: Options = Options {
    check: false,
    verbose: false,
};
const VERBOSE: Options = Options {
    check: false,
    verbose: true,
};

fn capture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../wire/tests/captures")
        .join(name);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn run(file: &[u8], options: Options) -> (Summary, String) {
    let mut out = Vec::new();
    let summary = decode(file, &mut out, options).expect("decodes");
    (summary, String::from_utf8(out).expect("text"))
}

#[test]
fn every_capture_passes_the_check() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/captures");
    let mut all = Summary::default();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "pcap") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (summary, text) = run(&fs::read(&path).unwrap(), CHECK);
        assert_eq!(summary.wrong, 0, "{name}: {text}");
        assert_eq!(summary.exit_status(CHECK), 0, "{name}");
        assert_eq!(text, format!("{summary}\n"));
        all.again += summary.again;
        all.missing += summary.missing;
        all.naks += summary.naks;
        all.rnr_naks += summary.rnr_naks;
        all.frames += summary.frames;
        all.roce += summary.roce;
        all.cm += summary.cm;
        all.arp += summary.arp;
        all.nd += summary.nd;
        all.other += summary.other;
    }
    let expected = Summary {
        frames: 1875,
        roce: 1600,
        cm: all.cm,
        arp: 10,
        nd: 28,
        other: 237,
        wrong: 0,
        ..all
    };
    assert_eq!(all, expected);
    assert!(all.cm > 70, "{}", all.cm);
}

#[test]
fn lines_say_what_a_frame_is() {
    let (summary, text) = run(&capture("rcx-ops-v4.pcap"), LINES);
    assert_eq!(text.lines().count() as u64, summary.frames);
    for part in [
        "10.7.0.2 > 10.7.0.1 CM REQ",
        "Tcp port=",
        "CM RTU",
        "RcSendOnly qpn=",
        "solicited len=13",
        "RcReadRequest",
        "RcAtomicAcknowledge",
        "ACK msn=",
        "imm=11223344 len=952",
        "ND who has",
    ] {
        assert!(text.contains(part), "{part} is in no line of\n{text}");
    }
    let (_, text) = run(&capture("rnr-nak.pcap"), LINES);
    assert!(text.contains("RNR-NAK wait=655360us"), "{text}");
    let (_, text) = run(&capture("nak-bad-rkey-write.pcap"), LINES);
    assert!(text.contains("NAK remote-access"), "{text}");
    let (_, text) = run(&capture("cm-reject-no-listener.pcap"), LINES);
    assert!(
        text.contains("CM REJ") && text.contains("reason=INVALID_SERVICE_ID(8)"),
        "{text}"
    );
}

#[test]
fn losses_are_reported_and_are_no_failure() {
    // Lost frames are in these captures, so nothing is missing; what was lost comes again.
    for (name, again, naks) in [
        ("loss-write-middle-8k.pcap", true, true),
        ("loss-send-first-8k.pcap", true, true),
        ("loss-write-last-8k-timeout.pcap", true, false),
        ("loss-ack-of-write.pcap", true, false),
        ("rcx-ops-v4.pcap", false, false),
        ("rcx-ops-pmtu4096-v4.pcap", false, false),
        ("perftest-ib_read_bw-4k-n8.pcap", false, false),
    ] {
        let (summary, text) = run(&capture(name), LINES);
        let found = (summary.again > 0, summary.naks > 0, summary.missing);
        assert_eq!(found, (again, naks, 0), "{name}: {summary}\n{text}");
        assert_eq!(text.contains("[sent again]"), again, "{name}");
        let (summary, text) = run(&capture(name), CHECK);
        assert_eq!(summary.exit_status(CHECK), 0);
        assert_eq!(text.contains("on the way:"), again || naks, "{text}");
    }
    let (summary, _) = run(&capture("rnr-nak.pcap"), CHECK);
    assert!(summary.rnr_naks > 0);
}

#[test]
fn a_packet_that_is_not_in_the_capture_is_missing() {
    let file = capture("perftest-ib_write_bw-4k-n8.pcap");
    let mut reader = CaptureReader::new(file.as_slice()).unwrap();
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let port = writer.interface("port0").unwrap();
    let mut middles = 0;
    while let Some(f) = reader.next_frame().unwrap() {
        let (_, line) = run(&one(f.data), LINES);
        middles += usize::from(line.contains("RcWriteMiddle"));
        if !(line.contains("RcWriteMiddle") && (2..=3).contains(&middles)) {
            let added = writer.frame(port, f.time_ns, Direction::Inbound, f.data, "");
            added.unwrap();
        }
    }
    assert!(middles >= 3);
    let (summary, text) = run(&writer.into_inner(), LINES);
    assert_eq!(
        (summary.missing, summary.again, summary.wrong),
        (2, 0, 0),
        "{text}"
    );
    assert!(text.contains("missing]"), "{text}");
}

/// A capture of one frame.
fn one(frame: &[u8]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let port = writer.interface("port0").unwrap();
    writer
        .frame(port, 0, Direction::Inbound, frame, "")
        .unwrap();
    writer.into_inner()
}

#[test]
fn verbose_shows_every_field() {
    let (_, text) = run(&capture("cm-reject-consumer-v4.pcap"), VERBOSE);
    for part in [
        "local_ca_guid: ",
        "reserved_24: ",
        "rdma_cm: CmaHeader",
        "reason: CONSUMER_DEFINED",
        "zeros]",
        "psn: ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

/// Byte 8 of a classic record header is the captured length; frames begin 16 bytes behind it.
#[test]
fn a_damaged_frame_fails_the_check() {
    let good = capture("cm-reject-consumer-v4.pcap");
    let first = 24 + 16;
    for (at, why) in [
        (first + 14 + 20 + 8 + 12 + 8 + 100, "ICRC is"),
        (first + 14 + 10, "IPv4 header checksum is wrong"),
        (first + 14 + 20 + 8, "opcode is unknown"),
        (first + 14 + 20 + 5, "UDP length"),
    ] {
        let mut bad = good.clone();
        bad[at] ^= 0x80;
        let (summary, text) = run(&bad, CHECK);
        assert_eq!(
            (summary.wrong, summary.exit_status(CHECK)),
            (1, 1),
            "{text}"
        );
        assert!(
            text.contains("WRONG: ") && text.contains(why),
            "{why}: {text}"
        );
        assert_eq!(summary.exit_status(LINES), 0);
    }
}

#[test]
fn a_cut_frame_fails_the_check() {
    let mut bad = capture("cm-reject-consumer-v4.pcap");
    // Original length of the first record.
    bad[24 + 12] += 1;
    let (summary, text) = run(&bad, CHECK);
    assert_eq!(summary.wrong, 1);
    assert!(text.contains("are in the capture"), "{text}");
}

#[test]
fn a_capture_of_nothing_says_so() {
    let empty = &capture("rping-v4.pcap")[..24];
    let (summary, text) = run(empty, CHECK);
    assert_eq!((summary.frames, summary.exit_status(CHECK)), (0, 0));
    assert!(text.starts_with("0 frames: 0 RoCEv2"), "{text}");
}

#[test]
fn a_pcapng_copy_passes_too() {
    let file = capture("rping-v6.pcap");
    let mut reader = CaptureReader::new(file.as_slice()).unwrap();
    let mut writer = PcapngWriter::new(Vec::new()).unwrap();
    let port = writer.interface("port0").unwrap();
    while let Some(f) = reader.next_frame().unwrap() {
        writer
            .frame(port, f.time_ns, Direction::Inbound, f.data, "")
            .unwrap();
    }
    let copy = writer.into_inner();
    assert_eq!(run(&copy, LINES), run(&file, LINES));
    assert_eq!(run(&copy, CHECK).0.exit_status(CHECK), 0);
}

#[test]
fn what_is_no_capture_is_an_error() {
    let r = decode(&b"not a capture at all"[..], &mut Vec::new(), LINES);
    assert!(
        matches!(r, Err(DecodeError::Capture(CaptureError::Format(_)))),
        "{r:?}"
    );
}
