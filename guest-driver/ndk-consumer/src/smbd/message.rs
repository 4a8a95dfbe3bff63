//! Messages of SMB Direct (MS-SMBD, 2.2). All fields are little endian.

use std::fmt;

/// The one version that there is.
pub const VERSION: u16 = 0x0100;
/// Bytes of a negotiate request (2.2.1).
pub const NEGOTIATE_REQUEST: usize = 20;
/// Bytes of a negotiate response (2.2.2).
pub const NEGOTIATE_RESPONSE: usize = 32;
/// Bytes before the data of a data transfer message: 20 of header, 4 of padding.
pub const DATA_OFFSET: usize = 24;
/// Bytes of a data transfer message without data.
pub const EMPTY: usize = 20;
/// NTSTATUS of a refusal for the version's sake: STATUS_NOT_SUPPORTED (3.1.5.6).
pub const NOT_SUPPORTED: u32 = 0xC000_00BB;
/// Smallest MaxReceiveSize and MaxFragmentedSize (2.2.1).
pub const LEAST_RECEIVE: u32 = 128;
/// As above.
pub const LEAST_FRAGMENTED: u32 = 131_072;
/// Flag of a data transfer message: the receiver answers at once (2.2.3).
const RESPONSE_REQUESTED: u16 = 1;

/// Why a message is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Shorter than its kind is, in bytes.
    Short {
        /// Bytes that came.
        bytes: usize,
        /// Bytes that must come at least.
        least: usize,
    },
    /// The version is not 1.0: lowest and highest, or negotiated twice.
    Version(u16, u16),
    /// A size is below what the protocol asks.
    Size {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: u32,
        /// The least that it may be.
        least: u32,
    },
    /// No credits, where one at least must be.
    NoCredits,
    /// The data does not lie inside the message behind the header, at a multiple of 8.
    Data {
        /// DataOffset.
        offset: u32,
        /// DataLength.
        length: u32,
        /// Bytes of the message.
        bytes: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { bytes, least } => {
                write!(
                    f,
                    "an SMB Direct message of {bytes} bytes where {least} is the least"
                )
            }
            Self::Version(low, high) => {
                write!(f, "SMB Direct versions {low:#06x} to {high:#06x}, not 1.0")
            }
            Self::Size {
                field,
                value,
                least,
            } => write!(f, "SMB Direct {field} is {value}, and {least} is the least"),
            Self::NoCredits => write!(f, "an SMB Direct message grants or requests no credit"),
            Self::Data {
                offset,
                length,
                bytes,
            } => write!(
                f,
                "SMB Direct data of {length} bytes at {offset} of a message of {bytes}"
            ),
        }
    }
}

impl std::error::Error for Malformed {}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn least(field: &'static str, value: u32, least: u32) -> Result<(), Malformed> {
    if value < least {
        return Err(Malformed::Size {
            field,
            value,
            least,
        });
    }
    Ok(())
}

/// What the active side says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiateRequest {
    /// Send credits that it wants.
    pub credits_requested: u16,
    /// Longest message that it would like to send.
    pub preferred_send: u32,
    /// Longest message that it can receive.
    pub max_receive: u32,
    /// Longest message of the upper layer that it can put together.
    pub max_fragmented: u32,
}

impl NegotiateRequest {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(NEGOTIATE_REQUEST);
        for word in [VERSION, VERSION, 0, self.credits_requested] {
            bytes.extend(word.to_le_bytes());
        }
        for word in [self.preferred_send, self.max_receive, self.max_fragmented] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it (3.1.5.6).
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        const SHORT: fn(usize) -> Malformed = |bytes| Malformed::Short {
            bytes,
            least: NEGOTIATE_REQUEST,
        };
        let short = || SHORT(bytes.len());
        let half = |at| u16_at(bytes, at).ok_or_else(short);
        let word = |at| u32_at(bytes, at).ok_or_else(short);
        let (low, high) = (half(0)?, half(2)?);
        let request = Self {
            credits_requested: half(6)?,
            preferred_send: word(8)?,
            max_receive: word(12)?,
            max_fragmented: word(16)?,
        };
        if low > VERSION || high < VERSION {
            return Err(Malformed::Version(low, high));
        }
        if request.credits_requested == 0 {
            return Err(Malformed::NoCredits);
        }
        least("MaxReceiveSize", request.max_receive, LEAST_RECEIVE)?;
        least(
            "MaxFragmentedSize",
            request.max_fragmented,
            LEAST_FRAGMENTED,
        )?;
        Ok(request)
    }
}

