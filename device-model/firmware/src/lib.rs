//! The control plane of an rnic device, above the hardware of `rnic-core`.
//!
//! [`Device`] joins the hardware, the PCI function and the command set behind one set of calls;
//! a host (the daemon, the simulator) owns one and gives each call an [`rnic_core::env::Env`].
//!
//! | module | what it is |
//! |---|---|
//! | `device` | the device as its host sees it |
//! | `command` | requests to answers, a file for each group of commands |
//! | `address` | addresses of the device, endpoints, answers to ARP and neighbour discovery |
//! | `cm` | the connection manager |
//! | `plane` | what commands leave behind |
//!
//! Sans-I/O like the core: no clock, thread, socket, file or global. A firmware author can
//! replace this crate and keep the rest. Tests: beside each module; the conformance suite runs
//! the whole.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation
    )
)]

mod address;
mod cm;
mod command;
mod device;
#[cfg(test)]
mod hostile_tests;
mod plane;
#[cfg(test)]
mod testing;

pub use device::{Config, ConfigError, Device, FEATURES, ResetKind, Signalling};
