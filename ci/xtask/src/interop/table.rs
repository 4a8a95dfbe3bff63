//! docs/interop.md.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use crate::workspace;

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

Written by `cargo xtask test interop`; RNIC_PEER_KERNEL names the User Mode Linux kernel that is the peer. Each row is a program
of rdma-core, or a script over its Python verbs, in a Linux guest with Soft-RoCE on one side, and `rnic peer` over a device
of `rnic serve` on the other, joined by a port of unix datagrams. Columns: IP version and path MTU. Loss and reordering are
netem's, on the frames that the peer sends; a program of Linux that ends says goodbye once, so there silence is an
end too. After each run every frame of the capture is parsed, its ICRC checked, and
encoded again (`rnic decode --check`).

To repeat one by hand: `rnic peer --help`.
";

/// Writes the table.
pub fn write(cells: &[Cell], kernel: &str) -> Result<()> {
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "\nPeer: Linux {kernel}.");
    let mut weathers: Vec<&str> = cells.iter().map(|c| c.weather).collect();
    weathers.dedup();
    weathers.sort_unstable();
    weathers.dedup();
    weathers.sort_by_key(|name| (*name != "clean", *name));
    for weather in weathers {
        let _ = writeln!(text, "\n## {weather}\n");
        text += "| what | IPv4 1024 | IPv6 1024 | IPv4 4096 | IPv6 4096 |\n|---|---|---|---|---|\n";
        let mut rows: Vec<&str> = Vec::new();
        for cell in cells.iter().filter(|c| c.weather == weather) {
            if !rows.contains(&cell.row) {
                rows.push(cell.row);
            }
        }
        for row in rows {
            let _ = write!(text, "| {row} |");
            for (mtu, v6) in [(1024, false), (1024, true), (4096, false), (4096, true)] {
                let cell = cells
                    .iter()
                    .find(|c| (c.row, c.weather, c.mtu, c.v6) == (row, weather, mtu, v6));
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
    text += "\nn/a: rdma_server listens at an IPv4 address only.\n";
    let file = workspace::root().join("docs/interop.md");
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}
