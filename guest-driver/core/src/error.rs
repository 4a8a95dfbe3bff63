//! What can go wrong, by whose fault.

use core::fmt;

use rnic_abi::{FailureCode, Opcode, Status, Syndrome};
use rnic_platform::PlatformError;

/// Why something could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No memory, or none that the device can reach, is left. Nothing was changed.
    NoMemory,
    /// The platform refused.
    Platform(PlatformError),
    /// The device, or the process that is the device, is gone: registers read all ones.
    Gone,
    /// Every command slot is in use; try again after [`crate::Control::poll`] gave something.
    CommandRingFull,
    /// Every doorbell slot is in use.
    NoDoorbells,
    /// The device answered a command with another status than OK.
    Command(CommandError),
    /// The device broke a rule of the interface; reset it.
    Device(Violation),
    /// The device stopped by itself (DEVICE_STATUS.failed); reset it.
    Failed(FailureCode),
    /// The device owes this for too long; reset it.
    Late(&'static str),
    /// Whoever owns the device ended its use.
    Ended,
    /// Not an rnic, or an interface version that this driver does not speak.
    NotOurs(&'static str),
    /// A feature that was required is not offered or not in force.
    Missing(&'static str),
    /// An argument is outside what the interface or the device's limits allow; the name of the argument.
    Argument(&'static str),
}

/// What the device answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// Command.
    pub opcode: Opcode,
    /// Result.
    pub status: Status,
    /// The field at fault and the reason.
    pub syndrome: Syndrome,
}

/// A rule of the interface that the device broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The used index moved past what was made available.
    UsedIndex,
    /// A used entry names no chain in flight.
    UsedId,
    /// An answer is shorter than its layout, or longer than its buffer.
    AnswerLength,
    /// An answer's tag or opcode is not its request's.
    AnswerHeader,
    /// A handle is zero, or too large.
    Handle,
    /// A retired count ran backwards, or past what was posted.
    RetiredCount,
    /// RESIZE_CQ answered an index that was not reached yet.
    SwitchIndex,
    /// A completion or event has an owner byte with bits that mean nothing.
    Owner,
    /// A receive completed with more bytes than it had room for.
    ByteCount,
    /// An event's payload contradicts itself.
    Event,
    /// A limit below the minimum of the interface.
    Limit(&'static str),
    /// Features in force that were not asked for, or a version that was not offered.
    Negotiation,
    /// The command ring was refused, or stopped.
    CommandRing(FailureCode),
    /// The chain of register blocks is broken.
    Blocks,
}

impl From<PlatformError> for Error {
    fn from(error: PlatformError) -> Self {
        match error {
            PlatformError::NoMemory => Self::NoMemory,
            PlatformError::DeviceGone => Self::Gone,
            other => Self::Platform(other),
        }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Device(violation)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMemory => f.write_str("no memory is left; nothing was changed"),
            Self::Platform(error) => write!(f, "the platform refused: {error}"),
            Self::Gone => f.write_str("the device is gone"),
            Self::CommandRingFull => {
                f.write_str("every command slot is in use; try again after an answer")
            }
            Self::NoDoorbells => f.write_str("every doorbell slot is in use"),
            Self::Command(error) => write!(f, "{error}"),
            Self::Device(violation) => {
                write!(f, "the device broke a rule ({violation:?}); reset it")
            }
            Self::Failed(FailureCode::NONE) => {
                f.write_str("the device stopped and does not say why; reset it")
            }
            Self::Failed(code) => write!(f, "the device stopped with {code}; reset it"),
            Self::Late(what) => write!(f, "{what} does not come; reset the device"),
            Self::Ended => f.write_str("the use of the device was ended"),
            Self::NotOurs(what) => write!(f, "this is not a device that the driver knows: {what}"),
            Self::Missing(feature) => write!(f, "the device does not offer {feature}"),
            Self::Argument(name) => {
                write!(f, "argument `{name}` is outside what the device allows")
            }
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.opcode, self.status)?;
        match (self.syndrome.offset(), self.syndrome.reason()) {
            (0xFFFF, reason) => write!(f, ", {reason}"),
            (offset, reason) => write!(f, ", {reason} at byte {offset} of the request"),
        }
    }
}

/// Why a work request was not posted. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostError {
    /// The ring is full; entries become free as earlier ones retire.
    Full,
    /// More segments than the queue was created for.
    TooManySegments,
    /// More inline data than the queue was created for.
    InlineTooLong,
    /// The device retired entries that were never posted.
    Device(Violation),
}

impl fmt::Display for PostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the queue is full; wait until earlier entries retire"),
            Self::TooManySegments => f.write_str("more segments than the queue was created for"),
            Self::InlineTooLong => f.write_str("more inline bytes than the queue was created for"),
            Self::Device(violation) => {
                write!(f, "the device broke a rule ({violation:?}); reset it")
            }
        }
    }
}

impl core::error::Error for PostError {}
