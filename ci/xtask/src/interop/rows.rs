//! What the two ends do.

use anyhow::{Result, ensure};

use super::bench::{Bench, Case};

/// One row of the table.
pub struct Row {
    pub name: &'static str,
    /// Why there is nothing to do over IPv6.
    pub only_v4: Option<&'static str>,
    pub act: fn(&mut Bench, Case) -> Result<()>,
}

const fn row(name: &'static str, act: fn(&mut Bench, Case) -> Result<()>) -> Row {
    Row {
        name,
        only_v4: None,
        act,
    }
}

/// The rows of tier 6.
pub const SHORT: &[Row] = &[
    row("rping client of Linux", rping_client),
    row("rping server of Linux", rping_server),
];

/// All rows.
pub const ROWS: &[Row] = &[
    row("rping client of Linux", rping_client),
    row("rping server of Linux", rping_server),
    row("ucmatose client of Linux", ucmatose_client),
    row("ucmatose server of Linux", ucmatose_server),
    row("rdma_client of Linux", rdma_client),
    Row {
        only_v4: Some("rdma_server listens at an IPv4 address only"),
        ..row("rdma_server of Linux", rdma_server)
    },
    row("verbs of Linux on a target", verbs),
    row("rnic refuses", rnic_refuses),
    row("nobody listens at rnic", nobody_listens_here),
    row("nobody listens at Linux", nobody_listens_there),
    row("rnic disconnects", rnic_disconnects),
    row("Linux disconnects", linux_disconnects),
    row("kill -9 of rnic's program", kill_ours),
    row("kill -9 of Linux's program", kill_theirs),
];

/// Longest that a program of the peer may take, seconds.
const LIMIT: &str = "timeout 100";

fn rping_client(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!(
        "{LIMIT} rping -c -a {} -C 20 -S 5000 -V",
        case.ours()
    ))?;
    ours.ends_well("verified 20 pings")
}

fn rping_server(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 20 -S 5000; listening",
        case.theirs()
    ))?;
    let arguments = ["--mode", "rping", "-C", "20", "-S", "5000", "--to"];
    let ours = bench.rnic(case, &[&arguments[..], &[case.theirs()]].concat())?;
    ours.ends_well("verified 20 pings of 5000 bytes")?;
    bench.peer("ended").map(drop)
}

fn ucmatose_client(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "cma", "-C", "50", "-S", "3000"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!(
        "{LIMIT} ucmatose -s {} -C 50 -S 3000",
        case.ours()
    ))?;
    ours.ends_well("exchanged 50 messages")
}

fn ucmatose_server(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} ucmatose -b {} -C 50 -S 3000; listening",
        case.theirs()
    ))?;
    let arguments = ["--mode", "cma", "-C", "50", "-S", "3000", "--to"];
    let ours = bench.rnic(case, &[&arguments[..], &[case.theirs()]].concat())?;
    ours.ends_well("exchanged 50 messages")?;
    bench.peer("ended").map(drop)
}

fn rdma_client(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rdma-server"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!("{LIMIT} rdma_client -s {}", case.ours()))?;
    ours.ends_well("exchanged 1 message")
}

fn rdma_server(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!("background {LIMIT} rdma_server; listening"))?;
    let ours = bench.rnic(case, &["--mode", "rdma-client", "--to", case.theirs()])?;
    ours.ends_well("exchanged 1 message")?;
    bench.peer("ended").map(drop)
}

/// Reads, writes, atomics, immediate data and an invalidation by Python's verbs.
fn verbs(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "target"])?;
    ours.wait_for("listening")?;
    let words = bench.peer(&format!(
        "{LIMIT} python3.13 /rnic/verbs.py {}",
        case.ours()
    ))?;
    for kind in ["read", "write", "atomics", "immediate", "invalidation"] {
        let line = format!("verbs {kind}");
        ensure!(words.contains(&line), "no `{line}` among {words:?}");
    }
    ours.ends_well("an invalidation of the window")
}

fn rnic_refuses(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping", "--reject", "no thanks"])?;
    ours.wait_for("listening")?;
    let words = bench
        .peer_tries(&format!("{LIMIT} rping -c -a {} -C 1 2>&1", case.ours()))?
        .join("\n");
    ensure!(words.contains("REJECTED"), "rping says:\n{words}");
    ours.ends_well("refused a request")
}

/// A connection to a port that nobody listens at, of a device that is up.
fn nobody_listens_here(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "cma"])?;
    ours.wait_for("listening")?;
    let words = bench
        .peer_tries(&format!(
            "{LIMIT} rping -c -a {} -p 4444 -C 1 2>&1",
            case.ours()
        ))?
        .join("\n");
    ensure!(words.contains("REJECTED"), "rping says:\n{words}");
    ours.kill()
}

fn nobody_listens_there(bench: &mut Bench, case: Case) -> Result<()> {
    let arguments = ["--mode", "rping", "--port", "4444", "--to", case.theirs()];
    bench.rnic(case, &arguments)?.ends("INVALID_SERVICE_ID")
}

fn rnic_disconnects(bench: &mut Bench, case: Case) -> Result<()> {
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

fn linux_disconnects(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!("{LIMIT} rping -c -a {} -C 1", case.ours()))?;
    ours.ends_well(bench.gone())
}

/// The daemon notices, resets the device and says goodbye, or the peer would retry for ever.
fn kill_ours(bench: &mut Bench, case: Case) -> Result<()> {
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

fn kill_theirs(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping"])?;
    ours.wait_for("listening")?;
    bench.peer_tries(&format!(
        "rping -c -a {} -C 100000000 & sleep 1; kill -9 $!; wait",
        case.ours()
    ))?;
    // Between two pings it is told, in one a request fails by what is left of the peer: both are an end.
    ours.ends("peer connected")
}
