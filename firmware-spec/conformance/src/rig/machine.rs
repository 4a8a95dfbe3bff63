//! One function of a platform, and waiting for it.

use core::fmt;
use std::cell::RefCell;
use std::rc::Rc;

use rnic_abi::meta::Register;
use rnic_abi::{REGISTERS, reg};
use rnic_platform::{Bar, DmaAccess, DmaBuffer, TestPlatform};

use crate::failure::{Outcome, fail};

/// How long to wait for what must happen. A test gives up when both bounds are passed: so neither a clock that jumps
/// nor one that stands still ends a wait too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Nanoseconds of the platform's clock.
    pub ns: u64,
    /// Calls of `idle`.
    pub idles: u32,
    /// Calls of `idle` after which something that must not happen is taken not to.
    pub settle: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            ns: 5_000_000_000,
            idles: 500,
            settle: 24,
        }
    }
}

/// Buffers that stay alive until the device was reset at the end of a test.
pub type Pool<P> = Rc<RefCell<Vec<Rc<<P as rnic_platform::Platform>::Dma>>>>;

/// One function, and its neighbour that has to be given time too.
pub struct Machine<'p, P: TestPlatform> {
    /// The function.
    pub platform: &'p P,
    neighbour: Option<&'p P>,
    pool: Pool<P>,
    /// How long to wait.
    pub patience: Patience,
}

impl<P: TestPlatform> Clone for Machine<'_, P> {
    fn clone(&self) -> Self {
        Self {
            platform: self.platform,
            neighbour: self.neighbour,
            pool: Rc::clone(&self.pool),
            patience: self.patience,
        }
    }
}

/// The metadata of a register.
///
/// # Panics
/// If the specification has none at this offset.
#[must_use]
pub fn register(offset: u64) -> &'static Register {
    REGISTERS
        .iter()
        .find(|r| r.bar == 0 && r.offset == offset)
        .unwrap_or_else(|| panic!("the specification has no register at {offset:#x}"))
}

impl<'p, P: TestPlatform> Machine<'p, P> {
    /// The function `platform`; `neighbour` is idled with it.
    pub fn new(platform: &'p P, neighbour: Option<&'p P>, patience: Patience) -> Self {
        Self {
            platform,
            neighbour,
            pool: Rc::default(),
            patience,
        }
    }

    /// The neighbour as a machine that shares the pool of buffers.
    #[must_use]
    pub fn other(&self) -> Option<Self> {
        Some(Self {
            platform: self.neighbour?,
            neighbour: Some(self.platform),
            pool: Rc::clone(&self.pool),
            patience: self.patience,
        })
    }

    /// Frees the buffers of a test. Only after the device was reset.
    pub fn free_buffers(&self) {
        self.pool.borrow_mut().clear();
    }

    /// Reads a register, 32 or 64 bits wide as the specification says.
    #[must_use]
    pub fn get(&self, offset: u64) -> u64 {
        let at = offset as u32;
        if register(offset).width == 64 {
            self.platform.read64(Bar::Registers, at)
        } else {
            self.platform.read32(Bar::Registers, at).into()
        }
    }

    /// Writes a register.
    pub fn put(&self, offset: u64, value: u64) {
        let at = offset as u32;
        if register(offset).width == 64 {
            self.platform.write64(Bar::Registers, at, value);
        } else {
            self.platform.write32(Bar::Registers, at, value as u32);
        }
    }

    /// Memory that the device may read and write.
    #[track_caller]
    pub fn alloc(&self, bytes: usize) -> Outcome<Rc<P::Dma>> {
        self.alloc_for(bytes, DmaAccess::DeviceReadsAndWrites)
    }

    /// Memory with this access.
    #[track_caller]
    pub fn alloc_for(&self, bytes: usize, access: DmaAccess) -> Outcome<Rc<P::Dma>> {
        let buffer = Rc::new(self.platform.alloc_dma(bytes, access)?);
        if buffer.iova() % 4096 != 0 || buffer.len() < bytes {
            return fail("the platform gave memory that is misaligned or too small");
        }
        self.pool.borrow_mut().push(Rc::clone(&buffer));
        Ok(buffer)
    }

    /// Lets all functions work.
    pub fn idle(&self) {
        self.platform.idle();
        if let Some(neighbour) = self.neighbour {
            neighbour.idle();
        }
    }

    /// Gives the device the opportunity to do what it must not.
    pub fn settle(&self) {
        for _ in 0..self.patience.settle {
            self.idle();
        }
    }

    /// Waits until `step` gives something.
    #[track_caller]
    pub fn wait_for<T>(
        &self,
        what: impl fmt::Display,
        mut step: impl FnMut() -> Outcome<Option<T>>,
    ) -> Outcome<T> {
        let start = self.platform.now().0;
        let mut idles = 0;
        loop {
            if let Some(found) = step()? {
                return Ok(found);
            }
            let waited = self.platform.now().0.saturating_sub(start);
            if idles >= self.patience.idles && waited > self.patience.ns {
                return fail(format_args!(
                    "waited in vain for {what} ({} ms, {idles} idle calls)",
                    waited / 1_000_000
                ));
            }
            self.idle();
            idles += 1;
        }
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn wait_until(
        &self,
        what: impl fmt::Display,
        mut condition: impl FnMut() -> bool,
    ) -> Outcome {
        self.wait_for(what, || Ok(condition().then_some(())))
    }

    /// Lets at least so many nanoseconds of the platform's clock pass.
    pub fn pass(&self, ns: u64) {
        let start = self.platform.now().0;
        let mut idles = 0_u32;
        while self.platform.now().0.saturating_sub(start) < ns && idles < 100_000 {
            self.idle();
            idles += 1;
        }
    }

    /// Sets memory space and bus mastering in the PCI command register.
    pub fn set_bus_master(&self, on: bool) {
        let command = self.platform.config_read(4, 2) | 0x2;
        let command = if on { command | 0x4 } else { command & !0x4 };
        self.platform.config_write(4, 2, command);
    }

    /// Waits for the end of a reset.
    #[track_caller]
    pub fn wait_ready(&self) -> Outcome {
        self.wait_until("DEVICE_CONTROL.reset 0 and DEVICE_STATUS.ready 1", || {
            !reg::device_control::RESET.is_set(self.get(reg::DEVICE_CONTROL))
                && reg::device_status::READY.is_set(self.get(reg::DEVICE_STATUS))
        })
    }

    /// Resets the device and waits for it.
    #[track_caller]
    pub fn reset(&self) -> Outcome {
        self.put(reg::DEVICE_CONTROL, reg::device_control::RESET.mask());
        self.wait_ready()
    }

    /// Feature bits that the device offers.
    #[must_use]
    pub fn offered(&self) -> u64 {
        self.get(reg::FEATURES)
    }
}
