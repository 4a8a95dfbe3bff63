//! What RoCEv2 uses of IPv4 and IPv6: headers without options or extensions (IBTA annex A17.4.5).

use core::net::IpAddr;

use crate::bytes::Sum;
use crate::eth::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};
use crate::ipv4::Ipv4Header;
use crate::ipv6::Ipv6Header;
use crate::number::Gid;

/// IP protocol number of UDP.
pub const PROTOCOL_UDP: u8 = 17;
/// IP protocol number of TCP.
pub const PROTOCOL_TCP: u8 = 6;
/// IP protocol number of ICMP for IPv4.
pub const PROTOCOL_ICMP: u8 = 1;
/// IP protocol number of ICMPv6.
pub const PROTOCOL_ICMPV6: u8 = 58;

/// Bytes of the area that precedes a datagram in a UD receive buffer.
pub const GRH_LEN: usize = 40;

/// Explicit congestion notification: the low two bits of the traffic class (RFC 3168, 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ecn {
    /// 00: the transport does not take part.
    NotEct,
    /// 01: it takes part.
    Ect1,
    /// 10: it takes part.
    Ect0,
    /// 11: congestion was experienced.
    Ce,
}

impl Ecn {
    /// From the low two bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::NotEct,
            1 => Self::Ect1,
            2 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The two bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::NotEct => 0,
            Self::Ect1 => 1,
            Self::Ect0 => 2,
            Self::Ce => 3,
        }
    }
}

/// The IP header of a RoCEv2 frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IpHeader {
    /// IPv4.
    V4(Ipv4Header),
    /// IPv6.
    V6(Ipv6Header),
}

impl From<Ipv4Header> for IpHeader {
    #[inline]
    fn from(header: Ipv4Header) -> Self {
        Self::V4(header)
    }
}

impl From<Ipv6Header> for IpHeader {
    #[inline]
    fn from(header: Ipv6Header) -> Self {
        Self::V6(header)
    }
}

/// What a header says about what follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IpPayload<'a> {
    /// Protocol, or next header.
    pub protocol: u8,
    pub bytes: &'a [u8],
    /// What lies behind the datagram: padding of a short Ethernet frame.
    pub trailer: &'a [u8],
}

impl IpHeader {
    /// Bytes of this header.
    #[must_use]
    pub const fn wire_len(&self) -> usize {
        match self {
            Self::V4(_) => Ipv4Header::LEN,
            Self::V6(_) => Ipv6Header::LEN,
        }
    }

    /// The EtherType that announces this header.
    #[must_use]
    pub const fn ethertype(&self) -> u16 {
        match self {
            Self::V4(_) => ETHERTYPE_IPV4,
            Self::V6(_) => ETHERTYPE_IPV6,
        }
    }

    /// Source address.
    #[must_use]
    pub const fn src(&self) -> IpAddr {
        match self {
            Self::V4(h) => IpAddr::V4(h.src),
            Self::V6(h) => IpAddr::V6(h.src),
        }
    }

    /// Destination address.
    #[must_use]
    pub const fn dst(&self) -> IpAddr {
        match self {
            Self::V4(h) => IpAddr::V4(h.dst),
            Self::V6(h) => IpAddr::V6(h.dst),
        }
    }

    /// Source address as a GID.
    #[must_use]
    pub fn src_gid(&self) -> Gid {
        self.src().into()
    }

    /// Destination address as a GID.
    #[must_use]
    pub fn dst_gid(&self) -> Gid {
        self.dst().into()
    }

    /// Type of service or traffic class, ECN bits included.
    #[must_use]
    pub const fn traffic_class(&self) -> u8 {
        match self {
            Self::V4(h) => h.tos,
            Self::V6(h) => h.traffic_class,
        }
    }

    /// Time to live or hop limit.
    #[must_use]
    pub const fn hop_limit(&self) -> u8 {
        match self {
            Self::V4(h) => h.ttl,
            Self::V6(h) => h.hop_limit,
        }
    }

    /// The congestion mark.
    #[must_use]
    pub const fn ecn(&self) -> Ecn {
        Ecn::from_bits(self.traffic_class())
    }

    /// The same header with another congestion mark.
    #[must_use]
    pub const fn with_ecn(mut self, ecn: Ecn) -> Self {
        let class = match &mut self {
            Self::V4(h) => &mut h.tos,
            Self::V6(h) => &mut h.traffic_class,
        };
        *class = *class & 0xfc | ecn.bits();
        self
    }

    /// The 40 bytes that a UD receive buffer begins with: the IPv6 header, or 20 zero bytes and
    /// the IPv4 header (IBTA annex A17.4.5.1). `udp_len` is the UDP length field.
    #[must_use]
    pub fn grh(&self, udp_len: u16) -> [u8; GRH_LEN] {
        match self {
            Self::V6(h) => h.to_bytes(PROTOCOL_UDP, udp_len),
            Self::V4(h) => {
                let header = h.to_bytes(PROTOCOL_UDP, udp_len.saturating_add(20));
                let mut grh = [0; GRH_LEN];
                for (to, from) in grh.iter_mut().skip(GRH_LEN - Ipv4Header::LEN).zip(header) {
                    *to = from;
                }
                grh
            }
        }
    }

    /// Sum over the pseudo header (RFC 768; RFC 8200, 8.1).
    pub(crate) fn pseudo_header(&self, protocol: u8, len: usize) -> Sum {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let sum = match self {
            Self::V4(h) => Sum::default().add(&h.src.octets()).add(&h.dst.octets()),
            Self::V6(h) => Sum::default().add(&h.src.octets()).add(&h.dst.octets()),
        };
        sum.add(&len.to_be_bytes()).add(&[0, protocol])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecn_marks() {
        let v4 = Ipv4Header {
            tos: 0xa2,
            ..Ipv4Header::new("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap())
        };
        let h = IpHeader::V4(v4);
        assert_eq!(h.ecn(), Ecn::Ect0);
        assert_eq!(h.with_ecn(Ecn::Ce).traffic_class(), 0xa3);
        for bits in 0..4 {
            assert_eq!(Ecn::from_bits(bits).bits(), bits);
        }
    }

    #[test]
    fn grh_of_ipv4_is_in_the_second_half() {
        let v4 = Ipv4Header::new("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let grh = IpHeader::V4(v4).grh(100);
        assert_eq!(grh[..20], [0; 20]);
        assert_eq!(grh[20], 0x45);
        assert_eq!(grh[22..24], [0, 120]);
        assert_eq!(grh[32..], [10, 0, 0, 1, 10, 0, 0, 2]);
    }
}
