//! The address table: what SET_ADDRESS and CLEAR_ADDRESS change.

use core::net::IpAddr;

use rnic_abi::limit;
use rnic_core::qp::LocalAddress;
use rnic_mutant::mutant;
use rnic_wire::{Gid, MacAddr};

/// Entries of the table.
#[expect(clippy::cast_possible_truncation, reason = "checked by the assertion")]
const ENTRIES: usize = {
    assert!(limit::ADDRESSES <= 1024);
    limit::ADDRESSES as usize
};

/// One address of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Address; IPv4 as `::ffff:a.b.c.d`.
    pub gid: Gid,
    /// Prefix length, in bits of the family's address.
    pub prefix: u8,
    /// VLAN id, 1 to 4094.
    pub vlan: Option<u16>,
    /// Default gateway.
    pub gateway: Option<Gid>,
    /// The device answers ARP and neighbour solicitations for it `[ADDR-3]`.
    pub answer: bool,
}

/// Why the table does not take an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No such entry.
    #[error("the address table has no entry {0}")]
    Index(u16),
    /// Another entry has the address.
    #[error("entry {0} has that address already")]
    Duplicate(u16),
}

impl Address {
    /// Who on the link carries packets to `peer`: the peer itself, or the gateway `[ADDR-7]`.
    #[must_use]
    pub fn next_hop(&self, peer: Gid) -> Option<Gid> {
        let (ours, theirs) = (self.gid.to_ip(), peer.to_ip());
        let on_link = match (ours, theirs) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                same_prefix(a.to_bits().into(), b.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                b.is_unicast_link_local() || same_prefix(a.to_bits(), b.to_bits(), 128, self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        if on_link { Some(peer) } else { self.gateway }
    }
}

/// Whether the first `prefix` of `bits` bits are the same.
fn same_prefix(a: u128, b: u128, bits: u8, prefix: u8) -> bool {
    let rest = u32::from(bits.saturating_sub(prefix));
    (a ^ b).checked_shr(rest).unwrap_or(0) == 0
}

/// Addresses of the device by index.
#[derive(Clone, Debug)]
pub struct AddressTable {
    entries: [Option<Address>; ENTRIES],
    mac: MacAddr,
}

impl AddressTable {
    /// An empty table of a device whose frames come from `mac`.
    #[must_use]
    pub const fn new(mac: MacAddr) -> Self {
        Self {
            entries: [None; ENTRIES],
            mac,
        }
    }

    /// Ethernet address of the device.
    #[must_use]
    pub const fn mac(&self) -> MacAddr {
        self.mac
    }

    /// Gives entry `index` an address, or another one `[ADDR-1]`.
    ///
    /// # Errors
    /// No such entry, or another entry has the same address and VLAN.
    pub fn set(&mut self, index: u16, address: Address) -> Result<(), AddressError> {
        if let Some((other, _)) = self
            .iter()
            .find(|(at, a)| *at != index && a.gid == address.gid && a.vlan == address.vlan)
            && !mutant("ADDR-1/twice")
        {
            return Err(AddressError::Duplicate(other));
        }
        let entry = self
            .entries
            .get_mut(usize::from(index))
            .ok_or(AddressError::Index(index))?;
        *entry = Some(address);
        Ok(())
    }

    /// Empties an entry; what it held.
    pub fn clear(&mut self, index: u16) -> Option<Address> {
        self.entries.get_mut(usize::from(index))?.take()
    }

    /// The address of an entry.
    #[must_use]
    pub fn get(&self, index: u16) -> Option<&Address> {
        self.entries.get(usize::from(index))?.as_ref()
    }

    /// What a queue pair needs of an entry.
    #[must_use]
    pub fn local(&self, index: u16) -> Option<LocalAddress> {
        self.get(index).map(|address| LocalAddress {
            gid: address.gid,
            mac: self.mac,
            vlan: address.vlan,
        })
    }

    /// The entry with this address, on any VLAN.
    #[must_use]
    pub fn find(&self, gid: Gid) -> Option<u16> {
        self.iter().find(|(_, a)| a.gid == gid).map(|(at, _)| at)
    }

    /// The entry with this address on this VLAN.
    #[must_use]
    pub fn on_vlan(&self, gid: Gid, vlan: Option<u16>) -> Option<&Address> {
        self.entries
            .iter()
            .flatten()
            .find(|a| a.gid == gid && a.vlan == vlan)
    }

    /// All addresses with their indices.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Address)> {
        (0u16..)
            .zip(&self.entries)
            .filter_map(|(at, entry)| Some((at, entry.as_ref()?)))
    }

    /// Empties the table.
    pub fn reset(&mut self) {
        *self = Self::new(self.mac);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Address {
        Address {
            gid: Gid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, last]),
            prefix: 24,
            vlan: None,
            gateway: None,
            answer: false,
        }
    }

    #[test]
    fn an_address_lives_in_one_entry() {
        // [ADDR-1]
        let mut table = AddressTable::new(MacAddr([2, 0, 0, 0, 0, 1]));
        table.set(3, address(1)).unwrap();
        assert_eq!(table.set(4, address(1)), Err(AddressError::Duplicate(3)));
        table.set(3, address(1)).unwrap();
        let tagged = Address {
            vlan: Some(7),
            ..address(1)
        };
        table.set(4, tagged).unwrap();
        assert_eq!(table.find(address(1).gid), Some(3));
        assert_eq!(table.set(64, address(2)), Err(AddressError::Index(64)));
        assert!(table.clear(3).is_some() && table.clear(3).is_none());
    }

    #[test]
    fn a_packet_goes_to_the_peer_on_the_link_and_else_to_the_gateway() {
        // [ADDR-7]
        let gid = |text: &str| Gid::from(text.parse::<IpAddr>().unwrap());
        let at = |ours: &str, prefix, gateway: Option<&str>| Address {
            gid: gid(ours),
            prefix,
            gateway: gateway.map(gid),
            ..address(1)
        };
        let rows = [
            ("10.7.0.1", 24, None, "10.7.0.255", Some("10.7.0.255")),
            ("10.7.0.1", 24, None, "10.7.1.0", None),
            (
                "10.7.0.1",
                24,
                Some("10.7.0.254"),
                "10.7.1.0",
                Some("10.7.0.254"),
            ),
            ("10.7.0.1", 32, None, "10.7.0.2", None),
            ("10.7.0.1", 0, None, "192.0.2.1", Some("192.0.2.1")),
            ("10.7.0.1", 24, Some("10.7.0.254"), "fd07::2", None),
            (
                "fd07::1",
                64,
                None,
                "fd07::ffff:0:0:2",
                Some("fd07::ffff:0:0:2"),
            ),
            ("fd07::1", 64, None, "fd07:0:0:1::2", None),
            (
                "fd07::1",
                64,
                Some("fe80::9"),
                "fd07:0:0:1::2",
                Some("fe80::9"),
            ),
            ("fd07::1", 64, None, "fe80::2", Some("fe80::2")),
            ("fd07::1", 0, None, "2001:db8::1", Some("2001:db8::1")),
        ];
        for (ours, prefix, gateway, peer, want) in rows {
            let found = at(ours, prefix, gateway).next_hop(gid(peer));
            assert_eq!(found, want.map(gid), "{ours}/{prefix} to {peer}");
        }
    }
}
