//! Interrupt vectors, and the messages that they send.
//!
//! The table, the mask bits and the pending bits are `pci_function`'s; here a raised vector
//! becomes a message of the host, a count, or an injected fault. Device-level causes
//! (`INTR_CAUSE`, `INTR_MASK`) are registers; [`crate::hardware::Hardware`] turns them into a
//! vector.

use pci_function::{Delivery, MsixTable, Raise};
use rnic_abi::{CounterId, consts::VECTOR_NONE, limit};
use rnic_mutant::mutant;

pub use pci_function::VectorState;

use crate::counters::Counters;
use crate::env::Env;
use crate::fault::{Fault, Site};

/// Vectors of a device.
#[allow(clippy::cast_possible_truncation, reason = "asserted")]
pub const VECTORS: u16 = {
    assert!(limit::VECTORS < VECTOR_NONE as u64);
    limit::VECTORS as u16
};

/// The vectors of a device.
#[derive(Debug)]
pub struct Interrupts {
    table: MsixTable,
}

impl Interrupts {
    /// Vectors after power-up: none may fire.
    #[must_use]
    pub fn new(delivery: Delivery) -> Self {
        Self {
            table: MsixTable::new(VECTORS, delivery),
        }
    }

    /// Raises `vector`: sends its message, or makes it pending `[INT-4]`. VECTOR_NONE and
    /// vectors that do not exist raise nothing `[INT-2]`.
    pub fn raise(&mut self, env: &mut dyn Env, counters: &mut Counters, vector: u16) {
        if let Ok(Raise::Fire(_)) = self.table.raise(vector) {
            send(env, counters, vector);
        } else if mutant("INT-4/lost") {
            self.table.withdraw(vector);
        }
    }

    /// Connects or masks `vector`, with [`Delivery::External`]; what is pending is sent once when
    /// it becomes connected `[INT-4]`.
    pub fn set_state(
        &mut self,
        env: &mut dyn Env,
        counters: &mut Counters,
        vector: u16,
        state: VectorState,
    ) {
        // The host connects vectors that the function does not have at no harm.
        let fire = |vector, _| send(env, counters, vector);
        self.table.set_vector(vector, state, fire).ok();
    }

    /// Follows MSI-X Enable and Function Mask.
    pub fn set_control(
        &mut self,
        env: &mut dyn Env,
        counters: &mut Counters,
        enable: bool,
        function_mask: bool,
    ) {
        let fire = |vector, _| send(env, counters, vector);
        self.table.set_control(enable, function_mask, fire);
    }

    /// Writes the table.
    pub fn table_write(
        &mut self,
        env: &mut dyn Env,
        counters: &mut Counters,
        offset: u64,
        data: &[u8],
    ) {
        let fire = |vector, _| send(env, counters, vector);
        self.table.table_write(offset, data, fire);
    }

    /// The table and the pending bits, to read.
    #[must_use]
    pub const fn table(&self) -> &MsixTable {
        &self.table
    }

    /// Whether `vector` waits to be sent.
    #[must_use]
    pub fn is_pending(&self, vector: u16) -> bool {
        self.table.pending(vector)
    }

    /// Forgets what is pending; the table, and what the host connected, stay `[RESET-1]`.
    pub fn reset(&mut self) {
        for vector in (0..VECTORS).filter(|_| !mutant("RESET-1/pending")) {
            self.table.withdraw(vector);
        }
    }

    /// Resets the table too, as a reset of the function does.
    pub fn reset_function(&mut self) {
        self.table.reset();
    }

    /// Whether a request may name `vector` `[INT-5]`.
    #[must_use]
    pub const fn is_valid(vector: u16) -> bool {
        vector < VECTORS || vector == VECTOR_NONE
    }
}

fn send(env: &mut dyn Env, counters: &mut Counters, vector: u16) {
    if env.fault(Site::Interrupt) == Some(Fault::Drop) {
        counters.count(CounterId::FAULTS_INJECTED);
        return;
    }
    counters.count(CounterId::INTERRUPTS);
    env.raise(vector);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FaultPlan, Rule};
    use crate::testing::TestEnv;

    fn bed() -> (TestEnv, Counters, Interrupts) {
        (
            TestEnv::new(),
            Counters::default(),
            Interrupts::new(Delivery::External),
        )
    }

    #[test]
    fn a_masked_vector_is_pending_and_fires_once_when_connected() {
        // [INT-4]
        let (mut env, mut counters, mut interrupts) = bed();
        interrupts.raise(&mut env, &mut counters, 3);
        interrupts.raise(&mut env, &mut counters, 3);
        assert!(interrupts.is_pending(3));
        assert_eq!(env.take_raised(3), 0);
        interrupts.set_state(&mut env, &mut counters, 3, VectorState::Connected);
        assert_eq!(env.take_raised(3), 1);
        assert!(!interrupts.is_pending(3));
        interrupts.raise(&mut env, &mut counters, 3);
        assert_eq!(env.take_raised(3), 1);
        assert_eq!(counters.get(CounterId::INTERRUPTS), 2);
    }

    #[test]
    fn vectors_that_do_not_exist_raise_nothing() {
        // [INT-2] [INT-5]
        let (mut env, mut counters, mut interrupts) = bed();
        for vector in [VECTORS, VECTOR_NONE] {
            interrupts.set_state(&mut env, &mut counters, vector, VectorState::Connected);
            interrupts.raise(&mut env, &mut counters, vector);
            assert!(!interrupts.is_pending(vector));
        }
        assert!(env.raised.is_empty());
        assert!(Interrupts::is_valid(VECTORS - 1) && Interrupts::is_valid(VECTOR_NONE));
        assert!(!Interrupts::is_valid(VECTORS));
    }

    #[test]
    fn a_reset_forgets_what_is_pending_and_keeps_connections() {
        // [RESET-1]
        let (mut env, mut counters, mut interrupts) = bed();
        interrupts.set_state(&mut env, &mut counters, 0, VectorState::Connected);
        interrupts.raise(&mut env, &mut counters, 1);
        interrupts.reset();
        interrupts.set_state(&mut env, &mut counters, 1, VectorState::Connected);
        assert_eq!(env.take_raised(1), 0);
        interrupts.raise(&mut env, &mut counters, 0);
        assert_eq!(env.take_raised(0), 1);
    }

    #[test]
    fn a_lost_message_is_an_injected_fault_and_counted_as_one() {
        // [ERR-2]
        let (mut env, mut counters, mut interrupts) = bed();
        env.plan = FaultPlan::new(
            0,
            vec![Rule {
                site: Site::Interrupt,
                fault: Fault::Drop,
                after: 0,
                every: 2,
                times: None,
                per_million: None,
                per_flow: false,
                delay_ns: 0,
            }],
        );
        interrupts.set_state(&mut env, &mut counters, 0, VectorState::Connected);
        interrupts.raise(&mut env, &mut counters, 0);
        interrupts.raise(&mut env, &mut counters, 0);
        assert_eq!(env.take_raised(0), 1);
        assert_eq!(counters.get(CounterId::FAULTS_INJECTED), 1);
        assert_eq!(counters.get(CounterId::INTERRUPTS), 1);
    }
}
