//! What is owed to the peer, given out in the order of sequence numbers.

use super::{Refusal, Replay, Responder};
use crate::header::{ResponseBody, ResponseHeader, Target};
use rnic_wire::{NakCode, Position, Psn, RKey, Syndrome};

/// What follows the answers to reads and atomics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// Acknowledge of everything so far; later requests join it until it leaves.
    Acknowledge,
    /// NAK: the expected packet is missing.
    OutOfSequence,
    /// NAK: no receive.
    NotReady { psn: Psn },
    /// NAK that ends the connection.
    Nak { psn: Psn, code: NakCode },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SavedKind {
    Read(Target),
    Atomic { original: u64 },
}

/// A read or atomic, remembered so that it can be answered again.
#[derive(Debug)]
pub(super) struct Saved<T> {
    pub psn: Psn,
    pub packets: u32,
    pub kind: SavedKind,
    /// Next packet of the answer to send; none when all is sent.
    pub unsent: Option<u32>,
    /// Packet that the answer started with.
    pub started: u32,
    /// The request came again.
    pub replayed: bool,
    pub tag: Option<T>,
}

/// Data that a response carries.
#[derive(Debug)]
pub struct ReadData<T> {
    /// Address of its first byte.
    pub address: u64,
    /// Key; to be checked again, it may have been taken away since.
    pub key: RKey,
    /// Bytes.
    pub length: u32,
    /// Offset in the data that the request asked for when it was last received.
    pub offset: u32,
    /// What the caller gave with the read; back for good with the last of the data.
    pub tag: Tag<T>,
}

/// The caller's tag of a read: still kept, or given back.
pub type Tag<T> = Option<T>;

/// A segment to send back.
#[derive(Debug)]
pub struct Response<T> {
    /// Its header.
    pub header: ResponseHeader,
    /// Payload, of a read.
    pub data: Option<ReadData<T>>,
}

impl<T: Clone> Responder<T> {
    /// The next response, of at most `max_packets` packets.
    pub fn poll_response(&mut self, max_packets: u32) -> Option<Response<T>> {
        if self.unsent > 0 {
            return self.poll_saved(max_packets);
        }
        let (psn, syndrome) = match core::mem::replace(&mut self.due, Due::Nothing) {
            Due::Nothing => return None,
            Due::Acknowledge => (self.expected.prev(), Syndrome::ACK),
            Due::OutOfSequence => (self.expected, Syndrome::Nak(NakCode::PsnSequence)),
            Due::NotReady { psn } => (psn, Syndrome::RnrNak(self.config.rnr_timer)),
            Due::Nak { psn, code } => (psn, Syndrome::Nak(code)),
        };
        Some(Response {
            header: ResponseHeader {
                psn,
                msn: self.msn,
                body: ResponseBody::Acknowledge(syndrome),
            },
            data: None,
        })
    }

    fn poll_saved(&mut self, max_packets: u32) -> Option<Response<T>> {
        let mtu = self.config.mtu.bytes();
        let msn = self.msn;
        let saved = self.saved.iter_mut().find(|s| s.unsent.is_some())?;
        let at = saved.unsent?;
        let (packets, body, data) = match saved.kind {
            SavedKind::Atomic { original } => (1, ResponseBody::Atomic { original }, None),
            SavedKind::Read(target) => {
                let packets = max_packets.max(1).min(saved.packets - at);
                let end = at + packets == saved.packets;
                let skipped = at.saturating_mul(mtu).min(target.length);
                let length = packets.saturating_mul(mtu).min(target.length - skipped);
                let position = Position::of(at == saved.started, end);
                let tag = if end {
                    saved.tag.take()
                } else {
                    saved.tag.clone()
                };
                let data = ReadData {
                    address: target.address.wrapping_add(u64::from(skipped)),
                    key: target.key,
                    length,
                    offset: skipped.saturating_sub(saved.started.saturating_mul(mtu)),
                    tag,
                };
                let body = ResponseBody::ReadData {
                    packets,
                    position,
                    length,
                };
                (packets, body, Some(data))
            }
        };
        let psn = saved.psn.add(at);
        saved.unsent = (at + packets < saved.packets).then_some(at + packets);
        if saved.unsent.is_none() {
            self.unsent = self.unsent.saturating_sub(1);
        }
        Some(Response {
            header: ResponseHeader { psn, msn, body },
            data,
        })
    }

    /// A response that was polled and did not leave is owed again: the next poll gives it anew,
    /// in whatever size it then asks for. Only the last one polled can be put back.
    pub fn put_back(&mut self, response: Response<T>) {
        let psn = response.header.psn;
        match response.header.body {
            ResponseBody::Acknowledge(syndrome) => {
                self.due = match syndrome {
                    Syndrome::Ack(_) | Syndrome::Reserved(_) => Due::Acknowledge,
                    Syndrome::RnrNak(_) => Due::NotReady { psn },
                    Syndrome::Nak(NakCode::PsnSequence) => Due::OutOfSequence,
                    Syndrome::Nak(code) => Due::Nak { psn, code },
                };
            }
            ResponseBody::ReadData { .. } | ResponseBody::Atomic { .. } => {
                let found = self
                    .saved
                    .iter_mut()
                    .find(|s| psn.is_within(s.psn, s.packets));
                if let Some(saved) = found {
                    if let Some(data) = response.data {
                        saved.tag = data.tag;
                    }
                    if saved.unsent.replace(psn.since(saved.psn)).is_none() {
                        self.unsent += 1;
                    }
                }
            }
        }
    }
}

impl<T> Responder<T> {
    /// Whether [`Self::poll_response`] has something.
    #[must_use]
    pub fn has_response(&self) -> bool {
        self.unsent > 0 || self.due != Due::Nothing
    }

    /// Data of a read that was polled cannot be had: the peer is told, and the connection has
    /// failed. Not so when the request came again: its key may have been taken away since the
    /// peer has its data, so a late duplicate is dropped; then false.
    #[must_use]
    pub fn refuse_data(&mut self, header: &ResponseHeader, refusal: Refusal) -> bool {
        let mut saved = self.saved.iter_mut();
        let found = saved.find(|s| header.psn.is_within(s.psn, s.packets));
        if let Some(saved) = found.filter(|s| s.replayed) {
            if saved.unsent.take().is_some() {
                self.unsent = self.unsent.saturating_sub(1);
            }
            return false;
        }
        self.saved.clear();
        self.unsent = 0;
        self.fail(header.psn, refusal.code());
        true
    }

    /// Answers a read again, from where the peer asks; `tag` replaces the one it came with first.
    pub fn replay(&mut self, replay: Replay, tag: T) {
        if let Some(saved) = self.saved.get_mut(replay.index) {
            if saved.unsent.replace(replay.from).is_none() {
                self.unsent += 1;
            }
            saved.started = replay.from;
            saved.replayed = true;
            saved.tag = Some(tag);
        }
    }
}
