//! A device, its host and 1 MiB of guest memory, for the targets that need a whole one.

use std::collections::HashMap;

use rnic_abi::{AnswerHeader, Command, CommandHeader, Layout, Status, reg};
use rnic_core::dma::SharedMemory;
use rnic_core::env::{Budget, Delivered, Env, Nanos, NeighbourId, PortInfo, Progress, Sent};
use rnic_core::fault::{Fault, Site};
use rnic_core::interrupt::VectorState;
use rnic_core::segment::Segment;
use rnic_firmware::{Config, Device, FEATURES};
use rnic_wire::{Gid, MacAddr};
use zerocopy::IntoBytes;

/// The device's Ethernet address.
pub const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
/// Where guest memory begins.
pub const BASE: u64 = 0x10_0000;
/// How much there is.
pub const MEMORY: u64 = 1 << 20;
/// Entries of the command ring.
const RING: u16 = 8;
/// Runs after which a device that is given nothing new must be idle.
const PATIENCE: u32 = 20_000;

/// The host.
pub struct Host {
    /// Now.
    pub now: Nanos,
    /// Doorbell words.
    pub words: HashMap<u32, u64>,
    /// Frames that left, to be looked at or thrown away.
    pub sent: Vec<Vec<u8>>,
}

impl Env for Host {
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
        if self.sent.len() >= 64 {
            return Sent::Full;
        }
        self.sent.push(frame.to_vec());
        Sent::Ok
    }
    fn neighbour(&self, _ip: Gid) -> Option<NeighbourId> {
        None
    }
    fn deliver(&mut self, _to: NeighbourId, _segment: Box<Segment>) -> Delivered {
        Delivered::Gone
    }
    fn raise(&mut self, _vector: u16) {}
    fn fault(&mut self, _site: Site) -> Option<Fault> {
        None
    }
    fn port(&self) -> PortInfo {
        PortInfo {
            up: true,
            mtu: 4200,
            speed_mbps: 10_000,
        }
    }
}

/// The device and everything around it.
pub struct Rig {
    pub host: Host,
    pub memory: SharedMemory,
    pub device: Device,
    next: u64,
    ring: [u64; 3],
    buffer: u64,
    posted: u16,
    seen: u16,
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

impl Rig {
    /// After power-up: memory mapped, bus mastering on.
    #[must_use]
    pub fn new() -> Self {
        let memory = SharedMemory::new(MEMORY).expect("memory for a guest");
        let device = Device::new(Config {
            features: FEATURES,
            ..Config::new(MAC)
        });
        let mut rig = Self {
            host: Host {
                now: Nanos(5_000),
                words: HashMap::new(),
                sent: Vec::new(),
            },
            memory,
            device: device.expect("a device"),
            next: BASE,
            ring: [0; 3],
            buffer: 0,
            posted: 0,
            seen: 0,
        };
        let space = rig.memory.space_at(BASE).expect("a map");
        rig.device.dma_changed(&mut rig.host, space);
        for vector in 0..4 {
            rig.device
                .set_vector(&mut rig.host, vector, VectorState::Connected);
        }
        rig.device
            .config_write(&mut rig.host, 4, &6u16.to_le_bytes());
        rig
    }

    /// As [`Rig::new`], with the command ring running and everything but PARKING negotiated.
    #[must_use]
    pub fn up() -> Self {
        let mut rig = Self::new();
        rig.write32(reg::DEVICE_CONTROL, 1);
        rig.ring = [rig.alloc(4096), rig.alloc(4096), rig.alloc(4096)];
        rig.buffer = rig.alloc(8192);
        rig.write32(reg::CMD_SIZE, u32::from(RING));
        for (register, address) in [reg::CMD_DESC, reg::CMD_AVAIL, reg::CMD_USED]
            .into_iter()
            .zip(rig.ring)
        {
            rig.device
                .bar_write(&mut rig.host, 0, register, &address.to_le_bytes());
        }
        rig.write32(reg::CMD_CONTROL, 1);
        let mut request = rnic_abi::NegotiateRequest::zeroed();
        request.major.set(rnic_abi::interface::MAJOR);
        request.features.set(FEATURES & !rnic_abi::feature::PARKING);
        rig.ok::<rnic_abi::cmd::Negotiate>(request);
        rig
    }

    /// Pages of zeros.
    pub fn alloc(&mut self, bytes: u64) -> u64 {
        let at = self.next;
        self.next += bytes.next_multiple_of(4096);
        assert!(self.next <= BASE + MEMORY, "the rig uses too much memory");
        at
    }

