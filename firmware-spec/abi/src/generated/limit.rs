// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Limits: what the model offers, and the minimum every implementation offers.

/// Largest command ring.
///
/// In log2 entries; what the model offers.
pub const COMMAND_RING_LOG: u64 = 8;
/// The least that any implementation offers as [`COMMAND_RING_LOG`].
pub const COMMAND_RING_LOG_MINIMUM: u64 = 6;
/// Interrupt vectors.
///
/// In vectors; what the model offers.
pub const VECTORS: u64 = 64;
/// The least that any implementation offers as [`VECTORS`].
pub const VECTORS_MINIMUM: u64 = 64;
/// Doorbell pages, page 0 included.
///
/// In pages; what the model offers.
pub const DOORBELL_PAGES: u64 = 1024;
/// The least that any implementation offers as [`DOORBELL_PAGES`].
pub const DOORBELL_PAGES_MINIMUM: u64 = 17;
/// Protection domains.
///
/// In objects; what the model offers.
pub const PDS: u64 = 4096;
/// The least that any implementation offers as [`PDS`].
pub const PDS_MINIMUM: u64 = 16;
/// Memory regions.
///
/// In objects; what the model offers.
pub const MRS: u64 = 1048576;
/// The least that any implementation offers as [`MRS`].
pub const MRS_MINIMUM: u64 = 1024;
/// Memory windows.
///
/// In objects; what the model offers.
pub const MWS: u64 = 1048576;
/// The least that any implementation offers as [`MWS`].
pub const MWS_MINIMUM: u64 = 1024;
/// Completion queues.
///
/// In objects; what the model offers.
pub const CQS: u64 = 131072;
/// The least that any implementation offers as [`CQS`].
pub const CQS_MINIMUM: u64 = 64;
/// Event queues, the general one included.
///
/// In objects; what the model offers.
pub const EQS: u64 = 256;
/// The least that any implementation offers as [`EQS`].
pub const EQS_MINIMUM: u64 = 8;
/// Shared receive queues.
///
/// In objects; what the model offers.
pub const SRQS: u64 = 16384;
/// The least that any implementation offers as [`SRQS`].
pub const SRQS_MINIMUM: u64 = 16;
/// Queue pairs.
///
/// In objects; what the model offers.
pub const QPS: u64 = 65536;
/// The least that any implementation offers as [`QPS`].
pub const QPS_MINIMUM: u64 = 64;
/// Listeners.
///
/// In objects; what the model offers.
pub const LISTENERS: u64 = 1024;
/// The least that any implementation offers as [`LISTENERS`].
pub const LISTENERS_MINIMUM: u64 = 16;
/// Connections that are not yet released.
///
/// In objects; what the model offers.
pub const CONNECTIONS: u64 = 65536;
/// The least that any implementation offers as [`CONNECTIONS`].
pub const CONNECTIONS_MINIMUM: u64 = 64;
/// Reserved endpoints.
///
/// In objects; what the model offers.
pub const ENDPOINTS: u64 = 65536;
/// The least that any implementation offers as [`ENDPOINTS`].
pub const ENDPOINTS_MINIMUM: u64 = 64;
/// Entries of the address table.
///
/// In objects; what the model offers.
pub const ADDRESSES: u64 = 64;
/// The least that any implementation offers as [`ADDRESSES`].
pub const ADDRESSES_MINIMUM: u64 = 8;
/// Largest send queue.
///
/// In log2 entries; what the model offers.
pub const SQ_LOG: u64 = 15;
/// The least that any implementation offers as [`SQ_LOG`].
pub const SQ_LOG_MINIMUM: u64 = 8;
/// Largest receive queue.
///
/// In log2 entries; what the model offers.
pub const RQ_LOG: u64 = 15;
/// The least that any implementation offers as [`RQ_LOG`].
pub const RQ_LOG_MINIMUM: u64 = 8;
/// Largest shared receive queue.
///
/// In log2 entries; what the model offers.
pub const SRQ_LOG: u64 = 16;
/// The least that any implementation offers as [`SRQ_LOG`].
pub const SRQ_LOG_MINIMUM: u64 = 8;
/// Largest completion queue.
///
/// In log2 entries; what the model offers.
pub const CQ_LOG: u64 = 20;
/// The least that any implementation offers as [`CQ_LOG`].
pub const CQ_LOG_MINIMUM: u64 = 8;
/// Largest event queue.
///
/// In log2 entries; what the model offers.
pub const EQ_LOG: u64 = 17;
/// The least that any implementation offers as [`EQ_LOG`].
pub const EQ_LOG_MINIMUM: u64 = 8;
/// Scatter/gather entries of a send queue entry.
///
/// In segments; what the model offers.
pub const SEND_SEGMENTS: u64 = 32;
/// The least that any implementation offers as [`SEND_SEGMENTS`].
pub const SEND_SEGMENTS_MINIMUM: u64 = 16;
/// Scatter entries of a receive queue entry.
///
/// In segments; what the model offers.
pub const RECV_SEGMENTS: u64 = 32;
/// The least that any implementation offers as [`RECV_SEGMENTS`].
pub const RECV_SEGMENTS_MINIMUM: u64 = 16;
/// Inline data of a send queue entry.
///
/// In bytes; what the model offers.
pub const INLINE_BYTES: u64 = 512;
/// The least that any implementation offers as [`INLINE_BYTES`].
pub const INLINE_BYTES_MINIMUM: u64 = 128;
/// Longest message.
///
/// In bytes; what the model offers.
pub const MESSAGE_BYTES: u64 = 2147483648;
/// The least that any implementation offers as [`MESSAGE_BYTES`].
pub const MESSAGE_BYTES_MINIMUM: u64 = 16777216;
/// Longest memory region.
///
/// In bytes; what the model offers.
pub const MR_BYTES: u64 = 1099511627776;
/// The least that any implementation offers as [`MR_BYTES`].
pub const MR_BYTES_MINIMUM: u64 = 16777216;
/// Pages of one ADD_MR_PAGES.
///
/// In pages; what the model offers.
pub const MR_CHUNK_PAGES: u64 = 4096;
/// The least that any implementation offers as [`MR_CHUNK_PAGES`].
pub const MR_CHUNK_PAGES_MINIMUM: u64 = 512;
/// Quota of page addresses held for all memory regions of the device.
///
/// In pages; what the model offers.
pub const MR_PAGES: u64 = 8388608;
/// The least that any implementation offers as [`MR_PAGES`].
pub const MR_PAGES_MINIMUM: u64 = 65536;
/// Pages of one fast registration.
///
/// In pages; what the model offers.
pub const FAST_REGISTER_PAGES: u64 = 4096;
/// The least that any implementation offers as [`FAST_REGISTER_PAGES`].
pub const FAST_REGISTER_PAGES_MINIMUM: u64 = 512;
/// Inbound reads and atomics outstanding on a queue pair.
///
/// In requests; what the model offers.
pub const READ_DEPTH_IN: u64 = 128;
/// The least that any implementation offers as [`READ_DEPTH_IN`].
pub const READ_DEPTH_IN_MINIMUM: u64 = 16;
/// Outbound reads and atomics outstanding on a queue pair.
///
/// In requests; what the model offers.
pub const READ_DEPTH_OUT: u64 = 128;
/// The least that any implementation offers as [`READ_DEPTH_OUT`].
pub const READ_DEPTH_OUT_MINIMUM: u64 = 16;
/// A freed key index is not given out again before this many others were freed after it, unless all others are in use.
///
/// In keys; what the model offers.
pub const KEY_REUSE_DISTANCE: u64 = 1024;
/// The least that any implementation offers as [`KEY_REUSE_DISTANCE`].
pub const KEY_REUSE_DISTANCE_MINIMUM: u64 = 256;
/// Connection requests that a listener holds unanswered.
///
/// In requests; what the model offers.
pub const BACKLOG: u64 = 256;
/// The least that any implementation offers as [`BACKLOG`].
pub const BACKLOG_MINIMUM: u64 = 16;
/// Private data of CONNECT.
///
/// In bytes; what the model offers.
pub const CONNECT_PRIVATE_BYTES: u64 = 56;
/// The least that any implementation offers as [`CONNECT_PRIVATE_BYTES`].
pub const CONNECT_PRIVATE_BYTES_MINIMUM: u64 = 56;
/// Private data of ACCEPT.
///
/// In bytes; what the model offers.
pub const ACCEPT_PRIVATE_BYTES: u64 = 196;
/// The least that any implementation offers as [`ACCEPT_PRIVATE_BYTES`].
pub const ACCEPT_PRIVATE_BYTES_MINIMUM: u64 = 196;
/// Private data of REJECT_CONNECTION.
///
/// In bytes; what the model offers.
pub const REJECT_PRIVATE_BYTES: u64 = 148;
/// The least that any implementation offers as [`REJECT_PRIVATE_BYTES`].
pub const REJECT_PRIVATE_BYTES_MINIMUM: u64 = 148;
/// Ethernet receive queues, and as many transmit queues.
///
/// In queues; what the model offers.
pub const ETH_QUEUES: u64 = 16;
/// The least that any implementation offers as [`ETH_QUEUES`].
pub const ETH_QUEUES_MINIMUM: u64 = 8;
/// Largest Ethernet queue.
///
/// In log2 entries; what the model offers.
pub const ETH_RING_LOG: u64 = 12;
/// The least that any implementation offers as [`ETH_RING_LOG`].
pub const ETH_RING_LOG_MINIMUM: u64 = 8;
/// Longest Ethernet frame, VLAN tag included, frame check sequence not.
///
/// In bytes; what the model offers.
pub const ETH_FRAME_BYTES: u64 = 9234;
/// The least that any implementation offers as [`ETH_FRAME_BYTES`].
pub const ETH_FRAME_BYTES_MINIMUM: u64 = 1518;
/// Entries of the RSS indirection table.
///
/// In entries; what the model offers.
pub const RSS_TABLE: u64 = 128;
/// The least that any implementation offers as [`RSS_TABLE`].
pub const RSS_TABLE_MINIMUM: u64 = 128;
/// Multicast filter entries.
///
/// In addresses; what the model offers.
pub const MULTICAST: u64 = 128;
/// The least that any implementation offers as [`MULTICAST`].
pub const MULTICAST_MINIMUM: u64 = 32;
