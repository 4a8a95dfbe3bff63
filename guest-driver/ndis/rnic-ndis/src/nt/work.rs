//! A worker: one function at PASSIVE_LEVEL, called when kicked and never twice at once.

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::PVOID;

use super::wait::sleep_us;
use super::{NoMemory, Passive};

const IDLE: u32 = 0;
const RUNNING: u32 = 1;
/// Kicked while it ran: it runs once more.
const AGAIN: u32 = 2;
const STOPPED: u32 = 3;

/// An NDIS work item with a function. Its owner is at a fixed address, calls [`Worker::stop`] before it ends, and is
/// what the function gets.
pub struct Worker {
    item: NDIS_HANDLE,
    state: AtomicU32,
    /// Kicks do nothing any more.
    stopping: AtomicBool,
    run: fn(&Passive, *const c_void),
    context: AtomicPtr<c_void>,
}

// SAFETY: the handle is NDIS's and usable on any thread; the rest is atomic.
unsafe impl Send for Worker {}
// SAFETY: as above.
unsafe impl Sync for Worker {}

impl Worker {
    /// A worker that sleeps until [`Worker::start`].
    pub fn try_new(
        adapter: NDIS_HANDLE,
        run: fn(&Passive, *const c_void),
    ) -> Result<Self, NoMemory> {
        // SAFETY: the adapter's handle is NDIS's.
        let item = unsafe { NdisAllocateIoWorkItem(adapter) };
        if item.is_null() {
            return Err(NoMemory);
        }
        Ok(Self {
            item,
            state: AtomicU32::new(STOPPED),
            stopping: AtomicBool::new(false),
            run,
            context: AtomicPtr::new(core::ptr::null_mut()),
        })
    }

    /// Lets it be kicked; `context` is what its function gets.
    pub fn start(&self, context: *const c_void) {
        self.context.store(context.cast_mut(), Ordering::Relaxed);
        self.state.store(IDLE, Ordering::Release);
    }

    /// Makes it run soon. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn kick(&self) {
        if self.stopping.load(Ordering::Acquire) {
            return;
        }
        // Where it is to run once more already, that is written again: what the caller wrote before is seen by that run.
        let next = |state| match state {
            IDLE => Some(RUNNING),
            RUNNING | AGAIN => Some(AGAIN),
            _ => None,
        };
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        if before == Ok(IDLE) {
            let this: *const Self = self;
            // SAFETY: not queued, since it was idle; it is at a fixed address until it has stopped.
            unsafe { NdisQueueIoWorkItem(self.item, Self::entry, this.cast_mut().cast()) };
        }
    }

    /// Kicks do nothing from now on; waits until it is idle.
    pub fn stop(&self, passive: &Passive) {
        // First, or kicks that do not stop would keep it from ever being idle.
        self.stopping.store(true, Ordering::Release);
        while self
            .state
            .compare_exchange(IDLE, STOPPED, Ordering::AcqRel, Ordering::Acquire)
            .is_err_and(|state| state != STOPPED)
        {
            sleep_us(passive, 1000);
        }
    }

    unsafe extern "win64" fn entry(this: PVOID, _: NDIS_HANDLE) {
        // SAFETY: the worker's address; it does not end before it has become idle, below.
        let this = unsafe { &*this.cast::<Self>() };
        // SAFETY: NDIS calls work items at PASSIVE_LEVEL.
        let passive = unsafe { Passive::assume() };
        loop {
            (this.run)(&passive, this.context.load(Ordering::Relaxed));
            let done =
                this.state
                    .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            match done {
                // From here the worker may be freed.
                Ok(_) => return,
                // Taken, not just written: with it comes what those wrote who kicked.
                Err(_) => drop(this.state.swap(RUNNING, Ordering::AcqRel)),
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SAFETY: allocated by `try_new`; stopped, so it is not queued.
        unsafe { NdisFreeIoWorkItem(self.item) }
    }
}
