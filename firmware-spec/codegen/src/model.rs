//! A checked specification: what the emitters read.

use std::collections::BTreeMap;

use crate::schema::{At, Enum, Interface, Register, Repr, Spec, Struct, Value};
use crate::source::Source;

/// A type a struct field may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A plain integer.
    Int(Repr),
    /// An enum, by name, stored as this integer.
    Enum(String, Repr),
    /// A flags word, by name, stored as this integer.
    Flags(String, Repr),
    /// Another struct, by name, of this size.
    Struct(String, u64),
    /// A fixed number of elements.
    Array(Box<Type>, u64),
}

impl Type {
    /// Size in bytes; none if an array's size does not fit 64 bits.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Int(repr) | Self::Enum(_, repr) | Self::Flags(_, repr) => Some(repr.bytes()),
            Self::Struct(_, size) => Some(*size),
            Self::Array(element, count) => element.size()?.checked_mul(*count),
        }
    }
}

/// Resolves a type as a struct field writes it.
#[must_use]
pub fn resolve(spec: &Spec, text: &str) -> Option<Type> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let (element, count) = inner.rsplit_once(';')?;
        let count = count.trim().parse().ok()?;
        return match resolve(spec, element)? {
            Type::Array(..) => None,
            element => Some(Type::Array(Box::new(element), count)),
        };
    }
    if let Some(repr) = Repr::parse(text) {
        return Some(Type::Int(repr));
    }
    if let Some(found) = spec.enums.iter().find(|e| e.name == text) {
        return Some(Type::Enum(found.name.clone(), found.repr));
    }
    if let Some(found) = spec.flags.iter().find(|f| f.name == text) {
        return Some(Type::Flags(found.name.clone(), found.repr));
    }
    let found = spec.structs.iter().find(|s| s.name == text)?;
    Some(Type::Struct(found.name.clone(), found.size))
}

/// A specification that [`crate::check()`] found consistent. Nothing else makes one.
#[derive(Clone, Debug)]
pub struct Model {
    source: Source,
    spec: Spec,
    interface: Interface,
}

impl Model {
    pub(crate) fn new(source: Source, mut spec: Spec, interface: Interface) -> Self {
        // One order for every output, whatever file a table stands in.
        let bars: BTreeMap<String, u8> =
            spec.bar.iter().map(|b| (b.name.clone(), b.index)).collect();
        let place: BTreeMap<String, u8> = spec
            .block
            .iter()
            .map(|b| (b.name.clone(), bars.get(&b.bar).copied().unwrap_or(0)))
            .collect();
        spec.bar.sort_by_key(|b| b.index);
        spec.block
            .sort_by_key(|b| (bars.get(&b.bar).copied(), b.offset));
        spec.register
            .sort_by_key(|r| (place.get(&r.block).copied(), r.offset));
        spec.command.sort_by_key(|c| c.opcode);
        spec.feature.sort_by_key(|f| f.bit);
        spec.counter.sort_by_key(|c| c.index);
        spec.event.sort_by_key(|e| e.code);
        spec.syndrome.sort_by_key(|s| s.value);
        Self {
            source,
            spec,
            interface,
        }
    }

    /// The tables, in the order of their numbers.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Identity and version.
    #[must_use]
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The specification file, without `.toml`, that an item stands in.
    #[must_use]
    pub fn group<T>(&self, item: &At<T>) -> &str {
        self.source.group(item.at())
    }

    /// The type of a struct field. A checked model resolves every one of them.
    #[must_use]
    pub fn ty(&self, text: &str) -> Type {
        resolve(&self.spec, text).unwrap_or(Type::Int(Repr::U8))
    }

    /// Index of the BAR that holds a register.
    #[must_use]
    pub fn bar_of(&self, register: &Register) -> u8 {
        let block = self.spec.block.iter().find(|b| b.name == register.block);
        block.map_or(0, |block| self.bar_index(&block.bar))
    }

    /// Index of a BAR given by name.
    #[must_use]
    pub fn bar_index(&self, name: &str) -> u8 {
        let bar = self.spec.bar.iter().find(|b| b.name == name);
        bar.map_or(0, |bar| bar.index)
    }

    /// The enums of the specification and those its tables imply: one each for commands,
    /// events, counters and syndromes.
    #[must_use]
    pub fn all_enums(&self) -> Vec<(String, Enum)> {
        let written = self
            .spec
            .enums
            .iter()
            .map(|e| (self.group(e).to_owned(), (**e).clone()));
        let implied = implied_enums(&self.spec)
            .into_iter()
            .map(|e| ("tables".to_owned(), e));
        written.chain(implied).collect()
    }

    /// Structs, each after those it contains, as C wants them.
    #[must_use]
    pub fn structs_in_order(&self) -> Vec<&At<Struct>> {
        let mut done: Vec<&At<Struct>> = Vec::new();
        for item in &self.spec.structs {
            self.push_struct(item, &mut done);
        }
        done
    }

