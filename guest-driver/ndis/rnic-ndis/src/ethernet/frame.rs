//! What the driver reads of frames, and the header before each (VIRTIO 1.2, 5.1.6).

use rnic_abi::RssTypes;

/// Bytes of `virtio_net_hdr`, with `num_buffers`. [ETH-1]
pub const HEADER: usize = 12;
/// VIRTIO_NET_HDR_F_NEEDS_CSUM.
const NEEDS_CHECKSUM: u8 = 1;
/// VIRTIO_NET_HDR_F_DATA_VALID.
const DATA_VALID: u8 = 2;
/// VIRTIO_NET_HDR_GSO_TCPV4 and VIRTIO_NET_HDR_GSO_TCPV6.
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;

/// Ethernet header without tag (IEEE 802.3, 3.2).
pub const ETHERNET: usize = 14;
/// Tag protocol identifier of IEEE 802.1Q, 9.6.
const VLAN: u16 = 0x8100;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Where checksums lie in TCP (RFC 9293, 3.1) and UDP (RFC 768).
const TCP_CHECKSUM: u16 = 16;
const UDP_CHECKSUM: u16 = 6;

/// Whether a received frame's checksums are known good.
pub fn is_verified(header: &[u8; HEADER]) -> bool {
    header[0] & DATA_VALID != 0
}

/// Layer 4 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Where things lie in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// IPv6, not IPv4.
    pub v6: bool,
    /// Start of the IP header.
    pub ip: usize,
    /// TCP or UDP directly in an unfragmented packet, and where its header starts.
    pub transport: Option<(Protocol, usize)>,
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b: &[u8; 2]| u16::from_be_bytes(*b))
}

impl Layout {
    /// Looks at the beginning of a frame; none if it is not IP. IPv6 extension headers are not followed.
    pub fn of(head: &[u8]) -> Option<Self> {
        let (mut kind, mut ip) = (be16(head, 12)?, ETHERNET);
        if kind == VLAN {
            (kind, ip) = (be16(head, 16)?, ETHERNET + 4);
        }
        let first = *head.get(ip)?;
        let (v6, protocol, at) = match (kind, first >> 4) {
            (IPV4, 4) => {
                // More fragments, or not the first one: no ports to see.
                let fragment = be16(head, ip + 6)? & 0x3FFF != 0;
                let protocol = if fragment { 0 } else { *head.get(ip + 9)? };
                (false, protocol, ip + usize::from(first & 0xF) * 4)
            }
            (IPV6, 6) => (true, *head.get(ip + 6)?, ip + 40),
            _ => return None,
        };
        let transport = match protocol {
            TCP => Some((Protocol::Tcp, at)),
            UDP => Some((Protocol::Udp, at)),
            _ => None,
        };
        Some(Self { v6, ip, transport })
    }
}

/// What a packet asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Fill in TCP's checksum.
    pub tcp_checksum: bool,
    /// Fill in UDP's.
    pub udp_checksum: bool,
    /// Most payload of a segment; none: do not cut.
    pub segment: Option<u16>,
    /// It is to be cut as IPv6, not as IPv4.
    pub segment_v6: bool,
    /// Where the protocol stack says that the TCP header starts; 0: it does not say.
    pub transport_at: usize,
}

impl Request {
    /// From NetBufferListInfo's TcpIpChecksumNetBufferListInfo and TcpLargeSendNetBufferListInfo.
    pub fn from_info(checksum: usize, large_send: usize) -> Self {
        let bit = |n: u32| checksum >> n & 1 != 0;
        let checksum_wanted = bit(0) || bit(1);
        // MSS in bits 0-19, TcpHeaderOffset in 20-29.
        let mss = u16::try_from(large_send & 0xF_FFFF).unwrap_or(0);
        let segment = (mss != 0).then_some(mss);
        let transport_at = if segment.is_some() {
            large_send >> 20 & 0x3FF
        } else if bit(2) {
            checksum >> 16 & 0x3FF
        } else {
            // The offset is that of a TCP header; for UDP it is not set.
            0
        };
        Self {
            tcp_checksum: checksum_wanted && bit(2),
            udp_checksum: checksum_wanted && bit(3),
            segment,
            // IPVersion.
            segment_v6: large_send >> 31 & 1 != 0,
            transport_at,
        }
    }

