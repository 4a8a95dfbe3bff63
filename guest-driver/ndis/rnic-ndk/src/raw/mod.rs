//! Where `unsafe` is: locks, counted memory, proofs of the IRQL, consumers' functions, objects behind handles, and the dispatch functions
//! that turn pointers into checked values. Everything else of the crate forbids it.

mod callback;
pub(crate) mod dispatch;
mod lock;
mod memory;
mod object;
mod passive;
mod shared;
mod socket;

pub use callback::*;
pub use dispatch::close_adapter;
pub use lock::{Guard, Lock, RawLock};
pub use object::{Body, Hold, Object, Ref};
pub use passive::Passive;
pub use shared::{NoMemory, Shared};
pub use socket::sockaddr_inet;
