//! Two daemons, a device each, with every kind of wire between them.
#![cfg(feature = "client")]

mod support;

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::Daemon;

/// Options of the two sides of a wire in `directory`.
fn sides(kind: &str, directory: &Path) -> [String; 2] {
    let path = |name: &str| directory.join(name).display().to_string();
    let (a, b) = (path("wire-a"), path("wire-b"));
    match kind {
        "dgram" => [
            format!("kind=dgram,local={a},remote={b}"),
            format!("kind=dgram,local={b},remote={a}"),
        ],
        "stream" => [
            format!("kind=stream,listen={a}"),
            format!("kind=stream,connect={a}"),
        ],
        _ => {
            let free = |_| UdpSocket::bind("127.0.0.1:0").unwrap();
            let [a, b] = [0, 1].map(free).map(|s| s.local_addr().unwrap());
            [
                format!("kind=udp,local={a},remote={b}"),
                format!("kind=udp,local={b},remote={a}"),
            ]
        }
    }
}

fn port(daemon: &Daemon) -> Value {
    daemon.ask(r#"{"command": "query-ports"}"#)["return"][0].clone()
}

fn rnic(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rnic"));
    let output = command.args(arguments).env("RUST_LOG", "warn").output();
    let output = output.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Pings from a device of one daemon to one of another, over a wire with `extra` options.
fn ping(kind: &str, extra: &str) -> [Daemon; 2] {
    ping_with(kind, extra, &[])
}

/// The same with more of the daemons' command line.
fn ping_with(kind: &str, extra: &str, more: &[&str]) -> [Daemon; 2] {
    let directory = tempfile::tempdir().unwrap();
    let options = sides(kind, directory.path()).map(|side| side + extra);
    // The side that others connect to may come second.
    let daemons = [&options[1], &options[0]]
        .map(|side| Daemon::start(&[""], &[&["--port", side.as_str()], more].concat()));
    let sockets = [0, 1].map(|n| daemons[n].socket(0).display().to_string());
    let out = rnic(&["ping", "--count", "20", &sockets[0], &sockets[1]]);
    assert_eq!(out.matches("there and back").count(), 20, "{out}");
    for daemon in &daemons {
        let report = port(daemon);
        assert_eq!(report["kind"], kind);
        for count in ["sent", "received"] {
            // A message and its acknowledge each way, for each ping.
            assert!(report[count].as_u64().unwrap() >= 20, "{kind}: {report}");
        }
    }
    daemons
}

#[test]
fn data_pass_over_every_kind_of_wire() {
    for kind in ["dgram", "stream", "udp"] {
        ping(kind, "");
    }
}

#[test]
fn a_modelled_line_carries_the_same_and_its_rate_is_what_devices_report() {
    let daemons = ping("dgram", ",mtu=4500,rate=2G,delay=200us");
    for daemon in &daemons {
        let report = port(daemon);
        assert_eq!(report["lost"], 0, "{report}");
    }
}

#[test]
fn the_nth_frame_of_every_flow_can_be_lost_and_others_late() {
    let directory = tempfile::tempdir().unwrap();
    let plan = directory.path().join("plan.toml");
    let text = r#"
        seed = 5
        [[rules]]
        site = "frame-in"
        fault = "drop"
        per_flow = true
        after = 4
        times = 1
        [[rules]]
        site = "frame-out"
        fault = "delay"
        delay_ns = 300000
        every = 3
        [[rules]]
        site = "frame-in"
        fault = "duplicate"
        every = 4
    "#;
    std::fs::write(&plan, text).unwrap();
    ping_with("dgram", "", &["--fault-plan", plan.to_str().unwrap()]);
}

#[test]
fn what_cannot_be_made_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let taken = directory.path().join("taken");
    std::fs::write(&taken, "mine").unwrap();
    let taken = taken.display();
    for (port, says) in [
        (
            format!("kind=dgram,local={taken},remote=y"),
            "is no socket; remove it or choose another path",
        ),
        (
            format!("kind=stream,listen={taken}"),
            "is no socket; remove it or choose another path",
        ),
        (
            "kind=udp,local=203.0.113.9:1,remote=203.0.113.9:2".into(),
            "--port kind=udp: 203.0.113.9:1 to",
        ),
        (
            "kind=tap,name=much-too-long-a-name".into(),
            "is no name of an interface",
        ),
        ("kind=vlan".into(), "is no kind of port"),
    ] {
        let socket = directory.path().join("0");
        let device = format!("socket={}", socket.display());
        let output = Command::new(env!("CARGO_BIN_EXE_rnic"))
            .args(["serve", "--device", &device, "--port", &port])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && error.contains(says),
            "{port}: {error}"
        );
    }
}
