//! Names that the wire gives to things: queue pairs, keys, partitions, ports.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Queue pair number, 24 bits (IBTA vol. 1, 9.2.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Qpn(u32);

impl Qpn {
    /// QP0, subnet management; RoCE has none and drops what is addressed to it.
    pub const SMI: Self = Self(0);
    /// QP1, the general services interface: connection management.
    pub const GSI: Self = Self(1);
    /// The destination of multicast datagrams.
    pub const MULTICAST: Self = Self(0xff_ffff);

    /// `None` when `value` needs more than 24 bits.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        if value <= 0xff_ffff {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The low 24 bits of `value`.
    #[must_use]
    pub const fn truncate(value: u32) -> Self {
        Self(value & 0xff_ffff)
    }

    /// The number, below 2^24.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// From three bytes, most significant first.
    #[must_use]
    pub const fn from_be_bytes(b: [u8; 3]) -> Self {
        Self(u32::from_be_bytes([0, b[0], b[1], b[2]]))
    }

    /// Three bytes, most significant first.
    #[must_use]
    pub const fn to_be_bytes(self) -> [u8; 3] {
        let b = self.0.to_be_bytes();
        [b[1], b[2], b[3]]
    }
}

impl fmt::Debug for Qpn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Qpn({:#x})", self.0)
    }
}

impl fmt::Display for Qpn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}", self.0)
    }
}

macro_rules! plain_number {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $format:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number itself.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(0x", $format, ")"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }
    };
}

plain_number! {
    /// Key by which a peer names a memory region or window (RETH, AtomicETH, IETH; IBTA vol. 1, 9.3.3).
    RKey, u32, "{:08x}"
}
plain_number! {
    /// Queue key of a datagram queue pair (DETH; IBTA vol. 1, 9.3.2).
    QKey, u32, "{:08x}"
}
plain_number! {
    /// Partition key (IBTA vol. 1, 10.9): 15 bits of partition, bit 15 set for a full member.
    PKey, u16, "{:04x}"
}

impl QKey {
    /// The well-known key of QP1 (IBTA vol. 1, 10.2.5).
    pub const GSI: Self = Self(0x8001_0000);
    /// What rdma_cm gives the datagram queue pairs of its UDP port space.
    pub const RDMA_UDP: Self = Self(0x0123_4567);
}

impl PKey {
    /// The default partition, full member: the only one a RoCE port has.
    pub const DEFAULT: Self = Self(0xffff);

    /// Whether a packet with key `other` may enter a port with this key: same partition, not the
    /// invalid one, and at least one of the two a full member (IBTA vol. 1, 10.9.3).
    #[must_use]
    pub const fn matches(self, other: Self) -> bool {
        let base = self.0 & 0x7fff;
        base == other.0 & 0x7fff && base != 0 && (self.0 | other.0) & 0x8000 != 0
    }
}

/// Global identifier: an IPv6 address, or an IPv4 one mapped into IPv6 (IBTA annex A17.4.5.2) `[ROCE-24]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Gid(pub [u8; 16]);

impl Gid {
    /// No address.
    pub const UNSPECIFIED: Self = Self([0; 16]);

    /// The IP address that this identifier stands for.
    #[must_use]
    pub fn to_ip(self) -> IpAddr {
        let v6 = Ipv6Addr::from(self.0);
        v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
    }
}

impl From<Ipv4Addr> for Gid {
    fn from(a: Ipv4Addr) -> Self {
        Self(a.to_ipv6_mapped().octets())
    }
}

impl From<Ipv6Addr> for Gid {
    fn from(a: Ipv6Addr) -> Self {
        Self(a.octets())
    }
}

impl From<IpAddr> for Gid {
    fn from(a: IpAddr) -> Self {
        match a {
            IpAddr::V4(a) => a.into(),
            IpAddr::V6(a) => a.into(),
        }
    }
}

impl fmt::Debug for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gid({})", Ipv6Addr::from(self.0))
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Ipv6Addr::from(self.0), f)
    }
}

/// Ethernet address (IEEE 802.3, 3.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Every station.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No station.
    pub const ZERO: Self = Self([0; 6]);

    /// Whether this is a group address, broadcast included.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// The group that an IPv6 multicast address is sent to (RFC 2464, 7).
    #[must_use]
    pub const fn of_ipv6_multicast(a: Ipv6Addr) -> Self {
        let o = a.octets();
        Self([0x33, 0x33, o[12], o[13], o[14], o[15]])
    }

    /// The group that an IPv4 multicast address is sent to (RFC 1112, 6.4).
    #[must_use]
    pub const fn of_ipv4_multicast(a: Ipv4Addr) -> Self {
        let o = a.octets();
        Self([0x01, 0x00, 0x5e, o[1] & 0x7f, o[2], o[3]])
    }

    /// The 64-bit interface identifier made of this address (RFC 4291, appendix A).
    #[must_use]
    pub const fn eui64(self) -> [u8; 8] {
        let m = self.0;
        [m[0] ^ 0x02, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]]
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddr({self})")
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Path MTU: the most payload bytes of one packet (IBTA vol. 1, 9.2.8.1, table of PMTU).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mtu {
    /// 256 bytes, code 1.
    B256 = 1,
    /// 512 bytes, code 2.
    B512 = 2,
    /// 1024 bytes, code 3.
    B1024 = 3,
    /// 2048 bytes, code 4.
    B2048 = 4,
    /// 4096 bytes, code 5.
    B4096 = 5,
}

