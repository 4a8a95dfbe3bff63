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
    part: Part::ALL,
});

struct State {
    done: BTreeSet<u64>,
    injected: Option<Injected>,
    part: Part,
}

/// A share of the call sites, so that several processes sweep at once: site after site by a number that is the same in
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub index: u64,
    /// How many shares there are.
    pub of: u64,
}

impl Part {
    /// All sites.
    pub const ALL: Part = Part { index: 0, of: 1 };
}

impl std::str::FromStr for Part {
    type Err = String;

    /// As `0/2`: the first of two.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, of)) if index < of => Ok(Self { index, of }),
            _ => Err(format!("{text} is no share, as 0/2 is")),
        }
    }
}

/// Forgets all sites; from now on only those of this part fail.
pub fn forget(part: Part) {
    let mut state = STATE.lock();
    state.done.clear();
    state.part = part;
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
    let key = stack.key();
    // The lower bits of the key differ little between neighbours.
    if (key >> 32) % state.part.of != state.part.index {
        return false;
    }
    if state.injected.is_some() || !state.done.insert(key) {
        return false;
    }
    state.injected = Some(Injected {
        import: call.import,
        kind,
        stack: stack.lines(),
    });
    true
}
