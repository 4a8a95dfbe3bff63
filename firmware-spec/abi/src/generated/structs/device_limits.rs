// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Layouts in memory, little endian. From `firmware-spec/spec/device_limits.toml`.

#[allow(unused_imports)]
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[allow(unused_imports)]
use crate::generated::{enums::*, flags::*, structs::*};

/// Limits, as QUERY_DEVICE reports them.
///
/// 256 bytes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct DeviceLimits {
    /// Longest message.
    pub message_bytes: U64,
    /// Longest memory region.
    pub mr_bytes: U64,
    /// Protection domains.
    pub pds: U32,
    /// Memory regions.
    pub mrs: U32,
    /// Memory windows.
    pub mws: U32,
    /// Completion queues.
    pub cqs: U32,
    /// Event queues, the general one included.
    pub eqs: U32,
    /// Shared receive queues.
    pub srqs: U32,
    /// Queue pairs.
    pub qps: U32,
    /// Listeners.
    pub listeners: U32,
    /// Connections that are not yet released.
    pub connections: U32,
    /// Reserved endpoints.
    pub endpoints: U32,
    /// Entries of the address table.
    pub addresses: U32,
    /// Largest send queue.
    pub sq_log: U32,
    /// Largest receive queue.
    pub rq_log: U32,
    /// Largest shared receive queue.
    pub srq_log: U32,
    /// Largest completion queue.
    pub cq_log: U32,
    /// Largest event queue.
    pub eq_log: U32,
    /// Scatter/gather entries of a send queue entry.
    pub send_segments: U32,
    /// Scatter entries of a receive queue entry.
    pub recv_segments: U32,
    /// Inline data of a send queue entry.
    pub inline_bytes: U32,
    /// Pages of one ADD_MR_PAGES.
    pub mr_chunk_pages: U32,
    /// Quota of page addresses held for all memory regions of the device.
    pub mr_pages: U32,
    /// Pages of one fast registration.
    pub fast_register_pages: U32,
    /// Inbound reads and atomics outstanding on a queue pair.
    pub read_depth_in: U32,
    /// Outbound reads and atomics outstanding on a queue pair.
    pub read_depth_out: U32,
    /// A freed key index is not given out again before this many others were freed after it, unless all others are in use.
    pub key_reuse_distance: U32,
    /// Connection requests that a listener holds unanswered.
    pub backlog: U32,
    /// Private data of CONNECT.
    pub connect_private_bytes: U32,
    /// Private data of ACCEPT.
    pub accept_private_bytes: U32,
    /// Private data of REJECT_CONNECTION.
    pub reject_private_bytes: U32,
    /// Ethernet receive queues, and as many transmit queues.
    pub eth_queues: U32,
    /// Largest Ethernet queue.
    pub eth_ring_log: U32,
    /// Longest Ethernet frame, VLAN tag included, frame check sequence not.
    pub eth_frame_bytes: U32,
    /// Entries of the RSS indirection table.
    pub rss_table: U32,
    /// Multicast filter entries.
    pub multicast: U32,
    /// Bit n: memory regions may have pages of 2^n bytes. Bit 12 is always set.
    pub page_sizes: U32,
    /// Zero.
    pub reserved_156: [u8; 100],
}

