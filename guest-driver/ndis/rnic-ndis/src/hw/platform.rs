//! The function's registers, doorbells and configuration space, and [`NtPlatform`]: the driver core's machine.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use ndis_sys::ndis::*;
use ndis_sys::nt::*;
use rnic_abi::place;
use rnic_platform::{Bar, DmaAccess, DoorbellSlot, Nanos, Platform, PlatformError};

use super::memory::{Retired, SharedMemory};
use super::resources::{Bars, Range, Resources};
use crate::nt::wait::now_ns;
use crate::nt::{NoMemory, Passive, Shared};

/// Why the hardware could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// Windows assigned less than the function has.
    Resources,
    /// An NDIS function failed.
    Ndis(&'static str, NDIS_STATUS),
    /// No memory.
    NoMemory,
}

impl From<NoMemory> for SetupError {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

/// A mapped BAR.
struct Window {
    base: NonNull<u8>,
    length: u32,
}

impl Window {
    /// Address of an access of `size` bytes that lies inside.
    fn at<T>(&self, offset: u32) -> Option<*mut T> {
        let size = size_of::<T>();
        let end = u64::from(offset) + size as u64;
        if end > u64::from(self.length) || !(offset as usize).is_multiple_of(size) {
            return None;
        }
        // SAFETY: inside the mapping.
        Some(unsafe { self.base.as_ptr().add(offset as usize) }.cast())
    }
}

/// The function: mapped BARs and the right to DMA. It lives until the last memory of it is freed.
pub struct Hardware {
    pub(super) adapter: NDIS_HANDLE,
    dma: NDIS_HANDLE,
    registers: Window,
    doorbells: Window,
    /// Removed, or does not answer: registers are left alone.
    gone: AtomicBool,
    /// Shared memory was found at a DMA address that is not its physical address.
    remapped: AtomicBool,
    pub(super) retired: Retired,
}

// SAFETY: handles are NDIS's, windows are device memory reached by volatile accesses, the rest is atomic.
unsafe impl Send for Hardware {}
// SAFETY: as above.
unsafe impl Sync for Hardware {}

/// Longest transfer that one scatter-gather list describes.
const LARGEST_TRANSFER: u32 = 0x4_0000;

unsafe extern "win64" fn process_sg_list(
    _: PVOID,
    _: PVOID,
    list: *mut SCATTER_GATHER_LIST,
    context: PVOID,
) {
    // SAFETY: the context is what the sender gave with the request.
    unsafe { crate::ethernet::sg_list_ready(list, context) }
}

impl Hardware {
    /// Notes both addresses of shared memory.
    pub(super) fn note(&self, dma: PHYSICAL_ADDRESS, physical: PHYSICAL_ADDRESS) {
        if dma != physical {
            self.remapped.store(true, Ordering::Relaxed);
        }
    }

    /// Whether DMA addresses are not physical addresses: an IOMMU translates them. Known once shared memory was allocated.
    #[must_use]
    pub fn is_remapped(&self) -> bool {
        self.remapped.load(Ordering::Relaxed)
    }

