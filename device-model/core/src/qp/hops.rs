//! Next hops of datagrams: what the control plane was asked, and what it said.
//!
//! ```text
//!  (nothing) --> Asked --------------> Known ---- asked again now and then, used meanwhile
//!                  |  no answer          ^
//!                  v                     |
//!               Missing (lost at once) --+
//! ```
//! Sans I/O: who looks something up sends the question on. Bounded: the one asked for longest ago is forgotten.

use std::collections::BTreeMap;

use rnic_abi::consts::{NEIGHBOUR_ENTRIES, NEIGHBOUR_RETRY_MS, NEIGHBOUR_TRIES};
use rnic_mutant::mutant;
use rnic_wire::{Gid, MacAddr};

use super::state::LocalAddress;
use crate::env::Nanos;

const RETRY: u64 = NEIGHBOUR_RETRY_MS as u64 * 1_000_000;
/// Without a word of the control plane for so long nobody answers: it gives up earlier by itself.
const GIVE_UP: u64 = RETRY * (NEIGHBOUR_TRIES as u64 + 1);

/// What a datagram does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hop {
    /// Leaves to this Ethernet address.
    Known(MacAddr),
    /// Waits for an answer, at most until then.
    Wait(Nanos),
    /// Is lost.
    Missing,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub hop: Hop,
    /// The question must be asked.
    pub ask: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Asked,
    Known(MacAddr),
    Missing,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    local: LocalAddress,
    state: State,
    asked: Nanos,
}

type Key = (Option<u16>, Gid, Gid);

/// The table, and who waits.
#[derive(Debug, Default)]
pub(crate) struct Hops {
    table: BTreeMap<Key, Entry>,
    waiting: Vec<u32>,
}

impl Hops {
    /// Where frames from `local` to `peer` go first `[UD-7]`. Queue pair `qpn` is woken when that is known.
    pub fn find(&mut self, now: Nanos, local: LocalAddress, peer: Gid, qpn: u32) -> Found {
        let key = (local.vlan, local.gid, peer);
        let found = match self.table.get_mut(&key) {
            Some(entry) => entry.look(now),
            None => {
                self.make_room();
                let entry = Entry {
                    local,
                    state: State::Asked,
                    asked: now,
                };
                self.table.insert(key, entry);
                Found {
                    hop: Hop::Wait(now.after(GIVE_UP)),
                    ask: true,
                }
            }
        };
        if matches!(found.hop, Hop::Wait(_)) && !self.waiting.contains(&qpn) {
            self.waiting.push(qpn);
        }
        found
    }

    fn make_room(&mut self) {
        if self.table.len() < const { NEIGHBOUR_ENTRIES as usize } {
            return;
        }
        let oldest = self.table.iter().min_by_key(|(_, entry)| entry.asked);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.table.remove(&key);
        }
    }

    /// The control plane found the next hop of these ways, or gave it up (`None`).
    pub fn told(&mut self, mac: Option<MacAddr>, is_of_it: impl Fn(&LocalAddress, Gid) -> bool) {
        for ((_, _, peer), entry) in &mut self.table {
            if is_of_it(&entry.local, *peer) {
                entry.state = match mac {
                    Some(mac) => State::Known(mac),
                    None => State::Missing,
                };
            }
        }
    }

    /// Queue pairs that wait for any answer; they look again.
    pub fn take_waiting(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.waiting)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.table.clear();
        self.waiting.clear();
    }
}

impl Entry {
    fn look(&mut self, now: Nanos) -> Found {
        let since = now.since(self.asked);
        if matches!(self.state, State::Asked) {
            if since < GIVE_UP {
                let hop = Hop::Wait(self.asked.after(GIVE_UP));
                return Found { hop, ask: false };
            }
            self.state = State::Missing;
            self.asked = now;
            let hop = Hop::Missing;
            return Found { hop, ask: false };
        }
        // Also of those that are known: they may move, and their addresses age [ADDR-9].
        let ask = since >= RETRY;
        if ask {
            self.asked = now;
        }
        let hop = match self.state {
            State::Known(mac) => Hop::Known(mac),
            State::Asked | State::Missing if mutant("UD-7/waits") => {
                Hop::Wait(self.asked.after(GIVE_UP))
            }
            State::Asked | State::Missing => Hop::Missing,
        };
        Found { hop, ask }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);

    fn local() -> LocalAddress {
        LocalAddress {
            gid: Gid([9; 16]),
            mac: MacAddr([2; 6]),
            vlan: None,
        }
    }

    fn peer(n: u32) -> Gid {
        let mut gid = [0; 16];
        gid[..4].copy_from_slice(&n.to_be_bytes());
        Gid(gid)
    }

    fn found(hop: Hop, ask: bool) -> Found {
        Found { hop, ask }
    }

    #[test]
    fn it_is_asked_for_once_and_used_when_known() {
        // [UD-7]
        let mut hops = Hops::default();
        let until = Nanos(5 + GIVE_UP);
        let look = |hops: &mut Hops, now| hops.find(Nanos(now), local(), peer(1), 3);
        assert_eq!(look(&mut hops, 5), found(Hop::Wait(until), true));
        assert_eq!(look(&mut hops, 6), found(Hop::Wait(until), false));
        hops.told(Some(HERE), |from, to| *from == local() && to == peer(1));
        assert_eq!(hops.take_waiting(), [3]);
        assert!(hops.take_waiting().is_empty());
        assert_eq!(look(&mut hops, 7), found(Hop::Known(HERE), false));
        // It may have moved: asked again, used meanwhile.
        assert_eq!(look(&mut hops, 5 + RETRY), found(Hop::Known(HERE), true));
        assert_eq!(look(&mut hops, 6 + RETRY), found(Hop::Known(HERE), false));
    }

    #[test]
    fn what_nobody_answers_for_is_lost_at_once_until_somebody_does() {
        // [UD-7]
        let mut hops = Hops::default();
        let look = |hops: &mut Hops, now| hops.find(Nanos(now), local(), peer(1), 3);
        look(&mut hops, 0);
        // The control plane is silent for too long.
        assert_eq!(look(&mut hops, GIVE_UP), found(Hop::Missing, false));
        let later = GIVE_UP + RETRY;
        assert_eq!(look(&mut hops, later - 1), found(Hop::Missing, false));
        assert_eq!(look(&mut hops, later), found(Hop::Missing, true));
        assert_eq!(look(&mut hops, later + 1), found(Hop::Missing, false));
        hops.told(Some(HERE), |_, _| true);
        assert_eq!(look(&mut hops, later + 2), found(Hop::Known(HERE), false));
        hops.told(None, |_, _| true);
        assert_eq!(look(&mut hops, later + 3), found(Hop::Missing, false));
    }

    #[test]
    fn a_flood_of_destinations_is_bounded() {
        let mut hops = Hops::default();
        for n in 0..NEIGHBOUR_ENTRIES * 2 {
            hops.find(Nanos(u64::from(n)), local(), peer(n), 3);
        }
        assert_eq!(hops.table.len(), NEIGHBOUR_ENTRIES as usize);
        assert_eq!(hops.waiting, [3]);
    }
}