impl Mtu {
    /// All of them, smallest first.
    pub const ALL: [Self; 5] = [
        Self::B256,
        Self::B512,
        Self::B1024,
        Self::B2048,
        Self::B4096,
    ];

    /// Room that Linux keeps for every header when it derives a path MTU from an interface MTU.
    pub const HEADER_ROOM: u32 = 80;

    /// Payload bytes of a full packet.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        128 << (self as u32)
    }

    /// The code that the connection manager's REQ carries.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// `None` for codes that no MTU has.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::B256,
            2 => Self::B512,
            3 => Self::B1024,
            4 => Self::B2048,
            5 => Self::B4096,
            _ => return None,
        })
    }

    /// `None` unless `bytes` is exactly one of the five sizes.
    #[must_use]
    pub const fn from_bytes(bytes: u32) -> Option<Self> {
        Some(match bytes {
            256 => Self::B256,
            512 => Self::B512,
            1024 => Self::B1024,
            2048 => Self::B2048,
            4096 => Self::B4096,
            _ => return None,
        })
    }

    /// The largest path MTU on an interface whose IP MTU is `mtu` bytes: 1500 gives 1024.
    #[must_use]
    pub fn of_interface(mtu: u32) -> Option<Self> {
        let room = mtu.checked_sub(Self::HEADER_ROOM)?;
        Self::ALL.into_iter().rev().find(|m| m.bytes() <= room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mtu_codes_and_bytes() {
        for (code, bytes) in [(1, 256), (2, 512), (3, 1024), (4, 2048), (5, 4096)] {
            let m = Mtu::from_code(code).unwrap();
            assert_eq!((m.bytes(), m.code()), (bytes, code));
            assert_eq!(Mtu::from_bytes(bytes), Some(m));
        }
        assert_eq!(Mtu::from_code(0), None);
        assert_eq!(Mtu::from_code(6), None);
        assert_eq!(Mtu::from_bytes(1000), None);
    }

    #[test]
    fn mtu_of_interface_as_linux_derives_it() {
        assert_eq!(Mtu::of_interface(1500), Some(Mtu::B1024));
        assert_eq!(Mtu::of_interface(4200), Some(Mtu::B4096));
        assert_eq!(Mtu::of_interface(4175), Some(Mtu::B2048));
        assert_eq!(Mtu::of_interface(335), None);
        assert_eq!(Mtu::of_interface(10), None);
    }

    // [ROCE-25]
    #[test]
    fn pkey_match_needs_a_full_member() {
        assert!(PKey(0xffff).matches(PKey(0x7fff)));
        assert!(PKey(0x7fff).matches(PKey(0xffff)));
        assert!(!PKey(0x7fff).matches(PKey(0x7fff)));
        assert!(!PKey(0x8000).matches(PKey(0x8000)));
        assert!(!PKey(0xffff).matches(PKey(0x8001)));
    }

    // [ROCE-24]
    #[test]
    fn gid_of_both_families() {
        let v4: IpAddr = "10.7.0.1".parse().unwrap();
        let v6: IpAddr = "fd07::1".parse().unwrap();
        assert_eq!(Gid::from(v4).0[10..], [0xff, 0xff, 10, 7, 0, 1]);
        assert_eq!(Gid::from(v4).to_ip(), v4);
        assert_eq!(Gid::from(v6).to_ip(), v6);
    }

    #[test]
    fn qpn_is_24_bits() {
        assert_eq!(Qpn::new(0x100_0000), None);
        assert_eq!(Qpn::truncate(0x100_0001), Qpn::GSI);
        assert_eq!(Qpn::from_be_bytes([0, 0, 1]), Qpn::GSI);
        assert_eq!(Qpn::MULTICAST.to_be_bytes(), [0xff; 3]);
    }

    #[test]
    fn multicast_groups() {
        let sol: Ipv6Addr = "ff02::1:ff07:1".parse().unwrap();
        assert_eq!(
            MacAddr::of_ipv6_multicast(sol).0,
            [0x33, 0x33, 0xff, 7, 0, 1]
        );
        let g: Ipv4Addr = "239.129.2.3".parse().unwrap();
        assert_eq!(MacAddr::of_ipv4_multicast(g).0, [1, 0, 0x5e, 1, 2, 3]);
        assert!(MacAddr::BROADCAST.is_multicast());
    }
}
