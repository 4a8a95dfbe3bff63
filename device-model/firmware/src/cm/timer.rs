//! What time does: messages are sent again, peers are told to wait, and hope is given up.

use std::collections::BTreeSet;

use rnic_abi::{CounterId, RejectReason as Reason, Status};
use rnic_core::env::Nanos;
use rnic_core::object::{Table, TableFull};
use rnic_mutant::mutant;
use rnic_wire::cm::{MraOf, RejOf, RejectReason};

use crate::command::Control;

use super::connection::{Connection, Connections, State};
use super::message::{SERVICE_TIMEOUT, nanos};
use super::request::Origin;

/// Messages to this device that one run handles at most.
const LOOPED_A_RUN: usize = 64;

impl Connection {
    fn due(&self) -> Option<Nanos> {
        let again = self.outstanding.as_ref().map(|o| o.due);
        [again, self.mra_due].into_iter().flatten().min()
    }
}

/// Connections by handle, and which of them wait for a moment: one that stands waits for none, so
/// the cost of looking at timers does not grow with connections.
#[derive(Debug)]
pub(crate) struct Timed {
    table: Table<Connection>,
    /// Those that may wait for a moment: changed since [`Timed::settle`], or found waiting by it.
    waiting: BTreeSet<u32>,
}

impl Timed {
    /// At most `capacity` connections.
    pub fn new(capacity: u32) -> Self {
        Self {
            table: Table::new(capacity, 1, 64),
            waiting: BTreeSet::new(),
        }
    }

    /// Connections that there are.
    #[cfg(test)]
    pub const fn len(&self) -> u32 {
        self.table.len()
    }

    /// Whether [`Timed::insert`] would succeed.
    pub const fn has_room(&self) -> bool {
        self.table.has_room()
    }

    /// Adds a connection; its handle.
    pub fn insert(&mut self, connection: Connection) -> Result<u32, TableFull> {
        let handle = self.table.insert(connection)?;
        self.waiting.insert(handle);
        Ok(handle)
    }

    /// The connection behind `handle`.
    pub fn get(&self, handle: u32) -> Option<&Connection> {
        self.table.get(handle)
    }

    /// The connection behind `handle`, to change it.
    pub fn get_mut(&mut self, handle: u32) -> Option<&mut Connection> {
        let connection = self.table.get_mut(handle)?;
        self.waiting.insert(handle);
        Some(connection)
    }

    /// Takes the connection behind `handle` out.
    pub fn remove(&mut self, handle: u32) -> Option<Connection> {
        self.waiting.remove(&handle);
        self.table.remove(handle)
    }

    /// Every connection with its handle.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Connection)> {
        self.table.iter()
    }

    fn due_of(&self, handle: u32) -> Option<Nanos> {
        self.table.get(handle)?.due()
    }

    /// The earliest moment that a connection waits for.
    fn next(&self) -> Option<Nanos> {
        let waiting = self.waiting.iter();
        waiting.filter_map(|handle| self.due_of(*handle)).min()
    }

    /// Handles whose moment has come. Those that wait for none are not looked at again until they
    /// change.
    fn settle(&mut self, now: Nanos) -> Vec<u32> {
        let (table, mut due) = (&self.table, Vec::new());
        self.waiting.retain(|handle| {
            let at = table.get(*handle).and_then(Connection::due);
            if at.is_some_and(|at| at <= now) {
                due.push(*handle);
            }
            at.is_some()
        });
        due
    }
}

impl Connections {
    /// When there is something to do by time alone.
    pub(crate) fn next_timer(&self) -> Option<Nanos> {
        self.table.next()
    }

    /// Whether nothing is under way: no message, no wait, no end of a connection.
    fn is_calm(&self) -> bool {
        self.looped.is_empty() && self.draining.is_empty() && self.table.waiting.is_empty()
    }

    /// Whether there is something to do at once.
    pub(crate) fn is_busy(&self) -> bool {
        !self.looped.is_empty()
    }
}

impl Control<'_> {
    /// The connection manager's share of a run.
    pub(crate) fn run_connections(&mut self) {
        self.run_neighbours();
        self.run_farewells();
        // Nearly always.
        if self.plane.connections.is_calm() && !self.hardware.qps.has_notices() {
            return;
        }
        while let Some(notice) = self.hardware.qps.next_notice() {
            self.queue_pair_says(notice);
        }
        for _ in 0..LOOPED_A_RUN {
            let Some(looped) = self.plane.connections.looped.pop_front() else {
                break;
            };
            let origin = Origin {
                source: looped.source,
                destination: looped.destination,
                mac: None,
            };
            self.mad_received(&origin, &looped.mad);
        }
        self.poll_draining();
        let now = self.env.now();
        let due = self.plane.connections.table.settle(now);
        for handle in due {
            self.connection_due(handle, now);
        }
    }

    fn connection_due(&mut self, handle: u32, now: Nanos) {
        let Some(c) = self.plane.connections.table.get_mut(handle) else {
            return;
        };
        if c.mra_due.is_some_and(|due| due <= now) {
            // [CM-11] Again before the time that it asked for has passed.
            c.mra_due = Some(now.after(nanos(SERVICE_TIMEOUT) / 2));
            let message = match c.state {
                State::RepReceived => MraOf::Rep,
                _ => MraOf::Req,
            };
            let mad = c.mra(message);
            c.last = Some(mad);
            if !mutant("CM-11/quiet") {
                self.send_once(handle, &mad);
            }
            return;
        }
        let Some(outstanding) = c.outstanding.as_mut().filter(|o| o.due <= now) else {
            return;
        };
        if outstanding.tries_left > 0 {
            outstanding.tries_left -= 1;
            outstanding.due = now.after(outstanding.wait_ns);
            let mad = outstanding.mad;
            let counters = &mut self.hardware.resources.counters;
            counters.count(CounterId::CM_RETRIES);
            self.send_once(handle, &mad);
            return;
        }
        match c.state {
            State::ReqSent => {
                self.reject_peer(handle, RejOf::NoMessage, RejectReason::TIMEOUT, [0; 148]);
                self.fail(handle, Status::TIMED_OUT, Reason::NONE, &[]);
            }
            State::RepSent => {
                self.reject_peer(handle, RejOf::NoMessage, RejectReason::TIMEOUT, [0; 148]);
                self.fail(handle, Status::TIMED_OUT, Reason::NONE, &[]);
            }
            State::DreqSent => self.drain(handle),
            _ => c.outstanding = None,
        }
    }
}
