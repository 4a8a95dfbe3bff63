//! The in-process machine: functions, their guests' memory, and the fabric between them, all
//! stepped by whoever waits. Nothing runs by itself; the clock is virtual.
//!
//! | file | what it is |
//! |---|---|
//! | `memory.rs` | guest memory, given out in pieces |
//! | `buffer.rs` | DMA buffers and doorbell slots as a driver holds them |
//! | `fabric.rs` | switch, wires that can fail, inboxes of segments |
//! | `pci.rs` | power-up and function level reset |
//! | `world.rs` | devices, their environment, the steps in which they work |

mod buffer;
mod fabric;
mod memory;
mod pci;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rnic_abi::place;
use rnic_core::dma::SharedMemory;
use rnic_core::env::{Budget, Nanos as CoreNanos};
use rnic_core::fault::FaultPlan;
use rnic_platform::{Bar, Capabilities, DmaAccess, Nanos, Platform, PlatformError, TestPlatform};

pub use buffer::{SimDma, SimDoorbell};
pub use fabric::{Fabric, FabricOptions, FabricStats};
pub use memory::{Memory, PAGE};
pub use world::{Host, Node, World, mac};

pub(crate) const DOORBELL_BAR: u8 = place::BAR_DOORBELLS;

/// Bytes of guest memory of a function; only what is touched exists.
const MEMORY: u64 = 2 << 30;

/// What a machine is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Functions.
    pub functions: usize,
    /// The doorbell memory is mapped into the guest, which the device does not see; else every
    /// store is a trapped write.
    pub mapped: bool,
    /// Devices are let sleep when they have nothing to do.
    pub park: bool,
    /// Budget of one run of a device.
    pub budget: Budget,
    /// The fabric.
    pub fabric: FabricOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            functions: 2,
            mapped: true,
            park: true,
            budget: Budget::DEFAULT,
            fabric: FabricOptions::default(),
        }
    }
}

/// A machine; shared by the platforms of its functions.
pub struct SimMachine {
    world: Mutex<World>,
    mapped: bool,
}

impl SimMachine {
    /// A machine whose functions are powered up, with memory decoding on, bus mastering off and
    /// every vector connected.
    ///
    /// # Errors
    /// `NoMemory` when the host has none.
    pub fn new(options: &Options) -> Result<Arc<Self>, PlatformError> {
        let mut nodes = Vec::new();
        for index in 0..options.functions {
            nodes.push(node(index, options)?);
        }
        let mut world = World {
            nodes,
            fabric: Fabric::new(options.functions, options.fabric.clone()),
            clock: CoreNanos(1_000_000_000),
            park: options.park,
            budget: options.budget,
        };
        for index in 0..options.functions {
            world.power_up(index);
        }
        Ok(Arc::new(Self {
            world: Mutex::new(world),
            mapped: options.mapped,
        }))
    }

    /// The world inside. Buffers lock it too when they are dropped: do not hold it meanwhile.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The platform of a function.
    ///
    /// # Panics
    /// If there is no such function.
    pub fn platform(self: &Arc<Self>, index: usize) -> SimPlatform {
        let count = self.lock().nodes.len();
        assert!(index < count, "function {index} of {count}");
        let one = |index, peer| SimPlatform {
            machine: Arc::clone(self),
            index,
            peer,
        };
        let peer = (count > 1).then(|| Box::new(one((index + 1) % count, None)));
        one(index, peer)
    }
}

fn node(index: usize, options: &Options) -> Result<Node, PlatformError> {
    let number = u8::try_from(index).map_err(|_| PlatformError::Invalid)?;
    let base = 0x10_0000_0000 * (u64::from(number) + 1);
    let doorbells =
        SharedMemory::new(place::BAR_DOORBELLS_SIZE).map_err(|_| PlatformError::NoMemory)?;
    Ok(Node {
        device: world::device(number, options.mapped),
        memory: Memory::new(MEMORY, base)?,
        host: Host {
            doorbells: Arc::new(doorbells),
            mapped: options.mapped,
            interrupts: std::collections::BTreeMap::new(),
            faults: FaultPlan::default(),
            faults_taken: std::collections::BTreeMap::new(),
            port: options.fabric.port,
        },
        masked: std::collections::BTreeSet::new(),
        parked: false,
    })
}

/// One function of a [`SimMachine`], as drivers and tests see it.
pub struct SimPlatform {
    machine: Arc<SimMachine>,
    index: usize,
    /// The next function; that one's own peer is not told.
    peer: Option<Box<SimPlatform>>,
}

