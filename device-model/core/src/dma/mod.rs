//! Guest memory as the device reaches it.
//!
//! [`DmaTable`] is the owner's side: it takes DMA_MAP and DMA_UNMAP, maps each distinct memory
//! file once and publishes immutable [`DmaSpace`] snapshots. [`DmaSpace`] is the device's side
//! and the only way to guest memory: it copies, and moves single words atomically; it never
//! lends a slice out (the one exception is `virtio-queue`, which gets volatile slices through
//! `vm_memory::GuestMemory`). [`SharedMemory`] is memory of our own making, for devices whose
//! guest lives in this process.
//!
//! | file | what it is for |
//! |---|---|
//! | `table.rs` | validates maps, keeps the files, publishes and retires snapshots |
//! | `interval.rs` | IOVA interval map with leaves shared between snapshots |
//! | `space.rs` | translation and every access to guest memory |
//! | `copy.rs` | guest memory to guest memory, overlap included |
//! | `virtio.rs` | `vm_memory::GuestMemory`, for `virtio-queue` |
//! | `memory.rs` | memory files made here |
//! | `mapping.rs` | mmap and raw memory access (unsafe) |
//! | `sigbus.rs` | a fault in a mapping becomes [`DmaError::HostFault`] (unsafe) |
//!
//! What it does not do: it knows no keys, regions or queues, it does not log, and it counts
//! nothing. Its tests: beside each file, and `tests/dma_*.rs`.
#![deny(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation
    )
)]

mod copy;
mod interval;
#[allow(unsafe_code)]
mod mapping;
mod memory;
#[allow(unsafe_code)]
mod sigbus;
mod space;
mod table;
mod virtio;

pub use copy::DmaRange;
pub use memory::SharedMemory;
pub use space::DmaSpace;
pub use table::{DmaTable, FileInfo, FilePolicy, MAX_FILES, MAX_MAPS, MapError, Retired};

/// What a map permits, or what an access needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The device reads guest memory.
    Read,
    /// The device writes guest memory.
    Write,
    /// Both.
    ReadWrite,
}

impl Access {
    /// Whether the device may read.
    pub const fn reads(self) -> bool {
        matches!(self, Access::Read | Access::ReadWrite)
    }

    /// Whether the device may write.
    pub const fn writes(self) -> bool {
        matches!(self, Access::Write | Access::ReadWrite)
    }
}

/// Why an access to guest memory failed. `iova` is the first byte that could not be accessed,
/// or the start of the piece that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DmaError {
    /// No map covers the address.
    #[error("DMA to {iova:#x}: no map covers it")]
    Unmapped {
        /// First address without a map.
        iova: u64,
    },
    /// The map forbids writing.
    #[error("DMA write to {iova:#x}: its map is read-only")]
    ReadOnly {
        /// First address that may not be written.
        iova: u64,
    },
    /// The map forbids reading.
    #[error("DMA read from {iova:#x}: its map is write-only")]
    WriteOnly {
        /// First address that may not be read.
        iova: u64,
    },
    /// Bus Master Enable is clear (PCIe 5.0 section 7.5.1.1.3), so the function issues nothing.
    #[error("DMA while Bus Master Enable is clear")]
    BusMasterDisabled,
    /// An atomic access to an address that is not a multiple of its size.
    #[error("atomic DMA of {size} bytes to {iova:#x}: not naturally aligned")]
    Misaligned {
        /// Address asked for.
        iova: u64,
        /// Size of the access in bytes.
        size: u8,
    },
    /// Address plus length passes the end of the 64-bit address space.
    #[error("DMA of {len:#x} bytes to {iova:#x}: wraps past the end of the address space")]
    Wrapped {
        /// Address asked for.
        iova: u64,
        /// Length asked for in bytes.
        len: u64,
    },
    /// The host could not supply the memory: its file shrank under the map, or the page is
    /// broken. The file stays unusable until every map of it is removed.
    #[error("DMA to {iova:#x}: the host has no memory behind it (the file was truncated?)")]
    HostFault {
        /// Start of the piece that faulted.
        iova: u64,
    },
}

/// Which side of a memory-to-memory copy failed; the requester and the responder answer
/// differently for their own memory and for the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// The memory read from.
    #[error("copy source: {0}")]
    Source(DmaError),
    /// The memory written to.
    #[error("copy destination: {0}")]
    Destination(DmaError),
}

impl From<CopyError> for DmaError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Source(e) | CopyError::Destination(e) => e,
        }
    }
}
