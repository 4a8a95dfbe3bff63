//! The SMB Direct protocol (MS-SMBD) without input or output: negotiation, credits, fragments, keepalive.
//!
//! - [`message`]: the messages, parsed once
//! - [`connection`]: one end of a connection: what arrives goes in, what is to be sent comes out
//!
//! Not here: RDMA, which carries it (`crate::smbdirect`), and SMB, which it carries (`crate::smb`).
#![forbid(unsafe_code)]

pub mod connection;
pub mod message;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
