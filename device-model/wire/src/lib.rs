//! Frames of RoCEv2 and what carries them: codec without allocation.
//!
//! Parts, in the order a frame is read:
//! - [`psn`], [`number`], [`syndrome`], [`opcode`]: values with units, from which the rest is made;
//!   [`error`]: why a frame is dropped, or cannot be built;
//! - [`bth`], [`ext`], [`packet`]: what the transport layer sees;
//! - [`eth`], [`ip`], [`ipv4`], [`ipv6`], [`udp`], [`icrc`]: what carries it;
//! - [`frame`]: all of it together, read and written in place; [`cnp`]: congestion notification;
//! - [`arp`], [`nd`], [`nd_option`]: address resolution;
//! - [`mad`], [`cm`], [`cma`]: connection management;
//! - [`received`]: sorts what a port receives into these and the rest.
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

pub mod arp;
pub mod bth;
mod bytes;
pub mod cm;
pub mod cma;
pub mod cnp;
pub mod error;
pub mod eth;
pub mod ext;
pub mod frame;
pub mod icrc;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod mad;
pub mod nd;
pub mod nd_option;
pub mod number;
pub mod opcode;
pub mod packet;
pub mod psn;
pub mod received;
pub mod syndrome;
pub mod udp;

pub use arp::{Arp, ArpFrame, ArpOperation};
pub use bth::Bth;
pub use cm::CmMessage;
pub use cma::CmaHeader;
pub use error::{DropReason, EncodeError};
pub use eth::{EthHeader, VlanTag};
pub use ext::{Aeth, AtomicEth, Deth, Ext, Feth, Immediate, Reth};
pub use frame::{Envelope, Frame, FrameEncoder, Icrc, MAX_FRAME_LEN, MAX_HEADER_LEN};
pub use ip::{Ecn, IpHeader};
pub use ipv4::Ipv4Header;
pub use ipv6::Ipv6Header;
pub use mad::{CmMad, MAD_LEN, MadHeader};
pub use nd::{NaFlags, NdFrame, NdMessage};
pub use nd_option::{NdOption, NdOptions};
pub use number::{Gid, MacAddr, Mtu, PKey, QKey, Qpn, RKey};
pub use opcode::{Class, ExtKind, Opcode, Operation, Position, With};
pub use packet::Packet;
pub use psn::{Msn, Psn};
pub use received::{Protocol, Received, classify};
pub use syndrome::{Credits, NakCode, RnrTimer, Syndrome, TimeoutCode};
pub use udp::{ROCE_PORT, UdpChecksum, UdpHeader};
