//! Commands: from the bytes of a request to the bytes of an answer.
//!
//! What every command has in common is done here, from the specification's tables: lengths,
//! opcode and feature, negotiation, reserved fields, in this order `[CMD-13]`. A group of commands
//! is a file with a `dispatch` function, listed in [`GROUPS`]; its handlers get a request whose
//! layout and reserved fields are checked, and return the answer or the field at fault.
//!
//! | group | commands |
//! |---|---|
//! | `address.rs` | addresses, endpoints |
//! | `connection.rs` | listeners, connections |
//! | `control.rs` | NEGOTIATE, NOP, QUERY_* |
//! | `ethernet.rs` | the Ethernet lane |
//! | `memory.rs` | domains, regions, windows |
//! | `queue.rs` | event, completion and shared receive queues |
//! | `qp.rs` | queue pairs |

mod address;
mod connection;
mod control;
mod ethernet;
mod memory;
mod qp;
mod queue;
mod reserved;
#[cfg(test)]
mod tests;

use core::mem::offset_of;

use rnic_abi::meta::CommandInfo;
use rnic_abi::{
    AnswerHeader, COMMANDS, Command as Code, CommandHeader, CounterId, Opcode, Status,
    SyndromeReason,
};
use rnic_core::command_ring::{Command, Token};
use rnic_core::env::Env;
use rnic_core::error::CommandError;
use rnic_core::fault::{Fault, Site};
use rnic_core::hardware::Hardware;
use rnic_mutant::mutant;
use zerocopy::IntoBytes;

use crate::plane::Plane;

use reserved::Reserved;

/// What a handler works with.
pub(crate) struct Control<'a> {
    /// The hardware below.
    pub hardware: &'a mut Hardware,
    /// What commands leave behind.
    pub plane: &'a mut Plane,
    /// The host.
    pub env: &'a mut dyn Env,
}

/// What a handler made of a request.
pub(crate) enum Outcome {
    /// The answer: its bytes, header left zero.
    Answer(Vec<u8>),
    /// The answer comes later. The command has begun; others go on `[CMD-7]`.
    Wait(Box<dyn Waiting>),
    /// No answer comes: a fault plan's doing.
    Lost,
}

