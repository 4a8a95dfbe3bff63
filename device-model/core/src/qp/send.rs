//! The send queue: fetch, begin, transmit. Requests begin in order; what must wait holds up what
//! follows it `[QP-12]`, `[QP-20]`, `[QP-35]`.

use rnic_abi::{CompletionStatus, CounterId, ProviderError, QpState, QpType};
use rnic_mutant::mutant;
use rnic_transport::rc::{Message, PostError, Transmission};

use super::path::{Gathered, SendError};
use super::{Cx, Entry, LOOK_AGAIN, MAX_IN_FLIGHT, Qp, Work, transport_time};
use crate::env::{Budget, Nanos};
use crate::error::Refusal;
use crate::fault::{Fault, Site};
use crate::keys::LocalRight;
use crate::payload::RangeList;
use crate::wqe::{Data, Request, Segments, parse_send};

/// How a round of sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// The transport has nothing to send now.
    Done,
    /// The budget is spent, or the port is full: come back.
    Again,
}

impl Qp {
    /// Sends what may be sent; true when there is more to do at once.
    pub(super) fn run_send(&mut self, cx: &mut Cx<'_>, budget: &mut Budget) -> bool {
        while self.state == QpState::RTS {
            self.retire(cx);
            self.begin_held(cx);
            if self.transmit(cx, budget) == Round::Again {
                return true;
            }
            if !self.may_fetch() {
                break;
            }
            if !budget.take_op() {
                return true;
            }
            self.fetch(cx);
        }
        self.retire(cx);
        false
    }

    /// Whether the next entry may be fetched: everything before it has begun and was sent.
    fn may_fetch(&self) -> bool {
        let sent = self
            .link
            .as_ref()
            .and_then(|l| l.requester.as_ref())
            .is_some_and(|r| r.is_drained() && r.failure().is_none());
        let waits = match self.in_flight.back().map(|e| &e.work) {
            Some(
                Work::Held { .. }
                | Work::Datagram(_)
                | Work::Invalidated { .. }
                | Work::Local(Err(_)),
            ) => true,
            Some(Work::Message { .. } | Work::Local(Ok(()))) | None => false,
        };
        self.state == QpState::RTS
            && sent
            && !waits
            && self.in_flight.len() < MAX_IN_FLIGHT
            && self.send.posted() > 0
    }

    /// Fetches one entry and begins it.
    pub(super) fn fetch(&mut self, cx: &mut Cx<'_>) {
        let Some((index, bytes)) = self.send.fetch(cx.res, &mut cx.side.entry) else {
            return;
        };
        let mut parsed = parse_send(bytes.unwrap_or_default(), self.send_rules);
        if let Err(error) = bytes {
            parsed.request = Err(Refusal::local_dma(error));
        }
        let number = self.posted_messages();
        let length = match &parsed.request {
            Ok(Request::Message { length, .. } | Request::Datagram { length, .. }) => *length,
            Ok(Request::FastRegister(_) | Request::Bind(_) | Request::Invalidate { .. })
            | Err(_) => 0,
        };
        let work = match parsed.request {
            Ok(request) => Work::Held {
                request,
                fence: parsed.fence,
            },
            Err(refusal) => Work::Local(Err(refusal)),
        };
        self.in_flight.push_back(Entry {
            context: parsed.context,
            opcode: parsed.opcode,
            silent: parsed.silent,
            index,
            number,
            length,
            work,
        });
        self.begin_held(cx);
    }

    /// Messages that the requester was given so far.
    fn posted_messages(&self) -> u64 {
        let requester = self.link.as_ref().and_then(|l| l.requester.as_ref());
        requester.map_or(0, |r| r.oldest().wrapping_add(r.pending() as u64))
    }

