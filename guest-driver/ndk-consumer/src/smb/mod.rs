//! An SMB 3.1.1 client (MS-SMB2), as small as a share's files need, whose large reads and writes go by RDMA.
//!
//! - [`client`]: a session with a share: files, directories, transfers
//! - [`transport`]: what carries messages and lends memory; `crate::smbdirect` is one
//! - [`header`], [`request`], [`response`]: the messages; a response is parsed once, with every offset checked
//! - [`ntlm`], [`spnego`]: who we are (MS-NLMP, MS-SPNG); [`security`]: keys and signatures
//! - [`status`]: names of NTSTATUS values
//!
//! Not here: dialects before 3.1.1, encryption, compression, leases, several channels, DFS, Kerberos.
#![forbid(unsafe_code)]

pub mod client;
mod fields;
pub mod header;
pub mod ntlm;
pub mod request;
pub mod response;
pub mod security;
pub mod spnego;
pub mod status;
pub mod transport;

#[cfg(test)]
mod tests;

use std::fmt;

/// Why something with a share did not work.
#[derive(Debug)]
pub enum Error {
    /// The connection.
    Lost(transport::Lost),
    /// The server says no: to what, and the NTSTATUS.
    Status {
        /// What was asked.
        what: String,
        /// Its answer.
        status: u32,
    },
    /// The server's message is not what the protocol asks for.
    Protocol(String),
    /// A signature is wrong or missing, in the answer to this.
    Signature(&'static str),
    /// The client cannot do this.
    Unsupported(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(lost) => write!(f, "{lost}"),
            Self::Status { what, status } => match status::name(*status) {
                Some((name, meaning)) => write!(f, "{what}: {meaning} ({name})"),
                None => write!(f, "{what}: the server answers {status:#010x}"),
            },
            Self::Protocol(why) => write!(f, "the server breaks the protocol: {why}"),
            Self::Signature(what) => write!(
                f,
                "the answer to {what} is not signed as it must be: somebody may have changed it"
            ),
            Self::Unsupported(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<transport::Lost> for Error {
    fn from(lost: transport::Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<fields::Outside> for Error {
    fn from(outside: fields::Outside) -> Self {
        Self::Protocol(outside.to_string())
    }
}
