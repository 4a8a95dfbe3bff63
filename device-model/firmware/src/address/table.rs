//! The address table: what SET_ADDRESS and CLEAR_ADDRESS change.

use rnic_abi::limit;
use rnic_core::qp::LocalAddress;
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
}
