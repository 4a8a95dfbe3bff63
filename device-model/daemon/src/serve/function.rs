//! A device with everything that its client has given it, and its turn at work. What the client
//! says comes in through `session.rs`.

use rnic_abi::{CounterId, place};
use rnic_core::dma::{DmaTable, FilePolicy, Retired, SharedMemory};
use rnic_core::env::{Budget, Env, Nanos, Progress};
use rnic_core::fault::Site;
use rnic_core::interrupt::{VECTORS, VectorState};
use rnic_firmware::{Device, ResetKind};
use rnic_wire::Gid;
use vfio_user_server::{DeviceInfo, UnmapToken};

use super::host::{Host, Vectors};
use super::session::{describe, messages};
use crate::cli::{Doorbell, Irq};

/// Nanoseconds between two looks of a device whose port is full: the first, and at most.
const FULL: (u64, u64) = (50_000, 1_000_000);
/// Frames or segments handed to the device before it runs.
const ARRIVALS: usize = 64;

/// A device and everything that its client has given it.
pub struct Function {
    /// The device.
    pub device: Device,
    /// Its host.
    pub host: Host,
    /// Something happened that it has not run for.
    pub awake: bool,
    /// What the client sees.
    pub(super) info: DeviceInfo,
    pub(super) doorbell: Doorbell,
    pub(super) irq: Irq,
    pub(super) dma: DmaTable,
    policy: FilePolicy,
    pub(super) unmaps: Vec<(UnmapToken, Retired)>,
    pub(super) connected: bool,
    /// Addresses as the neighbours know them, and the commands that the device had executed when
    /// they were last compared: only commands and resets change addresses.
    addresses: (Vec<Gid>, u64),
    /// The client was told that memory is out of reach.
    pub(super) warned_unreachable: bool,
    /// The device has nothing to do until its port has room, or this moment; and how long it waits then.
    stalled: Option<(Nanos, u64)>,
    /// The driver rang for a command since the device last ran.
    pub(super) rang: bool,
    /// The client was told that its memory looks private.
    pub(super) warned_private: bool,
}

impl Function {
    /// A device that nobody uses yet.
    ///
    /// # Errors
    /// If the host has no descriptor for its doorbells.
    pub fn new(
        device: Device,
        host: Host,
        doorbell: Doorbell,
        irq: Irq,
        policy: FilePolicy,
    ) -> anyhow::Result<Self> {
        let info = describe(&host.doorbells, doorbell, irq)?;
        let mut function = Self {
            device,
            host,
            awake: true,
            info,
            doorbell,
            irq,
            dma: empty_table(policy),
            policy,
            unmaps: Vec::new(),
            connected: false,
            addresses: (Vec::new(), 0),
            stalled: None,
            warned_unreachable: false,
            rang: false,
            warned_private: false,
        };
        function.publish();
        Ok(function)
    }

    /// Whether a client is there.
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Whether the client was told that its memory looks private.
    pub const fn memory_looks_private(&self) -> bool {
        self.warned_private
    }

    /// Memory ranges that the client has given, neighbours joined.
    pub fn map_count(&self) -> usize {
        self.dma.map_count()
    }

    /// Hands over what has arrived and lets the device work; whether there was work, or is.
    pub fn run(&mut self, budget: Budget) -> Progress {
        let mut progress = self.take_frames().and(self.take_segments());
        let room = self.host.fabric.take_room();
        if self.awake
            || room
            || progress == Progress::Busy
            || self.host.mapped
            || self.timer_is_due()
        {
            self.awake = false;
            let before = self.frames_out();
            let ran = self.device.run(&mut self.host, budget);
            let ran = self.stall(ran, self.frames_out() != before || room);
            progress = progress.and(ran);
            self.awake = progress == Progress::Busy;
            self.follow_addresses();
            if std::mem::take(&mut self.rang) {
                self.warn_if_private();
            }
        }
        progress
    }

    /// Frames that the device has sent, and segments counted as such.
    fn frames_out(&self) -> u64 {
        let counters = &self.device.hardware().resources.counters;
        counters.get(CounterId::FRAMES_OUT)
    }

    /// What a run came to, for whoever asks whether to run it again. `sent`: it sent something, or
    /// there was room again.
    fn stall(&mut self, ran: Progress, sent: bool) -> Progress {
        let full = std::mem::take(&mut self.host.found_full);
        let before = self.stalled.map(|(_, wait)| wait);
        let wait = if full && !sent {
            stall(ran, before)
        } else {
            None
        };
        self.stalled = wait.map(|wait| (self.host.now().after(wait), wait));
        if wait.is_some() { Progress::Idle } else { ran }
    }

    /// Whether only its port, or a moment, lets the device go on.
    pub const fn is_stalled(&self) -> bool {
        self.stalled.is_some()
    }

    /// Tells the neighbours where the device answers now.
    fn follow_addresses(&mut self) {
        let counters = &self.device.hardware().resources.counters;
        let commands = counters.get(CounterId::COMMANDS);
        if self.addresses.1 == commands {
            return;
        }
        self.addresses.1 = commands;
        if !self.device.addresses().eq(self.addresses.0.iter().copied()) {
            self.addresses.0 = self.device.addresses().collect();
            self.host
                .neighbours
                .set_addresses(self.host.id, &self.addresses.0);
        }
    }

