//! The driver of one function: bring-up, and verbs that wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use rnic_abi::{AccessFlags, Status};
use rnic_driver_core::{
    Address, AddressIndex, Bounded, BringUp, CompletionEq, Config, Control, Cq, CqGeometry, Device,
    Error, Failure, GeneralEq, Key, Nic, Outcome, PdHandle, Region, Srq, SrqGeometry, Step, Token,
};
use rnic_platform::{DmaAccess, DmaBuffer, Platform};

use crate::arena::{Arena, Piece, RECV_SLOTS, SLOT};
use crate::plan::Plan;
use crate::platform::{SimDma, SimMachine, SimPlatform};

/// Steps of a millisecond that a verb may take.
const PATIENCE: u32 = 120_000;
/// Segments of a send or receive.
pub const SEGMENTS: u16 = 16;

/// A receive that lies in a queue.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its number in the queue.
    pub index: u32,
    /// Its context.
    pub context: u64,
    /// Where the message goes, in the arena.
    pub pieces: Vec<Piece>,
    /// Slot that the pieces lie in.
    pub slot: usize,
}

/// A shared receive queue and its memory.
pub struct Shared {
    /// The queue.
    pub srq: Srq<SimPlatform>,
    /// The memory.
    pub arena: Arena,
    /// Its key.
    pub key: Key,
    /// Receives posted, by context.
    pub posted: BTreeMap<u64, Posted>,
    /// Slots that no receive uses.
    pub free: Vec<usize>,
}

/// One function and its driver.
pub struct Guest {
    /// Which.
    pub index: usize,
    /// The machine.
    pub machine: Arc<SimMachine>,
    /// Registers.
    pub nic: Nic<SimPlatform>,
    /// Commands.
    pub control: Control<SimPlatform>,
    /// General events.
    pub events: GeneralEq<SimPlatform>,
    /// Completion events.
    pub eq: CompletionEq<SimPlatform>,
    /// The domain.
    pub pd: PdHandle,
    /// Completion queues.
    pub cqs: Vec<Cq<SimPlatform>>,
    /// The shared receive queue.
    pub shared: Option<Shared>,
    /// Commands that an injected fault failed.
    pub command_faults: u64,
    next_context: u64,
}

/// The address of a function.
#[must_use]
pub fn address(index: usize, ipv6: bool) -> [u8; 16] {
    let number = index as u8 + 1;
    if ipv6 {
        [0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number]
    } else {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, number]
    }
}

fn failed(what: &str, why: impl std::fmt::Display) -> String {
    format!("{what} failed: {why}")
}

impl Guest {
    /// Brings a function up, with an address and queues.
    ///
    /// # Errors
    /// What went wrong.
    pub fn new(machine: &Arc<SimMachine>, index: usize, plan: &Plan) -> Result<Self, String> {
        let (cqs, ipv6, seed) = (plan.cqs, plan.ipv6, plan.seed);
        let mut faults = 0;
        let device = loop {
            match bring_up(machine, index) {
                Ok(device) => break device,
                Err(Error::Command(error))
                    if error.status == Status::INTERNAL_ERROR && faults < 20 =>
                {
                    faults += 1;
                }
                Err(error) => return Err(failed("bring-up", error)),
            }
        };
        let Device {
            nic,
            mut control,
            mut events,
        } = device;
        events.arm(&nic);
        let eq = loop {
            match wait(machine, &nic, &mut control, |control, nic| {
                control.create_eq(nic, 0, 256, 1).map_err(Into::into)
            })? {
                Ok(Outcome::CompletionEq(eq)) => break eq,
                Ok(other) => return Err(failed("create_eq", other.name())),
                Err(failure) => faults += internal("create_eq", &failure)?,
            }
        };
        let pd = loop {
            match wait(machine, &nic, &mut control, |control, nic| {
                control.create_pd(nic, 0, false).map_err(Into::into)
            })? {
                Ok(Outcome::Pd(pd, _)) => break pd,
                Ok(other) => return Err(failed("create_pd", other.name())),
                Err(failure) => faults += internal("create_pd", &failure)?,
            }
        };
        let mut guest = Self {
            index,
            machine: Arc::clone(machine),
            nic,
            control,
            events,
            eq,
            pd,
            cqs: Vec::new(),
            shared: None,
            command_faults: faults,
            next_context: (index as u64 + 1) << 48,
        };
        guest.eq.arm(&guest.nic);
        let own = Address {
            address: address(index, ipv6),
            prefix: if ipv6 { 64 } else { 24 },
            vlan: None,
            gateway: None,
            answer: true,
        };
        guest.call("set_address", |control, nic| {
            Ok(control.set_address(nic, 0, AddressIndex(0), &own)?)
        })?;
        for number in 0..cqs {
            let geometry = CqGeometry {
                eqn: guest.eq.eqn(),
                entries: plan.cq_entries(index),
                context: number as u64,
            };
            match guest.call("create_cq", |c, nic| Ok(c.create_cq(nic, 0, &geometry)?))? {
                Outcome::Cq(cq) => guest.cqs.push(cq),
                other => return Err(failed("create_cq", other.name())),
            }
        }
        guest.shared = Some(guest.create_shared(seed)?);
        Ok(guest)
    }

