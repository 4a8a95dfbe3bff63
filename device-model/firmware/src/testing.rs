//! A small host, and a small driver of the command ring, for unit tests.

use std::collections::{BTreeMap, HashMap};

use rnic_abi::{
    AnswerHeader, Command, CommandHeader, Layout, Opcode, Status, SyndromeReason, feature, reg,
};
use rnic_core::dma::SharedMemory;
use rnic_core::env::{Budget, Delivered, Env, Nanos, NeighbourId, PortInfo, Progress, Sent};
use rnic_core::fault::{Fault, FaultPlan, Site};
use rnic_core::interrupt::VectorState;
use rnic_core::segment::Segment;
use rnic_wire::{Gid, MacAddr};
use zerocopy::IntoBytes;

use crate::{Config, Device, FEATURES};

pub const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
pub const BASE: u64 = 0x10_0000;
/// Vector of answers.
pub const ANSWERS: u16 = 3;
const RING: u16 = 8;

pub struct TestEnv {
    pub now: Nanos,
    pub words: HashMap<u32, u64>,
    pub mapped: bool,
    pub raised: BTreeMap<u16, u32>,
    pub plan: FaultPlan,
    pub port: PortInfo,
    /// Frames given to the port.
    pub sent: Vec<Vec<u8>>,
}

impl Env for TestEnv {
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
        self.mapped
    }
    fn transmit(&mut self, frame: &[u8]) -> Sent {
        self.sent.push(frame.to_vec());
        Sent::Ok
    }
    fn neighbour(&self, _ip: Gid) -> Option<NeighbourId> {
        None
    }
    fn deliver(&mut self, _to: NeighbourId, _segment: Box<Segment>) -> Delivered {
        Delivered::Gone
    }
    fn raise(&mut self, vector: u16) {
        *self.raised.entry(vector).or_default() += 1;
    }
    fn fault(&mut self, site: Site) -> Option<Fault> {
        self.plan.consult(site)
    }
    fn port(&self) -> PortInfo {
        self.port
    }
}

/// A device, its host and its driver.
pub struct Rig {
    pub env: TestEnv,
    pub memory: SharedMemory,
    pub device: Device,
    next: u64,
    /// Descriptors, available ring, used ring.
    ring: [u64; 3],
    buffer: u64,
    posted: u16,
    seen: u16,
    tag: u64,
    /// Made by [`Rig::queue_pair`].
    queue_pairs: u32,
}

/// What a command answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub header: AnswerHeader,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Status, and of the syndrome the reason and the offset.
    pub fn result(&self) -> (Status, SyndromeReason, u16) {
        let syndrome = self.header.syndrome();
        (self.header.status(), syndrome.reason(), syndrome.offset())
    }

    pub fn status(&self) -> Status {
        self.header.status()
    }
}

impl Rig {
    /// Power-up, memory mapped, bus mastering on.
    pub fn new() -> Self {
        Self::with_features(FEATURES)
    }

    pub fn with_features(features: u64) -> Self {
        let memory = SharedMemory::new(16 << 20).unwrap();
        let device = Device::new(Config {
            features,
            ..Config::new(MAC)
        })
        .unwrap();
        let env = TestEnv {
            now: Nanos(5_000),
            words: HashMap::new(),
            mapped: true,
            raised: BTreeMap::new(),
            plan: FaultPlan::default(),
            port: PortInfo {
                up: true,
                mtu: 4200,
                speed_mbps: 10_000,
            },
            sent: Vec::new(),
        };
        let mut rig = Self {
            env,
            memory,
            device,
            next: BASE,
            ring: [0; 3],
            buffer: 0,
            posted: 0,
            queue_pairs: 0,
            seen: 0,
            tag: 0,
        };
        let space = rig.memory.space_at(BASE).unwrap();
        rig.device.dma_changed(&mut rig.env, space);
        for vector in 0..8 {
            rig.device
                .set_vector(&mut rig.env, vector, VectorState::Connected);
        }
        rig.config_write(4, &6u16.to_le_bytes());
        rig
    }

    /// As [`Rig::new`], with the ring enabled and everything offered negotiated but PARKING.
    pub fn up() -> Self {
        let mut rig = Self::new();
        rig.enable();
        let mut request = rnic_abi::NegotiateRequest::zeroed();
        request.major.set(rnic_abi::interface::MAJOR);
        request.features.set(FEATURES & !feature::PARKING);
        assert_eq!(
            rig.run::<rnic_abi::cmd::Negotiate>(request).status(),
            Status::OK
        );
        rig
    }

    /// Starts the device and its command ring.
    pub fn enable(&mut self) {
        self.write32(reg::DEVICE_CONTROL, 1);
        self.ring = [self.alloc(4096), self.alloc(4096), self.alloc(4096)];
        self.buffer = self.alloc(8192);
        self.enable_ring();
    }

