//! The driver's Platforms on Linux, and a client that waits.
//!
//! - [`Socket`]: a device process over its vfio-user socket, no virtual machine
//! - [`Qtest`]: the device as a PCI function of QEMU, driven without a guest
//! - [`Vfio`]: the function inside a Linux guest, or in silicon, through VFIO
//! - [`client`]: verbs that wait, for tools: rnic-driver-core itself never does
//! - binary `rnic-conform`: the conformance suite on any of these
//!
//! `unsafe` is mapping memory and handing it to the kernel: `mmap`, `arena`, `vfio`. No driver logic lives here. Tests:
//! unit tests in the modules; the conformance suite shows each platform whole.
#![deny(unsafe_op_in_unsafe_fn)]

mod arena;
pub mod client;
mod doorbell;
mod mmap;
mod pci;
mod qtest;
mod socket;
mod vectors;
mod vfio;
mod wire;

pub use arena::{HostBuffer, Mapped};
pub use doorbell::HostDoorbell;
pub use qtest::{Qtest, QtestOptions};
pub use socket::{IOVA as SOCKET_IOVA, Socket, SocketOptions};
pub use vfio::{Vfio, VfioOptions};
pub use wire::Wire;
pub use {rnic_driver_core as driver, rnic_platform as platform};

/// Why a platform could not be opened.
#[derive(Debug)]
pub struct OpenError(String);

impl OpenError {
    fn new(doing: &str, what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self(format!("cannot {doing} {what}: {why}"))
    }
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}
