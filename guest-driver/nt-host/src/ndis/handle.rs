//! Handles: numbers that are no addresses, so that using one as a pointer faults; each has a kind and, while it is live,
//! what it stands for.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::breach::{Rule, breach, breach_at};
use crate::callsite::{self, Stack};
use crate::thunk::checking;

/// First handle; nothing is ever mapped there.
const FIRST: usize = 0x4E44_0000_0000;

struct Entry {
    kind: &'static str,
    object: Arc<dyn Any + Send + Sync>,
    stack: Stack,
}

static NEXT: AtomicUsize = AtomicUsize::new(FIRST);
static LIVE: Mutex<Option<HashMap<usize, Entry>>> = Mutex::new(None);

/// A new handle.
pub fn new<T: Any + Send + Sync>(kind: &'static str, object: Arc<T>) -> usize {
    let handle = NEXT.fetch_add(16, Ordering::Relaxed);
    let stack = if checking() {
        callsite::stack()
    } else {
        Stack::default()
    };
    let entry = Entry {
        kind,
        object,
        stack,
    };
    LIVE.lock().get_or_insert_default().insert(handle, entry);
    handle
}

fn bad(handle: usize, wanted: &str, found: Option<&str>) -> ! {
    let found = found.map_or_else(|| "not live".to_owned(), |kind| format!("a {kind}"));
    breach(
        Rule::Handle,
        format_args!("handle {handle:#x} should be a {wanted}; it is {found}"),
    );
}

/// What a handle stands for.
pub fn get<T: Any + Send + Sync>(handle: usize, wanted: &'static str) -> Arc<T> {
    let live = LIVE.lock();
    let entry = live.as_ref().and_then(|live| live.get(&handle));
    let object = entry.and_then(|entry| entry.object.clone().downcast::<T>().ok());
    let kind = entry.map(|entry| entry.kind);
    drop(live);
    object.unwrap_or_else(|| bad(handle, wanted, kind))
}

/// Closes a handle; gives what it stood for.
pub fn close<T: Any + Send + Sync>(handle: usize, wanted: &'static str) -> Arc<T> {
    let object = get::<T>(handle, wanted);
    if let Some(live) = LIVE.lock().as_mut() {
        live.remove(&handle);
    }
    object
}

/// Ends in a breach if a handle of one of these kinds is live; all kinds if there are none.
pub fn require_none(kinds: &[&str], when: &str) {
    let live = LIVE.lock();
    let mut entries = live.iter().flat_map(HashMap::values);
    if let Some(entry) = entries.find(|e| kinds.is_empty() || kinds.contains(&e.kind)) {
        breach_at(
            Rule::Leak,
            format_args!("a {} is live {when}", entry.kind),
            &entry.stack,
        );
    }
}
