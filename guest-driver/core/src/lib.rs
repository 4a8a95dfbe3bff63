//! The driver's logic for the rnic device, for any operating system: bring-up, commands, rings, verbs.
//!
//! It runs over [`rnic_platform::Platform`], never waits and never panics for want of memory. What takes time returns a
//! [`Token`] and is finished by [`Control::poll`], which whoever has the interrupt calls. What needs memory reserves it
//! before it tells the device anything, and says [`Error::NoMemory`] when it cannot.
//!
//! - [`BringUp`] takes a platform to a [`Device`]: a [`Nic`], a [`Control`] and a [`GeneralEq`].
//! - [`Nic`] is what every CPU shares, unchanging: the platform, identity, limits, doorbell rules.
//! - [`Control`] is the command ring with every verb; one owner at a time.
//! - [`SendQueue`], [`RecvQueue`], [`Srq`], [`Cq`], [`CompletionEq`], [`GeneralEq`] and [`EthQueue`] are owned handles
//!   with no common lock: each may be used on a CPU of its own.
//!
//! Memory of a queue belongs to its handle, so a handle must outlive its object in the device: destroy the object by a
//! verb of [`Control`], which takes the handle and drops it when the device has answered, or reset the device
//! ([`Nic::begin_reset`], [`Nic::reset_is_complete`]) before dropping handles.
//!
//! Everything read from the device is checked: handles, lengths, statuses, counts. A device that breaks a rule is a
//! [`Violation`]; the command ring stops and hands back what it kept, and only a reset helps.
//!
//! Not here: waiting, threads, interrupts, operating systems. Tests: `tests/` for rings and encodings against memory;
//! bring-up, traffic and failed allocations against the device in `device-model/sim/tests`.
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
#![deny(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]
// Nothing may be boxed here: handles and operations are moved, rarely, and lie in tables made at bring-up.
#![allow(clippy::large_enum_variant, clippy::result_large_err)]

extern crate alloc;

mod bringup;
mod command;
mod cq;
mod doorbell;
mod eq;
mod error;
mod ethernet;
mod event;
mod handle;
mod identify;
mod memory;
mod nic;
mod recv;
mod ring;
mod send;
mod srq;
mod work;

pub use bringup::{BringUp, Config, Device, Failed, Step};
pub use command::{
    Accept, Address, Connect, Control, Counters, CqGeometry, Done, EthGeometry, Failure, NewRing,
    Object, Outcome, QpGeometry, QpReceive, Region, SrqGeometry, Token,
};
pub use cq::{Cq, CqRing, Wc};
pub use doorbell::Bell;
pub use eq::{CompletionEq, CqSignal, GeneralEq};
pub use error::{CommandError, Error, PostError, Violation};
pub use ethernet::{EthQueue, Fragment, UsedBuffer};
pub use event::{CmInfo, Event, PrivateData};
pub use handle::{
    AddressIndex, ConnectionId, Cqn, EndpointId, Eqn, Key, ListenerId, PdHandle, Qpn, Srqn,
};
pub use memory::Bounded;
pub use nic::{Identity, Nic, Port};
pub use recv::RecvQueue;
pub use send::SendQueue;
pub use srq::{Srq, SrqRing};
pub use work::{
    Atomic, Bind, Data, Datagram, FastRegister, Operation, Remote, WorkRequest, segment,
};

/// A connected pair of queues, or any queue pair: what CREATE_QP gives.
pub struct Qp<P: rnic_platform::Platform> {
    /// Its number.
    pub qpn: Qpn,
    /// Send queue.
    pub send: SendQueue<P>,
    /// Receive queue; none when receives come from a shared receive queue.
    pub recv: Option<RecvQueue<P>>,
}
