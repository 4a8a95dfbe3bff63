//! The driver's side of a split virtqueue (VIRTIO 1.2, 2.7) that carries commands.
//!
//! ```text
//! rings   [descriptor table: 16 * N][available: 6 + 2 * N][used: 6 + 8 * N]
//! slots   [request 256 | answer 1088] * N/2
//! slot s  descriptors 2s (request, readable) -> 2s + 1 (answer, writable)
//! ```
//! The pairs never change, so a slot is free or in flight and there is no list of descriptors to corrupt. Indices of the
//! rings are free-running 16-bit counts.

use rnic_abi::{AnswerHeader, Command, CommandHeader, Layout, Opcode, Status};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes};

use crate::nic::low_half;
use crate::{Bounded, CommandError, Error, Violation};

const REQUEST_BYTES: usize = 256;
const ANSWER_BYTES: usize = 1088;
const SLOT_BYTES: usize = REQUEST_BYTES + ANSWER_BYTES;
const DESCRIPTOR: usize = 16;
/// VIRTQ_DESC_F_NEXT and VIRTQ_DESC_F_WRITE (VIRTIO 1.2, 2.7.5).
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// One descriptor (VIRTIO 1.2, 2.7.5), little endian.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Descriptor {
    address: [u8; 8],
    length: [u8; 4],
    flags: [u8; 2],
    next: [u8; 2],
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    tag: u64,
    opcode: Opcode,
    answer_bytes: u32,
}

/// The command ring.
pub(crate) struct CommandRing<D> {
    rings: D,
    slot_memory: D,
    size: u16,
    /// What is in flight in each slot.
    slots: Bounded<Option<Flight>>,
    free: Bounded<u16>,
    available: u16,
    used: u16,
    next_tag: u64,
}

/// An answer that came in and still lies in its slot.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) slot: u16,
    flight: Flight,
    length: u32,
}

impl<D: DmaBuffer> CommandRing<D> {
    /// A ring of `1 << log` descriptors.
    pub(crate) fn new<P: Platform<Dma = D>>(platform: &P, log: u8) -> Result<Self, Error> {
        if !(1..=15).contains(&log) {
            return Err(Error::Argument("command_ring_log"));
        }
        let size = 1u16 << log;
        let n = usize::from(size);
        let count = size / 2;
        let mut slots = Bounded::new();
        slots.reserve(n / 2)?;
        let mut free = Bounded::new();
        free.reserve(n / 2)?;
        for slot in 0..count {
            slots.push_reserved(None);
            free.push_reserved(count - 1 - slot);
        }
        let access = DmaAccess::DeviceReadsAndWrites;
        let rings = platform.alloc_dma(Self::used_at(size) + 6 + 8 * n, access)?;
        let slot_memory = platform.alloc_dma(SLOT_BYTES * (n / 2), access)?;
        Ok(Self {
            rings,
            slot_memory,
            size,
            slots,
            free,
            available: 0,
            used: 0,
            next_tag: 1,
        })
    }

    fn available_at(size: u16) -> usize {
        DESCRIPTOR * usize::from(size)
    }

    fn used_at(size: u16) -> usize {
        (Self::available_at(size) + 6 + 2 * usize::from(size)).next_multiple_of(8)
    }

    /// Descriptors.
    pub(crate) fn size(&self) -> u16 {
        self.size
    }

    /// Commands that fit in flight.
    pub(crate) fn slots(&self) -> usize {
        usize::from(self.size / 2)
    }

