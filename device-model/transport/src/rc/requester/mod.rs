//! Messages out, responses in.
//!
//! ```text
//!  messages:   0        1        2              3        4
//!            [acked|....][.......][..............][.......][......]
//!                   ^ una              ^ cursor        ^ sent_end           (numbers grow ->)
//! ```
//! `una` is the oldest number not acknowledged, `cursor` what is sent next, `sent_end` the end of
//! what was ever sent. A loss moves the cursor back to `una`; acknowledges of what was sent before
//! still count. Nothing is searched: responses act on the front, transmission on the cursor.

mod credit;
mod response;
mod round_trip;
#[cfg(test)]
mod tests;
mod transmit;

use crate::header::{Ending, MAX_MESSAGE_BYTES, packets_of};
use crate::time::Nanos;
use alloc::collections::VecDeque;
use rnic_mutant::mutant;
use rnic_wire::{Mtu, Psn, RKey, TimeoutCode};
use round_trip::RoundTrip;

pub use transmit::Transmission;

/// Value of a retry count of RNR NAKs that means for ever (IBTA vol. 1, 9.7.5.2.8).
const RNR_FOREVER: u8 = 7;
/// Most sequence numbers between the oldest one not acknowledged and the next to be sent: half the
/// space, so that older and newer stay apart (IBTA vol. 1, 9.7.2).
const MAX_OUTSTANDING: u32 = 1 << 23;

/// What a connection fixes for its requester.
#[derive(Clone, Copy, Debug)]
pub struct RequesterConfig {
    /// Path MTU.
    pub mtu: Mtu,
    /// First sequence number sent.
    pub first_psn: Psn,
    /// Reads and atomics outstanding at most.
    pub read_depth: u8,
    /// Retries after a timeout or a sequence error, 0 to 7.
    pub retry_count: u8,
    /// Retries after a receiver-not-ready NAK, 0 to 7; 7 is for ever.
    pub rnr_retry: u8,
    /// Acknowledge timeout.
    pub ack_timeout: TimeoutCode,
    /// Packets of sends and writes outstanding at most; at least one.
    pub window: u32,
    /// The shortest wait for an answer before a probe, where packets can be lost `[ROCE-46]`.
    pub probe_after: Option<Nanos>,
    /// The peer answers; else the connection is unreliable, and the caller says when something left
    /// ([`Requester::on_left`]).
    pub answers: bool,
    /// The peer's credits are obeyed `[ROCE-52]`.
    pub flow_control: bool,
}

/// What a message asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// Send.
    Send {
        /// How it ends.
        ending: Ending,
        /// Solicited event.
        solicited: bool,
    },
    /// Write.
    Write {
        /// Remote address.
        address: u64,
        /// Remote key.
        key: RKey,
        /// Immediate data in wire order.
        immediate: Option<[u8; 4]>,
        /// Solicited event; with immediate data only.
        solicited: bool,
    },
    /// Read.
    Read {
        /// Remote address.
        address: u64,
        /// Remote key.
        key: RKey,
    },
    /// Compare and swap.
    CompareSwap {
        /// Remote address.
        address: u64,
        /// Remote key.
        key: RKey,
        /// What to store.
        swap: u64,
        /// What must be there.
        compare: u64,
    },
    /// Fetch and add.
    FetchAdd {
        /// Remote address.
        address: u64,
        /// Remote key.
        key: RKey,
        /// What to add.
        addend: u64,
    },
}

impl Message {
    /// Whether a response beyond an acknowledge completes it.
    #[must_use]
    pub const fn is_read_or_atomic(&self) -> bool {
        match self {
            Self::Send { .. } | Self::Write { .. } => false,
            Self::Read { .. } | Self::CompareSwap { .. } | Self::FetchAdd { .. } => true,
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PostError {
    /// Reads and atomics on a connection that has none.
    NoReadDepth,
    /// Longer than [`MAX_MESSAGE_BYTES`].
    TooLong,
}

/// Why the oldest message will never complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No acknowledge after the configured retries.
    RetryExceeded,
    /// The peer still misses packets after the configured retries.
    SequenceRetryExceeded,
    /// The peer had no receive after the configured retries.
    RnrRetryExceeded,
    /// NAK: invalid request.
    RemoteInvalidRequest,
    /// NAK: remote access error.
    RemoteAccess,
    /// NAK: remote operational error.
    RemoteOperational,
    /// A response that no correct responder sends: a length or a kind that was not asked for.
    BadResponse,
}

/// Where read data goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// Message, as [`Requester::post`] numbered it.
    pub message: u64,
    /// Offset in the message.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
}

/// What a response did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It answers nothing outstanding: late, twice, or forged.
    Ghost,
    /// Taken, nothing to place.
    Accepted,
    /// Read data to place before anything completes.
    Place(Placement),
    /// Result of an atomic, to place before anything completes.
    Atomic {
        /// Message, as [`Requester::post`] numbered it.
        message: u64,
        /// What was there before.
        original: u64,
    },
    /// The peer misses something, or we do; sending starts over.
    Retry,
    /// The peer is not ready; sending waits.
    NotReady,
    /// The oldest message failed: see [`Requester::failure`].
    Failed,
}

