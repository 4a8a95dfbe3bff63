//! The device as a PCI function of QEMU, without a guest: we are the processor, through QEMU's qtest accelerator.
//!
//! Registers and doorbells cross the qtest socket and QEMU's own BARs; guest memory is a file that we map too, so DMA
//! memory costs nothing but its entry in QEMU's Intel IOMMU. MSI-X vectors point at words in guest memory: a message is
//! there when its word changed, so two messages between two looks count as one.

mod iommu;
mod launch;
mod process;
mod protocol;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rnic_abi::{consts, interface, limit, place};
use rnic_platform::{Bar, Capabilities, DmaAccess, Nanos, Platform, PlatformError, TestPlatform};

use crate::arena::{Arena, HostBuffer};
use crate::doorbell::{Doorbells, HostDoorbell, Trapped};
use crate::mmap::Mapping;
use crate::wire::Wire;
use crate::{OpenError, pci};
use iommu::Domain;
use process::Machine;

/// Words that vectors write, in guest memory: one page a function.
const WORDS: usize = 0x10_0000;
/// Where BARs go: above guest memory, below 4 GiB.
const WINDOW: u32 = 0xC000_0000;
/// Distance of the windows of two functions, and of two BARs.
const FUNCTION_STEP: u32 = 0x0400_0000;
const BAR_STEP: u32 = 0x0100_0000;
const CONFIG_ADDRESS: u16 = 0xCF8;
const CONFIG_DATA: u16 = 0xCFC;
/// PCI device number of the first function on bus 0.
const DEVICE: u8 = 4;

/// How to start QEMU.
#[derive(Clone, Debug)]
pub struct QtestOptions {
    /// QEMU: 10.1 or newer.
    pub qemu: PathBuf,
    /// Sockets of one or two device processes.
    pub sockets: Vec<PathBuf>,
    /// Bytes of guest memory, at most 2 GiB.
    pub memory_bytes: u64,
}

/// BAR2 through QEMU.
struct ThroughQemu(Arc<Machine>, u64, Mutex<()>);

impl Trapped for ThroughQemu {
    fn store(&self, offset: u64, value: u64) {
        fence(Ordering::Release);
        self.0.ask(|p| p.write(self.1 + offset, 8, value));
    }
    fn set_bits(&self, offset: u64, bits: u64) {
        let _one = self.2.lock().unwrap_or_else(PoisonError::into_inner);
        let address = self.1 + offset;
        self.0.ask(|p| {
            let word = p.read(address, 8)?;
            p.write(address, 8, word | bits)
        });
    }
}

/// A function of QEMU.
pub struct Qtest {
    machine: Arc<Machine>,
    arena: Arc<Arena>,
    /// What the IOMMU lets it reach, if there is one.
    domain: Option<Arc<Domain>>,
    /// Low memory, with the words that vectors write.
    words: Mapping,
    doorbells: Doorbells,
    device: u8,
    bars: [u32; 3],
    counts: Vec<AtomicU64>,
    start: Instant,
    peer: Option<Box<Qtest>>,
    wire: Option<Wire>,
}

impl Qtest {
    /// Makes it a station on the daemon's wire too.
    #[must_use]
    pub fn with_wire(mut self, wire: Wire) -> Self {
        self.wire = Some(wire);
        self
    }

    fn function(
        machine: &Arc<Machine>,
        (arena, domain): (Arc<Arena>, Option<Arc<Domain>>),
        words: Mapping,
        number: u8,
    ) -> Result<Self, OpenError> {
        let base = WINDOW + FUNCTION_STEP * u32::from(number);
        let bars = [base, base + BAR_STEP, base + 2 * BAR_STEP];
        let trapped = ThroughQemu(machine.clone(), bars[1].into(), Mutex::new(()));
        let vectors = limit::VECTORS_MINIMUM;
        let function = Self {
            machine: machine.clone(),
            arena,
            domain,
            words,
            doorbells: Doorbells {
                areas: Vec::new(),
                trapped: Arc::new(trapped),
            },
            device: DEVICE + number,
            bars,
            counts: (0..vectors).map(|_| AtomicU64::new(0)).collect(),
            start: Instant::now(),
            peer: None,
            wire: None,
        };
        let id = function.config_read(0, 4);
        let expected = u32::from(interface::DEVICE_ID) << 16 | u32::from(interface::VENDOR_ID);
        if id != expected {
            let what = format!("function {number} on bus 0");
            return Err(OpenError::new(
                "find",
                what,
                format_args!("its id is {id:#010x}"),
            ));
        }
        function.place_bars();
        pci::enable(&function);
        function
            .point_vectors()
            .map_err(|error| OpenError::new("set up", "MSI-X", error))?;
        Ok(function)
    }

    /// BAR0, 2 and 4; each takes the register behind it too if it is of 64 bits (PCI 3.0, 6.2.5.1).
    fn place_bars(&self) {
        for (bar, address) in [0u16, 2, 4].into_iter().zip(self.bars) {
            let at = 0x10 + 4 * bar;
            let wide = self.config_read(at, 4) & 0b110 == 0b100;
            self.config_write(at, 4, address);
            if wide {
                self.config_write(at + 4, 4, 0);
            }
        }
    }

    fn word(&self, vector: u16) -> usize {
        let page = usize::from(self.device - DEVICE) * 4096;
        WORDS + page + 8 * usize::from(vector)
    }

