//! What rdma_cm adds to the connection manager: IP addresses in the private data and service identifiers made of
//! ports (IBTA annex A11) `[ROCE-45]`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{Reader, Writer};
use crate::cm::ServiceId;
use crate::error::DropReason;

/// Bytes of the header at the front of the private data of a REQ or SIDR_REQ.
pub const HEADER_LEN: usize = 36;
/// Bytes of a REQ's private data that are left to the consumer.
pub const REQ_CONSUMER_LEN: usize = 56;

/// What space a port belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PortSpace {
    /// Connected: what a TCP port would be.
    Tcp,
    /// Datagrams.
    Udp,
    /// Native services.
    Ib,
    /// IP over InfiniBand.
    Ipoib,
}

impl PortSpace {
    const fn code(self) -> u16 {
        match self {
            Self::Tcp => 0x0106,
            Self::Udp => 0x0111,
            Self::Ib => 0x013f,
            Self::Ipoib => 0x0002,
        }
    }

    const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            0x0106 => Self::Tcp,
            0x0111 => Self::Udp,
            0x013f => Self::Ib,
            0x0002 => Self::Ipoib,
            _ => return None,
        })
    }
}

/// The service identifier of `port`: 00 00 00 00, the space's two bytes, the port.
#[must_use]
pub const fn service_id(space: PortSpace, port: u16) -> ServiceId {
    ServiceId((space.code() as u64) << 16 | port as u64)
}

/// Port space and port of a service identifier that rdma_cm made; `None` for any other.
#[must_use]
pub const fn port_of(id: ServiceId) -> Option<(PortSpace, u16)> {
    let [0, 0, 0, 0, s0, s1, p0, p1] = id.0.to_be_bytes() else {
        return None;
    };
    match PortSpace::from_code(u16::from_be_bytes([s0, s1])) {
        Some(space) => Some((space, u16::from_be_bytes([p0, p1]))),
        None => None,
    }
}

/// Source and destination address of a connection, of one family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IpPair {
    /// IPv4.
    V4 {
        /// Of the requester.
        src: Ipv4Addr,
        /// Of the listener.
        dst: Ipv4Addr,
    },
    /// IPv6.
    V6 {
        /// Of the requester.
        src: Ipv6Addr,
        /// Of the listener.
        dst: Ipv6Addr,
    },
}

impl IpPair {
    /// `None` when the families differ.
    #[must_use]
    pub const fn new(src: IpAddr, dst: IpAddr) -> Option<Self> {
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Some(Self::V4 { src, dst }),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Some(Self::V6 { src, dst }),
            _ => None,
        }
    }

    /// The requester's address.
    #[must_use]
    pub const fn src(&self) -> IpAddr {
        match *self {
            Self::V4 { src, .. } => IpAddr::V4(src),
            Self::V6 { src, .. } => IpAddr::V6(src),
        }
    }

    /// The listener's address.
    #[must_use]
    pub const fn dst(&self) -> IpAddr {
        match *self {
            Self::V4 { dst, .. } => IpAddr::V4(dst),
            Self::V6 { dst, .. } => IpAddr::V6(dst),
        }
    }
}

/// The header at the front of a request's private data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CmaHeader {
    /// Port that the requester connects from.
    pub src_port: u16,
    /// Addresses.
    pub addresses: IpPair,
}

impl CmaHeader {
    /// The header and the consumer's part of the private data of a REQ or SIDR_REQ. The consumer's part is zero
    /// padded: how much of it was given is not transmitted.
    ///
    /// # Errors
    /// [`DropReason::CmaVersion`] for any version but 0.0, and when the data is too short;
    /// [`DropReason::CmaIpVersion`].
    pub fn parse(private_data: &[u8]) -> Result<(Self, &[u8]), DropReason> {
        let mut r = Reader(private_data);
        let (version, ip_version, src_port, src, dst) =
            read(&mut r).ok_or(DropReason::CmaVersion)?;
        if version != 0 {
            return Err(DropReason::CmaVersion);
        }
        let addresses = match ip_version >> 4 {
            4 => IpPair::V4 {
                src: ipv4_of(src),
                dst: ipv4_of(dst),
            },
            6 => IpPair::V6 {
                src: (*src).into(),
                dst: (*dst).into(),
            },
            _ => return Err(DropReason::CmaIpVersion),
        };
        Ok((
            Self {
                src_port,
                addresses,
            },
            r.0,
        ))
    }

