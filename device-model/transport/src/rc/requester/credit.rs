//! End-to-end flow control: messages that need a receive begin within what the peer has
//! (IBTA vol. 1, 9.7.7.2).

use super::{Message, Queued, Requester};
use rnic_mutant::mutant;
use rnic_wire::{Credits, Msn};

/// What the peer lets begin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Credit {
    /// Messages with lower numbers may begin.
    limit: u64,
    /// All may.
    unlimited: bool,
}

/// How much of a message may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Allowance {
    /// All of it.
    Whole,
    /// Its first packet, which asks for an acknowledge.
    FirstPacket,
    /// Nothing now.
    Nothing,
}

const fn takes_receive(message: &Message) -> bool {
    match message {
        Message::Send { .. } => true,
        Message::Write { immediate, .. } => immediate.is_some(),
        Message::Read { .. } | Message::CompareSwap { .. } | Message::FetchAdd { .. } => false,
    }
}

impl Requester {
    /// How much of the message at the cursor may be sent `[ROCE-52]`.
    pub(super) fn allowance(&self, m: &Queued) -> Allowance {
        let Some(credit) = self.credit else {
            return Allowance::Whole;
        };
        let number = self.oldest.wrapping_add(self.cursor as u64);
        // The oldest may always try: it is how credits are asked for.
        let limit = credit.limit.max(self.oldest);
        let within = credit.unlimited || number < limit || !takes_receive(&m.message);
        if within || m.acked > 0 || mutant("ROCE-52/whole") {
            Allowance::Whole
        } else if number == limit && self.cursor_packet == 0 {
            Allowance::FirstPacket
        } else {
            Allowance::Nothing
        }
    }

    /// A message begins for the first time; one that needs no receive uses no credit.
    pub(super) fn begins(&mut self, m: &Queued) {
        let oldest = self.oldest;
        if let Some(credit) = &mut self.credit
            && !takes_receive(&m.message)
            && !mutant("ROCE-52/writes")
        {
            credit.limit = credit.limit.max(oldest).wrapping_add(1);
        }
    }

    /// The peer acknowledged, with this count of messages and these credits.
    pub(super) fn credited(&mut self, msn: Msn, credits: Credits) {
        let (oldest, pending) = (self.oldest, self.messages.len() as u64);
        let Some(credit) = &mut self.credit else {
            return;
        };
        let Some(count) = credits.count() else {
            credit.unlimited = !mutant("ROCE-52/lifted");
            return;
        };
        credit.unlimited = false;
        // The peer's count is ours, or ahead of it by messages whose answer is under way.
        let ahead = u64::from(msn.get().wrapping_sub(low_24(oldest)) & MASK);
        if ahead <= pending {
            let limit = oldest.wrapping_add(ahead).wrapping_add(count.into());
            credit.limit = credit.limit.max(limit);
        }
    }
}

const MASK: u32 = 0xff_ffff;

/// A number modulo 2^24, as an MSN counts.
#[allow(clippy::cast_possible_truncation, reason = "masked")]
const fn low_24(number: u64) -> u32 {
    (number & 0xff_ffff) as u32
}
