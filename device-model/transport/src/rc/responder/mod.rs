//! Requests in, verdicts and responses out.
//!
//! A request is judged by its number: the expected one is executed, an older one was executed
//! before and is answered again, a newer one reveals a loss. `judge.rs` does that, `answer.rs`
//! keeps what is owed to the peer and gives it out in the order of numbers. An unreliable connection
//! owes nothing, and `unreliable.rs` judges its numbers.
//!
//! ```text
//!  saved:  [read done][read, half sent][atomic, unsent]   then   due: acknowledge or NAK
//!           ^ oldest, kept to be answered again                  (at most one)
//! ```

mod answer;
mod judge;
#[cfg(test)]
mod tests;
mod unreliable;

use crate::header::{Ending, RequestHeader, Target, packets_of};
use alloc::collections::VecDeque;
use answer::{Due, Saved, SavedKind};
use rnic_mutant::mutant;
use rnic_wire::{Msn, Mtu, NakCode, Psn, RKey, RnrTimer};

pub use answer::{ReadData, Response, Tag};

/// What a connection fixes for its responder.
#[derive(Clone, Copy, Debug)]
pub struct ResponderConfig {
    /// Path MTU.
    pub mtu: Mtu,
    /// First sequence number expected.
    pub first_psn: Psn,
    /// Reads and atomics that the peer may have outstanding, and that are remembered.
    pub read_depth: u8,
    /// Wait that a receiver-not-ready NAK asks for.
    pub rnr_timer: RnrTimer,
    /// Requests are answered; else the connection is unreliable.
    pub answers: bool,
}

/// End of a SEND.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendEnd {
    /// What it brings.
    pub ending: Ending,
    /// Solicited event.
    pub solicited: bool,
}

/// End of a WRITE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriteEnd {
    /// Immediate data in wire order: takes a receive.
    pub immediate: Option<[u8; 4]>,
    /// Solicited event.
    pub solicited: bool,
    /// Bytes of the whole message.
    pub message_length: u32,
}

/// What a request in order asks for, with lengths and order checked and keys not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Place payload in a receive.
    Send {
        /// Bytes of the message before this segment.
        offset: u32,
        /// Bytes of this segment.
        length: u32,
        /// A receive is taken first.
        start: bool,
        /// The message ends here.
        end: Option<SendEnd>,
    },
    /// Place payload at a remote address.
    Write {
        /// Address of this segment's first byte.
        address: u64,
        /// Key.
        key: RKey,
        /// Bytes of this segment.
        length: u32,
        /// The range of the whole message, where it starts.
        start: Option<Target>,
        /// The message ends here.
        end: Option<WriteEnd>,
    },
    /// Answer with data.
    Read(Target),
    /// Compare and swap; the address is a multiple of 8.
    CompareSwap {
        /// Address.
        address: u64,
        /// Key.
        key: RKey,
        /// What to store.
        swap: u64,
        /// What must be there.
        compare: u64,
    },
    /// Fetch and add; the address is a multiple of 8.
    FetchAdd {
        /// Address.
        address: u64,
        /// Key.
        key: RKey,
        /// What to add.
        addend: u64,
    },
}

/// What a request that is not executed led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// Executed before; acknowledged, or its result sent, again.
    Duplicate,
    /// Ahead of what is expected: a NAK goes out.
    OutOfSequence,
}

/// Why a request is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// Ahead of what is expected, and the NAK for that went out.
    AheadOfSequence,
    /// A read or atomic that is older than what is remembered.
    DuplicateUnknown,
    /// The connection failed.
    Failed,
    /// Of a message that was given up; unreliable connections only.
    Abandoned,
}

/// A read that was executed before and is asked for again.
#[derive(Debug)]
#[must_use = "hand it to Responder::replay"]
pub struct Replay {
    index: usize,
    from: u32,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Verdict {
    /// Carry it out, then call [`Responder::commit`], [`Responder::not_ready`] or [`Responder::refuse`].
    Execute(Work),
    /// Read again: call [`Responder::replay`].
    Replay(Replay),
    /// Nothing to carry out; a response may be due.
    Answered(Answered),
    /// Nothing at all.
    Dropped(Dropped),
    /// Against the rules: a NAK goes out, and the connection has failed.
    Refused(NakCode),
}

/// How far the request in progress is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Assembly {
    /// Between messages.
    Idle,
    /// In a SEND, so many bytes in.
    Send { done: u32 },
    /// In a WRITE: next address, bytes left, bytes of all.
    Write {
        address: u64,
        key: RKey,
        left: u32,
        all: u32,
    },
}

/// What the peer was told of packets ahead of the expected one `[ROCE-34]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gap {
    /// Nothing: none came.
    None,
    /// That there is no receive for the expected one; those behind it are still on their way.
    NotReady,
    /// That one is missing, or nothing because it was not ready, when this one came: it was the first of its pass.
    Seen(Psn),
}

