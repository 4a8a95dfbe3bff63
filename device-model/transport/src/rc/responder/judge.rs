//! Verdicts: one function for each place a request can have.

use super::answer::{Due, SavedKind};
use super::{
    Answered, Assembly, Dropped, Gap, Replay, Responder, SendEnd, Verdict, Work, WriteEnd,
};
use crate::header::{
    Ending, MAX_MESSAGE_BYTES, RequestHeader, RequestOperation, Target, length_fits, packets_of,
};
use rnic_mutant::mutant;
use rnic_wire::{NakCode, Psn, RKey};

/// A request that breaks a rule of its kind.
pub(super) struct Invalid;

impl<T> Responder<T> {
    /// A request arrived.
    pub fn on_request(&mut self, header: &RequestHeader) -> Verdict {
        if self.failed && !mutant("ROCE-37/goes-on") {
            return Verdict::Dropped(Dropped::Failed);
        }
        if !self.config.answers {
            return self.unreliable(header);
        }
        match header.psn.diff(self.expected) {
            0 => self.in_order(header),
            d if d < 0 && !mutant("ROCE-35/ahead") => self.duplicate(header),
            _ => self.ahead(header.psn),
        }
    }

    /// IBTA vol. 1, 9.7.4.1.1: what a valid request is.
    fn in_order(&mut self, header: &RequestHeader) -> Verdict {
        self.gap = Gap::None;
        let judged = match header.operation {
            RequestOperation::Send { ending } => self.send(header, ending),
            RequestOperation::Write { target, immediate } => self.write(header, target, immediate),
            RequestOperation::Read(target) => self.read(header, target),
            RequestOperation::CompareSwap {
                address,
                key,
                swap,
                compare,
            } => self.atomic(header, address).map(|()| Work::CompareSwap {
                address,
                key,
                swap,
                compare,
            }),
            RequestOperation::FetchAdd {
                address,
                key,
                addend,
            } => self.atomic(header, address).map(|()| Work::FetchAdd {
                address,
                key,
                addend,
            }),
        };
        match judged {
            Ok(work) => Verdict::Execute(work),
            Err(Invalid) => {
                self.fail(header.psn, NakCode::InvalidRequest);
                Verdict::Refused(NakCode::InvalidRequest)
            }
        }
    }

    pub(super) fn send(&self, header: &RequestHeader, ending: Ending) -> Result<Work, Invalid> {
        self.check_length(header)?;
        let start = header.position.is_start();
        let offset = match (self.assembly, start) {
            (Assembly::Idle, true) => 0,
            (Assembly::Send { done }, false) => done,
            (Assembly::Idle, false)
            | (Assembly::Send { .. }, true)
            | (Assembly::Write { .. }, _) => return Err(Invalid),
        };
        let all = offset.checked_add(header.length).ok_or(Invalid)?;
        if all > MAX_MESSAGE_BYTES {
            return Err(Invalid);
        }
        let end = header.position.is_end().then_some(SendEnd {
            ending,
            solicited: header.solicited,
        });
        Ok(Work::Send {
            offset,
            length: header.length,
            start,
            end,
        })
    }

    pub(super) fn write(
        &self,
        header: &RequestHeader,
        target: Option<Target>,
        immediate: Option<[u8; 4]>,
    ) -> Result<Work, Invalid> {
        self.check_length(header)?;
        let is_start = header.position.is_start();
        let (address, key, left, all) = match (self.assembly, target) {
            (Assembly::Idle, Some(t)) if is_start && t.length <= MAX_MESSAGE_BYTES => {
                (t.address, t.key, t.length, t.length)
            }
            (
                Assembly::Write {
                    address,
                    key,
                    left,
                    all,
                },
                None,
            ) if !is_start => (address, key, left, all),
            (Assembly::Idle | Assembly::Write { .. } | Assembly::Send { .. }, _) => {
                return Err(Invalid);
            }
        };
        let is_end = header.position.is_end();
        // A message ends exactly where its RETH said (IBTA vol. 1, C9-92).
        let fits = if is_end {
            header.length == left
        } else {
            header.length < left
        };
        if !fits {
            return Err(Invalid);
        }
        let end = is_end.then_some(WriteEnd {
            immediate,
            solicited: header.solicited,
            message_length: all,
        });
        Ok(Work::Write {
            address,
            key,
            length: header.length,
            start: if is_start { target } else { None },
            end,
        })
    }

    fn read(&self, header: &RequestHeader, target: Target) -> Result<Work, Invalid> {
        self.check_single(header)?;
        if target.length > MAX_MESSAGE_BYTES {
            return Err(Invalid);
        }
        Ok(Work::Read(target))
    }

