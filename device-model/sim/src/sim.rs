//! A run of one seed: the state, the loop, and how it ends.

use std::sync::Arc;

use rnic_abi::{ArmType, CompletionStatus, ProviderError};
use rnic_core::fault::FaultPlan;

use crate::coverage::Coverage;
use crate::end::End;
use crate::guest::Guest;
use crate::plan::Plan;
use crate::platform::SimMachine;
use crate::random::Random;
use crate::trace::Trace;

/// Turns of the loop without progress before it is called stuck.
const STUCK: u32 = 40_000;

/// How a link is.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Errors are to be expected.
    pub tolerant: bool,
    /// An error was seen.
    pub broken: bool,
    /// Errors seen: end, receive, status, syndrome.
    pub errors: Vec<(usize, bool, CompletionStatus, ProviderError)>,
}

/// A run.
pub struct Sim {
    /// What it does.
    pub plan: Plan,
    /// The machine.
    pub machine: Arc<SimMachine>,
    /// Drivers.
    pub guests: Vec<Guest>,
    /// Ends: two for each link.
    pub ends: Vec<End>,
    /// Links.
    pub links: Vec<Link>,
    /// Order of events.
    pub random: Random,
    /// What happened.
    pub trace: Trace,
    /// How often.
    pub coverage: Coverage,
    /// Counts everything that brings the end nearer.
    pub progress: u64,
    /// The wire may lose an answer, so that an error looks like a peer that is gone.
    pub lossy: bool,
    /// Functions that lost a completion queue.
    pub lost_cqs: Vec<usize>,
    /// Receives are given in plenty now.
    pub generous: bool,
}

/// How to run a seed.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// By segments; else by frames.
    pub segments: bool,
    /// Steps of each program, about.
    pub steps: usize,
    /// Print events.
    pub verbose: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What went wrong, if anything.
    pub failure: Option<String>,
    /// The last events.
    pub trace: Vec<String>,
    /// Digest of all events.
    pub digest: u64,
    /// How often things happened.
    pub coverage: Coverage,
    /// Statuses of the plan's requests, by end: the same for segments and frames, without chaos.
    pub outcomes: Vec<Vec<(u8, u16)>>,
    /// Whether outcomes depend on time.
    pub chaos: bool,
}

impl Report {
    /// Of a part of a run that has no operations whose outcomes are compared.
    pub(crate) fn of_part(
        name: &str,
        failure: Option<String>,
        trace: &Trace,
        coverage: Coverage,
    ) -> Self {
        Self {
            failure: failure.map(|why| format!("{name}: {why}")),
            trace: trace.last().map(str::to_owned).collect(),
            digest: trace.digest(),
            coverage,
            outcomes: Vec::new(),
            chaos: true,
        }
    }
}

/// Runs a seed.
#[must_use]
pub fn run(seed: u64, mode: Mode) -> Report {
    let plan = Plan::new(seed, mode.steps);
    let chaos = plan.chaos;
    let mut trace = Trace::new(mode.verbose);
    trace.note(
        0,
        format_args!("seed {seed}, segments {}: {plan:?}", mode.segments),
    );
    let sim = Sim::new(plan, mode.segments, trace.clone());
    let mut sim = match sim {
        Ok(sim) => sim,
        Err(failure) => {
            return Report {
                failure: Some(format!("set-up: {failure}")),
                trace: trace.last().map(str::to_owned).collect(),
                digest: trace.digest(),
                coverage: Coverage::default(),
                outcomes: Vec::new(),
                chaos,
            };
        }
    };
    let failure = sim.go().err();
    sim.count_faults();
    let outcome = |end: &End| {
        end.outcomes
            .iter()
            .map(|(op, status)| (op.0, *status))
            .collect()
    };
    Report {
        failure,
        trace: sim.trace.last().map(str::to_owned).collect(),
        digest: sim.trace.digest(),
        outcomes: sim.ends.iter().map(outcome).collect(),
        coverage: sim.coverage,
        chaos,
    }
}

impl Sim {
    fn new(plan: Plan, segments: bool, trace: Trace) -> Result<Self, String> {
        let machine = plan.machine(segments)?;
        let mut guests = Vec::new();
        for index in 0..plan.functions {
            guests.push(Guest::new(&machine, index, &plan)?);
        }
        let mut sim = Self {
            random: Random::new(plan.seed, 1),
            links: vec![Link::default(); plan.links.len()],
            ends: Vec::new(),
            guests,
            machine,
            trace,
            coverage: Coverage::default(),
            progress: 0,
            lossy: !segments && !plan.wire.is_empty(),
            lost_cqs: Vec::new(),
            generous: false,
            plan,
        };
        // Its own stream: what is chosen here does not depend on the way that data take.
        let mut random = Random::new(sim.plan.seed, 2);
        for (link, (one, other)) in sim.plan.links.clone().into_iter().enumerate() {
            for (side, guest) in [one, other].into_iter().enumerate() {
                let guest = &mut sim.guests[guest];
                let end = End::new(guest, &sim.plan, link * 2 + side, &mut random)?;
                sim.ends.push(end);
            }
        }
        for link in 0..sim.links.len() {
            sim.connect(link)?;
        }
        sim.set_faults(true);
        Ok(sim)
    }

    /// Puts the plan's faults in force, or none.
    pub fn set_faults(&mut self, on: bool) {
        let mut world = self.machine.lock();
        let seed = self.plan.seed;
        let rules = |rules: &Vec<_>, salt| {
            FaultPlan::new(seed ^ salt, if on { rules.clone() } else { Vec::new() })
        };
        world.fabric.options.faults = rules(&self.plan.wire, 1);
        for (index, node) in world.nodes.iter_mut().enumerate() {
            node.host.faults = rules(&self.plan.device, 2 + index as u64);
        }
    }

