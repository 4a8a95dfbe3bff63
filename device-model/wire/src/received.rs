//! Sorting what a port receives: RoCEv2, address resolution, and what is for the guest's own stack.

use crate::arp::ArpFrame;
use crate::error::DropReason;
use crate::eth::{ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthHeader};
use crate::frame::Frame;
use crate::ip::{PROTOCOL_ICMPV6, PROTOCOL_UDP};
use crate::ipv4::Ipv4Header;
use crate::ipv6::Ipv6Header;
use crate::nd::{NdFrame, NdMessage};
use crate::udp::{ROCE_PORT, UdpHeader};

/// Whose a frame is, from its outermost headers alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// UDP to port 4791 over IPv4 or IPv6.
    Roce,
    /// ARP.
    Arp,
    /// ICMPv6 of a neighbour discovery type.
    NeighborDiscovery,
    /// UDP to another port.
    Udp {
        /// Destination port.
        dst_port: u16,
    },
    /// ICMPv6 of another type.
    Icmpv6 {
        /// ICMPv6 type.
        icmp_type: u8,
    },
    /// Another IP protocol or IPv6 extension header, by number.
    Ip {
        /// 4 or 6.
        version: u8,
        /// Protocol or next header.
        protocol: u8,
    },
    /// IP whose transport header is not to be seen: cut short, or not in this fragment.
    IpOpaque {
        /// 4 or 6.
        version: u8,
    },
    /// Another EtherType.
    Ethertype(u16),
}

/// Whose a frame is. Nothing is checked but what it takes to know that.
///
/// # Errors
/// [`DropReason::EthernetTruncated`].
#[inline]
pub fn classify(frame: &[u8]) -> Result<Protocol, DropReason> {
    let (_, ethertype, rest) = EthHeader::parse(frame)?;
    let (version, seen) = match ethertype {
        ETHERTYPE_IPV4 => (4, Ipv4Header::peek(rest)),
        ETHERTYPE_IPV6 => (6, Ipv6Header::peek(rest)),
        ETHERTYPE_ARP => return Ok(Protocol::Arp),
        other => return Ok(Protocol::Ethertype(other)),
    };
    let opaque = Protocol::IpOpaque { version };
    let Some((protocol, payload)) = seen else {
        return Ok(opaque);
    };
    Ok(match (protocol, version) {
        (PROTOCOL_UDP, _) => match UdpHeader::peek_dst_port(payload) {
            Some(ROCE_PORT) => Protocol::Roce,
            Some(dst_port) => Protocol::Udp { dst_port },
            None => opaque,
        },
        (PROTOCOL_ICMPV6, 6) => match payload.first() {
            Some(&t) if NdMessage::is_nd_type(t) => Protocol::NeighborDiscovery,
            Some(&icmp_type) => Protocol::Icmpv6 { icmp_type },
            None => opaque,
        },
        _ => Protocol::Ip { version, protocol },
    })
}

/// A received frame, parsed as far as this crate goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Received<'a> {
    /// RoCEv2 with a right ICRC.
    Roce(Frame<'a>),
    /// ARP for IPv4.
    Arp(ArpFrame<'a>),
    /// Neighbour discovery.
    NeighborDiscovery(NdFrame<'a>),
    /// Anything else: for the guest's stack.
    Other(Protocol),
}

impl<'a> Received<'a> {
    /// # Errors
    /// Why a frame that claims to be one of the first three is refused.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Result<Self, DropReason> {
        Ok(match classify(frame)? {
            Protocol::Roce => Self::Roce(Frame::parse(frame)?),
            Protocol::Arp => Self::Arp(ArpFrame::parse(frame)?),
            Protocol::NeighborDiscovery => Self::NeighborDiscovery(NdFrame::parse(frame)?),
            other => Self::Other(other),
        })
    }
}
