//! How connections come about, or do not: refusals with their private data, ports without a listener, answers that take
//! longer than a request waits, listeners that are paused or full, a VLAN, a next hop.

use anyhow::{Result, ensure};

use super::LIMIT;
use crate::interop::bench::{Bench, Case};

/// librdmacm by Python, which shows what the packaged programs do not.
const CM: &str = "timeout 100 python3.13 /rnic/cm.py";

fn has(words: &[String], text: &str) -> Result<()> {
    ensure!(
        words.iter().any(|line| line.contains(text)),
        "no `{text}` among:\n{}",
        words.join("\n")
    );
    Ok(())
}

pub fn rnic_refuses(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "cma", "--reject", "no thanks"])?;
    ours.wait_for("listening")?;
    let words = bench.peer(&format!("{CM} client {} --data please", case.ours()))?;
    // 28: the consumer's own reason (IBTA vol. 1, table 108).
    has(&words, "cm REJECTED status 28 data `no thanks`")?;
    ours.ends_well("peer asked with private data `please`")
}

pub fn linux_refuses(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer(&format!(
        "background {CM} server {} --reject --data 'not today'; listening",
        case.theirs()
    ))?;
    let ours = bench.rnic(case, &["--mode", "cma", "--to", case.theirs()])?;
    ours.ends("peer refused with private data `not today`")?;
    let words = bench.peer("ended")?;
    has(&words, "cm CONNECT_REQUEST status 0 data `rnic peer`")
}

/// A connection to a port that nobody listens at, of a device that is up.
pub fn nobody_listens_here(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "cma"])?;
    ours.wait_for("listening")?;
    let words = bench.peer(&format!("{CM} client {} --port 4444", case.ours()))?;
    // 8: invalid service id.
    has(&words, "cm REJECTED status 8")?;
    ours.kill()
}

pub fn nobody_listens_there(bench: &mut Bench, case: Case) -> Result<()> {
    let arguments = ["--mode", "rping", "--port", "4444", "--to", case.theirs()];
    bench.rnic(case, &arguments)?.ends("INVALID_SERVICE_ID")
}

/// Longer than our request waits: it is repeated, and Linux says that it needs time.
pub fn linux_thinks(bench: &mut Bench, case: Case) -> Result<()> {
    let before = bench.cm_count("cm_tx_msgs/mra")?;
    bench.peer(&format!(
        "background {CM} server {} --think 4; listening",
        case.theirs()
    ))?;
    let arguments = [
        "--mode",
        "rping",
        "-C",
        "0",
        "--port",
        "7471",
        "--to",
        case.theirs(),
    ];
    bench.rnic(case, &arguments)?.ends_well("peer done")?;
    has(&bench.peer("ended")?, "cm ESTABLISHED")?;
    let sent = bench.cm_count("cm_tx_msgs/mra")? - before;
    ensure!(sent > 0, "Linux sent no MRA: the request was not repeated");
    Ok(())
}

/// Longer than half the time that a request of Linux waits: the device asks for more.
pub fn rnic_thinks(bench: &mut Bench, case: Case) -> Result<()> {
    let before = bench.cm_count("cm_rx_msgs/mra")?;
    let mut ours = bench.rnic(case, &["--mode", "cma", "-C", "0", "--think", "6"])?;
    ours.wait_for("listening")?;
    let words = bench.peer(&format!("{CM} client {}", case.ours()))?;
    has(&words, "cm ESTABLISHED")?;
    ours.ends_well("peer done")?;
    let came = bench.cm_count("cm_rx_msgs/mra")? - before;
    ensure!(came > 0, "no MRA came to Linux");
    Ok(())
}

/// A paused listener is as one that is not there, and there again when it goes on.
pub fn paused(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "rping", "--paused"])?;
    ours.wait_for("paused")?;
    let words = bench.peer(&format!("{CM} client {} --port 7174", case.ours()))?;
    has(&words, "cm REJECTED status 8")?;
    ours.say("go on")?;
    ours.wait_for("listening")?;
    bench.peer(&format!("{LIMIT} rping -c -a {} -C 3", case.ours()))?;
    ours.ends_well("verified 3 pings")
}

/// One request waits, and that is all that may.
pub fn backlog(bench: &mut Bench, case: Case) -> Result<()> {
    let arguments = ["--mode", "rping", "--backlog", "1", "--think", "3"];
    let mut ours = bench.rnic(case, &arguments)?;
    ours.wait_for("listening")?;
    bench.peer(&format!(
        "background {LIMIT} rping -c -a {} -C 3",
        case.ours()
    ))?;
    ours.wait_for("thinking")?;
    let words = bench.peer(&format!("{CM} client {} --port 7174", case.ours()))?;
    // 3: no resources.
    has(&words, "cm REJECTED status 3")?;
    ours.ends_well("verified 3 pings")?;
    bench.peer("ended").map(drop)
}

/// Both ways on VLAN 7.
pub fn vlan(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer("vlan_up 7 10.8.0.2/24 fd08::2/64")?;
    let (ours, theirs) = if case.v6 {
        ("fd08::1", "fd08::2")
    } else {
        ("10.8.0.1", "10.8.0.2")
    };
    let prefix = if case.v6 { 64 } else { 24 };
    let address = format!("{ours}/{prefix}");
    let common = ["--mode", "rping", "--vlan", "7"];
    let mut server = bench.rnic_at(&address, &common)?;
    server.wait_for("listening")?;
    bench.peer(&format!("{LIMIT} rping -c -a {ours} -C 5 -S 5000 -V"))?;
    server.ends_well("verified 5 pings")?;
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {theirs} -C 5; listening"
    ))?;
    let arguments = [&common[..], &["-C", "5", "--to", theirs]].concat();
    let client = bench.rnic_at(&address, &arguments)?;
    client.ends_well("verified 5 pings")?;
    bench.peer("ended").map(drop)
}

/// The peer is beyond the prefix, and the way to it is by a gateway, which is the peer as well.
pub fn gateway(bench: &mut Bench, case: Case) -> Result<()> {
    bench.peer("address_up 10.30.0.254/24 fd30::fe/64")?;
    let (address, gateway) = if case.v6 {
        ("fd30::1/64", "fd30::fe")
    } else {
        ("10.30.0.1/24", "10.30.0.254")
    };
    bench.peer(&format!(
        "background {LIMIT} rping -s -a {} -C 5; listening",
        case.theirs()
    ))?;
    let arguments = [
        "--mode",
        "rping",
        "-C",
        "5",
        "--gateway",
        gateway,
        "--to",
        case.theirs(),
    ];
    let ours = bench.rnic_at(address, &arguments)?;
    ours.ends_well("verified 5 pings")?;
    bench.peer("ended").map(drop)
}
