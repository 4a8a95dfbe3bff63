//! A vfio-user server: the protocol that lets a virtual machine monitor use a device that lives in another process.
//!
//! The crate speaks the protocol and nothing else. What the device is, it learns from a [`DeviceInfo`]; what the device does, it asks of a
//! [`Backend`]. The standard is "vfio-user Protocol Specification" (QEMU, `docs/interop/vfio-user.rst`), cited by section name.
//!
//! # Parts, from the bytes up
//!
//! - [`codec`]: message layouts, the stream decoder, the parser from bytes to [`codec::Request`]. Sans-I/O, knows no device.
//! - [`dma`]: [`dma::DmaMaps`], which DMA ranges the client has given and which of its requests contradict each other.
//! - [`device`] and [`backend`]: what a device is and what it does.
//! - [`session`]: [`Session`], one client's conversation: bytes and descriptors in, calls on the backend, bytes and descriptors out. Sans-I/O.
//! - [`server`]: [`Connection`] puts a session on a Unix socket, [`Listener`] makes sockets, [`Server`] is both: one client at a time, for ever.
//!
//! # What holds
//!
//! - The peer is hostile. No message makes the server panic, block, lose its place in the stream or hold more memory than [`limits`] allows.
//!   A wrong message is answered with a non-zero errno and the next one is served; only a header that cannot be one ends the connection.
//! - Nothing blocks. Work per call is bounded by a [`Budget`]. While the client does not read its replies, its requests are not read either.
//! - The reply to DMA_UNMAP may wait for the backend ([`UnmapOutcome::Pending`]) while register accesses go on. Replies to DMA_MAP and
//!   DMA_UNMAP keep their order among themselves, because QEMU waits only for the last of a transaction.
//! - A message leaves in a `sendmsg` of its own, because QEMU gives up a connection whose reply header arrives in two reads.
//!
//! # What it does not do
//!
//! It never sends commands (no DMA_READ, DMA_WRITE: memory must be shared), offers no twin socket, no region descriptors for ioeventfd, no
//! dirty page tracking, no migration: these are refused with ENOTSUP. It maps no memory and raises no interrupt; the backend gets the descriptors.
//!
//! # Tests
//!
//! `tests/malformed.rs` has one row for every way to be wrong; `tests/stream.rs` fragmentation, arbitrary bytes and bounds;
//! `tests/session.rs`, `tests/info.rs` and `tests/dma.rs` what a good client sees; `tests/fd_leak.rs` descriptors; `tests/listener.rs`
//! sockets and reconnection; `tests/independent_client.rs` the client of the `vfio_user` crate.

#![deny(unsafe_code)]
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

pub mod backend;
pub mod codec;
pub mod device;
pub mod dma;
mod errno;
pub mod limits;
pub mod server;
pub mod session;
#[allow(unsafe_code)]
mod socket;

pub use backend::{Backend, DmaMemory, IrqOperation, Unmap, UnmapOutcome, UnmapToken};
pub use device::{
    DeviceInfo, DeviceInfoError, IrqInfo, MmapArea, RegionInfo, RegionMmap, RegionPermissions,
};
pub use dma::DmaRange;
pub use errno::Errno;
pub use server::{Budget, Connection, Interest, Listener, Progress, Server, ServerEvent};
pub use session::{CloseReason, Negotiated, Session, Stats};
