//! Responses: those that we owe the peer, and those that it sends us.

use rnic_abi::{CompletionStatus, CounterId, ProviderError, QpState};
use rnic_mutant::mutant;
use rnic_transport::rc::{self, Placement, Progress, ReadData};
use rnic_transport::{ResponseBody, ResponseHeader};
use rnic_wire::{Credits, Psn, Syndrome};

use super::path::{Outgoing, SendError};
use super::send::{dma_fault, gather};
use super::{Cx, Qp, Receives, Work, transport_time};
use crate::dma::CopyError;
use crate::env::Budget;
use crate::error::Refusal;
use crate::keys::{LocalRight, RemoteRight};
use crate::payload::{RangeList, Source};
use crate::wqe::Data;

impl Qp {
    /// Sends what the peer is owed; true when there is more to do at once. Also in ERROR: the NAK
    /// that says why must leave, and what was owed before it.
    pub(super) fn run_answers(&mut self, cx: &mut Cx<'_>, budget: &mut Budget) -> bool {
        if !matches!(self.state, QpState::RTR | QpState::RTS | QpState::ERROR) {
            return false;
        }
        loop {
            let Some(link) = self.link.as_mut() else {
                return false;
            };
            if !link.responder.has_response() {
                return false;
            }
            if let Some(until) = link.paced_until(cx.env.now()) {
                self.wait_until(cx, until);
                return false;
            }
            if !budget.take_op() {
                return true;
            }
            let Some(mut response) = link.responder.poll_response(link.chunk) else {
                return false;
            };
            let credits = self.credits(cx);
            if let ResponseBody::Acknowledge(Syndrome::Ack(told)) = &mut response.header.body {
                *told = credits;
            }
            if let Some(link) = self.link.as_mut() {
                link.path.credits = credits;
            }
            let data = response.data.take();
            let outgoing = match &data {
                Some(data) => self.read_for_peer(cx, data),
                None => Ok(Outgoing::Nothing),
            };
            let sent = match outgoing {
                Ok(outgoing) => {
                    budget.take_bytes(data.as_ref().map_or(0, |d| u64::from(d.length)));
                    let leases = (self.lease.clone(), cx.res.answer_lease());
                    let Some(link) = self.link.as_mut() else {
                        return false;
                    };
                    match link
                        .path
                        .send_response(cx, &response.header, outgoing, leases)
                    {
                        Ok(()) => {
                            let bytes = data.as_ref().map_or(0, |d| d.length);
                            link.pace(cx.env.now(), bytes);
                            Ok(())
                        }
                        Err(SendError::Full) => {
                            response.data = data;
                            link.responder.put_back(response);
                            return true;
                        }
                        Err(SendError::Gone) => {
                            link.responder.cancel();
                            return false;
                        }
                        Err(SendError::Local(r)) => Err((rc::Refusal::Operational, r.error)),
                    }
                }
                Err(refused) => Err(refused),
            };
            if let Err((nak, error)) = sent {
                let failed = self
                    .link
                    .as_mut()
                    .is_none_or(|link| link.responder.refuse_data(&response.header, nak));
                if failed {
                    self.enter_error(cx, error);
                }
            }
        }
    }

    /// Receives that the peer may use, as far as it is told `[ROCE-50]`, `[ROCE-51]`.
    fn credits(&mut self, cx: &mut Cx<'_>) -> Credits {
        match &mut self.receives {
            Receives::Own { queue, .. } if self.attributes.flow_control => {
                // The driver may have posted without our having looked; what is impossible there is
                // noticed when a receive is taken.
                let value = cx.res.doorbells.load(cx.env, queue.slot());
                let _ = queue.doorbell(value);
                let more = u32::from(mutant("ROCE-51/more")) * 8;
                Credits::at_most(queue.posted().saturating_add(more))
            }
            Receives::Own { .. } | Receives::Shared { .. } => Credits::UNLIMITED,
        }
    }

