//! Two devices, their drivers in miniature, and what is between them: segments or frames.
//!
//! Everything in `operations.rs` and `errors.rs` runs both ways and must end the same.

mod errors;
mod life;
mod operations;
mod random;

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

pub(super) const CQ_SLOT: u32 = 512 + 8;
pub(super) const EQ_SLOT: u32 = 512 + 9;
pub(super) const SRQ_SLOT: u32 = 512 + 10;
const FIRST_QP_SLOT: u32 = 512 + 16;
pub(super) const LOG_ENTRIES: u8 = 5;
const LOG_STRIDE: u8 = 8;
const CQ_LOG: u8 = 8;
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
            mtu: 4200,
            speed_mbps: 1000,
        }
    }
}

/// A device and its driver.
pub(super) struct Node {
    pub env: NodeEnv,
    pub res: Resources,
    pub qps: Qps,
    pub guest: Guest,
    pub pd: u32,
    pub cqn: u32,
    cq_at: u64,
    pub consumer: u32,
    eq_at: u64,
    eq_consumer: u32,
    /// Data memory: DMA address; virtual from [`BASE`] on by `key`.
    pub memory: u64,
    pub key: u32,
    pub gid: Gid,
    rings: HashMap<u32, Rings>,
    pub srqn: u32,
    srq_ring: (u64, u32),
    next_slot: u32,
}

/// A driver's view of a queue pair.
#[derive(Clone, Copy)]
struct Rings {
    send: u64,
    receive: u64,
    slot: u32,
    sent: u32,
    received: u32,
    words: u64,
}

const EQ_LOG: u8 = 5;

fn rules(stride: u8) -> RingRules {
    RingRules {
        min_log_stride: stride,
        max_log_stride: stride,
        max_log_entries: 16,
    }
}

/// A request as a driver writes it.
#[derive(Clone)]
pub(super) struct Wr {
    pub opcode: WorkOpcode,
    pub flags: WorkFlags,
    pub context: u64,
    pub immediate: u32,
    pub operands: Vec<u8>,
    pub segments: Vec<(u64, u32, u32)>,
    pub inline: Option<Vec<u8>>,
}

impl Wr {
    pub fn new(opcode: WorkOpcode, context: u64) -> Self {
        Self {
            opcode,
            flags: WorkFlags(0),
            context,
            immediate: 0,
            operands: Vec::new(),
            segments: Vec::new(),
            inline: None,
        }
    }

    pub fn flags(mut self, flags: WorkFlags) -> Self {
        self.flags = self.flags | flags;
        self
    }

    pub fn immediate(mut self, value: u32) -> Self {
        self.immediate = value;
        self
    }

    pub fn remote(mut self, address: u64, key: u32) -> Self {
        let mut r = rnic_abi::RemoteSegment::zeroed();
        r.address.set(address);
        r.key.set(key);
        self.operands = r.as_bytes().to_vec();
        self
    }

    pub fn atomic(mut self, address: u64, key: u32, operand: u64, compare: u64) -> Self {
        let mut a = rnic_abi::AtomicSegment::zeroed();
        a.address.set(address);
        a.key.set(key);
        a.operand.set(operand);
        a.compare.set(compare);
        self.operands = a.as_bytes().to_vec();
        self
    }

    pub fn operands(mut self, bytes: &[u8]) -> Self {
        self.operands = bytes.to_vec();
        self
    }

    pub fn segment(mut self, address: u64, length: u32, key: u32) -> Self {
        self.segments.push((address, length, key));
        self
    }

    pub fn inline(mut self, bytes: &[u8]) -> Self {
        self.inline = Some(bytes.to_vec());
        self.flags(WorkFlags::INLINE)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut h = WorkHeader::zeroed()
            .with_opcode(self.opcode)
            .with_flags(self.flags);
        h.context.set(self.context);
        h.immediate.set(self.immediate);
        let count = self.inline.as_ref().map_or(self.segments.len(), Vec::len);
        h.data_count.set(count as u16);
        let mut bytes = h.as_bytes().to_vec();
        bytes.extend_from_slice(&self.operands);
        bytes.resize(SEGMENTS_AT as usize, 0);
        match &self.inline {
            Some(inline) => bytes.extend_from_slice(inline),
            None => bytes.extend(segments(&self.segments)),
        }
        bytes.resize(1 << LOG_STRIDE, 0);
        bytes
    }
}

