//! Making and unmaking an adapter: MiniportInitializeEx, MiniportHaltEx.

use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use ndis_sys::ndis::*;
use rnic_driver_core::Error;

use super::addresses::Addresses;
use super::recovery::Recovery;
use super::settings::Settings;
use super::watch::Watch;
use super::watchdog::Watchdog;
use super::{Adapter, attributes};
use crate::engine::Engine;
use crate::ethernet::Ethernet;
use crate::ethernet::config::MULTICAST;
use crate::hw::interrupt::Interrupts;
use crate::hw::platform::SetupError;
use crate::hw::resources::Resources;
use crate::hw::{Hardware, NtPlatform};
use crate::ndk::Provider;
use crate::nt::events::Entry;
use crate::nt::log::Shown;
use crate::nt::pool::Place;
use crate::nt::work::Worker;
use crate::nt::{NoMemory, Passive, SpinLock};
use crate::{error, info, warning};

impl From<SetupError> for Stop {
    fn from(error: SetupError) -> Self {
        error!("the function could not be claimed: {error:?}");
        Self(match error {
            SetupError::Resources => NDIS_STATUS_RESOURCE_CONFLICT,
            SetupError::Ndis(_, status) => status,
            SetupError::NoMemory => NDIS_STATUS_RESOURCES,
        })
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        error!("the device could not be brought up: {error}");
        Self(match error {
            Error::NoMemory => NDIS_STATUS_RESOURCES,
            _ => NDIS_STATUS_FAILURE,
        })
    }
}

impl From<NoMemory> for Stop {
    fn from(_: NoMemory) -> Self {
        Self(NDIS_STATUS_RESOURCES)
    }
}

/// Why an adapter was not made.
pub struct Stop(pub NDIS_STATUS);

/// Says what failed.
pub(super) fn check(status: NDIS_STATUS, what: &str) -> Result<(), Stop> {
    if status == NDIS_STATUS_SUCCESS {
        return Ok(());
    }
    error!("{what}: {status:#010x}");
    Err(Stop(status))
}

fn run(passive: &Passive, adapter: *const c_void) {
    // SAFETY: the adapter outlives its worker, which `halt` stops.
    unsafe { &*adapter.cast::<Adapter>() }.turn(passive);
}

impl Adapter {
    /// MiniportInitializeEx. What fails undoes what came before, by dropping it.
    ///
    /// # Safety
    /// `parameters` is NDIS's.
    pub unsafe fn initialize(
        passive: &Passive,
        handle: NDIS_HANDLE,
        parameters: &NDIS_MINIPORT_INIT_PARAMETERS,
    ) -> Result<Box<Self>, Stop> {
        let settings = Settings::read(passive, handle).map_err(Stop)?;
        let shown = Shown::up_to(settings.log_level);
        // SAFETY: NDIS's list.
        let resources = unsafe { Resources::read(parameters.AllocatedResources) };
        let place = Place::<Self>::try_new()?;
        attributes::register(handle, place.address())?;
        let hardware = Hardware::claim(passive, handle, &resources)?;
        let engine = Engine::bring_up(passive, NtPlatform(hardware.clone()), resources.messages)?;
        let worker = Worker::try_new(handle, run)?;
        let watchdog = Watchdog::try_new(handle, place.address().cast())?;
        let adapter = place.fill(Self {
            handle,
            settings,
            if_index: parameters.IfIndex,
            net_luid: parameters.NetLuid,
            ethernet: Ethernet::new(&settings, &engine.nic),
            ndk: Provider::try_new(passive, handle, &settings)?,
            hardware,
            messages: resources.messages,
            engine: SpinLock::new(Some(engine.clone())),
            worker,
            watchdog,
            interrupts: SpinLock::new(None),
            interrupt: AtomicPtr::new(ptr::null_mut()),
            homes: [const { AtomicUsize::new(0) }; super::TARGETS],
            targets: [const { AtomicU32::new(0) }; super::TARGETS],
            watches: [const { Watch::new() }; super::TARGETS],
            permanent_address: engine.nic.identity().mac,
            multicast_limit: engine.nic.limits().multicast.get().min(MULTICAST as u32),
            link_speed: attributes::link_speed(&engine.nic),
            recovery: SpinLock::new(Recovery::default()),
            addresses: Addresses::new(),
            _shown: shown,
        });
        let result = adapter.begin(passive);
        if let Err(stop) = result {
            adapter.ndk.stop(passive, &adapter);
            adapter.end(passive);
            return Err(stop);
        }
        info!(
            "initialized: firmware {:?}, {} messages",
            engine.nic.identity().firmware,
            resources.messages
        );
        Ok(adapter)
    }

    fn begin(&self, passive: &Passive) -> Result<(), Stop> {
        let Some(engine) = self.engine() else {
            return Err(Stop(NDIS_STATUS_FAILURE));
        };
        attributes::general(self, &engine)?;
        if self.settings.path_mtu_is_reduced() {
            warning!(
                "*NetworkDirectRoCEFrameSize does not fit *JumboPacket: connections have a shorter path MTU"
            );
            Entry::UnsupportedConfiguration.write(self.handle);
        }
        check(
            self.ndk.attributes(passive, self, &engine),
            "NDK attributes",
        )?;
        self.ethernet.engine_up(passive, self, &engine)?;
        self.worker.start(core::ptr::from_ref(self).cast());
        let interrupts = Interrupts::register(passive, self.handle, self)?;
        if interrupts.messages() < self.messages {
            return Err(SetupError::Resources.into());
        }
        for (message, home) in self.homes.iter().enumerate() {
            home.store(interrupts.processors(message), Ordering::Relaxed);
        }
        self.interrupt.store(interrupts.handle(), Ordering::Release);
        *self.interrupts.lock() = Some(interrupts);
        self.ndk.engine_up(passive, self, &engine);
        self.watchdog.start();
        self.addresses.watch(passive, self);
        // What came before the interrupts were there.
        self.look_at_all();
        Ok(())
    }

    /// MiniportHaltEx.
    pub fn halt(self: Box<Self>, passive: &Passive) {
        self.ndk.stop(passive, &self);
        self.end(passive);
        info!("halted");
    }

    /// Ends everything that runs; then dropping frees what is left.
    fn end(&self, passive: &Passive) {
        self.addresses.unwatch(passive);
        // Before the interrupts go, whose DPCs it queues.
        self.watchdog.stop(passive);
        if let Some(engine) = self.engine() {
            engine.fail(Error::Ended);
            // The worker ends what is under way, and stops.
            self.kick();
        }
        self.worker.stop(passive);
        // Where the worker never ran.
        self.ethernet.engine_down(self);
        self.interrupt.store(ptr::null_mut(), Ordering::Release);
        let interrupts = self.interrupts.lock().take();
        drop(interrupts);
        let engine = self.engine.lock().take();
        if let Some(engine) = &engine {
            engine.silence(passive);
        }
        drop(engine);
    }
}
