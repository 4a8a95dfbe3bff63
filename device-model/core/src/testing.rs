//! A small host and a small guest for unit tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rnic_abi::RingDescription;
use rnic_wire::Gid;
use zerocopy::FromZeros;

use crate::dma::{DmaSpace, SharedMemory};
use crate::env::{Delivered, Env, Nanos, NeighbourId, PortInfo, Sent};
use crate::fault::{Fault, FaultPlan, Site};
use crate::segment::Segment;

/// Memory of a guest at IOVA [`Guest::BASE`], given out piece by piece.
pub struct Guest {
    memory: SharedMemory,
    space: Arc<DmaSpace>,
    next: u64,
}

impl Guest {
    pub const BASE: u64 = 0x10_0000;

    pub fn new() -> Self {
        Self::with_bytes(8 << 20)
    }

    pub fn with_bytes(bytes: u64) -> Self {
        let memory = SharedMemory::new(bytes).unwrap();
        let space = memory.space_at(Self::BASE).unwrap();
        Self {
            memory,
            space,
            next: Self::BASE,
        }
    }

    pub fn space(&self) -> Arc<DmaSpace> {
        Arc::clone(&self.space)
    }

    /// Pages of zeros.
    pub fn alloc(&mut self, bytes: u64) -> u64 {
        let at = self.next;
        self.next += bytes.next_multiple_of(4096);
        assert!(
            self.next <= Self::BASE + self.memory.len(),
            "guest memory is used up"
        );
        at
    }

    /// A zeroed ring and its description.
    pub fn ring(&mut self, log_entries: u8, log_stride: u8, doorbell: u32) -> RingDescription {
        let bytes = 1u64 << (log_entries + log_stride);
        let pages = bytes.div_ceil(4096);
        let list = self.alloc(pages * 8);
        let ring = self.alloc(bytes);
        for page in 0..pages {
            self.write_u64(list + page * 8, ring + page * 4096);
        }
        let mut description = RingDescription::new_zeroed();
        description.page_list.set(list);
        description.page_count.set(u32::try_from(pages).unwrap());
        description.log_entries = log_entries;
        description.log_stride = log_stride;
        description.doorbell.set(doorbell);
        description
    }

    pub fn read(&self, iova: u64, to: &mut [u8]) {
        self.memory.read(iova - Self::BASE, to).unwrap();
    }

    pub fn write(&self, iova: u64, from: &[u8]) {
        self.memory.write(iova - Self::BASE, from).unwrap();
    }

    pub fn read_u64(&self, iova: u64) -> u64 {
        self.memory.load_acquire_u64(iova - Self::BASE).unwrap()
    }

    pub fn write_u64(&self, iova: u64, value: u64) {
        self.memory
            .store_release_u64(iova - Self::BASE, value)
            .unwrap();
    }
}

/// A host that remembers what happened.
pub struct TestEnv {
    pub now: Nanos,
    pub words: HashMap<u32, u64>,
    pub mapped: bool,
    /// Loads of doorbell words so far.
    pub loads: std::cell::Cell<u64>,
    pub raised: BTreeMap<u16, u32>,
    pub plan: FaultPlan,
    pub port: PortInfo,
}

impl TestEnv {
    pub fn new() -> Self {
        Self {
            now: Nanos(1_000),
            words: HashMap::new(),
            mapped: true,
            loads: std::cell::Cell::new(0),
            raised: BTreeMap::new(),
            plan: FaultPlan::default(),
            port: PortInfo {
                up: true,
                mtu: 1500,
                speed_mbps: 10_000,
            },
        }
    }

    /// Messages of `vector` since the last question.
    pub fn take_raised(&mut self, vector: u16) -> u32 {
        self.raised.remove(&vector).unwrap_or(0)
    }
}

impl Env for TestEnv {
    fn now(&self) -> Nanos {
        self.now
    }
    fn doorbell(&self, word: u32) -> u64 {
        self.loads.set(self.loads.get() + 1);
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
    fn transmit(&mut self, _frame: &[u8]) -> Sent {
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
