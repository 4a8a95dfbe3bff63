//! Seeded simulator: N devices, a fabric, workloads, an oracle and checkers; and the in-process
//! machine that they, and the conformance suite, run on.
#![forbid(unsafe_code)]

pub mod platform;
