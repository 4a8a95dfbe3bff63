//! A device process reached over its vfio-user socket, without a virtual machine: we are the client.
//!
//! The client is `vfio_user::Client`, which shares no code with our server. It takes no notice of error answers to
//! DMA_MAP and SET_IRQS, so a failure shows by its effect; and it maps memory for reading and writing alike.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rnic_abi::place;
use rnic_platform::{Bar, Capabilities, DmaAccess, Nanos, Platform, PlatformError, TestPlatform};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_PCI_CONFIG_REGION_INDEX,
};

use crate::arena::{Arena, HostBuffer, Iommu, Mapped, sealed_memfd};
use crate::doorbell::{Doorbells, HostDoorbell, Trapped};
use crate::mmap::{Mapping, Source};
use crate::pci::Signalling;
use crate::vectors::Vectors;
use crate::wire::Wire;
use crate::{OpenError, pci};

/// Where the arena lies for the device. Not zero, so that a forgotten address fails.
pub const IOVA: u64 = 0x1_0000_0000;
/// Descriptors that one message carries.
const FDS: usize = 16;

/// How to open a device.
#[derive(Clone, Copy, Debug)]
pub struct SocketOptions {
    /// Bytes of DMA memory; pages are taken when touched.
    pub memory_bytes: u64,
    /// How the device knows the memory.
    pub mapped: Mapped,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            mapped: Mapped::Whole,
        }
    }
}

/// The connection, shared by everything that needs a message.
struct Connection {
    client: Mutex<vfio_user::Client>,
    memory: File,
    gone: AtomicBool,
}

impl Connection {
    /// Runs a request; after the first failure the device is gone, because the stream is out of step.
    fn request<T>(
        &self,
        run: impl FnOnce(&mut vfio_user::Client) -> Result<T, vfio_user::Error>,
    ) -> Result<T, PlatformError> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(PlatformError::DeviceGone);
        }
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        run(&mut client).map_err(|error| {
            log::warn!("vfio-user: {error}; the device counts as gone");
            self.gone.store(true, Ordering::Relaxed);
            PlatformError::DeviceGone
        })
    }

    fn read(&self, region: u32, offset: u64, data: &mut [u8]) {
        if self
            .request(|client| client.region_read(region, offset, data))
            .is_err()
        {
            data.fill(0xFF);
        }
    }

    fn config_read(&self, offset: u16, width: u8) -> u32 {
        let mut data = [0; 4];
        if let Some(part) = data.get_mut(..usize::from(width.min(4))) {
            self.read(VFIO_PCI_CONFIG_REGION_INDEX, offset.into(), part);
        }
        u32::from_le_bytes(data)
    }

    fn write(&self, region: u32, offset: u64, data: &[u8]) {
        // A write to a device that is gone goes nowhere, as on a bus.
        let _ = self.request(|client| client.region_write(region, offset, data));
    }
}

impl Iommu for Connection {
    fn map(
        &self,
        offset: usize,
        iova: u64,
        bytes: usize,
        _: DmaAccess,
    ) -> Result<(), PlatformError> {
        use std::os::fd::AsRawFd;
        let fd = self.memory.as_raw_fd();
        self.request(|client| client.dma_map(offset as u64, iova, bytes as u64, fd))
    }

    fn unmap(&self, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        self.request(|client| client.dma_unmap(iova, bytes as u64))
    }
}

/// Doorbells by message.
struct ByMessage(Arc<Connection>, Mutex<()>);

impl Trapped for ByMessage {
    fn store(&self, offset: u64, value: u64) {
        self.0
            .write(place::BAR_DOORBELLS.into(), offset, &value.to_le_bytes());
    }

    fn set_bits(&self, offset: u64, bits: u64) {
        let _one = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let mut word = [0; 8];
        self.0.read(place::BAR_DOORBELLS.into(), offset, &mut word);
        self.store(offset, u64::from_le_bytes(word) | bits);
    }
}

/// A device behind a vfio-user socket.
pub struct Socket {
    connection: Arc<Connection>,
    arena: Arc<Arena>,
    doorbells: Doorbells,
    signalling: Signalling,
    vectors: Vectors,
    start: Instant,
    mapped: Mapped,
    peer: Option<Box<Socket>>,
    wire: Option<Wire>,
}

impl Socket {
    /// Connects, maps memory, connects every vector, switches bus mastering on.
    pub fn open(path: &Path, options: SocketOptions) -> Result<Self, OpenError> {
        let client = vfio_user::Client::new(path)
            .map_err(|error| OpenError::new("connect to", path.display(), error))?;
        let memory = sealed_memfd(options.memory_bytes)
            .map_err(|error| OpenError::new("make", "DMA memory", error))?;
        Self::with_memory(client, memory, options)
    }

