//! Datagrams: each that comes goes back to the queue pair that sent it, at the address that its header names. The peer is
//! told the number of the queue pair by hand.

use std::collections::VecDeque;
use std::net::IpAddr;

use anyhow::{Context, bail, ensure};
use rnic_abi::{CounterId, ModifyMask, ModifyQpRequest, consts};
use rnic_driver_host::driver::{Data, Datagram, Operation, Outcome, Wc};
use rnic_driver_host::platform::TestPlatform;

use super::PeerOptions;
use super::end::{End, Happening, gid};

/// Bytes of a receive: the header, and a datagram of the longest path MTU.
pub const MESSAGE: u32 = consts::GRH_BYTES + 4096;
/// Receives posted.
pub const RECEIVES: u32 = 16;
/// The queue key, of both sides.
const QKEY: u32 = 0x1122_3344;
/// First sequence number sent.
const PSN: u32 = 0xFF_FFFE;

const GRH: usize = consts::GRH_BYTES as usize;
const UDP: u8 = 17;

/// Answers as many datagrams as `--count` says, or until there is silence for as long as `--silence-ends` says.
pub fn serve<P: TestPlatform>(mut end: End<P>, options: &PeerOptions) -> anyhow::Result<End<P>> {
    let request = ModifyQpRequest {
        qkey: QKEY.into(),
        ..ModifyQpRequest::default()
    };
    end.ready(request.with_mask(ModifyMask::QKEY), PSN)?;
    let dropped = dropped(&mut end)?;
    println!("peer listening: queue pair {}", end.qp.qpn.get());
    // Slots whose bytes are on the way back.
    let mut leaving = VecDeque::new();
    let mut answered = 0;
    while answered < options.count {
        match end.next()? {
            Happening::Received(slot, wc) => {
                answer(&mut end, options, slot, &wc)?;
                leaving.push_back(slot);
            }
            Happening::Done => {
                let slot = leaving.pop_front().context("nothing was sent")?;
                end.post_receive(slot)?;
                answered += 1;
            }
            Happening::Ended => break,
        }
    }
    let dropped = self::dropped(&mut end)? - dropped;
    println!("peer answered {answered} datagrams, {dropped} had another queue key");
    Ok(end)
}

fn answer<P: TestPlatform>(
    end: &mut End<P>,
    options: &PeerOptions,
    slot: u32,
    wc: &Wc,
) -> anyhow::Result<()> {
    let bytes = end.arrived(slot, wc.byte_count)?;
    let from = sender(&bytes, options.address.ip, wc.immediate().is_some())?;
    let length = wc.byte_count - consts::GRH_BYTES;
    println!(
        "peer received {length} bytes from queue pair {} at {from}",
        wc.source_qpn
    );
    let to = Datagram {
        address: gid(from),
        qpn: wc.source_qpn,
        qkey: QKEY,
        traffic_class: 0,
        hop_limit: 0,
        flow_label: 0,
        source_port: 0,
    };
    let part = end.slot_segment(slot, consts::GRH_BYTES, length);
    let data = Data::Segments(std::slice::from_ref(&part));
    end.post(Operation::SendDatagram(data, to, wc.immediate()))
}

/// Datagrams dropped for their key so far.
fn dropped<P: TestPlatform>(end: &mut End<P>) -> anyhow::Result<u64> {
    let first = CounterId::DROPPED_KEY.0.into();
    let outcome = end
        .client
        .verb(|d| d.control.query_counters(&d.nic, 0, first, 1))?;
    match outcome {
        Outcome::Counters(counters) => counters
            .values()
            .first()
            .copied()
            .context("the device has no counter DROPPED_KEY"),
        other => bail!("not counters but {}", other.name()),
    }
}

fn part<const N: usize>(header: &[u8; GRH], at: usize) -> anyhow::Result<[u8; N]> {
    header
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .context("a field lies beyond the header")
}

/// Who sent what is in a receive: the header must be of a UDP datagram to `ours`, as long as the rest says [UD-9].
fn sender(bytes: &[u8], ours: IpAddr, immediate: bool) -> anyhow::Result<IpAddr> {
    let (header, payload) = bytes
        .split_first_chunk::<GRH>()
        .context("a datagram came without its header")?;
    // Behind the IP header: UDP, BTH, DETH, immediate data, the payload to a multiple of 4, ICRC.
    let above = 8 + 12 + 8 + 4 * usize::from(immediate) + payload.len().next_multiple_of(4) + 4;
    let number = |at| part(header, at).map(|bytes| usize::from(u16::from_be_bytes(bytes)));
    let (start, length, protocol, from, to): (_, _, _, IpAddr, IpAddr) = match ours {
        IpAddr::V4(_) => {
            ensure!(header[..20] == [0; 20], "bytes before the IPv4 header");
            let (from, to) = (part::<4>(header, 32)?, part::<4>(header, 36)?);
            let length = number(22)?.saturating_sub(20);
            (
                header[20] == 0x45,
                length,
                header[29],
                from.into(),
                to.into(),
            )
        }
        IpAddr::V6(_) => {
            let (from, to) = (part::<16>(header, 8)?, part::<16>(header, 24)?);
            (
                header[0] >> 4 == 6,
                number(4)?,
                header[6],
                from.into(),
                to.into(),
            )
        }
    };
    ensure!(
        start && protocol == UDP && length == above && to == ours,
        "no header of a datagram of {above} bytes to {ours}: {header:02x?}"
    );
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a datagram of 5 bytes with immediate data.
    fn ipv4() -> Vec<u8> {
        let mut bytes = vec![0; GRH + 5];
        bytes[20] = 0x45;
        bytes[23] = 20 + 44;
        bytes[29] = UDP;
        bytes[32..40].copy_from_slice(&[10, 7, 0, 2, 10, 7, 0, 1]);
        bytes
    }

    #[test]
    fn the_header_says_who_sent_it() {
        let (ours, theirs): (IpAddr, IpAddr) =
            ("10.7.0.1".parse().unwrap(), "10.7.0.2".parse().unwrap());
        assert_eq!(sender(&ipv4(), ours, true).unwrap(), theirs);
        let (ours, theirs): (IpAddr, IpAddr) =
            ("fd07::1".parse().unwrap(), "fd07::2".parse().unwrap());
        let mut bytes = vec![0; GRH + 5];
        (bytes[0], bytes[5], bytes[6]) = (0x60, 40, UDP);
        bytes[8..24].copy_from_slice(&gid(theirs));
        bytes[24..40].copy_from_slice(&gid(ours));
        assert_eq!(sender(&bytes, ours, false).unwrap(), theirs);
    }

    #[test]
    fn a_header_that_is_wrong_is_found() {
        let ours: IpAddr = "10.7.0.1".parse().unwrap();
        for at in [0, 20, 22, 23, 29, 39] {
            let mut bytes = ipv4();
            bytes[at] ^= 1;
            assert!(sender(&bytes, ours, true).is_err(), "{at}");
        }
        assert!(sender(&ipv4(), ours, false).is_err());
        assert!(sender(&ipv4()[..GRH - 1], ours, true).is_err());
        let empty = vec![0; GRH];
        assert!(sender(&empty, ours, true).is_err());
    }
}
