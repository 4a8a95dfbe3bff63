//! An interrupt message after the first: its completion event queue, serviced at DISPATCH_LEVEL.

use core::sync::atomic::{AtomicU32, Ordering};

use rnic_driver_core::{CompletionEq, CqSignal, Eqn, Error};

use super::{Engine, NtNic};
use crate::hw::NtPlatform;
use crate::nt::SpinLock;

const IDLE: u32 = 0;
const RUNNING: u32 = 1;
const AGAIN: u32 = 2;

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
    state: AtomicU32,
}

impl Vector {
    pub(super) fn new(message: u16, eq: CompletionEq<NtPlatform>) -> Self {
        Self {
            message,
            eqn: eq.eqn(),
            eq: SpinLock::new(eq),
            state: AtomicU32::new(IDLE),
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
        if self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
                IDLE => Some(RUNNING),
                // Written again where it is there already, for what was written before.
                RUNNING | AGAIN => Some(AGAIN),
                _ => None,
            })
            != Ok(IDLE)
        {
            return false;
        }
        for _ in 0..ROUNDS {
            if let Err(error) = self.drain(&engine.nic, &mut signal) {
                engine.fail(error);
            }
            let done =
                self.state
                    .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            match done {
                Ok(_) => return false,
                Err(_) => drop(self.state.swap(RUNNING, Ordering::AcqRel)),
            }
        }
        self.state.swap(IDLE, Ordering::AcqRel);
        true
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
