//! One end of an SMB Direct connection (MS-SMBD, 3.1), without input, output or a clock of its own.
//!
//! The owner posts receives and says so ([`Connection::posted`]); gives in what arrives ([`Connection::arrived`]); takes out
//! what to send ([`Connection::next_message`]) while it has room; and asks now and then whether time is up
//! ([`Connection::tick`]). A send credit is a receive that the other side has posted for us: no message goes without one, so
//! RDMA's own flow control (RNR) is never needed, and the last credit goes only in a message that grants some (3.1.5.1), or
//! both sides could wait for credits for ever.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use super::message::{
    DATA_OFFSET, DataTransfer, LEAST_RECEIVE, Malformed, NOT_SUPPORTED, NegotiateRequest,
    NegotiateResponse,
};

/// What an end offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Receives that it keeps posted at most: ReceiveCreditMax.
    pub receive_credits: u16,
    /// Send credits that it asks for: SendCreditTarget.
    pub send_credits: u16,
    /// Longest message that it would like to send, bytes.
    pub max_send: u32,
    /// Longest message that it can receive, bytes.
    pub max_receive: u32,
    /// Longest message of the upper layer that it puts together, bytes.
    pub max_fragmented: u32,
    /// Most bytes of an RDMA read or write for one request.
    pub max_read_write: u32,
    /// How long nothing may come before it asks whether the other side is there.
    pub keepalive: Duration,
    /// How long it waits for the answer to that, and for negotiation.
    pub answer: Duration,
}

impl Default for Offer {
    /// Values of Windows (MS-SMBD, product notes of 3.1.1.1, 3.1.2).
    fn default() -> Self {
        Self {
            receive_credits: 255,
            send_credits: 255,
            max_send: 1364,
            max_receive: 8192,
            max_fragmented: 1_048_576,
            max_read_write: 8_388_608,
            keepalive: Duration::from_secs(120),
            answer: Duration::from_secs(5),
        }
    }
}

/// What both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Longest message to send.
    pub max_send: u32,
    /// Longest message that arrives.
    pub max_receive: u32,
    /// Longest message of the upper layer that the other side puts together.
    pub max_fragmented_send: u32,
    /// Most bytes of an RDMA read or write for one request.
    pub max_read_write: u32,
}

/// Why a connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A message is malformed.
    Malformed(Malformed),
    /// The other side refused to negotiate, with this NTSTATUS.
    Refused(u32),
    /// A message came that no receive was promised for, or granted more credits than can be counted.
    Credits,
    /// A fragment is not what the one before it announced: bytes announced, and bytes that came or are still announced.
    Fragments {
        /// Bytes that the fragment before announced.
        announced: u32,
        /// Bytes of this fragment and after it.
        came: u64,
    },
    /// A message of the upper layer is longer than can be put together.
    TooLong(u64),
    /// A message is longer than was agreed on.
    Oversized(usize),
    /// The other side did not answer in time.
    Silent,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "{malformed}"),
            Self::Refused(status) => {
                write!(
                    f,
                    "the server refused SMB Direct with status {status:#010x}"
                )
            }
            Self::Credits => write!(f, "SMB Direct credits do not add up"),
            Self::Fragments { announced, came } => write!(
                f,
                "an SMB Direct fragment leads to {came} bytes where {announced} were announced"
            ),
            Self::TooLong(bytes) => write!(f, "an SMB Direct message of {bytes} bytes is too long"),
            Self::Oversized(bytes) => write!(f, "an SMB Direct send of {bytes} bytes is too long"),
            Self::Silent => write!(f, "the other side of SMB Direct is silent"),
        }
    }
}

impl std::error::Error for Broken {}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// A message of the upper layer that goes out.
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Active: the request is to be sent.
    Begin,
    /// Active: the response is awaited.
    Requested,
    /// Passive: the request is awaited.
    Listening,
    /// Passive: the response is to be sent.
    Answer,
    /// Passive: a refusal is to be sent, for this.
    Refuse(Malformed),
    /// It was sent; the owner is told at the next tick.
    Refused(Malformed),
    Established,
    Broken,
}

