//! Sweeps of failures: a life for each call site that may fail, until a life meets no site that has not failed before.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use ndk_consumer::bench::Bench;
use ndk_consumer::life;
use ndk_consumer::platform::Family;

use crate::consumers::Consumers;
use crate::exercise::{self, Plan, Report};
use crate::host::Host;
use crate::inject::{self, Injected, Part};
use crate::machine::Machine;
use crate::ndis::adapter::{Adapter, State};
use crate::ndis::config::Value;

/// Keywords that make bringing a device up short: few buffers, one queue. The code is the same.
pub const SMALL: &[(&str, Value)] = &[
    ("*ReceiveBuffers", Value::Number(64)),
    ("*TransmitBuffers", Value::Number(128)),
    ("*NumRssQueues", Value::Number(1)),
];

/// The driver's life as a network interface card: from DriverEntry to Unload, again for each site.
///
/// # Errors
/// The driver cannot be loaded, or `machine` fails.
pub fn card(
    driver: &Path,
    part: Part,
    plan: Plan<'_>,
    mut machine: impl FnMut() -> Result<Vec<Arc<dyn Machine>>>,
    mut seen: impl FnMut(&Injected, &Report),
) -> Result<usize> {
    inject::forget(part);
    let mut lives = 0;
    loop {
        let functions = machine()?;
        inject::arm();
        let report = exercise::once(driver, functions, plan)?;
        let Some(injected) = inject::disarm() else {
            return Ok(lives);
        };
        lives += 1;
        seen(&injected, &report);
    }
}

/// A failure may have cost the device its life: NDIS finds out and resets the adapter.
fn revive(adapter: &Arc<Adapter>) -> Result<()> {
    if adapter.check_for_hang() == Some(true) {
        let status = adapter.reset();
        ensure!(status == Some(0), "the adapter was not reset: {status:x?}");
    }
    Ok(())
}

/// Lives of consumers of the NDK provider, on one adapter that stays: each with a failure at another site, from opening
/// the adapter to closing it.
///
/// # Errors
/// The driver cannot be loaded, the device does not come up, or a life without any failure does not go through.
pub fn consumers(
    driver: &Path,
    part: Part,
    machine: Arc<dyn Machine>,
    mut seen: impl FnMut(&Injected, &life::Report),
) -> Result<usize> {
    inject::forget(part);
    let host = Host::load(driver, vec![machine]).context("loading the driver")?;
    let adapter = host.add_adapter(0, SMALL);
    if let Err(status) = host.start(&adapter) {
        bail!("the adapter did not start: {status:#010x}");
    }
    let place = Consumers::new([adapter.clone(), adapter.clone()]);
    let plan = life::Plan {
        // In one adapter, from one of its addresses to the other.
        sides: [0, 1],
        patience: 100_000,
    };
    let mut lives = 0;
    loop {
        inject::arm();
        // A new life of the device has a provider with nothing in its tables, so that their growth fails too. That it
        // fails is a failure as any other.
        let reset = adapter.reset();
        let report = {
            let bench = Bench::new(&place, Family::V4);
            let report = life::live(&bench, plan);
            bench.check_callbacks();
            report
        };
        let Some(injected) = inject::disarm() else {
            // Nothing failed, so nothing may have been refused.
            ensure!(
                reset == Some(0) && report.disconnected && report.refused.is_none(),
                "a life without a failure: reset {reset:x?}, {report:?}"
            );
            break;
        };
        lives += 1;
        seen(&injected, &report);
        revive(&adapter)?;
        ensure!(adapter.state() == State::Running, "the adapter is down");
    }
    host.unload();
    Ok(lives)
}