#[derive(Clone, Copy, Debug)]
struct Queued {
    message: Message,
    first: Psn,
    /// Sequence numbers that it uses.
    packets: u32,
    length: u32,
    /// Of these, how many are acknowledged or received.
    acked: u32,
    /// The request of a read or atomic lies between `una` and the cursor.
    asked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    RnrWait { until: Nanos },
    Failed(Failure),
}

/// The sending half of a reliable connection.
#[derive(Debug)]
pub struct Requester {
    config: RequesterConfig,
    state: State,
    messages: VecDeque<Queued>,
    /// Number of the front message.
    oldest: u64,
    /// First sequence number of the next message posted.
    next_psn: Psn,
    /// Message that is sent next, as index into `messages`, and the packet in it.
    cursor: usize,
    cursor_packet: u32,
    /// End of what was ever sent.
    sent_end: Psn,
    /// Reads and atomics asked and not answered, and the sequence numbers their answers still use.
    asked: u32,
    asked_psns: u32,
    /// Reads and atomics posted and not complete.
    reads: u32,
    /// Packets since the last acknowledge request.
    unrequested: u32,
    retries_left: u8,
    rnr_left: u8,
    /// A retry for a loss is under way: more signs of the same loss start no other.
    recovering: bool,
    /// The peer said that it misses something since the acknowledge timer was last looked at.
    missing: bool,
    ack_deadline: Option<Nanos>,
    timeouts: u64,
    /// With flow control.
    credit: Option<credit::Credit>,
    trip: RoundTrip,
    /// When an answer is overdue and a probe leaves.
    probe_at: Option<Nanos>,
    /// A probe is to leave.
    probe: bool,
    /// The probe of a send or write that was not answered.
    probed: Option<Psn>,
    /// When sending last went back.
    went_back: Nanos,
    /// The peer said so, and so dropped what it is sent again: an answer is to that.
    dropped: bool,
}

impl Requester {
    /// A requester that has sent nothing.
    #[must_use]
    pub fn new(config: RequesterConfig) -> Self {
        Self {
            config,
            state: State::Ready,
            messages: VecDeque::new(),
            oldest: 0,
            next_psn: config.first_psn,
            cursor: 0,
            cursor_packet: 0,
            sent_end: config.first_psn,
            asked: 0,
            asked_psns: 0,
            reads: 0,
            unrequested: 0,
            retries_left: config.retry_count,
            rnr_left: config.rnr_retry,
            recovering: false,
            missing: false,
            ack_deadline: None,
            timeouts: 0,
            credit: config.flow_control.then(credit::Credit::default),
            trip: RoundTrip::default(),
            probe_at: None,
            probe: false,
            probed: None,
            went_back: Nanos::ZERO,
            dropped: false,
        }
    }

    /// Queues a message of `length` payload bytes (8 for atomics) and returns its number: 0, 1, 2, ...
    ///
    /// # Errors
    /// [`PostError`]; nothing is queued then.
    pub fn post(&mut self, message: Message, length: u32) -> Result<u64, PostError> {
        let reads = message.is_read_or_atomic();
        // [QP-32]
        if reads && self.config.read_depth == 0 && !mutant("QP-32/none") {
            return Err(PostError::NoReadDepth);
        }
        if length > MAX_MESSAGE_BYTES {
            return Err(PostError::TooLong);
        }
        let packets = match message {
            Message::CompareSwap { .. } | Message::FetchAdd { .. } => 1,
            Message::Send { .. } | Message::Write { .. } | Message::Read { .. } => {
                packets_of(length, self.config.mtu)
            }
        };
        let first = self.next_psn;
        self.next_psn = first.add(packets);
        self.reads += u32::from(reads);
        let number = self.oldest.wrapping_add(self.messages.len() as u64);
        self.messages.push_back(Queued {
            message,
            first,
            packets,
            length,
            acked: 0,
            asked: false,
        });
        Ok(number)
    }

    /// Number of the oldest message that is not complete; all before it are.
    #[must_use]
    pub const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Why the oldest message failed, if one did. Nothing is sent or taken any more then.
    #[must_use]
    pub const fn failure(&self) -> Option<Failure> {
        match self.state {
            State::Failed(f) => Some(f),
            State::Ready | State::RnrWait { .. } => None,
        }
    }

