//! The verbs: every command of the interface, and what is kept in memory until it is answered.
//!
//! A verb reserves what it needs, submits, and returns a [`Token`]. [`Control::poll`] takes answers in and gives each
//! verb's end as a [`Done`]. A verb that fails gives back the handle that it was given; nothing leaks and nothing is
//! freed that the device may still use.

mod connection;
mod device;
mod ethernet;
mod memory;
mod outcome;
mod qp;
mod queues;
mod ring;

pub use connection::{Accept, Address, Connect};
pub use device::Counters;
pub(crate) use device::port;
pub use ethernet::EthGeometry;
pub use memory::Region;
pub use outcome::{Done, Failure, Object, Outcome, Token};
pub use qp::{QpGeometry, QpReceive};
pub use queues::{CqGeometry, NewRing, SrqGeometry};
pub(crate) use ring::{Arrived, CommandRing};

use rnic_abi::{Command, FailureCode, RingDescription, reg};
use rnic_platform::{Bar, DmaAccess, Platform};

use crate::doorbell::Slots;
use crate::ring::{PageList, RingMemory};
use crate::{Bell, Bounded, Error, Nic, Violation};

/// What is kept while a verb is under way.
pub(crate) enum Op<P: Platform> {
    Device(device::Op),
    Memory(memory::Op<P>),
    Queues(queues::Op<P>),
    Qp(qp::Op<P>),
    Connection(connection::Op),
    Ethernet(ethernet::Op<P>),
}

impl<P: Platform> Op<P> {
    /// The handle that the caller gave, when the verb ends early; or the operation, if it was given none.
    fn kept(self) -> Result<Object<P>, Self> {
        match self {
            Self::Queues(op) => op.kept().map_err(Self::Queues),
            Self::Qp(op) => op.kept().map_err(Self::Qp),
            Self::Ethernet(op) => op.kept().map_err(Self::Ethernet),
            other => Err(other),
        }
    }

    /// The doorbell slots that were taken for an object which then was not created.
    fn bells(&self) -> [Option<u32>; 2] {
        match self {
            Self::Queues(op) => [op.bell(), None],
            Self::Qp(op) => op.bells(),
            Self::Ethernet(op) => [op.bell(), None],
            Self::Device(_) | Self::Memory(_) | Self::Connection(_) => [None, None],
        }
    }
}

struct Pending<P: Platform> {
    token: Token,
    cookie: u64,
    op: Op<P>,
    /// Its end was told, because the device is dead; only its memory is kept.
    reported: bool,
}

/// What an answer leads to.
pub(crate) enum Next<P: Platform> {
    /// The verb ended.
    End(Result<Outcome<P>, Failure<P>>),
    /// Another command was submitted for the same verb, in this slot.
    Again(u16, Op<P>),
}

impl<P: Platform> Next<P> {
    fn fail(error: Error) -> Self {
        Self::End(Err(error.into()))
    }

    fn from(result: Result<Outcome<P>, Error>) -> Self {
        Self::End(result.map_err(Into::into))
    }
}

/// The command ring and what its owner decides: doorbell slots, verbs under way. One owner at a time.
pub struct Control<P: Platform> {
    ring: CommandRing<P::Dma>,
    doorbells: Slots,
    pending: Bounded<Option<Pending<P>>>,
    next_token: u64,
    dead: Option<Error>,
}

impl<P: Platform> Control<P> {
    /// Room for every command that fits the ring. `ring` is given back if there is none: the device knows it already.
    pub(crate) fn new(
        ring: CommandRing<P::Dma>,
        doorbell_pages: u32,
    ) -> Result<Self, (Error, CommandRing<P::Dma>)> {
        let mut pending = Bounded::new();
        if let Err(error) = pending.reserve(ring.slots()) {
            return Err((error, ring));
        }
        for _ in 0..ring.slots() {
            pending.push_reserved(None);
        }
        Ok(Self {
            ring,
            doorbells: Slots::new(doorbell_pages),
            pending,
            next_token: 1,
            dead: None,
        })
    }

    /// Verbs under way.
    pub fn in_flight(&self) -> usize {
        let entries = self.pending.as_slice().iter().flatten();
        entries.filter(|pending| !pending.reported).count()
    }

    /// Whether another verb finds room in the ring now.
    pub fn has_room(&self) -> bool {
        self.ring.free() > 0
    }

    /// Why no more commands are possible, if so.
    pub fn dead(&self) -> Option<Error> {
        self.dead
    }

    /// The device was reset, removed or failed: every verb under way ends with this error at the next polls.
    pub fn abandon(&mut self, error: Error) {
        self.dead.get_or_insert(error);
    }

    /// Takes the end of one verb, if one has ended. To be called until it gives nothing, whenever the command vector
    /// fires.
    pub fn poll(&mut self, nic: &Nic<P>) -> Option<Done<P>> {
        while self.dead.is_none() {
            match self.ring.poll() {
                Ok(None) => return None,
                Ok(Some(arrived)) => {
                    if let Some(done) = self.advance(nic, &arrived) {
                        return Some(done);
                    }
                }
                Err(violation) => self.dead = Some(violation.into()),
            }
        }
        let error = self.dead?;
        for entry in self.pending.as_mut_slice() {
            let Some(pending) = entry.take_if(|pending| !pending.reported) else {
                continue;
            };
            let Pending {
                token, cookie, op, ..
            } = pending;
            let kept = match op.kept() {
                Ok(object) => Some(object),
                Err(op) => {
                    // The device may still use this memory: it stays until the owner, having reset the device, drops us.
                    *entry = Some(Pending {
                        token,
                        cookie,
                        op,
                        reported: true,
                    });
                    None
                }
            };
            return Some(Done {
                token,
                cookie,
                result: Err(Failure { error, kept }),
            });
        }
        None
    }

