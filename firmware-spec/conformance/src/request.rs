//! Requests and answers as bytes with named places, taken from the metadata of rnic-abi: so that a table of wrong
//! requests is a table of field names and values.

use rnic_abi::meta::{CommandInfo, Member, Structure};
use rnic_abi::{
    BitField, COMMANDS, ENUMS, EqKind, EthDirection, FLAGS, Family, Mtu, MwType, Opcode, QpState,
    QpType, STRUCTS, Status, SyndromeReason,
};

/// Bytes of CommandHeader and AnswerHeader.
pub const HEADER: usize = 16;

/// A number that a field may be given.
pub trait Value {
    /// As the field stores it.
    fn word(self) -> u64;
}

macro_rules! value {
    ($($ty:ty),*) => { $(impl Value for $ty { fn word(self) -> u64 { self as u64 } })* };
}
value!(u8, u16, u32, u64, usize, i32);
impl Value for bool {
    fn word(self) -> u64 {
        u64::from(self)
    }
}
macro_rules! value_of_enum {
    ($($ty:ty),*) => { $(impl Value for $ty { fn word(self) -> u64 { self.0.into() } })* };
}
value_of_enum!(
    EqKind,
    EthDirection,
    Family,
    Mtu,
    MwType,
    Opcode,
    QpState,
    QpType
);

/// Where a named place lies in a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// First byte of the field, from the start of the outermost layout.
    pub offset: usize,
    /// Bytes of the field.
    pub size: usize,
    /// Bits in the field, when the place is a part of a flags word.
    pub bits: Option<BitField>,
}

/// The layout of that name.
///
/// # Panics
/// If the specification has none: a mistake of the suite.
#[must_use]
pub fn structure(name: &str) -> &'static Structure {
    STRUCTS
        .iter()
        .find(|s| s.name == name)
        .unwrap_or_else(|| panic!("the specification has no struct {name}"))
}

/// The place that `path` names in `layout`: `ring.doorbell`, `flags.srq`.
///
/// # Panics
/// If there is none: a mistake of the suite.
#[must_use]
pub fn place(layout: &Structure, path: &str) -> Place {
    let (head, tail) = match path.split_once('.') {
        Some((head, tail)) => (head, Some(tail)),
        None => (path, None),
    };
    let field = layout
        .field(head)
        .unwrap_or_else(|| panic!("struct {} has no field {head}", layout.name));
    let Some(tail) = tail else {
        return Place {
            offset: field.offset,
            size: field.size,
            bits: None,
        };
    };
    if let Some(word) = FLAGS.iter().find(|f| f.name == field.ty) {
        let bits = word
            .fields
            .iter()
            .find(|b| b.name == tail)
            .unwrap_or_else(|| panic!("{} has no bits {tail}", word.name));
        return Place {
            offset: field.offset,
            size: field.size,
            bits: Some(BitField::new(bits.hi, bits.lo)),
        };
    }
    let inner = place(structure(field.ty), tail);
    Place {
        offset: field.offset + inner.offset,
        ..inner
    }
}

/// A reserved place of a layout: the field that a syndrome names, and one bit of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedBit {
    /// Offset of the field, or of the flags word that holds the bits.
    pub field: usize,
    /// Byte of the bit, from the start of the layout.
    pub byte: usize,
    /// Bit of that byte.
    pub bit: u8,
}

