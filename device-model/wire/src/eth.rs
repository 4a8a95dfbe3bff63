//! Ethernet header with at most one 802.1Q tag (IEEE 802.3, 3.1.1; IEEE 802.1Q, 9.6).

use crate::bytes::{Reader, Writer};
use crate::error::DropReason;
use crate::number::MacAddr;

/// EtherType of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// EtherType of a customer VLAN tag.
pub const ETHERTYPE_VLAN: u16 = 0x8100;
/// EtherType of IPv6.
pub const ETHERTYPE_IPV6: u16 = 0x86dd;

/// Tag control information of a customer VLAN tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VlanTag(pub u16);

impl VlanTag {
    /// A tag of priority 0. `None` when `vid` needs more than 12 bits.
    #[must_use]
    pub const fn new(vid: u16) -> Option<Self> {
        if vid <= 0x0fff { Some(Self(vid)) } else { None }
    }

    /// VLAN identifier; 0 means that the tag carries priority only.
    #[must_use]
    pub const fn vid(self) -> u16 {
        self.0 & 0x0fff
    }

    /// Priority, 0 to 7.
    #[must_use]
    pub const fn priority(self) -> u8 {
        self.0.to_be_bytes()[0] >> 5
    }

    /// Drop eligible indicator.
    #[must_use]
    pub const fn drop_eligible(self) -> bool {
        self.0 & 0x1000 != 0
    }

    /// The same tag with the low three bits of `priority`.
    #[must_use]
    pub const fn with_priority(self, priority: u8) -> Self {
        Self(self.0 & 0x1fff | ((priority & 7) as u16) << 13)
    }
}

/// Ethernet header without its EtherType, which follows from what it carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EthHeader {
    /// Destination.
    pub dst: MacAddr,
    /// Source.
    pub src: MacAddr,
    /// Outermost tag, if it is a customer VLAN tag.
    pub vlan: Option<VlanTag>,
}

impl EthHeader {
    /// Bytes of a header without a tag.
    pub const LEN: usize = 14;
    /// Bytes of a header with a tag.
    pub const TAGGED_LEN: usize = 18;

    /// Bytes of this header.
    #[must_use]
    pub const fn wire_len(&self) -> usize {
        if self.vlan.is_some() {
            Self::TAGGED_LEN
        } else {
            Self::LEN
        }
    }

    /// The header, the EtherType after it, and the rest of the frame.
    ///
    /// # Errors
    /// [`DropReason::EthernetTruncated`].
    #[inline]
    pub fn parse(frame: &[u8]) -> Result<(Self, u16, &[u8]), DropReason> {
        Self::read(frame).ok_or(DropReason::EthernetTruncated)
    }

    #[inline]
    fn read(frame: &[u8]) -> Option<(Self, u16, &[u8])> {
        let mut r = Reader(frame);
        let dst = MacAddr(*r.take()?);
        let src = MacAddr(*r.take()?);
        let mut ethertype = r.u16()?;
        let mut vlan = None;
        if ethertype == ETHERTYPE_VLAN {
            vlan = Some(VlanTag(r.u16()?));
            ethertype = r.u16()?;
        }
        Some((Self { dst, src, vlan }, ethertype, r.0))
    }

    /// Appends the header with `ethertype`; `None` when it does not fit.
    #[inline]
    pub(crate) fn write(&self, ethertype: u16, w: &mut Writer<'_>) -> Option<()> {
        w.put(&self.dst.0)?;
        w.put(&self.src.0)?;
        if let Some(tag) = self.vlan {
            w.put(&ETHERTYPE_VLAN.to_be_bytes())?;
            w.put(&tag.0.to_be_bytes())?;
        }
        w.put(&ethertype.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_fields() {
        let t = VlanTag(0xb123);
        assert_eq!((t.vid(), t.priority(), t.drop_eligible()), (0x123, 5, true));
        assert_eq!(VlanTag::new(7).unwrap().with_priority(6), VlanTag(0xc007));
        assert_eq!(VlanTag::new(0x1000), None);
    }

    #[test]
    fn both_shapes_round_trip() {
        for vlan in [None, Some(VlanTag(0x6005))] {
            let h = EthHeader {
                dst: MacAddr([1; 6]),
                src: MacAddr([2; 6]),
                vlan,
            };
            let mut out = [0; 20];
            let mut w = Writer::new(&mut out);
            h.write(ETHERTYPE_IPV6, &mut w).unwrap();
            assert_eq!(w.written(), h.wire_len());
            let (back, ethertype, rest) = EthHeader::parse(&out).unwrap();
            assert_eq!(
                (back, ethertype, rest.len()),
                (h, ETHERTYPE_IPV6, 20 - h.wire_len())
            );
            assert_eq!(
                EthHeader::parse(&out[..h.wire_len() - 1]),
                Err(DropReason::EthernetTruncated)
            );
        }
    }
}
