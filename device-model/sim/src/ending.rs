//! The end of a run: signals still come, and everything can be destroyed.

use rnic_abi::{ArmType, WorkOpcode};
use rnic_driver_core::Outcome;
use rnic_platform::TestPlatform;

use crate::plan::Op;
use crate::post::Twist;
use crate::sim::Sim;

impl Sim {
    /// An armed queue of a function signals the next completion, by an event and an interrupt
    /// `[CQ-8]`, `[EQ-2]`.
    ///
    /// # Errors
    /// It does not.
    pub fn check_signal(&mut self, guest: usize) -> Result<(), String> {
        let Some(number) = self.ends.iter().position(|end| end.guest == guest) else {
            return Ok(());
        };
        self.poll_all()?;
        self.machine.lock().step(1_000_000);
        let cq = self.ends[number].send_cq;
        let platform = self.machine.platform(guest);
        let before = platform.interrupts(1);
        let g = &mut self.guests[guest];
        g.cqs[cq].arm(&g.nic, ArmType::ANY);
        let op = Op {
            opcode: WorkOpcode::WRITE,
            target: 0,
            length: 0,
            value: 0,
            pieces: 1,
            inline: false,
            silent: false,
            solicited: false,
            fence: false,
        };
        let target = self.ends[number ^ 1].open;
        if !self.post(number, &op, target, Twist::default())? {
            return Err(format!(
                "end {number} is idle and its send queue has no room"
            ));
        }
        self.ring(number);
        for _ in 0..1000 {
            self.machine.lock().step(1_000_000);
            let g = &mut self.guests[guest];
            while let Some(signal) = g.eq.poll(&g.nic).map_err(|error| Self::text(&error))? {
                if g.cqs[cq].take_signal(&signal) {
                    if platform.interrupts(1) == before {
                        return Err(format!("function {guest}: a signal without an interrupt"));
                    }
                    return self.poll_all();
                }
            }
        }
        Err(format!(
            "function {guest}: queue {cq} is armed and never signals a completion"
        ))
    }

    /// Destroys everything, in an order in which nothing is in use.
    ///
    /// # Errors
    /// The device refused, or never answered.
    pub fn tear_down(&mut self) -> Result<(), String> {
        for number in 0..self.ends.len() {
            self.destroy(number)?;
            let end = &self.ends[number];
            let guest = &mut self.guests[end.guest];
            for window in [end.window1, end.window2] {
                guest.call("destroy_window", |c, nic| {
                    Ok(c.destroy_window(nic, 0, window)?)
                })?;
            }
            for region in [end.fast, end.own, end.plain.0, end.open.key, end.bindable.0] {
                guest.call("destroy_region", |c, nic| {
                    Ok(c.destroy_region(nic, 0, region)?)
                })?;
            }
        }
        for guest in &mut self.guests {
            if let Some(shared) = guest.shared.take() {
                let (srq, key) = (shared.srq, shared.key);
                done(guest.call_once(|c, nic| c.destroy_srq(nic, 0, srq))?)?;
                guest.call(
                    "destroy_region",
                    |c, nic| Ok(c.destroy_region(nic, 0, key)?),
                )?;
            }
            for cq in std::mem::take(&mut guest.cqs) {
                done(guest.call_once(|c, nic| c.destroy_cq(nic, 0, cq))?)?;
            }
            let pd = guest.pd;
            // A registration that a fault failed is taken back by the driver, unless that fails too:
            // then its region is left over.
            let result = guest.call("destroy_pd", |c, nic| Ok(c.destroy_pd(nic, 0, pd)?));
            if !self.plan.fails_commands() {
                result?;
            }
        }
        Ok(())
    }
}

fn done(
    result: Result<
        Outcome<crate::platform::SimPlatform>,
        rnic_driver_core::Failure<crate::platform::SimPlatform>,
    >,
) -> Result<(), String> {
    result
        .map(|_| ())
        .map_err(|failure| format!("while everything is destroyed: {failure:?}"))
}