/// What a connection counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages sent, and those of them without data.
    pub sent: (u64, u64),
    /// Messages received, and those of them without data.
    pub received: (u64, u64),
    /// Messages of the upper layer that were sent in more than one fragment, and received so.
    pub fragmented: (u64, u64),
    /// Times that something was to be sent and no credit was there.
    pub starved: u64,
}

/// One end of a connection.
pub struct Connection {
    offer: Offer,
    phase: Phase,
    agreed: Agreed,
    /// Receives of the other side that we may use.
    send_credits: u32,
    /// Receives that we granted and that were not used.
    receive_credits: u32,
    /// Receives posted that we have not granted yet.
    ungranted: u32,
    /// Send credits that the other side wants.
    receive_target: u32,
    outgoing: VecDeque<Outgoing>,
    incoming: Vec<u8>,
    /// Bytes of the message in `incoming` that are to come.
    announced: u32,
    /// The other side waits for a message.
    answer_due: bool,
    /// We want it to send one.
    probe_due: bool,
    /// When something came last.
    heard: Instant,
    /// Until when an answer must come.
    deadline: Option<Instant>,
    counts: Counts,
}

impl Connection {
    fn new(offer: Offer, phase: Phase, now: Instant) -> Self {
        Self {
            offer,
            phase,
            agreed: Agreed {
                max_send: offer.max_send,
                max_receive: offer.max_receive,
                max_fragmented_send: 0,
                max_read_write: 0,
            },
            send_credits: 0,
            receive_credits: 0,
            ungranted: 0,
            // One receive for the first message of the other side.
            receive_target: 1,
            outgoing: VecDeque::new(),
            incoming: Vec::new(),
            announced: 0,
            answer_due: false,
            probe_due: false,
            heard: now,
            deadline: Some(now + offer.answer),
            counts: Counts::default(),
        }
    }

    /// The side that connected.
    #[must_use]
    pub fn active(offer: Offer, now: Instant) -> Self {
        Self::new(offer, Phase::Begin, now)
    }

    /// The side that accepted.
    #[must_use]
    pub fn passive(offer: Offer, now: Instant) -> Self {
        Self::new(offer, Phase::Listening, now)
    }

    /// What was agreed on, once it was.
    #[must_use]
    pub fn agreed(&self) -> Option<Agreed> {
        (self.phase == Phase::Established).then_some(self.agreed)
    }

    /// What it counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Receives that should be posted beside those that are.
    #[must_use]
    pub fn receives_wanted(&self) -> u32 {
        self.receive_target
            .saturating_sub(self.receive_credits + self.ungranted)
    }

    /// So many receives were posted.
    pub fn posted(&mut self, count: u32) {
        if self.phase == Phase::Established || self.phase == Phase::Answer {
            self.ungranted += count;
        } else {
            // The first message needs no grant.
            self.receive_credits += count;
        }
    }

    /// Whether messages of the upper layer wait to be sent.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Takes a message of the upper layer to send.
    ///
    /// # Errors
    /// It is empty, or longer than the other side puts together.
    pub fn send(&mut self, message: Vec<u8>) -> Result<(), Broken> {
        let most = self.agreed.max_fragmented_send as usize;
        if message.is_empty() || message.len() > most {
            return Err(Broken::TooLong(message.len() as u64));
        }
        self.outgoing.push_back(Outgoing {
            bytes: message,
            sent: 0,
        });
        Ok(())
    }

    /// The next message to send. The owner takes one only when it has room for it.
    pub fn next_message(&mut self, now: Instant) -> Option<Vec<u8>> {
        match self.phase {
            Phase::Begin => {
                self.phase = Phase::Requested;
                self.deadline = Some(now + self.offer.answer);
                Some(self.request())
            }
            Phase::Answer => {
                self.phase = Phase::Established;
                Some(self.response())
            }
            Phase::Refuse(malformed) => {
                self.phase = Phase::Refused(malformed);
                Some(Self::refusal())
            }
            Phase::Established => self.next_transfer(now),
            Phase::Requested | Phase::Listening | Phase::Refused(_) | Phase::Broken => None,
        }
    }

    fn request(&self) -> Vec<u8> {
        let request = NegotiateRequest {
            credits_requested: self.offer.send_credits,
            preferred_send: self.offer.max_send,
            max_receive: self.offer.max_receive,
            max_fragmented: self.offer.max_fragmented,
        };
        request.encode()
    }

