//! Queue pairs that no connection manager connects: UD and UC, their numbers told by hand.

use anyhow::{Context, Result, ensure};

use super::LIMIT;
use crate::interop::bench::{Bench, Case};
use crate::interop::ours::Ours;

const SCRIPT: &str = "python3.13 /rnic/unconnected.py";

/// One datagram with a wrong key, and four there and back, the last as long as the path MTU [UD-3] [UD-5] [UD-7] [UD-8]
/// [UD-9]. Where the network loses some, Linux asks again.
pub fn datagrams(bench: &mut Bench, case: Case) -> Result<()> {
    let count = if bench.is_lossy() { "10000" } else { "4" };
    let mut ours = bench.rnic(case, &["--mode", "ud", "-C", count])?;
    let qpn = ours.rest_of("listening: queue pair ")?;
    let words = bench.peer(&format!(
        "{LIMIT} {SCRIPT} ud {} {} {qpn}",
        case.theirs(),
        case.ours()
    ))?;
    let longest = format!("ud {} bytes", bench.path_mtu());
    ensure!(
        words.iter().any(|line| line.starts_with(&longest)),
        "Linux does not say `{longest}`:\n{}",
        words.join("\n")
    );
    if bench.is_lossy() {
        return ours.ends_well("had another queue key");
    }
    let in_vain = "ud sent or taken 0 times in vain";
    ensure!(
        words.iter().any(|line| line == in_vain),
        "Linux does not say `{in_vain}`:\n{}",
        words.join("\n")
    );
    ours.ends_well("answered 4 datagrams, 1 had another queue key")
}

/// SEND, WRITE and both with immediate data, from us and then from Linux [UC-1] [UC-2] [UC-3] [UC-4].
pub fn unreliable(bench: &mut Bench, case: Case) -> Result<()> {
    let mut ours = bench.rnic(case, &["--mode", "uc", "--to", case.theirs()])?;
    let words = talk(bench, case, &mut ours, "uc")?;
    ensure!(
        words.contains("uc gave 2 sends and 2 writes"),
        "Linux says:\n{words}"
    );
    ours.ends_well("gave and took 2 sends and 2 writes")
}

/// Messages of a stream, each way.
const STREAM: u32 = 400;

/// A message of which a packet is lost is lost as a whole, and those behind it come [UC-3] [UC-4] [UC-5].
pub fn stream(bench: &mut Bench, case: Case) -> Result<()> {
    let count = STREAM.to_string();
    let mut ours = bench.rnic(
        case,
        &[
            "--mode",
            "uc-stream",
            "-C",
            &count,
            "--silence-ends",
            "15",
            "--to",
            case.theirs(),
        ],
    )?;
    let words = talk(bench, case, &mut ours, &format!("stream {count}"))?;
    some_were_lost("Linux", taken(&words, "stream took ")?)?;
    let here = ours.rest_of(&format!("peer gave {count}, took "))?;
    some_were_lost("rnic", taken(&here, "")?)?;
    ours.ends_well("")
}

/// Lets the script speak over an unreliable connection, both of whose sides are told each other's numbers; what it said.
fn talk(bench: &mut Bench, case: Case, ours: &mut Ours, what: &str) -> Result<String> {
    let numbers = ours.rest_of("listening: numbers ")?;
    let started = bench.peer(&format!(
        "rm -f /tmp/out; background {LIMIT} {SCRIPT} {what} {} {} {numbers}; \
         until grep -qs 'uc numbers' /tmp/out; do kill -0 $! || break; sleep 0.1; done; cat /tmp/out",
        case.theirs(),
        case.ours()
    ))?;
    let theirs = started
        .iter()
        .find_map(|line| line.strip_prefix("uc numbers "))
        .with_context(|| format!("Linux says no numbers:\n{}", started.join("\n")))?;
    ours.say(theirs.trim())?;
    Ok(bench.peer("ended")?.join("\n"))
}

/// The number behind these words, at the beginning of a line.
fn taken(words: &str, behind: &str) -> Result<u32> {
    let line = words.lines().find_map(|line| line.strip_prefix(behind));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("no number of messages taken:\n{words}"))
}

fn some_were_lost(who: &str, taken: u32) -> Result<()> {
    ensure!(
        (STREAM / 8..STREAM).contains(&taken),
        "{who} took {taken} of {STREAM} messages: of a network that loses some, some must come and some not"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_which_all_or_nothing_came_shows_nothing() {
        let words = "uc numbers 1 2 3 4\nstream took 312 messages\nstream gave 400";
        assert_eq!(taken(words, "stream took ").unwrap(), 312);
        assert_eq!(taken("17 messages", "").unwrap(), 17);
        assert!(taken("stream took", "stream took ").is_err());
        assert!(some_were_lost("x", 312).is_ok());
        assert!(some_were_lost("x", STREAM).is_err() && some_were_lost("x", 0).is_err());
    }
}
