//! Connections through the connection manager: asked for, accepted, refused, rejected, taken back, used and ended, while
//! the wire loses, doubles, delays and damages frames, those too by which stations find each other.
//!
//! A talk is one connection from the first word to the last. What it does is decided before the run; a run lets all talks
//! of a machine go on in random order. Checked on the way: which events may come, with which private data and status;
//! messages in order and once; and at the end that nothing is left: every talk has ended, no connection is
//! active, every port is free again.

mod events;
mod machine;
mod side;
mod talk;

use std::sync::Arc;

use rnic_core::fault::FaultPlan;

use crate::coverage::Coverage;
use crate::guest::Guest;
use crate::plan::Plan;
use crate::platform::SimMachine;
use crate::random::Random;
use crate::sim::{Mode, Report};
use crate::trace::Trace;

use machine::{Ports, listen, unlisten};
use talk::Talk;

/// Talks of a run.
const TALKS: usize = 10;
/// Talks that go on at a time.
const AT_ONCE: usize = 4;
/// Turns without progress after which whoever waits for its peer stops waiting.
const IMPATIENT: u32 = 2_000;
/// Turns without progress before a run is called stuck.
const STUCK: u32 = 60_000;

/// A run.
pub struct Talks {
    machine: Arc<SimMachine>,
    guests: Vec<Guest>,
    ports: Vec<Ports>,
    talks: Vec<Talk>,
    random: Random,
    trace: Trace,
    coverage: Coverage,
    ipv6: bool,
    /// The wire may lose messages: a peer may look as if it were gone.
    lossy: bool,
    progress: u64,
    /// Nothing has moved for long.
    impatient: bool,
}

/// Runs the talks of a seed.
#[must_use]
pub fn run(seed: u64, mode: Mode) -> Report {
    let plan = Plan::new(seed, mode.steps);
    let mut trace = Trace::new(mode.verbose);
    trace.note(
        0,
        format_args!("talks of seed {seed}, segments {}", mode.segments),
    );
    let (failure, trace, coverage) = match Talks::new(&plan, mode.segments, trace.clone()) {
        Err(why) => (Some(format!("set-up: {why}")), trace, Coverage::default()),
        Ok(mut talks) => {
            let failure = talks.go().err();
            (failure, talks.trace, talks.coverage)
        }
    };
    Report::of_part("talks", failure, &trace, coverage)
}

impl Talks {
    fn new(plan: &Plan, segments: bool, trace: Trace) -> Result<Self, String> {
        // Devices do as they should: only the wire is bad here.
        let plan = Plan {
            device: Vec::new(),
            ..plan.clone()
        };
        let machine = plan.machine(segments)?;
        let mut random = Random::new(plan.seed, 4);
        let mut guests = Vec::new();
        let mut ports = Vec::new();
        for index in 0..plan.functions {
            let mut guest = Guest::new(&machine, index, &plan)?;
            ports.push(listen(&mut guest)?);
            guests.push(guest);
        }
        let talks = (0..TALKS)
            .map(|number| Talk::new(number, plan.functions, &mut random))
            .collect();
        let faults = FaultPlan::new(plan.seed ^ 0x7A1C, plan.wire.clone());
        let resolution = FaultPlan::new(plan.seed ^ 0xA4B0, plan.resolution.clone());
        {
            let mut world = machine.lock();
            world.fabric.options.faults = faults;
            world.fabric.options.resolution = resolution;
        }
        Ok(Self {
            machine,
            guests,
            ports,
            talks,
            random,
            trace,
            coverage: Coverage::default(),
            ipv6: plan.ipv6,
            lossy: !(segments || plan.wire.is_empty() && plan.resolution.is_empty()),
            progress: 0,
            impatient: false,
        })
    }

    fn note(&mut self, event: std::fmt::Arguments<'_>) {
        let now = self.machine.lock().clock.get();
        self.trace.note(now, event);
    }

    fn go(&mut self) -> Result<(), String> {
        let (mut still, mut before) = (0, self.progress);
        while !self.is_over()? {
            self.turn()?;
            if self.progress != before {
                before = self.progress;
                (still, self.impatient) = (0, false);
                continue;
            }
            still += 1;
            self.impatient = still > IMPATIENT;
            if still > 100 {
                // When nothing moves, let timers expire.
                self.machine.lock().step(20_000_000);
            }
            if still > STUCK {
                return Err(self.stuck());
            }
        }
        self.finish()
    }

    /// Whether every talk is over, and nothing that is under way brings one back.
    fn is_over(&mut self) -> Result<bool, String> {
        if self.talks.iter().any(|talk| !talk.is_over()) {
            return Ok(false);
        }
        for _ in 0..50 {
            self.machine.lock().step(10_000_000);
        }
        for guest in 0..self.guests.len() {
            self.take_events(guest)?;
            self.poll(guest)?;
        }
        Ok(self.talks.iter().all(talk::Talk::is_over))
    }

    fn stuck(&self) -> String {
        let mut text = String::from("nothing moves any more:");
        for talk in self.talks.iter().filter(|talk| !talk.is_over()) {
            text += &format!("\n  {talk:?}");
        }
        text
    }

    /// One random thing.
    fn turn(&mut self) -> Result<(), String> {
        match self.random.below(10) {
            0..=4 => {
                // The oldest that are not over; later ones wait for their turn.
                let going: Vec<usize> = (0..self.talks.len())
                    .filter(|number| !self.talks[*number].is_over())
                    .take(AT_ONCE)
                    .collect();
                if going.is_empty() {
                    return Ok(());
                }
                let number = going[self.random.index(going.len())];
                let side = self.random.index(2);
                self.advance(number, side)
            }
            5 | 6 => {
                let guest = self.random.index(self.guests.len());
                self.take_events(guest)?;
                self.poll(guest)
            }
            _ => {
                let most = self.random.between(1, 50_000);
                self.machine.lock().step(most);
                Ok(())
            }
        }
    }

    /// The end: no faults any more, and nothing is left.
    fn finish(&mut self) -> Result<(), String> {
        let stats = {
            let mut world = self.machine.lock();
            world.fabric.options.faults = FaultPlan::default();
            world.fabric.options.resolution = FaultPlan::default();
            world.fabric.stats
        };
        let names = ["lost", "doubled", "late"];
        for (name, count) in names.iter().zip(stats.resolution) {
            self.coverage.add(&format!("resolution {name}"), count);
        }
        self.coverage.add("cm frame dropped", stats.dropped);
        for (guest, ports) in self.guests.iter_mut().zip(&self.ports) {
            let index = guest.index;
            for (name, count) in unlisten(guest, ports)
                .map_err(|why| format!("function {index} at the end: {why}"))?
            {
                self.coverage.add(name, count);
            }
        }
        Ok(())
    }
}
