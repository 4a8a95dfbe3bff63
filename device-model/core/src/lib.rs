//! The hardware of an rnic device: registers, doorbells, rings, keys, queues, DMA, interrupts.
//!
//! Sans-I/O: no clock, thread, socket, file or global. Everything from outside comes through
//! [`env::Env`]; guest memory is reached through [`dma::DmaSpace`] alone. What a guest, a
//! neighbour or a frame says is parsed once into a validated type, and only that is used.
//!
//! | module | what it is |
//! |---|---|
//! | [`env`] | what a device needs from its host: clock, doorbell memory, port, neighbours |
//! | [`dma`] | guest memory |
//! | [`error`] | command errors and refusals of work |
//! | [`object`] | tables of objects behind handles |
//! | [`registers`] | the register file, driven by the specification's table |
//! | [`doorbell`] | slots, their owners, and which of them changed |
//! | [`interrupt`] | vectors and device-level causes |
//! | [`ring`] | rings given as page lists |
//! | [`command_ring`] | the VIRTIO split ring of commands |
//! | [`keys`] | domains, regions, windows, and the checks of every access |
//! | [`cq`], [`eq`], [`srq`], [`events`] | completions, event queues, shared receives |
//! | [`eth`] | the Ethernet lane |
//! | [`wqe`], [`qp`] | entries of work queues; queue pairs |
//! | [`segment`], [`payload`] | messages between devices of one process, and their data |
//! | [`hardware`] | all of it together, and the schedule of work |
//! | [`counters`], [`fault`] | what is counted, what can be made to fail |
//!
//! Not here: commands, connections, addresses (`rnic-firmware`); the RC protocol
//! (`rnic-transport`); frames as bytes (`rnic-wire`). Tests: beside each module; the whole is
//! exercised by the conformance suite and the simulator.
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

/// The PCI function that a device is reached through.
pub use pci_function as pci;

pub mod command_ring;
pub mod counters;
pub mod cq;
pub mod dma;
pub mod doorbell;
pub mod env;
pub mod eq;
pub mod error;
pub mod eth;
pub mod events;
pub mod fault;
pub mod hardware;
pub mod interrupt;
pub mod keys;
pub mod object;
pub mod payload;
pub mod qp;
pub mod registers;
pub mod resources;
pub mod retired;
pub mod ring;
pub mod segment;
pub mod srq;
#[cfg(test)]
#[allow(dead_code, reason = "a kit that every module takes a part of")]
mod testing;
pub mod wqe;
