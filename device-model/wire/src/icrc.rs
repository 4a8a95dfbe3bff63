//! Invariant CRC `[ROCE-21]` (IBTA annex A17.3; vol. 1, 7.8.1): CRC-32 of IEEE 802.3 over eight bytes of ones for the
//! absent local route header, then IP header to pad, with what routers may change taken as ones.
//!
//! Masked: IPv4 type of service, time to live, header checksum; IPv6 traffic class, flow label, hop
//! limit; UDP checksum; the BTH byte of FECN, BECN and six reserved bits.

use crc32fast::Hasher;

use crate::bth::Bth;
use crate::ipv4::Ipv4Header;
use crate::ipv6::Ipv6Header;
use crate::udp::UdpHeader;

/// CRC-32 of eight bytes of ones. The register holds its complement, 0xDEBB20E3.
const OF_EIGHT_ONES: u32 = 0x2144_df1c;

/// IPv4, UDP and base transport header: all that has masked fields.
pub(crate) type Head4 = [u8; Ipv4Header::LEN + UdpHeader::LEN + Bth::LEN];
/// IPv6, UDP and base transport header.
pub(crate) type Head6 = [u8; Ipv6Header::LEN + UdpHeader::LEN + Bth::LEN];

/// Bytes of ones in place of the local route header.
const ONES: usize = 8;

/// Ones where IPv4 to BTH are masked.
const MASK4: Head4 = {
    let mut mask = [0; size_of::<Head4>()];
    mask[1] = 0xff;
    mask[8] = 0xff;
    mask[10] = 0xff;
    mask[11] = 0xff;
    mask[26] = 0xff;
    mask[27] = 0xff;
    mask[32] = 0xff;
    mask
};

/// Ones where IPv6 to BTH are masked.
const MASK6: Head6 = {
    let mut mask = [0; size_of::<Head6>()];
    mask[0] = 0x0f;
    mask[1] = 0xff;
    mask[2] = 0xff;
    mask[3] = 0xff;
    mask[7] = 0xff;
    mask[46] = 0xff;
    mask[47] = 0xff;
    mask[52] = 0xff;
    mask
};

/// Sets the masked fields to ones. All at once: what is stored byte by byte is slow to load in longer
/// words right after.
#[inline]
pub(crate) fn mask4(h: &mut Head4) {
    for (byte, mask) in h.iter_mut().zip(&MASK4) {
        *byte |= mask;
    }
}

/// Sets the masked fields to ones.
#[inline]
pub(crate) fn mask6(h: &mut Head6) {
    for (byte, mask) in h.iter_mut().zip(&MASK6) {
        *byte |= mask;
    }
}

/// The ICRC of bytes whose masked fields are ones already.
#[inline]
pub(crate) fn of_masked(bytes: &[u8]) -> u32 {
    let mut crc = Hasher::new_with_initial(OF_EIGHT_ONES);
    crc.update(bytes);
    crc.finalize()
}

/// The ICRC of an IPv4 or IPv6 datagram from its first header byte to the last byte of its pad. It is stored
/// least significant byte first.
///
/// `None` for another version or fewer bytes than the headers of a packet; headers are taken to be 20 or 40 bytes.
#[inline]
#[must_use]
pub fn icrc(datagram: &[u8]) -> Option<u32> {
    match datagram.first()? >> 4 {
        4 => {
            let (head, rest) = datagram.split_first_chunk()?;
            Some(of_parts(
                head,
                &MASK4,
                &mut [0xff; ONES + size_of::<Head4>()],
                rest,
            ))
        }
        6 => {
            let (head, rest) = datagram.split_first_chunk()?;
            Some(of_parts(
                head,
                &MASK6,
                &mut [0xff; ONES + size_of::<Head6>()],
                rest,
            ))
        }
        _ => None,
    }
}

/// The ICRC of headers and what follows them. `whole` is ones, and has room for the eight before the headers: with
/// them, IPv4 makes whole blocks of sixteen bytes, which is what the CRC is fast for.
#[inline]
fn of_parts<const N: usize, const W: usize>(
    head: &[u8; N],
    mask: &[u8; N],
    whole: &mut [u8; W],
    rest: &[u8],
) -> u32 {
    for ((to, byte), mask) in whole.iter_mut().skip(ONES).zip(head).zip(mask) {
        *to = byte | mask;
    }
    let mut crc = Hasher::new();
    crc.update(whole);
    crc.update(rest);
    crc.finalize()
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
