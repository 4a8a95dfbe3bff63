//! Fuzz targets, as functions of bytes: `targets::NAME::run`.
//!
//! A target must end, must not panic, and must hold what it says about itself, whatever the bytes. `cargo xtask fuzz`
//! runs them under libFuzzer; `tests/replay.rs` runs what was found, and seeds made of captures, on every `cargo test`.

pub mod input;
pub mod rig;
pub mod seeds;
pub mod targets;
