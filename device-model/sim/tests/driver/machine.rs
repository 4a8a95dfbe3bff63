//! The in-process machine with memory that can run out: the n-th allocation of the driver fails, be it DMA memory or
//! heap. What the platform allocates for itself does not count.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rnic_platform::{
    Bar, DmaAccess, DmaBuffer, DoorbellSlot, Nanos, Platform, PlatformError, TestPlatform,
};
use rnic_sim::platform::{Options, SimDma, SimDoorbell, SimPlatform};

thread_local! {
    /// Whether the driver runs, and not the platform or the test.
    static DRIVER: Cell<bool> = const { Cell::new(false) };
    /// Allocations until one fails; negative: none will.
    static LEFT: Cell<i64> = const { Cell::new(-1) };
}

/// Whether this allocation is the one that fails.
fn fails() -> bool {
    if !DRIVER.get() || LEFT.get() < 0 {
        return false;
    }
    LEFT.set(LEFT.get() - 1);
    LEFT.get() < 0
}

struct Heap;

// SAFETY: every call goes to the system allocator, or gives null, which is the answer for no memory.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if fails() {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

/// Runs driver code: its allocations count.
pub fn driver<T>(run: impl FnOnce() -> T) -> T {
    let before = DRIVER.replace(true);
    let result = run();
    DRIVER.set(before);
    result
}

/// Runs the platform: its allocations do not count.
fn platform<T>(run: impl FnOnce() -> T) -> T {
    let before = DRIVER.replace(false);
    let result = run();
    DRIVER.set(before);
    result
}

/// The n-th allocation from now on fails, counted from 0; negative: none.
pub fn fail_allocation(n: i64) {
    LEFT.set(n);
}

/// Whether the failure that was asked for is still to come.
pub fn failure_is_due() -> bool {
    LEFT.get() >= 0
}

/// One function of the in-process machine.
pub struct Machine {
    inner: SimPlatform,
    buffers: Arc<AtomicUsize>,
}

/// A buffer that is counted.
pub struct Buffer {
    /// None only while it is dropped.
    inner: Option<SimDma>,
    buffers: Arc<AtomicUsize>,
}

impl Buffer {
    fn with<T>(&self, run: impl FnOnce(&SimDma) -> T) -> T {
        platform(|| run(self.inner.as_ref().unwrap()))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        platform(|| drop(self.inner.take()));
        self.buffers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A doorbell slot.
pub struct Doorbell(SimDoorbell);

impl DoorbellSlot for Doorbell {
    fn store(&self, value: u64) {
        platform(|| self.0.store(value));
    }
    fn fetch_or(&self, bits: u64) {
        platform(|| self.0.fetch_or(bits));
    }
}

impl Machine {
    pub fn new() -> Self {
        Self {
            inner: SimPlatform::new(&Options::default()).unwrap(),
            buffers: Arc::default(),
        }
    }

    /// Buffers that exist.
    pub fn buffers(&self) -> usize {
        self.buffers.load(Ordering::Relaxed)
    }

    /// Lets the device work.
    pub fn idle(&self) {
        platform(|| self.inner.idle());
    }

    /// Messages of a vector so far.
    pub fn interrupts(&self, vector: u16) -> u64 {
        platform(|| self.inner.interrupts(vector))
    }
}

impl DmaBuffer for Buffer {
    fn iova(&self) -> u64 {
        self.with(SimDma::iova)
    }
    fn len(&self) -> usize {
        self.with(SimDma::len)
    }
    fn read(&self, offset: usize, data: &mut [u8]) {
        self.with(|b| b.read(offset, data));
    }
    fn write(&self, offset: usize, data: &[u8]) {
        self.with(|b| b.write(offset, data));
    }
    fn load_u16(&self, offset: usize) -> u16 {
        self.with(|b| b.load_u16(offset))
    }
    fn load_u32(&self, offset: usize) -> u32 {
        self.with(|b| b.load_u32(offset))
    }
    fn load_u64(&self, offset: usize) -> u64 {
        self.with(|b| b.load_u64(offset))
    }
    fn store_u16(&self, offset: usize, value: u16) {
        self.with(|b| b.store_u16(offset, value));
    }
    fn store_u32(&self, offset: usize, value: u32) {
        self.with(|b| b.store_u32(offset, value));
    }
    fn store_u64(&self, offset: usize, value: u64) {
        self.with(|b| b.store_u64(offset, value));
    }
}

impl Platform for Machine {
    type Dma = Buffer;
    type Doorbell = Doorbell;

    fn read32(&self, bar: Bar, offset: u32) -> u32 {
        platform(|| self.inner.read32(bar, offset))
    }
    fn write32(&self, bar: Bar, offset: u32, value: u32) {
        platform(|| self.inner.write32(bar, offset, value));
    }
    fn read64(&self, bar: Bar, offset: u32) -> u64 {
        platform(|| self.inner.read64(bar, offset))
    }
    fn write64(&self, bar: Bar, offset: u32, value: u64) {
        platform(|| self.inner.write64(bar, offset, value));
    }
    fn doorbell(&self, index: u32) -> Result<Doorbell, PlatformError> {
        platform(|| self.inner.doorbell(index)).map(Doorbell)
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        platform(|| self.inner.config_read(offset, width))
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        platform(|| self.inner.config_write(offset, width, value));
    }
    fn alloc_dma(&self, bytes: usize, access: DmaAccess) -> Result<Buffer, PlatformError> {
        if fails() {
            return Err(PlatformError::NoMemory);
        }
        let inner = platform(|| self.inner.alloc_dma(bytes, access))?;
        self.buffers.fetch_add(1, Ordering::Relaxed);
        Ok(Buffer {
            inner: Some(inner),
            buffers: self.buffers.clone(),
        })
    }
    fn fence(&self) {
        self.inner.fence();
    }
    fn now(&self) -> Nanos {
        self.inner.now()
    }
}