    /// Begins the youngest entry if it was held and need not wait any more.
    fn begin_held(&mut self, cx: &mut Cx<'_>) {
        let alone = self.in_flight.len() == 1;
        let reads = self
            .link
            .as_ref()
            .and_then(|l| l.requester.as_ref())
            .map_or(0, |r| r.reads_pending());
        let Some(entry) = self.in_flight.back_mut() else {
            return;
        };
        match &entry.work {
            Work::Held { request, fence } => {
                // [QP-20] A fence waits for reads; [QP-35] an invalidation for everything, as any
                // earlier request may use the key.
                let reads = reads > 0 && !mutant("QP-20/fence");
                let alone = alone || mutant("QP-35/waits");
                let waits =
                    *fence && reads || matches!(request, Request::Invalidate { .. }) && !alone;
                if waits {
                    return;
                }
            }
            Work::Message { .. }
            | Work::Datagram(_)
            | Work::Invalidated { .. }
            | Work::Local(_) => return,
        }
        let taken = std::mem::replace(&mut entry.work, Work::Local(Ok(())));
        let Work::Held { request, .. } = taken else {
            return;
        };
        let begun = self.begin(cx, request);
        if let Some(entry) = self.in_flight.back_mut() {
            entry.work = begun;
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_>, request: Request) -> Work {
        let keys = &mut cx.res.keys;
        match request {
            Request::Datagram {
                to,
                data,
                length,
                immediate,
                solicited,
            } => self
                .begin_datagram(cx, to, &data, length, (immediate, solicited))
                .unwrap_or_else(|refusal| Work::Local(Err(refusal))),
            Request::Message {
                message,
                data,
                length,
                invalidate,
            } => match self.begin_message(cx, message, &data, length) {
                Ok(()) => Work::Message { data, invalidate },
                Err(refusal) => Work::Local(Err(refusal)),
            },
            Request::FastRegister(work) => {
                Work::Local(keys.fast_register(&cx.res.dma, self.pd, &work))
            }
            Request::Bind(work) => Work::Local(keys.bind(self.pd, self.qpn, &work)),
            Request::Invalidate { key } => match keys.invalidate(self.pd, self.qpn, key) {
                Ok(()) => match cx.res.begin_answer_grace() {
                    // [MEM-17] No new access; the completion says that no old one is left.
                    Some(grace) if !mutant("MEM-17/early") => Work::Invalidated {
                        grace,
                        look_again: cx.env.now().after(LOOK_AGAIN),
                    },
                    Some(_) | None => Work::Local(Ok(())),
                },
                Err(error) => Work::Local(Err(Refusal::malformed(error))),
            },
        }
    }

    /// Checks every local segment before anything is sent `[QP-28]`.
    fn begin_message(
        &mut self,
        cx: &mut Cx<'_>,
        message: Message,
        data: &Data,
        length: u32,
    ) -> Result<(), Refusal> {
        let right = if message.is_read_or_atomic() {
            LocalRight::Write
        } else {
            LocalRight::Read
        };
        match data {
            Data::Inline(_) => {}
            Data::Segments(_) if mutant("QP-28/late") => {}
            Data::Segments(segments) => {
                for s in segments.as_slice() {
                    let length = u64::from(s.length);
                    cx.res
                        .keys
                        .check_local(self.pd, s.key, s.address, length, right)?;
                }
            }
        }
        let requester = self.link.as_mut().and_then(|l| l.requester.as_mut());
        let Some(requester) = requester else {
            return Err(Refusal::malformed(ProviderError::NOT_CONNECTED));
        };
        match requester.post(message, length) {
            Ok(_) => Ok(()),
            Err(PostError::NoReadDepth) => Err(Refusal::malformed(ProviderError::NO_READ_DEPTH)),
            Err(PostError::TooLong) => Err(Refusal::new(
                CompletionStatus::LOCAL_LENGTH_ERROR,
                ProviderError::MESSAGE_TOO_LONG,
            )),
        }
    }

    /// Gives segments to the path until the transport has none.
    fn transmit(&mut self, cx: &mut Cx<'_>, budget: &mut Budget) -> Round {
        loop {
            let Some(link) = self.link.as_mut() else {
                return Round::Done;
            };
            let Some(requester) = link.requester.as_mut() else {
                return Round::Done;
            };
            if link
                .stuck
                .is_some_and(|bad| requester.next_message() >= bad)
            {
                return Round::Done;
            }
            if budget.is_spent() {
                return if requester.is_drained() {
                    Round::Done
                } else {
                    Round::Again
                };
            }
            // Not before the limiter lets it: what was polled would be on the way for its timers.
            if let Some(limiter) = &link.limiter
                && !limiter.is_over()
                && limiter.next().0 > cx.env.now().0
            {
                let until = Nanos(limiter.next().0);
                if !requester.is_drained() {
                    self.wait_until(cx, until);
                }
                return Round::Done;
            }
            // Nobody would send it again [UC-7].
            if self.service == QpType::UC
                && !requester.is_drained()
                && let Some(until) = link.path.wait_for_next_hop(cx, self.qpn)
            {
                self.wait_until(cx, until);
                return Round::Done;
            }
            let now = transport_time(cx.env.now());
            let Some(sent) = requester.poll_transmit(now, link.chunk) else {
                return Round::Done;
            };
            let _ = budget.take_op();
            budget.take_bytes(u64::from(sent.header.length));
            match self.send_one(cx, &sent) {
                Ok(()) => {
                    if let Some(link) = self.link.as_mut() {
                        link.pace(cx.env.now(), sent.header.length);
                        link.forget_what_left(now);
                    }
                }
                // Nobody is there: lost, as on a wire [UC-3].
                Err(SendError::Gone) if self.service == QpType::UC => {
                    if let Some(link) = self.link.as_mut() {
                        link.forget_what_left(now);
                    }
                }
                Err(SendError::Full) => {
                    if let Some(r) = self.link.as_mut().and_then(|l| l.requester.as_mut()) {
                        r.put_back(&sent);
                    }
                    return Round::Again;
                }
                Err(SendError::Gone) => {
                    self.peer_gone();
                    return Round::Done;
                }
                Err(SendError::Local(refusal)) => {
                    if let Some(link) = self.link.as_mut() {
                        if let Some(r) = link.requester.as_mut() {
                            r.put_back(&sent);
                        }
                        link.stuck = Some(sent.message);
                    }
                    self.fail_message(sent.message, refusal);
                    return Round::Done;
                }
            }
        }
    }

    /// Comes back when the limiter lets something out.
    pub(super) fn wait_until(&mut self, cx: &mut Cx<'_>, until: Nanos) {
        self.paced = Some(until);
        self.schedule(cx.side);
    }

    /// The peer's device is no more: nobody will ever answer `[QP-31]`.
    pub(super) fn peer_gone(&mut self) {
        if let Some(r) = self.link.as_mut().and_then(|l| l.requester.as_mut()) {
            r.abandon(rnic_transport::rc::Failure::RetryExceeded);
        }
    }

    /// The entry of a message, by its number in the transport.
    pub(super) fn entry_of(&mut self, message: u64) -> Option<&mut Entry> {
        let is_it = |e: &Entry| e.number == message && !matches!(e.work, Work::Local(Ok(())));
        // Nearly always the oldest or the youngest.
        if self.in_flight.front().is_some_and(is_it) {
            return self.in_flight.front_mut();
        }
        if self.in_flight.back().is_some_and(is_it) {
            return self.in_flight.back_mut();
        }
        let at = self.in_flight.partition_point(|e| e.number < message);
        self.in_flight
            .range_mut(at..)
            .take_while(|e| e.number == message)
            .find(|e| !matches!(e.work, Work::Local(Ok(()))))
    }

    /// A message of ours ends in error here; it completes when everything before it has.
    pub(super) fn fail_message(&mut self, message: u64, refusal: Refusal) {
        if let Some(entry) = self.entry_of(message) {
            entry.work = Work::Local(Err(refusal));
        }
    }

    fn send_one(&mut self, cx: &mut Cx<'_>, sent: &Transmission) -> Result<(), SendError> {
        let pd = self.pd;
        let (peer_lease, epoch) = (self.lease.clone(), cx.res.lease());
        let Some(Work::Message { data, .. }) = self.entry_of(sent.message).map(|e| &e.work) else {
            // Its entry is in error already: it is not sent again.
            return Ok(());
        };
        let gathered = if sent.header.length == 0 {
            Gathered::Nothing
        } else {
            dma_fault(cx).map_err(SendError::Local)?;
            match data {
                Data::Inline(inline) => {
                    let from = usize::try_from(sent.offset).unwrap_or(usize::MAX);
                    let len = usize::try_from(sent.header.length).unwrap_or(0);
                    let bytes = inline.as_slice().get(from..).unwrap_or_default();
                    Gathered::Bytes(bytes.get(..len).unwrap_or_default())
                }
                Data::Segments(segments) => {
                    let part = (u64::from(sent.offset), u64::from(sent.header.length));
                    let ranges = gather(cx, pd, segments, part, LocalRight::Read)
                        .map_err(SendError::Local)?;
                    Gathered::Ranges(ranges)
                }
            }
        };
        // The entry stays borrowed for its inline bytes, so the link is taken out meanwhile.
        let gathered = gathered.into_owned_or_ranges();
        let Some(link) = self.link.as_mut() else {
            return Ok(());
        };
        link.path
            .send_request(cx, &sent.header, gathered, (peer_lease, epoch))?;
        if sent.again {
            let frames = u64::from(sent.header.packets);
            cx.res.counters.add(CounterId::RETRANSMITTED, frames);
        }
        Ok(())
    }
}

/// Whether a fault plan wants this access to fail.
pub(super) fn dma_fault(cx: &mut Cx<'_>) -> Result<(), Refusal> {
    if cx.env.fault(Site::Dma) == Some(Fault::Fail) {
        cx.res.counters.count(CounterId::FAULTS_INJECTED);
        return Err(Refusal::new(
            CompletionStatus::LOCAL_ACCESS_ERROR,
            ProviderError::DMA_HOST_FAULT,
        ));
    }
    Ok(())
}

/// DMA ranges of `part` (offset, length) of the memory that `segments` name, keys checked now:
/// they may have been taken away since the request began.
pub(super) fn gather(
    cx: &mut Cx<'_>,
    pd: u32,
    segments: &Segments,
    part: (u64, u64),
    right: LocalRight,
) -> Result<RangeList, Refusal> {
    let (mut skip, mut left) = part;
    let mut ranges = RangeList::default();
    for s in segments.as_slice() {
        if left == 0 {
            break;
        }
        let length = u64::from(s.length);
        if skip >= length {
            skip -= length;
            continue;
        }
        let take = left.min(length - skip);
        let extent = cx
            .res
            .keys
            .check_local(pd, s.key, s.address, length, right)?;
        for range in extent.part(skip, take).ranges() {
            ranges.push(range);
        }
        left -= take;
        skip = 0;
    }
    Ok(ranges)
}
