//! A growing array that reserves before it grows, and says so when it cannot.

use alloc::vec::Vec;

use crate::Error;

/// A `Vec` whose every growth can fail and never aborts.
#[derive(Debug)]
pub struct Bounded<T> {
    items: Vec<T>,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Bounded<T> {
    /// Empty, without memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// Room for `additional` items more.
    pub fn reserve(&mut self, additional: usize) -> Result<(), Error> {
        self.items
            .try_reserve(additional)
            .map_err(|_| Error::NoMemory)
    }

    /// Appends, growing if need be.
    pub fn push(&mut self, item: T) -> Result<(), Error> {
        self.reserve(1)?;
        self.push_reserved(item);
        Ok(())
    }

    /// Appends into room that [`Bounded::reserve`] made; without it the item is dropped, which is a bug of this crate.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn push_reserved(&mut self, item: T) {
        debug_assert!(
            self.items.len() < self.items.capacity(),
            "room was not reserved"
        );
        if self.items.len() < self.items.capacity() {
            self.items.push(item);
        }
    }

    /// Takes the last item.
    pub fn pop(&mut self) -> Option<T> {
        self.items.pop()
    }

    /// The items.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }

    /// The items.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// Items that fit without growing.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.items.capacity()
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// One item.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.items.get(index)
    }

    /// One item.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.items.get_mut(index)
    }

    /// A copy of a list.
    pub fn copied(from: &[T]) -> Result<Self, Error>
    where
        T: Copy,
    {
        let mut list = Self::new();
        list.reserve(from.len())?;
        for item in from {
            list.push_reserved(*item);
        }
        Ok(list)
    }
}
