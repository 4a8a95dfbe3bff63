//! Ends of work: completions in order, errors, flush.

use rnic_abi::{
    Completion, CompletionFlags, CompletionStatus, CounterId, EventCode, ProviderError, QpEvent,
    QpState, WorkHeader, WorkOpcode,
};
use rnic_mutant::mutant;
use rnic_transport::Ending;
use rnic_transport::rc::Failure;
use rnic_wire::Qpn;
use zerocopy::FromBytes;

use super::queue::{WorkQueue, reached};
use super::table::Notice;
use super::{Cx, Entry, Qp, Receives, Receiving, Work};
use crate::env::Budget;
use crate::error::Refusal;

/// Names a flush that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub(super) u64);

/// A flush that is under way: goals as producer indices, none for a queue that is left alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flush {
    pub ticket: Ticket,
    pub send: Option<u32>,
    pub receive: Option<u32>,
    pub done: bool,
}

/// How far queues were flushed `[QP-41]`; 0 for one that was not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushResult {
    /// Producer index of the send queue.
    pub send: u32,
    /// Producer index of the receive queue.
    pub receive: u32,
}

/// What a receive got.
pub(super) struct Received {
    pub length: u32,
    pub solicited: bool,
    pub what: Ending,
    /// By a write with immediate data.
    pub write: bool,
    /// Sender of a datagram; its header lies before the message.
    pub source: Option<Qpn>,
}

/// Status and check of a connection that failed `[ERR-5]`.
const fn refusal_of(failure: Failure) -> Refusal {
    let (status, error) = match failure {
        Failure::RetryExceeded => (CompletionStatus::RETRY_EXCEEDED, ProviderError::PEER_GONE),
        Failure::SequenceRetryExceeded => {
            (CompletionStatus::RETRY_EXCEEDED, ProviderError::SEQUENCE)
        }
        Failure::RnrRetryExceeded => (CompletionStatus::RNR_RETRY_EXCEEDED, ProviderError::RNR),
        Failure::RemoteInvalidRequest => (
            CompletionStatus::REMOTE_INVALID_REQUEST_ERROR,
            ProviderError::PEER_INVALID_REQUEST,
        ),
        Failure::RemoteAccess => (
            CompletionStatus::REMOTE_ACCESS_ERROR,
            ProviderError::PEER_ACCESS,
        ),
        Failure::RemoteOperational => (
            CompletionStatus::REMOTE_OPERATION_ERROR,
            ProviderError::PEER_OPERATION,
        ),
        Failure::BadResponse => (
            CompletionStatus::BAD_RESPONSE_ERROR,
            ProviderError::RESPONSE_LENGTH,
        ),
    };
    Refusal::new(status, error)
}

const FLUSHED: Refusal = Refusal::new(CompletionStatus::FLUSHED, ProviderError::QUEUE_FLUSHED);

/// What became of the oldest entry.
enum Outcome {
    Done,
    Failed(Refusal),
    /// The same, because the peer does not answer `[QP-40]`.
    Lost(Refusal),
}

impl Qp {
    /// Retires what is complete, oldest first `[QP-12]`, `[QP-13]`.
    pub(super) fn retire(&mut self, cx: &mut Cx<'_>) {
        while matches!(self.state, QpState::RTS) {
            let requester = self.link.as_ref().and_then(|l| l.requester.as_ref());
            let oldest = requester.map_or(0, |r| r.oldest());
            let failure = requester.and_then(|r| r.failure());
            let Some(front) = self.in_flight.front() else {
                break;
            };
            let outcome = match &front.work {
                Work::Held { .. } | Work::Datagram(_) => break,
                Work::Invalidated { grace, .. } if !grace.is_over() => break,
                Work::Invalidated { .. } => Outcome::Done,
                Work::Local(Ok(())) => Outcome::Done,
                Work::Local(Err(refusal)) => Outcome::Failed(*refusal),
                Work::Message { .. } if front.number < oldest => Outcome::Done,
                Work::Message { .. } => match failure {
                    None => break,
                    Some(
                        f @ (Failure::RetryExceeded
                        | Failure::SequenceRetryExceeded
                        | Failure::RnrRetryExceeded),
                    ) => Outcome::Lost(refusal_of(f)),
                    Some(f) => Outcome::Failed(refusal_of(f)),
                },
            };
            let Some(entry) = self.in_flight.pop_front() else {
                break;
            };
            match outcome {
                Outcome::Done => self.succeed(cx, &entry),
                Outcome::Failed(refusal) => {
                    self.complete_send(cx, &entry, refusal, 0);
                    self.enter_error(cx, refusal.error);
                }
                Outcome::Lost(refusal) => {
                    cx.res.counters.count(CounterId::RETRIES_EXCEEDED);
                    self.complete_send(cx, &entry, refusal, 0);
                    self.lose_peer(cx, refusal.error);
                }
            }
        }
    }

