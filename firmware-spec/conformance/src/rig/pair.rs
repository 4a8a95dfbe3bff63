//! Two ends of a connection: queue pairs of one function, or of two.

use std::rc::Rc;

use rnic_abi::consts::VECTOR_NONE;
use rnic_abi::{
    AccessFlags, Completion, CompletionStatus, EqKind, Mtu, Opcode, ProviderError, QpState, reg,
};
use rnic_platform::TestPlatform;

use super::commands::{ALL_RIGHTS, ipv4, set_address};
use super::device::Device;
use super::entry::Wqe;
use super::memory::Region;
use super::qp::{Qp, QpShape};
use super::queues::{Cq, Eq};
use crate::failure::{Outcome, equal, fail};
use crate::request::Request;

/// One end: a domain, two completion queues, a queue pair and a region with every right.
pub struct End<'p, P: TestPlatform> {
    /// The function.
    pub dev: Rc<Device<'p, P>>,
    /// Completion event queue.
    pub eq: Eq<P>,
    /// Domain.
    pub pd: u32,
    /// Completions of the send queue.
    pub scq: Cq<P>,
    /// Completions of the receive queue.
    pub rcq: Cq<P>,
    /// Queue pair.
    pub qp: Qp<P>,
    /// Memory.
    pub mr: Region<P>,
    /// Index in the address table, and the host part of its address.
    pub host: u8,
}

/// Attributes of a connection made by hand.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Path MTU.
    pub mtu: Mtu,
    /// Reads and atomics, both ways.
    pub read_depth: u8,
    /// Transport retries.
    pub retry: u8,
    /// RNR retries.
    pub rnr_retry: u8,
    /// RNR timer code that an end sends.
    pub rnr_timer: u8,
    /// ACK timeout code.
    pub ack_timeout: u8,
    /// Rights of the peer.
    pub access: AccessFlags,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            mtu: Mtu::MTU_1024,
            read_depth: 4,
            retry: 7,
            rnr_retry: 7,
            rnr_timer: 1,
            ack_timeout: 14,
            access: AccessFlags(0xE),
        }
    }
}

/// First packet numbers, near the wrap so that every test crosses it.
pub const PSN_A: u32 = 0x00FF_FFFE;
/// As [`PSN_A`], of the other end.
pub const PSN_B: u32 = 0x0012_3456;

/// Bytes of the region of an end.
pub const REGION: usize = 64 * 1024;

impl<'p, P: TestPlatform> End<'p, P> {
    /// An end whose queue pair is in INIT.
    #[track_caller]
    pub fn new(dev: &Rc<Device<'p, P>>, host: u8, shape: QpShape) -> Outcome<Self> {
        let eq = Eq::new(dev, EqKind::COMPLETION, 6, VECTOR_NONE)?;
        let pd = dev.pd()?;
        let scq = Cq::new(dev, eq.eqn, 7)?;
        let rcq = Cq::new(dev, eq.eqn, 7)?;
        let qp = Qp::new(dev, pd, (scq.cqn, rcq.cqn), shape)?;
        let mr = dev.region(pd, REGION, ALL_RIGHTS)?;
        Ok(Self {
            dev: Rc::clone(dev),
            eq,
            pd,
            scq,
            rcq,
            qp,
            mr,
            host,
        })
    }

    /// Creates another queue pair on this end's queues.
    #[track_caller]
    pub fn another_qp(&self, shape: QpShape) -> Outcome<Qp<P>> {
        Qp::new(&self.dev, self.pd, (self.scq.cqn, self.rcq.cqn), shape)
    }

    /// Posts a send queue entry.
    #[track_caller]
    pub fn post(&mut self, wqe: &Wqe) -> Outcome {
        self.qp.post(&self.dev, wqe)
    }

    /// Posts a receive into `bytes` of the region from `offset` on.
    #[track_caller]
    pub fn recv(&mut self, context: u64, offset: usize, bytes: u32) -> Outcome {
        let segment = self.mr.segment(offset, bytes);
        self.qp.post_recv(&self.dev, context, &[segment])
    }

