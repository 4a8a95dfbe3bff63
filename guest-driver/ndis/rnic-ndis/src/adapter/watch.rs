//! Interrupt messages that did not come, told apart from those that are on their way.
//!
//! A message writes memory of the interrupt controller, and a bridge, an emulator or a device that is not well may lose it.
//! Then a queue has work and nobody is told. The watchdog looks at each message now and then:
//!
//! ```text
//! look n     work waits, the message's DPC ran v times      -> remembered
//! look n+1   work waits, the DPC still ran v times          -> lost: nobody came for a whole period
//! ```
//! Work is taken by nobody but the DPC, so it is the same work both times. A DPC that is queued, or still runs, is somebody who
//! comes: then nothing is judged. The control message is another matter: the worker takes its work whenever it runs, whoever
//! woke it. There, work that a turn found unannounced stands for an interrupt that is owed, and two looks later it is lost
//! unless it came.
//!
//! What is on the way at a look is never taken for lost, as long as it takes less than a period. Looks are judged only when
//! they come at their time ([`Clock`]): a machine that stood still has late interrupts and a late look, in any order.
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

const NOTHING: u64 = 0;
/// Owed since a turn; no look has seen it.
const FRESH: u64 = 1 << 32;
/// Owed at the last look.
const AGED: u64 = 2 << 32;

/// When looks come.
pub struct Clock {
    period_ns: u64,
    last: AtomicU64,
}

/// What a look is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It comes right after the one before, which was late: nothing had time to happen.
    Early,
    /// A period has passed.
    InTime,
    /// The machine stood still, or this is the first look: what was remembered is forgotten.
    Late,
}

impl Clock {
    /// One for looks that come once in a period.
    pub const fn new(period_ns: u64) -> Self {
        Self {
            period_ns,
            last: AtomicU64::new(0),
        }
    }

    /// A look at this time.
    pub fn look(&self, now: u64) -> Look {
        let passed = now.saturating_sub(self.last.load(Ordering::Relaxed));
        if passed < self.period_ns / 4 * 3 {
            return Look::Early;
        }
        self.last.store(now, Ordering::Relaxed);
        if passed <= self.period_ns * 4 {
            Look::InTime
        } else {
            Look::Late
        }
    }
}

/// What is known of one message.
pub struct Watch {
    /// The message's DPC is to run.
    queued: AtomicBool,
    /// Calls of it under way, on as many CPUs.
    running: AtomicU32,
    /// Calls of it, free-running.
    visits: AtomicU32,
    /// Work that waited at the last look: nothing, or [`AGED`] with `visits` at that time.
    waiting: AtomicU64,
    /// What a turn of the worker found unannounced: any of the above, with `visits` at that time.
    owed: AtomicU64,
    /// `visits` when the last turn of the worker began.
    turned: AtomicU32,
}

/// A turn of the worker.
#[derive(Clone, Copy)]
pub struct Turn {
    visits: u32,
    announced: bool,
}

impl Watch {
    /// A message that never came.
    pub const fn new() -> Self {
        Self {
            queued: AtomicBool::new(false),
            running: AtomicU32::new(0),
            visits: AtomicU32::new(0),
            waiting: AtomicU64::new(NOTHING),
            owed: AtomicU64::new(NOTHING),
            turned: AtomicU32::new(0),
        }
    }

    /// The message's DPC is about to be queued. Callable at any IRQL; not after it is queued, as it may have run by then.
    pub fn announced(&self) {
        self.queued.store(true, Ordering::Relaxed);
    }

    /// It begins.
    pub fn begin(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.queued.store(false, Ordering::Relaxed);
        self.visits.fetch_add(1, Ordering::Relaxed);
    }

