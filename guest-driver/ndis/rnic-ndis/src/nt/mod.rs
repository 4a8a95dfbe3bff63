//! What the kernel gives, made safe.
//!
//! - [`irql`]: where the code runs, as a type: what may wait takes a [`Passive`].
//! - [`log`]: DbgPrint with levels.

pub mod irql;
pub mod log;

pub use irql::Passive;
