//! The watchdog: what a device owes and does not announce, or does not do at all.
//!
//! An NDIS timer ticks at DISPATCH_LEVEL while the adapter is initialized and its device has power. Each tick wakes the
//! worker, which looks for answers and events and for what is late ([`crate::engine`]), and looks at each interrupt message:
//!
//! - work that no interrupt announced ([`super::watch`]): the message's DPC is queued as its interrupt would have
//!   done, counted, and a line says so. What the DPC does then is what it always does: it takes what the queues hold. So
//!   a completion queue's callback comes once for each arm, whoever brought the DPC about.
//! - frames that the device does not send ([`STALL_NS`]): the adapter is failed, and MiniportCheckForHangEx asks for a reset.
//!
//! It takes each queue's lock for a moment, allocates nothing, and leaves nothing on the paths that post and poll.

use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, Ordering};

use ndis_sys::ndis::NDIS_HANDLE;
use ndis_sys::nt::PVOID;
use rnic_driver_core::Error;

use super::Adapter;
use super::watch::{Clock, Look, Watch};
use crate::engine::{CONTROL_VECTOR, Engine, WATCHDOG_MS};
use crate::hw::interrupt::stand_in;
use crate::nt::timer::Timer;
use crate::nt::wait::now_ns;
use crate::nt::{NoMemory, Passive, Shared};
use crate::{error, warning};

/// How long the device may keep every frame of a transmit queue while the link is up. Its port may be full for a while;
/// whoever waits that long has no connection any more.
pub const STALL_NS: u64 = 10_000_000_000;

/// The timer, and what it counted.
pub(super) struct Watchdog {
    timer: Timer,
    clock: Clock,
    lost: AtomicU64,
}

unsafe extern "win64" fn tick(_: PVOID, adapter: PVOID, _: PVOID, _: PVOID) {
    // SAFETY: the adapter outlives its timer, which `halt` stops.
    unsafe { &*adapter.cast::<Adapter>() }.tick();
}

impl Watchdog {
    /// One that sleeps, of the adapter that will be at `adapter`.
    pub(super) fn try_new(handle: NDIS_HANDLE, adapter: *const c_void) -> Result<Self, NoMemory> {
        Ok(Self {
            timer: Timer::try_new(handle, tick, adapter)?,
            clock: Clock::new(1_000_000 * u64::from(WATCHDOG_MS)),
            lost: AtomicU64::new(0),
        })
    }

    /// Ticks from now on.
    pub(super) fn start(&self) {
        self.timer.start(WATCHDOG_MS);
    }

    /// Ticks no more; a tick under way has ended when this returns. Again does no harm.
    pub(super) fn stop(&self, passive: &Passive) {
        self.timer.stop(passive);
    }
}

impl Adapter {
    /// Interrupts that were lost since the adapter was initialized, as far as the watchdog noticed.
    pub fn lost_interrupts(&self) -> u64 {
        self.watchdog.lost.load(Ordering::Relaxed)
    }

    fn tick(&self) {
        if self.hardware.is_gone() {
            return;
        }
        let look = self.watchdog.clock.look(now_ns());
        if look != Look::Early
            && let Some(engine) = self.engine().filter(|engine| engine.failure().is_none())
        {
            self.look(&engine, look);
        }
        self.kick();
    }

    fn look(&self, engine: &Shared<Engine>, look: Look) {
        if look == Look::Late {
            self.watches.iter().for_each(Watch::forget);
        }
        let control = u32::from(CONTROL_VECTOR);
        // The worker, which is woken anyway, has done what it told of.
        let owed = self.watch(control).is_some_and(Watch::look_at_owed);
        let mut lost = u32::from(owed) << control;
        for (index, vector) in engine.vectors.iter().enumerate() {
            let message = u32::from(vector.message());
            let Some(watch) = self.watch(message) else {
                continue;
            };
            let waits = vector.has_more() || self.ethernet.has_more(engine, index);
            if watch.look(waits) {
                stand_in(self, message);
                lost |= 1u32.checked_shl(message).unwrap_or(0);
            }
        }
        if lost != 0 {
            self.say(lost);
        }
        if self.ethernet.is_stalled(engine, look == Look::InTime)
            && engine.nic.link_up() == Ok(true)
        {
            self.fail(
                engine,
                Error::Late("the end of a frame that was to be sent"),
            );
        }
    }

    /// Counts lost messages, a bit each, and says so: the first time where everybody sees it.
    fn say(&self, messages: u32) {
        let count = u64::from(messages.count_ones());
        let before = self.watchdog.lost.fetch_add(count, Ordering::Relaxed);
        let total = before + count;
        if before == 0 {
            error!(
                "lost interrupts, messages {messages:#x}: what they announce is late, and done now"
            );
        } else {
            warning!(
                "lost interrupts, messages {messages:#x}; {total} since the adapter was initialized"
            );
        }
    }
}
