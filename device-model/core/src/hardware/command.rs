//! The command ring: enabled and stopped by registers, its commands handed to the control plane, its failures told.

use rnic_abi::{CounterId, FailureCode, reg};
use rnic_mutant::mutant;

use super::Hardware;
use crate::command_ring::{Command, CommandRing, RingFailure, RingSetup, Token};
use crate::env::Env;
use crate::registers::Store;

impl Hardware {
    pub(super) fn command_control(&mut self, store: Store) {
        let enable = reg::cmd_control::ENABLE;
        match (enable.is_set(store.before), enable.is_set(store.after)) {
            (false, true) => {
                self.enablings += 1;
                let size = self.registers.field(reg::CMD_SIZE, reg::cmd_size::SIZE);
                let setup = RingSetup {
                    size: u16::try_from(size).unwrap_or(0),
                    descriptors: self.registers.get(reg::CMD_DESC),
                    available: self.registers.get(reg::CMD_AVAIL),
                    used: self.registers.get(reg::CMD_USED),
                };
                match CommandRing::enable(setup, self.enablings) {
                    Ok(ring) => {
                        self.command_ring = Some(ring);
                        self.notified = true;
                    }
                    Err(failure) => {
                        let kept = u64::from(mutant("CMD-2/kept"));
                        self.registers.set_field(reg::CMD_CONTROL, enable, kept);
                        self.report_failure(failure);
                    }
                }
            }
            (true, false) if !mutant("CMD-8/goes-on") => self.command_ring = None,
            _ => (),
        }
    }

    pub(super) fn report_failure(&mut self, failure: RingFailure) {
        self.registers
            .set_field(reg::FAILURE, reg::failure::CODE, failure.code.0.into());
        let info = if mutant("CMD-5/address") {
            0
        } else {
            failure.info
        };
        self.registers.set(reg::FAILURE_INFO, info);
    }

    /// Stops the command ring, not the device `[ERR-1]`, `[CMD-4]`, `[CMD-5]`.
    fn stop_command_ring(&mut self, env: &mut dyn Env, failure: RingFailure) {
        log::debug!("{failure}");
        self.command_ring = None;
        self.registers
            .set_field(reg::CMD_CONTROL, reg::cmd_control::ENABLE, 0);
        self.report_failure(failure);
        if failure.code == FailureCode::COMMAND_RING_DMA {
            self.resources.counters.count(CounterId::DMA_ERRORS);
        }
        if !mutant("CMD-4/silent") {
            self.raise_cause(env, reg::intr_cause::COMMAND_RING.mask());
        }
    }

    /// The next command, when the ring was notified and the device is enabled.
    pub fn next_command(&mut self, env: &mut dyn Env) -> Option<Command> {
        if !self.notified || !self.is_enabled() {
            return None;
        }
        let ring = self.command_ring.as_mut()?;
        match ring.pop(&self.resources.dma) {
            Ok(Some(command)) => Some(command),
            Ok(None) => {
                self.notified = false;
                None
            }
            Err(failure) => {
                self.stop_command_ring(env, failure);
                None
            }
        }
    }

    /// Answers a command `[CMD-6]`. Without the ring that it came from, nothing happens.
    pub fn answer(&mut self, env: &mut dyn Env, token: Token, answer: &[u8]) {
        let Some(ring) = self.command_ring.as_mut() else {
            return;
        };
        match ring.complete(&self.resources.dma, token, answer) {
            Ok(true) => {
                let field = reg::cmd_control::VECTOR;
                let vector = self.registers.field(reg::CMD_CONTROL, field);
                let vector = u16::try_from(vector).unwrap_or(rnic_abi::consts::VECTOR_NONE);
                let counters = &mut self.resources.counters;
                self.resources.interrupts.raise(env, counters, vector);
            }
            Ok(false) => (),
            Err(failure) => self.stop_command_ring(env, failure),
        }
    }
}
