//! What the provider asks of an operating system.
#![forbid(unsafe_code)]

use rnic_abi::Mtu;
use rnic_driver_core::{Eqn, Error, Nic};
use rnic_platform::Platform;

use crate::raw::{NoMemory, Passive, RawLock};

/// Something that one thread waits for and another sets.
pub trait Event: Send + Sync + 'static {
    /// Not set.
    fn try_new() -> Result<Self, NoMemory>
    where
        Self: Sized;
    /// Sets it for good; at DISPATCH_LEVEL and below.
    fn set(&self);
    /// Waits until it is set.
    fn wait(&self, passive: &Passive);
}

/// Why there is no way to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No route.
    Network,
    /// A route, but nobody answers at its next hop.
    Host,
}

/// An operating system with one rnic in it.
pub trait System: Send + Sync + Sized + 'static {
    /// Way to the device.
    type Platform: Platform;
    /// Spin lock.
    type Lock: RawLock;
    /// Event.
    type Event: Event;

    /// The device's shared part.
    fn nic(&self) -> &Nic<Self::Platform>;

    /// An event queue for another completion queue, on one of these processors if it matters, bit by bit: a number for
    /// [`System::leave_event_queue`], and what CREATE_CQ names.
    fn choose_event_queue(&self, processors: Option<usize>) -> Option<(usize, Eqn)>;

    /// The completion queue is gone, or was not made.
    fn leave_event_queue(&self, number: usize);

    /// Commands wait: [`crate::Provider::submit_waiting`] is to be called soon, by whoever has the command ring, where
    /// DMA memory can be allocated.
    fn commands_wait(&self);

    /// The device broke a rule of the interface, and is to be given up; at DISPATCH_LEVEL and below, perhaps with locks
    /// held.
    fn device_broke_a_rule(&self, error: Error);

    /// [`crate::Provider::passive_work`] is to be called soon at PASSIVE_LEVEL.
    fn want_passive_work(&self);

    /// [`crate::Provider::deferred_work`] is to be called soon at DISPATCH_LEVEL, by nobody who holds a lock.
    fn want_deferred_work(&self);

    /// Largest path MTU of connections that are made; NONE: the port's.
    fn path_mtu(&self) -> Mtu;

    /// DMA address of a physical page; `None` if the device cannot reach it.
    fn page_address(&self, frame: u64) -> Option<u64>;

    /// Ethernet address of the next hop from a local address to a peer, both IPv6 or mapped IPv4; `None` leaves it to
    /// the device to find out.
    fn next_hop(
        &self,
        passive: &Passive,
        from: [u8; 16],
        to: [u8; 16],
    ) -> Result<Option<[u8; 6]>, NoRoute>;
}

/// Platform of a system.
pub type PlatformOf<S> = <S as System>::Platform;
/// DMA memory of a system.
pub type DmaOf<S> = <PlatformOf<S> as Platform>::Dma;
