//! Requests that NDIS makes of the card.
//!
//! [`request`] answers at once what the driver knows, and has the device do the rest on the worker: then the request
//! is pending, and completed when the verb ends. [`buffer`] is the raw side: NDIS's request as checked slices.

pub mod buffer;
mod query;
mod set;

use ndis_sys::ndis::*;

use crate::adapter::Adapter;
use crate::adapter::settings::Settings;
use crate::ethernet::frame::Tags;
use buffer::{Kind, Request};

pub use query::VENDOR;

/// Requests that the driver answers, as NDIS is told. Those of the NDK provider are its own.
pub const SUPPORTED: &[u32] = &[
    OID_GEN_SUPPORTED_LIST,
    OID_GEN_HARDWARE_STATUS,
    OID_GEN_TRANSMIT_BUFFER_SPACE,
    OID_GEN_RECEIVE_BUFFER_SPACE,
    OID_GEN_TRANSMIT_BLOCK_SIZE,
    OID_GEN_RECEIVE_BLOCK_SIZE,
    OID_GEN_VENDOR_ID,
    OID_GEN_VENDOR_DESCRIPTION,
    OID_GEN_VENDOR_DRIVER_VERSION,
    OID_GEN_CURRENT_PACKET_FILTER,
    OID_GEN_CURRENT_LOOKAHEAD,
    OID_GEN_DRIVER_VERSION,
    OID_GEN_MAXIMUM_TOTAL_SIZE,
    OID_GEN_INTERRUPT_MODERATION,
    OID_GEN_LINK_PARAMETERS,
    OID_GEN_VLAN_ID,
    OID_GEN_NETWORK_LAYER_ADDRESSES,
    OID_GEN_XMIT_OK,
    OID_GEN_RCV_OK,
    OID_GEN_XMIT_ERROR,
    OID_GEN_RCV_ERROR,
    OID_GEN_RCV_NO_BUFFER,
    OID_GEN_STATISTICS,
    OID_GEN_RECEIVE_SCALE_PARAMETERS,
    OID_802_3_PERMANENT_ADDRESS,
    OID_802_3_CURRENT_ADDRESS,
    OID_802_3_MULTICAST_LIST,
    OID_802_3_MAXIMUM_LIST_SIZE,
    OID_802_3_RCV_ERROR_ALIGNMENT,
    OID_802_3_XMIT_ONE_COLLISION,
    OID_802_3_XMIT_MORE_COLLISIONS,
    OID_PNP_QUERY_POWER,
    OID_PNP_SET_POWER,
    OID_PM_PARAMETERS,
    OID_TCP_OFFLOAD_PARAMETERS,
    OID_OFFLOAD_ENCAPSULATION,
    OID_RNIC_LOST_INTERRUPTS,
    // The NDK provider's.
    OID_NDK_SET_STATE,
    OID_NDK_STATISTICS,
    OID_NDK_CONNECTIONS,
    OID_NDK_LOCAL_ENDPOINTS,
];

/// Interrupts that were lost since the adapter was initialized, a count of 4 or 8 bytes. The driver's own: 0xFF begins the
/// numbers that vendors choose.
pub const OID_RNIC_LOST_INTERRUPTS: u32 = 0xFF52_4E01;
/// The NDK provider's requests (ntddndis.h).
pub const OID_NDK_SET_STATE: u32 = 0xFC04_0201;
/// As above.
pub const OID_NDK_STATISTICS: u32 = 0xFC04_0202;
/// As above.
pub const OID_NDK_CONNECTIONS: u32 = 0xFC04_0203;
/// As above.
pub const OID_NDK_LOCAL_ENDPOINTS: u32 = 0xFC04_0204;

/// MacOptions of the general attributes.
pub fn mac_options(settings: &Settings) -> u32 {
    let mut options = NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA
        | NDIS_MAC_OPTION_TRANSFERS_NOT_PEND
        | NDIS_MAC_OPTION_NO_LOOPBACK;
    let tags = Tags::of(settings.priority_vlan_tag);
    // Who has VLANs says that he has priorities. (OID_GEN_MAC_OPTIONS)
    if tags.priority || tags.vlan {
        options |= NDIS_MAC_OPTION_8021P_PRIORITY;
    }
    if tags.vlan {
        options |= NDIS_MAC_OPTION_8021Q_VLAN;
    }
    options
}

/// MiniportOidRequest. NDIS makes one at a time, at PASSIVE_LEVEL.
///
/// # Safety
/// The request is NDIS's, and ours until it is completed.
pub unsafe fn request(adapter: &Adapter, raw: *mut NDIS_OID_REQUEST) -> NDIS_STATUS {
    // SAFETY: as promised.
    if let Some(status) = adapter.ndk.oid(adapter, unsafe { &mut *raw }, false) {
        return status;
    }
    // SAFETY: as promised.
    let Some(mut request) = (unsafe { Request::of(raw) }) else {
        return NDIS_STATUS_NOT_SUPPORTED;
    };
    let status = match request.kind() {
        Kind::Query => query::query(adapter, &mut request),
        Kind::Set => set::set(adapter, &mut request),
    };
    crate::trace!("oid {:#010x}: {status:#010x}", request.oid());
    status
}
