//! What the control socket shows of a device.

use std::collections::BTreeMap;

use rnic_abi::{COUNTERS, reg};
use rnic_core::env::Env;
use serde::Serialize;

use super::function::Function;

/// A port to the outside as it is now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortReport {
    /// Its number, in the order of the options.
    pub port: u32,
    /// What carries it.
    pub kind: &'static str,
    /// Frames that the host took.
    pub sent: u64,
    /// Frames that came.
    pub received: u64,
    /// Frames that nobody was there for.
    pub lost: u64,
    /// Times that the host had no room.
    pub full: u64,
    /// Calls of the host that carried frames out.
    pub calls: u64,
    /// Frames that wait to leave.
    pub waiting: usize,
}

/// A device as it is now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeviceReport {
    /// Its number.
    pub device: u32,
    /// A client is connected.
    pub connected: bool,
    /// The link is up.
    pub link_up: bool,
    /// The driver has enabled it.
    pub enabled: bool,
    /// The driver has negotiated.
    pub negotiated: bool,
    /// It has stopped and needs a reset.
    pub failed: bool,
    /// Memory ranges that the client has given.
    pub dma_maps: usize,
    /// The driver rang for its first command and there was none: its memory is probably not shared.
    pub memory_looks_private: bool,
    /// Counters by name.
    #[serde(skip)]
    pub counters: BTreeMap<&'static str, u64>,
}

impl DeviceReport {
    /// Looks at a device.
    #[must_use]
    pub fn of(function: &Function) -> Self {
        let hardware = function.device.hardware();
        let status = hardware.registers.get(reg::DEVICE_STATUS);
        let values = hardware.resources.counters.all();
        Self {
            device: function.host.id.0,
            connected: function.is_connected(),
            link_up: function.host.port().up,
            enabled: reg::device_status::ENABLED.is_set(status),
            negotiated: reg::device_status::NEGOTIATED.is_set(status),
            failed: reg::device_status::FAILED.is_set(status),
            dma_maps: function.map_count(),
            memory_looks_private: function.memory_looks_private(),
            counters: COUNTERS
                .iter()
                .map(|c| c.name)
                .zip(values.iter().copied())
                .collect(),
        }
    }
}
