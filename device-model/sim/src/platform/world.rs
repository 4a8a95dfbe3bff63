//! The functions of a machine, what lies between them, and the steps in which they work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rnic_abi::feature;
use rnic_core::dma::SharedMemory;
use rnic_core::env::Delivered;
use rnic_core::env::{Budget, Env, Nanos, NeighbourId, PortInfo, Progress, Sent};
use rnic_core::fault::{Fault, FaultPlan, Site};
use rnic_core::segment::Segment;
use rnic_firmware::{Config, Device};
use rnic_platform::{DmaAccess, PlatformError};
use rnic_wire::{Gid, MacAddr};

use super::fabric::Fabric;
use super::memory::Memory;

/// Nanoseconds that one register access takes.
const ACCESS_NS: u64 = 200;
/// Runs of all functions in one step, at most: a device that never becomes idle is not waited for.
const ROUNDS: u32 = 2_000;
/// Frames and segments handed over between two runs of a function.
const ARRIVALS: usize = 64;

/// The host's side of one function: all of it that the function's [`Env`] needs.
pub struct Host {
    /// Doorbell memory.
    pub doorbells: Arc<SharedMemory>,
    /// The driver stores to doorbell memory without the device's knowing.
    pub mapped: bool,
    /// Interrupt messages, by vector.
    pub interrupts: BTreeMap<u16, u64>,
    /// What goes wrong inside the device.
    pub faults: FaultPlan,
    /// Faults that it took, by site.
    pub faults_taken: BTreeMap<&'static str, u64>,
    /// Its port.
    pub port: PortInfo,
}

/// One function and its surroundings.
pub struct Node {
    /// The device.
    pub device: Device,
    /// Its guest's memory.
    pub memory: Memory,
    /// Its host.
    pub host: Host,
    /// Vectors that are masked.
    pub masked: BTreeSet<u16>,
    /// It said that it sleeps; only an access, a frame, a segment or a timer wakes it.
    pub parked: bool,
}

/// Functions, fabric, clock.
pub struct World {
    /// The functions.
    pub nodes: Vec<Node>,
    /// What lies between them.
    pub fabric: Fabric,
    /// Now.
    pub clock: Nanos,
    /// Devices are let sleep when they have nothing to do.
    pub park: bool,
    /// Budget of one run.
    pub budget: Budget,
}

struct NodeEnv<'a> {
    now: Nanos,
    index: usize,
    host: &'a mut Host,
    fabric: &'a mut Fabric,
}

impl Env for NodeEnv<'_> {
    fn now(&self) -> Nanos {
        self.now
    }
    fn doorbell(&self, word: u32) -> u64 {
        let loaded = self.host.doorbells.load_acquire_u64(u64::from(word) * 8);
        loaded.unwrap_or(0)
    }
    fn next_rung(&self, first: u32, end: u32) -> u32 {
        let count = end.saturating_sub(first) as usize;
        let doorbells = &self.host.doorbells;
        let found = doorbells.find_set_u64(u64::from(first) * 8, count);
        found.map_or(end, |found| first + found as u32)
    }
    fn set_doorbell(&mut self, word: u32, value: u64) {
        // Past the end of the window there is nothing.
        let _ = self
            .host
            .doorbells
            .store_release_u64(u64::from(word) * 8, value);
    }
    fn take_summary(&mut self, word: u32) -> u64 {
        let taken = self.host.doorbells.swap_u64(u64::from(word) * 8, 0);
        taken.unwrap_or(0)
    }
    fn doorbells_mapped(&self) -> bool {
        self.host.mapped
    }
    fn transmit(&mut self, frame: &[u8]) -> Sent {
        self.fabric.transmit(self.now, self.index, frame)
    }
    fn neighbour(&self, ip: Gid) -> Option<NeighbourId> {
        self.fabric.neighbour(ip)
    }
    fn deliver(&mut self, to: NeighbourId, segment: Box<Segment>) -> Delivered {
        self.fabric.deliver(self.index, to, segment)
    }
    fn raise(&mut self, vector: u16) {
        *self.host.interrupts.entry(vector).or_default() += 1;
    }
    fn fault(&mut self, site: Site) -> Option<Fault> {
        let fault = self.host.faults.consult(site)?;
        let name = match site {
            Site::Dma => "dma",
            Site::Command => "command",
            Site::Completion => "completion",
            Site::Interrupt => "interrupt",
            Site::FrameIn => "frame-in",
            Site::FrameOut => "frame-out",
        };
        *self.host.faults_taken.entry(name).or_default() += 1;
        Some(fault)
    }
    fn port(&self) -> PortInfo {
        self.host.port
    }
}

