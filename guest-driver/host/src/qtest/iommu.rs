//! QEMU's Intel IOMMU, programmed as an operating system would: so that memory can be taken from the device and given
//! back, and given for reading alone. Sections are those of the Virtualization Technology for Directed I/O specification,
//! revision 4.1: legacy mode, second-stage tables of three levels, invalidation by registers.

use std::io;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use rnic_platform::{DmaAccess, PlatformError};

use super::process::Machine;
use crate::arena::Iommu;
use crate::mmap::Mapping;

/// Registers of the remapping unit of q35 (section 11.4).
const UNIT: u64 = 0xFED9_0000;
const GLOBAL_COMMAND: u64 = UNIT + 0x18;
const GLOBAL_STATUS: u64 = UNIT + 0x1C;
const ROOT_TABLE: u64 = UNIT + 0x20;
const CONTEXT_COMMAND: u64 = UNIT + 0x28;
const EXTENDED_CAPABILITY: u64 = UNIT + 0x10;
/// Global Command: Translation Enable, Set Root Table Pointer.
const TRANSLATION: u64 = 1 << 31;
const SET_ROOT: u64 = 1 << 30;
/// Context Command: invalidate, everything.
const CONTEXT_GLOBAL: u64 = 1 << 63 | 1 << 61;
/// IOTLB Invalidate: invalidate; everything, or pages of a domain.
const IOTLB_GLOBAL: u64 = 1 << 63 | 1 << 60;
const IOTLB_PAGES: u64 = 1 << 63 | 3 << 60;

const PAGE: u64 = 4096;
const ENTRIES: u64 = 512;
/// Table entries: present in root and context entries; read and write in second-stage entries (9.1, 9.3, 9.8).
const PRESENT: u64 = 1;
const READ: u64 = 1;
const WRITE: u64 = 2;
/// Context entry, high half: tables of three levels for addresses of 39 bits.
const THREE_LEVELS: u64 = 1;
/// Largest address mask of one invalidation: 512 pages.
const LARGEST_MASK: u32 = 9;

/// Tables for `functions` domains that cover `bytes` bytes of addresses, in guest memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    first: u64,
    bytes: u64,
    functions: u64,
}

impl Layout {
    pub(super) const fn new(first: u64, bytes: u64, functions: u64) -> Self {
        Self {
            first,
            bytes,
            functions,
        }
    }

    const fn leaves(self) -> u64 {
        self.bytes.div_ceil(PAGE * ENTRIES)
    }

    const fn middles(self) -> u64 {
        self.leaves().div_ceil(ENTRIES)
    }

    /// One top table; the middle tables; the leaf tables, whose entries are then one array.
    const fn domain_pages(self) -> u64 {
        1 + self.middles() + self.leaves()
    }

    /// Address of the first table of a domain. Before them lie the root and the context table.
    const fn domain(self, number: u64) -> u64 {
        self.first + PAGE * (2 + number * self.domain_pages())
    }

    /// The first byte behind the tables.
    pub(super) const fn end(self) -> u64 {
        self.domain(self.functions)
    }
}

/// The remapping unit.
pub(super) struct Unit {
    machine: Arc<Machine>,
    memory: Mapping,
    layout: Layout,
    /// IOTLB registers: address, and invalidate behind it.
    iotlb: u64,
    /// Invalidation is two registers.
    one: Mutex<()>,
}

fn place(address: u64) -> usize {
    usize::try_from(address).unwrap_or(usize::MAX)
}

impl Unit {
    /// Writes empty tables for PCI devices `first_device` and following on bus 0, and switches translation on. `memory`
    /// is all of guest memory.
    pub(super) fn start(
        machine: &Arc<Machine>,
        memory: Mapping,
        layout: Layout,
        first_device: u8,
    ) -> io::Result<Arc<Self>> {
        let store = |address, value: u64| {
            memory
                .word64(place(address))
                .store(value.to_le(), Ordering::Relaxed);
        };
        let (root, context) = (layout.first, layout.first + PAGE);
        store(root, context | PRESENT);
        for number in 0..layout.functions {
            let top = layout.domain(number);
            let middle = top + PAGE;
            let leaf = middle + PAGE * layout.middles();
            for table in 0..layout.middles() {
                store(top + 8 * table, (middle + PAGE * table) | READ | WRITE);
            }
            for table in 0..layout.leaves() {
                store(middle + 8 * table, (leaf + PAGE * table) | READ | WRITE);
            }
            let function = (u64::from(first_device) + number) << 3;
            store(context + 16 * function, top | PRESENT);
            store(
                context + 16 * function + 8,
                domain_id(number) << 8 | THREE_LEVELS,
            );
        }
        fence(Ordering::SeqCst);
        let gone = || io::Error::other("QEMU does not answer");
        let write = |address, width, value| machine.ask(|p| p.write(address, width, value));
        let read = |address, width| machine.ask(|p| p.read(address, width));
        let offset = read(EXTENDED_CAPABILITY, 8).ok_or_else(gone)? >> 8 & 0x3FF;
        let iotlb = UNIT + 16 * offset;
        write(ROOT_TABLE, 8, root).ok_or_else(gone)?;
        write(GLOBAL_COMMAND, 4, SET_ROOT).ok_or_else(gone)?;
        write(CONTEXT_COMMAND, 8, CONTEXT_GLOBAL).ok_or_else(gone)?;
        write(iotlb + 8, 8, IOTLB_GLOBAL).ok_or_else(gone)?;
        write(GLOBAL_COMMAND, 4, TRANSLATION).ok_or_else(gone)?;
        let status = read(GLOBAL_STATUS, 4).ok_or_else(gone)?;
        if status & TRANSLATION == 0 {
            let what = format!("translation is not on; the unit's status is {status:#x}");
            return Err(io::Error::other(what));
        }
        Ok(Arc::new(Self {
            machine: Arc::clone(machine),
            memory,
            layout,
            iotlb,
            one: Mutex::new(()),
        }))
    }
}

