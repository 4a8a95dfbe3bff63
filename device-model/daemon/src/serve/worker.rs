//! A worker: one thread, one event loop, the devices that it alone touches.
//!
//! ```text
//!           +--> sockets, requests (often enough) --> a turn for every device ---------+
//!           |        ^                                          | work                  |
//!           |        |                                          v                       |
//!           |        +--------------------------------- look again (spin) <-------------+
//!           |                                                   | nothing for --spin-us
//!           |                                                   v
//!           +--- wake: socket, waker, timer <--- sleep <--- park the devices, look once more
//! ```
//!
//! A turn is bounded by a budget, so a register read waits for one turn of every device at most.
//! It spins only for a device whose doorbells are mapped into a client; it sleeps without a
//! timeout unless a device has a timer, or such a device has no PARKING and must be looked at.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use event_manager::{
    EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberId, SubscriberOps,
};
use rnic_core::env::{Budget, Env, Progress};
use vfio_user_server::{Budget as SocketBudget, Interest, Server, ServerEvent};
use vmm_sys_util::timerfd::TimerFd;

use super::function::Function;
use super::neighbours::Waker;
use super::report::{DeviceReport, PortReport};
use super::wire::Wire;
use crate::logging;

/// What a device may do in one turn: about 50 us where memory is slow. Where it is fast the bytes
/// grow, up to [`MOST_BYTES`].
const TURN: Budget = Budget {
    bytes: 256 * 1024,
    ops: 128,
};
/// Most bytes of a device in one turn.
const MOST_BYTES: u64 = 1 << 20;
/// What turns of all devices together may take.
const TURN_TIME: Duration = Duration::from_micros(50);
/// What a client may do between two turns.
const SOCKET_TURN: SocketBudget = SocketBudget {
    operations: 16,
    bytes: 256 * 1024,
};
/// While there is work, sockets are looked at this often: the first as long as clients have
/// something to say, the second, approached by doubling, when they say nothing. A look is a system
/// call, and costs as much as several small transfers.
const SOCKET_INTERVAL: (Duration, Duration) = (Duration::from_micros(8), Duration::from_micros(50));
/// A worker that slept shorter than this many times `--spin-us` would better not have slept: it
/// looks twice as long before the next sleep, up to as many times. Waking takes tens of
/// microseconds, so a client that answers at once would else find it asleep each time.
const MOST_SPINS: u32 = 16;
/// A worker that has looked for so long without finding anything lets others run between two looks:
/// what it waits for may be the work of a process that has no processor.
const ALONE: Duration = Duration::from_micros(1);
/// A yield that took so long let another thread run, and after so many the worker sleeps: it is
/// placed anew when it wakes, where one that only yields stays on the processor that it shares.
const OTHER_RAN: Duration = Duration::from_micros(10);
const CROWDED: u32 = 16;
/// Longest sleep while a device without PARKING must be looked at, and the first.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(1));
/// A retry of what the host refused: a client that cannot be accepted, a wire that is full.
const RETRY: Duration = Duration::from_millis(20);
/// How many retries a client has to wait while another seems to be there. One that was killed goes a little after its
/// process: the kernel holds its socket until requests of io_uring have ended.
const CLIENT_WAITS: u32 = 25;

/// Tokens of descriptors; a device has two from `DEVICES` on.
const WAKER: u32 = 0;
const TIMER: u32 = 1;
const WIRES: u32 = 16;
const DEVICES: u32 = 1024;

/// What the control socket asks of a worker.
pub enum Request {
    /// Describe your devices.
    Report(Sender<Vec<DeviceReport>>),
    /// Describe your wires.
    Ports(Sender<Vec<PortReport>>),
    /// Take a device's link up or down, if it is yours.
    SetLink {
        /// The device.
        device: u32,
        /// Up.
        up: bool,
        /// Whether it was yours.
        done: Sender<bool>,
    },
    /// End.
    Stop,
}

