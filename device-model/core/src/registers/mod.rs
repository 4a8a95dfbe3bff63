//! The register file of BAR0, driven by the specification's table.
//!
//! The file knows where registers lie, how wide they are and how each bit answers reads and
//! writes `[REG-1]`..`[REG-5]`. It knows no meaning: [`RegisterFile::write`] reports what was
//! written, and [`crate::hardware::Hardware`] and the control plane act on it. Tests: `tests.rs`.

#[cfg(test)]
mod tests;

use rnic_abi::meta::{Access, Register};
use rnic_abi::{BitField, REGISTERS, place, reg};
use rnic_mutant::mutant;

/// Number of registers in BAR0.
const COUNT: usize = REGISTERS.len();

/// A store that a register took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Offset of the register in BAR0.
    pub offset: u64,
    /// Its value before.
    pub before: u64,
    /// Its value now.
    pub after: u64,
    /// What was written, in place, whatever the access type; other bits zero.
    pub written: u64,
}

impl Store {
    /// Whether the store wrote 1 to a bit of `field`.
    #[must_use]
    pub const fn sets(&self, field: BitField) -> bool {
        field.is_set(self.written)
    }
}

/// How the bits of one register behave.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    offset: u64,
    bytes: usize,
    reset: u64,
    rw: u64,
    w1c: u64,
    w1s: u64,
    rc: u64,
    readable: u64,
    identity: u64,
}

impl Rules {
    fn of(register: &Register) -> Self {
        Self {
            offset: register.offset,
            bytes: if register.width == 64 { 8 } else { 4 },
            reset: register.reset,
            rw: register.mask(Access::Rw),
            w1c: register.mask(Access::W1c),
            w1s: register.mask(Access::W1s),
            rc: register.mask(Access::Rc),
            readable: !register.mask(Access::Wo),
            identity: register.volatile_mask(),
        }
    }
}

/// An access to a part of a register.
#[derive(Clone, Copy)]
struct Part {
    index: usize,
    shift: u32,
    mask: u64,
}

/// The registers and their values.
#[derive(Clone, Debug)]
pub struct RegisterFile {
    rules: [Rules; COUNT],
    values: [u64; COUNT],
    /// Register (plus one) of each aligned 4 bytes of BAR0.
    map: Box<[u8]>,
}

impl Default for RegisterFile {
    fn default() -> Self {
        Self::new()
    }
}

impl RegisterFile {
    /// Every register at its reset value.
    #[must_use]
    pub fn new() -> Self {
        const { assert!(COUNT < u8::MAX as usize, "a register's number fits a byte") };
        let words = usize::try_from(place::BAR_REGISTERS_SIZE / 4).unwrap_or(0);
        let mut map = vec![0u8; words].into_boxed_slice();
        let mut rules = [Rules::default(); COUNT];
        let registers = REGISTERS
            .iter()
            .filter(|register| register.bar == place::BAR_REGISTERS);
        for (number, (rule, register)) in (1u8..).zip(rules.iter_mut().zip(registers)) {
            *rule = Rules::of(register);
            for half in 0..rule.bytes / 4 {
                let word = usize::try_from(rule.offset / 4).unwrap_or(usize::MAX);
                if let Some(entry) = map.get_mut(word.saturating_add(half)) {
                    *entry = number;
                }
            }
        }
        Self {
            rules,
            values: rules.map(|rule| rule.reset),
            map,
        }
    }

    /// Reads `bytes` (4 or 8) at `offset` as the driver does; none for an access that is ignored
    /// `[REG-1]`, `[REG-2]`.
    pub fn read(&mut self, offset: u64, bytes: usize) -> Option<u64> {
        let part = self.part(offset, bytes)?;
        let rules = self.rules.get(part.index)?;
        let value = self.values.get_mut(part.index)?;
        let read = (*value & rules.readable & part.mask) >> part.shift;
        if !mutant("REG-3/rc") {
            *value &= !(rules.rc & part.mask);
        }
        Some(read)
    }

