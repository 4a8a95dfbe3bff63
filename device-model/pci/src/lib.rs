//! A PCI Express endpoint function: configuration space, capabilities, BARs, MSI-X and MSI.
//!
//! A [`Function`] is built from a [`Description`] and then only reads and writes: it does no I/O,
//! owns no memory of the device and knows nothing of what the device is for. What a configuration
//! write means for the device comes back as a list of [`Effect`]s.
//!
//! | module | what it is |
//! |---|---|
//! | `description` | what a function looks like, and the check of it |
//! | `layout` | every register: offset, reset value, who may change which bits, with its section |
//! | `function` | accesses, effects, resets, BAR decode, MSI |
//! | `msix` | MSI-X table and pending bits, and the vectors behind them |
//!
//! Sections cited are those of the PCI Express Base Specification 5.0.
//!
//! What it does not do: no INTx, no I/O BARs, no expansion ROM, no bridge, one function; no
//! Advanced Error Reporting, because nothing here ever makes the errors it would report; links of
//! at most 5.0 GT/s, because faster ones must have capabilities that describe real lanes.
//!
//! Its tests: beside `msix`, and `tests/` (golden bytes, every bit of every register, resets,
//! arbitrary accesses).
#![no_std]
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

extern crate alloc;

mod description;
mod function;
mod layout;
mod msix;

pub use description::{
    Bar, BarKind, Description, DescriptionError, Interrupts, LinkSpeed, MaxPayload,
};
pub use function::{Effect, Function, PowerState, ResetKind};
pub use layout::{CONFIG_SIZE, Register, offset};
pub use msix::{Delivery, Message, MsixTable, NoSuchVector, Raise, VectorState};
