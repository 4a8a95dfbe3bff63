//! The function inside a Linux guest, or in silicon, through VFIO: container and group, type 1 IOMMU.
//!
//! The function must be bound to vfio-pci, and the guest must have an IOMMU. Every 4 KiB page of memory that is not
//! huge costs a virtual IOMMU a mapping of its own, so the arena is small unless there are huge pages.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rnic_abi::place;
use rnic_platform::{Bar, Capabilities, DmaAccess, Nanos, Platform, PlatformError, TestPlatform};
use vfio_bindings::bindings::vfio::{
    VFIO_BASE, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE, VFIO_IRQ_SET_ACTION_TRIGGER,
    VFIO_IRQ_SET_DATA_EVENTFD, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_REGION_INFO_FLAG_MMAP, VFIO_TYPE,
    vfio_iommu_type1_dma_map, vfio_irq_set,
};
use vfio_ioctls::{VfioContainer, VfioDevice};
use vmm_sys_util::ioctl::ioctl_with_ref;
use vmm_sys_util::ioctl_io_nr;

use crate::arena::{Arena, HostBuffer, Iommu, Mapped};
use crate::doorbell::{Doorbells, HostDoorbell, Trapped};
use crate::mmap::{Mapping, Source};
use crate::pci::Signalling;
use crate::vectors::Vectors;
use crate::{OpenError, pci};

/// Above the addresses that IOMMUs reserve for message interrupts.
const IOVA: u64 = 0x1_0000_0000;

/// How to open a function.
#[derive(Clone, Copy, Debug)]
pub struct VfioOptions {
    /// Bytes of DMA memory.
    pub memory_bytes: usize,
    /// How the device knows the memory.
    pub mapped: Mapped,
}

impl Default for VfioOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 16 << 20,
            mapped: Mapped::Whole,
        }
    }
}

/// An opened function and its IOMMU container.
struct Function {
    device: VfioDevice,
    container: Arc<VfioContainer>,
    /// Address of the arena in this process, set once.
    base: Mutex<usize>,
}

impl Function {
    fn read(&self, region: u32, offset: u64, data: &mut [u8]) {
        data.fill(0xFF);
        self.device.region_read(region, data, offset);
    }

    fn config_read(&self, offset: u16, width: u8) -> u32 {
        let mut data = [0; 4];
        if let Some(part) = data.get_mut(..usize::from(width.min(4))) {
            self.read(VFIO_PCI_CONFIG_REGION_INDEX, offset.into(), part);
        }
        u32::from_le_bytes(data)
    }
}

impl Iommu for Function {
    fn map(
        &self,
        offset: usize,
        iova: u64,
        bytes: usize,
        access: DmaAccess,
    ) -> Result<(), PlatformError> {
        let base = *self.base.lock().unwrap_or_else(PoisonError::into_inner);
        // The crate maps for reading and writing alike.
        let write = match access {
            DmaAccess::DeviceReads => 0,
            DmaAccess::DeviceReadsAndWrites => VFIO_DMA_MAP_FLAG_WRITE,
        };
        let request = vfio_iommu_type1_dma_map {
            argsz: size_of::<vfio_iommu_type1_dma_map>() as u32,
            flags: VFIO_DMA_MAP_FLAG_READ | write,
            vaddr: (base + offset) as u64,
            iova,
            size: bytes as u64,
        };
        // SAFETY: the range lies in the arena's mapping, which lives until after it is unmapped here, and to whose bytes
        // no reference is ever made.
        let result = unsafe { ioctl_with_ref(&*self.container, VFIO_IOMMU_MAP_DMA(), &request) };
        if result == 0 {
            return Ok(());
        }
        log::warn!(
            "mapping {bytes} bytes for the device: {}",
            std::io::Error::last_os_error()
        );
        Err(PlatformError::NoMemory)
    }

    fn unmap(&self, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        self.container
            .vfio_dma_unmap(iova, bytes)
            .map_err(|_| PlatformError::DeviceGone)
    }
}

ioctl_io_nr!(VFIO_IOMMU_MAP_DMA, VFIO_TYPE as u32, VFIO_BASE + 13);
ioctl_io_nr!(VFIO_DEVICE_SET_IRQS, VFIO_TYPE as u32, VFIO_BASE + 10);