    /// Messages that are not complete.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.messages.len()
    }

    /// Reads and atomics that are not complete: a fence waits until there is none.
    #[must_use]
    pub const fn reads_pending(&self) -> u32 {
        self.reads
    }

    /// Whether everything posted was sent at least once since the last retry.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.cursor >= self.messages.len()
    }

    /// Number of the message that [`Self::poll_transmit`] looks at next.
    #[must_use]
    pub fn next_message(&self) -> u64 {
        self.oldest.wrapping_add(self.cursor as u64)
    }

    /// Number of the message that uses `psn`, of those sent and not complete.
    #[must_use]
    pub fn message_at(&self, psn: Psn) -> Option<u64> {
        if psn.since(self.una()) >= self.outstanding() {
            return None;
        }
        let at = |m: &Queued| psn.is_within(m.first, m.packets);
        let index = self.messages.iter().position(at)?;
        Some(self.oldest.wrapping_add(index as u64))
    }

    /// Gives the connection up: the oldest message fails so.
    pub fn abandon(&mut self, failure: Failure) {
        if self.failure().is_none() {
            self.fail(failure);
        }
    }

    /// Next sequence number that a message posted now gets.
    #[must_use]
    pub const fn next_psn(&self) -> Psn {
        self.next_psn
    }

    /// How often the acknowledge timer expired.
    #[must_use]
    pub const fn timeouts(&self) -> u64 {
        self.timeouts
    }

    /// When [`Self::on_timer`] is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Nanos> {
        match self.state {
            State::RnrWait { until } => Some(until),
            State::Ready => self.ack_deadline.into_iter().chain(self.probe_at).min(),
            State::Failed(_) => None,
        }
    }

    /// Time passed: ends a wait, starts over when the acknowledge timeout is over
    /// (IBTA vol. 1, 9.7.6.1.3) `[ROCE-38]`, or sends a probe `[ROCE-46]`. Whether anything changed.
    pub fn on_timer(&mut self, now: Nanos) -> bool {
        match self.state {
            State::RnrWait { until } if now >= until => {
                self.state = State::Ready;
                self.arm(now);
                true
            }
            State::Ready if self.ack_deadline.is_some_and(|d| now >= d) => {
                self.timeouts = self.timeouts.saturating_add(1);
                self.recovering = false;
                // A peer that keeps answering is not gone [ERR-5].
                let failure = match core::mem::take(&mut self.missing) {
                    true => Failure::SequenceRetryExceeded,
                    false => Failure::RetryExceeded,
                };
                self.retry(now, failure);
                true
            }
            State::Ready if self.probe_at.is_some_and(|at| now >= at) => {
                self.probe_at = None;
                self.probe = true;
                true
            }
            State::Ready | State::RnrWait { .. } | State::Failed(_) => false,
        }
    }

    /// Oldest number not acknowledged.
    fn una(&self) -> Psn {
        match self.messages.front() {
            Some(m) => m.first.add(m.acked),
            None => self.next_psn,
        }
    }

    fn cursor_psn(&self) -> Psn {
        match self.messages.get(self.cursor) {
            Some(m) => m.first.add(self.cursor_packet),
            None => self.next_psn,
        }
    }

    fn outstanding(&self) -> u32 {
        self.sent_end.since(self.una())
    }

    /// Starts or stops the acknowledge timer, on each progress anew.
    fn arm(&mut self, now: Nanos) {
        self.ack_deadline = match self.config.ack_timeout.ack_timeout_nanos() {
            Some(span) if self.outstanding() > 0 && !mutant("ROCE-38/never") => {
                Some(now.after(Nanos(span)))
            }
            Some(_) | None => None,
        };
        self.expect_answer(now);
    }

    /// Something was sent, or acknowledged: from now on an answer is due, if there is anything to
    /// answer and the connection may send anything again `[ROCE-46]`, `[ROCE-47]`.
    fn expect_answer(&mut self, now: Nanos) {
        let may = self.config.retry_count > 0 || mutant("ROCE-47/no-retries");
        let waits = self.ack_deadline.is_some() && self.outstanding() > 0;
        self.probe_at = match self.config.probe_after {
            Some(floor) if waits && may => Some(now.after(self.trip.overdue(floor))),
            Some(_) | None => None,
        };
    }

    /// Everything from `una` on will be sent again.
    fn go_back(&mut self, now: Nanos) {
        self.went_back = now;
        self.trip.forget_sample();
        self.probe = false;
        self.probed = None;
        self.cursor = 0;
        self.cursor_packet = self.messages.front().map_or(0, |m| m.acked);
        let mut left = self.asked;
        for m in &mut self.messages {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(u32::from(m.asked));
            m.asked = false;
        }
        self.asked = 0;
        self.asked_psns = 0;
        // The first to leave asks: its acknowledge tells that the retransmission arrives.
        self.unrequested = transmit::ACK_INTERVAL;
        self.dropped = false;
    }

    /// Uses up a retry, or fails with `failure` when none is left `[ROCE-40]`.
    fn retry(&mut self, now: Nanos, failure: Failure) {
        match self.retries_left.checked_sub(1) {
            Some(left) => {
                self.retries_left = left + u8::from(mutant("QP-31/for-ever"));
                self.recovering = true;
                self.go_back(now);
                self.arm(now);
            }
            None => self.fail(failure),
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.state = State::Failed(failure);
        self.ack_deadline = None;
        self.probe_at = None;
    }
}
