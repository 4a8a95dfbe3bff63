//! A server that breaks the rules, over two adapters. Each time the client says that the connection is lost, its memory is as it
//! was, and everything can be closed. What the protocol alone refuses is tested beside it (`crate::smbd`).

use std::time::Duration;

use super::pair::Pair;
use super::port::Options;
use crate::bench::Bench;
use crate::smb::transport::{Access, Lost, Transport};
use crate::smbd::connection::Offer;
use crate::smbd::message::{BufferDescriptor, DataTransfer};

/// Bytes of each side's buffer, and what of it is lent.
const BUFFER: usize = 64 << 10;
const LENT: std::ops::Range<usize> = 4096..12_288;
/// What the client's memory holds.
const OURS: u8 = 0x11;
/// What the server would put there.
const THEIRS: u8 = 0xEE;

/// What the client says when the server's request was refused, which ends the server's queue pair, and so the connection.
const ENDED: &str = "the server has ended the connection";

/// What the server does: its name, a part of what the client says then, and how. The error is the server's own end of it.
type Misdeed = (
    &'static str,
    &'static str,
    fn(&mut Pair<'_>) -> Result<(), Lost>,
);

const MISDEEDS: [Misdeed; 9] = [
    ("sends zeros", "no credit", |pair| {
        pair.server.fill(pair.theirs, 0, &[0; 20]);
        pair.server.shout(pair.theirs, 0..20)
    }),
    ("sends nothing", "0 bytes where 20 is the least", |pair| {
        pair.server.shout(pair.theirs, 0..0)
    }),
    (
        "sends more than a receive takes",
        "more was sent than the receive has room for",
        |pair| pair.server.shout(pair.theirs, 0..8193),
    ),
    ("announces 4 GiB", "too long", |pair| {
        let data = DataTransfer {
            credits_requested: 8,
            credits_granted: 0,
            response_requested: false,
            remaining: u32::MAX,
            data: &[1; 8],
        };
        let bytes = data.encode();
        pair.server.fill(pair.theirs, 0, &bytes);
        pair.server.shout(pair.theirs, 0..bytes.len())
    }),
    ("writes behind what is lent", ENDED, |pair| {
        let mut lent = lend(pair, Access::Write)?;
        lent.length += 1;
        use_it(pair, lent, true)
    }),
    ("writes to what may be read", ENDED, |pair| {
        let lent = lend(pair, Access::Read)?;
        use_it(pair, lent, true)
    }),
    ("reads what may be written", ENDED, |pair| {
        let lent = lend(pair, Access::Write)?;
        use_it(pair, lent, false)
    }),
    ("writes to what was taken back", ENDED, |pair| {
        let lent = pair.client.lend(&pair.ours, LENT, Access::Write)?;
        let descriptor = lent.descriptors[0];
        pair.client.take_back(lent)?;
        use_it(pair, descriptor, true)
    }),
    (
        "gives up a token that nobody lent",
        "a receive failed",
        |pair| {
            let lent = lend(pair, Access::Write)?;
            pair.server.give_up(lent.token ^ 0x0000_FF00);
            pair.server.send(vec![1; 40])
        },
    ),
];

fn lend(pair: &mut Pair<'_>, access: Access) -> Result<BufferDescriptor, Lost> {
    let lent = pair.client.lend(&pair.ours, LENT, access)?;
    // The registration is handed over with the next request, as when a question follows.
    pair.client.send(vec![2; 40])?;
    Ok(lent.descriptors[0])
}

fn use_it(pair: &mut Pair<'_>, lent: BufferDescriptor, write: bool) -> Result<(), Lost> {
    let part = 0..lent.length as usize;
    pair.server.transfer(pair.theirs, part, lent, write)
}

/// Little of everything, so that a connection is made soon.
fn options() -> Options {
    Options {
        offer: Offer {
            receive_credits: 16,
            ..Offer::default()
        },
        regions: 2,
        ..Options::default()
    }
}

/// Lets the server do one of them.
///
/// # Panics
/// When the client does not notice, or its memory has changed.
fn suffer<'b>(bench: &'b Bench<'b>, (name, wanted, act): Misdeed) {
    let mut pair = Pair::new(bench, options(), BUFFER).expect("a connection");
    pair.client.fill(pair.ours, 0, &[OURS; BUFFER]);
    pair.server.fill(pair.theirs, 0, &[THEIRS; BUFFER]);
    // What the server learns of it is its own affair.
    let _ = act(&mut pair);
    let mut steps = 0;
    let lost = loop {
        if let Err(lost) = pair.client.pump() {
            break lost;
        }
        let _ = pair.server.pump();
        assert!(bench.platform.patient(steps), "{name}: nobody noticed");
        steps += 1;
        bench.platform.step();
    };
    assert!(lost.to_string().contains(wanted), "{name}: {lost}");
    // It stays so, and nothing more is taken.
    assert!(pair.client.send(vec![1; 40]).is_err(), "{name}");
    let mut held = vec![0; BUFFER];
    pair.client.copy_out(pair.ours, 0, &mut held);
    assert!(
        held.iter()
            .enumerate()
            .all(|(at, byte)| *byte == OURS || *byte == THEIRS && LENT.contains(&at)),
        "{name}: memory that was not lent has changed"
    );
    pair.close();
}

/// The server takes the question, and never answers it.
fn wait_in_vain<'b>(bench: &'b Bench<'b>) {
    let mut pair = Pair::new(bench, options(), BUFFER).expect("a connection");
    pair.client.set_patience(Duration::from_millis(200));
    pair.client.send(vec![1; 40]).expect("a question");
    let lost = pair.client.receive().expect_err("no answer");
    assert!(lost.to_string().contains("no answer"), "{lost}");
    assert!(pair.client.send(vec![1; 40]).is_err());
    pair.close();
}

/// Suffers all of it, each on a connection of its own; how many that were.
///
/// # Panics
/// When the client does not end the connection, or its memory has changed.
pub fn suffer_all<'b>(bench: &'b Bench<'b>) -> usize {
    for misdeed in MISDEEDS {
        suffer(bench, misdeed);
    }
    wait_in_vain(bench);
    MISDEEDS.len() + 1
}
