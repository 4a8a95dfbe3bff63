//! What an end does next: the steps of its program.

use rnic_abi::{AccessFlags, WorkOpcode};
use rnic_driver_core::{Error, Outcome};

use crate::end::{Borrowing, Phase};
use crate::plan::{Chore, Loan, Op, Step};
use crate::post::Twist;
use crate::sim::Sim;

impl Sim {
    /// Goes on with the program of an end, if it can.
    ///
    /// # Errors
    /// A checker's.
    pub fn advance(&mut self, number: usize) -> Result<(), String> {
        self.retire_silent(number)?;
        if self.links[number / 2].broken || self.links[number / 2].tolerant {
            return Ok(());
        }
        if self.ends[number].borrowing.is_some() {
            return self.borrow_on(number);
        }
        let Some(step) = self.ends[number].program.front().cloned() else {
            self.ring(number);
            return Ok(());
        };
        let done = match step {
            Step::Op(op) => {
                let target = self.ends[number ^ 1].open;
                self.post(number, &op, target, Twist::default())?
            }
            Step::ReadInvalidate(op) | Step::OwnWrite(op) => self.post_own(number, &op)?,
            Step::Wait => self.ends[number].requests.is_empty(),
            Step::Borrow { loan, ops, by_send } => {
                self.ends[number].borrowing = Some(Borrowing {
                    loan,
                    phase: Phase::Ask,
                    target: self.ends[number ^ 1].open,
                    ops: ops.into(),
                    by_send,
                });
                true
            }
            Step::Chore(chore) => {
                self.chore(number, chore)?;
                true
            }
            Step::Meet(_) => {
                self.meet(number)?;
                return Ok(());
            }
        };
        if done {
            self.ends[number].program.pop_front();
            self.progress += 1;
        } else {
            self.ring(number);
        }
        Ok(())
    }

    fn borrow_on(&mut self, number: usize) -> Result<(), String> {
        let Some(borrowing) = self.ends[number].borrowing.clone() else {
            return Ok(());
        };
        let lender = number ^ 1;
        let key = borrowing.target.key;
        let phase = match borrowing.phase {
            Phase::Ask => match self.lend(lender, borrowing.loan)? {
                None => return Ok(()),
                Some(target) => {
                    if let Some(b) = &mut self.ends[number].borrowing {
                        b.target = target;
                    }
                    Phase::Granting
                }
            },
            Phase::Use => match borrowing.ops.front() {
                Some(op) => {
                    if self.post(number, op, borrowing.target, Twist::default())?
                        && let Some(b) = &mut self.ends[number].borrowing
                    {
                        b.ops.pop_front();
                        self.progress += 1;
                    } else {
                        self.ring(number);
                    }
                    return Ok(());
                }
                None => Phase::Return,
            },
            Phase::Return if borrowing.by_send => {
                let op = Op {
                    opcode: WorkOpcode::SEND_INVALIDATE,
                    target: 0,
                    length: self.random.below(200) as u32,
                    value: u64::from(key.0),
                    pieces: 1,
                    inline: false,
                    silent: false,
                    solicited: false,
                    fence: false,
                };
                if !self.post(number, &op, borrowing.target, Twist::default())? {
                    self.ring(number);
                    return Ok(());
                }
                self.ring(number);
                Phase::Over
            }
            // Its own requests must have ended before the lender takes the key away.
            Phase::Return if self.ends[number].requests.is_empty() => {
                if !self.revoke(lender, borrowing.loan, key)? {
                    return Ok(());
                }
                Phase::Revoking
            }
            Phase::Return | Phase::Granting | Phase::Revoking => {
                self.ring(number);
                self.ring(lender);
                return Ok(());
            }
            Phase::Over => {
                // By SEND_INVALIDATE: over when the lender has it.
                let end = &self.ends[number];
                if !end.requests.is_empty() || !self.ends[lender].coming.is_empty() {
                    self.ring(number);
                    return Ok(());
                }
                self.coverage.hit(match borrowing.loan {
                    Loan::Fast => "lend fast",
                    Loan::Window1 => "lend window 1",
                    Loan::Window2 => "lend window 2",
                });
                self.ends[number].stale = Some(borrowing.target);
                self.ends[number].borrowing = None;
                self.progress += 1;
                return Ok(());
            }
        };
        self.progress += 1;
        if let Some(b) = &mut self.ends[number].borrowing {
            b.phase = phase;
        }
        Ok(())
    }

