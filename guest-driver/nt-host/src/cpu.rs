//! Virtual processors: IRQL, and the queue of deferred procedure calls of each.
//!
//! IRQL belongs to a thread. Raising it to DISPATCH_LEVEL takes the thread's virtual processor, so at most one thread of
//! a processor is at DISPATCH_LEVEL, as on a real one. What differs: an interrupt service routine runs beside the
//! DISPATCH_LEVEL code of its processor instead of on top of it.
//!
//! `unsafe`: locking and unlocking a raw mutex.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::lock_api::RawMutex as _;
use parking_lot::{Condvar, Mutex, RawMutex};

use crate::breach::{Rule, breach};

/// Ordinary code.
pub const PASSIVE_LEVEL: u8 = 0;
/// Code that asynchronous calls may not interrupt; fast mutexes.
pub const APC_LEVEL: u8 = 1;
/// Deferred calls and spin locks.
pub const DISPATCH_LEVEL: u8 = 2;
/// Interrupt service routines of devices.
pub const DEVICE_LEVEL: u8 = 8;
/// Nothing interrupts.
pub const HIGH_LEVEL: u8 = 15;

/// Virtual processors.
pub const CPUS: usize = 4;

/// A deferred call.
pub struct Dpc {
    /// What identifies it, so that it can be found and removed: the address of a KDPC or a host object; 0 for none.
    pub key: usize,
    /// The call.
    pub run: Box<dyn FnOnce() + Send>,
}

struct Cpu {
    busy: RawMutex,
    queue: Mutex<Queue>,
    ready: Condvar,
}

struct Queue {
    calls: VecDeque<Dpc>,
    /// Key of the call that runs.
    running: Option<usize>,
    /// Calls that were ever put in, and that ended: a flush waits until the second reaches the first.
    queued: u64,
    ended: u64,
}

static MACHINE: [Cpu; CPUS] = [const {
    Cpu {
        busy: RawMutex::INIT,
        queue: Mutex::new(Queue {
            calls: VecDeque::new(),
            running: None,
            queued: 0,
            ended: 0,
        }),
        ready: Condvar::new(),
    }
}; CPUS];

static NEXT: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static IRQL: Cell<u8> = const { Cell::new(PASSIVE_LEVEL) };
    static CPU: Cell<Option<usize>> = const { Cell::new(None) };
}

/// This thread's IRQL.
pub fn irql() -> u8 {
    IRQL.get()
}

/// This thread's virtual processor.
pub fn number() -> usize {
    CPU.get().unwrap_or_else(|| {
        let cpu = NEXT.fetch_add(1, Ordering::Relaxed) as usize % CPUS;
        CPU.set(Some(cpu));
        cpu
    })
}

/// Raises to `level`; gives the level before.
pub fn raise(level: u8) -> u8 {
    let before = IRQL.get();
    if level < before {
        breach(
            Rule::IrqlChange,
            format_args!("raised from {before} to {level}"),
        );
    }
    if before < DISPATCH_LEVEL && (DISPATCH_LEVEL..DEVICE_LEVEL).contains(&level) {
        MACHINE[number()].busy.lock();
    }
    IRQL.set(level);
    before
}

/// Lowers to `level`.
pub fn lower(level: u8) {
    let before = IRQL.get();
    if level > before {
        breach(
            Rule::IrqlChange,
            format_args!("lowered from {before} to {level}"),
        );
    }
    IRQL.set(level);
    if (DISPATCH_LEVEL..DEVICE_LEVEL).contains(&before) && level < DISPATCH_LEVEL {
        // SAFETY: this thread took it in `raise`, being at DISPATCH_LEVEL on this processor.
        unsafe { MACHINE[number()].busy.unlock() };
    }
}

/// Runs at an IRQL, and comes back to the one before.
pub fn at<T>(level: u8, run: impl FnOnce() -> T) -> T {
    let before = raise(level);
    let result = run();
    lower(before);
    result
}