    /// Connects to another device that shares this one's memory: two functions of one machine.
    pub fn open_beside(&self, path: &Path) -> Result<Self, OpenError> {
        let client = vfio_user::Client::new(path)
            .map_err(|error| OpenError::new("connect to", path.display(), error))?;
        let memory = self.connection.memory.try_clone();
        let memory = memory.map_err(|error| OpenError::new("share", "DMA memory", error))?;
        let options = SocketOptions {
            memory_bytes: self.arena.mapping().len() as u64,
            mapped: self.mapped,
        };
        Self::with_memory(client, memory, options)
    }

    fn with_memory(
        client: vfio_user::Client,
        memory: File,
        options: SocketOptions,
    ) -> Result<Self, OpenError> {
        let bytes = usize::try_from(options.memory_bytes)
            .map_err(|error| OpenError::new("make", "DMA memory", error))?;
        let mapping = Mapping::new(&Source::File(&memory, 0), bytes)
            .map_err(|error| OpenError::new("map", "DMA memory", error))?;
        let areas = mapped_areas(&client)?;
        let connection = Arc::new(Connection {
            client: Mutex::new(client),
            memory,
            gone: AtomicBool::new(false),
        });
        let each: Option<Arc<dyn Iommu>> = match options.mapped {
            Mapped::EachBuffer => Some(connection.clone()),
            Mapped::Whole => {
                connection
                    .map(0, IOVA, bytes, DmaAccess::DeviceReadsAndWrites)
                    .map_err(|error| OpenError::new("map", "DMA memory", error))?;
                None
            }
        };
        let signalling = Signalling::of(&|offset, width| connection.config_read(offset, width))
            .map_err(|error| OpenError::new("find", "interrupts", error))?;
        let vectors = Vectors::new(signalling.messages)
            .map_err(|error| OpenError::new("make", "eventfds", error))?;
        let flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
        let mut start = 0;
        for fds in vectors.fds().chunks(FDS) {
            let n = u32::try_from(fds.len()).unwrap_or(0);
            connection
                .request(|client| client.set_irqs(signalling.index, flags, start, n, fds))
                .map_err(|error| OpenError::new("connect", "interrupt vectors", error))?;
            start += n;
        }
        let socket = Self {
            doorbells: Doorbells {
                areas,
                trapped: Arc::new(ByMessage(connection.clone(), Mutex::new(()))),
            },
            arena: Arena::new(mapping, 0, IOVA, each),
            connection,
            signalling,
            vectors,
            start: Instant::now(),
            mapped: options.mapped,
            peer: None,
            wire: None,
        };
        signalling.allocate(&socket);
        pci::enable(&socket);
        Ok(socket)
    }

    /// The other function for tests of two.
    #[must_use]
    pub fn with_peer(mut self, peer: Self) -> Self {
        self.peer = Some(Box::new(peer));
        self
    }

    /// Address and bytes of the whole DMA memory, for a host that hands it out itself instead of by `alloc_dma`. It is
    /// mapped as long as the socket lives.
    pub fn memory(&self) -> (*mut u8, usize) {
        let mapping = self.arena.mapping();
        (mapping.address(), mapping.len())
    }

    /// Parts of BAR2 that are memory: offset in the BAR, address, bytes. Mapped as long as the socket lives.
    pub fn doorbell_memory(&self) -> Vec<(u64, *mut u8, usize)> {
        self.doorbells.memory()
    }

    /// Eventfds of the interrupt vectors, to be polled; whoever reads one takes its messages.
    pub fn vector_fds(&self) -> Vec<std::os::fd::RawFd> {
        self.vectors.fds()
    }

    /// Lets the device reach a range of the memory at `iova`; with [`Mapped::EachBuffer`].
    pub fn map_range(&self, offset: usize, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        let access = DmaAccess::DeviceReadsAndWrites;
        self.connection.map(offset, iova, bytes, access)
    }

    /// Takes that away; returns when the device uses it no more.
    pub fn unmap_range(&self, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        self.connection.unmap(iova, bytes)
    }

    /// Makes it a station on the daemon's wire too.
    #[must_use]
    pub fn with_wire(mut self, wire: Wire) -> Self {
        self.wire = Some(wire);
        self
    }

    /// Whether doorbells are stores into memory that the device polls.
    pub fn doorbells_are_mapped(&self) -> bool {
        !self.doorbells.areas.is_empty()
    }
}

