//! IPv6 header of 40 bytes (RFC 8200, 3).

use core::net::Ipv6Addr;

use crate::error::DropReason;
use crate::ip::IpPayload;

/// The fields of an IPv6 header that vary between frames.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ipv6Header {
    /// Traffic class: 6 bits of DSCP, 2 of ECN.
    pub traffic_class: u8,
    /// Flow label; only the low 20 bits are sent.
    pub flow_label: u32,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
}

impl Ipv6Header {
    /// Bytes on the wire.
    pub const LEN: usize = 40;

    /// A header as Linux sends it for RoCEv2: flow label 0, hop limit 64.
    #[must_use]
    pub const fn new(src: Ipv6Addr, dst: Ipv6Addr) -> Self {
        Self {
            traffic_class: 0,
            flow_label: 0,
            hop_limit: 64,
            src,
            dst,
        }
    }

    /// Next header and first payload bytes, before any check, to find out whose it is.
    #[inline]
    pub(crate) fn peek(bytes: &[u8]) -> Option<(u8, &[u8])> {
        let (head, rest) = bytes.split_first_chunk::<{ Self::LEN }>()?;
        Some((head[6], rest))
    }

    /// Finds header and payload, and nothing wrong with the header.
    ///
    /// # Errors
    /// The reasons that begin with `Ipv6`.
    #[inline]
    pub(crate) fn check(bytes: &[u8]) -> Result<(&[u8; Self::LEN], IpPayload<'_>), DropReason> {
        let (head, rest) = bytes
            .split_first_chunk::<{ Self::LEN }>()
            .ok_or(DropReason::Ipv6Truncated)?;
        let [v0, _, _, _, l0, l1, protocol, ..] = *head;
        if v0 >> 4 != 6 {
            return Err(DropReason::Ipv6Version);
        }
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let (bytes, trailer) = rest.split_at_checked(len).ok_or(DropReason::Ipv6Length)?;
        let payload = IpPayload {
            protocol,
            bytes,
            trailer,
        };
        Ok((head, payload))
    }

    /// The fields of a header that was checked.
    #[inline]
    pub(crate) fn read(head: &[u8; Self::LEN]) -> Self {
        let [v0, v1, v2, v3, _, _, _, hop_limit, addresses @ ..] = head;
        let [src, dst] = [addresses.first_chunk::<16>(), addresses.last_chunk::<16>()]
            .map(|address| address.copied().unwrap_or_default().into());
        Self {
            traffic_class: v0 << 4 | v1 >> 4,
            flow_label: u32::from_be_bytes([0, v1 & 0x0f, *v2, *v3]),
            hop_limit: *hop_limit,
            src,
            dst,
        }
    }

    /// Version, traffic class and flow label.
    #[inline]
    pub(crate) fn first_word(&self) -> [u8; 4] {
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        word.to_be_bytes()
    }

    /// The header; `payload_len` does not count it.
    #[inline]
    #[must_use]
    pub fn to_bytes(&self, next_header: u8, payload_len: u16) -> [u8; Self::LEN] {
        let [v0, v1, v2, v3] = self.first_word();
        let [l0, l1] = payload_len.to_be_bytes();
        let head = [v0, v1, v2, v3, l0, l1, next_header, self.hop_limit];
        let mut out = [0; Self::LEN];
        if let Some((first, rest)) = out.split_first_chunk_mut::<8>() {
            *first = head;
            if let Some((src, dst)) = rest.split_first_chunk_mut::<16>() {
                *src = self.src.octets();
                dst.copy_from_slice(&self.dst.octets());
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_for_each_way_to_be_wrong() {
        let h = Ipv6Header {
            traffic_class: 0xab,
            flow_label: 0xc_4cb8,
            ..Ipv6Header::new("fd07::1".parse().unwrap(), "fd07::2".parse().unwrap())
        };
        let mut bytes = h.to_bytes(17, 8).to_vec();
        assert_eq!(bytes[..4], [0x6a, 0xbc, 0x4c, 0xb8]);
        bytes.extend([1; 9]);
        let (head, p) = Ipv6Header::check(&bytes).unwrap();
        let back = Ipv6Header::read(head);
        assert_eq!(
            (back, p.protocol, p.bytes.len(), p.trailer.len()),
            (h, 17, 8, 1)
        );
        assert_eq!(
            Ipv6Header::check(&bytes[..39]),
            Err(DropReason::Ipv6Truncated)
        );
        assert_eq!(Ipv6Header::check(&bytes[..47]), Err(DropReason::Ipv6Length));
        bytes[0] = 0x40;
        assert_eq!(Ipv6Header::check(&bytes), Err(DropReason::Ipv6Version));
    }
}
