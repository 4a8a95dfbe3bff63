//! A switch with a queue at every port, shared by the threads of a process.
//!
//! A frame to one station waits at its sender while the station's queue is full, as with a pause
//! frame (IEEE 802.3 annex 31B), and the sender is woken when half of it is empty; a frame to many
//! is lost at the full ones. A port that is down loses what it sends and what is sent to it.
//!
//! Tests: below.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::buffer::FrameBuffer;
use crate::capture::Capture;
use crate::switch::{Out, Port, Switch};

/// Frames that a port's queue holds.
const QUEUE: usize = 1024;

/// Told when a port's queue is no longer empty, or another has room again for what it sends.
pub trait Wake: Send + Sync {
    /// Called by the thread that did it, afterwards.
    fn wake(&self);
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The switch took it.
    Ok,
    /// The station's queue is full; nothing was taken.
    Full,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<FrameBuffer>,
    /// Ports that found the queue full since it last had room.
    senders: Vec<Port>,
}

struct Queue {
    waiting: Mutex<Waiting>,
    /// Frames in it, to look at without the lock.
    length: AtomicUsize,
    up: AtomicBool,
    wake: Box<dyn Wake>,
    lost: AtomicU64,
    /// There is room where this port found none.
    room: AtomicBool,
}

impl Queue {
    /// Whether the frame was taken, or is lost with the port down; if not, `from` is told of room.
    fn push(&self, from: Option<Port>, frame: &[u8]) -> bool {
        if !self.up.load(Ordering::Acquire) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        let mut waiting = lock(&self.waiting);
        if waiting.frames.len() >= QUEUE {
            if let Some(from) = from.filter(|from| !waiting.senders.contains(from)) {
                waiting.senders.push(from);
            }
            return false;
        }
        waiting.frames.push_back(frame.into());
        // Before the waker looks whether anybody sleeps, as whoever goes to sleep does the reverse.
        self.length.store(waiting.frames.len(), Ordering::SeqCst);
        drop(waiting);
        self.wake.wake();
        true
    }

    /// Takes frames out by `act`; also who is to be told of room.
    fn take<R>(&self, act: impl FnOnce(&mut VecDeque<FrameBuffer>) -> R) -> (R, Vec<Port>) {
        let mut waiting = lock(&self.waiting);
        let result = act(&mut waiting.frames);
        let left = waiting.frames.len();
        self.length.store(left, Ordering::Release);
        let senders = if left <= QUEUE / 2 {
            std::mem::take(&mut waiting.senders)
        } else {
            Vec::new()
        };
        (result, senders)
    }
}

/// The switch and its ports.
pub struct Fabric {
    switch: Mutex<Switch>,
    queues: Box<[Queue]>,
    capture: Arc<Capture>,
}

/// One port of a fabric.
#[derive(Clone)]
pub struct FabricPort {
    fabric: Arc<Fabric>,
    index: Port,
}

/// A fabric cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FabricError {
    /// More ports than a switch numbers.
    #[error("{0} ports are more than a switch has")]
    TooManyPorts(usize),
}

impl Fabric {
    /// A fabric with a port for each of `wakers`, in their order, all up. What they send is shown
    /// to `capture`, which numbers ports as this does.
    ///
    /// # Errors
    /// If there are more ports than a switch numbers.
    pub fn build(
        wakers: Vec<Box<dyn Wake>>,
        capture: Arc<Capture>,
    ) -> Result<Vec<FabricPort>, FabricError> {
        let count = wakers.len();
        let ports = Port::try_from(count).map_err(|_| FabricError::TooManyPorts(count))?;
        let queue = |wake| Queue {
            waiting: Mutex::default(),
            length: AtomicUsize::new(0),
            up: AtomicBool::new(true),
            wake,
            lost: AtomicU64::new(0),
            room: AtomicBool::new(false),
        };
        let fabric = Arc::new(Fabric {
            switch: Mutex::default(),
            queues: wakers.into_iter().map(queue).collect(),
            capture,
        });
        let port = |index| FabricPort {
            fabric: Arc::clone(&fabric),
            index,
        };
        Ok((0..ports).map(port).collect())
    }

    fn queue(&self, port: Port) -> Option<&Queue> {
        self.queues.get(usize::try_from(port).ok()?)
    }

    /// Tells ports that a queue has room again.
    fn tell_of_room(&self, senders: Vec<Port>) {
        for queue in senders.into_iter().filter_map(|port| self.queue(port)) {
            queue.room.store(true, Ordering::SeqCst);
            queue.wake.wake();
        }
    }
}

