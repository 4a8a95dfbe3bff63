//! Neighbour discovery for IPv6 (RFC 4861): solicitations and advertisements of neighbours and routers.

use core::net::Ipv6Addr;

use crate::bytes::{Reader, Writer};
use crate::error::{DropReason, EncodeError};
use crate::eth::{ETHERTYPE_IPV6, EthHeader};
use crate::ip::{IpHeader, PROTOCOL_ICMPV6};
use crate::ipv6::Ipv6Header;
use crate::nd_option::{NdOption, NdOptions};
use crate::number::MacAddr;

/// Hop limit of every such message, so that none comes through a router (RFC 4861, 3.1).
pub const HOP_LIMIT: u8 = 255;

/// The all-nodes group of a link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// The all-routers group of a link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The group in which the owner of `a` listens for solicitations (RFC 4291, 2.7.1).
#[must_use]
pub const fn solicited_node(a: Ipv6Addr) -> Ipv6Addr {
    let s = a.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | (s[6] & 0xff), s[7])
}

/// The fixed part of a message, all bits kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NdMessage {
    /// Type 133.
    RouterSolicitation {
        /// Reserved word.
        reserved: u32,
    },
    /// Type 134.
    RouterAdvertisement {
        /// Hop limit that hosts should use; 0 says nothing.
        hop_limit: u8,
        /// Managed, other, and reserved bits.
        flags: u8,
        /// How long the router is a default one, seconds; 0 is never.
        lifetime_s: u16,
        /// How long a neighbour is taken to be reachable, milliseconds; 0 says nothing.
        reachable_ms: u32,
        /// Time between solicitations, milliseconds; 0 says nothing.
        retransmit_ms: u32,
    },
    /// Type 135.
    NeighborSolicitation {
        /// Reserved word.
        reserved: u32,
        /// Address asked for.
        target: Ipv6Addr,
    },
    /// Type 136.
    NeighborAdvertisement {
        /// Router, solicited, override: the top three bits; the rest is reserved.
        flags: NaFlags,
        /// Address that is advertised.
        target: Ipv6Addr,
    },
}

/// The word of flags in a neighbour advertisement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct NaFlags(pub u32);

impl NaFlags {
    /// The sender is a router.
    pub const ROUTER: Self = Self(0x8000_0000);
    /// It answers a solicitation.
    pub const SOLICITED: Self = Self(0x4000_0000);
    /// It replaces what the receiver knew.
    pub const OVERRIDE: Self = Self(0x2000_0000);

    /// Whether all of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of flags.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl NdMessage {
    /// ICMPv6 type.
    #[must_use]
    pub const fn icmp_type(&self) -> u8 {
        match self {
            Self::RouterSolicitation { .. } => 133,
            Self::RouterAdvertisement { .. } => 134,
            Self::NeighborSolicitation { .. } => 135,
            Self::NeighborAdvertisement { .. } => 136,
        }
    }

    /// Whether an ICMPv6 type is one of the four.
    #[must_use]
    pub const fn is_nd_type(icmp_type: u8) -> bool {
        matches!(icmp_type, 133..=136)
    }

    /// Bytes of the fixed part, ICMPv6 header included.
    #[must_use]
    pub const fn wire_len(&self) -> usize {
        match self {
            Self::RouterSolicitation { .. } => 8,
            Self::RouterAdvertisement { .. } => 16,
            Self::NeighborSolicitation { .. } | Self::NeighborAdvertisement { .. } => 24,
        }
    }

    fn read(icmp_type: u8, r: &mut Reader<'_>) -> Option<Self> {
        Some(match icmp_type {
            133 => Self::RouterSolicitation { reserved: r.u32()? },
            134 => Self::RouterAdvertisement {
                hop_limit: r.u8()?,
                flags: r.u8()?,
                lifetime_s: r.u16()?,
                reachable_ms: r.u32()?,
                retransmit_ms: r.u32()?,
            },
            135 => Self::NeighborSolicitation {
                reserved: r.u32()?,
                target: (*r.take::<16>()?).into(),
            },
            136 => Self::NeighborAdvertisement {
                flags: NaFlags(r.u32()?),
                target: (*r.take::<16>()?).into(),
            },
            _ => return None,
        })
    }

    fn write(&self, w: &mut Writer<'_>) -> Option<()> {
        match *self {
            Self::RouterSolicitation { reserved } => w.put(&reserved.to_be_bytes()),
            Self::RouterAdvertisement {
                hop_limit,
                flags,
                lifetime_s,
                reachable_ms,
                retransmit_ms,
            } => {
                w.put(&[hop_limit, flags])?;
                w.put(&lifetime_s.to_be_bytes())?;
                w.put(&reachable_ms.to_be_bytes())?;
                w.put(&retransmit_ms.to_be_bytes())
            }
            Self::NeighborSolicitation { reserved, target } => {
                w.put(&reserved.to_be_bytes())?;
                w.put(&target.octets())
            }
            Self::NeighborAdvertisement { flags, target } => {
                w.put(&flags.0.to_be_bytes())?;
                w.put(&target.octets())
            }
        }
    }

