//! Two devices in this process, each with a provider, worked by whoever waits.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ndis_sys::ndk::*;
use ndk_consumer::platform::{Address, Family, Memory, Platform as Consumer, Refused};
use rnic_abi::CounterId;
use rnic_driver_core::{
    BringUp, CompletionEq, Config, Control, Counters, Device, Eqn, GeneralEq, Nic, Outcome, Step,
};
use rnic_ndk::raw::{NoMemory, Object, Passive, RawLock, Shared, close_adapter};
use rnic_ndk::{Event, LocalAddress, NoRoute, OpenError, Provider, SocketAddress, System};
use rnic_platform::{DmaAccess, DmaBuffer, Platform, TestPlatform};
use rnic_sim::platform::{Options, SimDma, SimMachine, SimPlatform, mac};

/// A spin lock that says so when its holder takes it again.
pub struct TestLock {
    holder: AtomicU64,
}

fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static NUMBER: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    NUMBER.with(|number| *number)
}

// SAFETY: `acquire` returns when it has put the thread's number where none was.
unsafe impl RawLock for TestLock {
    type Saved = ();
    fn new() -> Self {
        Self {
            holder: AtomicU64::new(0),
        }
    }
    fn acquire(&self) {
        let me = this_thread();
        assert_ne!(
            self.holder.load(Ordering::Relaxed),
            me,
            "a lock is taken by its holder"
        );
        while self
            .holder
            .compare_exchange_weak(0, me, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            std::hint::spin_loop();
        }
    }
    fn release(&self, (): ()) {
        self.holder.store(0, Ordering::Release);
    }
}

thread_local!(static STEP: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) });

fn step_all() {
    let step = STEP.with(|step| step.borrow().clone());
    step.expect("a machine is there")();
}

/// Threads of a test may wait.
fn passive() -> Passive {
    // SAFETY: there is no IRQL here.
    unsafe { Passive::assume() }
}

/// Waits by working.
pub struct TestEvent(AtomicBool);

impl Event for TestEvent {
    fn try_new() -> Result<Self, NoMemory> {
        Ok(Self(AtomicBool::new(false)))
    }
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
    fn wait(&self, _: &Passive) {
        let mut steps = 0;
        while !self.0.load(Ordering::Acquire) {
            steps += 1;
            assert!(steps < PATIENCE, "an event did not come");
            step_all();
        }
    }
}

/// Steps, of a millisecond at most, after which nothing is to be expected any more.
const PATIENCE: u64 = 100_000;

/// The operating system that a provider sees.
pub struct TestSystem {
    /// The test falsifies what the device says.
    pub lies: AtomicBool,
    /// Lies that the provider noticed.
    pub caught: AtomicUsize,
    nic: Nic<SimPlatform>,
    eqn: Eqn,
    queues: AtomicUsize,
    passive: AtomicBool,
    deferred: AtomicBool,
}

impl System for TestSystem {
    type Platform = SimPlatform;
    type Lock = TestLock;
    type Event = TestEvent;
    fn nic(&self) -> &Nic<SimPlatform> {
        &self.nic
    }
    fn choose_event_queue(&self, _: Option<usize>) -> Option<(usize, Eqn)> {
        self.queues.fetch_add(1, Ordering::Relaxed);
        Some((0, self.eqn))
    }
    fn leave_event_queue(&self, _: usize) {
        let before = self.queues.fetch_sub(1, Ordering::Relaxed);
        assert_ne!(before, 0, "an event queue is left more often than taken");
    }
    fn commands_wait(&self) {}
    fn device_broke_a_rule(&self, error: rnic_driver_core::Error) {
        let lies = self.lies.load(Ordering::Relaxed);
        assert!(lies, "the simulator's device keeps the rules: {error}");
        self.caught.fetch_add(1, Ordering::Relaxed);
    }
    fn want_passive_work(&self) {
        self.passive.store(true, Ordering::Release);
    }
    fn want_deferred_work(&self) {
        self.deferred.store(true, Ordering::Release);
    }
    fn path_mtu(&self) -> rnic_abi::Mtu {
        rnic_abi::Mtu::MTU_512
    }
    fn page_address(&self, frame: u64) -> Option<u64> {
        Some(frame * 4096)
    }
    fn next_hop(&self, _: &Passive, _: [u8; 16], to: [u8; 16]) -> Result<Option<[u8; 6]>, NoRoute> {
        let side = (0..2).find(|side| [Family::V4, Family::V6].iter().any(|f| ip(*side, *f) == to));
        side.map(|side| Some(mac(side).0)).ok_or(NoRoute::Host)
    }
}

