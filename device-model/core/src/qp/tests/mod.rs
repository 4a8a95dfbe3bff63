//! Two devices, their drivers in miniature, and what is between them: segments or frames.
//!
//! Everything in `operations.rs` and `errors.rs` runs both ways and must end the same.

mod commands;
mod congestion;
mod credits;
mod datagrams;
mod errors;
mod life;
mod node;
mod operations;
mod peers;
mod races;
mod random;
mod unreliable;

use std::collections::{HashMap, VecDeque};

use pci_function::Delivery;
use rnic_abi::consts::SEGMENTS_AT;
use rnic_abi::{
    AccessFlags, AddMrPagesRequest, BeginMrRequest, Completion, CounterId, CreateQpRequest, EqKind,
    EventCode, GeneralEvent, ProducerDoorbell, QpFlags, QpState, QpType, ReceiveHeader,
    Segment as AbiSegment, WorkFlags, WorkHeader, WorkOpcode, feature,
};
use rnic_wire::{Gid, MacAddr, Mtu, Psn, Qpn, RnrTimer, TimeoutCode};
use zerocopy::{FromBytes, IntoBytes};

use super::{LocalAddress, PathAttributes, Qps, Retry};
use crate::cq::Cq;
use crate::doorbell::Owner;
use crate::env::{Budget, Delivered, Env, Nanos, NeighbourId, PortInfo, Progress, Sent};
use crate::eq::Eq;
use crate::fault::{Fault, FaultPlan, Site};
use crate::interrupt::Interrupts;
use crate::keys::RegionRequest;
use crate::resources::Resources;
use crate::ring::{RingRules, RingShape};
use crate::segment::Segment;
use crate::srq::Srq;
use crate::testing::Guest;

pub(super) use node::{Node, Wr};

pub(super) const CQ_SLOT: u32 = 512 + 8;
pub(super) const EQ_SLOT: u32 = 512 + 9;
pub(super) const SRQ_SLOT: u32 = 512 + 10;
pub(super) const FIRST_QP_SLOT: u32 = 512 + 16;
pub(super) const LOG_ENTRIES: u8 = 5;
pub(super) const LOG_STRIDE: u8 = 8;
pub(super) const CQ_LOG: u8 = 8;
pub(super) const MEMORY: u64 = 1 << 20;
pub(super) const BASE: u64 = 0x7000_0000;
pub(super) const ALL: AccessFlags = AccessFlags(0x1f);

/// How the two are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Segments,
    Frames,
}

pub(super) const BOTH: [Wire; 2] = [Wire::Segments, Wire::Frames];

pub(super) enum Item {
    Segment(Box<Segment>),
    Frame(Vec<u8>),
}

pub(super) struct NodeEnv {
    pub now: Nanos,
    pub words: HashMap<u32, u64>,
    pub neighbour: Option<Gid>,
    pub out: VecDeque<Item>,
    pub plan: FaultPlan,
    pub full: bool,
    pub gone: bool,
    /// Bytes of the port's packets.
    pub mtu: u32,
}

impl Env for NodeEnv {
    fn now(&self) -> Nanos {
        self.now
    }
    fn doorbell(&self, word: u32) -> u64 {
        self.words.get(&word).copied().unwrap_or(0)
    }
    fn set_doorbell(&mut self, word: u32, value: u64) {
        self.words.insert(word, value);
    }
    fn take_summary(&mut self, word: u32) -> u64 {
        self.words.insert(word, 0).unwrap_or(0)
    }
    fn doorbells_mapped(&self) -> bool {
        true
    }
    fn transmit(&mut self, frame: &[u8]) -> Sent {
        if self.full {
            return Sent::Full;
        }
        self.out.push_back(Item::Frame(frame.to_vec()));
        Sent::Ok
    }
    fn neighbour(&self, ip: Gid) -> Option<NeighbourId> {
        (self.neighbour == Some(ip)).then_some(NeighbourId(7))
    }
    fn deliver(&mut self, _to: NeighbourId, segment: Box<Segment>) -> Delivered {
        if self.gone {
            return Delivered::Gone;
        }
        if self.full {
            return Delivered::Full(segment);
        }
        self.out.push_back(Item::Segment(segment));
        Delivered::Ok
    }
    fn raise(&mut self, _vector: u16) {}
    fn fault(&mut self, site: Site) -> Option<Fault> {
        self.plan.consult(site)
    }
    fn port(&self) -> PortInfo {
        PortInfo {
            up: true,
            mtu: self.mtu,
            speed_mbps: 1000,
        }
    }
}