    /// Commands that still fit.
    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }

    /// DMA addresses of descriptor table, available ring and used ring. [CMD-1]
    pub(crate) fn addresses(&self) -> (u64, u64, u64) {
        let base = self.rings.iova();
        (
            base,
            base + Self::available_at(self.size) as u64,
            base + Self::used_at(self.size) as u64,
        )
    }

    /// Makes a request available and returns its slot. The caller writes CMD_NOTIFY. [CMD-3]
    pub(crate) fn submit<C: Command>(&mut self, request: &C::Request) -> Result<u16, Error> {
        let request_bytes = core::mem::size_of::<C::Request>();
        let answer_bytes = core::mem::size_of::<C::Response>();
        if request_bytes > REQUEST_BYTES || answer_bytes > ANSWER_BYTES {
            return Err(Error::Argument("request"));
        }
        let slot = self.free.pop().ok_or(Error::CommandRingFull)?;
        let tag = self.next_tag;
        self.next_tag = self.next_tag.wrapping_add(1);
        let request_length = u32::try_from(request_bytes).unwrap_or(0);
        let answer_length = u32::try_from(answer_bytes).unwrap_or(0);

        let at = usize::from(slot) * SLOT_BYTES;
        let header = CommandHeader {
            length: U32::new(request_length),
            tag: U64::new(tag),
            ..CommandHeader::default()
        }
        .with_opcode(C::CODE);
        self.slot_memory.write(at, request.as_bytes());
        self.slot_memory.write(at, header.as_bytes());

        let base = self.slot_memory.iova() + at as u64;
        let head = slot * 2;
        let pair = [
            Descriptor {
                address: base.to_le_bytes(),
                length: request_length.to_le_bytes(),
                flags: NEXT.to_le_bytes(),
                next: (head + 1).to_le_bytes(),
            },
            Descriptor {
                address: (base + REQUEST_BYTES as u64).to_le_bytes(),
                length: answer_length.to_le_bytes(),
                flags: WRITE.to_le_bytes(),
                next: [0; 2],
            },
        ];
        self.rings
            .write(usize::from(head) * DESCRIPTOR, pair.as_bytes());
        let position = usize::from(self.available & (self.size - 1));
        let ring = Self::available_at(self.size) + 4;
        self.rings.write(ring + 2 * position, &head.to_le_bytes());
        self.available = self.available.wrapping_add(1);
        // Release: the device that sees the index sees the entry, the descriptors and the request.
        self.rings
            .store_u16(Self::available_at(self.size) + 2, self.available);
        if let Some(entry) = self.slots.get_mut(usize::from(slot)) {
            *entry = Some(Flight {
                tag,
                opcode: C::CODE,
                answer_bytes: answer_length,
            });
        }
        Ok(slot)
    }

    /// The next answer, checked as far as its place goes. Its slot is free from now on: read the answer before the next
    /// submission.
    pub(crate) fn poll(&mut self) -> Result<Option<Arrived>, Violation> {
        let used = Self::used_at(self.size);
        // Acquire: entries up to this index, and the answers they name, are whole. [CMD-6]
        let index = self.rings.load_u16(used + 2);
        let waiting = index.wrapping_sub(self.used);
        if waiting == 0 {
            return Ok(None);
        }
        let in_flight = self.slots().saturating_sub(self.free.len());
        if usize::from(waiting) > in_flight {
            return Err(Violation::UsedIndex);
        }
        let position = usize::from(self.used & (self.size - 1));
        let mut entry = [0u8; 8];
        self.rings.read(used + 4 + 8 * position, &mut entry);
        self.used = self.used.wrapping_add(1);
        let entry = u64::from_le_bytes(entry);
        let head = low_half(entry);
        let length = low_half(entry >> 32);
        if !head.is_multiple_of(2) {
            return Err(Violation::UsedId);
        }
        let slot = u16::try_from(head / 2).map_err(|_| Violation::UsedId)?;
        let flight = self
            .slots
            .get_mut(usize::from(slot))
            .and_then(Option::take)
            .ok_or(Violation::UsedId)?;
        self.free.push_reserved(slot);
        if (length as usize) < core::mem::size_of::<AnswerHeader>() || length > flight.answer_bytes
        {
            return Err(Violation::AnswerLength);
        }
        Ok(Some(Arrived {
            slot,
            flight,
            length,
        }))
    }

    /// Reads the answer, once. [CMD-11]
    pub(crate) fn answer<R: Layout>(&self, arrived: &Arrived) -> Result<R, Error> {
        let mut response = R::default();
        if core::mem::size_of::<R>() != arrived.flight.answer_bytes as usize {
            return Err(Violation::AnswerLength.into());
        }
        let at = usize::from(arrived.slot) * SLOT_BYTES + REQUEST_BYTES;
        self.slot_memory.read(at, response.as_mut_bytes());
        let header: AnswerHeader =
            rnic_abi::read(response.as_bytes()).ok_or(Violation::AnswerLength)?;
        if header.tag.get() != arrived.flight.tag || header.opcode() != arrived.flight.opcode {
            return Err(Violation::AnswerHeader.into());
        }
        if header.status() != Status::OK {
            return Err(Error::Command(CommandError {
                opcode: header.opcode(),
                status: header.status(),
                syndrome: header.syndrome(),
            }));
        }
        if arrived.length != arrived.flight.answer_bytes {
            return Err(Violation::AnswerLength.into());
        }
        Ok(response)
    }
}
