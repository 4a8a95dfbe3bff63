//! The conformance suite: what every implementation of the device interface is held against.
//!
//! A test works on a [`TestPlatform`] chosen at run time, from a device reset on, and cites the clauses that it proves.
//! [`tests`] lists all of them, the same on every platform; [`run`] runs those that [`Options`] choose, skips those
//! that need what the platform or the device lacks, and gives a [`Report`] (text, JSON, JUnit XML).
//!
//! - `request`: requests and answers by field name, from the metadata of rnic-abi
//! - `rig`: the suite's own driver: command ring, queues, work requests, memory, two ends of a connection
//! - `failure`, `needs`, `context`, `report`: how a test ends, what it needs, what it gets, what is told
//! - every other module: tests, by chapter of the specification
//!
//! It shares no code with any driver or device and depends on rnic-abi and rnic-platform alone. Nothing is judged by
//! time: a wait ends when the thing happens, or after a generous bound. Unit tests are in the modules; the suite itself
//! runs in `device-model/sim/tests/conformance.rs` and by `rnic-conform`.
#![forbid(unsafe_code)]
// Test code reads what it has just built: a bad index is a mistake of the suite, caught and reported as a failure.
#![allow(clippy::missing_errors_doc)]

mod bringup;
mod command_ring;
mod commands;
mod connections;
mod context;
mod cq;
mod eq;
mod ethernet;
mod failure;
mod interrupts;
mod memory;
mod needs;
mod qp;
mod registers;
mod report;
mod request;
mod reset;
mod rig;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rnic_abi::{FEATURES, reg};
use rnic_platform::{Bar, TestPlatform};

pub use context::Context;
pub use failure::{Failure, Outcome};
pub use needs::{Capability, Lane, Needs};
pub use report::{Clause, Report, Subject, TestResult, Verdict};
pub use rig::Patience;

/// One test.
pub struct Test<P: TestPlatform> {
    /// Stable name: a group, a dot, what it shows; then `@loopback` or `@peer` for a test between two ends.
    pub id: &'static str,
    /// Clauses that it proves.
    pub clauses: &'static [&'static str],
    /// What it needs.
    pub needs: Needs,
    /// The test.
    pub run: fn(&Context<'_, P>) -> Outcome,
}

/// What needs nothing.
const N: Needs = Needs::NOTHING;

/// A list of tests that grows.
struct List<P: TestPlatform>(Vec<Test<P>>);

impl<P: TestPlatform> List<P> {
    fn add(
        &mut self,
        id: &'static str,
        clauses: &'static [&'static str],
        needs: Needs,
        run: fn(&Context<'_, P>) -> Outcome,
    ) {
        self.0.push(Test {
            id,
            clauses,
            needs,
            run,
        });
    }
}

/// Adds a test between two ends twice: on one function, and between two.
macro_rules! ends {
    ($list:expr, $id:literal, $clauses:expr, $needs:expr, $run:expr) => {
        $list.add(
            concat!($id, "@loopback"),
            $clauses,
            $needs.lane(crate::Lane::Loopback),
            $run,
        );
        $list.add(
            concat!($id, "@peer"),
            $clauses,
            $needs.lane(crate::Lane::Peer),
            $run,
        );
    };
}
use ends;

/// Every test, in the order of the chapters; the same list on every platform.
#[must_use]
pub fn tests<P: TestPlatform>() -> Vec<Test<P>> {
    let mut list = List(Vec::new());
    registers::tests(&mut list);
    bringup::tests(&mut list);
    interrupts::tests(&mut list);
    reset::tests(&mut list);
    command_ring::tests(&mut list);
    commands::tests(&mut list);
    qp::tests(&mut list);
    memory::tests(&mut list);
    cq::tests(&mut list);
    eq::tests(&mut list);
    connections::tests(&mut list);
    ethernet::tests(&mut list);
    list.0
}

/// Called after each test with its result.
pub type OnResult<'a> = Box<dyn FnMut(&TestResult) + 'a>;