    /// Maps the BARs and registers for DMA. In MiniportInitializeEx, after the registration attributes are set.
    pub fn claim(
        _: &Passive,
        adapter: NDIS_HANDLE,
        resources: &Resources,
    ) -> Result<Shared<Self>, SetupError> {
        let bars = Bars::read(|offset| config_read(adapter, offset, 4));
        let (Some(registers), Some(doorbells)) = (
            resources.bar(&bars, place::BAR_REGISTERS),
            resources.bar(&bars, place::BAR_DOORBELLS),
        ) else {
            return Err(SetupError::Resources);
        };
        let mut description = NDIS_SG_DMA_DESCRIPTION {
            Header: NDIS_SG_DMA_DESCRIPTION::HEADER,
            Flags: NDIS_SG_DMA_64_BIT_ADDRESS | NDIS_SG_DMA_V3_HAL_API,
            MaximumPhysicalMapping: LARGEST_TRANSFER,
            ProcessSGListHandler: Some(process_sg_list),
            SharedMemAllocateCompleteHandler: None,
            ScatterGatherListSize: 0,
            PdoOverride: core::ptr::null_mut(),
        };
        let mut dma = core::ptr::null_mut();
        // SAFETY: good for the call; the handler stays.
        let status =
            unsafe { NdisMRegisterScatterGatherDma(adapter, &raw mut description, &raw mut dma) };
        if status != NDIS_STATUS_SUCCESS {
            return Err(SetupError::Ndis("NdisMRegisterScatterGatherDma", status));
        }
        let undo = |error| {
            // SAFETY: registered above.
            unsafe { NdisMDeregisterScatterGatherDma(dma) };
            error
        };
        let registers = map(adapter, registers).map_err(undo)?;
        let doorbells = map(adapter, doorbells).map_err(|error| {
            unmap(adapter, &registers);
            undo(error)
        })?;
        // From here `drop` undoes.
        Ok(Shared::new(Self {
            adapter,
            dma,
            registers,
            doorbells,
            gone: AtomicBool::new(false),
            remapped: AtomicBool::new(false),
            retired: Retired::new(),
        })?)
    }

    /// NDIS's handle of the adapter's DMA.
    #[must_use]
    pub fn dma(&self) -> NDIS_HANDLE {
        self.dma
    }

    /// Registers are left alone from now on; reads give all ones.
    pub fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether [`Hardware::set_gone`] was called.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Frees memory whose owners ended at DISPATCH_LEVEL.
    pub fn free_retired(&self, passive: &Passive) {
        self.retired.free(passive, self.adapter);
    }

    fn window(&self, bar: Bar) -> Option<&Window> {
        if self.is_gone() {
            return None;
        }
        match bar {
            Bar::Registers => Some(&self.registers),
            Bar::Doorbells => Some(&self.doorbells),
            // Windows' own.
            Bar::Msix => None,
        }
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        // SAFETY: the last reference is the adapter's, which ends in MiniportHaltEx or a failed MiniportInitializeEx.
        let passive = unsafe { Passive::assume() };
        self.free_retired(&passive);
        unmap(self.adapter, &self.doorbells);
        unmap(self.adapter, &self.registers);
        // SAFETY: registered by `claim`; no memory is left, as each holds a reference.
        unsafe { NdisMDeregisterScatterGatherDma(self.dma) }
    }
}

/// Configuration space; all ones where there is none.
fn config_read(adapter: NDIS_HANDLE, offset: u16, width: u8) -> u32 {
    let mut value = [0u8; 4];
    let length = u32::from(width.min(4));
    // SAFETY: the buffer holds 4 bytes.
    let got = unsafe {
        NdisMGetBusData(
            adapter,
            PCI_WHICHSPACE_CONFIG,
            offset.into(),
            value.as_mut_ptr().cast(),
            length,
        )
    };
    if got == length {
        u32::from_le_bytes(value)
    } else {
        u32::MAX
    }
}

fn map(adapter: NDIS_HANDLE, range: Range) -> Result<Window, SetupError> {
    let mut base: PVOID = core::ptr::null_mut();
    // SAFETY: the range was assigned to this adapter.
    let status = unsafe { NdisMMapIoSpace(&raw mut base, adapter, range.start, range.length) };
    match NonNull::new(base.cast()) {
        Some(base) if status == NDIS_STATUS_SUCCESS => Ok(Window {
            base,
            length: range.length,
        }),
        _ => Err(SetupError::Ndis("NdisMMapIoSpace", status)),
    }
}

fn unmap(adapter: NDIS_HANDLE, window: &Window) {
    // SAFETY: mapped by `map`, and not used again.
    unsafe { NdisMUnmapIoSpace(adapter, window.base.as_ptr().cast(), window.length) }
}

/// A doorbell slot in BAR2.
pub struct Doorbell {
    slot: NonNull<AtomicU64>,
    /// Keeps the mapping.
    hardware: Shared<Hardware>,
}

// SAFETY: the slot is device memory, reached by atomic accesses.
unsafe impl Send for Doorbell {}
// SAFETY: as above.
unsafe impl Sync for Doorbell {}

impl DoorbellSlot for Doorbell {
    fn store(&self, value: u64) {
        if self.hardware.is_gone() {
            return;
        }
        fence(Ordering::Release);
        // SAFETY: inside the mapping, aligned; one store of 8 bytes.
        unsafe { self.slot.cast::<u64>().write_volatile(value) }
    }

