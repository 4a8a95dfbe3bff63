//! Beginning and ending lives of the device while the adapter stays: reset, power, surprise removal.
//!
//! Handlers only say what is wanted; the worker does it, because bringing a device up waits.

use ndis_sys::ndis::*;
use rnic_driver_core::Error;

use super::Adapter;
use crate::engine::Engine;
use crate::hw::NtPlatform;
use crate::nt::Passive;
use crate::oid::buffer::Request;
use crate::{error, info, warning};

/// What is wanted.
#[derive(Default)]
pub(super) struct Recovery {
    /// MiniportResetEx is pending.
    reset: bool,
    /// OID_PNP_SET_POWER is pending, with the state to enter.
    power: Option<(Request, i32)>,
    /// The device is in a state where it cannot be used.
    low_power: bool,
}

impl Adapter {
    /// MiniportCheckForHangEx: whether NDIS shall reset the adapter. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn hangs(&self) -> bool {
        let recovery = self.recovery.lock();
        let busy = recovery.reset || recovery.power.is_some() || recovery.low_power;
        drop(recovery);
        !busy && !self.is_up() && !self.hardware.is_gone()
    }

    /// MiniportResetEx. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn reset(&self) -> NDIS_STATUS {
        {
            let mut recovery = self.recovery.lock();
            if recovery.reset {
                return NDIS_STATUS_RESET_IN_PROGRESS;
            }
            recovery.reset = true;
        }
        self.kick();
        NDIS_STATUS_PENDING
    }

    /// OID_PNP_SET_POWER: completes the request when the state is reached.
    pub fn set_power(&self, request: Request, state: i32) {
        self.recovery.lock().power = Some((request, state));
        if state != NdisDeviceStateD0 {
            self.ethernet.set_asleep(true);
        }
        self.kick();
    }

    /// The function was pulled out.
    pub fn removed(&self, passive: &Passive) {
        warning!("removed by surprise");
        self.hardware.set_gone();
        self.give_up(Error::Gone);
        self.watchdog.stop(passive);
        self.ndk.removed();
        self.kick();
    }

    /// MiniportShutdownEx with power on: the device uses no memory afterwards.
    pub fn shutdown(&self) {
        if let Some(engine) = self.engine() {
            engine.nic.begin_reset();
        }
    }

    fn give_up(&self, error: Error) {
        if let Some(engine) = self.engine() {
            engine.fail(error);
        }
    }

    /// The worker's share.
    pub(super) fn recover(&self, passive: &Passive) {
        let (reset, power) = {
            let mut recovery = self.recovery.lock();
            if !recovery.reset && recovery.power.is_none() {
                return;
            }
            if let Some(engine) = self.engine().filter(|engine| !engine.is_quiet()) {
                // It was wanted in the middle of this turn. The next one ends this life, and everything in it, first.
                drop(recovery);
                engine.fail(Error::Ended);
                self.kick();
                return;
            }
            (recovery.reset, recovery.power.take())
        };
        if let Some((request, state)) = power {
            let low = state != NdisDeviceStateD0;
            self.recovery.lock().low_power = low;
            if low {
                // No timer runs while the adapter sleeps. (OID_PNP_SET_POWER)
                self.watchdog.stop(passive);
            }
            self.end_life();
            self.ethernet.set_asleep(low);
            // A device that does not come up is one that hangs: NDIS finds out and resets it.
            if !low && let Err(error) = self.begin_life(passive) {
                error!("the device did not wake up: {error}");
            }
            if !low && !self.hardware.is_gone() {
                self.watchdog.start();
            }
            info!("power state D{}", state - NdisDeviceStateD0);
            request.complete(self.handle, NDIS_STATUS_SUCCESS);
        }
        if reset {
            self.end_life();
            let status = match self.begin_life(passive) {
                Ok(()) => NDIS_STATUS_SUCCESS,
                Err(error) => {
                    error!("the device was not revived: {error}");
                    NDIS_STATUS_FAILURE
                }
            };
            self.recovery.lock().reset = false;
            // SAFETY: MiniportResetEx returned pending. Filters and addresses are restored already.
            unsafe { NdisMResetComplete(self.handle, status, 0) };
        }
    }

    /// Takes the life away that [`recover`](Self::recover) found ended: the device was reset, and everybody was told.
    fn end_life(&self) {
        let ended = self.engine.lock().take();
        drop(ended);
    }

    fn begin_life(&self, passive: &Passive) -> Result<(), Error> {
        if self.hardware.is_gone() {
            return Err(Error::Gone);
        }
        let engine = Engine::bring_up(passive, NtPlatform(self.hardware.clone()), self.messages)?;
        self.ethernet.engine_up(passive, self, &engine)?;
        *self.engine.lock() = Some(engine.clone());
        self.ndk.engine_up(passive, self, &engine);
        self.addresses_changed();
        self.ethernet.link_changed(self, &engine);
        self.look_at_all();
        Ok(())
    }
}
