//! Calls from the host into the driver.

use crate::breach::{Rule, breach};
use crate::nt::spin;
use crate::{callsite, cpu, loaded, thread};

/// Calls the driver's function: `call` does it, `what` names it. Checks that IRQL is the same afterwards and that no spin
/// lock is held.
pub fn driver<T>(what: &'static str, call: impl FnOnce() -> T) -> T {
    thread::prepare();
    let marker = 0_u8;
    let sp = (&raw const marker) as usize;
    let import = callsite::replace(None);
    let before = thread::entered(sp, import.map_or(0, |call| call.start.sp as usize));
    let irql = cpu::irql();
    let locks = spin::held();
    let result = call();
    let (irql_after, locks_after) = (cpu::irql(), spin::held());
    if locks_after != locks {
        breach(
            Rule::LockHeld,
            format_args!("{what} returned with {locks_after} spin lock(s) held, {locks} before"),
        );
    }
    if irql_after != irql {
        breach(
            Rule::IrqlReturn,
            format_args!("{what} was called at IRQL {irql} and returned at {irql_after}"),
        );
    }
    thread::left(before);
    callsite::replace(import);
    result
}

/// Ends in a breach if no driver is loaded: somebody is about to call one that is gone.
pub fn require_loaded(what: &str) {
    if loaded::current().is_none() {
        breach(
            Rule::CallAfterUnload,
            format_args!("{what} belongs to a driver that was unloaded"),
        );
    }
}
