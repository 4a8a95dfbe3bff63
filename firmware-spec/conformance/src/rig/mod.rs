//! What the tests drive the device with: a small driver of its own that shares no code with any other.

pub mod commands;
pub mod device;
pub mod entry;
pub mod machine;
pub mod memory;
pub mod pair;
pub mod qp;
pub mod queues;
pub mod virtqueue;

pub use device::Device;
pub use entry::Wqe;
pub use machine::{Machine, Patience};
pub use memory::Pages;
pub use pair::{End, Pair};
pub use qp::{Qp, QpShape, Srq};
pub use queues::{Cq, Eq, Ring};
pub use virtqueue::Virtqueue;
