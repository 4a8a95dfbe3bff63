//! Interrupt vectors: connected or masked, pending or not.
//!
//! Device-level causes (`INTR_CAUSE`, `INTR_MASK`) are registers; [`crate::hardware::Hardware`]
//! turns them into a vector.

use rnic_abi::{CounterId, consts::VECTOR_NONE, limit};

use crate::counters::Counters;
use crate::env::Env;
use crate::fault::{Fault, Site};

/// Vectors of a device.
pub const VECTORS: u16 = {
    assert!(limit::VECTORS < VECTOR_NONE as u64);
    limit::VECTORS as u16
};

/// Whether a message of the vector can be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VectorState {
    /// Masked, or nobody takes its messages: a raise makes it pending.
    #[default]
    Masked,
    /// A raise sends its message.
    Connected,
}

#[derive(Clone, Copy, Debug, Default)]
struct Vector {
    state: VectorState,
    pending: bool,
}

/// The vectors of a device.
#[derive(Debug)]
pub struct Interrupts {
    vectors: Box<[Vector]>,
}

impl Default for Interrupts {
    fn default() -> Self {
        Self {
            vectors: vec![Vector::default(); usize::from(VECTORS)].into_boxed_slice(),
        }
    }
}

impl Interrupts {
    /// Raises `vector`: sends its message, or makes it pending `[INT-4]`. VECTOR_NONE and
    /// vectors that do not exist raise nothing `[INT-2]`.
    pub fn raise(&mut self, env: &mut dyn Env, counters: &mut Counters, vector: u16) {
        let Some(entry) = self.vectors.get_mut(usize::from(vector)) else {
            return;
        };
        match entry.state {
            VectorState::Masked => entry.pending = true,
            VectorState::Connected => send(env, counters, vector),
        }
    }

    /// Connects or masks `vector`; what is pending is sent once when it becomes connected
    /// `[INT-4]`.
    pub fn set_state(
        &mut self,
        env: &mut dyn Env,
        counters: &mut Counters,
        vector: u16,
        state: VectorState,
    ) {
        let Some(entry) = self.vectors.get_mut(usize::from(vector)) else {
            return;
        };
        entry.state = state;
        if state == VectorState::Connected && std::mem::take(&mut entry.pending) {
            send(env, counters, vector);
        }
    }

    /// Whether `vector` waits to be sent: its bit of the pending bit array.
    #[must_use]
    pub fn is_pending(&self, vector: u16) -> bool {
        self.vectors
            .get(usize::from(vector))
            .is_some_and(|entry| entry.pending)
    }

    /// Forgets what is pending; the host's side of the vectors stays `[RESET-1]`.
    pub fn reset(&mut self) {
        for entry in &mut self.vectors {
            entry.pending = false;
        }
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
    use crate::testing::TestEnv;

    #[test]
    fn a_masked_vector_is_pending_and_fires_once_when_connected() {
        // [INT-4]
        let (mut env, mut counters) = (TestEnv::new(), Counters::default());
        let mut interrupts = Interrupts::default();
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
        let (mut env, mut counters) = (TestEnv::new(), Counters::default());
        let mut interrupts = Interrupts::default();
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
        let (mut env, mut counters) = (TestEnv::new(), Counters::default());
        let mut interrupts = Interrupts::default();
        interrupts.set_state(&mut env, &mut counters, 0, VectorState::Connected);
        interrupts.raise(&mut env, &mut counters, 1);
        interrupts.reset();
        interrupts.set_state(&mut env, &mut counters, 1, VectorState::Connected);
        assert_eq!(env.take_raised(1), 0);
        interrupts.raise(&mut env, &mut counters, 0);
        assert_eq!(env.take_raised(0), 1);
    }
}
