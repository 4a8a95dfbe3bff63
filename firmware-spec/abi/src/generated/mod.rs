// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! What firmware-spec/spec says, as Rust.

mod command_table;
pub use command_table::*;
mod enums;
pub use enums::*;
mod flags;
pub use flags::*;
mod layout_table;
pub use layout_table::*;
mod number_table;
pub use number_table::*;
mod register_table;
pub use register_table::*;
mod structs;
pub use structs::*;
pub mod cmd;
pub mod consts;
pub mod feature;
pub mod interface;
pub mod limit;
pub mod place;
pub mod reg;