impl World {
    /// Calls the device of a node with its environment.
    pub fn with<R>(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut Device, &mut dyn Env) -> R,
    ) -> R {
        let node = &mut self.nodes[index];
        let mut env = NodeEnv {
            now: self.clock,
            index,
            host: &mut node.host,
            fabric: &mut self.fabric,
        };
        call(&mut node.device, &mut env)
    }

    /// A trapped read.
    pub fn bar_read(&mut self, index: usize, bar: u8, offset: u64, data: &mut [u8]) {
        self.pass_time();
        self.with(index, |device, env| device.bar_read(env, bar, offset, data));
    }

    /// A trapped write.
    pub fn bar_write(&mut self, index: usize, bar: u8, offset: u64, data: &[u8]) {
        self.pass_time();
        self.nodes[index].parked = false;
        self.with(index, |device, env| {
            device.bar_write(env, bar, offset, data)
        });
    }

    /// Reads configuration space.
    pub fn config_read(&mut self, index: usize, offset: u16, data: &mut [u8]) {
        self.pass_time();
        self.with(index, |device, _| device.config_read(offset.into(), data));
    }

    /// Writes configuration space.
    pub fn config_write(&mut self, index: usize, offset: u16, data: &[u8]) {
        self.pass_time();
        self.nodes[index].parked = false;
        self.with(index, |device, env| {
            device.config_write(env, offset.into(), data)
        });
    }

    /// Gives out memory: offset, length, DMA address.
    ///
    /// # Errors
    /// As [`Memory::alloc`].
    pub fn alloc(
        &mut self,
        index: usize,
        bytes: usize,
        access: DmaAccess,
    ) -> Result<(u64, u64, u64), PlatformError> {
        let memory = &mut self.nodes[index].memory;
        let (offset, length) = memory.alloc(bytes, access)?;
        let iova = memory.iova(offset);
        self.publish(index);
        Ok((offset, length, iova))
    }

    /// Takes memory back.
    pub fn free(&mut self, index: usize, offset: u64, length: u64) {
        self.nodes[index].memory.free(offset, length);
        self.publish(index);
    }

    /// Maps memory again.
    ///
    /// # Errors
    /// As [`Memory::map`].
    pub fn map(
        &mut self,
        index: usize,
        offset: u64,
        length: u64,
        access: DmaAccess,
    ) -> Result<(), PlatformError> {
        self.nodes[index].memory.map(offset, length, access)?;
        self.publish(index);
        Ok(())
    }

    /// Takes a mapping away and waits until nobody uses it.
    ///
    /// # Errors
    /// As [`Memory::unmap`]; `DeviceGone` when the device never lets go of it.
    pub fn unmap(&mut self, index: usize, offset: u64, length: u64) -> Result<(), PlatformError> {
        self.nodes[index].memory.unmap(offset, length)?;
        self.publish(index);
        for _ in 0..ROUNDS {
            if self.nodes[index].memory.is_quiescent() {
                return Ok(());
            }
            self.step(1_000_000);
        }
        Err(PlatformError::DeviceGone)
    }

    pub(super) fn publish(&mut self, index: usize) {
        let space = self.nodes[index].memory.snapshot();
        self.with(index, |device, env| device.dma_changed(env, space));
    }

    fn pass_time(&mut self) {
        self.clock = self.clock.after(ACCESS_NS);
    }

    /// Lets everything work until all is idle, and then time pass to what happens next, but not
    /// more than `most_ns` in all.
    pub fn step(&mut self, most_ns: u64) {
        self.pass_time();
        let end = self.clock.after(most_ns);
        for _ in 0..ROUNDS {
            let mut busy = self.hand_over();
            for index in 0..self.nodes.len() {
                busy |= self.run(index) == Progress::Busy;
            }
            if busy || self.fabric.has_segments() {
                // Work takes time too.
                self.pass_time();
                if self.clock >= end {
                    return;
                }
                continue;
            }
            if self.park && self.park_all() {
                continue;
            }
            match self.next_event() {
                Some(at) if at <= end => self.clock = self.clock.max(at),
                _ => {
                    self.clock = self.clock.max(end);
                    return;
                }
            }
        }
    }

    /// One run of one function.
    pub fn run(&mut self, index: usize) -> Progress {
        let due = {
            let node = &self.nodes[index];
            node.device.next_timer().is_some_and(|at| at <= self.clock)
        };
        if self.nodes[index].parked && !due {
            return Progress::Idle;
        }
        self.nodes[index].parked = false;
        let budget = self.budget;
        let progress = self.with(index, |device, env| device.run(env, budget));
        let addresses = self.nodes[index].device.addresses().collect();
        self.fabric.set_addresses(index, addresses);
        progress
    }

    /// Hands over what has arrived; whether there was anything.
    pub fn hand_over(&mut self) -> bool {
        let mut any = false;
        let mut left = ARRIVALS;
        while left > 0
            && let Some((to, frame)) = self.fabric.arrived(self.clock)
        {
            left -= 1;
            any = true;
            self.nodes[to].parked = false;
            self.with(to, |device, env| device.frame_received(env, &frame));
        }
        for index in 0..self.nodes.len() {
            let mut left = ARRIVALS;
            while left > 0
                && let Some(segment) = self.fabric.take_segment(index)
            {
                left -= 1;
                any = true;
                self.nodes[index].parked = false;
                self.with(index, |device, env| device.segment_received(env, *segment));
            }
        }
        any
    }

    /// Asks every device whether it sleeps; whether one of them found work instead.
    fn park_all(&mut self) -> bool {
        let mut work = false;
        for index in 0..self.nodes.len() {
            if self.nodes[index].parked {
                continue;
            }
            let parked = self.with(index, |device, env| device.prepare_park(env));
            self.nodes[index].parked = parked;
            work |= !parked && !self.with(index, |device, env| device.must_poll(env));
        }
        work
    }

    /// When something happens by itself.
    fn next_event(&self) -> Option<Nanos> {
        let timers = self
            .nodes
            .iter()
            .filter_map(|node| node.device.next_timer());
        timers.chain(self.fabric.next_arrival()).min()
    }
}

/// The device of function `number`: everything offered, masks decided by the host. Where every ring is a message there
/// is nothing to look for, so no summary and no sleep.
pub(super) fn device(number: u8, mapped: bool) -> Device {
    let mut config = Config::new(mac(number.into()));
    if !mapped {
        config.features &= !(feature::SUMMARY | feature::PARKING);
    }
    Device::new(config).expect("the address is unicast and not zero")
}

/// The Ethernet address of a function.
#[must_use]
pub fn mac(index: usize) -> MacAddr {
    MacAddr([0x02, 0x52, 0x4E, 0x49, 0x43, index as u8])
}
