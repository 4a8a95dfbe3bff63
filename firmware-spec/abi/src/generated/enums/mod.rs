// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Open enums: an unknown code is a value.

mod commands;
pub use commands::*;
mod doorbells;
pub use doorbells::*;
mod events;
pub use events::*;
mod queues;
pub use queues::*;
mod status;
pub use status::*;
mod tables;
pub use tables::*;
