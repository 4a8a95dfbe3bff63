//! Invariant CRC `[ROCE-21]` (IBTA annex A17.3; vol. 1, 7.8.1): CRC-32 of IEEE 802.3 over eight bytes of ones for the
//! absent local route header, then IP header to pad, with what routers may change taken as ones.
//!
//! Masked: IPv4 type of service, time to live, header checksum; IPv6 traffic class, flow label, hop
//! limit; UDP checksum; the BTH byte of FECN, BECN and six reserved bits.
//!
//! Nothing is masked in fact, and nothing copied. A CRC is linear: a changed bit of the message and some change of what the
//! register starts with have the same effect, which depends on nothing but how far the bit is from the start. So the CRC of
//! the masked bytes is that of the bytes as they are, from another start, in one go. Each masked byte has a table of what its
//! value changes there.

use crc32fast::Hasher;

use crate::bth::Bth;
use crate::ipv4::Ipv4Header;
use crate::ipv6::Ipv6Header;
use crate::udp::UdpHeader;

/// CRC-32 of eight bytes of ones. The register holds its complement, 0xDEBB20E3.
const OF_EIGHT_ONES: u32 = 0x2144_df1c;

/// Bytes of all that has masked fields: IPv4, UDP and base transport header.
const HEAD4: usize = Ipv4Header::LEN + UdpHeader::LEN + Bth::LEN;
/// IPv6, UDP and base transport header.
const HEAD6: usize = Ipv6Header::LEN + UdpHeader::LEN + Bth::LEN;

/// The polynomial, least significant bit first.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// What routers may change between IP header and base transport header.
struct Masks<const N: usize> {
    /// Bits of the first four bytes, least significant byte first: those meet the register before its first step.
    first: u32,
    /// Whole bytes behind them.
    others: [Masked; N],
}

/// A byte that is taken as ones.
struct Masked {
    /// Where, from the IP header on.
    at: usize,
    /// What its value changes in the register at the start.
    start: [u32; 256],
}

static MASKS4: Masks<6> = Masks {
    first: u32::from_le_bytes([0, 0xff, 0, 0]),
    others: [
        Masked::new(8),
        Masked::new(10),
        Masked::new(11),
        Masked::new(Ipv4Header::LEN + UDP_CHECKSUM),
        Masked::new(Ipv4Header::LEN + UDP_CHECKSUM + 1),
        Masked::new(Ipv4Header::LEN + UdpHeader::LEN + BTH_CONGESTION),
    ],
};

static MASKS6: Masks<4> = Masks {
    first: u32::from_le_bytes([0x0f, 0xff, 0xff, 0xff]),
    others: [
        Masked::new(7),
        Masked::new(Ipv6Header::LEN + UDP_CHECKSUM),
        Masked::new(Ipv6Header::LEN + UDP_CHECKSUM + 1),
        Masked::new(Ipv6Header::LEN + UdpHeader::LEN + BTH_CONGESTION),
    ],
};

/// Where the checksum is in a UDP header.
const UDP_CHECKSUM: usize = 6;
/// Where FECN, BECN and the reserved bits are in a base transport header.
const BTH_CONGESTION: usize = 4;

impl Masked {
    /// The byte at this place.
    const fn new(at: usize) -> Self {
        let mut start = [0; 256];
        let mut values: &mut [u32] = &mut start;
        // What masking changes: all bits of 0, ..., none of 255.
        let mut change = 0xff_u32;
        while let Some((value, rest)) = values.split_first_mut() {
            // Where the byte meets the register it is just that; then backwards, as if all before it were zeros.
            *value = change;
            let mut steps = 8 * at;
            while steps > 0 {
                *value = step_back(*value);
                steps -= 1;
            }
            change = change.wrapping_sub(1);
            values = rest;
        }
        Self { at, start }
    }
}

/// The register before a step in which a zero came.
const fn step_back(register: u32) -> u32 {
    if register >> 31 == 1 {
        (register ^ POLYNOMIAL) << 1 | 1
    } else {
        register << 1
    }
}

impl<const N: usize> Masks<N> {
    /// What to change in the register at the start for these headers to count as masked.
    #[inline]
    fn start<const HEAD: usize>(&self, head: &[u8; HEAD]) -> u32 {
        let first = head.first_chunk().copied().unwrap_or_default();
        let change = !u32::from_le_bytes(first) & self.first;
        self.others.iter().fold(change, |change, masked| {
            let byte = head.get(masked.at).copied().unwrap_or_default();
            change
                ^ masked
                    .start
                    .get(usize::from(byte))
                    .copied()
                    .unwrap_or_default()
        })
    }
}

/// The ICRC of an IPv4 or IPv6 datagram from its first header byte to the last byte of its pad. It is stored
/// least significant byte first.
///
/// `None` for another version or fewer bytes than the headers of a packet; headers are taken to be 20 or 40 bytes.
#[inline]
#[must_use]
pub fn icrc(datagram: &[u8]) -> Option<u32> {
    let change = match datagram.first()? >> 4 {
        4 => MASKS4.start::<HEAD4>(datagram.first_chunk()?),
        6 => MASKS6.start::<HEAD6>(datagram.first_chunk()?),
        _ => return None,
    };
    let mut crc = Hasher::new_with_initial(OF_EIGHT_ONES ^ change);
    crc.update(datagram);
    Some(crc.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, as the standard defines it.
    fn slow(bytes: impl Iterator<Item = u8>) -> u32 {
        let mut crc = u32::MAX;
        for b in bytes {
            crc ^= u32::from(b);
            for _ in 0..8 {
                crc = if crc & 1 != 0 {
                    crc >> 1 ^ 0xedb8_8320
                } else {
                    crc >> 1
                };
            }
        }
        !crc
    }

    #[test]
    fn seed_is_the_crc_of_eight_ones() {
        assert_eq!(slow([0xff; 8].into_iter()), OF_EIGHT_ONES);
        assert_eq!(!OF_EIGHT_ONES, 0xdebb_20e3);
    }

    // [ROCE-21]
    #[test]
    fn agrees_with_the_definition_and_ignores_what_routers_change() {
        let of_four = (0x45, &[1, 8, 10, 11, 26, 27, 32][..]);
        let of_six = (0x60, &[1, 2, 3, 7, 46, 47, 52][..]);
        // Up to lengths for which the CRC goes other ways.
        let all = [of_four, of_six].map(|of| [100, 201, 301, 2200].map(|n| (of, n)));
        for ((version, masked), length) in all.into_iter().flatten() {
            let mut d: std::vec::Vec<u8> = (0u8..=255).cycle().take(length).collect();
            d[0] = version;
            let mut m = d.clone();
            if version == 0x60 {
                m[0] = 0x6f;
            }
            for &i in masked {
                m[i] = 0xff;
            }
            let expected = slow([0xff; 8].into_iter().chain(m));
            assert_eq!(icrc(&d), Some(expected));
            for i in 1..d.len() {
                let mut changed = d.clone();
                changed[i] ^= 0x10;
                assert_eq!(
                    icrc(&changed) == Some(expected),
                    masked.contains(&i),
                    "byte {i}"
                );
            }
        }
        assert_eq!(icrc(&[]), None);
        assert_eq!(icrc(&[0x45; 39]), None);
        assert_eq!(icrc(&[0x60; 59]), None);
        assert_eq!(icrc(&[0x50; 99]), None);
    }
}
