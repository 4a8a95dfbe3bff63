//! Types of the metadata tables: the specification as data, for tests and tools that are
//! driven by it.

use crate::{EventCode, Opcode, Status};

/// A BAR of the function.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// Name in the specification.
    pub name: &'static str,
    /// Index, 0 to 5.
    pub index: u8,
    /// Size in bytes.
    pub size: u64,
    /// Whether it may be mapped into the guest, so that an access reaches memory.
    pub mappable: bool,
    /// What it is for.
    pub doc: &'static str,
}

/// A typed, versioned range of a BAR.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Name in the specification.
    pub name: &'static str,
    /// Index of its BAR.
    pub bar: u8,
    /// Offset in the BAR.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
    /// Type.
    pub id: u8,
    /// Version of the type.
    pub version: u8,
    /// What it is for.
    pub doc: &'static str,
}

/// What software may do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only; writes are ignored.
    Ro,
    /// Read and write.
    Rw,
    /// A read returns the value and clears it.
    Rc,
    /// Write only; reads as zero.
    Wo,
    /// Writing 1 clears, writing 0 changes nothing.
    W1c,
    /// Writing 1 sets, writing 0 changes nothing.
    W1s,
}

/// Repetition of a register.
#[derive(Clone, Copy, Debug)]
pub struct Array {
    /// Number of elements.
    pub count: u64,
    /// Bytes from one element to the next.
    pub stride: u64,
}

/// A register, or an array of them.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Name in the specification.
    pub name: &'static str,
    /// Name of its block.
    pub block: &'static str,
    /// Index of its BAR.
    pub bar: u8,
    /// Offset in the BAR, of the first element.
    pub offset: u64,
    /// Width in bits, 32 or 64.
    pub width: u32,
    /// Value after reset; volatile fields differ.
    pub reset: u64,
    /// Repetition, if it is an array.
    pub array: Option<Array>,
    /// What it is for.
    pub doc: &'static str,
    /// Its fields, which cover every bit.
    pub fields: &'static [Field],
}

impl Register {
    /// Mask of the fields with this access.
    #[must_use]
    pub fn mask(&self, access: Access) -> u64 {
        self.mask_where(|field| field.access == access)
    }

    /// Mask of the fields whose value after reset is not fixed.
    #[must_use]
    pub fn volatile_mask(&self) -> u64 {
        self.mask_where(|field| field.volatile)
    }

    /// Mask of the reserved bits, which read as zero and ignore writes.
    #[must_use]
    pub fn reserved_mask(&self) -> u64 {
        self.mask_where(|field| field.reserved)
    }

    fn mask_where(&self, choose: impl Fn(&Field) -> bool) -> u64 {
        let chosen = self.fields.iter().filter(|field| choose(field));
        chosen.fold(0, |mask, field| mask | field.bits().mask())
    }

    /// Size of one element in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        (self.width / 8) as u64
    }

    /// Number of elements.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.array.map_or(1, |array| array.count)
    }

    /// Offset in the BAR of element `index`; none past the last.
    #[must_use]
    pub fn offset_of(&self, index: u64) -> Option<u64> {
        let stride = self.array.map_or(0, |array| array.stride);
        (index < self.count()).then(|| self.offset + index * stride)
    }

    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A field of a register.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name in the specification.
    pub name: &'static str,
    /// Highest bit.
    pub hi: u32,
    /// Lowest bit.
    pub lo: u32,
    /// What software may do with it.
    pub access: Access,
    /// Whether its value after reset is not fixed.
    pub volatile: bool,
    /// Whether it has no meaning: it reads as zero and ignores writes.
    pub reserved: bool,
    /// Name of the enum of its values, if it has one.
    pub enumeration: Option<&'static str>,
    /// What it is for.
    pub doc: &'static str,
}

impl Field {
    /// Its bits.
    #[must_use]
    pub const fn bits(&self) -> crate::BitField {
        crate::BitField::new(self.hi, self.lo)
    }
}

