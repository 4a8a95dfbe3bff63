//! A daemon or a whole Linux dies without a word, and comes back.

use anyhow::{Result, ensure};

use super::LIMIT;
use crate::interop::bench::{Bench, Case};

const CM: &str = "timeout 100 python3.13 /rnic/cm.py";

/// Reads under way fail for want of an answer, and the next daemon is worked with as the first was.
pub fn daemon_dies(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "target"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!(
        "background timeout 100 python3.13 /rnic/verbs.py {} until-lost; until grep -q reading /tmp/out; do sleep 0.1; done",
        case.ours()
    ))?;
    bench.restart_daemon()?;
    drop(ours);
    let words = bench.peer_tries("ended")?.join("\n");
    // 12: IBV_WC_RETRY_EXC_ERR.
    ensure!(
        words.contains("verbs completion status 12"),
        "Linux says:\n{words}"
    );
    let mut ours = bench.rnic(case, &["--mode", "rping"])?;
    ours.wait_for("listening")?;
    bench.peer(&format!("{LIMIT} rping -c -a {} -C 5", case.ours()))?;
    ours.ends_well("verified 5 pings")
}

/// The daemon dies while nothing is under way, and the next one asks from the same queue pair. Linux takes the request for
/// what it is, the end of the old connection, and the one after it for a new connection.
pub fn daemon_comes_back(bench: &mut Bench, case: Case) -> Result<()> {
    bench.restart_daemon()?;
    bench.peer(&format!(
        "background {CM} server {}; listening",
        case.theirs()
    ))?;
    let to = [
        "--mode",
        "rping",
        "-C",
        "0",
        "--to",
        case.theirs(),
        "--port",
    ];
    let mut ours = bench.rnic(case, &[&to[..], &["7471", "--hold"]].concat())?;
    ours.wait_for("holding")?;
    bench.restart_daemon()?;
    drop(ours);
    let arguments = [&to[..], &["7472"]].concat();
    bench.rnic(case, &arguments)?.ends("reason is STALE")?;
    let words = bench.peer("ended")?.join("\n");
    ensure!(words.contains("cm DISCONNECTED"), "Linux says:\n{words}");
    bench.peer(&format!(
        "background {CM} server {} --port 7472; listening",
        case.theirs()
    ))?;
    bench.rnic(case, &arguments)?.ends_well("peer done")?;
    bench.peer("ended").map(drop)
}