    fn create_shared(&mut self, seed: u64) -> Result<Shared, String> {
        let bytes = RECV_SLOTS * SLOT as usize;
        let arena = Arena::new(self.memory(bytes)?, seed);
        let key = self.register(&arena.buffer, 0, bytes as u64, 0x7000_0000, local())?;
        let geometry = SrqGeometry {
            pd: self.pd,
            entries: 16,
            max_segments: SEGMENTS,
            limit: 0,
            context: 0x5251,
        };
        match self.call("create_srq", |c, nic| Ok(c.create_srq(nic, 0, &geometry)?))? {
            Outcome::Srq(srq) => Ok(Shared {
                srq,
                arena,
                key,
                posted: BTreeMap::new(),
                free: (0..RECV_SLOTS).collect(),
            }),
            other => Err(failed("create_srq", other.name())),
        }
    }

    /// Memory that the device may read and write.
    ///
    /// # Errors
    /// None is left.
    pub fn memory(&self, bytes: usize) -> Result<SimDma, String> {
        let access = DmaAccess::DeviceReadsAndWrites;
        let platform = self.nic.platform();
        platform
            .alloc_dma(bytes, access)
            .map_err(|e| failed("alloc_dma", e))
    }

    /// A context that was never used.
    pub fn context(&mut self) -> u64 {
        self.next_context += 1;
        self.next_context
    }

    /// Registers `length` bytes at `at` of a buffer as virtual address `base`.
    ///
    /// # Errors
    /// The command failed.
    pub fn register(
        &mut self,
        buffer: &SimDma,
        at: u64,
        length: u64,
        base: u64,
        access: AccessFlags,
    ) -> Result<Key, String> {
        let first = buffer.iova() + at;
        let list: Vec<u64> = (0..length.div_ceil(4096))
            .map(|page| first + page * 4096)
            .collect();
        self.register_pages(&list, length, base, access)
    }

    fn register_pages(
        &mut self,
        list: &[u64],
        length: u64,
        base: u64,
        access: AccessFlags,
    ) -> Result<Key, String> {
        let pd = self.pd;
        let outcome = self.call("register", |control, nic| {
            let region = Region {
                pd,
                access,
                base,
                length,
                log_page_bytes: 12,
                pages: Bounded::copied(list)?,
            };
            Ok(control.register(nic, 0, region)?)
        })?;
        match outcome {
            Outcome::Region(key) => Ok(key),
            other => Err(failed("register", other.name())),
        }
    }

    /// Begins a verb and waits for its end; one that an injected fault failed is begun again.
    ///
    /// # Errors
    /// It failed, or never ended.
    pub fn call(
        &mut self,
        what: &str,
        mut begin: impl FnMut(
            &mut Control<SimPlatform>,
            &Nic<SimPlatform>,
        ) -> Result<Token, Failure<SimPlatform>>,
    ) -> Result<Outcome<SimPlatform>, String> {
        loop {
            let result = wait(&self.machine, &self.nic, &mut self.control, &mut begin)
                .map_err(|error| failed(what, error))?;
            match result {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => self.command_faults += internal(what, &failure)?,
            }
        }
    }

    /// Begins a verb that takes a handle, once, and waits for its end.
    ///
    /// # Errors
    /// It never ended.
    pub fn call_once(
        &mut self,
        begin: impl FnOnce(
            &mut Control<SimPlatform>,
            &Nic<SimPlatform>,
        ) -> Result<Token, Failure<SimPlatform>>,
    ) -> Result<Result<Outcome<SimPlatform>, Failure<SimPlatform>>, String> {
        wait(&self.machine, &self.nic, &mut self.control, begin)
    }
}

/// Local access and nothing else.
#[must_use]
pub fn local() -> AccessFlags {
    AccessFlags::default().with_local_write(true)
}

/// One for an injected fault; an error for any other failure.
fn internal(what: &str, failure: &Failure<SimPlatform>) -> Result<u64, String> {
    match failure.error {
        Error::Command(error) if error.status == Status::INTERNAL_ERROR => Ok(1),
        error => Err(failed(what, error)),
    }
}

fn bring_up(machine: &Arc<SimMachine>, index: usize) -> Result<Device<SimPlatform>, Error> {
    let config = Config {
        command_vector: 0,
        event_vector: 2,
        cause_vector: 3,
        ..Config::default()
    };
    let mut bring_up = BringUp::new(machine.platform(index), config);
    for _ in 0..PATIENCE {
        match bring_up.advance() {
            Step::Ready(device) => return Ok(device),
            Step::Failed(failed) => return Err(failed.error),
            Step::Pending(next) => bring_up = next,
        }
        machine.lock().step(100_000);
    }
    Err(Error::Argument("the device never came up"))
}

type Ended = Result<Outcome<SimPlatform>, Failure<SimPlatform>>;

fn wait(
    machine: &Arc<SimMachine>,
    nic: &Nic<SimPlatform>,
    control: &mut Control<SimPlatform>,
    begin: impl FnOnce(
        &mut Control<SimPlatform>,
        &Nic<SimPlatform>,
    ) -> Result<Token, Failure<SimPlatform>>,
) -> Result<Ended, String> {
    let token = match begin(control, nic) {
        Ok(token) => token,
        Err(failure) => return Ok(Err(failure)),
    };
    for round in 0..PATIENCE {
        while let Some(done) = control.poll(nic) {
            if done.token == token {
                return Ok(done.result);
            }
        }
        machine
            .lock()
            .step(if round < 100 { 5_000 } else { 1_000_000 });
    }
    Err("it was never answered".to_owned())
}
