//! The rnic daemon and its tools.
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | the command line and its help |
//! | [`config`] | what a daemon is to serve, from options and file, checked |
//! | [`serve`] | the daemon: devices on vfio-user sockets |
//! | [`control`] | the control socket |
//! | `client` | ping and perf (feature `client`) |
//! | [`logging`] | logs, with a limit for each device |
//! | [`capabilities`], [`decode`] | small commands |
//!
//! What a guest or a client says is parsed by the crates below (`vfio-user-server`, `rnic-core`);
//! this one gives them sockets, memory, time and threads. Tests: beside the code, and `tests/`,
//! which runs the binary.
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
#![deny(unsafe_code)]

pub mod capabilities;
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
pub mod config;
pub mod control;
pub mod decode;
pub mod logging;
pub mod serve;
