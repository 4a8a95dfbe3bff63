//! Replies to bytes.

use super::header::{FLAG_ERROR, FLAG_TYPE_REPLY, HEADER_SIZE, Header};
use crate::Errno;
use zerocopy::{Immutable, IntoBytes};

/// A reply under construction: room for the header, then the payload as it is appended.
#[derive(Debug)]
pub struct Reply {
    bytes: Vec<u8>,
}

impl Reply {
    /// An empty reply with room for `payload` bytes.
    pub fn with_capacity(payload: usize) -> Reply {
        let mut bytes = Vec::with_capacity(HEADER_SIZE + payload);
        bytes.resize(HEADER_SIZE, 0);
        Reply { bytes }
    }

    /// Appends a fixed layout.
    pub fn push<T: IntoBytes + Immutable>(&mut self, part: &T) -> &mut Reply {
        self.bytes.extend_from_slice(part.as_bytes());
        self
    }

    /// Appends bytes.
    pub fn push_bytes(&mut self, part: &[u8]) -> &mut Reply {
        self.bytes.extend_from_slice(part);
        self
    }

    /// Appends `count` zero bytes and gives them to be filled.
    pub fn push_zeros(&mut self, count: usize) -> &mut [u8] {
        let at = self.bytes.len();
        self.bytes.resize(at + count, 0);
        self.bytes.get_mut(at..).unwrap_or_default()
    }

    /// The message, as the reply to `request`.
    pub fn finish(mut self, request: &Header) -> Vec<u8> {
        let header = Header {
            message_id: request.message_id,
            command: request.command,
            // A reply is bounded by MAX_MESSAGE_SIZE, far below this.
            size: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
            flags: FLAG_TYPE_REPLY,
            error: 0,
        };
        if let Some(place) = self.bytes.get_mut(..HEADER_SIZE) {
            place.copy_from_slice(header.as_bytes());
        }
        self.bytes
    }
}

/// The error reply to `request`: a header and nothing else (section "Header").
pub fn error(request: &Header, errno: Errno) -> Vec<u8> {
    let header = Header {
        message_id: request.message_id,
        command: request.command,
        size: Header::SIZE,
        flags: FLAG_TYPE_REPLY | FLAG_ERROR,
        error: errno.to_wire(),
    };
    header.as_bytes().to_vec()
}
