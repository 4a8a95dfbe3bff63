//! How a test ends before its end, and the checks that end it.

use core::fmt;
use std::panic::Location;

use rnic_platform::PlatformError;

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device, or the platform, did something else than the clause says.
    Failed(String),
    /// The device lacks something that could be seen only while the test ran.
    Skipped(String),
}

impl Failure {
    /// A failure at the caller's line.
    #[track_caller]
    pub fn new(message: impl fmt::Display) -> Self {
        let at = Location::caller();
        let file = at.file().rsplit("conformance/src/").next().unwrap_or("");
        Self::Failed(format!("{message} ({file}:{})", at.line()))
    }

    /// Puts words in front of the message.
    #[must_use]
    pub fn while_doing(self, what: impl fmt::Display) -> Self {
        match self {
            Self::Failed(message) => Self::Failed(format!("{what}: {message}")),
            skipped @ Self::Skipped(_) => skipped,
        }
    }
}

impl From<PlatformError> for Failure {
    #[track_caller]
    fn from(error: PlatformError) -> Self {
        Self::new(format_args!("the platform failed: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) => f.write_str(message),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
        }
    }
}

/// What a test, or a step of one, gives.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Fails with this message.
#[track_caller]
pub fn fail<T>(message: impl fmt::Display) -> Outcome<T> {
    Err(Failure::new(message))
}

/// Skips the rest of the test.
pub fn skip<T>(reason: impl fmt::Display) -> Outcome<T> {
    Err(Failure::Skipped(reason.to_string()))
}

/// Fails unless `condition` holds.
#[track_caller]
pub fn check(condition: bool, message: impl fmt::Display) -> Outcome {
    if condition { Ok(()) } else { fail(message) }
}

/// Fails unless both are equal.
#[track_caller]
pub fn equal<T: PartialEq + fmt::Debug>(what: impl fmt::Display, got: T, expected: T) -> Outcome {
    if got == expected {
        return Ok(());
    }
    fail(format_args!("{what}: expected {expected:?}, got {got:?}"))
}

/// Fails unless the bytes are equal, and names the first that is not.
#[track_caller]
pub fn same_bytes(what: impl fmt::Display, got: &[u8], expected: &[u8]) -> Outcome {
    equal(
        format_args!("{what}: number of bytes"),
        got.len(),
        expected.len(),
    )?;
    match got.iter().zip(expected).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => fail(format_args!(
            "{what}: byte {at} of {}: expected {:#04x}, got {:#04x}",
            got.len(),
            expected[at],
            got[at]
        )),
    }
}
