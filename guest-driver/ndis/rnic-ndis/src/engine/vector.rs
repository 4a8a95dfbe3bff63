//! An interrupt message after the first: its completion event queue, serviced at DISPATCH_LEVEL.

use rnic_driver_core::{CompletionEq, CqSignal, Eqn, Error};

use super::{Engine, NtNic};
use crate::hw::NtPlatform;
use crate::nt::SpinLock;
use crate::nt::turns::Turns;

/// Events that are taken at once; arming with events left brings the next interrupt at once.
const BUDGET: u32 = 4096;
/// How often one DPC begins anew because an interrupt came meanwhile.
const ROUNDS: u32 = 4;

/// One message.
pub struct Vector {
    message: u16,
    eqn: Eqn,
    eq: SpinLock<CompletionEq<NtPlatform>>,
    /// A DPC may run on two CPUs at once; the second leaves its work to the first.
    turns: Turns,
}

impl Vector {
    pub(super) fn new(message: u16, eq: CompletionEq<NtPlatform>) -> Self {
        Self {
            message,
            eqn: eq.eqn(),
            eq: SpinLock::new(eq),
            turns: Turns::idle(),
        }
    }

    /// Interrupt message number.
    pub fn message(&self) -> u16 {
        self.message
    }

    /// Handle of the completion event queue: what CREATE_CQ names.
    pub fn eqn(&self) -> Eqn {
        self.eqn
    }

    /// Whether there are events to take. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn has_more(&self) -> bool {
        self.eq.lock().has_more()
    }

    /// Takes events until none is left, and arms. At DISPATCH_LEVEL; `signal` is called with no lock held, never by two
    /// CPUs at once. True if interrupts came faster than it ended: it is to be called again.
    pub fn service(&self, engine: &Engine, mut signal: impl FnMut(&CqSignal)) -> bool {
        self.turns.ask()
            && self.turns.take(ROUNDS, || {
                if let Err(error) = self.drain(&engine.nic, &mut signal) {
                    engine.fail(error);
                }
            })
    }

    fn drain(&self, nic: &NtNic, signal: &mut impl FnMut(&CqSignal)) -> Result<(), Error> {
        for _ in 0..BUDGET {
            let next = self.eq.lock().poll(nic)?;
            let Some(event) = next else {
                break;
            };
            signal(&event);
        }
        self.eq.lock().arm(nic);
        Ok(())
    }
}