    fn chore(&mut self, number: usize, chore: Chore) -> Result<(), String> {
        let end = &self.ends[number];
        let (cq, index, qpn) = (end.send_cq, end.guest, end.qp.as_ref().map(|qp| qp.qpn));
        self.note(format_args!("end {number}: {chore:?}"));
        let guest = &mut self.guests[index];
        match chore {
            Chore::ResizeCq => {
                let least = self.plan.cq_entries(index);
                let entries = least << self.random.below(3);
                let mut taken = guest.cqs.remove(cq);
                let result = guest.call("resize_cq", |control, nic| {
                    Ok(control.resize_cq(nic, 0, &mut taken, entries)?)
                });
                let result = match result {
                    Ok(Outcome::CqResized(ring)) => {
                        taken.switch(ring).map_err(|error| format!("{error:?}"))
                    }
                    Ok(other) => Err(format!("resize_cq gave {}", other.name())),
                    // The queue may be in error already, by a fault.
                    Err(_) if self.plan.tolerates_errors() => Ok(()),
                    Err(why) => Err(why),
                };
                guest.cqs.insert(cq, taken);
                result?;
                self.coverage.hit("control resize cq");
            }
            Chore::ModerateCq => {
                let cqn = guest.cqs[cq].cqn();
                let count = self.random.between(1, 8) as u32;
                let interval = self.random.between(1, 100) as u32;
                guest.call("moderate_cq", |control, nic| {
                    Ok(control.moderate_cq(nic, 0, cqn, count, interval)?)
                })?;
                self.coverage.hit("control moderate cq");
            }
            Chore::ResizeSrq => {
                let Some(mut shared) = guest.shared.take() else {
                    return Ok(());
                };
                let entries = [16, 32, 64][self.random.index(3)];
                let result = guest.call("resize_srq", |control, nic| {
                    shared.srq.resize_failed();
                    Ok(control.resize_srq(nic, 0, &mut shared.srq, entries)?)
                });
                match result {
                    Ok(Outcome::SrqResized(ring)) => {
                        shared
                            .srq
                            .switch(ring)
                            .map_err(|error| format!("{error:?}"))?;
                        self.coverage.hit("control resize srq");
                    }
                    Ok(other) => return Err(format!("resize_srq gave {}", other.name())),
                    Err(why) => return Err(why),
                }
                guest.shared = Some(shared);
            }
            Chore::LimitSrq => {
                let Some(srqn) = guest.shared.as_ref().map(|shared| shared.srq.srqn()) else {
                    return Ok(());
                };
                let limit = self.random.below(8) as u32;
                guest.call("modify_srq", |control, nic| {
                    Ok(control.modify_srq(nic, 0, srqn, limit)?)
                })?;
                self.coverage.hit("control limit srq");
            }
            Chore::Query => {
                if let Some(qpn) = qpn {
                    guest.call(
                        "query_qp",
                        |control, nic| Ok(control.query_qp(nic, 0, qpn)?),
                    )?;
                }
                guest.call("query_port", |control, nic| Ok(control.query_port(nic, 0)?))?;
            }
            Chore::Register => {
                let buffer = guest.memory(8192)?;
                let key = guest.register(&buffer, 0, 8192, 0x1000, AccessFlags::default())?;
                guest.call("destroy_region", |control, nic| {
                    Ok(control.destroy_region(nic, 0, key)?)
                })?;
            }
        }
        Ok(())
    }

    /// Waits at a meeting; when both ends are there and idle, the leader acts.
    fn meet(&mut self, number: usize) -> Result<(), String> {
        let peer = number ^ 1;
        self.ring(number);
        self.ring(peer);
        let at_meeting = |end: &crate::end::End| {
            matches!(end.program.front(), Some(Step::Meet(_)))
                && end.borrowing.is_none()
                && end.requests.is_empty()
                && end.coming.is_empty()
        };
        self.ends[number].met = true;
        if !at_meeting(&self.ends[number]) || !at_meeting(&self.ends[peer]) {
            return Ok(());
        }
        self.progress += 1;
        let mut breaks = [None, None];
        for (slot, end) in [number, peer].into_iter().enumerate() {
            self.ends[end].met = false;
            if let Some(Step::Meet(broken)) = self.ends[end].program.pop_front() {
                breaks[slot] = broken;
            }
        }
        if let Some(broken) = breaks[0] {
            self.perform(number, broken)?;
        }
        if let Some(broken) = breaks[1] {
            self.perform(peer, broken)?;
        }
        Ok(())
    }

    /// An error of the driver as text.
    #[must_use]
    pub fn text(error: &Error) -> String {
        error.to_string()
    }
}
