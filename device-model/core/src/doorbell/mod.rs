//! Doorbell slots: who owns them, and which of them changed.
//!
//! A slot is 8 bytes of doorbell memory, which the host keeps ([`Env::doorbell`]). The driver
//! stores to it either directly, when the memory is mapped into the guest, or by a trapped write
//! ([`Doorbells::written`]). Either way the device acts on the value that the slot holds when it
//! looks, and only the last one counts `[DB-5]`.
//!
//! Three ways to learn that a slot changed:
//! - a trapped write names it;
//! - with SUMMARY the maps name it: 16 words cover 1024 pages, 8 words each page `[DB-9]`, so
//!   the cost does not grow with idle queues `[DB-11]`;
//! - without SUMMARY, when the memory is mapped, the slots in use are compared one by one.
//!
//! Everything is bounded: maps by their size, the list of changed slots by the slots in use.
//! Tests: `tests.rs`.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use rnic_abi::consts::{DOORBELL_FIRST_PAGE, DOORBELL_FIRST_SLOT, DOORBELL_PAGE_SLOTS};
use rnic_abi::limit;

use rnic_mutant::mutant;

use crate::env::Env;
use crate::object::narrow;

/// Doorbell pages, page 0 included.
const PAGES: u32 = narrow(limit::DOORBELL_PAGES);
/// Words of the device map, at the start of page 0.
const DEVICE_WORDS: u32 = {
    assert!(PAGES <= 64 * DOORBELL_PAGE_SLOTS, "the map fits page 0");
    PAGES.div_ceil(64)
};
/// Words of a page's map, at its start.
const PAGE_WORDS: u32 = DOORBELL_FIRST_SLOT;
/// Pages of the summary that one poll looks into.
const PAGES_A_POLL: u32 = 16;
/// Slots that one poll compares without SUMMARY.
const SLOTS_A_POLL: usize = 1024;

/// The queue that a slot belongs to, by handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// Send queue of a queue pair.
    Send(u32),
    /// Receive queue of a queue pair.
    Receive(u32),
    /// Shared receive queue.
    Srq(u32),
    /// Completion queue.
    Cq(u32),
    /// Event queue.
    Eq(u32),
    /// Ethernet receive queue, by number.
    EthReceive(u16),
    /// Ethernet transmit queue, by number.
    EthTransmit(u16),
}

/// The slot belongs to another queue `[DB-2]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("doorbell slot {0} belongs to another queue")]
pub struct SlotInUse(pub u32);

#[derive(Clone, Copy, Debug)]
struct Entry {
    owner: Owner,
    /// Value that the device last acted on.
    last: u64,
    /// In `changed`.
    queued: bool,
    /// Place in `active`.
    place: u32,
}

/// Slots and what is known about them.
#[derive(Debug, Default)]
pub struct Doorbells {
    /// By page, then slot; a page exists while it was ever used since the last reset.
    pages: Vec<Option<Box<[Option<Entry>]>>>,
    active: Vec<u32>,
    changed: VecDeque<u32>,
    summary: bool,
    /// Pages that the device map named and that were not looked into yet.
    backlog: Vec<u64>,
    /// There are such pages.
    behind: bool,
    cursor: usize,
}

/// Whether a queue can own the slot `[DB-1]`.
#[must_use]
pub const fn is_queue_slot(slot: u32) -> bool {
    let page = slot / DOORBELL_PAGE_SLOTS;
    page >= DOORBELL_FIRST_PAGE && page < PAGES && slot % DOORBELL_PAGE_SLOTS >= DOORBELL_FIRST_SLOT
}

impl Doorbells {
    /// No slot is owned, SUMMARY is off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts SUMMARY in force, or not.
    pub fn set_summary(&mut self, on: bool) {
        self.summary = on;
    }

    /// Gives `slot` to `owner` and sets it to zero `[DB-2]`, `[DB-4]`. The slot is one that
    /// [`is_queue_slot`]; others are reported as in use.
    pub fn claim(&mut self, env: &mut dyn Env, slot: u32, owner: Owner) -> Result<(), SlotInUse> {
        let place = u32::try_from(self.active.len()).map_err(|_| SlotInUse(slot))?;
        let entry = self.entry_place(slot).ok_or(SlotInUse(slot))?;
        if entry.is_some() && !mutant("DB-2/shared") {
            return Err(SlotInUse(slot));
        }
        *entry = Some(Entry {
            owner,
            last: 0,
            queued: false,
            place,
        });
        self.active.push(slot);
        if !mutant("DB-4/stale") {
            env.set_doorbell(slot, 0);
        }
        Ok(())
    }

