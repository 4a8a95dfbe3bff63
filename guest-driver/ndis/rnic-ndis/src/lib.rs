//! The Windows driver of the rnic device: an NDIS miniport that is a complete NDK provider.
//!
//! Parts, from Windows inwards:
//! - [`miniport`]: registration with NDIS and its handlers, each a few lines that check and delegate.
//! - [`nt`]: what the kernel gives, made safe: pool, locks, events, work items, timers, log; IRQL as types.
//!
//! Everything of this crate compiles on any machine; what needs a kernel panics there, the rest is tested by
//! `cargo test`. Not here: the device's logic (`rnic-driver-core`), bindings (`ndis-sys`).
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod miniport;
pub mod nt;

pub use miniport::driver_entry;

/// Tag of the driver's pool blocks: `Rnic` in a debugger.
pub const POOL_TAG: u32 = u32::from_le_bytes(*b"Rnic");

/// Bugcheck code of a bug in this driver: BUGCODE_NDIS_DRIVER belongs to NDIS, this one is the driver's.
pub const BUGCHECK: u32 = 0xE152_4E49;
