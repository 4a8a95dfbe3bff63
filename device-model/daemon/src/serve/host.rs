//! What a device needs from its host, as the daemon has it: [`Host`] is one device's [`Env`].

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use rnic_core::dma::SharedMemory;
use rnic_core::env::{Delivered, Env, Nanos, NeighbourId, PortInfo, Sent};
use rnic_core::fault::{Fault, FaultPlan, Site};
use rnic_core::segment::Segment;
use rnic_net::fabric::{self, FabricPort};
use rnic_net::faults::{corrupt, flow_of, mark_congestion};
use rnic_wire::{Gid, MacAddr};

use super::neighbours::Neighbours;

/// Where a client wants to hear of interrupts.
#[derive(Debug)]
pub struct Vectors {
    events: Vec<Option<File>>,
    /// Messages that software lets the function send; not zero.
    messages: usize,
}

impl Vectors {
    /// `count` vectors that nobody listens to.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let mut events = Vec::new();
        events.resize_with(count, || None);
        Self {
            events,
            messages: count.max(1),
        }
    }

    /// Messages that software lets the function send. Vectors share them when they are fewer
    /// `[INT-6]`.
    pub fn set_messages(&mut self, count: u16) {
        self.messages = usize::from(count.max(1));
    }

    /// Whether somebody hears of this vector.
    #[must_use]
    pub fn is_connected(&self, vector: u16) -> bool {
        matches!(self.event(vector.into()), Some(Some(_)))
    }

    fn event(&self, vector: usize) -> Option<&Option<File>> {
        self.events.get(vector.checked_rem(self.messages)?)
    }

    /// Connects a vector, or disconnects it.
    ///
    /// # Errors
    /// If the descriptor is no eventfd: writing to anything else could hold the worker.
    pub fn connect(&mut self, vector: usize, event: Option<OwnedFd>) -> io::Result<()> {
        if let Some(event) = &event {
            check_eventfd(event)?;
        }
        if let Some(entry) = self.events.get_mut(vector) {
            *entry = event.map(File::from);
        }
        Ok(())
    }

    /// Signals a vector.
    pub fn signal(&self, vector: usize) {
        if let Some(Some(event)) = self.event(vector)
            && let Err(error) = (&*event).write(&1u64.to_ne_bytes())
            // The count is at its maximum: the client has yet to take the last one.
            && error.kind() != io::ErrorKind::WouldBlock
        {
            log::warn!("interrupt {vector} cannot be signalled: {error}");
        }
    }
}

