//! Requests that NDIS makes of the card.

use ndis_sys::ndis::*;

use crate::adapter::settings::Settings;

/// Requests that the driver answers, as NDIS is told.
pub const SUPPORTED: &[u32] = &[OID_GEN_STATISTICS];

/// MacOptions of the general attributes.
pub fn mac_options(settings: &Settings) -> u32 {
    let mut options = NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA
        | NDIS_MAC_OPTION_TRANSFERS_NOT_PEND
        | NDIS_MAC_OPTION_NO_LOOPBACK;
    if settings.priority_vlan_tag & 1 != 0 {
        options |= NDIS_MAC_OPTION_8021P_PRIORITY;
    }
    if settings.priority_vlan_tag & 2 != 0 {
        options |= NDIS_MAC_OPTION_8021Q_VLAN;
    }
    options
}
