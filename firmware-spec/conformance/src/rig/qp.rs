//! Queue pairs and shared receive queues.
//!
//! ```text
//! slot = producer % entries; post() writes the entry, bell() stores the producer index
//! words: 8-byte retired counts, send queue at 0, receive queue at 8
//! ```

use std::rc::Rc;

use rnic_abi::consts::{RECV_SEGMENTS_AT, SEGMENTS_AT};
use rnic_abi::{Opcode, ProviderError, QpState, QpType};
use rnic_platform::{DmaBuffer, TestPlatform};

use super::device::Device;
use super::entry::{self, Wqe};
use super::memory::Segment;
use super::queues::Ring;
use crate::failure::{Outcome, equal};
use crate::request::{Answer, Request};

/// What a queue pair is made like.
#[derive(Clone, Copy, Debug)]
pub struct QpShape {
    /// Log2 of the send queue's entries.
    pub log_send: u8,
    /// Log2 of the receive queue's entries.
    pub log_recv: u8,
    /// Segments of an entry, both queues.
    pub segments: u16,
    /// Inline bytes.
    pub inline: u16,
    /// Transport service.
    pub qp_type: QpType,
    /// Shared receive queue, or 0.
    pub srqn: u32,
}

impl Default for QpShape {
    fn default() -> Self {
        Self {
            log_send: 5,
            log_recv: 5,
            segments: 4,
            inline: 64,
            qp_type: QpType::RC,
            srqn: 0,
        }
    }
}

impl QpShape {
    /// The usual one, of this transport service.
    #[must_use]
    pub fn of(qp_type: QpType) -> Self {
        Self {
            qp_type,
            ..Self::default()
        }
    }

    /// Smallest stride of the send queue.
    #[must_use]
    pub fn send_stride(&self) -> u8 {
        let data = u32::from(self.segments) * 16;
        log_stride(SEGMENTS_AT + data.max(self.inline.into()))
    }

    /// Smallest stride of the receive queue.
    #[must_use]
    pub fn recv_stride(&self) -> u8 {
        log_stride(RECV_SEGMENTS_AT + u32::from(self.segments) * 16)
    }
}

/// Log2 of the smallest stride of a work queue that holds so many bytes.
#[must_use]
pub fn log_stride(bytes: u32) -> u8 {
    bytes.next_power_of_two().trailing_zeros().max(6) as u8
}

/// A queue that the driver produces.
pub struct WorkQueue<P: TestPlatform> {
    /// Ring.
    pub ring: Ring<P>,
    /// Entries written.
    pub producer: u32,
    words: Rc<P::Dma>,
    word: usize,
}

impl<P: TestPlatform> WorkQueue<P> {
    /// Writes an entry; the device does not know yet.
    pub fn post(&mut self, bytes: &[u8]) {
        let stride = 1_usize << self.ring.log_stride;
        let mut entry = vec![0; stride];
        entry[..bytes.len()].copy_from_slice(bytes);
        self.ring
            .pages
            .write(self.ring.offset(self.producer), &entry);
        self.producer = self.producer.wrapping_add(1);
    }

    /// Stores the producer index.
    #[track_caller]
    pub fn bell(&self, device: &Device<'_, P>) -> Outcome {
        device.ring(self.ring.slot, self.producer.into())
    }

    /// The retired-count word.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.words.load_u64(self.word)
    }
}

/// A queue pair.
pub struct Qp<P: TestPlatform> {
    /// Handle.
    pub qpn: u32,
    /// Context given to CREATE_QP.
    pub context: u64,
    /// Send queue.
    pub send: WorkQueue<P>,
    /// Receive queue; unused with a shared one.
    pub recv: WorkQueue<P>,
    /// What it was made like.
    pub shape: QpShape,
}

/// The rings of a queue pair that is to be created.
pub struct QpRings<P: TestPlatform> {
    send: Ring<P>,
    recv: Ring<P>,
    words: Rc<P::Dma>,
}

impl<P: TestPlatform> QpRings<P> {
    /// Rings for this shape.
    #[track_caller]
    pub fn new(device: &Device<'_, P>, shape: QpShape) -> Outcome<Self> {
        Ok(Self {
            send: Ring::new(device, shape.log_send, shape.send_stride())?,
            recv: Ring::new(device, shape.log_recv, shape.recv_stride())?,
            words: device.alloc(16)?,
        })
    }

    /// The CREATE_QP for them.
    #[must_use]
    pub fn request(&self, pd: u32, cqns: (u32, u32), shape: QpShape) -> Request {
        let request = Request::new(Opcode::CREATE_QP)
            .set("pd", pd)
            .set("qp_type", shape.qp_type)
            .set("max_send_segments", shape.segments)
            .set("max_inline", shape.inline)
            .set("send_cqn", cqns.0)
            .set("recv_cqn", cqns.1)
            .set("context", 0xABCD_0000_0000_0000 | u64::from(self.send.slot))
            .set("send_retired_address", self.words.iova())
            .ring("send_ring", &self.send);
        if shape.srqn != 0 {
            return request.set("flags.srq", 1).set("srqn", shape.srqn);
        }
        request
            .set("max_recv_segments", shape.segments)
            .set("recv_retired_address", self.words.iova() + 8)
            .ring("recv_ring", &self.recv)
    }