/// A device and its socket.
struct Slot {
    function: Function,
    server: Server,
    /// The connection, as the event loop knows it: a descriptor of our own, so that it can still
    /// be taken out of the loop when the connection is closed.
    watched: Option<(OwnedFd, Interest)>,
    /// The client sent more than one turn could serve.
    more: bool,
    /// Accepting failed, or a client waits for the last one to go; not before this.
    accept_after: Option<Instant>,
    /// Retries in which a client waited.
    waited: u32,
    /// The listener is not watched, because accepting failed.
    deaf: bool,
    parked: bool,
    /// The connection may be another, or want other events, than the event loop knows.
    unwatched: bool,
    /// The connection is another than the event loop knows, which may have come and the last one
    /// gone in one wait.
    renewed: bool,
}

impl Slot {
    /// Serves the client.
    fn serve(&mut self) {
        let _mark = logging::of_device(self.function.host.id.0);
        self.function.host.tick(Instant::now());
        self.unwatched = true;
        let served = self.server.on_connection(&mut self.function, SOCKET_TURN);
        // An error is logged where it is found, and the function has been told.
        self.more = served.is_ok_and(|progress| progress.more);
    }

    /// Lets the next client in.
    fn accept(&mut self, now: Instant) {
        let _mark = logging::of_device(self.function.host.id.0);
        self.function.host.tick(now);
        self.unwatched = true;
        let present = self.server.connection();
        if present.is_some_and(|client| !client.hung_up()) && self.waited < CLIENT_WAITS {
            self.waited += 1;
            self.accept_after = Some(now + RETRY);
            return;
        }
        match self.server.on_listener() {
            Ok(ServerEvent::Finishing) => self.serve(),
            Ok(event @ (ServerEvent::Connected | ServerEvent::Refused | ServerEvent::Idle)) => {
                self.accept_after = None;
                self.waited = 0;
                self.renewed |= matches!(event, ServerEvent::Connected);
            }
            Err(error) => {
                log::warn!("a client cannot be accepted yet: {error}");
                self.accept_after = Some(now + RETRY);
            }
        }
    }

    /// One turn; whether there was work, or is.
    fn turn(&mut self, now: Instant, budget: Budget) -> bool {
        self.function.host.tick(now);
        if self.accept_after.is_some_and(|at| at <= now) {
            self.accept(now);
        }
        let finished = self.function.finished_unmaps();
        let mut busy = !finished.is_empty() || self.more;
        for token in finished {
            self.server.complete_unmap(token);
        }
        if busy {
            self.serve();
        }
        let idle = self.parked && !self.function.awake && !self.function.has_arrivals();
        if !idle || self.function.timer_is_due() {
            let _mark = logging::of_device(self.function.host.id.0);
            self.parked = false;
            busy |= self.function.run(budget) == Progress::Busy;
        }
        busy || self.more
    }

    /// Prepares to sleep; false when there is work after all.
    fn park(&mut self) -> bool {
        let _mark = logging::of_device(self.function.host.id.0);
        // It has something to do and cannot; its timer, or the port, comes first.
        if self.function.is_stalled() {
            return true;
        }
        let Function { device, host, .. } = &mut self.function;
        if !self.parked {
            self.parked = device.prepare_park(host);
        }
        self.parked || device.must_poll(host)
    }

    /// Whether it cannot be told that the device sleeps.
    fn must_poll(&self) -> bool {
        let Function { device, host, .. } = &self.function;
        device.must_poll(host)
    }

    fn index(&self) -> u32 {
        self.function.host.id.0
    }
}

/// The devices of a worker, its timer and its wires. The event loop calls it for descriptors,
/// [`run`] for turns.
pub struct Worker {
    slots: Vec<Slot>,
    wires: Vec<Wire>,
    waker: Arc<Waker>,
    timer: TimerFd,
    armed: bool,
    requests: Receiver<Request>,
    spin: Duration,
    /// What a device may do in one turn.
    budget: Budget,
    stop: bool,
}

impl Worker {
    /// A worker with the functions that it serves.
    ///
    /// # Errors
    /// If the host has no timer for it.
    pub fn new(
        functions: Vec<(Function, Server)>,
        wires: Vec<Wire>,
        waker: Arc<Waker>,
        requests: Receiver<Request>,
        spin: Duration,
    ) -> anyhow::Result<Self> {
        let slot = |(function, server)| Slot {
            function,
            server,
            watched: None,
            more: false,
            accept_after: None,
            waited: 0,
            deaf: false,
            parked: false,
            unwatched: true,
            renewed: false,
        };
        Ok(Self {
            slots: functions.into_iter().map(slot).collect(),
            wires,
            waker,
            timer: TimerFd::new().context("no timer")?,
            armed: false,
            requests,
            spin,
            budget: TURN,
            stop: false,
        })
    }

