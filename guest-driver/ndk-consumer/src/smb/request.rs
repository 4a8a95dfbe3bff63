//! Bodies of requests (MS-SMB2, 2.2.3 to 2.2.33): what follows the header.

use super::fields::utf16;
use super::header::SIZE;
use crate::smbd::message::BufferDescriptor;

/// SMB 3.1.1.
pub const DIALECT: u16 = 0x0311;
/// SHA-512, the one preauthentication hash.
pub const SHA_512: u16 = 1;
/// AES-CMAC.
pub const AES_CMAC: u16 = 1;
/// Negotiate contexts.
pub const CONTEXT_PREAUTHENTICATION: u16 = 1;
/// As above.
pub const CONTEXT_SIGNING: u16 = 8;
/// SecurityMode: signing is possible; must be.
pub const SIGNING_ENABLED: u16 = 1;
/// As above.
pub const SIGNING_REQUIRED: u16 = 2;
/// Requests of more than 64 KiB.
const LARGE_MTU: u32 = 4;

/// 16 bytes by which the server knows an open file.
pub type FileId = [u8; 16];

/// Where the data of a read is to go, and that of a write comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// SMB2_CHANNEL_RDMA_V1: whoever lent memory takes it back.
    V1,
    /// SMB2_CHANNEL_RDMA_V1_INVALIDATE: the server takes it back with its answer.
    V1Invalidate,
}

impl Channel {
    fn code(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V1Invalidate => 2,
        }
    }
}

fn body(structure_size: u16) -> Vec<u8> {
    structure_size.to_le_bytes().to_vec()
}

/// Adds fields of any width.
macro_rules! put {
    ($bytes:expr, $($value:expr),+ $(,)?) => { $( $bytes.extend($value.to_le_bytes()); )+ };
}

fn context(kind: u16, data: &[u8], bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    put!(bytes, kind, data.len() as u16, 0_u32);
    bytes.extend(data);
}

/// NEGOTIATE, with contexts for SHA-512 and AES-CMAC.
#[must_use]
pub fn negotiate(client: [u8; 16], salt: [u8; 32]) -> Vec<u8> {
    let mut bytes = body(36);
    put!(bytes, 1_u16, SIGNING_ENABLED, 0_u16, LARGE_MTU);
    bytes.extend(client);
    // One dialect, padded: contexts begin at a multiple of 8 from the header.
    put!(bytes, (SIZE as u32) + 40, 2_u16, 0_u16, DIALECT, 0_u16);
    let mut hashes = Vec::new();
    put!(hashes, 1_u16, 32_u16, SHA_512);
    hashes.extend(salt);
    context(CONTEXT_PREAUTHENTICATION, &hashes, &mut bytes);
    let mut signing = Vec::new();
    put!(signing, 1_u16, AES_CMAC);
    context(CONTEXT_SIGNING, &signing, &mut bytes);
    bytes
}

/// SESSION_SETUP with a token.
#[must_use]
pub fn session_setup(token: &[u8]) -> Vec<u8> {
    let mut bytes = body(25);
    put!(bytes, 0_u8, SIGNING_ENABLED as u8, 0_u32, 0_u32);
    put!(bytes, (SIZE as u16) + 24, token.len() as u16, 0_u64);
    bytes.extend(token);
    bytes
}

/// TREE_CONNECT to `\\server\share`.
#[must_use]
pub fn tree_connect(path: &str) -> Vec<u8> {
    let path = utf16(path);
    let mut bytes = body(9);
    put!(bytes, 0_u16, (SIZE as u16) + 8, path.len() as u16);
    bytes.extend(path);
    bytes
}

/// LOGOFF and TREE_DISCONNECT.
#[must_use]
pub fn farewell() -> Vec<u8> {
    let mut bytes = body(4);
    put!(bytes, 0_u16);
    bytes
}

/// What to open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A file that exists, for reading.
    Read,
    /// A file, made or emptied, for writing and reading.
    Overwrite,
    /// A folder, to be listed.
    List,
    /// A file that exists, to be deleted when it is closed.
    Delete,
}

