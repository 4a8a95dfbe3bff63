//! The NDK provider of the rnic driver: NDKPI 1.2 and 2.1, over any operating system.
//!
//! ```text
//! consumer --dispatch tables--> raw/dispatch --> adapter pd cq srq qp mr mw endpoint listener connector
//!                                                     | Verb, Then
//!                                                  Provider <-- answered, event, interrupt -- operating system
//!                                                     | System
//!                                               Control, Nic of rnic-driver-core
//! ```
//! - [`Provider`] is what an operating system's glue makes, feeds with answers, events and interrupts, and opens
//!   adapters of. [`System`] is what it is asked for in turn: locks, the command ring, addresses of pages, a way to peers.
//! - Objects ([`raw::Object`]) live until their consumer closed them and everything that depends on them ended.
//! - Commands are values ([`verb`]) that wait in a queue; what follows their answer is a value too ([`then`]). Nothing
//!   is boxed, nothing waits, and nothing is allocated where work is posted or completions are polled.
//! - `raw` is the one module with `unsafe`; every other forbids it.
//!
//! Not here: NDIS, interrupts, DMA memory (`rnic-ndis`); the device's rings and commands (`rnic-driver-core`). Tests: the
//! modules' own, and `tests/`, which drives the dispatch tables as a consumer does over devices in the same process.
#![no_std]
#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    clippy::too_many_arguments,
    clippy::type_complexity
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod adapter;
mod address;
mod connector;
mod cq;
mod endpoint;
mod listener;
mod mr;
mod mw;
mod oid;
mod pd;
mod pending;
mod post;
mod provider;
mod qp;
pub mod raw;
mod registry;
mod srq;
mod status;
mod system;
mod then;
mod verb;

pub use adapter::{Adapter, Capabilities, capabilities, info};
pub use address::{LocalAddress, SocketAddress};
pub use connector::Connector;
pub use cq::Cq;
pub use endpoint::SharedEndpoint;
pub use listener::Listener;
pub use mr::Mr;
pub use mw::Mw;
pub use oid::performance_counters;
pub use pd::Pd;
pub use pending::COOKIE;
pub use provider::{OpenError, Patience, Provider};
pub use qp::{Completion, Qp};
pub use srq::Srq;
pub use system::{DmaOf, Event, NoRoute, PlatformOf, System};
