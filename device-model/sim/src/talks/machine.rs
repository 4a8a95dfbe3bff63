//! Ports of a function, before and after.

use rnic_abi::CounterId;
use rnic_driver_core::{AddressIndex, EndpointId, ListenerId, Outcome};

use crate::guest::Guest;

/// Where requests are welcome.
pub(super) const OPEN: u16 = 5000;
/// Where the listener has paused.
pub(super) const PAUSED: u16 = 5001;
/// Where nobody listens.
pub(super) const NOBODY: u16 = 5002;
/// Cookie of requests.
pub(super) const LISTENER: u64 = 0x115;

/// Listeners of a function.
pub(super) struct Ports {
    listeners: [ListenerId; 2],
    endpoints: [EndpointId; 2],
}

fn reserve(guest: &mut Guest, port: u16) -> Result<EndpointId, String> {
    let address = AddressIndex(0);
    match guest.call("reserve_endpoint", |control, nic| {
        Ok(control.reserve_endpoint(nic, 0, address, port)?)
    })? {
        Outcome::Endpoint(endpoint, _) => Ok(endpoint),
        other => Err(format!("reserve_endpoint gave {}", other.name())),
    }
}

/// Makes a listener that is open and one that has paused.
pub(super) fn listen(guest: &mut Guest) -> Result<Ports, String> {
    let mut one = |port| -> Result<(ListenerId, EndpointId), String> {
        let endpoint = reserve(guest, port)?;
        match guest.call("listen", |control, nic| {
            Ok(control.listen(nic, 0, endpoint, 8, LISTENER)?)
        })? {
            Outcome::Listener(listener) => Ok((listener, endpoint)),
            other => Err(format!("listen gave {}", other.name())),
        }
    };
    let (open, at_open) = one(OPEN)?;
    let (paused, at_paused) = one(PAUSED)?;
    guest.call("pause_listener", |control, nic| {
        Ok(control.pause_listener(nic, 0, paused, true)?)
    })?;
    Ok(Ports {
        listeners: [open, paused],
        endpoints: [at_open, at_paused],
    })
}

fn counter(guest: &mut Guest, id: CounterId) -> Result<u64, String> {
    match guest.call("query_counters", |control, nic| {
        Ok(control.query_counters(nic, 0, u32::from(id.0), 1)?)
    })? {
        Outcome::Counters(counters) => Ok(counters.values().first().copied().unwrap_or(0)),
        other => Err(format!("query_counters gave {}", other.name())),
    }
}

/// Gives everything back, and checks that it can be had again; how often the connection manager met what.
pub(super) fn unlisten(
    guest: &mut Guest,
    ports: &Ports,
) -> Result<[(&'static str, u64); 4], String> {
    let active = counter(guest, CounterId::CONNECTIONS_ACTIVE)?;
    if active != 0 {
        return Err(format!("CONNECTIONS_ACTIVE is {active}, and none is"));
    }
    for listener in ports.listeners {
        guest.call("destroy_listener", |control, nic| {
            Ok(control.destroy_listener(nic, 0, listener)?)
        })?;
    }
    for endpoint in ports.endpoints {
        guest.call("release_endpoint", |control, nic| {
            Ok(control.release_endpoint(nic, 0, endpoint)?)
        })?;
    }
    // A connection that was released late would still hold the port.
    for port in [OPEN, PAUSED] {
        let endpoint = reserve(guest, port)?;
        guest.call("release_endpoint", |control, nic| {
            Ok(control.release_endpoint(nic, 0, endpoint)?)
        })?;
    }
    guest.call("clear_address", |control, nic| {
        Ok(control.clear_address(nic, 0, AddressIndex(0))?)
    })?;
    let mut count = |name, id| Ok::<_, String>((name, counter(guest, id)?));
    Ok([
        count("cm messages", CounterId::CM_IN)?,
        count("cm retries", CounterId::CM_RETRIES)?,
        count("cm duplicates", CounterId::CM_DUPLICATES)?,
        count("cm connections", CounterId::CONNECTIONS_INITIATED)?,
    ])
}
