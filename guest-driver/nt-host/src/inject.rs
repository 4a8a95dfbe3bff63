//! Fault injection: calls that may fail on Windows are made to fail, one call site after the other.
//!
//! A site is the path through the driver's code that led to the call. In a sweep every run fails the first call at the
//! first site that no run before has failed, until a run meets no new site.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::callsite;

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pool, handles and other memory of the system.
    Memory,
    /// Mapping for DMA or of registers.
    Map,
    /// Connecting interrupts.
    Interrupt,
    /// Everything else that may fail: configuration, address tables.
    Service,
}

/// A failure that was injected.
#[derive(Clone, Debug)]
pub struct Injected {
    /// Import that failed.
    pub import: &'static str,
    /// What kind of call.
    pub kind: Kind,
    /// Where.
    pub stack: Vec<String>,
}

static ON: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<State> = Mutex::new(State {
    done: BTreeSet::new(),
    injected: None,
});

struct State {
    done: BTreeSet<u64>,
    injected: Option<Injected>,
}

/// Forgets all sites.
pub fn forget() {
    STATE.lock().done.clear();
}

/// The next call at a new site fails.
pub fn arm() {
    STATE.lock().injected = None;
    ON.store(true, Ordering::SeqCst);
}

/// Nothing fails any more; what failed since [`arm`].
pub fn disarm() -> Option<Injected> {
    ON.store(false, Ordering::SeqCst);
    STATE.lock().injected.take()
}

/// Whether the import that this thread is in is to fail.
pub fn fails(kind: Kind) -> bool {
    if !ON.load(Ordering::Relaxed) {
        return false;
    }
    let Some(call) = callsite::current() else {
        return false;
    };
    let stack = callsite::stack();
    let mut state = STATE.lock();
    if state.injected.is_some() || !state.done.insert(stack.key()) {
        return false;
    }
    state.injected = Some(Injected {
        import: call.import,
        kind,
        stack: stack.lines(),
    });
    true
}
