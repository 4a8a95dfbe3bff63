//! What this build can do, for whoever starts it (`--print-capabilities`).

use rnic_abi::{FEATURES, interface, limit};
use serde_json::json;

/// The capabilities as one JSON object.
#[must_use]
pub fn json() -> String {
    let offered = FEATURES
        .iter()
        .filter(|f| rnic_firmware::FEATURES >> f.bit & 1 != 0);
    let features: Vec<_> = offered.map(|f| f.name).collect();
    let value = json!({
        "type": "rnic",
        "version": env!("CARGO_PKG_VERSION"),
        "interface": { "major": interface::MAJOR, "minor": interface::MINOR },
        "protocol": "vfio-user 0.0",
        "pci": format!("{:04x}:{:04x}", interface::VENDOR_ID, interface::DEVICE_ID),
        "features": features,
        "device": ["socket", "mac", "guid", "doorbell", "irq"],
        "doorbell": ["mmap", "trap"],
        "irq": { "msix": limit::VECTORS, "msi": crate::serve::MSI_VECTORS },
        "port": ["none", "dgram", "stream", "udp", "tap"],
        "control": ["query-devices", "query-counters", "query-ports", "set-link",
            "capture-start", "capture-stop", "query-capture", "quit"],
    });
    format!("{value:#}")
}