    fn fetch_or(&self, bits: u64) {
        if self.hardware.is_gone() {
            return;
        }
        // SAFETY: inside the mapping, aligned. Only with SUMMARY, which only devices offer whose BAR2 is memory.
        unsafe { self.slot.as_ref() }.fetch_or(bits, Ordering::SeqCst);
    }
}

/// The machine of the driver core.
#[derive(Clone)]
pub struct NtPlatform(pub Shared<Hardware>);

impl NtPlatform {
    /// The function.
    #[must_use]
    pub fn hardware(&self) -> &Shared<Hardware> {
        &self.0
    }

    fn read<T: Copy>(&self, bar: Bar, offset: u32, absent: T) -> T {
        match self.0.window(bar).and_then(|window| window.at::<T>(offset)) {
            // SAFETY: inside the mapping, aligned.
            Some(register) => unsafe { register.read_volatile() },
            None => absent,
        }
    }

    fn write<T>(&self, bar: Bar, offset: u32, value: T) {
        if let Some(register) = self.0.window(bar).and_then(|window| window.at::<T>(offset)) {
            // Memory that the register tells of is written before it.
            fence(Ordering::Release);
            // SAFETY: inside the mapping, aligned.
            unsafe { register.write_volatile(value) }
        }
    }
}

impl Platform for NtPlatform {
    type Dma = SharedMemory;
    type Doorbell = Doorbell;

    fn read32(&self, bar: Bar, offset: u32) -> u32 {
        self.read(bar, offset, u32::MAX)
    }

    fn write32(&self, bar: Bar, offset: u32, value: u32) {
        self.write(bar, offset, value);
    }

    fn read64(&self, bar: Bar, offset: u32) -> u64 {
        self.read(bar, offset, u64::MAX)
    }

    fn write64(&self, bar: Bar, offset: u32, value: u64) {
        self.write(bar, offset, value);
    }

    fn doorbell(&self, index: u32) -> Result<Doorbell, PlatformError> {
        let slot = index
            .checked_mul(8)
            .and_then(|offset| self.0.doorbells.at::<AtomicU64>(offset))
            .and_then(NonNull::new)
            .ok_or(PlatformError::Invalid)?;
        Ok(Doorbell {
            slot,
            hardware: self.0.clone(),
        })
    }

    fn config_read(&self, offset: u16, width: u8) -> u32 {
        config_read(self.0.adapter, offset, width)
    }

    fn config_write(&self, offset: u16, width: u8, value: u32) {
        let mut value = value.to_le_bytes();
        // SAFETY: the buffer holds 4 bytes.
        unsafe {
            NdisMSetBusData(
                self.0.adapter,
                PCI_WHICHSPACE_CONFIG,
                offset.into(),
                value.as_mut_ptr().cast::<c_void>(),
                u32::from(width.min(4)),
            );
        }
    }

    fn alloc_dma(&self, bytes: usize, _: DmaAccess) -> Result<SharedMemory, PlatformError> {
        SharedMemory::allocate(&self.0, bytes)
    }

    fn fence(&self) {
        fence(Ordering::SeqCst);
    }

    fn now(&self) -> Nanos {
        Nanos(now_ns())
    }
}