/// A command that is answered later.
pub(crate) trait Waiting: Send {
    /// The answer's bytes (header left zero), when it is ready.
    fn poll(&mut self, control: &mut Control<'_>) -> Option<Result<Vec<u8>>>;
}

/// What handlers return.
pub(crate) type Result<T = Outcome> = core::result::Result<T, CommandError>;

/// Handles a command of its group; none when the opcode is not of this group. The request is as
/// long as the command's structure.
pub(crate) type Dispatch = fn(&mut Control<'_>, Opcode, &[u8]) -> Option<Result>;

/// Commands that may wait at a time.
const MAX_WAITING: usize = 4096;

/// The groups of commands.
const GROUPS: &[Dispatch] = &[
    control::dispatch,
    memory::dispatch,
    queue::dispatch,
    ethernet::dispatch,
    qp::dispatch,
    address::dispatch,
    connection::dispatch,
];

/// Parses the request of command `C`, handles it, and makes an outcome of the answer.
pub(crate) fn handle<C: Code>(
    control: &mut Control<'_>,
    request: &[u8],
    handler: impl FnOnce(&mut Control<'_>, &C::Request) -> Result<C::Response>,
) -> Result {
    let request = parse::<C>(request)?;
    handler(control, &request).map(|answer| Outcome::Answer(answer.as_bytes().to_vec()))
}

/// As [`handle`], for a command that may answer later.
pub(crate) fn handle_later<C: Code>(
    control: &mut Control<'_>,
    request: &[u8],
    handler: impl FnOnce(&mut Control<'_>, &C::Request) -> Result,
) -> Result {
    let request = parse::<C>(request)?;
    handler(control, &request)
}

fn parse<C: Code>(request: &[u8]) -> Result<C::Request> {
    rnic_abi::read(request).ok_or(CommandError::whole(Status::INVALID_LENGTH))
}

/// The answer without a body. As every answer it begins as zeros, reserved fields included `[CONV-3]`.
pub(crate) fn empty() -> rnic_abi::EmptyAnswer {
    rnic_abi::EmptyAnswer::zeroed()
}

/// What the specification's tables say about one command.
struct Rule {
    info: &'static CommandInfo,
    reserved: Reserved,
}

/// A command that was begun and not answered.
struct Waiter {
    token: Token,
    header: Echo,
    work: Box<dyn Waiting>,
}

/// What every answer repeats `[CMD-11]`, unchanged `[CONV-10]`.
#[derive(Clone, Copy, Default)]
struct Echo {
    opcode: Opcode,
    tag: u64,
}

/// The command set of a device.
pub(crate) struct Commands {
    rules: Vec<Rule>,
    waiting: Vec<Waiter>,
}

impl Commands {
    /// The command set of the specification.
    pub(crate) fn new() -> Self {
        let rules = COMMANDS.iter().map(|info| Rule {
            info,
            reserved: Reserved::of(info.request),
        });
        Self {
            rules: rules.collect(),
            waiting: Vec::new(),
        }
    }

    /// Executes one command, and answers it unless it waits.
    pub(crate) fn execute(&mut self, control: &mut Control<'_>, command: Command) {
        let header: Option<CommandHeader> = rnic_abi::read(&command.request);
        let echo = echo(&command.request, header.as_ref());
        match self.begin(control, header, &command) {
            Ok(Outcome::Wait(work)) => self.waiting.push(Waiter {
                token: command.token,
                header: echo,
                work,
            }),
            Ok(Outcome::Answer(body)) => answer(control, command.token, echo, Ok(body)),
            Ok(Outcome::Lost) => {}
            Err(error) => answer(control, command.token, echo, Err(error)),
        }
    }

    /// Answers commands that have waited long enough.
    pub(crate) fn poll(&mut self, control: &mut Control<'_>) {
        let mut place = 0;
        while let Some(waiter) = self.waiting.get_mut(place) {
            match waiter.work.poll(control) {
                Some(result) => {
                    let Waiter { token, header, .. } = self.waiting.swap_remove(place);
                    answer(control, token, header, result);
                }
                None if mutant("CMD-7/blocks") => break,
                None => place += 1,
            }
        }
    }

    /// Whether a command waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets commands that wait: nothing of before a reset is answered `[RESET-1]`.
    pub(crate) fn reset(&mut self) {
        self.waiting.clear();
    }

    fn begin(
        &self,
        control: &mut Control<'_>,
        header: Option<CommandHeader>,
        command: &Command,
    ) -> Result {
        let length_at = offset_of!(CommandHeader, length);
        let too_short = CommandError::whole(Status::INVALID_LENGTH);
        let header = header.ok_or(too_short)?;
        let opcode = header.opcode();
        // [CMD-12]
        let unknown = CommandError::new(
            if mutant("CMD-12/status") {
                Status::UNSUPPORTED
            } else {
                Status::UNKNOWN_COMMAND
            },
            SyndromeReason::BAD_VALUE,
            offset_of!(CommandHeader, opcode_raw),
        );
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.info.code == opcode)
            .ok_or(unknown)?;
        // [CMD-9]
        if usize::try_from(header.length.get()) != Ok(rule.info.request_size)
            && !mutant("CMD-9/length")
        {
            return Err(CommandError::new(
                Status::INVALID_LENGTH,
                SyndromeReason::BAD_VALUE,
                length_at,
            ));
        }
        let request = command
            .request
            .get(..rule.info.request_size)
            .ok_or(too_short)?;
        // [CMD-10]
        if command.room < rule.info.response_size as u64 && !mutant("CMD-10/room") {
            return Err(too_short);
        }
        // More than any ring holds: only a driver that enables the ring anew again and again.
        if self.waiting.len() >= MAX_WAITING {
            return Err(CommandError::no_resources());
        }
        // [BRING-9] Before negotiation no feature is in force.
        let negotiated = control.hardware.is_negotiated();
        let features = control.hardware.resources.features;
        if rule.info.feature.is_some_and(|bit| features & bit == 0) && !mutant("BRING-9/feature") {
            return Err(CommandError {
                reason: SyndromeReason::NOT_ACTIVE,
                ..unknown
            });
        }
        // [BRING-4]
        if !negotiated && opcode != Opcode::NEGOTIATE && !mutant("BRING-4/order") {
            return Err(CommandError::whole(Status::NOT_NEGOTIATED));
        }
        // [CONV-2]
        if let Some(offset) = rule.reserved.first_set(request)
            && !mutant("CONV-2/ignored")
        {
            return Err(CommandError::new(
                Status::RESERVED_NOT_ZERO,
                SyndromeReason::RESERVED,
                offset,
            ));
        }
        // [CMD-22] Nothing else answers it.
        let injected = control.env.fault(Site::Command);
        if let Some(Fault::Fail | Fault::Drop) = injected {
            let counters = &mut control.hardware.resources.counters;
            counters.count(CounterId::FAULTS_INJECTED);
        }
        match injected {
            Some(Fault::Fail) => {
                log::warn!("{opcode}: answered INTERNAL_ERROR by the fault plan");
                return Err(CommandError::whole(Status::INTERNAL_ERROR));
            }
            Some(Fault::Drop) => {
                log::warn!("{opcode}: never answered, by the fault plan");
                return Ok(Outcome::Lost);
            }
            _ => {}
        }
        GROUPS
            .iter()
            .find_map(|dispatch| dispatch(control, opcode, request))
            .unwrap_or(Err(unknown))
    }
}

/// Opcode and tag, as far as they could be read `[CMD-9]`.
fn echo(request: &[u8], header: Option<&CommandHeader>) -> Echo {
    match (header, request) {
        (Some(header), _) => Echo {
            opcode: header.opcode(),
            tag: header.tag.get(),
        },
        (None, [low, high, ..]) => Echo {
            opcode: Opcode(u16::from_le_bytes([*low, *high])),
            tag: 0,
        },
        (None, _) => Echo::default(),
    }
}

/// Writes an answer `[CMD-11]`.
fn answer(
    control: &mut Control<'_>,
    token: Token,
    echo: Echo,
    result: core::result::Result<Vec<u8>, CommandError>,
) {
    let mut header = AnswerHeader::zeroed().with_opcode(echo.opcode);
    header.tag.set(echo.tag ^ u64::from(mutant("CMD-11/tag")));
    let counters = &mut control.hardware.resources.counters;
    counters.count(CounterId::COMMANDS);
    let bytes = match result {
        Ok(mut body) => {
            if let Some(start) = body.get_mut(..AnswerHeader::SIZE) {
                start.copy_from_slice(header.as_bytes());
            }
            body
        }
        Err(error) => {
            // [ERR-2]
            if !mutant("ERR-2/command") {
                counters.count(CounterId::COMMAND_ERRORS);
            }
            log::debug!("{}: {error}", echo.opcode);
            header.set_status(error.status);
            if !mutant("CMD-15/zero") {
                header.set_syndrome(error.syndrome());
            }
            header.as_bytes().to_vec()
        }
    };
    control.hardware.answer(control.env, token, &bytes);
}
