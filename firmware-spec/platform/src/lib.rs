//! What a driver or a test needs from a machine.
//!
//! [`Platform`] is everything that driver code may ask for: registers, configuration space, doorbells, memory that the
//! device can reach, and a clock. It has no interrupts and nothing that waits: interrupts call the driver, and waiting
//! belongs to whoever runs it. [`TestPlatform`] adds what a test must see and do besides: count interrupts, mask
//! vectors, take a mapping away, let time pass.
//!
//! Implementations live with the machines: in process (rnic-sim), vfio-user socket, QEMU qtest and VFIO
//! (rnic-driver-host), Windows (rnic-ndis). This crate has no code of its own to test.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

/// Nanoseconds since an arbitrary moment of one machine; never runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub u64);

/// A base address register window of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// BAR0: control registers.
    Registers,
    /// BAR2: doorbell slots.
    Doorbells,
    /// BAR4: MSI-X table and pending bits.
    Msix,
}

/// What the device may do with a piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaAccess {
    /// The device may only read.
    DeviceReads,
    /// The device may read and write.
    DeviceReadsAndWrites,
}

/// Why a machine could not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformError {
    /// No memory, or no address space, is left.
    NoMemory,
    /// This machine cannot do that at all; see [`Capabilities`].
    Unsupported,
    /// The device, or the process that is the device, is gone.
    DeviceGone,
    /// The size, alignment or address is not acceptable.
    Invalid,
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoMemory => "no memory that the device can reach is left",
            Self::Unsupported => "this platform cannot do that",
            Self::DeviceGone => "the device is gone",
            Self::Invalid => "the size, alignment or address is not acceptable",
        })
    }
}

impl core::error::Error for PlatformError {}

/// Memory that both the driver and the device can reach. The device may change it at any time, so it is read and
/// written by copies and never lent as a slice. Offsets are in bytes; an access that does not lie inside the buffer,
/// or a word access that is not aligned to its size, panics: both are bugs of the caller, never of the device.
/// Dropping it takes the mapping away and frees the memory.
pub trait DmaBuffer: Send + Sync {
    /// DMA address of byte 0. The whole buffer is contiguous in DMA addresses.
    fn iova(&self) -> u64;
    /// Bytes.
    fn len(&self) -> usize;
    /// True for a buffer of no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Copies out of the buffer. No order is implied.
    fn read(&self, offset: usize, data: &mut [u8]);
    /// Copies into the buffer. No order is implied: publish with [`DmaBuffer::store_u64`] or a doorbell.
    fn write(&self, offset: usize, data: &[u8]);
    /// Loads an aligned word; later reads of this buffer are not done before it (acquire).
    fn load_u16(&self, offset: usize) -> u16;
    /// As [`DmaBuffer::load_u16`].
    fn load_u32(&self, offset: usize) -> u32;
    /// As [`DmaBuffer::load_u16`].
    fn load_u64(&self, offset: usize) -> u64;
    /// Stores an aligned word after all earlier writes to DMA buffers (release).
    fn store_u16(&self, offset: usize, value: u16);
    /// As [`DmaBuffer::store_u16`].
    fn store_u32(&self, offset: usize, value: u32);
    /// As [`DmaBuffer::store_u16`].
    fn store_u64(&self, offset: usize, value: u64);
}

/// One 8-byte doorbell slot.
pub trait DoorbellSlot: Send + Sync {
    /// Stores the slot in one access, after all earlier writes to DMA buffers.
    fn store(&self, value: u64);
    /// Sets bits of a summary word atomically, after all earlier stores to doorbells. Only with feature SUMMARY.
    fn fetch_or(&self, bits: u64);
}

/// A machine with one rnic function in it.
pub trait Platform: Send + Sync {
    /// Memory that the device can reach.
    type Dma: DmaBuffer;
    /// A doorbell slot.
    type Doorbell: DoorbellSlot;