/// The receiving half of a reliable connection. `T` is what the caller wants back with the data of
/// a read, such as where it goes; it is dropped as soon as the last of it was given out.
#[derive(Debug)]
pub struct Responder<T> {
    config: ResponderConfig,
    expected: Psn,
    msn: Msn,
    assembly: Assembly,
    saved: VecDeque<Saved<T>>,
    /// Of these, how many have something to send.
    unsent: usize,
    due: Due,
    gap: Gap,
    failed: bool,
    /// Of an unreliable connection: the message that packets belong to was given up.
    skipping: bool,
    /// Messages given up and not told of.
    abandoned: u64,
}

/// Result of a request that was carried out.
#[derive(Debug)]
enum Kept<T> {
    Read(Target, T),
    Atomic(u64),
}

impl<T> Responder<T> {
    /// A responder that has received nothing.
    #[must_use]
    pub fn new(config: ResponderConfig) -> Self {
        Self {
            config,
            expected: config.first_psn,
            msn: Msn::ZERO,
            assembly: Assembly::Idle,
            saved: VecDeque::new(),
            unsent: 0,
            due: Due::Nothing,
            gap: Gap::None,
            failed: false,
            skipping: false,
            abandoned: 0,
        }
    }

    /// Next sequence number expected.
    #[must_use]
    pub const fn expected(&self) -> Psn {
        self.expected
    }

    /// Messages completed.
    #[must_use]
    pub const fn msn(&self) -> Msn {
        self.msn
    }

    /// Whether the connection failed: by a refusal, of ours or of the caller's.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether a message is half received.
    #[must_use]
    pub const fn in_message(&self) -> bool {
        !matches!(self.assembly, Assembly::Idle)
    }

    /// The send or write in `header`, which was just judged [`Verdict::Execute`], is done.
    pub fn commit(&mut self, header: &RequestHeader) {
        self.assembly = judge::next_assembly(self.assembly, header);
        self.advance(header.packets);
        // [ROCE-31], [ROCE-33]
        if header.position.is_end() || mutant("ROCE-31/each") {
            self.msn = self.msn.next();
        }
        let asked = header.ack_request && self.config.answers;
        if asked && !mutant("ROCE-33/silent") {
            self.due = Due::Acknowledge;
        }
    }

    /// The read in `header`, just judged [`Verdict::Execute`], may be answered; `tag` comes back
    /// with its data.
    pub fn commit_read(&mut self, header: &RequestHeader, target: Target, tag: T) {
        let packets = packets_of(target.length, self.config.mtu);
        self.keep(header.psn, packets, Kept::Read(target, tag));
    }

    /// The atomic in `header`, just judged [`Verdict::Execute`], was done and found `original`.
    pub fn commit_atomic(&mut self, header: &RequestHeader, original: u64) {
        self.keep(header.psn, 1, Kept::Atomic(original));
    }

    fn keep(&mut self, psn: Psn, packets: u32, kept: Kept<T>) {
        while self.saved.len() >= usize::from(self.config.read_depth.max(1)) {
            self.drop_oldest();
        }
        let (kind, tag) = match kept {
            Kept::Read(target, tag) => (SavedKind::Read(target), Some(tag)),
            Kept::Atomic(original) => (SavedKind::Atomic { original }, None),
        };
        self.saved.push_back(Saved {
            psn,
            packets,
            kind,
            unsent: Some(0),
            started: 0,
            replayed: false,
            tag,
        });
        self.unsent += 1;
        self.advance(packets);
        self.msn = self.msn.next();
    }

    fn drop_oldest(&mut self) {
        if let Some(old) = self.saved.pop_front()
            && old.unsent.is_some()
        {
            self.unsent = self.unsent.saturating_sub(1);
        }
    }

    fn advance(&mut self, psns: u32) {
        self.expected = self.expected.add(psns);
        self.gap = Gap::None;
    }

    /// The request in `header` meets no receive: the peer is told to try again later `[ROCE-36]`.
    pub fn not_ready(&mut self, header: &RequestHeader) {
        self.due = Due::NotReady { psn: header.psn };
        if mutant("ROCE-36/moves") {
            self.advance(1);
        }
        self.gap = Gap::NotReady;
    }

    /// The request in `header` cannot be carried out: the peer is told, and the connection has failed `[ROCE-37]`.
    pub fn refuse(&mut self, header: &RequestHeader, refusal: Refusal) {
        self.fail(header.psn, refusal.code());
    }

    /// The connection fails without a word to the peer.
    pub fn fail_silently(&mut self) {
        self.failed = true;
        self.cancel();
    }

    fn fail(&mut self, psn: Psn, code: NakCode) {
        self.failed = true;
        self.due = Due::Nak { psn, code };
    }

    /// Forgets everything that is owed to the peer; tags of reads are dropped.
    pub fn cancel(&mut self) {
        self.saved.clear();
        self.unsent = 0;
        self.due = Due::Nothing;
    }
}

/// Why the caller cannot carry a request out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The request breaks a rule that only the caller knows, such as a receive too short for it.
    InvalidRequest,
    /// Key, range or right.
    Access,
    /// The responder itself failed.
    Operational,
}

impl Refusal {
    /// How the wire says it.
    #[must_use]
    pub const fn code(self) -> NakCode {
        match self {
            Self::InvalidRequest => NakCode::InvalidRequest,
            Self::Access => NakCode::RemoteAccess,
            Self::Operational => NakCode::RemoteOperational,
        }
    }
}