    /// Memory that a read of the peer asks for, its key checked again.
    fn read_for_peer(
        &self,
        cx: &mut Cx<'_>,
        data: &ReadData<()>,
    ) -> Result<Outgoing, (rc::Refusal, ProviderError)> {
        if data.length == 0 {
            return Ok(Outgoing::Nothing);
        }
        dma_fault(cx).map_err(|r| (rc::Refusal::Operational, r.error))?;
        let length = u64::from(data.length);
        let extent = cx
            .res
            .keys
            .check_remote(
                self.pd,
                self.qpn,
                data.key.0,
                data.address,
                length,
                RemoteRight::Read,
            )
            .map_err(|r| (rc::Refusal::Access, r.error))?;
        let mut ranges = RangeList::default();
        for range in extent.ranges() {
            ranges.push(range);
        }
        Ok(Outgoing::Ranges(ranges))
    }

    /// A response of the peer arrived, with its data.
    pub(super) fn on_response(
        &mut self,
        cx: &mut Cx<'_>,
        header: &ResponseHeader,
        data: Source<'_>,
    ) {
        let Some(link) = self.link.as_mut().filter(|_| self.state == QpState::RTS) else {
            cx.res.counters.count(CounterId::DROPPED_NO_QP);
            return;
        };
        link.path.count_response_in(cx, header);
        let Some(requester) = link.requester.as_mut() else {
            return;
        };
        let now = transport_time(cx.env.now());
        match requester.on_response(now, header) {
            Progress::Place(placement) => self.place_read(cx, placement, data),
            Progress::Atomic { message, original } => {
                let placement = Placement {
                    message,
                    offset: 0,
                    length: 8,
                };
                self.place_read(cx, placement, Source::Bytes(&original.to_le_bytes()));
            }
            Progress::Ghost
            | Progress::Accepted
            | Progress::Retry
            | Progress::NotReady
            | Progress::Failed => {}
        }
        self.retire(cx);
        self.wake(cx.side);
    }

    /// Puts read data, or the result of an atomic, where the request wants it.
    fn place_read(&mut self, cx: &mut Cx<'_>, p: Placement, mut data: Source<'_>) {
        let pd = self.pd;
        let part = (u64::from(p.offset), u64::from(p.length));
        let Some(entry) = self.entry_of(p.message) else {
            return;
        };
        let Work::Message {
            data: Data::Segments(segments),
            ..
        } = &entry.work
        else {
            return;
        };
        let done = dma_fault(cx)
            .and_then(|()| gather(cx, pd, segments, part, LocalRight::Write))
            .and_then(|ranges| {
                ranges.as_slice().iter().try_for_each(|range| {
                    data.place(&cx.res.dma, *range).map_err(|e| match e {
                        CopyError::Destination(e) => {
                            cx.res.counters.count(CounterId::DMA_ERRORS);
                            Refusal::local_dma(e)
                        }
                        // The peer looked before it sent; its memory went away meanwhile.
                        CopyError::Source(_) => Refusal::new(
                            CompletionStatus::REMOTE_OPERATION_ERROR,
                            ProviderError::PEER_OPERATION,
                        ),
                    })
                })
            });
        if let Err(refusal) = done {
            entry.work = Work::Local(Err(refusal));
        }
    }

    /// The peer could not read the data of a request of ours `[QP-29]`.
    pub(super) fn on_source_lost(&mut self, cx: &mut Cx<'_>, psn: Psn, error: ProviderError) {
        let requester = self
            .link
            .as_ref()
            .filter(|_| self.state == QpState::RTS)
            .and_then(|l| l.requester.as_ref());
        let Some(message) = requester.and_then(|r| r.message_at(psn)) else {
            return;
        };
        if let Some(link) = self.link.as_mut() {
            link.stuck = Some(message);
        }
        cx.res.counters.count(CounterId::DMA_ERRORS);
        let refusal = Refusal::new(CompletionStatus::LOCAL_ACCESS_ERROR, error);
        self.fail_message(message, refusal);
        self.retire(cx);
        self.wake(cx.side);
    }
}
