//! Memory, registers and doorbells of one process, and the device's side of each ring, byte by byte: enough to prove
//! what the driver writes and how it takes what it reads. It judges nothing and completes nothing by itself; the whole
//! device is under the driver in `device-model/sim/tests`.
#![allow(dead_code)] // Each test uses a part.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rnic_abi::{Layout, consts, feature, interface, limit, place, reg};
use rnic_driver_core::{BringUp, Config, Device, Step};
use rnic_platform::{Bar, DmaAccess, DmaBuffer, DoorbellSlot, Nanos, Platform, PlatformError};

#[derive(Default)]
struct State {
    memory: BTreeMap<u64, Arc<Mutex<Vec<u8>>>>,
    next_iova: u64,
    registers: BTreeMap<u32, u64>,
    slots: BTreeMap<u32, u64>,
    /// Register writes and slot stores, in order.
    log: Vec<Access>,
    used: u16,
    seen: u16,
    gone: bool,
    parked_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Write(u32, u64),
    Store(u32, u64),
    Or(u32, u64),
    Fence,
}

/// The machine; clones share it.
#[derive(Clone)]
pub struct Machine {
    state: Arc<Mutex<State>>,
    /// Allocations that succeed before one fails; `usize::MAX`: all.
    pub allowed: Arc<AtomicUsize>,
}

pub struct Buffer {
    iova: u64,
    bytes: Arc<Mutex<Vec<u8>>>,
    state: Arc<Mutex<State>>,
}

pub struct Slot(u32, Arc<Mutex<State>>);

impl Drop for Buffer {
    fn drop(&mut self) {
        self.state.lock().unwrap().memory.remove(&self.iova);
    }
}

impl DmaBuffer for Buffer {
    fn iova(&self) -> u64 {
        self.iova
    }
    fn len(&self) -> usize {
        self.bytes.lock().unwrap().len()
    }
    fn read(&self, offset: usize, data: &mut [u8]) {
        data.copy_from_slice(&self.bytes.lock().unwrap()[offset..offset + data.len()]);
    }
    fn write(&self, offset: usize, data: &[u8]) {
        self.bytes.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
    }
    fn load_u16(&self, offset: usize) -> u16 {
        let mut b = [0; 2];
        self.read(offset, &mut b);
        u16::from_le_bytes(b)
    }
    fn load_u32(&self, offset: usize) -> u32 {
        let mut b = [0; 4];
        self.read(offset, &mut b);
        u32::from_le_bytes(b)
    }
    fn load_u64(&self, offset: usize) -> u64 {
        let mut b = [0; 8];
        self.read(offset, &mut b);
        u64::from_le_bytes(b)
    }
    fn store_u16(&self, offset: usize, value: u16) {
        self.write(offset, &value.to_le_bytes());
    }
    fn store_u32(&self, offset: usize, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }
    fn store_u64(&self, offset: usize, value: u64) {
        self.write(offset, &value.to_le_bytes());
    }
}

impl DoorbellSlot for Slot {
    fn store(&self, value: u64) {
        let mut state = self.1.lock().unwrap();
        state.slots.insert(self.0, value);
        state.log.push(Access::Store(self.0, value));
    }
    fn fetch_or(&self, bits: u64) {
        let mut state = self.1.lock().unwrap();
        *state.slots.entry(self.0).or_default() |= bits;
        state.log.push(Access::Or(self.0, bits));
    }
}

impl Platform for Machine {
    type Dma = Buffer;
    type Doorbell = Slot;

