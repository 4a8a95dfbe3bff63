//! The PCI function as Windows gives it.
//!
//! - [`resources`]: what was assigned: BARs and interrupt messages.
//! - [`platform`]: [`Hardware`], and the driver core's `Platform` over it.
//! - [`memory`]: memory that the device reaches.
//! - [`interrupt`]: MSI-X messages to handlers.

pub mod interrupt;
pub mod memory;
pub mod platform;
pub mod resources;

pub use memory::SharedMemory;
pub use platform::{Hardware, NtPlatform};
