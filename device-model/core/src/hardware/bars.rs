//! What the driver reads and writes: registers of BAR0, doorbells of BAR2.

use rnic_abi::{CounterId, place, reg};
use rnic_mutant::mutant;

use super::{Effect, Hardware};
use crate::env::Env;
use crate::registers::Store;

/// Causes that INTR_TEST can set.
const CAUSES: u64 = reg::intr_cause::LINK_CHANGE.mask()
    | reg::intr_cause::FAILURE.mask()
    | reg::intr_cause::COMMAND_RING.mask()
    | reg::intr_cause::TEST.mask();

impl Hardware {
    /// Reads BAR0 or BAR2 as the driver does. `data` is zero where the access is ignored.
    pub fn bar_read(&mut self, env: &mut dyn Env, bar: u8, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let value = match bar {
            place::BAR_REGISTERS => {
                // [REG-13] The host's clock is monotonic, and no reset touches it.
                let now = if mutant("REG-13/stopped") {
                    0
                } else {
                    env.now().get()
                };
                self.registers.set(reg::CLOCK, now);
                self.registers.read(offset, data.len())
            }
            place::BAR_DOORBELLS => slot_of(offset, data.len())
                .and_then(|slot| self.resources.doorbells.read(env, slot)),
            _ => None,
        };
        match value {
            Some(value) => {
                for (to, from) in data.iter_mut().zip(value.to_le_bytes()) {
                    *to = from;
                }
            }
            None if mutant("REG-2/uncounted") => (),
            None => self.count_guest_error(),
        }
    }

    /// Writes BAR0 or BAR2 as the driver does.
    pub fn bar_write(&mut self, env: &mut dyn Env, bar: u8, offset: u64, data: &[u8]) -> Effect {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(data) {
            *to = *from;
        }
        let value = u64::from_le_bytes(bytes);
        match bar {
            place::BAR_REGISTERS => self.register_write(env, offset, data.len(), value),
            place::BAR_DOORBELLS => {
                let slot = slot_of(offset, data.len());
                if slot.is_some_and(|slot| self.resources.doorbells.written(env, slot, value)) {
                    return Effect::Run;
                }
                self.count_guest_error();
                Effect::None
            }
            _ => {
                self.count_guest_error();
                Effect::None
            }
        }
    }

    fn register_write(
        &mut self,
        env: &mut dyn Env,
        offset: u64,
        bytes: usize,
        value: u64,
    ) -> Effect {
        let Some(register) = self.registers.register_at(offset, bytes) else {
            self.count_guest_error();
            return Effect::None;
        };
        let set_up = matches!(
            register,
            reg::CMD_SIZE | reg::CMD_DESC | reg::CMD_AVAIL | reg::CMD_USED
        );
        if set_up && self.command_ring.is_some() && !mutant("CMD-1/locked") {
            self.count_guest_error();
            return Effect::None;
        }
        // [BRING-1] While a reset is under way only the control block has meaning.
        let control = place::BLOCK_CONTROL..place::BLOCK_CONTROL + place::BLOCK_CONTROL_SIZE;
        if self.resetting && !control.contains(&register) {
            return Effect::None;
        }
        match self.registers.write(offset, bytes, value) {
            Some(store) => self.stored(env, store),
            None => Effect::None,
        }
    }

    fn stored(&mut self, env: &mut dyn Env, store: Store) -> Effect {
        match store.offset {
            reg::DEVICE_CONTROL => {
                if store.sets(reg::device_control::RESET) {
                    return Effect::Reset;
                }
                let enabled = reg::device_control::ENABLE.get(store.after);
                let enabled = enabled | u64::from(mutant("BRING-2/always"));
                self.notified &= !mutant("BRING-2/lost");
                self.registers
                    .set_field(reg::DEVICE_STATUS, reg::device_status::ENABLED, enabled);
                Effect::Run
            }
            reg::KICK => {
                self.resources.counters.count(CounterId::KICKS);
                self.kicked = !mutant("PARK-2/deaf");
                Effect::Run
            }
            reg::INTR_MASK => {
                let cause = self.registers.get(reg::INTR_CAUSE);
                if store.before & !store.after & cause != 0 && !mutant("INT-2/unmask") {
                    self.raise_device_vector(env);
                }
                Effect::None
            }
            // [INT-3]
            reg::INTR_TEST => {
                let causes = if mutant("INT-3/all") {
                    CAUSES
                } else {
                    store.written & CAUSES
                };
                self.raise_cause(env, causes);
                Effect::None
            }
            reg::CMD_CONTROL => {
                self.command_control(store);
                Effect::Run
            }
            reg::SCRATCH if mutant("REG-14/effect") => {
                self.count_guest_error();
                Effect::None
            }
            reg::CMD_NOTIFY => {
                self.notified |= !mutant("CMD-3/deaf");
                Effect::Run
            }
            // SCRATCH, and set-up that is read when it is needed, have no effect here [REG-14].
            _ => Effect::None,
        }
    }
}

/// The slot of an access to BAR2; none when it is not one aligned access of 8 bytes `[DB-3]`.
fn slot_of(offset: u64, bytes: usize) -> Option<u32> {
    if bytes != 8 && !mutant("DB-3/width")
        || !offset.is_multiple_of(8)
        || offset >= place::BAR_DOORBELLS_SIZE
    {
        return None;
    }
    u32::try_from(offset / 8).ok()
}
