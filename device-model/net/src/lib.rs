//! Ports: where frames enter and leave a device.
//!
//! - [`buffer`]: frames in buffers that are used again;
//! - [`pcap`]: capture files, read and written;
//! - [`capture`]: a recording of ports, begun and ended at any time;
//! - [`decode`]: what `rnic decode` shows and checks;
//! - [`switch`]: a learning switch between the ports of one process;
//! - [`fabric`]: that switch with queues, shared by the threads of a process;
//! - [`faults`]: what can go wrong with a frame;
//! - [`port`]: links by which a fabric reaches other processes and the kernel;
//! - [`shape`]: a line with a rate and a delay.
//!
//! Tests: beside the code; `tests/` runs the decoder over the captures of `../wire/tests`.
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

pub mod buffer;
pub mod capture;
pub mod decode;
pub mod fabric;
pub mod faults;
pub mod pcap;
pub mod port;
pub mod shape;
pub mod switch;
