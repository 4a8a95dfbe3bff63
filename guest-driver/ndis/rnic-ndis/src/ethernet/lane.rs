//! The device's Ethernet queues in one life of it.

use alloc::vec::Vec;

use ndis_sys::ndis::{NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL, NdisMIndicateReceiveNetBufferLists};
use rnic_abi::EthDirection;
use rnic_driver_core::{Error, EthGeometry, EthQueue, Outcome};

use super::chain::ListChain;
use super::counts::Counts;
use super::{Run, frame, rx, tx};
use crate::adapter::Adapter;
use crate::adapter::settings::Settings;
use crate::engine::{Engine, unexpected};
use crate::hw::{Hardware, NtPlatform};
use crate::nt::{Passive, Shared};

/// The Ethernet queues of one life of the device.
pub struct Lane {
    /// Receive queues; as many as `tx`.
    pub rx: Vec<rx::Rx>,
    /// Transmit queues.
    pub tx: Vec<tx::Tx>,
    pub(super) engine: Shared<Engine>,
    adapter: *const Adapter,
    // Freed after the buffers.
    _pool: rx::Pool,
}

// SAFETY: the adapter outlives its lanes: it does not halt while packets are under way.
unsafe impl Send for Lane {}
// SAFETY: as above.
unsafe impl Sync for Lane {}

impl Lane {
    /// Creates the queues. On the worker, or before it runs. What fails has failed the engine, and silenced the device.
    pub(super) fn open(
        passive: &Passive,
        adapter: &Adapter,
        engine: &Shared<Engine>,
    ) -> Result<Shared<Self>, Error> {
        let unusable = |error| {
            // The device may use the queues that there are until it is silent.
            engine.fail(error);
            engine.silence(passive);
            error
        };
        let pool = rx::Pool::try_new(adapter.handle).map_err(|error| unusable(error.into()))?;
        // After the pool, so that buffers go before it when a later queue fails.
        let mut queues = Queues::default();
        queues
            .create(passive, adapter, engine, &pool)
            .map_err(unusable)?;
        Shared::new_or_return(Self {
            rx: queues.rx,
            tx: queues.tx,
            engine: engine.clone(),
            adapter,
            _pool: pool,
        })
        .map_err(|lane| {
            let error = unusable(Error::NoMemory);
            drop(lane);
            error
        })
    }

    /// The life of the device that it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn hardware(&self) -> &Hardware {
        self.engine.nic.platform().hardware()
    }

    /// What holds for frames that are sent now.
    pub(super) fn rules(&self) -> tx::Rules {
        let ethernet = &self.adapter().ethernet;
        let (vlan, tags, large_sends) = {
            let config = ethernet.config().lock();
            (
                config.vlan,
                config.tags,
                config.offloads_told().large_sends(),
            )
        };
        tx::Rules {
            frame_bytes: ethernet.frame_bytes(),
            vlan,
            tags,
            large_sends,
        }
    }

    fn adapter(&self) -> &Adapter {
        // SAFETY: it outlives its lanes.
        unsafe { &*self.adapter }
    }

    pub(super) fn count_received(&self, counts: &Counts) {
        self.adapter().ethernet.received.add(counts);
    }

    pub(super) fn count_send_error(&self) {
        self.adapter().ethernet.sent.add(&Counts {
            errors: 1,
            ..Counts::default()
        });
    }

    /// Lists that are sent, or refused: they go back. At DISPATCH_LEVEL.
    pub(super) fn sent(&self, lists: ListChain) {
        self.adapter()
            .ethernet
            .complete(self.adapter(), lists, true);
    }

    /// Frames for Windows; given back at once if the card does not run. At DISPATCH_LEVEL.
    pub(super) fn received(&self, lists: ListChain) {
        let adapter = self.adapter();
        let count = lists.len();
        {
            let mut state = adapter.ethernet.state.lock();
            if state.run == Run::Running {
                // This indication too, until it has returned: the lists may be back before.
                state.receives += count + 1;
            } else {
                drop(state);
                // SAFETY: not indicated, so ours.
                unsafe { rx::returned(lists) };
                return;
            }
        }
        // SAFETY: valid lists that Windows gives back by MiniportReturnNetBufferLists.
        unsafe {
            NdisMIndicateReceiveNetBufferLists(
                adapter.handle,
                lists.into_list(),
                0,
                count,
                NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL,
            );
        }
        adapter
            .ethernet
            .settle(adapter, |state| state.receives -= 1);
    }
}

/// Queues while they are created.
#[derive(Default)]
struct Queues {
    rx: Vec<rx::Rx>,
    tx: Vec<tx::Tx>,
    /// Of a failure: the device may use it.
    orphan: Option<EthQueue<NtPlatform>>,
}

impl Queues {
    fn create(
        &mut self,
        passive: &Passive,
        adapter: &Adapter,
        engine: &Engine,
        pool: &rx::Pool,
    ) -> Result<(), Error> {
        let settings = &adapter.settings;
        let count = queues(settings, engine);
        self.rx
            .try_reserve_exact(count)
            .and_then(|()| self.tx.try_reserve_exact(count))
            .map_err(|_| Error::NoMemory)?;
        let bytes = frame::HEADER + adapter.ethernet.max_frame() as usize;
        for (index, vector) in engine.vectors.iter().enumerate().take(count) {
            let index = u16::try_from(index).map_err(|_| Error::Argument("queues"))?;
            let create = |direction, entries| {
                let vector = vector.message();
                let geometry = EthGeometry {
                    direction,
                    index,
                    entries,
                    vector,
                };
                create_queue(passive, engine, geometry)
            };
            let slots = u16::try_from(settings.transmit_buffers)
                .map_err(|_| Error::Argument("transmit buffers"))?;
            let queue = create(EthDirection::TRANSMIT, slots.into())?;
            let tx = tx::Tx::try_new(&engine.nic, queue, slots);
            let tx = tx.map_err(|failed| self.keep(failed))?;
            self.tx.push(tx);
            let queue = create(EthDirection::RECEIVE, settings.receive_buffers)?;
            let size = (settings.receive_buffers as usize, bytes);
            let rx = rx::Rx::try_new(adapter.handle, pool, &engine.nic, queue, size);
            let rx = rx.map_err(|failed| self.keep(failed))?;
            self.rx.push(rx);
        }
        Ok(())
    }

    fn keep(&mut self, (error, queue): (Error, EthQueue<NtPlatform>)) -> Error {
        self.orphan = Some(queue);
        error
    }
}

/// Pairs of queues.
pub fn queues(settings: &Settings, engine: &Engine) -> usize {
    let wanted = if settings.rss == 0 {
        1
    } else {
        settings.rss_queues
    };
    (wanted as usize)
        .min(engine.vectors.len())
        .min(engine.nic.limits().eth_queues.get() as usize)
        .max(1)
}

fn create_queue(
    passive: &Passive,
    engine: &Engine,
    geometry: EthGeometry,
) -> Result<EthQueue<NtPlatform>, Error> {
    match engine.verb_now(passive, |control, nic| {
        control.create_eth_queue(nic, 0, &geometry)
    })? {
        Outcome::EthQueue(queue) => Ok(queue),
        other => Err(unexpected(&other)),
    }
}