fn check_eventfd(event: &OwnedFd) -> io::Result<()> {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", event.as_raw_fd()))?;
    if link.as_os_str() == "anon_inode:[eventfd]" {
        return Ok(());
    }
    let what = format!("interrupts go to eventfds, and {} is none", link.display());
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Frames that a fault plan holds back at most; more are lost.
const MAX_LATE: usize = 1024;

/// The host's side of one device.
pub struct Host {
    /// The device's number.
    pub id: NeighbourId,
    /// Doorbell memory.
    pub doorbells: SharedMemory,
    /// A client can store to it.
    pub mapped: bool,
    /// Interrupts.
    pub vectors: Vectors,
    /// The port's description. Whether it is up is the fabric's to say.
    pub port: PortInfo,
    /// The port.
    pub fabric: FabricPort,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// Frames that come late: at that moment, or after the next one.
    pub late: Vec<(Option<Nanos>, Site, Vec<u8>)>,
    /// Frames that the fault plan has seen and the port had no room for.
    pub owed: VecDeque<Vec<u8>>,
    /// The port had no room for a frame since this was last looked at.
    pub found_full: bool,
    /// The other devices.
    pub neighbours: Arc<Neighbours>,
    /// The start of the clock.
    pub start: Instant,
    /// The clock, as it was last read: once for a turn, because reading it costs as much as a
    /// small transfer.
    pub clock: Nanos,
}

impl Host {
    /// Sets the clock to a moment that has come.
    pub fn tick(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.start).as_nanos();
        let clock = Nanos(u64::try_from(since).unwrap_or(u64::MAX));
        self.clock = self.clock.max(clock);
    }

    /// The byte offset of a doorbell word. Past the end there is no memory, and the accesses
    /// below do nothing.
    const fn word(word: u32) -> u64 {
        word as u64 * 8
    }

    /// What the fault plan makes of a frame: the frames that go on now, in their order. None when
    /// the frame goes on as it is, and nothing with it.
    pub fn damage(&mut self, site: Site, frame: &[u8]) -> Option<Vec<Vec<u8>>> {
        let found = self.faults.consult_flow(site, flow_of(frame));
        if found.is_none() && self.late.is_empty() {
            return None;
        }
        Some(self.damaged(site, frame.to_vec(), found))
    }

    fn damaged(
        &mut self,
        site: Site,
        mut frame: Vec<u8>,
        found: Option<(Fault, u64)>,
    ) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let Some((fault, delay_ns)) = found else {
            out.push(frame);
            out.extend(self.take_late(site));
            return out;
        };
        match fault {
            Fault::Fail => out.push(frame),
            Fault::Drop => {}
            Fault::Duplicate => out.extend([frame.clone(), frame]),
            Fault::Corrupt => {
                // A bit in the middle.
                let bit = frame.len() as u64 * 4;
                corrupt(&mut frame, bit);
                out.push(frame);
            }
            Fault::Reorder => {
                out.extend(self.take_late(site));
                self.late.push((None, site, frame));
                return out;
            }
            Fault::Mark => {
                mark_congestion(&mut frame);
                out.push(frame);
            }
            Fault::Delay => {
                let due = self.now().after(delay_ns);
                if self.late.len() < MAX_LATE {
                    self.late.push((Some(due), site, frame));
                }
            }
        }
        out.extend(self.take_late(site));
        out
    }

    /// Frames that the one just seen overtook, and those whose delay is over.
    pub fn take_late(&mut self, site: Site) -> Vec<Vec<u8>> {
        if self.late.is_empty() {
            return Vec::new();
        }
        self.take_late_if(site, true)
    }

    /// Frames whose delay is over.
    pub fn take_delayed(&mut self, site: Site) -> Vec<Vec<u8>> {
        if self.late.is_empty() {
            return Vec::new();
        }
        self.take_late_if(site, false)
    }

    fn take_late_if(&mut self, site: Site, overtaken: bool) -> Vec<Vec<u8>> {
        let now = self.now();
        let goes = |late: &mut (Option<Nanos>, Site, Vec<u8>)| {
            late.1 == site && late.0.map_or(overtaken, |due| due <= now)
        };
        self.late
            .extract_if(.., goes)
            .map(|(_, _, frame)| frame)
            .collect()
    }

    /// When the next frame's delay is over.
    pub fn next_delayed(&self) -> Option<Nanos> {
        self.late.iter().filter_map(|(due, ..)| *due).min()
    }

    /// Sends the frames whose delay is over.
    pub fn send_delayed(&mut self) {
        let delayed = self.take_delayed(Site::FrameOut);
        self.owed.extend(delayed);
        self.pay();
    }

    /// Sends what is owed, as far as there is room; whether that was all.
    fn pay(&mut self) -> bool {
        while let Some(frame) = self.owed.front() {
            if self.fabric.send(frame) == fabric::Sent::Full {
                self.found_full = true;
                return false;
            }
            self.owed.pop_front();
        }
        true
    }
}

impl Env for Host {
    fn now(&self) -> Nanos {
        self.clock
    }

    fn doorbell(&self, word: u32) -> u64 {
        let loaded = self.doorbells.load_acquire_u64(Self::word(word));
        loaded.unwrap_or(0)
    }

    fn next_rung(&self, first: u32, end: u32) -> u32 {
        let count = usize::try_from(end.saturating_sub(first)).unwrap_or(0);
        let found = self.doorbells.find_set_u64(Self::word(first), count);
        let found = found.ok().and_then(|found| u32::try_from(found).ok());
        found.map_or(end, |found| first.saturating_add(found).min(end))
    }

    fn set_doorbell(&mut self, word: u32, value: u64) {
        let _ = self.doorbells.store_release_u64(Self::word(word), value);
    }