    /// The rules of RFC 4861, 6.1.1, 6.1.2, 7.1.1 and 7.1.2 that go beyond lengths.
    fn is_valid(&self, ip: &Ipv6Header, options: NdOptions<'_>) -> bool {
        let unspecified_is_quiet = !ip.src.is_unspecified()
            || !options
                .iter()
                .any(|o| matches!(o, NdOption::SourceLinkLayer(_)));
        match *self {
            Self::RouterSolicitation { .. } => unspecified_is_quiet,
            Self::RouterAdvertisement { .. } => ip.src.is_unicast_link_local(),
            Self::NeighborSolicitation { target, .. } => {
                !target.is_multicast()
                    && unspecified_is_quiet
                    && (!ip.src.is_unspecified() || ip.dst == solicited_node(target))
            }
            Self::NeighborAdvertisement { flags, target } => {
                let broadcast_answer = ip.dst.is_multicast() && flags.contains(NaFlags::SOLICITED);
                !target.is_multicast() && !broadcast_answer
            }
        }
    }
}

/// A neighbour discovery message in its frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NdFrame<'a> {
    /// Ethernet header.
    pub eth: EthHeader,
    /// IPv6 header.
    pub ip: Ipv6Header,
    /// Fixed part of the message.
    pub message: NdMessage,
    /// Options after it.
    pub options: NdOptions<'a>,
    /// What lies behind the IPv6 datagram.
    pub trailer: &'a [u8],
}

impl<'a> NdFrame<'a> {
    /// Asks for the Ethernet address of `target`. `options` should carry ours, see
    /// [`crate::nd_option::link_layer`].
    #[must_use]
    pub const fn solicit(
        mac: MacAddr,
        src: Ipv6Addr,
        target: Ipv6Addr,
        options: NdOptions<'a>,
    ) -> Self {
        let dst = solicited_node(target);
        Self {
            eth: EthHeader {
                dst: MacAddr::of_ipv6_multicast(dst),
                src: mac,
                vlan: None,
            },
            ip: Ipv6Header {
                traffic_class: 0,
                flow_label: 0,
                hop_limit: HOP_LIMIT,
                src,
                dst,
            },
            message: NdMessage::NeighborSolicitation {
                reserved: 0,
                target,
            },
            options,
            trailer: &[],
        }
    }

    /// Tells `dst`, at `dst_mac`, that `target` is at `mac`. `options` should carry `mac`.
    #[must_use]
    pub const fn advertise(
        mac: MacAddr,
        target: Ipv6Addr,
        dst_mac: MacAddr,
        dst: Ipv6Addr,
        flags: NaFlags,
        options: NdOptions<'a>,
    ) -> Self {
        Self {
            eth: EthHeader {
                dst: dst_mac,
                src: mac,
                vlan: None,
            },
            ip: Ipv6Header {
                traffic_class: 0,
                flow_label: 0,
                hop_limit: HOP_LIMIT,
                src: target,
                dst,
            },
            message: NdMessage::NeighborAdvertisement { flags, target },
            options,
            trailer: &[],
        }
    }

