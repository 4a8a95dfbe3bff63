//! The interface of the rnic device as Rust: what software and the device agree on.
//!
//! Almost everything here is generated from `firmware-spec/spec` by `rnic-codegen`, where it
//! is checked and documented; change it there. At the root stand the structs, flags words and
//! open enums; beside them the modules [`reg`], [`place`], [`feature`], [`limit`], [`consts`],
//! [`interface`] and [`cmd`], and the metadata tables ([`REGISTERS`], [`COMMANDS`],
//! [`STRUCTS`] and the rest) whose types are in [`meta`].
//!
//! - A struct is plain bytes: little endian, unaligned, every byte named, so it can be read
//!   from and written to any memory ([`read`], or `zerocopy`). Nothing in it is validated.
//! - An enum is open: an unknown code is a value, and [`core::fmt::Debug`] prints its number.
//! - A flags word keeps bits it does not know; `reserved_bits_set` tells.
//!
//! Written by hand: [`BitField`], [`Command`], [`Layout`], [`meta`] and the printing of enums
//! and flags. Not here: rings, doorbell order or any other behaviour (`firmware-spec/chapters`
//! says it, the device and the driver each implement it). Tests: `tests/`, and the const
//! assertions on the size and every offset of every struct.
#![no_std]
#![forbid(unsafe_code)]

mod bitfield;
mod generated;
mod layout;
pub mod meta;
mod print;

pub use bitfield::BitField;
pub use generated::*;
pub use layout::{Command, Layout, read, size};