    /// Whether somebody owns `slot`.
    #[must_use]
    pub fn is_owned(&self, slot: u32) -> bool {
        self.entry(slot).is_some()
    }

    /// Gives `slot` back. What was stored there is forgotten.
    pub fn release(&mut self, slot: u32) {
        let Some(entry) = self.entry_place(slot).and_then(Option::take) else {
            return;
        };
        let place = usize::try_from(entry.place).unwrap_or(usize::MAX);
        if place < self.active.len() {
            self.active.swap_remove(place);
        }
        if let Some(&moved) = self.active.get(place)
            && let Some(Some(other)) = self.entry_place(moved)
        {
            other.place = entry.place;
        }
        // A slot left in `changed` finds no entry, or a new one, which looks once in vain.
    }

    /// Sets an owned slot back to zero, as when its queue starts over.
    pub fn restart(&mut self, env: &mut dyn Env, slot: u32) {
        if let Some(Some(entry)) = self.entry_place(slot)
            && !mutant("QP-5/slot")
        {
            entry.last = 0;
            env.set_doorbell(slot, 0);
        }
    }

    /// A trapped store of `value` to `slot`; false when nobody owns the slot and it is no map
    /// in force `[DB-3]`.
    pub fn written(&mut self, env: &mut dyn Env, slot: u32, value: u64) -> bool {
        if self.entry(slot).is_some() || mutant("DB-3/unowned") {
            env.set_doorbell(slot, value);
            self.mark(slot);
            return true;
        }
        if self.is_map_word(slot) {
            env.set_doorbell(slot, value);
            return true;
        }
        false
    }

    /// A trapped load of `slot`; none when nobody owns it and it is no map in force `[DB-3]`.
    #[must_use]
    pub fn read(&self, env: &dyn Env, slot: u32) -> Option<u64> {
        (self.is_owned(slot) || self.is_map_word(slot)).then(|| env.doorbell(slot))
    }

    /// The value of a slot now, for a queue that must know at once (a full completion queue, a
    /// flush). The change still comes through [`Doorbells::next`].
    #[must_use]
    pub fn load(&self, env: &dyn Env, slot: u32) -> u64 {
        env.doorbell(slot)
    }

    /// Looks for changed slots, with bounded work; true when there may be more that it did not
    /// get to.
    pub fn poll(&mut self, env: &mut dyn Env) -> bool {
        if self.summary && !mutant("DB-11/scan") {
            self.poll_summary(env)
        } else if env.doorbells_mapped() && !mutant("DB-10/unseen") {
            // [DB-10]
            self.scan(env, SLOTS_A_POLL)
        } else {
            false
        }
    }

    /// Looks at every slot in use, as a kick asks for `[PARK-2]`; true when any changed.
    pub fn poll_all(&mut self, env: &mut dyn Env) -> bool {
        self.scan(env, usize::MAX);
        !self.changed.is_empty()
    }

    /// Looks for changed slots until there can be none that was rung before, as before parking
    /// `[PARK-1]`; true when any changed.
    pub fn poll_out(&mut self, env: &mut dyn Env) -> bool {
        if self.summary {
            // Ends: each round takes pages out of the maps, and a driver that puts them back all
            // the time is found to have changed something or is awake.
            for _ in 0..=PAGES / PAGES_A_POLL {
                if !self.poll_summary(env) {
                    break;
                }
            }
        } else {
            self.scan(env, usize::MAX);
        }
        !self.changed.is_empty() || self.behind
    }

    /// Whether a slot is known to have changed.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The next changed slot's owner, and the value to act on.
    pub fn next(&mut self, env: &dyn Env) -> Option<(Owner, u64)> {
        while let Some(slot) = self.changed.pop_front() {
            let Some(Some(entry)) = self.entry_place(slot) else {
                continue;
            };
            entry.queued = false;
            let value = env.doorbell(slot);
            if value != entry.last {
                entry.last = value;
                return Some((entry.owner, value));
            }
        }
        None
    }

