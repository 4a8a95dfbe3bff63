//! Bodies of responses (MS-SMB2, 2.2.4 to 2.2.34). Offsets count from the header, so they are read out of whole messages.

use super::Error;
use super::fields::{Fields, from_utf16};
use super::header::SIZE;
use super::request::{
    AES_CMAC, CONTEXT_PREAUTHENTICATION, CONTEXT_SIGNING, DIALECT, FileId, SHA_512,
};

/// Negotiate contexts that are looked at; servers send half a dozen.
const CONTEXTS: u16 = 32;

/// A response whose StructureSize is right.
fn body<'b>(what: &'static str, message: &'b [u8], size: u16) -> Result<Fields<'b>, Error> {
    let fields = Fields::new(what, message);
    let found = fields.u16(SIZE)?;
    if found != size {
        return Err(Error::Protocol(format!(
            "{what} has StructureSize {found}, not {size}"
        )));
    }
    Ok(fields)
}

/// Least of MaxReadSize and MaxWriteSize (MS-SMB2, 3.2.5.2).
const LEAST_SIZE: u32 = 65_536;

/// What the server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// It wants everything signed.
    pub signing_required: bool,
    /// Longest read.
    pub max_read: u32,
    /// Longest write.
    pub max_write: u32,
}

/// Reads a response to NEGOTIATE.
///
/// # Errors
/// It is malformed, or agrees on what we did not offer.
pub fn negotiate(message: &[u8]) -> Result<Negotiated, Error> {
    let fields = body("the answer to NEGOTIATE", message, 65)?;
    let dialect = fields.u16(SIZE + 4)?;
    if dialect != DIALECT {
        return Err(Error::Unsupported(format!(
            "the server does not speak SMB 3.1.1 (it answers dialect {dialect:#06x})"
        )));
    }
    let count = fields.u16(SIZE + 6)?;
    let mut at = fields.u32(SIZE + 60)? as usize;
    let mut hash = None;
    for index in 0..count {
        if index >= CONTEXTS {
            return Err(Error::Protocol(format!("{count} negotiate contexts")));
        }
        let (kind, length) = (fields.u16(at)?, usize::from(fields.u16(at + 2)?));
        let data = Fields::new("a negotiate context", fields.slice(at + 8, length)?);
        match kind {
            CONTEXT_PREAUTHENTICATION => hash = Some(data.u16(4)?),
            CONTEXT_SIGNING if data.u16(2)? != AES_CMAC => {
                return Err(Error::Protocol(
                    "the server signs with what was not offered".into(),
                ));
            }
            _ => (),
        }
        at = (at + 8 + length).next_multiple_of(8);
    }
    if hash != Some(SHA_512) {
        return Err(Error::Protocol(
            "the server does not protect the negotiation with SHA-512".into(),
        ));
    }
    let size = |name: &str, at| -> Result<u32, Error> {
        let size = fields.u32(at)?;
        if size < LEAST_SIZE {
            return Err(Error::Protocol(format!(
                "the server's {name} is {size} bytes, and {LEAST_SIZE} is the least"
            )));
        }
        Ok(size)
    };
    Ok(Negotiated {
        signing_required: fields.u16(SIZE + 2)? & super::request::SIGNING_REQUIRED != 0,
        max_read: size("longest read", SIZE + 32)?,
        max_write: size("longest write", SIZE + 36)?,
    })
}

/// What the server makes of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session<'b> {
    /// Not the user that was named, but a guest or nobody.
    pub guest: bool,
    /// Everything must be encrypted.
    pub encrypted: bool,
    /// Its token.
    pub token: &'b [u8],
}

/// Reads a response to SESSION_SETUP.
///
/// # Errors
/// It is malformed.
pub fn session_setup(message: &[u8]) -> Result<Session<'_>, Error> {
    let fields = body("the answer to SESSION_SETUP", message, 9)?;
    let flags = fields.u16(SIZE + 2)?;
    let (at, length) = (fields.u16(SIZE + 4)?, fields.u16(SIZE + 6)?);
    Ok(Session {
        guest: flags & 3 != 0,
        encrypted: flags & 4 != 0,
        token: fields.slice(usize::from(at), usize::from(length))?,
    })
}

/// Reads a response to TREE_CONNECT: whether the share asks for encryption.
///
/// # Errors
/// It is malformed, or the share has no files.
pub fn tree_connect(message: &[u8]) -> Result<bool, Error> {
    let fields = body("the answer to TREE_CONNECT", message, 16)?;
    let kind = fields.u8(SIZE + 2)?;
    if kind != 1 {
        return Err(Error::Unsupported(format!(
            "the share is of kind {kind}, not of files"
        )));
    }
    Ok(fields.u32(SIZE + 4)? & 0x8000 != 0)
}

/// An open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// By which the server knows it.
    pub file: FileId,
    /// Bytes in it.
    pub size: u64,
}

/// Reads a response to CREATE.
///
/// # Errors
/// It is malformed.
pub fn create(message: &[u8]) -> Result<Opened, Error> {
    let fields = body("the answer to CREATE", message, 89)?;
    Ok(Opened {
        file: fields.array(SIZE + 64)?,
        size: fields.u64(SIZE + 48)?,
    })
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read<'b> {
    /// In the answer.
    pub data: &'b [u8],
    /// By RDMA, bytes.
    pub written: u32,
}

/// Reads a response to READ.
///
/// # Errors
/// It is malformed.
pub fn read(message: &[u8]) -> Result<Read<'_>, Error> {
    let fields = body("the answer to READ", message, 17)?;
    let (at, length) = (fields.u8(SIZE + 2)?, fields.u32(SIZE + 4)?);
    let data = if length == 0 {
        &[]
    } else {
        fields.slice(usize::from(at), length as usize)?
    };
    Ok(Read {
        data,
        written: fields.u32(SIZE + 8)?,
    })
}

/// Reads a response to WRITE: bytes written.
///
/// # Errors
/// It is malformed.
pub fn write(message: &[u8]) -> Result<u32, Error> {
    let fields = body("the answer to WRITE", message, 17)?;
    Ok(fields.u32(SIZE + 4)?)
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Whether it is a folder.
    pub folder: bool,
}

/// Reads a response to QUERY_DIRECTORY with FileDirectoryInformation (MS-FSCC, 2.4.10).
///
/// # Errors
/// It is malformed.
pub fn query_directory(message: &[u8]) -> Result<Vec<Entry>, Error> {
    const DIRECTORY: u32 = 0x10;
    let fields = body("the answer to QUERY_DIRECTORY", message, 9)?;
    let (at, length) = (fields.u16(SIZE + 2)?, fields.u32(SIZE + 4)?);
    let list = fields.slice(usize::from(at), length as usize)?;
    let fields = Fields::new("a list of files", list);
    let mut entries = Vec::new();
    let mut at = 0;
    while !list.is_empty() {
        let (next, length) = (fields.u32(at)? as usize, fields.u32(at + 60)?);
        let name = fields.slice(at + 64, length as usize)?;
        entries.push(Entry {
            name: from_utf16(name),
            size: fields.u64(at + 40)?,
            folder: fields.u32(at + 56)? & DIRECTORY != 0,
        });
        if next == 0 {
            break;
        }
        // Forwards, past what was read: the list ends.
        if next < 64 {
            return Err(Error::Protocol("a list of files leads backwards".into()));
        }
        at += next;
    }
    Ok(entries)
}
