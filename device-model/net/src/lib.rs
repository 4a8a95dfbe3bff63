//! Ports: where frames enter and leave a device.
//!
//! - [`pcap`]: capture files, read and written;
//! - [`decode`]: what `rnic decode` shows and checks.
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

pub mod decode;
pub mod pcap;
