// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Feature bits, as masks of the feature word.

/// Summary maps in doorbell pages: after a slot store the driver sets the slot's bit in its page map and the page's bit in the device map with atomic ORs.
///
/// Bit 0.
pub const SUMMARY: u64 = 0x1;
/// The device sleeps when idle, says so in the parked word, and is woken by KICK.
///
/// Bit 1.
pub const PARKING: u64 = 0x2;
/// Shared receive queues.
///
/// Bit 2.
pub const SRQ: u64 = 0x4;
/// Memory windows of type 1 and type 2.
///
/// Bit 3.
pub const MEMORY_WINDOWS: u64 = 0x8;
/// RESIZE_CQ.
///
/// Bit 4.
pub const CQ_RESIZE: u64 = 0x10;
/// MODERATE_CQ.
///
/// Bit 5.
pub const CQ_MODERATION: u64 = 0x20;
/// Compare-and-swap and fetch-and-add of 8 bytes, atomic among all queue pairs of the device and with the guest's own atomic instructions.
///
/// Bit 6.
pub const ATOMICS: u64 = 0x40;
/// The device's own connection manager: endpoints, listeners, connections, addresses.
///
/// Bit 7.
pub const CONNECTIONS: u64 = 0x80;
/// The guest may own QP1 and run the connection manager itself. Not together with CONNECTIONS.
///
/// Bit 8.
pub const GUEST_QP1: u64 = 0x100;
/// Unreliable datagram queue pairs.
///
/// Bit 9.
pub const UD: u64 = 0x200;
/// Unreliable connected queue pairs.
///
/// Bit 10.
pub const UC: u64 = 0x400;
/// The Ethernet lane: split virtqueues with virtio_net_hdr.
///
/// Bit 11.
pub const ETHERNET: u64 = 0x800;
/// Receive side scaling over several Ethernet receive queues.
///
/// Bit 12.
pub const ETH_RSS: u64 = 0x1000;
/// Large send offload in virtio_net_hdr (TCP over IPv4 and IPv6).
///
/// Bit 13.
pub const ETH_LSO: u64 = 0x2000;
/// Completions carry CLOCK at the moment they were written.
///
/// Bit 14.
pub const TIMESTAMPS: u64 = 0x4000;
/// Answers congestion marks with CNP and limits its own rate on CNP (DCQCN).
///
/// Bit 15.
pub const CONGESTION_CONTROL: u64 = 0x8000;
/// Resends only what was lost, between two devices that both have it.
///
/// Bit 16.
pub const SELECTIVE_RETRANSMIT: u64 = 0x10000;
/// A queue pair may connect to another of the same device.
///
/// Bit 17.
pub const LOOPBACK: u64 = 0x20000;
/// Privileged protection domains, whose key names DMA addresses directly.
///
/// Bit 18.
pub const PRIVILEGED_KEYS: u64 = 0x40000;
/// End-to-end flow control: reliable connections that ask for it tell their peers of receives, and send within what their peers have.
///
/// Bit 19.
pub const FLOW_CONTROL: u64 = 0x80000;

/// Every feature bit the specification names.
pub const ALL_NAMED: u64 = 0xfffff;
/// Those that only a software device may offer.
pub const ALL_SOFTWARE_ONLY: u64 = 0x3;
