//! What a specification file may say: the TOML tables, one type each.
//!
//! Unknown keys are refused here; everything that needs more than one table to judge is
//! refused in [`crate::check`]. The same types are the JSON export.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::Spanned;

/// A value and where it stands in the source.
#[derive(Clone, Debug)]
pub struct At<T>(Spanned<T>);

impl<T> At<T> {
    /// A value made at byte `at` of the source.
    pub fn new(at: usize, value: T) -> Self {
        Self(Spanned::new(at..at, value))
    }

    /// Byte position of the table or value in the source.
    #[must_use]
    pub fn at(&self) -> usize {
        self.0.span().start
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.get_ref()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.get_ref().serialize(serializer)
    }
}

/// A whole specification.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // each field is the table of its type
pub struct Spec {
    pub interface: Option<At<Interface>>,
    pub bar: Vec<At<Bar>>,
    pub block: Vec<At<Block>>,
    pub register: Vec<At<Register>>,
    #[serde(rename = "enum")]
    pub enums: Vec<At<Enum>>,
    pub flags: Vec<At<Flags>>,
    #[serde(rename = "struct")]
    pub structs: Vec<At<Struct>>,
    pub command: Vec<At<Command>>,
    pub feature: Vec<At<Feature>>,
    pub limit: Vec<At<Limit>>,
    pub counter: Vec<At<Counter>>,
    pub event: Vec<At<Event>>,
    #[serde(rename = "const")]
    pub consts: Vec<At<Const>>,
    pub syndrome: Vec<At<Value>>,
}

/// `[interface]`: identity and version, once.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Interface {
    pub name: String,
    pub major: u16,
    pub minor: u16,
    pub vendor_id: u16,
    pub device_id: u16,
    pub subsystem_vendor_id: u16,
    pub subsystem_id: u16,
    pub class_code: u32,
    pub revision: u8,
    pub doc: String,
}

/// `[[bar]]`: one base address register of the function.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Bar {
    pub name: String,
    pub index: u8,
    pub size: u64,
    pub mappable: bool,
    pub doc: String,
}

/// `[[block]]`: a typed, versioned range of a BAR.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Block {
    pub name: String,
    pub bar: String,
    pub offset: u64,
    pub size: u64,
    pub id: u8,
    pub version: u8,
    pub doc: String,
}

/// `[[register]]`: offset relative to the BAR.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Register {
    pub name: String,
    pub block: String,
    pub offset: u64,
    pub width: u32,
    pub reset: u64,
    pub doc: String,
    pub fields: Vec<At<RegisterField>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<Array>,
}

/// Repetition of a register.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Number of elements.
    pub count: u64,
    /// Bytes from one element to the next.
    pub stride: u64,
}

/// One field of a register.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct RegisterField {
    pub name: String,
    pub bits: Bits,
    pub access: Access,
    pub doc: String,
    #[serde(rename = "enum", default, skip_serializing_if = "Option::is_none")]
    pub enum_name: Option<String>,
    #[serde(default)]
    pub volatile: bool,
}

/// What software may do with a register field.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Access {
    Ro,
    Rw,
    Rc,
    Wo,
    W1c,
    W1s,
}

impl Access {
    /// Every access type, with what it means.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Ro, "ro", "read only; writes are ignored"),
        (Self::Rw, "rw", "read and write"),
        (Self::Rc, "rc", "a read returns the value and clears it"),
        (Self::Wo, "wo", "write only; reads as zero"),
        (
            Self::W1c,
            "w1c",
            "writing 1 clears, writing 0 changes nothing",
        ),
        (
            Self::W1s,
            "w1s",
            "writing 1 sets, writing 0 changes nothing",
        ),
    ];

    /// The name in the specification.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|a| a.0 == self).map_or("", |a| a.1)
    }
}

/// A bit range, written `"hi:lo"` or `"n"`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct Bits {
    /// Highest bit.
    pub hi: u32,
    /// Lowest bit.
    pub lo: u32,
}

impl Bits {
    /// Number of bits.
    #[must_use]
    pub fn width(self) -> u32 {
        self.hi - self.lo + 1
    }

    /// Mask in place. Bits past 63 are refused before this is used.
    #[must_use]
    pub fn mask(self) -> u64 {
        (u64::MAX >> (63 - (self.hi - self.lo).min(63))) << self.lo.min(63)
    }

