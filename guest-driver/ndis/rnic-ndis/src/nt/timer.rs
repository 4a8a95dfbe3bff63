//! A periodic call at DISPATCH_LEVEL.

use core::ffi::c_void;
use core::ptr;

use ndis_sys::ndis::*;
use ndis_sys::nt::{KeFlushQueuedDpcs, PVOID};

use super::{NoMemory, Passive};
use crate::POOL_TAG;

/// An NDIS timer that calls `tick(context)`.
pub struct Timer {
    timer: NDIS_HANDLE,
}

// SAFETY: NDIS's functions on timers are made for several threads.
unsafe impl Send for Timer {}
// SAFETY: as above.
unsafe impl Sync for Timer {}

/// What a timer calls: its second argument is the context.
pub type Tick = unsafe extern "win64" fn(PVOID, PVOID, PVOID, PVOID);

impl Timer {
    /// A timer that does not run yet.
    pub fn try_new(
        adapter: NDIS_HANDLE,
        tick: Tick,
        context: *const c_void,
    ) -> Result<Self, NoMemory> {
        let characteristics = NDIS_TIMER_CHARACTERISTICS {
            Header: NDIS_TIMER_CHARACTERISTICS::HEADER,
            AllocationTag: POOL_TAG,
            TimerFunction: Some(tick),
            FunctionContext: context.cast_mut(),
        };
        let mut timer = ptr::null_mut();
        // SAFETY: good for the call.
        let status =
            unsafe { NdisAllocateTimerObject(adapter, &raw const characteristics, &raw mut timer) };
        if status == NDIS_STATUS_SUCCESS {
            Ok(Self { timer })
        } else {
            Err(NoMemory)
        }
    }

    /// Calls every so many milliseconds from now on.
    pub fn start(&self, milliseconds: u32) {
        let period = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        // SAFETY: allocated; a null context means the one it was made with.
        unsafe {
            NdisSetTimerObject(
                self.timer,
                -i64::from(period) * 10_000,
                period,
                ptr::null_mut(),
            );
        }
    }

    /// Calls no more until it is started again; a call under way has ended when this returns.
    pub fn stop(&self, _: &Passive) {
        // SAFETY: allocated; at PASSIVE_LEVEL.
        unsafe {
            NdisCancelTimerObject(self.timer);
            KeFlushQueuedDpcs();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: allocated, and stopped by its owner.
        unsafe { NdisFreeTimerObject(self.timer) }
    }
}
