//! Seeded simulator: N devices, a fabric, workloads, an oracle and checkers; and the in-process
//! machine that they, and the conformance suite, run on.
//!
//! | module | what it is |
//! |---|---|
//! | [`platform`] | the in-process machine |
//! | [`plan`] | what a seed stands for: machine, faults, programs |
//! | [`sim`] | a run of one seed |
//! | [`guest`], [`end`] | a function and its driver; a queue pair and its memory |
//! | [`program`], [`post`], [`complete`], [`breaking`], [`ending`] | what happens in a run |
//! | [`talks`] | connections through the connection manager, with checks of their own |
//! | [`letters`] | messages that nobody acknowledges, with checks of their own |
//! | [`arena`] | the oracle: plain bytes beside the memory |
//! | [`check`] | what every completion must satisfy |
//! | [`coverage`], [`trace`], [`random`] | what was hit, what happened, what is chosen |
//!
//! All of it runs in one thread on one virtual clock, so a seed gives one run. It does not judge
//! speed. Tests: `tests/`; run seeds by `rnic-sim`.
#![forbid(unsafe_code)]
// The driver's failures carry the handles that they give back.
#![allow(clippy::result_large_err)]

pub mod arena;
pub mod batch;
pub mod breaking;
pub mod check;
pub mod complete;
pub mod coverage;
pub mod end;
pub mod ending;
pub mod guest;
pub mod letters;
pub mod plan;
pub mod platform;
pub mod post;
pub mod program;
pub mod random;
pub mod sim;
pub mod talks;
pub mod trace;