    /// The next completion of the send queue, which must have this status.
    #[track_caller]
    pub fn sent(&mut self, status: CompletionStatus, error: ProviderError) -> Outcome<Completion> {
        let c = self.scq.next(&self.dev)?;
        expect(&c, status, error)?;
        Ok(c)
    }

    /// The next completion of the send queue, which must be a success.
    #[track_caller]
    pub fn sent_ok(&mut self) -> Outcome<Completion> {
        self.sent(CompletionStatus::SUCCESS, ProviderError::NONE)
    }

    /// The next completion of the receive queue, which must have this status.
    #[track_caller]
    pub fn received(
        &mut self,
        status: CompletionStatus,
        error: ProviderError,
    ) -> Outcome<Completion> {
        let c = self.rcq.next(&self.dev)?;
        expect(&c, status, error)?;
        Ok(c)
    }

    /// The next completion of the receive queue, which must be a success.
    #[track_caller]
    pub fn received_ok(&mut self) -> Outcome<Completion> {
        self.received(CompletionStatus::SUCCESS, ProviderError::NONE)
    }

    /// Posts an entry and waits for its success.
    #[track_caller]
    pub fn run(&mut self, wqe: &Wqe) -> Outcome<Completion> {
        self.post(wqe)?;
        self.sent_ok()
    }

    /// Checks that the queue pair went to ERROR by itself: state and event.
    #[track_caller]
    pub fn in_error(&mut self) -> Outcome {
        self.qp.reaches(&self.dev, QpState::ERROR)
    }

    /// The MODIFY_QP from INIT to RTR towards `peer`.
    #[must_use]
    pub fn to_rtr(&self, qpn: u32, peer: &Peer, a: Attributes) -> Request {
        to_rtr(qpn, self.host, peer, a)
    }
}

/// What one end must know of the other.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Queue pair.
    pub qpn: u32,
    /// Host part of the address.
    pub host: u8,
    /// Ethernet address.
    pub mac: [u8; 6],
    /// Its first packet number.
    pub psn: u32,
}

/// The MODIFY_QP from INIT to RTR. The address table has `host` at index `host`.
#[must_use]
pub fn to_rtr(qpn: u32, host: u8, peer: &Peer, a: Attributes) -> Request {
    Request::new(Opcode::MODIFY_QP)
        .set("qpn", qpn)
        .set("mask.state", 1)
        .set("mask.path", 1)
        .set("mask.next_hop", 1)
        .set("mask.recv_psn", 1)
        .set("mask.read_depth", 1)
        .set("mask.rnr_timer", 1)
        .set("mask.access", 1)
        .set("state", QpState::RTR)
        .set("path_mtu", a.mtu)
        .set("read_depth_in", a.read_depth)
        .set("read_depth_out", a.read_depth)
        .set("min_rnr_timer", a.rnr_timer)
        .set("peer_qpn", peer.qpn)
        .set("recv_psn", peer.psn)
        .set("local_address", host)
        .set("udp_source_port", 49152)
        .set("access", a.access.0)
        .set_bytes("peer_address", &ipv4(peer.host))
        .set_bytes("next_hop", &peer.mac)
        .set("hop_limit", 64)
}

/// The MODIFY_QP from RTR to RTS.
#[must_use]
pub fn to_rts(qpn: u32, psn: u32, a: Attributes) -> Request {
    Request::new(Opcode::MODIFY_QP)
        .set("qpn", qpn)
        .set("mask.state", 1)
        .set("mask.send_psn", 1)
        .set("mask.retry", 1)
        .set("state", QpState::RTS)
        .set("send_psn", psn)
        .set("retry_count", a.retry)
        .set("rnr_retry", a.rnr_retry)
        .set("ack_timeout", a.ack_timeout)
}