    fn take_summary(&mut self, word: u32) -> u64 {
        // Mostly zero: a load leaves the cache line shared, a swap would take it from the driver.
        if self.doorbell(word) == 0 {
            return 0;
        }
        self.doorbells.swap_u64(Self::word(word), 0).unwrap_or(0)
    }

    fn doorbells_mapped(&self) -> bool {
        self.mapped
    }

    fn transmit(&mut self, frame: &[u8]) -> Sent {
        if self.faults.is_empty() {
            return match self.fabric.send(frame) {
                fabric::Sent::Ok => Sent::Ok,
                fabric::Sent::Full => {
                    self.found_full = true;
                    Sent::Full
                }
            };
        }
        if !self.pay() {
            return Sent::Full;
        }
        // The plan was asked about this frame and must not be again: what finds no room is owed.
        match self.damage(Site::FrameOut, frame) {
            Some(frames) => self.owed.extend(frames),
            None => self.owed.push_back(frame.to_vec()),
        }
        self.pay();
        Sent::Ok
    }

    fn neighbour(&self, ip: Gid) -> Option<NeighbourId> {
        self.neighbours.at(ip)
    }

    fn deliver(&mut self, to: NeighbourId, segment: Box<Segment>) -> Delivered {
        self.neighbours.deliver(self.id, to, segment)
    }

    fn records(&self) -> bool {
        self.fabric.is_recorded()
    }

    fn record(&mut self, frame: &[u8]) {
        self.fabric.record(frame);
    }

    fn neighbour_mac(&self, id: NeighbourId) -> Option<MacAddr> {
        self.neighbours.mac(id)
    }

    fn raise(&mut self, vector: u16) {
        self.vectors.signal(usize::from(vector));
    }

    fn fault(&mut self, site: Site) -> Option<Fault> {
        match site {
            // Done at the port, for all frames alike.
            Site::FrameIn | Site::FrameOut => None,
            Site::Dma | Site::Command | Site::Completion | Site::Interrupt => {
                self.faults.consult(site)
            }
        }
    }

