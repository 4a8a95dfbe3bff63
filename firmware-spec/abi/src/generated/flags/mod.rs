// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Words made of bit fields.

mod commands;
pub use commands::*;
mod doorbells;
pub use doorbells::*;
mod queues;
pub use queues::*;
mod status;
pub use status::*;
