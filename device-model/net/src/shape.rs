//! A line with a rate and a length: frames leave no faster than the rate and arrive a delay later.
//! Sans-I/O; time is an argument, in nanoseconds.
//!
//! The line holds what is under way: a delay's worth of octets at its rate, and a queue before it.
//! Beyond that it is full, and the sender keeps its frame. Tests: below.

use std::collections::VecDeque;

use crate::buffer::FrameBuffer;

/// What a frame costs on Ethernet beyond its octets: check sequence, preamble, gap (IEEE 802.3 clause 3 and 4).
const OVERHEAD: u64 = 4 + 8 + 12;
/// Octets that wait to leave, at most: a window of long frames.
const QUEUE_OCTETS: u64 = 256 * 1024;

/// How a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Bits per second; 0: no limit.
    pub bits_per_second: u64,
    /// Nanoseconds from one end to the other.
    pub delay_ns: u64,
}

impl Shape {
    /// Whether frames pass as if there were no line.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.bits_per_second == 0 && self.delay_ns == 0
    }
}

/// A line in one direction.
#[derive(Debug)]
pub struct Line {
    shape: Shape,
    /// Frames under way with the moments at which they arrive.
    under_way: VecDeque<(u64, FrameBuffer)>,
    /// When the last frame has left.
    free_at: u64,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub const fn new(shape: Shape) -> Self {
        Self {
            shape,
            under_way: VecDeque::new(),
            free_at: 0,
        }
    }

    /// Whether a frame offered at `now` has to wait with its sender.
    #[must_use]
    pub fn is_full(&self, now: u64) -> bool {
        self.free_at > now.saturating_add(self.time_of(QUEUE_OCTETS))
    }

    /// When it will not be full any more, if it is.
    #[must_use]
    pub fn has_room_at(&self, now: u64) -> Option<u64> {
        let queue = self.time_of(QUEUE_OCTETS);
        self.is_full(now)
            .then(|| self.free_at.saturating_sub(queue))
    }

    /// Takes a frame.
    pub fn push(&mut self, now: u64, frame: FrameBuffer) {
        let octets = OVERHEAD.saturating_add(frame.len() as u64);
        let start = self.free_at.max(now);
        self.free_at = start.saturating_add(self.time_of(octets));
        let arrives = self.free_at.saturating_add(self.shape.delay_ns);
        self.under_way.push_back((arrives, frame));
    }

    /// The next frame that has arrived by `now`.
    pub fn pop(&mut self, now: u64) -> Option<FrameBuffer> {
        let (arrives, _) = self.under_way.front()?;
        if *arrives > now {
            return None;
        }
        self.under_way.pop_front().map(|(_, frame)| frame)
    }

    /// When the next frame arrives.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.under_way.front().map(|(arrives, _)| *arrives)
    }

    fn time_of(&self, octets: u64) -> u64 {
        let bits = u128::from(octets) * 8 * 1_000_000_000;
        let time = bits.checked_div(u128::from(self.shape.bits_per_second));
        u64::try_from(time.unwrap_or(0)).unwrap_or(u64::MAX)
    }
}

/// Reads a rate in bits per second: a number with `k`, `M` or `G` behind it.
///
/// # Errors
/// What is wrong, with an example.
pub fn parse_rate(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no rate; write bits per second, for example 10G or 250M");
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (text.get(..text.len() - 1), 1_000),
        Some(b'M') => (text.get(..text.len() - 1), 1_000_000),
        Some(b'G') => (text.get(..text.len() - 1), 1_000_000_000),
        _ => (Some(text), 1),
    };
    let number: u64 = digits.unwrap_or_default().parse().map_err(|_| wrong())?;
    let rate = number.checked_mul(unit).filter(|rate| *rate >= 1_000_000);
    rate.ok_or_else(|| format!("a rate of {text} is not possible; give at least 1M"))
}

/// Reads a delay in nanoseconds: a number with `ns`, `us` or `ms` behind it; ten seconds at most.
///
/// # Errors
/// What is wrong, with an example.
pub fn parse_delay(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no delay; write for example 50us or 2ms, 10000ms at most");
    let (digits, unit) = [("ns", 1), ("us", 1_000), ("ms", 1_000_000)]
        .into_iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
        .ok_or_else(wrong)?;
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let delay = number.checked_mul(unit);
    delay.filter(|d| *d <= 10_000_000_000).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bits_per_second: u64, delay_ns: u64) -> Line {
        Line::new(Shape {
            bits_per_second,
            delay_ns,
        })
    }

    #[test]
    fn frames_leave_at_the_rate_and_arrive_after_the_delay() {
        // 8 bits a nanosecond: an octet each.
        let mut line = line(8_000_000_000, 1_000);
        for n in 0..3u8 {
            line.push(100, vec![n; 1_000].into());
        }
        for n in 0..3u8 {
            let due = 100 + (u64::from(n) + 1) * 1_024 + 1_000;
            assert_eq!(line.next_at(), Some(due));
            assert!(line.pop(due - 1).is_none());
            assert_eq!(line.pop(due).unwrap()[0], n);
        }
        assert_eq!(line.next_at(), None);
        line.push(1_000_000, vec![9; 76].into());
        assert_eq!(line.next_at(), Some(1_000_000 + 100 + 1_000));
    }

    #[test]
    fn a_line_without_a_rate_only_delays() {
        let mut line = line(0, 50);
        for n in 0..10_000u32 {
            line.push(7, n.to_be_bytes()[..].into());
            assert!(!line.is_full(7));
        }
        assert!(line.pop(56).is_none());
        for n in 0..10_000u32 {
            assert_eq!(*line.pop(57).unwrap(), n.to_be_bytes());
        }
    }

    #[test]
    fn a_sender_waits_when_the_queue_is_full_and_is_told_until_when() {
        let mut line = line(8_000_000_000, 0);
        let mut pushed = 0;
        while !line.is_full(0) {
            line.push(0, vec![0; 1_000].into());
            pushed += 1;
        }
        assert_eq!(pushed, QUEUE_OCTETS / 1_024 + 1);
        let room = line.has_room_at(0).unwrap();
        assert!(line.is_full(room - 1) && !line.is_full(room));
        assert_eq!(line.has_room_at(room), None);
    }

    #[test]
    fn rates_and_delays_are_read_or_explained() {
        assert_eq!(parse_rate("10G"), Ok(10_000_000_000));
        assert_eq!(parse_rate("250M"), Ok(250_000_000));
        assert_eq!(parse_rate("1000000"), Ok(1_000_000));
        for wrong in ["", "G", "fast", "-1M", "10", "99999999999G"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_delay("50us"), Ok(50_000));
        assert_eq!(parse_delay("7ns"), Ok(7));
        assert_eq!(parse_delay("10000ms"), Ok(10_000_000_000));
        for wrong in ["", "5", "us", "1s", "20000ms", "-1ms"] {
            assert!(parse_delay(wrong).is_err(), "{wrong}");
        }
    }
}
