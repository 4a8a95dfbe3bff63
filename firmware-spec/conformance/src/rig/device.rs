//! A device that is brought up: command ring, doorbells, limits, general events.

use core::ops::Deref;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use rnic_abi::consts::{
    DOORBELL_FIRST_PAGE, DOORBELL_FIRST_SLOT, DOORBELL_PAGE_SLOTS, VECTOR_NONE,
};
use rnic_abi::meta::CommandInfo;
use rnic_abi::{GeneralEvent, Opcode, Status, SyndromeReason, feature, reg};
use rnic_platform::{DmaBuffer, DoorbellSlot, TestPlatform};

use super::machine::Machine;
use super::queues::Eq;
use super::virtqueue::Virtqueue;
use crate::failure::{Outcome, check, equal, fail};
use crate::request::{Answer, HEADER, Request, place, structure};

/// Descriptors of the command ring that [`Device::start`] makes.
pub const RING_SIZE: u16 = 64;
const SPACE: usize = 2048;

/// A command that was given to the device.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    head: u16,
    info: &'static CommandInfo,
    tag: u64,
    space: usize,
}

struct Commands<P: TestPlatform> {
    queue: Virtqueue<P>,
    /// For each pair of descriptors, 2 KiB of request and 2 KiB of answer.
    space: Rc<P::Dma>,
    free: VecDeque<u16>,
    done: HashMap<u16, u32>,
    tag: u64,
}

/// A device with a command ring.
pub struct Device<'p, P: TestPlatform> {
    machine: Machine<'p, P>,
    commands: RefCell<Commands<P>>,
    features: Cell<u64>,
    parked: Rc<P::Dma>,
    next_slot: Cell<u32>,
    pub(crate) next_va: Cell<u64>,
    limits: RefCell<Option<Answer>>,
    pub(crate) general: RefCell<Option<Eq<P>>>,
    pub(crate) events: RefCell<VecDeque<GeneralEvent>>,
}

impl<'p, P: TestPlatform> Deref for Device<'p, P> {
    type Target = Machine<'p, P>;
    fn deref(&self) -> &Machine<'p, P> {
        &self.machine
    }
}

impl<'p, P: TestPlatform> Device<'p, P> {
    /// Resets the device, starts the command ring and enables fetching. NEGOTIATE is not sent.
    #[track_caller]
    pub fn start(machine: &Machine<'p, P>) -> Outcome<Self> {
        machine.set_bus_master(true);
        machine.reset()?;
        let queue = Virtqueue::new(machine, RING_SIZE)?;
        let [descriptors, available, used] = queue.addresses();
        machine.put(reg::CMD_SIZE, RING_SIZE.into());
        machine.put(reg::CMD_DESC, descriptors);
        machine.put(reg::CMD_AVAIL, available);
        machine.put(reg::CMD_USED, used);
        let control =
            reg::cmd_control::ENABLE.place(1) | reg::cmd_control::VECTOR.place(VECTOR_NONE.into());
        machine.put(reg::CMD_CONTROL, control);
        equal(
            "CMD_CONTROL after enabling a correct ring",
            machine.get(reg::CMD_CONTROL),
            control,
        )?;
        machine.put(reg::DEVICE_CONTROL, reg::device_control::ENABLE.mask());
        Ok(Self {
            machine: machine.clone(),
            commands: RefCell::new(Commands {
                space: machine.alloc(usize::from(RING_SIZE / 2) * 2 * SPACE)?,
                queue,
                free: (0..RING_SIZE / 2).map(|i| i * 2).collect(),
                done: HashMap::new(),
                tag: 0x5EED_0000_0000_0000,
            }),
            features: Cell::new(0),
            parked: machine.alloc(8)?,
            next_slot: Cell::new(0),
            next_va: Cell::new(0x5A5A_0000_0000),
            limits: RefCell::new(None),
            general: RefCell::new(None),
            events: RefCell::new(VecDeque::new()),
        })
    }

    /// [`Device::start`] and NEGOTIATE of these features.
    #[track_caller]
    pub fn negotiated(machine: &Machine<'p, P>, features: u64) -> Outcome<Self> {
        let device = Self::start(machine)?;
        device.negotiate(features)?;
        Ok(device)
    }

