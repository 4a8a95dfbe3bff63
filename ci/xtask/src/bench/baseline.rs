//! What the machine itself can do, beside which figures are held. (The copy of the processor is
//! measured where the buffers are, by `rnic perf`.)

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// Microseconds, at least, of a round trip of a word that two spinning threads hand to each other: what one
/// processor needs to tell another something, and to be told back.
///
/// # Errors
/// If there is no thread to be had.
pub fn shared_word(rounds: u32) -> anyhow::Result<f64> {
    /// Alone in its cache line, and in the next one, which processors fetch along.
    #[repr(align(128))]
    struct Word(AtomicU64);
    let (there, back) = (Word(AtomicU64::new(0)), Word(AtomicU64::new(0)));
    let until = |word: &Word, round| {
        let mut looks = 0u32;
        while word.0.load(Ordering::Acquire) != round {
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(1 << 14) {
                // The other thread may wait for this processor.
                thread::yield_now();
            }
            std::hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        let echo = || {
            for round in 1..=u64::from(rounds) {
                until(&there, round);
                back.0.store(round, Ordering::Release);
            }
        };
        thread::Builder::new().spawn_scoped(scope, echo)?;
        let mut least = f64::INFINITY;
        for round in 1..=u64::from(rounds) {
            let start = Instant::now();
            there.0.store(round, Ordering::Release);
            until(&back, round);
            least = least.min(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok(least)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_round_trip_takes_some_time() {
        let least = super::shared_word(100).unwrap();
        assert!(0.0 < least && least.is_finite(), "{least}");
    }
}
