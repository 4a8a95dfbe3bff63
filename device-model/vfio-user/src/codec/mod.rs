//! The vfio-user messages, sans-I/O.
//!
//! - [`header`]: the 16 bytes before every message, command and flag numbers.
//! - [`payload`]: the fixed layouts that follow.
//! - [`version`]: the JSON of VFIO_USER_VERSION.
//! - [`request`]: bytes to a [`Request`], the only form in which the rest of the crate sees a message.
//! - [`reply`]: replies to bytes.
//! - [`stream`]: [`Decoder`], a byte stream with descriptors cut into messages.
//!
//! All integers have the byte order of the host (section "Protocol Specification").

pub mod header;
pub mod payload;
pub mod reply;
pub mod request;
pub mod stream;
pub mod version;

pub use header::{Command, Header};
pub use request::Request;
pub use stream::{Decoder, FramingError, Message};
pub use version::Capabilities;