    fn read32(&self, bar: Bar, offset: u32) -> u32 {
        self.read64(bar, offset) as u32
    }
    fn write32(&self, bar: Bar, offset: u32, value: u32) {
        self.write64(bar, offset, value.into());
    }
    fn read64(&self, bar: Bar, offset: u32) -> u64 {
        assert_eq!(bar, Bar::Registers);
        let state = self.state.lock().unwrap();
        if state.gone {
            return u64::MAX;
        }
        state.registers.get(&offset).copied().unwrap_or(0)
    }
    fn write64(&self, bar: Bar, offset: u32, value: u64) {
        assert_eq!(bar, Bar::Registers);
        let mut state = self.state.lock().unwrap();
        state.log.push(Access::Write(offset, value));
        let at = u64::from(offset);
        if at == reg::DEVICE_CONTROL {
            if reg::device_control::RESET.is_set(value) {
                state.registers.insert(reg::CMD_CONTROL as u32, 0);
                return;
            }
            let enabled = reg::device_status::ENABLED.place(value & 1);
            let status = state
                .registers
                .entry(reg::DEVICE_STATUS as u32)
                .or_default();
            *status = (*status & !reg::device_status::ENABLED.mask()) | enabled;
        }
        if at != reg::KICK && at != reg::CMD_NOTIFY {
            state.registers.insert(offset, value);
        }
    }
    fn doorbell(&self, index: u32) -> Result<Slot, PlatformError> {
        if u64::from(index) * 8 >= place::BAR_DOORBELLS_SIZE {
            return Err(PlatformError::Invalid);
        }
        Ok(Slot(index, self.state.clone()))
    }
    fn config_read(&self, _: u16, _: u8) -> u32 {
        0
    }
    fn config_write(&self, _: u16, _: u8, _: u32) {}
    fn alloc_dma(&self, bytes: usize, _: DmaAccess) -> Result<Buffer, PlatformError> {
        let left = self.allowed.load(Ordering::Relaxed);
        if left == 0 {
            return Err(PlatformError::NoMemory);
        }
        if left != usize::MAX {
            self.allowed.store(left - 1, Ordering::Relaxed);
        }
        let mut state = self.state.lock().unwrap();
        let iova = state.next_iova;
        let length = bytes.next_multiple_of(4096);
        state.next_iova += length as u64 + 4096;
        let bytes = Arc::new(Mutex::new(vec![0; length]));
        state.memory.insert(iova, bytes.clone());
        Ok(Buffer {
            iova,
            bytes,
            state: self.state.clone(),
        })
    }
    fn fence(&self) {
        self.state.lock().unwrap().log.push(Access::Fence);
    }
    fn now(&self) -> Nanos {
        Nanos(0)
    }
}

