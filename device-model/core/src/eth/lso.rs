//! Large send offload: one TCP frame cut into segments `[ETH-3]`.
//!
//! Every segment repeats the headers of the frame. What differs from one to the next:
//!
//! | header | field | segment n of m |
//! |---|---|---|
//! | IPv4 | total length | its own |
//! | IPv4 | identification | the frame's + n |
//! | IPv4 | checksum | its own |
//! | IPv6 | payload length | its own |
//! | TCP | sequence number | the frame's + payload before it |
//! | TCP | CWR | as the frame, in the first alone |
//! | TCP | FIN, PSH | as the frame, in the last alone |
//! | TCP | checksum | its own |

use rnic_abi::limit;

use super::checksum::{Sum, pseudo_header};
use super::header::{Gso, Malformed, Offload};
use super::packet::{Family, Packet, TCP, be16, be32, put};

/// Longest frame that is cut: two tags and an IPv6 packet of the longest payload.
pub(super) const MAX_BYTES: usize = 14 + 8 + 40 + 65_535;

/// Longest frame on the wire.
const FRAME_BYTES: usize = rnic_abi::size(limit::ETH_FRAME_BYTES);
const TCP_BYTES: usize = 20;
/// Where the checksum of a TCP header lies (RFC 9293, 3.1).
const TCP_CHECKSUM_AT: usize = 16;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// How a frame is cut, checked against the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    packet: Packet,
    /// Bytes of all headers: where the payload begins.
    headers: usize,
    /// Bytes of payload in a segment, not zero.
    size: usize,
    /// Bytes of payload in the frame.
    payload: usize,
}

impl Plan {
    /// Checks that `frame` is what `gso` says, and `offload`'s checksum, if there is one, TCP's.
    pub(super) fn new(frame: &[u8], gso: Gso, offload: &Offload) -> Result<Self, Malformed> {
        let refused = Malformed::NotTcp(gso.family);
        let packet = Packet::find(frame).ok_or(refused)?;
        if packet.family() != gso.family || packet.protocol != Some(TCP) {
            return Err(refused);
        }
        let tcp: &[u8; TCP_BYTES] = frame
            .get(packet.payload_at..)
            .and_then(|tcp| tcp.first_chunk())
            .ok_or(refused)?;
        let [_, _, _, _, _, _, _, _, _, _, _, _, data_offset, ..] = *tcp;
        let tcp_bytes = usize::from(data_offset >> 4) * 4;
        let headers = packet.payload_at + tcp_bytes;
        let payload = frame.len().checked_sub(headers).ok_or(refused)?;
        if tcp_bytes < TCP_BYTES {
            return Err(refused);
        }
        if let Some(partial) = offload.checksum {
            let at = (usize::from(partial.start), usize::from(partial.offset));
            if at != (packet.payload_at, TCP_CHECKSUM_AT) {
                let (start, offset) = (partial.start, partial.offset);
                return Err(Malformed::Checksum { start, offset });
            }
        }
        let size = usize::from(gso.size.get());
        if headers + size.min(payload) > FRAME_BYTES {
            return Err(Malformed::GsoSize(gso.size.get()));
        }
        Ok(Self {
            packet,
            headers,
            size,
            payload,
        })
    }

    /// Number of segments, at least 1.
    pub(super) const fn segments(&self) -> usize {
        let count = self.payload.div_ceil(self.size);
        if count == 0 { 1 } else { count }
    }

    /// Makes segment `n`, below [`Plan::segments`], of the frame that the plan was made for.
    pub(super) fn segment(&self, frame: &[u8], n: usize, out: &mut Vec<u8>) {
        out.clear();
        let before = n.saturating_mul(self.size).min(self.payload);
        let payload = self.size.min(self.payload - before);
        let start = self.headers + before;
        if let (Some(headers), Some(payload)) =
            (frame.get(..self.headers), frame.get(start..start + payload))
        {
            out.extend_from_slice(headers);
            out.extend_from_slice(payload);
            // Every place was found in the headers.
            let written = self.rewrite(out, n, before);
            debug_assert!(written.is_some());
        }
    }

    fn rewrite(&self, out: &mut [u8], n: usize, before: usize) -> Option<()> {
        let Packet {
            at,
            payload_at: tcp,
            addresses,
            ..
        } = self.packet;
        let (n16, _) = split(n);
        let (_, before32) = split(before);
        match self.packet.family() {
            Family::V4 => {
                let total = u16::try_from(out.len() - at).ok()?;
                put(out, at + 2, &total.to_be_bytes())?;
                let id = be16(out, at + 4)?.wrapping_add(n16);
                put(out, at + 4, &id.to_be_bytes())?;
                put(out, at + 10, &[0, 0])?;
                let header = out.get(at..tcp)?;
                let checksum = Sum::default().add(header).checksum();
                put(out, at + 10, &checksum)?;
            }
            Family::V6 => {
                let payload = u16::try_from(out.len() - at - 40).ok()?;
                put(out, at + 4, &payload.to_be_bytes())?;
            }
        }
        let sequence = be32(out, tcp + 4)?.wrapping_add(before32);
        put(out, tcp + 4, &sequence.to_be_bytes())?;
        let flags = out.get_mut(tcp + 13)?;
        if n > 0 {
            *flags &= !CWR;
        }
        if n + 1 < self.segments() {
            *flags &= !(FIN | PSH);
        }
        put(out, tcp + TCP_CHECKSUM_AT, &[0, 0])?;
        let segment = out.get(tcp..)?;
        let len = u32::try_from(segment.len()).ok()?;
        let checksum = pseudo_header(addresses, TCP, len).add(segment).checksum();
        put(out, tcp + TCP_CHECKSUM_AT, &checksum)
    }
}

/// The low 16 and the low 32 bits: identifications and sequence numbers wrap.
const fn split(value: usize) -> (u16, u32) {
    let [a, b, c, d, ..] = value.to_le_bytes();
    (u16::from_le_bytes([a, b]), u32::from_le_bytes([a, b, c, d]))
}

#[cfg(test)]
#[path = "lso_tests.rs"]
mod tests;
