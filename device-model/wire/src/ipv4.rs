//! IPv4 header of 20 bytes (RFC 791, 3.1).

use core::net::Ipv4Addr;

use crate::bytes::Sum;
use crate::error::DropReason;
use crate::ip::IpPayload;

/// The fields of an IPv4 header that vary between RoCEv2 frames.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ipv4Header {
    /// Type of service: 6 bits of DSCP, 2 of ECN.
    pub tos: u8,
    /// Identification.
    pub identification: u16,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// Time to live.
    pub ttl: u8,
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
}

impl Ipv4Header {
    /// Bytes on the wire.
    pub const LEN: usize = 20;

    /// A header as Linux sends it: don't fragment, time to live 64.
    #[must_use]
    pub const fn new(src: Ipv4Addr, dst: Ipv4Addr) -> Self {
        Self {
            tos: 0,
            identification: 0,
            dont_fragment: true,
            ttl: 64,
            src,
            dst,
        }
    }

    /// Protocol and first payload bytes of a datagram, before any check, to find out whose it is.
    /// `None` for a later fragment, or when the header is cut short.
    #[inline]
    pub(crate) fn peek(bytes: &[u8]) -> Option<(u8, &[u8])> {
        let head = bytes.first_chunk::<{ Self::LEN }>()?;
        let header_len = usize::from(head[0] & 0x0f) * 4;
        let offset = u16::from_be_bytes([head[6], head[7]]) & 0x1fff;
        if header_len < Self::LEN || offset != 0 {
            return None;
        }
        Some((head[9], bytes.get(header_len..)?))
    }

    /// Finds header and payload, and nothing wrong with the header.
    ///
    /// # Errors
    /// The reasons that begin with `Ipv4`.
    #[inline]
    pub(crate) fn check(bytes: &[u8]) -> Result<(&[u8; Self::LEN], IpPayload<'_>), DropReason> {
        let (head, rest) = bytes
            .split_first_chunk::<{ Self::LEN }>()
            .ok_or(DropReason::Ipv4Truncated)?;
        let [vihl, _, l0, l1, _, _, f0, f1, _, protocol, ..] = *head;
        if vihl >> 4 != 4 || vihl & 0x0f < 5 {
            return Err(DropReason::Ipv4Version);
        }
        if vihl & 0x0f != 5 {
            return Err(DropReason::Ipv4Options);
        }
        let total = usize::from(u16::from_be_bytes([l0, l1]));
        let payload_len = total.checked_sub(Self::LEN).ok_or(DropReason::Ipv4Length)?;
        let (payload, trailer) = rest
            .split_at_checked(payload_len)
            .ok_or(DropReason::Ipv4Length)?;
        if Sum::default().add(head).fold() != 0xffff {
            return Err(DropReason::Ipv4Checksum);
        }
        if f0 & !0x40 != 0 || f1 != 0 {
            return Err(DropReason::Ipv4Fragment);
        }
        let payload = IpPayload {
            protocol,
            bytes: payload,
            trailer,
        };
        Ok((head, payload))
    }

    /// The fields of a header that was checked.
    #[inline]
    pub(crate) fn read(head: &[u8; Self::LEN]) -> Self {
        let [_, tos, _, _, i0, i1, flags, _, ttl, _, _, _, addresses @ ..] = *head;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        Self {
            tos,
            identification: u16::from_be_bytes([i0, i1]),
            dont_fragment: flags & 0x40 != 0,
            ttl,
            src: Ipv4Addr::new(s0, s1, s2, s3),
            dst: Ipv4Addr::new(d0, d1, d2, d3),
        }
    }

    /// The header with its checksum; `total_len` counts the header.
    #[inline]
    #[must_use]
    pub fn to_bytes(&self, protocol: u8, total_len: u16) -> [u8; Self::LEN] {
        let [l0, l1] = total_len.to_be_bytes();
        let [i0, i1] = self.identification.to_be_bytes();
        let flags = if self.dont_fragment { 0x40 } else { 0 };
        let [s0, s1, s2, s3] = self.src.octets();
        let [d0, d1, d2, d3] = self.dst.octets();
        let mut head = [
            0x45, self.tos, l0, l1, i0, i1, flags, 0, self.ttl, protocol, 0, 0, s0, s1, s2, s3, d0,
            d1, d2, d3,
        ];
        [head[10], head[11]] = Sum::default().add(&head).checksum().to_be_bytes();
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn good() -> Vec<u8> {
        let h = Ipv4Header::new(Ipv4Addr::new(10, 7, 0, 1), Ipv4Addr::new(10, 7, 0, 2));
        let mut v = h.to_bytes(17, 28).to_vec();
        v.extend([9; 10]);
        v
    }

    /// The good header with bytes changed and its checksum made right again.
    fn with(changes: &[(usize, u8)]) -> Vec<u8> {
        let mut v = good();
        for &(i, b) in changes {
            v[i] = b;
        }
        v[10..12].fill(0);
        let c = Sum::default().add(&v[..20]).checksum();
        v[10..12].copy_from_slice(&c.to_be_bytes());
        v
    }

    #[test]
    fn one_row_for_each_way_to_be_wrong() {
        let mut bad_sum = good();
        bad_sum[10] ^= 1;
        let rows = [
            (good()[..19].to_vec(), DropReason::Ipv4Truncated),
            (with(&[(0, 0x65)]), DropReason::Ipv4Version),
            (with(&[(0, 0x44)]), DropReason::Ipv4Version),
            (with(&[(0, 0x46)]), DropReason::Ipv4Options),
            (with(&[(3, 19)]), DropReason::Ipv4Length),
            (with(&[(3, 31)]), DropReason::Ipv4Length),
            (bad_sum, DropReason::Ipv4Checksum),
            (with(&[(6, 0x20)]), DropReason::Ipv4Fragment),
            (with(&[(6, 0x80)]), DropReason::Ipv4Fragment),
            (with(&[(7, 1)]), DropReason::Ipv4Fragment),
        ];
        for (bytes, reason) in rows {
            assert_eq!(Ipv4Header::check(&bytes), Err(reason), "{bytes:02x?}");
        }
        let v = good();
        let (h, p) = Ipv4Header::check(&v).unwrap();
        let h = Ipv4Header::read(h);
        assert_eq!(
            (
                h.ttl,
                h.dont_fragment,
                p.protocol,
                p.bytes.len(),
                p.trailer.len()
            ),
            (64, true, 17, 8, 2)
        );
    }
}
