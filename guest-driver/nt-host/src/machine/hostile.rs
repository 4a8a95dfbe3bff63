//! A function that lies: another one behind it does the work, and this one falsifies what the driver sees of it.
//!
//! What a lie is and where it goes follows from the seed. When it is told depends on the machine's threads too, so a
//! seed repeats a run in kind, not to the instruction.
//!
//! `unsafe`: memory that driver and device share, and eventfds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::{BarMemory, BarNumber, Machine};

/// How it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Registers read as something else, now and then.
    Registers,
    /// From now on writes of registers reach nobody: no command is begun, no reset happens.
    Deaf,
    /// Writes of registers come late, out of order with what the driver does meanwhile.
    Late,
    /// From now on it is gone: registers read as all ones, nothing interrupts.
    Gone,
    /// What it wrote to shared memory is changed: indices, lengths, owner bits, statuses, events.
    Memory,
    /// Entries that nobody asked for follow those that it wrote.
    Entries,
    /// Interrupts come all the time.
    Storm,
    /// Interrupts do not come.
    Silence,
    /// Registers read as all ones, as those of a function that was pulled out; but it is there, and may use memory. No seed
    /// chooses this one.
    AllOnes,
}

impl Lie {
    /// Those that seeds choose from.
    pub const ALL: [Lie; 8] = [
        Lie::Registers,
        Lie::Deaf,
        Lie::Late,
        Lie::Gone,
        Lie::Memory,
        Lie::Entries,
        Lie::Storm,
        Lie::Silence,
    ];
}

/// A seeded sequence of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    /// The next.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// Below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }

    /// A value that is at the edge of something, or near `old`.
    pub fn edge(&mut self, old: u64) -> u64 {
        match self.below(10) {
            0 => 0,
            1 => u64::MAX,
            2 => u64::from(u32::MAX),
            3 => 1 << self.below(64),
            4 => old ^ 1 << self.below(64),
            5 => old.wrapping_add(1),
            6 => old.wrapping_sub(1),
            7 => u64::MAX >> self.below(64),
            8 => old.rotate_left(8),
            _ => self.draw(),
        }
    }
}

/// A range that the driver gave the device for good: rings, answers, buffers.
struct Shared {
    address: usize,
    /// As it was when it was looked at last.
    seen: Vec<u64>,
}

struct State {
    numbers: Numbers,
    shared: BTreeMap<u64, Shared>,
    late: Vec<(BarNumber, u64, usize, u64)>,
}

struct Inner {
    machine: Arc<dyn Machine>,
    lie: Lie,
    /// One of so many chances is taken.
    rate: u64,
    on: AtomicBool,
    /// The driver lets it use memory, as far as PCI goes.
    master: AtomicBool,
    ended: AtomicBool,
    state: Mutex<State>,
}

/// The function.
pub struct HostileMachine {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl HostileMachine {
    /// Lies about `machine`, once [`HostileMachine::begin`] is called.
    pub fn new(machine: Arc<dyn Machine>, lie: Lie, seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let rate = [1, 3, 10, 50, 300, 2000][numbers.below(6) as usize];
        let inner = Arc::new(Inner {
            machine,
            lie,
            rate,
            on: AtomicBool::new(false),
            master: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            state: Mutex::new(State {
                numbers,
                shared: BTreeMap::new(),
                late: Vec::new(),
            }),
        });
        let running = inner.clone();
        let thread = std::thread::spawn(move || running.work());
        Self {
            inner,
            thread: Mutex::new(Some(thread)),
        }
    }

    /// From now on it lies.
    pub fn begin(&self) {
        self.inner.on.store(true, Ordering::SeqCst);
    }

    /// Whether the driver has left bus mastering on.
    pub fn is_master(&self) -> bool {
        self.inner.master.load(Ordering::SeqCst)
    }