    /// As the specification writes it.
    #[must_use]
    pub fn shown(self) -> String {
        if self.hi == self.lo {
            self.hi.to_string()
        } else {
            format!("{}:{}", self.hi, self.lo)
        }
    }
}

impl TryFrom<String> for Bits {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let (hi, lo) = text.split_once(':').unwrap_or((&text, &text));
        let parsed = hi.trim().parse().ok().zip(lo.trim().parse().ok());
        match parsed {
            Some((hi, lo)) if lo <= hi && hi < 64 => Ok(Self { hi, lo }),
            _ => Err(format!(
                "bits `{text}` are not `hi:lo` or `n` with 63 >= hi >= lo"
            )),
        }
    }
}

/// The integer that carries an enum, a flags word or a constant.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Repr {
    U8,
    U16,
    U32,
    U64,
}

impl Repr {
    /// Size in bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::U8 => 8,
            Self::U16 => 16,
            Self::U32 => 32,
            Self::U64 => 64,
        }
    }

    /// Size in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.bits() / 8)
    }

    /// Whether `value` can be stored.
    #[must_use]
    pub fn fits(self, value: u64) -> bool {
        fits(value, self.bits())
    }

    /// The smallest integer of at least `bits` bits.
    #[must_use]
    pub fn holding(bits: u32) -> Self {
        match bits {
            0..=8 => Self::U8,
            9..=16 => Self::U16,
            17..=32 => Self::U32,
            _ => Self::U64,
        }
    }

    /// The Rust type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
        }
    }

    /// The integer named `name`, if it is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::U8, Self::U16, Self::U32, Self::U64]
            .into_iter()
            .find(|repr| repr.name() == name)
    }
}

/// Whether `value` fits into `bits` bits.
#[must_use]
pub fn fits(value: u64, bits: u32) -> bool {
    bits >= 64 || value >> bits == 0
}

/// `[[enum]]`: an open set of named numbers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Enum {
    pub name: String,
    pub repr: Repr,
    pub doc: String,
    pub values: Vec<At<Value>>,
}

/// One value of an enum, or a `[[syndrome]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Value {
    pub name: String,
    pub value: u64,
    pub doc: String,
}

/// `[[flags]]`: a word made of bit fields.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Flags {
    pub name: String,
    pub repr: Repr,
    pub doc: String,
    pub fields: Vec<At<FlagField>>,
}

/// One field of a flags word.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct FlagField {
    pub name: String,
    pub bits: Bits,
    pub doc: String,
    #[serde(rename = "enum", default, skip_serializing_if = "Option::is_none")]
    pub enum_name: Option<String>,
}

/// `[[struct]]`: a layout in memory.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Struct {
    pub name: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align: Option<u64>,
    pub doc: String,
    pub fields: Vec<At<StructField>>,
}

/// One field of a struct.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct StructField {
    pub name: String,
    pub at: u64,
    #[serde(rename = "type")]
    pub ty: String,
    pub doc: String,
}

/// How a command finishes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Completes {
    /// The answer is the end.
    Inline,
    /// The answer only starts it; an event ends it.
    Event,
}

/// `[[command]]`: one entry of the command set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Command {
    pub name: String,
    pub opcode: u64,
    pub request: String,
    pub response: String,
    #[serde(default)]
    pub statuses: Vec<At<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    pub completes: Completes,
    pub doc: String,
}

/// `[[feature]]`: one negotiable bit.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Feature {
    pub name: String,
    pub bit: u32,
    pub software_only: bool,
    pub doc: String,
}

/// `[[limit]]`: a bound every implementation states.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Limit {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    pub minimum: u64,
    pub value: u64,
    pub unit: String,
    pub doc: String,
}

/// `[[counter]]`: one counter.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Counter {
    pub name: String,
    pub index: u64,
    pub unit: String,
    pub doc: String,
}

/// `[[event]]`: one kind of event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Event {
    pub name: String,
    pub code: u64,
    pub payload: String,
    pub doc: String,
}

/// `[[const]]`: a named number.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Const {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: Repr,
    pub value: u64,
    pub doc: String,
}

/// Whether a field name marks reserved bits or bytes (`reserved` or `reserved_N`).
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    name == "reserved" || name.starts_with("reserved_")
}