impl Function {
    /// Connects one vector to an eventfd, or disconnects it; the crate connects all or none.
    fn set_vector(&self, index: u32, vector: u16, fd: Option<RawFd>) -> std::io::Result<()> {
        const HEADER: u32 = size_of::<vfio_irq_set>() as u32;
        #[repr(C)]
        struct OneVector {
            header: vfio_irq_set,
            fd: i32,
        }
        let request = OneVector {
            header: vfio_irq_set {
                argsz: HEADER + 4,
                flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                index,
                start: vector.into(),
                count: 1,
                ..vfio_irq_set::default()
            },
            fd: fd.unwrap_or(-1),
        };
        // SAFETY: the kernel reads the header and `count` descriptors behind it, which is the whole structure.
        let result = unsafe { ioctl_with_ref(&self.device, VFIO_DEVICE_SET_IRQS(), &request) };
        if result == 0 {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    }
}

/// BAR2 through the kernel, where it cannot be mapped.
struct ThroughKernel(Arc<Function>, Mutex<()>);

impl Trapped for ThroughKernel {
    fn store(&self, offset: u64, value: u64) {
        fence(Ordering::Release);
        let bar = place::BAR_DOORBELLS.into();
        self.0
            .device
            .region_write(bar, &value.to_le_bytes(), offset);
    }
    fn set_bits(&self, offset: u64, bits: u64) {
        let _one = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let mut word = [0; 8];
        self.0.read(place::BAR_DOORBELLS.into(), offset, &mut word);
        self.store(offset, u64::from_le_bytes(word) | bits);
    }
}

/// A function behind VFIO.
pub struct Vfio {
    arena: Arc<Arena>,
    doorbells: Doorbells,
    signalling: Signalling,
    vectors: Vectors,
    mapped: Mapped,
    start: Instant,
    peer: Option<Box<Vfio>>,
    // Last, so that mappings end before the function does.
    function: Arc<Function>,
}

impl Vfio {
    /// Opens the function with this address, such as `0000:00:04.0`.
    pub fn open(address: &str, options: VfioOptions) -> Result<Self, OpenError> {
        Self::on(address, options.mapped, || {
            Mapping::new(&Source::Anonymous, options.memory_bytes).map(Arc::new)
        })
    }

    /// The same, with memory whose pages can be protected one by one: for a host that hands it out itself, and lends it by
    /// [`Vfio::memory`]. Byte 0 is at 4 GiB for the device if it is mapped whole.
    pub fn open_for_host(address: &str, options: VfioOptions) -> Result<Self, OpenError> {
        Self::on(address, options.mapped, || {
            Mapping::new(&Source::SmallPages, options.memory_bytes).map(Arc::new)
        })
    }

    /// Opens another function that shares this one's memory: two functions of one machine.
    pub fn open_beside(&self, address: &str) -> Result<Self, OpenError> {
        Self::on(address, self.mapped, || Ok(self.arena.mapping().clone()))
    }

    fn on(
        address: &str,
        mapped: Mapped,
        memory: impl FnOnce() -> std::io::Result<Arc<Mapping>>,
    ) -> Result<Self, OpenError> {
        let path = PathBuf::from("/sys/bus/pci/devices").join(address);
        let container = VfioContainer::new(None)
            .map_err(|error| OpenError::new("open", "/dev/vfio/vfio", error))?;
        let container = Arc::new(container);
        let device = VfioDevice::new(&path, container.clone(), true)
            .map_err(|error| OpenError::new("open", path.display(), error))?;
        let mapping = memory().map_err(|error| OpenError::new("map", "DMA memory", error))?;
        let function = Arc::new(Function {
            device,
            container,
            base: Mutex::new(mapping.address() as usize),
        });
        let each: Option<Arc<dyn Iommu>> = match mapped {
            Mapped::EachBuffer => Some(function.clone()),
            Mapped::Whole => {
                function
                    .map(0, IOVA, mapping.len(), DmaAccess::DeviceReadsAndWrites)
                    .map_err(|error| OpenError::new("map", "DMA memory", error))?;
                None
            }
        };
        let signalling = Signalling::of(&|offset, width| function.config_read(offset, width))
            .map_err(|error| OpenError::new("find", "interrupts", error))?;
        let vectors = Vectors::new(signalling.messages)
            .map_err(|error| OpenError::new("make", "eventfds", error))?;
        function
            .device
            .enable_irq(signalling.index, vectors.eventfds())
            .map_err(|error| OpenError::new("connect", "interrupt vectors", error))?;
        let vfio = Self {
            doorbells: Doorbells {
                areas: mapped_bar(&function)?,
                trapped: Arc::new(ThroughKernel(function.clone(), Mutex::new(()))),
            },
            arena: Arena::new(mapping, 0, IOVA, each),
            signalling,
            vectors,
            mapped,
            start: Instant::now(),
            peer: None,
            function,
        };
        pci::enable(&vfio);
        Ok(vfio)
    }

    /// Address and bytes of the memory. It is mapped as long as a function that shares it lives.
    pub fn memory(&self) -> (*mut u8, usize) {
        let mapping = self.arena.mapping();
        (mapping.address(), mapping.len())
    }

    /// Parts of BAR2 that are memory: offset in the BAR, address, bytes. Mapped as long as the function lives.
    pub fn doorbell_memory(&self) -> Vec<(u64, *mut u8, usize)> {
        self.doorbells.memory()
    }

    /// Eventfds of the interrupt vectors, to be polled; whoever reads one takes its messages.
    pub fn vector_fds(&self) -> Vec<RawFd> {
        self.vectors.fds()
    }

    /// Lets the device reach a range of the memory at `iova`; with [`Mapped::EachBuffer`].
    pub fn map_range(&self, offset: usize, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        let access = DmaAccess::DeviceReadsAndWrites;
        self.function.map(offset, iova, bytes, access)
    }

    /// Takes that away; returns when the device uses it no more.
    pub fn unmap_range(&self, iova: u64, bytes: usize) -> Result<(), PlatformError> {
        self.function.unmap(iova, bytes)
    }

