//! The NDK provider: `rnic-ndk` over NDIS.
//!
//! What the adapter calls, and what it promises:
//!
//! | call | when | IRQL |
//! |---|---|---|
//! | [`set_options`] | once, in DriverEntry | PASSIVE |
//! | [`Provider::attributes`] | in MiniportInitializeEx, after bring-up, before interrupts | PASSIVE |
//! | [`Provider::engine_up`] | a life of the device began | PASSIVE |
//! | [`Provider::engine_down`] | it ended: the device is silent, every verb has ended with the error | PASSIVE, worker |
//! | [`Provider::begin`], [`Provider::answered`] | commands of the provider's own, with cookies from [`crate::engine::FOREIGN`] on | PASSIVE, worker |
//! | [`Provider::addresses`] | the interface has these addresses now; again in each life of the device | PASSIVE, worker |
//! | [`Provider::event`] | a general event; answers given before it were taken before it | PASSIVE, worker |
//! | [`Provider::turn`] | at the end of each turn of the worker | PASSIVE, worker |
//! | [`Provider::cq_signal`] | a completion queue signals; no lock is held, and never twice at once for one vector | DISPATCH |
//! | [`Provider::oid`] | an OID or direct OID that the NIC does not know | <= DISPATCH |
//! | [`Provider::stop`] | in MiniportHaltEx, before the device is reset; waits for what it must | PASSIVE |
//!
//! Each life of the device has a provider of its own ([`Nt`]). One whose life ended stays until its consumers have closed
//! what they have of it; nothing of it reaches the device any more.
//!
//! Three threads: the adapter's worker has the command ring; `routes` waits for neighbours; `states`
//! tells NDIS of enabling and disabling, and waits there for consumers to go.

mod requests;
mod route;
mod system;

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use alloc::vec::Vec;
use ndis_sys::ndis::*;
use ndis_sys::ndk::*;
use rnic_abi::RejectReason;
use rnic_driver_core::{Address, CqSignal, Error, Event};
use rnic_ndk::raw::{Object, Shared as Counted, close_adapter};
use rnic_ndk::{LocalAddress, OpenError};

use crate::adapter::Adapter;
use crate::adapter::settings::Settings;
use crate::engine::{Engine, NtControl, NtDone, PATIENCE_NS};
use crate::nt::wait::sleep_us;
use crate::nt::work::Worker;
use crate::nt::{NoMemory, Passive, Shared, SpinLock};
use crate::{info, warning};
use system::NtSystem;

/// How long consumers may go on when the adapter is halted.
const GRACE_MS: u32 = 1000;

/// How often it is looked whether the device is late, at most.
const LOOK_NS: u64 = 250_000_000;

/// How long the device may take. What a peer has its part in ends when the connection manager has tried as often as the
/// peer asked, which other stacks let take a minute.
const PATIENCE: rnic_ndk::Patience = rnic_ndk::Patience {
    answer_ns: PATIENCE_NS,
    event_ns: 180_000_000_000,
};

/// The provider of one life of the device.
pub type Nt = rnic_ndk::Provider<NtSystem>;

/// Tells NDIS that the driver has an NDK provider.
pub fn set_options(driver: NDIS_HANDLE) -> NDIS_STATUS {
    let characteristics = NDIS_NDK_PROVIDER_CHARACTERISTICS {
        Header: NDIS_NDK_PROVIDER_CHARACTERISTICS::HEADER,
        Flags: 0,
        OpenNDKAdapterHandler: Some(open),
        CloseNDKAdapterHandler: Some(close),
    };
    // SAFETY: a structure that begins with its header; NDIS copies it.
    unsafe { NdisSetOptionalHandlers(driver, ptr::from_ref(&characteristics).cast()) }
}

/// OPEN_NDK_ADAPTER_HANDLER, at PASSIVE_LEVEL. SwitchId and VPortId are there: the driver asks for NDIS 6.50.
unsafe extern "win64" fn open(
    context: NDIS_HANDLE,
    parameters: *const NDIS_OPEN_NDK_ADAPTER_PARAMETERS,
    place: *mut *mut NDK_ADAPTER,
) -> NDIS_STATUS {
    // SAFETY: the adapter that NDIS opens, and its parameters.
    let (adapter, parameters) = unsafe { (&*context.cast::<Adapter>(), parameters.as_ref()) };
    let (Some(parameters), false) = (parameters, place.is_null()) else {
        return NDIS_STATUS_INVALID_PARAMETER;
    };
    let Some(provider) = adapter.ndk.current() else {
        return NDIS_STATUS_ADAPTER_NOT_READY;
    };
    let port = (parameters.SwitchId, parameters.VPortId);
    // SAFETY: NDIS calls this at PASSIVE_LEVEL.
    let passive = unsafe { Passive::assume() };
    match Nt::open(&provider, &passive, parameters.Version, port) {
        Ok(opened) => {
            // SAFETY: NDIS's, checked above.
            unsafe { place.write(Object::into_handle(opened).0.cast()) };
            info!("NDK adapter opened");
            NDIS_STATUS_SUCCESS
        }
        Err(OpenError::Version) => NDIS_STATUS_BAD_VERSION,
        Err(OpenError::NotReady) => NDIS_STATUS_ADAPTER_NOT_READY,
        Err(OpenError::Port) => NDIS_STATUS_INVALID_PARAMETER,
        Err(OpenError::NoMemory) => NDIS_STATUS_RESOURCES,
    }
}

