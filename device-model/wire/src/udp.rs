//! UDP header (RFC 768) and how RoCEv2 uses its ports (IBTA annex A17.4.5.3).

use crate::error::DropReason;
use crate::number::Qpn;

/// Destination port of RoCEv2.
pub const ROCE_PORT: u16 = 4791;

/// Source port of the frames that Linux sends from QP1.
pub const LINUX_GSI_SOURCE_PORT: u16 = 55410;

/// Whether the sender computed a checksum. RoCEv2 relies on the ICRC, so zero is accepted for IPv6 too `[ROCE-22]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum UdpChecksum {
    /// Field is zero.
    #[default]
    Absent,
    /// Field is the checksum.
    Present,
}

/// UDP header of a RoCEv2 frame without what follows from the rest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UdpHeader {
    /// Source port: entropy for the network; a receiver does not match on it.
    pub src_port: u16,
    /// Whether there is a checksum.
    pub checksum: UdpChecksum,
}

/// A UDP header as it stands in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RawUdp {
    pub src_port: u16,
    pub checksum: u16,
}

impl UdpHeader {
    /// Bytes on the wire.
    pub const LEN: usize = 8;

    /// A header without a checksum.
    #[must_use]
    pub const fn new(src_port: u16) -> Self {
        Self {
            src_port,
            checksum: UdpChecksum::Absent,
        }
    }

    /// Header and payload of an IP payload.
    #[inline]
    pub(crate) fn parse(ip_payload: &[u8]) -> Result<(RawUdp, &[u8]), DropReason> {
        let (head, rest) = ip_payload
            .split_first_chunk::<{ Self::LEN }>()
            .ok_or(DropReason::UdpTruncated)?;
        let [s0, s1, _, _, l0, l1, c0, c1] = *head;
        if usize::from(u16::from_be_bytes([l0, l1])) != ip_payload.len() {
            return Err(DropReason::UdpLength);
        }
        let raw = RawUdp {
            src_port: u16::from_be_bytes([s0, s1]),
            checksum: u16::from_be_bytes([c0, c1]),
        };
        Ok((raw, rest))
    }

    /// Destination port of an IP payload that may be UDP.
    #[inline]
    pub(crate) fn peek_dst_port(ip_payload: &[u8]) -> Option<u16> {
        let [_, _, d0, d1] = *ip_payload.first_chunk::<4>()?;
        Some(u16::from_be_bytes([d0, d1]))
    }

    /// The header with a zero checksum; `len` counts the header.
    #[inline]
    pub(crate) fn to_bytes(self, len: u16) -> [u8; Self::LEN] {
        let [s0, s1] = self.src_port.to_be_bytes();
        let [d0, d1] = ROCE_PORT.to_be_bytes();
        let [l0, l1] = len.to_be_bytes();
        [s0, s1, d0, d1, l0, l1, 0, 0]
    }
}

/// The source port of a flow label: its low 14 bits with its high 6 folded in, from 0xc000 up `[ROCE-27]`.
#[must_use]
pub fn source_port_of_flow_label(flow_label: u32) -> u16 {
    let label = flow_label & 0xf_ffff;
    let folded = (label & 0x3fff) ^ (label >> 14);
    let [_, _, high, low] = folded.to_be_bytes();
    0xc000 | u16::from_be_bytes([high, low])
}

/// The flow label of a connection that was given none: the same from both ends.
#[must_use]
pub fn flow_label_of_qpns(a: Qpn, b: Qpn) -> u32 {
    let mut v = u64::from(a.get()) * u64::from(b.get());
    v ^= v >> 20;
    v ^= v >> 40;
    let [_, _, _, _, _, high, mid, low] = v.to_be_bytes();
    u32::from_be_bytes([0, high & 0x0f, mid, low])
}

/// The flow label that rdma_cm gives a connection between two ports of its port space.
#[must_use]
pub fn flow_label_of_ports(src_port: u16, dst_port: u16) -> u32 {
    (u32::from(src_port) * 31 + u32::from(dst_port)) & 0xf_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    // [ROCE-27]
    #[test]
    fn ports_as_seen_from_a_linux_peer() {
        let label = flow_label_of_ports(59813, 445);
        assert_eq!(label, 0xc_4cb8);
        assert_eq!(source_port_of_flow_label(label), 52361);
        let (a, b) = (Qpn::truncate(0x11), Qpn::truncate(0xabcdef));
        assert_eq!(flow_label_of_qpns(a, b), flow_label_of_qpns(b, a));
        assert!(flow_label_of_qpns(Qpn::MULTICAST, Qpn::MULTICAST) <= 0xf_ffff);
    }

    #[test]
    fn length_must_be_the_ip_payload() {
        let bytes = UdpHeader::new(1).to_bytes(10);
        assert_eq!(UdpHeader::parse(&bytes), Err(DropReason::UdpLength));
        assert_eq!(UdpHeader::parse(&bytes[..7]), Err(DropReason::UdpTruncated));
        let mut two = bytes.to_vec();
        two.extend([0; 2]);
        assert!(UdpHeader::parse(&two).is_ok());
        two.push(0);
        assert_eq!(UdpHeader::parse(&two), Err(DropReason::UdpLength));
    }
}