    fn succeed(&mut self, cx: &mut Cx<'_>, entry: &Entry) {
        if let Work::Message {
            invalidate: Some(key),
            ..
        } = entry.work
            && !mutant("QP-25/kept")
        {
            // [QP-25] Before the completion is visible.
            if let Err(error) = cx.res.keys.invalidate(self.pd, self.qpn, key) {
                self.complete_send(cx, entry, Refusal::malformed(error), 0);
                self.enter_error(cx, error);
                return;
            }
        }
        let counter = match entry.opcode {
            WorkOpcode::SEND | WorkOpcode::SEND_IMMEDIATE | WorkOpcode::SEND_INVALIDATE => {
                Some(CounterId::SENDS_OUT)
            }
            WorkOpcode::WRITE | WorkOpcode::WRITE_IMMEDIATE => Some(CounterId::WRITES_OUT),
            WorkOpcode::READ | WorkOpcode::READ_INVALIDATE => Some(CounterId::READS_OUT),
            WorkOpcode::COMPARE_SWAP | WorkOpcode::FETCH_ADD => Some(CounterId::ATOMICS_OUT),
            _ => None,
        };
        let bytes = match entry.opcode {
            WorkOpcode::READ | WorkOpcode::READ_INVALIDATE => entry.length,
            WorkOpcode::COMPARE_SWAP | WorkOpcode::FETCH_ADD => 8,
            _ => 0,
        };
        if let Some(counter) = counter {
            cx.res.counters.count(counter);
        }
        if entry.silent && !mutant("QP-13/told") {
            self.send.retire(cx.res);
            return;
        }
        let success = Refusal::new(CompletionStatus::SUCCESS, ProviderError::NONE);
        self.complete_send(cx, entry, success, bytes);
    }

    /// Completes an entry of the send queue and retires it `[QP-15]`.
    fn complete_send(&mut self, cx: &mut Cx<'_>, entry: &Entry, how: Refusal, bytes: u32) {
        self.send_failed |= how.status != CompletionStatus::SUCCESS;
        let mut c = Completion::zeroed()
            .with_opcode(entry.opcode)
            .with_status(how.status)
            .with_syndrome(if mutant("ERR-6/zero") {
                ProviderError::NONE
            } else {
                how.error
            });
        // [CONV-10]
        c.context
            .set(entry.context ^ u64::from(mutant("CONV-10/context")));
        c.qpn.set(self.qpn);
        c.byte_count.set(bytes);
        let itself = u32::from(!mutant("QP-15/itself"));
        c.retired.set(self.send.retired().wrapping_add(itself));
        c.index.set(entry.index);
        // A queue in error drops it; its queue pairs are told by the table [QP-43].
        let _ = cx.res.complete(cx.env, self.send_cqn, c);
        self.send.retire(cx.res);
    }

    /// Completes the receive that a message has taken.
    pub(super) fn complete_receive(&mut self, cx: &mut Cx<'_>, received: Received) {
        let Some(receiving) = self.receiving.take() else {
            return;
        };
        // [QP-33]
        let mut flags =
            CompletionFlags(0).with_solicited(received.solicited && !mutant("QP-33/unmarked"));
        let mut c = Completion::zeroed();
        let opcode = match received.what {
            Ending::Plain => WorkOpcode::SEND,
            Ending::Immediate(bytes) => {
                flags = flags.with_immediate(true);
                c.immediate.set(u32::from_le_bytes(bytes));
                if received.write {
                    WorkOpcode::WRITE_IMMEDIATE
                } else {
                    WorkOpcode::SEND_IMMEDIATE
                }
            }
            Ending::Invalidate(key) => {
                flags = flags.with_invalidated(true);
                c.immediate.set(key.0);
                WorkOpcode::SEND_INVALIDATE
            }
        };
        if let Some(source) = received.source {
            // [UD-9]
            flags = flags.with_grh(!mutant("UD-9/flag"));
            if !mutant("UD-9/source") {
                c.source_qpn.set(source.get());
            }
        }
        c.byte_count
            .set(received.length ^ u32::from(mutant("QP-21/count")));
        let c = c
            .with_flags(flags)
            .with_opcode(opcode)
            .with_status(CompletionStatus::SUCCESS);
        self.finish_receive(cx, &receiving, c);
    }