    fn take_frames(&mut self) -> Progress {
        let mut progress = Progress::Idle;
        for frame in self.host.take_delayed(Site::FrameIn) {
            progress = Progress::Busy;
            self.device.frame_received(&mut self.host, &frame);
        }
        self.host.send_delayed();
        for _ in 0..ARRIVALS {
            let Some(frame) = self.host.fabric.receive() else {
                break;
            };
            progress = Progress::Busy;
            if self.host.faults.is_empty() {
                self.device.frame_received(&mut self.host, &frame);
                continue;
            }
            match self.host.damage(Site::FrameIn, &frame) {
                None => self.device.frame_received(&mut self.host, &frame),
                Some(frames) => {
                    for frame in frames {
                        self.device.frame_received(&mut self.host, &frame);
                    }
                }
            }
        }
        progress
    }

    fn take_segments(&mut self) -> Progress {
        let mut progress = Progress::Idle;
        for _ in 0..ARRIVALS {
            let Some(segment) = self.host.neighbours.take(self.host.id) else {
                break;
            };
            progress = Progress::Busy;
            self.device.segment_received(&mut self.host, *segment);
        }
        progress
    }

    /// Whether the device wants to run because of the time.
    pub fn timer_is_due(&self) -> bool {
        self.next_timer().is_some_and(|at| at <= self.host.now())
    }

    /// When it wants to run because of the time.
    pub fn next_timer(&self) -> Option<Nanos> {
        let timers = self.device.next_timer().into_iter();
        let stalled = self.stalled.map(|(at, _)| at);
        timers.chain(self.host.next_delayed()).chain(stalled).min()
    }

    /// Whether something has arrived for it.
    pub fn has_arrivals(&self) -> bool {
        self.host.fabric.has_frames()
            || self.host.fabric.has_room()
            || self.host.neighbours.has_segments(self.host.id)
    }

    /// Unmaps whose last access has ended since.
    pub fn finished_unmaps(&mut self) -> Vec<UnmapToken> {
        let mut finished = Vec::new();
        self.unmaps.retain(|(token, retired)| {
            let done = retired.is_quiescent();
            if done {
                finished.push(*token);
            }
            !done
        });
        finished
    }

    /// Whether an unmap waits.
    pub const fn has_unmaps(&self) -> bool {
        !self.unmaps.is_empty()
    }

    /// Gives the device the memory as it is now.
    pub(super) fn publish(&mut self) {
        let space = self.dma.snapshot();
        self.device.dma_changed(&mut self.host, space);
        self.awake = true;
    }

    /// The client has no memory, no interrupts and no doorbells any more, and the device is as
    /// after power-up.
    pub(super) fn forget_client(&mut self) {
        self.dma = empty_table(self.policy);
        self.unmaps.clear();
        self.publish();
        self.disconnect_vectors();
        self.host.mapped = false;
        self.device.reset(&mut self.host, ResetKind::Conventional);
        self.renew_doorbells();
    }

    /// The last client may still have the doorbells mapped, so the next one gets others.
    fn renew_doorbells(&mut self) {
        let renewed = SharedMemory::new(place::BAR_DOORBELLS_SIZE)
            .map_err(anyhow::Error::from)
            .and_then(|memory| Ok((describe(&memory, self.doorbell, self.irq)?, memory)));
        match renewed {
            Ok((info, memory)) => {
                self.info = info;
                self.host.doorbells = memory;
            }
            Err(error) => {
                log::warn!("the next client gets the doorbells of the last one: {error:#}");
                let size = self.host.doorbells.len();
                let _ = self.host.doorbells.fill(0, size, 0);
            }
        }
    }

    /// Nobody listens to any interrupt.
    pub(super) fn disconnect_vectors(&mut self) {
        self.host.vectors = Vectors::new(usize::try_from(messages(self.irq)).unwrap_or(0));
        self.follow_vectors();
    }

    /// Tells the device which of its vectors somebody hears. Fewer messages than vectors are
    /// shared `[INT-6]`.
    pub(super) fn follow_vectors(&mut self) {
        let messages = self.device.function().messages();
        self.host.vectors.set_messages(messages);
        for vector in 0..VECTORS {
            let state = if self.host.vectors.is_connected(vector) {
                VectorState::Connected
            } else {
                VectorState::Unconnected
            };
            self.device.set_vector(&mut self.host, vector, state);
        }
    }
}

/// How long a device waits whose run only found its port full, after a wait of `before`; none when
/// it has nothing to do anyway. The port tells when there is room; whatever else the device may have
/// to do is looked at now and then.
fn stall(ran: Progress, before: Option<u64>) -> Option<u64> {
    let wait = before.map_or(FULL.0, |wait| (wait * 2).min(FULL.1));
    (ran == Progress::Busy).then_some(wait)
}

/// A table without maps. Whether the function may use it is the device's to say, so the table
/// itself always permits it.
fn empty_table(policy: FilePolicy) -> DmaTable {
    let mut table = DmaTable::new(policy);
    table.set_bus_master(true);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    // It ran again and again, and its worker never slept.
    #[test]
    fn a_device_whose_port_is_full_waits_longer_each_time() {
        let mut waits = Vec::new();
        let mut before = None;
        for _ in 0..7 {
            before = stall(Progress::Busy, before);
            waits.extend(before);
        }
        let nanos = [
            50_000, 100_000, 200_000, 400_000, 800_000, 1_000_000, 1_000_000,
        ];
        assert_eq!(waits, nanos);
        assert_eq!(stall(Progress::Idle, before), None);
    }
}
