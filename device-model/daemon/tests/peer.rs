//! `rnic peer` against itself: two devices of one daemon, each the other's peer.
#![cfg(feature = "client")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use support::Daemon;

fn peer(daemon: &Daemon, device: &str, address: &str, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_rnic"))
        .arg("peer")
        .args(["--device", &format!("socket={device}")])
        .args(["--address", address])
        .args(arguments)
        .current_dir(daemon.directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Its words, if it ended well.
fn words(mut child: Child) -> Result<String, String> {
    let (mut out, mut errors) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    match child.wait().unwrap().success() {
        true => Ok(out),
        false => Err(errors),
    }
}

/// Starts a server, waits until it listens, and gives the client's and its words.
fn both(
    daemon: &Daemon,
    (server, client): (&[&str], &[&str]),
    v6: bool,
) -> [Result<String, String>; 2] {
    let (ours, theirs, to) = if v6 {
        ("fd07::1/64", "fd07::2/64", "fd07::1")
    } else {
        ("10.7.0.1/24", "10.7.0.2/24", "10.7.0.1")
    };
    let mut server = peer(daemon, "0", ours, server);
    let mut reader = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("listening"), "{line}");
    let client = peer(daemon, "1", theirs, &[client, &["--to", to]].concat());
    let client = words(client);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    let mut errors = String::new();
    let mut stderr = server.stderr.take().unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    let server = match server.wait().unwrap().success() {
        true => Ok(rest),
        false => Err(errors),
    };
    [client, server]
}

#[test]
fn every_mode_speaks_to_its_other_side() {
    let rows: [(&[&str], &[&str], &str); 3] = [
        (
            &["--mode", "rping", "-C", "3", "-S", "5000"],
            &["--mode", "rping", "-C", "3", "-S", "5000"],
            "verified 3 pings",
        ),
        (
            &["--mode", "cma", "-C", "100", "-S", "3000"],
            &["--mode", "cma", "-C", "100", "-S", "3000"],
            "exchanged 100 messages",
        ),
        (
            &["--mode", "rdma-server"],
            &["--mode", "rdma-client"],
            "exchanged 1 message",
        ),
    ];
    for segments in ["on", "off"] {
        // Without segments the devices find each other by ARP and neighbour discovery.
        let daemon = Daemon::start(&["", ""], &["--segments", segments]);
        for (server, client, said) in rows {
            for v6 in [false, true] {
                let ends = both(&daemon, (server, client), v6);
                for end in ends {
                    let words = end.unwrap_or_else(|e| panic!("{server:?} {segments} {v6}: {e}"));
                    assert!(words.contains(said), "{server:?}: {words}");
                    assert!(words.contains("peer done"), "{server:?}: {words}");
                }
            }
        }
    }
}

#[test]
fn a_refusal_says_so() {
    let daemon = Daemon::start(&["", ""], &[]);
    let server = &["--mode", "rping", "--reject", "no thanks"];
    let [client, server] = both(&daemon, (server, &["--mode", "rping"]), false);
    assert!(client.unwrap_err().contains("REJECTED"));
    assert!(server.unwrap().contains("refused a request"));
    let nobody = peer(
        &daemon,
        "1",
        "10.7.0.2/24",
        &["--mode", "rping", "--to", "192.0.2.1"],
    );
    assert!(words(nobody).unwrap_err().contains("UNREACHABLE"));
}
