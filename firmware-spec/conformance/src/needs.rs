//! What a test needs: capabilities of the platform and features of the device. A skip names the first that is missing.

use rnic_abi::{FEATURES, feature};
use rnic_platform::Capabilities;

/// A capability of the platform, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Mappings can be taken away.
    Remap,
    /// Read-only mappings are enforced.
    ReadOnlyMaps,
    /// Interrupts can be counted.
    Interrupts,
    /// Vectors can be masked.
    MaskVectors,
    /// The pending bit array knows of masks.
    PendingBits,
    /// There is a second function.
    TwoFunctions,
    /// Raw frames can be sent and taken.
    Port,
}

impl Capability {
    /// All, in the order of [`Capabilities`].
    pub const ALL: [Self; 7] = [
        Self::Remap,
        Self::ReadOnlyMaps,
        Self::Interrupts,
        Self::MaskVectors,
        Self::PendingBits,
        Self::TwoFunctions,
        Self::Port,
    ];

    /// Name for reports: the field of [`Capabilities`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Remap => "remap",
            Self::ReadOnlyMaps => "read_only_maps",
            Self::Interrupts => "interrupts",
            Self::MaskVectors => "mask_vectors",
            Self::PendingBits => "pending_bits",
            Self::TwoFunctions => "two_functions",
            Self::Port => "port",
        }
    }

    /// Whether the platform has it.
    #[must_use]
    pub const fn of(self, all: Capabilities) -> bool {
        match self {
            Self::Remap => all.remap,
            Self::ReadOnlyMaps => all.read_only_maps,
            Self::Interrupts => all.interrupts,
            Self::MaskVectors => all.mask_vectors,
            Self::PendingBits => all.pending_bits,
            Self::TwoFunctions => all.two_functions,
            Self::Port => all.port,
        }
    }
}

/// Between which functions a test that needs two ends runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Both ends are queue pairs of one function (feature LOOPBACK).
    Loopback,
    /// The second end is the platform's other function.
    Peer,
}

/// What a test needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    features: u64,
    capabilities: u8,
    lane: Option<Lane>,
}

impl Needs {
    /// Nothing.
    pub const NOTHING: Self = Self {
        features: 0,
        capabilities: 0,
        lane: None,
    };

    /// And these feature bits.
    #[must_use]
    pub const fn features(mut self, bits: u64) -> Self {
        self.features |= bits;
        self
    }

    /// And this capability.
    #[must_use]
    pub const fn capability(mut self, capability: Capability) -> Self {
        self.capabilities |= 1 << capability as u8;
        self
    }

    /// And two ends of a connection.
    #[must_use]
    pub const fn lane(mut self, lane: Lane) -> Self {
        self.lane = Some(lane);
        match lane {
            Lane::Loopback => self.features(feature::LOOPBACK),
            Lane::Peer => self.capability(Capability::TwoFunctions),
        }
    }

    /// The ends that the test runs between.
    #[must_use]
    pub const fn ends(self) -> Option<Lane> {
        self.lane
    }

    /// What is missing, if anything is.
    #[must_use]
    pub fn missing(self, capabilities: Capabilities, offered: u64) -> Option<String> {
        for capability in Capability::ALL {
            if self.capabilities & 1 << capability as u8 != 0 && !capability.of(capabilities) {
                return Some(format!("capability {} is missing", capability.name()));
            }
        }
        let feature = FEATURES
            .iter()
            .find(|f| self.features & !offered & 1 << f.bit != 0)?;
        Some(format!("feature {} is not offered", feature.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_missing_thing_is_named() {
        let needs = Needs::NOTHING
            .features(feature::SRQ | feature::UD)
            .capability(Capability::Port);
        let all = Capabilities {
            port: true,
            ..Capabilities::default()
        };
        assert_eq!(
            needs.missing(Capabilities::default(), u64::MAX).as_deref(),
            Some("capability port is missing")
        );
        assert_eq!(
            needs.missing(all, feature::SRQ).as_deref(),
            Some("feature UD is not offered")
        );
        assert_eq!(needs.missing(all, u64::MAX), None);
    }

    #[test]
    fn lanes_need_their_ends() {
        let needs = Needs::NOTHING.lane(Lane::Peer);
        assert!(needs.missing(Capabilities::default(), u64::MAX).is_some());
        let needs = Needs::NOTHING.lane(Lane::Loopback);
        assert!(
            needs
                .missing(Capabilities::default(), feature::CONNECTIONS)
                .is_some()
        );
        assert_eq!(needs.ends(), Some(Lane::Loopback));
    }
}
