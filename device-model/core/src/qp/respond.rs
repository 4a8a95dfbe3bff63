//! Requests of the peer: the transport's verdict is carried out on keys, memory and receives.

use rnic_abi::{
    AccessFlags, CompletionStatus, CounterId, EventCode, ProviderError, QpState, QpType,
};
use rnic_mutant::mutant;
use rnic_transport::rc::{self, Answered, SendEnd, Verdict, Work, WriteEnd};
use rnic_transport::{Ending, RequestHeader, Target};
use rnic_wire::RKey;

use super::complete::Received;
use super::send::{dma_fault, gather};
use super::table::Notice;
use super::{Cx, Qp, Receives, Receiving};
use crate::dma::{CopyError, DmaError, DmaRange};
use crate::error::Refusal;
use crate::keys::{LocalRight, RemoteRight};
use crate::payload::Source;
use crate::segment::Body;
use crate::wqe::{Segments, parse_receive};

/// Why a request was not carried out.
pub(super) enum Trouble {
    /// No receive is posted.
    NotReady,
    /// The peer's own memory cannot be read: the request ends there, not here.
    SourceLost(DmaError),
    /// The peer is refused, and the receive it took, if any, completes in error.
    Refused {
        nak: rc::Refusal,
        error: ProviderError,
        receive: Option<Refusal>,
    },
}

impl Trouble {
    /// A remote key, range or right does not match `[QP-27]`.
    fn access(refusal: Refusal) -> Self {
        Self::Refused {
            nak: rc::Refusal::Access,
            error: refusal.error,
            receive: None,
        }
    }

    /// Our memory failed the peer `[QP-29]`.
    fn operational(refusal: Refusal) -> Self {
        Self::Refused {
            nak: rc::Refusal::Operational,
            error: refusal.error,
            receive: None,
        }
    }

    /// The receive is at fault `[QP-28]`.
    pub(super) fn receive(refusal: Refusal) -> Self {
        Self::Refused {
            nak: rc::Refusal::Operational,
            error: refusal.error,
            receive: Some(refusal),
        }
    }
}

impl Qp {
    /// A request of the peer arrived, with its data.
    pub(super) fn on_request(&mut self, cx: &mut Cx<'_>, header: &RequestHeader, data: Source<'_>) {
        if !matches!(self.state, QpState::RTR | QpState::RTS) {
            cx.res.counters.count(CounterId::DROPPED_NO_QP);
            return;
        }
        let Some(link) = self.link.as_mut() else {
            return;
        };
        link.path.count_request_in(cx, header);
        let verdict = link.responder.on_request(header);
        // [UC-5]
        let abandoned = link.responder.take_abandoned();
        if abandoned > 0 && !mutant("UC-5/uncounted") {
            cx.res
                .counters
                .add(CounterId::MESSAGES_ABANDONED, abandoned);
        }
        self.establish(cx);
        let frames = u64::from(header.packets);
        match verdict {
            Verdict::Execute(work) => self.execute(cx, header, work, data),
            Verdict::Replay(replay) => {
                cx.res.counters.add(CounterId::DUPLICATES_IN, frames);
                if let Some(link) = self.link.as_mut() {
                    link.responder.replay(replay, ());
                }
            }
            Verdict::Answered(Answered::Duplicate)
            | Verdict::Dropped(rc::Dropped::DuplicateUnknown) => {
                cx.res.counters.add(CounterId::DUPLICATES_IN, frames);
            }
            Verdict::Answered(Answered::OutOfSequence)
            | Verdict::Dropped(rc::Dropped::AheadOfSequence) => {
                cx.res.counters.add(CounterId::OUT_OF_SEQUENCE_IN, frames);
            }
            Verdict::Dropped(rc::Dropped::Failed | rc::Dropped::Abandoned) => {}
            Verdict::Refused(_) => {
                // The NAK leaves before the link is let go.
                self.enter_error(cx, ProviderError::PEER_INVALID_REQUEST);
            }
        }
        self.wake(cx.side);
    }

    /// The first request in RTR is told of `[EV-3]`.
    fn establish(&mut self, cx: &mut Cx<'_>) {
        if self.established && !mutant("EV-3/again") {
            return;
        }
        self.established = true;
        if self.state == QpState::RTR {
            let event = self.event();
            cx.res.post_event(
                cx.env,
                EventCode::COMMUNICATION_ESTABLISHED,
                self.qpn,
                0,
                &event,
            );
        }
        cx.side.notices.push_back(Notice::FirstPacket {
            qpn: self.qpn,
            connection: self.connection,
        });
    }

