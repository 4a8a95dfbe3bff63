mod common;
mod ethernet;
mod memory;
mod queues;
