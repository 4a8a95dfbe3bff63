//! Faults as data: a plan that is asked at named sites. Empty by default.
//!
//! Every host keeps a [`FaultPlan`] and answers [`crate::env::Env::fault`] from it, so there is
//! one device and not a second one for fault tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where something can be made to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// A DMA access of a queue's data.
    Dma,
    /// A command, before it is executed.
    Command,
    /// A completion, before it is written.
    Completion,
    /// An interrupt message.
    Interrupt,
    /// A frame from the port.
    FrameIn,
    /// A frame to the port.
    FrameOut,
}

/// What goes wrong. A site takes the ones that make sense there and ignores the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It fails: a DMA error, a command answered `INTERNAL_ERROR`, a queue in error.
    Fail,
    /// It is lost: a frame, an interrupt message; a command, which is not executed and never answered.
    Drop,
    /// It happens twice: a frame.
    Duplicate,
    /// One bit of it changes: a frame.
    Corrupt,
    /// It comes after the next one: a frame.
    Reorder,
    /// It carries a congestion mark: a frame.
    Mark,
    /// It comes later, and others overtake it: a frame.
    Delay,
}

/// One rule of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Where.
    pub site: Site,
    /// What.
    pub fault: Fault,
    /// Passes of the site that go well first.
    #[serde(default)]
    pub after: u64,
    /// Then every how many-th pass fails; 0 counts as 1.
    #[serde(default)]
    pub every: u64,
    /// How often at most; none: without end.
    #[serde(default)]
    pub times: Option<u64>,
    /// Of those, how many in a million; none: all.
    #[serde(default)]
    pub per_million: Option<u32>,
    /// Passes are counted for each flow of frames apart, so that `after` and `times` choose the n-th of each.
    #[serde(default)]
    pub per_flow: bool,
    /// How much later, in nanoseconds, for [`Fault::Delay`]; 0 is [`DELAY_NS`].
    #[serde(default)]
    pub delay_ns: u64,
}

/// The delay of a rule that says none: longer than a frame takes, shorter than a retry.
pub const DELAY_NS: u64 = 100_000;
/// Flows that are counted apart, for all rules together; those beyond are counted as one.
const MAX_FLOWS: usize = 1024;

/// Rules and their state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Seed of `per_million`.
    #[serde(default)]
    seed: u64,
    /// Rules; the first that fires decides.
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(skip)]
    passed: BTreeMap<(usize, u64), (u64, u64)>,
    #[serde(skip)]
    random: u64,
}

impl FaultPlan {
    /// A plan.
    #[must_use]
    pub fn new(seed: u64, rules: Vec<Rule>) -> Self {
        Self {
            seed,
            rules,
            passed: BTreeMap::new(),
            random: 0,
        }
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What goes wrong in this pass of `site`.
    pub fn consult(&mut self, site: Site) -> Option<Fault> {
        self.consult_flow(site, 0).map(|(fault, _)| fault)
    }

    /// The same for a frame of `flow`, a number that frames of one flow share; with the delay in
    /// nanoseconds, which [`Fault::Delay`] uses.
    pub fn consult_flow(&mut self, site: Site, flow: u64) -> Option<(Fault, u64)> {
        let mut found = None;
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.site != site {
                continue;
            }
            let mut key = (index, if rule.per_flow { flow } else { 0 });
            if self.passed.len() >= MAX_FLOWS && !self.passed.contains_key(&key) {
                key.1 = 0;
            }
            let (passes, fired) = self.passed.entry(key).or_default();
            let pass = *passes;
            *passes = passes.saturating_add(1);
            let due = pass >= rule.after && (pass - rule.after).is_multiple_of(rule.every.max(1));
            if found.is_some() || !due || rule.times.is_some_and(|times| *fired >= times) {
                continue;
            }
            if let Some(per_million) = rule.per_million {
                self.random = self.random.wrapping_add(1);
                if mix(self.seed ^ mix(self.random)) % 1_000_000 >= u64::from(per_million) {
                    continue;
                }
            }
            *fired = fired.saturating_add(1);
            let delay = if rule.delay_ns == 0 {
                DELAY_NS
            } else {
                rule.delay_ns
            };
            found = Some((rule.fault, delay));
        }
        found
    }
}

/// A bijective mixer of 64 bits (the finalizer of SplitMix64).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(site: Site, fault: Fault) -> Rule {
        Rule {
            site,
            fault,
            after: 0,
            every: 0,
            times: None,
            per_million: None,
            per_flow: false,
            delay_ns: 0,
        }
    }

    #[test]
    fn an_empty_plan_never_fails_anything() {
        let mut plan = FaultPlan::default();
        assert!(plan.is_empty());
        assert_eq!(plan.consult(Site::Command), None);
    }

    #[test]
    fn rules_count_their_own_site() {
        let mut plan = FaultPlan::new(
            1,
            vec![Rule {
                after: 2,
                every: 3,
                times: Some(2),
                ..rule(Site::FrameIn, Fault::Drop)
            }],
        );
        let hits: Vec<bool> = (0..12)
            .map(|_| {
                assert_eq!(plan.consult(Site::FrameOut), None);
                plan.consult(Site::FrameIn).is_some()
            })
            .collect();
        let expected: Vec<bool> = (0..12).map(|n| n == 2 || n == 5).collect();
        assert_eq!(hits, expected);
    }

    #[test]
    fn the_nth_of_every_flow() {
        let third = Rule {
            after: 2,
            times: Some(1),
            per_flow: true,
            delay_ns: 7,
            ..rule(Site::FrameIn, Fault::Delay)
        };
        let mut plan = FaultPlan::new(1, vec![third]);
        for pass in 0..6 {
            for flow in [11, 22] {
                let hit = plan.consult_flow(Site::FrameIn, flow);
                assert_eq!(
                    hit,
                    (pass == 2).then_some((Fault::Delay, 7)),
                    "{pass} of {flow}"
                );
            }
        }
        // However many flows there are, the table is bounded.
        for flow in 0..10_000 {
            plan.consult_flow(Site::FrameIn, flow);
        }
        assert!(plan.passed.len() <= MAX_FLOWS + 1);
    }

    #[test]
    fn the_seed_decides_and_the_rate_holds() {
        let half = Rule {
            per_million: Some(500_000),
            ..rule(Site::Dma, Fault::Fail)
        };
        let run = |seed| {
            let mut plan = FaultPlan::new(seed, vec![half]);
            (0..10_000)
                .map(|_| plan.consult(Site::Dma).is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).iter().filter(|hit| **hit).count();
        assert!((4_500..5_500).contains(&hits), "{hits}");
    }
}
