//! Endpoints: pairs of local address and port, counted by reference `[ADDR-5]`, `[ADDR-6]`.

use std::collections::BTreeMap;

use rnic_abi::consts::{EPHEMERAL_PORT_FIRST, EPHEMERAL_PORT_LAST};
use rnic_abi::limit;
use rnic_core::object::Table;
use rnic_mutant::mutant;

/// Why there is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Somebody has that port of that address.
    #[error("port {0} of that address is in use")]
    InUse(u16),
    /// Every ephemeral port of that address is in use.
    #[error("every ephemeral port of that address is in use")]
    NoPorts,
    /// The table is full.
    #[error("every endpoint is in use")]
    Full,
}

#[derive(Clone, Copy, Debug)]
struct Endpoint {
    address: u16,
    port: u16,
    references: u32,
    /// RESERVE_ENDPOINT's reference is among them.
    reserved: bool,
}

/// Endpoints in use.
#[derive(Debug)]
pub struct Endpoints {
    table: Table<Endpoint>,
    by_port: BTreeMap<(u16, u16), u32>,
    /// Where the search for an ephemeral port goes on.
    next_port: u16,
}

#[expect(clippy::cast_possible_truncation, reason = "checked by the assertion")]
const CAPACITY: u32 = {
    assert!(limit::ENDPOINTS <= u32::MAX as u64);
    limit::ENDPOINTS as u32
};

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            table: Table::new(CAPACITY, 1, 64),
            by_port: BTreeMap::new(),
            next_port: EPHEMERAL_PORT_FIRST,
        }
    }
}

impl Endpoints {
    /// Takes a port of an address; 0 takes an ephemeral one. `reserved` says whether the first
    /// reference is RESERVE_ENDPOINT's, to be dropped by [`Endpoints::unreserve`].
    ///
    /// # Errors
    /// The port or all ports are in use, or the table is full.
    pub fn open(
        &mut self,
        address: u16,
        port: u16,
        reserved: bool,
    ) -> Result<(u32, u16), EndpointError> {
        let port = match port {
            0 => self.ephemeral(address).ok_or(EndpointError::NoPorts)?,
            port if self.by_port.contains_key(&(address, port)) && !mutant("ADDR-5/twice") => {
                return Err(EndpointError::InUse(port));
            }
            port => port,
        };
        let endpoint = Endpoint {
            address,
            port,
            references: 1,
            reserved,
        };
        let handle = self
            .table
            .insert(endpoint)
            .map_err(|_| EndpointError::Full)?;
        self.by_port.insert((address, port), handle);
        Ok((handle, port))
    }

    /// The next free ephemeral port, in turn, so that a port is not used again at once.
    fn ephemeral(&mut self, address: u16) -> Option<u16> {
        for _ in EPHEMERAL_PORT_FIRST..=EPHEMERAL_PORT_LAST {
            let port = self.next_port;
            self.next_port = match port {
                EPHEMERAL_PORT_LAST => EPHEMERAL_PORT_FIRST,
                port => port + 1,
            };
            if !self.by_port.contains_key(&(address, port)) {
                return Some(port);
            }
        }
        None
    }

    /// Address and port of an endpoint.
    #[must_use]
    pub fn get(&self, handle: u32) -> Option<(u16, u16)> {
        self.table.get(handle).map(|e| (e.address, e.port))
    }

    /// The endpoint at a port of an address.
    #[must_use]
    pub fn find(&self, address: u16, port: u16) -> Option<u32> {
        self.by_port.get(&(address, port)).copied()
    }

    /// Adds a reference; false when there is no such endpoint.
    pub fn hold(&mut self, handle: u32) -> bool {
        match self.table.get_mut(handle) {
            Some(endpoint) => {
                endpoint.references += 1;
                true
            }
            None => false,
        }
    }

    /// Drops RESERVE_ENDPOINT's reference; false when it was dropped before, or never was.
    pub fn unreserve(&mut self, handle: u32) -> bool {
        match self.table.get_mut(handle) {
            Some(endpoint) if endpoint.reserved => {
                endpoint.reserved = false;
                self.drop_reference(handle);
                true
            }
            _ => false,
        }
    }

    /// Drops a reference; the endpoint is free after the last.
    pub fn drop_reference(&mut self, handle: u32) {
        let Some(endpoint) = self.table.get_mut(handle) else {
            return;
        };
        endpoint.references = endpoint.references.saturating_sub(1);
        if endpoint.references == 0 || mutant("ADDR-6/early") {
            let key = (endpoint.address, endpoint.port);
            self.by_port.remove(&key);
            self.table.remove(handle);
        }
    }

    /// Whether an endpoint lies on an address `[ADDR-2]`.
    #[must_use]
    pub fn uses(&self, address: u16) -> bool {
        self.by_port
            .range((address, 0)..=(address, u16::MAX))
            .next()
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_free_after_its_last_reference() {
        // [ADDR-6]
        let mut endpoints = Endpoints::default();
        let (handle, port) = endpoints.open(0, 445, true).unwrap();
        assert_eq!(port, 445);
        assert!(endpoints.hold(handle) && endpoints.hold(handle));
        assert!(endpoints.unreserve(handle) && !endpoints.unreserve(handle));
        endpoints.drop_reference(handle);
        assert_eq!(endpoints.open(0, 445, true), Err(EndpointError::InUse(445)));
        assert!(endpoints.uses(0) && !endpoints.uses(1));
        endpoints.drop_reference(handle);
        assert!(!endpoints.uses(0));
        assert!(endpoints.open(0, 445, true).is_ok());
    }

    #[test]
    fn every_ephemeral_port_is_given_out_once() {
        // [ADDR-5]
        let mut endpoints = Endpoints::default();
        let mut seen = std::collections::BTreeSet::new();
        for _ in EPHEMERAL_PORT_FIRST..=EPHEMERAL_PORT_LAST {
            let (_, port) = endpoints.open(5, 0, false).unwrap();
            assert!(port >= EPHEMERAL_PORT_FIRST && seen.insert(port));
        }
        assert_eq!(endpoints.open(5, 0, false), Err(EndpointError::NoPorts));
        assert!(
            endpoints.open(6, 0, false).is_ok(),
            "another address has its own"
        );
    }
}
