//! What happened in a run: the last events, for a person, and a digest of all, for a comparison.

use std::collections::VecDeque;
use std::fmt;

/// Events kept.
const KEPT: usize = 120;

/// The trace of a run.
#[derive(Clone, Debug)]
pub struct Trace {
    last: VecDeque<String>,
    digest: u64,
    count: u64,
    verbose: bool,
}

impl Trace {
    /// An empty one; a verbose one prints events as they come.
    #[must_use]
    pub fn new(verbose: bool) -> Self {
        Self {
            last: VecDeque::new(),
            digest: 0xCBF2_9CE4_8422_2325,
            count: 0,
            verbose,
        }
    }

    /// Notes an event.
    pub fn note(&mut self, now: u64, event: fmt::Arguments<'_>) {
        let line = format!("{:>12} ns  {event}", now);
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
        }
        self.count += 1;
        if self.verbose {
            println!("{line}");
        }
        if self.last.len() >= KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// A digest of all events: equal runs have equal ones.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The last events, oldest first.
    pub fn last(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }
}