fn ip(side: usize, family: Family) -> [u8; 16] {
    let host = u8::try_from(side).expect("few") + 1;
    match family {
        Family::V4 => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, host],
        Family::V6 => [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host],
    }
}

struct Owned {
    control: Control<SimPlatform>,
    events: GeneralEq<SimPlatform>,
    signals: CompletionEq<SimPlatform>,
    counters: Option<Counters>,
}

/// A device and its provider.
pub struct Side {
    /// The provider.
    pub provider: Shared<Provider<TestSystem>>,
    owned: RefCell<Owned>,
    /// The device's events are lost on the way.
    pub lose_events: Cell<bool>,
    /// Its completion queues' signals are.
    pub lose_signals: Cell<bool>,
    /// Path MTU of the connection that a peer asked for last.
    pub asked_mtu: Cell<Option<rnic_abi::Mtu>>,
    /// Its answers are.
    pub lose_answers: Cell<bool>,
}

impl Side {
    fn die(&self) {
        let mut owned = self.owned.borrow_mut();
        owned.control.abandon(rnic_driver_core::Error::Gone);
    }

    fn work(&self) {
        let system = self.provider.system();
        let nic = system.nic();
        let mut owned = self.owned.borrow_mut();
        let owned = &mut *owned;
        self.provider.submit_waiting(&mut owned.control);
        let dead = owned.control.dead().is_some();
        while !self.lose_answers.get()
            && let Some(done) = owned.control.poll(nic)
        {
            if Provider::<TestSystem>::owns(&done) {
                self.provider.answered(done);
            } else if let Ok(Outcome::Counters(counters)) = done.result {
                owned.counters = Some(counters);
            }
        }
        if dead {
            self.provider.device_failed();
        }
        while let Some(event) = owned.events.poll(nic).expect("events").filter(|_| !dead) {
            if let rnic_driver_core::Event::ConnectRequest(info) = &event {
                self.asked_mtu.set(Some(info.path_mtu));
            }
            if !self.lose_events.get() {
                Provider::event(&self.provider, &event);
            }
        }
        while let Some(signal) = owned.signals.poll(nic).expect("signals").filter(|_| !dead) {
            if !self.lose_signals.get() {
                self.provider.signal(&signal);
            }
        }
        owned.signals.arm(nic);
        if system.passive.swap(false, Ordering::AcqRel) {
            self.provider.passive_work(&passive());
        }
        if system.deferred.swap(false, Ordering::AcqRel) {
            self.provider.deferred_work();
        }
    }
}

/// Two sides on one fabric.
pub struct Machine {
    machine: std::sync::Arc<SimMachine>,
    sides: Rc<Vec<Side>>,
    /// After so many steps the device of a side is found dead.
    #[allow(dead_code)]
    pub doom: Rc<Cell<Option<(u64, usize)>>>,
}

fn up(platform: SimPlatform) -> Device<SimPlatform> {
    let mut step = BringUp::new(platform, Config::default()).advance();
    loop {
        match step {
            Step::Ready(device) => return device,
            Step::Failed(failed) => panic!("bring-up: {}", failed.error),
            Step::Pending(next) => {
                next.platform().idle();
                step = next.advance();
            }
        }
    }
}

fn side(machine: &std::sync::Arc<SimMachine>, index: usize) -> Side {
    let Device {
        nic,
        mut control,
        events,
    } = up(machine.platform(index));
    control.create_eq(&nic, 1, 1024, 0).expect("event queue");
    let signals = loop {
        machine.lock().step(1_000_000);
        if let Some(done) = control.poll(&nic) {
            match done.result {
                Ok(Outcome::CompletionEq(eq)) => break eq,
                other => panic!("{other:?}"),
            }
        }
    };
    let system = TestSystem {
        lies: AtomicBool::new(false),
        caught: AtomicUsize::new(0),
        nic,
        eqn: signals.eqn(),
        queues: AtomicUsize::new(0),
        passive: AtomicBool::new(false),
        deferred: AtomicBool::new(false),
    };
    let provider = Provider::new(system, true).expect("memory");
    let side = Side {
        provider,
        owned: RefCell::new(Owned {
            control,
            events,
            signals,
            counters: None,
        }),
        lose_events: Cell::new(false),
        lose_signals: Cell::new(false),
        asked_mtu: Cell::new(None),
        lose_answers: Cell::new(false),
    };
    let addresses = [Family::V4, Family::V6].map(|family| LocalAddress {
        ip: ip(index, family),
        prefix: if family == Family::V4 { 24 } else { 64 },
        vlan: None,
        answer: true,
    });
    Provider::set_addresses(&side.provider, &addresses).expect("memory");
    while !addresses
        .iter()
        .all(|address| side.provider.has_address(address.ip))
    {
        side.work();
        machine.lock().step(1_000_000);
    }
    side
}