    /// The queue pair that was created on them.
    #[must_use]
    pub fn created(self, qpn: u32, request: &Request, shape: QpShape) -> Qp<P> {
        let queue = |ring, word| WorkQueue {
            ring,
            producer: 0,
            words: Rc::clone(&self.words),
            word,
        };
        Qp {
            qpn,
            context: request.get("context"),
            send: queue(self.send, 0),
            recv: queue(self.recv, 8),
            shape,
        }
    }
}

impl<P: TestPlatform> Qp<P> {
    /// Creates a queue pair.
    #[track_caller]
    pub fn new(device: &Device<'_, P>, pd: u32, cqns: (u32, u32), shape: QpShape) -> Outcome<Self> {
        let rings = QpRings::new(device, shape)?;
        let request = rings.request(pd, cqns, shape);
        let qpn = device.ok(&request)?.get32("qpn");
        Ok(rings.created(qpn, &request, shape))
    }

    /// Posts a send queue entry and rings.
    #[track_caller]
    pub fn post(&mut self, device: &Device<'_, P>, wqe: &Wqe) -> Outcome {
        self.send.post(&wqe.bytes);
        self.send.bell(device)
    }

    /// Posts a receive and rings.
    #[track_caller]
    pub fn post_recv(
        &mut self,
        device: &Device<'_, P>,
        context: u64,
        segments: &[Segment],
    ) -> Outcome {
        self.recv.post(&entry::receive(context, segments));
        self.recv.bell(device)
    }

    /// QUERY_QP.
    #[track_caller]
    pub fn query(&self, device: &Device<'_, P>) -> Outcome<Answer> {
        device.ok(&Request::new(Opcode::QUERY_QP).set("qpn", self.qpn))
    }

    /// State, as QUERY_QP reports it.
    #[track_caller]
    pub fn state(&self, device: &Device<'_, P>) -> Outcome<QpState> {
        Ok(QpState(self.query(device)?.get("state") as u8))
    }

    /// Checks the state.
    #[track_caller]
    pub fn expect_state(&self, device: &Device<'_, P>, state: QpState) -> Outcome {
        equal(
            format_args!("state of queue pair {}", self.qpn),
            self.state(device)?,
            state,
        )
    }

    /// Waits for the state, which the device enters by itself.
    #[track_caller]
    pub fn reaches(&self, device: &Device<'_, P>, state: QpState) -> Outcome {
        device.wait_for(
            format_args!("queue pair {} to reach {state}", self.qpn),
            || Ok((self.state(device)? == state).then_some(())),
        )
    }

    /// Why it is in ERROR, as QUERY_QP reports it.
    #[track_caller]
    pub fn error(&self, device: &Device<'_, P>) -> Outcome<ProviderError> {
        Ok(ProviderError(self.query(device)?.get32("error")))
    }

    /// The MODIFY_QP that changes the state alone.
    #[must_use]
    pub fn modify(&self, state: QpState) -> Request {
        Request::new(Opcode::MODIFY_QP)
            .set("qpn", self.qpn)
            .set("mask.state", 1)
            .set("state", state)
    }

    /// Changes the state alone.
    #[track_caller]
    pub fn go(&self, device: &Device<'_, P>, state: QpState) -> Outcome {
        device.ok(&self.modify(state)).map(drop)
    }

    /// DESTROY_QP.
    #[must_use]
    pub fn destroy(&self) -> Request {
        Request::new(Opcode::DESTROY_QP).set("qpn", self.qpn)
    }

    /// The FLUSH_QP of these queues.
    #[must_use]
    pub fn flush(&self, send: bool, receive: bool) -> Request {
        Request::new(Opcode::FLUSH_QP)
            .set("qpn", self.qpn)
            .set("flags.send", send)
            .set("flags.receive", receive)
    }
}

/// A shared receive queue.
pub struct Srq<P: TestPlatform> {
    /// Handle.
    pub srqn: u32,
    /// The queue.
    pub queue: WorkQueue<P>,
}

impl<P: TestPlatform> Srq<P> {
    /// The CREATE_SRQ on this ring.
    #[must_use]
    pub fn request(pd: u32, segments: u16, ring: &Ring<P>, word: u64) -> Request {
        Request::new(Opcode::CREATE_SRQ)
            .set("pd", pd)
            .set("context", 0x5129_0000_0000_0000 | u64::from(ring.slot))
            .set("retired_address", word)
            .set("max_segments", segments)
            .ring("ring", ring)
    }

    /// Creates a shared receive queue of entries with four segments.
    #[track_caller]
    pub fn new(device: &Device<'_, P>, pd: u32, log_entries: u8, limit: u32) -> Outcome<Self> {
        let shape = QpShape::default();
        let ring = Ring::new(device, log_entries, shape.recv_stride())?;
        let words = device.alloc(8)?;
        let request = Self::request(pd, shape.segments, &ring, words.iova()).set("limit", limit);
        let srqn = device.ok(&request)?.get32("srqn");
        Ok(Self {
            srqn,
            queue: WorkQueue {
                ring,
                producer: 0,
                words,
                word: 0,
            },
        })
    }

    /// Posts a receive and rings.
    #[track_caller]
    pub fn post(&mut self, device: &Device<'_, P>, context: u64, segments: &[Segment]) -> Outcome {
        self.queue.post(&entry::receive(context, segments));
        self.queue.bell(device)
    }
}
