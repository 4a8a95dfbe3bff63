//! Fields of a structure by their offsets, little endian, each inside the bytes that came.

use std::fmt;

/// Bytes of a structure, which is named for errors.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'b> {
    what: &'static str,
    bytes: &'b [u8],
}

/// A field lies outside its structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    what: &'static str,
    at: usize,
    length: usize,
    bytes: usize,
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            at,
            length,
            bytes,
        } = self;
        write!(
            f,
            "{what} has {bytes} bytes, and {length} at {at} are named"
        )
    }
}

impl<'b> Fields<'b> {
    pub(crate) fn new(what: &'static str, bytes: &'b [u8]) -> Self {
        Self { what, bytes }
    }

    pub(crate) fn slice(&self, at: usize, length: usize) -> Result<&'b [u8], Outside> {
        let end = at.checked_add(length);
        let found = end.and_then(|end| self.bytes.get(at..end));
        found.ok_or(Outside {
            what: self.what,
            at,
            length,
            bytes: self.bytes.len(),
        })
    }

    pub(crate) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Outside> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(at, N)?);
        Ok(array)
    }

    pub(crate) fn u8(&self, at: usize) -> Result<u8, Outside> {
        self.array(at).map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&self, at: usize) -> Result<u16, Outside> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&self, at: usize) -> Result<u32, Outside> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&self, at: usize) -> Result<u64, Outside> {
        self.array(at).map(u64::from_le_bytes)
    }
}

/// UTF-16, little endian.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A name in UTF-16, little endian; what is no character becomes U+FFFD.
pub(crate) fn from_utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16_lossy(&units)
}