/// CLOSE_NDK_ADAPTER_HANDLER, at PASSIVE_LEVEL.
unsafe extern "win64" fn close(_: NDIS_HANDLE, handle: *mut NDK_ADAPTER) {
    // SAFETY: NDIS calls this at PASSIVE_LEVEL, for an adapter that `open` gave, once.
    let closed = unsafe { close_adapter::<NtSystem>(handle, &Passive::assume()) };
    if closed {
        info!("NDK adapter closed");
    } else {
        warning!("NDIS closes an NDK adapter that is not open");
    }
}

/// The provider of one adapter.
pub struct Provider {
    handle: NDIS_HANDLE,
    /// *NetworkDirect, and that the device reaches consumers' memory at its physical addresses.
    allowed: AtomicBool,
    enabled: AtomicBool,
    /// What NDIS was last told: 1 if enabled.
    told: AtomicU32,
    current: SpinLock<Option<Counted<Nt>>>,
    /// Of lives that ended.
    past: SpinLock<Vec<Counted<Nt>>>,
    routes: Worker,
    states: Worker,
    started: AtomicBool,
}

// SAFETY: the handle is NDIS's and usable on any thread; the rest is shared by locks and atomics.
unsafe impl Send for Provider {}
// SAFETY: as above.
unsafe impl Sync for Provider {}

fn routes(passive: &Passive, adapter: *const c_void) {
    // SAFETY: the adapter outlives this worker, which `stop` stops.
    unsafe { &*adapter.cast::<Adapter>() }.ndk.find(passive);
}

fn states(passive: &Passive, adapter: *const c_void) {
    // SAFETY: as above.
    unsafe { &*adapter.cast::<Adapter>() }.ndk.tell(passive);
}

impl Provider {
    /// One without consumers.
    pub fn try_new(
        _: &Passive,
        handle: NDIS_HANDLE,
        settings: &Settings,
    ) -> Result<Self, NoMemory> {
        let allowed = settings.network_direct != 0;
        Ok(Self {
            handle,
            allowed: AtomicBool::new(allowed),
            enabled: AtomicBool::new(allowed),
            told: AtomicU32::new(u32::from(allowed)),
            current: SpinLock::new(None),
            past: SpinLock::new(Vec::new()),
            routes: Worker::try_new(handle, routes)?,
            states: Worker::try_new(handle, states)?,
            started: AtomicBool::new(false),
        })
    }

    /// Tells NDIS what the provider can do. Nothing where an IOMMU remaps the device's DMA: consumers' pages are known to the
    /// device by their physical addresses, which it could not reach.
    pub fn attributes(&self, _: &Passive, adapter: &Adapter, engine: &Engine) -> NDIS_STATUS {
        if engine.nic.platform().hardware().is_remapped() {
            warning!("an IOMMU remaps the DMA of this device: it is a network card without RDMA");
            self.allowed.store(false, Ordering::Relaxed);
            self.enabled.store(false, Ordering::Release);
            self.told.store(0, Ordering::Release);
            return NDIS_STATUS_SUCCESS;
        }
        let mut info = rnic_ndk::info(&engine.nic, NDK_VERSION { Major: 2, Minor: 1 });
        let vectors = u32::try_from(engine.vectors.len()).unwrap_or(u32::MAX);
        let all = rnic_ndk::capabilities(
            &engine.nic,
            vectors.saturating_mul(crate::engine::EQ_ENTRIES),
        );
        let mut capabilities = NDIS_NDK_CAPABILITIES {
            Header: NDIS_NDK_CAPABILITIES::HEADER,
            Flags: 0,
            MaxQpCount: all.qps,
            MaxCqCount: all.cqs,
            MaxMrCount: all.mrs,
            MaxPdCount: all.pds,
            // No limit but each queue pair's.
            MaxInboundReadLimit: 0,
            MaxOutboundReadLimit: 0,
            MaxMwCount: all.mws,
            MaxSrqCount: all.srqs,
            MissingCounterMask: 0,
            NdkInfo: &raw mut info,
        };
        let attributes = NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES {
            Header: NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES::HEADER,
            Enabled: u8::from(self.is_allowed()),
            NdkCapabilities: &raw mut capabilities,
        };
        // SAFETY: a structure that begins with its header; what it points at lives during the call.
        unsafe { NdisMSetMiniportAttributes(adapter.handle, ptr::from_ref(&attributes).cast()) }
    }