/// Two of them.
pub(super) struct Pair {
    pub a: Node,
    pub b: Node,
    pub qa: u32,
    pub qb: u32,
    /// Frames lost, in a million, and the state of the dice.
    pub loss: u64,
    pub dice: u64,
}

pub(super) struct Options {
    pub mtu: Mtu,
    pub depth: u8,
    pub rnr_retry: u8,
    pub srq: bool,
    pub access: AccessFlags,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mtu: Mtu::B1024,
            depth: 4,
            rnr_retry: 7,
            srq: false,
            access: super::Attributes::ALL_ACCESS,
        }
    }
}

pub(super) fn path(from: &Node, to: &Node, peer_qpn: u32, mtu: Mtu) -> PathAttributes {
    PathAttributes {
        peer: to.gid,
        peer_qpn: Qpn::truncate(peer_qpn),
        local: LocalAddress {
            gid: from.gid,
            mac: MacAddr([2, 0, 0, 0, 0, from.gid.0[15]]),
            vlan: None,
        },
        loopback: false,
        source_port: 50_000,
        mtu,
        traffic_class: 0,
        hop_limit: 64,
        flow_label: 0,
    }
}

pub(super) fn attributes(a: &mut super::Attributes, path: PathAttributes, o: &Options, to: u8) {
    a.path = Some(path);
    a.next_hop = Some(MacAddr([2, 0, 0, 0, 0, to]));
    a.send_psn = Some(Psn::new(0xff_fff0));
    a.recv_psn = Some(Psn::new(0xff_fff0));
    a.read_depth_in = o.depth;
    a.read_depth_out = o.depth;
    a.retry = Some(Retry {
        count: 3,
        rnr: o.rnr_retry,
        timeout: TimeoutCode::new(10).unwrap(),
    });
    a.rnr_timer = RnrTimer::SHORTEST;
    a.access = o.access;
}

impl Pair {
    pub fn new(wire: Wire) -> Self {
        Self::with(wire, &Options::default())
    }

    pub fn with(wire: Wire, options: &Options) -> Self {
        let (mut a, mut b) = (Node::new(1), Node::new(2));
        if wire == Wire::Segments {
            a.env.neighbour = Some(b.gid);
            b.env.neighbour = Some(a.gid);
        }
        let (qa, qb) = (a.create(options.srq), b.create(options.srq));
        let mut pair = Self {
            a,
            b,
            qa,
            qb,
            loss: 0,
            dice: 1,
        };
        pair.connect(qa, qb, options);
        pair
    }

    /// Takes both to RTS.
    pub fn connect(&mut self, qa: u32, qb: u32, options: &Options) {
        let there = path(&self.a, &self.b, qb, options.mtu);
        let back = path(&self.b, &self.a, qa, options.mtu);
        self.a
            .qps
            .set_attributes(qa, |a| attributes(a, there, options, 2));
        self.b
            .qps
            .set_attributes(qb, |a| attributes(a, back, options, 1));
        for (node, qpn) in [(&mut self.a, qa), (&mut self.b, qb)] {
            node.qps
                .change(&mut node.env, &mut node.res, qpn, QpState::RTS)
                .unwrap();
        }
    }

    /// Whether the wire loses the next frame.
    fn arrives(&mut self) -> bool {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % 1_000_000 >= self.loss
    }

    /// Until nothing moves; time does not pass.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            let mut moved = false;
            moved |= self.a.run() == Progress::Busy;
            moved |= self.b.run() == Progress::Busy;
            while let Some(item) = self.a.env.out.pop_front() {
                moved = true;
                if self.arrives() {
                    self.b.take(item);
                }
            }
            while let Some(item) = self.b.env.out.pop_front() {
                moved = true;
                if self.arrives() {
                    self.a.take(item);
                }
            }
            moved |= self.a.qps.is_busy() || self.b.qps.is_busy();
            if !moved {
                return;
            }
        }
        panic!("never settles");
    }

    /// Until nothing moves and no timer is left, at most so many times.
    pub fn settle_in_time(&mut self, rounds: u32) {
        for _ in 0..rounds {
            self.settle();
            let next = [self.a.qps.next_timer(), self.b.qps.next_timer()];
            let Some(next) = next.into_iter().flatten().min() else {
                return;
            };
            self.a.env.now = next.max(self.a.env.now);
            self.b.env.now = next.max(self.b.env.now);
        }
        self.settle();
    }
}
