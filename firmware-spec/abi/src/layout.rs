//! What every generated layout can do, and commands as types.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Opcode;

/// A layout of plain bytes: any bytes are a value, and a value is its bytes.
pub trait Layout:
    FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + Default
{
}

impl<T> Layout for T where
    T: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + Default
{
}

/// Copies a layout out of the start of `bytes`; none if there are too few.
#[must_use]
pub fn read<T: Layout>(bytes: &[u8]) -> Option<T> {
    T::read_from_prefix(bytes).ok().map(|(value, _)| value)
}

/// A limit or constant as a size or count of things in memory.
///
/// # Panics
/// If it does not fit `usize`; meant for constants, where that fails to compile.
#[must_use]
pub const fn size(value: u64) -> usize {
    assert!(
        value <= usize::MAX as u64,
        "a size in memory must fit usize"
    );
    value as usize
}

/// A command of the command set: what is sent, and what answers it.
pub trait Command {
    /// Its code.
    const CODE: Opcode;
    /// The device-readable part.
    type Request: Layout;
    /// The device-writable part.
    type Response: Layout;
}