/// Which tests to run, and how.
#[derive(Default)]
pub struct Options<'a> {
    /// Only tests whose id contains this.
    pub filter: Option<String>,
    /// Only tests that cite this clause; several are separated by commas. The environment variable `RNIC_CLAUSE` of a
    /// runner goes here.
    pub clause: Option<String>,
    /// How long to wait for what must happen.
    pub patience: Patience,
    /// Progress.
    pub on_result: Option<OnResult<'a>>,
}

impl Options<'_> {
    fn chooses<P: TestPlatform>(&self, test: &Test<P>) -> bool {
        let by_id = self
            .filter
            .as_ref()
            .is_none_or(|f| test.id.contains(f.as_str()));
        let by_clause = self.clause.as_ref().is_none_or(|wanted| {
            let mut wanted = wanted.split(',').map(str::trim);
            wanted.any(|clause| test.clauses.contains(&clause))
        });
        by_id && by_clause
    }
}

/// Runs the tests that the options choose, one after the other.
pub fn run<P: TestPlatform>(platform: &P, mut options: Options<'_>) -> Report {
    let mut report = Report {
        platform: platform.name().to_owned(),
        subject: subject(platform),
        results: Vec::new(),
    };
    for test in tests::<P>() {
        if !options.chooses(&test) {
            continue;
        }
        let start = Instant::now();
        let (verdict, reason) = match run_one(platform, &test, options.patience) {
            Ok(()) => (Verdict::Pass, String::new()),
            Err(Failure::Skipped(reason)) => (Verdict::Skip, reason),
            Err(Failure::Failed(reason)) => (Verdict::Fail, reason),
        };
        let result = TestResult {
            id: test.id,
            clauses: test.clauses,
            verdict,
            reason,
            ms: start.elapsed().as_millis() as u64,
        };
        if let Some(on_result) = &mut options.on_result {
            on_result(&result);
        }
        report.results.push(result);
    }
    report
}

/// What the device says of itself before any test.
fn subject<P: TestPlatform>(platform: &P) -> Subject {
    let id = platform.config_read(0, 4);
    let register = |at: u64| u64::from(platform.read32(Bar::Registers, at as u32));
    let interface = register(reg::INTERFACE_VERSION);
    let firmware = register(reg::FIRMWARE_VERSION);
    let features = platform.read64(Bar::Registers, reg::FEATURES as u32);
    let offered = |wanted: bool| {
        let list = FEATURES.iter();
        let chosen = list.filter(|f| (features >> f.bit & 1 == 1) == wanted);
        chosen.map(|f| f.name).collect()
    };
    let capabilities = platform.capabilities();
    let missing = Capability::ALL.iter().filter(|c| !c.of(capabilities));
    let version = reg::interface_version::MAJOR.get(interface);
    let minor = reg::interface_version::MINOR.get(interface);
    Subject {
        pci_id: format!("{:04x}:{:04x}", id & 0xFFFF, id >> 16),
        interface: format!("{version}.{minor}"),
        firmware: format!(
            "{}.{}.{}",
            reg::firmware_version::MAJOR.get(firmware),
            reg::firmware_version::MINOR.get(firmware),
            reg::firmware_version::PATCH.get(firmware)
        ),
        features: offered(true),
        features_missing: offered(false),
        capabilities_missing: missing.map(|c| c.name()).collect(),
    }
}

fn run_one<P: TestPlatform>(platform: &P, test: &Test<P>, patience: Patience) -> Outcome {
    let context = Context::new(platform, test.needs.ends(), patience);
    if let Some(missing) = test
        .needs
        .missing(platform.capabilities(), context.offered())
    {
        return Err(Failure::Skipped(missing));
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| (test.run)(&context))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Failure::new(format_args!(
            "the test panicked: {}",
            text.unwrap_or("?")
        )))
    });
    let cleaned = context
        .clean()
        .map_err(|failure| failure.while_doing("reset after the test"));
    outcome.and(cleaned)
}
