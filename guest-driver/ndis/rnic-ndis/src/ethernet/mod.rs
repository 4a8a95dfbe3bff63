//! The network interface card over the device's Ethernet lane.

use ndis_sys::ndis::{NDIS_OFFLOAD, NDIS_RECEIVE_SCALE_CAPABILITIES};
use ndis_sys::nt::{PVOID, SCATTER_GATHER_LIST};

use crate::adapter::Adapter;
use crate::adapter::settings::Settings;
use crate::engine::{Engine, NtNic};
use crate::nt::{Passive, Shared};

/// A scatter-gather list that the sender asked for.
///
/// # Safety
/// Called by NDIS, at DISPATCH_LEVEL, with what the sender gave.
pub unsafe fn sg_list_ready(list: *mut SCATTER_GATHER_LIST, context: PVOID) {
    let _ = (list, context);
}

/// The card.
pub struct Ethernet {
    address: [u8; 6],
    frame_bytes: u32,
}

impl Ethernet {
    /// The card of a device.
    pub fn new(settings: &Settings, nic: &NtNic) -> Self {
        Self {
            address: settings.network_address.unwrap_or(nic.identity().mac),
            frame_bytes: settings
                .jumbo_packet
                .min(nic.limits().eth_frame_bytes.get()),
        }
    }

    /// Current Ethernet address.
    pub fn address(&self) -> [u8; 6] {
        self.address
    }

    /// Longest frame, without VLAN tag and frame check sequence.
    pub fn frame_bytes(&self) -> u32 {
        self.frame_bytes
    }

    /// Receive side scaling, if there is any.
    pub fn rss_capabilities(&self, _: &Engine) -> Option<NDIS_RECEIVE_SCALE_CAPABILITIES> {
        None
    }

    /// Offloads that the device has.
    pub fn offload_capabilities(&self, _: &NtNic) -> NDIS_OFFLOAD {
        offload::none()
    }

    /// Offloads that are on.
    pub fn offloads(&self) -> NDIS_OFFLOAD {
        offload::none()
    }

    /// An interrupt message's share, at DISPATCH_LEVEL.
    pub fn service(&self, _: &Adapter, _: &Shared<Engine>, _: usize) {}

    /// The link may have changed.
    pub fn link_changed(&self, _: &Adapter, _: &Shared<Engine>) {}

    /// A life of the device ended.
    pub fn engine_down(&self, _: &Adapter, _: &Passive, _: &Shared<Engine>) {}
}

pub mod offload;