    /// The machine.
    #[must_use]
    pub const fn machine(&self) -> &Machine<'p, P> {
        &self.machine
    }

    /// The NEGOTIATE of these features, as it ought to be.
    #[must_use]
    pub fn negotiate_request(&self, features: u64) -> Request {
        let parked = if features & feature::PARKING != 0 {
            self.parked.iova()
        } else {
            0
        };
        Request::new(Opcode::NEGOTIATE)
            .set("major", rnic_abi::interface::MAJOR)
            .set("minor", rnic_abi::interface::MINOR)
            .set("features", features)
            .set("parked_address", parked)
    }

    /// Negotiates these features.
    #[track_caller]
    pub fn negotiate(&self, features: u64) -> Outcome {
        let answer = self.ok(&self.negotiate_request(features))?;
        equal("features in force", answer.get("features"), features)?;
        self.features.set(features);
        Ok(())
    }

    /// Features in force.
    #[must_use]
    pub fn features(&self) -> u64 {
        self.features.get()
    }

    /// Whether all of these features are in force.
    #[must_use]
    pub fn has(&self, features: u64) -> bool {
        self.features.get() & features == features
    }

    /// The parked word.
    #[must_use]
    pub fn parked(&self) -> &P::Dma {
        &self.parked
    }

    /// A limit that QUERY_DEVICE reports: the name of a field of DeviceLimits.
    #[track_caller]
    pub fn limit(&self, name: &str) -> Outcome<u64> {
        if self.limits.borrow().is_none() {
            let answer = self.ok(&Request::new(Opcode::QUERY_DEVICE))?;
            *self.limits.borrow_mut() = Some(answer);
        }
        let limits = self.limits.borrow();
        Ok(limits
            .as_ref()
            .map_or(0, |answer| answer.get(&format!("limits.{name}"))))
    }

    /// A doorbell slot that this device object has not given out yet.
    #[must_use]
    pub fn next_slot(&self) -> u32 {
        // Slots are spread over the first 16 queue pages.
        let n = self.next_slot.get();
        self.next_slot.set(n + 1);
        let per_page = DOORBELL_PAGE_SLOTS - DOORBELL_FIRST_SLOT;
        let page = DOORBELL_FIRST_PAGE + n % 16 + n / 16 / per_page * 16;
        page * DOORBELL_PAGE_SLOTS + DOORBELL_FIRST_SLOT + n / 16 % per_page
    }

    /// Stores a doorbell as the negotiated features ask for.
    #[track_caller]
    pub fn ring(&self, slot: u32, value: u64) -> Outcome {
        self.platform.doorbell(slot)?.store(value);
        if self.has(feature::SUMMARY) {
            let (page, slot) = (slot / DOORBELL_PAGE_SLOTS, slot % DOORBELL_PAGE_SLOTS);
            let map = page * DOORBELL_PAGE_SLOTS + slot / 64;
            self.platform.doorbell(map)?.fetch_or(1 << (slot % 64));
            self.platform
                .doorbell(page / 64)?
                .fetch_or(1 << (page % 64));
        }
        if self.has(feature::PARKING) {
            self.platform.fence();
            if self.parked.load_u64(0) != 0 {
                self.put(reg::KICK, 1);
            }
        }
        Ok(())
    }

    /// Gives a request to the device, whatever it is; `readable` and `writable` bytes are offered to it.
    #[track_caller]
    pub fn submit_raw(
        &self,
        bytes: &[u8],
        info: &'static CommandInfo,
        writable: usize,
    ) -> Outcome<Ticket> {
        check(
            bytes.len() <= SPACE && writable <= SPACE,
            "the suite's command space is too small",
        )?;
        let mut commands = self.commands.borrow_mut();
        let Some(head) = commands.free.pop_front() else {
            return fail("the suite's command ring is full");
        };
        let at = usize::from(head) * SPACE;
        let tag = bytes.get(8..16).map_or(0, |tag| {
            u64::from_le_bytes(tag.try_into().unwrap_or_default())
        });
        commands.space.write(at, bytes);
        commands.space.write(at + SPACE, &vec![Answer::FILL; SPACE]);
        let base = commands.space.iova() + at as u64;
        let (length, space) = (bytes.len() as u32, writable as u32);
        commands.queue.chain(
            head,
            &[(base, length, false), (base + SPACE as u64, space, true)],
        );
        commands.queue.publish(head);
        drop(commands);
        self.put(reg::CMD_NOTIFY, 1);
        Ok(Ticket {
            head,
            info,
            tag,
            space: writable,
        })
    }

    /// Gives a command to the device, with a tag of its own.
    #[track_caller]
    pub fn submit(&self, request: &Request) -> Outcome<Ticket> {
        let tag = {
            let mut commands = self.commands.borrow_mut();
            commands.tag += 1;
            commands.tag
        };
        let request = request.clone().set("header.tag", tag);
        self.submit_raw(&request.bytes, request.info, request.info.response_size)
    }

    /// The answer, if it is there.
    #[track_caller]
    pub fn answered(&self, ticket: Ticket) -> Outcome<Option<Answer>> {
        let mut commands = self.commands.borrow_mut();
        while let Some((head, length)) = commands.queue.take()? {
            if head % 2 != 0 || commands.free.contains(&head) || commands.done.contains_key(&head) {
                return fail(format_args!(
                    "descriptor {head} was used, but is not outstanding"
                ));
            }
            commands.done.insert(head, length);
        }
        let Some(used) = commands.done.remove(&ticket.head) else {
            return Ok(None);
        };
        commands.free.push_back(ticket.head);
        let mut bytes = vec![0; SPACE];
        commands
            .space
            .read(usize::from(ticket.head) * SPACE + SPACE, &mut bytes);
        if bytes[ticket.space..].iter().any(|b| *b != Answer::FILL) {
            return fail(format_args!(
                "{}: wrote past the answer's space",
                ticket.info.name
            ));
        }
        Ok(Some(Answer {
            info: ticket.info,
            tag: ticket.tag,
            used,
            bytes,
        }))
    }

    /// Waits for an answer and checks what holds for all of them.
    #[track_caller]
    pub fn answer(&self, ticket: Ticket) -> Outcome<Answer> {
        let name = ticket.info.name;
        let answer = self.wait_for(format_args!("the answer of {name}"), || {
            self.answered(ticket)
        })?;
        well_formed(&answer)?;
        Ok(answer)
    }

    /// Runs a command, whatever its status.
    #[track_caller]
    pub fn call(&self, request: &Request) -> Outcome<Answer> {
        let ticket = self.submit(request)?;
        self.answer(ticket)
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn ok(&self, request: &Request) -> Outcome<Answer> {
        let answer = self.call(request)?;
        if answer.status() == Status::OK {
            return Ok(answer);
        }
        fail(format_args!(
            "expected OK of {}, got {}",
            answer.info.name,
            answer.describe()
        ))
    }

    /// Runs a command that must be refused at this field (a path, or `-` when no field is at fault, or `*` when the
    /// chapters name none) for this reason (`None`: any).
    #[track_caller]
    pub fn refused(
        &self,
        request: &Request,
        status: Status,
        field: &str,
        reason: impl Into<Option<SyndromeReason>>,
    ) -> Outcome {
        let answer = self.call(request)?;
        let reason = reason.into();
        let offset = match field {
            "*" => None,
            "-" => Some(0xFFFF),
            path => Some(place(structure(request.info.request), path).offset as u16),
        };
        let holds = answer.status() == status
            && offset.is_none_or(|o| o == answer.offset())
            && reason.is_none_or(|r| r == answer.reason());
        if holds {
            return Ok(());
        }
        let reason = reason.map_or("any".to_owned(), |r| r.to_string());
        fail(format_args!(
            "{}: expected {status} at {field} (offset {offset:?}), reason {reason}; got {}",
            answer.info.name,
            answer.describe()
        ))
    }

    /// A counter by its name.
    #[track_caller]
    pub fn counter(&self, name: &str) -> Outcome<u64> {
        let Some(counter) = rnic_abi::COUNTERS.iter().find(|c| c.name == name) else {
            return fail(format_args!("the specification has no counter {name}"));
        };
        let request = Request::new(Opcode::QUERY_COUNTERS)
            .set("first", counter.index)
            .set("count", 1);
        let answer = self.ok(&request)?;
        equal("counters answered", answer.get("count"), 1)?;
        Ok(answer.get("values"))
    }

    /// Waits until a counter has grown by at least `by` over `from`.
    #[track_caller]
    pub fn counted(&self, name: &str, from: u64, by: u64) -> Outcome {
        self.wait_for(
            format_args!("counter {name} to grow by {by} from {from}"),
            || Ok((self.counter(name)? >= from + by).then_some(())),
        )
    }
}