    fn execute(&mut self, cx: &mut Cx<'_>, header: &RequestHeader, work: Work, data: Source<'_>) {
        let done = match work {
            Work::Send {
                offset,
                length,
                start,
                end,
            } => self.execute_send(cx, (offset, length), start, end, data),
            Work::Write {
                address,
                key,
                length,
                start,
                end,
            } => self.execute_write(cx, (address, key, length), start, end, data),
            Work::Read(target) => self.execute_read(cx, header, target),
            Work::CompareSwap {
                address,
                key,
                swap,
                compare,
            } => self.execute_atomic(cx, header, address, key, |cx, iova| {
                cx.res.dma.compare_exchange_u64(iova, compare, swap)
            }),
            Work::FetchAdd {
                address,
                key,
                addend,
            } => self.execute_atomic(cx, header, address, key, |cx, iova| {
                cx.res.dma.fetch_add_u64(iova, addend)
            }),
        };
        if self.service == QpType::UC
            && let Err(trouble) = done
        {
            return self.lose_message(cx, header, &trouble);
        }
        let Some(link) = self.link.as_mut() else {
            return;
        };
        match done {
            Ok(Committed::No) => link.responder.commit(header),
            Ok(Committed::Yes) => {}
            Err(Trouble::NotReady) => link.responder.not_ready(header),
            Err(Trouble::SourceLost(error)) => {
                // Nothing is committed; the peer ends its request and the connection.
                let body = Body::SourceLost {
                    psn: header.psn,
                    error: crate::error::provider_error(error),
                };
                let leases = (self.lease.clone(), cx.res.lease());
                if link.path.deliver(cx, body, leases).is_err() {
                    log::debug!("qp {:#x}: the peer is not told of its own fault", self.qpn);
                }
            }
            Err(Trouble::Refused {
                nak,
                error,
                receive,
            }) => {
                link.responder.refuse(header, nak);
                if let Some(refusal) = receive {
                    self.fail_receive(cx, refusal);
                }
                self.enter_error(cx, error);
            }
        }
    }

    /// A message of an unreliable connection is not carried out: it is dropped, and only a fault of
    /// our own harms us `[UC-6]`, `[QP-28]`.
    fn lose_message(&mut self, cx: &mut Cx<'_>, header: &RequestHeader, trouble: &Trouble) {
        if let Some(link) = self.link.as_mut() {
            link.responder.give_up(header);
        }
        let counter = match trouble {
            Trouble::NotReady => CounterId::DROPPED_NO_RECEIVE,
            Trouble::Refused { nak, .. } if *nak == rc::Refusal::InvalidRequest => {
                CounterId::DROPPED_TOO_LONG
            }
            Trouble::Refused { nak, .. } if *nak == rc::Refusal::Access => {
                CounterId::DROPPED_ACCESS
            }
            Trouble::Refused { error, receive, .. } => {
                if let Some(refusal) = receive {
                    self.fail_receive(cx, *refusal);
                }
                return self.enter_error(cx, *error);
            }
            // Its data came with it.
            Trouble::SourceLost(_) => return,
        };
        if !mutant("UC-6/uncounted") {
            cx.res.counters.count(counter);
        }
        if mutant("UC-6/error") {
            self.enter_error(cx, ProviderError::RANGE);
        }
    }

    fn execute_send(
        &mut self,
        cx: &mut Cx<'_>,
        (offset, length): (u32, u32),
        start: bool,
        end: Option<SendEnd>,
        mut data: Source<'_>,
    ) -> Result<Committed, Trouble> {
        if start && self.receiving.is_none() {
            self.take_receive(cx)?;
            self.check_receive(cx)?;
        }
        let Some(receiving) = self.receiving.as_ref() else {
            return Err(Trouble::NotReady);
        };
        if length > 0 {
            let part = (u64::from(offset), u64::from(length));
            // [QP-22]
            if part.0 + part.1 > receiving.segments.total() && !mutant("QP-22/long") {
                let refusal = Refusal::new(
                    CompletionStatus::LOCAL_LENGTH_ERROR,
                    ProviderError::RECEIVE_TOO_SHORT,
                );
                return Err(Trouble::Refused {
                    nak: rc::Refusal::InvalidRequest,
                    error: refusal.error,
                    receive: Some(refusal),
                });
            }
            dma_fault(cx).map_err(Trouble::receive)?;
            let pd = self.pd;
            let ranges = gather(cx, pd, &receiving.segments, part, LocalRight::Write)
                .map_err(Trouble::receive)?;
            for range in ranges.as_slice() {
                place(cx, &mut data, *range)
                    .map_err(|e| side(e, |e| Trouble::receive(cx.dma_failed(e))))?;
            }
        }
        if let Some(end) = end {
            self.end_send(cx, end, offset.saturating_add(length))?;
        }
        Ok(Committed::No)
    }

