//! What the kernel gives, made safe.
//!
//! - [`irql`]: where the code runs, as a type: what may wait takes a [`Passive`].
//! - [`pool`]: boxes and shared objects whose allocation may fail.
//! - [`lock`]: spin locks. [`wait`]: events and sleeping.
//! - [`turns`]: one at a time, and once more. [`work`]: a worker at PASSIVE_LEVEL. [`timer`]: periodic calls at DISPATCH_LEVEL.
//! - [`log`]: DbgPrint with levels. [`events`]: the event log.

pub mod events;
pub mod irql;
pub mod lock;
pub mod log;
pub mod pool;
pub mod timer;
pub mod turns;
pub mod wait;
pub mod work;

pub use irql::Passive;
pub use lock::SpinLock;
pub use pool::{NoMemory, Shared, try_box};
