//! What a seed stands for: the machine, the faults, and what each end of each link does. All of it
//! is decided before the run, so that it does not depend on how the run goes.

use std::collections::VecDeque;
use std::sync::Arc;

use rnic_abi::{Mtu, WorkOpcode};
use rnic_core::env::Budget;
use rnic_core::fault::{Fault, Rule, Site};

use crate::arena::{LEND, OWN, RECV_SLOTS, REMOTE, SLOT_DATA};
use crate::end::SEND_ENTRIES;
use crate::platform::{FabricOptions, Options, SimMachine};
use crate::random::Random;

/// An operation on data.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Which.
    pub opcode: WorkOpcode,
    /// Offset in the peer's memory, for those that go there.
    pub target: u32,
    /// Bytes.
    pub length: u32,
    /// What its data, immediate data, operand are made of.
    pub value: u64,
    /// Segments that the data are cut into.
    pub pieces: u32,
    /// Data in the entry.
    pub inline: bool,
    /// No completion on success.
    pub silent: bool,
    /// Solicited.
    pub solicited: bool,
    /// Fence, wanted or not.
    pub fence: bool,
}

/// How memory is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loan {
    /// FAST_REGISTER.
    Fast,
    /// BIND of a type 1 window.
    Window1,
    /// BIND of a type 2 window.
    Window2,
}

/// Ways to break a link, all with a known result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// A write by a key that does not exist.
    BadKey,
    /// A write by a key that was valid once.
    StaleKey,
    /// A read past the end of the region.
    Range,
    /// A write to a region without that right.
    Right,
    /// A send longer than the receive.
    ReceiveTooShort,
    /// An entry with reserved flags.
    Flags,
    /// A send from memory of a key that does not exist.
    LocalKey,
    /// An atomic on an address that is no multiple of 8.
    MisalignedAtomic,
    /// A send that invalidates a key which cannot be.
    InvalidateRefused,
    /// FLUSH_QP of both queues.
    Flush,
    /// MODIFY_QP to ERROR.
    Error,
    /// MODIFY_QP to RESET.
    Reset,
    /// The peer's queue pair is reset; a write to it.
    PeerGone,
    /// The memory that a write reads is unmapped.
    UnmapLocal,
    /// The memory that a write writes is unmapped.
    UnmapRemote,
    /// DESTROY_QP.
    Destroy,
    /// A device reset; everything of that function is gone.
    DeviceReset,
}

impl Break {
    /// All.
    pub const ALL: [Self; 17] = [
        Self::BadKey,
        Self::StaleKey,
        Self::Range,
        Self::Right,
        Self::ReceiveTooShort,
        Self::Flags,
        Self::LocalKey,
        Self::MisalignedAtomic,
        Self::InvalidateRefused,
        Self::Flush,
        Self::Error,
        Self::Reset,
        Self::PeerGone,
        Self::UnmapLocal,
        Self::UnmapRemote,
        Self::Destroy,
        Self::DeviceReset,
    ];

    /// Its name in the coverage.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadKey => "break bad key",
            Self::StaleKey => "break stale key",
            Self::Range => "break range",
            Self::Right => "break right",
            Self::ReceiveTooShort => "break receive too short",
            Self::Flags => "break flags",
            Self::LocalKey => "break local key",
            Self::MisalignedAtomic => "break misaligned atomic",
            Self::InvalidateRefused => "break invalidate refused",
            Self::Flush => "break flush",
            Self::Error => "break error",
            Self::Reset => "break reset",
            Self::PeerGone => "break peer gone",
            Self::UnmapLocal => "break unmap local",
            Self::UnmapRemote => "break unmap remote",
            Self::Destroy => "break destroy",
            Self::DeviceReset => "break device reset",
        }
    }
}

/// Something else that a driver does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// RESIZE_CQ of one of the end's completion queues.
    ResizeCq,
    /// MODERATE_CQ of one of them.
    ModerateCq,
    /// RESIZE_SRQ.
    ResizeSrq,
    /// MODIFY_SRQ.
    LimitSrq,
    /// QUERY_QP and QUERY_COUNTERS.
    Query,
    /// A region is made and destroyed.
    Register,
}

/// What an end does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// An operation on the peer's ordinary memory.
    Op(Op),
    /// Wait until everything posted has completed.
    Wait,
    /// Borrow memory of the peer, use it, give it back.
    Borrow {
        /// How.
        loan: Loan,
        /// What to do with it.
        ops: Vec<Op>,
        /// Give back by SEND_INVALIDATE; else the peer takes it back.
        by_send: bool,
    },
    /// FAST_REGISTER of own memory, READ_INVALIDATE into it.
    ReadInvalidate(Op),
    /// FAST_REGISTER of own memory, WRITE from it, LOCAL_INVALIDATE, in one go.
    OwnWrite(Op),
    /// A command.
    Chore(Chore),
    /// Wait until both ends are here and idle; then the leader breaks the link, and it is mended.
    Meet(Option<Break>),
}

