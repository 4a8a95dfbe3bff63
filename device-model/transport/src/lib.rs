//! The transport services as state machines, sans I/O.
//!
//! A *segment* is what passes between the two: a header over one or more consecutive packets of one
//! message. Over frames it covers exactly one packet; between devices of one process it covers as
//! many as the caller likes to move at once. Sequence numbers, order, checks and errors are the same.
//!
//! - [`header`]: what a segment says, [`RequestHeader`] and [`ResponseHeader`];
//! - [`rc::Requester`]: messages out, acknowledges in; window, read depth, timers, retries, go-back-N;
//! - [`rc::Responder`]: requests in, verdicts and responses out; order, duplicates, NAKs;
//! - [`packet`]: one-packet segments to and from the headers of a frame, and the octets that a
//!   segment would have been as frames;
//!   Both also without answers, as an unreliable connection has them;
//! - [`ud`]: datagrams, which need no machine: headers, and whether one is taken;
//! - [`dcqcn`]: when a receiver tells of congestion, and how fast its sender may send then;
//! - [`split`]: a segment of many packets, cut into them;
//! - [`time`]: the clock, always an argument.
//!
//! What it does not do: it owns no memory, clock, socket or queue pair. It checks no keys and copies
//! no data: a verdict says what to do, and the caller reports how it went. Addresses, partition keys
//! and checksums are judged before a header gets here.
//!
//! Tests: beside the code, and `tests/pair.rs`: two endpoints with a queue between them.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod dcqcn;
pub mod header;
pub mod packet;
pub mod rc;
pub mod split;
pub mod time;
pub mod ud;

pub use header::{
    Ending, MAX_MESSAGE_BYTES, RequestHeader, RequestOperation, ResponseBody, ResponseHeader,
    Target, packets_of,
};
pub use time::Nanos;