/// CREATE of a path below the share, with `\` between names.
#[must_use]
pub fn create(path: &str, intent: Intent) -> Vec<u8> {
    const READ_DATA: u32 = 0x1;
    const WRITE_DATA: u32 = 0x2;
    const READ_ATTRIBUTES: u32 = 0x80;
    const WRITE_ATTRIBUTES: u32 = 0x100;
    const DELETE: u32 = 0x1_0000;
    const SYNCHRONIZE: u32 = 0x10_0000;
    // Dispositions: open, overwrite or make. Options: directory, no directory, delete on close.
    let (access, disposition, options) = match intent {
        Intent::Read => (READ_DATA | READ_ATTRIBUTES, 1_u32, 0x40_u32),
        Intent::Overwrite => (
            READ_DATA | WRITE_DATA | READ_ATTRIBUTES | WRITE_ATTRIBUTES,
            5,
            0x40,
        ),
        Intent::List => (READ_DATA | READ_ATTRIBUTES, 1, 0x1),
        Intent::Delete => (DELETE | READ_ATTRIBUTES, 1, 0x1040),
    };
    let name = utf16(path);
    let mut bytes = body(57);
    // No oplock; impersonation.
    put!(bytes, 0_u8, 0_u8, 2_u32, 0_u64, 0_u64);
    put!(
        bytes,
        access | SYNCHRONIZE,
        0x80_u32,
        7_u32,
        disposition,
        options
    );
    put!(bytes, (SIZE as u16) + 56, name.len() as u16, 0_u32, 0_u32);
    bytes.extend(name);
    // The buffer has a byte at least.
    bytes.resize(bytes.len().max(57), 0);
    bytes
}

/// CLOSE.
#[must_use]
pub fn close(file: FileId) -> Vec<u8> {
    with_file(24, file)
}

/// FLUSH.
#[must_use]
pub fn flush(file: FileId) -> Vec<u8> {
    with_file(24, file)
}

fn with_file(structure_size: u16, file: FileId) -> Vec<u8> {
    let mut bytes = body(structure_size);
    put!(bytes, 0_u16, 0_u32);
    bytes.extend(file);
    bytes
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

fn channel_info(descriptors: &[BufferDescriptor]) -> Vec<u8> {
    descriptors
        .iter()
        .flat_map(BufferDescriptor::encode)
        .collect()
}

/// Where the variable part of READ and WRITE begins.
const BUFFER: u16 = SIZE as u16 + 48;

/// READ: into the answer, or by RDMA into lent memory.
#[must_use]
pub fn read(part: Part, into: Option<(Channel, &[BufferDescriptor])>) -> Vec<u8> {
    let mut bytes = body(49);
    // Data in the answer should begin behind the header of 16 bytes.
    put!(bytes, 0x50_u8, 0_u8, part.length, part.offset);
    bytes.extend(part.file);
    let info = into.map_or(Vec::new(), |(_, descriptors)| channel_info(descriptors));
    let channel = into.map_or(0, |(channel, _)| channel.code());
    let at = if info.is_empty() { 0 } else { BUFFER };
    put!(bytes, 0_u32, channel, 0_u32, at, info.len() as u16);
    bytes.extend(info);
    bytes.resize(bytes.len().max(49), 0);
    bytes
}

/// WRITE of these bytes.
#[must_use]
pub fn write(file: FileId, offset: u64, data: &[u8]) -> Vec<u8> {
    let mut bytes = body(49);
    put!(bytes, BUFFER, data.len() as u32, offset);
    bytes.extend(file);
    put!(bytes, 0_u32, 0_u32, 0_u16, 0_u16, 0_u32);
    bytes.extend(data);
    bytes.resize(bytes.len().max(49), 0);
    bytes
}

/// WRITE of lent memory.
#[must_use]
pub fn write_lent(part: Part, channel: Channel, from: &[BufferDescriptor]) -> Vec<u8> {
    let info = channel_info(from);
    let mut bytes = body(49);
    put!(bytes, 0_u16, 0_u32, part.offset);
    bytes.extend(part.file);
    put!(
        bytes,
        channel.code(),
        part.length,
        BUFFER,
        info.len() as u16,
        0_u32
    );
    bytes.extend(info);
    bytes
}

/// QUERY_DIRECTORY of everything, as FileDirectoryInformation.
#[must_use]
pub fn query_directory(folder: FileId, room: u32) -> Vec<u8> {
    let pattern = utf16("*");
    let mut bytes = body(33);
    put!(bytes, 1_u8, 0_u8, 0_u32);
    bytes.extend(folder);
    put!(bytes, (SIZE as u16) + 32, pattern.len() as u16, room);
    bytes.extend(pattern);
    bytes
}