/// What a seed stands for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Functions.
    pub functions: usize,
    /// Links; each joins two functions.
    pub links: Vec<(usize, usize)>,
    /// Links whose ends take receives from shared queues.
    pub shared: Vec<bool>,
    /// Doorbells are mapped.
    pub mapped: bool,
    /// Devices may sleep.
    pub park: bool,
    /// Addresses are IPv6.
    pub ipv6: bool,
    /// Path MTU.
    pub mtu: Mtu,
    /// Budget of a run.
    pub budget: Budget,
    /// Room of an inbox.
    pub inbox: usize,
    /// Frames on the way from one port.
    pub frames: usize,
    /// Nanoseconds a frame may take longer.
    pub jitter_ns: u64,
    /// Faults of the wire.
    pub wire: Vec<Rule>,
    /// Faults of frames by which stations find each other.
    pub resolution: Vec<Rule>,
    /// Faults of the devices.
    pub device: Vec<Rule>,
    /// Links are broken in the middle of things, so outcomes depend on time.
    pub chaos: bool,
    /// What each end does: two for each link.
    pub programs: Vec<VecDeque<Step>>,
    /// Completion queues of a function.
    pub cqs: usize,
    /// Inbound and outbound read depth.
    pub read_depth: u8,
    /// End-to-end flow control of each end, two for each link.
    pub flow_control: Vec<bool>,
}

/// What a plan can hold grows with the millions of its seed, so that a seed that failed once means
/// the same for ever: what is added is added to the next million and those after it.
pub const MILLION: u64 = 1_000_000;
/// The first seed of those that can have everything.
pub const FIRST_SEED: u64 = 2 * MILLION + 1;

const SENDS: [WorkOpcode; 2] = [WorkOpcode::SEND, WorkOpcode::SEND_IMMEDIATE];
const TRANSFERS: [WorkOpcode; 7] = [
    WorkOpcode::SEND,
    WorkOpcode::SEND_IMMEDIATE,
    WorkOpcode::WRITE,
    WorkOpcode::WRITE_IMMEDIATE,
    WorkOpcode::READ,
    WorkOpcode::COMPARE_SWAP,
    WorkOpcode::FETCH_ADD,
];

impl Plan {
    /// The machine that it wants, whose devices speak by segments or by frames.
    pub(crate) fn machine(&self, segments: bool) -> Result<Arc<SimMachine>, String> {
        SimMachine::new(&Options {
            functions: self.functions,
            mapped: self.mapped,
            park: self.park,
            budget: self.budget,
            fabric: FabricOptions {
                segments,
                inbox: self.inbox,
                frames: self.frames,
                jitter_ns: self.jitter_ns,
                seed: self.seed,
                ..FabricOptions::default()
            },
        })
        .map_err(|error| error.to_string())
    }

    /// The plan of a seed, with so many steps for each end, about.
    #[must_use]
    pub fn new(seed: u64, steps: usize) -> Self {
        let mut random = Random::new(seed, 0);
        let functions = random.between(2, 4) as usize;
        let links: Vec<_> = (0..random.between(1, 4))
            .map(|_| {
                let a = random.index(functions);
                (a, (a + 1 + random.index(functions - 1)) % functions)
            })
            .collect();
        let shared = links.iter().map(|_| random.percent(30)).collect();
        let ends = links.len() * 2;
        let chaos = random.percent(25);
        // Each seed has its own selection of operations, so that rare ones meet often.
        let mut chosen: Vec<WorkOpcode> = TRANSFERS.to_vec();
        chosen.retain(|_| random.percent(70));
        if chosen.is_empty() {
            chosen.push(random.pick(&TRANSFERS));
        }
        let breaks: Vec<Break> = Break::ALL
            .into_iter()
            .filter(|_| random.percent(40))
            .collect();
        let mut programs = Vec::new();
        for _ in &links {
            let (one, other) = programs_of(&mut random, &chosen, &breaks, steps);
            programs.push(one);
            programs.push(other);
        }
        Self {
            seed,
            functions,
            links,
            shared,
            mapped: random.percent(70),
            park: random.percent(60),
            ipv6: random.percent(30),
            mtu: random.pick(&[Mtu::MTU_256, Mtu::MTU_512, Mtu::MTU_1024, Mtu::MTU_4096]),
            budget: if random.percent(40) {
                Budget {
                    bytes: random.between(1, 8192),
                    ops: random.between(2, 12) as u32,
                }
            } else {
                Budget::DEFAULT
            },
            inbox: if random.percent(40) {
                random.between(1, 4) as usize
            } else {
                256
            },
            frames: if random.percent(40) {
                random.between(1, 6) as usize
            } else {
                1024
            },
            jitter_ns: if random.percent(30) {
                random.between(1, 30_000)
            } else {
                0
            },
            wire: {
                let mut wire = wire_faults(&mut random);
                if seed >= MILLION {
                    wire.extend(late_and_certain_faults(seed));
                }
                wire
            },
            resolution: if seed >= 2 * MILLION {
                resolution_faults(seed)
            } else {
                Vec::new()
            },
            device: device_faults(&mut random, chaos),
            chaos,
            programs,
            cqs: random.between(1, 3) as usize,
            read_depth: random.between(1, 16) as u8,
            flow_control: {
                // Of the third million, with a stream of its own.
                let mut random = Random::new(seed, 6);
                let on = |_| seed >= 2 * MILLION && random.percent(40);
                (0..ends).map(on).collect()
            },
        }
    }

