//! The rnic daemon.
fn main() {}