fn segments(list: &[(u64, u32, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &(address, length, key) in list {
        let mut s = AbiSegment::zeroed();
        s.address.set(address);
        s.length.set(length);
        s.key.set(key);
        bytes.extend_from_slice(s.as_bytes());
    }
    bytes
}

impl Node {
    pub fn new(last: u8) -> Self {
        let mut guest = Guest::with_bytes(16 << 20);
        let mut env = NodeEnv {
            now: Nanos(1_000),
            words: HashMap::new(),
            neighbour: None,
            out: VecDeque::new(),
            plan: FaultPlan::default(),
            full: false,
            gone: false,
        };
        let mut res = Resources::new(Interrupts::new(Delivery::External));
        res.dma = guest.space();
        res.features = feature::ATOMICS | feature::MEMORY_WINDOWS | feature::SRQ;
        let (pd, _) = res.keys.create_domain(false).unwrap();
        let load = |guest: &mut Guest, res: &Resources, log, stride, slot| {
            let d = guest.ring(log, stride, slot);
            let ring = RingShape::check(&d, rules(stride), 0)
                .unwrap()
                .load(&res.dma)
                .unwrap();
            let at = ring.address(0);
            (ring, at)
        };
        let (ring, _) = load(&mut guest, &res, 3, 4, EQ_SLOT + 100);
        let eqn = res
            .eqs
            .insert(Eq::new(ring, EQ_SLOT + 100, EqKind::COMPLETION, 0xffff))
            .unwrap();
        let (ring, eq_at) = load(&mut guest, &res, EQ_LOG, 9, EQ_SLOT);
        let general = res
            .eqs
            .insert(Eq::new(ring, EQ_SLOT, EqKind::GENERAL, 0xffff))
            .unwrap();
        res.set_general_eq(&mut env, Some(general));
        let (ring, cq_at) = load(&mut guest, &res, CQ_LOG, 6, CQ_SLOT);
        let cqn = res.cqs.insert(Cq::new(ring, CQ_SLOT, eqn, 1, 0)).unwrap();
        res.doorbells
            .claim(&mut env, CQ_SLOT, Owner::Cq(cqn))
            .unwrap();
        let word = guest.alloc(8);
        let (ring, srq_at) = load(&mut guest, &res, LOG_ENTRIES, LOG_STRIDE, SRQ_SLOT);
        let srq = Srq::new(pd, ring, SRQ_SLOT, 0x5e, 4, word, 0);
        let srqn = res.srqs.insert(srq).unwrap();
        res.doorbells
            .claim(&mut env, SRQ_SLOT, Owner::Srq(srqn))
            .unwrap();
        let memory = guest.alloc(MEMORY);
        let mut node = Self {
            env,
            res,
            qps: Qps::new(),
            guest,
            pd,
            cqn,
            cq_at,
            consumer: 0,
            eq_at,
            eq_consumer: 0,
            memory,
            key: 0,
            gid: Gid::from(std::net::Ipv4Addr::new(10, 0, 0, last)),
            rings: HashMap::new(),
            srqn,
            srq_ring: (srq_at, 0),
            next_slot: FIRST_QP_SLOT,
        };
        node.key = node.region(BASE, MEMORY, ALL);
        node
    }

    /// A region of the data memory's first bytes at virtual `base`.
    pub fn region(&mut self, base: u64, length: u64, access: AccessFlags) -> u32 {
        let mut begin = BeginMrRequest::zeroed().with_access(access);
        let pages = length.div_ceil(4096);
        begin.pd.set(self.pd);
        begin.base.set(base);
        begin.length.set(length);
        begin.page_count.set(pages as u32);
        begin.log_page_bytes = 12;
        let request = RegionRequest::check(&begin).unwrap();
        let key = self.res.keys.begin_region(request).unwrap().0;
        let list = self.page_list(pages);
        let mut add = AddMrPagesRequest::zeroed();
        add.key.set(key);
        add.list.set(list);
        add.count.set(pages as u32);
        self.res.keys.add_pages(&self.res.dma, &add).unwrap();
        self.res.keys.commit_region(key, 0).unwrap();
        key
    }

    pub fn page_list(&mut self, pages: u64) -> u64 {
        let list = self.guest.alloc(pages * 8);
        for page in 0..pages {
            self.guest
                .write_u64(list + page * 8, self.memory + page * 4096);
        }
        list
    }

    pub fn request(&mut self, srq: bool) -> (CreateQpRequest, u32, u64) {
        let slot = self.next_slot;
        self.next_slot += 2;
        let words = self.guest.alloc(16);
        let mut r = CreateQpRequest::zeroed()
            .with_qp_type(QpType::RC)
            .with_flags(QpFlags(u32::from(srq)));
        r.pd.set(self.pd);
        r.max_send_segments.set(4);
        r.max_inline.set(128);
        r.send_cqn.set(self.cqn);
        r.recv_cqn.set(self.cqn);
        r.context.set(0xc0de);
        r.send_retired_address.set(words);
        r.send_ring = self.guest.ring(LOG_ENTRIES, LOG_STRIDE, slot);
        if srq {
            r.srqn.set(self.srqn);
        } else {
            r.max_recv_segments.set(4);
            r.recv_retired_address.set(words + 8);
            r.recv_ring = self.guest.ring(LOG_ENTRIES, LOG_STRIDE, slot + 1);
        }
        (r, slot, words)
    }

    pub fn create(&mut self, srq: bool) -> u32 {
        let (r, slot, words) = self.request(srq);
        let qpn = self.qps.create(&mut self.env, &mut self.res, &r).unwrap();
        let rings = Rings {
            send: self.guest.read_u64(r.send_ring.page_list.get()),
            receive: if srq {
                0
            } else {
                self.guest.read_u64(r.recv_ring.page_list.get())
            },
            slot,
            sent: 0,
            received: 0,
            words,
        };
        self.rings.insert(qpn, rings);
        qpn
    }

    /// Writes an entry without ringing.
    pub fn write_send(&mut self, qpn: u32, wr: &Wr) {
        let rings = self.rings.get_mut(&qpn).unwrap();
        let index = u64::from(rings.sent % (1 << LOG_ENTRIES));
        rings.sent = rings.sent.wrapping_add(1);
        let at = rings.send + (index << LOG_STRIDE);
        self.guest.write(at, &wr.bytes());
    }

    pub fn ring_send(&mut self, qpn: u32) {
        let rings = self.rings[&qpn];
        self.ring(rings.slot, rings.sent);
        let value = self.env.words[&rings.slot];
        self.qps
            .send_doorbell(&mut self.env, &mut self.res, qpn, value);
    }

    fn ring(&mut self, slot: u32, producer: u32) {
        let value = ProducerDoorbell(0).with_producer(producer).0;
        self.env.words.insert(slot, value);
    }

    pub fn post(&mut self, qpn: u32, wr: Wr) {
        self.write_send(qpn, &wr);
        self.ring_send(qpn);
    }

    /// Posts a receive; the device finds it when it looks.
    pub fn receive(&mut self, qpn: u32, context: u64, list: &[(u64, u32, u32)]) {
        let rings = self.rings.get_mut(&qpn).unwrap();
        let index = u64::from(rings.received % (1 << LOG_ENTRIES));
        rings.received = rings.received.wrapping_add(1);
        let (at, slot, producer) = (
            rings.receive + (index << LOG_STRIDE),
            rings.slot + 1,
            rings.received,
        );
        self.write_receive(at, context, list);
        self.ring(slot, producer);
        let value = self.env.words[&slot];
        self.qps
            .receive_doorbell(&mut self.env, &mut self.res, qpn, value);
    }

    fn write_receive(&mut self, at: u64, context: u64, list: &[(u64, u32, u32)]) {
        let mut h = ReceiveHeader::zeroed();
        h.context.set(context);
        h.segment_count.set(list.len() as u16);
        let mut bytes = h.as_bytes().to_vec();
        bytes.extend(segments(list));
        self.guest.write(at, &bytes);
    }

    /// Posts to the shared receive queue.
    pub fn receive_shared(&mut self, context: u64, list: &[(u64, u32, u32)]) {
        let (at, posted) = self.srq_ring;
        let slot = u64::from(posted % (1 << LOG_ENTRIES));
        self.write_receive(at + (slot << LOG_STRIDE), context, list);
        self.srq_ring.1 += 1;
        self.ring(SRQ_SLOT, posted + 1);
    }

    /// Completions since the last call; the consumer index follows.
    pub fn poll(&mut self) -> Vec<Completion> {
        let mut all = Vec::new();
        loop {
            let slot = u64::from(self.consumer % (1 << CQ_LOG));
            let mut bytes = [0; 64];
            self.guest.read(self.cq_at + slot * 64, &mut bytes);
            let c = Completion::read_from_bytes(&bytes).unwrap();
            let owner = u8::from(self.consumer & (1 << CQ_LOG) == 0);
            if c.owner != owner {
                break;
            }
            all.push(c);
            self.consumer = self.consumer.wrapping_add(1);
        }
        let value = u64::from(self.consumer);
        self.env.words.insert(CQ_SLOT, value);
        self.res.cq_doorbell(&mut self.env, self.cqn, value);
        all
    }

    /// Status, syndrome and context of each completion.
    pub fn outcomes(&mut self) -> Vec<(u64, rnic_abi::CompletionStatus, rnic_abi::ProviderError)> {
        self.poll()
            .iter()
            .map(|c| (c.context.get(), c.status(), c.syndrome()))
            .collect()
    }

    /// General events since the last call.
    pub fn events(&mut self) -> Vec<(EventCode, GeneralEvent)> {
        let mut all = Vec::new();
        loop {
            let slot = u64::from(self.eq_consumer % (1 << EQ_LOG));
            let mut bytes = [0; 512];
            self.guest.read(self.eq_at + slot * 512, &mut bytes);
            let e = GeneralEvent::read_from_bytes(&bytes).unwrap();
            if e.owner != u8::from(self.eq_consumer & (1 << EQ_LOG) == 0) {
                return all;
            }
            all.push((e.code(), e));
            self.eq_consumer += 1;
            let eqn = self.res.general_eq().unwrap();
            let value = u64::from(self.eq_consumer);
            self.res.eq_doorbell(&mut self.env, eqn, value);
        }
    }

    pub fn counter(&self, id: CounterId) -> u64 {
        self.res.counters.get(id)
    }

    pub fn state(&self, qpn: u32) -> QpState {
        self.qps.state(qpn).unwrap().0
    }

    /// Retired words of the two queues.
    pub fn retired(&self, qpn: u32) -> (u64, u64) {
        let words = self.rings[&qpn].words;
        (self.guest.read_u64(words), self.guest.read_u64(words + 8))
    }

    /// Data memory.
    pub fn put(&self, offset: u64, data: &[u8]) {
        self.guest.write(self.memory + offset, data);
    }

    pub fn get(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut data = vec![0; length];
        self.guest.read(self.memory + offset, &mut data);
        data
    }

    pub fn run(&mut self) -> Progress {
        let mut budget = Budget::DEFAULT;
        self.qps.run(&mut self.env, &mut self.res, &mut budget)
    }

    pub fn take(&mut self, item: Item) {
        match item {
            Item::Segment(s) => self.qps.segment_received(&mut self.env, &mut self.res, &s),
            Item::Frame(f) => match rnic_wire::Frame::parse(&f) {
                Ok(frame) => self
                    .qps
                    .frame_received(&mut self.env, &mut self.res, &frame),
                Err(reason) => self.res.counters.count(super::drop_counter(reason)),
            },
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