    fn response(&mut self) -> Vec<u8> {
        let response = NegotiateResponse {
            credits_requested: self.offer.send_credits,
            credits_granted: self.grant(),
            status: 0,
            max_read_write: self.offer.max_read_write,
            preferred_send: self.agreed.max_send,
            max_receive: self.offer.max_receive,
            max_fragmented: self.offer.max_fragmented,
        };
        response.encode()
    }

    /// 3.1.5.3
    fn refusal() -> Vec<u8> {
        let response = NegotiateResponse {
            credits_requested: 0,
            credits_granted: 0,
            status: NOT_SUPPORTED,
            max_read_write: 0,
            preferred_send: 0,
            max_receive: 0,
            max_fragmented: 0,
        };
        response.encode()
    }

    /// Grants every receive that was posted and not granted.
    fn grant(&mut self) -> u16 {
        let granted = self.ungranted.min(u32::from(u16::MAX));
        self.ungranted -= granted;
        self.receive_credits += granted;
        // No more than u16::MAX.
        granted as u16
    }

    /// Whether the other side is short of credits and has to be given some, though nothing else is to be said.
    ///
    /// Short is half of what it may have, but at least 1, with which it may be unable to send, and at most 2 less than all:
    /// else the message that grants would make its sender short, and two idle ends would grant to and fro for ever.
    fn must_grant(&self) -> bool {
        let target = self.receive_target;
        let short = (target / 2).min(target.saturating_sub(2)).max(1);
        self.ungranted > 0 && self.receive_credits <= short
    }

    fn next_transfer(&mut self, now: Instant) -> Option<Vec<u8>> {
        let wanted = self.is_sending() || self.answer_due || self.probe_due || self.must_grant();
        if !wanted {
            return None;
        }
        // The last credit is for a message that grants some.
        if self.send_credits == 0 || (self.send_credits == 1 && self.ungranted == 0) {
            self.counts.starved += 1;
            return None;
        }
        self.send_credits -= 1;
        let credits_granted = self.grant();
        let credits_requested = self.offer.send_credits;
        let response_requested = std::mem::take(&mut self.probe_due);
        if response_requested {
            self.deadline = Some(now + self.offer.answer);
        }
        self.answer_due = false;
        self.counts.sent.0 += 1;
        let Some(message) = self.outgoing.front_mut() else {
            self.counts.sent.1 += 1;
            let empty = DataTransfer {
                credits_requested,
                credits_granted,
                response_requested,
                remaining: 0,
                data: &[],
            };
            return Some(empty.encode());
        };
        let room = self.agreed.max_send as usize - DATA_OFFSET;
        let rest = message.bytes.len() - message.sent;
        let length = rest.min(room);
        let data = &message.bytes[message.sent..message.sent + length];
        let transfer = DataTransfer {
            credits_requested,
            credits_granted,
            response_requested,
            // No longer than `max_fragmented_send`, which has 32 bits.
            remaining: (rest - length) as u32,
            data,
        };
        let bytes = transfer.encode();
        if message.sent == 0 && length < rest {
            self.counts.fragmented.0 += 1;
        }
        message.sent += length;
        if message.sent == message.bytes.len() {
            self.outgoing.pop_front();
        }
        Some(bytes)
    }

    /// A receive completed with these bytes. Gives a message of the upper layer when this was its last fragment.
    ///
    /// # Errors
    /// The connection has to end.
    pub fn arrived(&mut self, bytes: &[u8], now: Instant) -> Result<Option<Vec<u8>>, Broken> {
        let result = self.take(bytes, now);
        if result.is_err() {
            self.phase = Phase::Broken;
        }
        result
    }

