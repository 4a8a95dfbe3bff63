//! The Windows driver of the rnic device: an NDIS miniport that is a complete NDK provider.
//!
//! Parts, from Windows inwards:
//! - [`miniport`]: registration with NDIS and its handlers, each a few lines that delegate.
//! - [`adapter`]: one function's life, settings and attributes; [`oid`]: requests.
//! - [`ethernet`]: the network interface card; [`ndk`]: the NDK provider.
//! - [`engine`]: one life of the device: verbs, events, completion event queues.
//! - [`hw`]: BARs, shared memory, interrupts: the driver core's `Platform`.
//! - [`nt`]: what the kernel gives, made safe: pool, locks, events, work items, timers, log; IRQL as types.
//!
//! Everything of this crate compiles on any machine; what needs a kernel panics there, the rest is tested by
//! `cargo test`. Not here: the device's logic (`rnic-driver-core`), bindings (`ndis-sys`).
#![no_std]
// NDIS handles are pointers by type; nobody here dereferences one.
#![allow(clippy::not_unsafe_ptr_arg_deref)]
// Errors carry handles that the device may still use; they are moved rarely, and boxing would allocate.
#![allow(clippy::result_large_err)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod adapter;
pub mod engine;
pub mod ethernet;
pub mod hw;
pub mod miniport;
pub mod ndk;
pub mod nt;
pub mod oid;

pub use miniport::driver_entry;

/// Tag of the driver's pool blocks: `Rnic` in a debugger.
pub const POOL_TAG: u32 = u32::from_le_bytes(*b"Rnic");

/// Bugcheck code of a bug in this driver: BUGCODE_NDIS_DRIVER belongs to NDIS, this one is the driver's.
pub const BUGCHECK: u32 = 0xE152_4E49;
