//! A worker: one function at PASSIVE_LEVEL, called when kicked and never twice at once.

use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, Ordering};

use ndis_sys::ndis::*;
use ndis_sys::nt::PVOID;

use super::turns::Turns;
use super::wait::sleep_us;
use super::{NoMemory, Passive};

/// An NDIS work item with a function. Its owner is at a fixed address, calls [`Worker::stop`] before it ends, and is
/// what the function gets.
pub struct Worker {
    item: NDIS_HANDLE,
    turns: Turns,
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
            turns: Turns::ended(),
            run,
            context: AtomicPtr::new(core::ptr::null_mut()),
        })
    }

    /// Lets it be kicked; `context` is what its function gets.
    pub fn start(&self, context: *const c_void) {
        self.context.store(context.cast_mut(), Ordering::Relaxed);
        self.turns.begin();
    }

    /// Makes it run soon. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn kick(&self) {
        if self.turns.ask() {
            let this: *const Self = self;
            // SAFETY: not queued, since it was idle; it is at a fixed address until it has stopped.
            unsafe { NdisQueueIoWorkItem(self.item, Self::entry, this.cast_mut().cast()) };
        }
    }

    /// Kicks do nothing from now on; waits until it is idle.
    pub fn stop(&self, passive: &Passive) {
        while !self.turns.end() {
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
            if this.turns.done() {
                // The worker may be freed already.
                return;
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