    pub fn enable_ring(&mut self) {
        self.memory.fill(self.ring[1] - BASE, 4096, 0).unwrap();
        self.memory.fill(self.ring[2] - BASE, 4096, 0).unwrap();
        (self.posted, self.seen) = (0, 0);
        self.write32(reg::CMD_SIZE, u32::from(RING));
        for (register, address) in [reg::CMD_DESC, reg::CMD_AVAIL, reg::CMD_USED]
            .into_iter()
            .zip(self.ring)
        {
            self.write64(register, address);
        }
        self.write32(reg::CMD_CONTROL, 1 | u32::from(ANSWERS) << 16);
        assert_eq!(self.read32(reg::CMD_CONTROL) & 1, 1);
    }

    pub fn alloc(&mut self, bytes: u64) -> u64 {
        let at = self.next;
        self.next += bytes.next_multiple_of(4096);
        assert!(self.next <= BASE + self.memory.len());
        at
    }

    pub fn read32(&mut self, offset: u64) -> u32 {
        let mut data = [0xAA; 4];
        self.device.bar_read(&mut self.env, 0, offset, &mut data);
        u32::from_le_bytes(data)
    }

    pub fn read64(&mut self, offset: u64) -> u64 {
        let mut data = [0xAA; 8];
        self.device.bar_read(&mut self.env, 0, offset, &mut data);
        u64::from_le_bytes(data)
    }

    pub fn write32(&mut self, offset: u64, value: u32) {
        self.device
            .bar_write(&mut self.env, 0, offset, &value.to_le_bytes());
    }

    pub fn write64(&mut self, offset: u64, value: u64) {
        self.device
            .bar_write(&mut self.env, 0, offset, &value.to_le_bytes());
    }

    /// A trapped store to a doorbell.
    pub fn ring_slot(&mut self, slot: u32, value: u64) {
        self.device
            .bar_write(&mut self.env, 2, u64::from(slot) * 8, &value.to_le_bytes());
    }

    pub fn config_write(&mut self, offset: usize, data: &[u8]) {
        self.device.config_write(&mut self.env, offset, data);
    }

    pub fn guest_write(&self, iova: u64, bytes: &[u8]) {
        self.memory.write(iova - BASE, bytes).unwrap();
    }

    pub fn guest_u64(&self, iova: u64) -> u64 {
        self.memory.load_acquire_u64(iova - BASE).unwrap()
    }

