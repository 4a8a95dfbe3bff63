//! The network interface card over the device's Ethernet lane.
//!
//! - [`Ethernet`]: the card of an adapter: whether it runs, what is configured; lives as long as the adapter.
//! - [`Lane`]: the device's Ethernet queues in one life of it. Each pair of queues shares a message with a completion
//!   event queue. Packets under way hold their lane.
//! - [`frame`]: headers and hashes; [`chain`] and [`data`]: NDIS's packets; [`rx`], [`tx`]: the two ways.
//! - [`config`]: what is set, and how it gets to the device; [`offload`], [`rss`]: how NDIS writes it.

pub mod chain;
pub mod config;
mod counts;
pub mod data;
pub mod frame;
mod lane;
pub mod offload;
pub mod rss;
pub mod rx;
pub mod tx;

use ndis_sys::ndis::*;
use ndis_sys::nt::{PVOID, SCATTER_GATHER_LIST};
use rnic_driver_core::Error;

use crate::adapter::Adapter;
use crate::adapter::settings::Settings;
use crate::adapter::watchdog::STALL_NS;
use crate::engine::{Engine, NtNic, PATIENCE_NS};
use crate::nt::wait::now_ns;
use crate::nt::{Passive, Shared, SpinLock};
use chain::ListChain;
use config::Config;
use counts::Counters;
pub use counts::Counts;
pub use lane::{Lane, queues};

/// A scatter-gather list that the sender asked for.
///
/// # Safety
/// Called by NDIS, at DISPATCH_LEVEL, with what the sender gave.
pub unsafe fn sg_list_ready(list: *mut SCATTER_GATHER_LIST, context: PVOID) {
    // SAFETY: as promised: the context is the buffer.
    unsafe { tx::sg_list_ready(list, context.cast()) }
}

/// Whether packets flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Between initialize and restart, and after pause.
    Paused,
    /// Pausing: waits for what is under way.
    Pausing,
    /// They flow.
    Running,
}

struct State {
    run: Run,
    /// Lists that NDIS gave and that are not complete.
    sends: u32,
    /// Lists that Windows has, and indications that have not returned: a pause waits for both. (MiniportPause)
    receives: u32,
    /// In a low-power state, or on the way there.
    asleep: bool,
    /// When the pause under way began.
    pausing_since: u64,
    lane: Option<Shared<Lane>>,
    link_up: bool,
}

/// The card.
pub struct Ethernet {
    state: SpinLock<State>,
    config: SpinLock<Config>,
    address: [u8; 6],
    frame_bytes: u32,
    sent: Counters,
    received: Counters,
}

impl Ethernet {
    /// The card of a device, paused.
    pub fn new(settings: &Settings, nic: &NtNic) -> Self {
        let tag = 4;
        Self {
            state: SpinLock::new(State {
                run: Run::Paused,
                sends: 0,
                receives: 0,
                asleep: false,
                pausing_since: 0,
                lane: None,
                link_up: nic.link_up().unwrap_or(false),
            }),
            config: SpinLock::new(Config::new(settings, nic)),
            address: settings.network_address.unwrap_or(nic.identity().mac),
            frame_bytes: settings
                .jumbo_packet
                .min(nic.limits().eth_frame_bytes.get().saturating_sub(tag)),
            sent: Counters::default(),
            received: Counters::default(),
        }
    }

    /// Current Ethernet address.
    pub fn address(&self) -> [u8; 6] {
        self.address
    }

    /// Longest frame, without VLAN tag and frame check sequence.
    pub fn frame_bytes(&self) -> u32 {
        self.frame_bytes
    }

    /// Longest frame with a tag.
    pub fn max_frame(&self) -> u32 {
        self.frame_bytes + 4
    }

    /// What was sent.
    pub fn counts_sent(&self) -> Counts {
        self.sent.read()
    }

    /// What was received.
    pub fn counts_received(&self) -> Counts {
        self.received.read()
    }

    /// What is configured, to look at or to change.
    pub fn config(&self) -> &SpinLock<Config> {
        &self.config
    }