    /// One turn for everything; whether there was work, or is.
    fn turn(&mut self, now: Instant) -> bool {
        let mut busy = false;
        for wire in &mut self.wires {
            busy |= wire.turn(now);
        }
        for slot in &mut self.slots {
            busy |= slot.turn(now, self.budget);
        }
        busy
    }

    /// Learns from a turn with work how long it took.
    fn pace(&mut self, took: Duration) {
        self.budget.bytes = paced(self.budget.bytes, took);
    }

    /// Whether a client rings without a message, so that looking pays.
    fn may_be_rung(&self) -> bool {
        self.slots.iter().any(|slot| slot.function.host.mapped)
    }

    /// Prepares to sleep: how long at most, or none when there is work after all.
    fn park(&mut self, look_again: Duration, now: Instant) -> Option<Option<Duration>> {
        self.waker.sleep();
        self.take_requests();
        let mut parked = !self.stop;
        for slot in &mut self.slots {
            parked &= slot.park();
        }
        let arrived = self.slots.iter().any(|s| s.function.has_arrivals())
            || self.wires.iter().any(|wire| wire.has_work(now));
        if !parked || arrived {
            self.waker.awake();
            return None;
        }
        let mut sleep: Option<Duration> = None;
        let mut at_most = |limit: Duration| sleep = Some(sleep.map_or(limit, |s| s.min(limit)));
        for slot in &self.slots {
            if let Some(at) = slot.function.next_timer() {
                at_most(Duration::from_nanos(at.since(slot.function.host.now())));
            }
            if slot.must_poll() {
                at_most(look_again);
            }
            if slot.function.has_unmaps() {
                // What holds the memory may be a device of another worker.
                at_most(LOOK_AGAIN.1);
            }
            if let Some(at) = slot.accept_after {
                at_most(at.saturating_duration_since(now));
            }
        }
        for at in self.wires.iter().filter_map(Wire::next_at) {
            at_most(at.saturating_duration_since(now));
        }
        Some(sleep)
    }

