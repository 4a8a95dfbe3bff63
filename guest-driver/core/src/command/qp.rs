//! Queue pairs.

use rnic_abi::{
    CreateQpAnswer, CreateQpRequest, DestroyQpRequest, EmptyAnswer, FlushFlags, FlushQpAnswer,
    FlushQpRequest, ModifyQpRequest, QpFlags, QpType, QueryQpAnswer, QueryQpRequest,
    RingDescription, cmd, consts, feature,
};
use rnic_platform::{DmaAccess, Platform};
use zerocopy::little_endian::{U16, U32, U64};

use super::{Arrived, Control, Failure, Next, Object, Outcome, Parts, Token};
use crate::ring::{log_entries, log_stride};
use crate::{Cqn, Error, Nic, PdHandle, Qp, Qpn, RecvQueue, SendQueue, Srqn};

/// Where the receives of a queue pair come from.
#[derive(Clone, Copy, Debug)]
pub enum QpReceive {
    /// A receive queue of its own.
    Own {
        /// Receives that must fit; rounded up to a power of two.
        entries: u32,
        /// Segments of a receive.
        max_segments: u16,
    },
    /// A shared receive queue.
    Shared(Srqn),
}

/// A queue pair to create.
#[derive(Clone, Copy, Debug)]
pub struct QpGeometry {
    /// Protection domain.
    pub pd: PdHandle,
    /// Transport service.
    pub qp_type: QpType,
    /// Completion queue of the send queue.
    pub send_cq: Cqn,
    /// Completion queue of the receive queue.
    pub recv_cq: Cqn,
    /// Send requests that must fit; rounded up to a power of two.
    pub send_entries: u32,
    /// Segments of a send request.
    pub max_send_segments: u16,
    /// Inline bytes of a send request.
    pub max_inline: u16,
    /// Receives.
    pub receive: QpReceive,
    /// Take number 1 (GUEST_QP1, type UD).
    pub qp1: bool,
    /// Returned in events.
    pub context: u64,
}

pub(crate) struct Creating<P: Platform> {
    send: Parts<P>,
    recv: Option<Parts<P>>,
    geometry: QpGeometry,
}

pub(crate) enum Op<P: Platform> {
    Empty,
    Create(Creating<P>),
    Query,
    Flush,
    Destroy(Qp<P>),
}

impl<P: Platform> Op<P> {
    pub(super) fn kept(self) -> Result<Object<P>, Self> {
        match self {
            Self::Destroy(qp) => Ok(Object::Qp(qp)),
            other => Err(other),
        }
    }

    pub(super) fn bells(&self) -> [Option<u32>; 2] {
        match self {
            Self::Create(work) => [
                Some(work.send.bell.index()),
                work.recv.as_ref().map(|parts| parts.bell.index()),
            ],
            _ => [None, None],
        }
    }
}

impl<P: Platform> Control<P> {
    /// Creates a queue pair in INIT: [`Outcome::Qp`]. [QP-1] [QP-2] [QP-3]
    pub fn create_qp(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        geometry: &QpGeometry,
    ) -> Result<Token, Error> {
        let limits = &nic.limits;
        if u32::from(geometry.max_send_segments) > limits.send_segments.get() {
            return Err(Error::Argument("max_send_segments"));
        }
        if u32::from(geometry.max_inline) > limits.inline_bytes.get() {
            return Err(Error::Argument("max_inline"));
        }
        if geometry.qp1 {
            nic.need(feature::GUEST_QP1, "GUEST_QP1")?;
        }
        let data = (16 * usize::from(geometry.max_send_segments)).max(geometry.max_inline.into());
        let shape = (
            log_entries(geometry.send_entries, limits.sq_log.get())?,
            log_stride(consts::SEGMENTS_AT as usize + data)?,
        );
        let recv_shape = match geometry.receive {
            QpReceive::Shared(_) => None,
            QpReceive::Own {
                entries,
                max_segments,
            } => {
                if u32::from(max_segments) > limits.recv_segments.get() {
                    return Err(Error::Argument("max_recv_segments"));
                }
                let bytes = consts::RECV_SEGMENTS_AT as usize + 16 * usize::from(max_segments);
                Some((
                    log_entries(entries, limits.rq_log.get())?,
                    log_stride(bytes)?,
                ))
            }
        };
        let access = DmaAccess::DeviceReads;
        let send = self.parts(nic, shape, true, access)?;
        let recv = match recv_shape {
            None => None,
            Some(shape) => match self.parts(nic, shape, true, access) {
                Ok(parts) => Some(parts),
                Err(error) => {
                    self.doorbells.give_back(send.bell.index());
                    return Err(error);
                }
            },
        };
        let request = create_request(geometry, &send, recv.as_ref());
        let op = super::Op::Qp(Op::Create(Creating {
            send,
            recv,
            geometry: *geometry,
        }));
        self.start::<cmd::CreateQp>(nic, cookie, &request, op)
    }

    /// Changes state and attributes of a queue pair that no connection owns: `request` as the interface says it, its
    /// queue pair number and header left to this function. [QP-4] [QP-6] [QP-8]
    pub fn modify_qp(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        qpn: Qpn,
        request: &ModifyQpRequest,
    ) -> Result<Token, Error> {
        let request = ModifyQpRequest {
            qpn: U32::new(qpn.get()),
            ..*request
        };
        self.start::<cmd::ModifyQp>(nic, cookie, &request, super::Op::Qp(Op::Empty))
    }