    /// Takes every slot from its owner and forgets what was stored.
    pub fn reset(&mut self, env: &mut dyn Env) {
        for slot in std::mem::take(&mut self.active) {
            env.set_doorbell(slot, 0);
        }
        *self = Self::default();
    }

    fn poll_summary(&mut self, env: &mut dyn Env) -> bool {
        // Pages that never had a queue have nothing to tell, whatever is stored in their bits.
        let words = u32::try_from(self.pages.len().div_ceil(64)).unwrap_or(DEVICE_WORDS);
        self.backlog.resize(words as usize, 0);
        let mut word = env.next_rung(0, words);
        while let Some(backlog) = self.backlog.get_mut(word as usize) {
            *backlog |= env.take_summary(word);
            self.behind = true;
            word = env.next_rung(word + 1, words);
        }
        if !self.behind {
            return false;
        }
        let mut left = PAGES_A_POLL;
        let mut more = false;
        for word in 0..words {
            let Some(backlog) = self.backlog.get_mut(word as usize) else {
                continue;
            };
            let mut pages = *backlog;
            let mut taken = 0u64;
            while pages != 0 && left > 0 {
                taken |= pages & pages.wrapping_neg();
                pages &= pages - 1;
                left -= 1;
            }
            *backlog = if mutant("DB-9/forgets") { 0 } else { pages };
            more |= pages != 0;
            while taken != 0 {
                let bit = taken.trailing_zeros();
                taken &= taken - 1;
                self.take_page(env, word * 64 + bit);
            }
        }
        self.behind = more;
        more
    }

    fn take_page(&mut self, env: &mut dyn Env, page: u32) {
        if !(DOORBELL_FIRST_PAGE..PAGES).contains(&page) {
            return;
        }
        let base = page * DOORBELL_PAGE_SLOTS;
        let end = base + PAGE_WORDS;
        let mut word = env.next_rung(base, end);
        while word < end {
            // Swapped before the slots are read [DB-9]: a store that comes later sets it again.
            let mut bits = env.take_summary(word);
            while bits != 0 {
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                self.mark(base + (word - base) * 64 + bit);
            }
            word = env.next_rung(word + 1, end);
        }
    }

    fn scan(&mut self, env: &dyn Env, limit: usize) -> bool {
        let count = self.active.len();
        let looked = count.min(limit);
        for _ in 0..looked {
            if self.cursor >= count {
                self.cursor = 0;
            }
            let Some(&slot) = self.active.get(self.cursor) else {
                break;
            };
            self.cursor += 1;
            if self
                .entry(slot)
                .is_some_and(|entry| env.doorbell(slot) != entry.last)
            {
                self.mark(slot);
            }
        }
        looked < count
    }

    fn mark(&mut self, slot: u32) {
        if let Some(Some(entry)) = self.entry_place(slot)
            && !std::mem::replace(&mut entry.queued, true)
        {
            self.changed.push_back(slot);
        }
    }

    /// Whether a slot is a word of a map that is in force: only with SUMMARY `[DB-10]`.
    fn is_map_word(&self, slot: u32) -> bool {
        (self.summary || mutant("DB-10/map"))
            && if slot < DOORBELL_PAGE_SLOTS {
                slot < DEVICE_WORDS
            } else {
                slot / DOORBELL_PAGE_SLOTS < PAGES && slot % DOORBELL_PAGE_SLOTS < PAGE_WORDS
            }
    }

    fn entry(&self, slot: u32) -> Option<&Entry> {
        let page = usize::try_from(slot / DOORBELL_PAGE_SLOTS).ok()?;
        let index = usize::try_from(slot % DOORBELL_PAGE_SLOTS).ok()?;
        self.pages.get(page)?.as_ref()?.get(index)?.as_ref()
    }

    /// Where the entry of a queue slot is or would be.
    fn entry_place(&mut self, slot: u32) -> Option<&mut Option<Entry>> {
        if !is_queue_slot(slot) {
            return None;
        }
        let page = usize::try_from(slot / DOORBELL_PAGE_SLOTS).ok()?;
        let index = usize::try_from(slot % DOORBELL_PAGE_SLOTS).ok()?;
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages
            .get_mut(page)?
            .get_or_insert_with(|| vec![None; DOORBELL_PAGE_SLOTS as usize].into_boxed_slice())
            .get_mut(index)
    }
}