    /// Completes the receive that a message has taken in error.
    pub(super) fn fail_receive(&mut self, cx: &mut Cx<'_>, how: Refusal) {
        if let Some(receiving) = self.receiving.take() {
            self.refuse_receive(cx, &receiving, how);
        }
    }

    fn refuse_receive(&mut self, cx: &mut Cx<'_>, receiving: &Receiving, how: Refusal) {
        let c = Completion::zeroed()
            .with_opcode(WorkOpcode::SEND)
            .with_status(how.status)
            .with_syndrome(how.error);
        self.finish_receive(cx, receiving, c);
    }

    fn finish_receive(&mut self, cx: &mut Cx<'_>, receiving: &Receiving, mut c: Completion) {
        c.set_flags(c.flags().with_receive(true));
        c.context.set(receiving.context);
        c.qpn.set(self.qpn);
        c.index.set(receiving.index);
        c.srq_slot
            .set(receiving.srq_slot ^ u32::from(mutant("SRQ-3/slot")));
        match &mut self.receives {
            Receives::Own { queue, .. } => {
                c.retired.set(queue.retired().wrapping_add(1));
                let _ = cx.res.complete(cx.env, self.recv_cqn, c);
                queue.retire(cx.res);
            }
            Receives::Shared { srqn } => {
                // [SRQ-3]
                c.retired.set(cx.res.retire_shared(cx.env, *srqn));
                let _ = cx.res.complete(cx.env, self.recv_cqn, c);
            }
        }
    }

    /// The queue pair fails by itself, and it alone `[ERR-1]`: one event, then everything is flushed
    /// `[QP-37]`, `[QP-38]`.
    pub(super) fn enter_error(&mut self, cx: &mut Cx<'_>, error: ProviderError) {
        if matches!(self.state, QpState::ERROR | QpState::RESET) || self.dying {
            return;
        }
        self.state = QpState::ERROR;
        self.error = error;
        self.tell(cx, error);
    }

    /// The peer does not answer any more `[QP-40]`.
    fn lose_peer(&mut self, cx: &mut Cx<'_>, error: ProviderError) {
        if self.connection == 0 || mutant("QP-40/error") {
            self.enter_error(cx, error);
            return;
        }
        self.state = QpState::QUIESCED;
        self.error = error;
        self.flush_send = true;
        self.owe_nothing();
        self.tell(cx, error);
    }

    fn tell(&mut self, cx: &mut Cx<'_>, error: ProviderError) {
        let event = self.event();
        if !mutant("QP-38/silent") {
            cx.res
                .post_event(cx.env, EventCode::QP_ERROR, self.qpn, 0, &event);
        }
        cx.side.notices.push_back(Notice::Failed {
            qpn: self.qpn,
            connection: self.connection,
            state: self.state,
            error,
        });
        self.wake(cx.side);
    }

    /// What events say about the queue pair.
    pub(super) fn event(&self) -> QpEvent {
        let mut event = QpEvent::zeroed()
            .with_state(self.state)
            .with_error(self.error);
        event.qpn.set(self.qpn);
        event.context.set(self.context);
        event
    }

    /// Index up to which each queue is to be flushed now, if at all.
    fn flush_goals(&self) -> (Option<u32>, Option<u32>) {
        let posted = |queue: &WorkQueue| Some(queue.producer());
        let own = match &self.receives {
            Receives::Own { queue, .. } => posted(queue),
            Receives::Shared { .. } => Some(0),
        };
        let mut goals = match self.state {
            QpState::ERROR if mutant("QP-37/receives") => return (posted(&self.send), None),
            QpState::ERROR => return (posted(&self.send), own),
            QpState::QUIESCED if self.flush_send || mutant("QP-39/flushes") => {
                (posted(&self.send), None)
            }
            _ => (None, None),
        };
        for flush in self.flushes.iter().filter(|f| !f.done) {
            let later = |a: Option<u32>, b: Option<u32>| match (a, b) {
                (Some(a), Some(b)) if reached(a, b) => Some(a),
                (a, None) => a,
                (_, b) => b,
            };
            goals = (later(goals.0, flush.send), later(goals.1, flush.receive));
        }
        goals
    }

