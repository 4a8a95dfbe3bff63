//! docs/smb-direct.md.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use super::smb::Outcome;
use crate::workspace;

const HEAD: &str = "\
# SMB Direct over rnic.sys

Written by `cargo xtask test smb`. On one side Linux' SMB server, ksmbd, over Soft-RoCE in a User Mode Linux peer; on the other
`nt-host smb`, an SMB 3.1.1 client that reaches an rnic by the dispatch tables of `rnic.sys` alone, as SMB Direct of Windows
does: receives for every credit, sends that gather header and data with the privileged token, 16 entries and read
limits of 16, no private data, memory lent by NdkBuildLAM and NdkFastRegister, taken back by NdkInvalidate (channel V1) or by
the server's answer (V1_INVALIDATE; of several regions the first, as servers do). Files of 1 byte to more than 8 MiB; SHA-256
on both sides.

## Use it

    cargo run -p rnic -- serve --device socket=/tmp/a --port dgram,local=/tmp/w.rnic,remote=/tmp/w.peer,mtu=1500
    cargo xtask peer --smb --wire /tmp/w.peer,/tmp/w.rnic
    cargo xtask driver
    cd guest-driver/nt-host
    cargo run -- smb ../../target/driver/rnic.sys --device /tmp/a --address 10.7.0.1/24 \\
        --server 10.7.0.2 --share share --user bob --password secret put FILE

After `put`: `get`, `ls`, `rm`, `bench`; `--way v1`, `v1-invalidate` or `inline` says how data goes. Any server with SMB 3.1.1 and
SMB Direct on RoCE should do that neither asks for encryption nor, for transfers by RDMA, for signatures; ksmbd is the one
that was tried.
";

/// Writes the page: what each row came to, and speeds by path MTU.
pub fn write(outcomes: &[Outcome], speeds: &[(u32, Vec<String>)]) -> Result<()> {
    let mtus: Vec<u32> = speeds.iter().map(|(mtu, _)| *mtu).collect();
    let mut text = HEAD.to_owned();
    text += "\n## What was held to\n\nPath MTU in the columns; IPv4, for ksmbd listens for SMB Direct at 0.0.0.0 alone. Over IPv6, and \
             without a peer, tier 7\nruns two ends of ours between two adapters (`nt-host smbd`).\n\n| what |";
    for mtu in &mtus {
        let _ = write!(text, " {mtu} |");
    }
    text += "\n|---|";
    text += &"---|".repeat(mtus.len());
    text.push('\n');
    let mut rows: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !rows.contains(&outcome.row) {
            rows.push(outcome.row);
        }
    }
    for row in rows {
        let _ = write!(text, "| {row} |");
        for mtu in &mtus {
            let found = outcomes.iter().find(|o| o.row == row && o.mtu == *mtu);
            let word = match found.map(|o| o.result.is_ok()) {
                Some(true) => "ok",
                Some(false) => "FAILED",
                None => "not run",
            };
            let _ = write!(text, " {word} |");
        }
        text.push('\n');
    }
    text += "\n## Speed\n\nTransfers of 8 MiB, one at a time, with the verifier on, everything as tests build it, both sides on one \
             machine that had other\nwork. Two Linux peers over the same kind of wire move 40 MB/s at a path MTU of 1024.\n";
    for (mtu, lines) in speeds {
        let _ = writeln!(text, "\nPath MTU {mtu}:\n");
        for line in lines {
            let _ = writeln!(text, "- {line}");
        }
    }
    let file = workspace::root().join("docs/smb-direct.md");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}
