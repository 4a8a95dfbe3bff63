//! Congestion control of one connection: how often a receiver tells of congestion marks, and how fast
//! a sender that is told so may send (DCQCN, Zhu et al., SIGCOMM 2015, sections 3 and 4).
//!
//! Sans-I/O and whole numbers: time is an argument, rates are bits per second. A sender that was never
//! told of congestion has no limit and costs nothing.
//!
//! Tests: below.

use crate::time::Nanos;

/// Least time between two notifications for one flow.
pub const NOTIFY_INTERVAL: Nanos = Nanos(50_000);
/// Without a notification for so long, the estimate of congestion decays.
const ALPHA_INTERVAL: u64 = 55_000;
/// So often the rate is raised.
const RAISE_INTERVAL: u64 = 300_000;
/// And every so many bytes.
const RAISE_BYTES: u64 = 10 << 20;
/// Raises that halve the distance to the target before the target itself is raised.
const FAST_RAISES: u32 = 5;
/// What the target is raised by.
const ADDITIVE_STEP: u64 = 40_000_000;
/// The same when time and bytes both went on without congestion.
const HYPER_STEP: u64 = 400_000_000;
/// No rate is less.
const LEAST_RATE: u64 = 10_000_000;
/// One, in the estimate's fixed point.
const ONE: u64 = 1 << 16;
/// The estimate moves by this part: 1/256.
const GAIN_SHIFT: u32 = 8;

/// The receiver's side: when it told last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notifier {
    last: Option<Nanos>,
}

impl Notifier {
    /// A frame of the flow was marked; whether to tell its sender.
    pub fn is_due(&mut self, now: Nanos) -> bool {
        let due = self
            .last
            .is_none_or(|last| now.0.saturating_sub(last.0) >= NOTIFY_INTERVAL.0);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// The sender's side.
#[derive(Clone, Copy, Debug)]
pub struct RateLimiter {
    line: u64,
    current: u64,
    target: u64,
    /// How congested the path is thought to be, up to [`ONE`].
    alpha: u64,
    decay_at: u64,
    raise_at: u64,
    bytes_left: u64,
    raises_by_time: u32,
    raises_by_bytes: u32,
    /// Nothing is sent before.
    next: u64,
}

impl RateLimiter {
    /// The limit of a sender that is told of congestion for the first time, at `now`, on a line of so many bits
    /// per second.
    #[must_use]
    pub fn new(now: Nanos, line: u64) -> Self {
        let line = line.max(LEAST_RATE);
        let mut limiter = Self {
            line,
            current: line,
            target: line,
            alpha: ONE,
            decay_at: now.0.saturating_add(ALPHA_INTERVAL),
            raise_at: now.0.saturating_add(RAISE_INTERVAL),
            bytes_left: RAISE_BYTES,
            raises_by_time: 0,
            raises_by_bytes: 0,
            next: now.0,
        };
        limiter.congested(now);
        limiter
    }

    /// The rate in force, bits per second.
    #[must_use]
    pub const fn rate(&self) -> u64 {
        self.current
    }

    /// A notification arrived.
    pub fn congested(&mut self, now: Nanos) {
        self.advance(now);
        self.target = self.current;
        let cut = mul(self.current, self.alpha) / (2 * ONE);
        self.current = self.current.saturating_sub(cut).max(LEAST_RATE);
        self.alpha = (self.alpha - (self.alpha >> GAIN_SHIFT) + (ONE >> GAIN_SHIFT)).min(ONE);
        self.decay_at = now.0.saturating_add(ALPHA_INTERVAL);
        self.raise_at = now.0.saturating_add(RAISE_INTERVAL);
        self.bytes_left = RAISE_BYTES;
        (self.raises_by_time, self.raises_by_bytes) = (0, 0);
    }

    /// When the next frame may leave; no later than `now` if at once.
    #[must_use]
    pub const fn next(&self) -> Nanos {
        Nanos(self.next)
    }

    /// A frame of so many bytes left.
    pub fn sent(&mut self, now: Nanos, bytes: u64) {
        self.advance(now);
        let time = mul(bytes.saturating_mul(8), 1_000_000_000) / self.current.max(1);
        self.next = self.next.max(now.0).saturating_add(time);
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => self.bytes_left = left,
            None => {
                self.bytes_left = RAISE_BYTES;
                self.raises_by_bytes = self.raises_by_bytes.saturating_add(1);
                self.raise();
            }
        }
    }

    /// Whether the path has recovered so far that there is no limit any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.current >= self.line
    }

