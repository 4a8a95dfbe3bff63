//! SMB Direct over an NDK provider, as Windows' SMB Direct uses one: by dispatch tables, with receives posted for every credit,
//! sends that gather header and data, and memory lent to the server by fast registration.
//!
//! - [`objects`]: what is created, and closed again
//! - [`memory`]: buffers and their logical pages; entries by the privileged token
//! - [`port`]: the connection: completions, notifications, [`Transport`](crate::smb::transport::Transport)
//! - [`pair`]: two ends of ours over two adapters, one of which does what servers do
//! - [`hostile`]: the same, where the server breaks the rules
//!
//! `unsafe` is in `call!` alone, and where a page list is read.

pub mod hostile;
pub mod memory;
pub mod objects;
pub mod pair;
pub mod port;

pub use port::{Options, SmbDirect, Used};

use ndis_sys::ndk::*;

/// What an NDK status means to a person.
pub(crate) fn meaning(status: NTSTATUS) -> String {
    let text = match status {
        STATUS_IO_TIMEOUT => "the other side does not answer",
        STATUS_CANCELLED => "cancelled, because the connection has ended",
        STATUS_CONNECTION_REFUSED => "refused: nobody listens there",
        STATUS_HOST_UNREACHABLE => "nobody on the link has that address",
        STATUS_NETWORK_UNREACHABLE => "no route leads there",
        STATUS_CONNECTION_DISCONNECTED | STATUS_CONNECTION_RESET => {
            "the other side has ended the connection"
        }
        STATUS_CONNECTION_ABORTED => "the connection broke",
        STATUS_ACCESS_VIOLATION => "memory was used that may not be",
        STATUS_BUFFER_OVERFLOW => "more was sent than the receive has room for",
        STATUS_REMOTE_RESOURCES => "the other side took it for wrong",
        STATUS_INSUFFICIENT_RESOURCES => "the adapter is short of resources",
        STATUS_DEVICE_REMOVED | STATUS_DEVICE_NOT_READY => "the adapter is gone",
        STATUS_INVALID_ADDRESS => "the adapter does not have that address",
        _ => return format!("NDK status {status:#010x}"),
    };
    format!("{text} (NDK status {status:#010x})")
}

/// A request that the provider does not take.
pub(crate) fn not_taken(what: &str, status: NTSTATUS) -> crate::smb::transport::Lost {
    crate::smb::transport::Lost(if status == STATUS_CONNECTION_INVALID {
        "the server has ended the connection".to_owned()
    } else {
        format!("{what}: {}", meaning(status))
    })
}