    fn take_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            // Whoever asked may have gone; that is its business.
            match request {
                Request::Report(to) => {
                    let reports = self.slots.iter().map(|s| DeviceReport::of(&s.function));
                    let _ = to.send(reports.collect());
                }
                Request::Ports(to) => {
                    let _ = to.send(self.wires.iter().map(Wire::report).collect());
                }
                Request::SetLink { device, up, done } => {
                    let mut own = self.slots.iter_mut().filter(|slot| slot.index() == device);
                    let found = own.next().map(|slot| {
                        let host = &mut slot.function.host;
                        host.fabric.set_up(up);
                        host.neighbours.set_up(host.id, up);
                        slot.function.awake = true;
                    });
                    let _ = done.send(found.is_some());
                }
                Request::Stop => self.stop = true,
            }
        }
    }

    /// Sets the timer that ends a sleep, or none.
    fn arm(&mut self, sleep: Option<Duration>) -> anyhow::Result<()> {
        match sleep {
            // Zero would switch it off.
            Some(sleep) => self.timer.reset(sleep.max(Duration::from_nanos(1)), None),
            None if self.armed => self.timer.clear(),
            None => return Ok(()),
        }
        .context("the timer failed")?;
        self.armed = sleep.is_some();
        Ok(())
    }

    /// Whether [`Worker::watch`] has something to do.
    fn is_unwatched(&self) -> bool {
        self.slots.iter().any(|slot| slot.unwatched)
    }

    /// Brings what the event loop watches in line with the connections.
    fn watch(&mut self, ops: &mut EventOps<'_>) -> anyhow::Result<()> {
        for (slot, index) in self.slots.iter_mut().zip(0u32..) {
            if !std::mem::take(&mut slot.unwatched) {
                continue;
            }
            let deaf = slot.accept_after.is_some();
            if deaf != slot.deaf {
                let mut set = EventSet::IN;
                set.set(EventSet::IN, !deaf);
                let listener = slot.server.listener_fd();
                ops.modify(Events::with_data(&listener, DEVICES + 2 * index, set))
                    .map_err(lost)?;
                slot.deaf = deaf;
            }
            if std::mem::take(&mut slot.renewed)
                && let Some((fd, _)) = slot.watched.take()
            {
                ops.remove(Events::empty(&fd)).map_err(lost)?;
            }
            let data = DEVICES + 2 * index + 1;
            let interest = slot.server.connection().map(|c| c.interest());
            match (&mut slot.watched, interest) {
                (None, None) => {}
                (Some((fd, before)), Some(interest)) => {
                    if *before != interest {
                        *before = interest;
                        ops.modify(Events::with_data(fd, data, events(interest)))
                            .map_err(lost)?;
                    }
                }
                (watched @ None, Some(interest)) => {
                    let Some(connection) = slot.server.connection() else {
                        continue;
                    };
                    let fd = connection.fd().try_clone_to_owned()?;
                    ops.add(Events::with_data(&fd, data, events(interest)))
                        .map_err(lost)?;
                    *watched = Some((fd, interest));
                }
                (watched @ Some(_), None) => {
                    if let Some((fd, _)) = watched.take() {
                        ops.remove(Events::empty(&fd)).map_err(lost)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Bytes for the next turn, after one with `bytes` at most that took so long: fewer when it was too
/// long, more when it moved data and had time to spare.
fn paced(bytes: u64, took: Duration) -> u64 {
    if took > TURN_TIME {
        (bytes / 2).max(TURN.bytes)
    } else if (TURN_TIME / 25..TURN_TIME / 2).contains(&took) {
        bytes.saturating_mul(2).min(MOST_BYTES)
    } else {
        bytes
    }
}

/// How long to look before the next sleep, after a look of `spin` and a sleep of `slept`.
fn spun(base: Duration, spin: Duration, slept: Duration) -> Duration {
    let most = base * MOST_SPINS;
    if slept < most {
        (spin * 2).min(most)
    } else {
        base
    }
}

fn events(interest: Interest) -> EventSet {
    let mut set = EventSet::empty();
    set.set(EventSet::IN, interest.readable);
    set.set(EventSet::OUT, interest.writable);
    set
}

impl MutEventSubscriber for Worker {
    fn init(&mut self, ops: &mut EventOps<'_>) {
        let mut add = |fd, data| {
            if let Err(error) = ops.add(Events::with_data_raw(fd, data, EventSet::IN)) {
                log::error!("descriptor {fd} cannot be watched: {error}");
                self.stop = true;
            }
        };
        add(self.waker.fd(), WAKER);
        add(self.timer.as_raw_fd(), TIMER);
        for (wire, index) in self.wires.iter().zip(0u32..) {
            add(wire.fd(), WIRES + index);
        }
        for (slot, index) in self.slots.iter().zip(0u32..) {
            add(slot.server.listener_fd().as_raw_fd(), DEVICES + 2 * index);
        }
    }

    fn process(&mut self, events: Events, _ops: &mut EventOps<'_>) {
        match events.data() {
            WAKER => self.waker.take(),
            TIMER => {
                // Readable, so this does not wait.
                let _ = self.timer.wait();
            }
            data => {
                let Some(number) = data.checked_sub(DEVICES) else {
                    let wire = data
                        .checked_sub(WIRES)
                        .and_then(|n| usize::try_from(n).ok());
                    if let Some(wire) = wire.and_then(|n| self.wires.get_mut(n)) {
                        wire.poked();
                        wire.turn(Instant::now());
                    }
                    return;
                };
                let slot = usize::try_from(number / 2).ok();
                let Some(slot) = slot.and_then(|n| self.slots.get_mut(n)) else {
                    return;
                };
                if number % 2 == 0 {
                    slot.accept(Instant::now());
                } else {
                    slot.serve();
                }
            }
        }
    }
}

/// Runs a worker until it is told to stop. Its devices' sockets are gone afterwards.
///
/// # Errors
/// If the event loop fails.
pub fn run(worker: Worker) -> anyhow::Result<()> {
    let mut manager = EventManager::new().map_err(lost)?;
    // Shared with the event loop of this very thread, which calls it while it waits only.
    let worker = Rc::new(RefCell::new(worker));
    let id = manager.add_subscriber(Rc::clone(&worker));
    let result = work(&mut manager, id, &worker);
    for slot in &mut worker.borrow_mut().slots {
        slot.server.disconnect(&mut slot.function);
    }
    result
}

fn lost(error: event_manager::Error) -> anyhow::Error {
    anyhow!("the event loop failed: {error}")
}

fn work(
    manager: &mut EventManager<Rc<RefCell<Worker>>>,
    id: SubscriberId,
    shared: &RefCell<Worker>,
) -> anyhow::Result<()> {
    let mut worked = Instant::now();
    let mut look_at_sockets = worked;
    let mut interval = SOCKET_INTERVAL.0;
    let mut look_again = LOOK_AGAIN.0;
    let mut began = None;
    let base = shared.borrow().spin;
    let mut spin = base;
    let mut crowded = 0;
    loop {
        let mut now = Instant::now();
        if let Some(began) = began.take() {
            shared.borrow_mut().pace(now - began);
        }
        let look = now >= look_at_sockets;
        if look {
            if manager.run_with_timeout(0).map_err(lost)? > 0 {
                interval = SOCKET_INTERVAL.0;
                now = Instant::now();
                worked = now;
            } else {
                interval = (interval * 2).min(SOCKET_INTERVAL.1);
            }
            look_at_sockets = now + interval;
        }
        let mut worker = shared.borrow_mut();
        if look {
            worker.take_requests();
        }
        if worker.stop {
            return Ok(());
        }
        let busy = worker.turn(now);
        if worker.is_unwatched() {
            worker.watch(&mut manager.event_ops(id).map_err(lost)?)?;
        }
        if busy {
            began = Some(now);
            worked = now;
            look_again = LOOK_AGAIN.0;
            continue;
        }
        let idle = now.saturating_duration_since(worked);
        if idle < spin && worker.may_be_rung() && crowded < CROWDED {
            if idle < ALONE {
                std::hint::spin_loop();
            } else {
                drop(worker);
                std::thread::yield_now();
                crowded += u32::from(now.elapsed() > OTHER_RAN);
            }
            continue;
        }
        crowded = 0;
        let Some(sleep) = worker.park(look_again, now) else {
            worked = now;
            continue;
        };
        look_again = (look_again * 2).min(LOOK_AGAIN.1);
        worker.arm(sleep)?;
        drop(worker);
        manager.run_with_timeout(-1).map_err(lost)?;
        shared.borrow_mut().waker.awake();
        worked = Instant::now();
        spin = spun(base, spin, worked - now);
        interval = SOCKET_INTERVAL.0;
        // Whatever woke it may have come with a request.
        look_at_sockets = worked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_sleeps_make_the_next_look_longer_and_a_long_one_ends_that() {
        let micros = Duration::from_micros;
        let base = micros(30);
        assert_eq!(spun(base, base, micros(25)), micros(60));
        assert_eq!(spun(base, micros(400), micros(25)), base * MOST_SPINS);
        assert_eq!(
            spun(base, base * MOST_SPINS, micros(479)),
            base * MOST_SPINS
        );
        assert_eq!(spun(base, base * MOST_SPINS, micros(480)), base);
        assert_eq!(
            spun(Duration::ZERO, Duration::ZERO, micros(1)),
            Duration::ZERO
        );
    }

    #[test]
    fn a_turn_grows_where_memory_is_fast_and_shrinks_where_it_is_slow() {
        let micros = Duration::from_micros;
        assert_eq!(paced(TURN.bytes, micros(5)), 2 * TURN.bytes);
        assert_eq!(paced(MOST_BYTES, micros(5)), MOST_BYTES);
        assert_eq!(paced(MOST_BYTES, micros(30)), MOST_BYTES);
        assert_eq!(paced(MOST_BYTES, micros(51)), MOST_BYTES / 2);
        assert_eq!(paced(TURN.bytes, micros(5000)), TURN.bytes);
        // No work to speak of tells nothing about the memory.
        assert_eq!(paced(TURN.bytes, micros(1)), TURN.bytes);
    }
}
