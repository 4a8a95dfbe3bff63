//! A range of bits in a register or a flags word.

/// Bits `hi..=lo` of a word of up to 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitField {
    hi: u32,
    lo: u32,
}

impl BitField {
    /// Bits `hi` down to `lo`.
    ///
    /// # Panics
    /// Unless `63 >= hi >= lo`; the generated constants fail to compile then.
    #[must_use]
    pub const fn new(hi: u32, lo: u32) -> Self {
        assert!(hi < 64 && lo <= hi, "a bit field lies in 64 bits");
        Self { hi, lo }
    }

    /// Highest bit.
    #[must_use]
    pub const fn hi(self) -> u32 {
        self.hi
    }

    /// Lowest bit.
    #[must_use]
    pub const fn lo(self) -> u32 {
        self.lo
    }

    /// Number of bits.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.hi - self.lo + 1
    }

    /// Largest value that fits.
    #[must_use]
    pub const fn max(self) -> u64 {
        u64::MAX >> (64 - self.width())
    }

    /// Mask in place.
    #[must_use]
    pub const fn mask(self) -> u64 {
        self.max() << self.lo
    }

    /// The field's value in `word`.
    #[must_use]
    pub const fn get(self, word: u64) -> u64 {
        (word >> self.lo) & self.max()
    }

    /// Whether any bit of the field is set in `word`.
    #[must_use]
    pub const fn is_set(self, word: u64) -> bool {
        word & self.mask() != 0
    }

    /// `word` with the field replaced by `value`; bits of `value` that do not fit are dropped.
    #[must_use]
    pub const fn set(self, word: u64, value: u64) -> u64 {
        (word & !self.mask()) | ((value & self.max()) << self.lo)
    }

    /// A word that holds `value` in this field and zero elsewhere.
    #[must_use]
    pub const fn place(self, value: u64) -> u64 {
        self.set(0, value)
    }
}

#[cfg(test)]
mod tests {
    use super::BitField;

    #[test]
    fn fields_are_taken_and_replaced_in_place() {
        let field = BitField::new(11, 4);
        assert_eq!((field.width(), field.max(), field.mask()), (8, 0xff, 0xff0));
        assert_eq!(field.get(0xabcd), 0xbc);
        assert_eq!(field.set(0xabcd, 0x12), 0xa12d);
        assert_eq!(field.set(0, 0x1ff), 0xff0);
        assert_eq!(field.place(1), 0x10);
        assert!(field.is_set(0x100) && !field.is_set(0xf00f));
    }

    #[test]
    fn a_whole_word_is_a_field() {
        let field = BitField::new(63, 0);
        assert_eq!(field.mask(), u64::MAX);
        assert_eq!(field.set(7, u64::MAX), u64::MAX);
    }
}