    fn atomic(&self, header: &RequestHeader, address: u64) -> Result<(), Invalid> {
        self.check_single(header)?;
        if address.is_multiple_of(8) || mutant("QP-26/aligned") {
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// Rules of one-packet requests that have an answer: between messages, within the depth
    /// (IBTA vol. 1, 9.7.4.1.2) `[QP-32]`, `[ROCE-43]`.
    fn check_single(&self, header: &RequestHeader) -> Result<(), Invalid> {
        let whole = header.packets == 1 && header.length == 0;
        let depth = usize::from(self.config.read_depth);
        // What came again does not count: its first answer may have arrived long ago, and the peer
        // asks for more.
        let owed = self
            .saved
            .iter()
            .filter(|s| s.unsent.is_some() && !s.replayed);
        let within = owed.count() < depth || mutant("QP-32/taken");
        if whole && self.assembly == Assembly::Idle && within {
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    fn check_length(&self, header: &RequestHeader) -> Result<(), Invalid> {
        let mtu = self.config.mtu;
        let fits = length_fits(header.position, header.packets, header.length, mtu);
        if fits || mutant("ROCE-30/length") {
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// IBTA vol. 1, 9.7.5.1.2: executed before `[ROCE-35]`.
    fn duplicate(&mut self, header: &RequestHeader) -> Verdict {
        match header.operation {
            RequestOperation::Send { .. } | RequestOperation::Write { .. } => {
                if self.due == Due::Nothing {
                    self.due = Due::Acknowledge;
                }
                Verdict::Answered(Answered::Duplicate)
            }
            RequestOperation::Read(target) => self.duplicate_read(header, target),
            RequestOperation::CompareSwap { .. } | RequestOperation::FetchAdd { .. } => {
                self.duplicate_atomic(header)
            }
        }
    }

    fn duplicate_read(&mut self, header: &RequestHeader, target: Target) -> Verdict {
        let mtu = self.config.mtu;
        for (index, saved) in self.saved.iter().enumerate() {
            let SavedKind::Read(original) = saved.kind else {
                continue;
            };
            if !header.psn.is_within(saved.psn, saved.packets) {
                continue;
            }
            // It asks for the rest of what was asked for, from a packet's start on.
            let from = header.psn.since(saved.psn);
            let skipped = from.saturating_mul(mtu.bytes());
            let same = target.key == original.key
                && target.address == original.address.wrapping_add(u64::from(skipped))
                && original.length.checked_sub(skipped) == Some(target.length)
                && packets_of(target.length, mtu) == saved.packets - from;
            if same {
                return Verdict::Replay(Replay { index, from });
            }
        }
        Verdict::Dropped(Dropped::DuplicateUnknown)
    }

    fn duplicate_atomic(&mut self, header: &RequestHeader) -> Verdict {
        let found = self
            .saved
            .iter_mut()
            .find(|s| s.psn == header.psn && matches!(s.kind, SavedKind::Atomic { .. }));
        match found {
            Some(saved) => {
                saved.replayed = true;
                if saved.unsent.replace(0).is_none() {
                    self.unsent += 1;
                }
                Verdict::Answered(Answered::Duplicate)
            }
            None => Verdict::Dropped(Dropped::DuplicateUnknown),
        }
    }

    /// IBTA vol. 1, 9.7.5.1.1 and 9.7.5.2.3: something was lost; said once for each time that the
    /// peer sends it `[ROCE-34]`.
    fn ahead(&mut self, psn: Psn) -> Verdict {
        let told = match self.gap {
            Gap::None => false,
            Gap::NotReady => true,
            Gap::Seen(first) => psn.diff(first) > 0 || mutant("ROCE-34/silent"),
        };
        if !matches!(self.gap, Gap::Seen(_)) || !told {
            self.gap = Gap::Seen(psn);
        }
        if told && !mutant("ROCE-34/again") {
            return Verdict::Dropped(Dropped::AheadOfSequence);
        }
        self.due = Due::OutOfSequence;
        Verdict::Answered(Answered::OutOfSequence)
    }
}

/// Where a message stands after `header`, which fits `now`.
pub(super) fn next_assembly(now: Assembly, header: &RequestHeader) -> Assembly {
    if header.position.is_end() {
        return Assembly::Idle;
    }
    let length = header.length;
    match (header.operation, now) {
        (RequestOperation::Send { .. }, Assembly::Send { done }) => Assembly::Send {
            done: done.saturating_add(length),
        },
        (RequestOperation::Send { .. }, Assembly::Idle | Assembly::Write { .. }) => {
            Assembly::Send { done: length }
        }
        (
            RequestOperation::Write {
                target: Some(t), ..
            },
            _,
        ) => write_after(t.address, t.key, t.length, t.length, length),
        (
            RequestOperation::Write { target: None, .. },
            Assembly::Write {
                address,
                key,
                left,
                all,
            },
        ) => write_after(address, key, left, all, length),
        (RequestOperation::Write { target: None, .. }, Assembly::Idle | Assembly::Send { .. })
        | (
            RequestOperation::Read(_)
            | RequestOperation::CompareSwap { .. }
            | RequestOperation::FetchAdd { .. },
            _,
        ) => now,
    }
}

fn write_after(address: u64, key: RKey, left: u32, all: u32, done: u32) -> Assembly {
    Assembly::Write {
        // A range that wraps is refused by the caller's check of the whole target.
        address: address.wrapping_add(u64::from(done)),
        key,
        left: left.saturating_sub(done),
        all,
    }
}
