//! What a talk is to do, and what must come of it.

use rnic_abi::Status;

use crate::random::{Random, bytes_of};

use super::side::{Side, Stage};

/// How a talk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It is accepted and completed.
    Accept,
    /// The passive side rejects the request.
    Reject,
    /// The active side rejects the reply.
    RejectReply,
    /// The active side releases the connection before it knows what comes of it.
    Cancel,
    /// The passive side releases the request without a word.
    ReleaseRequest,
    /// Nobody listens there.
    Nobody,
    /// Whoever listens there has paused.
    Paused,
}

impl Course {
    const ALL: [Self; 7] = [
        Self::Accept,
        Self::Reject,
        Self::RejectReply,
        Self::Cancel,
        Self::ReleaseRequest,
        Self::Nobody,
        Self::Paused,
    ];

    /// Its name in the coverage.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Accept => "cm accept",
            Self::Reject => "cm reject request",
            Self::RejectReply => "cm reject reply",
            Self::Cancel => "cm cancel",
            Self::ReleaseRequest => "cm release request",
            Self::Nobody => "cm nobody listens",
            Self::Paused => "cm listener paused",
        }
    }
}

/// How a talk that stands ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// One side disconnects: 0 the active one, 1 the passive one.
    By(usize),
    /// Both do, each when it wants.
    Both,
    /// One side does, and does not wait for an answer.
    Abortive(usize),
    /// One side releases the connection as it is.
    Release(usize),
}

impl Ending {
    const ALL: [Self; 7] = [
        Self::By(0),
        Self::By(1),
        Self::Both,
        Self::Abortive(0),
        Self::Abortive(1),
        Self::Release(0),
        Self::Release(1),
    ];

    /// Its name in the coverage.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::By(0) => "cm end by active",
            Self::By(_) => "cm end by passive",
            Self::Both => "cm end by both",
            Self::Abortive(_) => "cm end abortive",
            Self::Release(_) => "cm end by release",
        }
    }

    /// Whether side `side` ends it by itself.
    pub(super) fn is_by(self, side: usize) -> bool {
        match self {
            Self::Both => true,
            Self::By(who) | Self::Abortive(who) | Self::Release(who) => who == side,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Talk {
    pub number: usize,
    pub course: Course,
    pub ending: Ending,
    /// It ends although messages are on the way.
    pub early: bool,
    /// The active side names the next hop.
    pub next_hop: bool,
    /// Messages that each side sends.
    pub messages: [u32; 2],
    /// The active side, then the passive one.
    pub sides: [Side; 2],
}

impl Talk {
    pub(super) fn new(number: usize, functions: usize, random: &mut Random) -> Self {
        let course = if random.percent(45) {
            Course::Accept
        } else {
            random.pick(&Course::ALL)
        };
        let active = random.index(functions);
        let passive = random.index(functions);
        Self {
            number,
            course,
            ending: random.pick(&Ending::ALL),
            early: random.percent(30),
            next_hop: random.percent(50),
            messages: [random.below(5) as u32, random.below(5) as u32],
            sides: [Side::new(active), Side::new(passive)],
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let [active, passive] = &self.sides;
        // A passive side that never heard of it has nothing to end.
        active.stage == Stage::Gone && matches!(passive.stage, Stage::New | Stage::Gone)
    }

    /// Cookie of a side's events: never 0, never the listeners'.
    pub(super) fn cookie(&self, side: usize) -> u64 {
        0x7A_0000 + 2 * self.number as u64 + side as u64
    }

    /// Private data of a side's message: the talk's number first, so that the passive side knows which it is.
    pub(super) fn private_data(&self, side: usize) -> Vec<u8> {
        let length = [56, 148][side];
        let mut data = bytes_of(self.cookie(side) ^ 0xDA7A, length);
        data[..8].copy_from_slice(&(self.number as u64).to_le_bytes());
        data
    }

    /// The `n`-th message of a side.
    pub(super) fn message(&self, side: usize, n: u32) -> Vec<u8> {
        let value = self.cookie(side) << 16 | u64::from(n);
        bytes_of(value, 1 + (value as usize * 7) % 60)
    }

    /// Whether all messages of both sides have arrived.
    pub(super) fn all_arrived(&self) -> bool {
        let [active, passive] = &self.sides;
        passive.arrived == self.messages[0] && active.arrived == self.messages[1]
    }

    /// Whether CONNECT, or ACCEPT, may fail with `status`. `lossy`: messages may be lost.
    pub(super) fn may_fail(&self, side: usize, status: Status, lossy: bool) -> bool {
        let right = match (self.course, side) {
            (Course::Reject | Course::ReleaseRequest, 0) | (Course::RejectReply, 1) => {
                status == Status::REJECTED
            }
            (Course::Nobody | Course::Paused, 0) => status == Status::REFUSED,
            // The active side left: how the passive one hears of it depends on when.
            (Course::Cancel, 1) => true,
            _ => false,
        };
        right
            || lossy
                && matches!(
                    status,
                    Status::TIMED_OUT | Status::UNREACHABLE | Status::ABORTED | Status::REJECTED
                )
    }
}