    fn advance(&mut self, nic: &Nic<P>, arrived: &Arrived) -> Option<Done<P>> {
        let entry = self.pending.get_mut(usize::from(arrived.slot));
        let Some(Pending {
            token, cookie, op, ..
        }) = entry.and_then(Option::take)
        else {
            self.dead = Some(Violation::UsedId.into());
            return None;
        };
        let bells = op.bells();
        let next = match op {
            Op::Device(op) => self.device_answered(arrived, op),
            Op::Memory(op) => self.memory_answered(nic, arrived, op),
            Op::Queues(op) => self.queues_answered(arrived, op),
            Op::Qp(op) => self.qp_answered(arrived, op),
            Op::Connection(op) => self.connection_answered(arrived, op),
            Op::Ethernet(op) => self.ethernet_answered(arrived, op),
        };
        match next {
            Next::Again(slot, op) => {
                self.keep(slot, token, cookie, op);
                None
            }
            Next::End(result) => {
                if let Err(failure) = &result {
                    match failure.error {
                        // A device that breaks a rule may have done anything: it gets no more commands.
                        Error::Device(_) | Error::Gone => self.dead = Some(failure.error),
                        // What was not created leaves its slots to others.
                        _ => bells
                            .into_iter()
                            .flatten()
                            .for_each(|b| self.doorbells.give_back(b)),
                    }
                }
                Some(Done {
                    token,
                    cookie,
                    result,
                })
            }
        }
    }

    fn keep(&mut self, slot: u16, token: Token, cookie: u64, op: Op<P>) {
        if let Some(entry) = self.pending.get_mut(usize::from(slot)) {
            *entry = Some(Pending {
                token,
                cookie,
                op,
                reported: false,
            });
        }
    }

    /// Submits the first command of a verb. On failure nothing changed; the handle comes back and slots are free.
    fn begin<C: Command>(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        request: &C::Request,
        op: Op<P>,
    ) -> Result<Token, Failure<P>> {
        match self.submit::<C>(nic, request) {
            Err(error) => {
                for bell in op.bells().into_iter().flatten() {
                    self.doorbells.give_back(bell);
                }
                Err(Failure {
                    error,
                    kept: op.kept().ok(),
                })
            }
            Ok(slot) => {
                let token = Token(self.next_token);
                self.next_token = self.next_token.wrapping_add(1);
                self.keep(slot, token, cookie, op);
                Ok(token)
            }
        }
    }

    /// As `begin`, for a verb that was given no handle.
    fn start<C: Command>(
        &mut self,
        nic: &Nic<P>,
        cookie: u64,
        request: &C::Request,
        op: Op<P>,
    ) -> Result<Token, Error> {
        self.begin::<C>(nic, cookie, request, op)
            .map_err(|failure| failure.error)
    }

    fn submit<C: Command>(&mut self, nic: &Nic<P>, request: &C::Request) -> Result<u16, Error> {
        if let Some(error) = self.dead {
            return Err(error);
        }
        let slot = self.ring.submit::<C>(request)?;
        let notify = nic.blocks.command_ring(reg::CMD_NOTIFY);
        nic.platform.write32(Bar::Registers, notify, 1);
        Ok(slot)
    }

    /// Looks whether the command ring stopped, as INTR_CAUSE.command_ring says: then every verb ends at the next polls.
    /// [CMD-4] [CMD-5]
    pub fn check_ring(&mut self, nic: &Nic<P>) -> Result<(), Error> {
        let at = nic.blocks.command_ring(reg::CMD_CONTROL);
        let control = nic.platform.read32(Bar::Registers, at);
        let error = if control == u32::MAX {
            Error::Gone
        } else if reg::cmd_control::ENABLE.is_set(control.into()) {
            return Ok(());
        } else {
            Violation::CommandRing(nic.failure().unwrap_or(FailureCode::NONE)).into()
        };
        self.abandon(error);
        Err(error)
    }

    /// A doorbell slot and its bell.
    fn take_bell(&mut self, nic: &Nic<P>) -> Result<Bell<P::Doorbell>, Error> {
        let index = self.doorbells.take()?;
        Bell::new(&nic.platform, nic.features, index)
            .inspect_err(|_| self.doorbells.give_back(index))
    }

    /// Memory first, doorbell last, so that a failure has nothing to undo but drops.
    fn parts(
        &mut self,
        nic: &Nic<P>,
        (log_entries, log_stride): (u8, u8),
        word: bool,
        access: DmaAccess,
    ) -> Result<Parts<P>, Error> {
        let ring = RingMemory::new(&nic.platform, log_entries, log_stride, word, access)?;
        let list = ring.list(&nic.platform)?;
        let bell = self.take_bell(nic)?;
        Ok(Parts { ring, list, bell })
    }
}

/// A ring, the list that describes it to the device, and its doorbell: what a queue needs before it is created.
pub(crate) struct Parts<P: Platform> {
    ring: RingMemory<P::Dma>,
    list: PageList<P::Dma>,
    bell: Bell<P::Doorbell>,
}

impl<P: Platform> Parts<P> {
    fn description(&self) -> RingDescription {
        self.ring.description(&self.list, self.bell.index())
    }
}