    /// Writes `bytes` (4 or 8) at `offset` as the driver does, each bit by its access type `[REG-3]`;
    /// none for an access that is ignored.
    pub fn write(&mut self, offset: u64, bytes: usize, value: u64) -> Option<Store> {
        let part = self.part(offset, bytes)?;
        let rules = self.rules.get(part.index)?;
        let slot = self.values.get_mut(part.index)?;
        let written = (value << part.shift) & part.mask;
        let before = *slot;
        let rw = if mutant("REG-3/ro") {
            part.mask
        } else {
            rules.rw & part.mask
        };
        *slot = (before & !rw) | (written & rw);
        if !mutant("REG-3/w1s") {
            *slot |= written & rules.w1s;
        }
        if !mutant("REG-3/w1c") {
            *slot &= !(written & rules.w1c);
        }
        Some(Store {
            offset: rules.offset,
            before,
            after: *slot,
            written,
        })
    }

    /// Which register a store to `offset` would reach; none when it would be ignored.
    #[must_use]
    pub fn register_at(&self, offset: u64, bytes: usize) -> Option<u64> {
        let part = self.part(offset, bytes)?;
        self.rules.get(part.index).map(|rules| rules.offset)
    }

    /// The value of the register at `offset`, a constant of [`reg`]; 0 for anything else.
    #[must_use]
    pub fn get(&self, offset: u64) -> u64 {
        self.find(offset)
            .and_then(|index| self.values.get(index))
            .copied()
            .unwrap_or(0)
    }

    /// Sets the register at `offset`, whatever its access type.
    pub fn set(&mut self, offset: u64, value: u64) {
        let place = self.find(offset);
        if let Some(slot) = place.and_then(|index| self.values.get_mut(index)) {
            *slot = value;
        }
    }

    /// A field of the register at `offset`.
    #[must_use]
    pub fn field(&self, offset: u64, field: BitField) -> u64 {
        field.get(self.get(offset))
    }

    /// Sets a field of the register at `offset`.
    pub fn set_field(&mut self, offset: u64, field: BitField, value: u64) {
        self.set(offset, field.set(self.get(offset), value));
    }

    /// Every register to its reset value, but for fields that describe the device, the bus or the
    /// link `[REG-4]`.
    pub fn reset(&mut self) {
        if mutant("REG-4/kept") {
            return;
        }
        for (value, rules) in self.values.iter_mut().zip(&self.rules) {
            let kept = if mutant("RESET-4/identity") {
                0
            } else {
                rules.identity
            };
            *value = (*value & kept) | (rules.reset & !kept);
        }
    }

    fn find(&self, offset: u64) -> Option<usize> {
        let word = usize::try_from(offset / 4).ok()?;
        let number = self.map.get(word).copied().filter(|number| *number > 0)?;
        let index = usize::from(number) - 1;
        (self.rules.get(index)?.offset == offset).then_some(index)
    }

    fn part(&self, offset: u64, bytes: usize) -> Option<Part> {
        let word = usize::try_from(offset / 4).ok()?;
        let number = self.map.get(word).copied().filter(|number| *number > 0)?;
        let index = usize::from(number) - 1;
        let rules = self.rules.get(index)?;
        let skip = offset - rules.offset;
        match (rules.bytes, bytes, skip) {
            (4, 4, 0) | (8, 8, 0) => Some(Part {
                index,
                shift: 0,
                mask: if bytes == 8 { u64::MAX } else { 0xFFFF_FFFF },
            }),
            (8, 4, 0 | 4) if !mutant("REG-1/halves") => {
                let shift = if skip == 0 { 0 } else { 32 };
                Some(Part {
                    index,
                    shift,
                    mask: 0xFFFF_FFFF << shift,
                })
            }
            _ => None,
        }
    }
}

/// A count that stops at its maximum.
pub fn count_guest_error(file: &mut RegisterFile) {
    let field = reg::guest_errors::COUNT;
    let count = file.field(reg::GUEST_ERRORS, field);
    file.set_field(
        reg::GUEST_ERRORS,
        field,
        count.saturating_add(1).min(field.max()),
    );
}