/// What the passive side answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiateResponse {
    /// Send credits that it wants.
    pub credits_requested: u16,
    /// Send credits that it gives.
    pub credits_granted: u16,
    /// NTSTATUS; nothing else counts unless it is 0.
    pub status: u32,
    /// Most bytes of an RDMA read or write for one request.
    pub max_read_write: u32,
    /// Longest message that it will send.
    pub preferred_send: u32,
    /// Longest message that it can receive.
    pub max_receive: u32,
    /// Longest message of the upper layer that it can put together.
    pub max_fragmented: u32,
}

impl NegotiateResponse {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(NEGOTIATE_RESPONSE);
        let halves = [
            VERSION,
            VERSION,
            VERSION,
            0,
            self.credits_requested,
            self.credits_granted,
        ];
        for half in halves {
            bytes.extend(half.to_le_bytes());
        }
        let words = [
            self.status,
            self.max_read_write,
            self.preferred_send,
            self.max_receive,
            self.max_fragmented,
        ];
        for word in words {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    }

    /// Reads it. A refusal, whose status is not 0, is read without looking at the rest.
    ///
    /// # Errors
    /// What is wrong with it (3.1.5.7).
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let short = || Malformed::Short {
            bytes: bytes.len(),
            least: NEGOTIATE_RESPONSE,
        };
        let half = |at| u16_at(bytes, at).ok_or_else(short);
        let word = |at| u32_at(bytes, at).ok_or_else(short);
        let response = Self {
            credits_requested: half(8)?,
            credits_granted: half(10)?,
            status: word(12)?,
            max_read_write: word(16)?,
            preferred_send: word(20)?,
            max_receive: word(24)?,
            max_fragmented: word(28)?,
        };
        if response.status != 0 {
            return Ok(response);
        }
        let version = half(4)?;
        if version != VERSION {
            return Err(Malformed::Version(version, version));
        }
        if response.credits_requested == 0 || response.credits_granted == 0 {
            return Err(Malformed::NoCredits);
        }
        least("MaxReceiveSize", response.max_receive, LEAST_RECEIVE)?;
        least(
            "MaxFragmentedSize",
            response.max_fragmented,
            LEAST_FRAGMENTED,
        )?;
        Ok(response)
    }
}

/// Every later message: credits, and a fragment of a message of the upper layer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataTransfer<'b> {
    /// Send credits that the sender wants to have in all.
    pub credits_requested: u16,
    /// Send credits that it gives now.
    pub credits_granted: u16,
    /// Whether it wants an answer at once.
    pub response_requested: bool,
    /// Bytes of the upper layer's message in later fragments.
    pub remaining: u32,
    /// The fragment.
    pub data: &'b [u8],
}

impl<'b> DataTransfer<'b> {
    /// The bytes before the data: [`DATA_OFFSET`] of them, or [`EMPTY`] without data.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(DATA_OFFSET);
        let flags = if self.response_requested {
            RESPONSE_REQUESTED
        } else {
            0
        };
        for half in [self.credits_requested, self.credits_granted, flags, 0] {
            bytes.extend(half.to_le_bytes());
        }
        // Data is shorter than a message, whose length is 32 bits.
        let length = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        let offset = if length == 0 { 0 } else { DATA_OFFSET as u32 };
        for word in [self.remaining, offset, length] {
            bytes.extend(word.to_le_bytes());
        }
        if length > 0 {
            bytes.resize(DATA_OFFSET, 0);
        }
        bytes
    }

    /// Header and data.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.extend(self.data);
        bytes
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it (3.1.5.8).
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let short = || Malformed::Short {
            bytes: bytes.len(),
            least: EMPTY,
        };
        let half = |at| u16_at(bytes, at).ok_or_else(short);
        let word = |at| u32_at(bytes, at).ok_or_else(short);
        let (remaining, offset, length) = (word(8)?, word(12)?, word(16)?);
        let outside = Malformed::Data {
            offset,
            length,
            bytes: bytes.len(),
        };
        let credits_requested = half(0)?;
        if credits_requested == 0 {
            return Err(Malformed::NoCredits);
        }
        let begins_in_header = length > 0 && (offset as usize) < DATA_OFFSET;
        if offset % 8 != 0 || begins_in_header {
            return Err(outside);
        }
        let end = (offset as usize).checked_add(length as usize);
        let data = end.and_then(|end| bytes.get(offset as usize..end));
        let data = data.ok_or(outside)?;
        Ok(Self {
            credits_requested,
            credits_granted: half(2)?,
            response_requested: half(4)? & RESPONSE_REQUESTED != 0,
            remaining,
            data,
        })
    }
}

/// Memory that the other side may read or write: SMB_DIRECT buffer descriptor 1 (2.2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferDescriptor {
    /// Address for RDMA.
    pub offset: u64,
    /// Remote token.
    pub token: u32,
    /// Bytes.
    pub length: u32,
}

impl BufferDescriptor {
    /// Bytes of one.
    pub const SIZE: usize = 16;

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.token.to_le_bytes());
        bytes[12..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }
}
