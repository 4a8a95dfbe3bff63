//! Frames of RoCEv2 and what carries them: codec without allocation.
//!
//! Parts, in the order a frame is read:
//! - [`psn`], [`number`], [`syndrome`], [`opcode`]: values with units, from which the rest is made.
//!
//! What it does not do: hold state, look up queue pairs, decide what a peer deserves, open sockets.
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

#[cfg(test)]
extern crate std;

pub mod number;
pub mod opcode;
pub mod psn;
pub mod syndrome;

pub use number::{Gid, MacAddr, Mtu, PKey, QKey, Qpn, RKey};
pub use opcode::{Class, ExtKind, Opcode, Operation, Position, With};
pub use psn::{Msn, Psn};
pub use syndrome::{Credits, NakCode, RnrTimer, Syndrome, TimeoutCode};
