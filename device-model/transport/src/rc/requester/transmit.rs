//! What goes out next.

use super::credit::Allowance;
use super::{MAX_OUTSTANDING, Message, Queued, Requester, State};
use crate::header::{Ending, RequestHeader, RequestOperation, Target};
use crate::time::Nanos;
use rnic_mutant::mutant;
use rnic_wire::{Mtu, Position};

/// An acknowledge is asked for at least every so many packets `[ROCE-32]`.
pub(super) const ACK_INTERVAL: u32 = 32;

/// A segment to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmission {
    /// Its header.
    pub header: RequestHeader,
    /// Message, as [`Requester::post`] numbered it.
    pub message: u64,
    /// Offset of its payload in the message; for a READ, of the data that it asks for.
    pub offset: u32,
    /// Whether it was sent before, at least in part.
    pub again: bool,
    /// A copy of the oldest packet, out of turn `[ROCE-46]`.
    pub probe: bool,
}

impl Requester {
    /// A packet was held back on purpose and leaves now: the wait for an answer begins anew, if
    /// there is one `[ROCE-72]`.
    pub fn postpone_timeout(&mut self, now: Nanos) {
        if self.ack_deadline.is_some() {
            self.arm(now);
        }
    }

    /// The next segment, of at most `max_packets` packets; `None` when nothing may be sent now.
    /// The caller sends it, or loses it as a wire would.
    pub fn poll_transmit(&mut self, now: Nanos, max_packets: u32) -> Option<Transmission> {
        if self.state != State::Ready {
            return None;
        }
        if core::mem::take(&mut self.probe)
            && let Some(probe) = self.probe(now)
        {
            return Some(probe);
        }
        let m = *self.messages.get(self.cursor)?;
        let psn = self.cursor_psn();
        let ahead = psn.since(self.una());
        let left = m.packets.saturating_sub(self.cursor_packet).max(1);
        let (max_packets, alone) = match self.allowance(&m) {
            Allowance::Whole => (max_packets, false),
            Allowance::FirstPacket => (1, true),
            Allowance::Nothing => return None,
        };
        let begins = self.cursor_packet == 0;
        let sent = if m.message.is_read_or_atomic() {
            self.ask(&m, left, ahead)?
        } else {
            self.send(&m, left, ahead, max_packets, alone)?
        };
        let again = psn.since(self.una()) < self.outstanding();
        if begins && !again {
            self.begins(&m);
        }
        self.advance(&m, sent.psns);
        if sent.header.ack_request && (!again || self.dropped) {
            self.trip.sent(psn.add(sent.header.packets).prev(), now);
        }
        if self.ack_deadline.is_none() {
            self.arm(now);
        } else {
            self.expect_answer(now);
        }
        Some(Transmission {
            header: sent.header,
            message: self.oldest.wrapping_add(sent.index),
            offset: sent.offset,
            again,
            probe: false,
        })
    }

    /// The oldest packet that is not acknowledged, once more; none when it leaves in turn anyway.
    fn probe(&mut self, now: Nanos) -> Option<Transmission> {
        if self.cursor_psn() == self.una() || mutant("ROCE-46/none") {
            return None;
        }
        let m = *self.messages.front()?;
        let (header, offset) = if m.message.is_read_or_atomic() {
            question(self.config.mtu, &m, m.acked)?
        } else {
            self.probed = Some(self.una());
            part(self.config.mtu, &m, m.acked, 1, true)?
        };
        self.trip.forget_sample();
        self.trip.probed();
        self.expect_answer(now);
        if mutant("ROCE-47/anew") {
            self.arm(now);
        }
        Some(Transmission {
            header,
            message: self.oldest,
            offset,
            again: true,
            probe: true,
        })
    }

    /// What was polled last did not leave: the next poll gives it again.
    pub fn put_back(&mut self, sent: &Transmission) {
        if sent.probe {
            self.probe = true;
            return;
        }
        let index = sent.message.wrapping_sub(self.oldest);
        let Ok(index) = usize::try_from(index) else {
            return;
        };
        let Some(m) = self.messages.get_mut(index) else {
            return;
        };
        let packet = sent.header.psn.since(m.first);
        if core::mem::take(&mut m.asked) {
            let left = m.packets.saturating_sub(packet);
            self.asked = self.asked.saturating_sub(1);
            self.asked_psns = self.asked_psns.saturating_sub(left);
        }
        self.cursor = index;
        self.cursor_packet = packet;
        if !sent.again {
            self.sent_end = sent.header.psn;
        }
    }