    fn port(&self) -> PortInfo {
        PortInfo {
            up: self.fabric.is_up(),
            ..self.port
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rnic_core::fault::Rule;
    use rnic_net::fabric::Fabric;

    use crate::serve::neighbours::{PortWaker, Waker};

    #[test]
    fn only_eventfds_hear_of_interrupts() {
        let mut vectors = Vectors::new(32);
        let file = File::open("/dev/null").unwrap();
        let error = vectors.connect(0, Some(file.into())).unwrap_err();
        assert!(error.to_string().contains("/dev/null"), "{error}");
        vectors.signal(3);
        vectors.signal(1000);
        Vectors::new(0).signal(0);
    }

    fn host(rules: Vec<Rule>) -> Host {
        host_and_peer(rules).0
    }

    /// A host, and another port of its fabric.
    fn host_and_peer(rules: Vec<Rule>) -> (Host, FabricPort) {
        let waker = Arc::new(Waker::new().unwrap());
        let port = || Box::new(PortWaker(Arc::clone(&waker))) as _;
        let mut ports = Fabric::build(vec![port(), port()], Arc::default()).unwrap();
        let peer = ports.remove(1);
        let host = Host {
            id: NeighbourId(0),
            doorbells: SharedMemory::new(4096).unwrap(),
            mapped: true,
            vectors: Vectors::new(1),
            port: PortInfo {
                up: true,
                mtu: 1500,
                speed_mbps: 1,
            },
            fabric: ports.remove(0),
            faults: FaultPlan::new(1, rules),
            late: Vec::new(),
            owed: VecDeque::new(),
            found_full: false,
            neighbours: Arc::new(Neighbours::new(vec![(waker, MacAddr::ZERO)], true)),
            start: Instant::now(),
            clock: Nanos::ZERO,
        };
        (host, peer)
    }

    // A plan for frames on their way out lost those that found a full port.
    #[test]
    fn a_full_port_holds_frames_back_under_a_fault_plan_too() {
        let twice = Rule {
            site: Site::FrameOut,
            fault: Fault::Duplicate,
            after: 0,
            every: 0,
            times: None,
            per_million: None,
            per_flow: false,
            delay_ns: 0,
        };
        let (mut host, peer) = host_and_peer(vec![twice]);
        let numbered = |n: u16| {
            let [high, low] = n.to_be_bytes();
            [
                &[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, high, low][..],
                &[0; 46],
            ]
            .concat()
        };
        // The peer shows where it is, so that frames are not flooded.
        let mut hello = numbered(0);
        hello[..12].rotate_left(6);
        peer.send(&hello);
        let mut taken = 0;
        while host.transmit(&numbered(taken)) == Sent::Ok {
            taken += 1;
        }
        assert!(std::mem::take(&mut host.found_full) && !peer.has_room());
        let mut came = Vec::new();
        while came.len() < 2 * usize::from(taken) + 2 {
            match peer.receive() {
                Some(frame) => came.push(frame.to_vec()),
                None if host.fabric.take_room() => host.send_delayed(),
                None => assert_eq!(host.transmit(&numbered(taken)), Sent::Ok),
            }
        }
        for (n, frame) in came.iter().enumerate() {
            assert_eq!(*frame, numbered(u16::try_from(n / 2).unwrap()), "{n}");
        }
    }

    #[test]
    fn the_clock_is_as_of_the_last_tick_and_never_runs_backwards() {
        let mut host = host(vec![]);
        let start = host.start;
        host.tick(start + std::time::Duration::from_nanos(500));
        assert_eq!(host.now(), Nanos(500));
        host.tick(start);
        assert_eq!(host.now(), Nanos(500));
    }

    #[test]
    fn faults_of_frames() {
        let once = |fault| Rule {
            site: Site::FrameIn,
            fault,
            after: 0,
            every: 0,
            times: Some(1),
            per_million: None,
            per_flow: false,
            delay_ns: 0,
        };
        for (fault, first, second) in [
            (Fault::Drop, vec![], vec![vec![2; 4]]),
            (Fault::Duplicate, vec![vec![1; 4]; 2], vec![vec![2; 4]]),
            (Fault::Reorder, vec![], vec![vec![2; 4], vec![1; 4]]),
        ] {
            let mut host = host(vec![once(fault)]);
            assert_eq!(host.damage(Site::FrameOut, &[9; 4]), None);
            let mut in_order = |frame: [u8; 4]| {
                let damaged = host.damage(Site::FrameIn, &frame);
                damaged.unwrap_or_else(|| vec![frame.to_vec()])
            };
            assert_eq!(in_order([1; 4]), first, "{fault:?}");
            assert_eq!(in_order([2; 4]), second, "{fault:?}");
        }
    }

    #[test]
    fn a_delayed_frame_comes_at_its_time() {
        let delay = Rule {
            delay_ns: 5_000_000,
            times: Some(1),
            site: Site::FrameIn,
            fault: Fault::Delay,
            after: 0,
            every: 0,
            per_million: None,
            per_flow: false,
        };
        let mut host = host(vec![delay]);
        let before = host.now();
        assert_eq!(host.damage(Site::FrameIn, &[1; 4]), Some(vec![]));
        let due = host.next_delayed().unwrap();
        assert!(due >= before.after(5_000_000));
        assert!(host.take_delayed(Site::FrameOut).is_empty());
        while host.now() < due {
            std::thread::yield_now();
            host.tick(Instant::now());
        }
        assert_eq!(host.take_delayed(Site::FrameIn), [vec![1; 4]]);
        assert_eq!(host.next_delayed(), None);
    }

    #[test]
    fn doorbell_words_past_the_end_are_nothing() {
        let mut host = host(vec![]);
        host.set_doorbell(511, 7);
        assert_eq!(host.doorbell(511), 7);
        assert_eq!(host.take_summary(511), 7);
        assert_eq!(host.take_summary(511), 0);
        for word in [512, u32::MAX] {
            host.set_doorbell(word, 7);
            assert_eq!((host.doorbell(word), host.take_summary(word)), (0, 0));
        }
        assert_eq!(host.next_rung(0, 512), 512);
        host.set_doorbell(511, 7);
        assert_eq!((host.next_rung(3, 512), host.next_rung(3, 511)), (511, 511));
        assert_eq!(host.next_rung(3, u32::MAX), u32::MAX);
    }
}
