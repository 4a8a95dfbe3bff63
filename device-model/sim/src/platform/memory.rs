//! Guest memory of one function: one sealed memory file, pieces of it given out and mapped for
//! the device, with an unmapped page after each.

use std::collections::BTreeMap;
use std::sync::Arc;

use rnic_core::dma::{Access, DmaSpace, DmaTable, FilePolicy, SharedMemory};
use rnic_platform::{DmaAccess, PlatformError};

/// Granule of allocations and maps.
pub const PAGE: u64 = 4096;

/// The memory of a guest and the maps of its device.
pub struct Memory {
    file: Arc<SharedMemory>,
    base: u64,
    table: DmaTable,
    /// Free pieces, offset to length; neighbours joined.
    free: BTreeMap<u64, u64>,
    /// End of what was ever given out: zeros lie behind it.
    used: u64,
}

impl Memory {
    /// `bytes` of zeros whose first byte has DMA address `base`; nothing is mapped.
    ///
    /// # Errors
    /// `NoMemory` when the host has none.
    pub fn new(bytes: u64, base: u64) -> Result<Self, PlatformError> {
        let file = SharedMemory::new(bytes).map_err(|_| PlatformError::NoMemory)?;
        let free = BTreeMap::from([(0, file.len())]);
        Ok(Self {
            file: Arc::new(file),
            base,
            table: DmaTable::new(FilePolicy::SealedShrink),
            free,
            used: 0,
        })
    }

    /// The file.
    pub fn file(&self) -> Arc<SharedMemory> {
        Arc::clone(&self.file)
    }

    /// DMA address of an offset.
    pub fn iova(&self, offset: u64) -> u64 {
        self.base + offset
    }

    /// Zeroed, mapped memory: its offset and length, whole pages.
    ///
    /// # Errors
    /// `NoMemory`, `Invalid` for no bytes at all.
    pub fn alloc(&mut self, bytes: usize, access: DmaAccess) -> Result<(u64, u64), PlatformError> {
        let wanted = u64::try_from(bytes).map_err(|_| PlatformError::NoMemory)?;
        let length = wanted
            .checked_next_multiple_of(PAGE)
            .ok_or(PlatformError::NoMemory)?;
        if length == 0 {
            return Err(PlatformError::Invalid);
        }
        let whole = length + PAGE;
        let (&at, &room) = self
            .free
            .iter()
            .find(|(_, room)| **room >= whole)
            .ok_or(PlatformError::NoMemory)?;
        self.free.remove(&at);
        if room > whole {
            self.free.insert(at + whole, room - whole);
        }
        if at < self.used {
            self.file
                .fill(at, whole, 0)
                .map_err(|_| PlatformError::NoMemory)?;
        }
        self.used = self.used.max(at + whole);
        if let Err(error) = self.map(at, length, access) {
            self.give_back(at, whole);
            return Err(error);
        }
        Ok((at, length))
    }

    /// Takes memory back and unmaps it.
    pub fn free(&mut self, offset: u64, length: u64) {
        // Bytes that are not mapped any more are no error: the owner unmapped them before.
        let _ = self.table.unmap(self.iova(offset), length);
        self.give_back(offset, length + PAGE);
    }

    /// Maps a piece.
    ///
    /// # Errors
    /// `Invalid` when it is mapped already.
    pub fn map(
        &mut self,
        offset: u64,
        length: u64,
        access: DmaAccess,
    ) -> Result<(), PlatformError> {
        let access = match access {
            DmaAccess::DeviceReads => Access::Read,
            DmaAccess::DeviceReadsAndWrites => Access::ReadWrite,
        };
        let file = Arc::clone(&self.file);
        self.table
            .map(self.iova(offset), length, access, &*file, offset)
            .map_err(|_| PlatformError::Invalid)
    }

    /// Unmaps a piece.
    ///
    /// # Errors
    /// `Invalid` when it was not mapped.
    pub fn unmap(&mut self, offset: u64, length: u64) -> Result<(), PlatformError> {
        match self.table.unmap(self.iova(offset), length) {
            Ok(unmapped) if unmapped == length => Ok(()),
            _ => Err(PlatformError::Invalid),
        }
    }

    /// Follows Bus Master Enable.
    pub fn set_bus_master(&mut self, enabled: bool) {
        self.table.set_bus_master(enabled);
    }

    /// What the device sees.
    pub fn snapshot(&mut self) -> Arc<DmaSpace> {
        self.table.snapshot()
    }

    /// Whether nobody uses an older snapshot any more `[MEM-26]`.
    pub fn is_quiescent(&mut self) -> bool {
        self.table.retired().is_quiescent()
    }

    fn give_back(&mut self, mut at: u64, mut length: u64) {
        if let Some((&before, &room)) = self.free.range(..at).next_back()
            && before + room == at
        {
            self.free.remove(&before);
            at = before;
            length += room;
        }
        if let Some(room) = self.free.remove(&(at + length)) {
            length += room;
        }
        self.free.insert(at, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_zero_apart_and_reused() {
        let mut memory = Memory::new(1 << 20, 0x5000_0000).unwrap();
        let (a, length) = memory.alloc(1, DmaAccess::DeviceReadsAndWrites).unwrap();
        assert_eq!(length, PAGE);
        let (b, _) = memory.alloc(5000, DmaAccess::DeviceReads).unwrap();
        assert!(b >= a + 2 * PAGE);
        memory.file().write(a, &[7; 4096]).unwrap();
        memory.set_bus_master(true);
        let space = memory.snapshot();
        assert_eq!(space.read_array::<1>(memory.iova(a)), Ok([7]));
        assert!(space.read_array::<1>(memory.iova(a + PAGE)).is_err());
        assert!(space.write(memory.iova(b), &[1]).is_err());
        drop(space);
        memory.free(a, PAGE);
        let (again, _) = memory.alloc(4096, DmaAccess::DeviceReadsAndWrites).unwrap();
        assert_eq!(again, a);
        let mut bytes = [1u8; 16];
        memory.file().read(again, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 16]);
    }

    #[test]
    fn all_comes_back() {
        let mut memory = Memory::new(16 * PAGE, 0).unwrap();
        let pieces: Vec<_> = (0..8)
            .map(|_| memory.alloc(1, DmaAccess::DeviceReads).unwrap())
            .collect();
        assert!(memory.alloc(1, DmaAccess::DeviceReads).is_err());
        for (at, length) in pieces
            .iter()
            .step_by(2)
            .chain(pieces.iter().skip(1).step_by(2))
        {
            memory.free(*at, *length);
        }
        assert_eq!(memory.free, BTreeMap::from([(0, 16 * PAGE)]));
    }
}