/// The Ethernet address of a function.
pub fn mac<P: TestPlatform>(dev: &Device<'_, P>) -> [u8; 6] {
    let word = dev.get(reg::MAC_ADDRESS).to_le_bytes();
    [word[0], word[1], word[2], word[3], word[4], word[5]]
}

/// Connects two queue pairs by MODIFY_QP, up to RTS.
#[track_caller]
pub fn connect_by_hand<P: TestPlatform>(
    a: (&Device<'_, P>, u32, u8),
    b: (&Device<'_, P>, u32, u8),
    attributes: Attributes,
) -> Outcome {
    let side = |(dev, qpn, host): (&Device<'_, P>, u32, u8), psn| Peer {
        qpn,
        host,
        mac: mac(dev),
        psn,
    };
    let (pa, pb) = (side(a, PSN_A), side(b, PSN_B));
    a.0.ok(&to_rtr(a.1, a.2, &pb, attributes))?;
    b.0.ok(&to_rtr(b.1, b.2, &pa, attributes))?;
    a.0.ok(&to_rts(a.1, PSN_A, attributes))?;
    b.0.ok(&to_rts(b.1, PSN_B, attributes))?;
    Ok(())
}

/// Checks status and syndrome of a completion.
#[track_caller]
pub fn expect(c: &Completion, status: CompletionStatus, error: ProviderError) -> Outcome {
    if c.status() == status && c.syndrome() == error {
        return Ok(());
    }
    fail(format_args!(
        "expected a completion {status} with {error}; got {} with {} of {} (queue pair {}, index {})",
        c.status(),
        c.syndrome(),
        c.opcode(),
        c.qpn.get(),
        c.index.get()
    ))
}

/// Two ends.
pub struct Pair<'p, P: TestPlatform> {
    /// The one that tests call requester.
    pub a: End<'p, P>,
    /// The other.
    pub b: End<'p, P>,
    /// Whether both are on one function.
    pub same: bool,
}

impl<'p, P: TestPlatform> Pair<'p, P> {
    /// Ends in INIT: on two devices, or twice on one.
    #[track_caller]
    pub fn unconnected(
        dev_a: &Rc<Device<'p, P>>,
        dev_b: &Rc<Device<'p, P>>,
        shapes: (QpShape, QpShape),
    ) -> Outcome<Self> {
        let same = Rc::ptr_eq(dev_a, dev_b);
        for (dev, host) in [(dev_a, 1), (dev_b, 2)] {
            dev.ok(&set_address(host, ipv4(host as u8)))?;
        }
        Ok(Self {
            a: End::new(dev_a, 1, shapes.0)?,
            b: End::new(dev_b, 2, shapes.1)?,
            same,
        })
    }

    /// Connects the two queue pairs by MODIFY_QP.
    #[track_caller]
    pub fn connect(&self, attributes: Attributes) -> Outcome {
        connect_by_hand(
            (&self.a.dev, self.a.qp.qpn, self.a.host),
            (&self.b.dev, self.b.qp.qpn, self.b.host),
            attributes,
        )
    }

    /// Connects two more queue pairs of these ends.
    #[track_caller]
    pub fn connect_more(&self, a: &Qp<P>, b: &Qp<P>, attributes: Attributes) -> Outcome {
        connect_by_hand(
            (&self.a.dev, a.qpn, self.a.host),
            (&self.b.dev, b.qpn, self.b.host),
            attributes,
        )
    }

    /// Checks that both queue pairs still work: a message each way.
    #[track_caller]
    pub fn alive(&mut self) -> Outcome {
        message(&mut self.a, &mut self.b)?;
        message(&mut self.b, &mut self.a)
    }
}

/// Sends a short message from one end to the other.
#[track_caller]
pub fn message<P: TestPlatform>(from: &mut End<'_, P>, to: &mut End<'_, P>) -> Outcome {
    to.recv(0xA11E, 0, 64)?;
    from.run(&Wqe::new(rnic_abi::WorkOpcode::SEND).inline(b"still alive?"))?;
    let c = to.received_ok()?;
    equal("bytes of a message", c.byte_count.get(), 12)
}
