//! Rings that the device produces: completions and events.
//!
//! ```text
//! slot = index % entries; an entry is new when its owner bit is the inverse of bit log_entries of its index
//! driver: poll() moves consumer; store() and arm() tell the device
//! ```

use std::cell::Cell;

use rnic_abi::consts::PAGE_SIZE;
use rnic_abi::{
    ArmType, Completion, ConsumerDoorbell, CqEvent, EqKind, EventCode, GeneralEvent, Opcode,
    feature,
};
use rnic_platform::{DmaBuffer, TestPlatform};

use super::device::Device;
use super::memory::Pages;
use crate::failure::{Outcome, equal, fail};
use crate::request::{Request, reserved_bits, structure};

/// A ring in pages, with its doorbell slot.
pub struct Ring<P: TestPlatform> {
    /// The memory.
    pub pages: Pages<P>,
    /// Log2 of the entries.
    pub log_entries: u8,
    /// Log2 of the bytes of an entry.
    pub log_stride: u8,
    /// Doorbell slot.
    pub slot: u32,
}

impl<P: TestPlatform> Ring<P> {
    /// A zeroed ring with a doorbell slot of its own.
    #[track_caller]
    pub fn new(device: &Device<'_, P>, log_entries: u8, log_stride: u8) -> Outcome<Self> {
        let slot = device.next_slot();
        Self::at_slot(device, log_entries, log_stride, slot)
    }

    /// A zeroed ring with this doorbell slot.
    #[track_caller]
    pub fn at_slot(
        device: &Device<'_, P>,
        log_entries: u8,
        log_stride: u8,
        slot: u32,
    ) -> Outcome<Self> {
        let bytes = 1 << (log_entries + log_stride);
        let pages = Pages::new(device.machine(), bytes)?;
        pages.fill(0, bytes, 0);
        Ok(Self {
            pages,
            log_entries,
            log_stride,
            slot,
        })
    }

    /// Entries.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        1 << self.log_entries
    }

    /// Offset in the ring of the entry with this index.
    #[must_use]
    pub const fn offset(&self, index: u32) -> usize {
        ((index & (self.entries() - 1)) as usize) << self.log_stride
    }

    /// Pages that the ring needs.
    #[must_use]
    pub fn page_count(&self) -> u64 {
        (1_u64 << (self.log_entries + self.log_stride)).div_ceil(PAGE_SIZE.into())
    }

    /// Marks every slot as not written yet, for a ring that takes over at this free-running index.
    pub fn take_over_at(&self, first: u32) {
        for i in 0..self.entries() {
            let index = first.wrapping_add(i);
            let owner = u8::from(index >> self.log_entries & 1 != 0);
            let last = self.offset(index) + (1 << self.log_stride) - 1;
            self.pages.write(last, &[owner]);
        }
    }

    /// An entry whose owner bit says that it is new.
    fn entry(&self, index: u32) -> Option<Vec<u8>> {
        let bytes = 1_usize << self.log_stride;
        let offset = self.offset(index);
        let last = self
            .pages
            .buffer
            .load_u64(self.pages.at(offset + bytes - 8));
        let owner = (last >> 56) as u8;
        let expected = u8::from(index >> self.log_entries & 1 == 0);
        (owner & 1 == expected).then(|| self.pages.read(offset, bytes))
    }
}

impl Request {
    /// The request with a RingDescription filled in.
    #[must_use]
    pub fn ring<P: TestPlatform>(self, field: &str, ring: &Ring<P>) -> Self {
        self.set(&format!("{field}.page_list"), ring.pages.list.iova())
            .set(&format!("{field}.page_count"), ring.page_count())
            .set(&format!("{field}.log_entries"), ring.log_entries)
            .set(&format!("{field}.log_stride"), ring.log_stride)
            .set(&format!("{field}.doorbell"), ring.slot)
    }
}

/// The reserved bytes of an entry are zero [CONV-3].
#[track_caller]
fn reserved_zero(name: &str, bytes: &[u8]) -> Outcome {
    for bit in reserved_bits(structure(name)) {
        if bytes[bit.byte] & 1 << bit.bit != 0 {
            return fail(format_args!(
                "{name}: reserved field at {} is not zero",
                bit.field
            ));
        }
    }
    Ok(())
}

