//! A wire to another process or to the kernel: a port of the fabric joined to a link, with a line
//! of a rate and a delay between them where one is modelled.
//!
//! Whatever has no room ahead waits where it is: a frame from outside in the link, one to outside
//! here and then in the port's queue, and in the end with whoever sends it.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use rnic_net::fabric::{self, FabricPort};
use rnic_net::port::{BATCH, Frames, Link};
use rnic_net::shape::{Line, Shape};

use super::report::PortReport;

/// Complaints of a wire, not more often than this.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// A worker that does not sleep tries a full link again after this; being told takes longer, because
/// sockets are looked at now and then only.
const TRY_AGAIN: Duration = Duration::from_micros(2);

/// A port of the fabric and the link behind it.
pub struct Wire {
    number: u32,
    kind: &'static str,
    link: Box<dyn Link>,
    port: FabricPort,
    /// Frames to outside that the link has yet to take.
    outward: Frames,
    /// When the host had no room for them, if it has not told of any since.
    blocked: Option<Instant>,
    line: Option<Line>,
    start: Instant,
    complained: Option<Instant>,
}

impl Wire {
    /// Joins the two.
    #[must_use]
    pub fn new(
        number: u32,
        kind: &'static str,
        link: Box<dyn Link>,
        port: FabricPort,
        shape: Shape,
    ) -> Self {
        Self {
            number,
            kind,
            link,
            port,
            outward: Frames::new(),
            blocked: None,
            line: (!shape.is_plain()).then(|| Line::new(shape)),
            start: Instant::now(),
            complained: None,
        }
    }

    /// Readable when something has happened outside.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.link.fd()
    }

    /// Something has happened outside.
    pub const fn poked(&mut self) {
        self.blocked = None;
    }

    /// Moves frames both ways; whether any moved.
    pub fn turn(&mut self, now: Instant) -> bool {
        self.take_in() | self.send_out(now)
    }

    fn take_in(&mut self) -> bool {
        let port = &self.port;
        let mut take = |frame: &[u8]| port.send(frame) == fabric::Sent::Ok;
        match self.link.receive(&mut take) {
            Ok(any) => any,
            Err(error) => {
                self.complain(&error);
                false
            }
        }
    }

    fn send_out(&mut self, now: Instant) -> bool {
        let since = self.since(now);
        if let Some(line) = &mut self.line {
            while !line.is_full(since)
                && let Some(frame) = self.port.receive()
            {
                line.push(since, frame);
            }
            while self.outward.len() < BATCH
                && let Some(frame) = line.pop(since)
            {
                self.outward.push_back(frame);
            }
        } else if self.outward.len() < BATCH {
            self.port.receive_many(&mut self.outward, BATCH);
        }
        if self.outward.is_empty() {
            return false;
        }
        // While it is awake it need not wait to be told.
        if self
            .blocked
            .is_some_and(|at| now.saturating_duration_since(at) < TRY_AGAIN)
        {
            return false;
        }
        let before = self.outward.len();
        if let Err(error) = self.link.send(&mut self.outward) {
            self.complain(&error);
        }
        // A batch is what the link takes at most, so what is left found no room.
        self.blocked = (!self.outward.is_empty()).then_some(now);
        self.outward.len() < before
    }

    fn since(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn complain(&mut self, error: &std::io::Error) {
        let now = Instant::now();
        if self.complained.is_none_or(|last| now - last > COMPLAINTS) {
            self.complained = Some(now);
            log::warn!("port {} ({}) loses frames: {error}", self.number, self.kind);
        }
    }

    /// Whether there are frames that a turn could move.
    #[must_use]
    pub fn has_work(&self, now: Instant) -> bool {
        let outward = match &self.line {
            Some(line) => {
                let since = self.since(now);
                line.next_at().is_some_and(|at| at <= since)
                    || (self.port.has_frames() && !line.is_full(since))
            }
            None => self.port.has_frames(),
        };
        self.link.holds_frames() || (outward && self.blocked.is_none())
    }

    /// When to look again although nothing tells.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let of_line = self
            .line
            .as_ref()
            .filter(|_| self.blocked.is_none())
            .and_then(|line| {
                let since = self.since(Instant::now());
                let waiting = self.port.has_frames();
                let room = line.has_room_at(since).filter(|_| waiting);
                let at = line.next_at().into_iter().chain(room).min()?;
                self.start.checked_add(Duration::from_nanos(at))
            });
        of_line.into_iter().chain(self.link.retry_at()).min()
    }

    /// What is shown of it.
    #[must_use]
    pub fn report(&self) -> PortReport {
        let counters = self.link.counters();
        PortReport {
            port: self.number,
            kind: self.kind,
            sent: counters.sent,
            received: counters.received,
            lost: counters.lost,
            full: counters.full,
            calls: counters.calls,
            waiting: self.outward.len(),
        }
    }
}