    /// # Errors
    /// Those of the Ethernet and IPv6 headers and the reasons that begin with `Nd`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let (eth, ethertype, datagram) = EthHeader::parse(bytes)?;
        if ethertype != ETHERTYPE_IPV6 {
            return Err(DropReason::NdInvalid);
        }
        let (head, payload) = Ipv6Header::check(datagram)?;
        let ip = Ipv6Header::read(head);
        if payload.protocol != PROTOCOL_ICMPV6 {
            return Err(DropReason::NdInvalid);
        }
        let mut r = Reader(payload.bytes);
        let [icmp_type, code, _, _] = *r.take::<4>().ok_or(DropReason::NdTruncated)?;
        if !NdMessage::is_nd_type(icmp_type) || code != 0 {
            return Err(DropReason::NdInvalid);
        }
        if ip.hop_limit != HOP_LIMIT {
            return Err(DropReason::NdHopLimit);
        }
        let sum = IpHeader::V6(ip).pseudo_header(PROTOCOL_ICMPV6, payload.bytes.len());
        if sum.add(payload.bytes).fold() != 0xffff {
            return Err(DropReason::NdChecksum);
        }
        let message = NdMessage::read(icmp_type, &mut r).ok_or(DropReason::NdTruncated)?;
        let options = NdOptions::parse(r.0)?;
        if !message.is_valid(&ip, options) {
            return Err(DropReason::NdInvalid);
        }
        Ok(Self {
            eth,
            ip,
            message,
            options,
            trailer: payload.trailer,
        })
    }

    /// Bytes of the frame, trailer included.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.eth.wire_len() + Ipv6Header::LEN + self.icmp_len() + self.trailer.len()
    }

    fn icmp_len(&self) -> usize {
        self.message.wire_len() + self.options.as_bytes().len()
    }

    /// Writes the frame with its checksum to the front of `out`; how many bytes.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`], [`EncodeError::PayloadTooLong`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let (needed, have) = (self.wire_len(), out.len());
        let len = self.icmp_len();
        let icmp_len = u16::try_from(len).map_err(|_| EncodeError::PayloadTooLong { len })?;
        self.write(icmp_len, out)
            .ok_or(EncodeError::BufferTooSmall { needed, have })?;
        Ok(needed)
    }

    fn write(&self, icmp_len: u16, out: &mut [u8]) -> Option<()> {
        let mut w = Writer::new(out);
        self.eth.write(ETHERTYPE_IPV6, &mut w)?;
        w.put(&self.ip.to_bytes(PROTOCOL_ICMPV6, icmp_len))?;
        w.put(&[self.message.icmp_type(), 0, 0, 0])?;
        self.message.write(&mut w)?;
        w.put(self.options.as_bytes())?;
        w.put(self.trailer)?;

        let icmp_at = self.eth.wire_len() + Ipv6Header::LEN;
        let icmp = out.get_mut(icmp_at..icmp_at + self.icmp_len())?;
        let sum = IpHeader::V6(self.ip).pseudo_header(PROTOCOL_ICMPV6, icmp.len());
        let value = sum.add(icmp).checksum();
        let head = icmp.first_chunk_mut::<4>()?;
        [head[2], head[3]] = value.to_be_bytes();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nd_option::{LinkLayerOf, link_layer};
    use std::vec::Vec;

    const MAC: MacAddr = MacAddr([2, 0, 0xa, 7, 0, 1]);

    fn addr(s: &str) -> Ipv6Addr {
        s.parse().unwrap()
    }

    fn encode(f: &NdFrame<'_>) -> Vec<u8> {
        let mut out = std::vec![0; f.wire_len()];
        assert_eq!(f.encode(&mut out), Ok(out.len()));
        out
    }

    #[test]
    fn solicitation_and_advertisement_round_trip() {
        let ours = link_layer(LinkLayerOf::Source, MAC);
        let options = NdOptions::parse(&ours).unwrap();
        let ns = NdFrame::solicit(MAC, addr("fd07::1"), addr("fd07::2"), options);
        assert_eq!(ns.eth.dst.0, [0x33, 0x33, 0xff, 0, 0, 2]);
        assert_eq!(ns.ip.dst, addr("ff02::1:ff00:2"));
        let bytes = encode(&ns);
        assert_eq!(bytes.len(), 86);
        assert_eq!(NdFrame::parse(&bytes), Ok(ns));
        assert!(ns.encode(&mut [0; 85]).is_err());

        let theirs = link_layer(LinkLayerOf::Target, MAC);
        let options = NdOptions::parse(&theirs).unwrap();
        let flags = NaFlags::SOLICITED.union(NaFlags::OVERRIDE);
        let na = NdFrame::advertise(MAC, addr("fd07::2"), MAC, addr("fd07::1"), flags, options);
        assert_eq!(NdFrame::parse(&encode(&na)), Ok(na));
    }

    #[test]
    fn one_row_for_each_rule_that_can_be_broken() {
        let none = NdOptions::default();
        let ours = link_layer(LinkLayerOf::Source, MAC);
        let with_ours = NdOptions::parse(&ours).unwrap();
        let good = NdFrame::solicit(MAC, addr("fd07::1"), addr("fd07::2"), none);
        let any = Ipv6Addr::UNSPECIFIED;
        let flags = NaFlags::SOLICITED;
        let mut routed = good;
        routed.ip.hop_limit = 254;
        let mut probe_to_host = NdFrame::solicit(MAC, any, addr("fd07::2"), none);
        assert!(NdFrame::parse(&encode(&probe_to_host)).is_ok());
        probe_to_host.ip.dst = addr("fd07::2");
        let mut router = good;
        router.message = NdMessage::RouterAdvertisement {
            hop_limit: 64,
            flags: 0,
            lifetime_s: 1800,
            reachable_ms: 0,
            retransmit_ms: 0,
        };
        let rows = [
            (routed, DropReason::NdHopLimit),
            (probe_to_host, DropReason::NdInvalid),
            (
                NdFrame::solicit(MAC, any, addr("fd07::2"), with_ours),
                DropReason::NdInvalid,
            ),
            (
                NdFrame::solicit(MAC, addr("fd07::1"), addr("ff02::5"), none),
                DropReason::NdInvalid,
            ),
            (
                NdFrame::advertise(MAC, addr("fd07::2"), MAC, ALL_NODES, flags, none),
                DropReason::NdInvalid,
            ),
            (router, DropReason::NdInvalid),
        ];
        for (frame, reason) in rows {
            assert_eq!(NdFrame::parse(&encode(&frame)), Err(reason), "{frame:?}");
        }
        let mut bytes = encode(&good);
        bytes[56] ^= 1;
        assert_eq!(NdFrame::parse(&bytes), Err(DropReason::NdChecksum));
        router.ip.src = addr("fe80::1");
        assert_eq!(NdFrame::parse(&encode(&router)), Ok(router));
    }
}