    /// Entries of a completion queue of a function: as few as can never overflow, so that they
    /// wrap. The driver tells of what it consumed when that is half of the queue.
    #[must_use]
    pub fn cq_entries(&self, function: usize) -> u32 {
        let ends = self.links.iter().flat_map(|(one, other)| [one, other]);
        let ends = ends.filter(|end| **end == function).count() as u32;
        let own = ends * (SEND_ENTRIES + RECV_SLOTS as u32);
        2 * (own + RECV_SLOTS as u32).next_power_of_two()
    }

    /// Whether its faults make work requests fail.
    #[must_use]
    pub fn tolerates_errors(&self) -> bool {
        let mut sites = self.device.iter().map(|rule| rule.site);
        sites.any(|site| matches!(site, Site::Dma | Site::Completion))
    }

    /// Whether its faults make commands fail.
    #[must_use]
    pub fn fails_commands(&self) -> bool {
        self.device.iter().any(|rule| rule.site == Site::Command)
    }
}

fn rule(site: Site, fault: Fault, per_million: u64) -> Rule {
    Rule {
        site,
        fault,
        after: 0,
        every: 1,
        times: None,
        per_million: u32::try_from(per_million).ok(),
        per_flow: false,
        delay_ns: 0,
    }
}

fn wire_faults(random: &mut Random) -> Vec<Rule> {
    let kinds = [
        Fault::Drop,
        Fault::Duplicate,
        Fault::Corrupt,
        Fault::Reorder,
        Fault::Mark,
    ];
    let mut rules = Vec::new();
    if random.percent(70) {
        for kind in kinds {
            if random.percent(40) {
                rules.push(rule(Site::FrameIn, kind, random.between(1_000, 50_000)));
            }
        }
        if random.percent(20) {
            rules.push(Rule {
                after: random.between(10, 100),
                times: Some(1),
                per_million: None,
                ..rule(Site::FrameIn, Fault::Drop, 0)
            });
        }
    }
    rules
}

/// Faults that the second million brought: frames that come late, and one certain frame of every
/// flow. They have a stream of their own.
fn late_and_certain_faults(seed: u64) -> Vec<Rule> {
    let mut random = Random::new(seed, 3);
    let mut rules = Vec::new();
    if random.percent(40) {
        rules.push(Rule {
            // From less than a round trip to about a retry: a peer answers within its retries.
            delay_ns: 1 << random.between(10, 20),
            ..rule(Site::FrameIn, Fault::Delay, random.between(1_000, 50_000))
        });
    }
    for kind in [
        Fault::Drop,
        Fault::Duplicate,
        Fault::Corrupt,
        Fault::Reorder,
        Fault::Mark,
        Fault::Delay,
    ] {
        if random.percent(20) {
            rules.push(Rule {
                after: random.between(0, 100),
                times: Some(1),
                per_million: None,
                per_flow: true,
                delay_ns: 1 << random.between(10, 20),
                ..rule(Site::FrameIn, kind, 0)
            });
        }
    }
    rules
}

/// Faults that the third million brought: frames of ARP and neighbour discovery are lost, doubled and late. They have a stream of
/// their own.
fn resolution_faults(seed: u64) -> Vec<Rule> {
    let mut random = Random::new(seed, 5);
    let mut rules = Vec::new();
    for kind in [Fault::Drop, Fault::Duplicate, Fault::Delay] {
        if random.percent(40) {
            rules.push(Rule {
                // From less than a round trip to longer than an answer is waited for.
                delay_ns: 1 << random.between(10, 31),
                ..rule(Site::FrameIn, kind, random.between(50_000, 500_000))
            });
        }
    }
    rules
}