/// An event queue.
pub struct Eq<P: TestPlatform> {
    /// Handle.
    pub eqn: u32,
    /// Ring.
    pub ring: Ring<P>,
    /// Consumer index.
    pub consumer: u32,
    sequence: u32,
    arms: Cell<u8>,
}

impl<P: TestPlatform> Eq<P> {
    /// Creates an event queue.
    #[track_caller]
    pub fn new(
        device: &Device<'_, P>,
        kind: EqKind,
        log_entries: u8,
        vector: u16,
    ) -> Outcome<Self> {
        let stride = if kind == EqKind::GENERAL { 9 } else { 4 };
        let ring = Ring::new(device, log_entries, stride)?;
        let request = Request::new(Opcode::CREATE_EQ)
            .set("kind", kind)
            .set("vector", vector)
            .ring("ring", &ring);
        let eqn = device.ok(&request)?.get32("eqn");
        Ok(Self {
            eqn,
            ring,
            consumer: 0,
            sequence: 0,
            arms: Cell::new(0),
        })
    }

    /// Tells the device the consumer index, and arms when asked.
    #[track_caller]
    pub fn update(&self, device: &Device<'_, P>, arm: bool) -> Outcome {
        // A sequence of its own for every arm, so that a polled slot shows that it is new.
        if arm {
            self.arms.set((self.arms.get() + 1) % 64);
        }
        let word = ConsumerDoorbell(0)
            .with_consumer(self.consumer)
            .with_arm(if arm { ArmType::ANY } else { ArmType::NONE })
            .with_sequence(self.arms.get());
        device.ring(self.ring.slot, word.0)
    }

    /// The next completion event.
    #[track_caller]
    pub fn poll_cq_event(&mut self) -> Outcome<Option<CqEvent>> {
        let Some(bytes) = self.ring.entry(self.consumer) else {
            return Ok(None);
        };
        reserved_zero("CqEvent", &bytes)?;
        self.consumer = self.consumer.wrapping_add(1);
        Ok(rnic_abi::read(&bytes))
    }

    /// The next general event.
    #[track_caller]
    pub fn poll_general(&mut self) -> Outcome<Option<GeneralEvent>> {
        let Some(bytes) = self.ring.entry(self.consumer) else {
            return Ok(None);
        };
        reserved_zero("GeneralEvent", &bytes)?;
        self.consumer = self.consumer.wrapping_add(1);
        let Some(event) = rnic_abi::read::<GeneralEvent>(&bytes) else {
            return fail("a general event is too short");
        };
        // [EV-1]: no gap.
        equal(
            "sequence of a general event",
            event.sequence.get(),
            self.sequence,
        )?;
        self.sequence = self.sequence.wrapping_add(1);
        let Some(info) = rnic_abi::EVENTS.iter().find(|e| e.code == event.code()) else {
            return fail(format_args!("unknown event code {}", event.code()));
        };
        reserved_zero(info.payload, &event.payload)?;
        Ok(Some(event))
    }
}

/// A completion queue.
pub struct Cq<P: TestPlatform> {
    /// Handle.
    pub cqn: u32,
    /// Generation.
    pub generation: u32,
    /// Ring.
    pub ring: Ring<P>,
    /// Consumer index.
    pub consumer: u32,
    /// Last arm sequence used.
    pub sequence: u8,
    timestamps: bool,
}

impl<P: TestPlatform> Cq<P> {
    /// The request that creates a completion queue on this ring.
    #[must_use]
    pub fn request(eqn: u32, ring: &Ring<P>, context: u64) -> Request {
        Request::new(Opcode::CREATE_CQ)
            .set("eqn", eqn)
            .set("context", context)
            .ring("ring", ring)
    }

    /// Creates a completion queue.
    #[track_caller]
    pub fn new(device: &Device<'_, P>, eqn: u32, log_entries: u8) -> Outcome<Self> {
        let ring = Ring::new(device, log_entries, 6)?;
        Self::on(device, eqn, ring, 0xC0C0_0000 + u64::from(eqn))
    }

    /// Creates a completion queue on a ring.
    #[track_caller]
    pub fn on(device: &Device<'_, P>, eqn: u32, ring: Ring<P>, context: u64) -> Outcome<Self> {
        let answer = device.ok(&Self::request(eqn, &ring, context))?;
        Ok(Self {
            cqn: answer.get32("cqn"),
            generation: answer.get32("generation"),
            ring,
            consumer: 0,
            sequence: 0,
            timestamps: device.has(feature::TIMESTAMPS),
        })
    }

