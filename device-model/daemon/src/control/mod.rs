//! The control socket: one JSON object a line, one answer a line.
//!
//! `{"command": "query-devices"}` is answered by `{"return": ...}`, or by `{"error": "..."}`.
//! [`server`] runs in the main thread and asks the workers; [`client`] is `rnic control`.
//! Whoever may open the socket may do all of it: the directory's permissions say who.

pub mod client;
mod protocol;
mod server;

pub use server::Server;