    /// Flushes what is to be flushed, with bounded work; true when there is more to do.
    pub(super) fn run_flush(&mut self, cx: &mut Cx<'_>, budget: &mut Budget) -> bool {
        let (send, receive) = self.flush_goals();
        let send_left = send
            .is_some_and(|goal| !self.in_flight.is_empty() || !reached(self.send.fetched(), goal));
        let receive_left = receive.is_some_and(|goal| {
            self.receiving.is_some()
                || matches!(&self.receives, Receives::Own { queue, .. } if !reached(queue.fetched(), goal))
        });
        if send_left || receive_left {
            // The peer may still read what an entry names, or write there: its buffers are given
            // back when no segment is left.
            if !self.is_dma_idle() {
                return true;
            }
            if send_left && !self.flush_sends(cx, send, budget)
                || receive_left && !self.flush_receives(cx, receive, budget)
            {
                return true;
            }
        }
        for flush in &mut self.flushes {
            flush.done = true;
        }
        false
    }

    /// False when the budget ended first.
    fn flush_sends(&mut self, cx: &mut Cx<'_>, goal: Option<u32>, budget: &mut Budget) -> bool {
        while let Some(entry) = self.in_flight.pop_front() {
            // Done, but for its completion: it did not fail. Nothing succeeds after an error in
            // the queue, though: a local operation may be done before an earlier message is.
            let number = entry.number;
            let link = self.link.as_ref().and_then(|l| l.requester.as_ref());
            let done = match &entry.work {
                Work::Local(Ok(())) => true,
                Work::Invalidated { grace, .. } => grace.is_over(),
                Work::Message { .. } => link.is_some_and(|r| number < r.oldest()),
                Work::Held { .. } | Work::Datagram(_) | Work::Local(Err(_)) => false,
            };
            if done && !self.send_failed {
                self.succeed(cx, &entry);
            } else {
                self.complete_send(cx, &entry, FLUSHED, 0);
            }
            if !budget.take_op() {
                return false;
            }
        }
        let Some(goal) = goal else {
            return true;
        };
        while !reached(self.send.fetched(), goal) {
            if !budget.take_op() {
                return false;
            }
            let Some((index, bytes)) = self.send.fetch(cx.res, &mut cx.side.entry) else {
                break;
            };
            let header = bytes
                .ok()
                .and_then(|b| WorkHeader::read_from_prefix(b).ok());
            let header = header.map_or(WorkHeader::zeroed(), |(h, _)| h);
            let entry = Entry {
                context: header.context.get(),
                opcode: header.opcode(),
                silent: false,
                index,
                number: 0,
                length: 0,
                work: Work::Local(Err(FLUSHED)),
            };
            self.complete_send(cx, &entry, FLUSHED, 0);
        }
        true
    }

    /// False when the budget ended first. Entries of a shared queue stay `[SRQ-4]`.
    fn flush_receives(&mut self, cx: &mut Cx<'_>, goal: Option<u32>, budget: &mut Budget) -> bool {
        self.fail_receive(cx, FLUSHED);
        let Some(goal) = goal else {
            return true;
        };
        loop {
            let Receives::Own {
                queue,
                max_segments,
            } = &mut self.receives
            else {
                return true;
            };
            if reached(queue.fetched(), goal) {
                return true;
            }
            if !budget.take_op() {
                return false;
            }
            let Some((index, bytes)) = queue.fetch(cx.res, &mut cx.side.entry) else {
                return true;
            };
            let parsed = crate::wqe::parse_receive(bytes.unwrap_or_default(), *max_segments);
            let receiving = Receiving {
                context: parsed.context,
                segments: crate::wqe::Segments::EMPTY,
                index,
                srq_slot: 0,
            };
            self.refuse_receive(cx, &receiving, FLUSHED);
        }
    }
}
