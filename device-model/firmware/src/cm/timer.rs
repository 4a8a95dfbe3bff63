//! What time does: messages are sent again, peers are told to wait, and hope is given up.

use rnic_abi::{CounterId, RejectReason as Reason, Status};
use rnic_core::env::Nanos;
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

impl Connections {
    /// When there is something to do by time alone.
    pub(crate) fn next_timer(&self) -> Option<Nanos> {
        self.table.iter().filter_map(|(_, c)| c.due()).min()
    }

    /// Whether there is something to do at once.
    pub(crate) fn is_busy(&self) -> bool {
        !self.looped.is_empty()
    }
}

impl Control<'_> {
    /// The connection manager's share of a run.
    pub(crate) fn run_connections(&mut self) {
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
        self.run_neighbours();
        self.run_farewells();
        let now = self.env.now();
        let due: Vec<u32> = self
            .plane
            .connections
            .table
            .iter()
            .filter(|(_, c)| c.due().is_some_and(|due| due <= now))
            .map(|(handle, _)| handle)
            .collect();
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