    /// A life of the device began.
    pub fn engine_up(&self, _: &Passive, adapter: &Adapter, engine: &Shared<Engine>) {
        let context: *const c_void = ptr::from_ref(adapter).cast();
        let first = !self.started.swap(true, Ordering::AcqRel);
        if first {
            self.routes.start(context);
            self.states.start(context);
        }
        let system = NtSystem::new(engine.clone(), adapter);
        // Room for it when its life ends: that must not fail.
        let room = self.past.lock().try_reserve(1);
        match Nt::new(system, self.enabled.load(Ordering::Acquire)) {
            Ok(provider) if room.is_ok() => *self.current.lock() = Some(provider),
            _ => warning!("no memory for the NDK provider; consumers are turned away"),
        }
    }

    /// It ended.
    pub fn engine_down(&self, _: &Passive, engine: &Shared<Engine>) {
        let ended = {
            let mut current = self.current.lock();
            current.take_if(|provider| Shared::ptr_eq(provider.system().engine(), engine))
        };
        let Some(ended) = ended else { return };
        ended.device_failed();
        ended.refuse_waiting();
        ended.device_was_reset();
        // In the room that `engine_up` made. Those without consumers go at the end of the turn.
        self.past.lock().push(ended);
        self.routes.kick();
    }

    /// The provider of the present life.
    fn current(&self) -> Option<Counted<Nt>> {
        self.current.lock().clone()
    }

    fn of(&self, engine: &Engine) -> Option<Counted<Nt>> {
        self.current()
            .filter(|provider| ptr::eq(&raw const **provider.system().engine(), engine))
    }

    /// Begins commands of the provider's own. One that is not answered in time is the end of the device's life.
    pub fn begin(&self, _: &Passive, engine: &Shared<Engine>, control: &mut NtControl) {
        let Some(provider) = self.of(engine) else {
            return;
        };
        if control.dead().is_none()
            && provider.system().may_look(LOOK_NS)
            && let Some(what) = provider.overdue(PATIENCE)
        {
            engine.fail(Error::Late(what));
        }
        provider.submit_waiting(control);
    }

    /// A command of the provider's own was answered.
    pub fn answered(&self, _: &Passive, engine: &Shared<Engine>, done: NtDone) {
        if let Some(provider) = self.of(engine).filter(|_| Nt::owns(&done)) {
            provider.answered(done);
        }
    }

    /// The interface has these addresses now.
    pub fn addresses(&self, _: &Passive, engine: &Shared<Engine>, addresses: &[Address]) {
        let Some(provider) = self.of(engine) else {
            return;
        };
        let mut list = Vec::new();
        if list.try_reserve_exact(addresses.len()).is_ok() {
            list.extend(addresses.iter().map(|address| LocalAddress {
                ip: address.address,
                prefix: address.prefix,
                vlan: address.vlan,
                answer: address.answer,
            }));
            if Nt::set_addresses(&provider, &list).is_ok() {
                return;
            }
        }
        warning!("no memory for the interface's addresses; they are tried at the next change");
    }

    /// A general event.
    pub fn event(&self, _: &Passive, engine: &Shared<Engine>, event: &Event) {
        if let Event::ConnectFailed(failed) = event
            && failed.reason == RejectReason::STALE
        {
            info!("a peer refuses a connection as stale: it still keeps its queue pair's number");
        }
        if let Some(provider) = self.of(engine) {
            Nt::event(&provider, event);
        }
    }

    /// The end of a turn of the adapter's worker.
    pub fn turn(&self, _: &Passive) {
        if let Some(provider) = self.current().filter(|p| p.system().take_deferred()) {
            provider.deferred_work();
        }
        let mut at = 0;
        loop {
            let past = self.past.lock().get(at).cloned();
            let Some(past) = past else { break };
            past.refuse_waiting();
            past.deferred_work();
            let gone = {
                let mut list = self.past.lock();
                (past.adapters() == 0).then(|| list.swap_remove(at))
            };
            if gone.is_none() {
                at += 1;
            }
        }
    }