    /// It ends; `more`: it is queued again.
    pub fn end(&self, more: bool) {
        if more {
            self.announced();
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    fn somebody_comes(&self) -> bool {
        self.queued.load(Ordering::Relaxed) || self.running.load(Ordering::Relaxed) != 0
    }

    /// A look at work that the message's DPC alone takes: whether the message was lost. By the watchdog alone.
    pub fn look(&self, waits: bool) -> bool {
        let mut next = NOTHING;
        let mut lost = false;
        if waits && !self.somebody_comes() {
            let seen = AGED | u64::from(self.visits.load(Ordering::Relaxed));
            lost = self.waiting.load(Ordering::Relaxed) == seen;
            if !lost {
                next = seen;
            }
        }
        self.waiting.store(next, Ordering::Relaxed);
        lost
    }

    /// A look at what turns of the worker found: whether the message was lost. By the watchdog alone.
    pub fn look_at_owed(&self) -> bool {
        let visits = u64::from(self.visits.load(Ordering::Relaxed));
        let owed = self.owed.load(Ordering::Relaxed);
        let comes = self.somebody_comes();
        let next = if !comes && owed == FRESH | visits {
            AGED | visits
        } else {
            NOTHING
        };
        // A turn may find something meanwhile: then it is for the next look.
        let _ = self
            .owed
            .compare_exchange(owed, next, Ordering::Relaxed, Ordering::Relaxed);
        !comes && owed == AGED | visits
    }

    /// What was remembered is forgotten. By the watchdog alone.
    pub fn forget(&self) {
        self.waiting.store(NOTHING, Ordering::Relaxed);
        self.owed.store(NOTHING, Ordering::Relaxed);
    }

    /// A turn of the worker begins.
    pub fn begin_turn(&self) -> Turn {
        let visits = self.visits.load(Ordering::Relaxed);
        Turn {
            visits,
            announced: self.turned.swap(visits, Ordering::Relaxed) != visits,
        }
    }

    /// It ends; `found`: there was work for which the device interrupts.
    pub fn end_turn(&self, turn: Turn, found: bool) {
        if found && !turn.announced {
            let owed = FRESH | u64::from(turn.visits);
            // What is owed already is the older.
            let _ = self
                .owed
                .compare_exchange(NOTHING, owed, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_after_a_standstill_are_not_judged() {
        let clock = Clock::new(100);
        assert_eq!(clock.look(1_000_000), Look::Late);
        assert_eq!(clock.look(1_000_100), Look::InTime);
        // Three were due while nothing ran; the second and third come at once.
        assert_eq!(clock.look(1_000_501), Look::Late);
        assert_eq!(clock.look(1_000_502), Look::Early);
        assert_eq!(clock.look(1_000_560), Look::Early);
        assert_eq!(clock.look(1_000_600), Look::InTime);
        assert_eq!(clock.look(1_000_999), Look::InTime);
    }

    /// The DPC, from its interrupt to its end.
    fn came(watch: &Watch) {
        watch.announced();
        watch.begin();
        watch.end(false);
    }

    /// An interrupt was taken for lost while its DPC waited in an indication that somebody held up.
    #[test]
    fn a_dpc_that_is_queued_or_runs_is_somebody_who_comes() {
        let watch = Watch::new();
        watch.announced();
        assert!(!watch.look(true) && !watch.look(true), "queued");
        watch.begin();
        assert!(!watch.look(true) && !watch.look(true), "running");
        watch.begin();
        watch.end(false);
        assert!(
            !watch.look(true) && !watch.look(true),
            "running on one CPU of two"
        );
        watch.end(true);
        assert!(!watch.look(true) && !watch.look(true), "queued again");
        watch.begin();
        watch.end(false);
        assert!(!watch.look(true), "the first look that counts");
        assert!(watch.look(true));
    }

    #[test]
    fn work_that_waits_for_a_whole_period_was_not_announced() {
        let watch = Watch::new();
        assert!(!watch.look(true));
        assert!(watch.look(true), "nobody came");
        assert!(
            !watch.look(true),
            "the DPC that was queued has a period too"
        );
        assert!(watch.look(true));
        assert!(!watch.look(false));
        assert!(!watch.look(true));
    }

    #[test]
    fn busy_queues_are_not_taken_for_forgotten_ones() {
        let watch = Watch::new();
        for _ in 0..100 {
            assert!(
                !watch.look(true),
                "work waits at each look, and somebody comes each time"
            );
            came(&watch);
        }
        // The counter runs free.
        watch.visits.store(u32::MAX, Ordering::Relaxed);
        assert!(!watch.look(true));
        came(&watch);
        assert!(!watch.look(true));
        assert!(watch.look(true));
    }

    /// One message for everything: what the worker had found hid what waited in the queues.
    #[test]
    fn what_waits_and_what_is_owed_are_judged_apart() {
        let watch = Watch::new();
        let mut lost = (0, 0);
        for _ in 0..8 {
            turn(&watch, true);
            lost.0 += u32::from(watch.look_at_owed());
            lost.1 += u32::from(watch.look(true));
        }
        // Every second look finds what the one before remembered; a turn finds nothing new while something is owed.
        assert_eq!(lost, (4, 4));
    }

    /// A turn of the worker that finds something, or nothing.
    fn turn(watch: &Watch, found: bool) {
        let turn = watch.begin_turn();
        watch.end_turn(turn, found);
    }

    #[test]
    fn what_a_turn_finds_unannounced_is_owed_an_interrupt() {
        let watch = Watch::new();
        turn(&watch, true);
        assert!(!watch.look_at_owed(), "it may be on its way");
        assert!(watch.look_at_owed());
        assert!(!watch.look_at_owed(), "once");
        turn(&watch, false);
        assert!(!watch.look_at_owed() && !watch.look_at_owed());
    }

    #[test]
    fn an_interrupt_before_the_turn_or_soon_after_is_not_lost() {
        let watch = Watch::new();
        came(&watch);
        turn(&watch, true);
        assert!(!watch.look_at_owed() && !watch.look_at_owed());
        // The worker was faster than the interrupt.
        turn(&watch, true);
        came(&watch);
        assert!(!watch.look_at_owed() && !watch.look_at_owed());
        // It came while the turn ran, before what the turn found.
        let running = watch.begin_turn();
        came(&watch);
        watch.end_turn(running, true);
        turn(&watch, false);
        assert!(!watch.look_at_owed() && !watch.look_at_owed());
        // It came between two looks.
        turn(&watch, true);
        assert!(!watch.look_at_owed());
        came(&watch);
        assert!(!watch.look_at_owed() && !watch.look_at_owed());
    }
}