    /// The next completion.
    #[track_caller]
    pub fn poll(&mut self) -> Outcome<Option<Completion>> {
        let Some(bytes) = self.ring.entry(self.consumer) else {
            return Ok(None);
        };
        reserved_zero("Completion", &bytes)?;
        self.consumer = self.consumer.wrapping_add(1);
        let Some(completion) = rnic_abi::read::<Completion>(&bytes) else {
            return fail("a completion is too short");
        };
        if completion.owner & !1 != 0 {
            return fail(format_args!(
                "owner byte {:#x} has other bits",
                completion.owner
            ));
        }
        // [CQ-13]
        if !self.timestamps && completion.timestamp.get() != 0 {
            return fail("a timestamp without TIMESTAMPS is not zero");
        }
        Ok(Some(completion))
    }

    /// Waits for the next completion and tells the device that it is consumed.
    #[track_caller]
    pub fn next(&mut self, device: &Device<'_, P>) -> Outcome<Completion> {
        let what = format!("completion {} of queue {}", self.consumer, self.cqn);
        let completion = device.wait_for(what, || self.poll())?;
        self.update(device)?;
        Ok(completion)
    }

    /// Checks that nothing comes.
    #[track_caller]
    pub fn quiet(&mut self, device: &Device<'_, P>) -> Outcome {
        device.settle();
        match self.poll()? {
            None => Ok(()),
            Some(c) => fail(format_args!(
                "a completion came that must not: {} {} of index {}, syndrome {}",
                c.opcode(),
                c.status(),
                c.index.get(),
                c.syndrome()
            )),
        }
    }

    /// Tells the device the consumer index.
    #[track_caller]
    pub fn update(&self, device: &Device<'_, P>) -> Outcome {
        self.store(device, ArmType::NONE)
    }

    /// Tells the device the consumer index, with an arm of the current sequence.
    #[track_caller]
    pub fn store(&self, device: &Device<'_, P>, arm: ArmType) -> Outcome {
        let word = ConsumerDoorbell(0)
            .with_consumer(self.consumer)
            .with_arm(arm)
            .with_sequence(self.sequence);
        device.ring(self.ring.slot, word.0)
    }

    /// Arms anew.
    #[track_caller]
    pub fn arm(&mut self, device: &Device<'_, P>, arm: ArmType) -> Outcome {
        self.sequence = (self.sequence + 1) % 64;
        self.store(device, arm)
    }
}

impl<P: TestPlatform> Device<'_, P> {
    /// Creates the general event queue that [`Device::event`] reads.
    #[track_caller]
    pub fn make_general(&self) -> Outcome {
        let eq = Eq::new(self, EqKind::GENERAL, 6, rnic_abi::consts::VECTOR_NONE)?;
        *self.general.borrow_mut() = Some(eq);
        Ok(())
    }

    /// Moves new general events to the list of those not yet looked at.
    #[track_caller]
    pub fn collect_events(&self) -> Outcome {
        let mut general = self.general.borrow_mut();
        let Some(eq) = general.as_mut() else {
            return Ok(());
        };
        let before = eq.consumer;
        while let Some(event) = eq.poll_general()? {
            self.events.borrow_mut().push_back(event);
        }
        if eq.consumer != before {
            eq.update(self, false)?;
        }
        Ok(())
    }

    /// The first event that `choose` takes, if there is one.
    #[track_caller]
    pub fn take_event(
        &self,
        mut choose: impl FnMut(&GeneralEvent) -> bool,
    ) -> Outcome<Option<GeneralEvent>> {
        self.collect_events()?;
        let mut events = self.events.borrow_mut();
        let at = events.iter().position(&mut choose);
        Ok(at.and_then(|at| events.remove(at)))
    }

    /// Waits for the next event with this code; others stay.
    #[track_caller]
    pub fn event(&self, code: EventCode) -> Outcome<GeneralEvent> {
        self.wait_for(format_args!("event {code}"), || {
            self.take_event(|e| e.code() == code)
        })
    }

    /// Checks that no event with this code comes.
    #[track_caller]
    pub fn no_event(&self, code: EventCode) -> Outcome {
        self.settle();
        match self.take_event(|e| e.code() == code)? {
            None => Ok(()),
            Some(_) => fail(format_args!("event {code} came, which must not")),
        }
    }
}