    /// Every vector writes 1 into its word; the table is unmasked and switched on.
    fn point_vectors(&self) -> Result<(), PlatformError> {
        let capability = pci::capability(self, pci::MSIX)?;
        for vector in 0..self.counts.len() {
            let vector = u16::try_from(vector).map_err(|_| PlatformError::Invalid)?;
            let at = consts::MSIX_TABLE_OFFSET + 16 * u32::from(vector);
            let word = u32::try_from(self.word(vector)).map_err(|_| PlatformError::Invalid)?;
            self.write32(Bar::Msix, at, word);
            self.write32(Bar::Msix, at + 4, 0);
            self.write32(Bar::Msix, at + 8, 1);
            self.write32(Bar::Msix, at + 12, 0);
        }
        // Message Control: MSI-X Enable (PCI 3.0, 6.8.2.3).
        let control = self.config_read(capability + 2, 2);
        self.config_write(capability + 2, 2, (control | 0x8000) & 0xBFFF);
        Ok(())
    }

    fn address(&self, bar: Bar, offset: u32) -> u64 {
        let [registers, doorbells, msix] = self.bars;
        let base = match bar {
            Bar::Registers => registers,
            Bar::Doorbells => doorbells,
            Bar::Msix => msix,
        };
        u64::from(base) + u64::from(offset)
    }

    /// Selects a register of configuration space and gives the port of its bytes.
    fn select(&self, offset: u16) -> (u32, u16) {
        let device = u32::from(self.device) << 11;
        (
            0x8000_0000 | device | u32::from(offset & 0xFC),
            CONFIG_DATA + (offset & 3),
        )
    }
}

impl Platform for Qtest {
    type Dma = HostBuffer;
    type Doorbell = HostDoorbell;

    fn read32(&self, bar: Bar, offset: u32) -> u32 {
        let value = self.machine.ask(|p| p.read(self.address(bar, offset), 4));
        u32::try_from(value.unwrap_or(u64::MAX) & 0xFFFF_FFFF).unwrap_or(u32::MAX)
    }
    fn write32(&self, bar: Bar, offset: u32, value: u32) {
        fence(Ordering::Release);
        self.machine
            .ask(|p| p.write(self.address(bar, offset), 4, value.into()));
    }
    fn read64(&self, bar: Bar, offset: u32) -> u64 {
        let value = self.machine.ask(|p| p.read(self.address(bar, offset), 8));
        value.unwrap_or(u64::MAX)
    }
    fn write64(&self, bar: Bar, offset: u32, value: u64) {
        fence(Ordering::Release);
        self.machine
            .ask(|p| p.write(self.address(bar, offset), 8, value));
    }
    fn doorbell(&self, index: u32) -> Result<HostDoorbell, PlatformError> {
        self.doorbells.slot(index)
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        let (address, port) = self.select(offset);
        let value = self.machine.ask(|p| {
            p.port_write(CONFIG_ADDRESS, 4, address)?;
            p.port_read(port, width)
        });
        value.unwrap_or(u32::MAX)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        let (address, port) = self.select(offset);
        self.machine.ask(|p| {
            p.port_write(CONFIG_ADDRESS, 4, address)?;
            p.port_write(port, width, value)
        });
    }
    fn alloc_dma(&self, bytes: usize, access: DmaAccess) -> Result<HostBuffer, PlatformError> {
        self.arena.alloc(bytes, access)
    }
    fn fence(&self) {
        fence(Ordering::SeqCst);
    }
    fn now(&self) -> Nanos {
        Nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl TestPlatform for Qtest {
    fn name(&self) -> &'static str {
        "qtest"
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            remap: true,
            read_only_maps: true,
            interrupts: true,
            mask_vectors: true,
            // QEMU keeps the MSI-X table to itself, but reads pending bits from the device, which sees no mask.
            pending_bits: false,
            two_functions: self.peer.is_some(),
            port: self.wire.is_some(),
        }
    }
    fn idle(&self) {
        if let Some(wire) = &self.wire {
            wire.drain();
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    fn interrupts(&self, vector: u16) -> u64 {
        let Some(count) = self.counts.get(usize::from(vector)) else {
            return 0;
        };
        let word = self.words.word32(self.word(vector));
        let more = u64::from(word.swap(0, Ordering::AcqRel) != 0);
        count.fetch_add(more, Ordering::Relaxed) + more
    }
    fn mask_vector(&self, vector: u16, masked: bool) -> Result<(), PlatformError> {
        if usize::from(vector) >= self.counts.len() {
            return Err(PlatformError::Invalid);
        }
        // Vector Control, Mask Bit (PCI Express 7.7.2.8).
        let at = consts::MSIX_TABLE_OFFSET + 16 * u32::from(vector) + 12;
        self.write32(Bar::Msix, at, u32::from(masked));
        Ok(())
    }
    fn unmap(&self, buffer: &HostBuffer) -> Result<(), PlatformError> {
        buffer.unmap()
    }
    fn map(&self, buffer: &HostBuffer, access: DmaAccess) -> Result<(), PlatformError> {
        buffer.map(access)
    }
    fn function_reset(&self) {
        let reset = pci::function_reset(self).and_then(|()| {
            // A reset takes BARs and MSI-X away; the platform puts back what firmware and an operating system would.
            self.place_bars();
            pci::enable_memory(self);
            self.point_vectors()
        });
        if let Err(error) = reset {
            log::warn!("function level reset: {error}");
        }
    }
    fn peer(&self) -> Option<&Self> {
        self.peer.as_deref()
    }
    fn port_send(&self, frame: &[u8]) -> Result<(), PlatformError> {
        let wire = self.wire.as_ref().ok_or(PlatformError::Unsupported)?;
        wire.send(frame).map_err(|_| PlatformError::DeviceGone)
    }
    fn port_receive(&self, frame: &mut [u8]) -> Option<usize> {
        self.wire.as_ref()?.receive(frame)
    }
}

const _: () = assert!(place::BAR_DOORBELLS_SIZE <= BAR_STEP as u64);