impl FabricPort {
    /// Sends a frame (without frame check sequence).
    pub fn send(&self, frame: &[u8]) -> Sent {
        let fabric = &*self.fabric;
        let own = fabric.queue(self.index);
        if !own.is_some_and(|queue| queue.up.load(Ordering::Acquire)) {
            return Sent::Ok;
        }
        let out = lock(&fabric.switch).forward(self.index, frame);
        match out {
            Out::Nowhere => {}
            Out::To(port) => {
                let queue = fabric.queue(port);
                if queue.is_some_and(|queue| !queue.push(Some(self.index), frame)) {
                    return Sent::Full;
                }
            }
            Out::Flood => {
                for (port, queue) in (0..).zip(fabric.queues.iter()) {
                    if port != self.index && !queue.push(None, frame) {
                        queue.lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
        if fabric.capture.is_on() {
            self.show(out, frame);
        }
        Sent::Ok
    }

    /// Shows a frame to the capture.
    fn show(&self, out: Out, frame: &[u8]) {
        let capture = &self.fabric.capture;
        match out {
            Out::Nowhere => capture.frame(self.index, None, false, frame),
            Out::To(port) => capture.frame(self.index, Some(port), false, frame),
            Out::Flood => capture.flood(self.index, frame),
        }
    }

    /// Whether a capture runs.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.fabric.capture.is_on()
    }

    /// Shows the capture a segment of this port's device as it would have been as a frame.
    pub fn record(&self, frame: &[u8]) {
        let out = lock(&self.fabric.switch).find(self.index, frame);
        let to = match out {
            Out::To(port) => Some(port),
            Out::Nowhere | Out::Flood => None,
        };
        self.fabric.capture.frame(self.index, to, true, frame);
    }

    /// The next frame for this port.
    #[must_use]
    pub fn receive(&self) -> Option<FrameBuffer> {
        let queue = self.fabric.queue(self.index)?;
        if queue.length.load(Ordering::Acquire) == 0 {
            return None;
        }
        let (frame, senders) = queue.take(VecDeque::pop_front);
        self.fabric.tell_of_room(senders);
        frame
    }

    /// Appends frames for this port to `to`, until it has `most`.
    pub fn receive_many(&self, to: &mut VecDeque<FrameBuffer>, most: usize) {
        let Some(queue) = self.fabric.queue(self.index) else {
            return;
        };
        if queue.length.load(Ordering::Acquire) == 0 {
            return;
        }
        let ((), senders) = queue.take(|frames| {
            let count = frames.len().min(most.saturating_sub(to.len()));
            to.extend(frames.drain(..count));
        });
        self.fabric.tell_of_room(senders);
    }

    /// Whether there is room again where this port found none; answered once.
    pub fn take_room(&self) -> bool {
        let queue = self.fabric.queue(self.index);
        queue.is_some_and(|q| q.room.load(Ordering::SeqCst) && q.room.swap(false, Ordering::SeqCst))
    }

    /// What [`Self::take_room`] would answer.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let queue = self.fabric.queue(self.index);
        queue.is_some_and(|queue| queue.room.load(Ordering::SeqCst))
    }

    /// Whether there is a frame for this port.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        let queue = self.fabric.queue(self.index);
        queue.is_some_and(|queue| queue.length.load(Ordering::SeqCst) > 0)
    }

    /// Takes the port up or down. Frames in its queue are lost when it goes down, and the switch
    /// forgets who was behind it.
    pub fn set_up(&self, up: bool) {
        let Some(queue) = self.fabric.queue(self.index) else {
            return;
        };
        queue.up.store(up, Ordering::Release);
        if !up {
            let (frames, senders) = queue.take(std::mem::take);
            let lost = u64::try_from(frames.len()).unwrap_or(u64::MAX);
            queue.lost.fetch_add(lost, Ordering::Relaxed);
            self.fabric.tell_of_room(senders);
            lock(&self.fabric.switch).forget(self.index);
        }
    }

    /// Whether the port is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        let queue = self.fabric.queue(self.index);
        queue.is_some_and(|queue| queue.up.load(Ordering::Acquire))
    }

    /// Frames for this port that were lost: it was down, or its queue was full of frames.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let queue = self.fabric.queue(self.index);
        queue.map_or(0, |queue| queue.lost.load(Ordering::Relaxed))
    }
}