    /// Writes guest memory, as far as there is any.
    pub fn guest_write(&self, iova: u64, bytes: &[u8]) {
        let Some(at) = iova.checked_sub(BASE).filter(|at| *at < MEMORY) else {
            return;
        };
        let room = usize::try_from(MEMORY - at).unwrap_or(0);
        let bytes = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.memory.write(at, bytes).expect("within the memory");
    }

    /// Writes a register.
    pub fn write32(&mut self, offset: u64, value: u32) {
        self.device
            .bar_write(&mut self.host, 0, offset, &value.to_le_bytes());
    }

    /// A store to a mapped doorbell.
    pub fn ring_slot(&mut self, slot: u32, value: u64) {
        let (page, bit) = (slot / 512, slot % 512);
        self.host.words.insert(slot, value);
        *self.host.words.entry(page * 512 + bit / 64).or_default() |= 1 << (bit % 64);
        *self.host.words.entry(page / 64).or_default() |= 1 << (page % 64);
    }

    /// Runs until nothing is left to do at this moment, and takes what was sent.
    ///
    /// # Panics
    /// When the device finds something to do for ever: it would hold its process.
    pub fn settle(&mut self) {
        for _ in 0..PATIENCE {
            self.host.sent.clear();
            if self.device.run(&mut self.host, Budget::DEFAULT) == Progress::Idle {
                return;
            }
        }
        panic!("the device is busy for ever");
    }

    /// Lets the next timer expire.
    pub fn wait(&mut self) {
        if let Some(due) = self.device.next_timer() {
            self.host.now = self.host.now.max(due);
        }
        self.settle();
    }

    /// A ring and its description; the ring's address.
    pub fn ring_of(
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
        description
            .page_count
            .set(u32::try_from(pages).unwrap_or(0));
        description.log_entries = log_entries;
        description.log_stride = log_stride;
        description.doorbell.set(slot);
        (description, at)
    }

    /// Posts bytes as a request and runs; the answer's status, if one came.
    pub fn submit(&mut self, request: &[u8]) -> Option<Status> {
        let request = request.get(..request.len().min(4096)).unwrap_or_default();
        self.guest_write(self.buffer, request);
        let length = u32::try_from(request.len()).unwrap_or(0);
        self.descriptor(0, self.buffer, length, 1, 1);
        self.descriptor(1, self.buffer + 4096, 2048, 2, 0);
        let slot = u64::from(self.posted % RING);
        self.guest_write(self.ring[1] + 4 + slot * 2, &0u16.to_le_bytes());
        self.posted = self.posted.wrapping_add(1);
        self.guest_write(self.ring[1] + 2, &self.posted.to_le_bytes());
        self.write32(reg::CMD_NOTIFY, 0);
        self.settle();
        let mut index = [0; 2];
        self.memory.read(self.ring[2] + 2 - BASE, &mut index).ok()?;
        // What waits for time is answered later; its answer is overwritten by the next.
        if u16::from_le_bytes(index) == self.seen {
            return None;
        }
        self.seen = u16::from_le_bytes(index);
        let mut header = [0; AnswerHeader::SIZE];
        self.memory
            .read(self.buffer + 4096 - BASE, &mut header)
            .ok()?;
        rnic_abi::read::<AnswerHeader>(&header).map(|header| header.status())
    }

    fn descriptor(&self, index: u16, iova: u64, len: u32, flags: u16, next: u16) {
        let mut raw = [0; 16];
        raw[..8].copy_from_slice(&iova.to_le_bytes());
        raw[8..12].copy_from_slice(&len.to_le_bytes());
        raw[12..14].copy_from_slice(&flags.to_le_bytes());
        raw[14..].copy_from_slice(&next.to_le_bytes());
        self.guest_write(self.ring[0] + u64::from(index) * 16, &raw);
    }

    /// Executes a command that succeeds.
    pub fn ok<C: Command>(&mut self, request: C::Request) -> C::Response {
        let mut bytes = request.as_bytes().to_vec();
        let mut header = CommandHeader::zeroed().with_opcode(C::CODE);
        header.length.set(u32::try_from(bytes.len()).unwrap_or(0));
        bytes[..CommandHeader::SIZE].copy_from_slice(header.as_bytes());
        assert_eq!(self.submit(&bytes), Some(Status::OK), "{:?}", C::CODE);
        let mut answer = vec![0; size_of::<C::Response>()];
        self.memory
            .read(self.buffer + 4096 - BASE, &mut answer)
            .expect("within the memory");
        rnic_abi::read(&answer).expect("a whole answer")
    }
}

/// A request of all zeros.
#[must_use]
pub fn zeroed<T: Layout>() -> T {
    T::default()
}