    fn take(&mut self, bytes: &[u8], now: Instant) -> Result<Option<Vec<u8>>, Broken> {
        self.receive_credits = self.receive_credits.checked_sub(1).ok_or(Broken::Credits)?;
        self.heard = now;
        self.deadline = None;
        if bytes.len() > self.offer.max_receive as usize {
            return Err(Broken::Oversized(bytes.len()));
        }
        match self.phase {
            Phase::Established => self.transferred(DataTransfer::parse(bytes)?),
            Phase::Requested => {
                self.agree_actively(NegotiateResponse::parse(bytes)?)?;
                Ok(None)
            }
            Phase::Listening => {
                match NegotiateRequest::parse(bytes) {
                    Ok(request) => self.agree_passively(request),
                    Err(version @ Malformed::Version(..)) => self.phase = Phase::Refuse(version),
                    Err(malformed) => return Err(malformed.into()),
                }
                Ok(None)
            }
            Phase::Begin | Phase::Answer | Phase::Refuse(_) | Phase::Refused(_) | Phase::Broken => {
                Err(Broken::Credits)
            }
        }
    }

    /// 3.1.5.7
    fn agree_actively(&mut self, response: NegotiateResponse) -> Result<(), Broken> {
        if response.status != 0 {
            return Err(Broken::Refused(response.status));
        }
        if response.preferred_send > self.offer.max_receive {
            return Err(Broken::Oversized(response.preferred_send as usize));
        }
        self.agreed = Agreed {
            max_send: self.offer.max_send.min(response.max_receive),
            max_receive: response.preferred_send.max(LEAST_RECEIVE),
            max_fragmented_send: response.max_fragmented,
            max_read_write: self.offer.max_read_write.min(response.max_read_write),
        };
        self.send_credits = u32::from(response.credits_granted);
        self.want(response.credits_requested);
        self.phase = Phase::Established;
        Ok(())
    }

    /// 3.1.5.6
    fn agree_passively(&mut self, request: NegotiateRequest) {
        self.agreed = Agreed {
            max_send: self.offer.max_send.min(request.max_receive),
            max_receive: self
                .offer
                .max_receive
                .min(request.preferred_send)
                .max(LEAST_RECEIVE),
            max_fragmented_send: request.max_fragmented,
            max_read_write: self.offer.max_read_write,
        };
        self.want(request.credits_requested);
        self.phase = Phase::Answer;
    }

    /// The other side wants so many send credits.
    fn want(&mut self, credits: u16) {
        let most = self.offer.receive_credits;
        self.receive_target = u32::from(credits.clamp(1, most.max(1)));
    }

    /// 3.1.5.8
    fn transferred(&mut self, transfer: DataTransfer<'_>) -> Result<Option<Vec<u8>>, Broken> {
        self.want(transfer.credits_requested);
        self.send_credits = self
            .send_credits
            .checked_add(u32::from(transfer.credits_granted))
            .filter(|credits| *credits <= u32::from(u16::MAX))
            .ok_or(Broken::Credits)?;
        self.answer_due |= transfer.response_requested;
        self.counts.received.0 += 1;
        let came = transfer.data.len() as u64 + u64::from(transfer.remaining);
        if came > u64::from(self.offer.max_fragmented) {
            return Err(Broken::TooLong(came));
        }
        if transfer.data.is_empty() {
            // Whatever it announces: Linux grants so in the middle of fragments.
            self.counts.received.1 += 1;
            return Ok(None);
        }
        if self.incoming.is_empty() {
            if transfer.remaining > 0 {
                self.counts.fragmented.1 += 1;
            }
        } else if came != u64::from(self.announced) {
            return Err(Broken::Fragments {
                announced: self.announced,
                came,
            });
        }
        self.incoming.extend(transfer.data);
        self.announced = transfer.remaining;
        Ok((self.announced == 0).then(|| std::mem::take(&mut self.incoming)))
    }

    /// Looks at the clock: asks the other side for a sign of life when nothing came for long.
    ///
    /// # Errors
    /// An answer is overdue: the connection has to end.
    pub fn tick(&mut self, now: Instant) -> Result<(), Broken> {
        if let Phase::Refused(malformed) = self.phase {
            self.phase = Phase::Broken;
            return Err(malformed.into());
        }
        if self.phase == Phase::Broken {
            return Ok(());
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.phase = Phase::Broken;
            return Err(Broken::Silent);
        }
        let idle = now.saturating_duration_since(self.heard);
        if self.phase == Phase::Established
            && self.deadline.is_none()
            && idle >= self.offer.keepalive
        {
            self.probe_due = true;
            // Also when no credit is there to ask with: then the other side owes us one.
            self.deadline = Some(now + self.offer.answer);
        }
        Ok(())
    }
}