    /// Asks what the device knows of a queue pair: [`Outcome::QpInfo`]. [QP-9]
    pub fn query_qp(&mut self, nic: &Nic<P>, cookie: u64, qpn: Qpn) -> Result<Token, Error> {
        let request = QueryQpRequest {
            qpn: U32::new(qpn.get()),
            ..QueryQpRequest::default()
        };
        self.start::<cmd::QueryQp>(nic, cookie, &request, super::Op::Qp(Op::Query))
    }

    /// Flushes entries posted so far: [`Outcome::Flushed`]. [QP-41]
    pub fn flush_qp(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        qpn: Qpn,
        which: FlushFlags,
    ) -> Result<Token, Error> {
        let request = FlushQpRequest {
            qpn: U32::new(qpn.get()),
            ..FlushQpRequest::default()
        }
        .with_flags(which);
        self.start::<cmd::FlushQp>(nic, cookie, &request, super::Op::Qp(Op::Flush))
    }

    /// Destroys a queue pair; when it has ended no DMA for it is in flight and nothing completes any more. [QP-10]
    pub fn destroy_qp(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        qp: Qp<P>,
    ) -> Result<Token, Failure<P>> {
        let request = DestroyQpRequest {
            qpn: U32::new(qp.qpn.get()),
            ..DestroyQpRequest::default()
        };
        self.begin::<cmd::DestroyQp>(nic, cookie, &request, super::Op::Qp(Op::Destroy(qp)))
    }

    pub(super) fn qp_answered(&mut self, arrived: &Arrived, op: Op<P>) -> Next<P> {
        let ring = &self.ring;
        match op {
            Op::Empty => Next::from(ring.answer::<EmptyAnswer>(arrived).map(|_| Outcome::Done)),
            Op::Query => Next::from(ring.answer::<QueryQpAnswer>(arrived).map(Outcome::QpInfo)),
            Op::Flush => {
                Next::from(
                    ring.answer::<FlushQpAnswer>(arrived)
                        .map(|answer| Outcome::Flushed {
                            send: answer.send_flushed.get(),
                            recv: answer.recv_flushed.get(),
                        }),
                )
            }
            Op::Create(work) => Next::from(self.qp_created(arrived, work)),
            Op::Destroy(qp) => {
                let result = ring.answer::<EmptyAnswer>(arrived);
                self.release(&result, &[qp.send.bell.index()]);
                if let Some(recv) = &qp.recv {
                    self.release(&result, &[recv.bell.index()]);
                }
                Next::End(match result {
                    Ok(_) => Ok(Outcome::Done),
                    Err(error) => Err(Failure {
                        error,
                        kept: Some(Object::Qp(qp)),
                    }),
                })
            }
        }
    }

    fn qp_created(&mut self, arrived: &Arrived, work: Creating<P>) -> Result<Outcome<P>, Error> {
        let answer: CreateQpAnswer = self.ring.answer(arrived)?;
        let max_segments = match work.geometry.receive {
            QpReceive::Own { max_segments, .. } => max_segments,
            QpReceive::Shared(_) => 0,
        };
        Ok(Outcome::Qp(Qp {
            qpn: Qpn::from_device(answer.qpn.get())?,
            send: SendQueue {
                ring: work.send.ring,
                bell: work.send.bell,
                max_segments: work.geometry.max_send_segments,
                max_inline: work.geometry.max_inline,
                posted: 0,
                rung: 0,
                retired: 0,
            },
            recv: work.recv.map(|parts| RecvQueue {
                ring: parts.ring,
                bell: parts.bell,
                max_segments,
                posted: 0,
                rung: 0,
                retired: 0,
            }),
        }))
    }
}

fn create_request<P: Platform>(
    geometry: &QpGeometry,
    send: &Parts<P>,
    recv: Option<&Parts<P>>,
) -> CreateQpRequest {
    let (max_recv_segments, srqn) = match geometry.receive {
        QpReceive::Own { max_segments, .. } => (max_segments, 0),
        QpReceive::Shared(srqn) => (0, srqn.get()),
    };
    CreateQpRequest {
        pd: U32::new(geometry.pd.get()),
        max_send_segments: U16::new(geometry.max_send_segments),
        max_recv_segments: U16::new(max_recv_segments),
        max_inline: U16::new(geometry.max_inline),
        send_cqn: U32::new(geometry.send_cq.get()),
        recv_cqn: U32::new(geometry.recv_cq.get()),
        srqn: U32::new(srqn),
        qpn: U32::new(u32::from(geometry.qp1)),
        context: U64::new(geometry.context),
        send_retired_address: U64::new(send.ring.word_address()),
        recv_retired_address: U64::new(recv.map_or(0, |parts| parts.ring.word_address())),
        send_ring: send.description(),
        recv_ring: recv.map_or_else(RingDescription::default, Parts::description),
        ..CreateQpRequest::default()
    }
    .with_qp_type(geometry.qp_type)
    .with_flags(QpFlags::default().with_srq(recv.is_none()))
}
