//! `rnic capture`: what two devices exchange, within the daemon and by frames, as others read it.
#![cfg(feature = "client")]

mod support;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};

use support::Daemon;

fn rnic(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rnic"));
    command.args(arguments).env("RUST_LOG", "warn");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Pings, and measures a little, while `file` is recorded; what `rnic decode` makes of it.
fn record(daemon: &Daemon, file: &Path, ports: &[&str]) -> String {
    let control = daemon.directory.path().join("control");
    let (control, file) = (control.to_str().unwrap(), file.to_str().unwrap());
    let sockets = [0, 1].map(|n| daemon.socket(n).display().to_string());
    let mut start = vec!["capture", control, "start", file];
    for port in ports {
        start.extend(["--port", port]);
    }
    text(&rnic(&start));
    let again = rnic(&start);
    assert!(String::from_utf8_lossy(&again.stderr).contains("stop it first"));
    text(&rnic(&["ping", "--count", "3", &sockets[0], &sockets[1]]));
    assert!(text(&rnic(&["capture", control, "status"])).contains("frames"));
    text(&rnic(&["capture", control, "stop"]));
    let after = text(&rnic(&["capture", control, "status"]));
    assert_eq!(after.trim(), "null");
    // Nothing after the end.
    text(&rnic(&["ping", "--count", "1", &sockets[0], &sockets[1]]));
    text(&rnic(&["decode", "--check", file]));
    text(&rnic(&["decode", file]))
}

/// What of a line does not depend on when and on which numbers a run took.
fn kinds(lines: &str) -> Vec<String> {
    let kind = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|w| *w == ">").unwrap();
        let length = words.iter().find(|w| w.starts_with("len="));
        format!("{} {}", words[at + 2], length.unwrap_or(&""))
    };
    // Only frames need a next hop, and ask for it.
    let asked = |line: &&str| line.split_whitespace().nth(2) == Some("ARP");
    // A client that ends says farewell by frames alone, and only while no earlier one waits to be said again.
    let begins = |line: &&str| [" REQ ", " REP ", " RTU "].iter().any(|m| line.contains(m));
    let farewell = |line: &&str| line.contains(" CM ") && !begins(line);
    let told = lines.lines().filter(|l| !asked(l) && !farewell(l));
    let mut all: Vec<_> = told.map(kind).collect();
    // An acknowledge may cover more than one request.
    all.retain(|k| !k.starts_with("RcAcknowledge"));
    all
}

#[test]
fn segments_are_recorded_as_the_frames_that_they_would_have_been() {
    let dir = tempfile::tempdir().unwrap();
    let by_segments = Daemon::start(&["", ""], &["--segments", "on"]);
    let by_frames = Daemon::start(&["", ""], &["--segments", "off"]);
    let shown = record(&by_segments, &dir.path().join("segments"), &[]);
    let sent = record(&by_frames, &dir.path().join("frames"), &[]);
    assert!(
        shown.contains("RcSendOnly") && shown.contains("ACK msn="),
        "{shown}"
    );
    assert_eq!(kinds(&shown), kinds(&sent));
}

#[test]
fn one_port_is_recorded_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&["", ""], &["--segments", "off"]);
    let all = record(&daemon, &dir.path().join("all"), &[]);
    let one = record(&daemon, &dir.path().join("one"), &["device1"]);
    assert_eq!(kinds(&all), kinds(&one));
    let control = daemon.directory.path().join("control");
    let start = [
        "capture",
        control.to_str().unwrap(),
        "start",
        "/dev/null",
        "--port",
        "device2",
    ];
    let error = rnic(&start);
    assert!(String::from_utf8_lossy(&error.stderr).contains("ports are device0, device1"));
}

#[test]
fn a_recording_can_be_watched_live() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let reader = {
        let fifo = fifo.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            std::fs::File::open(fifo)
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
            bytes
        })
    };
    let daemon = Daemon::start(&["", ""], &[]);
    let control = daemon.directory.path().join("control");
    let control = control.to_str().unwrap();
    let sockets = [0, 1].map(|n| daemon.socket(n).display().to_string());
    // Until the reader has opened its end, the daemon says that nobody reads.
    support::wait_until("the reader", || {
        rnic(&["capture", control, "start", fifo.to_str().unwrap()])
            .status
            .success()
    });
    text(&rnic(&["ping", "--count", "2", &sockets[0], &sockets[1]]));
    text(&rnic(&["capture", control, "stop"]));
    let file = dir.path().join("copy");
    std::fs::write(&file, reader.join().unwrap()).unwrap();
    let check = text(&rnic(&["decode", "--check", file.to_str().unwrap()]));
    assert!(check.contains(" 0 wrong"), "{check}");
    assert!(text(&rnic(&["decode", file.to_str().unwrap()])).contains("RcSendOnly"));
}