    /// The other function for tests of two.
    #[must_use]
    pub fn with_peer(mut self, peer: Self) -> Self {
        self.peer = Some(Box::new(peer));
        self
    }
}

impl Drop for Vfio {
    fn drop(&mut self) {
        // No DMA into memory that is about to go.
        pci::disable_master(self);
    }
}

fn mapped_bar(function: &Function) -> Result<Vec<(u64, Arc<Mapping>)>, OpenError> {
    let bar = place::BAR_DOORBELLS.into();
    let device = &function.device;
    if device.get_region_flags(bar) & VFIO_REGION_INFO_FLAG_MMAP == 0 {
        return Ok(Vec::new());
    }
    let failed = |error: std::io::Error| OpenError::new("map", "BAR2", error);
    // SAFETY: the device outlives this borrow of its descriptor.
    let fd = unsafe { BorrowedFd::borrow_raw(device.as_raw_fd()) };
    let file = File::from(fd.try_clone_to_owned().map_err(failed)?);
    let size = usize::try_from(device.get_region_size(bar)).map_err(std::io::Error::other);
    let source = Source::File(&file, device.get_region_offset(bar));
    let mapping = size
        .and_then(|size| Mapping::new(&source, size))
        .map_err(failed)?;
    Ok(vec![(0, Arc::new(mapping))])
}

fn region(bar: Bar) -> u32 {
    match bar {
        Bar::Registers => place::BAR_REGISTERS.into(),
        Bar::Doorbells => place::BAR_DOORBELLS.into(),
        Bar::Msix => place::BAR_MSIX.into(),
    }
}

impl Platform for Vfio {
    type Dma = HostBuffer;
    type Doorbell = HostDoorbell;

    fn read32(&self, bar: Bar, offset: u32) -> u32 {
        let mut data = [0; 4];
        self.function.read(region(bar), offset.into(), &mut data);
        u32::from_le_bytes(data)
    }
    fn write32(&self, bar: Bar, offset: u32, value: u32) {
        fence(Ordering::Release);
        let device = &self.function.device;
        device.region_write(region(bar), &value.to_le_bytes(), offset.into());
    }
    fn read64(&self, bar: Bar, offset: u32) -> u64 {
        let mut data = [0; 8];
        self.function.read(region(bar), offset.into(), &mut data);
        u64::from_le_bytes(data)
    }
    fn write64(&self, bar: Bar, offset: u32, value: u64) {
        fence(Ordering::Release);
        let device = &self.function.device;
        device.region_write(region(bar), &value.to_le_bytes(), offset.into());
    }
    fn doorbell(&self, index: u32) -> Result<HostDoorbell, PlatformError> {
        self.doorbells.slot(index)
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        self.function.config_read(offset, width)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        if let Some(part) = value.to_le_bytes().get(..usize::from(width.min(4))) {
            let device = &self.function.device;
            device.region_write(VFIO_PCI_CONFIG_REGION_INDEX, part, offset.into());
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

impl TestPlatform for Vfio {
    fn name(&self) -> &'static str {
        "vfio"
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            remap: self.mapped == Mapped::EachBuffer,
            read_only_maps: self.mapped == Mapped::EachBuffer,
            interrupts: true,
            mask_vectors: true,
            // Behind QEMU they are the device's, which does not know what QEMU holds back.
            pending_bits: false,
            two_functions: self.peer.is_some(),
            port: false,
        }
    }
    fn idle(&self) {
        std::thread::sleep(Duration::from_micros(100));
    }
    fn interrupts(&self, vector: u16) -> u64 {
        self.vectors.count(vector)
    }
    /// The kernel owns the table, and masks the entry of a vector that is not connected.
    fn mask_vector(&self, vector: u16, masked: bool) -> Result<(), PlatformError> {
        let fds = self.vectors.fds();
        let message = usize::from(vector)
            .checked_rem(fds.len())
            .ok_or(PlatformError::Invalid)?;
        let fd = fds.get(message).copied().filter(|_| !masked);
        let message = u16::try_from(message).map_err(|_| PlatformError::Invalid)?;
        self.function
            .set_vector(self.signalling.index, message, fd)
            .map_err(|error| {
                log::warn!("vector {message}: {error}");
                PlatformError::Invalid
            })
    }
    fn unmap(&self, buffer: &HostBuffer) -> Result<(), PlatformError> {
        buffer.unmap()
    }
    fn map(&self, buffer: &HostBuffer, access: DmaAccess) -> Result<(), PlatformError> {
        buffer.map(access)
    }
    fn function_reset(&self) {
        // The kernel resets the function by the PCI Express capability, waits, and restores configuration space, bus
        // mastering too; a driver is to find it off, as on any other machine.
        self.function.device.reset();
        pci::disable_master(self);
    }
    fn peer(&self) -> Option<&Self> {
        self.peer.as_deref()
    }
    fn port_send(&self, _: &[u8]) -> Result<(), PlatformError> {
        Err(PlatformError::Unsupported)
    }
    fn port_receive(&self, _: &mut [u8]) -> Option<usize> {
        None
    }
}
