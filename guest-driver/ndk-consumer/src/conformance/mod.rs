//! Conformance tests, each with the rows of `elements.txt` that it shows.

mod adapter;
mod connections;
mod data;
mod lifetime;
mod memory;
mod queues;
mod reentry;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::bench::Bench;
use crate::platform::{Family, Platform};

/// A test.
#[derive(Clone, Copy)]
pub struct Test {
    /// Its name.
    pub name: &'static str,
    /// Rows that it shows.
    pub rows: &'static [u32],
    run: for<'b> fn(&'b Bench<'b>),
}

/// Makes the list of a module.
macro_rules! tests {
    ($($name:ident: $rows:expr;)*) => {
        pub(in crate::conformance) const TESTS: &[crate::conformance::Test] = &[
            $(crate::conformance::Test { name: stringify!($name), rows: &$rows, run: $name },)*
        ];
    };
}
use tests;

/// Every test.
pub fn all() -> impl Iterator<Item = &'static Test> {
    let before = [adapter::TESTS, memory::TESTS, queues::TESTS];
    let lists = before
        .into_iter()
        .chain(connections::TESTS)
        .chain(data::TESTS)
        .chain([lifetime::TESTS, reentry::TESTS]);
    lists.flatten()
}

/// Runs a test.
///
/// # Errors
/// What the assertion said.
pub fn run(test: &Test, platform: &dyn Platform, family: Family) -> Result<(), String> {
    let bench = Bench::new(platform, family);
    let body = || {
        (test.run)(&bench);
        bench.check_callbacks();
    };
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string()))
            .unwrap_or_else(|| "panicked".to_string())
    })
}
