//! What the control plane keeps between commands: addresses, endpoints, connections.

use rnic_wire::{Gid, MacAddr};

use crate::address::{AddressTable, Endpoints};

/// State of the control plane.
#[derive(Debug)]
pub(crate) struct Plane {
    /// Addresses of the device.
    pub addresses: AddressTable,
    /// Ports of them in use.
    pub endpoints: Endpoints,
}

impl Plane {
    /// Nothing, for a device with this Ethernet address.
    pub(crate) fn new(mac: MacAddr) -> Self {
        Self {
            addresses: AddressTable::new(mac),
            endpoints: Endpoints::default(),
        }
    }

    /// Forgets everything `[RESET-1]`.
    pub(crate) fn reset(&mut self) {
        self.addresses.reset();
        self.endpoints = Endpoints::default();
    }

    /// Addresses that the device answers at.
    pub(crate) fn gids(&self) -> impl Iterator<Item = Gid> {
        self.addresses.iter().map(|(_, address)| address.gid)
    }
}