/// A layout in memory.
#[derive(Clone, Copy, Debug)]
pub struct Structure {
    /// Name in the specification.
    pub name: &'static str,
    /// Size in bytes.
    pub size: usize,
    /// Alignment in memory that the specification demands, in bytes; 1 if none.
    pub align: usize,
    /// What it is for.
    pub doc: &'static str,
    /// Its fields, which cover every byte.
    pub fields: &'static [Member],
}

impl Structure {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Member> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A field of a layout.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Name in the specification.
    pub name: &'static str,
    /// First byte.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// Type as the specification writes it.
    pub ty: &'static str,
    /// Whether it has no meaning and is zero.
    pub reserved: bool,
    /// What it is for.
    pub doc: &'static str,
}

/// An open enum.
#[derive(Clone, Copy, Debug)]
pub struct Enumeration {
    /// Name in the specification.
    pub name: &'static str,
    /// Width in bits.
    pub width: u32,
    /// What it is for.
    pub doc: &'static str,
    /// The named values.
    pub values: &'static [EnumValue],
}

/// A named value of an enum.
#[derive(Clone, Copy, Debug)]
pub struct EnumValue {
    /// Name in the specification.
    pub name: &'static str,
    /// The number.
    pub value: u64,
    /// What it means.
    pub doc: &'static str,
}

/// A word made of bit fields.
#[derive(Clone, Copy, Debug)]
pub struct FlagsWord {
    /// Name in the specification.
    pub name: &'static str,
    /// Width in bits.
    pub width: u32,
    /// What it is for.
    pub doc: &'static str,
    /// Its fields, which cover every bit.
    pub fields: &'static [Bits],
}

/// A field of a flags word.
#[derive(Clone, Copy, Debug)]
pub struct Bits {
    /// Name in the specification.
    pub name: &'static str,
    /// Highest bit.
    pub hi: u32,
    /// Lowest bit.
    pub lo: u32,
    /// Whether it has no meaning and is zero.
    pub reserved: bool,
    /// What it is for.
    pub doc: &'static str,
}

/// How a command finishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completes {
    /// The answer is the end.
    Inline,
    /// The answer only starts it; an event ends it.
    Event,
}

/// A command of the command set.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// Name in the specification.
    pub name: &'static str,
    /// Its code.
    pub code: Opcode,
    /// Name of the struct that is sent.
    pub request: &'static str,
    /// Its size in bytes.
    pub request_size: usize,
    /// Name of the struct that answers.
    pub response: &'static str,
    /// Its size in bytes.
    pub response_size: usize,
    /// Statuses it can answer, beside those that every command can.
    pub statuses: &'static [Status],
    /// The feature it needs, as a mask of the feature word.
    pub feature: Option<u64>,
    /// How it finishes.
    pub completes: Completes,
    /// What it does.
    pub doc: &'static str,
}

/// A kind of event.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// Name in the specification.
    pub name: &'static str,
    /// Its code.
    pub code: EventCode,
    /// Name of the struct it carries.
    pub payload: &'static str,
    /// Its size in bytes.
    pub payload_size: usize,
    /// What happened.
    pub doc: &'static str,
}

/// A feature bit.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Name in the specification.
    pub name: &'static str,
    /// Bit of the feature word.
    pub bit: u32,
    /// Whether only a software device may offer it.
    pub software_only: bool,
    /// What it adds.
    pub doc: &'static str,
}

/// A bound.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Name in the specification.
    pub name: &'static str,
    /// The register or struct, and its field, that report it, if any do.
    pub reported_by: Option<(&'static str, &'static str)>,
    /// The least that any implementation offers.
    pub minimum: u64,
    /// What the model offers.
    pub value: u64,
    /// Unit of both.
    pub unit: &'static str,
    /// What it bounds.
    pub doc: &'static str,
}

/// A counter.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// Name in the specification.
    pub name: &'static str,
    /// Its index.
    pub index: u64,
    /// What it counts in.
    pub unit: &'static str,
    /// What it counts.
    pub doc: &'static str,
}
