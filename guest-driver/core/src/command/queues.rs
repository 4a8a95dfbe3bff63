//! Event queues, completion queues, shared receive queues.

use rnic_abi::{
    ArmType, CreateCqAnswer, CreateCqRequest, CreateEqAnswer, CreateEqRequest, CreateSrqAnswer,
    CreateSrqRequest, DestroyCqAnswer, DestroyCqRequest, DestroyEqRequest, DestroySrqRequest,
    EmptyAnswer, EqKind, ModerateCqRequest, ModifySrqRequest, ResizeCqAnswer, ResizeCqRequest,
    ResizeSrqRequest, cmd, consts, feature,
};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};
use zerocopy::little_endian::{U16, U32, U64};

use super::{Arrived, Control, Failure, Next, Object, Outcome, Parts, Token};
use crate::eq::EventRing;
use crate::ring::{PageList, RingMemory, log_entries, log_stride};
use crate::{
    CompletionEq, Cq, CqRing, Cqn, Eqn, Error, GeneralEq, Nic, PdHandle, Srq, SrqRing, Srqn,
};

/// A completion queue to create.
#[derive(Clone, Copy, Debug)]
pub struct CqGeometry {
    /// Event queue that it signals.
    pub eqn: Eqn,
    /// Completions that must fit; rounded up to a power of two.
    pub entries: u32,
    /// Returned by general events about it.
    pub context: u64,
}

/// A shared receive queue to create.
#[derive(Clone, Copy, Debug)]
pub struct SrqGeometry {
    /// Protection domain.
    pub pd: PdHandle,
    /// Receives that must fit; rounded up to a power of two.
    pub entries: u32,
    /// Segments of a receive.
    pub max_segments: u16,
    /// Raise SRQ_LIMIT when fewer are left; 0: never.
    pub limit: u32,
    /// Returned in events.
    pub context: u64,
}

/// A ring for a resize, made before the queue is touched: where its owner locks it, memory cannot be had.
pub struct NewRing<P: Platform> {
    ring: RingMemory<P::Dma>,
    list: PageList<P::Dma>,
}

impl<P: Platform> NewRing<P> {
    /// For [`Control::resize_cq_with`].
    pub fn for_cq(nic: &Nic<P>, entries: u32) -> Result<Self, Error> {
        nic.need(feature::CQ_RESIZE, "CQ_RESIZE")?;
        let log = log_entries(entries, nic.limits.cq_log.get())?;
        Self::new(nic, (log, 6), DmaAccess::DeviceReadsAndWrites)
    }

    /// For [`Control::resize_srq_with`], of a queue with this [`Srq::log_stride`].
    pub fn for_srq(nic: &Nic<P>, entries: u32, log_stride: u8) -> Result<Self, Error> {
        let log = log_entries(entries, nic.limits.srq_log.get())?;
        Self::new(nic, (log, log_stride), DmaAccess::DeviceReads)
    }

    fn new(nic: &Nic<P>, (entries, stride): (u8, u8), access: DmaAccess) -> Result<Self, Error> {
        let ring = RingMemory::new(&nic.platform, entries, stride, false, access)?;
        let list = ring.list(&nic.platform)?;
        Ok(Self { ring, list })
    }
}

pub(crate) enum Op<P: Platform> {
    Empty,
    CreateEq(EqKind, Parts<P>),
    DestroyEq(CompletionEq<P>),
    DestroyGeneralEq(GeneralEq<P>),
    CreateCq(Parts<P>),
    ResizeCq(Cqn, RingMemory<P::Dma>, PageList<P::Dma>),
    DestroyCq(Cq<P>),
    CreateSrq(Parts<P>, P::Dma, u16),
    ResizeSrq(Srqn, RingMemory<P::Dma>, PageList<P::Dma>),
    DestroySrq(Srq<P>),
}

impl<P: Platform> Op<P> {
    pub(super) fn kept(self) -> Result<Object<P>, Self> {
        match self {
            Self::DestroyEq(eq) => Ok(Object::CompletionEq(eq)),
            Self::DestroyGeneralEq(eq) => Ok(Object::GeneralEq(eq)),
            Self::DestroyCq(cq) => Ok(Object::Cq(cq)),
            Self::DestroySrq(srq) => Ok(Object::Srq(srq)),
            other => Err(other),
        }
    }

    pub(super) fn bell(&self) -> Option<u32> {
        match self {
            Self::CreateEq(_, parts) | Self::CreateCq(parts) | Self::CreateSrq(parts, ..) => {
                Some(parts.bell.index())
            }
            _ => None,
        }
    }
}

