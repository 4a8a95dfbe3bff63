// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Layouts in memory, little endian.

mod commands;
pub use commands::*;
mod device_limits;
pub use device_limits::*;
mod events;
pub use events::*;
mod queues;
pub use queues::*;
