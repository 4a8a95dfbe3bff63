// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Named numbers.

/// `RNIC` in ASCII, first letter lowest: the value of MAGIC.
pub const MAGIC_VALUE: u32 = 0x43494e52;
/// Bytes in a page of every page list of this interface, unless a memory region says otherwise.
pub const PAGE_SIZE: u32 = 0x1000;
/// Slots in a doorbell page.
pub const DOORBELL_PAGE_SLOTS: u32 = 512;
/// First slot of a page that a queue can own; slots 0 to 7 hold the page's summary map, or nothing.
pub const DOORBELL_FIRST_SLOT: u32 = 8;
/// First page that holds queue slots; page 0 holds the device summary map, or nothing.
pub const DOORBELL_FIRST_PAGE: u32 = 1;
/// In a vector field: no interrupt.
pub const VECTOR_NONE: u16 = 0xffff;
/// Offset of the scatter/gather entries, or of inline data, in a send queue entry.
pub const SEGMENTS_AT: u32 = 48;
/// Offset of the scatter entries in a receive queue entry.
pub const RECV_SEGMENTS_AT: u32 = 16;
/// The retired-count word is written at the latest after this many retired entries.
pub const RETIRE_INTERVAL: u32 = 16;
/// Offset of the MSI-X table in BAR_MSIX.
pub const MSIX_TABLE_OFFSET: u32 = 0;
/// Offset of the MSI-X pending bit array in BAR_MSIX.
pub const MSIX_PBA_OFFSET: u32 = 0x1000;
/// First port given out for port 0 (RFC 6335).
pub const EPHEMERAL_PORT_FIRST: u16 = 0xc000;
/// Last port given out for port 0 (RFC 6335).
pub const EPHEMERAL_PORT_LAST: u16 = 0xffff;
/// Neighbours remembered at most.
pub const NEIGHBOUR_ENTRIES: u32 = 0x400;
/// Questions for a neighbour before the device gives up (RFC 4861, 10).
pub const NEIGHBOUR_TRIES: u32 = 3;
/// Time between questions for a neighbour, milliseconds (RFC 4861, 10).
pub const NEIGHBOUR_RETRY_MS: u32 = 1000;
/// Time that a neighbour is used after it was last confirmed, milliseconds (RFC 4861, 10).
pub const NEIGHBOUR_FRESH_MS: u32 = 0x7530;
/// Time after a confirmation in which a neighbour does not move, milliseconds.
pub const NEIGHBOUR_LOCK_MS: u32 = 1000;
/// Bytes of the global route header area at the start of a datagram receive buffer (IBTA 1.4, 8.3).
pub const GRH_BYTES: u32 = 40;
