//! ndkping and ndkperf against rping: rnic.sys, which nt-host executes, on one side.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::bench::{Bench, Case};
use super::ours::Ours;
use super::smb::build_client;
use crate::{driver, workspace};

/// Longest that a program of the peer may take, seconds.
const LIMIT: &str = "timeout 100";

/// What runs beside the peer.
pub struct Windows {
    host: PathBuf,
    driver: PathBuf,
}

/// What is done: its name, and how.
pub type Act = (&'static str, fn(&Windows, &mut Bench, Case) -> Result<()>);

/// All of it.
pub const ACTS: &[Act] = &[
    ("ndkping to rping server of Linux", pings),
    ("ndkping for rping client of Linux", answers),
    ("ndkperf to rping server of Linux", measures),
];

impl Windows {
    pub fn build() -> Result<Self> {
        Ok(Self {
            host: build_client()?,
            driver: driver::build(&workspace::target().join("driver"))
                .context("rnic.sys")?
                .image,
        })
    }

    fn start(&self, bench: &mut Bench, case: Case, arguments: &[&str]) -> Result<Ours> {
        let (tool, rest) = arguments.split_first().context("which tool")?;
        let mut command = Command::new(&self.host);
        command
            .arg(tool)
            .arg(&self.driver)
            .arg("--device")
            .arg(bench.device()?)
            .args(["--address", case.ours_with_prefix()])
            .args(rest);
        bench.commands.push(format!(
            "`nt-host {tool} rnic.sys --device A --address {} {}`",
            case.ours_with_prefix(),
            rest.join(" ")
        ));
        Ours::start("nt-host", command)
    }
}

fn pings(windows: &Windows, bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 20 -S 5000; listening",
        case.theirs()
    ))?;
    let arguments = ["ndkping", "--rounds", "20", "--length", "5000", "--to"];
    windows
        .start(bench, case, &[&arguments[..], &[case.theirs()]].concat())?
        .ends_well("20 rounds of 5000 bytes with rping")?;
    bench.peer("ended").map(drop)
}

fn answers(windows: &Windows, bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = windows.start(bench, case, &["ndkping"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!(
        "{LIMIT} rping -c -a {} -C 20 -S 5000 -V",
        case.ours()
    ))?;
    ours.ends_well("answered 20 pings of rping")
}

/// 100 rounds of each of three lengths, over one connection.
fn measures(windows: &Windows, bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 300 -S 16384; listening",
        case.theirs()
    ))?;
    let arguments = ["ndkperf", "--rounds", "100", "--to", case.theirs()];
    windows
        .start(bench, case, &arguments)?
        .ends_well("100 rounds of 16384 bytes with rping")?;
    bench.peer("ended").map(drop)
}