    /// Whether the frame's headers must be read.
    pub fn is_any(&self) -> bool {
        self.tcp_checksum || self.udp_checksum || self.segment.is_some()
    }
}

/// Why a packet cannot be sent as it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsendable;

/// The beginning of a frame as it is sent: the device's header, then copied and changed bytes of the frame.
pub struct Head {
    bytes: [u8; Head::ROOM],
    used: usize,
    /// Bytes of the frame that are not sent from its own memory.
    pub replaces: usize,
}

impl Head {
    /// Bytes that a head takes at most.
    pub const ROOM: usize = 256;

    /// For a frame of `length` bytes that begins with `head` (all of it, or [`Head::ROOM`] bytes). `tag` is inserted.
    pub fn build(
        head: &[u8],
        length: usize,
        request: &Request,
        tag: Option<u16>,
    ) -> Result<Self, Unsendable> {
        let mut this = Self {
            bytes: [0; Self::ROOM],
            used: HEADER,
            replaces: 0,
        };
        let added = if tag.is_some() { 4 } else { 0 };
        let mut header = [0u8; HEADER];
        if request.is_any() {
            let layout = Layout::of(head).ok_or(Unsendable)?;
            let at = if request.transport_at != 0 {
                request.transport_at
            } else {
                layout.transport.ok_or(Unsendable)?.1
            };
            let field = if request.udp_checksum {
                UDP_CHECKSUM
            } else {
                TCP_CHECKSUM
            };
            let start = u16::try_from(at + added).map_err(|_| Unsendable)?;
            header[0] = NEEDS_CHECKSUM;
            put16(&mut header, 6, start);
            put16(&mut header, 8, field);
            if let Some(size) = request.segment {
                // Data offset of TCP, in words.
                let words = head.get(at + 12).ok_or(Unsendable)? >> 4;
                let headers = at + usize::from(words) * 4;
                if headers >= length {
                    return Err(Unsendable);
                }
                header[1] = if layout.v6 { GSO_TCPV6 } else { GSO_TCPV4 };
                let all = u16::try_from(headers + added).map_err(|_| Unsendable)?;
                put16(&mut header, 2, all);
                put16(&mut header, 4, size);
                this.copy(head, headers, tag)?;
                this.set_ip_length(&layout, added, length)?;
            }
        }
        if tag.is_some() && this.replaces == 0 {
            // The two addresses; what follows them stays where it is.
            this.copy(head, 12, tag)?;
        }
        put(&mut this.bytes, 0, &header)?;
        Ok(this)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or(&[])
    }