const _: () = {
    assert!(core::mem::size_of::<DeviceLimits>() == 256);
    assert!(core::mem::offset_of!(DeviceLimits, message_bytes) == 0);
    assert!(core::mem::offset_of!(DeviceLimits, mr_bytes) == 8);
    assert!(core::mem::offset_of!(DeviceLimits, pds) == 16);
    assert!(core::mem::offset_of!(DeviceLimits, mrs) == 20);
    assert!(core::mem::offset_of!(DeviceLimits, mws) == 24);
    assert!(core::mem::offset_of!(DeviceLimits, cqs) == 28);
    assert!(core::mem::offset_of!(DeviceLimits, eqs) == 32);
    assert!(core::mem::offset_of!(DeviceLimits, srqs) == 36);
    assert!(core::mem::offset_of!(DeviceLimits, qps) == 40);
    assert!(core::mem::offset_of!(DeviceLimits, listeners) == 44);
    assert!(core::mem::offset_of!(DeviceLimits, connections) == 48);
    assert!(core::mem::offset_of!(DeviceLimits, endpoints) == 52);
    assert!(core::mem::offset_of!(DeviceLimits, addresses) == 56);
    assert!(core::mem::offset_of!(DeviceLimits, sq_log) == 60);
    assert!(core::mem::offset_of!(DeviceLimits, rq_log) == 64);
    assert!(core::mem::offset_of!(DeviceLimits, srq_log) == 68);
    assert!(core::mem::offset_of!(DeviceLimits, cq_log) == 72);
    assert!(core::mem::offset_of!(DeviceLimits, eq_log) == 76);
    assert!(core::mem::offset_of!(DeviceLimits, send_segments) == 80);
    assert!(core::mem::offset_of!(DeviceLimits, recv_segments) == 84);
    assert!(core::mem::offset_of!(DeviceLimits, inline_bytes) == 88);
    assert!(core::mem::offset_of!(DeviceLimits, mr_chunk_pages) == 92);
    assert!(core::mem::offset_of!(DeviceLimits, mr_pages) == 96);
    assert!(core::mem::offset_of!(DeviceLimits, fast_register_pages) == 100);
    assert!(core::mem::offset_of!(DeviceLimits, read_depth_in) == 104);
    assert!(core::mem::offset_of!(DeviceLimits, read_depth_out) == 108);
    assert!(core::mem::offset_of!(DeviceLimits, key_reuse_distance) == 112);
    assert!(core::mem::offset_of!(DeviceLimits, backlog) == 116);
    assert!(core::mem::offset_of!(DeviceLimits, connect_private_bytes) == 120);
    assert!(core::mem::offset_of!(DeviceLimits, accept_private_bytes) == 124);
    assert!(core::mem::offset_of!(DeviceLimits, reject_private_bytes) == 128);
    assert!(core::mem::offset_of!(DeviceLimits, eth_queues) == 132);
    assert!(core::mem::offset_of!(DeviceLimits, eth_ring_log) == 136);
    assert!(core::mem::offset_of!(DeviceLimits, eth_frame_bytes) == 140);
    assert!(core::mem::offset_of!(DeviceLimits, rss_table) == 144);
    assert!(core::mem::offset_of!(DeviceLimits, multicast) == 148);
    assert!(core::mem::offset_of!(DeviceLimits, page_sizes) == 152);
    assert!(core::mem::offset_of!(DeviceLimits, reserved_156) == 156);
};

impl DeviceLimits {
    /// Size in bytes.
    pub const SIZE: usize = 256;

    /// All bytes zero.
    #[must_use]
    pub const fn zeroed() -> Self {
        Self {
            message_bytes: U64::ZERO,
            mr_bytes: U64::ZERO,
            pds: U32::ZERO,
            mrs: U32::ZERO,
            mws: U32::ZERO,
            cqs: U32::ZERO,
            eqs: U32::ZERO,
            srqs: U32::ZERO,
            qps: U32::ZERO,
            listeners: U32::ZERO,
            connections: U32::ZERO,
            endpoints: U32::ZERO,
            addresses: U32::ZERO,
            sq_log: U32::ZERO,
            rq_log: U32::ZERO,
            srq_log: U32::ZERO,
            cq_log: U32::ZERO,
            eq_log: U32::ZERO,
            send_segments: U32::ZERO,
            recv_segments: U32::ZERO,
            inline_bytes: U32::ZERO,
            mr_chunk_pages: U32::ZERO,
            mr_pages: U32::ZERO,
            fast_register_pages: U32::ZERO,
            read_depth_in: U32::ZERO,
            read_depth_out: U32::ZERO,
            key_reuse_distance: U32::ZERO,
            backlog: U32::ZERO,
            connect_private_bytes: U32::ZERO,
            accept_private_bytes: U32::ZERO,
            reject_private_bytes: U32::ZERO,
            eth_queues: U32::ZERO,
            eth_ring_log: U32::ZERO,
            eth_frame_bytes: U32::ZERO,
            rss_table: U32::ZERO,
            multicast: U32::ZERO,
            page_sizes: U32::ZERO,
            reserved_156: [0; 100],
        }
    }

    /// Whether every reserved byte and bit, those of contained types included, is zero.
    #[must_use]
    pub fn reserved_is_zero(&self) -> bool {
        self.reserved_156.iter().all(|v| *v == 0)
    }
}

impl Default for DeviceLimits {
    fn default() -> Self {
        Self::zeroed()
    }
}
