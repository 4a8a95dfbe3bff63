//! An unreliable connection, both of whose ends are connected by hand: the numbers of this side are told, those of the other
//! come as a line on standard input, `QPN ADDRESS KEY PSN`.
//!
//! The two sends and two writes of `SENT` go there, then the like come from there.

use std::io::BufRead;
use std::str::FromStr;

use anyhow::{Context, ensure};
use rnic_abi::{AccessFlags, ModifyMask, ModifyQpRequest};
use rnic_driver_host::driver::{Data, Key, Operation, Remote, Wc};
use rnic_driver_host::platform::{DmaBuffer, TestPlatform};

use super::PeerOptions;
use super::end::{End, Happening, gid};

/// Bytes of a message at most.
pub const MESSAGE: u32 = 8192;
/// Receives posted.
pub const RECEIVES: u32 = 16;
/// First sequence number sent.
const PSN: u32 = 0xFF_FFFD;
/// Where writes go, from the address on that was told.
pub const WRITTEN: u32 = 1 << 18;
const WRITTEN_IMMEDIATE: u32 = 1 << 19;
/// Where what is sent lies in our area.
pub const SENT: u32 = 1 << 20;
/// Bytes of a send and of a write; with immediate data, the short ones.
const LONG: u32 = 5000;
const SHORT: u32 = 3000;

/// What the other side says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    qpn: u32,
    pub address: u64,
    pub key: u32,
    psn: u32,
}

impl FromStr for Numbers {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let mut words = line.split_whitespace();
        let mut next = || words.next().context("four numbers: QPN ADDRESS KEY PSN");
        let numbers = Self {
            qpn: next()?.parse()?,
            address: next()?.parse()?,
            key: next()?.parse()?,
            psn: next()?.parse()?,
        };
        ensure!(words.next().is_none(), "more than four numbers: {line}");
        Ok(numbers)
    }
}

/// Byte n of a message is `seed + 31 n + n / 128`.
pub fn text(seed: u32, length: u32) -> Vec<u8> {
    (0..length)
        .map(|n| (seed + 31 * n + (n >> 7)).to_le_bytes()[0])
        .collect()
}

/// Tells the numbers of this side, takes those of the other, and connects.
pub fn connect<P: TestPlatform>(
    end: &mut End<P>,
    options: &PeerOptions,
) -> anyhow::Result<Numbers> {
    let to = options
        .to
        .context("an unreliable connection needs the peer's address: --to")?;
    println!(
        "peer listening: numbers {} {} {} {PSN}",
        end.qp.qpn.get(),
        end.area.buffer.iova(),
        end.area.key.0
    );
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let theirs: Numbers = line.parse()?;
    let request = ModifyQpRequest {
        peer_qpn: theirs.qpn.into(),
        recv_psn: theirs.psn.into(),
        peer_address: gid(to),
        hop_limit: 64,
        ..ModifyQpRequest::default()
    }
    .with_access(AccessFlags::REMOTE_WRITE)
    .with_mask(ModifyMask::RECV_PSN | ModifyMask::ACCESS);
    end.ready(request, PSN)?;
    println!("peer connected to queue pair {}", theirs.qpn);
    Ok(theirs)
}

/// Speaks its part.
pub fn speak<P: TestPlatform>(mut end: End<P>, options: &PeerOptions) -> anyhow::Result<End<P>> {
    let theirs = connect(&mut end, options)?;
    send(&mut end, &theirs)?;
    let mut received = Vec::new();
    let mut done = 0;
    while received.len() < 3 || done < 4 {
        match end.next()? {
            Happening::Received(slot, wc) => received.push((slot, wc)),
            Happening::Done => done += 1,
            Happening::Ended => anyhow::bail!("nobody says that an unreliable connection ended"),
        }
    }
    check(&end, &received)?;
    println!("peer gave and took 2 sends and 2 writes");
    Ok(end)
}

fn send<P: TestPlatform>(end: &mut End<P>, theirs: &Numbers) -> anyhow::Result<()> {
    let there = |offset: u32| Remote {
        address: theirs.address.wrapping_add(offset.into()),
        key: Key(theirs.key),
    };
    let mut at = SENT;
    for (seed, length) in [(1, LONG), (2, SHORT), (3, LONG), (4, SHORT)] {
        end.area
            .buffer
            .write(usize::try_from(at)?, &text(seed, length));
        let part = end.segment(at, length);
        let data = Data::Segments(std::slice::from_ref(&part));
        end.post(match seed {
            1 => Operation::Send(data),
            2 => Operation::SendImmediate(data, [1, 2, 3, 4]),
            3 => Operation::Write(data, there(WRITTEN)),
            _ => Operation::WriteImmediate(data, there(WRITTEN_IMMEDIATE), [5, 6, 7, 8]),
        })?;
        at += MESSAGE;
    }
    Ok(())
}

/// What came must be the like of what went.
fn check<P: TestPlatform>(end: &End<P>, received: &[(u32, Wc)]) -> anyhow::Result<()> {
    let wanted = [
        (LONG, None, Some(5)),
        (SHORT, Some([0xA, 0xB, 0xC, 0xD]), Some(6)),
        (SHORT, Some([0xE, 0xF, 0x10, 0x11]), None),
    ];
    for ((slot, wc), (length, immediate, seed)) in received.iter().zip(wanted) {
        ensure!(
            wc.byte_count == length && wc.immediate() == immediate,
            "{length} bytes with immediate {immediate:?} did not come but {wc:?}"
        );
        if let Some(seed) = seed {
            let arrived = end.arrived(*slot, length)?;
            ensure!(arrived == text(seed, length), "message {seed} differs");
        }
    }
    for (at, seed, length) in [(WRITTEN, 7, LONG), (WRITTEN_IMMEDIATE, 8, SHORT)] {
        let mut bytes = vec![0; usize::try_from(length)?];
        end.area.buffer.read(usize::try_from(at)?, &mut bytes);
        ensure!(
            bytes == text(seed, length),
            "what was written at {at} differs"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_other_side_has_four_numbers() {
        let numbers: Numbers = "17 140000000000000 4660 16777214\n".parse().unwrap();
        let want = Numbers {
            qpn: 17,
            address: 140_000_000_000_000,
            key: 4660,
            psn: 0xFF_FFFE,
        };
        assert_eq!(numbers, want);
        for bad in ["", "1 2 3", "1 2 3 4 5", "1 2 3 x", "-1 2 3 4"] {
            assert!(bad.parse::<Numbers>().is_err(), "{bad}");
        }
    }
}
