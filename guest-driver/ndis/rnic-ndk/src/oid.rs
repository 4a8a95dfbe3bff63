//! What NDIS asks about: statistics, connections, endpoints. (ndkpi.md 4.5, 4.6)
#![forbid(unsafe_code)]

use ndis_sys::ndk::NDIS_NDK_PERFORMANCE_COUNTERS;
use rnic_abi::CounterId;

use crate::System;
use crate::address::SocketAddress;
use crate::provider::Provider;

/// Reads the counters that NDIS wants out of the device's, by number.
pub fn performance_counters(counter: impl Fn(CounterId) -> u64) -> NDIS_NDK_PERFORMANCE_COUNTERS {
    NDIS_NDK_PERFORMANCE_COUNTERS {
        Connect: counter(CounterId::CONNECTIONS_INITIATED),
        Accept: counter(CounterId::CONNECTIONS_ACCEPTED),
        ConnectFailure: counter(CounterId::CONNECT_FAILURES),
        ConnectionError: counter(CounterId::CONNECTION_ERRORS),
        ActiveConnection: counter(CounterId::CONNECTIONS_ACTIVE),
        Reserved: [0; 20],
        CQError: counter(CounterId::CQ_ERRORS),
        RDMAInOctets: counter(CounterId::OCTETS_IN),
        RDMAOutOctets: counter(CounterId::OCTETS_OUT),
        RDMAInFrames: counter(CounterId::FRAMES_IN),
        RDMAOutFrames: counter(CounterId::FRAMES_OUT),
    }
}

impl<S: System> Provider<S> {
    /// Connections that stand: local and peer's address. `each` runs with a lock held: it may not call back.
    pub fn connections(&self, mut each: impl FnMut(SocketAddress, SocketAddress)) {
        for connector in self.tables.lock().connectors.iter() {
            if let Some((local, peer)) = connector.body().connection() {
                each(local, peer);
            }
        }
    }

    /// Listeners (true) and shared endpoints (false). As [`Provider::connections`].
    pub fn local_endpoints(&self, mut each: impl FnMut(SocketAddress, bool)) {
        let tables = self.tables.lock();
        for listener in tables.listeners.iter() {
            if let Ok(address) = listener.body().local_address() {
                each(address, true);
            }
        }
        for endpoint in tables.endpoints.iter() {
            each(endpoint.body().local_address(), false);
        }
    }
}