impl SimPlatform {
    /// The first function of a new machine.
    ///
    /// # Errors
    /// As [`SimMachine::new`].
    pub fn new(options: &Options) -> Result<Self, PlatformError> {
        Ok(SimMachine::new(options)?.platform(0))
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Arc<SimMachine> {
        &self.machine
    }
}

fn bar(bar: Bar) -> u8 {
    match bar {
        Bar::Registers => place::BAR_REGISTERS,
        Bar::Doorbells => place::BAR_DOORBELLS,
        Bar::Msix => place::BAR_MSIX,
    }
}

impl SimPlatform {
    fn read<const N: usize>(&self, which: Bar, offset: u32) -> [u8; N] {
        let mut data = [0; N];
        let mut world = self.machine.lock();
        world.bar_read(self.index, bar(which), offset.into(), &mut data);
        data
    }
}

impl Platform for SimPlatform {
    type Dma = SimDma;
    type Doorbell = SimDoorbell;

    fn read32(&self, bar: Bar, offset: u32) -> u32 {
        u32::from_le_bytes(self.read(bar, offset))
    }
    fn write32(&self, which: Bar, offset: u32, value: u32) {
        let mut world = self.machine.lock();
        world.bar_write(self.index, bar(which), offset.into(), &value.to_le_bytes());
    }
    fn read64(&self, bar: Bar, offset: u32) -> u64 {
        u64::from_le_bytes(self.read(bar, offset))
    }
    fn write64(&self, which: Bar, offset: u32, value: u64) {
        let mut world = self.machine.lock();
        world.bar_write(self.index, bar(which), offset.into(), &value.to_le_bytes());
    }
    fn doorbell(&self, index: u32) -> Result<SimDoorbell, PlatformError> {
        let offset = u64::from(index) * 8;
        if offset >= place::BAR_DOORBELLS_SIZE {
            return Err(PlatformError::Invalid);
        }
        let world = self.machine.lock();
        Ok(SimDoorbell {
            mapped: self
                .machine
                .mapped
                .then(|| Arc::clone(&world.nodes[self.index].host.doorbells)),
            machine: Arc::clone(&self.machine),
            node: self.index,
            offset,
        })
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        let mut data = [0; 4];
        let bytes = usize::from(width).min(4);
        let mut world = self.machine.lock();
        world.config_read(self.index, offset, &mut data[..bytes]);
        u32::from_le_bytes(data)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        let bytes = usize::from(width).min(4);
        let mut world = self.machine.lock();
        world.config_write(self.index, offset, &value.to_le_bytes()[..bytes]);
    }
    fn alloc_dma(&self, bytes: usize, access: DmaAccess) -> Result<SimDma, PlatformError> {
        let mut world = self.machine.lock();
        let (offset, length, iova) = world.alloc(self.index, bytes, access)?;
        Ok(SimDma {
            machine: Arc::clone(&self.machine),
            node: self.index,
            file: world.nodes[self.index].memory.file(),
            offset,
            length,
            iova,
        })
    }
    fn fence(&self) {
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }
    fn now(&self) -> Nanos {
        Nanos(self.machine.lock().clock.get())
    }
}

impl TestPlatform for SimPlatform {
    fn name(&self) -> &'static str {
        "in-process"
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            remap: true,
            read_only_maps: true,
            interrupts: true,
            mask_vectors: true,
            pending_bits: true,
            two_functions: self.peer.is_some(),
            port: true,
        }
    }
    fn idle(&self) {
        self.machine.lock().step(1_000_000);
    }
    fn interrupts(&self, vector: u16) -> u64 {
        let world = self.machine.lock();
        let counts = &world.nodes[self.index].host.interrupts;
        counts.get(&vector).copied().unwrap_or(0)
    }
    fn mask_vector(&self, vector: u16, masked: bool) -> Result<(), PlatformError> {
        if u64::from(vector) >= rnic_abi::limit::VECTORS {
            return Err(PlatformError::Invalid);
        }
        self.machine.lock().mask(self.index, vector, masked);
        Ok(())
    }
    fn unmap(&self, buffer: &SimDma) -> Result<(), PlatformError> {
        let mut world = self.machine.lock();
        world.unmap(self.index, buffer.offset, buffer.length)
    }
    fn map(&self, buffer: &SimDma, access: DmaAccess) -> Result<(), PlatformError> {
        let mut world = self.machine.lock();
        world.map(self.index, buffer.offset, buffer.length, access)
    }
    fn function_reset(&self) {
        let mut world = self.machine.lock();
        world.function_reset(self.index);
    }
    fn peer(&self) -> Option<&Self> {
        self.peer.as_deref()
    }
    fn port_send(&self, frame: &[u8]) -> Result<(), PlatformError> {
        let mut world = self.machine.lock();
        let now = world.clock;
        world.fabric.inject(now, self.index, frame);
        Ok(())
    }
    fn port_receive(&self, frame: &mut [u8]) -> Option<usize> {
        let mut world = self.machine.lock();
        let taken = world.fabric.take_tapped(self.index)?;
        let length = taken.len().min(frame.len());
        frame[..length].copy_from_slice(&taken[..length]);
        Some(length)
    }
}