impl Machine {
    /// Brings everything up.
    #[allow(dead_code)]
    pub fn new() -> Self {
        Self::with(&Options::default())
    }

    /// As `new`, with devices that never sleep: a doorbell is a store and nothing more.
    #[allow(dead_code)]
    pub fn awake() -> Self {
        Self::with(&Options {
            park: false,
            ..Options::default()
        })
    }

    fn with(options: &Options) -> Self {
        let machine = SimMachine::new(options).expect("machine");
        let sides: Rc<Vec<Side>> = Rc::new((0..2).map(|index| side(&machine, index)).collect());
        let (stepped, worked) = (machine.clone(), sides.clone());
        let doom: Rc<Cell<Option<(u64, usize)>>> = Rc::default();
        let doomed = doom.clone();
        let step = move || {
            match doomed.get() {
                Some((0, side)) => worked[side].die(),
                Some((steps, side)) => doomed.set(Some((steps - 1, side))),
                None => {}
            }
            stepped.lock().step(1_000_000);
            for side in worked.iter() {
                side.work();
            }
        };
        STEP.with(|place| *place.borrow_mut() = Some(Rc::new(step)));
        Self {
            machine,
            sides,
            doom,
        }
    }

    /// A side.
    #[allow(dead_code)]
    pub fn side(&self, side: usize) -> &Side {
        &self.sides[side]
    }

    /// Changes what the device wrote to memory of a side: entries of 64 bytes. How many `lie` changed.
    #[allow(dead_code)]
    pub fn falsify(&self, side: usize, lie: impl Fn(&mut [u8; 64]) -> bool) -> usize {
        let system = self.sides[side].provider.system();
        system.lies.store(true, Ordering::Relaxed);
        let file = self.machine.lock().nodes[side].memory.file();
        let mut changed = 0;
        let mut page = [0; 4096];
        // Queues lie at its beginning: memory is given out from there.
        for at in (0..file.len().min(16 << 20)).step_by(page.len()) {
            file.read(at, &mut page).expect("memory");
            for (entry, at) in page
                .as_chunks_mut::<64>()
                .0
                .iter_mut()
                .zip((at..).step_by(64))
            {
                if lie(entry) {
                    changed += 1;
                    file.write(at, entry).expect("memory");
                }
            }
        }
        changed
    }

    /// The device of a side is found dead, as after surprise removal.
    #[allow(dead_code)]
    pub fn kill(&self, side: usize) {
        self.sides[side].die();
    }

    /// That nothing is left of any consumer.
    #[allow(dead_code)]
    pub fn check_empty(&self) {
        for side in self.sides.iter() {
            assert_eq!(
                side.provider.system().queues.load(Ordering::Relaxed),
                0,
                "completion queues"
            );
            let mut left = 0;
            side.provider.connections(|_, _| left += 1);
            side.provider.local_endpoints(|_, _| left += 1);
            assert_eq!(left, 0, "connections and endpoints");
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        STEP.with(|place| *place.borrow_mut() = None);
        for side in self.sides.iter() {
            let nic = side.provider.system().nic();
            nic.begin_reset();
            while nic.reset_is_complete() == Ok(false) {
                self.machine.lock().step(1_000_000);
            }
            side.provider.device_was_reset();
        }
    }
}

/// Consumer memory: an MDL and its frames, over memory of the machine.
struct TestMemory {
    mdl: Box<[u64]>,
    dma: SimDma,
    length: usize,
}

/// Virtual addresses of consumers; no two pieces are adjacent.
static NEXT_ADDRESS: AtomicU64 = AtomicU64::new(0x1000_0000_0000);

impl Memory for TestMemory {
    fn mdl(&self) -> *mut MDL {
        self.mdl.as_ptr().cast_mut().cast()
    }
    fn address(&self) -> u64 {
        // SAFETY: an MDL that `allocate` made.
        unsafe { (*self.mdl()).StartVa as u64 }
    }
    fn read(&self, at: usize, bytes: &mut [u8]) {
        self.dma.read(at, bytes);
    }
    fn write(&self, at: usize, bytes: &[u8]) {
        self.dma.write(at, bytes);
    }
    fn len(&self) -> usize {
        self.length
    }
}

fn address(found: SocketAddress) -> Address {
    Address {
        ip: found.ip,
        port: found.port,
    }
}

impl Consumer for Machine {
    fn name(&self) -> &'static str {
        "in process"
    }