    /// The message is whole: invalidate, then complete `[QP-21]`, `[QP-23]`.
    fn end_send(&mut self, cx: &mut Cx<'_>, end: SendEnd, length: u32) -> Result<(), Trouble> {
        if let Ending::Invalidate(key) = end.ending {
            let invalidated = cx.res.keys.invalidate(self.pd, self.qpn, key.0);
            if invalidated.is_err() && !mutant("QP-23/refused") {
                return Err(Trouble::receive(Refusal::malformed(
                    ProviderError::INVALIDATE_REFUSED,
                )));
            }
        }
        cx.res.counters.count(CounterId::SENDS_IN);
        self.complete_receive(
            cx,
            Received {
                length,
                solicited: end.solicited,
                what: end.ending,
                write: false,
                source: None,
            },
        );
        Ok(())
    }

    fn execute_write(
        &mut self,
        cx: &mut Cx<'_>,
        (address, key, length): (u64, RKey, u32),
        start: Option<Target>,
        end: Option<WriteEnd>,
        mut data: Source<'_>,
    ) -> Result<Committed, Trouble> {
        // The whole range first: a message that would fail later changes nothing [QP-27].
        if let Some(t) = start
            && t.length > 0
            && !mutant("QP-27/partial")
        {
            self.check_access(AccessFlags::REMOTE_WRITE)?;
            let all = u64::from(t.length);
            cx.res
                .keys
                .check_remote(
                    self.pd,
                    self.qpn,
                    t.key.0,
                    t.address,
                    all,
                    RemoteRight::Write,
                )
                .map_err(Trouble::access)?;
        }
        let immediate = end.and_then(|e| e.immediate);
        let consumes = immediate.is_some() || mutant("QP-24/consumes");
        if consumes && self.receiving.is_none() {
            self.take_receive(cx)?;
        }
        if length > 0 {
            dma_fault(cx).map_err(Trouble::operational)?;
            let len = u64::from(length);
            let extent = cx
                .res
                .keys
                .check_remote(self.pd, self.qpn, key.0, address, len, RemoteRight::Write)
                .map_err(Trouble::access)?;
            let placed = extent
                .ranges()
                .try_for_each(|range| data.place(&cx.res.dma, range));
            placed.map_err(|e| side(e, |e| Trouble::operational(cx.dma_failed(e))))?;
        }
        let Some(end) = end else {
            return Ok(Committed::No);
        };
        cx.res.counters.count(CounterId::WRITES_IN);
        if let Some(immediate) = immediate {
            // [QP-24]
            self.complete_receive(
                cx,
                Received {
                    length: end.message_length,
                    solicited: end.solicited,
                    what: Ending::Immediate(immediate),
                    write: true,
                    source: None,
                },
            );
        }
        Ok(Committed::No)
    }

    fn execute_read(
        &mut self,
        cx: &mut Cx<'_>,
        header: &RequestHeader,
        target: Target,
    ) -> Result<Committed, Trouble> {
        if target.length > 0 {
            self.check_access(AccessFlags::REMOTE_READ)?;
            let (address, all) = (target.address, u64::from(target.length));
            cx.res
                .keys
                .check_remote(
                    self.pd,
                    self.qpn,
                    target.key.0,
                    address,
                    all,
                    RemoteRight::Read,
                )
                .map_err(Trouble::access)?;
        }
        cx.res.counters.count(CounterId::READS_IN);
        if let Some(link) = self.link.as_mut() {
            link.responder.commit_read(header, target, ());
        }
        Ok(Committed::Yes)
    }