/// One set bit in the first and one in the last byte of every reserved field of a layout, nested ones included.
#[must_use]
pub fn reserved_bits(layout: &Structure) -> Vec<ReservedBit> {
    let mut found = Vec::new();
    for field in layout.fields {
        if field.reserved {
            for (byte, bit) in [(0, 0), (field.size - 1, 7)] {
                found.push(ReservedBit {
                    field: field.offset,
                    byte: field.offset + byte,
                    bit,
                });
            }
        } else if let Some(word) = FLAGS.iter().find(|f| f.name == field.ty) {
            for bits in word.fields.iter().filter(|b| b.reserved) {
                for at in [bits.lo, bits.hi] {
                    found.push(ReservedBit {
                        field: field.offset,
                        byte: field.offset + (at / 8) as usize,
                        bit: (at % 8) as u8,
                    });
                }
            }
        } else if let Some(inner) = STRUCTS.iter().find(|s| s.name == field.ty) {
            found.extend(reserved_bits(inner).into_iter().map(|r| ReservedBit {
                field: field.offset + r.field,
                byte: field.offset + r.byte,
                bit: r.bit,
            }));
        }
    }
    found
}

/// Fields of a layout whose type is an enumeration, with a value that it does not name.
#[must_use]
pub fn enum_fields(layout: &'static Structure) -> Vec<(&'static Member, u64)> {
    let fields = layout.fields.iter().filter_map(|field| {
        let kind = ENUMS.iter().find(|e| e.name == field.ty)?;
        let last = kind.values.iter().map(|v| v.value).max()?;
        Some((field, last + 1))
    });
    fields.collect()
}

/// The metadata of a command.
///
/// # Panics
/// If the specification has none with this code.
#[must_use]
pub fn command(code: Opcode) -> &'static CommandInfo {
    COMMANDS
        .iter()
        .find(|c| c.code == code)
        .unwrap_or_else(|| panic!("the specification has no command {code}"))
}

fn get(bytes: &[u8], at: Place) -> u64 {
    // Of an array, its first word.
    let size = at.size.min(8);
    let mut word = [0; 8];
    word[..size].copy_from_slice(&bytes[at.offset..at.offset + size]);
    let word = u64::from_le_bytes(word);
    at.bits.map_or(word, |bits| bits.get(word))
}

/// A request under construction: zeros, and the header in front.
#[derive(Clone, Debug)]
pub struct Request {
    /// What the specification says of the command.
    pub info: &'static CommandInfo,
    /// All bytes, header included.
    pub bytes: Vec<u8>,
}

impl Request {
    /// All fields zero.
    #[must_use]
    pub fn new(code: Opcode) -> Self {
        let info = command(code);
        let request = Self {
            info,
            bytes: vec![0; info.request_size],
        };
        request
            .set("header.opcode", code.0)
            .set("header.length", info.request_size)
    }

    /// Where a field lies.
    #[must_use]
    pub fn place(&self, path: &str) -> Place {
        place(structure(self.info.request), path)
    }

    /// The request with one field replaced; of an array of bytes, the first eight.
    ///
    /// # Panics
    /// If the value does not fit, or the field does not exist.
    #[must_use]
    pub fn set(mut self, path: &str, value: impl Value) -> Self {
        let at = self.place(path);
        let value = value.word();
        let mut word = [0; 8];
        let size = at.size.min(8);
        word[..size].copy_from_slice(&self.bytes[at.offset..at.offset + size]);
        let word = match at.bits {
            Some(bits) => {
                assert!(value <= bits.max(), "{path} does not hold {value:#x}");
                bits.set(u64::from_le_bytes(word), value)
            }
            None => {
                assert!(
                    size == 8 || value >> (8 * size) == 0,
                    "{path} does not hold {value:#x}"
                );
                value
            }
        };
        self.bytes[at.offset..at.offset + size].copy_from_slice(&word.to_le_bytes()[..size]);
        self
    }

    /// The request with the first bytes of a field replaced.
    ///
    /// # Panics
    /// If they do not fit.
    #[must_use]
    pub fn set_bytes(mut self, path: &str, bytes: &[u8]) -> Self {
        let at = self.place(path);
        assert!(bytes.len() <= at.size, "{path} has {} bytes", at.size);
        self.bytes[at.offset..at.offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, path: &str) -> u64 {
        get(&self.bytes, self.place(path))
    }
}

/// What the device wrote to the space of an answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The command that was asked.
    pub info: &'static CommandInfo,
    /// Tag of the request.
    pub tag: u64,
    /// Length in the used ring.
    pub used: u32,
    /// The whole space, [`Answer::FILL`] where the device did not write.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// What the space holds before the device writes.
    pub const FILL: u8 = 0xA5;

