//! Letters: messages that nobody acknowledges, between queue pairs of type UD and UC, while the wire loses, doubles,
//! delays and damages frames.
//!
//! Each function has one queue pair of type UD, which writes to all others, and each link joins two of type UC. Every
//! letter is told from every other by its bytes, and is known here before it is posted. Checked: what arrives was sent,
//! to this queue pair, whole, with the right header and immediate data, once where the wire doubles nothing, in order where
//! it keeps order; every send completes with success whatever becomes of it; memory that a write named holds what was there
//! or what was written, packet by packet. On a wire that loses nothing each letter has arrived, or is counted where the
//! specification says that it is.

mod office;

use std::sync::Arc;

use rnic_abi::{CounterId, Mtu, QpType};
use rnic_core::fault::{Fault, FaultPlan};

use crate::coverage::Coverage;
use crate::guest::Guest;
use crate::plan::Plan;
use crate::platform::SimMachine;
use crate::random::Random;
use crate::sim::{Mode, Report};
use crate::trace::Trace;

use office::{Fate, Office};

/// Letters of an office.
const LETTERS: usize = 24;
/// Turns without progress before a run is called stuck.
const STUCK: u32 = 20_000;

/// A run.
pub struct Letters {
    machine: Arc<SimMachine>,
    guests: Vec<Guest>,
    offices: Vec<Office>,
    random: Random,
    trace: Trace,
    coverage: Coverage,
    mtu: Mtu,
    ipv6: bool,
    wire: Wire,
    progress: u64,
    /// Counters of all functions before the first letter.
    before: Vec<u64>,
}

/// What the wire may do to a frame.
#[derive(Clone, Copy, Debug)]
struct Wire {
    loses: bool,
    doubles: bool,
    disorders: bool,
}

/// What becomes of a letter that does not arrive, where nothing is lost on the way.
const DROPS: [CounterId; 6] = [
    CounterId::DROPPED_NO_RECEIVE,
    CounterId::DROPPED_TOO_LONG,
    CounterId::DROPPED_KEY,
    CounterId::DROPPED_NO_QP,
    CounterId::DROPPED_ACCESS,
    CounterId::DROPPED_UNREACHABLE,
];

/// Runs the letters of a seed.
#[must_use]
pub fn run(seed: u64, mode: Mode) -> Report {
    let plan = Plan::new(seed, mode.steps);
    let mut trace = Trace::new(mode.verbose);
    trace.note(
        0,
        format_args!("letters of seed {seed}, segments {}", mode.segments),
    );
    let (failure, trace, coverage) = match Letters::new(&plan, mode.segments, trace.clone()) {
        Err(why) => (Some(format!("set-up: {why}")), trace, Coverage::default()),
        Ok(mut letters) => {
            let failure = letters.go().err();
            (failure, letters.trace, letters.coverage)
        }
    };
    Report::of_part("letters", failure, &trace, coverage)
}

impl Letters {
    fn new(plan: &Plan, segments: bool, trace: Trace) -> Result<Self, String> {
        let machine = plan.machine(segments)?;
        // Devices do as they should: only the wire is bad here.
        let plan = Plan {
            device: Vec::new(),
            cqs: 1,
            ..plan.clone()
        };
        let mut random = Random::new(plan.seed, 5);
        let mut guests = Vec::new();
        for index in 0..plan.functions {
            guests.push(Guest::new(&machine, index, &plan)?);
        }
        let mut offices = Vec::new();
        for (index, guest) in guests.iter_mut().enumerate() {
            offices.push(Office::new(guest, index, QpType::UD)?);
        }
        for (one, other) in &plan.links {
            for guest in [*one, *other] {
                offices.push(Office::new(&mut guests[guest], guest, QpType::UC)?);
            }
        }
        let faults = if segments {
            Vec::new()
        } else {
            plan.wire.clone()
        };
        let does = |kinds: &[Fault]| faults.iter().any(|rule| kinds.contains(&rule.fault));
        let wire = Wire {
            loses: does(&[Fault::Drop, Fault::Corrupt]),
            doubles: does(&[Fault::Duplicate]),
            disorders: does(&[Fault::Reorder, Fault::Delay, Fault::Duplicate])
                || !segments && plan.jitter_ns > 0,
        };
        let mut letters = Self {
            before: vec![0; DROPS.len()],
            machine,
            guests,
            offices,
            trace,
            coverage: Coverage::default(),
            mtu: plan.mtu,
            ipv6: plan.ipv6,
            wire,
            progress: 0,
            random: random.clone(),
        };
        letters.open(&mut random)?;
        letters.random = random;
        letters.before = DROPS.map(|id| letters.counted(id)).to_vec();
        letters.machine.lock().fabric.options.faults = FaultPlan::new(plan.seed ^ 0x1E77, faults);
        Ok(letters)
    }

    /// The sum of a counter over all functions.
    fn counted(&self, id: CounterId) -> u64 {
        let world = self.machine.lock();
        let counters =
            |node: &crate::platform::Node| node.device.hardware().resources.counters.get(id);
        world.nodes.iter().map(counters).sum()
    }

