//! What is known of neighbours on the link: a bounded cache that ages, and the questions under way.
//!
//! ```text
//!            ask                       answer
//!  (nothing) ---> Asking (tries left) --------> Known --- fresh no more, and used ---> Asking
//!                     | no answer                 ^
//!                     v                           | question of theirs for an address of ours
//!                  given up                   (nothing)
//! ```
//!
//! Sans I/O: who calls sends the questions. Tests: below.

use std::collections::BTreeMap;

use rnic_abi::consts::{
    NEIGHBOUR_ENTRIES, NEIGHBOUR_FRESH_MS, NEIGHBOUR_LOCK_MS, NEIGHBOUR_RETRY_MS, NEIGHBOUR_TRIES,
};
use rnic_core::env::Nanos;
use rnic_wire::{Gid, MacAddr};

const fn nanos(milliseconds: u32) -> u64 {
    milliseconds as u64 * 1_000_000
}

const RETRY_NS: u64 = nanos(NEIGHBOUR_RETRY_MS);
const FRESH_NS: u64 = nanos(NEIGHBOUR_FRESH_MS);
const LOCK_NS: u64 = nanos(NEIGHBOUR_LOCK_MS);

/// Who: an address on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Neighbour {
    /// VLAN id, or none.
    pub vlan: Option<u16>,
    /// Address.
    pub gid: Gid,
}

/// How somebody's Ethernet address was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// They asked for an address of ours, so we shall want to answer.
    AskedUs,
    /// They said so: an answer, or a word to everybody.
    Said {
        /// They wish that it replaces what was known (the override flag of an advertisement; always in ARP).
        replaces: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Question {
    /// Our address that asks.
    from: Gid,
    tries_left: u32,
    due: Nanos,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    mac: MacAddr,
    confirmed: Nanos,
}

/// What the passing of time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Ask again.
    Ask {
        /// Our address that asks.
        from: Gid,
        /// Who is asked for.
        whom: Neighbour,
    },
    /// Nobody answered.
    GivenUp(Neighbour),
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// There.
    Known(MacAddr),
    /// The question is under way.
    Asking,
    /// Somebody must ask: the question is noted.
    Ask,
    /// Too many questions are under way; try again later.
    Full,
}

/// The cache. A neighbour is in one of the two maps at most.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    known: BTreeMap<Neighbour, Known>,
    asking: BTreeMap<Neighbour, Question>,
}

impl Neighbours {
    /// Where a neighbour is; notes a question when that is not known, or was too long ago `[ADDR-9]`.
    pub fn find(&mut self, now: Nanos, whom: Neighbour, from: Gid) -> Lookup {
        if self.asking.contains_key(&whom) {
            return Lookup::Asking;
        }
        if let Some(known) = self.known.get(&whom) {
            if now.since(known.confirmed) < FRESH_NS {
                return Lookup::Known(known.mac);
            }
            self.known.remove(&whom);
        } else if !self.make_room() {
            return Lookup::Full;
        }
        let question = Question {
            from,
            tries_left: NEIGHBOUR_TRIES - 1,
            due: now.after(RETRY_NS),
        };
        self.asking.insert(whom, question);
        Lookup::Ask
    }

    /// Takes in where a neighbour is; the Ethernet address when it is news to those who use it `[ADDR-9]`,
    /// `[ADDR-10]`.
    pub fn heard(
        &mut self,
        now: Nanos,
        whom: Neighbour,
        mac: MacAddr,
        how: Heard,
    ) -> Option<MacAddr> {
        let new = Known {
            mac,
            confirmed: now,
        };
        if self.asking.remove(&whom).is_some() {
            self.known.insert(whom, new);
            return Some(mac);
        }
        let Some(known) = self.known.get_mut(&whom) else {
            if how == Heard::AskedUs && self.make_room() {
                self.known.insert(whom, new);
            }
            return None;
        };
        if known.mac == mac {
            known.confirmed = now;
            return None;
        }
        let locked = now.since(known.confirmed) < LOCK_NS;
        if locked || how == (Heard::Said { replaces: false }) {
            return None;
        }
        *known = new;
        Some(mac)
    }

    /// Room for one more; false when everything is being asked for.
    fn make_room(&mut self) -> bool {
        if self.known.len() + self.asking.len() < const { NEIGHBOUR_ENTRIES as usize } {
            return true;
        }
        let oldest = self.known.iter().min_by_key(|(_, known)| known.confirmed);
        match oldest.map(|(whom, _)| *whom) {
            Some(whom) => self.known.remove(&whom).is_some(),
            None => false,
        }
    }

    /// What is due `[ADDR-8]`.
    pub fn due(&mut self, now: Nanos) -> Vec<Due> {
        let mut list = Vec::new();
        self.asking.retain(|whom, question| {
            if question.due > now {
                return true;
            }
            if question.tries_left == 0 {
                list.push(Due::GivenUp(*whom));
                return false;
            }
            question.tries_left -= 1;
            question.due = now.after(RETRY_NS);
            list.push(Due::Ask {
                from: question.from,
                whom: *whom,
            });
            true
        });
        list
    }