    /// Runs until nothing is left to do at this moment.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.device.run(&mut self.env, Budget::DEFAULT) == Progress::Idle {
                return;
            }
        }
        panic!("the device is still busy");
    }

    /// A zeroed ring, its description and the address of its first entry.
    pub fn ring_description(
        &mut self,
        log_entries: u8,
        log_stride: u8,
        slot: u32,
    ) -> (rnic_abi::RingDescription, u64) {
        let bytes = 1u64 << (log_entries + log_stride);
        let pages = bytes.div_ceil(4096);
        let list = self.alloc(pages * 8);
        let at = self.alloc(bytes);
        for page in 0..pages {
            self.guest_write(list + page * 8, &(at + page * 4096).to_le_bytes());
        }
        let mut description = rnic_abi::RingDescription::zeroed();
        description.page_list.set(list);
        description.page_count.set(u32::try_from(pages).unwrap());
        description.log_entries = log_entries;
        description.log_stride = log_stride;
        description.doorbell.set(slot);
        (description, at)
    }

    /// Another queue pair in INIT, on slots of page 3, with a domain and completion queues of its own.
    pub fn queue_pair(&mut self) -> u32 {
        let slot = 3 * 512 + 8 + 4 * self.queue_pairs;
        self.queue_pairs += 1;
        let pd = self.ok::<rnic_abi::cmd::CreatePd>(zeroed()).pd.get();
        let mut eq = rnic_abi::CreateEqRequest::zeroed().with_kind(rnic_abi::EqKind::COMPLETION);
        eq.ring = self.ring_description(2, 4, slot).0;
        let eqn = self.ok::<rnic_abi::cmd::CreateEq>(eq).eqn.get();
        let mut cq: rnic_abi::CreateCqRequest = zeroed();
        cq.eqn.set(eqn);
        cq.ring = self.ring_description(4, 6, slot + 1).0;
        let cqn = self.ok::<rnic_abi::cmd::CreateCq>(cq).cqn.get();
        let mut qp = rnic_abi::CreateQpRequest::zeroed().with_qp_type(rnic_abi::QpType::RC);
        qp.pd.set(pd);
        qp.send_cqn.set(cqn);
        qp.recv_cqn.set(cqn);
        let words = self.alloc(16);
        qp.send_retired_address.set(words);
        qp.recv_retired_address.set(words + 8);
        qp.send_ring = self.ring_description(2, 6, slot + 2).0;
        qp.recv_ring = self.ring_description(2, 6, slot + 3).0;
        self.ok::<rnic_abi::cmd::CreateQp>(qp).qpn.get()
    }

    /// Posts bytes as a request, with `room` bytes for the answer, and tells the device.
    pub fn post(&mut self, request: &[u8], room: u32) {
        let request_at = self.buffer + u64::from(self.posted % 4) * 512;
        let answer_at = self.buffer + 4096;
        self.memory.fill(answer_at - BASE, 2048, 0xEE).unwrap();
        self.guest_write(request_at, request);
        let head = self.posted % 4 * 2;
        let length = u32::try_from(request.len()).unwrap();
        self.descriptor(head, request_at, length, 1, head + 1);
        self.descriptor(head + 1, answer_at, room, 2, 0);
        let available = self.ring[1];
        let slot = u64::from(self.posted % RING);
        self.guest_write(available + 4 + slot * 2, &head.to_le_bytes());
        self.posted += 1;
        self.guest_write(available + 2, &self.posted.to_le_bytes());
        self.write32(reg::CMD_NOTIFY, 0);
    }

    pub fn descriptor(&self, index: u16, iova: u64, len: u32, flags: u16, next: u16) {
        let mut raw = [0; 16];
        raw[..8].copy_from_slice(&iova.to_le_bytes());
        raw[8..12].copy_from_slice(&len.to_le_bytes());
        raw[12..14].copy_from_slice(&flags.to_le_bytes());
        raw[14..].copy_from_slice(&next.to_le_bytes());
        self.guest_write(self.ring[0] + u64::from(index) * 16, &raw);
    }

    /// The next answer, if there is one.
    pub fn answer(&mut self) -> Option<Answer> {
        let used = self.ring[2] - BASE;
        let mut index = [0; 2];
        self.memory.read(used + 2, &mut index).unwrap();
        if u16::from_le_bytes(index) == self.seen {
            return None;
        }
        let mut entry = [0; 8];
        let slot = u64::from(self.seen % RING);
        self.memory.read(used + 4 + slot * 8, &mut entry).unwrap();
        self.seen += 1;
        let length = (u64::from_le_bytes(entry) >> 32) as usize;
        let mut bytes = vec![0; length];
        self.memory
            .read(self.buffer + 4096 - BASE, &mut bytes)
            .unwrap();
        Some(Answer {
            header: rnic_abi::read(&bytes).unwrap(),
            bytes,
        })
    }

    /// Posts bytes and waits for the answer.
    pub fn raw(&mut self, request: &[u8], room: u32) -> Answer {
        self.post(request, room);
        self.settle();
        self.answer().expect("the device answers")
    }

    /// The bytes of a request, header filled in.
    pub fn bytes<C: Command>(&mut self, request: C::Request) -> Vec<u8> {
        let mut bytes = request.as_bytes().to_vec();
        self.tag += 1;
        let mut header = CommandHeader::zeroed().with_opcode(C::CODE);
        header.length.set(u32::try_from(bytes.len()).unwrap());
        header.tag.set(self.tag);
        bytes[..16].copy_from_slice(header.as_bytes());
        bytes
    }

    /// Executes a command.
    pub fn run<C: Command>(&mut self, request: C::Request) -> Answer {
        let bytes = self.bytes::<C>(request);
        let answer = self.raw(&bytes, 2048);
        assert_eq!(answer.header.opcode(), C::CODE);
        assert_eq!(answer.header.tag.get(), self.tag);
        let whole = size_of::<C::Response>();
        let expected = if answer.status() == Status::OK {
            whole
        } else {
            16
        };
        assert_eq!(answer.bytes.len(), expected, "{:?}", C::CODE);
        answer
    }

    /// Executes a command that succeeds.
    pub fn ok<C: Command>(&mut self, request: C::Request) -> C::Response {
        let answer = self.run::<C>(request);
        assert_eq!(answer.result().0, Status::OK, "{:?}: {answer:?}", C::CODE);
        rnic_abi::read(&answer.bytes).unwrap()
    }

    /// Executes a command that fails.
    pub fn fails<C: Command>(&mut self, request: C::Request) -> (Status, SyndromeReason, u16) {
        self.run::<C>(request).result()
    }
}

/// A request of all zeros.
pub fn zeroed<T: Layout>() -> T {
    T::default()
}

/// The header of a request of any opcode.
pub fn header(opcode: Opcode, length: u32) -> CommandHeader {
    let mut header = CommandHeader::zeroed().with_opcode(opcode);
    header.length.set(length);
    header.tag.set(77);
    header
}