/// The parts of BAR2 that the server lets us map.
fn mapped_areas(client: &vfio_user::Client) -> Result<Vec<(u64, Arc<Mapping>)>, OpenError> {
    let Some(region) = client.region(place::BAR_DOORBELLS.into()) else {
        return Err(OpenError::new(
            "find",
            "BAR2",
            "the device has no such region",
        ));
    };
    let Some(file) = &region.file_offset else {
        return Ok(Vec::new());
    };
    let whole = [(0, region.size)];
    let sparse: Vec<(u64, u64)> = region
        .sparse_areas
        .iter()
        .map(|a| (a.offset, a.size))
        .collect();
    let areas = if sparse.is_empty() {
        &whole[..]
    } else {
        &sparse
    };
    let map = |&(first, size): &(u64, u64)| {
        let bytes = usize::try_from(size).map_err(std::io::Error::other)?;
        let source = Source::File(file.file(), file.start() + first);
        Ok((first, Arc::new(Mapping::new(&source, bytes)?)))
    };
    areas
        .iter()
        .map(map)
        .collect::<std::io::Result<_>>()
        .map_err(|error| OpenError::new("map", "BAR2", error))
}

fn region(bar: Bar) -> u32 {
    match bar {
        Bar::Registers => place::BAR_REGISTERS.into(),
        Bar::Doorbells => place::BAR_DOORBELLS.into(),
        Bar::Msix => place::BAR_MSIX.into(),
    }
}

impl Platform for Socket {
    type Dma = HostBuffer;
    type Doorbell = HostDoorbell;

    fn read32(&self, bar: Bar, offset: u32) -> u32 {
        let mut data = [0; 4];
        self.connection.read(region(bar), offset.into(), &mut data);
        u32::from_le_bytes(data)
    }
    fn write32(&self, bar: Bar, offset: u32, value: u32) {
        fence(Ordering::Release);
        self.connection
            .write(region(bar), offset.into(), &value.to_le_bytes());
    }
    fn read64(&self, bar: Bar, offset: u32) -> u64 {
        let mut data = [0; 8];
        self.connection.read(region(bar), offset.into(), &mut data);
        u64::from_le_bytes(data)
    }
    fn write64(&self, bar: Bar, offset: u32, value: u64) {
        fence(Ordering::Release);
        self.connection
            .write(region(bar), offset.into(), &value.to_le_bytes());
    }
    fn doorbell(&self, index: u32) -> Result<HostDoorbell, PlatformError> {
        self.doorbells.slot(index)
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        self.connection.config_read(offset, width)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        if let Some(part) = value.to_le_bytes().get(..usize::from(width.min(4))) {
            self.connection
                .write(VFIO_PCI_CONFIG_REGION_INDEX, offset.into(), part);
        }
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

impl TestPlatform for Socket {
    fn name(&self) -> &'static str {
        "socket"
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            remap: self.mapped == Mapped::EachBuffer,
            read_only_maps: false,
            interrupts: true,
            mask_vectors: true,
            pending_bits: self.signalling.has_table(),
            two_functions: self.peer.is_some(),
            port: self.wire.is_some(),
        }
    }
    fn idle(&self) {
        if let Some(wire) = &self.wire {
            wire.drain();
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    fn interrupts(&self, vector: u16) -> u64 {
        self.vectors.count(vector)
    }
    /// As QEMU does for a guest that masks a vector: it is disconnected, and connected again.
    fn mask_vector(&self, vector: u16, masked: bool) -> Result<(), PlatformError> {
        let fds = self.vectors.fds();
        let message = vector
            .checked_rem(self.signalling.messages)
            .ok_or(PlatformError::Invalid)?;
        let fd = fds
            .get(usize::from(message))
            .ok_or(PlatformError::Invalid)?;
        let fds = if masked {
            &[][..]
        } else {
            std::slice::from_ref(fd)
        };
        let flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
        self.connection
            .request(|client| client.set_irqs(self.signalling.index, flags, message.into(), 1, fds))
    }
    fn unmap(&self, buffer: &HostBuffer) -> Result<(), PlatformError> {
        buffer.unmap()
    }
    fn map(&self, buffer: &HostBuffer, access: DmaAccess) -> Result<(), PlatformError> {
        buffer.map(access)
    }
    fn function_reset(&self) {
        if let Err(error) = pci::function_reset(self) {
            log::warn!("function level reset: {error}");
        }
        // Who resets a function under a driver restores what was allocated, as kernels do.
        self.signalling.allocate(self);
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