    /// A completion queue signals; or one that is gone did, which its generation tells, so that no end of a queue waits for the
    /// event queue. [CQ-12]
    pub fn cq_signal(&self, signal: &CqSignal) {
        if let Some(provider) = self.current() {
            provider.signal(signal);
        }
    }

    // Threads.

    /// The way to a peer is wanted. Callable at IRQL <= DISPATCH_LEVEL.
    pub fn find_routes(&self) {
        self.routes.kick();
    }

    fn find(&self, passive: &Passive) {
        if let Some(provider) = self.current() {
            provider.passive_work(passive);
        }
        // A life may have ended while a way was wanted. What asks for it ends there, and its consumer can close.
        for at in 0.. {
            let past = self.past.lock().get(at).cloned();
            let Some(past) = past else { break };
            past.passive_work(passive);
        }
    }

    /// Whether it may be enabled.
    fn is_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Enables or disables, and has NDIS told. Callable at IRQL <= DISPATCH_LEVEL.
    fn enable(&self, enable: bool) {
        self.enabled.store(enable, Ordering::Release);
        if let Some(provider) = self.current() {
            provider.set_enabled(enable);
        }
        self.states.kick();
    }

    /// The function was pulled out: consumers are told to close, by NDIS. Callable at IRQL <= DISPATCH_LEVEL. (ndkpi.md 6.7)
    pub fn removed(&self) {
        self.enable(false);
    }

    /// Tells NDIS until it knows. Disabling returns when every adapter was closed.
    fn tell(&self, _: &Passive) {
        loop {
            let enabled = self.enabled.load(Ordering::Acquire);
            if self.told.swap(u32::from(enabled), Ordering::AcqRel) == u32::from(enabled) {
                return;
            }
            let notification = NET_PNP_EVENT_NOTIFICATION {
                Header: NET_PNP_EVENT_NOTIFICATION::HEADER,
                PortNumber: 0,
                NetPnPEvent: NET_PNP_EVENT {
                    NetEvent: if enabled {
                        NetEventNDKEnable
                    } else {
                        NetEventNDKDisable
                    },
                    Buffer: ptr::null_mut(),
                    BufferLength: 0,
                    NdisReserved: [0; 4],
                    TransportReserved: [0; 4],
                    TdiReserved: [0; 4],
                    TdiClientReserved: [0; 4],
                },
                Flags: 0,
                SwitchId: 0,
                VPortId: 0,
            };
            // SAFETY: at PASSIVE_LEVEL, outside of any OID.
            let status = unsafe { NdisMNetPnPEvent(self.handle, &raw const notification) };
            if status != NDIS_STATUS_SUCCESS {
                warning!("NdisMNetPnPEvent: {status:#010x}");
            }
        }
    }

    /// No more consumers: waits for those that there are.
    ///
    /// **Why without end.** CloseNDKAdapter is called with the adapter's context, and NDK objects that are open call back and
    /// are called through this driver's code. So NDIS has to have closed every NDK adapter before the context goes; a
    /// driver that goes on without that has its memory used after it was freed. No document says which of the two NDIS
    /// promises: that it closes them before MiniportHaltEx, or before that returns. This serves both. What the driver can
    /// do it does: after [`GRACE_MS`] the life of the device ends, so that every request of a consumer ends, each connection
    /// is reported lost, and nobody waits for this device; and the log says each second who is waited for.
    ///
    /// After surprise removal all of that happened when the function went ([`removed`](Self::removed)): NDIS was told that NDK is
    /// disabled, which asks consumers to close, opens are refused, and what they had posted is cancelled. (ndkpi.md 6.7) In a halt
    /// without a removal NDIS is not told: whether it takes such an event while it halts is documented nowhere.
    pub fn stop(&self, passive: &Passive, adapter: &Adapter) {
        self.enabled.store(false, Ordering::Release);
        if let Some(provider) = self.current() {
            provider.set_enabled(false);
        }
        let open = || {
            let past: u32 = self.past.lock().iter().map(|past| past.adapters()).sum();
            past + self.current().map_or(0, |provider| provider.adapters())
        };
        let mut waited = 0u32;
        while open() > 0 {
            if waited == GRACE_MS
                && let Some(engine) = adapter.engine()
            {
                engine.fail(Error::Ended);
                adapter.kick();
            }
            if waited.is_multiple_of(1000) {
                warning!(
                    "halted with {} NDK adapters open; waiting for their consumers",
                    open()
                );
            }
            waited = waited.wrapping_add(1);
            sleep_us(passive, 1000);
        }
        self.routes.stop(passive);
        self.states.stop(passive);
    }
}