    /// A life of the device began: queues and configuration. On the worker, or before it runs.
    pub fn engine_up(
        &self,
        passive: &Passive,
        adapter: &Adapter,
        engine: &Shared<Engine>,
    ) -> Result<(), Error> {
        let lane = Lane::open(passive, adapter, engine)?;
        let configured = self.configure_now(passive, engine);
        if let Err(error) = configured {
            // The device uses the queues until it is silent.
            engine.fail(error);
            engine.silence(passive);
            return Err(error);
        }
        self.state.lock().lane = Some(lane);
        Ok(())
    }

    /// It ended, and the device is silent: everything that was given to it comes back.
    pub fn engine_down(&self, adapter: &Adapter) {
        let (lane, status) = {
            let mut state = self.state.lock();
            let status = if state.asleep {
                NDIS_STATUS_LOW_POWER_STATE
            } else {
                NDIS_STATUS_REQUEST_ABORTED
            };
            (state.lane.take(), status)
        };
        if let Some(lane) = lane {
            for rx in &lane.rx {
                rx.close();
            }
            for tx in &lane.tx {
                tx.close(&lane, status);
            }
        }
        self.set_link(adapter, false);
    }

    /// The adapter goes to a low-power state, or has left it: what is sent meanwhile comes back with the status that says so.
    pub fn set_asleep(&self, asleep: bool) {
        self.state.lock().asleep = asleep;
    }

    /// Whether the link is up, as Windows was told last.
    pub fn link_up(&self) -> bool {
        self.state.lock().link_up
    }

    fn lane(&self) -> Option<Shared<Lane>> {
        self.state.lock().lane.clone()
    }

    /// MiniportSendNetBufferLists. Callable at IRQL <= DISPATCH_LEVEL.
    ///
    /// # Safety
    /// The lists are valid, and ours until they are completed.
    pub unsafe fn send(&self, adapter: &Adapter, lists: *mut NET_BUFFER_LIST) {
        // SAFETY: as promised.
        let mut lists = unsafe { ListChain::from_list(lists) };
        let lane = {
            let mut state = self.state.lock();
            // Counted in any case: completion takes them off again.
            state.sends += lists.len();
            match (&state.lane, state.run) {
                _ if state.asleep => Err(NDIS_STATUS_LOW_POWER_STATE),
                (Some(lane), Run::Running) => Ok(lane.clone()),
                (_, Run::Paused | Run::Pausing) => Err(NDIS_STATUS_PAUSED),
                (None, Run::Running) => Err(NDIS_STATUS_ADAPTER_NOT_READY),
            }
        };
        match lane {
            Ok(lane) => crate::nt::irql::at_dispatch(|| {
                let index = config::transmit_queue(lane.tx.len());
                while let Some(list) = lists.pop() {
                    // SAFETY: ours.
                    unsafe {
                        self.count_sends(list);
                        tx::Tx::send(&lane, index, list);
                    }
                }
            }),
            Err(status) => {
                let mut refused = ListChain::new();
                while let Some(list) = lists.pop() {
                    // SAFETY: ours.
                    unsafe {
                        (*list).Status = status;
                        refused.push(list);
                    }
                }
                self.complete(adapter, refused, false);
            }
        }
    }

    /// # Safety
    /// The list is ours.
    unsafe fn count_sends(&self, list: *const NET_BUFFER_LIST) {
        let mut counts = Counts::default();
        // SAFETY: as promised.
        let mut at = unsafe { (*list).FirstNetBuffer };
        while !at.is_null() {
            let mut head = [0; 6];
            // SAFETY: as promised.
            let octets = unsafe {
                let _ = data::head(at, &mut head);
                let octets = (*at).DataLength;
                at = (*at).Next;
                octets
            };
            counts.frame(frame::cast(&head), octets.into());
        }
        self.sent.add(&counts);
    }

    /// Gives lists back to NDIS.
    fn complete(&self, adapter: &Adapter, lists: ListChain, dispatch: bool) {
        let count = lists.len();
        let flags = if dispatch {
            NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL
        } else {
            0
        };
        // SAFETY: NDIS's lists, all done.
        unsafe { NdisMSendNetBufferListsComplete(adapter.handle, lists.into_list(), flags) };
        self.settle(adapter, |state| state.sends -= count);
    }