    /// Now, in virtual nanoseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.machine.lock().clock.get()
    }

    /// Notes an event.
    pub fn note(&mut self, event: std::fmt::Arguments<'_>) {
        let now = self.machine.lock().clock.get();
        self.trace.note(now, event);
    }

    fn go(&mut self) -> Result<(), String> {
        let mut still = 0;
        let mut before = self.progress;
        while !self.is_done() {
            self.turn()?;
            if self.progress != before {
                before = self.progress;
                still = 0;
                continue;
            }
            still += 1;
            // When nothing moves, let timers expire.
            if still > 300 {
                self.generous = true;
                self.machine.lock().step(1_000_000);
            }
            if still > STUCK {
                return Err(self.stuck());
            }
        }
        self.finish()
    }

    fn is_done(&self) -> bool {
        let idle = |end: &End| {
            end.program.is_empty()
                && end.borrowing.is_none()
                && end.requests.is_empty()
                && end.coming.is_empty()
        };
        self.ends.iter().all(idle) && self.links.iter().all(|link| !link.broken)
    }

    fn stuck(&self) -> String {
        let mut text = String::from("nothing moves any more:");
        for (number, end) in self.ends.iter().enumerate() {
            text += &format!(
                "\n  end {number} (function {}, qp {:#x}): {} requests {:?}, {} receives, {} \
                 messages coming, borrowing {:?}, met {}, next {:?}",
                end.guest,
                end.qpn(),
                end.requests.len(),
                end.requests.front().map(|r| (r.index, r.opcode)),
                end.receives.len(),
                end.coming.len(),
                end.borrowing.as_ref().map(|b| b.phase),
                end.met,
                end.program.front(),
            );
        }
        text
    }

    /// One random thing.
    fn turn(&mut self) -> Result<(), String> {
        match self.random.below(100) {
            0..=39 => {
                let end = self.random.index(self.ends.len());
                self.advance(end)
            }
            40..=54 => {
                let end = self.random.index(self.ends.len());
                let most = if self.generous { 8 } else { 3 };
                let count = self.random.between(1, most);
                self.feed(end, count)
            }
            55..=77 => {
                self.shake();
                Ok(())
            }
            78..=93 => {
                let guest = self.random.index(self.guests.len());
                let cq = self.random.index(self.plan.cqs);
                let most = self.random.between(1, 24);
                self.poll(guest, cq, most)?;
                self.mend_broken()
            }
            94..=95 => {
                let guest = self.random.index(self.guests.len());
                self.look(guest)
            }
            96 if self.plan.chaos && self.random.percent(15) => self.chaos(),
            _ => {
                let most = self.random.between(1, 100_000);
                self.machine.lock().step(most);
                Ok(())
            }
        }
    }

    /// Lets one device do a little, or something arrive.
    fn shake(&mut self) {
        let node = self.random.index(self.guests.len());
        let runs = self.random.between(1, 4);
        let mut world = self.machine.lock();
        world.clock = world.clock.after(500);
        for _ in 0..runs {
            world.run(node);
        }
        world.hand_over();
    }

    /// Arms queues, takes events.
    fn look(&mut self, guest: usize) -> Result<(), String> {
        let cq = self.random.index(self.plan.cqs);
        let kind = self
            .random
            .pick(&[ArmType::ANY, ArmType::SOLICITED, ArmType::ERRORS]);
        let g = &mut self.guests[guest];
        g.cqs[cq].arm(&g.nic, kind);
        self.coverage.hit("control arm");
        self.take_events(guest)
    }

    /// Polls every queue until nothing comes any more.
    ///
    /// # Errors
    /// A checker's.
    pub fn poll_all(&mut self) -> Result<(), String> {
        for guest in 0..self.guests.len() {
            for cq in 0..self.plan.cqs {
                self.poll(guest, cq, u64::MAX)?;
            }
            self.take_events(guest)?;
        }
        Ok(())
    }

    /// The end: no faults any more, everything compared, everything destroyed.
    fn finish(&mut self) -> Result<(), String> {
        self.set_faults(false);
        for _ in 0..50 {
            self.machine.lock().step(1_000_000);
            self.poll_all()?;
        }
        for number in 0..self.ends.len() {
            let compared = self.ends[number].arena.compare();
            compared.map_err(|text| format!("memory of end {number}: {text}"))?;
        }
        for guest in 0..self.guests.len() {
            if let Some(shared) = &mut self.guests[guest].shared {
                let compared = shared.arena.compare();
                compared.map_err(|text| format!("shared receives of function {guest}: {text}"))?;
            }
            self.check_signal(guest)?;
        }
        self.tear_down()
    }

    fn count_faults(&mut self) {
        let world = self.machine.lock();
        let stats = world.fabric.stats;
        for (name, count) in [
            ("frames", stats.frames),
            ("segments", stats.segments),
            ("frame dropped", stats.dropped),
            ("frame duplicated", stats.duplicated),
            ("frame corrupted", stats.corrupted),
            ("frame reordered", stats.reordered),
            ("frame marked", stats.marked),
            ("frame delayed", stats.delayed),
            ("segment inbox full", stats.inbox_full),
            ("port full", stats.port_full),
        ] {
            self.coverage.add(name, count);
        }
        for node in &world.nodes {
            for (site, count) in &node.host.faults_taken {
                self.coverage.add(&format!("fault {site}"), *count);
            }
        }
    }
}
