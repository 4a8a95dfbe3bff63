//! What the control plane keeps between commands: addresses, endpoints, connections.

use rnic_wire::{Gid, MacAddr};

use crate::address::{AddressTable, Conflicts, Endpoints, Neighbours};
use crate::cm::{Connections, Farewells};

/// State of the control plane.
#[derive(Debug)]
pub(crate) struct Plane {
    /// Addresses of the device.
    pub addresses: AddressTable,
    /// Ports of them in use.
    pub endpoints: Endpoints,
    /// Connections and listeners.
    pub connections: Connections,
    /// Conflicts of addresses reported.
    pub conflicts: Conflicts,
    /// Other stations.
    pub neighbours: Neighbours,
    /// What peers of the time before a reset are still to be told.
    pub farewells: Farewells,
}

impl Plane {
    /// Nothing, for a device with this Ethernet address and GUID, and numbers that follow from the seed.
    pub(crate) fn new(mac: MacAddr, guid: u64, seed: u64) -> Self {
        Self {
            addresses: AddressTable::new(mac),
            endpoints: Endpoints::default(),
            connections: Connections::new(guid, seed),
            conflicts: Conflicts::default(),
            neighbours: Neighbours::default(),
            farewells: Farewells::default(),
        }
    }

    /// Forgets everything `[RESET-1]` but what peers are still to be told `[CM-19]`.
    pub(crate) fn reset(&mut self) {
        self.addresses.reset();
        self.endpoints = Endpoints::default();
        self.connections.reset();
        self.conflicts = Conflicts::default();
        self.neighbours = Neighbours::default();
    }

    /// Addresses that the device answers at.
    pub(crate) fn gids(&self) -> impl Iterator<Item = Gid> {
        self.addresses.iter().map(|(_, address)| address.gid)
    }
}