    /// A part of a send or write.
    fn send(
        &mut self,
        m: &Queued,
        left: u32,
        ahead: u32,
        max_packets: u32,
        alone: bool,
    ) -> Option<Sent> {
        let flight = ahead.saturating_sub(self.asked_psns);
        let room = self.config.window.max(1).checked_sub(flight)?;
        let room = room.min(MAX_OUTSTANDING.saturating_sub(ahead));
        let packets = left.min(room).min(max_packets.max(1));
        if packets == 0 {
            return None;
        }
        let end = packets == left;
        self.unrequested = self.unrequested.saturating_add(packets);
        let due = end || alone || packets == room || self.unrequested >= ACK_INTERVAL;
        let ack_request = due && (self.config.answers || mutant("UC-3/asks"));
        if ack_request {
            self.unrequested = 0;
        }
        let (header, offset) = part(self.config.mtu, m, self.cursor_packet, packets, ack_request)?;
        Some(Sent {
            header,
            offset,
            psns: packets,
            index: self.cursor as u64,
        })
    }

    /// A read from where its data ends so far, or an atomic `[ROCE-42]`, `[ROCE-43]`.
    fn ask(&mut self, m: &Queued, left: u32, ahead: u32) -> Option<Sent> {
        if self.asked >= u32::from(self.config.read_depth) && !mutant("ROCE-43/asks")
            || (ahead > 0 && ahead.saturating_add(left) > MAX_OUTSTANDING)
        {
            return None;
        }
        let (header, offset) = question(self.config.mtu, m, self.cursor_packet)?;
        self.asked += 1;
        self.asked_psns = self.asked_psns.saturating_add(left);
        if let Some(m) = self.messages.get_mut(self.cursor) {
            m.asked = true;
        }
        // The answer acknowledges everything before it.
        self.unrequested = 0;
        Some(Sent {
            header,
            offset,
            psns: left,
            index: self.cursor as u64,
        })
    }

    fn advance(&mut self, m: &Queued, psns: u32) {
        self.cursor_packet = self.cursor_packet.saturating_add(psns);
        if self.cursor_packet >= m.packets {
            self.cursor += 1;
            self.cursor_packet = 0;
        }
        let una = self.una();
        let end = self.cursor_psn();
        if end.since(una) > self.sent_end.since(una) {
            self.sent_end = end;
        }
    }
}

struct Sent {
    header: RequestHeader,
    offset: u32,
    /// Sequence numbers used.
    psns: u32,
    /// Of the message, in the queue.
    index: u64,
}

/// `packets` packets of a send or write, from the `first`-th on, and where their payload begins.
fn part(
    mtu: Mtu,
    m: &Queued,
    first: u32,
    packets: u32,
    ack_request: bool,
) -> Option<(RequestHeader, u32)> {
    let end = first.saturating_add(packets) >= m.packets;
    let offset = first.saturating_mul(mtu.bytes()).min(m.length);
    let length = packets.saturating_mul(mtu.bytes()).min(m.length - offset);
    let (operation, solicited) = match m.message {
        Message::Send { ending, solicited } => {
            let ending = if end { ending } else { Ending::Plain };
            (RequestOperation::Send { ending }, end && solicited)
        }
        Message::Write {
            address,
            key,
            immediate,
            solicited,
        } => {
            let target = (first == 0).then_some(Target {
                address,
                key,
                length: m.length,
            });
            let immediate = if end { immediate } else { None };
            let solicited = immediate.is_some() && solicited;
            (RequestOperation::Write { target, immediate }, solicited)
        }
        Message::Read { .. } | Message::CompareSwap { .. } | Message::FetchAdd { .. } => {
            return None;
        }
    };
    let header = RequestHeader {
        psn: m.first.add(first),
        packets,
        position: Position::of(first == 0, end),
        length,
        ack_request,
        solicited,
        operation,
    };
    Some((header, offset))
}

/// The request for an atomic, or for the data of a read from the `first`-th packet on, and where that begins.
fn question(mtu: Mtu, m: &Queued, first: u32) -> Option<(RequestHeader, u32)> {
    let done = first.saturating_mul(mtu.bytes());
    let operation = match m.message {
        Message::Read { address, key } => RequestOperation::Read(Target {
            address: address.wrapping_add(u64::from(done)),
            key,
            length: m.length.saturating_sub(done),
        }),
        Message::CompareSwap {
            address,
            key,
            swap,
            compare,
        } => RequestOperation::CompareSwap {
            address,
            key,
            swap,
            compare,
        },
        Message::FetchAdd {
            address,
            key,
            addend,
        } => RequestOperation::FetchAdd {
            address,
            key,
            addend,
        },
        Message::Send { .. } | Message::Write { .. } => return None,
    };
    let header = RequestHeader {
        psn: m.first.add(first),
        packets: 1,
        position: Position::Only,
        length: 0,
        ack_request: true,
        solicited: false,
        operation,
    };
    Some((header, done))
}