    fn open(
        &self,
        side: usize,
        version: NDK_VERSION,
        port: (u32, u32),
    ) -> Result<*mut NDK_ADAPTER, Refused> {
        let provider = &self.sides[side].provider;
        match Provider::open(provider, &passive(), version, port) {
            Ok(adapter) => Ok(Object::into_handle(adapter).0.cast()),
            Err(OpenError::Version) => Err(Refused::Version),
            Err(OpenError::NotReady) => Err(Refused::NotReady),
            Err(OpenError::Port) => Err(Refused::Other(0xC000_000D)),
            Err(OpenError::NoMemory) => Err(Refused::Other(0xC000_009A)),
        }
    }

    fn close(&self, _: usize, adapter: *mut NDK_ADAPTER) {
        // SAFETY: opened above, and tests close it once.
        let closed = unsafe { close_adapter::<TestSystem>(adapter, &passive()) };
        assert!(closed);
    }

    fn set_enabled(&self, side: usize, enabled: bool) {
        self.sides[side].provider.set_enabled(enabled);
    }

    fn address(&self, side: usize, family: Family) -> Address {
        Address {
            ip: ip(side, family),
            port: 0,
        }
    }

    fn allocate(&self, side: usize, bytes: usize) -> Box<dyn Memory> {
        let platform = self.sides[side].provider.system().nic().platform();
        let dma = platform
            .alloc_dma(bytes, DmaAccess::DeviceReadsAndWrites)
            .expect("memory");
        let pages = bytes.div_ceil(4096);
        let head = size_of::<MDL>() / 8;
        let mut words = vec![0u64; head + pages].into_boxed_slice();
        let va = NEXT_ADDRESS.fetch_add((pages as u64 + 16) * 4096, Ordering::Relaxed);
        // SAFETY: room for an MDL, aligned as one.
        unsafe {
            words.as_mut_ptr().cast::<MDL>().write(MDL {
                Next: std::ptr::null_mut(),
                Size: 0,
                MdlFlags: 0,
                Process: std::ptr::null_mut(),
                MappedSystemVa: std::ptr::null_mut(),
                StartVa: std::ptr::without_provenance_mut(va as usize),
                ByteCount: u32::try_from(bytes).expect("short"),
                ByteOffset: 0,
            });
        }
        for page in 0..pages {
            words[head + page] = dma.iova() / 4096 + page as u64;
        }
        Box::new(TestMemory {
            mdl: words,
            dma,
            length: bytes,
        })
    }

    fn step(&self) {
        step_all();
    }

    fn patient(&self, steps: u64) -> bool {
        steps < PATIENCE
    }

    fn statistics(&self, side: usize) -> NDIS_NDK_PERFORMANCE_COUNTERS {
        let side = &self.sides[side];
        let nic = side.provider.system().nic();
        let mut values = Vec::new();
        for first in [0, Counters::MAX] {
            side.owned
                .borrow_mut()
                .control
                .query_counters(nic, 1, first, Counters::MAX)
                .expect("room");
            while side.owned.borrow().counters.is_none() {
                step_all();
            }
            let counters = side.owned.borrow_mut().counters.take().expect("there");
            values.extend_from_slice(counters.values());
        }
        rnic_ndk::performance_counters(|id: CounterId| values[id.0 as usize])
    }

    fn connections(&self, side: usize) -> Vec<(Address, Address)> {
        let mut list = Vec::new();
        self.sides[side]
            .provider
            .connections(|local, peer| list.push((address(local), address(peer))));
        list
    }

    fn local_endpoints(&self, side: usize) -> Vec<(Address, bool)> {
        let mut list = Vec::new();
        self.sides[side]
            .provider
            .local_endpoints(|at, listens| list.push((address(at), listens)));
        list
    }
}
