//! Commands under way: what waits for room in the ring, what waits for its answer, and what happens then.
//!
//! ```text
//! submit -> Waiting -> (room in the ring) -> Flying -> answered -> Then
//! ```
//! A slot is found before anything is promised to a consumer. What must never fail, the end of objects, reserves its
//! slot when the object is made.
#![forbid(unsafe_code)]

use alloc::vec::Vec;

use crate::System;
use crate::raw::NoMemory;
use crate::then::Then;
use crate::verb::Verb;

/// Marks cookies of this crate among those of the rest of a driver.
pub const COOKIE: u64 = 0x4E44_4B00 << 32;

enum Slot<S: System> {
    Free,
    Waiting(Verb<S>, Then<S>),
    /// Since when.
    Flying(Then<S>, u64),
}

struct Entry<S: System> {
    slot: Slot<S>,
    /// Next of the free ones, or of those that wait.
    next: Option<u32>,
    /// The slot goes back to those that are reserved.
    reserved: bool,
}

/// Commands under way.
pub(crate) struct Pending<S: System> {
    entries: Vec<Entry<S>>,
    free: Option<u32>,
    free_count: usize,
    reserved: usize,
    first: Option<u32>,
    last: Option<u32>,
    flying: u32,
}

impl<S: System> Pending<S> {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: None,
            free_count: 0,
            reserved: 0,
            first: None,
            last: None,
            flying: 0,
        }
    }

    fn entry(&mut self, index: u32) -> Option<&mut Entry<S>> {
        self.entries.get_mut(index as usize)
    }

    /// Makes sure that a slot is free besides those that are reserved.
    fn grow(&mut self) -> Result<(), NoMemory> {
        if self.free_count > self.reserved {
            return Ok(());
        }
        let index = u32::try_from(self.entries.len()).map_err(|_| NoMemory)?;
        self.entries.try_reserve(1).map_err(|_| NoMemory)?;
        self.entries.push(Entry {
            slot: Slot::Free,
            next: self.free,
            reserved: false,
        });
        self.free = Some(index);
        self.free_count += 1;
        Ok(())
    }

    /// Sets a slot aside for a command that must not fail for want of memory.
    pub(crate) fn reserve(&mut self) -> Result<(), NoMemory> {
        self.grow()?;
        self.reserved += 1;
        Ok(())
    }

    /// Gives a reserved slot back.
    pub(crate) fn unreserve(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Puts a command behind those that wait; gives it back, to be dropped where nothing is locked, without memory.
    pub(crate) fn push(&mut self, verb: Verb<S>, then: Then<S>) -> Result<(), (Verb<S>, Then<S>)> {
        if self.grow().is_err() {
            return Err((verb, then));
        }
        self.append(verb, then, false);
        Ok(())
    }

    /// As `push`, in a reserved slot.
    pub(crate) fn push_reserved(&mut self, verb: Verb<S>, then: Then<S>) {
        self.reserved = self.reserved.saturating_sub(1);
        self.append(verb, then, true);
    }

    fn append(&mut self, verb: Verb<S>, then: Then<S>, reserved: bool) {
        let Some(index) = self.free else { return };
        let last = self.last;
        let Some(entry) = self.entry(index) else {
            return;
        };
        let next_free = entry.next.take();
        entry.slot = Slot::Waiting(verb, then);
        entry.reserved = reserved;
        self.free = next_free;
        self.free_count = self.free_count.saturating_sub(1);
        match last.and_then(|last| self.entry(last)) {
            Some(last) => last.next = Some(index),
            None => self.first = Some(index),
        }
        self.last = Some(index);
    }

    /// Commands that are submitted and not answered.
    pub(crate) fn flying(&self) -> u32 {
        self.flying
    }

    /// Whether a command waits.
    pub(crate) fn waits(&self) -> bool {
        self.first.is_some()
    }

    /// When the command began that flies longest.
    pub(crate) fn oldest(&self) -> Option<u64> {
        let since = |entry: &Entry<S>| match entry.slot {
            Slot::Flying(_, since) => Some(since),
            _ => None,
        };
        self.entries.iter().filter_map(since).min()
    }

    /// Takes the first command that waits; its slot flies under the cookie that is returned.
    pub(crate) fn take(&mut self, now: u64) -> Option<(Verb<S>, u64)> {
        let index = self.first?;
        let entry = self.entry(index)?;
        let next = entry.next.take();
        let Slot::Waiting(verb, then) = core::mem::replace(&mut entry.slot, Slot::Free) else {
            return None;
        };
        entry.slot = Slot::Flying(then, now);
        self.flying += 1;
        self.first = next;
        if next.is_none() {
            self.last = None;
        }
        Some((verb, COOKIE | u64::from(index)))
    }

    /// Takes what happens now that a command was answered, and frees its slot.
    pub(crate) fn finish(&mut self, cookie: u64) -> Option<Then<S>> {
        let index = u32::try_from(cookie ^ COOKIE).ok()?;
        let free = self.free;
        let entry = self.entry(index)?;
        if !matches!(entry.slot, Slot::Flying(..)) {
            return None;
        }
        let Slot::Flying(then, _) = core::mem::replace(&mut entry.slot, Slot::Free) else {
            return None;
        };
        entry.next = free;
        let reserved = core::mem::take(&mut entry.reserved);
        self.free = Some(index);
        self.free_count += 1;
        self.flying = self.flying.saturating_sub(1);
        if reserved {
            self.reserved += 1;
        }
        Some(then)
    }
}
