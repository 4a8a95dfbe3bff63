//! Memory that a queue pair works on, and the oracle beside it: a plain array of the bytes that
//! ought to be there.

use rnic_platform::DmaBuffer;

use crate::platform::SimDma;

/// Bytes of a slot.
pub const SLOT: u32 = 4096;
/// Bytes of a slot that data may take; the rest is never touched and checked.
pub const SLOT_DATA: u32 = 4000;
/// Slots for sources and sinks of requests.
pub const LOCAL_SLOTS: usize = 16;
/// Slots for receives.
pub const RECV_SLOTS: usize = 16;
/// Where these begin.
pub const LOCAL_AT: u32 = 0;
/// Slots for receives begin.
pub const RECV_AT: u32 = LOCAL_AT + LOCAL_SLOTS as u32 * SLOT;
/// What the peer reads, writes and adds to.
pub const REMOTE_AT: u32 = RECV_AT + RECV_SLOTS as u32 * SLOT;
/// Its bytes.
pub const REMOTE: u32 = 32 * 1024;
/// What is lent to the peer for a while.
pub const LEND_AT: u32 = REMOTE_AT + REMOTE;
/// Its bytes.
pub const LEND: u32 = 16 * 1024;
/// What this side registers for itself for a while.
pub const OWN_AT: u32 = LEND_AT + LEND;
/// Its bytes.
pub const OWN: u32 = 16 * 1024;
/// All of it.
pub const ARENA: u32 = OWN_AT + OWN;

/// A piece of an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First byte.
    pub at: u32,
    /// Bytes.
    pub length: u32,
}

/// Memory and what it should hold.
pub struct Arena {
    /// The memory.
    pub buffer: SimDma,
    bytes: Vec<u8>,
    /// Pieces of which nothing is known, because what wrote them failed.
    unknown: Vec<Piece>,
}

impl Arena {
    /// Fills the memory with what `seed` stands for.
    pub fn new(buffer: SimDma, seed: u64) -> Self {
        let bytes = crate::random::bytes_of(seed, buffer.len());
        buffer.write(0, &bytes);
        Self {
            buffer,
            bytes,
            unknown: Vec::new(),
        }
    }

    /// What should be there.
    pub fn expected(&self, piece: Piece) -> &[u8] {
        &self.bytes[piece.at as usize..(piece.at + piece.length) as usize]
    }

    /// What is there.
    pub fn actual(&self, piece: Piece) -> Vec<u8> {
        let mut bytes = vec![0; piece.length as usize];
        self.buffer.read(piece.at as usize, &mut bytes);
        bytes
    }

    /// The driver writes.
    pub fn store(&mut self, at: u32, data: &[u8]) {
        self.buffer.write(at as usize, data);
        self.expect(at, data);
    }

    /// The device is to write.
    pub fn expect(&mut self, at: u32, data: &[u8]) {
        self.bytes[at as usize..at as usize + data.len()].copy_from_slice(data);
    }

    /// Nobody knows what is there: something that should have written it failed.
    pub fn forget(&mut self, piece: Piece) {
        if piece.length > 0 {
            self.unknown.push(piece);
        }
    }

    /// Compares everything but what is unknown, and takes that over as it is.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&mut self) -> Result<(), String> {
        let length = self.bytes.len() as u32;
        let actual = self.actual(Piece { at: 0, length });
        for piece in std::mem::take(&mut self.unknown) {
            let range = piece.at as usize..(piece.at + piece.length) as usize;
            self.bytes[range.clone()].copy_from_slice(&actual[range]);
        }
        match difference(&self.bytes, &actual) {
            None => Ok(()),
            Some(text) => Err(text),
        }
    }
}

/// Where two arrays of equal length differ.
#[must_use]
pub fn difference(expected: &[u8], actual: &[u8]) -> Option<String> {
    let differs = |at: &usize| expected[*at] != actual[*at];
    let first = (0..expected.len().min(actual.len())).find(differs)?;
    let count = (first..expected.len().min(actual.len()))
        .filter(differs)
        .count();
    let end = (first + 8).min(expected.len());
    Some(format!(
        "{count} bytes differ, the first at {first:#x}: expected {:02x?}, found {:02x?}",
        &expected[first..end],
        &actual[first..end]
    ))
}
