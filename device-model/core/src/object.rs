//! Tables of objects behind handles that the device gives out.
//!
//! A handle is a small number and never zero `[CONV-9]`. A freed handle is given out again as late
//! as possible: first come handles that were never used, then the one that was freed longest ago.

use std::collections::VecDeque;

/// A limit of the specification as a number of 32 bits, which it fits: for constants.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "asserted")]
pub const fn narrow(limit: u64) -> u32 {
    assert!(limit <= u32::MAX as u64);
    limit as u32
}

/// The table has no handle left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {capacity} handles of the table are in use")]
pub struct TableFull {
    /// Handles of the table.
    pub capacity: u32,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    /// Objects that the slot has held, the present one included.
    generation: u32,
    value: Option<T>,
}

/// Objects by handle.
#[derive(Clone, Debug)]
pub struct Table<T> {
    slots: Vec<Slot<T>>,
    /// Free slots that were used before, oldest first, with the count of objects created when
    /// they were freed.
    free: VecDeque<(u32, u64)>,
    created: u64,
    live: u32,
    first: u32,
    capacity: u32,
    distance: u64,
}

impl<T> Table<T> {
    /// A table of at most `capacity` objects whose handles begin at `first`, which is not zero.
    /// A handle is not given out again before `distance` others were, as far as there are handles.
    #[must_use]
    pub fn new(capacity: u32, first: u32, distance: u64) -> Self {
        Self {
            slots: Vec::new(),
            free: VecDeque::new(),
            created: 0,
            live: 0,
            first: first.max(1),
            capacity,
            distance,
        }
    }

    /// Objects in the table.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.live
    }

    /// Whether the table holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether [`Table::insert`] would succeed.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.live < self.capacity
    }

    /// Adds an object; its handle.
    pub fn insert(&mut self, value: T) -> Result<u32, TableFull> {
        self.insert_with(|_, _| value)
    }

    /// Adds the object that `make` makes of its handle and generation; the handle.
    pub fn insert_with(&mut self, make: impl FnOnce(u32, u32) -> T) -> Result<u32, TableFull> {
        let full = TableFull {
            capacity: self.capacity,
        };
        let used = u32::try_from(self.slots.len()).map_err(|_| full)?;
        let old_enough =
            |&(_, freed): &(u32, u64)| self.created.saturating_sub(freed) >= self.distance;
        let fresh = used < self.capacity;
        let index = if fresh && !self.free.front().is_some_and(old_enough) {
            self.slots.push(Slot {
                generation: 0,
                value: None,
            });
            used
        } else {
            self.free.pop_front().ok_or(full)?.0
        };
        let handle = index.checked_add(self.first).ok_or(full)?;
        let slot = self.slot_mut(index).ok_or(full)?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.value = Some(make(handle, slot.generation));
        self.created = self.created.wrapping_add(1);
        self.live += 1;
        Ok(handle)
    }

    /// The object behind `handle`.
    #[must_use]
    pub fn get(&self, handle: u32) -> Option<&T> {
        let index = usize::try_from(handle.checked_sub(self.first)?).ok()?;
        self.slots.get(index)?.value.as_ref()
    }

    /// The object behind `handle`.
    #[must_use]
    pub fn get_mut(&mut self, handle: u32) -> Option<&mut T> {
        self.slot_mut(handle.checked_sub(self.first)?)?
            .value
            .as_mut()
    }

    /// How many objects the slot of `handle` has held, if it holds one now.
    #[must_use]
    pub fn generation(&self, handle: u32) -> Option<u32> {
        let index = usize::try_from(handle.checked_sub(self.first)?).ok()?;
        let slot = self.slots.get(index)?;
        slot.value.as_ref().map(|_| slot.generation)
    }

    /// Takes the object behind `handle` out.
    pub fn remove(&mut self, handle: u32) -> Option<T> {
        let index = handle.checked_sub(self.first)?;
        let value = self.slot_mut(index)?.value.take()?;
        self.free.push_back((index, self.created));
        self.live -= 1;
        Some(value)
    }

    /// Every object with its handle, by handle.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (self.first..)
            .zip(&self.slots)
            .filter_map(|(handle, slot)| Some((handle, slot.value.as_ref()?)))
    }

    /// Every object with its handle, by handle.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (self.first..)
            .zip(&mut self.slots)
            .filter_map(|(handle, slot)| Some((handle, slot.value.as_mut()?)))
    }

    /// Removes every object and forgets every handle.
    pub fn clear(&mut self) {
        *self = Self::new(self.capacity, self.first, self.distance);
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.slots.get_mut(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_begin_at_first_and_end_at_capacity() {
        let mut table = Table::new(2, 2, 0);
        assert_eq!(table.insert('a'), Ok(2));
        assert_eq!(table.insert('b'), Ok(3));
        assert!(!table.has_room());
        assert_eq!(table.insert('c'), Err(TableFull { capacity: 2 }));
        assert_eq!(
            (table.get(0), table.get(1), table.get(4)),
            (None, None, None)
        );
        assert_eq!(table.remove(2), Some('a'));
        assert_eq!(table.remove(2), None);
        assert_eq!((table.get(2), table.len()), (None, 1));
    }

    #[test]
    fn a_handle_comes_back_only_after_the_distance_or_when_all_others_are_used() {
        let mut table = Table::new(8, 1, 3);
        let first = table.insert(0).unwrap();
        table.remove(first);
        let given: Vec<u32> = (0..3).map(|n| table.insert(n).unwrap()).collect();
        assert!(!given.contains(&first), "{given:?}");
        assert_eq!(table.insert(9), Ok(first));
        assert_eq!(table.generation(first), Some(2));
        for n in 0..4 {
            table.insert(n).unwrap();
        }
        table.remove(first);
        assert_eq!(table.insert(5), Ok(first), "the only one left");
    }

    #[test]
    fn clearing_forgets_everything() {
        let mut table = Table::new(8, 1, 3);
        table.insert(1).unwrap();
        table.clear();
        assert!(table.is_empty());
        assert_eq!(table.get(1), None);
    }
}