/// The end of a destruction that answers nothing: the handle is dropped, or comes back.
fn destroyed<P: Platform>(result: Result<EmptyAnswer, Error>, object: Object<P>) -> Next<P> {
    Next::End(match result {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => Err(Failure {
            error,
            kept: Some(object),
        }),
    })
}

impl<P: Platform> Control<P> {
    /// Creates a completion event queue for up to `entries` completion queues: [`Outcome::CompletionEq`]. [EQ-1] [EQ-4]
    pub fn create_eq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        entries: u32,
        vector: u16,
    ) -> Result<Token, Error> {
        self.create_any_eq(nic, cookie, EqKind::COMPLETION, entries, vector)
    }

    /// Creates the general event queue: [`Outcome::GeneralEq`]. [EQ-1]
    pub(crate) fn create_general_eq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        entries: u32,
        vector: u16,
    ) -> Result<Token, Error> {
        self.create_any_eq(nic, cookie, EqKind::GENERAL, entries, vector)
    }

    fn create_any_eq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        kind: EqKind,
        entries: u32,
        vector: u16,
    ) -> Result<Token, Error> {
        if vector != consts::VECTOR_NONE && vector >= nic.identity.vectors {
            return Err(Error::Argument("vector"));
        }
        let log = log_entries(entries, nic.limits.eq_log.get())?;
        let stride = if kind == EqKind::GENERAL { 9 } else { 4 };
        let access = DmaAccess::DeviceReadsAndWrites;
        let parts = self.parts(nic, (log, stride), false, access)?;
        let request = CreateEqRequest {
            vector: U16::new(vector),
            ring: parts.description(),
            ..CreateEqRequest::default()
        }
        .with_kind(kind);
        let op = super::Op::Queues(Op::CreateEq(kind, parts));
        self.start::<cmd::CreateEq>(nic, cookie, &request, op)
    }

    /// Destroys an event queue that no completion queue uses.
    pub fn destroy_eq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        eq: CompletionEq<P>,
    ) -> Result<Token, Failure<P>> {
        let request = destroy_eq(eq.eqn());
        self.begin::<cmd::DestroyEq>(nic, cookie, &request, super::Op::Queues(Op::DestroyEq(eq)))
    }

    /// Destroys the general event queue.
    pub fn destroy_general_eq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        eq: GeneralEq<P>,
    ) -> Result<Token, Failure<P>> {
        let request = destroy_eq(eq.eqn());
        let op = super::Op::Queues(Op::DestroyGeneralEq(eq));
        self.begin::<cmd::DestroyEq>(nic, cookie, &request, op)
    }

    /// Creates a completion queue: [`Outcome::Cq`]. [CQ-1]
    pub fn create_cq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        geometry: &CqGeometry,
    ) -> Result<Token, Error> {
        let log = log_entries(geometry.entries, nic.limits.cq_log.get())?;
        let access = DmaAccess::DeviceReadsAndWrites;
        let parts = self.parts(nic, (log, 6), false, access)?;
        let request = CreateCqRequest {
            eqn: U32::new(geometry.eqn.get()),
            context: U64::new(geometry.context),
            ring: parts.description(),
            ..CreateCqRequest::default()
        };
        let op = super::Op::Queues(Op::CreateCq(parts));
        self.start::<cmd::CreateCq>(nic, cookie, &request, op)
    }

    /// Gives a completion queue another ring: [`Outcome::CqResized`], for [`Cq::switch`]. Until then poll on; nothing
    /// is lost. [CQ-11]
    pub fn resize_cq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        cq: &mut Cq<P>,
        entries: u32,
    ) -> Result<Token, Error> {
        self.resize_cq_with(nic, cookie, cq, NewRing::for_cq(nic, entries)?)
    }

    /// As [`Control::resize_cq`], with a ring that is there already.
    pub fn resize_cq_with(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        cq: &mut Cq<P>,
        NewRing { ring, list }: NewRing<P>,
    ) -> Result<Token, Error> {
        // What was consumed need not be moved.
        cq.publish(nic);
        let request = ResizeCqRequest {
            cqn: U32::new(cq.cqn.get()),
            ring: ring.description(&list, cq.bell.index()),
            ..ResizeCqRequest::default()
        };
        let op = super::Op::Queues(Op::ResizeCq(cq.cqn, ring, list));
        self.start::<cmd::ResizeCq>(nic, cookie, &request, op)
    }

    /// Signals after `count` completions or `interval_us` since the first; `u32::MAX` switches one off. [CQ-10]
    pub fn moderate_cq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        cqn: Cqn,
        count: u32,
        interval_us: u32,
    ) -> Result<Token, Error> {
        nic.need(feature::CQ_MODERATION, "CQ_MODERATION")?;
        let request = ModerateCqRequest {
            cqn: U32::new(cqn.get()),
            count: U32::new(count),
            interval_us: U32::new(interval_us),
            ..ModerateCqRequest::default()
        };
        self.start::<cmd::ModerateCq>(nic, cookie, &request, super::Op::Queues(Op::Empty))
    }

    /// Destroys a completion queue that no queue pair uses: [`Outcome::CqDestroyed`]. [CQ-12]
    pub fn destroy_cq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        cq: Cq<P>,
    ) -> Result<Token, Failure<P>> {
        let request = DestroyCqRequest {
            cqn: U32::new(cq.cqn.get()),
            ..DestroyCqRequest::default()
        };
        self.begin::<cmd::DestroyCq>(nic, cookie, &request, super::Op::Queues(Op::DestroyCq(cq)))
    }

    /// Creates a shared receive queue: [`Outcome::Srq`]. [SRQ-1]
    pub fn create_srq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        geometry: &SrqGeometry,
    ) -> Result<Token, Error> {
        nic.need(feature::SRQ, "SRQ")?;
        if u32::from(geometry.max_segments) > nic.limits.recv_segments.get() {
            return Err(Error::Argument("max_segments"));
        }
        let log = log_entries(geometry.entries, nic.limits.srq_log.get())?;
        let bytes = consts::RECV_SEGMENTS_AT as usize + 16 * usize::from(geometry.max_segments);
        let access = DmaAccess::DeviceReadsAndWrites;
        let word = nic.platform.alloc_dma(8, access)?;
        let shape = (log, log_stride(bytes)?);
        let parts = self.parts(nic, shape, false, DmaAccess::DeviceReads)?;
        let request = CreateSrqRequest {
            pd: U32::new(geometry.pd.get()),
            limit: U32::new(geometry.limit),
            context: U64::new(geometry.context),
            retired_address: U64::new(word.iova()),
            max_segments: U16::new(geometry.max_segments),
            ring: parts.description(),
            ..CreateSrqRequest::default()
        };
        let op = super::Op::Queues(Op::CreateSrq(parts, word, geometry.max_segments));
        self.start::<cmd::CreateSrq>(nic, cookie, &request, op)
    }

    /// Sets the limit, and arms SRQ_LIMIT again. [SRQ-2]
    pub fn modify_srq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        srqn: Srqn,
        limit: u32,
    ) -> Result<Token, Error> {
        let request = ModifySrqRequest {
            srqn: U32::new(srqn.get()),
            limit: U32::new(limit),
            ..ModifySrqRequest::default()
        };
        self.start::<cmd::ModifySrq>(nic, cookie, &request, super::Op::Queues(Op::Empty))
    }

    /// Gives a shared receive queue another ring: [`Outcome::SrqResized`], for [`Srq::switch`]; or a failure, after which
    /// [`Srq::resize_failed`] is called. Nothing can be posted in between. [SRQ-5]
    pub fn resize_srq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        srq: &mut Srq<P>,
        entries: u32,
    ) -> Result<Token, Error> {
        let ring = NewRing::for_srq(nic, entries, srq.log_stride())?;
        self.resize_srq_with(nic, cookie, srq, ring)
    }

    /// As [`Control::resize_srq`], with a ring that is there already.
    pub fn resize_srq_with(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        srq: &mut Srq<P>,
        NewRing { ring, list }: NewRing<P>,
    ) -> Result<Token, Error> {
        srq.copy_into(&ring)?;
        let request = ResizeSrqRequest {
            srqn: U32::new(srq.srqn.get()),
            ring: ring.description(&list, srq.bell.index()),
            ..ResizeSrqRequest::default()
        };
        let op = super::Op::Queues(Op::ResizeSrq(srq.srqn, ring, list));
        let token = self.start::<cmd::ResizeSrq>(nic, cookie, &request, op)?;
        srq.resizing = true;
        Ok(token)
    }

    /// Destroys a shared receive queue that no queue pair uses.
    pub fn destroy_srq(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        srq: Srq<P>,
    ) -> Result<Token, Failure<P>> {
        let request = DestroySrqRequest {
            srqn: U32::new(srq.srqn.get()),
            ..DestroySrqRequest::default()
        };
        let op = super::Op::Queues(Op::DestroySrq(srq));
        self.begin::<cmd::DestroySrq>(nic, cookie, &request, op)
    }

    pub(super) fn queues_answered(&mut self, arrived: &Arrived, op: Op<P>) -> Next<P> {
        let ring = &self.ring;
        match op {
            Op::Empty => Next::from(ring.answer::<EmptyAnswer>(arrived).map(|_| Outcome::Done)),
            Op::CreateEq(kind, parts) => Next::from(self.eq_created(arrived, kind, parts)),
            Op::CreateCq(parts) => Next::from(self.cq_created(arrived, parts)),
            Op::CreateSrq(parts, word, segments) => {
                Next::from(self.srq_created(arrived, parts, word, segments))
            }
            Op::ResizeCq(cqn, new, _list) => {
                Next::from(ring.answer::<ResizeCqAnswer>(arrived).map(|answer| {
                    Outcome::CqResized(CqRing {
                        cqn,
                        ring: new,
                        switch_index: answer.switch_index.get(),
                    })
                }))
            }
            Op::ResizeSrq(srqn, new, _list) => Next::from(
                ring.answer::<EmptyAnswer>(arrived)
                    .map(|_| Outcome::SrqResized(SrqRing { srqn, ring: new })),
            ),
            Op::DestroyEq(eq) => {
                let (result, bell) = (ring.answer(arrived), eq.events.bell.index());
                self.release(&result, &[bell]);
                destroyed(result, Object::CompletionEq(eq))
            }
            Op::DestroyGeneralEq(eq) => {
                let (result, bell) = (ring.answer(arrived), eq.events.bell.index());
                self.release(&result, &[bell]);
                destroyed(result, Object::GeneralEq(eq))
            }
            Op::DestroySrq(srq) => {
                let (result, bell) = (ring.answer(arrived), srq.bell.index());
                self.release(&result, &[bell]);
                destroyed(result, Object::Srq(srq))
            }
            Op::DestroyCq(cq) => {
                let result = ring.answer::<DestroyCqAnswer>(arrived);
                self.release(&result, &[cq.bell.index()]);
                Next::End(match result {
                    Ok(answer) => Ok(Outcome::CqDestroyed {
                        eq_index: answer.eq_index.get(),
                    }),
                    Err(error) => Err(Failure {
                        error,
                        kept: Some(Object::Cq(cq)),
                    }),
                })
            }
        }
    }

    /// Slots of an object that exists no more are free.
    pub(super) fn release<T>(&mut self, destroyed: &Result<T, Error>, bells: &[u32]) {
        if destroyed.is_ok() {
            for bell in bells {
                self.doorbells.give_back(*bell);
            }
        }
    }

    fn eq_created(
        &mut self,
        arrived: &Arrived,
        kind: EqKind,
        parts: Parts<P>,
    ) -> Result<Outcome<P>, Error> {
        let answer: CreateEqAnswer = self.ring.answer(arrived)?;
        let eqn = Eqn::from_device(answer.eqn.get())?;
        let events = EventRing::new(eqn, parts.ring, parts.bell);
        Ok(if kind == EqKind::GENERAL {
            Outcome::GeneralEq(GeneralEq { events })
        } else {
            Outcome::CompletionEq(CompletionEq { events })
        })
    }

    fn cq_created(&mut self, arrived: &Arrived, parts: Parts<P>) -> Result<Outcome<P>, Error> {
        let answer: CreateCqAnswer = self.ring.answer(arrived)?;
        Ok(Outcome::Cq(Cq {
            cqn: Cqn::from_device(answer.cqn.get())?,
            generation: answer.generation.get(),
            ring: parts.ring,
            bell: parts.bell,
            consumer: 0,
            published: 0,
            armed: ArmType::NONE,
            sequence: 0,
        }))
    }

    fn srq_created(
        &mut self,
        arrived: &Arrived,
        parts: Parts<P>,
        word: P::Dma,
        max_segments: u16,
    ) -> Result<Outcome<P>, Error> {
        let answer: CreateSrqAnswer = self.ring.answer(arrived)?;
        Ok(Outcome::Srq(Srq {
            srqn: Srqn::from_device(answer.srqn.get())?,
            ring: parts.ring,
            word,
            bell: parts.bell,
            max_segments,
            posted: 0,
            retired: 0,
            resizing: false,
        }))
    }
}

fn destroy_eq(eqn: Eqn) -> DestroyEqRequest {
    DestroyEqRequest {
        eqn: U32::new(eqn.get()),
        ..DestroyEqRequest::default()
    }
}
