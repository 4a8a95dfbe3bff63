//! An adapter: its state, what it said about itself, and what it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ndis_sys::ndis::{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_OFFLOAD, NDIS_RECEIVE_SCALE_CAPABILITIES,
};
use parking_lot::{Condvar, Mutex, RwLock};

use super::datapath::Traffic;
use super::driver::Driver;
use super::oid::Oids;
use crate::breach::{Rule, breach};
use crate::machine::Machine;

/// Kind of the handle.
pub const HANDLE: &str = "miniport adapter handle";

/// States of an adapter (NDIS, "Miniport Adapter States and Operations").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not there, or gone.
    Halted,
    /// In MiniportInitializeEx.
    Initializing,
    /// No traffic.
    Paused,
    /// In MiniportRestart.
    Restarting,
    /// Traffic.
    Running,
    /// In MiniportPause, or until it completes.
    Pausing,
}

/// What the adapter said of itself.
#[derive(Clone, Default)]
pub struct Said {
    /// Registration attributes were set.
    pub registered: bool,
    /// AttributeFlags.
    pub flags: u32,
    /// Current MAC address.
    pub mac: [u8; 6],
    /// Permanent MAC address.
    pub permanent_mac: [u8; 6],
    /// Largest payload.
    pub mtu: u32,
    /// Link speed in bit/s.
    pub speed: u64,
    /// MediaConnectState.
    pub connected: i32,
    /// OIDs that it answers.
    pub oids: Vec<u32>,
    /// General attributes were set.
    pub general: bool,
    /// MacOptions.
    pub mac_options: u32,
    /// Receive scaling.
    pub rss: Option<NDIS_RECEIVE_SCALE_CAPABILITIES>,
    /// Offloads: default and hardware.
    pub offload: Option<(NDIS_OFFLOAD, NDIS_OFFLOAD)>,
    /// NDK: enabled, NDIS_NDK_CAPABILITIES without the pointer, NDK_ADAPTER_INFO.
    pub ndk: Option<NdkSaid>,
}

/// NDK attributes.
#[derive(Clone, Debug)]
pub struct NdkSaid {
    /// Whether NDK is enabled now.
    pub enabled: bool,
    /// NDIS_NDK_CAPABILITIES, 0x38 bytes.
    pub capabilities: Vec<u8>,
    /// NDK_ADAPTER_INFO, 0x68 bytes.
    pub info: Vec<u8>,
}

/// An adapter.
pub struct Adapter {
    /// Function of the machine.
    pub function: usize,
    /// That function.
    pub machine: Arc<dyn Machine>,
    /// Its driver.
    pub driver: Arc<Driver>,
    /// MiniportAdapterHandle.
    pub handle: AtomicUsize,
    /// MiniportAdapterContext.
    pub context: AtomicUsize,
    /// Interface index.
    pub if_index: u32,
    /// NET_LUID.
    pub luid: u64,
    /// What it said.
    pub said: Mutex<Said>,
    /// Codes of its entries in the event log.
    pub logged: Mutex<Vec<u32>>,
    /// Packets.
    pub traffic: Traffic,
    /// Requests.
    pub oids: Oids,
    /// Keyword and value.
    pub keywords: Mutex<Vec<(String, super::config::Value)>>,
    /// Answers to PENDING: pause, restart, reset.
    pub pended: Mutex<Pended>,
    /// Woken when one is answered.
    pub answered: Condvar,
    /// Status indications: code and buffer.
    pub indications: Mutex<Vec<(i32, Vec<u8>)>>,
    /// Interrupt messages that Windows grants at most.
    pub most_messages: AtomicUsize,
    /// Registers read as all ones.
    pub removed: AtomicBool,
    /// It asked to be removed.
    pub asked_removal: AtomicBool,
    /// NDK adapters that are open.
    pub ndk_open: Mutex<usize>,
    /// Woken when one is closed.
    pub ndk_closed: Condvar,
    /// The adapter is halted, or about to be: no NDK adapter is opened. Held while one is.
    pub ndk_shut: RwLock<bool>,
    state: Mutex<State>,
}

/// Which PENDING answers are awaited, and what came.
#[derive(Debug, Default)]
pub struct Pended {
    /// MiniportPause returned PENDING, or is running.
    pub pause: Option<Option<i32>>,
    /// MiniportRestart.
    pub restart: Option<Option<i32>>,
    /// MiniportReset.
    pub reset: Option<Option<i32>>,
}

impl Adapter {
    /// A new adapter, halted.
    pub fn new(
        function: usize,
        machine: Arc<dyn Machine>,
        driver: Arc<Driver>,
        if_index: u32,
    ) -> Self {
        Self {
            function,
            machine,
            driver,
            handle: AtomicUsize::new(0),
            context: AtomicUsize::new(0),
            if_index,
            // IF_TYPE_ETHERNET_CSMACD in the upper 16 bits, the index at bit 24.
            luid: 6 << 48 | u64::from(if_index) << 24,
            said: Mutex::new(Said::default()),
            logged: Mutex::default(),
            traffic: Traffic::default(),
            oids: Oids::default(),
            keywords: Mutex::new(Vec::new()),
            pended: Mutex::new(Pended::default()),
            answered: Condvar::new(),
            indications: Mutex::new(Vec::new()),
            most_messages: AtomicUsize::new(usize::MAX),
            removed: AtomicBool::new(false),
            asked_removal: AtomicBool::new(false),
            ndk_open: Mutex::new(0),
            ndk_closed: Condvar::new(),
            ndk_shut: RwLock::new(true),
            state: Mutex::new(State::Halted),
        }
    }

    /// Eventfds of the interrupt messages that Windows grants.
    pub fn messages(&self) -> Vec<i32> {
        let mut vectors = self.machine.vectors();
        vectors.truncate(self.most_messages.load(Ordering::SeqCst));
        vectors
    }

    /// The driver's handlers.
    pub fn handlers(&self) -> &NDIS_MINIPORT_DRIVER_CHARACTERISTICS {
        &self.driver.characteristics
    }

    /// The driver's context for this adapter.
    pub fn context(&self) -> usize {
        self.context.load(Ordering::SeqCst)
    }

    /// Now.
    pub fn state(&self) -> State {
        *self.state.lock()
    }

    /// Changes state; the caller has checked that it may.
    pub fn set_state(&self, state: State) {
        *self.state.lock() = state;
    }

    /// Ends in a breach unless the state is one of these.
    pub fn require(&self, states: &[State], what: &str) {
        let state = self.state();
        if !states.contains(&state) {
            breach(
                Rule::State,
                format_args!("{what} while the adapter is {state:?}"),
            );
        }
    }
}

static ADAPTERS: Mutex<Vec<Arc<Adapter>>> = Mutex::new(Vec::new());

/// Adds an adapter.
pub fn add(adapter: Arc<Adapter>) {
    ADAPTERS.lock().push(adapter);
}

/// Removes an adapter.
pub fn remove(adapter: &Arc<Adapter>) {
    ADAPTERS.lock().retain(|other| !Arc::ptr_eq(other, adapter));
}

/// All adapters.
pub fn all() -> Vec<Arc<Adapter>> {
    ADAPTERS.lock().clone()
}

/// The adapter of a handle.
pub fn of(handle: usize) -> Arc<Adapter> {
    super::handle::get(handle, HANDLE)
}
