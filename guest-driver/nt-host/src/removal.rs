//! Devices that are pulled out from under busy consumers, at any moment: everything ends, and nothing is left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ndis_sys::ndk::NDK_VERSION;
use ndk_consumer::bench::Bench;
use ndk_consumer::crowd;
use ndk_consumer::platform::{Family, Platform, Refused};

use crate::consumers::Consumers;
use crate::host::Host;
use crate::machine::Machine;
use crate::machine::hostile::Numbers;
use crate::nt::system;
use crate::sweep::SMALL;

/// How much faster the driver's clocks run: it gives consumers a second when it is halted.
const SPEED: u32 = 5;
/// Looks for what a peer has its part in.
const PATIENCE: u64 = 5000;

/// One life, whose device is pulled out when the seed says: of either end, before or after the adapter is halted.
///
/// # Errors
/// The driver cannot be loaded, or an adapter does not start.
///
/// # Panics
/// When something does not end.
pub fn once(driver: &Path, functions: Vec<Arc<dyn Machine>>, seed: u64) -> Result<crowd::Report> {
    let mut numbers = Numbers(seed);
    system::set_speed(SPEED);
    let host = Host::load(driver, functions).context("loading the driver")?;
    let [a, b] = [0, 1].map(|function| host.add_adapter(function, SMALL));
    for adapter in [&a, &b] {
        let started = host.start(adapter);
        ensure!(started.is_ok(), "an adapter did not start: {started:x?}");
    }
    let place = Consumers::new([a.clone(), b.clone()]);
    let side = numbers.below(2) as usize;
    let gone = [a, b][side].clone();
    // Some are halted while consumers are there, some after the last has closed.
    let at_once = numbers.below(2) == 0;
    let longest = [10_000, 300_000, 1_000_000][numbers.below(3) as usize];
    let after = Duration::from_micros(numbers.below(longest));
    let pulled = AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            crate::thread::prepare();
            std::thread::sleep(after);
            gone.pull_out();
            pulled.store(true, Ordering::SeqCst);
            if at_once {
                gone.halt_pulled_out();
            }
        });
        let bench = Bench::new(&place, Family::V4);
        let busy = |_| !pulled.load(Ordering::SeqCst);
        let report = crowd::live(&bench, seed, busy, PATIENCE, || {
            while !pulled.load(Ordering::SeqCst) {
                place.step();
            }
            Some(side)
        });
        bench.check_callbacks();
        report
    });
    let version = NDK_VERSION { Major: 2, Minor: 0 };
    let opened = place.open(side, version, (0, 0));
    ensure!(
        opened == Err(Refused::NotReady),
        "an adapter of a device that is gone is opened: {opened:?}"
    );
    if !at_once {
        gone.halt_pulled_out();
    }
    host.unload();
    system::set_speed(1);
    Ok(report)
}
