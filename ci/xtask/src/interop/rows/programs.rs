//! Programs of rdma-core, and Python's verbs, against `rnic peer`.

use anyhow::{Result, ensure};

use super::LIMIT;
use crate::interop::bench::{Bench, Case};

pub fn rping_client(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!(
        "{LIMIT} rping -c -a {} -C 20 -S 5000 -V",
        case.ours()
    ))?;
    ours.ends_well("verified 20 pings")
}

pub fn rping_server(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 20 -S 5000; listening",
        case.theirs()
    ))?;
    let arguments = ["--mode", "rping", "-C", "20", "-S", "5000", "--to"];
    let ours = bench.rnic(case, &[&arguments[..], &[case.theirs()]].concat())?;
    ours.ends_well("verified 20 pings of 5000 bytes")?;
    bench.peer("ended").map(drop)
}

pub fn ucmatose_client(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "cma", "-C", "50", "-S", "3000"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!(
        "{LIMIT} ucmatose -s {} -C 50 -S 3000",
        case.ours()
    ))?;
    ours.ends_well("exchanged 50 messages")
}

pub fn ucmatose_server(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {LIMIT} ucmatose -b {} -C 50 -S 3000; listening",
        case.theirs()
    ))?;
    let arguments = ["--mode", "cma", "-C", "50", "-S", "3000", "--to"];
    let ours = bench.rnic(case, &[&arguments[..], &[case.theirs()]].concat())?;
    ours.ends_well("exchanged 50 messages")?;
    bench.peer("ended").map(drop)
}

pub fn rdma_client(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rdma-server"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!("{LIMIT} rdma_client -s {}", case.ours()))?;
    ours.ends_well("exchanged 1 message")
}

pub fn rdma_server(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!("background {LIMIT} rdma_server; listening"))?;
    let ours = bench.rnic(case, &["--mode", "rdma-client", "--to", case.theirs()])?;
    ours.ends_well("exchanged 1 message")?;
    bench.peer("ended").map(drop)
}

pub fn verbs(bench: &mut Bench, case: Case) -> Result<()> {
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
