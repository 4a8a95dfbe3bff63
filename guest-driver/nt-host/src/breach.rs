//! What the verifier says when a driver breaks a rule: rule, fact, driver stack; then the process ends.
//!
//! A breach cannot be an error value: it is found deep below driver frames, which cannot be unwound, and what follows a
//! breach proves nothing. So it ends the process with [`EXIT_CODE`], as a bug check ends Windows.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::callsite;

/// Exit code of a process whose driver broke a rule.
pub const EXIT_CODE: i32 = 70;

macro_rules! rules {
    ($($name:ident $id:literal $doc:literal,)*) => {
        /// A rule of the verifier. README.md lists them with the bad driver that breaks each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $doc] $name,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Rule] = &[$(Rule::$name,)*];
            /// Stable name in reports and tests.
            pub const fn id(self) -> &'static str { match self { $(Rule::$name => $id,)* } }
            /// What the rule asks.
            pub const fn asks(self) -> &'static str { match self { $(Rule::$name => $doc,)* } }
        }
    };
}

rules! {
    IrqlLimit "irql-limit" "An import is called within the IRQL range that its documentation gives.",
    IrqlReturn "irql-return" "A callback returns at the IRQL at which it was called.",
    IrqlChange "irql-change" "IRQL is raised upwards and lowered downwards only.",
    PagedCode "paged-code" "Code in a PAGE section does not run at DISPATCH_LEVEL or above.",
    InitCode "init-code" "Nothing runs or reads discarded INIT sections after DriverEntry.",
    AccessFault "access-fault" "The driver touches only memory that is its own: no guard page, no freed block, no null.",
    Mmio "mmio" "Registers are accessed by plain moves of 1, 2, 4 or 8 bytes inside the mapped range; bits of doorbells may be set by a locked OR.",
    PoolFree "pool-free" "A freed pool block is live, is freed once, and by the address that was returned.",
    PoolTag "pool-tag" "A pool block is freed with the tag that it was allocated with.",
    PoolIrql "pool-irql" "Paged pool is not allocated at DISPATCH_LEVEL.",
    PoolCorrupt "pool-corrupt" "Bytes around a pool block are left alone.",
    PoolLeak "pool-leak" "No pool block outlives the driver.",
    Leak "leak" "No handle, mapping, lock, timer, work item or packet outlives its owner.",
    LockRecursion "lock-recursion" "A spin lock is not taken by its holder.",
    LockOrder "lock-order" "Spin locks are taken in one order.",
    LockOwner "lock-owner" "A spin lock is released by its holder, the way it was acquired, to the IRQL of its acquisition.",
    LockHeld "lock-held" "No spin lock is held when a callback returns.",
    WaitIrql "wait-irql" "Nothing waits at DISPATCH_LEVEL, except for no time at all.",
    Handle "handle" "A handle given to the host is live and of the right kind.",
    Header "header" "An object header has the type, revision and size of its structure.",
    State "state" "A call fits the state of the adapter.",
    Completion "completion" "A request that was answered PENDING is completed once; no other is.",
    NblOwner "nbl-owner" "A packet is completed or returned once, by its owner.",
    NblPaused "nbl-paused" "Nothing is indicated, and no packet is kept, while the adapter is paused.",
    OidOwner "oid-owner" "An OID request is completed once, and only after PENDING.",
    DpcLive "dpc-live" "Timers, work items, DPCs and interrupts have ended when their memory, the adapter or the driver goes.",
    DmaMap "dma-map" "The device is given addresses of live DMA mappings only; a mapping is freed once, unchanged.",
    CallAfterUnload "call-after-unload" "Nothing runs in the driver after it was unloaded.",
    Stack "stack" "A thread uses at most 24 KiB of kernel stack.",
    BugCheck "bug-check" "The driver does not stop the system by itself.",
    CallbackAfterClose "callback-after-close" "No callback comes for an object whose close has ended.",
    CqCallback "cq-callback" "A completion queue's callback comes once for each arm, and never twice at a time.",
    DispatchTable "dispatch-table" "Each slot of a dispatch table is filled, and stays.",
    Hang "hang" "What the host waits for ends.",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

static PATIENCE: AtomicU64 = AtomicU64::new(30_000);

/// How long the host waits for a driver before it says that it hangs.
pub fn patience() -> Duration {
    Duration::from_millis(PATIENCE.load(Ordering::Relaxed))
}

/// Changes that.
pub fn set_patience(patience: Duration) {
    let milliseconds = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
    PATIENCE.store(milliseconds, Ordering::Relaxed);
}

/// Reports a breach and ends the process.
pub fn breach(rule: Rule, fact: impl fmt::Display) -> ! {
    report(rule, &fact, &callsite::stack());
}

/// The same with a stack taken earlier, such as where a leaked block came from.
pub fn breach_at(rule: Rule, fact: impl fmt::Display, stack: &callsite::Stack) -> ! {
    report(rule, &fact, stack);
}

fn report(rule: Rule, fact: &dyn fmt::Display, stack: &callsite::Stack) -> ! {
    let mut text = format!("\nBREACH {rule}: {fact}\n  rule: {}\n", rule.asks());
    if let Some(call) = callsite::current() {
        text += &format!("  in import: {}\n", call.import);
    }
    for line in stack.lines() {
        text += &format!("  at {line}\n");
    }
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
    // SAFETY: ends the process; destructors of a broken machine must not run.
    unsafe { libc::_exit(EXIT_CODE) }
}