    fn note(&mut self, event: std::fmt::Arguments<'_>) {
        let now = self.machine.lock().clock.get();
        self.trace.note(now, event);
    }

    /// The other end of a connection.
    fn peer_of(&self, number: usize) -> usize {
        let datagrams = self.guests.len();
        datagrams + ((number - datagrams) ^ 1)
    }

    fn go(&mut self) -> Result<(), String> {
        let (mut still, mut before) = (0, self.progress);
        while !self.offices.iter().all(Office::is_done) {
            self.turn()?;
            if self.progress != before {
                (before, still) = (self.progress, 0);
                continue;
            }
            still += 1;
            if still > 100 {
                // When nothing moves, let timers expire.
                self.machine.lock().step(20_000_000);
            }
            if still > STUCK {
                return Err(format!("nothing moves any more: {:?}", self.offices));
            }
        }
        self.finish()
    }

    /// One random thing.
    fn turn(&mut self) -> Result<(), String> {
        let number = self.random.index(self.offices.len());
        match self.random.below(10) {
            0..=2 => self.write(number),
            3..=5 => self.feed(number),
            6 | 7 => {
                let guest = self.random.index(self.guests.len());
                self.poll(guest)
            }
            _ => {
                let most = self.random.between(1, 50_000);
                self.machine.lock().step(most);
                Ok(())
            }
        }
    }

    /// Takes completions of a function.
    fn poll(&mut self, guest: usize) -> Result<(), String> {
        loop {
            let g = &mut self.guests[guest];
            let Some(wc) = g.cqs[0].poll(&g.nic).map_err(|error| error.to_string())? else {
                return Ok(());
            };
            g.cqs[0].publish(&g.nic);
            self.progress += 1;
            self.note(format_args!("function {guest}: {wc:?}"));
            let number = self
                .offices
                .iter()
                .position(|office| office.guest == guest && office.qpn() == wc.qpn)
                .ok_or("a completion of a queue pair that there is not")?;
            if !wc.is_ok() {
                return Err(format!("office {number}: {} {}", wc.status, wc.error));
            }
            let done = if wc.is_receive() {
                self.arrived(number, &wc)
            } else {
                self.offices[number].left(&wc)
            };
            done.map_err(|why| format!("office {number}: {why}; completion {wc:?}"))?;
        }
    }

    /// The end: what is under way arrives, and everything is accounted for.
    fn finish(&mut self) -> Result<(), String> {
        self.machine.lock().fabric.options.faults = FaultPlan::default();
        for _ in 0..50 {
            self.machine.lock().step(1_000_000);
            for guest in 0..self.guests.len() {
                self.poll(guest)?;
            }
        }
        let stats = self.machine.lock().fabric.stats;
        self.coverage.add("letter frames dropped", stats.dropped);
        self.account()?;
        for number in 0..self.offices.len() {
            self.check_writes(number)
                .map_err(|why| format!("office {number}: {why}"))?;
        }
        for office in &mut self.offices {
            office.close(&mut self.guests[office.guest])?;
        }
        Ok(())
    }

    /// Each letter has arrived, or is counted. [UD-8] [UD-10] [UC-5] [UC-6]
    fn account(&mut self) -> Result<(), String> {
        let all = || self.offices.iter().flat_map(|office| &office.letters);
        let sent = |fate: Fate| all().filter(|l| l.fate == fate).count() as u64;
        let arrived = all().filter(|l| l.arrived > 0).count() as u64;
        let receives = all().filter(|l| l.fate == Fate::Receive).count() as u64;
        let drops: Vec<u64> = DROPS
            .iter()
            .zip(&self.before)
            .map(|(id, before)| self.counted(*id) - before)
            .collect();
        let abandoned = self.counted(CounterId::MESSAGES_ABANDONED);
        let fates = [
            sent(Fate::WrongKey),
            sent(Fate::NoQueuePair),
            sent(Fate::NoAccess),
            sent(Fate::Silent),
        ];
        for (id, count) in DROPS.iter().zip(&drops) {
            let name = id.name().unwrap_or("unknown");
            self.coverage.add(&format!("letter {name}"), *count);
        }
        self.coverage.add("letter MESSAGES_ABANDONED", abandoned);
        self.coverage.add("letter arrived", arrived);
        let [none, long, key, no_qp, access, unreachable] = drops[..] else {
            return Err("other counters".to_owned());
        };
        if self.wire.loses || self.wire.doubles || self.wire.disorders {
            return Ok(());
        }
        let text = format!(
            "{receives} letters for a receive, {arrived} arrived, {none} found none, {long} were too long; {fates:?} \
             with a wrong key, for nobody, without access, silent; {key} {no_qp} {access} are counted; {unreachable} \
             unreachable, {abandoned} abandoned"
        );
        let [wrong_key, nobody, no_access, _] = fates;
        let holds = receives == arrived + none + long
            && (key, no_qp, access) == (wrong_key, nobody, no_access)
            && (unreachable, abandoned) == (0, 0);
        holds.then_some(()).ok_or(text)
    }
}