/// Runs as an interrupt service routine: at device level, whatever the processor does.
pub fn as_interrupt<T>(run: impl FnOnce() -> T) -> T {
    let before = IRQL.replace(DEVICE_LEVEL);
    let result = run();
    IRQL.set(before);
    result
}

/// Runs as in a bug check: at HIGH_LEVEL.
pub fn as_bug_check<T>(run: impl FnOnce() -> T) -> T {
    let before = IRQL.replace(HIGH_LEVEL);
    let result = run();
    IRQL.set(before);
    result
}

/// Queues a deferred call on a processor.
pub fn queue_dpc(cpu: usize, dpc: Dpc) {
    let machine = &MACHINE[cpu % CPUS];
    let mut queue = machine.queue.lock();
    queue.calls.push_back(dpc);
    queue.queued += 1;
    // Not one: that could be somebody who flushes, and not the processor.
    machine.ready.notify_all();
}

/// Runs the processor's deferred calls on this thread if it is idle: what an interrupt does on its way out. Saves the
/// change of threads.
pub fn run_dpcs_if_idle(cpu: usize) {
    let machine = &MACHINE[cpu % CPUS];
    if irql() >= DISPATCH_LEVEL || !machine.busy.try_lock() {
        return;
    }
    let home = CPU.replace(Some(cpu % CPUS));
    let before = IRQL.replace(DISPATCH_LEVEL);
    drain(machine);
    IRQL.set(before);
    CPU.set(home);
    // SAFETY: taken by `try_lock` above.
    unsafe { machine.busy.unlock() };
}

/// Runs what is queued; the caller has the processor, at DISPATCH_LEVEL.
fn drain(machine: &Cpu) {
    loop {
        let mut queue = machine.queue.lock();
        let Some(dpc) = queue.calls.pop_front() else {
            return;
        };
        queue.running = Some(dpc.key);
        drop(queue);
        (dpc.run)();
        let mut queue = machine.queue.lock();
        queue.running = None;
        queue.ended += 1;
        machine.ready.notify_all();
    }
}

/// Removes a queued call. True if it was queued.
pub fn remove_dpc(key: usize) -> bool {
    MACHINE.iter().any(|machine| {
        let mut queue = machine.queue.lock();
        let before = queue.calls.len();
        queue.calls.retain(|dpc| dpc.key != key);
        let removed = before - queue.calls.len();
        queue.ended += removed as u64;
        machine.ready.notify_all();
        removed > 0
    })
}

/// Whether a call with this key is queued or runs.
pub fn has_dpc(key: usize) -> bool {
    MACHINE.iter().any(|machine| {
        let queue = machine.queue.lock();
        queue.running == Some(key) || queue.calls.iter().any(|dpc| dpc.key == key)
    })
}

/// A queued call whose key lies in a range.
pub fn dpc_in(range: &std::ops::Range<usize>) -> Option<usize> {
    MACHINE.iter().find_map(|machine| {
        let queue = machine.queue.lock();
        let keys = queue.calls.iter().map(|dpc| dpc.key);
        keys.into_iter().find(|key| range.contains(key))
    })
}

/// Waits until every call that was queued before has ended. Below DISPATCH_LEVEL only.
pub fn flush_dpcs() {
    for machine in &MACHINE {
        let mut queue = machine.queue.lock();
        let goal = queue.queued;
        while queue.ended < goal {
            machine.ready.wait(&mut queue);
        }
    }
}

/// Starts the threads that run deferred calls. Again does nothing.
pub fn start() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for (index, machine) in MACHINE.iter().enumerate() {
            crate::thread::spawn(&format!("cpu{index}"), move || {
                CPU.set(Some(index));
                loop {
                    let mut queue = machine.queue.lock();
                    while queue.calls.is_empty() {
                        machine.ready.wait(&mut queue);
                    }
                    drop(queue);
                    at(DISPATCH_LEVEL, || drain(machine));
                }
            });
        }
    });
}
