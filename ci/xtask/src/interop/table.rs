//! docs/interop.md.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use crate::workspace;

/// The rows that run in one place only.
pub const ONCE: &str = "clean, once";

/// The rows of `rnic peer` in a guest, in the first two weathers.
pub const IN_GUEST: [&str; 2] = [
    "clean, rnic peer in a guest of QEMU over VFIO",
    "1% loss and reordering each way, rnic peer in a guest of QEMU over VFIO",
];

/// The rows of rnic.sys.
pub const WINDOWS: &str = "clean, rnic.sys under nt-host";

/// What a row came to in one case.
pub struct Cell {
    pub row: &'static str,
    pub v6: bool,
    pub mtu: u32,
    pub weather: &'static str,
    /// None: not run, for the reason that the row gives.
    pub held: Option<bool>,
}

const HEAD: &str = "\
# Interoperation with Linux

Written by `cargo xtask test interop`, which builds the peer's kernel, User Mode Linux, when `RNIC_PEER_KERNEL` does not name
one. Each row is a program of rdma-core, or a script over its libraries, in a Linux guest with Soft-RoCE on one side, and
`rnic peer` over a device of `rnic serve` on the other, joined by a port of unix datagrams. Columns: IP version and path
MTU. Loss and reordering are netem's, on the frames that the peer sends and on those that come to it alike; a program of
Linux that ends says goodbye once, so there silence is an end too. After each run every frame of the capture is parsed,
its ICRC checked, and encoded again (`rnic decode --check`), and tshark finds none malformed.

Datagrams whose answer is lost are asked for again; messages of UC that are lost stay lost. A stream of UC to Linux consists of sends:
after a write of which a packet was lost, Soft-RoCE takes no message on that queue pair any more, for it forgets what it
expected only together with a receive (rxe_resp.c, do_class_d1e_error). From Linux come sends and writes.

Files of a Linux SMB server by SMB Direct, through rnic.sys, have a page of their own: `smb-direct.md`.
";

const REPEAT: &str = "\
## To repeat a row

In three terminals: the daemon, the peer, which takes the commands that are marked Linux and has 10.7.0.2 and fd07::2, and
`rnic peer`. `A` is the device's socket. For an MTU of 4096 say 4400 instead of 1500, and for bad weather give the peer
`weather loss 1% reorder 1% delay 2ms`. `RNIC_INTEROP_ONLY='UC: ;MTU 4096, 5%' cargo xtask test interop` runs the rows alone whose
names, MTU or weather contain one of these texts.

```
cargo run -p rnic -- serve --device socket=A --port dgram,local=/tmp/w.rnic,remote=/tmp/w.peer,mtu=1500
cargo xtask peer --verbs --mtu 1500 --wire /tmp/w.peer,/tmp/w.rnic
cargo run -p rnic -- peer ...
```

`background COMMAND` runs it beside, `listening` waits until it listens, `ended` waits for its end and prints what it said
(ci/guests/lib.sh).
";

/// Writes the table.
pub fn write(cells: &[Cell], commands: &[(String, Vec<String>)], kernel: &str) -> Result<()> {
    let file = workspace::root().join("docs/interop.md");
    fs::write(&file, text(cells, commands, kernel))
        .with_context(|| format!("cannot write {}", file.display()))
}

fn text(cells: &[Cell], commands: &[(String, Vec<String>)], kernel: &str) -> String {
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "\nPeer: Linux {kernel}.");
    for weather in distinct(cells.iter().map(|c| c.weather)) {
        let here: Vec<&Cell> = cells.iter().filter(|c| c.weather == weather).collect();
        let columns = distinct(here.iter().map(|c| (c.mtu, c.v6)));
        let _ = writeln!(text, "\n## {weather}\n");
        text += "| what |";
        for (mtu, v6) in &columns {
            let _ = write!(text, " {} {mtu} |", if *v6 { "IPv6" } else { "IPv4" });
        }
        text += "\n|---|";
        text += &"---|".repeat(columns.len());
        text.push('\n');
        for row in distinct(here.iter().map(|c| c.row)) {
            let _ = write!(text, "| {row} |");
            for column in &columns {
                let cell = here
                    .iter()
                    .find(|c| c.row == row && (c.mtu, c.v6) == *column);
                let word = match cell.map(|c| c.held) {
                    Some(Some(true)) => "ok",
                    Some(Some(false)) => "FAILED",
                    Some(None) => "n/a",
                    None => "not run",
                };
                let _ = write!(text, " {word} |");
            }
            text.push('\n');
        }
    }
    text += "\nn/a: rdma_server listens at an IPv4 address only.\n\n";
    text += REPEAT;
    for (row, commands) in commands {
        let _ = writeln!(text, "\n{row}:\n");
        for command in commands {
            let _ = writeln!(text, "- {command}");
        }
    }
    text
}

/// Each value once, in the order of first sight.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_and_a_row_that_was_not_run_show() {
        let cell = |row, v6, held| Cell {
            row,
            v6,
            mtu: 1024,
            weather: "clean",
            held,
        };
        let cells = [
            cell("one", false, Some(true)),
            cell("one", true, Some(false)),
            cell("two", false, Some(true)),
            cell("three", true, None),
        ];
        let text = text(
            &cells,
            &[("one".into(), vec!["Linux: `x`".into()])],
            "7.3.4",
        );
        for line in [
            "| what | IPv4 1024 | IPv6 1024 |",
            "| one | ok | FAILED |",
            "| two | ok | not run |",
            "| three | not run | n/a |",
            "- Linux: `x`",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