    /// It tells the truth again.
    pub fn end(&self) {
        self.inner.on.store(false, Ordering::SeqCst);
    }
}

impl Drop for HostileMachine {
    fn drop(&mut self) {
        self.inner.ended.store(true, Ordering::SeqCst);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Inner {
    fn lies(&self, lie: Lie) -> bool {
        self.lie == lie && self.on.load(Ordering::Relaxed)
    }

    fn chance(&self) -> bool {
        self.state.lock().numbers.below(self.rate) == 0
    }

    fn work(&self) {
        while !self.ended.load(Ordering::SeqCst) {
            if !self.on.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            match self.lie {
                Lie::Memory | Lie::Entries => self.falsify(),
                Lie::Storm => self.storm(),
                Lie::Silence | Lie::Gone => self.silence(),
                Lie::Late => self.release(),
                Lie::Registers | Lie::Deaf | Lie::AllOnes => {}
            }
            // Often enough to be before the driver now and then, and not so often that nobody else runs.
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Looks for what changed in shared memory, and changes it again, or what follows it.
    fn falsify(&self) {
        let mut state = self.state.lock();
        let State {
            numbers, shared, ..
        } = &mut *state;
        for range in shared.values_mut() {
            for index in 0..range.seen.len() {
                let word = (range.address + 8 * index) as *mut u64;
                // SAFETY: inside a range that is not freed while the lock is held; the driver expects a device there.
                let now = unsafe { word.read_volatile() };
                if now == range.seen[index] {
                    continue;
                }
                range.seen[index] = now;
                if numbers.below(self.rate) != 0 {
                    continue;
                }
                let (at, value) = if self.lie == Lie::Entries {
                    // As long as one of the entries that the interface has: the word is as good in the next one.
                    let stride = [1, 2, 8, 64][numbers.below(4) as usize];
                    (
                        index + stride,
                        if numbers.below(4) == 0 {
                            numbers.edge(now)
                        } else {
                            now
                        },
                    )
                } else {
                    (index, numbers.edge(now))
                };
                if let Some(seen) = range.seen.get_mut(at) {
                    *seen = value;
                    // SAFETY: as above.
                    unsafe { ((range.address + 8 * at) as *mut u64).write_volatile(value) };
                }
            }
        }
    }

    fn storm(&self) {
        for fd in self.machine.vectors() {
            let one = 1_u64;
            // SAFETY: writes 8 bytes to an eventfd that is open as long as the machine.
            unsafe { libc::write(fd, (&raw const one).cast(), 8) };
        }
    }

    fn silence(&self) {
        for fd in self.machine.vectors() {
            let mut count = 0_u64;
            // SAFETY: reads 8 bytes of an eventfd that does not block.
            unsafe { libc::read(fd, (&raw mut count).cast(), 8) };
        }
    }

    fn release(&self) {
        let due = {
            let mut state = self.state.lock();
            if state.late.is_empty() || state.numbers.below(100) != 0 {
                return;
            }
            std::mem::take(&mut state.late)
        };
        for (bar, offset, width, value) in due {
            self.machine.write(bar, offset, width, value);
        }
    }
}

impl Machine for HostileMachine {
    fn name(&self) -> &'static str {
        "hostile"
    }
    fn memory(&self) -> (usize, usize) {
        self.inner.machine.memory()
    }
    fn bar_memory(&self, bar: BarNumber) -> Vec<BarMemory> {
        self.inner.machine.bar_memory(bar)
    }
    fn read(&self, bar: BarNumber, offset: u64, width: usize) -> u64 {
        if self.inner.lies(Lie::Gone) || self.inner.lies(Lie::AllOnes) {
            return u64::MAX;
        }
        let value = self.inner.machine.read(bar, offset, width);
        if self.inner.lies(Lie::Registers) && self.inner.chance() {
            return self.inner.state.lock().numbers.edge(value);
        }
        value
    }
    fn write(&self, bar: BarNumber, offset: u64, width: usize, value: u64) {
        if self.inner.lies(Lie::Gone) || self.inner.lies(Lie::Deaf) {
            return;
        }
        if self.inner.lies(Lie::Late) {
            self.inner
                .state
                .lock()
                .late
                .push((bar, offset, width, value));
            return;
        }
        self.inner.machine.write(bar, offset, width, value);
    }
    fn config_read(&self, offset: u16, width: u8) -> u32 {
        if self.inner.lies(Lie::Gone) {
            return u32::MAX;
        }
        self.inner.machine.config_read(offset, width)
    }
    fn config_write(&self, offset: u16, width: u8, value: u32) {
        const COMMAND: u16 = 4;
        const BUS_MASTER: u32 = 0b100;
        if self.inner.lies(Lie::Gone) {
            return;
        }
        if offset == COMMAND {
            let master = value & BUS_MASTER != 0;
            self.inner.master.store(master, Ordering::SeqCst);
        }
        self.inner.machine.config_write(offset, width, value);
    }
    fn vectors(&self) -> Vec<i32> {
        self.inner.machine.vectors()
    }
    fn dma_map(&self, offset: usize, bytes: usize) -> Option<u64> {
        self.inner.machine.dma_map(offset, bytes)
    }
    fn dma_map_shared(&self, offset: usize, bytes: usize) -> Option<u64> {
        let iova = self.inner.machine.dma_map_shared(offset, bytes)?;
        let shared = Shared {
            address: self.memory().0 + offset,
            seen: vec![0; bytes / 8],
        };
        self.inner.state.lock().shared.insert(iova, shared);
        Some(iova)
    }
    fn dma_unmap(&self, iova: u64, bytes: usize) {
        self.inner.state.lock().shared.remove(&iova);
        self.inner.machine.dma_unmap(iova, bytes);
    }
}
