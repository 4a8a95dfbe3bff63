//! What a function looks like to software.

use alloc::vec::Vec;

/// Smallest memory BAR (section 7.5.1.2.1).
const MIN_BAR: u64 = 128;

/// How a memory BAR decodes (section 7.5.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// One register; an address below 4 GiB.
    Memory32,
    /// Two registers, this one and the next.
    Memory64,
}

/// One base address register, or a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Index of the (first) register, 0 to 5.
    pub index: u8,
    /// Width of the address.
    pub kind: BarKind,
    /// Bytes decoded: a power of two, at least 128.
    pub size: u64,
    /// Reads have no side effect and writes may merge.
    pub prefetchable: bool,
}

/// The interrupt capability; software finds exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// MSI-X (section 7.7.2).
    MsiX {
        /// Vectors, 1 to 2048.
        vectors: u16,
        /// BAR that holds the table.
        table_bar: u8,
        /// Byte offset of the table, a multiple of 8.
        table_offset: u32,
        /// BAR that holds the pending bits.
        pba_bar: u8,
        /// Byte offset of the pending bits, a multiple of 8.
        pba_offset: u32,
    },
    /// MSI with 32 vectors, 64-bit addresses and a mask bit each (section 7.7.1).
    Msi,
}

/// Speed of the link. Faster links need the Secondary PCI Express capability and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSpeed {
    /// 2.5 GT/s.
    Gt2_5,
    /// 5.0 GT/s.
    Gt5,
}

impl LinkSpeed {
    pub(crate) const fn encoding(self) -> u32 {
        match self {
            LinkSpeed::Gt2_5 => 1,
            LinkSpeed::Gt5 => 2,
        }
    }
}

/// Largest payload the function can take (section 7.5.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxPayload {
    /// 128 bytes.
    B128,
    /// 256 bytes.
    B256,
    /// 512 bytes.
    B512,
    /// 1024 bytes.
    B1024,
    /// 2048 bytes.
    B2048,
    /// 4096 bytes.
    B4096,
}

impl MaxPayload {
    pub(crate) const fn encoding(self) -> u32 {
        match self {
            MaxPayload::B128 => 0,
            MaxPayload::B256 => 1,
            MaxPayload::B512 => 2,
            MaxPayload::B1024 => 3,
            MaxPayload::B2048 => 4,
            MaxPayload::B4096 => 5,
        }
    }
}

/// A whole function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Vendor ID; not 0xffff, which means that no function is there.
    pub vendor_id: u16,
    /// Device ID.
    pub device_id: u16,
    /// Revision ID.
    pub revision: u8,
    /// Class code: base class, sub-class, programming interface.
    pub class: [u8; 3],
    /// Subsystem Vendor ID.
    pub subsystem_vendor_id: u16,
    /// Subsystem ID.
    pub subsystem_id: u16,
    /// Base address registers, in any order.
    pub bars: Vec<Bar>,
    /// Interrupt capability.
    pub interrupts: Interrupts,
    /// Largest payload.
    pub max_payload: MaxPayload,
    /// Speed of the link, and the fastest it can have.
    pub link_speed: LinkSpeed,
    /// Lanes: 1, 2, 4, 8, 12, 16 or 32.
    pub link_width: u8,
    /// EUI-64 of the device, for the Device Serial Number capability (section 7.9.3).
    pub serial_number: Option<u64>,
}

/// Why a description is not a function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// The all-ones vendor.
    #[error("vendor ID 0xffff means that no function is there")]
    Vendor,
    /// Index out of range, or a register used twice.
    #[error("BAR {0}: no such register, or it is taken by another BAR")]
    BarIndex(u8),
    /// Size not a power of two, below 128 bytes, or too large for the kind.
    #[error(
        "BAR {index}: size {size:#x} is not a power of two between 128 bytes and what its kind can address"
    )]
    BarSize {
        /// BAR.
        index: u8,
        /// Size asked for.
        size: u64,
    },
    /// Zero vectors or more than 2048.
    #[error("MSI-X with {0} vectors; 1 to 2048 are possible")]
    Vectors(u16),
    /// Misaligned, outside its BAR, or in a BAR that does not exist.
    #[error("MSI-X {what} at {offset:#x} of BAR {bar}: not a multiple of 8, or outside the BAR")]
    MsixPlace {
        /// "table" or "PBA".
        what: &'static str,
        /// BAR asked for.
        bar: u8,
        /// Offset asked for.
        offset: u32,
    },
    /// Table and pending bits share bytes.
    #[error("MSI-X table and PBA overlap")]
    MsixOverlap,
    /// Not a number of lanes that exists.
    #[error("a link of {0} lanes")]
    LinkWidth(u8),
}

impl Description {
    /// Checks everything that the registers depend on.
    pub(crate) fn check(&self) -> Result<(), DescriptionError> {
        if self.vendor_id == 0xffff {
            return Err(DescriptionError::Vendor);
        }
        if !matches!(self.link_width, 1 | 2 | 4 | 8 | 12 | 16 | 32) {
            return Err(DescriptionError::LinkWidth(self.link_width));
        }
        let mut taken = 0u8;
        for bar in &self.bars {
            let (registers, largest) = match bar.kind {
                BarKind::Memory32 => (0b01u8, 1u64 << 31),
                BarKind::Memory64 => (0b11, 1 << 63),
            };
            let used = registers
                .checked_shl(u32::from(bar.index))
                .filter(|used| *used < 1 << 6);
            let fits = bar.index < 6 && used.is_some_and(|used| used >> bar.index == registers);
            let used = used
                .filter(|used| fits && used & taken == 0)
                .ok_or(DescriptionError::BarIndex(bar.index))?;
            taken |= used;
            if !bar.size.is_power_of_two() || !(MIN_BAR..=largest).contains(&bar.size) {
                return Err(DescriptionError::BarSize {
                    index: bar.index,
                    size: bar.size,
                });
            }
        }
        let Interrupts::MsiX {
            vectors,
            table_bar,
            table_offset,
            pba_bar,
            pba_offset,
        } = self.interrupts
        else {
            return Ok(());
        };
        if !(1..=2048).contains(&vectors) {
            return Err(DescriptionError::Vectors(vectors));
        }
        let table_len = u64::from(vectors) * 16;
        let pba_len = u64::from(vectors).div_ceil(64) * 8;
        for (what, bar, offset, len) in [
            ("table", table_bar, table_offset, table_len),
            ("PBA", pba_bar, pba_offset, pba_len),
        ] {
            let size = self
                .bars
                .iter()
                .find(|b| b.index == bar)
                .map_or(0, |b| b.size);
            if offset % 8 != 0 || u64::from(offset) + len > size {
                return Err(DescriptionError::MsixPlace { what, bar, offset });
            }
        }
        let (table, pba) = (u64::from(table_offset), u64::from(pba_offset));
        if table_bar == pba_bar && table < pba + pba_len && pba < table + table_len {
            return Err(DescriptionError::MsixOverlap);
        }
        Ok(())
    }
}
