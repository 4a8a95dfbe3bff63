//! What a capture shows of losses: requests that came again, and sequence numbers that are missing.
//! None of it is wrong; it says how the wire was.

use std::collections::HashMap;

use rnic_wire::{Frame, Gid, Mtu, NakCode, Operation, Psn, Qpn, Syndrome};

/// Flows followed at most; of others nothing is said.
const MAX_FLOWS: usize = 65_536;
/// A number further ahead than this is of another connection with the same queue pair number.
const MAX_GAP: u32 = 1 << 20;

/// What is worth telling of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A request with a number that was there before.
    Again,
    /// A request after one or more that are not in the capture.
    Gap(u32),
    /// A refusal: out of sequence, or worse.
    Nak,
    /// The receiver is not ready.
    RnrNak,
    /// A network on the way was congested.
    Marked,
    /// The receiver tells its sender so.
    Congestion,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// The next request's number.
    Is(Psn),
    /// It follows a READ of so many bytes that begins there; how many packets those are depends on the
    /// path MTU.
    AfterRead(Psn, u32),
}

/// The requests of a capture, each direction of each connection apart.
#[derive(Debug, Default)]
pub struct Flows {
    next: HashMap<(Gid, Gid, Qpn), Next>,
}

impl Flows {
    /// Looks at a packet, in the order of the capture.
    pub fn see(&mut self, f: &Frame<'_>) -> Option<Note> {
        let bth = &f.packet.bth;
        let key = (
            f.envelope.ip.src_gid(),
            f.envelope.ip.dst_gid(),
            bth.dest_qpn,
        );
        let length = match bth.opcode.operation() {
            Operation::Acknowledge => return f.packet.ext.aeth().and_then(|a| of(a.syndrome)),
            Operation::Congestion => return Some(Note::Congestion),
            Operation::ReadResponse | Operation::AtomicAcknowledge => return None,
            Operation::ReadRequest => f.packet.ext.reth().map(|r| r.len),
            _ if bth.opcode.class() != rnic_wire::Class::Rc => return None,
            _ => None,
        };
        if self.next.len() >= MAX_FLOWS && !self.next.contains_key(&key) {
            return None;
        }
        let after = match length {
            Some(length) => Next::AfterRead(bth.psn, length),
            None => Next::Is(bth.psn.next()),
        };
        let Some(before) = self.next.get_mut(&key) else {
            self.next.insert(key, after);
            return None;
        };
        let note = match *before {
            Next::Is(next) => compare(bth.psn, next),
            Next::AfterRead(first, length) => after_read(bth.psn, first, length),
        };
        if note != Some(Note::Again) {
            *before = after;
        }
        note
    }

    /// A connection begins: its numbers say nothing about those of an earlier one.
    pub fn begin(&mut self, one: Gid, other: Gid, qpn: Qpn) {
        self.next.remove(&(one, other, qpn));
        self.next.remove(&(other, one, qpn));
    }
}

fn compare(psn: Psn, next: Psn) -> Option<Note> {
    match psn.diff(next) {
        0 => None,
        ahead @ 1.. => match ahead.unsigned_abs() {
            gap if gap <= MAX_GAP => Some(Note::Gap(gap)),
            _ => None,
        },
        behind if behind.unsigned_abs() <= MAX_GAP => Some(Note::Again),
        _ => None,
    }
}

fn after_read(psn: Psn, first: Psn, length: u32) -> Option<Note> {
    let packets = |mtu: Mtu| length.div_ceil(mtu.bytes()).max(1);
    let codes = 1..=5;
    let mut possible = codes.filter_map(Mtu::from_code).map(packets);
    if possible.any(|n| first.add(n) == psn) {
        return None;
    }
    // With the least packets it can be, so that a gap is not told of where there may be none.
    let least = packets(Mtu::B4096);
    match compare(psn, first.add(least)) {
        Some(Note::Gap(gap)) if gap <= packets(Mtu::B256) => None,
        other => other,
    }
}

fn of(syndrome: Syndrome) -> Option<Note> {
    match syndrome {
        Syndrome::Nak(NakCode::Reserved(_)) | Syndrome::Ack(_) | Syndrome::Reserved(_) => None,
        Syndrome::Nak(_) => Some(Note::Nak),
        Syndrome::RnrNak(_) => Some(Note::RnrNak),
    }
}