    /// MiniportReturnNetBufferLists.
    ///
    /// # Safety
    /// The lists are ours again.
    pub unsafe fn returned(&self, adapter: &Adapter, lists: *mut NET_BUFFER_LIST) {
        // SAFETY: as promised.
        let count = unsafe { rx::returned(ListChain::from_list(lists)) };
        self.settle(adapter, |state| state.receives -= count);
    }

    /// Something is not under way any more; ends a pause that waited for it.
    fn settle(&self, adapter: &Adapter, change: impl FnOnce(&mut State)) {
        let paused = {
            let mut state = self.state.lock();
            change(&mut state);
            let ends = state.run == Run::Pausing && state.sends == 0 && state.receives == 0;
            if ends {
                state.run = Run::Paused;
            }
            ends
        };
        if paused {
            // SAFETY: MiniportPause returned pending, once.
            unsafe { NdisMPauseComplete(adapter.handle) };
        }
    }

    /// MiniportPause.
    pub fn pause(&self) -> NDIS_STATUS {
        let mut state = self.state.lock();
        if state.sends == 0 && state.receives == 0 {
            state.run = Run::Paused;
            NDIS_STATUS_SUCCESS
        } else {
            state.run = Run::Pausing;
            state.pausing_since = now_ns();
            NDIS_STATUS_PENDING
        }
    }

    /// Whether a pause waits for packets that the device does not give back.
    pub fn is_stuck(&self) -> bool {
        let state = self.state.lock();
        state.run == Run::Pausing
            && state.sends != 0
            && now_ns().saturating_sub(state.pausing_since) > PATIENCE_NS
    }

    /// MiniportRestart.
    pub fn restart(&self) -> NDIS_STATUS {
        self.state.lock().run = Run::Running;
        NDIS_STATUS_SUCCESS
    }

    /// MiniportCancelSend.
    pub fn cancel(&self, id: PVOID) {
        if let Some(lane) = self.lane() {
            for tx in &lane.tx {
                tx.cancel(&lane, id);
            }
        }
    }

    fn lane_of(&self, engine: &Shared<Engine>) -> Option<Shared<Lane>> {
        self.lane()
            .filter(|lane| Shared::ptr_eq(&lane.engine, engine))
    }

    /// Whether a message's queues have something for [`Ethernet::service`]. At IRQL <= DISPATCH_LEVEL.
    pub fn has_more(&self, engine: &Shared<Engine>, index: usize) -> bool {
        self.lane_of(engine).is_some_and(|lane| {
            lane.tx.get(index).is_some_and(tx::Tx::has_more)
                || lane.rx.get(index).is_some_and(rx::Rx::has_more)
        })
    }

    /// Whether a transmit queue has frames and gets none of them back for [`STALL_NS`]. To be asked now and then, by the
    /// watchdog alone; `in_time`: what was seen before counts.
    pub fn is_stalled(&self, engine: &Shared<Engine>, in_time: bool) -> bool {
        self.lane_of(engine).is_some_and(|lane| {
            let now = now_ns();
            let limit = in_time.then_some(STALL_NS);
            let stalled = |tx: &tx::Tx| tx.is_stalled(now, limit);
            // Each is looked at, whatever the others are.
            lane.tx.iter().filter(|tx| stalled(tx)).count() > 0
        })
    }

    /// An interrupt message's share, at DISPATCH_LEVEL: `frames` received frames at most. Whether more is left.
    pub fn service(&self, engine: &Shared<Engine>, index: usize, frames: u32) -> bool {
        let Some(lane) = self.lane_of(engine) else {
            return false;
        };
        let mut more = false;
        if let Some(tx) = lane.tx.get(index) {
            more |= tx.service(&lane, engine);
        }
        if let Some(rx) = lane.rx.get(index) {
            let mode = self.config.lock().receive_mode();
            more |= rx.service(&lane, engine, &mode, frames);
        }
        more
    }

    /// The link may have changed.
    pub fn link_changed(&self, adapter: &Adapter, engine: &Engine) {
        match engine.nic.link_up() {
            Ok(up) => self.set_link(adapter, up),
            Err(error) => adapter.fail(engine, error),
        }
    }

    fn set_link(&self, adapter: &Adapter, up: bool) {
        {
            let mut state = self.state.lock();
            if state.link_up == up {
                return;
            }
            state.link_up = up;
        }
        config::indicate_link(adapter, up);
    }
}