    fn header(&self, path: &str) -> u64 {
        get(&self.bytes, place(structure("AnswerHeader"), path))
    }

    /// Status.
    #[must_use]
    pub fn status(&self) -> Status {
        Status(self.header("status") as u16)
    }

    /// Opcode that the answer repeats.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        Opcode(self.header("opcode") as u16)
    }

    /// Tag that the answer repeats.
    #[must_use]
    pub fn answered_tag(&self) -> u64 {
        self.header("tag")
    }

    /// Offset of the field at fault.
    #[must_use]
    pub fn offset(&self) -> u16 {
        self.header("syndrome.offset") as u16
    }

    /// What is wrong with it.
    #[must_use]
    pub fn reason(&self) -> SyndromeReason {
        SyndromeReason(self.header("syndrome.reason") as u16)
    }

    /// A field of the answer.
    #[must_use]
    pub fn get(&self, path: &str) -> u64 {
        get(&self.bytes, place(structure(self.info.response), path))
    }

    /// A field of the answer, low half.
    #[must_use]
    pub fn get32(&self, path: &str) -> u32 {
        self.get(path) as u32
    }

    /// The bytes of a field.
    #[must_use]
    pub fn field(&self, path: &str) -> &[u8] {
        let at = place(structure(self.info.response), path);
        &self.bytes[at.offset..at.offset + at.size]
    }

    /// Status and syndrome as text.
    #[must_use]
    pub fn describe(&self) -> String {
        let offset = self.offset();
        let field = structure(self.info.request)
            .fields
            .iter()
            .rfind(|f| f.offset <= offset.into() && usize::from(offset) < f.offset + f.size)
            .map_or("no field", |f| f.name);
        format!(
            "{} with syndrome (offset {offset}: {field}, reason {})",
            self.status(),
            self.reason()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_through_structs_and_flags() {
        let request = Request::new(Opcode::CREATE_QP)
            .set("recv_ring.doorbell", 0x1234)
            .set("flags.srq", 1)
            .set("send_ring.page_list", 0x1122_3344_5566_7788_u64);
        assert_eq!(request.place("recv_ring.doorbell").offset, 96 + 16);
        assert_eq!(request.bytes[112..114], [0x34, 0x12]);
        assert_eq!(request.get("flags"), 1);
        assert_eq!(request.get("send_ring.page_list"), 0x1122_3344_5566_7788);
        assert_eq!(request.get("header.length"), 120);
        assert_eq!(request.get("header.opcode"), 0x40);
    }

    #[test]
    #[should_panic(expected = "does not hold")]
    fn a_value_that_does_not_fit_is_noticed() {
        let _ = Request::new(Opcode::SET_ADDRESS).set("prefix", 256);
    }

    #[test]
    fn every_request_has_a_reserved_header_field_first() {
        for info in COMMANDS {
            let bits = reserved_bits(structure(info.request));
            assert_eq!(bits.first().map(|b| b.field), Some(2), "{}", info.name);
        }
        let pd = reserved_bits(structure("CreatePdRequest"));
        assert_eq!(
            pd.iter()
                .map(|b| (b.field, b.byte, b.bit))
                .collect::<Vec<_>>(),
            [
                (2, 2, 0),
                (2, 3, 7),
                (16, 16, 1),
                (16, 19, 7),
                (20, 20, 0),
                (20, 23, 7)
            ]
        );
    }

    #[test]
    fn unknown_values_are_not_named() {
        let fields = enum_fields(structure("ModifyQpRequest"));
        let named: Vec<_> = fields.iter().map(|(f, v)| (f.name, *v)).collect();
        assert_eq!(named, [("state", 6), ("path_mtu", 6)]);
    }
}
