// Generated from firmware-spec/spec by rnic-codegen. Do not edit.
//! Open enums: an unknown code is a value. From `firmware-spec/spec/doorbells.toml`.

/// What a completion queue is armed for. A larger value includes the smaller ones, so merging is the maximum.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct ArmType(pub u8);

impl ArmType {
    /// Not armed by this store.
    pub const NONE: Self = Self(0x0);
    /// Errors of the queue itself.
    pub const ERRORS: Self = Self(0x1);
    /// Solicited receives, completions in error, errors of the queue.
    pub const SOLICITED: Self = Self(0x2);
    /// Any completion.
    pub const ANY: Self = Self(0x3);

    /// Every named value, in the order of the specification.
    pub const KNOWN: &'static [Self] = &[Self::NONE, Self::ERRORS, Self::SOLICITED, Self::ANY];

    /// The name in the specification; none for an unknown value.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NONE => Some("NONE"),
            Self::ERRORS => Some("ERRORS"),
            Self::SOLICITED => Some("SOLICITED"),
            Self::ANY => Some("ANY"),
            _ => None,
        }
    }

    /// Whether the specification names this value.
    #[must_use]
    pub const fn is_known(self) -> bool {
        self.name().is_some()
    }
}

impl core::fmt::Debug for ArmType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "ArmType", self.name(), self.0.into())
    }
}

impl core::fmt::Display for ArmType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::print::open_enum(f, "ArmType", self.name(), self.0.into())
    }
}
