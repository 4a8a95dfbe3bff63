//! Where the headers of a frame lie. Nothing is judged but what it takes to find them.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of an Ethernet header without a tag.
pub(super) const ETHERNET_BYTES: usize = 14;
/// TCP, as IP numbers it.
pub(super) const TCP: u8 = 6;
/// UDP, as IP numbers it.
pub(super) const UDP: u8 = 17;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// IEEE 802.1Q customer and service tags.
const TAGS: [u16; 2] = [0x8100, 0x88a8];
/// Tags that are looked behind.
const MAX_TAGS: usize = 2;
const IPV4_BYTES: usize = 20;
const IPV6_BYTES: usize = 40;
/// IPv6 extension headers that are looked behind.
const MAX_EXTENSIONS: usize = 8;
const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// Version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Source and destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

/// The IP packet in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// Where its header begins.
    pub at: usize,
    /// Where its payload begins, behind options and extension headers.
    pub payload_at: usize,
    /// Where it ends by its own length, which may be past the frame.
    pub end: usize,
    pub addresses: Addresses,
    /// What the payload is; none for a fragment, and where an extension header hides it.
    pub protocol: Option<u8>,
}

impl Packet {
    /// The packet in a frame, behind up to two tags; none when there is none or its header is
    /// cut short.
    pub(super) fn find(frame: &[u8]) -> Option<Self> {
        let mut at = ETHERNET_BYTES;
        for _ in 0..=MAX_TAGS {
            match be16(frame, at.checked_sub(2)?)? {
                ETHERTYPE_IPV4 => return Self::v4(frame, at),
                ETHERTYPE_IPV6 => return Self::v6(frame, at),
                tag if TAGS.contains(&tag) => at += 4,
                _ => return None,
            }
        }
        None
    }

    pub(super) const fn family(&self) -> Family {
        match self.addresses {
            Addresses::V4(..) => Family::V4,
            Addresses::V6(..) => Family::V6,
        }
    }

    /// RFC 791, 3.1.
    fn v4(frame: &[u8], at: usize) -> Option<Self> {
        let head: &[u8; IPV4_BYTES] = frame.get(at..)?.first_chunk()?;
        let [
            vihl,
            _,
            l0,
            l1,
            _,
            _,
            f0,
            f1,
            _,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = *head;
        let header = usize::from(vihl & 0xf) * 4;
        if vihl >> 4 != 4 || header < IPV4_BYTES || at + header > frame.len() {
            return None;
        }
        let fragment = u16::from_be_bytes([f0, f1]) & 0x3fff != 0;
        Some(Self {
            at,
            payload_at: at + header,
            end: at + usize::from(u16::from_be_bytes([l0, l1])),
            addresses: Addresses::V4([s0, s1, s2, s3].into(), [d0, d1, d2, d3].into()),
            protocol: (!fragment).then_some(protocol),
        })
    }

    /// RFC 8200, 3 and 4. A routing header hides what is behind it: the checksums there are over
    /// another destination.
    fn v6(frame: &[u8], at: usize) -> Option<Self> {
        let head: &[u8; IPV6_BYTES] = frame.get(at..)?.first_chunk()?;
        let (fixed, addresses) = head.split_first_chunk::<8>()?;
        let [v0, _, _, _, l0, l1, first, _] = *fixed;
        let (source, destination) = addresses.split_first_chunk::<16>()?;
        let destination: &[u8; 16] = destination.first_chunk()?;
        if v0 >> 4 != 6 {
            return None;
        }
        let mut payload_at = at + IPV6_BYTES;
        let mut next = first;
        let mut protocol = None;
        for _ in 0..=MAX_EXTENSIONS {
            match next {
                HOP_BY_HOP | DESTINATION_OPTIONS => {
                    let Some(&[following, words]) =
                        frame.get(payload_at..).and_then(|rest| rest.first_chunk())
                    else {
                        break;
                    };
                    payload_at += (usize::from(words) + 1) * 8;
                    next = following;
                }
                FRAGMENT => break,
                other => {
                    protocol = (payload_at <= frame.len()).then_some(other);
                    break;
                }
            }
        }
        Some(Self {
            at,
            payload_at,
            end: at + IPV6_BYTES + usize::from(u16::from_be_bytes([l0, l1])),
            addresses: Addresses::V6((*source).into(), (*destination).into()),
            protocol,
        })
    }
}

/// The big-endian 16 bits at `at`.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let raw: &[u8; 2] = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*raw))
}

/// The big-endian 32 bits at `at`.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let raw: &[u8; 4] = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*raw))
}

/// Writes `value` at `at`; none when it does not fit.
pub(super) fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    let to = bytes.get_mut(at..)?.get_mut(..value.len())?;
    to.copy_from_slice(value);
    Some(())
}
