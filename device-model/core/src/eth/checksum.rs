//! Internet checksums (RFC 1071): filled in on transmit, verified on receive.

use super::header::{Malformed, Partial};
use super::packet::{Addresses, ETHERNET_BYTES, Family, Packet, TCP, UDP, be16, put};

/// A ones' complement sum of big-endian 16-bit words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum(u64);

impl Sum {
    /// Adds bytes; an odd one at the end is padded with zero, so it must be the last.
    pub(super) fn add(self, bytes: &[u8]) -> Self {
        let mut sum = self.0;
        // 32-bit words sum to the same modulo 0xFFFF. A frame has fewer than 2^31 of them, so 64
        // bits do not overflow.
        let (words, rest) = bytes.as_chunks::<4>();
        for word in words {
            sum += u64::from(u32::from_be_bytes(*word));
        }
        let mut tail = [0; 4];
        for (to, from) in tail.iter_mut().zip(rest) {
            *to = *from;
        }
        Self(sum + u64::from(u32::from_be_bytes(tail)))
    }

    pub(super) const fn add_word(self, word: u32) -> Self {
        Self(self.0 + word as u64)
    }

    /// The sum in 16 bits.
    pub(super) const fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let [low, high, ..] = sum.to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// What goes into the checksum field of IPv4 and TCP.
    pub(super) const fn checksum(self) -> [u8; 2] {
        (!self.fold()).to_be_bytes()
    }

    /// What goes into a field that may be UDP's: never zero, which UDP takes for no checksum. To
    /// a receiver 0xFFFF is the same.
    pub(super) const fn checksum_not_zero(self) -> [u8; 2] {
        match self.checksum() {
            [0, 0] => [0xff, 0xff],
            checksum => checksum,
        }
    }
}

/// The pseudo-header of TCP and UDP (RFC 9293, 3.1; RFC 8200, 8.1). `len` counts the transport
/// header and the payload.
pub(super) fn pseudo_header(addresses: Addresses, protocol: u8, len: u32) -> Sum {
    let sum = Sum::default().add_word(len).add_word(protocol.into());
    match addresses {
        Addresses::V4(source, destination) => sum.add(&source.octets()).add(&destination.octets()),
        Addresses::V6(source, destination) => sum.add(&source.octets()).add(&destination.octets()),
    }
}

/// Fills in the checksum that `partial` describes: over everything from `start`, the field
/// included, in which the driver left the sum of the pseudo-header `[ETH-3]`.
pub(super) fn fill(frame: &mut [u8], partial: Partial) -> Result<(), Malformed> {
    let Partial { start, offset } = partial;
    let refused = Malformed::Checksum { start, offset };
    let start = usize::from(start);
    if start < ETHERNET_BYTES {
        return Err(refused);
    }
    let summed = frame.get_mut(start..).ok_or(refused)?;
    let at = usize::from(offset);
    be16(summed, at).ok_or(refused)?;
    let checksum = Sum::default().add(summed).checksum_not_zero();
    put(summed, at, &checksum).ok_or(refused)
}

/// Whether a frame is whole TCP or UDP over IP, and every checksum in it is there and right.
pub(super) fn is_verified(frame: &[u8]) -> bool {
    verify(frame).unwrap_or(false)
}

fn verify(frame: &[u8]) -> Option<bool> {
    let packet = Packet::find(frame)?;
    let payload = frame.get(packet.payload_at..packet.end)?;
    if packet.family() == Family::V4 {
        let header = frame.get(packet.at..packet.payload_at)?;
        if Sum::default().add(header).fold() != 0xffff {
            return Some(false);
        }
    }
    let protocol = packet.protocol?;
    let summed = match protocol {
        TCP if payload.len() >= 20 => payload,
        UDP => {
            // RFC 768: zero says that there is no checksum.
            let len = usize::from(be16(payload, 4)?);
            if be16(payload, 6)? == 0 || len < 8 {
                return Some(false);
            }
            payload.get(..len)?
        }
        _ => return Some(false),
    };
    let len = u32::try_from(summed.len()).ok()?;
    let sum = pseudo_header(packet.addresses, protocol, len).add(summed);
    Some(sum.fold() == 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_as_rfc_1071_does() {
        // RFC 1071, 3: the numerical example.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::default().add(&bytes).fold(), 0xddf2);
        assert_eq!(Sum::default().add(&bytes[..6]).fold(), 0xe6fa);
        assert_eq!(Sum::default().add(&[0x12]).fold(), 0x1200);
        assert_eq!(Sum::default().add(&[0x12, 0x34, 0x56]).fold(), 0x6834);
        assert_eq!(Sum::default().fold(), 0);
        let full = Sum::default().add(&[0xff, 0xff]);
        assert_eq!(full.checksum(), [0, 0]);
        assert_eq!(full.checksum_not_zero(), [0xff, 0xff]);
        assert_eq!(Sum::default().checksum_not_zero(), [0xff, 0xff]);
    }

    #[test]
    fn a_checksum_outside_the_frame_is_refused() {
        // [ETH-3]
        let mut frame = [0; 60];
        for (start, offset, good) in [
            (14, 0, true),
            (14, 44, true),
            (58, 0, true),
            (14, 45, false),
            (14, u16::MAX, false),
            (59, 0, false),
            (60, 0, false),
            (61, 0, false),
            (u16::MAX, u16::MAX, false),
            (13, 0, false),
            (0, 0, false),
        ] {
            let filled = fill(&mut frame, Partial { start, offset });
            assert_eq!(filled.is_ok(), good, "{start} {offset}");
        }
    }
}
