mod common;
mod memory;
mod queues;
