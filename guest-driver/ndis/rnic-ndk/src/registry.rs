//! Objects by number, for what the device sends back: a place and a serial number that is never used twice in a row.
#![forbid(unsafe_code)]

use alloc::vec::Vec;

use crate::raw::{Body, NoMemory, Ref};

struct Place<T: Body> {
    serial: u32,
    object: Option<Ref<T>>,
}

/// Objects of one kind.
pub(crate) struct Registry<T: Body> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
    serial: u32,
}

impl<T: Body> Registry<T> {
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            serial: 0,
        }
    }

    /// A number for an object that comes later; to be given back by [`Registry::remove`].
    pub(crate) fn reserve(&mut self) -> Result<u64, NoMemory> {
        self.serial = self.serial.wrapping_add(1).max(1);
        let serial = self.serial;
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.places.len()).map_err(|_| NoMemory)?;
                self.places.try_reserve(1).map_err(|_| NoMemory)?;
                // Room to give every place back.
                let room = (self.places.len() + 1).saturating_sub(self.free.len());
                self.free.try_reserve(room).map_err(|_| NoMemory)?;
                self.places.push(Place {
                    serial,
                    object: None,
                });
                index
            }
        };
        if let Some(place) = self.places.get_mut(index as usize) {
            place.serial = serial;
        }
        Ok(u64::from(serial) << 32 | u64::from(index))
    }

    fn place(&mut self, key: u64) -> Option<&mut Place<T>> {
        let index = usize::try_from(key & 0xFFFF_FFFF).ok()?;
        let place = self.places.get_mut(index)?;
        (u64::from(place.serial) == key >> 32).then_some(place)
    }

    /// Puts the object there.
    pub(crate) fn set(&mut self, key: u64, object: Ref<T>) {
        if let Some(place) = self.place(key) {
            place.object = Some(object);
        }
    }

    /// The object, if the number names one.
    pub(crate) fn get(&mut self, key: u64) -> Option<Ref<T>> {
        self.place(key)?.object.clone()
    }

    /// Takes object and number away. The object is returned, so that it is dropped where no lock is held.
    pub(crate) fn remove(&mut self, key: u64) -> Option<Ref<T>> {
        let place = self.place(key)?;
        place.serial = 0;
        let object = place.object.take();
        self.free.push((key & 0xFFFF_FFFF) as u32);
        object
    }

    /// Every object that is there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ref<T>> {
        self.places.iter().filter_map(|place| place.object.as_ref())
    }

    /// The first object from place `from` on, and the place after it: for who must not hold the lock meanwhile.
    pub(crate) fn after(&self, from: usize) -> Option<(Ref<T>, usize)> {
        let rest = self.places.iter().enumerate().skip(from);
        let mut found = rest.filter_map(|(at, place)| Some((place.object.clone()?, at + 1)));
        found.next()
    }
}
