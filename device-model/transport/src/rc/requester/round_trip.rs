//! How long answers take, and from that when one is overdue: RFC 6298, section 2, with the samples
//! of section 3 (what was sent again is not measured), and twice the round trip at most, as a probe
//! that comes too soon costs one packet (RFC 8985, section 7.2). Tests: below.

use crate::time::Nanos;
use rnic_wire::Psn;

/// Before anything was measured, a probe waits for so many times its floor.
const UNMEASURED: u64 = 16;
/// Doublings of the wait at most; the acknowledge timeout comes before.
const MAX_DOUBLINGS: u32 = 16;

/// Nanoseconds, of answers so far.
#[derive(Clone, Copy, Debug)]
struct Measured {
    smoothed: u64,
    deviation: u64,
    least: u64,
}

/// What is known of the way to the peer and back.
#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    measured: Option<Measured>,
    /// The number whose answer is measured, and when it was sent.
    timed: Option<(Psn, Nanos)>,
    /// Probes since the last measurement.
    probes: u32,
}

impl RoundTrip {
    /// `psn`, which asks for an acknowledge, is sent for the first time.
    pub const fn sent(&mut self, psn: Psn, now: Nanos) {
        if self.timed.is_none() {
            self.timed = Some((psn, now));
        }
    }

    /// Everything before `una` is acknowledged.
    pub fn acknowledged(&mut self, una: Psn, now: Nanos) {
        let Some((psn, at)) = self.timed else {
            return;
        };
        if !psn.is_before(una) {
            return;
        }
        self.timed = None;
        self.probes = 0;
        let sample = now.since(at).0;
        self.measured = Some(match self.measured {
            None => Measured {
                smoothed: sample,
                deviation: sample / 2,
                least: sample,
            },
            Some(m) => Measured {
                deviation: m.deviation - m.deviation / 4 + m.smoothed.abs_diff(sample) / 4,
                smoothed: m.smoothed - m.smoothed / 8 + sample / 8,
                least: m.least.min(sample),
            },
        });
    }

    /// Something is sent again: which of the two an answer is to cannot be told.
    pub const fn forget_sample(&mut self) {
        self.timed = None;
    }

    /// A probe leaves.
    pub const fn probed(&mut self) {
        self.probes = self.probes.saturating_add(1);
    }

    /// How long an answer may take, at least `floor`.
    pub fn overdue(&self, floor: Nanos) -> Nanos {
        let wait = match self.measured {
            None => floor.0.saturating_mul(UNMEASURED),
            Some(m) => {
                let spread = m.deviation.saturating_mul(4);
                m.smoothed.saturating_add(spread.min(m.smoothed))
            }
        };
        Nanos(
            wait.max(floor.0)
                .saturating_mul(1 << self.probes.min(MAX_DOUBLINGS)),
        )
    }

    /// The shortest that was measured.
    pub fn least(&self) -> Option<Nanos> {
        self.measured.map(|m| Nanos(m.least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: Nanos = Nanos(1_000);

    fn measure(trip: &mut RoundTrip, sample: u64) {
        trip.sent(Psn::new(5), Nanos(100));
        trip.acknowledged(Psn::new(6), Nanos(100 + sample));
    }

    // [ROCE-46]
    #[test]
    fn the_wait_follows_what_was_measured_and_doubles_with_each_probe() {
        let mut trip = RoundTrip::default();
        assert_eq!((trip.overdue(FLOOR), trip.least()), (Nanos(16_000), None));
        measure(&mut trip, 8_000);
        assert_eq!(trip.overdue(FLOOR), Nanos(2 * 8_000));
        trip.probed();
        trip.probed();
        assert_eq!(trip.overdue(FLOOR), Nanos(4 * 16_000));
        for deviation in [3_000, 2_250, 1_688, 1_266] {
            measure(&mut trip, 8_000);
            let spread = (4 * deviation).min(8_000);
            assert_eq!(trip.overdue(FLOOR), Nanos(8_000 + spread));
        }
        for _ in 0..100 {
            measure(&mut trip, 80);
        }
        assert_eq!(
            (trip.overdue(FLOOR), trip.least()),
            (FLOOR, Some(Nanos(80)))
        );
        for _ in 0..100 {
            trip.probed();
        }
        assert_eq!(trip.overdue(FLOOR), Nanos(1_000 << 16));
    }

    #[test]
    fn only_what_was_sent_once_is_measured_and_by_what_covers_it() {
        let mut trip = RoundTrip::default();
        trip.sent(Psn::new(0xff_ffff), Nanos(0));
        // Another that leaves meanwhile is not measured.
        trip.sent(Psn::new(0), Nanos(50));
        trip.acknowledged(Psn::new(0xff_ffff), Nanos(70));
        assert_eq!(trip.least(), None);
        trip.acknowledged(Psn::new(0), Nanos(90));
        assert_eq!(trip.least(), Some(Nanos(90)));
        trip.sent(Psn::new(1), Nanos(100));
        trip.forget_sample();
        trip.acknowledged(Psn::new(2), Nanos(101));
        assert_eq!(trip.least(), Some(Nanos(90)));
    }
}
