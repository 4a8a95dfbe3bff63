//! Ends of connections: in order from either side, and by death of a program.

use anyhow::{Result, ensure};

use super::LIMIT;
use crate::interop::bench::{Bench, Case};

pub fn rnic_disconnects(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 1; listening",
        case.theirs()
    ))?;
    let arguments = ["--mode", "rping", "-C", "1", "--to", case.theirs()];
    bench.rnic(case, &arguments)?.ends_well("peer done")?;
    let words = bench.peer("ended")?.join("\n");
    ensure!(words.contains("DISCONNECT EVENT"), "rping says:\n{words}");
    Ok(())
}

pub fn linux_disconnects(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!("{LIMIT} rping -c -a {} -C 1", case.ours()))?;
    ours.ends_well(bench.gone())
}

pub fn kill_ours(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 1; listening",
        case.theirs()
    ))?;
    let arguments = ["--mode", "rping", "-C", "1", "--hold", "--to"];
    let mut ours = bench.rnic(case, &[&arguments[..], &[case.theirs()]].concat())?;
    ours.wait_for("holding")?;
    ours.kill()?;
    let words = bench.peer("ended")?.join("\n");
    ensure!(words.contains("DISCONNECT EVENT"), "rping says:\n{words}");
    Ok(())
}

pub fn kill_theirs(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!("rping -c -a {} -C 100000000 & true", case.ours()))?;
    ours.wait_for("peer connected")?;
    bench.peer_tries("sleep 0.2; kill -9 $!; wait")?;
    // Between two pings it is told, in one a request fails by what is left of the peer: both are an end.
    ours.ends("peer connected")
}
