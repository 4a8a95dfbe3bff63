//! Which frames the lane receives.

use std::collections::HashSet;

use rnic_abi::RxMode;
use rnic_wire::MacAddr;

/// What became of a frame's destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unicast,
    Multicast,
    Broadcast,
}

impl Kind {
    pub(super) fn of(destination: MacAddr) -> Self {
        if destination == MacAddr::BROADCAST {
            Self::Broadcast
        } else if destination.is_multicast() {
            Self::Multicast
        } else {
            Self::Unicast
        }
    }
}

/// The receive filter, as SET_RX_MODE gives it `[ETH-6]`.
#[derive(Clone, Debug)]
pub struct RxFilter {
    /// What to receive.
    pub mode: RxMode,
    /// The address of `unicast`.
    pub mac: MacAddr,
    /// The addresses of `multicast`.
    pub multicast: HashSet<MacAddr>,
}

impl RxFilter {
    /// Nothing is received.
    #[must_use]
    pub fn none() -> Self {
        Self {
            mode: RxMode(0),
            mac: MacAddr::ZERO,
            multicast: HashSet::new(),
        }
    }

    /// Whether frames to `destination` are received.
    #[must_use]
    pub fn takes(&self, destination: MacAddr) -> bool {
        let mode = self.mode;
        mode.contains(RxMode::PROMISCUOUS)
            || match Kind::of(destination) {
                Kind::Unicast => mode.contains(RxMode::UNICAST) && destination == self.mac,
                Kind::Broadcast => mode.contains(RxMode::BROADCAST),
                Kind::Multicast => {
                    mode.contains(RxMode::ALL_MULTICAST)
                        || mode.contains(RxMode::MULTICAST) && self.multicast.contains(&destination)
                }
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_takes_its_frames_and_no_others() {
        // [ETH-6]
        let me = MacAddr([2, 0, 0, 0, 0, 1]);
        let listed = MacAddr([0x33, 0x33, 0, 0, 0, 1]);
        let seen = [
            me,
            MacAddr([2, 0, 0, 0, 0, 2]),
            listed,
            MacAddr([0x33, 0x33, 0, 0, 0, 2]),
            MacAddr::BROADCAST,
        ];
        for (mode, expected) in [
            (RxMode(0), [false, false, false, false, false]),
            (RxMode::UNICAST, [true, false, false, false, false]),
            (RxMode::MULTICAST, [false, false, true, false, false]),
            (RxMode::ALL_MULTICAST, [false, false, true, true, false]),
            (RxMode::BROADCAST, [false, false, false, false, true]),
            (RxMode::PROMISCUOUS, [true; 5]),
        ] {
            let filter = RxFilter {
                mode,
                mac: me,
                multicast: [listed].into(),
            };
            assert_eq!(seen.map(|mac| filter.takes(mac)), expected, "{mode:?}");
        }
    }
}