/// Domain 0 is reserved where the unit caches entries that are not present, as this one does (section 9.3).
const fn domain_id(number: u64) -> u64 {
    number + 1
}

/// What one function may reach.
pub(super) struct Domain {
    unit: Arc<Unit>,
    number: u64,
    /// Physical address of byte 0 of the memory that is mapped.
    physical: u64,
}

impl Domain {
    pub(super) fn new(unit: &Arc<Unit>, number: u64, physical: u64) -> Arc<Self> {
        Arc::new(Self {
            unit: Arc::clone(unit),
            number,
            physical,
        })
    }

    /// Lets it read and write memory at its physical address.
    pub(super) fn identity(&self, first: u64, bytes: u64) -> Result<(), PlatformError> {
        self.set(first, bytes, Some((first, READ | WRITE)))
    }

    /// Sets the entries of a range to consecutive pages and their rights, or to none, and tells the unit.
    fn set(&self, first: u64, bytes: u64, to: Option<(u64, u64)>) -> Result<(), PlatformError> {
        let layout = self.unit.layout;
        if bytes == 0
            || !first.is_multiple_of(PAGE)
            || to.is_some_and(|(page, _)| !page.is_multiple_of(PAGE))
            || !bytes.is_multiple_of(PAGE)
            || first
                .checked_add(bytes)
                .is_none_or(|end| end > layout.bytes)
        {
            return Err(PlatformError::Invalid);
        }
        let leaf = layout.domain(self.number) + PAGE * (1 + layout.middles());
        for address in (first..first + bytes).step_by(place(PAGE)) {
            let value = to.map_or(0, |(page, rights)| (page + (address - first)) | rights);
            let entry = place(leaf + 8 * (address / PAGE));
            let word = self.unit.memory.word64(entry);
            word.store(value.to_le(), Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        let _one = self.unit.one.lock().unwrap_or_else(PoisonError::into_inner);
        for (page, mask) in blocks(first / PAGE, bytes / PAGE) {
            let address = (page * PAGE) | u64::from(mask);
            let command = IOTLB_PAGES | domain_id(self.number) << 32;
            self.unit
                .machine
                .ask(|p| {
                    p.write(self.unit.iotlb, 8, address)?;
                    p.write(self.unit.iotlb + 8, 8, command)
                })
                .ok_or(PlatformError::DeviceGone)?;
        }
        Ok(())
    }
}

impl Iommu for Domain {
    fn map(
        &self,
        offset: usize,
        iova: u64,
        bytes: usize,
        access: DmaAccess,
    ) -> Result<(), PlatformError> {
        let rights = match access {
            DmaAccess::DeviceReads => READ,
            DmaAccess::DeviceReadsAndWrites => READ | WRITE,
        };
        let page = self.physical + offset as u64;
        self.set(iova, bytes as u64, Some((page, rights)))
    }

    fn unmap(&self, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        self.set(iova, bytes as u64, None)
    }
}

/// Aligned blocks of a power of two of pages that make up a range: first page and log2 of the length.
fn blocks(mut first: u64, mut pages: u64) -> impl Iterator<Item = (u64, u32)> {
    std::iter::from_fn(move || {
        let fits = pages.checked_ilog2()?;
        let mask = first.trailing_zeros().min(fits).min(LARGEST_MASK);
        let block = (first, mask);
        first += 1 << mask;
        pages -= 1 << mask;
        Some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_aligned_blocks() {
        let cut = |first, pages| blocks(first, pages).collect::<Vec<_>>();
        assert_eq!(cut(0, 0), []);
        assert_eq!(cut(5, 1), [(5, 0)]);
        assert_eq!(cut(3, 6), [(3, 0), (4, 2), (8, 0)]);
        assert_eq!(cut(0, 1536), [(0, 9), (512, 9), (1024, 9)]);
    }

    #[test]
    fn tables_of_two_functions_do_not_overlap() {
        let layout = Layout::new(0x20_0000, 512 << 20, 2);
        assert_eq!((layout.leaves(), layout.middles()), (256, 1));
        assert_eq!(layout.domain(0), 0x20_2000);
        assert_eq!(layout.domain(1), 0x20_2000 + 258 * PAGE);
        assert_eq!(layout.end(), 0x20_2000 + 2 * 258 * PAGE);
    }
}