    fn push_struct<'a>(&'a self, item: &'a At<Struct>, done: &mut Vec<&'a At<Struct>>) {
        if done.iter().any(|d| d.name == item.name) {
            return;
        }
        for field in &item.fields {
            if let Some(name) = struct_named(&self.ty(&field.ty))
                && let Some(inner) = self.spec.structs.iter().find(|s| s.name == name)
            {
                self.push_struct(inner, done);
            }
        }
        done.push(item);
    }

    /// Alignment that a struct demands: what it states, or that of its widest integer.
    #[must_use]
    pub fn align_of(&self, item: &Struct) -> u64 {
        item.align.unwrap_or_else(|| struct_align(&self.spec, item))
    }
}

/// The struct a type is made of, if it is.
#[must_use]
pub fn struct_named(ty: &Type) -> Option<&str> {
    match ty {
        Type::Struct(name, _) => Some(name),
        Type::Array(element, _) => struct_named(element),
        _ => None,
    }
}

/// Alignment of a type's widest integer. Structs that contain themselves are refused before
/// anything relies on the answer; the depth bound only keeps that refusal finite.
#[must_use]
pub fn natural_align(spec: &Spec, ty: &Type) -> u64 {
    natural_align_at(spec, ty, 0)
}

/// Alignment of a struct's widest integer.
#[must_use]
pub fn struct_align(spec: &Spec, item: &Struct) -> u64 {
    struct_align_at(spec, item, 0)
}

fn natural_align_at(spec: &Spec, ty: &Type, depth: u32) -> u64 {
    match ty {
        Type::Int(repr) | Type::Enum(_, repr) | Type::Flags(_, repr) => repr.bytes(),
        Type::Array(element, _) => natural_align_at(spec, element, depth),
        Type::Struct(name, _) if depth < 32 => spec
            .structs
            .iter()
            .find(|s| s.name == *name)
            .map_or(1, |s| struct_align_at(spec, s, depth + 1)),
        Type::Struct(..) => 1,
    }
}

fn struct_align_at(spec: &Spec, item: &Struct, depth: u32) -> u64 {
    item.fields
        .iter()
        .filter_map(|f| resolve(spec, &f.ty))
        .map(|ty| natural_align_at(spec, &ty, depth))
        .max()
        .unwrap_or(1)
}

/// A list of named numbers that a kind of table makes, and the enum it stands for.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Name of the enum. The specification may write it out, so that struct fields can have
    /// its type; otherwise the generator makes it.
    pub name: &'static str,
    /// What the table is called in messages.
    pub table: &'static str,
    /// The enum that the tables describe.
    pub made: Enum,
}

impl Numbered {
    fn new(
        name: &'static str,
        table: &'static str,
        repr: Repr,
        doc: &str,
        values: Vec<At<Value>>,
    ) -> Self {
        let made = Enum {
            name: name.to_owned(),
            repr,
            doc: doc.to_owned(),
            values,
        };
        Self { name, table, made }
    }
}

fn value(name: &str, value: u64, doc: &str, at: usize) -> At<Value> {
    At::new(
        at,
        Value {
            name: name.to_owned(),
            value,
            doc: doc.to_owned(),
        },
    )
}

/// The enums that commands, events, counters and syndromes make.
#[must_use]
pub fn numbered(spec: &Spec) -> Vec<Numbered> {
    let commands = spec.command.iter();
    let events = spec.event.iter();
    let counters = spec.counter.iter();
    vec![
        Numbered::new(
            "Opcode",
            "command",
            Repr::U16,
            "Code of a command.",
            commands
                .map(|c| value(&c.name, c.opcode, &c.doc, c.at()))
                .collect(),
        ),
        Numbered::new(
            "EventCode",
            "event",
            Repr::U16,
            "Code of an event.",
            events
                .map(|e| value(&e.name, e.code, &e.doc, e.at()))
                .collect(),
        ),
        Numbered::new(
            "CounterId",
            "counter",
            Repr::U16,
            "Index of a counter.",
            counters
                .map(|c| value(&c.name, c.index, &c.doc, c.at()))
                .collect(),
        ),
        Numbered::new(
            "SyndromeCode",
            "syndrome",
            Repr::U32,
            "What in a request was refused.",
            spec.syndrome.clone(),
        ),
    ]
}

/// Those of [`numbered`] that have values and that the specification does not write out.
#[must_use]
pub fn implied_enums(spec: &Spec) -> Vec<Enum> {
    numbered(spec)
        .into_iter()
        .filter(|n| !n.made.values.is_empty() && !spec.enums.iter().any(|e| e.name == n.name))
        .map(|n| n.made)
        .collect()
}