    /// Copies the first bytes of the frame, with a tag after its addresses.
    fn copy(&mut self, head: &[u8], bytes: usize, tag: Option<u16>) -> Result<(), Unsendable> {
        let (addresses, rest) = head
            .get(..bytes)
            .and_then(|head| head.split_at_checked(12))
            .ok_or(Unsendable)?;
        self.append(addresses)?;
        if let Some(tag) = tag {
            let [a, b] = VLAN.to_be_bytes();
            let [c, d] = tag.to_be_bytes();
            self.append(&[a, b, c, d])?;
        }
        self.append(rest)?;
        self.replaces = bytes;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Unsendable> {
        put(&mut self.bytes, self.used, bytes)?;
        self.used += bytes.len();
        Ok(())
    }

    /// Windows leaves the length of a packet to be cut open; the device checks it.
    fn set_ip_length(
        &mut self,
        layout: &Layout,
        added: usize,
        length: usize,
    ) -> Result<(), Unsendable> {
        let packet = length - layout.ip;
        let (at, value) = if layout.v6 {
            (4, packet.checked_sub(40).ok_or(Unsendable)?)
        } else {
            (2, packet)
        };
        let value = u16::try_from(value).map_err(|_| Unsendable)?;
        put(
            &mut self.bytes,
            HEADER + layout.ip + added + at,
            &value.to_be_bytes(),
        )
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Result<(), Unsendable> {
    bytes
        .get_mut(at..at + value.len())
        .ok_or(Unsendable)?
        .copy_from_slice(value);
    Ok(())
}

fn put16(header: &mut [u8; HEADER], at: usize, value: u16) {
    let [low, high] = value.to_le_bytes();
    if let [a, b] = &mut header[at..at + 2] {
        (*a, *b) = (low, high);
    }
}

/// The tag of a received frame (IEEE 802.1Q: priority, CFI, VLAN identifier), if it has one.
pub fn tag(head: &[u8]) -> Option<u16> {
    (be16(head, 12)? == VLAN).then(|| be16(head, 14)).flatten()
}

/// Which parts of a tag Windows and the card tell each other beside the frame. (*PriorityVLANTag)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags {
    /// Its priority.
    pub priority: bool,
    /// Its VLAN.
    pub vlan: bool,
}

impl Tags {
    /// By the keyword's value: bit 0 priority, bit 1 VLAN.
    #[must_use]
    pub const fn of(value: u32) -> Self {
        Self {
            priority: value & 1 != 0,
            vlan: value & 2 != 0,
        }
    }

    /// NDIS_NET_BUFFER_LIST_8021Q_INFO without the parts that are not told.
    #[must_use]
    pub const fn told(self, info: usize) -> usize {
        let priority = if self.priority { 0xF } else { 0 };
        let vlan = if self.vlan { 0xFFF0 } else { 0 };
        info & (priority | vlan)
    }
}

/// A tag from NDIS_NET_BUFFER_LIST_8021Q_INFO: UserPriority in bits 0-2, CanonicalFormatId in 3, VlanId in 4-15.
pub fn tag_from_info(info: usize) -> u16 {
    let priority = info & 7;
    let canonical = info >> 3 & 1;
    let vlan = info >> 4 & 0xFFF;
    u16::try_from(priority << 13 | canonical << 12 | vlan).unwrap_or(0)
}

/// The other way.
pub fn info_from_tag(tag: u16) -> usize {
    let tag = usize::from(tag);
    tag >> 13 & 7 | (tag >> 12 & 1) << 3 | (tag & 0xFFF) << 4
}

/// What kind of destination a frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// One station.
    Unicast,
    /// A group.
    Multicast,
    /// All.
    Broadcast,
}

/// By the first bytes of a frame.
pub fn cast(head: &[u8]) -> Cast {
    match head {
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, ..] => Cast::Broadcast,
        [first, ..] if first & 1 != 0 => Cast::Multicast,
        _ => Cast::Unicast,
    }
}

/// Toeplitz hash as NDIS defines it, over addresses and, where `types` has them, ports. With the NDIS_HASH type that
/// was used: IPv4 0x100, TCP_IPV4 0x200, IPV6 0x400, TCP_IPV6 0x1000.
pub fn hash(key: &[u8; 40], types: RssTypes, head: &[u8]) -> Option<(u32, u32)> {
    let layout = Layout::of(head)?;
    let addresses = if layout.v6 {
        head.get(layout.ip + 8..layout.ip + 40)?
    } else {
        head.get(layout.ip + 12..layout.ip + 20)?
    };
    let (all, with_ports, kind, kind_with_ports) = if layout.v6 {
        (RssTypes::IPV6, RssTypes::TCP_IPV6, 0x400, 0x1000)
    } else {
        (RssTypes::IPV4, RssTypes::TCP_IPV4, 0x100, 0x200)
    };
    if types.contains(with_ports)
        && let Some((Protocol::Tcp, at)) = layout.transport
    {
        let ports = head.get(at..at + 4)?;
        return Some((toeplitz(key, addresses, ports), kind_with_ports));
    }
    types
        .contains(all)
        .then(|| (toeplitz(key, addresses, &[]), kind))
}

