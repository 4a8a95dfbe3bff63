//! Ways to have the machine: a share of its memory for each function, behind an IOMMU, for tests of the device; or one
//! memory for all functions, for a host of drivers.

use std::io;
use std::sync::Arc;

use rnic_platform::{DmaAccess, PlatformError};

use super::iommu::{Domain, Layout, Unit};
use super::process::{Machine, Shape};
use super::{DEVICE, Qtest, QtestOptions, WORDS};
use crate::OpenError;
use crate::arena::{Arena, Iommu, Mapped};
use crate::mmap::{Mapping, Source};

/// The IOMMU's tables; guest memory below is left to firmware and vectors.
const TABLES: u64 = 0x20_0000;
/// Memory below 4 GiB where functions share one memory, for vectors and tables. Pages are taken when touched.
const LOW: u64 = 1 << 30;
/// Where memory goes on above the hole.
const HIGH: u64 = 1 << 32;
/// Addresses that an IOMMU gives where functions share one memory.
const REMAPPED: u64 = 16 << 30;

fn memory_failed(error: io::Error) -> OpenError {
    OpenError::new("map", "guest memory", error)
}

fn map(file: &std::fs::File, first: u64, end: u64) -> io::Result<Mapping> {
    let bytes = usize::try_from(end - first).map_err(io::Error::other)?;
    Mapping::new(&Source::File(file, first), bytes)
}

/// The domain of a function; vectors reach their words.
fn domain(unit: &Arc<Unit>, number: u64, physical: u64) -> Result<Arc<Domain>, OpenError> {
    let domain = Domain::new(unit, number, physical);
    domain
        .identity(WORDS as u64, 4096 * 2)
        .map_err(|error| OpenError::new("map", "the vectors' words", error))?;
    Ok(domain)
}

impl Qtest {
    /// Starts QEMU with one or two functions, programs its IOMMU, places BARs, points vectors into memory. QEMU ends with
    /// the thread that called this.
    pub fn launch(options: &QtestOptions) -> Result<Self, OpenError> {
        let total = options.memory_bytes;
        let shape = Shape {
            memory: total,
            low: total,
            iommu: true,
        };
        let (machine, memory) = Machine::start(options, shape)?;
        let count = options.sockets.len() as u64;
        let layout = Layout::new(TABLES, total, count);
        let unit = map(&memory, 0, total)
            .and_then(|all| Unit::start(&machine, all, layout, DEVICE))
            .map_err(|error| OpenError::new("set up", "QEMU's IOMMU", error))?;
        // What is left is shared out evenly. Guest memory below the hole lies at its own offset in the file.
        let share = (total.saturating_sub(layout.end()) / count.max(1)) & !0xFFF;
        let mut functions = Vec::new();
        for number in 0..count {
            let first = layout.end() + number * share;
            let part = map(&memory, first, first + share).map_err(memory_failed)?;
            let domain = domain(&unit, number, first)?;
            let arena = Arena::new(part, 0, first, Some(domain.clone()));
            let words = map(&memory, 0, TABLES).map_err(memory_failed)?;
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            functions.push(Self::function(
                &machine,
                (arena, Some(domain)),
                words,
                number,
            )?);
        }
        let mut functions = functions.into_iter();
        let mut first = functions
            .next()
            .ok_or_else(|| OpenError::new("start", "QEMU", "no device socket was given"))?;
        first.peer = functions.next().map(Box::new);
        Ok(first)
    }

    /// As [`Qtest::launch`], with one memory of `memory_bytes` for all functions, at 4 GiB, that [`Qtest::memory`] lends:
    /// for a host that hands it out itself instead of by `alloc_dma`. With [`Mapped::Whole`] there is no IOMMU and each
    /// function reaches all of it; else what [`Qtest::map_range`] gives it.
    pub fn launch_sharing(options: &QtestOptions, mapped: Mapped) -> Result<Vec<Self>, OpenError> {
        let total = LOW + options.memory_bytes;
        let shape = Shape {
            memory: total,
            low: LOW,
            iommu: mapped == Mapped::EachBuffer,
        };
        let (machine, memory) = Machine::start(options, shape)?;
        let count = options.sockets.len() as u64;
        let unit = if shape.iommu {
            let layout = Layout::new(TABLES, REMAPPED, count);
            let unit = map(&memory, 0, LOW)
                .and_then(|low| Unit::start(&machine, low, layout, DEVICE))
                .map_err(|error| OpenError::new("set up", "QEMU's IOMMU", error))?;
            Some(unit)
        } else {
            None
        };
        let mut functions = Vec::new();
        for number in 0..count {
            let domain = match &unit {
                Some(unit) => Some(domain(unit, number, HIGH)?),
                None => None,
            };
            let each = domain.clone().map(|domain| domain as Arc<dyn Iommu>);
            let all = map(&memory, LOW, total).map_err(memory_failed)?;
            let arena = Arena::new(all, 0, HIGH, each);
            let words = map(&memory, 0, TABLES).map_err(memory_failed)?;
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            functions.push(Self::function(&machine, (arena, domain), words, number)?);
        }
        Ok(functions)
    }

    /// Address and bytes of the memory of [`Qtest::launch_sharing`]; byte 0 has the physical address 4 GiB. It is mapped as
    /// long as the function lives.
    pub fn memory(&self) -> (*mut u8, usize) {
        let mapping = self.arena.mapping();
        (mapping.address(), mapping.len())
    }

    /// Lets the device reach a range of the memory at `iova`, which is at most 16 GiB; with [`Mapped::EachBuffer`].
    pub fn map_range(&self, offset: usize, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        let domain = self.domain.as_ref().ok_or(PlatformError::Unsupported)?;
        domain.map(offset, iova, bytes, DmaAccess::DeviceReadsAndWrites)
    }

    /// Takes that away; returns when the device uses it no more.
    pub fn unmap_range(&self, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        let domain = self.domain.as_ref().ok_or(PlatformError::Unsupported)?;
        domain.unmap(iova, bytes)
    }
}
