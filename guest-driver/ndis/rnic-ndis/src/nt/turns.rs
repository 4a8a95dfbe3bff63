//! Turns: one does the work, at most one at a time, and whoever comes meanwhile has it done once more.

use core::sync::atomic::{AtomicU32, Ordering};

const IDLE: u32 = 0;
const RUNNING: u32 = 1;
/// Asked for while it ran: it runs once more.
const AGAIN: u32 = 2;
/// Nobody asks any more, and it does not run.
const ENDING: u32 = 3;
/// Runs for the last time.
const LAST: u32 = 4;
/// Runs, and then for the last time.
const LAST_AGAIN: u32 = 5;

/// Whether something runs, and whether it is to run once more.
pub struct Turns(AtomicU32);

impl Turns {
    /// Nobody is at it, and it may be asked for.
    pub const fn idle() -> Self {
        Self(AtomicU32::new(IDLE))
    }

    /// It may not be asked for yet.
    pub const fn ended() -> Self {
        Self(AtomicU32::new(ENDING))
    }

    /// From now on it may be asked for.
    pub fn begin(&self) {
        self.0.store(IDLE, Ordering::Release);
    }

    /// Asks for a turn: true if the caller has to see to it that somebody takes it. What was written before is seen by
    /// that turn.
    pub fn ask(&self) -> bool {
        // Where it is to run once more already, that is written again.
        let next = |state| match state {
            IDLE => Some(RUNNING),
            RUNNING | AGAIN => Some(AGAIN),
            _ => None,
        };
        let before = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        before == Ok(IDLE)
    }

    /// A turn was taken: true if that was the last, after which its owner may be gone.
    pub fn done(&self) -> bool {
        let next = |state| match state {
            RUNNING => Some(IDLE),
            LAST => Some(ENDING),
            _ => None,
        };
        let over = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        if over.is_err() {
            // Taken, not just written: with it comes what those wrote who asked.
            let again = |state| match state {
                AGAIN => Some(RUNNING),
                LAST_AGAIN => Some(LAST),
                _ => None,
            };
            let _ = self
                .0
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, again);
        }
        over.is_ok()
    }

    /// Takes turns, `most` at most; true if another was asked for in the last.
    pub fn take(&self, most: u32, mut turn: impl FnMut()) -> bool {
        for _ in 0..most {
            turn();
            if self.done() {
                return false;
            }
        }
        self.0.swap(IDLE, Ordering::AcqRel);
        true
    }

    /// It may not be asked for any more; true once nobody is at it.
    pub fn end(&self) -> bool {
        let next = |state| match state {
            IDLE => Some(ENDING),
            // What was asked for before is done.
            RUNNING => Some(LAST),
            AGAIN => Some(LAST_AGAIN),
            _ => None,
        };
        let before = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        matches!(before, Ok(IDLE) | Err(ENDING))
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    /// Interrupts that came faster than they were served kept their processor for good.
    #[test]
    fn turns_that_are_asked_for_all_the_time_leave_the_processor_to_others() {
        let turns = Turns::idle();
        assert!(turns.ask());
        let mut taken = 0;
        let more = turns.take(4, || {
            taken += 1;
            assert!(taken < 100, "it goes on without end");
            assert!(!turns.ask(), "two at once");
        });
        assert_eq!((taken, more), (4, true));
        // Whoever comes next goes on.
        assert!(turns.ask());
        assert!(!turns.take(4, || {}));
    }

    /// A worker that was kicked all the time never stopped, and MiniportHaltEx never ended.
    #[test]
    fn turns_that_are_asked_for_all_the_time_can_be_ended() {
        let turns = Turns::idle();
        assert!(turns.ask());
        for taken in 0.. {
            assert!(taken < 100, "it does not end");
            // Somebody asks in each turn, and somebody wants it to end from the third on.
            turns.ask();
            if taken >= 3 {
                assert!(!turns.end(), "ended while it runs");
            }
            if turns.done() {
                break;
            }
        }
        assert!(turns.end());
        assert!(!turns.ask(), "asked for after its end");
    }

    #[test]
    fn what_was_asked_for_before_the_end_is_done() {
        let turns = Turns::ended();
        assert!(!turns.ask());
        turns.begin();
        assert!(turns.ask());
        assert!(!turns.ask());
        assert!(!turns.done(), "asked for meanwhile");
        assert!(!turns.end());
        assert!(turns.done());
        assert!(turns.end());
    }
}