    /// When something is due.
    pub fn next_timer(&self) -> Option<Nanos> {
        self.asking.values().map(|question| question.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Gid = Gid([9; 16]);
    const HERE: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
    const THERE: MacAddr = MacAddr([2, 0, 0, 0, 0, 8]);
    const SAID: Heard = Heard::Said { replaces: true };

    fn whom(n: u32) -> Neighbour {
        let mut gid = [0; 16];
        gid[..4].copy_from_slice(&n.to_be_bytes());
        Neighbour {
            vlan: None,
            gid: Gid(gid),
        }
    }

    fn at_ms(ms: u64) -> Nanos {
        Nanos(ms * 1_000_000)
    }

    #[test]
    fn a_neighbour_is_asked_for_three_times_and_then_given_up() {
        // [ADDR-8]
        let mut n = Neighbours::default();
        assert_eq!(n.find(at_ms(0), whom(1), OURS), Lookup::Ask);
        assert_eq!(n.find(at_ms(10), whom(1), OURS), Lookup::Asking);
        assert!(n.due(at_ms(999)).is_empty());
        let ask = Due::Ask {
            from: OURS,
            whom: whom(1),
        };
        assert_eq!(n.due(at_ms(1000)), [ask]);
        assert_eq!(n.next_timer(), Some(at_ms(2000)));
        assert_eq!(n.due(at_ms(2000)), [ask]);
        assert_eq!(n.due(at_ms(3000)), [Due::GivenUp(whom(1))]);
        assert_eq!(n.next_timer(), None);
        assert_eq!(n.find(at_ms(3001), whom(1), OURS), Lookup::Ask);
    }

    #[test]
    fn what_is_known_ages() {
        // [ADDR-9]
        let mut n = Neighbours::default();
        n.find(at_ms(0), whom(1), OURS);
        assert_eq!(n.heard(at_ms(5), whom(1), HERE, SAID), Some(HERE));
        assert_eq!(n.find(at_ms(30_004), whom(1), OURS), Lookup::Known(HERE));
        assert_eq!(n.find(at_ms(30_005), whom(1), OURS), Lookup::Ask);
        // A confirmation, even by a question of theirs, makes it young again.
        n.heard(at_ms(30_006), whom(1), HERE, Heard::AskedUs);
        assert_eq!(n.heard(at_ms(50_000), whom(1), HERE, SAID), None);
        assert_eq!(n.find(at_ms(79_999), whom(1), OURS), Lookup::Known(HERE));
    }

    #[test]
    fn only_those_who_answer_or_ask_are_learnt() {
        // [ADDR-9]
        let mut n = Neighbours::default();
        assert_eq!(n.heard(at_ms(0), whom(1), HERE, SAID), None);
        assert_eq!(n.find(at_ms(0), whom(1), OURS), Lookup::Ask);
        n.heard(at_ms(0), whom(2), HERE, Heard::AskedUs);
        assert_eq!(n.find(at_ms(0), whom(2), OURS), Lookup::Known(HERE));
        let tagged = Neighbour {
            vlan: Some(5),
            ..whom(2)
        };
        assert_eq!(n.find(at_ms(0), tagged, OURS), Lookup::Ask);
    }

    #[test]
    fn two_stations_with_one_address_do_not_make_it_flap() {
        // [ADDR-10]
        let mut n = Neighbours::default();
        n.find(at_ms(0), whom(1), OURS);
        n.heard(at_ms(0), whom(1), HERE, SAID);
        assert_eq!(n.heard(at_ms(999), whom(1), THERE, SAID), None);
        let quiet = Heard::Said { replaces: false };
        assert_eq!(n.heard(at_ms(5000), whom(1), THERE, quiet), None);
        assert_eq!(n.heard(at_ms(5000), whom(1), THERE, SAID), Some(THERE));
    }

    #[test]
    fn a_flood_forgets_the_oldest_and_no_question() {
        // [ADDR-9]
        let mut n = Neighbours::default();
        n.find(at_ms(0), whom(0), OURS);
        for k in 1..=NEIGHBOUR_ENTRIES * 2 {
            n.heard(at_ms(u64::from(k)), whom(k), HERE, Heard::AskedUs);
        }
        assert_eq!(n.known.len() + n.asking.len(), NEIGHBOUR_ENTRIES as usize);
        assert_eq!(n.find(at_ms(9), whom(0), OURS), Lookup::Asking);
        let last = whom(NEIGHBOUR_ENTRIES * 2);
        assert_eq!(n.find(at_ms(4000), last, OURS), Lookup::Known(HERE));
        let mut questions = Neighbours::default();
        for k in 0..NEIGHBOUR_ENTRIES {
            assert_eq!(questions.find(at_ms(0), whom(k), OURS), Lookup::Ask);
        }
        assert_eq!(questions.find(at_ms(0), whom(u32::MAX), OURS), Lookup::Full);
    }
}