    /// Does what time alone does.
    fn advance(&mut self, now: Nanos) {
        // After a long time there is nothing left to decay, and the line's rate is reached.
        for _ in 0..64 {
            if now.0 < self.decay_at {
                break;
            }
            self.alpha -= self.alpha >> GAIN_SHIFT;
            self.decay_at = self.decay_at.saturating_add(ALPHA_INTERVAL);
        }
        if now.0 >= self.decay_at {
            self.alpha = 0;
            self.decay_at = now.0.saturating_add(ALPHA_INTERVAL);
        }
        while now.0 >= self.raise_at && !self.is_over() {
            self.raises_by_time = self.raises_by_time.saturating_add(1);
            self.raise();
            self.raise_at = self.raise_at.saturating_add(RAISE_INTERVAL);
        }
    }

    fn raise(&mut self) {
        let (most, least) = (
            self.raises_by_time.max(self.raises_by_bytes),
            self.raises_by_time.min(self.raises_by_bytes),
        );
        if least > FAST_RAISES {
            self.target = self.target.saturating_add(HYPER_STEP);
        } else if most > FAST_RAISES {
            self.target = self.target.saturating_add(ADDITIVE_STEP);
        }
        self.target = self.target.min(self.line);
        let middle = self.target / 2 + self.current / 2;
        // Halves never arrive: the last thousandth is given at once.
        self.current = if self.target - middle.min(self.target) < self.line / 1000 {
            self.target
        } else {
            middle.max(self.current)
        };
    }
}

/// A product that does not overflow; the largest number when it does not fit.
fn mul(a: u64, b: u64) -> u64 {
    a.checked_mul(b).unwrap_or_else(|| {
        let wide = u128::from(a) * u128::from(b);
        u64::try_from(wide).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: u64 = 10_000_000_000;

    fn at(us: u64) -> Nanos {
        Nanos(us * 1_000)
    }

    #[test]
    fn a_flow_is_told_of_once_in_an_interval() {
        let mut notifier = Notifier::default();
        let told: [bool; 5] = [7, 8, 56, 57, 200].map(|us| notifier.is_due(at(us)));
        assert_eq!(told, [true, false, false, true, true]);
    }

    #[test]
    fn the_first_notification_halves_the_rate() {
        let limiter = RateLimiter::new(at(5), LINE);
        assert_eq!(limiter.rate(), LINE / 2);
        assert_eq!(limiter.next(), at(5), "at once, then slower");
    }

    #[test]
    fn frames_leave_at_the_rate() {
        let mut limiter = RateLimiter::new(at(0), LINE);
        // 6250 bytes at 5 Gbit/s: 10 us.
        for n in 1..=10 {
            limiter.sent(at(0), 6_250);
            assert_eq!(limiter.next(), at(10 * n));
        }
        // A pause is no credit.
        limiter.sent(at(150), 6_250);
        assert_eq!(limiter.next(), at(160));
    }

    #[test]
    fn without_congestion_the_rate_comes_back_and_the_limit_ends() {
        let mut limiter = RateLimiter::new(at(0), LINE);
        let mut before = limiter.rate();
        let mut us = 0;
        while !limiter.is_over() {
            us += 300;
            limiter.sent(at(us), 1_000);
            assert!(limiter.rate() >= before, "{us}");
            before = limiter.rate();
            assert!(us < 10_000_000, "it never ends: {before}");
        }
        // Fast recovery alone brings it to the rate before the notification.
        assert!(us <= 4_000, "{us}");
        assert_eq!(limiter.rate(), LINE);
    }

    #[test]
    fn congestion_that_goes_on_cuts_on_and_never_below_the_least() {
        let mut limiter = RateLimiter::new(at(0), LINE);
        for n in 1..2_000 {
            limiter.congested(at(50 * n));
        }
        assert_eq!(limiter.rate(), LEAST_RATE);
        // From there the target has to be raised too.
        limiter.sent(at(100_000 + 300 * 6), 1_000);
        assert!(limiter.rate() >= LEAST_RATE && !limiter.is_over());
    }

    #[test]
    fn a_mild_congestion_costs_less_than_a_lasting_one() {
        let mut limiter = RateLimiter::new(at(0), LINE);
        limiter.sent(at(1_000_000), 1_000);
        assert!(limiter.is_over());
        limiter.congested(at(1_000_001));
        // The estimate has decayed meanwhile.
        assert!(limiter.rate() > LINE * 9 / 10, "{}", limiter.rate());
    }

    #[test]
    fn no_number_breaks_it() {
        for line in [0, 1, u64::MAX] {
            let mut limiter = RateLimiter::new(Nanos(u64::MAX), line);
            limiter.sent(Nanos(u64::MAX), u64::MAX);
            limiter.congested(Nanos(0));
            limiter.sent(Nanos(u64::MAX), 0);
            assert!(limiter.rate() >= LEAST_RATE);
        }
    }
}
