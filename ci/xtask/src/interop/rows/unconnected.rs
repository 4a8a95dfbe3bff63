//! Queue pairs that no connection manager connects: UD and UC, their numbers told by hand.

use anyhow::{Context, Result, ensure};

use super::LIMIT;
use crate::interop::bench::{Bench, Case};

const SCRIPT: &str = "python3.13 /rnic/unconnected.py";

/// One datagram with a wrong key, and four there and back [UD-3] [UD-5] [UD-7] [UD-8] [UD-9].
pub fn datagrams(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "ud", "-C", "4"])?;
    let qpn = ours.rest_of("listening: queue pair ")?;
    let words = bench.peer(&format!(
        "{LIMIT} {SCRIPT} ud {} {} {qpn}",
        case.theirs(),
        case.ours()
    ))?;
    ensure!(
        words.iter().any(|line| line.starts_with("ud 1024 bytes")),
        "Linux says:\n{}",
        words.join("\n")
    );
    ours.ends_well("answered 4 datagrams, 1 had another queue key")
}

/// SEND, WRITE and both with immediate data, from us and then from Linux [UC-1] [UC-2] [UC-3] [UC-4].
pub fn unreliable(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "uc", "--to", case.theirs()])?;
    let numbers = ours.rest_of("listening: numbers ")?;
    let started = bench.peer(&format!(
        "rm -f /tmp/out; background {LIMIT} {SCRIPT} uc {} {} {numbers}; \
         until grep -qs 'uc numbers' /tmp/out; do kill -0 $! || break; sleep 0.1; done; cat /tmp/out",
        case.theirs(),
        case.ours()
    ))?;
    let theirs = started
        .iter()
        .find_map(|line| line.strip_prefix("uc numbers "))
        .with_context(|| format!("Linux says no numbers:\n{}", started.join("\n")))?;
    ours.say(theirs.trim())?;
    let words = bench.peer("ended")?.join("\n");
    ensure!(
        words.contains("uc gave 2 sends and 2 writes"),
        "Linux says:\n{words}"
    );
    ours.ends_well("gave and took 2 sends and 2 writes")
}
