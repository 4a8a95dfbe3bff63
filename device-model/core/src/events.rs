//! General events that wait for room in the general event queue.
//!
//! An event waits in a place of its own kind and object, so what waits is bounded by the objects
//! there are `[EQ-3]`, `[EQ-5]`. A second event of the same kind about the same object takes the
//! place of the first: kinds that could meet are made so that the later one says all.

use std::collections::{BTreeMap, HashMap};

use rnic_abi::{EventCode, GeneralEvent};
use zerocopy::{Immutable, IntoBytes};

/// Bytes of an event's payload.
pub const PAYLOAD_BYTES: usize = 464;

/// What an event is about: kind and object. The meaning of `object` is the kind's: a handle, an
/// index of the address table.
pub type EventKey = (EventCode, u32);

/// An event that is not written yet.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub code: EventCode,
    /// Handle or index that tells events of this kind apart.
    pub object: u32,
    /// The request's cookie, or 0.
    pub cookie: u64,
    payload: Box<[u8; PAYLOAD_BYTES]>,
}

impl Event {
    /// An event. A payload of another size than the kind's is cut or filled with zeros.
    pub fn new<P: IntoBytes + Immutable>(
        code: EventCode,
        object: u32,
        cookie: u64,
        payload: &P,
    ) -> Self {
        let mut bytes = Box::new([0; PAYLOAD_BYTES]);
        debug_assert_eq!(payload.as_bytes().len(), PAYLOAD_BYTES);
        for (to, from) in bytes.iter_mut().zip(payload.as_bytes()) {
            *to = *from;
        }
        Self {
            code,
            object,
            cookie,
            payload: bytes,
        }
    }

    /// The entry, but for sequence, timestamp and owner bit; zero where it is reserved `[CONV-3]`.
    #[must_use]
    pub fn entry(&self) -> GeneralEvent {
        let mut entry = GeneralEvent::zeroed();
        entry.set_code(self.code);
        entry.cookie.set(self.cookie);
        entry.payload = *self.payload;
        entry
    }
}

/// Events that wait, in the order in which they happened.
#[derive(Debug, Default)]
pub struct Events {
    order: BTreeMap<u64, Event>,
    place: HashMap<EventKey, u64>,
    next: u64,
    /// Number of the next event that is written `[EV-1]`.
    sequence: u32,
}

impl Events {
    /// Lets an event wait.
    pub fn hold(&mut self, event: Event) {
        let key = (event.code, event.object);
        let place = *self.place.entry(key).or_insert_with(|| {
            let place = self.next;
            self.next += 1;
            place
        });
        self.order.insert(place, event);
    }

    /// The event to write next.
    #[must_use]
    pub fn first(&self) -> Option<&Event> {
        self.order.values().next()
    }

    /// Takes the event that [`Events::first`] shows; its sequence number when it is `written`.
    pub fn pop(&mut self) -> Option<Event> {
        let (_, event) = self.order.pop_first()?;
        self.place.remove(&(event.code, event.object));
        Some(event)
    }

    /// Number of the event that is written now.
    #[must_use]
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// An event was written.
    pub fn written(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Forgets an event about an object that is destroyed `[EV-4]`.
    pub fn forget(&mut self, code: EventCode, object: u32) {
        if let Some(place) = self.place.remove(&(code, object)) {
            self.order.remove(&place);
        }
    }

    /// Number of events that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Forgets everything and counts from zero.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use rnic_abi::{PortEvent, PortState};

    use super::*;

    fn event(code: EventCode, object: u32, state: PortState) -> Event {
        Event::new(code, object, 0, &PortEvent::zeroed().with_state(state))
    }

    #[test]
    fn events_wait_in_order_one_for_each_kind_and_object() {
        // [EQ-3]
        let mut events = Events::default();
        events.hold(event(EventCode::QP_ERROR, 7, PortState::DOWN));
        events.hold(event(EventCode::PORT_CHANGE, 0, PortState::DOWN));
        events.hold(event(EventCode::QP_ERROR, 8, PortState::DOWN));
        events.hold(event(EventCode::PORT_CHANGE, 0, PortState::UP));
        assert_eq!(events.len(), 3);
        events.forget(EventCode::QP_ERROR, 7);
        events.forget(EventCode::QP_ERROR, 7);
        let first = events.pop().unwrap();
        assert_eq!(first.code, EventCode::PORT_CHANGE);
        assert_eq!(first.entry().payload[0], PortState::UP.0, "the last word");
        assert_eq!(events.pop().unwrap().object, 8);
        assert!(events.pop().is_none() && events.is_empty());
    }
}
