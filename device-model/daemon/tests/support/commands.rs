//! A command ring of one descriptor pair, written from the specification alone.

use rnic_abi::{
    AnswerHeader, Command, CommandHeader, NegotiateRequest, Status, cmd, consts, feature,
    interface, reg,
};
use rnic_core::dma::SharedMemory;
use zerocopy::IntoBytes;

use super::{Guest, IOVA, wait_until};

/// Offsets in the memory.
const DESC: u64 = 0x0;
const AVAIL: u64 = 0x400;
const USED: u64 = 0x800;
const REQUEST: u64 = 0x1000;
const ANSWER: u64 = 0x2000;
const PARKED: u64 = 0x3000;
const SIZE: u16 = 2;

/// The guest's side of a ring.
pub struct Ring {
    pub memory: SharedMemory,
    posted: u16,
}

impl Ring {
    /// Maps memory and sets the ring up.
    pub fn new(guest: &mut Guest) -> Self {
        let memory = SharedMemory::new(0x10000).unwrap();
        guest.map(&memory);
        guest.enable_function();
        guest.write32(reg::CMD_SIZE, SIZE.into());
        guest.write64(reg::CMD_DESC, IOVA + DESC);
        guest.write64(reg::CMD_AVAIL, IOVA + AVAIL);
        guest.write64(reg::CMD_USED, IOVA + USED);
        let none = u32::from(consts::VECTOR_NONE) << 16;
        guest.write32(reg::CMD_CONTROL, none | 1);
        guest.write32(reg::DEVICE_CONTROL, 1);
        assert_eq!(guest.read32(reg::CMD_CONTROL) & 1, 1, "the ring is live");
        Self { memory, posted: 0 }
    }

    /// Puts a request in the ring and tells the device.
    pub fn post(&mut self, guest: &mut Guest, request: &[u8], answer_bytes: u32) {
        let descriptor = |address: u64, length: u32, flags: u16, next: u16| {
            let mut bytes = address.to_le_bytes().to_vec();
            bytes.extend(length.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend(next.to_le_bytes());
            bytes
        };
        let length = u32::try_from(request.len()).unwrap();
        // VIRTIO 1.2, 2.7.5: NEXT is 1, WRITE is 2.
        let readable = descriptor(IOVA + REQUEST, length, 1, 1);
        let writable = descriptor(IOVA + ANSWER, answer_bytes, 2, 0);
        self.memory.write(REQUEST, request).unwrap();
        self.memory.fill(ANSWER, answer_bytes.into(), 0xEE).unwrap();
        self.memory
            .write(DESC, &[readable, writable].concat())
            .unwrap();
        let slot = AVAIL + 4 + u64::from(self.posted % SIZE) * 2;
        self.memory.write(slot, &0u16.to_le_bytes()).unwrap();
        self.posted = self.posted.wrapping_add(1);
        self.memory
            .write(AVAIL + 2, &self.posted.to_le_bytes())
            .unwrap();
        guest.write32(reg::CMD_NOTIFY, 1);
    }

    /// Waits for the answer of the last request.
    pub fn answer(&self, length: usize) -> Vec<u8> {
        wait_until("an answer", || {
            let mut index = [0; 2];
            self.memory.read(USED + 2, &mut index).unwrap();
            u16::from_le_bytes(index) == self.posted
        });
        let mut answer = vec![0; length];
        self.memory.read(ANSWER, &mut answer).unwrap();
        answer
    }

    /// Executes a command; its status.
    pub fn status<C: Command>(&mut self, guest: &mut Guest, mut request: Vec<u8>) -> Status {
        let mut header = CommandHeader::zeroed();
        header.set_opcode(C::CODE);
        header.length = u32::try_from(request.len()).unwrap().into();
        let header = header.as_bytes();
        request[..header.len()].copy_from_slice(header);
        let length = size_of::<C::Response>();
        self.post(guest, &request, u32::try_from(length).unwrap());
        let answer = self.answer(length);
        rnic_abi::read::<AnswerHeader>(&answer).unwrap().status()
    }

    /// Negotiates SUMMARY and PARKING where they are offered: where doorbells are mapped.
    pub fn negotiate(&mut self, guest: &mut Guest) {
        let mut request = NegotiateRequest::zeroed();
        request.major = interface::MAJOR.into();
        request.minor = interface::MINOR.into();
        let offered = u64::from(guest.read32(reg::FEATURES));
        let wanted = offered & (feature::SUMMARY | feature::PARKING);
        request.features = wanted.into();
        if wanted & feature::PARKING != 0 {
            request.parked_address = (IOVA + PARKED).into();
        }
        let status = self.status::<cmd::Negotiate>(guest, request.as_bytes().to_vec());
        assert_eq!(status, Status::OK);
    }

    /// The parked word.
    pub fn parked(&self) -> bool {
        self.memory.load_acquire_u64(PARKED).unwrap() != 0
    }
}