    fn execute_atomic(
        &mut self,
        cx: &mut Cx<'_>,
        header: &RequestHeader,
        address: u64,
        key: RKey,
        act: impl FnOnce(&Cx<'_>, u64) -> Result<u64, DmaError>,
    ) -> Result<Committed, Trouble> {
        self.check_access(AccessFlags::REMOTE_ATOMIC)?;
        dma_fault(cx).map_err(Trouble::operational)?;
        let extent = cx
            .res
            .keys
            .check_remote(self.pd, self.qpn, key.0, address, 8, RemoteRight::Atomic)
            .map_err(Trouble::access)?;
        // Eight aligned bytes lie in one page, so in one range [QP-26].
        let iova = extent.ranges().next().map(|r| r.iova);
        let found = iova.ok_or(DmaError::Unmapped { iova: address });
        let original = found
            .and_then(|iova| act(cx, iova))
            .map_err(|e| Trouble::operational(cx.dma_failed(e)))?;
        cx.res.counters.count(CounterId::ATOMICS_IN);
        if let Some(link) = self.link.as_mut() {
            link.responder.commit_atomic(header, original);
        }
        Ok(Committed::Yes)
    }

    /// The queue pair's own rights `[QP-34]`.
    fn check_access(&self, right: AccessFlags) -> Result<(), Trouble> {
        if self.attributes.access.contains(right) || mutant("QP-34/access") {
            Ok(())
        } else {
            Err(Trouble::access(Refusal::remote(
                ProviderError::RIGHT_MISSING,
            )))
        }
    }

    /// Takes the next receive.
    pub(super) fn take_receive(&mut self, cx: &mut Cx<'_>) -> Result<(), Trouble> {
        let taken = match &mut self.receives {
            Receives::Own {
                queue,
                max_segments,
            } => {
                if queue.posted() == 0 {
                    // The driver may have posted without our having looked.
                    let value = cx.res.doorbells.load(cx.env, queue.slot());
                    if queue.doorbell(value).is_err() {
                        return Err(Trouble::operational(Refusal::malformed(
                            ProviderError::RANGE,
                        )));
                    }
                }
                let Some((index, bytes)) = queue.fetch(cx.res, &mut cx.side.entry) else {
                    return Err(Trouble::NotReady);
                };
                let mut parsed = parse_receive(bytes.unwrap_or_default(), *max_segments);
                if let Err(error) = bytes {
                    parsed.segments = Err(Refusal::local_dma(error));
                }
                (parsed, index, 0)
            }
            Receives::Shared { srqn } => {
                let buffer = &mut cx.side.entry;
                match cx.res.take_shared(cx.env, *srqn, buffer) {
                    Ok(Some(taken)) => {
                        let stride = usize::try_from(taken.stride).unwrap_or(0);
                        let bytes = buffer.get(..stride).unwrap_or_default();
                        let parsed = parse_receive(bytes, taken.max_segments);
                        (parsed, taken.index, taken.slot)
                    }
                    Ok(None) => return Err(Trouble::NotReady),
                    // [SRQ-6]
                    Err(failed) => {
                        return Err(Trouble::operational(Refusal::malformed(failed.0)));
                    }
                }
            }
        };
        let (parsed, index, srq_slot) = taken;
        let (segments, bad) = match parsed.segments {
            Ok(segments) => (segments, None),
            Err(refusal) => (Segments::EMPTY, Some(refusal)),
        };
        self.receiving = Some(Receiving {
            context: parsed.context,
            segments,
            index,
            srq_slot,
        });
        match bad {
            None => Ok(()),
            Some(refusal) => Err(Trouble::receive(refusal)),
        }
    }

    /// Checks every segment of the receive before the first byte is placed `[QP-28]`.
    pub(super) fn check_receive(&mut self, cx: &mut Cx<'_>) -> Result<(), Trouble> {
        let Some(receiving) = self.receiving.as_ref() else {
            return Ok(());
        };
        if mutant("QP-28/receive") {
            return Ok(());
        }
        for s in receiving.segments.as_slice() {
            let length = u64::from(s.length);
            cx.res
                .keys
                .check_local(self.pd, s.key, s.address, length, LocalRight::Write)
                .map_err(Trouble::receive)?;
        }
        Ok(())
    }
}

/// Whether the transport knows already.
enum Committed {
    Yes,
    No,
}

fn place(cx: &mut Cx<'_>, data: &mut Source<'_>, range: DmaRange) -> Result<(), CopyError> {
    data.place(&cx.res.dma, range)
}

pub(super) fn side(error: CopyError, ours: impl FnOnce(DmaError) -> Trouble) -> Trouble {
    match error {
        CopyError::Source(e) => Trouble::SourceLost(e),
        CopyError::Destination(e) => ours(e),
    }
}