impl Machine {
    /// A device of the specification, before bring-up.
    pub fn new(features: u64) -> Self {
        let mut state = State {
            next_iova: 0x1_0000_0000,
            ..State::default()
        };
        for register in rnic_abi::REGISTERS {
            state
                .registers
                .insert(register.offset as u32, register.reset);
        }
        for (at, value) in [
            (reg::FEATURES, features),
            (reg::NODE_GUID, 0x1234),
            (reg::DOORBELL_PAGES, limit::DOORBELL_PAGES),
            (
                reg::CAPABILITY,
                reg::capability::COMMAND_RING_LOG.place(8) | reg::capability::VECTORS.place(64),
            ),
        ] {
            state.registers.insert(at as u32, value);
        }
        Self {
            state: Arc::new(Mutex::new(state)),
            allowed: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    pub fn set_register(&self, at: u64, value: u64) {
        self.state
            .lock()
            .unwrap()
            .registers
            .insert(at as u32, value);
    }

    pub fn remove(&self) {
        self.state.lock().unwrap().gone = true;
    }

    /// Writes the parked word.
    pub fn park(&self, parked: bool) {
        let at = self.state.lock().unwrap().parked_at;
        self.dma_write(at, &u64::from(parked).to_le_bytes());
    }

    /// Buffers that are mapped.
    pub fn buffers(&self) -> usize {
        self.state.lock().unwrap().memory.len()
    }

    pub fn slot(&self, index: u32) -> u64 {
        self.state
            .lock()
            .unwrap()
            .slots
            .get(&index)
            .copied()
            .unwrap_or(0)
    }

    pub fn take_log(&self) -> Vec<Access> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }

    /// DMA by the device.
    pub fn dma_read(&self, address: u64, length: usize) -> Vec<u8> {
        let (offset, bytes) = self.find(address);
        bytes.lock().unwrap()[offset..offset + length].to_vec()
    }

    pub fn dma_write(&self, address: u64, data: &[u8]) {
        let (offset, bytes) = self.find(address);
        bytes.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
    }

    pub fn dma<T: Layout>(&self, address: u64) -> T {
        rnic_abi::read(&self.dma_read(address, size_of::<T>())).unwrap()
    }

    fn find(&self, address: u64) -> (usize, Arc<Mutex<Vec<u8>>>) {
        let state = self.state.lock().unwrap();
        let (iova, bytes) = state.memory.range(..=address).next_back().expect("mapped");
        let offset = (address - iova) as usize;
        assert!(
            offset < bytes.lock().unwrap().len(),
            "{address:#x} is mapped"
        );
        (offset, bytes.clone())
    }

    fn register(&self, at: u64) -> u64 {
        self.state.lock().unwrap().registers[&(at as u32)]
    }

    /// Takes the next command from the ring: head, opcode, request, address and length of the answer's place.
    pub fn next_command(&self) -> Option<Taken> {
        if self.register(reg::CMD_CONTROL) & 1 == 0 {
            return None;
        }
        let available = self.register(reg::CMD_AVAIL);
        let size = self.register(reg::CMD_SIZE) as u16;
        let index = u16::from_le_bytes(self.dma_read(available + 2, 2).try_into().unwrap());
        let seen = self.state.lock().unwrap().seen;
        if index == seen {
            return None;
        }
        let at = available + 4 + 2 * u64::from(seen % size);
        let head = u16::from_le_bytes(self.dma_read(at, 2).try_into().unwrap());
        self.state.lock().unwrap().seen = seen.wrapping_add(1);
        let descriptor = |n: u16| {
            let at = self.register(reg::CMD_DESC) + 16 * u64::from(n);
            let b = self.dma_read(at, 16);
            let address = u64::from_le_bytes(b[..8].try_into().unwrap());
            let length = u32::from_le_bytes(b[8..12].try_into().unwrap());
            let flags = u16::from_le_bytes(b[12..14].try_into().unwrap());
            let next = u16::from_le_bytes(b[14..].try_into().unwrap());
            (address, length, flags, next)
        };
        let (address, length, flags, next) = descriptor(head);
        assert_eq!(flags, 1, "readable, with a next");
        let (answer, room, flags, _) = descriptor(next);
        assert_eq!(flags, 2, "writable, the last");
        let request = self.dma_read(address, length as usize);
        Some(Taken {
            head,
            request,
            answer,
            room,
        })
    }

    /// Writes an answer's bytes and its used entry.
    pub fn answer_raw(&self, head: u32, address: u64, bytes: &[u8], length: u32) {
        self.dma_write(address, bytes);
        let used = self.register(reg::CMD_USED);
        let size = self.register(reg::CMD_SIZE) as u16;
        let index = self.state.lock().unwrap().used;
        let at = used + 4 + 8 * u64::from(index % size);
        self.dma_write(at, &head.to_le_bytes());
        self.dma_write(at + 4, &length.to_le_bytes());
        self.state.lock().unwrap().used = index.wrapping_add(1);
        self.dma_write(used + 2, &index.wrapping_add(1).to_le_bytes());
    }

    /// Answers OK: `answer` with its header filled in.
    pub fn answer_ok<T: Layout>(&self, taken: &Taken, answer: T) {
        self.answer(taken, rnic_abi::Status::OK, answer);
    }

    pub fn answer<T: Layout>(&self, taken: &Taken, status: rnic_abi::Status, mut answer: T) {
        let header: rnic_abi::CommandHeader = rnic_abi::read(&taken.request).unwrap();
        let head = rnic_abi::AnswerHeader {
            tag: header.tag,
            ..Default::default()
        }
        .with_opcode(header.opcode())
        .with_status(status);
        let bytes = answer.as_mut_bytes();
        bytes[..16].copy_from_slice(zerocopy::IntoBytes::as_bytes(&head));
        let length = if status == rnic_abi::Status::OK {
            bytes.len()
        } else {
            16
        };
        self.answer_raw(taken.head.into(), taken.answer, bytes, length as u32);
    }

    /// Brings a driver up by answering its commands.
    pub fn up(&self, config: Config) -> Device<Machine> {
        let mut step = BringUp::new(self.clone(), config).advance();
        for _ in 0..100 {
            match step {
                Step::Pending(next) => {
                    self.serve_bring_up();
                    step = next.advance();
                }
                Step::Ready(device) => return device,
                Step::Failed(failed) => panic!("{}", failed.error),
            }
        }
        panic!("bring-up does not end");
    }

    /// Answers the command of bring-up that waits, if one does.
    pub fn serve_bring_up(&self) {
        use rnic_abi::Opcode;
        let Some(taken) = self.next_command() else {
            return;
        };
        let header: rnic_abi::CommandHeader = rnic_abi::read(&taken.request).unwrap();
        match header.opcode() {
            Opcode::NEGOTIATE => {
                let request: rnic_abi::NegotiateRequest = rnic_abi::read(&taken.request).unwrap();
                self.state.lock().unwrap().parked_at = request.parked_address.get();
                let mut answer = rnic_abi::NegotiateAnswer::default();
                answer.major.set(interface::MAJOR);
                answer.features = request.features;
                self.answer_ok(&taken, answer);
            }
            Opcode::QUERY_DEVICE => {
                let answer = rnic_abi::QueryDeviceAnswer {
                    limits: limits(),
                    ..Default::default()
                };
                self.answer_ok(&taken, answer);
            }
            Opcode::QUERY_PORT => self.answer_ok(&taken, rnic_abi::QueryPortAnswer::default()),
            Opcode::CREATE_EQ => {
                let mut answer = rnic_abi::CreateEqAnswer::default();
                answer.eqn.set(1);
                self.answer_ok(&taken, answer);
            }
            other => panic!("{other} during bring-up"),
        }
    }
}

/// The model's limits, by the metadata.
pub fn limits() -> rnic_abi::DeviceLimits {
    let mut limits = rnic_abi::DeviceLimits::default();
    let structure = rnic_abi::STRUCTS
        .iter()
        .find(|s| s.name == "DeviceLimits")
        .unwrap();
    for l in rnic_abi::LIMITS {
        if let Some(("DeviceLimits", name)) = l.reported_by {
            let field = structure.fields.iter().find(|f| f.name == name).unwrap();
            let bytes = zerocopy::IntoBytes::as_mut_bytes(&mut limits);
            bytes[field.offset..field.offset + field.size]
                .copy_from_slice(&l.value.to_le_bytes()[..field.size]);
        }
    }
    limits.page_sizes.set(1 << 12);
    limits
}

/// A command that the device took.
pub struct Taken {
    pub head: u16,
    pub request: Vec<u8>,
    pub answer: u64,
    pub room: u32,
}

/// Every feature but the guest's own QP1.
pub fn all() -> u64 {
    feature::ALL_NAMED & !feature::GUEST_QP1
}

/// DMA addresses of a ring's entries, from its description.
pub fn entry_address(machine: &Machine, ring: &rnic_abi::RingDescription, index: u32) -> u64 {
    let offset = u64::from(index % (1 << ring.log_entries)) << ring.log_stride;
    let page = offset / u64::from(consts::PAGE_SIZE);
    assert!(page < u64::from(ring.page_count.get()));
    let address = machine.dma_read(ring.page_list.get() + page * 8, 8);
    u64::from_le_bytes(address.try_into().unwrap()) + offset % u64::from(consts::PAGE_SIZE)
}
