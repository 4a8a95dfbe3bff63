//! Violations of clauses, chosen at run time.
//!
//! Code that implements a clause asks [`mutant`] at the point where one line decides it:
//!
//! ```ignore
//! if entry.reserved_set() && !mutant("QP-16/reserved") { return Err(BAD_OPCODE) }
//! ```
//!
//! The identifier is the clause, a slash, and a word. Without feature `mutants` the function is a constant `false` and
//! the line costs nothing. With it, the environment variable `RNIC_MUTANT` names the one violation that is alive in this
//! process. `cargo xtask trace --mutants` builds once and runs, for each identifier in the source, the tests that cite
//! its clause; a violation that no test notices is a failure of the tests.
//!
//! The identifiers are collected from the source text, so they are always string literals.
#![cfg_attr(not(feature = "mutants"), no_std)]
#![forbid(unsafe_code)]

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("violations of clauses never go into a release build");

/// True when the violation `id` is alive.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
#[must_use]
pub const fn mutant(_id: &'static str) -> bool {
    false
}

/// True when the violation `id` is alive.
#[cfg(feature = "mutants")]
#[must_use]
pub fn mutant(id: &'static str) -> bool {
    use std::sync::OnceLock;
    static ALIVE: OnceLock<Option<String>> = OnceLock::new();
    ALIVE
        .get_or_init(|| std::env::var("RNIC_MUTANT").ok())
        .as_deref()
        == Some(id)
}