    /// Private data of `N` bytes: the header, then `consumer`, then zeros. `None` when that does not fit.
    #[must_use]
    pub fn private_data<const N: usize>(&self, consumer: &[u8]) -> Option<[u8; N]> {
        let mut out = [0; N];
        let mut w = Writer::new(&mut out);
        let (version, src, dst) = match self.addresses {
            IpPair::V4 { src, dst } => (0x40, in_last_four(src), in_last_four(dst)),
            IpPair::V6 { src, dst } => (0x60, src.octets(), dst.octets()),
        };
        w.put(&[0, version])?;
        w.put(&self.src_port.to_be_bytes())?;
        w.put(&src)?;
        w.put(&dst)?;
        w.put(consumer)?;
        Some(out)
    }
}

type Parts<'a> = (u8, u8, u16, &'a [u8; 16], &'a [u8; 16]);

fn read<'a>(r: &mut Reader<'a>) -> Option<Parts<'a>> {
    Some((r.u8()?, r.u8()?, r.u16()?, r.take()?, r.take()?))
}

/// The first twelve bytes are not looked at, as Linux does not look at them.
fn ipv4_of(field: &[u8; 16]) -> Ipv4Addr {
    let [.., a, b, c, d] = *field;
    Ipv4Addr::new(a, b, c, d)
}

fn in_last_four(a: Ipv4Addr) -> [u8; 16] {
    let [b0, b1, b2, b3] = a.octets();
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b0, b1, b2, b3]
}

#[cfg(test)]
mod tests {
    use super::*;

    // [ROCE-45]
    #[test]
    fn service_ids() {
        assert_eq!(service_id(PortSpace::Tcp, 445).0, 0x0106_01bd);
        assert_eq!(port_of(ServiceId(0x0106_01bd)), Some((PortSpace::Tcp, 445)));
        for space in [
            PortSpace::Tcp,
            PortSpace::Udp,
            PortSpace::Ib,
            PortSpace::Ipoib,
        ] {
            assert_eq!(port_of(service_id(space, 7)), Some((space, 7)));
        }
        assert_eq!(port_of(ServiceId(0x1_0106_01bd)), None);
        assert_eq!(port_of(ServiceId(0x0107_01bd)), None);
    }

    // [ROCE-45]
    #[test]
    fn both_families_round_trip() {
        let v4 = IpPair::new("10.7.0.2".parse().unwrap(), "10.7.0.1".parse().unwrap()).unwrap();
        let v6 = IpPair::new("fd07::2".parse().unwrap(), "fd07::1".parse().unwrap()).unwrap();
        assert_eq!(IpPair::new(v4.src(), v6.dst()), None);
        for addresses in [v4, v6] {
            let h = CmaHeader {
                src_port: 59813,
                addresses,
            };
            let data: [u8; 92] = h.private_data(b"hello").unwrap();
            let (back, consumer) = CmaHeader::parse(&data).unwrap();
            assert_eq!((back, consumer.len()), (h, REQ_CONSUMER_LEN));
            assert_eq!(consumer[..6], *b"hello\0");
            assert_eq!(h.private_data::<92>(&[0; 57]), None);
        }
    }

    #[test]
    fn one_row_for_each_way_to_be_wrong() {
        let mut data = [0; 92];
        data[1] = 0x40;
        assert!(CmaHeader::parse(&data).is_ok());
        assert_eq!(CmaHeader::parse(&data[..35]), Err(DropReason::CmaVersion));
        data[1] = 0x50;
        assert_eq!(CmaHeader::parse(&data), Err(DropReason::CmaIpVersion));
        data[0] = 0x10;
        assert_eq!(CmaHeader::parse(&data), Err(DropReason::CmaVersion));
    }
}