/// A thread that panicked left the data whole: every critical section above is a few stores.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn fabric(count: usize) -> (Vec<FabricPort>, Vec<Count>) {
        let wakers = vec![(); count].into_iter().map(|()| Count::default());
        let wakers: Vec<Count> = wakers.collect();
        let boxed = wakers.iter().cloned();
        let boxed = boxed.map(|w| Box::new(w) as Box<dyn Wake>).collect();
        (Fabric::build(boxed, Arc::default()).unwrap(), wakers)
    }

    fn frame(to: u8, from: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[5] = to;
        bytes[11] = from;
        bytes
    }

    #[test]
    fn frames_reach_their_station_and_wake_it() {
        let (ports, wakers) = fabric(3);
        assert_eq!(ports[1].send(&frame(9, 1)), Sent::Ok);
        assert!(ports[0].has_frames() && ports[2].has_frames());
        assert!(ports[0].receive().is_some() && ports[2].receive().is_some());
        assert_eq!(ports[0].send(&frame(1, 7)), Sent::Ok);
        assert_eq!(ports[1].receive().as_deref(), Some(&frame(1, 7)[..]));
        assert!(!ports[2].has_frames());
        let woken: Vec<_> = wakers.iter().map(|w| w.0.load(Ordering::Relaxed)).collect();
        assert_eq!(woken, [1, 1, 1]);
    }

    #[test]
    fn a_full_station_holds_its_sender_and_costs_others_nothing() {
        let (ports, _) = fabric(3);
        ports[1].send(&frame(9, 1));
        for n in 0..QUEUE {
            assert_eq!(ports[0].send(&frame(1, 7)), Sent::Ok, "{n}");
        }
        assert_eq!(ports[0].send(&frame(1, 7)), Sent::Full);
        assert_eq!(ports[2].send(&frame(7, 2)), Sent::Ok);
        // To many: lost at the full one only.
        assert_eq!(ports[2].send(&frame(99, 2)), Sent::Ok);
        assert_eq!(ports[1].lost(), 1);
        assert!(ports[1].receive().is_some());
        assert_eq!(ports[0].send(&frame(1, 7)), Sent::Ok);
        let mut many = VecDeque::new();
        ports[1].receive_many(&mut many, 64);
        ports[1].receive_many(&mut many, 64);
        assert_eq!(many.len(), 64);
        ports[1].receive_many(&mut many, 10 * QUEUE);
        assert_eq!(many.len(), QUEUE);
        assert!(!ports[1].has_frames());
    }

    // Whoever found a full queue asked again and again, and kept its worker from sleeping.
    #[test]
    fn a_sender_that_found_no_room_is_told_when_there_is_some() {
        let (ports, wakers) = fabric(3);
        ports[1].send(&frame(9, 1));
        let _ = ports[0].receive();
        while ports[0].send(&frame(1, 7)) == Sent::Ok {}
        let woken = || wakers[0].0.load(Ordering::Relaxed);
        let before = woken();
        assert_eq!(ports[0].send(&frame(1, 7)), Sent::Full);
        for _ in 0..QUEUE / 2 - 1 {
            let _ = ports[1].receive();
        }
        assert!(!ports[0].has_room() && woken() == before);
        let _ = ports[1].receive();
        assert!(ports[0].has_room() && woken() == before + 1);
        assert!(ports[0].take_room() && !ports[0].take_room());
        assert!(!ports[2].has_room(), "it did not ask");
        // Also when the port that was full goes down: then what is sent to it is lost.
        while ports[0].send(&frame(1, 7)) == Sent::Ok {}
        ports[1].set_up(false);
        assert!(ports[0].take_room());
    }

    #[test]
    fn a_port_that_is_down_loses_both_ways() {
        let (ports, _) = fabric(2);
        ports[0].send(&frame(9, 1));
        ports[1].set_up(false);
        assert!(!ports[1].is_up() && !ports[1].has_frames());
        assert_eq!(ports[1].send(&frame(1, 2)), Sent::Ok);
        assert!(!ports[0].has_frames());
        assert_eq!(ports[0].send(&frame(2, 1)), Sent::Ok);
        assert_eq!(ports[1].lost(), 2);
        ports[1].set_up(true);
        ports[0].send(&frame(2, 1));
        assert!(ports[1].has_frames());
    }

    #[test]
    fn the_capture_holds_what_was_sent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        let capture = Arc::new(Capture::new(vec!["device0".into(), "device1".into()]));
        let wakers: Vec<Box<dyn Wake>> =
            vec![Box::new(Count::default()), Box::new(Count::default())];
        let ports = Fabric::build(wakers, Arc::clone(&capture)).unwrap();
        ports[0].send(&frame(9, 1));
        capture.start(&path, &[]).unwrap();
        ports[0].send(&frame(2, 1));
        ports[1].send(&frame(1, 2));
        ports[1].record(&frame(1, 3));
        capture.stop().unwrap();
        ports[0].send(&frame(9, 1));
        let file = std::fs::read(&path).unwrap();
        let mut reader = crate::pcap::CaptureReader::new(&file[..]).unwrap();
        for (port, want) in [(0, frame(2, 1)), (1, frame(1, 2)), (1, frame(1, 3))] {
            let captured = reader.next_frame().unwrap().unwrap();
            assert_eq!((captured.interface, captured.data), (port, &want[..]));
        }
        assert!(reader.next_frame().unwrap().is_none());
    }
}