fn device_faults(random: &mut Random, chaos: bool) -> Vec<Rule> {
    let mut rules = Vec::new();
    if random.percent(20) {
        rules.push(rule(
            Site::Interrupt,
            Fault::Drop,
            random.between(10_000, 300_000),
        ));
    }
    if random.percent(15) {
        rules.push(rule(
            Site::Command,
            Fault::Fail,
            random.between(1_000, 50_000),
        ));
    }
    if chaos && random.percent(30) {
        rules.push(rule(Site::Dma, Fault::Fail, random.between(500, 5_000)));
    }
    if chaos && random.percent(30) {
        rules.push(Rule {
            times: Some(2),
            ..rule(Site::Completion, Fault::Fail, random.between(500, 5_000))
        });
    }
    rules
}

fn programs_of(
    random: &mut Random,
    chosen: &[WorkOpcode],
    breaks: &[Break],
    steps: usize,
) -> (VecDeque<Step>, VecDeque<Step>) {
    let (mut one, mut other) = (VecDeque::new(), VecDeque::new());
    let mut left = steps;
    while left > 0 {
        let burst = random.between(4, 24).min(left as u64) as usize;
        left -= burst;
        for _ in 0..burst {
            one.push_back(step(random, chosen));
            if random.percent(70) {
                other.push_back(step(random, chosen));
            }
        }
        let broken = if breaks.is_empty() || random.percent(30) {
            None
        } else {
            Some(random.pick(breaks))
        };
        if random.percent(50) {
            one.push_back(Step::Meet(broken));
            other.push_back(Step::Meet(None));
        } else {
            one.push_back(Step::Meet(None));
            other.push_back(Step::Meet(broken));
        }
    }
    (one, other)
}

fn step(random: &mut Random, chosen: &[WorkOpcode]) -> Step {
    match random.below(100) {
        0..=4 => Step::Wait,
        5..=11 => {
            let loan = random.pick(&[Loan::Fast, Loan::Window1, Loan::Window2]);
            let ops = (0..random.between(0, 5))
                .map(|_| {
                    let opcode = random.pick(&TRANSFERS[2..]);
                    op(random, opcode, LEND)
                })
                .collect();
            Step::Borrow {
                loan,
                ops,
                by_send: loan != Loan::Window1 && random.percent(50),
            }
        }
        12..=15 => Step::ReadInvalidate(Op {
            length: random.between(1, u64::from(OWN)) as u32,
            target: 0,
            ..op(random, WorkOpcode::READ_INVALIDATE, REMOTE)
        }),
        16..=19 => Step::OwnWrite(Op {
            length: random.between(0, u64::from(OWN)) as u32,
            target: 0,
            inline: false,
            ..op(random, WorkOpcode::WRITE, REMOTE)
        }),
        20..=25 => Step::Chore(random.pick(&[
            Chore::ResizeCq,
            Chore::ModerateCq,
            Chore::ResizeSrq,
            Chore::LimitSrq,
            Chore::Query,
            Chore::Register,
        ])),
        _ => {
            let opcode = random.pick(chosen);
            Step::Op(op(random, opcode, REMOTE))
        }
    }
}

/// An operation on `room` bytes of the peer's memory.
fn op(random: &mut Random, opcode: WorkOpcode, room: u32) -> Op {
    let is_send = SENDS.contains(&opcode);
    let is_atomic = matches!(opcode, WorkOpcode::COMPARE_SWAP | WorkOpcode::FETCH_ADD);
    let most = if is_send { SLOT_DATA } else { 4 * SLOT_DATA };
    let length = match random.below(10) {
        _ if is_atomic => 8,
        0 => 0,
        1 => 1,
        2..=5 => random.between(2, 300) as u32,
        6..=7 => random.between(300, 4000) as u32,
        _ => random.between(1, u64::from(most)) as u32,
    };
    let inline = !is_atomic
        && length <= 256
        && !matches!(opcode, WorkOpcode::READ | WorkOpcode::READ_INVALIDATE)
        && random.percent(30);
    let target = random.between(0, u64::from(room - length)) as u32;
    Op {
        opcode,
        target: if is_atomic { target & !7 } else { target },
        length,
        value: random.word(),
        pieces: random.between(1, 4) as u32,
        inline,
        silent: random.percent(30),
        solicited: (is_send || opcode == WorkOpcode::WRITE_IMMEDIATE) && random.percent(30),
        fence: random.percent(10),
    }
}