    /// Reads a 32-bit register. All ones when the device is gone.
    fn read32(&self, bar: Bar, offset: u32) -> u32;
    /// Writes a 32-bit register, after all earlier writes to DMA buffers.
    fn write32(&self, bar: Bar, offset: u32, value: u32);
    /// Reads a 64-bit register in one access. All ones when the device is gone.
    fn read64(&self, bar: Bar, offset: u32) -> u64;
    /// Writes a 64-bit register in one access, after all earlier writes to DMA buffers.
    fn write64(&self, bar: Bar, offset: u32, value: u64);
    /// The slot with this index: page * DOORBELL_PAGE_SLOTS + slot. `Invalid` outside BAR2.
    fn doorbell(&self, index: u32) -> Result<Self::Doorbell, PlatformError>;

    /// Reads 1, 2 or 4 bytes of configuration space at a naturally aligned offset.
    fn config_read(&self, offset: u16, width: u8) -> u32;
    /// Writes 1, 2 or 4 bytes of configuration space at a naturally aligned offset.
    fn config_write(&self, offset: u16, width: u8, value: u32);

    /// Zeroed memory of at least `bytes` bytes, aligned to 4096, contiguous in DMA addresses.
    fn alloc_dma(&self, bytes: usize, access: DmaAccess) -> Result<Self::Dma, PlatformError>;

    /// Orders all earlier stores of this CPU, to memory and doorbells, before all its later loads: what the parked
    /// word needs between ringing and looking.
    fn fence(&self);

    /// The machine's clock.
    fn now(&self) -> Nanos;
}

/// What a test platform can do besides the minimum. A test that needs a missing one is skipped by that name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// [`TestPlatform::unmap`] and [`TestPlatform::map`] work: there is an IOMMU, or the test is the client.
    pub remap: bool,
    /// [`DmaAccess::DeviceReads`] is enforced.
    pub read_only_maps: bool,
    /// Interrupts can be counted.
    pub interrupts: bool,
    /// [`TestPlatform::mask_vector`] works.
    pub mask_vectors: bool,
    /// Vectors that are masked show in the pending bit array that a driver reads.
    pub pending_bits: bool,
    /// [`TestPlatform::peer`] gives a second function.
    pub two_functions: bool,
    /// Raw frames can be sent to and taken from the port.
    pub port: bool,
}

/// What a test needs besides [`Platform`].
pub trait TestPlatform: Platform {
    /// Name for reports: `in-process`, `socket`, `qtest`, `vfio`.
    fn name(&self) -> &'static str;
    /// What this machine can do.
    fn capabilities(&self) -> Capabilities;
    /// Lets the device work and time pass, for a caller that waits. Returns soon, at the latest after a millisecond.
    fn idle(&self);
    /// Interrupt messages that arrived on a vector since the platform was made.
    fn interrupts(&self, vector: u16) -> u64;
    /// Masks or unmasks a vector, as a driver does in the MSI-X table.
    fn mask_vector(&self, vector: u16, masked: bool) -> Result<(), PlatformError>;
    /// Takes the device's access to a buffer away; the memory stays.
    fn unmap(&self, buffer: &Self::Dma) -> Result<(), PlatformError>;
    /// Gives it back at the same DMA address.
    fn map(&self, buffer: &Self::Dma, access: DmaAccess) -> Result<(), PlatformError>;
    /// Function level reset by the PCI Express capability, and the wait that PCI asks for.
    fn function_reset(&self);
    /// The other function on the same fabric, if [`Capabilities::two_functions`].
    fn peer(&self) -> Option<&Self>;
    /// Puts a frame on the wire towards the device, without frame check sequence.
    fn port_send(&self, frame: &[u8]) -> Result<(), PlatformError>;
    /// Takes the next frame that the device sent; its length, or `None`.
    fn port_receive(&self, frame: &mut [u8]) -> Option<usize>;
}
