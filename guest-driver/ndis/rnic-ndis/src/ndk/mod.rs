//! The NDK provider.
//!
//! What the adapter calls, and what it promises:
//!
//! | call | when | IRQL |
//! |---|---|---|
//! | [`set_options`] | once, in DriverEntry | PASSIVE |
//! | [`Provider::attributes`] | in MiniportInitializeEx, after bring-up, before interrupts | PASSIVE |
//! | [`Provider::engine_up`] | a life of the device began | PASSIVE |
//! | [`Provider::engine_down`] | it ended: the device is silent, every verb has ended with the error | PASSIVE, worker |
//! | [`Provider::event`] | a general event; answers given before it were taken before it | PASSIVE, worker |
//! | [`Provider::begin`], [`Provider::answered`] | verbs with cookies from [`crate::engine::FOREIGN`] on, if it has its own queue of them | PASSIVE, worker |
//! | [`Provider::addresses`] | the interface has these addresses now; again in each life of the device | PASSIVE, worker |
//! | [`Provider::cq_signal`] | a completion queue signals; no lock is held, and never twice at once for one vector | DISPATCH |
//! | [`Provider::eq_handled`] | so many events of a vector's queue were handed on, after the last of them | DISPATCH |
//! | [`Provider::oid`] | an OID or direct OID that the NIC does not know | <= DISPATCH |
//! | [`Provider::stop`] | in MiniportHaltEx, before the device is reset; waits for what it must | PASSIVE |
//!
//! Verbs go through [`crate::adapter::Adapter::submit`].

use ndis_sys::ndis::*;
use rnic_driver_core::{Address, CqSignal, Event};

use crate::adapter::Adapter;
use crate::engine::{Engine, NtControl, NtDone};
use crate::nt::{NoMemory, Passive, Shared};

/// Tells NDIS that the driver has an NDK provider.
pub fn set_options(_: NDIS_HANDLE) -> NDIS_STATUS {
    NDIS_STATUS_SUCCESS
}

/// The provider of one adapter.
pub struct Provider {}

impl Provider {
    /// One without consumers.
    pub fn try_new(_: &Passive) -> Result<Self, NoMemory> {
        Ok(Self {})
    }

    /// Tells NDIS what the provider can do.
    pub fn attributes(&self, _: &Passive, _: &Adapter, _: &Engine) -> NDIS_STATUS {
        NDIS_STATUS_SUCCESS
    }

    /// A life of the device began.
    pub fn engine_up(&self, _: &Passive, _: &Adapter, _: &Shared<Engine>) {}

    /// It ended.
    pub fn engine_down(&self, _: &Passive, _: &Shared<Engine>) {}

    /// A general event.
    pub fn event(&self, _: &Passive, _: &Shared<Engine>, _: &Event) {}

    /// A verb of its own queue ended.
    pub fn answered(&self, _: &Passive, _: &Shared<Engine>, done: NtDone) {
        let _ = done;
    }

    /// Begins verbs of its own queue.
    pub fn begin(&self, _: &Passive, _: &Shared<Engine>, control: &mut NtControl) {
        let _ = control;
    }

    /// The interface has these addresses now.
    pub fn addresses(&self, _: &Passive, _: &Shared<Engine>, addresses: &[Address]) {
        let _ = addresses;
    }

    /// A completion queue signals. `vector` is an index into [`Engine::vectors`].
    pub fn cq_signal(&self, vector: usize, signal: &CqSignal) {
        let _ = (vector, signal);
    }

    /// As many events, free-running, were handed on.
    pub fn eq_handled(&self, vector: usize, count: u32) {
        let _ = (vector, count);
    }

    /// A request that the NIC does not know; none if the provider does not know it either.
    pub fn oid(&self, adapter: &Adapter, request: &mut NDIS_OID_REQUEST) -> Option<NDIS_STATUS> {
        let _ = (adapter, request);
        None
    }

    /// No more consumers: ends what is left and waits for it.
    pub fn stop(&self, _: &Passive, _: &Adapter) {}
}
