//! The header of every message (MS-SMB2, 2.2.1).

use super::Error;
use super::fields::Fields;

/// Bytes of a header.
pub const SIZE: usize = 64;
/// Where the signature lies.
pub const SIGNATURE: std::ops::Range<usize> = 48..64;
/// The message is an answer.
pub const FLAG_RESPONSE: u32 = 0x1;
/// The answer comes later, or came later.
pub const FLAG_ASYNC: u32 = 0x2;
/// The message is signed.
pub const FLAG_SIGNED: u32 = 0x8;
/// Message id of what the server says unasked: an oplock break.
pub const UNASKED: u64 = u64::MAX;

const PROTOCOL: [u8; 4] = *b"\xFESMB";

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[expect(missing_docs, reason = "the names are those of MS-SMB2")]
pub enum Command {
    Negotiate = 0,
    SessionSetup = 1,
    Logoff = 2,
    TreeConnect = 3,
    TreeDisconnect = 4,
    Create = 5,
    Close = 6,
    Flush = 7,
    Read = 8,
    Write = 9,
    QueryDirectory = 14,
}

impl Command {
    /// For errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "NEGOTIATE",
            Self::SessionSetup => "SESSION_SETUP",
            Self::Logoff => "LOGOFF",
            Self::TreeConnect => "TREE_CONNECT",
            Self::TreeDisconnect => "TREE_DISCONNECT",
            Self::Create => "CREATE",
            Self::Close => "CLOSE",
            Self::Flush => "FLUSH",
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::QueryDirectory => "QUERY_DIRECTORY",
        }
    }
}

/// Header of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestHeader {
    /// What is asked.
    pub command: Command,
    /// Credits that it costs.
    pub charge: u16,
    /// Credits that are asked for.
    pub credits: u16,
    /// Number of the message.
    pub message: u64,
    /// Share.
    pub tree: u32,
    /// Session.
    pub session: u64,
}

impl RequestHeader {
    /// The bytes, not signed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE);
        bytes.extend(PROTOCOL);
        bytes.extend(64_u16.to_le_bytes());
        bytes.extend(self.charge.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend((self.command as u16).to_le_bytes());
        bytes.extend(self.credits.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.message.to_le_bytes());
        // Of a client that is one process.
        bytes.extend(0xFEFF_u32.to_le_bytes());
        bytes.extend(self.tree.to_le_bytes());
        bytes.extend(self.session.to_le_bytes());
        bytes.resize(SIZE, 0);
        bytes
    }
}

/// Header of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHeader {
    /// NTSTATUS.
    pub status: u32,
    /// What was asked.
    pub command: u16,
    /// Credits that it grants.
    pub credits: u16,
    /// FLAG_*.
    pub flags: u32,
    /// Whether another message follows in the same one, which we never ask for.
    pub next: u32,
    /// Number of the message that it answers.
    pub message: u64,
    /// Share; not of a late answer.
    pub tree: u32,
    /// Session.
    pub session: u64,
}

impl ResponseHeader {
    /// Reads it.
    ///
    /// # Errors
    /// It is no header of a response.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields::new("a message", bytes);
        if fields.array(0)? != PROTOCOL || fields.u16(4)? != 64 {
            let begin = &bytes[..bytes.len().min(8)];
            return Err(Error::Protocol(format!(
                "a message begins with {begin:02x?}, not with an SMB2 header"
            )));
        }
        let header = Self {
            status: fields.u32(8)?,
            command: fields.u16(12)?,
            credits: fields.u16(14)?,
            flags: fields.u32(16)?,
            next: fields.u32(20)?,
            message: fields.u64(24)?,
            tree: fields.u32(36)?,
            session: fields.u64(40)?,
        };
        fields.slice(0, SIZE)?;
        if header.flags & FLAG_RESPONSE == 0 {
            return Err(Error::Protocol("a message is no response".into()));
        }
        Ok(header)
    }

    /// Whether this only says that the answer comes later.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.status == super::status::PENDING && self.flags & FLAG_ASYNC != 0
    }
}