/// [CMD-10, CMD-11, CONV-3]: length, header, and zero in reserved fields.
#[track_caller]
fn well_formed(answer: &Answer) -> Outcome {
    let name = answer.info.name;
    let ok = answer.status() == Status::OK;
    let expected = if ok {
        answer.info.response_size
    } else {
        HEADER
    };
    equal(
        format_args!("{name}: used length of an answer {}", answer.status()),
        answer.used as usize,
        expected,
    )?;
    if answer.bytes[expected..].iter().any(|b| *b != Answer::FILL) {
        return fail(format_args!("{name}: wrote past the used length"));
    }
    equal(
        format_args!("{name}: tag of the answer"),
        answer.answered_tag(),
        answer.tag,
    )?;
    equal(
        format_args!("{name}: opcode of the answer"),
        answer.opcode(),
        answer.info.code,
    )?;
    if !answer.status().is_known() {
        return fail(format_args!("{name}: unknown status {}", answer.status()));
    }
    if !ok {
        return Ok(());
    }
    equal(
        format_args!("{name}: syndrome of OK"),
        (answer.offset(), answer.reason()),
        (0, SyndromeReason::NONE),
    )?;
    for bit in crate::request::reserved_bits(structure(answer.info.response)) {
        if answer.bytes[bit.byte] & 1 << bit.bit != 0 {
            return fail(format_args!(
                "{name}: reserved field at {} of the answer is not zero",
                bit.field
            ));
        }
    }
    Ok(())
}
