//! Goodbyes of a device that forgets its connections: they are made before a reset and sent after it `[CM-19]`.
//!
//! A peer may retry for ever, and nobody answers for a queue pair that is no more.

use std::collections::VecDeque;

use rnic_core::env::Nanos;

use crate::command::Control;

use super::connection::State;
use super::message::{RESPONSE_TIMEOUT, nanos};

/// Times that a goodbye is said.
const TIMES: u8 = 3;
/// Goodbyes at most; peers beyond must find out by themselves.
const MOST: usize = 1024;
/// Goodbyes sent in one run at most.
const A_RUN: usize = 64;

#[derive(Debug)]
struct Farewell {
    frame: Vec<u8>,
    left: u8,
    due: Nanos,
}

/// What is left to say, in order of time.
#[derive(Debug, Default)]
pub(crate) struct Farewells(VecDeque<Farewell>);

impl Farewells {
    /// When there is something to say.
    pub fn next_timer(&self) -> Option<Nanos> {
        self.0.front().map(|farewell| farewell.due)
    }

    /// Keeps a farewell where its time puts it. Beyond the bound, those that were said already give way.
    fn keep(&mut self, farewell: Farewell) {
        if self.0.len() >= MOST {
            self.0.pop_back();
        }
        let at = self.0.partition_point(|other| other.due <= farewell.due);
        self.0.insert(at, farewell);
    }

    /// Takes the first one that is due.
    fn take_due(&mut self, now: Nanos) -> Option<Farewell> {
        self.0.pop_front_if(|first| first.due <= now)
    }
}

impl Control<'_> {
    /// Makes the goodbyes of all connections that frames carry; the connections are about to be forgotten.
    pub(crate) fn prepare_farewells(&mut self) {
        let now = self.env.now();
        let stands = |state| {
            matches!(
                state,
                State::RepSent | State::RepReceived | State::Established | State::DreqSent
            )
        };
        let table = self.plane.connections.table.iter();
        let handles: Vec<u32> = table
            .filter(|(_, c)| c.next_hop.is_some() && (stands(c.state) || c.owes_goodbye))
            .map(|(handle, _)| handle)
            .take(MOST)
            .collect();
        for handle in handles {
            let tid = self.plane.connections.random();
            let connection = self.plane.connections.table.get(handle);
            let Some((dreq, dst)) = connection.and_then(|c| Some((c.dreq(tid), c.next_hop?)))
            else {
                continue;
            };
            if let Some(way) = self.way(handle)
                && self.env.neighbour(way.peer).is_none()
                && let Some(frame) = self.qp1_frame(&way, dst, &dreq.to_bytes())
            {
                self.plane.farewells.keep(Farewell {
                    frame,
                    left: TIMES,
                    due: now,
                });
            }
        }
    }

    /// Says what is due.
    pub(crate) fn run_farewells(&mut self) {
        let now = self.env.now();
        for _ in 0..A_RUN {
            let Some(mut farewell) = self.plane.farewells.take_due(now) else {
                return;
            };
            // A full port loses it; it is said again.
            let _sent_or_lost = self.env.transmit(&farewell.frame);
            farewell.left -= 1;
            if farewell.left > 0 {
                farewell.due = now.after(nanos(RESPONSE_TIMEOUT));
                self.plane.farewells.keep(farewell);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn farewell(due: u64) -> Farewell {
        Farewell {
            frame: vec![],
            left: 1,
            due: Nanos(due),
        }
    }

    #[test]
    fn goodbyes_of_a_second_reset_do_not_wait_behind_repeats_of_the_first() {
        let mut farewells = Farewells::default();
        // Said at 10 and to be said again, when a reset at 20 brings one more.
        farewells.keep(farewell(1_000));
        farewells.keep(farewell(20));
        assert_eq!(farewells.next_timer(), Some(Nanos(20)));
        assert!(farewells.take_due(Nanos(19)).is_none());
        assert!(farewells.take_due(Nanos(20)).is_some());
        assert!(farewells.take_due(Nanos(20)).is_none());
        assert_eq!(farewells.next_timer(), Some(Nanos(1_000)));
    }

    #[test]
    fn beyond_the_bound_the_new_ones_stay() {
        let mut farewells = Farewells::default();
        for _ in 0..MOST {
            farewells.keep(farewell(1_000));
        }
        farewells.keep(farewell(20));
        assert_eq!(farewells.0.len(), MOST);
        assert_eq!(farewells.next_timer(), Some(Nanos(20)));
    }
}