fn toeplitz(key: &[u8; 40], a: &[u8], b: &[u8]) -> u32 {
    let mut window = key
        .first_chunk()
        .map_or(0, |b: &[u8; 4]| u32::from_be_bytes(*b));
    let mut following = key.iter().skip(4);
    let mut result = 0;
    for byte in a.iter().chain(b) {
        let next = *following.next().unwrap_or(&0);
        for bit in (0..8).rev() {
            if byte >> bit & 1 != 0 {
                result ^= window;
            }
            window = window << 1 | u32::from(next >> bit & 1);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;
    use std::vec::Vec;

    fn tcp4(total: u16) -> Vec<u8> {
        let mut frame = vec![0u8; 14 + 20 + 20 + 100];
        frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame[12..14].copy_from_slice(&IPV4.to_be_bytes());
        frame[14] = 0x45;
        frame[16..18].copy_from_slice(&total.to_be_bytes());
        frame[23] = TCP;
        frame[34 + 12] = 5 << 4;
        frame
    }

    #[test]
    fn a_plain_frame_keeps_its_own_bytes() {
        let frame = tcp4(140);
        let head = Head::build(&frame, frame.len(), &Request::default(), None).unwrap();
        assert_eq!((head.bytes(), head.replaces), (&[0u8; 12][..], 0));
    }

    #[test]
    fn a_checksum_is_asked_for_where_the_header_is() {
        let frame = tcp4(140);
        let request = Request::from_info(0b101, 0);
        let head = Head::build(&frame, frame.len(), &request, None).unwrap();
        assert_eq!(head.bytes(), &[1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0]);
    }

    #[test]
    fn udp_is_checksummed_at_its_own_field() {
        let mut frame = tcp4(140);
        frame[23] = UDP;
        // TcpHeaderOffset is not UDP's.
        let request = Request::from_info(0b1001 | 77 << 16, 0);
        let head = Head::build(&frame, frame.len(), &request, None).unwrap();
        assert_eq!(&head.bytes()[6..10], &[34, 0, 6, 0]);
    }

    #[test]
    fn a_tag_goes_between_addresses_and_type_and_moves_the_checksum() {
        let frame = tcp4(140);
        let request = Request::from_info(0b101, 0);
        let head = Head::build(&frame, frame.len(), &request, Some(0x6005)).unwrap();
        assert_eq!(head.replaces, 12);
        assert_eq!(&head.bytes()[12..24], &frame[..12]);
        assert_eq!(&head.bytes()[24..], &[0x81, 0, 0x60, 5]);
        assert_eq!(head.bytes()[6], 38);
    }

    #[test]
    fn a_large_send_carries_its_headers_with_the_length_filled_in() {
        let frame = tcp4(0);
        let request = Request::from_info(0, 1 << 30 | 34 << 20 | 1460);
        let head = Head::build(&frame, frame.len(), &request, Some(7)).unwrap();
        assert_eq!(head.replaces, 54);
        assert_eq!(head.bytes().len(), 12 + 54 + 4);
        assert_eq!(head.bytes()[1], GSO_TCPV4);
        assert_eq!(&head.bytes()[2..6], &[58, 0, 0xB4, 5]);
        let total = u16::from_be_bytes([head.bytes()[12 + 20], head.bytes()[12 + 21]]);
        assert_eq!(usize::from(total), frame.len() - 14);
    }

    #[test]
    fn a_large_send_without_payload_or_header_is_refused() {
        let frame = tcp4(0);
        let request = Request::from_info(0, 34 << 20 | 1460);
        assert!(Head::build(&frame[..54], 54, &request, None).is_err());
        assert!(Head::build(&frame[..40], 154, &request, None).is_err());
        let udp_where_nothing_is = Request::from_info(0b1001, 0);
        assert!(Head::build(&[0; 60], 60, &udp_where_nothing_is, None).is_err());
    }

    #[test]
    fn tags_survive_the_way_to_ndis_and_back() {
        for tag in [0u16, 1, 0xFFF, 0xE005, 0x1FFF, 0xFFFF] {
            assert_eq!(tag_from_info(info_from_tag(tag)), tag);
        }
        let mut frame = tcp4(0);
        assert_eq!(super::tag(&frame), None);
        frame[12..16].copy_from_slice(&[0x81, 0, 0x20, 9]);
        assert_eq!(super::tag(&frame), Some(0x2009));
    }

    /// Values of "Verifying the RSS Hash Calculation" in Microsoft's driver documentation.
    #[test]
    fn hashes_are_those_of_the_documentation() {
        const KEY: [u8; 40] = [
            0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
            0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
            0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
        ];
        // Source 66.9.149.187:2794 to 161.142.100.80:1766.
        let mut frame = tcp4(140);
        frame[26..30].copy_from_slice(&[66, 9, 149, 187]);
        frame[30..34].copy_from_slice(&[161, 142, 100, 80]);
        frame[34..36].copy_from_slice(&2794u16.to_be_bytes());
        frame[36..38].copy_from_slice(&1766u16.to_be_bytes());
        let both = RssTypes(RssTypes::IPV4.0 | RssTypes::TCP_IPV4.0);
        assert_eq!(hash(&KEY, both, &frame), Some((0x51cc_c178, 0x200)));
        assert_eq!(
            hash(&KEY, RssTypes::IPV4, &frame),
            Some((0x323e_8fc2, 0x100))
        );
        assert_eq!(hash(&KEY, RssTypes::IPV6, &frame), None);
    }
}
